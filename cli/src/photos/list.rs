//! The pictures in a folder.

use crate::failure::{Failure, Result};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The extensions of pictures.
const EXTENSIONS: [&str; 6] = ["jpg", "jpeg", "png", "webp", "bmp", "gif"];
/// Deeper folders are not looked into: a link to a folder above would never end.
const DEEPEST: usize = 32;

/// What is directly in a folder, sorted by name. Names that begin with a dot are hidden, and none of the user's pictures.
pub(super) struct Entries {
    pub folders: Vec<PathBuf>,
    pub pictures: Vec<PathBuf>,
}

impl Entries {
    pub(super) fn read(folder: &Path) -> Result<Entries> {
        let mut entries = Entries { folders: Vec::new(), pictures: Vec::new() };
        for entry in fs::read_dir(folder).map_err(|error| failed(folder, &error))? {
            let path = entry.map_err(|error| failed(folder, &error))?.path();
            let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if hidden {
                continue;
            }
            // Follows links; one that leads nowhere is reported when the picture is read.
            if path.is_dir() {
                entries.folders.push(path);
            } else if is_picture(&path) {
                entries.pictures.push(path);
            }
        }
        entries.folders.sort();
        entries.pictures.sort();
        Ok(entries)
    }
}

/// Whether the file is named as a picture.
fn is_picture(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|own| EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(own)))
}

/// All pictures in a folder and the folders below, sorted by path.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect(folder, 0, &mut found)?;
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    if depth > DEEPEST {
        return Err(Failure::new(format!("{}: folders are nested more than {DEEPEST} deep", folder.display())));
    }
    let Entries { folders, pictures } = Entries::read(folder)?;
    found.extend(pictures);
    folders.iter().try_for_each(|folder| collect(folder, depth + 1, found))
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}
