//! Optimizer steps, one pass over memory each, in PyTorch's order of operations and with its roundings: a sum with a
//! multiple is fused where the instruction set can, divisions are true divisions, scalars are computed in f64 and rounded.

use crate::float::Float;
use crate::isa::{self, Isa};
use crate::simd::{Kernel, Simd, dispatch, wide};
use crate::split::{Parts, TASK};
use crate::threads::parallel_for;

/// Settings of [`sgd`], named as `torch.optim.SGD`'s.
#[derive(Clone, Copy, Debug)]
pub struct Sgd {
    /// Learning rate.
    pub lr: f64,
    /// Factor on the buffer.
    pub momentum: f64,
    /// Share of the gradient that does not enter the buffer, except at the first step.
    pub dampening: f64,
    /// Multiple of the parameter added to the gradient.
    pub weight_decay: f64,
    /// Steps along the gradient plus `momentum` times the buffer instead of the buffer.
    pub nesterov: bool,
    /// Climbs instead of descends.
    pub maximize: bool,
}

/// Settings of [`adam`], named as `torch.optim.Adam`'s.
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    /// Learning rate.
    pub lr: f64,
    /// Decay of the average gradient.
    pub beta1: f64,
    /// Decay of the average squared gradient.
    pub beta2: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// Whether weight decay shrinks the parameter (AdamW) instead of entering the gradient (Adam).
    pub decoupled: bool,
    /// Climbs instead of descends.
    pub maximize: bool,
}

/// A step of an optimizer: which one, and its settings at this step.
#[derive(Clone, Copy, Debug)]
pub enum StepRule {
    /// Stochastic gradient descent. State: the momentum buffer, or none for no momentum.
    Sgd {
        /// The optimizer's settings.
        settings: Sgd,
        /// Whether this step starts the momentum buffer, whose contents are then ignored.
        first: bool,
    },
    /// Adam or AdamW. State: the averages of the gradient and of its square; for `amsgrad` also the largest of the latter so far.
    Adam {
        /// The optimizer's settings.
        settings: Adam,
        /// The number of the step, from 1.
        t: f64,
    },
}

/// Updates the parameter `p` and the arrays of its `state` by the gradient `g`.
///
/// # Panics
/// If the slices differ in length, or the number of state arrays is not the rule's.
pub fn step<T: Float>(rule: &StepRule, p: &mut [T], g: &[T], state: &mut [&mut [T]]) {
    match (rule, state) {
        (StepRule::Sgd { settings, first }, []) => sgd(settings, *first, p, g, None),
        (StepRule::Sgd { settings, first }, [buffer]) => sgd(settings, *first, p, g, Some(buffer)),
        (StepRule::Adam { settings, t }, [m, v]) => adam(settings, *t, p, g, m, v, None),
        (StepRule::Adam { settings, t }, [m, v, largest]) => adam(settings, *t, p, g, m, v, Some(largest)),
        (rule, state) => panic!("{rule:?} does not have {} state arrays", state.len()),
    }
}

/// Runs a step over parts of arrays of the same length, in parallel if it is worth it: `state` it changes, `g` it reads.
fn apply<T: Float, const M: usize>(
    name: &str,
    state: [&mut [T]; M],
    g: &[T],
    step: impl Fn(Isa, [&mut [T]; M], &[T]) + Sync,
) {
    for s in &state {
        assert_eq!(s.len(), g.len(), "{name}: parameter, gradient and state differ in length");
    }
    let isa = isa::isa();
    let state = state.map(Parts::new);
    parallel_for(g.len(), TASK, |range| {
        // SAFETY: ranges do not overlap.
        let state = std::array::from_fn(|m| unsafe { state[m].part(range.clone()) });
        step(isa, state, &g[range]);
    });
}

#[derive(Clone, Copy)]
struct RuleOptimizer<T> {
    minus_lr: T,
    momentum: T,
    keep: T,
    weight_decay: Option<T>,
    maximize: bool,
}

impl<T: Float> RuleOptimizer<T> {
    #[inline(always)]
    fn gradient<S: Simd>(self, p: T, g: T) -> T {
        let g = if self.maximize { -g } else { g };
        match self.weight_decay {
            Some(decay) => decay.mul_add::<S>(p, g),
            None => g,
        }
    }
}

struct Plain<'a, T>(RuleOptimizer<T>, &'a mut [T], &'a [T]);

impl<T: Float> Kernel for Plain<'_, T> {
    type Output = ();
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Plain(step, p, g) = self;
        for (p, &g) in p.iter_mut().zip(g) {
            *p = step.minus_lr.mul_add::<S>(step.gradient::<S>(*p, g), *p);
        }
    }
}

/// `MODE`: 0 first step, 1 later ones, each plus 2 with nesterov.
struct Momentum<'a, T, const MODE: u8>(RuleOptimizer<T>, &'a mut [T], &'a mut [T], &'a [T]);

impl<T: Float, const MODE: u8> Kernel for Momentum<'_, T, MODE> {
    type Output = ();
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Momentum(step, p, buffer, g) = self;
        for ((p, buffer), &g) in p.iter_mut().zip(buffer).zip(g) {
            let g = step.gradient::<S>(*p, g);
            let new = if MODE & 1 == 0 { g } else { step.keep.mul_add::<S>(g, *buffer * step.momentum) };
            let g = if MODE & 2 == 0 { new } else { step.momentum.mul_add::<S>(new, g) };
            *buffer = new;
            *p = step.minus_lr.mul_add::<S>(g, *p);
        }
    }
}

