//! Optimizers: rules that change parameters along their gradients.
//!
//! ```
//! use rushlight::{Tensor, nn, nn::{Forward, Module}, optim::{Optimizer, SGD}};
//! let net = nn::Linear::new(1, 1);
//! let mut optimizer = SGD::builder(net.parameters()).lr(0.1).momentum(0.9).build();
//! for _ in 0..3 {
//!     let loss = (net.forward(&Tensor::ones([4, 1])) - 2.0).square().mean();
//!     optimizer.zero_grad();
//!     loss.backward();
//!     optimizer.step();
//! }
//! ```

mod adam;
mod optimizer;
mod sgd;

pub use adam::{Adam, AdamOptions, AdamW};
pub use optimizer::{Builder, Rule, RuleOptimizer, Setting};
pub use sgd::{SGD, SGDOptions};

use crate::error::ok;
use crate::nn::{Parameter, StateDict};
use crate::{Error, Result};

/// What all optimizers do; a learning rate scheduler needs no more.
pub trait Optimizer: Send {
    /// Changes every parameter that has a gradient, in one pass over its memory each, without recording.
    ///
    /// # Panics
    /// Where [`try_step`](Optimizer::try_step) returns an error.
    #[track_caller]
    fn step(&mut self) {
        ok(self.try_step());
    }

    /// [`step`](Optimizer::step) that returns an error instead of panicking.
    ///
    /// # Errors
    /// If a gradient that was set by hand does not have its parameter's shape and type.
    fn try_step(&mut self) -> Result<()>;

    /// Removes the gradients of all parameters.
    fn zero_grad(&self);

    /// The parameters of all groups.
    fn parameters(&self) -> Vec<Parameter>;

    /// The number of groups of parameters with options of their own.
    fn num_groups(&self) -> usize;

    /// The learning rate of a group.
    ///
    /// # Panics
    /// If there is no such group.
    fn group_lr(&self, group: usize) -> f64;

    /// Sets the learning rate of a group.
    ///
    /// # Panics
    /// If there is no such group.
    fn set_group_lr(&mut self, group: usize, lr: f64);

    /// The learning rate of the first group.
    fn lr(&self) -> f64 {
        self.group_lr(0)
    }

    /// Sets the learning rate of all groups.
    fn set_lr(&mut self, lr: f64) {
        for group in 0..self.num_groups() {
            self.set_group_lr(group, lr);
        }
    }

    /// Options and what has been accumulated, as tensors: `param_groups.0.lr`, `state.0.step`, `state.0.momentum_buffer`, with
    /// the parameters numbered through all groups. The tensors are copies.
    fn state_dict(&self) -> StateDict;

    /// Continues from what [`state_dict`](Optimizer::state_dict) returned.
    ///
    /// # Panics
    /// Where [`try_load_state_dict`](Optimizer::try_load_state_dict) returns an error.
    #[track_caller]
    fn load_state_dict(&mut self, state: &StateDict) {
        ok(self.try_load_state_dict(state));
    }

    /// [`load_state_dict`](Optimizer::load_state_dict) that returns an error instead of panicking.
    ///
    /// # Errors
    /// If the groups or parameters are not the same in number and shape, or an option is out of its range: all differences are listed,
    /// and nothing has been changed.
    fn try_load_state_dict(&mut self, state: &StateDict) -> Result<()>;
}

/// An error unless all of these options are 0 or more.
fn at_least_zero(name: &'static str, options: &[(&str, f64)]) -> Result<()> {
    match options.iter().find(|(_, value)| value.is_nan() || *value < 0.0) {
        Some((option, value)) => Err(Error::value(name, format!("expected {option} of at least 0, got {value}"))),
        None => Ok(()),
    }
}
