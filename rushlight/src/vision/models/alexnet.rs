//! AlexNet: Krizhevsky, "One weird trick for parallelizing convolutional neural networks" (2014).

use super::ImageModel;
use crate::nn::{self, Conv2d, Forward, Module};
use crate::{Result, Tensor};
use rushlight_macros::{Builder, op};

/// The options of [`alexnet`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct AlexNetOptions {
    /// The probability of dropout in front of the first two linear layers; default 0.5.
    #[builder(default = 0.5)]
    dropout: f64,
}

/// AlexNet with torchvision's names: images `[N, 3, H, W]` of at least 63 × 63 pixels to logits `[N, classes]`. [`alexnet`] creates one. As
/// [`torchvision.models.AlexNet`](https://docs.pytorch.org/vision/stable/models/alexnet.html).
#[derive(Module)]
pub struct AlexNet {
    features: nn::Sequential,
    avgpool: nn::AdaptiveAvgPool2d,
    classifier: nn::Sequential,
}

impl AlexNet {
    fn new(classes: usize, options: AlexNetOptions) -> AlexNet {
        let conv3x3 = |inputs, outputs| Conv2d::builder(inputs, outputs, 3).padding(1).build();
        let pool = || nn::MaxPool2d::builder(3).stride(2).build();
        let dropout = || nn::Dropout::builder().p(options.dropout).build();
        AlexNet {
            features: nn::seq![
                Conv2d::builder(3, 64, 11).stride(4).padding(2).build(),
                nn::ReLU::new(),
                pool(),
                Conv2d::builder(64, 192, 5).padding(2).build(),
                nn::ReLU::new(),
                pool(),
                conv3x3(192, 384),
                nn::ReLU::new(),
                conv3x3(384, 256),
                nn::ReLU::new(),
                conv3x3(256, 256),
                nn::ReLU::new(),
                pool(),
            ],
            avgpool: nn::AdaptiveAvgPool2d::new((6, 6)),
            classifier: nn::seq![
                dropout(),
                nn::Linear::new(256 * 6 * 6, 4096),
                nn::ReLU::new(),
                dropout(),
                nn::Linear::new(4096, 4096),
                nn::ReLU::new(),
                nn::Linear::new(4096, classes),
            ],
        }
    }
}

impl Forward for AlexNet {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.forward_head(&self.forward_features(x))
    }
}

impl ImageModel for AlexNet {
    fn forward_features(&self, x: &Tensor) -> Tensor {
        let x = self.avgpool.forward(&self.features.forward(x)).flatten_dim(1..);
        self.classifier.iter().take(6).fold(x, |x, layer| layer.forward(&x))
    }

    fn forward_head(&self, features: &Tensor) -> Tensor {
        self.classifier[6].forward(features)
    }

    fn heads(&self) -> &'static [&'static str] {
        &["classifier.6"]
    }
}

/// Creates an AlexNet.
///
/// # Errors
/// If the dropout is not in [0, 1], or the parameters do not fit into memory.
///
/// ```
/// use rushlight::nn::{Module, utils::skip_init};
/// use rushlight::vision::models::alexnet;
/// assert_eq!(skip_init(|| alexnet(1000)).num_parameters(), 61_100_840);
/// ```
#[op(torch = "-", free, with)]
pub fn try_alexnet_with(classes: usize, options: AlexNetOptions) -> Result<AlexNet> {
    crate::catch(|| AlexNet::new(classes, options))
}
