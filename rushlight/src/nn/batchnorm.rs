//! Batch normalization.

use super::param::with_names;
use super::repr::{python_bool, python_float};
use super::utils::ran;
use super::{Buffer, Forward, Fusion, Module, Parameter, Training};
use crate::backend::Activation;
use crate::ops::BatchNormOptions;
use crate::tensor::{DType, TensorOptions, get_default_dtype};
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};

/// The options of a [`BatchNorm`] layer.
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super))]
pub struct BatchNormBuilder<const N: usize> {
    #[builder(required)]
    num_features: usize,
    /// Added to the variance; default 1e-5.
    #[builder(default = 1e-5)]
    eps: f64,
    /// The weight of a batch in the update of the running statistics, or `None` for the mean over all batches; default 0.1.
    #[builder(default = Some(0.1))]
    momentum: Option<f64>,
    /// Whether the layer has a weight and bias; default true.
    #[builder(default = true)]
    affine: bool,
    /// Whether an affine layer has a bias; default true.
    #[builder(default = true)]
    bias: bool,
    /// Whether the layer keeps running statistics; without them, it uses batch statistics in evaluation mode as well. Default true.
    #[builder(default = true)]
    track_running_stats: bool,
    /// The dtype of the parameters and statistics; default float32.
    #[builder(default = get_default_dtype())]
    dtype: DType,
}

impl<const N: usize> BatchNormBuilder<N> {
    /// Builds the layer.
    ///
    /// # Errors
    /// If the dtype is not floating-point, or the parameters do not fit into memory.
    #[op]
    pub fn try_build(self) -> Result<BatchNorm<N>> {
        let (make, n) = (TensorOptions::new().dtype(self.dtype), self.num_features);
        let param = |there: bool, tensor: Result<Tensor>| there.then(|| Parameter::try_new(tensor?)).transpose();
        let buffer = |tensor: Result<Tensor>| self.track_running_stats.then(|| Ok(Buffer::new(tensor?))).transpose();
        Ok(BatchNorm {
            weight: param(self.affine, Tensor::try_ones_with(n, &make))?,
            bias: param(self.affine && self.bias, Tensor::try_zeros_with(n, &make))?,
            running_mean: buffer(Tensor::try_zeros_with(n, &make))?,
            running_var: buffer(Tensor::try_ones_with(n, &make))?,
            num_batches_tracked: buffer(Tensor::try_zeros_with((), DType::I64))?,
            training: Training::default(),
            options: self,
        })
    }
}

/// Normalizes each channel over the batch and `N` spatial dimensions, 1 to 3: [`BatchNorm1d`] takes `[batch, C]` or `[batch, C, L]`,
/// [`BatchNorm2d`] `[batch, C, H, W]`, [`BatchNorm3d`] `[batch, C, D, H, W]`. The output has the input's shape.
///
/// In training mode, mean and (biased) variance are those of the batch, and the running statistics are updated with `momentum`; in
/// evaluation mode the running statistics are used. Weights and running variances are initialized to 1, biases and running means to
/// 0. See
/// [`torch.nn.BatchNorm2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html).
///
/// ```
/// use rushlight::{Tensor, nn, nn::{Forward, Module}};
/// let y = nn::BatchNorm1d::new(1).forward(&Tensor::from([[1.0f32], [3.0]]));
/// assert_eq!(y.to_string(), "tensor([[-1.0000],\n        [ 1.0000]], grad_fn=<NativeBatchNormBackward0>)");
///
/// let layer = nn::BatchNorm2d::builder(3).momentum(0.2).build();
/// let y = layer.forward(&(Tensor::randn([8, 3, 4, 4]) * 5 + 1));
/// assert!(y.mean().item().abs() < 1e-6);
/// layer.eval();
/// ```
#[derive(Module)]
#[module(kind = Self::kind, extra_repr = Self::extra_repr, fusion = Self::fusion)]
pub struct BatchNorm<const N: usize> {
    /// `[num_features]`, if the layer is affine.
    pub weight: Option<Parameter>,
    /// `[num_features]`, if the layer is affine and has a bias.
    pub bias: Option<Parameter>,
    /// `[num_features]`, if the layer tracks statistics.
    pub running_mean: Option<Buffer>,
    /// `[num_features]`, if the layer tracks statistics.
    pub running_var: Option<Buffer>,
    /// The number of batches processed in training mode, 0-d int64, if the layer tracks statistics.
    pub num_batches_tracked: Option<Buffer>,
    training: Training,
    #[module(skip)]
    options: BatchNormBuilder<N>,
}

/// Batch normalization of features and sequences: input `[N, C]` or `[N, C, L]`. See [`BatchNorm`].
pub type BatchNorm1d = BatchNorm<1>;
/// Batch normalization of images: input `[N, C, H, W]`. See [`BatchNorm`].
pub type BatchNorm2d = BatchNorm<2>;
/// Batch normalization of volumes: input `[N, C, D, H, W]`. See [`BatchNorm`].
pub type BatchNorm3d = BatchNorm<3>;

