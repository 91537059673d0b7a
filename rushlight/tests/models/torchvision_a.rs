//! torchvision's AlexNet, VGG, ResNet, SqueezeNet and DenseNet against PyTorch: keys and shapes, initial weights, a step of training, and
//! evaluation after it.

use crate::golden::{self, list, number, text};
use rushlight::nn::utils::skip_init;
use rushlight::nn::{CrossEntropyLoss, Module};
use rushlight::optim::{Optimizer, SGD};
use rushlight::vision::models::{ImageModel, get_model};
use rushlight::{DType, Tensor, manual_seed, no_grad};
use serde_json::Value;

/// The sum, the sum of the absolute values, the first and the last element.
fn digest(tensor: &Tensor) -> [f64; 4] {
    let flat = tensor.detach().to_dtype(DType::F64).flatten();
    [flat.sum(), flat.abs().sum(), flat.select(0, 0), flat.select(0, -1)].map(|value| value.item())
}

/// Compares digests of tensors with PyTorch's: sums up to a fraction of the sum of absolute values, elements up to that fraction of their
/// own value or of the mean absolute value, whichever is larger.
fn compare(what: &str, tensors: &[(String, Tensor)], golden: &Value, tolerance: f64) {
    assert_eq!(tensors.len(), list(golden).len(), "{what}");
    let mut largest = (0.0, "");
    for ((key, tensor), expected) in tensors.iter().zip(list(golden)) {
        let found = digest(tensor);
        let expected: Vec<f64> = list(expected).iter().map(number).collect();
        // The gradient of a bias in front of a normalization is 0 but for rounding.
        let mean = (expected[1] / tensor.numel() as f64).max(1e-9);
        for (i, (found, expected)) in found.into_iter().zip(&expected).enumerate() {
            let scale = if i < 2 { mean * tensor.numel() as f64 } else { expected.abs().max(mean) };
            let error = (found - expected).abs() / scale;
            if error > largest.0 {
                largest = (error, key);
            }
            assert!(
                error <= tolerance,
                "{what} of {key}, number {i}: {found}, PyTorch has {expected}: off by {error:e}"
            );
        }
    }
    println!("{what}: largest relative difference {:e}, of {}", largest.0, largest.1);
}

fn close(what: &str, found: f64, golden: &Value, tolerance: f64) {
    let error = (found / number(golden) - 1.0).abs();
    assert!(error < tolerance, "{what}: {found}, PyTorch has {golden}: off by {error:e}");
}

fn keys_and_shapes(net: &dyn ImageModel, golden: &Value) {
    let state = net.state_dict();
    assert_eq!(state.len(), list(&golden["keys"]).len());
    for ((key, tensor), expected) in state.iter().zip(list(&golden["keys"])) {
        let (expected_key, expected_shape) = list(expected).split_first().unwrap();
        assert_eq!(key, text(expected_key));
        let expected_shape: Vec<usize> = expected_shape.iter().map(|size| size.as_u64().unwrap() as usize).collect();
        assert_eq!(tensor.shape(), expected_shape, "{key}");
    }
}

/// What the generator computes, in the same order.
fn runs_as_pytorch(name: &str) {
    let _alone = crate::alone();
    let golden = &golden::load("torchvision_a")[name];
    println!("{name}");
    manual_seed(0);
    let net = get_model(name, 10);
    let state = || net.state_dict().into_iter().filter(|(_, tensor)| tensor.dim() > 0);
    compare(
        "initial value",
        &state().filter(|(_, tensor)| tensor.dim() > 1).collect::<Vec<_>>(),
        &golden["initial"],
        1e-6,
    );

    let size = golden["size"].as_u64().unwrap() as usize;
    let (x, y) = (Tensor::rand([4, 3, size, size]), Tensor::randint(10, [4]));
    let loss = |x: &Tensor| CrossEntropyLoss::new().forward(&net.forward(x), &y);
    close("loss in float32", no_grad(|| loss(&x)).item(), &golden["loss_f32"], 1e-4);
    net.to_dtype(DType::F64);
    let mut optimizer = SGD::builder(net.parameters()).lr(0.01).build();
    let loss = loss(&x.to_dtype(DType::F64));
    loss.backward();
    optimizer.step();
    close("loss", loss.item(), &golden["loss"], 1e-6);
    let gradients = net.named_parameters().into_iter().map(|(key, param)| (key, param.grad().unwrap()));
    compare("gradient", &gradients.collect::<Vec<_>>(), &golden["gradients"], 1e-5);
    // Running statistics include those of the batch in float32.
    compare("state", &state().collect::<Vec<_>>(), &golden["state"], 1e-4);

    net.to_dtype(DType::F32);
    net.eval();
    let x = Tensor::rand([2, 3, size, size]);
    let expected: Vec<f64> = list(&golden["logits"]).iter().map(number).collect();
    let scale = expected.iter().fold(0f64, |scale, logit| scale.max(logit.abs()));
    // Folded, and layer by layer.
    for logits in [no_grad(|| net.forward(&x)), net.forward(&x)] {
        let found = logits.detach().to_vec::<f32>();
        let errors = found.iter().zip(&expected).map(|(&found, expected)| (f64::from(found) - expected).abs() / scale);
        let error = errors.fold(0.0, f64::max);
        assert!(error < 1e-4, "logits {found:?}, PyTorch has {expected:?}: off by {error:e}");
    }
}

#[test]
fn keys_and_shapes_are_torchvisions() {
    let golden = golden::load("torchvision_a");
    let names = golden.as_object().unwrap().keys().filter(|name| *name != "torch");
    for name in names {
        keys_and_shapes(&*skip_init(|| get_model(name, 10)), &golden[name.as_str()]);
    }
}

/// One test per network.
macro_rules! run {
    ($($(#[$attribute:meta])* $name:ident),* $(,)?) => {$(
        $(#[$attribute])*
        #[test]
        fn $name() {
            runs_as_pytorch(stringify!($name));
        }
    )*};
}

run!(alexnet, densenet121, resnet18, resnet50, squeezenet1_0, squeezenet1_1, vgg11_bn,);

// The same code with other numbers, which would take most of the time of all tests.
run!(
    #[ignore = "a larger network of the same family"]
    densenet161,
    #[ignore = "a larger network of the same family"]
    densenet169,
    #[ignore = "a larger network of the same family"]
    densenet201,
    #[ignore = "a larger network of the same family"]
    resnet34,
    #[ignore = "a larger network of the same family"]
    resnet101,
    #[ignore = "a larger network of the same family"]
    resnet152,
    #[ignore = "a larger network of the same family"]
    vgg11,
    #[ignore = "a larger network of the same family"]
    vgg13,
    #[ignore = "a larger network of the same family"]
    vgg13_bn,
    #[ignore = "a larger network of the same family"]
    vgg16,
    #[ignore = "a larger network of the same family"]
    vgg16_bn,
    #[ignore = "a larger network of the same family"]
    vgg19,
    #[ignore = "a larger network of the same family"]
    vgg19_bn,
);
