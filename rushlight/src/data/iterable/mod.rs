//! Data sets that are streams of items, and their loader.

mod loader;
mod stream;

pub use loader::{IterableDataLoader, IterableDataLoaderBuilder, StreamBatches, TryStreamBatches};

use crate::Result;
use std::sync::Arc;

/// A data set whose items come one after another, as `torch.utils.data.IterableDataset`: lines of a log, records of an archive, messages of
/// a queue. An [`IterableDataLoader`] makes batches of them.
///
/// In PyTorch each worker iterates over the whole data set unless the data set asks `get_worker_info` which part to leave to others, so that
/// batches depend on the number of workers. Here the data set itself determines the number of parts: [`num_shards`](IterableDataset::num_shards)
/// streams, 1 by default, of which a worker reads any. Batches are those of PyTorch with `num_workers` = `num_shards` and one shard per
/// worker, for any number of workers.
///
/// ```
/// use rushlight::Result;
/// use rushlight::data::{IterableDataLoader, IterableDataset};
///
/// /// The numbers below a limit, in two streams.
/// struct Numbers(i64);
///
/// impl IterableDataset for Numbers {
///     type Item = i64;
///
///     fn num_shards(&self) -> usize {
///         2
///     }
///
///     fn iter(&self, shard: usize) -> Box<dyn Iterator<Item = Result<i64>> + Send> {
///         Box::new((shard as i64..self.0).step_by(2).map(Ok))
///     }
/// }
///
/// let loader = IterableDataLoader::builder(Numbers(7)).batch_size(2).num_workers(2).build();
/// let batches: Vec<Vec<i64>> = loader.iter().map(|batch| batch.to_vec()).collect();
/// assert_eq!(batches, [vec![0, 2], vec![1, 3], vec![4, 6], vec![5]]);
/// ```
pub trait IterableDataset: Send + Sync {
    /// The type of an item, as of a [`Dataset`](super::Dataset).
    type Item;

    /// Returns the number of streams that can be read independently of each other. It must not depend on the number of workers.
    fn num_shards(&self) -> usize {
        1
    }

    /// Returns the items of one stream, from its start. Random numbers are drawn from [`sample_generator`](super::sample_generator), here (to
    /// shuffle a stream) as well as when an item is requested.
    fn iter(&self, shard: usize) -> Box<dyn Iterator<Item = Result<Self::Item>> + Send>;

    /// Returns the data set with `f` applied to each item.
    fn map<T, F: Fn(Self::Item) -> Result<T> + Send + Sync + 'static>(self, f: F) -> MapIterableDataset<Self, F>
    where
        Self: Sized,
    {
        MapIterableDataset { dataset: self, f: Arc::new(f) }
    }
}

macro_rules! through_pointer {
    ($($pointer:ty),*) => {$(
        impl<D: IterableDataset + ?Sized> IterableDataset for $pointer {
            type Item = D::Item;

            fn num_shards(&self) -> usize {
                (**self).num_shards()
            }

            fn iter(&self, shard: usize) -> Box<dyn Iterator<Item = Result<D::Item>> + Send> {
                (**self).iter(shard)
            }
        }
    )*};
}
through_pointer!(&D, Arc<D>, Box<D>);

/// An iterable data set with a function applied to each item; see [`IterableDataset::map`].
#[derive(Clone, Debug)]
pub struct MapIterableDataset<D, F> {
    dataset: D,
    f: Arc<F>,
}

impl<D, T, F> IterableDataset for MapIterableDataset<D, F>
where
    D: IterableDataset<Item: 'static>,
    F: Fn(D::Item) -> Result<T> + Send + Sync + 'static,
{
    type Item = T;

    fn num_shards(&self) -> usize {
        self.dataset.num_shards()
    }

    fn iter(&self, shard: usize) -> Box<dyn Iterator<Item = Result<T>> + Send> {
        let f = self.f.clone();
        Box::new(self.dataset.iter(shard).map(move |item| f(item?)))
    }
}
