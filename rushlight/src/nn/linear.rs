//! The linear layer, and the one that does nothing.

use super::module::{forward, setters};
use super::param::with_names;
use super::repr::python_bool;
use super::{Module, Parameter, init};
use crate::Result;
use crate::tensor::{DType, TensorOptions, get_default_dtype};
use rushlight_macros::op;

/// `y = x @ weight.t() + bias`: input `[…, in_features]`, output `[…, out_features]`.
///
/// The weight is `[out_features, in_features]`, the bias `[out_features]`; both begin uniform in ±1/√in_features, as
/// [`torch.nn.Linear`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// rushlight::manual_seed(0);
/// let layer = nn::Linear::new(10, 5);
/// assert_eq!(layer.forward(&Tensor::randn([3, 10])).shape(), [3, 5]);
/// assert_eq!(layer.to_string(), "Linear(in_features=10, out_features=5, bias=True)");
/// ```
#[derive(Module)]
#[module(extra_repr = Linear::extra_repr)]
pub struct Linear {
    /// `[out_features, in_features]`.
    pub weight: Parameter,
    /// `[out_features]`, if there is one.
    pub bias: Option<Parameter>,
}

/// Options of a [`Linear`].
#[derive(Clone, Debug)]
pub struct LinearBuilder {
    in_features: usize,
    out_features: usize,
    bias: bool,
    dtype: DType,
}

impl Linear {
    /// A layer with bias, float32.
    #[op]
    pub fn try_new(in_features: usize, out_features: usize) -> Result<Linear> {
        Linear::builder(in_features, out_features).try_build()
    }

    /// A layer with options.
    pub fn builder(in_features: usize, out_features: usize) -> LinearBuilder {
        LinearBuilder { in_features, out_features, bias: true, dtype: get_default_dtype() }
    }

    /// The size of the last dimension of the input.
    pub fn in_features(&self) -> usize {
        self.weight.get().shape().get(1).copied().unwrap_or_default()
    }

    /// The size of the last dimension of the output.
    pub fn out_features(&self) -> usize {
        self.weight.get().shape().first().copied().unwrap_or_default()
    }

    fn extra_repr(&self) -> String {
        format!(
            "in_features={}, out_features={}, bias={}",
            self.in_features(),
            self.out_features(),
            python_bool(self.bias.is_some())
        )
    }
}

setters! { LinearBuilder:
    /// Whether there is a bias; default true.
    bias: bool,
    /// The type of the parameters; default float32.
    dtype: DType,
}

impl LinearBuilder {
    /// The layer, with its parameters drawn.
    ///
    /// # Errors
    /// If the type is not floating point or the sizes are too large.
    #[op]
    pub fn try_build(self) -> Result<Linear> {
        let shape = [self.out_features, self.in_features];
        let options = TensorOptions::new().dtype(self.dtype);
        let (weight, bias) = init::weight_and_bias(&options, &shape, self.bias)?;
        Ok(Linear { weight, bias })
    }
}

forward!(Linear, |layer, x| {
    let bias = layer.bias.as_ref().map(Parameter::get);
    x.try_linear(&layer.weight.get(), bias.as_ref())
        .map_err(|error| with_names(error, &layer.weight, layer.bias.as_ref()))
});

/// Gives what it is given: stands for a layer that is left out.
#[derive(Clone, Copy, Debug, Default, Module)]
pub struct Identity;

impl Identity {
    /// The layer.
    pub fn new() -> Identity {
        Identity
    }
}

forward!(Identity, |_layer, x| Ok(x.clone()));
