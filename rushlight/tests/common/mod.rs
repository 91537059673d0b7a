//! The golden values of `tests/golden/ops.json.gz`: what PyTorch answers for each operation, and what it refuses.

pub mod table;

use flate2::read::GzDecoder;
use rushlight::{DType, Scalar, Tensor};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// One call of one operation.
pub struct Case {
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
pub type Slots = BTreeMap<usize, Golden>;

/// The gradients of `sum(grads[i] * v[i])`.
pub struct Second {
    pub v: Slots,
    pub grads: Slots,
    pub grad_output_grads: Slots,
}

/// An argument that is no option.
pub enum Input {
    Tensor { value: Golden, grad: bool, views: Vec<Vec<Value>> },
    Number(Scalar),
    Absent,
}

/// A tensor as PyTorch had it.
pub struct Golden {
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub strides: Option<Vec<isize>>,
    data: Vec<Scalar>,
}

/// The options of a call by name.
pub struct Args(Value);

/// All cases.
pub fn cases() -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/ops.json.gz");
    let mut text = String::new();
    let file = std::fs::File::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    GzDecoder::new(file).read_to_string(&mut text).expect("the fixture is compressed JSON");
    let content: Value = serde_json::from_str(&text).expect("the fixture is JSON");
    content["cases"].as_array().expect("a list of cases").iter().map(Case::parse).collect()
}

fn slots(value: &Value) -> Slots {
    let Some(map) = value.as_object() else { return Slots::new() };
    map.iter().map(|(key, value)| (key.parse().expect("a number"), Golden::parse(value))).collect()
}

fn numbers<T: TryFrom<i64>>(value: &Value) -> Option<Vec<T>> {
    let number = |v: &Value| T::try_from(v.as_i64().expect("a whole number")).ok().expect("a number in range");
    Some(value.as_array()?.iter().map(number).collect())
}

impl std::ops::Mul<f64> for Tolerance {
    type Output = Tolerance;

    fn mul(self, times: f64) -> Tolerance {
        Tolerance(self.0 * times, self.1 * times)
    }
}

impl Case {
    /// That of the coarsest type which takes part: the gradient of a double that was rounded to single is no better.
    pub fn tolerance(&self) -> Tolerance {
        let single = |golden: &Golden| golden.dtype == DType::F32;
        let input = |input: &Input| matches!(input, Input::Tensor { value, .. } if single(value));
        let any = self.outputs.iter().any(single) || self.inputs.iter().any(input);
        if any { Tolerance::SINGLE } else { Tolerance::DOUBLE }
    }

