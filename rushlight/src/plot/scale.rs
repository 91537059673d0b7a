//! From data values to positions: ranges, round tick values and their labels.

/// Values of a larger magnitude are treated like infinities: they are not drawn, and ranges cannot overflow.
const LARGEST: f64 = 1e300;

/// Whether a value can be drawn.
pub(super) fn drawable(value: f64) -> bool {
    value.abs() <= LARGEST
}

/// A linear axis over the data with round ticks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    step: f64,
}

impl Scale {
    /// An axis over the drawable ones of `values` with a margin on both sides and about `ticks` ticks. If all values
    /// are integers the ticks are as well.
    pub(super) fn new(values: impl Iterator<Item = f64> + Clone, ticks: usize) -> Self {
        let values = values.filter(|v| drawable(*v));
        let whole = values.clone().all(|v| v.fract() == 0.0);
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let (low, high) = match high - low {
            span if !span.is_finite() => (0.0, 1.0), // no value at all
            span if span <= 1e-12 * low.abs().max(high.abs()) || span == 0.0 => {
                let pad = if low == 0.0 { 1.0 } else { 0.1 * low.abs() };
                (low - if whole { pad.max(1.0) } else { pad }, high + if whole { pad.max(1.0) } else { pad })
            }
            span => (low - 0.04 * span, high + 0.04 * span),
        };
        let mut step = round_step((high - low) / ticks.max(1) as f64);
        if whole {
            step = step.max(1.0);
        }
        Scale { low, high, step }
    }

    /// The relative position of `value` on the axis: 0 at the low end, 1 at the high end.
    pub(super) fn position(&self, value: f64) -> f32 {
        ((value - self.low) / (self.high - self.low)) as f32
    }

    /// Tick values in ascending order with their labels.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let (first, last) = ((self.low / self.step).ceil(), (self.high / self.step).floor());
        // If the range is too narrow for float64 to represent the ticks, there are none.
        let count = ((last - first + 1.0) as usize).min(100);
        (0..count).map(|i| (first + i as f64) * self.step).map(|v| (v, label(v, self.step))).collect()
    }
}

/// The one of … 0.5, 1, 2, 5, 10 … nearest to `raw`.
fn round_step(raw: f64) -> f64 {
    let magnitude = 10f64.powf(raw.log10().floor());
    let factor = match raw / magnitude {
        f if f < 1.5 => 1.0,
        f if f < 3.5 => 2.0,
        f if f < 7.5 => 5.0,
        _ => 10.0,
    };
    factor * magnitude
}

/// `value` with as many decimals as ticks `step` apart need; the true minus sign is the one typographers use.
fn label(value: f64, step: f64) -> String {
    let value = if value.abs() < 1e-9 * step { 0.0 } else { value };
    let largest = value.abs().max(step);
    let text = if largest >= 1e6 || step < 1e-5 {
        let digits = (largest.log10().floor() - step.log10().floor()).clamp(0.0, 12.0) as usize;
        format!("{value:.digits$e}")
    } else {
        format!("{value:.*}", (-step.log10().floor()).max(0.0) as usize)
    };
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(values: &[f64], ticks: usize) -> Vec<String> {
        Scale::new(values.iter().copied(), ticks).ticks().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(&[0.03, 0.97], 5), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&[-2.25, 2.25], 5), ["−2", "−1", "0", "1", "2"]);
        assert_eq!(labels(&[0.0021, 0.0049], 3), ["0.002", "0.003", "0.004", "0.005"]);
        assert_eq!(labels(&[2.1e6, 7.9e6], 3), ["2e6", "4e6", "6e6", "8e6"]);
    }

    #[test]
    fn integers_have_integer_ticks() {
        assert_eq!(labels(&[1.0, 2.0, 3.0], 8), ["1", "2", "3"]);
        assert_eq!(labels(&[1.0], 8), ["0", "1", "2"]);
    }

    #[test]
    fn odd_ranges_do_not_break() {
        for values in
            [&[][..], &[f64::NAN, f64::INFINITY], &[0.0], &[1e300, -1e300], &[f64::MIN_POSITIVE], &[1.0, 1.0 + 1e-15]]
        {
            let scale = Scale::new(values.iter().copied(), 6);
            assert!(scale.low < scale.high, "{values:?}: {scale:?}");
            assert!(scale.ticks().len() <= 12, "{values:?}: {:?}", scale.ticks());
            assert!(values.iter().filter(|v| drawable(**v)).all(|v| (0.0..=1.0).contains(&scale.position(*v))));
        }
    }

    #[test]
    fn ends_are_inside_the_margins() {
        let scale = Scale::new([2.0, 12.0].into_iter(), 5);
        assert!((scale.position(2.0) - 0.04 / 1.08).abs() < 1e-6);
        assert!((scale.position(12.0) - 1.04 / 1.08).abs() < 1e-6);
    }
}
