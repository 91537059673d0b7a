//! The thread pool of `rushlight-kernels` under a model checker.
//!
//! This package compiles the pool's own file over [loom](https://docs.rs/loom)'s atomics, locks and cells. Each test is a small
//! program that loom runs once for every order in which its threads can be interleaved and every value that an atomic load
//! may return under the memory model. It fails on a data race (an access to a cell that is not ordered with another one), on a
//! deadlock (which a lost wake-up ends in), and on a failed assertion.
//!
//! What is modeled: opening and closing of regions one after the other, a worker that comes late, a full region, two callers
//! that want the pool, a region in a region, a panic in a task, and in each of them workers that fall asleep and are woken up.
//!
//! ```text
//! cargo test --release --manifest-path loom/Cargo.toml -- --nocapture
//! ```
//!
//! prints the number of executions: 31,005 for a late worker (every execution there is), 34,891 for a nested region (with up to
//! 5 preemptions), 16,621 for two regions in turn and 12,742 for a panic (3), 10,595 for two callers and 5,744 for two workers
//! (2); about ten seconds on two cores at rest. `LOOM_MAX_PREEMPTIONS` in the environment sets another bound.

#[cfg(test)]
#[path = "../../kernels/src/threads/pool.rs"]
mod pool;

#[cfg(test)]
mod sync {
    pub(super) use loom::cell::UnsafeCell;
    pub(super) use loom::hint::spin_loop;
    pub(super) use loom::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
    pub(super) use loom::sync::{Condvar, Mutex, MutexGuard};
    pub(super) use loom::thread::yield_now;

    // One look is enough to show both ways; loom's `spin_loop` yields, so that executions are finite.
    pub(super) const SPINS: usize = 1;
    pub(super) const WAIT_SPINS: usize = 1;
}

#[cfg(test)]
mod tests;
