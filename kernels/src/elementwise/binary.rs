//! Operations on two and three operands: arithmetic, activation gradients, comparison, selection.

use super::Error;
use super::block::{each2, map2, map3, steps2};
use super::math::Float;
use super::ops::{BinaryOp, CompareOp, GradOp};
use crate::isa::Isa;
use crate::simd::{Kernel, Simd, dispatch, wide};

/// [`BinaryOp`] on contiguous floats.
pub(super) struct BinaryFloat<T, const L: usize> {
    pub(super) op: BinaryOp,
    pub(super) a: *const T,
    pub(super) b: *const T,
    pub(super) out: *mut T,
    pub(super) n: usize,
}

impl<T: Float, const L: usize> Kernel for BinaryFloat<T, L> {
    type Output = Result<(), Error>;
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) -> Result<(), Error> {
        let BinaryFloat { op, a, b, out, n } = self;
        macro_rules! map {
            ($f:expr) => {
                // SAFETY: the creator of this kernel guarantees `n` elements at each pointer.
                unsafe { map2(a, b, out, n, $f) }
            };
        }
        macro_rules! each {
            ($f:expr) => {
                // SAFETY: as above.
                unsafe { each2(a, b, out, n, $f) }
            };
        }
        let zero = T::of(0.0);
        match op {
            BinaryOp::Add => map!(|a, b| a + b),
            BinaryOp::Sub => map!(|a, b| a - b),
            BinaryOp::Mul => map!(|a, b| a * b),
            BinaryOp::Div => map!(|a, b| a / b),
            BinaryOp::Pow => T::pow_block::<S, L>(a, b, out, n),
            BinaryOp::Maximum => map!(T::max_nan),
            BinaryOp::Minimum => map!(T::min_nan),
            BinaryOp::Fmax => map!(|a: T, b: T| if b.is_nan() || a > b { a } else { b }),
            BinaryOp::Fmin => map!(|a: T, b: T| if b.is_nan() || a < b { a } else { b }),
            BinaryOp::Remainder => each!(|a, b| {
                let m = a % b;
                if m != zero && (b < zero) != (m < zero) { m + b } else { m }
            }),
            BinaryOp::Fmod => each!(|a, b| a % b),
            BinaryOp::FloorDivide => each!(floor_divide),
            BinaryOp::Atan2 => each!(T::atan2),
            BinaryOp::AddScaled(alpha) => {
                let alpha = T::of(alpha);
                map!(|a, b| T::mul_add::<S>(alpha, b, a))
            }
            BinaryOp::LerpScalar(weight) => {
                let weight = T::of(weight);
                map!(|a, b| lerp::<T, S>(a, b, weight))
            }
            BinaryOp::AddRelu => map!(|a, b| {
                let sum = a + b;
                if sum <= zero { zero } else { sum }
            }),
            BinaryOp::Prelu => map!(|a, b| if a > zero { a } else { a * b }),
            BinaryOp::And | BinaryOp::Or | BinaryOp::Xor | BinaryOp::AddScaledInt(_) => return Err(Error::Unsupported),
        }
        Ok(())
    }
}

/// Division rounded to minus infinity, computed from the exact remainder: `1.0 // 0.1` is 9.
fn floor_divide<T: Float>(a: T, b: T) -> T {
    let (zero, one) = (T::of(0.0), T::of(1.0));
    if b == zero {
        return a / b;
    }
    let m = a % b;
    let mut quotient = (a - m) / b;
    if m != zero && (b < zero) != (m < zero) {
        quotient = quotient - one;
    }
    if quotient == zero {
        return zero.copysign(a / b);
    }
    let floor = quotient.floor();
    if quotient - floor > T::of(0.5) { floor + one } else { floor }
}

/// Interpolates from the nearer end, so that the result is exact at both ends.
#[inline(always)]
fn lerp<T: Float, S: Simd>(a: T, b: T, weight: T) -> T {
    let (d, one) = (b - a, T::of(1.0));
    let near = weight.abs() < T::of(0.5);
    let (w, from) = if near { (weight, a) } else { (weight - one, b) };
    T::mul_add::<S>(w, d, from)
}

