//! The iteration shared by all reductions: the order in which elements are combined, and the division into parallel
//! tasks.
//!
//! The innermost loop runs along the dimension with the smallest stride. If that is a reduced one, each output is
//! computed from *rows* (contiguous pieces of its input); if it is a kept one, a tile of adjacent outputs, the
//! *columns*, is computed together, row after row. Work is split into tasks, and long reductions into pieces, depending
//! on sizes alone, so that the result does not depend on the number of threads.

use super::axes::{Axes, Cursor};
use crate::dtype::Stored;
use crate::isa::{self, Isa};
use crate::simd::{Kernel, Simd, dispatch, wide};
use crate::split::{PARALLEL_ELEMENTS, TASK};
use crate::threads::parallel_tasks;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Outputs whose accumulators are kept at a time when the innermost loop runs over outputs.
const TILE: usize = 256;
/// Rows passed to [`Reducer::columns`] at a time.
pub(super) const ROWS: usize = 64;
/// Number of pieces that a reduction to few outputs is split into.
const PIECES: usize = 32;
/// Elements of a row, and rows of columns, that are converted at a time.
const CHUNK: usize = 512;
const CHUNK_ROWS: usize = 8;

/// Widens `n` elements that are `stride` elements apart.
type Load = unsafe fn(isa: Isa, from: *const u8, stride: isize, to: *mut u8, n: usize);

/// The input of a reduction that computes in `T`: elements of that type, or of another one together with its
/// conversion.
pub struct Source<T> {
    data: *const u8,
    /// Bytes per element.
    size: isize,
    /// The conversion, if the elements have another type.
    load: Option<Load>,
    computed: PhantomData<T>,
}

impl<T> Clone for Source<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Source<T> {}

impl<T> Source<T> {
    /// The elements at `x`.
    pub(super) fn new<S: Stored<Computed = T>>(x: *const S) -> Self {
        unsafe fn load<S: Stored>(isa: Isa, from: *const u8, stride: isize, to: *mut u8, n: usize) {
            let (from, to) = (from.cast::<S>(), to.cast::<S::Computed>());
            // SAFETY: guaranteed by the caller.
            unsafe {
                if stride == 1 {
                    return S::load(isa, from, to, n);
                }
                for i in 0..n {
                    to.add(i).write((*from.offset(i as isize * stride)).widen());
                }
            }
        }
        let load = if S::DIRECT { None } else { Some(load::<S> as Load) };
        Source { data: x.cast(), size: size_of::<S>() as isize, load, computed: PhantomData }
    }

    #[inline(always)]
    fn at(self, offset: isize) -> *const u8 {
        self.data.wrapping_offset(offset * self.size)
    }

    /// Accumulates `n` elements starting at this offset, `stride` apart; `first` is the index of the first.
    ///
    /// Converted elements take a separate path, so that the others do not pay for it.
    ///
    /// # Safety
    /// The elements can be read.
    #[inline(always)]
    unsafe fn row<S: Simd, R: Reducer<T>>(
        self,
        acc: &mut R::Acc,
        offset: isize,
        n: usize,
        stride: isize,
        first: usize,
    ) {
        let from = self.at(offset);
        if let Some(load) = self.load {
            let row = ConvertedRow::<T, R> { load, size: self.size, acc: *acc, from, n, stride, first };
            *acc = dispatch(S::ISA, row);
            return;
        }
        // SAFETY: guaranteed by the caller.
        unsafe { R::row::<S>(acc, from.cast(), n, stride, first) }
    }
}

/// A row of converted elements, processed a chunk at a time, and the accumulator.
struct ConvertedRow<T, R: Reducer<T>> {
    load: Load,
    size: isize,
    acc: R::Acc,
    from: *const u8,
    n: usize,
    stride: isize,
    first: usize,
}

