//! Trainings that PyTorch began and that go on here, and the other way round: `golden/generate_pt.py check` continues in PyTorch what
//! `written_for_pytorch` writes.

use super::{golden, tensor};
use flate2::read::GzDecoder;
use rushlight::io::pt::{self, Value};
use rushlight::ops::EmbeddingOptions;
use rushlight::optim::lr_scheduler::{
    CosineAnnealingLR, ExponentialLR, LRScheduler, LambdaLR, MultiStepLR, ReduceLROnPlateau, StepLR,
};
use rushlight::optim::{
    ASGD, Adadelta, Adagrad, Adam, AdamW, Adamax, LBFGS, LineSearch, Optimizer, RMSprop, Rprop, SGD, SparseAdam,
};
use rushlight::{Tensor, tensor};
use std::fs::File;
use std::io::Read;

const NAMES: [&str; 13] = [
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "SparseAdam",
    "Adamax",
    "ASGD",
    "LBFGS",
    "LBFGS strong_wolfe",
    "RMSprop",
    "Rprop",
    "SGD",
    "SGD plain",
];

/// The metrics of ten epochs.
const METRICS: [f64; 10] = [1.0, 0.9, 0.95, 0.96, 0.8, 0.81, 0.82, 0.83, 0.84, 0.7];

fn trainings() -> Value {
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(golden("training.pt.gz")).unwrap()).read_to_end(&mut bytes).unwrap();
    pt::from_bytes(&bytes).unwrap()
}

/// A matrix, a vector, and a parameter that is never used.
fn start() -> [Tensor; 3] {
    [tensor!([[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]]), tensor!([0.1, -0.2]), tensor!([7.0])]
        .map(|x| x.requires_grad_(true))
}

fn make(name: &str, [w, b, unused]: &[Tensor; 3]) -> Box<dyn Optimizer> {
    macro_rules! two_groups {
        ($kind:ident $(, $option:ident($value:expr))*) => {
            Box::new($kind::builder([w, unused])$(.$option($value))*.group([b], |options| options.lr /= 2.0).build())
        };
    }
    let lbfgs = || LBFGS::builder([w, b]).lr(0.3).max_iter(2).history_size(3);
    match name {
        "Adadelta" => two_groups!(Adadelta, lr(0.5), rho(0.8)),
        "Adagrad" => two_groups!(Adagrad, lr(0.1), lr_decay(0.01), initial_accumulator_value(0.1)),
        "Adam" => two_groups!(Adam, lr(0.05), betas((0.8, 0.9)), weight_decay(0.01), amsgrad(true)),
        "AdamW" => two_groups!(AdamW, lr(0.05)),
        "SparseAdam" => Box::new(SparseAdam::builder([w]).lr(0.05).build()),
        "Adamax" => two_groups!(Adamax, lr(0.05)),
        "ASGD" => two_groups!(ASGD, lr(0.05), t0(2.0)),
        "LBFGS" => Box::new(lbfgs().build()),
        "LBFGS strong_wolfe" => Box::new(lbfgs().line_search_fn(LineSearch::StrongWolfe).build()),
        "RMSprop" => two_groups!(RMSprop, lr(0.01), momentum(0.5), centered(true)),
        "Rprop" => two_groups!(Rprop, lr(0.01)),
        "SGD" => two_groups!(SGD, lr(0.05), momentum(0.9), nesterov(true)),
        "SGD plain" => two_groups!(SGD, lr(0.05)),
        other => panic!("no optimizer {other}"),
    }
}

/// An optimizer of this kind with other options, which a loaded state replaces.
fn make_other(name: &str, params: &[Tensor; 3]) -> Box<dyn Optimizer> {
    let mut optimizer = make(name, params);
    optimizer.set_lr(123.0);
    optimizer
}

fn train(name: &str, optimizer: &mut dyn Optimizer, [w, b, _]: &[Tensor; 3], steps: usize) {
    for _ in 0..steps {
        optimizer.step_with(&mut || {
            w.zero_grad();
            b.zero_grad();
            let loss = if name == "SparseAdam" {
                tensor!([2, 0, 2]).embedding_with(w, EmbeddingOptions::new().sparse(true)).square().sum()
            } else {
                let error = w.matmul(b) - tensor!([1.0, 2.0, 3.0]);
                error.square().sum() + 0.1 * w.square().sum() + b.square().sum()
            };
            loss.backward();
            loss
        });
    }
}

