//! Convolution, normalization and activation as one layer.

use crate::nn::{self, Activation, Forward, Fusion, Module, Sizes};
use crate::{Result, Tensor};
use rushlight_macros::{Builder, op};

/// The options of a [`Conv2dNormActivation`] layer.
#[derive(Builder)]
#[builder(new = pub(super))]
pub struct Conv2dNormActivationBuilder {
    #[builder(required)]
    in_channels: usize,
    #[builder(required)]
    out_channels: usize,
    /// The sizes of the window; default 3.
    #[builder(default = 3.into())]
    kernel_size: Sizes<2>,
    /// The step between windows; default 1.
    #[builder(default = 1.into())]
    stride: Sizes<2>,
    /// The step between the elements of a window; default 1.
    #[builder(default = 1.into())]
    dilation: Sizes<2>,
    /// The number of groups of channels that are convolved separately; default 1.
    #[builder(default = 1)]
    groups: usize,
    #[builder(skip, default = nn::BatchNorm2d::new)]
    norm_layer: fn(usize) -> nn::BatchNorm2d,
    #[builder(skip, default = Some(Box::new(nn::ReLU::new())))]
    activation_layer: Option<Box<dyn Forward>>,
}

impl Conv2dNormActivationBuilder {
    /// The function that creates the normalization from its number of channels; default [`nn::BatchNorm2d::new`].
    #[must_use]
    pub fn norm_layer(self, norm_layer: fn(usize) -> nn::BatchNorm2d) -> Self {
        Conv2dNormActivationBuilder { norm_layer, ..self }
    }

    /// The activation after the normalization; default [`nn::ReLU`].
    #[must_use]
    pub fn activation_layer(self, activation: impl Forward) -> Self {
        Conv2dNormActivationBuilder { activation_layer: Some(Box::new(activation)), ..self }
    }

    /// Leaves out the activation: torchvision's `activation_layer=None`.
    #[must_use]
    pub fn without_activation(self) -> Self {
        Conv2dNormActivationBuilder { activation_layer: None, ..self }
    }

    /// Builds the layer and initializes its parameters.
    ///
    /// # Errors
    /// If a kernel size, stride, dilation or `groups` is 0, or the channels cannot be divided into `groups`.
    #[op]
    pub fn try_build(self) -> Result<Conv2dNormActivation> {
        let ([height, width], [down, right]) = (self.kernel_size.each(), self.dilation.each());
        let padding = [height.saturating_sub(1) / 2 * down, width.saturating_sub(1) / 2 * right];
        let conv = nn::Conv2d::builder(self.in_channels, self.out_channels, self.kernel_size)
            .stride(self.stride)
            .padding(padding)
            .dilation(self.dilation)
            .groups(self.groups)
            .bias(false);
        Ok(Conv2dNormActivation(conv.try_build()?, (self.norm_layer)(self.out_channels), self.activation_layer))
    }
}

/// A convolution without bias, a normalization, and an activation or none. Input `[N, in_channels, H, W]`, output `[N, out_channels, H', W']`,
/// where H' = ⌈H / stride⌉ for an odd kernel size.
///
/// As
/// [`torchvision.ops.Conv2dNormActivation`](https://docs.pytorch.org/vision/stable/generated/torchvision.ops.Conv2dNormActivation.html): the
/// keys are those of a [`Sequential`](nn::Sequential).
///
/// ```
/// use rushlight::{Tensor, nn::{self, Forward, Module}, vision::ops::Conv2dNormActivation};
/// let layer = Conv2dNormActivation::builder(3, 8).stride(2).activation_layer(nn::SiLU::new()).build();
/// assert_eq!(layer.forward(&Tensor::ones([1, 3, 9, 9])).shape(), [1, 8, 5, 5]);
/// assert_eq!(layer.state_dict().keys().take(2).collect::<Vec<_>>(), ["0.weight", "1.weight"]);
/// ```
#[derive(Module)]
pub struct Conv2dNormActivation(nn::Conv2d, nn::BatchNorm2d, Option<Box<dyn Forward>>);

impl Conv2dNormActivation {
    /// Creates a layer with a 3 × 3 kernel, batch normalization and ReLU.
    ///
    /// # Errors
    /// If the parameters do not fit into memory.
    #[op]
    pub fn try_new(in_channels: usize, out_channels: usize) -> Result<Conv2dNormActivation> {
        Conv2dNormActivation::builder(in_channels, out_channels).try_build()
    }

    /// Returns a builder of the layer.
    pub fn builder(in_channels: usize, out_channels: usize) -> Conv2dNormActivationBuilder {
        Conv2dNormActivationBuilder::new(in_channels, out_channels)
    }
}

impl Forward for Conv2dNormActivation {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        let Conv2dNormActivation(conv, norm, activation) = self;
        let Some(activation) = activation else {
            return conv.try_forward_fused(x, Some(norm), Activation::None);
        };
        match activation.fusion() {
            Fusion::Activation(fused) => conv.try_forward_fused(x, Some(norm), fused),
            _ => activation.try_forward(&conv.try_forward_fused(x, Some(norm), Activation::None)?),
        }
    }
}
