//! Pooling over the two last dimensions of contiguous arrays `[planes, height, width]`: maximum, average, adaptive average.
//!
//! A row of outputs is computed in two steps, each a plain loop along a row: first the window's rows are combined for every
//! column of the input, then its columns for every output. With stride 2 the columns are parted into even and odd ones in
//! between.

use crate::cpu;
use crate::float::Float;
use crate::reduce::{Axes, FloatElement, mean};
use crate::simd::{Kernel, Simd, dispatch};
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

/// By what average pooling divides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Divisor {
    /// The number of elements in the window, padding included.
    IncludePad,
    /// The number of elements in the window that are not padding.
    ExcludePad,
    /// This number.
    Override(i64),
}

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
        let isa = cpu::isa();
        let [oh, ow] = self.output();
        let (values, indices) = (Parts::new(values), Parts::new(indices));
        for_ranges(self.planes * oh, ow * (self.kernel[0] * self.kernel[1]).max(4), |rows| {
            let part = rows.start * ow..rows.end * ow;
            // SAFETY: ranges of output rows do not overlap.
            let (values, indices) = unsafe { (values.part(part.clone()), indices.part(part)) };
            dispatch(isa, Max { pool: self, x, rows, values, indices });
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

    /// The number that divides along one dimension, and whether anything but padding is there.
    fn extent(&self, d: usize, o: usize, divisor: Divisor) -> usize {
        let places = self.places(d, o);
        match divisor {
            Divisor::ExcludePad => places.len(),
            // A window that hangs over the padding behind the end counts as far as the padding goes.
            _ => self.kernel[d].min((self.input[d] + 2 * self.padding[d]).saturating_sub(o * self.stride[d])),
        }
    }

    /// For each column the number of its places in the window, as far as `divisor` counts them.
    fn extents<T: Float>(&self, ow: usize, divisor: Divisor) -> Vec<T> {
        (0..ow.next_multiple_of(VECTOR)).map(|o| T::of(self.extent(1, o, divisor) as f64)).collect()
    }

    /// The average of every window, by `divisor`. Dilations must be 1.
    ///
    /// # Panics
    /// If a slice has not the right length, a stride is 0, or a plane has more than 2^31 elements.
    pub fn avg<T: Float>(&self, x: &[T], divisor: Divisor, out: &mut [T]) {
        assert_eq!(self.dilation, [1, 1], "avg_pool2d: dilation");
        self.check("avg_pool2d", x.len(), &[out.len()]);
        if out.is_empty() {
            return;
        }
        let isa = cpu::isa();
        let [oh, ow] = self.output();
        let columns = self.extents(ow, divisor);
        let out = Parts::new(out);
        for_ranges(self.planes * oh, ow * (self.kernel[0] * self.kernel[1]).max(4), |rows| {
            // SAFETY: ranges of output rows do not overlap.
            let out = unsafe { out.part(rows.start * ow..rows.end * ow) };
            dispatch(isa, Avg { pool: self, x, rows, columns: &columns, divisor, out });
        });
    }

    /// The gradient through [`avg`](Self::avg).
    ///
    /// # Panics
    /// As for `avg`.
    pub fn avg_backward<T: Float>(&self, g: &[T], divisor: Divisor, dx: &mut [T]) {
        assert_eq!(self.dilation, [1, 1], "avg_pool2d: dilation");
        self.check("avg_pool2d backward", dx.len(), &[g.len()]);
        let isa = cpu::isa();
        let [oh, ow] = self.output();
        let columns = self.extents(ow, divisor);
        let plane = self.input[0] * self.input[1];
        let dx = Parts::new(dx);
        for_ranges(self.planes, plane + oh * ow * self.kernel[0] * self.kernel[1], |planes| {
            // SAFETY: planes do not overlap.
            let dx = unsafe { dx.part(planes.start * plane..planes.end * plane) };
            let g = &g[planes.start * oh * ow..planes.end * oh * ow];
            dispatch(isa, AvgBackward { pool: self, g, columns: &columns, divisor, dx });
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

/// `y += x`
#[inline(always)]
fn add_to<T: Float>(y: &mut [T], x: &[T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y += x;
    }
}

struct Avg<'a, T> {
    pool: &'a Pool2d,
    x: &'a [T],
    rows: Range<usize>,
    columns: &'a [T],
    divisor: Divisor,
    out: &'a mut [T],
}

/// Divides a row by the number of places in each window. Windows of padding only have the sum 0, and give 0.
#[inline(always)]
fn divide<T: Float>(out: &mut [T], rows: usize, columns: &[T], divisor: Divisor) {
    let rows = T::of(rows as f64);
    for (out, &columns) in out.iter_mut().zip(columns) {
        let by = match divisor {
            Divisor::Override(n) => T::of(n as f64),
            _ => rows * columns,
        };
        *out = *out / if by == T::ZERO { T::ONE } else { by };
    }
}

impl<T: Float> Kernel for Avg<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Avg { pool, x, rows, columns, divisor, out } = self;
        let [height, width] = pool.input;
        let [oh, ow] = pool.output();
        let (wide, owide) = (width.next_multiple_of(VECTOR), ow.next_multiple_of(VECTOR));
        let padded = pool.padded_width(owide).max(pool.padding[1] + wide);
        let mut sum = vec![T::ZERO; padded];
        let mut sum_columns = Columns::new(padded, T::ZERO);
        let mut total = vec![T::ZERO; owide];
        let inner = pool.padding[1]..pool.padding[1] + width;
        for (row, out) in rows.zip(out.chunks_exact_mut(ow)) {
            let (plane, oy) = (row / oh * height * width, row % oh);
            sum[inner.start..inner.start + wide].fill(T::ZERO);
            for ky in pool.places(0, oy) {
                let start = plane + pool.position(0, oy, ky) as usize * width;
                let n = if start + wide <= x.len() { wide } else { width };
                add_to(&mut sum[inner.start..inner.start + n], &x[start..start + n]);
            }
            sum[inner.end..inner.start + wide].fill(T::ZERO);
            sum_columns.part(pool, &sum);
            total.fill(T::ZERO);
            for kx in 0..pool.kernel[1] {
                add_to(&mut total, sum_columns.get(pool, &sum, kx, owide));
            }
            divide(&mut total, pool.extent(0, oy, divisor), columns, divisor);
            out.copy_from_slice(&total[..ow]);
        }
    }
}

struct AvgBackward<'a, T> {
    pool: &'a Pool2d,
    g: &'a [T],
    columns: &'a [T],
    divisor: Divisor,
    dx: &'a mut [T],
}

impl<T: Float> Kernel for AvgBackward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let AvgBackward { pool, g, columns, divisor, dx } = self;
        let [height, width] = pool.input;
        let [oh, ow] = pool.output();
        dx.fill(T::ZERO);
        if g.is_empty() {
            return;
        }
        let owide = ow.next_multiple_of(VECTOR);
        let padded = pool.padded_width(owide);
        // Lanes behind the last output stay 0.
        let mut share = vec![T::ZERO; owide];
        let mut sum = vec![T::ZERO; padded + 1];
        let mut parts = [vec![T::ZERO; padded / 2 + 1], vec![T::ZERO; padded / 2 + 1]];
        for (row, g) in g.chunks_exact(ow).enumerate() {
            let (plane, oy) = (row / oh * height * width, row % oh);
            share[..ow].copy_from_slice(g);
            divide(&mut share, pool.extent(0, oy, divisor), columns, divisor);
            sum.fill(T::ZERO);
            parts.iter_mut().for_each(|part| part.fill(T::ZERO));
            // Backwards, so that every element gets its windows' shares in the order of the windows.
            for kx in (0..pool.kernel[1]).rev() {
                match pool.stride[1] {
                    1 => add_to(&mut sum[kx..kx + owide], &share),
                    2 => add_to(&mut parts[kx % 2][kx / 2..][..owide], &share),
                    stride => {
                        for (ox, &share) in share.iter().enumerate() {
                            sum[kx + ox * stride] += share;
                        }
                    }
                }
            }
            if pool.stride[1] == 2 {
                let [even, odd] = &parts;
                for ((pair, &a), &b) in sum.as_chunks_mut::<2>().0.iter_mut().zip(even).zip(odd) {
                    *pair = [a, b];
                }
            }
            let inner = &sum[pool.padding[1]..pool.padding[1] + width];
            for ky in pool.places(0, oy) {
                let y = pool.position(0, oy, ky) as usize;
                add_to(&mut dx[plane + y * width..][..width], inner);
            }
        }
    }
}

