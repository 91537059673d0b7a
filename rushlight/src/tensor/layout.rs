//! The layout of a tensor's elements in its storage.

use crate::{Error, Result};
use rushlight_kernels::MAX_RANK;
use std::fmt;

/// Shape, strides (in elements) and offset (in elements) of a view into a storage. At most 8 dimensions.
#[derive(Clone, Copy)]
pub struct Layout {
    dims: [usize; MAX_RANK],
    strides: [isize; MAX_RANK],
    offset: usize,
    numel: usize,
    rank: u8,
    contiguous: bool,
}

/// More elements than any memory holds. Counts saturate here, so that nothing overflows and allocation of them fails.
const MOST: usize = isize::MAX as usize / 16;

#[inline]
fn times(numel: usize, size: usize) -> usize {
    numel.saturating_mul(size).min(MOST)
}

#[cold]
fn too_large(op: &'static str, shape: &dyn fmt::Debug) -> Error {
    Error::shape(op, format!("expected a shape that fits in memory, got {shape:?}"))
}

impl Layout {
    /// A row-major layout from the start of a storage.
    #[inline]
    pub(crate) fn contiguous(dims: &[usize]) -> Layout {
        debug_assert!(dims.len() <= MAX_RANK);
        let mut layout = Layout {
            dims: [0; MAX_RANK],
            strides: [0; MAX_RANK],
            offset: 0,
            numel: 1,
            rank: dims.len() as u8,
            contiguous: true,
        };
        for (i, &size) in dims.iter().enumerate().rev() {
            layout.dims[i] = size;
            // As in PyTorch, a dimension of size 0 counts as 1 in the strides of those before it.
            layout.strides[i] =
                if i + 1 < dims.len() { layout.strides[i + 1].saturating_mul(dims[i + 1].max(1) as isize) } else { 1 };
            layout.numel = times(layout.numel, size);
        }
        layout
    }

    /// A layout with any strides. The caller ensures that they stay inside the storage.
    pub(crate) fn strided(dims: &[usize], strides: &[isize], offset: usize) -> Layout {
        debug_assert!(dims.len() <= MAX_RANK && dims.len() == strides.len());
        let mut layout = Layout {
            dims: [0; MAX_RANK],
            strides: [0; MAX_RANK],
            offset,
            numel: dims.iter().copied().fold(1, times),
            rank: dims.len() as u8,
            contiguous: true,
        };
        layout.dims[..dims.len()].copy_from_slice(dims);
        layout.strides[..dims.len()].copy_from_slice(strides);
        let mut expected: isize = 1;
        for (&size, &stride) in dims.iter().zip(strides).rev() {
            layout.contiguous &= size == 1 || stride == expected;
            expected = expected.saturating_mul(size as isize);
        }
        layout.contiguous |= layout.numel == 0;
        layout
    }

    /// This layout, or an error if its elements cannot fit in memory.
    pub(crate) fn checked(self, op: &'static str) -> Result<Layout> {
        let numel = self.dims().iter().try_fold(1usize, |numel, &size| numel.checked_mul(size.max(1)));
        if numel.is_some_and(|numel| numel <= MOST) { Ok(self) } else { Err(too_large(op, &self.dims())) }
    }

    /// Returns the sizes.
    #[inline]
    pub fn dims(&self) -> &[usize] {
        &self.dims[..self.rank as usize]
    }

    /// Returns the strides, in elements.
    #[inline]
    pub fn strides(&self) -> &[isize] {
        &self.strides[..self.rank as usize]
    }

    /// Returns the offset of the first element in the storage, in elements.
    #[inline]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Returns the number of elements.
    #[inline]
    pub fn numel(&self) -> usize {
        self.numel
    }

    /// Returns the number of dimensions.
    #[inline]
    pub fn rank(&self) -> usize {
        self.rank as usize
    }

    /// Returns whether the elements are stored in row-major order without gaps.
    #[inline]
    pub fn is_contiguous(&self) -> bool {
        self.contiguous
    }

    /// Whether both have the same sizes.
    #[inline]
    pub(crate) fn same_dims(&self, other: &Layout) -> bool {
        // Branch-free, so that it vectorizes; `==` on arrays calls memcmp.
        let differ = (0..MAX_RANK).fold(0, |differ, i| differ | (self.dims[i] ^ other.dims[i]));
        self.rank == other.rank && differ == 0
    }

    /// Whether both address the same elements in the same order.
    pub(crate) fn same_elements(&self, other: &Layout) -> bool {
        self.same_dims(other)
            && self.offset == other.offset
            && (0..self.rank()).all(|i| self.dims[i] <= 1 || self.strides[i] == other.strides[i])
    }

    /// Whether no two indices address the same element. (Strides that interleave without touching count as overlapping.)
    pub(crate) fn is_non_overlapping(&self) -> bool {
        if self.contiguous {
            return true;
        }
        let mut axes: Vec<(usize, usize)> = (0..self.rank())
            .filter(|&i| self.dims[i] > 1)
            .map(|i| (self.strides[i].unsigned_abs(), self.dims[i]))
            .collect();
        axes.sort_unstable();
        let mut span = 1;
        for (stride, size) in axes {
            if stride < span {
                return false;
            }
            span += stride * (size - 1);
        }
        true
    }

    /// Whether the elements fill a range of the storage without gaps or overlaps, in any order of dimensions.
    pub(crate) fn is_dense(&self) -> bool {
        self.contiguous || (self.is_non_overlapping() && self.storage_span() == self.numel)
    }

