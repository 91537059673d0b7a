//! Data sets of the MNIST family: a folder of IDX files.

use super::{Dataset, TensorDataset};
use crate::io::idx::{Idx, IdxData};
use crate::{Error, Result, Tensor};
use rushlight_macros::op;
use std::path::{Path, PathBuf};

/// Grayscale images and their classes, read from IDX files, the format of MNIST, Fashion-MNIST and KMNIST.
///
/// An item is an image, float32 `[1, height, width]`, and its class, a 0-d int64 tensor. Pixels are float32 from 0 for black to 1 for
/// white, as from `torchvision.transforms.ToTensor`.
///
/// ```no_run
/// use rushlight::data::{DataLoader, IdxDataset};
///
/// let train = IdxDataset::open("data/mnist", true)?.check_classes(10)?.normalize(0.1307, 0.3081);
/// for (images, labels) in &DataLoader::builder(train).batch_size(64).shuffle(true).build() {
///     // [64, 1, 28, 28] and [64]
/// }
/// # Ok::<(), rushlight::Error>(())
/// ```
#[derive(Clone)]
pub struct IdxDataset {
    data: TensorDataset<(Tensor, Tensor)>,
    /// The name in error messages.
    name: String,
}

impl IdxDataset {
    /// Reads the training part (`train-images-idx3-ubyte` and `train-labels-idx1-ubyte`) or the test part (`t10k-…`) of a folder.
    /// The names may end in `.gz`, and may have a dot before `idx`.
    ///
    /// # Errors
    /// If a file is missing, cannot be read or is not an IDX file, the images are not a 3-d array of bytes, the classes are not
    /// a 1-d array of integers, or their numbers differ.
    pub fn open(folder: impl AsRef<Path>, train: bool) -> Result<IdxDataset> {
        let (folder, part) = (folder.as_ref(), if train { "train" } else { "t10k" });
        IdxDataset::from_files(find(folder, part, "images", 3)?, find(folder, part, "labels", 1)?)
    }

    /// Reads the given files.
    ///
    /// # Errors
    /// As [`open`](IdxDataset::open).
    pub fn from_files(images: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<IdxDataset> {
        let (images, labels) = (images.as_ref(), labels.as_ref());
        IdxDataset::from_contents(IdxImages::read(images, labels)?, labels.display().to_string())
    }

    /// Creates a data set from images and classes in memory.
    ///
    /// # Errors
    /// As [`open`](IdxDataset::open), except errors of files.
    pub fn from_idx(images: Idx, labels: Idx) -> Result<IdxDataset> {
        let name = "the labels".to_string();
        IdxDataset::from_contents(IdxImages::new(images, labels, ["the images".into(), name.clone()])?, name)
    }

    fn from_contents(contents: IdxImages, name: String) -> Result<IdxDataset> {
        let IdxImages { dims: [count, height, width], pixels, classes } = contents;
        let scaled: Vec<f32> = pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
        let images = Tensor::try_from_vec(scaled, [count, 1, height, width])?;
        Ok(IdxDataset { data: TensorDataset::try_new((images, Tensor::from(classes)))?, name })
    }

    /// Returns an error unless all classes are in `0..classes`.
    ///
    /// # Errors
    /// If a class is out of range.
    pub fn check_classes(self, classes: usize) -> Result<IdxDataset> {
        let labels = self.labels().try_to_vec::<i64>()?;
        match labels.iter().position(|&class| class < 0 || class as u64 >= classes as u64) {
            None => Ok(self),
            Some(item) => {
                let class = labels[item];
                let message = format!("expected labels in 0..{classes}, got {class} at item {item}");
                Err(Error::format(self.name, message))
            }
        }
    }

    /// Subtracts `mean` from every pixel and divides by `std`, as `torchvision.transforms.Normalize`.
    ///
    /// # Errors
    /// If `mean` is not finite, or `std` is not finite and positive.
    #[op(torch = "-")]
    pub fn try_normalize(self, mean: f64, std: f64) -> Result<IdxDataset> {
        if !(mean.is_finite() && std.is_finite() && std > 0.0) {
            let message = format!("expected a finite mean and a finite std above 0, got {mean} and {std}");
            return Err(Error::value("normalize", message));
        }
        let (images, labels) = self.data.tensors();
        let images = images.try_sub(mean)?.try_div(std)?;
        Ok(IdxDataset { data: TensorDataset::try_new((images, labels.clone()))?, name: self.name })
    }

    /// Returns all images, float32 `[count, 1, height, width]`.
    pub fn images(&self) -> &Tensor {
        &self.data.tensors().0
    }

    /// Returns all classes, int64 `[count]`.
    pub fn labels(&self) -> &Tensor {
        &self.data.tensors().1
    }
}

impl Dataset for IdxDataset {
    type Item = (Tensor, Tensor);

