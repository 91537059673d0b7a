//! The computed types, and the block function that implements each operation on them.

use super::Error;
use super::binary::{BinaryBool, BinaryFloat, BinaryInt, Compare, GradFloat};
use super::copy::Cast;
use super::ops::{BinaryOp, CompareOp, GradOp, UnaryOp};
use super::unary::{UnaryBool, UnaryFloat, UnaryInt};
use crate::isa::Isa;
use crate::simd::dispatch;

mod sealed {
    pub trait Sealed {}
}

/// A type that elementwise arithmetic is compiled for: `f32`, `f64`, `i64`, `bool`.
pub trait Arithmetic: sealed::Sealed + Cast + Copy {
    /// The sum: wrapping for integers, `or` for booleans.
    fn plus(self, other: Self) -> Self;

    /// [`unary`](super::unary) on `n` contiguous elements.
    ///
    /// # Safety
    /// The pointers must be valid for `n` elements; `out` equal to or disjoint from each input.
    #[doc(hidden)]
    unsafe fn unary_block(op: UnaryOp, isa: Isa, x: *const Self, out: *mut Self, n: usize) -> Result<(), Error>;

    /// [`binary`](super::binary) on `n` contiguous elements.
    ///
    /// # Safety
    /// As for [`Arithmetic::unary_block`].
    #[doc(hidden)]
    unsafe fn binary_block(
        op: BinaryOp,
        isa: Isa,
        a: *const Self,
        b: *const Self,
        out: *mut Self,
        n: usize,
    ) -> Result<(), Error>;

    /// [`gradient`](super::gradient) on `n` contiguous elements.
    ///
    /// # Safety
    /// As for [`Arithmetic::unary_block`].
    #[doc(hidden)]
    unsafe fn gradient_block(
        op: GradOp,
        isa: Isa,
        g: *const Self,
        x: *const Self,
        out: *mut Self,
        n: usize,
    ) -> Result<(), Error>;

    /// [`compare`](super::compare) on `n` contiguous elements.
    ///
    /// # Safety
    /// As for [`Arithmetic::unary_block`].
    #[doc(hidden)]
    unsafe fn compare_block(op: CompareOp, isa: Isa, a: *const Self, b: *const Self, out: *mut bool, n: usize);
}

/// Implements [`Arithmetic`] for a type: its kernels, the number of elements per loop step, and the gradients.
macro_rules! arithmetic {
    ($t:ty, |$a:ident, $b:ident| $plus:expr, $lanes:literal, $unary:ident, $binary:ident $(, $gradient:ident)?) => {
        impl sealed::Sealed for $t {}

        impl Arithmetic for $t {
            #[inline(always)]
            fn plus(self, $b: $t) -> $t {
                let $a = self;
                $plus
            }

            unsafe fn unary_block(op: UnaryOp, isa: Isa, x: *const Self, out: *mut Self, n: usize) -> Result<(), Error> {
                dispatch(isa, $unary::<$t, $lanes> { op, x, out, n })
            }

            unsafe fn binary_block(
                op: BinaryOp,
                isa: Isa,
                a: *const Self,
                b: *const Self,
                out: *mut Self,
                n: usize,
            ) -> Result<(), Error> {
                dispatch(isa, $binary::<$t, $lanes> { op, a, b, out, n })
            }

            #[allow(unused_variables)]
            unsafe fn gradient_block(
                op: GradOp,
                isa: Isa,
                g: *const Self,
                x: *const Self,
                out: *mut Self,
                n: usize,
            ) -> Result<(), Error> {
                $(return dispatch(isa, $gradient::<$t, $lanes> { op, g, x, out, n });)?
                #[allow(unreachable_code)]
                Err(Error::Unsupported)
            }

            unsafe fn compare_block(op: CompareOp, isa: Isa, a: *const Self, b: *const Self, out: *mut bool, n: usize) {
                dispatch(isa, Compare::<$t, $lanes> { op, a, b, out, n })
            }
        }
    };
}
arithmetic!(f32, |a, b| a + b, 16, UnaryFloat, BinaryFloat, GradFloat);
arithmetic!(f64, |a, b| a + b, 8, UnaryFloat, BinaryFloat, GradFloat);
arithmetic!(i64, |a, b| a.wrapping_add(b), 8, UnaryInt, BinaryInt);
arithmetic!(bool, |a, b| a | b, 64, UnaryBool, BinaryBool);
