//! Training steps of small networks.

use super::{Workload, workload};
use crate::machine::Cost;
use rushlight::Tensor;
use rushlight::nn::{self, Forward, Module};
use rushlight::optim::{Adam, Optimizer, SGD};

/// A training step as on the other side: forward, `zero_grad`, backward, step.
pub(super) fn training(
    net: impl Forward + 'static,
    mut optimizer: impl Optimizer + 'static,
    criterion: impl Fn(&Tensor, &Tensor) -> Tensor,
    x: Tensor,
    y: Tensor,
) -> impl FnMut() -> Tensor {
    move || {
        let loss = criterion(&net.forward(&x), &y);
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        loss
    }
}

pub(super) fn cross_entropy(logits: &Tensor, target: &Tensor) -> Tensor {
    nn::CrossEntropyLoss::new().forward(logits, target)
}

pub(super) fn sgd(net: &impl Module) -> SGD {
    SGD::builder(net.parameters()).lr(0.01).momentum(0.9).build()
}

/// Two 3 × 3 convolutions (32 and 64 channels), one pooling, two linear layers: PyTorch's MNIST example without dropout.
fn lenet_like() -> nn::Sequential {
    nn::seq![
        nn::Conv2d::new(1, 32, 3),
        nn::ReLU::new(),
        nn::Conv2d::new(32, 64, 3),
        nn::ReLU::new(),
        nn::MaxPool2d::new(2),
        nn::Flatten::new(),
        nn::Linear::new(9216, 128),
        nn::ReLU::new(),
        nn::Linear::new(128, 10)
    ]
}

fn lenet5() -> nn::Sequential {
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

pub(super) fn workloads() -> Vec<Workload> {
    let steps = |madds: f64| Cost { flops: 6.0 * madds, bytes: 0.0 };
    vec![
        workload("linear_regression_step", "Linear(1, 1) + MSE + SGD step", steps(0.0), || {
            let net = nn::Linear::new(1, 1);
            let x = Tensor::rand([15, 1]);
            let optimizer = SGD::builder(net.parameters()).lr(0.001).build();
            let y = &x * 2;
            training(net, optimizer, |a, b| nn::MSELoss::new().forward(a, b), x, y)
        }),
        workload("mlp_step", "MLP 784-256-10, batch 64, Adam step", steps(64.0 * (784.0 * 256.0 + 2560.0)), || {
            let net = nn::seq![nn::Linear::new(784, 256), nn::ReLU::new(), nn::Linear::new(256, 10)];
            let (x, y) = (Tensor::rand([64, 784]), Tensor::randint(10, [64]));
            let optimizer = Adam::builder(net.parameters()).lr(1e-3).build();
            training(net, optimizer, cross_entropy, x, y)
        }),
        workload("lenet_step", "LeNet-like CNN (1-32-64), batch 64, step", steps(64.0 * 12_019_968.0), || {
            let net = lenet_like();
            let (x, y) = (Tensor::rand([64, 1, 28, 28]), Tensor::randint(10, [64]));
            let optimizer = sgd(&net);
            training(net, optimizer, cross_entropy, x, y)
        }),
        workload("lenet5_step", "LeNet-5, batch 32, step", steps(32.0 * 416_520.0), || {
            let net = lenet5();
            let (x, y) = (Tensor::rand([32, 1, 28, 28]), Tensor::randint(10, [32]));
            let optimizer = sgd(&net);
            training(net, optimizer, cross_entropy, x, y)
        }),
    ]
}
