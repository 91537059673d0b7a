//! Random transforms after a seed, against torchvision's: the same draws, and the same samples.

use super::pictures::*;
use crate::golden;
use rushlight::data::{DataLoader, Dataset};
use rushlight::vision::Image;
use rushlight::vision::transforms::*;
use serde_json::Value;

type Boxed = Box<dyn Transform<Image, Output = Image>>;

/// Sets the options that a case gives.
macro_rules! given {
    ($builder:expr, $case:expr; $($option:ident: $read:expr),*) => {{
        let mut builder = $builder;
        $(
            let value = &$case[stringify!($option)];
            if !value.is_null() {
                builder = builder.$option($read(value));
            }
        )*
        builder
    }};
}

fn jitter(value: &Value) -> Jitter {
    match floats(value).expect("numbers")[..] {
        [around] => around.into(),
        [low, high] => [low, high].into(),
        _ => panic!("unknown range {value}"),
    }
}

fn shear(value: &Value) -> Shear {
    match floats(value).expect("numbers")[..] {
        [around] => around.into(),
        [low, high] => [low, high].into(),
        [a, b, c, d] => [a, b, c, d].into(),
        _ => panic!("unknown shear {value}"),
    }
}

/// The transform of a case.
fn made(case: &Value) -> Boxed {
    let argument = &case["args"][0];
    let range = |value: &Value| pair(value).unwrap();
    let number = |value: &Value| golden::number(value);
    let mode = |value: &Value| interpolation(value).unwrap();
    let fill = |value: &Value| Fill::from(floats(value).unwrap()[0]);
    let flag = |value: &Value| value.as_bool().unwrap();
    let count = |value: &Value| value.as_u64().unwrap() as usize;
    match golden::text(&case["class"]) {
        "RandomCrop" => Box::new(
            given!(RandomCrop::builder(two(argument)), case; padding: pad_sizes, pad_if_needed: flag, fill: fill, padding_mode: padding_mode)
                .build(),
        ),
        "RandomResizedCrop" => Box::new(
            given!(RandomResizedCrop::builder(two(argument)), case; scale: range, ratio: range, interpolation: mode).build(),
        ),
        "RandomHorizontalFlip" => Box::new(given!(RandomHorizontalFlip::builder(), case; p: number).build()),
        "RandomVerticalFlip" => Box::new(given!(RandomVerticalFlip::builder(), case; p: number).build()),
        "RandomGrayscale" => Box::new(given!(RandomGrayscale::builder(), case; p: number).build()),
        "RandomInvert" => Box::new(given!(RandomInvert::builder(), case; p: number).build()),
        "RandomAutocontrast" => Box::new(given!(RandomAutocontrast::builder(), case; p: number).build()),
        "RandomEqualize" => Box::new(given!(RandomEqualize::builder(), case; p: number).build()),
        "RandomPosterize" => Box::new(given!(RandomPosterize::builder(count(argument)), case; p: number).build()),
        "RandomSolarize" => Box::new(given!(RandomSolarize::builder(number(argument)), case; p: number).build()),
        "RandomAdjustSharpness" => {
            Box::new(given!(RandomAdjustSharpness::builder(number(argument)), case; p: number).build())
        }
        "ColorJitter" => Box::new(
            given!(ColorJitter::builder(), case; brightness: jitter, contrast: jitter, saturation: jitter, hue: jitter)
                .build(),
        ),
        "RandomRotation" => Box::new(
            given!(RandomRotation::builder(jitter(argument)), case; interpolation: mode, expand: flag, center: range, fill: fill)
                .build(),
        ),
        "RandomAffine" => Box::new(
            given!(RandomAffine::builder(jitter(argument)), case; translate: range, scale: range, shear: shear,
                interpolation: mode, fill: fill, center: range)
            .build(),
        ),
        "GaussianBlur" => Box::new(given!(GaussianBlur::builder(two(argument)), case; sigma: range).build()),
        "TrivialAugmentWide" => Box::new(
            given!(TrivialAugmentWide::builder(), case; num_magnitude_bins: count, interpolation: mode, fill: fill).build(),
        ),
        "RandAugment" => Box::new(
            given!(RandAugment::builder(), case; num_ops: count, magnitude: count, num_magnitude_bins: count,
                interpolation: mode, fill: fill)
            .build(),
        ),
        other => panic!("unknown transform {other}"),
    }
}

