//! PyTorch's own files, `.pt` and `.pth`: `torch.save` and `torch.load(weights_only=True)`.
//!
//! A file holds one [`Value`]: tensors, numbers and strings in dicts, lists and tuples. Both formats are read, zip archives and what
//! PyTorch before 1.6 wrote; archives are written, which PyTorch reads back with `weights_only=True`.
//!
//! | in the file | read as |
//! |---|---|
//! | tensors of the ten dtypes of this library, `nn.Parameter` | tensors, which share memory as they did in PyTorch |
//! | sparse tensors in the coordinate format | the same |
//! | dicts, `OrderedDict`, `Counter` | [`Dict`] |
//! | lists, tuples, sets, strings, bytes, numbers, bools, `None`, dtypes | the same |
//! | `torch.Size`, `torch.device` | a tuple, a string |
//! | complex, quantized and unsigned 16- to 64-bit tensors | an error that says where in the file the tensor is |
//! | whole models, TorchScript, any other Python object | an error that names it |
//!
//! All tensors are on the host. Attributes of objects, such as the versions of modules in `state_dict()._metadata`, are skipped.
//!
//! Input is not trusted. Nothing in a file is executed: names in it select among the rows above. Every length, offset and reference is
//! checked against the file before memory is allocated, which takes about as much as the file is long.
//!
//! A training's checkpoint as in PyTorch's tutorials:
//!
//! ```
//! use rushlight::{io::pt::{self, Value}, nn, nn::{Module, StateDict}, optim::{Adam, Optimizer}};
//! let path = std::env::temp_dir().join(format!("rushlight-doc-{}.pt", std::process::id()));
//! let net = nn::Linear::new(3, 2);
//! let mut optimizer = Adam::new(net.parameters());
//! let checkpoint = Value::dict([
//!     ("epoch", Value::from(3)),
//!     ("model_state_dict", net.state_dict().into()),
//!     ("optimizer_state_dict", optimizer.torch_state_dict()),
//!     ("loss", Value::from(0.1)),
//! ]);
//! pt::save(&path, &checkpoint)?;
//!
//! let checkpoint = pt::load(&path)?;
//! net.load_state_dict(&StateDict::try_from(&checkpoint["model_state_dict"])?);
//! optimizer.load_torch_state_dict(&checkpoint["optimizer_state_dict"]);
//! assert_eq!(i64::try_from(&checkpoint["epoch"])?, 3);
//! # std::fs::remove_file(&path).unwrap();
//! # Ok::<(), rushlight::Error>(())
//! ```
//!
//! In PyTorch:
//!
//! ```python
//! checkpoint = torch.load(path)
//! net.load_state_dict(checkpoint["model_state_dict"])
//! optimizer.load_state_dict(checkpoint["optimizer_state_dict"])
//! ```

mod archive;
mod build;
mod globals;
mod input;
mod legacy;
mod pickle;
mod unpickle;
mod value;

pub use value::{Dict, Value};

pub(crate) use value::DictKind;

use super::elements::Problem;
use super::zip::{buffer, fault};
use crate::{Error, Result};
use input::Input;
use pickle::Pickle;
use rawzip::ZipArchive;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

/// Writes a value to a file, with [`atomic_write`](super::atomic_write): `torch.save`. Memory that tensors share is written once and as a
/// whole, as by PyTorch: a view of a large tensor takes as much space as that; [`copy`](crate::Tensor::copy) makes it small.
///
/// # Errors
/// If tensors that share memory have different dtypes, nesting is deeper than 100 levels, an integer has more than 255 bytes, another thread
/// is writing a tensor, or the file cannot be written.
///
/// ```
/// use rushlight::{Tensor, io::pt::{self, Value}};
///
/// let path = std::env::temp_dir().join(format!("rushlight-save-{}.pt", std::process::id()));
/// pt::save(&path, &Value::dict([("x", Tensor::ones([2, 3]))]))?;
/// assert_eq!(Tensor::try_from(&pt::load(&path)?["x"])?.shape(), [2, 3]);
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), rushlight::Error>(())
/// ```
pub fn save(path: impl AsRef<Path>, value: &Value) -> Result<()> {
    let pickle = Pickle::new(value)?;
    super::atomic_write(path, |file| archive::encode(&pickle, file))
}

