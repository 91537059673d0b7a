//! Python's pickle format, protocols 2 to 5, as data.
//!
//! A pickle is a program for a machine with a stack and a memory (the memo). This machine only makes plain data and descriptions of
//! tensors. It calls nothing: a function's name followed by arguments is one of the cases in `call.rs`, or an error that names it.
//!
//! Objects are numbered, so one that is referred to from many places exists once; what they are as a tree is decided in `build.rs`.

mod call;

use super::globals::{self, Global, StorageType};
use super::input::Input;
use super::value::DictKind;
use crate::io::elements::Problem;
use std::collections::HashMap;

/// The number of an object.
pub(super) type Id = u32;

/// The most objects of a file.
const MOST_OBJECTS: usize = 1 << 24;

#[derive(Clone, Debug)]
pub(super) enum Node {
    None,
    Bool(bool),
    Int(i64),
    BigInt(Vec<u8>),
    Float(f64),
    Str(String),
    Bytes(Vec<u8>),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Set(Vec<Id>),
    /// Entries in the order of their insertion; a key may occur again.
    Dict(DictKind, Vec<(Id, Id)>),
    Global(Global),
    Storage(Window),
    Tensor(Box<Strided>),
    /// Indices, values, size.
    Sparse([Id; 3], bool),
    /// A tensor or a dtype that this library does not have.
    Unsupported(String),
}

/// A range of a storage, in elements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// The number of the storage.
    pub(super) storage: usize,
    pub(super) start: u64,
    pub(super) len: u64,
}

/// A strided tensor as the file describes it, unchecked.
#[derive(Clone, Debug)]
pub(super) struct Strided {
    pub(super) window: Window,
    pub(super) offset: i64,
    pub(super) size: Vec<i64>,
    pub(super) stride: Vec<i64>,
    pub(super) requires_grad: bool,
}

/// A storage that a pickle refers to.
#[derive(Debug)]
pub(super) struct StorageEntry {
    pub(super) key: String,
    pub(super) kind: &'static StorageType,
    pub(super) numel: u64,
}

impl StorageEntry {
    /// The number of bytes, saturating.
    pub(super) fn bytes(&self) -> u64 {
        self.numel.saturating_mul(self.kind.size as u64)
    }
}

/// The objects of a pickle.
pub(super) struct Objects {
    pub(super) nodes: Vec<Node>,
    pub(super) storages: Vec<StorageEntry>,
    pub(super) root: Id,
    /// The length of the pickle in bytes.
    pub(super) len: u64,
}

/// Reads one pickle, and nothing that follows it.
pub(super) fn unpickle(input: &mut Input<'_>) -> Result<Objects, Problem> {
    let before = input.left();
    let nodes = vec![Node::None, Node::Bool(false), Node::Bool(true)];
    let mut machine = Machine {
        input,
        nodes,
        storages: Vec::new(),
        places: HashMap::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        before,
        copied: 0,
    };
    let root = machine.run()?;
    let Machine { nodes, storages, .. } = machine;
    Ok(Objects { nodes, storages, root, len: before - input.left() })
}

/// Objects that occur often and have no parts.
const NONE: Id = 0;
const FALSE: Id = 1;
const TRUE: Id = 2;

struct Machine<'a, 'b> {
    input: &'a mut Input<'b>,
    nodes: Vec<Node>,
    storages: Vec<StorageEntry>,
    /// The number of each storage by key.
    places: HashMap<String, usize>,
    stack: Vec<Id>,
    /// The height of the stack at each mark.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    /// What was left of the input at the start.
    before: u64,
    /// The number of elements that calls copied.
    copied: u64,
}

fn fault<T>(message: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::Bytes(message.into()))
}

