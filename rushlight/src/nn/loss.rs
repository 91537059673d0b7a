//! Losses as modules. Their builders are the options of the operations where those are the same.

use super::{Buffer, Module};
use crate::ops::{
    BinaryCrossEntropyOptions, BinaryCrossEntropyWithLogitsOptions, CrossEntropyOptions, NllLossOptions, Reduction,
};
use crate::{Result, Tensor};
use rushlight_macros::{Builder, op};

/// The weights of a loss, which are part of its state.
fn buffer(weight: &mut Option<Tensor>) -> Option<Buffer> {
    weight.take().map(Buffer::new)
}

fn get(buffer: &Option<Buffer>) -> Option<Tensor> {
    buffer.as_ref().map(Buffer::get)
}

/// The mean squared error `(input - target)²`; both of the same shape. See [`Tensor::mse_loss`].
///
/// ```
/// use rushlight::{Tensor, nn};
/// let loss = nn::MSELoss::new().forward(&Tensor::from([1.0f32, 2.0]), &Tensor::from([0.0f32, 4.0]));
/// assert_eq!(loss.item(), 2.5);
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(plain)]
pub struct MSELoss {
    reduction: Reduction,
}

/// The options of an [`MSELoss`].
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super))]
pub struct MSELossBuilder {
    /// The reduction of per-element losses; default the mean.
    reduction: Reduction,
}

impl MSELossBuilder {
    /// Builds the loss.
    pub fn build(self) -> MSELoss {
        MSELoss { reduction: self.reduction }
    }
}

impl MSELoss {
    /// Creates the loss with the mean over all elements.
    pub fn new() -> MSELoss {
        MSELoss::default()
    }

    /// Returns a builder of the loss.
    pub fn builder() -> MSELossBuilder {
        MSELossBuilder::new()
    }

    /// Computes the loss of `input` against `target`.
    ///
    /// # Errors
    /// If the shapes do not broadcast or the input is not floating-point.
    #[op]
    pub fn try_forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        input.try_mse_loss_with(target, self.reduction)
    }
}

/// The mean absolute error `|input - target|`; both of the same shape. See [`Tensor::l1_loss`].
///
/// ```
/// use rushlight::{Reduction, Tensor, nn};
/// let loss = nn::L1Loss::builder().reduction(Reduction::Sum).build();
/// assert_eq!(loss.forward(&Tensor::from([1.0f32, 2.0]), &Tensor::from([0.0f32, 4.0])).item(), 3.0);
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(plain)]
pub struct L1Loss {
    reduction: Reduction,
}

/// The options of an [`L1Loss`].
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super))]
pub struct L1LossBuilder {
    /// The reduction of per-element losses; default the mean.
    reduction: Reduction,
}

impl L1LossBuilder {
    /// Builds the loss.
    pub fn build(self) -> L1Loss {
        L1Loss { reduction: self.reduction }
    }
}

impl L1Loss {
    /// Creates the loss with the mean over all elements.
    pub fn new() -> L1Loss {
        L1Loss::default()
    }

    /// Returns a builder of the loss.
    pub fn builder() -> L1LossBuilder {
        L1LossBuilder::new()
    }

    /// Computes the loss of `input` against `target`.
    ///
    /// # Errors
    /// If the shapes do not broadcast or the input is not floating-point.
    #[op]
    pub fn try_forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        input.try_l1_loss_with(target, self.reduction)
    }
}

/// Cross entropy of logits: input `[N, C]`, `[C]` or `[N, C, d1, …]`, target int64 without the class dimension, or
/// probabilities of the input's shape. See [`Tensor::cross_entropy`].
///
/// ```
/// use rushlight::{Tensor, nn};
/// let loss = nn::CrossEntropyLoss::builder().label_smoothing(0.1).build();
/// let value = loss.forward(&Tensor::from([[2.0f32, 0.0], [0.0, 2.0]]), &Tensor::from([0, 1]));
/// assert_eq!(value.to_string(), "tensor(0.2269)");
/// ```
#[derive(Clone, Debug, Module)]
pub struct CrossEntropyLoss {
    weight: Option<Buffer>,
    #[module(skip)]
    options: CrossEntropyOptions,
}

impl CrossEntropyLoss {
    /// Creates the loss with the mean over all rows.
    pub fn new() -> CrossEntropyLoss {
        CrossEntropyLoss::builder().build()
    }

    /// Returns a builder of the loss.
    pub fn builder() -> CrossEntropyOptions {
        CrossEntropyOptions::new()
    }

    /// Computes the loss of `input` against `target`.
    ///
    /// # Errors
    /// As [`Tensor::try_cross_entropy`].
    #[op]
    pub fn try_forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        let options = CrossEntropyOptions { weight: get(&self.weight), ..self.options.clone() };
        input.try_cross_entropy_with(target, options)
    }
}

impl CrossEntropyOptions {
    /// Builds the loss.
    pub fn build(mut self) -> CrossEntropyLoss {
        CrossEntropyLoss { weight: buffer(&mut self.weight), options: self }
    }
}

impl Default for CrossEntropyLoss {
    fn default() -> CrossEntropyLoss {
        CrossEntropyLoss::new()
    }
}

/// Negative log likelihood of log-probabilities: input `[N, C]`, `[C]` or `[N, C, d1, …]`, target int64 without the class
/// dimension. See [`Tensor::nll_loss`].
///
/// ```
/// use rushlight::{Tensor, nn};
/// let log_probabilities = Tensor::from([[0.25f32, 0.75]]).log();
/// assert_eq!(nn::NLLLoss::new().forward(&log_probabilities, &Tensor::from([1])).to_string(), "tensor(0.2877)");
/// ```
#[derive(Clone, Debug, Module)]
pub struct NLLLoss {
    weight: Option<Buffer>,
    #[module(skip)]
    options: NllLossOptions,
}

