//! Fusion of modules: one pass over memory instead of two or three.

use super::{Activation, Normalization};
use crate::{Result, Tensor};

/// The role of a module in the fusion of neighboring modules by a [`Sequential`](super::Sequential): a [`Product`](Fusion::Product),
/// followed by a [`Normalization`](Fusion::Normalization), followed by an [`Activation`](Fusion::Activation); each of the first two is
/// optional.
///
/// A module declares its role by [`Module::fusion`](super::Module::fusion). A user-defined activation:
///
/// ```
/// use rushlight::{Tensor, nn::{self, Activation, Forward, Fusion, Module}};
///
/// #[derive(Module)]
/// #[module(fusion = Ramp::fusion)]
/// struct Ramp;
///
/// impl Ramp {
///     fn fusion(&self) -> Fusion<'_> {
///         Fusion::Activation(Activation::Relu)
///     }
/// }
///
/// impl Forward for Ramp {
///     fn forward(&self, x: &Tensor) -> Tensor {
///         x.relu()
///     }
/// }
///
/// let net = nn::seq![nn::Conv2d::new(1, 2, 3), Ramp];
/// let y = net.forward(&Tensor::randn([1, 1, 5, 5]).requires_grad_(true));
/// assert_eq!(y.grad_fn().unwrap().name(), "ReluBackward0"); // one node for both
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Fusion<'a> {
    /// No fusion.
    None,
    /// An activation, which the preceding module can apply while its results are in registers.
    Activation(Activation),
    /// A normalization, which can be folded into the preceding product, and can apply an activation.
    Normalization(Normalization<'a>),
    /// A linear operation, into which a normalization can be folded, and which can apply an activation.
    Product(&'a dyn Product),
}

/// A module that can be fused with a normalization and an activation that follow, see [`Fusion`].
pub trait Product {
    /// Computes the output for `x`, normalized by `norm` if given, followed by the activation.
    ///
    /// # Errors
    /// If `x` or the normalization does not match the module.
    fn try_forward_fused(&self, x: &Tensor, norm: Option<Normalization<'_>>, activation: Activation) -> Result<Tensor>;
}
