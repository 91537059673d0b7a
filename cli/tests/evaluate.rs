//! `rushlight evaluate` on pictures whose predictions are known.

mod common;

use common::colors::{BLUE, GREEN, RED, folder_with_model, write_color};
use common::{fail, names, rushlight, stderr, succeed};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// A model, and eight pictures in folders: one of red is green, one of blue is red, the others are what they are said to be.
fn labeled(name: &str) -> PathBuf {
    let folder = folder_with_model(name);
    for (file, color) in [
        ("red/1.png", RED),
        ("red/2.png", RED),
        ("red/3.png", RED),
        ("red/4.png", GREEN),
        ("green/1.png", GREEN),
        ("green/2.png", GREEN),
        ("blue/1.png", BLUE),
        ("blue/2.png", [128, 0, 0]),
    ] {
        write_color(&folder.join("photos").join(file), color);
    }
    folder
}

#[test]
fn scores_are_those_of_a_hand_computation() {
    let folder = labeled("scores");
    let text = succeed(&folder, &["evaluate", "model.safetensors", "photos"]);
    let wanted = "accuracy 75.00 %: 6 of 8 pictures

class   pictures   precision     recall        F1
red            4     75.00 %    75.00 %   75.00 %
green          2     66.67 %   100.00 %   80.00 %
blue           2    100.00 %    50.00 %   66.67 %
mean                 80.56 %    75.00 %   73.89 %

rows are the true classes, columns the predicted ones
        red   green   blue
red       3       1      0
green     0       2      0
blue      1       0      1
";
    assert_eq!(text, wanted);

    let text = succeed(&folder, &["evaluate", "model.safetensors", "photos", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    let third = 1.0 / 3.0;
    let class = |class: &str, pictures: u64, precision: f64, recall: f64, f1: f64| json!({"class": class, "pictures": pictures, "precision": precision, "recall": recall, "f1": f1});
    let wanted = json!({
        "model": "model.safetensors",
        "folder": "photos",
        "skipped": 0,
        "pictures": 8,
        "right": 6,
        "accuracy": 0.75,
        "classes": [
            class("red", 4, 0.75, 0.75, 0.75),
            class("green", 2, 2.0 * third, 1.0, 0.8),
            class("blue", 2, 1.0, 0.5, 2.0 * third),
        ],
        "confusion": [[3, 1, 0], [0, 2, 0], [1, 0, 1]],
    });
    assert_eq!(found, wanted);

    let text = succeed(&folder, &["evaluate", "model.safetensors", "photos", "--csv"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "class,pictures,precision,recall,f1");
    assert_eq!(lines[1], "red,4,0.75,0.75,0.75");
    assert!(lines.len() == 4 && lines[2].starts_with("green,2,0.66666"), "{text}");
}

#[test]
fn classes_without_pictures_have_no_recall() {
    let folder = folder_with_model("one_class");
    for file in ["red.0.png", "red.1.png"] {
        write_color(&folder.join("flat").join(file), RED);
    }
    let text = succeed(&folder, &["evaluate", "model.safetensors", "flat"]);
    assert!(text.starts_with("accuracy 100.00 %: 2 of 2 pictures\n"), "{text}");
    assert!(text.contains("\ngreen          0           –          –          –\n"), "{text}");
    let text = succeed(&folder, &["evaluate", "model.safetensors", "flat", "--csv"]);
    assert!(text.ends_with("green,0,,,\nblue,0,,,\n"), "{text}");
}

#[test]
fn figures_and_predictions_are_written() {
    let folder = labeled("figures");
    let args = ["evaluate", "model.safetensors", "photos", "--out", "scores"];
    let text = succeed(&folder, &args);
    assert!(text.ends_with("written to scores: confusion.png, wrong.png, predictions.csv\n"), "{text}");
    assert_eq!(names(&folder.join("scores")), ["confusion.png", "predictions.csv", "wrong.png"]);
    let csv = fs::read_to_string(folder.join("scores/predictions.csv")).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!((lines.len(), lines[0]), (9, "file,true_class,predicted_class,probability"));
    assert!(lines[2].starts_with("photos/blue/2.png,blue,red,0.98"), "{csv}");
    for figure in ["confusion.png", "wrong.png"] {
        let image = rushlight::vision::Image::open(folder.join("scores").join(figure)).unwrap();
        assert!(image.width() > 300);
    }
    let message = fail(&folder, &args, 1);
    assert_eq!(message, "error: scores: already has a file confusion.png: choose another folder\n");
    assert_eq!(fs::read_to_string(folder.join("scores/predictions.csv")).unwrap(), csv);
}

#[test]
fn bad_pictures_fail_the_command_unless_they_are_skipped() {
    let folder = labeled("skipped");
    fs::write(folder.join("photos/red/0.jpg"), "no picture").unwrap();
    let args = ["evaluate", "model.safetensors", "photos", "--json"];
    let run = |more: &[&str]| {
        let output = rushlight(&folder, &[&args[..], more].concat()).output().unwrap();
        let scores: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&scores["skipped"], &scores["pictures"]), (&json!(1), &json!(8)));
        (output.status.code(), stderr(&output))
    };
    let (code, message) = run(&[]);
    assert!(code == Some(1) && message.starts_with("error: photos/red/0.jpg: "), "{message}");
    assert!(message.ends_with("error: 1 of 9 pictures could not be read\n"), "{message}");
    let (code, message) = run(&["--skip-bad"]);
    assert!(code == Some(0) && message.starts_with("skipped: photos/red/0.jpg: "), "{message}");
}

#[test]
fn folders_that_cannot_be_evaluated() {
    let folder = labeled("refused");
    let refused = |photos: &Path, wanted: &str| {
        let message = fail(&folder, &["evaluate", "model.safetensors", photos.to_str().unwrap(), "--out", "out"], 1);
        assert!(message.contains(wanted), "{message}");
        assert!(!folder.join("out").exists(), "nothing was made");
    };
    write_color(&folder.join("others/red/1.png"), RED);
    write_color(&folder.join("others/cyan/1.png"), BLUE);
    refused(Path::new("others"), r#"expected the model's classes "red", "green", "blue", got others: "cyan""#);
    fs::create_dir(folder.join("nothing")).unwrap();
    refused(Path::new("nothing"), "nothing: expected pictures");
    fs::create_dir_all(folder.join("bad/red")).unwrap();
    fs::write(folder.join("bad/red/1.jpg"), "no picture").unwrap();
    refused(Path::new("bad"), "bad: expected pictures that can be read, got none");
    refused(Path::new("missing"), "missing: ");
}
