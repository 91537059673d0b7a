//! Folders of images, against torchvision's listings of the same trees.

use crate::golden::{list, load, text, texts};
use rushlight::Result;
use rushlight::data::{DataLoader, Dataset};
use rushlight::vision::datasets::{FlatImageFolder, ImageFolder, ImageFolderOptions, ImageSamples, VisionDataset};
use rushlight::vision::transforms::{Compose, Resize, ToTensor};
use rushlight::vision::{Image, PixelFormat};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn images() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images")
}

/// A new folder with copies of images under these names, and empty files where no image is named.
fn folder<'a>(name: &str, files: impl IntoIterator<Item = (&'a str, &'a str)>) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("folders").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for (to, from) in files {
        let to = folder.join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        if from.is_empty() {
            fs::write(to, b"").unwrap();
        } else {
            fs::copy(images().join(from), to).unwrap();
        }
    }
    folder
}

/// Paths below a folder and classes.
fn names(folder: &Path, samples: &[(PathBuf, usize)]) -> Vec<(String, usize)> {
    let name = |path: &Path| path.strip_prefix(folder).unwrap().to_str().unwrap().to_string();
    samples.iter().map(|(path, class)| (name(path), *class)).collect()
}

fn golden_samples(listing: &Value) -> Vec<(String, usize)> {
    let samples = list(&listing["samples"]).iter();
    samples.map(|pair| (text(&pair[0]).to_string(), pair[1].as_u64().unwrap() as usize)).collect()
}

/// The classes and, for comparison with torchvision, the samples.
fn check(folder: &Path, photos: &ImageFolder, listing: &Value) {
    assert_eq!(photos.classes(), texts(&listing["classes"]));
    assert_eq!(names(folder, photos.samples()), golden_samples(listing));
    let targets: Vec<usize> = photos.samples().iter().map(|(_, class)| *class).collect();
    assert_eq!((photos.targets(), photos.len()), (&targets[..], targets.len()));
    for (class, (name, count)) in photos.classes().iter().zip(photos.class_counts()).enumerate() {
        assert_eq!(photos.class_to_idx()[name.as_str()], class);
        assert_eq!(count, targets.iter().filter(|&&target| target == class).count());
    }
}

