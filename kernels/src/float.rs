//! The two element types of the floating-point kernels, and what these need beyond operators.

use crate::simd::Simd;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// `f32` or `f64`.
pub trait Float:
    Copy
    + Send
    + Sync
    + Debug
    + PartialOrd
    + Add<Output = Self>
    + AddAssign
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + 'static
{
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// Minus infinity.
    const NEG_INFINITY: Self;
    /// Infinity.
    const INFINITY: Self;

    /// Rounds to this type.
    fn of(x: f64) -> Self;
    /// Widens, exactly.
    fn wide(self) -> f64;
    /// The square root, correctly rounded.
    fn sqrt(self) -> Self;
    /// `self * b + c`, in one rounding where the instruction set has it.
    fn mul_add<S: Simd>(self, b: Self, c: Self) -> Self;
    /// The exponential within 1 ulp (2 ulp without fused multiply-add), without branches so that loops over it vectorise.
    fn exp<S: Simd>(self) -> Self;

    /// The larger one, nan if either is.
    #[inline(always)]
    fn max_nan(self, other: Self) -> Self {
        // The second comparison is true for nan only; `other`'s nan falls through the first to the last case.
        #[allow(clippy::eq_op)]
        if self > other || self != self { self } else { other }
    }

    /// The smaller one, nan if either is.
    #[inline(always)]
    fn min_nan(self, other: Self) -> Self {
        #[allow(clippy::eq_op)]
        if self < other || self != self { self } else { other }
    }

    /// Whether this is nan.
    #[inline(always)]
    fn is_nan(self) -> bool {
        #[allow(clippy::eq_op)]
        {
            self != self
        }
    }
}

// Both exponentials write x = n·ln 2 + r with |r| <= ln 2 / 2, take a polynomial in r and multiply by 2^n. Adding MAGIC
// rounds to an integer whose two's complement then stands in the low bits of the mantissa. 2^n is applied in two halves
// because n reaches beyond the range of the exponent at both ends (infinity; subnormal results).

impl Float for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const NEG_INFINITY: Self = f32::NEG_INFINITY;
    const INFINITY: Self = f32::INFINITY;

    #[inline(always)]
    fn of(x: f64) -> Self {
        x as f32
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        self.into()
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        f32::sqrt(self)
    }

    #[inline(always)]
    fn mul_add<S: Simd>(self, b: Self, c: Self) -> Self {
        S::mul_add_f32(self, b, c)
    }

    #[inline(always)]
    fn exp<S: Simd>(self) -> Self {
        const MAGIC: f32 = 12_582_912.0; // 1.5 * 2^23
        const LN2_HI: f32 = 0.693_359_4; // 9 bits of ln 2, so that n * LN2_HI is exact
        const LN2_LO: f32 = -2.121_944_4e-4;
        // (e^r - 1 - r) / r², minimax over |r| <= ln 2 / 2
        const P: [f32; 5] = [0.499_999_94, 0.166_665_21, 0.041_668_39, 0.008_368_717, 0.001_381_46];
        // Comparisons this way round keep nan.
        let x = if self < -104.0 { -104.0 } else { self };
        let x = if x > 89.0 { 89.0 } else { x };
        let n = S::mul_add_f32(x, std::f32::consts::LOG2_E, MAGIC) - MAGIC;
        let r = S::mul_add_f32(n, -LN2_LO, S::mul_add_f32(n, -LN2_HI, x));
        let p = S::mul_add_f32(P[4], r, P[3]);
        let p = S::mul_add_f32(p, r, P[2]);
        let p = S::mul_add_f32(p, r, P[1]);
        let p = S::mul_add_f32(p, r, P[0]);
        let p = S::mul_add_f32(p, r * r, r) + 1.0;
        let half = n * 0.5 + MAGIC;
        let rest = n - (half - MAGIC) + MAGIC;
        let power = |bits: u32| f32::from_bits((bits << 23).wrapping_add(127 << 23));
        p * power(half.to_bits()) * power(rest.to_bits())
    }
}

