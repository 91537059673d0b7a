//! The layer between the micro-kernels and whole matrices: which operands are packed, cache blocking, and threading.

use super::kernel::{Direct, Kernels, MAX_MR, Panel};
use super::pack::Input;
use super::scratch::with_scratch;
use super::{KernelElement, PARALLEL_MULTIPLY_ADDS, Problem, split};
use crate::simd::LINE;
use crate::{isa, threads};

/// Maximum number of multiply-adds for which nothing is packed if B's rows are contiguous.
const IN_PLACE_MULTIPLY_ADDS: usize = 64 * 64 * 96;
/// Multiply-adds per task: about 50 µs.
const TASK_MULTIPLY_ADDS: usize = 5_000_000;
/// Columns, and rows, that are packed at a time.
const CHUNK: usize = 4096;
/// Target size in bytes of packed A and B together.
const CHUNK_BYTES: usize = 16 << 20;

/// Chooses between `C = A B` and `Cᵀ = Bᵀ Aᵀ`: vectors run along the columns of the chosen form.
fn orient<T: KernelElement, I: Input<T>>(p: &Problem<T, I>, kernels: &Kernels<T>) -> Problem<T, I> {
    let t = p.t();
    if cost(&t, kernels) < cost(p, kernels) { t } else { *p }
}

/// An estimate of the number of cycles.
fn cost<T: KernelElement, I: Input<T>>(p: &Problem<T, I>, kernels: &Kernels<T>) -> usize {
    let vectors = p.n.div_ceil(kernels.lanes);
    // Per step of k a tile takes as long as its multiply-adds (two per cycle), but at least four cycles.
    let rows = p.m.div_ceil(kernels.mr);
    let columns = p.n.div_ceil(kernels.nr);
    let tiles = (p.m * vectors / 2).max(rows * columns * 4);
    let pack = if p.b.cs == 1 { 0 } else { p.k * p.n / 3 };
    let scatter = if p.c.cs == 1 { 0 } else { 3 * p.m * p.n / 2 };
    tiles * p.k + pack + scatter
}

/// The division of C into tiles.
#[derive(Clone, Copy)]
pub(crate) struct Tiles {
    m: usize,
    n: usize,
    lanes: usize,
    /// Rows of tiles.
    pub rows: usize,
    /// Columns of tiles.
    pub columns: usize,
    /// The minimum number of rows of a tile, and the number of tiles that have one more.
    row: (usize, usize),
    /// The minimum number of vectors of a column of tiles, and the number of columns that have one more.
    column: (usize, usize),
}

impl Tiles {
    #[inline(always)]
    pub(crate) fn new<T>(m: usize, n: usize, kernels: &Kernels<T>) -> Self {
        let vectors = n.div_ceil(kernels.lanes);
        let (rows, columns) = (m.div_ceil(kernels.mr), n.div_ceil(kernels.nr));
        let part = |n: usize, parts: usize| (n / parts.max(1), n % parts.max(1));
        Self { m, n, lanes: kernels.lanes, rows, columns, row: part(m, rows), column: part(vectors, columns) }
    }

    /// First row and number of rows of the `i`th row of tiles.
    #[inline(always)]
    pub(crate) fn row(&self, i: usize) -> (usize, usize) {
        (i * self.row.0 + i.min(self.row.1), self.row.0 + usize::from(i < self.row.1))
    }

    /// First column and number of columns of the `j`th column of tiles.
    #[inline(always)]
    pub(crate) fn column(&self, j: usize) -> (usize, usize) {
        let start = (j * self.column.0 + j.min(self.column.1)) * self.lanes;
        let len = self.column.0 + usize::from(j < self.column.1);
        (start, (len * self.lanes).min(self.n - start))
    }
}

/// # Safety
/// As for [`super::gemm`].
pub(super) unsafe fn run<T: KernelElement>(p: &Problem<T>, kernels: &'static Kernels<T>) {
    let work = p.m * p.n * p.k;
    let small = work <= IN_PLACE_MULTIPLY_ADDS;
    // SAFETY: guaranteed by the caller.
    unsafe {
        // Fast path: the common small case needs no decisions, and takes a few dozen nanoseconds.
        if small && p.b.cs == 1 && p.c.cs == 1 {
            return in_place(p, kernels);
        }
        let p = &orient(p, kernels);
        if small && (p.b.cs == 1 || p.k == 0) { in_place(p, kernels) } else { packed(p, kernels) }
    }
}

/// [`run`], for operands that have to be packed.
///
/// # Safety
/// As for [`super::gemm`]; the kernels must accept the packed form of `I`.
pub(super) unsafe fn run_packed<T: KernelElement, I: Input<T>>(p: &Problem<T, I>, kernels: &'static Kernels<T>) {
    // SAFETY: guaranteed by the caller.
    unsafe { packed(&orient(p, kernels), kernels) }
}

