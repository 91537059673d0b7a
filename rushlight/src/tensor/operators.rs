//! `+ - * / %` and friends between tensors, references to tensors, and numbers.

use super::{Scalar, Tensor};
use std::ops::*;

/// The other side of an operation: a tensor or a number.
#[derive(Clone)]
pub enum Operand<'a> {
    /// A tensor, borrowed.
    Tensor(&'a Tensor),
    /// A tensor, given away.
    Owned(Tensor),
    /// A number. It takes part in type promotion with its category only.
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

macro_rules! binary_operator {
    ($($trait:ident $operator:ident $method:ident),*) => {$(
        impl<'a, T: Into<Operand<'a>>> $trait<T> for Tensor {
            type Output = Tensor;

            #[track_caller]
            #[inline]
            fn $operator(self, other: T) -> Tensor {
                Tensor::$method(&self, other)
            }
        }

        impl<'a, T: Into<Operand<'a>>> $trait<T> for &Tensor {
            type Output = Tensor;

            #[track_caller]
            #[inline]
            fn $operator(self, other: T) -> Tensor {
                Tensor::$method(self, other)
            }
        }
    )*};
}
binary_operator!(
    Add add add, Sub sub sub, Mul mul mul, Div div div, Rem rem remainder,
    BitAnd bitand logical_and, BitOr bitor logical_or, BitXor bitxor logical_xor
);

macro_rules! assign_operator {
    ($($trait:ident $operator:ident $method:ident),*) => {$(
        impl<'a, T: Into<Operand<'a>>> $trait<T> for Tensor {
            /// In place: every handle and view of this memory sees the change.
            #[track_caller]
            fn $operator(&mut self, other: T) {
                Tensor::$method(self, other);
            }
        }
    )*};
}
assign_operator!(AddAssign add_assign add_, SubAssign sub_assign sub_, MulAssign mul_assign mul_, DivAssign div_assign div_);

macro_rules! scalar_operand {
    ($($number:ty),*) => {$(
        impl From<$number> for Operand<'_> {
            #[inline]
            fn from(number: $number) -> Self {
                Operand::Scalar(number.into())
            }
        }

        scalar_operand!($number: Add add try_scalar_add, Sub sub try_scalar_sub, Mul mul try_scalar_mul, Div div try_scalar_div);
    )*};
    ($number:ty: $($trait:ident $operator:ident $method:ident),*) => {$(
        impl $trait<Tensor> for $number {
            type Output = Tensor;

            #[track_caller]
            #[inline]
            fn $operator(self, tensor: Tensor) -> Tensor {
                crate::error::ok(tensor.$method(self.into()))
            }
        }

        impl $trait<&Tensor> for $number {
            type Output = Tensor;

            #[track_caller]
            #[inline]
            fn $operator(self, tensor: &Tensor) -> Tensor {
                crate::error::ok(tensor.$method(self.into()))
            }
        }
    )*};
}
scalar_operand!(bool, i32, i64, u8, usize, f32, f64);

impl Neg for Tensor {
    type Output = Tensor;

    #[track_caller]
    fn neg(self) -> Tensor {
        Tensor::neg(&self)
    }
}

impl Neg for &Tensor {
    type Output = Tensor;

    #[track_caller]
    fn neg(self) -> Tensor {
        Tensor::neg(self)
    }
}

impl Not for Tensor {
    type Output = Tensor;

    #[track_caller]
    fn not(self) -> Tensor {
        self.logical_not()
    }
}

impl Not for &Tensor {
    type Output = Tensor;

    #[track_caller]
    fn not(self) -> Tensor {
        self.logical_not()
    }
}
