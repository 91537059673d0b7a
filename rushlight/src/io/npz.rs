//! NumPy's archives of named arrays: `numpy.savez`, `numpy.savez_compressed` and `numpy.load`.
//!
//! A zip archive with one [`.npy`](super::npy) file for each array, stored or compressed with Deflate. Archives and arrays over 4 GiB use
//! the extension zip64.
//!
//! Input is not trusted: memory is allocated only for arrays whose compressed data can yield them, decompression ends at the size
//! that the array's header states, and checksums are verified.

use super::elements::Problem;
use super::npy::{Array, decode as decode_array};
use super::zip::{buffer, damaged, fault};
use crate::tensor::ReadGuard;
use crate::{Error, Result, Tensor};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use rawzip::path::ZipFilePath;
use rawzip::{CompressionMethod, ReaderAt, ZipArchive, ZipArchiveWriter};
use std::borrow::Borrow;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::Index;
use std::path::Path;

/// How many bytes a byte of Deflate's can yield at most: a match of 258 bytes takes at least two bits.
const MOST_PER_BYTE: u64 = 258 * 4;

/// The arrays of an archive, in their order in it.
///
/// ```
/// use rushlight::{Tensor, io::npz};
/// let bytes = npz::to_bytes([("x", Tensor::ones([2, 3])), ("y", Tensor::zeros([2]))])?;
/// let arrays = npz::from_bytes(&bytes)?;
/// assert_eq!(arrays["x"].shape(), [2, 3]);
/// assert!(arrays.get("z").is_none());
/// assert_eq!(arrays.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["x", "y"]);
/// # Ok::<(), rushlight::Error>(())
/// ```
#[derive(Clone)]
pub struct Arrays(Vec<(String, Tensor)>);

impl Arrays {
    /// Returns the number of arrays.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no arrays.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the array of this name, if there is one.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.iter().find(|(own, _)| *own == name).map(|(_, tensor)| tensor)
    }

    /// Returns the names and arrays.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.0.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }
}

impl Index<&str> for Arrays {
    type Output = Tensor;

    /// The array of this name.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    fn index(&self, name: &str) -> &Tensor {
        let names = || self.iter().map(|(name, _)| name).collect::<Vec<_>>();
        self.get(name).unwrap_or_else(|| panic!("expected one of the arrays {:?}, got {name:?}", names()))
    }
}

impl IntoIterator for Arrays {
    type Item = (String, Tensor);
    type IntoIter = std::vec::IntoIter<(String, Tensor)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Writes named tensors to a file, uncompressed, with [`atomic_write`](super::atomic_write): `numpy.savez`. Accepts any pairs of a name and a
/// tensor: a map, a `Vec`, a state dict.
///
/// # Errors
/// If two tensors have the same name, a name is empty or not a relative path without `.` and `..`, a dtype is bfloat16, which NumPy does not
/// have, another thread is writing a tensor, or the file cannot be written.
///
/// ```
/// use rushlight::{Tensor, io::npz};
///
/// let path = std::env::temp_dir().join(format!("rushlight-doc-{}.npz", std::process::id()));
/// npz::save(&path, [("weight", Tensor::ones([2, 3])), ("bias", Tensor::zeros([2]))])?;
/// assert_eq!(npz::load(&path)?["weight"].shape(), [2, 3]);
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), rushlight::Error>(())
/// ```
pub fn save<N: Into<String>, T: Borrow<Tensor>>(
    path: impl AsRef<Path>,
    tensors: impl IntoIterator<Item = (N, T)>,
) -> Result<()> {
    encode(tensors, None, |write| super::atomic_write(path, |file| write(file)))
}

/// Writes named tensors to a file as [`save`], compressed: `numpy.savez_compressed`.
///
/// # Errors
/// As [`save`].
pub fn save_compressed<N: Into<String>, T: Borrow<Tensor>>(
    path: impl AsRef<Path>,
    tensors: impl IntoIterator<Item = (N, T)>,
) -> Result<()> {
    encode(tensors, Some(Compression::default()), |write| super::atomic_write(path, |file| write(file)))
}

