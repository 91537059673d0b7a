//! The gradients of batch normalization: two sums per channel, then one value per element.

use super::BatchNorm;
use super::forward::{Affine, Limits, Pieces, TILE};
use crate::float::Float;
use crate::isa;
use crate::reduce::FloatElement;
use crate::rows::{Body, Flow, Sums, body, map, map_flow, sums};
use crate::simd::{Kernel, Simd, dispatch, finish_streaming, wide};
use crate::split::{Parts, for_ranges};
use crate::threads::parallel_tasks;
use std::ops::Range;

/// The gradient of a channel's input: `g * scale`, less the contribution through the statistics.
#[derive(Clone, Copy)]
struct Slope<T> {
    mean: T,
    scale: T,
    /// The mean of `g`, 0 in evaluation mode.
    shift: T,
    /// The mean of `g * (x - mean)` divided by the variance, 0 in evaluation mode.
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

/// An activation that follows the normalization, and how its input is recomputed.
#[derive(Clone, Copy)]
struct Activated<T> {
    affine: Affine<T>,
    limits: Limits<T>,
}

impl<T: Float> Activated<T> {
    #[inline(always)]
    fn grad<S: Simd>(self, x: T, g: T) -> T {
        self.limits.grad(g, self.affine.apply::<S>(x))
    }
}

/// The gradient through an activation and the normalization.
#[derive(Clone, Copy)]
struct LimitedSlope<T>(Slope<T>, Activated<T>);

impl<T: Float> Body<T, 2> for LimitedSlope<T> {
    #[inline(always)]
    fn of<S: Simd>(self, [x, g]: [T; 2]) -> T {
        self.0.apply::<S>(x, self.1.grad::<S>(x, g))
    }
}

impl<T: FloatElement> BatchNorm<&[T]> {
    /// [`backward`](Self::backward) with validated arguments.
    pub(super) fn gradients(
        &self,
        x: &[T],
        g: &[T],
        training: bool,
        (mean, invstd): (&[T], &[T]),
        dx: Option<&mut [T]>,
        dweight: &mut [T],
        dbias: &mut [T],
    ) {
        let isa = isa::isa();
        let [dweight, dbias] = [dweight, dbias].map(Parts::new);
        let dx = dx.map(Parts::new);
        let inputs = Inputs { norm: self, x, g, limits: Limits::of(self.activation), dx: dx.as_ref() };
        let affine = |channel: usize| self.affine(channel, mean[channel], invstd[channel]);
        // The slope from a channel's sums of g and of g * (x - mean).
        let finish = |channel: usize, [sum, dot]: [f64; 2]| {
            let invstd = invstd[channel];
            for (part, value) in [(&dweight, T::of(dot * invstd.wide())), (&dbias, T::of(sum))] {
                // SAFETY: tasks write disjoint channels.
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
                    let mut affines = [affine(first); TILE];
                    for c in 1..width {
                        affines[c] = affine(first + c);
                    }
                    let sums = dispatch(isa, SumColumns { inputs, affines: &affines, first, width });
                    let mut slopes = [finish(first, sums[0]); TILE];
                    for c in 1..width {
                        slopes[c] = finish(first + c, sums[c]);
                    }
                    dispatch(isa, GradColumns { inputs, affines: &affines, slopes: &slopes, first, width });
                }
            });
            return;
        }
        let (pieces, len) = self.pieces();
        let sums =
            |channel: usize, range| dispatch(isa, ChannelSums { inputs, affine: affine(channel), channel, range });
        let grads = |channel: usize, slope, range| {
            dispatch(isa, Grads { inputs, affine: affine(channel), slope, channel, range })
        };
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
            // SAFETY: tasks write disjoint elements.
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

/// The inputs that the kernels of the backward pass share.
struct Inputs<'a, T> {
    norm: &'a BatchNorm<&'a [T]>,
    x: &'a [T],
    g: &'a [T],
    limits: Option<Limits<T>>,
    dx: Option<&'a Parts<'a, T>>,
}
impl<T: Copy> Clone for Inputs<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Copy> Copy for Inputs<'_, T> {}

body!(
    /// The gradient.
    Grad 2 |_x, g| g
);
body!(
    /// The product of the gradient and the deviation of x.
    Dot { mean } 2 |x, g| g * (x - mean)
);

/// [`Grad`] and [`Dot`] through an activation.
#[derive(Clone, Copy)]
struct LimitedTerms<T>(Activated<T>);

impl<T: Float> Sums<T, 2, 2> for LimitedTerms<T> {
    #[inline(always)]
    unsafe fn terms<S: Simd>(self, [x, g]: [*const T; 2], [grad, dot]: [*mut T; 2], n: usize) {
        // Whether an element of `g` is loaded depends on `x`: without prefetching, the processor waits for one load
        // after the other.
        Flow { ahead: n, stream: false }.fetch([x, g], n);
        for i in 0..n {
            // SAFETY: guaranteed by the caller.
            unsafe {
                let x = *x.add(i);
                let g = self.0.grad::<S>(x, *g.add(i));
                grad.add(i).write(g);
                dot.add(i).write(g * (x - self.0.affine.mean));
            }
        }
    }
}

