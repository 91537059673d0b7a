//! Initial values for parameters: `torch.nn.init`, draw for draw.
//!
//! The functions fill a tensor or [`Param`](super::Param) in place, without recording, and give it back.
//!
//! ```
//! use rushlight::nn::{Linear, init};
//! let layer = Linear::new(4, 3);
//! init::kaiming_normal_(&layer.weight, init::Fan::Out, init::Nonlinearity::Relu);
//! init::zeros_(layer.bias.as_ref().unwrap());
//! ```

use super::Param;
use crate::tensor::{Scalar, TensorOptions};
use crate::{Error, NoGrad, Result, Tensor};
use rushlight_macros::op;

/// Which number of connections a layer's initial values are scaled by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fan {
    /// Those into an output: keeps the magnitude in the forward pass.
    #[default]
    In,
    /// Those out of an input: keeps the magnitude in the backward pass.
    Out,
}

/// What stands behind a layer, for [`calculate_gain`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Nonlinearity {
    /// Nothing.
    Linear,
    /// A convolution.
    Conv,
    /// Sigmoid.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// Rectified linear unit.
    Relu,
    /// Rectified linear unit with this slope for negative numbers; PyTorch's default is 0.01.
    LeakyRelu(f64),
    /// Scaled exponential linear unit.
    Selu,
}

/// The factor by which a nonlinearity wants the initial values of the layer before it.
pub fn calculate_gain(nonlinearity: Nonlinearity) -> f64 {
    match nonlinearity {
        Nonlinearity::Linear | Nonlinearity::Conv | Nonlinearity::Sigmoid => 1.0,
        Nonlinearity::Tanh => 5.0 / 3.0,
        Nonlinearity::Relu => 2f64.sqrt(),
        Nonlinearity::LeakyRelu(slope) => (2.0 / (1.0 + slope * slope)).sqrt(),
        Nonlinearity::Selu => 3.0 / 4.0,
    }
}

/// The numbers of connections into an output and out of an input.
fn fans(op: &'static str, tensor: &Tensor) -> Result<[f64; 2]> {
    let &[outputs, inputs, ref window @ ..] = tensor.shape() else {
        return Err(Error::shape(
            op,
            format!("fan in and fan out need at least 2 dimensions, but the tensor has shape {:?}", tensor.shape()),
        ));
    };
    let window: usize = window.iter().product();
    Ok([(inputs * window) as f64, (outputs * window) as f64])
}

/// Uniform numbers in `[a, b)`.
///
/// # Errors
/// If `a > b` or the elements are no floating point numbers.
#[op(free)]
pub fn try_uniform_(tensor: impl Into<Tensor>, a: f64, b: f64) -> Result<Tensor> {
    let _guard = NoGrad::new();
    tensor.into().try_uniform_(a, b)
}

/// Normal numbers.
///
/// # Errors
/// If `std` is negative or the elements are no floating point numbers.
#[op(free)]
pub fn try_normal_(tensor: impl Into<Tensor>, mean: f64, std: f64) -> Result<Tensor> {
    let _guard = NoGrad::new();
    tensor.into().try_normal_(mean, std)
}

/// The same value everywhere.
#[op(free)]
pub fn try_constant_(tensor: impl Into<Tensor>, value: impl Into<Scalar>) -> Result<Tensor> {
    let _guard = NoGrad::new();
    tensor.into().try_fill_(value)
}

/// Ones.
#[op(free)]
pub fn try_ones_(tensor: impl Into<Tensor>) -> Result<Tensor> {
    try_constant_(tensor, 1)
}

/// Zeros.
#[op(free)]
pub fn try_zeros_(tensor: impl Into<Tensor>) -> Result<Tensor> {
    try_constant_(tensor, 0)
}

/// Uniform numbers in ±`gain` · √(6 / (fan_in + fan_out)), by Glorot and Bengio.
///
/// # Errors
/// If the tensor has fewer than 2 dimensions.
#[op(free)]
pub fn try_xavier_uniform_(tensor: impl Into<Tensor>, gain: f64) -> Result<Tensor> {
    let tensor = tensor.into();
    let bound = 3f64.sqrt() * xavier("xavier_uniform_", &tensor, gain)?;
    try_uniform_(tensor, -bound, bound)
}

/// Normal numbers with deviation `gain` · √(2 / (fan_in + fan_out)), by Glorot and Bengio.
///
/// # Errors
/// If the tensor has fewer than 2 dimensions.
#[op(free)]
pub fn try_xavier_normal_(tensor: impl Into<Tensor>, gain: f64) -> Result<Tensor> {
    let tensor = tensor.into();
    let std = xavier("xavier_normal_", &tensor, gain)?;
    try_normal_(tensor, 0.0, std)
}

fn xavier(op: &'static str, tensor: &Tensor, gain: f64) -> Result<f64> {
    let [fan_in, fan_out] = fans(op, tensor)?;
    Ok(gain * (2.0 / (fan_in + fan_out)).sqrt())
}

/// Uniform numbers in ±gain · √(3 / fan), by He and others.
///
/// # Errors
/// If the tensor has fewer than 2 dimensions.
#[op(free)]
pub fn try_kaiming_uniform_(tensor: impl Into<Tensor>, fan: Fan, nonlinearity: Nonlinearity) -> Result<Tensor> {
    let tensor = tensor.into();
    if tensor.numel() == 0 {
        return Ok(tensor);
    }
    let bound = 3f64.sqrt() * kaiming("kaiming_uniform_", &tensor, fan, nonlinearity)?;
    try_uniform_(tensor, -bound, bound)
}

/// Normal numbers with deviation gain / √fan, by He and others.
///
/// # Errors
/// If the tensor has fewer than 2 dimensions.
#[op(free)]
pub fn try_kaiming_normal_(tensor: impl Into<Tensor>, fan: Fan, nonlinearity: Nonlinearity) -> Result<Tensor> {
    let tensor = tensor.into();
    if tensor.numel() == 0 {
        return Ok(tensor);
    }
    let std = kaiming("kaiming_normal_", &tensor, fan, nonlinearity)?;
    try_normal_(tensor, 0.0, std)
}

fn kaiming(op: &'static str, tensor: &Tensor, fan: Fan, nonlinearity: Nonlinearity) -> Result<f64> {
    let [fan_in, fan_out] = fans(op, tensor)?;
    let fan = if fan == Fan::In { fan_in } else { fan_out };
    Ok(calculate_gain(nonlinearity) / fan.sqrt())
}

/// Weight and bias of a linear layer or convolution, drawn as PyTorch does by default.
pub(super) fn weight_and_bias(options: &TensorOptions, shape: &[usize], bias: bool) -> Result<(Param, Option<Param>)> {
    let weight = options.try_zeros(shape)?;
    try_kaiming_uniform_(&weight, Fan::In, Nonlinearity::LeakyRelu(5f64.sqrt()))?;
    let bias = if bias {
        let [fan_in, _] = fans("init", &weight)?;
        let bound = if fan_in > 0.0 { 1.0 / fan_in.sqrt() } else { 0.0 };
        let bias = options.try_zeros(shape[0])?;
        Some(Param::try_new(try_uniform_(bias, -bound, bound)?)?)
    } else {
        None
    };
    Ok((Param::try_new(weight)?, bias))
}
