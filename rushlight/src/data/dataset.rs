//! Data sets: items that are read by index.

use super::Collate;
use crate::{Error, Result, Tensor};
use rushlight_macros::op;
use std::sync::Arc;

/// A set of items read by index, the source of a [`DataLoader`](super::DataLoader).
///
/// ```
/// use rushlight::data::{DataLoader, Dataset};
/// use rushlight::{Result, Tensor};
///
/// struct Squares;
///
/// impl Dataset for Squares {
///     type Item = (f32, f32);
///
///     fn len(&self) -> usize {
///         100
///     }
///
///     fn get(&self, index: usize) -> Result<(f32, f32)> {
///         Ok((index as f32, (index * index) as f32))
///     }
/// }
///
/// let loader = DataLoader::builder(Squares).batch_size(4).build();
/// let (x, y): (Tensor, Tensor) = loader.iter().nth(1).unwrap();
/// assert_eq!(y.to_vec::<f32>(), [16.0, 25.0, 36.0, 49.0]);
/// # Ok::<(), rushlight::Error>(())
/// ```
pub trait Dataset: Send + Sync {
    /// The type of an item: a tensor, a tuple, or any type with a [`Collate`] or a `collate_fn`.
    type Item;

    /// Returns the number of items.
    fn len(&self) -> usize;

    /// Reads an item. May be called concurrently by several threads. Random augmentations should draw from
    /// [`sample_generator`](super::sample_generator).
    ///
    /// # Errors
    /// If the index is out of range, or the item cannot be read.
    fn get(&self, index: usize) -> Result<Self::Item>;

    /// Returns whether the data set is empty.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the batch that [`Collate`] would create from the items at `indices`, if there is a faster way than item by item.
    fn get_batch(&self, indices: &[usize]) -> Option<Result<<Self::Item as Collate>::Batch>>
    where
        Self::Item: Collate,
    {
        let _ = indices;
        None
    }

    /// Returns the data set with `f` applied to each item when it is read.
    fn map<T, F: Fn(Self::Item) -> Result<T> + Send + Sync>(self, f: F) -> MapDataset<Self, F>
    where
        Self: Sized,
    {
        MapDataset { dataset: self, f }
    }
}

macro_rules! dataset_through_pointer {
    ($($pointer:ty),*) => {$(
        impl<D: Dataset + ?Sized> Dataset for $pointer {
            type Item = D::Item;

            fn len(&self) -> usize {
                (**self).len()
            }

            fn get(&self, index: usize) -> Result<D::Item> {
                (**self).get(index)
            }

            fn get_batch(&self, indices: &[usize]) -> Option<Result<<D::Item as Collate>::Batch>>
            where
                D::Item: Collate,
            {
                (**self).get_batch(indices)
            }
        }
    )*};
}
dataset_through_pointer!(&D, Arc<D>, Box<D>);

/// Checks an index into the data set that messages call `set`.
pub(crate) fn check_index(set: &'static str, index: usize, len: usize) -> Result<()> {
    if index < len { Ok(()) } else { Err(Error::index(set, format!("expected an index below {len}, got {index}"))) }
}

/// A tensor, or a tuple (up to 4) or list of tensors: the contents of a [`TensorDataset`], one of its items, a batch of them.
pub trait TensorGroup: Collate<Batch = Self> + Clone + Send + Sync {
    /// Returns the tensors.
    fn tensors(&self) -> Vec<&Tensor>;

    /// Applies `f` to each tensor.
    ///
    /// # Errors
    /// The first error of `f`.
    fn try_map(&self, f: impl FnMut(&Tensor) -> Result<Tensor>) -> Result<Self>;
}

impl TensorGroup for Tensor {
    fn tensors(&self) -> Vec<&Tensor> {
        vec![self]
    }

    fn try_map(&self, mut f: impl FnMut(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
        f(self)
    }
}

impl TensorGroup for Vec<Tensor> {
    fn tensors(&self) -> Vec<&Tensor> {
        self.iter().collect()
    }

    fn try_map(&self, f: impl FnMut(&Tensor) -> Result<Tensor>) -> Result<Vec<Tensor>> {
        self.iter().map(f).collect()
    }
}

macro_rules! tensor_tuples {
    ($($tensor:ty, $name:ident);*) => {
        impl TensorGroup for ($($tensor,)*) {
            fn tensors(&self) -> Vec<&Tensor> {
                let ($($name,)*) = self;
                vec![$($name),*]
            }

            fn try_map(&self, mut f: impl FnMut(&Tensor) -> Result<Tensor>) -> Result<Self> {
                let ($($name,)*) = self;
                Ok(($(f($name)?,)*))
            }
        }
    };
}
tensor_tuples!(Tensor, a);
tensor_tuples!(Tensor, a; Tensor, b);
tensor_tuples!(Tensor, a; Tensor, b; Tensor, c);
tensor_tuples!(Tensor, a; Tensor, b; Tensor, c; Tensor, d);

/// Tensors whose first dimension indexes the items, as `torch.utils.data.TensorDataset`. A loader reads whole batches from them.
///
/// ```
/// use rushlight::Tensor;
/// use rushlight::data::{Dataset, TensorDataset};
///
/// let dataset = TensorDataset::new((Tensor::ones([5, 3]), Tensor::from([0, 1, 2, 3, 4])));
/// let (x, y) = dataset.get(2)?;
/// assert_eq!((x.shape(), y.item_as::<i64>()), (&[3][..], 2));
/// # Ok::<(), rushlight::Error>(())
/// ```
#[derive(Clone)]
pub struct TensorDataset<T> {
    tensors: T,
    len: usize,
}

impl<T: TensorGroup> TensorDataset<T> {
    /// Creates a data set of a tensor, or of a tuple or list of tensors. Contiguous tensors are shared, others are copied.
    ///
    /// # Errors
    /// If the list is empty, a tensor is 0-d, or the first dimensions differ.
    #[op(torch = "TensorDataset(*tensors)")]
    pub fn try_new(tensors: T) -> Result<TensorDataset<T>> {
        let list = tensors.tensors();
        let Some(first) = list.first() else {
            return Err(Error::value("TensorDataset", "expected at least one tensor, got an empty list"));
        };
        let fits = |t: &Tensor| t.dim() > 0 && t.shape().first() == first.shape().first();
        if let Some(bad) = list.iter().position(|t| !fits(t)) {
            return Err(Error::shape(
                "TensorDataset",
                format!(
                    "expected tensors with the same first dimension, the number of items, got shapes {:?} (tensor 0) and {:?} (tensor {bad})",
                    first.shape(),
                    list[bad].shape()
                ),
            ));
        }
        let len = first.shape()[0];
        Ok(TensorDataset { tensors: tensors.try_map(Tensor::try_contiguous)?, len })
    }

