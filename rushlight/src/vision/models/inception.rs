//! Inception v3: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision" (2015).

use super::basic_conv2d::{self, BasicConv2d, truncated_normal};
use super::inception_blocks::{InceptionA, InceptionB, InceptionC, InceptionD, InceptionE};
use super::{ImageClassification, ImageModel};
use crate::nn::{self, Forward, MaxPool2d, Module, Training};
use crate::ops::AvgPoolOptions;
use crate::{Result, Tensor};
use rushlight_macros::{Builder, op};

/// The options of [`inception_v3`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct InceptionOptions {
    /// Whether the network has an auxiliary classifier for training, see [`Inception3::forward_aux`]; default true.
    #[builder(default = true)]
    aux_logits: bool,
    /// Whether the network converts images that are normalized as for the other networks to pixels in [-1, 1], for which its published weights
    /// were trained; default false, which expects the latter.
    transform_input: bool,
    /// Whether weights are drawn from truncated normal distributions of standard deviation 0.1 (0.001 in the last layer of the auxiliary
    /// classifier), and not as the layers do; default true.
    #[builder(default = true)]
    init_weights: bool,
    /// The probability of the dropout in front of the last layer; default 0.5.
    #[builder(default = 0.5)]
    dropout: f64,
}

/// The logits of an Inception v3 and its auxiliary classifier, `[N, classes]` each.
#[derive(Clone, Debug)]
pub struct InceptionOutputs {
    /// The logits.
    pub logits: Tensor,
    /// The logits of the auxiliary classifier, which follows the block `Mixed_6e`, in training mode.
    pub aux_logits: Option<Tensor>,
}

/// The auxiliary classifier.
#[derive(Module)]
struct InceptionAux {
    conv0: BasicConv2d,
    conv1: BasicConv2d,
    fc: nn::Linear,
}

impl Forward for InceptionAux {
    fn forward(&self, x: &Tensor) -> Tensor {
        let x = self.conv0.forward(&x.avg_pool2d(AvgPoolOptions::new(5).stride(3)));
        self.fc.forward(&self.conv1.forward(&x).adaptive_avg_pool2d(1).flatten_dim(1..))
    }
}

/// Inception v3 with torchvision's names: images `[N, 3, H, W]` of at least 75 × 75 pixels (299 × 299 in training) to logits `[N, classes]`.
/// [`inception_v3`] creates one.
///
/// As [`torchvision.models.inception_v3`](https://docs.pytorch.org/vision/stable/models/inception.html), except that
/// [`forward`](Forward::forward) returns the logits in training mode as well, and does not run the auxiliary classifier.
///
/// ```
/// use rushlight::{Tensor, nn::{Forward, Module}, vision::models::inception_v3};
/// let net = inception_v3(10);
/// net.eval();
/// let logits = rushlight::no_grad(|| net.forward(&Tensor::zeros([1, 3, 75, 75])));
/// assert_eq!(logits.shape(), [1, 10]);
/// ```
#[derive(Module)]
pub struct Inception3 {
    #[module(rename = "Conv2d_1a_3x3")]
    conv1a: BasicConv2d,
    #[module(rename = "Conv2d_2a_3x3")]
    conv2a: BasicConv2d,
    #[module(rename = "Conv2d_2b_3x3")]
    conv2b: BasicConv2d,
    maxpool1: MaxPool2d,
    #[module(rename = "Conv2d_3b_1x1")]
    conv3b: BasicConv2d,
    #[module(rename = "Conv2d_4a_3x3")]
    conv4a: BasicConv2d,
    maxpool2: MaxPool2d,
    #[module(rename = "Mixed_5b")]
    mixed5b: InceptionA,
    #[module(rename = "Mixed_5c")]
    mixed5c: InceptionA,
    #[module(rename = "Mixed_5d")]
    mixed5d: InceptionA,
    #[module(rename = "Mixed_6a")]
    mixed6a: InceptionB,
    #[module(rename = "Mixed_6b")]
    mixed6b: InceptionC,
    #[module(rename = "Mixed_6c")]
    mixed6c: InceptionC,
    #[module(rename = "Mixed_6d")]
    mixed6d: InceptionC,
    #[module(rename = "Mixed_6e")]
    mixed6e: InceptionC,
    #[module(rename = "AuxLogits")]
    aux: Option<InceptionAux>,
    #[module(rename = "Mixed_7a")]
    mixed7a: InceptionD,
    #[module(rename = "Mixed_7b")]
    mixed7b: InceptionE,
    #[module(rename = "Mixed_7c")]
    mixed7c: InceptionE,
    avgpool: nn::AdaptiveAvgPool2d,
    dropout: nn::Dropout,
    fc: nn::Linear,
    training: Training,
    #[module(skip)]
    transform_input: bool,
}

