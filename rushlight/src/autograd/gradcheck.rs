//! Verification of derivatives by finite differences.

use super::{GradOptions, try_grad_allow_unused};
use crate::tensor::DType;
use crate::{Error, Result, Tensor};
use rushlight_macros::Builder;

/// The options of [`gradcheck`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct GradcheckOptions {
    /// The step of the differences (default 1e-6).
    #[builder(default = 1e-6)]
    eps: f64,
    /// The allowed absolute error (default 1e-5).
    #[builder(default = 1e-5)]
    atol: f64,
    /// The allowed relative error (default 1e-3).
    #[builder(default = 1e-3)]
    rtol: f64,
}

/// Checks the gradients of `f` at `inputs` against central differences, element by element.
///
/// `f` is called many times and must be deterministic. Inputs must be float64 leaves that require gradients: the rounding errors of
/// float32 are too large for finite differences.
///
/// # Errors
/// If a derivative disagrees (the message names input, element and both values), or `f` returns an error.
///
/// ```
/// use rushlight::{Tensor, autograd::gradcheck};
/// let x = Tensor::from([0.5f64, -1.5]).requires_grad_(true);
/// gradcheck(|x| x[0].try_sigmoid(), &[&x])?;
/// # Ok::<(), rushlight::Error>(())
/// ```
pub fn gradcheck(f: impl Fn(&[&Tensor]) -> Result<Tensor>, inputs: &[&Tensor]) -> Result<()> {
    gradcheck_with(f, inputs, GradcheckOptions::default())
}

/// [`gradcheck`] with other tolerances.
///
/// # Errors
/// As [`gradcheck`].
pub fn gradcheck_with(
    f: impl Fn(&[&Tensor]) -> Result<Tensor>,
    inputs: &[&Tensor],
    options: GradcheckOptions,
) -> Result<()> {
    let failed = |message: String| Error::autograd("gradcheck", message);
    for (i, input) in inputs.iter().enumerate() {
        if input.dtype() != DType::F64 || !input.requires_grad() || !input.is_leaf() {
            return Err(failed(format!(
                "expected every input to be a float64 leaf that requires a gradient, got input {i} that is not"
            )));
        }
    }
    let output = f(inputs)?;
    // Different weights, so that errors cannot cancel.
    let weights: Vec<f64> = (0..output.numel()).map(|i| 0.5 + (i as f64 * 0.737).sin()).collect();
    let weights = Tensor::try_from_slice(&weights, output.shape())?;
    // An output without history is treated as constant, which the differences verify.
    let analytic = match output.requires_grad() {
        true => try_grad_allow_unused(&output, inputs, GradOptions::new().grad_outputs(&weights))?,
        false => vec![None; inputs.len()],
    };
    let value = |inputs: &[&Tensor]| -> Result<f64> {
        let _mode = super::NoGrad::new();
        f(inputs)?.try_mul(&weights)?.try_sum()?.try_item()
    };
    for (i, input) in inputs.iter().enumerate() {
        let found = match &analytic[i] {
            Some(grad) if grad.shape() != input.shape() => {
                return Err(failed(format!(
                    "input {i}: expected a gradient of the input's shape {:?}, got {:?}",
                    input.shape(),
                    grad.shape()
                )));
            }
            Some(grad) => grad.try_to_vec::<f64>()?,
            None => vec![0.0; input.numel()],
        };
        let elements = input.detach().try_to_vec::<f64>()?;
        for (j, &found) in found.iter().enumerate() {
            let at = |x: f64| -> Result<f64> {
                let mut moved = elements.clone();
                moved[j] = x;
                let moved = Tensor::try_from_slice(&moved, input.shape())?;
                let mut all = inputs.to_vec();
                all[i] = &moved;
                value(&all)
            };
            let expected = (at(elements[j] + options.eps)? - at(elements[j] - options.eps)?) / (2.0 * options.eps);
            let close = (found - expected).abs() <= options.atol + options.rtol * expected.abs();
            let both_nan = found.is_nan() && expected.is_nan();
            if !(close || both_nan) {
                return Err(failed(format!(
                    "input {i}, element {j}: expected the derivative {expected} (from finite differences), got {found}"
                )));
            }
        }
    }
    Ok(())
}

/// Checks second derivatives: [`gradcheck`] of the gradients of `f`, as functions of the inputs and of the output's gradient.
///
/// # Errors
/// As [`gradcheck`].
///
/// ```
/// use rushlight::{Tensor, autograd::gradgradcheck};
/// let x = Tensor::from([0.5f64, -1.5]).requires_grad_(true);
/// gradgradcheck(|x| x[0].try_tanh(), &[&x])?;
/// # Ok::<(), rushlight::Error>(())
/// ```
pub fn gradgradcheck(f: impl Fn(&[&Tensor]) -> Result<Tensor>, inputs: &[&Tensor]) -> Result<()> {
    gradgradcheck_with(f, inputs, GradcheckOptions::default())
}

/// [`gradgradcheck`] with other tolerances.
///
/// # Errors
/// As [`gradcheck`].
pub fn gradgradcheck_with(
    f: impl Fn(&[&Tensor]) -> Result<Tensor>,
    inputs: &[&Tensor],
    options: GradcheckOptions,
) -> Result<()> {
    let output = f(inputs)?;
    let start: Vec<f64> = (0..output.numel()).map(|i| 0.7 + (i as f64 * 1.1).cos()).collect();
    let gradient = Tensor::try_from_slice(&start, output.shape())?.try_requires_grad_(true)?;
    let mut all = inputs.to_vec();
    all.push(&gradient);
    let gradients = |all: &[&Tensor]| -> Result<Tensor> {
        let _mode = super::EnableGrad::new();
        let (gradient, inputs) = all.split_last().expect("the output's gradient comes last");
        // Differences replace one input at a time by a new tensor that does not require gradients.
        let inputs: Vec<Tensor> = inputs
            .iter()
            .map(|input| if input.requires_grad() { Ok((*input).clone()) } else { input.try_requires_grad_(true) })
            .collect::<Result<_>>()?;
        let inputs: Vec<&Tensor> = inputs.iter().collect();
        let options = GradOptions::new().create_graph(true).grad_outputs(*gradient);
        let found = try_grad_allow_unused(&f(&inputs)?, &inputs, options)?;
        let flat = found.iter().flatten().map(|grad| grad.try_reshape([grad.numel()])).collect::<Result<Vec<_>>>()?;
        Tensor::try_cat(&flat)
    };
    if !output.requires_grad() {
        return Ok(()); // constant; gradcheck verifies that
    }
    gradcheck_with(gradients, &all, options)
}
