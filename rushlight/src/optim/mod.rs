//! Optimizers, which update parameters from their gradients.
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
//!
//! The learning rate follows a schedule with a scheduler of [`lr_scheduler`].
//!
//! Options, defaults and names of the state are PyTorch's. PyTorch's options `foreach`, `fused`, `capturable` and `differentiable` choose
//! among its implementations and do not exist here: each step is one pass over the memory of the parameter, its gradient and its state,
//! and is not recorded.

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod asgd;
mod lbfgs;
pub mod lr_scheduler;
mod optimizer;
mod rmsprop;
mod rprop;
mod sgd;
mod sparse_adam;
mod state;
mod torch;

pub use adadelta::{Adadelta, AdadeltaOptions};
pub use adagrad::{Adagrad, AdagradOptions};
pub use adam::{Adam, AdamOptions, AdamW};
pub use adamax::{Adamax, AdamaxOptions};
pub use asgd::{ASGD, ASGDOptions};
pub use lbfgs::{LBFGS, LBFGSOptions, LineSearch};
use optimizer::filled;
pub use optimizer::{Builder, Rule, RuleOptimizer, SparseGradients};
pub use rmsprop::{RMSprop, RMSpropOptions};
pub use rprop::{Rprop, RpropOptions};
pub use sgd::{SGD, SGDOptions};
pub use sparse_adam::{SparseAdam, SparseAdamOptions};
pub use state::Setting;

use crate::error::ok;
use crate::io::pt::Value;
use crate::nn::{Parameter, StateDict};
use crate::{EnableGrad, Error, Result, Tensor};

/// The interface of all optimizers, sufficient for the schedulers of learning rates in [`lr_scheduler`].
///
/// ```
/// use rushlight::{Tensor, optim::{Optimizer, SGD}};
/// let w = Tensor::from([1.0f32]).requires_grad_(true);
/// let mut optimizer = SGD::builder([&w]).lr(0.25).build();
/// w.square().sum().backward();
/// optimizer.step();
/// assert_eq!(w.item(), 0.5);
/// optimizer.set_lr(0.9 * optimizer.lr());
/// assert_eq!(optimizer.lr(), 0.225);
/// ```
pub trait Optimizer: Send {
    /// Updates every parameter that has a gradient, without recording.
    ///
    /// # Panics
    /// If a gradient set by `set_grad` does not have the shape and dtype of its parameter, or the optimizer requires a closure
    /// ([`LBFGS`]).
    #[track_caller]
    fn step(&mut self) {
        ok(self.try_step());
    }

    /// [`step`](Optimizer::step) that returns an error instead of panicking.
    ///
    /// # Errors
    /// If a gradient set by `set_grad` does not have the shape and dtype of its parameter, or the optimizer requires a closure
    /// ([`LBFGS`]).
    fn try_step(&mut self) -> Result<()>;

    /// Evaluates the loss with `closure`, updates the parameters, and returns the loss: PyTorch's `step(closure)`.
    ///
    /// The closure clears the gradients, computes the loss, calls `backward` and returns the loss; recording is on while it runs. Most
    /// optimizers call it once; [`LBFGS`] calls it several times and returns the first loss. The optimizer is borrowed meanwhile, so the
    /// closure clears the gradients of the model: `net.zero_grad()`.
    ///
    /// ```
    /// use rushlight::{Tensor, optim::{LBFGS, Optimizer, SGD}};
    /// let w = Tensor::from([1.0f32]).requires_grad_(true);
    /// let optimizers: [Box<dyn Optimizer>; 2] = [Box::new(SGD::builder([&w]).lr(0.25).build()), Box::new(LBFGS::new([&w]))];
    /// for (mut optimizer, expected) in optimizers.into_iter().zip([1.0, 0.25]) {
    ///     let loss = optimizer.step_with(&mut || {
    ///         w.zero_grad();
    ///         let loss = w.square().sum();
    ///         loss.backward();
    ///         loss
    ///     });
    ///     assert_eq!(loss.item(), expected);
    /// }
    /// ```
    ///
    /// # Panics
    /// If a gradient set by `set_grad` does not have the shape and dtype of its parameter, or the loss is not one element where it is read.
    #[track_caller]
    fn step_with(&mut self, closure: &mut dyn FnMut() -> Tensor) -> Tensor {
        ok(self.try_step_with(&mut || Ok(closure())))
    }

    /// [`step_with`](Optimizer::step_with) that returns an error instead of panicking.
    ///
    /// # Errors
    /// As [`step_with`](Optimizer::step_with), and that of the closure.
    fn try_step_with(&mut self, closure: &mut dyn FnMut() -> Result<Tensor>) -> Result<Tensor> {
        let loss = {
            let _guard = EnableGrad::new();
            closure()?
        };
        self.try_step()?;
        Ok(loss)
    }

