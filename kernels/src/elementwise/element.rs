//! The types of elements, and which block function does which operation on them.

use super::binary::{BinaryBool, BinaryFloat, BinaryInt, Compare, GradFloat, Where};
use super::ops::{BinaryOp, CompareOp, GradOp, UnaryOp};
use super::unary::{UnaryBool, UnaryFloat, UnaryInt};
use super::{CastFrom, Error};
use crate::isa::Isa;
use crate::simd::dispatch;

mod sealed {
    pub trait Sealed {}
}

/// A type of element that the elementwise kernels know: `f32`, `f64`, `i64`, `bool`.
pub trait Element:
    sealed::Sealed
    + Copy
    + Default
    + PartialEq
    + Send
    + Sync
    + 'static
    + CastFrom<f32>
    + CastFrom<f64>
    + CastFrom<i64>
    + CastFrom<bool>
{
    /// [`unary`](super::unary) on `n` contiguous elements.
    ///
    /// # Safety
    /// The pointers must be valid for `n` elements; `out` equal to or disjoint from each input.
    #[doc(hidden)]
    unsafe fn unary_block(op: UnaryOp, isa: Isa, x: *const Self, out: *mut Self, n: usize) -> Result<(), Error>;

    /// [`binary`](super::binary) on `n` contiguous elements.
    ///
    /// # Safety
    /// As for [`Element::unary_block`].
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
    /// As for [`Element::unary_block`].
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
    /// As for [`Element::unary_block`].
    #[doc(hidden)]
    unsafe fn compare_block(op: CompareOp, isa: Isa, a: *const Self, b: *const Self, out: *mut bool, n: usize);

    /// [`where_`](super::where_) on `n` contiguous elements.
    ///
    /// # Safety
    /// As for [`Element::unary_block`].
    #[doc(hidden)]
    unsafe fn where_block(isa: Isa, condition: *const bool, a: *const Self, b: *const Self, out: *mut Self, n: usize);
}

/// Implements [`Element`] for a type: its kernels, how many elements a step of their loops takes, and the gradients.
macro_rules! element {
    ($t:ty, $lanes:literal, $unary:ident, $binary:ident $(, $gradient:ident)?) => {
        impl sealed::Sealed for $t {}

        impl Element for $t {
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

            unsafe fn where_block(
                isa: Isa,
                condition: *const bool,
                a: *const Self,
                b: *const Self,
                out: *mut Self,
                n: usize,
            ) {
                dispatch(isa, Where::<$t, $lanes> { condition, a, b, out, n })
            }
        }
    };
}
element!(f32, 16, UnaryFloat, BinaryFloat, GradFloat);
element!(f64, 8, UnaryFloat, BinaryFloat, GradFloat);
element!(i64, 8, UnaryInt, BinaryInt);
element!(bool, 64, UnaryBool, BinaryBool);
