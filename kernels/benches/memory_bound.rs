//! Times of the kernels that memory bounds: `cargo bench -p rushlight-kernels --bench memory_bound [-- FILTER]`.

use rushlight_kernels::reduce::{self, Axes};
use std::hint::black_box;
use std::time::Instant;

/// Prints the fastest of many calls, in microseconds, and the bandwidth that moving `bytes` takes.
fn time(name: &str, bytes: usize, mut f: impl FnMut()) {
    if std::env::args().skip(1).any(|a| !a.starts_with('-') && !name.contains(&a)) {
        return;
    }
    let (mut best, started) = (f64::INFINITY, Instant::now());
    let mut inner = 1;
    while started.elapsed().as_secs_f64() < 0.4 {
        let start = Instant::now();
        for _ in 0..inner {
            f();
        }
        let took = start.elapsed().as_secs_f64();
        best = best.min(took / inner as f64);
        if took < 2e-5 {
            inner *= 4;
        }
    }
    println!("{name:42} {:>10.3} µs {:>7.1} GB/s", best * 1e6, bytes as f64 / best * 1e-9);
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

fn main() {
    reductions();
}
