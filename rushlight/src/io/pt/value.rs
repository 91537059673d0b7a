//! What a file holds: Python's plain data, and tensors.

use crate::tensor::DType;
use crate::{Error, Result, Tensor};
use rushlight_macros::op;
use std::collections::HashMap;
use std::fmt;
use std::ops::Index;

/// A value in a checkpoint. Dicts, lists, numbers and tensors are made with `From`, and taken apart with [`get`](Value::get), an index or
/// `TryFrom`.
///
/// ```
/// use rushlight::{Tensor, io::pt::Value};
/// let checkpoint = Value::dict([("epoch", Value::from(3)), ("loss", Value::from(0.25)), ("w", Tensor::ones([2]).into())]);
/// assert_eq!(i64::try_from(&checkpoint["epoch"])?, 3);
/// assert_eq!(Tensor::try_from(&checkpoint["w"])?.shape(), [2]);
/// assert!(checkpoint.get("accuracy").is_none());
/// # Ok::<(), rushlight::Error>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum Value {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer of 64 bits.
    Int(i64),
    /// A longer integer: its bytes in two's complement, little endian.
    BigInt(Vec<u8>),
    /// A floating-point number.
    Float(f64),
    /// A string.
    Str(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Value>),
    /// A tuple; `torch.Size` is read as one.
    Tuple(Vec<Value>),
    /// A set.
    Set(Vec<Value>),
    /// A dict.
    Dict(Dict),
    /// A tensor.
    Tensor(Tensor),
    /// A dtype.
    DType(DType),
}

impl Value {
    /// Creates a dict of these keys and values.
    ///
    /// # Panics
    /// If a key is a list, a set, a dict or a tensor.
    #[track_caller]
    pub fn dict<K: Into<Value>, V: Into<Value>>(entries: impl IntoIterator<Item = (K, V)>) -> Value {
        Value::Dict(entries.into_iter().collect())
    }

    /// Returns the value of a key that is a string, if this is a dict that has it. An example is that of [`Value`].
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_dict()?.get(key)
    }

    /// Returns the dict, if this is one.
    pub fn as_dict(&self) -> Option<&Dict> {
        if let Value::Dict(dict) = self { Some(dict) } else { None }
    }

    /// Returns the string, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::Str(text) = self { Some(text) } else { None }
    }

    /// Returns the elements, if this is a list or a tuple.
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Value::List(items) | Value::Tuple(items) = self { Some(items) } else { None }
    }

    /// Returns whether this is `None`.
    pub fn is_none(&self) -> bool {
        matches!(self, Value::None)
    }

    /// What this is, for messages.
    pub(crate) fn kind(&self) -> String {
        let (kind, len) = match self {
            Value::None => return "None".into(),
            Value::Bool(_) => return "a bool".into(),
            Value::Int(_) | Value::BigInt(_) => return "an integer".into(),
            Value::Float(_) => return "a float".into(),
            Value::Str(_) => return "a string".into(),
            Value::Bytes(_) => return "bytes".into(),
            Value::DType(_) => return "a dtype".into(),
            Value::Tensor(tensor) => return format!("a tensor of shape {:?}", tensor.shape()),
            Value::List(items) => ("list", items.len()),
            Value::Tuple(items) => ("tuple", items.len()),
            Value::Set(items) => ("set", items.len()),
            Value::Dict(dict) => ("dict", dict.len()),
        };
        format!("a {kind} of {len}")
    }

    /// A form of a hashable value in which values are equal if Python takes them for equal keys; `None` if it is not hashable.
    fn hashed(&self, out: &mut Vec<u8>) -> Option<()> {
        let mut put = |tag: u8, bytes: &[u8]| {
            out.push(tag);
            out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            out.extend_from_slice(bytes);
        };
        match self {
            Value::None => put(b'n', &[]),
            Value::Bool(value) => put(b'i', &i64::from(*value).to_le_bytes()),
            Value::Int(value) => put(b'i', &value.to_le_bytes()),
            // 1.0 and 1 are one key.
            Value::Float(value) if *value == (*value as i64) as f64 => put(b'i', &(*value as i64).to_le_bytes()),
            Value::Float(value) => put(b'f', &value.to_bits().to_le_bytes()),
            Value::BigInt(bytes) => put(b'l', bytes),
            Value::Str(text) => put(b's', text.as_bytes()),
            Value::Bytes(bytes) => put(b'b', bytes),
            Value::DType(dtype) => put(b'd', dtype.name().as_bytes()),
            Value::Tuple(items) => {
                out.push(b't');
                out.extend_from_slice(&(items.len() as u64).to_le_bytes());
                items.iter().try_for_each(|item| item.hashed(out))?;
            }
            Value::List(_) | Value::Set(_) | Value::Dict(_) | Value::Tensor(_) => return None,
        }
        Some(())
    }
}

