//! Scratch memory that a thread keeps between calls, so that packing does not allocate.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::RefCell;
use std::ptr::NonNull;

/// Maximum number of bytes that a thread keeps; larger buffers are freed after use.
const KEPT_BYTES: usize = 64 << 20;
/// A cache line, and the widest vector register.
const ALIGN: usize = 64;

/// An allocation aligned to a cache line.
#[derive(Debug)]
pub struct Buffer {
    start: NonNull<u8>,
    bytes: usize,
}

impl Buffer {
    fn new(bytes: usize) -> Self {
        let layout = Self::layout(bytes);
        // SAFETY: all callers pass a nonzero `bytes`.
        let start = unsafe { alloc(layout) };
        Self { start: NonNull::new(start).unwrap_or_else(|| handle_alloc_error(layout)), bytes }
    }

    /// Uninitialized memory for `len` elements.
    pub(crate) fn with_room_for<T: Copy>(len: usize) -> Self {
        Self::new((len * size_of::<T>()).max(ALIGN))
    }

    pub(crate) fn as_ptr<T: Copy>(&self) -> *mut T {
        self.start.as_ptr().cast()
    }

    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, ALIGN).expect("scratch memory of a size that fits the address space")
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.start.as_ptr(), Self::layout(self.bytes)) }
    }
}

// SAFETY: plain memory; code that writes through the pointer must guarantee exclusive access.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

thread_local! {
    static FREE: RefCell<Vec<Buffer>> = const { RefCell::new(Vec::new()) };
}

/// Calls `f` with uninitialized memory for `len` elements, aligned to a cache line. May be nested.
#[inline(always)]
pub(crate) fn with_scratch<T: Copy, R>(len: usize, f: impl FnOnce(*mut T) -> R) -> R {
    let buffer = take((len * size_of::<T>()).max(ALIGN));
    let result = f(buffer.as_ptr());
    give_back(buffer);
    result
}

fn take(bytes: usize) -> Buffer {
    let kept = FREE.with_borrow_mut(|free| {
        // Best fit: a small request must not take the large buffer of an enclosing loop.
        let fit = (0..free.len()).filter(|&i| free[i].bytes >= bytes).min_by_key(|&i| free[i].bytes);
        fit.map(|i| free.swap_remove(i))
    });
    kept.unwrap_or_else(|| Buffer::new(bytes.next_multiple_of(4096)))
}

fn give_back(buffer: Buffer) {
    FREE.with_borrow_mut(|free| {
        free.push(buffer);
        let mut total: usize = free.iter().map(|b| b.bytes).sum();
        // Larger buffers have replaced those that became too small.
        while total > KEPT_BYTES || free.len() > 8 {
            let Some(i) = (0..free.len()).min_by_key(|&i| free[i].bytes) else { break };
            total -= free.swap_remove(i).bytes;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_reused_and_nested_calls_get_their_own() {
        let first = with_scratch::<f32, _>(1000, |p| p as usize);
        let (outer, inner) = with_scratch::<f32, _>(900, |p| (p as usize, with_scratch::<f32, _>(900, |q| q as usize)));
        assert_eq!(outer, first);
        assert_ne!(outer, inner);
        assert_eq!(outer % ALIGN, 0);
    }
}
