//! DenseNet: Huang et al., "Densely Connected Convolutional Networks" (2016).

use super::ImageModel;
use crate::nn::{self, Activation, BatchNorm2d, Conv2d, Forward, Item, Module, Training, Visitor, init};
use crate::ops::DropoutOptions;
use crate::{Result, Tensor};
use rushlight_macros::{Builder, op};
use std::borrow::Cow;

/// The options of the DenseNets.
#[derive(Builder, Clone, Copy, Debug)]
pub struct DenseNetOptions {
    /// The number of channels between the two convolutions of a layer, as a multiple of those that the layer adds; default 4.
    #[builder(default = 4)]
    bn_size: usize,
    /// The probability of dropout behind each layer; default 0.
    drop_rate: f64,
}

/// Two convolutions, each behind a normalization and ReLU, whose output is appended to the channels of the input.
#[derive(Module)]
#[module(kind = Self::kind)]
struct DenseLayer {
    norm1: BatchNorm2d,
    relu1: nn::ReLU,
    conv1: Conv2d,
    norm2: BatchNorm2d,
    relu2: nn::ReLU,
    conv2: Conv2d,
    training: Training,
    #[module(skip)]
    drop_rate: f64,
}

impl DenseLayer {
    fn new(inputs: usize, growth: usize, options: DenseNetOptions) -> DenseLayer {
        let width = options.bn_size * growth;
        DenseLayer {
            norm1: BatchNorm2d::new(inputs),
            relu1: nn::ReLU::new(),
            conv1: Conv2d::builder(inputs, width, 1).bias(false).build(),
            norm2: BatchNorm2d::new(width),
            relu2: nn::ReLU::new(),
            conv2: Conv2d::builder(width, growth, 3).padding(1).bias(false).build(),
            training: Training::default(),
            drop_rate: options.drop_rate,
        }
    }

    fn kind(&self) -> &str {
        "_DenseLayer"
    }
}

impl Forward for DenseLayer {
    fn forward(&self, x: &Tensor) -> Tensor {
        let x = self.norm1.forward_fused(x, Activation::Relu);
        let x = self.conv1.forward_fused(&x, Some(&self.norm2), Activation::Relu);
        let x = self.conv2.forward(&x);
        if self.drop_rate == 0.0 {
            return x;
        }
        x.dropout_with(DropoutOptions::new().p(self.drop_rate).training(self.training.get()))
    }
}

/// Layers that get the outputs of all previous ones.
struct DenseBlock(Vec<(String, DenseLayer)>);

impl DenseBlock {
    fn new(layers: usize, inputs: usize, growth: usize, options: DenseNetOptions) -> DenseBlock {
        let layer = |i| (format!("denselayer{}", i + 1), DenseLayer::new(inputs + i * growth, growth, options));
        DenseBlock((0..layers).map(layer).collect())
    }
}

impl Module for DenseBlock {
    fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        for (name, layer) in &self.0 {
            visitor.visit(name, Item::Module(layer));
        }
    }

    fn kind(&self) -> &str {
        "_DenseBlock"
    }

    fn as_module(&self) -> &dyn Module {
        self
    }
}

impl Forward for DenseBlock {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.0.iter().fold(x.clone(), |x, (_, layer)| Tensor::cat_dim([&x, &layer.forward(&x)], 1))
    }
}

/// Halves height and width between two blocks, and the channels.
#[derive(Module)]
#[module(kind = Self::kind)]
struct Transition {
    norm: BatchNorm2d,
    relu: nn::ReLU,
    conv: Conv2d,
    pool: nn::AvgPool2d,
}

impl Transition {
    fn new(inputs: usize, outputs: usize) -> Transition {
        Transition {
            norm: BatchNorm2d::new(inputs),
            relu: nn::ReLU::new(),
            conv: Conv2d::builder(inputs, outputs, 1).bias(false).build(),
            pool: nn::AvgPool2d::builder(2).stride(2).build(),
        }
    }

    fn kind(&self) -> &str {
        "_Transition"
    }
}

impl Forward for Transition {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.pool.forward(&self.conv.forward(&self.norm.forward_fused(x, Activation::Relu)))
    }
}

/// A DenseNet with torchvision's names: images `[N, 3, H, W]` of at least 29 × 29 pixels to logits `[N, classes]`. [`densenet121`] to
/// [`densenet201`] create one. As [`torchvision.models.DenseNet`](https://docs.pytorch.org/vision/stable/models/densenet.html).
#[derive(Module)]
pub struct DenseNet {
    features: nn::Sequential,
    classifier: nn::Linear,
}

