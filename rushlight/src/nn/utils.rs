//! Helpers for training: clipping of gradients.

use super::Param;
use crate::{Error, NoGrad, Result, Tensor};
use rushlight_macros::op;

/// Scales the gradients of all parameters together so that their norm is at most `max_norm`, and gives the norm they had, 0-d.
///
/// The norm is that of all elements of all gradients: `norm_type` 2 is the usual one, infinity the largest absolute value. As
/// [`torch.nn.utils.clip_grad_norm_`](https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html).
///
/// # Errors
/// If `norm_type` is not greater than 0.
///
/// ```
/// use rushlight::{Tensor, nn::utils::clip_grad_norm_};
/// let w = Tensor::from([0.0f32, 0.0]).requires_grad_(true);
/// (&w * Tensor::from([3.0f32, 4.0])).sum().backward();
/// assert_eq!(clip_grad_norm_([&w], 1.0, 2.0).item::<f32>(), 5.0);
/// assert_eq!(w.grad().unwrap().to_string(), "tensor([0.6000, 0.8000])");
/// ```
#[op(free)]
pub fn try_clip_grad_norm_(
    params: impl IntoIterator<Item = impl Into<Param>>,
    max_norm: f64,
    norm_type: f64,
) -> Result<Tensor> {
    let name = "clip_grad_norm_";
    if norm_type.is_nan() || norm_type <= 0.0 {
        return Err(Error::value(name, format!("norm_type must be greater than 0, but got {norm_type}")));
    }
    let _guard = NoGrad::new();
    let grads: Vec<Tensor> = params.into_iter().filter_map(|param| param.into().grad()).collect();
    let norms = grads.iter().map(|grad| norm(grad, norm_type)).collect::<Result<Vec<Tensor>>>()?;
    if norms.is_empty() {
        return Ok(Tensor::from(0.0f32));
    }
    let total = norm(&Tensor::try_stack(&norms.iter().collect::<Vec<_>>(), 0)?, norm_type)?;
    let factor = Tensor::from(max_norm).try_to_dtype(total.dtype())?.try_div(&total.try_add(1e-6)?)?;
    let factor = factor.try_clamp(None, 1.0)?;
    for grad in &grads {
        grad.try_mul_(&factor)?;
    }
    Ok(total)
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

/// Limits every element of every gradient to ±`limit`.
///
/// # Errors
/// If `limit` is negative.
#[op(free)]
pub fn try_clip_grad_value_(params: impl IntoIterator<Item = impl Into<Param>>, limit: f64) -> Result<()> {
    if limit.is_nan() || limit < 0.0 {
        return Err(Error::value("clip_grad_value_", format!("the limit must be at least 0, but got {limit}")));
    }
    let _guard = NoGrad::new();
    for param in params {
        if let Some(grad) = param.into().grad() {
            grad.try_clamp_(-limit, limit)?;
        }
    }
    Ok(())
}
