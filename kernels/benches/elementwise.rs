//! Times of elementwise kernels: `cargo bench -p rushlight-kernels --bench elementwise [filter]`.
//!
//! Prints the best of several runs, for a tensor of 16 elements (the cost of a call), one in the first-level cache, and
//! one of 16 million elements on all cores.

use std::hint::black_box;
use std::time::Instant;

use rushlight_kernels::elementwise::{BinaryOp, CompareOp, UnaryOp, binary, compare, copy, fill, unary, where_};
use rushlight_kernels::threads;

const LARGE: usize = 1 << 24;

/// The best time of one call in nanoseconds.
fn time(mut f: impl FnMut()) -> f64 {
    f();
    let mut best = f64::INFINITY;
    let started = Instant::now();
    let mut repeat = 1;
    while started.elapsed().as_millis() < 100 {
        let start = Instant::now();
        for _ in 0..repeat {
            f();
        }
        let elapsed = start.elapsed().as_nanos() as f64;
        best = best.min(elapsed / repeat as f64);
        if elapsed < 20_000.0 {
            repeat *= 2;
        }
    }
    best
}

fn report(filter: &str, name: &str, f: impl FnMut()) {
    if name.contains(filter) {
        let ns = time(f);
        match ns {
            1e6.. => println!("{name:32} {:10.2} ms", ns / 1e6),
            _ => println!("{name:32} {ns:10.1} ns"),
        }
    }
}

fn main() {
    let filter = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let x: Vec<f32> = (0..LARGE).map(|i| (i % 4099) as f32 * 0.002 - 4.0).collect();
    let y: Vec<f32> = x.iter().rev().copied().collect();
    let mut out = vec![1.0f32; LARGE];
    let unaries = [
        ("relu", UnaryOp::Relu),
        ("sqrt", UnaryOp::Sqrt),
        ("exp", UnaryOp::Exp),
        ("log", UnaryOp::Log),
        ("tanh", UnaryOp::Tanh),
        ("sigmoid", UnaryOp::Sigmoid),
        ("silu", UnaryOp::Silu),
        ("gelu", UnaryOp::Gelu),
        ("erf", UnaryOp::Erf),
        ("expm1", UnaryOp::Expm1),
        ("log1p", UnaryOp::Log1p),
        ("sin", UnaryOp::Sin),
        ("pow 2.3", UnaryOp::PowScalar(2.3)),
    ];
    let binaries =
        [("add", BinaryOp::Add), ("div", BinaryOp::Div), ("pow", BinaryOp::Pow), ("mod", BinaryOp::Remainder)];
    for n in [16, 4096, LARGE] {
        let (a, b, o) = (x.as_ptr(), y.as_ptr(), out.as_mut_ptr());
        for threads in if n == LARGE { vec![1, threads] } else { vec![1] } {
            threads::set_num_threads(threads);
            for (name, op) in unaries {
                let name = format!("{name} {n} threads {threads}");
                // SAFETY: all three buffers hold LARGE elements.
                report(&filter, &name, || unsafe {
                    black_box(unary(op, &[n / 4, 4], a, &[4, 1], o, &[4, 1])).unwrap()
                });
            }
            for (name, op) in binaries {
                let name = format!("{name} {n} threads {threads}");
                // SAFETY: as above.
                report(&filter, &name, || unsafe {
                    black_box(binary(op, &[n / 4, 4], a, &[4, 1], b, &[4, 1], o, &[4, 1])).unwrap()
                });
            }
            let name = format!("add scalar {n} threads {threads}");
            // SAFETY: as above.
            report(&filter, &name, || unsafe {
                black_box(binary(BinaryOp::Add, &[n / 4, 4], a, &[4, 1], b, &[0, 0], o, &[4, 1])).unwrap()
            });
            let side = (n as f64).sqrt() as usize;
            let (rows, columns, row) = ([side as isize, 1], [1, side as isize], [0, 1]);
            let dims = [side, side];
            for (name, strides) in [("row", row), ("transposed", columns)] {
                let name = format!("add {name} {n} threads {threads}");
                // SAFETY: as above.
                report(&filter, &name, || unsafe {
                    black_box(binary(BinaryOp::Add, &dims, a, &rows, b, &strides, o, &rows)).unwrap()
                });
            }
            // SAFETY: as above.
            unsafe {
                report(&filter, &format!("copy {n} threads {threads}"), || copy(&dims, a, &rows, o, &rows));
                report(&filter, &format!("copy transposed {n} threads {threads}"), || {
                    copy(&dims, a, &columns, o, &rows)
                });
                report(&filter, &format!("fill {n} threads {threads}"), || fill(&dims, o, &rows, 1.0));
                report(&filter, &format!("f32 to i64 {n} threads {threads}"), || {
                    copy::<f32, i64>(&[n / 2], a, &[1], o.cast(), &[1])
                });
                let mask = o.cast::<bool>();
                report(&filter, &format!("gt {n} threads {threads}"), || {
                    compare(CompareOp::Gt, &dims, a, &rows, b, &rows, mask, &rows)
                });
            }
        }
    }
    let (a, b, o) = (x.as_ptr(), y.as_ptr(), out.as_mut_ptr());
    for (rows, width) in [(64, 10), (64, 64), (64, 256), (256, 1024)] {
        let strides = [width as isize, 1];
        for (name, other) in [("row", [0, 1]), ("column", [1, 0])] {
            // SAFETY: all three buffers hold LARGE elements.
            report(&filter, &format!("add {name} to {rows}x{width}"), || unsafe {
                black_box(binary(BinaryOp::Add, &[rows, width], a, &strides, b, &other, o, &strides)).unwrap()
            });
        }
    }
    let mask: Vec<bool> = x.iter().map(|&x| x > 0.0).collect();
    for threads in [1, threads] {
        threads::set_num_threads(threads);
        // SAFETY: all four buffers hold LARGE elements.
        report(&filter, &format!("where {LARGE} threads {threads}"), || unsafe {
            where_(&[LARGE], mask.as_ptr(), &[1], x.as_ptr(), &[1], y.as_ptr(), &[1], out.as_mut_ptr(), &[1])
        });
    }
}
