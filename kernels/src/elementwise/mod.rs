//! Elementwise kernels over strided operands: unary, binary, derivatives, comparison, selection, casting copy, fill.
//!
//! Every entry point takes raw pointers, because an operation may run in-place (the output consists of the same
//! elements as an input, in the same order). `dims` has at most [`MAX_RANK`](crate::MAX_RANK) entries; strides count
//! elements and may be 0 (broadcasting; all 0 for a scalar operand) or negative.
//!
//! Arithmetic is compiled for computed types (see [`crate::dtype`]); elements stored in another type are converted
//! block by block when read and written.
//!
//! Implementation: `layout` brings all operands into one loop order, merges dimensions, and splits the work into short
//! contiguous blocks, gathering noncontiguous operands into small buffers; a block function does the arithmetic. So
//! each operation is one loop over contiguous elements per type and instruction set, for any strides.

mod binary;
mod block;
mod convert;
mod copy;
mod element;
mod gather;
mod layout;
pub(crate) mod math;
mod ops;
#[cfg(test)]
mod tests;
mod unary;

pub use copy::{copy, fill};
pub use element::Arithmetic;
pub use ops::{BinaryOp, CompareOp, GradOp, UnaryOp};

use crate::dtype::Stored;
use crate::isa;
use binary::select;
use convert::{converted, widened};
use layout::Operand;

/// Why a kernel failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The operation is not defined for this element type. Nothing was written.
    Unsupported,
    /// An integer was divided by zero. Part of the output may have been written.
    ZeroDivision,
}

/// `out = op(x)`, elementwise.
///
/// # Errors
/// [`Error::Unsupported`] if `op` is not defined for `T`.
///
/// # Safety
/// `x` and `out` with their strides must be valid for `dims`; no element of `out` may be shared with another element of
/// `out`, or with an element of `x` at another position.
pub unsafe fn unary<T: Stored>(
    op: UnaryOp,
    dims: &[usize],
    x: *const T,
    x_strides: &[isize],
    out: *mut T,
    out_strides: &[isize],
) -> Result<(), Error> {
    let (op, isa) = (op.simplify(), isa::isa());
    let operands = [Operand::new(out, out_strides), Operand::new(x, x_strides)];
    // SAFETY: guaranteed by the caller; the block is given pointers to `n` contiguous elements of each operand.
    unsafe {
        layout::run(dims, operands, op.grain(), &|[out, x], n| {
            converted::<T, 1>(isa, [x.cast()], out.cast(), n, |[x], out, n| {
                T::Computed::unary_block(op, isa, x, out, n)
            })
        })
    }
}

/// `out = op(a, b)`, elementwise.
///
/// # Errors
/// [`Error::Unsupported`] if `op` is not defined for `T`; [`Error::ZeroDivision`].
///
/// # Safety
/// As for [`unary`], with both inputs.
pub unsafe fn binary<T: Stored>(
    op: BinaryOp,
    dims: &[usize],
    a: *const T,
    a_strides: &[isize],
    b: *const T,
    b_strides: &[isize],
    out: *mut T,
    out_strides: &[isize],
) -> Result<(), Error> {
    let isa = isa::isa();
    let operands = [Operand::new(out, out_strides), Operand::new(a, a_strides), Operand::new(b, b_strides)];
    // SAFETY: guaranteed by the caller; the block is given pointers to `n` contiguous elements of each operand.
    unsafe {
        layout::run(dims, operands, op.grain(), &|[out, a, b], n| {
            converted::<T, 2>(isa, [a.cast(), b.cast()], out.cast(), n, |[a, b], out, n| {
                T::Computed::binary_block(op, isa, a, b, out, n)
            })
        })
    }
}

/// `out = op(x, number)`, or `op(number, x)` if `number_first`, for a type that is not [direct](Stored::DIRECT): the
/// scalar has the computed type, and is not rounded to `T` before the operation.
///
/// # Errors
/// As for [`binary`].
///
/// # Safety
/// As for [`unary`].
pub unsafe fn binary_with_number<T: Stored>(
    op: BinaryOp,
    dims: &[usize],
    x: *const T,
    x_strides: &[isize],
    number: T::Computed,
    number_first: bool,
    out: *mut T,
    out_strides: &[isize],
) -> Result<(), Error> {
    assert!(!T::DIRECT, "binary_with_number: for a type that is its own computed type use `binary`");
    let isa = isa::isa();
    let operands = [Operand::new(out, out_strides), Operand::new(x, x_strides)];
    let numbers = [number; convert::CHUNK];
    // SAFETY: guaranteed by the caller; blocks are at most a chunk long, as there is a conversion.
    unsafe {
        layout::run(dims, operands, op.grain(), &|[out, x], n| {
            converted::<T, 1>(isa, [x.cast()], out.cast(), n, |[x], out, n| {
                let (a, b) = if number_first { (numbers.as_ptr(), x) } else { (x, numbers.as_ptr()) };
                T::Computed::binary_block(op, isa, a, b, out, n)
            })
        })
    }
}