    fn len(&self) -> usize {
        self.data.len()
    }

    fn get(&self, index: usize) -> Result<(Tensor, Tensor)> {
        self.data.get(index)
    }

    fn get_batch(&self, indices: &[usize]) -> Option<Result<(Tensor, Tensor)>> {
        self.data.get_batch(indices)
    }
}

fn integers_of(data: &IdxData) -> Option<Vec<i64>> {
    Some(match data {
        IdxData::U8(x) => x.iter().map(|&x| x.into()).collect(),
        IdxData::I8(x) => x.iter().map(|&x| x.into()).collect(),
        IdxData::I16(x) => x.iter().map(|&x| x.into()).collect(),
        IdxData::I32(x) => x.iter().map(|&x| x.into()).collect(),
        IdxData::F32(_) | IdxData::F64(_) => return None,
    })
}

/// The contents of a pair of files: images of one byte per pixel and as many integers.
pub(crate) struct IdxImages {
    /// Count, height and width.
    pub(crate) dims: [usize; 3],
    pub(crate) pixels: Vec<u8>,
    pub(crate) classes: Vec<i64>,
}

impl IdxImages {
    /// Reads the given files.
    pub(crate) fn read(images: &Path, labels: &Path) -> Result<IdxImages> {
        let names = [images, labels].map(|path| path.display().to_string());
        IdxImages::new(Idx::read(images)?, Idx::read(labels)?, names)
    }

    fn new(images: Idx, labels: Idx, [images_name, labels_name]: [String; 2]) -> Result<IdxImages> {
        let is = |idx: &Idx| format!("{} elements of shape {:?}", idx.data().type_name(), idx.dims());
        let (&[count, height, width], IdxData::U8(_)) = (images.dims(), images.data()) else {
            let message =
                format!("expected images as u8 elements of shape [count, height, width], got {}", is(&images));
            return Err(Error::format(images_name, message));
        };
        let (&[labels_count], Some(classes)) = (labels.dims(), integers_of(labels.data())) else {
            let message = format!("expected labels as integers of shape [count], got {}", is(&labels));
            return Err(Error::format(labels_name, message));
        };
        if labels_count != count {
            let message = format!("expected {count} labels for the images in {images_name}, got {labels_count}");
            return Err(Error::format(labels_name, message));
        }
        let pixels = match images.into_parts().1 {
            IdxData::U8(pixels) => pixels,
            _ => unreachable!("the type was checked above"),
        };
        Ok(IdxImages { dims: [count, height, width], pixels, classes })
    }
}

/// The file `{stem}-idx{rank}-ubyte` of a folder under any of its usual names.
pub(crate) fn idx_file(folder: &Path, stem: &str, rank: usize) -> Option<PathBuf> {
    let names = ["-", "."].map(|joint| format!("{stem}{joint}idx{rank}-ubyte"));
    let names = names.iter().flat_map(|name| [name.clone(), format!("{name}.gz")]);
    names.map(|name| folder.join(name)).find(|path| path.is_file())
}

fn find(folder: &Path, part: &str, what: &str, rank: usize) -> Result<PathBuf> {
    // For a missing folder, the error of the operating system is returned.
    std::fs::read_dir(folder).map_err(|error| Error::io(folder, error))?;
    let stem = format!("{part}-{what}");
    idx_file(folder, &stem, rank).ok_or_else(|| {
        let name = format!("{stem}-idx{rank}-ubyte");
        let message = format!("expected a file {name} or {name}.gz in this folder, got neither");
        Error::format(folder.display().to_string(), message)
    })
}
