//! Sixteen elements side by side: what the loops of the floating-point kernels are made of.
//!
//! Loops over lanes are written out (by [`lanes!`]) instead of with closures: a closure that the compiler does not inline is
//! compiled without the instruction set of the kernel around it.

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
