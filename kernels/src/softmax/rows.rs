//! Softmax over the last dimension: rows are contiguous.

use super::tiles;
use crate::float::Float;
use crate::gemm::scratch::with_scratch;
use crate::isa;
use crate::reduce::{max_row, sum_row};
use crate::rows::{Flow, body, largest, map_flow, map_in_place, map_sum, sums, sums_flow};
use crate::simd::{Kernel, Simd, dispatch, finish_streaming, wide};
use crate::split::{Parts, TASK, for_ranges_of};
use crate::threads::parallel_tasks;

/// Minimum prefetch distance in elements.
pub(crate) const FETCH: usize = 1024;

body!(
    /// `exp(x - max)`
    Exp { max } 1 |x| (x - max).exp_not_positive::<S>()
);
body!(
    /// `exp(x - max) / sum`
    Share { max, sum, inverse } 1 |x| over::<S, T>((x - max).exp_not_positive::<S>(), sum, inverse)
);
body!(
    /// `x / sum`
    Over { sum, inverse } 1 |x| over::<S, T>(x, sum, inverse)
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

/// `x / sum` for a finite sum and its `inverse`: a division takes several times as long as a multiplication and a
/// correction.
#[inline(always)]
pub(super) fn over<S: Simd, T: Float>(x: T, sum: T, inverse: T) -> T {
    if !S::FUSED {
        return x / sum;
    }
    let quotient = x * inverse;
    (-quotient).mul_add::<S>(sum, x).mul_add::<S>(inverse, quotient)
}

/// The sum of `exp(x - max)`.
#[inline(always)]
pub(crate) fn exp_sum<S: Simd, T: Float>(x: &[T], max: T, flow: Flow) -> f64 {
    sums_flow::<S, T, 1, 1>([x], [Exp { max }], flow)[0]
}

/// The sum of `x - max`.
#[inline(always)]
pub(crate) fn sum_above<S: Simd, T: Float>(x: &[T], max: T) -> f64 {
    sums::<S, T, 1, 1>([x], [Above { max }])[0]
}

// NaN needs no special case in the maximum: it makes the sum NaN, and that every result. So does infinity, or a row of
// minus infinity only: their differences are NaN.
kernel!(ForwardRows<'a, T, const LOG: bool> { x: &'a [T], y: &'a mut [T], n: usize, work: &'a mut [T], flow: Flow } -> (), S => {
    let ahead = Flow { stream: false, ..flow };
    for (x, y) in x.chunks_exact(n).zip(y.chunks_exact_mut(n)) {
        let max = largest(x);
        if LOG {
            let log_sum = T::of(exp_sum::<S, T>(x, max, ahead).ln());
            map_flow::<S, T, 1>([x], y, Log { max, log_sum }, Flow { ahead: 0, ..flow });
        } else if flow.stream {
            let sum = T::of(map_sum::<S, T, 1>([x], work, Exp { max }, ahead));
            map_flow::<S, T, 1>([work], y, Over { sum, inverse: T::ONE / sum }, Flow { ahead: 0, ..flow });
        } else {
            let sum = T::of(map_sum::<S, T, 1>([x], y, Exp { max }, ahead));
            map_in_place::<S, T>(y, Over { sum, inverse: T::ONE / sum });
        }
    }
    if flow.stream {
        finish_streaming();
    }
});

// Pieces of a row that is long enough for two threads.
kernel!(PieceStats<'a, T> { x: &'a [T] } -> (T, f64), S => {
    let max = max_row::<S, T>(x);
    (max, exp_sum::<S, T>(x, max, Flow::default()))
});
kernel!(PieceMap<'a, T, const LOG: bool> { x: &'a [T], y: &'a mut [T], max: T, sum: T, flow: Flow } -> (), S => {
    if LOG {
        map_flow::<S, T, 1>([x], y, Log { max, log_sum: sum }, flow);
    } else {
        map_flow::<S, T, 1>([x], y, Share { max, sum, inverse: T::ONE / sum }, flow);
    }
    if flow.stream {
        finish_streaming();
    }
});

/// Calls `f` with zeroed scratch memory for `len` elements.
pub(super) fn with_zeros<T: Float>(len: usize, f: impl FnOnce(&mut [T])) {
    with_scratch(len, |scratch: *mut T| {
        // SAFETY: the memory holds `len` floats, whose zero is all zero bits, and is not otherwise used.
        let work = unsafe {
            scratch.write_bytes(0, len);
            std::slice::from_raw_parts_mut(scratch, len)
        };
        f(work)
    })
}

