//! Adam and AdamW.

use super::terms::{Average, Direction, MeanSquare};
use super::{Rule, apply};
use crate::dtype::StoredFloat;
use crate::float::Float;
use crate::simd::Simd;

/// Options of Adam, named as in `torch.optim.Adam`.
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    /// The learning rate.
    pub lr: f64,
    /// The decay rate of the average gradient.
    pub beta1: f64,
    /// The decay rate of the average squared gradient.
    pub beta2: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// The weight decay.
    pub weight_decay: f64,
    /// Whether weight decay shrinks the parameter (AdamW) instead of entering the gradient (Adam).
    pub decoupled: bool,
    /// Maximizes instead of minimizes.
    pub maximize: bool,
}

/// Step `t`, counted from 1. The state is the two averages, and for `amsgrad` also the maximum second moment so far.
pub(super) fn step<T: StoredFloat>(adam: &Adam, t: f64, p: &mut [T], g: &[T], state: &mut [&mut [T]]) {
    let Adam { lr, beta1, beta2, eps, weight_decay, decoupled, maximize } = *adam;
    let of = T::Computed::of;
    let moments = Moments {
        first: Average::new(beta1),
        second: MeanSquare::new(beta2),
        root: of((1.0 - beta2.powf(t)).sqrt()),
        eps: of(eps),
        minus_step: of(-(lr / (1.0 - beta1.powf(t)))),
        direction: Direction::new(if decoupled { 0.0 } else { weight_decay }, maximize),
        shrink: (weight_decay != 0.0 && decoupled).then_some(of(1.0 - lr * weight_decay)),
    };
    if state.len() == 3 {
        apply("adam", AmsGrad(moments), p, g, state);
    } else {
        apply("adam", moments, p, g, state);
    }
}

#[derive(Clone, Copy)]
struct Moments<T> {
    first: Average<T>,
    second: MeanSquare<T>,
    /// The square root of the correction of the second moment, which starts at 0.
    root: T,
    eps: T,
    minus_step: T,
    direction: Direction<T>,
    shrink: Option<T>,
}

impl<T: Float> Moments<T> {
    /// The new averages, and the parameter after decoupled weight decay.
    #[inline(always)]
    fn averages<S: Simd>(self, p: T, g: T, [m, v]: [T; 2]) -> (T, [T; 2]) {
        let g = self.direction.of::<S>(p, g);
        let p = match self.shrink {
            Some(shrink) => p * shrink,
            None => p,
        };
        (p, [self.first.of::<S>(m, g), self.second.of::<S>(v, g)])
    }

    #[inline(always)]
    fn descend(self, p: T, m: T, v: T) -> T {
        p + self.minus_step * m / (v.sqrt() / self.root + self.eps)
    }
}

impl<T: Float> Rule<T, 2> for Moments<T> {
    #[inline(always)]
    fn element<S: Simd>(self, p: T, g: T, state: [T; 2]) -> (T, [T; 2]) {
        let (p, [m, v]) = self.averages::<S>(p, g, state);
        (self.descend(p, m, v), [m, v])
    }
}

/// The variant that divides by the maximum second moment so far.
#[derive(Clone, Copy)]
struct AmsGrad<T>(Moments<T>);

impl<T: Float> Rule<T, 3> for AmsGrad<T> {
    #[inline(always)]
    fn element<S: Simd>(self, p: T, g: T, [m, v, largest]: [T; 3]) -> (T, [T; 3]) {
        let (p, [m, v]) = self.0.averages::<S>(p, g, [m, v]);
        let largest = largest.max_nan(v);
        (self.0.descend(p, m, largest), [m, v, largest])
    }
}
