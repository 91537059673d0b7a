//! The kernels of the class losses, in the computed type.

use super::{ClassLoss, RowGrad};
use crate::float::Float;
use crate::isa;
use crate::rows::{Flow, body, largest, map, map_flow};
use crate::simd::{Kernel, Simd, dispatch, finish_streaming, wide};
use crate::softmax::{Columns, FETCH, Tiles, exp_sum, sum_above};
use crate::split::{Parts, for_ranges};
use std::ops::Range;

impl<T: Float> RowGrad<'_, T> {
    #[inline(always)]
    pub(super) fn of(self, row: usize) -> T {
        match self {
            RowGrad::All(g) => g,
            RowGrad::Each(g) => g[row],
        }
    }
}

impl<T: Float> ClassLoss<&[T]> {
    /// [`cross_entropy`](Self::cross_entropy) with validated arguments.
    pub(super) fn losses(&self, x: &[T], targets: &[i64], stats: &mut [[T; 2]], losses: &mut [T]) {
        let isa = isa::isa();
        let (stats, losses) = (Parts::new(stats), Parts::new(losses));
        let tiles = Tiles::new([self.outer, self.classes, self.inner], 1, x);
        let forward = |range: Range<usize>, copy: &mut [T]| {
            let (stats, losses) = (&stats, &losses);
            dispatch(isa, Forward { loss: self, x, targets, stats, losses, tiles, range, copy })
        };
        if self.inner == 1 {
            for_ranges(self.outer, self.classes, |range| forward(range, &mut []));
        } else {
            tiles.for_ranges(forward);
        }
    }

    /// [`cross_entropy_backward`](Self::cross_entropy_backward) with validated arguments.
    pub(super) fn gradients(&self, x: &[T], targets: &[i64], stats: &[[T; 2]], grad: RowGrad<T>, dx: &mut [T]) {
        let (isa, dx) = (isa::isa(), Parts::new(dx));
        let weights = self.class_weights();
        let tiles = Tiles::new([self.outer, self.classes, self.inner], 0, x);
        let backward = |range: Range<usize>| {
            dispatch(isa, Backward { loss: self, x, targets, stats, grad, dx: &dx, weights, tiles, range })
        };
        if self.inner == 1 {
            for_ranges(self.outer, self.classes, backward);
        } else {
            tiles.for_ranges(|range, _: &mut [T]| backward(range));
        }
    }

    /// The weight of a row, `None` if it is ignored.
    #[inline(always)]
    fn row_weight(&self, target: i64) -> Option<T> {
        (target != self.ignore_index).then(|| self.class_weight(target as usize))
    }

    #[inline(always)]
    fn class_weight(&self, class: usize) -> T {
        self.weight.map_or(T::ONE, |w| w[class])
    }

    /// The sum of the class weights.
    fn class_weights(&self) -> f64 {
        self.weight.map_or(self.classes as f64, |w| w.iter().map(|w| w.wide()).sum())
    }

    /// A row's loss from its statistics. `weighted` is the sum of `weight * (x - max)` over the classes, for label
    /// smoothing.
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

    /// The factors of a row's gradient: of the probabilities, of the target's one-hot term, of the class weights.
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
    loss: &'a ClassLoss<&'a [T]>,
    x: &'a [T],
    targets: &'a [i64],
    stats: &'a Parts<'a, [T; 2]>,
    losses: &'a Parts<'a, T>,
    tiles: Tiles,
    /// Rows, or tiles of them where `inner` is not 1.
    range: Range<usize>,
    /// Scratch memory for a tile.
    copy: &'a mut [T],
}

impl<T: Float> Kernel for Forward<'_, T> {
    type Output = ();
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Forward { loss, x, targets, stats, losses, tiles, range, copy } = self;
        let ClassLoss { classes, inner, .. } = *loss;
        let weights = loss.class_weights();
        let smooth = loss.label_smoothing != 0.0;
        let flow = Flow { stream: false, ..Flow::new(x, classes, classes.max(FETCH)) };
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
                let max = largest(x);
                let log_sum = T::of(exp_sum::<S, T>(x, max, flow).ln());
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
            let tile = tiles.at(tile);
            let (mut max, mut sum, mut weighted) = (Columns::new(), Columns::new(), Columns::new());
            let (max, sum) = tile.stats::<S, T, false>(x, copy, &mut max, &mut sum);
            let weighted = weighted.fill(tile.width, 0.0);
            if smooth {
                for class in 0..classes {
                    let row = &x[tile.row(class)];
                    let weight = loss.class_weight(class).wide();
                    for (c, &x) in row.iter().enumerate() {
                        weighted[c] += (x - max[c]).wide() * weight;
                    }
                }
            }
            for c in 0..tile.width {
                finish(tile.outer * inner + tile.first + c, [max[c], T::of(sum[c].ln())], weighted[c]);
            }
        }
    }
}

body!(
    /// `factor * exp(x - max - log_sum)`
    Probability { factor, max, log_sum } 1 |x| factor * (x - max - log_sum).exp_not_positive::<S>()
);

body!(
    /// [`Probability`] for elements of different rows, less the label smoothing term.
    ProbabilityColumns { weight } 5 |x, factor, even, max, log_sum| {
        factor * (x - max - log_sum).exp_not_positive::<S>() - even * weight
    }
);

struct Backward<'a, T> {
    loss: &'a ClassLoss<&'a [T]>,
    x: &'a [T],
    targets: &'a [i64],
    stats: &'a [[T; 2]],
    grad: RowGrad<'a, T>,
    dx: &'a Parts<'a, T>,
    weights: f64,
    tiles: Tiles,
    range: Range<usize>,
}

impl<T: Float> Kernel for Backward<'_, T> {
    type Output = ();
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Backward { loss, x, targets, stats, grad, dx, weights, tiles, range } = self;
        let ClassLoss { classes, inner, .. } = *loss;
        let smooth = loss.label_smoothing != 0.0;
        if inner == 1 {
            let flow = Flow::new(x, classes, classes.max(FETCH));
            for row in range {
                let part = row * classes..(row + 1) * classes;
                // SAFETY: every row belongs to one task.
                let dx = unsafe { dx.part(part.clone()) };
                let x = &x[part];
                if targets[row] == loss.ignore_index {
                    // Not a multiplication by 0: that would propagate NaN and infinity.
                    dx.fill(T::ZERO);
                    continue;
                }
                let [probability, hard, even] = loss.factors(targets[row], grad.of(row), weights);
                let [max, log_sum] = stats[row];
                map_flow::<S, T, 1>([x], dx, Probability { factor: probability, max, log_sum }, flow);
                if smooth {
                    for (class, dx) in dx.iter_mut().enumerate() {
                        *dx = *dx - even * loss.class_weight(class);
                    }
                }
                let target = &mut dx[targets[row] as usize];
                *target = *target - hard;
            }
            if flow.stream {
                finish_streaming();
            }
            return;
        }
        for tile in range {
            let tile = tiles.at(tile);
            let width = tile.width;
            let mut columns = [const { Columns::new() }; 4];
            let [factor, even, max, log_sum] = columns.each_mut().map(|c| c.fill(width, T::ZERO));
            let first = tile.outer * inner + tile.first;
            let rows = first..first + width;
            for (c, row) in rows.clone().enumerate() {
                [factor[c], _, even[c]] = loss.factors(targets[row], grad.of(row), weights);
                [max[c], log_sum[c]] = stats[row];
            }
            let (factor, even, max, log_sum) = (&*factor, &*even, &*max, &*log_sum);
            for class in 0..classes {
                let at = tile.row(class);
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
