//! Batch normalization of contiguous arrays `[n, channels, spatial]`, forward and backward, optionally followed by ReLU
//! or ReLU6.
//!
//! Each channel's statistics are computed in one pass, as sums of deviations from a value near its mean (so that data
//! far from 0 loses no precision), and the channel is normalized right after, while it is still in the cache. If
//! `spatial` is 1, adjacent elements belong to different channels, and tiles of channels are processed instead of
//! single channels.
//!
//! Parameters and running statistics have the type of the input; batch statistics have the computed type, `f32` for
//! 16-bit floats.

mod backward;
mod forward;

use crate::Activation;
use crate::convert::{read, read_optional, write};
use crate::dtype::{Stored, StoredFloat};
use crate::float::Float;
use crate::instances::instances;
use crate::reduce::FloatElement;

/// The parameters common to forward and backward. `V` is the type of the per-channel arrays; with `()` the struct holds
/// only sizes and options.
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm<V = ()> {
    /// The size of the batch.
    pub n: usize,
    /// The number of channels.
    pub channels: usize,
    /// The number of elements of one channel of one sample: height times width, or 1.
    pub spatial: usize,
    /// One factor per channel; all 1 if `None`.
    pub weight: Option<V>,
    /// One offset per channel; all 0 if `None`.
    pub bias: Option<V>,
    /// Added to the variance.
    pub eps: f64,
    /// The activation applied after the normalization. The backward pass recomputes which elements it blocked, which is
    /// cheaper than reading the output.
    pub activation: Activation,
}

impl<V> BatchNorm<V> {
    /// The same normalization with this weight and bias.
    pub fn with<U>(&self, weight: Option<U>, bias: Option<U>) -> BatchNorm<U> {
        let BatchNorm { n, channels, spatial, eps, activation, .. } = *self;
        BatchNorm { n, channels, spatial, weight, bias, eps, activation }
    }

    /// The same normalization with its weight and bias mapped by `f`.
    pub fn map<'a, U>(&'a self, f: impl Fn(&'a V) -> U) -> BatchNorm<U> {
        self.with(self.weight.as_ref().map(&f), self.bias.as_ref().map(&f))
    }
}

/// Running statistics, which a training step updates: `running = (1 - momentum) * running + momentum * batch`, with the
/// unbiased variance.
#[derive(Debug)]
pub struct Running<'a, T> {
    /// The mean of every channel.
    pub mean: &'a mut [T],
    /// The variance of every channel.
    pub var: &'a mut [T],
    /// The weight of the new batch.
    pub momentum: f64,
}

instances! {
    /// A floating-point type that batch normalization is defined for.
    pub trait Element: StoredFloat; Float types, bodies in self {
        fn forward(
            norm: &BatchNorm<&[Self]>,
            x: &[Self],
            running: Option<Running<'_, Self>>,
            y: &mut [Self],
            mean: &mut [Self::Computed],
            invstd: &mut [Self::Computed],
        );
        fn forward_with(norm: &BatchNorm<&[Self]>, x: &[Self], mean: &[Self], variance: &[Self], y: &mut [Self]);
        fn backward(
            norm: &BatchNorm<&[Self]>,
            x: &[Self],
            g: &[Self],
            training: bool,
            stats: (&[Self::Computed], &[Self::Computed]),
            dx: Option<&mut [Self]>,
            dweight: &mut [Self],
            dbias: &mut [Self],
        );
    }
}

impl<T: Element> BatchNorm<&[T]> {
    /// Normalizes with the statistics of this batch. Writes the output, and to `mean` and `invstd` the statistics for
    /// the backward pass: each channel's mean and `1 / sqrt(biased variance + eps)`.
    ///
    /// # Panics
    /// If the length of a slice does not match the shape.
    #[inline]
    pub fn forward(
        &self,
        x: &[T],
        running: Option<Running<T>>,
        y: &mut [T],
        mean: &mut [T::Computed],
        invstd: &mut [T::Computed],
    ) {
        T::forward(self, x, running, y, mean, invstd);
    }

    /// Normalizes with given statistics, as in evaluation.
    ///
    /// # Panics
    /// If the length of a slice does not match the shape.
    #[inline]
    pub fn forward_with(&self, x: &[T], mean: &[T], variance: &[T], y: &mut [T]) {
        T::forward_with(self, x, mean, variance, y);
    }