impl<T, R: Reducer<T>> Kernel for ConvertedRow<T, R> {
    type Output = R::Acc;
    const AVX2: bool = fast::<T>();
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) -> R::Acc {
        let mut buffer = MaybeUninit::<[T; CHUNK]>::uninit();
        let (mut acc, mut done) = (self.acc, 0);
        while done < self.n {
            let m = (self.n - done).min(CHUNK);
            let from = self.from.wrapping_offset(done as isize * self.stride * self.size);
            // SAFETY: elements of the row, readable as the caller of `Source::row` guarantees; the buffer holds a
            // chunk.
            unsafe {
                (self.load)(S::ISA, from, self.stride, buffer.as_mut_ptr().cast(), m);
                R::row::<S>(&mut acc, buffer.as_ptr().cast(), m, 1, self.first + done);
            }
            done += m;
        }
        acc
    }
}

/// A way to combine elements of type `T`.
pub(super) trait Reducer<T>: Copy + Send + Sync {
    /// The accumulator.
    type Acc: Copy + Send + Sync;
    /// The result for one output.
    type Value;
    /// A second result, `()` if there is none.
    type Second;
    /// The accumulator of no elements.
    const EMPTY: Self::Acc;
    /// Whether elements may be accumulated in any order.
    const ANY_ORDER: bool;

    /// Accumulates `n` elements at `x`, `stride` apart, the first of which has index `first` among those of this
    /// output.
    ///
    /// # Safety
    /// The elements can be read.
    unsafe fn row<S: Simd>(acc: &mut Self::Acc, x: *const T, n: usize, stride: isize, first: usize);

    /// For every accumulator `c`, accumulates the elements at `x + c * stride + offsets[r]` for all `r`, in that order.
    /// There are at most [`ROWS`] offsets; the element at `offsets[0]` has index `first` for its output.
    ///
    /// # Safety
    /// The elements can be read.
    unsafe fn columns<S: Simd>(accs: &mut [Self::Acc], x: *const T, stride: isize, offsets: &[isize], first: usize);

    /// The accumulator of `a`'s and then `b`'s elements.
    fn merge(a: Self::Acc, b: Self::Acc) -> Self::Acc;

    /// The result after all `n` elements.
    fn finish(self, acc: Self::Acc, n: usize) -> (Self::Value, Self::Second);
}

/// The destination of the results: arrays over the kept dimensions; null for results that are not requested.
pub(super) struct Out<A, B> {
    first: *mut A,
    second: *mut B,
}

impl<A, B> Clone for Out<A, B> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<A, B> Copy for Out<A, B> {}

impl<A> Out<A, ()> {
    /// One result; its type is the reducer's.
    pub(super) fn one(out: *mut u8) -> Self {
        Out { first: out.cast(), second: std::ptr::null_mut() }
    }
}

impl<A, B> Out<A, B> {
    /// Two results, either of which may be null.
    pub(super) fn two(first: *mut A, second: *mut B) -> Self {
        Out { first, second }
    }

    /// Writes output `i`.
    ///
    /// # Safety
    /// The non-null arrays have an element `i`, which is not otherwise accessed.
    #[inline(always)]
    unsafe fn write(self, i: usize, (a, b): (A, B)) {
        // SAFETY: guaranteed by the caller.
        unsafe {
            if !self.first.is_null() {
                self.first.add(i).write(a);
            }
            if !self.second.is_null() {
                self.second.add(i).write(b);
            }
        }
    }
}

/// A pointer that tasks share.
struct Shared<P>(P);
// SAFETY: tasks read the input and write disjoint outputs, all of them plain data.
unsafe impl<P> Sync for Shared<P> {}

impl<P: Copy> Shared<P> {
    /// The pointer; a closure that calls this captures the whole struct.
    fn get(&self) -> P {
        self.0
    }
}

struct Plan<T, R: Reducer<T>> {
    reducer: R,
    x: Shared<Source<T>>,
    out: Shared<Out<R::Value, R::Second>>,
    /// Kept dimensions except the columns', and the same with the strides of the output.
    kept: Axes,
    kept_out: Axes,
    /// Size, input stride and output stride of the kept dimension that the inner loop runs along: `(1, 0, 0)` for rows.
    columns: (usize, isize, isize),
    /// Reduced dimensions except the row's.
    rows: Axes,
    /// Size and stride of the reduced dimension that the inner loop runs along: `(1, 0)` for columns.
    row: (usize, isize),
    /// Elements per output.
    n: usize,
}

