//! Against plain loops in f64, on every instruction set, with one and two threads.

use super::*;
use crate::convert::testing;
use crate::half::{Bf16, F16};
use crate::isa::{Isa, with_isa};
use crate::threads::set_num_threads;

fn everywhere(f: impl Fn() -> Vec<f32>, want: &[f64], tolerance: f64) {
    for isa in Isa::available() {
        let run = |threads| {
            set_num_threads(threads);
            with_isa(isa, &f)
        };
        let (one, two) = (run(1), run(2));
        assert!(one.iter().zip(&two).all(|(a, b)| a.to_bits() == b.to_bits()), "{isa:?}: one and two threads differ");
        for (i, (&got, &want)) in one.iter().zip(want).enumerate() {
            let fine = (got as f64 - want).abs() <= tolerance * (want.abs() + 1e-30) || got as f64 == want;
            assert!(fine || got.is_nan() && want.is_nan(), "{isa:?} {i}: {got} {want}");
        }
    }
}

fn reference(x: &[f64], outer: usize, n: usize, inner: usize) -> Vec<f64> {
    let mut y = vec![0.0; x.len()];
    for o in 0..outer {
        for i in 0..inner {
            let at = |r: usize| (o * n + r) * inner + i;
            let max = (0..n).map(|r| x[at(r)]).fold(f64::NEG_INFINITY, |a, b| {
                if a.is_nan() {
                    a
                } else if b > a || b.is_nan() {
                    b
                } else {
                    a
                }
            });
            let sum: f64 = (0..n).map(|r| (x[at(r)] - max).exp()).sum();
            (0..n).for_each(|r| y[at(r)] = (x[at(r)] - max).exp() / sum);
        }
    }
    y
}

const SHAPES: [(usize, usize, usize); 16] = [
    (0, 3, 1),
    (3, 0, 1),
    (1, 1, 1),
    (5, 1, 3),
    (64, 10, 1),
    (7, 16, 1),
    (3, 100, 1),
    (2, 1000, 1),
    (1, 70_000, 1),
    (2, 200_001, 1),
    (600, 300, 1),
    (3, 5, 2),
    (2, 21, 130),
    (1, 400, 300),
    (4, 3, 1000),
    (1, 1, 64),
];

fn noise(n: usize, scale: f32) -> Vec<f32> {
    (0..n).map(|i| ((i as u64 * 2654435761 % 10007) as f32 / 10007.0 - 0.5) * scale).collect()
}

#[test]
fn softmax_matches_a_plain_loop() {
    for (outer, n, inner) in SHAPES {
        let x = noise(outer * n * inner, 20.0);
        let wide: Vec<f64> = x.iter().map(|&x| x as f64).collect();
        let want = reference(&wide, outer, n, inner);
        let run = |f: fn(&[f32], &mut [f32], usize, usize, usize)| {
            let mut y = vec![9.0; x.len()];
            f(&x, &mut y, outer, n, inner);
            y
        };
        // x - max is rounded before the exponential, which costs up to 20 * 2^-24.
        everywhere(|| run(softmax), &want, 2e-6);
        let logs: Vec<f64> = want.iter().map(|y| y.ln()).collect();
        everywhere(
            || run(log_softmax).iter().map(|y| y - 1.0).collect(),
            &logs.iter().map(|y| y - 1.0).collect::<Vec<_>>(),
            1e-6,
        );

        let mut y64 = vec![0.0; x.len()];
        softmax(&wide, &mut y64, outer, n, inner);
        assert!(y64.iter().zip(&want).all(|(a, b)| (a - b).abs() <= 1e-13 * b));
    }
}

type Backward = fn(&[f32], &[f32], &mut [f32], usize, usize, usize);

