//! Pooling over the last two dimensions of contiguous arrays `[planes, height, width]`: maximum, average, adaptive
//! average.
//!
//! A row of outputs is computed in two steps, each a plain loop along a row: first the window's rows are combined for
//! every column of the input, then its columns for every output. With stride 2 the even and odd columns are separated
//! in between. Maxima of nonoverlapping 2 by 2 windows have a faster path ([`pairs`]).

mod avg;
mod max;
mod pairs;

use crate::convert::{for_blocks, read, write};
use crate::dtype::StoredFloat;
use crate::instances::instances;
use crate::reduce::FloatElement;
use crate::split::Parts;
use std::ops::Range;

/// A pooling window sliding over planes. Pairs are height, width.
#[derive(Clone, Copy, Debug)]
pub struct Pool2d {
    /// The number of planes: batch times channels.
    pub planes: usize,
    /// The height and width of a plane.
    pub input: [usize; 2],
    /// The size of the window.
    pub kernel: [usize; 2],
    /// The distance between windows.
    pub stride: [usize; 2],
    /// The number of padding elements at each end.
    pub padding: [usize; 2],
    /// The distance between the window's elements (maximum only).
    pub dilation: [usize; 2],
    /// Whether a partial last window is included.
    pub ceil_mode: bool,
}

/// Row lengths are rounded up to a multiple of this where there is room.
const VECTOR: usize = 16;

/// The output size along one dimension, `None` where no window fits. A window that starts in the padding after the end
/// is not included.
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

/// The divisor of average pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Divisor {
    /// The number of elements in the window, padding included.
    IncludePad,
    /// The number of elements in the window, padding excluded.
    ExcludePad,
    /// A given divisor.
    Override(i64),
}

impl Pool2d {
    /// Height and width of the output; 0 where no window fits.
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
        let (planes, want) = (self.planes, self.planes * h * w);
        assert!(input == want, "{name}: expected {want} elements in {planes} planes of {h} by {w}, got {input}");
        let want = planes * oh * ow;
        assert!(outputs.iter().all(|&len| len == want), "{name}: expected {want} output elements, got {outputs:?}");
        let fits = self.stride.iter().chain(&self.dilation).all(|&s| s > 0);
        assert!(
            fits,
            "{name}: expected strides and dilations of at least 1, got {:?} and {:?}",
            self.stride, self.dilation
        );
        // Positions in a plane are stored in 32 bits.
        let far = (h + 2 * self.padding[0] + self.kernel[0]).saturating_mul(w + 2 * self.padding[1] + self.kernel[1]);
        assert!(far < i32::MAX as usize, "{name}: expected planes of less than 2^31 elements, padding included");
    }

    /// The taps `k` of the window along dimension `d` that are inside the input for output `o`.
    #[inline(always)]
    fn taps(&self, d: usize, o: usize) -> Range<usize> {
        let (start, dilation) = (o * self.stride[d], self.dilation[d]);
        let first = self.padding[d].saturating_sub(start).div_ceil(dilation);
        let end = (self.input[d] + self.padding[d]).saturating_sub(start).div_ceil(dilation).min(self.kernel[d]);
        first..end.max(first)
    }

    /// The position of tap `k` of the window of output `o` along dimension `d`; negative in the padding before the
    /// input.
    #[inline(always)]
    fn position(&self, d: usize, o: usize, k: usize) -> isize {
        (o * self.stride[d] + k * self.dilation[d]) as isize - self.padding[d] as isize
    }

    /// Row length of the column buffers: the padded input, and how far the last output's window may extend beyond it.
    fn padded_width(&self, ow: usize) -> usize {
        let reach = ow.saturating_sub(1) * self.stride[1] + self.dilation[1] * (self.kernel[1] - 1) + 1;
        reach.max(self.input[1] + 2 * self.padding[1])
    }
}

instances! {
    /// A floating-point type that pooling is defined for.
    pub trait Element: StoredFloat; Float types, bodies in self {
        fn max(pool: &Pool2d, x: &[Self], values: &mut [Self], indices: &mut [i64]);
        fn max_backward(pool: &Pool2d, g: &[Self], indices: &[i64], dx: &mut [Self]);
        fn avg(pool: &Pool2d, x: &[Self], divisor: Divisor, out: &mut [Self]);
        fn avg_backward(pool: &Pool2d, g: &[Self], divisor: Divisor, dx: &mut [Self]);
        fn adaptive(pool: &Adaptive, x: &[Self], out: &mut [Self]);
        fn adaptive_backward(pool: &Adaptive, g: &[Self], dx: &mut [Self]);
    }
}

