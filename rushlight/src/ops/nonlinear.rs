//! Activations beside those of `activation.rs`: smooth relatives of relu, and piecewise linear approximations.

use super::activation::grad_of_input;
use super::{as_float, expect_float, expect_number, scaled, unary};
use crate::autograd::Save;
use crate::backend::{GradOp, UnaryOp};
use crate::tensor::{Scalar, wrap_dim};
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};

/// How [`Tensor::gelu`] is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Approximate {
    /// Exactly, by the error function.
    #[default]
    None,
    /// By `x / 2 * (1 + tanh(√(2/π) (x + 0.044715 x³)))`.
    Tanh,
}

/// The options of [`Tensor::gelu`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct GeluOptions {
    /// Whether the function is approximated (default [`Approximate::None`]).
    pub(crate) approximate: Approximate,
}

impl From<Approximate> for GeluOptions {
    fn from(approximate: Approximate) -> GeluOptions {
        GeluOptions { approximate }
    }
}

/// The options of [`Tensor::softplus`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct SoftplusOptions {
    /// How sharp the bend at 0 is (default 1).
    #[builder(default = 1.0)]
    pub(crate) beta: f64,
    /// Above it, `beta * x` is taken for the logarithm of `1 + exp(beta * x)` (default 20).
    #[builder(default = 20.0)]
    pub(crate) threshold: f64,
}

/// The options of [`Tensor::elu`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct EluOptions {
    /// The negative of the limit for large negative elements (default 1).
    #[builder(default = 1.0)]
    pub(crate) alpha: f64,
}

/// The options of [`Tensor::celu`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct CeluOptions {
    /// The negative of the limit for large negative elements (default 1).
    #[builder(default = 1.0)]
    pub(crate) alpha: f64,
}

/// The function `op` of floating-point elements `x`, whose derivative by `x` times a gradient is `derivative(gradient, x)`.
fn activation<F>(x: &Tensor, name: &'static str, op: UnaryOp, node: &'static str, derivative: F) -> Result<Tensor>
where
    F: Fn(&Tensor, &Tensor) -> Result<Tensor> + Send + Sync + 'static,
{
    expect_float(name, x)?;
    let out = unary(name, op, x)?;
    Ok(out.record(node, [x], [Save::Input(x)], move |[x], [_], g| Ok([Some(derivative(g, &x)?)])))
}

impl Tensor {
    /// Computes the sigmoid linear unit `x * sigmoid(x)`, elementwise, also called swish.
    ///
    /// # Errors
    /// If the tensor is not floating-point.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 1.0]).silu().to_string(), "tensor([0.0000, 0.7311])");
    /// ```
    #[op(torch = "silu(input, inplace=False)")]
    pub fn try_silu(&self) -> Result<Tensor> {
        activation(self, "silu", UnaryOp::Silu, "SiluBackward0", |g, x| grad_of_input("silu", GradOp::Silu, g, x))
    }

    /// Computes the Gaussian error linear unit, elementwise: `x * Φ(x)` with the distribution function of the standard normal distribution,
    /// or an [approximation](Approximate::Tanh) of it (Hendrycks and Gimpel, 2016).
    ///
    /// # Errors
    /// If the tensor is not floating-point.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::Approximate};
    /// let x = Tensor::from([1.0f64]);
    /// assert_eq!(format!("{:.4} {:.4}", x.gelu().item(), x.gelu_with(Approximate::Tanh).item()), "0.8413 0.8412");
    /// ```
    #[op(torch = "gelu(input, approximate='none')", with)]
    pub fn try_gelu_with(&self, options: impl Into<GeluOptions>) -> Result<Tensor> {
        match options.into().approximate {
            Approximate::None => {
                let derivative = |g: &Tensor, x: &Tensor| grad_of_input("gelu", GradOp::Gelu, g, x);
                activation(self, "gelu", UnaryOp::Gelu, "GeluBackward0", derivative)
            }
            Approximate::Tanh => activation(self, "gelu", UnaryOp::GeluTanh, "GeluBackward0", gelu_tanh_grad),
        }
    }

