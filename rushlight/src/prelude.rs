//! What most programs import: `use rushlight::prelude::*;`.
//!
//! Tensors and how they are created, the traits whose methods a training loop calls, loaders of data, and the modules `nn` and `optim`, so
//! that layers and optimizers are written as in Python: `nn::Linear`, `optim::Adam`. Options and everything else are imported by name.
//!
//! ```
//! use rushlight::prelude::*;
//!
//! #[derive(Module)]
//! struct Net {
//!     hidden: nn::Linear,
//!     output: nn::Linear,
//! }
//!
//! impl Forward for Net {
//!     fn forward(&self, x: &Tensor) -> Tensor {
//!         self.output.forward(&self.hidden.forward(x).tanh())
//!     }
//! }
//!
//! fn main() -> Result<()> {
//!     manual_seed(0);
//!     let (x, y) = (Tensor::randn([64, 2]), Tensor::randint(2, [64]));
//!     let loader = DataLoader::builder(TensorDataset::new((x, y))).batch_size(16).shuffle(true).build();
//!     let net = Net { hidden: nn::Linear::new(2, 8), output: nn::Linear::new(8, 2) };
//!     let mut optimizer = optim::SGD::builder(net.parameters()).lr(0.1).momentum(0.9).build();
//!     for (x, y) in &loader {
//!         optimizer.zero_grad();
//!         net.forward(&x).cross_entropy(&y).backward();
//!         optimizer.step();
//!     }
//!     Ok(())
//! }
//! ```

pub use crate::data::{DataLoader, Dataset, IdxDataset, TensorDataset};
pub use crate::nn::{self, Forward, Module, Parameter, StateDict};
pub use crate::optim::{self, Optimizer, lr_scheduler::LRScheduler};
pub use crate::{
    DType, Device, Reduction, Result, Tensor, TensorOptions, keepdim, manual_seed, no_grad, set_grad_enabled,
};
pub use rushlight_macros::tensor;
