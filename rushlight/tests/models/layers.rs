//! Layers against PyTorch: display, keys, initial values draw for draw, batch normalization over several steps,
//! `nn.init`.

use crate::golden::*;
use rushlight::nn::{self, Forward, Module, Padding, init};
use rushlight::{DType, Reduction, Tensor, TensorOptions};
use serde_json::Value;

fn transposed1d() -> nn::ConvTranspose1d {
    let layer = nn::ConvTranspose1d::builder(4, 6, 3).stride(2).padding(1).output_padding(1);
    layer.dilation(2).groups(2).bias(false).build()
}

fn transposed2d() -> nn::ConvTranspose2d {
    let layer = nn::ConvTranspose2d::builder(4, 6, (3, 2)).stride(2).padding((1, 0)).output_padding((1, 0));
    layer.dilation((1, 2)).groups(2).build()
}

fn transposed3d() -> nn::ConvTranspose3d {
    let layer = nn::ConvTranspose3d::builder(2, 2, (1, 2, 3)).stride((1, 2, 2)).padding((0, 1, 0));
    layer.output_padding((0, 1, 1)).bias(false).build()
}

fn max_pool1d() -> nn::MaxPool1d {
    nn::MaxPool1d::builder(3).stride(2).padding(1).dilation(2).ceil_mode(true).build()
}

fn max_pool3d() -> nn::MaxPool3d {
    let layer = nn::MaxPool3d::builder((2, 3, 2)).stride((1, 2, 2)).padding((1, 0, 1));
    layer.dilation((1, 1, 2)).ceil_mode(true).build()
}

fn avg_pool1d() -> nn::AvgPool1d {
    nn::AvgPool1d::builder(3).stride(2).padding(1).ceil_mode(true).count_include_pad(false).build()
}

fn avg_pool3d() -> nn::AvgPool3d {
    let layer = nn::AvgPool3d::builder((2, 3, 2)).stride(2).padding((1, 0, 1));
    layer.ceil_mode(true).count_include_pad(false).build()
}

fn avg_pool3d_divisor() -> nn::AvgPool3d {
    nn::AvgPool3d::builder(2).padding(1).ceil_mode(true).divisor_override(5).build()
}

fn avg_pool3d_count_include_pad() -> nn::AvgPool3d {
    nn::AvgPool3d::builder(3).stride(2).padding(1).ceil_mode(true).build()
}

