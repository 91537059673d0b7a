//! Learning rates that fall exponentially.

use super::{Builder, Position, Schedule, Scheduler};
use crate::optim::{Optimizer, Setting};
use rushlight_macros::Builder;

/// Multiplies the learning rates by `gamma` in every epoch. See
/// [`torch.optim.lr_scheduler.ExponentialLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ExponentialLR.html).
///
/// ```
/// use rushlight::{Tensor, optim::{Optimizer, SGD, lr_scheduler::{ExponentialLR, LRScheduler}}};
/// let w = Tensor::from([1.0f32]).requires_grad_(true);
/// let mut optimizer = SGD::builder([&w]).lr(1.0).build();
/// let mut scheduler = ExponentialLR::new(&mut optimizer, 0.5);
/// scheduler.step(&mut optimizer);
/// assert_eq!(optimizer.lr(), 0.5);
/// ```
pub type ExponentialLR = Scheduler<ExponentialLROptions>;

/// The options of [`ExponentialLR`].
#[derive(Builder, Clone, Copy, Debug, PartialEq)]
pub struct ExponentialLROptions {
    #[builder(required)]
    gamma: f64,
}

impl ExponentialLR {
    /// Creates a scheduler that multiplies by `gamma`.
    pub fn new(optimizer: &mut dyn Optimizer, gamma: f64) -> ExponentialLR {
        ExponentialLR::builder(optimizer, gamma).build()
    }

    /// Returns a builder of the scheduler.
    pub fn builder(optimizer: &mut dyn Optimizer, gamma: f64) -> Builder<'_, ExponentialLROptions> {
        Builder::new(optimizer, ExponentialLROptions::new(gamma))
    }
}

impl Schedule for ExponentialLROptions {
    const NAME: &'static str = "ExponentialLR";

    fn options(&mut self) -> Vec<(&'static str, Setting<'_>)> {
        vec![("gamma", Setting::Number(&mut self.gamma))]
    }

    fn get_lr(&self, at: &Position) -> f64 {
        if at.initial { at.lr } else { at.lr * self.gamma }
    }
}
