//! Learning rates that fall when a metric does not improve any more.

use super::lrs;
use super::scheduler::same_groups;
use crate::error::ok;
use crate::io::pt::Value;
use crate::nn::StateDict;
use crate::optim::Optimizer;
use crate::optim::state::{Loader, Named};
use crate::optim::torch;
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};

const NAME: &str = "ReduceLROnPlateau";

/// Which values of the metric of [`ReduceLROnPlateau`] are better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlateauMode {
    /// Smaller ones, as of a loss.
    #[default]
    Min,
    /// Larger ones, as of an accuracy.
    Max,
}

impl Named for PlateauMode {
    const NAMES: &'static [(PlateauMode, &'static str)] = &[(PlateauMode::Min, "min"), (PlateauMode::Max, "max")];
}

/// What the threshold of [`ReduceLROnPlateau`] is a share of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThresholdMode {
    /// The best metric.
    #[default]
    Rel,
    /// Nothing: it is the improvement itself.
    Abs,
}

impl Named for ThresholdMode {
    const NAMES: &'static [(ThresholdMode, &'static str)] = &[(ThresholdMode::Rel, "rel"), (ThresholdMode::Abs, "abs")];
}

/// The smallest learning rates of [`ReduceLROnPlateau`]: a number for all parameter groups, or a list with one for each.
#[derive(Clone, Debug, PartialEq)]
pub struct MinLR(Limits);

#[derive(Clone, Debug, PartialEq)]
enum Limits {
    All(f64),
    Each(Vec<f64>),
}

impl From<f64> for MinLR {
    fn from(lr: f64) -> MinLR {
        MinLR(Limits::All(lr))
    }
}

impl From<Vec<f64>> for MinLR {
    fn from(lrs: Vec<f64>) -> MinLR {
        MinLR(Limits::Each(lrs))
    }
}

impl<const N: usize> From<[f64; N]> for MinLR {
    fn from(lrs: [f64; N]) -> MinLR {
        MinLR(Limits::Each(lrs.to_vec()))
    }
}

/// The options of [`ReduceLROnPlateau`].
#[derive(Builder, Clone, Debug, PartialEq)]
#[builder(new = pub(super))]
pub struct ReduceLROnPlateauOptions {
    /// The learning rates of the optimizer's groups.
    #[builder(required)]
    lrs: Vec<f64>,
    /// Which values of the metric are better; by default smaller ones.
    mode: PlateauMode,
    /// The factor of a reduction, less than 1; default 0.1.
    #[builder(default = 0.1)]
    factor: f64,
    /// The number of epochs in a row without an improvement that are accepted; default 10.
    #[builder(default = 10)]
    patience: usize,
    /// The smallest change that is an improvement; default 1e-4.
    #[builder(default = 1e-4)]
    threshold: f64,
    /// What the threshold is a share of; by default the best metric.
    threshold_mode: ThresholdMode,
    /// The number of epochs after a reduction in which epochs without an improvement are not counted; default 0.
    cooldown: usize,
    /// The smallest learning rate: a number, or one for each parameter group; default 0.
    #[builder(default = MinLR::from(0.0))]
    min_lr: MinLR,
    /// The smallest reduction that is made; default 1e-8.
    #[builder(default = 1e-8)]
    eps: f64,
}

impl ReduceLROnPlateauOptions {
    /// Builds the scheduler.
    ///
    /// # Errors
    /// If the factor is not less than 1, or the number of smallest learning rates is not that of the parameter groups.
    #[op]
    pub fn try_build(self) -> Result<ReduceLROnPlateau> {
        self.validate()?;
        let groups = self.lrs.len();
        let min_lrs = match &self.min_lr.0 {
            Limits::All(lr) => vec![*lr; groups],
            Limits::Each(lrs) => lrs.clone(),
        };
        if min_lrs.len() != groups {
            let message = format!("expected min_lr for each of {groups} parameter groups, got {}", min_lrs.len());
            return Err(Error::value(NAME, message));
        }
        Ok(ReduceLROnPlateau {
            best: if self.mode == PlateauMode::Min { f64::INFINITY } else { f64::NEG_INFINITY },
            last_lr: self.lrs.clone(),
            options: self,
            min_lrs,
            last_epoch: 0,
            cooldown_counter: 0,
            num_bad_epochs: 0,
        })
    }

