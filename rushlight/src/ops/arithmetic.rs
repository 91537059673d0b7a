//! `+ - * / %`, powers and extremes of two operands, with broadcasting and type promotion.

use super::{
    Shape, arithmetic_operands, binary, expect_number, expect_number_or, grad_if, operands, result_type, scaled,
};
use crate::autograd::{Save, no_grad};
use crate::backend::{BinaryOp, UnaryOp};
use crate::tensor::{Category, DType, Operand, Scalar, broadcast};
use crate::{Error, Result, Tensor};
use rushlight_macros::op;
use std::borrow::Cow;

impl Tensor {
    /// Computes `self + other`, elementwise with broadcasting; *or* of two bool tensors.
    ///
    /// # Errors
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!((Tensor::from([1.0f32, 2.0]) + 1).to_vec::<f32>(), [2.0, 3.0]);
    /// ```
    #[op(torch = "add(input, other, *, alpha=1, out=None)")]
    pub fn try_add<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let other = other.into();
        let dtype = result_type(self, &other);
        let [a, b] = arithmetic_operands(self, other, dtype)?;
        let out = binary("add", BinaryOp::Add, &a, &b)?;
        Ok(out.record_binary("AddBackward0", [&a, &b], [], |[], [x, y], g| {
            Ok([x.then(|| g.clone()), y.then(|| g.clone())])
        }))
    }

    /// Computes `self - other`, elementwise with broadcasting.
    ///
    /// # Errors
    /// If the shapes do not broadcast, or an operand is bool.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([5, 7]).sub(&Tensor::from([1, 2])).to_vec::<i64>(), [4, 5]);
    /// ```
    #[op(torch = "sub(input, other, *, alpha=1, out=None)")]
    pub fn try_sub<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let other = other.into();
        expect_number_or("sub", "logical_xor", self.dtype())?;
        expect_number_or("sub", "logical_xor", other.dtype())?;
        let dtype = result_type(self, &other);
        let [a, b] = arithmetic_operands(self, other, dtype)?;
        sub(&a, &b)
    }

    /// Computes `self * other`, elementwise with broadcasting; *and* of two bool tensors.
    ///
    /// # Errors
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([[1, 2], [3, 4]]).mul(&Tensor::from([1, 10])).to_vec::<i64>(), [1, 20, 3, 40]);
    /// ```
    #[op(torch = "mul(input, other, *, out=None)")]
    pub fn try_mul<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let other = other.into();
        let dtype = result_type(self, &other);
        let [a, b] = arithmetic_operands(self, other, dtype)?;
        let out = binary("mul", BinaryOp::Mul, &a, &b)?;
        let saves = [Save::for_grad_of(&a, &b), Save::for_grad_of(&b, &a)];
        Ok(out.record_binary("MulBackward0", [&a, &b], saves, |[a, b], [x, y], g| {
            Ok([grad_if(x, || g.try_mul(&b))?, grad_if(y, || g.try_mul(&a))?])
        }))
    }

    /// Computes `self / other`, elementwise with broadcasting. Integers and bool give float32.
    ///
    /// # Errors
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1, 2]).div(2).to_vec::<f32>(), [0.5, 1.0]);
    /// ```
    #[op(torch = "div(input, other, *, rounding_mode=None, out=None)")]
    pub fn try_div<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let other = other.into();
        let dtype = result_type(self, &other).to_float();
        let [a, b] = arithmetic_operands(self, other, dtype)?;
        div(&a, &b)
    }

    /// Computes the remainder of `self / other` with the sign of `other`, elementwise with broadcasting: Python's `%`.
    ///
    /// # Errors
    /// If the shapes do not broadcast, both are bool, or an integer is divided by 0.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([-7, 7]).remainder(3).to_vec::<i64>(), [2, 1]);
    /// ```
    #[op(torch = "remainder(input, other, *, out=None)")]
    pub fn try_remainder<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let other = other.into();
        let dtype = result_type(self, &other);
        expect_number("remainder", dtype)?;
        let [a, b] = operands(self, other, dtype)?;
        let out = binary("remainder", BinaryOp::Remainder, &a, &b)?;
        let saves = [Save::for_grad_of(&a, &b), Save::for_grad_of(&b, &b)];
        Ok(out.record_binary("RemainderBackward0", [&a, &b], saves, |[a, b], [x, y], g| {
            // a - b * floor(a / b): piecewise linear in both
            Ok([x.then(|| g.clone()), grad_if(y, || g.try_mul(&a.try_floor_divide(&b)?)?.try_neg())?])
        }))
    }

    /// Computes `self / other` rounded down, elementwise with broadcasting. Not differentiable, as in PyTorch.
    ///
    /// # Errors
    /// If the shapes do not broadcast, both are bool, or an integer is divided by 0.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([-7, 7]).floor_divide(2).to_vec::<i64>(), [-4, 3]);
    /// ```
    #[op(torch = "floor_divide(input, other, *, out=None)")]
    pub fn try_floor_divide<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let other = other.into();
        let dtype = result_type(self, &other);
        expect_number("floor_divide", dtype)?;
        let [a, b] = operands(self, other, dtype)?;
        binary("floor_divide", BinaryOp::FloorDivide, &a, &b)
    }

    /// Computes `self` to the power `other`, elementwise with broadcasting.
    ///
    /// # Errors
    /// If the shapes do not broadcast, both are bool tensors, or integers are raised to a negative number.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0, 3.0]).pow(2).to_vec::<f32>(), [1.0, 4.0, 9.0]);
    /// ```
    #[op(torch = "pow(input, exponent, *, out=None)")]
    pub fn try_pow<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let other = other.into();
        let dtype = result_type(self, &other);
        if let Operand::Scalar(exponent) = other {
            return self.pow_scalar(exponent, dtype.to_number());
        }
        expect_number("pow", dtype)?;
        let [a, b] = operands(self, other, dtype)?;
        pow(&a, &b)
    }

    /// Computes the number `base` to the power `self`, elementwise: PyTorch's `base ** self`.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0, 3, 10]).rpow(2).to_vec::<i64>(), [1, 8, 1024]);
    /// ```
    #[op(torch = "__rpow__(self, other)")]
    pub fn try_rpow(&self, base: impl Into<Scalar>) -> Result<Tensor> {
        let base = Operand::Scalar(base.into());
        let dtype = result_type(self, &base).to_number();
        let [exponent, base] = operands(self, base, dtype)?;
        pow(&base, &exponent)
    }

    fn pow_scalar(&self, exponent: Scalar, dtype: DType) -> Result<Tensor> {
        let base = self.try_to_dtype(dtype)?;
        let out = super::unary("pow", power_op("pow", exponent, dtype)?, &base)?;
        let power = exponent.to_f64();
        Ok(out.record("PowBackward0", [&base], [Save::Input(&base)], move |[x], [_], g| {
            Ok([Some(match power {
                0.0 => x.try_zeros_like()?,
                2.0 => scaled(&g.try_mul(&x)?, 2.0)?,
                _ => g.try_mul(&scaled(&x.try_pow(power - 1.0)?, power)?)?,
            })])
        }))
    }

    /// Computes the larger of both, elementwise with broadcasting; nan where either is nan. Ties share the gradient.
    ///
    /// # Errors
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1, 5]).maximum(&Tensor::from([3, 2])).to_vec::<i64>(), [3, 5]);
    /// ```
    #[op(torch = "maximum(input, other, *, out=None)")]
    pub fn try_maximum<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.extreme_of_two("maximum", BinaryOp::Maximum, "MaximumBackward0", other.into())
    }

    /// Computes the smaller of both, elementwise with broadcasting; nan where either is nan. Ties share the gradient.
    ///
    /// # Errors
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1, 5]).minimum(&Tensor::from([3, 2])).to_vec::<i64>(), [1, 2]);
    /// ```
    #[op(torch = "minimum(input, other, *, out=None)")]
    pub fn try_minimum<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.extreme_of_two("minimum", BinaryOp::Minimum, "MinimumBackward0", other.into())
    }

    /// Computes the larger of both, elementwise with broadcasting; the other one where one is nan. Ties share the gradient.
    ///
    /// # Errors
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([1.0f32, f32::NAN]);
    /// assert_eq!(x.fmax(&Tensor::from([0.5f32, 2.0])).to_vec::<f32>(), [1.0, 2.0]);
    /// ```
    #[op(torch = "fmax(input, other, *, out=None)")]
    pub fn try_fmax<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.number_of_two("fmax", BinaryOp::Fmax, "FmaxBackward0", other.into())
    }

    /// Computes the smaller of both, elementwise with broadcasting; the other one where one is nan. Ties share the gradient.
    ///
    /// # Errors
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([1.0f32, f32::NAN]);
    /// assert_eq!(x.fmin(&Tensor::from([0.5f32, 2.0])).to_vec::<f32>(), [0.5, 2.0]);
    /// ```
    #[op(torch = "fmin(input, other, *, out=None)")]
    pub fn try_fmin<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.number_of_two("fmin", BinaryOp::Fmin, "FminBackward0", other.into())
    }

    fn number_of_two(
        &self,
        name: &'static str,
        op: BinaryOp,
        node: &'static str,
        other: Operand<'_>,
    ) -> Result<Tensor> {
        let dtype = result_type(self, &other);
        let largest = op == BinaryOp::Fmax;
        // A bool is never nan.
        let op = match dtype {
            DType::Bool if largest => BinaryOp::Maximum,
            DType::Bool => BinaryOp::Minimum,
            _ => op,
        };
        let [a, b] = operands(self, other, dtype)?;
        let out = binary(name, op, &a, &b)?;
        Ok(out.record_binary(node, [&a, &b], [Save::Input(&a), Save::Input(&b)], move |[a, b], [x, y], g| {
            let shared = scaled(g, 0.5)?.try_where_cond(&a.try_eq(&b)?, g)?;
            let better = if largest { a.try_ge(&b)? } else { a.try_le(&b)? };
            let is_a = better.try_logical_or(&b.try_isnan()?)?;
            let is_b = is_a.try_logical_not()?.try_logical_or(&a.try_eq(&b)?)?;
            let part = |is: Tensor| shared.try_masked_fill(&is.try_logical_not()?, 0.0);
            Ok([grad_if(x, || part(is_a))?, grad_if(y, || part(is_b))?])
        }))
    }

    /// Computes the remainder of `self / other` rounded towards 0, with the sign of `self`, elementwise with broadcasting.
    ///
    /// # Errors
    /// If the shapes do not broadcast, both are bool, or an integer is divided by 0.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([-7, 7]).fmod(3).to_vec::<i64>(), [-1, 1]);
    /// ```
    #[op(torch = "fmod(input, other, *, out=None)")]
    pub fn try_fmod<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let other = other.into();
        let dtype = result_type(self, &other);
        expect_number("fmod", dtype)?;
        let [a, b] = operands(self, other, dtype)?;
        let out = binary("fmod", BinaryOp::Fmod, &a, &b)?;
        let saves = [Save::for_grad_of(&a, &b), Save::for_grad_of(&b, &b)];
        Ok(out.record_binary("FmodBackward1", [&a, &b], saves, |[a, b], [x, y], g| {
            // a - b * trunc(a / b): piecewise linear in both
            Ok([x.then(|| g.clone()), grad_if(y, || g.try_mul(&a.try_div(&b)?.try_trunc()?)?.try_neg())?])
        }))
    }

    /// Computes the angle of the point `(other, self)` in radians, in `[-π, π]`, elementwise with broadcasting. Integers and bool give
    /// float32.
    ///
    /// # Errors
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let y = Tensor::from([1.0f32, 0.0]).atan2(&Tensor::from([1.0f32, -1.0]));
    /// assert_eq!(y.to_string(), "tensor([0.7854, 3.1416])");
    /// ```
    #[op(torch = "atan2(input, other, *, out=None)")]
    pub fn try_atan2<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let other = other.into();
        let dtype = result_type(self, &other).to_float();
        let [a, b] = operands(self, other, dtype)?;
        let out = binary("atan2", BinaryOp::Atan2, &a, &b)?;
        Ok(out.record_binary("Atan2Backward0", [&a, &b], [Save::Input(&a), Save::Input(&b)], |[a, b], [x, y], g| {
            // Of the angle of the origin it is 0.
            let square = a.try_mul(&a)?.try_add(&b.try_mul(&b)?)?;
            let slope = g.try_mul(&square.try_reciprocal()?.try_masked_fill(&square.try_eq(0)?, 0.0)?)?;
            Ok([grad_if(x, || slope.try_mul(&b))?, grad_if(y, || slope.try_mul(&a)?.try_neg())?])
        }))
    }

    /// Computes `self + weight * (end - self)`, elementwise with broadcasting; exact at both ends. The weight is a number or a tensor.
    ///
    /// # Errors
    /// If the shapes do not broadcast, or the tensors are not floating-point of one dtype.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let y = Tensor::from([0.0f32, 10.0]).lerp(&Tensor::from([4.0f32, 20.0]), 0.25);
    /// assert_eq!(y.to_vec::<f32>(), [1.0, 12.5]);
    /// ```
    #[op(torch = "lerp(input, end, weight, *, out=None)")]
    pub fn try_lerp<'a>(&self, end: &Tensor, weight: impl Into<Operand<'a>>) -> Result<Tensor> {
        super::expect_float("lerp", self)?;
        super::expect_same_dtype("lerp", self, end)?;
        let weight = match weight.into() {
            Operand::Scalar(weight) => weight.to_f64(),
            Operand::Tensor(weight) => return lerp_by_tensor(self, end, weight),
            Operand::Owned(weight) => return lerp_by_tensor(self, end, &weight),
        };
        let out = binary("lerp", BinaryOp::LerpScalar(weight), self, end)?;
        Ok(out.record_binary("LerpBackward0", [self, end], [], move |[], [x, y], g| {
            Ok([grad_if(x, || scaled(g, 1.0 - weight))?, grad_if(y, || scaled(g, weight))?])
        }))
    }

    fn extreme_of_two(
        &self,
        name: &'static str,
        op: BinaryOp,
        node: &'static str,
        other: Operand<'_>,
    ) -> Result<Tensor> {
        let dtype = result_type(self, &other);
        let [a, b] = operands(self, other, dtype)?;
        let out = binary(name, op, &a, &b)?;
        let largest = matches!(op, BinaryOp::Maximum);
        Ok(out.record_binary(node, [&a, &b], [Save::Input(&a), Save::Input(&b)], move |[a, b], [x, y], g| {
            // Where one is nan neither is the smaller, and both get the whole gradient.
            let shared = scaled(g, 0.5)?.try_where_cond(&a.try_eq(&b)?, g)?;
            let (lost_a, lost_b) =
                if largest { (a.try_lt(&b)?, a.try_gt(&b)?) } else { (a.try_gt(&b)?, a.try_lt(&b)?) };
            let part = |lost: Tensor| shared.try_masked_fill(&lost, 0.0);
            Ok([grad_if(x, || part(lost_a))?, grad_if(y, || part(lost_b))?])
        }))
    }

    /// `number - self`.
    pub(crate) fn try_scalar_sub(&self, number: Scalar) -> Result<Tensor> {
        expect_number_or("sub", "logical_xor", self.dtype())?;
        expect_number_or("sub", "logical_xor", number.default_dtype())?;
        let dtype = result_type(self, &Operand::Scalar(number));
        let [a, b] = reversed(self, number, dtype)?;
        sub(&a, &b)
    }

    /// `number / self`.
    pub(crate) fn try_scalar_div(&self, number: Scalar) -> Result<Tensor> {
        let dtype = result_type(self, &Operand::Scalar(number)).to_float();
        let [a, b] = reversed(self, number, dtype)?;
        div(&a, &b)
    }
}

