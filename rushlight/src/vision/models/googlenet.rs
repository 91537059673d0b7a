//! GoogLeNet (Inception v1): Szegedy et al., "Going Deeper with Convolutions" (2014).

use super::basic_conv2d::{self, BasicConv2d, truncated_normal};
use super::{ImageClassification, ImageModel};
use crate::nn::{self, Forward, MaxPool2d, Module, Training};
use crate::{Result, Tensor};
use rushlight_macros::{Builder, op};

/// The options of [`googlenet`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct GoogLeNetOptions {
    /// Whether the network has auxiliary classifiers for training, see [`GoogLeNet::forward_aux`]; default true.
    #[builder(default = true)]
    aux_logits: bool,
    /// Whether the network converts images that are normalized as for the other networks to pixels in [-1, 1], for which its published weights
    /// were trained; default false, which expects the latter.
    transform_input: bool,
    /// Whether weights are drawn from a truncated normal distribution of standard deviation 0.01, and not as the layers do; default true.
    #[builder(default = true)]
    init_weights: bool,
    /// The probability of the dropout in front of the last layer; default 0.2.
    #[builder(default = 0.2)]
    dropout: f64,
    /// The probability of the dropout in the auxiliary classifiers; default 0.7.
    #[builder(default = 0.7)]
    dropout_aux: f64,
}

/// The logits of a GoogLeNet and its auxiliary classifiers, `[N, classes]` each.
#[derive(Clone, Debug)]
pub struct GoogLeNetOutputs {
    /// The logits.
    pub logits: Tensor,
    /// The logits of the second auxiliary classifier, which follows the block `inception4d`, in training mode.
    pub aux_logits2: Option<Tensor>,
    /// The logits of the first auxiliary classifier, which follows the block `inception4a`, in training mode.
    pub aux_logits1: Option<Tensor>,
}

/// Four branches side by side, whose channels are concatenated.
#[derive(Module)]
struct Inception {
    branch1: BasicConv2d,
    branch2: nn::Sequential,
    branch3: nn::Sequential,
    branch4: nn::Sequential,
}

impl Inception {
    fn new(inputs: usize, one: usize, [narrow3, wide3, narrow5, wide5]: [usize; 4], pool: usize) -> Inception {
        Inception {
            branch1: BasicConv2d::pointwise(inputs, one),
            branch2: nn::seq![BasicConv2d::pointwise(inputs, narrow3), BasicConv2d::same(narrow3, wide3, [3, 3])],
            // 5 × 5 in the paper; the published weights are of networks with 3 × 3.
            branch3: nn::seq![BasicConv2d::pointwise(inputs, narrow5), BasicConv2d::same(narrow5, wide5, [3, 3])],
            branch4: nn::seq![
                MaxPool2d::builder(3).stride(1).padding(1).ceil_mode(true).build(),
                BasicConv2d::pointwise(inputs, pool),
            ],
        }
    }
}

impl Forward for Inception {
    fn forward(&self, x: &Tensor) -> Tensor {
        let branches: [&dyn Forward; 4] = [&self.branch1, &self.branch2, &self.branch3, &self.branch4];
        Tensor::cat_dim(branches.map(|branch| branch.forward(x)), 1)
    }
}

/// An auxiliary classifier.
#[derive(Module)]
struct InceptionAux {
    conv: BasicConv2d,
    fc1: nn::Linear,
    fc2: nn::Linear,
    dropout: nn::Dropout,
}

impl InceptionAux {
    fn new(inputs: usize, classes: usize, dropout: f64) -> InceptionAux {
        InceptionAux {
            conv: BasicConv2d::pointwise(inputs, 128),
            fc1: nn::Linear::new(2048, 1024),
            fc2: nn::Linear::new(1024, classes),
            dropout: nn::Dropout::builder().p(dropout).build(),
        }
    }
}

impl Forward for InceptionAux {
    fn forward(&self, x: &Tensor) -> Tensor {
        let x = self.conv.forward(&x.adaptive_avg_pool2d((4, 4))).flatten_dim(1..);
        self.fc2.forward(&self.dropout.forward(&self.fc1.forward(&x).relu()))
    }
}

/// GoogLeNet with torchvision's names: images `[N, 3, H, W]` to logits `[N, classes]`. [`googlenet`] creates one.
///
/// As [`torchvision.models.googlenet`](https://docs.pytorch.org/vision/stable/models/googlenet.html), except that
/// [`forward`](Forward::forward) returns the logits in training mode as well, and does not run the auxiliary classifiers.
///
/// ```
/// use rushlight::{Tensor, nn::{Forward, Module}, vision::models::googlenet};
/// let net = googlenet(10);
/// net.eval();
/// let logits = rushlight::no_grad(|| net.forward(&Tensor::zeros([1, 3, 32, 32])));
/// assert_eq!(logits.shape(), [1, 10]);
/// ```
#[derive(Module)]
pub struct GoogLeNet {
    conv1: BasicConv2d,
    maxpool1: MaxPool2d,
    conv2: BasicConv2d,
    conv3: BasicConv2d,
    maxpool2: MaxPool2d,
    inception3a: Inception,
    inception3b: Inception,
    maxpool3: MaxPool2d,
    inception4a: Inception,
    inception4b: Inception,
    inception4c: Inception,
    inception4d: Inception,
    inception4e: Inception,
    maxpool4: MaxPool2d,
    inception5a: Inception,
    inception5b: Inception,
    aux1: Option<InceptionAux>,
    aux2: Option<InceptionAux>,
    avgpool: nn::AdaptiveAvgPool2d,
    dropout: nn::Dropout,
    fc: nn::Linear,
    training: Training,
    #[module(skip)]
    transform_input: bool,
}

