//! What the names in a pickle make of their arguments: tensors, and Python's containers.

use super::{Id, Machine, Node, StorageEntry, Strided, Window, fault};
use crate::io::elements::Problem;
use crate::io::pt::globals::Global;

impl Machine<'_, '_> {
    /// A reference to a storage: ("storage", class, key, location, numel), in old files with the range of a view or None at the end.
    pub(super) fn persistent(&mut self) -> Result<(), Problem> {
        let id = self.pop()?;
        let [tag, class, key, _, numel, view @ ..] = self.tuple(id)? else {
            return fault("expected a reference to a storage of 5 or 6 members, got another number");
        };
        if self.string(*tag)? != "storage" {
            let tag = self.string(*tag)?;
            return fault(format!(
                "expected a reference to a storage, got one to {tag:?}; a whole model cannot be loaded, only its state_dict()"
            ));
        }
        let Node::Global(Global::Storage(kind)) = self.nodes[*class as usize] else {
            return fault("expected the class of a storage, got another object");
        };
        let (key, numel) = (self.string(*key)?.to_owned(), self.count(*numel, "a size of a storage")?);
        let (start, len) = match *view {
            [] => (0, numel),
            [view] if matches!(self.nodes[view as usize], Node::None) => (0, numel),
            [view] => {
                let [_, offset, size] = self.tuple(view)? else {
                    return fault("expected a view of a storage of 3 members, got another number");
                };
                (self.count(*offset, "an offset of a view")?, self.count(*size, "a size of a view")?)
            }
            _ => return fault("expected a reference to a storage of 5 or 6 members, got more"),
        };
        if start.checked_add(len).is_none_or(|end| end > numel) {
            return fault(format!(
                "storage {key:?}: expected a view inside of {numel} elements, got {len} from {start}"
            ));
        }
        let storage = match self.places.get(&key) {
            Some(&place) => {
                let first = &self.storages[place];
                if first.kind.class != kind.class || first.numel != numel {
                    return fault(format!(
                        "storage {key:?}: expected the same type and size each time, got {} of {} and {} of {numel} elements",
                        first.kind.class, first.numel, kind.class
                    ));
                }
                place
            }
            None => {
                self.places.insert(key.clone(), self.storages.len());
                self.storages.push(StorageEntry { key, kind, numel });
                self.storages.len() - 1
            }
        };
        self.push(Node::Storage(Window { storage, start, len }))
    }

    /// Each element is copied from one that the file has, but a file could have the same ones copied again and again.
    pub(super) fn count_copied(&mut self, made: &Node) -> Result<(), Problem> {
        self.copied += match made {
            Node::Str(text) => text.len(),
            Node::Bytes(bytes) => bytes.len(),
            Node::Tuple(items) | Node::Set(items) => items.len(),
            Node::Dict(_, entries) => entries.len(),
            _ => 0,
        } as u64;
        let read = self.before - self.input.left();
        if self.copied > read {
            return fault(format!(
                "expected at most {read} elements in {read} bytes, got more by copies of the same ones"
            ));
        }
        Ok(())
    }

