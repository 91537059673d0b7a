//! Extremes with their positions: the first of equal elements wins, NaN wins over everything.

use super::engine::Reducer;
use super::fold::{Fold, Folding, Max, Min};
use crate::simd::Simd;
use std::marker::PhantomData;

/// Elements searched at a time for an extreme better than the best so far.
const BLOCK: usize = 2048;
/// Columns per block.
const LANES: usize = 16;
const NONE: usize = usize::MAX;

/// Element types with an order.
pub trait Ordered: Copy + Send + Sync + PartialOrd + 'static {
    /// The least value.
    const LOWEST: Self;
    /// The greatest value.
    const HIGHEST: Self;
}
impl Ordered for f32 {
    const LOWEST: f32 = f32::NEG_INFINITY;
    const HIGHEST: f32 = f32::INFINITY;
}
impl Ordered for f64 {
    const LOWEST: f64 = f64::NEG_INFINITY;
    const HIGHEST: f64 = f64::INFINITY;
}
impl Ordered for i64 {
    const LOWEST: i64 = i64::MIN;
    const HIGHEST: i64 = i64::MAX;
}
impl Ordered for bool {
    const LOWEST: bool = false;
    const HIGHEST: bool = true;
}

/// The maximum or the minimum.
pub(super) trait Extreme<T: Ordered>: Fold<T, Out = T> {
    const WORST: T;
    fn beats(x: T, best: T) -> bool;
}
impl<T: Ordered> Extreme<T> for Max
where
    Max: Fold<T, Out = T>,
{
    const WORST: T = T::LOWEST;
    #[inline(always)]
    fn beats(x: T, best: T) -> bool {
        x > best || is_nan(x) && !is_nan(best)
    }
}
impl<T: Ordered> Extreme<T> for Min
where
    Min: Fold<T, Out = T>,
{
    const WORST: T = T::HIGHEST;
    #[inline(always)]
    fn beats(x: T, best: T) -> bool {
        x < best || is_nan(x) && !is_nan(best)
    }
}

#[inline(always)]
#[allow(clippy::eq_op)]
fn is_nan<T: PartialEq + Copy>(x: T) -> bool {
    x != x
}

/// The index of the first element that is equal to `value`.
///
/// # Safety
/// The elements can be read.
#[inline(always)]
unsafe fn find<T: Ordered>(x: *const T, n: usize, stride: isize, value: T) -> usize {
    let mut start = 0;
    if stride == 1 {
        // Whole chunks without early exit inside, so that the comparison vectorizes.
        while start + 4 * LANES <= n {
            // SAFETY: inside the caller's elements.
            let x = unsafe { x.add(start).cast::<[T; 4 * LANES]>().read_unaligned() };
            let mut found = false;
            for x in x {
                found |= same(x, value);
            }
            if found {
                break;
            }
            start += 4 * LANES;
        }
    }
    for i in start..n {
        // SAFETY: as above.
        if same(unsafe { *x.offset(i as isize * stride) }, value) {
            return i;
        }
    }
    0
}

#[inline(always)]
fn same<T: Ordered>(a: T, b: T) -> bool {
    a == b || is_nan(a) && is_nan(b)
}

/// The best value so far and its index, which is [`NONE`] until an element beats the worst value.
#[derive(Clone, Copy)]
pub(super) struct Best<T> {
    value: T,
    index: usize,
}

/// Reduces to an extreme and its index.
pub(super) struct Arg<E>(PhantomData<E>);
impl<E> Arg<E> {
    pub(super) const NEW: Self = Arg(PhantomData);
}
impl<E> Clone for Arg<E> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<E> Copy for Arg<E> {}

impl<T: Ordered, E: Extreme<T>> Reducer<T> for Arg<E> {
    type Acc = Best<T>;
    type Value = T;
    type Second = i64;
    const EMPTY: Best<T> = Best { value: E::WORST, index: NONE };
    const ANY_ORDER: bool = false;

    #[inline(always)]
    unsafe fn row<S: Simd>(best: &mut Best<T>, x: *const T, n: usize, stride: isize, first: usize) {
        let mut start = 0;
        while start < n {
            let len = (n - start).min(BLOCK);
            let block = x.wrapping_offset(start as isize * stride);
            // SAFETY: the block is part of the caller's row.
            unsafe {
                let mut acc = <Folding<E> as Reducer<T>>::EMPTY;
                Folding::<E>::row::<S>(&mut acc, block, len, stride, 0);
                let value = E::finish(acc, len);
                if E::beats(value, best.value) {
                    let index = find(block, len, stride, value);
                    // Read again: this is the first of equal zeros of either sign, or of NaNs.
                    *best = Best { value: *block.offset(index as isize * stride), index: first + start + index };
                }
            }
            start += len;
        }
    }

    #[inline(always)]
    unsafe fn columns<S: Simd>(bests: &mut [Best<T>], x: *const T, stride: isize, offsets: &[isize], first: usize) {
        for (chunk, bests) in bests.chunks_mut(LANES).enumerate() {
            let x = x.wrapping_offset((chunk * LANES) as isize * stride);
            let mut values = [E::WORST; LANES];
            let mut rows = [u32::MAX; LANES];
            for (best, value) in bests.iter().zip(&mut values) {
                *value = best.value;
            }
            for (r, &offset) in offsets.iter().enumerate() {
                let row = x.wrapping_offset(offset);
                // Lanes without a column hold a value that never wins.
                let mut x = [E::WORST; LANES];
                // SAFETY: columns of the caller's rows.
                unsafe {
                    if stride == 1 && bests.len() == LANES {
                        x = row.cast::<[T; LANES]>().read_unaligned();
                    } else {
                        for (l, x) in x[..bests.len()].iter_mut().enumerate() {
                            *x = *row.offset(l as isize * stride);
                        }
                    }
                }
                for l in 0..LANES {
                    let beats = E::beats(x[l], values[l]);
                    values[l] = if beats { x[l] } else { values[l] };
                    rows[l] = if beats { r as u32 } else { rows[l] };
                }
            }
            for (l, best) in bests.iter_mut().enumerate() {
                if rows[l] != u32::MAX {
                    *best = Best { value: values[l], index: first + rows[l] as usize };
                }
            }
        }
    }

    #[inline(always)]
    fn merge(a: Best<T>, b: Best<T>) -> Best<T> {
        if E::beats(b.value, a.value) { b } else { a }
    }

    #[inline(always)]
    fn finish(self, best: Best<T>, _n: usize) -> (T, i64) {
        // Nothing beat the worst value: all elements are equal to it, and the first of them is the extreme.
        (best.value, if best.index == NONE { 0 } else { best.index as i64 })
    }
}
