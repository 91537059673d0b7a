//! Items that a loader could not read and was asked to skip.

use crate::Error;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// An item that a loader skipped because the data set returned an error for it.
#[derive(Clone, Debug)]
pub struct Skipped {
    index: usize,
    error: Arc<Error>,
}

impl Skipped {
    pub(super) fn new(index: usize, error: Error) -> Skipped {
        Skipped { index, error: Arc::new(error) }
    }

    /// Returns the index of the item in the data set.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Returns the first error that the data set returned for the item. Errors of files name the file.
    pub fn error(&self) -> &Error {
        &self.error
    }
}

/// The items skipped so far, each once.
#[derive(Default)]
pub(in crate::data) struct Skips(Mutex<BTreeMap<usize, Skipped>>);

impl Skips {
    pub(in crate::data) fn add(&self, skipped: Vec<Skipped>) {
        if !skipped.is_empty() {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            skipped.into_iter().for_each(|one| _ = all.entry(one.index).or_insert(one));
        }
    }

    pub(in crate::data) fn list(&self) -> Vec<Skipped> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