impl<const N: usize> BatchNorm<N> {
    const KIND: &'static str = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d"][N - 1];

    /// Creates a layer with PyTorch's defaults, float32.
    ///
    /// # Errors
    /// If the parameters do not fit into memory.
    #[op]
    pub fn try_new(num_features: usize) -> Result<Self> {
        Self::builder(num_features).try_build()
    }

    /// Returns a builder of the layer.
    pub fn builder(num_features: usize) -> BatchNormBuilder<N> {
        BatchNormBuilder::new(num_features)
    }

    fn kind(&self) -> &str {
        Self::KIND
    }

    fn extra_repr(&self) -> String {
        let BatchNormBuilder { num_features, eps, momentum, affine, bias, track_running_stats, .. } = self.options;
        format!(
            "{num_features}, eps={}, momentum={}, affine={}, bias={}, track_running_stats={}",
            python_float(eps),
            momentum.map_or("None".into(), python_float),
            python_bool(affine),
            python_bool(affine && bias),
            python_bool(track_running_stats)
        )
    }

    fn fusion(&self) -> Fusion<'_> {
        Fusion::Normalization(self.normalization())
    }

    /// Computes the layer followed by an activation in one pass over memory. A [`Sequential`](super::Sequential) does this
    /// automatically.
    ///
    /// # Errors
    /// If the input has the wrong dtype, number of dimensions or channels, or there is only one value per channel in training.
    #[op]
    pub fn try_forward_fused(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        self.normalization().try_forward(x, activation)
    }

    pub(super) fn normalization(&self) -> Normalization<'_> {
        let statistics = || {
            let (mean, var) = (self.running_mean.as_ref()?, self.running_var.as_ref()?);
            Some(Statistics { mean, var, batches: self.num_batches_tracked.as_ref()? })
        };
        Normalization {
            spatial_dims: N,
            weight: self.weight.as_ref(),
            bias: self.bias.as_ref(),
            statistics: statistics(),
            training: self.training.get(),
            momentum: self.options.momentum,
            eps: self.options.eps,
        }
    }
}

impl<const N: usize> Forward for BatchNorm<N> {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        self.try_forward_fused(x, Activation::None)
    }
}

/// Running statistics, and the number of batches they include.
#[derive(Clone, Copy)]
struct Statistics<'a> {
    mean: &'a Buffer,
    var: &'a Buffer,
    batches: &'a Buffer,
}

/// The parameters and statistics of a [`BatchNorm`] layer, for fusion with other layers.
#[derive(Clone, Copy)]
pub struct Normalization<'a> {
    pub(super) spatial_dims: usize,
    pub(super) weight: Option<&'a Parameter>,
    pub(super) bias: Option<&'a Parameter>,
    statistics: Option<Statistics<'a>>,
    training: bool,
    momentum: Option<f64>,
    eps: f64,
}

impl Normalization<'_> {
    /// Computes the normalization of `x` followed by an activation, in one pass over memory.
    ///
    /// # Errors
    /// If the input has the wrong number of dimensions or channels.
    pub fn try_forward(self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        let (name, ranks) = [
            ("BatchNorm1d", "[N, C] or [N, C, L]"),
            ("BatchNorm2d", "[N, C, H, W]"),
            ("BatchNorm3d", "[N, C, D, H, W]"),
        ][self.spatial_dims - 1];
        if x.dim() != self.spatial_dims + 2 && (self.spatial_dims, x.dim()) != (1, 2) {
            return Err(Error::shape(name, format!("expected an input {ranks}, got shape {:?}", x.shape())));
        }
        let [weight, bias] = [self.weight, self.bias].map(|param| param.map(Parameter::get));
        let options = BatchNormOptions { weight, bias, training: true, momentum: 0.0, eps: self.eps, activation };
        let y = match self.statistics {
            None => x.try_batch_norm_with(None, None, options),
            Some(Statistics { mean, var, batches }) => {
                let batches = batches.get();
                // Without a momentum, the running statistics are means over all batches.
                let momentum = match self.momentum {
                    Some(momentum) => momentum,
                    None if self.training => 1.0 / (batches.try_item()? + 1.0),
                    None => 0.0,
                };
                let options = BatchNormOptions { training: self.training, momentum, ..options };
                let y = x.try_batch_norm_with(&mean.get(), &var.get(), options);
                if self.training && y.is_ok() {
                    batches.try_add_(1)?;
                }
                y
            }
        };
        let Some(weight) = self.weight else { return y };
        let y = y.map_err(|error| with_names(error, weight, self.bias))?;
        ran(weight, &y, |_| 0);
        Ok(y)
    }

    /// Mean, variance and `eps`, if the normalization uses running statistics.
    pub(super) fn given(self) -> Option<(Tensor, Tensor, f64)> {
        let Statistics { mean, var, .. } = self.statistics.filter(|_| !self.training)?;
        Some((mean.get(), var.get(), self.eps))
    }
}
