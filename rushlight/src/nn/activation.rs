//! Activations: elementwise functions and softmax, as layers.

use super::repr::python_float;
use super::{Activation, Forward, Fusion, Module};
use crate::ops::LeakyReluOptions;
use crate::{Result, Tensor};
use rushlight_macros::op;

/// Rectified linear unit, `max(x, 0)`. Any shape. See [`Tensor::relu`](crate::Tensor::relu).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::ReLU::new().forward(&Tensor::from([[1.0f32, 2.0, -1.0, -1.0]]));
/// assert_eq!(y.to_string(), "tensor([[1., 2., 0., 0.]])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(fusion = Self::fusion)]
pub struct ReLU;

impl ReLU {
    /// Creates the layer.
    pub fn new() -> ReLU {
        ReLU
    }

    fn fusion(&self) -> Fusion<'_> {
        Fusion::Activation(Activation::Relu)
    }
}

impl Forward for ReLU {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        x.try_relu()
    }
}

/// `min(max(x, 0), 6)`. Any shape. See [`Tensor::relu6`](crate::Tensor::relu6).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::ReLU6::new().forward(&Tensor::from([-1.0f32, 3.0, 9.0]));
/// assert_eq!(y.to_string(), "tensor([0., 3., 6.])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(fusion = Self::fusion)]
pub struct ReLU6;

impl ReLU6 {
    /// Creates the layer.
    pub fn new() -> ReLU6 {
        ReLU6
    }

    fn fusion(&self) -> Fusion<'_> {
        Fusion::Activation(Activation::Relu6)
    }
}

impl Forward for ReLU6 {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        x.try_relu6()
    }
}

/// The logistic function `1 / (1 + exp(-x))`. Any shape. See [`Tensor::sigmoid`](crate::Tensor::sigmoid).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::Sigmoid::new().forward(&Tensor::from([0.0f32, 2.0]));
/// assert_eq!(y.to_string(), "tensor([0.5000, 0.8808])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
pub struct Sigmoid;

impl Sigmoid {
    /// Creates the layer.
    pub fn new() -> Sigmoid {
        Sigmoid
    }
}

impl Forward for Sigmoid {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        x.try_sigmoid()
    }
}

/// The hyperbolic tangent. Any shape. See [`Tensor::tanh`](crate::Tensor::tanh).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::Tanh::new().forward(&Tensor::from([0.0f32, 1.0]));
/// assert_eq!(y.to_string(), "tensor([0.0000, 0.7616])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
pub struct Tanh;

impl Tanh {
    /// Creates the layer.
    pub fn new() -> Tanh {
        Tanh
    }
}

impl Forward for Tanh {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        x.try_tanh()
    }
}

/// `max(x, 0) + negative_slope * min(x, 0)`, by default with slope 0.01. Any shape. See
/// [`Tensor::leaky_relu`](crate::Tensor::leaky_relu).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::LeakyReLU::builder().negative_slope(0.1).build().forward(&Tensor::from([-1.0f32, 2.0]));
/// assert_eq!(y.to_string(), "tensor([-0.1000,  2.0000])");
/// assert_eq!(nn::LeakyReLU::new().to_string(), "LeakyReLU(negative_slope=0.01)");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(plain, extra_repr = Self::extra_repr)]
pub struct LeakyReLU {
    options: LeakyReluOptions,
}

impl LeakyReLU {
    /// Creates the layer with slope 0.01.
    pub fn new() -> LeakyReLU {
        LeakyReLU::default()
    }

    /// Returns a builder of the layer.
    pub fn builder() -> LeakyReluOptions {
        LeakyReluOptions::new()
    }

    fn extra_repr(&self) -> String {
        format!("negative_slope={}", python_float(self.options.negative_slope))
    }
}

impl LeakyReluOptions {
    /// Builds the layer.
    pub fn build(self) -> LeakyReLU {
        LeakyReLU { options: self }
    }
}

impl Forward for LeakyReLU {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        x.try_leaky_relu_with(self.options)
    }
}

/// `exp(x) / sum(exp(x))` along a dimension. Any shape with that dimension. See [`Tensor::softmax`](crate::Tensor::softmax).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::Softmax::new(1).forward(&Tensor::from([[0.0f32, 0.0]]));
/// assert_eq!(y.to_string(), "tensor([[0.5000, 0.5000]])");
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(plain, extra_repr = Self::extra_repr)]
pub struct Softmax {
    dim: isize,
}

impl Softmax {
    /// Creates the layer for dimension `dim`; a negative one counts from the end.
    pub fn new(dim: isize) -> Softmax {
        Softmax { dim }
    }

    fn extra_repr(&self) -> String {
        format!("dim={}", self.dim)
    }
}

impl Forward for Softmax {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        x.try_softmax(self.dim)
    }
}

/// The logarithm of [`Softmax`], accurate for small probabilities. Any shape with that dimension. See [`Tensor::log_softmax`](crate::Tensor::log_softmax).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::LogSoftmax::new(-1).forward(&Tensor::from([[0.0f32, 0.0]]));
/// assert_eq!(y.to_string(), "tensor([[-0.6931, -0.6931]])");
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(plain, extra_repr = Self::extra_repr)]
pub struct LogSoftmax {
    dim: isize,
}

impl LogSoftmax {
    /// Creates the layer for dimension `dim`; a negative one counts from the end.
    pub fn new(dim: isize) -> LogSoftmax {
        LogSoftmax { dim }
    }

    fn extra_repr(&self) -> String {
        format!("dim={}", self.dim)
    }
}

impl Forward for LogSoftmax {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        x.try_log_softmax(self.dim)
    }
}
