//! Functions of one element: sign, roots, exponentials, trigonometry, rounding, clamping.

use super::{as_float, expect_number, expect_number_or, scaled, unary};
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
    /// Computes the exponential function, elementwise. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 1.0]).exp().to_string(), "tensor([1.0000, 2.7183])");
    /// ```
    #[op(torch = "exp(input, *, out=None)")]
    try_exp = Exp, "exp", "ExpBackward0", output, |y, g| g.try_mul(&y)?;
    /// Computes `exp(x) - 1`, elementwise, exact near 0. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 1.0]).expm1().to_string(), "tensor([0.0000, 1.7183])");
    /// ```
    #[op(torch = "expm1(input, *, out=None)")]
    try_expm1 = Expm1, "expm1", "Expm1Backward0", output, |y, g| g.try_mul(&y.try_add(1)?)?;
    /// Computes the natural logarithm, elementwise. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 10.0]).log().to_string(), "tensor([0.0000, 2.3026])");
    /// ```
    #[op(torch = "log(input, *, out=None)")]
    try_log = Log, "log", "LogBackward0", input, |x, g| g.try_div(&x)?;
    /// Computes `log(1 + x)`, elementwise, exact near 0. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 1.0]).log1p().to_string(), "tensor([0.0000, 0.6931])");
    /// ```
    #[op(torch = "log1p(input, *, out=None)")]
    try_log1p = Log1p, "log1p", "Log1PBackward0", input, |x, g| g.try_div(&x.try_add(1)?)?;
    /// Computes the logarithm to base 2, elementwise. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 10.0]).log2().to_string(), "tensor([0.0000, 3.3219])");
    /// ```
    #[op(torch = "log2(input, *, out=None)")]
    try_log2 = Log2, "log2", "Log2Backward0", input, |x, g| g.try_div(&scaled(&x, std::f64::consts::LN_2)?)?;
    /// Computes the logarithm to base 10, elementwise. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).log10().to_string(), "tensor([0.0000, 0.3010])");
    /// ```
    #[op(torch = "log10(input, *, out=None)")]
    try_log10 = Log10, "log10", "Log10Backward0", input, |x, g| g.try_div(&scaled(&x, std::f64::consts::LN_10)?)?;
    /// Computes the square root, elementwise; nan below 0. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([4.0f32, 2.0]).sqrt().to_string(), "tensor([2.0000, 1.4142])");
    /// ```
    #[op(torch = "sqrt(input, *, out=None)")]
    try_sqrt = Sqrt, "sqrt", "SqrtBackward0", output, |y, g| g.try_div(&scaled(&y, 2.0)?)?;
    /// Computes `1 / sqrt(x)`, elementwise. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([4.0f32, 2.0]).rsqrt().to_string(), "tensor([0.5000, 0.7071])");
    /// ```
    #[op(torch = "rsqrt(input, *, out=None)")]
    try_rsqrt = Rsqrt, "rsqrt", "RsqrtBackward0", output, |y, g| scaled(&g.try_mul(&y.try_pow(3)?)?, -0.5)?;
    /// Computes `1 / x`, elementwise. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([2.0f32, 3.0]).reciprocal().to_string(), "tensor([0.5000, 0.3333])");
    /// ```
    #[op(torch = "reciprocal(input, *, out=None)")]
    try_reciprocal = Reciprocal, "reciprocal", "ReciprocalBackward0", output, |y, g| g.try_neg()?.try_mul(&y.try_mul(&y)?)?;
    /// Computes the sine, elementwise, of angles in radians. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 1.0]).sin().to_string(), "tensor([0.0000, 0.8415])");
    /// ```
    #[op(torch = "sin(input, *, out=None)")]
    try_sin = Sin, "sin", "SinBackward0", input, |x, g| g.try_mul(&x.try_cos()?)?;
    /// Computes the cosine, elementwise, of angles in radians. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 1.0]).cos().to_string(), "tensor([1.0000, 0.5403])");
    /// ```
    #[op(torch = "cos(input, *, out=None)")]
    try_cos = Cos, "cos", "CosBackward0", input, |x, g| g.try_mul(&x.try_sin()?.try_neg()?)?;
    /// Computes the tangent, elementwise, of angles in radians. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 1.0]).tan().to_string(), "tensor([0.0000, 1.5574])");
    /// ```
    #[op(torch = "tan(input, *, out=None)")]
    try_tan = Tan, "tan", "TanBackward0", output, |y, g| g.try_mul(&y.try_mul(&y)?.try_add(1)?)?;
    /// Computes the inverse sine, elementwise, in radians, in [-π/2, π/2]; nan outside [-1, 1]. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 1.0]).asin().to_string(), "tensor([0.0000, 1.5708])");
    /// ```
    #[op(torch = "asin(input, *, out=None)")]
    try_asin = Asin, "asin", "AsinBackward0", input, |x, g| g.try_mul(&x.try_mul(&x)?.try_mul(-1)?.try_add(1)?.try_rsqrt()?)?;
    /// Computes the inverse cosine, elementwise, in radians, in [0, π]; nan outside [-1, 1]. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 0.0]).acos().to_string(), "tensor([0.0000, 1.5708])");
    /// ```
    #[op(torch = "acos(input, *, out=None)")]
    try_acos = Acos, "acos", "AcosBackward0", input, |x, g| {
        g.try_neg()?.try_mul(&x.try_mul(&x)?.try_mul(-1)?.try_add(1)?.try_rsqrt()?)?
    };
    /// Computes the inverse tangent, elementwise, in radians, in [-π/2, π/2]. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 1.0]).atan().to_string(), "tensor([0.0000, 0.7854])");
    /// ```
    #[op(torch = "atan(input, *, out=None)")]
    try_atan = Atan, "atan", "AtanBackward0", input, |x, g| g.try_div(&x.try_mul(&x)?.try_add(1)?)?;
    /// Computes the hyperbolic sine, elementwise. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 1.0]).sinh().to_string(), "tensor([0.0000, 1.1752])");
    /// ```
    #[op(torch = "sinh(input, *, out=None)")]
    try_sinh = Sinh, "sinh", "SinhBackward0", input, |x, g| g.try_mul(&x.try_cosh()?)?;
    /// Computes the hyperbolic cosine, elementwise. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 1.0]).cosh().to_string(), "tensor([1.0000, 1.5431])");
    /// ```
    #[op(torch = "cosh(input, *, out=None)")]
    try_cosh = Cosh, "cosh", "CoshBackward0", input, |x, g| g.try_mul(&x.try_sinh()?)?;
    /// Computes the inverse hyperbolic sine, elementwise. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 1.0]).asinh().to_string(), "tensor([0.0000, 0.8814])");
    /// ```
    #[op(torch = "asinh(input, *, out=None)")]
    try_asinh = Asinh, "asinh", "AsinhBackward0", input, |x, g| g.try_mul(&x.try_mul(&x)?.try_add(1)?.try_rsqrt()?)?;
    /// Computes the inverse hyperbolic cosine, elementwise, at least 0; nan below 1. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).acosh().to_string(), "tensor([0.0000, 1.3170])");
    /// ```
    #[op(torch = "acosh(input, *, out=None)")]
    try_acosh = Acosh, "acosh", "AcoshBackward0", input, |x, g| {
        // The product of two roots keeps the precision near 1.
        g.try_mul(&x.try_sub(1)?.try_rsqrt()?.try_mul(&x.try_add(1)?.try_rsqrt()?)?)?
    };
    /// Computes the inverse hyperbolic tangent, elementwise; nan outside [-1, 1]. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 0.5]).atanh().to_string(), "tensor([0.0000, 0.5493])");
    /// ```
    #[op(torch = "atanh(input, *, out=None)")]
    try_atanh = Atanh, "atanh", "AtanhBackward0", input, |x, g| g.try_div(&x.try_mul(&x)?.try_mul(-1)?.try_add(1)?)?;
    /// Computes the error function, elementwise. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 1.0]).erf().to_string(), "tensor([0.0000, 0.8427])");
    /// ```
    #[op(torch = "erf(input, *, out=None)")]
    try_erf = Erf, "erf", "ErfBackward0", input, |x, g| {
        let bell = x.try_mul(&x)?.try_neg()?.try_exp()?;
        g.try_mul(&scaled(&bell, std::f64::consts::FRAC_2_SQRT_PI)?)?
    };
    /// Computes the complementary error function `1 - erf(x)`, elementwise, exact where it is small. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 1.0]).erfc().to_string(), "tensor([1.0000, 0.1573])");
    /// ```
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
    /// Rounds down to the largest integer that is not larger, elementwise.
    ///
    /// # Errors
    /// If the tensor is bool.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([-1.5f32, 1.5]).floor().to_vec::<f32>(), [-2.0, 1.0]);
    /// ```
    #[op(torch = "floor(input, *, out=None)")]
    try_floor = Floor, "floor", "FloorBackward0";
    /// Rounds up to the smallest integer that is not smaller, elementwise.
    ///
    /// # Errors
    /// If the tensor is bool.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([-1.5f32, 1.5]).ceil().to_vec::<f32>(), [-1.0, 2.0]);
    /// ```
    #[op(torch = "ceil(input, *, out=None)")]
    try_ceil = Ceil, "ceil", "CeilBackward0";
    /// Rounds to the nearest integer, halves to the even one, elementwise.
    ///
    /// # Errors
    /// If the tensor is bool.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.5f32, 1.5]).round().to_vec::<f32>(), [0.0, 2.0]);
    /// ```
    #[op(torch = "round(input, *, decimals=0, out=None)")]
    try_round = Round, "round", "RoundBackward0";
    /// Rounds towards 0 to the whole part, elementwise.
    ///
    /// # Errors
    /// If the tensor is bool.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([-1.5f32, 1.5]).trunc().to_vec::<f32>(), [-1.0, 1.0]);
    /// ```
    #[op(torch = "trunc(input, *, out=None)")]
    try_trunc = Trunc, "trunc", "TruncBackward0";
    /// Returns the sign, -1, 0 or 1, elementwise.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([-2.0f32, 0.0, 3.0]).sign().to_vec::<f32>(), [-1.0, 0.0, 1.0]);
    /// ```
    #[op(torch = "sign(input, *, out=None)")]
    try_sign = Sign, "sign", "SignBackward0";
}

