//! The maximum of windows, in the computed type.

use super::{Columns, Pool2d, VECTOR, pairs};
use crate::float::Float;
use crate::isa;
use crate::simd::{Kernel, Simd, dispatch, wide};
use crate::split::{Parts, for_ranges};
use std::ops::Range;

impl Pool2d {
    /// [`max`](Self::max) with validated arguments, at least one window.
    pub(super) fn maxima<T: Float>(&self, x: &[T], values: &mut [T], indices: &mut [i64]) {
        let (isa, pairs) = (isa::isa(), self.is_pairs());
        let [oh, ow] = self.output();
        let (values, indices) = (Parts::new(values), Parts::new(indices));
        for_ranges(self.planes * oh, ow * (self.kernel[0] * self.kernel[1]).max(4), |rows| {
            let part = rows.start * ow..rows.end * ow;
            // SAFETY: ranges of output rows do not overlap.
            let (values, indices) = unsafe { (values.part(part.clone()), indices.part(part)) };
            if pairs {
                dispatch(isa, pairs::Max { pool: self, x, rows, values, indices });
            } else {
                dispatch(isa, Max { pool: self, x, rows, values, indices });
            }
        });
    }

    /// [`max_backward`](Self::max_backward) with validated arguments.
    pub(super) fn max_gradients<T: Float>(&self, g: &[T], indices: &[i64], dx: &mut [T]) {
        let plane = self.input[0] * self.input[1];
        let [oh, ow] = self.output();
        let windows = oh * ow;
        let dx = Parts::new(dx);
        for_ranges(self.planes, plane + 2 * windows, |planes| {
            for p in planes {
                // SAFETY: planes do not overlap.
                let dx = unsafe { dx.part(p * plane..(p + 1) * plane) };
                dx.fill(T::ZERO);
                let range = p * windows..(p + 1) * windows;
                for (&g, &i) in g[range.clone()].iter().zip(&indices[range]) {
                    dx[i as usize] += g;
                }
            }
        });
    }
}

struct Max<'a, T> {
    pool: &'a Pool2d,
    x: &'a [T],
    rows: Range<usize>,
    values: &'a mut [T],
    indices: &'a mut [i64],
}

impl<T: Float> Kernel for Max<'_, T> {
    type Output = ();
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Max { pool, x, rows, values, indices } = self;
        let [height, width] = pool.input;
        let [oh, ow] = pool.output();
        // Rows are processed in whole vectors where there is room: results beyond their end are overwritten or not
        // used.
        let (wide, owide) = (width.next_multiple_of(VECTOR), ow.next_multiple_of(VECTOR));
        let padded = pool.padded_width(owide).max(pool.padding[1] + wide);
        // Padding has the smallest value and the last position: it never wins.
        let (mut best, mut place) = (vec![T::NEG_INFINITY; padded], vec![i32::MAX; padded]);
        let (mut value_columns, mut place_columns) =
            (Columns::new(padded, T::NEG_INFINITY), Columns::new(padded, i32::MAX));
        let (mut out_value, mut out_place) = (vec![T::ZERO; owide], vec![0; owide]);
        let inner = pool.padding[1]..pool.padding[1] + width;
        let behind = inner.end..inner.end + pool.padding[1].max(VECTOR).min(padded - inner.end);
        let outputs = values.chunks_exact_mut(ow).zip(indices.chunks_exact_mut(ow));
        for (row, (values, indices)) in rows.zip(outputs) {
            let (plane, oy) = (row / oh * height * width, row % oh);
            let kys = pool.taps(0, oy);
            if kys.is_empty() {
                best.fill(T::NEG_INFINITY);
                place.fill(i32::MAX);
            }
            for (i, ky) in kys.enumerate() {
                let y = pool.position(0, oy, ky) as usize;
                let start = plane + y * width;
                let n = if start + wide <= x.len() { wide } else { width };
                let to = inner.start..inner.start + n;
                best_row(&x[start..start + n], (y * width) as i32, i == 0, &mut best[to.clone()], &mut place[to]);
            }
            best[behind.clone()].fill(T::NEG_INFINITY);
            place[behind.clone()].fill(i32::MAX);
            value_columns.part(pool, &best);
            place_columns.part(pool, &place);
            for kx in 0..pool.kernel[1] {
                let x = value_columns.get(pool, &best, kx, owide);
                let at = place_columns.get(pool, &place, kx, owide);
                if kx == 0 {
                    out_value.copy_from_slice(x);
                    out_place.copy_from_slice(at);
                } else {
                    better_of(x, at, &mut out_value, &mut out_place);
                }
            }
            values.copy_from_slice(&out_value[..ow]);
            for (index, &place) in indices.iter_mut().zip(&out_place) {
                // A dilated window can lie entirely outside of the input.
                *index = if place == i32::MAX { 0 } else { i64::from(place) };
            }
        }
    }
}

/// Folds a row of the input, whose first element has position `start`, into the best of every column.
#[inline(always)]
fn best_row<T: Float>(x: &[T], start: i32, first: bool, best: &mut [T], place: &mut [i32]) {
    let n = x.len();
    let (best, place) = (&mut best[..n], &mut place[..n]);
    if first {
        best.copy_from_slice(x);
        for i in 0..n {
            place[i] = start + i as i32;
        }
        return;
    }
    for i in 0..n {
        // As in PyTorch: the first of equal elements, but the last NaN.
        let beats = (x[i] > best[i]) | x[i].is_nan();
        best[i] = if beats { x[i] } else { best[i] };
        place[i] = if beats { start + i as i32 } else { place[i] };
    }
}

/// Folds `x` into `best` for every output. Of equal elements the first in the plane wins, of NaNs the last.
#[inline(always)]
fn better_of<T: Float>(x: &[T], at: &[i32], best: &mut [T], place: &mut [i32]) {
    let n = x.len();
    let (at, best, place) = (&at[..n], &mut best[..n], &mut place[..n]);
    for i in 0..n {
        // No short-circuiting: the loop must be free of branches.
        let first = (x[i] == best[i]) & (at[i] < place[i]);
        let nan = x[i].is_nan() & ((at[i] > place[i]) | !best[i].is_nan());
        let beats = (x[i] > best[i]) | first | nan;
        best[i] = if beats { x[i] } else { best[i] };
        place[i] = if beats { at[i] } else { place[i] };
    }
}
