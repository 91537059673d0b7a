//! Writing a value as a pickle of protocol 2, PyTorch's default, with the names that its `weights_only` reader knows.

use super::build::DEEPEST;
use super::globals::storage_class;
use super::value::{Dict, DictKind, Value};
use crate::tensor::Layout;
use crate::{Error, Result, Tensor};
use std::collections::HashMap;
use std::sync::Arc;

/// A value as a pickle, and the storages of its tensors.
pub(super) struct Pickle {
    pub(super) bytes: Vec<u8>,
    pub(super) storages: Vec<Stored>,
    /// The number of each storage by its address.
    places: HashMap<usize, usize>,
}

/// A storage: one of its tensors, and the layout of all of its elements.
pub(super) struct Stored {
    pub(super) tensor: Tensor,
    pub(super) layout: Layout,
}

impl Pickle {
    pub(super) fn new(value: &Value) -> Result<Pickle> {
        let mut pickle = Pickle { bytes: b"\x80\x02".to_vec(), storages: Vec::new(), places: HashMap::new() };
        pickle.value(value, 0)?;
        pickle.bytes.push(b'.');
        Ok(pickle)
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn global(&mut self, module: &str, name: &str) {
        self.put(format!("c{module}\n{name}\n").as_bytes());
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<()> {
        if depth > DEEPEST {
            return Err(Error::value(
                "pt",
                format!("expected at most {DEEPEST} levels of lists, tuples and dicts, got more"),
            ));
        }
        match value {
            Value::None => self.put(b"N"),
            Value::Bool(value) => self.bool(*value),
            Value::Int(value) => self.int(*value),
            Value::BigInt(bytes) => self.long(bytes)?,
            Value::Float(value) => {
                self.put(b"G");
                self.put(&value.to_be_bytes());
            }
            Value::Str(text) => self.text(text)?,
            Value::Bytes(bytes) => {
                // Protocol 2 has no bytes.
                self.global("_codecs", "encode");
                self.text(&bytes.iter().map(|byte| char::from(*byte)).collect::<String>())?;
                self.text("latin1")?;
                self.put(b"\x86R");
            }
            Value::List(items) => self.list(items, depth)?,
            Value::Tuple(items) => {
                self.put(b"(");
                items.iter().try_for_each(|item| self.value(item, depth + 1))?;
                self.put(b"t");
            }
            Value::Set(items) => {
                self.global("__builtin__", "set");
                self.list(items, depth)?;
                self.put(b"\x85R");
            }
            Value::Dict(dict) => self.dict(dict, depth)?,
            Value::Tensor(tensor) => self.tensor(tensor)?,
            Value::DType(dtype) => self.global("torch", dtype.name()),
        }
        Ok(())
    }

    fn bool(&mut self, value: bool) {
        self.put(if value { b"\x88" } else { b"\x89" });
    }

    fn int(&mut self, value: i64) {
        if let Ok(value) = u8::try_from(value) {
            self.put(&[b'K', value]);
        } else if let Ok(value) = u16::try_from(value) {
            self.put(b"M");
            self.put(&value.to_le_bytes());
        } else if let Ok(value) = i32::try_from(value) {
            self.put(b"J");
            self.put(&value.to_le_bytes());
        } else {
            self.put(b"\x8a\x08");
            self.put(&value.to_le_bytes());
        }
    }

    fn long(&mut self, bytes: &[u8]) -> Result<()> {
        // PyTorch's reader does not know the opcode of longer ones.
        let Ok(len) = u8::try_from(bytes.len()) else {
            return Err(Error::value("pt", format!("expected an integer of at most 255 bytes, got {}", bytes.len())));
        };
        self.put(&[0x8a, len]);
        self.put(bytes);
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        let Ok(len) = u32::try_from(text.len()) else {
            return Err(Error::value("pt", format!("expected a string of less than 4 GiB, got {} bytes", text.len())));
        };
        self.put(b"X");
        self.put(&len.to_le_bytes());
        self.put(text.as_bytes());
        Ok(())
    }

    fn list(&mut self, items: &[Value], depth: usize) -> Result<()> {
        self.put(b"](");
        items.iter().try_for_each(|item| self.value(item, depth + 1))?;
        self.put(b"e");
        Ok(())
    }

    fn dict(&mut self, dict: &Dict, depth: usize) -> Result<()> {
        match dict.dict_kind() {
            DictKind::Dict => self.put(b"}("),
            DictKind::OrderedDict => {
                self.global("collections", "OrderedDict");
                self.put(b")R(");
            }
            DictKind::Counter => {
                self.global("collections", "Counter");
                self.put(b"}(");
            }
        }
        for (key, value) in dict.iter() {
            self.value(key, depth + 1)?;
            self.value(value, depth + 1)?;
        }
        self.put(if dict.dict_kind() == DictKind::Counter { b"u\x85R" } else { b"u" });
        Ok(())
    }

    fn sizes(&mut self, sizes: impl IntoIterator<Item = i64>) {
        self.put(b"(");
        sizes.into_iter().for_each(|size| self.int(size));
        self.put(b"t");
    }

    fn tensor(&mut self, tensor: &Tensor) -> Result<()> {
        if tensor.is_sparse() {
            let coo = tensor.coo("pt")?;
            self.global("torch._utils", "_rebuild_sparse_tensor");
            self.global("torch.serialization", "_get_layout");
            self.text("torch.sparse_coo")?;
            self.put(b"\x85R(");
            self.tensor(&coo.indices)?;
            self.tensor(&coo.values)?;
            self.global("torch", "Size");
            self.sizes(tensor.shape().iter().map(|size| *size as i64));
            self.put(b"\x85R");
            self.bool(coo.coalesced);
            self.put(b"t\x86R");
            return Ok(());
        }
        // PyTorch has no negative strides, and what other devices hold is copied anyway.
        let own = tensor.detach();
        let own = if !own.device().is_host() || own.stride().iter().any(|stride| *stride < 0) {
            own.on_host()?.try_contiguous_copy()?
        } else {
            own
        };
        let place = self.storage(&own)?;
        self.global("torch._utils", "_rebuild_tensor_v2");
        self.put(b"((");
        self.text("storage")?;
        self.global("torch", storage_class(own.dtype()));
        self.text(&place.to_string())?;
        self.text("cpu")?;
        self.int(self.storages[place].layout.numel() as i64);
        self.put(b"tQ");
        self.int(own.layout().offset() as i64);
        self.sizes(own.shape().iter().map(|size| *size as i64));
        self.sizes(own.stride().iter().map(|stride| *stride as i64));
        self.bool(tensor.requires_grad());
        self.global("collections", "OrderedDict");
        self.put(b")RtR");
        Ok(())
    }

    /// The number of a tensor's storage, which is written once for all of its tensors.
    fn storage(&mut self, tensor: &Tensor) -> Result<usize> {
        let address = Arc::as_ptr(&tensor.0.storage).addr();
        if let Some(&place) = self.places.get(&address) {
            let first = self.storages[place].tensor.dtype();
            if first != tensor.dtype() {
                let message =
                    format!("expected one dtype of all tensors that share memory, got {first} and {}", tensor.dtype());
                return Err(Error::dtype("pt", message));
            }
            return Ok(place);
        }
        let layout = Layout::contiguous(&[tensor.0.storage.bytes() / tensor.dtype().size()]);
        self.places.insert(address, self.storages.len());
        self.storages.push(Stored { tensor: tensor.clone(), layout });
        Ok(self.storages.len() - 1)
    }
}
