//! Activation functions, except softmax.

use super::{as_float, composed, unary};
use crate::autograd::{Save, is_grad_enabled};
use crate::backend::{Activation, BinaryOp, GradOp, UnaryOp};
use crate::tensor::Scalar;
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};

/// Computes `op(grad, y)`, a derivative in one pass over memory, itself differentiable by `derivative`.
///
/// The result overwrites `grad` if this is the only handle to it and nothing is recorded, as for most gradients that the engine
/// propagates; derivatives must not use `grad` afterwards.
fn fused<F>(name: &'static str, op: GradOp, grad: &Tensor, y: &Tensor, derivative: F) -> Result<Tensor>
where
    F: Fn([Tensor; 2], [bool; 2], &Tensor) -> Result<[Option<Tensor>; 2]> + Copy + Send + Sync + 'static,
{
    let layout = grad.layout();
    if !is_grad_enabled() && grad.is_unshared() && layout.is_contiguous() && layout.same_dims(y.layout()) {
        let done = grad.backend().gradient(op, None, &y.read(name)?, &mut grad.write(name)?);
        return match done {
            Some(done) => done.map(|()| grad.clone()),
            None => composed::gradient(op, grad, y),
        };
    }
    let out = gradient(name, op, grad, y)?;
    Ok(out.record_binary(name, [grad, y], [Save::Input(grad), Save::Input(y)], derivative))
}

/// `op(grad, y)`, not recorded.
fn gradient(name: &'static str, op: GradOp, grad: &Tensor, y: &Tensor) -> Result<Tensor> {
    let out = grad.fresh_like(super::broadcast_layout(name, grad, y)?, grad.dtype())?;
    let done = grad.backend().gradient(op, Some(&grad.read(name)?), &y.read(name)?, &mut out.write_fresh());
    match done {
        Some(done) => done.map(|()| out),
        None => composed::gradient(op, grad, y),
    }
}

/// The derivative computed from the input, in one pass over memory unless it is recorded.
pub(super) fn grad_of_input(name: &'static str, op: GradOp, g: &Tensor, x: &Tensor) -> Result<Tensor> {
    if is_grad_enabled() { composed::differentiable_gradient(op, g, x) } else { gradient(name, op, g, x) }
}

/// The options of [`Tensor::leaky_relu`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct LeakyReluOptions {
    /// The slope of the function for negative elements (default 0.01).
    #[builder(default = 0.01)]
    pub(crate) negative_slope: f64,
}

/// The options of [`Tensor::hardtanh`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct HardtanhOptions {
    /// The lower bound (default -1).
    #[builder(default = -1.0)]
    pub(crate) min_val: f64,
    /// The upper bound (default 1).
    #[builder(default = 1.0)]
    pub(crate) max_val: f64,
}

impl Tensor {
    /// Computes the rectified linear unit `max(x, 0)`, elementwise. The derivative at 0 is 0; NaN is propagated.
    ///
    /// # Errors
    /// If the tensor is bool.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([-1.0f32, 2.0]).relu().to_vec::<f32>(), [0.0, 2.0]);
    /// ```
    #[op(torch = "relu(input, inplace=False)")]
    pub fn try_relu(&self) -> Result<Tensor> {
        let out = unary("relu", UnaryOp::Relu, self)?;
        Ok(out.record("ReluBackward0", [self], [Save::Output], |[y], [_], g| Ok([Some(relu_grad(g, &y)?)])))
    }

    /// Computes `max(self + other, 0)`, elementwise with broadcasting: the end of a residual block in one pass over memory.
    ///
    /// # Errors
    /// If the shapes do not broadcast, or the tensors are not floating-point of one dtype.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let (x, shortcut) = (Tensor::from([1.0f32, -3.0]), Tensor::from([1.0f32, 1.0]));
    /// assert_eq!(x.add_relu(&shortcut).to_vec::<f32>(), [2.0, 0.0]);
    /// ```
    #[op(torch = "-")]
    pub fn try_add_relu(&self, other: &Tensor) -> Result<Tensor> {
        super::expect_float("add_relu", self)?;
        super::expect_same_dtype("add_relu", self, other)?;
        let out = super::binary("add_relu", BinaryOp::AddRelu, self, other)?;
        Ok(out.record_binary("ReluBackward0", [self, other], [Save::Output], |[y], [of_a, of_b], g| {
            let grad = relu_grad(g, &y)?;
            Ok([of_a.then(|| grad.clone()), of_b.then_some(grad)])
        }))
    }

