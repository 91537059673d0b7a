//! Transforms applied to the items of a data set.

use crate::Result;
use crate::data::Dataset;
use crate::vision::transforms::Transform;

/// The options `transform` and `target_transform` of torchvision's data sets, for every data set of pairs: folders, parts of them
/// ([`Subset`](crate::data::Subset)), concatenations.
///
/// ```
/// use rushlight::data::{Dataset, Subset};
/// use rushlight::vision::datasets::{LabeledImages, VisionDataset};
/// use rushlight::vision::transforms::ToTensor;
/// use rushlight::vision::PixelFormat;
///
/// let names = ["even", "odd"].map(String::from).to_vec();
/// let images = LabeledImages::new(names, [1, 1], PixelFormat::Gray, vec![0, 51, 255], vec![0, 1, 0]);
/// let part = Subset::new(images, [1]).transform(ToTensor::new()).target_transform(|class| Ok(class == 1));
/// let (x, odd) = part.get(0)?;
/// assert_eq!((x.item_as::<f32>(), odd), (0.2, true));
/// # Ok::<(), rushlight::Error>(())
/// ```
pub trait VisionDataset<X, Y>: Dataset<Item = (X, Y)> + Sized {
    /// Returns the data set with a transform applied to the first part of each item when it is read.
    fn transform<T: Transform<X>>(self, transform: T) -> Transformed<Self, T> {
        Transformed { dataset: self, transform }
    }

    /// Returns the data set with a function applied to the second part of each item when it is read.
    fn target_transform<Z, F: Fn(Y) -> Result<Z> + Send + Sync>(self, f: F) -> TargetTransformed<Self, F> {
        TargetTransformed { dataset: self, f }
    }
}

impl<X, Y, D: Dataset<Item = (X, Y)>> VisionDataset<X, Y> for D {}

/// A data set with a transform applied to the first part of each item; see [`VisionDataset::transform`].
#[derive(Clone, Debug)]
pub struct Transformed<D, T> {
    dataset: D,
    transform: T,
}

impl<D, T> Transformed<D, T> {
    /// Returns the data set without the transform.
    pub fn dataset(&self) -> &D {
        &self.dataset
    }
}

impl<X, Y, D: Dataset<Item = (X, Y)>, T: Transform<X>> Dataset for Transformed<D, T> {
    type Item = (T::Output, Y);

    fn len(&self) -> usize {
        self.dataset.len()
    }

    fn get(&self, index: usize) -> Result<(T::Output, Y)> {
        let (x, y) = self.dataset.get(index)?;
        Ok((self.transform.try_apply(x)?, y))
    }
}

/// A data set with a function applied to the second part of each item; see [`VisionDataset::target_transform`].
#[derive(Clone, Debug)]
pub struct TargetTransformed<D, F> {
    dataset: D,
    f: F,
}

impl<D, F> TargetTransformed<D, F> {
    /// Returns the data set without the function.
    pub fn dataset(&self) -> &D {
        &self.dataset
    }
}

impl<X, Y, Z, D: Dataset<Item = (X, Y)>, F: Fn(Y) -> Result<Z> + Send + Sync> Dataset for TargetTransformed<D, F> {
    type Item = (X, Z);

    fn len(&self) -> usize {
        self.dataset.len()
    }

    fn get(&self, index: usize) -> Result<(X, Z)> {
        let (x, y) = self.dataset.get(index)?;
        Ok((x, (self.f)(y)?))
    }
}
