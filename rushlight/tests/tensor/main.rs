//! Tensors: the grammar of their functions, element types, devices, and what a failing call looks like to the user.

#[path = "../golden/mod.rs"]
mod golden;

mod array;
mod device;
mod dtypes;
mod grammar;
mod panics;
mod resize;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held by each test that seeds the default generator, which is global to the process.
fn default_generator() -> MutexGuard<'static, ()> {
    static GENERATOR: Mutex<()> = Mutex::new(());
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}
