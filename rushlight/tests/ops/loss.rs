//! Distance losses, and likelihoods of classes.

use crate::harness::{ABSENT, Args, Inputs, Row, Sample, Spec, between, given, positive, real, sample};
use rushlight::Tensor;
use rushlight::ops::{
    BinaryCrossEntropyOptions, BinaryCrossEntropyWithLogitsOptions, CrossEntropyOptions, NllLossOptions,
};
use serde_json::json;

fn probability(shape: &[usize]) -> Spec {
    between(0.1, 0.9, shape)
}

/// One sample per reduction.
fn reduced(of: impl Fn() -> Sample) -> Vec<Sample> {
    ["none", "mean", "sum"].map(|reduction| of().args(json!({"reduction": reduction}))).into()
}

/// The options, with an optional tensor set.
fn with<O>(options: O, tensor: Option<&Tensor>, set: impl FnOnce(O, &Tensor) -> O) -> O {
    match tensor {
        Some(tensor) => set(options, tensor),
        None => options,
    }
}

fn binary(x: &Inputs, a: &Args) -> BinaryCrossEntropyOptions {
    let options = BinaryCrossEntropyOptions::new().reduction(a.reduction());
    with(options, x.option(2), |options, weight| options.weight(weight))
}

fn logits(x: &Inputs, a: &Args) -> BinaryCrossEntropyWithLogitsOptions {
    let options = BinaryCrossEntropyWithLogitsOptions::new().reduction(a.reduction());
    let weighted = with(options, x.option(2), |options, weight| options.weight(weight));
    with(weighted, x.option(3), |options, weight| options.pos_weight(weight))
}

fn likelihood(x: &Inputs, a: &Args) -> NllLossOptions {
    let options = NllLossOptions::new().reduction(a.reduction()).ignore_index(a.int("ignore_index", -100));
    with(options, x.option(2), |options, weight| options.weight(weight))
}

fn entropy(x: &Inputs, a: &Args) -> CrossEntropyOptions {
    let options = CrossEntropyOptions::new().reduction(a.reduction()).ignore_index(a.int("ignore_index", -100));
    let options = options.label_smoothing(a.float("label_smoothing", 0.0));
    with(options, x.option(2), |options, weight| options.weight(weight))
}

/// Why some 16-bit golden values are equal only up to the roundings of either side.
const ORDER: &str = "16-bit results are rounded after each step: PyTorch multiplies a gradient by 1/n last (that of mse_loss: by 2/n first), \
                     here the gradient of the mean is divided by n first";
const SUMS: &str = "PyTorch rounds partial sums of the losses and of the weights to 16 bits";
const ONE_PASS: &str =
    "PyTorch rounds the log-probabilities, of magnitude up to 4, to 16 bits; here they are not stored";

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = distances();
    rows.extend(classes());
    rows
}

fn distances() -> Vec<Row> {
    vec![
        Row::new(
            "mse_loss",
            |x, a| x[0].try_mse_loss_with(&x[1], a.reduction()),
            |x, a| x[0].mse_loss_with(&x[1], a.reduction()),
        )
        .coarse("mse_loss/half/f16", 5.0, ORDER)
        .coarse("mse_loss/half/bf16", 5.0, ORDER)
        .defaults(|x, _| x[0].try_mse_loss(&x[1]), |x, _| x[0].mse_loss(&x[1]))
        .samples(reduced(|| sample([real(&[4, 3]), real(&[4, 3])])))
        .samples([
            sample([real(&[]), real(&[])]),
            sample([real(&[0, 3]), real(&[3])]).args(json!({"reduction": "sum"})),
        ])
        .kink([2.0, 2.0], 0.0, [0.0, 0.0])
        .inexpressible("error/mse_loss/reduction/f32", "the reduction is an enum, which has no wrong values")
        .refuses(sample([real(&[2, 3]), real(&[4])]), &["[2, 3]", "[4]"]),
        Row::new(
            "l1_loss",
            |x, a| x[0].try_l1_loss_with(&x[1], a.reduction()),
            |x, a| x[0].l1_loss_with(&x[1], a.reduction()),
        )
        .defaults(|x, _| x[0].try_l1_loss(&x[1]), |x, _| x[0].l1_loss(&x[1]))
        .samples(reduced(|| sample([real(&[4, 3]), real(&[4, 3])])))
        .kink([2.0, 2.0], 0.0, [0.0, 0.0])
        .kink([3.0, 1.0], 2.0, [1.0, -1.0])
        .refuses(sample([real(&[2, 3]), real(&[4])]), &["[2, 3]", "[4]"]),
        Row::new(
            "binary_cross_entropy",
            |x, a| x[0].try_binary_cross_entropy_with(&x[1], binary(x, a)),
            |x, a| x[0].binary_cross_entropy_with(&x[1], binary(x, a)),
        )
        .coarse("binary_cross_entropy/half/f16", 6.0, ORDER)
        .coarse("binary_cross_entropy/half/bf16", 6.0, ORDER)
        .samples(reduced(|| sample([probability(&[4, 3]), probability(&[4, 3]), ABSENT])))
        .samples([sample([probability(&[2, 3]), probability(&[2, 3]), positive(&[3]).fixed()])])
        .refuses(sample([real(&[2, 3]), real(&[4])]), &["[2, 3]", "[4]"])
        .refuses(sample([between(1.5, 2.0, &[2]), probability(&[2])]), &["probabilities between 0 and 1"])
        .refuses(sample([probability(&[2]), between(1.5, 2.0, &[2])]), &["targets between 0 and 1"])
        .refuses(sample([probability(&[3]), probability(&[3]), positive(&[2, 3])]), &["weight", "[3]", "[2, 3]"]),
        Row::new(
            "binary_cross_entropy_with_logits",
            |x, a| x[0].try_binary_cross_entropy_with_logits_with(&x[1], logits(x, a)),
            |x, a| x[0].binary_cross_entropy_with_logits_with(&x[1], logits(x, a)),
        )
        .coarse("binary_cross_entropy_with_logits/half/f16", 4.0, ORDER)
        .coarse("binary_cross_entropy_with_logits/half/bf16", 4.0, ORDER)
        .samples(reduced(|| sample([real(&[4, 3]), probability(&[4, 3]), ABSENT, positive(&[3]).fixed()])))
        .samples([sample([positive(&[2, 3]), positive(&[2, 3]), positive(&[3]), positive(&[3])])])
        .refuses(sample([real(&[2, 3]), real(&[4])]), &["[2, 3]", "[4]"])
        .refuses(sample([real(&[3]), real(&[3]), ABSENT, positive(&[2, 3])]), &["pos_weight", "[3]", "[2, 3]"])
        .refuses(sample([real(&[2]), given(Tensor::from([0i64, 1]))]), &["int64"]),
    ]
}