/// Applies a transform twice after each seed.
fn run(what: &str, transform: &Boxed, image: &Image, runs: &Value, differences: &mut Vec<String>) -> usize {
    for (seed, run) in golden::list(runs).iter().enumerate() {
        let _seeded = seeded(seed as u64);
        for (i, record) in golden::list(run).iter().enumerate() {
            let found = transform.apply(image.clone());
            // Sums in another order are on the other side of a half now and then.
            if what.contains("GaussianBlur") && within_a_level(&found, record) {
                continue;
            }
            if let Some(what_differs) = difference(&found, record) {
                differences.push(format!("{what}, seed {seed}, application {i}: {what_differs}"));
            }
        }
    }
    golden::list(runs).len()
}

#[test]
fn draws_equal_torchvision() {
    let (golden, mut differences, mut count) = (golden(), Vec::new(), 0);
    for case in golden::list(&golden["classes"]) {
        let mut what = case.clone();
        what.as_object_mut().unwrap().remove("runs");
        count += run(&what.to_string(), &made(case), &picture_of(case), &case["runs"], &mut differences);
    }
    let steps = || {
        let jitter = ColorJitter::builder().brightness(0.5).build();
        (RandomHorizontalFlip::builder().p(1.0).build(), RandomCrop::new(9), jitter)
    };
    let list = || -> Vec<Boxed> { vec![Box::new(steps().0), Box::new(steps().1), Box::new(steps().2)] };
    let combined: [(&str, Boxed); 6] = [
        ("RandomApply", Box::new(RandomApply::builder(Compose::new(steps())).p(0.6).build())),
        ("RandomApply", Box::new(RandomApply::builder(Compose::new(list())).p(0.6).build())),
        ("RandomChoice", Box::new(RandomChoice::new(steps()))),
        ("RandomChoice weighted", Box::new(RandomChoice::builder(list()).p([0.2, 0.5, 0.3]).build())),
        ("RandomOrder", Box::new(RandomOrder::new(steps()))),
        ("RandomOrder", Box::new(RandomOrder::new(list()))),
    ];
    for (name, transform) in combined {
        count += run(name, &transform, &picture("RGB", 12, 14), &golden["combined"][name], &mut differences);
    }
    assert_none(count, &differences);
}

struct Pictures;

impl Dataset for Pictures {
    type Item = Image;

    fn len(&self) -> usize {
        12
    }

    fn get(&self, index: usize) -> rushlight::Result<Image> {
        Ok(picture("RGB", 16, 12 + index))
    }
}

#[test]
fn draws_do_not_depend_on_the_number_of_workers() {
    let batches = |workers: usize| {
        let augment = Compose::new((RandomResizedCrop::new(8), RandAugment::new(), ToTensor::new()));
        let items = Pictures.map(move |image| augment.try_apply(image));
        let generator = rushlight::random::Generator::from_seed(3);
        let loader = DataLoader::builder(items).batch_size(4).num_workers(workers).generator(&generator).build();
        loader.iter().flat_map(|x| x.to_vec::<f32>()).collect::<Vec<_>>()
    };
    let alone = batches(0);
    assert_eq!(alone.len(), 12 * 3 * 64);
    assert_eq!(alone, batches(1));
    assert_eq!(alone, batches(3));
}

