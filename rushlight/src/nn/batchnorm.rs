//! Batch normalization.

use super::module::forward;
use super::param::with_names;
use super::repr::{python_bool, python_float};
use super::{Buffer, Module, Parameter, Training};
use crate::backend::Activation;
use crate::tensor::{DType, TensorOptions, get_default_dtype};
use crate::{Error, Result, Tensor};
use rushlight_macros::op;

/// Options of the layers of batch normalization.
#[derive(Clone, Debug)]
struct Options {
    num_features: usize,
    eps: f64,
    momentum: Option<f64>,
    affine: bool,
    bias: bool,
    track_running_stats: bool,
    dtype: DType,
}

impl Options {
    fn new(num_features: usize) -> Options {
        Options {
            num_features,
            eps: 1e-5,
            momentum: Some(0.1),
            affine: true,
            bias: true,
            track_running_stats: true,
            dtype: get_default_dtype(),
        }
    }

    fn repr(&self) -> String {
        format!(
            "{}, eps={}, momentum={}, affine={}, bias={}, track_running_stats={}",
            self.num_features,
            python_float(self.eps),
            self.momentum.map_or("None".into(), python_float),
            python_bool(self.affine),
            python_bool(self.affine && self.bias),
            python_bool(self.track_running_stats)
        )
    }
}

/// Running statistics, and how many batches went into them.
struct Statistics<'a> {
    mean: &'a Buffer,
    var: &'a Buffer,
    batches: &'a Buffer,
}

/// What all layers of batch normalization compute.
fn normalize(
    options: &Options,
    x: &Tensor,
    weight: Option<&Parameter>,
    bias: Option<&Parameter>,
    statistics: Option<Statistics<'_>>,
    training: bool,
    activation: Activation,
) -> Result<Tensor> {
    let [w, b] = [weight, bias].map(|param| param.map(Parameter::get));
    let (w, b) = (w.as_ref(), b.as_ref());
    let y = match statistics {
        None => x.try_batch_norm_fused(activation, None, w, b, true, 0.0, options.eps),
        Some(Statistics { mean, var, batches }) => {
            let batches = batches.get();
            // Without a momentum, the running statistics are means over all batches.
            let momentum = match options.momentum {
                Some(momentum) => momentum,
                None if training => 1.0 / (batches.try_item::<f64>()? + 1.0),
                None => 0.0,
            };
            let running = Some((&mean.get(), &var.get()));
            let y = x.try_batch_norm_fused(activation, running, w, b, training, momentum, options.eps);
            if training && y.is_ok() {
                batches.try_add_(1)?;
            }
            y
        }
    };
    y.map_err(|error| match weight {
        Some(weight) => with_names(error, weight, bias),
        None => error,
    })
}

