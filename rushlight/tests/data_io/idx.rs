//! Folders of IDX files as datasets.

use rushlight::data::{DataLoader, Dataset, IdxDataset};
use rushlight::io::idx::{Idx, IdxData};
use rushlight::{DType, Error};
use std::path::{Path, PathBuf};

/// A temporary folder of one test, removed at its end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rushlight-idx-data-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn write(&self, name: &str, dims: &[usize], data: IdxData) {
        Idx::new(dims, data).unwrap().write(self.0.join(name)).unwrap();
    }

    fn error(&self, train: bool) -> String {
        let error = IdxDataset::open(&self.0, train).err().unwrap();
        let text = error.to_string();
        assert!(text.starts_with(&self.0.display().to_string()), "{text}");
        text[self.0.display().to_string().len()..].to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const TRAIN: [&str; 2] = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"];

#[test]
fn images_and_classes() {
    let pixels: Vec<u8> = (0..3 * 4 * 5).map(|i| (i * 4) as u8).collect();
    for names in [
        ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
        ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte"],
        ["train-images.idx3-ubyte", "train-labels.idx1-ubyte.gz"],
    ] {
        let folder = Folder::new("fine");
        folder.write(names[0], &[3, 4, 5], IdxData::U8(pixels.clone()));
        folder.write(names[1], &[3], IdxData::U8(vec![7, 0, 9]));
        folder.write("t10k-images-idx3-ubyte.gz", &[0, 28, 28], IdxData::U8(vec![]));
        folder.write("t10k-labels-idx1-ubyte", &[0], IdxData::I32(vec![]));

        let dataset = IdxDataset::open(&folder.0, true).unwrap().check_classes(10).unwrap();
        assert_eq!((dataset.images().shape(), dataset.images().dtype()), (&[3, 1, 4, 5][..], DType::F32));
        assert_eq!(dataset.labels().to_vec::<i64>(), [7, 0, 9]);
        let want: Vec<f32> = pixels.iter().map(|&pixel| pixel as f32 / 255.0).collect();
        assert_eq!(dataset.images().to_vec::<f32>(), want);
        let (image, label) = dataset.get(2).unwrap();
        assert_eq!((image.shape(), label.shape(), label.item_as::<i64>()), (&[1, 4, 5][..], &[][..], 9));
        assert_eq!(image.to_vec::<f32>(), want[40..]);

        let normal = dataset.clone().normalize(0.25, 0.5);
        let shifted: Vec<f32> = want.iter().map(|x| (x - 0.25) / 0.5).collect();
        assert_eq!(normal.images().to_vec::<f32>(), shifted);

        let (images, labels) = DataLoader::builder(dataset).batch_size(3).build().iter().next().unwrap();
        assert_eq!((images.shape(), labels.shape()), (&[3, 1, 4, 5][..], &[3][..]));
        assert!(IdxDataset::open(&folder.0, false).unwrap().is_empty());
    }
}

#[test]
fn faults_name_the_file() {
    let nowhere = std::env::temp_dir().join("rushlight-no-such-folder");
    assert!(matches!(IdxDataset::open(&nowhere, true), Err(Error::Io { path, .. }) if path == nowhere));

    let folder = Folder::new("faults");
    assert_eq!(
        folder.error(true),
        ": expected a file train-images-idx3-ubyte or train-images-idx3-ubyte.gz in this folder, got neither"
    );
    folder.write(TRAIN[0], &[2, 2, 2], IdxData::U8(vec![0; 8]));
    assert!(folder.error(true).contains("expected a file train-labels-idx1-ubyte or"));
    assert!(folder.error(false).contains("expected a file t10k-images-idx3-ubyte or"));

    folder.write(TRAIN[1], &[3], IdxData::U8(vec![0; 3]));
    let images = folder.0.join(TRAIN[0]);
    assert_eq!(
        folder.error(true),
        format!("/{}: expected 2 labels for the images in {}, got 3", TRAIN[1], images.display())
    );
    folder.write(TRAIN[1], &[2, 1], IdxData::U8(vec![0; 2]));
    let fault = "expected labels as integers of shape [count], got u8 elements of shape [2, 1]";
    assert_eq!(folder.error(true), format!("/{}: {fault}", TRAIN[1]));
    folder.write(TRAIN[1], &[2], IdxData::F32(vec![0.0; 2]));
    assert!(folder.error(true).contains("got f32 elements of shape [2]"));
    folder.write(TRAIN[1], &[2], IdxData::I16(vec![3, -1]));
    let dataset = IdxDataset::open(&folder.0, true).unwrap();
    let error = dataset.clone().check_classes(10).err().unwrap().to_string();
    assert!(error.ends_with(": expected labels in 0..10, got -1 at item 1"), "{error}");
    assert!(dataset.clone().check_classes(3).err().unwrap().to_string().contains("got 3 at item 0"));
    assert!(dataset.clone().check_classes(0).is_err());
    for (mean, std) in [(0.0, 0.0), (0.0, -1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
        let error = dataset.clone().try_normalize(mean, std).err().unwrap().to_string();
        assert!(error.starts_with("normalize: expected a finite mean"), "{error}");
    }

    folder.write(TRAIN[0], &[2, 4], IdxData::U8(vec![0; 8]));
    assert!(
        folder.error(true).contains(
            "expected images as u8 elements of shape [count, height, width], got u8 elements of shape [2, 4]"
        )
    );
    folder.write(TRAIN[0], &[2, 2, 2], IdxData::I32(vec![0; 8]));
    assert!(folder.error(true).contains("got i32 elements of shape [2, 2, 2]"));
    std::fs::write(folder.0.join(TRAIN[0]), b"\x89PNG").unwrap();
    assert!(folder.error(true).contains("/train-images-idx3-ubyte: not an IDX file"));
}

#[test]
fn real_digits() {
    let Some(folder) = std::env::var_os("RUSHLIGHT_MNIST") else {
        println!("skipped: RUSHLIGHT_MNIST names no folder of MNIST's files");
        return;
    };
    for train in [true, false] {
        let dataset = IdxDataset::open(Path::new(&folder), train).unwrap().check_classes(10).unwrap();
        assert_eq!(dataset.images().shape()[1..], [1, 28, 28]);
        let mean = dataset.images().mean().item();
        assert!((0.12..0.15).contains(&mean), "{mean}");
    }
}
