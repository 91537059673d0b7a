//! Elementwise operations, fills and copies.

use super::{Cpu, aligned, each, each_float, seen, unsupported};
use crate::backend::{BinaryOp, CompareOp, Elementwise, Fused, GradOp, UnaryOp};
use crate::tensor::{DType, Element, Layout, ReadGuard, Scalar, WriteGuard};
use crate::{Error, Result};
use rushlight_kernels::dtype::Stored;
use rushlight_kernels::elementwise::{self, Arithmetic};

/// Callers replace the name by that of the operation.
#[cold]
fn kernel_error(error: elementwise::Error, dtype: DType) -> Error {
    match error {
        elementwise::Error::Unsupported => unsupported("elementwise", dtype),
        elementwise::Error::ZeroDivision => {
            Error::value("elementwise", "expected a nonzero divisor for integers, got zero")
        }
    }
}

fn cast<S: Element>(x: &ReadGuard<'_>, out: &mut WriteGuard<'_>) {
    let layout = out.layout();
    let from = seen(x, layout);
    each!(out.dtype(), D => {
        // SAFETY: both layouts stay inside what the guards cover, with the sizes of `out`.
        unsafe {
            elementwise::copy::<S, D>(layout.dims(), x.ptr(), from.strides(), out.ptr(), layout.strides());
        }
    });
}

