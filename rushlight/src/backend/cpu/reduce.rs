//! Reductions over dimensions.

use super::{Cpu, each, each_float, unsupported};
use crate::Result;
use crate::backend::{Fused, ReduceOp, Reduction};
use crate::tensor::{Layout, ReadGuard, WriteGuard};
use rushlight_kernels::reduce::{self, Axes};

/// The kept and the reduced dimensions of an input.
fn split(x: &Layout, reduced: &[bool]) -> (Axes, Axes) {
    let part = |wanted: bool| {
        let mut sizes = [0; rushlight_kernels::MAX_RANK];
        let mut strides = [0; rushlight_kernels::MAX_RANK];
        let mut n = 0;
        for (i, &is) in reduced.iter().enumerate() {
            if is == wanted {
                (sizes[n], strides[n]) = (x.dims()[i], x.strides()[i]);
                n += 1;
            }
        }
        Axes::new(&sizes[..n], &strides[..n])
    };
    (part(false), part(true))
}

impl Reduction for Cpu {
    fn reduce(&self, op: ReduceOp, x: &ReadGuard<'_>, reduced: &[bool], out: &mut WriteGuard<'_>) -> Result<()> {
        let (kept, gone) = split(x.layout(), reduced);
        if op == ReduceOp::Mean && !x.dtype().is_float() {
            return Err(unsupported("mean", x.dtype()));
        }
        // SAFETY: the axes are the input's layout; the output has as many elements as the kept axes, of the type that the
        // reduction returns.
        each!(x.dtype(), T => unsafe { reduce::reduce::<T>(op, x.ptr(), &kept, &gone, out.bytes()) });
        Ok(())
    }

    fn variance(&self, x: &ReadGuard<'_>, reduced: &[bool], correction: f64, out: &mut WriteGuard<'_>) -> Fused {
        let (kept, gone) = split(x.layout(), reduced);
        Some(each_float!("var", x.dtype(), T => {
            // SAFETY: as in `reduce`; means are not requested.
            unsafe { reduce::var::<T>(x.ptr(), &kept, &gone, correction, out.ptr(), std::ptr::null_mut()) };
            Ok(())
        }))
    }

    fn extreme(
        &self,
        largest: bool,
        x: &ReadGuard<'_>,
        dim: usize,
        values: &mut WriteGuard<'_>,
        indices: &mut WriteGuard<'_>,
    ) -> Fused {
        let mut reduced = [false; rushlight_kernels::MAX_RANK];
        reduced[dim] = true;
        let (kept, _) = split(x.layout(), &reduced[..x.layout().rank()]);
        let along = (x.layout().dims()[dim], x.layout().strides()[dim]);
        each!(x.dtype(), T => {
            // SAFETY: as in `reduce`, with both outputs.
            unsafe {
                if largest {
                    reduce::max_with_index::<T>(x.ptr(), &kept, along, values.ptr(), indices.ptr());
                } else {
                    reduce::min_with_index::<T>(x.ptr(), &kept, along, values.ptr(), indices.ptr());
                }
            }
        });
        Some(Ok(()))
    }
}