impl GoogLeNet {
    fn new(classes: usize, options: GoogLeNetOptions) -> GoogLeNet {
        let GoogLeNetOptions { aux_logits, transform_input, init_weights, dropout, dropout_aux } = options;
        let pool = |size: usize| MaxPool2d::builder(size).stride(2).ceil_mode(true).build();
        let net = GoogLeNet {
            conv1: BasicConv2d::new(nn::Conv2d::builder(3, 64, 7).stride(2).padding(3), 64),
            maxpool1: pool(3),
            conv2: BasicConv2d::pointwise(64, 64),
            conv3: BasicConv2d::same(64, 192, [3, 3]),
            maxpool2: pool(3),
            inception3a: Inception::new(192, 64, [96, 128, 16, 32], 32),
            inception3b: Inception::new(256, 128, [128, 192, 32, 96], 64),
            maxpool3: pool(3),
            inception4a: Inception::new(480, 192, [96, 208, 16, 48], 64),
            inception4b: Inception::new(512, 160, [112, 224, 24, 64], 64),
            inception4c: Inception::new(512, 128, [128, 256, 24, 64], 64),
            inception4d: Inception::new(512, 112, [144, 288, 32, 64], 64),
            inception4e: Inception::new(528, 256, [160, 320, 32, 128], 128),
            maxpool4: pool(2),
            inception5a: Inception::new(832, 256, [160, 320, 32, 128], 128),
            inception5b: Inception::new(832, 384, [192, 384, 48, 128], 128),
            aux1: aux_logits.then(|| InceptionAux::new(512, classes, dropout_aux)),
            aux2: aux_logits.then(|| InceptionAux::new(528, classes, dropout_aux)),
            avgpool: nn::AdaptiveAvgPool2d::new((1, 1)),
            dropout: nn::Dropout::builder().p(dropout).build(),
            fc: nn::Linear::new(1024, classes),
            training: Training::default(),
            transform_input,
        };
        if init_weights {
            truncated_normal(&net, |_| 0.01);
        }
        net
    }

    /// Computes the logits of `x`, and in training mode those of the auxiliary classifiers, if the network has them: what torchvision's
    /// network returns in training mode. The paper adds 0.3 times each of their losses to that of the logits.
    ///
    /// # Errors
    /// If the shape, the dtype or the device of `x` is not what the network expects.
    ///
    /// ```
    /// use rushlight::{Tensor, vision::models::googlenet};
    /// let outputs = googlenet(10).forward_aux(&Tensor::ones([2, 3, 32, 32]));
    /// assert_eq!(outputs.logits.shape(), [2, 10]);
    /// assert_eq!(outputs.aux_logits1.unwrap().shape(), [2, 10]);
    /// ```
    #[op(torch = "-")]
    pub fn try_forward_aux(&self, x: &Tensor) -> Result<GoogLeNetOutputs> {
        crate::catch(|| {
            let (features, aux_logits2, aux_logits1) = self.run(x, self.training.get());
            GoogLeNetOutputs { logits: self.forward_head(&features), aux_logits2, aux_logits1 }
        })
    }

    /// The features of `x`, and the logits of the second and the first auxiliary classifier if `aux`.
    fn run(&self, x: &Tensor, aux: bool) -> (Tensor, Option<Tensor>, Option<Tensor>) {
        let side = |classifier: &Option<InceptionAux>, x: &Tensor| {
            classifier.as_ref().filter(|_| aux).map(|classifier| classifier.forward(x))
        };
        let through = |x: Tensor, layers: &[&dyn Forward]| layers.iter().fold(x, |x, layer| layer.forward(&x));
        let x = if self.transform_input { basic_conv2d::transformed(x) } else { x.clone() };
        let x = through(x, &[&self.conv1, &self.maxpool1, &self.conv2, &self.conv3, &self.maxpool2]);
        let x = through(x, &[&self.inception3a, &self.inception3b, &self.maxpool3, &self.inception4a]);
        let aux1 = side(&self.aux1, &x);
        let x = through(x, &[&self.inception4b, &self.inception4c, &self.inception4d]);
        let aux2 = side(&self.aux2, &x);
        let x = through(x, &[&self.inception4e, &self.maxpool4, &self.inception5a, &self.inception5b, &self.avgpool]);
        (x.flatten_dim(1..), aux2, aux1)
    }
}

impl Forward for GoogLeNet {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.forward_head(&self.forward_features(x))
    }
}

impl ImageModel for GoogLeNet {
    fn forward_features(&self, x: &Tensor) -> Tensor {
        self.run(x, false).0
    }

    fn forward_head(&self, features: &Tensor) -> Tensor {
        self.fc.forward(&self.dropout.forward(features))
    }

    fn heads(&self) -> &'static [&'static str] {
        &["fc", "aux1.fc2", "aux2.fc2"]
    }

    fn preprocessing(&self) -> ImageClassification {
        basic_conv2d::preprocessing(self.transform_input, 256, 224)
    }
}

/// Creates a GoogLeNet, see [`GoogLeNet`].
///
/// # Errors
/// If a probability is not in [0, 1], or the parameters do not fit into memory.
#[op(torch = "-", free, with)]
pub fn try_googlenet_with(classes: usize, options: GoogLeNetOptions) -> Result<GoogLeNet> {
    crate::catch(|| GoogLeNet::new(classes, options))
}
