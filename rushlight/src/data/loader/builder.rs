//! The options of a loader.

use super::skip::Skips;
use super::{DataLoader, Order, Shared};
use crate::data::{CollateWith, Dataset, DefaultCollate, RandomSampler, Sampler, SequentialSampler};
use crate::random::Generator;
use crate::{Error, Result};
use rushlight_macros::op;
use std::sync::Arc;

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
    skip_errors: bool,
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
            skip_errors: false,
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

    /// Sets whether to leave out items for which the data set returns an error, such as damaged files. A batch then has fewer items, and is
    /// left out itself if it has none; so an epoch may have fewer batches than [`DataLoader::len`] states. [`DataLoader::skipped`] returns what
    /// was left out. A panic of the data set that is not that of an operation remains an error.
    ///
    /// ```
    /// use rushlight::data::{DataLoader, Dataset, TensorDataset};
    /// use rushlight::{Error, Tensor};
    ///
    /// let dataset = TensorDataset::new(Tensor::arange(4)).map(|x| match x.item() {
    ///     2.0 => Err(Error::Value { op: "example", message: "two".into() }),
    ///     _ => Ok(x),
    /// });
    /// let loader = DataLoader::builder(dataset).batch_size(2).skip_errors(true).build();
    /// assert_eq!(loader.iter().map(|batch| batch.numel()).collect::<Vec<_>>(), [2, 1]);
    /// assert_eq!(loader.skipped()[0].error().to_string(), "example: two");
    /// ```
    pub fn skip_errors(mut self, skip_errors: bool) -> Self {
        self.skip_errors = skip_errors;
        self
    }

    /// Sets a user-defined function that collates items, instead of [`Collate`](crate::data::Collate).
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
            skip_errors: self.skip_errors,
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
            shared: Arc::new(Shared {
                dataset: self.dataset,
                collator: self.collator,
                skip_errors: self.skip_errors,
                skips: Skips::default(),
            }),
            order,
            num_workers: self.num_workers,
            prefetch_factor: self.prefetch_factor,
            generator: self.generator,
        })
    }
}
