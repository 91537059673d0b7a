//! Matrix multiplication of 16-bit floats, with sums in `f32`.
//!
//! Operands are widened while they are packed, and the micro-kernels of `f32` do the rest. Where the processor multiplies
//! pairs of [`Bf16`] itself (AVX-512 BF16), those are packed as pairs, and its own micro-kernel takes two steps of the inner
//! dimension at a time: both products are exact and added to the `f32` sum one after the other, each time rounded to nearest;
//! numbers below 2^-126 count as 0, in the operands and in the sum.

use super::kernel::{self, Kernels};
use super::pack::{Input, pack};
use super::scratch::with_scratch;
use super::{Epilogue, Mat, MatMut, blocked, problem_of};
use crate::dtype::Stored;
use crate::half::{Bf16, F16};
use crate::isa::{self, Isa};
use crate::simd::{Kernel, Simd, dispatch};
use crate::split::TASK;
use crate::threads;
use std::ops::Range;

mod sealed {
    use super::*;

    pub trait Multiplied: Sized {
        /// # Safety
        /// As `gemm`.
        unsafe fn multiply(shape: [usize; 3], a: Mat<Self>, b: Mat<Self>, job: &Job);
    }

    /// What becomes of the product.
    pub struct Job<'a> {
        pub alpha: f32,
        pub beta: f32,
        pub c: MatMut<f32>,
        pub epilogue: &'a Epilogue<'a, f32>,
    }
}
use sealed::{Job, Multiplied};

/// A 16-bit float that matrices can be multiplied in: [`F16`] or [`Bf16`].
pub trait Half: Stored<Computed = f32> + Multiplied {}
impl Half for F16 {}
impl Half for Bf16 {}

/// What the product of matrices of `H` can be stored as: `f32`, or `H` again.
pub trait HalfOutput<H>: Stored<Computed = f32> {}
impl<H: Half> HalfOutput<H> for f32 {}
impl HalfOutput<F16> for F16 {}
impl HalfOutput<Bf16> for Bf16 {}

/// `C = act(alpha * A B + beta * C + bias)` like [`gemm`](super::gemm), with A and B of 16-bit floats, sums in `f32`, and C
/// rounded once if it is of 16 bits, too.
///
/// Products of two [`F16`] or [`Bf16`] are exact in `f32`. On processors with AVX-512 BF16, `Bf16` numbers below 2^-126 count
/// as 0, and so do sums.
///
/// ```
/// use rushlight_kernels::gemm::{Bf16, Epilogue, Mat, MatMut, gemm_half};
///
/// let a = [1.0, 2.0, 3.0, 4.0].map(Bf16::from_f32);
/// let b = [0.5, 0.0, 0.0, 2.0].map(Bf16::from_f32);
/// let mut c = [0f32; 4];
/// let (a, b) = (Mat::new(a.as_ptr(), 2, 1), Mat::new(b.as_ptr(), 2, 1));
/// // SAFETY: three matrices of two by two.
/// unsafe { gemm_half(2, 2, 2, 1.0, a, b, 0.0, MatMut::new(c.as_mut_ptr(), 2, 1), &Epilogue::default()) };
/// assert_eq!(c, [0.5, 4.0, 1.5, 8.0]);
/// ```
///
/// # Safety
/// As [`gemm`](super::gemm).
///
/// # Panics
/// If a bias has not as many values as C has columns (rows).
pub unsafe fn gemm_half<H: Half, O: HalfOutput<H>>(
    m: usize,
    n: usize,
    k: usize,
    alpha: f32,
    a: Mat<H>,
    b: Mat<H>,
    beta: f32,
    c: MatMut<O>,
    epilogue: &Epilogue<f32>,
) {
    if size_of::<O>() == size_of::<f32>() {
        let c = MatMut::new(c.ptr.cast(), c.rs, c.cs);
        // SAFETY: the caller's promise; the only output of four bytes is `f32`.
        return unsafe { H::multiply([m, n, k], a, b, &Job { alpha, beta, c, epilogue }) };
    }
    // C is rounded at the end, not between the parts that the inner dimension is cut into.
    let isa = isa::isa();
    with_scratch(m * n, |wide: *mut f32| {
        let sums = MatMut::new(wide, n as isize, 1);
        // SAFETY: C has these elements, by the caller's promise, and the scratch memory as many.
        unsafe {
            if beta != 0.0 {
                convert(isa, [m, n], Mat::new(c.ptr, c.rs, c.cs), sums);
            }
            H::multiply([m, n, k], a, b, &Job { alpha, beta, c: sums, epilogue });
            convert(isa, [m, n], Mat::new(wide, n as isize, 1), c);
        }
    });
}

