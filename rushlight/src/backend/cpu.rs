//! The processor. Finds the element type, and calls the kernel.
//!
//! `unsafe` here rests on one fact: an [`ReadGuard`] or [`WriteGuard`] answers for every element that its layout addresses (see
//! `tensor::storage`). Layouts are broadcast to the output's sizes before kernels see them, which keeps to the same elements.

use super::{
    Activation, Adam, Backend, BatchNorm, BinaryOp, ClassLoss, CompareOp, ConvShape, ConvWeight, Device, Divisor,
    NonNull, Pool2d, ReadGuard, ReduceOp, Result, Scalar, Sgd, SoftmaxKind, UnaryOp, WriteGuard,
};
use crate::Error;
use crate::tensor::{DType, Element, Layout};
use rushlight_kernels::conv::{ConvElement, PackedWeight};
use rushlight_kernels::dtype::Stored;
use rushlight_kernels::elementwise;
use rushlight_kernels::float::Float;
use rushlight_kernels::gemm::{Epilogue, GemmElement, Mat, MatMut, gemm, gemm_batched};
use rushlight_kernels::index::BadIndex;
use rushlight_kernels::loss::{self, RowGrad};
use rushlight_kernels::reduce::{self, Axes};
use rushlight_kernels::{conv, index, norm, optim, pooling, softmax};
use std::any::Any;

pub(super) struct Cpu;

/// Runs `$body` with `$T` standing for the Rust type of `$dtype`.
macro_rules! each {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            DType::Bool => {
                type $T = bool;
                $body
            }
            DType::I64 => {
                type $T = i64;
                $body
            }
            DType::F32 => {
                type $T = f32;
                $body
            }
            DType::F64 => {
                type $T = f64;
                $body
            }
        }
    };
}

/// The same for floating point types; others are an error that names `$op`.
macro_rules! each_float {
    ($op:expr, $dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            DType::F32 => {
                type $T = f32;
                $body
            }
            DType::F64 => {
                type $T = f64;
                $body
            }
            other => Err(unsupported($op, other)),
        }
    };
}

#[cold]
fn unsupported(op: &'static str, dtype: DType) -> Error {
    Error::dtype(op, format!("is not defined for {dtype}"))
}

/// Operations put their own name to it.
#[cold]
fn kernel_error(error: elementwise::Error, dtype: DType) -> Error {
    match error {
        elementwise::Error::Unsupported => unsupported("elementwise", dtype),
        elementwise::Error::ZeroDivision => Error::value("elementwise", "an integer was divided by zero"),
    }
}

#[cold]
fn bad_index(op: &'static str, bad: BadIndex) -> Error {
    Error::index(
        op,
        format!(
            "index {} (at position {} of the indices) is out of range for a dimension of size {}",
            bad.value, bad.position, bad.size
        ),
    )
}

#[cold]
fn bad_class(op: &'static str, bad: BadIndex) -> Error {
    Error::index(
        op,
        format!("target {} (at position {}) is out of range: there are {} classes", bad.value, bad.position, bad.size),
    )
}

fn class_loss<'a, T: Element>(sizes: &ClassLoss, weight: &'a Option<&ReadGuard<'_>>) -> loss::ClassLoss<'a, T> {
    let ClassLoss { outer, classes, inner, ignore_index, label_smoothing } = *sizes;
    let weight = weight.map(|weight| weight.slice());
    loss::ClassLoss { outer, classes, inner, weight, ignore_index, label_smoothing }
}

/// Calls `f` with the gradients of the rows: one for all where `g` is a single number, else one each.
fn with_row_grad<T: Element + Float, R>(g: &ReadGuard<'_>, factor: f64, f: impl FnOnce(RowGrad<'_, T>) -> R) -> R {
    let factor = T::from_scalar(Scalar::F64(factor));
    if g.layout().rank() == 0 {
        return f(RowGrad::All(g.slice::<T>()[0] * factor));
    }
    let rows: Vec<T> = g.slice::<T>().iter().map(|&g| g * factor).collect();
    f(RowGrad::Each(&rows))
}

