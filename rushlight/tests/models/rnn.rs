//! Recurrent layers and packed sequences against PyTorch: draws, text, outputs, states, gradients of first and second order, refusals.

use crate::golden::*;
use rushlight::autograd::{GradOptions, grad_with, gradgradcheck};
use rushlight::nn::utils::rnn::*;
use rushlight::nn::{self, LSTM, LSTMCell, LstmState, Module, Parameter};
use rushlight::{DType, Device, Tensor, set_num_threads};
use serde_json::Value;

fn size(options: &Value, name: &str, default: usize) -> usize {
    options[name].as_u64().map_or(default, |value| value as usize)
}

fn flag(options: &Value, name: &str, default: bool) -> bool {
    options[name].as_bool().unwrap_or(default)
}

fn lstm(golden: &Value) -> LSTM {
    let options = &golden["options"];
    LSTM::builder(3, 4)
        .num_layers(size(options, "num_layers", 1))
        .bias(flag(options, "bias", true))
        .batch_first(flag(options, "batch_first", false))
        .dropout(options["dropout"].as_f64().unwrap_or(0.0))
        .bidirectional(flag(options, "bidirectional", false))
        .proj_size(size(options, "proj_size", 0))
        .dtype(dtype(text(&golden["dtype"])))
        .build()
}

fn leaves(values: &Value) -> Vec<Tensor> {
    list(values).iter().map(|value| tensor(value).requires_grad_(true)).collect()
}

/// The tolerance of results of a type; for 16-bit floats the distance of two neighbors.
fn tolerance(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => 1e-11,
        DType::F32 => 2e-5,
        DType::F16 => 1e-3,
        _ => 8e-3,
    }
}

fn compare(what: &str, found: &[Tensor], golden: &Value, tolerance: f64) {
    assert_eq!(found.len(), list(golden).len(), "{what}");
    for (i, (found, golden)) in found.iter().zip(list(golden)).enumerate() {
        assert_close(&format!("{what} {i}"), found, golden, tolerance);
    }
}

/// Draws, keys and text of a module.
fn check_module(name: &str, module: &dyn Module, golden: &Value) {
    assert_eq!(Tensor::rand([1]).item_as::<f32>(), number(&golden["next_draw"]) as f32, "{name}: not as many draws");
    assert_eq!(module.repr(), text(&golden["text"]));
    let state = module.state_dict();
    assert_eq!(state.len(), list(&golden["draws"]).len(), "{name}");
    for ((key, tensor), golden) in state.iter().zip(list(&golden["draws"])) {
        assert_eq!(key, text(&golden["key"]), "{name}");
        assert_same(&format!("{name}.{key}"), tensor, &golden["value"]);
    }
}

/// Outputs and gradients of `run` from the fixture's inputs, which are followed by the parameters.
fn check_run(name: &str, golden: &Value, parameters: &[Parameter], run: impl Fn(&[Tensor]) -> Vec<Tensor>) {
    let inputs = leaves(&golden["inputs"]);
    if let Some(seed) = golden["seed"].as_u64() {
        rushlight::manual_seed(seed);
    }
    let outputs = run(&inputs);
    let tolerance = tolerance(dtype(text(&golden["dtype"])));
    compare(&format!("{name}: output"), &outputs, &golden["outputs"], tolerance);
    let second = !golden["second"].is_null();
    let weights: Vec<Tensor> = list(&golden["weights"]).iter().map(|w| tensor(w).requires_grad_(second)).collect();
    let all: Vec<Tensor> = inputs.into_iter().chain(parameters.iter().map(Parameter::get)).collect();
    let given: Vec<Option<Tensor>> = weights.iter().cloned().map(Some).collect();
    let options = GradOptions::new().grad_outputs(given).create_graph(second);
    let grads = grad_with(&outputs, &all, options);
    compare(&format!("{name}: gradient"), &grads, &golden["grads"], tolerance);
    if second {
        let directions = list(&golden["directions"]).iter().map(tensor);
        let terms: Vec<Tensor> =
            grads.iter().zip(directions).map(|(grad, direction)| (grad * direction).sum()).collect();
        let all: Vec<Tensor> = all.into_iter().chain(weights).collect();
        let second = grad_with(&Tensor::stack(&terms).sum(), &all, GradOptions::new());
        compare(&format!("{name}: second order"), &second, &golden["second"], 1e-10);
    }
}

