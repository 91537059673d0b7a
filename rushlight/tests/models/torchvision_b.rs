//! MobileNet, EfficientNet, GoogLeNet and Inception v3 against torchvision: keys, initial weights, a step of training, outputs in evaluation;
//! the number of parameters of all variants, and the images that their published weights expect. EfficientNet-Lite0 against the package that
//! its weights are from.

use crate::golden::{self, list, number, shape, text};
use rushlight::nn::utils::skip_init;
use rushlight::nn::{self, Module};
use rushlight::optim::{Optimizer, SGD};
use rushlight::vision::models::*;
use rushlight::{DType, Tensor, manual_seed, no_grad};
use serde_json::Value;

const LEARNING_RATE: f64 = 1e-3;

/// The vector of the scalar products in the fixture.
fn pattern(len: usize) -> Tensor {
    Tensor::arange(len as i64).to_dtype(DType::F64) * 7919 % 1009 / 504 - 1
}

/// Compares the scalar product with the first elements of `pattern`, and the sum of absolute values, relative to the latter.
fn compare_digest(what: &str, tensor: &Tensor, pattern: &Tensor, expected: &Value, relative: f64, absolute: f64) {
    let values = tensor.detach().to_dtype(DType::F64).flatten();
    let found = [(&values * pattern.narrow(0, 0, values.numel())).sum().item(), values.abs().sum().item()];
    let expected: Vec<f64> = list(expected).iter().map(number).collect();
    let tolerance = relative * expected[1] + absolute;
    for (found, expected) in found.into_iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{what}: {found:e}, torchvision has {expected:e}");
    }
}

/// Equal elements, relative to the largest.
fn compare(what: &str, output: &Tensor, expected: &Value, relative: f64) {
    let expected: Vec<f64> = list(expected).iter().map(number).collect();
    let found: Vec<f64> = output.to_dtype(DType::F64).flatten().to_vec();
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0f64, |scale, value| scale.max(value.abs()));
    let error = found.iter().zip(&expected).fold(0f64, |error, (a, b)| error.max((a - b).abs())) / scale;
    println!("{what}: relative difference {error:e}");
    assert!(error <= relative, "{what}: relative difference {error:e}");
}

/// Replaces the running statistics, which `momentum` mixed with the initial ones, by those of the batch.
fn replace_statistics(net: &dyn Module, momentum: f64) {
    for (path, buffer) in net.named_buffers() {
        if path.ends_with("running_mean") {
            buffer.get().div_(momentum);
        } else if path.ends_with("running_var") {
            buffer.get().sub_(1.0 - momentum).div_(momentum);
        }
    }
}

/// The case `index` of the fixture: a network `name` made by `make`, whose outputs in training are those of `forward`.
fn check<N: ImageModel>(
    index: usize,
    name: &str,
    momentum: f64,
    make: impl Fn() -> N,
    forward: impl Fn(&N, &Tensor) -> Vec<Tensor>,
) {
    let _alone = crate::alone();
    let fixture = golden::load("torchvision_b");
    let case = &fixture["cases"][index];
    assert_eq!(text(&case["name"]), name);
    manual_seed(0);
    let net = make();
    let state = net.state_dict();
    let shapes: Vec<(&str, Vec<usize>)> = state.iter().map(|(key, tensor)| (key, tensor.shape().to_vec())).collect();
    let expected: Vec<_> = list(&case["shapes"]).iter().map(|entry| (text(&entry[0]), shape(&entry[1]))).collect();
    assert_eq!(shapes, expected);
    let pattern = pattern(state.iter().map(|(_, tensor)| tensor.numel()).max().unwrap_or_default());
    for (key, sums) in case["initial"].as_object().unwrap() {
        compare_digest(&format!("initial {key}"), state.get(key).unwrap(), &pattern, sums, 1e-6, 0.0);
    }
    let next = Tensor::rand([1]).item();
    assert_eq!(next as f32, number(&case["next_draw"]) as f32, "the position in the random stream");

    net.to_dtype(DType::F64);
    let before: Vec<(String, Tensor)> =
        net.state_dict().iter().map(|(key, t)| (key.into(), t.detach().copy())).collect();
    let input = shape(&case["input"]);
    let (x, y) = (Tensor::rand(&input[..]).to_dtype(DType::F64), Tensor::randint(10, [input[0]]));
    let outputs = forward(&net, &x);
    assert_eq!(outputs.len(), list(&case["outputs"]).len());
    for (output, expected) in outputs.iter().zip(list(&case["outputs"])) {
        compare("output in training", output, expected, 1e-6);
    }
    let losses = outputs.iter().zip([1.0, 0.3, 0.3]).map(|(output, weight)| output.cross_entropy(&y) * weight);
    let loss = losses.reduce(|a, b| a + b).unwrap();
    assert!((loss.item() / number(&case["loss"]) - 1.0).abs() < 1e-6, "loss {}", loss.item());
    loss.backward();
    SGD::builder(net.parameters()).lr(LEARNING_RATE).build().step();
    let after = net.state_dict();
    for (key, before) in before {
        let change = after.get(&key).unwrap().detach() - before;
        compare_digest(&format!("change of {key}"), &change, &pattern, &case["changes"][&key], 1e-5, 1e-12);
    }

    replace_statistics(&net, momentum);
    // Why: in the script.
    let (dtype, relative) = if name.starts_with("efficientnet") { (DType::F64, 1e-6) } else { (DType::F32, 1e-4) };
    net.to_dtype(dtype);
    net.eval();
    let output = no_grad(|| net.forward(&Tensor::rand(shape(&case["evaluated"])).to_dtype(dtype)));
    compare("output in evaluation", &output, &case["evaluation"], relative);
}

