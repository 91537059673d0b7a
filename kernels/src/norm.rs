//! Batch normalisation of contiguous arrays `[n, channels, spatial]`, forward and backward, with an optional ReLU behind it.
//!
//! Each channel's statistics are taken in one pass, as sums of deviations from a value near its mean (so that data far from 0
//! loses nothing), and the channel is normalised right after, while it is still in the cache. With `spatial` 1 neighbouring
//! elements belong to different channels, and tiles of channels take the place of channels.

use crate::cpu;
use crate::float::Float;
use crate::reduce::{Axes, FloatElement, Moments, deviation_sums, var};
use crate::rows::{Body, body, map, sums};
use crate::simd::{Kernel, Simd, dispatch};
use crate::split::{Parts, TASK, WORTH_THREADS, for_ranges};
use crate::threads::parallel_tasks;
use std::ops::Range;

/// Pieces that few channels are cut into.
const PIECES: usize = 32;
/// Elements of every sample from which the mean is estimated first.
const SAMPLE: usize = 16;
/// Channels handled together where `spatial` is 1.
const TILE: usize = 64;

/// What forward and backward have in common.
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm<'a, T> {
    /// Size of the batch.
    pub n: usize,
    /// Number of channels.
    pub channels: usize,
    /// Elements of one channel of one sample: height times width, or 1.
    pub spatial: usize,
    /// Factor on each channel, 1 if there is none.
    pub weight: Option<&'a [T]>,
    /// Added to each channel, 0 if there is none. The backward does not use it.
    pub bias: Option<&'a [T]>,
    /// Added to the variance.
    pub eps: f64,
}

/// Running statistics, which a training step updates: `running = (1 - momentum) * running + momentum * batch`, with the
/// unbiased variance.
#[derive(Debug)]
pub struct Running<'a, T> {
    /// Mean of every channel.
    pub mean: &'a mut [T],
    /// Variance of every channel.
    pub var: &'a mut [T],
    /// Share of the new batch.
    pub momentum: f64,
}

/// How a channel is normalised: `(x - mean) * scale + bias`.
#[derive(Clone, Copy)]
struct Affine<T> {
    mean: T,
    scale: T,
    bias: T,
}

impl<T: Float> Affine<T> {
    #[inline(always)]
    fn apply<S: Simd>(self, x: T) -> T {
        (x - self.mean).mul_add::<S>(self.scale, self.bias)
    }
}

impl<T: Float> Body<T, 1> for Affine<T> {
    #[inline(always)]
    fn of<S: Simd>(self, [x]: [T; 1]) -> T {
        self.apply::<S>(x)
    }
}

/// The same with a ReLU behind it.
#[derive(Clone, Copy)]
struct Rectified<T>(Affine<T>);

impl<T: Float> Body<T, 1> for Rectified<T> {
    #[inline(always)]
    fn of<S: Simd>(self, [x]: [T; 1]) -> T {
        relu(self.0.apply::<S>(x))
    }
}

/// The same for elements of different channels.
#[derive(Clone, Copy)]
struct Columns<const RELU: bool>;

impl<T: Float, const RELU: bool> Body<T, 4> for Columns<RELU> {
    #[inline(always)]
    fn of<S: Simd>(self, [x, mean, scale, bias]: [T; 4]) -> T {
        let y = Affine { mean, scale, bias }.apply::<S>(x);
        if RELU { relu(y) } else { y }
    }
}

/// `max(x, 0)` that keeps nan.
#[inline(always)]
fn relu<T: Float>(x: T) -> T {
    if x <= T::ZERO { T::ZERO } else { x }
}

/// The gradient of a channel's input: `g * scale`, less what goes through the statistics.
#[derive(Clone, Copy)]
struct Slope<T> {
    mean: T,
    scale: T,
    /// The mean of `g`, 0 in evaluation.
    shift: T,
    /// The mean of `g * (x - mean)` over the variance, 0 in evaluation.
    tilt: T,
}

impl<T: Float> Slope<T> {
    #[inline(always)]
    fn apply<S: Simd>(self, x: T, g: T) -> T {
        (-(x - self.mean)).mul_add::<S>(self.tilt, g - self.shift) * self.scale
    }
}

