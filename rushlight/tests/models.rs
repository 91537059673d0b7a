//! ResNet-18 and EfficientNet-Lite0 against PyTorch: keys, outputs in evaluation, losses in training, from the same seed.

mod golden;

use rushlight::nn::{CrossEntropyLoss, Forward, Module};
use rushlight::optim::{Optimizer, SGD};
use rushlight::vision::models::{EfficientNetLite0, ResNet18};
use rushlight::{Tensor, manual_seed, no_grad, set_num_threads};
use serde_json::Value;
use std::sync::{Mutex, PoisonError};

/// Tests share the default generator and the number of threads.
static ALONE: Mutex<()> = Mutex::new(());

fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Two forward passes in training move the running statistics, then one in evaluation.
fn evaluated<N: Forward>(make: fn(usize) -> N, golden: &Value) {
    manual_seed(0);
    let net = make(10);
    let keys: Vec<String> = net.state_dict().keys().map(str::to_string).collect();
    let expected: Vec<&str> = golden["keys"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
    assert_eq!(keys, expected);
    let output = no_grad(|| {
        for _ in 0..2 {
            net.forward(&Tensor::rand([4, 3, 64, 64]));
        }
        net.eval();
        net.forward(&Tensor::rand([2, 3, 64, 64]))
    });
    let expected = numbers(&golden["output"]);
    let scale = expected.iter().fold(0f64, |scale, v| scale.max(v.abs()));
    for (i, (found, expected)) in output.to_vec::<f32>().into_iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs() / scale;
        assert!(
            error < 1e-4,
            "output {i}: {found}, PyTorch has {expected}: difference of {error:e} of the scale {scale}"
        );
    }
}

#[test]
fn resnet18_evaluates_as_pytorch() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    evaluated(ResNet18::new, &golden::load("models")["resnet18"]);
}

#[test]
fn efficientnet_lite0_evaluates_as_pytorch() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    evaluated(EfficientNetLite0::new, &golden::load("models")["efficientnet_lite0"]);
}

fn resnet_losses() -> Vec<f32> {
    manual_seed(0);
    let net = ResNet18::new(10);
    let mut optimizer = SGD::builder(net.parameters()).lr(0.001).momentum(0.9).build();
    (0..5)
        .map(|_| {
            let (x, y) = (Tensor::rand([8, 3, 64, 64]), Tensor::randint(0, 10, [8]));
            let loss = CrossEntropyLoss::new().forward(&net.forward(&x), &y);
            optimizer.zero_grad();
            loss.backward();
            optimizer.step();
            loss.item()
        })
        .collect()
}

#[test]
fn resnet18_trains_as_pytorch() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let expected = numbers(&golden::load("models")["resnet18"]["losses"]);
    set_num_threads(1);
    let alone = resnet_losses();
    set_num_threads(2);
    assert_eq!(resnet_losses(), alone, "two threads give other losses than one");
    for (step, (&found, expected)) in alone.iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs() / expected;
        assert!(error < 1e-3, "step {step}: loss {found}, PyTorch has {expected}: relative difference {error:e}");
    }
}
