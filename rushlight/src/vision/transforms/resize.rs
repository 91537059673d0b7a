//! Scaling of images.

use super::resample::{bilinear, premultiply, unpremultiply};
use super::{Image, Transform};
use crate::vision::{MAX_PIXELS, PixelFormat};
use crate::{Error, Result};
use rushlight_macros::op;

/// The size that [`Resize`] scales to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResizeSize {
    /// The length of the shorter side; the proportions are kept.
    Shorter(usize),
    /// Height and width.
    Exact([usize; 2]),
}

impl From<usize> for ResizeSize {
    fn from(shorter: usize) -> ResizeSize {
        ResizeSize::Shorter(shorter)
    }
}

impl From<[usize; 2]> for ResizeSize {
    fn from(sides: [usize; 2]) -> ResizeSize {
        ResizeSize::Exact(sides)
    }
}

impl From<(usize, usize)> for ResizeSize {
    fn from((height, width): (usize, usize)) -> ResizeSize {
        ResizeSize::Exact([height, width])
    }
}

/// Scales an image, as `torchvision.transforms.Resize` does images of Pillow: bilinear interpolation, with averages over all pixels where
/// the image shrinks. Pixels are weighted by their opacity, if they have one.
///
/// The samples equal Pillow's. Rows are scaled first; Pillow 13 scales columns first for some proportions, and its samples then differ by
/// up to 1 (of transparent pixels, by what the division by the opacity makes of that).
///
/// ```
/// use rushlight::vision::transforms::{Resize, Transform};
/// use rushlight::vision::{Image, PixelFormat};
///
/// let image = Image::new(4, 2, PixelFormat::Gray, vec![0, 0, 100, 100, 0, 0, 100, 100]);
/// let small = Resize::new([1, 2]).apply(image.clone());
/// assert_eq!((small.height(), small.width(), small.samples()), (1, 2, &[14, 86][..]));
/// let by_shorter_side = Resize::new(4).apply(image);
/// assert_eq!((by_shorter_side.height(), by_shorter_side.width()), (4, 8));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Resize {
    size: ResizeSize,
}

impl Resize {
    /// Creates the transform to `[height, width]`, or to a length of the shorter side with the proportions kept.
    ///
    /// # Errors
    /// If a length is 0.
    #[op(
        torch = "torchvision.transforms.Resize(size, interpolation=InterpolationMode.BILINEAR, max_size=None, antialias=True)"
    )]
    pub fn try_new(size: impl Into<ResizeSize>) -> Result<Resize> {
        match size.into() {
            size @ (ResizeSize::Shorter(0) | ResizeSize::Exact([0, _] | [_, 0])) => {
                Err(Error::value("Resize", format!("expected lengths of at least 1, got {size:?}")))
            }
            size => Ok(Resize { size }),
        }
    }

    /// Height and width of the result.
    fn target(self, [height, width]: [usize; 2]) -> Result<[usize; 2]> {
        let shorter = match self.size {
            ResizeSize::Exact(sides) => return checked(sides),
            ResizeSize::Shorter(shorter) => shorter,
        };
        // In integers, which is what torchvision's floating-point division gives, too.
        let longer = |long: usize, short: usize| (shorter as u128 * long as u128 / short as u128) as usize;
        checked(if width <= height { [longer(height, width), shorter] } else { [shorter, longer(width, height)] })
    }
}

fn checked([height, width]: [usize; 2]) -> Result<[usize; 2]> {
    match height.checked_mul(width) {
        Some(pixels) if pixels <= MAX_PIXELS => Ok([height, width]),
        _ => Err(Error::value("Resize", format!("expected at most {MAX_PIXELS} pixels, got {height} x {width}"))),
    }
}

impl Transform<Image> for Resize {
    type Output = Image;

    fn try_apply(&self, image: Image) -> Result<Image> {
        let (from, format) = ([image.height(), image.width()], image.format());
        let to = self.target(from)?;
        if from == to {
            return Ok(image);
        }
        let samples = image.into_samples();
        let samples = match format {
            PixelFormat::Gray => bilinear::<1>(samples, from, to),
            PixelFormat::Rgb => bilinear::<3>(samples, from, to),
            PixelFormat::GrayAlpha => weighted::<2>(samples, from, to),
            PixelFormat::Rgba => weighted::<4>(samples, from, to),
        };
        Image::try_new(to[1], to[0], format, samples)
    }
}

/// [`bilinear`] of pixels weighted by their opacity.
fn weighted<const C: usize>(mut samples: Vec<u8>, from: [usize; 2], to: [usize; 2]) -> Vec<u8> {
    premultiply::<C>(&mut samples);
    let mut samples = bilinear::<C>(samples, from, to);
    unpremultiply::<C>(&mut samples);
    samples
}
