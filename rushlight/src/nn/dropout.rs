//! Dropout.

use super::module::forward;
use super::repr::python_float;
use super::{Module, Training};
use crate::ops::DropoutOptions;
use crate::{Error, Result};
use rushlight_macros::op;

/// In training, zeroes each element with probability `p` and scales the others by `1 / (1 - p)`; else gives what it is given.
/// Any shape. See [`Tensor::dropout`](crate::Tensor::dropout).
///
/// ```
/// use rushlight::{Tensor, nn, nn::{Forward, Module}};
/// rushlight::manual_seed(0);
/// let layer = nn::Dropout::new(0.3);
/// assert_eq!(layer.forward(&Tensor::ones([4])).to_string(), "tensor([0.0000, 0.0000, 1.4286, 0.0000])");
/// layer.eval();
/// assert_eq!(layer.forward(&Tensor::ones([4])).to_string(), "tensor([1., 1., 1., 1.])");
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = Dropout::extra_repr)]
pub struct Dropout {
    #[module(skip)]
    p: f64,
    training: Training,
}

impl Dropout {
    /// Dropout with this probability.
    ///
    /// # Errors
    /// If it is not in [0, 1].
    #[op]
    pub fn try_new(p: f64) -> Result<Dropout> {
        if !(0.0..=1.0).contains(&p) {
            return Err(Error::value("Dropout", format!("the probability must be between 0 and 1, but got {p}")));
        }
        Ok(Dropout { p, training: Training::default() })
    }

    fn extra_repr(&self) -> String {
        format!("p={}, inplace=False", python_float(self.p))
    }
}

impl Default for Dropout {
    /// With probability 0.5.
    fn default() -> Dropout {
        Dropout { p: 0.5, training: Training::default() }
    }
}

forward!(Dropout, |layer, x| x.try_dropout_with(DropoutOptions::new().p(layer.p).training(layer.training.get())));
