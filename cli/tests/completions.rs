//! `rushlight completions`, and the help that every command has.

mod common;

use common::{fail, folder, stderr, succeed};
use std::fs;
use std::process::Command;

const COMMANDS: [&str; 9] =
    ["train", "predict", "evaluate", "serve", "split", "inspect", "convert", "models", "completions"];

#[test]
fn every_command_has_help_with_examples() {
    let folder = folder("help");
    let text = succeed(&folder, &["--help"]);
    for command in COMMANDS {
        assert!(text.contains(&format!("\n  {command} ")), "{command} in {text}");
        let help = succeed(&folder, &[command, "--help"]);
        assert!(command == "train" || help.contains(&format!("Examples:\n  rushlight {command}")), "{help}");
    }
    assert!(text.contains("Exit codes: 0 success, 1 failure"), "{text}");
}

#[test]
fn scripts_are_those_of_each_shell() {
    let folder = folder("completions");
    for (shell, words) in [
        ("bash", ["_rushlight()", "complete -F _rushlight"]),
        ("zsh", ["#compdef rushlight", "_rushlight__subcmd__predict_commands()"]),
        ("fish", ["complete -c rushlight", "__fish_rushlight_using_subcommand predict"]),
    ] {
        let script = succeed(&folder, &["completions", shell]);
        for word in COMMANDS.iter().chain(&words).chain(&["skip-bad"]) {
            assert!(script.contains(word), "{word} in {script}");
        }
        fs::write(folder.join(shell), script).unwrap();
        // Shells that are installed are asked whether they understand it.
        match Command::new(shell).arg("-n").arg(shell).current_dir(&folder).output() {
            Ok(output) => assert!(output.status.success(), "{shell}: {}", stderr(&output)),
            Err(error) => eprintln!("{shell} cannot be run ({error}): its script was not parsed"),
        }
    }
    fail(&folder, &["completions", "tcsh"], 2);
}

#[test]
fn bash_completes_commands_and_options() {
    let folder = folder("bash");
    fs::write(folder.join("script"), succeed(&folder, &["completions", "bash"])).unwrap();
    let complete = "source ./script
        try() { COMP_WORDS=(rushlight \"$@\"); COMP_CWORD=$#; _rushlight rushlight \"${!#}\" x; echo \"${COMPREPLY[*]}\"; }
        try pre
        try evaluate --sk";
    match Command::new("bash").args(["-c", complete]).current_dir(&folder).output() {
        Ok(output) => {
            assert_eq!(String::from_utf8_lossy(&output.stdout), "predict\n--skip-bad\n", "{}", stderr(&output));
        }
        Err(error) => eprintln!("bash cannot be run ({error}): its script was not tried"),
    }
}
