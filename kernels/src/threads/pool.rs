//! The protocol between the caller of a region and the pool's workers.
//!
//! A region is opened by one atomic store and closed by one atomic instruction; in between, workers enter it, take part
//! in its work and leave. All communication between threads goes through the [`Pool`]; the number of threads, and
//! starting them, is up to [`threads`](super).
//!
//! Atomics, locks and cells come from the module `sync` next to this one, so that the model checker in `loom/` compiles
//! this file with its own and explores every interleaving of the threads.

use super::sync::{
    AtomicU64, AtomicUsize, Condvar, Mutex, MutexGuard, Ordering::*, SPINS, UnsafeCell, WAIT_SPINS, fence, spin_loop,
    yield_now,
};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::PoisonError;

// The state of the pool in one word: | region number: 32 | max workers: 15 | open: 1 | workers inside: 16 |
const INSIDE: u64 = 0xffff;
const OPEN: u64 = 1 << 16;
const LIMIT_SHIFT: u32 = 17;
const LIMIT: u64 = 0x7fff << LIMIT_SHIFT;
const REGION_SHIFT: u32 = 32;

/// The work of a region, its lifetime erased: each participant calls it once, and it takes tasks until none is left.
type Work = *const (dyn Fn() + Sync);

pub(super) struct Pool {
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

/// The right to open regions, held by one thread at a time.
pub(super) struct Owner<'a> {
    pool: &'a Pool,
    started: MutexGuard<'a, usize>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    pub(super) fn new() -> Self {
        Self {
            state: AtomicU64::new(0),
            work: UnsafeCell::new(None),
            owner: Mutex::new(0),
            sleeping: AtomicUsize::new(0),
            sleep: Mutex::new(()),
            wake: Condvar::new(),
        }
    }

    /// The right to open a region, unless a thread (possibly this one) holds it.
    pub(super) fn try_own(&self) -> Option<Owner<'_>> {
        self.owner.try_lock().ok().map(|started| Owner { pool: self, started })
    }

    /// The loop body of a worker: waits for a region other than `seen`, takes part in it unless it is full or already
    /// closed, and returns its number.
    pub(super) fn take_part(&self, seen: u64) -> u64 {
        let region = self.next_region(seen);
        if self.enter(region) {
            self.work.with(|work| {
                // SAFETY: we are inside an open region, whose owner set `work` before opening it and changes neither it nor
                // what it points to until we leave.
                if let Some(work) = unsafe { (*work).map(|work| &*work) } {
                    work();
                }
            });
            self.state.fetch_sub(1, Release);
        }
        region
    }

    /// Waits for a region other than `seen`: spins for a while, then sleeps.
    fn next_region(&self, seen: u64) -> u64 {
        let opened = || {
            let state = self.state.load(Acquire);
            let region = state >> REGION_SHIFT;
            (region != seen && state & OPEN != 0).then_some(region)
        };
        for _ in 0..SPINS {
            if let Some(region) = opened() {
                return region;
            }
            spin_loop();
        }
        let mut guard = lock(&self.sleep);
        self.sleeping.fetch_add(1, Relaxed);
        // Either we see the region that is being opened, or its owner sees that we sleep.
        fence(SeqCst);
        loop {
            if let Some(region) = opened() {
                self.sleeping.fetch_sub(1, Relaxed);
                return region;
            }
            guard = self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Enters the region if it is still open and has room.
    fn enter(&self, region: u64) -> bool {
        self.state
            .fetch_update(AcqRel, Acquire, |state| {
                let room = (state & INSIDE) < (state & LIMIT) >> LIMIT_SHIFT;
                (state >> REGION_SHIFT == region && state & OPEN != 0 && room).then_some(state + 1)
            })
            .is_ok()
    }

    fn open(&self, helpers: usize) {
        let region = (self.state.load(Relaxed) >> REGION_SHIFT).wrapping_add(1) & 0xffff_ffff;
        self.state.store(region << REGION_SHIFT | (helpers as u64) << LIMIT_SHIFT | OPEN, Release);
        fence(SeqCst);
        if self.sleeping.load(Relaxed) > 0 {
            // A worker that has announced itself holds the lock until it waits, so the signal is not lost.
            drop(lock(&self.sleep));
            self.wake.notify_all();
        }
    }

    /// Closes the region and waits until every worker has left it.
    fn close(&self) {
        let mut state = self.state.fetch_and(!OPEN, AcqRel);
        let mut spins = 0;
        while state & INSIDE != 0 {
            if spins < WAIT_SPINS {
                spins += 1;
                spin_loop();
            } else {
                yield_now();
            }
            state = self.state.load(Acquire);
        }
    }
}

impl Owner<'_> {
    /// The number of workers started so far.
    pub(super) fn started(&mut self) -> &mut usize {
        &mut self.started
    }

    /// Calls `f(i)` for every `i` in `0..tasks` on the caller and up to `helpers` workers, and returns when all are
    /// done. A panic of `f` is then propagated to the caller.
    pub(super) fn run(self, helpers: usize, tasks: usize, f: &(dyn Fn(usize) + Sync)) {
        let next = AtomicUsize::new(0);
        self.fork_join(helpers, &|| {
            loop {
                let i = next.fetch_add(1, Relaxed);
                if i >= tasks {
                    break;
                }
                f(i);
            }
        });
    }

    /// Calls `work` once on the caller and once on each of up to `helpers` workers that arrive before the caller is
    /// done.
    #[cold]
    pub(super) fn fork_join(self, helpers: usize, work: &(dyn Fn() + Sync)) {
        let failure: Mutex<Option<Box<dyn Any + Send>>> = Mutex::new(None);
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
        self.pool.work.with_mut(|work| unsafe { *work = Some(erased) });
        self.pool.open(helpers);
        guarded();
        self.pool.close();
        drop(self.started);
        if let Some(panic) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            resume_unwind(panic);
        }
    }
}
