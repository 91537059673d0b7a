//! The IDX format of the MNIST family: a number array with a small header, often compressed with gzip.
//!
//! Two zero bytes, a byte for the element type, a byte for the number of dimensions, each dimension as a big-endian 32-bit number,
//! then the elements, big-endian, row-major.
//!
//! Input is not trusted: memory is allocated only as data arrive, a compressed file is decompressed no further than its header
//! states, and every fault is returned as an [`Error`].

use crate::{Error, Result};
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// The initial capacity before the first element has been read.
const FIRST_ALLOCATION: usize = 1 << 20;

/// An array read from or written to an IDX file.
///
/// ```
/// use rushlight::io::idx::{Idx, IdxData};
///
/// let bytes = [0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3, 10, 20, 30];
/// let idx = Idx::from_bytes(&bytes).unwrap();
/// assert_eq!(idx.dims(), [1, 3]);
/// assert_eq!(*idx.data(), IdxData::U8(vec![10, 20, 30]));
/// assert_eq!(idx.to_bytes(), bytes);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Idx {
    dims: Vec<usize>,
    data: IdxData,
}

/// The elements of an [`Idx`], row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum IdxData {
    /// Type 0x08, that of MNIST's files.
    U8(Vec<u8>),
    /// Type 0x09.
    I8(Vec<i8>),
    /// Type 0x0B.
    I16(Vec<i16>),
    /// Type 0x0C.
    I32(Vec<i32>),
    /// Type 0x0D.
    F32(Vec<f32>),
    /// Type 0x0E.
    F64(Vec<f64>),
}

/// A fault of an IDX file.
#[derive(Debug, thiserror::Error)]
enum Problem {
    /// The file cannot be opened or read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is not in the IDX format.
    #[error("not an IDX file: expected the first bytes 00, 00 and a type of 08, 09, 0b, 0c, 0d or 0e, got {0:02x?}")]
    BadMagic(Vec<u8>),
    /// It ends within its header.
    #[error("truncated IDX header: expected {expected} bytes, got {found}")]
    HeaderTruncated {
        /// The size of the header in bytes, as far as known.
        expected: usize,
        /// The available bytes.
        found: usize,
    },
    /// It ends before its last element.
    #[error("truncated IDX data: expected {expected} bytes for the shape {dims:?}, got {found}")]
    Truncated {
        /// The dimensions in the header.
        dims: Vec<usize>,
        /// The size of the elements in bytes.
        expected: usize,
        /// The available bytes.
        found: usize,
    },
    /// It has trailing bytes.
    #[error("trailing bytes after the IDX data: expected {expected} bytes for the shape {dims:?}, got more")]
    TrailingBytes {
        /// The dimensions in the header.
        dims: Vec<usize>,
        /// The size of the elements in bytes.
        expected: usize,
    },
    /// The elements do not fit in the address space.
    #[error("expected an IDX shape that fits in memory, got {dims:?}")]
    TooLarge {
        /// The dimensions in the header.
        dims: Vec<usize>,
    },
    /// The gzip stream is damaged.
    #[error("damaged gzip data: {0}")]
    Gzip(io::Error),
}

macro_rules! element_types {
    ($($variant:ident $t:ident $code:literal),*) => {
        impl IdxData {
            /// Returns the number of elements.
            pub fn len(&self) -> usize {
                match self { IdxData::U8(x) => x.len(), $(IdxData::$variant(x) => x.len()),* }
            }

            /// Returns the element type as Rust calls it.
            pub fn type_name(&self) -> &'static str {
                match self { IdxData::U8(_) => "u8", $(IdxData::$variant(_) => stringify!($t)),* }
            }

            fn code(&self) -> u8 {
                match self { IdxData::U8(_) => U8_CODE, $(IdxData::$variant(_) => $code),* }
            }

            /// The size of an element of a type code in bytes; `None` for invalid codes.
            fn element_size(code: u8) -> Option<usize> {
                match code { U8_CODE => Some(1), $($code => Some(size_of::<$t>()),)* _ => None }
            }

            /// The elements in `bytes`, an integer of them, of the type `code`.
            fn decode(code: u8, bytes: Vec<u8>) -> IdxData {
                match code {
                    $($code => IdxData::$variant(bytes.as_chunks().0.iter().map(|&b| $t::from_be_bytes(b)).collect()),)*
                    _ => IdxData::U8(bytes),
                }
            }

            fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
                match self {
                    IdxData::U8(x) => out.write_all(x),
                    $(IdxData::$variant(x) => x.iter().try_for_each(|x| out.write_all(&x.to_be_bytes())),)*
                }
            }
        }
    };
}
const U8_CODE: u8 = 0x08;
element_types!(I8 i8 0x09, I16 i16 0x0b, I32 i32 0x0c, F32 f32 0x0d, F64 f64 0x0e);

