//! Activations beside those of `activation.rs`: smooth relatives of relu, and piecewise linear approximations.

use super::activation::grad_of_input;
use super::{scaled, unary, want_float};
use crate::autograd::Save;
use crate::backend::{GradOp, UnaryOp};
use crate::{Result, Tensor};
use rushlight_macros::op;

/// An activation of floating-point elements: its function, and its derivative from the input `x`.
macro_rules! activations {
    ($($(#[$doc:meta])* $try_name:ident($($arg:ident: $ty:ty),*) = $op:expr, $name:literal, $node:literal, |$x:ident, $g:ident| $slope:expr;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            ///
            /// # Errors
            /// If the elements are not floating-point.
            #[op]
            pub fn $try_name(&self $(, $arg: $ty)*) -> Result<Tensor> {
                want_float($name, self)?;
                let out = unary($name, $op, self)?;
                Ok(out.record($node, [self], [Save::Input(self)], move |[$x], [_], $g| Ok([Some($slope?)])))
            }
        )*}
    };
}

activations! {
    /// `x * sigmoid(x)`, elementwise: the sigmoid linear unit, also called swish.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 1.0]).silu().to_string(), "tensor([0.0000, 0.7311])");
    /// ```
    try_silu() = UnaryOp::Silu, "silu", "SiluBackward0", |x, g| grad_of_input("silu", GradOp::Silu, g, &x);
    /// `x * Φ(x)` with the distribution function of the standard normal distribution, elementwise: the Gaussian error linear unit.
    try_gelu() = UnaryOp::Gelu, "gelu", "GeluBackward0", |x, g| grad_of_input("gelu", GradOp::Gelu, g, &x);
    /// The approximation `x / 2 * (1 + tanh(√(2/π) (x + 0.044715 x³)))` of [`gelu`](Tensor::gelu): PyTorch's `gelu` with
    /// `approximate="tanh"`.
    try_gelu_tanh() = UnaryOp::GeluTanh, "gelu_tanh", "GeluBackward0", |x, g| {
        let (root, square) = ((2.0 / std::f64::consts::PI).sqrt(), x.try_mul(&x)?);
        let t = scaled(&x.try_mul(&scaled(&square, 0.044715)?.try_add(1)?)?, root)?.try_tanh()?;
        let inner = scaled(&scaled(&square, 3.0 * 0.044715)?.try_add(1)?, root)?;
        // (1 + t) / 2 + x / 2 * (1 - t²) * inner'
        let bend = x.try_mul(&t.try_mul(&t)?.try_mul(-1)?.try_add(1)?)?.try_mul(&inner)?;
        g.try_mul(&scaled(&t.try_add(1)?.try_add(&bend)?, 0.5)?)
    };
    /// `x * tanh(log(1 + exp(x)))`, elementwise.
    try_mish() = UnaryOp::Mish, "mish", "MishBackward0", |x, g| {
        let t = x.try_softplus(1.0, 20.0)?.try_tanh()?;
        let bend = x.try_mul(&x.try_sigmoid()?)?.try_mul(&t.try_mul(&t)?.try_mul(-1)?.try_add(1)?)?;
        g.try_mul(&t.try_add(&bend)?)
    };
    /// `log(1 + exp(beta * x)) / beta`, elementwise; `x` itself where `beta * x > threshold`. PyTorch's defaults are 1 and 20.
    try_softplus(beta: f64, threshold: f64) = UnaryOp::Softplus { beta, threshold }, "softplus", "SoftplusBackward0", |x, g| {
        let z = scaled(&x, beta)?;
        g.try_where(&z.try_gt(threshold)?, &g.try_mul(&z.try_sigmoid()?)?)
    };
    /// `x` above 0, `alpha * (exp(x) - 1)` elsewhere, elementwise: the exponential linear unit. PyTorch's default of `alpha` is 1.
    try_elu(alpha: f64) = UnaryOp::Elu { alpha, scale: 1.0, input_scale: 1.0 }, "elu", "EluBackward0", |x, g| {
        // The exponential is infinite only where it is not taken; its gradient must not be, either.
        let below = x.try_clamp(None, 0.0)?.try_exp()?;
        g.try_where(&x.try_gt(0)?, &g.try_mul(&scaled(&below, alpha)?)?)
    };
    /// `x / (1 + |x|)`, elementwise.
    try_softsign() = UnaryOp::Softsign, "softsign", "DivBackward0", |x, g| {
        let d = x.try_abs()?.try_add(1)?;
        g.try_div(&d.try_mul(&d)?)
    };
    /// `min(max(x + 3, 0), 6) / 6`, elementwise: a piecewise linear sigmoid. Its derivative at -3 and 3 is 0.
    try_hardsigmoid() = UnaryOp::HardSigmoid, "hardsigmoid", "HardsigmoidBackward0", |x, g| {
        scaled(g, 1.0 / 6.0)?.try_masked_fill(&x.try_abs()?.try_ge(3)?, 0.0)
    };
    /// `x * min(max(x + 3, 0), 6) / 6`, elementwise.
    try_hardswish() = UnaryOp::HardSwish, "hardswish", "HardswishBackward0", |x, g| {
        let middle = g.try_mul(&x.try_div(3.0)?.try_add(0.5)?)?;
        let inside = g.try_where(&x.try_ge(3)?, &middle)?;
        inside.try_masked_fill(&x.try_le(-3)?, 0.0)
    };
    /// `x` above the threshold (and nan), `value` elsewhere, elementwise.
    try_threshold(threshold: f64, value: f64) = UnaryOp::Threshold { threshold, value }, "threshold", "ThresholdBackward0", |x, g| {
        g.try_masked_fill(&x.try_le(threshold)?, 0.0)
    };
}
