//! Optimizer steps against PyTorch: `golden/optim.txt`, written by `golden/generate_optim.py`.

use rushlight_kernels::float::Float;
use rushlight_kernels::isa::{Isa, with_isa};
use rushlight_kernels::optim::{Adagrad, Adam, Element, Sgd, StepRule, step};
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

    /// The parameters after all steps. The case's 7 are repeated up to `n`.
    fn run<T: Element + Float>(&self, n: usize) -> Vec<T> {
        let mut p: Vec<T> = (0..n).map(|i| T::of((i % 7 * 37 % 29) as f64 / 8.0 - 14.0 / 8.0)).collect();
        let [mut m, mut v, mut largest] = std::array::from_fn(|_| vec![T::ZERO; n]);
        for t in 1..=self.steps {
            let g: Vec<T> = (0..n).map(|i| T::of(((i % 7 * 23 + t * 11) % 31) as f64 / 16.0 - 15.0 / 16.0)).collect();
            if self.optimizer == "SGD" {
                let settings = Sgd {
                    lr: self.get("lr"),
                    momentum: self.get("momentum"),
                    dampening: self.get("dampening"),
                    weight_decay: self.get("weight_decay"),
                    nesterov: self.get("nesterov") != 0.0,
                    maximize: self.get("maximize") != 0.0,
                };
                let rule = StepRule::Sgd { settings, first: t == 1 };
                let state: &mut [&mut [T]] = if settings.momentum == 0.0 { &mut [] } else { &mut [&mut m] };
                step(&rule, &mut p, &g, state);
            } else if self.optimizer == "Adagrad" {
                let settings = Adagrad {
                    lr: self.get("lr"),
                    lr_decay: self.get("lr_decay"),
                    weight_decay: self.get("weight_decay"),
                    eps: self.get("eps"),
                    maximize: self.get("maximize") != 0.0,
                };
                step(&StepRule::Adagrad { settings, t: t as f64 }, &mut p, &g, &mut [&mut m]);
            } else {
                let settings = Adam {
                    lr: self.get("lr"),
                    beta1: self.get("beta1"),
                    beta2: self.get("beta2"),
                    eps: self.get("eps"),
                    weight_decay: self.get("weight_decay"),
                    decoupled: self.optimizer == "AdamW",
                    maximize: self.get("maximize") != 0.0,
                };
                let rule = StepRule::Adam { settings, t: t as f64 };
                let arrays = if self.get("amsgrad") == 0.0 { 2 } else { 3 };
                step(&rule, &mut p, &g, &mut [&mut m[..], &mut v, &mut largest][..arrays]);
            }
        }
        p
    }
}

/// Compares with `want`; `ulps` is the permitted difference, in units in the last place of 1.
fn check<T: Element + Float>(line: &str, case: &Case, want: &[f64], ulp: f64) {
    for isa in Isa::available() {
        let got = with_isa(isa, || case.run::<T>(7));
        // Without fused multiply-add each step has a few more roundings. PyTorch's square root is not correctly
        // rounded.
        let ulps = match (isa, case.optimizer) {
            (Isa::Portable, _) => 8.0,
            (_, "SGD") => 0.0,
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
    assert_eq!(cases, 2 * (16 + 16 + 64));
}
