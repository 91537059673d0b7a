//! The caching allocator of the CPU: training steps allocate the same sizes repeatedly, and new pages cost more than
//! most kernels (a page fault for every 4 KiB).
//!
//! Memory is allocated zeroed and then recycled, so it is always initialized: the contents of a new block are unspecified, but never
//! undefined.

use crate::{Error, Result};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Up to this many bytes the system's allocator is as fast as a cache.
const SMALL: usize = 1024;
/// Sizes are rounded up to one of this many steps between powers of two, so that at most a fifth is wasted.
const STEPS: usize = 4;
const CLASSES: usize = (usize::BITS as usize - SMALL.ilog2() as usize) * STEPS;
const ALIGN: usize = 64;

struct Free(Vec<NonNull<u8>>);
// SAFETY: the pointers are the sole owners of blocks of plain memory.
unsafe impl Send for Free {}

static CLASSES_FREE: [Mutex<Free>; CLASSES] = [const { Mutex::new(Free(Vec::new())) }; CLASSES];
static HELD: AtomicUsize = AtomicUsize::new(0);
static LIMIT: OnceLock<AtomicUsize> = OnceLock::new();

fn limit() -> &'static AtomicUsize {
    LIMIT.get_or_init(|| AtomicUsize::new(physical_memory().map_or(4 << 30, |bytes| bytes / 2)))
}

fn physical_memory() -> Option<usize> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kib: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    kib.checked_mul(1024)
}

/// The size class of a block, and the bytes that its blocks have.
fn class(bytes: usize) -> (usize, usize) {
    let power = (bytes - 1).ilog2() as usize; // 2^power < bytes <= 2^(power + 1)
    let step = (1 << power) / STEPS;
    let steps = (bytes - (1 << power)).div_ceil(step);
    ((power - SMALL.ilog2() as usize) * STEPS + steps - 1, (1 << power) + steps * step)
}

fn layout(bytes: usize) -> Layout {
    let (bytes, align) = if bytes <= SMALL { (bytes.max(16), 16) } else { (bytes, ALIGN) };
    Layout::from_size_align(bytes, align).expect("tensor sizes are checked when the layout is made")
}

/// A block of at least `bytes` initialized bytes, aligned to 16 bytes when small and to 64 when large.
#[inline]
pub(crate) fn take(bytes: usize) -> Result<NonNull<u8>> {
    if bytes <= SMALL { fresh(bytes) } else { take_large(bytes) }
}

fn take_large(bytes: usize) -> Result<NonNull<u8>> {
    let (class, size) = class(bytes);
    let recycled = CLASSES_FREE[class].lock().unwrap_or_else(PoisonError::into_inner).0.pop();
    match recycled {
        Some(block) => {
            HELD.fetch_sub(size, Relaxed);
            Ok(block)
        }
        None => fresh(size),
    }
}

#[inline]
fn fresh(bytes: usize) -> Result<NonNull<u8>> {
    let layout = layout(bytes);
    // SAFETY: the size is not zero.
    NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or_else(|| no_memory(bytes))
}

#[cold]
fn no_memory(bytes: usize) -> Error {
    Error::Memory { bytes }
}

/// Frees a block.
///
/// # Safety
/// `block` came from [`take`] with the same `bytes` and is no longer used.
#[inline]
pub(crate) unsafe fn give(block: NonNull<u8>, bytes: usize) {
    if bytes <= SMALL {
        // SAFETY: guaranteed by the caller.
        unsafe { dealloc(block.as_ptr(), layout(bytes)) }
    } else {
        // SAFETY: guaranteed by the caller.
        unsafe { give_large(block, bytes) }
    }
}

unsafe fn give_large(block: NonNull<u8>, bytes: usize) {
    let (class, size) = class(bytes);
    if HELD.fetch_add(size, Relaxed) + size <= limit().load(Relaxed) {
        CLASSES_FREE[class].lock().unwrap_or_else(PoisonError::into_inner).0.push(block);
    } else {
        HELD.fetch_sub(size, Relaxed);
        // SAFETY: guaranteed by the caller; `take_large` allocated the size of the class.
        unsafe { dealloc(block.as_ptr(), layout(size)) }
    }
}

/// Frees all cached memory that is not in use.
///
/// ```
/// use rushlight::memory;
/// memory::empty_cache();
/// assert_eq!(memory::cached_bytes(), 0);
/// ```
pub fn empty_cache() {
    for (index, free) in CLASSES_FREE.iter().enumerate() {
        let (power, step) = (index / STEPS + SMALL.ilog2() as usize, index % STEPS + 1);
        let size = (1 << power) + step * ((1 << power) / STEPS);
        let blocks = std::mem::take(&mut free.lock().unwrap_or_else(PoisonError::into_inner).0);
        HELD.fetch_sub(size * blocks.len(), Relaxed);
        for block in blocks {
            // SAFETY: every block of this class was allocated with the size of the class, and nobody uses it.
            unsafe { dealloc(block.as_ptr(), layout(size)) }
        }
        if power + 1 >= usize::BITS as usize - 1 {
            break;
        }
    }
}

/// Returns the bytes of cached memory that are not in use.
pub fn cached_bytes() -> usize {
    HELD.load(Relaxed)
}

/// Sets the limit of cached memory in bytes (initially half of the machine's memory); what exceeds it is freed as by [`empty_cache`].
pub fn set_cache_limit(bytes: usize) {
    limit().store(bytes, Relaxed);
    if cached_bytes() > bytes {
        empty_cache();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_tight_and_monotonic() {
        let mut last = 0;
        for bytes in (SMALL + 1..1 << 16).chain([1 << 20, (1 << 20) + 1, 1 << 40]) {
            let (index, size) = class(bytes);
            assert!(size >= bytes && size - bytes <= bytes / 4, "{bytes} {size}");
            assert!(index >= last && index < CLASSES);
            last = index;
            assert_eq!(class(size), (index, size));
        }
    }

    #[test]
    fn blocks_come_round() {
        let bytes = 123_457_891;
        let block = take(bytes).unwrap();
        // SAFETY: the block is ours and has `bytes` bytes; it is freed once.
        unsafe {
            block.as_ptr().add(bytes - 1).write(7);
            give(block, bytes);
        }
        let again = take(bytes - 1).unwrap();
        assert_eq!(again, block);
        // SAFETY: as above.
        unsafe { give(again, bytes - 1) };
        assert!(cached_bytes() >= bytes);
    }
}