impl Tensor {
    /// Computes the fractional part `x - trunc(x)`, elementwise, with the sign of `x`.
    ///
    /// # Errors
    /// If the tensor is not floating-point.
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

    /// Computes `-self`, elementwise.
    ///
    /// # Errors
    /// If the tensor is bool; [`logical_not`](Tensor::logical_not) negates those.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, -2.0]).neg().to_vec::<f32>(), [-1.0, 2.0]);
    /// ```
    #[op(torch = "neg(input, *, out=None)")]
    pub fn try_neg(&self) -> Result<Tensor> {
        expect_number_or("neg", "logical_not", self.dtype())?;
        let out = unary("neg", UnaryOp::Neg, self)?;
        Ok(out.record("NegBackward0", [self], [], |[], [_], g| Ok([Some(g.try_neg()?)])))
    }

    /// Computes the absolute value, elementwise. Its derivative at 0 is 0.
    ///
    /// # Errors
    /// If the tensor is bool.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, -2.0]).abs().to_vec::<f32>(), [1.0, 2.0]);
    /// ```
    #[op(torch = "abs(input, *, out=None)")]
    pub fn try_abs(&self) -> Result<Tensor> {
        expect_number("abs", self.dtype())?;
        let out = unary("abs", UnaryOp::Abs, self)?;
        Ok(out
            .record("AbsBackward0", [self], [Save::Input(self)], |[x], [_], g| Ok([Some(g.try_mul(&x.try_sign()?)?)])))
    }

    /// Computes `self * self`, elementwise. Bool gives int64.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([2.0f32, -3.0]).square().to_vec::<f32>(), [4.0, 9.0]);
    /// ```
    #[op(torch = "square(input, *, out=None)")]
    pub fn try_square(&self) -> Result<Tensor> {
        self.try_pow(2)
    }

    /// Moves every element into `[min, max]`; `None` leaves a side open. nan stays nan. The gradient goes to the elements strictly between
    /// the bounds, as in PyTorch 2.15.
    ///
    /// # Errors
    /// If both bounds are absent, or the tensor and the bounds are bool.
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
    expect_number(op, dtype)?;
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