    /// Clears the gradients of all parameters.
    fn zero_grad(&self);

    /// Returns the parameters of all groups.
    fn parameters(&self) -> Vec<Parameter>;

    /// Returns the number of parameter groups.
    fn num_groups(&self) -> usize;

    /// Returns the learning rate of a group.
    ///
    /// # Panics
    /// If the group does not exist.
    fn group_lr(&self, group: usize) -> f64;

    /// Sets the learning rate of a group.
    ///
    /// # Panics
    /// If the group does not exist.
    fn set_group_lr(&mut self, group: usize, lr: f64);

    /// Returns the learning rate that the schedules of a group start from, if a scheduler was created: PyTorch's `initial_lr`.
    ///
    /// # Panics
    /// If the group does not exist.
    fn group_initial_lr(&self, group: usize) -> Option<f64>;

    /// Sets the learning rate that the schedules of a group start from; the schedulers of [`lr_scheduler`] do so.
    ///
    /// # Panics
    /// If the group does not exist.
    fn set_group_initial_lr(&mut self, group: usize, lr: f64);

    /// Returns the learning rate of the first group.
    fn lr(&self) -> f64 {
        self.group_lr(0)
    }

    /// Sets the learning rate of all groups.
    fn set_lr(&mut self, lr: f64) {
        for group in 0..self.num_groups() {
            self.set_group_lr(group, lr);
        }
    }

    /// Copies of the options and the accumulated state as tensors: `param_groups.0.lr`, `state.0.step`, `state.0.momentum_buffer`, with
    /// the parameters numbered consecutively over all groups. A pair, such as `param_groups.0.betas`, is a tensor of shape `[2]`.
    fn state_dict(&self) -> StateDict;

    /// Restores the state returned by [`state_dict`](Optimizer::state_dict).
    ///
    /// # Panics
    /// If the groups or parameters differ in number or shape, or an option is out of range: all differences are listed.
    #[track_caller]
    fn load_state_dict(&mut self, state: &StateDict) {
        ok(self.try_load_state_dict(state));
    }

    /// [`load_state_dict`](Optimizer::load_state_dict) that returns an error instead of panicking.
    ///
    /// # Errors
    /// If the groups or parameters differ in number or shape, or an option is out of range: all differences are listed, and the
    /// optimizer is unchanged.
    fn try_load_state_dict(&mut self, state: &StateDict) -> Result<()>;

    /// The options and the accumulated state as PyTorch has them: `{"state": {0: {"step": …, "exp_avg": …}}, "param_groups": [{"lr": …,
    /// "params": [0, 1]}]}`. Saved with [`pt::save`](crate::io::pt::save), PyTorch's `optimizer.load_state_dict(torch.load(path))` continues
    /// from it. An example is [here](crate::io::pt).
    ///
    /// # Panics
    /// If another thread is writing a tensor of the state.
    #[track_caller]
    fn torch_state_dict(&self) -> Value {
        ok(self.try_torch_state_dict())
    }

    /// [`torch_state_dict`](Optimizer::torch_state_dict) that returns an error instead of panicking.
    ///
    /// # Errors
    /// If another thread is writing a tensor of the state.
    fn try_torch_state_dict(&self) -> Result<Value>;

    /// Restores a state that PyTorch saved with `torch.save(optimizer.state_dict(), path)`, or that
    /// [`torch_state_dict`](Optimizer::torch_state_dict) returned. Parameters are matched by their order.
    ///
    /// # Panics
    /// If it is not such a state, or the groups or parameters differ in number or shape, or an option is unknown or out of range: all
    /// differences are listed.
    #[track_caller]
    fn load_torch_state_dict(&mut self, state: &Value) {
        ok(self.try_load_torch_state_dict(state));
    }

    /// [`load_torch_state_dict`](Optimizer::load_torch_state_dict) that returns an error instead of panicking.
    ///
    /// # Errors
    /// If it is not such a state, or the groups or parameters differ in number or shape, or an option is unknown or out of range: all
    /// differences are listed, and the optimizer is unchanged.
    fn try_load_torch_state_dict(&mut self, state: &Value) -> Result<()>;
}

/// Returns an error unless all of these options are at least 0.
fn at_least_zero(name: &'static str, options: &[(&str, f64)]) -> Result<()> {
    match options.iter().find(|(_, value)| value.is_nan() || *value < 0.0) {
        Some((option, value)) => Err(Error::value(name, format!("expected {option} of at least 0, got {value}"))),
        None => Ok(()),
    }
}

/// Returns an error unless both decay rates are at least 0 and less than 1.
fn decay_rates(name: &'static str, betas: (f64, f64)) -> Result<()> {
    if [betas.0, betas.1].iter().all(|beta| (0.0..1.0).contains(beta)) {
        return Ok(());
    }
    Err(Error::value(name, format!("expected betas of at least 0 and less than 1, got {betas:?}")))
}
