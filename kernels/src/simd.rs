//! One kernel body, compiled once per instruction set.
//!
//! A kernel is a struct that holds its arguments and implements [`Kernel`]. [`dispatch`] calls its `run` inside a
//! function compiled with the target features of the selected instruction set; `run` is `#[inline(always)]`, so its
//! plain loops are vectorized with the widest available registers. Where the sets differ in more than width, `run`
//! queries its type parameter: a fused multiply-add exists from AVX2 on.

use crate::isa::{self, Isa};

/// The instruction set that a kernel body is being compiled for.
pub trait Simd: Copy + Send + Sync + 'static {
    /// The instruction set itself.
    const ISA: Isa;
    /// Whether multiply-adds are fused.
    const FUSED: bool;

    /// `a * b + c`, rounded once where the processor has a fused multiply-add, otherwise twice.
    fn mul_add_f32(a: f32, b: f32, c: f32) -> f32;

    /// `a * b + c`, rounded once where the processor has a fused multiply-add, otherwise twice.
    fn mul_add_f64(a: f64, b: f64, c: f64) -> f64;

    /// Copies whole cache lines with non-temporal stores, where the processor has them; `to` is aligned to a line. Must
    /// be followed by [`finish_streaming`] before another thread reads the lines.
    ///
    /// # Safety
    /// The processor supports the instruction set. Both sides have `lines` times [`LINE`] bytes, and do not overlap.
    unsafe fn stream(from: *const u8, to: *mut u8, lines: usize);
}

/// Bytes of a cache line.
pub(crate) const LINE: usize = 64;

/// Prefetches the cache line at `p`, which may be any address.
#[inline(always)]
pub(crate) fn prefetch<T>(p: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: any address may be prefetched; all x86-64 processors have the instruction.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(p.cast())
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}

/// Orders non-temporal stores before all later stores of this thread.
#[inline]
pub(crate) fn finish_streaming() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: all x86-64 processors have the instruction.
    unsafe {
        std::arch::x86_64::_mm_sfence()
    }
}

/// See [`Isa::Portable`].
#[derive(Clone, Copy)]
pub struct Portable;
/// See [`Isa::Avx2`].
#[derive(Clone, Copy)]
pub struct Avx2;
/// See [`Isa::Avx512`].
#[derive(Clone, Copy)]
pub struct Avx512;

impl Simd for Portable {
    const ISA: Isa = Isa::Portable;
    const FUSED: bool = false;

    #[inline(always)]
    fn mul_add_f32(a: f32, b: f32, c: f32) -> f32 {
        a * b + c
    }

    #[inline(always)]
    fn mul_add_f64(a: f64, b: f64, c: f64) -> f64 {
        a * b + c
    }

    #[inline(always)]
    unsafe fn stream(from: *const u8, to: *mut u8, lines: usize) {
        // SAFETY: guaranteed by the caller.
        unsafe { from.copy_to_nonoverlapping(to, lines * LINE) }
    }
}

macro_rules! fused {
    ($set:ident, |$from:ident, $to:ident| $line:expr) => {
        impl Simd for $set {
            const ISA: Isa = Isa::$set;
            const FUSED: bool = true;

            #[inline(always)]
            fn mul_add_f32(a: f32, b: f32, c: f32) -> f32 {
                a.mul_add(b, c)
            }

            #[inline(always)]
            fn mul_add_f64(a: f64, b: f64, c: f64) -> f64 {
                a.mul_add(b, c)
            }

            #[inline(always)]
            unsafe fn stream(from: *const u8, to: *mut u8, lines: usize) {
                for line in 0..lines {
                    // SAFETY: guaranteed by the caller.
                    unsafe {
                        let ($from, $to) = (from.add(line * LINE), to.add(line * LINE));
                        $line
                    }
                }
            }
        }
    };
}
fused!(Avx2, |from, to| {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_mm256_loadu_si256, _mm256_stream_si256};
        let (low, high) = (_mm256_loadu_si256(from.cast()), _mm256_loadu_si256(from.add(LINE / 2).cast()));
        _mm256_stream_si256(to.cast(), low);
        _mm256_stream_si256(to.add(LINE / 2).cast(), high);
    }
    #[cfg(not(target_arch = "x86_64"))]
    from.copy_to_nonoverlapping(to, LINE)
});
fused!(Avx512, |from, to| {
    #[cfg(target_arch = "x86_64")]
    std::arch::x86_64::_mm512_stream_si512(to.cast(), std::arch::x86_64::_mm512_loadu_si512(from.cast()));
    #[cfg(not(target_arch = "x86_64"))]
    from.copy_to_nonoverlapping(to, LINE)
});

