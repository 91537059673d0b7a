//! What is read from each format.

use super::{file, largest_difference, samples, size, size_of, variant};
use crate::golden;
use rushlight::vision::{DecodeOptions, Image, PixelFormat};
use std::fs;

const WIDTH: usize = 24;
const HEIGHT: usize = 16;

fn pattern(x: usize, y: usize) -> [u8; 3] {
    [10 * x, 15 * y, 255 - 5 * (x + y)].map(|v| v as u8)
}

fn luma(rgb: [u8; 3]) -> u8 {
    let [r, g, b] = rgb.map(f64::from);
    (0.299 * r + 0.587 * g + 0.114 * b).round() as u8
}

fn expected<T>(mut pixel: impl FnMut(usize, usize) -> T) -> Vec<T> {
    (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y))).map(|(x, y)| pixel(x, y)).collect()
}

fn open(name: &str, format: PixelFormat) -> Image {
    let image = Image::open(file(name)).unwrap();
    assert_eq!((image.width(), image.height(), image.format()), (WIDTH, HEIGHT, format), "{name}");
    image
}

#[test]
fn png_of_every_kind() {
    let rgb = expected(pattern).concat();
    let gray = expected(|x, y| luma(pattern(x, y)));
    let opaque = |x| if x >= 12 { 255 } else { 0 };
    assert_eq!(open("rgb.png", PixelFormat::Rgb).samples(), rgb);
    assert_eq!(open("gray.png", PixelFormat::Gray).samples(), gray);
    assert_eq!(open("gray16.png", PixelFormat::Gray).samples(), gray);
    let rgba = open("rgba.png", PixelFormat::Rgba);
    assert_eq!(rgba.samples(), expected(|x, y| [&pattern(x, y)[..], &[opaque(x)]].concat()).concat());
    assert_eq!(rgba.to_rgb().samples(), rgb);
    assert_eq!(rgba.to_gray().samples(), gray);
    let over = expected(|x, y| if x >= 12 { pattern(x, y) } else { [255; 3] }).concat();
    assert_eq!(rgba.over_white().samples(), over);
    let gray_alpha = open("gray_alpha.png", PixelFormat::GrayAlpha);
    assert_eq!(gray_alpha.to_gray().samples(), gray);
    assert_eq!(gray_alpha.to_rgb().samples(), gray.iter().flat_map(|&v| [v; 3]).collect::<Vec<_>>());
    let over = expected(|x, y| if x >= 12 { luma(pattern(x, y)) } else { 255 });
    assert_eq!(gray_alpha.over_white().samples(), over);
    // Quantized by Pillow to the nearest of 256 colors.
    assert!(largest_difference(open("palette.png", PixelFormat::Rgb).samples(), &rgb) <= 12);
    let bits: Vec<u8> = gray.iter().map(|&v| if v >= 128 { 255 } else { 0 }).collect();
    assert_eq!(open("bits.png", PixelFormat::Gray).samples(), bits);
}

#[test]
fn jpeg_of_every_kind() {
    let rgb = expected(pattern).concat();
    for (name, tolerance) in [("rgb.jpg", 4), ("progressive.jpg", 4), ("subsampled.jpg", 16), ("cmyk.jpg", 4)] {
        let image = open(name, PixelFormat::Rgb);
        let difference = largest_difference(image.samples(), &rgb);
        assert!(difference <= tolerance, "{name}: {difference}");
    }
    let gray = expected(|x, y| luma(pattern(x, y)));
    assert!(largest_difference(open("gray.jpg", PixelFormat::Gray).samples(), &gray) <= 4);
}

/// Equal, but for the rare JPEGs that the second decoder reads.
#[test]
fn pixels_are_those_of_pillow() {
    let golden = golden::load("images");
    let files = golden["files"].as_object().unwrap();
    assert_eq!(files.len() + 1, fs::read_dir(file("formats")).unwrap().count());
    for (name, expected) in files {
        let image = Image::open(variant(name)).unwrap();
        assert_eq!(size_of(&image), size(expected), "{name}");
        let expected = samples(expected);
        let transparent = expected.len() == 4 * image.width() * image.height();
        let image = match (image.format(), transparent) {
            (PixelFormat::Rgba, true) => image,
            (PixelFormat::GrayAlpha, true) => {
                let samples = image.samples().chunks_exact(2).flat_map(|p| [p[0], p[0], p[0], p[1]]).collect();
                Image::new(image.width(), image.height(), PixelFormat::Rgba, samples)
            }
            (PixelFormat::Gray | PixelFormat::Rgb, false) => image.to_rgb(),
            (format, _) => panic!("{name}: opacity is {transparent}, got {format:?}"),
        };
        let difference = largest_difference(image.samples(), &expected);
        let tolerance = if name.ends_with("_partly.jpg") || name == "finer_chroma.jpg" { 4 } else { 0 };
        assert!(difference <= tolerance, "{name}: {difference}");
    }
}

/// As Pillow's `draft`.
#[test]
fn jpegs_are_scaled_while_decoded() {
    let golden = golden::load("images");
    let cases = golden::list(&golden["scaled"]);
    assert_eq!(cases.len(), 8);
    for case in cases {
        let wanted: Vec<usize> = golden::numbers(&case["at_least"]).unwrap();
        let options = DecodeOptions::new().at_least([wanted[0], wanted[1]]);
        let image = Image::open_with(variant("scaled.jpg"), options).unwrap();
        assert_eq!((size_of(&image), image.samples()), (size(case), &samples(case)[..]), "{wanted:?}");
    }
    // The size is the upright image's: stored are 29 rows of 37 pixels, and 4 columns and 9 rows suffice.
    let options = DecodeOptions::new().at_least([9, 4]);
    let image = Image::open_with(variant("orientation_6.jpg"), options).unwrap();
    assert_eq!(size_of(&image), [8, 10]);
    let image = Image::open_with(variant("orientation_1.jpg"), options).unwrap();
    assert_eq!(size_of(&image), [19, 15]);
    let image = Image::open_with(variant("orientation_6.jpg"), options.orientation(false)).unwrap();
    assert_eq!(size_of(&image), [19, 15]);
    // Other formats are not scaled.
    assert_eq!(size_of(&Image::open_with(variant("lossless.webp"), options).unwrap()), [37, 29]);
}

#[test]
fn orientation_is_applied_unless_refused() {
    let stored = |name: &str| Image::open_with(variant(name), DecodeOptions::new().orientation(false)).unwrap();
    for extension in ["jpg", "png", "webp"] {
        let name = format!("orientation_6.{extension}");
        let (upright, stored) = (Image::open(variant(&name)).unwrap(), stored(&name));
        assert_eq!((size_of(&upright), size_of(&stored)), ([29, 37], [37, 29]), "{name}");
        // The first stored column becomes the first row, from its end.
        let channels = stored.format().channels();
        let column = (0..29).rev().flat_map(|y| &stored.samples()[y * 37 * channels..][..channels]);
        assert!(column.eq(&upright.samples()[..29 * channels]), "{name}");
    }
}
