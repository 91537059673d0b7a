//! Flattening.

use super::{Forward, Module};
use crate::{Result, Tensor};
use rushlight_macros::{Builder, op};

/// The options of a [`Flatten`] layer.
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super))]
pub struct FlattenBuilder {
    /// The first flattened dimension; default 1.
    #[builder(default = 1)]
    start_dim: isize,
    /// The last flattened dimension; default -1.
    #[builder(default = -1)]
    end_dim: isize,
}

impl FlattenBuilder {
    /// Builds the layer.
    pub fn build(self) -> Flatten {
        Flatten { options: self }
    }
}

/// Flattens a range of dimensions into one: input `[N, …]`, output `[N, product of the other sizes]` by default.
/// See [`Tensor::flatten`](crate::Tensor::flatten).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let x = Tensor::zeros([2, 3, 4, 5]);
/// assert_eq!(nn::Flatten::new().forward(&x).shape(), [2, 60]);
/// assert_eq!(nn::Flatten::builder().start_dim(0).end_dim(2).build().forward(&x).shape(), [24, 5]);
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(plain, extra_repr = Self::extra_repr)]
pub struct Flatten {
    options: FlattenBuilder,
}

impl Flatten {
    /// Creates a layer that flattens all dimensions but the first.
    pub fn new() -> Flatten {
        Flatten::builder().build()
    }

    /// Returns a builder of the layer.
    pub fn builder() -> FlattenBuilder {
        FlattenBuilder::new()
    }

    fn extra_repr(&self) -> String {
        format!("start_dim={}, end_dim={}", self.options.start_dim, self.options.end_dim)
    }
}

impl Default for Flatten {
    fn default() -> Flatten {
        Flatten::new()
    }
}

impl Forward for Flatten {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        x.try_flatten_dim(self.options.start_dim..=self.options.end_dim)
    }
}
