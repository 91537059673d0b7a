//! Modules: keys, sharing, loading, modes, conversion, display, messages.

use rushlight::nn::{self, Buffer, Forward, Linear, Module, Padding, Parameter, Training};
use rushlight::ops::{ConvTransposeOptions, CrossEntropyOptions};
use rushlight::optim::{Optimizer, SGD};
use rushlight::{DType, Error, Reduction, Tensor};
use std::sync::Arc;

fn parameters(module: &dyn Module) -> Vec<String> {
    module.named_parameters().into_iter().map(|(name, _)| name).collect()
}

fn keys(module: &dyn Module) -> Vec<String> {
    module.state_dict().keys().map(String::from).collect()
}

#[derive(Module)]
struct Parts {
    first: Linear,
    list: Vec<Linear>,
    own: Parameter,
    absent: Option<Linear>,
    present: Option<Linear>,
    pair: [nn::BatchNorm1d; 2],
    boxed: Box<dyn Module>,
    seen: Buffer,
    scratch: Buffer,
    #[module(rename = "renamed")]
    r#type: Box<Linear>,
    #[module(skip)]
    note: &'static str,
}

fn linear() -> Linear {
    Linear::builder(1, 1).bias(false).build()
}

fn parts() -> Parts {
    Parts {
        first: linear(),
        list: vec![linear(), linear()],
        own: Parameter::new(Tensor::ones([2])),
        absent: None,
        present: Some(linear()),
        pair: [1, 2].map(|n| nn::BatchNorm1d::builder(n).affine(false).build()),
        boxed: Box::new(nn::Dropout::builder().p(0.1).build()),
        seen: Buffer::new(Tensor::zeros([1])),
        scratch: Buffer::non_persistent(Tensor::zeros([1])),
        r#type: Box::new(linear()),
        note: "plain",
    }
}

/// PyTorch's order: the parameters of a module, then its buffers, then its submodules.
#[test]
fn names_and_order_are_pytorchs() {
    let net = parts();
    assert_eq!(net.note, "plain");
    let expected = ["own", "first.weight", "list.0.weight", "list.1.weight", "present.weight", "renamed.weight"];
    assert_eq!(parameters(&net), expected);
    let statistics = |i: usize| ["running_mean", "running_var", "num_batches_tracked"].map(|s| format!("pair.{i}.{s}"));
    let mut all: Vec<String> =
        ["own", "seen", "first.weight", "list.0.weight", "list.1.weight", "present.weight"].map(Into::into).into();
    all.extend(statistics(0));
    all.extend(statistics(1));
    all.push("renamed.weight".into());
    assert_eq!(keys(&net), all);
    assert!(net.named_buffers().iter().any(|(name, _)| name == "scratch"));
    let modules: Vec<String> = net.named_modules().into_iter().map(|(name, _)| name).collect();
    let expected = ["", "first", "list", "list.0", "list.1", "present", "pair", "pair.0", "pair.1", "boxed", "renamed"];
    assert_eq!(modules, expected);
}

#[test]
fn models_print_as_pytorch_prints_them() {
    let expected = "Parts(
  (first): Linear(in_features=1, out_features=1, bias=False)
  (list): ModuleList(
    (0-1): 2 x Linear(in_features=1, out_features=1, bias=False)
  )
  (present): Linear(in_features=1, out_features=1, bias=False)
  (pair): ModuleList(
    (0): BatchNorm1d(1, eps=1e-05, momentum=0.1, affine=False, bias=False, track_running_stats=True)
    (1): BatchNorm1d(2, eps=1e-05, momentum=0.1, affine=False, bias=False, track_running_stats=True)
  )
  (boxed): Dropout(p=0.1, inplace=False)
  (renamed): Linear(in_features=1, out_features=1, bias=False)
)";
    assert_eq!(parts().to_string(), expected);
    assert_eq!(nn::ReLU6::new().to_string(), "ReLU6()");
    assert_eq!(nn::Identity::new().to_string(), "Identity()");
    assert_eq!(nn::AdaptiveAvgPool2d::new(2).to_string(), "AdaptiveAvgPool2d(output_size=2)");
    assert_eq!(Vec::<Linear>::new().repr(), "ModuleList()");
}

