//! What the readers and writers of tensors have in common: elements as bytes, files of known length, and faults.

use crate::tensor::{ReadGuard, WriteGuard};
use crate::{Error, Result};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// Elements converted at once.
pub(super) const CHUNK: usize = 8192;

/// Why data cannot be read.
#[derive(Debug)]
pub(super) enum Problem {
    Io(io::Error),
    /// A fault of the data.
    Bytes(String),
}

impl Problem {
    pub(super) fn of_file(self, path: &Path) -> Error {
        match self {
            Problem::Io(error) => Error::io(path, error),
            Problem::Bytes(fault) => Error::format(path.display().to_string(), fault),
        }
    }

    pub(super) fn of_bytes(self, what: &str) -> Error {
        match self {
            Problem::Io(error) => Error::format(what, error.to_string()),
            Problem::Bytes(fault) => Error::format(what, fault),
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Problem {
        Problem::Io(error)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        Problem::Bytes(error.to_string())
    }
}

impl From<String> for Problem {
    fn from(fault: String) -> Problem {
        Problem::Bytes(fault)
    }
}

/// Calls `decode` with the contents of a file and their length.
pub(super) fn read_file<T>(path: &Path, decode: impl FnOnce(&mut dyn Read, u64) -> Result<T, Problem>) -> Result<T> {
    let open = || {
        let mut file = File::open(path)?;
        let about = file.metadata()?;
        if about.is_file() {
            return decode(&mut file, about.len());
        }
        // The length of a pipe is unknown.
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        decode(&mut bytes.as_slice(), bytes.len() as u64)
    };
    open().map_err(|problem: Problem| problem.of_file(path))
}

/// Writes the elements, little endian.
pub(super) fn write_elements(input: &ReadGuard<'_>, out: &mut dyn Write) -> io::Result<()> {
    let bytes = input.bytes_to_host().map_err(io::Error::other)?;
    if cfg!(target_endian = "little") {
        return out.write_all(&bytes);
    }
    let size = input.dtype().size();
    bytes.chunks(CHUNK * size).try_for_each(|part| {
        let mut bytes = part.to_vec();
        reverse_elements(&mut bytes, size);
        out.write_all(&bytes)
    })
}

/// Changes the byte order of elements of `size` bytes.
pub(super) fn reverse_elements(bytes: &mut [u8], size: usize) {
    bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
}

/// Reads the elements, of which each is reversed unless its bytes are in native order.
pub(super) fn read_elements(input: &mut dyn Read, out: &mut WriteGuard<'_>, reversed: bool) -> Result<(), Problem> {
    let size = out.dtype().size();
    out.write_bytes_by(|bytes| {
        input.read_exact(bytes)?;
        if reversed {
            reverse_elements(bytes, size);
        }
        Ok(())
    })
}
