//! The second operand of an operation: a tensor or a number.

use super::{Scalar, Tensor};

/// The second operand of an operation: a tensor or a number.
#[derive(Clone)]
pub enum Operand<'a> {
    /// A tensor, borrowed.
    Tensor(&'a Tensor),
    /// A tensor, owned.
    Owned(Tensor),
    /// A number. Only its category takes part in type promotion.
    Scalar(Scalar),
}

impl<'a> From<&'a Tensor> for Operand<'a> {
    #[inline]
    fn from(tensor: &'a Tensor) -> Operand<'a> {
        Operand::Tensor(tensor)
    }
}

impl From<Tensor> for Operand<'_> {
    #[inline]
    fn from(tensor: Tensor) -> Self {
        Operand::Owned(tensor)
    }
}

impl From<Scalar> for Operand<'_> {
    #[inline]
    fn from(scalar: Scalar) -> Self {
        Operand::Scalar(scalar)
    }
}

macro_rules! from_numbers {
    ($($number:ty),*) => {$(
        impl From<$number> for Operand<'_> {
            #[inline]
            fn from(number: $number) -> Self {
                Operand::Scalar(number.into())
            }
        }
    )*};
}
from_numbers!(bool, i8, u8, i16, u16, i32, u32, i64, usize, f32, f64);
