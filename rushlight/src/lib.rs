//! PyTorch's building blocks in Rust: tensors, automatic differentiation, layers, optimizers and data loaders with the same names, the
//! same semantics, and the same numbers from the same seed.
//!
//! # Example
//!
//! ```
//! use rushlight::prelude::*;
//!
//! manual_seed(0);
//! let net = nn::seq![nn::Linear::new(2, 16), nn::ReLU::new(), nn::Linear::new(16, 1)];
//! let mut optimizer = optim::Adam::builder(net.parameters()).lr(0.01).build();
//! let x = Tensor::rand([64, 2]);
//! let y = x.sum_dim(keepdim(1)).sin();
//! let loss = || nn::MSELoss::new().forward(&net.forward(&x), &y);
//! let initial = loss().item();
//! for _ in 0..50 {
//!     optimizer.zero_grad();
//!     loss().backward();
//!     optimizer.step();
//! }
//! assert!(loss().item() < 0.5 * initial);
//! ```
//!
//! # Modules
//!
//! | Module | Contents |
//! |---|---|
//! | [`prelude`] | what most programs import |
//! | [`tensor`](mod@tensor) | [`Tensor`], dtypes, layouts, printing; the operations are methods of [`Tensor`] |
//! | [`ops`] | the options of operations |
//! | [`autograd`] | gradients of any order, hooks, [`gradcheck`](autograd::gradcheck) |
//! | [`nn`] | layers, containers, losses, initialization, state dictionaries |
//! | [`optim`] | optimizers, schedules of learning rates |
//! | [`data`] | data sets, samplers, loaders with workers |
//! | [`io`] | files of PyTorch (`.pt`, `.pth`), safetensors, NumPy and IDX, atomic writes |
//! | [`random`] | PyTorch's random number streams |
//! | [`vision`] | images, networks for images, an embedded sample of MNIST |
//! | `plot` | charts as PNG files |
//! | [`backend`] | the device abstraction |
//! | [`memory`] | the caching allocator |
//!
//! # Cargo features
//!
//! None is enabled by default.
//!
//! | Feature | Contents |
//! |---|---|
//! | `plot` | the module `plot` |
//! | `image` | images: JPEG, PNG, WebP, GIF and BMP are read, PNG and JPEG written; their transforms and folders, in [`vision`] |
//! | `ndarray` | tensors over the memory of arrays of the crate `ndarray`, and arrays over that of tensors |
//! | `digits` | a sample of 2500 handwritten digits, embedded in the program |
//!
//! # From PyTorch to Rushlight
//!
//! | PyTorch | Rushlight |
//! |---|---|
//! | `torch.tensor([1.0, 2.0])` | `tensor!([1.0, 2.0])` |
//! | `torch.zeros(2, 3, dtype=torch.float64)` | `Tensor::zeros_with([2, 3], DType::F64)` |
//! | `torch.arange(2, 10)` | `Tensor::arange(2..10)` |
//! | `2 * x + y`, `x @ w` | `2 * &x + &y`, `x.matmul(&w)` |
//! | `x[:, 1:]`, `x[:, 1:-1]` | `x.slice(1, 1..)`, `x.slice(1, (1, -1))` |
//! | `x.view(n, -1)` | `x.view((n, -1))` |
//! | `x.sum(1, keepdim=True)` | `x.sum_dim(keepdim(1))` |
//! | `F.cross_entropy(x, t, label_smoothing=0.1)` | `x.cross_entropy_with(&t, CrossEntropyOptions::new().label_smoothing(0.1))` |
//! | `torch.where(c, x, y)` | `x.where_cond(&c, &y)` |
//! | `with torch.no_grad(): …` | `no_grad(\|\| …)` |
//! | `torch.autograd.grad(y, x, create_graph=True)` | `grad_with(&y, &x, GradOptions::new().create_graph(true))` |
//! | `nn.Conv2d(3, 64, 7, stride=2)` | `nn::Conv2d::builder(3, 64, 7).stride(2).build()` |
//! | `net(x)` | `net.forward(&x)` |
//! | `torch.save(net.state_dict(), path)` | `net.state_dict().save(path)?` |
//! | `net.load_state_dict(torch.load(path))` | `net.load_state_dict(&StateDict::load(path)?)` |
//! | `for x, y in loader:` | `for (x, y) in &loader` |
//!
//! # Two forms of each operation
//!
//! Every operation that can fail has two forms: `try_matmul` returns a [`Result`], and `matmul` panics with the same message at the
//! caller's line. Arguments with defaults are options of a form `…_with`: [`Tensor::var`] and [`Tensor::var_with`].
//!
//! # Errors
//!
//! An [`Error`] names the operation, what was expected and what it got, with shapes and dtypes. [`catch`] converts the panic of an
//! operation back into the [`Error`], for example at the boundary of a server or of bindings.
//!
//! ```
//! use rushlight::Tensor;
//! let error = Tensor::zeros([2, 3]).try_matmul(&Tensor::zeros([4, 5])).unwrap_err();
//! assert!(error.to_string().starts_with("matmul: expected"));
//! ```
//!
//! # Threads
//!
//! Operations on large tensors are parallel; [`set_num_threads`] sets the number of threads. Tensors can be sent to and shared between
//! threads: a tensor may be read by several threads or written by one at a time, and a conflicting access is [`Error::Busy`]. Recording of
//! gradients ([`no_grad`]) is a mode of each thread.
//!
//! # Further reading
//!
//! The README of the repository describes the command-line program ("Try it") and installation ("Use it"), `docs/performance.md` the
//! speed and its measurement, `rushlight/examples` has small programs.
#![deny(unsafe_code)]

extern crate self as rushlight;

pub mod autograd;
pub mod backend;
pub mod data;
mod error;
pub mod io;
pub mod nn;
pub mod ops;
pub mod optim;
#[cfg(feature = "plot")]
pub mod plot;
pub mod prelude;
pub mod random;

/// The caching allocator: memory of freed tensors is kept for later ones.
pub mod memory {
    pub use crate::backend::allocator::{cached_bytes, empty_cache, set_cache_limit};
}

pub mod tensor;
pub mod vision;

pub use autograd::{BackwardOptions, EnableGrad, NoGrad, enable_grad, is_grad_enabled, no_grad, set_grad_enabled};
pub use backend::Device;
pub use error::{Error, Result, catch};
pub use ops::Reduction;
pub use random::{Generator, manual_seed};
pub use rushlight_kernels::half::{Bf16, F16};
pub use rushlight_kernels::threads::{num_threads, set_num_threads};
///
/// ```
/// use rushlight::{DType, tensor};
/// let x = tensor!([[1.0, 2.0], [3.0, 4.0]]);
/// assert_eq!((x.shape(), x.dtype()), (&[2, 2][..], DType::F32));
/// assert_eq!(tensor!([1, 2, 3]).dtype(), DType::I64);
/// assert_eq!(tensor!(-1.5, dtype = DType::F64, requires_grad = true).to_string(), "tensor(-1.5000, dtype=torch.float64, requires_grad=True)");
/// ```
///
/// ```compile_fail
/// # use rushlight::tensor;
/// let ragged = tensor!([[1.0, 2.0], [3.0]]); // expected 2 elements in each list at depth 1, as in the first one, got 1
/// ```
pub use rushlight_macros::tensor;
pub use tensor::{
    DType, Dims, Element, Operand, Scalar, Tensor, TensorOptions, get_default_dtype, keepdim, set_default_dtype,
    try_set_default_dtype,
};

/// Tests the README's examples.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
