//! What GoogLeNet and Inception v3 share.

use super::ImageClassification;
use crate::Tensor;
use crate::nn::{Activation, BatchNorm2d, Conv2d, ConvBuilder, Forward, Linear, Module, init};

/// A convolution without bias, batch normalization and ReLU.
#[derive(Module)]
pub(super) struct BasicConv2d {
    conv: Conv2d,
    bn: BatchNorm2d,
}

impl BasicConv2d {
    /// A layer with the options of `conv` and `outputs` channels.
    pub(super) fn new(conv: ConvBuilder<2>, outputs: usize) -> BasicConv2d {
        BasicConv2d { conv: conv.bias(false).build(), bn: BatchNorm2d::builder(outputs).eps(1e-3).build() }
    }

    /// A layer with a 1 × 1 kernel.
    pub(super) fn pointwise(inputs: usize, outputs: usize) -> BasicConv2d {
        BasicConv2d::new(Conv2d::builder(inputs, outputs, 1), outputs)
    }

    /// A layer with an odd kernel whose output is as large as its input.
    pub(super) fn same(inputs: usize, outputs: usize, kernel: [usize; 2]) -> BasicConv2d {
        BasicConv2d::new(Conv2d::builder(inputs, outputs, kernel).padding(kernel.map(|size| size / 2)), outputs)
    }
}

impl Forward for BasicConv2d {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.conv.forward_fused(x, Some(&self.bn), Activation::Relu)
    }
}

/// Draws the weights of the convolutions and linear layers of `net`, in the order of the layers, from normal distributions that are truncated to
/// [-2, 2], with the standard deviation that `std` returns for the path of the layer.
pub(super) fn truncated_normal(net: &dyn Module, std: impl Fn(&str) -> f64) {
    for (path, module) in net.named_modules() {
        let conv = module.downcast_ref::<Conv2d>().map(|conv| &conv.weight);
        if let Some(weight) = conv.or_else(|| Some(&module.downcast_ref::<Linear>()?.weight)) {
            init::trunc_normal_with_(weight, init::TruncNormalOptions::new().std(std(&path)));
        }
    }
}

/// The preparation of images of the networks whose weights were converted from TensorFlow, where pixels are in [-1, 1].
///
/// With `transform_input` the networks convert images that are normalized as for the other networks to that range.
pub(super) fn preprocessing(transform_input: bool, resize_size: usize, crop_size: usize) -> ImageClassification {
    let images = ImageClassification { resize_size, crop_size, ..ImageClassification::default() };
    if transform_input { images } else { ImageClassification { mean: [0.5; 3], std: [0.5; 3], ..images } }
}

/// Converts images `[N, 3, H, W]` from the default normalization of [`ImageClassification`] to pixels in [-1, 1].
pub(super) fn transformed(x: &Tensor) -> Tensor {
    let ImageClassification { mean, std, .. } = ImageClassification::default();
    let channels = |values: [f64; 3]| Tensor::from(values).to_dtype(x.dtype()).to_device(x.device()).view([3, 1, 1]);
    x * channels(std.map(|std| std / 0.5)) + channels(mean.map(|mean| (mean - 0.5) / 0.5))
}
