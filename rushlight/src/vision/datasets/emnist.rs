//! EMNIST, from its own files.

use super::dataset_over;
use super::labeled_images::LabeledImages;
use super::mnist::{Family, SIDE};
use crate::Result;
use crate::data::IdxImages;
use std::fmt;
use std::path::Path;

/// The data sets of EMNIST, which divide the same characters into different classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EMnistSplit {
    /// Digits, upper- and lower-case letters: 62 classes, 697932 images for training and 116323 for testing.
    ByClass,
    /// As `ByClass` with the two cases of letters that look alike as one: 47 classes, as many images.
    ByMerge,
    /// The classes of `ByMerge`, equally often: 112800 images for training and 18800 for testing.
    Balanced,
    /// Letters of both cases, numbered from 1; class 0 is empty. 124800 images for training and 20800 for testing.
    Letters,
    /// Digits: 240000 images for training and 40000 for testing.
    Digits,
    /// Digits: 60000 images for training and 10000 for testing.
    Mnist,
}

impl EMnistSplit {
    /// All of them.
    pub const ALL: [EMnistSplit; 6] = [
        EMnistSplit::ByClass,
        EMnistSplit::ByMerge,
        EMnistSplit::Balanced,
        EMnistSplit::Letters,
        EMnistSplit::Digits,
        EMnistSplit::Mnist,
    ];

    /// Returns the names of the classes.
    pub fn classes(self) -> Vec<String> {
        let digits = || '0'..='9';
        let names = |characters: &mut dyn Iterator<Item = char>| characters.map(String::from).collect();
        match self {
            EMnistSplit::ByClass => names(&mut digits().chain('A'..='Z').chain('a'..='z')),
            EMnistSplit::ByMerge | EMnistSplit::Balanced => {
                names(&mut digits().chain('A'..='Z').chain("abdefghnqrt".chars()))
            }
            EMnistSplit::Letters => std::iter::once("N/A".to_string()).chain(('a'..='z').map(String::from)).collect(),
            EMnistSplit::Digits | EMnistSplit::Mnist => names(&mut digits()),
        }
    }

    /// The published number of images.
    fn len(self, train: bool) -> usize {
        let (training, test) = match self {
            EMnistSplit::ByClass | EMnistSplit::ByMerge => (697_932, 116_323),
            EMnistSplit::Balanced => (112_800, 18_800),
            EMnistSplit::Letters => (124_800, 20_800),
            EMnistSplit::Digits => (240_000, 40_000),
            EMnistSplit::Mnist => (60_000, 10_000),
        };
        if train { training } else { test }
    }
}

impl fmt::Display for EMnistSplit {
    /// As in the names of the files and in torchvision.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EMnistSplit::ByClass => "byclass",
            EMnistSplit::ByMerge => "bymerge",
            EMnistSplit::Balanced => "balanced",
            EMnistSplit::Letters => "letters",
            EMnistSplit::Digits => "digits",
            EMnistSplit::Mnist => "mnist",
        })
    }
}

/// Handwritten letters and digits, as `torchvision.datasets.EMNIST`, but upright.
///
/// The files contain each image transposed, columns as rows, and torchvision returns them that way. Here an image is as it was written, like those of
/// MNIST: it is the transpose of torchvision's. Classes are numbered as in torchvision.
///
/// An item is an image in gray, 28 x 28, bright on black, and its class. Files are looked for in `EMNIST/raw`, where torchvision puts them,
/// `gzip`, as they lie in the published archive, `raw`, and the folder itself, each plain or compressed with gzip (`.gz`):
/// `emnist-letters-train-images-idx3-ubyte`, `emnist-letters-train-labels-idx1-ubyte`, and the same with `test`, for each split. Checksums
/// are published for the archive only (`gzip.zip`, MD5 58c8d27c78d21e728a6bc7b3cc06412e).
///
/// ```no_run
/// use rushlight::vision::datasets::{EMnist, EMnistSplit};
///
/// let letters = EMnist::open("data", EMnistSplit::Letters, true)?;
/// assert_eq!(letters.classes()[1], "a");
/// # Ok::<(), rushlight::Error>(())
/// ```
#[doc(alias = "EMNIST")]
#[derive(Clone, Debug)]
pub struct EMnist(LabeledImages);

dataset_over!(EMnist, LabeledImages);

impl EMnist {
    fn family(split: EMnistSplit) -> Family {
        let folders = &["EMNIST/raw", "EMNIST/raw/gzip", "gzip", "raw", ""];
        Family { name: "EMNIST", folders, classes: split.classes(), arrange: upright }
    }

    /// Reads the training part or the test part of a split below `root`.
    ///
    /// # Errors
    /// If a file is missing, cannot be read or is not an IDX file, images are not 28 x 28, or numbers of images, of labels or labels are not
    /// those of the split.
    pub fn open(root: impl AsRef<Path>, split: EMnistSplit, train: bool) -> Result<EMnist> {
        let prefix = format!("emnist-{split}-{}", if train { "train" } else { "test" });
        EMnist::family(split).open(root.as_ref(), &prefix, split.len(train)).map(EMnist)
    }

    /// Reads the given files of a split, with any number of images.
    ///
    /// # Errors
    /// As [`open`](Self::open), except for the number of images.
    pub fn from_files(split: EMnistSplit, images: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<EMnist> {
        EMnist::family(split).read(images.as_ref(), labels.as_ref()).map(EMnist)
    }
}

/// Transposes each image in place.
fn upright(images: &mut IdxImages) {
    for image in images.pixels.chunks_exact_mut(SIDE * SIDE) {
        for y in 0..SIDE {
            (0..y).for_each(|x| image.swap(y * SIDE + x, x * SIDE + y));
        }
    }
}
