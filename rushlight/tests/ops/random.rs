//! Random fills and dropout.

use crate::harness::{ALL_DTYPES, Row, real, sample};
use serde_json::json;

pub fn rows() -> Vec<Row> {
    vec![
        Row::only_in_place(
            "uniform_",
            |x, a| x[0].try_uniform_(a.float("from", 0.0), a.float("to", 1.0)),
            |x, a| x[0].uniform_(a.float("from", 0.0), a.float("to", 1.0)),
        )
        .random()
        .elementwise(-2.0, 2.0)
        .refuses(sample([real(&[2])]).args(json!({"from": 1.0, "to": 0.0})), &["1", "0"]),
        Row::only_in_place(
            "normal_",
            |x, a| x[0].try_normal_(a.float("mean", 0.0), a.float("std", 1.0)),
            |x, a| x[0].normal_(a.float("mean", 0.0), a.float("std", 1.0)),
        )
        .random()
        .elementwise(-2.0, 2.0)
        .refuses(sample([real(&[2])]).args(json!({"std": -1.0})), &["-1"]),
        Row::only_in_place(
            "random_",
            |x, a| x[0].try_random_(a.int("from", 0), a.int("to", 2)),
            |x, a| x[0].random_(a.int("from", 0), a.int("to", 2)),
        )
        .random()
        .takes(ALL_DTYPES)
        .elementwise(-2.0, 2.0)
        .refuses(sample([real(&[2])]).args(json!({"from": 3, "to": 3})), &["3"]),
        Row::only_in_place(
            "bernoulli_",
            |x, a| x[0].try_bernoulli_(a.float("p", 0.5)),
            |x, a| x[0].bernoulli_(a.float("p", 0.5)),
        )
        .random()
        .takes(ALL_DTYPES)
        .elementwise(-2.0, 2.0)
        .refuses(sample([real(&[2])]).args(json!({"p": 1.5})), &["1.5"]),
        Row::new(
            "dropout",
            |x, a| x[0].try_dropout(a.float("p", 0.5), a.flag("training", true)),
            |x, a| x[0].dropout(a.float("p", 0.5), a.flag("training", true)),
        )
        .random()
        .elementwise(-2.0, 2.0)
        .with_args(json!({"p": 0.4}))
        .samples([sample([real(&[2, 3])]).args(json!({"training": false}))])
        .refuses(sample([real(&[2])]).args(json!({"p": 2.0})), &["2"]),
    ]
}
