//! The operations: a file per family, with formulas and derivatives side by side.
//!
//! A public method `try_name` checks shapes and types, computes through the backend and records its derivative;
//! `#[op]` adds the panicking form `name`. This file contains what the families share.
//!
//! Besides what its documentation lists, every operation fails if its result does not fit into memory ([`Error::Memory`]), if tensors
//! are on different devices ([`Error::Device`]), if another thread is writing one of them ([`Error::Busy`]), and, except for a few, if one
//! is sparse ([`Error::Sparse`], see [`Tensor::is_sparse`]).

mod activation;
mod arithmetic;
mod class_loss;
mod compare;
mod composed;
pub(crate) mod conv;
mod conv_transpose;
mod copy;
mod embedding;
mod index;
mod inplace;
mod join;
mod loss;
mod lstm;
mod math;
mod matmul;
mod nonlinear;
mod norm;
mod operators;
mod optim;
mod padding;
mod pooling;
mod random;
mod reduce;
mod resize;
mod shrink;
mod slopes;
mod softmax;
mod view;

pub use activation::{HardtanhOptions, LeakyReluOptions};
pub use class_loss::{CrossEntropyOptions, NllLossOptions};
pub use compare::CloseOptions;
pub use conv::ConvOptions;
pub use conv_transpose::ConvTransposeOptions;
pub(crate) use conv_transpose::conv_transpose_nd;
pub use embedding::EmbeddingOptions;
pub use join::PadOptions;
pub use loss::{BinaryCrossEntropyOptions, BinaryCrossEntropyWithLogitsOptions, LossOptions, Reduction};
pub(crate) use lstm::{LstmWeights, lstm};
pub use math::Bound;
pub use nonlinear::{Approximate, CeluOptions, EluOptions, GeluOptions, SoftplusOptions};
pub use norm::BatchNormOptions;
pub(crate) use optim::optimizer_step;
pub use padding::Padding;
pub use pooling::{AvgPoolOptions, MaxPoolOptions};
pub(crate) use pooling::{adaptive_avg_pool, adaptive_max_pool};
pub use random::{DropoutOptions, IntegerRange, RandomOptions, RandomRange, UniformRange};
pub use reduce::VarOptions;
pub use shrink::{HardshrinkOptions, SoftshrinkOptions};
pub use slopes::RreluOptions;
pub use view::{DiagonalOptions, SliceOptions};

use crate::autograd::Save;
pub(crate) use crate::autograd::grad_if;
use crate::backend::{BinaryOp, Device, UnaryOp};
use crate::tensor::{DType, Element, Layout, Operand, Scalar, broadcast, keepdim};
use crate::{Error, Result, Tensor};
use rushlight_kernels::MAX_RANK;
use std::borrow::Cow;

/// The sizes of a tensor without its strides, small enough to be captured by a derivative.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    dims: [usize; MAX_RANK],
    rank: u8,
}

impl Shape {
    #[inline]
    pub(crate) fn of(tensor: &Tensor) -> Shape {
        let mut dims = [0; MAX_RANK];
        dims[..tensor.dim()].copy_from_slice(tensor.shape());
        Shape { dims, rank: tensor.dim() as u8 }
    }

    #[inline]
    pub(crate) fn list(&self) -> &[usize] {
        &self.dims[..self.rank as usize]
    }
}

impl Operand<'_> {
    /// The dtype of a tensor created from it.
    #[inline]
    pub(crate) fn dtype(&self) -> DType {
        match self {
            Operand::Tensor(tensor) => tensor.dtype(),
            Operand::Owned(tensor) => tensor.dtype(),
            Operand::Scalar(number) => number.default_dtype(),
        }
    }

    #[inline]
    pub(crate) fn requires_grad(&self) -> bool {
        match self {
            Operand::Tensor(tensor) => tensor.requires_grad(),
            Operand::Owned(tensor) => tensor.requires_grad(),
            Operand::Scalar(_) => false,
        }
    }
}

/// The dtype of an operation's result by PyTorch's promotion: tensors with dimensions have priority over 0-d tensors, and those over
/// numbers; a lower priority affects the result only if its category is higher.
#[inline]
pub(crate) fn result_type(a: &Tensor, b: &Operand<'_>) -> DType {
    let first = a.dtype();
    let by_tensor = |b: &Tensor| {
        let second = b.dtype();
        if first == second {
            first
        } else if (a.dim() == 0) == (b.dim() == 0) {
            first.join(second)
        } else {
            let (strong, weak) = if a.dim() > 0 { (first, second) } else { (second, first) };
            if weak.category() > strong.category() { weak } else { strong }
        }
    };
    match b {
        Operand::Tensor(b) => by_tensor(b),
        Operand::Owned(b) => by_tensor(b),
        Operand::Scalar(number) => {
            if number.category() > first.category() {
                number.default_dtype()
            } else {
                first
            }
        }
    }
}

