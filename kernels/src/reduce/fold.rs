//! Sums, products, extremes and truth values: reductions whose elements combine pairwise.
//!
//! Eight elements are combined as a tree in the element's own type, and the results added to wider accumulators (f64 for
//! f32). That costs hardly more than adding in f32 and is nearly as exact as adding in f64.

use super::engine::Reducer;
use crate::float::Float;
use crate::simd::Simd;

/// Elements combined as a tree before they reach an accumulator.
const TREE: usize = 8;
/// Accumulators side by side.
const LANES: usize = 16;

/// How two values combine.
pub(super) trait Fold<T>: Copy + Send + Sync {
    /// What an element becomes first.
    type Leaf: Copy;
    /// The accumulator.
    type Acc: Copy + Send + Sync;
    /// The result.
    type Out: Copy + Send + Sync;
    /// The accumulator that changes nothing.
    const EMPTY: Self::Acc;

    fn leaf(x: T) -> Self::Leaf;
    /// Combines at most eight leaves, as a tree.
    fn pair(a: Self::Leaf, b: Self::Leaf) -> Self::Leaf;
    fn add(acc: Self::Acc, leaf: Self::Leaf) -> Self::Acc;
    fn merge(a: Self::Acc, b: Self::Acc) -> Self::Acc;
    fn finish(acc: Self::Acc, n: usize) -> Self::Out;
}

/// Runs a [`Fold`].
#[derive(Clone, Copy)]
pub(super) struct Folding<F>(pub F);

#[inline(always)]
fn tree<T: Copy, F: Fold<T>>(x: [T; TREE]) -> F::Leaf {
    let [a, b, c, d, e, f, g, h] = x.map(F::leaf);
    F::pair(F::pair(F::pair(a, b), F::pair(c, d)), F::pair(F::pair(e, f), F::pair(g, h)))
}

/// Reads `LANES` elements.
#[inline(always)]
unsafe fn lanes<T: Copy>(x: *const T) -> [T; LANES] {
    // SAFETY: the caller's promise that they can be read.
    unsafe { x.cast::<[T; LANES]>().read_unaligned() }
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
        if stride == 1 && n >= LANES {
            let mut accs = [F::EMPTY; LANES];
            // SAFETY: indices stay below n.
            unsafe {
                while i + TREE * LANES <= n {
                    let x: [[T; LANES]; TREE] = std::array::from_fn(|r| lanes(x.add(i + r * LANES)));
                    for l in 0..LANES {
                        accs[l] = F::add(accs[l], tree::<T, F>(std::array::from_fn(|r| x[r][l])));
                    }
                    i += TREE * LANES;
                }
                while i + LANES <= n {
                    let x = lanes(x.add(i));
                    for l in 0..LANES {
                        accs[l] = F::add(accs[l], F::leaf(x[l]));
                    }
                    i += LANES;
                }
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
        // SAFETY: `i` stays below n.
        unsafe {
            while i + TREE <= n {
                let leaf = tree::<T, F>(std::array::from_fn(|r| *x.offset((i + r) as isize * stride)));
                *acc = F::add(*acc, leaf);
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
        for group in groups {
            let rows = group.map(|offset| x.wrapping_offset(offset));
            let mut c = 0;
            // SAFETY: columns stay below the number of accumulators, offsets are the caller's.
            unsafe {
                while stride == 1 && c + LANES <= accs.len() {
                    let x: [[T; LANES]; TREE] = rows.map(|row| lanes(row.add(c)));
                    for l in 0..LANES {
                        accs[c + l] = F::add(accs[c + l], tree::<T, F>(std::array::from_fn(|r| x[r][l])));
                    }
                    c += LANES;
                }
                while c < accs.len() {
                    let leaf = tree::<T, F>(rows.map(|row| *row.offset(c as isize * stride)));
                    accs[c] = F::add(accs[c], leaf);
                    c += 1;
                }
            }
        }
        for &offset in rest {
            let row = x.wrapping_offset(offset);
            let mut c = 0;
            // SAFETY: as above.
            unsafe {
                while stride == 1 && c + LANES <= accs.len() {
                    let x = lanes(row.add(c));
                    for l in 0..LANES {
                        accs[c + l] = F::add(accs[c + l], F::leaf(x[l]));
                    }
                    c += LANES;
                }
                while c < accs.len() {
                    accs[c] = F::add(accs[c], F::leaf(*row.offset(c as isize * stride)));
                    c += 1;
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

/// The largest of `x`, nan if there is one.
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
/// Largest element.
#[derive(Clone, Copy)]
pub(super) struct Max;
/// Smallest element.
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
// Rounded before the division, as PyTorch does.
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

// Eight bools fit a byte.
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
