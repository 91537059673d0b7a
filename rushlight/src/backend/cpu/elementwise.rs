//! Elementwise operations, fills and copies.

use super::{Cpu, aligned, each, each_float, seen, unsupported};
use crate::backend::{BinaryOp, CompareOp, Elementwise, UnaryOp};
use crate::tensor::{DType, Element, ReadGuard, Scalar, WriteGuard};
use crate::{Error, Result};
use rushlight_kernels::dtype::Stored;
use rushlight_kernels::elementwise::{self, Arithmetic};

/// Operations put their own name to it.
#[cold]
fn kernel_error(error: elementwise::Error, dtype: DType) -> Error {
    match error {
        elementwise::Error::Unsupported => unsupported("elementwise", dtype),
        elementwise::Error::ZeroDivision => Error::value("elementwise", "an integer was divided by zero"),
    }
}

fn cast<S: Element>(x: &ReadGuard<'_>, out: &WriteGuard<'_>) {
    let layout = out.layout();
    let from = seen(x, layout);
    each!(out.dtype(), D => {
        // SAFETY: both layouts stay inside what the permissions cover, with the sizes of `out`.
        unsafe {
            elementwise::copy::<S, D>(layout.dims(), x.ptr(), from.strides(), out.ptr(), layout.strides());
        }
    });
}

/// Adds elements one after the other, for outputs that repeat places.
fn accumulate<T: Element>(x: &ReadGuard<'_>, out: &WriteGuard<'_>) {
    let layout = out.layout();
    let from = seen(x, layout);
    let mut index = [0usize; rushlight_kernels::MAX_RANK];
    let (mut source, mut target) = (0isize, 0isize);
    for _ in 0..layout.numel() {
        // SAFETY: the index is inside the sizes of `out`, whose layout and the input's stay inside what they cover.
        unsafe {
            let place = out.ptr::<T>().offset(target);
            *place = T::narrow((*place).widen().plus((*x.ptr::<T>().offset(source)).widen()));
        }
        for i in (0..layout.rank()).rev() {
            index[i] += 1;
            source += from.strides()[i];
            target += layout.strides()[i];
            if index[i] < layout.dims()[i] {
                break;
            }
            source -= from.strides()[i] * index[i] as isize;
            target -= layout.strides()[i] * index[i] as isize;
            index[i] = 0;
        }
    }
}

