//! Every case of PyTorch's golden values through the library: values, types, shapes, strides of views, gradients of first
//! and second order, inputs that are changed, and what is refused.

mod common;
mod golden;

use common::table::{Arg, Inputs, TABLE, apply_view};
use common::{Case, Input, Slots, cases};
use golden::Tolerance;
use rushlight::autograd::{GradOptions, try_grad_allow_unused};
use rushlight::{BackwardOptions, Result, Tensor, no_grad};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Cases that have no counterpart here.
const INEXPRESSIBLE: &[(&str, &str)] = &[
    ("conv2d/padding_same/f32", "the operation takes numbers; the module computes them from `same`"),
    ("conv2d/padding_same/f64", "the operation takes numbers; the module computes them from `same`"),
    ("error/conv2d/padding_same_stride/f32", "the operation takes numbers; the module computes them from `same`"),
    ("error/mse_loss/reduction/f32", "the reduction is an enum, which has no wrong values"),
];

/// Cases in which PyTorch's own rounding is coarser than the tolerance, and how many times.
const COARSE: &[(&str, f64, &str)] = &[(
    "batch_norm/far_from_zero/f32",
    20.0,
    "x * scale + shift cancels far from 0: PyTorch is up to 1.7e-5 from the exact values",
)];

fn tolerance(case: &Case) -> Tolerance {
    let times = COARSE.iter().find(|(name, _, _)| *name == case.name).map_or(1.0, |(_, times, _)| *times);
    case.tolerance() * times
}

/// Inputs of one run: the leaves, and what the operation sees of them.
struct Given {
    leaves: Vec<Option<Tensor>>,
    seen: Vec<Arg>,
}

fn given(case: &Case, tracked: bool) -> Result<Given> {
    let (mut leaves, mut seen) = (Vec::new(), Vec::new());
    for input in &case.inputs {
        let (leaf, arg) = match input {
            Input::Absent => (None, Arg::Absent),
            Input::Number(number) => (None, Arg::Number(*number)),
            Input::Tensor { value, grad, views } => {
                let leaf = value.tensor().try_requires_grad_(tracked && *grad)?;
                let view = views.iter().try_fold(leaf.clone(), |t, view| apply_view(&t, view))?;
                (Some(leaf), Arg::Tensor(view))
            }
        };
        leaves.push(leaf);
        seen.push(arg);
    }
    Ok(Given { leaves, seen })
}

fn call(case: &Case, seen: &[Arg]) -> Result<Vec<Tensor>> {
    if case.args.has("seed") {
        rushlight::manual_seed(case.args.int("seed", 0) as u64);
    }
    let (_, run) = TABLE.iter().find(|(name, _)| *name == case.op).expect("looked up before");
    run(&Inputs(seen), &case.args)
}

fn check_outputs(case: &Case, outputs: &[Tensor], seen: &[Arg], how: &str) -> Result<(), String> {
    let tolerance = tolerance(case);
    if outputs.len() != case.outputs.len() {
        return Err(format!("{how}: {} outputs instead of {}", outputs.len(), case.outputs.len()));
    }
    for (i, (want, got)) in case.outputs.iter().zip(outputs).enumerate() {
        want.compare(&format!("{how}: output {i}"), got, tolerance)?;
    }
    for (i, input) in case.inputs.iter().enumerate() {
        let Input::Tensor { value, views, .. } = input else { continue };
        match case.mutated.get(&i) {
            Some(want) => want.compare(&format!("{how}: input {i} afterwards"), seen[i].tensor(), tolerance)?,
            None if views.is_empty() => {
                value.compare(&format!("{how}: input {i} afterwards"), seen[i].tensor(), tolerance)?
            }
            None => {}
        }
    }
    Ok(())
}

fn tensors(slots: &Slots) -> BTreeMap<usize, Tensor> {
    slots.iter().map(|(&i, golden)| (i, golden.tensor())).collect()
}

/// The leaves that PyTorch differentiates, by number.
fn wanted(case: &Case, given: &Given) -> Vec<(usize, Tensor)> {
    let grads = |i: usize| matches!(case.inputs[i], Input::Tensor { grad: true, .. });
    given.leaves.iter().enumerate().filter(|(i, _)| grads(*i)).map(|(i, leaf)| (i, leaf.clone().unwrap())).collect()
}

/// Gradients that PyTorch has against those found; where it has none there may only be zeros.
fn check_gradients(
    what: &str,
    golden: &Slots,
    wanted: &[(usize, Tensor)],
    found: &[Option<Tensor>],
    tolerance: Tolerance,
) -> Result<(), String> {
    for ((i, _), found) in wanted.iter().zip(found) {
        let what = format!("{what} {i}");
        match (golden.get(i), found) {
            (Some(golden), found) => golden.compare_gradient(&what, found.as_ref(), tolerance)?,
            (None, Some(found)) if !found.eq(0).all().item_as::<bool>() => {
                return Err(format!("{what}: PyTorch has none, but here is {found}"));
            }
            (None, _) => {}
        }
    }
    Ok(())
}

