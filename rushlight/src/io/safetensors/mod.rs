//! The [safetensors](https://github.com/huggingface/safetensors) format: named tensors in one file that every framework reads.
//!
//! Eight bytes with the header's length, a JSON header (name, type, shape and byte range of each tensor, and user-defined strings),
//! then the elements, little endian and row-major.
//!
//! | in the file | read as |
//! |---|---|
//! | `BOOL`, `U8`, `I8`, `I16`, `I32`, `I64`, `F16`, `BF16`, `F32`, `F64` | the same |
//! | `U16`, `U32` | int64, which represents all of their values |
//! | `U64`, complex numbers, floats below 16 bits | an error that names the tensor |
//!
//! Input is not trusted: a file is accepted only if every byte belongs to exactly one tensor, and memory is allocated only for data
//! that exist.

mod header;

use super::elements::{CHUNK, Problem, read_elements, read_file, write_elements};
use crate::backend::Device;
use crate::tensor::{DType, Dims, ReadGuard, WriteGuard};
use crate::{Error, Result, Tensor};
use header::{Entry, Header, METADATA, Stored};
use std::borrow::Borrow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;

/// Tensors by name.
pub type Tensors = BTreeMap<String, Tensor>;

/// User-defined strings of a file, such as `"format": "pt"` or the number of training epochs.
pub type Metadata = BTreeMap<String, String>;

/// The longest header that any reader of this format accepts.
const MAX_HEADER: usize = 100_000_000;
/// Writes tensors to a file, with [`atomic_write`](super::atomic_write). Accepts any pairs of a name and a tensor: a map, a
/// `Vec`, a state dict. A tensor of any layout is written row-major; tensors that share memory are written one by one.
///
/// # Errors
/// If two tensors have the same name or one is called `__metadata__`, or the file cannot be written.
///
/// ```
/// use rushlight::{Tensor, io::safetensors};
///
/// let path = std::env::temp_dir().join(format!("rushlight-doc-{}.safetensors", std::process::id()));
/// let layer = [("weight", Tensor::ones([2, 3])), ("bias", Tensor::zeros([2]))];
/// let about = safetensors::Metadata::from([("epochs".into(), "3".into())]);
/// safetensors::save(&path, layer, &about)?;
///
/// let (tensors, metadata) = safetensors::load(&path)?;
/// assert_eq!(tensors["weight"].shape(), [2, 3]);
/// assert_eq!(metadata["epochs"], "3");
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), rushlight::Error>(())
/// ```
pub fn save<N: Into<String>, T: Borrow<Tensor>>(
    path: impl AsRef<Path>,
    tensors: impl IntoIterator<Item = (N, T)>,
    metadata: &Metadata,
) -> Result<()> {
    encode(tensors, metadata, |write| super::atomic_write(path, |file| write(file)))
}

/// Returns the contents of the file that [`save`] would write.
///
/// # Errors
/// As [`save`], except errors of files.
pub fn to_bytes<N: Into<String>, T: Borrow<Tensor>>(
    tensors: impl IntoIterator<Item = (N, T)>,
    metadata: &Metadata,
) -> Result<Vec<u8>> {
    encode(tensors, metadata, |write| {
        let mut bytes = Vec::new();
        write(&mut bytes).expect("memory takes every byte");
        Ok(bytes)
    })
}

/// Reads all tensors and the metadata of a file, as written by [`save`].
///
/// # Errors
/// If the file cannot be read or is not exactly one set of tensors in this format, with types in the [table](self) and with at
/// most 8 dimensions.
pub fn load(path: impl AsRef<Path>) -> Result<(Tensors, Metadata)> {
    let path = path.as_ref();
    read_file(path, |mut input, total| decode(&mut input, total))
}

/// Reads the contents of a file, as returned by [`to_bytes`] and read by [`load`].
///
/// # Errors
/// As [`load`].
///
/// ```
/// use rushlight::{Tensor, io::safetensors};
/// let bytes = safetensors::to_bytes([("weight", Tensor::ones([2, 3]))], &Default::default())?;
/// assert_eq!(safetensors::from_bytes(&bytes)?.0["weight"].shape(), [2, 3]);
/// # Ok::<(), rushlight::Error>(())
/// ```
pub fn from_bytes(bytes: &[u8]) -> Result<(Tensors, Metadata)> {
    decode(&mut &*bytes, bytes.len() as u64).map_err(|problem| problem.of_bytes("safetensors data"))
}

