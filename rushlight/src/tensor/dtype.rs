//! Element types, single values of any type, and PyTorch's rules for combining types.

use std::fmt;

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DType {
    /// `bool`, one byte.
    Bool,
    /// 64-bit signed integer, the type of indices and class numbers.
    I64,
    /// 32-bit floating point, the default.
    F32,
    /// 64-bit floating point.
    F64,
}

/// What kind of number a type holds; a higher category wins when types are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// Truth values.
    Bool,
    /// Integers.
    Integer,
    /// Floating point numbers.
    Float,
}

impl DType {
    /// Bytes per element.
    #[inline]
    pub const fn size(self) -> usize {
        match self {
            DType::Bool => 1,
            DType::F32 => 4,
            DType::I64 | DType::F64 => 8,
        }
    }

    /// The kind of number.
    #[inline]
    pub const fn category(self) -> Category {
        match self {
            DType::Bool => Category::Bool,
            DType::I64 => Category::Integer,
            DType::F32 | DType::F64 => Category::Float,
        }
    }

    /// Whether this is a floating point type, the only ones that can require gradients.
    #[inline]
    pub const fn is_float(self) -> bool {
        matches!(self, DType::F32 | DType::F64)
    }

    /// PyTorch's name: `float32`, `int64`, …
    pub const fn name(self) -> &'static str {
        match self {
            DType::Bool => "bool",
            DType::I64 => "int64",
            DType::F32 => "float32",
            DType::F64 => "float64",
        }
    }

    /// The type that two types of the same priority combine to: the higher category, and within one the wider type.
    #[inline]
    pub fn join(self, other: DType) -> DType {
        let (a, b) = (self.category(), other.category());
        if a == b {
            if self.size() >= other.size() { self } else { other }
        } else if a > b {
            self
        } else {
            other
        }
    }

    /// This type, or the default floating point type where this is no floating point type.
    #[inline]
    pub(crate) fn to_float(self) -> DType {
        if self.is_float() { self } else { DType::F32 }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A Rust type that can be a tensor's element.
pub trait Element: Copy + Send + Sync + fmt::Debug + PartialEq + Default + 'static {
    /// The element type it stands for.
    const DTYPE: DType;

    /// The value as a [`Scalar`].
    fn to_scalar(self) -> Scalar;

    /// The value nearest to `scalar`, as PyTorch converts it.
    fn from_scalar(scalar: Scalar) -> Self;
}

/// One number of any type; what stands beside a tensor in `x * 2.0`.
///
/// As a number without a tensor's shape it takes part in type promotion with its category alone: a float32 tensor times a
/// Rust `f64` stays float32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// A truth value.
    Bool(bool),
    /// A integer.
    I64(i64),
    /// A floating point number.
    F64(f64),
}

impl Scalar {
    /// The value as `f64`.
    #[inline]
    pub fn to_f64(self) -> f64 {
        match self {
            Scalar::Bool(v) => v as u8 as f64,
            Scalar::I64(v) => v as f64,
            Scalar::F64(v) => v,
        }
    }

    /// The value as `i64`, truncated towards zero; not-a-number and values out of range give `i64::MIN`.
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

    /// Whether the value is not zero.
    #[inline]
    pub fn to_bool(self) -> bool {
        match self {
            Scalar::Bool(v) => v,
            Scalar::I64(v) => v != 0,
            Scalar::F64(v) => v != 0.0,
        }
    }

    /// The type that a tensor made of this number has: bool, int64 or float32.
    #[inline]
    pub fn default_dtype(self) -> DType {
        match self {
            Scalar::Bool(_) => DType::Bool,
            Scalar::I64(_) => DType::I64,
            Scalar::F64(_) => DType::F32,
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

macro_rules! element {
    ($type:ty, $dtype:ident, $variant:ident, $wide:ty, $from:expr) => {
        impl Element for $type {
            const DTYPE: DType = DType::$dtype;

            #[inline]
            fn to_scalar(self) -> Scalar {
                Scalar::$variant(<$wide>::from(self))
            }

            #[inline]
            fn from_scalar(scalar: Scalar) -> Self {
                $from(scalar)
            }
        }
    };
}
element!(bool, Bool, Bool, bool, Scalar::to_bool);
element!(i64, I64, I64, i64, Scalar::to_i64);
element!(f32, F32, F64, f64, |s| Scalar::to_f64(s) as f32);
element!(f64, F64, F64, f64, Scalar::to_f64);

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
scalar_from!(bool => Bool, i8 => I64, u8 => I64, i16 => I64, u16 => I64, i32 => I64, u32 => I64, i64 => I64, f32 => F64, f64 => F64);

impl From<usize> for Scalar {
    /// Counts above `i64::MAX` do not occur in memory that a computer has.
    #[inline]
    fn from(value: usize) -> Scalar {
        Scalar::I64(value as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn join_is_symmetric_and_follows_category_then_width() {
        use DType::*;
        for (a, b, joined) in [(Bool, Bool, Bool), (Bool, I64, I64), (I64, F32, F32), (F32, F64, F64), (Bool, F64, F64)]
        {
            assert_eq!((a.join(b), b.join(a)), (joined, joined));
        }
    }

    #[test]
    fn floats_convert_to_integers_as_on_x86() {
        for (from, to) in [(2.9, 2), (-2.9, -2), (f64::NAN, i64::MIN), (f64::INFINITY, i64::MIN), (1e300, i64::MIN)] {
            assert_eq!(Scalar::F64(from).to_i64(), to);
        }
    }
}
