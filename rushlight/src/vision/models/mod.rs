//! Networks for images, with torchvision's names, keys and initial values.
//!
//! [`get_model`] creates one by its name in torchvision, and there is a function of that name for each: `resnet18(2)` is a network for 2
//! classes, `resnet18_with(2, ResNetOptions::new().zero_init_residual(true))` has other options. All are an [`ImageModel`].

mod alexnet;
mod basic_conv2d;
mod densenet;
mod efficientnet;
mod efficientnet_lite;
mod googlenet;
mod inception;
mod inception_blocks;
mod init;
mod mobilenet_v2;
mod mobilenet_v3;
mod model;
mod registry;
mod resnet;
mod squeezenet;
mod vgg;
mod width;

pub use alexnet::*;
pub use densenet::*;
pub use efficientnet::*;
pub use efficientnet_lite::*;
pub use googlenet::*;
pub use inception::*;
pub use mobilenet_v2::*;
pub use mobilenet_v3::*;
pub use model::{ImageClassification, ImageModel, Interpolation};
pub use registry::{get_model, list_models, try_get_model};
pub use resnet::*;
pub use squeezenet::*;
pub use vgg::*;
