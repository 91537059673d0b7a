//! Softmax along one dimension.

use super::{Cpu, around};
use crate::backend::{Fused, Softmax, SoftmaxKind};
use crate::tensor::{ReadGuard, WriteGuard, each_float};
use rushlight_kernels::softmax;

impl Softmax for Cpu {
    fn softmax(&self, kind: SoftmaxKind, x: &ReadGuard<'_>, dim: usize, out: &mut WriteGuard<'_>) -> Fused {
        let [outer, n, inner] = around(x.layout(), dim);
        Some(each_float!("softmax", x.dtype(), T => {
            let kernel = match kind {
                SoftmaxKind::Softmax => softmax::softmax::<T>,
                SoftmaxKind::LogSoftmax => softmax::log_softmax::<T>,
            };
            kernel(x.slice(), out.slice(), outer, n, inner);
            Ok(())
        }))
    }

    fn softmax_grad(
        &self,
        kind: SoftmaxKind,
        g: &ReadGuard<'_>,
        y: &ReadGuard<'_>,
        dim: usize,
        out: &mut WriteGuard<'_>,
    ) -> Fused {
        let [outer, n, inner] = around(y.layout(), dim);
        Some(each_float!("softmax_backward", y.dtype(), T => {
            let kernel = match kind {
                SoftmaxKind::Softmax => softmax::softmax_backward::<T>,
                SoftmaxKind::LogSoftmax => softmax::log_softmax_backward::<T>,
            };
            kernel(y.slice(), g.slice(), out.slice(), outer, n, inner);
            Ok(())
        }))
    }
}
