//! Batches of a data set's items, in PyTorch's order.

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

/// Goes through a data set in batches, as `torch.utils.data.DataLoader`: `for batch in &loader` is one epoch.
///
/// The order and what is drawn from the generators are PyTorch's: from the same seed the same batches come, and the same random
/// numbers come after them. With `num_workers` threads make batches ahead of time; that changes nothing but the time.
///
/// Where the data set returns an error or panics, the loop panics at its own line with that error, which names the item.
/// [`try_iter`](DataLoader::try_iter) yields a `Result` for each batch instead, and goes on with the next batch after an error.
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

/// What threads need to make batches.
struct Shared<D, C> {
    dataset: D,
    collator: C,
}

/// Where the items' order comes from.
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
    /// Options with PyTorch's defaults: batches of 1, in order, made by the thread that asks for them. To keep the data set for
    /// other uses, pass an `Arc` of it.
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
    /// Items in a batch; the last batch may have fewer.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = Some(batch_size);
        self
    }

    /// Whether each epoch has a new random order.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// Whether to leave out a last batch that has fewer items.
    pub fn drop_last(mut self, drop_last: bool) -> Self {
        self.drop_last = drop_last;
        self
    }

    /// Takes the items in this order.
    pub fn sampler(mut self, sampler: impl Sampler + 'static) -> Self {
        self.sampler = Some(Arc::new(sampler));
        self
    }

    /// Takes these batches of items.
    pub fn batch_sampler(mut self, sampler: impl Sampler<Vec<usize>> + 'static) -> Self {
        self.batch_sampler = Some(Arc::new(sampler));
        self
    }

    /// How many threads make batches ahead of time; with 0 the thread that asks for a batch makes it. Threads are worth it where
    /// reading an item takes time (files to decode), not for tensors in memory.
    pub fn num_workers(mut self, num_workers: usize) -> Self {
        self.num_workers = num_workers;
        self
    }

    /// How many batches there may be ahead, for each worker.
    pub fn prefetch_factor(mut self, prefetch_factor: usize) -> Self {
        self.prefetch_factor = prefetch_factor;
        self
    }

    /// Draws from `generator` instead of the default one.
    pub fn generator(mut self, generator: &Generator) -> Self {
        self.generator = Some(generator.clone());
        self
    }

    /// Makes batches of items by a function of your own instead of [`Collate`](super::Collate).
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

    /// The loader.
    ///
    /// # Errors
    /// If `batch_size` or `prefetch_factor` is 0, or options exclude each other: `sampler` and `shuffle`; `batch_sampler` and any of
    /// `batch_size`, `shuffle`, `sampler` and `drop_last`.
    #[op(torch = "-")]
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
    /// The number of batches in an epoch.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether an epoch has no batch.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The data set.
    pub fn dataset(&self) -> &D {
        &self.shared.dataset
    }

    /// One epoch: what `for batch in &loader` goes through. This draws the epoch's seed; the order is drawn when the first batch is
    /// requested. Dropping it early stops and joins the workers.
    ///
    /// # Panics
    /// While it is iterated over, at that line, where [`try_iter`](DataLoader::try_iter) yields an error.
    pub fn iter(&self) -> Batches<D, C> {
        Batches(self.try_iter())
    }

    /// [`iter`](DataLoader::iter) that yields a `Result` for each batch: where the data set returns an error or panics, that error,
    /// with the item's number in it.
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

/// An epoch that has begun.
struct Epoch<B> {
    plan: Arc<Plan>,
    /// Tells the sampler that no more is wanted.
    finish: Option<Box<dyn FnOnce() + Send>>,
    /// Whether the last batch is a short one.
    short: bool,
    job: Arc<dyn Fn(usize) -> Result<B> + Send + Sync>,
    workers: Option<Prefetch<Result<B>>>,
}

/// Which items each batch has.
///
/// The whole order is taken from the sampler when the epoch begins, whether or not there are workers to run ahead, so that
/// their number cannot change what is drawn from a generator that somebody else uses, too.
struct Plan {
    items: Vec<usize>,
    /// Where each batch ends.
    ends: Vec<usize>,
}

impl Plan {
    fn batch(&self, number: usize) -> Range<usize> {
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        start..self.ends[number]
    }
}

impl Order {
    /// The plan, what to do at the epoch's end, and whether the last batch is a short one.
    ///
    /// PyTorch asks its sampler for an item more than there is, to see that the epoch is over, and then a shuffling one draws
    /// once more from a generator that it was given. That happens when a short last batch is put together, and else after it.
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
            // A worker records, or does not, as the thread that it works for.
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
            // A sampler may keep less than it promised.
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
    /// The batch of the items at `indices`; `seed` names the seed of each. Errors and panics come back with the place in them.
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
        // A panic must not take a worker with it, and without workers the same thing should happen.
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
