//! `rushlight train` on folders of photographs.

mod common;

use common::{fail, folder, names, rushlight, stderr, succeed};
use rushlight::io::safetensors;
use rushlight::vision::{Image, PixelFormat};
use std::fs;
use std::path::Path;
use std::process::Stdio;

const RESULTS: [&str; 7] = [
    "checkpoint.safetensors",
    "confusion.png",
    "curves.png",
    "metrics.csv",
    "model.safetensors",
    "report.html",
    "run.json",
];

/// A picture with stripes in the direction of its class and a shade of its own.
fn picture(class: usize, number: usize) -> Image {
    let (width, height) = (60 + 7 * number, 64);
    let sample = |x: usize, y: usize, channel: usize| {
        let stripe = if class == 0 { x } else { y } / (5 + number % 3) % 2;
        (100 * stripe + 60 * usize::from(channel == 1 + class) + 5 * number) as u8
    };
    let samples = (0..height).flat_map(|y| (0..width).flat_map(move |x| (0..3).map(move |c| sample(x, y, c))));
    Image::new(width, height, PixelFormat::Rgb, samples.collect())
}

const CLASSES: [&str; 2] = ["tree", "lake"];

/// Writes pictures of two classes into a folder for each.
fn write_photographs(folder: &Path, count: usize) {
    for (class, name) in CLASSES.iter().enumerate() {
        fs::create_dir_all(folder.join(name)).unwrap();
        for number in 0..count {
            picture(class, number).save(folder.join(name).join(format!("{number}.png"))).unwrap();
        }
    }
}

/// What a run came to: the metrics without the columns of time, and the model.
fn result(run: &Path) -> (Vec<String>, Vec<u8>) {
    let csv = fs::read_to_string(run.join("metrics.csv")).unwrap();
    let rows = csv.lines().map(|line| line.split(',').take(6).collect::<Vec<_>>().join(",")).collect();
    (rows, fs::read(run.join("model.safetensors")).unwrap())
}

fn without_events(run: &Path) -> Vec<String> {
    names(run).into_iter().filter(|name| !name.starts_with("events.out.tfevents.")).collect()
}

#[test]
fn a_folder_is_all_it_needs() {
    let folder = folder("all_it_needs");
    write_photographs(&folder.join("photos"), 10);
    fs::write(folder.join("photos/notes.txt"), "mine").unwrap();
    let text = succeed(&folder, &["train", "photos", "--threads", "1"]);
    for wanted in [
        "photos: 20 photographs of 2 classes, which are the names of the folders\n",
        "\nlake               8                           2\n",
        "\ntree               8                           2\n",
        "efficientnet_lite0, ImageNet weights carried by the program: 3,373,570 parameters, 2,562 of them trained; 1 thread\n",
        "\nvalidation accuracy 100.00 %, ",
        "\nwritten to runs/photos-1: model.safetensors, metrics.csv, curves.png, confusion.png, report.html\n",
    ] {
        assert!(text.contains(wanted), "{wanted:?} in {text}");
    }
    let run = folder.join("runs/photos-1");
    assert_eq!(without_events(&run), RESULTS);
    assert_eq!(names(&run).len(), RESULTS.len() + 1);
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    for wanted in ["<title>photos – Rushlight</title>", "rushlight train photos --threads 1", "data:image/png;base64,"]
    {
        assert!(page.contains(wanted), "{wanted}");
    }

    // The model alone predicts.
    fs::rename(run.join("model.safetensors"), folder.join("m")).unwrap();
    picture(0, 11).save(folder.join("new.png")).unwrap();
    let text = succeed(&folder, &["predict", "m", "new.png"]);
    assert!(text.lines().nth(1).unwrap().starts_with("new.png   tree "), "{text}");

    // Neither the number of threads nor where the weights come from changes the result.
    let (metrics, _) = result_with_model(&run, &folder.join("m"));
    fs::write(folder.join("w.safetensors"), rushlight_efficientnet_lite0::SAFETENSORS).unwrap();
    let args = ["train", "photos", "--threads", "3", "--weights", "w.safetensors", "--out", "from-file"];
    succeed(&folder, &args);
    let other = result(&folder.join("from-file"));
    assert_eq!(metrics, other.0);
    assert!(fs::read(folder.join("m")).unwrap() == other.1, "another model");
}

fn result_with_model(run: &Path, model: &Path) -> (Vec<String>, Vec<u8>) {
    fs::copy(model, run.join("model.safetensors")).unwrap();
    result(run)
}

#[test]
fn parts_can_be_given_and_classes_be_in_the_names() {
    let folder = folder("parts");
    for (part, count) in [("train", 3), ("valid", 2)] {
        fs::create_dir_all(folder.join("data").join(part)).unwrap();
        for (class, name) in CLASSES.iter().enumerate() {
            for number in 0..count {
                picture(class, number).save(folder.join(format!("data/{part}/{name}.{number}.png"))).unwrap();
            }
        }
    }
    let text = succeed(&folder, &["train", "data", "--epochs", "1"]);
    assert!(text.contains("lake               3                        2\n"), "{text}");
    assert!(text.contains("note: data/train is for training, data/valid for validation\n"), "{text}");
    let message = fail(&folder, &["train", "data", "--validation", "0.5"], 1);
    assert!(message.contains("expected no --validation"), "{message}");
}

