//! The golden values of `tests/golden/ops.json.gz`: what PyTorch answers for each operation, and what it refuses.

pub(crate) mod table;

use crate::golden::{Golden, Tolerance, list, load, numbers, scalar, text};
use rushlight::{DType, Scalar};
use serde_json::Value;
use std::collections::BTreeMap;

/// One call of one operation.
pub(crate) struct Case {
    pub name: String,
    pub op: String,
    pub args: Args,
    pub inputs: Vec<Input>,
    pub outputs: Vec<Golden>,
    /// Inputs as the call left them.
    pub mutated: Slots,
    pub grad_outputs: Slots,
    /// The gradients of the inputs before their views; PyTorch gave none to inputs that are absent.
    pub grads: Slots,
    pub second: Option<Second>,
    /// What PyTorch says where it refuses the call.
    pub error: Option<String>,
}

/// Tensors under the numbers of inputs or outputs.
pub(crate) type Slots = BTreeMap<usize, Golden>;

/// The gradients of `sum(grads[i] * v[i])`.
pub(crate) struct Second {
    pub v: Slots,
    pub grads: Slots,
    pub grad_output_grads: Slots,
}

/// An argument that is no option.
pub(crate) enum Input {
    Tensor { value: Golden, grad: bool, views: Vec<Vec<Value>> },
    Number(Scalar),
    Absent,
}

/// The options of a call by name.
pub(crate) struct Args(Value);

/// All cases.
pub(crate) fn cases() -> Vec<Case> {
    list(&load("ops")["cases"]).iter().map(Case::parse).collect()
}

fn slots(value: &Value) -> Slots {
    let Some(map) = value.as_object() else { return Slots::new() };
    map.iter().map(|(key, value)| (key.parse().expect("a number"), Golden::parse(value))).collect()
}

impl Case {
    /// That of the coarsest type which takes part: the gradient of a double that was rounded to single is no better.
    pub(crate) fn tolerance(&self) -> Tolerance {
        let single = |golden: &Golden| golden.dtype == DType::F32;
        let input = |input: &Input| matches!(input, Input::Tensor { value, .. } if single(value));
        let any = self.outputs.iter().any(single) || self.inputs.iter().any(input);
        if any { Tolerance::SINGLE } else { Tolerance::DOUBLE }
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

impl Args {
    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some()
    }

    pub(crate) fn get(&self, key: &str) -> &Value {
        &self.0[key]
    }

    /// The number, or `default` where it is absent or null.
    pub(crate) fn int(&self, key: &str, default: i64) -> i64 {
        self.0[key].as_i64().unwrap_or(default)
    }

    pub(crate) fn dim(&self, key: &str) -> isize {
        self.0[key].as_i64().expect("a dimension") as isize
    }

    pub(crate) fn float(&self, key: &str, default: f64) -> f64 {
        self.0[key].as_f64().unwrap_or(default)
    }

    pub(crate) fn flag(&self, key: &str, default: bool) -> bool {
        self.0[key].as_bool().unwrap_or(default)
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.0[key].as_str()
    }

    /// A list of numbers, or a single one as a list.
    pub(crate) fn list(&self, key: &str) -> Vec<i64> {
        let value = &self.0[key];
        numbers(value).unwrap_or_else(|| value.as_i64().into_iter().collect())
    }

    /// A size for each dimension, or a single one for all.
    pub(crate) fn sizes<const N: usize>(&self, key: &str, default: usize) -> [usize; N] {
        match self.list(key)[..] {
            [] => [default; N],
            [all] => [all as usize; N],
            ref list => std::array::from_fn(|i| list[i] as usize),
        }
    }

    pub(crate) fn scalar(&self, key: &str) -> Option<Scalar> {
        let value = &self.0[key];
        value.as_i64().map(Scalar::I64).or_else(|| value.as_f64().map(Scalar::F64))
    }
}