fn run_lstm(net: &LSTM, golden: &Value, inputs: &[Tensor]) -> Vec<Tensor> {
    let state = match inputs {
        [_, h, c] => LstmState::from((h, c)),
        _ => LstmState::default(),
    };
    let (output, (h, c)) = match numbers::<usize>(&golden["lengths"]) {
        Some(lengths) => {
            let options = PackOptions::new().batch_first(flag(&golden["options"], "batch_first", false));
            let packed = pack_padded_sequence_with(&inputs[0], lengths, options.enforce_sorted(false));
            let (output, state) = net.forward_with(&packed, state);
            (output.data().clone(), state)
        }
        None => net.forward_with(&inputs[0], state),
    };
    vec![output, h, c]
}

#[test]
fn lstm_is_pytorchs() {
    let _alone = crate::alone();
    let fixture = load("rnn");
    assert_eq!(list(&fixture["lstm"]).len(), 26);
    for golden in list(&fixture["lstm"]) {
        let name = text(&golden["name"]);
        rushlight::manual_seed(0);
        let net = lstm(golden);
        check_module(name, &net, golden);
        net.train(golden["eval"] != true);
        check_run(name, golden, &net.parameters(), |inputs| run_lstm(&net, golden, inputs));
    }
}

#[test]
fn lstm_cell_is_pytorchs() {
    let _alone = crate::alone();
    let fixture = load("rnn");
    assert_eq!(list(&fixture["lstm_cell"]).len(), 6);
    for golden in list(&fixture["lstm_cell"]) {
        let name = text(&golden["name"]);
        rushlight::manual_seed(0);
        let options = LSTMCell::builder(3, 4).bias(flag(&golden["options"], "bias", true));
        let net = options.dtype(dtype(text(&golden["dtype"]))).build();
        check_module(name, &net, golden);
        check_run(name, golden, &net.parameters(), |inputs| {
            let (h, c) = match inputs {
                [x, h, c] => net.forward_with(x, (h, c)),
                inputs => net.forward(&inputs[0]),
            };
            vec![h, c]
        });
    }
}

#[test]
fn sequences_are_packed_as_by_pytorch() {
    let fixture = load("rnn");
    assert_eq!(list(&fixture["packed"]).len(), 7);
    for golden in list(&fixture["packed"]) {
        let name = text(&golden["name"]);
        let x = tensor(&golden["x"]).requires_grad_(true);
        let batch_first = flag(golden, "batch_first", false);
        let options = PackOptions::new().batch_first(batch_first).enforce_sorted(flag(golden, "enforce_sorted", true));
        let packed = pack_padded_sequence_with(&x, numbers::<usize>(&golden["lengths"]).unwrap(), options);
        assert_same(name, packed.data(), &golden["data"]);
        assert_eq!(
            rushlight::no_grad(|| pack_padded_sequence_with(
                &x.detach(),
                numbers::<usize>(&golden["lengths"]).unwrap(),
                options
            ))
            .to_string(),
            text(&golden["text"])
        );
        let mut options = PadPackedOptions::new().batch_first(batch_first);
        options = options.padding_value(number(&golden["padding_value"]));
        if let Some(length) = golden["total_length"].as_u64() {
            options = options.total_length(length as usize);
        }
        let (padded, lengths) = pad_packed_sequence_with(&packed, options);
        assert_same(name, &padded, &golden["padded"]);
        assert_eq!(lengths, shape(&golden["found"]), "{name}");
        (padded * tensor(&golden["weights"])).sum().backward();
        assert_same(name, &x.grad().unwrap(), &golden["grad"]);
    }
}

