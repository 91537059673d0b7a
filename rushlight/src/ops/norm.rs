//! Normalization.

use super::activation::{activation_grad, activation_node};
use super::{VarOptions, composed, expect_float, expect_same_dtype, grad_if};
use crate::autograd::{Save, is_grad_enabled};
use crate::backend::{Activation, BatchNorm};
use crate::tensor::{Layout, keepdim};
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};

const NAME: &str = "batch_norm";

/// A read guard for a tensor that may be absent.
macro_rules! read {
    ($tensor:expr) => {
        $tensor.as_ref().map(|tensor| tensor.read(NAME)).transpose()?
    };
}

/// The options of [`Tensor::batch_norm`].
#[derive(Builder, Clone, Debug)]
pub struct BatchNormOptions {
    /// The scale of each channel after its normalization, `[C]` (default: 1).
    pub(crate) weight: Option<Tensor>,
    /// The shift of each channel after scaling, `[C]` (default: 0).
    pub(crate) bias: Option<Tensor>,
    /// Whether to normalize by the batch statistics and to update the running statistics (default `false`).
    #[builder(default = false)]
    pub(crate) training: bool,
    /// The weight of the batch statistics in the update of the running statistics (default 0.1).
    #[builder(default = 0.1)]
    pub(crate) momentum: f64,
    /// The constant added to the variance before its square root (default 1e-5).
    #[builder(default = 1e-5)]
    pub(crate) eps: f64,
    /// An activation applied in the same pass over memory (default: none).
    #[builder(default = Activation::None)]
    pub(crate) activation: Activation,
}

impl Tensor {
    /// Normalizes each channel (dimension 1) of `[N, C, …]` to mean 0 and variance 1, then multiplies it by the weight and adds the
    /// bias, if the options have them. As
    /// [`torch.nn.functional.batch_norm`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.batch_norm.html).
    ///
    /// In `training`, or without running statistics (`[C]` each; both or none), mean and biased variance are those of the batch, and the
    /// running statistics are updated in-place by the mean and unbiased variance of the batch with `momentum`. Otherwise the running
    /// statistics are used.
    ///
    /// # Errors
    /// If the input is not floating-point `[N, C, …]`, a statistic, the weight or the bias is not `[C]` of the input's dtype, only one
    /// running statistic is given, or there is only one value per channel in training.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::BatchNormOptions};
    /// let (mean, var) = (Tensor::zeros([2]), Tensor::ones([2]));
    /// let x = Tensor::from([[1.0f32, 0.0], [3.0, 0.0]]);
    /// x.batch_norm_with(&mean, &var, BatchNormOptions::new().training(true));
    /// assert_eq!(mean.to_string(), "tensor([0.2000, 0.0000])");
    /// ```
    #[op(
        torch = "batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-05)",
        with
    )]
    pub fn try_batch_norm_with<'a>(
        &self,
        running_mean: impl Into<Option<&'a Tensor>>,
        running_var: impl Into<Option<&'a Tensor>>,
        options: BatchNormOptions,
    ) -> Result<Tensor> {
        let running = match (running_mean.into(), running_var.into()) {
            (Some(mean), Some(var)) => Some((mean, var)),
            (None, None) => None,
            _ => {
                return Err(Error::value(
                    NAME,
                    "expected both running_mean and running_var or neither, got one of them",
                ));
            }
        };
        let BatchNormOptions { weight, bias, training, momentum, eps, activation } = options;
        self.normalize(running, [weight.as_ref(), bias.as_ref()], training, [momentum, eps], activation)
    }

    fn normalize(
        &self,
        running: Option<(&Tensor, &Tensor)>,
        [weight, bias]: [Option<&Tensor>; 2],
        training: bool,
        [momentum, eps]: [f64; 2],
        activation: Activation,
    ) -> Result<Tensor> {
        expect_float(NAME, self)?;
        let &[batch, channels, ref rest @ ..] = self.shape() else {
            return Err(Error::shape(NAME, format!("expected an input [N, C, …], got {:?}", self.shape())));
        };
        let per_channel = [weight, bias, running.map(|(mean, _)| mean), running.map(|(_, var)| var)];
        for (tensor, what) in per_channel.into_iter().zip(["weight", "bias", "running mean", "running variance"]) {
            let Some(tensor) = tensor else { continue };
            expect_same_dtype(NAME, self, tensor)?;
            if tensor.shape() != [channels] {
                return Err(Error::shape(
                    NAME,
                    format!(
                        "expected the {what} to have shape [{channels}] for the input {:?}, got {:?}",
                        self.shape(),
                        tensor.shape()
                    ),
                ));
            }
        }
        let norm =
            BatchNorm { n: batch, channels, spatial: rest.iter().product(), weight: None, bias: None, eps, activation };
        let x = self.try_contiguous()?;
        let [weight, bias] = [weight, bias].map(|t| t.map(Tensor::try_contiguous).transpose());
        let (weight, bias) = (weight?, bias?);
        match running {
            Some((mean, var)) if !training => normalize_by(norm, &x, weight, bias, mean, var),
            _ if norm.n * norm.spatial <= 1 => Err(Error::shape(
                NAME,
                format!("expected more than 1 value per channel in training, got input {:?}", self.shape()),
            )),
            _ => normalize(norm, &x, weight, bias, running.filter(|_| training), momentum),
        }
    }
}

