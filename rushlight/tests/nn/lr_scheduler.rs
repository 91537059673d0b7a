//! Schedulers of learning rates against PyTorch's, bit for bit.

use crate::golden::*;
use rushlight::Tensor;
use rushlight::nn::StateDict;
use rushlight::optim::lr_scheduler::*;
use rushlight::optim::{LBFGS, Optimizer, SGD};
use serde_json::Value;

/// A scheduler of either kind; a metric is used by one of them.
enum Any {
    Schedule(Box<dyn LRScheduler>),
    Plateau(Box<ReduceLROnPlateau>),
}

impl Any {
    fn step(&mut self, optimizer: &mut dyn Optimizer, metric: f64) {
        match self {
            Any::Schedule(scheduler) => scheduler.step(optimizer),
            Any::Plateau(scheduler) => scheduler.step(optimizer, metric),
        }
    }

    fn get_last_lr(&self) -> &[f64] {
        match self {
            Any::Schedule(scheduler) => scheduler.get_last_lr(),
            Any::Plateau(scheduler) => scheduler.get_last_lr(),
        }
    }

    fn state_dict(&self) -> StateDict {
        match self {
            Any::Schedule(scheduler) => scheduler.state_dict(),
            Any::Plateau(scheduler) => scheduler.state_dict(),
        }
    }

    fn load_state_dict(&mut self, state: &StateDict) {
        match self {
            Any::Schedule(scheduler) => scheduler.load_state_dict(state),
            Any::Plateau(scheduler) => scheduler.load_state_dict(state),
        }
    }
}

fn lambda(name: &Value) -> fn(usize) -> f64 {
    match text(name) {
        "inverse" => |epoch| 1.0 / (1 + epoch) as f64,
        "power" => |epoch| 0.95f64.powf(epoch as f64),
        "stairs" => |epoch| 1.0 - (epoch / 30) as f64 * 0.25,
        other => panic!("unknown function {other}"),
    }
}

fn plateau(optimizer: &dyn Optimizer, options: &Value) -> ReduceLROnPlateau {
    let mut builder = ReduceLROnPlateau::builder(optimizer);
    for (name, value) in options.as_object().unwrap() {
        let count = || value.as_u64().unwrap() as usize;
        builder = match name.as_str() {
            "mode" => builder.mode(if text(value) == "max" { PlateauMode::Max } else { PlateauMode::Min }),
            "factor" => builder.factor(number(value)),
            "patience" => builder.patience(count()),
            "threshold" => builder.threshold(number(value)),
            "threshold_mode" => {
                builder.threshold_mode(if text(value) == "abs" { ThresholdMode::Abs } else { ThresholdMode::Rel })
            }
            "cooldown" => builder.cooldown(count()),
            "min_lr" if value.is_array() => builder.min_lr(list(value).iter().map(number).collect::<Vec<_>>()),
            "min_lr" => builder.min_lr(number(value)),
            "eps" => builder.eps(number(value)),
            other => panic!("the fixture has an option {other} that is unknown to this test"),
        }
    }
    builder.build()
}

/// The scheduler of a call; `last_epoch` continues a training.
fn make(call: &Value, optimizer: &mut dyn Optimizer, last_epoch: Option<usize>) -> Any {
    let (name, args, options) = (text(&call[0]), &call[1], &call[2]);
    let option = |name: &str| options.get(name).map(number);
    let count = || args[0].as_u64().unwrap() as usize;
    fn built<S: Schedule>(mut builder: Builder<'_, S>, last_epoch: Option<usize>) -> Any {
        if let Some(last_epoch) = last_epoch {
            builder = builder.last_epoch(last_epoch);
        }
        Any::Schedule(Box::new(builder.build()))
    }
    match name {
        "StepLR" => {
            let builder = StepLR::builder(optimizer, count());
            built(
                match option("gamma") {
                    Some(gamma) => builder.gamma(gamma),
                    None => builder,
                },
                last_epoch,
            )
        }
        "MultiStepLR" => {
            let builder = MultiStepLR::builder(optimizer, numbers::<usize>(&args[0]).unwrap());
            built(
                match option("gamma") {
                    Some(gamma) => builder.gamma(gamma),
                    None => builder,
                },
                last_epoch,
            )
        }
        "ExponentialLR" => built(ExponentialLR::builder(optimizer, number(&args[0])), last_epoch),
        "CosineAnnealingLR" => {
            let builder = CosineAnnealingLR::builder(optimizer, count());
            built(
                match option("eta_min") {
                    Some(eta_min) => builder.eta_min(eta_min),
                    None => builder,
                },
                last_epoch,
            )
        }
        "LambdaLR" => built(
            match args[0].as_array() {
                Some(each) => LambdaLR::builder(optimizer, lambda(&each[0])).group(1, lambda(&each[1])),
                None => LambdaLR::builder(optimizer, lambda(&args[0])),
            },
            last_epoch,
        ),
        "ReduceLROnPlateau" => Any::Plateau(Box::new(plateau(optimizer, options))),
        other => panic!("unknown scheduler {other}"),
    }
}

