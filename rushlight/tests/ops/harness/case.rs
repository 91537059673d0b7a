//! The golden values of `tests/golden/ops`: what PyTorch returns for each operation, and what it rejects.

use super::golden::{Golden, Tolerance, list, load, scalar, text};
use super::inputs::Args;
use rushlight::{DType, Scalar};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// One call of one operation.
pub(crate) struct Case {
    pub name: String,
    pub op: String,
    pub args: Args,
    pub inputs: Vec<Input>,
    pub outputs: Vec<Golden>,
    /// The inputs after the call.
    pub mutated: Slots,
    pub grad_outputs: Slots,
    /// The gradients of the inputs before their views; inputs without a gradient in PyTorch are absent.
    pub grads: Slots,
    pub second: Option<Second>,
    /// PyTorch's message if it rejects the call.
    pub error: Option<String>,
}

/// Tensors keyed by the index of an input or output.
pub(crate) type Slots = BTreeMap<usize, Golden>;

/// The gradients of `sum(grads[i] * v[i])`.
pub(crate) struct Second {
    pub v: Slots,
    pub grads: Slots,
    pub grad_output_grads: Slots,
}

/// A positional argument.
pub(super) enum Input {
    Tensor { value: Golden, grad: bool, views: Vec<Vec<Value>> },
    Number(Scalar),
    Absent,
}

/// The cases of a family, read once.
pub(super) fn cases(family: &'static str) -> Arc<Vec<Case>> {
    type Families = HashMap<&'static str, Arc<Vec<Case>>>;
    static READ: Mutex<Option<Families>> = Mutex::new(None);
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let parse = || Arc::new(list(&load(&format!("ops/{family}"))["cases"]).iter().map(Case::parse).collect());
    read.get_or_insert_default().entry(family).or_insert_with(parse).clone()
}

fn slots(value: &Value) -> Slots {
    let Some(map) = value.as_object() else { return Slots::new() };
    map.iter().map(|(key, value)| (key.parse().expect("a number"), Golden::parse(value))).collect()
}

impl Case {
    /// The tolerance of the least precise type involved: the gradient of a double that was rounded to single precision
    /// is no more accurate.
    pub(crate) fn tolerance(&self) -> Tolerance {
        let input = |of: &dyn Fn(DType) -> bool| {
            self.inputs.iter().any(|input| matches!(input, Input::Tensor { value, .. } if of(value.dtype)))
        };
        let output = |of: &dyn Fn(DType) -> bool| self.outputs.iter().any(|golden| of(golden.dtype));
        let (single, double) = (|dtype| dtype == DType::F32, |dtype| dtype == DType::F64);
        if output(&single) || input(&single) {
            Tolerance::SINGLE
        } else if output(&double) || input(&double) {
            Tolerance::DOUBLE
        } else if output(&|dtype| dtype == DType::F16) {
            Tolerance::F16
        } else if output(&|dtype| dtype == DType::Bf16) {
            Tolerance::BF16
        } else {
            Tolerance::DOUBLE
        }
    }

    fn parse(value: &Value) -> Case {
        let text = |value: &Value| text(value).to_owned();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let second = &value["second"];
        Case {
            name: text(&value["name"]),
            op: text(&value["op"]),
            args: Args(value["args"].clone()),
            inputs: list(&value["inputs"]).iter().map(Input::parse).collect(),
            outputs: list(&value["outputs"]).iter().map(Golden::parse).collect(),
            mutated: slots(&value["mutated"]),
            grad_outputs: slots(&value["grad_outputs"]),
            grads: slots(&value["grads"]),
            second: second.is_object().then(|| Second {
                v: slots(&second["v"]),
                grads: slots(&second["grads"]),
                grad_output_grads: slots(&second["grad_output_grads"]),
            }),
            error: value.get("error").map(|error| text(&error["text"])),
        }
    }
}

impl Input {
    fn parse(value: &Value) -> Input {
        match value["scalar"].as_str() {
            None => {
                let views = value["view"].as_array().cloned().unwrap_or_default();
                let views = views.iter().map(|view| view.as_array().expect("a view").clone()).collect();
                Input::Tensor { value: Golden::parse(value), grad: value["grad"].as_bool() == Some(true), views }
            }
            Some("none") => Input::Absent,
            Some(kind) => Input::Number(scalar(&value["value"], kind)),
        }
    }
}
