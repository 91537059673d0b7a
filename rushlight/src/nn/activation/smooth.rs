//! Smooth functions of one element, and the gated linear unit.

use crate::nn::repr::python_float;
use crate::nn::{Forward, Module};
use crate::ops::{Approximate, CeluOptions, EluOptions, GeluOptions, SoftplusOptions};
use crate::{Result, Tensor};
use rushlight_macros::{Builder, op};

/// The logistic function `1 / (1 + exp(-x))`. Any shape. See [`Tensor::sigmoid`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::Sigmoid::new().forward(&Tensor::from([0.0f32, 2.0]));
/// assert_eq!(y.to_string(), "tensor([0.5000, 0.8808])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = Tensor::try_sigmoid)]
pub struct Sigmoid;

/// The logarithm of [`Sigmoid`], accurate for large negative elements. Any shape. See [`Tensor::logsigmoid`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::LogSigmoid::new().forward(&Tensor::from([0.0f32, -100.0]));
/// assert_eq!(y.to_string(), "tensor([  -0.6931, -100.0000])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = Tensor::try_logsigmoid)]
pub struct LogSigmoid;

/// The hyperbolic tangent. Any shape. See [`Tensor::tanh`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::Tanh::new().forward(&Tensor::from([0.0f32, 1.0]));
/// assert_eq!(y.to_string(), "tensor([0.0000, 0.7616])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = Tensor::try_tanh)]
pub struct Tanh;

/// `x / (1 + |x|)`. Any shape. See [`Tensor::softsign`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::Softsign::new().forward(&Tensor::from([-1.0f32, 3.0]));
/// assert_eq!(y.to_string(), "tensor([-0.5000,  0.7500])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = Tensor::try_softsign)]
pub struct Softsign;

/// `log(1 + exp(beta * x)) / beta`, and `x` where `beta * x > threshold`; by default with `beta` 1 and `threshold` 20. Any shape. See [`Tensor::softplus`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::Softplus::builder().beta(2.0).build().forward(&Tensor::from([0.0f32, 30.0]));
/// assert_eq!(y.to_string(), "tensor([ 0.3466, 30.0000])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = Tensor::try_softplus_with, extra_repr = Self::extra_repr)]
pub struct Softplus {
    options: SoftplusOptions,
}

impl Softplus {
    fn extra_repr(&self) -> String {
        let SoftplusOptions { beta, threshold } = self.options;
        format!("beta={}, threshold={}", python_float(beta), python_float(threshold))
    }
}

/// Exponential linear unit: `x` above 0, `alpha * (exp(x) - 1)` elsewhere, by default with `alpha` 1. Any shape. See [`Tensor::elu`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::ELU::builder().alpha(0.5).build().forward(&Tensor::from([-1.0f32, 2.0]));
/// assert_eq!(y.to_string(), "tensor([-0.3161,  2.0000])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = Tensor::try_elu_with, extra_repr = Self::extra_repr)]
pub struct ELU {
    options: EluOptions,
}

impl ELU {
    fn extra_repr(&self) -> String {
        format!("alpha={}", python_float(self.options.alpha))
    }
}

/// Continuously differentiable exponential linear unit: `x` above 0, `alpha * (exp(x / alpha) - 1)` elsewhere, by default with `alpha` 1. Any
/// shape. See [`Tensor::celu`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::CELU::builder().alpha(0.5).build().forward(&Tensor::from([-1.0f32, 2.0]));
/// assert_eq!(y.to_string(), "tensor([-0.4323,  2.0000])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = Tensor::try_celu_with, extra_repr = Self::extra_repr)]
pub struct CELU {
    options: CeluOptions,
}

impl CELU {
    fn extra_repr(&self) -> String {
        format!("alpha={}", python_float(self.options.alpha))
    }
}

/// Scaled exponential linear unit, which keeps mean 0 and variance 1 from layer to layer. Any shape. See [`Tensor::selu`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::SELU::new().forward(&Tensor::from([-1.0f32, 2.0]));
/// assert_eq!(y.to_string(), "tensor([-1.1113,  2.1014])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = Tensor::try_selu)]
pub struct SELU;

/// Gaussian error linear unit, exact or approximated. Any shape. See [`Tensor::gelu`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::GELU::builder().approximate(rushlight::ops::Approximate::Tanh).build().forward(&Tensor::from([0.0f32, 1.0]));
/// assert_eq!(y.to_string(), "tensor([0.0000, 0.8412])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = Tensor::try_gelu_with, extra_repr = Self::extra_repr)]
pub struct GELU {
    options: GeluOptions,
}

impl GELU {
    fn extra_repr(&self) -> String {
        let name = match self.options.approximate {
            Approximate::None => "none",
            Approximate::Tanh => "tanh",
        };
        format!("approximate='{name}'")
    }
}

/// Sigmoid linear unit `x * sigmoid(x)`, also called swish. Any shape. See [`Tensor::silu`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::SiLU::new().forward(&Tensor::from([0.0f32, 1.0]));
/// assert_eq!(y.to_string(), "tensor([0.0000, 0.7311])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = Tensor::try_silu)]
pub struct SiLU;

/// `x * tanh(log(1 + exp(x)))`. Any shape. See [`Tensor::mish`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::Mish::new().forward(&Tensor::from([0.0f32, 1.0]));
/// assert_eq!(y.to_string(), "tensor([0.0000, 0.8651])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = Tensor::try_mish)]
pub struct Mish;

/// The options of a [`GLU`] layer.
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super))]
pub struct GLUBuilder {
    /// The dimension that is halved; a negative one counts from the end. Default -1.
    #[builder(default = -1)]
    dim: isize,
}

impl GLUBuilder {
    /// Builds the layer.
    pub fn build(self) -> GLU {
        GLU { dim: self.dim }
    }
}

/// Gated linear unit: `a * sigmoid(b)` of the two halves of a dimension, by default the last. Any shape with an even size of it. See
/// [`Tensor::glu`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::GLU::new().forward(&Tensor::from([[3.0f32, 4.0, 0.0, 0.0]]));
/// assert_eq!(y.to_string(), "tensor([[1.5000, 2.0000]])");
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(plain, extra_repr = Self::extra_repr)]
pub struct GLU {
    dim: isize,
}

impl GLU {
    /// Creates the layer for the last dimension.
    pub fn new() -> GLU {
        GLU::default()
    }

    /// Returns a builder of the layer.
    pub fn builder() -> GLUBuilder {
        GLUBuilder::new()
    }

    fn extra_repr(&self) -> String {
        format!("dim={}", self.dim)
    }
}

impl Default for GLU {
    fn default() -> GLU {
        GLU::builder().build()
    }
}

impl Forward for GLU {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        x.try_glu_dim(self.dim)
    }
}
