//! Random partitions of data sets.

use super::{Dataset, Subset, random_sampler};
use crate::random::Generator;
use crate::{Error, Result};
use rushlight_macros::op;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

/// The sizes of the parts of [`random_split`] and [`stratified_split`]: numbers of items, or fractions that sum to 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Lengths {
    /// The number of items of each part.
    Items(Vec<usize>),
    /// The fraction of the items of each part, rounded down; the remainder is distributed one by one from the first part on.
    Fractions(Vec<f64>),
}

macro_rules! lengths_from {
    ($($number:ty => $variant:ident),*) => {$(
        impl<const N: usize> From<[$number; N]> for Lengths {
            fn from(lengths: [$number; N]) -> Lengths {
                Lengths::$variant(lengths.into())
            }
        }

        impl From<&[$number]> for Lengths {
            fn from(lengths: &[$number]) -> Lengths {
                Lengths::$variant(lengths.into())
            }
        }
    )*};
}
lengths_from!(usize => Items, f64 => Fractions);

impl Lengths {
    /// The numbers of items of the parts of `total` items.
    fn of(self, total: usize) -> Result<Vec<usize>, String> {
        let lengths = match self {
            Lengths::Items(lengths) => lengths,
            Lengths::Fractions(fractions) => random_sampler::split_lengths(total, &fractions)?,
        };
        random_sampler::check_lengths(total, &lengths)?;
        Ok(lengths)
    }
}

/// Splits a data set into random parts, as `torch.utils.data.random_split(dataset, lengths, generator)`.
///
/// # Errors
/// If the lengths do not sum to the number of items, or the fractions not to 1.
///
/// ```
/// use rushlight::Tensor;
/// use rushlight::data::{Dataset, TensorDataset, random_split};
///
/// let dataset = TensorDataset::new(Tensor::arange(10));
/// let parts = random_split(dataset, [0.75, 0.25], None);
/// assert_eq!((parts[0].len(), parts[1].len()), (8, 2));
/// # Ok::<(), rushlight::Error>(())
/// ```
#[op(torch = "random_split(dataset, lengths, generator=None)", free)]
pub fn try_random_split<D: Dataset>(
    dataset: D,
    lengths: impl Into<Lengths>,
    generator: Option<&Generator>,
) -> Result<Vec<Subset<Arc<D>>>> {
    let fault = |fault| Error::value("random_split", fault);
    let total = dataset.len();
    let lengths = lengths.into().of(total).map_err(fault)?;
    let parts = random_sampler::random_split(total, &lengths, generator).map_err(fault)?;
    Ok(subsets(dataset, parts))
}

