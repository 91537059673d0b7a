//! Learning rates that fall at certain epochs.

use super::{Builder, Position, Schedule, Scheduler};
use crate::optim::{Optimizer, Setting};
use crate::{Error, Result, optim::lr_scheduler};
use rushlight_macros::{Builder, op};

/// Multiplies the learning rates by `gamma` every `step_size` epochs. See
/// [`torch.optim.lr_scheduler.StepLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html).
///
/// ```
/// use rushlight::{Tensor, optim::{Optimizer, SGD, lr_scheduler::{LRScheduler, StepLR}}};
/// let w = Tensor::from([1.0f32]).requires_grad_(true);
/// let mut optimizer = SGD::builder([&w]).lr(1.0).build();
/// let mut scheduler = StepLR::builder(&mut optimizer, 2).gamma(0.5).build();
/// let lrs = [(); 5].map(|()| {
///     scheduler.step(&mut optimizer);
///     optimizer.lr()
/// });
/// assert_eq!(lrs, [1.0, 0.5, 0.5, 0.25, 0.25]);
/// ```
pub type StepLR = Scheduler<StepLROptions>;

/// The options of [`StepLR`].
#[derive(Builder, Clone, Copy, Debug, PartialEq)]
#[builder(on(lr_scheduler::Builder<'_, StepLROptions>, schedule))]
pub struct StepLROptions {
    #[builder(required)]
    step_size: usize,
    /// The factor; default 0.1.
    #[builder(default = 0.1)]
    gamma: f64,
}

impl StepLR {
    /// Creates a scheduler that multiplies by 0.1 every `step_size` epochs.
    ///
    /// # Errors
    /// If `step_size` is 0.
    #[op]
    pub fn try_new(optimizer: &mut dyn Optimizer, step_size: usize) -> Result<StepLR> {
        StepLR::builder(optimizer, step_size).try_build()
    }

    /// Returns a builder of the scheduler.
    pub fn builder(optimizer: &mut dyn Optimizer, step_size: usize) -> Builder<'_, StepLROptions> {
        Builder::new(optimizer, StepLROptions::new(step_size))
    }
}

impl Schedule for StepLROptions {
    const NAME: &'static str = "StepLR";

    fn options(&mut self) -> Vec<(&'static str, Setting<'_>)> {
        vec![("step_size", Setting::Integer(&mut self.step_size)), ("gamma", Setting::Number(&mut self.gamma))]
    }

    fn validate(&self, _: usize) -> Result<()> {
        if self.step_size == 0 {
            return Err(Error::value(Self::NAME, "expected step_size of at least 1, got 0"));
        }
        Ok(())
    }

    fn get_lr(&self, at: &Position) -> f64 {
        if at.epoch == 0 || !at.epoch.is_multiple_of(self.step_size) { at.lr } else { at.lr * self.gamma }
    }
}

/// Multiplies the learning rates by `gamma` at each of the epochs `milestones`, as often as an epoch is listed. See
/// [`torch.optim.lr_scheduler.MultiStepLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiStepLR.html).
///
/// ```
/// use rushlight::{Tensor, optim::{Optimizer, SGD, lr_scheduler::{LRScheduler, MultiStepLR}}};
/// let w = Tensor::from([1.0f32]).requires_grad_(true);
/// let mut optimizer = SGD::builder([&w]).lr(1.0).build();
/// let mut scheduler = MultiStepLR::builder(&mut optimizer, [1, 4]).gamma(0.5).build();
/// let lrs = [(); 5].map(|()| {
///     scheduler.step(&mut optimizer);
///     optimizer.lr()
/// });
/// assert_eq!(lrs, [0.5, 0.5, 0.5, 0.25, 0.25]);
/// ```
pub type MultiStepLR = Scheduler<MultiStepLROptions>;

/// The options of [`MultiStepLR`].
#[derive(Builder, Clone, Debug, PartialEq)]
#[builder(on(lr_scheduler::Builder<'_, MultiStepLROptions>, schedule))]
pub struct MultiStepLROptions {
    #[builder(required)]
    milestones: Vec<usize>,
    /// The factor; default 0.1.
    #[builder(default = 0.1)]
    gamma: f64,
}

impl MultiStepLR {
    /// Creates a scheduler that multiplies by 0.1 at each milestone.
    pub fn new(optimizer: &mut dyn Optimizer, milestones: impl Into<Vec<usize>>) -> MultiStepLR {
        MultiStepLR::builder(optimizer, milestones).build()
    }

    /// Returns a builder of the scheduler.
    pub fn builder(
        optimizer: &mut dyn Optimizer,
        milestones: impl Into<Vec<usize>>,
    ) -> Builder<'_, MultiStepLROptions> {
        Builder::new(optimizer, MultiStepLROptions::new(milestones))
    }
}

impl Schedule for MultiStepLROptions {
    const NAME: &'static str = "MultiStepLR";

    fn options(&mut self) -> Vec<(&'static str, Setting<'_>)> {
        vec![("milestones", Setting::Integers(&mut self.milestones)), ("gamma", Setting::Number(&mut self.gamma))]
    }

    fn get_lr(&self, at: &Position) -> f64 {
        match self.milestones.iter().filter(|epoch| **epoch == at.epoch).count() {
            0 => at.lr,
            // `powi` rounds differently from Python's power.
            times => at.lr * self.gamma.powf(times as f64),
        }
    }
}
