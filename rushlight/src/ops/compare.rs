//! Comparison and logic. Results are bool and not differentiable.

use super::{broadcast_layout, operands, result_type};
use crate::backend::{BinaryOp, CompareOp, UnaryOp};
use crate::tensor::{DType, Operand};
use crate::{Result, Tensor};
use rushlight_macros::{Builder, op};

/// The options of [`Tensor::isclose`] and [`Tensor::allclose`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct CloseOptions {
    /// The allowed difference relative to the other tensor (default 1e-5).
    #[builder(default = 1e-5)]
    rtol: f64,
    /// The allowed absolute difference (default 1e-8).
    #[builder(default = 1e-8)]
    atol: f64,
    /// Whether two NaN are close (default `false`).
    #[builder(default = false)]
    equal_nan: bool,
}

impl Tensor {
    fn compare(&self, name: &'static str, op: CompareOp, other: Operand<'_>) -> Result<Tensor> {
        let dtype = result_type(self, &other);
        let [a, b] = operands(self, other, dtype)?;
        super::same_device(name, &a, &b)?;
        let out = a.fresh_like(broadcast_layout(name, &a, &b)?, DType::Bool)?;
        a.backend().compare(op, &a.read(name)?, &b.read(name)?, &mut out.write_fresh())?;
        Ok(out)
    }