#[derive(Module)]
struct Tied {
    encoder: Linear,
    decoder: Linear,
}

#[test]
fn tied_weights_are_one_parameter_with_two_keys() {
    let mut net = Tied { encoder: Linear::new(3, 3), decoder: Linear::new(3, 3) };
    net.decoder.weight = net.encoder.weight.clone();
    assert_eq!(parameters(&net), ["encoder.weight", "encoder.bias", "decoder.bias"]);
    assert_eq!(keys(&net), ["encoder.weight", "encoder.bias", "decoder.weight", "decoder.bias"]);
    assert_eq!(net.num_parameters(), 9 + 3 + 3);
    net.to_dtype(DType::F64);
    assert!(net.decoder.weight.get().shares_memory_with(&net.encoder.weight.get()));
    net.decoder.forward(&net.encoder.forward(&Tensor::ones([2, 3]).to_dtype(DType::F64))).sum().backward();
    let mut optimizer = SGD::builder(net.parameters()).lr(0.1).build();
    optimizer.step();
    assert_eq!(net.decoder.weight.get().to_vec::<f64>(), net.encoder.weight.get().to_vec::<f64>());
}

#[test]
fn shared_modules_are_one_module_and_modules_without_fields_are_not() {
    let shared = Arc::new(Linear::new(2, 2));
    let net = nn::seq![shared.clone(), nn::ReLU::new(), shared, nn::ReLU::new()];
    let modules: Vec<String> = net.named_modules().into_iter().map(|(name, _)| name).collect();
    assert_eq!(modules, ["", "0", "1", "3"]);
    assert_eq!(parameters(&net), ["0.weight", "0.bias"]);
    assert_eq!(keys(&net), ["0.weight", "0.bias", "2.weight", "2.bias"]);
}

#[test]
fn sequential_takes_names_boxes_and_no_layers_at_all() {
    let net = nn::Sequential::new().push_named("fc", Linear::new(2, 3)).push(nn::Tanh::new());
    assert_eq!(keys(&net), ["fc.weight", "fc.bias"]);
    assert_eq!(net.children().len(), 2);
    assert!(net.get(1).is_some_and(|layer| layer.kind() == "Tanh") && net.get(2).is_none());
    for name in ["", "a.b", "fc"] {
        let net = nn::Sequential::new().push_named("fc", nn::ReLU::new());
        assert!(net.try_push_named(name, nn::ReLU::new()).is_err(), "{name:?}");
    }
    let boxed: nn::Sequential = (0..3).map(|_| Box::new(linear()) as Box<dyn Forward>).collect();
    assert_eq!((boxed.len(), keys(&boxed).len()), (3, 3));
    let x = Tensor::from([1.0f32, 2.0]);
    assert_eq!(nn::Sequential::new().forward(&x).to_vec::<f32>(), [1.0, 2.0]);
}

#[derive(Module)]
struct Net {
    fc1: Linear,
    fc2: Linear,
}

impl Forward for Net {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.fc2.forward(&self.fc1.forward(x).relu())
    }
}

#[test]
fn errors_name_the_parameter() {
    let net = Net { fc1: Linear::new(9216, 128), fc2: Linear::new(128, 10) };
    let x = Tensor::zeros([64, 9200]);
    let error = rushlight::catch(|| net.forward(&x)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "linear: expected an input with 9216 features for the weight [128, 9216], got 9200 features in [64, 9200]"
    );
    // After the first forward pass of the model its parameters know their paths; a pass of a submodule does not replace
    // them.
    let _optimizer = SGD::builder(net.parameters()).lr(0.1).build();
    assert_eq!(net.fc1.parameters()[0].name().as_deref(), Some("fc1.weight"));
    let error = net.try_forward(&x).unwrap_err();
    assert_eq!(
        error.to_string(),
        "linear: expected an input with 9216 features for fc1.weight [128, 9216], got 9200 features in [64, 9200]"
    );
    assert!(matches!(error, Error::Shape { op: "linear", .. }));
    let net = nn::seq![nn::Flatten::new(), nn::seq![Linear::new(4, 2)]];
    let message = net.try_forward(&Tensor::zeros([2, 5])).unwrap_err().to_string();
    let place = "layer 1 (Sequential): layer 0 (Linear): linear: expected an input with 4 features";
    assert!(message.starts_with(place), "{message}");
}

