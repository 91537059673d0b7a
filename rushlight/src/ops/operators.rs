//! `+ - * / %` and friends between tensors, references to tensors, and numbers.

use crate::Tensor;
use crate::tensor::{Operand, Scalar};
use std::ops::*;

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
            /// Operates in-place: the change is visible through every handle and view of the memory.
            #[track_caller]
            fn $operator(&mut self, other: T) {
                Tensor::$method(self, other);
            }
        }
    )*};
}
assign_operator!(AddAssign add_assign add_, SubAssign sub_assign sub_, MulAssign mul_assign mul_, DivAssign div_assign div_);

/// Operators with a number on the left. There is one floating-point, one integer and one boolean type, so that the type of the literal
/// in `0.5 * &x` and `2 * &x` can be inferred; with a second one it would be ambiguous.
macro_rules! number_on_the_left {
    ($($number:ty),*) => {$(
        number_on_the_left!($number: Add add try_add, Sub sub try_scalar_sub, Mul mul try_mul, Div div try_scalar_div);
    )*};
    ($number:ty: $($trait:ident $operator:ident $method:ident),*) => {$(
        impl $trait<Tensor> for $number {
            type Output = Tensor;

            #[track_caller]
            #[inline]
            fn $operator(self, tensor: Tensor) -> Tensor {
                crate::error::ok(tensor.$method(Scalar::from(self)))
            }
        }

        impl $trait<&Tensor> for $number {
            type Output = Tensor;

            #[track_caller]
            #[inline]
            fn $operator(self, tensor: &Tensor) -> Tensor {
                crate::error::ok(tensor.$method(Scalar::from(self)))
            }
        }
    )*};
}
number_on_the_left!(f64, i64, bool);

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
