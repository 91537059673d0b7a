//! The state of optimizers and schedulers in the form that PyTorch saves: nested dicts of Python's types instead of tensors under flat keys.

use crate::io::pt::{Dict, DictKind, Value};
use crate::nn::StateDict;
use crate::{DType, Error, Result, Tensor};
use std::collections::HashMap;

/// Options with which PyTorch chooses among its implementations. They are written with their defaults, because PyTorch's steps read them
/// from the groups, and mean nothing here.
const IMPLEMENTATION: [(&str, Value); 4] = [
    ("foreach", Value::None),
    ("capturable", Value::Bool(false)),
    ("differentiable", Value::Bool(false)),
    ("fused", Value::None),
];

/// Which of them an optimizer of PyTorch's has.
fn implementation(optimizer: &str) -> &'static [&'static str] {
    match optimizer {
        "Adam" | "AdamW" => &["foreach", "capturable", "differentiable", "fused"],
        "SGD" | "Adagrad" => &["foreach", "differentiable", "fused"],
        "Adadelta" | "Adamax" | "ASGD" | "RMSprop" | "Rprop" => &["foreach", "capturable", "differentiable"],
        _ => &[],
    }
}

/// Whether PyTorch's optimizer creates the state of all parameters in advance, and cannot step if one is missing.
pub(super) fn has_state_in_advance(optimizer: &str) -> bool {
    optimizer == "Adagrad"
}

/// What PyTorch's schedulers have in their state besides their options and progress.
const SCRATCH: [&str; 6] =
    ["_is_initial", "_get_lr_called_within_step", "lr_lambdas", "mode_worse", "default_min_lr", "verbose"];

fn mismatch(name: &str, message: impl std::fmt::Display) -> Error {
    Error::State { message: format!("Error(s) in loading state_dict for {name}:\n\t{message}") }
}

/// An option as Python has it: `list` makes a list or a tuple of several numbers.
fn option(tensor: &Tensor, list: fn(Vec<Value>) -> Value) -> Result<Value> {
    let all = |of: fn(f64) -> Value| -> Result<Vec<Value>> {
        Ok(tensor.try_to_dtype(DType::F64)?.try_to_vec::<f64>()?.into_iter().map(of).collect())
    };
    Ok(match (tensor.dtype(), tensor.dim()) {
        (DType::Bool, 0) => Value::Bool(tensor.try_item_as()?),
        (DType::I64, 0) => Value::Int(tensor.try_item_as()?),
        (DType::U8, 1) => Value::Str(String::from_utf8_lossy(&tensor.try_to_vec()?).into_owned()),
        (DType::I64, _) => list(all(|value| Value::Int(value as i64))?),
        (_, 0) => Value::Float(tensor.try_item()?),
        _ => list(all(Value::Float)?),
    })
}

/// An option as a tensor; `None` for what has no such form.
fn tensor(value: &Value) -> Option<Tensor> {
    Some(match value {
        Value::Bool(value) => Tensor::from(*value),
        Value::Int(value) => Tensor::from(*value),
        Value::Float(value) => Tensor::from(*value),
        Value::Str(text) => Tensor::from_slice(text.as_bytes(), [text.len()]),
        Value::Tensor(tensor) => tensor.clone(),
        Value::List(items) | Value::Tuple(items) => {
            let numbers: Vec<f64> = items.iter().map(|item| f64::try_from(item).ok()).collect::<Option<_>>()?;
            Tensor::from(numbers.as_slice())
        }
        _ => return None,
    })
}

/// The parts of a key such as `state.3.step`.
fn split<'a>(key: &'a str, part: &str) -> Option<(usize, &'a str)> {
    let (number, name) = key.strip_prefix(part)?.strip_prefix('.')?.split_once('.')?;
    Some((number.parse().ok()?, name))
}