#[test]
fn networks_are_trained_as_a_whole() {
    let folder = folder("whole");
    write_photographs(&folder.join("photos"), 5);
    let train = |out: &str, more: &[&str]| {
        let common =
            ["train", "photos", "--model", "mobilenet_v3_small", "--epochs", "2", "--batch-size", "4", "--out", out];
        let text = succeed(&folder, &[&common[..], more].concat());
        (text, result(&folder.join(out)))
    };
    let all = ["--optimizer", "adamw", "--schedule", "plateau", "--augment", "mixup", "--patience", "1"];
    let (text, one) = train("one", &[&all[..], &["--threads", "1", "--workers", "0"]].concat());
    assert!(
        text.contains("mobilenet_v3_small, random weights: 1,519,906 parameters, all of them trained; 1 thread\n"),
        "{text}"
    );
    assert!(one == train("two", &[&all[..], &["--threads", "2", "--workers", "2"]].concat()).1, "threads and workers");

    // With weights of another network of the same kind but its classes, and a part of it frozen.
    let (text, _) = train("three", &["--weights", "one/model.safetensors", "--unfreeze-from", "classifier.3"]);
    assert!(text.contains("/one/model.safetensors: 1,519,906 parameters, 2,050 of them trained"), "{text}");
    let tensors = |run: &str| safetensors::load(folder.join(run).join("model.safetensors")).unwrap().0;
    for ((name, before), (_, after)) in tensors("one").iter().zip(&tensors("three")) {
        assert_eq!(before.equal(after), !name.starts_with("classifier.3"), "{name}");
    }

    let message = fail(&folder, &["train", "photos", "--weights", "one/model.safetensors"], 1);
    assert_eq!(message.lines().count(), 1);
    assert!(!message.contains("\\n"), "{message}");
    for wanted in
        ["one/model.safetensors: expected weights of efficientnet_lite0", "_conv_stem.weight", "features.0.0.weight"]
    {
        assert!(message.contains(wanted), "{wanted} in {message}");
    }
    let message = fail(&folder, &["train", "photos", "--unfreeze-from", "layer9"], 1);
    assert!(
        message.contains("expected a stage of EfficientNetLite0: _conv_stem, ") && message.contains("got layer9"),
        "{message}"
    );
    assert!(!folder.join("runs").exists(), "a folder of a run that cannot be");
}

#[test]
fn pictures_that_cannot_be_read() {
    let folder = folder("unreadable");
    let photos = folder.join("photos");
    write_photographs(&photos, 6);
    let png = fs::read(photos.join("tree/0.png")).unwrap();
    fs::write(photos.join("tree/cut.png"), &png[..png.len() / 2]).unwrap();
    let message = fail(&folder, &["train", "photos"], 1);
    assert!(
        message.contains("photos/tree/cut.png: ") && message.contains("(--skip-bad leaves out pictures"),
        "{message}"
    );
    assert!(!folder.join("runs").exists());

    fs::write(photos.join("tree/empty.jpg"), "").unwrap();
    fs::write(photos.join("lake/text.jpg"), "hello").unwrap();
    for more in [&[][..], &["--model", "mobilenet_v3_small", "--batch-size", "4", "--augment", "flip"]] {
        let args = [&["train", "photos", "--skip-bad", "--epochs", "1", "--out", "run", "--overwrite"], more].concat();
        let text = succeed(&folder, &args);
        assert!(text.contains("\n3 pictures could not be read and were left out:\n"), "{text}");
        for file in ["tree/cut.png", "tree/empty.jpg", "lake/text.jpg"] {
            assert_eq!(text.matches(file).count(), 1, "{file} in {text}");
        }
        let page = fs::read_to_string(folder.join("run/report.html")).unwrap();
        assert!(page.contains("Files that could not be read and were left out: 3."));
    }

    for (name, files, wanted) in [
        ("empty", &[][..], "expected pictures (.jpg"),
        ("one", &["cat/1.png", "cat/2.png"], "expected at least 2 classes, got one, \"cat\""),
        ("single", &["cat/1.png", "cat/2.png", "dog/1.png"], "got 1 of class dog"),
    ] {
        fs::create_dir_all(folder.join(name)).unwrap();
        for file in files {
            let path = folder.join(name).join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &png).unwrap();
        }
        let message = fail(&folder, &["train", name], 1);
        assert!(message.contains(wanted), "{name}: {message}");
    }
}

