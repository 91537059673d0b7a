//! Softmax over a dimension that is not the last: adjacent columns are processed together, as a tile.
//!
//! Rows are `inner` elements apart, often a power of two, so that all the rows of a tile map to the same few cache sets
//! and evict each other. The pass that first reads a tile therefore copies it to contiguous memory.

use super::rows::{over, with_zeros};
use crate::float::Float;
use crate::isa;
use crate::rows::{Flow, body, map_flow};
use crate::simd::{Kernel, LINE, Simd, dispatch, finish_streaming, prefetch, wide};
use crate::split::{Parts, for_ranges_of};
use std::mem::MaybeUninit;
use std::ops::Range;

/// Maximum number of columns of a tile: memory bandwidth is higher for long contiguous runs than for short ones.
const TILE: usize = 1024;
/// Maximum size in bytes of the copies of a tile, unless it has few columns already.
const COPY_BYTES: usize = 512 << 10;
/// Prefetch distance in rows.
const AHEAD: usize = 12;
/// Terms that are added before they are widened.
const TREE: usize = 8;

/// The division of an array `[outer, n, inner]` into tiles: all rows of a range of adjacent columns.
#[derive(Clone, Copy)]
pub(crate) struct Tiles {
    outer: usize,
    n: usize,
    inner: usize,
    /// Columns per tile, except for the last ones.
    width: usize,
    copies: usize,
    flow: Flow,
}

/// One of the [`Tiles`].
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    pub(crate) outer: usize,
    /// The first column.
    pub(crate) first: usize,
    pub(crate) width: usize,
    /// The first element, and the first element of the next tile.
    start: usize,
    next: usize,
    n: usize,
    inner: usize,
    flow: Flow,
}

impl Tiles {
    /// Tiles of elements of type `T`, of which `copies` arrays are copied; results are written to `out`.
    pub(crate) fn new<T>([outer, n, inner]: [usize; 3], copies: usize, out: &[T]) -> Self {
        let fitting = COPY_BYTES / size_of::<T>() / (n * copies).max(1);
        let width = (fitting / 16 * 16).clamp(16, TILE).min(inner);
        Tiles { outer, n, inner, width, copies, flow: Flow::new(out, width, 1) }
    }

    /// Calls `f` with ranges of tiles and memory for the copies of one tile, in parallel if there is enough work.
    pub(crate) fn for_ranges<T: Float>(self, f: impl Fn(Range<usize>, &mut [T]) + Sync) {
        let tiles = self.outer * self.inner.div_ceil(self.width);
        for_ranges_of(self.flow.task(), tiles, self.n * self.width, |range| {
            with_zeros(self.copies * self.n * self.width, |copies| f(range.clone(), copies));
        });
    }

    #[inline(always)]
    pub(crate) fn at(self, tile: usize) -> Tile {
        let Tiles { n, inner, flow, .. } = self;
        let across = inner.div_ceil(self.width);
        let place = |tile: usize| (tile / across, tile % across * self.width);
        let (outer, first) = place(tile);
        let (next_outer, next_first) = place(tile + 1);
        let width = (inner - first).min(self.width);
        let start = outer * n * inner + first;
        Tile { outer, first, width, start, next: next_outer * n * inner + next_first, n, inner, flow }
    }
}

impl Tile {
    /// The offsets of row `r`.
    #[inline(always)]
    pub(crate) fn row(&self, r: usize) -> Range<usize> {
        let at = self.start + r * self.inner;
        at..at + self.width
    }

    /// Prefetches the row of `x` that is [`AHEAD`] rows after row `r`, if there is one.
    #[inline(always)]
    fn fetch<T>(&self, x: &[T], r: usize) {
        if r + AHEAD < self.n {
            self.fetch_at(x, self.start + (r + AHEAD) * self.inner);
        }
    }

    /// Prefetches row `r` of the next tile, for small `r`.
    #[inline(always)]
    fn fetch_next<T>(&self, x: &[T], r: usize) {
        if r < AHEAD {
            self.fetch_at(x, self.next + r * self.inner);
        }
    }

