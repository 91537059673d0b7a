//! A folder of images for each class.

use super::samples::{ImageSamples, Loader};
use super::{EXTENSIONS, dataset_over};
use crate::vision::Image;
use crate::{Error, Result};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Images in a folder for each class, as `torchvision.datasets.ImageFolder`: `cat/1.jpg`, `dog/park/12.png`.
///
/// Classes are the names of the folders in the root, sorted. Items are sorted by class, then by the path of their folder, then by
/// name, as in torchvision. An item is an image of three channels and the number of its class; everything else about
/// them is found in [`ImageSamples`].
///
/// - All folders below a class folder belong to it, also through symbolic links; a link to a folder that contains it is not followed.
/// - Every folder is a class, also a hidden one, and every name with an extension is an image, also `._1.jpg`, which cannot be read: a
///   [`DataLoader`](crate::data::DataLoader) can skip such files.
/// - File names may have any encoding. Names of classes are UTF-8.
/// - Extensions are those of the formats that [`Image`] reads: jpg, jpeg, png, webp, bmp and gif in any case. torchvision does not list gif,
///   and lists ppm, pgm, tif and tiff; such files and all others, also those beside the class folders, are
///   [`ignored`](ImageSamples::ignored), which lists them.
///
/// ```no_run
/// use rushlight::vision::datasets::ImageFolder;
///
/// let photos = ImageFolder::open("photos")?;
/// println!("{:?}: {:?}", photos.classes(), photos.class_counts());
/// # Ok::<(), rushlight::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ImageFolder(ImageSamples);

dataset_over!(ImageFolder, ImageSamples);

/// Decides whether a file is an image.
type Filter = Arc<dyn Fn(&Path) -> bool + Send + Sync>;

/// The options of [`ImageFolder::open_with`].
#[derive(Clone, Default)]
pub struct ImageFolderOptions {
    allow_empty: bool,
    extensions: Option<Vec<String>>,
    is_valid_file: Option<Filter>,
    loader: Option<Loader>,
}

impl ImageFolderOptions {
    /// Creates the options with their defaults.
    pub fn new() -> ImageFolderOptions {
        ImageFolderOptions::default()
    }

    /// Sets whether a class folder without images is a class without items; by default it is an error.
    pub fn allow_empty(mut self, allow_empty: bool) -> Self {
        self.allow_empty = allow_empty;
        self
    }

    /// Sets the extensions of images, in lower case and without a dot, instead of those of the formats that [`Image`] reads.
    pub fn extensions<S: Into<String>>(mut self, extensions: impl IntoIterator<Item = S>) -> Self {
        self.extensions = Some(extensions.into_iter().map(Into::into).collect());
        self
    }

    /// Sets a function that decides by its path whether a file is an image, instead of by extension.
    pub fn is_valid_file(mut self, is_valid_file: impl Fn(&Path) -> bool + Send + Sync + 'static) -> Self {
        self.is_valid_file = Some(Arc::new(is_valid_file));
        self
    }

    /// Sets the function that reads an image, by default `Image::open(path)` converted to RGB.
    pub fn loader(mut self, loader: impl Fn(&Path) -> Result<Image> + Send + Sync + 'static) -> Self {
        self.loader = Some(Arc::new(loader));
        self
    }
}

impl fmt::Debug for ImageFolderOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageFolderOptions")
            .field("allow_empty", &self.allow_empty)
            .field("extensions", &self.extensions)
            .finish_non_exhaustive()
    }
}

impl ImageFolder {
    /// Lists the images below the class folders of `root`. They are read item by item.
    ///
    /// # Errors
    /// If a folder cannot be read, there are no class folders, the name of one is not UTF-8, or one has no images.
    pub fn open(root: impl AsRef<Path>) -> Result<ImageFolder> {
        ImageFolder::open_with(root, ImageFolderOptions::new())
    }

