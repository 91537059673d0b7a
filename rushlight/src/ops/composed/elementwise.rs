//! Derivatives of functions of one element, and sums into places that repeat.

use super::constant;
use crate::backend::GradOp;
use crate::ops::scaled;
use crate::tensor::Layout;
use crate::{Result, Tensor};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

pub(in crate::ops) fn gradient(op: GradOp, g: &Tensor, x: &Tensor) -> Result<Tensor> {
    differentiable_gradient(op, &g.detach(), &x.detach())
}

/// [`gradient`] in operations that are recorded.
pub(in crate::ops) fn differentiable_gradient(op: GradOp, g: &Tensor, x: &Tensor) -> Result<Tensor> {
    match op {
        GradOp::Relu => g.try_masked_fill(&x.try_le(0)?, 0),
        GradOp::Clamp { min, max } => g.try_masked_fill(&x.try_le(min)?.try_logical_or(&x.try_ge(max)?)?, 0),
        GradOp::LeakyRelu(slope) => g.try_where(&x.try_gt(0)?, &scaled(g, slope)?),
        GradOp::Sigmoid => g.try_mul(&x.try_mul(-1)?.try_add(1)?)?.try_mul(x),
        GradOp::Tanh => g.try_mul(&x.try_mul(x)?.try_mul(-1)?.try_add(1)?),
        GradOp::Silu => {
            let s = x.try_sigmoid()?;
            // s * (1 + x * (1 - s))
            let slope = s.try_mul(&x.try_mul(&s.try_mul(-1)?.try_add(1)?)?.try_add(1)?)?;
            g.try_mul(&slope)
        }
        GradOp::Gelu => {
            // Phi(x) + x * phi(x), with the normal distribution's Phi and phi
            let below = scaled(&scaled(x, FRAC_1_SQRT_2)?.try_erf()?.try_add(1)?, 0.5)?;
            let density = scaled(&scaled(&x.try_mul(x)?, -0.5)?.try_exp()?, FRAC_2_SQRT_PI * FRAC_1_SQRT_2 / 2.0)?;
            g.try_mul(&below.try_add(&x.try_mul(&density)?)?)
        }
    }
}

/// Adds `source`, broadcast, to the memory of the fresh tensor `target` at `part`.
pub(in crate::ops) fn accumulate(target: &Tensor, part: &Layout, source: &Tensor) -> Result<()> {
    let name = "accumulate";
    let mut places = vec![part.offset() as i64];
    for (&size, &stride) in part.dims().iter().zip(part.strides()) {
        let steps = |&start: &i64| (0..size as i64).map(move |i| start + i * stride as i64);
        places = places.iter().flat_map(steps).collect();
    }
    let places = constant(target, &[places.len()], &places)?;
    let source = source.detach().try_expand(part.dims())?.try_contiguous()?.try_view([places.numel()])?;
    let span = target.storage_bytes() / target.dtype().size();
    let memory = target.view_raw(Layout::contiguous(&[span]));
    if places.numel() == 0 {
        return Ok(());
    }
    target.backend().scatter_add(0, &places.read(name)?, &source.read(name)?, &mut memory.write(name)?)
}