/// Both operands as tensors of type `dtype`.
#[inline]
pub(crate) fn operands<'a>(a: &'a Tensor, b: Operand<'a>, dtype: DType) -> Result<[Cow<'a, Tensor>; 2]> {
    convert_operands::<false>(a, b, dtype)
}

/// [`operands`] for `+ - * /`: with a tensor of 16-bit floats, a number (or a 0-d tensor that does not require a gradient) is
/// converted to the type that `dtype` is computed in, as in PyTorch.
#[inline]
pub(crate) fn arithmetic_operands<'a>(a: &'a Tensor, b: Operand<'a>, dtype: DType) -> Result<[Cow<'a, Tensor>; 2]> {
    convert_operands::<true>(a, b, dtype)
}

#[inline]
fn convert_operands<'a, const WIDE_NUMBERS: bool>(
    a: &'a Tensor,
    b: Operand<'a>,
    dtype: DType,
) -> Result<[Cow<'a, Tensor>; 2]> {
    let device = a.device();
    let cast = |tensor: Cow<'a, Tensor>, other: usize| {
        if tensor.dtype() == dtype { Ok(tensor) } else { cast::<WIDE_NUMBERS>(tensor, dtype, other).map(Cow::Owned) }
    };
    let (b, b_rank) = match b {
        Operand::Tensor(b) => (cast(Cow::Borrowed(b), a.dim())?, b.dim()),
        Operand::Owned(b) => {
            let rank = b.dim();
            (cast(Cow::Owned(b), a.dim())?, rank)
        }
        Operand::Scalar(number) => {
            let dtype = if WIDE_NUMBERS { dtype.computed_float() } else { dtype };
            (Cow::Owned(scalar(device, number, dtype)?), 0)
        }
    };
    Ok([cast(Cow::Borrowed(a), b_rank)?, b])
}

/// A tensor as `dtype`, or as the type that `dtype` is computed in if it is a number combined with a tensor with dimensions.
#[cold]
fn cast<const WIDE_NUMBERS: bool>(tensor: Cow<'_, Tensor>, dtype: DType, other_rank: usize) -> Result<Tensor> {
    let number = WIDE_NUMBERS && tensor.dim() == 0 && other_rank > 0 && !tensor.requires_grad();
    tensor.try_to_dtype(if number { dtype.computed_float() } else { dtype })
}

/// Returns an error unless both are on the same device.
#[inline]
pub(crate) fn same_device(op: &'static str, a: &Tensor, b: &Tensor) -> Result<()> {
    if a.device() == b.device() { Ok(()) } else { Err(other_device(op, a.device(), b.device())) }
}

#[cold]
fn other_device(op: &'static str, a: Device, b: Device) -> Error {
    Error::device(op, format!("expected all tensors on one device, got {a} and {b}"))
}

/// A 0-d tensor.
#[inline]
fn scalar(device: Device, number: Scalar, dtype: DType) -> Result<Tensor> {
    let scalar = Tensor::fresh(device, Layout::contiguous(&[]), dtype)?;
    let mut out = scalar.write_fresh();
    match dtype {
        // A fast path for the usual dtypes; equivalent to `fill`.
        DType::F32 if device.is_host() => out.slice()[0] = f32::from_scalar(number),
        DType::F64 if device.is_host() => out.slice()[0] = f64::from_scalar(number),
        _ => device.backend().fill(number, &mut out)?,
    }
    drop(out);
    Ok(scalar)
}

/// Computes `op(a, b)` with broadcasting. Both have the dtype of the result, or one of them is a number converted by
/// [`arithmetic_operands`].
#[inline]
pub(crate) fn binary(name: &'static str, op: BinaryOp, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    same_device(name, a, b)?;
    let x = match a.read(name) {
        Ok(x) => x,
        Err(error) => return a.binary_sparse(name, op, b, error),
    };
    let y = match b.read(name) {
        Ok(y) => y,
        Err(error) => return a.binary_sparse(name, op, b, error),
    };
    let (la, lb) = (a.layout(), b.layout());
    let same = (la.same_dims(lb) || lb.rank() == 0) && la.is_contiguous() && la.offset() == 0;
    let out = if same {
        a.fresh_like(*la, a.dtype())?
    } else {
        let dtype = if la.rank() > 0 { a.dtype() } else { b.dtype() };
        a.fresh_like(broadcast_layout(name, a, b)?, dtype)?
    };
    let done = a.backend().binary(op, Some(&x), Some(&y), &mut out.write_fresh());
    done.map_err(|error| error.named(name))?;
    Ok(out)
}

