//! Times of the kernels that memory bounds: `cargo bench -p rushlight-kernels --bench memory_bound [-- FILTER...]`.

use rushlight_kernels::gemm::Activation;
use rushlight_kernels::loss::{ClassLoss, RowGrad};
use rushlight_kernels::norm::BatchNorm;
use rushlight_kernels::optim::{self, Adam, Sgd};
use rushlight_kernels::pool::{Divisor, Pool2d};
use rushlight_kernels::reduce::{self, Axes};
use rushlight_kernels::{index, softmax};
use std::hint::black_box;
use std::time::Instant;

/// Seconds that this thread has run, in steps of some milliseconds.
fn processor_time() -> Option<f64> {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(times.split(' ').next()?.parse::<f64>().ok()? * 1e-9)
}

/// Prints the time of a call in microseconds, and the bandwidth that moving `bytes` in it takes. The time is that of the fastest
/// of many calls; with BENCH_ONE_THREAD set it is the average processor time on one thread, which other programs disturb less.
fn time(name: &str, bytes: usize, mut f: impl FnMut()) {
    let filters: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    if !filters.is_empty() && !filters.iter().any(|f| name.contains(f)) {
        return;
    }
    f();
    let (mut best, clock) = (f64::INFINITY, Instant::now());
    let (mut inner, mut calls, before) = (1, 0, processor_time());
    while clock.elapsed().as_secs_f64() < 0.5 {
        let start = Instant::now();
        for _ in 0..inner {
            f();
        }
        let took = start.elapsed().as_secs_f64();
        best = best.min(took / inner as f64);
        calls += inner;
        if took < 2e-5 {
            inner *= 4;
        }
    }
    if let (Some(before), Some(after), true) = (before, processor_time(), one_thread()) {
        best = (after - before) / calls as f64;
    }
    println!("{name:42} {:>10.3} µs {:>7.1} GB/s", best * 1e6, bytes as f64 / best * 1e-9);
}

fn one_thread() -> bool {
    std::env::var_os("BENCH_ONE_THREAD").is_some()
}

fn data(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919) % 1009) as f32 / 500.0 - 1.0).collect()
}

fn reductions() {
    let all = |n: usize| (Axes::NONE, Axes::new(&[n], &[1]));
    for n in [16, 1 << 10, 1 << 14, 1 << 20, 1 << 24] {
        let x = data(n);
        let mut out = 0.0;
        let (kept, reduced) = all(n);
        // SAFETY: the axes describe `x`, and there is one output.
        time(&format!("sum {n}"), 4 * n, || unsafe { reduce::sum(black_box(x.as_ptr()), &kept, &reduced, &mut out) });
        // SAFETY: as above.
        time(&format!("max {n}"), 4 * n, || unsafe { reduce::max(black_box(x.as_ptr()), &kept, &reduced, &mut out) });
        let mut index = 0;
        // SAFETY: as above.
        time(&format!("argmax {n}"), 4 * n, || unsafe {
            reduce::max_with_index(black_box(x.as_ptr()), &kept, (n, 1), &mut out, &mut index)
        });
        // SAFETY: as above.
        time(&format!("var {n}"), 4 * n, || unsafe {
            reduce::var(black_box(x.as_ptr()), &kept, &reduced, 1.0, &mut out, std::ptr::null_mut())
        });
    }
    for (rows, columns) in [(64, 256), (64, 10), (65536, 256), (4096, 4096), (1 << 20, 3)] {
        let x = data(rows * columns);
        let mut out = vec![0.0; rows.max(columns)];
        let (r, c) = (Axes::new(&[rows], &[columns as isize]), Axes::new(&[columns], &[1]));
        // SAFETY: the axes describe `x`, and there are enough outputs.
        time(&format!("sum [{rows}, {columns}] dim 0"), 4 * x.len(), || unsafe {
            reduce::sum(black_box(x.as_ptr()), &c, &r, out.as_mut_ptr())
        });
        // SAFETY: as above.
        time(&format!("sum [{rows}, {columns}] dim 1"), 4 * x.len(), || unsafe {
            reduce::sum(black_box(x.as_ptr()), &r, &c, out.as_mut_ptr())
        });
        let mut indices = vec![0; rows];
        // SAFETY: as above.
        time(&format!("argmax [{rows}, {columns}] dim 1"), 4 * x.len(), || unsafe {
            let n = (columns, 1);
            reduce::max_with_index(black_box(x.as_ptr()), &r, n, std::ptr::null_mut(), indices.as_mut_ptr())
        });
    }
    let x = data(64 * 64 * 26 * 26);
    let mut out = vec![0.0; 64];
    let (kept, reduced) = (Axes::new(&[64], &[676]), Axes::new(&[64, 676], &[64 * 676, 1]));
    // SAFETY: the axes describe `x`, and there are enough outputs.
    time("sum [64, 64, 26, 26] to channels", 4 * x.len(), || unsafe {
        reduce::sum(black_box(x.as_ptr()), &kept, &reduced, out.as_mut_ptr())
    });
}

