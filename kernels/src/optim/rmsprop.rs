//! RMSprop.

use super::terms::{Average, Direction, MeanSquare};
use super::{Rule, apply};
use crate::dtype::StoredFloat;
use crate::float::Float;
use crate::simd::Simd;

/// Options of RMSprop, named as in `torch.optim.RMSprop`.
#[derive(Clone, Copy, Debug)]
pub struct RmsProp {
    /// The learning rate.
    pub lr: f64,
    /// The decay rate of the averages.
    pub alpha: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// The weight decay: this multiple of the parameter is added to the gradient.
    pub weight_decay: f64,
    /// The factor applied to the momentum buffer; without momentum, 0, there is none.
    pub momentum: f64,
    /// Divides by the standard deviation of the gradient instead of its root mean square.
    pub centered: bool,
    /// Maximizes instead of minimizes.
    pub maximize: bool,
}

/// The state is the average squared gradient, with momentum the buffer, and if centered the average gradient.
pub(super) fn step<T: StoredFloat>(rmsprop: &RmsProp, p: &mut [T], g: &[T], state: &mut [&mut [T]]) {
    let of = T::Computed::of;
    let scaled = Scaled {
        minus_lr: of(-rmsprop.lr),
        square: MeanSquare::new(rmsprop.alpha),
        average: Average::new(rmsprop.alpha),
        eps: of(rmsprop.eps),
        momentum: of(rmsprop.momentum),
        direction: Direction::new(rmsprop.weight_decay, rmsprop.maximize),
    };
    match (rmsprop.momentum != 0.0, rmsprop.centered) {
        (false, false) => apply("rmsprop", scaled, p, g, state),
        (false, true) => apply("rmsprop", Centered(scaled), p, g, state),
        (true, false) => apply("rmsprop", Momentum(scaled), p, g, state),
        (true, true) => apply("rmsprop", CenteredMomentum(scaled), p, g, state),
    }
}

#[derive(Clone, Copy)]
struct Scaled<T> {
    minus_lr: T,
    square: MeanSquare<T>,
    average: Average<T>,
    eps: T,
    momentum: T,
    direction: Direction<T>,
}

impl<T: Float> Scaled<T> {
    /// The denominator from the averages of the squared gradient and of the gradient.
    #[inline(always)]
    fn deviation<S: Simd>(self, square: T, mean: T) -> T {
        (-mean).mul_add::<S>(mean, square).sqrt() + self.eps
    }

    #[inline(always)]
    fn descend(self, p: T, g: T, denominator: T) -> T {
        p + self.minus_lr * g / denominator
    }

    /// The new parameter and momentum buffer.
    #[inline(always)]
    fn roll<S: Simd>(self, p: T, buffer: T, g: T, denominator: T) -> (T, T) {
        let buffer = buffer * self.momentum + g / denominator;
        (self.minus_lr.mul_add::<S>(buffer, p), buffer)
    }
}

impl<T: Float> Rule<T, 1> for Scaled<T> {
    #[inline(always)]
    fn element<S: Simd>(self, p: T, g: T, [square]: [T; 1]) -> (T, [T; 1]) {
        let g = self.direction.of::<S>(p, g);
        let square = self.square.of::<S>(square, g);
        (self.descend(p, g, square.sqrt() + self.eps), [square])
    }
}

#[derive(Clone, Copy)]
struct Centered<T>(Scaled<T>);

impl<T: Float> Rule<T, 2> for Centered<T> {
    #[inline(always)]
    fn element<S: Simd>(self, p: T, g: T, [square, mean]: [T; 2]) -> (T, [T; 2]) {
        let Centered(scaled) = self;
        let g = scaled.direction.of::<S>(p, g);
        let (square, mean) = (scaled.square.of::<S>(square, g), scaled.average.of::<S>(mean, g));
        (scaled.descend(p, g, scaled.deviation::<S>(square, mean)), [square, mean])
    }
}

#[derive(Clone, Copy)]
struct Momentum<T>(Scaled<T>);

impl<T: Float> Rule<T, 2> for Momentum<T> {
    #[inline(always)]
    fn element<S: Simd>(self, p: T, g: T, [square, buffer]: [T; 2]) -> (T, [T; 2]) {
        let Momentum(scaled) = self;
        let g = scaled.direction.of::<S>(p, g);
        let square = scaled.square.of::<S>(square, g);
        let (p, buffer) = scaled.roll::<S>(p, buffer, g, square.sqrt() + scaled.eps);
        (p, [square, buffer])
    }
}

#[derive(Clone, Copy)]
struct CenteredMomentum<T>(Scaled<T>);

impl<T: Float> Rule<T, 3> for CenteredMomentum<T> {
    #[inline(always)]
    fn element<S: Simd>(self, p: T, g: T, [square, buffer, mean]: [T; 3]) -> (T, [T; 3]) {
        let CenteredMomentum(scaled) = self;
        let g = scaled.direction.of::<S>(p, g);
        let (square, mean) = (scaled.square.of::<S>(square, g), scaled.average.of::<S>(mean, g));
        let (p, buffer) = scaled.roll::<S>(p, buffer, g, scaled.deviation::<S>(square, mean));
        (p, [square, buffer, mean])
    }
}