impl<T: Float> Body<T, 2> for Slope<T> {
    #[inline(always)]
    fn of<S: Simd>(self, [x, g]: [T; 2]) -> T {
        self.apply::<S>(x, g)
    }
}

/// With the output of a ReLU as third.
impl<T: Float> Body<T, 3> for Slope<T> {
    #[inline(always)]
    fn of<S: Simd>(self, [x, g, y]: [T; 3]) -> T {
        self.apply::<S>(x, masked(g, y))
    }
}

/// The gradient before the ReLU from that behind it.
#[inline(always)]
fn masked<T: Float>(g: T, y: T) -> T {
    if y <= T::ZERO { T::ZERO } else { g }
}

impl<T: FloatElement> BatchNorm<'_, T> {
    fn len(&self) -> usize {
        self.n * self.channels * self.spatial
    }

    /// Elements of a channel.
    fn count(&self) -> usize {
        self.n * self.spatial
    }

    fn check(&self, lens: &[usize], channels: &[usize]) {
        let len = self.len();
        assert!(lens.iter().all(|&l| l == len), "batch norm: slices of {lens:?} elements, not {len}");
        let affine = [self.weight, self.bias].map(|values| values.map_or(self.channels, <[T]>::len));
        let fits = channels.iter().chain(&affine).all(|&c| c == self.channels);
        assert!(fits, "batch norm: not {} values a channel", self.channels);
    }

    /// Pieces to cut each channel into, and their length.
    fn pieces(&self) -> (usize, usize) {
        if self.len() < WORTH_THREADS || self.channels >= PIECES {
            return (1, self.count());
        }
        let pieces = PIECES.div_ceil(self.channels).min(self.count().div_ceil(TASK));
        let len = self.count().div_ceil(pieces).next_multiple_of(64);
        (self.count().div_ceil(len), len)
    }

    /// Where elements `range` of a channel (counted over the batch) lie.
    #[inline(always)]
    fn segments(&self, channel: usize, range: Range<usize>) -> Segments {
        let BatchNorm { channels, spatial, .. } = *self;
        Segments { channel, channels, spatial, range }
    }

    fn affine(&self, channel: usize, mean: T, invstd: T) -> Affine<T> {
        let scale = self.weight.map_or(invstd, |w| invstd * w[channel]);
        Affine { mean, scale, bias: self.bias.map_or(T::ZERO, |b| b[channel]) }
    }

    fn invstd(&self, variance: f64) -> T {
        T::of(1.0 / (variance + self.eps).sqrt())
    }

    /// Normalises by the statistics of this batch. Writes the output, and to `mean` and `invstd` what the backward needs: each
    /// channel's mean and `1 / sqrt(biased variance + eps)`. With `relu`, negative outputs become 0.
    ///
    /// # Panics
    /// If a slice has not the right length.
    pub fn forward(
        &self,
        x: &[T],
        relu: bool,
        running: Option<Running<T>>,
        y: &mut [T],
        mean: &mut [T],
        invstd: &mut [T],
    ) {
        self.check(&[x.len(), y.len()], &[mean.len(), invstd.len()]);
        let mut variances = vec![T::ZERO; self.channels];
        if self.spatial == 1 {
            let (kept, reduced) = (Axes::new(&[self.channels], &[1]), Axes::new(&[self.n], &[self.channels as isize]));
            // SAFETY: the axes describe `x`, whose length was checked, and there is an output for every channel.
            unsafe { var(x.as_ptr(), &kept, &reduced, 0.0, variances.as_mut_ptr(), mean.as_mut_ptr()) };
            for c in 0..self.channels {
                invstd[c] = self.invstd(variances[c].wide());
            }
            self.normalise_rows(x, relu, y, mean, invstd);
        } else {
            self.forward_channels(x, relu, y, mean, invstd, &mut variances);
        }
        if let Some(running) = running {
            self.check(&[], &[running.mean.len(), running.var.len()]);
            let unbiased = self.count() as f64 / (self.count() as f64 - 1.0);
            for c in 0..self.channels {
                let mix = |old: T, new: f64| T::of((1.0 - running.momentum) * old.wide() + running.momentum * new);
                running.mean[c] = mix(running.mean[c], mean[c].wide());
                running.var[c] = mix(running.var[c], variances[c].wide() * unbiased);
            }
        }
    }

    fn forward_channels(
        &self,
        x: &[T],
        relu: bool,
        y: &mut [T],
        mean: &mut [T],
        invstd: &mut [T],
        variances: &mut [T],
    ) {
        let isa = cpu::isa();
        let (pieces, len) = self.pieces();
        let [y, mean, invstd, variances] = [y, mean, invstd, variances].map(Parts::new);
        let stats = |channel: usize, range| dispatch(isa, Stats { norm: self, x, channel, range });
        let finish = |channel: usize, moments: Moments| {
            let variance = moments.squares / moments.n;
            let (m, i) = (T::of(moments.mean), self.invstd(variance));
            for (part, value) in [(&mean, m), (&invstd, i), (&variances, T::of(variance))] {
                // SAFETY: every channel belongs to one task.
                unsafe { part.part(channel..channel + 1)[0] = value };
            }
            self.affine(channel, m, i)
        };
        let normalise = |channel: usize, affine, range| {
            dispatch(isa, Normalise { norm: self, x, y: &y, relu, channel, affine, range })
        };
        if pieces == 1 {
            for_ranges(self.channels, self.count(), |channels| {
                for channel in channels {
                    let affine = finish(channel, stats(channel, 0..self.count()));
                    normalise(channel, affine, 0..self.count());
                }
            });
            return;
        }
        let range = |piece: usize| piece * len..self.count().min((piece + 1) * len);
        let mut moments = vec![Moments::EMPTY; self.channels * pieces];
        let shared = Parts::new(&mut moments);
        parallel_tasks(self.channels * pieces, |task| {
            // SAFETY: every task writes its own element.
            unsafe { shared.part(task..task + 1)[0] = stats(task / pieces, range(task % pieces)) };
        });
        let merge = |m: &[Moments]| m.iter().fold(Moments::EMPTY, |a, &b| Moments::merge(a, b));
        let affine: Vec<_> = moments.chunks(pieces).enumerate().map(|(c, m)| finish(c, merge(m))).collect();
        parallel_tasks(self.channels * pieces, |task| {
            normalise(task / pieces, affine[task / pieces], range(task % pieces));
        });
    }

    fn normalise_rows(&self, x: &[T], relu: bool, y: &mut [T], mean: &[T], invstd: &[T]) {
        let isa = cpu::isa();
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
            dispatch(isa, NormaliseRows { x: &x[range], y, relu, columns: &columns });
        });
    }

    /// Normalises by given statistics, those of evaluation.
    ///
    /// # Panics
    /// If a slice has not the right length.
    pub fn forward_with(&self, x: &[T], relu: bool, mean: &[T], variance: &[T], y: &mut [T]) {
        self.check(&[x.len(), y.len()], &[mean.len(), variance.len()]);
        let invstd: Vec<T> = variance.iter().map(|v| self.invstd(v.wide())).collect();
        if self.spatial == 1 {
            self.normalise_rows(x, relu, y, mean, &invstd);
            return;
        }
        let isa = cpu::isa();
        let y = Parts::new(y);
        for_ranges(self.n * self.channels, self.spatial, |planes| {
            for plane in planes {
                let (sample, channel) = (plane / self.channels, plane % self.channels);
                let affine = self.affine(channel, mean[channel], invstd[channel]);
                let range = sample * self.spatial..(sample + 1) * self.spatial;
                dispatch(isa, Normalise { norm: self, x, y: &y, relu, channel, affine, range });
            }
        });
    }

    /// The gradients through [`forward`](Self::forward) (`training`; with its `mean` and `invstd`) or through
    /// [`forward_with`](Self::forward_with) (with its mean and `1 / sqrt(variance + eps)`). `relu_output` is the output where there was a
    /// ReLU. Writes the gradients of the weight, of the bias, and of the input where it is wanted.
    ///
    /// # Panics
    /// If a slice has not the right length.
    pub fn backward(
        &self,
        x: &[T],
        g: &[T],
        relu_output: Option<&[T]>,
        training: bool,
        (mean, invstd): (&[T], &[T]),
        dx: Option<&mut [T]>,
        dweight: &mut [T],
        dbias: &mut [T],
    ) {
        let (out_len, dx_len) =
            (relu_output.map_or(self.len(), <[T]>::len), dx.as_ref().map_or(self.len(), |dx| dx.len()));
        let per_channel = [mean.len(), invstd.len(), dweight.len(), dbias.len()];
        self.check(&[x.len(), g.len(), out_len, dx_len], &per_channel);
        let isa = cpu::isa();
        let [dweight, dbias] = [dweight, dbias].map(Parts::new);
        let dx = dx.map(Parts::new);
        let inputs = Inputs { norm: self, x, g, y: relu_output, dx: dx.as_ref() };
        // The slope from a channel's sums of g and of g * (x - mean).
        let finish = |channel: usize, [sum, dot]: [f64; 2]| {
            let invstd = invstd[channel];
            for (part, value) in [(&dweight, T::of(dot * invstd.wide())), (&dbias, T::of(sum))] {
                // SAFETY: every channel belongs to one task.
                unsafe { part.part(channel..channel + 1)[0] = value };
            }
            let scale = self.weight.map_or(invstd, |w| invstd * w[channel]);
            let share = if training { 1.0 / self.count() as f64 } else { 0.0 };
            let tilt = dot * invstd.wide() * invstd.wide() * share;
            if training {
                Slope { mean: mean[channel], scale, shift: T::of(sum * share), tilt: T::of(tilt) }
            } else {
                Slope { mean: mean[channel], scale, shift: T::ZERO, tilt: T::ZERO }
            }
        };
        if self.spatial == 1 {
            for_ranges(self.channels.div_ceil(TILE), self.n * TILE, |tiles| {
                for tile in tiles {
                    let first = tile * TILE;
                    let width = TILE.min(self.channels - first);
                    let sums = dispatch(isa, SumColumns { inputs, mean, first, width });
                    let mut slopes = [finish(first, sums[0]); TILE];
                    for c in 1..width {
                        slopes[c] = finish(first + c, sums[c]);
                    }
                    dispatch(isa, GradColumns { inputs, slopes: &slopes, first, width });
                }
            });
            return;
        }
        let (pieces, len) = self.pieces();
        let sums = |channel: usize, range| dispatch(isa, Sums { inputs, mean: mean[channel], channel, range });
        let grads = |channel: usize, slope, range| dispatch(isa, Grads { inputs, slope, channel, range });
        if pieces == 1 {
            for_ranges(self.channels, self.count(), |channels| {
                for channel in channels {
                    let slope = finish(channel, sums(channel, 0..self.count()));
                    grads(channel, slope, 0..self.count());
                }
            });
            return;
        }
        let range = |piece: usize| piece * len..self.count().min((piece + 1) * len);
        let mut partial = vec![[0.0; 2]; self.channels * pieces];
        let shared = Parts::new(&mut partial);
        parallel_tasks(self.channels * pieces, |task| {
            // SAFETY: every task writes its own element.
            unsafe { shared.part(task..task + 1)[0] = sums(task / pieces, range(task % pieces)) };
        });
        let add = |[a, b]: [f64; 2], [c, d]: &[f64; 2]| [a + c, b + d];
        let slopes: Vec<_> =
            partial.chunks(pieces).enumerate().map(|(c, p)| finish(c, p.iter().fold([0.0; 2], add))).collect();
        parallel_tasks(self.channels * pieces, |task| {
            grads(task / pieces, slopes[task / pieces], range(task % pieces));
        });
    }
}

