//! Cross entropy of logits with class indices in one pass, and negative log likelihood of log-probabilities.
//!
//! Arrays of classes are contiguous `[outer, classes, inner]`; targets and losses are `[outer, inner]` ("rows"). The
//! loss of each row is returned separately; the caller sums the losses, and divides by the total weight for the mean.

mod rows;

use crate::convert::{for_blocks, read, read_optional, write};
use crate::dtype::{Stored, StoredFloat};
use crate::float::Float;
use crate::index::BadIndex;
use crate::instances::instances;
use crate::split::{PARALLEL_ELEMENTS, Parts};
use crate::threads::parallel_for;

/// The parameters common to cross entropy and negative log likelihood. `V` is the type of the array of class weights;
/// with `()` the struct holds only sizes and options.
#[derive(Clone, Copy, Debug)]
pub struct ClassLoss<V = ()> {
    /// The number of elements before the class dimension (the batch).
    pub outer: usize,
    /// The number of classes.
    pub classes: usize,
    /// The number of elements after the class dimension (pixels); 1 for plain classification.
    pub inner: usize,
    /// One weight per class; all 1 if `None`.
    pub weight: Option<V>,
    /// Rows with this target do not contribute.
    pub ignore_index: i64,
    /// The fraction of the target that is spread evenly over all classes (cross entropy only).
    pub label_smoothing: f64,
}

impl<V> ClassLoss<V> {
    /// The same loss with these class weights.
    pub fn with<U>(&self, weight: Option<U>) -> ClassLoss<U> {
        let ClassLoss { outer, classes, inner, ignore_index, label_smoothing, .. } = *self;
        ClassLoss { outer, classes, inner, weight, ignore_index, label_smoothing }
    }

    /// The same loss with its weights mapped by `f`.
    pub fn map<'a, U>(&'a self, f: impl FnOnce(&'a V) -> U) -> ClassLoss<U> {
        self.with(self.weight.as_ref().map(f))
    }
}

/// The gradient with respect to the losses, in the computed type.
#[derive(Clone, Copy, Debug)]
pub enum RowGrad<'a, T> {
    /// The same for every row.
    All(T),
    /// One per row.
    Each(&'a [T]),
}

instances! {
    /// A floating-point type that class losses are defined for.
    pub trait Element: StoredFloat; Float types, bodies in self {
        fn cross_entropy(
            loss: &ClassLoss<&[Self]>,
            x: &[Self],
            targets: &[i64],
            stats: &mut [[Self::Computed; 2]],
            losses: &mut [Self],
        ) -> Result<Self::Computed, BadIndex>;
        fn cross_entropy_backward(
            loss: &ClassLoss<&[Self]>,
            x: &[Self],
            targets: &[i64],
            stats: &[[Self::Computed; 2]],
            grad: RowGrad<'_, Self::Computed>,
            dx: &mut [Self],
        ) -> Result<(), BadIndex>;
        fn nll(
            loss: &ClassLoss<&[Self]>,
            x: &[Self],
            targets: &[i64],
            losses: &mut [Self],
        ) -> Result<Self::Computed, BadIndex>;
        fn nll_backward(
            loss: &ClassLoss<&[Self]>,
            targets: &[i64],
            grad: RowGrad<'_, Self::Computed>,
            dx: &mut [Self],
        ) -> Result<(), BadIndex>;
    }
}

impl<T: Element> ClassLoss<&[T]> {
    /// Cross entropy of the logits `x` with `targets`. Writes the loss of every row, and to `stats` the statistics for
    /// the backward pass: for every row its largest logit and the logarithm of `sum(exp(x - largest))`. Returns the sum
    /// of the rows' weights, by which the sum of the losses is divided for the mean.
    ///
    /// # Errors
    /// If a target is neither a class nor `ignore_index`; nothing is written then.
    ///
    /// # Panics
    /// If the length of a slice does not match the shape: `outer * inner` targets, losses and pairs of statistics.
    #[inline]
    pub fn cross_entropy(
        &self,
        x: &[T],
        targets: &[i64],
        stats: &mut [[T::Computed; 2]],
        losses: &mut [T],
    ) -> Result<T::Computed, BadIndex> {
        T::cross_entropy(self, x, targets, stats, losses)
    }

