//! Learning rates that are functions of the epoch.

use super::{Builder, Position, Schedule, Scheduler};
use crate::optim::Optimizer;
use crate::{Error, Result};
use std::fmt;
use std::sync::Arc;

/// Sets each learning rate to the initial one times a function of the epoch. See
/// [`torch.optim.lr_scheduler.LambdaLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LambdaLR.html).
///
/// The functions are not part of the state.
///
/// ```
/// use rushlight::{Tensor, optim::{Optimizer, SGD, lr_scheduler::{LRScheduler, LambdaLR}}};
/// let w = Tensor::from([1.0f32]).requires_grad_(true);
/// let mut optimizer = SGD::builder([&w]).lr(0.5).build();
/// let mut scheduler = LambdaLR::new(&mut optimizer, |epoch| 1.0 / (1 + epoch) as f64);
/// scheduler.step(&mut optimizer);
/// assert_eq!(optimizer.lr(), 0.25);
/// ```
pub type LambdaLR = Scheduler<LambdaLROptions>;

type Lambda = Arc<dyn Fn(usize) -> f64 + Send + Sync>;

/// The options of [`LambdaLR`].
#[derive(Clone)]
pub struct LambdaLROptions {
    lr_lambda: Lambda,
    /// Groups with functions of their own.
    of_groups: Vec<(usize, Lambda)>,
}

impl fmt::Debug for LambdaLROptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups: Vec<usize> = self.of_groups.iter().map(|(group, _)| *group).collect();
        f.debug_struct("LambdaLROptions").field("of_groups", &groups).finish_non_exhaustive()
    }
}

impl LambdaLR {
    /// Creates a scheduler that multiplies the initial learning rates by `lr_lambda(epoch)`.
    pub fn new(optimizer: &mut dyn Optimizer, lr_lambda: impl Fn(usize) -> f64 + Send + Sync + 'static) -> LambdaLR {
        LambdaLR::builder(optimizer, lr_lambda).build()
    }

    /// Returns a builder of the scheduler. The function is that of all parameter groups without one of their own.
    pub fn builder(
        optimizer: &mut dyn Optimizer,
        lr_lambda: impl Fn(usize) -> f64 + Send + Sync + 'static,
    ) -> Builder<'_, LambdaLROptions> {
        Builder::new(optimizer, LambdaLROptions { lr_lambda: Arc::new(lr_lambda), of_groups: Vec::new() })
    }
}

impl Builder<'_, LambdaLROptions> {
    /// The function of one parameter group.
    ///
    /// ```
    /// use rushlight::{Tensor, optim::{Optimizer, SGD, lr_scheduler::{LRScheduler, LambdaLR}}};
    /// let [a, b] = [0, 1].map(|_| Tensor::zeros([1]).requires_grad_(true));
    /// let mut optimizer = SGD::builder([&a]).lr(1.0).group([&b], |_| {}).build();
    /// let mut scheduler = LambdaLR::builder(&mut optimizer, |epoch| 0.95f64.powi(epoch as i32))
    ///     .group(1, |epoch| if epoch < 30 { 1.0 } else { 0.1 })
    ///     .build();
    /// scheduler.step(&mut optimizer);
    /// assert_eq!(scheduler.get_last_lr(), [0.95, 1.0]);
    /// ```
    pub fn group(mut self, group: usize, lr_lambda: impl Fn(usize) -> f64 + Send + Sync + 'static) -> Self {
        self.schedule.of_groups.push((group, Arc::new(lr_lambda)));
        self
    }
}

impl Schedule for LambdaLROptions {
    const NAME: &'static str = "LambdaLR";

    fn validate(&self, groups: usize) -> Result<()> {
        match self.of_groups.iter().find(|(group, _)| *group >= groups) {
            Some((group, _)) => {
                let message = format!("expected functions of groups less than {groups}, got one of group {group}");
                Err(Error::value(Self::NAME, message))
            }
            None => Ok(()),
        }
    }

    fn get_lr(&self, at: &Position) -> f64 {
        let own = self.of_groups.iter().rfind(|(group, _)| *group == at.group);
        at.base_lr * own.map_or(&self.lr_lambda, |(_, lambda)| lambda)(at.epoch)
    }
}
