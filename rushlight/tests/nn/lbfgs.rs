//! LBFGS against PyTorch's runs, its state, and the closures of all optimizers.

use crate::golden::*;
use rushlight::nn::{Linear, Module, StateDict};
use rushlight::optim::{LBFGS, LBFGSOptions, LineSearch, Optimizer, SGD};
use rushlight::{DType, Device, Error, Tensor, is_grad_enabled, no_grad};
use serde_json::Value;
use std::cell::Cell;

fn options(golden: &Value) -> LBFGSOptions {
    let mut options = LBFGSOptions::default();
    for (name, value) in golden.as_object().unwrap() {
        let count = || value.as_u64().unwrap() as usize;
        match name.as_str() {
            "lr" => options.lr = number(value),
            "max_iter" => options.max_iter = count(),
            "max_eval" => options.max_eval = Some(count()),
            "tolerance_grad" => options.tolerance_grad = number(value),
            "tolerance_change" => options.tolerance_change = number(value),
            "history_size" => options.history_size = count(),
            "maximize" => options.maximize = value.as_bool().unwrap(),
            "line_search_fn" if text(value) == "strong_wolfe" => options.line_search_fn = Some(LineSearch::StrongWolfe),
            other => panic!("the fixture has an option {other} that is unknown to this test"),
        }
    }
    options
}

fn optimizer(params: &[Tensor], options: LBFGSOptions) -> LBFGS {
    let mut optimizer = LBFGS::new(params);
    let max_eval = options.max_eval.unwrap_or(options.max_iter * 5 / 4);
    *optimizer.options_mut() = LBFGSOptions { max_eval: Some(max_eval), ..options };
    optimizer
}

fn rosenbrock(x: &Tensor) -> Tensor {
    let [a, b] = [x.select(0, 0), x.select(0, 1)];
    (1.0 - &a).square() + 100.0 * (b - a.square()).square()
}

fn regression(params: &[Tensor], data: &[Tensor]) -> Tensor {
    let ([w, _, b], [x, y]) = (params, data) else { panic!("three parameters, two tensors of data") };
    let error = x.matmul(&w.select(0, 0)).tanh() * 2.0 + x.matmul(&w.select(0, 1)) + b - y;
    error.square().mean() + 0.01 * w.square().sum()
}

/// The parameters of a run, and its loss.
fn problem(golden: &Value) -> (Vec<Tensor>, impl Fn(&[Tensor]) -> Tensor) {
    let params = list(&golden["initial"]).iter().map(|p| tensor(p).requires_grad_(true)).collect();
    let data: Vec<Tensor> = list(&golden["data"]).iter().map(tensor).collect();
    let sign = if golden["options"]["maximize"] == true { -1.0 } else { 1.0 };
    let loss = move |params: &[Tensor]| {
        sign * if data.is_empty() { rosenbrock(&params[0]) } else { regression(params, &data) }
    };
    (params, loss)
}

fn step(optimizer: &mut LBFGS, params: &[Tensor], loss: &dyn Fn(&[Tensor]) -> Tensor) -> Tensor {
    optimizer.step(|| {
        params.iter().for_each(Tensor::zero_grad);
        let loss = loss(params);
        loss.backward();
        loss
    })
}

fn value(state: &StateDict, key: &str) -> f64 {
    state.get(key).unwrap_or_else(|| panic!("no {key}")).item()
}

#[track_caller]
fn close(what: &str, found: f64, golden: &Value, relative: f64) {
    let expected = number(golden);
    assert!(
        (found - expected).abs() <= relative * (expected.abs() + 0.1),
        "{what} is {found}, but PyTorch has {expected}"
    );
}

/// The vectors and numbers that an optimizer keeps.
fn compare_state(what: &str, state: &StateDict, golden: &Value, tolerance: f64) {
    for name in ["d", "prev_flat_grad"] {
        assert_close(
            &format!("{what}: {name}"),
            state.get(&format!("state.0.{name}")).unwrap(),
            &golden[name],
            tolerance,
        );
    }
    for name in ["t", "H_diag", "prev_loss"] {
        close(&format!("{what}: {name}"), value(state, &format!("state.0.{name}")), &golden[name], tolerance);
    }
    let len = list(&golden["ro"]).len();
    for i in 0..len {
        for name in ["old_dirs", "old_stps"] {
            let key = format!("state.0.{name}.{i}");
            assert_close(&format!("{what}: {key}"), state.get(&key).unwrap(), &golden[name][i], tolerance);
        }
        close(&format!("{what}: ro {i}"), value(state, &format!("state.0.ro.{i}")), &golden["ro"][i], tolerance);
    }
    for name in ["old_dirs", "old_stps", "ro"] {
        assert!(state.get(&format!("state.0.{name}.{len}")).is_none(), "{what}: more than {len} {name}");
    }
}