#[test]
fn panics_point_at_the_users_line() {
    let layer = Linear::new(3, 2);
    let seen = Arc::new(std::sync::Mutex::new(None));
    let (place, here) = (seen.clone(), std::thread::current().id());
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == here {
            *place.lock().unwrap() = info.location().map(|at| (at.file().to_string(), at.line()));
        }
    }));
    let line = line!() + 1;
    let forward = || layer.forward(&Tensor::zeros([1, 4]));
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(forward));
    std::panic::set_hook(before);
    assert!(result.is_err());
    let seen = seen.lock().unwrap().clone().expect("a panic of this thread");
    assert!(seen.0 == file!() && seen.1 == line, "{seen:?}");
}

#[test]
fn loading_is_strict_and_all_or_nothing() {
    let net = Net { fc1: Linear::new(3, 2), fc2: Linear::new(2, 1) };
    let before = net.state_dict();
    let copy = |tensor: &Tensor| tensor.to_vec::<f32>();
    let values: Vec<Vec<f32>> = before.iter().map(|(_, tensor)| copy(tensor)).collect();
    let mut state: nn::StateDict = before.iter().map(|(key, tensor)| (key, tensor + 1.0)).collect();
    state.remove("fc1.bias");
    state.remove("fc2.bias");
    state.insert("fc3.bias", Tensor::zeros([1]));
    state.insert("fc2.weight", Tensor::zeros([3, 3]));
    let message = net.try_load_state_dict(&state).unwrap_err().to_string();
    let expected = "Error(s) in loading state_dict for Net:\n\tMissing key(s) in state_dict: \"fc1.bias\", \"fc2.bias\".\n\
        \tUnexpected key(s) in state_dict: \"fc3.bias\".\n\
        \tsize mismatch for fc2.weight: copying a param with shape [3, 3] from checkpoint, the shape in current model is [1, 2].";
    assert_eq!(message, expected);
    assert!(net.try_load_state_dict_lenient(&state).unwrap_err().to_string().contains("size mismatch for fc2.weight"));
    assert_eq!(net.state_dict().iter().map(|(_, tensor)| copy(tensor)).collect::<Vec<_>>(), values);
    state.remove("fc2.weight");
    let report = net.load_state_dict_lenient(&state);
    assert_eq!(report.missing, ["fc1.bias", "fc2.weight", "fc2.bias"]);
    assert_eq!(report.unexpected, ["fc3.bias"]);
    assert_eq!(copy(&net.fc1.weight.get()), values[0].iter().map(|v| v + 1.0).collect::<Vec<_>>());
}

#[test]
fn loading_keeps_the_parameter_and_converts() {
    let (a, b) = (Linear::new(3, 2), Linear::new(3, 2));
    let weight = b.weight.get();
    a.to_dtype(DType::F64);
    b.load_state_dict(&a.state_dict());
    assert!(weight.shares_memory_with(&b.weight.get()) && b.weight.get().dtype() == DType::F32);
    assert_eq!(weight.to_vec::<f32>(), a.weight.get().to_dtype(DType::F32).to_vec::<f32>());
    assert!(b.weight.requires_grad() && b.weight.get().is_leaf());
    b.load_state_dict(&b.state_dict()); // its own memory
    assert!(!b.state_dict().get("weight").unwrap().requires_grad());
}

#[derive(Module)]
struct Noisy {
    dropout: nn::Dropout,
    inner: nn::Sequential,
    training: Training,
}

