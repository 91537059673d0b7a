//! Matrix multiplication: `C = act(alpha * A B + beta * C + bias)` for any strides.
//!
//! One micro-kernel design ([`kernel`]) serves all instruction sets. It is driven by a plain loop over tiles for small
//! problems, which reads A and B directly, and by a blocked, packed and threaded one ([`blocked`]) for the rest;
//! matrix-vector products ([`gemv`]) and types that are not their own computed type ([`converted`]) have dedicated
//! paths. The blocking of the inner dimension depends on nothing but the shape and the instruction set, so results do
//! not depend on the number of threads.

pub(crate) mod blocked;
mod converted;
mod gemv;
pub(crate) mod kernel;
pub(crate) mod pack;
pub(crate) mod prepacked;
mod problem;
pub(crate) mod scratch;
pub(crate) mod vector;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::noise as test_noise;

use crate::Activation;

use crate::dtype::Stored;
use crate::isa::{self, Isa};
use crate::threads;
use kernel::Kernels;
use problem::Problem;

/// A matrix to read: element `(i, j)` is at `ptr + i * rs + j * cs`. Strides may be 0 or negative.
#[derive(Debug)]
pub struct Mat<T> {
    /// Element (0, 0).
    pub ptr: *const T,
    /// Row stride in elements.
    pub rs: isize,
    /// Column stride in elements.
    pub cs: isize,
}

/// A matrix to write, see [`Mat`]. No two elements may overlap.
#[derive(Debug)]
pub struct MatMut<T> {
    /// Element (0, 0).
    pub ptr: *mut T,
    /// Row stride in elements.
    pub rs: isize,
    /// Column stride in elements.
    pub cs: isize,
}

impl<T> Clone for Mat<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Mat<T> {}
impl<T> Clone for MatMut<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for MatMut<T> {}

impl<T> Mat<T> {
    /// The matrix at `ptr` with these strides.
    pub fn new(ptr: *const T, rs: isize, cs: isize) -> Self {
        Self { ptr, rs, cs }
    }

    /// The same memory read as the transposed matrix.
    pub fn t(self) -> Self {
        Self { ptr: self.ptr, rs: self.cs, cs: self.rs }
    }

    /// The matrix that begins `offset` elements later.
    fn moved(self, offset: isize) -> Self {
        Self { ptr: self.ptr.wrapping_offset(offset), ..self }
    }

    pub(crate) fn at(self, i: usize, j: usize) -> *const T {
        self.ptr.wrapping_offset(i as isize * self.rs + j as isize * self.cs)
    }
}

impl<T> MatMut<T> {
    /// The matrix at `ptr` with these strides.
    pub fn new(ptr: *mut T, rs: isize, cs: isize) -> Self {
        Self { ptr, rs, cs }
    }

    /// The same memory written as the transposed matrix.
    pub fn t(self) -> Self {
        Self { ptr: self.ptr, rs: self.cs, cs: self.rs }
    }

    pub(crate) fn at(self, i: usize, j: usize) -> *mut T {
        self.ptr.wrapping_offset(i as isize * self.rs + j as isize * self.cs)
    }
}

/// Bias and activation, applied while the product is still in registers.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<'a, T> {
    /// One element per column of C.
    pub bias_col: Option<&'a [T]>,
    /// One element per row of C.
    pub bias_row: Option<&'a [T]>,
    /// Applied last.
    pub activation: Activation,
}

impl<T> Default for Epilogue<'_, T> {
    fn default() -> Self {
        Self { bias_col: None, bias_row: None, activation: Activation::None }
    }
}

mod sealed {
    use super::kernel::Kernels;
    use crate::isa::Isa;
    use crate::simd::Simd;

    pub(crate) trait Kerneled: super::vector::Registers + 'static {
        fn kernels(isa: Isa) -> &'static Kernels<Self>;

        /// `a * b + c`
        fn mul_add<S: Simd>(a: Self, b: Self, c: Self) -> Self;
    }
}

pub(crate) use sealed::Kerneled;

/// An element type that matrices can be multiplied in: every type but `bool`.
pub trait GemmElement: Stored {
    /// 0
    const ZERO: Self::Computed;
    /// 1
    const ONE: Self::Computed;

    /// The complete multiplication, compiled in this crate rather than in every dependent crate.
    ///
    /// # Safety
    /// As for [`gemm`].
    #[doc(hidden)]
    unsafe fn multiply(isa: Isa, product: &Product<Self>);
}

/// The arguments of one call of [`gemm`].
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Product<'a, T: Stored> {
    m: usize,
    n: usize,
    k: usize,
    alpha: T::Computed,
    a: Mat<T>,
    b: Mat<T>,
    beta: T::Computed,
    c: MatMut<T>,
    epilogue: Epilogue<'a, T>,
}

