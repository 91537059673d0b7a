//! The chapter's listings print what PyTorch prints for them, and draw their plots.

use crate::golden;
use rushlight::nn::{Module, StateDict};
use rushlight::plot::Color;
use rushlight::vision::models::resnet18;
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
fn loss_lines(golden: &Value, epochs: usize, every: usize) -> String {
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
    let expected = loss_lines(&golden["every_10"], 100, 10)
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
    assert_eq!(printed, loss_lines(&golden["every_5"], 60, 5) + "plot: line.png\n");
    assert_is_plot(&folder.join("line.png"));
}

/// Runs an example that prints what PyTorch's program prints, and nothing else.
fn prints_as_pytorch(name: &str, args: &[&str]) {
    let golden = golden::load("listings");
    assert_eq!(run(name, args).1, golden::text(&golden["printed"][name]));
}

#[test]
fn layers_and_activations() {
    prints_as_pytorch("layers_and_activations", &[]);
}

#[test]
fn my_first_network() {
    prints_as_pytorch("my_first_network", &[]);
}

#[test]
fn heads() {
    prints_as_pytorch("heads", &[]);
}

#[test]
fn training_loop() {
    prints_as_pytorch("training_loop", &[]);
}

/// All but the text of one error is PyTorch's.
#[test]
fn losses() {
    let golden = golden::load("listings");
    let expected = golden::text(&golden["printed"]["losses"]);
    let printed = run("losses", &[]).1;
    assert_eq!(printed.lines().count(), expected.lines().count());
    for (printed, expected) in printed.lines().zip(expected.lines()) {
        let is_error =
            |line: &str| line.contains("backward through the graph a second time") && line.contains("retain_graph");
        assert!(printed == expected || is_error(printed) && is_error(expected), "{printed}\nPyTorch: {expected}");
    }
}

/// A folder below that of the examples, with these files.
fn folder_of<'a>(name: &str, files: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("folders").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
    folder.to_str().unwrap().to_owned()
}

#[test]
fn labels_from_names() {
    let names = ["dog.12.jpg", "cat.1.jpg", "cat.10.jpg", "dog.3.jpg", "cat.2.jpg"];
    let folder = folder_of("labels", names.map(|name| (name, Vec::new())));
    prints_as_pytorch("labels_from_names", &[&folder]);

    let folder = folder_of("no_labels", [("cat.1.jpg", Vec::new()), ("cow.1.jpg", Vec::new())]);
    let refused = |folder: &str| {
        let output = Command::new(program("labels_from_names")).arg(folder).output().unwrap();
        assert!(!output.status.success() && output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused(&folder).contains("cow.1.jpg: expected cat.NUMBER.jpg or dog.NUMBER.jpg"));
    assert!(refused("no/such/folder").contains("no/such/folder: "));
}

#[test]
fn optimizers() {
    let golden = golden::load("listings");
    let expected = golden::text(&golden["printed"]["optimizers"]);
    let (folder, printed) = run("optimizers", &["curves.png"]);
    assert_eq!(printed, format!("{expected}plot: curves.png\n"));
    let image = rushlight::vision::Image::open(folder.join("curves.png")).unwrap();
    let colors = [Color::BLUE, Color::ORANGE, Color::GREEN, Color::VIOLET, Color::TEAL, Color::PINK, Color::BROWN];
    let colors = colors.into_iter().chain([Color::GRAY, Color::RED, Color::GOLD, Color::LIME]);
    let names = expected.lines().map(|line| line.split(':').next().unwrap());
    for (Color { red, green, blue }, name) in colors.zip(names) {
        let pixels = image.samples().chunks_exact(3).filter(|pixel| **pixel == [red, green, blue]).count();
        assert!(pixels > 100, "{pixels} pixels are of the curve of {name} and its key in the legend");
    }
}

/// The picture that the script of the golden values calls `picture(i)`, as a PNG file.
fn picture(i: usize) -> Vec<u8> {
    let (width, height) = (20 + i % 7, 18 + i % 5);
    let pixel = |x: usize, y: usize| [x * (i + 3) * 5 + y * 7, y * (i + 1) * 9 + x, x * y + 40 * i];
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let samples: Vec<u8> = places.flat_map(|(x, y)| pixel(x, y).map(|sample| (sample % 256) as u8)).collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&samples).unwrap();
    file
}