fn softmaxes() {
    for (outer, n, inner) in [(64, 10, 1), (4096, 4096, 1), (1, 1 << 24, 1), (16, 21, 65536)] {
        let x = data(outer * n * inner);
        let (mut y, mut dx) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        let name = format!("[{outer}, {n}, {inner}]");
        time(&format!("softmax {name}"), 8 * x.len(), || softmax::softmax(&x, &mut y, outer, n, inner));
        time(&format!("softmax backward {name}"), 12 * x.len(), || {
            softmax::softmax_backward(&y, &x, &mut dx, outer, n, inner)
        });
        time(&format!("log_softmax {name}"), 8 * x.len(), || softmax::log_softmax(&x, &mut y, outer, n, inner));
        time(&format!("log_softmax backward {name}"), 12 * x.len(), || {
            softmax::log_softmax_backward(&y, &x, &mut dx, outer, n, inner)
        });
    }
}

fn losses() {
    for (outer, classes) in [(64, 10), (64, 1000), (16384, 1000)] {
        let x = data(outer * classes);
        let targets: Vec<i64> = (0..outer).map(|i| (i * 7 % classes) as i64).collect();
        let loss = ClassLoss { outer, classes, inner: 1, weight: None, ignore_index: -100, label_smoothing: 0.0 };
        let (mut stats, mut losses, mut dx) = (vec![[0.0; 2]; outer], vec![0.0; outer], vec![0.0; x.len()]);
        time(&format!("cross_entropy [{outer}, {classes}]"), 4 * x.len(), || {
            loss.cross_entropy(&x, &targets, &mut stats, &mut losses).unwrap();
        });
        time(&format!("cross_entropy backward [{outer}, {classes}]"), 8 * x.len(), || {
            loss.cross_entropy_backward(&x, &targets, &stats, RowGrad::All(0.01), &mut dx).unwrap()
        });
    }
}

fn pools() {
    let new = |planes, size, k, s, p| Pool2d {
        planes,
        input: [size; 2],
        kernel: [k; 2],
        stride: [s; 2],
        padding: [p; 2],
        dilation: [1, 1],
        ceil_mode: false,
    };
    for (planes, size, k, s, p) in [(64 * 32, 26, 2, 2, 0), (16 * 64, 112, 3, 2, 1), (16 * 64, 56, 3, 1, 1)] {
        let pool = new(planes, size, k, s, p);
        let x = data(planes * size * size);
        let n = planes * pool.output()[0] * pool.output()[1];
        let (mut y, mut i, mut dx) = (vec![0.0; n], vec![0; n], vec![0.0; x.len()]);
        let name = format!("[{planes}, {size}, {size}] {k}x{k} stride {s}");
        time(&format!("max_pool2d {name}"), 4 * x.len() + 12 * n, || pool.max(&x, &mut y, &mut i));
        time(&format!("max_pool2d backward {name}"), 4 * x.len() + 12 * n, || pool.max_backward(&y, &i, &mut dx));
        time(&format!("avg_pool2d {name}"), 4 * x.len() + 4 * n, || pool.avg(&x, Divisor::IncludePad, &mut y));
        time(&format!("avg_pool2d backward {name}"), 4 * x.len() + 4 * n, || {
            pool.avg_backward(&y, Divisor::IncludePad, &mut dx)
        });
    }
}

