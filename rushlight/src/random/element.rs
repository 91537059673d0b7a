//! The number types that distributions fill.

use super::mt19937::{Mt19937, unit_f32, unit_f64};
use super::normal;
use rushlight_kernels::half::{Bf16, F16};

/// A number type that [`Generator`](super::Generator) can write integers and Bernoulli trials to. Sealed.
pub trait Element: Copy + Send + Sync + sealed::Sealed + 'static {
    /// The C++ name, as PyTorch's messages have it.
    const NAME: &str;
    /// The smallest valid value.
    const MIN: i64;
    /// The largest value drawn without an upper bound; for floats the last integer before they get sparse.
    const MAX: i64;
    /// Bits of the significand, for floats.
    const SIGNIFICANT_BITS: Option<u32>;

    /// The value as an integer, saturating.
    fn rounded(self) -> i128;

    /// Whether an integer is inside the range of the type; for floats it need not be one of its values.
    fn holds(value: i64) -> bool;

    /// The nearest value; wraps for integers, as a C cast.
    fn from_i64(value: i64) -> Self;

    /// The nearest value for floats; the integer part, saturating, for integers.
    fn from_f64(value: f64) -> Self;

    /// 1 or 0.
    #[inline(always)]
    fn from_bool(value: bool) -> Self {
        Self::from_i64(value.into())
    }
}

/// A floating-point type that [`Generator`](super::Generator) can fill with any distribution. Sealed.
pub trait Float: Element + PartialOrd + sealed::FloatKernels {
    /// The type's name in C++ texts that spell it with a capital.
    const CAPITAL_NAME: &str;
    /// The largest finite value.
    const LARGEST: f64;

    /// The value as a float64, exactly.
    fn to_f64(self) -> f64;

    /// `1 / x`, in the type's arithmetic (16-bit floats: float32's, rounded once).
    fn reciprocal(x: f64) -> Self;
}

pub(super) mod sealed {
    use super::Mt19937;

    pub trait Sealed {}

    pub trait FloatKernels: Sized {
        /// Fills `out` uniformly in [from, to).
        fn fill_uniform(engine: &mut Mt19937, out: &mut [Self], from: f64, to: f64);

        /// Fills `out`, at least 16 elements, with normal numbers in blocks of 16.
        fn fill_normal(engine: &mut Mt19937, out: &mut [Self], mean: f64, std: f64);
    }
}

macro_rules! integers {
    ($($t:ident $name:literal),*) => {$(
        impl sealed::Sealed for $t {}
        impl Element for $t {
            const NAME: &str = $name;
            const MIN: i64 = $t::MIN as i64;
            const MAX: i64 = $t::MAX as i64;
            const SIGNIFICANT_BITS: Option<u32> = None;

            fn rounded(self) -> i128 {
                self.into()
            }

            fn holds(value: i64) -> bool {
                (<Self as Element>::MIN..=<Self as Element>::MAX).contains(&value)
            }

            #[inline(always)]
            fn from_i64(value: i64) -> Self {
                value as $t
            }

            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $t
            }
        }
    )*};
}
integers!(i64 "long", i32 "int", i16 "short", i8 "signed char", u8 "unsigned char");

impl sealed::Sealed for bool {}
impl Element for bool {
    const NAME: &str = "bool";
    const MIN: i64 = 0;
    const MAX: i64 = 1;
    const SIGNIFICANT_BITS: Option<u32> = None;

    fn rounded(self) -> i128 {
        self.into()
    }

    fn holds(value: i64) -> bool {
        (0..=1).contains(&value)
    }

    #[inline(always)]
    fn from_i64(value: i64) -> Self {
        value != 0
    }

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value != 0.0
    }
}

