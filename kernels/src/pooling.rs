//! Pooling over the two last dimensions of contiguous arrays `[planes, height, width]`: maximum, average, adaptive average.
//!
//! A row of outputs is computed in two steps, each a plain loop along a row: first the window's rows are combined for every
//! column of the input, then its columns for every output. With stride 2 the columns are parted into even and odd ones in
//! between. Maxima of windows of 2 by 2 side by side have a shorter way ([`pairs`]).

mod avg;
mod pairs;

pub use avg::{Divisor, adaptive_avg_pool2d, adaptive_avg_pool2d_backward};

use crate::float::Float;
use crate::isa;
use crate::simd::{Kernel, Simd, dispatch, wide};
use crate::split::{Parts, for_ranges};
use std::ops::Range;

/// A pooling window sliding over planes. Pairs are height, width.
#[derive(Clone, Copy, Debug)]
pub struct Pool2d {
    /// Number of planes: batch times channels.
    pub planes: usize,
    /// Height and width of a plane.
    pub input: [usize; 2],
    /// Size of the window.
    pub kernel: [usize; 2],
    /// Steps of the window.
    pub stride: [usize; 2],
    /// Elements added at each end.
    pub padding: [usize; 2],
    /// Distance between the window's elements (maximum only).
    pub dilation: [usize; 2],
    /// Whether a last window that hangs over the end counts.
    pub ceil_mode: bool,
}

/// Lengths of rows are rounded up to this where there is room.
const VECTOR: usize = 16;

/// The output size along one dimension, `None` where not even one window fits. A window that starts in the padding behind the end
/// does not count.
pub fn pooled_size(
    input: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    dilation: usize,
    ceil_mode: bool,
) -> Option<usize> {
    let free = (input + 2 * padding).checked_sub(dilation * (kernel.checked_sub(1)?) + 1)?;
    let stride = stride.max(1);
    let mut size = if ceil_mode { free.div_ceil(stride) } else { free / stride } + 1;
    if ceil_mode && (size - 1) * stride >= input + padding {
        size -= 1;
    }
    Some(size)
}

impl Pool2d {
    /// Height and width of the output; 0 where not even one window fits.
    pub fn output(&self) -> [usize; 2] {
        std::array::from_fn(|d| {
            let size = pooled_size(
                self.input[d],
                self.kernel[d],
                self.stride[d],
                self.padding[d],
                self.dilation[d],
                self.ceil_mode,
            );
            size.unwrap_or(0)
        })
    }

    fn check(&self, name: &str, input: usize, outputs: &[usize]) {
        let [h, w] = self.input;
        let [oh, ow] = self.output();
        assert_eq!(input, self.planes * h * w, "{name}: length of the input");
        assert!(outputs.iter().all(|&len| len == self.planes * oh * ow), "{name}: length of the output {outputs:?}");
        let fits = self.stride.iter().chain(&self.dilation).all(|&s| s > 0);
        assert!(fits, "{name}: strides and dilations are at least 1");
        // Positions in a plane are kept in 32 bits.
        let far = (h + 2 * self.padding[0] + self.kernel[0]).saturating_mul(w + 2 * self.padding[1] + self.kernel[1]);
        assert!(far < i32::MAX as usize, "{name}: planes of more than 2^31 elements");
    }

    /// The places `k` of the window, along dimension `d`, that lie within the input for output number `o`.
    #[inline(always)]
    fn places(&self, d: usize, o: usize) -> Range<usize> {
        let (start, dilation) = (o * self.stride[d], self.dilation[d]);
        let first = self.padding[d].saturating_sub(start).div_ceil(dilation);
        let end = (self.input[d] + self.padding[d]).saturating_sub(start).div_ceil(dilation).min(self.kernel[d]);
        first..end.max(first)
    }

    /// Where place `k` of the window lies for output number `o`, along dimension `d`; negative in the padding before.
    #[inline(always)]
    fn position(&self, d: usize, o: usize, k: usize) -> isize {
        (o * self.stride[d] + k * self.dilation[d]) as isize - self.padding[d] as isize
    }

    /// Length of a row of columns: the input between its paddings, and what the last output's window may reach beyond.
    fn padded_width(&self, ow: usize) -> usize {
        let reach = ow.saturating_sub(1) * self.stride[1] + self.dilation[1] * (self.kernel[1] - 1) + 1;
        reach.max(self.input[1] + 2 * self.padding[1])
    }

