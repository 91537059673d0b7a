//! The thread pool: one fork-join region at a time, the caller working along.
//!
//! A general task pool hands work over through queues and sleeps its caller, which costs 10 to 20 µs a region, more than
//! most kernels of a small network take. Here a region is opened by one atomic store, idle workers look for it for a
//! few microseconds before they sleep, and the caller takes tasks too; a worker that wakes up late finds the region
//! closed and delays nobody. A thread that finds the pool taken (a second trainer, a data loader's worker, a kernel
//! inside a kernel) does its work alone: so nothing waits, nothing deadlocks, and cores are not oversubscribed.
//!
//! How work is cut into tasks must not depend on the number of threads wherever the cut shows in the result.

use std::cell::{Cell, UnsafeCell};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::*};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

/// How often an idle worker looks for a new region before it sleeps (about 20 µs).
const SPINS: usize = 2_000;
/// How often a caller looks whether the last worker is done before it gives its time slice away.
const WAIT_SPINS: usize = 10_000;

// The state of the pool in one word: | region number: 32 | most workers: 15 | open: 1 | workers inside: 16 |
const INSIDE: u64 = 0xffff;
const OPEN: u64 = 1 << 16;
const LIMIT_SHIFT: u32 = 17;
const LIMIT: u64 = 0x7fff << LIMIT_SHIFT;
const REGION_SHIFT: u32 = 32;

/// What a region runs, erased: each participant calls it once, and it takes tasks until none is left.
type Work = *const (dyn Fn() + Sync);

struct Pool {
    state: AtomicU64,
    work: UnsafeCell<Option<Work>>,
    /// Held by the thread whose region is open; guards the number of workers started so far.
    owner: Mutex<usize>,
    sleeping: AtomicUsize,
    sleep: Mutex<()>,
    wake: Condvar,
}

// SAFETY: `work` is written only by the owner while no region is open and no worker is inside, and read only by workers
// that have entered an open region; `state` orders the two.
unsafe impl Sync for Pool {}
// SAFETY: as above; the raw pointer in `work` is the only field that is not `Send` by itself.
unsafe impl Send for Pool {}

static POOL: Pool = Pool {
    state: AtomicU64::new(0),
    work: UnsafeCell::new(None),
    owner: Mutex::new(0),
    sleeping: AtomicUsize::new(0),
    sleep: Mutex::new(()),
    wake: Condvar::new(),
};

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether this thread does all its work alone.
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// Keeps the work of this thread on this thread from now on: for workers that run beside the one the cores are for.
pub fn stay_alone() {
    ALONE.set(true);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of threads that kernels may use, the caller among them. At the start: the number of cores.
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

/// Calls `f(i)` for every `i` in `0..tasks`, on as many threads as [`num_threads`] allows. Threads take the next task
/// as they get free, so tasks may differ in length; the order is not defined.
pub fn parallel_tasks(tasks: usize, f: impl Fn(usize) + Sync) {
    let threads = num_threads().min(tasks);
    if threads > 1
        && !ALONE.get()
        && let Ok(owner) = POOL.owner.try_lock()
    {
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let i = next.fetch_add(1, Relaxed);
                if i >= tasks {
                    break;
                }
                f(i);
            }
        };
        run(owner, threads - 1, &work);
    } else {
        (0..tasks).for_each(f);
    }
}

/// Cuts `0..n` into contiguous ranges of at least `grain` items, one a thread, and calls `f` on each of them.
///
/// Where the cut is depends on the number of threads: only for work whose items do not influence each other.
#[inline]
pub fn parallel_for(n: usize, grain: usize, f: impl Fn(Range<usize>) + Sync) {
    let parts = (n / grain.max(1)).clamp(1, num_threads());
    if parts == 1 {
        if n > 0 {
            f(0..n);
        }
        return;
    }
    // Cuts at multiples of 64 items, so that threads do not share cache lines.
    let part = n.div_ceil(parts).next_multiple_of(64);
    parallel_tasks(n.div_ceil(part), |i| f(i * part..n.min((i + 1) * part)));
}

/// Opens a region for up to `helpers` workers beside the caller, and returns when everyone has left it.
#[cold]
fn run(mut started: MutexGuard<'_, usize>, helpers: usize, work: &(dyn Fn() + Sync)) {
    while *started < helpers {
        let spawned = std::thread::Builder::new().name(format!("rushlight-{started}")).spawn(worker);
        if spawned.is_err() {
            break; // the system gives us no more threads: the ones there are will do
        }
        *started += 1;
    }
    let failure: Mutex<Option<Box<dyn std::any::Any + Send>>> = Mutex::new(None);
    let guarded = || {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
            lock(&failure).get_or_insert(panic);
        }
    };
    let erased: &(dyn Fn() + Sync) = &guarded;
    // SAFETY: only the lifetime is erased. Workers call the closure only between entering and leaving the region, and this
    // function does not return before all of them have left.
    let erased: Work = unsafe { std::mem::transmute::<&(dyn Fn() + Sync), &'static (dyn Fn() + Sync)>(erased) };
    // SAFETY: the region is closed and empty (the previous owner waited for that), so no worker reads `work`.
    unsafe { *POOL.work.get() = Some(erased) };
    let region = (POOL.state.load(Relaxed) >> REGION_SHIFT).wrapping_add(1) & 0xffff_ffff;
    POOL.state.store(region << REGION_SHIFT | (helpers as u64) << LIMIT_SHIFT | OPEN, SeqCst);
    if POOL.sleeping.load(SeqCst) > 0 {
        drop(lock(&POOL.sleep));
        POOL.wake.notify_all();
    }
    guarded();
    let mut state = POOL.state.fetch_and(!OPEN, AcqRel);
    let mut spins = 0;
    while state & INSIDE != 0 {
        spins += 1;
        if spins < WAIT_SPINS {
            std::hint::spin_loop()
        } else {
            std::thread::yield_now()
        }
        state = POOL.state.load(Acquire);
    }
    drop(started);
    if let Some(panic) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        resume_unwind(panic);
    }
}

fn worker() {
    let mut seen = 0;
    loop {
        let state = next_region(seen);
        seen = state >> REGION_SHIFT;
        if enter(seen) {
            // SAFETY: we are inside an open region, whose owner set `work` before opening it and keeps it until we leave.
            let work = unsafe { (*POOL.work.get()).map(|w| &*w) };
            if let Some(work) = work {
                work();
            }
            POOL.state.fetch_sub(1, Release);
        }
    }
}

/// Waits for a region other than `seen`: looks for a while, then sleeps.
fn next_region(seen: u64) -> u64 {
    for _ in 0..SPINS {
        let state = POOL.state.load(Acquire);
        if state >> REGION_SHIFT != seen && state & OPEN != 0 {
            return state;
        }
        std::hint::spin_loop();
    }
    let mut guard = lock(&POOL.sleep);
    POOL.sleeping.fetch_add(1, SeqCst);
    loop {
        let state = POOL.state.load(SeqCst);
        if state >> REGION_SHIFT != seen && state & OPEN != 0 {
            POOL.sleeping.fetch_sub(1, SeqCst);
            return state;
        }
        guard = POOL.wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Enters the region if it is still open and has room.
fn enter(region: u64) -> bool {
    POOL.state
        .fetch_update(AcqRel, Acquire, |state| {
            let room = (state & INSIDE) < (state & LIMIT) >> LIMIT_SHIFT;
            (state >> REGION_SHIFT == region && state & OPEN != 0 && room).then_some(state + 1)
        })
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
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
