//! VGG: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition" (2014).

use super::ImageModel;
use crate::nn::{self, Conv2d, Forward, Module, init};
use crate::{Result, Tensor};
use rushlight_macros::{Builder, op};

/// The options of the VGG networks.
#[derive(Builder, Clone, Copy, Debug)]
pub struct VGGOptions {
    /// Whether the parameters are initialized as for training, by [`kaiming_normal_`](init::kaiming_normal_) and
    /// [`normal_`](init::normal_), in place of the defaults of their layers; default true.
    #[builder(default = true)]
    init_weights: bool,
    /// The probability of dropout behind the first two linear layers; default 0.5.
    #[builder(default = 0.5)]
    dropout: f64,
}

/// A VGG network with torchvision's names: images `[N, 3, H, W]` of at least 32 × 32 pixels to logits `[N, classes]`. [`vgg11`] to
/// [`vgg19_bn`] create one. As [`torchvision.models.VGG`](https://docs.pytorch.org/vision/stable/models/vgg.html).
#[derive(Module)]
pub struct VGG {
    features: nn::Sequential,
    avgpool: nn::AdaptiveAvgPool2d,
    classifier: nn::Sequential,
}

/// The numbers of 3 × 3 convolutions in front of each pooling. Their channels are those of `CHANNELS`.
type Depths = [usize; 5];

const CHANNELS: [usize; 5] = [64, 128, 256, 512, 512];

impl VGG {
    fn build(depths: Depths, batch_norm: bool, classes: usize, options: VGGOptions) -> Result<VGG> {
        crate::catch(|| VGG::new(depths, batch_norm, classes, options))
    }

    fn new(depths: Depths, batch_norm: bool, classes: usize, options: VGGOptions) -> VGG {
        let mut features = nn::Sequential::new();
        let mut inputs = 3;
        for (depth, outputs) in depths.into_iter().zip(CHANNELS) {
            for _ in 0..depth {
                features = features.push(Conv2d::builder(inputs, outputs, 3).padding(1).build());
                if batch_norm {
                    features = features.push(nn::BatchNorm2d::new(outputs));
                }
                features = features.push(nn::ReLU::new());
                inputs = outputs;
            }
            features = features.push(nn::MaxPool2d::new(2));
        }
        let dropout = || nn::Dropout::builder().p(options.dropout).build();
        let net = VGG {
            features,
            avgpool: nn::AdaptiveAvgPool2d::new((7, 7)),
            classifier: nn::seq![
                nn::Linear::new(512 * 7 * 7, 4096),
                nn::ReLU::new(),
                dropout(),
                nn::Linear::new(4096, 4096),
                nn::ReLU::new(),
                dropout(),
                nn::Linear::new(4096, classes),
            ],
        };
        if options.init_weights {
            net.initialize();
        }
        net
    }

    fn initialize(&self) {
        for (path, param) in self.named_parameters() {
            if path.ends_with(".bias") {
                init::zeros_(&param);
            } else if param.get().dim() == 4 {
                init::kaiming_normal_with_(&param, init::KaimingOptions::new().mode(init::Fan::Out));
            } else if param.get().dim() == 2 {
                init::normal_with_(&param, init::NormalOptions::new().std(0.01));
            }
        }
    }
}

impl Forward for VGG {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.forward_head(&self.forward_features(x))
    }
}

impl ImageModel for VGG {
    fn forward_features(&self, x: &Tensor) -> Tensor {
        let x = self.avgpool.forward(&self.features.forward(x)).flatten_dim(1..);
        self.classifier.iter().take(5).fold(x, |x, layer| layer.forward(&x))
    }

    fn forward_head(&self, features: &Tensor) -> Tensor {
        self.classifier[6].forward(&self.classifier[5].forward(features))
    }

    fn heads(&self) -> &'static [&'static str] {
        &["classifier.6"]
    }
}

const VGG11: Depths = [1, 1, 2, 2, 2];
const VGG13: Depths = [2, 2, 2, 2, 2];
const VGG16: Depths = [2, 2, 3, 3, 3];
const VGG19: Depths = [2, 2, 4, 4, 4];

/// Creates a VGG-11 without normalization.
///
/// # Errors
/// If the dropout is not in [0, 1], or the parameters do not fit into memory.
///
/// ```
/// use rushlight::nn::{Module, utils::skip_init};
/// use rushlight::vision::models::vgg11;
/// assert_eq!(skip_init(|| vgg11(1000)).num_parameters(), 132_863_336);
/// ```
#[op(torch = "-", free, with)]
pub fn try_vgg11_with(classes: usize, options: VGGOptions) -> Result<VGG> {
    VGG::build(VGG11, false, classes, options)
}

/// Creates a VGG-11 with batch normalization, see [`vgg11`].
///
/// # Errors
/// As [`try_vgg11_with`].
#[op(torch = "-", free, with)]
pub fn try_vgg11_bn_with(classes: usize, options: VGGOptions) -> Result<VGG> {
    VGG::build(VGG11, true, classes, options)
}

/// Creates a VGG-13 without normalization, see [`vgg11`].
///
/// # Errors
/// As [`try_vgg11_with`].
#[op(torch = "-", free, with)]
pub fn try_vgg13_with(classes: usize, options: VGGOptions) -> Result<VGG> {
    VGG::build(VGG13, false, classes, options)
}

/// Creates a VGG-13 with batch normalization, see [`vgg11`].
///
/// # Errors
/// As [`try_vgg11_with`].
#[op(torch = "-", free, with)]
pub fn try_vgg13_bn_with(classes: usize, options: VGGOptions) -> Result<VGG> {
    VGG::build(VGG13, true, classes, options)
}

/// Creates a VGG-16 without normalization, see [`vgg11`].
///
/// # Errors
/// As [`try_vgg11_with`].
#[op(torch = "-", free, with)]
pub fn try_vgg16_with(classes: usize, options: VGGOptions) -> Result<VGG> {
    VGG::build(VGG16, false, classes, options)
}

/// Creates a VGG-16 with batch normalization, see [`vgg11`].
///
/// # Errors
/// As [`try_vgg11_with`].
#[op(torch = "-", free, with)]
pub fn try_vgg16_bn_with(classes: usize, options: VGGOptions) -> Result<VGG> {
    VGG::build(VGG16, true, classes, options)
}

/// Creates a VGG-19 without normalization, see [`vgg11`].
///
/// # Errors
/// As [`try_vgg11_with`].
#[op(torch = "-", free, with)]
pub fn try_vgg19_with(classes: usize, options: VGGOptions) -> Result<VGG> {
    VGG::build(VGG19, false, classes, options)
}

/// Creates a VGG-19 with batch normalization, see [`vgg11`].
///
/// # Errors
/// As [`try_vgg11_with`].
#[op(torch = "-", free, with)]
pub fn try_vgg19_bn_with(classes: usize, options: VGGOptions) -> Result<VGG> {
    VGG::build(VGG19, true, classes, options)
}
