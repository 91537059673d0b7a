//! Atomic writing of files.

use crate::{Error, Result};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes a file atomically through `write`: readers of `path` see the old contents or the new ones, never a part.
///
/// The bytes are written to a temporary file in the same folder and synchronized to disk, which then replaces `path`. On failure
/// `path` is unchanged and the temporary file is removed. A symbolic link at `path` is kept: the file it points to is replaced. Special
/// files (a pipe, `/dev/stdout`) are written directly.
///
/// # Errors
/// If the folder does not exist or cannot be written, the disk is full, `path` is a folder, or `write` returns an error.
///
/// ```
/// use std::io::Write;
///
/// let path = std::env::temp_dir().join(format!("rushlight-doc-{}.csv", std::process::id()));
/// rushlight::io::atomic_write(&path, |file| writeln!(file, "epoch,loss"))?;
/// assert_eq!(std::fs::read_to_string(&path).unwrap(), "epoch,loss\n");
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), rushlight::Error>(())
/// ```
pub fn atomic_write(path: impl AsRef<Path>, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<()> {
    let path = path.as_ref();
    replace(path, write).map_err(|error| Error::io(path, error))
}

fn replace(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let target = match fs::metadata(path) {
        Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(there) if !there.is_file() => {
            let mut file = BufWriter::new(File::options().write(true).open(path)?);
            write(&mut file)?;
            return file.flush();
        }
        Ok(_) => fs::canonicalize(path)?,
        Err(_) => path.to_owned(),
    };
    let (name, file) = create_beside(&target)?;
    let (mut file, temporary) = (BufWriter::new(file), Temporary(name));
    write(&mut file)?;
    file.into_inner()?.sync_all()?;
    fs::rename(&temporary.0, &target)?;
    sync_folder(&target);
    Ok(())
}

/// A temporary file that is removed on drop, also after an error or a panic. After renaming it does not exist any more.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // A failure here cannot be handled.
        let _ = fs::remove_file(&self.0);
    }
}

/// Creates a file of a new name in the same folder. A name may be taken by a file that a killed process left, since numbers of processes
/// repeat: then the next one is tried.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "expected a path that names a file"));
    };
    loop {
        let mut name = name.to_owned();
        name.push(format!(".{}-{}.tmp", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed)));
        let temporary = path.with_file_name(name);
        match File::create_new(&temporary) {
            Ok(file) => return Ok((temporary, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// Synchronizes the folder, so that the new name survives a power failure. Not every system supports it, and the contents are already
/// synchronized, so a failure is ignored.
fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn old_or_new_contents_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("rushlight-atomic-{}", std::process::id()));
        fs::create_dir_all(folder.join("folder")).unwrap();
        let path = folder.join("file");
        let text = || fs::read_to_string(&path).unwrap();
        atomic_write(&path, |f| f.write_all(b"one")).unwrap();
        atomic_write(&path, |f| {
            f.write_all(b"two")?;
            f.flush()?;
            assert_eq!((text().as_str(), names(&folder).len()), ("one", 3), "the old contents stay until the end");
            Ok(())
        })
        .unwrap();
        assert_eq!(text(), "two");

        let error = atomic_write(&path, |f| f.write_all(b"half").and(Err(io::Error::other("no more")))).unwrap_err();
        assert_eq!(error.to_string(), format!("{}: no more", path.display()));
        catch_unwind(|| atomic_write(&path, |_| panic!("in the middle"))).unwrap_err();
        assert_eq!(text(), "two");

        for bad in [folder.join("folder"), folder.join("none/file"), folder.join(".."), PathBuf::new(), path.join("x")]
        {
            let error = atomic_write(&bad, |f| f.write_all(b"x")).unwrap_err();
            assert!(matches!(&error, Error::Io { path, .. } if *path == bad), "{error}");
        }
        assert_eq!(names(&folder), ["file", "folder"]);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn names_that_are_taken_are_passed_over() {
        let folder = std::env::temp_dir().join(format!("rushlight-atomic-taken-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let taken: Vec<PathBuf> =
            (0..200).map(|number| folder.join(format!("file.{}-{number}.tmp", std::process::id()))).collect();
        taken.iter().for_each(|path| fs::write(path, "of a killed process").unwrap());
        atomic_write(folder.join("file"), |f| f.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(folder.join("file")).unwrap(), "new");
        assert!(taken.iter().all(|path| fs::read_to_string(path).unwrap() == "of a killed process"));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    #[cfg(unix)]
    fn links_and_devices_stay_what_they_are() {
        let folder = std::env::temp_dir().join(format!("rushlight-atomic-link-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("file"), "old").unwrap();
        let link = folder.join("link");
        std::os::unix::fs::symlink("file", &link).unwrap();
        std::os::unix::fs::symlink("/dev/null", folder.join("null")).unwrap();
        atomic_write(&link, |f| f.write_all(b"new")).unwrap();
        atomic_write(folder.join("null"), |f| f.write_all(b"gone")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(folder.join("file")).unwrap(), "new");
        assert_eq!(names(&folder), ["file", "link", "null"]);
        fs::remove_dir_all(folder).unwrap();
    }
}
