//! Softmax and its relatives, along a dimension.
//!
//! PyTorch's layers choose a dimension if none is given (0 for inputs of 0, 1 and 3 dimensions, else 1), and warn that this is deprecated.
//! Here the dimension is required.

use crate::nn::{Forward, Module};
use crate::{Error, Result, Tensor};
use rushlight_macros::op;

/// `exp(x) / sum(exp(x))` along a dimension. Any shape with that dimension. See [`Tensor::softmax`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::Softmax::new(1).forward(&Tensor::from([[0.0f32, 1.0]]));
/// assert_eq!(y.to_string(), "tensor([[0.2689, 0.7311]])");
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(plain, extra_repr = Self::extra_repr)]
pub struct Softmax {
    dim: isize,
}

impl Softmax {
    /// Creates the layer for dimension `dim`; a negative one counts from the end.
    pub fn new(dim: isize) -> Softmax {
        Softmax { dim }
    }

    fn extra_repr(&self) -> String {
        format!("dim={}", self.dim)
    }
}

impl Forward for Softmax {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        x.try_softmax(self.dim)
    }
}

/// The [`Softmax`] of the negated elements. Any shape with that dimension. See [`Tensor::softmin`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::Softmin::new(1).forward(&Tensor::from([[0.0f32, 1.0]]));
/// assert_eq!(y.to_string(), "tensor([[0.7311, 0.2689]])");
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(plain, extra_repr = Self::extra_repr)]
pub struct Softmin {
    dim: isize,
}

impl Softmin {
    /// Creates the layer for dimension `dim`; a negative one counts from the end.
    pub fn new(dim: isize) -> Softmin {
        Softmin { dim }
    }

    fn extra_repr(&self) -> String {
        format!("dim={}", self.dim)
    }
}

impl Forward for Softmin {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        x.try_softmin(self.dim)
    }
}

/// The logarithm of [`Softmax`], accurate for small probabilities. Any shape with that dimension. See [`Tensor::log_softmax`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::LogSoftmax::new(-1).forward(&Tensor::from([[0.0f32, 1.0]]));
/// assert_eq!(y.to_string(), "tensor([[-1.3133, -0.3133]])");
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(plain, extra_repr = Self::extra_repr)]
pub struct LogSoftmax {
    dim: isize,
}

impl LogSoftmax {
    /// Creates the layer for dimension `dim`; a negative one counts from the end.
    pub fn new(dim: isize) -> LogSoftmax {
        LogSoftmax { dim }
    }

    fn extra_repr(&self) -> String {
        format!("dim={}", self.dim)
    }
}

impl Forward for LogSoftmax {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        x.try_log_softmax(self.dim)
    }
}

/// The [`Softmax`] over the channels of each pixel: input `[N, C, H, W]` or `[C, H, W]`.
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::Softmax2d::new().forward(&Tensor::randn([2, 3, 4, 5]));
/// assert!(y.sum_dim(1).allclose(&Tensor::ones([2, 4, 5])));
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = softmax2d)]
pub struct Softmax2d;

fn softmax2d(x: &Tensor) -> Result<Tensor> {
    if x.dim() != 3 && x.dim() != 4 {
        let message = format!("expected an input of 3 or 4 dimensions, got shape {:?}", x.shape());
        return Err(Error::shape("Softmax2d", message));
    }
    x.try_softmax(-3)
}
