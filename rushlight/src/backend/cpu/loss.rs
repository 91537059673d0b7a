//! Losses of rows of classes.

use super::Cpu;
use crate::backend::{ClassLoss, ClassLosses, Fused, bad_class};
use crate::tensor::{Element, ReadGuard, WriteGuard, each_float};
use rushlight_kernels::dtype::{Stored, StoredFloat};
use rushlight_kernels::float::Float;
use rushlight_kernels::loss::RowGrad;

/// Calls `f` with the gradients of the rows: one for all where `g` is a single number, else one each.
fn with_row_grad<T: Element + StoredFloat, R>(
    g: &ReadGuard<'_>,
    factor: f64,
    f: impl FnOnce(RowGrad<'_, T::Computed>) -> R,
) -> R {
    let factor = T::Computed::of(factor);
    if g.layout().rank() == 0 {
        return f(RowGrad::All(g.slice::<T>()[0].widen() * factor));
    }
    let rows: Vec<T::Computed> = g.slice::<T>().iter().map(|&g| g.widen() * factor).collect();
    f(RowGrad::Each(&rows))
}

impl ClassLosses for Cpu {
    fn nll(
        &self,
        loss: &ClassLoss<&ReadGuard<'_>>,
        x: &ReadGuard<'_>,
        target: &ReadGuard<'_>,
        losses: &mut WriteGuard<'_>,
    ) -> Fused<f64> {
        Some(each_float!("nll_loss", x.dtype(), T => loss.map(|weight| weight.slice::<T>())
            .nll(x.slice(), target.slice(), losses.slice())
            .map(|total| total.wide())
            .map_err(|bad| bad_class("nll_loss", bad))))
    }

    fn nll_grad(
        &self,
        loss: &ClassLoss<&ReadGuard<'_>>,
        target: &ReadGuard<'_>,
        g: &ReadGuard<'_>,
        factor: f64,
        out: &mut WriteGuard<'_>,
    ) -> Fused {
        Some(each_float!("nll_loss", g.dtype(), T => {
            with_row_grad::<T, _>(g, factor, |g| loss.map(|weight| weight.slice::<T>()).nll_backward(target.slice(), g, out.slice()))
                .map_err(|bad| bad_class("nll_loss", bad))
        }))
    }

    fn cross_entropy(
        &self,
        loss: &ClassLoss<&ReadGuard<'_>>,
        x: &ReadGuard<'_>,
        target: &ReadGuard<'_>,
        stats: &mut WriteGuard<'_>,
        losses: &mut WriteGuard<'_>,
    ) -> Fused<f64> {
        Some(each_float!("cross_entropy", x.dtype(), T => loss.map(|weight| weight.slice::<T>())
            .cross_entropy(x.slice(), target.slice(), stats.slice().as_chunks_mut().0, losses.slice())
            .map(|total| total.wide())
            .map_err(|bad| bad_class("cross_entropy", bad))))
    }

    fn cross_entropy_grad(
        &self,
        loss: &ClassLoss<&ReadGuard<'_>>,
        x: &ReadGuard<'_>,
        target: &ReadGuard<'_>,
        stats: &ReadGuard<'_>,
        g: &ReadGuard<'_>,
        factor: f64,
        out: &mut WriteGuard<'_>,
    ) -> Fused {
        Some(each_float!("cross_entropy", x.dtype(), T => {
            let stats = stats.slice::<<T as Stored>::Computed>().as_chunks().0;
            with_row_grad::<T, _>(g, factor, |g| {
                loss.map(|weight| weight.slice::<T>()).cross_entropy_backward(x.slice(), target.slice(), stats, g, out.slice())
            })
            .map_err(|bad| bad_class("cross_entropy", bad))
        }))
    }
}