/// The layer that the generator calls `name`.
fn small(name: &str) -> Box<dyn Module> {
    match name {
        "Linear" => Box::new(nn::Linear::new(3, 2)),
        "Linear_no_bias" => Box::new(nn::Linear::builder(4, 2).bias(false).build()),
        "Conv2d" => Box::new(nn::Conv2d::new(2, 3, 3)),
        "Conv2d_options" => Box::new(
            nn::Conv2d::builder(4, 6, (3, 2)).stride(2).padding((1, 0)).dilation((1, 2)).groups(2).bias(false).build(),
        ),
        "Conv2d_same" => Box::new(nn::Conv2d::builder(1, 2, 3).padding(Padding::Same).build()),
        "Conv1d" => Box::new(nn::Conv1d::new(2, 3, 4)),
        "Conv1d_options" => {
            Box::new(nn::Conv1d::builder(4, 6, 3).stride(2).padding(1).dilation(2).groups(2).bias(false).build())
        }
        "Conv1d_same" => Box::new(nn::Conv1d::builder(1, 2, 4).padding(Padding::Same).build()),
        "Conv3d" => Box::new(nn::Conv3d::new(1, 2, 2)),
        "Conv3d_options" => {
            Box::new(nn::Conv3d::builder(2, 4, (1, 3, 2)).stride((1, 2, 1)).padding((0, 1, 1)).groups(2).build())
        }
        "Conv3d_same" => {
            Box::new(nn::Conv3d::builder(1, 1, (2, 3, 4)).padding(Padding::Same).dilation((1, 1, 3)).build())
        }
        "ConvTranspose1d" => Box::new(nn::ConvTranspose1d::new(2, 3, 4)),
        "ConvTranspose1d_options" => Box::new(transposed1d()),
        "ConvTranspose2d" => Box::new(nn::ConvTranspose2d::new(3, 2, 2)),
        "ConvTranspose2d_options" => Box::new(transposed2d()),
        "ConvTranspose3d" => Box::new(nn::ConvTranspose3d::new(2, 1, 2)),
        "ConvTranspose3d_options" => Box::new(transposed3d()),
        "MaxPool1d" => Box::new(nn::MaxPool1d::new(2)),
        "MaxPool1d_options" => Box::new(max_pool1d()),
        "MaxPool3d" => Box::new(nn::MaxPool3d::new(2)),
        "MaxPool3d_options" => Box::new(max_pool3d()),
        "AvgPool1d" => Box::new(nn::AvgPool1d::new(2)),
        "AvgPool1d_options" => Box::new(avg_pool1d()),
        "AvgPool3d" => Box::new(nn::AvgPool3d::new(2)),
        "AvgPool3d_options" => Box::new(avg_pool3d()),
        "AvgPool3d_divisor" => Box::new(avg_pool3d_divisor()),
        "AvgPool3d_count_include_pad" => Box::new(avg_pool3d_count_include_pad()),
        "AdaptiveAvgPool1d" => Box::new(nn::AdaptiveAvgPool1d::new(3)),
        "AdaptiveAvgPool2d" => Box::new(nn::AdaptiveAvgPool2d::new((2, 3))),
        "AdaptiveAvgPool3d" => Box::new(nn::AdaptiveAvgPool3d::new((2, 3, 2))),
        "AdaptiveMaxPool1d" => Box::new(nn::AdaptiveMaxPool1d::new(3)),
        "AdaptiveMaxPool2d" => Box::new(nn::AdaptiveMaxPool2d::new((2, 3))),
        "AdaptiveMaxPool3d" => Box::new(nn::AdaptiveMaxPool3d::new((2, 3, 2))),
        "MaxPool2d" => Box::new(nn::MaxPool2d::new(2)),
        "MaxPool2d_options" => {
            Box::new(nn::MaxPool2d::builder((3, 2)).stride((2, 1)).padding((1, 0)).dilation(2).ceil_mode(true).build())
        }
        "AvgPool2d" => Box::new(nn::AvgPool2d::new(3)),
        "AvgPool2d_options" => Box::new(
            nn::AvgPool2d::builder((3, 2))
                .stride(2)
                .padding(1)
                .ceil_mode(true)
                .count_include_pad(false)
                .divisor_override(4)
                .build(),
        ),
        "ReLU" => Box::new(nn::ReLU::new()),
        "LeakyReLU" => Box::new(nn::LeakyReLU::new()),
        "LeakyReLU_options" => Box::new(nn::LeakyReLU::builder().negative_slope(0.2).build()),
        "Sigmoid" => Box::new(nn::Sigmoid::new()),
        "Tanh" => Box::new(nn::Tanh::new()),
        "Softmax" => Box::new(nn::Softmax::new(1)),
        "LogSoftmax" => Box::new(nn::LogSoftmax::new(-1)),
        "Dropout" => Box::new(nn::Dropout::new()),
        "Dropout_options" => Box::new(nn::Dropout::builder().p(0.25).build()),
        "Dropout1d" => Box::new(nn::Dropout1d::new()),
        "Dropout2d" => Box::new(nn::Dropout2d::builder().p(0.3).build()),
        "Dropout3d" => Box::new(nn::Dropout3d::builder().p(0.2).build()),
        "Flatten" => Box::new(nn::Flatten::new()),
        "Flatten_options" => Box::new(nn::Flatten::builder().start_dim(0).end_dim(2).build()),
        "BatchNorm1d" => Box::new(nn::BatchNorm1d::new(3)),
        "BatchNorm3d" => Box::new(nn::BatchNorm3d::builder(2).momentum(0.3).build()),
        "BatchNorm2d" => Box::new(nn::BatchNorm2d::new(3)),
        "BatchNorm2d_options" => Box::new(nn::BatchNorm2d::builder(3).eps(1e-3).momentum(0.01).affine(false).build()),
        "BatchNorm2d_no_statistics" => Box::new(nn::BatchNorm2d::builder(2).track_running_stats(false).build()),
        "BatchNorm2d_cumulative" => Box::new(nn::BatchNorm2d::builder(2).momentum(None).build()),
        "MSELoss" => Box::new(nn::MSELoss::new()),
        "L1Loss" => Box::new(nn::L1Loss::builder().reduction(Reduction::Sum).build()),
        "CrossEntropyLoss" => Box::new(nn::CrossEntropyLoss::builder().label_smoothing(0.1).build()),
        "NLLLoss" => Box::new(nn::NLLLoss::new()),
        "BCELoss" => Box::new(nn::BCELoss::new()),
        "BCEWithLogitsLoss" => Box::new(nn::BCEWithLogitsLoss::new()),
        "Sequential" => Box::new(nn::seq![
            nn::Conv2d::builder(1, 2, 3).padding(1).build(),
            nn::BatchNorm2d::new(2),
            nn::ReLU::new(),
            nn::Flatten::new(),
            nn::Linear::new(8, 2),
        ]),
        "Sequential_nested" => {
            Box::new(nn::seq![nn::seq![nn::Linear::new(2, 2), nn::Tanh::new()], nn::seq![nn::Linear::new(2, 1)]])
        }
        "Sequential_empty" => Box::new(nn::Sequential::new()),
        other => panic!("the fixture has a layer {other} that is unknown to this test"),
    }
}

