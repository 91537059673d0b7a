//! What modules can be computed together with: one pass over memory instead of two or three.

use super::{Activation, Normalization};
use crate::{Result, Tensor};

/// What a module is to its neighbors in a [`Sequential`](super::Sequential), which computes them together where it can: a
/// [`Product`](Fusion::Product), a [`Normalization`](Fusion::Normalization) after it, and an [`Activation`](Fusion::Activation) after
/// that; each of the first two may be missing.
///
/// A module tells by [`Module::fusion`](super::Module::fusion). One of your own that is an activation:
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
    /// Nothing to be computed together.
    None,
    /// Just this activation, which the module before it can apply while its results are in registers.
    Activation(Activation),
    /// A normalization, which can be folded into the product before it, and can apply an activation.
    Normalization(Normalization<'a>),
    /// Sums of products, which can have a normalization folded in and an activation applied.
    Product(&'a dyn Product),
}

/// A module that can be computed together with a normalization and an activation after it.
pub trait Product {
    /// The output for `x`, normalized by `norm` if there is one, with the activation applied.
    ///
    /// # Errors
    /// If `x` or the normalization does not match the module.
    fn try_forward_fused(&self, x: &Tensor, norm: Option<Normalization<'_>>, activation: Activation) -> Result<Tensor>;
}
