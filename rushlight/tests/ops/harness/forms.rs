//! Consistency of the two forms and the in-place form, accepted dtypes, exact values, and messages.

use super::device::{on_each_device, place};
use super::inputs::{Arg, Args, Inputs};
use super::row::{Forms, Kink, Refusal, Row, Sample, Spec, Takes};
use super::{Report, panic_of, seed, text};
use rushlight::{DType, Error, Result, Tensor};

pub(super) fn check(row: &Row, report: &mut Report) {
    on_each_device(|| {
        for (i, sample) in row.samples.iter().enumerate() {
            for dtype in DType::ALL.iter().copied().filter(|&dtype| sample.dtypes.accepts(dtype)) {
                let what = |how: &str| format!("{how} of sample {i} in {dtype}");
                if let Some(forms) = &row.forms {
                    let inputs = || sample.inputs(dtype).placed();
                    report.run(&what("call"), || taken(row.says, forms, row.takes, sample, dtype, &inputs));
                }
                if let (Some(forms), Some(defaults), DType::F32) = (&row.forms, &row.defaults, dtype) {
                    let inputs = || sample.inputs(dtype).placed();
                    report.run(&what("call with defaults"), || same_by_default(forms, defaults, &inputs));
                }
                if let Some(form) = &row.in_place
                    && !sample.out_of_place
                {
                    let inputs = || own(sample.inputs(dtype).placed());
                    let taken = || taken(form.name, &form.forms, form.takes, sample, dtype, &inputs);
                    report.run(&what("in-place call"), taken);
                }
                if let (Some(forms), Some(form)) = (&row.forms, &row.in_place)
                    && form.takes.accepts(dtype)
                    && !sample.out_of_place
                {
                    let same = || {
                        same_as_in_place(forms, &form.forms, sample, row.differentiable, || {
                            sample.inputs(dtype).placed()
                        })
                    };
                    report.run(&what("equality with the in-place form"), same);
                }
            }
        }
        for kink in &row.kinks {
            for dtype in [DType::F32, DType::F64] {
                let what = format!("exact value at {:?} in {dtype}", kink.at);
                report.run(&what, || exact(row, kink, dtype));
            }
        }
        for (i, refusal) in row.refusals.iter().enumerate() {
            report.run(&format!("rejected call {i}"), || refused(row, refusal));
        }
    });
}

/// Arguments of which the first may be modified.
fn own(mut inputs: Inputs) -> Inputs {
    inputs.0[0] = Arg::Tensor(inputs[0].copy());
    inputs
}

/// Both forms agree: the same values, or the same message, which the panicking form reports at its caller's line.
fn both(forms: &Forms, args: &Args, inputs: &dyn Fn() -> Inputs) -> Result<Result<Vec<Tensor>>, String> {
    seed(3);
    let result = (forms.fallible)(&inputs(), args);
    let inputs = inputs();
    seed(3);
    match (&result, panic_of(|| (forms.panicking)(&inputs, args))) {
        (Ok(expected), Ok(found)) => {
            for (expected, found) in expected.iter().zip(&found) {
                if !identical(expected, found) {
                    return Err(format!("the panicking form returns {found}, the other {expected}"));
                }
            }
        }
        (Err(error), Err((message, file))) => {
            if error.to_string() != message {
                return Err(format!("the panicking form says `{message}`, the other `{error}`"));
            }
            if !file.contains("tests") {
                return Err(format!("the panic is reported in {file}, not at the caller"));
            }
        }
        (Ok(_), Err((message, _))) => return Err(format!("only the panicking form fails: {message}")),
        (Err(error), Ok(_)) => return Err(format!("only the fallible form fails: {error}")),
    }
    Ok(result)
}

/// Equal bit for bit; NaN equals itself.
fn identical(a: &Tensor, b: &Tensor) -> bool {
    let bits =
        |t: &Tensor| t.detach().to_dtype(DType::F64).to_vec::<f64>().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    (a.dtype(), a.shape()) == (b.dtype(), b.shape()) && bits(a) == bits(b)
}

fn taken(
    name: &str,
    forms: &Forms,
    takes: Takes,
    sample: &Sample,
    dtype: DType,
    inputs: &dyn Fn() -> Inputs,
) -> Result<(), String> {
    match both(forms, &sample.args, inputs)? {
        _ if !sample.specs.iter().any(|spec| matches!(spec, Spec::Draw { .. })) => Ok(()),
        Ok(_) if takes.accepts(dtype) => Ok(()),
        Ok(_) => Err(format!("expected {dtype} to be rejected")),
        Err(error) if takes.accepts(dtype) => Err(format!("expected {dtype} to be accepted, got: {error}")),
        Err(error) => {
            let message = error.to_string();
            let names = message.starts_with(&format!("{name}: ")) && message.contains(&dtype.to_string());
            match (&error, names) {
                (Error::DType { .. }, true) => Ok(()),
                _ => Err(format!("expected an error about the dtype that names {name} and {dtype}, got: {error:?}")),
            }
        }
    }
}

