//! MobileNetV2: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (2018).

use super::init::{kaiming_fan_out, small_normal};
use super::width::{check_width_mult, make_divisible};
use super::{ImageClassification, ImageModel};
use crate::nn::{self, Forward, Module};
use crate::vision::ops::Conv2dNormActivation;
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};

/// The options of [`mobilenet_v2`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct MobileNetV2Options {
    /// A factor of the number of channels of each layer; default 1.
    #[builder(default = 1.0)]
    width_mult: f64,
    /// What the numbers of channels are multiples of; default 8.
    #[builder(default = 8)]
    round_nearest: usize,
    /// The probability of the dropout in front of the last layer; default 0.2.
    #[builder(default = 0.2)]
    dropout: f64,
}

/// Expansion, output channels, repetitions and stride of each stage.
const STAGES: [(usize, f64, usize, usize); 7] = [
    (1, 16.0, 1, 1),
    (6, 24.0, 2, 2),
    (6, 32.0, 3, 2),
    (6, 64.0, 4, 2),
    (6, 96.0, 3, 1),
    (6, 160.0, 3, 2),
    (6, 320.0, 1, 1),
];

/// A depthwise convolution between a widening and a narrowing one, with a shortcut if shapes allow it.
#[derive(Module)]
struct InvertedResidual {
    conv: nn::Sequential,
    #[module(skip)]
    shortcut: bool,
}

impl InvertedResidual {
    fn new(inputs: usize, outputs: usize, stride: usize, expand: usize) -> InvertedResidual {
        let hidden = inputs * expand;
        let layer = |inputs| Conv2dNormActivation::builder(inputs, hidden).activation_layer(nn::ReLU6::new());
        let mut conv = nn::Sequential::new();
        if expand != 1 {
            conv = conv.push(layer(inputs).kernel_size(1).build());
        }
        let conv = conv
            .push(layer(hidden).stride(stride).groups(hidden).build())
            .push(nn::Conv2d::builder(hidden, outputs, 1).bias(false).build())
            .push(nn::BatchNorm2d::new(outputs));
        InvertedResidual { conv, shortcut: stride == 1 && inputs == outputs }
    }
}

impl Forward for InvertedResidual {
    fn forward(&self, x: &Tensor) -> Tensor {
        let y = self.conv.forward(x);
        if self.shortcut { x + y } else { y }
    }
}

/// MobileNetV2 with torchvision's names: images `[N, 3, H, W]` to logits `[N, classes]`. [`mobilenet_v2`] creates one.
///
/// As [`torchvision.models.mobilenet_v2`](https://docs.pytorch.org/vision/stable/models/mobilenetv2.html).
///
/// ```
/// use rushlight::{Tensor, nn::{Forward, Module}, vision::models::mobilenet_v2};
/// let net = mobilenet_v2(10);
/// net.eval();
/// let logits = rushlight::no_grad(|| net.forward(&Tensor::zeros([1, 3, 32, 32])));
/// assert_eq!(logits.shape(), [1, 10]);
/// ```
#[derive(Module)]
pub struct MobileNetV2 {
    features: nn::Sequential,
    classifier: nn::Sequential,
}

impl MobileNetV2 {
    fn new(classes: usize, options: MobileNetV2Options) -> MobileNetV2 {
        let MobileNetV2Options { width_mult, round_nearest, dropout } = options;
        let layer = |inputs, outputs| Conv2dNormActivation::builder(inputs, outputs).activation_layer(nn::ReLU6::new());
        let mut inputs = make_divisible(32.0 * width_mult, round_nearest);
        let last = make_divisible(1280.0 * width_mult.max(1.0), round_nearest);
        let mut features = nn::Sequential::new().push(layer(3, inputs).stride(2).build());
        for (expand, channels, repeats, stride) in STAGES {
            let outputs = make_divisible(channels * width_mult, round_nearest);
            for i in 0..repeats {
                let stride = if i == 0 { stride } else { 1 };
                features = features.push(InvertedResidual::new(inputs, outputs, stride, expand));
                inputs = outputs;
            }
        }
        let net = MobileNetV2 {
            features: features.push(layer(inputs, last).kernel_size(1).build()),
            classifier: nn::seq![nn::Dropout::builder().p(dropout).build(), nn::Linear::new(last, classes)],
        };
        kaiming_fan_out(&net, small_normal);
        net
    }
}

impl Forward for MobileNetV2 {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.forward_head(&self.forward_features(x))
    }
}

impl ImageModel for MobileNetV2 {
    fn forward_features(&self, x: &Tensor) -> Tensor {
        self.features.forward(x).adaptive_avg_pool2d(1).flatten_dim(1..)
    }

    fn forward_head(&self, features: &Tensor) -> Tensor {
        self.classifier.forward(features)
    }

    fn heads(&self) -> &'static [&'static str] {
        &["classifier.1"]
    }

    fn preprocessing(&self) -> ImageClassification {
        ImageClassification { resize_size: 232, ..ImageClassification::default() }
    }
}

/// Creates a MobileNetV2, see [`MobileNetV2`].
///
/// # Errors
/// If `width_mult` is not positive, `round_nearest` is 0, `dropout` is not in [0, 1], or the parameters do not fit into memory.
#[op(torch = "-", free, with)]
pub fn try_mobilenet_v2_with(classes: usize, options: MobileNetV2Options) -> Result<MobileNetV2> {
    check_width_mult("mobilenet_v2", options.width_mult)?;
    if options.round_nearest == 0 {
        return Err(Error::value("mobilenet_v2", "expected round_nearest of at least 1, got 0"));
    }
    crate::catch(|| MobileNetV2::new(classes, options))
}
