//! Rectifiers: `x` above 0, and a smaller slope or a constant below.

use crate::nn::repr::python_float;
use crate::nn::{Activation, Forward, Fusion, Module, Parameter, Training};
use crate::ops::{LeakyReluOptions, RreluOptions};
use crate::tensor::{DType, TensorOptions, get_default_dtype};
use crate::{Result, Tensor};
use rushlight_macros::{Builder, op};

/// Rectified linear unit, `max(x, 0)`. Any shape. See [`Tensor::relu`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::ReLU::new().forward(&Tensor::from([[1.0f32, 2.0, -1.0, -1.0]]));
/// assert_eq!(y.to_string(), "tensor([[1., 2., 0., 0.]])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = Tensor::try_relu, fusion = Self::fusion)]
pub struct ReLU;

impl ReLU {
    fn fusion(&self) -> Fusion<'_> {
        Fusion::Activation(Activation::Relu)
    }
}

/// `min(max(x, 0), 6)`. Any shape. See [`Tensor::relu6`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::ReLU6::new().forward(&Tensor::from([-1.0f32, 3.0, 9.0]));
/// assert_eq!(y.to_string(), "tensor([0., 3., 6.])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = Tensor::try_relu6, fusion = Self::fusion)]
pub struct ReLU6;

impl ReLU6 {
    fn fusion(&self) -> Fusion<'_> {
        Fusion::Activation(Activation::Relu6)
    }
}

/// `max(x, 0) + negative_slope * min(x, 0)`, by default with slope 0.01. Any shape. See [`Tensor::leaky_relu`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::LeakyReLU::builder().negative_slope(0.1).build().forward(&Tensor::from([-1.0f32, 2.0]));
/// assert_eq!(y.to_string(), "tensor([-0.1000,  2.0000])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = Tensor::try_leaky_relu_with, extra_repr = Self::extra_repr)]
pub struct LeakyReLU {
    options: LeakyReluOptions,
}

impl LeakyReLU {
    fn extra_repr(&self) -> String {
        format!("negative_slope={}", python_float(self.options.negative_slope))
    }
}

/// The options of a [`PReLU`] layer.
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super))]
pub struct PReLUBuilder {
    /// The number of learned slopes: 1, or the number of channels; default 1.
    #[builder(default = 1)]
    num_parameters: usize,
    /// The initial slope; default 0.25.
    #[builder(default = 0.25)]
    init: f64,
    /// The dtype of the slopes; default float32.
    #[builder(default = get_default_dtype())]
    dtype: DType,
}

impl PReLUBuilder {
    /// Builds the layer.
    ///
    /// # Errors
    /// If the dtype is not floating-point, or the slopes do not fit into memory.
    #[op]
    pub fn try_build(self) -> Result<PReLU> {
        let options = TensorOptions::new().dtype(self.dtype);
        let slopes = Tensor::try_full_with(self.num_parameters, self.init, options)?;
        Ok(PReLU { weight: Parameter::try_new(slopes)?, num_parameters: self.num_parameters })
    }
}

/// `max(x, 0) + weight * min(x, 0)` with learned slopes, one or one for each channel, initially 0.25. Any shape; channels are dimension 1.
/// Weight decay would draw the slopes to 0, which is ReLU. See [`Tensor::prelu`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let layer = nn::PReLU::builder().num_parameters(3).init(0.1).build();
/// assert_eq!(layer.to_string(), "PReLU(num_parameters=3)");
/// let y = layer.forward(&Tensor::from([[-1.0f32, 0.0, 2.0]]));
/// assert_eq!(y.detach().to_string(), "tensor([[-0.1000,  0.0000,  2.0000]])");
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = Self::extra_repr)]
pub struct PReLU {
    /// The slopes, `[num_parameters]`.
    pub weight: Parameter,
    #[module(skip)]
    num_parameters: usize,
}

impl PReLU {
    /// Creates a layer with one slope of 0.25.
    ///
    /// # Errors
    /// If the slope does not fit into memory.
    #[op]
    pub fn try_new() -> Result<PReLU> {
        PReLU::builder().try_build()
    }

    /// Returns a builder of the layer.
    pub fn builder() -> PReLUBuilder {
        PReLUBuilder::new()
    }

    fn extra_repr(&self) -> String {
        format!("num_parameters={}", self.num_parameters)
    }
}

impl Forward for PReLU {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        x.try_prelu(&self.weight.get())
    }
}

/// The options of an [`RReLU`] layer.
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super))]
pub struct RReLUBuilder {
    /// The lower bound of the slopes; default 1/8.
    #[builder(default = 1.0 / 8.0)]
    lower: f64,
    /// The upper bound of the slopes; default 1/3.
    #[builder(default = 1.0 / 3.0)]
    upper: f64,
}

impl RReLUBuilder {
    /// Builds the layer.
    pub fn build(self) -> RReLU {
        RReLU { options: self, training: Training::default() }
    }
}

/// `x` above 0 and `slope * x` elsewhere. In training mode, the slope of each element is drawn from `lower..upper`, by default 1/8 to 1/3; in
/// evaluation mode it is `(lower + upper) / 2`. Any shape. See [`Tensor::rrelu`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::{Forward, Module}};
/// rushlight::manual_seed(0);
/// let layer = nn::RReLU::builder().lower(0.1).upper(0.3).build();
/// let x = Tensor::from([-1.0f32, -1.0, 2.0]);
/// assert_eq!(layer.forward(&x).to_string(), "tensor([-0.2940, -0.2416,  2.0000])");
/// layer.eval();
/// assert_eq!(layer.forward(&x).to_string(), "tensor([-0.2000, -0.2000,  2.0000])");
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = Self::extra_repr)]
pub struct RReLU {
    training: Training,
    #[module(skip)]
    options: RReLUBuilder,
}

impl RReLU {
    /// Creates the layer with slopes from 1/8 to 1/3.
    pub fn new() -> RReLU {
        RReLU::default()
    }

    /// Returns a builder of the layer.
    pub fn builder() -> RReLUBuilder {
        RReLUBuilder::new()
    }

    fn extra_repr(&self) -> String {
        format!("lower={}, upper={}", python_float(self.options.lower), python_float(self.options.upper))
    }
}

impl Default for RReLU {
    fn default() -> RReLU {
        RReLU::builder().build()
    }
}

impl Forward for RReLU {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        let RReLUBuilder { lower, upper } = self.options;
        x.try_rrelu_with(RreluOptions { lower, upper, training: self.training.get() })
    }
}

/// `x` above a threshold, a constant elsewhere. Any shape. See [`Tensor::threshold`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::Threshold::new(0.1, 20.0).forward(&Tensor::from([0.0f32, 2.0]));
/// assert_eq!(y.to_string(), "tensor([20.,  2.])");
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(plain, extra_repr = Self::extra_repr)]
pub struct Threshold {
    threshold: f64,
    value: f64,
}

impl Threshold {
    /// Creates the layer, which replaces what is not above `threshold` by `value`.
    pub fn new(threshold: f64, value: f64) -> Threshold {
        Threshold { threshold, value }
    }

    fn extra_repr(&self) -> String {
        format!("threshold={}, value={}", python_float(self.threshold), python_float(self.value))
    }
}

impl Forward for Threshold {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        x.try_threshold(self.threshold, self.value)
    }
}