impl Machine<'_, '_> {
    fn run(&mut self) -> Result<Id, Problem> {
        loop {
            let opcode = self.input.byte("the end of the pickle")?;
            match opcode {
                0x80 => {
                    let protocol = self.input.byte("a protocol")?;
                    if !(2..=5).contains(&protocol) {
                        return fault(format!("expected a pickle of protocol 2 to 5, got {protocol}"));
                    }
                }
                0x95 => drop(self.input.array::<8>("a frame")?), // the length of a part, which helps readers that buffer
                b'.' => return self.pop(),
                b'(' => self.marks.push(self.stack.len()),
                b'0' => drop(self.pop()?),
                b'1' => drop(self.pop_mark()?),
                b'2' => {
                    let top = self.top()?;
                    self.stack.push(top);
                }

                b'N' => self.stack.push(NONE),
                0x89 => self.stack.push(FALSE),
                0x88 => self.stack.push(TRUE),
                b'K' => {
                    let value = self.input.byte("an integer")?;
                    self.push(Node::Int(value.into()))?;
                }
                b'M' => {
                    let value = u16::from_le_bytes(self.input.array("an integer")?);
                    self.push(Node::Int(value.into()))?;
                }
                b'J' => {
                    let value = i32::from_le_bytes(self.input.array("an integer")?);
                    self.push(Node::Int(value.into()))?;
                }
                0x8a | 0x8b => {
                    let len = if opcode == 0x8a { self.length::<1>()? } else { self.length::<4>()? };
                    let bytes = self.input.bytes(len, "an integer")?;
                    self.push(integer(bytes))?;
                }
                b'G' => {
                    let value = f64::from_be_bytes(self.input.array("a float")?);
                    self.push(Node::Float(value))?;
                }
                b'X' => self.text::<4>()?,
                0x8c => self.text::<1>()?,
                0x8d => self.text::<8>()?,
                b'B' | b'C' | 0x8e | 0x96 => {
                    let len = match opcode {
                        b'C' => self.length::<1>()?,
                        b'B' => self.length::<4>()?,
                        _ => self.length::<8>()?,
                    };
                    let bytes = self.input.bytes(len, "bytes")?;
                    self.push(Node::Bytes(bytes))?;
                }
                b'U' | b'T' => {
                    // Strings of Python 2, which are text in all files that have them.
                    let len = if opcode == b'U' { self.length::<1>()? } else { self.length::<4>()? };
                    let bytes = self.input.bytes(len, "a string")?;
                    self.push(String::from_utf8(bytes).map_or_else(|e| Node::Bytes(e.into_bytes()), Node::Str))?;
                }

                b']' => self.push(Node::List(Vec::new()))?,
                b'}' => self.push(Node::Dict(DictKind::Dict, Vec::new()))?,
                b')' => self.push(Node::Tuple(Vec::new()))?,
                0x8f => self.push(Node::Set(Vec::new()))?,
                b't' => {
                    let items = self.pop_mark()?;
                    self.push(Node::Tuple(items))?;
                }
                0x91 => {
                    let items = self.pop_mark()?;
                    self.push(Node::Set(items))?;
                }
                0x85..=0x87 => {
                    let count = usize::from(opcode - 0x84);
                    let items = self.pop_last(count)?;
                    self.push(Node::Tuple(items))?;
                }
                b'a' => {
                    let item = self.pop()?;
                    self.append(vec![item], "a list")?;
                }
                b'e' | 0x90 => {
                    let items = self.pop_mark()?;
                    self.append(items, if opcode == b'e' { "a list" } else { "a set" })?;
                }
                b's' => {
                    let pair = self.pop_last(2)?;
                    self.set_items(&pair)?;
                }
                b'u' => {
                    let pairs = self.pop_mark()?;
                    self.set_items(&pairs)?;
                }

                b'q' => {
                    let index = self.input.byte("an index of the memo")?;
                    self.memorize(index.into())?;
                }
                b'r' => {
                    let index = u32::from_le_bytes(self.input.array("an index of the memo")?);
                    self.memorize(index)?;
                }
                0x94 => self.memorize(self.memo.len() as u32)?,
                b'h' => {
                    let index = self.input.byte("an index of the memo")?;
                    self.recall(index.into())?;
                }
                b'j' => {
                    let index = u32::from_le_bytes(self.input.array("an index of the memo")?);
                    self.recall(index)?;
                }

                b'c' => {
                    let module = self.input.line("a module")?;
                    let name = self.input.line("a name")?;
                    self.global(&module, &name)?;
                }
                0x93 => {
                    let pair = self.pop_last(2)?;
                    let [module, name] = [self.string(pair[0])?.to_owned(), self.string(pair[1])?.to_owned()];
                    self.global(&module, &name)?;
                }
                b'Q' => self.persistent()?,
                b'R' | 0x81 => {
                    let pair = self.pop_last(2)?;
                    let Node::Global(function) = self.nodes[pair[0] as usize] else {
                        return fault("expected a class or function in front of arguments, got other data");
                    };
                    let arguments = self.tuple(pair[1])?.to_vec();
                    let made = self.call(function, &arguments)?;
                    self.count_copied(&made)?;
                    self.push(made)?;
                }
                b'b' => {
                    // The attributes of a dict or a tensor, such as the versions of modules, are not data.
                    self.pop()?;
                    let object = self.top()?;
                    if !matches!(self.nodes[object as usize], Node::Dict(..) | Node::Tensor(_) | Node::Unsupported(_)) {
                        return fault("expected attributes of a dict or a tensor, got those of another object");
                    }
                }
                other => return fault(format!("expected an opcode of pickle protocols 2 to 5, got {other:#04x}")),
            }
        }
    }

    fn push(&mut self, node: Node) -> Result<(), Problem> {
        if self.nodes.len() >= MOST_OBJECTS {
            return fault(format!("expected at most {MOST_OBJECTS} objects, got more"));
        }
        self.stack.push(self.nodes.len() as Id);
        self.nodes.push(node);
        Ok(())
    }