fn lenet() -> nn::Sequential {
    nn::seq![
        nn::Conv2d::builder(1, 6, 5).padding(2).build(),
        nn::ReLU::new(),
        nn::MaxPool2d::new(2),
        nn::Conv2d::new(6, 16, 5),
        nn::ReLU::new(),
        nn::MaxPool2d::new(2),
        nn::Flatten::new(),
        nn::Linear::new(400, 120),
        nn::ReLU::new(),
        nn::Linear::new(120, 84),
        nn::ReLU::new(),
        nn::Linear::new(84, 10),
    ]
}

/// Asserts that the generator is in the same state as PyTorch's.
fn assert_next_draw(what: &str, golden: &Value) {
    assert_eq!(Tensor::rand([1]).item_as::<f32>(), number(golden) as f32, "{what}: not as many draws");
}

#[test]
fn layers_are_pytorchs() {
    let _alone = crate::alone();
    let fixture = load("nn");
    assert_eq!(list(&fixture["layers"]).len(), 66);
    for golden in list(&fixture["layers"]) {
        let name = text(&golden["name"]);
        rushlight::manual_seed(0);
        let layer = small(name);
        assert_next_draw(name, &golden["next_draw"]);
        assert_eq!(layer.repr(), text(&golden["text"]));
        let parameters = layer.named_parameters();
        assert_eq!(parameters.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), texts(&golden["parameters"]));
        let buffers = layer.named_buffers();
        assert_eq!(buffers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), texts(&golden["buffers"]));
        let state = layer.state_dict();
        assert_eq!(state.len(), list(&golden["state_dict"]).len(), "{name}");
        for ((key, tensor), golden) in state.iter().zip(list(&golden["state_dict"])) {
            assert_eq!(key, text(&golden["key"]), "{name}");
            assert_same(&format!("{name}.{key}"), tensor, golden);
        }
    }
}

#[test]
fn large_layers_draw_as_pytorch() {
    let _alone = crate::alone();
    for golden in list(&load("nn")["large_layers"]) {
        rushlight::manual_seed(0);
        let layer: Box<dyn Module> = match text(&golden["name"]) {
            "Linear" => Box::new(nn::Linear::new(784, 256)),
            "Conv2d" => Box::new(nn::Conv2d::new(16, 32, 5)),
            "lenet" => Box::new(lenet()),
            other => panic!("the fixture has a layer {other} that is unknown to this test"),
        };
        assert_next_draw(text(&golden["name"]), &golden["next_draw"]);
        let state = layer.state_dict();
        assert_eq!(state.len(), list(&golden["state_dict"]).len());
        for ((key, tensor), golden) in state.iter().zip(list(&golden["state_dict"])) {
            assert_eq!((key, tensor.shape()), (text(&golden["key"]), &shape(&golden["shape"])[..]));
            let flat = tensor.flatten();
            let n = flat.numel();
            assert_same(key, &flat.narrow(0, 0, 4), &golden["first"]);
            assert_same(key, &flat.narrow(0, -4, 4), &golden["last"]);
            let wide = flat.to_dtype(DType::F64);
            for (sum, golden) in [(wide.sum(), &golden["sum"]), (wide.square().sum(), &golden["sum_of_squares"])] {
                let (sum, golden) = (sum.item(), number(golden));
                assert!((sum - golden).abs() < 1e-9 * n as f64, "{key}: {sum} and {golden}");
            }
        }
    }
}

