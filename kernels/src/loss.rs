//! Cross entropy of logits with class indices in one pass, and the negative log likelihood of log-probabilities.
//!
//! Arrays of classes are contiguous `[outer, classes, inner]`; targets and losses are `[outer, inner]` ("rows"). The loss of
//! each row comes out separately; the caller sums them, and divides by the total weight for the mean.

use crate::cpu;
use crate::float::Float;
use crate::index::BadIndex;
use crate::reduce::max_row;
use crate::rows::{body, map};
use crate::simd::{Kernel, Simd, dispatch};
use crate::softmax::{TILE, exp_sum, for_tiles, sum_above, tile_at, tile_stats};
use crate::split::{Parts, for_ranges};
use std::ops::Range;

/// What cross entropy and negative log likelihood have in common.
#[derive(Clone, Copy, Debug)]
pub struct ClassLoss<'a, T> {
    /// Number of dimensions' worth before the classes (the batch).
    pub outer: usize,
    /// Number of classes.
    pub classes: usize,
    /// Number of dimensions' worth behind the classes (pixels); 1 for plain classification.
    pub inner: usize,
    /// A weight for each class; 1 where there are none.
    pub weight: Option<&'a [T]>,
    /// Rows with this target count for nothing.
    pub ignore_index: i64,
    /// Share of the target that is spread evenly over all classes (cross entropy only).
    pub label_smoothing: f64,
}

/// The gradient of the losses.
#[derive(Clone, Copy, Debug)]
pub enum RowGrad<'a, T> {
    /// The same for every row.
    All(T),
    /// One for each row.
    Each(&'a [T]),
}

impl<T: Float> RowGrad<'_, T> {
    #[inline(always)]
    fn of(self, row: usize) -> T {
        match self {
            RowGrad::All(g) => g,
            RowGrad::Each(g) => g[row],
        }
    }
}

