//! Against plain loops in f64, on every instruction set, with one and two threads.

use super::*;
use crate::convert::testing;
use crate::half::{Bf16, F16};
use crate::isa::{Isa, with_isa};
use crate::threads::set_num_threads;

fn noise(n: usize) -> Vec<f32> {
    // Few distinct values, so that maxima have ties.
    (0..n).map(|i| (((i as u64 * 2654435761) >> 9) % 61) as f32 / 7.0 - 4.0).collect()
}

fn pools() -> Vec<Pool2d> {
    let new = |planes, input, kernel, stride, padding, dilation, ceil_mode| Pool2d {
        planes,
        input,
        kernel,
        stride,
        padding,
        dilation,
        ceil_mode,
    };
    let mut pools = vec![
        new(5, [26, 26], [2, 2], [2, 2], [0, 0], [1, 1], false),
        new(64, [26, 26], [2, 2], [2, 2], [0, 0], [1, 1], false),
        new(3, [112, 112], [3, 3], [2, 2], [1, 1], [1, 1], false),
        new(4, [7, 7], [3, 3], [1, 1], [1, 1], [1, 1], false),
        new(1, [300, 500], [2, 3], [2, 1], [1, 1], [1, 1], true),
        new(2, [9, 40], [3, 2], [3, 3], [1, 0], [1, 1], true),
        new(2, [20, 33], [3, 4], [1, 2], [1, 2], [2, 3], false),
        new(2, [20, 33], [3, 2], [2, 5], [0, 1], [3, 1], true),
        new(2, [1, 17], [1, 2], [1, 2], [0, 0], [1, 1], true),
        new(0, [4, 4], [2, 2], [2, 2], [0, 0], [1, 1], false),
        new(3, [1, 1], [1, 1], [1, 1], [0, 0], [1, 1], false),
        new(3, [5, 2], [2, 3], [1, 1], [0, 0], [1, 1], false),
    ];
    for ceil_mode in [false, true] {
        for size in 3..9 {
            pools.push(new(2, [size, size + 30], [3, 3], [2, 2], [1, 1], [1, 1], ceil_mode));
            pools.push(new(2, [size, size], [2, 2], [2, 2], [1, 1], [1, 1], ceil_mode));
            // Nonoverlapping windows, 1 to 17 per row, with and without a remainder.
            pools.push(new(3, [size, 3 * size - 7], [2, 2], [2, 2], [0, 0], [1, 1], ceil_mode));
            pools.push(new(3, [size, 5 * size - 6], [2, 2], [2, 2], [0, 0], [1, 1], ceil_mode));
        }
    }
    pools
}

/// For every output of one plane the (flat) elements of its window, in order, and the number of padding elements that
/// it covers.
fn windows(pool: &Pool2d) -> Vec<(Vec<usize>, usize)> {
    let [oh, ow] = pool.output();
    let mut windows = vec![];
    for oy in 0..oh {
        for ox in 0..ow {
            let (mut inside, mut padded) = (vec![], 0);
            for ky in 0..pool.kernel[0] {
                for kx in 0..pool.kernel[1] {
                    let y = (oy * pool.stride[0] + ky * pool.dilation[0]) as isize - pool.padding[0] as isize;
                    let x = (ox * pool.stride[1] + kx * pool.dilation[1]) as isize - pool.padding[1] as isize;
                    let [h, w] = pool.input.map(|n| n as isize);
                    if (0..h).contains(&y) && (0..w).contains(&x) {
                        inside.push((y * w + x) as usize);
                    }
                    padded += usize::from(y < h + pool.padding[0] as isize && x < w + pool.padding[1] as isize);
                }
            }
            windows.push((inside, padded));
        }
    }
    windows
}

fn everywhere<O: PartialEq + std::fmt::Debug>(f: impl Fn() -> O) -> O {
    let want = f();
    for isa in Isa::available() {
        for threads in [1, 2] {
            set_num_threads(threads);
            assert!(with_isa(isa, &f) == want, "{isa:?}, {threads} threads");
        }
    }
    want
}

