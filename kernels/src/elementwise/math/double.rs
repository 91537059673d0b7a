//! Functions of `f64`, within 2 ulp.
//!
//! The polynomials are minimax approximations, each annotated with its relative error; they were computed by `fit.py`.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI, LOG2_E, LOG10_E};

use crate::simd::Simd;

/// ln 2 as a sum of two constants; products of the first with integers up to 2^20 are exact.
const LN_2_HI: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
const LN_2_LO: f64 = 1.908_214_929_270_587_7e-10;

/// Adding this to a value below 2^51 rounds it to an integer, whose low bits (plus 2048) are then those of the sum.
const TO_INT: f64 = 6_755_399_441_055_744.0 + 2048.0;

#[inline(always)]
fn fma<S: Simd>(a: f64, b: f64, c: f64) -> f64 {
    S::mul_add_f64(a, b, c)
}

/// `c[0] + c[1] x + c[2] x^2 + …`
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(x: f64, c: [f64; N]) -> f64 {
    let mut sum = c[N - 1];
    for i in (0..N - 1).rev() {
        sum = fma::<S>(sum, x, c[i]);
    }
    sum
}

/// `(p, bits)` with `exp(x) = (1 + p) 2^k`, where `|p| < 0.42` and the low twelve bits of `bits` are those of `k + 2048`,
/// for x from -746 to 711.
#[inline(always)]
fn exp_parts<S: Simd>(x: f64) -> (f64, u64) {
    let shifted = fma::<S>(x, LOG2_E, TO_INT);
    let k = shifted - TO_INT;
    let r = fma::<S>(-k, LN_2_LO, fma::<S>(-k, LN_2_HI, x));
    // (exp(r) - 1 - r) / r^2 for |r| <= ln 2 / 2: 2^-55.6
    let q = polynomial::<S, 10>(
        r,
        [
            0.500_000_000_000_000_6,
            0.166_666_666_666_666_67,
            0.041_666_666_666_571_25,
            0.008_333_333_333_331_352,
            0.001_388_888_893_314_777_7,
            0.000_198_412_698_566_446_25,
            2.480_150_351_451_474e-5,
            2.755_727_835_806_861e-6,
            2.762_670_198_179_304e-7,
            2.509_570_544_109_941_5e-8,
        ],
    );
    (fma::<S>(r * r, q, r), shifted.to_bits())
}

/// 2^k from the result of [`exp_parts`], as a product, because 2^k itself may be out of range where exp(x) is not.
#[inline(always)]
fn halves(bits: u64) -> (f64, f64) {
    let biased = bits & 0xfff;
    let half = biased >> 1;
    let power = |k: u64| f64::from_bits(k.wrapping_sub(1) << 52);
    (power(half), power(biased - half))
}

#[inline(always)]
fn clamp(x: f64, low: f64, high: f64) -> f64 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

#[inline(always)]
pub(crate) fn exp<S: Simd>(x: f64) -> f64 {
    let (p, bits) = exp_parts::<S>(clamp(x, -746.0, 710.0));
    let (a, b) = halves(bits);
    (1.0 + p) * a * b
}

/// [`exp`] of nonpositive values (or NaN), in fewer instructions.
#[inline(always)]
pub(crate) fn exp_not_positive<S: Simd>(x: f64) -> f64 {
    let (p, bits) = exp_parts::<S>(if x < -746.0 { -746.0 } else { x });
    // 2^(k + 512), which is in range, and 2^-512.
    let power = f64::from_bits((bits << 52).wrapping_sub((2048 - 512 - 1023) << 52));
    (1.0 + p) * power * f64::from_bits((1023 - 512) << 52)
}

#[inline(always)]
pub(super) fn expm1<S: Simd>(x: f64) -> f64 {
    let (p, bits) = exp_parts::<S>(clamp(x, -746.0, 710.0));
    let (a, b) = halves(bits);
    let scale = a * b;
    let near = fma::<S>(scale, p, scale - 1.0);
    let y = if x > 40.0 { (1.0 + p) * a * b } else { near };
    if x == 0.0 { x } else { y }
}

