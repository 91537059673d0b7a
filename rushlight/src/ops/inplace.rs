//! In-place operations: arithmetic, copying, filling.
//!
//! Without recording they modify the memory directly, in one pass. When recorded, the operation is computed on a copy with the
//! tensor's history, and the result is written back: so the derivative uses the previous values, and tensors saved by other nodes stay
//! valid.

use super::arithmetic::power_op;
use super::math::{Bound, clamp_op, clamped_dtype};
use super::{arithmetic_operands, expect_number_or, grad_if, operands, result_type};
use crate::autograd::is_grad_enabled;
use crate::backend::{BinaryOp, UnaryOp};
use crate::tensor::{Category, DType, Operand, Scalar, WriteGuard, broadcast_dims};
use crate::{Error, Result, Tensor};
use rushlight_macros::op;
use std::borrow::Cow;

impl Tensor {
    /// Changes this tensor in-place: by `direct` on its memory, or by `recorded` on a copy with its history if the change is recorded.
    pub(super) fn change(
        &self,
        name: &'static str,
        others_tracked: bool,
        direct: impl FnOnce(&mut WriteGuard<'_>) -> Result<()>,
        recorded: impl FnOnce(&Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        self.expect_non_overlapping(name)?;
        if is_grad_enabled() && (others_tracked || self.has_history()) {
            self.check_in_place(name)?;
            let before = self.detach().clone_with_layout(self.layout())?.with_grad_fn(self.edge());
            let after = recorded(&before)?.try_to_dtype(self.dtype())?;
            let result = {
                let (source, mut out) = (after.read(name)?, self.write(name)?);
                self.backend().copy(&source, &mut out)
            };
            self.0.storage.bump_version();
            result?;
            self.rebase(after.edge());
        } else {
            let result = direct(&mut self.write(name)?);
            // Part of the memory may have been changed even if the operation failed.
            self.0.storage.bump_version();
            result.map_err(|error| error.named(name))?;
        }
        Ok(self.clone())
    }

    fn expect_non_overlapping(&self, name: &'static str) -> Result<()> {
        if self.layout().is_non_overlapping() {
            return Ok(());
        }
        Err(Error::shape(
            name,
            format!(
                "expected elements with memory locations of their own, got an expanded tensor of shape {:?}; copy it first",
                self.shape()
            ),
        ))
    }

    /// The second operand of an in-place operation, safe to read while this tensor is written: it is copied if it shares memory
    /// without being identical.
    fn apart<'a>(&self, other: Cow<'a, Tensor>) -> Result<Cow<'a, Tensor>> {
        if self.shares_memory_with(&other) { Ok(Cow::Owned(other.detach().try_copy()?)) } else { Ok(other) }
    }

