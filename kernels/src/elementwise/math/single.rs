//! The functions of `f32` that have their own implementation, within 2 ulp. See `double` for the method.

use super::double;
use crate::simd::Simd;

/// ln 2 as a sum of two constants; products of the first with exponents are exact.
const LN_2_HI: f32 = 0.693_359_4;
const LN_2_LO: f32 = -2.121_944_4e-4;

/// Adding this to a value below 2^22 rounds it to an integer, whose low bits (plus 256) are then those of the sum.
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

/// `(p, bits)` with `exp(x) = p 2^k`, where p is from 0.7 to 1.42 and the low nine bits of `bits` are those of `k + 256`,
/// for x from -105 to 89.
#[inline(always)]
fn exp_parts<S: Simd>(x: f32) -> (f32, u32) {
    let shifted = fma::<S>(x, std::f32::consts::LOG2_E, TO_INT);
    let k = shifted - TO_INT;
    let r = fma::<S>(-k, LN_2_LO, fma::<S>(-k, LN_2_HI, x));
    // (exp(r) - 1 - r) / r^2 for |r| <= ln 2 / 2
    let q = polynomial::<S, 5>(r, [0.499_999_94, 0.166_665_21, 0.041_668_39, 0.008_368_717, 0.001_381_46]);
    let p = if S::FUSED {
        1.0 + fma::<S>(r * r, q, r)
    } else {
        // 1 + r + r^2 q, corrected by the rounding error of the first sum: without the correction the extra roundings
        // cost too much accuracy.
        let sum = 1.0 + r;
        sum + (r * r * q + (r - (sum - 1.0)))
    };
    (p, shifted.to_bits())
}

#[inline(always)]
pub(crate) fn exp<S: Simd>(x: f32) -> f32 {
    let x = if x < -105.0 { -105.0 } else { x };
    let (p, bits) = exp_parts::<S>(if x > 89.0 { 89.0 } else { x });
    // 2^k as a product, because 2^k itself may be out of range where exp(x) is not.
    let biased = bits & 0x1ff;
    let half = biased >> 1;
    let power = |k: u32| f32::from_bits(k.wrapping_sub(1) << 23);
    p * power(half) * power(biased - half)
}

/// [`exp`] of nonpositive values (or NaN), in fewer instructions.
#[inline(always)]
pub(crate) fn exp_not_positive<S: Simd>(x: f32) -> f32 {
    let (p, bits) = exp_parts::<S>(if x < -105.0 { -105.0 } else { x });
    // 2^(k + 64), which is in range, and 2^-64.
    let power = f32::from_bits((bits << 23).wrapping_sub((256 - 64 - 127) << 23));
    p * power * f32::from_bits((127 - 64) << 23)
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
            -0.117_897_91,
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
    if a < 0.65 { small } else { large }.copysign(x)
}

#[inline(always)]
pub(super) fn sigmoid<S: Simd>(x: f32) -> f32 {
    let e = exp_not_positive::<S>(-x.abs());
    let numerator = if x < 0.0 { e } else { 1.0 };
    // To first order, the rounding error of the sum.
    let sum = 1.0 + e;
    let lost = e - (sum - 1.0);
    let y = numerator / sum;
    fma::<S>(-y, lost, y)
}

#[inline(always)]
pub(super) fn log1p<S: Simd>(x: f32) -> f32 {
    let u = 1.0 + x;
    let lost = if x > 1.0 { 1.0 - (u - x) } else { x - (u - 1.0) };
    // For zero or infinite u the logarithm is already correct.
    let correction = if (u > 0.0) & (u < f32::INFINITY) { lost / u } else { 0.0 };
    let y = log::<S>(u) + correction;
    if x == 0.0 { x } else { y }
}

/// `log(1 + exp(x))`
#[inline(always)]
pub(super) fn softplus<S: Simd>(x: f32) -> f32 {
    let positive = if x < 0.0 { 0.0 } else { x };
    positive + log1p::<S>(exp_not_positive::<S>(-x.abs()))
}

#[inline(always)]
pub(super) fn log_sigmoid<S: Simd>(x: f32) -> f32 {
    -softplus::<S>(-x)
}

/// `erf(x) / x - 1` in `x^2`, for |x| <= 1: 2^-29.7 of `erf(x)`
const ERF: [f32; 7] =
    [0.128_379_17, -0.376_126_27, 0.112_836, -0.026_854_444, 0.005_189_534_6, -0.000_802_083_4, 7.889_095e-5];

/// `exp(x^2) erfc(x) (1 + 2x)` in `(x - 3) / (x + 3)`, for x from 0.95 to 10.5: 2^-31.7
const ERFC: [f32; 10] = [
    1.253_008_1,
    -0.135_621_1,
    -0.047_562_234,
    0.129_645_05,
    -0.119_275_4,
    0.068_310_33,
    -0.023_753_034,
    0.002_509_101_2,
    0.001_816_772_1,
    -0.000_698_589_83,
];

/// `(erf(x), erfc(|x|))`, the first accurate for |x| <= 1, the second for |x| >= 0.95.
#[inline(always)]
fn erf_parts<S: Simd>(x: f32) -> (f32, f32) {
    let small = fma::<S>(x, polynomial::<S, 7>(x * x, ERF), x);
    let a = x.abs();
    let a = if a > 10.5 { 10.5 } else { a };
    let q = polynomial::<S, 10>((a - 3.0) / (a + 3.0), ERFC) / (1.0 + 2.0 * a);
    // exp(-a^2), with `a` split into a short leading part and the rest; otherwise the rounding error of the square
    // would be amplified.
    let top = f32::from_bits(a.to_bits() & 0xffff_f000);
    let rest = (top - a) * (top + a);
    let tail = rest * polynomial::<S, 4>(rest, [1.0, 0.5, 0.166_666_67, 0.041_666_67]);
    (small, exp_not_positive::<S>(-top * top) * fma::<S>(q, tail, q))
}

#[inline(always)]
pub(super) fn erf<S: Simd>(x: f32) -> f32 {
    let (small, complement) = erf_parts::<S>(x);
    if x.abs() < 1.0 { small } else { (1.0 - complement).copysign(x) }
}

#[inline(always)]
pub(super) fn erfc<S: Simd>(x: f32) -> f32 {
    let (small, complement) = erf_parts::<S>(x);
    let large = if x < 0.0 { 2.0 - complement } else { complement };
    if x.abs() < 1.0 { 1.0 - small } else { large }
}

/// `x Phi(x)`, computed from erfc, so that nothing cancels for negative x.
#[inline(always)]
pub(super) fn gelu<S: Simd>(x: f32) -> f32 {
    0.5 * x * erfc::<S>(-x * std::f32::consts::FRAC_1_SQRT_2)
}

/// The derivative of [`gelu`]: `Phi(x) + x phi(x)`.
#[inline(always)]
pub(super) fn gelu_grad<S: Simd>(x: f32) -> f32 {
    const FRAC_1_SQRT_2PI: f32 = 0.398_942_3;
    let density = FRAC_1_SQRT_2PI * exp_not_positive::<S>(-0.5 * x * x);
    fma::<S>(x, density, 0.5 * erfc::<S>(-x * std::f32::consts::FRAC_1_SQRT_2))
}

/// `a` to the power `b`, computed in `f64`: `|a|^b = exp(b log |a|)`, then the sign and the special cases.
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
    // 1 to any power, anything to the power 0, and -1 to an infinite power are 1, NaN or not.
    let one = (a == 1.0) | (b == 0.0) | ((a == -1.0) & b.is_infinite());
    if one { 1.0 } else { y }
}
