//! Matrix-vector product: each element of the matrix is used once, so the kernel is bound by memory bandwidth.

use super::kernel::Kernels;
use super::{KernelElement, Problem};
use crate::isa::Isa;
use crate::simd::{self, Kernel, Simd};
use crate::threads;

/// Minimum number of matrix elements per task.
const GRAIN: usize = 64 << 10;
/// Rows of a block: their partial sums stay in the L1 cache.
const ROWS: usize = 1024;

/// C, one column, from A (`m` by `k`) and B, one column.
///
/// # Safety
/// As for [`super::gemm`], with `n` = 1.
pub(super) unsafe fn run<T: KernelElement>(p: &Problem<T>, kernels: &Kernels<T>) {
    let isa = kernels.isa;
    // A task takes whole rows, so the result does not depend on the number of tasks.
    let rows = (GRAIN / p.k.max(1)).clamp(1, ROWS);
    if p.m * p.k < 2 * GRAIN {
        for i in (0..p.m).step_by(ROWS) {
            // SAFETY: guaranteed by the caller.
            unsafe { block(p, isa, i, ROWS.min(p.m - i)) };
        }
    } else {
        let shared = Shared(p);
        threads::parallel_tasks(p.m.div_ceil(rows), |t| {
            let Shared(p) = { &shared };
            // SAFETY: guaranteed by the caller; tasks write disjoint rows of C.
            unsafe { block(p, isa, t * rows, rows.min(p.m - t * rows)) }
        });
    }
}

struct Shared<'a, T>(&'a Problem<T>);
// SAFETY: the elements are `Send + Sync`, and tasks write disjoint rows.
unsafe impl<T> Sync for Shared<'_, T> {}

/// Rows `i..i + rows`, at most [`ROWS`].
unsafe fn block<T: KernelElement>(p: &Problem<T>, isa: Isa, i: usize, rows: usize) {
    let mut sums = [T::ZERO; ROWS];
    let sums = &mut sums[..rows];
    if p.k > 0 {
        // The kernels read memory that is valid, as the caller guarantees.
        if p.a.rs == 1 && p.a.cs != 1 {
            simd::dispatch(isa, Columns { p, i, sums });
        } else {
            simd::dispatch(isa, Dots { p, i, sums });
        }
    }
    for (r, &sum) in sums.iter().enumerate() {
        // SAFETY: C has the rows, and a bias has as many elements as there are rows (one for the column).
        unsafe {
            let c = p.c.at(i + r, 0);
            let mut x = p.alpha.mul(sum);
            if p.beta != T::ZERO {
                x = p.beta.mul(*c).add(x);
            }
            if !p.bias_row.is_null() {
                x = x.add(*p.bias_row.add(i + r));
            }
            if !p.bias_col.is_null() {
                x = x.add(*p.bias_col);
            }
            if let Some((lo, hi)) = p.clamp {
                x = x.clamp_to(lo, hi);
            }
            *c = x;
        }
    }
}

/// Partial sums per row: two AVX-512 registers of f32.
const LANES: usize = 32;

/// Sums along the rows of A, whose elements are (usually) contiguous.
struct Dots<'a, T> {
    p: &'a Problem<T>,
    i: usize,
    sums: &'a mut [T],
}

impl<T: KernelElement> Kernel for Dots<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Dots { p, i, sums } = self;
        // SAFETY: A has rows `i..i + sums.len()` of `k` elements, B has `k` elements.
        unsafe {
            let mut r = 0;
            if p.a.cs == 1 && p.b.rs == 1 {
                while r + 4 <= sums.len() {
                    let rows = [0, 1, 2, 3].map(|j| p.a.at(i + r + j, 0));
                    sums[r..r + 4].copy_from_slice(&dots::<S, T, 4>(rows, p.b.ptr, p.k));
                    r += 4;
                }
                while r < sums.len() {
                    sums[r] = dots::<S, T, 1>([p.a.at(i + r, 0)], p.b.ptr, p.k)[0];
                    r += 1;
                }
            }
            while r < sums.len() {
                for q in 0..p.k {
                    sums[r] = T::mul_add::<S>(*p.a.at(i + r, q), *p.b.at(q, 0), sums[r]);
                }
                r += 1;
            }
        }
    }
}

/// The inner products of `R` rows of `k` elements with `x`.
#[inline(always)]
unsafe fn dots<S: Simd, T: KernelElement, const R: usize>(rows: [*const T; R], x: *const T, k: usize) -> [T; R] {
    let mut acc = [[T::ZERO; LANES]; R];
    let whole = k / LANES * LANES;
    // SAFETY: the caller guarantees `k` elements.
    unsafe {
        for q in (0..whole).step_by(LANES) {
            let x = x.add(q).cast::<[T; LANES]>().read_unaligned();
            for r in 0..R {
                let row = rows[r].add(q).cast::<[T; LANES]>().read_unaligned();
                for l in 0..LANES {
                    acc[r][l] = T::mul_add::<S>(row[l], x[l], acc[r][l]);
                }
            }
        }
        let mut sums = [T::ZERO; R];
        for r in 0..R {
            let mut width = LANES / 2;
            while width > 0 {
                for l in 0..width {
                    acc[r][l] = acc[r][l].add(acc[r][l + width]);
                }
                width /= 2;
            }
            sums[r] = acc[r][0];
            for q in whole..k {
                sums[r] = T::mul_add::<S>(*rows[r].add(q), *x.add(q), sums[r]);
            }
        }
        sums
    }
}

/// Adds up the columns of A, whose elements are contiguous, each scaled by an element of B.
struct Columns<'a, T> {
    p: &'a Problem<T>,
    i: usize,
    sums: &'a mut [T],
}

impl<T: KernelElement> Kernel for Columns<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Columns { p, i, sums } = self;
        // SAFETY: A has rows `i..i + sums.len()` of `k` elements, B has `k` elements.
        unsafe {
            let mut q = 0;
            while q + 4 <= p.k {
                let x = [0, 1, 2, 3].map(|j| *p.b.at(q + j, 0));
                let columns = [0, 1, 2, 3].map(|j| std::slice::from_raw_parts(p.a.at(i, q + j), sums.len()));
                for r in 0..sums.len() {
                    let mut sum = sums[r];
                    for j in 0..4 {
                        sum = T::mul_add::<S>(*columns[j].get_unchecked(r), x[j], sum);
                    }
                    sums[r] = sum;
                }
                q += 4;
            }
            while q < p.k {
                let x = *p.b.at(q, 0);
                let column = std::slice::from_raw_parts(p.a.at(i, q), sums.len());
                for (sum, &a) in sums.iter_mut().zip(column) {
                    *sum = T::mul_add::<S>(a, x, *sum);
                }
                q += 1;
            }
        }
    }
}
