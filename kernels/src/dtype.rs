//! The element types: the single list of them, and how each one is stored and computed.
//!
//! The *stored* type is an element's representation in memory, the *computed* type the one that arithmetic uses: 16-bit
//! floats compute in `f32` and round once, narrow integers compute in `i64` and wrap. `bool`, `i64`, `f32` and `f64`
//! are their own computed types. So arithmetic is compiled for four types, and an additional stored type costs two
//! conversions.

use crate::elementwise::Arithmetic;
use crate::half::{Bf16, F16};
use crate::isa::Isa;
use crate::reduce::{FloatElement, Reduce};
use crate::simd::{Kernel, Simd, dispatch};
use std::fmt::Debug;

/// Calls the macro `$callback` with the list of element types, grouped by category, after any tokens that the caller
/// passes.
///
/// The callback matches all categories uniformly, as here, or by their names `Bool`, `Integer` and `Float`:
///
/// ```
/// macro_rules! names {
///     ($($category:ident {
///         $($(#[$doc:meta])* $variant:ident: $stored:ty as $computed:ty, $name:literal, $safetensors:literal;)*
///     })*) => {
///         [$($($name),*),*]
///     };
/// }
/// assert_eq!(rushlight_kernels::for_each_dtype!(names)[5..7], ["int64", "float16"]);
/// ```
///
/// `$stored` and `$computed` are types, `$name` is PyTorch's name of the type and `$safetensors` its name in
/// safetensors files.
#[macro_export]
macro_rules! for_each_dtype {
    ($callback:ident $($arguments:tt)*) => {
        $callback! {
            $($arguments)*
            Bool {
                /// Booleans, one byte each.
                Bool: bool as bool, "bool", "BOOL";
            }
            Integer {
                /// Unsigned 8-bit integers, the type of images.
                U8: u8 as i64, "uint8", "U8";
                /// Signed 8-bit integers.
                I8: i8 as i64, "int8", "I8";
                /// Signed 16-bit integers.
                I16: i16 as i64, "int16", "I16";
                /// Signed 32-bit integers.
                I32: i32 as i64, "int32", "I32";
                /// Signed 64-bit integers, the type of indices and class labels.
                I64: i64 as i64, "int64", "I64";
            }
            Float {
                /// 16-bit floating-point numbers of IEEE 754: 5 bits of exponent, 11 of precision.
                F16: $crate::half::F16 as f32, "float16", "F16";
                /// 16-bit floating-point numbers with the range of `f32`: 8 bits of exponent, 8 of precision.
                Bf16: $crate::half::Bf16 as f32, "bfloat16", "BF16";
                /// 32-bit floating-point numbers, the default.
                F32: f32 as f32, "float32", "F32";
                /// 64-bit floating-point numbers.
                F64: f64 as f64, "float64", "F64";
            }
        }
    };
}

/// The type of an element in memory. Every kernel that is defined for a category supports all of its types.
pub trait Stored: Copy + Default + PartialEq + PartialOrd + Debug + Send + Sync + 'static {
    /// The type that arithmetic uses.
    type Computed: Computed;

    /// Whether this is its own computed type, so that no conversion is needed.
    const DIRECT: bool = false;

    /// Whether floating-point values that are cast to this type are first converted to 32-bit integers, as in PyTorch:
    /// out-of-range values then become the smallest 32-bit integer.
    const FLOATS_BY_I32: bool = false;

    /// Converts to the computed type, exactly.
    fn widen(self) -> Self::Computed;

    /// The nearest value of this type, ties to even; integers wrap.
    fn narrow(x: Self::Computed) -> Self;

    /// [`widen`](Self::widen) of `n` contiguous elements, inlined into a kernel.
    ///
    /// # Safety
    /// The processor supports `S`. Both sides have `n` elements, and do not overlap.
    #[inline(always)]
    unsafe fn widen_block<S: Simd>(from: *const Self, to: *mut Self::Computed, n: usize) {
        for i in 0..n {
            // SAFETY: `i < n`.
            unsafe { to.add(i).write((*from.add(i)).widen()) };
        }
    }

    /// [`narrow`](Self::narrow) of `n` contiguous elements, inlined into a kernel.
    ///
    /// # Safety
    /// As for [`widen_block`](Self::widen_block).
    #[inline(always)]
    unsafe fn narrow_block<S: Simd>(from: *const Self::Computed, to: *mut Self, n: usize) {
        for i in 0..n {
            // SAFETY: `i < n`.
            unsafe { to.add(i).write(Self::narrow(*from.add(i))) };
        }
    }

    /// [`widen`](Self::widen) of `n` contiguous elements with this instruction set; compiled in this crate.
    ///
    /// # Safety
    /// Both sides have `n` elements, and do not overlap.
    unsafe fn load(isa: Isa, from: *const Self, to: *mut Self::Computed, n: usize);

    /// [`narrow`](Self::narrow) of `n` contiguous elements with this instruction set; compiled in this crate.
    ///
    /// # Safety
    /// As for [`load`](Self::load).
    unsafe fn store(isa: Isa, from: *const Self::Computed, to: *mut Self, n: usize);
}

