//! The functions of `f32` that have their own arithmetic, within 2 ulp. See `double` for the method.

use super::double;
use crate::simd::Simd;

/// ln 2 in two parts; products of the first with exponents are exact.
const LN_2_HI: f32 = 0.693_359_4;
const LN_2_LO: f32 = -2.121_944_4e-4;

/// Adding this to a number below 2^22 rounds it to an integer, whose low bits (plus 256) are then those of the sum.
const TO_INT: f32 = 12_582_912.0 + 256.0;

#[inline(always)]
fn fma<S: Simd>(a: f32, b: f32, c: f32) -> f32 {
    S::mul_add_f32(a, b, c)
}

/// `c[0] + c[1] x + c[2] x^2 + …`
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(x: f32, c: [f32; N]) -> f32 {
    let mut sum = c[N - 1];
    for i in (0..N - 1).rev() {
        sum = fma::<S>(sum, x, c[i]);
    }
    sum
}

#[inline(always)]
pub(super) fn exp<S: Simd>(x: f32) -> f32 {
    let x = if x < -105.0 { -105.0 } else { x };
    let x = if x > 89.0 { 89.0 } else { x };
    let shifted = fma::<S>(x, std::f32::consts::LOG2_E, TO_INT);
    let k = shifted - TO_INT;
    let r = fma::<S>(-k, LN_2_LO, fma::<S>(-k, LN_2_HI, x));
    // (exp(r) - 1 - r) / r^2 for |r| <= ln 2 / 2: 2^-28.3 of exp(r)
    let q = polynomial::<S, 5>(r, [0.5, 0.166_665_19, 0.041_666_204, 0.008_368_89, 0.001_395_059]);
    // 2^k as a product, because 2^k itself may be out of range where exp(x) is not.
    let biased = shifted.to_bits() & 0x1ff;
    let half = biased >> 1;
    let power = |k: u32| f32::from_bits(k.wrapping_sub(1) << 23);
    (1.0 + fma::<S>(r * r, q, r)) * power(half) * power(biased - half)
}

#[inline(always)]
pub(super) fn log<S: Simd>(x: f32) -> f32 {
    let subnormal = x < f32::MIN_POSITIVE;
    let bits = if subnormal { x * 16_777_216.0 } else { x }.to_bits();
    // x = m 2^k with m from sqrt(1/2) to sqrt(2)
    const SQRT_HALF: u32 = 0x3f35_04f3;
    let shifted = bits.wrapping_add(0x3f80_0000 - SQRT_HALF);
    let k = (shifted >> 23) as i32 - if subnormal { 127 + 24 } else { 127 };
    let f = f32::from_bits((shifted & 0x007f_ffff) + SQRT_HALF) - 1.0;
    // (log(1 + f) - f + f^2 / 2) / f^3: 2^-30.4
    let p = polynomial::<S, 9>(
        f,
        [
            0.333_333_1,
            -0.249_999_87,
            0.200_022_26,
            -0.166_692_51,
            0.142_186_61,
            -0.123_843_51,
            0.118_729_57,
            -0.117_897_913,
            0.069_153_93,
        ],
    );
    let square = f * f;
    let k = k as f32;
    let y = fma::<S>(k, LN_2_LO, square * fma::<S>(f, p, -0.5));
    let y = fma::<S>(k, LN_2_HI, f + y);
    let y = if x == f32::INFINITY { x } else { y };
    let y = if x == 0.0 { f32::NEG_INFINITY } else { y };
    if x >= 0.0 { y } else { f32::NAN }
}

#[inline(always)]
pub(super) fn tanh<S: Simd>(x: f32) -> f32 {
    let a = x.abs();
    let z = x * x;
    // (tanh(x) - x) / x^3 in x^2, for |x| <= 0.65: 2^-31.9
    let p = polynomial::<S, 6>(
        z,
        [-0.333_333_3, 0.133_331_58, -0.053_940_595, 0.021_666_483, -0.008_092_242, 0.002_064_873],
    );
    let small = fma::<S>(x * z, p, x);
    let large = 1.0 - 2.0 / (exp::<S>(2.0 * a) + 1.0);
    if a < 0.65 { small } else { large.copysign(x) }
}

#[inline(always)]
pub(super) fn sigmoid<S: Simd>(x: f32) -> f32 {
    let e = exp::<S>(-x.abs());
    let numerator = if x < 0.0 { e } else { 1.0 };
    numerator / (1.0 + e)
}

/// `a` to the power `b`, through `f64`: `|a|^b = exp(b log |a|)`, then the sign and the edges.
#[inline(always)]
pub(super) fn pow<S: Simd>(a: f32, b: f32) -> f32 {
    let magnitude = double::exp::<S>(b as f64 * double::log::<S>(a.abs() as f64)) as f32;
    let integral = b.trunc() == b;
    // Floats from 2^24 on are even integers.
    let half = b * 0.5;
    let odd = integral & (half.trunc() != half);
    let negative = a.is_sign_negative();
    let signed = if negative & odd { -magnitude } else { magnitude };
    let y = if (a < 0.0) & !integral & (a != f32::NEG_INFINITY) { f32::NAN } else { signed };
    // 1 to any power, anything to the power 0, and -1 to an infinite power are 1, nan or not.
    let one = (a == 1.0) | (b == 0.0) | ((a == -1.0) & b.is_infinite());
    if one { 1.0 } else { y }
}