fn batch_norm<'a, T: Element>(
    sizes: &BatchNorm,
    weight: Option<&'a ReadGuard<'_>>,
    bias: Option<&'a ReadGuard<'_>>,
) -> norm::BatchNorm<'a, T> {
    let BatchNorm { n, channels, spatial, eps, activation } = *sizes;
    let [weight, bias] = [weight, bias].map(|values| values.map(|values| values.slice()));
    norm::BatchNorm { n, channels, spatial, weight, bias, eps, activation }
}

/// The number of pictures, and the size of one.
fn pictures(layout: &Layout) -> (usize, [usize; 2]) {
    let (planes, size) = layout.dims().split_at(layout.rank() - 2);
    (planes.iter().product(), [size[0], size[1]])
}

/// The strides of an input as the output's sizes see it.
#[inline]
fn seen(x: &ReadGuard<'_>, out: &Layout) -> Layout {
    if x.layout().same_dims(out) { *x.layout() } else { x.layout().broadcast_to(out.dims()) }
}

/// Whether elements correspond one to one in memory order.
#[inline]
fn aligned(x: &Layout, out: &Layout) -> bool {
    x.is_contiguous() && out.is_contiguous() && x.same_dims(out)
}

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

/// The elements before, in and after a dimension of a contiguous layout.
fn around(layout: &Layout, dim: usize) -> [usize; 3] {
    let dims = layout.dims();
    if dims.is_empty() {
        return [1; 3];
    }
    [dims[..dim].iter().product(), dims[dim], dims[dim + 1..].iter().product()]
}

fn cast<S: Element + Stored>(x: &ReadGuard<'_>, out: &WriteGuard<'_>) {
    let layout = out.layout();
    let from = seen(x, layout);
    each!(out.dtype(), D => {
        // SAFETY: both layouts stay inside what the permissions cover, with the sizes of `out`.
        unsafe {
            elementwise::copy::<S, D>(layout.dims(), x.ptr(), from.strides(), out.ptr(), layout.strides());
        }
    });
}

fn matmul<T: Element + GemmElement>(
    a: &ReadGuard<'_>,
    b: &ReadGuard<'_>,
    bias: Option<&ReadGuard<'_>>,
    out: &WriteGuard<'_>,
) {
    let (la, lb, lc) = (a.layout(), b.layout(), out.layout());
    let at = |l: &Layout, from_end: usize| (l.dims()[l.rank() - from_end], l.strides()[l.rank() - from_end]);
    let ((m, ars), (k, acs), (n, bcs)) = (at(la, 2), at(la, 1), at(lb, 1));
    let a_mat = Mat::new(a.ptr::<T>(), ars, acs);
    let b_mat = Mat::new(b.ptr::<T>(), at(lb, 2).1, bcs);
    let c_mat = MatMut::new(out.ptr::<T>(), at(lc, 2).1, at(lc, 1).1);
    if lc.rank() == 2 {
        let epilogue = Epilogue { bias_col: bias.map(|bias| bias.slice()), ..Epilogue::default() };
        // SAFETY: the matrices are the layouts of the permissions; `out` is fresh memory of its own.
        unsafe { gemm(m, n, k, T::ONE, a_mat, b_mat, T::ZERO, c_mat, &epilogue) }
    } else {
        let step = |l: &Layout| if l.dims()[0] == 1 { 0 } else { l.strides()[0] };
        // SAFETY: as above, for every matrix of the batch.
        unsafe {
            gemm_batched(
                lc.dims()[0],
                m,
                n,
                k,
                T::ONE,
                a_mat,
                step(la),
                b_mat,
                step(lb),
                T::ZERO,
                c_mat,
                lc.strides()[0],
            )
        }
    }
}

