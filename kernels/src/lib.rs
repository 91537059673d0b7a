//! Arithmetic on slices and strides.
//!
//! This crate has no tensors, no graph and no devices. Each module holds one family of kernels; every kernel selects
//! its instruction set at run time ([`isa::isa`]) and splits its work over threads only if there is enough of it
//! ([`threads`]). Results never depend on the number of threads.

mod activation;
pub mod conv;
mod convert;
pub mod dtype;
pub mod elementwise;
pub mod float;
pub mod gemm;
pub mod half;
pub mod index;
mod instances;
pub mod isa;
pub mod loss;
pub mod lstm;
pub mod norm;
pub mod optim;
pub mod pooling;
pub mod reduce;
mod rows;
pub mod simd;
pub mod softmax;
mod split;
pub mod threads;

pub use activation::Activation;

/// The maximum number of dimensions of a strided kernel's operands.
pub const MAX_RANK: usize = 8;
