//! Stochastic depth.

use crate::nn::{Forward, Module, Training};
use crate::tensor::TensorOptions;
use crate::{Error, Result, Tensor};
use rushlight_macros::op;

/// What [`StochasticDepth`] zeroes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StochasticDepthMode {
    /// The whole input.
    Batch,
    /// A row, that is one example of the batch.
    Row,
}

/// In training mode, zeroes the input, or each of its rows, with probability `p` and scales what remains by `1 / (1 - p)`; in evaluation mode
/// the output is the input. Input `[N, …]`.
///
/// On the branch of a residual block, this skips the block at random (Huang et al., "Deep Networks with Stochastic Depth", 2016). As
/// [`torchvision.ops.StochasticDepth`](https://docs.pytorch.org/vision/stable/generated/torchvision.ops.StochasticDepth.html), with the same
/// numbers from the same seed.
///
/// ```
/// use rushlight::{Tensor, nn::Forward, vision::ops::{StochasticDepth, StochasticDepthMode}};
/// rushlight::manual_seed(0);
/// let layer = StochasticDepth::new(0.2, StochasticDepthMode::Row);
/// let y = layer.forward(&Tensor::ones([4, 1]));
/// assert_eq!(y.to_string(), "tensor([[0.0000],\n        [1.2500],\n        [1.2500],\n        [0.0000]])");
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = Self::extra_repr)]
pub struct StochasticDepth {
    #[module(skip)]
    p: f64,
    #[module(skip)]
    mode: StochasticDepthMode,
    training: Training,
}

impl StochasticDepth {
    /// Creates a layer that zeroes with probability `p`.
    ///
    /// # Errors
    /// If `p` is not in [0, 1].
    #[op]
    pub fn try_new(p: f64, mode: StochasticDepthMode) -> Result<StochasticDepth> {
        if !(0.0..=1.0).contains(&p) {
            return Err(Error::value("StochasticDepth", format!("expected a probability between 0 and 1, got {p}")));
        }
        Ok(StochasticDepth { p, mode, training: Training::default() })
    }

    fn extra_repr(&self) -> String {
        let mode = match self.mode {
            StochasticDepthMode::Batch => "batch",
            StochasticDepthMode::Row => "row",
        };
        format!("p={:?}, mode={mode}", self.p)
    }
}

impl Forward for StochasticDepth {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        if !self.training.get() || self.p == 0.0 {
            return Ok(x.clone());
        }
        let mut shape = vec![1; x.dim()];
        if self.mode == StochasticDepthMode::Row {
            let Some(&rows) = x.shape().first() else {
                let message = "expected an input of at least 1 dimension, got a 0-d tensor";
                return Err(Error::shape("StochasticDepth", message));
            };
            shape[0] = rows;
        }
        let noise = Tensor::try_zeros_with(shape, TensorOptions::new().dtype(x.dtype()).device(x.device()))?;
        let survival = 1.0 - self.p;
        noise.try_bernoulli_(survival)?;
        if survival > 0.0 {
            noise.try_div_(survival)?;
        }
        x.try_mul(&noise)
    }
}
