//! One loop order for all operands, and the decomposition of strided operands into contiguous blocks.
//!
//! Dimensions are sorted by the output's strides (so operands that share a transposed layout are traversed in memory
//! order) and merged where every operand allows it. The rest is split into rows:
//! - long rows: an operand that is contiguous in the row is used directly, one that is constant in it is broadcast to a
//!   buffer once, any other is gathered. If any operand is gathered, 16 rows are traversed together, a short piece of
//!   each, so that a cache line that a column shares with its neighbors is used 16 times while it is cached;
//! - short rows are combined into blocks; every operand that is not contiguous as a whole is gathered.
//!
//! Results are stored with ordinary stores. Non-temporal stores were measured to take twice the time.
//!
//! A block function never sees strides. Operands are untyped bytes here, so this module is compiled once per number of
//! operands, not once per type.

use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::OnceLock;

use super::Error;
use super::gather::{gather, gather_tile, scatter};
use crate::{MAX_RANK, threads};

/// Elements per block that goes through buffers: all buffers of an operation stay in the L1 cache.
const BLOCK: usize = 1024;
/// Elements of a row that are processed at a time where an operand is gathered from a column.
const PIECE: usize = 64;
/// Rows traversed together in that case.
const GROUP: usize = BLOCK / PIECE;
/// Rows up to this length are combined into blocks; where an operand is gathered from columns, only much shorter ones.
const SHORT: usize = BLOCK / 4;
const SHORT_COLUMNS: usize = 31;
/// The widest element in bytes.
const WIDEST: usize = 8;

/// Processes `n` contiguous elements of each operand, the output's pointer first.
pub(super) type Block<'a, const N: usize> = &'a (dyn Fn([*mut u8; N], usize) -> Result<(), Error> + Sync);

/// A strided operand of unknown type.
#[derive(Clone, Copy)]
pub(super) struct Operand<'a> {
    data: *mut u8,
    strides: &'a [isize],
    size: usize,
}

impl<'a> Operand<'a> {
    pub(super) fn new<T>(data: *const T, strides: &'a [isize]) -> Self {
        const { assert!(size_of::<T>() <= WIDEST) };
        Operand { data: data.cast_mut().cast(), strides, size: size_of::<T>() }
    }
}

/// Whether the elements are contiguous in row-major order.
#[inline]
fn is_contiguous(dims: &[usize], strides: &[isize]) -> bool {
    let mut expected = 1;
    for (&dim, &stride) in dims.iter().zip(strides).rev() {
        if dim != 1 && stride != expected {
            return false;
        }
        expected *= dim as isize;
    }
    true
}

/// Whether all strides are 0, except in dimensions of size 1.
fn is_constant(dims: &[usize], strides: &[isize]) -> bool {
    dims.iter().zip(strides).all(|(&dim, &stride)| dim == 1 || stride == 0)
}

/// Calls `block` until all elements are done; the first operand is the output.
///
/// # Safety
/// The operands must be valid for `dims`, and `block` for pointers to contiguous elements of them.
#[inline]
pub(super) unsafe fn run<const N: usize>(
    dims: &[usize],
    operands: [Operand; N],
    grain: usize,
    block: Block<N>,
) -> Result<(), Error> {
    let n: usize = dims.iter().product();
    if n == 0 {
        return Ok(());
    }
    if n < 2 * grain {
        if operands.iter().all(|o| is_contiguous(dims, o.strides)) {
            return block(operands.map(|o| o.data), n);
        }
        let contiguous = operands.each_ref().map(|o| is_contiguous(dims, o.strides));
        if (0..N).all(|k| contiguous[k] || is_constant(dims, operands[k].strides)) {
            // SAFETY: guaranteed by the caller.
            return unsafe { linear(n, &operands, contiguous.map(|contiguous| !contiguous), block) };
        }
    }
    // SAFETY: guaranteed by the caller.
    unsafe { Plan::new(dims, &operands).run(n, grain, block) }
}

