//! The gradients of batch normalisation: two sums for each channel, then one value for each element.

use super::{BatchNorm, TILE};
use crate::cpu;
use crate::float::Float;
use crate::reduce::FloatElement;
use crate::rows::{Body, body, map, sums};
use crate::simd::{Kernel, Simd, dispatch};
use crate::split::{Parts, for_ranges};
use crate::threads::parallel_tasks;
use std::ops::Range;

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