/// [`GradOp`] on contiguous floats.
pub(super) struct GradFloat<T, const L: usize> {
    pub(super) op: GradOp,
    pub(super) g: *const T,
    pub(super) x: *const T,
    pub(super) out: *mut T,
    pub(super) n: usize,
}

impl<T: Float, const L: usize> Kernel for GradFloat<T, L> {
    type Output = Result<(), Error>;
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) -> Result<(), Error> {
        let GradFloat { op, g, x, out, n } = self;
        macro_rules! map {
            ($f:expr) => {
                // SAFETY: the creator of this kernel guarantees `n` elements at each pointer.
                unsafe { map2(g, x, out, n, $f) }
            };
        }
        macro_rules! steps {
            ($f:expr) => {
                // SAFETY: as above.
                unsafe { steps2::<T, L>(g, x, out, n, $f) }
            };
        }
        let (zero, one) = (T::of(0.0), T::of(1.0));
        match op {
            GradOp::Relu => map!(|g, y| if y <= zero { zero } else { g }),
            GradOp::Clamp { min, max } => {
                let (min, max) = (T::of(min), T::of(max));
                map!(|g, x| {
                    let g = if x <= min { zero } else { g };
                    if x >= max { zero } else { g }
                })
            }
            GradOp::LeakyRelu(slope) => {
                let slope = T::of(slope);
                map!(|g, x| if x > zero { g } else { g * slope })
            }
            GradOp::Sigmoid => map!(|g, y| g * (one - y) * y),
            GradOp::Tanh => map!(|g, y| g * (one - y * y)),
            GradOp::Silu => steps!(|g: T, x: T| {
                let s = x.sigmoid::<S>();
                g * s * (one + x * (one - s))
            }),
            GradOp::Gelu => steps!(|g: T, x: T| g * x.gelu_grad::<S>()),
        }
        Ok(())
    }
}

/// [`BinaryOp`] on contiguous integers.
pub(super) struct BinaryInt<T, const L: usize> {
    pub(super) op: BinaryOp,
    pub(super) a: *const T,
    pub(super) b: *const T,
    pub(super) out: *mut T,
    pub(super) n: usize,
}

macro_rules! binary_int {
    ($t:ty) => {
        impl<const L: usize> Kernel for BinaryInt<$t, L> {
            type Output = Result<(), Error>;
            const AVX512: bool = false;

            #[inline(always)]
            fn run<S: Simd>(self) -> Result<(), Error> {
                let BinaryInt { op, a, b, out, n } = self;
                macro_rules! map {
                    ($f:expr) => {
                        // SAFETY: the creator of this kernel guarantees `n` elements at each pointer.
                        unsafe { map2(a, b, out, n, $f) }
                    };
                }
                macro_rules! divide {
                    ($f:expr) => {{
                        // SAFETY: as above.
                        if (0..n).any(|i| unsafe { *b.add(i) } == 0) {
                            return Err(Error::ZeroDivision);
                        }
                        // SAFETY: as above.
                        unsafe { each2(a, b, out, n, $f) }
                    }};
                }
                match op {
                    BinaryOp::Add => map!(<$t>::wrapping_add),
                    BinaryOp::Sub => map!(<$t>::wrapping_sub),
                    BinaryOp::Mul => map!(<$t>::wrapping_mul),
                    BinaryOp::Maximum | BinaryOp::Fmax => map!(|a, b| if a > b { a } else { b }),
                    BinaryOp::Minimum | BinaryOp::Fmin => map!(|a, b| if a < b { a } else { b }),
                    BinaryOp::And => map!(|a, b| a & b),
                    BinaryOp::Or => map!(|a, b| a | b),
                    BinaryOp::Xor => map!(|a, b| a ^ b),
                    BinaryOp::AddScaledInt(alpha) => {
                        let alpha = alpha as $t;
                        map!(|a: $t, b: $t| a.wrapping_add(b.wrapping_mul(alpha)))
                    }
                    // SAFETY: as above.
                    BinaryOp::Pow => unsafe { each2(a, b, out, n, pow_int) },
                    BinaryOp::Remainder => divide!(|a: $t, b: $t| {
                        let m = a.wrapping_rem(b);
                        if m != 0 && (m < 0) != (b < 0) { m + b } else { m }
                    }),
                    BinaryOp::Fmod => divide!(<$t>::wrapping_rem),
                    BinaryOp::FloorDivide => divide!(|a: $t, b: $t| {
                        let (quotient, m) = (a.wrapping_div(b), a.wrapping_rem(b));
                        if m != 0 && (m < 0) != (b < 0) { quotient - 1 } else { quotient }
                    }),
                    _ => return Err(Error::Unsupported),
                }
                return Ok(());

                fn pow_int(base: $t, exponent: $t) -> $t {
                    match (base, exponent) {
                        (_, 0..) => super::unary::pow_wrapping(base, exponent as u64),
                        (1, _) => 1,
                        (-1, _) if exponent % 2 == 0 => 1,
                        (-1, _) => -1,
                        _ => 0,
                    }
                }
            }
        }
    };
}
binary_int!(i64);

