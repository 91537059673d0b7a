//! Stochastic gradient descent.

use super::terms::Direction;
use super::{Rule, apply};
use crate::dtype::StoredFloat;
use crate::float::Float;
use crate::simd::Simd;

/// Options of stochastic gradient descent, named as in `torch.optim.SGD`.
#[derive(Clone, Copy, Debug)]
pub struct Sgd {
    /// The learning rate.
    pub lr: f64,
    /// The factor applied to the momentum buffer.
    pub momentum: f64,
    /// The fraction of the gradient that does not enter the buffer, except at the first step.
    pub dampening: f64,
    /// The weight decay: this multiple of the parameter is added to the gradient.
    pub weight_decay: f64,
    /// Steps along the gradient plus `momentum` times the buffer instead of the buffer.
    pub nesterov: bool,
    /// Maximizes instead of minimizes.
    pub maximize: bool,
}

/// A step without momentum if there is no state, otherwise with the momentum buffer in `state`.
pub(super) fn step<T: StoredFloat>(sgd: &Sgd, first: bool, p: &mut [T], g: &[T], state: &mut [&mut [T]]) {
    let of = T::Computed::of;
    let plain = Plain { minus_lr: of(-sgd.lr), direction: Direction::new(sgd.weight_decay, sgd.maximize) };
    if state.is_empty() {
        return apply("sgd", plain, p, g, state);
    }
    let (momentum, keep) = (of(sgd.momentum), of(1.0 - sgd.dampening));
    match (first, sgd.nesterov) {
        (true, false) => apply("sgd", Momentum::<_, true, false> { plain, momentum, keep }, p, g, state),
        (false, false) => apply("sgd", Momentum::<_, false, false> { plain, momentum, keep }, p, g, state),
        (true, true) => apply("sgd", Momentum::<_, true, true> { plain, momentum, keep }, p, g, state),
        (false, true) => apply("sgd", Momentum::<_, false, true> { plain, momentum, keep }, p, g, state),
    }
}

#[derive(Clone, Copy)]
struct Plain<T> {
    minus_lr: T,
    direction: Direction<T>,
}

impl<T: Float> Rule<T, 0> for Plain<T> {
    #[inline(always)]
    fn element<S: Simd>(self, p: T, g: T, _: [T; 0]) -> (T, [T; 0]) {
        (self.minus_lr.mul_add::<S>(self.direction.of::<S>(p, g), p), [])
    }
}

#[derive(Clone, Copy)]
struct Momentum<T, const FIRST: bool, const NESTEROV: bool> {
    plain: Plain<T>,
    momentum: T,
    /// The fraction of the gradient that enters the buffer.
    keep: T,
}

impl<T: Float, const FIRST: bool, const NESTEROV: bool> Rule<T, 1> for Momentum<T, FIRST, NESTEROV> {
    #[inline(always)]
    fn element<S: Simd>(self, p: T, g: T, [buffer]: [T; 1]) -> (T, [T; 1]) {
        let g = self.plain.direction.of::<S>(p, g);
        let buffer = if FIRST { g } else { self.keep.mul_add::<S>(g, buffer * self.momentum) };
        let g = if NESTEROV { self.momentum.mul_add::<S>(buffer, g) } else { buffer };
        (self.plain.minus_lr.mul_add::<S>(g, p), [buffer])
    }
}
