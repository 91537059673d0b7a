//! Functions of floats, written so that the compiler can vectorize a loop over them: no branches, no tables, no calls.
//!
//! In `f32`, the functions that dominate the run time of networks have their own implementation. The others are
//! computed in `f64` and rounded once, which is both simple and nearly exact.

pub(crate) mod double;
pub(crate) mod single;

use std::ops::Rem;

use super::block::{each, each2, steps, steps2};
use crate::simd::Simd;

/// Above this, the range reduction of sine and cosine loses bits, and the standard library is used.
const REDUCIBLE: f32 = 1e6;

/// `f32` or `f64`, with what elementwise operations need in addition to [`crate::float::Float`].
pub(crate) trait Float: crate::float::Float + Default + Rem<Output = Self> {
    fn copysign(self, sign: Self) -> Self;
    fn floor(self) -> Self;
    fn ceil(self) -> Self;
    fn trunc(self) -> Self;
    fn round_ties_even(self) -> Self;
    fn tan(self) -> Self;
    fn asin(self) -> Self;
    fn acos(self) -> Self;
    fn atan(self) -> Self;
    fn sinh(self) -> Self;
    fn cosh(self) -> Self;
    fn asinh(self) -> Self;
    fn acosh(self) -> Self;
    fn atanh(self) -> Self;
    fn atan2(self, x: Self) -> Self;

    fn expm1<S: Simd>(self) -> Self;
    fn log<S: Simd>(self) -> Self;
    fn log1p<S: Simd>(self) -> Self;
    fn log2<S: Simd>(self) -> Self;
    fn log10<S: Simd>(self) -> Self;
    fn tanh<S: Simd>(self) -> Self;
    fn sigmoid<S: Simd>(self) -> Self;
    fn log_sigmoid<S: Simd>(self) -> Self;
    fn softplus<S: Simd>(self) -> Self;
    fn erf<S: Simd>(self) -> Self;
    fn erfc<S: Simd>(self) -> Self;
    fn gelu<S: Simd>(self) -> Self;
    /// The derivative of `gelu`.
    fn gelu_grad<S: Simd>(self) -> Self;

    /// Sine of `n` contiguous elements; the pointers must be valid for them.
    fn sin_block<S: Simd, const L: usize>(x: *const Self, out: *mut Self, n: usize);
    /// Cosine of `n` contiguous elements; the pointers must be valid for them.
    fn cos_block<S: Simd, const L: usize>(x: *const Self, out: *mut Self, n: usize);
    /// Powers of `n` contiguous elements; the pointers must be valid for them.
    fn pow_block<S: Simd, const L: usize>(a: *const Self, b: *const Self, out: *mut Self, n: usize);
    /// `n` contiguous elements to a constant power; the pointers must be valid for them.
    fn pow_scalar_block<S: Simd, const L: usize>(a: *const Self, b: Self, out: *mut Self, n: usize);
}

/// The methods that the standard library provides.
macro_rules! std_methods {
    ($t:ident) => {
        #[inline(always)]
        fn copysign(self, sign: $t) -> $t {
            <$t>::copysign(self, sign)
        }

        #[inline(always)]
        fn atan2(self, x: $t) -> $t {
            <$t>::atan2(self, x)
        }

        std_methods!(@one $t: floor ceil trunc round_ties_even tan asin acos atan sinh cosh asinh acosh atanh);
    };
    (@one $t:ident: $($name:ident)*) => {
        $(
            #[inline(always)]
            fn $name(self) -> $t {
                <$t>::$name(self)
            }
        )*
    };
}

/// The methods that a submodule provides as functions.
macro_rules! delegate {
    ($t:ident, $module:ident: $($name:ident)*) => {
        $(
            #[inline(always)]
            fn $name<S: Simd>(self) -> $t {
                $module::$name::<S>(self)
            }
        )*
    };
}

/// The methods of `f32` that are computed in `f64`.
macro_rules! widen {
    ($($name:ident)*) => {
        $(
            #[inline(always)]
            fn $name<S: Simd>(self) -> f32 {
                double::$name::<S>(self as f64) as f32
            }
        )*
    };
}

impl Float for f64 {
    std_methods!(f64);
    delegate!(f64, double: expm1 log log1p log2 log10 tanh sigmoid log_sigmoid softplus erf erfc gelu gelu_grad);

    #[inline(always)]
    fn sin_block<S: Simd, const L: usize>(x: *const f64, out: *mut f64, n: usize) {
        // SAFETY: guaranteed by the caller.
        unsafe { each(x, out, n, f64::sin) }
    }

    #[inline(always)]
    fn cos_block<S: Simd, const L: usize>(x: *const f64, out: *mut f64, n: usize) {
        // SAFETY: guaranteed by the caller.
        unsafe { each(x, out, n, f64::cos) }
    }

    #[inline(always)]
    fn pow_block<S: Simd, const L: usize>(a: *const f64, b: *const f64, out: *mut f64, n: usize) {
        // SAFETY: guaranteed by the caller.
        unsafe { each2(a, b, out, n, f64::powf) }
    }

    #[inline(always)]
    fn pow_scalar_block<S: Simd, const L: usize>(a: *const f64, b: f64, out: *mut f64, n: usize) {
        // SAFETY: guaranteed by the caller.
        unsafe { each(a, out, n, |a| a.powf(b)) }
    }
}

impl Float for f32 {
    std_methods!(f32);
    delegate!(f32, single: log log1p tanh sigmoid log_sigmoid softplus erf erfc gelu gelu_grad);
    widen!(expm1 log2 log10);

    #[inline(always)]
    fn sin_block<S: Simd, const L: usize>(x: *const f32, out: *mut f32, n: usize) {
        periodic::<L>(x, out, n, double::sin_reduced::<S>, f64::sin)
    }

    #[inline(always)]
    fn cos_block<S: Simd, const L: usize>(x: *const f32, out: *mut f32, n: usize) {
        periodic::<L>(x, out, n, double::cos_reduced::<S>, f64::cos)
    }

    #[inline(always)]
    fn pow_block<S: Simd, const L: usize>(a: *const f32, b: *const f32, out: *mut f32, n: usize) {
        // SAFETY: guaranteed by the caller.
        unsafe { steps2::<f32, L>(a, b, out, n, single::pow::<S>) }
    }

    #[inline(always)]
    fn pow_scalar_block<S: Simd, const L: usize>(a: *const f32, b: f32, out: *mut f32, n: usize) {
        // SAFETY: guaranteed by the caller.
        unsafe { steps::<f32, L>(a, out, n, |a| single::pow::<S>(a, b)) }
    }
}

/// A periodic function: `near` for arguments up to [`REDUCIBLE`], `far` for the others. The choice for an element
/// depends on that element alone, so that results do not depend on how the work was split.
#[inline(always)]
fn periodic<const L: usize>(x: *const f32, out: *mut f32, n: usize, near: impl Fn(f64) -> f64, far: fn(f64) -> f64) {
    const BLOCK: usize = 512;
    for start in (0..n).step_by(BLOCK) {
        let m = BLOCK.min(n - start);
        // SAFETY: guaranteed by the caller; `start + m <= n`.
        unsafe {
            let (x, out) = (x.add(start), out.add(start));
            let mut all_near = true;
            for i in 0..m {
                all_near &= (*x.add(i)).abs() <= REDUCIBLE;
            }
            if all_near {
                steps::<f32, L>(x, out, m, |x| near(x as f64) as f32);
            } else {
                each(x, out, m, |x| if x.abs() <= REDUCIBLE { near(x as f64) as f32 } else { far(x as f64) as f32 });
            }
        }
    }
}