    /// Computes `x * tanh(log(1 + exp(x)))`, elementwise (Misra, 2019).
    ///
    /// # Errors
    /// If the tensor is not floating-point.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 1.0]).mish().to_string(), "tensor([0.0000, 0.8651])");
    /// ```
    #[op(torch = "mish(input, inplace=False)")]
    pub fn try_mish(&self) -> Result<Tensor> {
        activation(self, "mish", UnaryOp::Mish, "MishBackward0", |g, x| {
            let t = x.try_softplus()?.try_tanh()?;
            let bend = x.try_mul(&x.try_sigmoid()?)?.try_mul(&t.try_mul(&t)?.try_mul(-1)?.try_add(1)?)?;
            g.try_mul(&t.try_add(&bend)?)
        })
    }

    /// Computes `log(1 + exp(beta * x)) / beta`, elementwise; `x` itself where `beta * x > threshold`.
    ///
    /// # Errors
    /// If the tensor is not floating-point.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::SoftplusOptions};
    /// let x = Tensor::from([0.0f32, 30.0]);
    /// assert_eq!(x.softplus_with(SoftplusOptions::new().beta(2.0)).to_string(), "tensor([ 0.3466, 30.0000])");
    /// ```
    #[op(torch = "softplus(input, beta=1, threshold=20)", with)]
    pub fn try_softplus_with(&self, options: SoftplusOptions) -> Result<Tensor> {
        let SoftplusOptions { beta, threshold } = options;
        activation(self, "softplus", UnaryOp::Softplus { beta, threshold }, "SoftplusBackward0", move |g, x| {
            let z = scaled(x, beta)?;
            // At the threshold the slope is the smooth part's, and its derivative the linear part's, as in PyTorch.
            let smooth = z.try_where_cond(&z.try_lt(threshold)?, z.detach())?;
            g.try_where_cond(&z.try_gt(threshold)?, &g.try_mul(&smooth.try_sigmoid()?)?)
        })
    }

    /// Computes the exponential linear unit, elementwise: `x` above 0, `alpha * (exp(x) - 1)` elsewhere (Clevert et al., 2015).
    ///
    /// # Errors
    /// If the tensor is not floating-point.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::EluOptions};
    /// let y = Tensor::from([-1.0f32, 2.0]).elu_with(EluOptions::new().alpha(0.5));
    /// assert_eq!(y.to_string(), "tensor([-0.3161,  2.0000])");
    /// ```
    #[op(torch = "elu(input, alpha=1.0, inplace=False)", with)]
    pub fn try_elu_with(&self, options: EluOptions) -> Result<Tensor> {
        elu(self, ["elu", "EluBackward0"], options.alpha, 1.0, 1.0)
    }

    /// Computes the scaled exponential linear unit, elementwise: `scale * x` above 0, `scale * alpha * (exp(x) - 1)` elsewhere, with
    /// constants that keep the mean and variance of the elements from layer to layer at 0 and 1 (Klambauer et al., 2017).
    ///
    /// # Errors
    /// If the tensor is not floating-point.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([-1.0f32, 2.0]).selu().to_string(), "tensor([-1.1113,  2.1014])");
    /// ```
    #[op(torch = "selu(input, inplace=False)")]
    pub fn try_selu(&self) -> Result<Tensor> {
        elu(self, ["selu", "EluBackward0"], 1.6732632423543772, 1.0507009873554805, 1.0)
    }

