//! NumPy's format for an array: `numpy.save` and `numpy.load`. The module [`npz`](super::npz) reads and writes archives of such arrays.
//!
//! Eight bytes with the version of the format, the header's length, a header (element type, order, shape), then the elements.
//!
//! | in the file | read as |
//! |---|---|
//! | `b1`, `u1`, `i1`, `i2`, `i4`, `i8`, `f2`, `f4`, `f8`, little or big endian | bool, uint8, int8, int16, int32, int64, float16, float32, float64 |
//! | `u2`, `u4`, `u8`, complex numbers, strings, dates, records, Python objects | an error that names the type |
//!
//! Versions 1.0, 2.0 and 3.0 are read and 1.0 is written, byte for byte as NumPy writes it. An array in Fortran's order stays in it: the
//! tensor's first dimension has stride 1.
//!
//! Input is not trusted: memory is allocated only for data that exist.

mod header;

use super::elements::{Problem, read_elements, read_file, write_elements};
use crate::backend::Device;
use crate::tensor::{DType, Dims, Layout, ReadGuard};
use crate::{Error, Result, Tensor};
use std::io::{self, Read, Write};
use std::path::Path;

/// The longest header that NumPy accepts.
const MAX_HEADER: usize = 10_000;

/// Writes a tensor to a file, with [`atomic_write`](super::atomic_write): PyTorch's `numpy.save(path, x.numpy())`. A transposed matrix is
/// written in Fortran's order, everything else row-major.
///
/// # Errors
/// If the dtype is bfloat16, which NumPy does not have, another thread is writing the tensor, or the file cannot be written.
///
/// ```
/// use rushlight::{Tensor, io::npy};
///
/// let path = std::env::temp_dir().join(format!("rushlight-doc-{}.npy", std::process::id()));
/// npy::save(&path, &Tensor::arange(6).view([2, 3]))?;
/// assert_eq!(npy::load(&path)?.to_vec::<i64>(), [0, 1, 2, 3, 4, 5]);
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), rushlight::Error>(())
/// ```
pub fn save(path: impl AsRef<Path>, tensor: &Tensor) -> Result<()> {
    let array = Array::new(tensor)?;
    let elements = array.read()?;
    super::atomic_write(path, |file| array.write(&elements, file))
}

/// Returns the contents of the file that [`save`] would write.
///
/// # Errors
/// As [`save`], except errors of files.
pub fn to_bytes(tensor: &Tensor) -> Result<Vec<u8>> {
    let array = Array::new(tensor)?;
    let mut bytes = Vec::new();
    array.write(&array.read()?, &mut bytes).expect("memory takes every byte");
    Ok(bytes)
}

/// Reads the array in a file, as written by [`save`] or `numpy.save`.
///
/// # Errors
/// If the file cannot be read or is not exactly one array in this format, with a type in the [table](self) and at most 8 dimensions.
pub fn load(path: impl AsRef<Path>) -> Result<Tensor> {
    read_file(path.as_ref(), decode)
}

/// Reads the contents of a file, as returned by [`to_bytes`] and read by [`load`].
///
/// # Errors
/// As [`load`].
///
/// ```
/// use rushlight::{Tensor, io::npy};
/// let bytes = npy::to_bytes(&Tensor::ones([2, 3]))?;
/// assert_eq!(npy::from_bytes(&bytes)?.shape(), [2, 3]);
/// # Ok::<(), rushlight::Error>(())
/// ```
pub fn from_bytes(bytes: &[u8]) -> Result<Tensor> {
    decode(&mut &*bytes, bytes.len() as u64).map_err(|problem| problem.of_bytes("npy data"))
}

/// An array to be written: the bytes before the elements, and a contiguous tensor with the elements in their order.
pub(super) struct Array {
    start: Vec<u8>,
    elements: Tensor,
}

