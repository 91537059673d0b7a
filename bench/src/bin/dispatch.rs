//! The overhead of an operation: the time of operations on 4 × 4 tensors.
//!
//! `cargo run --release -p rushlight-bench --bin dispatch` prints nanoseconds; with `-- count N`, it only runs one
//! untracked addition N times, for an instruction counter such as `valgrind --tool=callgrind`.

#![forbid(unsafe_code)]

use rushlight::{BackwardOptions, Tensor};
use std::hint::black_box;
use std::time::Instant;

fn time(name: &str, mut f: impl FnMut()) {
    const ROUNDS: u32 = 20_000;
    (0..ROUNDS).for_each(|_| f());
    let best = (0..25)
        .map(|_| {
            let start = Instant::now();
            (0..ROUNDS).for_each(|_| f());
            start.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
        })
        .fold(f64::INFINITY, f64::min);
    println!("{name:32}{best:8.1} ns");
}

fn main() {
    let a = Tensor::full([4, 4], 0.5);
    let b = Tensor::full([4, 4], 2.0);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, count] = &arguments[..]
        && mode == "count"
        && let Ok(count) = count.parse::<u32>()
    {
        (0..count).for_each(|_| drop(black_box(&a + &b)));
        return;
    }
    let v = a.copy().requires_grad_(true);
    let w = b.copy().requires_grad_(true);
    let gradient = BackwardOptions::new().gradient(a.ones_like());
    time("add", || drop(black_box(&a + &b)));
    time("relu", || drop(black_box(a.relu())));
    time("mul by a scalar", || drop(black_box(&a * 2.0)));
    time("add, in-place", || drop(black_box(a.add_(&b))));
    time("matmul", || drop(black_box(a.matmul(&b))));
    time("transpose", || drop(black_box(a.t())));
    time("sum", || drop(black_box(a.sum())));
    time("add, tracked", || drop(black_box(&v + &w)));
    time("mul, tracked", || drop(black_box(&v * &w)));
    time("relu, tracked", || drop(black_box(v.relu())));
    time("relu(v + w), forward + backward", || (&v + &w).relu().backward_with(&gradient));
}