    /// The height of the stack below which the present part may not reach.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<Id, Problem> {
        Ok(self.pop_last(1)?[0])
    }

    fn pop_last(&mut self, count: usize) -> Result<Vec<Id>, Problem> {
        let available = self.stack.len() - self.floor();
        if available < count {
            return fault(format!("expected {count} objects on the stack, got {available}"));
        }
        Ok(self.stack.split_off(self.stack.len() - count))
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>, Problem> {
        match self.marks.pop() {
            Some(height) => Ok(self.stack.split_off(height)),
            None => fault("expected a mark on the stack, got none"),
        }
    }

    fn top(&self) -> Result<Id, Problem> {
        match self.stack[self.floor()..].last() {
            Some(top) => Ok(*top),
            None => fault("expected an object on the stack, got none"),
        }
    }

    /// A little-endian length of `N` bytes.
    fn length<const N: usize>(&mut self) -> Result<u64, Problem> {
        let mut bytes = [0; 8];
        bytes[..N].copy_from_slice(&self.input.array::<N>("a length")?);
        Ok(u64::from_le_bytes(bytes))
    }

    fn text<const N: usize>(&mut self) -> Result<(), Problem> {
        let len = self.length::<N>()?;
        let text = self.input.text(len, "a string")?;
        self.push(Node::Str(text))
    }

    fn append(&mut self, items: Vec<Id>, what: &str) -> Result<(), Problem> {
        let target = self.top()?;
        match (&mut self.nodes[target as usize], what) {
            (Node::List(list), "a list") | (Node::Set(list), "a set") => list.extend(items),
            _ => return fault(format!("expected {what} to add to, got another object")),
        }
        Ok(())
    }

    fn set_items(&mut self, pairs: &[Id]) -> Result<(), Problem> {
        let target = self.top()?;
        let (pairs, []) = pairs.as_chunks() else { return fault("expected keys with values, got a key without one") };
        match &mut self.nodes[target as usize] {
            Node::Dict(_, entries) => entries.extend(pairs.iter().map(|&[key, value]| (key, value))),
            _ => return fault("expected a dict to add to, got another object"),
        }
        Ok(())
    }

    fn memorize(&mut self, index: u32) -> Result<(), Problem> {
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn recall(&mut self, index: u32) -> Result<(), Problem> {
        match self.memo.get(&index) {
            Some(id) => self.stack.push(*id),
            None => return fault(format!("expected an object of the memo, got the unused index {index}")),
        }
        Ok(())
    }

    fn global(&mut self, module: &str, name: &str) -> Result<(), Problem> {
        match globals::find(module, name) {
            Some(global) => self.push(Node::Global(global)),
            None => fault(format!(
                "expected tensors and plain data, got the Python object {:?}, which is not loaded; nothing in a file is ever executed. If \
                 this is a model saved as a whole, save its state in Python instead: torch.save(model.state_dict(), path)",
                format!("{module}.{name}")
            )),
        }
    }

    fn string(&self, id: Id) -> Result<&str, Problem> {
        match &self.nodes[id as usize] {
            Node::Str(text) => Ok(text),
            _ => fault("expected a string, got another object"),
        }
    }

    fn integer(&self, id: Id, what: &str) -> Result<i64, Problem> {
        match &self.nodes[id as usize] {
            Node::Int(value) => Ok(*value),
            _ => fault(format!("expected {what} of 64 bits, got another object")),
        }
    }

    fn count(&self, id: Id, what: &str) -> Result<u64, Problem> {
        let value = self.integer(id, what)?;
        u64::try_from(value).or_else(|_| fault(format!("expected {what} of at least 0, got {value}")))
    }

    fn tuple(&self, id: Id) -> Result<&[Id], Problem> {
        match &self.nodes[id as usize] {
            Node::Tuple(items) => Ok(items),
            _ => fault("expected a tuple, got another object"),
        }
    }

    fn integers(&self, id: Id, what: &str) -> Result<Vec<i64>, Problem> {
        let (Node::Tuple(items) | Node::List(items)) = &self.nodes[id as usize] else {
            return fault(format!("expected {what} as a tuple, got another object"));
        };
        // More are an error later on, where the name of the tensor is known.
        items.iter().take(1 + rushlight_kernels::MAX_RANK).map(|item| self.integer(*item, what)).collect()
    }
}

/// An integer in two's complement, little endian, of any length.
fn integer(mut bytes: Vec<u8>) -> Node {
    // The last bytes may only repeat the sign.
    while let [.., before, last] = bytes[..] {
        if (last == 0 && before < 0x80) || (last == 0xff && before >= 0x80) {
            bytes.pop();
        } else {
            break;
        }
    }
    if bytes.len() > 8 {
        return Node::BigInt(bytes);
    }
    let negative = bytes.last().is_some_and(|last| *last >= 0x80);
    let mut value = [if negative { 0xff } else { 0 }; 8];
    value[..bytes.len()].copy_from_slice(&bytes);
    Node::Int(i64::from_le_bytes(value))
}