/// Compares the runs of a problem, each step with its number of iterations and evaluations. The fixture has the steps that do not depend
/// on the order of sums: those that a change of the start in the last place changes by a tenth of the tolerance at most.
fn follow(name: &str, dtype: &str, tolerance: f64, expected: usize) {
    let fixture = load("lbfgs");
    let runs =
        list(&fixture["runs"]).iter().filter(|run| text(&run["problem"]) == name && text(&run["dtype"]) == dtype);
    let mut count = 0;
    for golden in runs {
        count += 1;
        let (params, loss) = problem(golden);
        let mut optimizer = optimizer(&params, options(&golden["options"]));
        for (i, golden_step) in list(&golden["steps"]).iter().enumerate() {
            let what = format!("{name} {dtype} {} after step {i}", golden["options"]);
            let first = step(&mut optimizer, &params, &loss);
            close(&format!("{what}: loss"), first.item(), &golden_step["loss"], tolerance);
            for (p, golden) in params.iter().zip(list(&golden_step["params"])) {
                assert_close(&what, &p.detach(), golden, tolerance);
            }
            let state = optimizer.state_dict();
            for name in ["n_iter", "func_evals"] {
                assert_eq!(value(&state, &format!("state.0.{name}")), number(&golden_step[name]), "{what}: {name}");
            }
        }
        if !golden["state"].is_null() {
            let what = format!("{name} {dtype} {}", golden["options"]);
            compare_state(&what, &optimizer.state_dict(), &golden["state"], tolerance);
        }
    }
    assert_eq!(count, expected);
}

#[test]
fn rosenbrock_in_float64_is_pytorchs() {
    follow("rosenbrock", "f64", 1e-10, 5);
}

#[test]
fn regression_in_float64_is_pytorchs() {
    follow("regression", "f64", 1e-10, 24);
}

#[test]
fn rosenbrock_in_float32_is_pytorchs() {
    follow("rosenbrock", "f32", 1e-3, 3);
}

#[test]
fn regression_in_float32_is_pytorchs() {
    follow("regression", "f32", 1e-3, 21);
}

/// A saved state continues bit for bit, with and without a line search, even after a few more evaluations than iterations.
#[test]
fn a_saved_state_resumes_exactly() {
    for line_search_fn in [None, Some(LineSearch::StrongWolfe)] {
        let options = LBFGSOptions { line_search_fn, max_iter: 4, history_size: 3, ..LBFGSOptions::default() };
        let x = Tensor::from([-1.2, 1.0]).requires_grad_(true);
        let loss = |params: &[Tensor]| rosenbrock(&params[0]);
        let mut one = optimizer(std::slice::from_ref(&x), options);
        (0..2).for_each(|_| drop(step(&mut one, std::slice::from_ref(&x), &loss)));

        let y = x.copy().detach().requires_grad_(true);
        let mut other = LBFGS::new([&y]);
        other.load_state_dict(&one.state_dict());
        assert_eq!(other.options(), one.options());
        for _ in 0..3 {
            let losses = [(&mut one, &x), (&mut other, &y)]
                .map(|(optimizer, p)| step(optimizer, std::slice::from_ref(p), &loss).item());
            assert_eq!(losses[0], losses[1]);
            assert_eq!(x.to_vec::<f64>(), y.to_vec::<f64>());
        }
        // The states are equal, too, and do not share memory with the optimizers.
        let (a, b) = (one.state_dict(), other.state_dict());
        assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
        assert!(a.iter().zip(b.iter()).all(|((_, a), (_, b))| a.equal(b) && !a.shares_memory_with(b)));
    }
}

