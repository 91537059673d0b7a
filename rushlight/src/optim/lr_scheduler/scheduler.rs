//! The common part of schedulers: the loop over parameter groups, and the state.

use super::{LRScheduler, lrs};
use crate::error::ok;
use crate::io::pt::Value;
use crate::nn::StateDict;
use crate::optim::state::Loader;
use crate::optim::{Optimizer, Setting, torch};
use crate::{Error, Result, Tensor};
use rushlight_macros::op;

/// What the next learning rate of a parameter group is computed from.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Position {
    /// The number of the epoch that begins: PyTorch's `last_epoch`.
    pub epoch: usize,
    /// Whether the scheduler is being created; the epoch is then 0, unless it is created in the middle of a training.
    pub initial: bool,
    /// The number of the group.
    pub group: usize,
    /// The present learning rate of the group.
    pub lr: f64,
    /// The learning rate of the group that the schedule started from.
    pub base_lr: f64,
}

/// A rule for learning rates: its options, and the learning rate of an epoch.
///
/// [`Scheduler`] is the scheduler of a schedule. A user-defined one:
///
/// ```
/// use rushlight::{Tensor, optim::{Optimizer, SGD}};
/// use rushlight::optim::lr_scheduler::{Builder, LRScheduler, Position, Schedule};
///
/// /// Rises linearly in the first epochs.
/// #[derive(Clone)]
/// struct Warmup { epochs: usize }
///
/// impl Schedule for Warmup {
///     const NAME: &'static str = "Warmup";
///
///     fn get_lr(&self, at: &Position) -> f64 {
///         at.base_lr * ((at.epoch + 1) as f64 / self.epochs as f64).min(1.0)
///     }
/// }
///
/// let w = Tensor::from([1.0f32]).requires_grad_(true);
/// let mut optimizer = SGD::builder([&w]).lr(0.5).build();
/// let mut scheduler = Builder::new(&mut optimizer, Warmup { epochs: 4 }).build();
/// assert_eq!(optimizer.lr(), 0.125);
/// scheduler.step(&mut optimizer);
/// assert_eq!(optimizer.lr(), 0.25);
/// ```
pub trait Schedule: Clone + Send + 'static {
    /// The name, for error messages.
    const NAME: &'static str;

    /// All options by name, which are saved and loaded with the state.
    fn options(&mut self) -> Vec<(&'static str, Setting<'_>)> {
        Vec::new()
    }

    /// Checks the options for an optimizer with this number of parameter groups.
    ///
    /// # Errors
    /// If one is out of range.
    fn validate(&self, groups: usize) -> Result<()> {
        let _ = groups;
        Ok(())
    }

    /// Returns the learning rate of a group in the epoch that begins.
    fn get_lr(&self, at: &Position) -> f64;
}

/// The scheduler of a [`Schedule`].
#[derive(Clone, Debug)]
pub struct Scheduler<S> {
    schedule: S,
    base_lrs: Vec<f64>,
    last_epoch: usize,
    /// The number of steps since the scheduler was created, that at its creation included.
    step_count: usize,
    last_lr: Vec<f64>,
}

/// A builder of the scheduler of a [`Schedule`]: an optimizer and options.
#[must_use = "build() creates the scheduler"]
pub struct Builder<'a, S> {
    optimizer: &'a mut dyn Optimizer,
    pub(super) schedule: S,
    last_epoch: Option<usize>,
}

impl<'a, S: Schedule> Builder<'a, S> {
    /// Creates a builder for the groups of an optimizer.
    pub fn new(optimizer: &'a mut dyn Optimizer, schedule: S) -> Builder<'a, S> {
        Builder { optimizer, schedule, last_epoch: None }
    }

    /// The epoch after which a training is continued; by default it begins. The optimizer knows the learning rate that the schedule
    /// started from if its state was loaded.
    ///
    /// ```
    /// use rushlight::{Tensor, optim::{Optimizer, SGD}};
    /// use rushlight::optim::lr_scheduler::{ExponentialLR, LRScheduler};
    /// let w = Tensor::from([1.0f32]).requires_grad_(true);
    /// let mut optimizer = SGD::builder([&w]).lr(0.5).build();
    /// let mut scheduler = ExponentialLR::new(&mut optimizer, 0.5);
    /// scheduler.step(&mut optimizer);
    ///
    /// let mut resumed = SGD::builder([&w]).build();
    /// resumed.load_state_dict(&optimizer.state_dict());
    /// let scheduler = ExponentialLR::builder(&mut resumed, 0.5).last_epoch(0).build();
    /// assert_eq!((scheduler.last_epoch(), scheduler.get_last_lr()), (1, &[0.25][..]));
    /// ```
    pub fn last_epoch(mut self, last_epoch: usize) -> Builder<'a, S> {
        self.last_epoch = Some(last_epoch);
        self
    }