/// The [`NLLLoss`] of each pixel: input `[N, C, H, W]`, target `[N, H, W]`. PyTorch keeps this name of an older release, too.
///
/// ```
/// use rushlight::{Tensor, nn};
/// let log_probabilities = Tensor::randn([1, 3, 2, 2]).log_softmax(1);
/// let target = Tensor::from([[[0, 2], [1, 1]]]);
/// let loss = nn::NLLLoss2d::builder().weight(Tensor::from([1.0f32, 2.0, 0.5])).build().forward(&log_probabilities, &target);
/// assert_eq!(loss.dim(), 0);
/// ```
pub type NLLLoss2d = NLLLoss;

impl NLLLoss {
    /// Creates the loss with the mean over all rows.
    pub fn new() -> NLLLoss {
        NLLLoss::builder().build()
    }

    /// Returns a builder of the loss.
    pub fn builder() -> NllLossOptions {
        NllLossOptions::new()
    }

    /// Computes the loss of `input` against `target`.
    ///
    /// # Errors
    /// As [`Tensor::try_nll_loss`].
    #[op]
    pub fn try_forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        let options = NllLossOptions { weight: get(&self.weight), ..self.options.clone() };
        input.try_nll_loss_with(target, options)
    }
}

impl NllLossOptions {
    /// Builds the loss.
    pub fn build(mut self) -> NLLLoss {
        NLLLoss { weight: buffer(&mut self.weight), options: self }
    }
}

impl Default for NLLLoss {
    fn default() -> NLLLoss {
        NLLLoss::new()
    }
}

/// Binary cross entropy of probabilities with targets in [0, 1]; both of the same shape. See [`Tensor::binary_cross_entropy`].
///
/// ```
/// use rushlight::{Tensor, nn};
/// let loss = nn::BCELoss::new().forward(&Tensor::from([0.5f32, 0.75]), &Tensor::from([0.0f32, 1.0]));
/// assert_eq!(loss.to_string(), "tensor(0.4904)");
/// ```
#[derive(Clone, Debug, Module)]
pub struct BCELoss {
    weight: Option<Buffer>,
    #[module(skip)]
    options: BinaryCrossEntropyOptions,
}

impl BCELoss {
    /// Creates the loss with the mean over all elements.
    pub fn new() -> BCELoss {
        BCELoss::builder().build()
    }

    /// Returns a builder of the loss.
    pub fn builder() -> BinaryCrossEntropyOptions {
        BinaryCrossEntropyOptions::new()
    }

    /// Computes the loss of `input` against `target`.
    ///
    /// # Errors
    /// As [`Tensor::try_binary_cross_entropy`].
    #[op]
    pub fn try_forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        let options = BinaryCrossEntropyOptions { weight: get(&self.weight), ..self.options.clone() };
        input.try_binary_cross_entropy_with(target, options)
    }
}

impl BinaryCrossEntropyOptions {
    /// Builds the loss.
    pub fn build(mut self) -> BCELoss {
        BCELoss { weight: buffer(&mut self.weight), options: self }
    }
}

impl Default for BCELoss {
    fn default() -> BCELoss {
        BCELoss::new()
    }
}

/// Binary cross entropy of logits with targets in [0, 1], accurate for large logits; both of the same shape. See
/// [`Tensor::binary_cross_entropy_with_logits`].
///
/// ```
/// use rushlight::{Tensor, nn};
/// let loss = nn::BCEWithLogitsLoss::new().forward(&Tensor::from([0.0f32]), &Tensor::from([1.0f32]));
/// assert_eq!(loss.to_string(), "tensor(0.6931)");
/// ```
#[derive(Clone, Debug, Module)]
pub struct BCEWithLogitsLoss {
    weight: Option<Buffer>,
    pos_weight: Option<Buffer>,
    #[module(skip)]
    options: BinaryCrossEntropyWithLogitsOptions,
}

impl BCEWithLogitsLoss {
    /// Creates the loss with the mean over all elements.
    pub fn new() -> BCEWithLogitsLoss {
        BCEWithLogitsLoss::builder().build()
    }

    /// Returns a builder of the loss.
    pub fn builder() -> BinaryCrossEntropyWithLogitsOptions {
        BinaryCrossEntropyWithLogitsOptions::new()
    }

    /// Computes the loss of `input` against `target`.
    ///
    /// # Errors
    /// As [`Tensor::try_binary_cross_entropy_with_logits`].
    #[op]
    pub fn try_forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        let [weight, pos_weight] = [get(&self.weight), get(&self.pos_weight)];
        let options = BinaryCrossEntropyWithLogitsOptions { weight, pos_weight, ..self.options.clone() };
        input.try_binary_cross_entropy_with_logits_with(target, options)
    }
}

impl BinaryCrossEntropyWithLogitsOptions {
    /// Builds the loss.
    pub fn build(mut self) -> BCEWithLogitsLoss {
        let [weight, pos_weight] = [buffer(&mut self.weight), buffer(&mut self.pos_weight)];
        BCEWithLogitsLoss { weight, pos_weight, options: self }
    }
}

impl Default for BCEWithLogitsLoss {
    fn default() -> BCEWithLogitsLoss {
        BCEWithLogitsLoss::new()
    }
}
