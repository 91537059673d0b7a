//! SqueezeNet: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size" (2016).

use super::ImageModel;
use crate::nn::{self, Activation, Conv2d, Forward, Module, init};
use crate::ops::MaxPoolOptions;
use crate::{Result, Tensor};
use rushlight_macros::{Builder, op};

/// The options of [`squeezenet1_0`] and [`squeezenet1_1`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct SqueezeNetOptions {
    /// The probability of dropout in front of the last convolution; default 0.5.
    #[builder(default = 0.5)]
    dropout: f64,
}

/// A convolution to few channels, from which two others compute the two halves of the output.
#[derive(Module)]
struct Fire {
    squeeze: Conv2d,
    squeeze_activation: nn::ReLU,
    expand1x1: Conv2d,
    expand1x1_activation: nn::ReLU,
    expand3x3: Conv2d,
    expand3x3_activation: nn::ReLU,
}

impl Fire {
    fn new(inputs: usize, squeezed: usize, half: usize) -> Fire {
        Fire {
            squeeze: Conv2d::new(inputs, squeezed, 1),
            squeeze_activation: nn::ReLU::new(),
            expand1x1: Conv2d::new(squeezed, half, 1),
            expand1x1_activation: nn::ReLU::new(),
            expand3x3: Conv2d::builder(squeezed, half, 3).padding(1).build(),
            expand3x3_activation: nn::ReLU::new(),
        }
    }
}

impl Forward for Fire {
    fn forward(&self, x: &Tensor) -> Tensor {
        let x = self.squeeze.forward_fused(x, None, Activation::Relu);
        let halves = [&self.expand1x1, &self.expand3x3].map(|conv| conv.forward_fused(&x, None, Activation::Relu));
        Tensor::cat_dim(halves, 1)
    }
}

/// A SqueezeNet with torchvision's names: images `[N, 3, H, W]` of at least 21 × 21 pixels (17 × 17 for 1.1) to logits `[N, classes]`.
/// [`squeezenet1_0`] and [`squeezenet1_1`] create one. The last layer is a convolution whose outputs are averaged. As
/// [`torchvision.models.SqueezeNet`](https://docs.pytorch.org/vision/stable/models/squeezenet.html).
#[derive(Module)]
pub struct SqueezeNet {
    features: nn::Sequential,
    classifier: nn::Sequential,
}

impl SqueezeNet {
    fn new(features: nn::Sequential, classes: usize, options: SqueezeNetOptions) -> SqueezeNet {
        let classifier = nn::seq![
            nn::Dropout::builder().p(options.dropout).build(),
            Conv2d::new(512, classes, 1),
            nn::ReLU::new(),
            nn::AdaptiveAvgPool2d::new((1, 1)),
        ];
        let net = SqueezeNet { features, classifier };
        for (path, param) in net.named_parameters() {
            if path.ends_with(".bias") {
                init::zeros_(&param);
            } else if path.starts_with("classifier.") {
                init::normal_with_(&param, init::NormalOptions::new().std(0.01));
            } else {
                init::kaiming_uniform_(&param);
            }
        }
        net
    }
}

impl Forward for SqueezeNet {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.forward_head(&self.forward_features(x))
    }
}

impl ImageModel for SqueezeNet {
    fn forward_features(&self, x: &Tensor) -> Tensor {
        self.features.forward(x)
    }

    fn forward_head(&self, features: &Tensor) -> Tensor {
        self.classifier.forward(features).flatten_dim(1..)
    }

    fn heads(&self) -> &'static [&'static str] {
        &["classifier.1"]
    }
}

fn pool() -> nn::MaxPool2d {
    MaxPoolOptions::new(3).stride(2).ceil_mode(true).build()
}

/// Creates a SqueezeNet 1.0.
///
/// # Errors
/// If the dropout is not in [0, 1], or the parameters do not fit into memory.
///
/// ```
/// use rushlight::{Tensor, nn::{Forward, Module}, vision::models::squeezenet1_0};
/// let net = squeezenet1_0(10);
/// assert_eq!(net.forward(&Tensor::zeros([1, 3, 32, 32])).shape(), [1, 10]);
/// ```
#[op(torch = "-", free, with)]
pub fn try_squeezenet1_0_with(classes: usize, options: SqueezeNetOptions) -> Result<SqueezeNet> {
    crate::catch(|| {
        let features = nn::seq![
            Conv2d::builder(3, 96, 7).stride(2).build(),
            nn::ReLU::new(),
            pool(),
            Fire::new(96, 16, 64),
            Fire::new(128, 16, 64),
            Fire::new(128, 32, 128),
            pool(),
            Fire::new(256, 32, 128),
            Fire::new(256, 48, 192),
            Fire::new(384, 48, 192),
            Fire::new(384, 64, 256),
            pool(),
            Fire::new(512, 64, 256),
        ];
        SqueezeNet::new(features, classes, options)
    })
}

/// Creates a SqueezeNet 1.1, which computes 2.4 times less than 1.0, see [`squeezenet1_0`].
///
/// # Errors
/// As [`try_squeezenet1_0_with`].
#[op(torch = "-", free, with)]
pub fn try_squeezenet1_1_with(classes: usize, options: SqueezeNetOptions) -> Result<SqueezeNet> {
    crate::catch(|| {
        let features = nn::seq![
            Conv2d::builder(3, 64, 3).stride(2).build(),
            nn::ReLU::new(),
            pool(),
            Fire::new(64, 16, 64),
            Fire::new(128, 16, 64),
            pool(),
            Fire::new(128, 32, 128),
            Fire::new(256, 32, 128),
            pool(),
            Fire::new(256, 48, 192),
            Fire::new(384, 48, 192),
            Fire::new(384, 64, 256),
            Fire::new(512, 64, 256),
        ];
        SqueezeNet::new(features, classes, options)
    })
}
