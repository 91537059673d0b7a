//! Against plain loops in f64, on every instruction set, with one and two threads.

use super::*;
use crate::convert::testing;
use crate::half::{Bf16, F16};
use crate::isa::{Isa, with_isa};
use crate::threads::set_num_threads;

fn noise(n: usize, scale: f64) -> Vec<f64> {
    (0..n).map(|i| ((i as u64 * 2654435761 % 10007) as f64 / 10007.0 - 0.5) * scale).collect()
}

struct Reference {
    y: Vec<f64>,
    mean: Vec<f64>,
    var: Vec<f64>,
    dx: Vec<f64>,
    dweight: Vec<f64>,
    dbias: Vec<f64>,
}

fn reference(b: &BatchNorm<&[f32]>, x: &[f32], g: &[f32], stats: Option<(&[f32], &[f32])>) -> Reference {
    let (c, count) = (b.channels, b.count() as f64);
    let mut r = Reference {
        y: vec![0.0; x.len()],
        mean: vec![0.0; c],
        var: vec![0.0; c],
        dx: vec![0.0; x.len()],
        dweight: vec![0.0; c],
        dbias: vec![0.0; c],
    };
    for channel in 0..c {
        let at: Vec<usize> = (0..x.len()).filter(|i| i / b.spatial % c == channel).collect();
        let mean = at.iter().map(|&i| x[i] as f64).sum::<f64>() / count;
        let var = at.iter().map(|&i| (x[i] as f64 - mean).powi(2)).sum::<f64>() / count;
        (r.mean[channel], r.var[channel]) = match stats {
            None => (mean, var),
            Some((mean, var)) => (mean[channel] as f64, var[channel] as f64),
        };
        let (mean, std) = (r.mean[channel], (r.var[channel] + b.eps).sqrt());
        let (w, bias) = (b.weight.map_or(1.0, |w| w[channel] as f64), b.bias.map_or(0.0, |b| b[channel] as f64));
        let hat = |i: usize| (x[i] as f64 - mean) / std;
        let (low, high) = match b.activation {
            Activation::None => (f64::NEG_INFINITY, f64::INFINITY),
            Activation::Relu => (0.0, f64::INFINITY),
            Activation::Relu6 => (0.0, 6.0),
        };
        let given = |i: usize| hat(i) * w + bias;
        let grad = |i: usize| if given(i) > low && given(i) < high { g[i] as f64 } else { 0.0 };
        let sum: f64 = at.iter().map(|&i| grad(i)).sum();
        let dot: f64 = at.iter().map(|&i| grad(i) * hat(i)).sum();
        (r.dweight[channel], r.dbias[channel]) = (dot, sum);
        for &i in &at {
            r.y[i] = given(i).clamp(low, high);
            let through = if stats.is_none() { (sum + hat(i) * dot) / count } else { 0.0 };
            r.dx[i] = w / std * (grad(i) - through);
        }
    }
    r
}

fn near(name: &str, got: &[f32], want: &[f64], tolerance: f64) {
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((*g as f64 - w).abs() <= tolerance * (1.0 + w.abs()), "{name} {i}: {g} {w}");
    }
}

const SHAPES: [[usize; 3]; 11] = [
    [2, 1, 1],
    [64, 10, 1],
    [300, 200, 1],
    [5, 3, 2],
    [4, 7, 49],
    [3, 64, 35],
    [2, 3, 20_000],
    [1, 2, 70_000],
    [40, 40, 64],
    [8, 5, 1000],
    [2, 0, 5],
];