#[track_caller]
fn assert_near(name: &str, params: &[Tensor; 3], expected: &Value) {
    for (ours, theirs) in params.iter().zip(expected.as_list().unwrap()) {
        let theirs = tensor(theirs);
        let difference = ((ours.detach() - &theirs) / (theirs.abs() + 1.0)).abs().max().item();
        assert!(difference < 1e-6, "{name}: {difference}");
    }
}

#[test]
fn optimizers_continue_from_pytorch() {
    let golden = &trainings()["optimizers"];
    assert_eq!(golden.as_dict().unwrap().len(), NAMES.len());
    for name in NAMES {
        let golden = &golden[name];
        let params = start();
        for (own, half) in params.iter().zip(golden["params"].as_list().unwrap()) {
            own.detach().copy_(&tensor(half));
        }
        let mut optimizer = make_other(name, &params);
        optimizer.load_torch_state_dict(&golden["state"]);
        train(name, &mut *optimizer, &params, 5);
        assert_near(name, &params, &golden["end"]);
    }
}

/// Python's type of each part.
fn outline(value: &Value) -> String {
    match value {
        Value::Dict(dict) => {
            let mut parts: Vec<String> =
                dict.iter().map(|(key, value)| format!("{key:?}: {}", outline(value))).collect();
            parts.sort();
            format!("{{{}}}", parts.join(", "))
        }
        Value::List(items) => format!("{:?}", items.iter().map(outline).collect::<Vec<_>>()),
        Value::Tuple(items) => format!("({:?})", items.iter().map(outline).collect::<Vec<_>>()),
        Value::Tensor(tensor) => format!("{} {:?}", tensor.dtype(), tensor.shape()),
        // Python's options may be integers where numbers are expected.
        Value::Int(_) | Value::Float(_) => "number".into(),
        Value::None => "None".into(),
        other => format!("{other:?}"),
    }
}