impl Float for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const NEG_INFINITY: Self = f64::NEG_INFINITY;
    const INFINITY: Self = f64::INFINITY;

    #[inline(always)]
    fn of(x: f64) -> Self {
        x
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }

    #[inline(always)]
    fn mul_add<S: Simd>(self, b: Self, c: Self) -> Self {
        S::mul_add_f64(self, b, c)
    }

    #[inline(always)]
    fn exp<S: Simd>(self) -> Self {
        const MAGIC: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52
        const LN2_HI: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000); // the upper 32 bits of ln 2
        const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
        let x = if self < -746.0 { -746.0 } else { self };
        let x = if x > 710.0 { 710.0 } else { x };
        let n = S::mul_add_f64(x, std::f64::consts::LOG2_E, MAGIC) - MAGIC;
        let r = S::mul_add_f64(n, -LN2_LO, S::mul_add_f64(n, -LN2_HI, x));
        // Taylor: the first term left out is below 2^-57.
        let mut p = 1.0 / 6_227_020_800.0;
        for factorial in
            [479_001_600.0, 39_916_800.0, 3_628_800.0, 362_880.0, 40_320.0, 5_040.0, 720.0, 120.0, 24.0, 6.0, 2.0]
        {
            p = S::mul_add_f64(p, r, 1.0 / factorial);
        }
        let p = S::mul_add_f64(p, r * r, r) + 1.0;
        let half = n * 0.5 + MAGIC;
        let rest = n - (half - MAGIC) + MAGIC;
        let power = |bits: u64| f64::from_bits((bits << 52).wrapping_add(1023 << 52));
        p * power(half.to_bits()) * power(rest.to_bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::Isa;
    use crate::simd::{Kernel, dispatch};

    struct Exp<'a, T>(&'a [T], &'a mut [T]);
    impl<T: Float> Kernel for Exp<'_, T> {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self) {
            for (x, y) in self.0.iter().zip(self.1) {
                *y = x.exp::<S>();
            }
        }
    }

    #[test]
    fn exp_is_within_two_ulp() {
        for isa in Isa::available() {
            let x: Vec<f32> = (0..400_000).map(|i| -105.0 + i as f32 * (195.0 / 400_000.0)).collect();
            let mut y = vec![0.0; x.len()];
            dispatch(isa, Exp(&x, &mut y));
            for (x, y) in x.iter().zip(&y) {
                let want = (*x as f64).exp();
                let rounded = want as f32;
                if rounded.is_infinite() {
                    assert!(*y >= f32::MAX, "{isa:?} exp({x}) = {y}");
                } else {
                    let ulp = (rounded.next_up() - rounded) as f64;
                    assert!((*y as f64 - want).abs() <= 2.0 * ulp, "{isa:?} exp({x}) = {y:e}, not {want:e}");
                }
            }
            let x: Vec<f64> = (0..200_000).map(|i| -747.0 + i as f64 * (1457.0 / 200_000.0)).collect();
            let mut y = vec![0.0; x.len()];
            dispatch(isa, Exp(&x, &mut y));
            for (x, y) in x.iter().zip(&y) {
                let want = x.exp();
                if want.is_infinite() {
                    assert!(*y >= f64::MAX, "{isa:?} exp({x}) = {y}");
                } else {
                    assert!(
                        (y - want).abs() <= 2.0 * (want.next_up() - want),
                        "{isa:?} exp({x}) = {y:e}, not {want:e}"
                    );
                }
            }
        }
    }

    #[test]
    fn exp_of_special_values() {
        for isa in Isa::available() {
            let mut y = [0f32; 5];
            dispatch(isa, Exp(&[0.0, f32::NEG_INFINITY, f32::INFINITY, f32::NAN, -0.0], &mut y));
            assert!(y[0] == 1.0 && y[1] == 0.0 && y[2] == f32::INFINITY && y[3].is_nan() && y[4] == 1.0, "{y:?}");
            let mut y = [0f64; 5];
            dispatch(isa, Exp(&[0.0, f64::NEG_INFINITY, f64::INFINITY, f64::NAN, -0.0], &mut y));
            assert!(y[0] == 1.0 && y[1] == 0.0 && y[2] == f64::INFINITY && y[3].is_nan() && y[4] == 1.0, "{y:?}");
        }
    }
}
