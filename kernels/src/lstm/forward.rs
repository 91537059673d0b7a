//! The forward pass.

use super::cell::Cells;
use super::schedule::{self, Pass};
use super::{Lstm, Number, Results, Step, Weights};
use crate::gemm::prepacked::Prepacked;
use crate::gemm::scratch::with_scratch;
use crate::gemm::{KernelElement, Mat};
use crate::isa::{self, Isa};
use crate::simd::dispatch;
use std::ops::Range;

struct Forward<'a, T: 'static> {
    isa: Isa,
    lstm: &'a Lstm,
    /// The transposed recurrent weight of each gate.
    recurrent: [Prepacked<T>; 4],
    projection: Option<Prepacked<T>>,
    h0: *const T,
    c0: *const T,
    gates: *mut T,
    cells: *mut T,
    outputs: *mut T,
    last: *mut T,
    /// `o tanh(c)` of the step being projected, `[batch, hidden]`.
    unprojected: *mut T,
}

// SAFETY: elements are `Send + Sync`; tasks write disjoint ones.
unsafe impl<T: Number> Sync for Forward<'_, T> {}

pub(super) fn forward<T: Number>(lstm: &Lstm, weights: Weights<T>, [h0, c0]: [&[T]; 2], results: Results<T>) {
    let (hidden, outputs, batch, rows) = (lstm.hidden, lstm.outputs, lstm.batch(), lstm.rows());
    let Results { gates, outputs: out, cells, last } = results;
    lstm.check(&weights.lengths(lstm));
    lstm.check(&[
        (h0.len(), batch * outputs),
        (c0.len(), batch * hidden),
        (gates.len(), rows * 4 * hidden),
        (out.len(), rows * outputs),
        (cells.len(), rows * hidden),
        (last.len(), batch * hidden),
    ]);
    let isa = isa::isa();
    let kernels = T::kernels(isa);
    // SAFETY: the lengths of the weights were checked.
    let (recurrent, projection) = unsafe {
        let of_gate = |k: usize| weights.hh.as_ptr().wrapping_add(k * hidden * outputs);
        let gate = |k: usize| Prepacked::new(kernels, Mat::new(of_gate(k), 1, outputs as isize), outputs, hidden);
        let projection = |hr: &[T]| Prepacked::new(kernels, Mat::new(hr.as_ptr(), 1, hidden as isize), hidden, outputs);
        ([gate(0), gate(1), gate(2), gate(3)], weights.hr.map(projection))
    };
    with_scratch(if projection.is_some() { batch * hidden } else { 0 }, |unprojected: *mut T| {
        let pass = Forward {
            isa,
            lstm,
            recurrent,
            projection,
            h0: h0.as_ptr(),
            c0: c0.as_ptr(),
            gates: gates.as_mut_ptr(),
            cells: cells.as_mut_ptr(),
            outputs: out.as_mut_ptr(),
            last: last.as_mut_ptr(),
            unprojected,
        };
        // SAFETY: the lengths were checked.
        unsafe { schedule::run(lstm, &lstm.steps(), kernels.mr, &pass) }
    });
}

impl<T: Number> Pass for Forward<'_, T> {
    fn stages(&self) -> Vec<usize> {
        let projection = self.projection.as_ref().map(Prepacked::panels);
        [self.recurrent[0].panels()].into_iter().chain(projection).collect()
    }

    unsafe fn run(&self, step: &Step, stage: usize, sequences: Range<usize>, panel: usize) {
        // SAFETY: guaranteed by the caller.
        unsafe {
            match &self.projection {
                Some(projection) if stage == 1 => self.project(projection, step, sequences, panel),
                _ => self.cells(step, sequences, panel),
            }
        }
    }
}

impl<T: Number> Forward<'_, T> {
    unsafe fn cells(&self, step: &Step, sequences: Range<usize>, panel: usize) {
        let Lstm { hidden, outputs, .. } = *self.lstm;
        let (unit, cols) = self.recurrent[0].columns(panel);
        let (Range { start, end }, middle) = (sequences.clone(), step.continued);
        // SAFETY: `forward` checked the lengths; the panel of these sequences belongs to this task alone, and the step
        // processed before is complete.
        unsafe {
            let continued = (self.outputs.add(step.previous * outputs), self.cells.add(step.previous * hidden));
            for (from, (h, c)) in [
                (start.min(middle)..end.min(middle), (continued.0.cast_const(), continued.1.cast_const())),
                (start.max(middle)..end.max(middle), (self.h0, self.c0)),
            ] {
                if from.is_empty() {
                    continue;
                }
                let (first, rows) = (from.start, from.len());
                let gates = self.gates.add((step.start + first) * 4 * hidden + unit);
                for (k, weight) in self.recurrent.iter().enumerate() {
                    let h = (h.add(first * outputs), outputs);
                    weight.multiply(panel, rows, h, <T as KernelElement>::ONE, (gates.add(k * hidden), 4 * hidden));
                }
                let out = match self.projection {
                    Some(_) => (self.unprojected.add(first * hidden + unit), hidden),
                    None => (self.outputs.add((step.start + first) * outputs + unit), outputs),
                };
                let before = c.add(first * hidden + unit);
                let cells = self.cells.add((step.start + first) * hidden + unit);
                dispatch(self.isa, Cells { rows, cols, hidden, gates, before, cells, out });
            }
            for ended in start.max(step.left)..end {
                let cell = self.cells.add((step.start + ended) * hidden + unit);
                cell.copy_to_nonoverlapping(self.last.add(ended * hidden + unit), cols);
            }
        }
    }

    unsafe fn project(&self, projection: &Prepacked<T>, step: &Step, sequences: Range<usize>, panel: usize) {
        let Lstm { hidden, outputs, .. } = *self.lstm;
        let first = sequences.start;
        // SAFETY: as above; the first stage has written these rows.
        unsafe {
            let from = (self.unprojected.add(first * hidden).cast_const(), hidden);
            let to = self.outputs.add((step.start + first) * outputs + projection.columns(panel).0);
            projection.multiply(panel, sequences.len(), from, <T as KernelElement>::ZERO, (to, outputs));
        }
    }
}