/// Returns the contents of the file that [`save`] would write.
///
/// # Errors
/// As [`save`], except errors of files.
pub fn to_bytes(value: &Value) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    archive::encode(&Pickle::new(value)?, &mut bytes).map_err(|error| Error::value("pt", error.to_string()))?;
    Ok(bytes)
}

/// Reads the value in a file, as written by [`save`] or `torch.save`.
///
/// # Errors
/// If the file cannot be read or is not exactly one value in one of the two formats, with nothing but the [listed](self) types, tensors of
/// at most 8 dimensions and at most 100 levels of nesting.
pub fn load(path: impl AsRef<Path>) -> Result<Value> {
    let path = path.as_ref();
    let open = || {
        let mut file = File::open(path)?;
        let about = file.metadata()?;
        if !about.is_file() {
            // The length of a pipe is unknown.
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            return decode(&bytes);
        }
        match recognize(&start(&mut file)?)? {
            Format::Zip => archive::decode(ZipArchive::from_file(file, &mut buffer()).map_err(fault)?, about.len()),
            Format::Legacy => {
                file.rewind()?;
                legacy::decode(&mut Input::new(&mut BufReader::new(file), about.len()))
            }
        }
    };
    open().map_err(|problem: Problem| problem.of_file(path))
}

/// Reads the contents of a file, as returned by [`to_bytes`] and read by [`load`].
///
/// # Errors
/// As [`load`].
///
/// ```
/// use rushlight::{Tensor, io::pt::{self, Value}};
/// let w = Tensor::zeros([4]);
/// let value = pt::from_bytes(&pt::to_bytes(&Value::from(vec![w.slice(0, 1..), w]))?)?;
/// let [view, whole] = value.as_list().unwrap() else { unreachable!() };
/// assert!(Tensor::try_from(view)?.shares_memory_with(&Tensor::try_from(whole)?));
/// # Ok::<(), rushlight::Error>(())
/// ```
pub fn from_bytes(bytes: &[u8]) -> Result<Value> {
    decode(bytes).map_err(|problem| problem.of_bytes("pt data"))
}

fn decode(mut bytes: &[u8]) -> Result<Value, Problem> {
    let total = bytes.len() as u64;
    match recognize(bytes)? {
        Format::Zip => archive::decode(ZipArchive::from_slice(bytes).map_err(fault)?.into_reader_archive(), total),
        Format::Legacy => legacy::decode(&mut Input::new(&mut bytes, total)),
    }
}

enum Format {
    Zip,
    Legacy,
}

/// The most bytes that [`recognize`] looks at.
const START: u64 = 265;

fn start(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(START).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The format of the data that begin with these bytes.
fn recognize(start: &[u8]) -> Result<Format, Problem> {
    if start.starts_with(b"PK\x03\x04") {
        return Ok(Format::Zip);
    }
    if start.starts_with(&legacy::MAGIC) {
        return Ok(Format::Legacy);
    }
    Err(Problem::Bytes(match start {
        [] => "expected a file of PyTorch's, got an empty one".into(),
        _ if start.get(257..262) == Some(b"ustar") => {
            "expected a file of PyTorch 0.1.10 or later, got a tar archive".into()
        }
        [0x80, ..] => "expected a file that torch.save wrote, got another pickle, or a damaged magic number".into(),
        _ => format!(
            "expected the first bytes of a zip archive or of PyTorch's magic number, got {:02x?}",
            &start[..start.len().min(4)]
        ),
    }))
}

/// Returns whether a file begins as one of PyTorch's, in either format. Nothing is read from pipes, which are not recognized.
///
/// # Errors
/// If the file cannot be read.
///
/// ```
/// use rushlight::{Tensor, io::pt};
/// let path = std::env::temp_dir().join(format!("rushlight-recognized-{}.pt", std::process::id()));
/// pt::save(&path, &Tensor::ones([2]).into())?;
/// assert!(pt::is_recognized(&path)?);
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), rushlight::Error>(())
/// ```
pub fn is_recognized(path: impl AsRef<Path>) -> Result<bool> {
    let path = path.as_ref();
    let peek = || {
        let mut file = File::open(path)?;
        Ok(file.metadata()?.is_file() && recognize(&start(&mut file)?).is_ok())
    };
    peek().map_err(|error| Error::io(path, error))
}