/// `(k, log m)` with `x = m 2^k` and `m` from sqrt(1/2) to sqrt(2), for finite x > 0; the second as a sum of two
/// values.
#[inline(always)]
fn log_parts<S: Simd>(x: f64) -> (f64, f64, f64) {
    let subnormal = x < f64::MIN_POSITIVE;
    let bits = if subnormal { x * 18_014_398_509_481_984.0 } else { x }.to_bits();
    const SQRT_HALF: u64 = 0x3fe6_a09e_0000_0000;
    let shifted = bits.wrapping_add(0x3ff0_0000_0000_0000 - SQRT_HALF);
    // The exponent as a float: inserted into the low mantissa bits of 2^52.
    let exponent = f64::from_bits(0x4330_0000_0000_0000 | shifted >> 52) - (4_503_599_627_370_496.0 + 1023.0);
    let k = if subnormal { exponent - 54.0 } else { exponent };
    let f = f64::from_bits((shifted & 0x000f_ffff_ffff_ffff) + SQRT_HALF) - 1.0;
    // log(1 + f) = 2 atanh(s) = f - s (f - r), arranged so that the leading f stays exact.
    let s = f / (2.0 + f);
    let z = s * s;
    // (2 atanh(s) - 2 s) / s^3 in z = s^2: 2^-58.5
    let r = z * polynomial::<S, 7>(
        z,
        [
            0.666_666_666_666_673,
            0.399_999_999_994_365_65,
            0.285_714_287_382_480_57,
            0.222_221_989_481_573_03,
            0.181_835_467_136_325_6,
            0.153_144_644_289_389_38,
            0.147_921_013_838_984,
        ],
    );
    let half_square = 0.5 * f * f;
    (k, f, s * (half_square + r) - half_square)
}

/// The values of a logarithm at and below zero, at infinity and for NaN; `y` elsewhere.
#[inline(always)]
fn log_edges(x: f64, y: f64) -> f64 {
    let y = if x == f64::INFINITY { x } else { y };
    let y = if x == 0.0 { f64::NEG_INFINITY } else { y };
    if x >= 0.0 { y } else { f64::NAN }
}

#[inline(always)]
pub(super) fn log<S: Simd>(x: f64) -> f64 {
    let (k, hi, lo) = log_parts::<S>(x);
    log_edges(x, fma::<S>(k, LN_2_HI, hi + fma::<S>(k, LN_2_LO, lo)))
}

#[inline(always)]
pub(super) fn log2<S: Simd>(x: f64) -> f64 {
    let (k, hi, lo) = log_parts::<S>(x);
    log_edges(x, fma::<S>(hi + lo, LOG2_E, k))
}

#[inline(always)]
pub(super) fn log10<S: Simd>(x: f64) -> f64 {
    // log10(2) as a sum of two constants; products of the first with exponents are exact.
    const LOG10_2_HI: f64 = f64::from_bits(0x3fd3_4413_509f_6000);
    const LOG10_2_LO: f64 = 3.694_239_077_158_931e-13;
    let (k, hi, lo) = log_parts::<S>(x);
    log_edges(x, fma::<S>(k, LOG10_2_HI, fma::<S>(hi + lo, LOG10_E, k * LOG10_2_LO)))
}

#[inline(always)]
pub(super) fn log1p<S: Simd>(x: f64) -> f64 {
    let u = 1.0 + x;
    // The rounding error of the sum, to first order.
    let lost = if x > 1.0 { 1.0 - (u - x) } else { x - (u - 1.0) };
    let (k, hi, lo) = log_parts::<S>(u);
    let y = fma::<S>(k, LN_2_HI, hi + (lo + fma::<S>(k, LN_2_LO, lost / u)));
    let y = log_edges(u, y);
    if x == 0.0 { x } else { y }
}

