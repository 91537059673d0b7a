//! Pooling over windows.

use super::Cpu;
use crate::backend::{Divisor, Fused, Pool2d, Pooling};
use crate::tensor::{Layout, ReadGuard, WriteGuard, each_float};
use rushlight_kernels::pooling;

/// The number of images, and their height and width.
fn images(layout: &Layout) -> (usize, [usize; 2]) {
    let (planes, size) = layout.dims().split_at(layout.rank() - 2);
    (planes.iter().product(), [size[0], size[1]])
}

impl Pooling for Cpu {
    fn max_pool2d(
        &self,
        pool: &Pool2d,
        x: &ReadGuard<'_>,
        values: &mut WriteGuard<'_>,
        indices: &mut WriteGuard<'_>,
    ) -> Fused {
        Some(each_float!("max_pool2d", x.dtype(), T => {
            pool.max::<T>(x.slice(), values.slice(), indices.slice());
            Ok(())
        }))
    }

    fn max_pool2d_grad(
        &self,
        pool: &Pool2d,
        g: &ReadGuard<'_>,
        indices: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Fused {
        Some(each_float!("max_pool2d", g.dtype(), T => {
            pool.max_backward::<T>(g.slice(), indices.slice(), out.slice());
            Ok(())
        }))
    }

    fn avg_pool2d(&self, pool: &Pool2d, divisor: Divisor, x: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Fused {
        Some(each_float!("avg_pool2d", x.dtype(), T => {
            pool.avg::<T>(x.slice(), divisor, out.slice());
            Ok(())
        }))
    }

    fn avg_pool2d_grad(&self, pool: &Pool2d, divisor: Divisor, g: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Fused {
        Some(each_float!("avg_pool2d", g.dtype(), T => {
            pool.avg_backward::<T>(g.slice(), divisor, out.slice());
            Ok(())
        }))
    }

    fn adaptive_avg_pool2d(&self, x: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Fused {
        let ((planes, input), (_, output)) = (images(x.layout()), images(out.layout()));
        Some(each_float!("adaptive_avg_pool2d", x.dtype(), T => {
            pooling::adaptive_avg_pool2d::<T>(x.slice(), planes, input, output, out.slice());
            Ok(())
        }))
    }

    fn adaptive_avg_pool2d_grad(&self, g: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Fused {
        let ((planes, input), (_, output)) = (images(out.layout()), images(g.layout()));
        Some(each_float!("adaptive_avg_pool2d", g.dtype(), T => {
            pooling::adaptive_avg_pool2d_backward::<T>(g.slice(), planes, input, output, out.slice());
            Ok(())
        }))
    }
}
