//! Random tensors, random fills, and dropout.

use crate::harness::{ALL_DTYPES, Args, Row, device, real, sample};
use rushlight::ops::DropoutOptions;
use rushlight::{DType, Tensor, TensorOptions};
use serde_json::json;
use std::ops::Range;

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = made();
    rows.extend(alike());
    rows.extend(fills());
    rows
}

fn options(a: &Args) -> TensorOptions {
    let options = TensorOptions::new();
    a.dtype("dtype").map_or(options.clone(), |dtype| options.dtype(dtype))
}

/// Options of tensors that are not created like another tensor.
fn placed(a: &Args) -> TensorOptions {
    options(a).device(device())
}

fn integers(a: &Args) -> Range<i64> {
    a.int("low", 0)..a.int("high", 1)
}

/// Tensors of a given shape.
fn made() -> Vec<Row> {
    let of = |size: &[usize]| sample([]).args(json!({"size": size, "high": 9}));
    let shapes = || [of(&[2, 3]), of(&[]), of(&[0, 3])];
    let negative = || sample([]).args(json!({"size": [-1], "high": 9}));
    vec![
        Row::new(
            "rand",
            |_, a| Tensor::try_rand_with(a.list("size"), placed(a)),
            |_, a| Tensor::rand_with(a.list("size"), placed(a)),
        )
        .defaults(|_, a| Tensor::try_rand(a.list("size")), |_, a| Tensor::rand(a.list("size")))
        .samples(shapes())
        .refuses(negative(), &["-1"]),
        Row::new(
            "randn",
            |_, a| Tensor::try_randn_with(a.list("size"), placed(a)),
            |_, a| Tensor::randn_with(a.list("size"), placed(a)),
        )
        .defaults(|_, a| Tensor::try_randn(a.list("size")), |_, a| Tensor::randn(a.list("size")))
        .samples(shapes())
        .refuses(negative(), &["-1"]),
        Row::new(
            "randint",
            |_, a| Tensor::try_randint_with(integers(a), a.list("size"), placed(a)),
            |_, a| Tensor::randint_with(integers(a), a.list("size"), placed(a)),
        )
        .defaults(
            |_, a| Tensor::try_randint(integers(a), a.list("size")),
            |_, a| Tensor::randint(integers(a), a.list("size")),
        )
        .samples(shapes())
        .refuses(negative(), &["-1"])
        .refuses(sample([]).args(json!({"size": [2], "low": 3, "high": 3})), &["3"]),
        Row::new(
            "randperm",
            |_, a| Tensor::try_randperm_with(a.size("n", 5), placed(a)),
            |_, a| Tensor::randperm_with(a.size("n", 5), placed(a)),
        )
        .defaults(|_, a| Tensor::try_randperm(a.size("n", 5)), |_, a| Tensor::randperm(a.size("n", 5)))
        .samples([sample([]).args(json!({"n": 7})), sample([]).args(json!({"n": 0}))]),
    ]
    .into_iter()
    .map(|row| row.random().constant())
    .collect()
}

/// Tensors of the shape and dtype of another one.
fn alike() -> Vec<Row> {
    vec![
        Row::new("rand_like", |x, a| x[0].try_rand_like_with(options(a)), |x, a| x[0].rand_like_with(options(a)))
            .says("uniform_")
            .defaults(|x, _| x[0].try_rand_like(), |x, _| x[0].rand_like()),
        Row::new("randn_like", |x, a| x[0].try_randn_like_with(options(a)), |x, a| x[0].randn_like_with(options(a)))
            .says("normal_")
            .defaults(|x, _| x[0].try_randn_like(), |x, _| x[0].randn_like()),
        Row::new(
            "randint_like",
            |x, a| x[0].try_randint_like_with(integers(a), options(a)),
            |x, a| x[0].randint_like_with(integers(a), options(a)),
        )
        .defaults(|x, a| x[0].try_randint_like(integers(a)), |x, a| x[0].randint_like(integers(a)))
        .takes(ALL_DTYPES)
        .refuses(sample([real(&[2])]).args(json!({"low": 3, "high": 3})), &["3"]),
    ]
    .into_iter()
    .map(|row| row.random().constant().elementwise(-2.0, 2.0))
    .collect()
}

fn dropout(a: &Args) -> DropoutOptions {
    DropoutOptions::new().p(a.float("p", 0.5)).training(a.flag("training", true))
}

fn fills() -> Vec<Row> {
    vec![
        Row::only_in_place(
            "uniform_",
            |x, a| x[0].try_uniform_(a.float("from", 0.0)..a.float("to", 1.0)),
            |x, a| x[0].uniform_(a.float("from", 0.0)..a.float("to", 1.0)),
        )
        .refuses(sample([real(&[2])]).args(json!({"from": 1.0, "to": 0.0})), &["1", "0"])
        .refuses_dtype(DType::I64, sample([real(&[2])]), &["int64"]),
        Row::only_in_place(
            "normal_",
            |x, a| x[0].try_normal_(a.float("mean", 0.0), a.float("std", 1.0)),
            |x, a| x[0].normal_(a.float("mean", 0.0), a.float("std", 1.0)),
        )
        .refuses(sample([real(&[2])]).args(json!({"std": -1.0})), &["-1"]),
        Row::only_in_place(
            "random_",
            |x, a| x[0].try_random_(a.int("from", 0)..a.int("to", 2)),
            |x, a| x[0].random_(a.int("from", 0)..a.int("to", 2)),
        )
        .takes(ALL_DTYPES)
        .refuses(sample([real(&[2])]).args(json!({"from": 3, "to": 3})), &["3"]),
        Row::only_in_place(
            "bernoulli_",
            |x, a| x[0].try_bernoulli_(a.float("p", 0.5)),
            |x, a| x[0].bernoulli_(a.float("p", 0.5)),
        )
        .takes(ALL_DTYPES)
        .refuses(sample([real(&[2])]).args(json!({"p": 1.5})), &["1.5"]),
        Row::new("dropout", |x, a| x[0].try_dropout_with(dropout(a)), |x, a| x[0].dropout_with(dropout(a)))
            .defaults(|x, _| x[0].try_dropout(), |x, _| x[0].dropout())
            .samples([
                sample([real(&[2, 3])]).args(json!({"p": 0.4})),
                sample([real(&[2, 3])]).args(json!({"training": false})),
            ])
            .refuses(sample([real(&[2])]).args(json!({"p": 2.0})), &["2"]),
    ]
    .into_iter()
    .map(|row| row.random().elementwise(-2.0, 2.0))
    .collect()
}