/// Reduces over `reduced` for every element of `kept`; `out` is contiguous over `kept`.
///
/// # Safety
/// All elements at `x` plus the offsets of both sets of axes can be read, and `kept.count()` elements at `out` written.
pub(super) unsafe fn reduce<T, R: Reducer<T>>(
    reducer: R,
    x: Source<T>,
    kept: &Axes,
    reduced: &Axes,
    out: Out<R::Value, R::Second>,
) {
    if kept.len == 0 && (reduced.len == 0 || reduced.len == 1 && reduced.sizes[0] < PARALLEL_ELEMENTS) {
        let (n, stride) = if reduced.len == 0 { (1, 0) } else { (reduced.sizes[0], reduced.strides[0]) };
        let result = match x.load {
            None => dispatch(isa::isa(), One { reducer, x: x.data.cast::<T>(), row: (n, stride) }),
            Some(load) => {
                let row = ConvertedRow::<T, R> { load, size: x.size, acc: R::EMPTY, from: x.data, n, stride, first: 0 };
                reducer.finish(dispatch(isa::isa(), row), n)
            }
        };
        // SAFETY: guaranteed by the caller.
        unsafe { out.write(0, result) };
        return;
    }
    let outputs = kept.count();
    if outputs == 0 {
        return;
    }
    let n = reduced.count();
    let mut rows = if R::ANY_ORDER { reduced.sorted() } else { *reduced };
    let mut kept_out = *kept;
    let mut step = 1;
    for d in (0..kept.len).rev() {
        kept_out.strides[d] = step;
        step *= kept.sizes[d] as isize;
    }
    let mut kept = *kept;
    // A stride of 0 (an expanded dimension) is no reason to run along it.
    let key = |stride: isize| stride.unsigned_abs().wrapping_sub(1);
    let nearest = (0..kept.len).rev().min_by_key(|&d| key(kept.strides[d]));
    let row_key = if rows.len == 0 { usize::MAX } else { key(rows.strides[rows.len - 1]) };
    let mut columns = (1, 0, 0);
    let mut row = (1, 0);
    match nearest {
        Some(d) if key(kept.strides[d]) < row_key => {
            let (size, stride) = kept.remove(d);
            columns = (size, stride, kept_out.remove(d).1);
        }
        _ if rows.len > 0 => row = rows.remove(rows.len - 1),
        _ => {}
    }
    let plan = Plan { reducer, x: Shared(x), out: Shared(out), kept, kept_out, columns, rows, row, n };
    if columns.0 == 1 { plan.run_rows(outputs) } else { plan.run_columns(outputs) }
}

impl<T, R: Reducer<T>> Plan<T, R> {
    /// One output after the other, each from its rows.
    fn run_rows(&self, outputs: usize) {
        let isa = isa::isa();
        if self.n >= 2 * TASK && outputs < PIECES {
            let pieces = PIECES.div_ceil(outputs).min(self.n / TASK);
            let len = self.n.div_ceil(pieces).next_multiple_of(1024);
            let pieces = self.n.div_ceil(len);
            self.in_pieces(outputs, pieces, |task, partial| {
                let start = task % pieces * len;
                let elements = start..self.n.min(start + len);
                dispatch(isa, Rows { plan: self, outputs: task / pieces..task / pieces + 1, elements, partial });
            });
            return;
        }
        crate::split::for_ranges(outputs, self.n.max(1), |range| {
            dispatch(isa, Rows { plan: self, outputs: range, elements: 0..self.n, partial: None });
        });
    }