#[test]
fn sequences_are_padded_as_by_pytorch() {
    let fixture = load("rnn");
    assert_eq!(list(&fixture["padded"]).len(), 8);
    for golden in list(&fixture["padded"]) {
        let parts: Vec<Tensor> = list(&golden["parts"]).iter().map(tensor).collect();
        let side = if golden["side"] == "left" { PaddingSide::Left } else { PaddingSide::Right };
        let options = PadSequenceOptions::new().batch_first(flag(golden, "batch_first", false)).padding_value(0.5);
        let padded = pad_sequence_with(&parts, options.padding_side(side));
        assert_same(&format!("{options:?}"), &padded, &golden["out"]);
    }
}

/// On several threads and on one, sequences together and one at a time, packed and alone: the same bits.
#[test]
fn results_do_not_depend_on_how_work_is_divided() {
    let _alone = crate::alone();
    for (batch, hidden, proj_size) in [(40, 33, 0), (3, 160, 0), (20, 50, 17), (2, 150, 140)] {
        rushlight::manual_seed(1);
        let net = LSTM::builder(6, hidden).proj_size(proj_size).bidirectional(true).build();
        let x = Tensor::randn([9, batch, 6]);
        let run = || {
            net.zero_grad();
            let (out, (h, c)) = net.forward(&x);
            (out.square().sum() + h.sum() + c.square().sum()).backward();
            let mut results: Vec<Tensor> = net.parameters().iter().map(|p| p.grad().unwrap()).collect();
            results.extend([out, h, c]);
            results
        };
        set_num_threads(2);
        let two = run();
        set_num_threads(1);
        assert!(two.iter().zip(run()).all(|(a, b)| a.equal(&b)), "{batch} sequences of {hidden}");
        let lengths: Vec<usize> = (0..batch).map(|i| 9 - 8 * i / batch).collect();
        let packed = pack_padded_sequence(&x, &lengths);
        set_num_threads(2);
        let (out, (h, _)) = net.forward(&packed);
        let (out, _) = pad_packed_sequence(&out);
        for i in [0, batch / 2, batch - 1] {
            let alone = x.narrow(0, 0, lengths[i]).narrow(1, i as isize, 1);
            let (one, (one_h, _)) = net.forward(&alone);
            assert!(out.narrow(0, 0, lengths[i]).narrow(1, i as isize, 1).equal(&one), "sequence {i} of {batch}");
            assert!(h.narrow(1, i as isize, 1).equal(&one_h), "sequence {i} of {batch}");
        }
    }
}

#[test]
fn second_derivatives_agree_with_differences() {
    let _alone = crate::alone();
    rushlight::manual_seed(2);
    let net = LSTM::builder(2, 3).num_layers(2).bidirectional(true).proj_size(2).dtype(DType::F64).build();
    let [x, h, c] =
        [[3, 2, 2], [4, 2, 2], [4, 2, 3]].map(|shape| Tensor::randn_with(shape, DType::F64).requires_grad_(true));
    let run = |inputs: &[&Tensor]| {
        let packed = pack_padded_sequence_with(inputs[0], [1, 3], PackOptions::new().enforce_sorted(false));
        let (out, (h, c)) = net.try_forward_with(&packed, (inputs[1], inputs[2]))?;
        Tensor::try_cat([out.data().flatten(), h.flatten(), c.flatten()])
    };
    gradgradcheck(run, &[&x, &h, &c]).unwrap();
}