fn classes() -> Vec<Row> {
    let row = || given(Tensor::from([2i64, 0, -100, 1]));
    let images = || given(Tensor::from([[[0i64, 1], [2, 1]], [[1, 1], [0, 2]]]));
    let one_ignored = || given(Tensor::from([[2i64, 0], [1, 1]]));
    let weight = || positive(&[3]).fixed();
    vec![
        Row::new(
            "nll_loss",
            |x, a| x[0].try_nll_loss_with(&x[1], likelihood(x, a)),
            |x, a| x[0].nll_loss_with(&x[1], likelihood(x, a)),
        )
        .coarse("nll_loss/half/f16", 4.0, SUMS)
        .coarse("nll_loss/half/bf16", 4.0, SUMS)
        .samples(reduced(|| sample([real(&[4, 3]), row(), weight()])))
        .samples([sample([real(&[3]), given(Tensor::from(1i64))]), sample([real(&[2, 3, 2, 2]), images()])])
        .refuses(sample([real(&[2, 3]), given(Tensor::from([0i64]))]), &["[2, 3]", "[1]"])
        .refuses(sample([real(&[2, 3]), given(Tensor::from([0i64, 3]))]), &["3"])
        .refuses(sample([real(&[2, 3]), given(Tensor::from([true, false]))]), &["int64", "bool"]),
        Row::new(
            "cross_entropy",
            |x, a| x[0].try_cross_entropy_with(&x[1], entropy(x, a)),
            |x, a| x[0].cross_entropy_with(&x[1], entropy(x, a)),
        )
        .coarse("cross_entropy/half/f16", 8.0, ONE_PASS)
        .coarse("cross_entropy/half/bf16", 8.0, ONE_PASS)
        .samples(reduced(|| sample([real(&[4, 3]), row()])))
        .samples(["none", "mean", "sum"].map(|reduction| {
            sample([real(&[4, 3]), row(), weight()]).args(json!({"reduction": reduction, "label_smoothing": 0.1}))
        }))
        .samples([
            sample([real(&[2, 3, 2]), one_ignored(), weight()]).args(json!({"reduction": "none", "ignore_index": 1})),
            sample([real(&[2, 3, 2, 2]), images()]),
            sample([real(&[2, 3]), probability(&[2, 3])]).args(json!({"reduction": "sum", "label_smoothing": 0.2})),
        ])
        .refuses(sample([real(&[2, 3]), given(Tensor::from([0i64, 1, 2]))]), &["[2, 3]", "[3]"])
        .refuses(sample([real(&[2, 3]), given(Tensor::from([0i64, 3]))]), &["3", "position 1"])
        .refuses(sample([real(&[2, 3]), given(Tensor::from([-1i64, 0]))]), &["-1"])
        .refuses(
            sample([real(&[2, 3]), probability(&[2, 3])]).args(json!({"ignore_index": 1})),
            &["class indices", "ignore_index 1", "probabilities"],
        )
        .refuses(sample([real(&[2, 3]), probability(&[2, 3]), positive(&[1, 3])]), &["[3]", "[1, 3]"])
        .refuses(
            sample([real(&[1, 2]), given(Tensor::from([0i64])), given(Tensor::ones([2]).requires_grad_(true))]),
            &["does not require a gradient"],
        ),
    ]
}
