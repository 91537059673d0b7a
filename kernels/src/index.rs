//! Reading and writing at indices. Indices are checked before anything is written; an invalid one is reported with its
//! position.
//!
//! All arrays are contiguous. Results do not depend on the number of threads: sums at equal indices are accumulated in
//! the order of the indices.

use crate::MAX_RANK;
use crate::convert::{read, update};
use crate::dtype::Stored;
use crate::elementwise::Arithmetic;
use crate::instances::instances;
use crate::split::{Parts, for_ranges};
use rows::{add_rows, copy_rows};
use std::fmt;
use std::ops::Range;

mod rows;

/// An index that is out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadIndex {
    /// The index.
    pub value: i64,
    /// Its position in the (contiguous) array of indices.
    pub position: usize,
    /// The size of the dimension; valid indices are `0..size`.
    pub size: usize,
}

impl fmt::Display for BadIndex {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let BadIndex { value, position, size } = self;
        write!(f, "index {value} at position {position} is out of bounds for a dimension of size {size}")
    }
}

impl std::error::Error for BadIndex {}

/// Checks that all indices are in `0..size`.
///
/// # Errors
/// The first index that is out of bounds.
pub fn check_indices(indices: &[i64], size: usize) -> Result<(), BadIndex> {
    // A negative index is a huge unsigned one. Blocks without early exit, so that the loop vectorizes.
    for (block, indices) in indices.chunks(1024).enumerate() {
        let mut bad = false;
        for &i in indices {
            bad |= i as u64 >= size as u64;
        }
        if bad && let Some(at) = indices.iter().position(|&i| i as u64 >= size as u64) {
            return Err(BadIndex { value: indices[at], position: block * 1024 + at, size });
        }
    }
    Ok(())
}

instances! {
    /// An element type that can be indexed: every type.
    pub trait Element: Stored; All types, bodies in self {
        fn select(
            x: &[Self],
            sizes: [usize; 3],
            indices: &[i64],
            out: &mut [Self],
        ) -> Result<(), BadIndex>;
        fn gather_elements(
            x: &[Self],
            x_sizes: &[usize],
            dim: usize,
            index: &[i64],
            index_sizes: &[usize],
            out: &mut [Self],
        ) -> Result<(), BadIndex>;
        fn scatter_sums(
            out: &mut [Self],
            out_sizes: &[usize],
            dim: usize,
            index: &[i64],
            index_sizes: &[usize],
            src: &[Self],
            src_sizes: &[usize],
        ) -> Result<(), BadIndex>;
        fn add_rows(out: &mut [Self], sizes: [usize; 2], indices: &[i64], src: &[Self]) -> Result<(), BadIndex>;
        fn copy_rows(out: &mut [Self], sizes: [usize; 2], indices: &[i64], src: &[Self]) -> Result<(), BadIndex>;
    }
}

/// Selects along the middle dimension: `out[o, k, i] = x[o, indices[k], i]`, where `x` is `[outer, n, inner]` and `out`
/// is `[outer, indices.len(), inner]`.
///
/// # Errors
/// If an index is not in `0..n`; nothing is written then.
///
/// # Panics
/// If the length of a slice does not match the sizes.
#[inline]
pub fn index_select<T: Element>(x: &[T], sizes: [usize; 3], indices: &[i64], out: &mut [T]) -> Result<(), BadIndex> {
    T::select(x, sizes, indices, out)
}

/// `out[i, j, k] = x[i, index[i, j, k], k]` (here along dimension 1 of 3). `index` and `out` have sizes `index_sizes`,
/// which are at most those of `x` outside `dim`. Scalars are arrays with one dimension of size 1.
///
/// # Errors
/// If an index is not in `0..x_sizes[dim]`; nothing is written then.
///
/// # Panics
/// If sizes and lengths do not match.
#[inline]
pub fn gather<T: Element>(
    x: &[T],
    x_sizes: &[usize],
    dim: usize,
    index: &[i64],
    index_sizes: &[usize],
    out: &mut [T],
) -> Result<(), BadIndex> {
    T::gather_elements(x, x_sizes, dim, index, index_sizes, out)
}

