//! Transforms of tensors and of batches, against torchvision's.

use super::pictures::*;
use crate::golden::{self, Golden, Tolerance};
use rushlight::vision::transforms::functional as f;
use rushlight::vision::transforms::*;
use rushlight::{DType, Tensor};
use serde_json::Value;

fn inputs(kind: &str) -> Tensor {
    let single = || ToTensor::new().apply(picture("RGB", 9, 8));
    match kind {
        "byte" => PILToTensor::new().apply(picture("RGB", 9, 8)),
        "gray" => PILToTensor::new().apply(picture("L", 9, 8)),
        "single" => single(),
        _ => Tensor::stack([single(), f::hflip(&single())]).to_dtype(DType::F64),
    }
}

fn resize_options(case: &Value) -> ResizeOptions {
    let mut options = ResizeOptions::new(resize_size(&case["size"]));
    if let Some(mode) = interpolation(&case["interpolation"]) {
        options = options.interpolation(mode);
    }
    if let Some(antialias) = case["antialias"].as_bool() {
        options = options.antialias(antialias);
    }
    match case["max_size"].as_u64() {
        Some(longest) => options.max_size(longest as usize),
        None => options,
    }
}

fn call(case: &Value) -> Tensor {
    let x = inputs(golden::text(&case["input"]));
    let number = |name: &str| golden::number(&case[name]);
    let whole = |name: &str| case[name].as_i64().unwrap() as isize;
    let count = |name: &str| whole(name) as usize;
    match golden::text(&case["call"]) {
        "resize" => f::resize(&x, resize_options(case)),
        "crop" => f::crop(&x, whole("top"), whole("left"), count("height"), count("width")),
        "center_crop" => f::center_crop(&x, two(&case["output_size"])),
        "resized_crop" => {
            f::resized_crop(&x, whole("top"), whole("left"), count("height"), count("width"), two(&case["size"]))
        }
        "hflip" => f::hflip(&x),
        "vflip" => f::vflip(&x),
        "pad" => {
            let options =
                PadOptions::new(pad_sizes(&case["padding"])).padding_mode(padding_mode(&case["padding_mode"]));
            f::pad(&x, options.fill(case["fill"].as_f64().unwrap_or_default()))
        }
        "rgb_to_grayscale" => f::rgb_to_grayscale(&x, count("num_output_channels")),
        "adjust_brightness" => f::adjust_brightness(&x, number("brightness_factor")),
        "adjust_contrast" => f::adjust_contrast(&x, number("contrast_factor")),
        "adjust_saturation" => f::adjust_saturation(&x, number("saturation_factor")),
        "adjust_hue" => f::adjust_hue(&x, number("hue_factor")),
        "gaussian_blur" => f::gaussian_blur(&x, two(&case["kernel_size"]), case["sigma"].as_f64()),
        "erase" => {
            let value = Tensor::from([0.5f32, 0.25, 0.75]).view([3, 1, 1]);
            f::erase(&x, count("i"), count("j"), count("h"), count("w"), &value)
        }
        other => panic!("unknown function {other}"),
    }
}

#[test]
fn tensor_functions_equal_torchvision() {
    let golden = golden();
    let cases = golden::list(&golden["on_tensors"]);
    let mut differences = Vec::new();
    for case in cases {
        let (found, expected) = (call(case), Golden::parse(&case["result"]));
        let same = if found.dtype() == DType::U8 && golden::text(&case["call"]).starts_with("resize") {
            // Positions are computed in float32 by PyTorch, and weighted sums of integers are often halves, which are rounded.
            let off = &found.to_dtype(DType::F32) - &expected.tensor().to_dtype(DType::F32);
            assert!(off.abs().amax(()).item() <= 1.0 && off.abs().mean().item() < 0.1, "{case}");
            Ok(())
        } else {
            expected.compare("the result", &found, Tolerance::SINGLE)
        };
        if let Err(message) = same {
            let mut case = case.clone();
            case.as_object_mut().unwrap().remove("result");
            differences.push(format!("{message}: {case}"));
        }
    }
    assert_none(cases.len(), &differences);
}

#[test]
fn white_stays_white_in_other_types() {
    let golden = golden();
    for case in golden::list(&golden["dtypes"]) {
        let x = golden::tensor(&case["input"]);
        let to = golden::dtype(golden::text(&case["to"]));
        let (what, convert) = (format!("{} to {to}", x.dtype()), ConvertImageDtype::new(to));
        if case["result"].is_null() {
            let message = convert.try_apply(x).unwrap_err().to_string();
            assert!(message.starts_with("convert_image_dtype: expected an integer type whose values"), "{message}");
        } else {
            golden::assert_same(&what, &convert.apply(x), &case["result"]);
        }
    }
}

