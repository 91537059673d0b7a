//! EfficientNet: Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (2019).

use super::init::kaiming_fan_out;
use super::width::make_divisible;
use super::{ImageClassification, ImageModel, Interpolation};
use crate::nn::{self, Forward, Module};
use crate::vision::ops::{Conv2dNormActivation, SqueezeExcitation, StochasticDepth, StochasticDepthMode};
use crate::{Result, Tensor};
use rushlight_macros::{Builder, op};

/// The options of the EfficientNets.
#[derive(Builder, Clone, Copy, Debug)]
pub struct EfficientNetOptions {
    /// The probability of the dropout in front of the last layer; default 0.2 to 0.5, growing with the network.
    dropout: Option<f64>,
    /// The probability at which the last block is skipped in training; it grows linearly from 0 in the first block. Default 0.2.
    #[builder(default = 0.2)]
    stochastic_depth_prob: f64,
}

/// Expansion, kernel size, stride, input channels, output channels and repetitions of each stage of B0.
const STAGES: [(usize, usize, usize, usize, usize, usize); 7] = [
    (1, 3, 1, 32, 16, 1),
    (6, 3, 2, 16, 24, 2),
    (6, 5, 2, 24, 40, 2),
    (6, 3, 2, 40, 80, 3),
    (6, 5, 1, 80, 112, 3),
    (6, 5, 2, 112, 192, 4),
    (6, 3, 1, 192, 320, 1),
];

/// What B0 to B7 differ in.
struct Variant {
    /// Factors of the numbers of channels and of blocks.
    width: f64,
    depth: f64,
    dropout: f64,
    norm: fn(usize) -> nn::BatchNorm2d,
    /// The sizes and the interpolation of [`ImageClassification`].
    images: (usize, usize, Interpolation),
}

/// The normalization of the networks whose weights were converted from TensorFlow.
fn tensorflow_norm(channels: usize) -> nn::BatchNorm2d {
    nn::BatchNorm2d::builder(channels).eps(1e-3).momentum(0.01).build()
}

/// A depthwise convolution between a widening and a narrowing one, with squeeze-and-excitation, and a shortcut if shapes allow it.
#[derive(Module)]
struct MBConv {
    block: nn::Sequential,
    stochastic_depth: StochasticDepth,
    #[module(skip)]
    shortcut: bool,
}

impl Forward for MBConv {
    fn forward(&self, x: &Tensor) -> Tensor {
        let y = self.block.forward(x);
        if self.shortcut { self.stochastic_depth.forward(&y) + x } else { y }
    }
}

/// An EfficientNet with torchvision's names: images `[N, 3, H, W]` to logits `[N, classes]`. [`efficientnet_b0`] to [`efficientnet_b7`] create
/// one.
///
/// As [`torchvision.models.efficientnet_b0`](https://docs.pytorch.org/vision/stable/models/efficientnet.html).
///
/// ```
/// use rushlight::{Tensor, nn::{Forward, Module}, vision::models::efficientnet_b0};
/// let net = efficientnet_b0(10);
/// net.eval();
/// let logits = rushlight::no_grad(|| net.forward(&Tensor::zeros([1, 3, 32, 32])));
/// assert_eq!(logits.shape(), [1, 10]);
/// ```
#[derive(Module)]
pub struct EfficientNet {
    features: nn::Sequential,
    avgpool: nn::AdaptiveAvgPool2d,
    classifier: nn::Sequential,
    #[module(skip)]
    images: (usize, usize, Interpolation),
}

impl EfficientNet {
    fn build(variant: Variant, classes: usize, options: EfficientNetOptions) -> Result<EfficientNet> {
        crate::catch(|| EfficientNet::new(variant, classes, options))
    }

