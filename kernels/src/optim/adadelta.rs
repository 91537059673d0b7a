//! Adadelta.

use super::terms::{Direction, MeanSquare};
use super::{Rule, apply};
use crate::dtype::StoredFloat;
use crate::float::Float;
use crate::simd::Simd;

/// Options of Adadelta, named as in `torch.optim.Adadelta`.
#[derive(Clone, Copy, Debug)]
pub struct Adadelta {
    /// The learning rate.
    pub lr: f64,
    /// The decay rate of both averages.
    pub rho: f64,
    /// Added to both averages before their square roots are taken.
    pub eps: f64,
    /// The weight decay: this multiple of the parameter is added to the gradient.
    pub weight_decay: f64,
    /// Maximizes instead of minimizes.
    pub maximize: bool,
}

/// The state is the average squared gradient and the average squared change.
pub(super) fn step<T: StoredFloat>(adadelta: &Adadelta, p: &mut [T], g: &[T], state: &mut [&mut [T]]) {
    let of = T::Computed::of;
    let rule = Scaled {
        minus_lr: of(-adadelta.lr),
        square: MeanSquare::new(adadelta.rho),
        eps: of(adadelta.eps),
        direction: Direction::new(adadelta.weight_decay, adadelta.maximize),
    };
    apply("adadelta", rule, p, g, state);
}

#[derive(Clone, Copy)]
struct Scaled<T> {
    minus_lr: T,
    square: MeanSquare<T>,
    eps: T,
    direction: Direction<T>,
}

impl<T: Float> Rule<T, 2> for Scaled<T> {
    #[inline(always)]
    fn element<S: Simd>(self, p: T, g: T, [gradients, changes]: [T; 2]) -> (T, [T; 2]) {
        let g = self.direction.of::<S>(p, g);
        let gradients = self.square.of::<S>(gradients, g);
        let change = (changes + self.eps).sqrt() / (gradients + self.eps).sqrt() * g;
        (self.minus_lr.mul_add::<S>(change, p), [gradients, self.square.of::<S>(changes, change)])
    }
}
