//! Fits a line to 15 points with a layer, a loss and an optimizer.
//!
//! `cargo run -p rushlight --example linear_regression [PLOT.png]`

use rushlight::plot::Chart;
use rushlight::prelude::*;

const X: [f32; 15] = [3.3, 4.4, 5.5, 6.71, 6.93, 4.168, 9.779, 6.182, 7.59, 2.167, 7.042, 10.791, 5.313, 7.997, 3.1];
const Y: [f32; 15] = [1.7, 2.76, 2.09, 3.19, 1.694, 1.573, 3.366, 2.596, 2.53, 1.221, 2.827, 3.465, 1.65, 2.904, 1.3];

fn main() -> Result<()> {
    manual_seed(0);
    let (x, y) = (Tensor::from(X).view([-1, 1]), Tensor::from(Y).view([-1, 1]));
    let model = nn::Linear::new(1, 1);
    let criterion = nn::MSELoss::new();
    let mut optimizer = optim::SGD::builder(model.parameters()).lr(0.001).build();

    let epochs = 60;
    for epoch in 1..=epochs {
        let loss = criterion.forward(&model.forward(&x), &y);
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        if epoch % 5 == 0 {
            println!("Epoch [{epoch}/{epochs}], Loss: {:.4}", loss.item());
        }
    }

    let fitted = no_grad(|| model.forward(&x)).to_vec::<f32>();
    let path = std::env::args().nth(1).unwrap_or("linear_regression.png".into());
    Chart::new("Linear regression")
        .x_label("x")
        .y_label("y")
        .scatter("Original data", &X, &Y)
        .line("Fitted line", &X, &fitted)
        .save(&path)?;
    println!("plot: {path}");
    Ok(())
}
