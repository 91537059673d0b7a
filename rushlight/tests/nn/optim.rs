//! Parameter groups, states, and what optimizers reject.

use crate::golden::*;
use rushlight::nn::utils::{ClipGradNormOptions, clip_grad_norm_with_, clip_grad_value_};
use rushlight::nn::{Linear, Module, Parameter, StateDict};
use rushlight::optim::{ASGD, Adadelta, Adagrad, Adam, AdamW, Adamax, Optimizer, RMSprop, Rprop, SGD};
use rushlight::{DType, Tensor, TensorOptions};

fn leaf(values: &[f64]) -> Tensor {
    Tensor::from(values).requires_grad_(true)
}

#[test]
fn groups_have_options_of_their_own() {
    let (p, q) = (leaf(&[1.0, -2.0]), leaf(&[0.5, 1.5]));
    let mut optimizer = SGD::builder([&p])
        .group([&q], |options| {
            options.lr = 0.01;
            options.momentum = 0.5;
        })
        .lr(0.1)
        .weight_decay(0.01)
        .build();
    let fixture = load("optim");
    let steps = list(&fixture["parameter_groups"]["steps"]);
    assert_eq!(steps.len(), 5);
    for golden in steps {
        optimizer.zero_grad();
        (p.square().sum() + q.pow(3).sum()).backward();
        optimizer.step();
        assert_close("p", &p.detach(), &golden["p"], 1e-14);
        assert_close("q", &q.detach(), &golden["q"], 1e-14);
    }
    assert_eq!([optimizer.group_lr(0), optimizer.group_lr(1)], [0.1, 0.01]);
    optimizer.set_lr(0.5);
    assert_eq!([optimizer.lr(), optimizer.group_lr(1)], [0.5, 0.5]);
}

#[test]
fn clipping_is_pytorchs() {
    let fixture = load("init");
    assert_eq!(list(&fixture["clipping"]).len(), 8);
    for golden in list(&fixture["clipping"]) {
        let p = Tensor::from([1.0f32, -2.0, 3.0]).requires_grad_(true);
        let q = Tensor::from([[0.5f32], [-4.0]]).requires_grad_(true);
        let unused = Tensor::zeros([2]).requires_grad_(true);
        (p.square().sum() + q.sum()).backward();
        let norm = clip_grad_norm_with_(
            [&p, &unused, &q],
            number(&golden["max_norm"]),
            ClipGradNormOptions::new().norm_type(number(&golden["norm_type"])),
        );
        assert_close("norm", &norm, &golden["norm"], 1e-6);
        assert_close("p", &p.grad().unwrap(), &golden["p"], 1e-6);
        assert_close("q", &q.grad().unwrap(), &golden["q"], 1e-6);
        clip_grad_value_([&p], 0.25);
        assert!(p.grad().unwrap().abs().max().item_as::<f32>() <= 0.25);
    }
}

fn text_of<T>(result: rushlight::Result<T>) -> String {
    result.err().expect("an error").to_string()
}

#[test]
fn wrong_arguments_are_refused() {
    let w = leaf(&[1.0]);
    assert!(text_of(SGD::try_new(Vec::<Parameter>::new())).contains("got an empty list"));
    assert!(
        text_of(SGD::try_new([&(&w * 1.0)]))
            .contains("expected a leaf, got a tensor of shape [1] computed by MulBackward0")
    );
    assert!(text_of(SGD::try_new([&w, &w])).contains("expected each parameter once"));
    assert!(text_of(SGD::builder([&w]).group([&w], |_| {}).try_build()).contains("expected each parameter once"));
    assert!(text_of(SGD::builder([&w]).nesterov(true).try_build()).contains("expected a momentum and zero dampening"));
    let both = SGD::builder([&w]).momentum(0.9).dampening(0.1).nesterov(true).try_build();
    assert!(text_of(both).contains("expected a momentum and zero dampening"));
    assert_eq!(text_of(SGD::builder([&w]).lr(-0.1).try_build()), "SGD: expected lr of at least 0, got -0.1");
    assert_eq!(text_of(AdamW::builder([&w]).lr(f64::NAN).try_build()), "AdamW: expected lr of at least 0, got NaN");
    assert!(text_of(Adam::builder([&w]).eps(-1.0).try_build()).contains("eps"));
    assert_eq!(
        text_of(Adam::builder([&w]).betas((0.9, 1.0)).try_build()),
        "Adam: expected betas of at least 0 and less than 1, got (0.9, 1.0)"
    );
    assert!(text_of(Adamax::builder([&w]).betas((-0.1, 0.9)).try_build()).contains("betas"));
    assert_eq!(text_of(Adadelta::builder([&w]).rho(1.5).try_build()), "Adadelta: expected rho from 0 to 1, got 1.5");
    assert!(Adadelta::builder([&w]).rho(1.0).try_build().is_ok());
    assert!(
        text_of(Adagrad::builder([&w]).initial_accumulator_value(-1.0).try_build()).contains("initial_accumulator")
    );
    assert!(text_of(RMSprop::builder([&w]).momentum(-0.5).try_build()).contains("momentum"));
    assert!(text_of(RMSprop::builder([&w]).alpha(-0.5).try_build()).contains("alpha"));
    assert!(RMSprop::builder([&w]).alpha(1.5).try_build().is_ok());
    assert!(text_of(ASGD::builder([&w]).lambd(-1.0).try_build()).contains("lambd"));
    assert!(ASGD::builder([&w]).t0(-1.0).try_build().is_ok());
    assert_eq!(
        text_of(Rprop::builder([&w]).etas((0.5, 1.0)).try_build()),
        "Rprop: expected etas between 0 and 1 and greater than 1, got (0.5, 1.0)"
    );
    assert!(text_of(Rprop::builder([&w]).etas((0.0, 1.2)).try_build()).contains("etas"));
    assert!(text_of(Rprop::builder([&w]).etas((1.0, 1.2)).try_build()).contains("etas"));
    // Later groups are checked, too.
    let v = leaf(&[2.0]);
    assert!(text_of(SGD::builder([&w]).group([&v], |options| options.lr = -1.0).try_build()).contains("lr"));
}

