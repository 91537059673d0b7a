//! The order in which samplers visit a data set, with the same draws as `torch.utils.data`.

use crate::random::{Generator, default_generator};

/// `generator`, or the default one.
fn given_or_default(generator: Option<&Generator>) -> &Generator {
    generator.unwrap_or_else(|| default_generator())
}

/// The number that a `DataLoader` draws at the start of every epoch, shuffled or not: worker k seeds itself with it plus k.
pub(crate) fn base_seed(generator: Option<&Generator>) -> i64 {
    given_or_default(generator).random_i64()
}

/// Samples all of `len` items in a new random order each epoch, or draws from them with replacement.
///
/// ```
/// use rushlight::{Generator, data::RandomSampler};
///
/// let sampler = RandomSampler::new(10).generator(&Generator::from_seed(0));
/// let first_epoch: Vec<usize> = sampler.iter().collect();
/// assert_eq!(first_epoch, [4, 1, 7, 5, 3, 9, 0, 8, 6, 2]);
/// ```
#[derive(Clone, Debug)]
pub struct RandomSampler {
    len: usize,
    replacement: bool,
    num_samples: Option<usize>,
    generator: Option<Generator>,
}

impl RandomSampler {
    /// Creates a sampler over `len` items, without replacement, with the default generator.
    pub fn new(len: usize) -> Self {
        RandomSampler { len, replacement: false, num_samples: None, generator: None }
    }

    /// Sets whether to draw with replacement.
    pub fn replacement(mut self, replacement: bool) -> Self {
        self.replacement = replacement;
        self
    }

    /// Sets the number of items of an epoch; by default the number of all items. An epoch of 0 items is empty; PyTorch refuses it, and
    /// with it an empty data set.
    pub fn num_samples(mut self, num_samples: usize) -> Self {
        self.num_samples = Some(num_samples);
        self
    }

    /// Sets the generator to draw from. By default each epoch draws the seed of its own generator from the default generator.
    pub fn generator(mut self, generator: &Generator) -> Self {
        self.generator = Some(generator.clone());
        self
    }

    /// Returns the items of one epoch. Nothing is drawn before the first one is requested.
    pub fn iter(&self) -> RandomSamples {
        let rest = if self.len == 0 { 0 } else { self.num_samples.unwrap_or(self.len) };
        RandomSamples { sampler: self.clone(), source: None, rest, drawn: Vec::new().into_iter(), done: self.len == 0 }
    }
}

impl IntoIterator for &RandomSampler {
    type Item = usize;
    type IntoIter = RandomSamples;

    fn into_iter(self) -> RandomSamples {
        self.iter()
    }
}

/// The items of one epoch of a [`RandomSampler`].
#[derive(Debug)]
pub struct RandomSamples {
    sampler: RandomSampler,
    source: Option<Generator>,
    /// Items not yet drawn.
    rest: usize,
    drawn: std::vec::IntoIter<i64>,
    done: bool,
}

impl Iterator for RandomSamples {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        loop {
            if let Some(item) = self.drawn.next() {
                return Some(item as usize);
            }
            if self.done {
                return None;
            }
            self.draw();
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.drawn.len() + self.rest;
        (left, Some(left))
    }
}

impl ExactSizeIterator for RandomSamples {}
impl std::iter::FusedIterator for RandomSamples {}

impl RandomSamples {
    /// Draws the next whole permutation or 32 numbers. The last draw takes fewer, and PyTorch draws even if
    /// none are left: so after an epoch over all items a second permutation is drawn and dropped.
    fn draw(&mut self) {
        let RandomSampler { len, replacement, ref generator, .. } = self.sampler;
        let source = self.source.get_or_insert_with(|| match generator {
            Some(generator) => generator.clone(),
            None => Generator::from_seed(default_generator().random_i64() as u64),
        });
        let take = self.rest.min(if replacement { 32 } else { len });
        self.done = take < if replacement { 32 } else { len };
        self.rest -= take;
        let mut drawn = if replacement {
            let mut drawn = vec![0; take];
            source.randint(&mut drawn, 0, len as i64).expect("len > 0");
            drawn
        } else {
            source.randperm(len)
        };
        drawn.truncate(take);
        self.drawn = drawn.into_iter();
    }
}

/// One random order of all of `indices`, as an epoch of `SubsetRandomSampler(indices, generator)`.
pub(crate) fn subset_random_order(indices: &[usize], generator: Option<&Generator>) -> Vec<usize> {
    given_or_default(generator).randperm(indices.len()).into_iter().map(|i| indices[i as usize]).collect()
}

/// `num_samples` indices drawn by weight, as an epoch of `WeightedRandomSampler(weights, num_samples, replacement, generator)`.
///
/// # Errors
/// As [`Generator::multinomial`].
pub(crate) fn weighted_random_order(
    weights: &[f64],
    num_samples: usize,
    replacement: bool,
    generator: Option<&Generator>,
) -> Result<Vec<usize>, String> {
    let drawn = given_or_default(generator).multinomial(weights, weights.len(), num_samples, replacement)?;
    Ok(drawn.into_iter().map(|i| i as usize).collect())
}

/// Splits the indices 0..total into random parts of the given lengths, as `torch.utils.data.random_split(range(total), lengths)`.
///
/// # Errors
/// If the lengths do not sum to `total`.
pub(crate) fn random_split(
    total: usize,
    lengths: &[usize],
    generator: Option<&Generator>,
) -> Result<Vec<Vec<usize>>, String> {
    check_lengths(total, lengths)?;
    let order = given_or_default(generator).randperm(total);
    let mut rest = order.as_slice();
    Ok(lengths
        .iter()
        .map(|&len| {
            let (part, later) = rest.split_at(len);
            rest = later;
            part.iter().map(|&i| i as usize).collect()
        })
        .collect())
}

/// Checks the lengths of the parts of `total` items.
///
/// # Errors
/// If the lengths do not sum to `total`.
pub(crate) fn check_lengths(total: usize, lengths: &[usize]) -> Result<(), String> {
    match lengths.iter().try_fold(0usize, |sum, &len| sum.checked_add(len)) {
        Some(sum) if sum == total => Ok(()),
        _ => Err("Sum of input lengths does not equal the length of the input dataset!".into()),
    }
}

/// Part lengths from fractions of `total`: each rounded down, the remainder distributed one by one from the first part on.
///
/// # Errors
/// If a fraction is not in [0, 1] or they do not sum to 1.
pub(crate) fn split_lengths(total: usize, fractions: &[f64]) -> Result<Vec<usize>, String> {
    if let Some((i, f)) = fractions.iter().enumerate().find(|(_, f)| !(0.0..=1.0).contains(*f)) {
        return Err(format!("Fraction at index {i} is not between 0 and 1: {f}"));
    }
    let sum: f64 = fractions.iter().sum();
    if (sum - 1.0).abs() > 1e-9 {
        return Err(format!("expected fractions that sum to 1, got a sum of {sum}"));
    }
    let mut lengths: Vec<usize> = fractions.iter().map(|f| (total as f64 * f).floor() as usize).collect();
    let rest = total.saturating_sub(lengths.iter().sum());
    let parts = lengths.len();
    for i in 0..rest {
        lengths[i % parts] += 1;
    }
    Ok(lengths)
}
