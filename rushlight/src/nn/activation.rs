//! Activations.

use super::{Forward, Module};
use crate::error::ok;
use crate::{Result, Tensor};

/// Rectified linear unit, `max(x, 0)`. See [`Tensor::relu`].
#[derive(Clone, Copy, Debug, Default, Module)]
pub struct ReLU;

impl ReLU {
    /// The activation.
    pub fn new() -> ReLU {
        ReLU
    }
}

impl Forward for ReLU {
    #[track_caller]
    fn forward(&self, x: &Tensor) -> Tensor {
        ok(self.try_forward(x))
    }

    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        x.try_relu()
    }
}
