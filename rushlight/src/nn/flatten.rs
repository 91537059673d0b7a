//! Flattening.

use super::Module;
use super::module::{forward, setters};

/// Makes one dimension of several: input `[N, …]`, output `[N, product of the rest]` by default.
/// See [`Tensor::flatten`](crate::Tensor::flatten).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let x = Tensor::zeros([2, 3, 4, 5]);
/// assert_eq!(nn::Flatten::new().forward(&x).shape(), [2, 60]);
/// assert_eq!(nn::Flatten::new().start_dim(0).end_dim(2).forward(&x).shape(), [24, 5]);
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(plain, extra_repr = Flatten::extra_repr)]
pub struct Flatten {
    start_dim: isize,
    end_dim: isize,
}

impl Flatten {
    /// Flattens all dimensions but the first.
    pub fn new() -> Flatten {
        Flatten { start_dim: 1, end_dim: -1 }
    }

    fn extra_repr(&self) -> String {
        format!("start_dim={}, end_dim={}", self.start_dim, self.end_dim)
    }
}

impl Default for Flatten {
    fn default() -> Flatten {
        Flatten::new()
    }
}

setters! { Flatten:
    /// The first dimension that is flattened; default 1.
    start_dim: isize,
    /// The last dimension that is flattened; default -1, the last.
    end_dim: isize,
}

forward!(Flatten, |layer, x| x.try_flatten_dim(layer.start_dim..=layer.end_dim));