    /// [`open`](ImageFolder::open) with options.
    ///
    /// # Errors
    /// As [`open`](ImageFolder::open), or if both `extensions` and `is_valid_file` are set.
    ///
    /// ```no_run
    /// use rushlight::vision::datasets::{ImageFolder, ImageFolderOptions};
    ///
    /// // Without the files that macOS adds to archives.
    /// let own = |path: &std::path::Path| {
    ///     path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b"._"))
    /// };
    /// let photos = ImageFolder::open_with("photos", ImageFolderOptions::new().is_valid_file(own))?;
    /// # Ok::<(), rushlight::Error>(())
    /// ```
    pub fn open_with(root: impl AsRef<Path>, options: ImageFolderOptions) -> Result<ImageFolder> {
        let root = root.as_ref();
        let extensions = match (options.extensions, &options.is_valid_file) {
            (Some(_), Some(_)) => {
                let message = "expected either extensions or is_valid_file, got both";
                return Err(Error::value("ImageFolder", message));
            }
            (Some(extensions), None) => extensions,
            (None, _) => EXTENSIONS.map(String::from).to_vec(),
        };
        let is_valid = |path: &Path| match &options.is_valid_file {
            Some(is_valid_file) => is_valid_file(path),
            None => has_extension(path, &extensions),
        };
        let Entries { mut folders, files: mut ignored } = Entries::of(root)?;
        if folders.is_empty() {
            let message = "expected a folder for each class in this folder, got none";
            return Err(Error::format(root.display().to_string(), message));
        }
        folders.sort_by(|a, b| bytes(a).cmp(bytes(b)));
        ignored.sort();
        let classes = folders.iter().map(|folder| class_name(folder)).collect::<Result<Vec<String>>>()?;
        let mut samples = Vec::new();
        for (class, folder) in folders.iter().enumerate() {
            for path in files_below(folder)? {
                if is_valid(&path) && !is_special(&path) {
                    samples.push((path, class));
                } else {
                    ignored.push(path);
                }
            }
        }
        let present: BTreeSet<usize> = samples.iter().map(|(_, class)| *class).collect();
        let empty: Vec<&str> = (0..).zip(&classes).filter(|(i, _)| !present.contains(i)).map(|(_, c)| &**c).collect();
        if !empty.is_empty() && !options.allow_empty {
            let what = match options.is_valid_file {
                Some(_) => "files that is_valid_file accepts".to_string(),
                None => format!("images ({})", extensions.join(", ")),
            };
            let message = format!("expected {what} in the folder of each class, got none for {}", empty.join(", "));
            return Err(Error::format(root.display().to_string(), message));
        }
        let samples = ImageSamples::listed(classes, samples, ignored);
        Ok(ImageFolder(match options.loader {
            Some(loader) => samples.loader(move |path| loader(path)),
            None => samples,
        }))
    }
}

/// Paths are sorted as strings: the separator is a character like any other, so that `a-b` comes before `a/c`.
fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

fn class_name(folder: &Path) -> Result<String> {
    let name = folder.file_name().and_then(OsStr::to_str);
    name.map(String::from).ok_or_else(|| {
        Error::format(folder.display().to_string(), "expected a folder of a class with a name in UTF-8, got another")
    })
}

/// Whether a name ends in one of the extensions. Unlike [`Path::extension`], a name may consist of nothing else.
pub(super) fn has_extension(path: &Path, extensions: &[impl AsRef<str>]) -> bool {
    let name = path.file_name().map(OsStr::as_encoded_bytes).unwrap_or_default();
    extensions.iter().any(|extension| {
        let extension = extension.as_ref().as_bytes();
        name.len()
            .checked_sub(extension.len())
            .is_some_and(|end| end > 0 && name[end - 1] == b'.' && name[end..].eq_ignore_ascii_case(extension))
    })
}

/// Whether reading the file would block or never end. A broken link is not special: reading it is an error that names it.
pub(super) fn is_special(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file())
}

/// What a folder contains.
pub(super) struct Entries {
    pub(super) folders: Vec<PathBuf>,
    pub(super) files: Vec<PathBuf>,
}

impl Entries {
    pub(super) fn of(folder: &Path) -> Result<Entries> {
        let failed = |error| Error::io(folder, error);
        let mut entries = Entries { folders: Vec::new(), files: Vec::new() };
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() { entries.folders.push(path) } else { entries.files.push(path) }
        }
        Ok(entries)
    }
}

/// All files below a folder, sorted by the path of their folder, then by name.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut lists: Vec<(PathBuf, Vec<PathBuf>)> = Vec::new();
    // Folders to read, with their depth, and the folders that contain the next one, without links.
    let mut to_read = vec![(folder.to_path_buf(), 0)];
    let mut above: Vec<PathBuf> = Vec::new();
    while let Some((folder, depth)) = to_read.pop() {
        above.truncate(depth);
        let real = folder.canonicalize().map_err(|error| Error::io(&folder, error))?;
        if above.contains(&real) {
            continue;
        }
        above.push(real);
        let Entries { folders, mut files } = Entries::of(&folder)?;
        to_read.extend(folders.into_iter().map(|folder| (folder, depth + 1)));
        files.sort_by(|a, b| bytes(a).cmp(bytes(b)));
        lists.push((folder, files));
    }
    lists.sort_by(|(a, _), (b, _)| bytes(a).cmp(bytes(b)));
    Ok(lists.into_iter().flat_map(|(_, files)| files).collect())
}
