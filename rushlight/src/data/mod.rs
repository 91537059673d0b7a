//! Data sets, samplers, and loaders that prefetch batches on threads.
//!
//! ```
//! use rushlight::Tensor;
//! use rushlight::data::{DataLoader, TensorDataset};
//!
//! rushlight::manual_seed(0);
//! let (x, y) = (Tensor::randn([100, 3]), Tensor::randint(10, [100]));
//! let loader = DataLoader::builder(TensorDataset::new((x, y))).batch_size(32).shuffle(true).num_workers(2).build();
//! for (x, y) in &loader {
//!     assert_eq!(x.shape()[0], y.shape()[0]);
//! }
//! ```

mod collate;
mod dataset;
mod idx_dataset;
mod iterable;
mod loader;
mod prefetch;
pub(crate) mod random_sampler;
mod sampler;
mod seed;
mod split;

pub use collate::{Collate, CollateItems, CollateWith, Collator, DefaultCollate};
#[cfg(feature = "image")]
pub(crate) use dataset::check_index;
pub use dataset::{ConcatDataset, Dataset, MapDataset, Subset, TensorDataset, TensorGroup};
pub use idx_dataset::IdxDataset;
#[cfg(feature = "image")]
pub(crate) use idx_dataset::{IdxImages, idx_file};
pub use iterable::{
    IterableDataLoader, IterableDataLoaderBuilder, IterableDataset, MapIterableDataset, StreamBatches, TryStreamBatches,
};
pub use loader::{Batches, DataLoader, DataLoaderBuilder, Skipped, TryBatches};
pub use sampler::{
    BatchSampler, RandomSampler, RandomSamples, Sampler, SequentialSampler, SubsetRandomSampler, WeightedRandomSampler,
};
pub use seed::sample_generator;
pub use split::{Lengths, random_split, stratified_split, try_random_split, try_stratified_split};
