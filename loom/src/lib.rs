//! The thread pool of `rushlight-kernels` under a model checker.
//!
//! This package compiles the pool's own source file with [loom](https://docs.rs/loom)'s atomics, locks and cells. Each
//! test is a small program that loom runs once for every interleaving of its threads and every value that an atomic
//! load may return under the memory model. It fails on a data race (an access to a cell that is not ordered with
//! another one), on a deadlock (the result of a lost wake-up), and on a failed assertion.
//!
//! The models cover: opening and closing consecutive regions, a worker that arrives late, a full region, two callers
//! that compete for the pool, a nested region, a panic in a task, and in each of them workers that fall asleep and are
//! woken up.
//!
//! ```text
//! cargo test --release --manifest-path loom/Cargo.toml -- --nocapture
//! ```
//!
//! prints the number of executions: 31,005 for a late worker (all executions), 34,891 for a nested region (with up to 5
//! preemptions), 16,621 for two consecutive regions and 12,742 for a panic (3), 10,595 for two callers and 5,744 for
//! two workers (2); about ten seconds on two idle cores. The environment variable `LOOM_MAX_PREEMPTIONS` sets another
//! bound.

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

    // One iteration is enough to reach both branches; loom's `spin_loop` yields, so that executions are finite.
    pub(super) const SPINS: usize = 1;
    pub(super) const WAIT_SPINS: usize = 1;
}

#[cfg(test)]
mod tests;
