//! One layer of an LSTM in one direction, over sequences that may differ in length.
//!
//! With the gates `i, f, g, o = σ, σ, tanh, σ` of `x W_ihᵀ + b_ih + b_hh + h W_hhᵀ` (columns in this order), a step is
//! `c' = f c + i g`, `h' = o tanh(c')`; with a projection, `h' = o tanh(c') W_hrᵀ`. See
//! [`torch.nn.LSTM`](https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html).
//!
//! What does not depend on the previous step is left to large products before and after: the kernels start from
//! `x W_ihᵀ + b_ih + b_hh` of all steps, and return the gradient of that. In between, each step is a product of few rows
//! with weights that are packed once, and one pass over gates and cells while they are in the first-level cache.
//! Sequences are independent of each other, so each thread takes some of them through all steps; only where there are too
//! few, threads divide the columns of every step.

mod backward;
mod cell;
mod forward;
mod schedule;

#[cfg(test)]
mod tests;

use crate::elementwise::math::Float;
use crate::gemm::KernelElement;
use std::sync::Arc;

/// The sizes and the direction of a layer.
#[derive(Clone, Debug)]
pub struct Lstm {
    /// Elements of the cell state of a sequence.
    pub hidden: usize,
    /// Elements of the output of a sequence: `hidden`, or fewer with a projection.
    pub outputs: usize,
    /// The number of sequences that have each step, never increasing: sequences are sorted by decreasing length.
    pub sizes: Arc<[usize]>,
    /// Whether sequences are processed from their last step to the first.
    pub reverse: bool,
}

/// One step of all sequences that have it. Rows of the arrays over all steps are ordered by step, then by sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The first row.
    pub start: usize,
    /// The number of rows; the sequences are `0..rows`.
    pub rows: usize,
    /// The number of sequences that continue from the step processed before; the others start from the initial state.
    pub continued: usize,
    /// The first row of the step processed before.
    pub previous: usize,
    /// The number of sequences that the step processed next continues; the others end here.
    pub left: usize,
}

impl Lstm {
    /// The number of sequences.
    pub fn batch(&self) -> usize {
        self.sizes.first().copied().unwrap_or_default()
    }

    /// The number of rows of the arrays over all steps.
    pub fn rows(&self) -> usize {
        self.sizes.iter().sum()
    }

    /// The steps in the order in which they are processed.
    pub fn steps(&self) -> Vec<Step> {
        let starts = self.sizes.iter().scan(0, |end, &rows| {
            *end += rows;
            Some((*end - rows, rows))
        });
        let mut order: Vec<(usize, usize)> = starts.collect();
        if self.reverse {
            order.reverse();
        }
        let neighbor = |i: Option<usize>| i.and_then(|i| order.get(i)).copied().unwrap_or_default();
        let step = |(i, &(start, rows)): (usize, &(usize, usize))| {
            let (before, after) = (neighbor(i.checked_sub(1)), neighbor(Some(i + 1)));
            Step { start, rows, continued: rows.min(before.1), previous: before.0, left: rows.min(after.1) }
        };
        order.iter().enumerate().map(step).collect()
    }

    fn check(&self, arrays: &[(usize, usize)]) {
        assert!(
            self.sizes.is_sorted_by(|a, b| a >= b),
            "lstm: expected sizes that never increase, got {:?}",
            self.sizes
        );
        for &(got, expected) in arrays {
            assert!(got == expected, "lstm: expected a slice of {expected} elements, got {got}");
        }
    }
}

/// The weights that are applied at every step.
#[derive(Clone, Copy, Debug)]
pub struct Weights<'a, T> {
    /// Of the previous output, `[4 * hidden, outputs]`.
    pub hh: &'a [T],
    /// Of the projection, `[outputs, hidden]`; without it, `outputs` is `hidden`.
    pub hr: Option<&'a [T]>,
}

impl<T> Weights<'_, T> {
    /// The lengths of the arrays, and what they have to be.
    fn lengths(&self, lstm: &Lstm) -> [(usize, usize); 2] {
        let own = if self.hr.is_some() { lstm.outputs } else { lstm.hidden };
        let projection = self.hr.map_or(0, <[T]>::len);
        let expected = if self.hr.is_some() { lstm.outputs * lstm.hidden } else { 0 };
        [(self.hh.len(), 4 * lstm.hidden * own), (projection, expected)]
    }
}

/// The results of [`forward`], and what [`backward`] needs of them.
#[derive(Debug)]
pub struct Results<'a, T> {
    /// `[rows, 4 * hidden]`: initially `x W_ihᵀ + b_ih + b_hh`, then the gates.
    pub gates: &'a mut [T],
    /// The outputs of all steps, `[rows, outputs]`.
    pub outputs: &'a mut [T],
    /// The cell states of all steps, `[rows, hidden]`.
    pub cells: &'a mut [T],
    /// The cell state of every sequence after its last step, `[batch, hidden]`.
    pub last: &'a mut [T],
}

/// The gradients that [`backward`] computes.
#[derive(Debug)]
pub struct Gradients<'a, T> {
    /// Of `x W_ihᵀ + b_ih + b_hh`, `[rows, 4 * hidden]`.
    pub gates: &'a mut [T],
    /// Of all outputs, `[rows, outputs]`: initially without the part that flows back from the next step, then with it.
    pub outputs: &'a mut [T],
    /// Of the initial output, `[batch, outputs]`.
    pub h0: &'a mut [T],
    /// `[batch, hidden]`: initially of the last cell states, then of the initial ones.
    pub c0: &'a mut [T],
}

/// A type that an LSTM is computed in: `f32` or `f64`.
pub trait Element: Copy {
    #[doc(hidden)]
    fn forward(lstm: &Lstm, weights: Weights<'_, Self>, state: [&[Self]; 2], results: Results<'_, Self>);
    #[doc(hidden)]
    fn backward(
        lstm: &Lstm,
        weights: Weights<'_, Self>,
        c0: &[Self],
        saved: [&[Self]; 2],
        gradients: Gradients<'_, Self>,
    );
}

macro_rules! element {
    ($($t:ident),*) => {$(
        impl Element for $t {
            fn forward(lstm: &Lstm, weights: Weights<'_, $t>, state: [&[$t]; 2], results: Results<'_, $t>) {
                forward::forward(lstm, weights, state, results);
            }

            fn backward(
                lstm: &Lstm,
                weights: Weights<'_, $t>,
                c0: &[$t],
                saved: [&[$t]; 2],
                gradients: Gradients<'_, $t>,
            ) {
                backward::backward(lstm, weights, c0, saved, gradients);
            }
        }
    )*};
}
element!(f32, f64);

/// What the bodies of the kernels need of the type.
trait Number: KernelElement + Float {}
impl<T: KernelElement + Float> Number for T {}

/// Runs all steps from the initial output and cell state, `[batch, outputs]` and `[batch, hidden]`.
///
/// # Panics
/// If the length of a slice does not match the sizes, or these increase.
pub fn forward<T: Element>(lstm: &Lstm, weights: Weights<T>, state: [&[T]; 2], results: Results<T>) {
    T::forward(lstm, weights, state, results);
}

/// The gradients through [`forward`], from the initial cell state, and the gates and cell states (`saved`) that it wrote.
///
/// # Panics
/// If the length of a slice does not match the sizes, or these increase.
pub fn backward<T: Element>(lstm: &Lstm, weights: Weights<T>, c0: &[T], saved: [&[T]; 2], gradients: Gradients<T>) {
    T::backward(lstm, weights, c0, saved, gradients);
}