/// Normalizes by the batch statistics.
fn normalize(
    norm: BatchNorm,
    x: &Tensor,
    weight: Option<Tensor>,
    bias: Option<Tensor>,
    running: Option<(&Tensor, &Tensor)>,
    momentum: f64,
) -> Result<Tensor> {
    let out = x.fresh_like(Layout::contiguous(x.shape()), x.dtype())?;
    let channels = || x.fresh_like(Layout::contiguous(&[norm.channels]), x.dtype().computed_float());
    let (mean, invstd) = (channels()?, channels()?);
    let done = {
        let (w, b) = (read!(weight), read!(bias));
        let (out, mean, invstd) = (&mut out.write_fresh(), &mut mean.write_fresh(), &mut invstd.write_fresh());
        let mut stats = match running {
            Some((mean, var)) => Some((mean.write(NAME)?, var.write(NAME)?)),
            None => None,
        };
        let running = stats.as_mut().map(|(mean, var)| (mean, var, momentum));
        x.backend().batch_norm(&norm.with(w.as_ref(), b.as_ref()), &x.read(NAME)?, running, out, [mean, invstd])
    };
    let [out, mean, invstd] = match done {
        Some(done) => done.map(|()| [out, mean, invstd])?,
        None => composed::batch_norm(&norm.with(weight.as_ref(), bias.as_ref()), x, running, momentum)?,
    };
    if let Some((mean, var)) = running {
        mean.0.storage.bump_version();
        var.0.storage.bump_version();
    }
    Ok(recorded(norm, out, [x.clone(), mean, invstd], weight, bias, true))
}

/// Normalizes by given statistics.
fn normalize_by(
    norm: BatchNorm,
    x: &Tensor,
    weight: Option<Tensor>,
    bias: Option<Tensor>,
    mean: &Tensor,
    var: &Tensor,
) -> Result<Tensor> {
    let (mean, var) = (mean.detach().try_contiguous()?, var.detach().try_contiguous()?);
    let out = x.fresh_like(Layout::contiguous(x.shape()), x.dtype())?;
    let done = {
        let (w, b) = (read!(weight), read!(bias));
        let stats = [&mean.read(NAME)?, &var.read(NAME)?];
        let (input, out) = (&x.read(NAME)?, &mut out.write_fresh());
        x.backend().batch_norm_inference(&norm.with(w.as_ref(), b.as_ref()), input, stats, out)
    };
    let out = match done {
        Some(done) => done.map(|()| out)?,
        None => composed::batch_norm_inference(&norm.with(weight.as_ref(), bias.as_ref()), x, [&mean, &var])?,
    };
    if !is_grad_enabled() {
        return Ok(out);
    }
    let computed = x.dtype().computed_float();
    let invstd = var.try_to_dtype(computed)?.try_add(norm.eps)?.try_rsqrt()?;
    let mean = if computed == x.dtype() { mean.try_copy()? } else { mean.try_to_dtype(computed)? };
    Ok(recorded(norm, out, [x.clone(), mean, invstd], weight, bias, false))
}