#[test]
fn output_sizes_are_pytorchs() {
    // torch.nn.functional.max_pool1d(torch.zeros(1, 1, input), kernel, stride, padding, dilation, ceil_mode).shape[2]
    for (arguments, want) in [
        ((5, 2, 2, 0, 1, false), Some(2)),
        ((5, 2, 2, 0, 1, true), Some(3)),
        ((5, 2, 2, 1, 1, true), Some(3)),
        ((4, 2, 2, 1, 1, true), Some(3)),
        ((7, 3, 3, 1, 1, true), Some(3)),
        ((112, 3, 2, 1, 1, false), Some(56)),
        ((10, 3, 2, 0, 3, false), Some(2)),
        ((2, 3, 1, 0, 1, false), None),
        ((1, 1, 3, 0, 1, true), Some(1)),
        ((4, 1, 5, 0, 1, true), Some(1)),
    ] {
        let (i, k, s, p, d, c) = arguments;
        assert_eq!(pooled_size(i, k, s, p, d, c), want, "{arguments:?}");
    }
}

#[test]
fn maxima_and_their_gradients_match_a_plain_loop() {
    for pool in pools() {
        let plane = pool.input[0] * pool.input[1];
        for case in 0..3 {
            let mut x = noise(pool.planes * plane);
            if case == 1 {
                x.iter_mut().step_by(23).for_each(|x| *x = f32::NAN);
            } else if case == 2 {
                x.fill(f32::NEG_INFINITY);
            }
            let windows = windows(&pool);
            let (mut values, mut indices, mut dx) = (vec![], vec![], vec![0.0f32; x.len()]);
            for p in 0..pool.planes {
                for (window, _) in &windows {
                    let (mut best, mut at) = (f32::NEG_INFINITY, window[0]);
                    for &i in window {
                        let x = x[p * plane + i];
                        if x > best || x.is_nan() {
                            (best, at) = (x, i);
                        }
                    }
                    dx[p * plane + at] += noise(values.len() + 1)[values.len()];
                    values.push(best.to_bits());
                    indices.push(at as i64);
                }
            }
            let n = values.len();
            let got = everywhere(|| {
                let (mut v, mut i, mut dx) = (vec![9.0f32; n], vec![-1; n], vec![9.0; x.len()]);
                pool.max(&x, &mut v, &mut i);
                pool.max_backward(&noise(n), &i, &mut dx);
                (v.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), i, dx)
            });
            assert!(got == (values, indices, dx), "{pool:?} {case}");
            let wide: Vec<f64> = x.iter().map(|&x| x as f64).collect();
            let (mut v, mut i) = (vec![0.0; n], vec![-1; n]);
            pool.max(&wide, &mut v, &mut i);
            assert!(i == got.1 && v.iter().zip(&got.0).all(|(v, w)| (*v as f32).to_bits() == *w || v.is_nan()));
        }
    }
}

#[test]
fn a_window_outside_of_the_input_has_no_maximum() {
    let pool = Pool2d {
        planes: 2,
        input: [2, 2],
        kernel: [2, 2],
        stride: [1, 1],
        padding: [1, 1],
        dilation: [3, 3],
        ceil_mode: false,
    };
    let (mut v, mut i) = ([9.0; 2], [9; 2]);
    pool.max(&[1.0f32; 8], &mut v, &mut i);
    assert!(v == [f32::NEG_INFINITY; 2] && i == [0; 2]);
}

#[test]
fn averages_and_their_gradients_match_a_plain_loop() {
    for pool in pools().into_iter().filter(|pool| pool.dilation == [1, 1]) {
        let plane = pool.input[0] * pool.input[1];
        let x = noise(pool.planes * plane);
        let windows = windows(&pool);
        let n = pool.planes * windows.len();
        let g = noise(n);
        for divisor in [Divisor::IncludePad, Divisor::ExcludePad, Divisor::Override(3), Divisor::Override(-2)] {
            let (mut want, mut dx) = (vec![], vec![0.0; x.len()]);
            for p in 0..pool.planes {
                for (inside, padded) in &windows {
                    let by = match divisor {
                        Divisor::IncludePad => *padded as f64,
                        Divisor::ExcludePad => inside.len() as f64,
                        Divisor::Override(n) => n as f64,
                    };
                    let share = g[want.len()] as f64 / by;
                    inside.iter().for_each(|i| dx[p * plane + i] += share);
                    want.push(inside.iter().map(|i| x[p * plane + i] as f64).sum::<f64>() / by);
                }
            }
            let got = everywhere(|| {
                let (mut out, mut dx) = (vec![9.0f32; n], vec![9.0; x.len()]);
                pool.avg(&x, divisor, &mut out);
                pool.avg_backward(&g, divisor, &mut dx);
                (out, dx)
            });
            let near =
                |a: &[f32], b: &[f64]| a.iter().zip(b).all(|(a, b)| (*a as f64 - b).abs() < 3e-6 * (1.0 + b.abs()));
            assert!(near(&got.0, &want) && near(&got.1, &dx), "{pool:?} {divisor:?}");
        }
    }
}