/// An optimizer of two parameter groups.
fn sgd() -> SGD {
    let [a, b] = [0, 1].map(|_| Tensor::zeros([1]).requires_grad_(true));
    SGD::builder([&a]).lr(0.1).group([&b], |options| options.lr = 0.037).build()
}

#[track_caller]
fn assert_lrs(what: &str, optimizer: &dyn Optimizer, golden: &Value) {
    let found = [optimizer.group_lr(0), optimizer.group_lr(1)];
    let expected = [number(&golden[0]), number(&golden[1])];
    assert_eq!(found.map(f64::to_bits), expected.map(f64::to_bits), "{what}: {found:?}, but PyTorch has {expected:?}");
}

fn by_hand(golden: &Value, epoch: usize, optimizer: &mut dyn Optimizer) {
    for change in list(&golden["by_hand"]) {
        if change[0] == epoch {
            optimizer.set_group_lr(1, number(&change[1]));
        }
    }
}

/// 100 steps of each scheduler with each option, alone, with learning rates changed by hand, and several schedulers on one optimizer.
#[test]
fn learning_rates_are_pytorchs() {
    let fixture = load("lr_scheduler");
    let metric: Vec<f64> = list(&fixture["metric"]).iter().map(number).collect();
    let runs = list(&fixture["runs"]);
    assert_eq!((runs.len(), metric.len()), (2 * 26 + 5, 100));
    for golden in runs {
        let mut optimizer = sgd();
        let calls = list(&golden["calls"]);
        let mut schedulers: Vec<Any> = calls.iter().map(|call| make(call, &mut optimizer, None)).collect();
        let what = golden["calls"].to_string();
        let lrs = list(&golden["lrs"]);
        assert_eq!(lrs.len(), 101);
        assert_lrs(&format!("{what} at first"), &optimizer, &lrs[0]);
        for (epoch, golden_lrs) in lrs[1..].iter().enumerate() {
            by_hand(golden, epoch, &mut optimizer);
            for scheduler in &mut schedulers {
                scheduler.step(&mut optimizer, metric[epoch]);
            }
            assert_lrs(&format!("{what} after step {epoch}"), &optimizer, golden_lrs);
            let last = schedulers.last().unwrap().get_last_lr();
            assert_eq!(last, [optimizer.group_lr(0), optimizer.group_lr(1)]);
        }
        compare_state(&what, &schedulers[0].state_dict(), &golden["state"]);
    }
}

/// Numbers and strings of the state.
fn compare_state(what: &str, state: &StateDict, golden: &Value) {
    for (name, value) in golden.as_object().unwrap() {
        // The first follows from the mode; the second would serve parameter groups that are added later.
        if name == "mode_worse" || name == "default_min_lr" {
            continue;
        }
        let own = state.get(name).unwrap_or_else(|| panic!("{what}: no {name} in the state"));
        match name.as_str() {
            "mode" | "threshold_mode" => assert_eq!(own.to_vec::<u8>(), text(value).as_bytes(), "{what}: {name}"),
            _ => assert_eq!(own.item(), number(value), "{what}: {name}"),
        }
    }
}