    /// Computes `max(x, 0) + negative_slope * min(x, 0)`, elementwise, with a `negative_slope` of 0.01 by default. The derivative at
    /// 0 is `negative_slope`.
    ///
    /// # Errors
    /// If the tensor is not floating-point.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::LeakyReluOptions};
    /// let x = Tensor::from([-1.0f32, 2.0]);
    /// assert_eq!(x.leaky_relu_with(LeakyReluOptions::new().negative_slope(0.5)).to_vec::<f32>(), [-0.5, 2.0]);
    /// ```
    #[op(torch = "leaky_relu(input, negative_slope=0.01, inplace=False)", with)]
    pub fn try_leaky_relu_with(&self, options: LeakyReluOptions) -> Result<Tensor> {
        super::expect_float("leaky_relu", self)?;
        leaky_relu("leaky_relu", "LeakyReluBackward0", self, options.negative_slope)
    }

    /// [`leaky_relu`](Tensor::leaky_relu) in-place.
    ///
    /// # Errors
    /// If the tensor is not floating-point, or cannot be changed in-place, see [`add_`](Tensor::add_).
    #[op(torch = "leaky_relu_(input, negative_slope=0.01)", with)]
    pub fn try_leaky_relu_with_(&self, options: LeakyReluOptions) -> Result<Tensor> {
        let op = UnaryOp::LeakyRelu(options.negative_slope);
        self.function_in_place("leaky_relu_", op, |x| x.try_leaky_relu_with(options))
    }

    /// Computes the logistic function `1 / (1 + exp(-x))`, elementwise. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 2.0]).sigmoid().to_string(), "tensor([0.5000, 0.8808])");
    /// ```
    #[op(torch = "sigmoid(input, *, out=None)")]
    pub fn try_sigmoid(&self) -> Result<Tensor> {
        let x = as_float(self)?;
        let out = unary("sigmoid", UnaryOp::Sigmoid, &x)?;
        Ok(out.record("SigmoidBackward0", [&*x], [Save::Output], |[y], [_], g| Ok([Some(sigmoid_grad(g, &y)?)])))
    }

    /// Computes the hyperbolic tangent, elementwise. Integers and bool give float32.
    ///
    /// # Errors
    /// If the result does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 2.0]).tanh().to_string(), "tensor([0.0000, 0.9640])");
    /// ```
    #[op(torch = "tanh(input, *, out=None)")]
    pub fn try_tanh(&self) -> Result<Tensor> {
        let x = as_float(self)?;
        let out = unary("tanh", UnaryOp::Tanh, &x)?;
        Ok(out.record("TanhBackward0", [&*x], [Save::Output], |[y], [_], g| Ok([Some(tanh_grad(g, &y)?)])))
    }

    /// Computes `min(max(x, 0), 6)`, elementwise. The derivative at 0 and 6 is 0.
    ///
    /// # Errors
    /// If the tensor is bool.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([-1.0f32, 3.0, 8.0]).relu6().to_vec::<f32>(), [0.0, 3.0, 6.0]);
    /// ```
    #[op(torch = "relu6(input, inplace=False)")]
    pub fn try_relu6(&self) -> Result<Tensor> {
        hardtanh("relu6", self, 0.0, 6.0)
    }

    /// Computes `min(max(x, min_val), max_val)`, elementwise, by default with -1 and 1: a piecewise linear hyperbolic tangent. The
    /// derivative at the bounds is 0.
    ///
    /// # Errors
    /// If `min_val` is greater than `max_val`, or the tensor is bool.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::HardtanhOptions};
    /// let x = Tensor::from([-2.0f32, 0.5]);
    /// assert_eq!(x.hardtanh().to_vec::<f32>(), [-1.0, 0.5]);
    /// assert_eq!(x.hardtanh_with(HardtanhOptions::new().min_val(0.0)).to_vec::<f32>(), [0.0, 0.5]);
    /// ```
    #[op(torch = "hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False)", with)]
    pub fn try_hardtanh_with(&self, options: HardtanhOptions) -> Result<Tensor> {
        hardtanh("hardtanh", self, options.min_val, options.max_val)
    }

    /// [`hardtanh`](Tensor::hardtanh) in-place.
    ///
    /// # Errors
    /// As [`try_hardtanh`](Tensor::try_hardtanh), or if the tensor cannot be changed in-place, see [`add_`](Tensor::add_).
    #[op(torch = "hardtanh_(input, min_val=-1.0, max_val=1.0)", with)]
    pub fn try_hardtanh_with_(&self, options: HardtanhOptions) -> Result<Tensor> {
        let op = hardtanh_op("hardtanh_", self, options.min_val, options.max_val)?;
        self.function_in_place("hardtanh_", op, |x| x.try_hardtanh_with(options))
    }

    /// Computes `log(sigmoid(x))`, elementwise, accurate for large negative `x`.
    ///
    /// # Errors
    /// If the tensor is not floating-point.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, -100.0]).logsigmoid().to_string(), "tensor([  -0.6931, -100.0000])");
    /// ```
    #[op(torch = "logsigmoid(input)")]
    pub fn try_logsigmoid(&self) -> Result<Tensor> {
        super::expect_float("logsigmoid", self)?;
        let out = unary("logsigmoid", UnaryOp::LogSigmoid, self)?;
        Ok(out.record("LogSigmoidBackward0", [self], [Save::Input(self)], |[x], [_], g| {
            Ok([Some(g.try_mul(&x.try_neg()?.try_sigmoid()?)?)])
        }))
    }
}