    /// What a class or function makes of its arguments.
    pub(super) fn call(&self, function: Global, arguments: &[Id]) -> Result<Node, Problem> {
        let node = |id: &Id| &self.nodes[*id as usize];
        match (function, arguments) {
            (Global::Tensor | Global::TensorV2, [storage, offset, size, stride, rest @ ..]) => {
                let Node::Storage(window) = *node(storage) else {
                    return fault("expected the storage of a tensor, got another object");
                };
                Ok(Node::Tensor(Box::new(Strided {
                    window,
                    offset: self.integer(*offset, "an offset")?,
                    size: self.integers(*size, "the sizes of a tensor")?,
                    stride: self.integers(*stride, "the strides of a tensor")?,
                    requires_grad: matches!(rest.first().map(node), Some(Node::Bool(true))),
                })))
            }
            (Global::Parameter, [data, requires_grad, ..]) => {
                let mut data = node(data).clone();
                if let Node::Tensor(tensor) = &mut data {
                    tensor.requires_grad = matches!(node(requires_grad), Node::Bool(true));
                } else if !matches!(data, Node::Unsupported(_)) {
                    return fault("expected the tensor of a parameter, got another object");
                }
                Ok(data)
            }
            (Global::FromType, [function, _, arguments, ..]) => match node(function) {
                Node::Global(
                    function @ (Global::Tensor | Global::TensorV2 | Global::Parameter | Global::Unsupported(_)),
                ) => self.call(*function, self.tuple(*arguments)?),
                _ => fault("expected the function of a tensor, got another object"),
            },
            (Global::Layout, [name]) => Ok(Node::Str(self.string(*name)?.to_owned())),
            (Global::Sparse, [layout, data]) => match (self.string(*layout)?, self.tuple(*data)?) {
                ("torch.sparse_coo", [indices, values, size, coalesced @ ..]) => {
                    let coalesced = matches!(coalesced.first().map(node), Some(Node::Bool(true)));
                    Ok(Node::Sparse([*indices, *values, *size], coalesced))
                }
                (layout, _) => Ok(Node::Unsupported(format!("a tensor of layout {layout}"))),
            },
            (Global::Unsupported(kind), _) => {
                // The dtype of a tensor that is a view of bytes is its seventh argument.
                let dtype = match arguments.get(6).map(node) {
                    Some(Node::Global(Global::Unsupported(name))) => format!(" {name}"),
                    _ => String::new(),
                };
                Ok(Node::Unsupported(format!("a tensor {kind}{dtype}")))
            }
            (Global::Dict(kind), []) => Ok(Node::Dict(kind, Vec::new())),
            (Global::Dict(kind), [entries]) => match node(entries) {
                Node::Dict(_, entries) => Ok(Node::Dict(kind, entries.clone())),
                Node::List(pairs) => {
                    let pair = |id: &Id| match node(id) {
                        Node::Tuple(pair) | Node::List(pair) if pair.len() == 2 => Ok((pair[0], pair[1])),
                        _ => fault("expected pairs of a key and a value, got another object"),
                    };
                    Ok(Node::Dict(kind, pairs.iter().map(pair).collect::<Result<_, _>>()?))
                }
                _ => fault("expected the entries of a dict, got another object"),
            },
            (Global::Set, []) => Ok(Node::Set(Vec::new())),
            (Global::Set, [items]) => match node(items) {
                Node::List(items) | Node::Tuple(items) => Ok(Node::Set(items.clone())),
                _ => fault("expected the elements of a set, got another object"),
            },
            (Global::Bytes, []) => Ok(Node::Bytes(Vec::new())),
            (Global::Bytes, [bytes]) if matches!(node(bytes), Node::Bytes(_)) => Ok(node(bytes).clone()),
            (Global::Bytes | Global::Encode, [text, ..]) => {
                let bytes = self.string(*text)?.chars().map(|c| u8::try_from(u32::from(c)));
                match bytes.collect::<Result<_, _>>() {
                    Ok(bytes) => Ok(Node::Bytes(bytes)),
                    Err(_) => fault("expected bytes as characters up to 255, got others"),
                }
            }
            (Global::Size, [sizes]) => match node(sizes) {
                Node::Tuple(items) | Node::List(items) => Ok(Node::Tuple(items.clone())),
                _ => fault("expected sizes, got another object"),
            },
            (Global::Device, [kind]) => Ok(Node::Str(self.string(*kind)?.to_owned())),
            (Global::Device, [kind, index]) => {
                Ok(Node::Str(format!("{}:{}", self.string(*kind)?, self.integer(*index, "an index of a device")?)))
            }
            (function, arguments) => fault(format!("expected arguments of {function:?}, got {}", arguments.len())),
        }
    }
}