#[inline(always)]
pub(super) fn tanh<S: Simd>(x: f64) -> f64 {
    let e = expm1::<S>(2.0 * clamp(x.abs(), 0.0, 22.0));
    // To first order, the rounding error of the sum where it is near 2.
    let sum = e + 2.0;
    let lost = if e < 1.0 { 0.5 * (e - (sum - 2.0)) } else { 0.0 };
    let y = e / sum;
    fma::<S>(-y, lost, y).copysign(x)
}

#[inline(always)]
pub(super) fn sigmoid<S: Simd>(x: f64) -> f64 {
    let e = exp_not_positive::<S>(-x.abs());
    let numerator = if x < 0.0 { e } else { 1.0 };
    // To first order, the rounding error of the sum.
    let sum = 1.0 + e;
    let lost = e - (sum - 1.0);
    let y = numerator / sum;
    fma::<S>(-y, lost, y)
}

/// `log(1 + exp(x))`
#[inline(always)]
pub(super) fn softplus<S: Simd>(x: f64) -> f64 {
    let positive = if x < 0.0 { 0.0 } else { x };
    positive + log1p::<S>(exp_not_positive::<S>(-x.abs()))
}

#[inline(always)]
pub(super) fn log_sigmoid<S: Simd>(x: f64) -> f64 {
    -softplus::<S>(-x)
}

/// `erf(x) / x - 1` in `x^2`, for |x| <= 1: 2^-57.0 of `erf(x)`
const ERF: [f64; 12] = [
    0.128_379_167_095_512_6,
    -0.376_126_389_031_835_5,
    0.112_837_916_709_452_52,
    -0.026_866_170_643_276_073,
    0.005_223_977_607_422_503,
    -0.000_854_832_598_966_141_6,
    0.000_120_552_953_197_305_84,
    -1.492_474_465_356_765e-5,
    1.644_751_760_949_944_5e-6,
    -1.620_917_573_192_300_8e-7,
    1.372_297_677_079_881_6e-8,
    -7.801_191_888_341_914e-10,
];

/// `exp(x^2) erfc(x) (1 + 2x)` in `(x - 4) / (x + 4)`, for x from 0.95 to 28: 2^-59.2
const ERFC: [f64; 21] = [
    1.232_995_118_625_552_5,
    -0.139_621_116_840_562_5,
    0.015_379_652_102_620_93,
    0.068_097_054_254_691_94,
    -0.101_039_066_036_396_75,
    0.093_732_834_998_397_18,
    -0.066_330_365_809_399_21,
    0.037_167_515_535_961_98,
    -0.016_197_734_101_865_384,
    0.005_031_970_004_966_288,
    -0.000_757_772_889_785_884_9,
    -0.000_199_256_977_595_647_04,
    0.000_150_619_467_874_634_67,
    -2.439_739_514_070_115e-5,
    -1.121_445_994_127_970_2e-5,
    5.702_496_031_839_005e-6,
    2.782_506_530_911_233_6e-7,
    -8.080_338_949_940_506e-7,
    9.175_279_470_421_844e-8,
    8.670_281_804_752_87e-8,
    -2.453_698_565_886_088_5e-8,
];

/// `(erf(x), erfc(|x|))`, the first accurate for |x| <= 1, the second for |x| >= 0.95.
#[inline(always)]
fn erf_parts<S: Simd>(x: f64) -> (f64, f64) {
    let small = fma::<S>(x, polynomial::<S, 12>(x * x, ERF), x);
    let a = clamp(x.abs(), 0.0, 28.0);
    let q = polynomial::<S, 21>((a - 4.0) / (a + 4.0), ERFC) / (1.0 + 2.0 * a);
    // exp(-a^2), with `a` split into a short leading part and the rest; otherwise the rounding error of the square
    // would be amplified.
    let top = f64::from_bits(a.to_bits() & 0xffff_ffff_0000_0000);
    let rest = (top - a) * (top + a);
    (small, exp_not_positive::<S>(-top * top) * fma::<S>(q, expm1_tiny(rest), q))
}

/// `exp(x) - 1` for |x| < 2^-10.
#[inline(always)]
fn expm1_tiny(x: f64) -> f64 {
    x + x * x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0)))
}

