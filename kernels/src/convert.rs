//! Operands in the type that kernels compute in: used directly if they are stored in it, otherwise converted into
//! scratch memory.

use crate::dtype::{Computed, Stored};
use crate::gemm::scratch::with_scratch;
use crate::isa::{self, with_isa};
use crate::split::{Parts, for_ranges, for_ranges_of};
use std::any::TypeId;
use std::ops::Range;

/// Elements that are converted at a time where the work can be divided: their copies stay in the L2 cache.
const BLOCK: usize = 1 << 15;

/// Whether `T` is its own computed type.
#[inline(always)]
pub(crate) fn is_direct<T: Stored>() -> bool {
    TypeId::of::<T>() == TypeId::of::<T::Computed>()
}

/// Calls `f` with ranges that cover `0..n`, in parallel if there is enough work: a single range where no conversion is
/// needed, since `f` is then a kernel that divides its work itself; otherwise ranges of about [`BLOCK`] elements, each
/// element costing `cost`.
pub(crate) fn for_blocks<T: Stored>(n: usize, cost: usize, f: impl Fn(Range<usize>) + Sync) {
    if is_direct::<T>() {
        return f(0..n);
    }
    let isa = isa::isa();
    for_ranges_of(BLOCK, n, cost, |range| with_isa(isa, || f(range)));
}

/// Calls `f` with `x` in the computed type.
pub(crate) fn read<T: Stored, R>(x: &[T], f: impl FnOnce(&[T::Computed]) -> R) -> R {
    if is_direct::<T>() {
        // SAFETY: both names refer to the same type.
        return f(unsafe { std::slice::from_raw_parts(x.as_ptr().cast(), x.len()) });
    }
    with_copy(x.len(), |copy| {
        load(x, copy);
        f(copy)
    })
}

/// [`read`] for an optional operand.
pub(crate) fn read_optional<T: Stored, R>(x: Option<&[T]>, f: impl FnOnce(Option<&[T::Computed]>) -> R) -> R {
    match x {
        Some(x) => read(x, |x| f(Some(x))),
        None => f(None),
    }
}

/// Calls `f` with memory in the computed type for the elements of `y`, and converts what `f` writes to `y`. `f` must
/// write every element; the initial contents are unspecified.
pub(crate) fn write<T: Stored, R>(y: &mut [T], f: impl FnOnce(&mut [T::Computed]) -> R) -> R {
    if is_direct::<T>() {
        return f(as_computed(y));
    }
    with_copy(y.len(), |copy| {
        let result = f(copy);
        store(copy, y);
        result
    })
}

/// Calls `f` with `y` in the computed type, and converts the updated elements back to `y`.
pub(crate) fn update<T: Stored, R>(y: &mut [T], f: impl FnOnce(&mut [T::Computed]) -> R) -> R {
    if is_direct::<T>() {
        return f(as_computed(y));
    }
    with_copy(y.len(), |copy| {
        load(y, copy);
        let result = f(copy);
        store(copy, y);
        result
    })
}

/// # Panics
/// If `T` is not its own computed type.
fn as_computed<T: Stored>(y: &mut [T]) -> &mut [T::Computed] {
    assert!(is_direct::<T>());
    // SAFETY: both names refer to the same type.
    unsafe { std::slice::from_raw_parts_mut(y.as_mut_ptr().cast(), y.len()) }
}

/// Calls `f` with scratch memory for `len` elements.
fn with_copy<C: Computed, R>(len: usize, f: impl FnOnce(&mut [C]) -> R) -> R {
    with_scratch(len, |copy: *mut C| {
        // SAFETY: the memory holds `len` elements, is not otherwise used, and is written before it is read.
        let copy = unsafe {
            for i in 0..len {
                copy.add(i).write(C::default());
            }
            std::slice::from_raw_parts_mut(copy, len)
        };
        f(copy)
    })
}

/// Converts `x` to the computed type.
fn load<T: Stored>(x: &[T], copy: &mut [T::Computed]) {
    let (isa, copy) = (isa::isa(), Parts::new(copy));
    for_ranges(x.len(), 1, |range| {
        // SAFETY: ranges do not overlap.
        let copy = unsafe { copy.part(range.clone()) };
        // SAFETY: both slices have the length of the range, and do not overlap.
        unsafe { T::load(isa, x[range].as_ptr(), copy.as_mut_ptr(), copy.len()) };
    });
}

/// Converts `copy` to the stored type.
fn store<T: Stored>(copy: &[T::Computed], y: &mut [T]) {
    let (isa, y) = (isa::isa(), Parts::new(y));
    for_ranges(copy.len(), 1, |range| {
        // SAFETY: ranges do not overlap.
        let y = unsafe { y.part(range.clone()) };
        // SAFETY: both slices have the length of the range, and do not overlap.
        unsafe { T::store(isa, copy[range].as_ptr(), y.as_mut_ptr(), y.len()) };
    });
}

/// Tests of converted types: a kernel's results are those of the computed type, rounded once.
#[cfg(test)]
pub(crate) mod testing {
    use crate::dtype::{Stored, StoredFloat};
    use crate::half::{Bf16, F16};
    use crate::isa::{Isa, with_isa};
    use crate::threads::set_num_threads;

    /// A 16-bit type.
    pub(crate) trait Half: StoredFloat + Stored<Computed = f32> {}
    impl Half for F16 {}
    impl Half for Bf16 {}

    /// `n` elements of the stored type in `-scale / 2..scale / 2`.
    pub(crate) fn noise<T: Half>(n: usize, scale: f32) -> Vec<T> {
        (0..n).map(|i| T::narrow(((i as u64 * 2654435761 % 10007) as f32 / 10007.0 - 0.5) * scale)).collect()
    }

    pub(crate) fn widened<T: Half>(x: &[T]) -> Vec<f32> {
        x.iter().map(|x| x.widen()).collect()
    }

    /// Compares with `want`, rounded to the stored type.
    pub(crate) fn check<T: Half>(what: &str, got: &[T], want: &[f32]) {
        assert_eq!(got.len(), want.len());
        for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
            let (got, want) = (got.widen(), T::narrow(want).widen());
            assert!(got.to_bits() == want.to_bits(), "{what}, element {i}: expected {want}, got {got}");
        }
    }

    /// Runs `f` on every instruction set, with one thread and with two.
    pub(crate) fn everywhere(f: impl Fn()) {
        for isa in Isa::available() {
            for threads in [1, 2] {
                set_num_threads(threads);
                with_isa(isa, &f);
            }
        }
    }
}
