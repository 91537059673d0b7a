//! Batch normalization.

use super::Cpu;
use crate::backend::{BatchNorm, Fused, Normalization};
use crate::tensor::{Element, ReadGuard, WriteGuard, each_float};
use rushlight_kernels::norm;

fn batch_norm<'a, T: Element>(
    sizes: &BatchNorm,
    weight: Option<&'a ReadGuard<'_>>,
    bias: Option<&'a ReadGuard<'_>>,
) -> norm::BatchNorm<'a, T> {
    let BatchNorm { n, channels, spatial, eps, activation } = *sizes;
    let [weight, bias] = [weight, bias].map(|values| values.map(|values| values.slice()));
    norm::BatchNorm { n, channels, spatial, weight, bias, eps, activation }
}

impl Normalization for Cpu {
    fn batch_norm(
        &self,
        norm: &BatchNorm,
        x: &ReadGuard<'_>,
        weight: Option<&ReadGuard<'_>>,
        bias: Option<&ReadGuard<'_>>,
        running: Option<(&mut WriteGuard<'_>, &mut WriteGuard<'_>, f64)>,
        out: &mut WriteGuard<'_>,
        [mean, invstd]: [&mut WriteGuard<'_>; 2],
    ) -> Fused {
        Some(each_float!("batch_norm", x.dtype(), T => {
            let running = running.map(|(mean, var, momentum)| norm::Running {
                mean: mean.slice::<T>(),
                var: var.slice(),
                momentum,
            });
            let norm = batch_norm::<T>(norm, weight, bias);
            norm.forward(x.slice(), running, out.slice(), mean.slice(), invstd.slice());
            Ok(())
        }))
    }

    fn batch_norm_inference(
        &self,
        norm: &BatchNorm,
        x: &ReadGuard<'_>,
        weight: Option<&ReadGuard<'_>>,
        bias: Option<&ReadGuard<'_>>,
        [mean, var]: [&ReadGuard<'_>; 2],
        out: &mut WriteGuard<'_>,
    ) -> Fused {
        Some(each_float!("batch_norm", x.dtype(), T => {
            batch_norm::<T>(norm, weight, bias).forward_with(x.slice(), mean.slice(), var.slice(), out.slice());
            Ok(())
        }))
    }

    fn batch_norm_grad(
        &self,
        norm: &BatchNorm,
        x: &ReadGuard<'_>,
        g: &ReadGuard<'_>,
        weight: Option<&ReadGuard<'_>>,
        bias: Option<&ReadGuard<'_>>,
        training: bool,
        [mean, invstd]: [&ReadGuard<'_>; 2],
        dx: Option<&mut WriteGuard<'_>>,
        [dw, db]: [&mut WriteGuard<'_>; 2],
    ) -> Fused {
        Some(each_float!("batch_norm", x.dtype(), T => {
            let norm = batch_norm::<T>(norm, weight, bias);
            let stats = (mean.slice(), invstd.slice());
            norm.backward(x.slice(), g.slice(), training, stats, dx.map(WriteGuard::slice), dw.slice(), db.slice());
            Ok(())
        }))
    }
}
