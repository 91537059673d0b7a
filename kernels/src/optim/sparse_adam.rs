//! SparseAdam.

use super::{Rule, apply};
use crate::dtype::StoredFloat;
use crate::float::Float;
use crate::simd::Simd;

/// Options of SparseAdam, named as in `torch.optim.SparseAdam`.
#[derive(Clone, Copy, Debug)]
pub struct SparseAdam {
    /// The learning rate.
    pub lr: f64,
    /// The decay rate of the average gradient.
    pub beta1: f64,
    /// The decay rate of the average squared gradient.
    pub beta2: f64,
    /// Added to the denominator, which is not corrected for the first steps as that of Adam is.
    pub eps: f64,
    /// Maximizes instead of minimizes.
    pub maximize: bool,
}

impl SparseAdam {
    /// The learning rate of step `t`, counted from 1, with the corrections of both averages.
    pub fn corrected_lr(&self, t: f64) -> f64 {
        self.lr * (1.0 - self.beta2.powf(t)).sqrt() / (1.0 - self.beta1.powf(t))
    }
}

/// Step `t`, counted from 1. The state is the average gradient and the average squared gradient.
pub(super) fn step<T: StoredFloat>(adam: &SparseAdam, t: f64, p: &mut [T], g: &[T], state: &mut [&mut [T]]) {
    let of = T::Computed::of;
    let rule = Masked {
        minus_lr: of(-adam.corrected_lr(t)),
        beta1: of(1.0 - adam.beta1),
        beta2: of(1.0 - adam.beta2),
        eps: of(adam.eps),
        maximize: adam.maximize,
    };
    apply("sparse_adam", rule, p, g, state);
}

#[derive(Clone, Copy)]
struct Masked<T> {
    minus_lr: T,
    /// One minus the decay rate, as the other.
    beta1: T,
    beta2: T,
    eps: T,
    maximize: bool,
}

impl<T: Float> Rule<T, 2> for Masked<T> {
    #[inline(always)]
    fn element<S: Simd>(self, p: T, g: T, [m, v]: [T; 2]) -> (T, [T; 2]) {
        let g = if self.maximize { -g } else { g };
        // PyTorch adds the changes of the rows, so nothing is fused.
        let m = m + (g - m) * self.beta1;
        let v = v + (g * g - v) * self.beta2;
        (p + self.minus_lr * (m / (v.sqrt() + self.eps)), [m, v])
    }
}
