//! Options and state as tensors under the keys of a [`StateDict`].

use crate::nn::StateDict;
use crate::{Error, Result, Tensor};
use std::collections::HashSet;

/// A mutable option of a [`Rule`](super::Rule) or a [`Schedule`](super::lr_scheduler::Schedule).
#[derive(Debug)]
pub enum Setting<'a> {
    /// A number.
    Number(&'a mut f64),
    /// Two numbers.
    Pair(&'a mut (f64, f64)),
    /// A boolean.
    Bool(&'a mut bool),
    /// A count.
    Integer(&'a mut usize),
    /// A list of counts.
    Integers(&'a mut Vec<usize>),
}

impl Setting<'_> {
    /// The value as a tensor.
    pub(super) fn tensor(&self) -> Tensor {
        match self {
            Setting::Number(value) => Tensor::from(**value),
            Setting::Pair((first, second)) => Tensor::from([*first, *second]),
            Setting::Bool(value) => Tensor::from(**value),
            Setting::Integer(value) => Tensor::from(**value as i64),
            Setting::Integers(values) => Tensor::from(values.iter().map(|value| *value as i64).collect::<Vec<_>>()),
        }
    }

    /// Reads the value of `key`.
    pub(super) fn load(self, loader: &mut Loader<'_>, key: &str) {
        match self {
            Setting::Number(own) => *own = loader.number(key),
            Setting::Pair(own) => {
                if let [first, second] = loader.numbers(key, 2)[..] {
                    *own = (first, second);
                }
            }
            Setting::Bool(own) => *own = loader.number(key) != 0.0,
            Setting::Integer(own) => *own = loader.integer(key),
            Setting::Integers(own) => *own = loader.integers(key),
        }
    }
}

/// A type of few values with names, which are strings in PyTorch. A tensor stores the bytes of the name.
pub(super) trait Named: Copy + PartialEq + 'static {
    /// The values with their names.
    const NAMES: &'static [(Self, &'static str)];

    /// The name as a tensor.
    fn tensor(self) -> Tensor {
        let name = Self::NAMES.iter().find(|(value, _)| *value == self).map_or("", |(_, name)| name);
        Tensor::from_slice(name.as_bytes(), [name.len()])
    }
}

/// Reads tensors from a state, and collects mismatches.
pub(super) struct Loader<'a> {
    state: &'a StateDict,
    rest: HashSet<&'a str>,
    wrong: Vec<String>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(state: &'a StateDict) -> Loader<'a> {
        Loader { state, rest: state.keys().collect(), wrong: Vec::new() }
    }

    /// Whether there is a tensor called `key`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.state.get(key).is_some()
    }

    /// Records a mismatch.
    pub(super) fn reject(&mut self, message: impl Into<String>) {
        self.wrong.push(message.into());
    }

    /// The tensor of `key`, whatever its shape.
    fn find(&mut self, key: &str) -> Option<&'a Tensor> {
        self.rest.remove(key);
        let found = self.state.get(key);
        if found.is_none() {
            self.reject(format!("missing: {key}"));
        }
        found
    }

    pub(super) fn take(&mut self, key: &str, shape: &[usize]) -> Option<&'a Tensor> {
        let tensor = self.find(key)?;
        if tensor.shape() != shape {
            self.reject(format!("expected {key} of shape {shape:?}, got {:?}", tensor.shape()));
            return None;
        }
        Some(tensor)
    }

    /// The only element of `key`; 0 if it is missing, which is recorded as an error.
    pub(super) fn number(&mut self, key: &str) -> f64 {
        self.take(key, &[]).and_then(|value| value.try_item().ok()).unwrap_or(0.0)
    }

    /// The only element of `key` if there is such a key.
    pub(super) fn optional_number(&mut self, key: &str) -> Option<f64> {
        self.has(key).then(|| self.number(key))
    }

    /// As [`number`](Loader::number), a count.
    pub(super) fn integer(&mut self, key: &str) -> usize {
        let value = self.number(key);
        self.count(key, value)
    }

    fn count(&mut self, key: &str, value: f64) -> usize {
        if value < 0.0 || value.fract() != 0.0 || !value.is_finite() {
            self.reject(format!("expected {key} to be an integer of at least 0, got {value}"));
        }
        value as usize
    }

    /// The elements of `key`, a list of counts.
    fn integers(&mut self, key: &str) -> Vec<usize> {
        let values = self.find(key).and_then(|values| self.list(key, values));
        values.unwrap_or_default().into_iter().map(|value| self.count(key, value)).collect()
    }

    /// The `len` elements of `key`; empty if it is missing, which is recorded as an error.
    pub(super) fn numbers(&mut self, key: &str, len: usize) -> Vec<f64> {
        self.take(key, &[len]).and_then(|values| self.list(key, values)).unwrap_or_default()
    }

    fn list(&mut self, key: &str, values: &Tensor) -> Option<Vec<f64>> {
        if values.dim() != 1 {
            self.reject(format!("expected {key} of one dimension, got {:?}", values.shape()));
            return None;
        }
        values.detach().try_to_dtype(crate::DType::F64).and_then(|values| values.try_to_vec()).ok()
    }

    /// The value named by the bytes of `key`; `None` if it is missing or unknown, which is recorded as an error.
    pub(super) fn named<T: Named>(&mut self, key: &str) -> Option<T> {
        let bytes = self.find(key)?.try_to_vec::<u8>().unwrap_or_default();
        let name = String::from_utf8_lossy(&bytes);
        let found = T::NAMES.iter().find(|(_, own)| *own == name);
        if found.is_none() {
            let names: Vec<&str> = T::NAMES.iter().map(|(_, name)| *name).collect();
            self.reject(format!("expected {key} to be one of {names:?}, got {name:?}"));
        }
        found.map(|(value, _)| *value)
    }

    /// An error that lists all mismatches, if there are any.
    pub(super) fn finish(mut self, name: &str) -> Result<()> {
        let unexpected = self.state.keys().filter(|key| self.rest.contains(key));
        self.wrong.extend(unexpected.map(|key| format!("unexpected: {key}")));
        if self.wrong.is_empty() {
            return Ok(());
        }
        let message = format!("Error(s) in loading state_dict for {name}:\n\t{}", self.wrong.join("\n\t"));
        Err(Error::State { message })
    }
}
