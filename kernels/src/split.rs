//! One mutable slice, written by several tasks concurrently.

use std::marker::PhantomData;
use std::ops::Range;

/// A mutable slice of which every task borrows its own part.
pub(crate) struct Parts<'a, T> {
    ptr: *mut T,
    len: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: all access goes through `part`, whose callers guarantee that no two parts in use overlap.
unsafe impl<T: Send> Sync for Parts<'_, T> {}
// SAFETY: as for a mutable slice.
unsafe impl<T: Send> Send for Parts<'_, T> {}

impl<'a, T> Parts<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Parts { ptr: slice.as_mut_ptr(), len: slice.len(), slice: PhantomData }
    }

    /// The elements in `range`.
    ///
    /// # Safety
    /// No other part in use at the same time overlaps this one.
    ///
    /// # Panics
    /// If `range` is not within the slice.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn part(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: in bounds of the slice borrowed mutably by `new`; no overlap, as the caller guarantees.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.add(range.start), range.len()) }
    }
}

/// Calls `f` on ranges that cover `0..n`, in parallel if `n * cost` (in elements accessed) is large enough. The ranges
/// are the same for every number of threads.
#[inline]
pub(crate) fn for_ranges(n: usize, cost: usize, f: impl Fn(Range<usize>) + Sync) {
    for_ranges_of(TASK, n, cost, f)
}

/// [`for_ranges`] with tasks of about `task` elements.
#[inline]
pub(crate) fn for_ranges_of(task: usize, n: usize, cost: usize, f: impl Fn(Range<usize>) + Sync) {
    if n.saturating_mul(cost) < PARALLEL_ELEMENTS {
        if n > 0 {
            f(0..n);
        }
        return;
    }
    let chunk = (task / cost.max(1)).max(1);
    crate::threads::parallel_tasks(n.div_ceil(chunk), |i| f(i * chunk..n.min((i + 1) * chunk)));
}

/// Elements below which a second thread costs more than it gains (about 5 µs of work).
pub(crate) const PARALLEL_ELEMENTS: usize = 1 << 15;
/// Elements per task: enough to amortize the dispatch, few enough for load balance.
pub(crate) const TASK: usize = 1 << 14;