/// The common small case, without a plan: every operand is contiguous or constant as a whole.
unsafe fn linear<const N: usize>(
    n: usize,
    operands: &[Operand; N],
    constant: [bool; N],
    block: Block<N>,
) -> Result<(), Error> {
    let mut buffers = [Buffer(MaybeUninit::uninit()); N];
    let mut at = operands.map(|o| o.data);
    for k in 1..N {
        if constant[k] {
            let buffer = buffers[k].0.as_mut_ptr().cast();
            // SAFETY: the operand has an element; the buffer has room for a block of any size.
            unsafe { gather(at[k], 0, buffer, operands[k].size, n.min(BLOCK)) };
            at[k] = buffer;
        }
    }
    for start in (0..n).step_by(BLOCK) {
        block(at, BLOCK.min(n - start))?;
        for k in 0..N {
            if !constant[k] {
                at[k] = at[k].wrapping_add(BLOCK * operands[k].size);
            }
        }
    }
    Ok(())
}

/// Operands with their dimensions sorted and merged; strides in bytes.
struct Plan<const N: usize> {
    rank: usize,
    dims: [usize; MAX_RANK],
    strides: [[isize; N]; MAX_RANK],
    data: [*mut u8; N],
    sizes: [usize; N],
}

// SAFETY: the pointers are used only in `run`, whose caller guarantees that they are valid; threads work on disjoint
// elements.
unsafe impl<const N: usize> Sync for Plan<N> {}

/// Storage for a block of one operand.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Buffer(MaybeUninit<[u64; BLOCK]>);

impl<const N: usize> Plan<N> {
    #[inline(always)]
    fn new(dims: &[usize], operands: &[Operand; N]) -> Self {
        assert!(dims.len() <= MAX_RANK, "elementwise kernel: {} dimensions, at most {MAX_RANK}", dims.len());
        let mut plan = Plan {
            rank: 0,
            dims: [1; MAX_RANK],
            strides: [[0; N]; MAX_RANK],
            data: operands.map(|o| o.data),
            sizes: operands.map(|o| o.size),
        };
        for d in 0..dims.len() {
            if dims[d] == 1 {
                continue;
            }
            let strides: [isize; N] = std::array::from_fn(|k| operands[k].strides[d] * operands[k].size as isize);
            // Insertion sort: the widest step outermost; ties keep the given order.
            let mut at = plan.rank;
            while at > 0 && wider(&strides, &plan.strides[at - 1]) {
                (plan.dims[at], plan.strides[at]) = (plan.dims[at - 1], plan.strides[at - 1]);
                at -= 1;
            }
            (plan.dims[at], plan.strides[at]) = (dims[d], strides);
            plan.rank += 1;
        }
        plan.merge();
        plan
    }

    /// Merges each dimension into the next inner one where all operands step over the inner one as a whole.
    fn merge(&mut self) {
        let mut last = 0;
        for d in 1..self.rank {
            let inner = self.dims[d] as isize;
            if (0..N).all(|k| self.strides[last][k] == self.strides[d][k] * inner) {
                self.dims[last] *= self.dims[d];
                self.strides[last] = self.strides[d];
            } else {
                last += 1;
                (self.dims[last], self.strides[last]) = (self.dims[d], self.strides[d]);
            }
        }
        self.rank = if self.rank == 0 { 1 } else { last + 1 };
    }

    /// The pointers to the element with this index in row-major order.
    fn locate(&self, index: usize) -> [*mut u8; N] {
        let mut rest = index;
        let mut data = self.data;
        if index == 0 {
            return data;
        }
        for d in (0..self.rank).rev() {
            let i = (rest % self.dims[d]) as isize;
            rest /= self.dims[d];
            for k in 0..N {
                data[k] = data[k].wrapping_offset(i * self.strides[d][k]);
            }
        }
        data
    }

    unsafe fn run(&self, n: usize, grain: usize, block: Block<N>) -> Result<(), Error> {
        if n < 2 * grain {
            // SAFETY: guaranteed by the caller.
            return unsafe { self.part(0..n, block) };
        }
        let failure = OnceLock::new();
        threads::parallel_for(n, grain, |range| {
            // SAFETY: guaranteed by the caller; ranges are disjoint and inside `0..n`.
            let result = unsafe { self.part(range, block) };
            if let Err(error) = result {
                failure.get_or_init(|| error);
            }
        });
        failure.into_inner().map_or(Ok(()), Err)
    }

    /// A range of elements, indexed in row-major order.
    unsafe fn part(&self, range: Range<usize>, block: Block<N>) -> Result<(), Error> {
        let mut buffers = [Buffer(MaybeUninit::uninit()); N];
        // SAFETY: guaranteed by the caller.
        unsafe {
            if self.rank == 1 {
                return self.rows(0..1, range, &mut buffers, block);
            }
            let short = if self.is_columnwise() { SHORT_COLUMNS } else { SHORT };
            if self.dims[self.rank - 1] <= short {
                self.short_rows(range, &mut buffers, block)
            } else {
                self.long_rows(range, &mut buffers, block)
            }
        }
    }

