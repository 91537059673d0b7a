//! A LeNet trained from the same seed on the same batches has PyTorch's loss at every step, for any number of threads.

use crate::golden;
use rushlight::nn::{self, Forward, Module};
use rushlight::optim::{Adam, Optimizer, SGD};
use rushlight::{Tensor, manual_seed, set_num_threads};
use serde_json::Value;

const STEPS: usize = 50;
const BATCH: usize = 32;

fn lenet() -> nn::Sequential {
    nn::seq![
        nn::Conv2d::builder(1, 6, 5).padding(2).build(),
        nn::ReLU::new(),
        nn::MaxPool2d::new(2),
        nn::Conv2d::new(6, 16, 5),
        nn::ReLU::new(),
        nn::MaxPool2d::new(2),
        nn::Flatten::new(),
        nn::Linear::new(400, 120),
        nn::ReLU::new(),
        nn::Linear::new(120, 84),
        nn::ReLU::new(),
        nn::Linear::new(84, 10)
    ]
}

/// As in `golden/generate_lenet.py`: noise in which a pair of rows, brightened by 0.5, determines the class.
fn batch() -> (Tensor, Tensor) {
    let x = Tensor::rand([BATCH, 1, 28, 28]);
    let y = Tensor::randint(10, [BATCH]);
    for (i, label) in y.to_vec::<i64>().into_iter().enumerate() {
        x.select(0, i as isize).narrow(1, 2 * label as isize + 4, 2).add_(0.5);
    }
    (x, y)
}

fn losses<O: Optimizer>(optimizer: impl Fn(&nn::Sequential) -> O) -> (Vec<f32>, nn::Sequential) {
    manual_seed(0);
    let net = lenet();
    let mut optimizer = optimizer(&net);
    let criterion = nn::CrossEntropyLoss::new();
    let losses = (0..STEPS)
        .map(|_| {
            let (x, y) = batch();
            let loss = criterion.forward(&net.forward(&x), &y);
            optimizer.zero_grad();
            loss.backward();
            optimizer.step();
            loss.item_as()
        })
        .collect();
    (losses, net)
}

fn compare<O: Optimizer>(run: &Value, optimizer: impl Fn(&nn::Sequential) -> O) {
    set_num_threads(1);
    let (alone, net) = losses(&optimizer);
    for threads in [2, 3] {
        set_num_threads(threads);
        assert_eq!(losses(&optimizer).0, alone, "{threads} threads give other losses than one");
    }
    let expected: Vec<f64> = run["losses"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    assert_eq!(expected.len(), STEPS);
    for (step, (&found, &expected)) in alone.iter().zip(&expected).enumerate() {
        let error = (f64::from(found) - expected).abs() / expected;
        assert!(error < 1e-4, "step {step}: loss {found}, PyTorch has {expected}: relative difference {error:e}");
    }
    for (key, tensor) in net.state_dict().iter() {
        let sum: f64 = tensor.to_dtype(rushlight::DType::F64).sum().item();
        let expected = run["final_weight_sums"][key].as_f64().unwrap();
        assert!((sum - expected).abs() < 1e-3 * expected.abs().max(1.0), "{key}: sum {sum}, PyTorch has {expected}");
    }
}

/// The runs of the fixture: SGD, then Adam.
fn run(i: usize) -> Value {
    golden::load("lenet")["runs"][i].clone()
}

#[test]
fn fifty_steps_of_sgd() {
    let _alone = crate::alone();
    compare(&run(0), |net| SGD::builder(net.parameters()).lr(0.05).momentum(0.9).build());
}

#[test]
fn fifty_steps_of_adam() {
    let _alone = crate::alone();
    compare(&run(1), |net| Adam::builder(net.parameters()).lr(0.002).build());
}