/// PyTorch's form of the state `flat` of an optimizer, whose groups have these numbers of parameters.
pub(super) fn export(optimizer: &str, groups: &[usize], flat: &StateDict) -> Result<Value> {
    let mut options: Vec<Dict> = groups.iter().map(|_| Dict::new()).collect();
    let mut states = Dict::new();
    let mut slots: Vec<Dict> = (0..groups.iter().sum()).map(|_| Dict::new()).collect();
    for (key, tensor) in flat.iter() {
        if let Some((group, name)) = split(key, "param_groups") {
            options[group].insert(name, option(tensor, Value::Tuple)?);
        } else if let Some((index, name)) = split(key, "state") {
            export_slot(optimizer, &mut slots[index], name, tensor)?;
        }
    }
    let mut first = 0;
    for (group, params) in options.iter_mut().zip(groups) {
        if optimizer == "LBFGS" && group.get("line_search_fn").is_none() {
            group.insert("line_search_fn", Value::None);
        }
        for (name, default) in &IMPLEMENTATION {
            if implementation(optimizer).contains(name) {
                group.insert(*name, default.clone());
            }
        }
        group.insert("params", (first..first + params).collect::<Vec<_>>());
        first += params;
    }
    for (index, slots) in slots.into_iter().enumerate().filter(|(_, slots)| !slots.is_empty()) {
        states.insert(index, slots);
    }
    Ok(Value::dict([("state", Value::Dict(states)), ("param_groups", options.into())]))
}

fn export_slot(optimizer: &str, slots: &mut Dict, name: &str, tensor: &Tensor) -> Result<()> {
    match (optimizer, name) {
        // What PyTorch does not count.
        ("SGD", "step") => {}
        ("SparseAdam", "step") => drop(slots.try_insert(name, tensor.try_item_as::<i64>()?)?),
        ("LBFGS", _) if tensor.dim() == 0 && !name.contains('.') => {
            slots.try_insert(name, option(tensor, Value::List)?)?;
        }
        ("LBFGS", _) => match name.split_once('.') {
            // The elements of a list come in their order.
            Some((name, _)) => {
                let mut list = slots.get(name).and_then(Value::as_list).unwrap_or_default().to_vec();
                list.push(tensor.into());
                slots.try_insert(name, Value::List(list))?;
            }
            None => drop(slots.try_insert(name, tensor)?),
        },
        (_, "step") => drop(slots.try_insert(name, tensor.try_to_dtype(DType::F32)?)?),
        _ => drop(slots.try_insert(name, tensor)?),
    }
    Ok(())
}

/// The flat form of PyTorch's state of an optimizer, whose present state is `own`.
pub(super) fn import(optimizer: &str, groups: &[usize], own: &StateDict, value: &Value) -> Result<StateDict> {
    let (Some(states), Some(found)) =
        (value.get("state").and_then(Value::as_dict), value.get("param_groups").and_then(Value::as_list))
    else {
        let message = format!("expected a dict with the keys \"state\" and \"param_groups\", got {}", describe(value));
        return Err(mismatch(optimizer, message));
    };
    if found.len() != groups.len() {
        return Err(mismatch(optimizer, format!("expected {} parameter groups, got {}", groups.len(), found.len())));
    }
    let mut flat = StateDict::new();
    // Our number of each of PyTorch's parameters.
    let mut numbers = HashMap::new();
    for (number, (group, expected)) in found.iter().zip(groups).enumerate() {
        let params = group.get("params").and_then(Value::as_list).unwrap_or_default();
        if params.len() != *expected {
            let message = format!("expected {expected} parameters in group {number}, got {}", params.len());
            return Err(mismatch(optimizer, message));
        }
        for id in params {
            let next = numbers.len();
            if numbers.insert(i64::try_from(id)?, next).is_some() {
                return Err(mismatch(optimizer, "expected each parameter once in param_groups, got one twice"));
            }
        }
        import_options(optimizer, number, group, &mut flat)?;
    }
    // Options that PyTorch did not have when the file was written.
    for (key, tensor) in own.iter() {
        if let Some((_, name)) = split(key, "param_groups")
            && !["lr", "initial_lr", "line_search_fn"].contains(&name)
            && flat.get(key).is_none()
        {
            flat.insert(key, tensor.clone());
        }
    }
    for (id, slots) in states.iter() {
        let (Some(index), Some(slots)) = (i64::try_from(id).ok().and_then(|id| numbers.get(&id)), slots.as_dict())
        else {
            return Err(mismatch(
                optimizer,
                format!("expected states of the parameters in param_groups, got that of {id:?}"),
            ));
        };
        import_slots(optimizer, *index, slots, &mut flat)?;
    }
    Ok(flat)
}

