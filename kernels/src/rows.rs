//! Plain loops over rows of elements, from which the floating-point kernels are made.
//!
//! What happens to an element is a [`Body`] and not a closure: a closure that the compiler does not inline is compiled without
//! the instruction set of the kernel around it. The loops have nothing in them that keeps them from being vectorised: sums,
//! whose order must be chosen, run over blocks of finished terms.

use crate::float::Float;
use crate::reduce::sum_row;
use crate::simd::Simd;
use std::mem::MaybeUninit;

/// Terms computed before they are summed.
const BLOCK: usize = 1024;

/// What becomes of an element, from its values in `K` arrays.
pub(crate) trait Body<T, const K: usize>: Copy {
    fn of<S: Simd>(self, x: [T; K]) -> T;
}

/// Names a [`Body`]: `body!(Scaled { by } 1 |x| x * by)` for one array. The fields, if any, are of the element's type.
macro_rules! body {
    ($(#[$doc:meta])* $name:ident $k:literal |$($x:ident),*| $value:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name;

        impl<T: Float> $crate::rows::Body<T, $k> for $name {
            #[inline(always)]
            fn of<S: Simd>(self, [$($x),*]: [T; $k]) -> T {
                $value
            }
        }
    };
    ($(#[$doc:meta])* $name:ident { $($field:ident),* } $k:literal |$($x:ident),*| $value:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name<T> { $(pub(crate) $field: T),* }

        impl<T: Float> $crate::rows::Body<T, $k> for $name<T> {
            #[inline(always)]
            fn of<S: Simd>(self, [$($x),*]: [T; $k]) -> T {
                let $name { $($field),* } = self;
                $value
            }
        }
    };
}
pub(crate) use body;

/// Writes `body` of `n` elements of the arrays `x` to `y`.
///
/// # Safety
/// `n` elements of each array can be read, and of `y` written; `y` overlaps none of them.
#[inline(always)]
unsafe fn map_raw<S: Simd, T: Float, const K: usize>(x: [*const T; K], y: *mut T, n: usize, body: impl Body<T, K>) {
    for i in 0..n {
        let mut element = [T::ZERO; K];
        for k in 0..K {
            // SAFETY: the caller's promise.
            element[k] = unsafe { *x[k].add(i) };
        }
        // SAFETY: the caller's promise.
        unsafe { y.add(i).write(body.of::<S>(element)) };
    }
}

/// The arrays' starts, from element `at` on.
#[inline(always)]
fn starts<T, const K: usize>(x: [&[T]; K], at: usize) -> [*const T; K] {
    let mut starts = [std::ptr::null(); K];
    for k in 0..K {
        starts[k] = x[k].as_ptr().wrapping_add(at);
    }
    starts
}

#[inline(always)]
fn same_length<T, const K: usize>(x: [&[T]; K], n: usize) {
    for x in x {
        assert_eq!(x.len(), n);
    }
}

/// Writes `body` of the elements of `x` to `y`.
#[inline(always)]
pub(crate) fn map<S: Simd, T: Float, const K: usize>(x: [&[T]; K], y: &mut [T], body: impl Body<T, K>) {
    same_length(x, y.len());
    // SAFETY: the lengths were compared, and `y` is borrowed mutably.
    unsafe { map_raw::<S, T, K>(starts(x, 0), y.as_mut_ptr(), y.len(), body) };
}

/// Replaces the elements of `y` by `body` of them.
#[inline(always)]
pub(crate) fn map_in_place<S: Simd, T: Float>(y: &mut [T], body: impl Body<T, 1>) {
    for y in y {
        *y = body.of::<S>([*y]);
    }
}

/// Writes `body` of the elements of `x` to `y`, and returns the sum.
#[inline(always)]
pub(crate) fn map_sum<S: Simd, T: Float, const K: usize>(x: [&[T]; K], y: &mut [T], body: impl Body<T, K>) -> f64 {
    same_length(x, y.len());
    let mut sum = 0.0;
    for (block, y) in y.chunks_mut(BLOCK).enumerate() {
        // SAFETY: the lengths were compared, and `y` is borrowed mutably.
        unsafe {
            map_raw::<S, T, K>(starts(x, block * BLOCK), y.as_mut_ptr(), y.len(), body);
            sum += sum_row::<S, T>(y.as_ptr(), y.len(), 1);
        }
    }
    sum
}

/// The sums of several bodies of the elements of `x`.
pub(crate) trait Sums<T, const K: usize, const N: usize>: Copy {
    /// Writes the terms of `n` elements.
    ///
    /// # Safety
    /// `n` elements of each array can be read, and of each of `terms` written; these overlap nothing.
    unsafe fn terms<S: Simd>(self, x: [*const T; K], terms: [*mut T; N], n: usize);
}

impl<T: Float, const K: usize, A: Body<T, K>> Sums<T, K, 1> for [A; 1] {
    #[inline(always)]
    unsafe fn terms<S: Simd>(self, x: [*const T; K], terms: [*mut T; 1], n: usize) {
        // SAFETY: passed on.
        unsafe { map_raw::<S, T, K>(x, terms[0], n, self[0]) }
    }
}

impl<T: Float, const K: usize, A: Body<T, K>, B: Body<T, K>> Sums<T, K, 2> for (A, B) {
    #[inline(always)]
    unsafe fn terms<S: Simd>(self, x: [*const T; K], terms: [*mut T; 2], n: usize) {
        // SAFETY: passed on.
        unsafe {
            map_raw::<S, T, K>(x, terms[0], n, self.0);
            map_raw::<S, T, K>(x, terms[1], n, self.1);
        }
    }
}

/// Sums over the elements of `x`: `sums([body])`, or `sums((first, second))` for two in one pass over memory.
#[inline(always)]
pub(crate) fn sums<S: Simd, T: Float, const K: usize, const N: usize>(
    x: [&[T]; K],
    bodies: impl Sums<T, K, N>,
) -> [f64; N] {
    let n = x[0].len();
    same_length(x, n);
    let mut buffers = [const { MaybeUninit::<[T; BLOCK]>::uninit() }; N];
    let mut terms = [std::ptr::null_mut::<T>(); N];
    for (term, buffer) in terms.iter_mut().zip(&mut buffers) {
        *term = buffer.as_mut_ptr().cast();
    }
    let mut sums = [0.0; N];
    for start in (0..n).step_by(BLOCK) {
        let len = BLOCK.min(n - start);
        // SAFETY: the lengths were compared; the buffers are long enough, and filled before they are summed.
        unsafe {
            bodies.terms::<S>(starts(x, start), terms, len);
            for (sum, term) in sums.iter_mut().zip(terms) {
                *sum += sum_row::<S, T>(term, len, 1);
            }
        }
    }
    sums
}