    /// Computes `self == other`, elementwise with broadcasting. NaN is not equal to anything.
    ///
    /// # Errors
    /// If the shapes do not broadcast or the devices differ.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1, 2, 3]).eq(2).to_vec::<bool>(), [false, true, false]);
    /// ```
    #[op(torch = "eq(input, other, *, out=None)")]
    pub fn try_eq<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.compare("eq", CompareOp::Eq, other.into())
    }

    /// Computes `self != other`, elementwise with broadcasting.
    ///
    /// # Errors
    /// If the shapes do not broadcast or the devices differ.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1, 2, 3]).ne(2).to_vec::<bool>(), [true, false, true]);
    /// ```
    #[op(torch = "ne(input, other, *, out=None)")]
    pub fn try_ne<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.compare("ne", CompareOp::Ne, other.into())
    }

    /// Computes `self < other`, elementwise with broadcasting.
    ///
    /// # Errors
    /// If the shapes do not broadcast or the devices differ.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1, 2, 3]).lt(2).to_vec::<bool>(), [true, false, false]);
    /// ```
    #[op(torch = "lt(input, other, *, out=None)")]
    pub fn try_lt<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.compare("lt", CompareOp::Lt, other.into())
    }

    /// Computes `self <= other`, elementwise with broadcasting.
    ///
    /// # Errors
    /// If the shapes do not broadcast or the devices differ.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1, 2, 3]).le(2).to_vec::<bool>(), [true, true, false]);
    /// ```
    #[op(torch = "le(input, other, *, out=None)")]
    pub fn try_le<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.compare("le", CompareOp::Le, other.into())
    }

    /// Computes `self > other`, elementwise with broadcasting.
    ///
    /// # Errors
    /// If the shapes do not broadcast or the devices differ.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1, 2, 3]).gt(2).to_vec::<bool>(), [false, false, true]);
    /// ```
    #[op(torch = "gt(input, other, *, out=None)")]
    pub fn try_gt<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.compare("gt", CompareOp::Gt, other.into())
    }

    /// Computes `self >= other`, elementwise with broadcasting.
    ///
    /// # Errors
    /// If the shapes do not broadcast or the devices differ.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1, 2, 3]).ge(2).to_vec::<bool>(), [false, true, true]);
    /// ```
    #[op(torch = "ge(input, other, *, out=None)")]
    pub fn try_ge<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.compare("ge", CompareOp::Ge, other.into())
    }

    fn logical(&self, name: &'static str, op: BinaryOp, other: Operand<'_>) -> Result<Tensor> {
        let [a, b] = operands(self, other, DType::Bool)?;
        super::binary(name, op, &a, &b)
    }

    /// Computes the logical AND, elementwise with broadcasting; nonzero elements are true.
    ///
    /// # Errors
    /// If the shapes do not broadcast or the devices differ.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let (a, b) = (Tensor::from([true, true, false]), Tensor::from([true, false, false]));
    /// assert_eq!(a.logical_and(&b).to_vec::<bool>(), [true, false, false]);
    /// ```
    #[op(torch = "logical_and(input, other, *, out=None)")]
    pub fn try_logical_and<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.logical("logical_and", BinaryOp::And, other.into())
    }

    /// Computes the logical OR, elementwise with broadcasting; nonzero elements are true.
    ///
    /// # Errors
    /// If the shapes do not broadcast or the devices differ.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let (a, b) = (Tensor::from([true, true, false]), Tensor::from([true, false, false]));
    /// assert_eq!(a.logical_or(&b).to_vec::<bool>(), [true, true, false]);
    /// ```
    #[op(torch = "logical_or(input, other, *, out=None)")]
    pub fn try_logical_or<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.logical("logical_or", BinaryOp::Or, other.into())
    }

    /// Computes the logical XOR, elementwise with broadcasting; nonzero elements are true.
    ///
    /// # Errors
    /// If the shapes do not broadcast or the devices differ.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let (a, b) = (Tensor::from([true, true, false]), Tensor::from([true, false, false]));
    /// assert_eq!(a.logical_xor(&b).to_vec::<bool>(), [false, true, false]);
    /// ```
    #[op(torch = "logical_xor(input, other, *, out=None)")]
    pub fn try_logical_xor<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.logical("logical_xor", BinaryOp::Xor, other.into())
    }

    /// Computes the logical NOT, elementwise; nonzero elements are true.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0, 1, 2]).logical_not().to_vec::<bool>(), [true, false, false]);
    /// ```
    #[op(torch = "logical_not(input, *, out=None)")]
    pub fn try_logical_not(&self) -> Result<Tensor> {
        super::unary("logical_not", UnaryOp::Not, &self.try_to_dtype(DType::Bool)?)
    }

    /// Tests each element for NaN; the result is bool.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, f32::NAN]).isnan().to_vec::<bool>(), [false, true]);
    /// ```
    #[op(torch = "isnan(input)")]
    pub fn try_isnan(&self) -> Result<Tensor> {
        let x = self.detach();
        x.try_ne(&x)
    }

    /// Returns whether both have the same shape and equal elements; NaN is not equal to anything.
    ///
    /// # Errors
    /// If the devices differ.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([1, 2]);
    /// assert!(x.equal(&Tensor::from([1, 2])) && !x.equal(&Tensor::from([1, 3])));
    /// ```
    #[op(torch = "equal(input, other)")]
    pub fn try_equal(&self, other: &Tensor) -> Result<bool> {
        if self.shape() != other.shape() {
            return Ok(false);
        }
        self.try_eq(other)?.try_all()?.try_item_as::<bool>()
    }

    /// Computes `|self - other| <= atol + rtol * |other|`, elementwise with broadcasting; equal infinities are close.
    ///
    /// # Errors
    /// If the shapes do not broadcast or the devices differ.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::CloseOptions};
    /// let (a, b) = (Tensor::from([1.0f32, 2.0]), Tensor::from([1.0f32, 2.1]));
    /// assert_eq!(a.isclose(&b).to_vec::<bool>(), [true, false]);
    /// assert!(a.allclose_with(&b, CloseOptions::new().atol(0.2)));
    /// ```
    #[op(torch = "isclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False)", with)]
    pub fn try_isclose_with(&self, other: &Tensor, options: CloseOptions) -> Result<Tensor> {
        let CloseOptions { rtol, atol, equal_nan } = options;
        let (a, b) = (self.detach().try_to_dtype(DType::F64)?, other.detach().try_to_dtype(DType::F64)?);
        let allowed = b.try_abs()?.try_mul(rtol)?.try_add(atol)?;
        let finite = allowed.try_lt(f64::INFINITY)?;
        let close = a.try_sub(&b)?.try_abs()?.try_le(&allowed)?.try_logical_and(&finite)?;
        let close = close.try_logical_or(&a.try_eq(&b)?)?;
        if !equal_nan {
            return Ok(close);
        }
        close.try_logical_or(&a.try_isnan()?.try_logical_and(&b.try_isnan()?)?)
    }

    /// Returns whether all elements are close in the sense of [`isclose`](Tensor::isclose).
    ///
    /// # Errors
    /// If the shapes do not broadcast or the devices differ.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert!(Tensor::from([1.0f32, 2.0]).allclose(&Tensor::from([1.0f32, 2.00001])));
    /// ```
    #[op(torch = "allclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False)", with)]
    pub fn try_allclose_with(&self, other: &Tensor, options: CloseOptions) -> Result<bool> {
        self.try_isclose_with(other, options)?.try_all()?.try_item_as::<bool>()
    }
}