/// Copies a matrix of `size` rows and columns, and rounds its numbers to `O`.
///
/// # Safety
/// Both are valid for all elements, and do not overlap.
unsafe fn convert<I: Stored<Computed = f32>, O: Stored<Computed = f32>>(
    isa: Isa,
    [m, n]: [usize; 2],
    from: Mat<I>,
    to: MatMut<O>,
) {
    let rows = (TASK / n.max(1)).max(1);
    let shared = Shared(from, to);
    threads::parallel_tasks(m.div_ceil(rows), |task| {
        let Shared(from, to) = { &shared };
        let rows = task * rows..m.min((task + 1) * rows);
        dispatch(isa, Convert { from: *from, to: *to, rows, n });
    });
}

struct Convert<I, O> {
    from: Mat<I>,
    to: MatMut<O>,
    rows: Range<usize>,
    n: usize,
}

impl<I: Stored<Computed = f32>, O: Stored<Computed = f32>> Kernel for Convert<I, O> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Convert { from, to, rows, n } = self;
        for i in rows {
            let (from_row, to_row) = (from.at(i, 0), to.at(i, 0));
            // SAFETY: the promise of whoever made this.
            unsafe {
                if from.cs == 1 && to.cs == 1 {
                    for j in 0..n {
                        to_row.add(j).write(O::narrow((*from_row.add(j)).widen()));
                    }
                } else {
                    for j in 0..n as isize {
                        to_row.offset(j * to.cs).write(O::narrow((*from_row.offset(j * from.cs)).widen()));
                    }
                }
            }
        }
    }
}

struct Shared<I, O>(Mat<I>, MatMut<O>);
// SAFETY: plain numbers; tasks write different ones.
unsafe impl<I, O> Sync for Shared<I, O> {}

impl Multiplied for F16 {
    unsafe fn multiply(shape: [usize; 3], a: Mat<F16>, b: Mat<F16>, job: &Job) {
        // SAFETY: the caller's promise.
        unsafe { run(shape, a, b, job, kernel::kernels_f32(isa::isa())) }
    }
}

impl Multiplied for Bf16 {
    unsafe fn multiply(shape: [usize; 3], a: Mat<Bf16>, b: Mat<Bf16>, job: &Job) {
        // SAFETY: the caller's promise; a pair is a `Bf16`.
        unsafe {
            match kernel::kernels_bf16(isa::isa()) {
                Some(kernels) => {
                    let pairs = |x: Mat<Bf16>| Mat::new(x.ptr.cast::<Paired>(), x.rs, x.cs);
                    run(shape, pairs(a), pairs(b), job, kernels)
                }
                None => run(shape, a, b, job, kernel::kernels_f32(isa::isa())),
            }
        }
    }
}

/// # Safety
/// As [`gemm_half`], and the kernels take what `I` is packed as.
unsafe fn run<I: Input<f32>>([m, n, k]: [usize; 3], a: Mat<I>, b: Mat<I>, job: &Job, kernels: &'static Kernels<f32>) {
    let &Job { alpha, beta, c, epilogue } = job;
    let problem = problem_of(m, n, k, alpha, a, b, beta, c, epilogue);
    if m > 0 && n > 0 {
        // SAFETY: the caller's promise.
        unsafe { blocked::run_packed(&problem, kernels) }
    }
}

/// A [`Bf16`] that is packed as one of a pair.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Paired(Bf16);

/// Elements that are widened at a time.
const WIDTH: usize = 64;

/// Widens and packs, see [`pack`].
struct Widen<H> {
    src: *const H,
    ps: isize,
    js: isize,
    k: usize,
    cols: usize,
    dst: *mut f32,
    width: usize,
}