/// Training that is interrupted by saving and loading both states continues bit for bit, with new options replaced by the saved ones.
#[test]
fn a_saved_state_resumes_exactly() {
    let fixture = load("lr_scheduler");
    let metric: Vec<f64> = list(&fixture["metric"]).iter().map(number).collect();
    for golden in list(&fixture["runs"]) {
        let calls = list(&golden["calls"]);
        let what = golden["calls"].to_string();
        for saved in [0, 9, 33] {
            let mut optimizer = sgd();
            let mut schedulers: Vec<Any> = calls.iter().map(|call| make(call, &mut optimizer, None)).collect();
            for epoch in 0..saved {
                by_hand(golden, epoch, &mut optimizer);
                schedulers.iter_mut().for_each(|scheduler| scheduler.step(&mut optimizer, metric[epoch]));
            }
            let states: Vec<StateDict> = schedulers.iter().map(Any::state_dict).collect();
            let mut other = sgd();
            let mut schedulers: Vec<Any> = calls.iter().map(|call| make(call, &mut other, None)).collect();
            for (scheduler, state) in schedulers.iter_mut().zip(&states) {
                scheduler.load_state_dict(state);
            }
            other.load_state_dict(&optimizer.state_dict());
            for epoch in saved..100 {
                by_hand(golden, epoch, &mut other);
                schedulers.iter_mut().for_each(|scheduler| scheduler.step(&mut other, metric[epoch]));
                assert_lrs(&format!("{what} saved at {saved}, step {epoch}"), &other, &golden["lrs"][epoch + 1]);
            }
        }
    }
}

/// PyTorch's other way: the state of the optimizer is loaded, and the scheduler is created with `last_epoch`.
#[test]
fn a_scheduler_created_with_last_epoch_is_pytorchs() {
    let fixture = load("lr_scheduler");
    let runs = list(&fixture["resumed"]);
    assert_eq!(runs.len(), 3 * 15);
    for golden in runs {
        let call = &golden["calls"][0];
        let saved = golden["saved"].as_u64().unwrap() as usize;
        let mut optimizer = sgd();
        let mut scheduler = make(call, &mut optimizer, None);
        (0..saved).for_each(|_| scheduler.step(&mut optimizer, 0.0));
        let mut other = sgd();
        other.load_state_dict(&optimizer.state_dict());
        let mut scheduler = make(call, &mut other, Some(saved));
        assert_lrs(&format!("{call} resumed at {saved}"), &other, &golden["lrs"][0]);
        for (step, lrs) in list(&golden["lrs"])[1..].iter().enumerate() {
            scheduler.step(&mut other, 0.0);
            assert_lrs(&format!("{call} resumed at {saved}, step {step}"), &other, lrs);
        }
    }
}

#[test]
fn options_of_a_loaded_state_replace_others() {
    let mut optimizer = sgd();
    let saved = StepLR::builder(&mut optimizer, 3).gamma(0.5).build();
    let mut scheduler = StepLR::new(&mut optimizer, 100);
    scheduler.load_state_dict(&saved.state_dict());
    assert_eq!(scheduler.options(), saved.options());
    let keys = ["step_size", "gamma", "base_lrs", "last_epoch", "_step_count", "_last_lr"];
    assert_eq!(saved.state_dict().keys().collect::<Vec<_>>(), keys);

    let saved = MultiStepLR::new(&mut optimizer, [4, 2, 2]);
    let mut scheduler = MultiStepLR::new(&mut optimizer, []);
    scheduler.load_state_dict(&saved.state_dict());
    assert_eq!(scheduler.options(), saved.options());
}

#[test]
fn the_initial_learning_rate_is_that_of_the_first_scheduler() {
    let mut optimizer = sgd();
    assert_eq!(optimizer.group_initial_lr(0), None);
    assert!(optimizer.state_dict().get("param_groups.0.initial_lr").is_none());
    LambdaLR::new(&mut optimizer, |_| 0.5);
    assert_eq!((optimizer.group_lr(0), optimizer.group_initial_lr(0)), (0.05, Some(0.1)));
    LambdaLR::new(&mut optimizer, |_| 0.25);
    assert_eq!((optimizer.group_lr(1), optimizer.group_initial_lr(1)), (0.037 * 0.25, Some(0.037)));
    let mut other = sgd();
    other.load_state_dict(&optimizer.state_dict());
    assert_eq!(other.group_initial_lr(1), Some(0.037));
    // Loading a state from before the first scheduler forgets it.
    other.load_state_dict(&sgd().state_dict());
    assert_eq!(other.group_initial_lr(1), None);

    let w = Tensor::zeros([1]).requires_grad_(true);
    let mut optimizer = LBFGS::new([&w]);
    let mut scheduler = ExponentialLR::new(&mut optimizer, 0.5);
    scheduler.step(&mut optimizer);
    let mut other = LBFGS::new([&w]);
    other.load_state_dict(&optimizer.state_dict());
    assert_eq!((other.lr(), other.group_initial_lr(0)), (0.5, Some(1.0)));
}