fn logits<N: ImageModel>(net: &N, x: &Tensor) -> Vec<Tensor> {
    vec![net.forward(x)]
}

fn googlenet_outputs(net: &GoogLeNet, x: &Tensor) -> Vec<Tensor> {
    let GoogLeNetOutputs { logits, aux_logits2, aux_logits1 } = net.forward_aux(x);
    [Some(logits), aux_logits2, aux_logits1].into_iter().flatten().collect()
}

fn inception_outputs(net: &Inception3, x: &Tensor) -> Vec<Tensor> {
    let InceptionOutputs { logits, aux_logits } = net.forward_aux(x);
    [Some(logits), aux_logits].into_iter().flatten().collect()
}

#[test]
fn mobilenet_v2_is_torchvisions() {
    check(0, "mobilenet_v2", 0.1, || mobilenet_v2(10), logits);
}

#[test]
fn mobilenet_v2_with_options_is_torchvisions() {
    let options = MobileNetV2Options::new().width_mult(0.35).round_nearest(4).dropout(0.5);
    check(1, "mobilenet_v2", 0.1, || mobilenet_v2_with(10, options), logits);
}

#[test]
fn mobilenet_v3_small_is_torchvisions() {
    check(2, "mobilenet_v3_small", 0.01, || mobilenet_v3_small(10), logits);
}

#[test]
fn mobilenet_v3_small_with_options_is_torchvisions() {
    let options = MobileNetV3Options::new().width_mult(0.75).reduced_tail(true).dilated(true).dropout(0.4);
    check(3, "mobilenet_v3_small", 0.01, || mobilenet_v3_small_with(10, options), logits);
}

#[test]
fn mobilenet_v3_large_is_torchvisions() {
    check(4, "mobilenet_v3_large", 0.01, || mobilenet_v3_large(10), logits);
}

#[test]
fn efficientnet_b0_is_torchvisions() {
    check(5, "efficientnet_b0", 0.1, || efficientnet_b0(10), logits);
}

#[test]
fn efficientnet_b1_with_options_is_torchvisions() {
    let options = EfficientNetOptions::new().dropout(0.4).stochastic_depth_prob(0.5);
    check(6, "efficientnet_b1", 0.1, || efficientnet_b1_with(10, options), logits);
}

#[test]
fn googlenet_is_torchvisions() {
    check(7, "googlenet", 0.1, || googlenet(10), googlenet_outputs);
}

#[test]
fn googlenet_with_options_is_torchvisions() {
    let options = GoogLeNetOptions::new().init_weights(false).aux_logits(false).transform_input(true).dropout(0.3);
    check(8, "googlenet", 0.1, || googlenet_with(10, options), googlenet_outputs);
}

#[test]
fn inception_v3_is_torchvisions() {
    check(9, "inception_v3", 0.1, || inception_v3(10), inception_outputs);
}

#[test]
fn inception_v3_with_options_is_torchvisions() {
    let options = InceptionOptions::new().init_weights(false).aux_logits(false).transform_input(true).dropout(0.3);
    check(10, "inception_v3", 0.1, || inception_v3_with(10, options), inception_outputs);
}

