//! Mean and variance, stable for data far from 0: two passes over each cached block; blocks are merged by the formula
//! of Chan, Golub and LeVeque.

use super::engine::{ROWS, Reducer};
use super::fold::{Folding, Sum};
use crate::float::Float;
use crate::rows::{body, sums};
use crate::simd::Simd;

/// Elements whose mean is computed before deviations from it are summed.
const BLOCK: usize = 2048;

/// Columns per block.
const LANES: usize = 16;

/// Number of elements, their mean, and the sum of squared deviations from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moments {
    pub(crate) n: f64,
    pub(crate) mean: f64,
    pub(crate) squares: f64,
}

impl Moments {
    pub(crate) const EMPTY: Moments = Moments { n: 0.0, mean: 0.0, squares: 0.0 };

    /// The moments of the union of both sets.
    #[inline(always)]
    pub(crate) fn merge(a: Moments, b: Moments) -> Moments {
        if a.n == 0.0 {
            return b;
        }
        if b.n == 0.0 {
            return a;
        }
        let n = a.n + b.n;
        let delta = b.mean - a.mean;
        Moments {
            n,
            mean: a.mean + delta * (b.n / n),
            squares: a.squares + b.squares + delta * delta * (a.n * b.n / n),
        }
    }

    /// The moments of `n` values, given the sum and the sum of squares of their deviations from `shift`, a value near
    /// their mean.
    #[inline(always)]
    pub(crate) fn around(n: usize, shift: f64, sum: f64, squares: f64) -> Moments {
        let n = n as f64;
        let delta = sum / n;
        Moments { n, mean: shift + delta, squares: not_negative(squares - sum * delta) }
    }
}

/// At least 0, or NaN.
#[inline(always)]
fn not_negative(x: f64) -> f64 {
    if x < 0.0 { 0.0 } else { x }
}

/// The sum of `n` elements at `x`.
///
/// # Safety
/// The elements can be read.
#[inline(always)]
pub(crate) unsafe fn sum_row<S: Simd, T: Float>(x: *const T, n: usize, stride: isize) -> f64 {
    let mut sum = 0.0;
    // SAFETY: guaranteed by the caller.
    unsafe { Folding::<Sum>::row::<S>(&mut sum, x, n, stride, 0) };
    sum
}

/// The moments of `n` elements at `x`.
///
/// # Safety
/// The elements can be read.
#[inline(always)]
unsafe fn moments_row<S: Simd, T: Float>(x: *const T, n: usize, stride: isize) -> Moments {
    let mut all = Moments::EMPTY;
    let mut start = 0;
    while start < n {
        let len = (n - start).min(BLOCK);
        let block = x.wrapping_offset(start as isize * stride);
        // SAFETY: the block is part of the caller's elements.
        let moments = unsafe {
            let shift = T::of(sum_row::<S, T>(block, len, stride) / len as f64);
            let [sum, squares] = deviations::<S, T>(block, len, stride, shift);
            Moments::around(len, shift.wide(), sum, squares)
        };
        all = Moments::merge(all, moments);
        start += len;
    }
    all
}

body!(
    /// The deviation from a value.
    Deviation { shift } 1 |x| x - shift
);
body!(
    /// Its square.
    Square { shift } 1 |x| (x - shift) * (x - shift)
);

/// The sums of deviations from `shift` and of their squares.
#[inline(always)]
pub(crate) fn deviation_sums<S: Simd, T: Float>(x: &[T], shift: T) -> [f64; 2] {
    sums::<S, T, 1, 2>([x], (Deviation { shift }, Square { shift }))
}

/// The sums of deviations from `shift` and of their squares.
#[inline(always)]
unsafe fn deviations<S: Simd, T: Float>(x: *const T, n: usize, stride: isize, shift: T) -> [f64; 2] {
    if stride == 1 {
        // SAFETY: the caller's elements are contiguous.
        return deviation_sums::<S, T>(unsafe { std::slice::from_raw_parts(x, n) }, shift);
    }
    let [mut sum, mut squares] = [0.0; 2];
    for i in 0..n {
        // SAFETY: one of the caller's elements.
        let d = unsafe { *x.offset(i as isize * stride) } - shift;
        sum += d.wide();
        squares += (d * d).wide();
    }
    [sum, squares]
}

/// `width` elements, at most [`LANES`], followed by zeros.
#[inline(always)]
unsafe fn columns<T: Float>(x: *const T, stride: isize, width: usize) -> [T; LANES] {
    // SAFETY: the caller guarantees that the elements can be read.
    unsafe {
        if stride == 1 && width == LANES {
            return x.cast::<[T; LANES]>().read_unaligned();
        }
        let mut out = [T::ZERO; LANES];
        for (l, out) in out[..width].iter_mut().enumerate() {
            *out = *x.offset(l as isize * stride);
        }
        out
    }
}

/// Reduces to the variance and the mean.
#[derive(Clone, Copy)]
pub(super) struct Var {
    /// Subtracted from the number of elements in the divisor: 1 for the unbiased estimate.
    pub(super) correction: f64,
}

impl<T: Float> Reducer<T> for Var {
    type Acc = Moments;
    type Value = T;
    type Second = T;
    const EMPTY: Moments = Moments::EMPTY;
    const ANY_ORDER: bool = true;

    #[inline(always)]
    unsafe fn row<S: Simd>(acc: &mut Moments, x: *const T, n: usize, stride: isize, _first: usize) {
        // SAFETY: guaranteed by the caller.
        *acc = Moments::merge(*acc, unsafe { moments_row::<S, T>(x, n, stride) });
    }

    #[inline(always)]
    unsafe fn columns<S: Simd>(accs: &mut [Moments], x: *const T, stride: isize, offsets: &[isize], _first: usize) {
        let rows = offsets.len();
        debug_assert!(rows <= ROWS);
        for (chunk, accs) in accs.chunks_mut(LANES).enumerate() {
            let x = x.wrapping_offset((chunk * LANES) as isize * stride);
            let width = accs.len();
            let mut sums = [0.0; LANES];
            for &offset in offsets {
                // SAFETY: columns of the caller's rows.
                let x = unsafe { columns(x.wrapping_offset(offset), stride, width) };
                for l in 0..LANES {
                    sums[l] += x[l].wide();
                }
            }
            let mut shift = [T::ZERO; LANES];
            for l in 0..LANES {
                shift[l] = T::of(sums[l] / rows as f64);
            }
            let (mut sums, mut squares) = ([0.0; LANES], [0.0; LANES]);
            for &offset in offsets {
                // SAFETY: as above.
                let x = unsafe { columns(x.wrapping_offset(offset), stride, width) };
                for l in 0..LANES {
                    let d = x[l] - shift[l];
                    sums[l] += d.wide();
                    squares[l] += (d * d).wide();
                }
            }
            for (l, acc) in accs.iter_mut().enumerate() {
                *acc = Moments::merge(*acc, Moments::around(rows, shift[l].wide(), sums[l], squares[l]));
            }
        }
    }

    #[inline(always)]
    fn merge(a: Moments, b: Moments) -> Moments {
        Moments::merge(a, b)
    }

    #[inline(always)]
    fn finish(self, acc: Moments, n: usize) -> (T, T) {
        if n == 0 {
            return (T::of(f64::NAN), T::of(f64::NAN));
        }
        (T::of(acc.squares / (n as f64 - self.correction).max(0.0)), T::of(acc.mean))
    }
}
