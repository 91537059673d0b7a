//! The layouts that folders of pictures come in.

use super::list::{Entries, list};
use super::{Part, Photos, Picture};
use crate::failure::{Failure, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// How the pictures of a folder tell their classes and parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// A folder for each class: `cat/1.jpg`.
    ClassFolders,
    /// Classes in the names: `cat.1.jpg`.
    FlatNames,
    /// A folder for each part, in it one of the other layouts: `train/cat/1.jpg`, `valid/cat/2.jpg`.
    Parts,
}

impl Layout {
    /// In a sentence: "the classes are …".
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Layout::ClassFolders => "the names of the folders",
            Layout::FlatNames => "the first parts of the file names",
            Layout::Parts => "given for training and validation by folders of their own",
        }
    }
}

/// What a folder of the training part may be called.
const TRAIN: [&str; 2] = ["train", "training"];
/// What a folder of the validation part may be called, in order of preference.
const VALIDATION: [&str; 4] = ["valid", "validation", "val", "test"];

/// Pictures by class.
type ByClass = BTreeMap<String, Vec<PathBuf>>;

pub(super) fn find(folder: &Path) -> Result<Photos> {
    let entries = Entries::read(folder)?;
    let named = |names: &[&str]| {
        let is = |name: &&str| {
            entries.folders.iter().find(|path| path.file_name().is_some_and(|own| own.eq_ignore_ascii_case(name)))
        };
        names.iter().find_map(is).cloned()
    };
    let mut notes = Vec::new();
    let (layout, train, validation) = match named(&TRAIN) {
        None => {
            let (layout, train) = by_class(folder, &entries, &mut notes)?;
            (layout, train, ByClass::new())
        }
        Some(train) => {
            let (layout, inside) = by_class(&train, &Entries::read(&train)?, &mut notes)?;
            // Kaggle's test folders have pictures without classes; they are none to validate on.
            let validation = VALIDATION.iter().filter_map(|name| named(&[name]));
            let validation = validation.map(|folder| {
                let found = Entries::read(&folder).and_then(|entries| by_class(&folder, &entries, &mut Vec::new()));
                (folder, found)
            });
            match validation.into_iter().find(|(_, found)| found.is_ok()) {
                Some((folder, found)) => {
                    notes.push(format!("{} is for training, {} for validation", train.display(), folder.display()));
                    (Layout::Parts, inside, found?.1)
                }
                None => (layout, inside, ByClass::new()),
            }
        }
    };
    let unknown: Vec<&str> =
        validation.keys().filter(|class| !train.contains_key(*class)).map(String::as_str).collect();
    if !unknown.is_empty() {
        let message =
            format!("expected the classes of training in validation, too, got others: {}", unknown.join(", "));
        return Err(Failure::new(format!("{}: {message}", folder.display())));
    }
    let classes: Vec<String> = train.keys().cloned().collect();
    let mut pictures = Vec::new();
    for (part, by_class) in [(Part::Train, train), (Part::Validation, validation)] {
        for (name, paths) in by_class {
            let class = classes.partition_point(|class| *class < name);
            pictures.extend(paths.into_iter().map(|path| Picture { path, class, part }));
        }
    }
    pictures.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Photos { layout, classes, pictures, notes })
}

/// The pictures of a folder whose classes are those of folders in it, or are in their names.
fn by_class(folder: &Path, entries: &Entries, notes: &mut Vec<String>) -> Result<(Layout, ByClass)> {
    let place = folder.display();
    let mut classes = ByClass::new();
    let mut empty = BTreeSet::new();
    for path in &entries.folders {
        let pictures = list(path)?;
        let name = path.file_name().unwrap_or_default();
        if pictures.is_empty() {
            empty.insert(name.to_string_lossy().into_owned());
            continue;
        }
        let Some(name) = name.to_str() else {
            return Err(Failure::new(format!("{}: expected a class name in UTF-8, got another", path.display())));
        };
        classes.insert(name.to_owned(), pictures);
    }
    let layout = if !classes.is_empty() {
        if !entries.pictures.is_empty() {
            notes.push(format!(
                "not used: {} pictures in {place} that are in no folder of a class",
                entries.pictures.len()
            ));
        }
        Layout::ClassFolders
    } else if entries.pictures.is_empty() {
        return Err(Failure::new(format!(
            "{place}: expected pictures (.jpg, .jpeg, .png, .webp, .bmp, .gif), got none"
        )));
    } else {
        for path in &entries.pictures {
            classes.entry(class_in_name(path)?.to_owned()).or_default().push(path.clone());
        }
        Layout::FlatNames
    };
    if !empty.is_empty() {
        let names: Vec<String> = empty.into_iter().collect();
        notes.push(format!("not used: folders without pictures in {place}: {}", names.join(", ")));
    }
    Ok((layout, classes))
}