/// Walks over the contiguous pieces of a channel.
struct Segments {
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

struct Stats<'a, T> {
    norm: &'a BatchNorm<'a, T>,
    x: &'a [T],
    channel: usize,
    range: Range<usize>,
}

impl<T: FloatElement> Kernel for Stats<'_, T> {
    type Output = Moments;

    #[inline(always)]
    fn run<S: Simd>(self) -> Moments {
        let Stats { norm, x, channel, range } = self;
        // The mean of a few elements of every sample is near enough to the mean of all: what matters is that deviations from it
        // are not much larger than the standard deviation.
        let (mut sum, mut count) = (0.0, 0);
        for segment in norm.segments(channel, range.clone()) {
            let sample = &x[segment.start..segment.end.min(segment.start + SAMPLE)];
            sum += sample.iter().map(|x| x.wide()).sum::<f64>();
            count += sample.len();
        }
        let shift = T::of(sum / count as f64);
        let [mut sum, mut squares] = [0.0; 2];
        for segment in norm.segments(channel, range.clone()) {
            let part = deviation_sums::<S, T>(&x[segment], shift);
            sum += part[0];
            squares += part[1];
        }
        Moments::around(range.len(), shift.wide(), sum, squares)
    }
}

struct Normalise<'a, T> {
    norm: &'a BatchNorm<'a, T>,
    x: &'a [T],
    y: &'a Parts<'a, T>,
    relu: bool,
    channel: usize,
    affine: Affine<T>,
    range: Range<usize>,
}

