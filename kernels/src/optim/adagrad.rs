//! Adagrad.

use super::terms::Direction;
use super::{Rule, apply};
use crate::dtype::StoredFloat;
use crate::float::Float;
use crate::simd::Simd;

/// Options of Adagrad, named as in `torch.optim.Adagrad`.
#[derive(Clone, Copy, Debug)]
pub struct Adagrad {
    /// The learning rate.
    pub lr: f64,
    /// The decay of the learning rate: step `t` uses `lr / (1 + (t - 1) * lr_decay)`.
    pub lr_decay: f64,
    /// The weight decay: this multiple of the parameter is added to the gradient.
    pub weight_decay: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// Maximizes instead of minimizes.
    pub maximize: bool,
}

impl Adagrad {
    /// The learning rate of step `t`, counted from 1.
    pub fn decayed_lr(&self, t: f64) -> f64 {
        self.lr / (1.0 + (t - 1.0) * self.lr_decay)
    }
}

/// Step `t`, counted from 1. The state is the sum of squared gradients.
pub(super) fn step<T: StoredFloat>(adagrad: &Adagrad, t: f64, p: &mut [T], g: &[T], state: &mut [&mut [T]]) {
    let of = T::Computed::of;
    let rule = Accumulated {
        minus_lr: of(-adagrad.decayed_lr(t)),
        eps: of(adagrad.eps),
        direction: Direction::new(adagrad.weight_decay, adagrad.maximize),
    };
    apply("adagrad", rule, p, g, state);
}

#[derive(Clone, Copy)]
struct Accumulated<T> {
    minus_lr: T,
    eps: T,
    direction: Direction<T>,
}

impl<T: Float> Rule<T, 1> for Accumulated<T> {
    #[inline(always)]
    fn element<S: Simd>(self, p: T, g: T, [sum]: [T; 1]) -> (T, [T; 1]) {
        let g = self.direction.of::<S>(p, g);
        let sum = g.mul_add::<S>(g, sum);
        (p + self.minus_lr * g / (sum.sqrt() + self.eps), [sum])
    }
}
