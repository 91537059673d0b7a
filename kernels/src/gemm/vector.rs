//! Vector registers as a type, so that one micro-kernel serves all instruction sets and element types.

use super::KernelElement;
use crate::isa::{self, Isa};
pub(crate) use crate::simd::finish_streaming;

/// A register of [`LANES`](Vector::LANES) elements.
///
/// All methods are `unsafe` because those for x86-64 may only run where the processor supports the instruction set,
/// which [`dispatch`] and the tables of [`super::kernel`] guarantee; those that take a pointer need `LANES` valid
/// elements there, the masked ones as many as the mask has. They are `#[inline(always)]`: inside a function with the
/// right target features each becomes one instruction.
#[allow(clippy::missing_safety_doc)]
pub(crate) trait Vector: Copy {
    /// The type of a lane.
    type Elem: KernelElement;
    /// The lanes that a masked access touches: a prefix.
    type Mask: Copy;
    /// Number of lanes.
    const LANES: usize;

    unsafe fn splat(x: Self::Elem) -> Self;
    /// The mask of the first `n` lanes, 0 to `LANES`.
    unsafe fn mask(n: usize) -> Self::Mask;
    unsafe fn load(p: *const Self::Elem) -> Self;
    /// Lanes outside the mask are zero, and their memory is not accessed.
    unsafe fn load_masked(p: *const Self::Elem, mask: Self::Mask) -> Self;
    unsafe fn store(self, p: *mut Self::Elem);
    unsafe fn store_masked(self, p: *mut Self::Elem, mask: Self::Mask);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    /// `self * b + c`
    unsafe fn mul_add(self, b: Self, c: Self) -> Self;
    /// A step of the inner dimension: adds the products of `self` and `b` to `acc`.
    #[inline(always)]
    unsafe fn step(self, b: Self, acc: Self) -> Self {
        // SAFETY: guaranteed by the caller.
        unsafe { self.mul_add(b, acc) }
    }
    /// Non-temporal store, to an address aligned to the register's size.
    unsafe fn stream(self, p: *mut Self::Elem) {
        // SAFETY: guaranteed by the caller.
        unsafe { self.store(p) }
    }
    /// Prefetches the cache line at `p`, which may be any address.
    unsafe fn prefetch(_p: *const Self::Elem) {}
    /// Clamps every lane to `lo..=hi`; NaN stays NaN.
    unsafe fn clamp(self, lo: Self, hi: Self) -> Self;
}

/// `N` elements in plain Rust, which the compiler maps to the registers of the target.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Lanes<T, const N: usize>([T; N]);

impl<T: KernelElement, const N: usize> Vector for Lanes<T, N> {
    type Elem = T;
    type Mask = usize;
    const LANES: usize = N;

    #[inline(always)]
    unsafe fn splat(x: T) -> Self {
        Self([x; N])
    }

    #[inline(always)]
    unsafe fn mask(n: usize) -> usize {
        n
    }

