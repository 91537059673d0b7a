//! Matrix multiplication of types that are not their own computed type: 16-bit floats, accumulated in `f32`, and narrow
//! integers, accumulated in `i64`.
//!
//! Operands are widened while they are packed, and then multiplied by the micro-kernels of the computed type. Where the
//! processor multiplies pairs of [`Bf16`] itself (AVX-512 BF16), operands are packed as pairs, and a dedicated
//! micro-kernel takes two steps of the inner dimension at a time: both products are exact and added to the `f32` sum
//! one after the other, each addition rounded to nearest; values below 2^-126 in magnitude are flushed to 0, in the
//! operands and in the sum.

use super::kernel::{self, Kernels};
use super::pack::{Input, pack};
use super::scratch::with_scratch;
use super::{Epilogue, GemmElement, KernelElement, Kerneled, Mat, MatMut, Product, blocked, problem_of};
use crate::convert::read_optional;
use crate::dtype::Stored;
use crate::half::{Bf16, F16};
use crate::isa::Isa;
use crate::simd::{Kernel, Simd, dispatch, wide};
use crate::split::TASK;
use crate::threads;
use std::ops::Range;

/// Multiplies into scratch memory, since C is rounded once at the end and not between the parts that the inner
/// dimension is split into; `run` multiplies matrices of `T` into one of the computed type.
///
/// # Safety
/// As for [`super::gemm`].
unsafe fn multiply<T: Stored<Computed: KernelElement>>(
    isa: Isa,
    product: &Product<T>,
    run: unsafe fn(Isa, &Wide<T>, &Epilogue<T::Computed>),
) {
    let &Product { m, n, k, alpha, a, b, beta, c, epilogue: Epilogue { bias_col, bias_row, activation } } = product;
    if m == 0 || n == 0 {
        return;
    }
    read_optional(bias_col, |bias_col| {
        read_optional(bias_row, |bias_row| {
            let epilogue = Epilogue { bias_col, bias_row, activation };
            with_scratch(m * n, |wide: *mut T::Computed| {
                let sums = MatMut::new(wide, n as isize, 1);
                // SAFETY: C has these elements, as the caller guarantees, and the scratch memory has as many.
                unsafe {
                    if beta != T::Computed::ZERO {
                        convert(isa, [m, n], Mat::new(c.ptr, c.rs, c.cs), sums);
                    }
                    run(isa, &Wide { shape: [m, n, k], alpha, a, b, beta, c: sums }, &epilogue);
                    convert(isa, [m, n], Mat::new(wide, n as isize, 1), c);
                }
            })
        })
    });
}

/// A multiplication whose product has the computed type.
struct Wide<T: Stored> {
    shape: [usize; 3],
    alpha: T::Computed,
    a: Mat<T>,
    b: Mat<T>,
    beta: T::Computed,
    c: MatMut<T::Computed>,
}

/// # Safety
/// As for [`super::gemm`].
unsafe fn run<T: Input<T::Computed> + Stored<Computed: KernelElement>>(
    isa: Isa,
    wide: &Wide<T>,
    epilogue: &Epilogue<T::Computed>,
) {
    // SAFETY: guaranteed by the caller; these kernels take widened elements.
    unsafe { run_with(T::Computed::kernels(isa), wide, wide.a, wide.b, epilogue) }
}

/// # Safety
/// As for [`super::gemm`].
unsafe fn run_bf16(isa: Isa, wide: &Wide<Bf16>, epilogue: &Epilogue<f32>) {
    let Some(kernels) = kernel::kernels_bf16(isa) else {
        // SAFETY: guaranteed by the caller.
        return unsafe { run(isa, wide, epilogue) };
    };
    let pairs = |x: Mat<Bf16>| Mat::new(x.ptr.cast::<Paired>(), x.rs, x.cs);
    // SAFETY: guaranteed by the caller; `Paired` has the layout of `Bf16`.
    unsafe { run_with(kernels, wide, pairs(wide.a), pairs(wide.b), epilogue) }
}

