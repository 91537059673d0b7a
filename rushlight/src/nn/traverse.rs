//! Traversal of a module and its descendants.
//!
//! The provided methods of [`Module`] call these functions because the methods themselves are compiled for each type of module.

use super::{Buffer, Item, Module, Parameter};
use crate::tensor::DType;
use crate::{Error, Result, Tensor};
use std::any::{Any, TypeId};
use std::collections::HashSet;
use std::mem::size_of_val;
use std::sync::Arc;

/// Calls `enter` for `module` and its descendants in pre-order, with their paths and parents.
fn descend<'a>(path: &mut String, module: &'a dyn Module, enter: &mut dyn FnMut(&mut String, &'a dyn Module)) {
    enter(path, module);
    module.visit(&mut |name: &str, item: Item<'a>| {
        if let Item::Module(child) = item {
            under(path, name, |path| descend(path, child, enter));
        }
    });
}

/// Runs `f` with `path` extended by a name.
fn under<R>(path: &mut String, name: &str, f: impl FnOnce(&mut String) -> R) -> R {
    let len = path.len();
    if len > 0 {
        path.push('.');
    }
    path.push_str(name);
    let result = f(path);
    path.truncate(len);
    result
}

/// Every parameter and buffer with its path, in the order of PyTorch's `state_dict`: of each module its parameters, then its
/// buffers, then those of its children. A shared one is included once for each of its paths.
///
/// The paths are stored in the tensors for error messages.
pub(super) fn tensors<'a>(module: &'a dyn Module, mut see: impl FnMut(&str, Item<'a>)) {
    descend(&mut String::new(), module, &mut |path, module| {
        module.visit(&mut |name: &str, item: Item<'a>| {
            if let Item::Parameter(param) = item {
                under(path, name, |path| {
                    param.remember(path);
                    see(path, item);
                });
            }
        });
        module.visit(&mut |name: &str, item: Item<'a>| {
            if let Item::Buffer(_) = item {
                under(path, name, |path| see(path, item));
            }
        });
    });
}

/// The set of visited tensors.
#[derive(Default)]
struct Seen(HashSet<usize>);

impl Seen {
    fn is_new(&mut self, tensor: &Tensor) -> bool {
        self.0.insert(Arc::as_ptr(&tensor.0).addr())
    }
}

pub(super) fn parameters(module: &dyn Module) -> Vec<(String, Parameter)> {
    let (mut seen, mut found) = (Seen::default(), Vec::new());
    tensors(module, |path, item| {
        if let Item::Parameter(param) = item
            && seen.is_new(&param.get())
        {
            found.push((path.to_string(), param.clone()));
        }
    });
    found
}

pub(super) fn buffers(module: &dyn Module) -> Vec<(String, Buffer)> {
    let (mut seen, mut found) = (Seen::default(), Vec::new());
    tensors(module, |path, item| {
        if let Item::Buffer(buffer) = item
            && seen.is_new(&buffer.get())
        {
            found.push((path.to_string(), buffer.clone()));
        }
    });
    found
}

pub(super) fn children<'a>(module: &'a dyn Module) -> Vec<(String, &'a dyn Module)> {
    let mut found = Vec::new();
    module.visit(&mut |name: &str, item: Item<'a>| {
        if let Item::Module(child) = item {
            found.push((name.to_string(), child));
        }
    });
    found
}

pub(super) fn modules(module: &dyn Module) -> Vec<(String, &dyn Module)> {
    let (mut seen, mut found) = (HashSet::<(usize, TypeId)>::new(), Vec::new());
    descend(&mut String::new(), module, &mut |path, module| {
        // A module has the address of its first field, and modules without fields can share an address.
        let place = std::ptr::from_ref(module).addr();
        if size_of_val(module) == 0 || seen.insert((place, (module as &dyn Any).type_id())) {
            found.push((path.clone(), module));
        }
    });
    found
}

/// Removes the names.
pub(super) fn unnamed<T>(named: Vec<(String, T)>) -> Vec<T> {
    named.into_iter().map(|(_, one)| one).collect()
}

pub(super) fn num_elements(parameters: &[Parameter]) -> usize {
    parameters.iter().map(|param| param.get().numel()).sum()
}

pub(super) fn training(module: &dyn Module, training: bool) {
    descend(&mut String::new(), module, &mut |_, module| {
        module.visit(&mut |_: &str, item: Item<'_>| {
            if let Item::Training(flag) = item {
                flag.set(training);
            }
        });
    });
}

pub(super) fn to_dtype(module: &dyn Module, dtype: DType) -> Result<()> {
    if !dtype.is_float() {
        return Err(Error::dtype("to_dtype", format!("expected a floating-point dtype, got {dtype}")));
    }
    let mut result = Ok(());
    tensors(module, |_, item| {
        let converted = match item {
            Item::Parameter(param) => param.to_dtype(dtype),
            Item::Buffer(buffer) => buffer.to_dtype(dtype),
            _ => Ok(()),
        };
        if result.is_ok() {
            result = converted;
        }
    });
    result
}
