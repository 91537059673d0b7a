//! Numbers of channels that are scaled with the width of a network.

use crate::{Error, Result};

/// Rounds a number of channels to the nearest multiple of `divisor`, but at least to `divisor` and not down by more than 10 %. As
/// `torchvision.models._utils._make_divisible`.
pub(super) fn make_divisible(channels: f64, divisor: usize) -> usize {
    let rounded = ((channels + divisor as f64 / 2.0) as usize / divisor * divisor).max(divisor);
    if (rounded as f64) < 0.9 * channels { rounded + divisor } else { rounded }
}

/// An error unless `width_mult` is a factor that a number of channels can have.
pub(super) fn check_width_mult(network: &'static str, width_mult: f64) -> Result<()> {
    if width_mult > 0.0 && width_mult.is_finite() {
        return Ok(());
    }
    Err(Error::value(network, format!("expected width_mult greater than 0 and finite, got {width_mult}")))
}

#[cfg(test)]
mod tests {
    use super::make_divisible;

    #[test]
    fn channels_are_rounded_as_in_torchvision() {
        let cases = [(32.0, 32), (16.0 * 0.35, 8), (24.0 * 0.35, 8), (3.0, 8), (18.0, 24), (11.2, 16), (44.8, 48)];
        for (channels, rounded) in cases {
            assert_eq!(make_divisible(channels, 8), rounded, "{channels}");
        }
        assert_eq!(make_divisible(22.4, 1), 22);
    }
}
