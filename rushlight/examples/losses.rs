//! Losses of regression and of classification, `backward` twice, and several losses in one.
//!
//! `cargo run -p rushlight --example losses`

use rushlight::prelude::*;
use rushlight::{BackwardOptions, TensorOptions};

fn main() {
    manual_seed(0);
    squared_error();
    cross_entropy_of_classes();
    cross_entropy_of_one_sample();
    two_losses_in_one();
}

fn leaf() -> TensorOptions {
    TensorOptions::new().requires_grad(true)
}

fn squared_error() {
    let loss = nn::MSELoss::new();
    let input = Tensor::randn_with([3, 5], leaf());
    let target = Tensor::randn([3, 5]);
    let output = loss.forward(&input, &target);
    output.backward();
    println!("input:\n{input}\ntarget:\n{target}\noutput:\n{output}");
    println!("gradient:\n{}", input.grad().expect("backward has set it"));
}

/// A second `backward` through the same graph needs the saved tensors that the first one frees unless it retains the graph.
fn cross_entropy_of_classes() {
    let loss = nn::CrossEntropyLoss::new();
    let input = Tensor::randn_with([3, 5], leaf());
    let target = Tensor::zeros_with([3], DType::I64).random_(5);
    let output = loss.forward(&input, &target);
    println!("target:\n{target}\noutput:\n{output}");
    output.backward();
    if let Err(error) = output.try_backward() {
        println!("{error}");
    }

    input.zero_grad();
    let output = loss.forward(&input, &target);
    output.backward_with(BackwardOptions::new().retain_graph(true));
    println!("gradient of one backward:\n{}", input.grad().expect("backward has set it").copy());
    output.backward();
    println!("gradient of two:\n{}", input.grad().expect("backward has set it"));
}

/// The negative logarithm of the probability predicted for the true label.
fn cross_entropy(true_label: i64, prediction: f64) -> f64 {
    if true_label == 1 { -prediction.ln() } else { -(1.0 - prediction).ln() }
}

fn cross_entropy_of_one_sample() {
    for (true_label, prediction) in [(1, 0.9), (1, 0.1), (0, 0.9), (0, 0.1)] {
        let by_layer = nn::BCELoss::new().forward(&Tensor::from(prediction), &Tensor::from(true_label as f64));
        let by_hand = cross_entropy(true_label, prediction);
        println!("label {true_label}, prediction {prediction}: {by_hand:.4}, nn.BCELoss: {:.4}", by_layer.item());
    }
}

/// An obstacle on the road: where it is, and whether it is a pedestrian. The optimizer minimizes one scalar.
fn two_losses_in_one() {
    let (features, place) = (Tensor::randn([8, 6]), Tensor::randn([8, 2]));
    let is_pedestrian = Tensor::randint(2, [8, 1]).to_dtype(DType::F32);
    let trunk = nn::Linear::new(6, 4);
    let (where_head, what_head) = (nn::Linear::new(4, 2), nn::Linear::new(4, 1));
    let seen = trunk.forward(&features).relu();
    let where_loss = nn::MSELoss::new().forward(&where_head.forward(&seen), &place);
    let what_loss = nn::BCEWithLogitsLoss::new().forward(&what_head.forward(&seen), &is_pedestrian);
    let loss = &where_loss + 0.5 * &what_loss;
    loss.backward();
    println!("place: {:.4}, pedestrian: {:.4}, together: {:.4}", where_loss.item(), what_loss.item(), loss.item());
    for (name, layer) in [("trunk", trunk), ("where_head", where_head), ("what_head", what_head)] {
        let gradient = layer.weight.grad().expect("backward has set it");
        println!("gradient of {name}: {:.4}", gradient.square().sum().sqrt().item());
    }
}