fn recorded(
    norm: BatchNorm,
    out: Tensor,
    [x, mean, invstd]: [Tensor; 3],
    weight: Option<Tensor>,
    bias: Option<Tensor>,
    training: bool,
) -> Tensor {
    let plain = norm.activation == Activation::None;
    let (scaled, shifted) = (weight.is_some(), bias.is_some() && !plain);
    let saved = |there: bool, tensor| if there { Save::Input(tensor) } else { Save::Nothing };
    let saves = [
        Save::Input(&x),
        Save::Input(&mean),
        Save::Input(&invstd),
        saved(scaled, weight.as_ref().unwrap_or(&x)),
        saved(shifted, bias.as_ref().unwrap_or(&x)),
    ];
    let inputs = [Some(&x), weight.as_ref(), bias.as_ref()];
    let node = activation_node(norm.activation, "NativeBatchNormBackward0");
    out.record(node, inputs, saves, move |[x, mean, invstd, w, b], needs, g| {
        let affine = [scaled.then_some(&w), shifted.then_some(&b)];
        let grads = if is_grad_enabled() { composed_grad } else { fused_grad };
        grads(norm, g, [&x, &mean, &invstd], affine, training, needs)
    })
}

fn fused_grad(
    norm: BatchNorm,
    g: &Tensor,
    [x, mean, invstd]: [&Tensor; 3],
    [weight, bias]: [Option<&Tensor>; 2],
    training: bool,
    [of_x, of_w, of_b]: [bool; 3],
) -> Result<[Option<Tensor>; 3]> {
    let g = g.try_contiguous()?;
    let dx = grad_if(of_x, || x.fresh_like(Layout::contiguous(x.shape()), x.dtype()))?;
    let channels = || x.fresh_like(Layout::contiguous(&[norm.channels]), x.dtype());
    let (dw, db) = (channels()?, channels()?);
    let done = {
        let (w, b) = (read!(weight), read!(bias));
        let stats = [&mean.read(NAME)?, &invstd.read(NAME)?];
        let mut dx = dx.as_ref().map(Tensor::write_fresh);
        let grads = [&mut dw.write_fresh(), &mut db.write_fresh()];
        let (input, g) = (&x.read(NAME)?, &g.read(NAME)?);
        let norm = norm.with(w.as_ref(), b.as_ref());
        x.backend().batch_norm_grad(&norm, input, g, training, stats, dx.as_mut(), grads)
    };
    match done {
        Some(done) => done.map(|()| [dx, of_w.then_some(dw), of_b.then_some(db)]),
        None => composed_grad(norm, &g, [x, mean, invstd], [weight, bias], training, [of_x, of_w, of_b]),
    }
}

/// The gradient in differentiable operations: with `n = (x - mean) * invstd`, for batch statistics
/// `weight * invstd * (g - mean(g) - n * mean(g * n))`, for given ones `weight * invstd * g`.
fn composed_grad(
    norm: BatchNorm,
    g: &Tensor,
    [x, mean, invstd]: [&Tensor; 3],
    [weight, bias]: [Option<&Tensor>; 2],
    training: bool,
    [of_x, of_w, of_b]: [bool; 3],
) -> Result<[Option<Tensor>; 3]> {
    let over: Vec<usize> = (0..x.dim()).filter(|&d| d != 1).collect();
    let mut along = vec![1; x.dim()];
    along[1] = norm.channels;
    let (mean, invstd) = if training {
        let var = x.try_var_dim_with(keepdim(&over), VarOptions::new().correction(0.0))?;
        (x.try_mean_dim(keepdim(&over))?, var.try_add(norm.eps)?.try_rsqrt()?)
    } else {
        let stored = |values: &Tensor| values.try_to_dtype(x.dtype())?.try_view(&along);
        (stored(mean)?, stored(invstd)?)
    };
    let [weight, bias] = [weight, bias].map(|values| values.map(|values| values.try_view(&along)).transpose());
    let (weight, bias) = (weight?, bias?);
    let normal = x.try_sub(&mean)?.try_mul(&invstd)?;
    let g = &if norm.activation == Activation::None {
        g.clone()
    } else {
        let scaled = weight.as_ref().map_or(Ok(normal.clone()), |weight| normal.try_mul(weight))?;
        let given = bias.as_ref().map_or(Ok(scaled.clone()), |bias| scaled.try_add(bias))?;
        activation_grad(norm.activation, g, &given)?
    };
    let product = g.try_mul(&normal)?;
    let by_x = || {
        let scale = weight.as_ref().map_or(Ok(invstd.clone()), |weight| invstd.try_mul(weight))?;
        let slope = if training {
            g.try_sub(&g.try_mean_dim(keepdim(&over))?)?
                .try_sub(&normal.try_mul(&product.try_mean_dim(keepdim(&over))?)?)?
        } else {
            g.clone()
        };
        slope.try_mul(&scale)
    };
    Ok([grad_if(of_x, by_x)?, grad_if(of_w, || product.try_sum_dim(&over))?, grad_if(of_b, || g.try_sum_dim(&over))?])
}
