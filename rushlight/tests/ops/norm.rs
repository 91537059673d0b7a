//! Batch normalization, also followed by an activation.

use crate::harness::{ABSENT, Args, Inputs, Row, Sample, positive, real, sample};
use rushlight::nn::Activation;
use rushlight::ops::BatchNormOptions;
use serde_json::{Value, json};

/// Input, running mean, running variance, weight, bias, in PyTorch's order.
fn of(x: &[usize], channels: usize, running: bool, args: Value) -> Sample {
    let statistic = || if running { positive(&[channels]).fixed() } else { ABSENT };
    let affine = || positive(&[channels]);
    sample([positive(x), statistic(), statistic(), affine(), affine()]).args(args)
}

/// A batch's own statistics, and given ones.
fn samples() -> [Sample; 5] {
    let training = || json!({"training": true, "eps": 1e-3});
    let evaluation = || json!({"training": false, "eps": 1e-3});
    let plain = sample([real(&[3, 2, 2]), ABSENT, ABSENT, ABSENT, ABSENT]).args(training());
    [
        of(&[3, 2, 2], 2, false, training()),
        of(&[3, 2, 2, 3], 2, false, training()),
        of(&[3, 2, 2], 2, true, evaluation()),
        of(&[4, 3], 3, true, evaluation()),
        plain,
    ]
}

fn options(x: &Inputs, a: &Args) -> BatchNormOptions {
    let options = BatchNormOptions::new().training(a.flag("training", false));
    let options = options.momentum(a.float("momentum", 0.1)).eps(a.float("eps", 1e-5)).activation(activation(a));
    let options = match x.option(3) {
        Some(weight) => options.weight(weight),
        None => options,
    };
    match x.option(4) {
        Some(bias) => options.bias(bias),
        None => options,
    }
}

fn activation(a: &Args) -> Activation {
    match a.text("activation") {
        Some("relu6") => Activation::Relu6,
        Some("relu") => Activation::Relu,
        _ => Activation::None,
    }
}

pub(crate) fn rows() -> Vec<Row> {
    let followed_by = |activation: &str| {
        samples().map(|mut sample| {
            sample.args.0["activation"] = activation.into();
            sample
        })
    };
    vec![
        Row::new(
            "batch_norm",
            |x, a| x[0].try_batch_norm_with(x.option(1), x.option(2), options(x, a)),
            |x, a| x[0].batch_norm_with(x.option(1), x.option(2), options(x, a)),
        )
        .samples(samples())
        .samples(followed_by("relu"))
        .samples(followed_by("relu6"))
        .coarse(
            "batch_norm/far_from_zero/f32",
            20.0,
            "x * scale + shift cancels far from 0: PyTorch is up to 1.7e-5 from the exact values",
        )
        .refuses(
            sample([real(&[1, 3, 8, 8]), ABSENT, ABSENT, real(&[4])]).args(json!({"training": true})),
            &["[1, 3, 8, 8]", "[4]", "weight"],
        ),
    ]
}
