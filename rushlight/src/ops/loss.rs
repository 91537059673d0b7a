//! Losses of regression and of probabilities.

use super::{Shape, expect_float, expect_same_dtype, grad_if, operands, result_type, scaled};
use crate::autograd::Save;
use crate::backend::{BinaryOp, UnaryOp};
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};

/// The reduction of per-element losses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// No reduction.
    None,
    /// The mean (weighted, if there are class weights).
    #[default]
    Mean,
    /// The sum.
    Sum,
}

/// The options of losses with a reduction only: [`Tensor::mse_loss`], [`Tensor::l1_loss`]. A [`Reduction`] converts into them.
#[derive(Builder, Clone, Copy, Debug)]
pub struct LossOptions {
    /// The reduction of per-element losses (default: the mean).
    #[builder(default = Reduction::Mean)]
    pub(crate) reduction: Reduction,
}

impl From<Reduction> for LossOptions {
    fn from(reduction: Reduction) -> LossOptions {
        LossOptions { reduction }
    }
}

/// The options of [`Tensor::binary_cross_entropy`].
#[derive(Builder, Clone, Debug)]
pub struct BinaryCrossEntropyOptions {
    /// A weight per element, which broadcasts (default: none).
    pub(crate) weight: Option<Tensor>,
    /// The reduction of per-element losses (default: the mean).
    #[builder(default = Reduction::Mean)]
    pub(crate) reduction: Reduction,
}

/// The options of [`Tensor::binary_cross_entropy_with_logits`].
#[derive(Builder, Clone, Debug)]
pub struct BinaryCrossEntropyWithLogitsOptions {
    /// A weight per element, which broadcasts (default: none).
    pub(crate) weight: Option<Tensor>,
    /// The reduction of per-element losses (default: the mean).
    #[builder(default = Reduction::Mean)]
    pub(crate) reduction: Reduction,
    /// A weight of the positive class, which broadcasts (default: none).
    pub(crate) pos_weight: Option<Tensor>,
}

impl Reduction {
    pub(super) fn apply(self, losses: Tensor) -> Result<Tensor> {
        match self {
            Reduction::None => Ok(losses),
            Reduction::Mean => losses.try_mean(),
            Reduction::Sum => losses.try_sum(),
        }
    }

    /// The gradient of the per-element losses from the gradient of the reduced loss, 0-d or one per element.
    fn spread(self, g: &Tensor, count: usize) -> Result<Tensor> {
        if self == Reduction::Mean { g.try_div(count) } else { Ok(g.clone()) }
    }
}

