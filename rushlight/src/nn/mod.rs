//! Layers, containers and losses with PyTorch's names, defaults and initial values.
//!
//! A model is a struct with `#[derive(Module)]` ([`derive@Module`]) whose fields are layers, or a [`Sequential`].
//!
//! `new` creates a layer or a loss with PyTorch's defaults, `builder` takes options:
//! `Conv2d::builder(3, 64, 7).stride(2).padding(3).bias(false).build()`. Layers draw their initial parameters from the default
//! generator as PyTorch does, so the same seed yields the same model.
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
mod conv_transpose;
mod dropout;
mod embedding;
mod flatten;
mod fused_conv;
mod fusion;
pub mod init;
mod linear;
mod loss;
mod module;
mod param;
mod pooling;
mod repr;
mod rnn;
mod state;
mod traverse;
pub mod utils;

pub use crate::backend::Activation;
pub use crate::ops::Padding;
pub use crate::seq;
pub use crate::tensor::Sizes;
pub use activation::{
    CELU, ELU, GELU, GLU, GLUBuilder, Hardshrink, Hardsigmoid, Hardswish, Hardtanh, LeakyReLU, LogSigmoid, LogSoftmax,
    Mish, PReLU, PReLUBuilder, RReLU, RReLUBuilder, ReLU, ReLU6, SELU, SiLU, Sigmoid, Softmax, Softmax2d, Softmin,
    Softplus, Softshrink, Softsign, Tanh, Tanhshrink, Threshold,
};
pub use batchnorm::{BatchNorm, BatchNorm1d, BatchNorm2d, BatchNorm3d, BatchNormBuilder, Normalization};
pub use container::Sequential;
pub use conv::{Conv, Conv1d, Conv2d, Conv3d, ConvBuilder};
pub use conv_transpose::{ConvTranspose, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, ConvTransposeBuilder};
pub use dropout::{ChannelDropout, ChannelDropoutBuilder, Dropout, Dropout1d, Dropout2d, Dropout3d, DropoutBuilder};
pub use embedding::{Embedding, EmbeddingBuilder};
pub use flatten::{Flatten, FlattenBuilder};
pub use fusion::{Fusion, Product};
pub use linear::{Identity, Linear, LinearBuilder};
pub use loss::{
    BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, L1LossBuilder, MSELoss, MSELossBuilder, NLLLoss, NLLLoss2d,
};
pub use module::{Field, Forward, Item, Module, Visitor};
pub use param::{Buffer, Parameter, Training};
pub use pooling::{
    AdaptiveAvgPool, AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d, AdaptiveMaxPool, AdaptiveMaxPool1d,
    AdaptiveMaxPool2d, AdaptiveMaxPool3d, AvgPool, AvgPool1d, AvgPool2d, AvgPool3d, MaxPool, MaxPool1d, MaxPool2d,
    MaxPool3d,
};
pub use rnn::{LSTM, LSTMBuilder, LSTMCell, LSTMCellBuilder, LstmState, Sequences};
pub use rushlight_macros::Module;
pub use state::{LoadReport, StateDict};