/// A type that arithmetic is compiled for: `bool`, `i64`, `f32` or `f64`.
pub trait Computed: Stored<Computed = Self> + Arithmetic + Reduce {}
impl<T: Stored<Computed = T> + Arithmetic + Reduce> Computed for T {}

/// A stored type of floating-point numbers.
pub trait StoredFloat: Stored<Computed: FloatElement> {}
impl<T: Stored<Computed: FloatElement>> StoredFloat for T {}

struct Widen<T: Stored> {
    from: *const T,
    to: *mut T::Computed,
    n: usize,
}

impl<T: Stored> Kernel for Widen<T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        // SAFETY: the creator of this kernel guarantees `n` elements at each pointer; `dispatch` has checked the
        // processor.
        unsafe { T::widen_block::<S>(self.from, self.to, self.n) }
    }
}

struct Narrow<T: Stored> {
    from: *const T::Computed,
    to: *mut T,
    n: usize,
}

impl<T: Stored> Kernel for Narrow<T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        // SAFETY: as in `Widen`.
        unsafe { T::narrow_block::<S>(self.from, self.to, self.n) }
    }
}

/// Types that are their own computed type.
macro_rules! direct {
    ($($t:ty)*) => {$(
        impl Stored for $t {
            type Computed = $t;
            const DIRECT: bool = true;

            #[inline(always)]
            fn widen(self) -> $t {
                self
            }

            #[inline(always)]
            fn narrow(x: $t) -> $t {
                x
            }

            unsafe fn load(_isa: Isa, from: *const $t, to: *mut $t, n: usize) {
                // SAFETY: guaranteed by the caller.
                unsafe { from.copy_to_nonoverlapping(to, n) }
            }

            unsafe fn store(_isa: Isa, from: *const $t, to: *mut $t, n: usize) {
                // SAFETY: guaranteed by the caller.
                unsafe { from.copy_to_nonoverlapping(to, n) }
            }
        }
    )*};
}
direct!(bool i64 f32 f64);

