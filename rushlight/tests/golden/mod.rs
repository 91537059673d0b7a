//! Reads the fixtures of this folder, which were written by the scripts next to them.
#![allow(dead_code, reason = "each test file uses a part")]

use flate2::read::GzDecoder;
use rushlight::{DType, Scalar, Tensor};
use serde_json::Value;
use std::path::Path;

/// The content of `{name}.json.gz`.
pub(crate) fn load(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.json.gz"));
    let file = std::fs::File::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_reader(GzDecoder::new(file)).expect("the fixture is compressed JSON")
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

pub(crate) fn texts(value: &Value) -> Vec<&str> {
    list(value).iter().map(text).collect()
}

/// A float, including those that JSON cannot represent.
pub(crate) fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("nan") => f64::NAN,
        Some("inf") => f64::INFINITY,
        Some("-inf") => f64::NEG_INFINITY,
        Some(other) => panic!("no number: {other}"),
        None => value.as_f64().or(value.as_bool().map(f64::from)).expect("a number"),
    }
}

/// Integers, if the value is a list.
pub(crate) fn numbers<T: TryFrom<i64>>(value: &Value) -> Option<Vec<T>> {
    let number = |v: &Value| T::try_from(v.as_i64().expect("an integer")).ok().expect("a number in range");
    Some(value.as_array()?.iter().map(number).collect())
}

pub(crate) fn shape(value: &Value) -> Vec<usize> {
    numbers(value).expect("a shape")
}

/// A scalar of the type that the fixture calls `kind`.
pub(crate) fn scalar(value: &Value, kind: &str) -> Scalar {
    match dtype(kind) {
        DType::Bool => Scalar::Bool(value.as_bool().expect("a boolean")),
        // Written with the minimum number of digits that identify it among the values of its type.
        DType::F16 | DType::Bf16 | DType::F32 => Scalar::F64(f64::from(number(value) as f32)),
        other if other.is_float() => Scalar::F64(number(value)),
        _ => Scalar::I64(value.as_i64().expect("an integer")),
    }
}

/// The type that the fixture calls `name`: as in safetensors files, but in lower case.
pub(crate) fn dtype(name: &str) -> DType {
    let found = DType::ALL.iter().find(|dtype| dtype.safetensors_name().eq_ignore_ascii_case(name));
    *found.unwrap_or_else(|| panic!("unknown type {name}"))
}

/// Permitted difference of floating-point values: relative and absolute. Integers and booleans must be equal.
#[derive(Clone, Copy)]
pub(crate) struct Tolerance(f64, f64);

impl Tolerance {
    pub(crate) const SINGLE: Tolerance = Tolerance(1e-5, 1e-6);
    pub(crate) const DOUBLE: Tolerance = Tolerance(1e-10, 1e-10);
    /// One rounding, which is less than the distance of any two numbers of the type: equality. A multiple admits as many roundings.
    pub(crate) const F16: Tolerance = Tolerance(1.0 / 2048.0, 0.0);
    pub(crate) const BF16: Tolerance = Tolerance(1.0 / 256.0, 0.0);

    /// This fraction of the value, plus the same fraction of 0.1.
    fn relative(share: f64) -> Tolerance {
        Tolerance(share, share * 0.1)
    }
}

impl std::ops::Mul<f64> for Tolerance {
    type Output = Tolerance;

    fn mul(self, times: f64) -> Tolerance {
        Tolerance(self.0 * times, self.1 * times)
    }
}

/// A tensor as stored by PyTorch.
pub(crate) struct Golden {
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub strides: Option<Vec<isize>>,
    data: Vec<Scalar>,
}

impl Golden {
    pub(crate) fn parse(value: &Value) -> Golden {
        let kind = text(&value["dtype"]);
        Golden {
            dtype: dtype(kind),
            shape: shape(&value["shape"]),
            strides: numbers(&value["stride"]),
            data: list(&value["data"]).iter().map(|v| scalar(v, kind)).collect(),
        }
    }

    /// The tensor.
    pub(crate) fn tensor(&self) -> Tensor {
        let shape = &self.shape;
        if self.dtype == DType::Bool {
            Tensor::from_vec(self.data.iter().map(|v| v.to_bool()).collect(), shape)
        } else if self.dtype.is_float() {
            Tensor::from_vec(self.data.iter().map(|v| v.to_f64()).collect(), shape).to_dtype(self.dtype)
        } else {
            Tensor::from_vec(self.data.iter().map(|v| v.to_i64()).collect(), shape).to_dtype(self.dtype)
        }
    }

    /// An error that describes where `found` differs.
    pub(crate) fn compare(&self, what: &str, found: &Tensor, Tolerance(rtol, atol): Tolerance) -> Result<(), String> {
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
            && found.stride() != strides
        {
            return Err(format!("{what} has strides {:?}, but PyTorch has {strides:?}", found.stride()));
        }
        let found = found.detach();
        let values: Vec<Scalar> = match self.dtype {
            DType::Bool => found.to_vec::<bool>().into_iter().map(Scalar::Bool).collect(),
            dtype if dtype.is_float() => found.to_dtype(DType::F64).to_vec().into_iter().map(Scalar::F64).collect(),
            _ => found.to_dtype(DType::I64).to_vec().into_iter().map(Scalar::I64).collect(),
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

    /// An error unless `found` equals this, or is absent and this is zero everywhere.
    pub(crate) fn compare_gradient(
        &self,
        what: &str,
        found: Option<&Tensor>,
        tolerance: Tolerance,
    ) -> Result<(), String> {
        match found {
            Some(found) => self.compare(what, found, tolerance),
            None if self.data.iter().all(|v| v.to_f64() == 0.0) => Ok(()),
            None => Err(format!("{what}: there is none, but PyTorch has one")),
        }
    }
}

/// A tensor as encoded by the generators.
pub(crate) fn tensor(value: &Value) -> Tensor {
    Golden::parse(value).tensor()
}

/// Equal in type and shape, with elements equal up to a relative difference of `relative`.
#[track_caller]
pub(crate) fn assert_close(what: &str, got: &Tensor, golden: &Value, relative: f64) {
    if let Err(message) = Golden::parse(golden).compare(what, got, Tolerance::relative(relative)) {
        panic!("{message}");
    }
}

/// Equal bit for bit.
#[track_caller]
pub(crate) fn assert_same(what: &str, got: &Tensor, golden: &Value) {
    assert_close(what, got, golden, 0.0);
}