    /// The gradient through [`cross_entropy`](Self::cross_entropy) from the logits and the `stats` of the forward pass.
    ///
    /// # Errors
    /// If a target is neither a class nor `ignore_index`; nothing is written then.
    ///
    /// # Panics
    /// If the length of a slice does not match the shape.
    #[inline]
    pub fn cross_entropy_backward(
        &self,
        x: &[T],
        targets: &[i64],
        stats: &[[T::Computed; 2]],
        grad: RowGrad<T::Computed>,
        dx: &mut [T],
    ) -> Result<(), BadIndex> {
        T::cross_entropy_backward(self, x, targets, stats, grad, dx)
    }

    /// The negative log likelihood `-weight[target] * x[target]` of every row; returns the sum of the rows' weights.
    ///
    /// # Errors
    /// If a target is neither a class nor `ignore_index`; nothing is written then.
    ///
    /// # Panics
    /// If the length of a slice does not match the shape.
    #[inline]
    pub fn nll(&self, x: &[T], targets: &[i64], losses: &mut [T]) -> Result<T::Computed, BadIndex> {
        T::nll(self, x, targets, losses)
    }

    /// The gradient through [`nll`](Self::nll).
    ///
    /// # Errors
    /// If a target is neither a class nor `ignore_index`; nothing is written then.
    ///
    /// # Panics
    /// If the length of a slice does not match the shape.
    #[inline]
    pub fn nll_backward(&self, targets: &[i64], grad: RowGrad<T::Computed>, dx: &mut [T]) -> Result<(), BadIndex> {
        T::nll_backward(self, targets, grad, dx)
    }
}

impl<T: Stored> ClassLoss<&[T]> {
    fn rows(&self) -> usize {
        self.outer * self.inner
    }

    fn check(&self, x: usize, targets: &[i64], rows: usize) -> Result<(), BadIndex> {
        assert!(
            x == self.rows() * self.classes && targets.len() == self.rows() && rows == self.rows(),
            "class loss: expected slices of {} rows of {} classes, got {x} elements, {} targets and {rows} rows",
            self.rows(),
            self.classes,
            targets.len()
        );
        if let Some(weight) = self.weight {
            let (classes, weights) = (self.classes, weight.len());
            assert!(weights == classes, "class loss: expected a weight for each of {classes} classes, got {weights}");
        }
        let bad = |&t: &i64| t != self.ignore_index && t as u64 >= self.classes as u64;
        match targets.iter().position(bad) {
            None => Ok(()),
            Some(position) => Err(BadIndex { value: targets[position], position, size: self.classes }),
        }
    }

    /// The same loss over a part of the batch, with these weights in the computed type.
    fn part<'a>(&self, outer: usize, weight: Option<&'a [T::Computed]>) -> ClassLoss<&'a [T::Computed]> {
        let ClassLoss { classes, inner, ignore_index, label_smoothing, .. } = *self;
        ClassLoss { outer, classes, inner, weight, ignore_index, label_smoothing }
    }
}

impl<T> ClassLoss<&[T]> {
    /// The offset of class `target` in a row.
    #[inline(always)]
    fn at(&self, row: usize, target: i64) -> usize {
        (row / self.inner * self.classes + target as usize) * self.inner + row % self.inner
    }
}

impl<T: StoredFloat> ClassLoss<&[T]> {
    /// The weight of a row, `None` if it is ignored.
    fn weight_of(&self, target: i64) -> Option<T::Computed> {
        let weight = || self.weight.map_or(T::Computed::ONE, |w| w[target as usize].widen());
        (target != self.ignore_index).then(weight)
    }

    fn total_weight(&self, targets: &[i64]) -> T::Computed {
        T::Computed::of(targets.iter().filter_map(|&t| self.weight_of(t)).map(Float::wide).sum())
    }
}

