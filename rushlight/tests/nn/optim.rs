//! Optimizers against PyTorch's trajectories, and what they reject.

use crate::golden::*;
use rushlight::nn::utils::{ClipGradNormOptions, clip_grad_norm_with_, clip_grad_value_};
use rushlight::nn::{Linear, Module, Parameter, StateDict};
use rushlight::optim::{AdagradOptions, Adam, AdamOptions, AdamW, Builder, Optimizer, Rule, SGD, SGDOptions};
use rushlight::{DType, Tensor, TensorOptions};
use serde_json::Value;

fn sgd(options: &Value) -> SGDOptions {
    let mut rule = SGDOptions::default();
    for (name, value) in options.as_object().unwrap() {
        match name.as_str() {
            "lr" => rule.lr = number(value),
            "momentum" => rule.momentum = number(value),
            "dampening" => rule.dampening = number(value),
            "weight_decay" => rule.weight_decay = number(value),
            "nesterov" => rule.nesterov = value.as_bool().unwrap(),
            "maximize" => rule.maximize = value.as_bool().unwrap(),
            other => panic!("the fixture has an option {other} that is unknown to this test"),
        }
    }
    rule
}

fn adam<const DECOUPLED: bool>(options: &Value) -> AdamOptions<DECOUPLED> {
    let mut rule = AdamOptions::default();
    for (name, value) in options.as_object().unwrap() {
        match name.as_str() {
            "lr" => rule.lr = number(value),
            "betas" => (rule.beta1, rule.beta2) = (number(&value[0]), number(&value[1])),
            "eps" => rule.eps = number(value),
            "weight_decay" => rule.weight_decay = number(value),
            "amsgrad" => rule.amsgrad = value.as_bool().unwrap(),
            "maximize" => rule.maximize = value.as_bool().unwrap(),
            other => panic!("the fixture has an option {other} that is unknown to this test"),
        }
    }
    rule
}

fn adagrad(options: &Value) -> AdagradOptions {
    let mut rule = AdagradOptions::default();
    for (name, value) in options.as_object().unwrap() {
        match name.as_str() {
            "lr" => rule.lr = number(value),
            "lr_decay" => rule.lr_decay = number(value),
            "weight_decay" => rule.weight_decay = number(value),
            "initial_accumulator_value" => rule.initial_accumulator_value = number(value),
            "eps" => rule.eps = number(value),
            "maximize" => rule.maximize = value.as_bool().unwrap(),
            other => panic!("the fixture has an option {other} that is unknown to this test"),
        }
    }
    rule
}

/// Runs one record: seven steps, the third without a gradient for the second parameter.
fn follow<R: Rule>(rule: R, golden: &Value) {
    let what = format!("{} {} {}", golden["class"], golden["options"], golden["dtype"]);
    let leaf = |i: usize| tensor(&golden["initial"][i]).requires_grad_(true);
    let (p, q) = (leaf(0), leaf(1));
    let mut optimizer = Builder::new([&p, &q], rule).build();
    let tolerance = if p.dtype() == DType::F32 { 4e-6 } else { 1e-13 };
    assert_eq!(list(&golden["steps"]).len(), 7);
    for (step, golden) in list(&golden["steps"]).iter().enumerate() {
        optimizer.zero_grad();
        let mut loss = p.pow(4).sum() / 4 + p.sum();
        if step != 2 {
            loss = loss + q.square().sum() * (step as i64 + 1) - q.sum();
        }
        loss.backward();
        let before = p.version();
        optimizer.step();
        assert!(p.version() > before, "the change increments the version");
        let (value, expected) = (loss.item(), number(&golden["loss"]));
        assert!(
            (value - expected).abs() <= 10.0 * tolerance * expected.abs().max(1.0),
            "{what}: loss {value} and {expected}"
        );
        assert_close(&format!("{what}: p after step {step}"), &p.detach(), &golden["p"], tolerance);
        assert_close(&format!("{what}: q after step {step}"), &q.detach(), &golden["q"], tolerance);
    }
    let state = optimizer.state_dict();
    for (name, value) in golden["state_of_p"].as_object().unwrap() {
        let own = state.get(&format!("state.0.{name}")).unwrap_or_else(|| panic!("{what}: no state {name}"));
        if name == "step" {
            assert_eq!(own.item(), number(&value["data"][0]));
        } else {
            assert_close(&format!("{what}: {name}"), own, value, 4.0 * tolerance);
        }
    }
}

/// The optimizers of the fixture, each with its own test.
const CLASSES: [&str; 4] = ["SGD", "Adagrad", "Adam", "AdamW"];

/// The golden runs of an optimizer.
fn runs(class: &str, follow: impl Fn(&Value)) {
    let fixture = load("nn");
    let all = list(&fixture["optimizers"]);
    assert!(all.iter().all(|run| CLASSES.contains(&text(&run["class"]))));
    let runs: Vec<&Value> = all.iter().filter(|run| text(&run["class"]) == class).collect();
    assert!(!runs.is_empty(), "the fixture has no runs of {class}");
    runs.into_iter().for_each(follow);
}

#[test]
fn sgd_follows_pytorch() {
    runs("SGD", |golden| follow(sgd(&golden["options"]), golden));
}

#[test]
fn adagrad_follows_pytorch() {
    runs("Adagrad", |golden| follow(adagrad(&golden["options"]), golden));
}

#[test]
fn adam_follows_pytorch() {
    runs("Adam", |golden| follow(adam::<false>(&golden["options"]), golden));
}

#[test]
fn adamw_follows_pytorch() {
    runs("AdamW", |golden| follow(adam::<true>(&golden["options"]), golden));
}

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
    let fixture = load("nn");
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
    assert!(text_of(Adam::builder([&w]).betas(0.9, 1.0).try_build()).contains("beta2"));
    assert!(text_of(Adam::builder([&w]).eps(-1.0).try_build()).contains("eps"));
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

/// Training that is interrupted by saving and loading continues bit for bit.
#[test]
fn a_saved_state_resumes_exactly() {
    let step = |p: &Tensor, optimizer: &mut dyn Optimizer| {
        optimizer.zero_grad();
        p.pow(4).sum().backward();
        optimizer.step();
    };
    fn check<R: Rule>(rule: R, step: impl Fn(&Tensor, &mut dyn Optimizer)) {
        let p = leaf(&[1.0, -2.0]);
        let mut one = Builder::new([&p], rule.clone()).build();
        (0..3).for_each(|_| step(&p, &mut one));
        let (q, saved) = (p.copy().detach().requires_grad_(true), one.state_dict());
        let mut other = Builder::new([&q], rule).build();
        other.set_lr(123.0);
        other.load_state_dict(&saved);
        assert_eq!(other.lr(), one.lr());
        (0..3).for_each(|_| step(&p, &mut one));
        (0..3).for_each(|_| step(&q, &mut other));
        assert_eq!(p.to_vec::<f64>(), q.to_vec::<f64>());
    }
    check(SGDOptions { lr: 0.01, momentum: 0.9, nesterov: true, ..SGDOptions::default() }, step);
    check(AdamOptions::<false> { lr: 0.1, amsgrad: true, ..AdamOptions::default() }, step);
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
