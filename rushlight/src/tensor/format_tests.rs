//! Against `tests/golden/print.json.gz`, which `generate_print.py` made with PyTorch.

use std::cell::Cell;
use std::io::Read;

use serde_json::Value as Json;

use super::*;

fn golden() -> Json {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/print.json.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn list(json: &Json) -> &[Json] {
    json.as_array().unwrap()
}

fn size(json: &Json) -> usize {
    json.as_u64().unwrap() as usize
}

fn suffixes<'a>(case: &'a Json, default_dtype: &'a str) -> Suffixes<'a> {
    let grad = case["grad"].as_str().unwrap();
    Suffixes {
        dtype: case["dtype"].as_str().unwrap(),
        default_dtype,
        grad_fn: (!matches!(grad, "" | "leaf")).then_some(grad),
        requires_grad: !grad.is_empty(),
    }
}

#[test]
fn documented_examples() {
    for case in list(&golden()["documented"]) {
        let shape: Vec<usize> = list(&case["shape"]).iter().map(size).collect();
        let float = case["dtype"].as_str().unwrap().contains("float");
        let value = |i: usize| match &case["values"][i] {
            Json::Bool(x) => Value::Bool(*x),
            x if float => Value::Float(f64::from_bits(x.as_i64().unwrap() as u64)),
            x => Value::Int(x.as_i64().unwrap()),
        };
        let text = format_tensor(&shape, value, &suffixes(case, "float32"), &PrintOptions::default());
        assert_eq!(text, case["text"].as_str().unwrap(), "{}", case["expression"]);
    }
}

fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = *state;
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// `element` of the generator script.
fn element(kind: &str, a: u64, draw: u64, special: &[f64]) -> Value {
    let k = ((draw >> 8) % 20001) as f64 - 10000.0;
    let up_to_a = || ((draw >> 8) % (2 * a + 1)) as f64 - a as f64;
    let power = 10f64.powi(a as i32);
    Value::Float(match kind {
        "whole" => up_to_a(),
        "small" => up_to_a() / 64.0,
        "decimal" => k / power,
        "large" => k * power,
        "special" => special[(draw >> 8) as usize % special.len()],
        "sparse" => {
            if draw.is_multiple_of(4) {
                k / power
            } else {
                0.0
            }
        }
        "bits" => f32::from_bits((draw >> 32) as u32).into(),
        "wide" => f64::from_bits(draw),
        "int" => return Value::Int((draw % (1 << a)) as i64 - (1 << (a - 1))),
        "natural" => return Value::Int((draw % (1 << a)) as i64),
        "bool" => return Value::Bool(draw >> 63 == 1),
        _ => panic!("{kind}"),
    })
}

#[test]
fn random_tensors() {
    let golden = golden();
    let special: Vec<f64> = list(&golden["special"])
        .iter()
        .map(|x| f64::from_bits(u64::from_str_radix(x.as_str().unwrap(), 16).unwrap().swap_bytes()))
        .collect();
    let cases = list(&golden["random"]);
    assert!(cases.len() >= 1500);
    for case in cases {
        let shape: Vec<usize> = list(&case["shape"]).iter().map(size).collect();
        let (kind, a, mut state) =
            (case["kind"].as_str().unwrap(), case["a"].as_u64().unwrap(), case["seed"].as_u64().unwrap());
        let values: Vec<Value> = (0..shape.iter().product())
            .map(|_| match element(kind, a, splitmix64(&mut state), &special) {
                Value::Float(x) if case["dtype"] == "float32" => Value::Float((x as f32).into()),
                value => value,
            })
            .collect();
        let options = &case["options"];
        let options = PrintOptions {
            precision: size(&options[0]),
            threshold: size(&options[1]),
            edgeitems: size(&options[2]),
            linewidth: size(&options[3]),
            sci_mode: options[4].as_bool(),
        };
        let suffixes = suffixes(case, case["default"].as_str().unwrap());
        let text = format_tensor(&shape, |i| values[i], &suffixes, &options);
        assert_eq!(text, case["text"].as_str().unwrap(), "{case}");
    }
}

const PLAIN: Suffixes = Suffixes { dtype: "float32", default_dtype: "float32", grad_fn: None, requires_grad: false };

#[test]
fn only_what_is_shown_is_read() {
    let reads = Cell::new(0);
    let value = |i: usize| {
        reads.set(reads.get() + 1);
        Value::Int(i as i64)
    };
    let text = format_tensor(&[1 << 20, 1 << 20, 1 << 20], value, &PLAIN, &PrintOptions::default());
    assert_eq!(reads.get(), 216);
    assert!(text.ends_with("1152921504606846974,\n          1152921504606846975]]])"), "{text}");
    format_tensor(&[2000], value, &PLAIN, &PrintOptions { edgeitems: usize::MAX, ..PrintOptions::default() });
}

#[test]
fn narrow_lines_and_no_edges() {
    let options = PrintOptions { linewidth: 0, edgeitems: 0, threshold: 0, ..PrintOptions::default() };
    assert_eq!(format_tensor(&[3], |_| Value::Bool(true), &PLAIN, &options), "tensor([ ...])");
    let options = PrintOptions { linewidth: 0, ..PrintOptions::default() };
    assert_eq!(format_tensor(&[2], |_| Value::Bool(true), &PLAIN, &options), "tensor([True,\n        True])");
}

/// Golden values of C's printf: exact ties go to the even digit, and what only looks like a tie does not.
#[test]
fn rounding_is_that_of_printf() {
    let print = |x: f64, precision, sci| {
        format_tensor(
            &[],
            |_| Value::Float(x),
            &PLAIN,
            &PrintOptions { precision, sci_mode: Some(sci), ..PrintOptions::default() },
        )
    };
    for (x, precision, sci, want) in [
        (0.03125, 4, false, "0.0312"),
        (0.09375, 4, false, "0.0938"),
        (0.00005, 4, false, "0.0001"),
        (2.5, 0, false, "2"),
        (3.5, 0, false, "4"),
        (-0.5, 0, false, "-0"),
        (1.5, 0, true, "2e+00"),
        (2.5, 0, true, "2e+00"),
        (9.99995, 4, true, "1.0000e+01"),
        (99999.5, 4, true, "1.0000e+05"),
        (5e-324, 4, true, "4.9407e-324"),
        (f64::MAX, 4, true, "1.7977e+308"),
        (1e22, 2, true, "1.00e+22"),
    ] {
        assert_eq!(print(x, precision, sci), format!("tensor({want})"));
    }
}
