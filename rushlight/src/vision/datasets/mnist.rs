//! MNIST and Fashion-MNIST, from their own files.

use super::labeled_images::LabeledImages;
use super::{check_md5, dataset_over};
use crate::data::{IdxImages, idx_file};
use crate::io::idx::Idx;
use crate::vision::PixelFormat;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// Height and width of all images of these data sets.
pub(super) const SIDE: usize = 28;

/// A published data set of the MNIST family.
pub(super) struct Family {
    /// The name in messages.
    pub(super) name: &'static str,
    /// The folders to search below the root, the root itself last.
    pub(super) folders: &'static [&'static str],
    pub(super) classes: Vec<String>,
    /// Called with the contents of the files once their sizes are known to be right.
    pub(super) arrange: fn(&mut IdxImages),
}

impl Family {
    /// The files of images and of labels whose names begin with `prefix`, from the same folder.
    fn find(&self, root: &Path, prefix: &str) -> Result<[PathBuf; 2]> {
        // For a missing folder, the error of the operating system is returned.
        std::fs::read_dir(root).map_err(|error| Error::io(root, error))?;
        let stems = [format!("{prefix}-images"), format!("{prefix}-labels")];
        for folder in self.folders.iter().map(|folder| root.join(folder)) {
            if let (Some(images), Some(labels)) = (idx_file(&folder, &stems[0], 3), idx_file(&folder, &stems[1], 1)) {
                return Ok([images, labels]);
            }
        }
        let places: Vec<&str> = self.folders.iter().copied().filter(|folder| !folder.is_empty()).collect();
        let message = format!(
            "expected {}'s files {prefix}-images-idx3-ubyte and {prefix}-labels-idx1-ubyte (or the same with .gz) in this folder or in {} below it, \
             got none",
            self.name,
            places.join(", "),
        );
        Err(Error::format(root.display().to_string(), message))
    }

    /// Reads the files of a part below `root`, which has to have the published number of items.
    pub(super) fn open(self, root: &Path, prefix: &str, published: usize) -> Result<LabeledImages> {
        let [images, labels] = self.find(root, prefix)?;
        let name = self.name;
        let part = self.read(&images, &labels)?;
        if part.targets().len() != published {
            let message = format!(
                "expected the {published} images of {name}, got {}; from_files reads files of any number of images",
                part.targets().len()
            );
            return Err(Error::format(images.display().to_string(), message));
        }
        Ok(part)
    }

    /// Reads a pair of files with any number of items.
    pub(super) fn read(self, images: &Path, labels: &Path) -> Result<LabeledImages> {
        let mut contents = IdxImages::read(images, labels)?;
        let [_, height, width] = contents.dims;
        if [height, width] != [SIDE, SIDE] {
            let message = format!("expected images of {SIDE} x {SIDE} pixels, got {height} x {width}");
            return Err(Error::format(images.display().to_string(), message));
        }
        (self.arrange)(&mut contents);
        let IdxImages { pixels, classes, .. } = contents;
        let count = self.classes.len();
        let target = |(item, &class): (usize, &i64)| {
            usize::try_from(class).ok().filter(|&class| class < count).ok_or_else(|| {
                let message = format!("expected labels in 0..{count}, got {class} at item {item}");
                Error::format(labels.display().to_string(), message)
            })
        };
        let targets = classes.iter().enumerate().map(target).collect::<Result<Vec<usize>>>()?;
        LabeledImages::try_new(self.classes, [SIDE, SIDE], PixelFormat::Gray, pixels, targets)
    }

    /// Compares the contents of the files with published checksums: of images and labels of the training part, then of the test part.
    fn verify(&self, root: &Path, published: [[&str; 2]; 2]) -> Result<()> {
        for (prefix, published) in ["train", "t10k"].into_iter().zip(published) {
            for (path, published) in self.find(root, prefix)?.iter().zip(published) {
                check_md5(path, &Idx::read(path)?.to_bytes(), published)?;
            }
        }
        Ok(())
    }
}