fn hardtanh_op(name: &'static str, x: &Tensor, min: f64, max: f64) -> Result<UnaryOp> {
    if min > max {
        return Err(Error::value(name, format!("expected min_val <= max_val, got {min} and {max}")));
    }
    super::expect_number(name, x.dtype())?;
    if x.dtype().is_float() {
        return Ok(UnaryOp::Clamp { min, max });
    }
    let [min, max] = [min, max].map(|bound| Scalar::F64(bound).to_i64());
    Ok(UnaryOp::ClampInt { min, max })
}

fn hardtanh(name: &'static str, x: &Tensor, min: f64, max: f64) -> Result<Tensor> {
    let out = unary(name, hardtanh_op(name, x, min, max)?, x)?;
    Ok(out.record("HardtanhBackward0", [x], [Save::Input(x)], move |[x], [_], g| {
        Ok([Some(clamp_grad(g, &x, min, max)?)])
    }))
}

/// `g` where `y > 0`, else 0.
pub(crate) fn relu_grad(g: &Tensor, y: &Tensor) -> Result<Tensor> {
    fused("ThresholdBackwardBackward0", GradOp::Relu, g, y, |[_, y], [of_g, of_y], gg| {
        Ok([super::grad_if(of_g, || relu_grad(gg, &y))?, super::grad_if(of_y, || y.try_zeros_like())?])
    })
}

/// `g` where `min < x < max`, else 0; `x` may be the input or the output.
pub(super) fn clamp_grad(g: &Tensor, x: &Tensor, min: f64, max: f64) -> Result<Tensor> {
    let op = GradOp::Clamp { min, max };
    fused("HardtanhBackwardBackward0", op, g, x, move |[_, x], [of_g, of_x], gg| {
        Ok([super::grad_if(of_g, || clamp_grad(gg, &x, min, max))?, super::grad_if(of_x, || x.try_zeros_like())?])
    })
}

/// The gradient of an activation's input, from the gradient of its output and its input or output.
pub(super) fn activation_grad(activation: Activation, g: &Tensor, y: &Tensor) -> Result<Tensor> {
    match activation {
        Activation::None => Ok(g.clone()),
        Activation::Relu => relu_grad(g, y),
        Activation::Relu6 => clamp_grad(g, y, 0.0, 6.0),
    }
}

/// PyTorch's name for the node of an activation fused with the preceding operation.
pub(super) fn activation_node(activation: Activation, before: &'static str) -> &'static str {
    match activation {
        Activation::None => before,
        Activation::Relu => "ReluBackward0",
        Activation::Relu6 => "HardtanhBackward0",
    }
}

pub(super) fn leaky_relu(name: &'static str, node: &'static str, x: &Tensor, slope: f64) -> Result<Tensor> {
    let out = unary(name, UnaryOp::LeakyRelu(slope), x)?;
    Ok(out.record(node, [x], [Save::Input(x)], move |[x], [_], g| Ok([Some(leaky_relu_grad(g, &x, slope)?)])))
}

/// `g` where `x > 0`, else `slope * g`.
fn leaky_relu_grad(g: &Tensor, x: &Tensor, slope: f64) -> Result<Tensor> {
    fused("LeakyReluBackwardBackward0", GradOp::LeakyRelu(slope), g, x, move |[_, x], [of_g, of_x], gg| {
        Ok([super::grad_if(of_g, || leaky_relu_grad(gg, &x, slope))?, super::grad_if(of_x, || x.try_zeros_like())?])
    })
}

/// `g * y * (1 - y)`.
fn sigmoid_grad(g: &Tensor, y: &Tensor) -> Result<Tensor> {
    fused("SigmoidBackwardBackward0", GradOp::Sigmoid, g, y, |[g, y], [of_g, of_y], gg| {
        // d/dy (y - y²) = 1 - 2y
        let by_y = || gg.try_mul(&g)?.try_mul(&y.try_mul(-2)?.try_add(1)?);
        let of_y = super::grad_if(of_y, by_y)?;
        Ok([super::grad_if(of_g, || sigmoid_grad(gg, &y))?, of_y])
    })
}

/// `g * (1 - y²)`.
fn tanh_grad(g: &Tensor, y: &Tensor) -> Result<Tensor> {
    fused("TanhBackwardBackward0", GradOp::Tanh, g, y, |[g, y], [of_g, of_y], gg| {
        let by_y = || gg.try_mul(&g)?.try_mul(&y.try_mul(-2)?);
        let of_y = super::grad_if(of_y, by_y)?;
        Ok([super::grad_if(of_g, || tanh_grad(gg, &y))?, of_y])
    })
}
