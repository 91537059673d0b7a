//! Optimizer steps, one pass over memory each, in PyTorch's order of operations and with its rounding: additions of
//! scaled operands are fused where the instruction set supports it, divisions are true divisions, scalars are computed
//! in f64 and rounded.
//!
//! An optimizer is a file with its options and a [`Rule`], the arithmetic of one element, made of [`terms`] where
//! several have them in common. The driver here applies a rule to the parameter, its gradient and its state.

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod asgd;
mod rmsprop;
mod rprop;
mod sgd;
mod sparse_adam;
mod terms;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamax::Adamax;
pub use asgd::Asgd;
pub use rmsprop::RmsProp;
pub use rprop::Rprop;
pub use sgd::Sgd;
pub use sparse_adam::SparseAdam;

use crate::convert::is_direct;
use crate::dtype::StoredFloat;
use crate::float::Float;
use crate::instances::instances;
use crate::isa::{self, Isa};
use crate::simd::{Kernel, Simd, dispatch, wide};
use crate::split::{Parts, TASK};
use crate::threads::parallel_for;
use std::mem::MaybeUninit;
use std::ops::Range;

/// An optimizer step: the algorithm, and its options at this step.
#[derive(Clone, Copy, Debug)]
pub enum StepRule {
    /// Stochastic gradient descent. State: the momentum buffer, or none without momentum.
    Sgd {
        /// The optimizer's options.
        settings: Sgd,
        /// Whether this step initializes the momentum buffer, whose contents are then ignored.
        first: bool,
    },
    /// Averaged stochastic gradient descent. State: the average of the parameter.
    Asgd {
        /// The optimizer's options and numbers.
        settings: Asgd,
    },
    /// Resilient backpropagation. State: the previous gradient and the step size.
    Rprop {
        /// The optimizer's options.
        settings: Rprop,
    },
    /// Adagrad. State: the sum of squared gradients.
    Adagrad {
        /// The optimizer's options.
        settings: Adagrad,
        /// The step number, starting at 1.
        t: f64,
    },
    /// Adadelta. State: the averages of the squared gradient and of the squared change.
    Adadelta {
        /// The optimizer's options.
        settings: Adadelta,
    },
    /// RMSprop. State: the average of the squared gradient, with momentum the buffer, and if centered the average of the
    /// gradient.
    RmsProp {
        /// The optimizer's options.
        settings: RmsProp,
    },
    /// Adam or AdamW. State: the averages of the gradient and of its square; for `amsgrad` also the maximum of the
    /// latter so far.
    Adam {
        /// The optimizer's options.
        settings: Adam,
        /// The step number, starting at 1.
        t: f64,
    },
    /// Adamax. State: the average of the gradient and its largest magnitude, which decays.
    Adamax {
        /// The optimizer's options.
        settings: Adamax,
        /// The step number, starting at 1.
        t: f64,
    },
    /// SparseAdam, on the rows that were used. State: the averages of the gradient and of its square.
    SparseAdam {
        /// The optimizer's options.
        settings: SparseAdam,
        /// The step number, starting at 1.
        t: f64,
    },
}

instances! {
    /// A floating-point type that parameters can have.
    pub trait Element: StoredFloat; Float types, bodies in self {
        fn run_rule(rule: &StepRule, p: &mut [Self], g: &[Self], state: &mut [&mut [Self]]);
    }
}

/// Updates the parameter `p` and the arrays of its `state` with the gradient `g`.
///
/// # Panics
/// If the slices differ in length, or the number of state arrays does not match the rule.
#[inline]
pub fn step<T: Element>(rule: &StepRule, p: &mut [T], g: &[T], state: &mut [&mut [T]]) {
    T::run_rule(rule, p, g, state);
}

