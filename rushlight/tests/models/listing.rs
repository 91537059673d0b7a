//! The chapter's first listing with a layer, a loss and an optimizer, line by line against PyTorch 2.15.

use rushlight::Tensor;
use rushlight::nn::{Forward, Linear, Module};
use rushlight::optim::{Optimizer, SGD};

#[test]
fn linear_regression_prints_pytorchs_losses() {
    let _alone = crate::alone();
    let x = [3.3f32, 4.4, 5.5, 6.71, 6.93, 4.168, 9.779, 6.182, 7.59, 2.167, 7.042, 10.791, 5.313, 7.997, 3.1];
    let y = [1.7f32, 2.76, 2.09, 3.19, 1.694, 1.573, 3.366, 2.596, 2.53, 1.221, 2.827, 3.465, 1.65, 2.904, 1.3];
    let (x, y) = (Tensor::from_slice(&x, [15, 1]), Tensor::from_slice(&y, [15, 1]));
    rushlight::manual_seed(0);
    let model = Linear::new(1, 1);
    let mut optimizer = SGD::builder(model.parameters()).lr(0.001).build();
    let mut losses = Vec::new();
    for epoch in 1..=60 {
        let loss = model.forward(&x).mse_loss(&y);
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        if epoch % 5 == 0 {
            losses.push(format!("{:.4}", loss.item_as::<f32>()));
        }
    }
    let pytorch = [
        "1.9949", "0.9109", "0.4717", "0.2938", "0.2217", "0.1925", "0.1807", "0.1759", "0.1739", "0.1731", "0.1728",
        "0.1726",
    ];
    assert_eq!(losses, pytorch);
}