#[test]
fn states_have_the_types_of_pytorchs() {
    let golden = &trainings()["optimizers"];
    for name in NAMES.iter().filter(|name| !name.starts_with("LBFGS")) {
        let params = start();
        let mut optimizer = make(name, &params);
        train(name, &mut *optimizer, &params, 5);
        assert_near(name, &params, &golden[*name]["params"]);
        let ours = outline(&optimizer.torch_state_dict());
        let theirs = outline(&golden[*name]["state"]).replace("\"momentum_buffer\": None", "");
        // PyTorch keeps an empty state for a parameter of plain SGD.
        let theirs = theirs.replace("0: {}, 2: {}", "").replace("0: {}, 1: {}", "");
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn states_return_through_a_file() {
    for name in NAMES {
        let params = start();
        let mut optimizer = make(name, &params);
        train(name, &mut *optimizer, &params, 3);
        let state = pt::from_bytes(&pt::to_bytes(&optimizer.torch_state_dict()).unwrap()).unwrap();
        let mut other = make_other(name, &params);
        other.load_torch_state_dict(&state);
        let [own, other] = [optimizer.state_dict(), other.state_dict()].map(|state| {
            // PyTorch does not count the steps of SGD.
            let counted = |key: &str| !(name.starts_with("SGD") && key.ends_with(".step"));
            state.into_iter().filter(|(key, _)| counted(key)).collect::<Vec<_>>()
        });
        assert_eq!(own.len(), other.len(), "{name}");
        for ((key, tensor), (other_key, other)) in own.iter().zip(&other) {
            assert_eq!(key, other_key, "{name}");
            assert!(other.to_dtype(tensor.dtype()).equal(tensor), "{name} {key}");
        }
    }
}

fn refused(name: &str, state: &Value) -> String {
    let params = start();
    let mut optimizer = make(name, &params);
    let before = format!("{:?}", optimizer.state_dict().iter().collect::<Vec<_>>());
    let error = optimizer.try_load_torch_state_dict(state).unwrap_err().to_string();
    assert_eq!(format!("{:?}", optimizer.state_dict().iter().collect::<Vec<_>>()), before);
    error
}

#[test]
fn states_of_other_optimizers_are_refused() {
    let golden = &trainings()["optimizers"];
    let error = refused("Adam", &golden["SGD"]["state"]);
    assert!(error.starts_with("Error(s) in loading state_dict for Adam:\n"), "{error}");
    for part in ["unexpected: param_groups.0.momentum", "unexpected: state.0.momentum_buffer"] {
        assert!(error.contains(part), "{error}");
    }
    let error = refused("LBFGS", &golden["Adam"]["state"]);
    assert!(error.ends_with("expected 1 parameter groups, got 2"), "{error}");
    let error = refused("SparseAdam", &golden["LBFGS"]["state"]);
    assert!(error.ends_with("expected 1 parameters in group 0, got 2"), "{error}");
    let error = refused("SGD", &Value::dict([("model", 1)]));
    assert!(
        error.ends_with(r#"expected a dict with the keys "state" and "param_groups", got one with the keys ["model"]"#),
        "{error}"
    );
}

macro_rules! schedulers {
    ($name:expr, $optimizer:expr, $scheduler:ident => $body:expr) => {
        match $name {
            "StepLR" => {
                let mut $scheduler = StepLR::builder($optimizer, 3).gamma(0.5).build();
                $body
            }
            "MultiStepLR" => {
                let mut $scheduler = MultiStepLR::builder($optimizer, [2, 6, 6]).gamma(0.5).build();
                $body
            }
            "ExponentialLR" => {
                let mut $scheduler = ExponentialLR::new($optimizer, 0.9);
                $body
            }
            "CosineAnnealingLR" => {
                let mut $scheduler = CosineAnnealingLR::builder($optimizer, 8).eta_min(0.01).build();
                $body
            }
            "LambdaLR" => {
                let mut $scheduler = LambdaLR::new($optimizer, |epoch| 1.0 / (1 + epoch) as f64);
                $body
            }
            other => panic!("no scheduler {other}"),
        }
    };
}

/// Ten epochs of which PyTorch made the first five; the state that would be written after these.
fn scheduled(name: &str, golden: &Value) -> (f64, Value) {
    let mut optimizer = SGD::builder(start()).lr(0.1).build();
    let state = &golden["state"];
    let written;
    if name == "ReduceLROnPlateau" {
        let mut scheduler = ReduceLROnPlateau::builder(&optimizer).factor(0.3).build();
        scheduler.load_torch_state_dict(state);
        optimizer.load_torch_state_dict(&golden["optimizer"]);
        written = scheduler.torch_state_dict();
        METRICS[5..].iter().for_each(|metric| scheduler.step(&mut optimizer, *metric));
    } else {
        written = schedulers!(name, &mut optimizer, scheduler => {
            scheduler.load_torch_state_dict(state);
            optimizer.load_torch_state_dict(&golden["optimizer"]);
            let written = scheduler.torch_state_dict();
            METRICS[5..].iter().for_each(|_| scheduler.step(&mut optimizer));
            written
        });
    }
    (optimizer.lr(), written)
}

#[test]
fn schedulers_continue_from_pytorch() {
    let golden = &trainings()["schedulers"];
    let golden = golden.as_dict().unwrap();
    assert_eq!(golden.len(), 6);
    for (name, golden) in golden.iter() {
        let name = name.as_str().unwrap();
        let (lr, written) = scheduled(name, golden);
        let end = f64::try_from(&golden["end"]).unwrap();
        assert!((lr - end).abs() < 1e-12, "{name}: {lr} {end}");
        for (key, value) in written.as_dict().unwrap().iter() {
            let theirs = golden["state"].as_dict().unwrap().find(key).unwrap_or_else(|| panic!("{name}: no {key:?}"));
            assert_eq!(outline(value), outline(theirs), "{name} {key:?}");
        }
    }
}

/// Writes files for `golden/generate_pt.py check` to the folder RUSHLIGHT_PT. They were read by PyTorch 2.15 before this was committed.
#[test]
fn written_for_pytorch() {
    let folder = std::env::var_os("RUSHLIGHT_PT").map_or_else(|| super::path("written"), Into::into);
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["values.pt", "sharing.pt", "sparse.pt", "net.pt"] {
        pt::save(folder.join(name), &pt::load(golden(name)).unwrap()).unwrap();
    }
    let golden = trainings();
    let optimizers = NAMES.map(|name| {
        let params = start();
        let mut optimizer = make(name, &params);
        train(name, &mut *optimizer, &params, 5);
        let params: Vec<Tensor> = params.iter().map(|p| p.detach()).collect();
        (name, Value::dict([("params", Value::from(params)), ("state", optimizer.torch_state_dict())]))
    });
    let schedulers = golden["schedulers"].as_dict().unwrap().iter().map(|(name, golden)| {
        let (_, state) = scheduled(name.as_str().unwrap(), golden);
        (name.clone(), Value::dict([("optimizer", golden["optimizer"].clone()), ("state", state)]))
    });
    let all = Value::dict([("optimizers", Value::dict(optimizers)), ("schedulers", Value::dict(schedulers))]);
    pt::save(folder.join("training.pt"), &all).unwrap();
    let again = pt::load(folder.join("training.pt")).unwrap();
    super::assert_same(&again, &all);
    if std::env::var_os("RUSHLIGHT_PT").is_none() {
        std::fs::remove_dir_all(folder).unwrap();
    }
}
