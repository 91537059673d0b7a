//! Average pooling, with windows and adaptive.

use super::{Adaptive, Columns, Divisor, Pool2d, VECTOR};
use crate::float::Float;
use crate::isa;
use crate::reduce::{Axes, FloatElement, mean};
use crate::simd::{Kernel, Simd, dispatch, wide};
use crate::split::{Parts, for_ranges};
use std::ops::Range;

impl Pool2d {
    /// The divisor's factor along one dimension.
    fn extent(&self, d: usize, o: usize, divisor: Divisor) -> usize {
        let places = self.taps(d, o);
        match divisor {
            Divisor::ExcludePad => places.len(),
            // Of a window that extends beyond the padding after the end, the elements inside the padding count.
            _ => self.kernel[d].min((self.input[d] + 2 * self.padding[d]).saturating_sub(o * self.stride[d])),
        }
    }

    /// For each column the number of taps in the window that `divisor` counts.
    fn extents<T: Float>(&self, ow: usize, divisor: Divisor) -> Vec<T> {
        (0..ow.next_multiple_of(VECTOR)).map(|o| T::of(self.extent(1, o, divisor) as f64)).collect()
    }

    /// [`avg`](Self::avg) with validated arguments, at least one window.
    pub(super) fn averages<T: Float>(&self, x: &[T], divisor: Divisor, out: &mut [T]) {
        let isa = isa::isa();
        let [oh, ow] = self.output();
        let columns = self.extents(ow, divisor);
        let out = Parts::new(out);
        for_ranges(self.planes * oh, ow * (self.kernel[0] * self.kernel[1]).max(4), |rows| {
            // SAFETY: ranges of output rows do not overlap.
            let out = unsafe { out.part(rows.start * ow..rows.end * ow) };
            dispatch(isa, Avg { pool: self, x, rows, columns: &columns, divisor, out });
        });
    }

    /// [`avg_backward`](Self::avg_backward) with validated arguments.
    pub(super) fn avg_gradients<T: Float>(&self, g: &[T], divisor: Divisor, dx: &mut [T]) {
        let isa = isa::isa();
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

/// Divides a row by the number of elements in each window. Windows of padding only have the sum 0, and give 0.
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
    const AVX512: bool = wide::<T>();

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
            for ky in pool.taps(0, oy) {
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
    const AVX512: bool = wide::<T>();

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
        // Lanes after the last output stay 0.
        let mut share = vec![T::ZERO; owide];
        let mut sum = vec![T::ZERO; padded + 1];
        let mut parts = [vec![T::ZERO; padded / 2 + 1], vec![T::ZERO; padded / 2 + 1]];
        for (row, g) in g.chunks_exact(ow).enumerate() {
            let (plane, oy) = (row / oh * height * width, row % oh);
            share[..ow].copy_from_slice(g);
            divide(&mut share, pool.extent(0, oy, divisor), columns, divisor);
            sum.fill(T::ZERO);
            parts.iter_mut().for_each(|part| part.fill(T::ZERO));
            // In reverse, so that every element accumulates its windows' contributions in the order of the windows.
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
            for ky in pool.taps(0, oy) {
                let y = pool.position(0, oy, ky) as usize;
                add_to(&mut dx[plane + y * width..][..width], inner);
            }
        }
    }
}

/// The window of output `o` of adaptive pooling from `input` to `output` elements.
#[inline(always)]
fn adaptive_window(o: usize, input: usize, output: usize) -> Range<usize> {
    o * input / output..((o + 1) * input).div_ceil(output)
}

impl Adaptive {
    /// [`super::adaptive_avg_pool2d`] with validated arguments.
    pub(super) fn averages<T: FloatElement>(&self, x: &[T], out: &mut [T]) {
        let Adaptive { planes, input: [h, w], output: [oh, ow] } = *self;
        if [oh, ow] == [1, 1] {
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

    /// [`super::adaptive_avg_pool2d_backward`] with validated arguments.
    pub(super) fn gradients<T: Float>(&self, g: &[T], dx: &mut [T]) {
        let Adaptive { planes, input: [h, w], output: [oh, ow] } = *self;
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
}
