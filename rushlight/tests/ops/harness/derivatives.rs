//! Derivatives against finite differences, over all layouts, and what a backward pass may not modify.

use super::inputs::{Arg, Args, Inputs};
use super::layout::Layout;
use super::row::{Row, Sample, Spec};
use super::{Report, seed, text};
use rushlight::autograd::{gradcheck, gradgradcheck};
use rushlight::{BackwardOptions, DType, Generator, Result, Tensor};

/// A sample whose drawn arguments are views of leaves.
struct Leaves<'a> {
    sample: &'a Sample,
    /// The layout of each argument.
    layouts: Vec<Layout>,
    /// The leaves of arguments that are differentiated.
    leaves: Vec<Tensor>,
    /// All other arguments, by position.
    constants: Vec<Option<Arg>>,
}

impl<'a> Leaves<'a> {
    /// Every argument in the layout, where it makes a difference; `None` if it makes no difference to any argument.
    fn new(sample: &'a Sample, layout: Layout) -> Option<Leaves<'a>> {
        let generator = Generator::from_seed(7);
        let (mut layouts, mut leaves, mut constants) = (Vec::new(), Vec::new(), Vec::new());
        for spec in &sample.specs {
            layouts.push(Layout::Contiguous);
            constants.push(match spec {
                Spec::Draw { shape, fixed: false, .. } => {
                    let own = layout.leaf(shape).inspect(|_| *layouts.last_mut().expect("pushed above") = layout);
                    leaves.push(spec.draw(&own.unwrap_or(shape.clone()), &generator).requires_grad_(true));
                    None
                }
                other => Some(other.make(DType::F64, &generator)),
            });
        }
        let different = layout == Layout::Contiguous || layouts.contains(&layout);
        different.then_some(Leaves { sample, layouts, leaves, constants })
    }

    /// The arguments for given leaves.
    fn inputs(&self, leaves: &[&Tensor]) -> Result<Inputs> {
        let mut leaves = leaves.iter();
        let specs = self.sample.specs.iter().zip(&self.layouts).zip(&self.constants);
        let arguments = specs.map(|((spec, layout), constant)| match (spec, constant) {
            (_, Some(constant)) => Ok(constant.clone()),
            (Spec::Draw { shape, .. }, None) => {
                let leaf = leaves.next().expect("a leaf for each argument");
                Ok(Arg::Tensor(layout.view(leaf, shape)?))
            }
            _ => unreachable!("all others are constants"),
        });
        arguments.collect::<Result<_>>().map(Inputs)
    }

    fn list(&self) -> Vec<&Tensor> {
        self.leaves.iter().collect()
    }
}

/// Outputs as one floating-point tensor; indices and the like are constant.
fn joined(outputs: Vec<Tensor>) -> Result<Tensor> {
    let floats: Vec<Tensor> = outputs.into_iter().filter(|t| t.dtype().is_float()).collect();
    match &floats[..] {
        [one] => Ok(one.clone()),
        _ => {
            let flat = floats.iter().map(|t| t.try_reshape([-1])).collect::<Result<Vec<_>>>()?;
            Tensor::try_cat(flat)
        }
    }
}

/// The operation applied to the arguments.
fn plain(row: &Row, inputs: &Inputs, args: &Args) -> Result<Tensor> {
    seed(3);
    joined((row.forms.as_ref().expect("checked before").fallible)(inputs, args)?)
}

/// An in-place change of a copy of the first leaf, or of a part of it, followed by a use of both.
fn in_place(row: &Row, of: &Leaves<'_>, leaves: &[&Tensor]) -> Result<Tensor> {
    seed(3);
    let base = leaves[0].try_copy()?;
    let mut with_base = leaves.to_vec();
    with_base[0] = &base;
    let inputs = of.inputs(&with_base)?;
    let form = row.in_place.as_ref().expect("checked before");
    (form.forms.fallible)(&inputs, &of.sample.args)?;
    base.try_mul(&inputs[0].try_sum()?)
}

pub(super) fn check(row: &Row, report: &mut Report) {
    for (i, sample) in row.samples.iter().enumerate() {
        for &layout in sample.layouts {
            let Some(of) = Leaves::new(sample, layout) else { continue };
            let what = |how: &str| format!("{how} of sample {i} ({layout:?})");
            let differentiable = row.differentiable && !of.leaves.is_empty();
            if row.forms.is_some() {
                let f = |leaves: &[&Tensor]| plain(row, &of.inputs(leaves)?, &sample.args);
                if !row.random {
                    report.run(&what("values"), || same_values(row, &of));
                }
                if differentiable {
                    check_orders(&f, &of.list(), &what, report);
                    report.run(&what("the given gradient"), || given_gradient(&f, &of.list()));
                } else {
                    report.run(&what("constant results"), || constant(row, &of));
                }
            }
            // An expanded tensor cannot be modified in-place.
            if row.in_place.is_some()
                && !sample.out_of_place
                && matches!(sample.specs[0], Spec::Draw { fixed: false, .. })
            {
                let f = |leaves: &[&Tensor]| in_place(row, &of, leaves);
                if of.layouts[0] == Layout::Broadcast {
                    report.run(&what("the in-place change of an expanded tensor"), || expanded(&f, &of.list()));
                } else if differentiable {
                    check_orders(&f, &of.list(), &|how| what(&format!("in-place, {how}")), report);
                }
            }
        }
    }
}

fn check_orders(
    f: &dyn Fn(&[&Tensor]) -> Result<Tensor>,
    leaves: &[&Tensor],
    what: &dyn Fn(&str) -> String,
    report: &mut Report,
) {
    report.run(&what("gradcheck"), || gradcheck(f, leaves).map_err(text));
    report.run(&what("gradgradcheck"), || gradgradcheck(f, leaves).map_err(text));
}

/// The memory layout of arguments changes values only within rounding.
fn same_values(row: &Row, of: &Leaves<'_>) -> Result<(), String> {
    let call = |inputs: &Inputs| (row.forms.as_ref().expect("checked before").fallible)(inputs, &of.sample.args);
    let viewed = rushlight::no_grad(|| of.inputs(&of.list())).map_err(text)?;
    let dense = viewed.0.iter().map(|arg| match arg {
        Arg::Tensor(tensor) => Arg::Tensor(tensor.detach().contiguous().copy()),
        other => other.clone(),
    });
    let (found, expected) = (call(&viewed).map_err(text)?, call(&Inputs(dense.collect())).map_err(text)?);
    for (found, expected) in found.iter().zip(&expected) {
        let values = |t: &Tensor| t.detach().to_dtype(DType::F64).to_vec::<f64>();
        let near =
            |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-12 * (1.0 + b.abs()) || (a.is_nan() && b.is_nan()) || a == b;
        if found.shape() != expected.shape() || !values(found).iter().zip(&values(expected)).all(near) {
            return Err(format!("got {found}, but for contiguous arguments {expected}"));
        }
    }
    Ok(())
}

fn constant(row: &Row, of: &Leaves<'_>) -> Result<(), String> {
    seed(3);
    let inputs = of.inputs(&of.list()).map_err(text)?;
    let outputs = (row.forms.as_ref().expect("checked before").fallible)(&inputs, &of.sample.args).map_err(text)?;
    match outputs.iter().position(|output| output.requires_grad()) {
        Some(i) => Err(format!("output {i} requires a gradient")),
        None => Ok(()),
    }
}

fn expanded(f: &dyn Fn(&[&Tensor]) -> Result<Tensor>, leaves: &[&Tensor]) -> Result<(), String> {
    match f(leaves) {
        Ok(_) => Err("expected an error, since several elements share the same memory".to_owned()),
        Err(error) if error.to_string().contains("expanded") => Ok(()),
        Err(error) => Err(format!("expected an error that names the expanded tensor, got: {error}")),
    }
}

/// A derivative may reuse the memory of the incoming gradient, but never where other code can observe it: not if the
/// gradient was given by the user or is retained, nor if it flows elsewhere as well.
fn given_gradient(f: &dyn Fn(&[&Tensor]) -> Result<Tensor>, leaves: &[&Tensor]) -> Result<(), String> {
    let values = |t: &Tensor| t.detach().contiguous().to_vec::<f64>();
    let gradients = || leaves.iter().map(|leaf| leaf.grad().map(|grad| values(&grad))).collect::<Vec<_>>();
    let clear = || leaves.iter().for_each(|leaf| leaf.zero_grad());
    let output = f(leaves).map_err(text)?;
    let weights: Vec<f64> = (0..output.numel()).map(|i| (i as f64 * 1.3).sin() - 0.2).collect();
    let given = Tensor::from_slice(&weights, output.shape());
    clear();
    // The options hold a handle to the gradient.
    let options = BackwardOptions::new().gradient(given.clone());
    output.try_backward_with(&options).map_err(text)?;
    let expected = gradients();
    if values(&given) != weights {
        return Err("the given gradient was modified".to_owned());
    }
    clear();
    // The gradient is retained by the output and flows to a leaf of its own, which is older than the rest of the graph.
    let other = given.zeros_like().requires_grad_(true);
    let output = f(leaves).map_err(text)?;
    output.retain_grad();
    ((&output + &other) * &given).sum().backward();
    for (whose, grad) in [("the output keeps", output.grad()), ("flows elsewhere", other.grad())] {
        if grad.map(|grad| values(&grad)) != Some(weights.clone()) {
            return Err(format!("the gradient that {whose} was modified"));
        }
    }
    let found = gradients();
    clear();
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-12 * (1.0 + b.abs()) || (a.is_nan() && b.is_nan());
    let same = |(a, b): (&Option<Vec<f64>>, &Option<Vec<f64>>)| match (a, b) {
        (Some(a), Some(b)) => a.iter().zip(b).all(near),
        (a, b) => a.is_none() == b.is_none(),
    };
    match expected.iter().zip(&found).all(same) {
        true => Ok(()),
        false => Err(format!("gradients are {found:?} if they flow elsewhere as well, otherwise {expected:?}")),
    }
}
