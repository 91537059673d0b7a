//! Copies between layouts and types, and filling.
//!
//! A copy to another type widens to the source's computed type, casts that to the output's computed type, and narrows:
//! four types are cast to each other, and each stored type adds two conversions. Performance-critical pairs are cast in
//! one step.

use super::block::map;
use super::convert::{Buffer, CHUNK};
use super::layout::{self, Operand};
use super::ops::LIGHT;
use crate::dtype::Stored;
use crate::isa::{self, Isa};
use crate::simd::{Kernel, Simd, dispatch};
use std::any::TypeId;

/// Converts `n` contiguous elements from one type to another.
///
/// # Safety
/// The pointers must be valid for `n` elements of the types, and disjoint.
pub(crate) type Step = unsafe fn(isa: Isa, from: *const u8, to: *mut u8, n: usize);

/// A type that the other computed types are cast to, as PyTorch's `to` does it: floats are truncated toward 0 when cast
/// to integers, and become the smallest integer if out of range; everything but 0 is true.
pub trait Cast: 'static {
    /// The cast from the type with this id; `None` if it is this type itself.
    #[doc(hidden)]
    fn cast_from(source: TypeId) -> Option<Step>;

    /// The cast from this type to a 32-bit integer, stored as a 64-bit one, from which narrower signed integers are
    /// truncated. `None` if this is not a floating-point type.
    #[doc(hidden)]
    const CAST_TO_I32: Option<Step> = None;
}

struct Map<S, D, F> {
    source: *const S,
    out: *mut D,
    n: usize,
    f: F,
}

impl<S: Copy, D: Copy, F: Fn(S) -> D> Kernel for Map<S, D, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Simd>(self) {
        // SAFETY: the creator of this kernel guarantees `n` elements at each pointer.
        unsafe { map(self.source, self.out, self.n, self.f) }
    }
}

/// A [`Step`] that converts elements with a function.
macro_rules! step {
    (|$x:ident: $from:ty| -> $to:ty { $convert:expr }) => {{
        unsafe fn step(isa: Isa, from: *const u8, to: *mut u8, n: usize) {
            let f = |$x: $from| -> $to { $convert };
            dispatch(isa, Map { source: from.cast::<$from>(), out: to.cast::<$to>(), n, f })
        }
        step
    }};
}

macro_rules! cast {
    (to $to:ty, $(from $from:ty: |$x:ident| $convert:expr),* $(; i32 |$y:ident| $to_i32:expr)?) => {
        impl Cast for $to {
            fn cast_from(source: TypeId) -> Option<Step> {
                $(
                    if source == TypeId::of::<$from>() {
                        return Some(step!(|$x: $from| -> $to { $convert }));
                    }
                )*
                None
            }

            $(const CAST_TO_I32: Option<Step> = Some(step!(|$y: $to| -> i64 { $to_i32 }));)?
        }
    };
}
cast!(to f32, from f64: |x| x as f32, from i64: |x| x as f32, from bool: |x| x as u8 as f32; i32 |x| to_i32(x.into()).into());
cast!(to f64, from f32: |x| x.into(), from i64: |x| x as f64, from bool: |x| x as u8 as f64; i32 |x| to_i32(x).into());
cast!(to i64, from f32: |x| to_i64(x.into()), from f64: |x| to_i64(x), from bool: |x| x.into());
cast!(to bool, from f32: |x| x != 0.0, from f64: |x| x != 0.0, from i64: |x| x != 0);

/// Truncates toward zero; out-of-range values become the smallest integer, as on x86.
macro_rules! truncate {
    ($name:ident, $t:ident, |$x:ident| $fits:expr) => {
        #[inline(always)]
        fn $name($x: f64) -> $t {
            let fits = $fits;
            // SAFETY: the argument is inside the range of the integers.
            let y = unsafe { if fits { $x } else { 0.0 }.to_int_unchecked::<$t>() };
            if fits { y } else { $t::MIN }
        }
    };
}
truncate!(to_i64, i64, |x| (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&x));
truncate!(to_i32, i32, |x| -2_147_483_649.0 < x && x < 2_147_483_648.0);

/// Single-step casts that involve a type that is not its own computed type.
fn shortcut(source: TypeId, out: TypeId) -> Option<Step> {
    if (source, out) == (TypeId::of::<u8>(), TypeId::of::<f32>()) {
        return Some(step!(|x: u8| -> f32 { x.into() }));
    }
    if (source, out) == (TypeId::of::<f32>(), TypeId::of::<u8>()) {
        // Where the 64-bit integer that PyTorch converts through does not fit 32 bits, its last 8 bits are 0, like
        // those of the smallest integer.
        return Some(step!(|x: f32| -> u8 { to_i32(x.into()) as u8 }));
    }
    None
}