#[test]
fn arguments_are_checked() {
    let rejected = |result: rushlight::Result<Boxed>, text: &str| {
        let message = result.err().expect("an error").to_string();
        assert!(message.starts_with(text), "{message}");
    };
    fn boxed(transform: impl Transform<Image, Output = Image> + 'static) -> Boxed {
        Box::new(transform)
    }
    rejected(
        Resize::builder(9).max_size(9).try_build().map(boxed),
        "Resize: expected max_size with one smaller length",
    );
    rejected(Resize::builder([9, 8]).max_size(20).try_build().map(boxed), "Resize: expected max_size with one");
    rejected(
        RandomResizedCrop::builder(4).scale([0.9, 0.1]).try_build().map(boxed),
        "RandomResizedCrop: expected scale with a minimum that is at most the maximum, got 0.9 and 0.1",
    );
    rejected(
        RandomResizedCrop::builder(4).ratio([0.0, 1.0]).try_build().map(boxed),
        "RandomResizedCrop: expected shares",
    );
    rejected(ColorJitter::builder().brightness(-0.1).try_build().map(boxed), "ColorJitter: expected brightness of at");
    rejected(ColorJitter::builder().hue(0.6).try_build().map(boxed), "ColorJitter: expected hue in [-0.5, 0.5], got");
    rejected(RandomRotation::try_new(-3.0).map(boxed), "RandomRotation: expected degrees with a minimum");
    rejected(RandomRotation::try_new([0.0, f64::NAN]).map(boxed), "RandomRotation: expected degrees with a minimum");
    rejected(
        RandomAffine::builder(0.0).translate([0.0, 1.1]).try_build().map(boxed),
        "RandomAffine: expected movements",
    );
    rejected(RandomAffine::builder(0.0).scale([0.0, 1.0]).try_build().map(boxed), "RandomAffine: expected positive");
    rejected(GaussianBlur::try_new(4).map(boxed), "GaussianBlur: expected odd lengths");
    rejected(
        TrivialAugmentWide::builder().num_magnitude_bins(1).try_build().map(boxed),
        "TrivialAugmentWide: expected at",
    );
    rejected(RandAugment::builder().magnitude(31).try_build().map(boxed), "RandAugment: expected at least 2 bins");
    rejected(RandomApply::builder(Grayscale::new()).p(1.5).try_build().map(boxed), "RandomApply: expected p in [0, 1]");
    rejected(
        RandomChoice::builder(vec![Grayscale::new()]).p([-1.0]).try_build().map(boxed),
        "RandomChoice: expected weights of at least 0",
    );

    let _seeded = seeded(0);
    let fails = |transform: Boxed, mode: &str, text: &str| {
        let message = transform.try_apply(picture(mode, 6, 5)).unwrap_err().to_string();
        assert!(message.starts_with(text), "{message}");
    };
    fails(boxed(RandomCrop::new(7)), "RGB", "RandomCrop: expected an image of at least 7 x 7, got 6 x 5");
    fails(boxed(CenterCrop::new(0)), "RGB", "center_crop: expected 1 to");
    fails(boxed(Pad::new(-3)), "RGB", "pad: expected 1 to 134217728 pixels, got 0 x 0");
    fails(boxed(Pad::builder(isize::MAX).padding_mode(PaddingMode::Edge).build()), "L", "pad: expected 1 to");
    let cut = Pad::builder([-5, 0, 9, 0]).padding_mode(PaddingMode::Edge).build();
    fails(boxed(cut), "L", "pad: expected padding that leaves a pixel of 5 to repeat, got -5 and 9");
    fails(
        boxed(Pad::builder(1).fill([1, 2]).build()),
        "RGB",
        "pad: expected 1 or 3 fill values, one per channel, got 2",
    );
    let rotation = RandomRotation::builder(9.0).interpolation(InterpolationMode::Box).build();
    fails(boxed(rotation), "RGB", "rotate: expected nearest, bilinear or bicubic interpolation, got Box");
    fails(boxed(GaussianBlur::new(11)), "RGB", "gaussian_blur: expected an image larger than half the kernel");
    fails(boxed(RandomInvert::builder().p(1.0).build()), "RGBA", "invert: expected an image in gray or RGB, got Rgba");
    fails(boxed(RandomEqualize::builder().p(1.0).build()), "LA", "equalize: expected an image in gray or RGB");
    fails(boxed(RandomPosterize::builder(9).p(1.0).build()), "L", "posterize: expected 1 to 8 bits, got 9");
    fails(boxed(Grayscale::builder().num_output_channels(2).build()), "L", "rgb_to_grayscale: expected 1 or 3 output");
    fails(
        boxed(RandomChoice::builder(vec![Grayscale::new()]).p([1.0, 1.0]).build()),
        "L",
        "RandomChoice: expected one weight for each of 1 or more transforms, got 2 for 1",
    );
}
