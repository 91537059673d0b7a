//! Softmax and log-softmax over one dimension, with their gradients.
//!
//! Arrays are contiguous and seen as `[outer, n, inner]`; the softmax runs over `n`. The largest element is taken off before
//! the exponential, so nothing overflows; a row with nan, with +inf, or of -inf only gives nan, as in PyTorch.

use crate::cpu;
use crate::float::Float;
use crate::reduce::{max_row, sum_row};
use crate::rows::{body, map, map_in_place, map_sum, sums};
use crate::simd::{Kernel, Simd, dispatch};
use crate::split::{Parts, TASK, for_ranges};
use crate::threads::parallel_tasks;
use std::ops::Range;

/// Columns handled together where `inner` is not 1.
pub(crate) const TILE: usize = 128;

/// `exp(x - max) / sum(exp(x - max))` over the middle dimension. Within about 2 ulp.
///
/// # Panics
/// If a slice does not have `outer * n * inner` elements.
pub fn softmax<T: Float>(x: &[T], y: &mut [T], outer: usize, n: usize, inner: usize) {
    forward::<T, false>(x, y, outer, n, inner);
}

/// `x - max - log(sum(exp(x - max)))` over the middle dimension.
///
/// # Panics
/// If a slice does not have `outer * n * inner` elements.
pub fn log_softmax<T: Float>(x: &[T], y: &mut [T], outer: usize, n: usize, inner: usize) {
    forward::<T, true>(x, y, outer, n, inner);
}

/// The gradient through [`softmax`] from its output: `dx = y * (g - sum(g * y))`.
///
/// # Panics
/// If a slice does not have `outer * n * inner` elements.
pub fn softmax_backward<T: Float>(y: &[T], g: &[T], dx: &mut [T], outer: usize, n: usize, inner: usize) {
    backward::<T, false>(y, g, dx, outer, n, inner);
}

/// The gradient through [`log_softmax`] from its output: `dx = g - exp(y) * sum(g)`.
///
/// # Panics
/// If a slice does not have `outer * n * inner` elements.
pub fn log_softmax_backward<T: Float>(y: &[T], g: &[T], dx: &mut [T], outer: usize, n: usize, inner: usize) {
    backward::<T, true>(y, g, dx, outer, n, inner);
}

/// A loop body as a kernel, so that the functions below can be written as closures over it.
macro_rules! kernel {
    ($name:ident<$($life:lifetime,)? $t:ident $(, const $c:ident: bool)?> { $($field:ident: $ty:ty),* } -> $out:ty, $s:ident => $body:block) => {
        struct $name<$($life,)? $t: Float $(, const $c: bool)?> { $($field: $ty),* }
        impl<$($life,)? $t: Float $(, const $c: bool)?> Kernel for $name<$($life,)? $t $(, $c)?> {
            type Output = $out;
            #[inline(always)]
            fn run<$s: Simd>(self) -> $out {
                let $name { $($field),* } = self;
                $body
            }
        }
    };
}

// ---------------------------------------------------------------------------------------------------- contiguous rows

body!(
    /// `exp(x - max)`
    Exp { max } 1 |x| (x - max).exp::<S>()
);
body!(
    /// `exp(x - max) / sum`
    Share { max, sum } 1 |x| (x - max).exp::<S>() / sum
);
body!(
    /// `x / sum`
    Over { sum } 1 |x| x / sum
);
body!(
    /// `x - max`
    Above { max } 1 |x| x - max
);
body!(
    /// `x - max - log_sum`
    Log { max, log_sum } 1 |x| x - max - log_sum
);
body!(
    /// `y * g`
    Product 2 |y, g| y * g
);
body!(
    /// The gradient of softmax.
    Gradient { sum } 2 |y, g| y * (g - sum)
);
body!(
    /// The gradient of log-softmax.
    LogGradient { sum } 2 |y, g| g - y.exp::<S>() * sum
);

