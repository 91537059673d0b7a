//! Data sets of image files.

use super::Image;
use crate::data::Dataset;
use crate::{Error, Result};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The extensions of files that [`Image`] reads.
const EXTENSIONS: [&str; 3] = ["jpg", "jpeg", "png"];

/// The images of one folder whose classes are the first part of their file names, the layout of Kaggle's Dogs vs. Cats: `cat.0.jpg`,
/// `dog.12.jpg`.
///
/// An item is an image of three channels, as `torchvision.datasets.ImageFolder` loads it, and the position of its class in
/// [`classes`](FlatImageFolder::classes). Items are sorted by file name.
///
/// ```no_run
/// use rushlight::data::{DataLoader, Dataset};
/// use rushlight::vision::FlatImageFolder;
/// use rushlight::vision::transforms::{Compose, Resize, ToTensor, Transform};
///
/// let photos = FlatImageFolder::open("dogs-vs-cats/train")?;
/// println!("{} of the classes {:?}", photos.len(), photos.classes());
/// let transform = Compose::new((Resize::new([224, 224]), ToTensor::new()));
/// let photos = photos.map(|(image, class)| Ok((transform.try_apply(image)?, class)));
/// # let _ = photos;
/// # Ok::<(), rushlight::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FlatImageFolder {
    classes: Vec<String>,
    samples: Vec<(PathBuf, usize)>,
}

impl FlatImageFolder {
    /// Lists the `.jpg`, `.jpeg` and `.png` files of a folder. Other files are ignored; images are read item by item.
    ///
    /// # Errors
    /// If the folder cannot be read or has no such file, or one is not named `CLASS.NUMBER.EXTENSION`.
    pub fn open(folder: impl AsRef<Path>) -> Result<FlatImageFolder> {
        let folder = folder.as_ref();
        let failed = |error| Error::io(folder, error);
        let entries = std::fs::read_dir(folder).map_err(failed)?;
        let paths: std::io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
        let mut paths = paths.map_err(failed)?;
        paths.retain(|path| is_image(path) && path.is_file());
        paths.sort();
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
        Ok(FlatImageFolder { samples: paths.into_iter().zip(labels).collect(), classes })
    }

    /// Returns the names of the classes, sorted.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Returns the file of each item, with the position of its class.
    pub fn samples(&self) -> &[(PathBuf, usize)] {
        &self.samples
    }
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|own| EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(own)))
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

impl Dataset for FlatImageFolder {
    type Item = (Image, usize);

    fn len(&self) -> usize {
        self.samples.len()
    }

    fn get(&self, index: usize) -> Result<(Image, usize)> {
        let Some((path, class)) = self.samples.get(index) else {
            let message = format!("expected an index below {}, got {index}", self.samples.len());
            return Err(Error::index("FlatImageFolder", message));
        };
        Ok((Image::open(path)?.to_rgb(), *class))
    }
}
