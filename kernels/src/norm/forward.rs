//! Batch normalization of channels, in the computed type, and code shared with the backward pass.

use super::BatchNorm;
use crate::Activation;
use crate::float::Float;
use crate::isa;
use crate::reduce::{Axes, FloatElement, Moments, deviation_sums, var};
use crate::rows::{Body, Flow, map, map_flow};
use crate::simd::{Kernel, Simd, dispatch, finish_streaming, wide};
use crate::split::{PARALLEL_ELEMENTS, Parts, TASK, for_ranges};
use crate::threads::parallel_tasks;
use std::ops::Range;

/// Number of pieces that each channel is split into if there are few channels.
const PIECES: usize = 32;
/// Number of elements for the initial estimate of the mean, and the maximum per sample.
const ESTIMATE: [usize; 2] = [64, 16];
/// Channels processed together if `spatial` is 1.
pub(super) const TILE: usize = 64;

/// The normalization of a channel: `(x - mean) * scale + bias`.
#[derive(Clone, Copy)]
pub(super) struct Affine<T> {
    pub(super) mean: T,
    pub(super) scale: T,
    pub(super) bias: T,
}

impl<T: Float> Affine<T> {
    #[inline(always)]
    pub(super) fn apply<S: Simd>(self, x: T) -> T {
        (x - self.mean).mul_add::<S>(self.scale, self.bias)
    }
}

impl<T: Float> Body<T, 1> for Affine<T> {
    #[inline(always)]
    fn of<S: Simd>(self, [x]: [T; 1]) -> T {
        self.apply::<S>(x)
    }
}

/// The same followed by an activation.
#[derive(Clone, Copy)]
struct Limited<T>(Affine<T>, Limits<T>);

impl<T: Float> Body<T, 1> for Limited<T> {
    #[inline(always)]
    fn of<S: Simd>(self, [x]: [T; 1]) -> T {
        self.1.apply(self.0.apply::<S>(x))
    }
}

/// The same for elements of different channels.
#[derive(Clone, Copy)]
struct Columns<T>(Option<Limits<T>>);

impl<T: Float> Body<T, 4> for Columns<T> {
    #[inline(always)]
    fn of<S: Simd>(self, [x, mean, scale, bias]: [T; 4]) -> T {
        let y = Affine { mean, scale, bias }.apply::<S>(x);
        self.0.map_or(y, |limits| limits.apply(y))
    }
}

/// The bounds of an activation's results. A NaN bound does not limit; NaN stays NaN.
#[derive(Clone, Copy)]
pub(super) struct Limits<T> {
    low: T,
    high: T,
}

impl<T: Float> Limits<T> {
    pub(super) fn of(activation: Activation) -> Option<Self> {
        match activation {
            Activation::None => None,
            Activation::Relu => Some(Self { low: T::ZERO, high: T::of(f64::NAN) }),
            Activation::Relu6 => Some(Self { low: T::ZERO, high: T::of(6.0) }),
        }
    }

    #[inline(always)]
    fn apply(self, y: T) -> T {
        let y = if y <= self.low { self.low } else { y };
        if y >= self.high { self.high } else { y }
    }

    /// The gradient with respect to the activation's input `y`, given that with respect to its output.
    #[inline(always)]
    pub(super) fn grad(self, g: T, y: T) -> T {
        let g = if y <= self.low { T::ZERO } else { g };
        if y >= self.high { T::ZERO } else { g }
    }
}

impl<T: FloatElement> BatchNorm<&[T]> {
    /// Elements per channel.
    pub(super) fn count(&self) -> usize {
        self.n * self.spatial
    }

    /// Number of pieces to split each channel into, and their length.
    pub(super) fn pieces(&self) -> (usize, usize) {
        if self.len() < PARALLEL_ELEMENTS || self.channels >= PIECES {
            return (1, self.count());
        }
        let pieces = PIECES.div_ceil(self.channels).min(self.count().div_ceil(TASK));
        let len = self.count().div_ceil(pieces).next_multiple_of(64);
        (self.count().div_ceil(len), len)
    }

    /// The offsets of elements `range` of a channel (counted over the batch).
    #[inline(always)]
    pub(super) fn segments(&self, channel: usize, range: Range<usize>) -> Segments {
        let BatchNorm { channels, spatial, .. } = *self;
        Segments { channel, channels, spatial, range }
    }

    pub(super) fn affine(&self, channel: usize, mean: T, invstd: T) -> Affine<T> {
        let scale = self.weight.map_or(invstd, |w| invstd * w[channel]);
        Affine { mean, scale, bias: self.bias.map_or(T::ZERO, |b| b[channel]) }
    }

    fn invstd(&self, variance: f64) -> T {
        T::of(1.0 / (variance + self.eps).sqrt())
    }

