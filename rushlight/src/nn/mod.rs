//! Layers, containers and losses with PyTorch's names, defaults and initial values.
//!
//! A model is a struct with `#[derive(Module)]` ([`derive@Module`]) whose fields are layers, or a [`Sequential`].
//!
//! `new` makes a layer with PyTorch's defaults. Layers with parameters take options through a builder,
//! `Conv2d::builder(3, 64, 7).stride(2).padding(3).bias(false).build()`; they draw their initial parameters from the default
//! generator as PyTorch does, so the same seed gives the same model. Layers without parameters and losses take options at once:
//! `MaxPool2d::new(3).stride(2)`.
//!
//! ```
//! use rushlight::{Tensor, nn, nn::{Forward, Module}};
//! rushlight::manual_seed(0);
//! let net = nn::seq![nn::Linear::new(2, 3), nn::ReLU::new(), nn::Linear::new(3, 1)];
//! let y = net.forward(&Tensor::ones([4, 2]));
//! assert_eq!(y.shape(), [4, 1]);
//! assert_eq!(net.num_parameters(), 13);
//! ```

mod activation;
mod batchnorm;
mod container;
mod conv;
mod conv_nd;
mod conv_transpose;
mod dropout;
mod flatten;
pub(crate) mod fused_conv;
pub mod init;
mod linear;
mod loss;
mod module;
mod param;
mod pooling;
mod repr;
mod size;
mod state;
mod traverse;
pub mod utils;

pub use crate::backend::Activation;
pub use crate::seq;
pub use activation::{LeakyReLU, LogSoftmax, ReLU, ReLU6, Sigmoid, Softmax, Tanh};
pub use batchnorm::{BatchNorm1d, BatchNorm1dBuilder, BatchNorm2d, BatchNorm2dBuilder};
pub use container::Sequential;
pub use conv::{Conv2d, Conv2dBuilder, Padding};
pub use conv_nd::{Conv1d, Conv3d, ConvBuilder, ConvPadding};
pub use conv_transpose::{ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, ConvTransposeBuilder};
pub use dropout::Dropout;
pub use flatten::Flatten;
pub use linear::{Identity, Linear, LinearBuilder};
pub use loss::{BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss, NLLLoss};
pub use module::{Field, Forward, Item, Module, Visitor};
pub use param::{Buffer, Parameter, Training};
pub use pooling::{AdaptiveAvgPool2d, AvgPool2d, MaxPool2d};
pub use rushlight_macros::Module;
pub use size::{Pair, Sizes};
pub use state::{LoadReport, StateDict};