/// `out = op(g, x)`, elementwise.
///
/// # Errors
/// [`Error::Unsupported`] if `T` is not a floating-point type.
///
/// # Safety
/// As for [`unary`], with both inputs.
pub unsafe fn gradient<T: Stored>(
    op: GradOp,
    dims: &[usize],
    g: *const T,
    g_strides: &[isize],
    x: *const T,
    x_strides: &[isize],
    out: *mut T,
    out_strides: &[isize],
) -> Result<(), Error> {
    let isa = isa::isa();
    let operands = [Operand::new(out, out_strides), Operand::new(g, g_strides), Operand::new(x, x_strides)];
    // SAFETY: guaranteed by the caller; the block is given pointers to `n` contiguous elements of each operand.
    unsafe {
        layout::run(dims, operands, op.grain(), &|[out, g, x], n| {
            converted::<T, 2>(isa, [g.cast(), x.cast()], out.cast(), n, |[g, x], out, n| {
                T::Computed::gradient_block(op, isa, g, x, out, n)
            })
        })
    }
}

/// `out = a op b`, elementwise.
///
/// # Safety
/// As for [`unary`], with both inputs. `out` may share memory with an input only if `T` is `bool`.
pub unsafe fn compare<T: Stored>(
    op: CompareOp,
    dims: &[usize],
    a: *const T,
    a_strides: &[isize],
    b: *const T,
    b_strides: &[isize],
    out: *mut bool,
    out_strides: &[isize],
) {
    let isa = isa::isa();
    let operands = [Operand::new(out, out_strides), Operand::new(a, a_strides), Operand::new(b, b_strides)];
    // SAFETY: guaranteed by the caller; the block is given pointers to `n` contiguous elements of each operand.
    let result = unsafe {
        layout::run(dims, operands, ops::LIGHT, &|[out, a, b], n| {
            widened::<T, 2>(isa, [a.cast(), b.cast()], n, |[a, b], start, n| {
                T::Computed::compare_block(op, isa, a, b, out.cast::<bool>().add(start), n);
                Ok(())
            })
        })
    };
    debug_assert!(result.is_ok());
}

/// `out = a` where `condition` is true, else `b`.
///
/// # Safety
/// As for [`unary`], with the three inputs. `out` may share memory with `condition` only if `T` is `bool`.
pub unsafe fn where_<T: Stored>(
    dims: &[usize],
    condition: *const bool,
    condition_strides: &[isize],
    a: *const T,
    a_strides: &[isize],
    b: *const T,
    b_strides: &[isize],
    out: *mut T,
    out_strides: &[isize],
) {
    let isa = isa::isa();
    let operands = [
        Operand::new(out, out_strides),
        Operand::new(condition, condition_strides),
        Operand::new(a, a_strides),
        Operand::new(b, b_strides),
    ];
    // SAFETY: guaranteed by the caller; the block is given pointers to `n` contiguous elements of each operand.
    let result = unsafe {
        layout::run(dims, operands, ops::LIGHT, &|[out, condition, a, b], n| {
            select(isa, size_of::<T>(), condition.cast(), a, b, out, n);
            Ok(())
        })
    };
    debug_assert!(result.is_ok());
}

/// `out[i] = op(x[i])` for `n` contiguous elements: [`unary`] without strides.
///
/// # Errors
/// [`Error::Unsupported`] if `op` is not defined for `T`.
///
/// # Safety
/// `x` and `out` must be valid for `n` elements, and equal or disjoint.
pub unsafe fn unary_contiguous<T: Stored>(op: UnaryOp, n: usize, x: *const T, out: *mut T) -> Result<(), Error> {
    let (op, isa) = (op.simplify(), isa::isa());
    let operands = [Operand::new(out, &[1]), Operand::new(x, &[1])];
    // SAFETY: guaranteed by the caller; the block is given pointers to `n` contiguous elements of each operand.
    unsafe {
        let block = |[x]: [*const T::Computed; 1], out, n| T::Computed::unary_block(op, isa, x, out, n);
        if n < 2 * op.grain() {
            return converted(isa, [x], out, n, block);
        }
        layout::run(&[n], operands, op.grain(), &|[out, x], n| converted::<T, 1>(isa, [x.cast()], out.cast(), n, block))
    }
}

/// `out[i] = op(a[i], b[i])` for `n` contiguous elements: [`binary`] without strides.
///
/// # Errors
/// As for [`binary`].
///
/// # Safety
/// `a`, `b` and `out` must be valid for `n` elements; `out` equal to or disjoint from each input.
pub unsafe fn binary_contiguous<T: Stored>(
    op: BinaryOp,
    n: usize,
    a: *const T,
    b: *const T,
    out: *mut T,
) -> Result<(), Error> {
    // SAFETY: guaranteed by the caller.
    unsafe {
        if n < 2 * op.grain() {
            let isa = isa::isa();
            return converted(isa, [a, b], out, n, |[a, b], out, n| T::Computed::binary_block(op, isa, a, b, out, n));
        }
        binary(op, &[n], a, &[1], b, &[1], out, &[1])
    }
}

/// `out[i] = op(g[i], x[i])` for `n` contiguous elements: [`gradient`] without strides.
///
/// # Errors
/// As for [`gradient`].
///
/// # Safety
/// `g`, `x` and `out` must be valid for `n` elements; `out` equal to or disjoint from each input.
pub unsafe fn gradient_contiguous<T: Stored>(
    op: GradOp,
    n: usize,
    g: *const T,
    x: *const T,
    out: *mut T,
) -> Result<(), Error> {
    // SAFETY: guaranteed by the caller.
    unsafe {
        if n < 2 * op.grain() {
            let isa = isa::isa();
            return converted(isa, [g, x], out, n, |[g, x], out, n| T::Computed::gradient_block(op, isa, g, x, out, n));
        }
        gradient(op, &[n], g, &[1], x, &[1], out, &[1])
    }
}