#[test]
fn wrong_arguments_are_refused() {
    fn text<T>(result: rushlight::Result<T>) -> String {
        result.err().expect("an error").to_string()
    }
    let mut optimizer = sgd();
    assert_eq!(text(StepLR::try_new(&mut optimizer, 0)), "StepLR: expected step_size of at least 1, got 0");
    assert_eq!(
        text(CosineAnnealingLR::try_new(&mut optimizer, 0)),
        "CosineAnnealingLR: expected t_max of at least 1, got 0"
    );
    assert_eq!(
        text(LambdaLR::builder(&mut optimizer, |_| 1.0).group(2, |_| 1.0).try_build()),
        "LambdaLR: expected functions of groups less than 2, got one of group 2"
    );
    assert_eq!(
        text(ReduceLROnPlateau::builder(&optimizer).factor(1.0).try_build()),
        "ReduceLROnPlateau: expected a factor less than 1, got 1"
    );
    assert_eq!(
        text(ReduceLROnPlateau::builder(&optimizer).min_lr([0.1]).try_build()),
        "ReduceLROnPlateau: expected min_lr for each of 2 parameter groups, got 1"
    );
    assert_eq!(
        text(StepLR::builder(&mut optimizer, 7).last_epoch(9).try_build()),
        "StepLR: expected initial_lr in all parameter groups in order to continue with last_epoch, got none in group 0; load the state of the \
         optimizer first"
    );
    assert_eq!(optimizer.group_initial_lr(0), None);

    let w = Tensor::zeros([1]).requires_grad_(true);
    let mut other = SGD::new([&w]);
    let mut step = StepLR::new(&mut optimizer, 1);
    let message = "expected the optimizer of the scheduler, with 2 parameter groups, got one with 1";
    assert_eq!(text(step.try_step(&mut other)), format!("StepLR: {message}"));
    assert_eq!(step.last_epoch(), 0);
    let mut plateau = ReduceLROnPlateau::new(&optimizer);
    assert_eq!(text(plateau.try_step(&mut other, 1.0)), format!("ReduceLROnPlateau: {message}"));
    assert_eq!(plateau.last_epoch(), 0);

    let mut state = step.state_dict();
    state.insert("step_size", Tensor::from(0));
    state.insert("base_lrs", Tensor::from([0.1]));
    state.insert("lr", Tensor::from(0.1));
    state.remove("last_epoch");
    assert_eq!(
        text(step.try_load_state_dict(&state)),
        "Error(s) in loading state_dict for StepLR:\n\tStepLR: expected step_size of at least 1, got 0\n\texpected base_lrs of shape [2], \
         got [1]\n\tmissing: last_epoch\n\tunexpected: lr"
    );
    step.step(&mut optimizer);
    assert_eq!(optimizer.lr(), 0.1 * 0.1);

    let mut milestones = MultiStepLR::new(&mut optimizer, [3]);
    let mut state = milestones.state_dict();
    for (value, fault) in [
        (Tensor::from(3), "expected milestones of one dimension, got []"),
        (Tensor::from([1.5]), "expected milestones to be an integer of at least 0, got 1.5"),
    ] {
        state.insert("milestones", value);
        let message = format!("Error(s) in loading state_dict for MultiStepLR:\n\t{fault}");
        assert_eq!(text(milestones.try_load_state_dict(&state)), message);
    }
}

/// A metric that is no number never is an improvement, as in PyTorch.
#[test]
fn a_metric_that_is_nan_is_no_improvement() {
    let mut optimizer = sgd();
    let mut scheduler = ReduceLROnPlateau::builder(&optimizer).patience(1).build();
    scheduler.step(&mut optimizer, 1.0);
    scheduler.step(&mut optimizer, f64::NAN);
    assert_eq!((scheduler.best(), scheduler.num_bad_epochs(), optimizer.lr()), (1.0, 1, 0.1));
    scheduler.step(&mut optimizer, f64::NAN);
    assert_eq!((scheduler.num_bad_epochs(), scheduler.last_epoch(), optimizer.lr()), (0, 3, 0.1 * 0.1));
}
