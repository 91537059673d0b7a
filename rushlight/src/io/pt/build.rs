//! The objects of a pickle as a [`Value`], with tensors over the storages of the file.

use super::globals::Global;
use super::unpickle::{Id, Node, Objects, Strided};
use super::value::{Dict, Value};
use crate::io::elements::Problem;
use crate::tensor::{Dims, Layout};
use crate::{Result, Tensor};
use std::collections::HashMap;
use std::fmt::Write as _;

/// The deepest nesting of lists, tuples and dicts, and that of dicts that are written.
pub(super) const DEEPEST: usize = 100;

/// The memory in bytes that a file's values may take for each byte of its pickle, beyond a fixed part. A pickle can refer to one list from
/// many places, and to that place from many others.
const EXPANSION: u64 = 128;
const FREE: u64 = 16 << 20;

/// Reads a storage, one-dimensional, by its number.
pub(super) type ReadStorage<'a> = &'a mut dyn FnMut(usize) -> Result<Tensor, Problem>;

/// The value of the root object. Storages are read as tensors need them, each once.
pub(super) fn build(objects: &Objects, read: ReadStorage<'_>) -> Result<Value, Problem> {
    let left = objects.len.saturating_mul(EXPANSION).saturating_add(FREE);
    let storages = vec![None; objects.storages.len()];
    Builder { objects, read, storages, tensors: HashMap::new(), left, path: Vec::new() }.value(objects.root)
}

/// A step from an object to one of its parts.
enum Step {
    Key(Id),
    Index(usize),
}

struct Builder<'a> {
    objects: &'a Objects,
    read: ReadStorage<'a>,
    storages: Vec<Option<Tensor>>,
    /// Tensors by object, so that one object is one tensor.
    tensors: HashMap<Id, Tensor>,
    /// Bytes that more values may take.
    left: u64,
    path: Vec<Step>,
}

