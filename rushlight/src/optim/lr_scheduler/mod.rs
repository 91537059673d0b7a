//! Schedules of learning rates: `torch.optim.lr_scheduler`.
//!
//! A scheduler is created for an optimizer, whose learning rates it sets, and is called after the steps of an epoch (or after each step, if
//! it counts those). The order matters: `scheduler.step` in front of the first `optimizer.step` would skip the first learning rate.
//!
//! ```
//! use rushlight::prelude::*;
//! use rushlight::optim::lr_scheduler::StepLR;
//!
//! let net = nn::Linear::new(1, 1);
//! let mut optimizer = optim::SGD::builder(net.parameters()).lr(0.001).momentum(0.9).build();
//! let mut scheduler = StepLR::builder(&mut optimizer, 7).gamma(0.1).build();
//! for _epoch in 0..25 {
//!     for _batch in 0..2 {
//!         optimizer.zero_grad();
//!         net.forward(&Tensor::ones([4, 1])).square().mean().backward();
//!         optimizer.step();
//!     }
//!     scheduler.step(&mut optimizer);
//! }
//! assert_eq!(optimizer.lr(), 0.001 * 0.1 * 0.1 * 0.1);
//! ```
//!
//! Learning rates follow from the previous ones, so that several schedulers can be applied to one optimizer, and learning rates can be
//! changed between steps. Where a schedule starts is stored in the optimizer
//! ([`group_initial_lr`](Optimizer::group_initial_lr)). To continue training, save and load both states, that of the optimizer last.

mod cosine;
mod exponential;
mod lambda;
mod plateau;
mod scheduler;
mod step;

pub use cosine::{CosineAnnealingLR, CosineAnnealingLROptions};
pub use exponential::{ExponentialLR, ExponentialLROptions};
pub use lambda::{LambdaLR, LambdaLROptions};
pub use plateau::{MinLR, PlateauMode, ReduceLROnPlateau, ReduceLROnPlateauOptions, ThresholdMode};
pub use scheduler::{Builder, Position, Schedule, Scheduler};
pub use step::{MultiStepLR, MultiStepLROptions, StepLR, StepLROptions};

use super::Optimizer;
use crate::Result;
use crate::error::ok;
use crate::io::pt::Value;
use crate::nn::StateDict;

/// The interface of all schedulers but [`ReduceLROnPlateau`], whose step takes a metric.
///
/// ```
/// use rushlight::{Tensor, optim::{Optimizer, SGD}};
/// use rushlight::optim::lr_scheduler::{ExponentialLR, LRScheduler, StepLR};
/// let w = Tensor::from([1.0f32]).requires_grad_(true);
/// let mut optimizer = SGD::builder([&w]).lr(1.0).build();
/// let mut schedulers: [Box<dyn LRScheduler>; 2] =
///     [Box::new(StepLR::new(&mut optimizer, 3)), Box::new(ExponentialLR::new(&mut optimizer, 0.5))];
/// for _ in 0..3 {
///     w.square().sum().backward();
///     optimizer.step();
///     for scheduler in &mut schedulers {
///         scheduler.step(&mut optimizer);
///     }
/// }
/// assert_eq!(schedulers[0].last_epoch(), 3);
/// assert_eq!(optimizer.lr(), 0.25 * 0.1 * 0.5);
/// ```
pub trait LRScheduler: Send {
    /// Begins the next epoch: computes the learning rates of all groups and sets them.
    ///
    /// # Panics
    /// If the optimizer does not have as many parameter groups as that of the scheduler.
    #[track_caller]
    fn step(&mut self, optimizer: &mut dyn Optimizer) {
        ok(self.try_step(optimizer));
    }

    /// [`step`](LRScheduler::step) that returns an error instead of panicking.
    ///
    /// # Errors
    /// If the optimizer does not have as many parameter groups as that of the scheduler.
    fn try_step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()>;

    /// Returns the number of the epoch that the learning rates are for, from 0.
    fn last_epoch(&self) -> usize;

    /// Returns the learning rates of all groups after the last step.
    fn get_last_lr(&self) -> &[f64];

    /// The options and the state as tensors, under PyTorch's keys. The learning rates themselves are part of the optimizer's state.
    fn state_dict(&self) -> StateDict;

    /// Restores the options and the state returned by [`state_dict`](LRScheduler::state_dict), and leaves the optimizer as it is.
    ///
    /// # Panics
    /// If keys or the number of groups differ, or an option is out of range: all differences are listed.
    #[track_caller]
    fn load_state_dict(&mut self, state: &StateDict) {
        ok(self.try_load_state_dict(state));
    }

    /// [`load_state_dict`](LRScheduler::load_state_dict) that returns an error instead of panicking.
    ///
    /// # Errors
    /// If keys or the number of groups differ, or an option is out of range: all differences are listed, and the scheduler is unchanged.
    fn try_load_state_dict(&mut self, state: &StateDict) -> Result<()>;

    /// The options and the state as PyTorch has them in `scheduler.state_dict()`, to be saved with [`pt::save`](crate::io::pt::save).
    ///
    /// # Panics
    /// If memory does not suffice.
    fn torch_state_dict(&self) -> Value;

    /// Restores a state that PyTorch saved with `torch.save(scheduler.state_dict(), path)`, or that
    /// [`torch_state_dict`](LRScheduler::torch_state_dict) returned, and leaves the optimizer as it is.
    ///
    /// ```
    /// use rushlight::{Tensor, optim::{Optimizer, SGD}};
    /// use rushlight::optim::lr_scheduler::{LRScheduler, StepLR};
    /// let w = Tensor::from([1.0f32]).requires_grad_(true);
    /// let mut optimizer = SGD::builder([&w]).lr(1.0).build();
    /// let mut scheduler = StepLR::new(&mut optimizer, 3);
    /// scheduler.step(&mut optimizer);
    /// let mut other = StepLR::new(&mut optimizer, 5);
    /// other.load_torch_state_dict(&scheduler.torch_state_dict());
    /// assert_eq!(other.last_epoch(), 1);
    /// ```
    ///
    /// # Panics
    /// If keys or the number of groups differ, or an option is out of range: all differences are listed.
    #[track_caller]
    fn load_torch_state_dict(&mut self, state: &Value) {
        ok(self.try_load_torch_state_dict(state));
    }

    /// [`load_torch_state_dict`](LRScheduler::load_torch_state_dict) that returns an error instead of panicking.
    ///
    /// # Errors
    /// If keys or the number of groups differ, or an option is out of range: all differences are listed, and the scheduler is unchanged.
    fn try_load_torch_state_dict(&mut self, state: &Value) -> Result<()>;
}

/// The learning rates of all groups.
fn lrs(optimizer: &dyn Optimizer) -> Vec<f64> {
    (0..optimizer.num_groups()).map(|group| optimizer.group_lr(group)).collect()
}
