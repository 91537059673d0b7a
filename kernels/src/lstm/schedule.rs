//! The order in which a pass runs its steps, and how threads divide them.

use super::{Lstm, Step};
use crate::gemm::{PARALLEL_MULTIPLY_ADDS, split};
use crate::threads;
use std::ops::Range;

/// Most sequences of a task: their gates of a panel stay in the first-level cache.
const MOST_ROWS: usize = 64;

/// A computation over all steps. Every step consists of stages, and a stage of panels: groups of columns that can be
/// computed independently of each other once the previous stage is complete.
pub(super) trait Pass: Sync {
    /// The number of panels of each stage.
    fn stages(&self) -> Vec<usize>;

    /// Computes a panel for some of the sequences that the step has.
    ///
    /// # Safety
    /// The earlier stages and steps are complete for these sequences, and no other thread computes the same panel of them.
    unsafe fn run(&self, step: &Step, stage: usize, sequences: Range<usize>, panel: usize);
}

/// Runs `pass` over `steps`. Results do not depend on the division, which therefore may depend on the number of threads.
///
/// # Safety
/// `pass` describes valid memory.
pub(super) unsafe fn run(lstm: &Lstm, steps: &[Step], tile_rows: usize, pass: &impl Pass) {
    let stages = pass.stages();
    let (batch, threads) = (lstm.batch(), threads::num_threads());
    let each = 4 * lstm.hidden * lstm.outputs;
    let whole = each.saturating_mul(lstm.rows());
    let through = |sequences: Range<usize>| {
        for step in steps {
            let sequences = sequences.start.min(step.rows)..sequences.end.min(step.rows);
            if sequences.is_empty() {
                continue;
            }
            for (stage, &panels) in stages.iter().enumerate() {
                for panel in 0..panels {
                    // SAFETY: these sequences belong to this task alone, which keeps the order.
                    unsafe { pass.run(step, stage, sequences.clone(), panel) }
                }
            }
        }
    };
    if threads == 1 || whole < PARALLEL_MULTIPLY_ADDS {
        return through(0..batch);
    }
    // Sequences of different lengths are divided into more groups than threads, so that all threads finish together.
    let even = lstm.sizes.last() == lstm.sizes.first();
    let wanted = if even { batch.div_ceil(MOST_ROWS).next_multiple_of(threads) } else { batch };
    let groups = wanted.min(batch / tile_rows).max(1);
    if 2 * groups > threads || each * batch < PARALLEL_MULTIPLY_ADDS {
        return threads::parallel_tasks(groups, |group| {
            let (first, count) = split(batch, groups, group);
            through(first..first + count);
        });
    }
    for step in steps {
        for (stage, &panels) in stages.iter().enumerate() {
            // SAFETY: each panel is one task, and a stage begins when the previous one is complete.
            threads::parallel_tasks(panels, |panel| unsafe { pass.run(step, stage, 0..step.rows, panel) });
        }
    }
}
