//! Shared by the benches: memory aligned like a tensor's, every case with one thread and with two, and the measurement
//! time.

use divan::counter::IntoCounter;
use divan::{Bencher, Divan};
use rushlight_kernels::threads::set_num_threads;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

/// Bytes of a cache line, the alignment of a tensor's memory.
const LINE: usize = 64;

/// Runs the benches of this program that the command line selects, a fraction of a second each.
pub(crate) fn main() {
    Divan::default().min_time(Duration::from_millis(50)).max_time(Duration::from_millis(150)).config_with_args().main();
}

/// Elements aligned to a cache line, all of them written once, so that no page fault is measured.
pub(crate) struct Buffer<T> {
    memory: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Copy> Buffer<T> {
    /// The elements `element(0)` to `element(len - 1)`.
    pub(crate) fn new(len: usize, mut element: impl FnMut(usize) -> T) -> Self {
        let spare = LINE / size_of::<T>();
        let mut memory: Vec<T> = Vec::with_capacity(len + spare);
        let start = memory.as_ptr().align_offset(LINE);
        memory.extend((0..start).map(|_| element(0)));
        memory.extend((0..len).map(element));
        Self { memory, start, len }
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.memory[self.start..self.start + self.len]
    }
}

impl<T> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.memory[self.start..self.start + self.len]
    }
}

/// The case of one line of a bench's output.
pub(crate) struct Case<T> {
    name: String,
    /// The number of threads that the kernel may use.
    pub threads: usize,
    /// The input of the kernel.
    pub input: T,
}

/// Each input with one thread and with two: kernels that are too small for two threads must not become slower.
pub(crate) fn cases<T: Clone>(inputs: impl IntoIterator<Item = T>, name: impl Fn(&T) -> String) -> Vec<Case<T>> {
    let both = |input: T| [1, 2].map(|threads| Case { name: name(&input), threads, input: input.clone() });
    inputs.into_iter().flat_map(both).collect()
}

impl<T> Case<T> {
    /// Measures `kernel`, which does `work` per call. The first call is not measured: it starts the threads.
    pub(crate) fn measure(&self, bencher: Bencher, work: impl IntoCounter, mut kernel: impl FnMut()) {
        set_num_threads(self.threads);
        kernel();
        bencher.counter(work).bench_local(kernel);
    }
}

impl<T> fmt::Display for Case<T> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let plural = if self.threads == 1 { "" } else { "s" };
        write!(f, "{}, {} thread{plural}", self.name, self.threads)
    }
}
