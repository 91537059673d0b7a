//! The elementwise operations, and the cost of one element of each.

/// A function of one element. Unless noted otherwise it is defined for `f32` and `f64`; formulas and the treatment of
/// NaN, infinities and signed zeros are PyTorch's.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)] // the mathematical functions are what their names say
pub enum UnaryOp {
    /// Floats and integers (wrapping).
    Neg,
    /// Floats and integers (wrapping).
    Abs,
    /// -1, 0 or 1; 0 for NaN. Floats and integers; `bool` is unchanged.
    Sign,
    /// Floats and integers (wrapping).
    Square,
    /// `not x`, on `bool`; bitwise on integers.
    Not,
    Sqrt,
    Rsqrt,
    Reciprocal,
    Exp,
    Expm1,
    Log,
    Log1p,
    Log2,
    Log10,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
    Asinh,
    Acosh,
    Atanh,
    Erf,
    Erfc,
    /// Integers are unchanged.
    Floor,
    /// Integers are unchanged.
    Ceil,
    /// Ties to even. Integers are unchanged.
    Round,
    /// Integers are unchanged.
    Trunc,
    /// `x - trunc(x)`.
    Frac,
    /// `x` to a constant power.
    PowScalar(f64),
    /// An integer to a constant nonnegative power (wrapping).
    PowInt(u64),
    /// `min(max(x, min), max)`; NaN if `x` or a bound is NaN.
    Clamp {
        min: f64,
        max: f64,
    },
    /// The same on integers.
    ClampInt {
        min: i64,
        max: i64,
    },
    /// `max(x, 0)`; NaN if `x` is NaN. Floats and integers.
    Relu,
    /// `x` above 0, `slope * x` elsewhere.
    LeakyRelu(f64),
    /// `scale * x` above 0, `scale * alpha * (exp(input_scale * x) - 1)` elsewhere: ELU, SELU and CELU.
    Elu {
        alpha: f64,
        scale: f64,
        input_scale: f64,
    },
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `log(sigmoid(x))`.
    LogSigmoid,
    /// `x * sigmoid(x)`.
    Silu,
    /// `x * Phi(x)`, with the standard normal distribution function `Phi`.
    Gelu,
    /// The tanh approximation of [`UnaryOp::Gelu`].
    GeluTanh,
    /// `log(1 + exp(beta * x)) / beta`; `x` itself where `beta * x > threshold`.
    Softplus {
        beta: f64,
        threshold: f64,
    },
    /// `x * tanh(softplus(x))`.
    Mish,
    /// `clamp(x + 3, 0, 6) / 6`.
    HardSigmoid,
    /// `x * clamp(x + 3, 0, 6) / 6`.
    HardSwish,
    /// `x / (1 + |x|)`.
    Softsign,
    /// `x` above the threshold (or NaN), `value` elsewhere.
    Threshold {
        threshold: f64,
        value: f64,
    },
}

/// A function of two elements. Unless noted otherwise it is defined for `f32` and `f64`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BinaryOp {
    /// `a + b`. Floats and integers (wrapping); `or` on `bool`.
    Add,
    /// `a - b`. Floats and integers (wrapping).
    Sub,
    /// `a * b`. Floats and integers (wrapping); `and` on `bool`.
    Mul,
    /// True division.
    Div,
    /// `a` to the power `b`. Floats and integers (wrapping; PyTorch's values for negative exponents).
    Pow,
    /// The maximum; NaN if either is NaN. Every type.
    Maximum,
    /// The minimum; NaN if either is NaN. Every type.
    Minimum,
    /// The maximum; if one is NaN, the other. Floats and integers.
    Fmax,
    /// The minimum; if one is NaN, the other. Floats and integers.
    Fmin,
    /// `a` modulo `b`, with the sign of `b`. Floats and integers.
    Remainder,
    /// The remainder of the division truncated toward 0, with the sign of `a`. Floats and integers.
    Fmod,
    /// Division rounded to minus infinity. Floats and integers.
    FloorDivide,
    /// The angle of the point `(b, a)`.
    Atan2,
    /// Bitwise; logical on `bool`. Integers and `bool`.
    And,
    /// Bitwise; logical on `bool`. Integers and `bool`.
    Or,
    /// Bitwise; logical on `bool`. Integers and `bool`.
    Xor,
    /// `a + alpha * b`, with a single rounding where the processor has a fused multiply-add.
    AddScaled(f64),
    /// `a + alpha * b` on integers (wrapping).
    AddScaledInt(i64),
    /// Linear interpolation from `a` to `b`, with a constant weight.
    LerpScalar(f64),
    /// `max(a + b, 0)`; NaN if the sum is NaN. The end of a residual block.
    AddRelu,
    /// `a` above 0, `a * b` elsewhere: a rectifier with the learned slope `b`.
    Prelu,
}

