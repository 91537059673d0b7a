//! Runs golden cases through the library: values, dtypes, shapes, strides of views, gradients of first and second
//! order, modified arguments, and rejected calls.

use super::case::{Case, Input, Slots, cases};
use super::device::{device, on_each_device, place};
use super::golden::Tolerance;
use super::inputs::{Arg, Inputs, apply_view};
use super::row::Row;
use super::{Report, seed, text};
use rushlight::autograd::{GradOptions, try_grad_allow_unused};
use rushlight::{BackwardOptions, Result, Tensor, no_grad};
use std::collections::BTreeMap;

/// One run of a case: the leaves, and the inputs derived from them.
struct Given {
    leaves: Vec<Option<Tensor>>,
    seen: Inputs,
}

/// A case, and the row that runs it.
struct Run<'a> {
    row: &'a Row,
    case: &'a Case,
    tolerance: Tolerance,
}

/// Runs the row's cases on every device.
pub(super) fn check(family: &'static str, row: &Row, report: &mut Report) {
    let cases = cases(family);
    let coarse = |case: &Case| row.coarse.iter().find(|(name, _, _)| *name == case.name).map_or(1.0, |c| c.1);
    on_each_device(|| {
        for case in cases.iter().filter(|case| row.names().contains(&case.op.as_str())) {
            if row.inexpressible.iter().any(|(name, _)| *name == case.name) {
                continue;
            }
            let run = Run { row, case, tolerance: case.tolerance() * coarse(case) };
            report.run(&format!("golden case {}", case.name), || run.check());
        }
    });
    for name in row.names() {
        report.run(&format!("golden cases of {name}"), || match cases.iter().any(|case| case.op == name) {
            true => Ok(()),
            false => Err("there are none".to_owned()),
        });
    }
    let listed = row.inexpressible.iter().map(|(name, reason)| (*name, *reason));
    for (name, reason) in listed.chain(row.coarse.iter().map(|(name, _, reason)| (*name, *reason))) {
        report.run(name, || match cases.iter().any(|case| case.name == name) {
            true => Ok(()),
            false => Err(format!("it is listed ({reason}), but is not a case")),
        });
    }
}

fn tensors(slots: &Slots) -> BTreeMap<usize, Tensor> {
    slots.iter().map(|(&i, golden)| (i, place(&golden.tensor()))).collect()
}