#[test]
fn everything_matches_the_definition() {
    for [n, channels, spatial] in SHAPES {
        for offset in [0.0, 1000.0] {
            let len = n * channels * spatial;
            let x: Vec<f32> = noise(len, 3.0).iter().map(|x| (x + offset) as f32).collect();
            let g: Vec<f32> = noise(len + 3, 2.0)[3..].iter().map(|&x| x as f32).collect();
            let weight: Vec<f32> = (0..channels).map(|c| 0.5 + c as f32 % 6.0).collect();
            let bias: Vec<f32> = (0..channels).map(|c| c as f32 % 5.0 * 0.25 - 0.3).collect();
            let cases = [
                (Activation::None, false),
                (Activation::None, true),
                (Activation::Relu, true),
                (Activation::Relu6, true),
            ];
            for (activation, affine) in cases {
                let (weight, bias) = if affine { (Some(&weight[..]), Some(&bias[..])) } else { (None, None) };
                let b = BatchNorm { n, channels, spatial, weight, bias, eps: 1e-5, activation };
                let want = reference(&b, &x, &g, None);
                let given: (Vec<f32>, Vec<f32>) = (
                    want.mean.iter().map(|&m| m as f32 + 0.1).collect(),
                    want.var.iter().map(|&v| v as f32 + 0.1).collect(),
                );
                let want_eval = reference(&b, &x, &g, Some((&given.0, &given.1)));
                // Far from 0 the mean itself is rounded to 2^-14 of a standard deviation.
                let tolerance = if offset == 0.0 { 4e-6 } else { 2e-4 };
                let mut results: Vec<(Isa, Vec<Vec<f32>>)> = vec![];
                for isa in Isa::available() {
                    for threads in [1, 2] {
                        set_num_threads(threads);
                        let run = || {
                            let new = || vec![9.0f32; len];
                            let per = || vec![0.5f32; channels];
                            let (mut y, mut dx, mut mean, mut invstd) = (new(), new(), per(), per());
                            let (mut rm, mut rv, mut dw, mut db) = (per(), per(), per(), per());
                            let running = Running { mean: &mut rm, var: &mut rv, momentum: 0.1 };
                            b.forward(&x, Some(running), &mut y, &mut mean, &mut invstd);
                            b.backward(&x, &g, true, (&mean, &invstd), Some(&mut dx), &mut dw, &mut db);
                            let (mut ye, mut dxe, mut dwe, mut dbe) = (new(), new(), per(), per());
                            b.forward_with(&x, &given.0, &given.1, &mut ye);
                            let inv: Vec<f32> = given.1.iter().map(|v| 1.0 / (v + 1e-5).sqrt()).collect();
                            b.backward(&x, &g, false, (&given.0, &inv), Some(&mut dxe), &mut dwe, &mut dbe);
                            vec![y, dx, mean, rm, rv, dw, db, ye, dxe, dwe, dbe]
                        };
                        let got = with_isa(isa, run);
                        let grown = tolerance * (n * spatial) as f64;
                        near("y", &got[0], &want.y, tolerance);
                        near("mean", &got[2], &want.mean, 1e-6);
                        let mixed: Vec<f64> = want.mean.iter().map(|m| 0.45 + 0.1 * m).collect();
                        near("running mean", &got[3], &mixed, 1e-6);
                        let unbiased = (n * spatial) as f64 / ((n * spatial) as f64 - 1.0);
                        let mixed: Vec<f64> = want.var.iter().map(|v| 0.45 + 0.1 * v * unbiased).collect();
                        near("running var", &got[4], &mixed, 1e-6);
                        near("y eval", &got[7], &want_eval.y, tolerance);
                        // Rounding may move an element across a bound.
                        if activation == Activation::None || offset == 0.0 {
                            near("dx", &got[1], &want.dx, tolerance * 10.0);
                            near("dweight", &got[5], &want.dweight, grown);
                            near("dbias", &got[6], &want.dbias, tolerance * 10.0);
                            near("dx eval", &got[8], &want_eval.dx, tolerance * 10.0);
                            near("dweight eval", &got[9], &want_eval.dweight, grown);
                            near("dbias eval", &got[10], &want_eval.dbias, tolerance * 10.0);
                        }
                        if let Some((last, values)) = results.last()
                            && *last == isa
                        {
                            assert_eq!(values, &got, "{threads} threads");
                        }
                        results.push((isa, got));
                    }
                }
            }
        }
    }
}