/// The steps from one type to another; `None` where a step is not needed.
struct Conversion([Option<Step>; 3]);

impl Conversion {
    fn of<S: Stored, D: Stored>() -> Conversion {
        unsafe fn load<S: Stored>(isa: Isa, from: *const u8, to: *mut u8, n: usize) {
            // SAFETY: guaranteed by the caller.
            unsafe { S::load(isa, from.cast(), to.cast(), n) }
        }
        unsafe fn store<D: Stored>(isa: Isa, from: *const u8, to: *mut u8, n: usize) {
            // SAFETY: guaranteed by the caller.
            unsafe { D::store(isa, from.cast(), to.cast(), n) }
        }
        if let Some(step) = shortcut(TypeId::of::<S>(), TypeId::of::<D>()) {
            return Conversion([None, Some(step), None]);
        }
        let narrowed = if D::FLOATS_BY_I32 { S::Computed::CAST_TO_I32 } else { None };
        Conversion([
            (!S::DIRECT).then_some(load::<S>),
            narrowed.or_else(|| D::Computed::cast_from(TypeId::of::<S::Computed>())),
            (!D::DIRECT).then_some(store::<D>),
        ])
    }

    /// Converts contiguous elements.
    ///
    /// # Safety
    /// As for [`Step`].
    unsafe fn run(&self, isa: Isa, [from, to]: [*const u8; 2], sizes: [usize; 2], n: usize) {
        let Conversion(steps) = self;
        let last = steps.iter().rposition(Option::is_some);
        // SAFETY: guaranteed by the caller; a buffer has room for a chunk of any computed type.
        unsafe {
            if let [None, Some(step), None] | [Some(step), None, None] | [None, None, Some(step)] = *steps {
                return step(isa, from, to.cast_mut(), n);
            }
            let mut buffers = [Buffer::<u64>::NEW; 2];
            for start in (0..n).step_by(CHUNK) {
                let m = CHUNK.min(n - start);
                let mut at = from.add(start * sizes[0]);
                for (i, step) in steps.iter().enumerate() {
                    let Some(step) = step else { continue };
                    let next =
                        if last == Some(i) { to.add(start * sizes[1]).cast_mut() } else { buffers[i % 2].ptr().cast() };
                    step(isa, at, next, m);
                    at = next;
                }
            }
        }
    }
}

/// Copies elements, converting them if the types differ.
///
/// # Safety
/// As for [`unary`](super::unary); source and output must not share memory.
pub unsafe fn copy<S: Stored, D: Stored>(
    dims: &[usize],
    source: *const S,
    source_strides: &[isize],
    out: *mut D,
    out_strides: &[isize],
) {
    let operands = [Operand::new(out, out_strides), Operand::new(source, source_strides)];
    // SAFETY: guaranteed by the caller.
    unsafe {
        if TypeId::of::<S>() == TypeId::of::<D>() {
            layout::copy(dims, operands)
        } else {
            convert(dims, operands, [size_of::<S>(), size_of::<D>()], &Conversion::of::<S, D>())
        }
    }
}

/// [`copy`] between different types.
///
/// # Safety
/// As for [`copy`].
unsafe fn convert(dims: &[usize], operands: [Operand; 2], sizes: [usize; 2], conversion: &Conversion) {
    let isa = isa::isa();
    // SAFETY: guaranteed by the caller; the block is given pointers to `n` contiguous elements of each operand.
    let result = unsafe {
        layout::run(dims, operands, LIGHT, &|[out, source], n| {
            conversion.run(isa, [source, out], sizes, n);
            Ok(())
        })
    };
    debug_assert!(result.is_ok());
}

/// Sets every element to `value`.
///
/// # Safety
/// `out` with its strides must be valid for `dims`, and no two of its elements may overlap.
pub unsafe fn fill<T: Stored>(dims: &[usize], out: *mut T, out_strides: &[isize], value: T) {
    let scalar = [0; crate::MAX_RANK];
    assert!(dims.len() <= scalar.len(), "fill: {} dimensions, at most {}", dims.len(), scalar.len());
    let operands = [Operand::new(out, out_strides), Operand::new(&value, &scalar[..dims.len()])];
    // SAFETY: guaranteed by the caller; `value` outlives the copy.
    unsafe { layout::copy(dims, operands) }
}
