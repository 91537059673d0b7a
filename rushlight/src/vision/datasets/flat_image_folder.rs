//! A folder of images that are named after their classes.

use super::image_folder::{Entries, has_extension, is_special};
use super::samples::ImageSamples;
use super::{EXTENSIONS, dataset_over};
use crate::{Error, Result};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The images of one folder whose classes are the first part of their file names, the layout of Kaggle's Dogs vs. Cats: `cat.0.jpg`,
/// `dog.12.jpg`.
///
/// An item is an image of three channels, as [`ImageFolder`](super::ImageFolder) loads it, and the number of its class; everything else about
/// them is found in [`ImageSamples`]. Items are sorted by file name.
///
/// ```no_run
/// use rushlight::data::Dataset;
/// use rushlight::vision::datasets::{FlatImageFolder, VisionDataset};
/// use rushlight::vision::transforms::{Compose, Resize, ToTensor};
///
/// let photos = FlatImageFolder::open("dogs-vs-cats/train")?;
/// println!("{} of the classes {:?}", photos.len(), photos.classes());
/// let photos = photos.transform(Compose::new((Resize::new([224, 224]), ToTensor::new())));
/// # let _ = photos;
/// # Ok::<(), rushlight::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FlatImageFolder(ImageSamples);

dataset_over!(FlatImageFolder, ImageSamples);

impl FlatImageFolder {
    /// Lists the images of a folder: files with the extension jpg, jpeg, png, webp, bmp or gif whose names do not start with a dot. Other
    /// files are [`ignored`](ImageSamples::ignored); images are read item by item.
    ///
    /// # Errors
    /// If the folder cannot be read or has no such file, or one is not named `CLASS.NUMBER.EXTENSION`.
    pub fn open(folder: impl AsRef<Path>) -> Result<FlatImageFolder> {
        let folder = folder.as_ref();
        let mut files = Entries::of(folder)?.files;
        files.sort();
        let hidden = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let (paths, ignored): (Vec<PathBuf>, Vec<PathBuf>) =
            files.into_iter().partition(|path| has_extension(path, &EXTENSIONS) && !hidden(path) && !is_special(path));
        let names = paths.iter().map(|path| class_of(path)).collect::<Result<Vec<&str>>>()?;
        let mut classes: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        classes.sort();
        classes.dedup();
        if classes.is_empty() {
            let message = format!("expected images ({}), got none", EXTENSIONS.join(", "));
            return Err(Error::format(folder.display().to_string(), message));
        }
        let index = |name: &str| classes.partition_point(|class| class.as_str() < name);
        let labels: Vec<usize> = names.into_iter().map(index).collect();
        let samples = paths.into_iter().zip(labels).collect();
        Ok(FlatImageFolder(ImageSamples::listed(classes, samples, ignored)))
    }
}

/// The class in a file's name.
fn class_of(path: &Path) -> Result<&str> {
    let parts = path.file_name().and_then(OsStr::to_str).map(|name| name.split('.').collect::<Vec<_>>());
    match parts.as_deref() {
        Some(&[class, number, _]) if !class.is_empty() && number.parse::<u64>().is_ok() => Ok(class),
        _ => Err(Error::format(
            path.display().to_string(),
            "expected a name CLASS.NUMBER.EXTENSION, such as cat.0.jpg, got another",
        )),
    }
}
