//! Reductions over any dimensions of a strided array: sum, mean, product, extremes with and without positions, any,
//! all, variance.
//!
//! The input is described by two sets of [`Axes`]: those that are *kept* and those that are *reduced*, each in the
//! order of the tensor's dimensions. The output is contiguous over the kept ones. Sums of f32 (and of 16-bit floats,
//! which are computed in f32 and rounded once) are accumulated in f64.
//!
//! ```
//! use rushlight_kernels::reduce::{Axes, sum};
//! let x = [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]; // [2, 3]
//! let mut columns = [0.0; 3];
//! // SAFETY: the axes stay inside `x`, and there are three outputs.
//! unsafe { sum(x.as_ptr(), &Axes::new(&[3], &[1]), &Axes::new(&[2], &[3]), columns.as_mut_ptr()) };
//! assert_eq!(columns, [5.0, 7.0, 9.0]);
//! ```

mod arg;
mod axes;
mod element;
mod engine;
mod fold;
mod var;

#[cfg(test)]
mod tests;

pub use arg::Ordered;
pub use axes::Axes;
pub use element::{FloatElement, Op, Reduce};
#[doc(hidden)]
pub use engine::Source;
pub(crate) use fold::max_row;
pub(crate) use var::{Moments, deviation_sums, sum_row};

use crate::dtype::{Stored, StoredFloat};
use crate::isa;

/// The type of sums and products of `T`: floating-point types keep theirs, integers and booleans give `i64`.
pub type Sum<T> = <<T as Stored>::Computed as Reduce>::SumOf<T>;

/// A reduction selected by a value: [`sum`], [`mean`] and the others are its typed forms.
///
/// # Panics
/// If the mean of elements that are not floating-point is requested.
///
/// # Safety
/// As for [`sum`]; `out` points to elements of the type that `op` writes.
pub unsafe fn reduce<T: Stored>(op: Op, x: *const T, kept: &Axes, reduced: &Axes, out: *mut u8) {
    // SAFETY: guaranteed by the caller.
    unsafe {
        match op {
            Op::Sum | Op::Prod => reduce_to::<T, Sum<T>>(op, x, kept, reduced, out.cast()),
            Op::Mean | Op::Max | Op::Min => reduce_to::<T, T>(op, x, kept, reduced, out.cast()),
            Op::Any | Op::All => reduce_to::<T, bool>(op, x, kept, reduced, out.cast()),
        }
    }
}

/// Reduces, and writes the results as `Out`, whose computed type is that of the reduction.
///
/// # Safety
/// As for [`sum`]; results of `op` have the computed type of `Out`.
unsafe fn reduce_to<T: Stored, Out: Stored>(op: Op, x: *const T, kept: &Axes, reduced: &Axes, out: *mut Out) {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let write = |out| T::Computed::reduce(op, Source::new(x), kept, reduced, out);
        converted(kept.count(), out, |out| write(out.cast()))
    }
}

/// Calls `write` to write `n` results in the computed type, and stores them as `Out`.
///
/// # Safety
/// `out` is valid for `n` elements.
unsafe fn converted<Out: Stored>(n: usize, out: *mut Out, write: impl FnOnce(*mut Out::Computed)) {
    if Out::DIRECT || out.is_null() {
        return write(out.cast());
    }
    let mut results = vec![Out::Computed::default(); n];
    write(results.as_mut_ptr());
    // SAFETY: guaranteed by the caller.
    unsafe { Out::store(isa::isa(), results.as_ptr(), out, n) }
}

/// The sum over `reduced` for every element of `kept`; an empty sum is 0. Integers (and booleans, which count as 0 and
/// 1) wrap in i64.
///
/// # Safety
/// Every element that the two sets of axes address from `x` can be read, and `kept.count()` elements at `out` can be
/// written. The same holds for all functions of this module.
pub unsafe fn sum<T: Stored>(x: *const T, kept: &Axes, reduced: &Axes, out: *mut Sum<T>) {
    // SAFETY: guaranteed by the caller; `out` has the result type of `Op::Sum`.
    unsafe { reduce_to(Op::Sum, x, kept, reduced, out) }
}

/// The sum divided by the number of elements; NaN for empty input.
///
/// # Safety
/// As for [`sum`].
pub unsafe fn mean<T: StoredFloat>(x: *const T, kept: &Axes, reduced: &Axes, out: *mut T) {
    // SAFETY: guaranteed by the caller; `out` has the result type of `Op::Mean`.
    unsafe { reduce_to(Op::Mean, x, kept, reduced, out) }
}