impl Pool2d {
    /// The maximum of every window, and its position in its plane (`row * width + column`). Ties are resolved to the
    /// first; NaN counts as larger than everything. An empty window gives minus infinity at position 0.
    ///
    /// # Panics
    /// If the length of a slice does not match the shape, a stride or dilation is 0, or a plane has more than 2^31
    /// elements.
    #[inline]
    pub fn max<T: Element>(&self, x: &[T], values: &mut [T], indices: &mut [i64]) {
        T::max(self, x, values, indices);
    }

    /// The gradient through [`max`](Self::max): each output's gradient goes to the element that was its maximum.
    ///
    /// # Panics
    /// If the length of a slice does not match the shape, or an index is not a position in a plane.
    #[inline]
    pub fn max_backward<T: Element>(&self, g: &[T], indices: &[i64], dx: &mut [T]) {
        T::max_backward(self, g, indices, dx);
    }

    /// The average of every window, with the given `divisor`. Dilations must be 1.
    ///
    /// # Panics
    /// If the length of a slice does not match the shape, a stride is 0, or a plane has more than 2^31 elements.
    #[inline]
    pub fn avg<T: Element>(&self, x: &[T], divisor: Divisor, out: &mut [T]) {
        T::avg(self, x, divisor, out);
    }

    /// The gradient through [`avg`](Self::avg).
    ///
    /// # Panics
    /// As for `avg`.
    #[inline]
    pub fn avg_backward<T: Element>(&self, g: &[T], divisor: Divisor, dx: &mut [T]) {
        T::avg_backward(self, g, divisor, dx);
    }

    /// Calls `f` with blocks of planes: the pool of a block, its range of the input and that of the output.
    fn for_planes<T: StoredFloat>(&self, f: impl Fn(Pool2d, Range<usize>, Range<usize>) + Sync) {
        let plane = self.input[0] * self.input[1];
        let windows: usize = self.output().iter().product();
        for_blocks::<T>(self.planes, plane.max(windows), |block| {
            let of = |len: usize| block.start * len..block.end * len;
            f(Pool2d { planes: block.len(), ..*self }, of(plane), of(windows));
        });
    }
}

/// The mean over a given number of windows: output `o` of `output` averages elements `floor(o * input / output)` to
/// `ceil((o + 1) * input / output)`. `[1, 1]` is the mean of each plane.
///
/// # Panics
/// If the length of a slice does not match the shape.
#[inline]
pub fn adaptive_avg_pool2d<T: Element>(x: &[T], planes: usize, input: [usize; 2], output: [usize; 2], out: &mut [T]) {
    T::adaptive(&Adaptive { planes, input, output }, x, out);
}

/// The gradient through [`adaptive_avg_pool2d`].
///
/// # Panics
/// If the length of a slice does not match the shape.
#[inline]
pub fn adaptive_avg_pool2d_backward<T: Element>(
    g: &[T],
    planes: usize,
    input: [usize; 2],
    output: [usize; 2],
    dx: &mut [T],
) {
    T::adaptive_backward(&Adaptive { planes, input, output }, g, dx);
}

fn max<T: StoredFloat>(pool: &Pool2d, x: &[T], values: &mut [T], indices: &mut [i64]) {
    pool.check("max_pool2d", x.len(), &[values.len(), indices.len()]);
    if values.is_empty() {
        return;
    }
    let (values, indices) = (Parts::new(values), Parts::new(indices));
    pool.for_planes::<T>(|pool, input, output| {
        // SAFETY: blocks of planes do not overlap.
        let (values, indices) = unsafe { (values.part(output.clone()), indices.part(output)) };
        read(&x[input], |x| write(values, |values| pool.maxima(x, values, indices)));
    });
}

