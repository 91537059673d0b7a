//! The linear layer and the identity.

use super::param::with_names;
use super::repr::python_bool;
use super::utils::ran;
use super::{Forward, Module, Parameter, init};
use crate::tensor::{DType, TensorOptions, get_default_dtype};
use crate::{Result, Tensor};
use rushlight_macros::{Builder, op};

/// `y = x @ weight.t() + bias`: input `[…, in_features]`, output `[…, out_features]`.
///
/// The weight is `[out_features, in_features]`, the bias `[out_features]`; both are initialized uniformly in ±1/√in_features. See
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
    /// `[out_features]`, if the layer has a bias.
    pub bias: Option<Parameter>,
}

/// The options of a [`Linear`] layer.
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super))]
pub struct LinearBuilder {
    #[builder(required)]
    in_features: usize,
    #[builder(required)]
    out_features: usize,
    /// Whether the layer has a bias; default true.
    #[builder(default = true)]
    bias: bool,
    /// The dtype of the parameters; default float32.
    #[builder(default = get_default_dtype())]
    dtype: DType,
}

impl Linear {
    /// Creates a layer with a bias, float32.
    ///
    /// # Errors
    /// If the parameters do not fit into memory.
    #[op]
    pub fn try_new(in_features: usize, out_features: usize) -> Result<Linear> {
        Linear::builder(in_features, out_features).try_build()
    }

    /// Returns a builder of the layer.
    pub fn builder(in_features: usize, out_features: usize) -> LinearBuilder {
        LinearBuilder::new(in_features, out_features)
    }

    /// Returns the size of the last dimension of the input.
    pub fn in_features(&self) -> usize {
        self.weight.get().shape().get(1).copied().unwrap_or_default()
    }

    /// Returns the size of the last dimension of the output.
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

impl LinearBuilder {
    /// Builds the layer and initializes its parameters.
    ///
    /// # Errors
    /// If the dtype is not floating-point or the sizes are too large.
    #[op]
    pub fn try_build(self) -> Result<Linear> {
        let shape = [self.out_features, self.in_features];
        let options = TensorOptions::new().dtype(self.dtype);
        let (weight, bias) = init::weight_and_bias(&options, &shape, self.bias)?;
        Ok(Linear { weight, bias })
    }
}

impl Forward for Linear {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        let bias = self.bias.as_ref().map(Parameter::get);
        let y = x
            .try_linear(&self.weight.get(), bias.as_ref())
            .map_err(|error| with_names(error, &self.weight, self.bias.as_ref()))?;
        ran(&self.weight, &y, Tensor::numel);
        Ok(y)
    }
}

/// Returns its input unchanged: a placeholder layer. Any shape.
#[derive(Clone, Copy, Debug, Default, Module)]
pub struct Identity;

impl Identity {
    /// Creates the layer.
    pub fn new() -> Identity {
        Identity
    }
}

impl Forward for Identity {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.clone())
    }
}