fn norms() {
    for (n, channels, spatial) in [(16, 64, 112 * 112), (16, 512, 49), (64, 256, 1)] {
        let x = data(n * channels * spatial);
        let g = data(x.len());
        let ones = vec![1.0; channels];
        let norm = BatchNorm {
            n,
            channels,
            spatial,
            weight: Some(&ones),
            bias: Some(&ones),
            eps: 1e-5,
            activation: Activation::None,
        };
        let rectified = BatchNorm { activation: Activation::Relu, ..norm };
        let (mut y, mut dx) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        let [mut mean, mut invstd, mut dw, mut db] = std::array::from_fn(|_| vec![1.0; channels]);
        let name = format!("[{n}, {channels}, {spatial}]");
        time(&format!("batch_norm {name}"), 8 * x.len(), || norm.forward(&x, None, &mut y, &mut mean, &mut invstd));
        time(&format!("batch_norm + relu {name}"), 8 * x.len(), || {
            rectified.forward(&x, None, &mut y, &mut mean, &mut invstd)
        });
        time(&format!("batch_norm eval {name}"), 8 * x.len(), || norm.forward_with(&x, &mean, &ones, &mut y));
        let stats = (&mean[..], &invstd[..]);
        time(&format!("batch_norm backward {name}"), 12 * x.len(), || {
            norm.backward(&x, &g, true, stats, Some(&mut dx), &mut dw, &mut db)
        });
        time(&format!("batch_norm + relu backward {name}"), 12 * x.len(), || {
            rectified.backward(&x, &g, true, stats, Some(&mut dx), &mut dw, &mut db)
        });
    }
}

fn optimizers() {
    for n in [1, 256, 203_530, 11_000_000] {
        let g = data(n);
        let [mut p, mut m, mut v] = std::array::from_fn(|_| vec![0.5; n]);
        let adam = Adam {
            lr: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.0,
            decoupled: false,
            maximize: false,
        };
        time(&format!("adam {n}"), 28 * n, || optim::adam(&adam, 10.0, &mut p, &g, &mut m, &mut v, None));
        let sgd = Sgd { lr: 1e-3, momentum: 0.9, dampening: 0.0, weight_decay: 1e-4, nesterov: false, maximize: false };
        time(&format!("sgd momentum {n}"), 20 * n, || optim::sgd(&sgd, false, &mut p, &g, Some(&mut m)));
        time(&format!("sgd {n}"), 12 * n, || optim::sgd(&sgd, false, &mut p, &g, None));
    }
}

fn indexing() {
    let (rows, width, k) = (50_000, 256, 8192);
    let x = data(rows * width);
    let indices: Vec<i64> = (0..k).map(|i| (i * 7919 % rows) as i64).collect();
    let mut out = vec![0.0; k * width];
    time("index_select 8192 rows of 256", 8 * out.len(), || {
        index::index_select(&x, [1, rows, width], &indices, &mut out).unwrap()
    });
    let mut sum = vec![0.0; x.len()];
    time("index_add 8192 rows of 256", 12 * out.len(), || {
        index::index_add(&mut sum, [1, rows, width], &indices, &out, 1.0).unwrap()
    });
    let sizes = [4096, 1000];
    let x = data(4096 * 1000);
    let index: Vec<i64> = (0..4096 * 100).map(|i| (i * 31 % 1000) as i64).collect();
    let mut out = vec![0.0; index.len()];
    time("gather [4096, 100] of 1000", 16 * out.len(), || {
        index::gather(&x, &sizes, 1, &index, &[4096, 100], &mut out).unwrap()
    });
    let mut sum = vec![0.0; x.len()];
    time("scatter_add [4096, 100] of 1000", 16 * out.len(), || {
        index::scatter_add(&mut sum, &sizes, 1, &index, &[4096, 100], &out, &[4096, 100]).unwrap()
    });
}

fn main() {
    if one_thread() {
        rushlight_kernels::threads::set_num_threads(1);
    }
    reductions();
    softmaxes();
    losses();
    pools();
    norms();
    optimizers();
    indexing();
}
