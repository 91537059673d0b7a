//! Layers and networks against PyTorch: initial values, outputs, training. These draw from the default generator, which
//! is global to the process, so they run one at a time.

#[path = "../golden/mod.rs"]
mod golden;

mod activations;
mod embedding;
mod examples;
mod fused;
mod image_models;
mod layers;
mod lenet;
mod listing;
mod losses;
mod networks;
mod rnn;
mod torchvision_a;
mod torchvision_b;
mod vision_ops;

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Exclusive use of the default generator while this exists.
struct Alone(Option<MutexGuard<'static, ()>>);

thread_local! {
    static HELD: Cell<bool> = const { Cell::new(false) };
}

/// Waits until no other test uses the default generator. Reentrant within a test.
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