    /// Returns the tensors.
    pub fn tensors(&self) -> &T {
        &self.tensors
    }
}

impl<T: TensorGroup> Dataset for TensorDataset<T> {
    type Item = T;

    fn len(&self) -> usize {
        self.len
    }

    /// Views of the tensors.
    fn get(&self, index: usize) -> Result<T> {
        check_index("TensorDataset", index, self.len)?;
        self.tensors.try_map(|tensor| tensor.try_select(0, index as isize))
    }

    fn get_batch(&self, indices: &[usize]) -> Option<Result<T>> {
        let table: Vec<i64> = indices.iter().map(|&index| index as i64).collect();
        let table = Tensor::from(table);
        Some(self.tensors.try_map(|tensor| tensor.try_index_select(0, &table)))
    }
}

/// A subset of another data set, as `torch.utils.data.Subset`.
///
/// ```
/// use rushlight::Tensor;
/// use rushlight::data::{Dataset, Subset, TensorDataset};
///
/// let even = Subset::new(TensorDataset::new(Tensor::arange(5)), [0, 2, 4]);
/// assert_eq!((even.len(), even.get(1)?.item()), (3, 2.0));
/// # Ok::<(), rushlight::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Subset<D> {
    pub(super) dataset: D,
    pub(super) indices: Vec<usize>,
}

impl<D: Dataset> Subset<D> {
    /// Creates the data set of the items of `dataset` at `indices`, in that order.
    ///
    /// # Errors
    /// If an index is out of range.
    #[op(torch = "Subset(dataset, indices)")]
    pub fn try_new(dataset: D, indices: impl Into<Vec<usize>>) -> Result<Subset<D>> {
        let (indices, len) = (indices.into(), dataset.len());
        indices.iter().try_for_each(|&index| check_index("Subset", index, len))?;
        Ok(Subset { dataset, indices })
    }

    /// Returns the indices of the items in the original data set.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }

    /// Returns the original data set.
    pub fn dataset(&self) -> &D {
        &self.dataset
    }
}

impl<D: Dataset> Dataset for Subset<D> {
    type Item = D::Item;

    fn len(&self) -> usize {
        self.indices.len()
    }

    fn get(&self, index: usize) -> Result<D::Item> {
        check_index("Subset", index, self.indices.len())?;
        self.dataset.get(self.indices[index])
    }

    fn get_batch(&self, indices: &[usize]) -> Option<Result<<D::Item as Collate>::Batch>>
    where
        D::Item: Collate,
    {
        let inner: Option<Vec<usize>> = indices.iter().map(|&index| self.indices.get(index).copied()).collect();
        self.dataset.get_batch(&inner?)
    }
}

/// The concatenation of data sets, as `torch.utils.data.ConcatDataset`. Data sets of different types can be boxed:
/// `Box<dyn Dataset<Item = …>>`.
#[derive(Clone, Debug)]
pub struct ConcatDataset<D> {
    datasets: Vec<D>,
    /// The number of items up to the end of each data set.
    ends: Vec<usize>,
}

impl<D: Dataset> ConcatDataset<D> {
    /// Concatenates data sets in order.
    pub fn new(datasets: impl Into<Vec<D>>) -> ConcatDataset<D> {
        let datasets = datasets.into();
        let mut end = 0;
        let ends = datasets.iter().map(|dataset| {
            end += dataset.len();
            end
        });
        ConcatDataset { ends: ends.collect(), datasets }
    }
}

impl<D: Dataset> Dataset for ConcatDataset<D> {
    type Item = D::Item;

    fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    fn get(&self, index: usize) -> Result<D::Item> {
        check_index("ConcatDataset", index, self.len())?;
        let which = self.ends.partition_point(|&end| end <= index);
        let start = if which == 0 { 0 } else { self.ends[which - 1] };
        self.datasets[which].get(index - start)
    }
}

/// A data set with a function applied to each item; see [`Dataset::map`].
#[derive(Clone, Debug)]
pub struct MapDataset<D, F> {
    dataset: D,
    f: F,
}

impl<D: Dataset, T, F: Fn(D::Item) -> Result<T> + Send + Sync> Dataset for MapDataset<D, F> {
    type Item = T;

    fn len(&self) -> usize {
        self.dataset.len()
    }

    fn get(&self, index: usize) -> Result<T> {
        (self.f)(self.dataset.get(index)?)
    }
}