/// Validates the tensors and builds the header, then calls `finish` with a function that writes the bytes.
fn encode<N: Into<String>, T: Borrow<Tensor>, R>(
    tensors: impl IntoIterator<Item = (N, T)>,
    metadata: &Metadata,
    finish: impl FnOnce(&mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> Result<R>,
) -> Result<R> {
    let mut named = Vec::new();
    for (name, tensor) in tensors {
        named.push((name.into(), tensor.borrow().detach().on_host()?.try_contiguous()?));
    }
    // Wide types first, so that every tensor is aligned to the size of its elements; then by name, so that the same tensors
    // always produce the same bytes.
    named.sort_by(|(a, x), (b, y)| (Reverse(x.dtype().size()), a).cmp(&(Reverse(y.dtype().size()), b)));
    let mut header = Header { entries: Vec::new(), metadata: metadata.clone() };
    let mut end = 0;
    for (name, tensor) in &named {
        if name == METADATA {
            return Err(Error::value(
                "safetensors",
                format!("expected a tensor name other than the reserved {METADATA:?}"),
            ));
        }
        let start = end;
        end += tensor.numel() * tensor.dtype().size();
        let stored = Stored::As(tensor.dtype());
        header.entries.push(Entry { name: name.clone(), stored, shape: tensor.shape().to_vec(), place: start..end });
    }
    let mut names: Vec<&String> = named.iter().map(|(name, _)| name).collect();
    names.sort();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::value("safetensors", format!("expected distinct names, got {:?} twice", twice[0])));
    }
    let header = header.to_bytes();
    if header.len() > MAX_HEADER {
        return Err(Error::value(
            "safetensors",
            format!("expected names and metadata of at most {MAX_HEADER} bytes, got {}", header.len()),
        ));
    }
    let inputs = named.iter().map(|(_, tensor)| tensor.read("safetensors")).collect::<Result<Vec<ReadGuard<'_>>>>()?;
    finish(&mut |out| {
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        inputs.iter().try_for_each(|input| write_elements(input, out))
    })
}

/// Reads the `total` bytes of `input`. Memory is allocated only for data known to exist.
fn decode(input: &mut impl Read, total: u64) -> Result<(Tensors, Metadata), Problem> {
    let total =
        usize::try_from(total).map_err(|_| format!("expected a file that fits in memory, got {total} bytes"))?;
    let Some(after_length) = total.checked_sub(8) else {
        return Err(format!("not a safetensors file: expected at least 8 bytes, got {total}").into());
    };
    let mut length = [0; 8];
    input.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > after_length as u64 {
        return Err(format!(
            "not a safetensors file, or truncated: expected a header of {length} bytes, got {after_length}"
        )
        .into());
    }
    if length > MAX_HEADER as u64 {
        return Err(format!("expected a header of at most {MAX_HEADER} bytes, got {length}").into());
    }
    let mut json = vec![0; length as usize];
    input.read_exact(&mut json)?;
    if json.first() != Some(&b'{') {
        return Err("not a safetensors file: expected a header that begins with '{'".to_string().into());
    }
    let Header { entries, metadata } = Header::parse(&json, after_length - json.len())?;
    let mut tensors = Tensors::new();
    for entry in entries {
        let tensor = read_tensor(input, &entry)?;
        tensors.insert(entry.name, tensor);
    }
    Ok((tensors, metadata))
}

fn read_tensor(input: &mut impl Read, Entry { name, stored, shape, .. }: &Entry) -> Result<Tensor, Problem> {
    let dtype = match *stored {
        Stored::As(dtype) => dtype,
        Stored::U16 | Stored::U32 => DType::I64,
    };
    let fault = |error: Error| format!("tensor {name:?}: {error}");
    let layout = Dims::from(&shape[..]).layout("load").map_err(fault)?;
    let tensor = Tensor::fresh(Device::Cpu, layout, dtype).map_err(fault)?;
    let mut out = tensor.write("load").map_err(fault)?;
    match stored {
        Stored::As(_) => read_elements(input, &mut out, cfg!(target_endian = "big")),
        Stored::U16 => get(input, &mut out, |b| u16::from_le_bytes(b).into()),
        Stored::U32 => get(input, &mut out, |b| u32::from_le_bytes(b).into()),
    }?;
    drop(out);
    Ok(tensor)
}

fn get<const N: usize>(
    input: &mut impl Read,
    out: &mut WriteGuard<'_>,
    element: impl Fn([u8; N]) -> i64,
) -> Result<(), Problem> {
    out.write_by(|out: &mut [i64]| {
        let mut bytes = vec![[0; N]; out.len().min(CHUNK)];
        out.chunks_mut(CHUNK).try_for_each(|out| {
            let bytes = &mut bytes[..out.len()];
            input.read_exact(bytes.as_flattened_mut())?;
            out.iter_mut().zip(bytes).for_each(|(out, &mut bytes)| *out = element(bytes));
            Ok(())
        })
    })
}
