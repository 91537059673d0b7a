//! `rushlight train` and `rushlight predict` as a user runs them, on real digits.

mod common;

use common::{folder, names, rushlight, stderr, succeed, write_digits, write_png};
use rushlight::vision::{Image, digits};
use std::fs;
use std::path::Path;

const RESULTS: [&str; 7] = [
    "checkpoint.safetensors",
    "confusion.png",
    "curves.png",
    "metrics.csv",
    "model.safetensors",
    "report.html",
    "run.json",
];

/// The names in the folder of a run, but that of the event file, which tells the time.
fn written(run: &Path) -> Vec<String> {
    let (events, written): (Vec<_>, _) =
        names(run).into_iter().partition(|name| name.starts_with("events.out.tfevents."));
    assert_eq!(events.len(), 1);
    written
}

/// The number that stands between `before` and `after` in a text.
fn number(text: &str, before: &str, after: &str) -> f64 {
    let rest = &text[text.find(before).unwrap_or_else(|| panic!("{before:?} in {text}")) + before.len()..];
    rest[..rest.find(after).unwrap()].trim().parse().unwrap()
}

#[test]
fn learns_the_embedded_digits_and_recognizes_pictures() {
    let folder = folder("learns");
    let output = rushlight(&folder, &["train", "--epochs", "3"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(output.stderr, b"", "nothing but results where nobody watches");
    let control = output.stdout.iter().find(|byte| byte.is_ascii_control() && **byte != b'\n');
    assert_eq!(control, None, "control characters in piped output");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("digits: 2000 training and 500 test images of 10 classes\n"), "{text}");
    let end = &text[text.find("test accuracy ").unwrap()..];
    assert!(number(end, "test accuracy ", " %") >= 90.0, "{text}");

    let run = folder.join("runs/digits-1");
    assert_eq!(written(&run), RESULTS);
    let csv = fs::read_to_string(run.join("metrics.csv")).unwrap();
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 4);
    let column = |name: &str| rows[0].iter().position(|heading| *heading == name).unwrap();
    let last = |name: &str| rows[3][column(name)].parse::<f64>().unwrap();
    assert!((last("test_loss") - number(end, "test loss ", ",")).abs() < 1e-8);
    assert!((100.0 * last("test_accuracy") - number(end, "test accuracy ", " %")).abs() < 0.01);
    assert!((last("train_loss") - number(end, "training loss ", "\n")).abs() < 1e-8);
    for image in ["curves.png", "confusion.png"] {
        assert!(Image::open(run.join(image)).unwrap().width() > 400);
    }

    // The test images as files: as many are right as in the test itself.
    let test = digits(false).unwrap();
    let (labels, pixels) = (test.labels().to_vec::<i64>(), test.images().to_vec::<f32>());
    let ink = |index: usize, x: usize, y: usize| (pixels[(index * 28 + y) * 28 + x] * 255.0).round() as u8;
    let right = |count: usize, side: usize, pixel: &dyn Fn(usize, usize, usize) -> u8| {
        let files: Vec<String> = (0..count).map(|index| format!("{side}-{index}.png")).collect();
        for (index, file) in files.iter().enumerate() {
            let image: Vec<u8> = (0..side * side).map(|i| pixel(index, i % side, i / side)).collect();
            write_png(&folder.join(file), side, &image);
        }
        let mut args = vec!["predict", "runs/digits-1/model.safetensors"];
        args.extend(files.iter().map(String::as_str));
        let text = succeed(&folder, &args);
        let lines: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines.len(), count, "a line for each file under the heading");
        let is_right =
            |(index, line): &(usize, &Vec<&str>)| line[..2] == [&files[*index], &*labels[*index].to_string()];
        lines.iter().enumerate().filter(is_right).count() as f64 / count as f64
    };
    assert!((right(500, 28, &ink) - last("test_accuracy")).abs() < 1e-9);
    // As a photograph of paper would show them: larger, dark on light, not in the middle.
    let inside = |x: usize| (24..24 + 28 * 6).contains(&x);
    let paper = |index: usize, x: usize, y: usize| {
        230 - if inside(x) && inside(y) { ink(index, (x - 24) / 6, (y - 24) / 6) / 2 } else { 0 }
    };
    let right = right(100, 220, &paper);
    assert!(right >= 0.8, "{right}");
}