/// A loss of the difference of two tensors: `op` computes it, `slope` its derivative from the difference
/// and the gradient.
fn of_difference<F>(
    [name, node]: [&'static str; 2],
    op: UnaryOp,
    [a, b]: [&Tensor; 2],
    reduction: Reduction,
    slope: F,
) -> Result<Tensor>
where
    F: Fn(&Tensor, &Tensor) -> Result<Tensor> + Copy + Send + Sync + 'static,
{
    let dtype = result_type(a, &b.into());
    if !dtype.is_float() {
        let message = format!("expected a floating-point input or target, got {} and {}", a.dtype(), b.dtype());
        return Err(Error::dtype(name, message));
    }
    super::same_device(name, a, b)?;
    let [a, b] = operands(a, b.into(), dtype)?;
    let [a, b] = [&*a, &*b];
    let losses = super::binary(name, BinaryOp::Sub, a, b)?;
    losses.backend().unary(op, None, &mut losses.write_fresh())?;
    let shape = Shape::of(&losses);
    let out = reduction.apply(losses)?;
    let count = shape.list().iter().product();
    let sizes = [Shape::of(a), Shape::of(b)];
    Ok(out.record(node, [a, b], [Save::Input(a), Save::Input(b)], move |[a, b], [of_a, of_b], g| {
        let grad = slope(&a.try_sub(&b)?, &reduction.spread(g, count)?)?;
        Ok([
            grad_if(of_a, || grad.sum_to(sizes[0].list()))?,
            grad_if(of_b, || grad.try_neg()?.sum_to(sizes[1].list()))?,
        ])
    }))
}

fn same_shape(name: &'static str, input: &Tensor, target: &Tensor) -> Result<()> {
    if input.shape() == target.shape() {
        return Ok(());
    }
    Err(Error::shape(
        name,
        format!("expected an input and a target of the same shape, got {:?} and {:?}", input.shape(), target.shape()),
    ))
}

/// The losses times the weight, which broadcasts to them; the dtype stays that of the losses.
fn weighted(name: &'static str, losses: Tensor, weight: Option<&Tensor>) -> Result<Tensor> {
    let Some(weight) = weight else { return Ok(losses) };
    expect_weight(name, "weight", weight, &losses)?;
    losses.try_mul(weight)?.try_to_dtype(losses.dtype())
}

fn expect_weight(name: &'static str, what: &str, weight: &Tensor, losses: &Tensor) -> Result<()> {
    if weight.detach().try_expand(losses.shape()).is_ok() {
        return Ok(());
    }
    let message = format!(
        "expected a {what} that broadcasts to the target's shape {:?}, got {:?}",
        losses.shape(),
        weight.shape()
    );
    Err(Error::shape(name, message))
}

/// Returns an error unless all elements are in [0, 1]; NaN is not.
fn expect_probabilities(name: &'static str, what: &str, x: &Tensor) -> Result<()> {
    let inside = x.try_ge(0)?.try_logical_and(&x.try_le(1)?)?;
    if inside.try_all()?.try_item_as::<bool>()? {
        return Ok(());
    }
    Err(Error::value(name, format!("expected {what} between 0 and 1, got an element outside")))
}

impl Tensor {
    /// Computes the squared error `(self - target)²` with broadcasting, in the promoted dtype, reduced.
    ///
    /// # Errors
    /// If the shapes do not broadcast, or neither tensor is floating-point.
    ///
    /// ```
    /// use rushlight::{Reduction, Tensor};
    /// let (x, target) = (Tensor::from([1.0f32, 2.0]), Tensor::from([0.0f32, 4.0]));
    /// assert_eq!(x.mse_loss(&target).item(), 2.5);
    /// assert_eq!(x.mse_loss_with(&target, Reduction::Sum).item(), 5.0);
    /// ```
    #[op(torch = "mse_loss(input, target, size_average=None, reduce=None, reduction='mean', weight=None)", with)]
    pub fn try_mse_loss_with(&self, target: &Tensor, options: impl Into<LossOptions>) -> Result<Tensor> {
        let LossOptions { reduction } = options.into();
        let names = ["mse_loss", "MseLossBackward0"];
        of_difference(names, UnaryOp::Square, [self, target], reduction, |difference, g| {
            difference.try_mul(&scaled(g, 2.0)?)
        })
    }

    /// Computes the absolute error `|self - target|` with broadcasting, in the promoted dtype, reduced. The derivative at 0 is 0.
    ///
    /// # Errors
    /// If the shapes do not broadcast, or neither tensor is floating-point.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let (x, target) = (Tensor::from([1.0f32, 2.0]), Tensor::from([0.0f32, 4.0]));
    /// assert_eq!(x.l1_loss(&target).item(), 1.5);
    /// ```
    #[op(torch = "l1_loss(input, target, size_average=None, reduce=None, reduction='mean', weight=None)", with)]
    pub fn try_l1_loss_with(&self, target: &Tensor, options: impl Into<LossOptions>) -> Result<Tensor> {
        let LossOptions { reduction } = options.into();
        let names = ["l1_loss", if reduction == Reduction::None { "AbsBackward0" } else { "MeanBackward0" }];
        of_difference(names, UnaryOp::Abs, [self, target], reduction, |difference, g| difference.try_sign()?.try_mul(g))
    }

    /// Computes the binary cross entropy of probabilities and targets in [0, 1], `-(t log x + (1 - t) log(1 - x))`, with logarithms
    /// clamped to at least -100, reduced.
    ///
    /// # Errors
    /// If the tensor and the target are not floating-point of one shape and dtype, an element of either is not in [0, 1], or the weight does
    /// not broadcast to their shape.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let (x, target) = (Tensor::from([0.5f32, 0.75]), Tensor::from([0.0f32, 1.0]));
    /// assert_eq!(x.binary_cross_entropy(&target).to_string(), "tensor(0.4904)");
    /// ```
    #[op(
        torch = "binary_cross_entropy(input, target, weight=None, size_average=None, reduce=None, reduction='mean')",
        with
    )]
    pub fn try_binary_cross_entropy_with(&self, target: &Tensor, options: BinaryCrossEntropyOptions) -> Result<Tensor> {
        let BinaryCrossEntropyOptions { weight, reduction } = options;
        let name = "binary_cross_entropy";
        expect_float(name, self)?;
        same_shape(name, self, target)?;
        expect_same_dtype(name, self, target)?;
        let x = self.detach();
        let t = target.detach();
        expect_probabilities(name, "probabilities", &x)?;
        expect_probabilities(name, "targets", &t)?;
        let log = |p: Tensor| p.try_log()?.try_clamp(-100.0, None);
        let rest = x.try_neg()?.try_log1p()?.try_clamp(-100.0, None)?;
        // (t - 1) log(1 - x) - t log x
        let losses = t.try_sub(1)?.try_mul(&rest)?.try_sub(&t.try_mul(&log(x.clone())?)?)?;
        let saves = [Save::Input(self), Save::Input(target)];
        let losses =
            losses.record("BinaryCrossEntropyBackward0", [self, target], saves, move |[x, t], [of_x, of_t], g| {
                let slope = || {
                    // PyTorch's bound is a float32 constant.
                    let least = f64::from(1e-12_f32);
                    let variance = x.try_mul(&x.try_scalar_sub(1.into())?)?.try_clamp(least, None)?;
                    g.try_mul(&x.try_sub(&t)?.try_div(&variance)?)
                };
                // The negated logit. Not clamped, unlike the loss: infinite where a probability is 0 or 1.
                let by_target = || x.try_div(&x.try_scalar_sub(1.into())?)?.try_log()?.try_neg()?.try_mul(g);
                Ok([grad_if(of_x, slope)?, grad_if(of_t, by_target)?])
            });
        reduction.apply(weighted(name, losses, weight.as_ref())?)
    }

    /// Computes the [`binary_cross_entropy`](Tensor::binary_cross_entropy) of the sigmoid of this tensor, accurate for large logits, in the
    /// dtype of the target.
    ///
    /// # Errors
    /// If the tensor and the target are not floating-point of one shape, or a weight does not broadcast to it.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let (x, target) = (Tensor::from([0.0f32, 100.0]), Tensor::from([1.0f32, 1.0]));
    /// assert_eq!(x.binary_cross_entropy_with_logits(&target).to_string(), "tensor(0.3466)");
    /// ```
    #[op(
        torch = "binary_cross_entropy_with_logits(input, target, weight=None, size_average=None, reduce=None, reduction='mean', pos_weight=None)",
        with
    )]
    pub fn try_binary_cross_entropy_with_logits_with(
        &self,
        target: &Tensor,
        options: BinaryCrossEntropyWithLogitsOptions,
    ) -> Result<Tensor> {
        let BinaryCrossEntropyWithLogitsOptions { weight, reduction, pos_weight } = options;
        let name = "binary_cross_entropy_with_logits";
        expect_float(name, self)?;
        expect_float(name, target)?;
        same_shape(name, self, target)?;
        super::same_device(name, self, target)?;
        if let Some(p) = &pos_weight {
            expect_weight(name, "pos_weight", p, target)?;
        }
        let losses = with_logits(self, target, pos_weight.as_ref())?;
        reduction.apply(weighted(name, losses, weight.as_ref())?)
    }
}

