//! Layers, what they compute and what they hold.
//!
//! `cargo run -p rushlight --example layers_and_activations`

use rushlight::nn::Forward;
use rushlight::{Tensor, manual_seed, nn};

fn main() {
    manual_seed(0);

    let x = Tensor::randn([1, 10]);
    let layer = nn::Linear::new(10, 5);
    println!("x\n{x}\n");
    println!("layer\n{layer}\n");
    println!("layer.weight\n{}\n", layer.weight);
    println!("layer.bias\n{}\n", bias(&layer));
    println!("layer(x)\n{}\n", layer.forward(&x));

    let layer1 = nn::Linear::new(10, 5);
    let layer2 = nn::Linear::new(5, 2);
    println!("layer1\n{layer1}\n");
    println!("layer2\n{layer2}\n");
    println!("layer2(layer1(x))\n{}\n", layer2.forward(&layer1.forward(&x)));
    println!("layer2.weight\n{}\n", layer2.weight);
    println!("layer2.bias\n{}\n", bias(&layer2));

    // Without an activation in between, two linear layers are one: W2 (W1 x + b1) + b2 = (W2 W1) x + (W2 b1 + b2).
    let weight = layer2.weight.get().matmul(&layer1.weight.get());
    let shift = layer2.weight.get().matmul(&bias(&layer1).get()) + bias(&layer2);
    println!("one layer instead of two\n{}\n", x.linear(&weight, &shift));

    let y = Tensor::from([[1.0f32, 2.0, -1.0, -1.0]]);
    println!("y\n{y}\n");
    println!("relu(y)\n{}\n", y.relu());
    println!("nn.ReLU()(y)\n{}\n", nn::ReLU::new().forward(&y));
    println!("nn.ReLU()(y).size()\n{:?}", nn::ReLU::new().forward(&y).shape());
}

fn bias(layer: &nn::Linear) -> &nn::Parameter {
    layer.bias.as_ref().expect("a layer has a bias unless it is built without")
}