/// The sum of `exp(x - max)`.
#[inline(always)]
pub(crate) fn exp_sum<S: Simd, T: Float>(x: &[T], max: T) -> f64 {
    sums::<S, T, 1, 1>([x], [Exp { max }])[0]
}

/// The sum of `x - max`.
#[inline(always)]
pub(crate) fn sum_above<S: Simd, T: Float>(x: &[T], max: T) -> f64 {
    sums::<S, T, 1, 1>([x], [Above { max }])[0]
}

/// One row.
#[inline(always)]
fn row<S: Simd, T: Float, const LOG: bool>(x: &[T], y: &mut [T]) {
    let max = max_row::<S, T>(x);
    if LOG {
        let log_sum = T::of(exp_sum::<S, T>(x, max).ln());
        map::<S, T, 1>([x], y, Log { max, log_sum });
    } else {
        let sum = T::of(map_sum::<S, T, 1>([x], y, Exp { max }));
        map_in_place::<S, T>(y, Over { sum });
    }
}

kernel!(ForwardRows<'a, T, const LOG: bool> { x: &'a [T], y: &'a mut [T], n: usize } -> (), S => {
    for (x, y) in x.chunks_exact(n).zip(y.chunks_exact_mut(n)) {
        row::<S, T, LOG>(x, y);
    }
});

// Pieces of a row that is long enough to be worth two threads.
kernel!(PieceStats<'a, T> { x: &'a [T] } -> (T, f64), S => {
    let max = max_row::<S, T>(x);
    (max, exp_sum::<S, T>(x, max))
});
kernel!(PieceMap<'a, T, const LOG: bool> { x: &'a [T], y: &'a mut [T], max: T, sum: T } -> (), S => {
    if LOG {
        map::<S, T, 1>([x], y, Log { max, log_sum: sum });
    } else {
        map::<S, T, 1>([x], y, Share { max, sum });
    }
});

fn forward<T: Float, const LOG: bool>(x: &[T], y: &mut [T], outer: usize, n: usize, inner: usize) {
    let len = outer * n * inner;
    assert!(x.len() == len && y.len() == len, "softmax: slices of {} and {}, not {len}", x.len(), y.len());
    if len == 0 {
        return;
    }
    let isa = cpu::isa();
    let y = Parts::new(y);
    if inner > 1 {
        for_tiles(outer, n, inner, |range| {
            dispatch(isa, ForwardTiles::<T, LOG> { x, y: &y, n, inner, tiles: range });
        });
    } else if n < 4 * TASK {
        for_ranges(outer, n, |rows| {
            let part = rows.start * n..rows.end * n;
            // SAFETY: ranges of rows do not overlap.
            let y = unsafe { y.part(part.clone()) };
            dispatch(isa, ForwardRows::<T, LOG> { x: &x[part], y, n });
        });
    } else {
        for (o, x) in x.chunks_exact(n).enumerate() {
            let piece = |i: usize| i * TASK..n.min((i + 1) * TASK);
            let pieces = n.div_ceil(TASK);
            let mut stats = vec![(T::ZERO, 0.0); pieces];
            let shared = Parts::new(&mut stats);
            // SAFETY: every task writes its own element.
            parallel_tasks(pieces, |i| unsafe {
                shared.part(i..i + 1)[0] = dispatch(isa, PieceStats { x: &x[piece(i)] });
            });
            let max = stats.iter().fold(T::NEG_INFINITY, |max, s| max.max_nan(s.0));
            // Pieces of -inf only have a sum of nan, but count for nothing beside others.
            let scale = |&(m, sum): &(T, f64)| {
                if m == T::NEG_INFINITY && max > m { 0.0 } else { sum * (m.wide() - max.wide()).exp() }
            };
            let sum: f64 = stats.iter().map(scale).sum();
            let sum = T::of(if LOG { sum.ln() } else { sum });
            parallel_tasks(pieces, |i| {
                let range = piece(i);
                // SAFETY: pieces do not overlap.
                let y = unsafe { y.part(o * n + range.start..o * n + range.end) };
                dispatch(isa, PieceMap::<T, LOG> { x: &x[range], y, max, sum });
            });
        }
    }
}

