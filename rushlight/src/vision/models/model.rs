//! What all networks for classification of images have in common.

use crate::nn::{Forward, Module, StateDict};
use crate::{Error, Result, Tensor};
use rushlight_macros::op;
use std::borrow::Cow;

/// How pixels between those of an image are computed when it is resized, see [`ImageClassification`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interpolation {
    /// Linear in both directions, from 2 × 2 pixels.
    #[default]
    Bilinear,
    /// Cubic in both directions, from 4 × 4 pixels.
    Bicubic,
}

/// How images are prepared for a network: resized, cropped in the center, scaled to [0, 1] and normalized per channel. As
/// `torchvision.transforms._presets.ImageClassification`; the default is what most networks were trained with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImageClassification {
    /// The height and width of the input.
    pub crop_size: usize,
    /// The length of the shorter edge of the resized image, from which the input is cropped.
    pub resize_size: usize,
    /// The mean that is subtracted from red, green and blue.
    pub mean: [f64; 3],
    /// The standard deviation by which red, green and blue are divided.
    pub std: [f64; 3],
    /// The interpolation of the resized image.
    pub interpolation: Interpolation,
}

impl Default for ImageClassification {
    fn default() -> ImageClassification {
        ImageClassification {
            crop_size: 224,
            resize_size: 256,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
            interpolation: Interpolation::Bilinear,
        }
    }
}

/// A network that classifies images: features of an image, and a last layer, the head, with one output per class.
///
/// [`forward`](Forward::forward) maps images `[N, 3, H, W]` to logits `[N, classes]` and is
/// `forward_head(forward_features(x))`. In evaluation mode the features of an image are always the same, so that they can be computed once
/// and only the head be trained:
///
/// ```
/// use rushlight::nn::{Forward, Module};
/// use rushlight::{Tensor, no_grad, vision::models::{ImageModel, get_model}};
/// let net = get_model("resnet18", 2);
/// net.eval();
/// let x = Tensor::randn([1, 3, 64, 64]);
/// let features = no_grad(|| net.forward_features(&x));
/// assert_eq!(features.shape(), [1, net.num_features()]);
/// let logits = net.forward_head(&features);
/// assert!(logits.allclose(&net.forward(&x)));
/// ```
pub trait ImageModel: Forward {
    /// Computes what the last layer gets for images `[N, 3, H, W]`: `[N, num_features]`, or `[N, num_features, H', W']` if it is a
    /// convolution. Dropout directly in front of the last layer is left to [`forward_head`](ImageModel::forward_head).
    ///
    /// # Panics
    /// If the shape, the dtype or the device of `x` is not what the network expects.
    #[track_caller]
    fn forward_features(&self, x: &Tensor) -> Tensor;

    /// [`forward_features`](ImageModel::forward_features) that returns an error instead of panicking.
    ///
    /// # Errors
    /// If the shape, the dtype or the device of `x` is not what the network expects.
    fn try_forward_features(&self, x: &Tensor) -> Result<Tensor> {
        crate::catch(|| self.forward_features(x))
    }

    /// Computes logits `[N, classes]` of features.
    ///
    /// # Panics
    /// If the shape, the dtype or the device of `features` is not what the last layer expects.
    #[track_caller]
    fn forward_head(&self, features: &Tensor) -> Tensor;

    /// [`forward_head`](ImageModel::forward_head) that returns an error instead of panicking.
    ///
    /// # Errors
    /// If the shape, the dtype or the device of `features` is not what the last layer expects.
    fn try_forward_head(&self, features: &Tensor) -> Result<Tensor> {
        crate::catch(|| self.forward_head(features))
    }