/// Types that are converted: to the computed type, from it, and further items of the implementation.
macro_rules! converted {
    ($t:ty as $computed:ty, |$x:ident| $widen:expr, |$y:ident| $narrow:expr $(, { $($own:tt)* })?) => {
        impl Stored for $t {
            type Computed = $computed;

            #[inline(always)]
            fn widen(self) -> $computed {
                let $x = self;
                $widen
            }

            #[inline(always)]
            fn narrow($y: $computed) -> $t {
                $narrow
            }

            $($($own)*)?

            unsafe fn load(isa: Isa, from: *const $t, to: *mut $computed, n: usize) {
                dispatch(isa, Widen { from, to, n })
            }

            unsafe fn store(isa: Isa, from: *const $computed, to: *mut $t, n: usize) {
                dispatch(isa, Narrow { from, to, n })
            }
        }
    };
}
converted!(u8 as i64, |x| x.into(), |y| y as u8);
converted!(i8 as i64, |x| x.into(), |y| y as i8, {
    const FLOATS_BY_I32: bool = true;
});
converted!(i16 as i64, |x| x.into(), |y| y as i16, {
    const FLOATS_BY_I32: bool = true;
});
converted!(i32 as i64, |x| x.into(), |y| y as i32, {
    const FLOATS_BY_I32: bool = true;
});
converted!(Bf16 as f32, |x| x.to_f32(), |y| Bf16::from_f32(y));
converted!(F16 as f32, |x| x.to_f32(), |y| F16::from_f32(y), {
    #[inline(always)]
    unsafe fn widen_block<S: Simd>(from: *const F16, to: *mut f32, n: usize) {
        // SAFETY: guaranteed by the caller.
        unsafe { F16::widen::<S>(from, to, n) }
    }

    #[inline(always)]
    unsafe fn narrow_block<S: Simd>(from: *const f32, to: *mut F16, n: usize) {
        // SAFETY: guaranteed by the caller.
        unsafe { F16::narrow::<S>(from, to, n) }
    }
});

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks of every length convert like single elements, with every instruction set.
    fn blocks<T: Stored>(elements: &[T], bits: fn(T::Computed) -> u64, stored_bits: fn(T) -> u64)
    where
        T::Computed: Default,
    {
        for isa in Isa::available() {
            for n in [0, 1, 7, 8, 15, 16, 17, 40, elements.len()] {
                let mut wide = vec![T::Computed::default(); n];
                let mut back = vec![T::default(); n];
                // SAFETY: the vectors have `n` elements.
                unsafe {
                    T::load(isa, elements.as_ptr(), wide.as_mut_ptr(), n);
                    T::store(isa, wide.as_ptr(), back.as_mut_ptr(), n);
                }
                for i in 0..n {
                    assert_eq!(bits(wide[i]), bits(elements[i].widen()), "{isa:?}: {:?} of {n}", elements[i]);
                    assert_eq!(stored_bits(back[i]), stored_bits(T::narrow(elements[i].widen())), "{isa:?} of {n}");
                }
            }
        }
    }

    #[test]
    fn every_element_is_converted() {
        let halves: Vec<F16> = (0..=u16::MAX).map(F16).collect();
        blocks(&halves, |x| if x.is_nan() { 1 << 32 } else { x.to_bits().into() }, |x| x.0.into());
        let halves: Vec<Bf16> = (0..=u16::MAX).map(Bf16).collect();
        blocks(&halves, |x| if x.is_nan() { 1 << 32 } else { x.to_bits().into() }, |x| x.0.into());
        blocks(&(0..=u8::MAX).collect::<Vec<_>>(), |x| x as u64, |x| x.into());
        blocks(&(i8::MIN..=i8::MAX).collect::<Vec<_>>(), |x| x as u64, |x| x as u64);
        blocks(&(i16::MIN..=i16::MAX).collect::<Vec<_>>(), |x| x as u64, |x| x as u64);
        let ints: Vec<i32> = (0..100).map(|i| i32::MIN.wrapping_add(0x0303_0303i32.wrapping_mul(i))).collect();
        blocks(&ints, |x| x as u64, |x| x as u64);
    }

    #[test]
    fn all_instruction_sets_round_floats_identically() {
        // Values of every magnitude, including ties and their neighbors, and non-finite values.
        let mut numbers: Vec<f32> = (0..400_000u32).map(|i| f32::from_bits(i.wrapping_mul(0x0001_0801))).collect();
        numbers.extend([65519.0, 65520.0, 65504.0, 2f32.powi(-25), 2f32.powi(-24), f32::MAX, f32::INFINITY, f32::NAN]);
        for isa in Isa::available() {
            let (mut halves, mut bf16s) = (vec![F16(0); numbers.len()], vec![Bf16(0); numbers.len()]);
            // SAFETY: the vectors have as many elements.
            unsafe {
                F16::store(isa, numbers.as_ptr(), halves.as_mut_ptr(), numbers.len());
                Bf16::store(isa, numbers.as_ptr(), bf16s.as_mut_ptr(), numbers.len());
            }
            for (i, &x) in numbers.iter().enumerate() {
                assert_eq!((halves[i].0, bf16s[i].0), (F16::from_f32(x).0, Bf16::from_f32(x).0), "{isa:?}: {x:e}");
            }
        }
    }

    #[test]
    fn integers_wrap() {
        assert_eq!((u8::narrow(300), u8::narrow(-1), i8::narrow(200), i16::narrow(70_000)), (44, 255, -56, 4464));
        assert_eq!(i32::narrow(i64::from(i32::MAX) + 1), i32::MIN);
    }
}
