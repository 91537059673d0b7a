//! Learning rates that fall along a cosine.

use super::{Builder, Position, Schedule, Scheduler};
use crate::optim::{Optimizer, Setting};
use crate::{Error, Result, optim::lr_scheduler};
use rushlight_macros::{Builder, op};
use std::f64::consts::PI;

/// Moves the learning rates along a cosine, from the initial ones to `eta_min` in `t_max` epochs, then back and so on. See
/// [`torch.optim.lr_scheduler.CosineAnnealingLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html)
/// and Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017 (without the restarts).
///
/// In epoch e: `lr = eta_min + (lr - eta_min) (1 + cos(π e / t_max)) / (1 + cos(π (e - 1) / t_max))`.
///
/// ```
/// use rushlight::{Tensor, optim::{Optimizer, SGD, lr_scheduler::{CosineAnnealingLR, LRScheduler}}};
/// let w = Tensor::from([1.0f32]).requires_grad_(true);
/// let mut optimizer = SGD::builder([&w]).lr(1.0).build();
/// let mut scheduler = CosineAnnealingLR::builder(&mut optimizer, 4).eta_min(0.2).build();
/// let lrs = [(); 8].map(|()| {
///     scheduler.step(&mut optimizer);
///     (100.0 * optimizer.lr()).round() / 100.0
/// });
/// assert_eq!(lrs, [0.88, 0.6, 0.32, 0.2, 0.32, 0.6, 0.88, 1.0]);
/// ```
pub type CosineAnnealingLR = Scheduler<CosineAnnealingLROptions>;

/// The options of [`CosineAnnealingLR`].
#[derive(Builder, Clone, Copy, Debug, PartialEq)]
#[builder(on(lr_scheduler::Builder<'_, CosineAnnealingLROptions>, schedule))]
pub struct CosineAnnealingLROptions {
    #[builder(required)]
    t_max: usize,
    /// The smallest learning rate; default 0.
    eta_min: f64,
}

impl CosineAnnealingLR {
    /// Creates a scheduler that reaches 0 after `t_max` epochs.
    ///
    /// # Errors
    /// If `t_max` is 0.
    #[op]
    pub fn try_new(optimizer: &mut dyn Optimizer, t_max: usize) -> Result<CosineAnnealingLR> {
        CosineAnnealingLR::builder(optimizer, t_max).try_build()
    }

    /// Returns a builder of the scheduler.
    pub fn builder(optimizer: &mut dyn Optimizer, t_max: usize) -> Builder<'_, CosineAnnealingLROptions> {
        Builder::new(optimizer, CosineAnnealingLROptions::new(t_max))
    }
}

impl Schedule for CosineAnnealingLROptions {
    const NAME: &'static str = "CosineAnnealingLR";

    fn options(&mut self) -> Vec<(&'static str, Setting<'_>)> {
        vec![("T_max", Setting::Integer(&mut self.t_max)), ("eta_min", Setting::Number(&mut self.eta_min))]
    }

    fn validate(&self, _: usize) -> Result<()> {
        if self.t_max == 0 {
            return Err(Error::value(Self::NAME, "expected t_max of at least 1, got 0"));
        }
        Ok(())
    }

    fn get_lr(&self, at: &Position) -> f64 {
        if at.initial {
            return at.lr;
        }
        // At least 1, since epoch 0 is initial.
        let (epoch, t_max) = (at.epoch as f64, self.t_max as f64);
        if (at.epoch - 1) % (2 * self.t_max) == self.t_max {
            // The recursion would divide by 0.
            return at.lr + (at.base_lr - self.eta_min) * (1.0 - (PI / t_max).cos()) / 2.0;
        }
        (1.0 + (PI * epoch / t_max).cos()) / (1.0 + (PI * (epoch - 1.0) / t_max).cos()) * (at.lr - self.eta_min)
            + self.eta_min
    }
}
