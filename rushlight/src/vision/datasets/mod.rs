//! Data sets of images with classes, with the names and layouts of `torchvision.datasets`.
//!
//! | type | files |
//! | --- | --- |
//! | [`ImageFolder`] | a folder of images for each class: `cat/1.jpg`, `dog/park/12.png` |
//! | [`FlatImageFolder`] | one folder of images named after their classes: `cat.0.jpg`, `dog.12.jpg` |
//! | [`Mnist`], [`FashionMnist`] | `train-images-idx3-ubyte` and three others, plain or compressed (`.gz`) |
//! | [`EMnist`] | `emnist-letters-train-images-idx3-ubyte` and others, plain or compressed (`.gz`) |
//! | [`Cifar10`], [`Cifar100`] | the binary version: `data_batch_1.bin` and others, `train.bin` and `test.bin` |
//!
//! An item is an [`Image`](super::Image) and the number of its class. Those of folders are read when an item is requested
//! ([`ImageSamples`]); the others are in memory ([`LabeledImages`]), and become tensors at once by
//! [`to_tensors`](LabeledImages::to_tensors). [`VisionDataset`] adds `transform` and `target_transform` to each. Nothing is downloaded.
//!
//! ```no_run
//! use rushlight::data::{DataLoader, stratified_split};
//! use rushlight::vision::datasets::{ImageFolder, VisionDataset};
//! use rushlight::vision::transforms::{Compose, Resize, ToTensor};
//!
//! let photos = ImageFolder::open("photos")?;
//! println!("{:?}: {:?} photos", photos.classes(), photos.class_counts());
//! let targets = photos.targets().to_vec();
//! let parts = stratified_split(photos, &targets, [0.8, 0.2], None);
//! // Each part has its own transform.
//! let train = parts[0].clone().transform(Compose::new((Resize::new([224, 224]), ToTensor::new())));
//! for (images, labels) in &DataLoader::builder(train).batch_size(32).shuffle(true).num_workers(2).build() {
//!     // [32, 3, 224, 224] and [32]
//! }
//! # Ok::<(), rushlight::Error>(())
//! ```

mod cifar;
mod emnist;
mod flat_image_folder;
mod image_folder;
mod labeled_images;
mod mnist;
mod samples;
mod transform;

pub use cifar::{Cifar10, Cifar100};
pub use emnist::{EMnist, EMnistSplit};
pub use flat_image_folder::FlatImageFolder;
pub use image_folder::{ImageFolder, ImageFolderOptions};
pub use labeled_images::LabeledImages;
pub use mnist::{FashionMnist, Mnist};
pub use samples::ImageSamples;
pub use transform::{TargetTransformed, Transformed, VisionDataset};

use crate::{Error, Result};
use std::path::Path;

/// The extensions of files that [`Image`](super::Image) reads.
const EXTENSIONS: [&str; 6] = ["jpg", "jpeg", "png", "webp", "bmp", "gif"];

/// A data set under its own name over the type that holds its items.
macro_rules! dataset_over {
    ($name:ident, $base:ident) => {
        impl std::ops::Deref for $name {
            type Target = $base;

            fn deref(&self) -> &$base {
                &self.0
            }
        }

        impl From<$name> for $base {
            fn from(dataset: $name) -> $base {
                dataset.0
            }
        }

        impl crate::data::Dataset for $name {
            type Item = (crate::vision::Image, usize);

            fn len(&self) -> usize {
                self.0.len()
            }

            fn get(&self, index: usize) -> crate::Result<(crate::vision::Image, usize)> {
                self.0.item(stringify!($name), index)
            }
        }
    };
}
use dataset_over;

/// The number of items of each class.
fn counts(classes: usize, targets: &[usize]) -> Vec<usize> {
    let mut counts = vec![0; classes];
    targets.iter().for_each(|&class| counts[class] += 1);
    counts
}

/// Compares a checksum of the contents of a file with the published one.
fn check_md5(path: &Path, contents: &[u8], published: &str) -> Result<()> {
    let got = format!("{:x}", md5::compute(contents));
    if got == published {
        return Ok(());
    }
    let message = format!("expected contents with the MD5 checksum {published}, got {got}: not the published file");
    Err(Error::format(path.display().to_string(), message))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checksums of RFC 1321, section A.5.
    #[test]
    fn checksums() {
        let path = Path::new("folder/file");
        assert!(check_md5(path, b"", "d41d8cd98f00b204e9800998ecf8427e").is_ok());
        assert!(check_md5(path, b"message digest", "f96b697d7cb7938d525a2f31aaf161d0").is_ok());
        assert_eq!(
            check_md5(path, b"a", "f96b697d7cb7938d525a2f31aaf161d0").unwrap_err().to_string(),
            "folder/file: expected contents with the MD5 checksum f96b697d7cb7938d525a2f31aaf161d0, got \
             0cc175b9c0f1b6a831c399e269772661: not the published file"
        );
    }
}