macro_rules! batch_norms {
    ($($(#[$doc:meta])* $layer:ident, $builder:ident, $name:literal, $ranks:pat, $wanted:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// In training, mean and (biased) variance are the batch's, and running statistics follow them by `momentum`; in evaluation
        /// they are the running ones. Weights begin as 1, biases as 0, running means as 0 and running variances as 1.
        #[derive(Module)]
        #[module(extra_repr = $layer::extra_repr)]
        pub struct $layer {
            /// `[num_features]`, if the layer is affine.
            pub weight: Option<Parameter>,
            /// `[num_features]`, if the layer is affine and has a bias.
            pub bias: Option<Parameter>,
            /// `[num_features]`, if the layer tracks statistics.
            pub running_mean: Option<Buffer>,
            /// `[num_features]`, if the layer tracks statistics.
            pub running_var: Option<Buffer>,
            /// The number of batches that the layer has seen in training, 0-d int64, if it tracks statistics.
            pub num_batches_tracked: Option<Buffer>,
            training: Training,
            #[module(skip)]
            options: Options,
        }

        #[doc = concat!("Options of a [`", stringify!($layer), "`].")]
        #[derive(Clone, Debug)]
        pub struct $builder(Options);

        impl $layer {
            /// A layer with PyTorch's defaults, float32.
            #[op]
            pub fn try_new(num_features: usize) -> Result<$layer> {
                $layer::builder(num_features).try_build()
            }

            /// A layer with options.
            pub fn builder(num_features: usize) -> $builder {
                $builder(Options::new(num_features))
            }

            fn extra_repr(&self) -> String {
                self.options.repr()
            }

            /// The layer and an activation behind it, without a pass over memory for the latter. A
            /// [`Sequential`](super::Sequential) does this by itself.
            ///
            /// # Errors
            /// If the input has the wrong number of dimensions or channels.
            #[op]
            pub fn try_forward_fused(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
                if !matches!(x.dim(), $ranks) {
                    let message = format!(concat!("expected ", $wanted, " input, but got shape {:?}"), x.shape());
                    return Err(Error::shape($name, message));
                }
                let (weight, bias) = (self.weight.as_ref(), self.bias.as_ref());
                normalize(&self.options, x, weight, bias, self.statistics(), self.training.get(), activation)
            }

            fn statistics(&self) -> Option<Statistics<'_>> {
                let (mean, var) = (self.running_mean.as_ref()?, self.running_var.as_ref()?);
                Some(Statistics { mean, var, batches: self.num_batches_tracked.as_ref()? })
            }
        }

        impl $builder {
            /// Added to the variance; default 1e-5.
            pub fn eps(mut self, eps: f64) -> $builder {
                self.0.eps = eps;
                self
            }

            /// The share of a batch in the running statistics, or `None` for the mean over all batches; default 0.1.
            pub fn momentum(mut self, momentum: impl Into<Option<f64>>) -> $builder {
                self.0.momentum = momentum.into();
                self
            }

            /// Whether the layer has a weight and bias; default true.
            pub fn affine(mut self, affine: bool) -> $builder {
                self.0.affine = affine;
                self
            }

            /// Whether an affine layer has a bias; default true.
            pub fn bias(mut self, bias: bool) -> $builder {
                self.0.bias = bias;
                self
            }

            /// Whether the layer keeps running statistics; without them, it uses the batch's in evaluation, too. Default true.
            pub fn track_running_stats(mut self, track: bool) -> $builder {
                self.0.track_running_stats = track;
                self
            }

            /// The type of the parameters and statistics; default float32.
            pub fn dtype(mut self, dtype: DType) -> $builder {
                self.0.dtype = dtype;
                self
            }

            /// The layer.
            ///
            /// # Errors
            /// If the type is not floating point.
            #[op]
            pub fn try_build(self) -> Result<$layer> {
                let options = self.0;
                let (make, n) = (TensorOptions::new().dtype(options.dtype), options.num_features);
                let param = |there: bool, tensor: Result<Tensor>| there.then(|| Parameter::try_new(tensor?)).transpose();
                let buffer = |tensor: Result<Tensor>| {
                    options.track_running_stats.then(|| Ok(Buffer::new(tensor?))).transpose()
                };
                Ok($layer {
                    weight: param(options.affine, make.try_ones(n))?,
                    bias: param(options.affine && options.bias, make.try_zeros(n))?,
                    running_mean: buffer(make.try_zeros(n))?,
                    running_var: buffer(make.try_ones(n))?,
                    num_batches_tracked: buffer(TensorOptions::new().dtype(DType::I64).try_zeros(()))?,
                    training: Training::default(),
                    options,
                })
            }
        }

        forward!($layer, |layer, x| layer.try_forward_fused(x, Activation::None));
    )*};
}

impl BatchNorm2d {
    /// Mean, variance and what is added to the latter, where the layer normalizes by given statistics.
    pub(super) fn given(&self) -> Option<(Tensor, Tensor, f64)> {
        let Statistics { mean, var, .. } = self.statistics().filter(|_| !self.training.get())?;
        Some((mean.get(), var.get(), self.options.eps))
    }
}

batch_norms! {
    /// Normalizes each feature over the batch: input and output `[N, C]` or `[N, C, L]`. As
    /// [`torch.nn.BatchNorm1d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html).
    ///
    /// ```
    /// use rushlight::{Tensor, nn, nn::Forward};
    /// let y = nn::BatchNorm1d::new(1).forward(&Tensor::from([[1.0f32], [3.0]]));
    /// assert_eq!(y.to_string(), "tensor([[-1.0000],\n        [ 1.0000]], grad_fn=<NativeBatchNormBackward0>)");
    /// ```
    BatchNorm1d, BatchNorm1dBuilder, "BatchNorm1d", 2 | 3, "2D or 3D";
    /// Normalizes each channel over the batch: input and output `[N, C, H, W]`. As
    /// [`torch.nn.BatchNorm2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html).
    ///
    /// ```
    /// use rushlight::{Tensor, nn, nn::{Forward, Module}};
    /// let layer = nn::BatchNorm2d::builder(3).momentum(0.2).build();
    /// let y = layer.forward(&(Tensor::randn([8, 3, 4, 4]) * 5 + 1));
    /// assert!(y.mean().item::<f32>().abs() < 1e-6);
    /// layer.eval();
    /// ```
    BatchNorm2d, BatchNorm2dBuilder, "BatchNorm2d", 4, "4D";
}