#[test]
fn train_and_eval_reach_everything() {
    let net = Noisy {
        dropout: nn::Dropout::builder().p(1.0).build(),
        inner: nn::seq![nn::seq![nn::Dropout::builder().p(1.0).build()]],
        training: Training::default(),
    };
    let x = Tensor::ones([2]);
    let run = || net.inner.forward(&net.dropout.forward(&x)).sum().item_as::<f32>();
    assert_eq!((run(), net.training.get()), (0.0, true));
    net.eval();
    assert_eq!((run(), net.training.get()), (2.0, false));
    net.train(true);
    assert_eq!((run(), net.training.get()), (0.0, true));
}

#[test]
fn freezing_zeroing_and_counting() {
    let net = Net { fc1: Linear::new(2, 2), fc2: Linear::new(2, 1) };
    net.fc1.requires_grad_(false);
    let loss = || net.forward(&Tensor::ones([1, 2])).sum();
    loss().backward();
    assert!(net.fc1.weight.grad().is_none() && net.fc2.weight.grad().is_some());
    net.zero_grad();
    assert!(net.fc2.weight.grad().is_none());
    net.requires_grad_(true);
    loss().backward();
    assert!(net.fc1.weight.grad().is_some());
    assert_eq!(net.num_parameters(), 9);
    assert!(net.parameters().iter().all(Parameter::requires_grad));
}

#[test]
fn conversion_reaches_gradients_and_buffers_but_not_counters() {
    let net = nn::seq![Linear::new(2, 2), nn::BatchNorm1d::new(2)];
    net.forward(&Tensor::randn([4, 2])).square().sum().backward();
    let grad = net.parameters()[0].grad().unwrap();
    net.to_dtype(DType::F64);
    let types: Vec<DType> = net.state_dict().iter().map(|(_, tensor)| tensor.dtype()).collect();
    assert_eq!(types, [[DType::F64; 6].as_slice(), &[DType::I64]].concat());
    assert_eq!(net.parameters()[0].grad().unwrap().to_vec::<f64>(), grad.to_dtype(DType::F64).to_vec::<f64>());
    assert!(net.try_to_dtype(DType::I64).unwrap_err().to_string().contains("int64"));
    net.requires_grad_(false);
    net.to_dtype(DType::F32);
    assert!(!net.parameters()[0].requires_grad());
}

#[test]
fn apply_goes_from_the_inside_out() {
    let net = nn::seq![Linear::new(2, 2), nn::seq![nn::ReLU::new()]];
    let (mut kinds, mut linears) = (Vec::new(), 0);
    net.apply(&mut |module| {
        kinds.push(module.kind().to_string());
        linears += usize::from(module.downcast_ref::<Linear>().is_some());
    });
    assert_eq!((kinds.join(" "), linears), ("Linear ReLU Sequential Sequential".into(), 1));
    // Boxes are transparent.
    let boxed: Vec<Box<dyn Module>> = vec![Box::new(Box::new(Linear::new(1, 1)))];
    assert!(boxed.children()[0].downcast_ref::<Linear>().is_some());
}

#[test]
fn parameters_can_be_exchanged_and_must_be_floating_point() {
    let layer = Linear::new(2, 1);
    let handle = layer.weight.clone();
    layer.weight.set(Tensor::from([[5.0f32, 6.0]]));
    assert_eq!(handle.get().to_vec::<f32>(), [5.0, 6.0]);
    assert!(handle.requires_grad() && handle.get().is_leaf());
    assert!(Parameter::try_new(Tensor::from([1, 2])).unwrap_err().to_string().contains("int64"));
    assert!(handle.try_set(Tensor::from([1, 2])).is_err());
    let y = Tensor::ones([2]) * &layer.weight;
    assert_eq!(y.grad_fn().map(|node| node.name()), Some("MulBackward0"));
}