/// The sum in a row's gradient.
#[inline(always)]
fn gradient_sum<S: Simd, T: Float, const LOG: bool>(y: &[T], g: &[T]) -> f64 {
    if LOG {
        // SAFETY: the elements of a slice.
        unsafe { sum_row::<S, T>(g.as_ptr(), g.len(), 1) }
    } else {
        sums::<S, T, 2, 1>([y, g], [Product])[0]
    }
}

/// Writes a row's gradient.
#[inline(always)]
fn gradients<S: Simd, T: Float, const LOG: bool>(y: &[T], g: &[T], dx: &mut [T], sum: T) {
    if LOG {
        map::<S, T, 2>([y, g], dx, LogGradient { sum });
    } else {
        map::<S, T, 2>([y, g], dx, Gradient { sum });
    }
}

kernel!(BackwardRows<'a, T, const LOG: bool> { y: &'a [T], g: &'a [T], dx: &'a mut [T], n: usize } -> (), S => {
    for ((y, g), dx) in y.chunks_exact(n).zip(g.chunks_exact(n)).zip(dx.chunks_exact_mut(n)) {
        let sum = T::of(gradient_sum::<S, T, LOG>(y, g));
        gradients::<S, T, LOG>(y, g, dx, sum);
    }
});
kernel!(BackwardSum<'a, T, const LOG: bool> { y: &'a [T], g: &'a [T] } -> f64, S => { gradient_sum::<S, T, LOG>(y, g) });
kernel!(BackwardMap<'a, T, const LOG: bool> { y: &'a [T], g: &'a [T], dx: &'a mut [T], sum: T } -> (), S => {
    gradients::<S, T, LOG>(y, g, dx, sum);
});

fn backward<T: Float, const LOG: bool>(y: &[T], g: &[T], dx: &mut [T], outer: usize, n: usize, inner: usize) {
    let len = outer * n * inner;
    assert!(
        y.len() == len && g.len() == len && dx.len() == len,
        "softmax backward: slices of {}, {} and {}, not {len}",
        y.len(),
        g.len(),
        dx.len()
    );
    if len == 0 {
        return;
    }
    let isa = cpu::isa();
    let dx = Parts::new(dx);
    if inner > 1 {
        for_tiles(outer, n, inner, |tiles| {
            dispatch(isa, BackwardTiles::<T, LOG> { y, g, dx: &dx, n, inner, tiles });
        });
    } else if n < 4 * TASK {
        for_ranges(outer, n, |rows| {
            let part = rows.start * n..rows.end * n;
            // SAFETY: ranges of rows do not overlap.
            let dx = unsafe { dx.part(part.clone()) };
            dispatch(isa, BackwardRows::<T, LOG> { y: &y[part.clone()], g: &g[part], dx, n });
        });
    } else {
        for o in 0..outer {
            let piece = |i: usize| o * n + i * TASK..o * n + n.min((i + 1) * TASK);
            let pieces = n.div_ceil(TASK);
            let mut sums = vec![0.0; pieces];
            let shared = Parts::new(&mut sums);
            // SAFETY: every task writes its own element.
            parallel_tasks(pieces, |i| unsafe {
                shared.part(i..i + 1)[0] = dispatch(isa, BackwardSum::<T, LOG> { y: &y[piece(i)], g: &g[piece(i)] });
            });
            let sum = T::of(sums.iter().sum());
            parallel_tasks(pieces, |i| {
                // SAFETY: pieces do not overlap.
                let dx = unsafe { dx.part(piece(i)) };
                dispatch(isa, BackwardMap::<T, LOG> { y: &y[piece(i)], g: &g[piece(i)], dx, sum });
            });
        }
    }
}

// ------------------------------------------------------------------------------------------------ over a middle dimension

