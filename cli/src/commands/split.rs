//! `rushlight split`: a folder of photographs into parts for training, validation and test.

use crate::failure::{Failure, Result};
use crate::output::say;
use crate::photos::{Layout, Photos, Picture, parts};
use crate::table::Table;
use crate::text::{shown, shown_path, thousands};
use clap::{Args, ValueEnum};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Split photographs into folders for training and validation, and a test if asked
///
/// Each class is split by the same shares, at random by --seed. The new folder has a folder for each part, with a folder for each class
/// in it. Nothing is overwritten, and FOLDER is not changed.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  rushlight split photos/                                    photos-split/train/cat/…, photos-split/valid/cat/…
  rushlight split photos/ --valid 0.1 --test 0.1 --by copy --out parts/")]
pub(crate) struct SplitArgs {
    /// Photographs in a folder for each class, or named like cat.0.jpg
    pub folder: PathBuf,
    /// The folder to make [default: FOLDER with -split at the end]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// The share of each class for validation
    #[arg(long, default_value_t = 0.2, value_parser = share)]
    pub valid: f64,
    /// The share of each class for a test
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    pub test: f64,
    /// The same seed makes the same parts
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// How the photographs get there
    #[arg(long, value_enum, default_value_t = Way::Link)]
    pub by: Way,
}

/// How a file gets into a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    /// Hard links: no space, on the same disk only
    Link,
    /// Symbolic links: they lead to FOLDER
    Symlink,
    /// Copies
    Copy,
}

impl Way {
    fn put(self, from: &Path, to: &Path) -> io::Result<()> {
        match self {
            Way::Link => fs::hard_link(fs::canonicalize(from)?, to),
            Way::Symlink => symlink(&fs::canonicalize(from)?, to),
            Way::Copy => fs::copy(from, to).map(drop),
        }
    }
}

#[cfg(unix)]
fn symlink(from: &Path, to: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(from, to)
}

#[cfg(windows)]
fn symlink(from: &Path, to: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(from, to)
}

fn share(text: &str) -> std::result::Result<f64, String> {
    match text.parse() {
        Ok(value) if (0.0..1.0).contains(&value) => Ok(value),
        Ok(_) => Err("must be at least 0 and less than 1".into()),
        Err(_) => Err("not a number".into()),
    }
}

const PARTS: [&str; 3] = ["train", "valid", "test"];

/// Runs the command.
pub(crate) fn run(args: &SplitArgs) -> Result<()> {
    if args.valid + args.test <= 0.0 || args.valid + args.test >= 1.0 {
        return Err(Failure::new("expected --valid and --test to leave something for both sides, got all or nothing"));
    }
    let photos = Photos::find(&args.folder)?;
    if photos.layout == Layout::Parts {
        return Err(Failure::new("the photographs are split already, into folders for training and validation")
            .in_file(&args.folder));
    }
    let out = match &args.out {
        Some(out) => out.clone(),
        None => beside(&args.folder)?,
    };
    // Without a test, the pictures for validation are those that `train` holds out with the same share and seed.
    let parts = parts(&photos, &[args.valid, args.test], args.seed).map_err(|failure| failure.in_file(&args.folder))?;
    write(&photos, &parts, args, &out)?;
    report(&photos, &parts, args, &out)
}

/// `photos-split` for `photos/`.
fn beside(folder: &Path) -> Result<PathBuf> {
    let failed = |error: io::Error| Failure::new(error.to_string()).in_file(folder);
    let whole = fs::canonicalize(folder).map_err(failed)?;
    let Some(name) = whole.file_name() else {
        return Err(Failure::new("expected --out for a folder without a name").in_file(folder));
    };
    let mut name = name.to_owned();
    name.push("-split");
    // As the user wrote it, where that has a name.
    Ok(folder.file_name().map_or_else(|| whole.with_file_name(&name), |_| folder.with_file_name(&name)))
}

/// Makes the folder: under another name first, so that it is there as a whole or not at all.
fn write(photos: &Photos, parts: &[usize], args: &SplitArgs, out: &Path) -> Result<()> {
    let failed = |path: &Path, error: io::Error| Failure::new(error.to_string()).in_file(path);
    if fs::symlink_metadata(out).is_ok() {
        return Err(Failure::new("already exists: choose another folder with --out").in_file(out));
    }
    let Some(name) = out.file_name() else {
        return Err(Failure::new("expected the name of a folder to make").in_file(out));
    };
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
    let canonical = |path: &Path| fs::canonicalize(path).map_err(|error| failed(path, error));
    if canonical(parent)?.starts_with(canonical(&args.folder)?) {
        return Err(Failure::new("expected a folder outside of the photographs").in_file(out));
    }
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.tmp", std::process::id()));
    let temporary = Temporary(parent.join(hidden));
    fs::create_dir(&temporary.0).map_err(|error| failed(&temporary.0, error))?;
    for (picture, &part) in photos.pictures.iter().zip(parts) {
        let to = temporary.0.join(PARTS[part]).join(&photos.classes[picture.class]).join(below(photos, picture, args));
        let folder = to.parent().unwrap_or(&temporary.0);
        fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
        args.by.put(&picture.path, &to).map_err(|error| {
            let hint = if args.by == Way::Link { " (--by copy needs no links)" } else { "" };
            Failure::new(format!("cannot be put into {}: {error}{hint}", out.display())).in_file(&picture.path)
        })?;
    }
    fs::rename(&temporary.0, out).map_err(|error| failed(out, error))
}

/// The folder under its first name; removed unless it was renamed.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // After renaming there is nothing to remove.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The name of a picture in the folder of its class: with the folders in between, so that names cannot meet.
fn below<'a>(photos: &Photos, picture: &'a Picture, args: &SplitArgs) -> &'a Path {
    let inside = picture.path.strip_prefix(&args.folder).unwrap_or(&picture.path);
    match photos.layout {
        Layout::ClassFolders => inside.strip_prefix(&photos.classes[picture.class]).unwrap_or(inside),
        _ => inside,
    }
}

fn report(photos: &Photos, parts: &[usize], args: &SplitArgs, out: &Path) -> Result<()> {
    let shown_parts = if args.test > 0.0 { 3 } else { 2 };
    let mut table = Table::new().text("class");
    for part in &PARTS[..shown_parts] {
        table = table.number(*part);
    }
    let count = |wanted: &dyn Fn(usize) -> bool, part: usize| {
        let own = photos.pictures.iter().zip(parts).filter(|(picture, own)| wanted(picture.class) && **own == part);
        thousands(own.count() as u64)
    };
    for (class, name) in photos.classes.iter().enumerate() {
        let counts = (0..shown_parts).map(|part| count(&|own| own == class, part));
        table.row(std::iter::once(shown(name)).chain(counts));
    }
    let all = (0..shown_parts).map(|part| count(&|_| true, part));
    table.row(std::iter::once("all".to_owned()).chain(all));
    table.print()?;
    for note in &photos.notes {
        say(&shown(note))?;
    }
    say(&format!("written to {}", shown_path(out)))
}
