use crate::pool::Pool;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use loom::thread;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Counts events over all executions of a model, outside of it. A model in which the interesting case never occurs
/// proves nothing, so every test asserts which cases must have occurred.
struct Count(std::sync::atomic::AtomicUsize);

impl Count {
    const fn new() -> Self {
        Self(std::sync::atomic::AtomicUsize::new(0))
    }

    fn add(&self, happened: bool) {
        self.0.fetch_add(usize::from(happened), Relaxed);
    }

    fn get(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// Checks every execution with at most `preemptions` preemptions (all executions if `None`); `LOOM_MAX_PREEMPTIONS`
/// overrides the bound.
fn check(name: &str, preemptions: Option<usize>, f: impl Fn() + Sync + Send + 'static) {
    let executions = std::sync::Arc::new(Count::new());
    let counted = executions.clone();
    let mut model = loom::model::Builder::new();
    model.preemption_bound = model.preemption_bound.or(preemptions);
    let start = std::time::Instant::now();
    model.check(move || {
        counted.add(true);
        f();
    });
    println!("{name}: {} executions in {:.1} s", executions.get(), start.elapsed().as_secs_f64());
}

/// The pool and its workers.
struct Team {
    pool: Arc<Pool>,
    ends: Arc<AtomicBool>,
    workers: Vec<thread::JoinHandle<()>>,
}

impl Team {
    fn new(workers: usize) -> Self {
        let (pool, ends) = (Arc::new(Pool::new()), Arc::new(AtomicBool::new(false)));
        *pool.try_own().expect("the pool is new").started() = workers;
        let start = || {
            let (pool, ends) = (pool.clone(), ends.clone());
            thread::spawn(move || {
                let mut seen = 0;
                while !ends.load(Relaxed) {
                    seen = pool.take_part(seen);
                }
            })
        };
        let workers = (0..workers).map(|_| start()).collect();
        Self { pool, ends, workers }
    }

    /// Terminates the workers, which the library never does: in a last region that stays open until all of them have
    /// seen it, so that a sleeping worker that is not woken up is a deadlock.
    fn end(self) {
        self.end_in_region(2, || {});
    }

    /// Like [`end`](Team::end), with room for `helpers` workers in the last region, which run `work`.
    fn end_in_region(self, helpers: usize, work: impl Fn() + Sync) {
        let Self { pool, ends, workers } = self;
        ends.store(true, Relaxed);
        let (workers, caller) = (std::sync::Mutex::new(workers), thread::current().id());
        pool.try_own().expect("the pool is free").fork_join(helpers, &|| {
            if thread::current().id() == caller {
                workers.lock().unwrap().drain(..).for_each(|worker| worker.join().unwrap());
            } else {
                work();
            }
        });
    }
}

/// One cell per task, written without synchronization: loom fails if two threads run the same task, or if the caller
/// reads before a worker is done.
struct Results(Vec<UnsafeCell<usize>>);

impl Results {
    fn new(tasks: usize) -> Self {
        Self((0..tasks).map(|_| UnsafeCell::new(0)).collect())
    }

    fn bump(&self, i: usize) {
        // SAFETY: each task has its own cell; loom checks that it is not accessed concurrently.
        self.0[i].with_mut(|cell| unsafe { *cell += 1 });
    }

    fn assert_all(&self, times: usize) {
        // SAFETY: as above.
        assert!(self.0.iter().all(|cell| cell.with(|cell| unsafe { *cell }) == times));
    }
}

// SAFETY: loom checks every access to the cells.
unsafe impl Sync for Results {}

#[test]
fn every_task_runs_once_and_its_result_is_seen() {
    static BY_WORKER: Count = Count::new();
    static BY_CALLER: Count = Count::new();
    check("two regions, one worker", Some(3), || {
        let team = Team::new(1);
        let caller = thread::current().id();
        // The cells are dropped with the block: a worker that is still in the region would access freed memory.
        for _ in 0..2 {
            let results = Results::new(2);
            team.pool.try_own().expect("the pool is free").run(1, 2, &|i| {
                let own = thread::current().id() == caller;
                BY_CALLER.add(own);
                BY_WORKER.add(!own);
                results.bump(i);
            });
            results.assert_all(1);
        }
        team.end();
    });
    assert!(BY_WORKER.get() > 0 && BY_CALLER.get() > 0);
}

#[test]
fn a_late_worker_finds_the_region_closed() {
    static CAME: Count = Count::new();
    static LATE: Count = Count::new();
    check("a late worker", None, || {
        let team = Team::new(1);
        let caller = thread::current().id();
        let came = UnsafeCell::new(false);
        struct Shared<'a>(&'a UnsafeCell<bool>);
        // SAFETY: loom checks every access to the cell.
        unsafe impl Sync for Shared<'_> {}
        let shared = Shared(&came);
        team.pool.try_own().expect("the pool is free").fork_join(1, &|| {
            let Shared(came) = &shared;
            if thread::current().id() != caller {
                // SAFETY: the only worker writes, the caller reads after the region.
                came.with_mut(|came| unsafe { *came = true });
            }
        });
        // SAFETY: as above.
        let came = came.with(|came| unsafe { *came });
        CAME.add(came);
        LATE.add(!came);
        team.end();
    });
    assert!(CAME.get() > 0 && LATE.get() > 0);
}

#[test]
fn no_more_workers_than_asked_for_are_inside() {
    static CAME: Count = Count::new();
    check("two workers, room for one", Some(2), || {
        let inside = AtomicUsize::new(0);
        Team::new(2).end_in_region(1, || {
            assert_eq!(inside.fetch_add(1, Relaxed), 0, "room for one worker");
            inside.fetch_sub(1, Relaxed);
            CAME.add(true);
        });
    });
    assert!(CAME.get() > 0);
}

#[test]
fn two_callers_share_a_pool() {
    static BOTH: Count = Count::new();
    static BUSY: Count = Count::new();
    check("two callers, one worker", Some(2), || {
        let team = Team::new(1);
        let call = |pool: &Pool| {
            let results = Results::new(2);
            let owner = pool.try_own();
            let owned = owner.is_some();
            match owner {
                Some(owner) => owner.run(1, 2, &|i| results.bump(i)),
                None => (0..2).for_each(|i| results.bump(i)),
            }
            results.assert_all(1);
            owned
        };
        let other = {
            let pool = team.pool.clone();
            thread::spawn(move || call(&pool))
        };
        let owned = [call(&team.pool), other.join().unwrap()];
        BOTH.add(owned == [true, true]);
        BUSY.add(owned.contains(&false));
        team.end();
    });
    assert!(BOTH.get() > 0 && BUSY.get() > 0);
}

#[test]
fn a_region_in_a_region_finds_the_pool_busy() {
    static ON_WORKER: Count = Count::new();
    check("a nested region", Some(5), || {
        let team = Team::new(1);
        let caller = thread::current().id();
        let results = Results::new(2);
        team.pool.try_own().expect("the pool is free").run(1, 2, &|i| {
            ON_WORKER.add(thread::current().id() != caller);
            assert!(team.pool.try_own().is_none());
            results.bump(i);
        });
        results.assert_all(1);
        team.end();
    });
    assert!(ON_WORKER.get() > 0);
}

#[test]
fn a_panic_reaches_the_caller_and_the_pool_survives() {
    static ON_WORKER: Count = Count::new();
    static ON_CALLER: Count = Count::new();
    check("a panic in a task", Some(3), || {
        let team = Team::new(1);
        let caller = thread::current().id();
        let owner = team.pool.try_own().expect("the pool is free");
        let caught = catch_unwind(AssertUnwindSafe(|| {
            owner.run(1, 2, &|i| {
                if i == 1 {
                    let own = thread::current().id() == caller;
                    ON_CALLER.add(own);
                    ON_WORKER.add(!own);
                    // A panic that does not call the panic hook, which would print its message.
                    resume_unwind(Box::new("task one"));
                }
            });
        }));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"task one"));
        let results = Results::new(1);
        team.pool.try_own().expect("the pool is free again").run(1, 1, &|i| results.bump(i));
        results.assert_all(1);
        team.end();
    });
    assert!(ON_WORKER.get() > 0 && ON_CALLER.get() > 0);
}
