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

    let y = Tensor::from([[1.0f32, 2.0, -1.0, -1.0]]);
    println!("y\n{y}\n");
    println!("relu(y)\n{}\n", y.relu());
    println!("nn.ReLU()(y)\n{}", nn::ReLU::new().forward(&y));
}

fn bias(layer: &nn::Linear) -> &nn::Parameter {
    layer.bias.as_ref().expect("a layer has a bias unless it is built without")
}