/// Returns the contents of the file that [`save`] would write.
///
/// # Errors
/// As [`save`], except errors of files.
pub fn to_bytes<N: Into<String>, T: Borrow<Tensor>>(tensors: impl IntoIterator<Item = (N, T)>) -> Result<Vec<u8>> {
    encode(tensors, None, in_memory)
}

/// Returns the contents of the file that [`save_compressed`] would write.
///
/// # Errors
/// As [`save`], except errors of files.
///
/// ```
/// use rushlight::{Tensor, io::npz};
/// let zeros = [("zeros", Tensor::zeros([1000]))];
/// let bytes = npz::to_bytes_compressed(zeros)?;
/// assert!(bytes.len() < 300);
/// assert_eq!(npz::from_bytes(&bytes)?["zeros"].numel(), 1000);
/// # Ok::<(), rushlight::Error>(())
/// ```
pub fn to_bytes_compressed<N: Into<String>, T: Borrow<Tensor>>(
    tensors: impl IntoIterator<Item = (N, T)>,
) -> Result<Vec<u8>> {
    encode(tensors, Some(Compression::default()), in_memory)
}

/// Reads all arrays of a file, as written by [`save`], [`save_compressed`] or NumPy.
///
/// # Errors
/// If the file cannot be read, or is not a zip archive of `.npy` files with distinct names, stored or compressed with Deflate, each of which
/// [`npy::load`](super::npy::load) reads.
pub fn load(path: impl AsRef<Path>) -> Result<Arrays> {
    let path = path.as_ref();
    let open = || {
        let mut file = File::open(path)?;
        let about = file.metadata()?;
        if about.is_file() {
            return decode(ZipArchive::from_file(file, &mut buffer()).map_err(fault)?, about.len());
        }
        // The length of a pipe is unknown.
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        decode_bytes(&bytes)
    };
    open().map_err(|problem: Problem| problem.of_file(path))
}

/// Reads the contents of a file, as returned by [`to_bytes`] and [`to_bytes_compressed`] and read by [`load`]; see [`Arrays`] for an example.
///
/// # Errors
/// As [`load`].
pub fn from_bytes(bytes: &[u8]) -> Result<Arrays> {
    decode_bytes(bytes).map_err(|problem| problem.of_bytes("npz data"))
}

fn in_memory(write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write(&mut bytes).map_err(|error| Error::value("npz", error.to_string()))?;
    Ok(bytes)
}