impl Run<'_> {
    fn given(&self, tracked: bool) -> Result<Given> {
        let (mut leaves, mut seen) = (Vec::new(), Vec::new());
        for input in &self.case.inputs {
            let (leaf, arg) = match input {
                Input::Absent => (None, Arg::Absent),
                Input::Number(number) => (None, Arg::Number(*number)),
                Input::Tensor { value, grad, views } => {
                    let leaf = place(&value.tensor()).try_requires_grad_(tracked && *grad)?;
                    let view = views.iter().try_fold(leaf.clone(), |t, view| apply_view(&t, view))?;
                    (Some(leaf), Arg::Tensor(view))
                }
            };
            leaves.push(leaf);
            seen.push(arg);
        }
        Ok(Given { leaves, seen: Inputs(seen) })
    }

    fn call(&self, seen: &Inputs) -> Result<Vec<Tensor>> {
        seed(self.case.args.int("seed", 0) as u64);
        let args = &self.case.args;
        match &self.row.in_place {
            Some(form) if form.name == self.case.op => {
                // A copy is modified, through the views that the case names, and returned as a whole.
                let base = seen[0].try_copy()?;
                let into = args.get("into").as_array().into_iter().flatten();
                let part =
                    into.into_iter().try_fold(base.clone(), |t, v| apply_view(&t, v.as_array().expect("a view")))?;
                let mut inputs = seen.0.clone();
                inputs[0] = Arg::Tensor(part);
                (form.forms.fallible)(&Inputs(inputs), args)?;
                Ok(vec![base])
            }
            _ => (self.row.forms.as_ref().expect("the row has such a form").fallible)(seen, args),
        }
    }

    fn check(&self) -> Result<(), String> {
        let plain = self.given(false).map_err(text)?;
        let result = no_grad(|| self.call(&plain.seen));
        if let Some(reason) = &self.case.error {
            return match result {
                Ok(_) => Err(format!("no error, but PyTorch says: {reason}")),
                Err(_) => Ok(()),
            };
        }
        self.check_outputs(&result.map_err(text)?, &plain.seen, "not recorded")?;
        self.check_differentiated()
    }

    fn check_outputs(&self, outputs: &[Tensor], seen: &Inputs, how: &str) -> Result<(), String> {
        if outputs.len() != self.case.outputs.len() {
            return Err(format!("{how}: expected {} outputs, got {}", self.case.outputs.len(), outputs.len()));
        }
        for (i, (want, got)) in self.case.outputs.iter().zip(outputs).enumerate() {
            want.compare(&format!("{how}: output {i}"), got, self.tolerance)?;
            if got.device() != device() {
                return Err(format!("{how}: output {i} is on {}", got.device()));
            }
        }
        for (i, input) in self.case.inputs.iter().enumerate() {
            let Input::Tensor { value, views, .. } = input else { continue };
            let what = format!("{how}: input {i} afterwards");
            match self.case.mutated.get(&i) {
                Some(want) => want.compare(&what, &seen[i], self.tolerance)?,
                None if views.is_empty() => value.compare(&what, &seen[i], self.tolerance)?,
                None => {}
            }
        }
        Ok(())
    }

    /// The leaves that PyTorch differentiates, with their indices.
    fn wanted(&self, given: &Given) -> Vec<(usize, Tensor)> {
        let grads = |i: usize| matches!(self.case.inputs[i], Input::Tensor { grad: true, .. });
        given.leaves.iter().enumerate().filter(|(i, _)| grads(*i)).map(|(i, leaf)| (i, leaf.clone().unwrap())).collect()
    }

    fn check_differentiated(&self) -> Result<(), String> {
        let case = self.case;
        let given = self.given(true).map_err(text)?;
        let outputs = self.call(&given.seen).map_err(text)?;
        self.check_outputs(&outputs, &given.seen, "recorded")?;
        let wanted = self.wanted(&given);
        for (i, output) in outputs.iter().enumerate() {
            if !wanted.is_empty() && output.requires_grad() != case.grad_outputs.contains_key(&i) {
                return Err(format!("output {i}: requires_grad is {}", output.requires_grad()));
            }
        }
        if case.grad_outputs.is_empty() {
            return Ok(());
        }
        let leaves: Vec<&Tensor> = wanted.iter().map(|(_, leaf)| leaf).collect();
        let recorded = case.second.is_some();
        let starts = tensors(&case.grad_outputs);
        starts.values().for_each(|start| drop(start.requires_grad_(recorded)));
        let heads: Vec<&Tensor> = starts.keys().map(|&i| &outputs[i]).collect();
        let given_starts: Vec<Option<Tensor>> = starts.values().cloned().map(Some).collect();
        let options = GradOptions::new().create_graph(recorded).retain_graph(true).grad_outputs(given_starts);
        let grads = try_grad_allow_unused(&heads, &leaves, options).map_err(text)?;
        self.check_gradients("gradient of input", &case.grads, &wanted, &grads)?;
        if let Some(second) = &case.second {
            let weights = tensors(&second.v);
            let products =
                wanted.iter().zip(&grads).filter_map(|((i, _), grad)| Some(grad.as_ref()?.mul(weights.get(i)?).sum()));
            let total = products.reduce(|a, b| a + b).expect("PyTorch has a gradient");
            let inputs: Vec<&Tensor> = leaves.iter().copied().chain(starts.values()).collect();
            let options = GradOptions::new().retain_graph(true);
            let found = match total.requires_grad() {
                true => try_grad_allow_unused(&total, &inputs, options).map_err(text)?,
                false => vec![None; inputs.len()], // constant, which is checked like the others
            };
            self.check_gradients("second gradient of input", &second.grads, &wanted, &found)?;
            let starts: Vec<(usize, Tensor)> = starts.iter().map(|(&i, start)| (i, start.clone())).collect();
            let what = "gradient of the gradient of output";
            self.check_gradients(what, &second.grad_output_grads, &starts, &found[leaves.len()..])?;
        }
        // The other way to compute the same gradients: accumulated in the leaves, and without recording.
        let last = *starts.keys().next_back().expect("there is one");
        for (&i, start) in &starts {
            let options = BackwardOptions::new().gradient(start.detach()).retain_graph(i != last);
            outputs[i].try_backward_with(options).map_err(text)?;
        }
        let accumulated: Vec<_> = wanted.iter().map(|(_, leaf)| leaf.grad()).collect();
        self.check_gradients("accumulated gradient of input", &case.grads, &wanted, &accumulated)
    }

    /// PyTorch's gradients against those found; where PyTorch has none, only zeros are permitted.
    fn check_gradients(
        &self,
        what: &str,
        golden: &Slots,
        wanted: &[(usize, Tensor)],
        found: &[Option<Tensor>],
    ) -> Result<(), String> {
        for ((i, _), found) in wanted.iter().zip(found) {
            let what = format!("{what} {i}");
            match (golden.get(i), found) {
                (Some(golden), found) => golden.compare_gradient(&what, found.as_ref(), self.tolerance)?,
                (None, Some(found))
                    if found.to_dtype(rushlight::DType::F64).to_vec::<f64>().iter().any(|&g| g != 0.0) =>
                {
                    return Err(format!("{what}: PyTorch has none, got {found}"));
                }
                (None, _) => {}
            }
        }
        Ok(())
    }
}
