//! Adamax.

use super::terms::{Average, Direction};
use super::{Rule, apply};
use crate::dtype::StoredFloat;
use crate::float::Float;
use crate::simd::Simd;

/// Options of Adamax, named as in `torch.optim.Adamax`.
#[derive(Clone, Copy, Debug)]
pub struct Adamax {
    /// The learning rate.
    pub lr: f64,
    /// The decay rate of the average gradient.
    pub beta1: f64,
    /// The decay rate of the largest magnitude of the gradient.
    pub beta2: f64,
    /// Added to the magnitude of the gradient.
    pub eps: f64,
    /// The weight decay: this multiple of the parameter is added to the gradient.
    pub weight_decay: f64,
    /// Maximizes instead of minimizes.
    pub maximize: bool,
}

impl Adamax {
    /// The learning rate of step `t`, counted from 1, corrected for the average that starts at 0.
    pub fn corrected_lr(&self, t: f64) -> f64 {
        self.lr / (1.0 - self.beta1.powf(t))
    }
}

/// Step `t`, counted from 1. The state is the average gradient and its largest magnitude.
pub(super) fn step<T: StoredFloat>(adamax: &Adamax, t: f64, p: &mut [T], g: &[T], state: &mut [&mut [T]]) {
    let of = T::Computed::of;
    let rule = Bounded {
        minus_lr: of(-adamax.corrected_lr(t)),
        average: Average::new(adamax.beta1),
        beta2: of(adamax.beta2),
        eps: of(adamax.eps),
        direction: Direction::new(adamax.weight_decay, adamax.maximize),
    };
    apply("adamax", rule, p, g, state);
}

#[derive(Clone, Copy)]
struct Bounded<T> {
    minus_lr: T,
    average: Average<T>,
    beta2: T,
    eps: T,
    direction: Direction<T>,
}

impl<T: Float> Rule<T, 2> for Bounded<T> {
    #[inline(always)]
    fn element<S: Simd>(self, p: T, g: T, [m, largest]: [T; 2]) -> (T, [T; 2]) {
        let g = self.direction.of::<S>(p, g);
        let m = self.average.of::<S>(m, g);
        let largest = (largest * self.beta2).max_nan(g.abs() + self.eps);
        (p + self.minus_lr * m / largest, [m, largest])
    }
}
