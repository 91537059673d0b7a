//! Scaling of images.

use super::options::checked;
use super::{InterpolationMode, Picture, Transform};
use crate::{Error, Result};
use rushlight_macros::{Builder, op};

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

/// Scales images, as `torchvision.transforms.Resize`: bilinear interpolation by default, with averages over all pixels where an image
/// shrinks.
///
/// The samples of an [`Image`](crate::vision::Image) equal those of Pillow 13. Pixels are weighted by their opacity, if they have one.
/// Values of tensors are within rounding of torchvision's; of integers, a half may be rounded to the other side.
///
/// ```
/// use rushlight::vision::transforms::{InterpolationMode, Resize, Transform};
/// use rushlight::vision::{Image, PixelFormat};
///
/// let image = Image::new(4, 2, PixelFormat::Gray, vec![0, 0, 100, 100, 0, 0, 100, 100]);
/// let small = Resize::new([1, 2]).apply(image.clone());
/// assert_eq!((small.height(), small.width(), small.samples()), (1, 2, &[14, 86][..]));
/// let by_shorter_side = Resize::builder(4).interpolation(InterpolationMode::Lanczos).build().apply(image);
/// assert_eq!((by_shorter_side.height(), by_shorter_side.width()), (4, 8));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Resize(ResizeOptions);

/// The size of [`resize`](super::functional::resize) and [`Resize`], and their options; a size converts into them.
#[derive(Builder, Clone, Copy, Debug)]
pub struct ResizeOptions {
    #[builder(required)]
    size: ResizeSize,
    /// How samples between pixels are computed; default bilinear. Of a tensor, nearest, bilinear or bicubic.
    interpolation: InterpolationMode,
    /// The largest length of the longer side, more than the length of the shorter one, which becomes shorter where that is needed; default none.
    max_size: Option<usize>,
    /// Whether shrinking averages over all values of a tensor, as it does with images in any case; default true.
    #[builder(default = true)]
    antialias: bool,
}

impl<T: Into<ResizeSize>> From<T> for ResizeOptions {
    fn from(size: T) -> ResizeOptions {
        ResizeOptions::new(size)
    }
}

impl ResizeOptions {
    /// Creates the transform.
    ///
    /// # Errors
    /// If a length is 0, or the longest length is given with two lengths or is not more than the shorter one.
    #[op]
    pub fn try_build(self) -> Result<Resize> {
        match (self.size, self.max_size) {
            (size @ (ResizeSize::Shorter(0) | ResizeSize::Exact([0, _] | [_, 0])), _) => {
                Err(Error::value("Resize", format!("expected lengths of at least 1, got {size:?}")))
            }
            (ResizeSize::Shorter(shorter), Some(longest)) if longest > shorter => Ok(Resize(self)),
            (_, None) => Ok(Resize(self)),
            (size, Some(longest)) => {
                let message = format!("expected max_size with one smaller length, got {longest} and {size:?}");
                Err(Error::value("Resize", message))
            }
        }
    }

    /// Height and width of the result.
    fn target(&self, [height, width]: [usize; 2]) -> Result<[usize; 2]> {
        let shorter = match self.size {
            ResizeSize::Exact(sides) => return checked("Resize", sides),
            ResizeSize::Shorter(shorter) => shorter,
        };
        let (short, long) = (height.min(width), height.max(width));
        // In integers, which is what torchvision's floating-point division gives, too.
        let times = |a: usize, b: usize, c: usize| (a as u128 * b as u128 / c as u128) as usize;
        let mut sides = [shorter, times(shorter, long, short)];
        if let Some(longest) = self.max_size
            && sides[1] > longest
        {
            sides = [times(longest, shorter, sides[1]), longest];
        }
        let [shorter, longer] = sides;
        checked("Resize", if width <= height { [longer, shorter] } else { [shorter, longer] })
    }

    /// Scales a picture.
    pub(super) fn apply_to<T: Picture>(self, picture: &T) -> Result<T> {
        let (_, sides) = picture.dimensions("Resize")?;
        picture.resize(self.target(checked("Resize", sides)?)?, self.interpolation, self.antialias)
    }
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
        Resize::builder(size).try_build()
    }

    /// Returns a builder of the transform.
    pub fn builder(size: impl Into<ResizeSize>) -> ResizeOptions {
        ResizeOptions::new(size)
    }
}

impl<T: Picture> Transform<T> for Resize {
    type Output = T;

    fn try_apply(&self, picture: T) -> Result<T> {
        self.0.apply_to(&picture)
    }
}
