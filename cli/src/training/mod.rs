//! Training: what a run is going to do, its data as batches, the loop, and what it writes.

mod augment;
mod checkpoint;
mod digits;
mod engine;
mod features;
mod optimizers;
mod plan;
mod prepare;
mod run;
mod schedules;
mod task;
mod weights;

pub(crate) use augment::Augmentation;
pub(crate) use checkpoint::CHECKPOINT;
pub(crate) use optimizers::OptimizerKind;
pub(crate) use plan::{Data, PLAN, Plan, Settings, Trained, Weights};
pub(crate) use run::train;
pub(crate) use schedules::ScheduleKind;
pub(crate) use weights::CARRIED;
