//! Sums, products, extremes and boolean reductions: reductions that combine elements pairwise.
//!
//! Eight elements are combined as a tree in the element's own type, and the results are added to wider accumulators
//! (f64 for f32). That costs hardly more than adding in f32 and is nearly as accurate as adding in f64.

use super::engine::Reducer;
use crate::float::Float;
use crate::simd::Simd;

/// Elements combined as a tree before they are added to an accumulator.
const TREE: usize = 8;
/// Number of independent accumulators.
const LANES: usize = 16;

/// A pairwise combination.
pub(super) trait Fold<T>: Copy + Send + Sync {
    /// The type that elements are first mapped to.
    type Leaf: Copy;
    /// The accumulator.
    type Acc: Copy + Send + Sync;
    /// The result.
    type Out: Copy + Send + Sync;
    /// The identity of `merge`.
    const EMPTY: Self::Acc;

    fn leaf(x: T) -> Self::Leaf;
    /// Combines at most eight leaves, as a tree.
    fn pair(a: Self::Leaf, b: Self::Leaf) -> Self::Leaf;
    fn add(acc: Self::Acc, leaf: Self::Leaf) -> Self::Acc;
    fn merge(a: Self::Acc, b: Self::Acc) -> Self::Acc;
    fn finish(acc: Self::Acc, n: usize) -> Self::Out;
}

/// The [`Reducer`] of a [`Fold`].
#[derive(Clone, Copy)]
pub(super) struct Folding<F>(pub F);

#[inline(always)]
fn tree<T: Copy, F: Fold<T>>(x: [T; TREE]) -> F::Leaf {
    let (a, b) = (F::pair(F::leaf(x[0]), F::leaf(x[1])), F::pair(F::leaf(x[2]), F::leaf(x[3])));
    let (c, d) = (F::pair(F::leaf(x[4]), F::leaf(x[5])), F::pair(F::leaf(x[6]), F::leaf(x[7])));
    F::pair(F::pair(a, b), F::pair(c, d))
}

/// Accumulates `TREE` rows of `LANES` elements, one accumulator per lane.
///
/// # Safety
/// The elements can be read.
#[inline(always)]
unsafe fn tree_lanes<T: Copy, F: Fold<T>>(accs: &mut [F::Acc; LANES], rows: [*const T; TREE]) {
    // SAFETY: guaranteed by the caller.
    let [a, b, c, d, e, f, g, h] = unsafe {
        [
            lanes(rows[0]),
            lanes(rows[1]),
            lanes(rows[2]),
            lanes(rows[3]),
            lanes(rows[4]),
            lanes(rows[5]),
            lanes(rows[6]),
            lanes(rows[7]),
        ]
    };
    for l in 0..LANES {
        accs[l] = F::add(accs[l], tree::<T, F>([a[l], b[l], c[l], d[l], e[l], f[l], g[l], h[l]]));
    }
}

/// Accumulates `LANES` elements, one accumulator per lane.
///
/// # Safety
/// The elements can be read.
#[inline(always)]
unsafe fn add_lanes<T: Copy, F: Fold<T>>(accs: &mut [F::Acc; LANES], x: *const T) {
    // SAFETY: guaranteed by the caller.
    let x = unsafe { lanes(x) };
    for l in 0..LANES {
        accs[l] = F::add(accs[l], F::leaf(x[l]));
    }
}

/// Reads `LANES` elements.
///
/// # Safety
/// The elements can be read.
#[inline(always)]
unsafe fn lanes<T: Copy>(x: *const T) -> [T; LANES] {
    // SAFETY: guaranteed by the caller.
    unsafe { x.cast::<[T; LANES]>().read_unaligned() }
}

/// Eight pointers, `step` apart.
#[inline(always)]
fn spread<T>(x: *const T, step: isize) -> [*const T; TREE] {
    let mut rows = [x; TREE];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = x.wrapping_offset(r as isize * step);
    }
    rows
}

/// Eight pointers, at these offsets.
#[inline(always)]
fn moved<T>(x: *const T, offsets: &[isize; TREE]) -> [*const T; TREE] {
    let mut rows = [x; TREE];
    for (row, &offset) in rows.iter_mut().zip(offsets) {
        *row = x.wrapping_offset(offset);
    }
    rows
}

/// Reads one element each.
///
/// # Safety
/// The elements can be read.
#[inline(always)]
unsafe fn one_each<T: Copy>(rows: [*const T; TREE]) -> [T; TREE] {
    // SAFETY: guaranteed by the caller.
    unsafe { [*rows[0], *rows[1], *rows[2], *rows[3], *rows[4], *rows[5], *rows[6], *rows[7]] }
}

impl<T: Copy + Send + Sync, F: Fold<T>> Reducer<T> for Folding<F> {
    type Acc = F::Acc;
    type Value = F::Out;
    type Second = ();
    const EMPTY: F::Acc = F::EMPTY;
    const ANY_ORDER: bool = true;