    fn arithmetic_in_place(
        &self,
        name: &'static str,
        op: BinaryOp,
        other: Operand<'_>,
        out_of_place: impl FnOnce(&Tensor, Operand<'_>) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let mut dtype = result_type(self, &other);
        if op == BinaryOp::Div {
            dtype = dtype.to_float();
        }
        self.fits_type(name, dtype)?;
        if op == BinaryOp::Sub {
            expect_number_or(name, "logical_xor", self.dtype())?;
            expect_number_or(name, "logical_xor", other.dtype())?;
        }
        let tracked = other.requires_grad();
        if is_grad_enabled() && (tracked || self.has_history()) {
            self.fits(name, &other)?;
            return self.change(name, tracked, |_| Ok(()), |before| out_of_place(before, other));
        }
        if let Operand::Tensor(same) = other
            && self.same_elements(same)
        {
            return self
                .change(name, false, |out| self.backend().binary(op, None, None, out), Tensor::try_copy)
                .or_else(|error| self.binary_sparse_(name, op, same, error));
        }
        self.fits(name, &other)?;
        if dtype != self.dtype() {
            // A wider dtype than that of this tensor: computed there, rounded once.
            let wide = out_of_place(&self.detach(), other)?;
            return self.change(name, false, |out| self.backend().copy(&wide.read(name)?, out), Tensor::try_copy);
        }
        let [_, b] = match op {
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div => arithmetic_operands(self, other, dtype)?,
            _ => operands(self, other, dtype)?,
        };
        let b = self.apart(b)?;
        self.change(name, false, |out| self.backend().binary(op, None, Some(&b.read(name)?), out), Tensor::try_copy)
            .or_else(|error| self.binary_sparse_(name, op, &b, error))
    }

    /// Returns an error if a result of type `dtype` has a higher category than this tensor.
    fn fits_type(&self, name: &'static str, dtype: DType) -> Result<()> {
        if dtype.category() <= self.dtype().category() {
            return Ok(());
        }
        Err(Error::dtype(
            name,
            format!(
                "expected a result that can be stored in-place, got {dtype} for a tensor of dtype {}",
                self.dtype()
            ),
        ))
    }

    /// Returns an error unless `other` broadcasts to this shape.
    fn fits(&self, name: &'static str, other: &Operand<'_>) -> Result<()> {
        let other: &Tensor = match other {
            Operand::Tensor(tensor) => tensor,
            Operand::Owned(tensor) => tensor,
            Operand::Scalar(_) => return Ok(()),
        };
        super::same_device(name, self, other)?;
        let shape = other.shape();
        let joined = broadcast_dims(self.shape(), shape);
        if joined.is_ok_and(|(dims, rank)| &dims[..rank] == self.shape()) {
            return Ok(());
        }
        Err(Error::shape(
            name,
            format!(
                "expected a shape that broadcasts to {:?}, the shape of the tensor changed in-place, got {shape:?}",
                self.shape()
            ),
        ))
    }

    /// Adds `other` to every element, with broadcasting of `other`.
    ///
    /// # Errors
    /// If `other` does not broadcast to this shape, the promoted dtype has a higher category (float into int64), or the tensor cannot be
    /// changed in-place: elements share memory (an expanded tensor), or it is a leaf that requires a gradient, or a view of one, while
    /// recording.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0]);
    /// x.add_(&x).add_(1);
    /// assert_eq!(x.to_vec::<f32>(), [3.0, 5.0]);
    /// ```
    #[op(torch = "add_(self, other, *, alpha=1)")]
    pub fn try_add_<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.arithmetic_in_place("add_", BinaryOp::Add, other.into(), |x, y| x.try_add(y))
    }

