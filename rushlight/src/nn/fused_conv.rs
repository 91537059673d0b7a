//! A convolution fused with a normalization and an activation that follow.
//!
//! If gradients are not recorded and the normalization uses running statistics, it is folded into the convolution's weight and bias,
//! and the activation is applied while the sums are in registers: one pass over memory instead of three. The folded and packed weight
//! is cached until one of its source tensors changes, or gradients are recorded again. If they are recorded, the normalization and the
//! activation are one pass, forward and backward.

use super::utils::{is_summarized, ran, try_fuse_conv_bn_weights};
use super::{Normalization, Parameter};
use crate::backend::Activation;
use crate::ops::conv::{Prepared, Window, convolve};
use crate::{NoGrad, Result, Tensor, is_grad_enabled};
use std::sync::{Arc, Mutex, PoisonError};

/// The source tensors of a folded convolution: weight and bias, and weight, bias, mean and variance of the normalization.
type Sources<'a> = [Option<&'a Tensor>; 6];

/// A folded and packed weight, and its source tensors with their versions.
struct Entry {
    sources: [Option<(Tensor, u32)>; 6],
    eps: f64,
    prepared: Prepared,
}

impl Entry {
    fn is_of(&self, sources: &Sources<'_>, eps: f64) -> bool {
        let same = |(old, new): (&Option<(Tensor, u32)>, &Option<&Tensor>)| match (old, new) {
            (Some((old, version)), Some(new)) => old.is_same_view(new) && *version == new.version(),
            (None, None) => true,
            _ => false,
        };
        self.eps == eps && self.sources.iter().zip(sources).all(same)
    }
}

/// The cache of a convolution layer.
#[derive(Default)]
pub(super) struct Cache(Mutex<Option<Arc<Entry>>>);

impl Cache {
    fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn get(&self, sources: Sources<'_>, eps: f64) -> Result<Arc<Entry>> {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = cached.as_ref().filter(|entry| entry.is_of(&sources, eps)) {
            return Ok(entry.clone());
        }
        // Versions are read before values: a change in between makes the entry outdated, not wrong.
        let versions = sources.map(|tensor| tensor.map(|tensor| (tensor.detach(), tensor.version())));
        let _guard = NoGrad::new();
        let [weight, bias, scale, shift, mean, var] = sources;
        let weight = weight.expect("every convolution has a weight");
        let prepared = match (mean, var) {
            (Some(mean), Some(var)) => {
                let (weight, bias) = try_fuse_conv_bn_weights(weight, bias, mean, var, eps, scale, shift)?;
                Prepared::new(&weight, Some(&bias))?
            }
            _ => Prepared::new(&weight.detach(), bias.map(Tensor::detach).as_ref())?,
        };
        Ok(cached.insert(Arc::new(Entry { sources: versions, eps, prepared })).clone())
    }
}

/// A borrowed convolution layer over `N` dimensions.
pub(super) struct Convolution<'a, const N: usize> {
    pub(super) name: &'static str,
    pub(super) weight: &'a Parameter,
    pub(super) bias: Option<&'a Parameter>,
    pub(super) window: Window<N>,
    pub(super) cache: &'a Cache,
}

impl<const N: usize> Convolution<'_, N> {
    /// Computes the convolution of `x`, followed by `norm` and an activation.
    pub(super) fn run(&self, x: &Tensor, norm: Option<Normalization<'_>>, activation: Activation) -> Result<Tensor> {
        let (weight, bias) = (self.weight.get(), self.bias.map(Parameter::get));
        let [scale, shift] = norm.map_or([None, None], |norm| [norm.weight, norm.bias]);
        let [scale, shift] = [scale, shift].map(|param| param.map(Parameter::get));
        let [bias, scale, shift] = [&bias, &scale, &shift].map(Option::as_ref);
        let involved = [Some(x), Some(&weight), bias, scale, shift];
        let recorded = is_grad_enabled() && involved.into_iter().flatten().any(Tensor::requires_grad);
        // A summary has the convolution and the normalization as layers of their own.
        let apart = recorded || is_summarized();
        // The normalization reports shapes and dtypes that do not match.
        let fits = |(mean, var, _): &(Tensor, Tensor, f64)| {
            let channels = weight.shape().first().copied();
            let fits = |tensor: &Tensor| tensor.shape() == channels.as_slice() && tensor.dtype() == weight.dtype();
            channels.is_some() && [Some(mean), Some(var), scale, shift].into_iter().flatten().all(fits)
        };
        let foldable = norm.filter(|norm| norm.spatial_dims == N && x.dim() == N + 2);
        if apart {
            self.cache.clear();
        } else if let Some((mean, var, eps)) = foldable.and_then(Normalization::given).filter(fits) {
            let entry = self.cache.get([Some(&weight), bias, scale, shift, Some(&mean), Some(&var)], eps)?;
            return entry.prepared.convolve(self.name, x, self.window, activation);
        }
        let own = if norm.is_some() { Activation::None } else { activation };
        let y = if apart {
            convolve(self.name, x, &weight, bias, self.window, own)?
        } else {
            let entry = self.cache.get([Some(&weight), bias, None, None, None, None], 0.0)?;
            entry.prepared.convolve(self.name, x, self.window, own)?
        };
        ran(self.weight, &y, Tensor::numel);
        match norm {
            Some(norm) => norm.try_forward(&y, activation),
            None => Ok(y),
        }
    }
}
