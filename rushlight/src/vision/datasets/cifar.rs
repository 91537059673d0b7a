//! CIFAR-10 and CIFAR-100, from their own files.

use super::labeled_images::LabeledImages;
use super::{check_md5, dataset_over};
use crate::vision::PixelFormat;
use crate::{Error, Result};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

const SIDE: usize = 32;
const CHANNELS: usize = 3;
const SAMPLES: usize = CHANNELS * SIDE * SIDE;

/// A published data set in the binary format: records of labels, one byte each, and the red, the green and the blue samples of an image.
struct Family {
    /// The name in messages.
    name: &'static str,
    /// The folder in the archive of the binary version.
    folder: &'static str,
    /// The folder in the archive of the version for Python.
    python: &'static str,
    archive: &'static str,
    classes: &'static [&'static str],
    /// The labels of a record, of which the last is the class.
    labels: usize,
}

/// A published file: its name, its number of images, the MD5 checksum of its contents.
type Published = (&'static str, usize, &'static str);

impl Family {
    fn record(&self) -> usize {
        self.labels + SAMPLES
    }

    /// The paths of the files, from the same folder.
    fn find(&self, root: &Path, files: &[Published]) -> Result<Vec<PathBuf>> {
        // For a missing folder, the error of the operating system is returned.
        std::fs::read_dir(root).map_err(|error| Error::io(root, error))?;
        let mut missing = Vec::new();
        for folder in [root.join(self.folder), root.to_path_buf()] {
            let paths: Vec<PathBuf> = files.iter().map(|(name, ..)| folder.join(name)).collect();
            let absent = files.iter().zip(&paths).filter(|(_, path)| !path.is_file());
            let absent: Vec<&str> = absent.map(|((name, ..), _)| *name).collect();
            if absent.is_empty() {
                return Ok(paths);
            }
            if missing.is_empty() || absent.len() < missing.len() {
                missing = absent;
            }
        }
        let Family { name, folder, python, archive, .. } = self;
        let found = if missing.len() < files.len() {
            format!("got all but {}", missing.join(", "))
        } else if root.join(archive).is_file() {
            format!("got the archive {archive}, which has to be unpacked")
        } else if root.join(python).is_dir() {
            format!("got {python}, the version for Python: the binary version is in {archive}")
        } else {
            format!("got none: they are in {archive}")
        };
        let names: Vec<&str> = files.iter().map(|(name, ..)| *name).collect();
        let message = format!("expected {name}'s {} in this folder or in {folder} below it, {found}", names.join(", "));
        Err(Error::format(root.display().to_string(), message))
    }

    /// The contents of a file. Its size is checked before memory is allocated.
    fn contents(&self, path: &Path, published: Option<usize>) -> Result<Vec<u8>> {
        let failed = |error| Error::io(path, error);
        let mut file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let (size, record) = (metadata.len(), self.record() as u64);
        let fault = match published {
            _ if !metadata.is_file() => Some("expected a file, got another kind".to_string()),
            Some(images) if size != images as u64 * record => Some(format!(
                "expected {} bytes, {images} images of {record} bytes, got {size}",
                images as u64 * record
            )),
            None if !size.is_multiple_of(record) => {
                Some(format!("expected a multiple of {record} bytes, the size of an image, got {size}"))
            }
            _ => None,
        };
        if let Some(fault) = fault {
            return Err(Error::format(path.display().to_string(), fault));
        }
        let mut bytes = Vec::new();
        file.by_ref().take(size).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 != size {
            let message = format!("expected {size} bytes, got {}", bytes.len());
            return Err(Error::format(path.display().to_string(), message));
        }
        Ok(bytes)
    }

    fn open(&self, root: &Path, files: &[Published]) -> Result<LabeledImages> {
        let paths = self.find(root, files)?;
        self.read(paths.iter().zip(files).map(|(path, (_, images, _))| (path.as_path(), Some(*images))))
    }

    /// Reads files, each with the number of images it has to have, if any.
    fn read<'a>(&self, files: impl Iterator<Item = (&'a Path, Option<usize>)>) -> Result<LabeledImages> {
        let (mut pixels, mut targets) = (Vec::new(), Vec::new());
        for (path, published) in files {
            for (item, record) in self.contents(path, published)?.chunks_exact(self.record()).enumerate() {
                let (labels, planes) = record.split_at(self.labels);
                let class = usize::from(labels[self.labels - 1]);
                if class >= self.classes.len() {
                    let message = format!("expected labels in 0..{}, got {class} at item {item}", self.classes.len());
                    return Err(Error::format(path.display().to_string(), message));
                }
                targets.push(class);
                let (red, rest) = planes.split_at(SIDE * SIDE);
                let (green, blue) = rest.split_at(SIDE * SIDE);
                pixels.extend(red.iter().zip(green).zip(blue).flat_map(|((&r, &g), &b)| [r, g, b]));
            }
        }
        let classes = self.classes.iter().map(|name| name.to_string()).collect();
        LabeledImages::try_new(classes, [SIDE, SIDE], PixelFormat::Rgb, pixels, targets)
    }

    fn verify(&self, root: &Path, files: &[Published]) -> Result<()> {
        for (path, (_, images, checksum)) in self.find(root, files)?.iter().zip(files) {
            check_md5(path, &self.contents(path, Some(*images))?, checksum)?;
        }
        Ok(())
    }
}

