//! Functions of one element: sign, roots, exponentials, trigonometry, rounding, clamping.

use super::{as_float, scaled, unary};
use crate::autograd::Save;
use crate::backend::UnaryOp;
use crate::tensor::{Category, DType, Scalar};
use crate::{Error, Result, Tensor};
use rushlight_macros::op;

/// A smooth function: computed in floating point, its derivative a formula in the input `x` or the output `y`.
macro_rules! smooth {
    ($($(#[$attribute:meta])* $try_name:ident = $op:ident, $name:literal, $node:literal, $save:ident, |$saved:ident, $g:ident| $slope:expr;)*) => {
        impl Tensor {$(
            $(#[$attribute])*
            pub fn $try_name(&self) -> Result<Tensor> {
                let x = as_float(self)?;
                let out = unary($name, UnaryOp::$op, &x)?;
                Ok(out.record($node, [&*x], [smooth!($save, x)], |[$saved], [_], $g| Ok([Some($slope)])))
            }
        )*}
    };
    (input, $x:ident) => { Save::Input(&$x) };
    (output, $x:ident) => { Save::Output };
}

smooth! {
    /// The exponential function.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 1.0]).exp().to_string(), "tensor([1.0000, 2.7183])");
    /// ```
    #[op(torch = "exp(input, *, out=None)")]
    try_exp = Exp, "exp", "ExpBackward0", output, |y, g| g.try_mul(&y)?;
    /// `exp(x) - 1`, exact near 0.
    #[op(torch = "expm1(input, *, out=None)")]
    try_expm1 = Expm1, "expm1", "Expm1Backward0", output, |y, g| g.try_mul(&y.try_add(1)?)?;
    /// The natural logarithm.
    #[op(torch = "log(input, *, out=None)")]
    try_log = Log, "log", "LogBackward0", input, |x, g| g.try_div(&x)?;
    /// `log(1 + x)`, exact near 0.
    #[op(torch = "log1p(input, *, out=None)")]
    try_log1p = Log1p, "log1p", "Log1PBackward0", input, |x, g| g.try_div(&x.try_add(1)?)?;
    /// The logarithm to base 2.
    #[op(torch = "log2(input, *, out=None)")]
    try_log2 = Log2, "log2", "Log2Backward0", input, |x, g| g.try_div(&scaled(&x, std::f64::consts::LN_2)?)?;
    /// The logarithm to base 10.
    #[op(torch = "log10(input, *, out=None)")]
    try_log10 = Log10, "log10", "Log10Backward0", input, |x, g| g.try_div(&scaled(&x, std::f64::consts::LN_10)?)?;
    /// The square root.
    #[op(torch = "sqrt(input, *, out=None)")]
    try_sqrt = Sqrt, "sqrt", "SqrtBackward0", output, |y, g| g.try_div(&scaled(&y, 2.0)?)?;
    /// `1 / sqrt(x)`.
    #[op(torch = "rsqrt(input, *, out=None)")]
    try_rsqrt = Rsqrt, "rsqrt", "RsqrtBackward0", output, |y, g| scaled(&g.try_mul(&y.try_pow(3)?)?, -0.5)?;
    /// `1 / x`.
    #[op(torch = "reciprocal(input, *, out=None)")]
    try_reciprocal = Reciprocal, "reciprocal", "ReciprocalBackward0", output, |y, g| g.try_neg()?.try_mul(&y.try_mul(&y)?)?;
    /// The sine.
    #[op(torch = "sin(input, *, out=None)")]
    try_sin = Sin, "sin", "SinBackward0", input, |x, g| g.try_mul(&x.try_cos()?)?;
    /// The cosine.
    #[op(torch = "cos(input, *, out=None)")]
    try_cos = Cos, "cos", "CosBackward0", input, |x, g| g.try_mul(&x.try_sin()?.try_neg()?)?;
    /// The tangent.
    #[op(torch = "tan(input, *, out=None)")]
    try_tan = Tan, "tan", "TanBackward0", output, |y, g| g.try_mul(&y.try_mul(&y)?.try_add(1)?)?;
    /// The inverse sine, in [-π/2, π/2]; nan outside [-1, 1].
    #[op(torch = "asin(input, *, out=None)")]
    try_asin = Asin, "asin", "AsinBackward0", input, |x, g| g.try_mul(&x.try_mul(&x)?.try_mul(-1)?.try_add(1)?.try_rsqrt()?)?;
    /// The inverse cosine, in [0, π]; nan outside [-1, 1].
    #[op(torch = "acos(input, *, out=None)")]
    try_acos = Acos, "acos", "AcosBackward0", input, |x, g| {
        g.try_neg()?.try_mul(&x.try_mul(&x)?.try_mul(-1)?.try_add(1)?.try_rsqrt()?)?
    };
    /// The inverse tangent.
    #[op(torch = "atan(input, *, out=None)")]
    try_atan = Atan, "atan", "AtanBackward0", input, |x, g| g.try_div(&x.try_mul(&x)?.try_add(1)?)?;
    /// The hyperbolic sine.
    #[op(torch = "sinh(input, *, out=None)")]
    try_sinh = Sinh, "sinh", "SinhBackward0", input, |x, g| g.try_mul(&x.try_cosh()?)?;
    /// The hyperbolic cosine.
    #[op(torch = "cosh(input, *, out=None)")]
    try_cosh = Cosh, "cosh", "CoshBackward0", input, |x, g| g.try_mul(&x.try_sinh()?)?;
    /// The inverse hyperbolic sine.
    #[op(torch = "asinh(input, *, out=None)")]
    try_asinh = Asinh, "asinh", "AsinhBackward0", input, |x, g| g.try_mul(&x.try_mul(&x)?.try_add(1)?.try_rsqrt()?)?;
    /// The inverse hyperbolic cosine, at least 0; nan below 1.
    #[op(torch = "acosh(input, *, out=None)")]
    try_acosh = Acosh, "acosh", "AcoshBackward0", input, |x, g| {
        // The product of two roots keeps the precision near 1.
        g.try_mul(&x.try_sub(1)?.try_rsqrt()?.try_mul(&x.try_add(1)?.try_rsqrt()?)?)?
    };
    /// The inverse hyperbolic tangent; nan outside [-1, 1].
    #[op(torch = "atanh(input, *, out=None)")]
    try_atanh = Atanh, "atanh", "AtanhBackward0", input, |x, g| g.try_div(&x.try_mul(&x)?.try_mul(-1)?.try_add(1)?)?;
    /// The error function.
    #[op(torch = "erf(input, *, out=None)")]
    try_erf = Erf, "erf", "ErfBackward0", input, |x, g| {
        let bell = x.try_mul(&x)?.try_neg()?.try_exp()?;
        g.try_mul(&scaled(&bell, std::f64::consts::FRAC_2_SQRT_PI)?)?
    };
    /// The complementary error function `1 - erf(x)`, exact where it is small.
    #[op(torch = "erfc(input, *, out=None)")]
    try_erfc = Erfc, "erfc", "ErfcBackward0", input, |x, g| {
        let bell = x.try_mul(&x)?.try_neg()?.try_exp()?;
        g.try_mul(&scaled(&bell, -std::f64::consts::FRAC_2_SQRT_PI)?)?
    };
}

/// A step function: its derivative is 0 wherever it has one. Integers stay as they are.
macro_rules! step {
    ($($(#[$attribute:meta])* $try_name:ident = $op:ident, $name:literal, $node:literal;)*) => {
        impl Tensor {$(
            $(#[$attribute])*
            pub fn $try_name(&self) -> Result<Tensor> {
                let out = unary($name, UnaryOp::$op, self)?;
                Ok(out.record($node, [self], [], |[], [_], g| Ok([Some(g.try_zeros_like()?)])))
            }
        )*}
    };
}

step! {
    /// The largest integer that is not larger.
    #[op(torch = "floor(input, *, out=None)")]
    try_floor = Floor, "floor", "FloorBackward0";
    /// The smallest integer that is not smaller.
    #[op(torch = "ceil(input, *, out=None)")]
    try_ceil = Ceil, "ceil", "CeilBackward0";
    /// The nearest integer, halves to the even one.
    #[op(torch = "round(input, *, decimals=0, out=None)")]
    try_round = Round, "round", "RoundBackward0";
    /// The whole part.
    #[op(torch = "trunc(input, *, out=None)")]
    try_trunc = Trunc, "trunc", "TruncBackward0";
    /// -1, 0 or 1.
    #[op(torch = "sign(input, *, out=None)")]
    try_sign = Sign, "sign", "SignBackward0";
}

impl Tensor {
    /// The fractional part `x - trunc(x)`, with the sign of `x`.
    ///
    /// # Errors
    /// If the elements are not floating-point.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1.25f32, -1.5]).frac().to_vec::<f32>(), [0.25, -0.5]);
    /// ```
    #[op(torch = "frac(input, *, out=None)")]
    pub fn try_frac(&self) -> Result<Tensor> {
        super::expect_float("frac", self)?;
        let out = unary("frac", UnaryOp::Frac, self)?;
        Ok(out.record("FracBackward0", [self], [], |[], [_], g| Ok([Some(g.clone())])))
    }

    /// `-self`.
    ///
    /// # Errors
    /// On a bool tensor; use [`logical_not`](Tensor::logical_not).
    #[op(torch = "neg(input, *, out=None)")]
    pub fn try_neg(&self) -> Result<Tensor> {
        if self.dtype() == DType::Bool {
            return Err(Error::dtype("neg", "is not defined for bool; use logical_not"));
        }
        let out = unary("neg", UnaryOp::Neg, self)?;
        Ok(out.record("NegBackward0", [self], [], |[], [_], g| Ok([Some(g.try_neg()?)])))
    }

    /// The absolute value. Its derivative at 0 is 0.
    ///
    /// # Errors
    /// On a bool tensor.
    #[op(torch = "abs(input, *, out=None)")]
    pub fn try_abs(&self) -> Result<Tensor> {
        if self.dtype() == DType::Bool {
            return Err(Error::dtype("abs", "is not defined for bool"));
        }
        let out = unary("abs", UnaryOp::Abs, self)?;
        Ok(out
            .record("AbsBackward0", [self], [Save::Input(self)], |[x], [_], g| Ok([Some(g.try_mul(&x.try_sign()?)?)])))
    }

    /// `self * self`.
    #[op(torch = "square(input, *, out=None)")]
    pub fn try_square(&self) -> Result<Tensor> {
        self.try_pow(2)
    }

    /// Every element moved into `[min, max]`; `None` leaves a side open. nan stays nan. The gradient goes to the elements
    /// strictly between the bounds, as in PyTorch 2.15.
    ///
    /// # Errors
    /// If both bounds are absent.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([-2.0f32, 0.5, 3.0]).clamp(0.0, 1.0).to_vec::<f32>(), [0.0, 0.5, 1.0]);
    /// assert_eq!(Tensor::from([-2, 3]).clamp(None, 1).to_vec::<i64>(), [-2, 1]);
    /// ```
    #[op(torch = "clamp(input, min=None, max=None, *, out=None)")]
    pub fn try_clamp(&self, min: impl Into<Bound>, max: impl Into<Bound>) -> Result<Tensor> {
        let (min, max) = (min.into(), max.into());
        let dtype = clamped_dtype("clamp", self.dtype(), min, max)?;
        let x = self.try_to_dtype(dtype)?;
        let out = unary("clamp", clamp_op(dtype, min, max), &x)?;
        let (Bound(min), Bound(max)) = (min, max);
        Ok(out.record("ClampBackward1", [&x], [Save::Input(&x)], move |[x], [_], g| {
            let inside = match (min, max) {
                (Some(min), Some(max)) => x.try_gt(min)?.try_logical_and(&x.try_lt(max)?)?,
                (Some(min), None) => x.try_gt(min)?,
                (None, Some(max)) => x.try_lt(max)?,
                (None, None) => return Ok([Some(g.clone())]),
            };
            Ok([Some(g.try_masked_fill(&inside.try_logical_not()?, 0.0)?)])
        }))
    }
}

/// The dtype of elements of type `dtype` that are clamped to these bounds.
pub(super) fn clamped_dtype(op: &'static str, dtype: DType, min: Bound, max: Bound) -> Result<DType> {
    let widest = min.0.into_iter().chain(max.0).map(Scalar::default_dtype).reduce(DType::join);
    let Some(widest) = widest else {
        return Err(Error::value(op, "expected at least one bound, got none"));
    };
    let dtype = if widest.category() > dtype.category() { widest } else { dtype };
    if dtype == DType::Bool {
        return Err(Error::dtype(op, "is not defined for bool"));
    }
    Ok(dtype)
}

pub(super) fn clamp_op(dtype: DType, Bound(min): Bound, Bound(max): Bound) -> UnaryOp {
    if dtype.category() == Category::Integer {
        UnaryOp::ClampInt { min: min.map_or(i64::MIN, Scalar::to_i64), max: max.map_or(i64::MAX, Scalar::to_i64) }
    } else {
        UnaryOp::Clamp {
            min: min.map_or(f64::NEG_INFINITY, Scalar::to_f64),
            max: max.map_or(f64::INFINITY, Scalar::to_f64),
        }
    }
}

/// A bound of [`Tensor::clamp`]: a number, or `None`.
#[derive(Clone, Copy, Debug)]
pub struct Bound(Option<Scalar>);

impl<T: Into<Scalar>> From<T> for Bound {
    fn from(value: T) -> Bound {
        Bound(Some(value.into()))
    }
}

impl From<Option<Scalar>> for Bound {
    fn from(value: Option<Scalar>) -> Bound {
        Bound(value)
    }
}