#[test]
#[cfg(unix)]
fn image_folders_are_listed_as_by_torchvision() {
    use std::os::unix::fs::symlink;
    let golden = &load("datasets")["image_folder"];
    let root = folder("listing", texts(&golden["files"]).into_iter().map(|name| (name, "")));
    symlink("../dog", root.join("cat/friend")).unwrap();
    symlink("missing.jpg", root.join("dog/broken.jpg")).unwrap();
    symlink("dog", root.join("hound")).unwrap();

    // torchvision also lists the formats that cannot be read here.
    let unread = |name: &str| name.ends_with(".tif") || name.ends_with(".ppm");
    let mut readable = golden["default"].clone();
    readable["samples"].as_array_mut().unwrap().retain(|pair| !unread(text(&pair[0])));
    assert_eq!(list(&golden["default"]["samples"]).len(), list(&readable["samples"]).len() + 2);
    let photos = ImageFolder::open(&root).unwrap();
    check(&root, &photos, &readable);
    let ignored: Vec<&Path> = photos.ignored().iter().map(|path| path.strip_prefix(&root).unwrap()).collect();
    let in_cat =
        ["Thumbs.db", "jpg", "notes.txt", "old.ppm", "scan.tif", "x.jpg.bak"].map(|name| Path::new("cat").join(name));
    assert_eq!(ignored[..2], ["readme.md", "stray.jpg"].map(Path::new));
    assert_eq!(ignored[2..], in_cat.each_ref().map(PathBuf::as_path));

    let all = ["jpg", "jpeg", "png", "ppm", "bmp", "pgm", "tif", "tiff", "webp"];
    let options = ImageFolderOptions::new().extensions(all);
    check(&root, &ImageFolder::open_with(&root, options).unwrap(), &golden["default"]);
    let first =
        |path: &Path| ["1", "2", "n"].iter().any(|c| path.file_name().unwrap().to_str().unwrap().starts_with(c));
    let options = ImageFolderOptions::new().is_valid_file(first).allow_empty(true);
    check(&root, &ImageFolder::open_with(&root, options).unwrap(), &golden["chosen"]);

    // Files that cannot be read are items, whose errors name them.
    let of = |name: &str| photos.samples().iter().position(|(path, _)| path.ends_with(name)).unwrap();
    for name in ["cat/._2.jpg", "dog/broken.jpg"] {
        let error = photos.get(of(name)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: ", root.join(name).display())), "{error}");
    }

    fs::create_dir_all(root.join("owl/nest")).unwrap();
    assert_eq!(text(&golden["empty"]), "Found no valid file for the classes owl. ");
    assert_eq!(
        ImageFolder::open(&root).unwrap_err().to_string(),
        format!(
            "{}: expected images (jpg, jpeg, png, webp, bmp, gif) in the folder of each class, got none for owl",
            root.display()
        )
    );
    let mut allowed = golden["allowed"].clone();
    allowed["samples"].as_array_mut().unwrap().retain(|pair| !unread(text(&pair[0])));
    let photos = ImageFolder::open_with(&root, ImageFolderOptions::new().allow_empty(true)).unwrap();
    check(&root, &photos, &allowed);
    assert_eq!(photos.class_counts()[4], 0);
}

#[test]
fn image_folders_that_are_refused() {
    let message =
        |root: &Path, options: ImageFolderOptions| ImageFolder::open_with(root, options).unwrap_err().to_string();
    let missing = images().join("missing");
    assert!(message(&missing, ImageFolderOptions::new()).starts_with(&format!("{}: ", missing.display())));
    let flat = folder("flat only", [("cat.0.jpg", "rgb.jpg")]);
    let want = format!("{}: expected a folder for each class in this folder, got none", flat.display());
    assert_eq!(message(&flat, ImageFolderOptions::new()), want);
    let root = folder("refused", [("a/1.txt", ""), ("b/1.png", "rgb.png"), ("c/d/1", "")]);
    let want = format!("{}: expected images (png) in the folder of each class, got none for a, c", root.display());
    assert_eq!(message(&root, ImageFolderOptions::new().extensions(["png"])), want);
    let want = format!(
        "{}: expected files that is_valid_file accepts in the folder of each class, got none for a, b, c",
        root.display()
    );
    assert_eq!(message(&root, ImageFolderOptions::new().is_valid_file(|_| false)), want);
    assert_eq!(
        message(&root, ImageFolderOptions::new().extensions(["png"]).is_valid_file(|_| true)),
        "ImageFolder: expected either extensions or is_valid_file, got both"
    );
    let photos = ImageFolder::open_with(&root, ImageFolderOptions::new().allow_empty(true)).unwrap();
    assert_eq!(photos.get(1).unwrap_err().to_string(), "ImageFolder: expected an index below 1, got 1");
}

#[test]
#[cfg(target_os = "linux")]
fn names_and_files_of_any_kind() {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    let raw = |name: &[u8]| std::ffi::OsStr::from_bytes(name).to_os_string();
    let root = folder("raw names", [("cat/1.png", "rgb.png"), ("dog/1.png", "rgb.png")]);
    let odd = root.join("cat").join(raw(b"\xff\xfe.png"));
    fs::copy(images().join("rgb.png"), &odd).unwrap();
    // Folders that contain themselves, directly and through another.
    symlink(".", root.join("cat/self")).unwrap();
    symlink("../dog", root.join("cat/dog")).unwrap();
    symlink("../cat", root.join("dog/cat")).unwrap();
    // Opening a socket fails, opening a pipe blocks: neither is an image.
    let socket = root.join("dog/2.png");
    let _socket = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let photos = ImageFolder::open(&root).unwrap();
    let (one, other) = (root.join("cat/1.png"), root.join("dog/1.png"));
    let linked = [root.join("cat/dog/1.png"), root.join("dog/cat/1.png")];
    let odd_linked = linked[1].with_file_name(odd.file_name().unwrap());
    let [cat_dog, dog_cat] = linked;
    let want = [(one, 0), (odd.clone(), 0), (cat_dog, 0), (other, 1), (dog_cat, 1), (odd_linked, 1)];
    assert_eq!(photos.samples(), want);
    assert_eq!(photos.get(1).unwrap(), photos.get(0).unwrap());
    assert_eq!(photos.ignored(), [root.join("cat/dog/2.png"), socket]);

    let class = root.join(raw(b"o\xffl"));
    fs::create_dir(&class).unwrap();
    let want = format!("{}: expected a folder of a class with a name in UTF-8, got another", class.display());
    assert_eq!(ImageFolder::open(&root).unwrap_err().to_string(), want);
}

#[test]
fn items_are_rgb_images_and_take_transforms() {
    let files = [("a/1.png", "rgba.png"), ("a/2.jpg", "gray.jpg"), ("b/1.jpg", "rgb.jpg")];
    let root = folder("items", files);
    let photos = ImageFolder::open(&root).unwrap();
    for (i, (_, from)) in files.iter().enumerate() {
        assert_eq!(photos.get(i).unwrap(), (Image::open(images().join(from)).unwrap().to_rgb(), i / 2));
    }
    let transformed = (&photos).transform(Compose::new((Resize::new([3, 4]), ToTensor::new())));
    assert_eq!(transformed.dataset().len(), 3);
    let read = |num_workers| {
        let named = (&photos)
            .transform(Compose::new((Resize::new([3, 4]), ToTensor::new())))
            .target_transform(|class| Ok(["first", "second"][class].to_string()));
        let items: Vec<_> = (0..3).map(|i| named.get(i).unwrap()).collect();
        assert_eq!(items.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), ["first", "first", "second"]);
        let items = ImageFolder::open(&root).unwrap().transform(Compose::new((Resize::new([3, 4]), ToTensor::new())));
        let loader = DataLoader::builder(items).batch_size(3).num_workers(num_workers).build();
        let (x, labels) = loader.iter().next().unwrap();
        assert_eq!((x.shape(), labels.to_vec::<i64>()), (&[3, 3, 3, 4][..], vec![0, 0, 1]));
        x.to_vec::<f32>()
    };
    assert_eq!(read(0), read(2));
    assert_eq!(transformed.get(2).unwrap().0.to_vec::<f32>(), read(0)[2 * 36..]);

    // Another reader of files, as an option and on the samples.
    let white = |_: &Path| Ok(Image::new(1, 1, PixelFormat::Gray, vec![255]));
    let options = ImageFolderOptions::new().loader(white);
    assert_eq!(ImageFolder::open_with(&root, options).unwrap().get(2).unwrap(), (white(&root).unwrap(), 1));
    let samples: ImageSamples = photos.clone().into();
    assert_eq!(samples.clone().loader(white).get(1).unwrap(), (white(&root).unwrap(), 0));
    let same = ImageSamples::try_new(photos.classes().to_vec(), photos.samples().to_vec()).unwrap();
    assert_eq!((same.get(2).unwrap(), same.targets()), (samples.get(2).unwrap(), photos.targets()));
    let error = ImageSamples::try_new(vec!["a".into()], vec![("b/1.jpg".into(), 1)]).unwrap_err().to_string();
    assert_eq!(error, "ImageSamples: expected classes below 1, got 1 for b/1.jpg");
}