    fn validate(&self) -> Result<()> {
        if self.factor < 1.0 {
            return Ok(());
        }
        Err(Error::value(NAME, format!("expected a factor less than 1, got {}", self.factor)))
    }

    fn is_better(&self, metric: f64, best: f64) -> bool {
        let threshold = self.threshold;
        match (self.mode, self.threshold_mode) {
            (PlateauMode::Min, ThresholdMode::Rel) => metric < best * (1.0 - threshold),
            (PlateauMode::Min, ThresholdMode::Abs) => metric < best - threshold,
            (PlateauMode::Max, ThresholdMode::Rel) => metric > best * (threshold + 1.0),
            (PlateauMode::Max, ThresholdMode::Abs) => metric > best + threshold,
        }
    }
}

/// Multiplies the learning rates by a factor when a metric has not improved for some epochs. See
/// [`torch.optim.lr_scheduler.ReduceLROnPlateau`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html).
///
/// ```
/// use rushlight::{Tensor, optim::{Optimizer, SGD, lr_scheduler::ReduceLROnPlateau}};
/// let w = Tensor::from([1.0f32]).requires_grad_(true);
/// let mut optimizer = SGD::builder([&w]).lr(1.0).build();
/// let mut scheduler = ReduceLROnPlateau::builder(&optimizer).factor(0.5).patience(1).build();
/// let lrs = [0.8, 0.6, 0.7, 0.6, 0.5].map(|loss| {
///     scheduler.step(&mut optimizer, loss);
///     optimizer.lr()
/// });
/// assert_eq!(lrs, [1.0, 1.0, 1.0, 0.5, 0.5]);
/// ```
#[derive(Clone, Debug)]
pub struct ReduceLROnPlateau {
    options: ReduceLROnPlateauOptions,
    min_lrs: Vec<f64>,
    last_epoch: usize,
    last_lr: Vec<f64>,
    best: f64,
    cooldown_counter: usize,
    num_bad_epochs: usize,
}

impl ReduceLROnPlateau {
    /// Creates a scheduler that multiplies by 0.1 when a loss has not improved in more than 10 epochs.
    pub fn new(optimizer: &dyn Optimizer) -> ReduceLROnPlateau {
        ReduceLROnPlateau::builder(optimizer).build()
    }

    /// Returns a builder of the scheduler.
    pub fn builder(optimizer: &dyn Optimizer) -> ReduceLROnPlateauOptions {
        ReduceLROnPlateauOptions::new(lrs(optimizer))
    }

    /// Compares the metric of an epoch with the best one, and reduces the learning rates if there were too many epochs without an
    /// improvement.
    ///
    /// # Errors
    /// If the optimizer does not have as many parameter groups as that of the scheduler.
    #[op]
    pub fn try_step(&mut self, optimizer: &mut dyn Optimizer, metric: f64) -> Result<()> {
        same_groups(NAME, self.min_lrs.len(), optimizer)?;
        self.last_epoch += 1;
        if self.options.is_better(metric, self.best) {
            self.best = metric;
            self.num_bad_epochs = 0;
        } else {
            self.num_bad_epochs += 1;
        }
        if self.cooldown_counter > 0 {
            self.cooldown_counter -= 1;
            self.num_bad_epochs = 0;
        }
        if self.num_bad_epochs > self.options.patience {
            for (group, min_lr) in self.min_lrs.iter().enumerate() {
                let old = optimizer.group_lr(group);
                let new = (old * self.options.factor).max(*min_lr);
                if old - new > self.options.eps {
                    optimizer.set_group_lr(group, new);
                }
            }
            self.cooldown_counter = self.options.cooldown;
            self.num_bad_epochs = 0;
        }
        self.last_lr = lrs(optimizer);
        Ok(())
    }