    /// The gradients through [`forward`](Self::forward) (`training`; with its `mean` and `invstd`) or through
    /// [`forward_with`](Self::forward_with) (with its mean and `1 / sqrt(variance + eps)`). Writes the gradients of the
    /// weight, of the bias, and of the input if `dx` is given.
    ///
    /// # Panics
    /// If the length of a slice does not match the shape.
    #[inline]
    pub fn backward(
        &self,
        x: &[T],
        g: &[T],
        training: bool,
        stats: (&[T::Computed], &[T::Computed]),
        dx: Option<&mut [T]>,
        dweight: &mut [T],
        dbias: &mut [T],
    ) {
        T::backward(self, x, g, training, stats, dx, dweight, dbias);
    }
}

impl<T> BatchNorm<&[T]> {
    fn len(&self) -> usize {
        self.n * self.channels * self.spatial
    }

    fn check(&self, lens: &[usize], channels: &[usize]) {
        let len = self.len();
        assert!(lens.iter().all(|&l| l == len), "batch norm: expected slices of {len} elements, got {lens:?}");
        let affine = [self.weight, self.bias].map(|values| values.map_or(self.channels, <[T]>::len));
        let fits = channels.iter().chain(&affine).all(|&c| c == self.channels);
        assert!(
            fits,
            "batch norm: expected one value for each of {} channels, got {channels:?}, {affine:?}",
            self.channels
        );
    }
}

impl<T: Stored> BatchNorm<&[T]> {
    /// Calls `f` with the same normalization in the computed type.
    fn with_computed<R>(&self, f: impl FnOnce(BatchNorm<&[T::Computed]>) -> R) -> R {
        let BatchNorm { n, channels, spatial, weight, bias, eps, activation } = *self;
        read_optional(weight, |weight| {
            read_optional(bias, |bias| f(BatchNorm { n, channels, spatial, weight, bias, eps, activation }))
        })
    }
}

fn forward<T: StoredFloat<Computed: FloatElement>>(
    norm: &BatchNorm<&[T]>,
    x: &[T],
    running: Option<Running<'_, T>>,
    y: &mut [T],
    mean: &mut [T::Computed],
    invstd: &mut [T::Computed],
) {
    norm.check(&[x.len(), y.len()], &[mean.len(), invstd.len()]);
    let mut variances = vec![T::Computed::ZERO; norm.channels];
    norm.with_computed(|norm| read(x, |x| write(y, |y| norm.normalize(x, y, mean, invstd, &mut variances))));
    if let Some(running) = running {
        norm.check(&[], &[running.mean.len(), running.var.len()]);
        let count = (norm.n * norm.spatial) as f64;
        let unbiased = count / (count - 1.0);
        for c in 0..norm.channels {
            let mix = |old: T, new: f64| {
                T::narrow(T::Computed::of((1.0 - running.momentum) * old.widen().wide() + running.momentum * new))
            };
            running.mean[c] = mix(running.mean[c], mean[c].wide());
            running.var[c] = mix(running.var[c], variances[c].wide() * unbiased);
        }
    }
}

fn forward_with<T: StoredFloat<Computed: FloatElement>>(
    norm: &BatchNorm<&[T]>,
    x: &[T],
    mean: &[T],
    variance: &[T],
    y: &mut [T],
) {
    norm.check(&[x.len(), y.len()], &[mean.len(), variance.len()]);
    norm.with_computed(|norm| {
        read(mean, |mean| {
            read(variance, |variance| read(x, |x| write(y, |y| norm.normalize_with(x, mean, variance, y))))
        })
    });
}

fn backward<T: StoredFloat<Computed: FloatElement>>(
    norm: &BatchNorm<&[T]>,
    x: &[T],
    g: &[T],
    training: bool,
    stats: (&[T::Computed], &[T::Computed]),
    dx: Option<&mut [T]>,
    dweight: &mut [T],
    dbias: &mut [T],
) {
    let dx_len = dx.as_ref().map_or(norm.len(), |dx| dx.len());
    norm.check(&[x.len(), g.len(), dx_len], &[stats.0.len(), stats.1.len(), dweight.len(), dbias.len()]);
    norm.with_computed(|norm| {
        read(x, |x| {
            read(g, |g| {
                write(dweight, |dweight| {
                    write(dbias, |dbias| match dx {
                        Some(dx) => write(dx, |dx| norm.gradients(x, g, training, stats, Some(dx), dweight, dbias)),
                        None => norm.gradients(x, g, training, stats, None, dweight, dbias),
                    })
                })
            })
        })
    });
}

#[cfg(test)]
mod tests;