    /// [`forward`](Self::forward) with validated arguments; writes the biased variances instead of running statistics.
    pub(super) fn normalize(&self, x: &[T], y: &mut [T], mean: &mut [T], invstd: &mut [T], variances: &mut [T]) {
        if self.spatial != 1 {
            return self.forward_channels(x, y, mean, invstd, variances);
        }
        let (kept, reduced) = (Axes::new(&[self.channels], &[1]), Axes::new(&[self.n], &[self.channels as isize]));
        // SAFETY: the axes describe `x`, whose length was checked, and there is an output for every channel.
        unsafe { var(x.as_ptr(), &kept, &reduced, 0.0, variances.as_mut_ptr(), mean.as_mut_ptr()) };
        for c in 0..self.channels {
            invstd[c] = self.invstd(variances[c].wide());
        }
        self.normalize_rows(x, y, mean, invstd);
    }

    fn forward_channels(&self, x: &[T], y: &mut [T], mean: &mut [T], invstd: &mut [T], variances: &mut [T]) {
        let (isa, limits) = (isa::isa(), Limits::of(self.activation));
        let (pieces, len) = self.pieces();
        let [y, mean, invstd, variances] = [y, mean, invstd, variances].map(Parts::new);
        let stats = |channel: usize, range| dispatch(isa, Stats { norm: self, x, channel, range });
        let finish = |channel: usize, moments: Moments| {
            let variance = moments.squares / moments.n;
            let (m, i) = (T::of(moments.mean), self.invstd(variance));
            for (part, value) in [(&mean, m), (&invstd, i), (&variances, T::of(variance))] {
                // SAFETY: tasks write disjoint channels.
                unsafe { part.part(channel..channel + 1)[0] = value };
            }
            self.affine(channel, m, i)
        };
        let normalize = |channel: usize, affine, range| {
            dispatch(isa, Normalize { norm: self, x, y: &y, limits, channel, affine, range })
        };
        if pieces == 1 {
            for_ranges(self.channels, self.count(), |channels| {
                for channel in channels {
                    let affine = finish(channel, stats(channel, 0..self.count()));
                    normalize(channel, affine, 0..self.count());
                }
            });
            return;
        }
        let range = |piece: usize| piece * len..self.count().min((piece + 1) * len);
        let mut moments = vec![Moments::EMPTY; self.channels * pieces];
        let shared = Parts::new(&mut moments);
        parallel_tasks(self.channels * pieces, |task| {
            // SAFETY: tasks write disjoint elements.
            unsafe { shared.part(task..task + 1)[0] = stats(task / pieces, range(task % pieces)) };
        });
        let merge = |m: &[Moments]| m.iter().fold(Moments::EMPTY, |a, &b| Moments::merge(a, b));
        let affine: Vec<_> = moments.chunks(pieces).enumerate().map(|(c, m)| finish(c, merge(m))).collect();
        parallel_tasks(self.channels * pieces, |task| {
            normalize(task / pieces, affine[task / pieces], range(task % pieces));
        });
    }

    fn normalize_rows(&self, x: &[T], y: &mut [T], mean: &[T], invstd: &[T]) {
        let (isa, limits) = (isa::isa(), Limits::of(self.activation));
        let affine: Vec<_> = (0..self.channels).map(|c| self.affine(c, mean[c], invstd[c])).collect();
        let columns = [
            affine.iter().map(|a| a.mean).collect(),
            affine.iter().map(|a| a.scale).collect(),
            affine.iter().map(|a| a.bias).collect(),
        ];
        let y = Parts::new(y);
        for_ranges(self.n, self.channels, |rows| {
            let range = rows.start * self.channels..rows.end * self.channels;
            // SAFETY: ranges of rows do not overlap.
            let y = unsafe { y.part(range.clone()) };
            dispatch(isa, NormalizeRows { x: &x[range], y, limits, columns: &columns });
        });
    }

    /// [`forward_with`](Self::forward_with) with validated arguments.
    pub(super) fn normalize_with(&self, x: &[T], mean: &[T], variance: &[T], y: &mut [T]) {
        let invstd: Vec<T> = variance.iter().map(|v| self.invstd(v.wide())).collect();
        if self.spatial == 1 {
            self.normalize_rows(x, y, mean, &invstd);
            return;
        }
        let (isa, limits) = (isa::isa(), Limits::of(self.activation));
        let y = Parts::new(y);
        for_ranges(self.n * self.channels, self.spatial, |planes| {
            for plane in planes {
                let (sample, channel) = (plane / self.channels, plane % self.channels);
                let affine = self.affine(channel, mean[channel], invstd[channel]);
                let range = sample * self.spatial..(sample + 1) * self.spatial;
                dispatch(isa, Normalize { norm: self, x, y: &y, limits, channel, affine, range });
            }
        });
    }
}

/// Iterates over the contiguous segments of a channel.
pub(super) struct Segments {
    channel: usize,
    channels: usize,
    spatial: usize,
    range: Range<usize>,
}