    /// Tiles of adjacent outputs together.
    fn run_columns(&self, outputs: usize) {
        let isa = isa::isa();
        let (width, ..) = self.columns;
        let tile = width.min(TILE);
        let across = width.div_ceil(tile);
        let tiles = outputs / width * across;
        if self.n * tile >= 2 * TASK && tiles < PIECES {
            let pieces = PIECES.div_ceil(tiles).min(self.n * tile / TASK);
            let len = self.n.div_ceil(pieces).next_multiple_of(ROWS);
            let pieces = self.n.div_ceil(len);
            // `Columns` stores partial results by output index.
            self.in_pieces_of_columns(outputs, pieces, tiles, |task, partials| {
                let (tile_index, piece) = (task / pieces, task % pieces);
                let elements = piece * len..self.n.min((piece + 1) * len);
                let partial = Some((partials, piece, pieces));
                dispatch(isa, Columns { plan: self, tiles: tile_index..tile_index + 1, across, elements, partial });
            });
            return;
        }
        crate::split::for_ranges(tiles, self.n.max(1) * tile, |range| {
            dispatch(isa, Columns { plan: self, tiles: range, across, elements: 0..self.n, partial: None });
        });
    }

    fn in_pieces(&self, outputs: usize, pieces: usize, f: impl Fn(usize, Option<Partial<T, R>>) + Sync) {
        self.in_pieces_of_columns(outputs, pieces, outputs, |task, partials| {
            f(task, Some((partials, task % pieces, pieces)))
        });
    }

    /// Runs `tasks * pieces` tasks that each produce partial results, and then combines these in order.
    fn in_pieces_of_columns(&self, outputs: usize, pieces: usize, tasks: usize, f: impl Fn(usize, *mut R::Acc) + Sync) {
        let mut partials = vec![R::EMPTY; outputs * pieces];
        let shared = Shared(partials.as_mut_ptr());
        parallel_tasks(tasks * pieces, |task| f(task, shared.get()));
        for (output, parts) in partials.chunks(pieces).enumerate() {
            let acc = parts[1..].iter().fold(parts[0], |acc, &part| R::merge(acc, part));
            // SAFETY: `output` is below the number of outputs; all tasks are done.
            unsafe { self.out.0.write(output, self.reducer.finish(acc, self.n)) };
        }
    }
}

/// The destination of partial results: the array, the index of this piece, the number of pieces.
type Partial<T, R> = (*mut <R as Reducer<T>>::Acc, usize, usize);

/// Whether reductions of `T` gain from AVX2: with bytes they are memory-bound anyway.
const fn fast<T>() -> bool {
    size_of::<T>() > 1
}

/// A single output from a single row, not converted.
struct One<T, R> {
    reducer: R,
    x: *const T,
    row: (usize, isize),
}

impl<T, R: Reducer<T>> Kernel for One<T, R> {
    type Output = (R::Value, R::Second);
    const AVX2: bool = fast::<T>();
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) -> (R::Value, R::Second) {
        let mut acc = R::EMPTY;
        let (n, stride) = self.row;
        // SAFETY: guaranteed by the caller of `reduce`.
        unsafe { R::row::<S>(&mut acc, self.x, n, stride, 0) };
        self.reducer.finish(acc, self.row.0)
    }
}

struct Rows<'a, T, R: Reducer<T>> {
    plan: &'a Plan<T, R>,
    outputs: Range<usize>,
    elements: Range<usize>,
    partial: Option<Partial<T, R>>,
}

impl<T, R: Reducer<T>> Kernel for Rows<'_, T, R> {
    type Output = ();
    const AVX2: bool = fast::<T>();
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let plan = self.plan;
        let (n, stride) = plan.row;
        let mut kept = Cursor::at(&plan.kept, self.outputs.start);
        for output in self.outputs {
            let mut acc = R::EMPTY;
            let mut at = self.elements.start;
            let mut row = Cursor::at(&plan.rows, at.checked_div(n).unwrap_or(0));
            while at < self.elements.end {
                let skip = at % n;
                let len = (n - skip).min(self.elements.end - at);
                let start = kept.offset + row.offset + skip as isize * stride;
                // SAFETY: elements of this output, readable as the caller of `reduce` guarantees.
                unsafe { plan.x.0.row::<S, R>(&mut acc, start, len, stride, at) };
                at += len;
                row.next(&plan.rows);
            }
            // SAFETY: this task alone writes this output (or this piece of it).
            unsafe {
                match self.partial {
                    None => plan.out.0.write(output, plan.reducer.finish(acc, plan.n)),
                    Some((partials, piece, pieces)) => *partials.add(output * pieces + piece) = acc,
                }
            }
            kept.next(&plan.kept);
        }
    }
}