#[test]
fn same_padding_puts_the_odd_zero_at_the_end() {
    let layer = nn::Conv2d::builder(1, 1, 2).padding(Padding::Same).bias(false).build();
    nn::init::ones_(&layer.weight);
    let y = layer.forward(&Tensor::ones([1, 1, 3, 3]));
    assert_eq!(y.to_vec::<f32>(), [4.0, 4.0, 2.0, 4.0, 4.0, 2.0, 2.0, 2.0, 1.0]);
    let y = nn::Conv2d::builder(1, 2, (3, 4))
        .dilation((2, 1))
        .padding(Padding::Same)
        .build()
        .forward(&Tensor::ones([1, 5, 7]));
    assert_eq!(y.shape(), [2, 5, 7]);
    let valid = nn::Conv2d::builder(1, 2, 3).padding(Padding::Valid).build();
    assert_eq!(valid.to_string(), "Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1), padding=valid)");
    assert_eq!(valid.forward(&Tensor::ones([1, 1, 5, 5])).shape(), [1, 2, 3, 3]);
}

fn text<T>(result: rushlight::Result<T>) -> String {
    result.err().expect("an error").to_string()
}

#[test]
fn wrong_convolutions_of_other_ranks_are_refused() {
    let up = || nn::ConvTranspose2d::builder(4, 6, 3);
    assert!(text(up().groups(3).try_build()).contains("expected in_channels divisible by groups, got 4 and 3"));
    assert!(text(up().groups(4).try_build()).contains("expected out_channels divisible by groups, got 6 and 4"));
    assert!(text(up().stride((1, 0)).try_build()).contains("expected stride of at least 1, got (1, 0)"));
    assert!(text(nn::ConvTranspose1d::try_new(1, 1, 0)).contains("expected kernel_size of at least 1, got 0"));
    assert!(text(nn::Conv3d::builder(1, 1, 1).dilation(0).try_build()).contains("dilation"));
    assert!(
        text(nn::Conv1d::builder(1, 1, 3).stride(2).padding(Padding::Same).try_build()).contains("expected stride 1")
    );
    assert!(nn::Conv3d::try_new(usize::MAX, 2, 3).is_err());

    let up = up().stride(2).build();
    let _ = up.parameters();
    let message = text(up.try_forward(&Tensor::zeros([1, 3, 8, 8])));
    assert!(message.contains("weight [4, 6, 3, 3]") && message.contains("[1, 3, 8, 8]"), "{message}");
    let x = Tensor::zeros([1, 4, 3, 3]);
    assert_eq!(
        text(up.try_forward_with_output_size(&x, [9, 8])),
        "ConvTranspose2d: expected output_size from [7, 7] to [8, 8] for an input of [3, 3], got [9, 8]"
    );
    assert!(up.try_forward_with_output_size(&x, [6, 7]).is_err());
    assert!(text(up.try_forward_with_output_size(&Tensor::zeros([3]), [7, 7])).contains("[3]"));
    let empty = up.try_forward_with_output_size(&Tensor::zeros([1, 4, 0, 3]), [1, 7]);
    assert!(text(empty).contains("expected nonempty spatial dimensions"));
    // As in PyTorch, the layer can be built, and forward returns an error.
    let more = nn::ConvTranspose1d::builder(1, 1, 3).output_padding(1).build();
    assert!(text(more.try_forward(&Tensor::zeros([1, 4]))).contains("expected output_padding smaller"));
}

#[test]
fn absurd_transposed_convolutions_are_refused() {
    let one = Tensor::ones([1, 1, 1]);
    let run = |x: &Tensor, stride, padding, more, dilation| {
        text(x.try_conv_transpose1d_with(
            &Tensor::ones([1, 1, 2]),
            None,
            ConvTransposeOptions::new().stride(stride).padding(padding).output_padding(more).dilation(dilation),
        ))
    };
    let most = i32::MAX as usize;
    assert!(run(&one, usize::MAX, 0, 0, 1).contains("below 2^31"));
    assert!(run(&one, 1, usize::MAX, 0, 1).contains("below 2^31"));
    assert!(run(&one, 1, 0, usize::MAX, 1).contains("expected output_padding smaller"));
    assert!(run(&one, 1, most, 0, 1).contains("expected padding that leaves a nonempty output"));
    assert!(run(&one.expand([1, 1, 1usize << 40]), most, 0, 0, 1).contains("expected an output that fits in memory"));
    // Nothing to compute, but its number of elements overflows.
    let none = Tensor::zeros([0, 1, 2, 2]);
    let weight = Tensor::ones([1, 1, 2, 2]);
    let message = text(none.try_conv_transpose2d_with(&weight, None, ConvTransposeOptions::new().stride(most)));
    assert!(message.contains("expected a shape that fits in memory"), "{message}");
    assert!(
        one.try_conv_transpose1d_with(&Tensor::ones([1, 1, 2]), None, ConvTransposeOptions::new().groups(usize::MAX))
            .is_err()
    );
}