fn run_rule<T: StoredFloat>(rule: &StepRule, p: &mut [T], g: &[T], state: &mut [&mut [T]]) {
    match rule {
        StepRule::Sgd { settings, first } => sgd::step(settings, *first, p, g, state),
        StepRule::Asgd { settings } => asgd::step(settings, p, g, state),
        StepRule::Rprop { settings } => rprop::step(settings, p, g, state),
        StepRule::Adagrad { settings, t } => adagrad::step(settings, *t, p, g, state),
        StepRule::Adadelta { settings } => adadelta::step(settings, p, g, state),
        StepRule::RmsProp { settings } => rmsprop::step(settings, p, g, state),
        StepRule::Adam { settings, t } => adam::step(settings, *t, p, g, state),
        StepRule::Adamax { settings, t } => adamax::step(settings, *t, p, g, state),
        StepRule::SparseAdam { settings, t } => sparse_adam::step(settings, *t, p, g, state),
    }
}

/// The arithmetic of an optimizer with `N` state arrays, in the computed type.
trait Rule<T, const N: usize>: Copy + Send + Sync {
    /// The new parameter and state of an element.
    fn element<S: Simd>(self, p: T, g: T, state: [T; N]) -> (T, [T; N]);
}

/// Elements processed at a time where operands or results go through buffers, which stay in the L1 cache.
const BLOCK: usize = 512;

/// Applies a rule to arrays of the same length, in parallel if there is enough work.
///
/// # Panics
/// If the slices differ in length, or there are not `N` state arrays.
fn apply<T: StoredFloat, R: Rule<T::Computed, N>, const N: usize>(
    name: &str,
    rule: R,
    p: &mut [T],
    g: &[T],
    state: &mut [&mut [T]],
) {
    let count = state.len();
    let Ok(state) = <&mut [&mut [T]; N]>::try_from(state) else {
        panic!("{name}: expected {N} state arrays, got {count}");
    };
    for len in state.iter().map(|s| s.len()).chain([p.len()]) {
        assert!(len == g.len(), "{name}: expected {} elements, as in the gradient, got {len}", g.len());
    }
    let isa = isa::isa();
    let (p, state) = (Parts::new(p), parts(state));
    parallel_for(g.len(), TASK, |range| {
        // SAFETY: ranges do not overlap.
        unsafe {
            let (p, state) = (p.part(range.clone()), pointers(&state, range.clone()));
            step_part(isa, rule, p, &g[range], state);
        }
    });
}

// Separate functions, because closures in the generic functions here would be compiled for each optimizer.

fn parts<'a, T, const N: usize>(state: &'a mut [&mut [T]; N]) -> [Parts<'a, T>; N] {
    state.each_mut().map(|s| Parts::new(s))
}

/// # Safety
/// No other part that overlaps this one is in use at the same time.
unsafe fn pointers<T, const N: usize>(state: &[Parts<T>; N], range: Range<usize>) -> [*mut T; N] {
    // SAFETY: guaranteed by the caller.
    state.each_ref().map(|s| unsafe { s.part(range.clone()) }.as_mut_ptr())
}

#[inline(always)]
fn cast<T, U, const N: usize>(pointers: [*mut T; N]) -> [*mut U; N] {
    pointers.map(|p| p.cast())
}

/// # Safety
/// The elements after the first `n` belong to the same arrays.
#[inline(always)]
unsafe fn skip<T, const N: usize>(pointers: [*mut T; N], n: usize) -> [*mut T; N] {
    // SAFETY: guaranteed by the caller.
    pointers.map(|p| unsafe { p.add(n) })
}

