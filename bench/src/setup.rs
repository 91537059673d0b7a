//! A disposable environment with PyTorch.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::child::Error;

/// The release that the golden values of the tests come from.
const PACKAGES: [&str; 2] = ["torch==2.15.0", "numpy"];

/// Creates a virtual environment in `folder` if none exists, installs PyTorch, and returns the path of its Python.
pub(crate) fn environment(folder: &Path) -> Result<PathBuf, Error> {
    let python = folder.join("bin/python");
    if !python.exists() {
        eprintln!("making a virtual environment in {}", folder.display());
        run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    }
    eprintln!("installing {} (this may take minutes)", PACKAGES.join(" "));
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::Program { program, reason: format!("failed ({status})") }),
        Err(e) => Err(Error::Program { program, reason: e.to_string() }),
    }
}
