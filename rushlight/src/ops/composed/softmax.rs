//! Softmax and its logarithm along one dimension.

use crate::backend::SoftmaxKind;
use crate::{Result, Tensor};

pub(in crate::ops) fn softmax(kind: SoftmaxKind, x: &Tensor, dim: usize) -> Result<Tensor> {
    let x = x.detach();
    if x.numel() == 0 {
        return x.try_contiguous_copy();
    }
    if x.dim() == 0 {
        return softmax(kind, &x.try_view([1])?, 0)?.try_view(());
    }
    let below = x.try_sub(&x.try_amax(dim, true)?)?;
    let exp = below.try_exp()?;
    let sum = exp.try_sum_dim(dim, true)?;
    match kind {
        SoftmaxKind::Softmax => exp.try_div(&sum),
        SoftmaxKind::LogSoftmax => below.try_sub(&sum.try_log()?),
    }
}

pub(in crate::ops) fn softmax_grad(kind: SoftmaxKind, g: &Tensor, y: &Tensor, dim: usize) -> Result<Tensor> {
    let (g, y) = (g.detach(), y.detach());
    if y.dim() == 0 {
        return softmax_grad(kind, &g.try_view([1])?, &y.try_view([1])?, 0)?.try_view(());
    }
    match kind {
        SoftmaxKind::Softmax => y.try_mul(&g.try_sub(&g.try_mul(&y)?.try_sum_dim(dim, true)?)?),
        SoftmaxKind::LogSoftmax => g.try_sub(&y.try_exp()?.try_mul(&g.try_sum_dim(dim, true)?)?),
    }
}
