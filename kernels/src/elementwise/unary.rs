//! Operations on one operand.

use super::Error;
use super::block::{each, map, steps};
use super::math::Float;
use super::ops::UnaryOp;
use crate::simd::{Kernel, Simd, wide};

/// [`UnaryOp`] on contiguous floats.
pub(super) struct UnaryFloat<T, const L: usize> {
    pub(super) op: UnaryOp,
    pub(super) x: *const T,
    pub(super) out: *mut T,
    pub(super) n: usize,
}

impl<T: Float, const L: usize> Kernel for UnaryFloat<T, L> {
    type Output = Result<(), Error>;
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) -> Result<(), Error> {
        let UnaryFloat { op, x, out, n } = self;
        macro_rules! map {
            ($f:expr) => {
                // SAFETY: the creator of this kernel guarantees `n` elements at each pointer.
                unsafe { map(x, out, n, $f) }
            };
        }
        macro_rules! steps {
            ($f:expr) => {
                // SAFETY: as above.
                unsafe { steps::<T, L>(x, out, n, $f) }
            };
        }
        macro_rules! each {
            ($f:expr) => {
                // SAFETY: as above.
                unsafe { each(x, out, n, $f) }
            };
        }
        let c = T::of;
        let (zero, one) = (c(0.0), c(1.0));
        match op {
            UnaryOp::Neg => map!(|x| -x),
            UnaryOp::Abs => map!(T::abs),
            UnaryOp::Sign => map!(|x: T| {
                let positive = if x > zero { one } else { zero };
                if x < zero { -one } else { positive }
            }),
            UnaryOp::Square => map!(|x| x * x),
            UnaryOp::Sqrt => map!(T::sqrt),
            UnaryOp::Rsqrt => map!(|x: T| one / x.sqrt()),
            UnaryOp::Reciprocal => map!(|x| one / x),
            UnaryOp::Exp => steps!(T::exp::<S>),
            UnaryOp::Expm1 => steps!(T::expm1::<S>),
            UnaryOp::Log => steps!(T::log::<S>),
            UnaryOp::Log1p => steps!(T::log1p::<S>),
            UnaryOp::Log2 => steps!(T::log2::<S>),
            UnaryOp::Log10 => steps!(T::log10::<S>),
            UnaryOp::Sin => T::sin_block::<S, L>(x, out, n),
            UnaryOp::Cos => T::cos_block::<S, L>(x, out, n),
            UnaryOp::Tan => each!(T::tan),
            UnaryOp::Asin => each!(T::asin),
            UnaryOp::Acos => each!(T::acos),
            UnaryOp::Atan => each!(T::atan),
            UnaryOp::Sinh => each!(T::sinh),
            UnaryOp::Cosh => each!(T::cosh),
            UnaryOp::Tanh => steps!(T::tanh::<S>),
            UnaryOp::Asinh => each!(T::asinh),
            UnaryOp::Acosh => each!(T::acosh),
            UnaryOp::Atanh => each!(T::atanh),
            UnaryOp::Erf => steps!(T::erf::<S>),
            UnaryOp::Erfc => steps!(T::erfc::<S>),
            UnaryOp::Floor => map!(T::floor),
            UnaryOp::Ceil => map!(T::ceil),
            UnaryOp::Round => map!(T::round_ties_even),
            UnaryOp::Trunc => map!(T::trunc),
            UnaryOp::Frac => map!(|x: T| x - x.trunc()),
            UnaryOp::PowScalar(3.0) => map!(|x| x * x * x),
            UnaryOp::PowScalar(-2.0) => map!(|x| one / (x * x)),
            UnaryOp::PowScalar(exponent) => T::pow_scalar_block::<S, L>(x, c(exponent), out, n),
            UnaryOp::Clamp { min, max } => {
                let (min, max) = (c(min), c(max));
                map!(|x: T| x.max_nan(min).min_nan(max))
            }
            UnaryOp::Relu => map!(|x| if x < zero { zero } else { x }),
            UnaryOp::LeakyRelu(slope) => {
                let slope = c(slope);
                map!(|x| if x > zero { x } else { x * slope })
            }
            UnaryOp::Elu { alpha, scale, input_scale } => {
                let (negative, positive, inner) = (c(alpha) * c(scale), c(scale), c(input_scale));
                steps!(|x: T| if x <= zero { (x * inner).expm1::<S>() * negative } else { x * positive })
            }
            UnaryOp::Sigmoid => steps!(T::sigmoid::<S>),
            UnaryOp::LogSigmoid => steps!(T::log_sigmoid::<S>),
            UnaryOp::Silu => steps!(|x: T| x * x.sigmoid::<S>()),
            UnaryOp::Gelu => steps!(T::gelu::<S>),
            UnaryOp::GeluTanh => steps!(|x: T| {
                let inner = c(0.797_884_560_802_865_4) * (x + c(0.044715) * x * x * x);
                c(0.5) * x * (one + inner.tanh::<S>())
            }),
            UnaryOp::Softplus { beta, threshold } => {
                let (beta, threshold) = (c(beta), c(threshold));
                steps!(|x: T| {
                    let z = x * beta;
                    if z > threshold { x } else { z.softplus::<S>() / beta }
                })
            }
            UnaryOp::Mish => steps!(|x: T| x * x.softplus::<S>().tanh::<S>()),
            UnaryOp::HardSigmoid => map!(|x: T| (x + c(3.0)).max_nan(zero).min_nan(c(6.0)) / c(6.0)),
            UnaryOp::HardSwish => map!(|x: T| x * (x + c(3.0)).max_nan(zero).min_nan(c(6.0)) / c(6.0)),
            UnaryOp::Softsign => map!(|x: T| x / (one + x.abs())),
            UnaryOp::Threshold { threshold, value } => {
                let (threshold, value) = (c(threshold), c(value));
                map!(|x| if x <= threshold { value } else { x })
            }
            UnaryOp::Not | UnaryOp::ClampInt { .. } | UnaryOp::PowInt(_) => return Err(Error::Unsupported),
        }
        Ok(())
    }
}

