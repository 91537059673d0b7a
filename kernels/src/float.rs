//! The two element types of the floating-point kernels, and the operations that these need beyond operators.

use crate::elementwise::math::{double, single};
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
    /// Converts to `f64`, exactly.
    fn wide(self) -> f64;
    /// The square root, correctly rounded.
    fn sqrt(self) -> Self;
    /// The absolute value.
    fn abs(self) -> Self;
    /// `self * b + c`, with a single rounding where the instruction set has a fused multiply-add.
    fn mul_add<S: Simd>(self, b: Self, c: Self) -> Self;
    /// The exponential within 1 ulp (2 ulp in `f64`), without branches so that loops over it vectorize.
    fn exp<S: Simd>(self) -> Self;
    /// [`exp`](Self::exp) of a nonpositive value (or NaN), in fewer instructions. The result for others is unspecified.
    fn exp_not_positive<S: Simd>(self) -> Self;

    /// The maximum, NaN if either is NaN.
    #[inline(always)]
    fn max_nan(self, other: Self) -> Self {
        // The second comparison is true for NaN only; a NaN in `other` falls through to the last case.
        #[allow(clippy::eq_op)]
        if self > other || self != self { self } else { other }
    }

    /// The minimum, NaN if either is NaN.
    #[inline(always)]
    fn min_nan(self, other: Self) -> Self {
        #[allow(clippy::eq_op)]
        if self < other || self != self { self } else { other }
    }

    /// Whether this is NaN.
    #[inline(always)]
    fn is_nan(self) -> bool {
        #[allow(clippy::eq_op)]
        {
            self != self
        }
    }
}

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
    fn abs(self) -> Self {
        f32::abs(self)
    }

    #[inline(always)]
    fn mul_add<S: Simd>(self, b: Self, c: Self) -> Self {
        S::mul_add_f32(self, b, c)
    }

    #[inline(always)]
    fn exp<S: Simd>(self) -> Self {
        single::exp::<S>(self)
    }

    #[inline(always)]
    fn exp_not_positive<S: Simd>(self) -> Self {
        single::exp_not_positive::<S>(self)
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
    fn abs(self) -> Self {
        f64::abs(self)
    }

    #[inline(always)]
    fn mul_add<S: Simd>(self, b: Self, c: Self) -> Self {
        S::mul_add_f64(self, b, c)
    }

    #[inline(always)]
    fn exp<S: Simd>(self) -> Self {
        double::exp::<S>(self)
    }

    #[inline(always)]
    fn exp_not_positive<S: Simd>(self) -> Self {
        double::exp_not_positive::<S>(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
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