impl<T: Float> ClassLoss<'_, T> {
    fn rows(&self) -> usize {
        self.outer * self.inner
    }

    fn check(&self, x: usize, targets: &[i64], rows: usize) -> Result<(), BadIndex> {
        assert!(
            x == self.rows() * self.classes && targets.len() == self.rows() && rows == self.rows(),
            "class loss: slices of {x}, {} and {rows} for {} rows of {} classes",
            targets.len(),
            self.rows(),
            self.classes
        );
        assert!(self.weight.is_none_or(|w| w.len() == self.classes), "class loss: one weight for each class");
        let bad = |&t: &i64| t != self.ignore_index && t as u64 >= self.classes as u64;
        match targets.iter().position(bad) {
            None => Ok(()),
            Some(position) => Err(BadIndex { value: targets[position], position, size: self.classes }),
        }
    }

    /// The weight of a row, none if it is ignored.
    #[inline(always)]
    fn row_weight(&self, target: i64) -> Option<T> {
        (target != self.ignore_index).then(|| self.class_weight(target as usize))
    }

    #[inline(always)]
    fn class_weight(&self, class: usize) -> T {
        self.weight.map_or(T::ONE, |w| w[class])
    }

    fn total_weight(&self, targets: &[i64]) -> T {
        T::of(targets.iter().filter_map(|&t| self.row_weight(t)).map(T::wide).sum())
    }

    /// The sum of the class weights.
    fn class_weights(&self) -> f64 {
        self.weight.map_or(self.classes as f64, |w| w.iter().map(|w| w.wide()).sum())
    }

    /// Cross entropy of the logits `x` with `targets`. Writes the loss of every row, and to `stats` what the backward needs: for
    /// every row its largest logit and the logarithm of `sum(exp(x - largest))`. Returns the sum of the rows' weights, by which
    /// the sum of the losses is to be divided for the mean.
    ///
    /// # Errors
    /// A target that is neither a class nor `ignore_index`; nothing is written then.
    ///
    /// # Panics
    /// If a slice has not the right length: `outer * inner` rows, twice that in `stats`.
    pub fn cross_entropy(
        &self,
        x: &[T],
        targets: &[i64],
        stats: &mut [[T; 2]],
        losses: &mut [T],
    ) -> Result<T, BadIndex> {
        self.check(x.len(), targets, losses.len())?;
        assert_eq!(stats.len(), losses.len(), "cross_entropy: statistics and losses");
        if losses.is_empty() {
            return Ok(T::ZERO);
        }
        let isa = cpu::isa();
        let (stats, losses) = (Parts::new(stats), Parts::new(losses));
        let forward = |range: Range<usize>| {
            dispatch(isa, Forward { loss: self, x, targets, stats: &stats, losses: &losses, range })
        };
        if self.inner == 1 {
            for_ranges(self.outer, self.classes, forward);
        } else {
            for_tiles(self.outer, self.classes, self.inner, forward);
        }
        Ok(self.total_weight(targets))
    }

    /// The gradient through [`cross_entropy`](Self::cross_entropy) from the logits and what the forward wrote to `stats`.
    ///
    /// # Errors
    /// A target that is neither a class nor `ignore_index`; nothing is written then.
    ///
    /// # Panics
    /// If a slice has not the right length.
    pub fn cross_entropy_backward(
        &self,
        x: &[T],
        targets: &[i64],
        stats: &[[T; 2]],
        grad: RowGrad<T>,
        dx: &mut [T],
    ) -> Result<(), BadIndex> {
        self.check(x.len(), targets, stats.len())?;
        assert_eq!(x.len(), dx.len(), "cross_entropy backward: logits and gradient");
        if dx.is_empty() {
            return Ok(());
        }
        let (isa, dx) = (cpu::isa(), Parts::new(dx));
        let weights = self.class_weights();
        let backward = |range: Range<usize>| {
            dispatch(isa, Backward { loss: self, x, targets, stats, grad, dx: &dx, weights, range })
        };
        if self.inner == 1 {
            for_ranges(self.outer, self.classes, backward);
        } else {
            for_tiles(self.outer, self.classes, self.inner, backward);
        }
        Ok(())
    }

    /// The negative log likelihood `-weight[target] * x[target]` of every row; returns the sum of the rows' weights.
    ///
    /// # Errors
    /// A target that is neither a class nor `ignore_index`; nothing is written then.
    ///
    /// # Panics
    /// If a slice has not the right length.
    pub fn nll(&self, x: &[T], targets: &[i64], losses: &mut [T]) -> Result<T, BadIndex> {
        self.check(x.len(), targets, losses.len())?;
        for (row, (loss, &target)) in losses.iter_mut().zip(targets).enumerate() {
            *loss = match self.row_weight(target) {
                Some(weight) => -(x[self.at(row, target)] * weight),
                None => T::ZERO,
            };
        }
        Ok(self.total_weight(targets))
    }

    /// The gradient through [`nll`](Self::nll).
    ///
    /// # Errors
    /// A target that is neither a class nor `ignore_index`; nothing is written then.
    ///
    /// # Panics
    /// If a slice has not the right length.
    pub fn nll_backward(&self, targets: &[i64], grad: RowGrad<T>, dx: &mut [T]) -> Result<(), BadIndex> {
        self.check(dx.len(), targets, targets.len())?;
        let parts = Parts::new(dx);
        crate::threads::parallel_for(self.rows() * self.classes, crate::split::WORTH_THREADS, |range| {
            // SAFETY: ranges do not overlap.
            unsafe { parts.part(range) }.fill(T::ZERO);
        });
        for (row, &target) in targets.iter().enumerate() {
            if let Some(weight) = self.row_weight(target) {
                dx[self.at(row, target)] = -(weight * grad.of(row));
            }
        }
        Ok(())
    }

    /// Where the class `target` of a row stands.
    #[inline(always)]
    fn at(&self, row: usize, target: i64) -> usize {
        (row / self.inner * self.classes + target as usize) * self.inner + row % self.inner
    }

    /// A row's loss from its statistics. `weighted` is the sum of `weight * (x - max)` over the classes, used for smoothing.
    #[inline(always)]
    fn row_loss(&self, target: i64, x_target: T, [max, log_sum]: [T; 2], weighted: f64, weights: f64) -> T {
        let Some(weight) = self.row_weight(target) else { return T::ZERO };
        let hard = -(weight * (x_target - max - log_sum));
        if self.label_smoothing == 0.0 {
            return hard;
        }
        let even = weights * log_sum.wide() - weighted;
        let share = self.label_smoothing / self.classes as f64;
        T::of((1.0 - self.label_smoothing) * hard.wide() + share * even)
    }

    /// The factors of a row's gradient: of the probabilities, of the target's one, of the class weights.
    #[inline(always)]
    fn factors(&self, target: i64, grad: T, weights: f64) -> [T; 3] {
        let Some(weight) = self.row_weight(target) else { return [T::ZERO; 3] };
        let hard = (1.0 - self.label_smoothing) * weight.wide();
        let share = self.label_smoothing / self.classes as f64;
        let grad = grad.wide();
        [T::of(grad * (hard + share * weights)), T::of(grad * hard), T::of(grad * share)]
    }
}