/// A device that has no LSTM of its own computes the same.
#[test]
fn lstm_is_composed_on_other_devices() {
    let _alone = crate::alone();
    rushlight::manual_seed(3);
    let net = LSTM::builder(3, 4).num_layers(2).bidirectional(true).proj_size(2).build();
    let there = LSTM::builder(3, 4).num_layers(2).bidirectional(true).proj_size(2).build();
    for (to, from) in there.parameters().iter().zip(net.parameters()) {
        to.set(from.get().detach().to_device(Device::Reference));
    }
    let x = Tensor::randn([4, 3, 3]);
    let run = |net: &LSTM, x: &Tensor| {
        let packed = pack_padded_sequence_with(x, [2, 4, 1], PackOptions::new().enforce_sorted(false));
        let (out, (h, c)) = net.forward(&packed);
        (out.data().square().sum() + h.square().sum() + c.sum()).backward();
        let mut results: Vec<Tensor> = net.parameters().iter().map(|p| p.grad().unwrap()).collect();
        results.extend([out.data().detach(), h.detach(), c.detach()]);
        results
    };
    for (here, there) in run(&net, &x).iter().zip(run(&there, &x.to_device(Device::Reference))) {
        assert_eq!(there.device(), Device::Reference);
        let there = there.to_device(Device::Cpu);
        assert!((here - there).abs().max().item() < 1e-5);
    }
}

