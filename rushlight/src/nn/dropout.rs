//! Dropout.

use super::repr::python_float;
use super::{Forward, Module, Training};
use crate::ops::DropoutOptions;
use crate::tensor::TensorOptions;
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};

/// The options of a [`Dropout`] layer.
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super))]
pub struct DropoutBuilder {
    /// The probability that an element is zeroed; default 0.5.
    #[builder(default = 0.5)]
    p: f64,
}

impl DropoutBuilder {
    /// Builds the layer.
    ///
    /// # Errors
    /// If `p` is not in [0, 1].
    #[op]
    pub fn try_build(self) -> Result<Dropout> {
        Ok(Dropout { p: probability("Dropout", self.p)?, training: Training::default() })
    }
}

fn probability(name: &'static str, p: f64) -> Result<f64> {
    if !(0.0..=1.0).contains(&p) {
        return Err(Error::value(name, format!("expected a probability between 0 and 1, got {p}")));
    }
    Ok(p)
}

/// In training mode, zeroes each element with probability `p`, by default 0.5, and scales the others by `1 / (1 - p)`; in evaluation mode
/// the output is the input. Any shape. See [`Tensor::dropout`](crate::Tensor::dropout).
///
/// ```
/// use rushlight::{Tensor, nn, nn::{Forward, Module}};
/// rushlight::manual_seed(0);
/// let layer = nn::Dropout::builder().p(0.3).build();
/// assert_eq!(layer.forward(&Tensor::ones([4])).to_string(), "tensor([0.0000, 0.0000, 1.4286, 0.0000])");
/// layer.eval();
/// assert_eq!(layer.forward(&Tensor::ones([4])).to_string(), "tensor([1., 1., 1., 1.])");
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = Self::extra_repr)]
pub struct Dropout {
    #[module(skip)]
    p: f64,
    training: Training,
}

impl Dropout {
    /// Creates a layer with probability 0.5.
    pub fn new() -> Dropout {
        Dropout::default()
    }

    /// Returns a builder of the layer.
    pub fn builder() -> DropoutBuilder {
        DropoutBuilder::new()
    }

    fn extra_repr(&self) -> String {
        format!("p={}, inplace=False", python_float(self.p))
    }
}

impl Default for Dropout {
    fn default() -> Dropout {
        Dropout { p: 0.5, training: Training::default() }
    }
}

impl Forward for Dropout {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        x.try_dropout_with(DropoutOptions::new().p(self.p).training(self.training.get()))
    }
}

/// The options of a [`ChannelDropout`] layer.
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super))]
pub struct ChannelDropoutBuilder<const N: usize> {
    /// The probability that a channel is zeroed; default 0.5.
    #[builder(default = 0.5)]
    p: f64,
}

impl<const N: usize> ChannelDropoutBuilder<N> {
    /// Builds the layer.
    ///
    /// # Errors
    /// If `p` is not in [0, 1].
    #[op]
    pub fn try_build(self) -> Result<ChannelDropout<N>> {
        Ok(ChannelDropout { p: probability(ChannelDropout::<N>::KIND, self.p)?, training: Training::default() })
    }
}

/// In training mode, zeroes each channel with probability `p`, by default 0.5, and scales the others by `1 / (1 - p)`; in evaluation mode
/// the output is the input. [`Dropout1d`] takes `[batch, C, L]` or `[C, L]`, [`Dropout2d`] `[batch, C, H, W]` or `[batch, C, L]`,
/// [`Dropout3d`] `[batch, C, D, H, W]` or `[C, D, H, W]`.
/// As [`torch.nn.Dropout2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout2d.html).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// rushlight::manual_seed(0);
/// let y = nn::Dropout1d::new().forward(&Tensor::ones([1, 3, 2]));
/// assert_eq!(y.to_string(), "tensor([[[0., 0.],\n         [0., 0.],\n         [2., 2.]]])");
/// ```
#[derive(Debug, Module)]
#[module(kind = Self::kind, extra_repr = Self::extra_repr)]
pub struct ChannelDropout<const N: usize> {
    #[module(skip)]
    p: f64,
    training: Training,
}

/// Dropout of the channels of sequences. See [`ChannelDropout`].
pub type Dropout1d = ChannelDropout<1>;
/// Dropout of the channels of images. See [`ChannelDropout`].
pub type Dropout2d = ChannelDropout<2>;
/// Dropout of the channels of volumes. See [`ChannelDropout`].
pub type Dropout3d = ChannelDropout<3>;

impl<const N: usize> ChannelDropout<N> {
    const KIND: &'static str = ["Dropout1d", "Dropout2d", "Dropout3d"][N - 1];

    /// Creates a layer with probability 0.5.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a builder of the layer.
    pub fn builder() -> ChannelDropoutBuilder<N> {
        ChannelDropoutBuilder::new()
    }

    fn kind(&self) -> &str {
        Self::KIND
    }

    fn extra_repr(&self) -> String {
        format!("p={}, inplace=False", python_float(self.p))
    }
}

impl<const N: usize> Default for ChannelDropout<N> {
    fn default() -> Self {
        ChannelDropout { p: 0.5, training: Training::default() }
    }
}

impl<const N: usize> Forward for ChannelDropout<N> {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        if x.dim() != N + 1 && x.dim() != N + 2 {
            let message = format!("expected an input of {} or {} dimensions, got shape {:?}", N + 1, N + 2, x.shape());
            return Err(Error::shape(Self::KIND, message));
        }
        if !self.training.get() || self.p == 0.0 {
            return Ok(x.clone());
        }
        // As in PyTorch, an image without a batch dimension is treated as a batch of sequences.
        let leading = if x.dim() == N + 2 || N == 2 { 2 } else { 1 };
        let mut channels = vec![1; x.dim()];
        channels[..leading].copy_from_slice(&x.shape()[..leading]);
        let options = TensorOptions::new().dtype(x.dtype()).device(x.device());
        let noise = Tensor::try_ones_with(channels, options)?.try_dropout_with(DropoutOptions::new().p(self.p))?;
        x.try_mul(&noise)
    }
}