/// An element type with micro-kernels: `f32`, `f64` and `i64` (wrapping on overflow).
pub(crate) trait KernelElement: sealed::Kerneled + Stored<Computed = Self> {
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// The upper bound of a clamp without one.
    const MAX: Self;
    /// Converts exactly.
    fn from_u8(x: u8) -> Self;
    /// `self + other`
    fn add(self, other: Self) -> Self;
    /// `self * other`
    fn mul(self, other: Self) -> Self;
    /// `self` limited to `lo..=hi`; NaN stays NaN.
    fn clamp_to(self, lo: Self, hi: Self) -> Self;
}

macro_rules! element {
    ($t:ident, $max:expr, $kernels:ident, |$a:ident, $b:ident, $c:ident| $add:expr, $mul:expr, <$s:ident> $mul_add:expr) => {
        impl sealed::Kerneled for $t {
            #[inline]
            fn kernels(isa: Isa) -> &'static Kernels<$t> {
                kernel::$kernels(isa)
            }
            #[inline(always)]
            fn mul_add<$s: crate::simd::Simd>($a: $t, $b: $t, $c: $t) -> $t {
                $mul_add
            }
        }
        impl GemmElement for $t {
            const ZERO: $t = 0 as $t;
            const ONE: $t = 1 as $t;

            unsafe fn multiply(isa: Isa, p: &Product<$t>) {
                let problem = problem_of(p.m, p.n, p.k, p.alpha, p.a, p.b, p.beta, p.c, &p.epilogue);
                // SAFETY: guaranteed by the caller.
                unsafe { run(&problem, kernel::$kernels(isa)) }
            }
        }
        impl KernelElement for $t {
            const ZERO: $t = 0 as $t;
            const ONE: $t = 1 as $t;
            const MAX: $t = $max;

            fn from_u8(x: u8) -> $t {
                x.into()
            }
            #[inline(always)]
            fn add(self, other: $t) -> $t {
                let ($a, $b) = (self, other);
                $add
            }
            #[inline(always)]
            fn mul(self, other: $t) -> $t {
                let ($a, $b) = (self, other);
                $mul
            }
            #[inline(always)]
            fn clamp_to(self, lo: $t, hi: $t) -> $t {
                if self < lo {
                    lo
                } else if self > hi {
                    hi
                } else {
                    self
                }
            }
        }
    };
}
element!(f32, f32::INFINITY, kernels_f32, |a, b, c| a + b, a * b, <S> S::mul_add_f32(a, b, c));
element!(f64, f64::INFINITY, kernels_f64, |a, b, c| a + b, a * b, <S> S::mul_add_f64(a, b, c));
element!(
    i64, i64::MAX, kernels_i64, |a, b, c| a.wrapping_add(b), a.wrapping_mul(b), <S> a.wrapping_mul(b).wrapping_add(c)
);

/// Multiply-adds below which a second thread costs more than it gains (about 5 µs of work).
pub(crate) const PARALLEL_MULTIPLY_ADDS: usize = 600_000;

/// Splits `0..n` into `parts` nearly equal parts; returns start and length of the `i`th.
#[inline(always)]
pub(crate) fn split(n: usize, parts: usize, i: usize) -> (usize, usize) {
    let (base, rest) = (n / parts, n % parts);
    (i * base + i.min(rest), base + usize::from(i < rest))
}

/// `C = act(alpha * A B + beta * C + bias)` with A `m` by `k`, B `k` by `n`, C `m` by `n`.
///
/// C is not read if `beta` is 0, so it may then be uninitialized. An empty sum (`k` is 0) is 0. Floating-point sums are
/// accumulated in the order of `k`, in blocks of a few hundred. 16-bit floats are computed in `f32`, and C is rounded
/// once; integers wrap. On processors with AVX-512 BF16, `Bf16` values and sums below 2^-126 in magnitude are flushed
/// to 0.
///
/// ```
/// use rushlight_kernels::gemm::{Epilogue, Mat, MatMut, gemm};
/// use rushlight_kernels::half::Bf16;
///
/// let a = [1.0, 2.0, 3.0, 4.0].map(Bf16::from_f32);
/// let b = [0.5, 0.0, 0.0, 2.0].map(Bf16::from_f32);
/// let mut c = [Bf16::default(); 4];
/// let (a, b) = (Mat::new(a.as_ptr(), 2, 1), Mat::new(b.as_ptr(), 2, 1));
/// // SAFETY: three 2 by 2 matrices.
/// unsafe { gemm(2, 2, 2, 1.0, a, b, 0.0, MatMut::new(c.as_mut_ptr(), 2, 1), &Epilogue::default()) };
/// assert_eq!(c.map(Bf16::to_f32), [0.5, 4.0, 1.5, 8.0]);
/// ```
///
/// # Safety
/// `a`, `b` and `c` are valid for all their elements; C overlaps neither A nor B.
///
/// # Panics
/// If a bias does not have as many elements as C has columns (rows).
#[inline]
pub unsafe fn gemm<T: GemmElement>(
    m: usize,
    n: usize,
    k: usize,
    alpha: T::Computed,
    a: Mat<T>,
    b: Mat<T>,
    beta: T::Computed,
    c: MatMut<T>,
    epilogue: &Epilogue<T>,
) {
    let product = Product { m, n, k, alpha, a, b, beta, c, epilogue: *epilogue };
    // SAFETY: guaranteed by the caller.
    unsafe { T::multiply(isa::isa(), &product) }
}

