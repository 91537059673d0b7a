//! `rushlight split`: every picture in one part, classes in proportion, nothing overwritten.

mod common;

use common::{fail, folder, names, succeed};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder with the photographs `photos/cat/0.jpg` … of each class; their contents are their names.
fn photos(name: &str, classes: &[(&str, usize)]) -> PathBuf {
    let folder = folder(name);
    for (class, count) in classes {
        fs::create_dir_all(folder.join("photos").join(class)).unwrap();
        for i in 0..*count {
            let file = format!("photos/{class}/{i}.jpg");
            fs::write(folder.join(&file), &file).unwrap();
        }
    }
    folder
}

/// The files below a folder, relative to it.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in names(folder) {
        match folder.join(&name) {
            path if path.is_dir() => found.extend(files(&path).into_iter().map(|file| format!("{name}/{file}"))),
            _ => {
                found.insert(name);
            }
        }
    }
    found
}

#[test]
fn classes_keep_their_proportions() {
    let folder = photos("proportions", &[("cat", 10), ("dog", 20)]);
    let before = files(&folder.join("photos"));
    let text = succeed(&folder, &["split", "photos", "--valid", "0.2", "--test", "0.1"]);
    let wanted = "class   train   valid   test
cat         7       2      1
dog        14       4      2
all        21       6      3
written to photos-split
";
    assert_eq!(text, wanted);
    let split = folder.join("photos-split");
    assert_eq!(names(&split), ["test", "train", "valid"]);
    let found = files(&split);
    let pictures: BTreeSet<String> = found.iter().map(|file| file.split_once('/').unwrap().1.to_owned()).collect();
    assert_eq!((found.len(), &pictures, &files(&folder.join("photos"))), (30, &before, &before));
    for file in &found {
        let picture = file.split_once('/').unwrap().1;
        assert_eq!(fs::read_to_string(split.join(file)).unwrap(), format!("photos/{picture}"));
    }
}

#[test]
fn the_seed_decides_on_the_parts() {
    let folder = photos("seed", &[("cat", 10), ("dog", 10)]);
    let split = |out: &str, seed: &str| {
        succeed(&folder, &["split", "photos/", "--seed", seed, "--out", out]);
        files(&folder.join(out))
    };
    let first = split("a", "1");
    assert_eq!(first, split("below/b", "1"));
    assert_ne!(first, split("c", "2"));
    assert_eq!(first.iter().filter(|file| file.starts_with("valid/")).count(), 4);
}

#[test]
#[cfg(unix)]
fn pictures_are_linked_or_copied() {
    use std::os::unix::fs::MetadataExt;
    let folder = photos("ways", &[("cat", 2), ("dog", 2)]);
    let original = fs::metadata(folder.join("photos/cat/1.jpg")).unwrap().ino();
    for (by, same, link) in [("link", true, false), ("symlink", true, true), ("copy", false, false)] {
        succeed(&folder, &["split", "photos", "--by", by, "--out", by]);
        let file = files(&folder.join(by)).into_iter().find(|file| file.ends_with("cat/1.jpg")).unwrap();
        let path = folder.join(by).join(file);
        assert_eq!(fs::metadata(&path).unwrap().ino() == original, same, "{by}");
        assert_eq!(fs::symlink_metadata(&path).unwrap().is_symlink(), link, "{by}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "photos/cat/1.jpg");
    }
}

#[test]
fn names_with_classes_become_folders() {
    let folder = folder("flat");
    fs::create_dir(folder.join("photos")).unwrap();
    for name in ["cat.0.jpg", "cat.1.png", "dog.0.jpg", "dog.1.jpeg"] {
        fs::write(folder.join("photos").join(name), name).unwrap();
    }
    succeed(&folder, &["split", "photos", "--valid", "0.5"]);
    let found = files(&folder.join("photos-split"));
    let classes: Vec<&str> = found.iter().map(|file| file.rsplit_once('/').unwrap().0).collect();
    assert_eq!(classes, ["train/cat", "train/dog", "valid/cat", "valid/dog"]);
}

#[test]
fn nothing_is_written_over() {
    let folder = photos("refused", &[("cat", 4), ("dog", 4)]);
    fs::create_dir(folder.join("mine")).unwrap();
    fs::write(folder.join("file"), "mine").unwrap();
    fs::create_dir_all(folder.join("few/cat")).unwrap();
    fs::create_dir_all(folder.join("few/dog")).unwrap();
    for file in ["cat/0.jpg", "cat/1.jpg", "dog/0.jpg"] {
        fs::write(folder.join("few").join(file), "").unwrap();
    }
    let before = files(&folder);
    for (args, code, wanted) in [
        (
            &["few"][..],
            1,
            "few: stratified_split: expected at least 2 items of each class, one for each part, got 1 of class dog",
        ),
        (&["photos", "--out", "mine"], 1, "mine: already exists: choose another folder with --out"),
        (&["photos", "--out", "file"], 1, "file: already exists"),
        (&["photos", "--out", "file/below"], 1, "file"),
        (&["photos", "--out", "photos/split"], 1, "photos/split: expected a folder outside of the photographs"),
        (&["photos", "--valid", "0"], 1, "all or nothing"),
        (&["photos", "--valid", "0.5", "--test", "0.5"], 1, "all or nothing"),
        (&["photos", "--valid", "1"], 2, "must be at least 0 and less than 1"),
        (&["photos", "--valid", "nan"], 2, "must be at least 0 and less than 1"),
        (&["mine"], 1, "mine: expected pictures"),
        (&["missing"], 1, "missing: "),
    ] {
        let message = fail(&folder, &[&["split"], args].concat(), code);
        assert!(message.contains(wanted), "{args:?}: {message}");
    }
    assert_eq!(files(&folder), before, "nothing was left behind");
    assert!(!folder.join("photos/split").exists() && names(&folder) == ["few", "file", "mine", "photos"]);

    let split = photos("again", &[("train/cat", 2), ("train/dog", 2), ("valid/cat", 1), ("valid/dog", 1)]);
    let message = fail(&split, &["split", "photos"], 1);
    assert!(message.contains("photos: the photographs are split already"), "{message}");
}
