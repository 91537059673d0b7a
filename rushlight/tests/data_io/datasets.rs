//! MNIST, Fashion-MNIST, EMNIST and CIFAR from files in their formats, against torchvision's images of the same contents.

use crate::golden::{list, load, numbers, texts};
use crate::idx::Folder;
use rushlight::Tensor;
use rushlight::data::{DataLoader, Dataset};
use rushlight::io::idx::IdxData;
use rushlight::vision::datasets::{
    Cifar10, Cifar100, EMnist, EMnistSplit, FashionMnist, LabeledImages, Mnist, VisionDataset,
};
use rushlight::vision::transforms::ToTensor;
use rushlight::vision::{Image, PixelFormat};
use serde_json::Value;
use std::fs;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The bytes of `count` images of `size` samples, as the generator script makes them.
fn formula(count: usize, size: usize) -> Vec<u8> {
    (0..count * size).map(|i| ((i * i / 7 + 3 * i) % 251) as u8).collect()
}

/// The images and classes of the fixture.
fn items(golden: &Value, side: usize, format: PixelFormat) -> Vec<(Image, usize)> {
    let image = |pair: &Value| Image::new(side, side, format, numbers(&pair[0]).unwrap());
    list(golden).iter().map(|pair| (image(pair), pair[1].as_u64().unwrap() as usize)).collect()
}

fn all<D: Dataset>(dataset: &D) -> Vec<D::Item> {
    (0..dataset.len()).map(|i| dataset.get(i).unwrap()).collect()
}

/// What a data set and its tensors contain.
fn check(dataset: &LabeledImages, want: &[(Image, usize)]) {
    assert_eq!(all(dataset), want);
    assert_eq!(dataset.targets(), want.iter().map(|(_, class)| *class).collect::<Vec<_>>());
    assert_eq!(dataset.class_counts().iter().sum::<usize>(), want.len());
    let transformed = DataLoader::builder(dataset.clone().transform(ToTensor::new())).batch_size(want.len()).build();
    let whole = DataLoader::builder(dataset.to_tensors()).batch_size(want.len()).build();
    let (one, other) = (transformed.iter().next().unwrap(), whole.iter().next().unwrap());
    assert_eq!((one.0.shape(), one.0.to_vec::<f32>()), (other.0.shape(), other.0.to_vec::<f32>()));
    assert_eq!(one.1.to_vec::<i64>(), other.1.to_vec::<i64>());
}

const TEST: [&str; 2] = ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

#[test]
fn mnist_and_fashion_mnist_are_torchvisions() {
    let golden = &load("datasets")["mnist"];
    let folder = Folder::new("mnist");
    folder.write(TEST[0], &[3, 28, 28], IdxData::U8(formula(3, 784)));
    folder.write("labels.gz", &[3], IdxData::U8(vec![7, 0, 9]));
    let [images, labels] = [TEST[0], "labels.gz"].map(|name| folder.0.join(name));
    let mnist = Mnist::from_files(&images, &labels).unwrap();
    let fashion = FashionMnist::from_files(&images, &labels).unwrap();
    for (dataset, name) in [(&*mnist, "MNIST"), (&*fashion, "FashionMNIST")] {
        check(dataset, &items(&golden[name]["items"], 28, PixelFormat::Gray));
        assert_eq!(dataset.classes(), texts(&golden[name]["classes"]));
    }
    assert_eq!(fashion.class_to_idx()["Ankle boot"], 9);
    assert_eq!(mnist.get(3).unwrap_err().to_string(), "Mnist: expected an index below 3, got 3");

    folder.write("labels", &[3], IdxData::U8(vec![7, 10, 9]));
    let error = Mnist::from_files(&images, folder.0.join("labels")).unwrap_err().to_string();
    assert!(error.ends_with("labels: expected labels in 0..10, got 10 at item 1"), "{error}");
    folder.write("labels", &[2], IdxData::U8(vec![7, 1]));
    let error = Mnist::from_files(&images, folder.0.join("labels")).unwrap_err().to_string();
    assert!(error.contains("labels: expected 3 labels for the images in "), "{error}");
    folder.write("small", &[3, 28, 27], IdxData::U8(vec![0; 3 * 28 * 27]));
    let error = Mnist::from_files(folder.0.join("small"), &labels).unwrap_err().to_string();
    assert!(error.ends_with("small: expected images of 28 x 28 pixels, got 28 x 27"), "{error}");
}