/// [`BinaryOp`] on contiguous booleans.
pub(super) struct BinaryBool<T, const L: usize> {
    pub(super) op: BinaryOp,
    pub(super) a: *const T,
    pub(super) b: *const T,
    pub(super) out: *mut T,
    pub(super) n: usize,
}

impl<const L: usize> Kernel for BinaryBool<bool, L> {
    type Output = Result<(), Error>;
    const AVX512: bool = false;

    #[inline(always)]
    fn run<S: Simd>(self) -> Result<(), Error> {
        let BinaryBool { op, a, b, out, n } = self;
        // SAFETY: the creator of this kernel guarantees `n` elements at each pointer.
        unsafe {
            match op {
                BinaryOp::Add | BinaryOp::Or | BinaryOp::Maximum => map2(a, b, out, n, |a: bool, b| a | b),
                BinaryOp::Mul | BinaryOp::And | BinaryOp::Minimum => map2(a, b, out, n, |a: bool, b| a & b),
                BinaryOp::Xor => map2(a, b, out, n, |a: bool, b| a ^ b),
                _ => return Err(Error::Unsupported),
            }
        }
        Ok(())
    }
}

/// [`CompareOp`] on contiguous elements.
pub(super) struct Compare<T, const L: usize> {
    pub(super) op: CompareOp,
    pub(super) a: *const T,
    pub(super) b: *const T,
    pub(super) out: *mut bool,
    pub(super) n: usize,
}

impl<T: Copy + Default + PartialOrd, const L: usize> Kernel for Compare<T, L> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Compare { op, a, b, out, n } = self;
        // SAFETY: the creator of this kernel guarantees `n` elements at each pointer.
        unsafe {
            match op {
                CompareOp::Eq => map2(a, b, out, n, |a, b| a == b),
                CompareOp::Ne => map2(a, b, out, n, |a, b| a != b),
                CompareOp::Lt => map2(a, b, out, n, |a, b| a < b),
                CompareOp::Le => map2(a, b, out, n, |a, b| a <= b),
                CompareOp::Gt => map2(a, b, out, n, |a, b| a > b),
                CompareOp::Ge => map2(a, b, out, n, |a, b| a >= b),
            }
        }
    }
}

/// `out[i] = a[i]` where the condition is true, else `b[i]`, for contiguous elements of `size` bytes.
///
/// # Safety
/// The pointers must be valid for `n` elements; `out` equal to or disjoint from each input.
pub(super) unsafe fn select(
    isa: Isa,
    size: usize,
    condition: *const bool,
    a: *const u8,
    b: *const u8,
    out: *mut u8,
    n: usize,
) {
    match size {
        1 => dispatch(isa, Select::<u8> { condition, a, b, out, n }),
        2 => dispatch(isa, Select::<u16> { condition, a: a.cast(), b: b.cast(), out: out.cast(), n }),
        4 => dispatch(isa, Select::<u32> { condition, a: a.cast(), b: b.cast(), out: out.cast(), n }),
        _ => dispatch(isa, Select::<u64> { condition, a: a.cast(), b: b.cast(), out: out.cast(), n }),
    }
}

struct Select<T> {
    condition: *const bool,
    a: *const T,
    b: *const T,
    out: *mut T,
    n: usize,
}

impl<T: Copy> Kernel for Select<T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Select { condition, a, b, out, n } = self;
        // SAFETY: the creator of this kernel guarantees `n` elements at each pointer.
        unsafe { map3(condition, a, b, out, n, |c, a, b| if c { a } else { b }) }
    }
}