/// One thread, no packing.
unsafe fn in_place<T: KernelElement>(p: &Problem<T>, kernels: &Kernels<T>) {
    let offsets: [isize; MAX_MR] = std::array::from_fn(|i| i as isize * p.a.rs);
    if p.m <= kernels.mr && p.n <= kernels.nr {
        // SAFETY: the tile is C.
        return unsafe { in_place_tile(p, kernels, &offsets, (0, p.m), (0, p.n)) };
    }
    let tiles = Tiles::new(p.m, p.n, kernels);
    for j in 0..tiles.columns {
        for i in 0..tiles.rows {
            // SAFETY: the tile is inside C.
            unsafe { in_place_tile(p, kernels, &offsets, tiles.row(i), tiles.column(j)) };
        }
    }
}

#[inline(always)]
unsafe fn in_place_tile<T: KernelElement>(
    p: &Problem<T>,
    kernels: &Kernels<T>,
    offsets: &[isize; MAX_MR],
    (i, rows): (usize, usize),
    (j, cols): (usize, usize),
) {
    // SAFETY: the tile is inside C; A and B have the corresponding rows and columns.
    unsafe {
        p.tile((i, rows), (j, cols), true, true, |out| {
            let args = Direct {
                steps: [1, 1, p.k],
                a: p.a.at(i, 0),
                rows: offsets.as_ptr(),
                a_steps: [0, 0, p.a.cs],
                b: p.b.at(0, j),
                b_steps: [0, 0, p.b.rs],
                cols,
                out,
            };
            kernels.run_direct(rows, &args)
        })
    };
}

/// The blocks of A and B being processed, and their packed copies.
struct Chunk<'a, T: 'static, I> {
    p: &'a Problem<T, I>,
    kernels: &'a Kernels<T>,
    tiles: Tiles,
    /// First row, column and step of the inner dimension, and the number of steps. A step is one iteration of the
    /// kernel: it may cover several elements of A and B.
    i: usize,
    j: usize,
    k: (usize, usize),
    /// Number of parts that the inner dimension is split into.
    parts: usize,
    /// Null where A is read directly.
    a: *mut T,
    b: *mut T,
}

// SAFETY: the elements are `Send + Sync`; tasks write disjoint parts of the packed operands and of C.
unsafe impl<T: KernelElement, I: Input<T>> Sync for Chunk<'_, T, I> {}

/// Steps of the inner dimension per tile. The corresponding panel of B streams from the L2 cache at no cost; with fewer
/// steps C would be read and written more often.
const STEPS: usize = 1024;

unsafe fn packed<T: KernelElement, I: Input<T>>(p: &Problem<T, I>, kernels: &'static Kernels<T>) {
    let steps = p.k.div_ceil(I::PER_STEP);
    let (m_chunk, n_chunk) = (p.m.min(CHUNK), p.n.min(CHUNK));
    let all_parts = steps.div_ceil(STEPS).max(1);
    let width = n_chunk.div_ceil(kernels.nr) * kernels.nr;
    // As many parts at a time as fit, so that C is read and written as rarely as possible.
    let fitting = (CHUNK_BYTES / size_of::<T>() / ((m_chunk + width) * STEPS)).max(1);
    let rounds = all_parts.div_ceil(fitting);
    let pack_a = !I::SAME || p.a.cs != 1 || p.m > 256;
    let k_chunk = split(steps, rounds, 0).1;
    let a_len = if pack_a { m_chunk * k_chunk } else { 0 };
    let b_len = width * k_chunk;
    with_scratch(a_len + b_len + 64, |scratch: *mut T| {
        let b = scratch;
        let a = if pack_a { scratch.wrapping_add(b_len) } else { std::ptr::null_mut() };
        for j in (0..p.n).step_by(CHUNK) {
            for i in (0..p.m).step_by(CHUNK) {
                let tiles = Tiles::new(CHUNK.min(p.m - i), CHUNK.min(p.n - j), kernels);
                for round in 0..rounds {
                    let k = split(steps, rounds, round);
                    let parts = k.1.div_ceil(STEPS).max(1);
                    let chunk = Chunk { p, kernels, tiles, i, j, k, parts, a, b };
                    // SAFETY: guaranteed by the caller; the scratch memory has room for the chunk.
                    unsafe { chunk.run() };
                }
            }
        }
    });
}

