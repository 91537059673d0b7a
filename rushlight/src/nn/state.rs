//! The state of a module: tensors by path.

use super::{Item, Module, traverse};
use crate::io::pt::{self, Dict, DictKind, Value};
use crate::io::safetensors;
use crate::{Error, NoGrad, Result, Tensor};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// A map of tensors by key, in order of insertion.
///
/// ```
/// use rushlight::{Tensor, nn::StateDict};
/// let state: StateDict = [("weight", Tensor::ones([2])), ("bias", Tensor::zeros([1]))].into_iter().collect();
/// assert_eq!(state.get("bias").unwrap().shape(), [1]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct StateDict {
    entries: Vec<(String, Tensor)>,
    places: HashMap<String, usize>,
}

impl StateDict {
    /// Creates an empty state.
    pub fn new() -> StateDict {
        StateDict::default()
    }

    /// Writes the tensors to a file: PyTorch's `torch.save(net.state_dict(), path)`. A path that ends in `.pt` or `.pth` gets PyTorch's format,
    /// any other the safetensors format. For strings beside the tensors there is [`safetensors::save`], for other data [`pt::save`].
    ///
    /// # Errors
    /// As [`safetensors::save`] or [`pt::save`].
    ///
    /// ```
    /// use rushlight::nn::{Linear, Module, StateDict};
    /// let path = std::env::temp_dir().join(format!("rushlight-state-{}.safetensors", std::process::id()));
    /// let net = Linear::new(3, 2);
    /// net.state_dict().save(&path)?;
    ///
    /// let other = Linear::new(3, 2);
    /// other.load_state_dict(&StateDict::load(&path)?);
    /// assert!(other.weight.get().equal(&net.weight.get()));
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok::<(), rushlight::Error>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("pt") || end.eq_ignore_ascii_case("pth")) {
            return pt::save(path, &self.into());
        }
        safetensors::save(path, self.iter(), &safetensors::Metadata::new())
    }

    /// Reads the tensors of a file of PyTorch's, in their order, or of a safetensors file, ordered by key: PyTorch's `torch.load(path)`. The
    /// contents decide which it is, whatever the name.
    ///
    /// A checkpoint that holds more than the tensors of one model is an error that lists its keys: [`pt::load`] reads it.
    ///
    /// # Errors
    /// As [`pt::load`] and [`safetensors::load`], or if a file of PyTorch's is not a dict of tensors by strings.
    pub fn load(path: impl AsRef<Path>) -> Result<StateDict> {
        let path = path.as_ref();
        if pt::is_recognized(path)? {
            let value = pt::load(path)?;
            return StateDict::try_from(&value)
                .map_err(|error| Error::format(path.display().to_string(), error.to_string()));
        }
        Ok(safetensors::load(path)?.0.into_iter().collect())
    }

    /// Removes a prefix from the keys that have it, such as the `module.` of a model that was trained in `nn.DataParallel`: PyTorch's
    /// `consume_prefix_in_state_dict_if_present`.
    ///
    /// ```
    /// use rushlight::{Tensor, nn::StateDict};
    /// let state: StateDict = [("module.weight", Tensor::ones([2]))].into_iter().collect();
    /// assert!(state.strip_prefix("module.").get("weight").is_some());
    /// ```
    #[doc(alias = "consume_prefix_in_state_dict_if_present")]
    pub fn strip_prefix(self, prefix: &str) -> StateDict {
        self.into_iter()
            .map(|(key, tensor)| (key.strip_prefix(prefix).map_or(key.clone(), str::to_owned), tensor))
            .collect()
    }

    /// Inserts a tensor, and returns the previous tensor of the key, which it replaces in place.
    pub fn insert(&mut self, key: impl Into<String>, tensor: Tensor) -> Option<Tensor> {
        let key = key.into();
        if let Some(&place) = self.places.get(&key) {
            return Some(std::mem::replace(&mut self.entries[place].1, tensor));
        }
        self.places.insert(key.clone(), self.entries.len());
        self.entries.push((key, tensor));
        None
    }

    /// Returns the tensor of `key`.
    pub fn get(&self, key: &str) -> Option<&Tensor> {
        self.places.get(key).map(|&place| &self.entries[place].1)
    }

    /// Removes and returns the tensor of `key`.
    pub fn remove(&mut self, key: &str) -> Option<Tensor> {
        let place = self.places.remove(key)?;
        self.places.values_mut().filter(|other| **other > place).for_each(|other| *other -= 1);
        Some(self.entries.remove(place).1)
    }

    /// Returns the number of tensors.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether the state is empty.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Iterates over keys and tensors in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Tensor)> {
        self.entries.iter().map(|(key, tensor)| (key.as_str(), tensor))
    }

    /// Iterates over the keys in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.iter().map(|(key, _)| key)
    }
}

impl<K: Into<String>> FromIterator<(K, Tensor)> for StateDict {
    fn from_iter<I: IntoIterator<Item = (K, Tensor)>>(entries: I) -> StateDict {
        let mut state = StateDict::new();
        state.extend(entries);
        state
    }
}

impl<K: Into<String>> Extend<(K, Tensor)> for StateDict {
    fn extend<I: IntoIterator<Item = (K, Tensor)>>(&mut self, entries: I) {
        for (key, tensor) in entries {
            self.insert(key, tensor);
        }
    }
}