#[test]
fn wrong_options_and_inputs_are_refused() {
    assert_eq!(
        text(nn::Dropout::builder().p(1.5).try_build()),
        "Dropout: expected a probability between 0 and 1, got 1.5"
    );
    let conv = || nn::Conv2d::builder(4, 6, 3);
    assert!(text(conv().groups(3).try_build()).contains("expected in_channels divisible by groups, got 4 and 3"));
    assert!(text(conv().groups(4).try_build()).contains("expected out_channels divisible by groups, got 6 and 4"));
    assert!(text(conv().groups(0).try_build()).contains("groups"));
    assert!(text(conv().stride((1, 0)).try_build()).contains("expected stride of at least 1, got (1, 0)"));
    assert!(text(nn::Conv2d::try_new(1, 1, 0)).contains("kernel_size"));
    assert!(
        text(conv().stride(2).padding(Padding::Same).try_build())
            .contains("expected stride 1 with padding 'same', got 2")
    );
    assert!(text(Linear::builder(2, 2).dtype(DType::I64).try_build()).contains("int64"));
    assert!(Linear::try_new(usize::MAX, 2).is_err());
    let conv = conv().build();
    let _ = conv.parameters();
    let message = text(conv.try_forward(&Tensor::zeros([1, 3, 8, 8])));
    assert!(message.contains("weight [6, 4, 3, 3]") && message.contains("[1, 3, 8, 8]"), "{message}");
    let norm = nn::BatchNorm2d::new(3);
    assert_eq!(
        text(norm.try_forward(&Tensor::zeros([1, 3]))),
        "BatchNorm2d: expected an input [N, C, H, W], got shape [1, 3]"
    );
    let one = text(norm.try_forward(&Tensor::zeros([1, 3, 1, 1])));
    assert!(one.contains("more than 1 value per channel"), "{one}");
    assert_eq!(norm.num_batches_tracked.as_ref().unwrap().get().item_as::<i64>(), 0, "a failed step is not counted");
    assert!(text(nn::init::try_xavier_uniform_(Tensor::zeros([3]))).contains("at least 2 dimensions"));
    assert!(
        text(nn::init::try_trunc_normal_with_(Tensor::zeros([3]), nn::init::TruncNormalOptions::new().b(-3.0)))
            .contains("a=-2 and b=-3")
    );
    assert!(
        text(nn::init::try_dirac_with_(Tensor::zeros([3, 1, 1]), nn::init::DiracOptions::new().groups(2)))
            .contains("divisible by groups")
    );
    assert!(text(nn::init::try_sparse_(Tensor::zeros([3, 1]), 1.5)).contains("sparsity"));
}

#[test]
fn linear_layers_without_inputs_draw_nothing_and_give_their_bias() {
    let layer = Linear::new(0, 2);
    assert_eq!(layer.forward(&Tensor::zeros([3, 0])).to_vec::<f32>(), [0.0; 6]);
}