/// A layer's output for an input, and the layer.
type Run = Box<dyn Fn(&Tensor) -> Tensor>;

/// The layer that the generator calls `name`, with a given output size.
fn run_of(name: &str, output_size: &Value) -> (Run, Vec<(String, nn::Parameter)>) {
    fn sizes<const N: usize>(value: &Value) -> Option<[usize; N]> {
        value.is_array().then(|| shape(value).try_into().expect("a size for each dimension"))
    }
    macro_rules! run {
        ($layer:expr) => {{
            let layer = $layer;
            let parameters = layer.named_parameters();
            (Box::new(move |x: &Tensor| layer.forward(x)), parameters)
        }};
        ($layer:expr, $size:expr) => {{
            let (layer, size) = ($layer, $size);
            let parameters = layer.named_parameters();
            let run = move |x: &Tensor| match size {
                Some(size) => layer.forward_with_output_size(x, size),
                None => layer.forward(x),
            };
            (Box::new(run), parameters)
        }};
    }
    match name {
        "Conv1d_options" => {
            run!(nn::Conv1d::builder(4, 6, 3).stride(2).padding(1).dilation(2).groups(2).bias(false).build())
        }
        "Conv1d_same" => run!(nn::Conv1d::builder(1, 2, 4).padding(Padding::Same).build()),
        "Conv3d_options" => {
            run!(nn::Conv3d::builder(2, 4, (1, 3, 2)).stride((1, 2, 1)).padding((0, 1, 1)).groups(2).build())
        }
        "Conv3d_same" => {
            run!(nn::Conv3d::builder(1, 1, (2, 3, 4)).padding(Padding::Same).dilation((1, 1, 3)).build())
        }
        "ConvTranspose1d" => run!(nn::ConvTranspose1d::new(2, 3, 4)),
        "ConvTranspose1d_options" => run!(transposed1d(), sizes(output_size)),
        "ConvTranspose2d" => run!(nn::ConvTranspose2d::new(3, 2, 2), sizes(output_size)),
        "ConvTranspose2d_options" => run!(transposed2d(), sizes(output_size)),
        "ConvTranspose3d_options" => run!(transposed3d(), sizes(output_size)),
        "MaxPool1d" => run!(nn::MaxPool1d::new(2)),
        "MaxPool1d_options" => run!(max_pool1d()),
        "MaxPool3d" => run!(nn::MaxPool3d::new(2)),
        "MaxPool3d_options" => run!(max_pool3d()),
        "AvgPool1d" => run!(nn::AvgPool1d::new(2)),
        "AvgPool1d_options" => run!(avg_pool1d()),
        "AvgPool3d" => run!(nn::AvgPool3d::new(2)),
        "AvgPool3d_options" => run!(avg_pool3d()),
        "AvgPool3d_divisor" => run!(avg_pool3d_divisor()),
        "AvgPool3d_count_include_pad" => run!(avg_pool3d_count_include_pad()),
        "AdaptiveAvgPool1d" => run!(nn::AdaptiveAvgPool1d::new(3)),
        "AdaptiveAvgPool2d" => run!(nn::AdaptiveAvgPool2d::new((2, 3))),
        "AdaptiveAvgPool3d" => run!(nn::AdaptiveAvgPool3d::new((2, 3, 2))),
        "AdaptiveMaxPool1d" => run!(nn::AdaptiveMaxPool1d::new(3)),
        "AdaptiveMaxPool2d" => run!(nn::AdaptiveMaxPool2d::new((2, 3))),
        "AdaptiveMaxPool3d" => run!(nn::AdaptiveMaxPool3d::new((2, 3, 2))),
        "BatchNorm1d" => run!(nn::BatchNorm1d::new(3)),
        "BatchNorm3d" => run!(nn::BatchNorm3d::builder(2).momentum(0.3).build()),
        other => panic!("the fixture runs a layer {other} that is unknown to this test"),
    }
}