/// Adds elements one after the other, for outputs that repeat places.
fn accumulate<T: Element + std::ops::Add<Output = T>>(x: &ReadGuard<'_>, out: &WriteGuard<'_>) {
    let layout = out.layout();
    let from = seen(x, layout);
    let mut index = [0usize; rushlight_kernels::MAX_RANK];
    let (mut source, mut target) = (0isize, 0isize);
    for _ in 0..layout.numel() {
        // SAFETY: the index is inside the sizes of `out`, whose layout and the input's stay inside what they cover.
        unsafe {
            let place = out.ptr::<T>().offset(target);
            *place = *place + *x.ptr::<T>().offset(source);
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

impl<T: Element + ConvElement> ConvWeight for PackedWeight<T> {
    fn fits(&self, shape: &ConvShape) -> bool {
        PackedWeight::fits(self, shape)
    }
}

impl Backend for Cpu {
    fn device(&self) -> Device {
        Device::Cpu
    }

    #[inline]
    fn is_host(&self) -> bool {
        true
    }

    #[inline]
    fn allocate(&self, bytes: usize) -> Result<NonNull<u8>> {
        super::allocator::take(bytes)
    }

    #[inline]
    unsafe fn release(&self, block: NonNull<u8>, bytes: usize) {
        // SAFETY: the caller's promise.
        unsafe { super::allocator::give(block, bytes) }
    }

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
        each!(a.dtype(), T => {
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
            result.map_err(|error| kernel_error(error, a.dtype()))
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

    fn reduce(&self, op: ReduceOp, x: &ReadGuard<'_>, reduced: &[bool], out: &WriteGuard<'_>) -> Result<()> {
        let (kept, gone) = split(x.layout(), reduced);
        // SAFETY: the axes are the input's layout; the output has as many elements as the kept axes, of the type that the
        // reduction gives (checked where types differ).
        unsafe {
            match op {
                ReduceOp::Mean => {
                    return each_float!("mean", x.dtype(), T => {
                        reduce::mean::<T>(x.ptr(), &kept, &gone, out.ptr());
                        Ok(())
                    });
                }
                ReduceOp::Sum => each!(x.dtype(), T => reduce::sum::<T>(x.ptr(), &kept, &gone, out.ptr())),
                ReduceOp::Prod => each!(x.dtype(), T => reduce::prod::<T>(x.ptr(), &kept, &gone, out.ptr())),
                ReduceOp::Max => each!(x.dtype(), T => reduce::max::<T>(x.ptr(), &kept, &gone, out.ptr())),
                ReduceOp::Min => each!(x.dtype(), T => reduce::min::<T>(x.ptr(), &kept, &gone, out.ptr())),
                ReduceOp::Any => each!(x.dtype(), T => reduce::any::<T>(x.ptr(), &kept, &gone, out.ptr())),
                ReduceOp::All => each!(x.dtype(), T => reduce::all::<T>(x.ptr(), &kept, &gone, out.ptr())),
            }
        }
        Ok(())
    }

    fn variance(&self, x: &ReadGuard<'_>, reduced: &[bool], correction: f64, out: &WriteGuard<'_>) -> Result<()> {
        let (kept, gone) = split(x.layout(), reduced);
        each_float!("var", x.dtype(), T => {
            // SAFETY: as in `reduce`; no means are asked for.
            unsafe { reduce::var::<T>(x.ptr(), &kept, &gone, correction, out.ptr(), std::ptr::null_mut()) };
            Ok(())
        })
    }

    fn extreme(
        &self,
        largest: bool,
        x: &ReadGuard<'_>,
        dim: usize,
        values: &WriteGuard<'_>,
        indices: &WriteGuard<'_>,
    ) -> Result<()> {
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
        Ok(())
    }

    fn matmul(
        &self,
        a: &ReadGuard<'_>,
        b: &ReadGuard<'_>,
        bias: Option<&ReadGuard<'_>>,
        out: &WriteGuard<'_>,
    ) -> Result<()> {
        match a.dtype() {
            DType::F32 => matmul::<f32>(a, b, bias, out),
            DType::F64 => matmul::<f64>(a, b, bias, out),
            DType::I64 => matmul::<i64>(a, b, bias, out),
            DType::Bool => return Err(unsupported("matmul", DType::Bool)),
        }
        Ok(())
    }

    fn softmax(&self, kind: SoftmaxKind, x: &ReadGuard<'_>, dim: usize, out: &mut WriteGuard<'_>) -> Result<()> {
        let [outer, n, inner] = around(x.layout(), dim);
        each_float!("softmax", x.dtype(), T => {
            let kernel = match kind {
                SoftmaxKind::Softmax => softmax::softmax::<T>,
                SoftmaxKind::LogSoftmax => softmax::log_softmax::<T>,
            };
            kernel(x.slice(), out.slice(), outer, n, inner);
            Ok(())
        })
    }

    fn softmax_grad(
        &self,
        kind: SoftmaxKind,
        g: &ReadGuard<'_>,
        y: &ReadGuard<'_>,
        dim: usize,
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        let [outer, n, inner] = around(y.layout(), dim);
        each_float!("softmax_backward", y.dtype(), T => {
            let kernel = match kind {
                SoftmaxKind::Softmax => softmax::softmax_backward::<T>,
                SoftmaxKind::LogSoftmax => softmax::log_softmax_backward::<T>,
            };
            kernel(y.slice(), g.slice(), out.slice(), outer, n, inner);
            Ok(())
        })
    }

    fn gather(&self, x: &ReadGuard<'_>, dim: usize, table: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Result<()> {
        let (sizes, table_sizes) = (x.layout().dims(), table.layout().dims());
        each!(x.dtype(), T => index::gather::<T>(x.slice(), sizes, dim, table.slice(), table_sizes, out.slice()))
            .map_err(|bad| bad_index("gather", bad))
    }

    fn scatter_add(
        &self,
        dim: usize,
        table: &ReadGuard<'_>,
        source: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        let (sizes, table_sizes) = (out.layout().dims(), table.layout().dims());
        let bad = |bad| bad_index("scatter_add", bad);
        match out.dtype() {
            DType::F32 => index::scatter_add::<f32>(
                out.slice(),
                sizes,
                dim,
                table.slice(),
                table_sizes,
                source.slice(),
                table_sizes,
            )
            .map_err(bad),
            DType::F64 => index::scatter_add::<f64>(
                out.slice(),
                sizes,
                dim,
                table.slice(),
                table_sizes,
                source.slice(),
                table_sizes,
            )
            .map_err(bad),
            DType::I64 => index::scatter_add::<i64>(
                out.slice(),
                sizes,
                dim,
                table.slice(),
                table_sizes,
                source.slice(),
                table_sizes,
            )
            .map_err(bad),
            DType::Bool => Err(unsupported("scatter_add", DType::Bool)),
        }
    }

    fn index_select(
        &self,
        x: &ReadGuard<'_>,
        dim: usize,
        table: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        let sizes = around(x.layout(), dim);
        each!(x.dtype(), T => index::index_select::<T>(x.slice(), sizes, table.slice(), out.slice()))
            .map_err(|bad| bad_index("index_select", bad))
    }

    fn conv(
        &self,
        shape: &ConvShape,
        x: &ReadGuard<'_>,
        w: &ReadGuard<'_>,
        bias: Option<&ReadGuard<'_>>,
        activation: Activation,
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        each_float!("conv", x.dtype(), T => {
            let bias = bias.map(|bias| bias.slice::<T>());
            conv::forward::<T>(shape, x.slice(), w.slice(), bias, activation, out.slice());
            Ok(())
        })
    }

    fn conv_weight(&self, shape: &ConvShape, w: &ReadGuard<'_>) -> Result<Box<dyn ConvWeight>> {
        each_float!("conv", w.dtype(), T => Ok(Box::new(PackedWeight::<T>::new(shape, w.slice()))))
    }

    fn conv_prepacked(
        &self,
        shape: &ConvShape,
        x: &ReadGuard<'_>,
        w: &dyn ConvWeight,
        bias: Option<&ReadGuard<'_>>,
        activation: Activation,
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        each_float!("conv", x.dtype(), T => {
            let Some(w) = (w as &dyn Any).downcast_ref::<PackedWeight<T>>() else {
                return Err(Error::dtype("conv", format!("the weight was not made for {}", x.dtype())));
            };
            let bias = bias.map(|bias| bias.slice::<T>());
            conv::forward_packed::<T>(shape, x.slice(), w, bias, activation, out.slice());
            Ok(())
        })
    }

    fn conv_grad_input(
        &self,
        shape: &ConvShape,
        g: &ReadGuard<'_>,
        w: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        each_float!("conv", g.dtype(), T => {
            conv::backward_input::<T>(shape, g.slice(), w.slice(), out.slice());
            Ok(())
        })
    }

    fn conv_grad_weight(
        &self,
        shape: &ConvShape,
        x: &ReadGuard<'_>,
        g: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        each_float!("conv", g.dtype(), T => {
            conv::backward_weight::<T>(shape, x.slice(), g.slice(), out.slice());
            Ok(())
        })
    }

    fn nll(
        &self,
        sizes: &ClassLoss,
        x: &ReadGuard<'_>,
        target: &ReadGuard<'_>,
        weight: Option<&ReadGuard<'_>>,
        losses: &mut WriteGuard<'_>,
    ) -> Result<f64> {
        each_float!("nll_loss", x.dtype(), T => class_loss::<T>(sizes, &weight)
            .nll(x.slice(), target.slice(), losses.slice())
            .map(|total| total.to_scalar().to_f64())
            .map_err(|bad| bad_class("nll_loss", bad)))
    }

    fn nll_grad(
        &self,
        sizes: &ClassLoss,
        target: &ReadGuard<'_>,
        weight: Option<&ReadGuard<'_>>,
        g: &ReadGuard<'_>,
        factor: f64,
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        each_float!("nll_loss", g.dtype(), T => {
            with_row_grad::<T, _>(g, factor, |g| class_loss::<T>(sizes, &weight).nll_backward(target.slice(), g, out.slice()))
                .map_err(|bad| bad_class("nll_loss", bad))
        })
    }

    fn cross_entropy(
        &self,
        sizes: &ClassLoss,
        x: &ReadGuard<'_>,
        target: &ReadGuard<'_>,
        weight: Option<&ReadGuard<'_>>,
        stats: &mut WriteGuard<'_>,
        losses: &mut WriteGuard<'_>,
    ) -> Result<f64> {
        each_float!("cross_entropy", x.dtype(), T => class_loss::<T>(sizes, &weight)
            .cross_entropy(x.slice(), target.slice(), stats.slice().as_chunks_mut().0, losses.slice())
            .map(|total| total.to_scalar().to_f64())
            .map_err(|bad| bad_class("cross_entropy", bad)))
    }

    fn cross_entropy_grad(
        &self,
        sizes: &ClassLoss,
        x: &ReadGuard<'_>,
        target: &ReadGuard<'_>,
        weight: Option<&ReadGuard<'_>>,
        stats: &ReadGuard<'_>,
        g: &ReadGuard<'_>,
        factor: f64,
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        each_float!("cross_entropy", x.dtype(), T => {
            let stats = stats.slice::<T>().as_chunks().0;
            with_row_grad::<T, _>(g, factor, |g| {
                class_loss::<T>(sizes, &weight).cross_entropy_backward(x.slice(), target.slice(), stats, g, out.slice())
            })
            .map_err(|bad| bad_class("cross_entropy", bad))
        })
    }

    fn sgd(
        &self,
        settings: &Sgd,
        first: bool,
        p: &mut WriteGuard<'_>,
        g: &ReadGuard<'_>,
        buffer: Option<&mut WriteGuard<'_>>,
    ) -> Result<()> {
        each_float!("sgd", p.dtype(), T => {
            optim::sgd::<T>(settings, first, p.slice(), g.slice(), buffer.map(WriteGuard::slice));
            Ok(())
        })
    }

    fn adam(
        &self,
        settings: &Adam,
        t: f64,
        p: &mut WriteGuard<'_>,
        g: &ReadGuard<'_>,
        [m, v]: [&mut WriteGuard<'_>; 2],
        largest: Option<&mut WriteGuard<'_>>,
    ) -> Result<()> {
        each_float!("adam", p.dtype(), T => {
            optim::adam::<T>(settings, t, p.slice(), g.slice(), m.slice(), v.slice(), largest.map(WriteGuard::slice));
            Ok(())
        })
    }

    fn batch_norm(
        &self,
        norm: &BatchNorm,
        x: &ReadGuard<'_>,
        weight: Option<&ReadGuard<'_>>,
        bias: Option<&ReadGuard<'_>>,
        running: Option<(&mut WriteGuard<'_>, &mut WriteGuard<'_>, f64)>,
        out: &mut WriteGuard<'_>,
        [mean, invstd]: [&mut WriteGuard<'_>; 2],
    ) -> Result<()> {
        each_float!("batch_norm", x.dtype(), T => {
            let running = running.map(|(mean, var, momentum)| norm::Running {
                mean: mean.slice::<T>(),
                var: var.slice(),
                momentum,
            });
            let norm = batch_norm::<T>(norm, weight, bias);
            norm.forward(x.slice(), running, out.slice(), mean.slice(), invstd.slice());
            Ok(())
        })
    }

    fn batch_norm_inference(
        &self,
        norm: &BatchNorm,
        x: &ReadGuard<'_>,
        weight: Option<&ReadGuard<'_>>,
        bias: Option<&ReadGuard<'_>>,
        [mean, var]: [&ReadGuard<'_>; 2],
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        each_float!("batch_norm", x.dtype(), T => {
            batch_norm::<T>(norm, weight, bias).forward_with(x.slice(), mean.slice(), var.slice(), out.slice());
            Ok(())
        })
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
    ) -> Result<()> {
        each_float!("batch_norm", x.dtype(), T => {
            let norm = batch_norm::<T>(norm, weight, bias);
            let stats = (mean.slice(), invstd.slice());
            norm.backward(x.slice(), g.slice(), training, stats, dx.map(WriteGuard::slice), dw.slice(), db.slice());
            Ok(())
        })
    }

    fn max_pool2d(
        &self,
        pool: &Pool2d,
        x: &ReadGuard<'_>,
        values: &mut WriteGuard<'_>,
        indices: &mut WriteGuard<'_>,
    ) -> Result<()> {
        each_float!("max_pool2d", x.dtype(), T => {
            pool.max::<T>(x.slice(), values.slice(), indices.slice());
            Ok(())
        })
    }

    fn max_pool2d_grad(
        &self,
        pool: &Pool2d,
        g: &ReadGuard<'_>,
        indices: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        each_float!("max_pool2d", g.dtype(), T => {
            pool.max_backward::<T>(g.slice(), indices.slice(), out.slice());
            Ok(())
        })
    }

    fn avg_pool2d(&self, pool: &Pool2d, divisor: Divisor, x: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Result<()> {
        each_float!("avg_pool2d", x.dtype(), T => {
            pool.avg::<T>(x.slice(), divisor, out.slice());
            Ok(())
        })
    }

    fn avg_pool2d_grad(
        &self,
        pool: &Pool2d,
        divisor: Divisor,
        g: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        each_float!("avg_pool2d", g.dtype(), T => {
            pool.avg_backward::<T>(g.slice(), divisor, out.slice());
            Ok(())
        })
    }

    fn adaptive_avg_pool2d(&self, x: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Result<()> {
        let ((planes, input), (_, output)) = (pictures(x.layout()), pictures(out.layout()));
        each_float!("adaptive_avg_pool2d", x.dtype(), T => {
            pooling::adaptive_avg_pool2d::<T>(x.slice(), planes, input, output, out.slice());
            Ok(())
        })
    }

    fn adaptive_avg_pool2d_grad(&self, g: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Result<()> {
        let ((planes, input), (_, output)) = (pictures(out.layout()), pictures(g.layout()));
        each_float!("adaptive_avg_pool2d", g.dtype(), T => {
            pooling::adaptive_avg_pool2d_backward::<T>(g.slice(), planes, input, output, out.slice());
            Ok(())
        })
    }
}