impl IntoIterator for StateDict {
    type Item = (String, Tensor);
    type IntoIter = std::vec::IntoIter<(String, Tensor)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl From<&StateDict> for Value {
    fn from(state: &StateDict) -> Value {
        let mut dict = Dict::of_kind(DictKind::OrderedDict);
        for (key, tensor) in state.iter() {
            dict.insert(key, tensor);
        }
        Value::Dict(dict)
    }
}

impl From<StateDict> for Value {
    fn from(state: StateDict) -> Value {
        Value::from(&state)
    }
}

impl TryFrom<&Value> for StateDict {
    type Error = Error;

    /// The tensors of a dict that has nothing else.
    fn try_from(value: &Value) -> Result<StateDict> {
        let Some(dict) = value.as_dict() else {
            return Err(Error::value("state_dict", format!("expected a dict of tensors, got {}", value.kind())));
        };
        let mut state = StateDict::new();
        for (key, value) in dict.iter() {
            let (Some(key), Value::Tensor(tensor)) = (key.as_str(), value) else {
                return Err(Error::value("state_dict", not_a_state(dict)));
            };
            state.insert(key, tensor.clone());
        }
        Ok(state)
    }
}

/// Says what a dict holds instead of tensors, and where in it a state of a model might be.
fn not_a_state(dict: &Dict) -> String {
    const SHOWN: usize = 20;
    let mut parts: Vec<String> =
        dict.iter().take(SHOWN).map(|(key, value)| format!("{key:?}: {}", value.kind())).collect();
    if dict.len() > SHOWN {
        parts.push("…".into());
    }
    let mut message = format!("expected a dict of tensors by strings, got {{{}}}", parts.join(", "));
    let inner = dict.iter().find(|(_, value)| {
        value.as_dict().is_some_and(|inner| !inner.is_empty() && StateDict::try_from(*value).is_ok())
    });
    if let Some((Value::Str(key), _)) = inner {
        message += &format!(
            "; pt::load reads all of it, and StateDict::try_from(&checkpoint[{key:?}]) returns the tensors of {key:?}"
        );
    } else if dict.get("param_groups").is_some() {
        message += "; that is the state of an optimizer, which pt::load and load_torch_state_dict take";
    }
    message
}

/// The keys that did not match in a non-strict load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Keys of the module that the state does not have.
    pub missing: Vec<String>,
    /// Keys of the state that the module does not have.
    pub unexpected: Vec<String>,
}

/// All tensors of the state of a module with their paths.
fn targets(module: &dyn Module) -> Vec<(String, Tensor)> {
    let mut found = Vec::new();
    traverse::tensors(module, |path, item| match item {
        Item::Parameter(param) => found.push((path.to_string(), param.get().detach())),
        Item::Buffer(buffer) if buffer.is_persistent() => found.push((path.to_string(), buffer.get())),
        _ => {}
    });
    found
}

pub(super) fn collect(module: &dyn Module) -> StateDict {
    targets(module).into_iter().collect()
}

pub(super) fn load(module: &dyn Module, state: &StateDict, strict: bool) -> Result<LoadReport> {
    let targets = targets(module);
    let known: HashSet<&str> = targets.iter().map(|(key, _)| key.as_str()).collect();
    // As in PyTorch, statistics from before version 0.4.1, which did not count batches, leave the count as it is.
    let is_counted = |key: &str| {
        let layer = key.strip_suffix("num_batches_tracked");
        layer.is_none_or(|layer| state.get(&format!("{layer}running_mean")).is_none())
    };
    let is_missing = |key: &str| state.get(key).is_none() && is_counted(key);
    let report = LoadReport {
        missing: targets.iter().filter(|(key, _)| is_missing(key)).map(|(key, _)| key.clone()).collect(),
        unexpected: state.keys().filter(|key| !known.contains(key)).map(String::from).collect(),
    };
    let mut wrong = Vec::new();
    if strict {
        for (what, keys) in [("Missing", &report.missing), ("Unexpected", &report.unexpected)] {
            if !keys.is_empty() {
                let keys: Vec<String> = keys.iter().map(|key| format!("{key:?}")).collect();
                wrong.push(format!("{what} key(s) in state_dict: {}.", keys.join(", ")));
            }
        }
    }
    const PARALLEL: &str = "module.";
    if !wrong.is_empty()
        && report.unexpected.iter().any(|key| key.strip_prefix(PARALLEL).is_some_and(|key| known.contains(key)))
    {
        wrong.push(format!(
            "The keys begin with {PARALLEL:?}, as those of nn.DataParallel do: strip_prefix({PARALLEL:?}) removes it."
        ));
    }
    let mut copies = Vec::new();
    for (key, target) in &targets {
        let Some(source) = state.get(key) else { continue };
        if source.shape() == target.shape() {
            copies.push((key, source, target));
        } else {
            wrong.push(format!(
                "size mismatch for {key}: copying a param with shape {:?} from checkpoint, the shape in current model is {:?}.",
                source.shape(),
                target.shape()
            ));
        }
    }
    if !wrong.is_empty() {
        let message = format!("Error(s) in loading state_dict for {}:\n\t{}", module.kind(), wrong.join("\n\t"));
        return Err(Error::State { message });
    }
    let _guard = NoGrad::new();
    for (key, source, target) in copies {
        target.try_copy_(source).map_err(|error| error.at(key.as_str()))?;
    }
    Ok(report)
}