/// An IDX file of zeros, which takes no space on the disk.
fn zeros(path: PathBuf, dims: &[u32]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = File::create(path).unwrap();
    file.write_all(&[0, 0, 8, dims.len() as u8]).unwrap();
    dims.iter().for_each(|dim| file.write_all(&dim.to_be_bytes()).unwrap());
    let elements: u64 = dims.iter().map(|&dim| u64::from(dim)).product();
    file.set_len(4 + 4 * dims.len() as u64 + elements).unwrap();
}

/// Each layout of the files, the number of images, and the checksums.
#[test]
fn mnist_files_are_found_counted_and_verified() {
    for place in ["MNIST/raw", "raw", "."] {
        let folder = Folder::new(&format!("mnist-{}", place.len()));
        zeros(folder.0.join(place).join(TEST[0]), &[10_000, 28, 28]);
        zeros(folder.0.join(place).join(TEST[1]), &[10_000]);
        let mnist = Mnist::open(&folder.0, false).unwrap();
        assert_eq!((mnist.len(), mnist.class_counts()[0]), (10_000, 10_000));
        let error = Mnist::open(&folder.0, true).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "{}: expected MNIST's files train-images-idx3-ubyte and train-labels-idx1-ubyte (or the same with .gz) in this folder or in \
                 MNIST/raw, raw below it, got none",
                folder.0.display()
            )
        );
        assert_eq!(Mnist::verify(&folder.0).unwrap_err().to_string(), error);
        if place == "MNIST/raw" {
            assert!(
                FashionMnist::open(&folder.0, false)
                    .unwrap_err()
                    .to_string()
                    .contains("expected Fashion-MNIST's files")
            );
            for part in ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"] {
                fs::copy(folder.0.join(place).join(TEST[1]), folder.0.join(place).join(part)).unwrap();
            }
            let error = Mnist::verify(&folder.0).unwrap_err().to_string();
            let published = "6bbc9ace898e44ae57da46a324031adb";
            assert!(
                error.contains(&format!(
                    "train-images-idx3-ubyte: expected contents with the MD5 checksum {published}, got "
                )),
                "{error}"
            );
        }
    }
    let folder = Folder::new("mnist-part");
    folder.write("train-images-idx3-ubyte.gz", &[3, 28, 28], IdxData::U8(formula(3, 784)));
    folder.write("train-labels-idx1-ubyte.gz", &[3], IdxData::U8(vec![7, 0, 9]));
    let error = FashionMnist::open(&folder.0, true).unwrap_err().to_string();
    let want = "expected the 60000 images of Fashion-MNIST, got 3; from_files reads files of any number of images";
    assert!(error.ends_with(want), "{error}");
    let missing = folder.0.join("missing");
    let error = Mnist::open(&missing, true).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: ", missing.display())), "{error}");
}