    #[inline(always)]
    unsafe fn row<S: Simd>(acc: &mut F::Acc, x: *const T, n: usize, stride: isize, _first: usize) {
        let mut i = 0;
        // SAFETY: indices are below `n`.
        unsafe {
            if stride == 1 && n >= LANES {
                let mut accs = [F::EMPTY; LANES];
                while i + TREE * LANES <= n {
                    tree_lanes::<T, F>(&mut accs, spread(x.add(i), LANES as isize));
                    i += TREE * LANES;
                }
                while i + LANES <= n {
                    add_lanes::<T, F>(&mut accs, x.add(i));
                    i += LANES;
                }
                let mut width = LANES / 2;
                while width > 0 {
                    for l in 0..width {
                        accs[l] = F::merge(accs[l], accs[l + width]);
                    }
                    width /= 2;
                }
                *acc = F::merge(*acc, accs[0]);
            }
            while i + TREE <= n {
                let rows = spread(x.offset(i as isize * stride), stride);
                *acc = F::add(*acc, tree::<T, F>(one_each(rows)));
                i += TREE;
            }
            while i < n {
                *acc = F::add(*acc, F::leaf(*x.offset(i as isize * stride)));
                i += 1;
            }
        }
    }

    #[inline(always)]
    unsafe fn columns<S: Simd>(accs: &mut [F::Acc], x: *const T, stride: isize, offsets: &[isize], _first: usize) {
        let (groups, rest) = offsets.as_chunks::<TREE>();
        let mut accs_at = 0;
        // SAFETY: columns are below the number of accumulators; offsets are the caller's.
        unsafe {
            if stride == 1 {
                let (chunks, _) = accs.as_chunks_mut::<LANES>();
                // Rows in the outer loop: memory is read in runs that are as long as possible.
                for group in groups {
                    for (c, accs) in chunks.iter_mut().enumerate() {
                        tree_lanes::<T, F>(accs, moved(x.wrapping_add(c * LANES), group));
                    }
                }
                for &offset in rest {
                    for (c, accs) in chunks.iter_mut().enumerate() {
                        add_lanes::<T, F>(accs, x.wrapping_offset(offset).wrapping_add(c * LANES));
                    }
                }
                accs_at = chunks.len() * LANES;
            }
            for (c, acc) in accs.iter_mut().enumerate().skip(accs_at) {
                let x = x.wrapping_offset(c as isize * stride);
                for group in groups {
                    *acc = F::add(*acc, tree::<T, F>(one_each(moved(x, group))));
                }
                for &offset in rest {
                    *acc = F::add(*acc, F::leaf(*x.wrapping_offset(offset)));
                }
            }
        }
    }

    #[inline(always)]
    fn merge(a: F::Acc, b: F::Acc) -> F::Acc {
        F::merge(a, b)
    }

    #[inline(always)]
    fn finish(self, acc: F::Acc, n: usize) -> (F::Out, ()) {
        (F::finish(acc, n), ())
    }
}

/// The maximum of `x`, NaN if any element is NaN.
#[inline(always)]
pub(crate) fn max_row<S: Simd, T: Float>(x: &[T]) -> T {
    let mut max = T::NEG_INFINITY;
    // SAFETY: the elements of a slice.
    unsafe { Folding::<Max>::row::<S>(&mut max, x.as_ptr(), x.len(), 1, 0) };
    max
}

/// Sum of the elements.
#[derive(Clone, Copy)]
pub(super) struct Sum;
/// Sum divided by the number of elements.
#[derive(Clone, Copy)]
pub(super) struct Mean;
/// Product of the elements.
#[derive(Clone, Copy)]
pub(super) struct Prod;
/// Maximum.
#[derive(Clone, Copy)]
pub(super) struct Max;
/// Minimum.
#[derive(Clone, Copy)]
pub(super) struct Min;
/// Whether any element is not 0.
#[derive(Clone, Copy)]
pub(super) struct Any;
/// Whether no element is 0.
#[derive(Clone, Copy)]
pub(super) struct All;

macro_rules! fold {
    ([$($generics:tt)*] $fold:ident <$t:ty>: $leaf:ty => $acc:ty => $out:ty, empty $empty:expr,
     leaf |$x:ident| $to_leaf:expr, pair |$a:ident, $b:ident| $pair:expr, wide |$w:ident| $wide:expr, acc |$c:ident, $d:ident| $merge:expr,
     finish |$e:ident, $n:ident| $finish:expr) => {
        impl<$($generics)*> Fold<$t> for $fold {
            type Leaf = $leaf;
            type Acc = $acc;
            type Out = $out;
            const EMPTY: $acc = $empty;

            #[inline(always)]
            fn leaf($x: $t) -> $leaf {
                $to_leaf
            }
            #[inline(always)]
            fn pair($a: $leaf, $b: $leaf) -> $leaf {
                $pair
            }
            #[inline(always)]
            fn add($c: $acc, $w: $leaf) -> $acc {
                let $d: $acc = $wide;
                $merge
            }
            #[inline(always)]
            fn merge($c: $acc, $d: $acc) -> $acc {
                $merge
            }
            #[inline(always)]
            fn finish($e: $acc, $n: usize) -> $out {
                $finish
            }
        }
    };
}

