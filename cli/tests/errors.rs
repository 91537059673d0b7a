//! Wrong input: a message that says what is wrong, exit code 1 (2 for the command line itself), and nothing lost.

mod common;

use common::{fail, folder, names, rushlight, succeed, write_digits, write_idx, write_png};
use std::fs;

#[test]
fn command_lines() {
    let folder = folder("command_lines");
    for (args, wanted) in [
        (&["train", "--optimizer", "sgdd"][..], "invalid value 'sgdd' for '--optimizer <OPTIMIZER>'"),
        (&["train", "--batch-size", "0"], "must be at least 1"),
        (&["train", "--batch-size", "-3"], "'-3'"),
        (&["train", "--epochs", "0"], "must be at least 1"),
        (&["train", "--epochs", "ten"], "not an integer"),
        (&["train", "--epochs", "99999999999999999999"], "not an integer"),
        (&["train", "--lr", "0"], "must be greater than 0 and finite"),
        (&["train", "--lr=-0.1"], "must be greater than 0 and finite"),
        (&["train", "--lr", "nan"], "must be greater than 0 and finite"),
        (&["train", "--lr", "fast"], "not a number"),
        (&["train", "--seed", "-1"], "'-1'"),
        (&["train", "--seed", "1.5"], "invalid digit"),
        (&["train", "--threads", "0"], "0 is not in 1..=1024"),
        (&["train", "--threads", "5000"], "5000 is not in 1..=1024"),
        (&["train", "--workers", "5000"], "5000 is not in"),
        (&["train", "--momentum", "1"], "unexpected argument '--momentum'"),
        (&["train", "--overwrite"], "--out <FOLDER>"),
        (&["train", "a", "b"], "unexpected argument 'b'"),
        (&["predict"], "<MODEL>"),
        (&["predict", "model"], "<FILE|FOLDER|->"),
        (&["predict", "model", "image", "--top", "0"], "0 is not in 1.."),
        (&["fly"], "unrecognized subcommand 'fly'"),
    ] {
        let message = fail(&folder, args, 2);
        assert!(message.contains(wanted), "{args:?}: {message}");
    }
    assert_eq!(names(&folder), [""; 0], "nothing is made before the command line is understood");
    assert_eq!(rushlight(&folder, &[]).output().unwrap().status.code(), Some(2));
    for help in [&["--help"][..], &["train", "--help"], &["predict", "--help"], &["--version"]] {
        assert!(succeed(&folder, help).contains("rushlight"));
    }
}

#[test]
fn data_folders() {
    let folder = folder("data_folders");
    let good = folder.join("good");
    write_digits(&good, 20, 10);
    let refused = |name: &str, wanted: &[&str], spoil: &dyn Fn(&std::path::Path)| {
        let data = folder.join(name);
        fs::create_dir(&data).unwrap();
        for file in names(&good) {
            fs::copy(good.join(&file), data.join(&file)).unwrap();
        }
        spoil(&data);
        let message = fail(&folder, &["train", name], 1);
        wanted.iter().for_each(|part| assert!(message.contains(part), "{name}: {part:?} in {message}"));
        assert!(!folder.join("runs").exists(), "{name}: a folder for a run that cannot be");
    };
    let (images, labels) = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte");
    refused("nowhere", &["nowhere", "No such file"], &|data| fs::remove_dir_all(data).unwrap());
    refused("file", &["file", "Not a directory"], &|data| {
        fs::remove_dir_all(data).unwrap();
        fs::write(data, "x").unwrap();
    });
    refused("missing", &["missing", "expected a file t10k-labels-idx1-ubyte"], &|data| {
        fs::remove_file(data.join("t10k-labels-idx1-ubyte")).unwrap();
    });
    refused("truncated", &[images, "truncated"], &|data| {
        let bytes = fs::read(data.join(images)).unwrap();
        fs::write(data.join(images), &bytes[..bytes.len() / 2]).unwrap();
    });
    refused("garbage", &[images, "not an IDX file"], &|data| fs::write(data.join(images), b"GIF89a").unwrap());
    refused("empty", &[labels, "truncated"], &|data| fs::write(data.join(labels), b"").unwrap());
    refused("promises", &[images, "truncated"], &|data| {
        fs::write(data.join(images), [0, 0, 8, 3, 255, 255, 255, 255, 0, 0, 0, 28, 0, 0, 0, 28, 1]).unwrap();
    });
    refused("gzip", &[images, "gzip"], &|data| {
        fs::remove_file(data.join(images)).unwrap();
        fs::write(data.join(images.to_owned() + ".gz"), [0x1f, 0x8b, 8, 0, 0, 0, 1, 2, 3]).unwrap();
    });
    refused("swapped", &[images, "u8 elements of shape [count, height, width]"], &|data| {
        fs::copy(data.join(labels), data.join(images)).unwrap();
    });
    refused("uneven", &["expected 20 labels for the images in", ", got 19"], &|data| {
        write_idx(data, labels, &[19], vec![1; 19]);
    });
    refused("classes", &["t10k-labels", "expected labels in 0..10, got 12 at item 3"], &|data| {
        write_idx(data, "t10k-labels-idx1-ubyte", &[10], vec![0, 1, 2, 12, 0, 0, 0, 0, 0, 0]);
    });
    refused("size", &["expected test images of 28 x 28 pixels, got 27 x 30"], &|data| {
        write_idx(data, "t10k-images-idx3-ubyte", &[10, 30, 27], vec![0; 10 * 30 * 27]);
    });
    refused("none", &["expected training images, got none"], &|data| {
        write_idx(data, images, &[0, 28, 28], Vec::new());
        write_idx(data, labels, &[0], Vec::new());
    });
    refused("blank", &["all training pixels are equal"], &|data| {
        write_idx(data, images, &[20, 28, 28], vec![7; 20 * 28 * 28]);
    });
}

