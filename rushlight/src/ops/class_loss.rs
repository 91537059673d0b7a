//! Losses of classification: the likelihood of classes.

use super::loss::Reduction;
use super::{Shape, composed, expect_float, expect_same_dtype, scaled};
use crate::autograd::{Save, is_grad_enabled};
use crate::backend::ClassLoss;
use crate::tensor::{DType, Layout, keepdim};
use crate::{Error, Result, Tensor, TensorOptions};
use rushlight_macros::{Builder, op};

/// The options of [`Tensor::nll_loss`].
#[derive(Builder, Clone, Debug)]
pub struct NllLossOptions {
    /// A weight per class, `[C]` (default: none).
    pub(crate) weight: Option<Tensor>,
    /// The target class of ignored rows (default -100).
    #[builder(default = -100)]
    pub(crate) ignore_index: i64,
    /// The reduction of the losses of the rows (default: the mean).
    #[builder(default = Reduction::Mean)]
    pub(crate) reduction: Reduction,
}

/// The options of [`Tensor::cross_entropy`].
///
/// ```
/// use rushlight::{Tensor, ops::CrossEntropyOptions};
/// let options = CrossEntropyOptions::new().weight(Tensor::from([1.0f32, 2.0])).label_smoothing(0.1);
/// # let _ = options;
/// ```
#[derive(Builder, Clone, Debug)]
pub struct CrossEntropyOptions {
    /// A weight per class, `[C]` (default: none).
    pub(crate) weight: Option<Tensor>,
    /// The target class of ignored rows (default -100).
    #[builder(default = -100)]
    pub(crate) ignore_index: i64,
    /// The reduction of the losses of the rows (default: the mean).
    #[builder(default = Reduction::Mean)]
    pub(crate) reduction: Reduction,
    /// The label smoothing in [0, 1]: the fraction of the target distributed evenly over all classes (default 0).
    #[builder(default = 0.0)]
    pub(crate) label_smoothing: f64,
}

