//! Optimizer steps against PyTorch: `golden/optim.txt`, written by `golden/generate_optim.py`.

use rushlight_kernels::float::Float;
use rushlight_kernels::isa::{Isa, with_isa};
use rushlight_kernels::optim::{
    Adadelta, Adagrad, Adam, Adamax, Asgd, Element, RmsProp, Rprop, Sgd, SparseAdam, StepRule, step,
};
use rushlight_kernels::threads::set_num_threads;
use std::collections::HashMap;

struct Case<'a> {
    optimizer: &'a str,
    options: HashMap<&'a str, f64>,
    steps: usize,
}

impl Case<'_> {
    fn get(&self, name: &str) -> f64 {
        self.options[name]
    }

    fn is(&self, name: &str) -> bool {
        self.get(name) != 0.0
    }

    /// The rule of step `t`, and its number of state arrays.
    fn rule(&self, t: usize) -> (StepRule, usize) {
        let (lr, maximize) = (self.get("lr"), self.is("maximize"));
        let (first, before, t) = (t == 1, t as f64 - 1.0, t as f64);
        match self.optimizer {
            "SGD" => {
                let settings = Sgd {
                    lr,
                    momentum: self.get("momentum"),
                    dampening: self.get("dampening"),
                    weight_decay: self.get("weight_decay"),
                    nesterov: self.is("nesterov"),
                    maximize,
                };
                (StepRule::Sgd { settings, first }, self.is("momentum").into())
            }
            "ASGD" => {
                let lambd = self.get("lambd");
                let eta = lr / (1.0 + lambd * lr * before).powf(self.get("alpha"));
                let mu = 1.0 / (before - self.get("t0")).max(1.0);
                let [eta, mu] = [eta, mu].map(|x| f64::from(x as f32));
                let settings = Asgd { eta, mu, lambd, weight_decay: self.get("weight_decay"), maximize };
                (StepRule::Asgd { settings }, 1)
            }
            "Rprop" => {
                let settings = Rprop {
                    eta_minus: self.get("etas.0"),
                    eta_plus: self.get("etas.1"),
                    min: self.get("step_sizes.0"),
                    max: self.get("step_sizes.1"),
                    maximize,
                };
                (StepRule::Rprop { settings }, 2)
            }
            "Adagrad" => {
                let settings = Adagrad {
                    lr,
                    lr_decay: self.get("lr_decay"),
                    weight_decay: self.get("weight_decay"),
                    eps: self.get("eps"),
                    maximize,
                };
                (StepRule::Adagrad { settings, t }, 1)
            }
            "Adadelta" => {
                let settings = Adadelta {
                    lr,
                    rho: self.get("rho"),
                    eps: self.get("eps"),
                    weight_decay: self.get("weight_decay"),
                    maximize,
                };
                (StepRule::Adadelta { settings }, 2)
            }
            "RMSprop" => {
                let settings = RmsProp {
                    lr,
                    alpha: self.get("alpha"),
                    eps: self.get("eps"),
                    weight_decay: self.get("weight_decay"),
                    momentum: self.get("momentum"),
                    centered: self.is("centered"),
                    maximize,
                };
                let arrays = 1 + usize::from(self.is("momentum")) + usize::from(self.is("centered"));
                (StepRule::RmsProp { settings }, arrays)
            }
            "Adamax" => {
                let settings = Adamax {
                    lr,
                    beta1: self.get("betas.0"),
                    beta2: self.get("betas.1"),
                    eps: self.get("eps"),
                    weight_decay: self.get("weight_decay"),
                    maximize,
                };
                (StepRule::Adamax { settings, t }, 2)
            }
            "SparseAdam" => {
                let settings = SparseAdam {
                    lr,
                    beta1: self.get("betas.0"),
                    beta2: self.get("betas.1"),
                    eps: self.get("eps"),
                    maximize,
                };
                (StepRule::SparseAdam { settings, t }, 2)
            }
            "Adam" | "AdamW" => {
                let settings = Adam {
                    lr,
                    beta1: self.get("betas.0"),
                    beta2: self.get("betas.1"),
                    eps: self.get("eps"),
                    weight_decay: self.get("weight_decay"),
                    decoupled: self.optimizer == "AdamW",
                    maximize,
                };
                (StepRule::Adam { settings, t }, 2 + usize::from(self.is("amsgrad")))
            }
            other => panic!("no optimizer {other}"),
        }
    }

    /// The parameters after all steps. The case's 7 are repeated up to `n`.
    fn run<T: Element + Float>(&self, n: usize) -> Vec<T> {
        let mut p: Vec<T> = (0..n).map(|i| T::of((i % 7 * 37 % 29) as f64 / 8.0 - 14.0 / 8.0)).collect();
        let mut state = [(); 3].map(|()| vec![T::ZERO; n]);
        if self.optimizer == "Rprop" {
            state[1].fill(T::of(self.get("lr")));
        }
        for t in 1..=self.steps {
            let g: Vec<T> = (0..n).map(|i| T::of(((i % 7 * 23 + t * 11) % 31) as f64 / 16.0 - 15.0 / 16.0)).collect();
            let (rule, arrays) = self.rule(t);
            step(&rule, &mut p, &g, &mut state.each_mut().map(|s| &mut s[..])[..arrays]);
        }
        p
    }
}

/// Compares with `want`; `ulps` is the permitted difference, in units in the last place of 1.
fn check<T: Element + Float>(line: &str, case: &Case, want: &[f64], ulp: f64) {
    for isa in Isa::available() {
        let got = with_isa(isa, || case.run::<T>(7));
        // Without fused multiply-add each step has a few more roundings. PyTorch's square root is not correctly
        // rounded, and RMSprop's buffer adds up quotients by it.
        let ulps = match (isa, case.optimizer) {
            (Isa::Portable, _) => 8.0,
            (_, "SGD" | "ASGD" | "Rprop") => 0.0,
            (_, "RMSprop") => 4.0,
            _ => 2.0,
        };
        for (i, (got, want)) in got.iter().zip(want).enumerate() {
            assert!(
                (got.wide() - want).abs() <= ulps * ulp * want.abs().max(1.0),
                "{isa:?} {i}: {got:?} {want} in {line}"
            );
        }
        // Long arrays, in parallel: the same values repeated.
        for threads in [1, 2] {
            set_num_threads(threads);
            let long = with_isa(isa, || case.run::<T>(40_001));
            assert!(long.iter().enumerate().all(|(i, x)| x.wide() == got[i % 7].wide()), "{isa:?} in {line}");
        }
    }
}

#[test]
fn steps_are_pytorchs() {
    let mut cases = 0;
    for line in include_str!("golden/optim.txt").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [dtype, optimizer, options, steps, ref bits @ ..] = words[..] else { panic!("{line}") };
        let options =
            options.split(',').map(|o| o.split_once('=').unwrap()).map(|(k, v)| (k, v.parse().unwrap())).collect();
        let case = Case { optimizer, options, steps: steps.parse().unwrap() };
        if dtype == "f32" {
            let want = bits.iter().map(|b| f32::from_bits(u32::from_str_radix(b, 16).unwrap()) as f64);
            check::<f32>(line, &case, &want.collect::<Vec<_>>(), f32::EPSILON as f64);
        } else {
            let want = bits.iter().map(|b| f64::from_bits(u64::from_str_radix(b, 16).unwrap()));
            check::<f64>(line, &case, &want.collect::<Vec<_>>(), f64::EPSILON);
        }
        cases += 1;
    }
    assert_eq!(cases, 2 * (16 + 16 + 16 + 8 + 16 + 64 + 16 + 64 + 8));
}