/// Applies a rule to arrays of one length (that of `p` and `g`), converting block by block if the stored type is not
/// the computed type.
///
/// # Safety
/// The arrays of the state have that length, and are not otherwise accessed.
unsafe fn step_part<T: StoredFloat, R: Rule<T::Computed, N>, const N: usize>(
    isa: Isa,
    rule: R,
    p: &mut [T],
    g: &[T],
    state: [*mut T; N],
) {
    let n = g.len();
    let (p, g) = (p.as_mut_ptr(), g.as_ptr());
    if is_direct::<T>() {
        return dispatch(isa, Elements { rule, p: p.cast(), g: g.cast(), state: cast(state), n });
    }
    let mut buffers = [[T::Computed::ZERO; BLOCK]; 2];
    let mut state_buffers = [[T::Computed::ZERO; BLOCK]; N];
    let [wide_p, wide_g] = cast(buffers.each_mut().map(std::ptr::from_mut));
    let wide_state = cast(state_buffers.each_mut().map(std::ptr::from_mut));
    for start in (0..n).step_by(BLOCK) {
        let len = BLOCK.min(n - start);
        // SAFETY: `len` elements are left in every array, and a buffer holds as many.
        unsafe {
            T::load(isa, p.add(start), wide_p, len);
            T::load(isa, g.add(start), wide_g, len);
            for k in 0..N {
                T::load(isa, state[k].add(start), wide_state[k], len);
            }
            dispatch(isa, Elements { rule, p: wide_p, g: wide_g, state: wide_state, n: len });
            T::store(isa, wide_p, p.add(start), len);
            for k in 0..N {
                T::store(isa, wide_state[k], state[k].add(start), len);
            }
        }
    }
}

/// A rule, and the `n` elements to apply it to; the creator guarantees that they can be read and written.
struct Elements<C, R, const N: usize> {
    rule: R,
    p: *mut C,
    g: *const C,
    state: [*mut C; N],
    n: usize,
}

impl<C: Float, R: Rule<C, N>, const N: usize> Kernel for Elements<C, R, N> {
    type Output = ();
    const AVX512: bool = wide::<C>();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Elements { rule, p, g, state, n } = self;
        // The compiler does not vectorize a loop that writes more than three arrays, because they may overlap: its
        // results go through buffers.
        if N < 3 {
            // SAFETY: guaranteed by the creator of this kernel.
            unsafe { elements::<S, C, R, N>(rule, g, (p, state), (p, state), n) };
            return;
        }
        let mut new_p = [const { MaybeUninit::<C>::uninit() }; BLOCK];
        let mut new_state = [const { [const { MaybeUninit::<C>::uninit() }; BLOCK] }; N];
        let new_p: *mut C = new_p.as_mut_ptr().cast();
        let new_state = cast::<_, C, N>(new_state.each_mut().map(std::ptr::from_mut));
        for start in (0..n).step_by(BLOCK) {
            let len = BLOCK.min(n - start);
            // SAFETY: `len` elements are left in every array, and a buffer holds as many.
            unsafe {
                let (p, g, state) = (p.add(start), g.add(start), skip(state, start));
                elements::<S, C, R, N>(rule, g, (p, state), (new_p, new_state), len);
                new_p.copy_to_nonoverlapping(p, len);
                for k in 0..N {
                    new_state[k].copy_to_nonoverlapping(state[k], len);
                }
            }
        }
    }
}

