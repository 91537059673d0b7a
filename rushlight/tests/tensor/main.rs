//! Tensors: the grammar of their functions, their element types, their devices, and what calls that fail look like to their user.

#[path = "../golden/mod.rs"]
mod golden;

mod device;
mod dtypes;
mod grammar;
mod panics;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held by each test that seeds the default generator, which belongs to the process.
fn default_generator() -> MutexGuard<'static, ()> {
    static GENERATOR: Mutex<()> = Mutex::new(());
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}