#[test]
fn efficientnet_lite0_is_the_packages() {
    check(11, "efficientnet_lite0", 0.01, || efficientnet_lite0(10), logits);
    let images = skip_init(|| efficientnet_lite0(10)).preprocessing();
    let normalized = |value: f64| (value / 255.0 - images.mean[1]) / images.std[1];
    assert!(normalized(127.0).abs() < 1e-12 && (normalized(255.0) - 1.0).abs() < 1e-12, "{images:?}");
}

/// The last dropout of a network.
fn last_dropout(net: &dyn Module) -> String {
    let dropouts = net.modules().into_iter().filter_map(|module| module.downcast_ref::<nn::Dropout>());
    dropouts.last().expect("a dropout").extra_repr()
}

#[test]
fn variants_are_torchvisions() {
    let _alone = crate::alone();
    for variant in list(&golden::load("torchvision_b")["variants"]) {
        let name = text(&variant["name"]);
        let net = skip_init(|| -> Box<dyn ImageModel> {
            match name {
                // As torchvision creates them for its weights.
                "googlenet" => Box::new(googlenet_with(1000, GoogLeNetOptions::new().transform_input(true))),
                "inception_v3" => Box::new(inception_v3_with(1000, InceptionOptions::new().transform_input(true))),
                _ => get_model(name, 1000),
            }
        });
        assert_eq!(net.num_parameters() as u64, variant["num_parameters"].as_u64().unwrap(), "{name}");
        let ImageClassification { crop_size, resize_size, mean, std, interpolation } = net.preprocessing();
        let interpolation = format!("{interpolation:?}").to_lowercase();
        assert_eq!(serde_json::json!([resize_size, crop_size, interpolation]), variant["images"], "{name}");
        assert_eq!(serde_json::json!([mean, std]), variant["normalization"], "{name}");
        let p = number(&variant["dropout"]);
        assert!(last_dropout(net.as_module()).starts_with(&format!("p={p}")), "{name}");
    }
}

/// Without `transform_input`, the networks that were converted from TensorFlow take pixels in [-1, 1].
#[test]
fn transformed_input_is_that_of_the_other_normalization() {
    let _alone = crate::alone();
    manual_seed(0);
    let options = GoogLeNetOptions::new().init_weights(false).aux_logits(false);
    let net = googlenet_with(10, options);
    let transforming = skip_init(|| googlenet_with(10, options.transform_input(true)));
    transforming.load_state_dict(&net.state_dict());
    let pixels = Tensor::rand([1, 3, 32, 32]);
    let logits = |net: &GoogLeNet| {
        net.eval();
        let ImageClassification { mean, std, .. } = net.preprocessing();
        let channels = |values: [f64; 3]| Tensor::from(values).to_dtype(DType::F32).view([3, 1, 1]);
        no_grad(|| net.forward_features(&((&pixels - channels(mean)) / channels(std))))
    };
    assert!(logits(&net).allclose(&logits(&transforming)));
}

/// What the errors of options say.
#[test]
fn options_out_of_range_are_errors() {
    let width =
        |width| try_mobilenet_v2_with(2, MobileNetV2Options::new().width_mult(width)).err().unwrap().to_string();
    for (value, shown) in [(0.0, "0"), (-1.0, "-1"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        assert_eq!(width(value), format!("mobilenet_v2: expected width_mult greater than 0 and finite, got {shown}"));
    }
    let error = try_mobilenet_v3_small_with(2, MobileNetV3Options::new().width_mult(-0.5)).err().unwrap().to_string();
    assert_eq!(error, "mobilenet_v3_small: expected width_mult greater than 0 and finite, got -0.5");
    let error = try_mobilenet_v2_with(2, MobileNetV2Options::new().round_nearest(0)).err().unwrap().to_string();
    assert_eq!(error, "mobilenet_v2: expected round_nearest of at least 1, got 0");
    let stochastic = EfficientNetOptions::new().stochastic_depth_prob(1.5);
    let error = skip_init(|| try_efficientnet_b0_with(2, stochastic)).err().unwrap().to_string();
    assert!(error.starts_with("StochasticDepth: expected a probability between 0 and 1, got 1."), "{error}");
    let dropout = GoogLeNetOptions::new().dropout_aux(2.0);
    let error = skip_init(|| try_googlenet_with(2, dropout)).err().unwrap().to_string();
    assert_eq!(error, "Dropout: expected a probability between 0 and 1, got 2");
}