/// Validates the tensors, then calls `finish` with a function that writes the archive.
fn encode<N: Into<String>, T: Borrow<Tensor>, R>(
    tensors: impl IntoIterator<Item = (N, T)>,
    compression: Option<Compression>,
    finish: impl FnOnce(&mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> Result<R>,
) -> Result<R> {
    let mut arrays = Vec::new();
    let mut names = HashSet::new();
    for (name, tensor) in tensors {
        let name = format!("{}.npy", name.into());
        if ZipFilePath::from_str(&name).as_str() != name || name == ".npy" || name.len() > u16::MAX.into() {
            return Err(Error::value(
                "npz",
                format!(
                    "expected a name that is a relative path without . and .., up to 65531 bytes, got {:?}",
                    name.trim_end_matches(".npy")
                ),
            ));
        }
        if !names.insert(name.clone()) {
            let message = format!("expected distinct names, got {:?} twice", name.trim_end_matches(".npy"));
            return Err(Error::value("npz", message));
        }
        arrays.push((name, Array::new(tensor.borrow())?));
    }
    let inputs = arrays.iter().map(|(_, array)| array.read()).collect::<Result<Vec<ReadGuard<'_>>>>()?;
    finish(&mut |out| {
        let mut archive = ZipArchiveWriter::new(out);
        for ((name, array), input) in arrays.iter().zip(&inputs) {
            write_entry(&mut archive, name, compression, |out| array.write(input, out))?;
        }
        archive.finish().map_err(io::Error::other)?;
        Ok(())
    })
}

/// Writes one file of the archive.
fn write_entry(
    archive: &mut ZipArchiveWriter<&mut dyn Write>,
    name: &str,
    compression: Option<Compression>,
    write: impl Fn(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let method = if compression.is_some() { CompressionMethod::DEFLATE } else { CompressionMethod::STORE };
    let (mut entry, config) = archive.new_file(name).compression_method(method).start().map_err(io::Error::other)?;
    let descriptor = match compression {
        None => {
            let mut out = config.wrap(&mut entry);
            write(&mut out)?;
            out.finish().map_err(io::Error::other)?.1
        }
        Some(level) => {
            let mut out = config.wrap(DeflateEncoder::new(&mut entry, level));
            write(&mut out)?;
            let (encoder, descriptor) = out.finish().map_err(io::Error::other)?;
            encoder.finish()?;
            descriptor
        }
    };
    entry.finish(descriptor).map_err(io::Error::other)?;
    Ok(())
}

fn decode_bytes(bytes: &[u8]) -> Result<Arrays, Problem> {
    decode(ZipArchive::from_slice(bytes).map_err(fault)?.into_reader_archive(), bytes.len() as u64)
}

/// Reads an archive of `total` bytes.
fn decode<R: ReaderAt>(archive: ZipArchive<R>, total: u64) -> Result<Arrays, Problem> {
    let mut buffer = buffer();
    let mut entries = archive.entries(&mut buffer);
    let mut arrays = Arrays(Vec::new());
    let mut names = HashSet::new();
    let mut compressed = 0u64;
    while let Some(entry) = entries.next_entry().map_err(fault)? {
        let path = entry.file_path();
        let file = String::from_utf8_lossy(path.as_ref()).into_owned();
        let Some(name) = file.strip_suffix(".npy") else {
            return Err(format!("expected an archive of .npy files, got {file:?}").into());
        };
        if !names.insert(name.to_owned()) {
            return Err(format!("expected distinct names, got {name:?} twice").into());
        }
        // Files that overlap could yield any multiple of what the archive holds.
        compressed = compressed.saturating_add(entry.compressed_size_hint());
        let read = if compressed > total {
            Err(format!("expected at most {total} compressed bytes in all, got {compressed}").into())
        } else {
            read_entry(&archive, &entry)
        };
        let tensor = read.map_err(|problem| match problem {
            Problem::Bytes(fault) => Problem::Bytes(format!("array {name:?}: {fault}")),
            io => io,
        })?;
        arrays.0.push((name.to_owned(), tensor));
    }
    if arrays.len() as u64 != archive.entries_hint() {
        let (expected, found) = (archive.entries_hint(), arrays.len());
        return Err(format!("expected {expected} files in the archive, got {found}").into());
    }
    Ok(arrays)
}

/// Reads one file of the archive.
fn read_entry<R: ReaderAt>(
    archive: &ZipArchive<R>,
    entry: &rawzip::ZipFileHeaderRecord<'_>,
) -> Result<Tensor, Problem> {
    if entry.flags().is_encrypted() {
        return Err("expected an archive without encryption, got an encrypted file".to_owned().into());
    }
    let (size, compressed) = (entry.uncompressed_size_hint(), entry.compressed_size_hint());
    let most = match entry.compression_method() {
        CompressionMethod::STORE => compressed,
        CompressionMethod::DEFLATE => compressed.saturating_mul(MOST_PER_BYTE),
        other => {
            let name = other.name().map_or_else(|| other.as_u16().to_string(), str::to_owned);
            return Err(format!("expected a stored file or one compressed with Deflate, got method {name}").into());
        }
    };
    if size > most {
        return Err(format!("expected at most {most} bytes from {compressed} compressed bytes, got {size}").into());
    }
    let file = archive.get_entry(entry.wayfinder()).map_err(fault)?;
    match entry.compression_method() {
        CompressionMethod::STORE => read_array(&mut file.verifying_reader(file.reader()), size),
        _ => read_array(&mut file.verifying_reader(DeflateDecoder::new(file.reader())), size),
    }
}

/// Reads an array of `size` bytes, and that nothing follows it.
fn read_array(input: &mut dyn Read, size: u64) -> Result<Tensor, Problem> {
    let whole = |problem| match problem {
        Problem::Io(error) => damaged(error),
        fault => fault,
    };
    let tensor = decode_array(input, size).map_err(whole)?;
    // The checksum is verified at the end.
    if input.read(&mut [0]).map_err(damaged)? > 0 {
        return Err(format!("expected {size} bytes, got more").into());
    }
    Ok(tensor)
}