struct ChannelSums<'a, T> {
    inputs: Inputs<'a, T>,
    affine: Affine<T>,
    channel: usize,
    range: Range<usize>,
}

impl<T: FloatElement> Kernel for ChannelSums<'_, T> {
    type Output = [f64; 2];
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) -> [f64; 2] {
        let Inputs { norm, x, g, limits, .. } = self.inputs;
        let affine = self.affine;
        let [mut sum, mut dot] = [0.0; 2];
        let mut pieces = Pieces::new([x, g], norm.segments(self.channel, self.range));
        while let Some(arrays) = pieces.next() {
            let part = match limits.map(|limits| Activated { affine, limits }) {
                None => sums::<S, T, 2, 2>(arrays, (Grad, Dot { mean: affine.mean })),
                Some(activated) => sums::<S, T, 2, 2>(arrays, LimitedTerms(activated)),
            };
            sum += part[0];
            dot += part[1];
        }
        [sum, dot]
    }
}

struct Grads<'a, T> {
    inputs: Inputs<'a, T>,
    affine: Affine<T>,
    slope: Slope<T>,
    channel: usize,
    range: Range<usize>,
}

impl<T: FloatElement> Kernel for Grads<'_, T> {
    type Output = ();
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Inputs { norm, x, g, limits, dx } = self.inputs;
        let Some(dx) = dx else { return };
        let (slope, affine) = (self.slope, self.affine);
        let flow = Flow::new(x, norm.spatial, 512);
        for at in norm.segments(self.channel, self.range) {
            // SAFETY: tasks write disjoint segments.
            let dx = unsafe { dx.part(at.clone()) };
            let arrays = [&x[at.clone()], &g[at]];
            match limits.map(|limits| Activated { affine, limits }) {
                None => map_flow::<S, T, 2>(arrays, dx, slope, flow),
                Some(activated) => map_flow::<S, T, 2>(arrays, dx, LimitedSlope(slope, activated), flow),
            }
        }
        finish_streaming();
    }
}

struct SumColumns<'a, T> {
    inputs: Inputs<'a, T>,
    affines: &'a [Affine<T>; TILE],
    first: usize,
    width: usize,
}

impl<T: FloatElement> Kernel for SumColumns<'_, T> {
    type Output = [[f64; 2]; TILE];
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) -> [[f64; 2]; TILE] {
        let Inputs { norm, x, g, limits, .. } = self.inputs;
        let mut out = [[0.0; 2]; TILE];
        for row in 0..norm.n {
            let at = row * norm.channels + self.first..row * norm.channels + self.first + self.width;
            for (c, (&x, &g)) in x[at.clone()].iter().zip(&g[at]).enumerate() {
                let affine = self.affines[c];
                let g = limits.map_or(g, |limits| Activated { affine, limits }.grad::<S>(x, g));
                out[c][0] += g.wide();
                out[c][1] += (g * (x - affine.mean)).wide();
            }
        }
        out
    }
}

struct GradColumns<'a, T> {
    inputs: Inputs<'a, T>,
    affines: &'a [Affine<T>; TILE],
    slopes: &'a [Slope<T>; TILE],
    first: usize,
    width: usize,
}

impl<T: FloatElement> Kernel for GradColumns<'_, T> {
    type Output = ();
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Inputs { norm, x, g, limits, dx } = self.inputs;
        let Some(dx) = dx else { return };
        let mut columns = [[T::ZERO; TILE]; 5];
        for c in 0..self.width {
            let Slope { mean, scale, shift, tilt } = self.slopes[c];
            for (column, value) in columns.iter_mut().zip([mean, scale, shift, tilt, self.affines[c].bias]) {
                column[c] = value;
            }
        }
        let [mean, scale, shift, tilt, bias] = columns.each_ref().map(|column| &column[..self.width]);
        for row in 0..norm.n {
            let at = row * norm.channels + self.first..row * norm.channels + self.first + self.width;
            // SAFETY: tiles do not overlap.
            let dx = unsafe { dx.part(at.clone()) };
            let arrays = [&x[at.clone()], &g[at], mean, scale, shift, tilt, bias];
            map::<S, T, 7>(arrays, dx, SlopeColumns(limits));
        }
    }
}

/// [`Slope`] through an activation for elements of different channels.
#[derive(Clone, Copy)]
struct SlopeColumns<T>(Option<Limits<T>>);

impl<T: Float> Body<T, 7> for SlopeColumns<T> {
    #[inline(always)]
    fn of<S: Simd>(self, [x, g, mean, scale, shift, tilt, bias]: [T; 7]) -> T {
        // The scale of the forward pass is that of the gradient.
        let affine = Affine { mean, scale, bias };
        let g = self.0.map_or(g, |limits| Activated { affine, limits }.grad::<S>(x, g));
        Slope { mean, scale, shift, tilt }.apply::<S>(x, g)
    }
}
