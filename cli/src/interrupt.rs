//! Ctrl-C: the first one asks the work to end cleanly, the second one ends the program at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::{Failure, Result};

/// Whether the user asked to stop.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Starts to listen for Ctrl-C and termination.
    pub(crate) fn listen() -> Result<Self> {
        let requested = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&requested);
        ctrlc::set_handler(move || {
            if seen.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        })
        .map_err(|e| Failure::new(format!("cannot listen for Ctrl-C: {e}")))?;
        Ok(Interrupt(requested))
    }

    /// Whether Ctrl-C was pressed.
    pub(crate) fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
