//! The folder that a training run writes into.

use crate::failure::{Failure, Result};
use crate::training::{CHECKPOINT, PLAN};
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The best model.
pub(crate) const MODEL: &str = "model.safetensors";
/// The numbers of each epoch.
pub(crate) const METRICS: &str = "metrics.csv";
/// What a run leaves beside its plan and its event file; a folder with one of these is somebody's work.
const RESULTS: [&str; 7] = [MODEL, CHECKPOINT, METRICS, "curves.png", "confusion.png", "wrong.png", "report.html"];

/// A folder that exists, can be written into, and that no other run writes into.
#[derive(Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
    /// The folders that this run made, the inner ones first, so that it may remove them again.
    made: Vec<PathBuf>,
    /// The lock of the folder, which the system releases when the process ends, however it ends.
    lock: Option<File>,
}

impl RunFolder {
    /// Takes the folder `out`, which must not hold another run unless `overwrite` is set.
    pub(crate) fn at(out: &Path, overwrite: bool) -> Result<Self> {
        let mut names = RESULTS.iter().chain(&[PLAN]);
        if !overwrite && let Some(found) = names.find(|name| out.join(name).exists()) {
            let out = out.display();
            return Err(Failure::new(format!(
                "{out} already holds a run ({found}): choose another folder, or add --overwrite, or continue it with --resume"
            )));
        }
        let made = make(out)?;
        RunFolder { path: out.to_owned(), made, lock: None }.locked()
    }

    /// Takes the folder of a run that is to be continued.
    pub(crate) fn of_run(path: &Path) -> Result<Self> {
        if !path.join(PLAN).exists() {
            let found = if path.exists() { "a folder without it" } else { "no such folder" };
            return Err(Failure::new(format!(
                "{}: expected the folder of a run with {PLAN}, got {found}",
                path.display()
            )));
        }
        RunFolder { path: path.to_owned(), made: Vec::new(), lock: None }.locked()
    }

    /// Makes the first free one of the folders `runs/<name>-1`, `runs/<name>-2` …
    pub(crate) fn numbered(runs: &Path, name: &str) -> Result<Self> {
        let mut made = make(runs)?;
        for number in 1u32.. {
            let path = runs.join(format!("{name}-{number}"));
            match fs::create_dir(&path) {
                Ok(()) => {
                    made.insert(0, path.clone());
                    return RunFolder { path, made, lock: None }.locked();
                }
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(failed(&path, &e)),
            }
        }
        Err(Failure::new(format!("{}: no free number for {name}", runs.display())))
    }

    /// Locks the folder, and writes and removes a small file: better now than after the training.
    fn locked(mut self) -> Result<Self> {
        // Elsewhere a folder cannot be opened as a file is.
        if cfg!(unix) {
            let folder = File::open(&self.path).map_err(|e| failed(&self.path, &e))?;
            match folder.try_lock() {
                Ok(()) => self.lock = Some(folder),
                Err(TryLockError::WouldBlock) => {
                    let path = self.path.display();
                    return Err(Failure::new(format!(
                        "{path}: another run is writing into this folder: choose another"
                    )));
                }
                // Some network file systems have no locks.
                Err(TryLockError::Error(_)) => {}
            }
        }
        self.clear_temporaries();
        let probe = self.path.join(format!(".probe-{}.tmp", std::process::id()));
        fs::write(&probe, b"rushlight").and_then(|()| fs::remove_file(&probe)).map_err(|e| failed(&self.path, &e))?;
        Ok(self)
    }

    /// Removes what a run that was killed while it wrote a file left. Nobody else writes here.
    fn clear_temporaries(&self) {
        let is_ours = |name: &str| {
            name.ends_with(".tmp") && RESULTS.iter().chain(&[PLAN, ".probe"]).any(|result| name.starts_with(result))
        };
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(is_ours) {
                // One that cannot be removed is in nobody's way.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Removes what another run left: nothing of it must stand beside the results of this one.
    pub(crate) fn clear(&self) -> Result<()> {
        for name in RESULTS {
            match fs::remove_file(self.file(name)) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(failed(&self.file(name), &e)),
                _ => {}
            }
        }
        Ok(())
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A file in the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Removes the plan of a run that came to nothing, and the folders that this run made, if nothing else is in them.
    pub(crate) fn discard(self) {
        let _ = fs::remove_file(self.file(PLAN));
        for folder in &self.made {
            // Fails where the folder is not empty, which is what is wanted.
            let _ = fs::remove_dir(folder);
        }
    }

    /// Whether no epoch of a run was finished.
    pub(crate) fn is_without_results(&self) -> bool {
        !self.file(CHECKPOINT).exists()
    }
}

/// Makes a folder and those above it, and returns those that did not exist, the inner ones first.
fn make(path: &Path) -> Result<Vec<PathBuf>> {
    let above = path.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    let missing = above.map(Path::to_owned).collect();
    fs::create_dir_all(path).map_err(|e| failed(path, &e))?;
    Ok(missing)
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
        first.discard();
        second.discard();
        assert!(!runs.join("digits-1").exists() && runs.join("digits-2").exists());
        fs::remove_dir_all(runs).unwrap();
    }

    #[test]
    fn another_run_is_not_overwritten_unasked() {
        let out = empty("overwrite");
        let folder = RunFolder::at(&out, false).unwrap();
        fs::write(folder.file("model.safetensors"), "x").unwrap();
        fs::write(folder.file("model.safetensors.1-0.tmp"), "a part").unwrap();
        fs::write(folder.file("mine.tmp"), "mine").unwrap();
        drop(folder);
        let message = RunFolder::at(&out, false).unwrap_err().to_string();
        assert!(message.contains("already holds a run (model.safetensors)"), "{message}");
        RunFolder::at(&out, true).unwrap().discard();
        assert!(out.join("model.safetensors").exists() && out.join("mine.tmp").exists());
        assert!(!out.join("model.safetensors.1-0.tmp").exists());
        fs::remove_dir_all(out).unwrap();
    }

    #[test]
    #[cfg(unix)]
    fn a_folder_belongs_to_one_run_at_a_time() {
        let out = empty("locked");
        let folder = RunFolder::at(&out, false).unwrap();
        for message in
            [RunFolder::at(&out, true), RunFolder::at(&out, false)].map(|other| other.unwrap_err().to_string())
        {
            assert!(message.contains("another run is writing into this folder"), "{message}");
        }
        drop(folder);
        RunFolder::at(&out, false).unwrap().discard();
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