#[test]
fn losses_reduce_weigh_and_save_their_weights() {
    let (x, t) = (Tensor::from([[2.0f32, 0.0], [0.0, 1.0]]), Tensor::from([0, 1]));
    let weight = Tensor::from([1.0f32, 3.0]);
    let loss = nn::CrossEntropyLoss::builder().weight(&weight).reduction(Reduction::None).build();
    assert_eq!(keys(&loss), ["weight"]);
    assert!(loss.parameters().is_empty());
    let direct = x.cross_entropy_with(&t, CrossEntropyOptions::new().weight(&weight).reduction(Reduction::None));
    assert_eq!(loss.forward(&x, &t).to_vec::<f32>(), direct.to_vec::<f32>());
    let ignoring = nn::CrossEntropyLoss::builder().ignore_index(1).build();
    assert_eq!(ignoring.forward(&x, &t).item_as::<f32>(), direct.to_vec::<f32>()[0]);
    let log = x.log_softmax(1);
    let nll =
        nn::NLLLoss::builder().weight(&weight).reduction(Reduction::Sum).build().forward(&log, &t).item_as::<f32>();
    assert!((nll - direct.sum().item_as::<f32>()).abs() < 1e-6);
    let target = Tensor::from([[1.0f32, 0.0], [0.0, 1.0]]);
    let logits = nn::BCEWithLogitsLoss::builder().pos_weight(&weight).build().forward(&x, &target).item_as::<f32>();
    let by_hand = [(2.0f64, 1.0, 1.0), (0.0, 0.0, 3.0), (0.0, 0.0, 1.0), (1.0, 1.0, 3.0)]
        .map(|(x, t, p)| p * t * (-x).exp().ln_1p() + (1.0 - t) * x.exp().ln_1p());
    assert!((f64::from(logits) - by_hand.iter().sum::<f64>() / 4.0).abs() < 1e-6);
    let bce = nn::BCELoss::new().forward(&x.sigmoid(), &target).item_as::<f32>();
    assert!((bce - nn::BCEWithLogitsLoss::new().forward(&x, &target).item_as::<f32>()).abs() < 1e-6);
    let message = text(nn::CrossEntropyLoss::new().try_forward(&x, &Tensor::from([0, 2])));
    assert!(message.contains('2'), "{message}");
}

#[test]
fn batch_norm_without_statistics_always_uses_the_batch() {
    let layer = nn::BatchNorm1d::builder(1).track_running_stats(false).build();
    let x = Tensor::from([[1.0f32], [3.0]]);
    layer.eval();
    let y = layer.forward(&x).to_vec::<f32>();
    assert!((y[0] + 1.0).abs() < 1e-4 && (y[1] - 1.0).abs() < 1e-4);
    let scaled = nn::BatchNorm1d::builder(1).bias(false).eps(0.0).build();
    assert_eq!(keys(&scaled)[..2], ["weight", "running_mean"]);
    assert_eq!(scaled.forward(&x).to_vec::<f32>(), [-1.0, 1.0]);
}

#[test]
fn models_can_be_used_from_several_threads() {
    let net = Arc::new(Net { fc1: Linear::new(4, 4), fc2: Linear::new(4, 2) });
    let x = Tensor::randn([8, 4]);
    let expected = net.forward(&x).to_vec::<f32>();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..50).for_each(|_| assert_eq!(net.forward(&x).to_vec::<f32>(), expected)));
        }
    });
}

#[test]
fn sequential_is_indexed_and_iterated() {
    let net = nn::seq![Linear::new(2, 3), nn::ReLU::new(), nn::seq![nn::Tanh::new()]];
    assert_eq!(net[0].to_string(), "Linear(in_features=2, out_features=3, bias=True)");
    assert_eq!(format!("{:?} {}", &net[1], net.get(2).unwrap()), "ReLU() Sequential(\n  (0): Tanh()\n)");
    assert_eq!(net.get_as::<Linear>(0).unwrap().out_features(), 3);
    assert!(net.get_as::<Linear>(1).is_none() && net.get_as::<Linear>(3).is_none());
    let kinds: Vec<&str> = (&net).into_iter().map(|layer| layer.kind()).collect();
    assert_eq!(kinds, ["Linear", "ReLU", "Sequential"]);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| net[3].kind().len())).unwrap_err();
    assert_eq!(caught.downcast_ref::<String>().unwrap(), "Sequential: expected an index below 3, got 3");
}