impl<T: KernelElement, I: Input<T>> Chunk<'_, T, I> {
    unsafe fn run(&self) {
        let Tiles { m, n, rows, columns, .. } = self.tiles;
        let work = m * n * self.k.1;
        let threads = threads::num_threads();
        let pack = |t: usize| {
            // SAFETY: tasks pack disjoint panels.
            unsafe { if t < columns { self.pack_column(t) } else { self.pack_row(t - columns) } }
        };
        let pack_tasks = columns + if self.a.is_null() { 0 } else { rows };
        if work < PARALLEL_MULTIPLY_ADDS || threads == 1 {
            (0..pack_tasks).for_each(pack);
            // SAFETY: all tiles, packed above.
            return unsafe { self.multiply((0, rows), (0, columns)) };
        }
        threads::parallel_tasks(pack_tasks, pack);
        // Groups of rows whose packed A fits into the L2 cache with room to spare.
        let row_groups = rows.div_ceil(Self::rows_in_cache(self.kernels, self.k.1.div_ceil(self.parts)));
        let tasks = (work / TASK_MULTIPLY_ADDS).clamp(2, 16 * threads).next_multiple_of(threads);
        let column_groups = tasks.div_ceil(row_groups).min(columns);
        let row_groups =
            if column_groups * row_groups < tasks { tasks.div_ceil(column_groups).min(rows) } else { row_groups };
        threads::parallel_tasks(row_groups * column_groups, |t| {
            let (r, c) = (split(rows, row_groups, t % row_groups), split(columns, column_groups, t / row_groups));
            // SAFETY: these tiles belong to this task alone, and were packed above.
            unsafe { self.multiply(r, c) }
        });
    }

    /// Elements of the inner dimension that are packed: the first, and their number.
    fn elements(&self) -> (usize, usize) {
        let first = self.k.0 * I::PER_STEP;
        (first, (self.k.1 * I::PER_STEP).min(self.p.k - first))
    }

    unsafe fn pack_column(&self, cj: usize) {
        let (j, cols) = self.tiles.column(cj);
        let (first, k) = self.elements();
        let (b, nr) = (self.p.b, self.kernels.nr);
        // SAFETY: B has these columns; the panel has room for `nr` columns.
        unsafe {
            let dst = self.b.add(cj * nr * self.k.1);
            I::pack(self.kernels.isa, b.at(first, self.j + j), [b.rs, b.cs], [k, cols], dst, nr);
        }
    }

    unsafe fn pack_row(&self, ri: usize) {
        let (i, rows) = self.tiles.row(ri);
        let (first, k) = self.elements();
        let a = self.p.a;
        // SAFETY: A has these rows; panels are contiguous.
        unsafe {
            let dst = self.a.add(i * self.k.1);
            I::pack(self.kernels.isa, a.at(self.i + i, first), [a.cs, a.rs], [k, rows], dst, rows);
        }
    }

    /// Computes `r.1` rows of tiles starting at `r.0`, in `c.1` columns of tiles starting at `c.0`.
    unsafe fn multiply(&self, r: (usize, usize), c: (usize, usize)) {
        let p = self.p;
        let nr = self.kernels.nr;
        let line = LINE / size_of::<T>();
        let row_offsets: [isize; MAX_MR] = std::array::from_fn(|i| i as isize * p.a.rs);
        // The offsets of consecutive rows of a packed panel of B.
        let mut b_offsets = [0isize; STEPS];
        for (q, offset) in b_offsets.iter_mut().enumerate() {
            *offset = (q * nr) as isize;
        }
        for part in 0..self.parts {
            let (k0, k) = split(self.k.1, self.parts, part);
            let first = self.k.0 + k0 == 0;
            let last = self.k.0 + k0 + k == p.k.div_ceil(I::PER_STEP);
            let block = Self::rows_in_cache(self.kernels, k);
            for r0 in (r.0..r.0 + r.1).step_by(block) {
                for cj in c.0..c.0 + c.1 {
                    let (j, cols) = self.tiles.column(cj);
                    let b = self.b.wrapping_add((cj * self.k.1 + k0) * nr).cast_const();
                    let end = (r0 + block).min(r.0 + r.1);
                    // The next panel of B is in a distant cache or in memory: the last tiles of this panel prefetch it, a
                    // part each.
                    let next = b.wrapping_add(self.k.1 * nr);
                    for ri in r0..end {
                        let (i, rows) = self.tiles.row(ri);
                        let left = end - 1 - ri;
                        let fetch = if left < nr / line { next.wrapping_add(left * k * line) } else { b };
                        // SAFETY: the tile is inside C, and its panels have been packed.
                        unsafe {
                            p.tile((self.i + i, rows), (self.j + j, cols), first, last, |out| {
                                if self.a.is_null() {
                                    let args = Direct {
                                        steps: [1, 1, k],
                                        a: p.a.at(self.i + i, self.k.0 + k0).cast(),
                                        rows: row_offsets.as_ptr(),
                                        a_steps: [0, 0, p.a.cs],
                                        b,
                                        b_steps: [0, 0, nr as isize],
                                        cols,
                                        out,
                                    };
                                    self.kernels.run_direct(rows, &args)
                                } else {
                                    let a = self.a.add(i * self.k.1 + k0 * rows);
                                    let args = Panel { k, a, b, offsets: b_offsets.as_ptr(), ahead: 0, cols, out };
                                    self.kernels.run_panel_fetching(rows, &args, fetch)
                                }
                            })
                        };
                    }
                }
            }
        }
    }

    /// Rows of tiles whose packed A leaves room in the L2 cache.
    fn rows_in_cache(kernels: &Kernels<T>, depth: usize) -> usize {
        (isa::caches().l2 / 3 / size_of::<T>() / depth.max(1) / kernels.mr).max(1)
    }
}
