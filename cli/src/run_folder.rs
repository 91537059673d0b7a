//! The folder that a training run writes into.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// What a finished run holds; a folder with one of these is somebody's work.
const RESULTS: [&str; 4] = ["model.safetensors", "metrics.csv", "curves.png", "confusion.png"];

/// A folder that exists and can be written into.
#[derive(Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
    /// Whether this run made the folder, so that it may remove it again.
    made: bool,
}

impl RunFolder {
    /// Takes the folder `out`, which must not hold the results of another run unless `overwrite` is set.
    pub(crate) fn at(out: &Path, overwrite: bool) -> Result<Self> {
        if !overwrite && let Some(found) = RESULTS.iter().find(|name| out.join(name).exists()) {
            let (out, found) = (out.display(), found);
            return Err(Failure::new(format!(
                "{out} already holds a run ({found}): choose another folder or add --overwrite"
            )));
        }
        let made = !out.exists();
        fs::create_dir_all(out).map_err(|e| failed(out, &e))?;
        RunFolder { path: out.to_owned(), made }.probed()
    }

    /// Makes the first free one of the folders `runs/<name>-1`, `runs/<name>-2` …
    pub(crate) fn numbered(runs: &Path, name: &str) -> Result<Self> {
        fs::create_dir_all(runs).map_err(|e| failed(runs, &e))?;
        for number in 1u32.. {
            let path = runs.join(format!("{name}-{number}"));
            match fs::create_dir(&path) {
                Ok(()) => return RunFolder { path, made: true }.probed(),
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(failed(&path, &e)),
            }
        }
        Err(Failure::new(format!("{}: no free number for {name}", runs.display())))
    }

    /// Writes and removes a small file: better now than after the training.
    fn probed(self) -> Result<Self> {
        let probe = self.path.join(format!(".probe-{}.tmp", std::process::id()));
        fs::write(&probe, b"rushlight").and_then(|()| fs::remove_file(&probe)).map_err(|e| failed(&self.path, &e))?;
        Ok(self)
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A file in the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Removes the folder if this run made it and left nothing in it.
    pub(crate) fn discard_if_empty(self) {
        if self.made {
            // Fails where the folder is not empty, which is what is wanted.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot write into {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("rushlight-run-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        path
    }

    #[test]
    fn numbers_count_up_and_empty_folders_go() {
        let runs = empty("numbers");
        let first = RunFolder::numbered(&runs, "digits").unwrap();
        let second = RunFolder::numbered(&runs, "digits").unwrap();
        assert_eq!((first.path(), second.path()), (&*runs.join("digits-1"), &*runs.join("digits-2")));
        fs::write(second.file("metrics.csv"), "x").unwrap();
        first.discard_if_empty();
        second.discard_if_empty();
        assert!(!runs.join("digits-1").exists() && runs.join("digits-2").exists());
        fs::remove_dir_all(runs).unwrap();
    }

    #[test]
    fn another_run_is_not_overwritten_unasked() {
        let out = empty("overwrite");
        let folder = RunFolder::at(&out, false).unwrap();
        fs::write(folder.file("model.safetensors"), "x").unwrap();
        let message = RunFolder::at(&out, false).unwrap_err().to_string();
        assert!(message.contains("already holds a run (model.safetensors)"), "{message}");
        RunFolder::at(&out, true).unwrap().discard_if_empty();
        assert!(out.join("model.safetensors").exists());
        fs::remove_dir_all(out).unwrap();
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let file = empty("file");
        fs::write(&file, "x").unwrap();
        for out in [file.clone(), file.join("below")] {
            let message = RunFolder::at(&out, false).unwrap_err().to_string();
            assert!(message.starts_with(&format!("cannot write into {}: ", out.display())), "{message}");
        }
        fs::remove_file(file).unwrap();
    }
}
