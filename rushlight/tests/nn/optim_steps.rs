//! Thirty steps of each optimizer, with each of its options, against PyTorch's.

use crate::golden::*;
use rushlight::Tensor;
use rushlight::optim::{
    ASGDOptions, AdadeltaOptions, AdagradOptions, AdamOptions, AdamaxOptions, Builder, Optimizer, RMSpropOptions,
    RpropOptions, Rule, SGDOptions, Setting,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Sets options by PyTorch's names.
pub(super) fn set(rule: &mut impl Rule, options: &Value) {
    let mut rest: BTreeSet<&str> = options.as_object().unwrap().keys().map(String::as_str).collect();
    for (name, setting) in rule.options() {
        if rest.remove(name) {
            let value = &options[name];
            match setting {
                Setting::Number(own) => *own = number(value),
                Setting::Pair(own) => *own = (number(&value[0]), number(&value[1])),
                Setting::Bool(own) => *own = value.as_bool().unwrap(),
                other => panic!("the rules tested here have no option such as {name}: {other:?}"),
            }
        }
    }
    assert!(rest.is_empty(), "the fixture has options that are unknown here: {rest:?}");
}

/// The names and defaults of all options are PyTorch's.
fn check_defaults(mut rule: impl Rule, defaults: &Value) {
    let options = rule.options();
    assert_eq!(options.len(), defaults.as_object().unwrap().len(), "{defaults}");
    for (name, setting) in options {
        let default = &defaults[name];
        let same = match setting {
            Setting::Number(own) => *own == number(default),
            Setting::Pair(own) => *own == (number(&default[0]), number(&default[1])),
            Setting::Bool(own) => *own == default.as_bool().unwrap(),
            other => panic!("the rules tested here have no option such as {name}: {other:?}"),
        };
        assert!(same, "{name} is {default} in PyTorch");
    }
}

/// The parameters `p` and `q`, and the constants of the loss.
struct Problem<'a> {
    golden: &'a Value,
    p: Tensor,
    q: Tensor,
}

impl Problem<'_> {
    fn get(&self, name: &str) -> Tensor {
        tensor(&self.golden[name]).to_dtype(self.p.dtype())
    }

    fn step(&self, optimizer: &mut dyn Optimizer, step: i64) {
        optimizer.zero_grad();
        let mut loss = (self.get("w") * (&self.p - self.get("a")).square()).sum();
        if step != 3 {
            loss += (&self.q - self.get("b")).square().sum() * ((1 + step % 3) as f64 / 4.0);
        }
        loss.backward();
        let before = self.p.version();
        optimizer.step();
        assert!(self.p.version() > before, "the change increments the version");
    }

    /// The same with parameters of their own.
    fn copy(&self) -> Self {
        let [p, q] = [&self.p, &self.q].map(|t| t.detach().copy().requires_grad_(true));
        Problem { golden: self.golden, p, q }
    }
}

/// Follows one run. Halfway, a second optimizer continues from its state, and must arrive at the same bits.
fn follow<R: Rule + Default>(problem: &Value, golden: &Value) {
    let what = format!("{} {} {}", R::NAME, golden["options"], golden["dtype"]);
    let dtype = dtype(text(&golden["dtype"]));
    let leaf = |name: &str| tensor(&problem[name]).to_dtype(dtype).requires_grad_(true);
    let one = Problem { golden: problem, p: leaf("p"), q: leaf("q") };
    let mut rule = R::default();
    set(&mut rule, &golden["options"]);
    let mut optimizer = Builder::new([&one.p, &one.q], rule).build();
    let relative = if dtype == rushlight::DType::F32 { 1e-6 } else { 1e-13 };
    let mut resumed = None;
    let mut compared = 0;
    for step in 1..=30 {
        one.step(&mut optimizer, step);
        if let Some((other, optimizer)) = &mut resumed {
            Problem::step(other, optimizer, step);
        }
        if step == 15 {
            let other = one.copy();
            let mut continued = Builder::new([&other.p, &other.q], R::default()).build();
            continued.load_state_dict(&optimizer.state_dict());
            resumed = Some((other, continued));
        }
        if let Some([p, q]) = golden["recorded"].get(step.to_string()).map(|both| [&both[0], &both[1]]) {
            assert_close(&format!("{what}: p after step {step}"), &one.p, p, relative);
            assert_close(&format!("{what}: q after step {step}"), &one.q, q, relative);
            compared += 1;
        }
    }
    assert_eq!(compared, 8);
    let (other, continued) = resumed.unwrap();
    for (a, b) in [(&one.p, &other.p), (&one.q, &other.q)] {
        assert!(a.detach().equal(&b.detach()), "{what}: continued from its state it arrives at {b} instead of {a}");
    }
    let state = optimizer.state_dict();
    assert_eq!(state.keys().collect::<Vec<_>>(), continued.state_dict().keys().collect::<Vec<_>>());
    for (name, value) in golden["state_of_p"].as_object().unwrap() {
        let own = state.get(&format!("state.0.{name}")).unwrap_or_else(|| panic!("{what}: no state {name}"));
        if name == "step" {
            assert_eq!(own.item(), number(&value["data"][0]));
        } else {
            assert_close(&format!("{what}: {name}"), own, value, 4.0 * relative);
        }
    }
    // PyTorch's SGD does not count steps.
    let names = state.keys().filter(|key| key.starts_with("state.0.") && *key != "state.0.step").count();
    assert_eq!(
        names,
        golden["state_of_p"].as_object().unwrap().keys().filter(|name| *name != "step").count(),
        "{what}"
    );
    if R::NAME != "SGD" {
        // The second parameter has taken a step less.
        assert_eq!(state.get("state.1.step").unwrap().item(), 29.0);
    }
}

/// The optimizers of the fixture, each with its own test.
const CLASSES: [&str; 9] = ["SGD", "ASGD", "Rprop", "Adagrad", "Adadelta", "RMSprop", "Adam", "AdamW", "Adamax"];

fn runs<R: Rule + Default>() {
    let fixture = load("optim");
    let all = fixture["optimizers"].as_object().unwrap();
    assert!(all.keys().all(|class| CLASSES.contains(&class.as_str())));
    let golden = &all[R::NAME];
    check_defaults(R::default(), &golden["defaults"]);
    assert!(list(&golden["runs"]).len() >= 12);
    list(&golden["runs"]).iter().for_each(|run| follow::<R>(&fixture["problem"], run));
}

#[test]
fn sgd_follows_pytorch() {
    runs::<SGDOptions>();
}

#[test]
fn asgd_follows_pytorch() {
    runs::<ASGDOptions>();
}

#[test]
fn rprop_follows_pytorch() {
    runs::<RpropOptions>();
}

#[test]
fn adagrad_follows_pytorch() {
    runs::<AdagradOptions>();
}

#[test]
fn adadelta_follows_pytorch() {
    runs::<AdadeltaOptions>();
}

#[test]
fn rmsprop_follows_pytorch() {
    runs::<RMSpropOptions>();
}

#[test]
fn adam_follows_pytorch() {
    runs::<AdamOptions<false>>();
}

#[test]
fn adamw_follows_pytorch() {
    runs::<AdamOptions<true>>();
}

#[test]
fn adamax_follows_pytorch() {
    runs::<AdamaxOptions>();
}