#[test]
fn emnist_is_upright_with_torchvisions_classes() {
    let golden = &load("datasets")["mnist"]["EMNIST"];
    let folder = Folder::new("emnist");
    folder.write("images", &[3, 28, 28], IdxData::U8(formula(3, 784)));
    folder.write("labels", &[3], IdxData::U8(vec![7, 1, 9]));
    let read = |split| EMnist::from_files(split, folder.0.join("images"), folder.0.join("labels"));
    for split in EMnistSplit::ALL {
        let of_split = &golden[split.to_string()];
        let dataset = read(split).unwrap();
        assert_eq!(dataset.classes(), texts(&of_split["classes"]), "{split}");
        assert_eq!(dataset.targets(), numbers::<usize>(&of_split["labels"]).unwrap());
    }
    // torchvision's images are as in the files: the transposes.
    let transposed: Vec<u8> = numbers(&golden["transposed"]).unwrap();
    assert_eq!(transposed, formula(3, 784)[784..2 * 784]);
    let upright = read(EMnistSplit::Letters).unwrap().get(1).unwrap().0;
    let transpose = Tensor::from(transposed).view([28, 28]).transpose(0, 1).contiguous();
    assert_eq!(upright.samples(), transpose.to_vec::<u8>());

    folder.write("labels", &[3], IdxData::U8(vec![7, 1, 10]));
    assert!(read(EMnistSplit::Letters).is_ok());
    let error = read(EMnistSplit::Digits).unwrap_err().to_string();
    assert!(error.ends_with("expected labels in 0..10, got 10 at item 2"), "{error}");

    let prefix = "emnist-mnist-test";
    zeros(folder.0.join(format!("gzip/{prefix}-images-idx3-ubyte")), &[10_000, 28, 28]);
    zeros(folder.0.join(format!("gzip/{prefix}-labels-idx1-ubyte")), &[10_000]);
    assert_eq!(EMnist::open(&folder.0, EMnistSplit::Mnist, false).unwrap().len(), 10_000);
    let error = EMnist::open(&folder.0, EMnistSplit::Mnist, true).unwrap_err().to_string();
    assert!(error.contains("expected EMNIST's files emnist-mnist-train-images-idx3-ubyte and "), "{error}");
    let counts = |split: EMnistSplit, train| {
        let prefix = format!("emnist-{split}-{}", if train { "train" } else { "test" });
        zeros(folder.0.join(format!("{prefix}-images-idx3-ubyte")), &[1, 28, 28]);
        zeros(folder.0.join(format!("{prefix}-labels-idx1-ubyte")), &[1]);
        let error = EMnist::open(&folder.0, split, train).unwrap_err().to_string();
        let number = error.split("expected the ").nth(1).unwrap().split(' ').next().unwrap();
        number.parse::<usize>().unwrap()
    };
    // The totals of the paper (Cohen et al. 2017, table II): by class and by merge 814255, balanced 131600, letters 145600, digits 280000.
    let total = |split| counts(split, true) + counts(split, false);
    let splits =
        [EMnistSplit::ByClass, EMnistSplit::ByMerge, EMnistSplit::Balanced, EMnistSplit::Letters, EMnistSplit::Digits];
    assert_eq!(splits.map(total), [814_255, 814_255, 131_600, 145_600, 280_000]);
}

#[test]
fn cifar_has_torchvisions_images() {
    let golden = &load("datasets")["cifar"];
    let folder = Folder::new("cifar");
    let planes = formula(2, 3072);
    let write = |name: &str, labels: [&[u8]; 2]| {
        let bytes = [labels[0], &planes[..3072], labels[1], &planes[3072..]].concat();
        fs::write(folder.0.join(name), bytes).unwrap();
        folder.0.join(name)
    };
    let ten = Cifar10::from_files([write("ten.bin", [&[9], &[3]])]).unwrap();
    check(&ten, &items(&golden["CIFAR10"], 32, PixelFormat::Rgb));
    assert_eq!((ten.classes()[3].as_str(), ten.classes().len()), ("cat", 10));
    let hundred = Cifar100::from_files([write("hundred.bin", [&[7, 99], &[18, 41]])]).unwrap();
    check(&hundred, &items(&golden["CIFAR100"], 32, PixelFormat::Rgb));
    assert_eq!((hundred.classes()[41].as_str(), hundred.classes().len()), ("lawn_mower", 100));
    assert!(hundred.classes().is_sorted());
    let twice = Cifar10::from_files(vec![folder.0.join("ten.bin"); 2]).unwrap();
    assert_eq!(twice.targets(), [9, 3, 9, 3]);

    let error = |result: rushlight::Result<Cifar10>| result.unwrap_err().to_string();
    let message = error(Cifar10::from_files([write("ten.bin", [&[9], &[10]])]));
    assert!(message.ends_with("ten.bin: expected labels in 0..10, got 10 at item 1"), "{message}");
    let message = error(Cifar10::from_files([folder.0.join("hundred.bin")]));
    assert!(message.ends_with("expected a multiple of 3073 bytes, the size of an image, got 6148"), "{message}");
    assert!(error(Cifar10::from_files([&folder.0])).contains(&folder.0.display().to_string()));
}

