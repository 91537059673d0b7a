//! Memory, from the allocator of recycled blocks.

use super::Cpu;
use crate::Result;
use crate::backend::{Device, Memory, allocator};
use std::ptr::NonNull;

impl Memory for Cpu {
    fn device(&self) -> Device {
        Device::Cpu
    }

    #[inline]
    fn is_host(&self) -> bool {
        true
    }

    #[inline]
    fn allocate(&self, bytes: usize) -> Result<NonNull<u8>> {
        allocator::take(bytes)
    }

    #[inline]
    unsafe fn release(&self, block: NonNull<u8>, bytes: usize) {
        // SAFETY: the caller's promise.
        unsafe { allocator::give(block, bytes) }
    }
}