/// What a run came to: the table without the columns of time, and the model.
fn result(run: &Path) -> (Vec<String>, Vec<u8>) {
    let csv = fs::read_to_string(run.join("metrics.csv")).unwrap();
    let rows = csv.lines().map(|line| line.split(',').take(5).collect::<Vec<_>>().join(",")).collect();
    (rows, fs::read(run.join("model.safetensors")).unwrap())
}

#[test]
fn threads_and_workers_change_nothing_and_the_seed_does() {
    let folder = folder("same");
    write_digits(&folder.join("data"), 160, 50);
    for optimizer in ["sgd", "adam"] {
        let train = |name: &str, more: &[&str]| {
            let common = ["train", "data", "--epochs", "2", "--optimizer", optimizer, "--overwrite", "--out", name];
            let text = succeed(&folder, &[&common[..], more].concat());
            let last = text.lines().find(|line| line.starts_with("test accuracy")).unwrap().to_owned();
            (last, result(&folder.join(name)))
        };
        let one = train("one", &["--threads", "1"]);
        assert_eq!(one.1.0.len(), 3);
        assert!(one == train("two", &["--threads", "2"]), "1 and 2 threads");
        assert!(one == train("three", &["--threads", "3", "--workers", "1"]), "a worker");
        assert!(one == train("four", &["--threads", "2", "--workers", "3"]), "3 workers");
        assert!(one != train("five", &["--threads", "1", "--seed", "1"]), "another seed");
    }
}

#[test]
fn runs_are_numbered_and_not_overwritten_unasked() {
    let folder = folder("numbered");
    write_digits(&folder.join("few digits"), 20, 10);
    for number in 1..=2 {
        let text = succeed(&folder, &["train", "few digits", "--epochs", "1", "--batch-size", "1000"]);
        assert!(text.contains(&format!("written to runs/few digits-{number}: ")), "{text}");
    }
    let run = folder.join("runs/few digits-1");
    let model = fs::read(run.join("model.safetensors")).unwrap();
    let again = ["train", "few digits", "--epochs", "1", "--seed", "5", "--out", "runs/few digits-1"];
    let message = common::fail(&folder, &again, 1);
    assert!(message.contains("already holds a run"), "{message}");
    assert_eq!(fs::read(run.join("model.safetensors")).unwrap(), model);
    succeed(&folder, &[&again[..], &["--overwrite"]].concat());
    assert_ne!(fs::read(run.join("model.safetensors")).unwrap(), model);
    assert_eq!(written(&run), RESULTS);
}

#[test]
#[cfg(unix)]
fn interrupted_runs_keep_the_last_finished_epoch() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::{Child, Stdio};

    let folder = folder("interrupted");
    write_digits(&folder.join("data"), 60, 20);
    let start = |args: &[&str]| -> Child {
        rushlight(&folder, args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    // Reads until a line begins like this, then sends the signal, and returns exit code and standard error.
    let stop = |mut child: Child, line: &str, signal: &str| {
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.any(|l| l.starts_with(line)), "{line:?} was never printed");
        let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let last = lines.last().unwrap_or_default();
        let mut message = String::new();
        child.stderr.take().unwrap().read_to_string(&mut message).unwrap();
        (child.wait().unwrap().code(), message, last)
    };

    for (signal, out) in [("-INT", "a"), ("-TERM", "b")] {
        let child = start(&["train", "data", "--epochs", "100000", "--out", out]);
        let (code, message, last) = stop(child, "    3 ", signal);
        assert_eq!(code, Some(130), "{message}");
        let kept = number(&message, ": epoch ", " is kept") as usize;
        assert!(message.starts_with(&format!("error: interrupted in epoch {}", kept + 1)) && kept >= 3, "{message}");
        assert!(last.starts_with(&format!("written to {out}: ")), "{last}");
        assert_eq!(written(&folder.join(out)), RESULTS);
        assert_eq!(result(&folder.join(out)).0.len(), kept + 1);
        write_png(&folder.join("x.png"), 28, &[[0; 392], [255; 392]].concat());
        succeed(&folder, &["predict", &format!("{out}/model.safetensors"), "x.png"]);
    }

    let (code, message, _) = stop(start(&["train", "--epochs", "2", "--batch-size", "1"]), "epoch", "-INT");
    assert_eq!(
        (code, message.as_str()),
        (Some(130), "error: interrupted in epoch 1: no epoch was finished, nothing was kept\n")
    );
    assert!(!folder.join("runs/digits-1").exists());
}
