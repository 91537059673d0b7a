//! Random changes of colors, and their removal.

use super::draw::Draws;
use super::options::range;
use super::{Jitter, Picture, Transform, functional};
use crate::{Error, Result};
use rushlight_macros::{Builder, op};

/// Changes brightness, contrast, saturation and hue of images by random factors in random order, as `torchvision.transforms.ColorJitter`.
///
/// Opacity stays.
///
/// ```
/// use rushlight::vision::transforms::{ColorJitter, Transform};
/// use rushlight::vision::{Image, PixelFormat};
///
/// let jitter = ColorJitter::builder().brightness([1.5, 1.5]).build();
/// assert_eq!(jitter.apply(Image::new(1, 1, PixelFormat::Rgb, vec![2, 4, 6])).samples(), [3, 6, 9]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ColorJitter {
    /// The ranges of the factors of brightness, contrast and saturation and of the turn of the hue; none where nothing is to change.
    ranges: [Option<[f64; 2]>; 4],
}

/// The options of [`ColorJitter`].
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super))]
pub struct ColorJitterBuilder {
    /// The factor of the brightness: a range, or the greatest difference from 1; default 0, no change.
    #[builder(default = Jitter::Around(0.0))]
    brightness: Jitter,
    /// The factor of the contrast: a range, or the greatest difference from 1; default 0, no change.
    #[builder(default = Jitter::Around(0.0))]
    contrast: Jitter,
    /// The factor of the saturation: a range, or the greatest difference from 1; default 0, no change.
    #[builder(default = Jitter::Around(0.0))]
    saturation: Jitter,
    /// The turn of the hue as a fraction of the circle: a range in [-0.5, 0.5], or its largest number; default 0, no change.
    #[builder(default = Jitter::Around(0.0))]
    hue: Jitter,
}

impl ColorJitterBuilder {
    /// Creates the transform.
    ///
    /// # Errors
    /// If a difference is negative, a range is empty, a factor is negative, or the hue is not in [-0.5, 0.5].
    #[op]
    pub fn try_build(self) -> Result<ColorJitter> {
        let around = |name: &str, jitter, center: f64, bounds: [f64; 2]| {
            let [low, high] = match jitter {
                Jitter::Around(difference) if difference >= 0.0 => {
                    // A large difference allows black, but no negative factors.
                    let low = center - difference;
                    [if center == 1.0 { low.max(0.0) } else { low }, center + difference]
                }
                Jitter::Around(difference) => {
                    let message = format!("expected {name} of at least 0 or a range, got {difference}");
                    return Err(Error::value("ColorJitter", message));
                }
                Jitter::Between(low, high) => [low, high],
            };
            range("ColorJitter", name, [low, high])?;
            if low < bounds[0] || high > bounds[1] {
                let message = format!("expected {name} in {bounds:?}, got {low} to {high}");
                return Err(Error::value("ColorJitter", message));
            }
            Ok(([low, high] != [center; 2]).then_some([low, high]))
        };
        let factor = |name, jitter| around(name, jitter, 1.0, [0.0, f64::INFINITY]);
        let ColorJitterBuilder { brightness, contrast, saturation, hue } = self;
        let ranges = [
            factor("brightness", brightness)?,
            factor("contrast", contrast)?,
            factor("saturation", saturation)?,
            around("hue", hue, 0.0, [-0.5, 0.5])?,
        ];
        Ok(ColorJitter { ranges })
    }
}

impl ColorJitter {
    /// Returns a builder of the transform, which changes nothing by default.
    pub fn builder() -> ColorJitterBuilder {
        ColorJitterBuilder::new()
    }
}

impl<T: Picture> Transform<T> for ColorJitter {
    type Output = T;

    fn try_apply(&self, mut picture: T) -> Result<T> {
        let draws = Draws::new();
        let order = draws.generator.randperm(4);
        let mut factors = [None; 4];
        for (factor, range) in factors.iter_mut().zip(self.ranges) {
            *factor = range.map(|range| draws.uniform("ColorJitter", range)).transpose()?;
        }
        for which in order {
            if let Some(factor) = factors[which as usize] {
                picture = match which {
                    0 => picture.adjust_brightness(factor)?,
                    1 => picture.adjust_contrast(factor)?,
                    2 => picture.adjust_saturation(factor)?,
                    _ => picture.adjust_hue(factor)?,
                };
            }
        }
        Ok(picture)
    }
}

/// Removes the colors of images, as `torchvision.transforms.Grayscale`, and opacity with them.
///
/// ```
/// use rushlight::vision::transforms::{Grayscale, Transform};
/// use rushlight::vision::{Image, PixelFormat};
///
/// let red = Image::new(1, 1, PixelFormat::Rgb, vec![255, 0, 0]);
/// assert_eq!(Grayscale::new().apply(red.clone()).samples(), [76]);
/// assert_eq!(Grayscale::builder().num_output_channels(3).build().apply(red).samples(), [76, 76, 76]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Grayscale(GrayscaleBuilder);

/// The options of [`Grayscale`].
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super))]
pub struct GrayscaleBuilder {
    /// The number of channels of the result, 1 or 3; default 1.
    #[builder(default = 1)]
    num_output_channels: usize,
}

impl GrayscaleBuilder {
    /// Creates the transform.
    pub fn build(self) -> Grayscale {
        Grayscale(self)
    }
}

impl Default for Grayscale {
    fn default() -> Grayscale {
        Grayscale::new()
    }
}

impl Grayscale {
    /// Creates the transform to one channel.
    pub fn new() -> Grayscale {
        Grayscale::builder().build()
    }

    /// Returns a builder of the transform.
    pub fn builder() -> GrayscaleBuilder {
        GrayscaleBuilder::new()
    }
}

impl<T: Picture> Transform<T> for Grayscale {
    type Output = T;

    fn try_apply(&self, picture: T) -> Result<T> {
        functional::try_rgb_to_grayscale(&picture, self.0.num_output_channels)
    }
}