#[test]
fn erasing_equals_torchvision() {
    for case in golden::list(&golden()["erasing"]) {
        let mut erasing = RandomErasing::builder();
        if let Some(p) = case["p"].as_f64() {
            erasing = erasing.p(p);
        }
        if let Some(scale) = pair(&case["scale"]) {
            erasing = erasing.scale(scale);
        }
        if let Some(ratio) = pair(&case["ratio"]) {
            erasing = erasing.ratio(ratio);
        }
        erasing = match &case["value"] {
            Value::Null => erasing,
            Value::String(_) => erasing.value(EraseValue::Random),
            values => erasing.value(EraseValue::Pixel(floats(values).unwrap())),
        };
        let erasing = erasing.build();
        for (seed, run) in golden::list(&case["runs"]).iter().enumerate() {
            let _seeded = seeded(seed as u64);
            let x = erasing.apply(ToTensor::new().apply(picture("RGB", 8, 7)));
            // Normal numbers are a few units in the last place off.
            golden::assert_close(&format!("{case} with seed {seed}"), &x, &run["x"], 1e-6);
            assert_eq!(Tensor::rand([1]).item(), golden::number(&run["next"]), "as many draws");
        }
    }
    let _seeded = seeded(0);
    let wrong = RandomErasing::builder().p(1.0).value([1.0, 2.0]).build();
    let message = wrong.try_apply(Tensor::zeros([3, 4, 4])).unwrap_err().to_string();
    assert_eq!(message, "RandomErasing: expected 1 or 3 values, one per channel, got 2");
}

#[test]
fn mixing_equals_torchvision() {
    let single = ToTensor::new().apply(picture("RGB", 6, 5));
    let rolled = |by: isize| match by {
        0 => single.clone(),
        by => Tensor::cat_dim([single.narrow(-1, 5 - by, by as usize), single.narrow(-1, 0, (5 - by) as usize)], -1),
    };
    let x = Tensor::stack([rolled(0), rolled(1), rolled(2)]);
    let labels = Tensor::from([2i64, 0, 3]);
    for case in golden::list(&golden()["mixing"]) {
        let (alpha, seed) = (golden::number(&case["alpha"]), case["seed"].as_u64().unwrap());
        let name = golden::text(&case["class"]);
        let _seeded = seeded(seed);
        let (y, targets) = match name {
            "MixUp" => MixUp::builder().alpha(alpha).num_classes(4).build().apply((x.clone(), labels.clone())),
            _ => CutMix::builder().alpha(alpha).num_classes(4).build().apply((x.clone(), labels.clone())),
        };
        let what = format!("{name} with alpha {alpha} and seed {seed}");
        golden::assert_close(&what, &targets, &case["labels"], 1e-6);
        if !case["x"].is_null() {
            golden::assert_close(&what, &y, &case["x"], 1e-6);
        }
        assert_eq!(Tensor::rand([1]).item(), golden::number(&case["next"]), "{what}: as many draws");
    }
    let _seeded = seeded(0);
    // Probabilities stay what they are, and their number of classes is known.
    let probabilities = Tensor::from([[1.0f32, 0.0], [0.25, 0.75], [0.0, 1.0]]);
    let (_, targets) = MixUp::builder().build().apply((x.clone(), probabilities));
    assert!(targets.sum_dim(1).allclose(&Tensor::ones([3])));
    let message = |labels: Tensor, mix: MixUp| mix.try_apply((x.clone(), labels)).unwrap_err().to_string();
    assert!(message(Tensor::from([0i64, 4, 1]), MixUp::new(4)).ends_with("labels of 4 classes from 0, got 4"));
    assert!(
        message(labels.clone(), MixUp::builder().build()).starts_with("MixUp: expected labels [samples] by number")
    );
    assert!(message(Tensor::from([0i64]), MixUp::new(4)).starts_with("MixUp: expected a batch"));
    assert!(MixUp::builder().alpha(0.0).try_build().is_err());
}

#[test]
fn tensors_are_checked() {
    let message = |result: rushlight::Result<Tensor>| result.unwrap_err().to_string();
    let line = Tensor::zeros([4]);
    assert_eq!(message(f::try_hflip(&line)), "hflip: expected a tensor [..., height, width], got shape [4]");
    assert!(message(f::try_adjust_hue(&Tensor::zeros([2, 3, 3]), 0.1)).starts_with("adjust_hue: expected a tensor"));
    let options = ResizeOptions::new(2).interpolation(InterpolationMode::Lanczos);
    assert!(message(f::try_resize(&Tensor::zeros([1, 3, 3]), options)).starts_with("resize: expected nearest"));
    let options = PadOptions::new(1).fill([1, 2]);
    assert_eq!(
        message(f::try_pad(&Tensor::zeros([2, 3, 3]), options)),
        "pad: expected one fill value for a tensor, got 2"
    );
    assert!(f::try_erase(&Tensor::zeros([1, 3, 3]), 2, 0, 2, 1, &Tensor::zeros([1])).is_err());
}
