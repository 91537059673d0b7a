//! Networks for images.

mod efficientnet_lite;
mod resnet;

pub use efficientnet_lite::EfficientNetLite0;
pub use resnet::{BasicBlock, ResNet18};