impl<T: FloatElement> Kernel for Normalise<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Normalise { norm, x, y, relu, channel, affine, range } = self;
        for segment in norm.segments(channel, range) {
            // SAFETY: every segment belongs to one task.
            let y = unsafe { y.part(segment.clone()) };
            if relu {
                map::<S, T, 1>([&x[segment]], y, Rectified(affine));
            } else {
                map::<S, T, 1>([&x[segment]], y, affine);
            }
        }
    }
}

struct NormaliseRows<'a, T> {
    x: &'a [T],
    y: &'a mut [T],
    relu: bool,
    /// Of every channel the mean, the scale and the bias.
    columns: &'a [Vec<T>; 3],
}

impl<T: FloatElement> Kernel for NormaliseRows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let [mean, scale, bias] = self.columns;
        let channels = mean.len();
        for (x, y) in self.x.chunks_exact(channels).zip(self.y.chunks_exact_mut(channels)) {
            if self.relu {
                map::<S, T, 4>([x, mean, scale, bias], y, Columns::<true>);
            } else {
                map::<S, T, 4>([x, mean, scale, bias], y, Columns::<false>);
            }
        }
    }
}

/// What the kernels of the backward share.
struct Inputs<'a, T> {
    norm: &'a BatchNorm<'a, T>,
    x: &'a [T],
    g: &'a [T],
    y: Option<&'a [T]>,
    dx: Option<&'a Parts<'a, T>>,
}
impl<T> Clone for Inputs<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Inputs<'_, T> {}

