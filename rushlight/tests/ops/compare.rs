//! Comparisons and logic.

use crate::harness::{ALL_DTYPES, Args, Row, Sample, real, sample};
use rushlight::ops::CloseOptions;
use serde_json::json;

fn operands() -> Vec<Sample> {
    let of = |a: &[usize], b: &[usize]| sample([real(a), real(b)]);
    vec![of(&[2, 3], &[2, 3]), of(&[2, 1], &[4]), of(&[], &[2]), of(&[], &[]), of(&[0, 3], &[3])]
}

/// A row of two operands, of any dtype, with a boolean result.
fn logical(row: Row) -> Row {
    row.takes(ALL_DTYPES)
        .constant()
        .samples(operands())
        .refuses(sample([real(&[2, 3]), real(&[4])]), &["[2, 3]", "[4]"])
}

fn tolerances(a: &Args) -> CloseOptions {
    CloseOptions::new().rtol(a.float("rtol", 1e-5)).atol(a.float("atol", 1e-8))
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        logical(Row::new("eq", |x, _| x[0].try_eq(x.operand(1)), |x, _| x[0].eq(x.operand(1)))),
        logical(Row::new("ne", |x, _| x[0].try_ne(x.operand(1)), |x, _| x[0].ne(x.operand(1)))),
        logical(Row::new("lt", |x, _| x[0].try_lt(x.operand(1)), |x, _| x[0].lt(x.operand(1)))),
        logical(Row::new("le", |x, _| x[0].try_le(x.operand(1)), |x, _| x[0].le(x.operand(1)))),
        logical(Row::new("gt", |x, _| x[0].try_gt(x.operand(1)), |x, _| x[0].gt(x.operand(1)))),
        logical(Row::new("ge", |x, _| x[0].try_ge(x.operand(1)), |x, _| x[0].ge(x.operand(1)))),
        logical(Row::new(
            "logical_and",
            |x, _| x[0].try_logical_and(x.operand(1)),
            |x, _| x[0].logical_and(x.operand(1)),
        )),
        logical(Row::new("logical_or", |x, _| x[0].try_logical_or(x.operand(1)), |x, _| x[0].logical_or(x.operand(1)))),
        logical(Row::new(
            "logical_xor",
            |x, _| x[0].try_logical_xor(x.operand(1)),
            |x, _| x[0].logical_xor(x.operand(1)),
        )),
        Row::new("logical_not", |x, _| x[0].try_logical_not(), |x, _| x[0].logical_not())
            .takes(ALL_DTYPES)
            .constant()
            .elementwise(-2.0, 2.0),
        Row::new("isnan", |x, _| x[0].try_isnan(), |x, _| x[0].isnan())
            .takes(ALL_DTYPES)
            .constant()
            .elementwise(-2.0, 2.0),
        Row::new("equal", |x, _| x[0].try_equal(&x[1]), |x, _| x[0].equal(&x[1]))
            .takes(ALL_DTYPES)
            .constant()
            .samples(operands()),
        Row::new(
            "isclose",
            |x, a| x[0].try_isclose_with(&x[1], tolerances(a)),
            |x, a| x[0].isclose_with(&x[1], tolerances(a)),
        )
        .defaults(|x, _| x[0].try_isclose(&x[1]), |x, _| x[0].isclose(&x[1]))
        .takes(ALL_DTYPES)
        .constant()
        .samples(operands())
        .with_args(json!({"rtol": 0.5, "atol": 0.1})),
        Row::new(
            "allclose",
            |x, a| x[0].try_allclose_with(&x[1], tolerances(a)),
            |x, a| x[0].allclose_with(&x[1], tolerances(a)),
        )
        .defaults(|x, _| x[0].try_allclose(&x[1]), |x, _| x[0].allclose(&x[1]))
        .takes(ALL_DTYPES)
        .constant()
        .samples(operands())
        .with_args(json!({"rtol": 0.5, "atol": 0.1})),
    ]
}