/// The window of output number `o` of adaptive pooling from `input` to `output` elements.
#[inline(always)]
fn adaptive_window(o: usize, input: usize, output: usize) -> Range<usize> {
    o * input / output..((o + 1) * input).div_ceil(output)
}

/// Averages over windows whose number is given: output `o` of `output` averages elements `floor(o * input / output)` to
/// `ceil((o + 1) * input / output)`. `[1, 1]` is the mean of each plane.
///
/// # Panics
/// If a slice has not the right length.
pub fn adaptive_avg_pool2d<T: FloatElement>(
    x: &[T],
    planes: usize,
    input: [usize; 2],
    output: [usize; 2],
    out: &mut [T],
) {
    let ([h, w], [oh, ow]) = (input, output);
    assert!(x.len() == planes * h * w && out.len() == planes * oh * ow, "adaptive_avg_pool2d: lengths");
    if output == [1, 1] {
        let (kept, reduced) = (Axes::new(&[planes], &[(h * w) as isize]), Axes::new(&[h * w], &[1]));
        // SAFETY: the axes describe `x`, whose length was checked, and there is an output for every plane.
        unsafe { mean(x.as_ptr(), &kept, &reduced, out.as_mut_ptr()) };
        return;
    }
    if out.is_empty() {
        return;
    }
    let out = Parts::new(out);
    for_ranges(planes, h * w, |range| {
        for p in range {
            // SAFETY: planes do not overlap.
            let out = unsafe { out.part(p * oh * ow..(p + 1) * oh * ow) };
            let x = &x[p * h * w..(p + 1) * h * w];
            for (o, out) in out.iter_mut().enumerate() {
                let (rows, columns) = (adaptive_window(o / ow, h, oh), adaptive_window(o % ow, w, ow));
                let count = rows.len() * columns.len();
                let mut sum = 0.0;
                for y in rows {
                    sum += x[y * w..][columns.clone()].iter().map(|x| x.wide()).sum::<f64>();
                }
                *out = T::of(sum / count as f64);
            }
        }
    });
}

