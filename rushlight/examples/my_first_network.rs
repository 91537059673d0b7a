//! A network as a module: layers are fields, and `forward` passes the input through them.
//!
//! `cargo run -p rushlight --example my_first_network`

use rushlight::prelude::*;

#[derive(Module)]
struct MyFirstNetwork {
    layer1: nn::Linear,
    layer2: nn::Linear,
}

impl MyFirstNetwork {
    fn new(input_size: usize, hidden_size: usize, output_size: usize) -> MyFirstNetwork {
        MyFirstNetwork {
            layer1: nn::Linear::new(input_size, hidden_size),
            layer2: nn::Linear::new(hidden_size, output_size),
        }
    }
}

impl Forward for MyFirstNetwork {
    fn forward(&self, input: &Tensor) -> Tensor {
        let out = self.layer1.forward(input).relu();
        self.layer2.forward(&out)
    }
}

fn main() {
    manual_seed(0);
    let net = MyFirstNetwork::new(10, 5, 2);
    println!("{net}");
    for (name, parameter) in net.named_parameters() {
        println!("{name}: {:?}", parameter.shape());
    }
    println!("{} parameters", net.num_parameters());

    let input = Tensor::randn([3, 10]);
    println!("{}", net.forward(&input));
}