    fn new(variant: Variant, classes: usize, options: EfficientNetOptions) -> EfficientNet {
        let Variant { width, depth, norm, images, .. } = variant;
        let scaled = |channels: usize| make_divisible(channels as f64 * width, 8);
        let repeated = |blocks: usize| (blocks as f64 * depth).ceil() as usize;
        let layer = |inputs, outputs| {
            Conv2dNormActivation::builder(inputs, outputs).norm_layer(norm).activation_layer(nn::SiLU::new())
        };
        let block = |inputs: usize, outputs: usize, (expand, kernel, stride): (usize, usize, usize), p: f64| {
            let expanded = make_divisible((inputs * expand) as f64, 8);
            let mut block = nn::Sequential::new();
            if expanded != inputs {
                block = block.push(layer(inputs, expanded).kernel_size(1).build());
            }
            let depthwise = layer(expanded, expanded).kernel_size(kernel).stride(stride).groups(expanded);
            let squeeze = SqueezeExcitation::builder(expanded, (inputs / 4).max(1)).activation(nn::SiLU::new());
            MBConv {
                block: block
                    .push(depthwise.build())
                    .push(squeeze.build())
                    .push(layer(expanded, outputs).kernel_size(1).without_activation().build()),
                stochastic_depth: StochasticDepth::new(p, StochasticDepthMode::Row),
                shortcut: stride == 1 && inputs == outputs,
            }
        };
        let total: usize = STAGES.iter().map(|stage| repeated(stage.5)).sum();
        let mut features = nn::Sequential::new().push(layer(3, scaled(STAGES[0].3)).stride(2).build());
        let mut id = 0;
        for (expand, kernel, stride, inputs, outputs, blocks) in STAGES {
            let (inputs, outputs) = (scaled(inputs), scaled(outputs));
            let mut stage = nn::Sequential::new();
            for i in 0..repeated(blocks) {
                let (inputs, stride) = if i == 0 { (inputs, stride) } else { (outputs, 1) };
                let p = options.stochastic_depth_prob * id as f64 / total as f64;
                stage = stage.push(block(inputs, outputs, (expand, kernel, stride), p));
                id += 1;
            }
            features = features.push(stage);
        }
        let last = scaled(STAGES[STAGES.len() - 1].4);
        let dropout = nn::Dropout::builder().p(options.dropout.unwrap_or(variant.dropout)).build();
        let net = EfficientNet {
            features: features.push(layer(last, 4 * last).kernel_size(1).build()),
            avgpool: nn::AdaptiveAvgPool2d::new(1),
            classifier: nn::seq![dropout, nn::Linear::new(4 * last, classes)],
            images,
        };
        kaiming_fan_out(&net, |layer| {
            let bound = 1.0 / (layer.out_features() as f64).sqrt();
            nn::init::uniform_(&layer.weight, -bound..bound);
        });
        net
    }
}

impl Forward for EfficientNet {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.forward_head(&self.forward_features(x))
    }
}

impl ImageModel for EfficientNet {
    fn forward_features(&self, x: &Tensor) -> Tensor {
        self.avgpool.forward(&self.features.forward(x)).flatten_dim(1..)
    }

    fn forward_head(&self, features: &Tensor) -> Tensor {
        self.classifier.forward(features)
    }

    fn heads(&self) -> &'static [&'static str] {
        &["classifier.1"]
    }

    fn preprocessing(&self) -> ImageClassification {
        let (resize_size, crop_size, interpolation) = self.images;
        ImageClassification { resize_size, crop_size, interpolation, ..ImageClassification::default() }
    }
}

/// Creates an EfficientNet-B0, see [`EfficientNet`].
///
/// # Errors
/// If a probability is not in [0, 1], or the parameters do not fit into memory.
#[op(torch = "-", free, with)]
pub fn try_efficientnet_b0_with(classes: usize, options: EfficientNetOptions) -> Result<EfficientNet> {
    let images = (256, 224, Interpolation::Bicubic);
    let variant = Variant { width: 1.0, depth: 1.0, dropout: 0.2, norm: nn::BatchNorm2d::new, images };
    EfficientNet::build(variant, classes, options)
}

