//! Samplers: the order of the items of an epoch.

use super::random_sampler;
use crate::random::Generator;
use crate::{Error, Result};
use rushlight_macros::op;
use std::sync::Arc;

pub use super::random_sampler::{RandomSampler, RandomSamples};

/// An order of items (`T` is `usize`) or of batches of them (`T` is `Vec<usize>`), new or the same in each epoch.
pub trait Sampler<T = usize>: Send + Sync {
    /// The length of an epoch. A loader does not request more.
    fn len(&self) -> usize;

    /// Whether an epoch is empty.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns an iterator over one epoch. Random samplers draw when the first item is requested.
    fn iter(&self) -> Box<dyn Iterator<Item = T> + Send>;
}

/// 0, 1, 2, … as `torch.utils.data.SequentialSampler`.
#[derive(Clone, Copy, Debug)]
pub struct SequentialSampler {
    len: usize,
}

impl SequentialSampler {
    /// Creates a sampler of `len` items.
    pub fn new(len: usize) -> SequentialSampler {
        SequentialSampler { len }
    }
}

impl Sampler for SequentialSampler {
    fn len(&self) -> usize {
        self.len
    }

    fn iter(&self) -> Box<dyn Iterator<Item = usize> + Send> {
        Box::new(0..self.len)
    }
}

impl Sampler for RandomSampler {
    fn len(&self) -> usize {
        RandomSampler::iter(self).len()
    }

    fn iter(&self) -> Box<dyn Iterator<Item = usize> + Send> {
        Box::new(RandomSampler::iter(self))
    }
}

/// Given items in a new random order each epoch, as `torch.utils.data.SubsetRandomSampler`.
#[derive(Clone, Debug)]
pub struct SubsetRandomSampler {
    indices: Arc<[usize]>,
    generator: Option<Generator>,
}

impl SubsetRandomSampler {
    /// Creates a sampler of the given items.
    pub fn new(indices: impl Into<Arc<[usize]>>) -> SubsetRandomSampler {
        SubsetRandomSampler { indices: indices.into(), generator: None }
    }

    /// Sets the generator to draw from instead of the default one.
    pub fn generator(mut self, generator: &Generator) -> SubsetRandomSampler {
        self.generator = Some(generator.clone());
        self
    }
}

impl Sampler for SubsetRandomSampler {
    fn len(&self) -> usize {
        self.indices.len()
    }

    fn iter(&self) -> Box<dyn Iterator<Item = usize> + Send> {
        let SubsetRandomSampler { indices, generator } = self.clone();
        let order = move || random_sampler::subset_random_order(&indices, generator.as_ref());
        Box::new(std::iter::once_with(order).flatten())
    }
}

/// Items drawn by weight, as `torch.utils.data.WeightedRandomSampler`.
///
/// ```
/// use rushlight::data::{Sampler, WeightedRandomSampler};
///
/// // Rare classes as often as common ones: each item's weight is one over the size of its class.
/// let sampler = WeightedRandomSampler::new(&[0.5, 0.5, 1.0], 100, true);
/// let of_the_rare_class = sampler.iter().filter(|&item| item == 2).count();
/// assert!((20..80).contains(&of_the_rare_class));
/// # Ok::<(), rushlight::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct WeightedRandomSampler {
    weights: Arc<[f64]>,
    num_samples: usize,
    replacement: bool,
    generator: Option<Generator>,
}

impl WeightedRandomSampler {
    /// Creates a sampler that draws `num_samples` items per epoch, with or without replacement.
    ///
    /// # Errors
    /// If a weight is negative or not finite, all are zero, or `num_samples` exceeds the number of items without `replacement`.
    #[op(torch = "WeightedRandomSampler(weights, num_samples, replacement=True, generator=None)")]
    pub fn try_new(weights: &[f64], num_samples: usize, replacement: bool) -> Result<WeightedRandomSampler> {
        // The validity of the arguments does not depend on the numbers drawn: it is tested by one draw from another generator.
        random_sampler::weighted_random_order(weights, num_samples, replacement, Some(&Generator::new()))
            .map_err(|fault| Error::value("WeightedRandomSampler", fault))?;
        Ok(WeightedRandomSampler { weights: weights.into(), num_samples, replacement, generator: None })
    }

    /// Sets the generator to draw from instead of the default one.
    pub fn generator(mut self, generator: &Generator) -> WeightedRandomSampler {
        self.generator = Some(generator.clone());
        self
    }
}

impl Sampler for WeightedRandomSampler {
    fn len(&self) -> usize {
        self.num_samples
    }

    fn iter(&self) -> Box<dyn Iterator<Item = usize> + Send> {
        let WeightedRandomSampler { weights, num_samples, replacement, generator } = self.clone();
        let draw = move || {
            random_sampler::weighted_random_order(&weights, num_samples, replacement, generator.as_ref())
                .expect("the same arguments were drawn with when the sampler was made")
        };
        Box::new(std::iter::once_with(draw).flatten())
    }
}

/// Batches of the items of another sampler, as `torch.utils.data.BatchSampler`.
///
/// ```
/// use rushlight::data::{BatchSampler, Sampler, SequentialSampler};
///
/// let batches: Vec<Vec<usize>> = BatchSampler::new(SequentialSampler::new(5), 2, false).iter().collect();
/// assert_eq!(batches, [vec![0, 1], vec![2, 3], vec![4]]);
/// # Ok::<(), rushlight::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct BatchSampler<S> {
    sampler: S,
    batch_size: usize,
    drop_last: bool,
}

impl<S: Sampler> BatchSampler<S> {
    /// Creates a sampler of batches of `batch_size` items; a shorter last one is dropped with `drop_last`.
    ///
    /// # Errors
    /// If `batch_size` is 0.
    #[op(torch = "BatchSampler(sampler, batch_size, drop_last)")]
    pub fn try_new(sampler: S, batch_size: usize, drop_last: bool) -> Result<BatchSampler<S>> {
        if batch_size == 0 {
            return Err(Error::value("BatchSampler", "expected a batch_size of at least 1, got 0"));
        }
        Ok(BatchSampler { sampler, batch_size, drop_last })
    }
}

impl<S: Sampler> Sampler<Vec<usize>> for BatchSampler<S> {
    fn len(&self) -> usize {
        let items = self.sampler.len();
        if self.drop_last { items / self.batch_size } else { items.div_ceil(self.batch_size) }
    }

    fn iter(&self) -> Box<dyn Iterator<Item = Vec<usize>> + Send> {
        let (mut items, size, drop_last) = (self.sampler.iter().fuse(), self.batch_size, self.drop_last);
        Box::new(std::iter::from_fn(move || {
            let batch: Vec<usize> = items.by_ref().take(size).collect();
            (batch.len() == size || !batch.is_empty() && !drop_last).then_some(batch)
        }))
    }
}
