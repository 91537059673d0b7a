//! Running the program in a folder of its own.
#![allow(dead_code, reason = "each test file uses some of this")]

pub(crate) mod colors;

use rushlight::io::idx::{Idx, IdxData};
use rushlight::vision::{Image, PixelFormat, digits};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// An empty folder for one test.
pub(crate) fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// The program, to be run in `folder`.
pub(crate) fn rushlight(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rushlight"));
    command.args(args).current_dir(folder);
    command
}

/// Standard output of a run that must succeed.
pub(crate) fn succeed(folder: &Path, args: &[&str]) -> String {
    let output = rushlight(folder, args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Standard error of a run that must end with this exit code. It must have said what is wrong and not have crashed.
pub(crate) fn fail(folder: &Path, args: &[&str], code: i32) -> String {
    let output = rushlight(folder, args).output().unwrap();
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {message}");
    assert!(message.starts_with("error: ") && !message.contains("panicked"), "{args:?}: {message}");
    message
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Writes a gray image as PNG.
pub(crate) fn write_png(path: &Path, side: usize, pixels: &[u8]) {
    Image::new(side, side, PixelFormat::Gray, pixels.to_vec()).save(path).unwrap();
}

/// The names in a folder.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Writes a few of the embedded digits into `folder` as IDX files.
pub(crate) fn write_digits(folder: &Path, train: usize, test: usize) {
    fs::create_dir_all(folder).unwrap();
    for (part, count, set) in [("train", train, digits(true)), ("t10k", test, digits(false))] {
        let set = set.unwrap();
        // Every ten images have the ten classes.
        let pixels = set.images().narrow(0, 0, count).to_vec::<f32>();
        let pixels = pixels.into_iter().map(|v| (v * 255.0).round() as u8).collect();
        let labels = set.labels().narrow(0, 0, count).to_vec::<i64>().into_iter().map(|label| label as u8).collect();
        write_idx(folder, &format!("{part}-images-idx3-ubyte"), &[count, 28, 28], pixels);
        write_idx(folder, &format!("{part}-labels-idx1-ubyte"), &[count], labels);
    }
}

pub(crate) fn write_idx(folder: &Path, name: &str, dims: &[usize], data: Vec<u8>) {
    let idx = Idx::new(dims, IdxData::U8(data)).unwrap();
    fs::write(folder.join(name), idx.to_bytes()).unwrap();
}
