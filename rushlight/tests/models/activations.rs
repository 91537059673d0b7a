//! Activations as layers against PyTorch: text, state, output, gradients.

use crate::golden::{assert_close, assert_same, list, load, number, tensor, text};
use rushlight::nn::{self, Forward, Module};
use rushlight::ops::Approximate;
use rushlight::{BackwardOptions, Tensor};

/// The layer that the generator calls `name`.
fn layer(name: &str) -> Box<dyn Forward> {
    match name {
        "PReLU" => Box::new(nn::PReLU::new()),
        "PReLU_options" => Box::new(nn::PReLU::builder().num_parameters(3).init(0.1).build()),
        "RReLU" => Box::new(nn::RReLU::new()),
        "RReLU_options" => Box::new(nn::RReLU::builder().lower(0.1).upper(0.6).build()),
        "RReLU_evaluation" => {
            let layer = nn::RReLU::builder().lower(0.1).upper(0.6).build();
            layer.eval();
            Box::new(layer)
        }
        "Threshold" => Box::new(nn::Threshold::new(0.1, 20.0)),
        "Hardtanh" => Box::new(nn::Hardtanh::new()),
        "Hardtanh_options" => Box::new(nn::Hardtanh::builder().min_val(-2.0).max_val(0.5).build()),
        "Hardsigmoid" => Box::new(nn::Hardsigmoid::new()),
        "Hardswish" => Box::new(nn::Hardswish::new()),
        "Hardshrink" => Box::new(nn::Hardshrink::new()),
        "Hardshrink_options" => Box::new(nn::Hardshrink::builder().lambd(0.25).build()),
        "Softshrink" => Box::new(nn::Softshrink::new()),
        "Softshrink_options" => Box::new(nn::Softshrink::builder().lambd(0.25).build()),
        "Tanhshrink" => Box::new(nn::Tanhshrink::new()),
        "ReLU6" => Box::new(nn::ReLU6::new()),
        "LogSigmoid" => Box::new(nn::LogSigmoid::new()),
        "Softsign" => Box::new(nn::Softsign::new()),
        "Softplus" => Box::new(nn::Softplus::new()),
        "Softplus_options" => Box::new(nn::Softplus::builder().beta(2.0).threshold(1.5).build()),
        "ELU" => Box::new(nn::ELU::new()),
        "ELU_options" => Box::new(nn::ELU::builder().alpha(0.5).build()),
        "CELU" => Box::new(nn::CELU::new()),
        "CELU_options" => Box::new(nn::CELU::builder().alpha(0.5).build()),
        "SELU" => Box::new(nn::SELU::new()),
        "GELU" => Box::new(nn::GELU::new()),
        "GELU_options" => Box::new(nn::GELU::builder().approximate(Approximate::Tanh).build()),
        "SiLU" => Box::new(nn::SiLU::new()),
        "Mish" => Box::new(nn::Mish::new()),
        "GLU" => Box::new(nn::GLU::new()),
        "GLU_options" => Box::new(nn::GLU::builder().dim(1).build()),
        "Softmin" => Box::new(nn::Softmin::new(1)),
        "Softmax2d" => Box::new(nn::Softmax2d::new()),
        other => panic!("the fixture has a layer {other} that is unknown to this test"),
    }
}

#[test]
fn activations_are_pytorchs() {
    let _alone = crate::alone();
    let fixture = load("activations");
    assert_eq!(list(&fixture["layers"]).len(), 33);
    for golden in list(&fixture["layers"]) {
        let name = text(&golden["name"]);
        let layer = layer(name);
        assert_eq!(layer.to_string(), text(&golden["text"]), "{name}");
        let state = layer.state_dict();
        let keys: Vec<&str> = list(&golden["state_dict"]).iter().map(|entry| text(&entry["key"])).collect();
        assert_eq!(state.keys().collect::<Vec<_>>(), keys, "{name}");
        for (entry, (_, value)) in list(&golden["state_dict"]).iter().zip(state.iter()) {
            assert_same(&format!("{name}: initial value"), value, entry);
        }
        let x = tensor(&golden["input"]).requires_grad_(true);
        rushlight::manual_seed(1);
        let y = layer.forward(&x);
        assert_eq!(Tensor::rand([1]).item(), f64::from(number(&golden["next_draw"]) as f32), "{name}: next draw");
        assert_close(&format!("{name}: output"), &y, &golden["output"], 2e-6);
        y.backward_with(BackwardOptions::new().gradient(tensor(&golden["grad_output"])));
        assert_close(&format!("{name}: gradient"), &x.grad().unwrap(), &golden["grad_input"], 1e-5);
        let parameters = layer.named_parameters();
        assert_eq!(parameters.len(), list(&golden["grads"]).len(), "{name}");
        for ((key, parameter), golden) in parameters.iter().zip(list(&golden["grads"])) {
            assert_eq!(key, text(&golden["key"]), "{name}");
            assert_close(&format!("{name}: gradient of {key}"), &parameter.grad().unwrap(), golden, 1e-5);
        }
    }
}

#[test]
fn softmax_of_pixels_takes_images_only() {
    let message = nn::Softmax2d::new().try_forward(&Tensor::ones([2, 3])).unwrap_err().to_string();
    assert_eq!(message, "Softmax2d: expected an input of 3 or 4 dimensions, got shape [2, 3]");
}
