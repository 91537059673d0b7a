//! Activation functions that are fused into matrix products, convolutions and normalizations.

use crate::gemm::KernelElement;

/// An activation function applied to each element before it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// The identity.
    #[default]
    None,
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`
    Relu6,
}

impl Activation {
    pub(crate) fn limits<T: KernelElement>(self) -> Option<(T, T)> {
        match self {
            Activation::None => None,
            Activation::Relu => Some((T::ZERO, T::MAX)),
            Activation::Relu6 => Some((T::ZERO, T::from_u8(6))),
        }
    }
}
