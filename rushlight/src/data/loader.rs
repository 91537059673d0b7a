//! Batches of the items of a data set, in PyTorch's order.

use super::prefetch::Prefetch;
use super::random_sampler::base_seed;
use super::sampler::{RandomSampler, Sampler, SequentialSampler};
use super::{CollateWith, Collator, Dataset, DefaultCollate, seed};
use crate::autograd::{NoGrad, is_grad_enabled};
use crate::random::Generator;
use crate::{Error, Result};
use rushlight_macros::op;
use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Iterates over a data set in batches, as `torch.utils.data.DataLoader`: `for batch in &loader` is one epoch.
///
/// The order and the use of the generators are PyTorch's: the same seed produces the same batches and the same random numbers
/// afterwards. With `num_workers`, threads prefetch batches, which does not change the results.
///
/// If the data set returns an error or panics, the loop panics at its line with that error and the index of the item.
/// [`try_iter`](DataLoader::try_iter) yields a `Result` for each batch instead, and continues with the next batch after an error.
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

/// The options of a [`DataLoader`]; see [`DataLoader::builder`].
pub struct DataLoaderBuilder<D, C = DefaultCollate> {
    dataset: D,
    collator: C,
    batch_size: Option<usize>,
    shuffle: bool,
    drop_last: bool,
    sampler: Option<Arc<dyn Sampler>>,
    batch_sampler: Option<Arc<dyn Sampler<Vec<usize>>>>,
    num_workers: usize,
    prefetch_factor: usize,
    generator: Option<Generator>,
}

impl<D: Dataset> DataLoader<D> {
    /// Returns a builder with PyTorch's defaults: batches of 1, in order, created by the calling thread. To share the data set, pass an
    /// `Arc` of it.
    pub fn builder(dataset: D) -> DataLoaderBuilder<D> {
        DataLoaderBuilder {
            dataset,
            collator: DefaultCollate,
            batch_size: None,
            shuffle: false,
            drop_last: false,
            sampler: None,
            batch_sampler: None,
            num_workers: 0,
            prefetch_factor: 2,
            generator: None,
        }
    }
}

