//! The functions of `transforms::functional` on images, against Pillow and torchvision: equal samples, unless a test says why not.

use super::pictures::*;
use crate::golden;
use rushlight::vision::transforms::functional as f;
use rushlight::vision::transforms::{AffineOptions, Fill, PadOptions, ResizeOptions, RotateOptions};
use rushlight::vision::{Image, PixelFormat};
use serde_json::Value;
use std::collections::BTreeMap;

fn fill(value: &Value) -> Fill {
    match floats(value).as_deref() {
        None => Fill::default(),
        Some(&[all]) => all.into(),
        Some(&[a, b]) => [a, b].into(),
        Some(&[a, b, c]) => [a, b, c].into(),
        Some(&[a, b, c, d]) => [a, b, c, d].into(),
        Some(other) => panic!("unknown fill {other:?}"),
    }
}

fn resize_options(case: &Value) -> ResizeOptions {
    let mut options = ResizeOptions::new(resize_size(&case["to"]));
    if let Some(mode) = interpolation(&case["interpolation"]) {
        options = options.interpolation(mode);
    }
    match case["max_size"].as_u64() {
        Some(longest) => options.max_size(longest as usize),
        None => options,
    }
}

/// The results of a case's call.
fn call(case: &Value) -> Vec<Image> {
    let image = picture_of(case);
    let number = |name: &str| golden::number(&case[name]);
    let whole = |name: &str| case[name].as_i64().unwrap_or_else(|| panic!("{name} is missing")) as isize;
    let count = |name: &str| whole(name) as usize;
    let flag = |name: &str| case[name].as_bool().unwrap_or_default();
    vec![match golden::text(&case["call"]) {
        "resize" => f::resize(&image, resize_options(case)),
        "resized_crop" => {
            let options = resize_options(case);
            f::resized_crop(&image, whole("top"), whole("left"), count("height"), count("width"), options)
        }
        "crop" => f::crop(&image, whole("top"), whole("left"), count("height"), count("width")),
        "center_crop" => f::center_crop(&image, two(&case["output_size"])),
        "five_crop" => return f::five_crop(&image, two(&case["to"])).into(),
        "ten_crop" => return f::ten_crop(&image, two(&case["to"]), flag("vertical_flip")).into(),
        "hflip" => f::hflip(&image),
        "vflip" => f::vflip(&image),
        "pad" => {
            let options = PadOptions::new(pad_sizes(&case["padding"]));
            f::pad(&image, options.fill(fill(&case["fill"])).padding_mode(padding_mode(&case["padding_mode"])))
        }
        "rotate" => {
            let mut options = RotateOptions::new().expand(flag("expand")).fill(fill(&case["fill"]));
            if let Some(mode) = interpolation(&case["interpolation"]) {
                options = options.interpolation(mode);
            }
            if let Some(center) = pair(&case["center"]) {
                options = options.center(center);
            }
            f::rotate_with(&image, number("angle"), options)
        }
        "affine" => {
            let mut options = AffineOptions::new().fill(fill(&case["fill"]));
            if let Some(mode) = interpolation(&case["interpolation"]) {
                options = options.interpolation(mode);
            }
            if let Some(center) = pair(&case["center"]) {
                options = options.center(center);
            }
            let [translate, shear] = ["translate", "shear"].map(|name| pair(&case[name]).unwrap());
            f::affine_with(&image, number("angle"), translate, number("scale"), shear, options)
        }
        "rgb_to_grayscale" => f::rgb_to_grayscale(&image, count("num_output_channels")),
        "adjust_brightness" => f::adjust_brightness(&image, number("brightness_factor")),
        "adjust_contrast" => f::adjust_contrast(&image, number("contrast_factor")),
        "adjust_saturation" => f::adjust_saturation(&image, number("saturation_factor")),
        "adjust_sharpness" => f::adjust_sharpness(&image, number("sharpness_factor")),
        "adjust_hue" => f::adjust_hue(&image, number("hue_factor")),
        "posterize" => f::posterize(&image, count("bits")),
        "solarize" => f::solarize(&image, number("threshold")),
        "invert" => f::invert(&image),
        "autocontrast" => f::autocontrast(&image),
        "equalize" => f::equalize(&image),
        "gaussian_blur" => f::gaussian_blur(&image, two(&case["kernel_size"]), case["sigma"].as_f64()),
        other => panic!("unknown function {other}"),
    }]
}

#[test]
fn functions_equal_pillow() {
    let golden = golden();
    let cases = golden::list(&golden["functions"]);
    let (mut differences, mut counts) = (Vec::new(), BTreeMap::new());
    for case in cases {
        *counts.entry(golden::text(&case["call"])).or_insert(0) += 1;
        let (found, expected) = (call(case), golden::list(&case["results"]));
        assert_eq!(found.len(), expected.len());
        if let Some(what) = found.iter().zip(expected).find_map(|(image, record)| difference(image, record)) {
            let mut case = case.clone();
            case.as_object_mut().unwrap().remove("results");
            differences.push(format!("{what}: {case}"));
        }
    }
    assert_eq!(counts.len(), 23, "{counts:?}");
    assert_none(cases.len(), &differences);
}

#[test]
fn hues_of_all_colors() {
    let levels = || (0..64).map(|level| level * 4 + 3);
    let cube = levels().flat_map(|a| levels().flat_map(move |b| levels().flat_map(move |c| [a, b, c]))).collect();
    let cube = Image::new(512, 512, PixelFormat::Rgb, cube);
    for case in golden::list(&golden()["colors"]) {
        let image = f::adjust_hue(&cube, golden::number(&case["factor"]));
        assert_eq!(difference(&image, case), None);
    }
}