    fn parse(value: &Value) -> Case {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
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

fn scalar(value: &Value, kind: &str) -> Scalar {
    match kind {
        "bool" => Scalar::Bool(value.as_bool().expect("a truth value")),
        "i64" => Scalar::I64(value.as_i64().expect("a whole number")),
        _ => Scalar::F64(match value.as_str() {
            Some("nan") => f64::NAN,
            Some("inf") => f64::INFINITY,
            Some("-inf") => f64::NEG_INFINITY,
            _ => value.as_f64().expect("a number"),
        }),
    }
}

/// The type that the fixture calls `name`.
pub fn dtype(name: &str) -> DType {
    match name {
        "bool" => DType::Bool,
        "i64" => DType::I64,
        "f32" => DType::F32,
        "f64" => DType::F64,
        other => panic!("unknown type {other}"),
    }
}

/// How far apart floating point values may be: relative and absolute. Whole numbers and bool must be equal.
#[derive(Clone, Copy)]
pub struct Tolerance(f64, f64);

impl Tolerance {
    const SINGLE: Tolerance = Tolerance(1e-5, 1e-6);
    const DOUBLE: Tolerance = Tolerance(1e-10, 1e-10);
}

impl Golden {
    fn parse(value: &Value) -> Golden {
        let kind = value["dtype"].as_str().expect("a type");
        let data = value["data"].as_array().expect("data");
        Golden {
            dtype: dtype(kind),
            shape: numbers(&value["shape"]).expect("a shape"),
            strides: numbers(&value["stride"]),
            data: data.iter().map(|v| scalar(v, kind)).collect(),
        }
    }

    /// The tensor.
    pub fn tensor(&self) -> Tensor {
        let shape = &self.shape;
        let floats = || self.data.iter().map(|v| v.to_f64());
        match self.dtype {
            DType::Bool => Tensor::from_vec(self.data.iter().map(|v| v.to_bool()).collect(), shape),
            DType::I64 => Tensor::from_vec(self.data.iter().map(|v| v.to_i64()).collect(), shape),
            DType::F32 => Tensor::from_vec(floats().map(|v| v as f32).collect(), shape),
            DType::F64 => Tensor::from_vec(floats().collect(), shape),
        }
    }

    /// An error that says where `found` is something else.
    pub fn compare(&self, what: &str, found: &Tensor, Tolerance(rtol, atol): Tolerance) -> Result<(), String> {
        if (found.dtype(), found.shape()) != (self.dtype, &self.shape[..]) {
            return Err(format!(
                "{what} is {} {:?}, but PyTorch has {} {:?}",
                found.dtype(),
                found.shape(),
                self.dtype,
                self.shape
            ));
        }
        if let Some(strides) = &self.strides
            && found.strides() != strides
        {
            return Err(format!("{what} has strides {:?}, but PyTorch has {strides:?}", found.strides()));
        }
        let values: Vec<Scalar> = match self.dtype {
            DType::Bool => found.to_vec::<bool>().into_iter().map(Scalar::Bool).collect(),
            DType::I64 => found.to_vec::<i64>().into_iter().map(Scalar::I64).collect(),
            DType::F32 => found.to_vec::<f32>().into_iter().map(|v| Scalar::F64(v.into())).collect(),
            DType::F64 => found.to_vec::<f64>().into_iter().map(Scalar::F64).collect(),
        };
        for (i, (&want, &got)) in self.data.iter().zip(&values).enumerate() {
            let same = match (want, got) {
                (Scalar::F64(want), Scalar::F64(got)) => {
                    want == got || (want.is_nan() && got.is_nan()) || (want - got).abs() <= atol + rtol * want.abs()
                }
                _ => want == got,
            };
            if !same {
                return Err(format!("{what}: element {i} of {:?} is {got}, but PyTorch has {want}", self.shape));
            }
        }
        Ok(())
    }

    /// An error unless `found` is this, or nothing at all and this is zero everywhere.
    pub fn compare_gradient(&self, what: &str, found: Option<&Tensor>, tolerance: Tolerance) -> Result<(), String> {
        match found {
            Some(found) => self.compare(what, found, tolerance),
            None if self.data.iter().all(|v| v.to_f64() == 0.0) => Ok(()),
            None => Err(format!("{what}: there is none, but PyTorch has one")),
        }
    }
}

impl Args {
    pub fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some()
    }

    pub fn get(&self, key: &str) -> &Value {
        &self.0[key]
    }

    /// The number, or `default` where it is absent or null.
    pub fn int(&self, key: &str, default: i64) -> i64 {
        self.0[key].as_i64().unwrap_or(default)
    }

    pub fn dim(&self, key: &str) -> isize {
        self.0[key].as_i64().expect("a dimension") as isize
    }

    pub fn float(&self, key: &str, default: f64) -> f64 {
        self.0[key].as_f64().unwrap_or(default)
    }

    pub fn flag(&self, key: &str, default: bool) -> bool {
        self.0[key].as_bool().unwrap_or(default)
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        self.0[key].as_str()
    }

    /// A list of numbers, or a single one as a list.
    pub fn list(&self, key: &str) -> Vec<i64> {
        let value = &self.0[key];
        numbers(value).unwrap_or_else(|| value.as_i64().into_iter().collect())
    }

    /// A size for each dimension, or a single one for all.
    pub fn sizes<const N: usize>(&self, key: &str, default: usize) -> [usize; N] {
        match self.list(key)[..] {
            [] => [default; N],
            [all] => [all as usize; N],
            ref list => std::array::from_fn(|i| list[i] as usize),
        }
    }

    pub fn scalar(&self, key: &str) -> Option<Scalar> {
        let value = &self.0[key];
        value.as_i64().map(Scalar::I64).or_else(|| value.as_f64().map(Scalar::F64))
    }
}