    #[inline(always)]
    unsafe fn load(p: *const T) -> Self {
        // SAFETY: the caller guarantees N elements; the read needs no alignment beyond T's.
        unsafe { p.cast::<Self>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load_masked(p: *const T, mask: usize) -> Self {
        if mask == N {
            // SAFETY: all N elements are inside the mask.
            return unsafe { Self::load(p) };
        }
        let mut lanes = [T::ZERO; N];
        for i in 0..N {
            if i < mask {
                // SAFETY: the caller guarantees the elements inside the mask.
                lanes[i] = unsafe { *p.add(i) };
            }
        }
        Self(lanes)
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut T) {
        // SAFETY: the caller guarantees N elements.
        unsafe { p.cast::<Self>().write_unaligned(self) }
    }

    #[inline(always)]
    unsafe fn store_masked(self, p: *mut T, mask: usize) {
        if mask == N {
            // SAFETY: all N elements are inside the mask.
            return unsafe { self.store(p) };
        }
        for i in 0..N {
            if i < mask {
                // SAFETY: the caller guarantees the elements inside the mask.
                unsafe { *p.add(i) = self.0[i] };
            }
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        let mut lanes = self.0;
        for i in 0..N {
            lanes[i] = lanes[i].add(other.0[i]);
        }
        Self(lanes)
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        let mut lanes = self.0;
        for i in 0..N {
            lanes[i] = lanes[i].mul(other.0[i]);
        }
        Self(lanes)
    }

    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        let mut lanes = self.0;
        for i in 0..N {
            lanes[i] = lanes[i].mul(b.0[i]).add(c.0[i]);
        }
        Self(lanes)
    }

    #[inline(always)]
    unsafe fn clamp(self, lo: Self, hi: Self) -> Self {
        let mut lanes = self.0;
        for i in 0..N {
            lanes[i] = lanes[i].clamp_to(lo.0[i], hi.0[i]);
        }
        Self(lanes)
    }
}

/// The registers of an element type, for each instruction set.
pub(crate) trait Registers: Sized {
    /// In plain Rust.
    type Portable: Vector<Elem = Self>;
    /// For AVX2.
    type Avx2: Vector<Elem = Self>;
    /// For AVX-512.
    type Avx512: Vector<Elem = Self>;
}

/// A computation on vector registers, to be compiled for every instruction set.
pub(crate) trait VectorKernel {
    /// The element type.
    type Elem: KernelElement;

    /// Runs the computation. Implementations are `#[inline(always)]`, and so is everything they call in a loop; they
    /// pass no registers to closures, which would be compiled without the instruction set and then not be inlined.
    ///
    /// # Safety
    /// The processor supports the instructions of `V`, and the requirements of the computation itself hold.
    unsafe fn run<V: Vector<Elem = Self::Elem>>(self);
}

/// Runs `kernel`, compiled for `isa`, or for the best instruction set that the processor supports if that is lower.
///
/// # Safety
/// The requirements of the computation hold.
#[inline(always)]
pub(crate) unsafe fn dispatch<K: VectorKernel>(isa: Isa, kernel: K) {
    // SAFETY: `isa` was limited to what the processor supports; the rest is guaranteed by the caller.
    unsafe {
        match isa.min(isa::detected()) {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => run_avx512(kernel),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => run_avx2(kernel),
            _ => kernel.run::<<K::Elem as Registers>::Portable>(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn run_avx2<K: VectorKernel>(kernel: K) {
    // SAFETY: the same contract.
    unsafe { kernel.run::<<K::Elem as Registers>::Avx2>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn run_avx512<K: VectorKernel>(kernel: K) {
    // SAFETY: the same contract.
    unsafe { kernel.run::<<K::Elem as Registers>::Avx512>() }
}

macro_rules! registers {
    ($t:ident, $portable:ty, $avx2:ident, $avx512:ident) => {
        impl Registers for $t {
            type Portable = $portable;
            #[cfg(target_arch = "x86_64")]
            type Avx2 = $avx2;
            #[cfg(target_arch = "x86_64")]
            type Avx512 = $avx512;
            #[cfg(not(target_arch = "x86_64"))]
            type Avx2 = $portable;
            #[cfg(not(target_arch = "x86_64"))]
            type Avx512 = $portable;
        }
    };
}
registers!(f32, Lanes<f32, 8>, F32x8, F32x16);
registers!(f64, Lanes<f64, 4>, F64x4, F64x8);

// Integer products are not performance-critical: autovectorized plain loops are sufficient.
impl Registers for i64 {
    type Portable = Lanes<i64, 4>;
    type Avx2 = Lanes<i64, 4>;
    type Avx512 = Lanes<i64, 4>;
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::*;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Vector;
    use std::arch::x86_64::*;

    macro_rules! vector {
        (
            $(#[$doc:meta])* $name:ident($reg:ident), $elem:ident, $lanes:literal,
            mask $mask:ident = |$k:ident| $make_mask:expr,
            $set1:ident $loadu:ident $storeu:ident $stream:ident $add:ident $mul:ident $fmadd:ident $min:ident $max:ident,
            |$p:ident, $m:ident| $maskload:expr, |$q:ident, $n:ident, $v:ident| $maskstore:expr
        ) => {
            $(#[$doc])*
            #[derive(Clone, Copy)]
            #[repr(transparent)]
            pub(crate) struct $name($reg);

            // SAFETY (of every block below): the trait's contract: the processor supports the instructions, and the
            // pointers are valid for the elements that are accessed.
            #[allow(clippy::undocumented_unsafe_blocks)]
            impl Vector for $name {
                type Elem = $elem;
                type Mask = $mask;
                const LANES: usize = $lanes;

                #[inline(always)]
                unsafe fn splat(x: $elem) -> Self {
                    unsafe { Self($set1(x)) }
                }
                #[inline(always)]
                unsafe fn mask($k: usize) -> $mask {
                    #[allow(unused_unsafe)]
                    unsafe { $make_mask }
                }
                #[inline(always)]
                unsafe fn load(p: *const $elem) -> Self {
                    unsafe { Self($loadu(p)) }
                }
                #[inline(always)]
                unsafe fn load_masked($p: *const $elem, $m: $mask) -> Self {
                    unsafe { Self($maskload) }
                }
                #[inline(always)]
                unsafe fn store(self, p: *mut $elem) {
                    unsafe { $storeu(p, self.0) }
                }
                #[inline(always)]
                unsafe fn store_masked(self, $q: *mut $elem, $n: $mask) {
                    let $v = self.0;
                    unsafe { $maskstore }
                }
                #[inline(always)]
                unsafe fn add(self, other: Self) -> Self {
                    unsafe { Self($add(self.0, other.0)) }
                }
                #[inline(always)]
                unsafe fn mul(self, other: Self) -> Self {
                    unsafe { Self($mul(self.0, other.0)) }
                }
                #[inline(always)]
                unsafe fn mul_add(self, b: Self, c: Self) -> Self {
                    unsafe { Self($fmadd(self.0, b.0, c.0)) }
                }
                #[inline(always)]
                unsafe fn stream(self, p: *mut $elem) {
                    unsafe { $stream(p, self.0) }
                }
                #[inline(always)]
                unsafe fn prefetch(p: *const $elem) {
                    unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
                }
                #[inline(always)]
                unsafe fn clamp(self, lo: Self, hi: Self) -> Self {
                    // These instructions return their second operand if one is NaN.
                    unsafe { Self($min(hi.0, $max(lo.0, self.0))) }
                }
            }
        };
    }

    vector!(
        /// 16 f32 in an AVX-512 register.
        F32x16(__m512), f32, 16,
        mask __mmask16 = |k| ((1u32 << k) - 1) as __mmask16,
        _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_stream_ps _mm512_add_ps _mm512_mul_ps _mm512_fmadd_ps _mm512_min_ps
        _mm512_max_ps,
        |p, m| _mm512_maskz_loadu_ps(m, p), |q, n, v| _mm512_mask_storeu_ps(q, n, v)
    );
    vector!(
        /// 8 f64 in an AVX-512 register.
        F64x8(__m512d), f64, 8,
        mask __mmask8 = |k| ((1u32 << k) - 1) as __mmask8,
        _mm512_set1_pd _mm512_loadu_pd _mm512_storeu_pd _mm512_stream_pd _mm512_add_pd _mm512_mul_pd _mm512_fmadd_pd _mm512_min_pd
        _mm512_max_pd,
        |p, m| _mm512_maskz_loadu_pd(m, p), |q, n, v| _mm512_mask_storeu_pd(q, n, v)
    );
    vector!(
        /// 8 f32 in an AVX register.
        F32x8(__m256), f32, 8,
        mask __m256i = |k| _mm256_cmpgt_epi32(_mm256_set1_epi32(k as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)),
        _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_stream_ps _mm256_add_ps _mm256_mul_ps _mm256_fmadd_ps _mm256_min_ps
        _mm256_max_ps,
        |p, m| _mm256_maskload_ps(p, m), |q, n, v| _mm256_maskstore_ps(q, n, v)
    );
    vector!(
        /// 4 f64 in an AVX register.
        F64x4(__m256d), f64, 4,
        mask __m256i = |k| _mm256_cmpgt_epi64(_mm256_set1_epi64x(k as i64), _mm256_setr_epi64x(0, 1, 2, 3)),
        _mm256_set1_pd _mm256_loadu_pd _mm256_storeu_pd _mm256_stream_pd _mm256_add_pd _mm256_mul_pd _mm256_fmadd_pd _mm256_min_pd
        _mm256_max_pd,
        |p, m| _mm256_maskload_pd(p, m), |q, n, v| _mm256_maskstore_pd(q, n, v)
    );

    /// 16 accumulators in f32 in an AVX-512 register, or, as factors, 16 pairs of bf16, each in the lane of an f32.
    #[derive(Clone, Copy)]
    #[repr(transparent)]
    pub(crate) struct Bf16x32(F32x16);

    // SAFETY (of every block below): the trait's contract, as above.
    #[allow(clippy::undocumented_unsafe_blocks)]
    impl Vector for Bf16x32 {
        type Elem = f32;
        type Mask = __mmask16;
        const LANES: usize = 16;

        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            unsafe { Self(F32x16::splat(x)) }
        }
        #[inline(always)]
        unsafe fn mask(n: usize) -> __mmask16 {
            unsafe { F32x16::mask(n) }
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> Self {
            unsafe { Self(F32x16::load(p)) }
        }
        #[inline(always)]
        unsafe fn load_masked(p: *const f32, mask: __mmask16) -> Self {
            unsafe { Self(F32x16::load_masked(p, mask)) }
        }
        #[inline(always)]
        unsafe fn store(self, p: *mut f32) {
            unsafe { self.0.store(p) }
        }
        #[inline(always)]
        unsafe fn store_masked(self, p: *mut f32, mask: __mmask16) {
            unsafe { self.0.store_masked(p, mask) }
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            unsafe { Self(self.0.add(other.0)) }
        }
        #[inline(always)]
        unsafe fn mul(self, other: Self) -> Self {
            unsafe { Self(self.0.mul(other.0)) }
        }
        #[inline(always)]
        unsafe fn mul_add(self, b: Self, c: Self) -> Self {
            unsafe { Self(self.0.mul_add(b.0, c.0)) }
        }
        #[inline(always)]
        unsafe fn step(self, b: Self, acc: Self) -> Self {
            unsafe {
                let pairs = |x: Self| std::mem::transmute::<__m512, __m512bh>(x.0.0);
                let (a, b) = (pairs(self), pairs(b));
                Self(F32x16(_mm512_dpbf16_ps(acc.0.0, a, b)))
            }
        }
        #[inline(always)]
        unsafe fn prefetch(p: *const f32) {
            unsafe { F32x16::prefetch(p) }
        }
        #[inline(always)]
        unsafe fn clamp(self, lo: Self, hi: Self) -> Self {
            unsafe { Self(self.0.clamp(lo.0, hi.0)) }
        }
    }
}
