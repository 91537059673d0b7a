//! Squeeze-and-excitation.

use crate::nn::{self, Forward, Module};
use crate::{Result, Tensor};
use rushlight_macros::{Builder, op};

/// The options of a [`SqueezeExcitation`] layer.
#[derive(Builder)]
#[builder(new = pub(super))]
pub struct SqueezeExcitationBuilder {
    #[builder(required)]
    input_channels: usize,
    #[builder(required)]
    squeeze_channels: usize,
    #[builder(skip, default = Box::new(nn::ReLU::new()))]
    activation: Box<dyn Forward>,
    #[builder(skip, default = Box::new(nn::Sigmoid::new()))]
    scale_activation: Box<dyn Forward>,
}

impl SqueezeExcitationBuilder {
    /// The activation between the two convolutions; default [`nn::ReLU`].
    #[must_use]
    pub fn activation(self, activation: impl Forward) -> Self {
        SqueezeExcitationBuilder { activation: Box::new(activation), ..self }
    }

    /// The activation that computes the factors; default [`nn::Sigmoid`].
    #[must_use]
    pub fn scale_activation(self, activation: impl Forward) -> Self {
        SqueezeExcitationBuilder { scale_activation: Box::new(activation), ..self }
    }

    /// Builds the layer and initializes its parameters.
    ///
    /// # Errors
    /// If the parameters do not fit into memory.
    #[op]
    pub fn try_build(self) -> Result<SqueezeExcitation> {
        Ok(SqueezeExcitation {
            avgpool: nn::AdaptiveAvgPool2d::new(1),
            fc1: nn::Conv2d::try_new(self.input_channels, self.squeeze_channels, 1)?,
            fc2: nn::Conv2d::try_new(self.squeeze_channels, self.input_channels, 1)?,
            activation: self.activation,
            scale_activation: self.scale_activation,
        })
    }
}

/// Scales each channel by a factor computed from the means of all channels (Hu et al., "Squeeze-and-Excitation Networks", 2017): means, a
/// convolution to few channels, an activation, a convolution back, and an activation. Input and output `[N, input_channels, H, W]`.
///
/// As [`torchvision.ops.SqueezeExcitation`](https://docs.pytorch.org/vision/stable/generated/torchvision.ops.SqueezeExcitation.html).
///
/// ```
/// use rushlight::{Tensor, nn::{self, Forward}, vision::ops::SqueezeExcitation};
/// let layer = SqueezeExcitation::builder(8, 2).scale_activation(nn::Hardsigmoid::new()).build();
/// assert_eq!(layer.forward(&Tensor::ones([1, 8, 4, 4])).shape(), [1, 8, 4, 4]);
/// ```
#[derive(Module)]
pub struct SqueezeExcitation {
    avgpool: nn::AdaptiveAvgPool2d,
    fc1: nn::Conv2d,
    fc2: nn::Conv2d,
    activation: Box<dyn Forward>,
    scale_activation: Box<dyn Forward>,
}

impl SqueezeExcitation {
    /// Creates a layer with ReLU and sigmoid.
    ///
    /// # Errors
    /// If the parameters do not fit into memory.
    #[op]
    pub fn try_new(input_channels: usize, squeeze_channels: usize) -> Result<SqueezeExcitation> {
        SqueezeExcitation::builder(input_channels, squeeze_channels).try_build()
    }

    /// Returns a builder of the layer.
    pub fn builder(input_channels: usize, squeeze_channels: usize) -> SqueezeExcitationBuilder {
        SqueezeExcitationBuilder::new(input_channels, squeeze_channels)
    }
}

impl Forward for SqueezeExcitation {
    fn forward(&self, x: &Tensor) -> Tensor {
        let squeezed = self.activation.forward(&self.fc1.forward(&self.avgpool.forward(x)));
        self.scale_activation.forward(&self.fc2.forward(&squeezed)) * x
    }
}