/// [`Tensor::lerp`] with a weight for each element, or a 0-d one of any type.
fn lerp_by_tensor(a: &Tensor, b: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let weight = &if weight.dim() == 0 { weight.try_to_dtype(a.dtype())? } else { weight.clone() };
    super::expect_same_dtype("lerp", a, weight)?;
    broadcast("lerp", &broadcast("lerp", a.layout(), b.layout())?, weight.layout())?;
    let wide = a.dtype().computed_float();
    let out = no_grad(|| {
        let [x, y, w] = [a.try_to_dtype(wide)?, b.try_to_dtype(wide)?, weight.try_to_dtype(wide)?];
        // From the nearer end, as with a number.
        let near = w.try_abs()?.try_lt(0.5)?;
        let from = x.try_where_cond(&near, &y)?;
        let step = w.try_where_cond(&near, &w.try_sub(1)?)?;
        from.try_add(&step.try_mul(&y.try_sub(&x)?)?)?.try_to_dtype(a.dtype())
    })?;
    let shapes = [Shape::of(a), Shape::of(b), Shape::of(weight)];
    let of_ends = if a.requires_grad() { a } else { b };
    let saves = [Save::for_grad_of(weight, of_ends), Save::for_grad_of(a, weight), Save::for_grad_of(b, weight)];
    Ok(out.record("LerpBackward1", [a, b, weight], saves, move |[w, a, b], [x, y, z], g| {
        let near = grad_if(x, || g.try_mul(&w.try_scalar_sub(Scalar::I64(1))?)?.sum_to(shapes[0].list()))?;
        let far = grad_if(y, || g.try_mul(&w)?.sum_to(shapes[1].list()))?;
        Ok([near, far, grad_if(z, || g.try_mul(&b.try_sub(&a)?)?.sum_to(shapes[2].list()))?])
    }))
}

