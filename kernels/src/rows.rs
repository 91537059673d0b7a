//! Plain loops over rows of elements, the building blocks of the floating-point kernels.
//!
//! The function of an element is a [`Body`] and not a closure: a closure that the compiler does not inline is compiled
//! without the instruction set of the surrounding kernel. The loops contain nothing that prevents vectorization: sums,
//! whose order must be fixed, run over blocks of precomputed terms.

use crate::float::Float;
use crate::isa::{self, Isa};
use crate::reduce::sum_row;
use crate::simd::{LINE, Simd, prefetch};
use crate::split::TASK;
use std::mem::MaybeUninit;

/// Terms computed before they are summed.
const BLOCK: usize = 1024;
/// Elements between two prefetches, or between two runs of non-temporal stores.
const STEP: usize = 256;
/// Accumulators of a maximum.
const LANES: usize = 64;

/// Memory-access strategy: prefetch distance and non-temporal stores, used only for arrays larger than the last-level cache.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flow {
    /// Prefetch distance in elements; 0 disables prefetching.
    pub(crate) ahead: usize,
    /// Whether results are written with non-temporal stores.
    pub(crate) stream: bool,
}

impl Flow {
    /// Returns the strategy for writing rows of `row` elements to `out` with a prefetch distance of `ahead` elements.
    pub(crate) fn new<T>(out: &[T], row: usize, ahead: usize) -> Self {
        if size_of_val(out) < isa::caches().l3 {
            return Flow::default();
        }
        // Rows may begin and end inside a cache line; non-temporal stores pay off only if most of a row is full lines.
        Flow { ahead, stream: row * size_of::<T>() >= 8 * LINE }
    }

    /// Returns the number of elements of a task; longer with prefetching, so that useless prefetches past its end do not matter.
    pub(crate) fn task(self) -> usize {
        if self.ahead == 0 { TASK } else { 16 * TASK }
    }

    /// Returns the number of elements between two prefetches, at most `most`.
    #[inline(always)]
    fn step(self, most: usize) -> usize {
        if self.ahead == 0 { most } else { STEP }
    }

    /// Prefetches `len` elements of each array in `x`, at the prefetch distance.
    #[inline(always)]
    pub(crate) fn fetch<T, const K: usize>(self, x: [*const T; K], len: usize) {
        if self.ahead == 0 {
            return;
        }
        for x in x {
            for i in (0..len).step_by(LINE / size_of::<T>()) {
                prefetch(x.wrapping_add(self.ahead + i));
            }
        }
    }
}

/// An elementwise function of the elements of `K` arrays.
pub(crate) trait Body<T, const K: usize>: Copy {
    fn of<S: Simd>(self, x: [T; K]) -> T;
}

/// Defines a [`Body`]: `body!(Scaled { by } 1 |x| x * by)` for one array. The fields, if any, have the element's type.
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
            // SAFETY: guaranteed by the caller.
            element[k] = unsafe { *x[k].add(i) };
        }
        // SAFETY: guaranteed by the caller.
        unsafe { y.add(i).write(body.of::<S>(element)) };
    }
}

/// Pointers to element `at` of each array.
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

/// [`map`] with the strategy `flow`.
#[inline(always)]
pub(crate) fn map_flow<S: Simd, T: Float, const K: usize>(
    x: [&[T]; K],
    y: &mut [T],
    body: impl Body<T, K>,
    flow: Flow,
) {
    let n = y.len();
    let align = y.as_ptr() as usize % LINE;
    if !flow.stream || S::ISA == Isa::Portable || !align.is_multiple_of(size_of::<T>()) {
        return map::<S, T, K>(x, y, body);
    }
    same_length(x, n);
    let mut buffer = Aligned(MaybeUninit::<[T; STEP]>::uninit());
    let buffer: *mut T = buffer.0.as_mut_ptr().cast();
    // Up to the first whole cache line, then whole lines.
    let head = ((LINE - align) % LINE / size_of::<T>()).min(n);
    let lines = (n - head) / (LINE / size_of::<T>());
    let tail = head + lines * (LINE / size_of::<T>());
    // SAFETY: the lengths were compared, `y` is borrowed mutably, and a step fits the buffer; `y + start` is aligned to
    // a cache line.
    unsafe {
        let y = y.as_mut_ptr();
        map_raw::<S, T, K>(starts(x, 0), y, head, body);
        for start in (head..tail).step_by(STEP) {
            let len = STEP.min(tail - start);
            flow.fetch(starts(x, start), len);
            map_raw::<S, T, K>(starts(x, start), buffer, len, body);
            S::stream(buffer.cast(), y.add(start).cast(), len * size_of::<T>() / LINE);
        }
        map_raw::<S, T, K>(starts(x, tail), y.add(tail), n - tail, body);
    }
}

