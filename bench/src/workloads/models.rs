//! Whole networks at full size.

use super::training::{cross_entropy, sgd, training};
use super::{Workload, workload};
use crate::machine::Cost;
use rushlight::nn::Forward;
use rushlight::vision::models::{efficientnet_lite0, resnet18};
use rushlight::{Tensor, no_grad};

/// Multiply-adds per 224 × 224 image.
const RESNET18: f64 = 1.814e9;
/// Multiply-adds per 224 × 224 image.
const EFFICIENTNET_LITE0: f64 = 0.385e9;

fn inference<N: Forward + 'static>(
    name: &'static str,
    title: &'static str,
    madds: f64,
    net: fn(usize) -> N,
    batch: usize,
) -> Workload {
    workload(name, title, Cost { flops: 2.0 * madds * batch as f64, bytes: 0.0 }, move || {
        let net = net(1000);
        net.eval();
        let x = Tensor::rand([batch, 3, 224, 224]);
        move || no_grad(|| net.forward(&x))
    })
}

fn step<N: Forward + 'static>(
    name: &'static str,
    title: &'static str,
    madds: f64,
    net: fn(usize) -> N,
    batch: usize,
) -> Workload {
    let cost = Cost { flops: 6.0 * madds * batch as f64, bytes: 0.0 };
    let made = workload(name, title, cost, move || {
        let net = net(1000);
        let (x, y) = (Tensor::rand([batch, 3, 224, 224]), Tensor::randint(1000, [batch]));
        let optimizer = sgd(&net);
        training(net, optimizer, cross_entropy, x, y)
    });
    Workload { memory: true, ..made }
}

pub(super) fn workloads() -> Vec<Workload> {
    vec![
        inference("resnet18_batch_1", "ResNet-18 inference, batch 1", RESNET18, resnet18, 1),
        inference("resnet18_batch_16", "ResNet-18 inference, batch 16", RESNET18, resnet18, 16),
        step("resnet18_step", "ResNet-18 training step, batch 16", RESNET18, resnet18, 16),
        inference(
            "efficientnet_lite0_batch_1",
            "EfficientNet-Lite0 inference, batch 1",
            EFFICIENTNET_LITE0,
            efficientnet_lite0,
            1,
        ),
        inference(
            "efficientnet_lite0_batch_32",
            "EfficientNet-Lite0 inference, batch 32",
            EFFICIENTNET_LITE0,
            efficientnet_lite0,
            32,
        ),
        step(
            "efficientnet_lite0_step",
            "EfficientNet-Lite0 training step, batch 32",
            EFFICIENTNET_LITE0,
            efficientnet_lite0,
            32,
        ),
    ]
}