fn cross_entropy<T: StoredFloat>(
    loss: &ClassLoss<&[T]>,
    x: &[T],
    targets: &[i64],
    stats: &mut [[T::Computed; 2]],
    losses: &mut [T],
) -> Result<T::Computed, BadIndex> {
    loss.check(x.len(), targets, losses.len())?;
    assert_eq!(stats.len(), losses.len(), "cross_entropy: expected as many pairs of statistics as losses");
    if losses.is_empty() {
        return Ok(T::Computed::ZERO);
    }
    let (row, inner) = (loss.classes * loss.inner, loss.inner);
    let (stats, losses) = (Parts::new(stats), Parts::new(losses));
    read_optional(loss.weight, |weight| {
        for_blocks::<T>(loss.outer, row, |block| {
            let rows = block.start * inner..block.end * inner;
            // SAFETY: blocks do not overlap.
            let (stats, losses) = unsafe { (stats.part(rows.clone()), losses.part(rows.clone())) };
            let loss = loss.part(block.len(), weight);
            read(&x[block.start * row..block.end * row], |x| {
                write(losses, |losses| loss.losses(x, &targets[rows], stats, losses))
            });
        })
    });
    Ok(loss.total_weight(targets))
}

fn cross_entropy_backward<T: StoredFloat>(
    loss: &ClassLoss<&[T]>,
    x: &[T],
    targets: &[i64],
    stats: &[[T::Computed; 2]],
    grad: RowGrad<'_, T::Computed>,
    dx: &mut [T],
) -> Result<(), BadIndex> {
    loss.check(x.len(), targets, stats.len())?;
    assert_eq!(x.len(), dx.len(), "cross_entropy backward: expected as many gradients as logits");
    if dx.is_empty() {
        return Ok(());
    }
    let (row, inner) = (loss.classes * loss.inner, loss.inner);
    let dx = Parts::new(dx);
    read_optional(loss.weight, |weight| {
        for_blocks::<T>(loss.outer, row, |block| {
            let rows = block.start * inner..block.end * inner;
            let part = block.start * row..block.end * row;
            // SAFETY: blocks do not overlap.
            let dx = unsafe { dx.part(part.clone()) };
            let loss = loss.part(block.len(), weight);
            let grad = match grad {
                RowGrad::All(g) => RowGrad::All(g),
                RowGrad::Each(g) => RowGrad::Each(&g[rows.clone()]),
            };
            read(&x[part], |x| write(dx, |dx| loss.gradients(x, &targets[rows.clone()], &stats[rows], grad, dx)));
        })
    });
    Ok(())
}

fn nll<T: StoredFloat>(
    loss: &ClassLoss<&[T]>,
    x: &[T],
    targets: &[i64],
    losses: &mut [T],
) -> Result<T::Computed, BadIndex> {
    loss.check(x.len(), targets, losses.len())?;
    for (row, (out, &target)) in losses.iter_mut().zip(targets).enumerate() {
        *out = match loss.weight_of(target) {
            Some(weight) => T::narrow(-(x[loss.at(row, target)].widen() * weight)),
            None => T::narrow(T::Computed::ZERO),
        };
    }
    Ok(loss.total_weight(targets))
}

fn nll_backward<T: StoredFloat>(
    loss: &ClassLoss<&[T]>,
    targets: &[i64],
    grad: RowGrad<'_, T::Computed>,
    dx: &mut [T],
) -> Result<(), BadIndex> {
    loss.check(dx.len(), targets, targets.len())?;
    let parts = Parts::new(dx);
    parallel_for(loss.rows() * loss.classes, PARALLEL_ELEMENTS, |range| {
        // SAFETY: ranges do not overlap.
        unsafe { parts.part(range) }.fill(T::narrow(T::Computed::ZERO));
    });
    for (row, &target) in targets.iter().enumerate() {
        if let Some(weight) = loss.weight_of(target) {
            dx[loss.at(row, target)] = T::narrow(-(weight * grad.of(row)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