    /// Whether an input's stride between rows is smaller than its stride within a row.
    fn is_columnwise(&self) -> bool {
        let [.., row, inside] = &self.strides[..self.rank] else { return false };
        (1..N).any(|k| inside[k].abs() > self.sizes[k] as isize && row[k].abs() < inside[k].abs())
    }

    /// Blocks of elements of several rows, gathered where an operand is not contiguous as a whole.
    unsafe fn short_rows(&self, range: Range<usize>, buffers: &mut [Buffer; N], block: Block<N>) -> Result<(), Error> {
        let whole: [bool; N] = std::array::from_fn(|k| {
            let mut expected = self.sizes[k] as isize;
            (0..self.rank).rev().all(|d| {
                let fits = self.strides[d][k] == expected;
                expected *= self.dims[d] as isize;
                fits
            })
        });
        // An operand that is the same in every row is gathered once: blocks are a whole number of rows apart.
        let outer = self.rank - 1;
        let repeats: [bool; N] = std::array::from_fn(|k| (0..outer).all(|d| self.strides[d][k] == 0));
        let step = BLOCK - BLOCK % self.dims[outer];
        for start in range.clone().step_by(step) {
            let n = step.min(range.end - start);
            let data = self.locate(start);
            let mut at = data;
            for k in 0..N {
                if !whole[k] {
                    at[k] = buffers[k].0.as_mut_ptr().cast();
                }
            }
            // SAFETY: the elements `start..start + n` exist, and a buffer holds `n` of any size.
            unsafe {
                for k in 1..N {
                    let ready = whole[k] || repeats[k] && start > range.start;
                    if !ready {
                        self.walk::<false>(k, start, data[k], at[k], n);
                    }
                }
                block(at, n)?;
                if !whole[0] {
                    self.walk::<true>(0, start, data[0], at[0], n);
                }
            }
        }
        Ok(())
    }

    /// Moves `n` elements of operand `k`, starting at index `start`, to the buffer (or from it, if `SCATTER`).
    unsafe fn walk<const SCATTER: bool>(&self, k: usize, start: usize, data: *mut u8, buffer: *mut u8, n: usize) {
        let inner = self.rank - 1;
        let mut index = [0; MAX_RANK];
        let mut rest = start;
        for d in (0..self.rank).rev() {
            index[d] = rest % self.dims[d];
            rest /= self.dims[d];
        }
        let (mut data, mut done) = (data, 0);
        while done < n {
            let m = (self.dims[inner] - index[inner]).min(n - done);
            // SAFETY: `m` elements are left in this row, and in the buffer.
            unsafe {
                let at = buffer.add(done * self.sizes[k]);
                if SCATTER {
                    scatter(at, data, self.strides[inner][k], self.sizes[k], m);
                } else {
                    gather(data, self.strides[inner][k], at, self.sizes[k], m);
                }
            }
            done += m;
            index[inner] += m;
            data = data.wrapping_offset(m as isize * self.strides[inner][k]);
            let mut d = inner;
            while d > 0 && index[d] == self.dims[d] {
                data = data.wrapping_offset(self.strides[d - 1][k] - self.dims[d] as isize * self.strides[d][k]);
                index[d] = 0;
                index[d - 1] += 1;
                d -= 1;
            }
        }
    }

    /// Splits a range of elements into a partial first row, whole rows, and a partial last row.
    unsafe fn long_rows(&self, range: Range<usize>, buffers: &mut [Buffer; N], block: Block<N>) -> Result<(), Error> {
        let width = self.dims[self.rank - 1];
        let (first, last) = (range.start / width, range.end / width);
        let (from, to) = (range.start % width, range.end % width);
        // SAFETY: guaranteed by the caller: the range is inside the operands.
        unsafe {
            if first == last {
                return self.rows(first..first + 1, from..to, buffers, block);
            }
            if from > 0 {
                self.rows(first..first + 1, from..width, buffers, block)?;
            }
            self.rows(first + (from > 0) as usize..last, 0..width, buffers, block)?;
            if to > 0 {
                self.rows(last..last + 1, 0..to, buffers, block)?;
            }
        }
        Ok(())
    }