/// [`super::softmax`], or [`super::log_softmax`] if `LOG`, of `[outer, n, inner]` elements, at least one.
pub(super) fn forward<T: Float, const LOG: bool>(x: &[T], y: &mut [T], sizes: [usize; 3]) {
    let [outer, n, inner] = sizes;
    if inner > 1 {
        return tiles::forward::<T, LOG>(x, y, sizes);
    }
    let isa = isa::isa();
    let flow = Flow::new(y, n, n.max(FETCH));
    let y = Parts::new(y);
    if n < 4 * TASK {
        for_ranges_of(flow.task(), outer, n, |rows| {
            let part = rows.start * n..rows.end * n;
            // SAFETY: ranges of rows do not overlap.
            let y = unsafe { y.part(part.clone()) };
            let len = if flow.stream && !LOG { n } else { 0 };
            with_zeros(len, |work| dispatch(isa, ForwardRows::<T, LOG> { x: &x[part], y, n, work, flow }));
        });
    } else {
        let flow = Flow { ahead: 0, ..flow };
        for (o, x) in x.chunks_exact(n).enumerate() {
            let piece = |i: usize| i * TASK..n.min((i + 1) * TASK);
            let pieces = n.div_ceil(TASK);
            let mut stats = vec![(T::ZERO, 0.0); pieces];
            let shared = Parts::new(&mut stats);
            // SAFETY: tasks write disjoint elements.
            parallel_tasks(pieces, |i| unsafe {
                shared.part(i..i + 1)[0] = dispatch(isa, PieceStats { x: &x[piece(i)] });
            });
            let max = stats.iter().fold(T::NEG_INFINITY, |max, s| max.max_nan(s.0));
            // The sum of a piece of -inf only is NaN, but such a piece contributes nothing to the others.
            let scale = |&(m, sum): &(T, f64)| {
                if m == T::NEG_INFINITY && max > m { 0.0 } else { sum * (m.wide() - max.wide()).exp() }
            };
            let sum: f64 = stats.iter().map(scale).sum();
            let sum = T::of(if LOG { sum.ln() } else { sum });
            parallel_tasks(pieces, |i| {
                let range = piece(i);
                // SAFETY: pieces do not overlap.
                let y = unsafe { y.part(o * n + range.start..o * n + range.end) };
                dispatch(isa, PieceMap::<T, LOG> { x: &x[range], y, max, sum, flow });
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
fn gradients<S: Simd, T: Float, const LOG: bool>(y: &[T], g: &[T], dx: &mut [T], sum: T, flow: Flow) {
    if LOG {
        map_flow::<S, T, 2>([y, g], dx, LogGradient { sum }, flow);
    } else {
        map_flow::<S, T, 2>([y, g], dx, Gradient { sum }, flow);
    }
}

kernel!(BackwardRows<'a, T, const LOG: bool> { y: &'a [T], g: &'a [T], dx: &'a mut [T], n: usize, flow: Flow } -> (), S => {
    for ((y, g), dx) in y.chunks_exact(n).zip(g.chunks_exact(n)).zip(dx.chunks_exact_mut(n)) {
        let sum = T::of(gradient_sum::<S, T, LOG>(y, g));
        gradients::<S, T, LOG>(y, g, dx, sum, flow);
    }
    if flow.stream {
        finish_streaming();
    }
});
kernel!(BackwardSum<'a, T, const LOG: bool> { y: &'a [T], g: &'a [T] } -> f64, S => { gradient_sum::<S, T, LOG>(y, g) });
kernel!(BackwardMap<'a, T, const LOG: bool> { y: &'a [T], g: &'a [T], dx: &'a mut [T], sum: T, flow: Flow } -> (), S => {
    gradients::<S, T, LOG>(y, g, dx, sum, flow);
    if flow.stream {
        finish_streaming();
    }
});

/// The gradient through [`forward`].
pub(super) fn backward<T: Float, const LOG: bool>(y: &[T], g: &[T], dx: &mut [T], sizes: [usize; 3]) {
    let [outer, n, inner] = sizes;
    if inner > 1 {
        return tiles::backward::<T, LOG>(y, g, dx, sizes);
    }
    let isa = isa::isa();
    let flow = Flow::new(dx, n, n.max(FETCH));
    let dx = Parts::new(dx);
    if n < 4 * TASK {
        for_ranges_of(flow.task(), outer, n, |rows| {
            let part = rows.start * n..rows.end * n;
            // SAFETY: ranges of rows do not overlap.
            let dx = unsafe { dx.part(part.clone()) };
            dispatch(isa, BackwardRows::<T, LOG> { y: &y[part.clone()], g: &g[part], dx, n, flow });
        });
    } else {
        let flow = Flow { ahead: 0, ..flow };
        for o in 0..outer {
            let piece = |i: usize| o * n + i * TASK..o * n + n.min((i + 1) * TASK);
            let pieces = n.div_ceil(TASK);
            let mut sums = vec![0.0; pieces];
            let shared = Parts::new(&mut sums);
            // SAFETY: tasks write disjoint elements.
            parallel_tasks(pieces, |i| unsafe {
                shared.part(i..i + 1)[0] = dispatch(isa, BackwardSum::<T, LOG> { y: &y[piece(i)], g: &g[piece(i)] });
            });
            let sum = T::of(sums.iter().sum());
            parallel_tasks(pieces, |i| {
                // SAFETY: pieces do not overlap.
                let dx = unsafe { dx.part(piece(i)) };
                dispatch(isa, BackwardMap::<T, LOG> { y: &y[piece(i)], g: &g[piece(i)], dx, sum, flow });
            });
        }
    }
}
