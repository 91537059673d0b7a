//! The types of elements, and which block function does which operation on them.

use super::binary::{BinaryBool, BinaryFloat, BinaryInt, Compare, TernaryFloat, Where};
use super::ops::{BinaryOp, CompareOp, TernaryOp, UnaryOp};
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

    /// [`ternary`](super::ternary) on `n` contiguous elements.
    ///
    /// # Safety
    /// As for [`Element::unary_block`].
    #[doc(hidden)]
    unsafe fn ternary_block(
        op: TernaryOp,
        isa: Isa,
        a: *const Self,
        b: *const Self,
        c: *const Self,
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

/// Implements [`Element`] for a type: its kernels, how many elements a step of their loops takes, and the ternary ones.
macro_rules! element {
    ($t:ty, $lanes:literal, $unary:ident, $binary:ident $(, $ternary:ident)?) => {
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
            unsafe fn ternary_block(
                op: TernaryOp,
                isa: Isa,
                a: *const Self,
                b: *const Self,
                c: *const Self,
                out: *mut Self,
                n: usize,
            ) -> Result<(), Error> {
                $(return dispatch(isa, $ternary::<$t, $lanes> { op, a, b, c, out, n });)?
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
element!(f32, 16, UnaryFloat, BinaryFloat, TernaryFloat);
element!(f64, 8, UnaryFloat, BinaryFloat, TernaryFloat);
element!(i64, 8, UnaryInt, BinaryInt);
element!(bool, 64, UnaryBool, BinaryBool);