#[test]
fn the_state_has_pytorchs_keys() {
    let x = Tensor::from([-1.2, 1.0]).requires_grad_(true);
    let mut optimizer = LBFGS::builder([&x]).max_iter(3).build();
    let groups = [
        "param_groups.0.lr",
        "param_groups.0.max_iter",
        "param_groups.0.max_eval",
        "param_groups.0.tolerance_grad",
        "param_groups.0.tolerance_change",
        "param_groups.0.history_size",
        "param_groups.0.maximize",
    ];
    assert_eq!(optimizer.state_dict().keys().collect::<Vec<_>>(), groups);
    step(&mut optimizer, std::slice::from_ref(&x), &|params| rosenbrock(&params[0]));
    let state = optimizer.state_dict();
    let keys: Vec<&str> = state.keys().filter_map(|key| key.strip_prefix("state.0.")).collect();
    let expected =
        ["func_evals", "n_iter", "d", "t", "old_dirs.0", "old_stps.0", "ro.0", "H_diag", "prev_flat_grad", "prev_loss"];
    assert_eq!(keys, expected);
    assert_eq!(value(&state, "param_groups.0.max_eval"), 3.0);

    optimizer.options_mut().line_search_fn = Some(LineSearch::StrongWolfe);
    let name = optimizer.state_dict().get("param_groups.0.line_search_fn").unwrap().to_vec::<u8>();
    assert_eq!(name, b"strong_wolfe");
    let mut wrong = optimizer.state_dict();
    wrong.insert("param_groups.0.line_search_fn", Tensor::from_slice(b"armijo", [6]));
    wrong.insert("param_groups.0.max_iter", Tensor::from(-1));
    wrong.insert("state.0.d", Tensor::zeros([3]));
    wrong.remove("state.0.H_diag");
    let message = optimizer.try_load_state_dict(&wrong).unwrap_err().to_string();
    assert_eq!(
        message,
        "Error(s) in loading state_dict for LBFGS:\n\texpected param_groups.0.max_iter to be an integer of at least 0, got -1\n\texpected \
         param_groups.0.line_search_fn to be one of [\"strong_wolfe\"], got \"armijo\"\n\texpected state.0.d of shape [2], got [3]\n\tmissing: \
         state.0.H_diag"
    );
    assert_eq!(optimizer.options().max_iter, 3);
}

#[test]
fn wrong_arguments_are_refused() {
    let [a, b] = [0, 1].map(|_| Tensor::zeros([1]).requires_grad_(true));
    let text = |result: rushlight::Result<LBFGS>| result.err().expect("an error").to_string();
    assert_eq!(
        text(LBFGS::builder([&a]).group([&b], |_| {}).try_build()),
        "LBFGS: expected one parameter group, got 2: one step along one direction is computed for all parameters, so options per \
         parameter group are not supported"
    );
    assert_eq!(text(LBFGS::builder([&a]).lr(-1.0).try_build()), "LBFGS: expected lr of at least 0, got -1");
    assert_eq!(
        text(LBFGS::builder([&a]).history_size(0).try_build()),
        "LBFGS: expected history_size of at least 1, got 0"
    );
    assert!(text(LBFGS::try_new([&a, &a])).contains("expected each parameter once"));
    assert!(text(LBFGS::try_new([&(&a * 1.0)])).contains("expected a leaf"));

    let mut optimizer = LBFGS::new([&a]);
    let message = Optimizer::try_step(&mut optimizer).unwrap_err().to_string();
    assert_eq!(
        message,
        "LBFGS: expected a closure that evaluates the loss, got none: a step evaluates it several times, see `step_with`"
    );
    let message = optimizer.try_step(|| Ok(Tensor::zeros([2]))).unwrap_err().to_string();
    assert!(message.starts_with("item: expected"), "{message}");
}

/// An error of the closure in a line search leaves the parameters where the last iteration ended, and the next step goes on from there.
#[test]
fn an_error_of_the_closure_is_returned() {
    let x = Tensor::from([-1.2, 1.0]).requires_grad_(true);
    let mut optimizer = LBFGS::builder([&x]).line_search_fn(LineSearch::StrongWolfe).max_iter(50).build();
    let calls = Cell::new(0);
    let closure = || {
        calls.set(calls.get() + 1);
        if calls.get() == 2 {
            return Err(Error::Memory { bytes: 8 });
        }
        x.zero_grad();
        let loss = rosenbrock(&x);
        loss.try_backward()?;
        Ok(loss)
    };
    let error = optimizer.try_step(closure).unwrap_err();
    assert!(matches!(error, Error::Memory { bytes: 8 }));
    assert_eq!((calls.get(), x.to_vec::<f64>()), (2, vec![-1.2, 1.0]));
    optimizer.try_step(closure).unwrap();
    assert!(x.to_vec::<f64>().iter().all(|x| (x - 1.0).abs() < 1e-3));
}

#[test]
fn recording_is_on_in_the_closure_and_off_outside() {
    let x = Tensor::from([3.0]).requires_grad_(true);
    for optimizer in [&mut LBFGS::new([&x]) as &mut dyn Optimizer, &mut SGD::new([&x])] {
        let calls = Cell::new(0);
        no_grad(|| {
            optimizer.step_with(&mut || {
                calls.set(calls.get() + 1);
                assert!(is_grad_enabled());
                x.zero_grad();
                let loss = x.square().sum();
                loss.backward();
                loss
            });
            assert!(!is_grad_enabled());
        });
        assert!(calls.get() > 0 && x.is_leaf() && x.requires_grad());
    }
}

