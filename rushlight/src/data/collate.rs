//! Collation of items into batches.

use super::Dataset;
use crate::{Result, Tensor};
use std::collections::BTreeMap;

/// Collation of a list of items into a batch, as PyTorch's `default_collate`: tensors are stacked along a new first dimension,
/// numbers become a 1-d tensor, strings a list; tuples, arrays, lists and maps become the same of batches.
///
/// ```
/// use rushlight::Tensor;
/// use rushlight::data::Collate;
///
/// let items = vec![(Tensor::zeros([2, 3]), 7i64), (Tensor::ones([2, 3]), 8)];
/// let (x, y) = Collate::collate(items)?;
/// assert_eq!(x.shape(), [2, 2, 3]);
/// assert_eq!(y.to_vec::<i64>(), [7, 8]);
/// # Ok::<(), rushlight::Error>(())
/// ```
pub trait Collate: Sized {
    /// The batch.
    type Batch;

    /// Collates the items into a batch.
    ///
    /// # Errors
    /// If the items do not match (shapes of tensors, lengths of lists, keys of maps), or there are none.
    fn collate(items: Vec<Self>) -> Result<Self::Batch>;
}

impl Collate for Tensor {
    type Batch = Tensor;

    fn collate(items: Vec<Tensor>) -> Result<Tensor> {
        Tensor::try_stack(&items)
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Collate for $number {
            type Batch = Tensor;

            fn collate(items: Vec<$number>) -> Result<Tensor> {
                Ok(Tensor::from(items))
            }
        }
    )*};
}
numbers!(bool, u8, i32, i64, f32, f64);

impl Collate for usize {
    type Batch = Tensor;

    fn collate(items: Vec<usize>) -> Result<Tensor> {
        Ok(Tensor::from(items.into_iter().map(|item| item as i64).collect::<Vec<_>>()))
    }
}

impl Collate for String {
    type Batch = Vec<String>;

    fn collate(items: Vec<String>) -> Result<Vec<String>> {
        Ok(items)
    }
}

macro_rules! tuples {
    ($($part:ident $list:ident),*) => {
        impl<$($part: Collate),*> Collate for ($($part,)*) {
            type Batch = ($($part::Batch,)*);

            fn collate(items: Vec<Self>) -> Result<Self::Batch> {
                $(let mut $list = Vec::with_capacity(items.len());)*
                for item in items {
                    #[allow(non_snake_case, reason = "each part is named after its type")]
                    let ($($part,)*) = item;
                    $($list.push($part);)*
                }
                Ok(($($part::collate($list)?,)*))
            }
        }
    };
}
tuples!(A a);
tuples!(A a, B b);
tuples!(A a, B b, C c);
tuples!(A a, B b, C c, D d);

impl<T: Collate> Collate for Vec<T> {
    /// A batch per position in the lists.
    type Batch = Vec<T::Batch>;

    fn collate(items: Vec<Vec<T>>) -> Result<Vec<T::Batch>> {
        let want = items.first().map_or(0, Vec::len);
        let mut positions: Vec<Vec<T>> = (0..want).map(|_| Vec::with_capacity(items.len())).collect();
        for (i, item) in items.into_iter().enumerate() {
            if item.len() != want {
                return Err(crate::Error::shape(
                    "collate",
                    format!(
                        "expected lists of equal length, got {want} elements in list 0 and {} in list {i}",
                        item.len()
                    ),
                ));
            }
            positions.iter_mut().zip(item).for_each(|(position, element)| position.push(element));
        }
        positions.into_iter().map(T::collate).collect()
    }
}

impl<T: Collate, const N: usize> Collate for [T; N] {
    /// A batch per position in the arrays.
    type Batch = Vec<T::Batch>;

    fn collate(items: Vec<[T; N]>) -> Result<Vec<T::Batch>> {
        Collate::collate(items.into_iter().map(Vec::from).collect::<Vec<_>>())
    }
}

impl<K: Ord + std::fmt::Debug, T: Collate> Collate for BTreeMap<K, T> {
    /// A batch per key.
    type Batch = BTreeMap<K, T::Batch>;

    fn collate(items: Vec<BTreeMap<K, T>>) -> Result<BTreeMap<K, T::Batch>> {
        let mut lists: BTreeMap<K, Vec<T>> = BTreeMap::new();
        for (i, item) in items.into_iter().enumerate() {
            if i == 0 {
                lists = item.into_iter().map(|(key, value)| (key, vec![value])).collect();
                continue;
            }
            if !item.keys().eq(lists.keys()) {
                let (got, want) = (item.keys().collect::<Vec<_>>(), lists.keys().collect::<Vec<_>>());
                return Err(crate::Error::shape(
                    "collate",
                    format!("expected maps with equal keys, got {want:?} in map 0 and {got:?} in map {i}"),
                ));
            }
            lists.values_mut().zip(item.into_values()).for_each(|(list, value)| list.push(value));
        }
        lists.into_iter().map(|(key, list)| Ok((key, T::collate(list)?))).collect()
    }
}

/// The collation of the items of a [`DataLoader`](super::DataLoader) or an [`IterableDataLoader`](super::IterableDataLoader).
pub trait CollateItems<T>: Send + Sync {
    /// The batch.
    type Batch;

    /// Collates items into a batch.
    ///
    /// # Errors
    /// If the items do not match.
    fn collate(&self, items: Vec<T>) -> Result<Self::Batch>;
}

/// The collation of a [`DataLoader`](super::DataLoader), which a data set may replace by a faster way to a batch.
pub trait Collator<D: Dataset>: CollateItems<D::Item> {
    /// Reads a whole batch, if the data set has a faster way than item by item.
    fn whole(&self, dataset: &D, indices: &[usize]) -> Option<Result<Self::Batch>>;
}

/// Collates by [`Collate`], as PyTorch's `default_collate`.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultCollate;

impl<T: Collate> CollateItems<T> for DefaultCollate {
    type Batch = T::Batch;

    fn collate(&self, items: Vec<T>) -> Result<T::Batch> {
        Collate::collate(items)
    }
}

impl<D: Dataset<Item: Collate>> Collator<D> for DefaultCollate {
    fn whole(&self, dataset: &D, indices: &[usize]) -> Option<Result<Self::Batch>> {
        dataset.get_batch(indices)
    }
}

/// Collates by a user-defined function: PyTorch's `collate_fn`.
#[derive(Clone, Copy, Debug)]
pub struct CollateWith<F>(pub(super) F);

impl<T, B, F: Fn(Vec<T>) -> Result<B> + Send + Sync> CollateItems<T> for CollateWith<F> {
    type Batch = B;

    fn collate(&self, items: Vec<T>) -> Result<B> {
        (self.0)(items)
    }
}

impl<D: Dataset, B, F: Fn(Vec<D::Item>) -> Result<B> + Send + Sync> Collator<D> for CollateWith<F> {
    fn whole(&self, _: &D, _: &[usize]) -> Option<Result<B>> {
        None
    }
}
