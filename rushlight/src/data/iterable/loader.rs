//! The loader of iterable data sets.

use super::IterableDataset;
use super::stream::{Lane, Streams};
use crate::autograd::{NoGrad, is_grad_enabled};
use crate::data::prefetch::Prefetch;
use crate::data::random_sampler::base_seed;
use crate::data::{CollateItems, CollateWith, DefaultCollate};
use crate::random::Generator;
use crate::{Error, Result};
use rushlight_macros::op;
use std::fmt;
use std::sync::Arc;

/// Iterates over an [`IterableDataset`] in batches, as `torch.utils.data.DataLoader` does: `for batch in &loader` is one epoch.
///
/// Batches come from the shards of the data set in turn, until all have ended; each shard keeps or drops its own short last batch. With
/// `num_workers`, threads read ahead, which does not change the results: items of one shard are read one at a time, those of several shards
/// at the same time, and batches are collated by all threads.
///
/// The loop panics at its line if a stream returns an error or panics, and that stream ends; [`try_iter`](IterableDataLoader::try_iter) yields the
/// error, and goes on with the other streams. A stream that wants to go on after an item it cannot read leaves the item out itself.
///
/// There are no samplers: the order is that of the streams. `len` is missing, as in PyTorch, where it is an error if the data set has none.
pub struct IterableDataLoader<D, C = DefaultCollate> {
    dataset: Arc<D>,
    collator: Arc<C>,
    options: Options,
}

#[derive(Clone)]
struct Options {
    batch_size: usize,
    drop_last: bool,
    num_workers: usize,
    prefetch_factor: usize,
    generator: Option<Generator>,
}

/// The options of an [`IterableDataLoader`]; see [`IterableDataLoader::builder`].
pub struct IterableDataLoaderBuilder<D, C = DefaultCollate> {
    dataset: D,
    collator: C,
    options: Options,
}

impl<D: IterableDataset> IterableDataLoader<D> {
    /// Returns a builder with PyTorch's defaults: batches of 1, created by the calling thread.
    pub fn builder(dataset: D) -> IterableDataLoaderBuilder<D> {
        let options = Options { batch_size: 1, drop_last: false, num_workers: 0, prefetch_factor: 2, generator: None };
        IterableDataLoaderBuilder { dataset, collator: DefaultCollate, options }
    }
}

impl<D: IterableDataset, C> IterableDataLoaderBuilder<D, C> {
    /// Sets the number of items of a batch; the last batch of a shard may have fewer.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.options.batch_size = batch_size;
        self
    }

    /// Sets whether to drop a last batch of a shard with fewer items.
    pub fn drop_last(mut self, drop_last: bool) -> Self {
        self.options.drop_last = drop_last;
        self
    }

    /// Sets the number of threads that read ahead; with 0 the calling thread creates the batches.
    pub fn num_workers(mut self, num_workers: usize) -> Self {
        self.options.num_workers = num_workers;
        self
    }

    /// Sets the number of prefetched batches per worker.
    pub fn prefetch_factor(mut self, prefetch_factor: usize) -> Self {
        self.options.prefetch_factor = prefetch_factor;
        self
    }

    /// Sets the generator that the seed of each epoch is drawn from, instead of the default one.
    pub fn generator(mut self, generator: &Generator) -> Self {
        self.options.generator = Some(generator.clone());
        self
    }

    /// Sets a user-defined function that collates items, instead of [`Collate`](crate::data::Collate).
    pub fn collate_fn<B, F: Fn(Vec<D::Item>) -> Result<B> + Send + Sync>(
        self,
        collate: F,
    ) -> IterableDataLoaderBuilder<D, CollateWith<F>> {
        IterableDataLoaderBuilder { dataset: self.dataset, collator: CollateWith(collate), options: self.options }
    }

    /// Builds the loader, as in the example of [`IterableDataset`].
    ///
    /// # Errors
    /// If `batch_size` or `prefetch_factor` is 0.
    #[op(torch = "-")]
    pub fn try_build(self) -> Result<IterableDataLoader<D, C>> {
        let Options { batch_size, prefetch_factor, .. } = self.options;
        for (name, value) in [("batch_size", batch_size), ("prefetch_factor", prefetch_factor)] {
            if value == 0 {
                return Err(Error::value("IterableDataLoader", format!("expected a {name} of at least 1, got 0")));
            }
        }
        let (dataset, collator) = (Arc::new(self.dataset), Arc::new(self.collator));
        Ok(IterableDataLoader { dataset, collator, options: self.options })
    }
}

impl<D: IterableDataset, C: CollateItems<D::Item>> IterableDataLoader<D, C> {
    /// Returns the data set.
    pub fn dataset(&self) -> &D {
        &self.dataset
    }

    /// Returns an iterator over one epoch, as does `for batch in &loader`. This draws the seed of the epoch; the streams are opened when the
    /// first batch is requested. Dropping the iterator early stops and joins the workers.
    ///
    /// # Panics
    /// During iteration, at the line of the loop, if [`try_iter`](IterableDataLoader::try_iter) yields an error.
    pub fn iter(&self) -> StreamBatches<D, C> {
        StreamBatches(self.try_iter())
    }