/// [`Elementwise::binary`] where one of the inputs is a single number of the computed type.
fn with_number<T: Element>(op: BinaryOp, a: &ReadGuard<'_>, b: &ReadGuard<'_>, out: &WriteGuard<'_>) -> Result<()>
where
    T::Computed: Element,
{
    let layout = out.layout();
    let (x, number, first) = if a.dtype() == T::DTYPE { (a, b, false) } else { (b, a, true) };
    let from = seen(x, layout);
    // SAFETY: the layouts stay inside what the guards cover; `out` is other memory or the very same elements as `x`; the number
    // is an element.
    unsafe {
        let number = *number.ptr::<T::Computed>();
        let (x, out) = (x.ptr::<T>(), out.ptr::<T>());
        let dims = layout.dims();
        elementwise::binary_with_number(op, dims, x, from.strides(), number, first, out, layout.strides())
    }
    .map_err(|error| kernel_error(error, T::DTYPE))
}

impl Elementwise for Cpu {
    fn fill(&self, value: Scalar, out: &WriteGuard<'_>) -> Result<()> {
        let layout = out.layout();
        each!(out.dtype(), T => {
            // SAFETY: the layout stays inside what the permission covers.
            unsafe { elementwise::fill(layout.dims(), out.ptr::<T>(), layout.strides(), T::from_scalar(value)) }
        });
        Ok(())
    }

    fn copy(&self, x: &ReadGuard<'_>, out: &WriteGuard<'_>) -> Result<()> {
        each!(x.dtype(), S => cast::<S>(x, out));
        Ok(())
    }

    fn accumulate(&self, x: &ReadGuard<'_>, out: &WriteGuard<'_>) -> Result<()> {
        each_float!("accumulate", out.dtype(), T => {
            accumulate::<T>(x, out);
            Ok(())
        })
    }

    fn unary(&self, op: UnaryOp, x: &ReadGuard<'_>, out: &WriteGuard<'_>) -> Result<()> {
        let layout = out.layout();
        each!(x.dtype(), T => {
            let result = if aligned(x.layout(), layout) {
                // SAFETY: both have as many elements; `out` is other memory or the very same elements.
                unsafe { elementwise::unary_contiguous::<T>(op, layout.numel(), x.ptr(), out.ptr()) }
            } else {
                let from = seen(x, layout);
                // SAFETY: as above, through the layouts.
                unsafe {
                    elementwise::unary::<T>(op, layout.dims(), x.ptr(), from.strides(), out.ptr(), layout.strides())
                }
            };
            result.map_err(|error| kernel_error(error, x.dtype()))
        })
    }

    fn binary(&self, op: BinaryOp, a: &ReadGuard<'_>, b: &ReadGuard<'_>, out: &WriteGuard<'_>) -> Result<()> {
        let layout = out.layout();
        each!(out.dtype(), T => {
            // Only a type that is converted meets numbers of its computed type.
            if !T::DIRECT && a.dtype() != b.dtype() {
                return with_number::<T>(op, a, b, out);
            }
            let result = if aligned(a.layout(), layout) && aligned(b.layout(), layout) {
                // SAFETY: all have as many elements; `out` is other memory or the very same elements.
                unsafe { elementwise::binary_contiguous::<T>(op, layout.numel(), a.ptr(), b.ptr(), out.ptr()) }
            } else if aligned(a.layout(), layout) && b.layout().numel() == 1 {
                // SAFETY: as above; the one element of `b` is used for all.
                unsafe {
                    elementwise::binary::<T>(op, &[layout.numel()], a.ptr(), &[1], b.ptr(), &[0], out.ptr(), &[1])
                }
            } else {
                let (sa, sb) = (seen(a, layout), seen(b, layout));
                // SAFETY: as above, through the layouts.
                unsafe {
                    elementwise::binary::<T>(
                        op, layout.dims(), a.ptr(), sa.strides(), b.ptr(), sb.strides(), out.ptr(), layout.strides(),
                    )
                }
            };
            result.map_err(|error| kernel_error(error, T::DTYPE))
        })
    }

    fn compare(&self, op: CompareOp, a: &ReadGuard<'_>, b: &ReadGuard<'_>, out: &WriteGuard<'_>) -> Result<()> {
        let layout = out.layout();
        let (sa, sb) = (seen(a, layout), seen(b, layout));
        each!(a.dtype(), T => {
            // SAFETY: the layouts stay inside what the permissions cover; `out` is fresh memory.
            unsafe {
                elementwise::compare::<T>(
                    op, layout.dims(), a.ptr(), sa.strides(), b.ptr(), sb.strides(), out.ptr(), layout.strides(),
                );
            }
        });
        Ok(())
    }

    fn where_(
        &self,
        condition: &ReadGuard<'_>,
        a: &ReadGuard<'_>,
        b: &ReadGuard<'_>,
        out: &WriteGuard<'_>,
    ) -> Result<()> {
        let layout = out.layout();
        let (sc, sa, sb) = (seen(condition, layout), seen(a, layout), seen(b, layout));
        each!(out.dtype(), T => {
            // SAFETY: the layouts stay inside what the permissions cover; `out` is fresh memory.
            unsafe {
                elementwise::where_::<T>(
                    layout.dims(), condition.ptr(), sc.strides(), a.ptr(), sa.strides(), b.ptr(), sb.strides(), out.ptr(),
                    layout.strides(),
                );
            }
        });
        Ok(())
    }
}