/// Adds elements sequentially, for outputs that address elements more than once.
fn accumulate<T: Element>(x: &ReadGuard<'_>, out: &mut WriteGuard<'_>) {
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
fn with_number<T: Element>(
    op: BinaryOp,
    [x, number]: [Option<&ReadGuard<'_>>; 2],
    first: bool,
    out: &mut WriteGuard<'_>,
) -> Result<()>
where
    T::Computed: Element,
{
    let layout = out.layout();
    let (from, number) = (side(x, layout), start::<T::Computed>(number, out));
    // SAFETY: the layouts stay inside what the guards cover; `out` is disjoint from or identical to `x`; the number
    // is an element.
    unsafe {
        let (x, to, dims) = (start::<T>(x, out), out.ptr::<T>(), layout.dims());
        elementwise::binary_with_number(op, dims, x, from.strides(), *number, first, to, layout.strides())
    }
    .map_err(|error| kernel_error(error, T::DTYPE))
}

/// Whether an input is a number of another type than the output's.
fn is_number(x: Option<&ReadGuard<'_>>, out: &WriteGuard<'_>) -> bool {
    x.is_some_and(|x| x.dtype() != out.dtype())
}

/// Whether an input's elements and the output's correspond one to one in memory order; an absent input is the output.
#[inline]
fn in_order(x: Option<&ReadGuard<'_>>, out: &Layout) -> bool {
    x.map_or(out.is_contiguous(), |x| aligned(x.layout(), out))
}

/// The first element of an input; an absent one is the output.
#[inline]
fn start<T: Element>(x: Option<&ReadGuard<'_>>, out: &WriteGuard<'_>) -> *const T {
    x.map_or_else(|| out.ptr::<T>().cast_const(), ReadGuard::ptr)
}

/// The layout of an input broadcast to the output's sizes; an absent one is the output.
#[inline]
fn side(x: Option<&ReadGuard<'_>>, out: &Layout) -> Layout {
    x.map_or(*out, |x| seen(x, out))
}

impl Elementwise for Cpu {
    fn fill(&self, value: Scalar, out: &mut WriteGuard<'_>) -> Result<()> {
        let layout = out.layout();
        each!(out.dtype(), T => {
            // SAFETY: the layout stays inside what the guard covers.
            unsafe { elementwise::fill(layout.dims(), out.ptr::<T>(), layout.strides(), T::from_scalar(value)) }
        });
        Ok(())
    }

    fn copy(&self, x: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Result<()> {
        each!(x.dtype(), S => cast::<S>(x, out));
        Ok(())
    }

    fn unary(&self, op: UnaryOp, x: Option<&ReadGuard<'_>>, out: &mut WriteGuard<'_>) -> Result<()> {
        let layout = out.layout();
        each!(out.dtype(), T => {
            let result = if in_order(x, layout) {
                // SAFETY: both have as many elements; `out` is disjoint from or identical to an input.
                unsafe { elementwise::unary_contiguous::<T>(op, layout.numel(), start(x, out), out.ptr()) }
            } else {
                let from = side(x, layout);
                // SAFETY: as above, through the layouts.
                unsafe {
                    elementwise::unary::<T>(
                        op, layout.dims(), start(x, out), from.strides(), out.ptr(), layout.strides(),
                    )
                }
            };
            result.map_err(|error| kernel_error(error, out.dtype()))
        })
    }

    fn binary(
        &self,
        op: BinaryOp,
        a: Option<&ReadGuard<'_>>,
        b: Option<&ReadGuard<'_>>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        let layout = out.layout();
        each!(out.dtype(), T => {
            // Only a dtype with a different computed type can be combined with numbers of that type.
            if !T::DIRECT && is_number(b, out) {
                return with_number::<T>(op, [a, b], false, out);
            }
            if !T::DIRECT && is_number(a, out) {
                return with_number::<T>(op, [b, a], true, out);
            }
            let result = if in_order(a, layout) && in_order(b, layout) {
                // SAFETY: all have as many elements; `out` is disjoint from or identical to an input.
                unsafe {
                    elementwise::binary_contiguous::<T>(op, layout.numel(), start(a, out), start(b, out), out.ptr())
                }
            } else if let Some(b) = b && b.layout().numel() == 1 && in_order(a, layout) {
                // SAFETY: as above; the one element of `b` is used for all.
                unsafe {
                    elementwise::binary::<T>(
                        op, &[layout.numel()], start(a, out), &[1], b.ptr(), &[0], out.ptr(), &[1],
                    )
                }
            } else {
                let (sa, sb) = (side(a, layout), side(b, layout));
                // SAFETY: as above, through the layouts.
                unsafe {
                    elementwise::binary::<T>(
                        op, layout.dims(), start(a, out), sa.strides(), start(b, out), sb.strides(), out.ptr(),
                        layout.strides(),
                    )
                }
            };
            result.map_err(|error| kernel_error(error, out.dtype()))
        })
    }

    fn compare(&self, op: CompareOp, a: &ReadGuard<'_>, b: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Result<()> {
        let layout = out.layout();
        let (sa, sb) = (seen(a, layout), seen(b, layout));
        each!(a.dtype(), T => {
            // SAFETY: the layouts stay inside what the guards cover; `out` is fresh memory.
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
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        let layout = out.layout();
        let (sc, sa, sb) = (seen(condition, layout), seen(a, layout), seen(b, layout));
        each!(out.dtype(), T => {
            // SAFETY: the layouts stay inside what the guards cover; `out` is fresh memory.
            unsafe {
                elementwise::where_::<T>(
                    layout.dims(), condition.ptr(), sc.strides(), a.ptr(), sa.strides(), b.ptr(), sb.strides(), out.ptr(),
                    layout.strides(),
                );
            }
        });
        Ok(())
    }

    fn gradient(&self, op: GradOp, g: Option<&ReadGuard<'_>>, x: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Fused {
        let layout = out.layout();
        Some(each_float!("gradient", out.dtype(), T => {
            let result = if in_order(g, layout) && aligned(x.layout(), layout) {
                // SAFETY: all have as many elements; `out` is disjoint from or identical to `g`.
                unsafe {
                    elementwise::gradient_contiguous::<T>(op, layout.numel(), start(g, out), x.ptr(), out.ptr())
                }
            } else {
                let (sg, sx) = (side(g, layout), seen(x, layout));
                // SAFETY: as above, through the layouts.
                unsafe {
                    elementwise::gradient::<T>(
                        op, layout.dims(), start(g, out), sg.strides(), x.ptr(), sx.strides(), out.ptr(), layout.strides(),
                    )
                }
            };
            result.map_err(|error| kernel_error(error, out.dtype()))
        }))
    }

    fn accumulate(&self, x: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Fused {
        Some(each_float!("accumulate", out.dtype(), T => {
            accumulate::<T>(x, out);
            Ok(())
        }))
    }
}
