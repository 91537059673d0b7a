//! The loop of every training: for each batch clear the gradients, compute output and loss, compute the gradients, step.
//!
//! `cargo run -p rushlight --example training_loop`

use rushlight::prelude::*;

fn main() {
    manual_seed(0);
    let x = Tensor::randn([100, 3]);
    let y = (&x * &tensor!([1.0, -2.0, 0.5])).sum_dim(keepdim(1)) + 0.1 * Tensor::randn([100, 1]);
    let dataset = DataLoader::builder(TensorDataset::new((x, y))).batch_size(20).shuffle(true).build();

    let model = nn::Linear::new(3, 1);
    let criterion = nn::MSELoss::new();
    let mut optimizer = optim::SGD::builder(model.parameters()).lr(0.01).build();
    for epoch in 1..=20 {
        let mut sum = 0.0;
        for (input, target) in &dataset {
            optimizer.zero_grad();
            let output = model.forward(&input);
            let loss = criterion.forward(&output, &target);
            loss.backward();
            optimizer.step();
            sum += loss.item();
        }
        println!("Epoch [{epoch}/20], Loss: {:.4}", sum / dataset.len() as f64);
    }
    println!("{}", model.weight);
}