    /// Computes the continuously differentiable exponential linear unit, elementwise: `x` above 0, `alpha * (exp(x / alpha) - 1)`
    /// elsewhere, by default with `alpha` 1 (Barron, 2017).
    ///
    /// # Errors
    /// If the tensor is not floating-point, or `alpha` is 0.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::CeluOptions};
    /// let y = Tensor::from([-1.0f32, 2.0]).celu_with(CeluOptions::new().alpha(0.5));
    /// assert_eq!(y.to_string(), "tensor([-0.4323,  2.0000])");
    /// ```
    #[op(torch = "celu(input, alpha=1.0, inplace=False)", with)]
    pub fn try_celu_with(&self, options: CeluOptions) -> Result<Tensor> {
        let alpha = options.alpha;
        if alpha == 0.0 {
            return Err(Error::value("celu", "expected alpha other than 0, by which the input is divided"));
        }
        elu(self, ["celu", "CeluBackward0"], alpha, 1.0, 1.0 / alpha)
    }

    /// Computes the gated linear unit `a * sigmoid(b)` of the two halves `a` and `b` of the input along the last dimension
    /// (Dauphin et al., 2017).
    ///
    /// # Errors
    /// If the tensor is not floating-point or 0-d, or the size of the dimension is odd.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([3.0f32, 4.0, 0.0, 0.0]).glu().to_vec::<f32>(), [1.5, 2.0]);
    /// ```
    #[op(torch = "glu(input, dim=-1)")]
    pub fn try_glu(&self) -> Result<Tensor> {
        self.try_glu_dim(-1)
    }

    /// [`glu`](Tensor::glu) along `dim`.
    ///
    /// # Errors
    /// As [`try_glu`](Tensor::try_glu), or if the dimension is out of range.
    #[op(torch = "glu(input, dim=-1)")]
    pub fn try_glu_dim(&self, dim: isize) -> Result<Tensor> {
        expect_float("glu", self)?;
        let dim = wrap_dim("glu", dim, self.dim())? as isize;
        if self.dim() == 0 || !self.size(dim).is_multiple_of(2) {
            return Err(Error::shape(
                "glu",
                format!("expected an even size of dimension {dim}, got shape {:?}", self.shape()),
            ));
        }
        let halves = move |x: &Tensor| -> Result<[Tensor; 2]> {
            let half = x.size(dim) / 2;
            Ok([x.try_narrow(dim, 0, half)?, x.try_narrow(dim, half as isize, half)?])
        };
        let [a, b] = halves(&self.detach())?;
        let out = a.try_mul(&b.try_sigmoid()?)?;
        Ok(out.record("GluBackward0", [self], [Save::Input(self)], move |[x], [_], g| {
            let [a, b] = halves(&x)?;
            let gate = b.try_sigmoid()?;
            let open = g.try_mul(&gate)?;
            let by_b = open.try_mul(&a)?.try_mul(&gate.try_mul(-1)?.try_add(1)?)?;
            Ok([Some(Tensor::try_cat_dim([&open, &by_b], dim)?)])
        }))
    }

    /// Computes `x / (1 + |x|)`, elementwise. Integers are converted to the default dtype.
    ///
    /// # Errors
    /// If the tensor is bool.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([-1.0f32, 3.0]).softsign().to_vec::<f32>(), [-0.5, 0.75]);
    /// ```
    #[op(torch = "softsign(input)")]
    pub fn try_softsign(&self) -> Result<Tensor> {
        expect_number("softsign", self.dtype())?;
        let x = as_float(self)?;
        activation(&x, "softsign", UnaryOp::Softsign, "DivBackward0", |g, x| {
            let d = x.try_abs()?.try_add(1)?;
            g.try_div(&d.try_mul(&d)?)
        })
    }

    /// Computes a piecewise linear sigmoid `min(max(x + 3, 0), 6) / 6`, elementwise. Its derivative at -3 and 3 is 0.
    ///
    /// # Errors
    /// If the tensor is not floating-point.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([-4.0f32, 0.0, 4.0]).hardsigmoid().to_vec::<f32>(), [0.0, 0.5, 1.0]);
    /// ```
    #[op(torch = "hardsigmoid(input, inplace=False)")]
    pub fn try_hardsigmoid(&self) -> Result<Tensor> {
        activation(self, "hardsigmoid", UnaryOp::HardSigmoid, "HardsigmoidBackward0", |g, x| {
            scaled(g, 1.0 / 6.0)?.try_masked_fill(&x.try_abs()?.try_ge(3)?, 0.0)
        })
    }

