//! Utilities: gradient clipping, folding of normalization into the preceding layer, construction without initialization, summaries of
//! networks, and sequences of different lengths.

pub mod rnn;
mod skip_init;
mod summary;

pub use summary::{LayerRun, summary, try_summary};
pub(super) use summary::{is_summarized, ran};

use super::{BatchNorm, Conv, Parameter};
use crate::tensor::DType;
use crate::{Error, NoGrad, Result, Tensor};
use rushlight_macros::{Builder, op};
pub(super) use skip_init::is_skipped;
pub use skip_init::skip_init;

/// The options of [`clip_grad_norm_`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct ClipGradNormOptions {
    /// The order of the norm; infinity is the largest absolute value. Default 2.
    #[builder(default = 2.0)]
    norm_type: f64,
}

/// Scales the gradients of all parameters so that their total norm is at most `max_norm`, and returns the previous norm, 0-d.
///
/// The norm is over all elements of all gradients. See
/// [`torch.nn.utils.clip_grad_norm_`](https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html).
///
/// # Errors
/// If `norm_type` is not greater than 0.
///
/// ```
/// use rushlight::{Tensor, nn::utils::clip_grad_norm_};
/// let w = Tensor::from([0.0f32, 0.0]).requires_grad_(true);
/// (&w * Tensor::from([3.0f32, 4.0])).sum().backward();
/// assert_eq!(clip_grad_norm_([&w], 1.0).item(), 5.0);
/// assert_eq!(w.grad().unwrap().to_string(), "tensor([0.6000, 0.8000])");
/// ```
#[op(
    torch = "clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None)",
    free,
    with
)]
pub fn try_clip_grad_norm_with_(
    params: impl IntoIterator<Item = impl Into<Parameter>>,
    max_norm: f64,
    options: ClipGradNormOptions,
) -> Result<Tensor> {
    let (name, norm_type) = ("clip_grad_norm_", options.norm_type);
    if norm_type.is_nan() || norm_type <= 0.0 {
        return Err(Error::value(name, format!("expected norm_type greater than 0, got {norm_type}")));
    }
    let _guard = NoGrad::new();
    let grads: Vec<Tensor> = params.into_iter().filter_map(|param| param.into().grad()).collect();
    let norms = grads.iter().map(|grad| norm(&elements(grad)?, norm_type)).collect::<Result<Vec<Tensor>>>()?;
    if norms.is_empty() {
        return Ok(Tensor::from(0.0f32));
    }
    let total = norm(&Tensor::try_stack(&norms)?, norm_type)?;
    let factor = Tensor::from(max_norm).try_to_dtype(total.dtype())?.try_div(&total.try_add(1e-6)?)?;
    let factor = factor.try_clamp(None, 1.0)?;
    for grad in &grads {
        grad.try_mul_(&factor)?;
    }
    Ok(total)
}

/// A tensor with the elements of a gradient that are not known to be zero.
fn elements(grad: &Tensor) -> Result<Tensor> {
    if grad.is_sparse() { grad.try_coalesce()?.try_values() } else { Ok(grad.clone()) }
}

/// The `p`-norm of all elements, 0-d.
fn norm(x: &Tensor, p: f64) -> Result<Tensor> {
    if p == 2.0 {
        x.try_square()?.try_sum()?.try_sqrt()
    } else if p.is_infinite() {
        x.try_abs()?.try_max()
    } else {
        x.try_abs()?.try_pow(p)?.try_sum()?.try_pow(1.0 / p)
    }
}

/// Clamps every element of every gradient to [-`limit`, `limit`].
///
/// # Errors
/// If `limit` is negative.
///
/// ```
/// use rushlight::{Tensor, nn::utils::clip_grad_value_};
/// let w = Tensor::zeros([2]).requires_grad_(true);
/// (&w * Tensor::from([3.0f32, -0.5])).sum().backward();
/// clip_grad_value_([&w], 1.0);
/// assert_eq!(w.grad().unwrap().to_vec::<f32>(), [1.0, -0.5]);
/// ```
#[op(torch = "clip_grad_value_(parameters, clip_value, foreach=None)", free)]
pub fn try_clip_grad_value_(params: impl IntoIterator<Item = impl Into<Parameter>>, limit: f64) -> Result<()> {
    if limit.is_nan() || limit < 0.0 {
        return Err(Error::value("clip_grad_value_", format!("expected a limit of at least 0, got {limit}")));
    }
    let _guard = NoGrad::new();
    for param in params {
        if let Some(grad) = param.into().grad() {
            grad.try_clamp_(-limit, limit)?;
        }
    }
    Ok(())
}

