//! ResNet-18 of He et al., "Deep Residual Learning for Image Recognition" (2015), with torchvision's names.

use crate::Tensor;
use crate::nn::{self, Activation, Forward, Module};

/// Two 3 × 3 convolutions with a shortcut.
#[derive(Module)]
pub struct BasicBlock {
    conv1: nn::Conv2d,
    bn1: nn::BatchNorm2d,
    conv2: nn::Conv2d,
    bn2: nn::BatchNorm2d,
    downsample: Option<nn::Sequential>,
}

impl BasicBlock {
    /// Creates a block from `inputs` to `outputs` channels, the first convolution with stride `stride`.
    pub fn new(inputs: usize, outputs: usize, stride: usize) -> BasicBlock {
        BasicBlock {
            conv1: nn::Conv2d::builder(inputs, outputs, 3).stride(stride).padding(1).bias(false).build(),
            bn1: nn::BatchNorm2d::new(outputs),
            conv2: nn::Conv2d::builder(outputs, outputs, 3).padding(1).bias(false).build(),
            bn2: nn::BatchNorm2d::new(outputs),
            downsample: (stride != 1 || inputs != outputs).then(|| {
                nn::Sequential::new()
                    .push(nn::Conv2d::builder(inputs, outputs, 1).stride(stride).bias(false).build())
                    .push(nn::BatchNorm2d::new(outputs))
            }),
        }
    }
}

impl Forward for BasicBlock {
    fn forward(&self, x: &Tensor) -> Tensor {
        let y = self.conv1.forward_fused(x, Some(&self.bn1), Activation::Relu);
        let y = self.conv2.forward_fused(&y, Some(&self.bn2), Activation::None);
        match &self.downsample {
            Some(downsample) => y.add_relu(&downsample.forward(x)),
            None => y.add_relu(x),
        }
    }
}

/// ResNet-18: images `[N, 3, H, W]` to logits `[N, classes]`.
///
/// Keys are torchvision's (`layer1.0.conv1.weight`, …), so its weights can be loaded. Convolutions are initialized as
/// there, by [`kaiming_normal_`](crate::nn::init::kaiming_normal_) with outgoing connections.
///
/// ```
/// use rushlight::{Tensor, nn::{Forward, Module}, vision::models::ResNet18};
/// rushlight::manual_seed(0);
/// let net = ResNet18::new(10);
/// net.eval();
/// let logits = rushlight::no_grad(|| net.forward(&Tensor::zeros([1, 3, 32, 32])));
/// assert_eq!(logits.shape(), [1, 10]);
/// ```
#[derive(Module)]
pub struct ResNet18 {
    conv1: nn::Conv2d,
    bn1: nn::BatchNorm2d,
    maxpool: nn::MaxPool2d,
    layer1: nn::Sequential,
    layer2: nn::Sequential,
    layer3: nn::Sequential,
    layer4: nn::Sequential,
    fc: nn::Linear,
}

impl ResNet18 {
    /// Creates a network for `classes` classes.
    ///
    /// # Panics
    /// If `classes` is 0.
    pub fn new(classes: usize) -> ResNet18 {
        let stage = |inputs, outputs, stride| {
            nn::Sequential::new()
                .push(BasicBlock::new(inputs, outputs, stride))
                .push(BasicBlock::new(outputs, outputs, 1))
        };
        let net = ResNet18 {
            conv1: nn::Conv2d::builder(3, 64, 7).stride(2).padding(3).bias(false).build(),
            bn1: nn::BatchNorm2d::new(64),
            maxpool: nn::MaxPool2d::builder(3).stride(2).padding(1).build(),
            layer1: stage(64, 64, 1),
            layer2: stage(64, 128, 2),
            layer3: stage(128, 256, 2),
            layer4: stage(256, 512, 2),
            fc: nn::Linear::new(512, classes),
        };
        for weight in net.parameters().iter().filter(|param| param.get().dim() == 4) {
            nn::init::kaiming_normal_with_(weight, nn::init::KaimingOptions::new().mode(nn::init::Fan::Out));
        }
        net
    }
}

impl Forward for ResNet18 {
    fn forward(&self, x: &Tensor) -> Tensor {
        let x = self.maxpool.forward(&self.conv1.forward_fused(x, Some(&self.bn1), Activation::Relu));
        let stages = [&self.layer1, &self.layer2, &self.layer3, &self.layer4];
        let x = stages.into_iter().fold(x, |x, stage| stage.forward(&x));
        self.fc.forward(&x.adaptive_avg_pool2d(1).flatten_dim(1..))
    }
}