struct Forward<'a, T> {
    loss: &'a ClassLoss<'a, T>,
    x: &'a [T],
    targets: &'a [i64],
    stats: &'a Parts<'a, [T; 2]>,
    losses: &'a Parts<'a, T>,
    /// Rows, or tiles of them where `inner` is not 1.
    range: Range<usize>,
}

impl<T: Float> Kernel for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Forward { loss, x, targets, stats, losses, range } = self;
        let ClassLoss { classes, inner, .. } = *loss;
        let weights = loss.class_weights();
        let smooth = loss.label_smoothing != 0.0;
        // SAFETY: every row belongs to one task.
        let finish = |row: usize, row_stats: [T; 2], weighted: f64| unsafe {
            let target = targets[row];
            let x_target = if target == loss.ignore_index { T::ZERO } else { x[loss.at(row, target)] };
            stats.part(row..row + 1)[0] = row_stats;
            losses.part(row..row + 1)[0] = loss.row_loss(target, x_target, row_stats, weighted, weights);
        };
        if inner == 1 {
            for row in range {
                let x = &x[row * classes..(row + 1) * classes];
                let max = max_row::<S, T>(x);
                let log_sum = T::of(exp_sum::<S, T>(x, max).ln());
                let weighted = match loss.weight {
                    _ if !smooth => 0.0,
                    None => sum_above::<S, T>(x, max),
                    Some(w) => x.iter().zip(w).map(|(&x, w)| (x - max).wide() * w.wide()).sum(),
                };
                finish(row, [max, log_sum], weighted);
            }
            return;
        }
        for tile in range {
            let (o, first, width) = tile_at(tile, inner);
            let start = o * classes * inner + first;
            let tile = tile_stats::<S, T>(x, start, classes, inner, width);
            let (max, sum) = (&tile.max, &tile.sum);
            let mut weighted = [0.0; TILE];
            if smooth {
                for class in 0..classes {
                    let row = &x[start + class * inner..][..width];
                    let weight = loss.class_weight(class).wide();
                    for (c, &x) in row.iter().enumerate() {
                        weighted[c] += (x - max[c]).wide() * weight;
                    }
                }
            }
            for c in 0..width {
                finish(o * inner + first + c, [max[c], T::of(sum[c].ln())], weighted[c]);
            }
        }
    }
}

body!(
    /// `factor * exp(x - max - log_sum)`
    Probability { factor, max, log_sum } 1 |x| factor * (x - max - log_sum).exp::<S>()
);

body!(
    /// [`Probability`] for elements of different rows, less the share of label smoothing.
    ProbabilityColumns { weight } 5 |x, factor, even, max, log_sum| {
        factor * (x - max - log_sum).exp::<S>() - even * weight
    }
);

struct Backward<'a, T> {
    loss: &'a ClassLoss<'a, T>,
    x: &'a [T],
    targets: &'a [i64],
    stats: &'a [[T; 2]],
    grad: RowGrad<'a, T>,
    dx: &'a Parts<'a, T>,
    weights: f64,
    range: Range<usize>,
}

