//! Resilient backpropagation.

use super::terms::Direction;
use super::{Rule, apply};
use crate::dtype::StoredFloat;
use crate::float::Float;
use crate::simd::Simd;

/// Options of resilient backpropagation, named after those of `torch.optim.Rprop`.
#[derive(Clone, Copy, Debug)]
pub struct Rprop {
    /// The factor of the step size where the gradient changed its sign.
    pub eta_minus: f64,
    /// The factor of the step size where the gradient kept its sign.
    pub eta_plus: f64,
    /// The smallest step size.
    pub min: f64,
    /// The largest step size.
    pub max: f64,
    /// Maximizes instead of minimizes.
    pub maximize: bool,
}

/// The state is the previous gradient and the step size.
pub(super) fn step<T: StoredFloat>(rprop: &Rprop, p: &mut [T], g: &[T], state: &mut [&mut [T]]) {
    let of = T::Computed::of;
    let rule = Signs {
        eta_minus: of(rprop.eta_minus),
        eta_plus: of(rprop.eta_plus),
        min: of(rprop.min),
        max: of(rprop.max),
        direction: Direction::new(0.0, rprop.maximize),
    };
    apply("rprop", rule, p, g, state);
}

#[derive(Clone, Copy)]
struct Signs<T> {
    eta_minus: T,
    eta_plus: T,
    min: T,
    max: T,
    direction: Direction<T>,
}

/// `positive`, `negative` or `otherwise` by the sign of `x`; the last for 0 and NaN.
#[inline(always)]
fn by_sign<T: Float>(x: T, positive: T, negative: T, otherwise: T) -> T {
    let otherwise = if x < T::ZERO { negative } else { otherwise };
    if x > T::ZERO { positive } else { otherwise }
}

impl<T: Float> Rule<T, 2> for Signs<T> {
    #[inline(always)]
    fn element<S: Simd>(self, p: T, g: T, [previous, size]: [T; 2]) -> (T, [T; 2]) {
        let g = self.direction.of::<S>(p, g);
        let agreement = g * previous;
        let factor = by_sign(agreement, self.eta_plus, self.eta_minus, T::ONE);
        let size = (size * factor).max_nan(self.min).min_nan(self.max);
        let g = if agreement < T::ZERO { T::ZERO } else { g };
        (p - by_sign(g, T::ONE, -T::ONE, T::ZERO) * size, [g, size])
    }
}
