//! Dropout.

use super::repr::python_float;
use super::{Forward, Module, Training};
use crate::ops::DropoutOptions;
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};

/// The options of a [`Dropout`] layer.
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super))]
pub struct DropoutBuilder {
    /// The probability of an element to be zeroed; default 0.5.
    #[builder(default = 0.5)]
    p: f64,
}

impl DropoutBuilder {
    /// The layer.
    ///
    /// # Errors
    /// If `p` is not in [0, 1].
    #[op]
    pub fn try_build(self) -> Result<Dropout> {
        if !(0.0..=1.0).contains(&self.p) {
            return Err(Error::value("Dropout", format!("expected a probability between 0 and 1, got {}", self.p)));
        }
        Ok(Dropout { p: self.p, training: Training::default() })
    }
}

/// In training, zeroes each element with probability `p`, by default 0.5, and scales the others by `1 / (1 - p)`; in evaluation the
/// output is the input. Any shape. See [`Tensor::dropout`](crate::Tensor::dropout).
///
/// ```
/// use rushlight::{Tensor, nn, nn::{Forward, Module}};
/// rushlight::manual_seed(0);
/// let layer = nn::Dropout::builder().p(0.3).build();
/// assert_eq!(layer.forward(&Tensor::ones([4])).to_string(), "tensor([0.0000, 0.0000, 1.4286, 0.0000])");
/// layer.eval();
/// assert_eq!(layer.forward(&Tensor::ones([4])).to_string(), "tensor([1., 1., 1., 1.])");
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = Self::extra_repr)]
pub struct Dropout {
    #[module(skip)]
    p: f64,
    training: Training,
}

impl Dropout {
    /// Dropout with probability 0.5.
    pub fn new() -> Dropout {
        Dropout::default()
    }

    /// A layer with options.
    pub fn builder() -> DropoutBuilder {
        DropoutBuilder::new()
    }

    fn extra_repr(&self) -> String {
        format!("p={}, inplace=False", python_float(self.p))
    }
}

impl Default for Dropout {
    fn default() -> Dropout {
        Dropout { p: 0.5, training: Training::default() }
    }
}

impl Forward for Dropout {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        x.try_dropout_with(DropoutOptions::new().p(self.p).training(self.training.get()))
    }
}