/// [`UnaryOp`] on contiguous integers.
pub(super) struct UnaryInt<T, const L: usize> {
    pub(super) op: UnaryOp,
    pub(super) x: *const T,
    pub(super) out: *mut T,
    pub(super) n: usize,
}

impl<const L: usize> Kernel for UnaryInt<i64, L> {
    type Output = Result<(), Error>;
    const AVX512: bool = false;

    #[inline(always)]
    fn run<S: Simd>(self) -> Result<(), Error> {
        let UnaryInt { op, x, out, n } = self;
        macro_rules! map {
            ($f:expr) => {
                // SAFETY: the creator of this kernel guarantees `n` elements at each pointer.
                unsafe { map(x, out, n, $f) }
            };
        }
        match op {
            UnaryOp::Neg => map!(i64::wrapping_neg),
            UnaryOp::Abs => map!(i64::wrapping_abs),
            UnaryOp::Sign => map!(i64::signum),
            UnaryOp::Square => map!(|x| x.wrapping_mul(x)),
            UnaryOp::Not => map!(|x| !x),
            UnaryOp::Relu => map!(|x| if x < 0 { 0 } else { x }),
            UnaryOp::ClampInt { min, max } => map!(|x| {
                let x = if x < min { min } else { x };
                if x > max { max } else { x }
            }),
            UnaryOp::Floor | UnaryOp::Ceil | UnaryOp::Round | UnaryOp::Trunc => map!(|x| x),
            // SAFETY: as above.
            UnaryOp::PowInt(exponent) => unsafe { each(x, out, n, |x| pow_wrapping(x, exponent)) },
            _ => return Err(Error::Unsupported),
        }
        Ok(())
    }
}

/// `base` to the power `exponent`, modulo 2^64.
pub(super) fn pow_wrapping(mut base: i64, mut exponent: u64) -> i64 {
    let mut power = 1i64;
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = power.wrapping_mul(base);
        }
        base = base.wrapping_mul(base);
        exponent >>= 1;
    }
    power
}

/// [`UnaryOp`] on contiguous booleans.
pub(super) struct UnaryBool<T, const L: usize> {
    pub(super) op: UnaryOp,
    pub(super) x: *const T,
    pub(super) out: *mut T,
    pub(super) n: usize,
}

impl<const L: usize> Kernel for UnaryBool<bool, L> {
    type Output = Result<(), Error>;
    const AVX512: bool = false;

    #[inline(always)]
    fn run<S: Simd>(self) -> Result<(), Error> {
        let UnaryBool { op, x, out, n } = self;
        // SAFETY: the creator of this kernel guarantees `n` elements at each pointer.
        unsafe {
            match op {
                UnaryOp::Not => map(x, out, n, |x| !x),
                UnaryOp::Sign => map(x, out, n, |x| x),
                _ => return Err(Error::Unsupported),
            }
        }
        Ok(())
    }
}