/// Splits a data set into random parts that all have the classes in the proportions of the whole.
///
/// `targets[i]` is the class of item `i`: a number or a name. The data sets of images return theirs without reading an image.
///
/// The lengths of the parts are those of [`random_split`]. Part by part, a class with *n* of the *N* items not yet assigned gives
/// ⌊*n L* / *N*⌋ or one more to a part of length *L*: one more where the remainder is largest, as the exact length requires, and to the first
/// class among equals. In addition each part receives at least one item of each class, which makes a part longer than asked
/// if it is shorter than the number of classes. The items are drawn by one permutation of all items, as in `random_split`, whose parts these are if there is
/// a single class.
///
/// PyTorch has no such function; this one divides as scikit-learn's `train_test_split(…, stratify=targets)`, except that ties are not broken
/// at random, and that scikit-learn rounds the length of the test part up.
///
/// # Errors
/// If `targets` has not one class per item, lengths or fractions are invalid as in [`random_split`], or a class has fewer items than there are
/// parts (of length above 0).
///
/// ```
/// use rushlight::Tensor;
/// use rushlight::data::{Dataset, TensorDataset, stratified_split};
///
/// let targets = ["cat", "cat", "dog", "cat", "cat", "dog", "cat", "cat", "dog", "cat"];
/// let parts = stratified_split(TensorDataset::new(Tensor::arange(10)), &targets, [0.7, 0.3], None);
/// let dogs = |part: usize| parts[part].indices().iter().filter(|&&item| targets[item] == "dog").count();
/// assert_eq!((parts[1].len(), dogs(0), dogs(1)), (3, 2, 1));
/// # Ok::<(), rushlight::Error>(())
/// ```
#[op(torch = "-", free)]
pub fn try_stratified_split<D: Dataset, T: Ord + Display>(
    dataset: D,
    targets: &[T],
    lengths: impl Into<Lengths>,
    generator: Option<&Generator>,
) -> Result<Vec<Subset<Arc<D>>>> {
    const NAME: &str = "stratified_split";
    let total = dataset.len();
    if targets.len() != total {
        let message = format!("expected a target for each of the {total} items, got {}", targets.len());
        return Err(Error::value(NAME, message));
    }
    let lengths = lengths.into().of(total).map_err(|fault| Error::value(NAME, fault))?;
    let mut counts: BTreeMap<&T, usize> = BTreeMap::new();
    targets.iter().for_each(|target| *counts.entry(target).or_default() += 1);
    let needed = lengths.iter().filter(|&&length| length > 0).count();
    let few: Vec<String> = counts
        .iter()
        .filter(|(_, count)| **count < needed)
        .map(|(target, count)| format!("{count} of class {target}"))
        .collect();
    if !few.is_empty() {
        let message =
            format!("expected at least {needed} items of each class, one for each part, got {}", few.join(", "));
        return Err(Error::value(NAME, message));
    }
    let sizes: Vec<usize> = counts.values().copied().collect();
    // For each class the number of items that go to each part, as a queue: the first part takes the first items drawn.
    let mut left = allocate(sizes, &lengths);
    counts.values_mut().zip(0..).for_each(|(count, class)| *count = class);
    let order = random_sampler::random_split(total, &[total], generator).map_err(|fault| Error::value(NAME, fault))?;
    let mut parts = vec![Vec::new(); lengths.len()];
    for &item in order.iter().flatten() {
        let row = &mut left[counts[&targets[item]]];
        let part = row.iter().position(|&count| count > 0).expect("a class is divided completely");
        row[part] -= 1;
        parts[part].push(item);
    }
    Ok(subsets(dataset, parts))
}

/// For each class the number of its items in each part. A class has at least as many items as there are parts of length above 0.
fn allocate(sizes: Vec<usize>, lengths: &[usize]) -> Vec<Vec<usize>> {
    let mut rest = sizes;
    let mut rows = vec![vec![0; lengths.len()]; rest.len()];
    let mut later = lengths.iter().filter(|&&length| length > 0).count();
    for (part, &length) in lengths.iter().enumerate().filter(|(_, length)| **length > 0) {
        later -= 1;
        let (total, most) = (rest.iter().sum::<usize>(), |class: usize| rest[class] - later);
        // The last part takes what is left, whatever the minimum did to the lengths before.
        let length = if later == 0 { total } else { length };
        let ideal = |class: usize| rest[class] as u128 * length as u128;
        let floor = |class: usize| (ideal(class) / total.max(1) as u128) as usize;
        let mut take: Vec<usize> = (0..rest.len()).map(|class| floor(class).clamp(1, most(class))).collect();
        // What a class lacks, in units of 1 / total of an item.
        let lack = |take: &[usize], class: usize| ideal(class) as i128 - (take[class] * total) as i128;
        loop {
            let taken: usize = take.iter().sum();
            let (candidate, step) = if taken < length {
                // The first among equals, which `max_by_key` returns of the classes in reverse.
                ((0..take.len()).rev().filter(|&c| take[c] < most(c)).max_by_key(|&c| lack(&take, c)), 1)
            } else if taken > length {
                ((0..take.len()).rev().filter(|&c| take[c] > 1).min_by_key(|&c| lack(&take, c)), -1)
            } else {
                break;
            };
            let Some(class) = candidate else { break };
            take[class] = take[class].wrapping_add_signed(step);
        }
        for (class, count) in take.into_iter().enumerate() {
            rows[class][part] = count;
            rest[class] -= count;
        }
    }
    rows
}

fn subsets<D>(dataset: D, parts: Vec<Vec<usize>>) -> Vec<Subset<Arc<D>>> {
    let dataset = Arc::new(dataset);
    parts.into_iter().map(|indices| Subset { dataset: dataset.clone(), indices }).collect()
}
