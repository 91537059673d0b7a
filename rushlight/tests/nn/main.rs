//! Modules and optimizers.

#[path = "../golden/mod.rs"]
mod golden;

mod lbfgs;
mod lr_scheduler;
mod modules;
mod optim;
mod optim_steps;
mod sparse;
