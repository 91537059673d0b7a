//! What the tests of transforms share: the images, the records of results, and arguments.

use crate::golden;
use crate::loader::alone;
use rushlight::manual_seed;
use rushlight::vision::transforms::{InterpolationMode, PadSizes, PaddingMode, ResizeSize};
use rushlight::vision::{Image, PixelFormat};
use serde_json::Value;
use std::sync::MutexGuard;

pub(super) fn golden() -> Value {
    golden::load("transforms")
}

/// The image of `picture` in `golden/generate_transforms.py`.
pub(super) fn picture(mode: &str, height: usize, width: usize) -> Image {
    let (format, channels) = match mode {
        "L" => (PixelFormat::Gray, 1),
        "LA" => (PixelFormat::GrayAlpha, 2),
        "RGB" => (PixelFormat::Rgb, 3),
        _ => (PixelFormat::Rgba, 4),
    };
    let mut samples = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for c in 0..channels {
                samples.push(if mode.ends_with('A') && c == channels - 1 {
                    ((x * 37 + y * 91) % 300).saturating_sub(20).min(255) as u8
                } else {
                    let edges = (x * x * 7 + y * y * 11 + x * y * c) % 61 * (1 + (x / 4 + y / 3) % 3);
                    ((x * 5 + y * 3 + c * 40 + edges) % 256) as u8
                });
            }
        }
    }
    Image::new(width, height, format, samples)
}

/// The image of a case's mode and size.
pub(super) fn picture_of(case: &Value) -> Image {
    let size = golden::shape(&case["size"]);
    picture(golden::text(&case["mode"]), size[0], size[1])
}

/// What differs from a record of an image, if anything does.
pub(super) fn difference(image: &Image, record: &Value) -> Option<String> {
    let size = [image.height(), image.width(), image.format().channels()];
    let expected = ["height", "width", "channels"].map(|name| record[name].as_u64().unwrap() as usize);
    if size != expected {
        return Some(format!("got height, width and channels {size:?}, expected {expected:?}"));
    }
    let mut crc = flate2::Crc::new();
    crc.update(image.samples());
    if Some(u64::from(crc.sum())) == record["crc"].as_u64() {
        return None;
    }
    Some(match golden::numbers::<u8>(&record["samples"]) {
        Some(samples) => format!("got {:?}, expected {samples:?}", image.samples()),
        None => "other samples".into(),
    })
}

/// Whether an image has the samples of a record, except for one in a hundred that may be off by one.
pub(super) fn within_a_level(image: &Image, record: &Value) -> bool {
    let expected = golden::numbers::<u8>(&record["samples"]).expect("the samples");
    let differences: Vec<u8> = image.samples().iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).collect();
    let off = differences.iter().filter(|&&by| by > 0).count();
    image.samples().len() == expected.len() && off * 100 <= expected.len() && differences.iter().all(|&by| by <= 1)
}

/// Fails with all differences of a list of cases.
#[track_caller]
pub(super) fn assert_none(cases: usize, differences: &[String]) {
    let first: Vec<&String> = differences.iter().take(25).collect();
    assert!(differences.is_empty(), "{} of {cases} cases differ: {first:#?}", differences.len());
}

pub(super) fn interpolation(value: &Value) -> Option<InterpolationMode> {
    Some(match value.as_str()? {
        "nearest" => InterpolationMode::Nearest,
        "nearest-exact" => InterpolationMode::NearestExact,
        "bilinear" => InterpolationMode::Bilinear,
        "bicubic" => InterpolationMode::Bicubic,
        "box" => InterpolationMode::Box,
        "hamming" => InterpolationMode::Hamming,
        "lanczos" => InterpolationMode::Lanczos,
        other => panic!("unknown interpolation {other}"),
    })
}

pub(super) fn padding_mode(value: &Value) -> PaddingMode {
    match value.as_str().unwrap_or("constant") {
        "constant" => PaddingMode::Constant,
        "edge" => PaddingMode::Edge,
        "reflect" => PaddingMode::Reflect,
        "symmetric" => PaddingMode::Symmetric,
        other => panic!("unknown padding {other}"),
    }
}

pub(super) fn resize_size(value: &Value) -> ResizeSize {
    match golden::numbers::<usize>(value) {
        Some(sides) => [sides[0], sides[1]].into(),
        None => (value.as_u64().unwrap() as usize).into(),
    }
}

/// Height and width, given as one number or two.
pub(super) fn two(value: &Value) -> [usize; 2] {
    match golden::numbers::<usize>(value) {
        Some(sides) => [sides[0], sides[1]],
        None => [value.as_u64().unwrap() as usize; 2],
    }
}

pub(super) fn pad_sizes(value: &Value) -> PadSizes {
    match golden::numbers::<isize>(value).as_deref() {
        Some(&[x, y]) => [x, y].into(),
        Some(&[left, top, right, bottom]) => [left, top, right, bottom].into(),
        Some(other) => panic!("unknown padding {other:?}"),
        None => (value.as_i64().unwrap() as isize).into(),
    }
}

/// Numbers, of which there may be only one.
pub(super) fn floats(value: &Value) -> Option<Vec<f64>> {
    match value {
        Value::Null => None,
        Value::Array(values) => Some(values.iter().map(golden::number).collect()),
        number => Some(vec![golden::number(number)]),
    }
}

pub(super) fn pair(value: &Value) -> Option<[f64; 2]> {
    Some(floats(value)?.try_into().expect("two numbers"))
}

/// Seeds the default generator, which no other test draws from until the result is dropped.
pub(super) fn seeded(seed: u64) -> MutexGuard<'static, ()> {
    let turn = alone();
    manual_seed(seed);
    turn
}
