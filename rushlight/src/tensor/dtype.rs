//! Element types, scalars, and PyTorch's type promotion.

use crate::{Error, Result};
use rushlight_kernels::dtype::Stored;
use rushlight_kernels::for_each_dtype;
use rushlight_kernels::half::{Bf16, F16};
use rushlight_macros::op;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// The category of a dtype; in type promotion the higher category wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// Booleans.
    Bool,
    /// Integers.
    Integer,
    /// Floating-point numbers.
    Float,
}

/// Generates everything that is defined per dtype from the list of dtypes.
macro_rules! dtypes {
    ($($category:ident {
        $($(#[$doc:meta])* $variant:ident: $stored:ty as $computed:ty, $name:literal, $safetensors:literal;)*
    })*) => {
        /// The type of a tensor's elements.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum DType {
            $($($(#[$doc])* $variant,)*)*
        }

        impl DType {
            /// All types: bool, integers, floating-point types, in each category the narrow ones first.
            pub const ALL: &'static [DType] = &[$($(DType::$variant),*),*];

            /// Bytes per element.
            #[inline]
            pub const fn size(self) -> usize {
                match self {
                    $($(DType::$variant => size_of::<$stored>(),)*)*
                }
            }

            /// The dtype that arithmetic of this dtype is computed in.
            #[inline]
            pub(crate) const fn computed(self) -> DType {
                match self {
                    $($(DType::$variant => <$computed as Element>::DTYPE,)*)*
                }
            }

            /// Returns the category.
            #[inline]
            pub const fn category(self) -> Category {
                match self {
                    $($(DType::$variant => Category::$category,)*)*
                }
            }

            /// Returns whether a number can be stored in this dtype without overflow; see [`Scalar::expect_in`].
            fn holds(self, number: Scalar) -> bool {
                match self {
                    $($(DType::$variant => holds::<$stored>(number),)*)*
                }
            }

            /// Returns PyTorch's name, such as `float32` and `int64`.
            pub const fn name(self) -> &'static str {
                match self {
                    $($(DType::$variant => $name,)*)*
                }
            }

            /// Returns the name in safetensors files, such as `F32` and `I64`.
            pub const fn safetensors_name(self) -> &'static str {
                match self {
                    $($(DType::$variant => $safetensors,)*)*
                }
            }
        }

        $($(
            impl Element for $stored {
                const DTYPE: DType = DType::$variant;

                #[inline]
                fn to_scalar(self) -> Scalar {
                    Stored::widen(self).into()
                }

                #[inline]
                fn from_scalar(scalar: Scalar) -> Self {
                    Self::narrow(<$computed>::of_scalar(scalar))
                }
            }
        )*)*
    };
}
for_each_dtype!(dtypes);

fn holds<T: Element>(number: Scalar) -> bool {
    let stored = |value: i64| T::from_scalar(Scalar::I64(value)).to_scalar().to_i64();
    match (T::DTYPE.category(), number) {
        (Category::Bool, _) => true,
        (Category::Integer, Scalar::F64(value)) if number.to_i64() == i64::MIN && value != i64::MIN as f64 => false,
        (Category::Integer, _) => {
            let value = number.to_i64();
            let is_unsigned = stored(-1) > 0;
            stored(value) == value || is_unsigned && value < 0 && value.checked_neg().is_some_and(|v| stored(v) == v)
        }
        (Category::Float, _) => {
            let size = number.to_f64().abs();
            size < 32768.0 || !size.is_finite() || size <= largest::<T>()
        }
    }
}

/// The largest finite number of a floating-point type: a sum of powers of two, from the largest one down.
#[cold]
fn largest<T: Element>() -> f64 {
    let rounded = |value: f64| T::from_scalar(Scalar::F64(value)).to_scalar().to_f64();
    let mut power = 1.0;
    while rounded(power * 2.0).is_finite() {
        power *= 2.0;
    }
    let mut sum = power;
    loop {
        power /= 2.0;
        let next = sum + power;
        if !next.is_finite() || rounded(next) != next {
            return sum;
        }
        sum = next;
    }
}

/// The number of types.
const COUNT: usize = DType::ALL.len();

/// The promotion of each pair of dtypes.
const JOINED: [[DType; COUNT]; COUNT] = {
    let mut table = [[DType::Bool; COUNT]; COUNT];
    let mut i = 0;
    while i < COUNT {
        let mut j = 0;
        while j < COUNT {
            table[i][j] = joined(i, j);
            j += 1;
        }
        i += 1;
    }
    table
};

/// The dtype of the higher category; within a category the wider dtype, or the next wider one if both have the same width (uint8 and
/// int8, float16 and bfloat16).
const fn joined(i: usize, j: usize) -> DType {
    let (a, b) = (DType::ALL[i], DType::ALL[j]);
    if i == j || a.category() as u8 > b.category() as u8 {
        return a;
    }
    if (b.category() as u8) > a.category() as u8 || b.size() > a.size() {
        return b;
    }
    if a.size() > b.size() {
        return a;
    }
    let mut next = if i > j { i } else { j };
    while DType::ALL[next].size() == a.size() {
        next += 1;
    }
    DType::ALL[next]
}

impl DType {
    /// Returns whether this is a floating-point dtype; only those can require gradients.
    #[inline]
    pub const fn is_float(self) -> bool {
        matches!(self.category(), Category::Float)
    }

    /// Returns the promotion of two dtypes of the same priority: PyTorch's `promote_types`.
    ///
    /// ```
    /// use rushlight::DType;
    /// assert_eq!(DType::I64.join(DType::F16), DType::F16);
    /// assert_eq!(DType::U8.join(DType::I8), DType::I16);
    /// assert_eq!(DType::F16.join(DType::Bf16), DType::F32);
    /// ```
    #[inline]
    pub const fn join(self, other: DType) -> DType {
        JOINED[self as usize][other as usize]
    }

    /// This dtype if it is floating-point, else the [default](get_default_dtype).
    #[inline]
    pub(crate) fn to_float(self) -> DType {
        if self.is_float() { self } else { get_default_dtype() }
    }

    /// This dtype, or int64 for bool: the dtype of integer arithmetic on booleans.
    #[inline]
    pub(crate) const fn to_number(self) -> DType {
        if matches!(self.category(), Category::Bool) { DType::I64 } else { self }
    }

    /// The dtype that arithmetic is computed in for a floating-point dtype; any other dtype itself.
    #[inline]
    pub(crate) const fn computed_float(self) -> DType {
        if self.is_float() { self.computed() } else { self }
    }

    /// The dtype of sums and products: int64 for bool and integers.
    #[inline]
    pub(crate) const fn to_sum(self) -> DType {
        if self.is_float() { self } else { DType::I64 }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

static DEFAULT: AtomicU8 = AtomicU8::new(DType::F32 as u8);

/// Returns the default floating-point dtype, used by creation functions, for floating-point numbers, and for division and functions of
/// integers. It is float32 unless [`set_default_dtype`] changes it.
#[inline]
pub fn get_default_dtype() -> DType {
    DType::ALL[DEFAULT.load(Relaxed) as usize]
}

/// Sets the [default](get_default_dtype) floating-point dtype for all threads.
///
/// # Errors
/// If `dtype` is not a floating-point type.
///
/// ```
/// use rushlight::{DType, Tensor};
/// rushlight::set_default_dtype(DType::F64);
/// assert_eq!(Tensor::zeros([2]).dtype(), DType::F64);
/// assert_eq!((Tensor::from([1, 2]) * 0.5).to_string(), "tensor([0.5000, 1.0000])");
/// rushlight::set_default_dtype(DType::F32);
/// ```
#[op(torch = "set_default_dtype(d, /)", free)]
pub fn try_set_default_dtype(dtype: DType) -> Result<()> {
    if !dtype.is_float() {
        return Err(Error::dtype("set_default_dtype", format!("expected a floating-point type, got {dtype}")));
    }
    DEFAULT.store(dtype as u8, Relaxed);
    Ok(())
}

/// A Rust type that can be a tensor's element.
pub trait Element: Stored {
    /// The corresponding dtype.
    const DTYPE: DType;

    /// The value as a [`Scalar`].
    fn to_scalar(self) -> Scalar;

    /// The value nearest to `scalar`, as PyTorch converts it; integers wrap.
    fn from_scalar(scalar: Scalar) -> Self;
}

/// Evaluates `$body` with `$T` as the Rust type of `$dtype`.
macro_rules! each {
    ($dtype:expr, $T:ident => $body:expr) => {
        rushlight_kernels::for_each_dtype!(each @arms ($dtype, $T => $body))
    };
    (@arms ($dtype:expr, $T:ident => $body:expr) $($category:ident {
        $($(#[$doc:meta])* $variant:ident: $stored:ty as $computed:ty, $name:literal, $safetensors:literal;)*
    })*) => {
        match $dtype {
            $($($crate::tensor::DType::$variant => {
                type $T = $stored;
                $body
            })*)*
        }
    };
}
pub(crate) use each;

/// [`each`] for floating-point dtypes; others are an error that names `$op`.
macro_rules! each_float {
    ($op:expr, $dtype:expr, $T:ident => $body:expr) => {
        rushlight_kernels::for_each_dtype!(each_float @arms ($op, $dtype, $T => $body))
    };
    (@arms ($op:expr, $dtype:expr, $T:ident => $body:expr) Bool { $($bool:tt)* } Integer { $($integer:tt)* } Float {
        $($(#[$doc:meta])* $variant:ident: $stored:ty as $computed:ty, $name:literal, $safetensors:literal;)*
    }) => {
        match $dtype {
            $($crate::tensor::DType::$variant => {
                type $T = $stored;
                $body
            })*
            other => Err($crate::tensor::unsupported($op, other)),
        }
    };
}
pub(crate) use each_float;

/// [`each`] for all dtypes except bool.
macro_rules! each_number {
    ($op:expr, $dtype:expr, $T:ident => $body:expr) => {
        rushlight_kernels::for_each_dtype!(each_number @arms ($op, $dtype, $T => $body))
    };
    (@arms ($op:expr, $dtype:expr, $T:ident => $body:expr) Bool { $($bool:tt)* } $($category:ident {
        $($(#[$doc:meta])* $variant:ident: $stored:ty as $computed:ty, $name:literal, $safetensors:literal;)*
    })*) => {
        match $dtype {
            $($($crate::tensor::DType::$variant => {
                type $T = $stored;
                $body
            })*)*
            other => Err($crate::tensor::unsupported($op, other)),
        }
    };
}
pub(crate) use each_number;

/// The error of an operation that does not support a dtype.
#[cold]
pub(crate) fn unsupported(op: &'static str, dtype: DType) -> Error {
    Error::dtype(op, format!("expected a supported dtype, got {dtype}"))
}

/// Conversion of a scalar to a type that arithmetic is computed in.
trait OfScalar {
    fn of_scalar(scalar: Scalar) -> Self;
}

macro_rules! of_scalar {
    ($($t:ty: |$scalar:ident| $value:expr;)*) => {$(
        impl OfScalar for $t {
            #[inline]
            fn of_scalar($scalar: Scalar) -> $t {
                $value
            }
        }
    )*};
}
of_scalar! {
    bool: |scalar| scalar.to_bool();
    i64: |scalar| scalar.to_i64();
    f32: |scalar| scalar.to_f64() as f32;
    f64: |scalar| scalar.to_f64();
}

/// A number of any type, such as the second operand of `x * 2.0`.
///
/// Only its category takes part in type promotion: a float32 tensor times a Rust `f64` is float32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// A boolean.
    Bool(bool),
    /// An integer.
    I64(i64),
    /// A floating-point number.
    F64(f64),
}

impl Scalar {
    /// Returns the value as `f64`.
    #[inline]
    pub fn to_f64(self) -> f64 {
        match self {
            Scalar::Bool(v) => v as u8 as f64,
            Scalar::I64(v) => v as f64,
            Scalar::F64(v) => v,
        }
    }

    /// Returns the value as `i64`, truncated toward zero; NaN and values out of range become `i64::MIN`.
    #[inline]
    pub fn to_i64(self) -> i64 {
        const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
        match self {
            Scalar::Bool(v) => v as i64,
            Scalar::I64(v) => v,
            Scalar::F64(v) if (-TWO_TO_63..TWO_TO_63).contains(&v) => v as i64,
            Scalar::F64(_) => i64::MIN,
        }
    }

    /// Returns whether the value is not zero.
    #[inline]
    pub fn to_bool(self) -> bool {
        match self {
            Scalar::Bool(v) => v,
            Scalar::I64(v) => v != 0,
            Scalar::F64(v) => v != 0.0,
        }
    }

    /// Returns an error if storing this number in `dtype` would overflow, by PyTorch's rules: a negative number whose magnitude fits wraps in
    /// an unsigned type, infinities and NaN are floating-point numbers of every size, and everything is a boolean.
    #[inline]
    pub(crate) fn expect_in(self, op: &'static str, dtype: DType) -> Result<()> {
        if dtype.holds(self) { Ok(()) } else { Err(self.overflows(op, dtype)) }
    }

    #[cold]
    fn overflows(self, op: &'static str, dtype: DType) -> Error {
        Error::dtype(op, format!("expected a number that {dtype} can represent, got {self}"))
    }

    /// Returns the dtype of a tensor created from this number: bool, int64 or the [default](get_default_dtype).
    #[inline]
    pub fn default_dtype(self) -> DType {
        match self {
            Scalar::Bool(_) => DType::Bool,
            Scalar::I64(_) => DType::I64,
            Scalar::F64(_) => get_default_dtype(),
        }
    }

    /// Returns the category.
    #[inline]
    pub fn category(self) -> Category {
        match self {
            Scalar::Bool(_) => Category::Bool,
            Scalar::I64(_) => Category::Integer,
            Scalar::F64(_) => Category::Float,
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Bool(v) => write!(f, "{v}"),
            Scalar::I64(v) => write!(f, "{v}"),
            Scalar::F64(v) => write!(f, "{v}"),
        }
    }
}

macro_rules! scalar_from {
    ($($type:ty => $variant:ident),*) => {$(
        impl From<$type> for Scalar {
            #[inline]
            fn from(value: $type) -> Scalar {
                Scalar::$variant(value.into())
            }
        }
    )*};
}
scalar_from!(bool => Bool, i8 => I64, u8 => I64, i16 => I64, u16 => I64, i32 => I64, u32 => I64, i64 => I64, F16 => F64, Bf16 => F64, f32 => F64, f64 => F64);

impl From<usize> for Scalar {
    /// Converts a count, which never exceeds `i64::MAX` for anything in memory.
    #[inline]
    fn from(value: usize) -> Scalar {
        Scalar::I64(value as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_numbers_are_held_and_larger_ones_are_not() {
        assert_eq!(largest::<F16>(), 65504.0);
        assert_eq!(largest::<Bf16>(), 2f64.powi(127) * (2.0 - 2f64.powi(-7)));
        assert_eq!(largest::<f32>(), f64::from(f32::MAX));
        assert_eq!(largest::<f64>(), f64::MAX);
        // Verified with PyTorch 2.15: torch.full((2,), value, dtype=dtype) refuses these numbers and takes those.
        for (dtype, refused, taken) in [
            (DType::Bool, vec![], vec![f64::NAN, 2.0, 1e300]),
            (DType::U8, vec![300.0, -256.0, f64::NAN, f64::INFINITY], vec![255.0, -255.0, 1.7, 255.5]),
            (DType::I8, vec![-200.0, 128.0, -129.0], vec![127.0, -128.0]),
            (DType::I32, vec![1e10, 2147483648.0], vec![-2147483648.0]),
            (DType::I64, vec![1e20, f64::NAN, 9223372036854775808.0], vec![-9223372036854775808.0]),
            (DType::F16, vec![1e10, 65520.0, 65505.0], vec![65504.0, f64::INFINITY, f64::NAN]),
            (DType::Bf16, vec![1e39], vec![f32::MAX as f64 * 0.99]),
            (DType::F32, vec![1e39, -1e39], vec![f64::NEG_INFINITY]),
            (DType::F64, vec![], vec![f64::MAX]),
        ] {
            refused.iter().for_each(|&v| assert!(!dtype.holds(Scalar::F64(v)), "{dtype} {v}"));
            taken.iter().for_each(|&v| assert!(dtype.holds(Scalar::F64(v)), "{dtype} {v}"));
        }
    }

    #[test]
    fn join_is_symmetric_and_never_lower() {
        for &a in DType::ALL {
            for &b in DType::ALL {
                let both = a.join(b);
                assert_eq!(both, b.join(a));
                assert_eq!((both.join(a), both.join(b)), (both, both), "{a} {b}");
                assert_eq!(both.category(), a.category().max(b.category()));
            }
        }
    }

    #[test]
    fn floats_convert_to_integers_as_on_x86() {
        for (from, to) in [(2.9, 2), (-2.9, -2), (f64::NAN, i64::MIN), (f64::INFINITY, i64::MIN), (1e300, i64::MIN)] {
            assert_eq!(Scalar::F64(from).to_i64(), to);
        }
    }
}
