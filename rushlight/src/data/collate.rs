//! From a list of items to one batch.

use super::Dataset;
use crate::{Result, Tensor};
use std::collections::BTreeMap;

/// What a list of items becomes as one batch, as PyTorch's `default_collate`: tensors are stacked along a new first dimension,
/// numbers become a 1-d tensor, texts a list; tuples, arrays, lists and maps become the same of batches.
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

    /// Makes the batch.
    ///
    /// # Errors
    /// If the items do not fit together: tensors of different shapes, lists of different lengths, maps of different keys, none.
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
    /// One batch for each place in the lists.
    type Batch = Vec<T::Batch>;

    fn collate(items: Vec<Vec<T>>) -> Result<Vec<T::Batch>> {
        let want = items.first().map_or(0, Vec::len);
        let mut places: Vec<Vec<T>> = (0..want).map(|_| Vec::with_capacity(items.len())).collect();
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
            places.iter_mut().zip(item).for_each(|(place, element)| place.push(element));
        }
        places.into_iter().map(T::collate).collect()
    }
}

impl<T: Collate, const N: usize> Collate for [T; N] {
    /// One batch for each place in the arrays.
    type Batch = Vec<T::Batch>;

    fn collate(items: Vec<[T; N]>) -> Result<Vec<T::Batch>> {
        Collate::collate(items.into_iter().map(Vec::from).collect::<Vec<_>>())
    }
}

impl<K: Ord + std::fmt::Debug, T: Collate> Collate for BTreeMap<K, T> {
    /// One batch for each key.
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

/// How a [`DataLoader`](super::DataLoader) makes batches of a data set's items.
pub trait Collator<D: Dataset>: Send + Sync {
    /// The batch.
    type Batch;

    /// The whole batch at once, where the data set has a faster way than one item after another.
    fn whole(&self, dataset: &D, indices: &[usize]) -> Option<Result<Self::Batch>>;

    /// A batch of items.
    ///
    /// # Errors
    /// If the items do not fit together.
    fn collate(&self, items: Vec<D::Item>) -> Result<Self::Batch>;
}

/// Batches by [`Collate`], as PyTorch's `default_collate`.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultCollate;

impl<D: Dataset<Item: Collate>> Collator<D> for DefaultCollate {
    type Batch = <D::Item as Collate>::Batch;

    fn whole(&self, dataset: &D, indices: &[usize]) -> Option<Result<Self::Batch>> {
        dataset.get_batch(indices)
    }

    fn collate(&self, items: Vec<D::Item>) -> Result<Self::Batch> {
        Collate::collate(items)
    }
}

/// Batches by a function of your own, PyTorch's `collate_fn`.
#[derive(Clone, Copy, Debug)]
pub struct CollateWith<F>(pub(super) F);

impl<D: Dataset, B, F: Fn(Vec<D::Item>) -> Result<B> + Send + Sync> Collator<D> for CollateWith<F> {
    type Batch = B;

    fn whole(&self, _: &D, _: &[usize]) -> Option<Result<B>> {
        None
    }

    fn collate(&self, items: Vec<D::Item>) -> Result<B> {
        (self.0)(items)
    }
}