    /// Returns the number of steps taken.
    pub fn last_epoch(&self) -> usize {
        self.last_epoch
    }

    /// Returns the learning rates of all groups after the last step.
    pub fn get_last_lr(&self) -> &[f64] {
        &self.last_lr
    }

    /// Returns the best metric so far, infinite at first.
    pub fn best(&self) -> f64 {
        self.best
    }

    /// Returns the number of epochs in a row without an improvement.
    pub fn num_bad_epochs(&self) -> usize {
        self.num_bad_epochs
    }

    /// The options and the state as tensors, under PyTorch's keys. The learning rates themselves are part of the optimizer's state.
    pub fn state_dict(&self) -> StateDict {
        let ReduceLROnPlateauOptions { mode, factor, patience, threshold, threshold_mode, cooldown, eps, .. } =
            self.options;
        [
            ("factor", Tensor::from(factor)),
            ("min_lrs", Tensor::from(self.min_lrs.as_slice())),
            ("patience", Tensor::from(patience as i64)),
            ("cooldown", Tensor::from(cooldown as i64)),
            ("eps", Tensor::from(eps)),
            ("last_epoch", Tensor::from(self.last_epoch as i64)),
            ("_last_lr", Tensor::from(self.last_lr.as_slice())),
            ("mode", mode.tensor()),
            ("threshold", Tensor::from(threshold)),
            ("threshold_mode", threshold_mode.tensor()),
            ("best", Tensor::from(self.best)),
            ("cooldown_counter", Tensor::from(self.cooldown_counter as i64)),
            ("num_bad_epochs", Tensor::from(self.num_bad_epochs as i64)),
        ]
        .into_iter()
        .collect()
    }

    /// Restores the options and the state returned by [`state_dict`](ReduceLROnPlateau::state_dict), and leaves the optimizer as it is.
    ///
    /// # Errors
    /// If keys or the number of groups differ, or an option is out of range: all differences are listed, and the scheduler is unchanged.
    #[op]
    pub fn try_load_state_dict(&mut self, state: &StateDict) -> Result<()> {
        let groups = self.min_lrs.len();
        let mut loader = Loader::new(state);
        let loaded = ReduceLROnPlateau {
            options: ReduceLROnPlateauOptions {
                mode: loader.named("mode").unwrap_or_default(),
                factor: loader.number("factor"),
                patience: loader.integer("patience"),
                threshold: loader.number("threshold"),
                threshold_mode: loader.named("threshold_mode").unwrap_or_default(),
                cooldown: loader.integer("cooldown"),
                eps: loader.number("eps"),
                ..self.options.clone()
            },
            min_lrs: loader.numbers("min_lrs", groups),
            last_epoch: loader.integer("last_epoch"),
            last_lr: loader.numbers("_last_lr", groups),
            best: loader.number("best"),
            cooldown_counter: loader.integer("cooldown_counter"),
            num_bad_epochs: loader.integer("num_bad_epochs"),
        };
        if let Err(error) = loaded.options.validate() {
            loader.reject(error.to_string());
        }
        loader.finish(NAME)?;
        *self = loaded;
        Ok(())
    }

    /// The options and the state as PyTorch has them in `scheduler.state_dict()`, to be saved with [`pt::save`](crate::io::pt::save).
    ///
    /// # Panics
    /// If memory does not suffice.
    pub fn torch_state_dict(&self) -> Value {
        ok(torch::export_schedule(NAME, self.min_lrs.len(), &self.state_dict()))
    }

    /// Restores a state that PyTorch saved with `torch.save(scheduler.state_dict(), path)`, or that
    /// [`torch_state_dict`](ReduceLROnPlateau::torch_state_dict) returned, and leaves the optimizer as it is.
    ///
    /// # Errors
    /// If keys or the number of groups differ, or an option is out of range: all differences are listed, and the scheduler is unchanged.
    #[op]
    pub fn try_load_torch_state_dict(&mut self, state: &Value) -> Result<()> {
        self.try_load_state_dict(&torch::import_schedule(NAME, state)?)
    }
}
