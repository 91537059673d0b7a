//! `rushlight predict` as a user and a program call it.

mod common;

use common::colors::{BLUE, GREEN, RED, SURE, folder_with_model, write_color, write_model, write_model_with};
use common::{fail, rushlight, stderr, succeed};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

/// Runs the program with these bytes on standard input.
fn with_stdin(folder: &Path, args: &[&str], bytes: &[u8]) -> Output {
    let mut command = rushlight(folder, args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    child.wait_with_output().unwrap()
}

fn json(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn tables_show_the_most_likely_classes() {
    let folder = folder_with_model("table");
    write_color(&folder.join("new/b.png"), GREEN);
    write_color(&folder.join("new/deep/a.jpg"), BLUE);
    write_color(&folder.join("new/.hidden.png"), BLUE);
    fs::write(folder.join("new/notes.txt"), "no picture").unwrap();
    write_color(&folder.join("red.png"), RED);
    let text = succeed(&folder, &["predict", "model.safetensors", "red.png", "new"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert_eq!(lines[0], "file             class   probability   next");
    assert_eq!(lines[1], "red.png          red         99.99 %   green 0.00 %, blue 0.00 %");
    assert_eq!(lines[2], "new/b.png        green       99.99 %   red 0.00 %, blue 0.00 %");
    assert!(lines[3].starts_with("new/deep/a.jpg   blue        99.9"), "{text}");

    let text = succeed(&folder, &["predict", "model.safetensors", "red.png", "--top", "1"]);
    assert_eq!(text, "file      class   probability\nred.png   red         99.99 %\n");
    let text = succeed(&folder, &["predict", "model.safetensors", "red.png", "--top", "60000"]);
    assert!(text.ends_with("green 0.00 %, blue 0.00 %\n"), "{text}");
}

#[test]
fn json_and_csv_are_for_programs() {
    let folder = folder_with_model("json");
    write_model(&folder.join("odd.safetensors"), ["a, \"b\"", "<i>c</i>", "=1+1"]);
    write_color(&folder.join("red.png"), RED);
    write_color(&folder.join("half.png"), [0, 0, 128]);
    let objects = json(&succeed(&folder, &["predict", "model.safetensors", "red.png", "half.png", "--json"]));
    assert_eq!(objects.len(), 2);
    let class = |object: usize, rank: usize| objects[object]["predictions"][rank]["class"].as_str().unwrap();
    let share = |object: usize, rank: usize| objects[object]["predictions"][rank]["probability"].as_f64().unwrap();
    assert_eq!((objects[0]["file"].as_str(), class(0, 0), class(1, 0)), (Some("red.png"), "red", "blue"));
    assert!((share(0, 0) - SURE).abs() < 1e-6 && (share(0, 1) - (1.0 - SURE) / 2.0).abs() < 1e-6);
    let half = (10.0 * 128.0 / 255.0_f64).exp();
    assert!((share(1, 0) - half / (half + 2.0)).abs() < 1e-6, "{}", share(1, 0));

    let text = succeed(&folder, &["predict", "odd.safetensors", "red.png", "--csv"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "file,rank,class,probability");
    assert!(lines[1].starts_with("red.png,1,\"a, \"\"b\"\"\",0.9999"), "{text}");
    assert!(lines[2].starts_with("red.png,2,<i>c</i>,0.0000453"), "{text}");
    assert!(lines[3].starts_with("red.png,3,'=1+1,"), "a spreadsheet would compute it: {text}");
    fail(&folder, &["predict", "model.safetensors", "red.png", "--csv", "--json"], 2);
}

#[test]
fn a_picture_comes_from_standard_input() {
    let folder = folder_with_model("stdin");
    write_color(&folder.join("red.png"), RED);
    write_color(&folder.join("blue.png"), BLUE);
    let bytes = fs::read(folder.join("blue.png")).unwrap();
    let output = with_stdin(&folder, &["predict", "model.safetensors", "red.png", "-", "red.png", "--json"], &bytes);
    assert!(output.status.success(), "{}", stderr(&output));
    let objects = json(std::str::from_utf8(&output.stdout).unwrap());
    let found: Vec<_> =
        objects.iter().map(|o| (o["file"].as_str().unwrap(), o["predictions"][0]["class"].as_str().unwrap())).collect();
    assert_eq!(found, [("red.png", "red"), ("-", "blue"), ("red.png", "red")]);

    for (bytes, wanted) in [(&b""[..], "empty file"), (b"GIF", "starts with"), (&bytes[..60], "standard input: ")] {
        let output = with_stdin(&folder, &["predict", "model.safetensors", "-"], bytes);
        assert_eq!(output.status.code(), Some(1));
        let message = stderr(&output);
        assert!(message.starts_with("error: standard input: ") && message.contains(wanted), "{message}");
    }
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_classified() {
    let folder = folder_with_model("bad");
    write_color(&folder.join("red.png"), RED);
    fs::write(folder.join("text.jpg"), "no picture").unwrap();
    fs::create_dir(folder.join("nothing")).unwrap();
    let args = ["predict", "model.safetensors", "text.jpg", "nothing", "missing.png", "red.png"];
    let output = rushlight(&folder, &[&args[..], &["--json"]].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let objects = json(std::str::from_utf8(&output.stdout).unwrap());
    assert_eq!(objects.len(), 3);
    assert!(objects[0]["error"].as_str().unwrap().starts_with("text.jpg: ") && objects[0].get("predictions").is_none());
    assert!(objects[2].get("error").is_none() && objects[2]["predictions"][0]["class"] == "red");
    let messages = stderr(&output);
    let lines: Vec<&str> = messages.lines().collect();
    assert_eq!(lines.len(), 4, "{messages}");
    assert_eq!(lines[0], "error: nothing: expected pictures, got none");
    assert!(lines[1].starts_with("error: text.jpg: ") && lines[2].starts_with("error: missing.png: "), "{messages}");
    assert_eq!(lines[3], "error: 3 of 4 pictures could not be classified");

    let output = rushlight(&folder, &args).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().count() == 2 && text.contains("red.png       red "), "{text}");
}

#[test]
fn names_cannot_act_on_a_terminal_or_forge_lines() {
    let folder = folder_with_model("names");
    let name = "x.png   red   100.00 %\n\x1b[2J\u{202e}y.png";
    write_color(&folder.join(name), GREEN);
    let clean = |text: &str| !text.contains(['\x1b', '\u{202e}']);
    let text = succeed(&folder, &["predict", "model.safetensors", name]);
    assert!(clean(&text) && text.lines().count() == 2 && text.contains(r"100.00 %\n\u{1b}[2J\u{202e}y.png"), "{text}");
    let text = succeed(&folder, &["predict", "model.safetensors", name, "--csv"]);
    assert!(clean(&text) && text.lines().count() == 4, "{text}");
    let text = succeed(&folder, &["predict", "model.safetensors", name, "--json"]);
    assert!(clean(&text), "{text}");
    assert_eq!(json(&text)[0]["file"], name);
    let message = fail(&folder, &["predict", "model.safetensors", "\x1b[2J\n.png"], 1);
    assert!(clean(&message) && message.starts_with("error: \\u{1b}[2J\\n.png: "), "{message}");
}

#[test]
#[cfg(target_os = "linux")]
fn names_need_not_be_text() {
    use std::os::unix::ffi::OsStrExt;
    let folder = folder_with_model("bytes");
    fs::create_dir(folder.join("new")).unwrap();
    write_color(&folder.join("red.png"), RED);
    fs::rename(folder.join("red.png"), folder.join("new").join(std::ffi::OsStr::from_bytes(b"\xe9.png"))).unwrap();
    let text = succeed(&folder, &["predict", "model.safetensors", "new"]);
    assert!(text.contains(r"new/\xe9.png   red "), "{text}");
    let objects = json(&succeed(&folder, &["predict", "model.safetensors", "new", "--json"]));
    assert_eq!(objects[0]["file"], r"new/\xe9.png");
}

#[test]
fn models_that_compute_no_numbers() {
    let folder = folder_with_model("nan");
    write_color(&folder.join("red.png"), RED);
    let message = |factor: f32, args: &[&str]| {
        write_model_with(&folder.join("bad.safetensors"), ["red", "green", "blue"], factor);
        fail(&folder, &[&["predict", "bad.safetensors", "red.png"], args].concat(), 1)
    };
    let wanted = "error: bad.safetensors: expected finite probabilities, got NaN: the weight classifier.1.weight has";
    assert!(message(f32::NAN, &[]).starts_with(wanted));
    assert!(message(f32::INFINITY, &[]).starts_with(wanted));
    assert!(message(f32::NAN, &["--csv"]).starts_with(wanted));
    let output = rushlight(&folder, &["predict", "bad.safetensors", "red.png", "--json"]).output().unwrap();
    assert_eq!((output.status.code(), json(std::str::from_utf8(&output.stdout).unwrap()).len()), (Some(1), 0));
}

#[test]
fn colors_are_for_terminals_that_want_them() {
    let folder = folder_with_model("colors");
    let colored = |variables: &[(&str, &str)]| {
        let mut command = rushlight(&folder, &["predict"]);
        let output = command.env_remove("NO_COLOR").envs(variables.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        output.stderr.contains(&0x1b)
    };
    assert!(!colored(&[]), "standard error is no terminal here");
    assert!(colored(&[("CLICOLOR_FORCE", "1")]));
    assert!(!colored(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}