/// Returns the weight and bias of a convolution (`[out, in, …]`) equivalent to the given one followed by batch normalization with
/// running statistics: with `s = bn_weight / sqrt(running_var + eps)`, the weight times `s`, and
/// `(bias - running_mean) * s + bn_bias`.
///
/// See [`torch.nn.utils.fuse_conv_bn_weights`](https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.fuse_conv_bn_weights.html).
///
/// # Errors
/// If the weight is not floating-point `[out, in, …]`, or another tensor is not `[out]`.
///
/// ```
/// use rushlight::{Tensor, nn::utils::fuse_conv_bn_weights};
/// let (weight, mean, var) = (Tensor::ones([1, 1, 1]), Tensor::from([2.0f32]), Tensor::from([4.0f32]));
/// let (weight, bias) = fuse_conv_bn_weights(&weight, None, &mean, &var, 0.0, None, None);
/// assert_eq!((weight.item(), bias.item()), (0.5, -1.0));
/// ```
#[op(torch = "fuse_conv_bn_weights(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, transpose=False)", free)]
pub fn try_fuse_conv_bn_weights(
    weight: &Tensor,
    bias: Option<&Tensor>,
    running_mean: &Tensor,
    running_var: &Tensor,
    eps: f64,
    bn_weight: Option<&Tensor>,
    bn_bias: Option<&Tensor>,
) -> Result<(Tensor, Tensor)> {
    let name = "fuse_conv_bn_weights";
    let channels = weight.shape().first().copied();
    if channels.is_none() || !weight.dtype().is_float() {
        let message = format!(
            "expected a floating-point weight [out, in, …], got {} of shape {:?}",
            weight.dtype(),
            weight.shape()
        );
        return Err(Error::shape(name, message));
    }
    for (what, tensor) in [
        ("bias", bias),
        ("running_mean", Some(running_mean)),
        ("running_var", Some(running_var)),
        ("bn_weight", bn_weight),
        ("bn_bias", bn_bias),
    ] {
        if let Some(tensor) = tensor.filter(|tensor| tensor.shape() != channels.as_slice()) {
            let message = format!(
                "expected {what} with one value per output channel of a weight of shape {:?}, got shape {:?}",
                weight.shape(),
                tensor.shape()
            );
            return Err(Error::shape(name, message));
        }
    }
    let dtype = weight.dtype();
    // One value per channel: float64 costs nothing and avoids rounding errors.
    let wide = |tensor: Option<&Tensor>| tensor.map(|tensor| tensor.try_to_dtype(DType::F64)).transpose();
    let mut scale = running_var.try_to_dtype(DType::F64)?.try_add(eps)?.try_rsqrt()?;
    if let Some(weight) = wide(bn_weight)? {
        scale = scale.try_mul(&weight)?;
    }
    let mut shift = running_mean.try_to_dtype(DType::F64)?.try_neg()?;
    if let Some(bias) = wide(bias)? {
        shift = shift.try_add(&bias)?;
    }
    shift = shift.try_mul(&scale)?;
    if let Some(bias) = wide(bn_bias)? {
        shift = shift.try_add(&bias)?;
    }
    let mut along = vec![1; weight.dim()];
    along[0] = weight.shape()[0];
    let factor = scale.try_to_dtype(dtype)?.try_view(&along)?;
    Ok((weight.try_mul(&factor)?, shift.try_to_dtype(dtype)?))
}

/// Returns a convolution equivalent to `conv` followed by `bn` in evaluation mode. A [`Sequential`](super::Sequential) and
/// [`Conv::forward_fused`] fold automatically when gradients are not recorded; this is for models to be kept or saved without their
/// normalization.
///
/// See [`torch.nn.utils.fuse_conv_bn_eval`](https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.fuse_conv_bn_eval.html).
///
/// # Errors
/// If `bn` is in training mode or does not have running statistics, or the channels do not match.
///
/// ```
/// use rushlight::{Tensor, nn, nn::{Forward, Module, utils::fuse_conv_bn_eval}};
/// let (conv, bn) = (nn::Conv2d::builder(3, 8, 3).bias(false).build(), nn::BatchNorm2d::new(8));
/// bn.eval();
/// let fused = fuse_conv_bn_eval(&conv, &bn);
/// let x = Tensor::randn([1, 3, 5, 5]);
/// assert!((fused.forward(&x) - bn.forward(&conv.forward(&x))).abs().max().item_as::<f32>() < 1e-5);
/// assert_eq!(fused.to_string(), "Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1))");
/// ```
#[op(torch = "fuse_conv_bn_eval(conv, bn, transpose=False)", free)]
pub fn try_fuse_conv_bn_eval<const N: usize>(conv: &Conv<N>, bn: &BatchNorm<N>) -> Result<Conv<N>> {
    let Some((mean, var, eps)) = bn.normalization().given() else {
        let message =
            "expected a normalization in evaluation mode with running statistics, got one without".to_string();
        return Err(Error::value("fuse_conv_bn_eval", message));
    };
    let _guard = NoGrad::new();
    let [bias, scale, shift] = [&conv.bias, &bn.weight, &bn.bias].map(|param| param.as_ref().map(Parameter::get));
    let (weight, bias) =
        try_fuse_conv_bn_weights(&conv.weight.get(), bias.as_ref(), &mean, &var, eps, scale.as_ref(), shift.as_ref())?;
    Ok(conv.with(Parameter::try_new(weight)?, Some(Parameter::try_new(bias)?)))
}