    /// Computes `x * min(max(x + 3, 0), 6) / 6`, elementwise (Howard et al., 2019). Its derivative at -3 is 0, at 3 it is 1.
    ///
    /// # Errors
    /// If the tensor is not floating-point.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 4.0]).hardswish().to_string(), "tensor([0.6667, 4.0000])");
    /// ```
    #[op(torch = "hardswish(input, inplace=False)")]
    pub fn try_hardswish(&self) -> Result<Tensor> {
        activation(self, "hardswish", UnaryOp::HardSwish, "HardswishBackward0", |g, x| {
            let middle = g.try_mul(&x.try_div(3.0)?.try_add(0.5)?)?;
            let inside = g.try_where_cond(&x.try_ge(3)?, &middle)?;
            inside.try_masked_fill(&x.try_le(-3)?, 0.0)
        })
    }

    /// Keeps each element `x` above the threshold (and nan), and replaces the others by `value`. For integers both numbers are truncated
    /// to integers.
    ///
    /// # Errors
    /// If the tensor is bool, or its dtype cannot represent one of the numbers.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.5f32, 2.0]).threshold(1.0, -7.0).to_vec::<f32>(), [-7.0, 2.0]);
    /// ```
    #[op(torch = "threshold(input, threshold, value, inplace=False)")]
    pub fn try_threshold(&self, threshold: impl Into<Scalar>, value: impl Into<Scalar>) -> Result<Tensor> {
        let (threshold, value) = (threshold.into(), value.into());
        expect_number("threshold", self.dtype())?;
        threshold.expect_in("threshold", self.dtype())?;
        value.expect_in("threshold", self.dtype())?;
        if !self.dtype().is_float() {
            return self.try_masked_fill(&self.try_le(threshold.to_i64())?, value.to_i64());
        }
        let (threshold, value) = (threshold.to_f64(), value.to_f64());
        let op = UnaryOp::Threshold { threshold, value };
        activation(self, "threshold", op, "ThresholdBackward0", move |g, x| {
            g.try_masked_fill(&x.try_le(threshold)?, 0.0)
        })
    }
}

/// `scale * x` above 0, `scale * alpha * (exp(input_scale * x) - 1)` elsewhere.
fn elu(x: &Tensor, [name, node]: [&'static str; 2], alpha: f64, scale: f64, input_scale: f64) -> Result<Tensor> {
    activation(x, name, UnaryOp::Elu { alpha, scale, input_scale }, node, move |g, x| {
        // The exponential is infinite only where it is not taken; its gradient must not be, either.
        let times = |x: &Tensor, by: f64| if by == 1.0 { Ok(x.clone()) } else { scaled(x, by) };
        let below = times(&x.try_clamp(None, 0.0)?, input_scale)?.try_exp()?;
        let slope = times(&below, scale * alpha * input_scale)?;
        times(g, scale)?.try_where_cond(&x.try_gt(0)?, &g.try_mul(&slope)?)
    })
}

/// `g` times the derivative of [`Approximate::Tanh`] at `x`.
fn gelu_tanh_grad(g: &Tensor, x: &Tensor) -> Result<Tensor> {
    let (root, square) = ((2.0 / std::f64::consts::PI).sqrt(), x.try_mul(x)?);
    let t = scaled(&x.try_mul(&scaled(&square, 0.044715)?.try_add(1)?)?, root)?.try_tanh()?;
    let inner = scaled(&scaled(&square, 3.0 * 0.044715)?.try_add(1)?, root)?;
    // (1 + t) / 2 + x / 2 * (1 - t²) * inner'
    let bend = x.try_mul(&t.try_mul(&t)?.try_mul(-1)?.try_add(1)?)?.try_mul(&inner)?;
    g.try_mul(&scaled(&t.try_add(1)?.try_add(&bend)?, 0.5)?)
}
