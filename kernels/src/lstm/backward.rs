//! The backward pass.

use super::cell::CellGradients;
use super::schedule::{self, Pass};
use super::{Gradients, Lstm, Number, Step, Weights};
use crate::gemm::prepacked::Prepacked;
use crate::gemm::scratch::with_scratch;
use crate::gemm::{KernelElement, Mat};
use crate::isa::{self, Isa};
use crate::simd::dispatch;
use std::ops::Range;

/// Columns that the pointwise stage computes at a time.
const POINTWISE: usize = 64;

struct Backward<'a, T: 'static> {
    isa: Isa,
    lstm: &'a Lstm,
    recurrent: Prepacked<T>,
    projection: Option<Prepacked<T>>,
    c0: *const T,
    gates: *const T,
    cells: *const T,
    of_gates: *mut T,
    of_outputs: *mut T,
    of_h0: *mut T,
    /// The gradient of the cell states, `[batch, hidden]`.
    of_cells: *mut T,
    /// The gradient of `o tanh(c)` of the step whose projection is being differentiated, `[batch, hidden]`.
    unprojected: *mut T,
}

// SAFETY: elements are `Send + Sync`; tasks write disjoint ones.
unsafe impl<T: Number> Sync for Backward<'_, T> {}

pub(super) fn backward<T: Number>(
    lstm: &Lstm,
    weights: Weights<T>,
    c0: &[T],
    [gates, cells]: [&[T]; 2],
    gradients: Gradients<T>,
) {
    let (hidden, outputs, batch, rows) = (lstm.hidden, lstm.outputs, lstm.batch(), lstm.rows());
    let Gradients { gates: of_gates, outputs: of_outputs, h0: of_h0, c0: of_cells } = gradients;
    lstm.check(&weights.lengths(lstm));
    lstm.check(&[
        (c0.len(), batch * hidden),
        (gates.len(), rows * 4 * hidden),
        (cells.len(), rows * hidden),
        (of_gates.len(), rows * 4 * hidden),
        (of_outputs.len(), rows * outputs),
        (of_h0.len(), batch * outputs),
        (of_cells.len(), batch * hidden),
    ]);
    let isa = isa::isa();
    let kernels = T::kernels(isa);
    // SAFETY: the lengths of the weights were checked.
    let (recurrent, projection) = unsafe {
        let projection = |hr: &[T]| Prepacked::new(kernels, Mat::new(hr.as_ptr(), hidden as isize, 1), outputs, hidden);
        let hh = Mat::new(weights.hh.as_ptr(), outputs as isize, 1);
        (Prepacked::new(kernels, hh, 4 * hidden, outputs), weights.hr.map(projection))
    };
    with_scratch(if projection.is_some() { batch * hidden } else { 0 }, |unprojected: *mut T| {
        let pass = Backward {
            isa,
            lstm,
            recurrent,
            projection,
            c0: c0.as_ptr(),
            gates: gates.as_ptr(),
            cells: cells.as_ptr(),
            of_gates: of_gates.as_mut_ptr(),
            of_outputs: of_outputs.as_mut_ptr(),
            of_h0: of_h0.as_mut_ptr(),
            of_cells: of_cells.as_mut_ptr(),
            unprojected,
        };
        let mut steps = lstm.steps();
        steps.reverse();
        // SAFETY: the lengths were checked.
        unsafe { schedule::run(lstm, &steps, kernels.mr, &pass) }
    });
}

impl<T: Number> Pass for Backward<'_, T> {
    fn stages(&self) -> Vec<usize> {
        let rest = [self.lstm.hidden.div_ceil(POINTWISE), self.recurrent.panels()];
        self.projection.as_ref().map(Prepacked::panels).into_iter().chain(rest).collect()
    }

    unsafe fn run(&self, step: &Step, stage: usize, sequences: Range<usize>, panel: usize) {
        // SAFETY: guaranteed by the caller.
        unsafe {
            match (stage, &self.projection) {
                (0, Some(projection)) => self.unproject(projection, step, sequences, panel),
                (0, None) | (1, Some(_)) => self.pointwise(step, sequences, panel),
                _ => self.carry(step, sequences, panel),
            }
        }
    }
}

impl<T: Number> Backward<'_, T> {
    unsafe fn unproject(&self, projection: &Prepacked<T>, step: &Step, sequences: Range<usize>, panel: usize) {
        let Lstm { hidden, outputs, .. } = *self.lstm;
        let first = sequences.start;
        // SAFETY: `backward` checked the lengths; the panel of these sequences belongs to this task alone.
        unsafe {
            let from = (self.of_outputs.add((step.start + first) * outputs).cast_const(), outputs);
            let to = self.unprojected.add(first * hidden + projection.columns(panel).0);
            projection.multiply(panel, sequences.len(), from, <T as KernelElement>::ZERO, (to, hidden));
        }
    }

    unsafe fn pointwise(&self, step: &Step, sequences: Range<usize>, panel: usize) {
        let Lstm { hidden, outputs, .. } = *self.lstm;
        let unit = panel * POINTWISE;
        let cols = POINTWISE.min(hidden - unit);
        let (Range { start, end }, middle) = (sequences, step.continued);
        // SAFETY: as above.
        unsafe {
            for (from, before) in [
                (start.min(middle)..end.min(middle), self.cells.add(step.previous * hidden)),
                (start.max(middle)..end.max(middle), self.c0),
            ] {
                let (first, rows) = (from.start, from.len());
                let row = step.start + first;
                let of_out = match self.projection {
                    Some(_) => (self.unprojected.add(first * hidden + unit).cast_const(), hidden),
                    None => (self.of_outputs.add(row * outputs + unit).cast_const(), outputs),
                };
                let kernel = CellGradients {
                    rows,
                    cols,
                    hidden,
                    gates: self.gates.add(row * 4 * hidden + unit),
                    before: before.add(first * hidden + unit),
                    cells: self.cells.add(row * hidden + unit),
                    of_out,
                    carried: self.of_cells.add(first * hidden + unit),
                    of_gates: self.of_gates.add(row * 4 * hidden + unit),
                };
                if rows > 0 {
                    dispatch(self.isa, kernel);
                }
            }
        }
    }

    /// Adds the gradient of the previous outputs to that of the step processed before, or writes it where these were the
    /// initial ones.
    unsafe fn carry(&self, step: &Step, sequences: Range<usize>, panel: usize) {
        let Lstm { hidden, outputs, .. } = *self.lstm;
        let (column, _) = self.recurrent.columns(panel);
        let (Range { start, end }, middle) = (sequences, step.continued);
        // SAFETY: as above.
        unsafe {
            let before = self.of_outputs.add(step.previous * outputs);
            for (from, beta, to) in [
                (start.min(middle)..end.min(middle), <T as KernelElement>::ONE, before),
                (start.max(middle)..end.max(middle), <T as KernelElement>::ZERO, self.of_h0),
            ] {
                let of_gates = self.of_gates.add((step.start + from.start) * 4 * hidden).cast_const();
                let to = (to.add(from.start * outputs + column), outputs);
                self.recurrent.multiply(panel, from.len(), (of_gates, 4 * hidden), beta, to);
            }
        }
    }
}
