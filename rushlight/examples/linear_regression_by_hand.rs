//! Fits a line to 17 points with nothing but tensors, gradients and a manual update.
//!
//! `cargo run -p rushlight --example linear_regression_by_hand [PLOT.png]`

use rushlight::plot::Chart;
use rushlight::{Result, Tensor, manual_seed, no_grad};

const X: [f32; 17] =
    [3.3, 4.4, 5.5, 6.71, 6.93, 4.168, 9.779, 6.182, 7.59, 2.167, 7.042, 10.791, 5.313, 7.997, 5.654, 9.27, 3.1];
const Y: [f32; 17] =
    [1.7, 2.76, 2.09, 3.19, 1.694, 1.573, 3.366, 2.596, 2.53, 1.221, 2.827, 3.465, 1.65, 2.904, 2.42, 2.94, 1.3];

fn main() -> Result<()> {
    manual_seed(0);
    let (x, y) = (Tensor::from(X).view([-1, 1]), Tensor::from(Y).view([-1, 1]));
    let w = Tensor::randn([1]).requires_grad_(true);
    let b = Tensor::zeros([1]).requires_grad_(true);
    let predict = |x: &Tensor| x.matmul(&w.view([1, 1])) + &b;

    let (epochs, learning_rate) = (100, 0.005);
    for epoch in 1..=epochs {
        let loss = (predict(&x) - &y).pow(2).mean();
        loss.backward();
        no_grad(|| {
            for parameter in [&w, &b] {
                let gradient = parameter.grad().expect("backward has set it");
                parameter.sub_(&(gradient * learning_rate));
                parameter.zero_grad();
            }
        });
        if epoch % 10 == 0 {
            println!("Epoch [{epoch}/{epochs}], Loss: {:.4}", loss.item());
        }
    }
    println!("w = {:.4}, b = {:.4}", w.item_as::<f32>(), b.item_as::<f32>());

    let fitted = no_grad(|| predict(&x)).to_vec::<f32>();
    let path = std::env::args().nth(1).unwrap_or("linear_regression_by_hand.png".into());
    Chart::new("Linear regression by hand")
        .x_label("x")
        .y_label("y")
        .scatter("Original data", &X, &Y)
        .line("Fitted line", &X, &fitted)
        .save(&path)?;
    println!("plot: {path}");
    Ok(())
}
