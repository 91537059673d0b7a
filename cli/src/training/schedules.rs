//! The schedules of the learning rate by name.

use crate::failure::Result;
use clap::ValueEnum;
use rushlight::nn::StateDict;
use rushlight::optim::Optimizer;
use rushlight::optim::lr_scheduler::{ExponentialLR, LRScheduler, LambdaLR, ReduceLROnPlateau, StepLR};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// The ways the learning rate can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ScheduleKind {
    /// Falls to 0 along a cosine, step by step
    Cosine,
    /// Falls to 0 along a line, step by step
    Linear,
    /// Stays as it is
    Constant,
    /// A tenth after each third of the epochs
    Step,
    /// Falls by the same factor each epoch, to a hundredth in the end
    Exponential,
    /// A tenth when the loss of the validation pictures has not fallen for 3 epochs
    Plateau,
}

/// A schedule in the course of a training.
pub(super) enum Schedule {
    /// One that counts steps.
    Steps(Box<dyn LRScheduler>),
    /// One that counts epochs.
    Epochs(Box<dyn LRScheduler>),
    Plateau(ReduceLROnPlateau),
}

impl Schedule {
    /// The schedule of a training of so many epochs, of so many steps each.
    pub(super) fn new(
        kind: ScheduleKind,
        optimizer: &mut dyn Optimizer,
        epochs: usize,
        steps: usize,
    ) -> Result<Schedule> {
        let total = epochs as f64 * steps as f64;
        Ok(match kind {
            ScheduleKind::Cosine => {
                let share = move |step: usize| 0.5 * (1.0 + (PI * step as f64 / total).cos());
                Schedule::Steps(Box::new(LambdaLR::builder(optimizer, share).try_build()?))
            }
            ScheduleKind::Linear => {
                let share = move |step: usize| 1.0 - step as f64 / total;
                Schedule::Steps(Box::new(LambdaLR::builder(optimizer, share).try_build()?))
            }
            ScheduleKind::Constant => Schedule::Epochs(Box::new(LambdaLR::builder(optimizer, |_| 1.0).try_build()?)),
            ScheduleKind::Step => Schedule::Epochs(Box::new(StepLR::try_new(optimizer, epochs.div_ceil(3))?)),
            ScheduleKind::Exponential => {
                let gamma = 0.01f64.powf(1.0 / epochs as f64);
                Schedule::Epochs(Box::new(ExponentialLR::builder(optimizer, gamma).try_build()?))
            }
            ScheduleKind::Plateau => {
                Schedule::Plateau(ReduceLROnPlateau::builder(optimizer).factor(0.1).patience(3).try_build()?)
            }
        })
    }

    /// A step has been made.
    pub(super) fn step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        match self {
            Schedule::Steps(schedule) => Ok(schedule.try_step(optimizer)?),
            _ => Ok(()),
        }
    }

    /// An epoch has ended with this loss of the held-out pictures.
    pub(super) fn epoch(&mut self, optimizer: &mut dyn Optimizer, loss: f64) -> Result<()> {
        match self {
            Schedule::Steps(_) => Ok(()),
            Schedule::Epochs(schedule) => Ok(schedule.try_step(optimizer)?),
            Schedule::Plateau(schedule) => Ok(schedule.try_step(optimizer, loss)?),
        }
    }

    pub(super) fn state_dict(&self) -> StateDict {
        match self {
            Schedule::Steps(schedule) | Schedule::Epochs(schedule) => schedule.state_dict(),
            Schedule::Plateau(schedule) => schedule.state_dict(),
        }
    }

    pub(super) fn load_state_dict(&mut self, state: &StateDict) -> Result<()> {
        match self {
            Schedule::Steps(schedule) | Schedule::Epochs(schedule) => schedule.try_load_state_dict(state)?,
            Schedule::Plateau(schedule) => schedule.try_load_state_dict(state)?,
        }
        Ok(())
    }
}