/// Creates an EfficientNet-B1, see [`EfficientNet`].
///
/// # Errors
/// As [`try_efficientnet_b0_with`].
#[op(torch = "-", free, with)]
pub fn try_efficientnet_b1_with(classes: usize, options: EfficientNetOptions) -> Result<EfficientNet> {
    let images = (255, 240, Interpolation::Bilinear);
    let variant = Variant { width: 1.0, depth: 1.1, dropout: 0.2, norm: nn::BatchNorm2d::new, images };
    EfficientNet::build(variant, classes, options)
}

/// Creates an EfficientNet-B2, see [`EfficientNet`].
///
/// # Errors
/// As [`try_efficientnet_b0_with`].
#[op(torch = "-", free, with)]
pub fn try_efficientnet_b2_with(classes: usize, options: EfficientNetOptions) -> Result<EfficientNet> {
    let images = (288, 288, Interpolation::Bicubic);
    let variant = Variant { width: 1.1, depth: 1.2, dropout: 0.3, norm: nn::BatchNorm2d::new, images };
    EfficientNet::build(variant, classes, options)
}

/// Creates an EfficientNet-B3, see [`EfficientNet`].
///
/// # Errors
/// As [`try_efficientnet_b0_with`].
#[op(torch = "-", free, with)]
pub fn try_efficientnet_b3_with(classes: usize, options: EfficientNetOptions) -> Result<EfficientNet> {
    let images = (320, 300, Interpolation::Bicubic);
    let variant = Variant { width: 1.2, depth: 1.4, dropout: 0.3, norm: nn::BatchNorm2d::new, images };
    EfficientNet::build(variant, classes, options)
}

/// Creates an EfficientNet-B4, see [`EfficientNet`].
///
/// # Errors
/// As [`try_efficientnet_b0_with`].
#[op(torch = "-", free, with)]
pub fn try_efficientnet_b4_with(classes: usize, options: EfficientNetOptions) -> Result<EfficientNet> {
    let images = (384, 380, Interpolation::Bicubic);
    let variant = Variant { width: 1.4, depth: 1.8, dropout: 0.4, norm: nn::BatchNorm2d::new, images };
    EfficientNet::build(variant, classes, options)
}

/// Creates an EfficientNet-B5, see [`EfficientNet`].
///
/// # Errors
/// As [`try_efficientnet_b0_with`].
#[op(torch = "-", free, with)]
pub fn try_efficientnet_b5_with(classes: usize, options: EfficientNetOptions) -> Result<EfficientNet> {
    let images = (456, 456, Interpolation::Bicubic);
    let variant = Variant { width: 1.6, depth: 2.2, dropout: 0.4, norm: tensorflow_norm, images };
    EfficientNet::build(variant, classes, options)
}

/// Creates an EfficientNet-B6, see [`EfficientNet`].
///
/// # Errors
/// As [`try_efficientnet_b0_with`].
#[op(torch = "-", free, with)]
pub fn try_efficientnet_b6_with(classes: usize, options: EfficientNetOptions) -> Result<EfficientNet> {
    let images = (528, 528, Interpolation::Bicubic);
    let variant = Variant { width: 1.8, depth: 2.6, dropout: 0.5, norm: tensorflow_norm, images };
    EfficientNet::build(variant, classes, options)
}

/// Creates an EfficientNet-B7, see [`EfficientNet`].
///
/// # Errors
/// As [`try_efficientnet_b0_with`].
#[op(torch = "-", free, with)]
pub fn try_efficientnet_b7_with(classes: usize, options: EfficientNetOptions) -> Result<EfficientNet> {
    let images = (600, 600, Interpolation::Bicubic);
    let variant = Variant { width: 2.0, depth: 3.1, dropout: 0.5, norm: tensorflow_norm, images };
    EfficientNet::build(variant, classes, options)
}