#[test]
fn layers_run_as_pytorchs() {
    let _alone = crate::alone();
    let fixture = load("nn");
    assert_eq!(list(&fixture["layer_runs"]).len(), 37);
    for golden in list(&fixture["layer_runs"]) {
        let name = text(&golden["name"]);
        rushlight::manual_seed(0);
        let (run, parameters) = run_of(name, &golden["output_size"]);
        let x = tensor(&golden["input"]).requires_grad_(true);
        let y = run(&x);
        assert_close(&format!("{name}: output"), &y, &golden["output"], 2e-6);
        let gradient = tensor(&golden["grad_output"]);
        y.backward_with(rushlight::BackwardOptions::new().gradient(gradient));
        assert_close(&format!("{name}: gradient"), &x.grad().unwrap(), &golden["grad_input"], 1e-5);
        assert_eq!(parameters.len(), list(&golden["grads"]).len(), "{name}");
        for ((key, parameter), golden) in parameters.iter().zip(list(&golden["grads"])) {
            assert_eq!(key, text(&golden["key"]), "{name}");
            assert_close(&format!("{name}: gradient of {key}"), &parameter.grad().unwrap(), golden, 1e-5);
        }
    }
}

/// The positions of the maxima for the layer that the generator calls `name`, as with PyTorch's `return_indices=True`.
fn indices_of(name: &str, x: &Tensor) -> Tensor {
    let (values, indices) = match name {
        "MaxPool1d" => nn::MaxPool1d::new(2).forward_with_indices(x),
        "MaxPool1d_options" => max_pool1d().forward_with_indices(x),
        "MaxPool3d" => nn::MaxPool3d::new(2).forward_with_indices(x),
        "MaxPool3d_options" => max_pool3d().forward_with_indices(x),
        "AdaptiveMaxPool1d" => nn::AdaptiveMaxPool1d::new(3).forward_with_indices(x),
        "AdaptiveMaxPool2d" => nn::AdaptiveMaxPool2d::new((2, 3)).forward_with_indices(x),
        "AdaptiveMaxPool3d" => nn::AdaptiveMaxPool3d::new((2, 3, 2)).forward_with_indices(x),
        other => panic!("the fixture has indices of a layer {other} that is unknown to this test"),
    };
    assert_eq!(values.shape(), indices.shape());
    indices
}

#[test]
fn positions_of_maxima_are_pytorchs() {
    let fixture = load("nn");
    let runs = list(&fixture["layer_runs"]).iter().filter(|golden| golden["indices"].is_object());
    let mut count = 0;
    for golden in runs {
        let name = text(&golden["name"]);
        assert_same(name, &indices_of(name, &tensor(&golden["input"])), &golden["indices"]);
        count += 1;
    }
    assert_eq!(count, 10);
}

#[test]
fn channels_are_dropped_as_in_pytorch() {
    let _alone = crate::alone();
    let fixture = load("nn");
    assert_eq!(list(&fixture["channel_dropout"]).len(), 6);
    for golden in list(&fixture["channel_dropout"]) {
        let name = text(&golden["name"]);
        let layer: Box<dyn Forward> = match name {
            "Dropout1d" => Box::new(nn::Dropout1d::new()),
            "Dropout2d" => Box::new(nn::Dropout2d::builder().p(0.3).build()),
            "Dropout3d" => Box::new(nn::Dropout3d::builder().p(0.2).build()),
            other => panic!("the fixture has a layer {other} that is unknown to this test"),
        };
        let x = tensor(&golden["input"]);
        rushlight::manual_seed(5);
        assert_same(name, &layer.forward(&x), &golden["output"]);
        assert_next_draw(name, &golden["next_draw"]);
        layer.eval();
        assert_same(name, &layer.forward(&x), &golden["input"]);
    }
}

#[test]
fn batch_norm_follows_pytorch_over_several_steps() {
    let _alone = crate::alone();
    for golden in list(&load("nn")["batch_norm"]) {
        let layer = match text(&golden["name"]) {
            "default" => nn::BatchNorm2d::new(2),
            "cumulative" => nn::BatchNorm2d::builder(2).momentum(None).build(),
            other => panic!("the fixture has {other} that is unknown to this test"),
        };
        assert_eq!(list(&golden["calls"]).len(), 4);
        for (i, call) in list(&golden["calls"]).iter().enumerate() {
            layer.train(call["training"].as_bool().unwrap());
            let y = layer.forward(&tensor(&call["input"]));
            assert_close(&format!("output {i}"), &y, &call["output"], 2e-6);
            let buffer = |buffer: &Option<nn::Buffer>| buffer.as_ref().unwrap().get();
            assert_close(&format!("mean {i}"), &buffer(&layer.running_mean), &call["running_mean"], 1e-6);
            assert_close(&format!("variance {i}"), &buffer(&layer.running_var), &call["running_var"], 1e-6);
            assert_eq!(
                buffer(&layer.num_batches_tracked).item_as::<i64>(),
                call["num_batches_tracked"].as_i64().unwrap()
            );
        }
    }
}