fn check_differentiated(case: &Case) -> Result<(), String> {
    let text = |error: rushlight::Error| format!("an error: {error}");
    let tolerance = tolerance(case);
    let given = given(case, true).map_err(text)?;
    let outputs = call(case, &given.seen).map_err(text)?;
    check_outputs(case, &outputs, &given.seen, "recorded")?;
    let wanted = wanted(case, &given);
    for (i, output) in outputs.iter().enumerate() {
        if !wanted.is_empty() && output.requires_grad() != case.grad_outputs.contains_key(&i) {
            return Err(format!("output {i}: requires_grad is {}", output.requires_grad()));
        }
    }
    let Some((&at, start)) = case.grad_outputs.first_key_value() else { return Ok(()) };
    assert_eq!(case.grad_outputs.len(), 1, "all operations have one differentiable output");
    let leaves: Vec<&Tensor> = wanted.iter().map(|(_, leaf)| leaf).collect();
    let second = case.second.is_some();
    let start = start.tensor().requires_grad_(second);
    let options = GradOptions::new().create_graph(second).retain_graph(true).grad_outputs(&start);
    let grads = try_grad_allow_unused(&outputs[at], &leaves, options).map_err(text)?;
    check_gradients("gradient of input", &case.grads, &wanted, &grads, tolerance)?;
    if let Some(second) = &case.second {
        let weights = tensors(&second.v);
        let products =
            wanted.iter().zip(&grads).filter_map(|((i, _), grad)| Some(grad.as_ref()?.mul(weights.get(i)?).sum()));
        let total = products.reduce(|a, b| a + b).expect("PyTorch has a gradient");
        let mut inputs = leaves.clone();
        inputs.push(&start);
        let options = GradOptions::new().retain_graph(true);
        let found = match total.requires_grad() {
            true => try_grad_allow_unused(&total, &inputs, options).map_err(text)?,
            false => vec![None; inputs.len()], // constant, which is checked like all else
        };
        check_gradients("second gradient of input", &second.grads, &wanted, &found, tolerance)?;
        let of_start = [(at, start.clone())];
        check_gradients(
            "gradient of the gradient of output",
            &second.grad_output_grads,
            &of_start,
            &found[leaves.len()..],
            tolerance,
        )?;
    }
    // The other way to the same numbers: accumulated in the leaves, and without recording.
    let options = BackwardOptions::new().gradient(start.detach());
    outputs[at].try_backward_with(options).map_err(text)?;
    let accumulated: Vec<_> = wanted.iter().map(|(_, leaf)| leaf.grad()).collect();
    check_gradients("accumulated gradient of input", &case.grads, &wanted, &accumulated, tolerance)
}

fn check(case: &Case) -> Result<(), String> {
    let plain = given(case, false).map_err(|error| format!("an error: {error}"))?;
    let result = no_grad(|| call(case, &plain.seen));
    if let Some(reason) = &case.error {
        return match result {
            Ok(_) => Err(format!("no error, but PyTorch says: {reason}")),
            Err(_) => Ok(()),
        };
    }
    let outputs = result.map_err(|error| format!("an error: {error}"))?;
    check_outputs(case, &outputs, &plain.seen, "not recorded")?;
    check_differentiated(case)
}

fn check_without_panic(case: &Case) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| check(case))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
        Err(format!("a panic: {}", text.unwrap_or_default()))
    })
}

#[test]
fn every_case_as_pytorch_has_it() {
    let cases = cases();
    assert!(cases.len() >= 2695, "the fixture has shrunk to {} cases", cases.len());
    let mut failures = Vec::new();
    for (op, _) in TABLE {
        assert!(cases.iter().any(|case| case.op == *op), "{op} can be run, but has no cases");
    }
    let mut run = 0;
    for case in &cases {
        assert!(TABLE.iter().any(|(op, _)| *op == case.op), "{}: there is no way to run {}", case.name, case.op);
        if INEXPRESSIBLE.iter().any(|(name, _)| *name == case.name) {
            continue;
        }
        run += 1;
        if let Err(message) = check_without_panic(case) {
            failures.push(format!("{}: {message}", case.name));
        }
    }
    for (name, _, reason) in COARSE {
        assert!(cases.iter().any(|case| case.name == *name), "{name} is listed ({reason}), but is no case");
    }
    for (name, reason) in INEXPRESSIBLE {
        assert!(cases.iter().any(|case| case.name == *name), "{name} is listed ({reason}), but is no case");
    }
    assert!(failures.is_empty(), "{} of {run} cases:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_wrong_answer_is_noticed() {
    let case = cases().into_iter().find(|case| case.name == "mul/same/f64").expect("a case");
    let output = case.outputs[0].tensor();
    let compare = |tensor: &Tensor| case.outputs[0].compare("it", tensor, case.tolerance());
    compare(&output).unwrap();
    assert!(compare(&output.mul(1.0 + 1e-8)).unwrap_err().starts_with("it: element 0 of [2, 3] is "));
    assert!(compare(&output.t()).unwrap_err().contains("it is float64 [3, 2]"));
    assert!(compare(&output.to_dtype(rushlight::DType::F32)).is_err());
    assert!(compare(&output.mul(f64::NAN)).is_err());
}