    /// Returns the paths of the layers with one output per class: the last layer, such as `fc` or `classifier.6`, and then those of
    /// auxiliary classifiers.
    fn heads(&self) -> &'static [&'static str];

    /// Returns how images are prepared for the weights that were published for the network.
    fn preprocessing(&self) -> ImageClassification {
        ImageClassification::default()
    }

    /// Returns today's key of a tensor for its key in the published weights, which differs in weights that are older than the names of
    /// the layers.
    fn current_key<'k>(&self, key: &'k str) -> Cow<'k, str> {
        Cow::Borrowed(key)
    }

    /// Returns the number of inputs of the last layer.
    fn num_features(&self) -> usize {
        head_shape(self.as_module(), self.heads()[0])[1]
    }

    /// Returns the number of classes.
    fn num_classes(&self) -> usize {
        head_shape(self.as_module(), self.heads()[0])[0]
    }

    /// Returns the paths of the parts of the network that have parameters, from the input to the head: `conv1`, `bn1`, `layer1`, …, `fc`.
    /// Each parameter is in one of them.
    fn stages(&self) -> Vec<String> {
        let mut found = Vec::new();
        stages("", self.as_module(), &mut found);
        found
    }

    /// Freezes the parameters of the stages in front of `stage`, and unfreezes those of the others (see
    /// [`requires_grad_`](Module::requires_grad_)).
    ///
    /// # Errors
    /// If `stage` is not one of the [`stages`](ImageModel::stages).
    ///
    /// ```
    /// use rushlight::nn::Module;
    /// use rushlight::vision::models::{ImageModel, resnet18};
    /// let net = resnet18(2);
    /// net.unfreeze_from("fc");
    /// let trained: Vec<_> = net.named_parameters().into_iter().filter(|(_, param)| param.get().requires_grad()).collect();
    /// assert_eq!(trained.len(), 2);
    /// ```
    #[op(torch = "-")]
    fn try_unfreeze_from(&self, stage: &str) -> Result<()> {
        let stages = self.stages();
        let Some(first) = stages.iter().position(|one| one == stage) else {
            let message = format!("expected a stage of {}: {}, got {stage}", self.kind(), stages.join(", "));
            return Err(Error::value("unfreeze_from", message));
        };
        for (path, param) in self.named_parameters() {
            param.requires_grad_(stages[first..].iter().any(|stage| is_under(&path, stage)));
        }
        Ok(())
    }

    /// Loads all tensors of weights for the same classes, as [`load_state_dict`](Module::load_state_dict) does, from
    /// [current or older](ImageModel::current_key) keys.
    ///
    /// # Errors
    /// If keys are missing or unexpected or shapes differ: all of them are listed, and the network is unchanged.
    #[op(torch = "-")]
    fn try_load_pretrained(&self, state: &StateDict) -> Result<()> {
        self.try_load_state_dict(&renamed(state, |key| self.current_key(key)))
    }

    /// Loads weights for other classes: all tensors but those of the [heads](ImageModel::heads), which are left as they are.
    ///
    /// # Errors
    /// If keys are missing or unexpected or shapes differ, except in the heads: all of them are listed, and the network is unchanged.
    ///
    /// ```
    /// use rushlight::nn::Module;
    /// use rushlight::vision::models::{ImageModel, resnet18};
    /// let (imagenet, net) = (resnet18(1000), resnet18(2));
    /// net.load_backbone(&imagenet.state_dict());
    /// assert_eq!(net.num_classes(), 2);
    /// ```
    #[op(torch = "-")]
    fn try_load_backbone(&self, state: &StateDict) -> Result<()> {
        let is_head = |key: &str| self.heads().iter().any(|head| is_under(key, head));
        let weights = renamed(state, |key| self.current_key(key)).into_iter().filter(|(key, _)| !is_head(key));
        let heads = self.state_dict().into_iter().filter(|(key, _)| is_head(key));
        self.try_load_state_dict(&weights.chain(heads).collect())
    }
}

/// Whether `path` is that of the module `stage` or of something in it.
fn is_under(path: &str, stage: &str) -> bool {
    path.strip_prefix(stage).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn renamed<'k>(state: &'k StateDict, key: impl Fn(&'k str) -> Cow<'k, str>) -> StateDict {
    state.iter().map(|(old, tensor)| (key(old), tensor.clone())).collect()
}

/// The shape of the weight of the last layer, `[classes, features, …]`.
fn head_shape(net: &dyn Module, head: &str) -> Vec<usize> {
    let is_weight = |path: &str| is_under(path, head) && path.ends_with(".weight");
    let weight = net.named_parameters().into_iter().find(|(path, _)| is_weight(path));
    weight.expect("a head has a weight").1.get().shape().to_vec()
}

/// Appends the children of `module` that have parameters. Containers that only group what torchvision's names group are entered.
fn stages(path: &str, module: &dyn Module, found: &mut Vec<String>) {
    for (name, child) in module.named_children() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let groups =
            child.kind() == "ModuleList" || name == "features" || child.kind() == "Sequential" && name == "classifier";
        if groups {
            stages(&path, child, found);
        } else if !child.parameters().is_empty() {
            found.push(path);
        }
    }
}
