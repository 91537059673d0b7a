//! Images of every format and variant, against the pixels that Pillow reads: files that `images/make_images.py` and
//! `golden/generate_images.py` write.

mod damaged;
mod formats;
mod write;

use crate::golden;
use rushlight::vision::Image;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "images", name].iter().collect()
}

/// A file of `golden/generate_images.py`.
fn variant(name: &str) -> PathBuf {
    file("formats").join(name)
}

/// The paths of all files, of both scripts.
fn all_files() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = ["", "formats"]
        .iter()
        .flat_map(|folder| fs::read_dir(file(folder)).unwrap().map(|entry| entry.unwrap().path()))
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    paths
}

/// The samples of an image in a fixture.
fn samples(value: &Value) -> Vec<u8> {
    let digits = golden::text(&value["samples"]).as_bytes().chunks_exact(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn size(value: &Value) -> [usize; 2] {
    ["width", "height"].map(|side| value[side].as_u64().unwrap() as usize)
}

fn size_of(image: &Image) -> [usize; 2] {
    [image.width(), image.height()]
}

fn largest_difference(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}