body!(
    /// The gradient.
    Grad 2 |_x, g| g
);
body!(
    /// The gradient behind a ReLU.
    MaskedGrad 3 |_x, g, y| masked(g, y)
);
body!(
    /// The gradient's product with the deviation of x.
    Dot { mean } 2 |x, g| g * (x - mean)
);
body!(
    /// The same behind a ReLU.
    MaskedDot { mean } 3 |x, g, y| masked(g, y) * (x - mean)
);

struct Sums<'a, T> {
    inputs: Inputs<'a, T>,
    mean: T,
    channel: usize,
    range: Range<usize>,
}

impl<T: FloatElement> Kernel for Sums<'_, T> {
    type Output = [f64; 2];

    #[inline(always)]
    fn run<S: Simd>(self) -> [f64; 2] {
        let Inputs { norm, x, g, y, .. } = self.inputs;
        let mean = self.mean;
        let [mut sum, mut dot] = [0.0; 2];
        for at in norm.segments(self.channel, self.range) {
            let (x, g) = (&x[at.clone()], &g[at.clone()]);
            let part = match y {
                None => sums::<S, T, 2, 2>([x, g], (Grad, Dot { mean })),
                Some(y) => sums::<S, T, 3, 2>([x, g, &y[at]], (MaskedGrad, MaskedDot { mean })),
            };
            sum += part[0];
            dot += part[1];
        }
        [sum, dot]
    }
}

struct Grads<'a, T> {
    inputs: Inputs<'a, T>,
    slope: Slope<T>,
    channel: usize,
    range: Range<usize>,
}

