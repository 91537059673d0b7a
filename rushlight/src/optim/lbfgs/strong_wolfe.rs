//! A line search for the strong Wolfe conditions (Nocedal and Wright, "Numerical Optimization", algorithms 3.5 and 3.6), with the steps of
//! PyTorch's `strong_wolfe`.

use crate::{Result, Tensor};

/// The share of the decrease predicted by the slope that a step must achieve.
const C1: f64 = 1e-4;
/// The share of the initial slope that may remain after a step.
const C2: f64 = 0.9;

/// A point of the line: its loss and gradient at the position `t`.
#[derive(Clone)]
pub(super) struct Point {
    pub(super) t: f64,
    pub(super) loss: f64,
    pub(super) grad: Tensor,
    /// The derivative of the loss by `t`.
    pub(super) slope: f64,
}

/// The conditions that a step is searched for.
pub(super) struct StrongWolfe<F> {
    /// The largest number of evaluations after the first.
    pub(super) max_iter: usize,
    /// An interval in which no parameter changes by more than this is small enough.
    pub(super) tolerance_change: f64,
    /// The largest change of a parameter for a unit of `t`.
    pub(super) largest: f64,
    /// Rounds to the dtype of the parameters.
    pub(super) round: F,
}

impl<F: Fn(f64) -> f64> StrongWolfe<F> {
    /// Searches from `start`, where `t` is 0, with the first trial `t`. Returns the best point found and the number of evaluations.
    pub(super) fn search(
        &self,
        start: Point,
        t: f64,
        mut evaluate: impl FnMut(f64) -> Result<Point>,
    ) -> Result<(Point, usize)> {
        let (loss, slope, round) = (start.loss, start.slope, &self.round);
        let too_high = |new: &Point| new.loss > round(loss + round(round(C1 * new.t) * slope));
        let flat = |new: &Point| new.slope.abs() <= round(-C2 * slope);
        let mut new = evaluate(t)?;
        let mut iteration = 0;

        // Move outwards until an interval brackets a point that satisfies the conditions.
        let mut previous = start.clone();
        let mut bracket = loop {
            if iteration >= self.max_iter {
                break [start, new];
            }
            if too_high(&new) || (iteration > 1 && new.loss >= previous.loss) {
                break [previous, new];
            }
            if flat(&new) {
                return Ok((new, iteration + 1));
            }
            if new.slope >= 0.0 {
                break [previous, new];
            }
            let bounds = (new.t + 0.01 * (new.t - previous.t), new.t * 10.0);
            let t = round(minimum_of_cubic(&previous, &new, bounds));
            previous = new;
            new = evaluate(t)?;
            iteration += 1;
        };

        // Shrink the interval.
        let mut insufficient = false;
        let mut low = lower(&bracket);
        while iteration < self.max_iter {
            let (left, right) = ends(&bracket);
            if round((right - left) * self.largest) < self.tolerance_change {
                break;
            }
            let mut t = round(minimum_of_cubic(&bracket[0], &bracket[1], (left, right)));
            // A second trial in a row near an end, or one at an end, makes too little progress.
            let margin = 0.1 * (right - left);
            if (right - t).min(t - left) < margin {
                if insufficient || t >= right || t <= left {
                    t = round(if (t - right).abs() < (t - left).abs() { right - margin } else { left + margin });
                    insufficient = false;
                } else {
                    insufficient = true;
                }
            } else {
                insufficient = false;
            }
            let new = evaluate(t)?;
            iteration += 1;
            let high = 1 - low;
            if too_high(&new) || new.loss >= bracket[low].loss {
                bracket[high] = new;
                low = lower(&bracket);
            } else {
                let done = flat(&new);
                if !done && new.slope * (bracket[high].t - bracket[low].t) >= 0.0 {
                    bracket.swap(low, high);
                }
                bracket[low] = new;
                if done {
                    break;
                }
            }
        }
        let [first, second] = bracket;
        Ok((if low == 0 { first } else { second }, iteration + 1))
    }
}

/// The position of the point with the lower loss.
fn lower(bracket: &[Point; 2]) -> usize {
    if bracket[0].loss <= bracket[1].loss { 0 } else { 1 }
}

fn ends([a, b]: &[Point; 2]) -> (f64, f64) {
    if a.t <= b.t { (a.t, b.t) } else { (b.t, a.t) }
}

/// The minimum between the bounds of the cubic polynomial with the values and slopes of two points; the middle if it has none.
fn minimum_of_cubic(a: &Point, b: &Point, (lowest, highest): (f64, f64)) -> f64 {
    let d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.t - b.t);
    let square = d1 * d1 - a.slope * b.slope;
    let t = if square >= 0.0 {
        let d2 = square.sqrt();
        if a.t <= b.t {
            b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2))
        } else {
            a.t - (a.t - b.t) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2.0 * d2))
        }
    } else {
        (lowest + highest) / 2.0
    };
    // Unlike `f64::clamp`, this does not panic where a bound is NaN.
    let t = if lowest > t { lowest } else { t };
    if highest < t { highest } else { t }
}
