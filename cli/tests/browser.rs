//! The pages in a real browser: Chromium or Chrome, where one is installed.

mod common;

use common::colors::folder_with_model;
use common::{rushlight, stderr, succeed};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// The document after its scripts ran, and what the browser had to complain about; nothing if there is no browser.
fn opened(folder: &Path, url: &str) -> Option<(String, String)> {
    let options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--enable-logging=stderr",
        "--virtual-time-budget=5000",
        "--dump-dom",
    ];
    let profile = format!("--user-data-dir={}", folder.join("profile").display());
    let browsers = ["chromium", "chromium-browser", "google-chrome"];
    let output = browsers.iter().find_map(|name| Command::new(name).args(options).args([&profile, url]).output().ok());
    let Some(output) = output else {
        eprintln!("skipped: none of {} can be run", browsers.join(", "));
        return None;
    };
    let complaints = stderr(&output);
    let complaints: Vec<&str> = complaints.lines().filter(|line| line.contains("CONSOLE")).collect();
    Some((String::from_utf8_lossy(&output.stdout).into_owned(), complaints.join("\n")))
}

#[test]
fn the_report_is_a_page() {
    let folder = common::folder("browser_report");
    succeed(&folder, &["train", "--epochs", "1", "--batch-size", "200", "--out", "run"]);
    let url = format!("file://{}", folder.join("run/report.html").display());
    let Some((document, complaints)) = opened(&folder, &url) else { return };
    assert_eq!(complaints, "");
    assert!(document.contains("<h1>digits</h1>") && document.contains("rushlight predict run/model.safetensors"));
}

#[test]
fn the_page_of_the_server_asks_for_the_model() {
    let folder = folder_with_model("browser_serve");
    let mut command = rushlight(&folder, &["serve", "model.safetensors", "--port", "0"]);
    let mut server = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let url = line.split_whitespace().nth(1).unwrap();
    let opened = opened(&folder, url);
    server.kill().unwrap();
    server.wait().unwrap();
    let Some((document, complaints)) = opened else { return };
    assert_eq!(complaints, "");
    assert!(document.contains("squeezenet1_1, trained for 3 classes: red, green, blue"), "{document}");
    assert!(document.contains(&format!("curl --data-binary @picture.jpg {url}predict")), "{document}");
}
