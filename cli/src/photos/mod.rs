//! Folders of photographs: which pictures there are, their classes, and the parts they belong to.

mod layout;
mod list;
mod set;
mod split;

pub(crate) use layout::Layout;
pub(crate) use list::list;
pub(crate) use set::PhotoSet;
pub(crate) use split::{parts, split};

use crate::failure::{Failure, Result};
use crate::model::check_classes;
use std::path::{Path, PathBuf};

/// What a picture is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Train,
    Validation,
}

/// A picture whose class is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub path: PathBuf,
    /// The position of the class in [`Photos::classes`].
    pub class: usize,
    /// The part that it belongs to: given by the layout, or by [`split`].
    pub part: Part,
}

/// The pictures of a folder, sorted by path.
#[derive(Clone, Debug)]
pub(crate) struct Photos {
    pub layout: Layout,
    /// Unique names, sorted.
    pub classes: Vec<String>,
    pub pictures: Vec<Picture>,
    /// What the user should know: folders and files that are not used, and why.
    pub notes: Vec<String>,
}

impl Photos {
    /// Finds out how the pictures of a folder are laid out, and lists them. Without folders for the parts, all of them are for training.
    pub(crate) fn find(folder: &Path) -> Result<Photos> {
        let photos = Photos::labeled(folder)?;
        if let [only] = &photos.classes[..] {
            return Err(Failure::new(format!("{}: expected at least 2 classes, got one, {only:?}", folder.display())));
        }
        Ok(photos)
    }

    /// The same for pictures that are not trained on, which may be of one class.
    pub(crate) fn labeled(folder: &Path) -> Result<Photos> {
        let photos = layout::find(folder)?;
        check_classes(&photos.classes).map_err(|message| Failure::new(format!("{}: {message}", folder.display())))?;
        Ok(photos)
    }

    /// The pictures of a part.
    pub(crate) fn part(&self, part: Part) -> impl Iterator<Item = &Picture> {
        self.pictures.iter().filter(move |picture| picture.part == part)
    }

    /// How many pictures of each class a part has.
    pub(crate) fn counts(&self, part: Part) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        self.part(part).for_each(|picture| counts[picture.class] += 1);
        counts
    }
}