impl Tensor {
    /// Computes the negative log likelihood `-weight[t] * self[t]` of each row of log-probabilities and its class `t`, reduced. The input is
    /// `[N, C]`, `[C]` or `[N, C, d1, …]` (NLLLoss2d and beyond), the target int64 or uint8 without the class dimension. The mean is
    /// weighted, and NaN if the weights of all rows are 0; rows with class `ignore_index` are ignored.
    ///
    /// # Errors
    /// If the input is not floating-point, the target is not int64 or uint8 of the input's shape without the class dimension, the weight is
    /// not `[C]` of the input's dtype or requires a gradient, or a class is neither in `0..C` nor `ignore_index`.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let log_probabilities = Tensor::from([[0.25f32, 0.75], [0.5, 0.5]]).log();
    /// assert_eq!(log_probabilities.nll_loss(&Tensor::from([1, 0])).to_string(), "tensor(0.4904)");
    /// ```
    #[op(
        torch = "nll_loss(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction='mean')",
        with
    )]
    pub fn try_nll_loss_with(&self, target: &Tensor, options: NllLossOptions) -> Result<Tensor> {
        let NllLossOptions { weight, ignore_index, reduction } = options;
        let classes = Classes::new("nll_loss", self, target, weight.as_ref(), ignore_index, 0.0)?;
        classes.nll(self, reduction)
    }

    /// Computes the cross entropy of logits: [`nll_loss`](Tensor::nll_loss) of [`log_softmax`](Tensor::log_softmax) in one pass.
    /// The input is `[N, C]`, `[C]` or `[N, C, d1, …]`; the target int64 or uint8 without the class dimension, or probabilities
    /// of the input's shape. `label_smoothing` distributes that fraction of the target evenly over all classes.
    ///
    /// # Errors
    /// If the input is not floating-point, the target is neither int64 or uint8 of the input's shape without the class dimension nor
    /// floating-point of the input's shape, the weight is not `[C]`, a class is neither in `0..C` nor `ignore_index`, or `label_smoothing` is
    /// not in [0, 1]. With class indices: if the weight is not of the input's dtype, or requires a gradient. With probabilities: if
    /// `ignore_index` is not negative.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::CrossEntropyOptions};
    /// let (logits, target) = (Tensor::from([[2.0f32, 0.0], [0.0, 2.0]]), Tensor::from([0, 1]));
    /// assert_eq!(logits.cross_entropy(&target).to_string(), "tensor(0.1269)");
    /// let loss = logits.cross_entropy_with(&target, CrossEntropyOptions::new().label_smoothing(0.1));
    /// assert_eq!(loss.to_string(), "tensor(0.2269)");
    /// ```
    #[op(
        torch = "cross_entropy(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction='mean', label_smoothing=0.0)",
        with
    )]
    pub fn try_cross_entropy_with(&self, target: &Tensor, options: CrossEntropyOptions) -> Result<Tensor> {
        let CrossEntropyOptions { weight, ignore_index, reduction, label_smoothing } = options;
        let weight = weight.as_ref();
        let name = "cross_entropy";
        if !(0.0..=1.0).contains(&label_smoothing) {
            return Err(Error::value(name, format!("expected label_smoothing between 0 and 1, got {label_smoothing}")));
        }
        if target.dtype().is_float() && target.shape() == self.shape() {
            if ignore_index >= 0 {
                let message =
                    format!("expected class indices as the target for ignore_index {ignore_index}, got probabilities");
                return Err(Error::value(name, message));
            }
            return self.soft_cross_entropy(target, weight, reduction, label_smoothing);
        }
        Classes::new(name, self, target, weight, ignore_index, label_smoothing)?.cross_entropy(self, reduction)
    }

    /// The cross entropy with probabilities as `target`.
    fn soft_cross_entropy(
        &self,
        target: &Tensor,
        weight: Option<&Tensor>,
        reduction: Reduction,
        label_smoothing: f64,
    ) -> Result<Tensor> {
        expect_float("cross_entropy", self)?;
        if self.dim() == 0 {
            return Err(Error::shape("cross_entropy", "expected an input with a class dimension, got a 0-d tensor"));
        }
        let dim = if self.dim() == 1 { 0 } else { 1 };
        let classes = self.shape()[dim];
        if let Some(weight) = weight {
            expect_class_weight("cross_entropy", weight, classes)?;
        }
        let mut target = target.clone();
        if label_smoothing > 0.0 {
            target = scaled(&target, 1.0 - label_smoothing)?.try_add(label_smoothing / classes as f64)?;
        }
        let mut losses = self.try_log_softmax(dim as isize)?.try_mul(&target)?;
        if let Some(weight) = weight {
            let mut along = vec![1; self.dim()];
            along[dim] = classes;
            losses = losses.try_mul(&weight.try_reshape(along)?)?;
        }
        let losses = losses.try_sum_dim(dim)?.try_neg()?;
        match reduction {
            // The mean over rows, not over elements; PyTorch does not weight it here.
            Reduction::Mean => losses.try_sum()?.try_div(self.numel().checked_div(classes).unwrap_or(0)),
            other => other.apply(losses),
        }
    }
}

fn expect_class_weight(name: &'static str, weight: &Tensor, classes: usize) -> Result<()> {
    if weight.shape() == [classes] {
        return Ok(());
    }
    let message =
        format!("expected the weight to have shape [{classes}] for {classes} classes, got {:?}", weight.shape());
    Err(Error::shape(name, message))
}

/// A checked loss of rows of classes with class indices as targets.
struct Classes {
    name: &'static str,
    target: Tensor,
    weight: Option<Tensor>,
    sizes: ClassLoss,
    /// The shape of the rows.
    rows: Shape,
}

impl Classes {
    fn new(
        name: &'static str,
        x: &Tensor,
        target: &Tensor,
        weight: Option<&Tensor>,
        ignore_index: i64,
        label_smoothing: f64,
    ) -> Result<Classes> {
        expect_float(name, x)?;
        super::same_device(name, x, target)?;
        let target = match target.dtype() {
            DType::I64 => target.try_contiguous()?,
            DType::U8 => target.try_to_dtype(DType::I64)?.try_contiguous()?,
            other => return Err(Error::dtype(name, format!("expected int64 or uint8 class targets, got {other}"))),
        };
        let dim = if x.dim() == 1 { 0 } else { 1 };
        let mut rows = x.shape().to_vec();
        if x.dim() == 0 || {
            rows.remove(dim);
            rows != target.shape()
        } {
            return Err(Error::shape(
                name,
                format!(
                    "expected a target with the shape of the input {:?} without the class dimension, got {:?}",
                    x.shape(),
                    target.shape()
                ),
            ));
        }
        let classes = x.shape()[dim];
        if let Some(weight) = weight {
            expect_same_dtype(name, x, weight)?;
            expect_class_weight(name, weight, classes)?;
            if weight.requires_grad() && is_grad_enabled() {
                let message =
                    "expected a weight that does not require a gradient, which is not computed for class indices";
                return Err(Error::autograd(name, message));
            }
        }
        let inner = x.shape()[dim + 1..].iter().product();
        let outer = x.shape()[..dim].iter().product();
        let sizes = ClassLoss { outer, classes, inner, weight: None, ignore_index, label_smoothing };
        let weight = weight.map(|weight| weight.detach().try_contiguous()).transpose()?;
        let rows = Shape::of(&target);
        Ok(Classes { name, target, weight, sizes, rows })
    }

