//! MobileNetV3: Howard et al., "Searching for MobileNetV3" (2019).

use super::init::{kaiming_fan_out, small_normal};
use super::width::{check_width_mult, make_divisible};
use super::{ImageClassification, ImageModel};
use crate::nn::{self, Forward, Module};
use crate::vision::ops::{Conv2dNormActivation, Conv2dNormActivationBuilder, SqueezeExcitation};
use crate::{Result, Tensor};
use rushlight_macros::{Builder, op};

/// The options of [`mobilenet_v3_small`] and [`mobilenet_v3_large`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct MobileNetV3Options {
    /// A factor of the number of channels of each layer; default 1.
    #[builder(default = 1.0)]
    width_mult: f64,
    /// Whether the last stage and the layer in front of the head have half as many channels; default false.
    reduced_tail: bool,
    /// Whether the last stage has dilated convolutions for its stride, so that its output is not smaller; default false.
    dilated: bool,
    /// The probability of the dropout in front of the last layer; default 0.2.
    #[builder(default = 0.2)]
    dropout: f64,
}

/// The activation of a block.
#[derive(Clone, Copy, PartialEq)]
enum Act {
    Relu,
    Hardswish,
}
use Act::{Hardswish, Relu};

/// Kernel size, expanded channels, output channels, squeeze-and-excitation, activation and stride of a block.
type Block = (usize, usize, usize, bool, Act, usize);

const SMALL: [Block; 11] = [
    (3, 16, 16, true, Relu, 2),
    (3, 72, 24, false, Relu, 2),
    (3, 88, 24, false, Relu, 1),
    (5, 96, 40, true, Hardswish, 2),
    (5, 240, 40, true, Hardswish, 1),
    (5, 240, 40, true, Hardswish, 1),
    (5, 120, 48, true, Hardswish, 1),
    (5, 144, 48, true, Hardswish, 1),
    (5, 288, 96, true, Hardswish, 2),
    (5, 576, 96, true, Hardswish, 1),
    (5, 576, 96, true, Hardswish, 1),
];

const LARGE: [Block; 15] = [
    (3, 16, 16, false, Relu, 1),
    (3, 64, 24, false, Relu, 2),
    (3, 72, 24, false, Relu, 1),
    (5, 72, 40, true, Relu, 2),
    (5, 120, 40, true, Relu, 1),
    (5, 120, 40, true, Relu, 1),
    (3, 240, 80, false, Hardswish, 2),
    (3, 200, 80, false, Hardswish, 1),
    (3, 184, 80, false, Hardswish, 1),
    (3, 184, 80, false, Hardswish, 1),
    (3, 480, 112, true, Hardswish, 1),
    (3, 672, 112, true, Hardswish, 1),
    (5, 672, 160, true, Hardswish, 2),
    (5, 960, 160, true, Hardswish, 1),
    (5, 960, 160, true, Hardswish, 1),
];

/// The number of blocks in the last stage.
const TAIL: usize = 3;

fn layer(inputs: usize, outputs: usize, activation: Act) -> Conv2dNormActivationBuilder {
    let norm = |channels| nn::BatchNorm2d::builder(channels).eps(1e-3).momentum(0.01).build();
    let layer = Conv2dNormActivation::builder(inputs, outputs).norm_layer(norm);
    match activation {
        Relu => layer,
        Hardswish => layer.activation_layer(nn::Hardswish::new()),
    }
}

/// A depthwise convolution between a widening and a narrowing one, with squeeze-and-excitation in some blocks, and a shortcut if shapes
/// allow it.
#[derive(Module)]
struct InvertedResidual {
    block: nn::Sequential,
    #[module(skip)]
    shortcut: bool,
}

impl InvertedResidual {
    fn new(inputs: usize, (kernel, expanded, outputs, squeeze, act, stride): Block, dilation: usize) -> Self {
        let mut block = nn::Sequential::new();
        if expanded != inputs {
            block = block.push(layer(inputs, expanded, act).kernel_size(1).build());
        }
        let depthwise = layer(expanded, expanded, act).kernel_size(kernel).groups(expanded);
        let depthwise = depthwise.stride(if dilation > 1 { 1 } else { stride }).dilation(dilation);
        block = block.push(depthwise.build());
        if squeeze {
            let squeezed = make_divisible((expanded / 4) as f64, 8);
            let layer = SqueezeExcitation::builder(expanded, squeezed).scale_activation(nn::Hardsigmoid::new());
            block = block.push(layer.build());
        }
        InvertedResidual {
            block: block.push(layer(expanded, outputs, act).kernel_size(1).without_activation().build()),
            shortcut: stride == 1 && inputs == outputs,
        }
    }
}

impl Forward for InvertedResidual {
    fn forward(&self, x: &Tensor) -> Tensor {
        let y = self.block.forward(x);
        if self.shortcut { y + x } else { y }
    }
}