fold!([T: Float] Sum<T>: T => f64 => T, empty 0.0, leaf |x| x, pair |a, b| a + b, wide |l| l.wide(), acc |a, b| a + b,
      finish |s, _n| T::of(s));
// Rounded before the division, as in PyTorch.
fold!([T: Float] Mean<T>: T => f64 => T, empty 0.0, leaf |x| x, pair |a, b| a + b, wide |l| l.wide(), acc |a, b| a + b,
      finish |s, n| T::of(s) / T::of(n as f64));
fold!([T: Float] Prod<T>: f64 => f64 => T, empty 1.0, leaf |x| x.wide(), pair |a, b| a * b, wide |l| l, acc |a, b| a * b,
      finish |p, _n| T::of(p));
fold!([T: Float] Max<T>: T => T => T, empty T::NEG_INFINITY, leaf |x| x, pair |a, b| a.max_nan(b), wide |l| l,
      acc |a, b| a.max_nan(b), finish |m, _n| m);
fold!([T: Float] Min<T>: T => T => T, empty T::INFINITY, leaf |x| x, pair |a, b| a.min_nan(b), wide |l| l,
      acc |a, b| a.min_nan(b), finish |m, _n| m);
fold!([T: Float] Any<T>: u8 => u8 => bool, empty 0, leaf |x| u8::from(x != T::ZERO), pair |a, b| a | b, wide |l| l,
      acc |a, b| a | b, finish |a, _n| a != 0);
fold!([T: Float] All<T>: u8 => u8 => bool, empty 1, leaf |x| u8::from(x != T::ZERO), pair |a, b| a & b, wide |l| l,
      acc |a, b| a & b, finish |a, _n| a != 0);

fold!([] Sum<i64>: i64 => i64 => i64, empty 0, leaf |x| x, pair |a, b| a.wrapping_add(b), wide |l| l, acc |a, b| a.wrapping_add(b),
      finish |s, _n| s);
fold!([] Prod<i64>: i64 => i64 => i64, empty 1, leaf |x| x, pair |a, b| a.wrapping_mul(b), wide |l| l, acc |a, b| a.wrapping_mul(b),
      finish |p, _n| p);
fold!([] Max<i64>: i64 => i64 => i64, empty i64::MIN, leaf |x| x, pair |a, b| a.max(b), wide |l| l, acc |a, b| a.max(b),
      finish |m, _n| m);
fold!([] Min<i64>: i64 => i64 => i64, empty i64::MAX, leaf |x| x, pair |a, b| a.min(b), wide |l| l, acc |a, b| a.min(b),
      finish |m, _n| m);
fold!([] Any<i64>: u8 => u8 => bool, empty 0, leaf |x| u8::from(x != 0), pair |a, b| a | b, wide |l| l, acc |a, b| a | b,
      finish |a, _n| a != 0);
fold!([] All<i64>: u8 => u8 => bool, empty 1, leaf |x| u8::from(x != 0), pair |a, b| a & b, wide |l| l, acc |a, b| a & b,
      finish |a, _n| a != 0);

// The sum of eight booleans fits a byte.
fold!([] Sum<bool>: u8 => i64 => i64, empty 0, leaf |x| x.into(), pair |a, b| a + b, wide |l| l.into(), acc |a, b| a + b, finish |s, _n| s);
fold!([] Prod<bool>: u8 => i64 => i64, empty 1, leaf |x| x.into(), pair |a, b| a & b, wide |l| l.into(), acc |a, b| a & b, finish |p, _n| p);
fold!([] Max<bool>: u8 => u8 => bool, empty 0, leaf |x| x.into(), pair |a, b| a | b, wide |l| l, acc |a, b| a | b,
      finish |m, _n| m != 0);
fold!([] Min<bool>: u8 => u8 => bool, empty 1, leaf |x| x.into(), pair |a, b| a & b, wide |l| l, acc |a, b| a & b,
      finish |m, _n| m != 0);
fold!([] Any<bool>: u8 => u8 => bool, empty 0, leaf |x| x.into(), pair |a, b| a | b, wide |l| l, acc |a, b| a | b,
      finish |m, _n| m != 0);
fold!([] All<bool>: u8 => u8 => bool, empty 1, leaf |x| x.into(), pair |a, b| a & b, wide |l| l, acc |a, b| a & b,
      finish |m, _n| m != 0);
