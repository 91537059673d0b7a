//! Comparisons and logic. Results are bool and have no gradient.

use super::{broadcast_layout, operands, result_type};
use crate::backend::{BinaryOp, CompareOp, UnaryOp};
use crate::tensor::{DType, Operand};
use crate::{Result, Tensor};
use rushlight_macros::op;

impl Tensor {
    fn compare(&self, name: &'static str, op: CompareOp, other: Operand<'_>) -> Result<Tensor> {
        let dtype = result_type(self, &other);
        let [a, b] = operands(self, other, dtype)?;
        super::same_device(name, &a, &b)?;
        let out = a.fresh_like(broadcast_layout(name, &a, &b)?, DType::Bool)?;
        a.backend().compare(op, &a.read(name)?, &b.read(name)?, &mut out.write_fresh())?;
        Ok(out)
    }

    /// Where the elements are equal, with broadcasting. nan equals nothing.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1, 2, 3]).eq(2).to_vec::<bool>(), [false, true, false]);
    /// ```
    #[op]
    pub fn try_eq<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.compare("eq", CompareOp::Eq, other.into())
    }

    /// Where the elements differ, with broadcasting.
    #[op]
    pub fn try_ne<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.compare("ne", CompareOp::Ne, other.into())
    }

    /// Where `self < other`, with broadcasting.
    #[op]
    pub fn try_lt<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.compare("lt", CompareOp::Lt, other.into())
    }

    /// Where `self <= other`, with broadcasting.
    #[op]
    pub fn try_le<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.compare("le", CompareOp::Le, other.into())
    }

    /// Where `self > other`, with broadcasting.
    #[op]
    pub fn try_gt<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.compare("gt", CompareOp::Gt, other.into())
    }

    /// Where `self >= other`, with broadcasting.
    #[op]
    pub fn try_ge<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.compare("ge", CompareOp::Ge, other.into())
    }

    fn logical(&self, name: &'static str, op: BinaryOp, other: Operand<'_>) -> Result<Tensor> {
        let [a, b] = operands(self, other, DType::Bool)?;
        super::binary(name, op, &a, &b)
    }

    /// Where both are true (not zero), with broadcasting.
    #[op]
    pub fn try_logical_and<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.logical("logical_and", BinaryOp::And, other.into())
    }

    /// Where either is true (not zero), with broadcasting.
    #[op]
    pub fn try_logical_or<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.logical("logical_or", BinaryOp::Or, other.into())
    }

    /// Where exactly one is true (not zero), with broadcasting.
    #[op]
    pub fn try_logical_xor<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.logical("logical_xor", BinaryOp::Xor, other.into())
    }

    /// Where the element is false (zero).
    #[op]
    pub fn try_logical_not(&self) -> Result<Tensor> {
        super::unary("logical_not", UnaryOp::Not, &self.try_to_dtype(DType::Bool)?)
    }

    /// Where the element is not-a-number.
    #[op]
    pub fn try_isnan(&self) -> Result<Tensor> {
        let x = self.detach();
        x.try_ne(&x)
    }

    /// Whether both have the same shape and equal elements.
    ///
    /// # Errors
    /// If the types cannot be compared.
    #[op]
    pub fn try_equal(&self, other: &Tensor) -> Result<bool> {
        if self.shape() != other.shape() {
            return Ok(false);
        }
        self.try_eq(other)?.try_all()?.try_item::<bool>()
    }

    /// Where `|self - other| <= atol + rtol * |other|`, and where both are the same infinity.
    #[op]
    pub fn try_isclose(&self, other: &Tensor, rtol: f64, atol: f64) -> Result<Tensor> {
        let (a, b) = (self.detach().try_to_dtype(DType::F64)?, other.detach().try_to_dtype(DType::F64)?);
        let allowed = b.try_abs()?.try_mul(rtol)?.try_add(atol)?;
        let finite = allowed.try_lt(f64::INFINITY)?;
        let close = a.try_sub(&b)?.try_abs()?.try_le(&allowed)?.try_logical_and(&finite)?;
        close.try_logical_or(&a.try_eq(&b)?)
    }

    /// Whether [`isclose`](Tensor::isclose) holds everywhere.
    #[op]
    pub fn try_allclose(&self, other: &Tensor, rtol: f64, atol: f64) -> Result<bool> {
        self.try_isclose(other, rtol, atol)?.try_all()?.try_item::<bool>()
    }
}