/// The number and the tensor as operands of `- /`. Beside a 0-d tensor the number has to be of the result's type.
fn reversed(x: &Tensor, number: Scalar, dtype: DType) -> Result<[Cow<'_, Tensor>; 2]> {
    let number = Operand::Scalar(number);
    let [x, number] = if x.dim() == 0 { operands(x, number, dtype)? } else { arithmetic_operands(x, number, dtype)? };
    Ok([number, x])
}

fn sub(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let out = binary("sub", BinaryOp::Sub, a, b)?;
    Ok(out.record_binary("SubBackward0", [a, b], [], |[], [x, y], g| {
        Ok([x.then(|| g.clone()), grad_if(y, || g.try_neg())?])
    }))
}

fn div(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let out = binary("div", BinaryOp::Div, a, b)?;
    let saves = [Save::for_grad_of(a, b), Save::Input(b)];
    Ok(out.record_binary("DivBackward0", [a, b], saves, |[a, b], [x, y], g| {
        // d(a/b)/db = -(a/b)/b
        Ok([grad_if(x, || g.try_div(&b))?, grad_if(y, || g.try_neg()?.try_mul(&a.try_div(&b)?.try_div(&b)?))?])
    }))
}

/// `a` to the power `b`, which have one type.
fn pow(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let out = binary("pow", BinaryOp::Pow, a, b)?;
    let saves = [Save::Input(a), Save::Input(b), if b.requires_grad() { Save::Output } else { Save::Nothing }];
    Ok(out.record_binary("PowBackward1", [a, b], saves, |[a, b, out], [x, y], g| {
        let by_base = || {
            let slope = b.try_mul(&a.try_pow(&b.try_sub(1)?)?)?;
            g.try_mul(&slope)?.try_masked_fill(&b.try_eq(0)?, 0.0)
        };
        let by_exponent = || {
            let slope = out.try_mul(&a.try_log()?)?;
            g.try_mul(&slope)?.try_masked_fill(&a.try_eq(0)?.try_logical_and(&b.try_ge(0)?)?, 0.0)
        };
        Ok([grad_if(x, by_base)?, grad_if(y, by_exponent)?])
    }))
}

/// The function "to the power `exponent`" of elements of type `dtype`.
pub(super) fn power_op(op: &'static str, exponent: Scalar, dtype: DType) -> Result<UnaryOp> {
    if dtype.category() != Category::Integer {
        return Ok(UnaryOp::PowScalar(exponent.to_f64()));
    }
    exponent.expect_in(op, dtype)?;
    let power = u64::try_from(exponent.to_i64())
        .map_err(|_| Error::value(op, format!("expected a power of at least 0 for integers, got {exponent}")))?;
    Ok(UnaryOp::PowInt(power))
}
