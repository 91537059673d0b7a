//! Layers, containers and losses with PyTorch's names, defaults and initial values.
//!
//! A model is a struct with `#[derive(Module)]` ([`derive@Module`]) whose fields are layers, or a [`Sequential`]. Layers are made with
//! PyTorch's defaults by `new` and otherwise by `builder`; they draw their initial parameters from the default generator as
//! PyTorch does, so the same seed gives the same model.
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
mod container;
pub mod init;
mod linear;
mod module;
mod param;
mod repr;
mod state;
mod walk;

pub use crate::seq;
pub use activation::ReLU;
pub use container::Sequential;
pub use linear::{Linear, LinearBuilder};
pub use module::{Field, Forward, Item, Module, Visitor};
pub use param::{Buffer, Param, Training};
pub use rushlight_macros::Module;
pub use state::{LoadReport, StateDict};