    /// The largest element of every window, and its position in its plane (`row * width + column`). Of equal ones the first
    /// is taken; nan counts as larger than everything. Of a window without elements: minus infinity at 0.
    ///
    /// # Panics
    /// If a slice has not the right length, a stride or dilation is 0, or a plane has more than 2^31 elements.
    pub fn max<T: Float>(&self, x: &[T], values: &mut [T], indices: &mut [i64]) {
        self.check("max_pool2d", x.len(), &[values.len(), indices.len()]);
        if values.is_empty() {
            return;
        }
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

    /// The gradient through [`max`](Self::max): each output's goes to the element that was its maximum.
    ///
    /// # Panics
    /// If a slice has not the right length, or an index does not lie within a plane.
    pub fn max_backward<T: Float>(&self, g: &[T], indices: &[i64], dx: &mut [T]) {
        self.check("max_pool2d backward", dx.len(), &[g.len(), indices.len()]);
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

/// Columns that a stride of 1 or 2 makes contiguous, others are picked one by one: for place `kx` of the window the columns
/// of outputs 0, 1, 2, … are `ox * stride + kx * dilation`.
struct Columns<T> {
    parts: [Vec<T>; 2],
}

impl<T: Copy> Columns<T> {
    fn new(width: usize, fill: T) -> Self {
        Columns { parts: [vec![fill; width / 2 + 1], vec![fill; width / 2 + 1]] }
    }

    /// The columns of `row` that place `kx` has for `ow` outputs.
    #[inline(always)]
    fn get<'a>(&'a mut self, pool: &Pool2d, row: &'a [T], kx: usize, ow: usize) -> &'a [T] {
        let (first, stride) = (kx * pool.dilation[1], pool.stride[1]);
        match stride {
            1 => &row[first..first + ow],
            2 => &self.parts[first % 2][first / 2..][..ow],
            _ => {
                let part = &mut self.parts[0][..ow];
                for (ox, place) in part.iter_mut().enumerate() {
                    *place = row[first + ox * stride];
                }
                part
            }
        }
    }

    /// Parts even and odd columns, if the stride asks for it.
    #[inline(always)]
    fn part(&mut self, pool: &Pool2d, row: &[T]) {
        if pool.stride[1] == 2 {
            let [even, odd] = &mut self.parts;
            let (pairs, rest) = row.as_chunks::<2>();
            for ((&[a, b], even), odd) in pairs.iter().zip(&mut *even).zip(odd) {
                (*even, *odd) = (a, b);
            }
            if let [last] = rest {
                even[pairs.len()] = *last;
            }
        }
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
        // Rows are handled in whole vectors where there is room: what comes out behind their end is written over, or not used.
        let (wide, owide) = (width.next_multiple_of(VECTOR), ow.next_multiple_of(VECTOR));
        let padded = pool.padded_width(owide).max(pool.padding[1] + wide);
        // Padding is the smallest value at the last place: it never wins.
        let (mut best, mut place) = (vec![T::NEG_INFINITY; padded], vec![i32::MAX; padded]);
        let (mut value_columns, mut place_columns) =
            (Columns::new(padded, T::NEG_INFINITY), Columns::new(padded, i32::MAX));
        let (mut out_value, mut out_place) = (vec![T::ZERO; owide], vec![0; owide]);
        let inner = pool.padding[1]..pool.padding[1] + width;
        let behind = inner.end..inner.end + pool.padding[1].max(VECTOR).min(padded - inner.end);
        let outputs = values.chunks_exact_mut(ow).zip(indices.chunks_exact_mut(ow));
        for (row, (values, indices)) in rows.zip(outputs) {
            let (plane, oy) = (row / oh * height * width, row % oh);
            let kys = pool.places(0, oy);
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
                // A dilated window can lie beside the input altogether.
                *index = if place == i32::MAX { 0 } else { i64::from(place) };
            }
        }
    }
}

/// Takes a row of the input, whose first element has position `start`, into the best of every column.
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
        // As PyTorch does: the first of equals, but the last nan.
        let beats = (x[i] > best[i]) | x[i].is_nan();
        best[i] = if beats { x[i] } else { best[i] };
        place[i] = if beats { start + i as i32 } else { place[i] };
    }
}

/// Takes for every output the better of `best` and `x`. Of equals the first in the plane wins, of nan the last.
#[inline(always)]
fn better_of<T: Float>(x: &[T], at: &[i32], best: &mut [T], place: &mut [i32]) {
    let n = x.len();
    let (at, best, place) = (&at[..n], &mut best[..n], &mut place[..n]);
    for i in 0..n {
        // No short cuts: the loop has to be free of branches.
        let first = (x[i] == best[i]) & (at[i] < place[i]);
        let nan = x[i].is_nan() & ((at[i] > place[i]) | !best[i].is_nan());
        let beats = (x[i] > best[i]) | first | nan;
        best[i] = if beats { x[i] } else { best[i] };
        place[i] = if beats { at[i] } else { place[i] };
    }
}

#[cfg(test)]
mod tests;
