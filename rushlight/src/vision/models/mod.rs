//! Networks for images, with torchvision's names, keys and initial values.
//!
//! [`get_model`] creates one by its name in torchvision, and there is a function of that name for each: `resnet18(2)` is a network for 2
//! classes, `resnet18_with(2, ResNetOptions::new().zero_init_residual(true))` has other options. All are an [`ImageModel`].

mod alexnet;
mod densenet;
mod efficientnet_lite;
mod model;
mod registry;
mod resnet;
mod squeezenet;
mod vgg;

pub use alexnet::*;
pub use densenet::*;
pub use efficientnet_lite::EfficientNetLite0;
pub use model::{ImageClassification, ImageModel, Interpolation};
pub use registry::{get_model, list_models, try_get_model};
pub use resnet::*;
pub use squeezenet::*;
pub use vgg::*;