#[test]
fn parameters_are_operands() {
    let (p, x) = (Parameter::new(Tensor::from([1.0f32, 2.0])), Tensor::from([4.0f32, 8.0]));
    let values = |y: Tensor| {
        assert!(y.requires_grad());
        y.to_vec::<f32>()
    };
    assert_eq!(values(&p * &x), [4.0, 16.0]);
    assert_eq!(values(&x * &p), [4.0, 16.0]);
    assert_eq!(values(&p + &p), [2.0, 4.0]);
    assert_eq!(values(&p - 1), [0.0, 1.0]);
    assert_eq!(values(0.5 * &p), [0.5, 1.0]);
    assert_eq!(values(2 * &p), [2.0, 4.0]);
    assert_eq!(values(x / &p), [4.0, 4.0]);
    assert_eq!(values(-&p), [-1.0, -2.0]);
    assert_eq!((p.shape(), p.numel(), p.dtype()), (vec![2], 2, DType::F32));
    assert_eq!(format!("{:?}", Some(&p)), "Some(Parameter containing:\ntensor([1., 2.], requires_grad=True))");
}

/// Different padding before and after gives the result of an explicitly zero-padded input.
#[test]
fn convolutions_pad_their_sides() {
    let x = Tensor::randn([2, 3, 7, 6]);
    let padded = |padding: Padding<2>, stride: usize| {
        let layer = nn::Conv2d::builder(3, 4, (3, 4)).padding(padding).stride(stride).build();
        (layer.forward(&x), layer)
    };
    let by_hand = |layer: &nn::Conv2d, [top, bottom, left, right]: [usize; 4], stride: usize| {
        let (weight, bias) = (layer.weight.get(), layer.bias.as_ref().unwrap().get());
        let options = rushlight::ops::ConvOptions::new().stride(stride);
        x.pad([left, right, top, bottom]).conv2d_with(&weight, &bias, options)
    };
    let same = |a: &Tensor, b: &Tensor| a.shape() == b.shape() && (a - b).abs().max().item() < 1e-5;
    let (y, layer) = padded(Padding::sides((2, 0), (1, 3)), 1);
    assert!(same(&y, &by_hand(&layer, [2, 1, 0, 3], 1)));
    assert!(layer.to_string().ends_with("padding=((2, 1), (0, 3)))"), "{layer}");
    // 7 rows with stride 2 give 4 windows of 3 rows with 2 zeros; 6 columns give 3 windows of 4 columns with 2 zeros.
    let (y, layer) = padded(Padding::SameUpper, 2);
    assert_eq!(y.shape(), [2, 4, 4, 3]);
    assert!(same(&y, &by_hand(&layer, [1, 1, 1, 1], 2)));
    // If the number of zeros is odd, the extra one is at the end.
    let (y, layer) = padded(Padding::SameUpper, 1);
    assert!(same(&y, &by_hand(&layer, [1, 1, 1, 2], 1)));
}

#[test]
fn batch_norms_take_inputs_of_their_rank() {
    let ranks = |layer: &dyn Forward| -> Vec<usize> {
        let shape = [2, 3, 2, 2, 2, 2];
        (1..=6).filter(|&rank| layer.try_forward(&Tensor::randn(&shape[..rank])).is_ok()).collect()
    };
    assert_eq!(ranks(&nn::BatchNorm1d::new(3)), [2, 3]);
    assert_eq!(ranks(&nn::BatchNorm2d::new(3)), [4]);
    assert_eq!(ranks(&nn::BatchNorm3d::new(3)), [5]);
}

#[test]
fn wrong_pools_are_refused() {
    let x = Tensor::zeros([1, 1, 4, 4]);
    assert!(text(nn::MaxPool1d::new(2).try_forward(&x)).contains("[N, C, L] or [C, L], got [1, 1, 4, 4]"));
    assert!(text(nn::AvgPool3d::new(2).try_forward(&Tensor::zeros([4, 4]))).contains("[N, C, D, H, W]"));
    assert!(text(nn::MaxPool3d::new((1, 5, 1)).try_forward(&x)).contains("kernel_size [1, 5, 1]"));
    assert!(text(nn::MaxPool2d::builder(2).padding(2).build().try_forward(&x)).contains("at most half"));
    assert!(text(nn::AdaptiveMaxPool2d::new(0).try_forward(&x)).contains("at least 1"));
    assert!(text(nn::AdaptiveAvgPool1d::new(1).try_forward(&Tensor::zeros([1, 0]))).contains("with elements"));
}