/// Two epochs over pictures that are the same here and in PyTorch to the last bit: PNG, because decoders of JPEG differ by some levels.
#[test]
fn dogs_vs_cats() {
    let names: Vec<String> =
        ["cat", "dog"].iter().flat_map(|kind| (0..12).map(move |i| format!("{kind}.{i}.png"))).collect();
    let pictures = names.iter().enumerate().map(|(i, name)| (name.as_str(), picture(i)));
    let photos = folder_of("dogs_vs_cats", pictures);
    let (folder, printed) = run("dogs_vs_cats", &[&photos, "64", "2"]);

    let golden = golden::load("listings");
    let mut epochs = golden::list(&golden["dogs_vs_cats"]).iter();
    let mut lines = printed.lines();
    assert_eq!(lines.next(), Some("24 photographs: cat, dog"));
    let mut best = 0.0;
    for epoch in 0..2 {
        assert_eq!(lines.next(), Some(format!("Epoch {epoch}/1").as_str()));
        assert_eq!(lines.next(), Some("----------"));
        for (line, expected) in lines.by_ref().take(2).zip(epochs.by_ref()) {
            let [phase, "Loss:", loss, "Acc:", accuracy] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            assert_eq!(phase, golden::text(&expected["phase"]));
            // To change the initial weights by 1e-5 of their values moves PyTorch's own losses by 1e-3 in the first epoch, and by 2e-2 in
            // the second; in float64 both agree to the last digit printed.
            let (loss, wanted): (f64, f64) = (loss.parse().unwrap(), golden::number(&expected["loss"]));
            assert!((loss - wanted).abs() <= [1e-3, 2e-2][epoch] * wanted, "{line}: PyTorch has {wanted}");
            assert_eq!(accuracy, format!("{:.4}", golden::number(&expected["accuracy"])), "{line}");
            if phase == "valid" {
                best = accuracy.parse::<f64>().unwrap().max(best);
            }
        }
    }
    assert_eq!(lines.next(), Some(format!("Best val Acc: {best:.4}").as_str()));
    assert!(lines.next().is_some_and(|line| line.starts_with("Training complete in ")), "{printed}");

    // The file has the best network, which is the one after the first epoch, of two batches.
    let best = StateDict::load(folder.join("dogs_vs_cats.safetensors")).unwrap();
    assert_eq!(best.get("bn1.num_batches_tracked").unwrap().item(), 2.0);
    let _alone = crate::alone();
    resnet18(2).load_state_dict(&best);
}

#[test]
fn shared_memory() {
    let printed = run("shared_memory", &[]).1;
    let lines: Vec<&str> = printed.lines().collect();
    // What PyTorch 2.15 and NumPy print, except for the commas of `ndarray`; and PyTorch's reason with the sizes.
    assert_eq!(lines[..3], ["tensor([1, 2, 3])", "[-1, 2, 3]", "tensor([-1,  2,  7])"]);
    assert!(lines[3].starts_with("resize_: Trying to resize storage that is not resizable: "), "{}", lines[3]);
    assert_eq!(lines[4..], ["[-1, 2, 7]"]);
}

#[test]
fn activations() {
    let (folder, printed) = run("activations", &[]);
    assert_eq!(printed, "plot: activations.png\nplot: rectifiers.png\nplot: saturation.png\n");
    for name in ["rectifiers.png", "saturation.png"] {
        assert_is_plot(&folder.join(name));
    }
    let image = rushlight::vision::Image::open(folder.join("activations.png")).unwrap();
    let count = |rgb: [u8; 3]| image.samples().chunks_exact(3).filter(|pixel| **pixel == rgb).count();
    for (curves, color) in [("functions", [0x25, 0x63, 0xEB]), ("derivatives", [0xF9, 0x73, 0x16])] {
        assert!(count(color) > 16 * 1000, "{} pixels of the {curves}", count(color));
    }
}