fn max_backward<T: StoredFloat>(pool: &Pool2d, g: &[T], indices: &[i64], dx: &mut [T]) {
    pool.check("max_pool2d backward", dx.len(), &[g.len(), indices.len()]);
    let dx = Parts::new(dx);
    pool.for_planes::<T>(|pool, input, output| {
        // SAFETY: blocks of planes do not overlap.
        let dx = unsafe { dx.part(input) };
        read(&g[output.clone()], |g| write(dx, |dx| pool.max_gradients(g, &indices[output], dx)));
    });
}

fn avg<T: StoredFloat>(pool: &Pool2d, x: &[T], divisor: Divisor, out: &mut [T]) {
    assert_eq!(pool.dilation, [1, 1], "avg_pool2d: expected no dilation");
    pool.check("avg_pool2d", x.len(), &[out.len()]);
    if out.is_empty() {
        return;
    }
    let out = Parts::new(out);
    pool.for_planes::<T>(|pool, input, output| {
        // SAFETY: blocks of planes do not overlap.
        let out = unsafe { out.part(output) };
        read(&x[input], |x| write(out, |out| pool.averages(x, divisor, out)));
    });
}

fn avg_backward<T: StoredFloat>(pool: &Pool2d, g: &[T], divisor: Divisor, dx: &mut [T]) {
    assert_eq!(pool.dilation, [1, 1], "avg_pool2d: expected no dilation");
    pool.check("avg_pool2d backward", dx.len(), &[g.len()]);
    let dx = Parts::new(dx);
    pool.for_planes::<T>(|pool, input, output| {
        // SAFETY: blocks of planes do not overlap.
        let dx = unsafe { dx.part(input) };
        read(&g[output], |g| write(dx, |dx| pool.avg_gradients(g, divisor, dx)));
    });
}

/// The shape of adaptive pooling. Pairs are height, width.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct Adaptive {
    planes: usize,
    input: [usize; 2],
    output: [usize; 2],
}

impl Adaptive {
    fn check(&self, name: &str, input: usize, output: usize) {
        let Adaptive { planes, input: [h, w], output: [oh, ow] } = *self;
        assert!(
            input == planes * h * w && output == planes * oh * ow,
            "{name}: expected {planes} planes of {h} by {w} and of {oh} by {ow}, got {input} and {output} elements"
        );
    }

    /// As for [`Pool2d::for_planes`].
    fn for_planes<T: StoredFloat>(&self, f: impl Fn(Adaptive, Range<usize>, Range<usize>) + Sync) {
        let [plane, windows] = [self.input, self.output].map(|[h, w]| h * w);
        for_blocks::<T>(self.planes, plane.max(windows), |block| {
            let of = |len: usize| block.start * len..block.end * len;
            f(Adaptive { planes: block.len(), ..*self }, of(plane), of(windows));
        });
    }
}

fn adaptive<T: StoredFloat<Computed: FloatElement>>(pool: &Adaptive, x: &[T], out: &mut [T]) {
    pool.check("adaptive_avg_pool2d", x.len(), out.len());
    let out = Parts::new(out);
    pool.for_planes::<T>(|pool, input, output| {
        // SAFETY: blocks of planes do not overlap.
        let out = unsafe { out.part(output) };
        read(&x[input], |x| write(out, |out| pool.averages(x, out)));
    });
}

fn adaptive_backward<T: StoredFloat>(pool: &Adaptive, g: &[T], dx: &mut [T]) {
    pool.check("adaptive_avg_pool2d backward", dx.len(), g.len());
    let dx = Parts::new(dx);
    pool.for_planes::<T>(|pool, input, output| {
        // SAFETY: blocks of planes do not overlap.
        let dx = unsafe { dx.part(input) };
        read(&g[output], |g| write(dx, |dx| pool.gradients(g, dx)));
    });
}

/// Columns that a stride of 1 or 2 makes contiguous, others are gathered one by one: for tap `kx` of the window the
/// columns of outputs 0, 1, 2, … are `ox * stride + kx * dilation`.
struct Columns<T> {
    parts: [Vec<T>; 2],
}

impl<T: Copy> Columns<T> {
    fn new(width: usize, fill: T) -> Self {
        Columns { parts: [vec![fill; width / 2 + 1], vec![fill; width / 2 + 1]] }
    }

    /// The columns of `row` for tap `kx` of `ow` outputs.
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

    /// Separates even and odd columns if the stride is 2.
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

#[cfg(test)]
mod tests;