/// `out[i, index[i, j, k], k] += src[i, j, k]` (here along dimension 1 of 3). `index` has sizes `index_sizes`, which
/// are at most those of `src` everywhere and those of `out` outside `dim`. Sums are accumulated in the order of the
/// indices; integers wrap, booleans are combined with `or`.
///
/// # Errors
/// If an index is not in `0..out_sizes[dim]`; nothing is written then.
///
/// # Panics
/// If sizes and lengths do not match.
#[inline]
pub fn scatter_add<T: Element>(
    out: &mut [T],
    out_sizes: &[usize],
    dim: usize,
    index: &[i64],
    index_sizes: &[usize],
    src: &[T],
    src_sizes: &[usize],
) -> Result<(), BadIndex> {
    T::scatter_sums(out, out_sizes, dim, index, index_sizes, src, src_sizes)
}

/// Adds rows: `out[indices[k], i] += src[k, i]`, where `out` is `[n, inner]` and `src` is `[indices.len(), inner]`. Sums
/// are accumulated in the order of the indices; integers wrap, booleans are combined with `or`.
///
/// # Errors
/// If an index is not in `0..n`; nothing is written then.
///
/// # Panics
/// If the length of a slice does not match the sizes.
#[inline]
pub fn index_add<T: Element>(out: &mut [T], sizes: [usize; 2], indices: &[i64], src: &[T]) -> Result<(), BadIndex> {
    T::add_rows(out, sizes, indices, src)
}

/// Replaces rows: `out[indices[k], i] = src[k, i]`, as [`index_add`]; the last of equal indices counts.
///
/// # Errors
/// If an index is not in `0..n`; nothing is written then.
///
/// # Panics
/// If the length of a slice does not match the sizes.
#[inline]
pub fn index_copy<T: Element>(out: &mut [T], sizes: [usize; 2], indices: &[i64], src: &[T]) -> Result<(), BadIndex> {
    T::copy_rows(out, sizes, indices, src)
}

fn select<T: Stored>(x: &[T], [outer, n, inner]: [usize; 3], indices: &[i64], out: &mut [T]) -> Result<(), BadIndex> {
    let k = indices.len();
    assert!(
        x.len() == outer * n * inner && out.len() == outer * k * inner,
        "index_select: expected [{outer}, {n}, {inner}] and [{outer}, {k}, {inner}] elements, got {} and {}",
        x.len(),
        out.len()
    );
    check_indices(indices, n)?;
    if out.is_empty() {
        return Ok(());
    }
    let out = Parts::new(out);
    for_ranges(outer * k, inner, |rows| {
        for row in rows {
            let from = (row / k * n + indices[row % k] as usize) * inner;
            // SAFETY: rows do not overlap.
            let to = unsafe { out.part(row * inner..(row + 1) * inner) };
            if let ([to], &[x]) = (&mut *to, &x[from..from + inner]) {
                *to = x;
            } else {
                to.copy_from_slice(&x[from..from + inner]);
            }
        }
    });
    Ok(())
}

fn gather_elements<T: Stored>(
    x: &[T],
    x_sizes: &[usize],
    dim: usize,
    index: &[i64],
    index_sizes: &[usize],
    out: &mut [T],
) -> Result<(), BadIndex> {
    let walk = Walk::new("gather", dim, index_sizes, x_sizes, x.len());
    let len = index_sizes.iter().product::<usize>();
    let lens = [index.len(), out.len()];
    assert!(lens == [len; 2], "gather: expected {len} indices and outputs, got {lens:?}");
    check_indices(index, x_sizes[dim])?;
    let out = Parts::new(out);
    for_ranges(len, 4, |range| {
        // SAFETY: ranges do not overlap.
        let part = unsafe { out.part(range.clone()) };
        walk.rows(range.clone(), |elements, base, step| {
            let to = &mut part[elements.start - range.start..elements.end - range.start];
            for (c, (to, &index)) in to.iter_mut().zip(&index[elements]).enumerate() {
                let from = base + c * step + index as usize * walk.strides[dim];
                debug_assert!(from < x.len());
                // SAFETY: the index is below the size of `dim`, the other coordinates below those of `x`.
                *to = unsafe { *x.get_unchecked(from) };
            }
        });
    });
    Ok(())
}