/// The product; an empty product is 1.
///
/// # Safety
/// As for [`sum`].
pub unsafe fn prod<T: Stored>(x: *const T, kept: &Axes, reduced: &Axes, out: *mut Sum<T>) {
    // SAFETY: guaranteed by the caller; `out` has the result type of `Op::Prod`.
    unsafe { reduce_to(Op::Prod, x, kept, reduced, out) }
}

/// The maximum; NaN if any element is NaN. For empty input: [`Ordered::LOWEST`] (PyTorch reports an error; so should
/// the caller).
///
/// # Safety
/// As for [`sum`].
pub unsafe fn max<T: Stored>(x: *const T, kept: &Axes, reduced: &Axes, out: *mut T) {
    // SAFETY: guaranteed by the caller; `out` has the result type of `Op::Max`.
    unsafe { reduce_to(Op::Max, x, kept, reduced, out) }
}

/// The minimum; NaN if any element is NaN. For empty input: [`Ordered::HIGHEST`].
///
/// # Safety
/// As for [`sum`].
pub unsafe fn min<T: Stored>(x: *const T, kept: &Axes, reduced: &Axes, out: *mut T) {
    // SAFETY: guaranteed by the caller; `out` has the result type of `Op::Min`.
    unsafe { reduce_to(Op::Min, x, kept, reduced, out) }
}

/// Whether any element differs from 0 (NaN does); false for empty input.
///
/// # Safety
/// As for [`sum`].
pub unsafe fn any<T: Stored>(x: *const T, kept: &Axes, reduced: &Axes, out: *mut bool) {
    // SAFETY: guaranteed by the caller; `out` has the result type of `Op::Any`.
    unsafe { reduce_to(Op::Any, x, kept, reduced, out) }
}

/// Whether all elements differ from 0 (NaN does); true for empty input.
///
/// # Safety
/// As for [`sum`].
pub unsafe fn all<T: Stored>(x: *const T, kept: &Axes, reduced: &Axes, out: *mut bool) {
    // SAFETY: guaranteed by the caller; `out` has the result type of `Op::All`.
    unsafe { reduce_to(Op::All, x, kept, reduced, out) }
}

/// The maximum along one dimension of `n` elements `stride` apart, and its index in that dimension. The first of equal
/// elements wins; NaN counts as larger than everything. Either output may be null. For the extreme of a whole array
/// pass it as one contiguous dimension.
///
/// # Safety
/// As for [`sum`], with both outputs.
pub unsafe fn max_with_index<T: Stored>(
    x: *const T,
    kept: &Axes,
    (n, stride): (usize, isize),
    values: *mut T,
    indices: *mut i64,
) {
    // SAFETY: guaranteed by the caller.
    unsafe { with_index(true, x, kept, &Axes::new(&[n], &[stride]), values, indices) }
}

/// The minimum along one dimension and its index, see [`max_with_index`].
///
/// # Safety
/// As for [`max_with_index`].
pub unsafe fn min_with_index<T: Stored>(
    x: *const T,
    kept: &Axes,
    (n, stride): (usize, isize),
    values: *mut T,
    indices: *mut i64,
) {
    // SAFETY: guaranteed by the caller.
    unsafe { with_index(false, x, kept, &Axes::new(&[n], &[stride]), values, indices) }
}

/// # Safety
/// As for [`max_with_index`].
unsafe fn with_index<T: Stored>(
    max: bool,
    x: *const T,
    kept: &Axes,
    reduced: &Axes,
    values: *mut T,
    indices: *mut i64,
) {
    // SAFETY: guaranteed by the caller.
    unsafe {
        converted(kept.count(), values, |values| {
            T::Computed::reduce_with_index(max, Source::new(x), kept, reduced, values, indices)
        })
    }
}

/// The variance: the sum of squared deviations from the mean, divided by `n - correction` (1: unbiased estimate; 0:
/// population variance), stable for data far from 0. If `n` is at most `correction`, NaN or infinity, as the division
/// gives. `means` may be null.
///
/// # Safety
/// As for [`sum`], with both outputs.
pub unsafe fn var<T: StoredFloat>(
    x: *const T,
    kept: &Axes,
    reduced: &Axes,
    correction: f64,
    variances: *mut T,
    means: *mut T,
) {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let n = kept.count();
        converted(n, means, |means| {
            converted(n, variances, |variances| {
                T::Computed::reduce_var(correction, Source::new(x), kept, reduced, variances, means)
            })
        })
    }
}
