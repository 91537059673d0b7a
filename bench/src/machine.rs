//! The machine's measured peaks, which a workload's time is compared with.

use std::fmt;
use std::hint::black_box;
use std::time::Instant;

use rushlight_kernels::isa;
use rushlight_kernels::simd::{Kernel, Simd, dispatch};

/// The minimum arithmetic and memory traffic of a step.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Floating-point operations; a multiply-add counts as two. Zero if the workload is not compute-bound.
    pub flops: f64,
    /// Bytes read and written if every input is read once and every output written once.
    pub bytes: f64,
}

/// The processor's name and its measured peaks over the threads used.
pub(crate) struct Machine {
    name: String,
    threads: usize,
    /// Fused multiply-adds in f32, as operations per second.
    pub peak_flops: f64,
    /// Bytes per second of copying (counting reads and writes) or of reading, whichever is higher.
    pub bandwidth: f64,
}

impl Machine {
    /// Measures both peaks; takes about a second.
    pub(crate) fn measure(threads: usize) -> Machine {
        Machine { name: processor_name(), threads, peak_flops: peak_flops(threads), bandwidth: bandwidth(threads) }
    }

    /// The fraction of the machine's peak that a step of `seconds` reaches, and the peak that limits it.
    pub(crate) fn share(&self, cost: Cost, seconds: f64) -> Option<(f64, &'static str)> {
        let arithmetic = cost.flops / self.peak_flops;
        let memory = cost.bytes / self.bandwidth;
        let (bound, what) = if arithmetic >= memory { (arithmetic, "FMA") } else { (memory, "memory") };
        (bound > 0.0).then_some((bound / seconds, what))
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (gflops, gb) = (self.peak_flops / 1e9, self.bandwidth / 1e9);
        write!(
            f,
            "{}, {:?}, threads: {}, peak {gflops:.0} GFLOP/s f32, {gb:.1} GB/s",
            self.name,
            isa::isa(),
            self.threads
        )
    }
}

fn processor_name() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find_map(|l| l.strip_prefix("model name")?.split_once(':'));
    line.map_or("unknown processor".into(), |(_, name)| name.trim().into())
}

/// Independent chains of multiply-adds: twice as many as needed to saturate two 512-bit units with a latency of four
/// cycles.
const CHAINS: usize = 16 * 16;

struct Chains(u64);

impl Kernel for Chains {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self) -> f32 {
        let mut a = [1.0f32; CHAINS];
        let (x, y) = (black_box(0.999_f32), black_box(0.001_f32));
        for _ in 0..self.0 {
            for v in &mut a {
                *v = S::mul_add_f32(*v, x, y);
            }
        }
        a.iter().sum()
    }
}

/// The best of several tries; each thread does the same work.
fn best_of(tries: usize, threads: usize, work_per_thread: f64, work: impl Fn() + Sync) -> f64 {
    let mut best = 0.0f64;
    for _ in 0..tries {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(&work);
            }
        });
        best = best.max(threads as f64 * work_per_thread / start.elapsed().as_secs_f64());
    }
    best
}

fn peak_flops(threads: usize) -> f64 {
    // About 10 ms, so that starting the threads does not matter.
    let (isa, n) = (isa::isa(), 4_000_000);
    best_of(5, threads, n as f64 * CHAINS as f64 * 2.0, || {
        black_box(dispatch(isa, Chains(n)));
    })
}

/// Reads all elements.
struct Reading<'a>(&'a [f32]);

impl Kernel for Reading<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self) -> f32 {
        let mut sums = [0.0f32; CHAINS];
        for chunk in self.0.as_chunks::<CHAINS>().0 {
            for (sum, x) in sums.iter_mut().zip(chunk) {
                *sum += x;
            }
        }
        sums.iter().sum()
    }
}

/// The better of copying and reading: which of them reaches a higher bandwidth differs between machines.
fn bandwidth(threads: usize) -> f64 {
    let len = 64 << 20; // elements, much larger than any cache
    let source = vec![1.0f32; len];
    let mut target = vec![2.0f32; len]; // written, so that its pages are mapped
    let bytes = (len * size_of::<f32>()) as f64;
    let (isa, part) = (isa::isa(), len.div_ceil(threads));
    let mut best = 0.0f64;
    for _ in 0..5 {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for (from, to) in source.chunks(part).zip(target.chunks_mut(part)) {
                scope.spawn(|| to.copy_from_slice(from));
            }
        });
        best = best.max(2.0 * bytes / start.elapsed().as_secs_f64());
        let start = Instant::now();
        std::thread::scope(|scope| {
            for from in source.chunks(part) {
                scope.spawn(move || black_box(dispatch(isa, Reading(from))));
            }
        });
        best = best.max(bytes / start.elapsed().as_secs_f64());
    }
    black_box(&target);
    best
}

/// Peak resident memory of this process since [`reset_peak_memory`], if the system reports it.
pub(crate) fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<f64>().ok()? * 1024.0)
}

/// Resets the peak, if the system supports it.
pub(crate) fn reset_peak_memory() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limiting_peak_is_named() {
        let m = Machine { name: "m".into(), threads: 1, peak_flops: 100.0, bandwidth: 10.0 };
        assert_eq!(m.share(Cost { flops: 100.0, bytes: 1.0 }, 2.0), Some((0.5, "FMA")));
        assert_eq!(m.share(Cost { flops: 1.0, bytes: 30.0 }, 4.0), Some((0.75, "memory")));
        assert_eq!(m.share(Cost::default(), 1.0), None);
    }

    #[test]
    fn peaks_are_plausible() {
        // Every supported processor does more than 1 GFLOP/s per core and copies faster than 100 MB/s.
        assert!(peak_flops(1) > 1e9);
        assert!(bandwidth(1) > 1e8);
    }
}