/// Calls `f` with ranges of tiles, in parallel if it is worth it. A tile is up to [`TILE`] neighbouring columns.
pub(crate) fn for_tiles(outer: usize, n: usize, inner: usize, f: impl Fn(Range<usize>) + Sync) {
    for_ranges(outer * inner.div_ceil(TILE), n * inner.min(TILE), f);
}

/// Of tile number `tile`: the outer index, the first column, and the number of columns.
#[inline(always)]
pub(crate) fn tile_at(tile: usize, inner: usize) -> (usize, usize, usize) {
    let across = inner.div_ceil(TILE);
    let first = tile % across * TILE;
    (tile / across, first, (inner - first).min(TILE))
}

/// For every column of a tile the largest element and the sum of `exp(x - max)`.
pub(crate) struct TileStats<T> {
    pub(crate) max: [T; TILE],
    pub(crate) sum: [f64; TILE],
}

/// The largest element of columns `start..start + width` with rows `inner` apart.
#[inline(always)]
fn tile_max<T: Float>(x: &[T], start: usize, n: usize, inner: usize, width: usize) -> [T; TILE] {
    let mut all = [T::NEG_INFINITY; TILE];
    let max = &mut all[..width];
    for r in 0..n {
        let row = &x[start + r * inner..][..width];
        for c in 0..width {
            max[c] = max[c].max_nan(row[c]);
        }
    }
    all
}

/// The statistics of columns `start..start + width` with rows `inner` apart.
#[inline(always)]
pub(crate) fn tile_stats<S: Simd, T: Float>(
    x: &[T],
    start: usize,
    n: usize,
    inner: usize,
    width: usize,
) -> TileStats<T> {
    let mut stats = TileStats { max: tile_max(x, start, n, inner, width), sum: [0.0; TILE] };
    let (max, sum) = (&stats.max[..width], &mut stats.sum[..width]);
    for r in 0..n {
        let row = &x[start + r * inner..][..width];
        for c in 0..width {
            sum[c] += (row[c] - max[c]).exp::<S>().wide();
        }
    }
    stats
}

body!(
    /// [`Exp`] for elements of different rows.
    ExpColumns 2 |x, max| (x - max).exp::<S>()
);
body!(
    /// [`Log`] for elements of different rows.
    LogColumns 3 |x, max, log_sum| x - max - log_sum
);
body!(
    /// [`Gradient`] for elements of different rows.
    GradientColumns 3 |y, g, sum| y * (g - sum)
);
body!(
    /// [`LogGradient`] for elements of different rows.
    LogGradientColumns 3 |y, g, sum| g - y.exp::<S>() * sum
);

kernel!(ForwardTiles<'a, T, const LOG: bool> { x: &'a [T], y: &'a Parts<'a, T>, n: usize, inner: usize, tiles: Range<usize> } -> (), S => {
    for tile in tiles {
        let (o, first, width) = tile_at(tile, inner);
        let start = o * n * inner + first;
        if LOG {
            let stats = tile_stats::<S, T>(x, start, n, inner, width);
            let mut sums = [T::ONE; TILE];
            for (out, sum) in sums.iter_mut().zip(&stats.sum[..width]) {
                *out = T::of(sum.ln());
            }
            for r in 0..n {
                let at = start + r * inner..start + r * inner + width;
                // SAFETY: tiles do not overlap.
                let y = unsafe { y.part(at.clone()) };
                map::<S, T, 3>([&x[at], &stats.max[..width], &sums[..width]], y, LogColumns);
            }
            continue;
        }
        let max = tile_max(x, start, n, inner, width);
        let mut sum = [0.0; TILE];
        let sum = &mut sum[..width];
        for r in 0..n {
            let at = start + r * inner..start + r * inner + width;
            // SAFETY: tiles do not overlap.
            let y = unsafe { y.part(at.clone()) };
            map::<S, T, 2>([&x[at], &max[..width]], y, ExpColumns);
            for c in 0..width {
                sum[c] += y[c].wide();
            }
        }
        let mut sums = [T::ONE; TILE];
        for (out, sum) in sums.iter_mut().zip(sum) {
            *out = T::of(*sum);
        }
        for r in 0..n {
            // SAFETY: tiles do not overlap.
            let y = unsafe { y.part(start + r * inner..start + r * inner + width) };
            for c in 0..width {
                y[c] = y[c] / sums[c];
            }
        }
    }
});