#[test]
fn refused_as_by_pytorch() {
    let _alone = crate::alone();
    let x = Tensor::ones([5, 3, 3]);
    let state = Tensor::zeros([1, 3, 4]);
    let (net, cell) = (LSTM::new(3, 4), LSTMCell::new(3, 4));
    let wide = |x: &Tensor| x.to_dtype(DType::F64);
    let with = |h: Tensor, c: &Tensor| net.try_forward_with(&x, (&h, c)).map(drop);
    let refused = load("rnn")["refused"].clone();
    let mut names = texts(&refused);
    // PyTorch packs fewer elements than the sizes say, and fails when they are used.
    names.push("pack_long");
    for name in names {
        let (result, message) = match name {
            "input_size" => (LSTM::try_new(0, 2).map(drop), "LSTM: expected input_size greater than 0, got 0"),
            "hidden_size" => (LSTM::try_new(2, 0).map(drop), "LSTM: expected hidden_size greater than 0, got 0"),
            "num_layers" => {
                (LSTM::builder(2, 2).num_layers(0).try_build().map(drop), "expected num_layers greater than 0, got 0")
            }
            "proj_size" => (
                LSTM::builder(2, 2).proj_size(2).try_build().map(drop),
                "expected proj_size smaller than hidden_size 2, got 2",
            ),
            "dropout" => (
                LSTM::builder(2, 2).dropout(1.5).try_build().map(drop),
                "expected a dropout probability between 0 and 1, got 1.5",
            ),
            "dimensions" => {
                (net.try_forward(&Tensor::ones([3])).map(drop), "expected an input of 2 or 3 dimensions, got shape [3]")
            }
            "features" => (
                net.try_forward(&Tensor::ones([5, 3, 2])).map(drop),
                "expected an input with 3 features in the last dimension, got [5, 3, 2]",
            ),
            "dtype" => (
                net.try_forward(&wide(&x)).map(drop),
                "expected an input of the parameters' dtype float32, got float64",
            ),
            "steps" => (
                net.try_forward(&Tensor::ones([0, 3, 3])).map(drop),
                "expected sequences of at least 1 step, got input [0, 3, 3]",
            ),
            "h_0" => (
                with(Tensor::zeros([2, 3, 4]), &state),
                "expected h_0 to have shape [1, 3, 4] for the input [5, 3, 3], got [2, 3, 4]",
            ),
            "c_0" => (with(state.clone(), &Tensor::zeros([1, 3, 3])), "expected c_0 to have shape [1, 3, 4]"),
            "state_dimensions" => {
                (with(state.select(1, 0), &state.select(1, 0)), "expected h_0 to have shape [1, 3, 4]")
            }
            "state_dtype" => {
                (with(wide(&state), &wide(&state)), "expected h_0 of the input's dtype float32, got float64")
            }
            "packed_dimensions" => (
                net.try_forward(&pack_sequence([Tensor::ones([3])])).map(drop),
                "expected packed data of 2 dimensions, got shape [3]",
            ),
            "cell_dimensions" => (
                cell.try_forward(&Tensor::ones([1, 1, 3])).map(drop),
                "LSTMCell: expected an input [N, 3] or [3], got shape [1, 1, 3]",
            ),
            "cell_features" => (cell.try_forward(&Tensor::ones([2, 2])).map(drop), "expected an input [N, 3] or [3]"),
            "cell_state" => (
                cell.try_forward_with(&Tensor::ones([2, 3]), (Tensor::zeros([1, 4]), Tensor::zeros([2, 4]))).map(drop),
                "expected h to have shape [2, 4], got [1, 4]",
            ),
            "cell_dtype" => (
                cell.try_forward(&wide(&Tensor::ones([2, 3]))).map(drop),
                "expected the input of the parameters' dtype float32, got float64",
            ),
            "pack_empty" => (
                try_pack_padded_sequence(&Tensor::ones([0, 2, 1]), [1, 1]).map(drop),
                "pack_padded_sequence: expected an input [L, N, …] with elements, got shape [0, 2, 1]",
            ),
            "pack_count" => (
                try_pack_padded_sequence(&x, [1, 1]).map(drop),
                "expected one length for each of 3 sequences in the input [5, 3, 3], got 2",
            ),
            "pack_zero" => (try_pack_padded_sequence(&x, [2, 1, 0]).map(drop), "expected lengths from 1 to 5"),
            "pack_long" => (try_pack_padded_sequence(&x, [6, 1, 1]).map(drop), "for the input [5, 3, 3], got 6"),
            "pack_order" => (
                try_pack_padded_sequence(&x, [1, 2, 3]).map(drop),
                "expected lengths in decreasing order with enforce_sorted, got [1, 2, 3]",
            ),
            "pack_sequence_zero" => (
                try_pack_sequence([Tensor::ones([2]), Tensor::ones([0])]).map(drop),
                "pack_sequence: expected lengths from 1 to 2",
            ),
            "total_length" => (
                try_pad_packed_sequence_with(
                    &pack_sequence([Tensor::ones([3])]),
                    PadPackedOptions::new().total_length(2),
                )
                .map(drop),
                "pad_packed_sequence: expected total_length of at least the longest sequence's length 3, got 2",
            ),
            "pad_nothing" => {
                (try_pad_sequence::<Tensor>([]).map(drop), "pad_sequence: expected at least one sequence, got none")
            }
            "pad_shapes" => (
                try_pad_sequence([Tensor::ones([2, 2]), Tensor::ones([2, 3])]).map(drop),
                "expected sequences that differ in the first dimension only, got shapes [2, 2] and [2, 3]",
            ),
            "pad_0d" => (try_pad_sequence([Tensor::from(1.0f32)]).map(drop), "got shapes [] and []"),
            other => panic!("the fixture has a call {other} that is unknown to this test"),
        };
        let error = result.expect_err(name).to_string();
        assert!(error.contains(message), "{name}: {error}");
    }
}

#[test]
fn lstm_is_part_of_a_model() {
    let _alone = crate::alone();
    let net = vec![LSTM::new(2, 3)];
    let keys: Vec<String> = net.state_dict().keys().map(str::to_string).collect();
    assert_eq!(keys, ["0.weight_ih_l0", "0.weight_hh_l0", "0.bias_ih_l0", "0.bias_hh_l0"]);
    assert_eq!(net.parameters()[1].name().as_deref(), Some("0.weight_hh_l0"));
    net.to_dtype(DType::F64);
    let (_, (h, _)) = net[0].forward(&nn::init::ones_(Tensor::zeros_with([1, 1, 2], DType::F64)));
    assert_eq!(h.dtype(), DType::F64);
}
