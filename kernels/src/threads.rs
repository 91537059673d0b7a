//! The thread pool: one fork-join region at a time, in which the caller takes part.
//!
//! A general task pool passes work through queues and puts its caller to sleep, which costs 10 to 20 µs per region,
//! more than most kernels of a small network take. Here a region is opened by one atomic store, idle workers spin for a
//! few microseconds before they sleep, and the caller takes tasks too; a worker that wakes up late finds the region
//! closed and delays nobody. A thread that finds the pool busy (a second trainer, a data loader's worker, a kernel
//! inside a kernel) does its work alone: nothing waits, nothing deadlocks, and cores are not oversubscribed.
//!
//! How work is split into tasks must not depend on the number of threads if the split affects the result.

mod pool;

use pool::Pool;
use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::*};
use std::sync::{LazyLock, OnceLock};

/// The synchronization primitives of the pool: the standard library's, with the interface of the model checker's.
mod sync {
    pub(super) use std::hint::spin_loop;
    pub(super) use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
    pub(super) use std::sync::{Condvar, Mutex, MutexGuard};
    pub(super) use std::thread::yield_now;

    /// Iterations that an idle worker spins before it sleeps (about 20 µs).
    pub(super) const SPINS: usize = 2_000;
    /// Iterations that a caller spins, waiting for the last worker, before it yields its time slice.
    pub(super) const WAIT_SPINS: usize = 10_000;

    pub(super) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(super) fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        pub(super) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        pub(super) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

static POOL: LazyLock<Pool> = LazyLock::new(Pool::new);

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether this thread does all its work alone.
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// From now on, runs the work of this thread on this thread alone: for workers that run beside the main computation.
pub fn stay_alone() {
    ALONE.set(true);
}

/// The number of threads that kernels may use, including the caller. Default: the number of cores.
#[inline]
pub fn num_threads() -> usize {
    match THREADS.load(Relaxed) {
        0 => cores(),
        n => n,
    }
}

#[cold]
fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from).min(1024))
}

/// Sets the number of threads that kernels may use (1 to 1024). Results do not depend on it.
///
/// # Panics
/// If `n` is 0 or over 1024.
#[track_caller]
pub fn set_num_threads(n: usize) {
    assert!((1..=1024).contains(&n), "set_num_threads: the number of threads must be between 1 and 1024, but got {n}");
    THREADS.store(n, Relaxed);
}

/// Calls `f(i)` for every `i` in `0..tasks`, on up to [`num_threads`] threads. Threads take the next task as they
/// become free, so tasks may differ in length; the order is unspecified.
#[inline]
pub fn parallel_tasks(tasks: usize, f: impl Fn(usize) + Sync) {
    // Dynamic dispatch: a separate loop for each of the hundreds of kernels would only add to the compile time.
    run_tasks(tasks, &f);
}

fn run_tasks(tasks: usize, f: &(dyn Fn(usize) + Sync)) {
    let threads = num_threads().min(tasks);
    if threads > 1
        && !ALONE.get()
        && let Some(mut owner) = POOL.try_own()
    {
        let helpers = threads - 1;
        if *owner.started() < helpers {
            start_workers(owner.started(), helpers);
        }
        owner.run(helpers, tasks, f);
    } else {
        (0..tasks).for_each(f);
    }
}

/// Splits `0..n` into contiguous ranges of at least `grain` items, one per thread, and calls `f` on each of them.
///
/// The split depends on the number of threads: only for items that are independent of each other.
#[inline]
pub fn parallel_for(n: usize, grain: usize, f: impl Fn(Range<usize>) + Sync) {
    let parts = (n / grain.max(1)).clamp(1, num_threads());
    if parts == 1 {
        if n > 0 {
            f(0..n);
        }
        return;
    }
    // Split at multiples of 64 items, so that threads do not share cache lines.
    let part = n.div_ceil(parts).next_multiple_of(64);
    parallel_tasks(n.div_ceil(part), |i| f(i * part..n.min((i + 1) * part)));
}

#[cold]
fn start_workers(started: &mut usize, helpers: usize) {
    while *started < helpers {
        let worker = || {
            let mut seen = 0;
            loop {
                seen = POOL.take_part(seen);
            }
        };
        if std::thread::Builder::new().name(format!("rushlight-{started}")).spawn(worker).is_err() {
            break; // the system refuses more threads: continue with those already started
        }
        *started += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;
    use std::sync::atomic::AtomicU32;

    #[test]
    fn every_task_runs_once() {
        for round in 0..2_000 {
            let tasks = 1 + round % 37;
            let counts: Vec<AtomicU32> = (0..tasks).map(|_| AtomicU32::new(0)).collect();
            parallel_tasks(tasks, |i| {
                counts[i].fetch_add(1, Relaxed);
            });
            assert!(counts.iter().all(|c| c.load(Relaxed) == 1));
        }
    }

    #[test]
    fn ranges_cover_everything_once() {
        for n in [0, 1, 63, 64, 65, 1000, 4097] {
            let counts: Vec<AtomicU32> = (0..n).map(|_| AtomicU32::new(0)).collect();
            parallel_for(n, 10, |range| {
                for i in range {
                    counts[i].fetch_add(1, Relaxed);
                }
            });
            assert!(counts.iter().all(|c| c.load(Relaxed) == 1), "{n}");
        }
    }

    #[test]
    fn nested_and_concurrent_regions_do_not_deadlock() {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let sum = AtomicUsize::new(0);
                        parallel_tasks(8, |_| {
                            parallel_tasks(4, |i| {
                                sum.fetch_add(i, Relaxed);
                            })
                        });
                        assert_eq!(sum.load(Relaxed), 48);
                    }
                });
            }
        });
    }

    #[test]
    fn a_thread_can_stay_alone() {
        let alone = std::thread::spawn(|| {
            stay_alone();
            let own = std::thread::current().id();
            let strangers = AtomicUsize::new(0);
            parallel_tasks(64, |_| {
                strangers.fetch_add(usize::from(std::thread::current().id() != own), Relaxed);
            });
            strangers.into_inner()
        });
        assert_eq!(alone.join().unwrap(), 0);
    }

    #[test]
    fn a_panic_in_a_task_reaches_the_caller_and_the_pool_survives() {
        for _ in 0..20 {
            let caught = catch_unwind(|| parallel_tasks(8, |i| assert!(i != 5, "task five")));
            assert!(caught.is_err());
            let sum = AtomicUsize::new(0);
            parallel_tasks(8, |i| {
                sum.fetch_add(i, Relaxed);
            });
            assert_eq!(sum.load(Relaxed), 28);
        }
    }
}
