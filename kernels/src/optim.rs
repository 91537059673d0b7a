//! Optimizer steps, one pass over memory each, in PyTorch's order of operations and with its roundings: a sum with a
//! multiple is fused where the instruction set can, divisions are true divisions, scalars are computed in f64 and rounded.

use crate::cpu;
use crate::float::Float;
use crate::lanes::{LANES, lanes, read_or, write};
use crate::simd::{Kernel, Simd, dispatch};
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

/// A step for `LANES` elements of several arrays, `M` of which it changes. Settings are asked once for all lanes, so that the
/// loops over lanes have no branches.
trait Step<T: Float, const M: usize>: Copy + Sync {
    fn step<S: Simd>(self, state: [[T; LANES]; M], g: [T; LANES]) -> [[T; LANES]; M];
}

struct Run<'a, T, K, const M: usize> {
    kernel: K,
    state: [&'a mut [T]; M],
    g: &'a [T],
}

impl<T: Float, K: Step<T, M>, const M: usize> Kernel for Run<'_, T, K, M> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Run { kernel, state, g } = self;
        let n = g.len();
        let mut i = 0;
        while i + LANES <= n {
            let mut lanes = [[T::ZERO; LANES]; M];
            // SAFETY: `apply` checked that all arrays have `n` elements.
            unsafe {
                for m in 0..M {
                    lanes[m] = state[m].as_ptr().add(i).cast::<[T; LANES]>().read_unaligned();
                }
                let g = g.as_ptr().add(i).cast::<[T; LANES]>().read_unaligned();
                lanes = kernel.step::<S>(lanes, g);
                for m in 0..M {
                    state[m].as_mut_ptr().add(i).cast::<[T; LANES]>().write_unaligned(lanes[m]);
                }
            }
            i += LANES;
        }
        if i < n {
            let mut lanes = [[T::ZERO; LANES]; M];
            for m in 0..M {
                lanes[m] = read_or(state[m], i, T::ZERO);
            }
            lanes = kernel.step::<S>(lanes, read_or(g, i, T::ZERO));
            for m in 0..M {
                write(state[m], i, lanes[m]);
            }
        }
    }
}

fn apply<T: Float, K: Step<T, M>, const M: usize>(name: &str, kernel: K, state: [&mut [T]; M], g: &[T]) {
    for s in &state {
        assert_eq!(s.len(), g.len(), "{name}: parameter, gradient and state differ in length");
    }
    let isa = cpu::isa();
    let state = state.map(Parts::new);
    parallel_for(g.len(), TASK, |range| {
        // SAFETY: ranges do not overlap.
        let state = std::array::from_fn(|m| unsafe { state[m].part(range.clone()) });
        dispatch(isa, Run { kernel, state, g: &g[range] });
    });
}

#[derive(Clone, Copy)]
struct Descent<T> {
    minus_lr: T,
    momentum: T,
    keep: T,
    weight_decay: Option<T>,
    nesterov: bool,
    maximize: bool,
    first: bool,
}

impl<T: Float> Descent<T> {
    #[inline(always)]
    fn gradient<S: Simd>(self, p: [T; LANES], mut g: [T; LANES]) -> [T; LANES] {
        if self.maximize {
            g = lanes!(T, l => -g[l]);
        }
        if let Some(decay) = self.weight_decay {
            g = lanes!(T, l => decay.mul_add::<S>(p[l], g[l]));
        }
        g
    }
}

impl<T: Float> Step<T, 1> for Descent<T> {
    #[inline(always)]
    fn step<S: Simd>(self, [p]: [[T; LANES]; 1], g: [T; LANES]) -> [[T; LANES]; 1] {
        let g = self.gradient::<S>(p, g);
        [lanes!(T, l => self.minus_lr.mul_add::<S>(g[l], p[l]))]
    }
}

impl<T: Float> Step<T, 2> for Descent<T> {
    #[inline(always)]
    fn step<S: Simd>(self, [p, mut buffer]: [[T; LANES]; 2], g: [T; LANES]) -> [[T; LANES]; 2] {
        let mut g = self.gradient::<S>(p, g);
        if self.first {
            buffer = g;
        } else {
            buffer = lanes!(T, l => self.keep.mul_add::<S>(g[l], buffer[l] * self.momentum));
        }
        if self.nesterov {
            g = lanes!(T, l => self.momentum.mul_add::<S>(buffer[l], g[l]));
        } else {
            g = buffer;
        }
        [lanes!(T, l => self.minus_lr.mul_add::<S>(g[l], p[l])), buffer]
    }
}

/// One step of stochastic gradient descent, as `torch.optim.SGD`. `buffer` is the momentum buffer; `first` says that this step
/// starts it (what it holds is then ignored). Without a buffer there is no momentum.
///
/// # Panics
/// If the slices differ in length.
pub fn sgd<T: Float>(settings: &Sgd, first: bool, p: &mut [T], g: &[T], buffer: Option<&mut [T]>) {
    let step = Descent {
        minus_lr: T::of(-settings.lr),
        momentum: T::of(settings.momentum),
        keep: T::of(1.0 - settings.dampening),
        weight_decay: (settings.weight_decay != 0.0).then_some(T::of(settings.weight_decay)),
        nesterov: settings.nesterov,
        maximize: settings.maximize,
        first,
    };
    match buffer {
        None => apply("sgd", step, [p], g),
        Some(buffer) => apply("sgd", step, [p, buffer], g),
    }
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
    /// The new parameter and averages, and the second moment that was used: the new one, or `largest` if it is larger.
    #[inline(always)]
    fn update<S: Simd>(self, [mut p, m, v, largest]: [[T; LANES]; 4], mut g: [T; LANES]) -> [[T; LANES]; 4] {
        if self.maximize {
            g = lanes!(T, l => -g[l]);
        }
        if let Some(decay) = self.weight_decay {
            g = lanes!(T, l => decay.mul_add::<S>(p[l], g[l]));
        }
        if let Some(shrink) = self.shrink {
            p = lanes!(T, l => p[l] * shrink);
        }
        let m = if self.from_start {
            lanes!(T, l => self.weight.mul_add::<S>(g[l] - m[l], m[l]))
        } else {
            lanes!(T, l => (-(g[l] - m[l])).mul_add::<S>(self.complement, g[l]))
        };
        let v = lanes!(T, l => (self.one_minus_beta2 * g[l]).mul_add::<S>(g[l], v[l] * self.beta2));
        let used = lanes!(T, l => largest[l].max_nan(v[l]));
        let denominator = lanes!(T, l => used[l].sqrt() / self.root + self.eps);
        [lanes!(T, l => p[l] + self.minus_step * m[l] / denominator[l]), m, v, used]
    }
}

impl<T: Float> Step<T, 3> for Moments<T> {
    #[inline(always)]
    fn step<S: Simd>(self, [p, m, v]: [[T; LANES]; 3], g: [T; LANES]) -> [[T; LANES]; 3] {
        let [p, m, v, _] = self.update::<S>([p, m, v, [T::NEG_INFINITY; LANES]], g);
        [p, m, v]
    }
}

impl<T: Float> Step<T, 4> for Moments<T> {
    #[inline(always)]
    fn step<S: Simd>(self, state: [[T; LANES]; 4], g: [T; LANES]) -> [[T; LANES]; 4] {
        self.update::<S>(state, g)
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
        None => apply("adam", step, [p, m, v], g),
        Some(largest) => apply("adam", step, [p, m, v, largest], g),
    }
}