/// One step of stochastic gradient descent, as `torch.optim.SGD`. `buffer` is the momentum buffer; `first` says that this step
/// starts it (what it holds is then ignored). Without a buffer there is no momentum.
///
/// # Panics
/// If the slices differ in length.
pub fn sgd<T: Float>(settings: &Sgd, first: bool, p: &mut [T], g: &[T], buffer: Option<&mut [T]>) {
    let step = RuleOptimizer {
        minus_lr: T::of(-settings.lr),
        momentum: T::of(settings.momentum),
        keep: T::of(1.0 - settings.dampening),
        weight_decay: (settings.weight_decay != 0.0).then_some(T::of(settings.weight_decay)),
        maximize: settings.maximize,
    };
    let Some(buffer) = buffer else {
        return apply("sgd", [p], g, |isa, [p], g| dispatch(isa, Plain(step, p, g)));
    };
    apply("sgd", [p, buffer], g, |isa, [p, buffer], g| match (first, settings.nesterov) {
        (true, false) => dispatch(isa, Momentum::<T, 0>(step, p, buffer, g)),
        (false, false) => dispatch(isa, Momentum::<T, 1>(step, p, buffer, g)),
        (true, true) => dispatch(isa, Momentum::<T, 2>(step, p, buffer, g)),
        (false, true) => dispatch(isa, Momentum::<T, 3>(step, p, buffer, g)),
    });
}

#[derive(Clone, Copy)]
struct Moments<T> {
    /// 1 - beta1, its complement, and which form of `lerp` PyTorch takes for it.
    weight: T,
    complement: T,
    from_start: bool,
    beta2: T,
    one_minus_beta2: T,
    root: T,
    eps: T,
    minus_step: T,
    weight_decay: Option<T>,
    shrink: Option<T>,
    maximize: bool,
}

impl<T: Float> Moments<T> {
    /// The new averages, and the parameter after decoupled weight decay.
    #[inline(always)]
    fn averages<S: Simd>(self, p: T, m: T, v: T, g: T) -> (T, T, T) {
        let g = if self.maximize { -g } else { g };
        let g = match self.weight_decay {
            Some(decay) => decay.mul_add::<S>(p, g),
            None => g,
        };
        let p = match self.shrink {
            Some(shrink) => p * shrink,
            None => p,
        };
        let difference = g - m;
        let m = if self.from_start {
            self.weight.mul_add::<S>(difference, m)
        } else {
            (-difference).mul_add::<S>(self.complement, g)
        };
        (p, m, (self.one_minus_beta2 * g).mul_add::<S>(g, v * self.beta2))
    }

    #[inline(always)]
    fn descend(self, p: T, m: T, v: T) -> T {
        p + self.minus_step * m / (v.sqrt() / self.root + self.eps)
    }
}

struct Adaptive<'a, T>(Moments<T>, [&'a mut [T]; 3], &'a [T]);

impl<T: Float> Kernel for Adaptive<'_, T> {
    type Output = ();
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Adaptive(step, [p, m, v], g) = self;
        for (((p, m), v), &g) in p.iter_mut().zip(m).zip(v).zip(g) {
            (*p, *m, *v) = step.averages::<S>(*p, *m, *v, g);
            *p = step.descend(*p, *m, *v);
        }
    }
}

struct AdaptiveMax<'a, T>(Moments<T>, [&'a mut [T]; 4], &'a [T]);

impl<T: Float> Kernel for AdaptiveMax<'_, T> {
    type Output = ();
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let AdaptiveMax(step, [p, m, v, largest], g) = self;
        // Block by block in two loops: one loop over five arrays would not be vectorized for fear of overlaps.
        for start in (0..g.len()).step_by(1024) {
            let block = start..g.len().min(start + 1024);
            let (p, m, v, g) = (&mut p[block.clone()], &mut m[block.clone()], &mut v[block.clone()], &g[block.clone()]);
            for (((p, m), v), &g) in p.iter_mut().zip(&mut *m).zip(&mut *v).zip(g) {
                (*p, *m, *v) = step.averages::<S>(*p, *m, *v, g);
            }
            for (((p, m), v), largest) in p.iter_mut().zip(m).zip(v).zip(&mut largest[block]) {
                *largest = largest.max_nan(*v);
                *p = step.descend(*p, *m, *largest);
            }
        }
    }
}

/// One step of Adam or AdamW, as `torch.optim.Adam` and `AdamW`; `t` counts the steps from 1. `m` and `v` are the averages of the
/// gradient and of its square; `largest` is the largest second moment so far, given for the variant `amsgrad`.
///
/// # Panics
/// If the slices differ in length.
pub fn adam<T: Float>(
    settings: &Adam,
    t: f64,
    p: &mut [T],
    g: &[T],
    m: &mut [T],
    v: &mut [T],
    largest: Option<&mut [T]>,
) {
    let Adam { lr, beta1, beta2, eps, weight_decay, decoupled, maximize } = *settings;
    let weight = T::of(1.0 - beta1);
    let step = Moments {
        weight,
        complement: T::ONE - weight,
        from_start: weight < T::of(0.5),
        beta2: T::of(beta2),
        one_minus_beta2: T::of(1.0 - beta2),
        root: T::of((1.0 - beta2.powf(t)).sqrt()),
        eps: T::of(eps),
        minus_step: T::of(-(lr / (1.0 - beta1.powf(t)))),
        weight_decay: (weight_decay != 0.0 && !decoupled).then_some(T::of(weight_decay)),
        shrink: (weight_decay != 0.0 && decoupled).then_some(T::of(1.0 - lr * weight_decay)),
        maximize,
    };
    match largest {
        None => apply("adam", [p, m, v], g, |isa, state, g| dispatch(isa, Adaptive(step, state, g))),
        Some(largest) => {
            apply("adam", [p, m, v, largest], g, |isa, state, g| dispatch(isa, AdaptiveMax(step, state, g)))
        }
    }
}