/// The class in a file's name, as in Kaggle's `cat.0.jpg`.
fn class_in_name(path: &Path) -> Result<&str> {
    let parts = path.file_name().and_then(|name| name.to_str()).map(|name| name.split('.').collect::<Vec<_>>());
    match parts.as_deref() {
        Some(&[class, number, _]) if !class.is_empty() && number.parse::<u64>().is_ok() => Ok(class),
        _ => Err(Failure::new(format!(
            "{}: expected pictures in a folder for each class, or names like cat.0.jpg, got another",
            path.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A folder with empty files of these names: their contents do not matter here.
    fn folder(name: &str, files: &[&str]) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("rushlight-layout-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        for file in files {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    /// Layout, and the pictures as `path class part`.
    fn found(folder: &Path) -> (Layout, Vec<String>) {
        let photos = Photos::find(folder).unwrap();
        let line = |picture: &Picture| {
            let path = picture.path.strip_prefix(folder).unwrap().display();
            format!("{path} {} {:?}", photos.classes[picture.class], picture.part)
        };
        let lines = photos.pictures.iter().map(line).collect();
        fs::remove_dir_all(folder).unwrap();
        (photos.layout, lines)
    }

    #[test]
    fn each_layout_is_found() {
        let files = [
            "dog/b.PNG",
            "cat/deep/er/a.jpg",
            "cat/notes.txt",
            "cat/.hidden.jpg",
            ".git/x.jpg",
            "papers/x.pdf",
            "x.jpg",
        ];
        let expected = ["cat/deep/er/a.jpg cat Train", "dog/b.PNG dog Train"].map(String::from);
        assert_eq!(found(&folder("folders", &files)), (Layout::ClassFolders, expected.into()));

        let expected = ["cat.10.jpg cat Train", "cat.2.jpeg cat Train", "dog.0.png dog Train"].map(String::from);
        assert_eq!(
            found(&folder("flat", &["dog.0.png", "cat.2.jpeg", "cat.10.jpg"])),
            (Layout::FlatNames, expected.into())
        );

        let files = ["Train/a/1.jpg", "Train/b/1.jpg", "val/a/2.jpg", "test/b/3.jpg"];
        let expected = ["Train/a/1.jpg a Train", "Train/b/1.jpg b Train", "val/a/2.jpg a Validation"].map(String::from);
        // One class is not enough to train on, but is to validate on.
        assert_eq!(found(&folder("parts", &files)), (Layout::Parts, expected.into()));

        let files = ["train/cat.0.jpg", "train/dog.0.jpg", "test/1.jpg", "test/2.jpg"];
        let expected = ["train/cat.0.jpg cat Train", "train/dog.0.jpg dog Train"].map(String::from);
        assert_eq!(found(&folder("kaggle", &files)), (Layout::FlatNames, expected.into()), "test has no classes");
    }

    #[test]
    fn folders_that_do_not_tell_classes() {
        for (name, files, wanted) in [
            ("nothing", &["notes.txt"][..], "expected pictures (.jpg, .jpeg, .png, .webp, .bmp, .gif), got none"),
            ("one", &["cat/1.jpg", "cat/2.jpg"], "expected at least 2 classes, got one, \"cat\""),
            (
                "names",
                &["cat.0.jpg", "IMG_1.jpg"],
                "IMG_1.jpg: expected pictures in a folder for each class, or names like",
            ),
            ("others", &["train/a/1.jpg", "train/b/1.jpg", "valid/a/1.jpg", "valid/c/1.jpg"], "got others: c"),
        ] {
            let folder = folder(name, files);
            let message = Photos::find(&folder).unwrap_err().to_string();
            assert!(
                message.starts_with(&folder.display().to_string()) && message.contains(wanted),
                "{name}: {message}"
            );
            fs::remove_dir_all(folder).unwrap();
        }
    }
}