#[repr(align(64))]
struct Aligned<T>(T);

/// Replaces the elements of `y` by `body` of them.
#[inline(always)]
pub(crate) fn map_in_place<S: Simd, T: Float>(y: &mut [T], body: impl Body<T, 1>) {
    for y in y {
        *y = body.of::<S>([*y]);
    }
}

/// Writes `body` of the elements of `x` to `y`, and returns the sum.
#[inline(always)]
pub(crate) fn map_sum<S: Simd, T: Float, const K: usize>(
    x: [&[T]; K],
    y: &mut [T],
    body: impl Body<T, K>,
    flow: Flow,
) -> f64 {
    same_length(x, y.len());
    let mut sum = 0.0;
    for (block, y) in y.chunks_mut(BLOCK).enumerate() {
        // SAFETY: the lengths were compared, and `y` is borrowed mutably.
        unsafe {
            let step = flow.step(BLOCK);
            for start in (0..y.len()).step_by(step) {
                let len = step.min(y.len() - start);
                let x = starts(x, block * BLOCK + start);
                flow.fetch(x, len);
                map_raw::<S, T, K>(x, y.as_mut_ptr().add(start), len, body);
            }
            sum += sum_row::<S, T>(y.as_ptr(), y.len(), 1);
        }
    }
    sum
}

/// The maximum, ignoring NaN; minus infinity if there is none.
#[inline(always)]
pub(crate) fn largest<T: Float>(x: &[T]) -> T {
    let larger = |max: T, x: T| if x > max { x } else { max };
    let mut max = T::NEG_INFINITY;
    let (chunks, rest) = x.as_chunks::<LANES>();
    if !chunks.is_empty() {
        let mut lanes = [T::NEG_INFINITY; LANES];
        for chunk in chunks {
            for l in 0..LANES {
                lanes[l] = larger(lanes[l], chunk[l]);
            }
        }
        let mut width = LANES / 2;
        while width > 0 {
            for l in 0..width {
                lanes[l] = larger(lanes[l], lanes[l + width]);
            }
            width /= 2;
        }
        max = lanes[0];
    }
    for &x in rest {
        max = larger(max, x);
    }
    max
}

/// The sums of several bodies of the elements of `x`.
pub(crate) trait Sums<T, const K: usize, const N: usize>: Copy {
    /// Writes the terms of `n` elements.
    ///
    /// # Safety
    /// `n` elements of each array can be read, and of each of `terms` written; the latter overlap nothing.
    unsafe fn terms<S: Simd>(self, x: [*const T; K], terms: [*mut T; N], n: usize);
}

impl<T: Float, const K: usize, A: Body<T, K>> Sums<T, K, 1> for [A; 1] {
    #[inline(always)]
    unsafe fn terms<S: Simd>(self, x: [*const T; K], terms: [*mut T; 1], n: usize) {
        // SAFETY: guaranteed by the caller.
        unsafe { map_raw::<S, T, K>(x, terms[0], n, self[0]) }
    }
}

impl<T: Float, const K: usize, A: Body<T, K>, B: Body<T, K>> Sums<T, K, 2> for (A, B) {
    #[inline(always)]
    unsafe fn terms<S: Simd>(self, x: [*const T; K], terms: [*mut T; 2], n: usize) {
        // SAFETY: guaranteed by the caller.
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
    sums_flow::<S, T, K, N>(x, bodies, Flow::default())
}

/// [`sums`] with the strategy `flow`.
#[inline(always)]
pub(crate) fn sums_flow<S: Simd, T: Float, const K: usize, const N: usize>(
    x: [&[T]; K],
    bodies: impl Sums<T, K, N>,
    flow: Flow,
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
            let step = flow.step(BLOCK);
            for at in (0..len).step_by(step) {
                let step = step.min(len - at);
                flow.fetch(starts(x, start + at), step);
                let mut terms = terms;
                for term in &mut terms {
                    *term = term.add(at);
                }
                bodies.terms::<S>(starts(x, start + at), terms, step);
            }
            for (sum, term) in sums.iter_mut().zip(terms) {
                *sum += sum_row::<S, T>(term, len, 1);
            }
        }
    }
    sums
}
