//! A device of the required methods alone: plain loops over strides, in f64 and i64 where the CPU has kernels.
//!
//! Its memory is its own. A block's address is a number that only [`Blocks`] knows, so whatever reads or writes a tensor's memory other
//! than by upload and download fails at once. The tests run every operation on it: what passes needs nothing of a device but this.

mod arrays;
mod elementwise;
mod functions;

use super::{Backend, ClassLosses, Convolution, Memory, Normalization, Optimizer, Pooling, Recurrent, Softmax};
use crate::tensor::{DType, Layout, ReadGuard, Scalar, WriteGuard, decode, encode};
use crate::{Error, Result};
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

pub(super) struct Reference;

impl Backend for Reference {}
impl Softmax for Reference {}
impl Convolution for Reference {}
impl ClassLosses for Reference {}
impl Optimizer for Reference {}
impl Normalization for Reference {}
impl Pooling for Reference {}
impl Recurrent for Reference {}

/// The device's memory: blocks by their numbers.
#[derive(Default)]
struct Blocks {
    blocks: HashMap<NonZeroUsize, Vec<u8>>,
    last: usize,
}

fn memory() -> MutexGuard<'static, Blocks> {
    static MEMORY: LazyLock<Mutex<Blocks>> = LazyLock::new(Mutex::default);
    MEMORY.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Blocks {
    fn get(&mut self, block: NonNull<u8>) -> &mut Vec<u8> {
        self.blocks.get_mut(&block.addr()).expect("a guard is of a block in use")
    }
}

impl Memory for Reference {
    fn allocate(&self, bytes: usize) -> Result<NonNull<u8>> {
        let mut block = Vec::new();
        block.try_reserve_exact(bytes).map_err(|_| Error::Memory { bytes })?;
        // Unspecified contents that are noticed where they are taken for something: nan for floats.
        block.resize(bytes, 0xff);
        let mut memory = memory();
        memory.last += 1;
        let number = NonZeroUsize::new(memory.last).expect("counted from 1");
        memory.blocks.insert(number, block);
        Ok(NonNull::without_provenance(number))
    }

    #[allow(unsafe_code, reason = "the method is unsafe to call; this body is not")]
    unsafe fn release(&self, block: NonNull<u8>, bytes: usize) {
        let freed = memory().blocks.remove(&block.addr());
        assert_eq!(freed.map(|block| block.len()), Some(bytes), "a block is released once, with its size");
    }

    fn upload(&self, bytes: &[u8], out: &mut WriteGuard<'_>) -> Result<()> {
        let start = out.layout().offset() * out.dtype().size();
        memory().get(out.block())[start..start + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn download(&self, x: &ReadGuard<'_>, bytes: &mut [u8]) -> Result<()> {
        // The offset of a view without elements may be past the end.
        if bytes.is_empty() {
            return Ok(());
        }
        let start = x.layout().offset() * x.dtype().size();
        bytes.copy_from_slice(&memory().get(x.block())[start..start + bytes.len()]);
        Ok(())
    }
}

/// The positions of a layout's elements in its block, in row-major order.
fn positions(layout: &Layout) -> Vec<usize> {
    let mut positions = vec![layout.offset() as isize];
    for (&size, &stride) in layout.dims().iter().zip(layout.strides()) {
        let steps = |&start: &isize| (0..size as isize).map(move |i| start + i * stride);
        positions = positions.iter().flat_map(steps).collect();
    }
    positions.into_iter().map(|position| position as usize).collect()
}

/// The elements of a block that a layout addresses, in row-major order.
fn elements(block: NonNull<u8>, dtype: DType, layout: &Layout) -> Vec<Scalar> {
    let (mut memory, size) = (memory(), dtype.size());
    let bytes = memory.get(block);
    positions(layout).into_iter().map(|at| decode(dtype, &bytes[at * size..(at + 1) * size])).collect()
}

/// An input's elements in row-major order.
fn read(x: &ReadGuard<'_>) -> Vec<Scalar> {
    elements(x.block(), x.dtype(), x.layout())
}

/// An input's elements, broadcast to the sizes of the output, whose own elements stand in for an input that is absent.
fn read_as(x: Option<&ReadGuard<'_>>, out: &WriteGuard<'_>) -> Vec<Scalar> {
    match x {
        Some(x) => elements(x.block(), x.dtype(), &x.layout().broadcast_to(out.layout().dims())),
        None => elements(out.block(), out.dtype(), out.layout()),
    }
}

/// Writes the elements of an output in row-major order, each rounded to its type.
fn write(out: &mut WriteGuard<'_>, values: impl IntoIterator<Item = Scalar>) {
    let (mut memory, size) = (memory(), out.dtype().size());
    let bytes = memory.get(out.block());
    for (at, value) in positions(out.layout()).into_iter().zip(values) {
        encode(out.dtype(), value, &mut bytes[at * size..(at + 1) * size]);
    }
}