    #[inline(always)]
    fn fetch_at<T>(&self, x: &[T], at: usize) {
        if self.flow.ahead == 0 {
            return;
        }
        for i in (0..self.width).step_by(LINE / size_of::<T>()) {
            prefetch(x.as_ptr().wrapping_add(at + i));
        }
    }

    /// Copies the tile of `x` to `copy`, and computes the maximum of every column, ignoring NaN.
    #[inline(always)]
    fn copy_max<T: Float>(&self, x: &[T], copy: &mut [T], max: &mut [T]) {
        for (r, copy) in copy.chunks_exact_mut(self.width).enumerate() {
            self.fetch(x, r);
            let row = &x[self.row(r)];
            for c in 0..self.width {
                copy[c] = row[c];
                max[c] = if row[c] > max[c] { row[c] } else { max[c] };
            }
        }
    }

    /// Computes for every column the maximum and the sum of `exp(x - max)`. Leaves a copy of the tile, or of the
    /// exponentials if `KEEP`.
    #[inline(always)]
    pub(crate) fn stats<'c, S: Simd, T: Float, const KEEP: bool>(
        &self,
        x: &[T],
        copy: &mut [T],
        max: &'c mut Columns<T>,
        sum: &'c mut Columns<f64>,
    ) -> (&'c mut [T], &'c mut [f64]) {
        let (max, sum) = (max.fill(self.width, T::NEG_INFINITY), sum.fill(self.width, 0.0));
        let copy = &mut copy[..self.n * self.width];
        self.copy_max(x, copy, max);
        let mut part = Columns::new();
        for (group, rows) in copy.chunks_mut(TREE * self.width).enumerate() {
            let part = part.fill(self.width, T::ZERO);
            for (r, row) in rows.chunks_exact_mut(self.width).enumerate() {
                self.fetch_next(x, group * TREE + r);
                for c in 0..self.width {
                    let term = (row[c] - max[c]).exp_not_positive::<S>();
                    part[c] += term;
                    if KEEP {
                        row[c] = term;
                    }
                }
            }
            for c in 0..self.width {
                sum[c] += part[c].wide();
            }
        }
        (max, sum)
    }
}

/// One value per column of a tile. Most tiles are narrower than the maximum: the rest is not initialized.
pub(crate) struct Columns<T>(MaybeUninit<[T; TILE]>);

impl<T: Copy> Columns<T> {
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Columns(MaybeUninit::uninit())
    }

    /// The first `width` values, each set to `x`.
    ///
    /// # Panics
    /// If `width` exceeds the maximum width of a tile.
    #[inline(always)]
    pub(crate) fn fill(&mut self, width: usize, x: T) -> &mut [T] {
        assert!(width <= TILE);
        let start: *mut T = self.0.as_mut_ptr().cast();
        // SAFETY: `width` elements, which have been initialized.
        unsafe {
            for i in 0..width {
                start.add(i).write(x);
            }
            std::slice::from_raw_parts_mut(start, width)
        }
    }
}

body!(
    /// `x / sum` for elements of different rows.
    OverColumns 3 |x, sum, inverse| over::<S, T>(x, sum, inverse)
);
body!(
    /// `x - max - log_sum` for elements of different rows.
    LogColumns 3 |x, max, log_sum| x - max - log_sum
);
body!(
    /// The gradient of softmax for elements of different rows.
    GradientColumns 3 |y, g, sum| y * (g - sum)
);
body!(
    /// The gradient of log-softmax for elements of different rows.
    LogGradientColumns 3 |y, g, sum| g - y.exp::<S>() * sum
);

