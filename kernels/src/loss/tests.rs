//! Against plain loops in f64, on every instruction set, with one and two threads.

use super::*;
use crate::convert::testing;
use crate::half::{Bf16, F16};
use crate::isa::{Isa, with_isa};
use crate::threads::set_num_threads;

fn noise(n: usize, scale: f32) -> Vec<f32> {
    (0..n).map(|i| ((i as u64 * 2654435761 % 10007) as f32 / 10007.0 - 0.5) * scale).collect()
}

/// Losses, total weight and gradient for row gradients `g`, by the definition.
fn reference(loss: &ClassLoss<&[f32]>, x: &[f32], targets: &[i64], g: &[f32]) -> (Vec<f64>, f64, Vec<f64>) {
    let (mut losses, mut total, mut dx) = (vec![], 0.0, vec![0.0; x.len()]);
    for row in 0..targets.len() {
        let at = |class: usize| loss.at(row, class as i64);
        let sum: f64 = (0..loss.classes).map(|c| (x[at(c)] as f64).exp()).sum();
        let log_p = |c: usize| x[at(c)] as f64 - sum.ln();
        let w = |c: usize| loss.weight.map_or(1.0, |w| w[c] as f64);
        if targets[row] == loss.ignore_index {
            losses.push(0.0);
            continue;
        }
        let t = targets[row] as usize;
        total += w(t);
        let (keep, share) = (1.0 - loss.label_smoothing, loss.label_smoothing / loss.classes as f64);
        losses.push(-keep * w(t) * log_p(t) - share * (0..loss.classes).map(|c| w(c) * log_p(c)).sum::<f64>());
        let all: f64 = (0..loss.classes).map(w).sum();
        for c in 0..loss.classes {
            let hard = if c == t { keep * w(t) } else { 0.0 };
            dx[at(c)] = g[row] as f64 * ((keep * w(t) + share * all) * log_p(c).exp() - hard - share * w(c));
        }
    }
    (losses, total, dx)
}

#[test]
fn cross_entropy_matches_its_definition() {
    for (outer, classes, inner) in
        [(64, 10, 1), (3, 1, 1), (0, 5, 1), (7, 1000, 1), (2000, 20, 1), (2, 5, 7), (1, 21, 300), (2, 40, 1000)]
    {
        let x = noise(outer * classes * inner, 10.0);
        let g = noise(outer * inner + 5, 2.0).split_off(5);
        let weight: Vec<f32> = (0..classes).map(|c| 0.5 + (c % 7) as f32).collect();
        let mut targets: Vec<i64> = (0..outer * inner).map(|i| (i * 31 % classes) as i64).collect();
        targets.iter_mut().skip(2).step_by(5).for_each(|t| *t = -100);
        for weight in [None, Some(&weight[..])] {
            for label_smoothing in [0.0, 0.1, 1.0] {
                let loss = ClassLoss { outer, classes, inner, weight, ignore_index: -100, label_smoothing };
                let (losses, total, dx) = reference(&loss, &x, &targets, &g);
                let mut seen: Option<(Vec<u32>, Isa)> = None;
                for isa in Isa::available() {
                    for threads in [1, 2] {
                        set_num_threads(threads);
                        let mut stats = vec![[9.0; 2]; outer * inner];
                        let (mut got, mut got_dx) = (vec![9.0; outer * inner], vec![9.0; x.len()]);
                        with_isa(isa, || {
                            let sum = loss.cross_entropy(&x, &targets, &mut stats, &mut got).unwrap();
                            assert!((sum as f64 - total).abs() <= 1e-6 * total);
                            let each = RowGrad::Each(&g);
                            loss.cross_entropy_backward(&x, &targets, &stats, each, &mut got_dx).unwrap();
                        });
                        let fine = |a: &[f32], b: &[f64]| {
                            a.iter().zip(b).all(|(a, b)| (*a as f64 - b).abs() <= 3e-6 * (b.abs() + 1.0))
                        };
                        assert!(fine(&got, &losses), "{outer} {classes} {inner} {isa:?}\n{got:?}\n{losses:?}");
                        assert!(fine(&got_dx, &dx), "{outer} {classes} {inner} {isa:?}");
                        let bits: Vec<u32> = got.iter().chain(&got_dx).map(|x| x.to_bits()).collect();
                        if let Some((want, same)) = &seen
                            && *same == isa
                        {
                            assert!(*want == bits, "{threads} threads");
                        }
                        seen = Some((bits, isa));
                    }
                }
            }
        }
    }
}

