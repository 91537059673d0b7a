//! Copies between strides and types, and filling.

use super::block::map;
use super::element::Element;
use super::layout::{self, Operand};
use super::ops::LIGHT;
use crate::isa::{self, Isa};
use crate::simd::{Kernel, Simd, dispatch};

/// Conversion of an element from another type, as PyTorch's `to` does it: floats are cut off towards 0 on the way to
/// integers, and become the smallest integer if they do not fit; everything but 0 is true.
pub trait CastFrom<S>: Sized {
    /// The converted element.
    fn cast_from(source: S) -> Self;

    /// [`copy`] of `n` contiguous elements.
    ///
    /// # Safety
    /// The pointers must be valid for `n` elements, and disjoint.
    #[doc(hidden)]
    unsafe fn cast_block(isa: Isa, source: *const S, out: *mut Self, n: usize);
}

struct Cast<S, D> {
    source: *const S,
    out: *mut D,
    n: usize,
}

impl<S: Copy, D: Copy + CastFrom<S>> Kernel for Cast<S, D> {
    type Output = ();

    #[inline(always)]
    fn run<I: Simd>(self) {
        // SAFETY: whoever made this kernel promised `n` elements at each pointer.
        unsafe { map(self.source, self.out, self.n, D::cast_from) }
    }
}

macro_rules! cast {
    ($from:ty => $to:ty, |$x:ident| $convert:expr) => {
        impl CastFrom<$from> for $to {
            #[inline(always)]
            fn cast_from($x: $from) -> $to {
                $convert
            }

            unsafe fn cast_block(isa: Isa, source: *const $from, out: *mut $to, n: usize) {
                dispatch(isa, Cast::<$from, $to> { source, out, n })
            }
        }
    };
}
cast!(f32 => f32, |x| x);
cast!(f64 => f32, |x| x as f32);
cast!(i64 => f32, |x| x as f32);
cast!(bool => f32, |x| x as u8 as f32);
cast!(f32 => f64, |x| x as f64);
cast!(f64 => f64, |x| x);
cast!(i64 => f64, |x| x as f64);
cast!(bool => f64, |x| x as u8 as f64);
cast!(f32 => i64, |x| i64::cast_from(x as f64));
cast!(f64 => i64, |x| {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let fits = (-LIMIT..LIMIT).contains(&x);
    // SAFETY: the argument is inside the range of `i64`.
    let y = unsafe { if fits { x } else { 0.0 }.to_int_unchecked::<i64>() };
    if fits { y } else { i64::MIN }
});
cast!(i64 => i64, |x| x);
cast!(bool => i64, |x| x as i64);
cast!(f32 => bool, |x| x != 0.0);
cast!(f64 => bool, |x| x != 0.0);
cast!(i64 => bool, |x| x != 0);
cast!(bool => bool, |x| x);

/// Copies elements, converting them if the types differ.
///
/// # Safety
/// As for [`unary`](super::unary); source and output must not share memory.
pub unsafe fn copy<S: Element, D: Element + CastFrom<S>>(
    dims: &[usize],
    source: *const S,
    source_strides: &[isize],
    out: *mut D,
    out_strides: &[isize],
) {
    let operands = [Operand::new(out, out_strides), Operand::new(source, source_strides)];
    if std::any::TypeId::of::<S>() == std::any::TypeId::of::<D>() {
        // SAFETY: the caller's promise.
        return unsafe { layout::copy(dims, operands) };
    }
    let isa = isa::isa();
    // SAFETY: the caller's promise; the block is given pointers to `n` contiguous elements of each operand.
    let result = unsafe {
        layout::run(dims, operands, LIGHT, &|[out, source], n| {
            D::cast_block(isa, source.cast::<S>(), out.cast(), n);
            Ok(())
        })
    };
    debug_assert!(result.is_ok());
}

/// Sets every element to `value`.
///
/// # Safety
/// `out` with its strides must be valid for `dims`, and none of its elements shared with another.
pub unsafe fn fill<T: Element>(dims: &[usize], out: *mut T, out_strides: &[isize], value: T) {
    let scalar = [0; crate::MAX_RANK];
    assert!(dims.len() <= scalar.len(), "fill: {} dimensions, at most {}", dims.len(), scalar.len());
    let operands = [Operand::new(out, out_strides), Operand::new(&value, &scalar[..dims.len()])];
    // SAFETY: the caller's promise; `value` lives until the end.
    unsafe { layout::copy(dims, operands) }
}
