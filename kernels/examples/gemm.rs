//! How fast matrix multiplication is, beside what the processor's multiply-adds could do:
//! `cargo run --release -p rushlight-kernels --example gemm [least number of multiply-adds]`.

use rushlight_kernels::gemm::{Bf16, Epilogue, F16, GemmElement, Half, HalfOutput, Mat, MatMut, gemm, gemm_half};
use rushlight_kernels::threads::{parallel_tasks, set_num_threads};
use std::hint::black_box;
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

/// Multiply-adds that nothing waits for: the most that any multiplication can reach.
mod roof {
    use super::*;

    /// Chains that hide the latency of an instruction, with registers to spare.
    const CHAINS: usize = 20;
    /// Some milliseconds, like the multiplications it is compared with: for a moment any processor is faster.
    const ROUNDS: usize = 2_000_000;

    macro_rules! chains {
        ($name:ident, $feature:literal, $set1:ident($one:expr), |$sum:ident, $x:ident| $step:expr) => {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = $feature)]
            fn $name() {
                use std::arch::x86_64::*;
                let $x = black_box($set1($one));
                let mut sums = [$x; CHAINS];
                for _ in 0..ROUNDS {
                    for $sum in &mut sums {
                        *$sum = $step;
                    }
                }
                black_box(sums);
            }
        };
    }
    chains!(f32_512, "avx512f", _mm512_set1_ps(0.5), |sum, x| _mm512_fmadd_ps(*sum, x, x));
    chains!(f64_512, "avx512f", _mm512_set1_pd(0.5), |sum, x| _mm512_fmadd_pd(*sum, x, x));
    chains!(f32_256, "avx2,fma", _mm256_set1_ps(0.5), |sum, x| _mm256_fmadd_ps(*sum, x, x));
    chains!(f64_256, "avx2,fma", _mm256_set1_pd(0.5), |sum, x| _mm256_fmadd_pd(*sum, x, x));

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bf16")]
    fn bf16_512() {
        use std::arch::x86_64::*;
        let one = _mm512_set1_ps(0.5);
        let x = black_box(_mm512_cvtne2ps_pbh(one, one));
        let mut sums = [black_box(one); CHAINS];
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = _mm512_dpbf16_ps(*sum, x, x);
            }
        }
        black_box(sums);
    }

    /// Multiply-adds in a second on `threads` threads, in 10^9 operations, two each.
    pub fn measure(threads: usize, kind: &str) -> f64 {
        let (lanes, run): (usize, fn()) = {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: each only where the processor has its instructions.
            unsafe {
                let wide = is_x86_feature_detected!("avx512f");
                let middle = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
                match kind {
                    "bf16" if is_x86_feature_detected!("avx512bf16") => (32, || bf16_512()),
                    "f64" if wide => (8, || f64_512()),
                    "f64" if middle => (4, || f64_256()),
                    _ if wide => (16, || f32_512()),
                    _ if middle => (8, || f32_256()),
                    _ => return f64::NAN,
                }
            }
            #[cfg(not(target_arch = "x86_64"))]
            return f64::NAN;
        };
        let time = least(|| parallel_tasks(threads, |_| run()));
        2e-9 * (threads * lanes * CHAINS * ROUNDS) as f64 / time
    }
}

fn print(name: &str, [m, n, k]: [usize; 3], layout: &str, roofs: &[f64; 2], mut multiply: impl FnMut()) {
    print!("{name:4} {m:5} {n:5} {k:5}  {layout:3}");
    for threads in [1, 2] {
        set_num_threads(threads);
        let time = least(&mut multiply);
        let rate = 2e-9 * (m * n * k) as f64 / time;
        print!("{:10.2} µs {rate:6.1} {:4.0} %", time * 1e6, 100.0 * rate / roofs[threads - 1]);
    }
    println!();
}

fn roofs(kind: &str) -> [f64; 2] {
    let roofs = [1, 2].map(|threads| {
        set_num_threads(threads);
        roof::measure(threads, kind)
    });
    println!("{kind}: the roof is {:.1} and {:.1} GFLOP/s", roofs[0], roofs[1]);
    roofs
}

fn plain<T: GemmElement>(name: &str, one: T, size: [usize; 3], (ta, tb): (bool, bool), roofs: &[f64; 2]) {
    let [m, n, k] = size;
    let (a, b, mut c) = (vec![one; m * k], vec![one; k * n], vec![one; m * n]);
    let a = if ta { Mat::new(a.as_ptr(), 1, m as isize) } else { Mat::new(a.as_ptr(), k as isize, 1) };
    let b = if tb { Mat::new(b.as_ptr(), 1, k as isize) } else { Mat::new(b.as_ptr(), n as isize, 1) };
    let letter = |t| if t { 't' } else { '-' };
    let c = MatMut::new(c.as_mut_ptr(), n as isize, 1);
    print(name, size, &format!("{} {}", letter(ta), letter(tb)), roofs, || {
        // SAFETY: the vectors have these sizes.
        unsafe { gemm(m, n, k, T::ONE, a, b, T::ZERO, c, &Epilogue::default()) }
    });
}

fn half<H: Half, O: HalfOutput<H>>(name: &str, x: H, y: O, n: usize, layout: &str, roofs: &[f64; 2]) {
    let (a, mut c) = (vec![x; n * n], vec![y; n * n]);
    let (a, c) = (Mat::new(a.as_ptr(), n as isize, 1), MatMut::new(c.as_mut_ptr(), n as isize, 1));
    print(name, [n, n, n], layout, roofs, || {
        // SAFETY: the vectors have these sizes.
        unsafe { gemm_half(n, n, n, 1.0, a, a, 0.0, c, &Epilogue::default()) }
    });
}

fn main() {
    let least_size: usize = std::env::args().nth(1).map_or(0, |n| n.parse().expect("a number of multiply-adds"));
    println!("GFLOP/s and share of the roof with one thread, and with two; A, B: t if transposed");
    let wanted = |m: usize, n: usize, k: usize| m * n * k >= least_size;
    let squares = [256, 512, 768, 1024, 1536, 2048];

    let f32_roofs = roofs("f32");
    for n in [4, 8, 16, 32, 64, 96, 128, 192, 384].into_iter().chain(squares).filter(|&n| wanted(n, n, n)) {
        plain("f32", 0.5f32, [n, n, n], (false, false), &f32_roofs);
    }
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
    for (m, n, k, ta, tb) in layers.into_iter().filter(|&(m, n, k, ..)| wanted(m, n, k)) {
        plain("f32", 0.5f32, [m, n, k], (ta, tb), &f32_roofs);
    }
    let f64_roofs = roofs("f64");
    for n in squares.into_iter().filter(|&n| wanted(n, n, n)) {
        plain("f64", 0.5f64, [n, n, n], (false, false), &f64_roofs);
    }
    let bf16_roofs = roofs("bf16");
    for n in squares.into_iter().filter(|&n| wanted(n, n, n)) {
        half("bf16", Bf16::from_f32(0.5), 0f32, n, "f32", &bf16_roofs);
        half("bf16", Bf16::from_f32(0.5), Bf16::default(), n, "", &bf16_roofs);
    }
    println!("f16, whose roof is that of f32:");
    for n in squares.into_iter().filter(|&n| wanted(n, n, n)) {
        half("f16", F16::from_f32(0.5), 0f32, n, "f32", &f32_roofs);
        half("f16", F16::from_f32(0.5), F16::default(), n, "", &f32_roofs);
    }
}