#[test]
fn losses_that_are_no_numbers_name_the_step_and_keep_the_last_epoch() {
    let folder = folder("nan");
    write_photographs(&folder.join("photos"), 6);
    // The learning rate grows to nonsense in the second epoch: the first one is kept.
    let args = ["train", "photos", "--model", "squeezenet1_1", "--optimizer", "sgd", "--lr", "1e8", "--out", "run"];
    let message = fail(&folder, &args, 1);
    assert!(message.contains("the loss is no longer a finite number in step "), "{message}");
    assert!(
        message.contains(" the largest of the parameters, ") || message.contains(" has elements that are"),
        "{message}"
    );

    fs::write(folder.join("w.safetensors"), rushlight_efficientnet_lite0::SAFETENSORS).unwrap();
    let (mut tensors, about) = safetensors::load(folder.join("w.safetensors")).unwrap();
    tensors.iter_mut().find(|(name, _)| *name == "_conv_head.weight").unwrap().1.fill_(f64::NAN);
    safetensors::save(folder.join("nan.safetensors"), tensors, &about).unwrap();
    let message = fail(&folder, &["train", "photos", "--weights", "nan.safetensors", "--freeze"], 1);
    assert!(message.contains("expected finite features, got infinite or NaN ones"), "{message}");
}

#[test]
#[cfg(unix)]
fn runs_that_are_killed_continue_to_the_same_end() {
    use std::io::{BufRead, BufReader};

    let folder = folder("killed");
    write_photographs(&folder.join("photos"), 6);
    let frozen = ["train", "photos", "--epochs", "40"];
    let whole = [
        "train",
        "photos",
        "--model",
        "mobilenet_v3_small",
        "--batch-size",
        "4",
        "--augment",
        "cutmix",
        "--epochs",
        "3",
    ];
    for (name, args, lines) in
        [("frozen", &frozen[..], ["    3 ", "   17 "]), ("whole", &whole[..], ["epoch", "    2 "])]
    {
        succeed(&folder, &[args, &["--out", name]].concat());
        let expected = result(&folder.join(name));
        let killed = format!("{name}-killed");
        let mut command = [args, &["--out", &killed]].concat();
        for line in lines {
            let mut child = rushlight(&folder, &command).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            let mut output = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
            assert!(output.any(|text| text.starts_with(line)), "{line:?} was never printed");
            // Another run cannot write there meanwhile.
            let message = fail(&folder, &["train", "--resume", &killed], 1);
            assert!(message.contains("another run is writing into this folder"), "{message}");
            child.kill().unwrap();
            child.wait().unwrap();
            command = vec!["train", "--resume", &killed];
        }
        let text = succeed(&folder, &["train", "--resume", &killed]);
        assert!(text.contains("continued after epoch "), "{text}");
        assert!(expected == result(&folder.join(&killed)), "{name}: another result after a kill");
        assert_eq!(without_events(&folder.join(&killed)), without_events(&folder.join(name)));
        // A finished run has nothing to do but to draw its figures.
        fs::remove_file(folder.join(&killed).join("curves.png")).unwrap();
        succeed(&folder, &["train", "--resume", &killed]);
        assert!(folder.join(&killed).join("curves.png").exists());
        assert!(expected == result(&folder.join(&killed)), "{name}: another result after the end");
    }

    // A folder without a run, and settings that a run has already.
    let message = fail(&folder, &["train", "--resume", "photos"], 1);
    assert!(
        message.contains("photos: expected the folder of a run with run.json, got a folder without it"),
        "{message}"
    );
    let message = fail(&folder, &["train", "--resume", "frozen", "--lr", "1"], 2);
    assert!(message.contains("cannot be used with"), "{message}");
}

#[test]
fn a_run_that_overwrites_leaves_nothing_of_the_other() {
    let folder = folder("overwrites");
    write_photographs(&folder.join("photos"), 4);
    let args = ["train", "photos", "--epochs", "1", "--out", "run"];
    let output = rushlight(&folder, &args).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    fs::write(folder.join("run/wrong.png"), "of another run").unwrap();
    let message = fail(&folder, &args, 1);
    assert!(message.contains("run already holds a run (model.safetensors)"), "{message}");
    succeed(&folder, &[&args[..], &["--overwrite"]].concat());
    let left = fs::read(folder.join("run/wrong.png")).is_ok_and(|bytes| bytes == b"of another run");
    assert!(!left, "a figure of another run");
    assert_eq!(names(&folder.join("run")).iter().filter(|name| name.starts_with("events")).count(), 1);
}

#[test]
#[cfg(unix)]
fn files_that_cannot_be_written_end_the_run_without_a_part_of_them() {
    let folder = folder("full");
    write_photographs(&folder.join("photos"), 4);
    // Like a full disk: no file may be longer than 2 or 4 MB, by the shell's units, and the model is.
    let script = "trap '' XFSZ; ulimit -f 4000; exec \"$0\" train photos --epochs 2 --out run";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_rushlight")]).current_dir(&folder);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "error: run/model.safetensors: File too large (os error 27)\n");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("written to"));
    assert_eq!(without_events(&folder.join("run")), ["checkpoint.safetensors", "run.json"]);
    // Once there is room, the run continues.
    succeed(&folder, &["train", "--resume", "run"]);
    assert_eq!(without_events(&folder.join("run")), RESULTS);
}
