//! Prefetching: numbered results computed ahead by threads and returned in order.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

/// Computes `job(0)`, `job(1)`, … on threads, at most `window` of them ahead of the next returned one. An idle thread takes the next
/// number, so a slow job blocks only its reader. Dropping it stops and joins the threads.
pub(super) struct Prefetch<T> {
    shared: Arc<Shared<T>>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    /// Signals that a job may be started, or that threads should stop.
    room: Condvar,
    /// Signals that the next result may be available.
    ready: Condvar,
    total: usize,
    window: usize,
}

struct State<T> {
    /// The number of started jobs.
    begun: usize,
    /// The results of the started jobs that were not returned yet, in order; `None` while a job runs.
    ahead: VecDeque<Option<T>>,
    stop: bool,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // No code panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, job: &(dyn Fn(usize) -> T + Send + Sync)) {
        let mut state = self.lock();
        loop {
            while !state.stop && state.begun < self.total && state.ahead.len() >= self.window {
                state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.stop || state.begun >= self.total {
                return;
            }
            let number = state.begun;
            state.begun += 1;
            state.ahead.push_back(None);
            drop(state);
            let result = job(number);
            state = self.lock();
            // Earlier ones may have been returned in the meantime; the end of the queue has the number `begun - 1`.
            let place = state.ahead.len() - (state.begun - number);
            state.ahead[place] = Some(result);
            self.ready.notify_one();
        }
    }
}

impl<T: Send + 'static> Prefetch<T> {
    /// Starts `threads` threads for the jobs 0 to `total` - 1, or as many as the system can create; `None` if it cannot create
    /// any. A job must not panic.
    pub(super) fn start(
        threads: usize,
        window: usize,
        total: usize,
        job: Arc<dyn Fn(usize) -> T + Send + Sync>,
    ) -> Option<Prefetch<T>> {
        let state = Mutex::new(State { begun: 0, ahead: VecDeque::new(), stop: false });
        let shared = Arc::new(Shared { state, room: Condvar::new(), ready: Condvar::new(), total, window });
        let spawn = |k: usize| {
            let (shared, job) = (shared.clone(), job.clone());
            Builder::new()
                .name(format!("loader-{k}"))
                .spawn(move || {
                    rushlight_kernels::threads::stay_alone();
                    shared.work(&*job)
                })
                .ok()
        };
        let threads: Vec<_> = (0..threads.min(total)).map_while(spawn).collect();
        (!threads.is_empty()).then_some(Prefetch { shared, threads })
    }
}

impl<T> Prefetch<T> {
    /// The next result. May be called `total` times.
    pub(super) fn next(&mut self) -> T {
        let mut state = self.shared.lock();
        loop {
            if let Some(Some(_)) = state.ahead.front() {
                let result = state.ahead.pop_front().flatten().expect("the entry exists");
                self.shared.room.notify_one();
                return result;
            }
            debug_assert!(!state.ahead.is_empty() || state.begun < self.shared.total, "asked for more than there is");
            state = self.shared.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T> Drop for Prefetch<T> {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.room.notify_all();
        for thread in self.threads.drain(..) {
            // Jobs do not panic; a panic here could not be reported.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::time::Duration;

    #[test]
    fn in_order_and_never_too_far_ahead() {
        for (threads, window) in [(1, 1), (1, 4), (3, 3), (3, 6), (8, 16)] {
            let begun = Arc::new(AtomicUsize::new(0));
            let counter = begun.clone();
            let job = move |i: usize| {
                counter.fetch_add(1, SeqCst);
                if i.is_multiple_of(3) {
                    std::thread::sleep(Duration::from_micros(200));
                }
                i * i
            };
            let mut prefetch = Prefetch::start(threads, window, 100, Arc::new(job)).unwrap();
            for i in 0..100 {
                assert_eq!(prefetch.next(), i * i);
                assert!(begun.load(SeqCst) <= i + 1 + window);
            }
            assert_eq!(begun.load(SeqCst), 100);
        }
    }

    #[test]
    fn dropping_early_joins_the_threads() {
        let alive = Arc::new(());
        for taken in 0..5 {
            let held = alive.clone();
            let mut prefetch = Prefetch::start(4, 8, 1_000_000, Arc::new(move |i| (i, held.clone()))).unwrap();
            (0..taken).for_each(|i| assert_eq!(prefetch.next().0, i));
            drop(prefetch);
            assert_eq!(Arc::strong_count(&alive), 1, "threads, jobs and results are gone");
        }
    }
}