/// A computation to be compiled for every instruction set.
pub trait Kernel {
    /// The result.
    type Output;

    /// Whether the kernel is compiled for [`Isa::Avx2`]. Otherwise the portable body is used: a body that is rarely
    /// used, or fast enough, should not add to the build time.
    const AVX2: bool = true;

    /// Whether the kernel is compiled for [`Isa::Avx512`]. Otherwise the body for [`Isa::Avx2`] is used.
    const AVX512: bool = true;

    /// Runs the computation. Implementations are `#[inline(always)]`, and so is everything they call in a loop.
    fn run<S: Simd>(self) -> Self::Output;
}

/// Whether kernels of `T` are compiled for the widest registers, see [`Kernel::AVX512`]: only `f32`, the type that
/// networks use.
pub(crate) const fn wide<T>() -> bool {
    size_of::<T>() == size_of::<f32>()
}

/// Runs `kernel`, compiled for `isa`, or for the best instruction set that the processor supports if that is lower.
#[inline(always)]
pub fn dispatch<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    {
        let isa = isa.min(isa::detected());
        // The constants are tested first: if one is false, nothing is compiled.
        if K::AVX512 && isa == Isa::Avx512 {
            // SAFETY: `isa` was limited to what the processor supports.
            return unsafe { kernel.run_avx512() };
        }
        if K::AVX2 && isa >= Isa::Avx2 {
            // SAFETY: as above.
            return unsafe { kernel.run_avx2() };
        }
    }
    let _ = isa;
    kernel.run_portable()
}

/// The three bodies of a kernel. Methods of the kernel rather than functions: the compiler then places them in the
/// kernel's codegen unit, and a change to one kernel does not recompile the others.
trait Bodies: Kernel {
    fn run_portable(self) -> Self::Output;

    /// # Safety
    /// The processor supports the instruction set.
    #[cfg(target_arch = "x86_64")]
    unsafe fn run_avx2(self) -> Self::Output;

    /// # Safety
    /// The processor supports the instruction set.
    #[cfg(target_arch = "x86_64")]
    unsafe fn run_avx512(self) -> Self::Output;
}

impl<K: Kernel> Bodies for K {
    // Not inlined, so that all callers share one body.
    #[inline(never)]
    fn run_portable(self) -> Self::Output {
        self.run::<Portable>()
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma,f16c,bmi1,bmi2,lzcnt,popcnt")]
    unsafe fn run_avx2(self) -> Self::Output {
        self.run::<Avx2>()
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,bmi1,bmi2,lzcnt,popcnt")]
    unsafe fn run_avx512(self) -> Self::Output {
        self.run::<Avx512>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Axpy<'a>(f32, &'a [f32], &'a mut [f32]);

    impl Kernel for Axpy<'_> {
        type Output = Isa;

        #[inline(always)]
        fn run<S: Simd>(self) -> Isa {
            for (x, y) in self.1.iter().zip(self.2) {
                *y = S::mul_add_f32(self.0, *x, *y);
            }
            S::ISA
        }
    }

    #[test]
    fn every_instruction_set_runs_its_own_body() {
        let x: Vec<f32> = (0..1000).map(|i| i as f32).collect();
        for isa in Isa::available() {
            let mut y = vec![1.0; 1000];
            assert_eq!(dispatch(isa, Axpy(2.0, &x, &mut y)), isa);
            assert!(y.iter().enumerate().all(|(i, &y)| y == 2.0 * i as f32 + 1.0));
        }
    }
}