#[test]
fn folders_that_cannot_be_written() {
    let folder = folder("unwritable");
    write_digits(&folder.join("data"), 20, 10);
    fs::write(folder.join("file"), "mine").unwrap();
    for out in ["file", "file/below", "/proc/rushlight"] {
        let message = fail(&folder, &["train", "data", "--epochs", "1", "--out", out], 1);
        assert!(message.starts_with(&format!("error: cannot write into {out}: ")), "{message}");
    }
    assert_eq!(fs::read_to_string(folder.join("file")).unwrap(), "mine");
    fs::write(folder.join("runs"), "mine").unwrap();
    let message = fail(&folder, &["train", "data", "--epochs", "1"], 1);
    assert!(message.starts_with("error: cannot write into runs: "), "{message}");
}

#[test]
#[cfg(target_os = "linux")]
fn output_that_cannot_be_written_or_is_not_read() {
    use std::process::Stdio;

    let folder = folder("output");
    write_digits(&folder.join("data"), 20, 10);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = rushlight(&folder, &["train", "data", "--epochs", "1"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(common::stderr(&output).starts_with("error: cannot write to standard output: "));

    // A reader that goes away, as `head` does, does not stop the training.
    let mut command = rushlight(&folder, &["train", "data", "--epochs", "2", "--out", "unread"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", common::stderr(&output));
    assert!(folder.join("unread/report.html").exists());
}

#[test]
fn losses_that_are_no_numbers() {
    let folder = folder("diverged");
    write_digits(&folder.join("data"), 40, 10);
    let args = ["train", "data", "--epochs", "5", "--batch-size", "5", "--lr", "1e30"];
    let message = fail(&folder, &args, 1);
    assert!(message.contains("no longer a finite number") && message.contains("nothing was kept"), "{message}");
    assert!(!folder.join("runs").exists());
}

#[test]
fn models_and_pictures() {
    let folder = folder("models_and_pictures");
    write_digits(&folder.join("data"), 20, 10);
    succeed(&folder, &["train", "data", "--epochs", "1", "--out", "run"]);
    let model = "run/model.safetensors";
    let bytes = fs::read(folder.join(model)).unwrap();
    fs::write(folder.join("cut"), &bytes[..bytes.len() - 1]).unwrap();
    fs::write(folder.join("garbage"), "no model at all").unwrap();
    fs::write(folder.join("empty"), "").unwrap();
    let other = [("weight", rushlight::Tensor::ones([2]))];
    rushlight::io::safetensors::save(folder.join("other"), other, &Default::default()).unwrap();
    write_png(&folder.join("good.png"), 28, &[[0; 392], [255; 392]].concat());
    for (bad, wanted) in [
        ("missing", "No such file"),
        ("data", "data: "),
        ("cut", "cut: "),
        ("garbage", "garbage: "),
        ("empty", "empty: "),
        ("other", "other: expected a model written by `rushlight train`"),
        ("good.png", "good.png: "),
    ] {
        let message = fail(&folder, &["predict", bad, "good.png"], 1);
        assert!(message.contains(wanted), "{bad}: {message}");
    }

    write_png(&folder.join("blank.png"), 40, &[255; 1600]);
    let png = fs::read(folder.join("good.png")).unwrap();
    fs::write(folder.join("cut.png"), &png[..png.len() / 2]).unwrap();
    for bad in ["blank.png", "cut.png", "garbage", "missing.png", "data", "empty"] {
        let message = fail(&folder, &["predict", model, bad], 1);
        assert!(message.starts_with(&format!("error: {bad}: ")), "{message}");
    }
}
