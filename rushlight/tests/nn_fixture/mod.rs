//! Reads the fixtures beside the golden generators.
#![allow(dead_code, reason = "each test file uses a part")]

use flate2::read::GzDecoder;
use rushlight::{DType, Tensor};
use serde_json::Value;
use std::io::Read;
use std::path::Path;

/// The content of `tests/golden/{name}.json.gz`.
pub fn load(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.json.gz"));
    let file = std::fs::File::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).expect("the fixture is compressed JSON");
    serde_json::from_str(&text).expect("the fixture is JSON")
}

/// A number, also one that JSON has no form for.
pub fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("nan") => f64::NAN,
        Some("inf") => f64::INFINITY,
        Some("-inf") => f64::NEG_INFINITY,
        Some(other) => panic!("no number: {other}"),
        None => value.as_f64().or(value.as_bool().map(f64::from)).expect("a number"),
    }
}

pub fn dtype(value: &Value) -> DType {
    match value.as_str() {
        Some("bool") => DType::Bool,
        Some("i64") => DType::I64,
        Some("f32") => DType::F32,
        Some("f64") => DType::F64,
        other => panic!("unknown type {other:?}"),
    }
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

pub fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

pub fn texts(value: &Value) -> Vec<&str> {
    list(value).iter().map(text).collect()
}

pub fn shape(value: &Value) -> Vec<usize> {
    list(value).iter().map(|size| size.as_u64().expect("a size") as usize).collect()
}

/// A tensor as the generators encode it.
pub fn tensor(value: &Value) -> Tensor {
    let elements: Vec<f64> = list(&value["data"]).iter().map(number).collect();
    Tensor::from_slice(&elements, shape(&value["shape"])).to_dtype(dtype(&value["dtype"]))
}

fn elements(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).to_vec()
}

/// Equal in type and shape, and elements apart by no more than `relative` of the golden one (or of 0.1, if it is smaller).
#[track_caller]
pub fn assert_close(what: &str, got: &Tensor, golden: &Value, relative: f64) {
    let golden = tensor(golden);
    assert_eq!((got.dtype(), got.shape()), (golden.dtype(), golden.shape()), "{what}");
    for (i, (a, b)) in elements(got).into_iter().zip(elements(&golden)).enumerate() {
        let equal = a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= relative * b.abs().max(0.1);
        assert!(equal, "{what}: element {i} is {a}, PyTorch has {b}");
    }
}

/// Equal to the last bit.
#[track_caller]
pub fn assert_same(what: &str, got: &Tensor, golden: &Value) {
    assert_close(what, got, golden, 0.0);
}
