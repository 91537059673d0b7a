//! Modules and optimizers.

#[path = "../golden/mod.rs"]
mod golden;

mod modules;
mod optim;
mod optim_steps;
