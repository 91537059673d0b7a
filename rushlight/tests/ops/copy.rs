//! Copies: of memory, to another order in memory, to another dtype.

use crate::harness::{ALL_DTYPES, Row};
use serde_json::json;

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("copy", |x, _| x[0].try_copy(), |x, _| x[0].copy()).takes(ALL_DTYPES).elementwise(-2.0, 2.0),
        Row::new("contiguous", |x, _| x[0].try_contiguous(), |x, _| x[0].contiguous())
            .takes(ALL_DTYPES)
            .elementwise(-2.0, 2.0),
        Row::new(
            "to_dtype",
            |x, a| x[0].try_to_dtype(a.dtype("dtype").expect("a dtype")),
            |x, a| x[0].to_dtype(a.dtype("dtype").expect("a dtype")),
        )
        .takes(ALL_DTYPES)
        .elementwise(-2.0, 2.0)
        .with_args(json!({"dtype": "f64"})),
    ]
}