macro_rules! cifar {
    ($(#[$doc:meta])* $name:ident, $family:expr, $train:expr, $test:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(LabeledImages);

        dataset_over!($name, LabeledImages);

        impl $name {
            const FAMILY: Family = $family;
            const TRAIN: &[Published] = &$train;
            const TEST: &[Published] = &$test;

            /// Reads the training part (50000 images) or the test part (10000) below `root`.
            ///
            /// # Errors
            /// If a file is missing, cannot be read or has another size, or a label is out of range.
            pub fn open(root: impl AsRef<Path>, train: bool) -> Result<$name> {
                $name::FAMILY.open(root.as_ref(), if train { $name::TRAIN } else { $name::TEST }).map($name)
            }

            /// Reads the given files one after another, with any number of images.
            ///
            /// # Errors
            /// If a file cannot be read or its size is not a multiple of that of an image, or a label is out of range.
            pub fn from_files<P: AsRef<Path>>(files: impl AsRef<[P]>) -> Result<$name> {
                $name::FAMILY.read(files.as_ref().iter().map(|path| (path.as_ref(), None))).map($name)
            }

            /// Compares the MD5 checksums of all files below `root` with those of the published files.
            ///
            /// # Errors
            /// If a file is missing, cannot be read or is another one.
            pub fn verify(root: impl AsRef<Path>) -> Result<()> {
                [$name::TRAIN, $name::TEST].into_iter().try_for_each(|files| $name::FAMILY.verify(root.as_ref(), files))
            }
        }
    };
}

cifar!(
    /// Photographs of ten classes, as `torchvision.datasets.CIFAR10`.
    ///
    /// An item is an RGB image, 32 x 32, and its class. Files are those of the binary version, `cifar-10-binary.tar.gz`, unpacked:
    /// `data_batch_1.bin` to `data_batch_5.bin` for training and `test_batch.bin` for testing, in `cifar-10-batches-bin` or in the folder itself. They
    /// have the images of the version for Python, which torchvision reads, in the same order; that one is pickled and not read here.
    ///
    /// ```no_run
    /// use rushlight::vision::datasets::{Cifar10, VisionDataset};
    /// use rushlight::vision::transforms::ToTensor;
    ///
    /// let train = Cifar10::open("data", true)?.transform(ToTensor::new());
    /// # Ok::<(), rushlight::Error>(())
    /// ```
    #[doc(alias = "CIFAR10")]
    Cifar10,
    Family {
        name: "CIFAR-10",
        folder: "cifar-10-batches-bin",
        python: "cifar-10-batches-py",
        archive: "cifar-10-binary.tar.gz",
        classes: &["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
        labels: 1,
    },
    [
        ("data_batch_1.bin", 10_000, "5dd7e06a14cb22eb9f671a540d1b7c25"),
        ("data_batch_2.bin", 10_000, "5ea93a67294ea407fff1d09f752e9692"),
        ("data_batch_3.bin", 10_000, "942cd6a4bcdd0dd3c604fbe906cb4421"),
        ("data_batch_4.bin", 10_000, "ae636b3ba5c66a11e91e8cb52e771fcb"),
        ("data_batch_5.bin", 10_000, "53f37980c15c3d472c316c40844f3f0d"),
    ],
    [("test_batch.bin", 10_000, "803d5f7f4d78ea53de84dbe85f74fb6d")]
);

cifar!(
    /// Photographs of a hundred classes, as `torchvision.datasets.CIFAR100`: the fine labels, of which five make a coarse one.
    ///
    /// An item is an RGB image, 32 x 32, and its class. Files are those of the binary version, `cifar-100-binary.tar.gz`, unpacked:
    /// `train.bin` and `test.bin`, in `cifar-100-binary` or in the folder itself.
    ///
    /// ```no_run
    /// use rushlight::vision::datasets::Cifar100;
    ///
    /// let test = Cifar100::open("data", false)?;
    /// # Ok::<(), rushlight::Error>(())
    /// ```
    #[doc(alias = "CIFAR100")]
    Cifar100,
    Family {
        name: "CIFAR-100",
        folder: "cifar-100-binary",
        python: "cifar-100-python",
        archive: "cifar-100-binary.tar.gz",
        classes: &FINE,
        labels: 2,
    },
    [("train.bin", 50_000, "6172c7755cfe09b2fe270c85cebc1b15")],
    [("test.bin", 10_000, "4499cfba6c016c1be1438163640a0898")]
);

#[rustfmt::skip]
const FINE: [&str; 100] = [
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy", "bridge", "bus",
    "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab",
    "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard",
    "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom",
    "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine",
    "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake",
    "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor", "train",
    "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
];
