//! PyTorch's format before 1.6: a magic number, the version of the format, the system's sizes, the object, and the keys of the storages as
//! pickles one after the other, then each storage: its number of elements in 8 bytes, and the elements, all little endian.

use super::build::build;
use super::input::Input;
use super::unpickle::{Node, Objects, unpickle};
use super::value::Value;
use crate::backend::Device;
use crate::io::elements::{Problem, reverse_elements};
use crate::tensor::Layout;
use crate::{Result, Tensor};

/// The pickle of the magic number, up to its end.
pub(super) const MAGIC: [u8; 15] = *b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

/// The only version of the format.
const VERSION: i64 = 1001;

pub(super) fn decode(input: &mut Input<'_>) -> Result<Value, Problem> {
    input.skip(MAGIC.len() as u64, "the magic number")?;
    let version = unpickle(input)?;
    let version = &version.nodes[version.root as usize];
    if !matches!(version, Node::Int(VERSION)) {
        return Err(format!("expected version {VERSION} of the format, got {version:?}").into());
    }
    unpickle(input)?; // sizes of C's types, which nothing depends on
    let objects = unpickle(input)?;
    let mut storages = read_storages(input, &objects)?;
    if input.left() > 0 {
        return Err(
            format!("expected the end of the file after the last storage, got {} more bytes", input.left()).into()
        );
    }
    build(&objects, &mut |storage| Ok(storages[storage].take().expect("read once, and of a known dtype")))
}

/// The storages of the objects, each of which the file holds once; `None` for those of unknown dtypes.
fn read_storages(input: &mut Input<'_>, objects: &Objects) -> Result<Vec<Option<Tensor>>, Problem> {
    let keys = unpickle(input)?;
    let Node::List(list) = &keys.nodes[keys.root as usize] else {
        return Err("expected a list of the keys of storages, got another object".to_owned().into());
    };
    if list.len() != objects.storages.len() {
        let (expected, found) = (objects.storages.len(), list.len());
        return Err(format!("expected the keys of {expected} storages, got {found}").into());
    }
    let places: std::collections::HashMap<&str, usize> =
        objects.storages.iter().enumerate().map(|(place, storage)| (storage.key.as_str(), place)).collect();
    let mut storages: Vec<Option<Option<Tensor>>> = vec![None; list.len()];
    for id in list {
        let Node::Str(key) = &keys.nodes[*id as usize] else {
            return Err("expected the key of a storage as a string, got another object".to_owned().into());
        };
        let Some(&place) = places.get(key.as_str()).filter(|place| storages[**place].is_none()) else {
            return Err(format!(
                "storage {key:?}: expected each key of the object once, got this one unknown or again"
            )
            .into());
        };
        let storage = &objects.storages[place];
        let numel = u64::from_le_bytes(input.array("the size of a storage")?);
        if numel != storage.numel {
            return Err(format!("storage {key:?}: expected {} elements, got {numel}", storage.numel).into());
        }
        if storage.bytes() > input.left() {
            let (expected, left) = (storage.bytes(), input.left());
            return Err(format!("truncated: expected {expected} bytes for storage {key:?}, got {left}").into());
        }
        let Some(dtype) = storage.kind.dtype else {
            input.skip(storage.bytes(), "a storage")?;
            storages[place] = Some(None);
            continue;
        };
        let tensor = Tensor::fresh(Device::Cpu, Layout::contiguous(&[numel as usize]), dtype)?;
        tensor.write_fresh().write_bytes_by(|bytes| {
            input.fill(bytes, "a storage")?;
            if cfg!(target_endian = "big") {
                reverse_elements(bytes, dtype.size());
            }
            Ok::<(), Problem>(())
        })?;
        storages[place] = Some(Some(tensor));
    }
    // As many as there are places, and none twice.
    Ok(storages.into_iter().flatten().collect())
}
