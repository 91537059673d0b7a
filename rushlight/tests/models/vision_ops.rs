//! The layers of `vision::ops` against torchvision: keys, outputs and gradients in training, the position in the random stream.

use crate::golden::{self, Golden, Tolerance, list, number, shape, texts};
use rushlight::nn::{self, Forward, Module};
use rushlight::vision::ops::{Conv2dNormActivation, SqueezeExcitation, StochasticDepth, StochasticDepthMode};
use rushlight::{DType, Tensor, manual_seed};

/// The cases of a layer in the fixture, against the layers that `make` creates for them.
fn check(layer: &str, make: &[&dyn Fn() -> Box<dyn Forward>]) {
    let _alone = crate::alone();
    let cases = &golden::load("torchvision_b")["layers"][layer];
    assert_eq!(list(cases).len(), make.len());
    for (i, (case, make)) in list(cases).iter().zip(make).enumerate() {
        let what = format!("{layer}, case {i}");
        manual_seed(0);
        let net = make();
        assert_eq!(net.state_dict().keys().collect::<Vec<_>>(), texts(&case["keys"]), "{what}");
        let mut x = Tensor::rand(shape(&case["input"]));
        let mut tolerance = Tolerance::SINGLE;
        if !net.parameters().is_empty() {
            net.to_dtype(DType::F64);
            x = x.to_dtype(DType::F64);
            // PyTorch computes the derivative of hardsigmoid with a sixth in float32.
            tolerance = Tolerance::DOUBLE * 1e3;
        }
        let x = x.requires_grad_(true);
        let y = net.forward(&x);
        let weights = Tensor::arange(y.numel() as i64).to_dtype(y.dtype()).view(y.shape().to_vec());
        (&y * weights).sum().backward();
        let compare = |what: &str, tensor: Option<&Tensor>, golden| {
            Golden::parse(golden).compare_gradient(what, tensor, tolerance).unwrap_or_else(|error| panic!("{error}"));
        };
        compare(&what, Some(&y.detach()), &case["output"]);
        let gradients: Vec<_> = std::iter::once(x.grad()).chain(net.parameters().iter().map(|p| p.grad())).collect();
        assert_eq!(gradients.len(), list(&case["gradients"]).len(), "{what}");
        for (gradient, golden) in gradients.iter().zip(list(&case["gradients"])) {
            compare(&format!("{what}, gradient"), gradient.as_ref(), golden);
        }
        let next = Tensor::rand([1]).item();
        assert_eq!(next as f32, number(&case["next_draw"]) as f32, "{what}: the position in the random stream");
    }
}

#[test]
fn stochastic_depth_is_torchvisions() {
    use StochasticDepthMode::{Batch, Row};
    let depth = |p, mode| move || Box::new(StochasticDepth::new(p, mode)) as Box<dyn Forward>;
    check(
        "StochasticDepth",
        &[
            &depth(0.3, Row),
            &depth(0.7, Row),
            &depth(0.0, Row),
            &depth(1.0, Row),
            &depth(0.5, Row),
            &depth(0.3, Batch),
            &depth(0.7, Batch),
            &depth(0.3, Batch),
            &depth(1.0, Batch),
        ],
    );
}

#[test]
fn stochastic_depth_evaluates_to_its_input() {
    let _alone = crate::alone();
    manual_seed(0);
    let x = Tensor::rand([4, 3]);
    let next = {
        manual_seed(1);
        Tensor::rand([1])
    };
    for mode in [StochasticDepthMode::Row, StochasticDepthMode::Batch] {
        for p in [0.0, 0.5, 1.0] {
            let layer = StochasticDepth::new(p, mode);
            layer.eval();
            manual_seed(1);
            assert!(layer.forward(&x).equal(&x), "{mode:?}, {p}");
            assert!(Tensor::rand([1]).equal(&next), "{mode:?}, {p}: a number was drawn");
        }
    }
}

#[test]
fn stochastic_depth_refuses_other_probabilities() {
    for (p, shown) in [(-0.1, "-0.1"), (1.1, "1.1"), (f64::NAN, "NaN")] {
        let error = StochasticDepth::try_new(p, StochasticDepthMode::Row).unwrap_err().to_string();
        assert_eq!(error, format!("StochasticDepth: expected a probability between 0 and 1, got {shown}"));
    }
    let layer = StochasticDepth::new(0.5, StochasticDepthMode::Row);
    let error = layer.try_forward(&Tensor::from(1.0)).unwrap_err().to_string();
    assert_eq!(error, "StochasticDepth: expected an input of at least 1 dimension, got a 0-d tensor");
    assert_eq!(layer.repr(), "StochasticDepth(p=0.5, mode=row)");
}

#[test]
fn squeeze_excitation_is_torchvisions() {
    check(
        "SqueezeExcitation",
        &[&|| Box::new(SqueezeExcitation::new(6, 2)), &|| {
            let layer = SqueezeExcitation::builder(6, 3).activation(nn::SiLU::new());
            Box::new(layer.scale_activation(nn::Hardsigmoid::new()).build())
        }],
    );
}

#[test]
fn conv_norm_activation_is_torchvisions() {
    check(
        "Conv2dNormActivation",
        &[
            &|| Box::new(Conv2dNormActivation::new(3, 4)),
            &|| {
                let layer = Conv2dNormActivation::builder(4, 6).kernel_size(5).stride(2).groups(2);
                Box::new(layer.activation_layer(nn::SiLU::new()).build())
            },
            &|| {
                let layer = Conv2dNormActivation::builder(2, 3).kernel_size((1, 5)).dilation(2);
                Box::new(layer.activation_layer(nn::Hardswish::new()).build())
            },
            &|| Box::new(Conv2dNormActivation::builder(3, 2).kernel_size(1).without_activation().build()),
        ],
    );
    let error = Conv2dNormActivation::builder(3, 4).groups(2).try_build().err().unwrap().to_string();
    assert!(error.contains("groups"), "{error}");
}
