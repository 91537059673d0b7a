//! Images in memory with classes.

use super::counts;
use crate::data::{Dataset, TensorDataset, check_index};
use crate::vision::{Image, PixelFormat};
use crate::{Error, Result, Tensor};
use rushlight_macros::op;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Images of equal size in memory, and their classes: what [`Mnist`](super::Mnist) and the other data sets of few large files read.
///
/// An item is an image and the number of its class, as in torchvision. Where all of an epoch fits in memory as float32,
/// [`to_tensors`](LabeledImages::to_tensors) is the faster way.
///
/// ```
/// use rushlight::data::Dataset;
/// use rushlight::vision::PixelFormat;
/// use rushlight::vision::datasets::LabeledImages;
///
/// let names = ["dark", "light"].map(String::from).to_vec();
/// let images = LabeledImages::new(names, [1, 2], PixelFormat::Gray, vec![0, 51, 204, 255], vec![0, 1]);
/// let (image, class) = images.get(1)?;
/// assert_eq!((image.samples(), class), (&[204, 255][..], 1));
/// let (x, y) = images.to_tensors().get(1)?;
/// assert_eq!((x.shape(), x.to_vec::<f32>(), y.item_as::<i64>()), (&[1, 1, 2][..], vec![0.8, 1.0], 1));
/// # Ok::<(), rushlight::Error>(())
/// ```
#[derive(Clone)]
pub struct LabeledImages {
    classes: Arc<[String]>,
    /// Height and width.
    size: [usize; 2],
    format: PixelFormat,
    pixels: Arc<[u8]>,
    targets: Arc<[usize]>,
}

impl LabeledImages {
    /// Creates a data set of images of the given height and width. `pixels` has the samples of one image after another, rows from the top; `targets`
    /// has the position of the class of each image in `classes`.
    ///
    /// # Errors
    /// If `pixels` does not hold as many samples as `targets` requires, an image is empty, or a target is not below the number of classes.
    #[op(torch = "-")]
    pub fn try_new(
        classes: Vec<String>,
        size: [usize; 2],
        format: PixelFormat,
        pixels: Vec<u8>,
        targets: Vec<usize>,
    ) -> Result<LabeledImages> {
        const NAME: &str = "LabeledImages";
        let [height, width] = size;
        let each = height.checked_mul(width).and_then(|n| n.checked_mul(format.channels())).filter(|&n| n > 0);
        if each.and_then(|each| each.checked_mul(targets.len())) != Some(pixels.len()) {
            let message = format!(
                "expected {} images of {height} * {width} * {} samples and at least one pixel, got {} samples",
                targets.len(),
                format.channels(),
                pixels.len()
            );
            return Err(Error::value(NAME, message));
        }
        if let Some(item) = targets.iter().position(|&class| class >= classes.len()) {
            let message = format!("expected classes below {}, got {} at item {item}", classes.len(), targets[item]);
            return Err(Error::index(NAME, message));
        }
        Ok(LabeledImages { classes: classes.into(), size, format, pixels: pixels.into(), targets: targets.into() })
    }

    /// Returns the names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Returns the number of each class by its name.
    pub fn class_to_idx(&self) -> BTreeMap<&str, usize> {
        self.classes.iter().map(String::as_str).zip(0..).collect()
    }

    /// Returns the number of the class of each item.
    pub fn targets(&self) -> &[usize] {
        &self.targets
    }

    /// Returns the number of items of each class.
    pub fn class_counts(&self) -> Vec<usize> {
        counts(self.classes.len(), &self.targets)
    }

    /// Returns a data set of tensors, from which a loader reads whole batches: the images as `ToTensor` converts them, float32
    /// `[count, channels, height, width]` from 0 to 1, and the classes, int64 `[count]`.
    ///
    /// # Errors
    /// If memory does not suffice.
    #[op(torch = "-")]
    pub fn try_to_tensors(&self) -> Result<TensorDataset<(Tensor, Tensor)>> {
        let ([height, width], channels) = (self.size, self.format.channels());
        let scaled: Vec<f32> = self.pixels.iter().map(|&sample| f32::from(sample) / 255.0).collect();
        let images = Tensor::try_from_vec(scaled, [self.targets.len(), height, width, channels])?;
        let classes: Vec<i64> = self.targets.iter().map(|&class| class as i64).collect();
        TensorDataset::try_new((images.try_permute([0, 3, 1, 2])?, Tensor::from(classes)))
    }

    /// An item of the data set that messages call `name`.
    pub(super) fn item(&self, name: &'static str, index: usize) -> Result<(Image, usize)> {
        check_index(name, index, self.targets.len())?;
        let [height, width] = self.size;
        let each = height * width * self.format.channels();
        let samples = self.pixels[index * each..][..each].to_vec();
        Ok((Image::try_new(width, height, self.format, samples)?, self.targets[index]))
    }
}

impl Dataset for LabeledImages {
    type Item = (Image, usize);

    fn len(&self) -> usize {
        self.targets.len()
    }

    fn get(&self, index: usize) -> Result<(Image, usize)> {
        self.item("LabeledImages", index)
    }
}

impl fmt::Debug for LabeledImages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LabeledImages")
            .field("classes", &self.classes)
            .field("size", &self.size)
            .field("format", &self.format)
            .field("items", &self.targets.len())
            .finish_non_exhaustive()
    }
}
