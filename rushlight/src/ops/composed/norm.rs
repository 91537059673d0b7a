//! Batch normalization.

use crate::backend::{Activation, BatchNorm};
use crate::ops::{VarOptions, scaled};
use crate::{Result, Tensor};

pub(super) fn activate(activation: Activation, y: Tensor) -> Result<Tensor> {
    match activation {
        Activation::None => Ok(y),
        Activation::Relu => y.try_relu(),
        Activation::Relu6 => y.try_relu6(),
    }
}

/// `(x - mean) * invstd * weight + bias`, with the activation; `x` is `[n, channels, spatial]`.
fn affine(norm: &BatchNorm<&Tensor>, x: &Tensor, [mean, invstd]: [&Tensor; 2]) -> Result<Tensor> {
    let along = |values: &Tensor| values.detach().try_view([norm.channels, 1]);
    let mut y = x.try_sub(&along(mean)?)?.try_mul(&along(invstd)?)?;
    if let Some(weight) = norm.weight {
        y = y.try_mul(&along(weight)?)?;
    }
    if let Some(bias) = norm.bias {
        y = y.try_add(&along(bias)?)?;
    }
    activate(norm.activation, y)
}

/// The output, of the shape of a contiguous `x`, the means and `1 / sqrt(variance + eps)`. The running statistics move.
pub(in crate::ops) fn batch_norm(
    norm: &BatchNorm<&Tensor>,
    x: &Tensor,
    running: Option<(&Tensor, &Tensor)>,
    momentum: f64,
) -> Result<[Tensor; 3]> {
    let rows = x.detach().try_view([norm.n, norm.channels, norm.spatial])?;
    let mean = rows.try_mean_dim([0, 2])?;
    let var = rows.try_var_dim_with([0, 2], VarOptions::new().correction(0.0))?;
    let invstd = var.try_add(norm.eps)?.try_rsqrt()?;
    let y = affine(norm, &rows, [&mean, &invstd])?.try_view(x.shape())?;
    if let Some((running_mean, running_var)) = running {
        let count = (norm.n * norm.spatial) as f64;
        let unbiased = scaled(&var, count / (count - 1.0))?;
        for (running, now) in [(running_mean, &mean), (running_var, &unbiased)] {
            let moved = scaled(&running.detach(), 1.0 - momentum)?.try_add(&scaled(now, momentum)?)?;
            x.backend().copy(&moved.read("batch_norm")?, &mut running.write("batch_norm")?)?;
        }
    }
    Ok([y, mean, invstd])
}

pub(in crate::ops) fn batch_norm_inference(
    norm: &BatchNorm<&Tensor>,
    x: &Tensor,
    [mean, var]: [&Tensor; 2],
) -> Result<Tensor> {
    let rows = x.detach().try_view([norm.n, norm.channels, norm.spatial])?;
    let invstd = var.detach().try_add(norm.eps)?.try_rsqrt()?;
    affine(norm, &rows, [mean, &invstd])?.try_view(x.shape())
}