/// MobileNetV3 with torchvision's names: images `[N, 3, H, W]` to logits `[N, classes]`. [`mobilenet_v3_small`] and [`mobilenet_v3_large`] create
/// one.
///
/// As [`torchvision.models.mobilenet_v3_large`](https://docs.pytorch.org/vision/stable/models/mobilenetv3.html). The features of an image are
/// what the last of the two linear layers gets.
///
/// ```
/// use rushlight::{Tensor, nn::{Forward, Module}, vision::models::mobilenet_v3_small};
/// let net = mobilenet_v3_small(10);
/// net.eval();
/// let logits = rushlight::no_grad(|| net.forward(&Tensor::zeros([1, 3, 32, 32])));
/// assert_eq!(logits.shape(), [1, 10]);
/// ```
#[derive(Module)]
pub struct MobileNetV3 {
    features: nn::Sequential,
    avgpool: nn::AdaptiveAvgPool2d,
    classifier: nn::Sequential,
    #[module(skip)]
    resize_size: usize,
}

impl MobileNetV3 {
    fn build(
        name: &'static str,
        (blocks, last, resize_size): (&[Block], usize, usize),
        classes: usize,
        options: MobileNetV3Options,
    ) -> Result<MobileNetV3> {
        check_width_mult(name, options.width_mult)?;
        crate::catch(|| MobileNetV3::new(blocks, last, resize_size, classes, options))
    }

    fn new(blocks: &[Block], last: usize, resize_size: usize, classes: usize, options: MobileNetV3Options) -> Self {
        let MobileNetV3Options { width_mult, reduced_tail, dilated, dropout } = options;
        let scaled = |channels: usize| make_divisible(channels as f64 * width_mult, 8);
        let divider = if reduced_tail { 2 } else { 1 };
        let mut inputs = scaled(16);
        let mut features = nn::Sequential::new().push(layer(3, inputs, Hardswish).stride(2).build());
        let tail = blocks.len() - TAIL;
        for (i, &(kernel, expanded, outputs, squeeze, act, stride)) in blocks.iter().enumerate() {
            // The first block of the last stage widens the channels of the stage before it, which are not reduced.
            let expanded = if i > tail { expanded / divider } else { expanded };
            let outputs = scaled(if i >= tail { outputs / divider } else { outputs });
            let dilation = if dilated && i >= tail { 2 } else { 1 };
            let block = (kernel, scaled(expanded), outputs, squeeze, act, stride);
            features = features.push(InvertedResidual::new(inputs, block, dilation));
            inputs = outputs;
        }
        let (hidden, last) = (6 * inputs, scaled(last / divider));
        let net = MobileNetV3 {
            features: features.push(layer(inputs, hidden, Hardswish).kernel_size(1).build()),
            avgpool: nn::AdaptiveAvgPool2d::new(1),
            classifier: nn::seq![
                nn::Linear::new(hidden, last),
                nn::Hardswish::new(),
                nn::Dropout::builder().p(dropout).build(),
                nn::Linear::new(last, classes),
            ],
            resize_size,
        };
        kaiming_fan_out(&net, small_normal);
        net
    }
}

impl Forward for MobileNetV3 {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.forward_head(&self.forward_features(x))
    }
}

impl ImageModel for MobileNetV3 {
    fn forward_features(&self, x: &Tensor) -> Tensor {
        let x = self.avgpool.forward(&self.features.forward(x)).flatten_dim(1..);
        self.classifier.iter().take(2).fold(x, |x, layer| layer.forward(&x))
    }

    fn forward_head(&self, features: &Tensor) -> Tensor {
        self.classifier.iter().skip(2).fold(features.clone(), |x, layer| layer.forward(&x))
    }

    fn heads(&self) -> &'static [&'static str] {
        &["classifier.3"]
    }

    fn preprocessing(&self) -> ImageClassification {
        ImageClassification { resize_size: self.resize_size, ..ImageClassification::default() }
    }
}

/// Creates a small MobileNetV3, see [`MobileNetV3`].
///
/// # Errors
/// If `width_mult` is not positive, `dropout` is not in [0, 1], or the parameters do not fit into memory.
#[op(torch = "-", free, with)]
pub fn try_mobilenet_v3_small_with(classes: usize, options: MobileNetV3Options) -> Result<MobileNetV3> {
    MobileNetV3::build("mobilenet_v3_small", (&SMALL, 1024, 256), classes, options)
}

/// Creates a large MobileNetV3, see [`MobileNetV3`].
///
/// # Errors
/// As [`try_mobilenet_v3_small_with`].
#[op(torch = "-", free, with)]
pub fn try_mobilenet_v3_large_with(classes: usize, options: MobileNetV3Options) -> Result<MobileNetV3> {
    MobileNetV3::build("mobilenet_v3_large", (&LARGE, 1280, 232), classes, options)
}