    /// [`iter`](IterableDataLoader::iter) that yields a `Result` for each batch: the error if a stream returns an error or panics, with
    /// the number of the item.
    ///
    /// ```
    /// use rushlight::data::{IterableDataLoader, IterableDataset};
    /// use rushlight::{Error, Result};
    ///
    /// struct Broken;
    ///
    /// impl IterableDataset for Broken {
    ///     type Item = i64;
    ///
    ///     fn iter(&self, _shard: usize) -> Box<dyn Iterator<Item = Result<i64>> + Send> {
    ///         Box::new([Ok(1), Err(Error::Value { op: "example", message: "end of file".into() })].into_iter())
    ///     }
    /// }
    ///
    /// let loader = IterableDataLoader::builder(Broken).build();
    /// let batches: Vec<Result<_>> = loader.try_iter().collect();
    /// assert_eq!(batches[0].as_ref().unwrap().item_as::<i64>(), 1);
    /// assert_eq!(batches[1].as_ref().unwrap_err().to_string(), "item 1 of stream 0 of the data set: example: end of file");
    /// ```
    pub fn try_iter(&self) -> TryStreamBatches<D, C> {
        let (options, shards) = (&self.options, self.dataset.num_shards());
        TryStreamBatches {
            streams: Arc::new(Streams {
                dataset: self.dataset.clone(),
                collator: self.collator.clone(),
                batch_size: options.batch_size,
                drop_last: options.drop_last,
                base_seed: base_seed(options.generator.as_ref()),
                lanes: (0..shards).map(|_| Lane::new()).collect(),
            }),
            num_workers: options.num_workers,
            window: options.num_workers.saturating_mul(options.prefetch_factor),
            next: 0,
            ended: vec![false; shards],
            epoch: None,
        }
    }
}

impl<D, C> IntoIterator for &IterableDataLoader<D, C>
where
    D: IterableDataset + 'static,
    C: CollateItems<D::Item, Batch: Send> + 'static,
{
    type Item = C::Batch;
    type IntoIter = StreamBatches<D, C>;

    fn into_iter(self) -> StreamBatches<D, C> {
        self.iter()
    }
}

impl<D, C> fmt::Debug for IterableDataLoader<D, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { batch_size, num_workers, .. } = &self.options;
        f.debug_struct("IterableDataLoader")
            .field("batch_size", batch_size)
            .field("num_workers", num_workers)
            .finish_non_exhaustive()
    }
}

/// The batches of one epoch of an [`IterableDataLoader`]; an error panics. See [`IterableDataLoader::iter`].
pub struct StreamBatches<D: IterableDataset, C: CollateItems<D::Item> = DefaultCollate>(TryStreamBatches<D, C>);

impl<D, C> Iterator for StreamBatches<D, C>
where
    D: IterableDataset + 'static,
    C: CollateItems<D::Item, Batch: Send> + 'static,
{
    type Item = C::Batch;

    #[track_caller]
    fn next(&mut self) -> Option<C::Batch> {
        self.0.next().map(crate::error::ok)
    }
}

/// The batches of one epoch of an [`IterableDataLoader`], each a `Result`. See [`IterableDataLoader::try_iter`].
pub struct TryStreamBatches<D: IterableDataset, C: CollateItems<D::Item> = DefaultCollate> {
    streams: Arc<Streams<D, C>>,
    num_workers: usize,
    window: usize,
    next: usize,
    /// Which shards have ended.
    ended: Vec<bool>,
    epoch: Option<Epoch<C::Batch>>,
}

/// A started epoch.
struct Epoch<B> {
    job: Arc<dyn Fn(usize) -> Option<Result<B>> + Send + Sync>,
    workers: Option<Prefetch<Option<Result<B>>>>,
}

impl<D, C> TryStreamBatches<D, C>
where
    D: IterableDataset + 'static,
    C: CollateItems<D::Item, Batch: Send> + 'static,
{
    fn begin(&self) -> Epoch<C::Batch> {
        let (streams, recording) = (self.streams.clone(), is_grad_enabled());
        let job: Arc<dyn Fn(usize) -> Option<Result<C::Batch>> + Send + Sync> = Arc::new(move |number| {
            // A worker has the recording mode of the thread that created it.
            let _mode = (!recording).then(NoGrad::new);
            streams.batch(number)
        });
        let workers = match self.num_workers {
            0 => None,
            // The number of batches is not known before all shards have ended.
            threads => Prefetch::start(threads, self.window, usize::MAX, job.clone()),
        };
        Epoch { job, workers }
    }
}

impl<D, C> Iterator for TryStreamBatches<D, C>
where
    D: IterableDataset + 'static,
    C: CollateItems<D::Item, Batch: Send> + 'static,
{
    type Item = Result<C::Batch>;

    fn next(&mut self) -> Option<Result<C::Batch>> {
        while self.ended.contains(&false) {
            if self.epoch.is_none() {
                self.epoch = Some(self.begin());
            }
            let epoch = self.epoch.as_mut()?;
            let number = self.next;
            self.next += 1;
            let batch = match &mut epoch.workers {
                Some(workers) => workers.next(),
                None => (epoch.job)(number),
            };
            if batch.is_some() {
                return batch;
            }
            let shards = self.ended.len();
            self.ended[number % shards] = true;
        }
        self.epoch = None;
        None
    }
}