#[test]
fn statistics_survive_a_huge_mean() {
    // 2^20 + {-1, 0, 1}: exact in f32, variance 2/3.
    for spatial in [1, 300] {
        let b =
            BatchNorm { n: 3, channels: 2, spatial, weight: None, bias: None, eps: 0.0, activation: Activation::None };
        let x: Vec<f32> = (0..6 * spatial).map(|i| 1048576.0 + (i / (2 * spatial)) as f32 - 1.0).collect();
        let (mut y, mut mean, mut invstd) = (vec![0.0; x.len()], vec![0.0; 2], vec![0.0; 2]);
        b.forward(&x, None, &mut y, &mut mean, &mut invstd);
        assert_eq!(mean, [1048576.0; 2]);
        assert!(invstd.iter().all(|i| (i - 1.5f32.sqrt()).abs() < 1e-6), "{invstd:?}");
    }
}

fn rounded_once<T: Element + testing::Half>() {
    for [n, channels, spatial] in [[300, 200, 1], [4, 7, 49], [2, 3, 20_000], [40, 40, 64]] {
        let len = n * channels * spatial;
        let (x, g) = (testing::noise::<T>(len, 3.0), testing::noise::<T>(len, 1.0));
        let (weight, bias) = (testing::noise::<T>(channels, 2.0), testing::noise::<T>(channels, 1.0));
        let variance = vec![T::narrow(0.75); channels];
        let [wide_x, wide_g, wide_weight, wide_bias, wide_variance] =
            [&x, &g, &weight, &bias, &variance].map(|x| testing::widened(x));
        let (weight, wide_weight) = (Some(&weight[..]), Some(&wide_weight[..]));
        let (eps, activation) = (1e-5, Activation::Relu);
        let norm = BatchNorm { n, channels, spatial, weight, bias: Some(&bias), eps, activation };
        let wide = BatchNorm { n, channels, spatial, weight: wide_weight, bias: Some(&wide_bias), eps, activation };
        testing::everywhere(|| {
            let (mut y, mut want) = (vec![T::default(); len], vec![9.0; len]);
            let [mut mean, mut invstd, mut want_mean, mut want_invstd] = [(); 4].map(|()| vec![9.0; channels]);
            let (mut running_mean, mut running_var) = (variance.clone(), variance.clone());
            let (mut want_running_mean, mut want_running_var) = (wide_variance.clone(), wide_variance.clone());
            let running = Running { mean: &mut running_mean, var: &mut running_var, momentum: 0.1 };
            norm.forward(&x, Some(running), &mut y, &mut mean, &mut invstd);
            let running = Running { mean: &mut want_running_mean, var: &mut want_running_var, momentum: 0.1 };
            wide.forward(&wide_x, Some(running), &mut want, &mut want_mean, &mut want_invstd);
            testing::check("batch norm", &y, &want);
            testing::check("running mean", &running_mean, &want_running_mean);
            testing::check("running variance", &running_var, &want_running_var);
            assert_eq!((&mean, &invstd), (&want_mean, &want_invstd), "statistics have the computed type");
            let [mut dw, mut db] = [(); 2].map(|()| vec![T::default(); channels]);
            let stats = (&mean[..], &invstd[..]);
            norm.backward(&x, &g, true, stats, Some(&mut y), &mut dw, &mut db);
            let (want_dw, want_db) = (&mut want_mean, &mut want_invstd);
            wide.backward(&wide_x, &wide_g, true, stats, Some(&mut want), want_dw, want_db);
            testing::check("gradient of the input", &y, &want);
            testing::check("gradient of the weight", &dw, want_dw);
            testing::check("gradient of the bias", &db, want_db);
            norm.forward_with(&x, &bias, &variance, &mut y);
            wide.forward_with(&wide_x, &wide_bias, &wide_variance, &mut want);
            testing::check("batch norm in evaluation", &y, &want);
        });
    }
}

#[test]
fn halves_are_rounded_once() {
    rounded_once::<F16>();
    rounded_once::<Bf16>();
}