    /// The reduced loss from the per-row losses of the backend, and the factor of the loss of each row.
    fn reduce(&self, losses: Tensor, total: f64, reduction: Reduction) -> Result<(Tensor, f64)> {
        Ok(match reduction {
            Reduction::None => (losses.try_view(self.rows.list())?, 1.0),
            Reduction::Sum => (losses.try_sum()?, 1.0),
            Reduction::Mean => (losses.try_sum()?.try_div(total)?, 1.0 / total),
        })
    }

    fn node(&self) -> &'static str {
        if self.rows.list().len() <= 1 { "NllLossBackward0" } else { "NllLoss2DBackward0" }
    }

    fn rows_of(&self, x: &Tensor) -> Result<Tensor> {
        x.fresh_like(Layout::contiguous(&[self.sizes.outer * self.sizes.inner]), x.dtype())
    }

    fn nll(self, x: &Tensor, reduction: Reduction) -> Result<Tensor> {
        let name = self.name;
        let source = x.detach().try_contiguous()?;
        let losses = self.rows_of(x)?;
        let done = {
            let weight = self.weight.as_ref().map(|weight| weight.read(name)).transpose()?;
            let target = self.target.read(name)?;
            x.backend().nll(&self.sizes.with(weight.as_ref()), &source.read(name)?, &target, &mut losses.write_fresh())
        };
        let (losses, total) = match done {
            Some(total) => (losses, total?),
            None => composed::nll(&self.sizes.with(self.weight.as_ref()), &source, &self.target)?,
        };
        let (out, factor) = self.reduce(losses, total, reduction)?;
        let shape = Shape::of(x);
        let node = self.node();
        let again = self.again();
        Ok(out.record(node, [x], [], move |[], [_], g| Ok([Some(again().nll_grad(g, factor, shape, reduction)?)])))
    }

    /// A clone for derivatives, which shares the target and the weight.
    fn again(&self) -> impl Fn() -> Classes + Send + Sync + 'static {
        let (name, target, weight, sizes, rows) =
            (self.name, self.target.clone(), self.weight.clone(), self.sizes, self.rows);
        move || Classes { name, target: target.clone(), weight: weight.clone(), sizes, rows }
    }

    /// The gradient of [`nll`](Classes::nll), linear in `g`.
    fn nll_grad(self, g: &Tensor, factor: f64, shape: Shape, reduction: Reduction) -> Result<Tensor> {
        let name = self.name;
        let rows = g.detach().try_contiguous()?;
        let out = g.fresh_like(Layout::contiguous(shape.list()), g.dtype())?;
        let done = {
            let weight = self.weight.as_ref().map(|weight| weight.read(name)).transpose()?;
            let (target, g) = (self.target.read(name)?, rows.read(name)?);
            let loss = self.sizes.with(weight.as_ref());
            rows.backend().nll_grad(&loss, &target, &g, factor, &mut out.write_fresh())
        };
        let out = match done {
            Some(done) => done.map(|()| out)?,
            None => composed::nll_grad(&self.sizes.with(self.weight.as_ref()), &self.target, &rows, factor)?
                .try_view(shape.list())?,
        };
        let again = self.again();
        Ok(out.record("NllLossBackwardBackward0", [g], [], move |[], [_], gg| {
            // Each row contributes one element times a factor: the loss, summed or not.
            let each = if reduction == Reduction::None { Reduction::None } else { Reduction::Sum };
            Ok([Some(scaled(&again().nll(gg, each)?, factor)?)])
        }))
    }

    fn cross_entropy(self, x: &Tensor, reduction: Reduction) -> Result<Tensor> {
        let name = self.name;
        let source = x.try_contiguous()?;
        let losses = self.rows_of(x)?;
        let stats = x.fresh_like(Layout::contiguous(&[losses.numel(), 2]), x.dtype().computed_float())?;
        let done = {
            let weight = self.weight.as_ref().map(|weight| weight.read(name)).transpose()?;
            let (x, target) = (source.read(name)?, self.target.read(name)?);
            let (stats, losses) = (&mut stats.write_fresh(), &mut losses.write_fresh());
            source.backend().cross_entropy(&self.sizes.with(weight.as_ref()), &x, &target, stats, losses)
        };
        let (losses, total) = match done {
            Some(total) => (losses, total?),
            None => composed::cross_entropy(&self.sizes.with(self.weight.as_ref()), &source, &self.target)?,
        };
        let (out, factor) = self.reduce(losses, total, reduction)?;
        let (again, node) = (self.again(), self.node());
        let saves = [Save::Input(&source), Save::Input(&stats)];
        Ok(out.record(node, [&source], saves, move |[x, stats], [_], g| {
            let classes = again();
            let fused = if is_grad_enabled() { None } else { classes.fused_grad(&x, &stats, g, factor)? };
            let grad = fused.map_or_else(|| classes.composed_grad(&x, g, factor, reduction), Ok)?;
            Ok([Some(grad)])
        }))
    }

    fn fused_grad(&self, x: &Tensor, stats: &Tensor, g: &Tensor, factor: f64) -> Result<Option<Tensor>> {
        let name = self.name;
        let g = g.try_contiguous()?;
        let out = x.fresh_like(Layout::contiguous(x.shape()), x.dtype())?;
        let done = {
            let weight = self.weight.as_ref().map(|weight| weight.read(name)).transpose()?;
            let (x, target, stats, g) = (x.read(name)?, self.target.read(name)?, stats.read(name)?, g.read(name)?);
            let (backend, out) = (self.target.backend(), &mut out.write_fresh());
            backend.cross_entropy_grad(&self.sizes.with(weight.as_ref()), &x, &target, &stats, &g, factor, out)
        };
        done.map(|done| done.map(|()| out)).transpose()
    }

    /// `g * (softmax(x) * sum(q) - q)`, where `q` is the weight of each class in its row; in differentiable operations.
    fn composed_grad(&self, x: &Tensor, g: &Tensor, factor: f64, reduction: Reduction) -> Result<Tensor> {
        let dim = if x.dim() == 1 { 0 } else { 1 };
        // q is the negated gradient of the loss with respect to the log-probabilities, in which it is linear.
        let ones =
            |shape: Vec<usize>| Tensor::try_ones_with(shape, TensorOptions::new().dtype(x.dtype()).device(x.device()));
        let hard = self.again()().nll_grad(&ones(self.rows.list().to_vec())?, -1.0, Shape::of(x), Reduction::None)?;
        let mut q = scaled(&hard, 1.0 - self.sizes.label_smoothing)?;
        if self.sizes.label_smoothing > 0.0 {
            let mut along = vec![1; x.dim()];
            along[dim] = self.sizes.classes;
            let weight = match &self.weight {
                Some(weight) => weight.try_reshape(along)?,
                None => ones(along)?,
            };
            let counted = self.target.try_ne(self.sizes.ignore_index)?.try_unsqueeze(dim as isize)?;
            let even = scaled(&weight, self.sizes.label_smoothing / self.sizes.classes as f64)?;
            q = q.try_add(&even.try_mul(&counted.try_to_dtype(x.dtype())?)?)?;
        }
        let q = q.detach();
        let slope = x.try_softmax(dim as isize)?.try_mul(&q.try_sum_dim(keepdim(dim))?)?.try_sub(&q)?;
        let rows = if reduction == Reduction::None { g.try_unsqueeze(dim as isize)? } else { g.clone() };
        // If all rows are ignored the factor is infinite, and 0 times infinity is NaN.
        let ignored = self.target.try_eq(self.sizes.ignore_index)?.try_unsqueeze(dim as isize)?;
        slope.try_mul(&scaled(&rows, factor)?)?.try_masked_fill(&ignored, 0.0)
    }
}