#[test]
fn gradients_match_a_plain_loop() {
    for (outer, n, inner) in SHAPES {
        let (x, g) = (noise(outer * n * inner, 6.0), noise(outer * n * inner + 17, 1.0).split_off(17));
        let wide: Vec<f64> = x.iter().map(|&x| x as f64).collect();
        let y64 = reference(&wide, outer, n, inner);
        let y: Vec<f32> = y64.iter().map(|&y| y as f32).collect();
        let logs: Vec<f32> = y64.iter().map(|&y| y.ln() as f32).collect();
        let (mut want, mut want_log) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        for o in 0..outer {
            for i in 0..inner {
                let at = |r: usize| (o * n + r) * inner + i;
                let dot: f64 = (0..n).map(|r| y[at(r)] as f64 * g[at(r)] as f64).sum();
                let sum: f64 = (0..n).map(|r| g[at(r)] as f64).sum();
                for r in 0..n {
                    want[at(r)] = y[at(r)] as f64 * (g[at(r)] as f64 - dot) + 1.0;
                    want_log[at(r)] = g[at(r)] as f64 - (logs[at(r)] as f64).exp() * sum + 1.0;
                }
            }
        }
        let run = |f: Backward, y: &[f32]| {
            let mut dx = vec![9.0; x.len()];
            f(y, &g, &mut dx, outer, n, inner);
            dx.iter().map(|dx| dx + 1.0).collect()
        };
        everywhere(|| run(softmax_backward, &y), &want, 2e-6);
        everywhere(|| run(log_softmax_backward, &logs), &want_log, 2e-6);
    }
}

#[test]
fn infinities_and_nan_are_as_in_pytorch() {
    let inf = f32::INFINITY;
    for n in [3, 40, 100_000] {
        for inner in [1, 2] {
            let mut x = vec![-inf; n * inner];
            x[0] = 1.0; // the only finite element gets probability 1
            let run = |x: &[f32], f: fn(&[f32], &mut [f32], usize, usize, usize)| {
                let mut y = vec![9.0; x.len()];
                f(x, &mut y, 1, n, inner);
                (0..n).map(|r| y[r * inner]).collect::<Vec<_>>()
            };
            let y = run(&x, softmax);
            assert!(y[0] == 1.0 && y[1..].iter().all(|&y| y == 0.0));
            let y = run(&x, log_softmax);
            assert!(y[0] == 0.0 && y[1..].iter().all(|&y| y == -inf));
            for bad in [-inf, inf, f32::NAN] {
                x[0] = bad;
                let y = run(&x, softmax);
                assert!(y.iter().all(|y| y.is_nan()), "{bad} {:?}", &y[..3]);
            }
        }
    }
}

fn rounded_once<T: Element + testing::Half>() {
    for (outer, n, inner) in [(3, 100, 1), (1, 70_000, 1), (600, 300, 1), (2, 21, 130), (50, 3, 1000)] {
        let (x, g) = (testing::noise::<T>(outer * n * inner, 8.0), testing::noise::<T>(outer * n * inner, 1.0));
        let (wide_x, wide_g) = (testing::widened(&x), testing::widened(&g));
        testing::everywhere(|| {
            let (mut y, mut want) = (vec![T::default(); x.len()], vec![9.0; x.len()]);
            softmax(&x, &mut y, outer, n, inner);
            softmax(&wide_x, &mut want, outer, n, inner);
            testing::check("softmax", &y, &want);
            let wide_y = testing::widened(&y);
            let mut dx = y.clone();
            softmax_backward(&y, &g, &mut dx, outer, n, inner);
            softmax_backward(&wide_y, &wide_g, &mut want, outer, n, inner);
            testing::check("softmax backward", &dx, &want);
            log_softmax(&x, &mut y, outer, n, inner);
            log_softmax(&wide_x, &mut want, outer, n, inner);
            testing::check("log_softmax", &y, &want);
            let wide_y = testing::widened(&y);
            log_softmax_backward(&y, &g, &mut dx, outer, n, inner);
            log_softmax_backward(&wide_y, &wide_g, &mut want, outer, n, inner);
            testing::check("log_softmax backward", &dx, &want);
        });
    }
}

#[test]
fn halves_are_rounded_once() {
    rounded_once::<F16>();
    rounded_once::<Bf16>();
}
