//! Residual networks: He et al., "Deep Residual Learning for Image Recognition" (2015).

use super::ImageModel;
use crate::error::fail;
use crate::nn::{self, Activation, BatchNorm2d, Conv2d, Forward, Module, init};
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};

/// The options of the residual networks.
#[derive(Builder, Clone, Copy, Debug)]
pub struct ResNetOptions {
    /// Whether the weight of the last normalization of each block starts at 0, so that the block is an identity at first; default false.
    zero_init_residual: bool,
    /// The number of groups of the 3 × 3 convolutions; default 1. Networks with at least 50 layers only.
    #[builder(default = 1)]
    groups: usize,
    /// The number of channels of a group in the first stage; default 64. Networks with at least 50 layers only.
    #[builder(default = 64)]
    width_per_group: usize,
}

fn conv3x3(inputs: usize, outputs: usize, stride: usize, groups: usize) -> Conv2d {
    Conv2d::builder(inputs, outputs, 3).stride(stride).padding(1).groups(groups).bias(false).build()
}

fn conv1x1(inputs: usize, outputs: usize, stride: usize) -> Conv2d {
    Conv2d::builder(inputs, outputs, 1).stride(stride).bias(false).build()
}

/// The convolution that gives a shortcut the shape of the output, if it has another.
fn downsample(inputs: usize, outputs: usize, stride: usize) -> Option<nn::Sequential> {
    (stride != 1 || inputs != outputs)
        .then(|| nn::Sequential::new().push(conv1x1(inputs, outputs, stride)).push(BatchNorm2d::new(outputs)))
}

/// The sum of the branch and its shortcut, and ReLU.
fn join(y: &Tensor, x: &Tensor, downsample: Option<&nn::Sequential>) -> Tensor {
    match downsample {
        Some(downsample) => y.add_relu(&downsample.forward(x)),
        None => y.add_relu(x),
    }
}

/// Two 3 × 3 convolutions with a shortcut.
#[derive(Module)]
struct BasicBlock {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    relu: nn::ReLU,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    downsample: Option<nn::Sequential>,
}

impl BasicBlock {
    fn new(inputs: usize, outputs: usize, stride: usize) -> BasicBlock {
        let downsample = downsample(inputs, outputs, stride);
        BasicBlock {
            conv1: conv3x3(inputs, outputs, stride, 1),
            bn1: BatchNorm2d::new(outputs),
            relu: nn::ReLU::new(),
            conv2: conv3x3(outputs, outputs, 1, 1),
            bn2: BatchNorm2d::new(outputs),
            downsample,
        }
    }
}

impl Forward for BasicBlock {
    fn forward(&self, x: &Tensor) -> Tensor {
        let y = self.conv1.forward_fused(x, Some(&self.bn1), Activation::Relu);
        let y = self.conv2.forward_fused(&y, Some(&self.bn2), Activation::None);
        join(&y, x, self.downsample.as_ref())
    }
}

/// A 3 × 3 convolution between a narrowing and a widening one, with a shortcut. The stride is that of the 3 × 3 convolution as in
/// torchvision, not that of the first one as in the paper.
#[derive(Module)]
struct Bottleneck {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    conv3: Conv2d,
    bn3: BatchNorm2d,
    relu: nn::ReLU,
    downsample: Option<nn::Sequential>,
}

impl Bottleneck {
    fn new(inputs: usize, width: usize, outputs: usize, stride: usize, groups: usize) -> Bottleneck {
        let downsample = downsample(inputs, outputs, stride);
        Bottleneck {
            conv1: conv1x1(inputs, width, 1),
            bn1: BatchNorm2d::new(width),
            conv2: conv3x3(width, width, stride, groups),
            bn2: BatchNorm2d::new(width),
            conv3: conv1x1(width, outputs, 1),
            bn3: BatchNorm2d::new(outputs),
            relu: nn::ReLU::new(),
            downsample,
        }
    }
}

impl Forward for Bottleneck {
    fn forward(&self, x: &Tensor) -> Tensor {
        let y = self.conv1.forward_fused(x, Some(&self.bn1), Activation::Relu);
        let y = self.conv2.forward_fused(&y, Some(&self.bn2), Activation::Relu);
        let y = self.conv3.forward_fused(&y, Some(&self.bn3), Activation::None);
        join(&y, x, self.downsample.as_ref())
    }
}

/// A residual network with torchvision's names: images `[N, 3, H, W]` to logits `[N, classes]`. [`resnet18`] to [`resnet152`] create one.
///
/// Convolutions are initialized by [`kaiming_normal_`](crate::nn::init::kaiming_normal_) with outgoing connections. As
/// [`torchvision.models.ResNet`](https://docs.pytorch.org/vision/stable/models/resnet.html).
///
/// ```
/// use rushlight::{Tensor, nn::{Forward, Module}, vision::models::resnet18};
/// rushlight::manual_seed(0);
/// let net = resnet18(10);
/// net.eval();
/// let logits = rushlight::no_grad(|| net.forward(&Tensor::zeros([1, 3, 32, 32])));
/// assert_eq!(logits.shape(), [1, 10]);
/// ```
#[derive(Module)]
pub struct ResNet {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    relu: nn::ReLU,
    maxpool: nn::MaxPool2d,
    layer1: nn::Sequential,
    layer2: nn::Sequential,
    layer3: nn::Sequential,
    layer4: nn::Sequential,
    avgpool: nn::AdaptiveAvgPool2d,
    fc: nn::Linear,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Basic,
    Bottleneck,
}

