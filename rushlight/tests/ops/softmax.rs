//! Softmax and its logarithm.

use crate::harness::{Row, Sample, real, sample};
use rushlight::DType::I64;
use serde_json::json;

fn samples() -> Vec<Sample> {
    let of = |shape: &[usize], dim: isize| sample([real(shape)]).args(json!({"dim": dim}));
    vec![of(&[3, 4, 2], 0), of(&[3, 4, 2], 1), of(&[3, 4, 2], 2), of(&[2, 3], -1), of(&[], 0), of(&[0, 3], -1)]
}

pub(crate) fn rows() -> Vec<Row> {
    let no_such_dim = || sample([real(&[2, 3])]).args(json!({"dim": -3}));
    let integers = || sample([real(&[2])]).args(json!({"dim": 0}));
    vec![
        Row::new("softmax", |x, a| x[0].try_softmax(a.dim("dim")), |x, a| x[0].softmax(a.dim("dim")))
            .samples(samples())
            .kink([5.0], 1.0, [0.0])
            .refuses(no_such_dim(), &["-3"])
            .refuses_dtype(I64, integers(), &["int64"]),
        Row::new("softmin", |x, a| x[0].try_softmin(a.dim("dim")), |x, a| x[0].softmin(a.dim("dim")))
            .samples(samples())
            .kink([5.0], 1.0, [0.0])
            .refuses(no_such_dim(), &["-3"])
            .refuses_dtype(I64, integers(), &["int64"]),
        Row::new("log_softmax", |x, a| x[0].try_log_softmax(a.dim("dim")), |x, a| x[0].log_softmax(a.dim("dim")))
            .samples(samples())
            .kink([5.0], 0.0, [0.0])
            .refuses(no_such_dim(), &["-3"])
            .refuses_dtype(I64, integers(), &["int64"]),
    ]
}
