//! Selecting elements by a condition or by index tensors.

use crate::harness::{ALL_DTYPES, Row, Spec, given, number, real, sample};
use rushlight::DType::F64;
use rushlight::Tensor;
use serde_json::json;

fn mask() -> Spec {
    given(Tensor::from([[true, false, true], [false, false, true]]))
}

fn indices<const N: usize>(indices: [i64; N]) -> Spec {
    given(Tensor::from(indices))
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = conditions();
    rows.extend(tables());
    rows
}

fn conditions() -> Vec<Row> {
    vec![
        // The condition comes first, as in PyTorch.
        Row::new(
            "where_cond",
            |x, _| match x.number(1) {
                Some(number) => x[2].try_where_cond(&x[0].try_logical_not()?, number),
                None => x[1].try_where_cond(&x[0], x.operand(2)),
            },
            |x, _| match x.number(1) {
                Some(number) => x[2].where_cond(&x[0].logical_not(), number),
                None => x[1].where_cond(&x[0], x.operand(2)),
            },
        )
        .says("where")
        .takes(ALL_DTYPES)
        .samples([
            sample([mask(), real(&[2, 3]), real(&[3])]),
            sample([mask(), real(&[]), real(&[2, 1])]),
            sample([given(Tensor::from(true)), real(&[]), real(&[])]),
            sample([given(Tensor::from([true, false, true])), real(&[0, 3]), real(&[3])]),
        ])
        .refuses(sample([mask(), real(&[2, 3]), real(&[4])]), &["[2, 3]", "[4]"])
        .refuses(sample([given(Tensor::from([true; 4])), real(&[2, 3]), number(1.0)]), &["[2, 3]", "[4]"])
        .refuses(sample([real(&[2]), real(&[2]), number(1.0)]), &["bool", "float32"]),
        Row::new(
            "masked_fill",
            |x, _| x[0].try_masked_fill(&x[1], x.operand(2)),
            |x, _| x[0].masked_fill(&x[1], x.operand(2)),
        )
        .takes(ALL_DTYPES)
        .samples([
            sample([real(&[2, 3]), given(Tensor::from([true, false, true])), real(&[])]),
            sample([real(&[2, 3]), mask(), number(1)]),
            sample([real(&[]), given(Tensor::from(true)), number(1)]),
            sample([real(&[0, 3]), given(Tensor::from([true, false, true])), number(1)]),
        ])
        .refuses(sample([real(&[2, 3]), given(Tensor::from([true; 4])), number(1.0)]), &["[2, 3]", "[4]"])
        .refuses(sample([real(&[2]), real(&[2]), number(1.0)]), &["bool", "float32"]),
    ]
}

fn tables() -> Vec<Row> {
    let table = || given(Tensor::from([[0i64, 0, 2], [1, 2, 1]]));
    let one = || given(Tensor::from([[0i64]]));
    vec![
        Row::new("gather", |x, a| x[0].try_gather(a.dim("dim"), &x[1]), |x, a| x[0].gather(a.dim("dim"), &x[1]))
            .takes(ALL_DTYPES)
            .samples([
                sample([real(&[2, 3]), table()]).args(json!({"dim": 1})),
                sample([real(&[]), given(Tensor::from(0i64))]).args(json!({"dim": 0})),
                sample([real(&[0, 3]), given(Tensor::from([[0i64]]).narrow(0, 0, 0))]).args(json!({"dim": 0})),
            ])
            .refuses(sample([real(&[4]), one()]).args(json!({"dim": 0})), &["[1, 1]", "[4]"])
            .refuses(sample([real(&[2, 3]), given(Tensor::from([[5i64]]))]).args(json!({"dim": 1})), &["5", "3"])
            .refuses(sample([real(&[2]), real(&[2])]).args(json!({"dim": 0})), &["int64", "float32"]),
        Row::new(
            "scatter_add",
            |x, a| x[0].try_scatter_add(a.dim("dim"), &x[1], &x[2]),
            |x, a| x[0].scatter_add(a.dim("dim"), &x[1], &x[2]),
        )
        .takes(ALL_DTYPES)
        .samples([
            sample([real(&[3, 2]), given(Tensor::from([[0i64, 0], [2, 0]])), real(&[2, 2])]).args(json!({"dim": 0})),
            sample([real(&[2, 3]), table(), real(&[2, 3])]).args(json!({"dim": -1})),
        ])
        .refuses(sample([real(&[2, 3]), one(), real(&[2, 3])]).args(json!({"dim": 0})), &["[2, 3]", "[1, 1]"])
        .refuses(
            sample([real(&[2]), indices([0]), given(Tensor::from([1i64]))]).args(json!({"dim": 0})),
            &["float32", "int64"],
        ),
        Row::new(
            "index_select",
            |x, a| x[0].try_index_select(a.dim("dim"), &x[1]),
            |x, a| x[0].index_select(a.dim("dim"), &x[1]),
        )
        .takes(ALL_DTYPES)
        .samples([
            sample([real(&[3, 2]), indices([2, 0, 2])]).args(json!({"dim": 0})),
            sample([real(&[2, 0]), indices([1, 1])]).args(json!({"dim": 0})),
            sample([real(&[]), indices([0])]).args(json!({"dim": 0})),
        ])
        .refuses(sample([real(&[2, 3]), indices([0, 2])]).args(json!({"dim": 0})), &["2", "position 1"])
        .refuses_dtype(F64, sample([real(&[2]), real(&[2])]).args(json!({"dim": 0})), &["int64", "float64"]),
    ]
}
