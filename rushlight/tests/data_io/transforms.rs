//! Transforms of images against Pillow and torchvision. The pictures `scene_*.png` are written by
//! `golden/generate_listings.py`.

mod classes;
mod functions;
mod pictures;
mod tensors;

use crate::golden;
use rushlight::vision::transforms::{Compose, Normalize, Resize, ResizeSize, ToTensor, Transform};
use rushlight::vision::{Image, MAX_PIXELS, PixelFormat};
use rushlight::{DType, Tensor};
use serde_json::Value;
use std::path::{Path, PathBuf};

const MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const STD: [f64; 3] = [0.229, 0.224, 0.225];
const MODES: [(&str, PixelFormat); 4] =
    [("L", PixelFormat::Gray), ("LA", PixelFormat::GrayAlpha), ("RGB", PixelFormat::Rgb), ("RGBA", PixelFormat::Rgba)];

fn images() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images")
}

fn scene(mode: &str) -> Image {
    let image = Image::open(images().join(format!("scene_{}.png", mode.to_lowercase()))).unwrap();
    let format = MODES.iter().find(|known| known.0 == mode).unwrap().1;
    assert_eq!((image.width(), image.height(), image.format()), (24, 17, format));
    image
}

fn golden() -> Value {
    golden::load("listings")["transforms"].take()
}

/// Equal, and not only within a level, also for a size for which Pillow 13 scales columns before rows, and rounds in between.
#[test]
fn resize_equals_pillow() {
    let golden = golden();
    let cases = golden::list(&golden["resize"]);
    assert_eq!(cases.len(), MODES.len() * 9);
    for case in cases {
        let mode = golden::text(&case["mode"]);
        let size: ResizeSize = match golden::numbers::<usize>(&case["size"]) {
            Some(sides) => [sides[0], sides[1]].into(),
            None => (case["size"].as_u64().unwrap() as usize).into(),
        };
        let image = Resize::new(size).apply(scene(mode));
        let [width, height] = ["width", "height"].map(|side| case[side].as_u64().unwrap() as usize);
        assert_eq!((image.width(), image.height()), (width, height), "{mode} {size:?}");
        assert_eq!(image.samples(), golden::numbers::<u8>(&case["samples"]).unwrap(), "{mode} {size:?}");
    }
    let tall = Image::new(17, 24, PixelFormat::Gray, vec![0; 17 * 24]);
    let small = Resize::new(10).apply(tall);
    assert_eq!(golden::numbers::<usize>(&golden["tall"]).unwrap(), [small.width(), small.height()]);
}

#[test]
fn sizes_are_checked() {
    let message = |size: ResizeSize| Resize::try_new(size).unwrap_err().to_string();
    assert_eq!(message(0.into()), "Resize: expected lengths of at least 1, got Shorter(0)");
    assert_eq!(message((3, 0).into()), "Resize: expected lengths of at least 1, got Exact([3, 0])");
    for size in [ResizeSize::Exact([MAX_PIXELS, 2]), ResizeSize::Shorter(usize::MAX)] {
        let error = Resize::new(size).try_apply(scene("L")).unwrap_err().to_string();
        assert!(error.starts_with(&format!("Resize: expected 1 to {MAX_PIXELS} pixels, got ")), "{error}");
    }
}

#[test]
fn tensors_equal_torchvision() {
    let golden = golden();
    for (mode, _) in MODES {
        let x = Compose::new((Resize::new([4, 5]), ToTensor::new())).apply(scene(mode));
        golden::assert_same(mode, &x, &golden["to_tensor"][mode]);
    }
    let prepare = Compose::new((Resize::new([9, 12]), ToTensor::new(), Normalize::new(MEAN, STD)));
    golden::assert_same("prepared", &prepare.apply(scene("RGB")), &golden["prepared"]);
    // Of tensors with more dimensions, and of other dtypes.
    let x = Tensor::arange(24).view([2, 3, 2, 2]);
    for (name, dtype, normalize) in [
        ("f64", DType::F64, Normalize::new(MEAN, STD)),
        ("f16", DType::F16, Normalize::new(MEAN, STD)),
        ("one for all", DType::F32, Normalize::new([0.3], [0.7])),
    ] {
        let y = normalize.apply(x.to_dtype(dtype) / 7);
        golden::assert_same(name, &y, &golden["normalize"][name]);
    }
}

#[test]
fn normalize_checks_its_input() {
    let message = |normalize: &Normalize, x: Tensor| normalize.try_apply(x).unwrap_err().to_string();
    let normalize = Normalize::new(MEAN, STD);
    assert_eq!(
        message(&normalize, Tensor::zeros_with([3, 2, 2], DType::U8)),
        "Normalize: expected a floating-point tensor, got uint8"
    );
    for shape in [&[2, 2, 2][..], &[3, 2], &[]] {
        let error = message(&normalize, Tensor::zeros(shape));
        let rule =
            "Normalize: expected a tensor [..., channels, height, width] with one value per channel or one for all";
        assert_eq!(error, format!("{rule}, got 3 values and shape {shape:?}"));
    }
    assert!(Normalize::try_new([0.5], [0.0]).unwrap_err().to_string().starts_with("Normalize: expected means and"));
    assert!(Normalize::try_new([], [1.0]).is_err());
    // As in PyTorch, a deviation that is 0 in the type of the tensor is refused, too.
    let error = message(&Normalize::new([0.5], [1e-9]), Tensor::zeros_with([1, 1, 1], DType::F16));
    assert_eq!(error, "Normalize: expected standard deviations other than 0 in float16, got [1e-9]");
}
