//! The chapter's listings print what PyTorch prints for them, and draw their plots.

use crate::golden;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The example's program, which `cargo test` has built next to the tests; `cargo test --test examples` has not.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let program = profile.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    let changed = |path: &Path| fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).with_extension("rs");
    assert!(
        changed(&program) > changed(&source),
        "{} is missing or old: `cargo build -p rushlight --examples` makes it",
        program.display()
    );
    program
}

/// Runs an example in an empty folder and returns the folder and what was printed.
fn run(name: &str, args: &[&str]) -> (PathBuf, String) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let output = Command::new(program(name)).args(args).current_dir(&folder).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    (folder, String::from_utf8(output.stdout).unwrap())
}

/// The listing's lines of losses.
fn losses(golden: &Value, epochs: usize, every: usize) -> String {
    let lines = golden.as_array().unwrap().iter().enumerate();
    let line = |(i, loss): (usize, &Value)| {
        format!("Epoch [{}/{epochs}], Loss: {}\n", (i + 1) * every, loss.as_str().unwrap())
    };
    lines.map(line).collect()
}

/// A PNG with red dots and a blue line over white.
fn assert_is_plot(path: &Path) {
    let image = rushlight::vision::Image::open(path).unwrap();
    let count = |rgb: [u8; 3]| image.to_rgb().samples().chunks_exact(3).filter(|pixel| **pixel == rgb).count();
    assert!(count([0xDC, 0x26, 0x26]) > 15 * 100, "red dots");
    assert!(count([0x25, 0x63, 0xEB]) > 1000, "a blue line");
    assert!(count([255; 3]) > image.width() * image.height() / 2, "a white background");
}

#[test]
fn linear_regression_by_hand() {
    let golden = &golden::load("lenet")["linear_regression_by_hand"];
    let number = |name: &str| golden[name]["data"][0].as_f64().unwrap();
    let (folder, printed) = run("linear_regression_by_hand", &[]);
    let expected = losses(&golden["every_10"], 100, 10)
        + &format!("w = {:.4}, b = {:.4}\n", number("w"), number("b"))
        + "plot: linear_regression_by_hand.png\n";
    assert_eq!(printed, expected);
    assert!(printed.contains("w = 0.3718, b = -0.0528"));
    assert_is_plot(&folder.join("linear_regression_by_hand.png"));
}

#[test]
fn linear_regression() {
    let golden = &golden::load("lenet")["linear_regression"];
    let (folder, printed) = run("linear_regression", &["line.png"]);
    assert_eq!(printed, losses(&golden["every_5"], 60, 5) + "plot: line.png\n");
    assert_is_plot(&folder.join("line.png"));
}

#[test]
fn layers_and_activations() {
    let golden = golden::load("lenet");
    let parts = golden["layers_and_activations"].as_array().unwrap().iter();
    let text = |part: &Value, key: &str| part[key].as_str().unwrap().to_owned();
    let expected: Vec<String> = parts.map(|part| text(part, "name") + "\n" + &text(part, "text")).collect();
    assert_eq!(run("layers_and_activations", &[]).1, expected.join("\n\n") + "\n");
}