macro_rules! mnist {
    (
        $(#[$doc:meta])*
        $name:ident, $text:literal, $folder:literal, $classes:expr, $checksums:expr
    ) => {
        $(#[$doc])*
        ///
        /// An item is an image in gray, 28 x 28, bright on black, and its class. Files are looked for in
        #[doc = concat!("`", $folder, "/raw`, where torchvision puts them, `raw` and the folder itself, each plain or compressed")]
        /// with gzip (`.gz`): `train-images-idx3-ubyte` and `train-labels-idx1-ubyte` for training, `t10k-images-idx3-ubyte` and
        /// `t10k-labels-idx1-ubyte` for testing. [`IdxDataset`](crate::data::IdxDataset) reads the same files as tensors, without this type's
        /// checks.
        ///
        /// ```no_run
        #[doc = concat!("use rushlight::vision::datasets::{", stringify!($name), ", VisionDataset};")]
        /// use rushlight::vision::transforms::ToTensor;
        ///
        #[doc = concat!("let train = ", stringify!($name), "::open(\"data\", true)?;")]
        /// println!("{:?}: {:?}", train.classes(), train.class_counts());
        /// let train = train.transform(ToTensor::new());
        /// # Ok::<(), rushlight::Error>(())
        /// ```
        #[derive(Clone, Debug)]
        pub struct $name(LabeledImages);

        dataset_over!($name, LabeledImages);

        impl $name {
            fn family() -> Family {
                let folders = &[concat!($folder, "/raw"), "raw", ""];
                Family { name: $text, folders, classes: $classes.map(String::from).to_vec(), arrange: |_| () }
            }

            /// Reads the training part (60000 images) or the test part (10000) below `root`.
            ///
            /// # Errors
            /// If a file is missing, cannot be read or is not an IDX file, images are not 28 x 28, or numbers of images, of labels or
            /// labels are not those of the data set.
            pub fn open(root: impl AsRef<Path>, train: bool) -> Result<$name> {
                let (prefix, published) = if train { ("train", 60_000) } else { ("t10k", 10_000) };
                $name::family().open(root.as_ref(), prefix, published).map($name)
            }

            /// Reads the given files, with any number of images.
            ///
            /// # Errors
            /// As [`open`](Self::open), except for the number of images.
            pub fn from_files(images: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<$name> {
                $name::family().read(images.as_ref(), labels.as_ref()).map($name)
            }

            /// Compares the MD5 checksums of the contents of all four files below `root`, decompressed, with those of the published
            /// files.
            ///
            /// # Errors
            /// If a file is missing, cannot be read or is another one.
            pub fn verify(root: impl AsRef<Path>) -> Result<()> {
                $name::family().verify(root.as_ref(), $checksums)
            }
        }
    };
}

mnist!(
    /// Handwritten digits, as `torchvision.datasets.MNIST`.
    #[doc(alias = "MNIST")]
    Mnist,
    "MNIST",
    "MNIST",
    [
        "0 - zero", "1 - one", "2 - two", "3 - three", "4 - four", "5 - five", "6 - six", "7 - seven", "8 - eight",
        "9 - nine"
    ],
    [
        ["6bbc9ace898e44ae57da46a324031adb", "a25bea736e30d166cdddb491f175f624"],
        ["2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637"],
    ]
);

mnist!(
    /// Articles of clothing, as `torchvision.datasets.FashionMNIST`.
    #[doc(alias = "FashionMNIST")]
    FashionMnist,
    "Fashion-MNIST",
    "FashionMNIST",
    [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"
    ],
    [
        ["f4a8712d7a061bf5bd6d2ca38dc4d50a", "9018921c3c673c538a1fc5bad174d6f9"],
        ["8181f5470baa50b63fa0f6fddb340f0a", "15d484375f8d13e6eb1aabb0c3f46965"],
    ]
);