/// The derivative of a function of one element: maps a gradient `g` and an element `x` of the function's input (or `y`
/// of its output) to the gradient of the input. Defined for floating-point types.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GradOp {
    /// Of relu, or of any threshold at 0, from the output: 0 where `y <= 0`, else `g`.
    Relu,
    /// Of a clamp, from the input or the output: 0 where `x <= min` or `x >= max`, else `g`.
    Clamp {
        /// The lower bound.
        min: f64,
        /// The upper bound.
        max: f64,
    },
    /// Of a leaky relu, from the input: `g` where `x > 0`, else `slope * g`.
    LeakyRelu(f64),
    /// Of sigmoid, from the output: `g * (1 - y) * y`.
    Sigmoid,
    /// Of tanh, from the output: `g * (1 - y * y)`.
    Tanh,
    /// Of silu, from the input.
    Silu,
    /// Of gelu, from the input.
    Gelu,
}

impl GradOp {
    /// Minimum number of elements per thread.
    pub(super) fn grain(self) -> usize {
        match self {
            GradOp::Silu | GradOp::Gelu => MATH,
            _ => LIGHT,
        }
    }
}

/// A comparison; its result is `bool`. Comparisons with NaN are false, except [`CompareOp::Ne`], which is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum CompareOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// Minimum number of elements per thread: for memory-bound operations, vectorized functions, and one function call per
/// element.
pub(super) const LIGHT: usize = 64 << 10;
const MATH: usize = 12 << 10;
const CALL: usize = 3 << 10;

impl UnaryOp {
    /// Minimum number of elements per thread.
    pub(super) fn grain(self) -> usize {
        use UnaryOp::*;
        match self {
            Exp
            | Expm1
            | Log
            | Log1p
            | Log2
            | Log10
            | Sin
            | Cos
            | Tan
            | Tanh
            | Erf
            | Erfc
            | Elu { .. }
            | Sigmoid
            | LogSigmoid
            | Silu
            | Gelu
            | GeluTanh
            | Softplus { .. }
            | Mish => MATH,
            Asin | Acos | Atan | Sinh | Cosh | Asinh | Acosh | Atanh | PowScalar(_) | PowInt(_) => CALL,
            _ => LIGHT,
        }
    }

    /// An equivalent, cheaper operation: powers that are products or roots.
    pub(super) fn simplify(self) -> UnaryOp {
        match self {
            UnaryOp::PowScalar(2.0) => UnaryOp::Square,
            UnaryOp::PowScalar(0.5) => UnaryOp::Sqrt,
            UnaryOp::PowScalar(-0.5) => UnaryOp::Rsqrt,
            UnaryOp::PowScalar(-1.0) => UnaryOp::Reciprocal,
            other => other,
        }
    }
}

impl BinaryOp {
    /// Minimum number of elements per thread.
    pub(super) fn grain(self) -> usize {
        use BinaryOp::*;
        match self {
            Pow | Remainder | Fmod | FloorDivide | Atan2 => CALL,
            _ => LIGHT,
        }
    }
}