impl<T: Float> Kernel for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Backward { loss, x, targets, stats, grad, dx, weights, range } = self;
        let ClassLoss { classes, inner, .. } = *loss;
        let smooth = loss.label_smoothing != 0.0;
        if inner == 1 {
            for row in range {
                let part = row * classes..(row + 1) * classes;
                // SAFETY: every row belongs to one task.
                let dx = unsafe { dx.part(part.clone()) };
                let x = &x[part];
                if targets[row] == loss.ignore_index {
                    // Not a product with 0: that would let nan and infinity through.
                    dx.fill(T::ZERO);
                    continue;
                }
                let [probability, hard, even] = loss.factors(targets[row], grad.of(row), weights);
                let [max, log_sum] = stats[row];
                map::<S, T, 1>([x], dx, Probability { factor: probability, max, log_sum });
                if smooth {
                    for (class, dx) in dx.iter_mut().enumerate() {
                        *dx = *dx - even * loss.class_weight(class);
                    }
                }
                let target = &mut dx[targets[row] as usize];
                *target = *target - hard;
            }
            return;
        }
        for tile in range {
            let (o, first, width) = tile_at(tile, inner);
            let start = o * classes * inner + first;
            let mut columns = [[T::ZERO; TILE]; 4];
            let rows = o * inner + first..o * inner + first + width;
            for (c, row) in rows.clone().enumerate() {
                let [probability, _, even] = loss.factors(targets[row], grad.of(row), weights);
                let [max, log_sum] = stats[row];
                for (column, value) in columns.iter_mut().zip([probability, even, max, log_sum]) {
                    column[c] = value;
                }
            }
            let [factor, even, max, log_sum] = &columns;
            let (factor, even, max, log_sum) = (&factor[..width], &even[..width], &max[..width], &log_sum[..width]);
            for class in 0..classes {
                let at = start + class * inner..start + class * inner + width;
                // SAFETY: tiles do not overlap.
                let dx = unsafe { dx.part(at.clone()) };
                let body = ProbabilityColumns { weight: loss.class_weight(class) };
                map::<S, T, 5>([&x[at], factor, even, max, log_sum], dx, body);
            }
            for row in rows {
                let target = targets[row];
                if target == loss.ignore_index {
                    for class in 0..classes {
                        let at = loss.at(row, class as i64);
                        // SAFETY: this row belongs to this task.
                        unsafe { dx.part(at..at + 1)[0] = T::ZERO };
                    }
                } else {
                    let at = loss.at(row, target);
                    // SAFETY: as above.
                    let dx = unsafe { &mut dx.part(at..at + 1)[0] };
                    *dx = *dx - loss.factors(target, grad.of(row), weights)[1];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::{Isa, with_isa};
    use crate::threads::set_num_threads;

    fn noise(n: usize, scale: f32) -> Vec<f32> {
        (0..n).map(|i| ((i as u64 * 2654435761 % 10007) as f32 / 10007.0 - 0.5) * scale).collect()
    }

    /// Losses, total weight and gradient for row gradients `g`, by the definition.
    fn reference(loss: &ClassLoss<f32>, x: &[f32], targets: &[i64], g: &[f32]) -> (Vec<f64>, f64, Vec<f64>) {
        let (mut losses, mut total, mut dx) = (vec![], 0.0, vec![0.0; x.len()]);
        for row in 0..targets.len() {
            let at = |class: usize| loss.at(row, class as i64);
            let sum: f64 = (0..loss.classes).map(|c| (x[at(c)] as f64).exp()).sum();
            let log_p = |c: usize| x[at(c)] as f64 - sum.ln();
            let w = |c: usize| loss.weight.map_or(1.0, |w| w[c] as f64);
            if targets[row] == loss.ignore_index {
                losses.push(0.0);
                continue;
            }
            let t = targets[row] as usize;
            total += w(t);
            let (keep, share) = (1.0 - loss.label_smoothing, loss.label_smoothing / loss.classes as f64);
            losses.push(-keep * w(t) * log_p(t) - share * (0..loss.classes).map(|c| w(c) * log_p(c)).sum::<f64>());
            let all: f64 = (0..loss.classes).map(w).sum();
            for c in 0..loss.classes {
                let hard = if c == t { keep * w(t) } else { 0.0 };
                dx[at(c)] = g[row] as f64 * ((keep * w(t) + share * all) * log_p(c).exp() - hard - share * w(c));
            }
        }
        (losses, total, dx)
    }

    #[test]
    fn cross_entropy_matches_its_definition() {
        for (outer, classes, inner) in
            [(64, 10, 1), (3, 1, 1), (0, 5, 1), (7, 1000, 1), (2000, 20, 1), (2, 5, 7), (1, 21, 300), (2, 40, 1000)]
        {
            let x = noise(outer * classes * inner, 10.0);
            let g = noise(outer * inner + 5, 2.0).split_off(5);
            let weight: Vec<f32> = (0..classes).map(|c| 0.5 + (c % 7) as f32).collect();
            let mut targets: Vec<i64> = (0..outer * inner).map(|i| (i * 31 % classes) as i64).collect();
            targets.iter_mut().skip(2).step_by(5).for_each(|t| *t = -100);
            for weight in [None, Some(&weight[..])] {
                for label_smoothing in [0.0, 0.1, 1.0] {
                    let loss = ClassLoss { outer, classes, inner, weight, ignore_index: -100, label_smoothing };
                    let (losses, total, dx) = reference(&loss, &x, &targets, &g);
                    let mut seen: Option<(Vec<u32>, Isa)> = None;
                    for isa in Isa::available() {
                        for threads in [1, 2] {
                            set_num_threads(threads);
                            let mut stats = vec![[9.0; 2]; outer * inner];
                            let (mut got, mut got_dx) = (vec![9.0; outer * inner], vec![9.0; x.len()]);
                            with_isa(isa, || {
                                let sum = loss.cross_entropy(&x, &targets, &mut stats, &mut got).unwrap();
                                assert!((sum as f64 - total).abs() <= 1e-6 * total);
                                let each = RowGrad::Each(&g);
                                loss.cross_entropy_backward(&x, &targets, &stats, each, &mut got_dx).unwrap();
                            });
                            let fine = |a: &[f32], b: &[f64]| {
                                a.iter().zip(b).all(|(a, b)| (*a as f64 - b).abs() <= 3e-6 * (b.abs() + 1.0))
                            };
                            assert!(fine(&got, &losses), "{outer} {classes} {inner} {isa:?}\n{got:?}\n{losses:?}");
                            assert!(fine(&got_dx, &dx), "{outer} {classes} {inner} {isa:?}");
                            let bits: Vec<u32> = got.iter().chain(&got_dx).map(|x| x.to_bits()).collect();
                            if let Some((want, same)) = &seen
                                && *same == isa
                            {
                                assert!(*want == bits, "{threads} threads");
                            }
                            seen = Some((bits, isa));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn likelihood_matches_its_definition() {
        let loss = ClassLoss {
            outer: 3,
            classes: 4,
            inner: 2,
            weight: Some(&[1.0, 2.0, 3.0, 4.0]),
            ignore_index: 1,
            label_smoothing: 0.0,
        };
        let x = noise(24, 3.0);
        let targets = [0, 1, 2, 3, 3, 0];
        let (mut losses, mut dx) = ([9.0; 6], [9.0; 24]);
        assert_eq!(loss.nll(&x, &targets, &mut losses), Ok(1.0 + 3.0 + 4.0 + 4.0 + 1.0));
        loss.nll_backward(&targets, RowGrad::All(0.5), &mut dx).unwrap();
        let mut want = [0.0; 24];
        for (row, &t) in targets.iter().enumerate().filter(|(_, t)| **t != 1) {
            let at = (row / 2 * 4 + t as usize) * 2 + row % 2;
            assert_eq!(losses[row], -(x[at] * (t + 1) as f32));
            want[at] = -0.5 * (t + 1) as f32;
        }
        assert_eq!((losses[1], dx), (0.0, want));
    }

    #[test]
    fn a_target_out_of_range_is_reported() {
        let loss = ClassLoss { outer: 3, classes: 4, inner: 1, weight: None, ignore_index: -100, label_smoothing: 0.0 };
        let (x, mut stats, mut losses, mut dx) = ([0.0; 12], [[9.0; 2]; 3], [9.0; 3], [9.0; 12]);
        for bad in [4, -1] {
            let want = BadIndex { value: bad, position: 2, size: 4 };
            let targets = [-100, 3, bad];
            assert_eq!(loss.cross_entropy(&x, &targets, &mut stats, &mut losses), Err(want));
            assert_eq!(loss.nll(&x, &targets, &mut losses), Err(want));
            assert_eq!(loss.nll_backward(&targets, RowGrad::All(1.0), &mut dx), Err(want));
            let backward = loss.cross_entropy_backward(&x, &targets, &stats, RowGrad::All(1.0), &mut dx);
            assert_eq!(backward, Err(want));
            assert!(losses == [9.0; 3] && dx == [9.0; 12]);
        }
    }

    #[test]
    fn ignored_rows_have_no_gradient_even_with_nan() {
        for inner in [1, 3] {
            let loss = ClassLoss { outer: 1, classes: 2, inner, weight: None, ignore_index: 5, label_smoothing: 0.1 };
            let (x, targets) = (vec![f32::NAN; 2 * inner], vec![5; inner]);
            let (mut stats, mut losses, mut dx) = (vec![[0.0; 2]; inner], vec![9.0; inner], vec![9.0; 2 * inner]);
            assert_eq!(loss.cross_entropy(&x, &targets, &mut stats, &mut losses), Ok(0.0));
            loss.cross_entropy_backward(&x, &targets, &stats, RowGrad::All(1.0), &mut dx).unwrap();
            assert!(losses.iter().chain(&dx).all(|&x| x == 0.0));
        }
    }
}