impl ResNet {
    /// A network with these numbers of blocks in its four stages.
    fn build(block: Block, blocks: [usize; 4], classes: usize, options: ResNetOptions) -> Result<ResNet> {
        crate::catch(|| ResNet::new(block, blocks, classes, options))
    }

    fn new(block: Block, blocks: [usize; 4], classes: usize, options: ResNetOptions) -> ResNet {
        let ResNetOptions { zero_init_residual, groups, width_per_group } = options;
        if block == Block::Basic && (groups, width_per_group) != (1, 64) {
            let rule = "expected groups 1 and width_per_group 64 in a network with fewer than 50 layers";
            fail(Error::value("ResNet", format!("{rule}, got {groups} and {width_per_group}")));
        }
        let expansion = if block == Block::Basic { 1 } else { 4 };
        let conv1 = Conv2d::builder(3, 64, 7).stride(2).padding(3).bias(false).build();
        let mut inputs = 64;
        let mut layer = |planes: usize, stride: usize, blocks: usize| {
            let outputs = planes * expansion;
            let layers = (0..blocks).map(|i| {
                let stride = if i == 0 { stride } else { 1 };
                let inputs = std::mem::replace(&mut inputs, outputs);
                match block {
                    Block::Basic => Box::new(BasicBlock::new(inputs, outputs, stride)) as Box<dyn Forward>,
                    Block::Bottleneck => {
                        let width = planes * width_per_group / 64 * groups;
                        Box::new(Bottleneck::new(inputs, width, outputs, stride, groups))
                    }
                }
            });
            layers.collect::<nn::Sequential>()
        };
        let net = ResNet {
            conv1,
            bn1: BatchNorm2d::new(64),
            relu: nn::ReLU::new(),
            maxpool: nn::MaxPool2d::builder(3).stride(2).padding(1).build(),
            layer1: layer(64, 1, blocks[0]),
            layer2: layer(128, 2, blocks[1]),
            layer3: layer(256, 2, blocks[2]),
            layer4: layer(512, 2, blocks[3]),
            avgpool: nn::AdaptiveAvgPool2d::new((1, 1)),
            fc: nn::Linear::new(512 * expansion, classes),
        };
        for weight in net.parameters().iter().filter(|param| param.get().dim() == 4) {
            init::kaiming_normal_with_(weight, init::KaimingOptions::new().mode(init::Fan::Out));
        }
        if zero_init_residual {
            let last = if block == Block::Basic { "bn2.weight" } else { "bn3.weight" };
            for (_, weight) in net.named_parameters().iter().filter(|(path, _)| path.ends_with(last)) {
                init::zeros_(weight);
            }
        }
        net
    }
}

impl Forward for ResNet {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.forward_head(&self.forward_features(x))
    }
}

impl ImageModel for ResNet {
    fn forward_features(&self, x: &Tensor) -> Tensor {
        let x = self.maxpool.forward(&self.conv1.forward_fused(x, Some(&self.bn1), Activation::Relu));
        let stages = [&self.layer1, &self.layer2, &self.layer3, &self.layer4];
        let x = stages.into_iter().fold(x, |x, stage| stage.forward(&x));
        self.avgpool.forward(&x).flatten_dim(1..)
    }

    fn forward_head(&self, features: &Tensor) -> Tensor {
        self.fc.forward(features)
    }

    fn heads(&self) -> &'static [&'static str] {
        &["fc"]
    }
}

/// Creates a ResNet-18, see [`ResNet`].
///
/// # Errors
/// If the parameters do not fit into memory, or an option is not one of networks with fewer than 50 layers.
#[op(torch = "-", free, with)]
pub fn try_resnet18_with(classes: usize, options: ResNetOptions) -> Result<ResNet> {
    ResNet::build(Block::Basic, [2, 2, 2, 2], classes, options)
}

/// Creates a ResNet-34, see [`ResNet`].
///
/// # Errors
/// As [`try_resnet18_with`].
#[op(torch = "-", free, with)]
pub fn try_resnet34_with(classes: usize, options: ResNetOptions) -> Result<ResNet> {
    ResNet::build(Block::Basic, [3, 4, 6, 3], classes, options)
}

/// Creates a ResNet-50, see [`ResNet`].
///
/// # Errors
/// If the parameters do not fit into memory, or `groups` is 0.
#[op(torch = "-", free, with)]
pub fn try_resnet50_with(classes: usize, options: ResNetOptions) -> Result<ResNet> {
    ResNet::build(Block::Bottleneck, [3, 4, 6, 3], classes, options)
}

/// Creates a ResNet-101, see [`ResNet`].
///
/// # Errors
/// As [`try_resnet50_with`].
#[op(torch = "-", free, with)]
pub fn try_resnet101_with(classes: usize, options: ResNetOptions) -> Result<ResNet> {
    ResNet::build(Block::Bottleneck, [3, 4, 23, 3], classes, options)
}

/// Creates a ResNet-152, see [`ResNet`].
///
/// # Errors
/// As [`try_resnet50_with`].
#[op(torch = "-", free, with)]
pub fn try_resnet152_with(classes: usize, options: ResNetOptions) -> Result<ResNet> {
    ResNet::build(Block::Bottleneck, [3, 8, 36, 3], classes, options)
}