/// Applies `rule` to `n` elements of the parameter and state `from`, and writes the new values to `to`, which may be
/// the same.
///
/// # Safety
/// `n` elements of each array can be read or written.
#[inline(always)]
unsafe fn elements<S: Simd, C: Float, R: Rule<C, N>, const N: usize>(
    rule: R,
    g: *const C,
    from: (*mut C, [*mut C; N]),
    to: (*mut C, [*mut C; N]),
    n: usize,
) {
    for i in 0..n {
        let mut state = [C::ZERO; N];
        // SAFETY: guaranteed by the caller.
        unsafe {
            for k in 0..N {
                state[k] = *from.1[k].add(i);
            }
            let (p, state) = rule.element::<S>(*from.0.add(i), *g.add(i), state);
            to.0.add(i).write(p);
            for k in 0..N {
                to.1[k].add(i).write(state[k]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::testing;
    use crate::half::{Bf16, F16};

    fn rounded_once<T: Element + testing::Half>() {
        let sgd = Sgd { lr: 0.1, momentum: 0.9, dampening: 0.2, weight_decay: 0.01, nesterov: true, maximize: false };
        let asgd = Asgd { eta: 0.1, mu: 0.25, lambd: 0.01, weight_decay: 0.01, maximize: true };
        let rprop = Rprop { eta_minus: 0.5, eta_plus: 1.2, min: 0.2, max: 0.55, maximize: true };
        let adagrad = Adagrad { lr: 0.1, lr_decay: 0.5, weight_decay: 0.01, eps: 1e-5, maximize: true };
        let adadelta = Adadelta { lr: 0.1, rho: 0.9, eps: 1e-5, weight_decay: 0.01, maximize: true };
        let rmsprop = RmsProp {
            lr: 0.1,
            alpha: 0.9,
            eps: 1e-5,
            weight_decay: 0.01,
            momentum: 0.9,
            centered: true,
            maximize: true,
        };
        let plain = RmsProp { momentum: 0.0, centered: false, ..rmsprop };
        let adam =
            Adam { lr: 0.1, beta1: 0.9, beta2: 0.99, eps: 1e-5, weight_decay: 0.01, decoupled: true, maximize: true };
        let adamax = Adamax { lr: 0.1, beta1: 0.9, beta2: 0.99, eps: 1e-5, weight_decay: 0.01, maximize: true };
        let sparse_adam = SparseAdam { lr: 0.1, beta1: 0.9, beta2: 0.99, eps: 1e-5, maximize: true };
        let rules = [
            (StepRule::Sgd { settings: sgd, first: false }, 0),
            (StepRule::Sgd { settings: sgd, first: true }, 1),
            (StepRule::Sgd { settings: sgd, first: false }, 1),
            (StepRule::Asgd { settings: asgd }, 1),
            (StepRule::Asgd { settings: Asgd { mu: 1.0, ..asgd } }, 1),
            (StepRule::Rprop { settings: rprop }, 2),
            (StepRule::Adagrad { settings: adagrad, t: 3.0 }, 1),
            (StepRule::Adadelta { settings: adadelta }, 2),
            (StepRule::RmsProp { settings: plain }, 1),
            (StepRule::RmsProp { settings: RmsProp { centered: true, ..plain } }, 2),
            (StepRule::RmsProp { settings: RmsProp { momentum: 0.9, ..plain } }, 2),
            (StepRule::RmsProp { settings: rmsprop }, 3),
            (StepRule::Adam { settings: adam, t: 3.0 }, 2),
            (StepRule::Adam { settings: adam, t: 3.0 }, 3),
            (StepRule::Adamax { settings: adamax, t: 3.0 }, 2),
            (StepRule::SparseAdam { settings: sparse_adam, t: 3.0 }, 2),
        ];
        let n = 40_001;
        let g = testing::noise::<T>(n, 1.0);
        for (rule, count) in rules {
            testing::everywhere(|| {
                let mut p = testing::noise::<T>(n, 2.0);
                let mut states: [Vec<T>; 3] = [0.5, 0.25, 0.375].map(|x| vec![T::narrow(x); n]);
                let mut wide_p = testing::widened(&p);
                let mut wide_states = states.each_ref().map(|s| testing::widened(s));
                let wide_g = testing::widened(&g);
                step(&rule, &mut p, &g, &mut states.each_mut().map(|s| &mut s[..])[..count]);
                step(&rule, &mut wide_p, &wide_g, &mut wide_states.each_mut().map(|s| &mut s[..])[..count]);
                testing::check("parameter", &p, &wide_p);
                for (state, wide) in states.iter().zip(&wide_states) {
                    testing::check("state", state, wide);
                }
            });
        }
    }

    #[test]
    fn halves_are_rounded_once() {
        rounded_once::<F16>();
        rounded_once::<Bf16>();
    }

    #[test]
    #[should_panic(expected = "sgd: expected 1 state arrays, got 2")]
    fn the_number_of_states_is_checked() {
        let settings =
            Sgd { lr: 0.1, momentum: 0.9, dampening: 0.0, weight_decay: 0.0, nesterov: false, maximize: false };
        let rule = StepRule::Sgd { settings, first: true };
        step(&rule, &mut [1.0f32], &[1.0], &mut [&mut [0.0], &mut [0.0]]);
    }
}