impl Builder<'_> {
    fn node(&self, id: Id) -> &Node {
        &self.objects.nodes[id as usize]
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Problem> {
        match self.left.checked_sub((size_of::<Value>() + bytes) as u64) {
            Some(left) => self.left = left,
            None => {
                return Err("expected data that are about as large as the file, got far more by repetition"
                    .to_owned()
                    .into());
            }
        }
        Ok(())
    }

    fn value(&mut self, id: Id) -> Result<Value, Problem> {
        let objects = self.objects;
        let node = &objects.nodes[id as usize];
        let extra = match node {
            Node::Str(text) => text.len(),
            Node::Bytes(bytes) | Node::BigInt(bytes) => bytes.len(),
            _ => 0,
        };
        self.spend(extra)?;
        Ok(match node {
            Node::None => Value::None,
            Node::Bool(value) => Value::Bool(*value),
            Node::Int(value) => Value::Int(*value),
            Node::BigInt(bytes) => Value::BigInt(bytes.clone()),
            Node::Float(value) => Value::Float(*value),
            Node::Str(text) => Value::Str(text.clone()),
            Node::Bytes(bytes) => Value::Bytes(bytes.clone()),
            Node::List(items) => Value::List(self.values(items)?),
            Node::Tuple(items) => Value::Tuple(self.values(items)?),
            Node::Set(items) => Value::Set(self.values(items)?),
            Node::Dict(kind, entries) => {
                let mut dict = Dict::of_kind(*kind);
                for (key, value) in entries {
                    self.spend(size_of::<Value>() + extra)?;
                    let at = self.descend(Step::Key(*key))?;
                    let (key, value) = (self.value(*key)?, self.value(*value)?);
                    dict.try_insert(key, value).map_err(|error| self.fault(error))?;
                    self.path.truncate(at);
                }
                Value::Dict(dict)
            }
            Node::Global(Global::DType(dtype)) => Value::DType(*dtype),
            Node::Global(Global::Unsupported(name)) => {
                return Err(self.fault(format!("expected a dtype that this library has, got {name}")));
            }
            Node::Global(_) => return Err(self.fault("expected data, got a class or a function")),
            Node::Storage(_) => return Err(self.fault("expected tensors, got a storage without one")),
            Node::Unsupported(what) => {
                return Err(
                    self.fault(format!("expected a strided tensor of a dtype that this library has, got {what}"))
                );
            }
            Node::Tensor(_) | Node::Sparse(..) => Value::Tensor(self.tensor(id)?),
        })
    }

    fn values(&mut self, items: &[Id]) -> Result<Vec<Value>, Problem> {
        let mut values = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let at = self.descend(Step::Index(index))?;
            values.push(self.value(*item)?);
            self.path.truncate(at);
        }
        Ok(values)
    }

    /// Appends a step to the path, and returns its length before.
    fn descend(&mut self, step: Step) -> Result<usize, Problem> {
        let at = self.path.len();
        if at == DEEPEST {
            return Err(format!("expected at most {DEEPEST} levels of lists, tuples and dicts, got more").into());
        }
        self.path.push(step);
        Ok(at)
    }

    /// A fault of the object at the present path, which is given in Python's notation.
    fn fault(&self, message: impl ToString) -> Problem {
        let mut place = String::new();
        for step in &self.path {
            let written = match step {
                Step::Index(index) => write!(place, "[{index}]"),
                Step::Key(key) => match self.node(*key) {
                    Node::Str(text) => write!(place, "[{text:?}]"),
                    Node::Int(value) => write!(place, "[{value}]"),
                    _ => write!(place, "[…]"),
                },
            };
            written.expect("a String takes every text");
        }
        let message = message.to_string();
        Problem::Bytes(if place.is_empty() { message } else { format!("{place}: {message}") })
    }

    fn tensor(&mut self, id: Id) -> Result<Tensor, Problem> {
        if let Some(tensor) = self.tensors.get(&id) {
            return Ok(tensor.clone());
        }
        let objects = self.objects;
        let tensor = match &objects.nodes[id as usize] {
            Node::Tensor(strided) => self.strided(strided)?,
            Node::Sparse(parts, coalesced) => self.sparse(*parts, *coalesced)?,
            _ => return Err(self.fault("expected a tensor, got another object")),
        };
        self.tensors.insert(id, tensor.clone());
        Ok(tensor)
    }

    fn strided(&mut self, strided: &Strided) -> Result<Tensor, Problem> {
        let Strided { window, offset, size, stride, requires_grad } = strided;
        let objects = self.objects;
        let storage = &objects.storages[window.storage];
        let Some(dtype) = storage.kind.dtype else {
            let class = storage.kind.class;
            return Err(self.fault(format!("expected a tensor of a dtype that this library has, got one of a {class}")));
        };
        let shape = Dims::from(size.iter().map(|size| *size as isize).collect::<Vec<_>>());
        let shape = shape.layout("load").map_err(|error| self.fault(error))?;
        let outside = || {
            let len = window.len;
            self.fault(format!(
                "expected elements inside of a storage of {len}, got sizes {size:?} with strides {stride:?} from {offset}"
            ))
        };
        let strides: Vec<isize> = stride.iter().filter_map(|s| isize::try_from(*s).ok().filter(|s| *s >= 0)).collect();
        if strides.len() != stride.len() || stride.len() != shape.rank() {
            return Err(outside());
        }
        let mut start = 0;
        if shape.numel() > 0 {
            let offset = u64::try_from(*offset).map_err(|_| outside())?;
            let mut steps =
                shape.dims().iter().zip(&strides).map(|(size, stride)| (size - 1).checked_mul(*stride as usize));
            let last = steps.try_fold(offset, |last, step| last.checked_add(step? as u64));
            if last.is_none_or(|last| last >= window.len) {
                return Err(outside());
            }
            // Inside of the storage, whose elements will be in memory.
            start = (window.start + offset) as usize;
        }
        let base = match &self.storages[window.storage] {
            Some(base) => base,
            None => self.storages[window.storage].insert((self.read)(window.storage)?),
        };
        let layout = Layout::strided(shape.dims(), &strides, start);
        let tensor = Tensor::from_parts(base.0.storage.clone(), layout, dtype, None, None);
        if *requires_grad {
            tensor.try_requires_grad_(true).map_err(|error| self.fault(error))?;
        }
        Ok(tensor)
    }

    fn sparse(&mut self, [indices, values, size]: [Id; 3], coalesced: bool) -> Result<Tensor, Problem> {
        let parts = [self.tensor(indices)?, self.tensor(values)?];
        for part in &parts {
            // Their contiguous copies take no more memory than the file.
            if part.is_sparse() || part.numel() * part.dtype().size() > part.storage_bytes() {
                return Err(self.fault("expected indices and values of a sparse tensor without repetition, got others"));
            }
        }
        let (Node::Tuple(size) | Node::List(size)) = self.node(size) else {
            return Err(self.fault("expected the sizes of a sparse tensor, got another object"));
        };
        let size = size.iter().map(|id| match self.node(*id) {
            Node::Int(size) => Ok(*size as isize),
            _ => Err(self.fault("expected sizes that are integers, got another object")),
        });
        let size = size.collect::<Result<Vec<_>, _>>()?;
        let made = Tensor::try_sparse_coo_tensor(&parts[0], &parts[1], size);
        made.and_then(|made| if coalesced { made.try_coalesce() } else { Ok(made) }).map_err(|error| self.fault(error))
    }
}