impl<T: FloatElement> Kernel for Grads<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Inputs { norm, x, g, y, dx } = self.inputs;
        let Some(dx) = dx else { return };
        let slope = self.slope;
        for at in norm.segments(self.channel, self.range) {
            // SAFETY: every segment belongs to one task.
            let dx = unsafe { dx.part(at.clone()) };
            let (x, g) = (&x[at.clone()], &g[at.clone()]);
            match y {
                None => map::<S, T, 2>([x, g], dx, slope),
                Some(y) => map::<S, T, 3>([x, g, &y[at]], dx, slope),
            }
        }
    }
}

struct SumColumns<'a, T> {
    inputs: Inputs<'a, T>,
    mean: &'a [T],
    first: usize,
    width: usize,
}

impl<T: FloatElement> Kernel for SumColumns<'_, T> {
    type Output = [[f64; 2]; TILE];

    #[inline(always)]
    fn run<S: Simd>(self) -> [[f64; 2]; TILE] {
        let Inputs { norm, x, g, y, .. } = self.inputs;
        let (mut sums, mut dots) = ([0.0; TILE], [0.0; TILE]);
        let width = self.width;
        let (sums, dots, mean) = (&mut sums[..width], &mut dots[..width], &self.mean[self.first..][..width]);
        for row in 0..norm.n {
            let at = row * norm.channels + self.first..row * norm.channels + self.first + width;
            let (x, g) = (&x[at.clone()], &g[at.clone()]);
            let y = y.map(|y| &y[at]);
            for c in 0..width {
                let g = match y {
                    None => g[c],
                    Some(y) => masked(g[c], y[c]),
                };
                sums[c] += g.wide();
                dots[c] += (g * (x[c] - mean[c])).wide();
            }
        }
        let mut out = [[0.0; 2]; TILE];
        for c in 0..width {
            out[c] = [sums[c], dots[c]];
        }
        out
    }
}

struct GradColumns<'a, T> {
    inputs: Inputs<'a, T>,
    slopes: &'a [Slope<T>; TILE],
    first: usize,
    width: usize,
}

impl<T: FloatElement> Kernel for GradColumns<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Inputs { norm, x, g, y, dx } = self.inputs;
        let Some(dx) = dx else { return };
        let (mut mean, mut scale, mut shift, mut tilt) =
            ([T::ZERO; TILE], [T::ZERO; TILE], [T::ZERO; TILE], [T::ZERO; TILE]);
        for (c, slope) in self.slopes.iter().enumerate() {
            (mean[c], scale[c], shift[c], tilt[c]) = (slope.mean, slope.scale, slope.shift, slope.tilt);
        }
        let width = self.width;
        let columns = [&mean[..width], &scale[..width], &shift[..width], &tilt[..width]];
        for row in 0..norm.n {
            let at = row * norm.channels + self.first..row * norm.channels + self.first + width;
            // SAFETY: tiles do not overlap.
            let dx = unsafe { dx.part(at.clone()) };
            let (x, g, [mean, scale, shift, tilt]) = (&x[at.clone()], &g[at.clone()], columns);
            match y {
                None => map::<S, T, 6>([x, g, mean, scale, shift, tilt], dx, SlopeColumns),
                Some(y) => map::<S, T, 7>([x, g, mean, scale, shift, tilt, &y[at]], dx, SlopeColumns),
            }
        }
    }
}

/// [`Slope`] for elements of different channels.
#[derive(Clone, Copy)]
struct SlopeColumns;

impl<T: Float> Body<T, 6> for SlopeColumns {
    #[inline(always)]
    fn of<S: Simd>(self, [x, g, mean, scale, shift, tilt]: [T; 6]) -> T {
        Slope { mean, scale, shift, tilt }.apply::<S>(x, g)
    }
}