#[test]
fn a_gradient_of_another_shape_is_rejected_before_the_step() {
    let layer = Linear::new(2, 1);
    let message = text_of(layer.weight.get().try_set_grad(Some(Tensor::zeros([3]))));
    assert_eq!(message, "set_grad: expected a gradient of the tensor's shape [1, 2], got [3]");
    let before = layer.weight.get().to_vec::<f32>();
    SGD::builder(layer.parameters()).lr(0.1).build().step();
    assert_eq!(layer.weight.get().to_vec::<f32>(), before);
}

/// Every memory layout of a parameter and its gradient gives the same step.
#[test]
fn memory_layouts_do_not_matter() {
    let values = [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0];
    let grad = Tensor::arange(6.0).view([2, 3]);
    let run = |p: Tensor, grad: &Tensor| {
        let p = p.requires_grad_(true);
        let mut optimizer = Adam::builder([&p]).lr(0.1).amsgrad(true).weight_decay(0.1).build();
        for _ in 0..3 {
            p.set_grad(Some(grad.clone()));
            optimizer.step();
        }
        p.to_vec::<f32>()
    };
    let plain = || Tensor::from_slice(&values, [2, 3]);
    let expected = run(plain(), &grad);
    let transposed = || Tensor::from([1.0f32, 4.0, 2.0, 5.0, 3.0, 6.0]).view([3, 2]).t();
    assert!(!transposed().is_contiguous());
    assert_eq!(run(transposed(), &grad), expected);
    assert_eq!(run(plain(), &grad.t().contiguous().t()), expected);
    // A gradient that is the parameter itself, and one that is an expanded scalar.
    let p = plain().requires_grad_(true);
    p.set_grad(Some(p.detach()));
    SGD::builder([&p]).lr(0.5).build().step();
    assert_eq!(p.to_vec::<f32>(), values.map(|v| v / 2.0));
    let q = plain().requires_grad_(true);
    q.sum().backward();
    SGD::builder([&q]).lr(0.5).build().step();
    assert_eq!(q.to_vec::<f32>(), values.map(|v| v - 0.5));
}

#[test]
fn parameters_without_gradients_are_left_alone() {
    let (p, q, frozen) = (leaf(&[1.0]), leaf(&[2.0]), Tensor::from([3.0]));
    let mut optimizer = AdamW::builder([&p, &q, &frozen]).weight_decay(0.5).build();
    p.square().sum().backward();
    optimizer.step();
    assert_eq!((q.item(), frozen.item()), (2.0, 3.0));
    assert!(p.item() < 1.0);
    let state = optimizer.state_dict();
    assert!(state.get("state.0.step").is_some() && state.get("state.1.step").is_none());
}

#[test]
fn a_mismatched_state_changes_nothing() {
    let p = leaf(&[1.0, -2.0]);
    let mut optimizer = SGD::builder([&p]).lr(0.1).momentum(0.9).build();
    p.sum().backward();
    optimizer.step();
    let good = optimizer.state_dict();
    let keys: Vec<&str> = good.keys().filter(|key| key.starts_with("state")).collect();
    assert_eq!(keys, ["state.0.step", "state.0.momentum_buffer"]);
    let mut bad: StateDict = good.clone();
    bad.insert("state.0.momentum_buffer", Tensor::zeros([3]));
    bad.insert("param_groups.0.lr", Tensor::from(7.0));
    bad.insert("state.1.step", Tensor::from(1));
    bad.remove("param_groups.0.nesterov");
    let message = text_of(optimizer.try_load_state_dict(&bad));
    assert_eq!(
        message,
        "Error(s) in loading state_dict for SGD:\n\tmissing: param_groups.0.nesterov\n\texpected state.0.momentum_buffer of shape \
         [2], got [3]\n\tunexpected: state.1.step"
    );
    assert_eq!(optimizer.lr(), 0.1);
    let mut wrong = good.clone();
    wrong.insert("param_groups.0.lr", Tensor::from(-1.0));
    assert!(text_of(optimizer.try_load_state_dict(&wrong)).contains("expected lr of at least 0"));
    assert_eq!(optimizer.state_dict().get("state.0.momentum_buffer").unwrap().to_vec::<f64>(), [1.0, 1.0]);
}

