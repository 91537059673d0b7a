//! How fast matrix multiplication is: `cargo run --release -p rushlight-kernels --example gemm`.

use rushlight_kernels::gemm::{Epilogue, Mat, MatMut, gemm};
use rushlight_kernels::threads::set_num_threads;
use std::time::{Duration, Instant};

/// The least time of a call in seconds.
fn least(mut f: impl FnMut()) -> f64 {
    f();
    let start = Instant::now();
    let mut least = Duration::MAX;
    while start.elapsed() < Duration::from_millis(300) {
        let t = Instant::now();
        let calls = 1 + (least.as_nanos() < 20_000) as u32 * 99;
        for _ in 0..calls {
            f();
        }
        least = least.min(t.elapsed() / calls);
    }
    least.as_secs_f64()
}

fn main() {
    println!("{:>5} {:>5} {:>5}  A B   1 thread         2 threads", "m", "n", "k");
    let square = [4, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048].map(|n| (n, n, n, false, false));
    let layers = [
        (64, 256, 784, false, true),  // forward of a linear layer
        (256, 784, 64, true, false),  // its weight's gradient
        (64, 784, 256, false, false), // its input's gradient
        (64, 10, 256, false, true),
        (10, 256, 64, true, false),
        (64, 256, 10, false, false),
        (64, 128, 9216, false, true),
        (1, 1000, 512, false, true),
        (1024, 1, 1024, false, false),
        (16, 1000, 512, false, true),
        (1024, 1024, 1024, true, false),
        (1024, 1024, 1024, false, true),
        (4096, 64, 64, false, false),
        (64, 3136, 64, false, false),
        (256, 196, 1024, false, false),
    ];
    let least_size: usize = std::env::args().nth(1).map_or(0, |n| n.parse().expect("a number of multiply-adds"));
    for (m, n, k, ta, tb) in square.into_iter().chain(layers).filter(|(m, n, k, ..)| m * n * k >= least_size) {
        let a = vec![0.5f32; m * k];
        let b = vec![0.25f32; k * n];
        let mut c = vec![0f32; m * n];
        let a = if ta { Mat::new(a.as_ptr(), 1, m as isize) } else { Mat::new(a.as_ptr(), k as isize, 1) };
        let b = if tb { Mat::new(b.as_ptr(), 1, k as isize) } else { Mat::new(b.as_ptr(), n as isize, 1) };
        let c = MatMut::new(c.as_mut_ptr(), n as isize, 1);
        let name = |t| if t { 't' } else { '-' };
        print!("{m:5} {n:5} {k:5}  {} {}", name(ta), name(tb));
        for threads in [1, 2] {
            set_num_threads(threads);
            // SAFETY: the vectors have these sizes.
            let time = least(|| unsafe { gemm(m, n, k, 1.0, a, b, 0.0, c, &Epilogue::default()) });
            print!("{:9.2} µs {:6.1}", time * 1e6, 2e-9 * (m * n * k) as f64 / time);
        }
        println!();
    }
}