    /// Builds the scheduler, and sets the learning rates of its first epoch.
    ///
    /// # Errors
    /// If an option is out of range, or a training is continued and the optimizer does not know the initial learning rate of a group.
    #[op]
    pub fn try_build(self) -> Result<Scheduler<S>> {
        let Builder { optimizer, schedule, last_epoch } = self;
        let groups = optimizer.num_groups();
        schedule.validate(groups)?;
        let mut base_lrs = Vec::with_capacity(groups);
        for group in 0..groups {
            base_lrs.push(match (optimizer.group_initial_lr(group), last_epoch) {
                (Some(lr), _) => lr,
                (None, None) => optimizer.group_lr(group),
                (None, Some(_)) => {
                    let message = format!(
                        "expected initial_lr in all parameter groups in order to continue with last_epoch, got none in group {group}; load \
                         the state of the optimizer first"
                    );
                    return Err(Error::value(S::NAME, message));
                }
            });
        }
        for (group, lr) in base_lrs.iter().enumerate() {
            optimizer.set_group_initial_lr(group, *lr);
        }
        let last_epoch = last_epoch.map_or(0, |last| last + 1);
        let mut scheduler = Scheduler { schedule, base_lrs, last_epoch, step_count: 1, last_lr: Vec::new() };
        scheduler.set(optimizer, true);
        Ok(scheduler)
    }
}

impl<S: Schedule> Scheduler<S> {
    /// Returns the options.
    pub fn options(&self) -> &S {
        &self.schedule
    }

    /// Sets the learning rates of the epoch.
    fn set(&mut self, optimizer: &mut dyn Optimizer, initial: bool) {
        for (group, base_lr) in self.base_lrs.iter().enumerate() {
            let (epoch, lr) = (self.last_epoch, optimizer.group_lr(group));
            let lr = self.schedule.get_lr(&Position { epoch, initial, group, lr, base_lr: *base_lr });
            optimizer.set_group_lr(group, lr);
        }
        self.last_lr = lrs(optimizer);
    }
}

impl<S: Schedule> LRScheduler for Scheduler<S> {
    fn try_step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        same_groups(S::NAME, self.base_lrs.len(), optimizer)?;
        self.last_epoch += 1;
        self.step_count += 1;
        self.set(optimizer, false);
        Ok(())
    }

    fn last_epoch(&self) -> usize {
        self.last_epoch
    }

    fn get_last_lr(&self) -> &[f64] {
        &self.last_lr
    }

    fn state_dict(&self) -> StateDict {
        let mut state = StateDict::new();
        for (name, setting) in self.schedule.clone().options() {
            state.insert(name, setting.tensor());
        }
        state.insert("base_lrs", Tensor::from(self.base_lrs.as_slice()));
        state.insert("last_epoch", Tensor::from(self.last_epoch as i64));
        state.insert("_step_count", Tensor::from(self.step_count as i64));
        state.insert("_last_lr", Tensor::from(self.last_lr.as_slice()));
        state
    }

    fn try_load_state_dict(&mut self, state: &StateDict) -> Result<()> {
        let groups = self.base_lrs.len();
        let mut loader = Loader::new(state);
        let mut schedule = self.schedule.clone();
        for (name, setting) in schedule.options() {
            setting.load(&mut loader, name);
        }
        if let Err(error) = schedule.validate(groups) {
            loader.reject(error.to_string());
        }
        let loaded = Scheduler {
            schedule,
            base_lrs: loader.numbers("base_lrs", groups),
            last_epoch: loader.integer("last_epoch"),
            step_count: loader.integer("_step_count"),
            last_lr: loader.numbers("_last_lr", groups),
        };
        loader.finish(S::NAME)?;
        *self = loaded;
        Ok(())
    }

    fn torch_state_dict(&self) -> Value {
        ok(torch::export_schedule(S::NAME, self.base_lrs.len(), &self.state_dict()))
    }

    fn try_load_torch_state_dict(&mut self, state: &Value) -> Result<()> {
        self.try_load_state_dict(&torch::import_schedule(S::NAME, state)?)
    }
}

/// Returns an error unless the optimizer has this number of parameter groups.
pub(super) fn same_groups(name: &'static str, groups: usize, optimizer: &dyn Optimizer) -> Result<()> {
    let found = optimizer.num_groups();
    if found != groups {
        let message =
            format!("expected the optimizer of the scheduler, with {groups} parameter groups, got one with {found}");
        return Err(Error::value(name, message));
    }
    Ok(())
}