    /// Subtracts `other` from every element, see [`add_`](Tensor::add_).
    ///
    /// # Errors
    /// As [`try_add_`](Tensor::try_add_), or if an operand is bool.
    #[op(torch = "sub_(self, other, *, alpha=1)")]
    pub fn try_sub_<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.arithmetic_in_place("sub_", BinaryOp::Sub, other.into(), |x, y| x.try_sub(y))
    }

    /// Multiplies every element by `other`, see [`add_`](Tensor::add_).
    ///
    /// # Errors
    /// As [`try_add_`](Tensor::try_add_).
    #[op(torch = "mul_(self, value)")]
    pub fn try_mul_<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.arithmetic_in_place("mul_", BinaryOp::Mul, other.into(), |x, y| x.try_mul(y))
    }

    /// Divides every element by `other`, see [`add_`](Tensor::add_).
    ///
    /// # Errors
    /// As [`try_add_`](Tensor::try_add_), or if this tensor is not floating-point.
    #[op(torch = "div_(self, value, *, rounding_mode=None)")]
    pub fn try_div_<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.arithmetic_in_place("div_", BinaryOp::Div, other.into(), |x, y| x.try_div(y))
    }

    /// Raises every element to the power `other`, see [`add_`](Tensor::add_).
    ///
    /// # Errors
    /// As [`try_add_`](Tensor::try_add_), or if integers are raised to a negative number, or both are bool.
    #[op(torch = "pow_(self, exponent)")]
    pub fn try_pow_<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let other = other.into();
        let dtype = result_type(self, &other).to_number();
        self.fits_type("pow_", dtype)?;
        let Operand::Scalar(exponent) = other else {
            return self.arithmetic_in_place("pow_", BinaryOp::Pow, other, |x, y| x.try_pow(y));
        };
        let op = power_op("pow_", exponent, self.dtype())?;
        self.function_in_place("pow_", op, |x| x.try_pow(exponent))
    }

    /// Adds `alpha * other` to every element, in one pass.
    ///
    /// # Errors
    /// As [`try_add_`](Tensor::try_add_).
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0]);
    /// x.add_scaled_(&Tensor::from([10.0f32, 20.0]), 0.5);
    /// assert_eq!(x.to_vec::<f32>(), [6.0, 12.0]);
    /// ```
    #[op(torch = "-")]
    pub fn try_add_scaled_(&self, other: &Tensor, alpha: f64) -> Result<Tensor> {
        let op = match self.dtype().category() {
            Category::Float => BinaryOp::AddScaled(alpha),
            _ => BinaryOp::AddScaledInt(alpha as i64),
        };
        self.arithmetic_in_place("add_scaled_", op, Operand::Tensor(other), |x, y| {
            let [_, y] = operands(x, y, x.dtype())?;
            x.try_add(&y.try_mul(Scalar::F64(alpha))?)
        })
    }

    /// Copies the elements of `source`, converted and broadcast.
    ///
    /// # Errors
    /// If `source` does not broadcast to this shape, or the tensor cannot be changed in-place, see [`add_`](Tensor::add_).
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::zeros([2, 2]);
    /// x.copy_(&Tensor::from([1, 2]));
    /// assert_eq!(x.to_vec::<f32>(), [1.0, 2.0, 1.0, 2.0]);
    /// ```
    #[op(torch = "copy_(self, src, non_blocking=False)")]
    pub fn try_copy_(&self, source: &Tensor) -> Result<Tensor> {
        let source = &source.try_to_device(self.device())?;
        self.fits("copy_", &Operand::Tensor(source))?;
        let apart = self.apart(Cow::Borrowed(source))?;
        self.change(
            "copy_",
            source.requires_grad(),
            |out| self.backend().copy(&apart.read("copy_")?, out),
            |before| {
                let new = source.try_to_dtype(before.dtype())?.try_expand(before.shape())?;
                let out = new.detach().try_contiguous_copy()?;
                Ok(out.record("CopyBackwards", [before, &new], [], |[], [x, y], g| {
                    Ok([grad_if(x, || g.try_zeros_like())?, y.then(|| g.clone())])
                }))
            },
        )
    }

    /// Fills the tensor with `value`.
    ///
    /// # Errors
    /// If the dtype cannot represent `value`, or the tensor cannot be changed in-place, see [`add_`](Tensor::add_).
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::zeros([2, 2]);
    /// x.select(0, 1).fill_(7);
    /// assert_eq!(x.to_vec::<f32>(), [0.0, 0.0, 7.0, 7.0]);
    /// ```
    #[op(torch = "fill_(input, value)")]
    pub fn try_fill_(&self, value: impl Into<Scalar>) -> Result<Tensor> {
        let value = value.into();
        value.expect_in("fill_", self.dtype())?;
        self.change(
            "fill_",
            false,
            |out| self.backend().fill(value, out),
            |before| {
                let out = before.detach().try_full_like(value)?;
                Ok(out.record("FillBackward0", [before], [], |[], [_], g| Ok([Some(g.try_zeros_like()?)])))
            },
        )
    }

    /// Fills the tensor with zeros.
    ///
    /// # Errors
    /// If the tensor cannot be changed in-place, see [`add_`](Tensor::add_).
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::ones([2]).zero_().to_vec::<f32>(), [0.0, 0.0]);
    /// ```
    #[op(torch = "zero_(self)")]
    pub fn try_zero_(&self) -> Result<Tensor> {
        self.try_fill_(0)
    }

    /// Overwrites this tensor by `fill`, independent of its previous values; for random numbers.
    pub(crate) fn overwrite(
        &self,
        name: &'static str,
        fill: impl FnOnce(&mut WriteGuard<'_>) -> Result<()>,
    ) -> Result<Tensor> {
        self.expect_non_overlapping(name)?;
        if is_grad_enabled() && self.has_history() {
            self.check_in_place(name)?;
            let new = self.detach().try_contiguous_copy()?;
            new.overwrite(name, fill)?;
            return self.try_copy_(&new);
        }
        let result = fill(&mut self.write(name)?);
        self.0.storage.bump_version();
        result?;
        Ok(self.clone())
    }

    /// An in-place operation with one operand, whose kernel is `op`; `out_of_place` computes the same and is recorded.
    pub(super) fn function_in_place(
        &self,
        name: &'static str,
        op: UnaryOp,
        out_of_place: impl FnOnce(&Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        self.change(name, false, |out| self.backend().unary(op, None, out), out_of_place)
    }
}

impl Tensor {
    /// [`clamp`](Tensor::clamp) in-place.
    ///
    /// # Errors
    /// If both bounds are absent, a bound is of a higher category than the tensor (a floating-point bound of an integer tensor), the tensor
    /// is bool, or it cannot be changed in-place, see [`add_`](Tensor::add_).
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([-2.0f32, 3.0]).clamp_(None, 1.0).to_vec::<f32>(), [-2.0, 1.0]);
    /// ```
    #[op(torch = "clamp_(input, min=None, max=None)")]
    pub fn try_clamp_(&self, min: impl Into<Bound>, max: impl Into<Bound>) -> Result<Tensor> {
        let (min, max) = (min.into(), max.into());
        let dtype = clamped_dtype("clamp_", self.dtype(), min, max)?;
        self.fits_type("clamp_", dtype)?;
        self.function_in_place("clamp_", clamp_op(dtype, min, max), |x| x.try_clamp(min, max))
    }
}