impl fmt::Debug for Value {
    /// As Rust shows the contents, without the names of the variants.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::None => f.write_str("None"),
            Value::Bool(value) => value.fmt(f),
            Value::Int(value) => value.fmt(f),
            Value::BigInt(bytes) => f.debug_tuple("BigInt").field(bytes).finish(),
            Value::Float(value) => value.fmt(f),
            Value::Str(text) => text.fmt(f),
            Value::Bytes(bytes) => f.debug_tuple("Bytes").field(bytes).finish(),
            Value::List(items) => items.fmt(f),
            Value::Tuple(items) => items.iter().fold(&mut f.debug_tuple(""), |tuple, item| tuple.field(item)).finish(),
            Value::Set(items) => f.debug_set().entries(items).finish(),
            Value::Dict(dict) => dict.fmt(f),
            Value::Tensor(tensor) => tensor.fmt(f),
            Value::DType(dtype) => dtype.fmt(f),
        }
    }
}

impl Index<&str> for Value {
    type Output = Value;

    /// The value of this key.
    ///
    /// # Panics
    /// If this is not a dict, or does not have the key.
    #[track_caller]
    fn index(&self, key: &str) -> &Value {
        match self {
            Value::Dict(dict) => &dict[key],
            other => panic!("expected a dict with the key {key:?}, got {}", other.kind()),
        }
    }
}

/// Which class of Python a dict is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DictKind {
    #[default]
    Dict,
    OrderedDict,
    Counter,
}

/// Values by key, in order of insertion. Keys are any values that Python can hash: strings, numbers, tuples of them. A dict that was read
/// as `collections.OrderedDict` or `collections.Counter` is written as one again.
///
/// ```
/// use rushlight::io::pt::{Dict, Value};
/// let mut dict = Dict::new();
/// dict.insert("lr", 0.1);
/// dict.insert(7, "a key that is a number");
/// assert_eq!(dict.get("lr").map(f64::try_from).transpose()?, Some(0.1));
/// assert_eq!(dict.find(&7.into()).and_then(Value::as_str), Some("a key that is a number"));
/// assert_eq!(format!("{dict:?}"), r#"{"lr": 0.1, 7: "a key that is a number"}"#);
/// # Ok::<(), rushlight::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Dict(Box<Contents>);

#[derive(Clone, Default)]
struct Contents {
    kind: DictKind,
    entries: Vec<(Value, Value)>,
    places: HashMap<Vec<u8>, usize>,
}

impl Dict {
    /// Creates an empty dict.
    pub fn new() -> Dict {
        Dict::default()
    }

    pub(crate) fn of_kind(kind: DictKind) -> Dict {
        Dict(Box::new(Contents { kind, ..Contents::default() }))
    }

    pub(crate) fn dict_kind(&self) -> DictKind {
        self.0.kind
    }

    /// Inserts a value, and returns the previous one of the key, which it replaces in place. An example is that of [`Dict`].
    ///
    /// # Errors
    /// If the key is a list, a set, a dict or a tensor, which Python does not hash or hashes by identity.
    #[op]
    pub fn try_insert(&mut self, key: impl Into<Value>, value: impl Into<Value>) -> Result<Option<Value>> {
        let (key, value) = (key.into(), value.into());
        let mut hashed = Vec::new();
        if key.hashed(&mut hashed).is_none() {
            let message = format!("expected a key that is a string, a number or a tuple of these, got {}", key.kind());
            return Err(Error::value("insert", message));
        }
        let Contents { entries, places, .. } = &mut *self.0;
        if let Some(&place) = places.get(&hashed) {
            return Ok(Some(std::mem::replace(&mut entries[place].1, value)));
        }
        places.insert(hashed, entries.len());
        entries.push((key, value));
        Ok(None)
    }

