//! Reading and collating the items of a batch.

use super::{Shared, Skipped};
use crate::data::{Collator, Dataset, seed};
use crate::{Error, Result};
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A batch, and the items that were skipped for it.
pub(in crate::data) struct Made<B> {
    /// `None` if all of its items were skipped.
    pub(in crate::data) batch: Result<Option<B>>,
    pub(in crate::data) skipped: Vec<Skipped>,
}

impl<D: Dataset, C: Collator<D>> Shared<D, C> {
    /// The batch of the items at `indices`; `seed` names the seed of each. Errors and panics are returned with the location.
    pub(super) fn make(
        &self,
        number: usize,
        indices: &[usize],
        seed: impl Fn(usize) -> (i64, usize),
    ) -> Made<C::Batch> {
        let reading = Cell::new(None);
        let mut skipped = Vec::new();
        let batch = located(
            || {
                let len = self.dataset.len();
                if let Some(bad) = indices.iter().find(|&&index| index >= len) {
                    let message =
                        format!("expected indices below the length {len} of the data set, got {bad} from the sampler");
                    return Err(Error::index("DataLoader", message));
                }
                match self.collator.whole(&self.dataset, indices) {
                    // Which item it was shows when they are read one by one.
                    Some(Err(_)) if self.skip_errors => {}
                    Some(batch) => return batch.map(Some),
                    None => {}
                }
                let mut items = Vec::with_capacity(indices.len());
                for (place, &index) in indices.iter().enumerate() {
                    reading.set(Some(index));
                    let (base_seed, position) = seed(place);
                    let read = || seed::reading(base_seed, position, || self.dataset.get(index));
                    if !self.skip_errors {
                        items.push(read()?);
                        continue;
                    }
                    match crate::catch(read).flatten() {
                        Ok(item) => items.push(item),
                        Err(error) => skipped.push(Skipped::new(index, error)),
                    }
                }
                reading.set(None);
                if items.is_empty() && !indices.is_empty() {
                    return Ok(None);
                }
                self.collator.collate(items).map(Some)
            },
            || match reading.get() {
                Some(index) => format!("item {index} of the data set"),
                None => format!("batch {number}"),
            },
        );
        Made { batch, skipped }
    }
}

/// Runs `make`, and returns its error or panic with the location. A panic must not end a worker, and the behavior is the same without
/// workers.
pub(in crate::data) fn located<T>(make: impl FnOnce() -> Result<T>, place: impl Fn() -> String) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(|| crate::catch(make))) {
        Ok(made) => made.flatten().map_err(|error| error.at(place())),
        Err(panic) => Err(Error::value("panic", panic_text(&*panic)).at(place())),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "(no message)".into())
}