impl Inception3 {
    fn new(classes: usize, options: InceptionOptions) -> Inception3 {
        let InceptionOptions { aux_logits, transform_input, init_weights, dropout } = options;
        let conv = |inputs, outputs, kernel: usize| nn::Conv2d::builder(inputs, outputs, kernel);
        let net = Inception3 {
            conv1a: BasicConv2d::new(conv(3, 32, 3).stride(2), 32),
            conv2a: BasicConv2d::new(conv(32, 32, 3), 32),
            conv2b: BasicConv2d::same(32, 64, [3, 3]),
            maxpool1: MaxPool2d::builder(3).stride(2).build(),
            conv3b: BasicConv2d::pointwise(64, 80),
            conv4a: BasicConv2d::new(conv(80, 192, 3), 192),
            maxpool2: MaxPool2d::builder(3).stride(2).build(),
            mixed5b: InceptionA::new(192, 32),
            mixed5c: InceptionA::new(256, 64),
            mixed5d: InceptionA::new(288, 64),
            mixed6a: InceptionB::new(288),
            mixed6b: InceptionC::new(768, 128),
            mixed6c: InceptionC::new(768, 160),
            mixed6d: InceptionC::new(768, 160),
            mixed6e: InceptionC::new(768, 192),
            aux: aux_logits.then(|| InceptionAux {
                conv0: BasicConv2d::pointwise(768, 128),
                conv1: BasicConv2d::new(conv(128, 768, 5), 768),
                fc: nn::Linear::new(768, classes),
            }),
            mixed7a: InceptionD::new(768),
            mixed7b: InceptionE::new(1280),
            mixed7c: InceptionE::new(2048),
            avgpool: nn::AdaptiveAvgPool2d::new((1, 1)),
            dropout: nn::Dropout::builder().p(dropout).build(),
            fc: nn::Linear::new(2048, classes),
            training: Training::default(),
            transform_input,
        };
        if init_weights {
            truncated_normal(&net, |path| if path == "AuxLogits.fc" { 0.001 } else { 0.1 });
        }
        net
    }

    /// Computes the logits of `x`, and in training mode those of the auxiliary classifier, if the network has it: what torchvision's network
    /// returns in training mode. The auxiliary classifier needs images of at least 299 × 299 pixels. Its loss is usually added with
    /// weight 0.4 to that of the logits.
    ///
    /// # Errors
    /// If the shape, the dtype or the device of `x` is not what the network expects.
    ///
    /// ```
    /// use rushlight::{Tensor, nn::Module, vision::models::inception_v3};
    /// let net = inception_v3(10);
    /// net.eval();
    /// let outputs = rushlight::no_grad(|| net.forward_aux(&Tensor::zeros([1, 3, 75, 75])));
    /// assert!(outputs.aux_logits.is_none());
    /// ```
    #[op(torch = "-")]
    pub fn try_forward_aux(&self, x: &Tensor) -> Result<InceptionOutputs> {
        crate::catch(|| {
            let (features, aux_logits) = self.run(x, self.training.get());
            InceptionOutputs { logits: self.forward_head(&features), aux_logits }
        })
    }

    /// The features of `x`, and the logits of the auxiliary classifier if `aux`.
    fn run(&self, x: &Tensor, aux: bool) -> (Tensor, Option<Tensor>) {
        let through = |x: Tensor, layers: &[&dyn Forward]| layers.iter().fold(x, |x, layer| layer.forward(&x));
        let x = if self.transform_input { basic_conv2d::transformed(x) } else { x.clone() };
        let x = through(x, &[&self.conv1a, &self.conv2a, &self.conv2b, &self.maxpool1, &self.conv3b, &self.conv4a]);
        let x = through(x, &[&self.maxpool2, &self.mixed5b, &self.mixed5c, &self.mixed5d, &self.mixed6a]);
        let x = through(x, &[&self.mixed6b, &self.mixed6c, &self.mixed6d, &self.mixed6e]);
        let aux = self.aux.as_ref().filter(|_| aux).map(|classifier| classifier.forward(&x));
        let x = through(x, &[&self.mixed7a, &self.mixed7b, &self.mixed7c, &self.avgpool]);
        (x.flatten_dim(1..), aux)
    }
}

impl Forward for Inception3 {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.forward_head(&self.forward_features(x))
    }
}

impl ImageModel for Inception3 {
    fn forward_features(&self, x: &Tensor) -> Tensor {
        self.run(x, false).0
    }

    fn forward_head(&self, features: &Tensor) -> Tensor {
        self.fc.forward(&self.dropout.forward(features))
    }

    fn heads(&self) -> &'static [&'static str] {
        &["fc", "AuxLogits.fc"]
    }

    fn preprocessing(&self) -> ImageClassification {
        basic_conv2d::preprocessing(self.transform_input, 342, 299)
    }
}

/// Creates an Inception v3, see [`Inception3`].
///
/// # Errors
/// If `dropout` is not in [0, 1], or the parameters do not fit into memory.
#[op(torch = "-", free, with)]
pub fn try_inception_v3_with(classes: usize, options: InceptionOptions) -> Result<Inception3> {
    crate::catch(|| Inception3::new(classes, options))
}