#[test]
fn likelihood_matches_its_definition() {
    let loss = ClassLoss {
        outer: 3,
        classes: 4,
        inner: 2,
        weight: Some(&[1.0f32, 2.0, 3.0, 4.0][..]),
        ignore_index: 1,
        label_smoothing: 0.0,
    };
    let x = noise(24, 3.0);
    let targets = [0, 1, 2, 3, 3, 0];
    let (mut losses, mut dx) = ([9.0; 6], [9.0; 24]);
    assert_eq!(loss.nll(&x, &targets, &mut losses), Ok(1.0 + 3.0 + 4.0 + 4.0 + 1.0));
    loss.nll_backward(&targets, RowGrad::All(0.5), &mut dx).unwrap();
    let mut want = [0.0; 24];
    for (row, &t) in targets.iter().enumerate().filter(|(_, t)| **t != 1) {
        let at = (row / 2 * 4 + t as usize) * 2 + row % 2;
        assert_eq!(losses[row], -(x[at] * (t + 1) as f32));
        want[at] = -0.5 * (t + 1) as f32;
    }
    assert_eq!((losses[1], dx), (0.0, want));
}

#[test]
fn a_target_out_of_range_is_reported() {
    let loss = ClassLoss { outer: 3, classes: 4, inner: 1, weight: None, ignore_index: -100, label_smoothing: 0.0 };
    let (x, mut stats, mut losses, mut dx) = ([0.0; 12], [[9.0; 2]; 3], [9.0; 3], [9.0; 12]);
    for bad in [4, -1] {
        let want = BadIndex { value: bad, position: 2, size: 4 };
        let targets = [-100, 3, bad];
        assert_eq!(loss.cross_entropy(&x, &targets, &mut stats, &mut losses), Err(want));
        assert_eq!(loss.nll(&x, &targets, &mut losses), Err(want));
        assert_eq!(loss.nll_backward(&targets, RowGrad::All(1.0), &mut dx), Err(want));
        let backward = loss.cross_entropy_backward(&x, &targets, &stats, RowGrad::All(1.0), &mut dx);
        assert_eq!(backward, Err(want));
        assert!(losses == [9.0; 3] && dx == [9.0; 12]);
    }
}

#[test]
fn ignored_rows_have_no_gradient_even_with_nan() {
    for inner in [1, 3] {
        let loss = ClassLoss { outer: 1, classes: 2, inner, weight: None, ignore_index: 5, label_smoothing: 0.1 };
        let (x, targets) = (vec![f32::NAN; 2 * inner], vec![5; inner]);
        let (mut stats, mut losses, mut dx) = (vec![[0.0; 2]; inner], vec![9.0; inner], vec![9.0; 2 * inner]);
        assert_eq!(loss.cross_entropy(&x, &targets, &mut stats, &mut losses), Ok(0.0));
        loss.cross_entropy_backward(&x, &targets, &stats, RowGrad::All(1.0), &mut dx).unwrap();
        assert!(losses.iter().chain(&dx).all(|&x| x == 0.0));
    }
}

fn rounded_once<T: Element + testing::Half>() {
    for (outer, classes, inner) in [(64, 10, 1), (2000, 40, 1), (1, 21, 300), (20, 40, 100)] {
        let (x, weight) = (testing::noise::<T>(outer * classes * inner, 8.0), testing::noise::<T>(classes, 1.0));
        let (wide_x, wide_weight) = (testing::widened(&x), testing::widened(&weight));
        let mut targets: Vec<i64> = (0..outer * inner).map(|i| (i * 31 % classes) as i64).collect();
        targets.iter_mut().skip(2).step_by(5).for_each(|t| *t = -100);
        let g = noise(targets.len(), 2.0);
        for (label_smoothing, grad) in [(0.0, RowGrad::All(0.25)), (0.1, RowGrad::Each(&g[..]))] {
            let weight = Some(&weight[..]);
            let loss = ClassLoss { outer, classes, inner, weight, ignore_index: -100, label_smoothing };
            let wide = loss.part(outer, Some(&wide_weight));
            testing::everywhere(|| {
                let (mut losses, mut want) = (vec![T::default(); targets.len()], vec![9.0; targets.len()]);
                let (mut dx, mut want_dx) = (vec![T::default(); x.len()], vec![9.0; x.len()]);
                let mut stats = vec![[9.0; 2]; targets.len()];
                let total = loss.cross_entropy(&x, &targets, &mut stats, &mut losses);
                assert_eq!(total, wide.cross_entropy(&wide_x, &targets, &mut stats.clone(), &mut want));
                testing::check("cross entropy", &losses, &want);
                loss.cross_entropy_backward(&x, &targets, &stats, grad, &mut dx).unwrap();
                wide.cross_entropy_backward(&wide_x, &targets, &stats, grad, &mut want_dx).unwrap();
                testing::check("cross entropy backward", &dx, &want_dx);
                assert_eq!(loss.nll(&x, &targets, &mut losses), wide.nll(&wide_x, &targets, &mut want));
                testing::check("nll", &losses, &want);
                loss.nll_backward(&targets, grad, &mut dx).unwrap();
                wide.nll_backward(&targets, grad, &mut want_dx).unwrap();
                testing::check("nll backward", &dx, &want_dx);
            });
        }
    }
}

#[test]
fn halves_are_rounded_once() {
    rounded_once::<F16>();
    rounded_once::<Bf16>();
}