/// The same training code for every optimizer: the loss is that before the step, and one call suffices for most.
#[test]
fn every_optimizer_takes_a_closure() {
    let x = Tensor::from([2.0]).requires_grad_(true);
    let mut optimizer = SGD::builder([&x]).lr(0.25).build();
    let mut calls = 0;
    let loss = optimizer.step_with(&mut || {
        calls += 1;
        x.zero_grad();
        let loss = x.square().sum();
        loss.backward();
        loss
    });
    assert_eq!((calls, loss.item(), x.item()), (1, 4.0, 1.0));
    let refused = optimizer.try_step_with(&mut || Err(Error::Memory { bytes: 1 })).unwrap_err();
    assert!(matches!(refused, Error::Memory { .. }));
    assert_eq!(x.item(), 1.0);
}

/// Where the gradient vanishes, a step is one evaluation. Parameters without gradients count as such.
#[test]
fn a_step_at_a_minimum_changes_nothing() {
    let x = Tensor::from([1.0, 2.0]).requires_grad_(true);
    let mut optimizer = LBFGS::new([&x]);
    assert_eq!(optimizer.step(|| (&x * 0.0).sum()).item(), 0.0);
    let state = optimizer.state_dict();
    let keys: Vec<&str> = state.keys().filter(|key| key.starts_with("state")).collect();
    assert_eq!(keys, ["state.0.func_evals", "state.0.n_iter"]);
    assert_eq!((value(&state, keys[0]), value(&state, keys[1])), (1.0, 0.0));
    assert_eq!(x.to_vec::<f64>(), [1.0, 2.0]);
}

/// A loss that is no number ends a step after PyTorch's number of evaluations.
#[test]
fn nan_ends_a_step_as_in_pytorch() {
    for (line_search, n_iter, func_evals, t) in [(false, 20.0, 20.0, 1.0), (true, 1.0, 26.0, 5.977606522915017e17)] {
        let x = Tensor::from([1.0, 2.0]).requires_grad_(true);
        let mut optimizer = LBFGS::new([&x]);
        optimizer.options_mut().line_search_fn = line_search.then_some(LineSearch::StrongWolfe);
        step(&mut optimizer, std::slice::from_ref(&x), &|params| (&params[0] * f64::NAN).sum());
        let state = optimizer.state_dict();
        assert_eq!((value(&state, "state.0.n_iter"), value(&state, "state.0.func_evals")), (n_iter, func_evals));
        assert_eq!(value(&state, "state.0.t"), t);
        assert!(x.to_vec::<f64>().iter().all(|x| x.is_nan()));
    }
}

#[test]
fn other_dtypes_and_devices_converge() {
    let minimum = |x: Tensor| {
        let x = x.copy().requires_grad_(true);
        let mut optimizer = LBFGS::builder([&x]).line_search_fn(LineSearch::StrongWolfe).build();
        step(&mut optimizer, std::slice::from_ref(&x), &|params| (&params[0] - 0.5).pow(2).sum());
        x.detach().to_device(Device::Cpu).to_dtype(DType::F64).to_vec::<f64>()
    };
    let start = Tensor::from([1.0f32, 2.0]);
    for dtype in [DType::F16, DType::Bf16, DType::F32, DType::F64] {
        assert_eq!(minimum(start.to_dtype(dtype)), [0.5, 0.5], "{dtype}");
    }
    assert_eq!(minimum(start.to_device(Device::Reference)), [0.5, 0.5]);
}

/// Parameters and gradients of every layout, and of a dtype that changes between steps.
#[test]
fn layouts_and_conversions_do_not_matter() {
    let target = Tensor::from([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0]]);
    let run = |p: Tensor| {
        let p = p.requires_grad_(true);
        let mut optimizer = LBFGS::builder([&p]).max_iter(6).build();
        step(&mut optimizer, std::slice::from_ref(&p), &|params| (&params[0] - &target).pow(4).sum());
        p.to_vec::<f64>()
    };
    let transposed = Tensor::zeros_with([3, 2], DType::F64).t();
    assert!(!transposed.is_contiguous());
    assert_eq!(run(transposed), run(Tensor::zeros_with([2, 3], DType::F64)));

    let layer = Linear::new(2, 1);
    let mut optimizer = LBFGS::builder(layer.parameters()).max_iter(3).build();
    for dtype in [DType::F32, DType::F64] {
        layer.to_dtype(dtype);
        optimizer.step(|| {
            layer.zero_grad();
            let loss = layer.weight.get().pow(4).sum();
            loss.backward();
            loss
        });
        assert_eq!(optimizer.state_dict().get("state.0.d").unwrap().dtype(), dtype);
    }
}