#[inline]
pub(crate) fn broadcast_layout(name: &'static str, a: &Tensor, b: &Tensor) -> Result<Layout> {
    let (la, lb) = (a.layout(), b.layout());
    if la.same_dims(lb) || lb.rank() == 0 { Ok(Layout::contiguous(la.dims())) } else { broadcast(name, la, lb) }
}

impl Tensor {
    /// Records an elementwise operation of two inputs. The gradient of a broadcast input is summed to its shape.
    #[inline]
    pub(crate) fn record_binary<const S: usize, F>(
        self,
        name: &'static str,
        [a, b]: [&Tensor; 2],
        saves: [Save<'_>; S],
        derivative: F,
    ) -> Tensor
    where
        F: Fn([Tensor; S], [bool; 2], &Tensor) -> Result<[Option<Tensor>; 2]> + Copy + Send + Sync + 'static,
    {
        if !crate::autograd::is_grad_enabled() {
            return self;
        }
        let whole = |tensor: &Tensor| tensor.layout().same_dims(self.layout()) || !tensor.requires_grad();
        if whole(a) && whole(b) {
            return self.record(name, [a, b], saves, derivative);
        }
        let sizes = [Shape::of(a), Shape::of(b)];
        self.record(name, [a, b], saves, move |saved, needs, g| {
            let [x, y] = derivative(saved, needs, g)?;
            let back = |grad: Option<Tensor>, sizes: &Shape| grad.map(|grad| grad.sum_to(sizes.list())).transpose();
            Ok([back(x, &sizes[0])?, back(y, &sizes[1])?])
        })
    }

    /// The sum over the dimensions along which a tensor of shape `dims` was broadcast to this one's shape.
    pub(crate) fn sum_to(&self, dims: &[usize]) -> Result<Tensor> {
        if self.shape() == dims {
            return Ok(self.clone());
        }
        let lead = self.dim() - dims.len();
        let axes: Vec<usize> =
            (0..self.dim()).filter(|&i| i < lead || (dims[i - lead] == 1 && self.shape()[i] != 1)).collect();
        let summed = if axes.is_empty() { self.clone() } else { self.try_sum_dim(keepdim(axes))? };
        summed.try_view(dims)
    }
}

/// Computes `op(x)` elementwise.
#[inline]
pub(crate) fn unary(name: &'static str, op: UnaryOp, x: &Tensor) -> Result<Tensor> {
    let own = x.layout();
    let out =
        x.fresh_like(if own.is_contiguous() && own.offset() == 0 { *own } else { own.dense_like() }, x.dtype())?;
    let done = x.backend().unary(op, Some(&x.read(name)?), &mut out.write_fresh());
    done.map_err(|error| error.named(name))?;
    Ok(out)
}

/// The tensor converted to a floating-point dtype, for functions that are defined on those only.
#[inline]
pub(crate) fn as_float(x: &Tensor) -> Result<Cow<'_, Tensor>> {
    if x.dtype().is_float() { Ok(Cow::Borrowed(x)) } else { x.try_to_dtype(x.dtype().to_float()).map(Cow::Owned) }
}

/// Returns an error unless `x` is floating-point.
#[inline]
pub(crate) fn expect_float(op: &'static str, x: &Tensor) -> Result<()> {
    if x.dtype().is_float() { Ok(()) } else { Err(not_float(op, x)) }
}

#[cold]
fn not_float(op: &'static str, x: &Tensor) -> Error {
    Error::dtype(op, format!("expected a floating-point tensor, got {}", x.dtype()))
}

/// Returns an error for bool.
#[inline]
pub(crate) fn expect_number(op: &'static str, dtype: DType) -> Result<()> {
    if dtype == DType::Bool { Err(bool_operand(op, None)) } else { Ok(()) }
}

/// [`expect_number`] with an error that suggests another operation.
#[inline]
pub(crate) fn expect_number_or(op: &'static str, instead: &'static str, dtype: DType) -> Result<()> {
    if dtype == DType::Bool { Err(bool_operand(op, Some(instead))) } else { Ok(()) }
}

#[cold]
fn bool_operand(op: &'static str, instead: Option<&str>) -> Error {
    let instead = instead.map_or(String::new(), |instead| format!("; use {instead}"));
    Error::dtype(op, format!("expected an integer or floating-point dtype, got bool{instead}"))
}

/// Returns an error unless both have the same dtype and device.
#[inline]
pub(crate) fn expect_same_dtype(op: &'static str, a: &Tensor, b: &Tensor) -> Result<()> {
    if a.dtype() == b.dtype() {
        return same_device(op, a, b);
    }
    Err(Error::dtype(
        op,
        format!("expected tensors of the same dtype, got {} and {}; to_dtype converts", a.dtype(), b.dtype()),
    ))
}

/// `x ⊙ number`, for derivatives.
pub(crate) fn scaled(x: &Tensor, by: f64) -> Result<Tensor> {
    x.try_mul(Scalar::F64(by))
}