    /// The length of the range of the storage that the layout addresses, in elements; 0 if it is empty.
    pub(crate) fn storage_span(&self) -> usize {
        if self.numel == 0 {
            return 0;
        }
        1 + (0..self.rank()).map(|i| (self.dims[i] - 1) * self.strides[i].unsigned_abs()).sum::<usize>()
    }

    /// A dense layout of the same sizes at offset 0 that keeps the strides if they are dense.
    pub(crate) fn dense_like(&self) -> Layout {
        if self.is_dense() { Layout { offset: 0, ..*self } } else { Layout::contiguous(self.dims()) }
    }

    pub(crate) fn with_dims_strides(&self, dims: &[usize], strides: &[isize]) -> Layout {
        Layout::strided(dims, strides, self.offset)
    }

    /// This layout broadcast to `dims`, which the caller has checked to be possible.
    #[inline]
    pub(crate) fn broadcast_to(&self, dims: &[usize]) -> Layout {
        let lead = dims.len() - self.rank();
        let mut strides = [0; MAX_RANK];
        for i in lead..dims.len() {
            strides[i] = if self.dims[i - lead] == dims[i] { self.strides[i - lead] } else { 0 };
        }
        Layout::strided(dims, &strides[..dims.len()], self.offset)
    }

    /// The strides that view these elements with the sizes `dims`, if possible without a copy.
    pub(crate) fn view_strides(&self, dims: &[usize]) -> Option<[isize; MAX_RANK]> {
        let mut strides = [0; MAX_RANK];
        if self.contiguous {
            let fresh = Layout::contiguous(dims);
            return Some(fresh.strides);
        }
        // Walk both shapes from the end; `chunk` is a run of old dimensions with uniform spacing in memory.
        let mut view = dims.len();
        let mut chunk_numel = 1;
        let mut chunk_stride = self.strides[self.rank() - 1];
        for old in (0..self.rank()).rev() {
            chunk_numel *= self.dims[old];
            let ends =
                old == 0 || (self.dims[old - 1] != 1 && self.strides[old - 1] != chunk_numel as isize * chunk_stride);
            if ends {
                let mut view_numel = 1;
                while view > 0 && (view_numel < chunk_numel || dims[view - 1] == 1) {
                    strides[view - 1] = view_numel as isize * chunk_stride;
                    view_numel *= dims[view - 1];
                    view -= 1;
                }
                if view_numel != chunk_numel {
                    return None;
                }
                if old > 0 {
                    chunk_numel = 1;
                    chunk_stride = self.strides[old - 1];
                }
            }
        }
        (view == 0).then_some(strides)
    }
}

impl fmt::Debug for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} strides {:?} offset {}", self.dims(), self.strides(), self.offset)
    }
}

/// Broadcasts two shapes by PyTorch's rule: aligned at the end, sizes equal or one of them 1.
pub(crate) fn broadcast(op: &'static str, a: &Layout, b: &Layout) -> Result<Layout> {
    let (dims, rank) = broadcast_dims(a.dims(), b.dims())
        .map_err(|(size_a, size_b, dim)| {
            Error::shape(
                op,
                format!(
                    "expected broadcastable shapes, got {:?} and {:?}: sizes {size_a} and {size_b} at dimension {dim} are neither equal nor 1",
                    a.dims(),
                    b.dims()
                ),
            )
        })?;
    Layout::contiguous(&dims[..rank]).checked(op)
}

/// The broadcast sizes, or the two incompatible sizes and their dimension.
pub(crate) fn broadcast_dims(a: &[usize], b: &[usize]) -> Result<([usize; MAX_RANK], usize), (usize, usize, usize)> {
    let rank = a.len().max(b.len());
    let mut dims = [0; MAX_RANK];
    for i in 0..rank {
        let size = |s: &[usize]| if i + s.len() < rank { 1 } else { s[i + s.len() - rank] };
        dims[i] = match (size(a), size(b)) {
            (x, y) if x == y => x,
            (1, y) => y,
            (x, 1) => x,
            (x, y) => return Err((x, y, i)),
        };
    }
    Ok((dims, rank))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contiguous_strides_are_row_major() {
        let layout = Layout::contiguous(&[2, 3, 4]);
        assert_eq!((layout.strides(), layout.numel(), layout.is_contiguous()), (&[12, 4, 1][..], 24, true));
        assert_eq!(Layout::contiguous(&[2, 0, 4]).strides(), &[4, 4, 1]);
        assert_eq!(Layout::contiguous(&[]).numel(), 1);
    }

    #[test]
    fn views_without_a_copy_are_found() {
        let transposed = Layout::strided(&[3, 2], &[1, 3], 0);
        assert!(transposed.view_strides(&[6]).is_none());
        assert_eq!(transposed.view_strides(&[3, 1, 2]).unwrap()[..3], [1, 2 * 3, 3]);
        let narrowed = Layout::strided(&[2, 4], &[8, 1], 2);
        assert_eq!(narrowed.view_strides(&[2, 2, 2]).unwrap()[..3], [8, 2, 1]);
        assert!(narrowed.view_strides(&[8]).is_none());
    }

    #[test]
    fn overlap_and_density() {
        assert!(Layout::strided(&[3, 2], &[1, 3], 5).is_dense());
        assert!(!Layout::strided(&[3, 2], &[0, 1], 0).is_non_overlapping());
        let gaps = Layout::strided(&[2, 2], &[8, 1], 0);
        assert!(gaps.is_non_overlapping() && !gaps.is_dense());
        assert!(!Layout::strided(&[3, 2], &[1, 1], 0).is_non_overlapping());
    }
}