#[test]
fn adaptive_averages_match_a_plain_loop() {
    for (planes, input, output) in [
        (3, [7, 7], [1, 1]),
        (5, [13, 9], [6, 6]),
        (2, [4, 5], [7, 3]),
        (70, [40, 40], [1, 1]),
        (40, [32, 33], [7, 1]),
        (2, [3, 3], [0, 2]),
    ] {
        let ([h, w], [oh, ow]) = (input, output);
        let (x, g) = (noise(planes * h * w), noise(planes * oh * ow));
        let (mut want, mut dx) = (vec![], vec![0.0; x.len()]);
        for o in 0..planes * oh * ow {
            let (p, y, z) = (o / (oh * ow), o / ow % oh, o % ow);
            let inside: Vec<usize> = (0..h * w)
                .filter(|i| {
                    let (a, b) = (i / w, i % w);
                    a >= y * h / oh && a * oh < (y + 1) * h && b >= z * w / ow && b * ow < (z + 1) * w
                })
                .map(|i| p * h * w + i)
                .collect();
            want.push(inside.iter().map(|&i| x[i] as f64).sum::<f64>() / inside.len() as f64);
            inside.iter().for_each(|&i| dx[i] += g[o] as f64 / inside.len() as f64);
        }
        let got = everywhere(|| {
            let (mut out, mut dx) = (vec![9.0f32; want.len()], vec![9.0; x.len()]);
            adaptive_avg_pool2d(&x, planes, input, output, &mut out);
            adaptive_avg_pool2d_backward(&g, planes, input, output, &mut dx);
            (out, dx)
        });
        let near = |a: &[f32], b: &[f64]| a.iter().zip(b).all(|(a, b)| (*a as f64 - b).abs() < 3e-6);
        assert!(near(&got.0, &want) && near(&got.1, &dx), "{input:?} {output:?}");
    }
}

fn rounded_once<T: Element + testing::Half>() {
    for (kernel, stride, padding) in [([2, 2], [2, 2], [0, 0]), ([3, 3], [2, 1], [1, 1])] {
        let pool = Pool2d { planes: 70, input: [30, 41], kernel, stride, padding, dilation: [1, 1], ceil_mode: false };
        let (input, windows) = (70 * 30 * 41, 70 * pool.output().iter().product::<usize>());
        let (x, g) = (testing::noise::<T>(input, 3.0), testing::noise::<T>(windows, 1.0));
        let (wide_x, wide_g) = (testing::widened(&x), testing::widened(&g));
        testing::everywhere(|| {
            let (mut y, mut want, mut dx, mut want_dx) =
                (vec![T::default(); windows], vec![9.0; windows], vec![T::default(); input], vec![9.0; input]);
            let (mut at, mut want_at) = (vec![9; windows], vec![9; windows]);
            pool.max(&x, &mut y, &mut at);
            pool.max(&wide_x, &mut want, &mut want_at);
            testing::check("maximum", &y, &want);
            assert_eq!(at, want_at);
            pool.max_backward(&g, &at, &mut dx);
            pool.max_backward(&wide_g, &at, &mut want_dx);
            testing::check("gradient of the maximum", &dx, &want_dx);
            pool.avg(&x, Divisor::ExcludePad, &mut y);
            pool.avg(&wide_x, Divisor::ExcludePad, &mut want);
            testing::check("average", &y, &want);
            pool.avg_backward(&g, Divisor::ExcludePad, &mut dx);
            pool.avg_backward(&wide_g, Divisor::ExcludePad, &mut want_dx);
            testing::check("gradient of the average", &dx, &want_dx);
            for output in [[1, 1], [7, 5]] {
                let windows = 70 * output[0] * output[1];
                adaptive_avg_pool2d(&x, 70, pool.input, output, &mut y[..windows]);
                adaptive_avg_pool2d(&wide_x, 70, pool.input, output, &mut want[..windows]);
                testing::check("adaptive average", &y[..windows], &want[..windows]);
                adaptive_avg_pool2d_backward(&g[..windows], 70, pool.input, output, &mut dx);
                adaptive_avg_pool2d_backward(&wide_g[..windows], 70, pool.input, output, &mut want_dx);
                testing::check("gradient of the adaptive average", &dx, &want_dx);
            }
        });
    }
}

#[test]
fn halves_are_rounded_once() {
    rounded_once::<F16>();
    rounded_once::<Bf16>();
}