/// The loss of each logit, `(1 - t) x - (1 + (p - 1) t) log sigmoid(x)`, where `p` is 1 if absent. Its derivative is computed as a
/// whole, because those of the terms cancel where the logit fits the target.
fn with_logits(x: &Tensor, t: &Tensor, p: Option<&Tensor>) -> Result<Tensor> {
    let losses = {
        let (x, t) = (x.detach(), t.detach());
        let log_sigmoid = x.try_logsigmoid()?;
        let log_sigmoid = match p {
            Some(p) => log_sigmoid.try_mul(&p.detach().try_sub(1)?.try_mul(&t)?.try_add(1)?)?,
            None => log_sigmoid,
        };
        t.try_scalar_sub(1.into())?.try_mul(&x)?.try_sub(&log_sigmoid)?.try_to_dtype(t.dtype())?
    };
    let weighted = p.is_some();
    let saves = [Save::Input(x), Save::Input(t), p.map_or(Save::Nothing, Save::Input)];
    let inputs = [Some(x), Some(t), p];
    Ok(losses.record(
        "BinaryCrossEntropyWithLogitsBackward0",
        inputs,
        saves,
        move |[x, t, p], [of_x, of_t, of_p], g| {
            let by_x = || {
                let (sigmoid, positive) = (x.try_sigmoid()?, if weighted { p.try_mul(&t)? } else { t.clone() });
                let all = if weighted { sigmoid.try_mul(&positive.try_add(1)?.try_sub(&t)?)? } else { sigmoid };
                all.try_sub(&positive)?.try_mul(g)?.try_to_dtype(x.dtype())
            };
            let by_t = || {
                let negated = x.try_neg()?;
                let slope = match weighted {
                    true => negated.try_logsigmoid()?.try_sub(&p.try_mul(&x.try_logsigmoid()?)?)?,
                    false => negated,
                };
                slope.try_mul(g)?.try_to_dtype(t.dtype())
            };
            let by_p =
                || t.try_mul(&x.try_logsigmoid()?)?.try_mul(g)?.try_neg()?.try_to_dtype(p.dtype())?.sum_to(p.shape());
            Ok([grad_if(of_x, by_x)?, grad_if(of_t, by_t)?, grad_if(of_p, by_p)?])
        },
    ))
}