#[inline(always)]
pub(super) fn erf<S: Simd>(x: f64) -> f64 {
    let (small, complement) = erf_parts::<S>(x);
    if x.abs() < 1.0 { small } else { (1.0 - complement).copysign(x) }
}

#[inline(always)]
pub(super) fn erfc<S: Simd>(x: f64) -> f64 {
    let (small, complement) = erf_parts::<S>(x);
    let large = if x < 0.0 { 2.0 - complement } else { complement };
    if x.abs() < 1.0 { 1.0 - small } else { large }
}

/// `x Phi(x)`, computed from erfc, so that nothing cancels for negative x.
#[inline(always)]
pub(super) fn gelu<S: Simd>(x: f64) -> f64 {
    0.5 * x * erfc::<S>(-x * FRAC_1_SQRT_2)
}

/// The derivative of [`gelu`]: `Phi(x) + x phi(x)`.
#[inline(always)]
pub(super) fn gelu_grad<S: Simd>(x: f64) -> f64 {
    const FRAC_1_SQRT_2PI: f64 = 0.398_942_280_401_432_7;
    let density = FRAC_1_SQRT_2PI * exp_not_positive::<S>(-0.5 * x * x);
    fma::<S>(x, density, 0.5 * erfc::<S>(-x * FRAC_1_SQRT_2))
}

/// `(n mod 4, r)` with `x = n pi/2 + r` and |r| at most slightly more than pi/4, for |x| up to 2^20.
#[inline(always)]
fn reduce<S: Simd>(x: f64) -> (u64, f64) {
    // pi/2 as a sum of three constants; products of the first two with integers up to 2^20 are exact.
    const P1: f64 = f64::from_bits(0x3ff9_21fb_5440_0000);
    const P2: f64 = f64::from_bits(0x3dd0_b461_1a60_0000);
    const P3: f64 = f64::from_bits(0x3ba3_198a_2e03_7073);
    let shifted = fma::<S>(x, FRAC_2_PI, TO_INT);
    let n = shifted - TO_INT;
    let r = fma::<S>(-n, P3, fma::<S>(-n, P2, fma::<S>(-n, P1, x)));
    (shifted.to_bits(), r)
}

/// `(sin r, cos r)` for |r| <= pi/4, to 2^-36.
#[inline(always)]
fn sin_cos<S: Simd>(r: f64) -> (f64, f64) {
    let z = r * r;
    // (sin(r) - r) / r^3 and (cos(r) - 1 + r^2/2) / r^4 in r^2: 2^-37.6 and 2^-43.1
    let s = polynomial::<S, 4>(
        z,
        [-0.166_666_666_417_588_47, 0.008_333_329_393_537_914, -0.000_198_393_359_053_625_6, 2.718_313_102_364_575e-6],
    );
    let c = polynomial::<S, 4>(
        z,
        [0.041_666_666_624_082_98, -0.001_388_888_383_800_186, 2.479_953_812_419_144e-5, -2.721_148_324_182_388_7e-7],
    );
    // r (1 + z s) and not r + r z s, which would lose the sign of -0.
    (r * fma::<S>(z, s, 1.0), fma::<S>(z * z, c, fma::<S>(z, -0.5, 1.0)))
}

/// Sine to 2^-36, sufficient for a result in `f32`, for |x| up to 2^20.
#[inline(always)]
pub(super) fn sin_reduced<S: Simd>(x: f64) -> f64 {
    let (n, r) = reduce::<S>(x);
    let (sin, cos) = sin_cos::<S>(r);
    let y = if n & 1 == 0 { sin } else { cos };
    f64::from_bits(y.to_bits() ^ (n & 2) << 62)
}

/// Cosine to 2^-36, sufficient for a result in `f32`, for |x| up to 2^20.
#[inline(always)]
pub(super) fn cos_reduced<S: Simd>(x: f64) -> f64 {
    let (n, r) = reduce::<S>(x);
    let (sin, cos) = sin_cos::<S>(r);
    let y = if n & 1 == 0 { cos } else { sin };
    f64::from_bits(y.to_bits() ^ (n.wrapping_add(1) & 2) << 62)
}