impl DenseNet {
    /// A network whose layers add `growth` channels to the `inputs` of the first block.
    fn build(
        growth: usize,
        blocks: [usize; 4],
        inputs: usize,
        classes: usize,
        options: DenseNetOptions,
    ) -> Result<DenseNet> {
        crate::catch(|| DenseNet::new(growth, blocks, inputs, classes, options))
    }

    fn new(growth: usize, blocks: [usize; 4], inputs: usize, classes: usize, options: DenseNetOptions) -> DenseNet {
        let mut features = nn::Sequential::new()
            .push_named("conv0", Conv2d::builder(3, inputs, 7).stride(2).padding(3).bias(false).build())
            .push_named("norm0", BatchNorm2d::new(inputs))
            .push_named("relu0", nn::ReLU::new())
            .push_named("pool0", nn::MaxPool2d::builder(3).stride(2).padding(1).build());
        let mut channels = inputs;
        for (i, layers) in blocks.into_iter().enumerate() {
            let block = DenseBlock::new(layers, channels, growth, options);
            features = features.push_named(&format!("denseblock{}", i + 1), block);
            channels += layers * growth;
            if i + 1 < blocks.len() {
                features =
                    features.push_named(&format!("transition{}", i + 1), Transition::new(channels, channels / 2));
                channels /= 2;
            }
        }
        features = features.push_named("norm5", BatchNorm2d::new(channels));
        let net = DenseNet { features, classifier: nn::Linear::new(channels, classes) };
        for weight in net.parameters().iter().filter(|param| param.get().dim() == 4) {
            init::kaiming_normal_(weight);
        }
        net.classifier.bias.as_ref().map(init::zeros_);
        net
    }
}

impl Forward for DenseNet {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.forward_head(&self.forward_features(x))
    }
}

impl ImageModel for DenseNet {
    fn forward_features(&self, x: &Tensor) -> Tensor {
        self.features.forward(x).relu().adaptive_avg_pool2d(1).flatten_dim(1..)
    }

    fn forward_head(&self, features: &Tensor) -> Tensor {
        self.classifier.forward(features)
    }

    fn heads(&self) -> &'static [&'static str] {
        &["classifier"]
    }

    /// `features.denseblock1.denselayer1.norm.1.weight` was the name of `….norm1.weight`.
    fn current_key<'k>(&self, key: &'k str) -> Cow<'k, str> {
        let old = ["norm.1.", "norm.2.", "conv.1.", "conv.2."].into_iter().find(|old| key.contains(old));
        match old.filter(|_| key.contains(".denselayer")) {
            Some(old) => Cow::Owned(key.replace(old, &format!("{}{}.", &old[..4], &old[5..6]))),
            None => Cow::Borrowed(key),
        }
    }
}

/// Creates a DenseNet-121.
///
/// # Errors
/// If the drop rate is not in [0, 1], or the parameters do not fit into memory.
///
/// ```
/// use rushlight::nn::{Module, utils::skip_init};
/// use rushlight::vision::models::densenet121;
/// assert_eq!(skip_init(|| densenet121(1000)).num_parameters(), 7_978_856);
/// ```
#[op(torch = "-", free, with)]
pub fn try_densenet121_with(classes: usize, options: DenseNetOptions) -> Result<DenseNet> {
    DenseNet::build(32, [6, 12, 24, 16], 64, classes, options)
}

/// Creates a DenseNet-161, see [`densenet121`].
///
/// # Errors
/// As [`try_densenet121_with`].
#[op(torch = "-", free, with)]
pub fn try_densenet161_with(classes: usize, options: DenseNetOptions) -> Result<DenseNet> {
    DenseNet::build(48, [6, 12, 36, 24], 96, classes, options)
}

/// Creates a DenseNet-169, see [`densenet121`].
///
/// # Errors
/// As [`try_densenet121_with`].
#[op(torch = "-", free, with)]
pub fn try_densenet169_with(classes: usize, options: DenseNetOptions) -> Result<DenseNet> {
    DenseNet::build(32, [6, 12, 32, 32], 64, classes, options)
}

/// Creates a DenseNet-201, see [`densenet121`].
///
/// # Errors
/// As [`try_densenet121_with`].
#[op(torch = "-", free, with)]
pub fn try_densenet201_with(classes: usize, options: DenseNetOptions) -> Result<DenseNet> {
    DenseNet::build(32, [6, 12, 48, 32], 64, classes, options)
}
