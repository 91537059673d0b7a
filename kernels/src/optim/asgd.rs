//! Averaged stochastic gradient descent.

use super::terms::Direction;
use super::{Rule, apply};
use crate::dtype::StoredFloat;
use crate::float::Float;
use crate::simd::Simd;

/// Options of averaged stochastic gradient descent, named as in `torch.optim.ASGD`, and the two numbers of its state.
#[derive(Clone, Copy, Debug)]
pub struct Asgd {
    /// The learning rate of this step.
    pub eta: f64,
    /// The weight of the new parameter in the average.
    pub mu: f64,
    /// The decay of the parameter, which shrinks by `lambd * eta`.
    pub lambd: f64,
    /// The weight decay: this multiple of the parameter is added to the gradient.
    pub weight_decay: f64,
    /// Maximizes instead of minimizes.
    pub maximize: bool,
}

/// The state is the average of the parameter.
pub(super) fn step<T: StoredFloat>(asgd: &Asgd, p: &mut [T], g: &[T], state: &mut [&mut [T]]) {
    let of = T::Computed::of;
    let rule = Averaged {
        minus_eta: of(-asgd.eta),
        shrink: of(1.0 - asgd.lambd * asgd.eta),
        mu: (asgd.mu != 1.0).then_some(of(asgd.mu)),
        direction: Direction::new(asgd.weight_decay, asgd.maximize),
    };
    apply("asgd", rule, p, g, state);
}

#[derive(Clone, Copy)]
struct Averaged<T> {
    minus_eta: T,
    shrink: T,
    /// `None` where the average is the parameter itself, whatever it was before.
    mu: Option<T>,
    direction: Direction<T>,
}

impl<T: Float> Rule<T, 1> for Averaged<T> {
    #[inline(always)]
    fn element<S: Simd>(self, p: T, g: T, [average]: [T; 1]) -> (T, [T; 1]) {
        let g = self.direction.of::<S>(p, g);
        let p = self.minus_eta.mul_add::<S>(g, p * self.shrink);
        let average = match self.mu {
            Some(mu) => average + (p - average) * mu,
            None => p,
        };
        (p, [average])
    }
}