fn scatter_sums<T: Stored>(
    out: &mut [T],
    out_sizes: &[usize],
    dim: usize,
    index: &[i64],
    index_sizes: &[usize],
    src: &[T],
    src_sizes: &[usize],
) -> Result<(), BadIndex> {
    let walk = Walk::new("scatter_add", dim, index_sizes, out_sizes, out.len());
    // The same elements in `src`: a walk in which every dimension is an ordinary one.
    let source = Walk::new("scatter_add", dim, index_sizes, src_sizes, src.len());
    let len = index_sizes.iter().product::<usize>();
    assert!(
        index.len() == len && index_sizes[dim] <= src_sizes[dim],
        "scatter_add: expected {len} indices of sizes of at most {src_sizes:?}, got {} of {index_sizes:?}",
        index.len()
    );
    check_indices(index, out_sizes[dim])?;
    if len == 0 {
        return Ok(());
    }
    update(out, |out| {
        read(src, |src| {
            let plain = index_sizes == src_sizes;
            let add = |range: Range<usize>, out: &Parts<T::Computed>| {
                walk.rows(range, |elements, base, step| {
                    for (c, i) in elements.enumerate() {
                        let at = base + c * step + index[i] as usize * walk.strides[dim];
                        let from = if plain { i } else { source.offset(i) };
                        // SAFETY: tasks have different coordinates before `dim`, so different elements.
                        let to = unsafe { &mut out.part(at..at + 1)[0] };
                        *to = to.plus(src[from]);
                    }
                });
            };
            let outer: usize = index_sizes[..dim].iter().product();
            let out = Parts::new(out);
            for_ranges(outer, len / outer * 4, |range| {
                add(range.start * (len / outer)..range.end * (len / outer), &out)
            });
        });
    });
    Ok(())
}

/// The iteration that [`gather`] and [`scatter_add`] share: for every element of the index array (contiguous, of
/// `sizes`) its index, and the offset in an array of other sizes of the element that has the same coordinates except
/// `index` along `dim`.
struct Walk {
    rank: usize,
    dim: usize,
    sizes: [usize; MAX_RANK],
    strides: [usize; MAX_RANK],
}

impl Walk {
    fn new(name: &str, dim: usize, sizes: &[usize], other: &[usize], other_len: usize) -> Walk {
        let rank = sizes.len();
        assert!(
            rank == other.len() && dim < rank && rank <= MAX_RANK,
            "{name}: expected dimension {dim} below the rank of {sizes:?} and {other:?}"
        );
        let fits = (0..rank).all(|d| d == dim || sizes[d] <= other[d]);
        assert!(fits, "{name}: expected index sizes of at most {other:?} outside dimension {dim}, got {sizes:?}");
        let len = other.iter().product::<usize>();
        assert!(other_len == len, "{name}: expected {len} elements of sizes {other:?}, got {other_len}");
        let mut walk = Walk { rank, dim, sizes: [1; MAX_RANK], strides: [0; MAX_RANK] };
        let mut stride = 1;
        for d in (0..rank).rev() {
            walk.sizes[d] = sizes[d];
            walk.strides[d] = stride;
            stride *= other[d];
        }
        walk
    }

    /// Calls `f(elements, offset, step)` for the parts of `range` within one innermost row: the offset is that of index
    /// 0 along `dim` for the first element, and grows by `step` with each.
    #[inline(always)]
    fn rows(&self, range: Range<usize>, mut f: impl FnMut(Range<usize>, usize, usize)) {
        let last = self.rank - 1;
        let stride = |d: usize| if d == self.dim { 0 } else { self.strides[d] };
        let mut coordinates = [0; MAX_RANK];
        let mut rest = range.start;
        for d in (0..self.rank).rev() {
            coordinates[d] = rest % self.sizes[d];
            rest /= self.sizes[d];
        }
        let mut i = range.start;
        while i < range.end {
            let base: usize = (0..self.rank).map(|d| coordinates[d] * stride(d)).sum();
            let end = (i + self.sizes[last] - coordinates[last]).min(range.end);
            f(i..end, base, stride(last));
            i = end;
            coordinates[last] = 0;
            for d in (0..last).rev() {
                coordinates[d] += 1;
                if coordinates[d] < self.sizes[d] {
                    break;
                }
                coordinates[d] = 0;
            }
        }
    }

    /// The offset of element `i` in the other array, with its own coordinate along `dim`.
    fn offset(&self, mut i: usize) -> usize {
        let mut offset = 0;
        for d in (0..self.rank).rev() {
            offset += i % self.sizes[d] * self.strides[d];
            i /= self.sizes[d];
        }
        offset
    }
}

#[cfg(test)]
mod tests;