#[test]
fn parameters_print_as_pytorchs() {
    let _alone = crate::alone();
    let golden = load("nn");
    let golden = list(&golden["printing_grad_fn"]).iter().find(|golden| golden["name"] == "parameter").unwrap();
    assert_eq!(nn::Parameter::new(Tensor::from([1.0f32, 2.0])).to_string(), text(&golden["text"]));
}

fn nonlinearity(args: &Value) -> init::Nonlinearity {
    match text(&args["nonlinearity"]) {
        "leaky_relu" => init::Nonlinearity::LeakyRelu(number(&args["a"])),
        "relu" => init::Nonlinearity::Relu,
        "tanh" => init::Nonlinearity::Tanh,
        "selu" => init::Nonlinearity::Selu,
        "linear" => init::Nonlinearity::Linear,
        other => panic!("the fixture has {other} that is unknown to this test"),
    }
}

fn initialize(name: &str, args: &Value, t: &Tensor) {
    let arg = |name: &str| number(&args[name]);
    let kaiming = || {
        let mode = if args["mode"] == "fan_in" { init::Fan::In } else { init::Fan::Out };
        init::KaimingOptions::new().mode(mode).nonlinearity(nonlinearity(args))
    };
    let truncated = || {
        let options = init::TruncNormalOptions::new().mean(arg("mean")).std(arg("std"));
        options.a(arg("a")).b(arg("b"))
    };
    match name {
        "uniform_" => init::uniform_(t, arg("a")..arg("b")),
        "normal_" => init::normal_with_(t, init::NormalOptions::new().mean(arg("mean")).std(arg("std"))),
        "xavier_uniform_" => init::xavier_uniform_with_(t, init::GainOptions::new().gain(arg("gain"))),
        "xavier_normal_" => init::xavier_normal_with_(t, init::GainOptions::new().gain(arg("gain"))),
        "kaiming_uniform_" => init::kaiming_uniform_with_(t, kaiming()),
        "kaiming_normal_" => init::kaiming_normal_with_(t, kaiming()),
        "trunc_normal_" => init::trunc_normal_with_(t, truncated()),
        "sparse_" => init::sparse_with_(t, arg("sparsity"), init::SparseOptions::new().std(arg("std"))),
        "orthogonal_" => init::orthogonal_with_(t, init::GainOptions::new().gain(arg("gain"))),
        "eye_" => init::eye_(t),
        "dirac_" => init::dirac_with_(t, init::DiracOptions::new().groups(arg("groups") as usize)),
        "constant_" => init::constant_(t, arg("val")),
        "ones_" => init::ones_(t),
        "zeros_" => init::zeros_(t),
        other => panic!("the fixture has {other} that is unknown to this test"),
    };
}

#[test]
fn initial_values_are_pytorchs() {
    let _alone = crate::alone();
    let fixture = load("init");
    assert_eq!(list(&fixture["functions"]).len(), 58);
    for golden in list(&fixture["functions"]) {
        let name = text(&golden["name"]);
        // A leaf that requires a gradient, like parameters.
        let t = Tensor::zeros_with(
            shape(&golden["shape"]),
            TensorOptions::new().dtype(dtype(text(&golden["dtype"]))).requires_grad(true),
        );
        rushlight::manual_seed(0);
        initialize(name, &golden["args"], &t);
        assert_next_draw(name, &golden["next_draw"]);
        // Values computed through a logarithm or a sum may differ in the last digits.
        let tolerance = match name {
            "orthogonal_" if t.dtype() == DType::F32 => 1e-4,
            "orthogonal_" => 1e-12,
            "uniform_" | "xavier_uniform_" | "kaiming_uniform_" | "eye_" | "dirac_" | "constant_" | "ones_"
            | "zeros_" => 0.0,
            _ if t.dtype() == DType::F32 => 1e-6,
            _ => 1e-14,
        };
        assert_close(&format!("{name} {}", golden["args"]), &t, golden, tolerance);
        assert!(t.is_leaf() && t.requires_grad());
    }
}