/// The form with fewer arguments is equivalent to the other without options.
fn same_by_default(forms: &Forms, defaults: &Forms, inputs: &dyn Fn() -> Inputs) -> Result<(), String> {
    let args = Args::default();
    match (both(forms, &args, inputs)?, both(defaults, &args, inputs)?) {
        (Ok(expected), Ok(found)) => match expected.iter().zip(&found).find(|(a, b)| !identical(a, b)) {
            Some((expected, found)) => Err(format!("got {found}, but {expected} without options")),
            None => Ok(()),
        },
        (Err(expected), Err(found)) if expected.to_string() == found.to_string() => Ok(()),
        (expected, found) => Err(format!("got {found:?}, but {expected:?} without options")),
    }
}

/// The in-place form produces what the other returns, in the original dtype, counts as one change, and has the same
/// derivative.
fn same_as_in_place(
    forms: &Forms,
    in_place: &Forms,
    sample: &Sample,
    differentiable: bool,
    inputs: impl Fn() -> Inputs,
) -> Result<(), String> {
    let differentiable = differentiable && inputs()[0].dtype().is_float();
    for tracked in [false, true] {
        let (expected, found) = (inputs(), inputs());
        for leaf in [&expected[0], &found[0]] {
            leaf.requires_grad_(tracked && differentiable);
        }
        seed(3);
        let result = (forms.fallible)(&expected, &sample.args).map_err(text)?.remove(0).to_dtype(expected[0].dtype());
        let leaf = found[0].clone();
        let found = own(found);
        let changed = found[0].clone();
        let version = changed.version();
        seed(3);
        let returned = (in_place.fallible)(&found, &sample.args).map_err(text)?.remove(0);
        if !identical(&result, &changed) {
            return Err(format!("in-place {changed}, out-of-place {result}"));
        }
        if changed.version() != version + 1 {
            return Err(format!("the version rose by {}, expected 1", changed.version() - version));
        }
        if changed.numel() > 0 && !returned.shares_memory_with(&changed) {
            return Err("the returned tensor is not the modified one".to_owned());
        }
        if tracked && differentiable {
            for output in [&result, &changed] {
                (output * output).sum().try_backward().map_err(text)?;
            }
            let gradient = |leaf: &Tensor| leaf.grad().ok_or("there is no gradient".to_owned());
            let (expected, found) = (gradient(&expected[0])?, gradient(&leaf)?);
            if !identical(&expected, &found) {
                return Err(format!("gradient in-place {found}, out-of-place {expected}"));
            }
        }
    }
    Ok(())
}

fn exact(row: &Row, kink: &Kink, dtype: DType) -> Result<(), String> {
    let number = |t: &Tensor| t.detach().to_dtype(DType::F64).to_vec::<f64>()[0];
    let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan());
    let leaf = |&x: &f64| place(&Tensor::from([x]).to_dtype(dtype)).requires_grad_(true);
    let leaves: Vec<Tensor> = kink.at.iter().map(leaf).collect();
    let inputs = Inputs(leaves.iter().cloned().map(Arg::Tensor).collect());
    let args = row.samples.first().map(|sample| &sample.args).expect("a row has samples");
    let forms = row.forms.as_ref().expect("a row with kinks has an out-of-place form");
    let output = (forms.fallible)(&inputs, args).map_err(text)?.remove(0);
    if !same(number(&output), kink.value) {
        return Err(format!("expected {}, got {}", kink.value, number(&output)));
    }
    output.sum().try_backward().map_err(text)?;
    for (i, (leaf, &slope)) in leaves.iter().zip(&kink.slopes).enumerate() {
        let found = leaf.grad().map_or(0.0, |grad| number(&grad));
        if !same(found, slope) {
            return Err(format!("derivative with respect to argument {i}: expected {slope}, got {found}"));
        }
    }
    Ok(())
}

fn refused(row: &Row, refusal: &Refusal) -> Result<(), String> {
    let Refusal { sample, dtype, parts, in_place } = refusal;
    let inputs = || sample.inputs(*dtype).placed();
    let (name, result) = match (&row.in_place, in_place) {
        (Some(form), true) => (form.name, both(&form.forms, &sample.args, &|| own(inputs()))?),
        _ => {
            let forms = row.forms.as_ref().expect("such a form");
            (row.says, both(forms, &sample.args, &inputs)?)
        }
    };
    let Err(error) = result else { return Err("expected an error".to_owned()) };
    let message = error.to_string();
    if !message.starts_with(&format!("{name}: ")) {
        return Err(format!("expected a message that begins with `{name}: `, got `{message}`"));
    }
    match parts.iter().find(|part| !message.contains(**part)) {
        Some(part) => Err(format!("expected a message with `{part}`, got `{message}`")),
        None => Ok(()),
    }
}
