//! Bytes that are not images, images that are damaged, and sizes that are lies.

use super::{all_files, file, variant};
use rushlight::Error;
use rushlight::vision::{DecodeOptions, Image};
use std::fs;
use std::path::PathBuf;

fn message(bytes: &[u8]) -> String {
    Image::decode(bytes).unwrap_err().to_string()
}

#[test]
fn files_that_are_not_images() {
    let in_file = |path: PathBuf| Image::open(path).unwrap_err().to_string();
    let missing = file("missing.png");
    assert!(in_file(missing.clone()).starts_with(&format!("{}: ", missing.display())));
    let script = file("make_images.py");
    let formats = "expected a JPEG, PNG, WebP, GIF or BMP image";
    let text = format!("{}: {formats}, got a file that starts with \"#!/usr/bin/e\"", script.display());
    assert_eq!(in_file(script), text);
    assert!(matches!(Image::open(file("")), Err(Error::Io { .. })));
    assert_eq!(message(b""), format!("image: {formats}, got an empty file"));
    assert_eq!(message(b"\0"), format!("image: {formats}, got a file that starts with \"\\x00\""));
    for (start, name) in [
        (&b"\x89PNG\r\n\x1a\n"[..], "PNG"),
        (&[0xFF, 0xD8, 0xFF], "JPEG"),
        (b"RIFF\x08\0\0\0WEBP", "WebP"),
        (b"GIF89a", "GIF"),
        (b"BM", "BMP"),
    ] {
        let message = message(start);
        assert!(message.starts_with(&format!("image: damaged or unsupported {name} image: ")), "{message}");
    }
}

#[test]
fn cut_files_are_errors() {
    for path in all_files() {
        let Some(extension) = path.extension().and_then(|extension| extension.to_str()) else { continue };
        let name = path.file_name().unwrap().to_str().unwrap();
        // Whose image ends long before the file does.
        if extension == "py"
            || ["animated.gif", "animated.webp", "bytes_after_end.jpg", "two_images.jpg"].contains(&name)
        {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        // EXIF data follow the image in a WebP.
        let end = if extension == "webp" && name.starts_with("orientation") { bytes.len() - 80 } else { bytes.len() };
        for length in (0..end * 9 / 10).step_by(7) {
            assert!(Image::decode(&bytes[..length]).is_err(), "{name} cut to {length} of {}", bytes.len());
        }
    }
    let jpeg = fs::read(variant("420.jpg")).unwrap();
    assert!(message(&jpeg[..jpeg.len() * 2 / 3]).contains("JPEG image: cut short, "));
    // With an end but without most of the image.
    let half = [&jpeg[..jpeg.len() * 2 / 3], &[0xFF, 0xD9]].concat();
    assert!(message(&half).contains("JPEG image: cut short, "), "{}", message(&half));
    let bmp = fs::read(variant("rgb.bmp")).unwrap();
    assert!(message(&bmp[..bmp.len() - 9]).contains("BMP image: cut short, "));
}

/// Writes sizes where a file declares them.
type SetSize = fn(&mut [u8], [u32; 2]);

fn set_png(bytes: &mut [u8], [width, height]: [u32; 2]) {
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = crc(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
}

fn set_jpeg(bytes: &mut [u8], [width, height]: [u32; 2]) {
    let frame = bytes.windows(2).position(|w| w[0] == 0xFF && (0xC0..=0xC2).contains(&w[1])).unwrap();
    bytes[frame + 5..frame + 7].copy_from_slice(&(height as u16).to_be_bytes());
    bytes[frame + 7..frame + 9].copy_from_slice(&(width as u16).to_be_bytes());
}

fn set_gif(bytes: &mut [u8], [width, height]: [u32; 2]) {
    bytes[6..8].copy_from_slice(&(width as u16).to_le_bytes());
    bytes[8..10].copy_from_slice(&(height as u16).to_le_bytes());
}

fn set_bmp(bytes: &mut [u8], [width, height]: [u32; 2]) {
    bytes[18..22].copy_from_slice(&width.to_le_bytes());
    bytes[22..26].copy_from_slice(&height.to_le_bytes());
}

/// In the header of a lossless image.
fn set_webp(bytes: &mut [u8], [width, height]: [u32; 2]) {
    let at = bytes.windows(4).position(|w| w == b"VP8L").unwrap() + 9;
    let packed = (width - 1) | (height - 1) << 14;
    bytes[at..at + 4].copy_from_slice(&packed.to_le_bytes());
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 })
    })
}

#[test]
fn declared_sizes_are_checked_first() {
    let files: [(&str, SetSize, u32); 8] = [
        ("interlaced_rgb.png", set_png, 100_000),
        ("420.jpg", set_jpeg, 65_500),
        ("420_progressive.jpg", set_jpeg, 65_500),
        ("420_separate.jpg", set_jpeg, 65_500),
        ("palette.gif", set_gif, 65_535),
        ("rgb.bmp", set_bmp, 100_000),
        ("run_length_8.bmp", set_bmp, 100_000),
        ("lossless.webp", set_webp, 16_000),
    ];
    for (name, set_size, side) in files {
        let mut bytes = fs::read(variant(name)).unwrap();
        set_size(&mut bytes, [side, side]);
        let error = message(&bytes);
        assert_eq!(error, format!("image: expected at most 134217728 pixels, got {side} x {side}"), "{name}");
        set_size(&mut bytes, [11_000, 11_000]);
        let error = message(&bytes);
        let length = bytes.len();
        let claim =
            format!("image: expected at least a byte for 1024 pixels, got 11000 x 11000 pixels in {length} bytes");
        assert_eq!(error, claim, "{name}");
        set_size(&mut bytes, [40, 30]);
        let error = Image::decode_with(&bytes, DecodeOptions::new().max_pixels(1199)).unwrap_err().to_string();
        assert_eq!(error, "image: expected at most 1199 pixels, got 40 x 30", "{name}");
    }
}

/// Found by fuzzing: the JPEG decoder divided by the size of an image of four components.
#[test]
fn images_without_pixels_are_errors() {
    let mut jpeg = fs::read(variant("cmyk.jpg")).unwrap();
    set_jpeg(&mut jpeg, [16, 0]);
    assert_eq!(message(&jpeg), "image: expected at least one pixel, got 16 x 0");
    set_jpeg(&mut jpeg, [0, 16]);
    assert!(Image::decode(&jpeg).is_err());
}

/// Damaged files decode to something or return an error; they do not panic.
#[test]
fn damaged_files_do_not_panic() {
    let mut state = 1u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for path in all_files() {
        let original = fs::read(path).unwrap();
        for _ in 0..200 {
            let mut bytes = original.clone();
            for _ in 0..1 + random(4) {
                let at = random(bytes.len());
                bytes[at] = random(256) as u8;
            }
            let _ = Image::decode_with(&bytes, DecodeOptions::new().max_pixels(1 << 20));
        }
    }
}