/// The gradient through [`adaptive_avg_pool2d`].
///
/// # Panics
/// If a slice has not the right length.
pub fn adaptive_avg_pool2d_backward<T: Float>(
    g: &[T],
    planes: usize,
    input: [usize; 2],
    output: [usize; 2],
    dx: &mut [T],
) {
    let ([h, w], [oh, ow]) = (input, output);
    assert!(dx.len() == planes * h * w && g.len() == planes * oh * ow, "adaptive_avg_pool2d backward: lengths");
    let dx = Parts::new(dx);
    for_ranges(planes, h * w, |range| {
        for p in range {
            // SAFETY: planes do not overlap.
            let dx = unsafe { dx.part(p * h * w..(p + 1) * h * w) };
            dx.fill(T::ZERO);
            for (o, &g) in g[p * oh * ow..(p + 1) * oh * ow].iter().enumerate() {
                let (rows, columns) = (adaptive_window(o / ow, h, oh), adaptive_window(o % ow, w, ow));
                let share = g / T::of((rows.len() * columns.len()) as f64);
                for y in rows {
                    dx[y * w..][columns.clone()].iter_mut().for_each(|dx| *dx += share);
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::{Isa, with_isa};
    use crate::threads::set_num_threads;

    fn noise(n: usize) -> Vec<f32> {
        // Few different values, so that maxima have ties.
        (0..n).map(|i| ((i as u64 * 2654435761 >> 9) % 61) as f32 / 7.0 - 4.0).collect()
    }

    fn pools() -> Vec<Pool2d> {
        let new = |planes, input, kernel, stride, padding, dilation, ceil_mode| Pool2d {
            planes,
            input,
            kernel,
            stride,
            padding,
            dilation,
            ceil_mode,
        };
        let mut pools = vec![
            new(5, [26, 26], [2, 2], [2, 2], [0, 0], [1, 1], false),
            new(64, [26, 26], [2, 2], [2, 2], [0, 0], [1, 1], false),
            new(3, [112, 112], [3, 3], [2, 2], [1, 1], [1, 1], false),
            new(4, [7, 7], [3, 3], [1, 1], [1, 1], [1, 1], false),
            new(1, [300, 500], [2, 3], [2, 1], [1, 1], [1, 1], true),
            new(2, [9, 40], [3, 2], [3, 3], [1, 0], [1, 1], true),
            new(2, [20, 33], [3, 4], [1, 2], [1, 2], [2, 3], false),
            new(2, [20, 33], [3, 2], [2, 5], [0, 1], [3, 1], true),
            new(2, [1, 17], [1, 2], [1, 2], [0, 0], [1, 1], true),
            new(0, [4, 4], [2, 2], [2, 2], [0, 0], [1, 1], false),
            new(3, [1, 1], [1, 1], [1, 1], [0, 0], [1, 1], false),
            new(3, [5, 2], [2, 3], [1, 1], [0, 0], [1, 1], false),
        ];
        for ceil_mode in [false, true] {
            for size in 3..9 {
                pools.push(new(2, [size, size + 30], [3, 3], [2, 2], [1, 1], [1, 1], ceil_mode));
                pools.push(new(2, [size, size], [2, 2], [2, 2], [1, 1], [1, 1], ceil_mode));
            }
        }
        pools
    }

    /// For every output of one plane the elements of its window (flat), in order, and the places it covers with padding.
    fn windows(pool: &Pool2d) -> Vec<(Vec<usize>, usize)> {
        let [oh, ow] = pool.output();
        let mut windows = vec![];
        for oy in 0..oh {
            for ox in 0..ow {
                let (mut inside, mut padded) = (vec![], 0);
                for ky in 0..pool.kernel[0] {
                    for kx in 0..pool.kernel[1] {
                        let y = (oy * pool.stride[0] + ky * pool.dilation[0]) as isize - pool.padding[0] as isize;
                        let x = (ox * pool.stride[1] + kx * pool.dilation[1]) as isize - pool.padding[1] as isize;
                        let [h, w] = pool.input.map(|n| n as isize);
                        if (0..h).contains(&y) && (0..w).contains(&x) {
                            inside.push((y * w + x) as usize);
                        }
                        padded += usize::from(y < h + pool.padding[0] as isize && x < w + pool.padding[1] as isize);
                    }
                }
                windows.push((inside, padded));
            }
        }
        windows
    }

    fn everywhere<O: PartialEq + std::fmt::Debug>(f: impl Fn() -> O) -> O {
        let want = f();
        for isa in Isa::available() {
            for threads in [1, 2] {
                set_num_threads(threads);
                assert!(with_isa(isa, &f) == want, "{isa:?}, {threads} threads");
            }
        }
        want
    }

    #[test]
    fn output_sizes_are_pytorchs() {
        // torch.nn.functional.max_pool1d(torch.zeros(1, 1, input), kernel, stride, padding, dilation, ceil_mode).shape[2]
        for (arguments, want) in [
            ((5, 2, 2, 0, 1, false), Some(2)),
            ((5, 2, 2, 0, 1, true), Some(3)),
            ((5, 2, 2, 1, 1, true), Some(3)),
            ((4, 2, 2, 1, 1, true), Some(3)),
            ((7, 3, 3, 1, 1, true), Some(3)),
            ((112, 3, 2, 1, 1, false), Some(56)),
            ((10, 3, 2, 0, 3, false), Some(2)),
            ((2, 3, 1, 0, 1, false), None),
            ((1, 1, 3, 0, 1, true), Some(1)),
            ((4, 1, 5, 0, 1, true), Some(1)),
        ] {
            let (i, k, s, p, d, c) = arguments;
            assert_eq!(pooled_size(i, k, s, p, d, c), want, "{arguments:?}");
        }
    }

    #[test]
    fn maxima_and_their_gradients_match_a_plain_loop() {
        for pool in pools() {
            let plane = pool.input[0] * pool.input[1];
            for case in 0..3 {
                let mut x = noise(pool.planes * plane);
                if case == 1 {
                    x.iter_mut().step_by(23).for_each(|x| *x = f32::NAN);
                } else if case == 2 {
                    x.fill(f32::NEG_INFINITY);
                }
                let windows = windows(&pool);
                let (mut values, mut indices, mut dx) = (vec![], vec![], vec![0.0f32; x.len()]);
                for p in 0..pool.planes {
                    for (window, _) in &windows {
                        let (mut best, mut at) = (f32::NEG_INFINITY, window[0]);
                        for &i in window {
                            let x = x[p * plane + i];
                            if x > best || x.is_nan() {
                                (best, at) = (x, i);
                            }
                        }
                        dx[p * plane + at] += noise(values.len() + 1)[values.len()];
                        values.push(best.to_bits());
                        indices.push(at as i64);
                    }
                }
                let n = values.len();
                let got = everywhere(|| {
                    let (mut v, mut i, mut dx) = (vec![9.0f32; n], vec![-1; n], vec![9.0; x.len()]);
                    pool.max(&x, &mut v, &mut i);
                    pool.max_backward(&noise(n), &i, &mut dx);
                    (v.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), i, dx)
                });
                assert!(got == (values, indices, dx), "{pool:?} {case}");
                let wide: Vec<f64> = x.iter().map(|&x| x as f64).collect();
                let (mut v, mut i) = (vec![0.0; n], vec![-1; n]);
                pool.max(&wide, &mut v, &mut i);
                assert!(i == got.1 && v.iter().zip(&got.0).all(|(v, w)| (*v as f32).to_bits() == *w || v.is_nan()));
            }
        }
    }

    #[test]
    fn a_window_beside_the_input_has_no_maximum() {
        let pool = Pool2d {
            planes: 2,
            input: [2, 2],
            kernel: [2, 2],
            stride: [1, 1],
            padding: [1, 1],
            dilation: [3, 3],
            ceil_mode: false,
        };
        let (mut v, mut i) = ([9.0; 2], [9; 2]);
        pool.max(&[1.0f32; 8], &mut v, &mut i);
        assert!(v == [f32::NEG_INFINITY; 2] && i == [0; 2]);
    }

    #[test]
    fn averages_and_their_gradients_match_a_plain_loop() {
        for pool in pools().into_iter().filter(|pool| pool.dilation == [1, 1]) {
            let plane = pool.input[0] * pool.input[1];
            let x = noise(pool.planes * plane);
            let windows = windows(&pool);
            let n = pool.planes * windows.len();
            let g = noise(n);
            for divisor in [Divisor::IncludePad, Divisor::ExcludePad, Divisor::Override(3), Divisor::Override(-2)] {
                let (mut want, mut dx) = (vec![], vec![0.0; x.len()]);
                for p in 0..pool.planes {
                    for (inside, padded) in &windows {
                        let by = match divisor {
                            Divisor::IncludePad => *padded as f64,
                            Divisor::ExcludePad => inside.len() as f64,
                            Divisor::Override(n) => n as f64,
                        };
                        let share = g[want.len()] as f64 / by;
                        inside.iter().for_each(|i| dx[p * plane + i] += share);
                        want.push(inside.iter().map(|i| x[p * plane + i] as f64).sum::<f64>() / by);
                    }
                }
                let got = everywhere(|| {
                    let (mut out, mut dx) = (vec![9.0f32; n], vec![9.0; x.len()]);
                    pool.avg(&x, divisor, &mut out);
                    pool.avg_backward(&g, divisor, &mut dx);
                    (out, dx)
                });
                let near =
                    |a: &[f32], b: &[f64]| a.iter().zip(b).all(|(a, b)| (*a as f64 - b).abs() < 3e-6 * (1.0 + b.abs()));
                assert!(near(&got.0, &want) && near(&got.1, &dx), "{pool:?} {divisor:?}");
            }
        }
    }

    #[test]
    fn adaptive_averages_match_a_plain_loop() {
        for (planes, input, output) in [
            (3, [7, 7], [1, 1]),
            (5, [13, 9], [6, 6]),
            (2, [4, 5], [7, 3]),
            (70, [40, 40], [1, 1]),
            (40, [32, 33], [7, 1]),
            (2, [3, 3], [0, 2]),
        ] {
            let ([h, w], [oh, ow]) = (input, output);
            let (x, g) = (noise(planes * h * w), noise(planes * oh * ow));
            let (mut want, mut dx) = (vec![], vec![0.0; x.len()]);
            for o in 0..planes * oh * ow {
                let (p, y, z) = (o / (oh * ow), o / ow % oh, o % ow);
                let inside: Vec<usize> = (0..h * w)
                    .filter(|i| {
                        let (a, b) = (i / w, i % w);
                        a >= y * h / oh && a * oh < (y + 1) * h && b >= z * w / ow && b * ow < (z + 1) * w
                    })
                    .map(|i| p * h * w + i)
                    .collect();
                want.push(inside.iter().map(|&i| x[i] as f64).sum::<f64>() / inside.len() as f64);
                inside.iter().for_each(|&i| dx[i] += g[o] as f64 / inside.len() as f64);
            }
            let got = everywhere(|| {
                let (mut out, mut dx) = (vec![9.0f32; want.len()], vec![9.0; x.len()]);
                adaptive_avg_pool2d(&x, planes, input, output, &mut out);
                adaptive_avg_pool2d_backward(&g, planes, input, output, &mut dx);
                (out, dx)
            });
            let near = |a: &[f32], b: &[f64]| a.iter().zip(b).all(|(a, b)| (*a as f64 - b).abs() < 3e-6);
            assert!(near(&got.0, &want) && near(&got.1, &dx), "{input:?} {output:?}");
        }
    }
}
