//! PyTorch's building blocks in Rust: the same names, the same semantics, the same numbers from the same seed.
//!
//! ```
//! use rushlight::Tensor;
//!
//! rushlight::manual_seed(0);
//! let w = Tensor::randn([1]).requires_grad_(true);
//! let loss = (Tensor::from([1.0f32, 2.0, 3.0]) * &w).square().mean();
//! loss.backward();
//! println!("{loss} {}", w.grad().unwrap());
//! ```
//!
//! Every operation that can fail exists twice: `try_matmul` returns a [`Result`], `matmul` panics with the same message at
//! your line. [`catch`] turns such a panic back into the [`Error`].
#![warn(missing_docs)]

extern crate self as rushlight;

pub mod autograd;
pub mod backend;
pub mod data;
mod error;
pub mod io;
pub mod nn;
mod ops;
pub mod optim;
#[cfg(feature = "plot")]
pub mod plot;
pub mod random;

/// The memory that freed tensors leave for the next ones.
pub mod memory {
    pub use crate::backend::allocator::{cached_bytes, empty_cache, set_cache_limit};
}

pub mod tensor;
pub mod vision;

pub use autograd::{BackwardOptions, EnableGrad, NoGrad, enable_grad, is_grad_enabled, no_grad};
pub use backend::Device;
pub use error::{Error, Result, catch};
pub use ops::Reduction;
pub use random::{Generator, manual_seed};
pub use rushlight_kernels::half::{Bf16, F16};
pub use rushlight_kernels::threads::{num_threads, set_num_threads};
pub use tensor::{
    DType, Dims, Element, Operand, Scalar, Tensor, TensorOptions, get_default_dtype, set_default_dtype,
    try_set_default_dtype,
};

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
