//! Batches of the items of a data set, in PyTorch's order.

mod batches;
mod builder;
mod make;
mod skip;

pub use batches::{Batches, TryBatches};
pub use builder::DataLoaderBuilder;
pub(super) use make::{Made, located};
pub use skip::Skipped;
pub(super) use skip::Skips;

use super::random_sampler::base_seed;
use super::sampler::Sampler;
use super::{Collator, Dataset, DefaultCollate};
use crate::random::Generator;
use std::fmt;
use std::sync::Arc;

/// Iterates over a data set in batches, as `torch.utils.data.DataLoader`: `for batch in &loader` is one epoch.
///
/// The order and the use of the generators are PyTorch's: the same seed produces the same batches and the same random numbers
/// afterwards. With `num_workers`, threads prefetch batches, which does not change the results.
///
/// If the data set returns an error or panics, the loop panics at its line with that error and the index of the item.
/// [`try_iter`](DataLoader::try_iter) yields a `Result` for each batch instead, and continues with the next batch after an error. With
/// [`skip_errors`](DataLoaderBuilder::skip_errors), batches are made without the items that cannot be read, and
/// [`skipped`](DataLoader::skipped) lists these.
///
/// Data that come as a stream instead of by index are read by an [`IterableDataLoader`](super::IterableDataLoader).
///
/// ```
/// use rushlight::Tensor;
/// use rushlight::data::{DataLoader, TensorDataset};
///
/// rushlight::manual_seed(0);
/// let (x, y) = (Tensor::arange(10), Tensor::zeros([10]));
/// let loader = DataLoader::builder(TensorDataset::new((x, y))).batch_size(3).shuffle(true).build();
/// assert_eq!(loader.len(), 4);
/// for (x, y) in &loader {
///     println!("{x} {y}"); // first [6, 7, 1]
/// }
/// ```
///
/// # Options of PyTorch's that it does not have
///
/// | option | reason |
/// | --- | --- |
/// | `batch_size=None` | items without batches are those of the data set: `(0..n).map(\|i\| dataset.get(i))` |
/// | `pin_memory`, `pin_memory_device` | no device has a memory to which batches would be copied |
/// | `timeout` | a thread that does not return cannot be ended, so the loop could not go on after the error either |
/// | `worker_init_fn` | workers are threads that share the data set; what is random per worker in PyTorch is random per item ([`sample_generator`](super::sample_generator)) |
/// | `multiprocessing_context` | workers are threads |
/// | `persistent_workers` | starting threads takes microseconds |
/// | `in_order=False` | the order of the batches would depend on the speed of the workers |
pub struct DataLoader<D, C = DefaultCollate> {
    shared: Arc<Shared<D, C>>,
    order: Order,
    num_workers: usize,
    prefetch_factor: usize,
    generator: Option<Generator>,
}

/// The state that threads need to create batches.
struct Shared<D, C> {
    dataset: D,
    collator: C,
    skip_errors: bool,
    skips: Skips,
}

/// The source of the order of the items.
#[derive(Clone)]
enum Order {
    Items { sampler: Arc<dyn Sampler>, batch_size: usize, drop_last: bool },
    Batches(Arc<dyn Sampler<Vec<usize>>>),
}

impl Order {
    /// The number of batches.
    fn len(&self) -> usize {
        match self {
            Order::Items { sampler, batch_size, drop_last: true } => sampler.len() / batch_size,
            Order::Items { sampler, batch_size, drop_last: false } => sampler.len().div_ceil(*batch_size),
            Order::Batches(sampler) => sampler.len(),
        }
    }
}

impl<D: Dataset, C: Collator<D>> DataLoader<D, C> {
    /// Returns the number of batches in an epoch.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Returns whether an epoch is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the data set.
    pub fn dataset(&self) -> &D {
        &self.shared.dataset
    }

    /// Returns the items that [`skip_errors`](DataLoaderBuilder::skip_errors) left out of the batches returned so far, sorted by index, each
    /// once.
    pub fn skipped(&self) -> Vec<Skipped> {
        self.shared.skips.list()
    }

    /// Returns an iterator over one epoch, as does `for batch in &loader`. This draws the seed of the epoch; the order is drawn when the
    /// first batch is requested. Dropping the iterator early stops and joins the workers.
    ///
    /// # Panics
    /// During iteration, at the line of the loop, if [`try_iter`](DataLoader::try_iter) yields an error.
    pub fn iter(&self) -> Batches<D, C> {
        Batches(self.try_iter())
    }

    /// [`iter`](DataLoader::iter) that yields a `Result` for each batch: the error if the data set returns an error or
    /// panics, with the index of the item.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// use rushlight::data::{DataLoader, TensorDataset};
    ///
    /// let loader = DataLoader::builder(TensorDataset::new(Tensor::arange(4))).batch_size(2).build();
    /// for batch in loader.try_iter() {
    ///     println!("{}", batch?);
    /// }
    /// # Ok::<(), rushlight::Error>(())
    /// ```
    pub fn try_iter(&self) -> TryBatches<D, C> {
        TryBatches::new(
            self.shared.clone(),
            self.order.clone(),
            self.num_workers,
            self.prefetch_factor,
            base_seed(self.generator.as_ref()),
        )
    }
}

impl<D, C> IntoIterator for &DataLoader<D, C>
where
    D: Dataset + 'static,
    C: Collator<D, Batch: Send> + 'static,
{
    type Item = C::Batch;
    type IntoIter = Batches<D, C>;

    fn into_iter(self) -> Batches<D, C> {
        self.iter()
    }
}

impl<D: Dataset, C> fmt::Debug for DataLoader<D, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("DataLoader");
        f.field("items", &self.shared.dataset.len()).field("batches", &self.order.len());
        f.field("num_workers", &self.num_workers).finish_non_exhaustive()
    }
}