impl<H: Stored<Computed = f32>> Kernel for Widen<H> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Widen { src, ps, js, k, cols, dst, width } = self;
        // SAFETY: the promise of whoever made this.
        unsafe {
            if js == 1 {
                for p in 0..k {
                    H::widen_block::<S>(src.offset(p as isize * ps), dst.add(p * width), cols);
                }
                return;
            }
            // Columns are widened, some of them at a time, and transposed.
            let mut wide = [0f32; WIDTH * WIDTH];
            for j in (0..cols).step_by(WIDTH) {
                let columns = WIDTH.min(cols - j);
                for p in (0..k).step_by(WIDTH) {
                    let steps = WIDTH.min(k - p);
                    for c in 0..columns {
                        let from = src.offset((j + c) as isize * js + p as isize * ps);
                        let to = wide.as_mut_ptr().add(c * WIDTH);
                        if ps == 1 {
                            H::widen_block::<S>(from, to, steps);
                        } else {
                            for q in 0..steps {
                                to.add(q).write((*from.offset(q as isize * ps)).widen());
                            }
                        }
                    }
                    let to = dst.add(p * width + j);
                    pack(S::ISA, wide.as_ptr(), 1, WIDTH as isize, steps, columns, to, width);
                }
            }
        }
    }
}

macro_rules! widened {
    ($t:ident) => {
        impl Input<f32> for $t {
            const SAME: bool = false;
            const PER_STEP: usize = 1;

            unsafe fn pack(
                isa: Isa,
                src: *const $t,
                [ps, js]: [isize; 2],
                [k, cols]: [usize; 2],
                dst: *mut f32,
                width: usize,
            ) {
                dispatch(isa, Widen { src, ps, js, k, cols, dst, width })
            }
        }
    };
}
widened!(F16);
widened!(Bf16);

/// Packs pairs of neighbors in the inner dimension, the last with 0 where there is none.
struct Pair {
    src: *const Bf16,
    ps: isize,
    js: isize,
    k: usize,
    cols: usize,
    dst: *mut u32,
    width: usize,
}

impl Kernel for Pair {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Pair { src, ps, js, k, cols, dst, width } = self;
        let pair = |low: Bf16, high: Bf16| u32::from(low.0) | u32::from(high.0) << 16;
        let (pairs, odd) = (k / 2, k % 2 == 1);
        // SAFETY: the promise of whoever made this.
        unsafe {
            if ps == 1 {
                // The pairs are there already, as one number of 32 bits: they are packed as such.
                let mut columns = [0u32; WIDTH * WIDTH];
                for j in (0..cols).step_by(WIDTH) {
                    let count = WIDTH.min(cols - j);
                    for p in (0..pairs).step_by(WIDTH) {
                        let steps = WIDTH.min(pairs - p);
                        for c in 0..count {
                            let from = src.offset((j + c) as isize * js + 2 * p as isize).cast::<u32>();
                            for q in 0..steps {
                                columns[c * WIDTH + q] = from.add(q).read_unaligned();
                            }
                        }
                        let to = dst.add(p * width + j);
                        pack(S::ISA, columns.as_ptr(), 1, WIDTH as isize, steps, count, to, width);
                    }
                }
            } else {
                for p in 0..pairs {
                    let (low, to) = (src.offset(2 * p as isize * ps), dst.add(p * width));
                    let high = low.offset(ps);
                    if js == 1 {
                        for j in 0..cols {
                            to.add(j).write(pair(*low.add(j), *high.add(j)));
                        }
                    } else {
                        for j in 0..cols as isize {
                            to.offset(j).write(pair(*low.offset(j * js), *high.offset(j * js)));
                        }
                    }
                }
            }
            if odd {
                for j in 0..cols {
                    let low = *src.offset(2 * pairs as isize * ps + j as isize * js);
                    dst.add(pairs * width + j).write(pair(low, Bf16(0)));
                }
            }
        }
    }
}

impl Input<f32> for Paired {
    const SAME: bool = false;
    const PER_STEP: usize = 2;

    unsafe fn pack(
        isa: Isa,
        src: *const Paired,
        [ps, js]: [isize; 2],
        [k, cols]: [usize; 2],
        dst: *mut f32,
        width: usize,
    ) {
        dispatch(isa, Pair { src: src.cast(), ps, js, k, cols, dst: dst.cast(), width })
    }
}
