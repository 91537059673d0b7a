//! Ctrl-C: the first one asks the work to end cleanly, the second one ends the program at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::failure::{Failure, Result};

/// Whether the user asked to stop.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    requested: AtomicBool,
    lock: Mutex<()>,
    changed: Condvar,
}

impl Interrupt {
    /// Starts to listen for Ctrl-C and termination.
    pub(crate) fn listen() -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        // Runs on a thread of its own, not in the signal handler, so it may lock.
        ctrlc::set_handler(move || {
            if seen.requested.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
            drop(seen.lock.lock());
            seen.changed.notify_all();
        })
        .map_err(|e| Failure::new(format!("cannot listen for Ctrl-C: {e}")))?;
        Ok(Interrupt(shared))
    }

    /// Whether Ctrl-C was pressed.
    pub(crate) fn requested(&self) -> bool {
        self.0.requested.load(Ordering::Relaxed)
    }

    /// Waits until Ctrl-C is pressed.
    pub(crate) fn wait(&self) {
        let mut guard = self.0.lock.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.requested() {
            guard = self.0.changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
