//! The last layer follows from the question: one linear output for a number, Sigmoid for yes or no, Softmax for one of several classes.
//!
//! `cargo run -p rushlight --example heads`

use rushlight::prelude::*;

const CLOTHES: [&str; 4] = ["T-shirt", "jeans", "shirt", "dress"];

/// Clothes with noise: length, width, length of the sleeves and of the legs, in meters, and the position of the kind in [`CLOTHES`].
fn clothes(count: usize) -> (Tensor, Tensor) {
    let typical = tensor!([[0.7, 0.5, 0.2, 0.0], [1.0, 0.4, 0.0, 0.8], [0.75, 0.5, 0.6, 0.0], [1.2, 0.5, 0.3, 0.0]]);
    let kinds = Tensor::randint(4, [count]);
    (typical.index_select(0, &kinds) + 0.05 * Tensor::randn([count, 4]), kinds)
}

/// 100 steps of gradient descent on all samples.
fn train(net: &dyn Forward, lr: f64, x: &Tensor, loss_of: impl Fn(&Tensor) -> Tensor) {
    let mut optimizer = optim::SGD::builder(net.parameters()).lr(lr).momentum(0.9).build();
    for step in 1..=100 {
        let loss = loss_of(&net.forward(x));
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        if step % 20 == 0 {
            println!("step {step}, loss: {:.4}", loss.item());
        }
    }
}

/// Regression: the price of a T-shirt, by the shares of cotton and of print and the fame of the brand.
fn price_of_a_t_shirt() {
    println!("Regression: the price of a T-shirt");
    let x = Tensor::rand([64, 3]);
    let price = 5 + x.matmul(&tensor!([[4.0], [6.0], [10.0]])) + 0.2 * Tensor::randn([64, 1]);
    let net = nn::seq![nn::Linear::new(3, 8), nn::ReLU::new(), nn::Linear::new(8, 1)];
    let criterion = nn::MSELoss::new();
    train(&net, 0.01, &x, |output| criterion.forward(output, &price));

    let predicted = no_grad(|| net.forward(&x.slice(0, ..3))).to_vec::<f32>();
    for (price, predicted) in price.to_vec::<f32>().into_iter().zip(predicted) {
        println!("price {price:.2}, predicted {predicted:.2}");
    }
}

/// Two classes: a T-shirt or not. The network ends in Sigmoid, and its output is the probability of a T-shirt.
fn t_shirt_or_not() {
    println!("Sigmoid: a T-shirt or not");
    let (x, kinds) = clothes(64);
    let target = kinds.eq(0).to_dtype(DType::F32).view([-1, 1]);
    let net = nn::seq![nn::Linear::new(4, 8), nn::ReLU::new(), nn::Linear::new(8, 1), nn::Sigmoid::new()];
    let criterion = nn::BCELoss::new();
    train(&net, 0.5, &x, |output| criterion.forward(output, &target));

    let probability = no_grad(|| net.forward(&x)).view([-1]).to_vec::<f32>();
    for (kind, probability) in kinds.to_vec::<i64>().into_iter().zip(probability).take(5) {
        println!("{}: a T-shirt with probability {probability:.4}", CLOTHES[kind as usize]);
    }
}

/// Four classes. The loss takes logits, because log-softmax is part of it; Softmax converts logits to probabilities.
fn one_of_four_kinds() {
    println!("Softmax: a T-shirt, jeans, a shirt or a dress");
    let (x, kinds) = clothes(64);
    let net = nn::seq![nn::Linear::new(4, 8), nn::ReLU::new(), nn::Linear::new(8, 4)];
    let criterion = nn::CrossEntropyLoss::new();
    train(&net, 0.5, &x, |output| criterion.forward(output, &kinds));

    let probabilities = no_grad(|| nn::Softmax::new(1).forward(&net.forward(&x)));
    let best = probabilities.argmax_dim(1);
    println!("correct: {} of {}", best.eq(&kinds).sum().item(), kinds.numel());
    for i in 0..5 {
        let row = probabilities.select(0, i);
        let each: Vec<String> = row.to_vec::<f32>().iter().map(|p| format!("{p:.4}")).collect();
        let [kind, best] = [&kinds, &best].map(|of| CLOTHES[of.select(0, i).item() as usize]);
        println!("{kind}: {best} of [{}], sum {:.4}", each.join(", "), row.sum().item());
    }
}

fn main() {
    manual_seed(0);
    price_of_a_t_shirt();
    t_shirt_or_not();
    one_of_four_kinds();
}
