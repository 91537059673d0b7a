//! Matrix multiplication: `cargo bench -p rushlight-kernels --bench gemm -- [FILTER...]`.
//!
//! An item is a floating-point operation, two per multiply-add. The bench `peak` measures the processor's peak
//! multiply-add rate: the efficiency of a product is its share of it (f16 is multiplied as f32). Sizes are m x n x k; N
//! or T indicates whether A and B are stored as they are or transposed.

mod common;

use common::{Buffer, Case, cases};
use divan::Bencher;
use divan::counter::ItemsCount;
use peak::Chains;
use rushlight_kernels::gemm::{Epilogue, GemmElement, Mat, MatMut, gemm};
use rushlight_kernels::half::{Bf16, F16};
use rushlight_kernels::threads::parallel_tasks;

fn main() {
    common::main();
}

/// Independent multiply-adds: the peak rate of any multiplication.
mod peak {
    use std::hint::black_box;

    /// Enough chains to hide the latency of an instruction, without exhausting the registers.
    const CHAINS: usize = 20;
    /// Some milliseconds, like the multiplications that it is compared with: for short bursts any processor is faster.
    const ROUNDS: usize = 2_000_000;

    /// The chains of one instruction.
    #[derive(Clone)]
    pub(crate) struct Chains {
        pub name: &'static str,
        lanes: usize,
        pub run: fn(),
    }

    impl Chains {
        /// Operations per run.
        pub(crate) fn operations(&self) -> usize {
            2 * self.lanes * CHAINS * ROUNDS
        }
    }

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

    /// The widest multiply-add that this processor supports, for each type.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn widest() -> Vec<Chains> {
        let mut all = Vec::new();
        let mut add = |name, lanes, run| all.push(Chains { name, lanes, run });
        // SAFETY: each function is called only if the processor supports its instructions.
        unsafe {
            if is_x86_feature_detected!("avx512f") {
                add("f32", 16, || f32_512());
                add("f64", 8, || f64_512());
            } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                add("f32", 8, || f32_256());
                add("f64", 4, || f64_256());
            }
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16") {
                add("bf16", 32, || bf16_512());
            }
        }
        all
    }

    /// Not implemented for other processors.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn widest() -> Vec<Chains> {
        Vec::new()
    }
}

#[divan::bench(args = cases(peak::widest(), |chains| chains.name.to_string()))]
fn peak(bencher: Bencher, case: &Case<Chains>) {
    let (chains, threads) = (&case.input, case.threads);
    let work = ItemsCount::new(threads * chains.operations());
    case.measure(bencher, work, || parallel_tasks(threads, |_| (chains.run)()));
}

/// Sizes m, n, k and whether A and B are transposed.
type Product = ([usize; 3], [char; 2]);

fn products(products: impl IntoIterator<Item = Product>) -> Vec<Case<Product>> {
    cases(products, |([m, n, k], [a, b])| format!("{m}x{n}x{k} {a}{b}"))
}

fn squares(sizes: &[usize]) -> Vec<Case<Product>> {
    products(sizes.iter().map(|&n| ([n; 3], ['N', 'N'])))
}

const SMALL: [usize; 9] = [4, 8, 16, 32, 64, 96, 128, 192, 384];
const LARGE: [usize; 6] = [256, 512, 768, 1024, 1536, 2048];

const LAYERS: [Product; 15] = [
    ([64, 256, 784], ['N', 'T']), // forward pass of a linear layer
    ([256, 784, 64], ['T', 'N']), // its weight gradient
    ([64, 784, 256], ['N', 'N']), // its input gradient
    ([64, 10, 256], ['N', 'T']),
    ([10, 256, 64], ['T', 'N']),
    ([64, 256, 10], ['N', 'N']),
    ([64, 128, 9216], ['N', 'T']),
    ([1, 1000, 512], ['N', 'T']),
    ([1024, 1, 1024], ['N', 'N']),
    ([16, 1000, 512], ['N', 'T']),
    ([1024, 1024, 1024], ['T', 'N']),
    ([1024, 1024, 1024], ['N', 'T']),
    ([4096, 64, 64], ['N', 'N']),
    ([64, 3136, 64], ['N', 'N']),
    ([256, 196, 1024], ['N', 'N']),
];

fn operations(case: &Case<Product>) -> ItemsCount {
    ItemsCount::new(2 * case.input.0.iter().product::<usize>())
}

/// The `rows` x `columns` matrix that begins at `x`.
fn matrix<T>(x: &[T], rows: usize, columns: usize, layout: char) -> Mat<T> {
    match layout {
        'T' => Mat::new(x.as_ptr(), 1, rows as isize),
        _ => Mat::new(x.as_ptr(), columns as isize, 1),
    }
}

fn plain<T: GemmElement>(bencher: Bencher, case: &Case<Product>, x: T) {
    let ([m, n, k], [ta, tb]) = case.input;
    let [a, b, mut c] = [m * k, k * n, m * n].map(|len| Buffer::new(len, |_| x));
    let (a, b) = (matrix(&a, m, k, ta), matrix(&b, k, n, tb));
    let c = MatMut::new(c.as_mut_ptr(), n as isize, 1);
    case.measure(bencher, operations(case), || {
        // SAFETY: the buffers have these sizes.
        unsafe { gemm(m, n, k, T::ONE, a, b, T::ZERO, c, &Epilogue::default()) }
    });
}

#[divan::bench(args = squares(&[&SMALL[..], &LARGE].concat()))]
fn f32_squares(bencher: Bencher, case: &Case<Product>) {
    plain(bencher, case, 0.5f32);
}

#[divan::bench(args = products(LAYERS))]
fn f32_layers(bencher: Bencher, case: &Case<Product>) {
    plain(bencher, case, 0.5f32);
}

#[divan::bench(args = squares(&LARGE))]
fn f64_squares(bencher: Bencher, case: &Case<Product>) {
    plain(bencher, case, 0.5f64);
}

#[divan::bench(args = squares(&LARGE))]
fn bf16_squares(bencher: Bencher, case: &Case<Product>) {
    plain(bencher, case, Bf16::from_f32(0.5));
}

#[divan::bench(args = squares(&LARGE))]
fn f16_squares(bencher: Bencher, case: &Case<Product>) {
    plain(bencher, case, F16::from_f32(0.5));
}
