//! Reading images of every kind, and bytes that are not images. The files are made by `images/make_images.py`.

use std::fs;
use std::path::PathBuf;

use rushlight::Error;
use rushlight::vision::{Image, PixelFormat};

const WIDTH: usize = 24;
const HEIGHT: usize = 16;

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "images", name].iter().collect()
}

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

fn largest_difference(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
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

#[test]
fn files_that_are_not_images() {
    let message = |path: PathBuf| Image::open(path).unwrap_err().to_string();
    let missing = file("missing.png");
    assert!(message(missing.clone()).starts_with(&format!("{}: ", missing.display())));
    let script = file("make_images.py");
    assert_eq!(message(script.clone()), format!("{}: expected a PNG or JPEG image", script.display()));
    assert!(matches!(Image::open(file("")), Err(Error::Io { .. })));
    let message = |bytes: &[u8]| Image::decode(bytes).unwrap_err().to_string();
    assert_eq!(message(b""), "image: expected a PNG or JPEG image");
    assert!(message(b"\x89PNG\r\n\x1a\n").starts_with("image: damaged or unsupported PNG image: "));
    assert!(message(&[0xFF, 0xD8, 0xFF]).starts_with("image: damaged or unsupported JPEG image: "));
}

#[test]
fn cut_files_are_errors() {
    for name in ["rgb.png", "palette.png", "rgb.jpg", "progressive.jpg", "gray.jpg"] {
        let bytes = fs::read(file(name)).unwrap();
        for length in (0..bytes.len() * 9 / 10).step_by(7) {
            assert!(Image::decode(&bytes[..length]).is_err(), "{name} cut to {length} of {}", bytes.len());
        }
    }
}

#[test]
fn announced_sizes_are_checked_first() {
    // The size of a PNG is at bytes 16 to 24; the checksum of its header follows at 29.
    let mut png = fs::read(file("rgb.png")).unwrap();
    png[16..24].copy_from_slice(&[0, 1, 0x86, 0xA0, 0, 1, 0x86, 0xA0]);
    let checksum = crc(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.to_be_bytes());
    let error = Image::decode(&png).unwrap_err();
    assert!(error.to_string().starts_with("image: expected at most"), "{error}");
    // The size of a JPEG is five bytes after its start-of-frame marker.
    let mut jpeg = fs::read(file("rgb.jpg")).unwrap();
    let frame = jpeg.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xFF, 0xFF, 0xFF, 0xFF]);
    let error = Image::decode(&jpeg).unwrap_err();
    assert!(error.to_string().starts_with("image: expected at most"), "{error}");
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 })
    })
}

/// Damaged files decode to something or give an error; they do not crash.
#[test]
fn damaged_files_do_not_panic() {
    let mut state = 1u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for entry in fs::read_dir(file("")).unwrap() {
        let original = fs::read(entry.unwrap().path()).unwrap();
        for _ in 0..2000 {
            let mut bytes = original.clone();
            for _ in 0..1 + random(4) {
                let at = random(bytes.len());
                bytes[at] = random(256) as u8;
            }
            let _ = Image::decode(&bytes);
        }
    }
}