macro_rules! functions_in_place {
    ($($(#[$attribute:meta])* $try_name:ident($($arg:ident: $ty:ty),*) = $name:literal, $op:expr, $plain:ident;)*) => {
        impl Tensor {$(
            $(#[$attribute])*
            pub fn $try_name(&self $(, $arg: $ty)*) -> Result<Tensor> {
                self.function_in_place($name, $op, |x| x.$plain($($arg),*))
            }
        )*}
    };
}
functions_in_place! {
    /// [`relu`](Tensor::relu) in-place.
    ///
    /// # Errors
    /// If the tensor is bool, or cannot be changed in-place, see [`add_`](Tensor::add_).
    #[op(torch = "relu_(input)")]
    try_relu_() = "relu_", UnaryOp::Relu, try_relu;
    /// [`sigmoid`](Tensor::sigmoid) in-place.
    ///
    /// # Errors
    /// If the tensor is not floating-point, or cannot be changed in-place, see [`add_`](Tensor::add_).
    #[op(torch = "sigmoid_(input)")]
    try_sigmoid_() = "sigmoid_", UnaryOp::Sigmoid, try_sigmoid;
    /// [`tanh`](Tensor::tanh) in-place.
    ///
    /// # Errors
    /// If the tensor is not floating-point, or cannot be changed in-place, see [`add_`](Tensor::add_).
    #[op(torch = "tanh_(input)")]
    try_tanh_() = "tanh_", UnaryOp::Tanh, try_tanh;
    /// [`exp`](Tensor::exp) in-place.
    ///
    /// # Errors
    /// If the tensor is not floating-point, or cannot be changed in-place, see [`add_`](Tensor::add_).
    #[op(torch = "exp_(input)")]
    try_exp_() = "exp_", UnaryOp::Exp, try_exp;
    /// [`log`](Tensor::log) in-place.
    ///
    /// # Errors
    /// If the tensor is not floating-point, or cannot be changed in-place, see [`add_`](Tensor::add_).
    #[op(torch = "log_(input)")]
    try_log_() = "log_", UnaryOp::Log, try_log;
    /// [`sqrt`](Tensor::sqrt) in-place.
    ///
    /// # Errors
    /// If the tensor is not floating-point, or cannot be changed in-place, see [`add_`](Tensor::add_).
    #[op(torch = "sqrt_(input)")]
    try_sqrt_() = "sqrt_", UnaryOp::Sqrt, try_sqrt;
    /// [`neg`](Tensor::neg) in-place.
    ///
    /// # Errors
    /// If the tensor is bool, or cannot be changed in-place, see [`add_`](Tensor::add_).
    #[op(torch = "neg_(input)")]
    try_neg_() = "neg_", UnaryOp::Neg, try_neg;
    /// [`abs`](Tensor::abs) in-place.
    ///
    /// # Errors
    /// If the tensor is bool, or cannot be changed in-place, see [`add_`](Tensor::add_).
    #[op(torch = "abs_(input)")]
    try_abs_() = "abs_", UnaryOp::Abs, try_abs;
}
