//! ResNet-18 and EfficientNet-Lite0 against PyTorch: keys, outputs in evaluation, losses in training, from the same
//! seed.

use crate::golden;
use rushlight::nn::{CrossEntropyLoss, Forward, Module, StateDict};
use rushlight::optim::{Optimizer, SGD};
use rushlight::vision::models::{efficientnet_lite0, resnet18};
use rushlight::{DType, Tensor, manual_seed, no_grad, set_num_threads};
use serde_json::Value;
fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Two forward passes in training mode update the running statistics, then one runs in evaluation mode.
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
    compare(&output, &golden["output"]);
}

fn compare(output: &Tensor, expected: &Value) {
    let expected = numbers(expected);
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
    let _alone = crate::alone();
    evaluated(resnet18, &golden::load("models")["resnet18"]);
}

#[test]
fn efficientnet_lite0_evaluates_as_pytorch() {
    let _alone = crate::alone();
    evaluated(efficientnet_lite0, &golden::load("models")["efficientnet_lite0"]);
}

/// With pretrained weights, in the format of PyTorch before 1.6. They are not part of the repository: `tests/golden/generate_pretrained.py`
/// says where they are from.
#[test]
fn pretrained_efficientnet_lite0_evaluates_as_pytorch() {
    let _alone = crate::alone();
    let Some(path) = std::env::var_os("RUSHLIGHT_EFFICIENTNET_LITE0") else {
        println!("skipped: RUSHLIGHT_EFFICIENTNET_LITE0 names no file of weights");
        return;
    };
    let net = efficientnet_lite0(1000);
    net.load_state_dict(&StateDict::load(path).unwrap());
    net.eval();
    manual_seed(0);
    let x = Tensor::rand([2, 3, 224, 224]);
    let golden = golden::load("pretrained");
    // Folded, and layer by layer.
    for output in [no_grad(|| net.forward(&x)), net.forward(&x)] {
        compare(&output, &golden["output"]);
    }
}

/// Five steps of training. With larger learning rates, float32 in PyTorch deviates from float64 by more than 1e-3 by
/// then.
fn resnet_losses(lr: f64, dtype: DType) -> Vec<f64> {
    manual_seed(0);
    let net = resnet18(10);
    net.to_dtype(dtype);
    let mut optimizer = SGD::builder(net.parameters()).lr(lr).momentum(0.9).build();
    (0..5)
        .map(|_| {
            let (x, y) = (Tensor::rand([8, 3, 64, 64]).to_dtype(dtype), Tensor::randint(10, [8]));
            let loss = CrossEntropyLoss::new().forward(&net.forward(&x), &y);
            optimizer.zero_grad();
            loss.backward();
            optimizer.step();
            loss.to_dtype(DType::F64).item()
        })
        .collect()
}

#[test]
fn resnet18_trains_as_pytorch() {
    let _alone = crate::alone();
    let golden = &golden::load("models")["resnet18"];
    for (lr, dtype, key, tolerance) in [(3e-4, DType::F32, "losses", 1e-3), (0.01, DType::F64, "losses_f64", 1e-9)] {
        set_num_threads(1);
        let alone = resnet_losses(lr, dtype);
        set_num_threads(2);
        assert_eq!(resnet_losses(lr, dtype), alone, "two threads give other losses than one");
        for (step, (&found, expected)) in alone.iter().zip(numbers(&golden[key])).enumerate() {
            let error = (found - expected).abs() / expected;
            println!("{dtype}, step {step}: {found}, relative difference {error:e}");
            assert!(error < tolerance, "{dtype}, step {step}: loss {found}, PyTorch has {expected}: off by {error:e}");
        }
    }
}