macro_rules! floats {
    ($($t:ident $name:literal $capital:literal $uniform:ident $box_muller:path),*) => {$(
        impl sealed::Sealed for $t {}
        impl Element for $t {
            const NAME: &str = $name;
            const MIN: i64 = i64::MIN;
            const MAX: i64 = 1 << $t::MANTISSA_DIGITS;
            const SIGNIFICANT_BITS: Option<u32> = Some($t::MANTISSA_DIGITS);

            fn rounded(self) -> i128 {
                self as i128
            }

            fn holds(_: i64) -> bool {
                true
            }

            #[inline(always)]
            fn from_i64(value: i64) -> Self {
                value as $t
            }

            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $t
            }

            #[inline(always)]
            fn from_bool(value: bool) -> Self {
                f32::from(value) as $t
            }
        }
        impl Float for $t {
            const CAPITAL_NAME: &str = $capital;
            const LARGEST: f64 = $t::MAX as f64;

            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }

            fn reciprocal(x: f64) -> Self {
                1.0 / x as $t
            }
        }
        impl sealed::FloatKernels for $t {
            fn fill_uniform(engine: &mut Mt19937, out: &mut [Self], from: f64, to: f64) {
                $uniform(engine, out, from, to);
            }

            fn fill_normal(engine: &mut Mt19937, out: &mut [Self], mean: f64, std: f64) {
                normal::fill_blocks(engine, out, $uniform, |blocks| $box_muller(blocks, mean, std));
            }
        }
    )*};
}
floats!(
    f32 "float" "Float" uniform_f32 normal::box_muller_f32,
    f64 "double" "Double" uniform_f64 normal::box_muller_f64
);

/// 16-bit floats: everything happens in float32, and is rounded once.
macro_rules! halves {
    ($($t:ident $name:literal $capital:literal $bits:literal $largest:expr),*) => {$(
        impl sealed::Sealed for $t {}
        impl Element for $t {
            const NAME: &str = $name;
            const MIN: i64 = i64::MIN;
            const MAX: i64 = 1 << $bits;
            const SIGNIFICANT_BITS: Option<u32> = Some($bits);

            fn rounded(self) -> i128 {
                self.to_f32() as i128
            }

            fn holds(value: i64) -> bool {
                (value as f64).abs() <= Self::LARGEST
            }

            #[inline(always)]
            fn from_i64(value: i64) -> Self {
                $t::from_f32(value as f32)
            }

            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                $t::from_f32(value as f32)
            }
        }
        impl Float for $t {
            const CAPITAL_NAME: &str = $capital;
            const LARGEST: f64 = $largest;

            #[inline(always)]
            fn to_f64(self) -> f64 {
                self.into()
            }

            fn reciprocal(x: f64) -> Self {
                $t::from_f32(1.0 / x as f32)
            }
        }
        impl sealed::FloatKernels for $t {
            fn fill_uniform(engine: &mut Mt19937, out: &mut [Self], from: f64, to: f64) {
                let (from, to) = (from as f32, to as f32);
                let (width, first, end) = (to - from, $t::from_f32(from), $t::from_f32(to));
                engine.fill_u32(out, |word| {
                    let y = $t::from_f32(unit_f32(word).mul_add(width, from));
                    if y == end { first } else { y }
                });
            }

            fn fill_normal(engine: &mut Mt19937, out: &mut [Self], mean: f64, std: f64) {
                normal::fill_narrow_blocks(engine, out, mean, std, $t::from_f32);
            }
        }
    )*};
}
halves!(
    F16 "c10::Half" "Half" 11 65504.0,
    Bf16 "c10::BFloat16" "BFloat16" 8 338_953_138_925_153_547_590_470_800_371_487_866_880.0
);

fn uniform_f32(engine: &mut Mt19937, out: &mut [f32], from: f64, to: f64) {
    let (from, to) = (from as f32, to as f32);
    let width = to - from;
    engine.fill_u32(out, |word| {
        let y = unit_f32(word).mul_add(width, from);
        if y == to { from } else { y }
    });
}

fn uniform_f64(engine: &mut Mt19937, out: &mut [f64], from: f64, to: f64) {
    let width = to - from;
    engine.fill_u64(out, |draw| {
        let y = unit_f64(draw).mul_add(width, from);
        if y == to { from } else { y }
    });
}
