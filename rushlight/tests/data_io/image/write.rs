//! Files that are written, grids, and images of tensors.

use super::{samples, size, size_of, variant};
use crate::golden;
use rushlight::Tensor;
use rushlight::vision::utils::{MakeGridOptions, save_image_with, try_make_grid_with};
use rushlight::vision::{EncodeOptions, FileFormat, Image, PixelFormat};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// A path in the folder for temporary files, removed at the end.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Temporary {
        Temporary(std::env::temp_dir().join(format!("rushlight-{}-{name}", std::process::id())))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn png_files_return_the_same_image() {
    for (format, channels) in
        [(PixelFormat::Gray, 1), (PixelFormat::GrayAlpha, 2), (PixelFormat::Rgb, 3), (PixelFormat::Rgba, 4)]
    {
        let samples = (0..7 * 5 * channels).map(|i| (i * 37 % 256) as u8).collect();
        let image = Image::new(7, 5, format, samples);
        let path = Temporary::new(&format!("{channels}.PNG"));
        image.save(&path.0).unwrap();
        assert_eq!(Image::open(&path.0).unwrap(), image);
    }
}

#[test]
fn jpeg_files_are_close_to_the_image() {
    let image = Image::open(variant("interlaced_rgb.png")).unwrap();
    let error = |quality: u8| {
        let path = Temporary::new(&format!("{quality}.jpeg"));
        image.save_with(&path.0, EncodeOptions::new().quality(quality)).unwrap();
        let read = Image::open(&path.0).unwrap();
        assert_eq!((size_of(&read), read.format()), (size_of(&image), PixelFormat::Rgb));
        let total: u64 = read.samples().iter().zip(image.samples()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        total as f64 / read.samples().len() as f64
    };
    let (good, fair, poor) = (error(100), error(75), error(5));
    // Chroma of half the resolution blurs the noise of the picture.
    assert!(good < 11.0 && good < fair && fair < 0.6 * poor, "{good} {fair} {poor}");
    let gray = image.to_gray();
    let read = Image::decode(&gray.encode_with(FileFormat::Jpeg, EncodeOptions::new().quality(100)).unwrap()).unwrap();
    assert_eq!(read.format(), PixelFormat::Gray);
    assert!(super::largest_difference(read.samples(), gray.samples()) <= 2);
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let image = Image::new(1, 1, PixelFormat::Rgba, vec![1, 2, 3, 4]);
    let message = |name: &str| image.save(name).unwrap_err().to_string();
    assert_eq!(message("a.tif"), "Image::save: expected a name that ends in .png, .jpg or .jpeg, got a.tif");
    assert_eq!(message("png"), "Image::save: expected a name that ends in .png, .jpg or .jpeg, got png");
    assert!(message("a.jpg").starts_with("Image::encode: expected an image without opacity"), "{}", message("a.jpg"));
    assert!(message("missing/folder/a.png").starts_with("missing/folder/a.png: "));
    for quality in [0, 101] {
        let options = EncodeOptions::new().quality(quality);
        let message = image.to_rgb().encode_with(FileFormat::Jpeg, options).unwrap_err().to_string();
        assert_eq!(message, format!("Image::encode: expected a quality from 1 to 100, got {quality}"));
    }
    let wide = Image::new(70_000, 1, PixelFormat::Gray, vec![0; 70_000]);
    assert!(wide.encode(FileFormat::Jpeg).is_err());
    assert_eq!(Image::decode(&wide.encode(FileFormat::Png).unwrap()).unwrap(), wide);
}

fn grid_options(options: &Value) -> MakeGridOptions {
    options.as_object().unwrap().iter().fold(MakeGridOptions::new(), |to, (name, value)| match name.as_str() {
        "nrow" => to.nrow(value.as_u64().unwrap() as usize),
        "padding" => to.padding(value.as_u64().unwrap() as usize),
        "normalize" => to.normalize(value.as_bool().unwrap()),
        "value_range" => to.value_range((golden::number(&value[0]), golden::number(&value[1]))),
        "scale_each" => to.scale_each(value.as_bool().unwrap()),
        "pad_value" => to.pad_value(golden::number(value)),
        other => panic!("unknown option {other}"),
    })
}

#[test]
fn grids_are_those_of_torchvision() {
    let golden = golden::load("images");
    let cases = golden::list(&golden["grids"]);
    assert_eq!(cases.len(), 10);
    for (i, case) in cases.iter().enumerate() {
        let x = golden::tensor(&case["x"]);
        let options = grid_options(&case["options"]);
        let grid = try_make_grid_with(&x, options.clone()).unwrap();
        golden::assert_close(&format!("grid {i}"), &grid, &case["grid"], 1e-6);
        let path = Temporary::new(&format!("grid-{i}.png"));
        save_image_with(&x, &path.0, options).unwrap();
        let written = Image::open(&path.0).unwrap();
        assert_eq!(
            (size_of(&written), written.samples()),
            (size(&case["written"]), &samples(&case["written"])[..]),
            "{i}"
        );
    }
}

#[test]
fn grids_of_nothing_are_errors() {
    let message = |x: &Tensor, options| try_make_grid_with(x, options).unwrap_err().to_string();
    assert!(
        message(&Tensor::zeros([3]), MakeGridOptions::new()).starts_with("make_grid: expected a tensor [n, channels,")
    );
    assert!(message(&Tensor::zeros([0, 3, 2, 2]), MakeGridOptions::new()).contains("expected images"));
    assert!(message(&Tensor::zeros([2, 3, 2, 2]), MakeGridOptions::new().nrow(0)).contains("at least one in a row"));
    let bytes = Tensor::zeros([2, 3, 2, 2]).to_dtype(rushlight::DType::U8);
    assert!(message(&bytes, MakeGridOptions::new().normalize(true)).contains("expected a floating-point dtype"));
    let grid = try_make_grid_with(&bytes, MakeGridOptions::new().pad_value(7.0)).unwrap();
    assert_eq!((grid.dtype(), grid.shape(), grid.to_vec::<u8>()[0]), (rushlight::DType::U8, &[3, 6, 10][..], 7));
}

#[test]
fn images_of_tensors_are_those_of_torchvision() {
    let golden = golden::load("images");
    let cases = golden::list(&golden["tensors"]);
    assert_eq!(cases.len(), 10);
    for case in cases {
        let x = golden::tensor(&case["x"]);
        let image = Image::from_tensor(&x);
        let mode = match image.format() {
            PixelFormat::Gray => "L",
            PixelFormat::GrayAlpha => "LA",
            PixelFormat::Rgb => "RGB",
            PixelFormat::Rgba => "RGBA",
        };
        assert_eq!((mode, image.samples()), (golden::text(&case["mode"]), &samples(case)[..]), "{:?}", x.shape());
        if x.dtype() == rushlight::DType::U8 {
            assert_eq!(image.to_tensor().to_vec::<u8>(), x.to_vec::<u8>());
        }
    }
    for bad in [
        Tensor::zeros([5, 2, 2]),
        Tensor::zeros([2, 0]),
        Tensor::zeros([4]),
        Tensor::zeros([2, 2]).to_dtype(rushlight::DType::I64),
    ] {
        let message = Image::try_from_tensor(&bad).unwrap_err().to_string();
        assert!(message.contains("expected "), "{message}");
    }
}