impl<D: Dataset, C> DataLoaderBuilder<D, C> {
    /// Sets the number of items of a batch; the last batch may have fewer.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = Some(batch_size);
        self
    }

    /// Sets whether each epoch has a new random order.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// Sets whether to drop a last batch with fewer items.
    pub fn drop_last(mut self, drop_last: bool) -> Self {
        self.drop_last = drop_last;
        self
    }

    /// Sets the order of the items.
    pub fn sampler(mut self, sampler: impl Sampler + 'static) -> Self {
        self.sampler = Some(Arc::new(sampler));
        self
    }

    /// Sets the batches of items.
    pub fn batch_sampler(mut self, sampler: impl Sampler<Vec<usize>> + 'static) -> Self {
        self.batch_sampler = Some(Arc::new(sampler));
        self
    }

    /// Sets the number of threads that prefetch batches; with 0 the calling thread creates them. Threads help if reading an item is
    /// expensive (files to decode), not for tensors in memory.
    pub fn num_workers(mut self, num_workers: usize) -> Self {
        self.num_workers = num_workers;
        self
    }

    /// Sets the number of prefetched batches per worker.
    pub fn prefetch_factor(mut self, prefetch_factor: usize) -> Self {
        self.prefetch_factor = prefetch_factor;
        self
    }

    /// Sets the generator to draw from instead of the default one.
    pub fn generator(mut self, generator: &Generator) -> Self {
        self.generator = Some(generator.clone());
        self
    }

    /// Sets a user-defined function that collates items, instead of [`Collate`](super::Collate).
    ///
    /// ```
    /// use rushlight::data::{DataLoader, TensorDataset};
    /// use rushlight::Tensor;
    ///
    /// // Of each batch only the number of items.
    /// let dataset = TensorDataset::new(Tensor::arange(4));
    /// let loader = DataLoader::builder(dataset).batch_size(2).collate_fn(|items: Vec<Tensor>| Ok(items.len())).build();
    /// assert_eq!(loader.iter().collect::<Vec<usize>>(), [2, 2]);
    /// ```
    pub fn collate_fn<B, F: Fn(Vec<D::Item>) -> Result<B> + Send + Sync>(
        self,
        collate: F,
    ) -> DataLoaderBuilder<D, CollateWith<F>> {
        DataLoaderBuilder {
            dataset: self.dataset,
            collator: CollateWith(collate),
            batch_size: self.batch_size,
            shuffle: self.shuffle,
            drop_last: self.drop_last,
            sampler: self.sampler,
            batch_sampler: self.batch_sampler,
            num_workers: self.num_workers,
            prefetch_factor: self.prefetch_factor,
            generator: self.generator,
        }
    }

    /// Builds the loader.
    ///
    /// # Errors
    /// If `batch_size` or `prefetch_factor` is 0, or options are mutually exclusive: `sampler` and `shuffle`; `batch_sampler` and any of
    /// `batch_size`, `shuffle`, `sampler` and `drop_last`.
    #[op(
        torch = "DataLoader(dataset, batch_size=1, shuffle=None, sampler=None, batch_sampler=None, num_workers=0, collate_fn=None, pin_memory=False, drop_last=False, timeout=0, worker_init_fn=None, multiprocessing_context=None, generator=None, *, prefetch_factor=None, persistent_workers=False, pin_memory_device='', in_order=True)"
    )]
    pub fn try_build(self) -> Result<DataLoader<D, C>> {
        let fault = |message: &str| Err(Error::value("DataLoader", message));
        let order = if let Some(batches) = self.batch_sampler {
            if self.batch_size.is_some() || self.shuffle || self.sampler.is_some() || self.drop_last {
                return fault("expected batch_sampler without batch_size, shuffle, sampler and drop_last, got both");
            }
            Order::Batches(batches)
        } else {
            let sampler: Arc<dyn Sampler> = match (self.sampler, self.shuffle) {
                (Some(_), true) => {
                    return fault("expected either sampler or shuffle, got both: the sampler determines the order");
                }
                (Some(sampler), false) => sampler,
                (None, true) => {
                    let sampler = RandomSampler::new(self.dataset.len());
                    Arc::new(self.generator.as_ref().map_or(sampler.clone(), |g| sampler.generator(g)))
                }
                (None, false) => Arc::new(SequentialSampler::new(self.dataset.len())),
            };
            let batch_size = self.batch_size.unwrap_or(1);
            if batch_size == 0 {
                return fault("expected a batch_size of at least 1, got 0");
            }
            Order::Items { sampler, batch_size, drop_last: self.drop_last }
        };
        if self.prefetch_factor == 0 {
            return fault("expected a prefetch_factor of at least 1, got 0");
        }
        Ok(DataLoader {
            shared: Arc::new(Shared { dataset: self.dataset, collator: self.collator }),
            order,
            num_workers: self.num_workers,
            prefetch_factor: self.prefetch_factor,
            generator: self.generator,
        })
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
        TryBatches {
            shared: self.shared.clone(),
            order: self.order.clone(),
            num_workers: self.num_workers,
            window: self.num_workers.saturating_mul(self.prefetch_factor),
            base_seed: base_seed(self.generator.as_ref()),
            len: self.order.len(),
            next: 0,
            epoch: None,
        }
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

/// The batches of one epoch of a [`DataLoader`]; an error panics. See [`DataLoader::iter`].
pub struct Batches<D: Dataset, C: Collator<D> = DefaultCollate>(TryBatches<D, C>);

impl<D, C> Iterator for Batches<D, C>
where
    D: Dataset + 'static,
    C: Collator<D, Batch: Send> + 'static,
{
    type Item = C::Batch;

    #[track_caller]
    fn next(&mut self) -> Option<C::Batch> {
        self.0.next().map(crate::error::ok)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<D, C> ExactSizeIterator for Batches<D, C>
where
    D: Dataset + 'static,
    C: Collator<D, Batch: Send> + 'static,
{
}

/// The batches of one epoch of a [`DataLoader`], each a `Result`. See [`DataLoader::try_iter`].
pub struct TryBatches<D, C: Collator<D> = DefaultCollate>
where
    D: Dataset,
{
    shared: Arc<Shared<D, C>>,
    order: Order,
    num_workers: usize,
    window: usize,
    base_seed: i64,
    len: usize,
    next: usize,
    epoch: Option<Epoch<C::Batch>>,
}

/// A started epoch.
struct Epoch<B> {
    plan: Arc<Plan>,
    /// Ends the epoch of the sampler.
    finish: Option<Box<dyn FnOnce() + Send>>,
    /// Whether the last batch is shorter.
    short: bool,
    job: Arc<dyn Fn(usize) -> Result<B> + Send + Sync>,
    workers: Option<Prefetch<Result<B>>>,
}

/// The items of each batch.
///
/// The whole order is read from the sampler at the start of the epoch, with or without workers, so that their number does not affect
/// the use of a shared generator.
struct Plan {
    items: Vec<usize>,
    /// The end of each batch.
    ends: Vec<usize>,
}

impl Plan {
    fn batch(&self, number: usize) -> Range<usize> {
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        start..self.ends[number]
    }
}

impl Order {
    /// The plan, the action at the end of the epoch, and whether the last batch is shorter.
    ///
    /// PyTorch requests one item more than its sampler has to detect the end of the epoch, and then a shuffling sampler draws once more
    /// from its generator. That happens when a shorter last batch is created, else after the last batch.
    fn begin(&self) -> (Plan, Box<dyn FnOnce() + Send>, bool) {
        match self {
            Order::Items { sampler, batch_size, drop_last } => {
                let mut iter = sampler.iter();
                let items: Vec<usize> = iter.by_ref().take(sampler.len()).collect();
                let mut ends: Vec<usize> = (1..=items.len() / batch_size).map(|batch| batch * batch_size).collect();
                let short = !drop_last && !items.len().is_multiple_of(*batch_size);
                ends.extend(short.then_some(items.len()));
                (Plan { items, ends }, Box::new(move || _ = iter.next()), short)
            }
            Order::Batches(sampler) => {
                let mut iter = sampler.iter();
                let mut plan = Plan { items: Vec::new(), ends: Vec::new() };
                for batch in iter.by_ref().take(sampler.len()) {
                    plan.items.extend(batch);
                    plan.ends.push(plan.items.len());
                }
                (plan, Box::new(move || _ = iter.next()), false)
            }
        }
    }
}

impl<D, C> TryBatches<D, C>
where
    D: Dataset + 'static,
    C: Collator<D, Batch: Send> + 'static,
{
    fn begin(&self) -> Epoch<C::Batch> {
        let (plan, finish, short) = self.order.begin();
        let plan = Arc::new(plan);
        let (shared, base_seed, recording) = (self.shared.clone(), self.base_seed, is_grad_enabled());
        let planned = plan.clone();
        let job: Arc<dyn Fn(usize) -> Result<C::Batch> + Send + Sync> = Arc::new(move |number| {
            // A worker has the recording mode of the thread that created it.
            let _mode = (!recording).then(NoGrad::new);
            let batch = planned.batch(number);
            shared.make(number, &planned.items[batch.clone()], |place| (base_seed, batch.start + place))
        });
        let workers = if self.num_workers == 0 {
            None
        } else {
            Prefetch::start(self.num_workers, self.window, plan.ends.len(), job.clone())
        };
        Epoch { plan, finish: Some(finish), short, job, workers }
    }
}

impl<D, C> Iterator for TryBatches<D, C>
where
    D: Dataset + 'static,
    C: Collator<D, Batch: Send> + 'static,
{
    type Item = Result<C::Batch>;

    fn next(&mut self) -> Option<Result<C::Batch>> {
        if self.epoch.is_none() {
            let epoch = self.begin();
            // A sampler may yield fewer items than its length.
            self.len = epoch.plan.ends.len();
            self.epoch = Some(epoch);
        }
        let epoch = self.epoch.as_mut()?;
        let left = self.len - self.next;
        if left == 0 || left == 1 && epoch.short {
            epoch.finish.take().into_iter().for_each(|finish| finish());
        }
        if left == 0 {
            epoch.workers = None;
            return None;
        }
        let number = self.next;
        self.next += 1;
        Some(match &mut epoch.workers {
            Some(workers) => workers.next(),
            None => (epoch.job)(number),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len - self.next, Some(self.len - self.next))
    }
}

impl<D, C> ExactSizeIterator for TryBatches<D, C>
where
    D: Dataset + 'static,
    C: Collator<D, Batch: Send> + 'static,
{
}

impl<D: Dataset, C: Collator<D>> Shared<D, C> {
    /// The batch of the items at `indices`; `seed` names the seed of each. Errors and panics are returned with the location.
    fn make(&self, number: usize, indices: &[usize], seed: impl Fn(usize) -> (i64, usize)) -> Result<C::Batch> {
        let reading = Cell::new(None);
        let make = || {
            let len = self.dataset.len();
            if let Some(bad) = indices.iter().find(|&&index| index >= len) {
                let message =
                    format!("expected indices below the length {len} of the data set, got {bad} from the sampler");
                return Err(Error::index("DataLoader", message));
            }
            if let Some(batch) = self.collator.whole(&self.dataset, indices) {
                return batch;
            }
            let read = |(place, &index)| {
                reading.set(Some(index));
                let (base_seed, position) = seed(place);
                seed::reading(base_seed, position, || self.dataset.get(index))
            };
            let items = indices.iter().enumerate().map(read).collect::<Result<Vec<_>>>()?;
            reading.set(None);
            self.collator.collate(items)
        };
        // A panic must not end a worker, and the behavior is the same without workers.
        let made = catch_unwind(AssertUnwindSafe(|| crate::catch(make)));
        let place = || match reading.get() {
            Some(index) => format!("item {index} of the data set"),
            None => format!("batch {number}"),
        };
        match made {
            Ok(Ok(Ok(batch))) => Ok(batch),
            Ok(Ok(Err(error)) | Err(error)) => Err(error.at(place())),
            Err(panic) => Err(Error::value("panic", panic_text(&*panic)).at(place())),
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "(no message)".into())
}
