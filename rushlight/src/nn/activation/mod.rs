//! Activations as layers, a file per family.
//!
//! Most are a function of [`Tensor`](crate::Tensor) with its options, which `#[module(function = …)]` turns into a layer.

mod piecewise;
mod relu;
mod smooth;
mod softmax;

pub use piecewise::{Hardshrink, Hardsigmoid, Hardswish, Hardtanh, Softshrink, Tanhshrink};
pub use relu::{LeakyReLU, PReLU, PReLUBuilder, RReLU, RReLUBuilder, ReLU, ReLU6, Threshold};
pub use smooth::{CELU, ELU, GELU, GLU, GLUBuilder, LogSigmoid, Mish, SELU, SiLU, Sigmoid, Softplus, Softsign, Tanh};
pub use softmax::{LogSoftmax, Softmax, Softmax2d, Softmin};
