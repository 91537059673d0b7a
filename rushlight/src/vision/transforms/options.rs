//! Arguments that several transforms share.

use crate::tensor::Integer;
use crate::vision::{Image, MAX_PIXELS};
use crate::{Error, Result};
use std::ops::Range;

/// How samples between pixels are computed, as `torchvision.transforms.InterpolationMode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InterpolationMode {
    /// The sample of the nearest pixel, with the positions of older releases of PyTorch for tensors.
    Nearest,
    /// The sample of the nearest pixel.
    NearestExact,
    /// Linear interpolation in both directions.
    #[default]
    Bilinear,
    /// Cubic interpolation in both directions.
    Bicubic,
    /// The average of all pixels that contribute.
    Box,
    /// Hamming's window: sharper than bilinear where the image shrinks.
    Hamming,
    /// Lanczos' window of three lobes.
    Lanczos,
}

/// What is beyond the border of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PaddingMode {
    /// The fill value.
    #[default]
    Constant,
    /// The last pixel of the border.
    Edge,
    /// The mirror image without the last pixel of the border.
    Reflect,
    /// The mirror image.
    Symmetric,
}

/// The samples of pixels outside of an image: one number for all channels, or one for each.
#[derive(Clone, Debug, PartialEq)]
pub struct Fill(Vec<f64>);

impl Fill {
    /// The samples of a pixel, with the integer part of each number.
    pub(super) fn samples(&self, op: &'static str, channels: usize) -> Result<Vec<u8>> {
        if ![1, channels].contains(&self.0.len()) {
            let message = format!("expected 1 or {channels} fill values, one per channel, got {}", self.0.len());
            return Err(Error::value(op, message));
        }
        Ok((0..channels).map(|c| self.0[c % self.0.len()] as u8).collect())
    }

    /// The number for all channels.
    pub(super) fn number(&self, op: &'static str) -> Result<f64> {
        match self.0[..] {
            [number] => Ok(number),
            _ => Err(Error::value(op, format!("expected one fill value for a tensor, got {}", self.0.len()))),
        }
    }
}

impl Default for Fill {
    fn default() -> Fill {
        Fill(vec![0.0])
    }
}

macro_rules! fill_from {
    ($($number:ty),*) => {$(
        impl From<$number> for Fill {
            fn from(value: $number) -> Fill {
                Fill(vec![value.into()])
            }
        }

        impl<const N: usize> From<[$number; N]> for Fill {
            fn from(values: [$number; N]) -> Fill {
                Fill(values.map(f64::from).into())
            }
        }
    )*};
}
fill_from!(i32, f64);

/// The numbers of pixels to add on each side: one for all, `[left and right, top and bottom]`, or `[left, top, right, bottom]`. Negative
/// numbers remove pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PadSizes {
    pub(super) left: isize,
    pub(super) top: isize,
    pub(super) right: isize,
    pub(super) bottom: isize,
}

impl<T: Integer> From<T> for PadSizes {
    fn from(size: T) -> PadSizes {
        [size; 4].into()
    }
}

impl<T: Integer> From<[T; 2]> for PadSizes {
    fn from([horizontal, vertical]: [T; 2]) -> PadSizes {
        [horizontal, vertical, horizontal, vertical].into()
    }
}

impl<T: Integer> From<[T; 4]> for PadSizes {
    fn from(sizes: [T; 4]) -> PadSizes {
        let [left, top, right, bottom] = sizes.map(|size| size.to_i64() as isize);
        PadSizes { left, top, right, bottom }
    }
}

/// The range to draw a number from: both ends, or a number `a` for `-a..a` around the number that changes nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Jitter {
    /// The greatest difference from the number that changes nothing.
    Around(f64),
    /// Smallest and largest number.
    Between(f64, f64),
}

impl From<f64> for Jitter {
    fn from(difference: f64) -> Jitter {
        Jitter::Around(difference)
    }
}

impl From<i32> for Jitter {
    fn from(difference: i32) -> Jitter {
        Jitter::Around(difference.into())
    }
}

impl<T: Into<f64>> From<Range<T>> for Jitter {
    fn from(range: Range<T>) -> Jitter {
        Jitter::Between(range.start.into(), range.end.into())
    }
}

impl<T: Into<f64>> From<[T; 2]> for Jitter {
    fn from([low, high]: [T; 2]) -> Jitter {
        Jitter::Between(low.into(), high.into())
    }
}

impl<T: Into<f64>> From<(T, T)> for Jitter {
    fn from((low, high): (T, T)) -> Jitter {
        Jitter::Between(low.into(), high.into())
    }
}

impl Jitter {
    /// Both ends of the range around 0.
    pub(super) fn ends(self, op: &'static str, name: &str) -> Result<[f64; 2]> {
        let [low, high] = match self {
            Jitter::Around(difference) => [-difference, difference],
            Jitter::Between(low, high) => [low, high],
        };
        range(op, name, [low, high])
    }
}

/// Checks that a range is one.
pub(super) fn range(op: &'static str, name: &str, [low, high]: [f64; 2]) -> Result<[f64; 2]> {
    if low <= high && low.is_finite() && high.is_finite() {
        Ok([low, high])
    } else {
        let message = format!("expected {name} with a minimum that is at most the maximum, got {low} and {high}");
        Err(Error::value(op, message))
    }
}

/// Checks that a number is a probability.
pub(super) fn probability(op: &'static str, p: f64) -> Result<f64> {
    if (0.0..=1.0).contains(&p) { Ok(p) } else { Err(Error::value(op, format!("expected p in [0, 1], got {p}"))) }
}

/// Checks the size of an image before memory is requested for it.
pub(super) fn checked(op: &'static str, [height, width]: [usize; 2]) -> Result<[usize; 2]> {
    match height.checked_mul(width) {
        Some(pixels) if (1..=MAX_PIXELS).contains(&pixels) => Ok([height, width]),
        _ => Err(Error::value(op, format!("expected 1 to {MAX_PIXELS} pixels, got {height} x {width}"))),
    }
}

/// Height and width.
pub(super) fn sides(image: &Image) -> [usize; 2] {
    [image.height(), image.width()]
}
