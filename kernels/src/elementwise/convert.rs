//! Operands whose stored type is not their computed type: a block of elements is widened, computed and narrowed a chunk
//! at a time, in buffers that stay in the L1 cache. Where both types are the same, all of this compiles to nothing.

use super::Error;
use crate::dtype::Stored;
use crate::isa::Isa;
use std::mem::MaybeUninit;

/// Elements converted at a time.
pub(super) const CHUNK: usize = 512;

/// Storage for a chunk of one operand.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Buffer<T: Copy>(MaybeUninit<[T; CHUNK]>);

impl<T: Copy> Buffer<T> {
    pub(super) const NEW: Self = Buffer(MaybeUninit::uninit());

    pub(super) fn ptr(&mut self) -> *mut T {
        self.0.as_mut_ptr().cast()
    }
}

/// Casts the pointers to another type. A separate function, because a closure in the generic functions below would be
/// compiled for each of their instances.
#[inline]
fn cast<T, U, const N: usize>(pointers: [*const T; N]) -> [*const U; N] {
    pointers.map(|pointer| pointer.cast())
}

/// Calls `f` with the inputs in their computed type, the index of the first element and the number of elements, until
/// `n` elements are done.
///
/// # Safety
/// The inputs have `n` elements.
#[inline(always)]
pub(super) unsafe fn widened<T: Stored, const N: usize>(
    isa: Isa,
    inputs: [*const T; N],
    n: usize,
    mut f: impl FnMut([*const T::Computed; N], usize, usize) -> Result<(), Error>,
) -> Result<(), Error> {
    if T::DIRECT {
        return f(cast(inputs), 0, n);
    }
    let mut buffers = [Buffer::<T::Computed>::NEW; N];
    for start in (0..n).step_by(CHUNK) {
        let m = CHUNK.min(n - start);
        for (buffer, input) in buffers.iter_mut().zip(inputs) {
            // SAFETY: `start + m <= n`, and `m <= CHUNK`.
            unsafe { T::load(isa, input.add(start), buffer.ptr(), m) };
        }
        f(buffers.each_mut().map(|buffer| buffer.ptr().cast_const()), start, m)?;
    }
    Ok(())
}

/// Calls `block` with the inputs, a buffer for its results and the number of elements, until all `n` results are in
/// `out`.
///
/// # Safety
/// The inputs and `out` have `n` elements; `out` is equal to or disjoint from each input.
#[inline(always)]
pub(super) unsafe fn converted<T: Stored, const N: usize>(
    isa: Isa,
    inputs: [*const T; N],
    out: *mut T,
    n: usize,
    block: impl Fn([*const T::Computed; N], *mut T::Computed, usize) -> Result<(), Error>,
) -> Result<(), Error> {
    // An empty input needs no conversion, but the block must still reject an operation that the type does not support.
    if T::DIRECT || n == 0 {
        return block(cast(inputs), out.cast(), n);
    }
    let mut results = Buffer::<T::Computed>::NEW;
    // SAFETY: guaranteed by the caller; a chunk of results is stored after the inputs' chunk has been read.
    unsafe {
        widened(isa, inputs, n, |inputs, start, m| {
            block(inputs, results.ptr(), m)?;
            T::store(isa, results.ptr(), out.add(start), m);
            Ok(())
        })
    }
}
