//! Sixteen elements side by side: what the loops of the floating-point kernels are made of.
//!
//! Loops over lanes are written out (by [`lanes!`]) instead of with closures: a closure that the compiler does not inline is
//! compiled without the instruction set of the kernel around it.

use crate::float::Float;
use crate::simd::Simd;

/// Elements side by side: a register of f32 with AVX-512, two with AVX2.
pub(crate) const LANES: usize = 16;

/// The lanes of a `[T; LANES]`, each from its number: `lanes!(T, l => x[l] + y[l])`.
macro_rules! lanes {
    ($t:ty, $l:ident => $value:expr) => {{
        let mut out = [<$t>::ZERO; $crate::lanes::LANES];
        for $l in 0..$crate::lanes::LANES {
            out[$l] = $value;
        }
        out
    }};
}
pub(crate) use lanes;

/// What becomes of an element, from its values in `K` arrays: a closure that is certain to be inlined.
pub(crate) trait Body<T, const K: usize>: Copy {
    fn of<S: Simd>(self, x: [T; K]) -> T;
}

/// Names a [`Body`]: `body!(Scaled { by } |x| x * by)`. The fields, if any, are of the element's type.
macro_rules! body {
    ($(#[$doc:meta])* $name:ident $k:literal |$($x:ident),*| $value:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        struct $name;

        impl<T: Float> $crate::lanes::Body<T, $k> for $name {
            #[inline(always)]
            fn of<S: Simd>(self, [$($x),*]: [T; $k]) -> T {
                $value
            }
        }
    };
    ($(#[$doc:meta])* $name:ident { $($field:ident),* } $k:literal |$($x:ident),*| $value:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        struct $name<T> { $($field: T),* }

        impl<T: Float> $crate::lanes::Body<T, $k> for $name<T> {
            #[inline(always)]
            fn of<S: Simd>(self, [$($x),*]: [T; $k]) -> T {
                let $name { $($field),* } = self;
                $value
            }
        }
    };
}
pub(crate) use body;

/// Chunks of lanes added in the element's type before they go into a sum in f64.
const BLOCK: usize = 64 * LANES;

/// Applies `body` to the elements of `x`, of which the first array gives the number. Writes the results to `y` if WRITE, and
/// returns their sum if SUM; `pad` fills lanes that are left over at the end, of which `body` makes zeros if they are summed.
#[inline(always)]
fn sweep<S: Simd, T: Float, const K: usize, const WRITE: bool, const SUM: bool>(
    x: [&[T]; K],
    pad: [T; K],
    y: &mut [T],
    body: impl Body<T, K>,
) -> f64 {
    let n = x[0].len();
    for x in x {
        assert_eq!(x.len(), n);
    }
    if WRITE {
        assert_eq!(y.len(), n);
    }
    let mut sum = 0.0;
    let mut start = 0;
    while start < n {
        let end = n.min(start + BLOCK);
        let mut sums = [T::ZERO; LANES];
        let mut at = start;
        while at + LANES <= end {
            let mut chunks = [[T::ZERO; LANES]; K];
            for k in 0..K {
                // SAFETY: below the length of every array.
                chunks[k] = unsafe { x[k].as_ptr().add(at).cast::<[T; LANES]>().read_unaligned() };
            }
            let out = chunk::<S, T, K>(&chunks, body);
            if SUM {
                for l in 0..LANES {
                    sums[l] += out[l];
                }
            }
            if WRITE {
                // SAFETY: as above.
                unsafe { y.as_mut_ptr().add(at).cast::<[T; LANES]>().write_unaligned(out) };
            }
            at += LANES;
        }
        if at < end {
            let mut chunks = [[T::ZERO; LANES]; K];
            for k in 0..K {
                chunks[k] = [pad[k]; LANES];
                for (place, &x) in chunks[k].iter_mut().zip(&x[k][at..]) {
                    *place = x;
                }
            }
            let out = chunk::<S, T, K>(&chunks, body);
            if SUM {
                for l in 0..LANES {
                    sums[l] += out[l];
                }
            }
            if WRITE {
                for (place, x) in y[at..].iter_mut().zip(out) {
                    *place = x;
                }
            }
        }
        if SUM {
            sum += total(lanes!(f64, l => sums[l].wide()));
        }
        start = end;
    }
    sum
}

#[inline(always)]
fn chunk<S: Simd, T: Float, const K: usize>(chunks: &[[T; LANES]; K], body: impl Body<T, K>) -> [T; LANES] {
    lanes!(T, l => {
        let mut x = [T::ZERO; K];
        for k in 0..K {
            x[k] = chunks[k][l];
        }
        body.of::<S>(x)
    })
}

/// Writes `body` of the elements of `x` to `y`.
#[inline(always)]
pub(crate) fn map<S: Simd, T: Float, const K: usize>(x: [&[T]; K], y: &mut [T], body: impl Body<T, K>) {
    sweep::<S, T, K, true, false>(x, [T::ZERO; K], y, body);
}

/// Writes `body` of the elements of `x` to `y`, and returns the sum; `body` makes zeros of `pad`.
#[inline(always)]
pub(crate) fn map_sum<S: Simd, T: Float, const K: usize>(
    x: [&[T]; K],
    pad: [T; K],
    y: &mut [T],
    body: impl Body<T, K>,
) -> f64 {
    sweep::<S, T, K, true, true>(x, pad, y, body)
}

/// The sum of `body` of the elements of `x`; `body` makes zeros of `pad`.
#[inline(always)]
pub(crate) fn sum<S: Simd, T: Float, const K: usize>(x: [&[T]; K], pad: [T; K], body: impl Body<T, K>) -> f64 {
    sweep::<S, T, K, false, true>(x, pad, &mut [], body)
}

/// Replaces the elements of `y` by `body` of them.
#[inline(always)]
pub(crate) fn map_in_place<S: Simd, T: Float>(y: &mut [T], body: impl Body<T, 1>) {
    let (chunks, rest) = y.as_chunks_mut::<LANES>();
    for y in chunks {
        *y = chunk::<S, T, 1>(&[*y], body);
    }
    for y in rest {
        *y = body.of::<S>([*y]);
    }
}

/// `row[c..c + LANES]`, with `pad` beyond the end.
#[inline(always)]
pub(crate) fn read_or<T: Copy>(row: &[T], c: usize, pad: T) -> [T; LANES] {
    let rest = &row[c..];
    match rest.first_chunk::<LANES>() {
        Some(&chunk) => chunk,
        None => {
            let mut chunk = [pad; LANES];
            for (place, &x) in chunk.iter_mut().zip(rest) {
                *place = x;
            }
            chunk
        }
    }
}

/// Writes `row[c..c + LANES]`, nothing beyond the end.
#[inline(always)]
pub(crate) fn write<T: Copy>(row: &mut [T], c: usize, chunk: [T; LANES]) {
    let rest = &mut row[c..];
    match rest.first_chunk_mut::<LANES>() {
        Some(place) => *place = chunk,
        None => {
            for (place, x) in rest.iter_mut().zip(chunk) {
                *place = x;
            }
        }
    }
}

/// The sum of all lanes, as a tree.
#[inline(always)]
pub(crate) fn total(mut lanes: [f64; LANES]) -> f64 {
    let mut width = LANES / 2;
    while width > 0 {
        for l in 0..width {
            lanes[l] += lanes[l + width];
        }
        width /= 2;
    }
    lanes[0]
}
