//! Files of tensors in any of the formats that the library reads.

use crate::failure::{Failure, Result};
use rushlight::Tensor;
use rushlight::io::pt::{self, Value};
use rushlight::io::safetensors::{self, Metadata};
use rushlight::io::{npy, npz};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The contents of a file.
pub(crate) struct Checkpoint {
    pub format: &'static str,
    /// Tensors by key, in the order of the file. Keys of dicts inside one another are joined by dots.
    pub tensors: Vec<(String, Tensor)>,
    /// Everything else: metadata, numbers and text.
    pub others: Vec<(String, String)>,
    /// Text beside the tensors of a safetensors file.
    pub metadata: Metadata,
}

impl Checkpoint {
    /// Reads a file. Its contents decide on the format; a zip archive is NumPy's if it is named so, else PyTorch's.
    pub(crate) fn open(path: &Path) -> Result<Checkpoint> {
        let (tensors, others, metadata) = (Vec::new(), Vec::new(), Metadata::new());
        let mut found = Checkpoint { format: "", tensors, others, metadata };
        if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("npz")) {
            found.format = "NumPy archive";
            let arrays = npz::load(path)?;
            found.tensors = arrays.iter().map(|(name, tensor)| (name.to_owned(), tensor.clone())).collect();
        } else if starts_with(path, b"\x93NUMPY")? {
            found.format = "NumPy array";
            found.tensors.push(("array".into(), npy::load(path)?));
        } else if pt::is_recognized(path)? {
            found.format = "PyTorch";
            found.collect(String::new(), &pt::load(path)?);
        } else {
            found.format = "safetensors";
            let (tensors, metadata) = safetensors::load(path)?;
            found.tensors = tensors.into_iter().collect();
            found.others = metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            found.metadata = metadata;
        }
        Ok(found)
    }

    /// Adds what is in a value. The reader limits how deep values are nested.
    fn collect(&mut self, key: String, value: &Value) {
        let below = |name: String| if key.is_empty() { name } else { format!("{key}.{name}") };
        match value {
            Value::Tensor(tensor) => self.tensors.push((key, tensor.clone())),
            Value::Dict(dict) => {
                for (name, value) in dict.iter() {
                    let name = name.as_str().map_or_else(|| format!("{name:?}"), str::to_owned);
                    self.collect(below(name), value);
                }
            }
            Value::List(items) | Value::Tuple(items) if items.iter().any(holds_tensors) => {
                for (index, value) in items.iter().enumerate() {
                    self.collect(below(index.to_string()), value);
                }
            }
            Value::Str(text) => self.others.push((key, text.clone())),
            other => self.others.push((key, format!("{other:?}"))),
        }
    }
}

/// Whether a value is a tensor or has one inside.
fn holds_tensors(value: &Value) -> bool {
    match value {
        Value::Tensor(_) => true,
        Value::Dict(dict) => dict.iter().any(|(_, value)| holds_tensors(value)),
        Value::List(items) | Value::Tuple(items) => items.iter().any(holds_tensors),
        _ => false,
    }
}

fn starts_with(path: &Path, magic: &[u8]) -> Result<bool> {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(magic.len() as u64).read_to_end(&mut start));
    read.map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    Ok(start == magic)
}