#[test]
fn a_pair_of_another_shape_is_refused() {
    let mut optimizer = Adam::new([leaf(&[1.0])]);
    let mut bad = optimizer.state_dict();
    assert_eq!(bad.get("param_groups.0.betas").unwrap().to_vec::<f64>(), [0.9, 0.999]);
    bad.insert("param_groups.0.betas", Tensor::from(0.5));
    let message = text_of(optimizer.try_load_state_dict(&bad));
    assert!(message.ends_with("\n\texpected param_groups.0.betas of shape [2], got []"), "{message}");
    assert_eq!(optimizer.options(0).betas, (0.9, 0.999));
}

/// The learning rate and the weight of the average stay float32, as in PyTorch, while the average follows the parameter.
#[test]
fn numbers_in_the_state_keep_their_type() {
    let layer = Linear::new(1, 1);
    let mut optimizer = ASGD::builder(layer.parameters()).lr(0.1).lambd(0.5).build();
    let step = |optimizer: &mut ASGD| {
        optimizer.zero_grad();
        layer.weight.get().square().sum().backward();
        optimizer.step();
    };
    step(&mut optimizer);
    layer.to_dtype(DType::F64);
    step(&mut optimizer);
    let state = optimizer.state_dict();
    let dtypes = ["ax", "eta", "mu"].map(|name| state.get(&format!("state.0.{name}")).unwrap().dtype());
    assert_eq!(dtypes, [DType::F64, DType::F32, DType::F32]);
    assert_eq!(state.get("state.0.eta").unwrap().item(), f64::from((0.1 / 1.1f64.powf(0.75)) as f32));
}

#[test]
fn a_model_that_is_converted_stays_with_its_optimizer() {
    let layer = Linear::new(2, 1);
    let mut optimizer = Adam::builder(layer.parameters()).lr(0.1).build();
    let step = |optimizer: &mut Adam| {
        optimizer.zero_grad();
        layer.weight.get().square().sum().backward();
        optimizer.step();
    };
    step(&mut optimizer);
    layer.to_dtype(DType::F64);
    let before = layer.weight.get().to_vec::<f64>();
    step(&mut optimizer);
    let after = layer.weight.get().to_vec::<f64>();
    assert!(before.iter().zip(&after).all(|(a, b)| a != b));
    assert_eq!(optimizer.state_dict().get("state.0.exp_avg").unwrap().dtype(), DType::F64);
}

#[test]
fn momentum_can_be_enabled_later() {
    let p = Tensor::ones_with([1], TensorOptions::new().dtype(DType::F64).requires_grad(true));
    let mut optimizer = SGD::builder([&p]).lr(0.1).build();
    p.sum().backward();
    optimizer.step();
    optimizer.options_mut(0).momentum = 0.5;
    optimizer.step();
    optimizer.step();
    // 1 - 0.1 - 0.1 - 0.1 * 1.5
    assert!((p.item() - 0.65).abs() < 1e-15);
}

/// Options that add a state tensor leave the others with their names, and what is not used is kept.
#[test]
fn options_that_need_a_state_can_be_changed_later() {
    let gradients = [0.5, -1.0, 0.25, 2.0];
    let p = leaf(&[1.0]);
    let mut optimizer = RMSprop::builder([&p]).centered(true).alpha(0.75).build();
    let step = |optimizer: &mut RMSprop, g: f64| {
        p.set_grad(Some(Tensor::from([g])));
        optimizer.step();
        let state = optimizer.state_dict();
        ["square_avg", "grad_avg", "momentum_buffer"]
            .map(|name| state.get(&format!("state.0.{name}")).map(Tensor::item))
    };
    let (mut square, mut mean) = (0.0f64, 0.0);
    for (i, g) in gradients.into_iter().enumerate() {
        optimizer.options_mut(0).momentum = if i == 1 { 0.5 } else { 0.0 };
        (square, mean) = (0.75 * square + 0.25 * g * g, 0.75 * mean + 0.25 * g);
        let buffer = (i == 1).then(|| g / (square - mean * mean).sqrt());
        let [found_square, found_mean, found_buffer] = step(&mut optimizer, g);
        let close = |found: Option<f64>, expected: f64| (found.unwrap() - expected).abs() < 1e-6;
        assert!(close(found_square, square) && close(found_mean, mean), "step {i}");
        assert!(
            found_buffer.is_some() == buffer.is_some() && buffer.is_none_or(|b| close(found_buffer, b)),
            "step {i}"
        );
    }
}