#[test]
fn cifar_files_are_found_and_verified() {
    let folder = Folder::new("cifar-files");
    let error = |train| Cifar10::open(&folder.0, train).unwrap_err().to_string();
    let place = format!("{}: expected CIFAR-10's ", folder.0.display());
    let test = format!("{place}test_batch.bin in this folder or in cifar-10-batches-bin below it, ");
    assert_eq!(error(false), format!("{test}got none: they are in cifar-10-binary.tar.gz"));
    fs::create_dir(folder.0.join("cifar-10-batches-py")).unwrap();
    let python = "got cifar-10-batches-py, the version for Python: the binary version is in cifar-10-binary.tar.gz";
    assert_eq!(error(false), format!("{test}{python}"));
    fs::write(folder.0.join("cifar-10-binary.tar.gz"), b"").unwrap();
    assert_eq!(error(false), format!("{test}got the archive cifar-10-binary.tar.gz, which has to be unpacked"));
    let below = folder.0.join("cifar-10-batches-bin");
    fs::create_dir(&below).unwrap();
    let sized = |path: &Path, size: u64| File::create(path).unwrap().set_len(size).unwrap();
    (1..=4).for_each(|i| sized(&below.join(format!("data_batch_{i}.bin")), 30_730_000));
    let names = "data_batch_1.bin, data_batch_2.bin, data_batch_3.bin, data_batch_4.bin, data_batch_5.bin";
    let want =
        format!("{place}{names} in this folder or in cifar-10-batches-bin below it, got all but data_batch_5.bin");
    assert_eq!(error(true), want);
    sized(&below.join("data_batch_5.bin"), 3073);
    let message = Cifar10::verify(&folder.0).unwrap_err().to_string();
    let published = "5dd7e06a14cb22eb9f671a540d1b7c25";
    assert!(
        message.contains(&format!("data_batch_1.bin: expected contents with the MD5 checksum {published}, got ")),
        "{message}"
    );

    let test = folder.0.join("test_batch.bin");
    sized(&test, 3073);
    let want = format!("{}: expected 30730000 bytes, 10000 images of 3073 bytes, got 3073", test.display());
    assert_eq!(error(false), want);
    sized(&test, 30_730_000);
    assert_eq!(Cifar10::open(&folder.0, false).unwrap().len(), 10_000);
}

#[test]
fn images_in_memory_are_checked() {
    let images = |size, pixels: usize, targets: Vec<usize>| {
        let names = vec!["a".to_string(), "b".to_string()];
        LabeledImages::try_new(names, size, PixelFormat::Rgb, vec![0; pixels], targets).map(|images| images.len())
    };
    assert_eq!(images([2, 1], 12, vec![0, 1]).unwrap(), 2);
    assert_eq!(images([2, 1], 0, vec![]).unwrap(), 0);
    let error = |size, pixels, targets| images(size, pixels, targets).unwrap_err().to_string();
    let want = "LabeledImages: expected 2 images of 2 * 1 * 3 samples and at least one pixel, got 11 samples";
    assert_eq!(error([2, 1], 11, vec![0, 1]), want);
    assert!(error([0, 1], 0, vec![0]).contains("at least one pixel"));
    assert!(error([usize::MAX, 2], 0, vec![0]).contains("got 0 samples"));
    assert_eq!(error([2, 1], 12, vec![0, 2]), "LabeledImages: expected classes below 2, got 2 at item 1");
}
