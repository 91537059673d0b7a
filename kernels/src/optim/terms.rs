//! Terms that rules of several optimizers consist of.

use crate::float::Float;
use crate::simd::Simd;

/// The gradient to descend: with its sign and, where there is weight decay, a multiple of the parameter.
#[derive(Clone, Copy)]
pub(super) struct Direction<T> {
    weight_decay: Option<T>,
    maximize: bool,
}

impl<T: Float> Direction<T> {
    pub(super) fn new(weight_decay: f64, maximize: bool) -> Self {
        Direction { weight_decay: (weight_decay != 0.0).then_some(T::of(weight_decay)), maximize }
    }

    #[inline(always)]
    pub(super) fn of<S: Simd>(self, p: T, g: T) -> T {
        let g = if self.maximize { -g } else { g };
        match self.weight_decay {
            Some(decay) => decay.mul_add::<S>(p, g),
            None => g,
        }
    }
}

/// A running average, computed as PyTorch's `lerp` does.
#[derive(Clone, Copy)]
pub(super) struct Average<T> {
    /// The weight of a new value, and its complement.
    weight: T,
    complement: T,
    /// Which of the two forms of `lerp` PyTorch uses for the weight.
    from_start: bool,
}

impl<T: Float> Average<T> {
    pub(super) fn new(decay: f64) -> Self {
        let weight = T::of(1.0 - decay);
        Average { weight, complement: T::ONE - weight, from_start: weight < T::of(0.5) }
    }

    #[inline(always)]
    pub(super) fn of<S: Simd>(self, mean: T, x: T) -> T {
        let difference = x - mean;
        if self.from_start {
            self.weight.mul_add::<S>(difference, mean)
        } else {
            (-difference).mul_add::<S>(self.complement, x)
        }
    }
}

/// A running average of squares.
#[derive(Clone, Copy)]
pub(super) struct MeanSquare<T> {
    decay: T,
    weight: T,
}

impl<T: Float> MeanSquare<T> {
    pub(super) fn new(decay: f64) -> Self {
        MeanSquare { decay: T::of(decay), weight: T::of(1.0 - decay) }
    }

    #[inline(always)]
    pub(super) fn of<S: Simd>(self, mean: T, x: T) -> T {
        (self.weight * x).mul_add::<S>(x, mean * self.decay)
    }
}
