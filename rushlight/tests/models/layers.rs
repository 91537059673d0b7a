//! Layers against PyTorch: texts, keys, initial values draw for draw, batch normalization over several steps, `nn.init`.

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
        "MaxPool2d" => Box::new(nn::MaxPool2d::new(2)),
        "MaxPool2d_options" => {
            Box::new(nn::MaxPool2d::new((3, 2)).stride((2, 1)).padding((1, 0)).dilation(2).ceil_mode(true))
        }
        "AvgPool2d" => Box::new(nn::AvgPool2d::new(3)),
        "AvgPool2d_options" => Box::new(
            nn::AvgPool2d::new((3, 2))
                .stride(2)
                .padding(1)
                .ceil_mode(true)
                .count_include_pad(false)
                .divisor_override(4),
        ),
        "ReLU" => Box::new(nn::ReLU::new()),
        "LeakyReLU" => Box::new(nn::LeakyReLU::default()),
        "LeakyReLU_options" => Box::new(nn::LeakyReLU::new(0.2)),
        "Sigmoid" => Box::new(nn::Sigmoid::new()),
        "Tanh" => Box::new(nn::Tanh::new()),
        "Softmax" => Box::new(nn::Softmax::new(1)),
        "LogSoftmax" => Box::new(nn::LogSoftmax::new(-1)),
        "Dropout" => Box::new(nn::Dropout::default()),
        "Dropout_options" => Box::new(nn::Dropout::new(0.25)),
        "Flatten" => Box::new(nn::Flatten::new()),
        "Flatten_options" => Box::new(nn::Flatten::new().start_dim(0).end_dim(2)),
        "BatchNorm2d" => Box::new(nn::BatchNorm2d::new(3)),
        "BatchNorm2d_options" => Box::new(nn::BatchNorm2d::builder(3).eps(1e-3).momentum(0.01).affine(false).build()),
        "BatchNorm2d_no_statistics" => Box::new(nn::BatchNorm2d::builder(2).track_running_stats(false).build()),
        "BatchNorm2d_cumulative" => Box::new(nn::BatchNorm2d::builder(2).momentum(None).build()),
        "MSELoss" => Box::new(nn::MSELoss::new()),
        "L1Loss" => Box::new(nn::L1Loss::new().reduction(Reduction::Sum)),
        "CrossEntropyLoss" => Box::new(nn::CrossEntropyLoss::new().label_smoothing(0.1)),
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
        other => panic!("the fixture has a layer {other} that this test does not know"),
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

/// Whether the generator is where PyTorch's was.
fn assert_next_draw(what: &str, golden: &Value) {
    assert_eq!(Tensor::rand([1]).item_as::<f32>(), number(golden) as f32, "{what}: not as many draws");
}

#[test]
fn layers_are_pytorchs() {
    let _alone = crate::alone();
    let fixture = load("nn");
    assert_eq!(list(&fixture["layers"]).len(), 45);
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
            other => panic!("the fixture has a layer {other} that this test does not know"),
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

/// The layer that the generator calls `name`, with a given size of the output.
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
        other => panic!("the fixture runs a layer {other} that this test does not know"),
    }
}

#[test]
fn layers_run_as_pytorchs() {
    let _alone = crate::alone();
    let fixture = load("nn");
    assert_eq!(list(&fixture["layer_runs"]).len(), 12);
    for golden in list(&fixture["layer_runs"]) {
        let name = text(&golden["name"]);
        rushlight::manual_seed(0);
        let (run, parameters) = run_of(name, &golden["output_size"]);
        let x = tensor(&golden["input"]).requires_grad_(true);
        let y = run(&x);
        assert_close(&format!("{name}: output"), &y, &golden["output"], 2e-6);
        let gradient = tensor(&golden["grad_output"]);
        y.backward_with(&rushlight::BackwardOptions::new().gradient(gradient));
        assert_close(&format!("{name}: gradient"), &x.grad().unwrap(), &golden["grad_input"], 1e-5);
        assert_eq!(parameters.len(), list(&golden["grads"]).len(), "{name}");
        for ((key, parameter), golden) in parameters.iter().zip(list(&golden["grads"])) {
            assert_eq!(key, text(&golden["key"]), "{name}");
            assert_close(&format!("{name}: gradient of {key}"), &parameter.grad().unwrap(), golden, 1e-5);
        }
    }
}

#[test]
fn batch_norm_follows_pytorch_over_several_steps() {
    let _alone = crate::alone();
    for golden in list(&load("nn")["batch_norm"]) {
        let layer = match text(&golden["name"]) {
            "default" => nn::BatchNorm2d::new(2),
            "cumulative" => nn::BatchNorm2d::builder(2).momentum(None).build(),
            other => panic!("the fixture has {other} that this test does not know"),
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
        other => panic!("the fixture has {other} that this test does not know"),
    }
}

fn initialize(name: &str, args: &Value, t: &Tensor) {
    let arg = |name: &str| number(&args[name]);
    let fan = || if args["mode"] == "fan_in" { init::Fan::In } else { init::Fan::Out };
    match name {
        "uniform_" => init::uniform_(t, arg("a"), arg("b")),
        "normal_" => init::normal_(t, arg("mean"), arg("std")),
        "xavier_uniform_" => init::xavier_uniform_(t, arg("gain")),
        "xavier_normal_" => init::xavier_normal_(t, arg("gain")),
        "kaiming_uniform_" => init::kaiming_uniform_(t, fan(), nonlinearity(args)),
        "kaiming_normal_" => init::kaiming_normal_(t, fan(), nonlinearity(args)),
        "trunc_normal_" => init::trunc_normal_(t, arg("mean"), arg("std"), arg("a"), arg("b")),
        "sparse_" => init::sparse_(t, arg("sparsity"), arg("std")),
        "orthogonal_" => init::orthogonal_(t, arg("gain")),
        "eye_" => init::eye_(t),
        "dirac_" => init::dirac_(t, arg("groups") as usize),
        "constant_" => init::constant_(t, arg("val")),
        "ones_" => init::ones_(t),
        "zeros_" => init::zeros_(t),
        other => panic!("the fixture has {other} that this test does not know"),
    };
}

#[test]
fn initial_values_are_pytorchs() {
    let _alone = crate::alone();
    let fixture = load("init");
    assert_eq!(list(&fixture["functions"]).len(), 58);
    for golden in list(&fixture["functions"]) {
        let name = text(&golden["name"]);
        // A leaf that requires a gradient, as parameters do.
        let t = Tensor::zeros_with(
            shape(&golden["shape"]),
            TensorOptions::new().dtype(dtype(text(&golden["dtype"]))).requires_grad(true),
        );
        rushlight::manual_seed(0);
        initialize(name, &golden["args"], &t);
        assert_next_draw(name, &golden["next_draw"]);
        // What passes through a logarithm or a sum may differ in the last places.
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
