//! Memory, from the caching allocator.

use super::Cpu;
use crate::Result;
use crate::backend::{Memory, allocator};
use crate::tensor::{ReadGuard, WriteGuard};
use std::ptr::NonNull;

impl Memory for Cpu {
    #[inline]
    fn allocate(&self, bytes: usize) -> Result<NonNull<u8>> {
        allocator::take(bytes)
    }

    #[inline]
    unsafe fn release(&self, block: NonNull<u8>, bytes: usize) {
        // SAFETY: guaranteed by the caller.
        unsafe { allocator::give(block, bytes) }
    }

    fn upload(&self, bytes: &[u8], out: &mut WriteGuard<'_>) -> Result<()> {
        assert!(out.layout().is_contiguous() && bytes.len() == out.layout().numel() * out.dtype().size());
        // SAFETY: the contiguous elements that the guard covers have as many bytes, and they do not overlap `bytes`.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), out.bytes(), bytes.len()) };
        Ok(())
    }

    fn download(&self, x: &ReadGuard<'_>, bytes: &mut [u8]) -> Result<()> {
        assert!(x.layout().is_contiguous() && bytes.len() == x.layout().numel() * x.dtype().size());
        // SAFETY: as in `upload`, the other way.
        unsafe { std::ptr::copy_nonoverlapping(x.bytes(), bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }
}