impl IdxData {
    /// Returns whether the array is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Idx {
    /// Creates an array.
    ///
    /// # Errors
    /// If the number of elements is not the product of `dims`, or the format cannot hold `dims`.
    pub fn new(dims: &[usize], data: IdxData) -> Result<Idx> {
        if dims.len() > 255 || dims.iter().any(|&d| u32::try_from(d).is_err()) {
            let room = "at most 255 dimensions, each below 2^32";
            return Err(Error::shape("Idx", format!("expected {room}, got {dims:?}")));
        }
        if byte_count(dims, 1) != Some(data.len()) {
            return Err(Error::shape("Idx", format!("{} elements do not make an array of {dims:?}", data.len())));
        }
        Ok(Idx { dims: dims.to_vec(), data })
    }

    /// Reads a file, which may be compressed with gzip (whatever its name).
    ///
    /// # Errors
    /// If the file cannot be read or is not exactly one array in the IDX format.
    pub fn read(path: impl AsRef<Path>) -> Result<Idx> {
        let path = path.as_ref();
        let open = || parse(BufReader::with_capacity(1 << 16, File::open(path)?));
        open().map_err(|problem| match problem {
            Problem::Io(error) => Error::io(path, error),
            other => Error::format(path.display().to_string(), other.to_string()),
        })
    }

    /// Reads the contents of a file, as [`Idx::read`].
    ///
    /// # Errors
    /// As [`Idx::read`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Idx> {
        parse(bytes).map_err(|problem| Error::format("IDX data", problem.to_string()))
    }

    /// Returns the size of each dimension.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// Returns the elements, row-major.
    pub fn data(&self) -> &IdxData {
        &self.data
    }

    /// Returns the dimensions and the elements.
    pub fn into_parts(self) -> (Vec<usize>, IdxData) {
        (self.dims, self.data)
    }

    /// Returns the contents of an uncompressed file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes).expect("memory takes every byte");
        bytes
    }

    /// Writes a file with [`atomic_write`](crate::io::atomic_write), compressed if its name ends in `.gz`.
    ///
    /// # Errors
    /// If it cannot be written; an existing file is then unchanged.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        crate::io::atomic_write(path, |file| {
            if path.extension().is_none_or(|extension| extension != "gz") {
                return self.write_to(file);
            }
            let mut gzip = BufWriter::new(GzEncoder::new(file, Compression::best()));
            self.write_to(&mut gzip)?;
            gzip.into_inner()?.finish().map(drop)
        })
    }

    fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&[0, 0, self.data.code(), self.dims.len() as u8])?;
        for &dim in &self.dims {
            out.write_all(&(dim as u32).to_be_bytes())?;
        }
        self.data.write_to(out)
    }
}

fn byte_count(dims: &[usize], element_size: usize) -> Option<usize> {
    // Zero first: a zero among dimensions whose product would overflow still means no elements.
    if dims.contains(&0) {
        return Some(0);
    }
    dims.iter().try_fold(element_size, |bytes, &dim| bytes.checked_mul(dim))
}

fn parse(mut input: impl BufRead) -> Result<Idx, Problem> {
    if !input.fill_buf()?.starts_with(&GZIP_MAGIC) {
        return parse_plain(input);
    }
    parse_plain(MultiGzDecoder::new(input)).map_err(|problem| match problem {
        // Errors without a code of the operating system are those of the decoder.
        Problem::Io(error) if error.raw_os_error().is_none() => Problem::Gzip(error),
        other => other,
    })
}

fn parse_plain(mut input: impl Read) -> Result<Idx, Problem> {
    let magic = read_up_to(&mut input, 4)?;
    if magic.iter().take(2).any(|&byte| byte != 0) {
        return Err(Problem::BadMagic(magic));
    }
    let &[_, _, code, rank] = magic.as_slice() else {
        return Err(Problem::HeaderTruncated { expected: 4, found: magic.len() });
    };
    let Some(element_size) = IdxData::element_size(code) else {
        return Err(Problem::BadMagic(magic));
    };
    let sizes = read_up_to(&mut input, 4 * usize::from(rank))?;
    if sizes.len() < 4 * usize::from(rank) {
        return Err(Problem::HeaderTruncated { expected: 4 + 4 * usize::from(rank), found: 4 + sizes.len() });
    }
    let dims: Vec<usize> = sizes.as_chunks().0.iter().map(|&bytes| u32::from_be_bytes(bytes) as usize).collect();
    let Some(expected) = byte_count(&dims, element_size).filter(|&n| n <= isize::MAX as usize) else {
        return Err(Problem::TooLarge { dims });
    };
    let bytes = read_up_to(&mut input, expected)?;
    if bytes.len() < expected {
        return Err(Problem::Truncated { dims, expected, found: bytes.len() });
    }
    // Asking for one byte more also makes the gzip decoder verify its checksum.
    if !read_up_to(&mut input, 1)?.is_empty() {
        return Err(Problem::TrailingBytes { dims, expected });
    }
    Ok(Idx { dims, data: IdxData::decode(code, bytes) })
}

/// Reads the next `count` bytes, or all if there are fewer. Memory grows as they arrive, whatever `count` is.
fn read_up_to(input: &mut impl Read, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(count.min(FIRST_ALLOCATION));
    input.take(count as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
#[path = "idx_tests.rs"]
mod tests;