impl Array {
    pub(super) fn new(tensor: &Tensor) -> Result<Array> {
        let Some(code) = header::code(tensor.dtype()) else {
            let message = format!("expected a dtype that NumPy has, got {}; to_dtype converts", tensor.dtype());
            return Err(Error::dtype("npy", message));
        };
        let own = tensor.detach().on_host()?;
        let transposed = own.try_permute((0..own.dim() as isize).rev().collect::<Vec<_>>())?;
        let fortran_order = !own.is_contiguous() && transposed.is_contiguous();
        let start = header::encode(code, fortran_order, tensor.shape());
        Ok(Array { start, elements: if fortran_order { transposed } else { own.try_contiguous()? } })
    }

    /// Read access to the elements.
    pub(super) fn read(&self) -> Result<ReadGuard<'_>> {
        self.elements.read("npy")
    }

    pub(super) fn write(&self, elements: &ReadGuard<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.start)?;
        write_elements(elements, out)
    }
}

/// Reads the `total` bytes of `input`.
pub(super) fn decode(input: &mut dyn Read, total: u64) -> Result<Tensor, Problem> {
    let mut left = total;
    let start: [u8; 8] = take(input, &mut left, "the first bytes")?;
    let (b"\x93NUMPY", &[major, minor]) = (&start[..6], &start[6..]) else {
        return Err(format!("not an npy file: expected the first bytes 93, 'NUMPY', got {:02x?}", &start[..6]).into());
    };
    let length = match (major, minor) {
        (1, 0) => u16::from_le_bytes(take(input, &mut left, "the header's length")?).into(),
        (2 | 3, 0) => u32::from_le_bytes(take(input, &mut left, "the header's length")?),
        _ => return Err(format!("expected version 1.0, 2.0 or 3.0 of the npy format, got {major}.{minor}").into()),
    };
    if length as usize > MAX_HEADER {
        return Err(format!("expected a header of at most {MAX_HEADER} bytes, got {length}").into());
    }
    let Some(rest) = left.checked_sub(length.into()) else {
        return Err(format!("truncated npy data: expected a header of {length} bytes, got {left}").into());
    };
    let mut text = vec![0; length as usize];
    input.read_exact(&mut text)?;
    let header = header::parse(&text)?;
    let shape = Dims::from(&header.shape[..]).layout("load")?;
    let expected = (shape.numel() * header.dtype.size()) as u64;
    if expected != rest {
        let fault = if rest < expected { "truncated npy data" } else { "trailing bytes after the npy data" };
        let (dtype, shape) = (header.dtype, shape.dims());
        return Err(format!("{fault}: expected {expected} bytes for {dtype} of shape {shape:?}, got {rest}").into());
    }
    let reversed = header.big_endian != cfg!(target_endian = "big");
    read_array(input, &header.shape, header.dtype, header.fortran_order, reversed)
}

/// Reads the elements, whose number has been checked.
fn read_array(
    input: &mut dyn Read,
    shape: &[usize],
    dtype: DType,
    fortran_order: bool,
    reversed: bool,
) -> Result<Tensor, Problem> {
    let stored: Vec<usize> = if fortran_order { shape.iter().rev().copied().collect() } else { shape.to_vec() };
    let stored = Layout::contiguous(&stored);
    let tensor = Tensor::fresh(Device::Cpu, stored, dtype)?;
    read_elements(input, &mut tensor.write_fresh(), reversed)?;
    if !fortran_order {
        return Ok(tensor);
    }
    let strides: Vec<isize> = stored.strides().iter().rev().copied().collect();
    Ok(Tensor::from_parts(tensor.0.storage.clone(), Layout::strided(shape, &strides, 0), dtype, None, None))
}

/// The next `N` of the `left` bytes.
fn take<const N: usize>(input: &mut dyn Read, left: &mut u64, what: &str) -> Result<[u8; N], Problem> {
    let Some(rest) = left.checked_sub(N as u64) else {
        return Err(format!("not an npy file, or truncated: expected {N} bytes for {what}, got {left}").into());
    };
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    *left = rest;
    Ok(bytes)
}
