//! Batch normalization, also with an activation after it.

use crate::harness::{ABSENT, Args, Inputs, Row, Sample, positive, real, sample};
use rushlight::Tensor;
use rushlight::nn::Activation;
use serde_json::{Value, json};

/// Input, running mean, running variance, weight, bias, as PyTorch has them.
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

fn running(x: &Inputs) -> Option<(&Tensor, &Tensor)> {
    x.option(1).zip(x.option(2))
}

fn numbers(a: &Args) -> (bool, f64, f64) {
    (a.flag("training", false), a.float("momentum", 0.1), a.float("eps", 1e-5))
}

fn activation(a: &Args) -> Activation {
    match a.text("activation") {
        Some("relu6") => Activation::Relu6,
        Some("relu") => Activation::Relu,
        _ => Activation::None,
    }
}

pub fn rows() -> Vec<Row> {
    let fused = |name: &str| {
        samples().map(|mut sample| {
            sample.args.0["activation"] = name.into();
            sample
        })
    };
    vec![
        Row::new(
            "batch_norm",
            |x, a| {
                let (training, momentum, eps) = numbers(a);
                x[0].try_batch_norm(running(x), x.option(3), x.option(4), training, momentum, eps)
            },
            |x, a| {
                let (training, momentum, eps) = numbers(a);
                x[0].batch_norm(running(x), x.option(3), x.option(4), training, momentum, eps)
            },
        )
        .samples(samples())
        .coarse(
            "batch_norm/far_from_zero/f32",
            20.0,
            "x * scale + shift cancels far from 0: PyTorch is up to 1.7e-5 from the exact values",
        )
        .refuses(
            sample([real(&[1, 3, 8, 8]), ABSENT, ABSENT, real(&[4])]).args(json!({"training": true})),
            &["[1, 3, 8, 8]", "[4]", "weight"],
        ),
        Row::new(
            "batch_norm_fused",
            |x, a| {
                let (training, momentum, eps) = numbers(a);
                let affine = (x.option(3), x.option(4));
                x[0].try_batch_norm_fused(activation(a), running(x), affine.0, affine.1, training, momentum, eps)
            },
            |x, a| {
                let (training, momentum, eps) = numbers(a);
                let affine = (x.option(3), x.option(4));
                x[0].batch_norm_fused(activation(a), running(x), affine.0, affine.1, training, momentum, eps)
            },
        )
        .says("batch_norm")
        .samples(fused("relu"))
        .samples(fused("relu6"))
        .refuses(
            sample([real(&[1, 3, 8, 8]), ABSENT, ABSENT, real(&[4])]).args(json!({"training": true})),
            &["[1, 3, 8, 8]", "[4]", "weight"],
        ),
    ]
}