/// # Panics
/// As for [`gemm`].
fn problem_of<T: KernelElement, I>(
    m: usize,
    n: usize,
    k: usize,
    alpha: T,
    a: Mat<I>,
    b: Mat<I>,
    beta: T,
    c: MatMut<T>,
    epilogue: &Epilogue<T>,
) -> Problem<T, I> {
    let pointer = |bias: Option<&[T]>, len: usize, what: &str| {
        bias.map_or(std::ptr::null(), |bias| {
            assert!(bias.len() == len, "gemm: expected a bias for {len} {what}, got {} values", bias.len());
            bias.as_ptr()
        })
    };
    let bias_row = pointer(epilogue.bias_row, m, "rows");
    let bias_col = pointer(epilogue.bias_col, n, "columns");
    Problem { m, n, k, alpha, a, b, beta, c, bias_row, bias_col, clamp: epilogue.activation.limits() }
}

/// `batch` independent multiplications, see [`gemm`]: the `i`th uses `a + i * stride_a`, `b + i * stride_b` and
/// `c + i * stride_c`. A stride of 0 shares one matrix. Bias and activation are shared.
///
/// # Safety
/// As for [`gemm`], for each of them; no two of the C overlap.
///
/// # Panics
/// If a bias does not have as many elements as each C has columns (rows).
pub unsafe fn gemm_batched<T: GemmElement>(
    batch: usize,
    m: usize,
    n: usize,
    k: usize,
    alpha: T::Computed,
    a: Mat<T>,
    stride_a: isize,
    b: Mat<T>,
    stride_b: isize,
    beta: T::Computed,
    c: MatMut<T>,
    stride_c: isize,
    epilogue: &Epilogue<T>,
) {
    let isa = isa::isa();
    let shared = Shared(Product { m, n, k, alpha, a, b, beta, c, epilogue: *epilogue });
    let one = |i: usize| {
        let Shared(product) = { &shared };
        let i = i as isize;
        let product = Product {
            a: product.a.moved(i * stride_a),
            b: product.b.moved(i * stride_b),
            c: MatMut { ptr: product.c.ptr.wrapping_offset(i * stride_c), ..product.c },
            ..*product
        };
        // SAFETY: guaranteed by the caller.
        unsafe { T::multiply(isa, &product) }
    };
    let work = m.saturating_mul(n).saturating_mul(k);
    if work.saturating_mul(batch) < PARALLEL_MULTIPLY_ADDS || batch == 1 || batch < threads::num_threads() {
        (0..batch).for_each(one);
    } else {
        // Several small products per task: dispatching a task costs about as much as a tiny product.
        let group = (20_000 / work.max(1)).clamp(1, batch.div_ceil(4 * threads::num_threads()));
        threads::parallel_tasks(batch.div_ceil(group), |g| (g * group..batch.min((g + 1) * group)).for_each(one));
    }
}

/// The operands of tasks on several threads, each of which multiplies its own matrices.
struct Shared<'a, T: Stored>(Product<'a, T>);
// SAFETY: elements are `Send + Sync` (`Stored`), and tasks write disjoint ones.
unsafe impl<T: Stored> Sync for Shared<'_, T> {}

/// # Safety
/// As for [`gemm`].
unsafe fn run<T: KernelElement>(p: &Problem<T>, kernels: &'static Kernels<T>) {
    if p.m == 0 || p.n == 0 {
        return;
    }
    // SAFETY: guaranteed by the caller.
    unsafe {
        if p.n == 1 {
            gemv::run(p, kernels)
        } else if p.m == 1 {
            gemv::run(&p.t(), kernels)
        } else {
            blocked::run(p, kernels)
        }
    }
}
