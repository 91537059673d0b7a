//! Timing of one side for one round, and statistics over rounds. The Python side measures in the same way.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Shorter timings are dominated by the clock and the scheduler.
const BLOCK: Duration = Duration::from_millis(2);

/// A prepared workload that can be stepped.
pub(crate) trait Steps {
    /// Runs `n` steps.
    fn run(&mut self, n: u64);

    /// Runs one step and returns the sum of its result, to be compared with the other side.
    fn check(&mut self) -> f64;
}

/// [`Steps`] made of a closure that runs one step and a function that sums its result.
pub(crate) struct Running<F, S> {
    step: F,
    sum: S,
}

impl<T, F: FnMut() -> T, S: Fn(&T) -> f64> Running<F, S> {
    /// Combines the two.
    pub(crate) fn new(step: F, sum: S) -> Self {
        Running { step, sum }
    }
}

impl<T, F: FnMut() -> T, S: Fn(&T) -> f64> Steps for Running<F, S> {
    fn run(&mut self, n: u64) {
        for _ in 0..n {
            black_box((self.step)());
        }
    }

    fn check(&mut self) -> f64 {
        (self.sum)(&(self.step)())
    }
}

fn time(steps: &mut dyn Steps, n: u64) -> Duration {
    let start = Instant::now();
    steps.run(n);
    start.elapsed()
}

/// The number of steps in a block of at least [`BLOCK`].
pub(crate) fn block_length(steps: &mut dyn Steps) -> u64 {
    let mut n = 1;
    while time(steps, n) < BLOCK && n < 1 << 24 {
        n *= 2;
    }
    n
}

/// Median seconds per step, over blocks of `n` steps for about `seconds`.
pub(crate) fn one_round(steps: &mut dyn Steps, n: u64, seconds: f64) -> f64 {
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut blocks = Vec::new();
    loop {
        blocks.push(time(steps, n).as_secs_f64() / n as f64);
        if Instant::now() >= end {
            return median(&blocks);
        }
    }
}

/// The median; the mean of the two middle values for an even count; NaN for no values.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut v = values.to_vec();
    v.sort_by(f64::total_cmp);
    match v.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => v[n / 2],
        n => (v[n / 2 - 1] + v[n / 2]) / 2.0,
    }
}

/// Median, minimum and maximum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// The median.
    pub median: f64,
    /// The minimum.
    pub low: f64,
    /// The maximum.
    pub high: f64,
}

impl Spread {
    /// Of `values`, which must not be empty.
    pub(crate) fn of(values: &[f64]) -> Spread {
        Spread {
            median: median(values),
            low: values.iter().copied().fold(f64::INFINITY, f64::min),
            high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_odd_even_and_none() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
        assert_eq!(Spread::of(&[2.0, 1.0, 4.0]), Spread { median: 2.0, low: 1.0, high: 4.0 });
    }

    #[test]
    fn blocks_are_long_enough_and_rounds_count_every_step() {
        let calls = std::cell::Cell::new(0u64);
        let mut steps = Running::new(
            || {
                calls.set(calls.get() + 1);
                std::thread::sleep(Duration::from_micros(300));
            },
            |()| 7.0,
        );
        let n = block_length(&mut steps);
        assert!((2..=8).contains(&n), "{n}");
        let before = calls.get();
        let seconds = one_round(&mut steps, n, 0.02);
        assert!(seconds >= 300e-6, "{seconds}");
        assert_eq!((calls.get() - before) % n, 0);
        assert_eq!(steps.check(), 7.0);
    }
}