impl Iterator for Segments {
    type Item = Range<usize>;

    #[inline(always)]
    fn next(&mut self) -> Option<Range<usize>> {
        let at = self.range.start;
        if at >= self.range.end {
            return None;
        }
        let (sample, skip) = (at / self.spatial, at % self.spatial);
        let len = (self.spatial - skip).min(self.range.end - at);
        self.range.start += len;
        let start = (sample * self.channels + self.channel) * self.spatial + skip;
        Some(start..start + len)
    }
}

/// Elements of short segments that are gathered before they are summed.
const GATHER: usize = 1024;

/// The elements of a channel in `K` arrays, in pieces long enough for a loop: segments, or several short ones gathered.
pub(super) struct Pieces<'a, T, const K: usize> {
    arrays: [&'a [T]; K],
    segments: Segments,
    buffers: [[T; GATHER]; K],
}

impl<'a, T: Float, const K: usize> Pieces<'a, T, K> {
    #[inline(always)]
    pub(super) fn new(arrays: [&'a [T]; K], segments: Segments) -> Self {
        Pieces { arrays, segments, buffers: [[T::ZERO; GATHER]; K] }
    }

    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<[&[T]; K]> {
        let mut pieces: [&[T]; K] = [&[]; K];
        if self.segments.spatial >= GATHER / 4 {
            let segment = self.segments.next()?;
            for k in 0..K {
                pieces[k] = &self.arrays[k][segment.clone()];
            }
            return Some(pieces);
        }
        let mut len = 0;
        while len + self.segments.spatial <= GATHER
            && let Some(segment) = self.segments.next()
        {
            for k in 0..K {
                self.buffers[k][len..len + segment.len()].copy_from_slice(&self.arrays[k][segment.clone()]);
            }
            len += segment.len();
        }
        for k in 0..K {
            pieces[k] = &self.buffers[k][..len];
        }
        (len > 0).then_some(pieces)
    }
}

struct Stats<'a, T> {
    norm: &'a BatchNorm<&'a [T]>,
    x: &'a [T],
    channel: usize,
    range: Range<usize>,
}

impl<T: FloatElement> Kernel for Stats<'_, T> {
    type Output = Moments;
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) -> Moments {
        let Stats { norm, x, channel, range } = self;
        // The mean of a few elements of every sample is close enough to the mean of all: deviations from it must not be
        // much larger than the standard deviation.
        let (mut sum, mut count) = (0.0, 0);
        let few = (ESTIMATE[0] / norm.n.max(1)).clamp(1, ESTIMATE[1]);
        for segment in norm.segments(channel, range.clone()) {
            let sample = &x[segment.start..segment.end.min(segment.start + few)];
            sum += sample.iter().map(|x| x.wide()).sum::<f64>();
            count += sample.len();
        }
        let shift = T::of(sum / count as f64);
        let [mut sum, mut squares] = [0.0; 2];
        let mut pieces = Pieces::new([x], norm.segments(channel, range.clone()));
        while let Some([x]) = pieces.next() {
            let part = deviation_sums::<S, T>(x, shift);
            sum += part[0];
            squares += part[1];
        }
        Moments::around(range.len(), shift.wide(), sum, squares)
    }
}

struct Normalize<'a, T> {
    norm: &'a BatchNorm<&'a [T]>,
    x: &'a [T],
    y: &'a Parts<'a, T>,
    limits: Option<Limits<T>>,
    channel: usize,
    affine: Affine<T>,
    range: Range<usize>,
}

impl<T: FloatElement> Kernel for Normalize<'_, T> {
    type Output = ();
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Normalize { norm, x, y, limits, channel, affine, range } = self;
        let flow = Flow::new(x, norm.spatial, 0);
        for segment in norm.segments(channel, range) {
            // SAFETY: tasks write disjoint segments.
            let y = unsafe { y.part(segment.clone()) };
            match limits {
                Some(limits) => map_flow::<S, T, 1>([&x[segment]], y, Limited(affine, limits), flow),
                None => map_flow::<S, T, 1>([&x[segment]], y, affine, flow),
            }
        }
        finish_streaming();
    }
}

struct NormalizeRows<'a, T> {
    x: &'a [T],
    y: &'a mut [T],
    limits: Option<Limits<T>>,
    /// The mean, scale and bias of every channel.
    columns: &'a [Vec<T>; 3],
}

impl<T: FloatElement> Kernel for NormalizeRows<'_, T> {
    type Output = ();
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let [mean, scale, bias] = self.columns;
        let channels = mean.len();
        for (x, y) in self.x.chunks_exact(channels).zip(self.y.chunks_exact_mut(channels)) {
            map::<S, T, 4>([x, mean, scale, bias], y, Columns(self.limits));
        }
    }
}
