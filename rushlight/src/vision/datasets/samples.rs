//! Image files with classes.

use super::counts;
use crate::data::{Dataset, check_index};
use crate::vision::Image;
use crate::{Error, Result};
use rushlight_macros::op;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Reads an image.
pub(super) type Loader = Arc<dyn Fn(&Path) -> Result<Image> + Send + Sync>;

/// Image files and their classes, whatever the layout of their folder: what [`ImageFolder`](super::ImageFolder) and
/// [`FlatImageFolder`](super::FlatImageFolder) list.
///
/// An item is an image of three channels, as torchvision loads it, and the number of its class. Errors name the file.
///
/// ```no_run
/// use rushlight::vision::datasets::{FlatImageFolder, ImageFolder, ImageSamples};
///
/// let photos: ImageSamples = match ImageFolder::open("photos") {
///     Ok(folder) => folder.into(),
///     Err(_) => FlatImageFolder::open("photos")?.into(),
/// };
/// println!("{:?}", photos.classes());
/// # Ok::<(), rushlight::Error>(())
/// ```
#[derive(Clone)]
pub struct ImageSamples {
    classes: Vec<String>,
    samples: Vec<(PathBuf, usize)>,
    targets: Vec<usize>,
    ignored: Vec<PathBuf>,
    loader: Loader,
}

impl ImageSamples {
    /// Creates a data set of the given files, each with the position of its class in `classes`.
    ///
    /// # Errors
    /// If a class is not below the number of classes.
    #[op(torch = "-")]
    pub fn try_new(classes: Vec<String>, samples: Vec<(PathBuf, usize)>) -> Result<ImageSamples> {
        if let Some((path, class)) = samples.iter().find(|(_, class)| *class >= classes.len()) {
            let message = format!("expected classes below {}, got {class} for {}", classes.len(), path.display());
            return Err(Error::index("ImageSamples", message));
        }
        Ok(ImageSamples::listed(classes, samples, Vec::new()))
    }

    /// What a folder contains.
    pub(super) fn listed(classes: Vec<String>, samples: Vec<(PathBuf, usize)>, ignored: Vec<PathBuf>) -> ImageSamples {
        let targets = samples.iter().map(|(_, class)| *class).collect();
        ImageSamples { classes, samples, targets, ignored, loader: Arc::new(|path| Ok(Image::open(path)?.to_rgb())) }
    }

    /// Sets the function that reads an image, by default `Image::open(path)` converted to RGB.
    pub fn loader(mut self, loader: impl Fn(&Path) -> Result<Image> + Send + Sync + 'static) -> ImageSamples {
        self.loader = Arc::new(loader);
        self
    }

    /// Returns the names of the classes, sorted if they come from a folder.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Returns the number of each class by its name.
    pub fn class_to_idx(&self) -> BTreeMap<&str, usize> {
        self.classes.iter().map(String::as_str).zip(0..).collect()
    }

    /// Returns the file of each item, with the number of its class.
    pub fn samples(&self) -> &[(PathBuf, usize)] {
        &self.samples
    }

    /// Returns the number of the class of each item. No image is read.
    pub fn targets(&self) -> &[usize] {
        &self.targets
    }

    /// Returns the number of items of each class.
    pub fn class_counts(&self) -> Vec<usize> {
        counts(self.classes.len(), &self.targets)
    }

    /// Returns the files of the folder that are not items, such as notes, `Thumbs.db`, and images of formats that cannot be read.
    pub fn ignored(&self) -> &[PathBuf] {
        &self.ignored
    }

    /// An item of the data set that messages call `name`.
    pub(super) fn item(&self, name: &'static str, index: usize) -> Result<(Image, usize)> {
        check_index(name, index, self.samples.len())?;
        let (path, class) = &self.samples[index];
        Ok(((self.loader)(path)?, *class))
    }
}

impl Dataset for ImageSamples {
    type Item = (Image, usize);

    fn len(&self) -> usize {
        self.samples.len()
    }

    fn get(&self, index: usize) -> Result<(Image, usize)> {
        self.item("ImageSamples", index)
    }
}

impl fmt::Debug for ImageSamples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageSamples")
            .field("classes", &self.classes)
            .field("samples", &self.samples)
            .field("ignored", &self.ignored)
            .finish_non_exhaustive()
    }
}
