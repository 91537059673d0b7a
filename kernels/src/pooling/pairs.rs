//! Maxima of nonoverlapping 2 by 2 windows, the pooling of most networks: every element is in one window, so a row of
//! outputs is one pass over two rows.

use super::Pool2d;
use crate::float::Float;
use crate::simd::{Kernel, Simd};
use std::ops::Range;

impl Pool2d {
    /// Whether windows are 2 by 2 elements, nonoverlapping, without padding.
    pub(super) fn is_pairs(&self) -> bool {
        let [oh, ow] = self.output();
        self.kernel == [2; 2]
            && self.stride == [2; 2]
            && self.dilation == [1; 2]
            && self.padding == [0; 2]
            && 2 * oh <= self.input[0]
            && 2 * ow <= self.input[1]
    }
}

/// Rows `rows` of the output, counted over all planes.
pub(super) struct Max<'a, T> {
    pub pool: &'a Pool2d,
    pub x: &'a [T],
    pub rows: Range<usize>,
    pub values: &'a mut [T],
    pub indices: &'a mut [i64],
}

impl<T: Float> Kernel for Max<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Max { pool, x, rows, values, indices } = self;
        let [height, width] = pool.input;
        let [oh, ow] = pool.output();
        let wide = match ow {
            8.. => 8,
            4.. => 4,
            _ => 1,
        };
        for (i, row) in rows.enumerate() {
            let (plane, y) = (row / oh, 2 * (row % oh));
            let pair = &x[(plane * height + y) * width..][..2 * width];
            let (values, indices) = (&mut values[i * ow..][..ow], &mut indices[i * ow..][..ow]);
            // The last block overlaps the one before, so that no remainder loop is needed.
            for next in (0..ow).step_by(wide) {
                let first = next.min(ow - wide);
                match wide {
                    8 => maxima::<T, 8>(pair, y, first, values, indices),
                    4 => maxima::<T, 4>(pair, y, first, values, indices),
                    _ => maxima::<T, 1>(pair, y, first, values, indices),
                }
            }
        }
    }
}

/// The maxima of `N` windows of a pair of rows, the upper of which is row `y` of its plane.
#[inline(always)]
fn maxima<T: Float, const N: usize>(pair: &[T], y: usize, first: usize, values: &mut [T], indices: &mut [i64]) {
    let width = pair.len() / 2;
    let upper = &pair[..width].as_chunks::<2>().0[first..][..N];
    let lower = &pair[width..].as_chunks::<2>().0[first..][..N];
    let (values, indices) = (&mut values[first..][..N], &mut indices[first..][..N]);
    let (start, width) = ((y * width + 2 * first) as i32, width as i32);
    let (mut best, mut place) = ([T::ZERO; N], [0; N]);
    for i in 0..N {
        let ([a, b], [c, d]) = (upper[i], lower[i]);
        let at = start + 2 * i as i32;
        let found = later((a, at), (b, at + 1));
        let found = later(found, (c, at + width));
        (best[i], place[i]) = later(found, (d, at + width + 1));
    }
    for i in 0..N {
        values[i] = best[i];
        indices[i] = i64::from(place[i]);
    }
}

/// The maximum of two elements, the second of which comes later: the first of equal elements, but the last NaN.
#[inline(always)]
fn later<T: Float>(a: (T, i32), b: (T, i32)) -> (T, i32) {
    let beats = (b.0 > a.0) | b.0.is_nan();
    (if beats { b.0 } else { a.0 }, if beats { b.1 } else { a.1 })
}