/// # Safety
/// As for [`super::gemm`]; the kernels must accept the packed form of `I`.
unsafe fn run_with<T: Stored<Computed: KernelElement>, I: Input<T::Computed>>(
    kernels: &'static Kernels<T::Computed>,
    wide: &Wide<T>,
    a: Mat<I>,
    b: Mat<I>,
    epilogue: &Epilogue<T::Computed>,
) {
    let &Wide { shape: [m, n, k], alpha, beta, c, .. } = wide;
    let problem = problem_of(m, n, k, alpha, a, b, beta, c, epilogue);
    // SAFETY: guaranteed by the caller.
    unsafe { blocked::run_packed(&problem, kernels) }
}

macro_rules! multiplied {
    ($t:ident, $run:ident) => {
        impl GemmElement for $t {
            const ZERO: Self::Computed = 0 as Self::Computed;
            const ONE: Self::Computed = 1 as Self::Computed;

            unsafe fn multiply(isa: Isa, product: &Product<$t>) {
                // SAFETY: guaranteed by the caller.
                unsafe { multiply(isa, product, $run) }
            }
        }
    };
}
multiplied!(F16, run);
multiplied!(Bf16, run_bf16);
multiplied!(u8, run);
multiplied!(i8, run);
multiplied!(i16, run);
multiplied!(i32, run);

/// Copies a matrix of `size` rows and columns, and rounds its elements to `O`.
///
/// # Safety
/// Both are valid for all elements, and do not overlap.
unsafe fn convert<I: Stored, O: Stored<Computed = I::Computed>>(
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

impl<I: Stored, O: Stored<Computed = I::Computed>> Kernel for Convert<I, O> {
    type Output = ();
    const AVX2: bool = wide::<I::Computed>();
    const AVX512: bool = wide::<I::Computed>();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Convert { from, to, rows, n } = self;
        for i in rows {
            let (from_row, to_row) = (from.at(i, 0), to.at(i, 0));
            // SAFETY: guaranteed by the creator of this kernel.
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
// SAFETY: the elements are plain data; tasks write disjoint ones.
unsafe impl<I, O> Sync for Shared<I, O> {}

/// A [`Bf16`] that is packed as half of a pair.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Paired(Bf16);

/// Elements that are widened at a time.
const WIDTH: usize = 64;

/// Widens and packs, see [`pack`].
struct Widen<T: Stored> {
    src: *const T,
    ps: isize,
    js: isize,
    k: usize,
    cols: usize,
    dst: *mut T::Computed,
    width: usize,
}

impl<T: Stored<Computed: KernelElement>> Kernel for Widen<T> {
    type Output = ();
    // For integers, the code that the compiler generates for the baseline target is sufficient.
    const AVX2: bool = wide::<T::Computed>();
    const AVX512: bool = wide::<T::Computed>();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Widen { src, ps, js, k, cols, dst, width } = self;
        // SAFETY: guaranteed by the creator of this kernel.
        unsafe {
            if js == 1 {
                for p in 0..k {
                    T::widen_block::<S>(src.offset(p as isize * ps), dst.add(p * width), cols);
                }
                return;
            }
            // Columns are widened, a few at a time, and transposed.
            let mut wide = [T::Computed::ZERO; WIDTH * WIDTH];
            for j in (0..cols).step_by(WIDTH) {
                let columns = WIDTH.min(cols - j);
                for p in (0..k).step_by(WIDTH) {
                    let steps = WIDTH.min(k - p);
                    for c in 0..columns {
                        let from = src.offset((j + c) as isize * js + p as isize * ps);
                        let to = wide.as_mut_ptr().add(c * WIDTH);
                        if ps == 1 {
                            T::widen_block::<S>(from, to, steps);
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
    ($($t:ident as $computed:ident),*) => {$(
        impl Input<$computed> for $t {
            const SAME: bool = false;
            const PER_STEP: usize = 1;

            unsafe fn pack(
                isa: Isa,
                src: *const $t,
                [ps, js]: [isize; 2],
                [k, cols]: [usize; 2],
                dst: *mut $computed,
                width: usize,
            ) {
                dispatch(isa, Widen { src, ps, js, k, cols, dst, width })
            }
        }
    )*};
}
widened!(F16 as f32, Bf16 as f32, u8 as i64, i8 as i64, i16 as i64, i32 as i64);

/// Packs pairs of adjacent elements of the inner dimension; the last is paired with 0 if the count is odd.
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
        // SAFETY: guaranteed by the creator of this kernel.
        unsafe {
            if ps == 1 {
                // The pairs already exist in memory as 32-bit words: they are packed as such.
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