struct Columns<'a, T, R: Reducer<T>> {
    plan: &'a Plan<T, R>,
    tiles: Range<usize>,
    across: usize,
    elements: Range<usize>,
    partial: Option<Partial<T, R>>,
}

impl<T, R: Reducer<T>> Kernel for Columns<'_, T, R> {
    type Output = ();
    const AVX2: bool = fast::<T>();
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let plan = self.plan;
        let (width, stride, out_stride) = plan.columns;
        let mut accs = [const { MaybeUninit::<R::Acc>::uninit() }; TILE];
        for tile in self.tiles {
            let (kept, first) = (tile / self.across, tile % self.across * TILE);
            let kept_at = Cursor::at(&plan.kept, kept).offset;
            let out_at = Cursor::at(&plan.kept_out, kept).offset;
            let columns = (width - first).min(TILE);
            let x = kept_at + first as isize * stride;
            let accs = &mut accs[..columns];
            accs.fill(MaybeUninit::new(R::EMPTY));
            // SAFETY: just initialized, and `MaybeUninit<A>` has the layout of `A`.
            let accs = unsafe { &mut *(accs as *mut [MaybeUninit<R::Acc>] as *mut [R::Acc]) };
            // SAFETY: elements of these outputs, readable as the caller of `reduce` guarantees.
            unsafe { plan.rows_into::<S>(accs, x, stride, self.elements.clone()) };
            for (c, &acc) in accs.iter().enumerate() {
                let output = (out_at + (first + c) as isize * out_stride) as usize;
                // SAFETY: this task alone writes this output (or this piece of it).
                unsafe {
                    match self.partial {
                        None => plan.out.0.write(output, plan.reducer.finish(acc, plan.n)),
                        Some((partials, piece, pieces)) => *partials.add(output * pieces + piece) = acc,
                    }
                }
            }
        }
    }
}

impl<T, R: Reducer<T>> Plan<T, R> {
    /// Accumulates the rows with indices `elements` for adjacent columns, the first of which is at offset `x`.
    ///
    /// # Safety
    /// The elements can be read.
    #[inline(always)]
    unsafe fn rows_into<S: Simd>(&self, accs: &mut [R::Acc], x: isize, stride: isize, elements: Range<usize>) {
        let source = self.x.0;
        let mut buffer = MaybeUninit::<[T; CHUNK_ROWS * TILE]>::uninit();
        let most = if source.load.is_some() { CHUNK_ROWS } else { ROWS };
        let mut offsets = [0isize; ROWS];
        let mut cursor = Cursor::at(&self.rows, elements.start);
        let mut at = elements.start;
        while at < elements.end {
            let rows = (elements.end - at).min(most);
            for offset in &mut offsets[..rows] {
                *offset = cursor.offset;
                cursor.next(&self.rows);
            }
            let (mut from, mut step) = (source.at(x).cast::<T>(), stride);
            if let Some(load) = source.load {
                (from, step) = (buffer.as_ptr().cast(), 1);
                for (r, offset) in offsets[..rows].iter_mut().enumerate() {
                    let row = r * TILE;
                    // SAFETY: guaranteed by the caller; there are at most `TILE` columns, and `CHUNK_ROWS` rows here.
                    unsafe {
                        let to = buffer.as_mut_ptr().cast::<T>().add(row).cast();
                        load(S::ISA, source.at(x + *offset), stride, to, accs.len());
                    }
                    *offset = row as isize;
                }
            }
            // SAFETY: guaranteed by the caller, or just converted.
            unsafe { R::columns::<S>(accs, from, step, &offsets[..rows], at) };
            at += rows;
        }
    }
}
