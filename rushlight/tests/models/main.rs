//! Layers and networks against PyTorch: initial values, outputs, training. These draw from the default generator, which belongs
//! to the whole process, so that they run one at a time.

#[path = "../golden/mod.rs"]
mod golden;

mod examples;
mod fused;
mod layers;
mod lenet;
mod listing;
mod networks;

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The default generator, for as long as this exists.
struct Alone(Option<MutexGuard<'static, ()>>);

thread_local! {
    static HELD: Cell<bool> = const { Cell::new(false) };
}

/// Waits until no other test uses the default generator. A test that has it already need not wait.
fn alone() -> Alone {
    static GENERATOR: Mutex<()> = Mutex::new(());
    let guard = (!HELD.replace(true)).then(|| GENERATOR.lock().unwrap_or_else(PoisonError::into_inner));
    Alone(guard)
}

impl Drop for Alone {
    fn drop(&mut self) {
        if self.0.is_some() {
            HELD.set(false);
        }
    }
}