    /// The same columns of a range of rows.
    unsafe fn rows(
        &self,
        rows: Range<usize>,
        columns: Range<usize>,
        buffers: &mut [Buffer; N],
        block: Block<N>,
    ) -> Result<(), Error> {
        let steps = self.strides[self.rank - 1];
        let direct: [bool; N] = std::array::from_fn(|k| steps[k] == self.sizes[k] as isize);
        let strided: [bool; N] = std::array::from_fn(|k| steps[k] != 0 && steps[k] != self.sizes[k] as isize);
        let width = self.dims[self.rank - 1];
        // Rows that differ only in the second-to-last dimension can be traversed together.
        let (height, row_step) = match self.rank {
            1 => (1, [0; N]),
            rank => (self.dims[rank - 2], self.strides[rank - 2]),
        };
        let (piece, group) = match (self.is_columnwise(), direct.iter().all(|&direct| direct)) {
            (true, _) => (PIECE, GROUP),
            (false, true) => (width, 1),
            (false, false) => (BLOCK, 1),
        };
        // The address of the value that each constant operand's buffer currently holds.
        let mut spread = [std::ptr::null_mut::<u8>(); N];
        let mut row = rows.start;
        while row < rows.end {
            let base = self.locate(row * width);
            let slab = (rows.end - row).min(height - row % height);
            for first in (0..slab).step_by(group) {
                let together = group.min(slab - first);
                for start in columns.clone().step_by(piece) {
                    let n = piece.min(columns.end - start);
                    let corner: [*mut u8; N] = std::array::from_fn(|k| {
                        base[k].wrapping_offset(first as isize * row_step[k] + start as isize * steps[k])
                    });
                    for k in 1..N {
                        if strided[k] {
                            let buffer = buffers[k].0.as_mut_ptr().cast();
                            // SAFETY: the tile exists, and a buffer holds `group` times `piece` elements of any size.
                            unsafe {
                                gather_tile::<PIECE>(
                                    corner[k],
                                    [row_step[k], steps[k]],
                                    [together, n],
                                    self.sizes[k],
                                    buffer,
                                )
                            };
                        }
                    }
                    for r in 0..together {
                        let mut at = corner;
                        for k in 0..N {
                            at[k] = corner[k].wrapping_offset(r as isize * row_step[k]);
                        }
                        let to = at[0];
                        // SAFETY: these `n` elements exist; the buffers are large enough, as above.
                        unsafe {
                            for k in 0..N {
                                if direct[k] {
                                    continue;
                                }
                                let buffer: *mut u8 = buffers[k].0.as_mut_ptr().cast();
                                if strided[k] && k > 0 {
                                    at[k] = buffer.add(r * PIECE * self.sizes[k]);
                                    continue;
                                }
                                if k > 0 && spread[k] != at[k] {
                                    // A constant is broadcast to the length of the longest piece.
                                    gather(at[k], 0, buffer, self.sizes[k], piece.min(columns.len()));
                                    spread[k] = at[k];
                                }
                                at[k] = buffer;
                            }
                            block(at, n)?;
                            if !direct[0] {
                                scatter(at[0], to, steps[0], self.sizes[0], n);
                            }
                        }
                    }
                }
            }
            row += slab;
        }
        Ok(())
    }
}

/// Whether a dimension with strides `a` belongs outside one with strides `b`: the first operand in which both are
/// nonzero decides.
#[inline]
fn wider<const N: usize>(a: &[isize; N], b: &[isize; N]) -> bool {
    for k in 0..N {
        if a[k] != 0 && b[k] != 0 && a[k].abs() != b[k].abs() {
            return a[k].abs() > b[k].abs();
        }
    }
    false
}

/// Copies the second operand to the first; both have the same element size.
///
/// # Safety
/// The operands must be valid for `dims`, and disjoint.
pub(super) unsafe fn copy(dims: &[usize], operands: [Operand; 2]) {
    let size = operands[0].size;
    // SAFETY: guaranteed by the caller; the block is given pointers to `n` contiguous elements of each operand.
    let result = unsafe {
        run(dims, operands, super::ops::LIGHT, &|[out, source], n| {
            std::ptr::copy_nonoverlapping(source, out, n * size);
            Ok(())
        })
    };
    debug_assert!(result.is_ok());
}