kernel!(BackwardTiles<'a, T, const LOG: bool> { y: &'a [T], g: &'a [T], dx: &'a Parts<'a, T>, n: usize, inner: usize, tiles: Range<usize> } -> (), S => {
    for tile in tiles {
        let (o, first, width) = tile_at(tile, inner);
        let start = o * n * inner + first;
        let mut wide = [0.0; TILE];
        let wide = &mut wide[..width];
        for r in 0..n {
            let at = start + r * inner..start + r * inner + width;
            let (y, g) = (&y[at.clone()], &g[at]);
            for c in 0..width {
                wide[c] += if LOG { g[c] } else { y[c] * g[c] }.wide();
            }
        }
        let mut sums = [T::ZERO; TILE];
        for (sum, wide) in sums.iter_mut().zip(wide) {
            *sum = T::of(*wide);
        }
        let sums = &sums[..width];
        for r in 0..n {
            let at = start + r * inner..start + r * inner + width;
            // SAFETY: tiles do not overlap.
            let dx = unsafe { dx.part(at.clone()) };
            if LOG {
                map::<S, T, 3>([&y[at.clone()], &g[at], sums], dx, LogGradientColumns);
            } else {
                map::<S, T, 3>([&y[at.clone()], &g[at], sums], dx, GradientColumns);
            }
        }
    }
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::{Isa, with_isa};
    use crate::threads::set_num_threads;

    fn everywhere(f: impl Fn() -> Vec<f32>, want: &[f64], tolerance: f64) {
        for isa in Isa::available() {
            let run = |threads| {
                set_num_threads(threads);
                with_isa(isa, &f)
            };
            let (one, two) = (run(1), run(2));
            assert!(
                one.iter().zip(&two).all(|(a, b)| a.to_bits() == b.to_bits()),
                "{isa:?}: one and two threads differ"
            );
            for (i, (&got, &want)) in one.iter().zip(want).enumerate() {
                let fine = (got as f64 - want).abs() <= tolerance * (want.abs() + 1e-30) || got as f64 == want;
                assert!(fine || got.is_nan() && want.is_nan(), "{isa:?} {i}: {got} {want}");
            }
        }
    }

    fn reference(x: &[f64], outer: usize, n: usize, inner: usize) -> Vec<f64> {
        let mut y = vec![0.0; x.len()];
        for o in 0..outer {
            for i in 0..inner {
                let at = |r: usize| (o * n + r) * inner + i;
                let max = (0..n).map(|r| x[at(r)]).fold(f64::NEG_INFINITY, |a, b| {
                    if a.is_nan() {
                        a
                    } else if b > a || b.is_nan() {
                        b
                    } else {
                        a
                    }
                });
                let sum: f64 = (0..n).map(|r| (x[at(r)] - max).exp()).sum();
                (0..n).for_each(|r| y[at(r)] = (x[at(r)] - max).exp() / sum);
            }
        }
        y
    }

    const SHAPES: [(usize, usize, usize); 16] = [
        (0, 3, 1),
        (3, 0, 1),
        (1, 1, 1),
        (5, 1, 3),
        (64, 10, 1),
        (7, 16, 1),
        (3, 100, 1),
        (2, 1000, 1),
        (1, 70_000, 1),
        (2, 200_001, 1),
        (600, 300, 1),
        (3, 5, 2),
        (2, 21, 130),
        (1, 400, 300),
        (4, 3, 1000),
        (1, 1, 64),
    ];

    fn noise(n: usize, scale: f32) -> Vec<f32> {
        (0..n).map(|i| ((i as u64 * 2654435761 % 10007) as f32 / 10007.0 - 0.5) * scale).collect()
    }

    #[test]
    fn softmax_matches_a_plain_loop() {
        for (outer, n, inner) in SHAPES {
            let x = noise(outer * n * inner, 20.0);
            let wide: Vec<f64> = x.iter().map(|&x| x as f64).collect();
            let want = reference(&wide, outer, n, inner);
            let run = |f: fn(&[f32], &mut [f32], usize, usize, usize)| {
                let mut y = vec![9.0; x.len()];
                f(&x, &mut y, outer, n, inner);
                y
            };
            // x - max is rounded before the exponential, which costs up to 20 * 2^-24.
            everywhere(|| run(softmax), &want, 2e-6);
            let logs: Vec<f64> = want.iter().map(|y| y.ln()).collect();
            everywhere(
                || run(log_softmax).iter().map(|y| y - 1.0).collect(),
                &logs.iter().map(|y| y - 1.0).collect::<Vec<_>>(),
                1e-6,
            );

            let mut y64 = vec![0.0; x.len()];
            softmax(&wide, &mut y64, outer, n, inner);
            assert!(y64.iter().zip(&want).all(|(a, b)| (a - b).abs() <= 1e-13 * b));
        }
    }

    #[test]
    fn gradients_match_a_plain_loop() {
        for (outer, n, inner) in SHAPES {
            let (x, g) = (noise(outer * n * inner, 6.0), noise(outer * n * inner + 17, 1.0).split_off(17));
            let wide: Vec<f64> = x.iter().map(|&x| x as f64).collect();
            let y64 = reference(&wide, outer, n, inner);
            let y: Vec<f32> = y64.iter().map(|&y| y as f32).collect();
            let logs: Vec<f32> = y64.iter().map(|&y| y.ln() as f32).collect();
            let (mut want, mut want_log) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            for o in 0..outer {
                for i in 0..inner {
                    let at = |r: usize| (o * n + r) * inner + i;
                    let dot: f64 = (0..n).map(|r| y[at(r)] as f64 * g[at(r)] as f64).sum();
                    let sum: f64 = (0..n).map(|r| g[at(r)] as f64).sum();
                    for r in 0..n {
                        want[at(r)] = y[at(r)] as f64 * (g[at(r)] as f64 - dot) + 1.0;
                        want_log[at(r)] = g[at(r)] as f64 - (logs[at(r)] as f64).exp() * sum + 1.0;
                    }
                }
            }
            let run = |f: fn(&[f32], &[f32], &mut [f32], usize, usize, usize), y: &[f32]| {
                let mut dx = vec![9.0; x.len()];
                f(y, &g, &mut dx, outer, n, inner);
                dx.iter().map(|dx| dx + 1.0).collect()
            };
            everywhere(|| run(softmax_backward, &y), &want, 2e-6);
            everywhere(|| run(log_softmax_backward, &logs), &want_log, 2e-6);
        }
    }

    #[test]
    fn infinities_and_nan_are_as_in_pytorch() {
        let inf = f32::INFINITY;
        for n in [3, 40, 100_000] {
            for inner in [1, 2] {
                let mut x = vec![-inf; n * inner];
                x[0] = 1.0; // one finite element takes all
                let run = |x: &[f32], f: fn(&[f32], &mut [f32], usize, usize, usize)| {
                    let mut y = vec![9.0; x.len()];
                    f(x, &mut y, 1, n, inner);
                    (0..n).map(|r| y[r * inner]).collect::<Vec<_>>()
                };
                let y = run(&x, softmax);
                assert!(y[0] == 1.0 && y[1..].iter().all(|&y| y == 0.0));
                let y = run(&x, log_softmax);
                assert!(y[0] == 0.0 && y[1..].iter().all(|&y| y == -inf));
                for bad in [-inf, inf, f32::NAN] {
                    x[0] = bad;
                    let y = run(&x, softmax);
                    assert!(y.iter().all(|y| y.is_nan()), "{bad} {:?}", &y[..3]);
                }
            }
        }
    }
}
