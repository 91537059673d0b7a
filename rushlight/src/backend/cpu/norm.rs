//! Batch normalization.

use super::Cpu;
use crate::backend::{BatchNorm, Fused, Normalization};
use crate::tensor::{ReadGuard, WriteGuard, each_float};
use rushlight_kernels::norm::Running;

impl Normalization for Cpu {
    fn batch_norm(
        &self,
        norm: &BatchNorm<&ReadGuard<'_>>,
        x: &ReadGuard<'_>,
        running: Option<(&mut WriteGuard<'_>, &mut WriteGuard<'_>, f64)>,
        out: &mut WriteGuard<'_>,
        [mean, invstd]: [&mut WriteGuard<'_>; 2],
    ) -> Fused {
        Some(each_float!("batch_norm", x.dtype(), T => {
            let running = running.map(|(mean, var, momentum)| Running {
                mean: mean.slice::<T>(),
                var: var.slice(),
                momentum,
            });
            let norm = norm.map(|values| values.slice::<T>());
            norm.forward(x.slice(), running, out.slice(), mean.slice(), invstd.slice());
            Ok(())
        }))
    }

    fn batch_norm_inference(
        &self,
        norm: &BatchNorm<&ReadGuard<'_>>,
        x: &ReadGuard<'_>,
        [mean, var]: [&ReadGuard<'_>; 2],
        out: &mut WriteGuard<'_>,
    ) -> Fused {
        Some(each_float!("batch_norm", x.dtype(), T => {
            let norm = norm.map(|values| values.slice::<T>());
            norm.forward_with(x.slice(), mean.slice(), var.slice(), out.slice());
            Ok(())
        }))
    }

    fn batch_norm_grad(
        &self,
        norm: &BatchNorm<&ReadGuard<'_>>,
        x: &ReadGuard<'_>,
        g: &ReadGuard<'_>,
        training: bool,
        [mean, invstd]: [&ReadGuard<'_>; 2],
        dx: Option<&mut WriteGuard<'_>>,
        [dw, db]: [&mut WriteGuard<'_>; 2],
    ) -> Fused {
        Some(each_float!("batch_norm", x.dtype(), T => {
            let norm = norm.map(|values| values.slice::<T>());
            let stats = (mean.slice(), invstd.slice());
            norm.backward(x.slice(), g.slice(), training, stats, dx.map(WriteGuard::slice), dw.slice(), db.slice());
            Ok(())
        }))
    }
}
