//! The memory layouts on which operations are tested.

use rushlight::ops::SliceOptions;
use rushlight::{Result, Tensor};

/// How an input tensor is derived from another one, the leaf.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Layout {
    Contiguous,
    /// The last two dimensions are swapped in memory.
    Transposed,
    /// Every other element along the last dimension.
    Sliced,
    /// All rows along the first dimension are the same memory.
    Broadcast,
    /// A part of a larger tensor.
    Narrowed,
}

impl Layout {
    pub(crate) const ALL: [Layout; 5] =
        [Layout::Contiguous, Layout::Transposed, Layout::Sliced, Layout::Broadcast, Layout::Narrowed];
    /// The row-major layouts.
    pub(crate) const ROW_MAJOR: [Layout; 2] = [Layout::Contiguous, Layout::Narrowed];

    /// The shape of the leaf for a tensor of shape `shape`, or `None` if this layout makes no difference.
    pub(crate) fn leaf(self, shape: &[usize]) -> Option<Vec<usize>> {
        let mut leaf = shape.to_vec();
        let rank = shape.len();
        match self {
            Layout::Contiguous => {}
            Layout::Transposed if rank >= 2 => leaf.swap(rank - 1, rank - 2),
            Layout::Sliced if rank >= 1 => leaf[rank - 1] *= 2,
            Layout::Broadcast if rank >= 1 && shape[0] > 1 => leaf[0] = 1,
            Layout::Narrowed if rank >= 1 => leaf[0] += 2,
            _ => return None,
        }
        Some(leaf)
    }

    /// The tensor of shape `shape`, as a view of the leaf.
    pub(crate) fn view(self, leaf: &Tensor, shape: &[usize]) -> Result<Tensor> {
        match self {
            Layout::Contiguous => Ok(leaf.clone()),
            Layout::Transposed => leaf.try_transpose(-1, -2),
            Layout::Sliced => leaf.try_slice_with(-1, .., SliceOptions::new().step(2)),
            Layout::Broadcast => leaf.try_expand(shape),
            Layout::Narrowed => leaf.try_narrow(0, 1, shape[0]),
        }
    }
}