#[test]
fn flat_folders() {
    let root = folder(
        "all",
        [
            ("dog.2.jpg", "rgb.jpg"),
            ("cat.10.JPG", "gray.jpg"),
            ("cat.9.png", "rgba.png"),
            ("owl.0.jpeg", "subsampled.jpg"),
            ("notes.txt", "make_images.py"),
            ("._cat.9.png", ""),
            ("cat.1.tif", ""),
        ],
    );
    fs::create_dir(root.join("old.1.png")).unwrap();
    let photos = FlatImageFolder::open(&root).unwrap();
    assert_eq!(photos.classes(), ["cat", "dog", "owl"]);
    let want = [("cat.10.JPG", 0), ("cat.9.png", 0), ("dog.2.jpg", 1), ("owl.0.jpeg", 2)];
    assert_eq!(names(&root, photos.samples()), want.map(|(name, class)| (name.to_string(), class)));
    assert_eq!((photos.targets(), photos.class_counts()), (&[0, 0, 1, 2][..], vec![2, 1, 1]));
    assert_eq!(photos.ignored(), ["._cat.9.png", "cat.1.tif", "notes.txt"].map(|name| root.join(name)));
    for (i, name) in ["gray.jpg", "rgba.png", "rgb.jpg", "subsampled.jpg"].iter().enumerate() {
        assert_eq!(photos.get(i).unwrap(), (Image::open(images().join(name)).unwrap().to_rgb(), want[i].1));
    }
    assert_eq!(photos.get(4).unwrap_err().to_string(), "FlatImageFolder: expected an index below 4, got 4");

    // Workers read the images, and a damaged one is named.
    let batches = |photos: FlatImageFolder| -> Vec<Result<_>> {
        let items = photos.transform(Compose::new((Resize::new([3, 4]), ToTensor::new())));
        DataLoader::builder(items).batch_size(3).num_workers(2).build().try_iter().collect()
    };
    let read = batches(photos.clone());
    let (x, labels) = read[0].as_ref().unwrap();
    assert_eq!((x.shape(), labels.to_vec::<i64>()), (&[3, 3, 3, 4][..], vec![0, 0, 1]));
    let damaged = root.join("dog.2.jpg");
    fs::write(&damaged, b"\xFF\xD8\xFF").unwrap();
    let read = batches(photos);
    assert!(read[0].as_ref().unwrap_err().to_string().contains(&damaged.display().to_string()));
    assert!(read[1].is_ok());
}

#[test]
fn other_flat_folders_are_refused() {
    let message = |folder: &Path| FlatImageFolder::open(folder).unwrap_err().to_string();
    let missing = images().join("missing");
    assert!(message(&missing).starts_with(&format!("{}: ", missing.display())));
    let empty = folder("empty", [("notes.txt", "make_images.py"), (".1.jpg", "rgb.jpg")]);
    let want = format!("{}: expected images (jpg, jpeg, png, webp, bmp, gif), got none", empty.display());
    assert_eq!(message(&empty), want);
    for name in ["7.jpg", "cat.jpg", "cat.one.jpg", "cat.1.2.jpg"] {
        let folder = folder("names", [("cat.0.jpg", "rgb.jpg"), (name, "rgb.jpg")]);
        let rule = "expected a name CLASS.NUMBER.EXTENSION, such as cat.0.jpg, got another";
        assert_eq!(message(&folder), format!("{}: {rule}", folder.join(name).display()));
    }
}