fn import_options(optimizer: &str, number: usize, group: &Value, flat: &mut StateDict) -> Result<()> {
    let group = group.as_dict().ok_or_else(|| mismatch(optimizer, "expected groups that are dicts, got others"))?;
    for (name, value) in group.iter() {
        let name = name.as_str().unwrap_or_default();
        let skipped =
            IMPLEMENTATION.iter().any(|(option, _)| *option == name) || ["params", "param_names"].contains(&name);
        if skipped || value.is_none() {
            continue;
        }
        let Some(tensor) = tensor(value) else {
            let message =
                format!("expected a number, a string or a list for the option {name:?}, got {}", value.kind());
            return Err(mismatch(optimizer, message));
        };
        flat.insert(format!("param_groups.{number}.{name}"), tensor);
    }
    Ok(())
}

fn import_slots(optimizer: &str, index: usize, slots: &Dict, flat: &mut StateDict) -> Result<()> {
    let before = flat.len();
    let at = |name: &str| format!("state.{index}.{name}");
    for (name, value) in slots.iter() {
        let name = name.as_str().unwrap_or_default();
        match value {
            // A buffer that only LBFGS's computation of a direction uses.
            _ if (optimizer, name) == ("LBFGS", "al") => {}
            Value::None => {}
            Value::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    let item = tensor(item)
                        .ok_or_else(|| mismatch(optimizer, format!("expected tensors in {name:?}, got others")))?;
                    flat.insert(format!("{}.{i}", at(name)), item);
                }
            }
            _ if name == "step" => drop(flat.insert(at(name), Tensor::from(f64::try_from(value)? as i64))),
            other => {
                let tensor = tensor(other)
                    .ok_or_else(|| mismatch(optimizer, format!("expected a tensor {name:?}, got {}", other.kind())))?;
                flat.insert(at(name), tensor);
            }
        }
    }
    if optimizer == "SGD" && flat.len() > before {
        flat.insert(at("step"), Tensor::from(1i64));
    }
    Ok(())
}

/// The keys of a dict, or what else a value is.
fn describe(value: &Value) -> String {
    match value.as_dict() {
        Some(dict) => format!("one with the keys {:?}", dict.iter().map(|(key, _)| key).collect::<Vec<_>>()),
        None => value.kind(),
    }
}

/// PyTorch's form of the state of a scheduler for this number of groups.
pub(super) fn export_schedule(scheduler: &str, groups: usize, flat: &StateDict) -> Result<Value> {
    let mut dict = Dict::new();
    for (key, tensor) in flat.iter() {
        let value = option(tensor, Value::List)?;
        match (key, value) {
            ("milestones", Value::List(milestones)) => {
                let mut counts = Dict::of_kind(DictKind::Counter);
                for milestone in milestones {
                    let count = counts.find(&milestone).map_or(Ok(0), i64::try_from)?;
                    counts.try_insert(milestone, count + 1)?;
                }
                dict.insert(key, counts);
            }
            (_, value) => drop(dict.insert(key, value)),
        }
    }
    if scheduler == "LambdaLR" {
        // PyTorch leaves functions out in this form, and expects it.
        dict.insert("lr_lambdas", vec![Value::None; groups]);
    }
    Ok(Value::Dict(dict))
}

/// The flat form of PyTorch's state of a scheduler.
pub(super) fn import_schedule(scheduler: &str, value: &Value) -> Result<StateDict> {
    let Some(dict) = value.as_dict() else {
        return Err(mismatch(scheduler, format!("expected a dict, got {}", value.kind())));
    };
    let mut flat = StateDict::new();
    for (name, value) in dict.iter() {
        let name = name.as_str().unwrap_or_default();
        if SCRATCH.contains(&name) || value.is_none() {
            continue;
        }
        let tensor = match value {
            Value::Dict(counts) => milestones(counts)?,
            other => tensor(other),
        };
        let Some(tensor) = tensor else {
            let message = format!("expected a number, a string or a list for {name:?}, got {}", value.kind());
            return Err(mismatch(scheduler, message));
        };
        flat.insert(name, tensor);
    }
    Ok(flat)
}

/// The elements of a `Counter`, each as often as it is counted, ascending.
fn milestones(counts: &Dict) -> Result<Option<Tensor>> {
    /// More are no schedule.
    const MOST: i64 = 1000;
    let mut all = Vec::new();
    for (milestone, count) in counts.iter() {
        let (milestone, count) = (i64::try_from(milestone)?, i64::try_from(count)?);
        if !(0..=MOST).contains(&count) {
            return Ok(None);
        }
        all.extend((0..count).map(|_| milestone));
    }
    all.sort_unstable();
    Ok(Some(Tensor::from(all.as_slice())))
}