    /// Returns the value of a key that is a string. An example is that of [`Dict`].
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.find(&Value::Str(key.to_owned()))
    }

    /// Returns the value of any key. An example is that of [`Dict`].
    pub fn find(&self, key: &Value) -> Option<&Value> {
        let mut hashed = Vec::new();
        key.hashed(&mut hashed)?;
        self.0.places.get(&hashed).map(|&place| &self.0.entries[place].1)
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.0.entries.len()
    }

    /// Returns whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.entries.is_empty()
    }

    /// Iterates over keys and values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Value, &Value)> {
        self.0.entries.iter().map(|(key, value)| (key, value))
    }
}

impl fmt::Debug for Dict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Index<&str> for Dict {
    type Output = Value;

    /// The value of this key.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    fn index(&self, key: &str) -> &Value {
        let keys = || self.iter().map(|(key, _)| key).collect::<Vec<_>>();
        self.get(key).unwrap_or_else(|| panic!("expected one of the keys {:?}, got {key:?}", keys()))
    }
}

impl IntoIterator for Dict {
    type Item = (Value, Value);
    type IntoIter = std::vec::IntoIter<(Value, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.entries.into_iter()
    }
}

impl<K: Into<Value>, V: Into<Value>> FromIterator<(K, V)> for Dict {
    /// # Panics
    /// If a key is a list, a set, a dict or a tensor.
    #[track_caller]
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Dict {
        let mut dict = Dict::new();
        for (key, value) in entries {
            dict.insert(key, value);
        }
        dict
    }
}

macro_rules! from {
    ($($t:ty, $name:pat => $value:expr;)*) => {
        $(impl From<$t> for Value {
            fn from($name: $t) -> Value {
                $value
            }
        })*
    };
}

from! {
    bool, value => Value::Bool(value);
    i32, value => Value::Int(value.into());
    i64, value => Value::Int(value);
    u32, value => Value::Int(value.into());
    // Longer ones do not occur as counts.
    usize, value => Value::Int(i64::try_from(value).unwrap_or(i64::MAX));
    f64, value => Value::Float(value);
    &str, value => Value::Str(value.to_owned());
    String, value => Value::Str(value);
    Tensor, value => Value::Tensor(value);
    &Tensor, value => Value::Tensor(value.clone());
    DType, value => Value::DType(value);
    Dict, value => Value::Dict(value);
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Value {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::None, Into::into)
    }
}

fn mismatch(expected: &str, value: &Value) -> Error {
    Error::value("pt", format!("expected {expected}, got {}", value.kind()))
}

impl TryFrom<&Value> for bool {
    type Error = Error;

    fn try_from(value: &Value) -> Result<bool> {
        if let Value::Bool(value) = value { Ok(*value) } else { Err(mismatch("a bool", value)) }
    }
}

impl TryFrom<&Value> for i64 {
    type Error = Error;

    /// An integer, or the element of a tensor of one integer.
    fn try_from(value: &Value) -> Result<i64> {
        match value {
            Value::Int(value) => Ok(*value),
            Value::Tensor(tensor) if tensor.numel() == 1 && !tensor.dtype().is_float() => tensor.try_item_as(),
            _ => Err(mismatch("an integer of 64 bits", value)),
        }
    }
}

impl TryFrom<&Value> for f64 {
    type Error = Error;

    /// A number, or the element of a tensor of one element.
    fn try_from(value: &Value) -> Result<f64> {
        match value {
            Value::Float(value) => Ok(*value),
            Value::Int(value) => Ok(*value as f64),
            Value::Tensor(tensor) if tensor.numel() == 1 => tensor.try_item(),
            _ => Err(mismatch("a number", value)),
        }
    }
}

impl TryFrom<&Value> for String {
    type Error = Error;

    fn try_from(value: &Value) -> Result<String> {
        value.as_str().map(str::to_owned).ok_or_else(|| mismatch("a string", value))
    }
}

impl TryFrom<&Value> for Tensor {
    type Error = Error;

    /// Another handle to the tensor.
    fn try_from(value: &Value) -> Result<Tensor> {
        if let Value::Tensor(tensor) = value { Ok(tensor.clone()) } else { Err(mismatch("a tensor", value)) }
    }
}