/// With the output of a ReLU last.
impl<T: Float> Body<T, 7> for SlopeColumns {
    #[inline(always)]
    fn of<S: Simd>(self, [x, g, mean, scale, shift, tilt, y]: [T; 7]) -> T {
        Slope { mean, scale, shift, tilt }.apply::<S>(x, masked(g, y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::{Isa, with_isa};
    use crate::threads::set_num_threads;

    fn noise(n: usize, scale: f64) -> Vec<f64> {
        (0..n).map(|i| ((i as u64 * 2654435761 % 10007) as f64 / 10007.0 - 0.5) * scale).collect()
    }

    struct Reference {
        y: Vec<f64>,
        mean: Vec<f64>,
        var: Vec<f64>,
        dx: Vec<f64>,
        dweight: Vec<f64>,
        dbias: Vec<f64>,
    }

    fn reference(b: &BatchNorm<f32>, x: &[f32], g: &[f32], relu: bool, stats: Option<(&[f32], &[f32])>) -> Reference {
        let (c, count) = (b.channels, b.count() as f64);
        let mut r = Reference {
            y: vec![0.0; x.len()],
            mean: vec![0.0; c],
            var: vec![0.0; c],
            dx: vec![0.0; x.len()],
            dweight: vec![0.0; c],
            dbias: vec![0.0; c],
        };
        for channel in 0..c {
            let at: Vec<usize> = (0..x.len()).filter(|i| i / b.spatial % c == channel).collect();
            let mean = at.iter().map(|&i| x[i] as f64).sum::<f64>() / count;
            let var = at.iter().map(|&i| (x[i] as f64 - mean).powi(2)).sum::<f64>() / count;
            (r.mean[channel], r.var[channel]) = match stats {
                None => (mean, var),
                Some((mean, var)) => (mean[channel] as f64, var[channel] as f64),
            };
            let (mean, std) = (r.mean[channel], (r.var[channel] + b.eps).sqrt());
            let (w, bias) = (b.weight.map_or(1.0, |w| w[channel] as f64), b.bias.map_or(0.0, |b| b[channel] as f64));
            let hat = |i: usize| (x[i] as f64 - mean) / std;
            let grad = |i: usize| if relu && hat(i) * w + bias <= 0.0 { 0.0 } else { g[i] as f64 };
            let sum: f64 = at.iter().map(|&i| grad(i)).sum();
            let dot: f64 = at.iter().map(|&i| grad(i) * hat(i)).sum();
            (r.dweight[channel], r.dbias[channel]) = (dot, sum);
            for &i in &at {
                let y = hat(i) * w + bias;
                r.y[i] = if relu { y.max(0.0) } else { y };
                let through = if stats.is_none() { (sum + hat(i) * dot) / count } else { 0.0 };
                r.dx[i] = w / std * (grad(i) - through);
            }
        }
        r
    }

    fn near(name: &str, got: &[f32], want: &[f64], tolerance: f64) {
        for (i, (g, w)) in got.iter().zip(want).enumerate() {
            assert!((*g as f64 - w).abs() <= tolerance * (1.0 + w.abs()), "{name} {i}: {g} {w}");
        }
    }

    const SHAPES: [[usize; 3]; 11] = [
        [2, 1, 1],
        [64, 10, 1],
        [300, 200, 1],
        [5, 3, 2],
        [4, 7, 49],
        [3, 64, 35],
        [2, 3, 20_000],
        [1, 2, 70_000],
        [40, 40, 64],
        [8, 5, 1000],
        [2, 0, 5],
    ];

    #[test]
    fn everything_matches_the_definition() {
        for [n, channels, spatial] in SHAPES {
            for offset in [0.0, 1000.0] {
                let len = n * channels * spatial;
                let x: Vec<f32> = noise(len, 3.0).iter().map(|x| (x + offset) as f32).collect();
                let g: Vec<f32> = noise(len + 3, 2.0)[3..].iter().map(|&x| x as f32).collect();
                let weight: Vec<f32> = (0..channels).map(|c| 0.5 + c as f32 % 3.0).collect();
                let bias: Vec<f32> = (0..channels).map(|c| c as f32 % 5.0 * 0.25 - 0.3).collect();
                for (relu, affine) in [(false, false), (false, true), (true, true)] {
                    let (weight, bias) = if affine { (Some(&weight[..]), Some(&bias[..])) } else { (None, None) };
                    let b = BatchNorm { n, channels, spatial, weight, bias, eps: 1e-5 };
                    let want = reference(&b, &x, &g, relu, None);
                    let given: (Vec<f32>, Vec<f32>) = (
                        want.mean.iter().map(|&m| m as f32 + 0.1).collect(),
                        want.var.iter().map(|&v| v as f32 + 0.1).collect(),
                    );
                    let want_eval = reference(&b, &x, &g, relu, Some((&given.0, &given.1)));
                    // Far from 0 the mean itself is rounded to 2^-14 of a standard deviation.
                    let tolerance = if offset == 0.0 { 4e-6 } else { 2e-4 };
                    let mut results: Vec<(Isa, Vec<Vec<f32>>)> = vec![];
                    for isa in Isa::available() {
                        for threads in [1, 2] {
                            set_num_threads(threads);
                            let run = || {
                                let new = || vec![9.0f32; len];
                                let per = || vec![0.5f32; channels];
                                let (mut y, mut dx, mut mean, mut invstd) = (new(), new(), per(), per());
                                let (mut rm, mut rv, mut dw, mut db) = (per(), per(), per(), per());
                                let running = Running { mean: &mut rm, var: &mut rv, momentum: 0.1 };
                                b.forward(&x, relu, Some(running), &mut y, &mut mean, &mut invstd);
                                let out = relu.then_some(&y[..]);
                                b.backward(&x, &g, out, true, (&mean, &invstd), Some(&mut dx), &mut dw, &mut db);
                                let (mut ye, mut dxe, mut dwe, mut dbe) = (new(), new(), per(), per());
                                b.forward_with(&x, relu, &given.0, &given.1, &mut ye);
                                let inv: Vec<f32> = given.1.iter().map(|v| 1.0 / (v + 1e-5).sqrt()).collect();
                                let out = relu.then_some(&ye[..]);
                                b.backward(&x, &g, out, false, (&given.0, &inv), Some(&mut dxe), &mut dwe, &mut dbe);
                                vec![y, dx, mean, rm, rv, dw, db, ye, dxe, dwe, dbe]
                            };
                            let got = with_isa(isa, run);
                            let grown = tolerance * (n * spatial) as f64;
                            near("y", &got[0], &want.y, tolerance);
                            near("mean", &got[2], &want.mean, 1e-6);
                            let mixed: Vec<f64> = want.mean.iter().map(|m| 0.45 + 0.1 * m).collect();
                            near("running mean", &got[3], &mixed, 1e-6);
                            let unbiased = (n * spatial) as f64 / ((n * spatial) as f64 - 1.0);
                            let mixed: Vec<f64> = want.var.iter().map(|v| 0.45 + 0.1 * v * unbiased).collect();
                            near("running var", &got[4], &mixed, 1e-6);
                            near("y eval", &got[7], &want_eval.y, tolerance);
                            // A ReLU may fall on the other side of 0 by rounding.
                            if !relu || offset == 0.0 {
                                near("dx", &got[1], &want.dx, tolerance * 10.0);
                                near("dweight", &got[5], &want.dweight, grown);
                                near("dbias", &got[6], &want.dbias, tolerance * 10.0);
                                near("dx eval", &got[8], &want_eval.dx, tolerance * 10.0);
                                near("dweight eval", &got[9], &want_eval.dweight, grown);
                                near("dbias eval", &got[10], &want_eval.dbias, tolerance * 10.0);
                            }
                            if let Some((last, values)) = results.last()
                                && *last == isa
                            {
                                assert_eq!(values, &got, "{threads} threads");
                            }
                            results.push((isa, got));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn statistics_survive_a_huge_mean() {
        // 2^20 + {-1, 0, 1}: exact in f32, variance 2/3.
        for spatial in [1, 300] {
            let b = BatchNorm { n: 3, channels: 2, spatial, weight: None, bias: None, eps: 0.0 };
            let x: Vec<f32> = (0..6 * spatial).map(|i| 1048576.0 + (i / (2 * spatial)) as f32 - 1.0).collect();
            let (mut y, mut mean, mut invstd) = (vec![0.0; x.len()], vec![0.0; 2], vec![0.0; 2]);
            b.forward(&x, false, None, &mut y, &mut mean, &mut invstd);
            assert_eq!(mean, [1048576.0; 2]);
            assert!(invstd.iter().all(|i| (i - 1.5f32.sqrt()).abs() < 1e-6), "{invstd:?}");
        }
    }
}