kernel!(Forward<'a, T, const LOG: bool> { x: &'a [T], y: &'a Parts<'a, T>, tiles: Tiles, range: Range<usize>, copy: &'a mut [T] } -> (), S => {
    let Tiles { n, flow, .. } = tiles;
    let flow = Flow { ahead: 0, ..flow };
    for tile in range {
        let tile = tiles.at(tile);
        let width = tile.width;
        let (mut max, mut sum) = (Columns::new(), Columns::new());
        let (first, sum) = if LOG {
            tile.stats::<S, T, false>(x, copy, &mut max, &mut sum)
        } else {
            tile.stats::<S, T, true>(x, copy, &mut max, &mut sum)
        };
        let mut second = Columns::new();
        let second = second.fill(width, T::ZERO);
        for c in 0..width {
            if LOG {
                second[c] = T::of(sum[c].ln());
            } else {
                first[c] = T::of(sum[c]);
                second[c] = T::ONE / first[c];
            }
        }
        let (first, second) = (&*first, &*second);
        for r in 0..n {
            let row = &copy[r * width..(r + 1) * width];
            // SAFETY: tiles do not overlap.
            let y = unsafe { y.part(tile.row(r)) };
            if LOG {
                map_flow::<S, T, 3>([row, first, second], y, LogColumns, flow);
            } else {
                map_flow::<S, T, 3>([row, first, second], y, OverColumns, flow);
            }
        }
    }
    if flow.stream {
        finish_streaming();
    }
});

kernel!(Backward<'a, T, const LOG: bool> { y: &'a [T], g: &'a [T], dx: &'a Parts<'a, T>, tiles: Tiles, range: Range<usize>, copy: &'a mut [T] } -> (), S => {
    let Tiles { n, flow, .. } = tiles;
    let flow = Flow { ahead: 0, ..flow };
    for tile in range {
        let tile = tiles.at(tile);
        let width = tile.width;
        let (y_copy, g_copy) = copy[..2 * n * width].split_at_mut(n * width);
        let (mut wide, mut part, mut sums) = (Columns::new(), Columns::new(), Columns::new());
        let wide = wide.fill(width, 0.0);
        for first in (0..n).step_by(TREE) {
            let part = part.fill(width, T::ZERO);
            for r in first..n.min(first + TREE) {
                tile.fetch(y, r);
                tile.fetch(g, r);
                let (y, g) = (&y[tile.row(r)], &g[tile.row(r)]);
                let copies = r * width..(r + 1) * width;
                let (y_copy, g_copy) = (&mut y_copy[copies.clone()], &mut g_copy[copies]);
                for c in 0..width {
                    (y_copy[c], g_copy[c]) = (y[c], g[c]);
                    part[c] += if LOG { g[c] } else { y[c] * g[c] };
                }
            }
            for c in 0..width {
                wide[c] += part[c].wide();
            }
        }
        let sums = sums.fill(width, T::ZERO);
        for c in 0..width {
            sums[c] = T::of(wide[c]);
        }
        let sums = &*sums;
        for r in 0..n {
            tile.fetch_next(y, r);
            tile.fetch_next(g, r);
            let copies = r * width..(r + 1) * width;
            let (y, g) = (&y_copy[copies.clone()], &g_copy[copies]);
            // SAFETY: tiles do not overlap.
            let dx = unsafe { dx.part(tile.row(r)) };
            if LOG {
                map_flow::<S, T, 3>([y, g, sums], dx, LogGradientColumns, flow);
            } else {
                map_flow::<S, T, 3>([y, g, sums], dx, GradientColumns, flow);
            }
        }
    }
    if flow.stream {
        finish_streaming();
    }
});

/// [`super::softmax`], or [`super::log_softmax`], of `[outer, n, inner]` elements.
pub(super) fn forward<T: Float, const LOG: bool>(x: &[T], y: &mut [T], sizes: [usize; 3]) {
    let isa = isa::isa();
    let tiles = Tiles::new(sizes, 1, y);
    let y = Parts::new(y);
    tiles.for_ranges(|range, copy| dispatch(isa, Forward::<T, LOG> { x, y: &y, tiles, range, copy }));
}

/// The gradient through [`forward`].
pub(super) fn backward<T: Float, const LOG: bool>(y: &[T], g: &[T], dx: &mut [T], sizes: [usize; 3]) {
    let isa = isa::isa();
    let tiles = Tiles::new(sizes, 2, dx);
    let dx = Parts::new(dx);
    tiles.for_ranges(|range, copy| dispatch(isa, Backward::<T, LOG> { y, g, dx: &dx, tiles, range, copy }));
}
