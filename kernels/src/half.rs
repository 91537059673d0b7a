//! 16-bit floating-point numbers: storage types, widened to `f32` for arithmetic.

use crate::isa::Isa;
use crate::simd::Simd;
use std::cmp::Ordering;
use std::fmt;

/// An IEEE 754 binary16 number: 5 bits of exponent, 11 of precision. The field holds its bits.
#[derive(Clone, Copy, Default)]
#[repr(transparent)]
pub struct F16(pub u16);

/// A bfloat16 number, the upper half of an `f32`: 8 bits of exponent and of precision. The field holds its bits.
#[derive(Clone, Copy, Default)]
#[repr(transparent)]
pub struct Bf16(pub u16);

impl F16 {
    /// Rounds to nearest, ties to even; infinity from 65520 on.
    #[inline(always)]
    pub fn from_f32(x: f32) -> F16 {
        let bits = x.to_bits() & 0x7fff_ffff;
        // Adding 1/2 leaves multiples of 2^-24, the unit of subnormals, in the low bits.
        let subnormal = (f32::from_bits(bits) + 0.5).to_bits().wrapping_sub(0.5f32.to_bits());
        let normal = bits.wrapping_sub(112 << 23).wrapping_add(0xfff + (bits >> 13 & 1)) >> 13;
        let y = if bits < 113 << 23 { subnormal } else { normal };
        let y = if bits >= 0x477f_f000 { 0x7c00 } else { y };
        let y = if bits > 0x7f80_0000 { 0x7e00 | bits >> 13 & 0x3ff } else { y };
        F16((y | x.to_bits() >> 16 & 0x8000) as u16)
    }

    /// Converts exactly.
    #[inline(always)]
    pub fn to_f32(self) -> f32 {
        let bits = u32::from(self.0 & 0x7fff);
        let normal = f32::from_bits((bits << 13) + (112 << 23));
        let y = if bits < 0x400 { bits as f32 / 16_777_216.0 } else { normal };
        let y = if bits >= 0x7c00 { f32::from_bits(bits << 13 | 0x7f80_0000) } else { y };
        f32::from_bits(y.to_bits() | u32::from(self.0 & 0x8000) << 16)
    }

    /// `to[i] = from[i].to_f32()`, with the hardware conversion where available.
    ///
    /// # Safety
    /// The processor supports `S`. Both sides have `n` elements, and do not overlap.
    #[inline(always)]
    pub(crate) unsafe fn widen<S: Simd>(from: *const F16, to: *mut f32, n: usize) {
        let mut done = 0;
        #[cfg(target_arch = "x86_64")]
        if S::ISA == Isa::Avx512 {
            use std::arch::x86_64::{_mm256_loadu_si256, _mm512_cvtph_ps, _mm512_storeu_ps};
            while done + 16 <= n {
                // SAFETY: the processor supports the instructions; 16 elements are left.
                unsafe {
                    let x = _mm256_loadu_si256(from.add(done).cast());
                    _mm512_storeu_ps(to.add(done), _mm512_cvtph_ps(x));
                }
                done += 16;
            }
        } else if S::ISA == Isa::Avx2 {
            use std::arch::x86_64::{_mm_loadu_si128, _mm256_cvtph_ps, _mm256_storeu_ps};
            while done + 8 <= n {
                // SAFETY: the processor supports the instructions; 8 elements are left.
                unsafe {
                    let x = _mm_loadu_si128(from.add(done).cast());
                    _mm256_storeu_ps(to.add(done), _mm256_cvtph_ps(x));
                }
                done += 8;
            }
        }
        for i in done..n {
            // SAFETY: `i < n`.
            unsafe { to.add(i).write((*from.add(i)).to_f32()) };
        }
    }

    /// `to[i] = F16::from_f32(from[i])`, with the hardware conversion where available.
    ///
    /// # Safety
    /// As for [`widen`](Self::widen).
    #[inline(always)]
    pub(crate) unsafe fn narrow<S: Simd>(from: *const f32, to: *mut F16, n: usize) {
        let mut done = 0;
        #[cfg(target_arch = "x86_64")]
        if S::ISA == Isa::Avx512 {
            use std::arch::x86_64::{_MM_FROUND_TO_NEAREST_INT, _mm256_storeu_si256, _mm512_cvtps_ph, _mm512_loadu_ps};
            while done + 16 <= n {
                // SAFETY: the processor supports the instructions; 16 elements are left.
                unsafe {
                    let y = _mm512_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(_mm512_loadu_ps(from.add(done)));
                    _mm256_storeu_si256(to.add(done).cast(), y);
                }
                done += 16;
            }
        } else if S::ISA == Isa::Avx2 {
            use std::arch::x86_64::{_MM_FROUND_TO_NEAREST_INT, _mm_storeu_si128, _mm256_cvtps_ph, _mm256_loadu_ps};
            while done + 8 <= n {
                // SAFETY: the processor supports the instructions; 8 elements are left.
                unsafe {
                    let y = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(_mm256_loadu_ps(from.add(done)));
                    _mm_storeu_si128(to.add(done).cast(), y);
                }
                done += 8;
            }
        }
        for i in done..n {
            // SAFETY: `i < n`.
            unsafe { to.add(i).write(F16::from_f32(*from.add(i))) };
        }
    }
}

impl Bf16 {
    /// Rounds to nearest, ties to even.
    #[inline(always)]
    pub fn from_f32(x: f32) -> Bf16 {
        let bits = x.to_bits();
        let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
        #[allow(clippy::eq_op)]
        let y = if x != x { bits >> 16 | 0x40 } else { rounded };
        Bf16(y as u16)
    }

    /// Converts exactly.
    #[inline(always)]
    pub fn to_f32(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }
}

/// The common traits of both types.
macro_rules! number {
    ($t:ident) => {
        impl PartialEq for $t {
            #[inline(always)]
            fn eq(&self, other: &$t) -> bool {
                self.to_f32() == other.to_f32()
            }
        }

        impl PartialOrd for $t {
            #[inline(always)]
            fn partial_cmp(&self, other: &$t) -> Option<Ordering> {
                self.to_f32().partial_cmp(&other.to_f32())
            }
        }

        impl From<$t> for f32 {
            #[inline(always)]
            fn from(x: $t) -> f32 {
                x.to_f32()
            }
        }

        impl From<$t> for f64 {
            #[inline(always)]
            fn from(x: $t) -> f64 {
                x.to_f32().into()
            }
        }

        impl fmt::Debug for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.to_f32(), f)
            }
        }

        impl fmt::Display for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.to_f32(), f)
            }
        }
    };
}
number!(F16);
number!(Bf16);
