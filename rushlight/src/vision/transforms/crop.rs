//! Parts of images.

use super::draw::Draws;
use super::options::{checked, range};
use super::{
    Fill, InterpolationMode, PadOptions, PadSizes, PaddingMode, Picture, ResizeOptions, Transform, functional,
};
use crate::tensor::Sizes;
use crate::{Error, Result};
use rushlight_macros::{Builder, op};

/// Cuts the middle out of images, as `torchvision.transforms.CenterCrop`. Smaller images are padded with zeros.
///
/// ```
/// use rushlight::vision::transforms::{CenterCrop, Transform};
/// use rushlight::vision::{Image, PixelFormat};
///
/// let middle = CenterCrop::new([1, 2]).apply(Image::new(4, 1, PixelFormat::Gray, vec![1, 2, 3, 4]));
/// assert_eq!(middle.samples(), [2, 3]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CenterCrop([usize; 2]);

impl CenterCrop {
    /// Creates the transform to a square, or to `[height, width]`.
    pub fn new(size: impl Into<Sizes<2>>) -> CenterCrop {
        CenterCrop(size.into().each())
    }
}

impl<T: Picture> Transform<T> for CenterCrop {
    type Output = T;

    fn try_apply(&self, picture: T) -> Result<T> {
        functional::try_center_crop(&picture, self.0)
    }
}

/// Cuts a part of a fixed size out of images at a random place, as `torchvision.transforms.RandomCrop`.
///
/// ```
/// use rushlight::vision::transforms::{RandomCrop, Transform};
/// use rushlight::vision::{Image, PixelFormat};
///
/// let image = Image::new(8, 8, PixelFormat::Gray, vec![255; 64]);
/// let part = RandomCrop::builder(8).padding(2).build().apply(image);
/// assert_eq!((part.height(), part.width()), (8, 8));
/// ```
#[derive(Clone, Debug)]
pub struct RandomCrop(RandomCropBuilder);

/// The options of [`RandomCrop`].
#[derive(Builder, Clone, Debug)]
#[builder(new = pub(super))]
pub struct RandomCropBuilder {
    #[builder(required)]
    size: Sizes<2>,
    /// What to add on the sides before; default nothing.
    padding: Option<PadSizes>,
    /// Whether to pad images that are smaller than the part, on both sides; default false.
    pad_if_needed: bool,
    /// The samples of constant padding; default 0.
    fill: Fill,
    /// What is beyond the border; default the fill.
    padding_mode: PaddingMode,
}

impl RandomCropBuilder {
    /// Creates the transform.
    pub fn build(self) -> RandomCrop {
        RandomCrop(self)
    }
}

impl RandomCrop {
    /// Creates the transform to a square, or to `[height, width]`, without padding.
    pub fn new(size: impl Into<Sizes<2>>) -> RandomCrop {
        RandomCrop::builder(size).build()
    }

    /// Returns a builder of the transform.
    pub fn builder(size: impl Into<Sizes<2>>) -> RandomCropBuilder {
        RandomCropBuilder::new(size)
    }
}

impl<T: Picture> Transform<T> for RandomCrop {
    type Output = T;

    fn try_apply(&self, mut picture: T) -> Result<T> {
        let RandomCropBuilder { size, padding, pad_if_needed, fill, padding_mode } = &self.0;
        let [height, width] = size.each();
        let pad = |picture: &T, sizes: PadSizes| picture.pad(sizes, fill, *padding_mode);
        if let Some(padding) = padding {
            picture = pad(&picture, *padding)?;
        }
        if *pad_if_needed {
            let (_, [_, has]) = picture.dimensions("RandomCrop")?;
            if has < width {
                picture = pad(&picture, [width - has, 0].into())?;
            }
            let (_, [has, _]) = picture.dimensions("RandomCrop")?;
            if has < height {
                picture = pad(&picture, [0, height - has].into())?;
            }
        }
        let (_, has) = picture.dimensions("RandomCrop")?;
        if has == [height, width] {
            return Ok(picture);
        }
        if has[0] < height || has[1] < width {
            let message = format!("expected an image of at least {height} x {width}, got {} x {}", has[0], has[1]);
            return Err(Error::value("RandomCrop", message));
        }
        let draws = Draws::new();
        let top = draws.below(has[0] - height + 1);
        let left = draws.below(has[1] - width + 1);
        picture.crop(top as isize, left as isize, [height, width])
    }
}

/// Cuts a part of random area and proportions out of images and scales it, as `torchvision.transforms.RandomResizedCrop` (Szegedy et al.,
/// 2015).
///
/// ```
/// use rushlight::vision::transforms::{RandomResizedCrop, Transform};
/// use rushlight::vision::{Image, PixelFormat};
///
/// let image = Image::new(12, 9, PixelFormat::Gray, vec![255; 108]);
/// let part = RandomResizedCrop::builder(4).scale([0.5, 1.0]).build().apply(image);
/// assert_eq!(part.samples(), [255; 16]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RandomResizedCrop(RandomResizedCropBuilder);

/// The options of [`RandomResizedCrop`].
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super))]
pub struct RandomResizedCropBuilder {
    #[builder(required)]
    size: Sizes<2>,
    /// The range of the part's share of the area; default 0.08 to 1.
    #[builder(default = [0.08, 1.0])]
    scale: [f64; 2],
    /// The range of width divided by height; default 3/4 to 4/3.
    #[builder(default = [3.0 / 4.0, 4.0 / 3.0])]
    ratio: [f64; 2],
    /// How samples between pixels are computed; default bilinear.
    interpolation: InterpolationMode,
    /// Whether shrinking averages over all values of a tensor; default true.
    #[builder(default = true)]
    antialias: bool,
}

impl RandomResizedCropBuilder {
    /// Creates the transform.
    ///
    /// # Errors
    /// If a range is empty, a share is negative, or a ratio is not positive.
    #[op]
    pub fn try_build(self) -> Result<RandomResizedCrop> {
        area_ranges("RandomResizedCrop", self.scale, self.ratio)?;
        Ok(RandomResizedCrop(self))
    }
}

impl RandomResizedCrop {
    /// Creates the transform to a square, or to `[height, width]`.
    pub fn new(size: impl Into<Sizes<2>>) -> RandomResizedCrop {
        RandomResizedCrop(RandomResizedCrop::builder(size))
    }

    /// Returns a builder of the transform.
    pub fn builder(size: impl Into<Sizes<2>>) -> RandomResizedCropBuilder {
        RandomResizedCropBuilder::new(size)
    }
}

/// Checks the ranges of the share of an area and of the ratio of its sides.
pub(super) fn area_ranges(op: &'static str, scale: [f64; 2], ratio: [f64; 2]) -> Result<()> {
    range(op, "scale", scale)?;
    range(op, "ratio", ratio)?;
    if scale[0] < 0.0 || ratio[0] <= 0.0 {
        let message = format!("expected shares of at least 0 and positive ratios, got {scale:?} and {ratio:?}");
        return Err(Error::value(op, message));
    }
    Ok(())
}

/// Draws a part of an area and the ratio of its sides, as torchvision does: returns the square roots of their product and of their
/// quotient, rounded.
pub(super) fn draw_area(
    op: &'static str,
    draws: &Draws,
    area: f64,
    scale: [f64; 2],
    ratio: [f64; 2],
) -> Result<[usize; 2]> {
    let area = area * draws.uniform(op, scale)?;
    let log = ratio.map(|ratio| f64::from((ratio as f32).ln()));
    let ratio = f64::from((draws.uniform(op, log)? as f32).exp());
    Ok([(area * ratio).sqrt(), (area / ratio).sqrt()].map(|side| side.round_ties_even() as usize))
}

impl RandomResizedCropBuilder {
    /// Top, left, height and width of the part.
    fn part(&self, [height, width]: [usize; 2]) -> Result<([usize; 2], [usize; 2])> {
        let draws = Draws::new();
        let area = (height * width) as f64;
        for _ in 0..10 {
            let [w, h] = draw_area("RandomResizedCrop", &draws, area, self.scale, self.ratio)?;
            if (1..=width).contains(&w) && (1..=height).contains(&h) {
                let top = draws.below(height - h + 1);
                return Ok(([top, draws.below(width - w + 1)], [h, w]));
            }
        }
        // The largest part in the middle whose proportions are allowed.
        let (ratio, [min, max]) = (width as f64 / height as f64, self.ratio);
        let (mut h, mut w) = (height, width);
        if ratio < min {
            h = (w as f64 / min).round_ties_even() as usize;
        } else if ratio > max {
            w = (h as f64 * max).round_ties_even() as usize;
        }
        Ok(([(height - h.min(height)) / 2, (width - w.min(width)) / 2], [h, w]))
    }
}

impl<T: Picture> Transform<T> for RandomResizedCrop {
    type Output = T;

    fn try_apply(&self, picture: T) -> Result<T> {
        let (_, sides) = picture.dimensions("RandomResizedCrop")?;
        let ([top, left], [height, width]) = self.0.part(checked("RandomResizedCrop", sides)?)?;
        let options =
            ResizeOptions::new(self.0.size.each()).interpolation(self.0.interpolation).antialias(self.0.antialias);
        functional::try_resized_crop(&picture, top as isize, left as isize, height, width, options)
    }
}

/// Cuts the four corners and the middle out of images, as `torchvision.transforms.FiveCrop`: top left, top right, bottom left, bottom right,
/// center.
///
/// ```
/// use rushlight::Tensor;
/// use rushlight::vision::transforms::{FiveCrop, Transform};
///
/// let parts = FiveCrop::new(1).apply(Tensor::arange(9).view([1, 3, 3]));
/// assert_eq!(parts.map(|part| part.item()), [0.0, 2.0, 6.0, 8.0, 4.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FiveCrop([usize; 2]);

impl FiveCrop {
    /// Creates the transform to squares, or to `[height, width]`.
    pub fn new(size: impl Into<Sizes<2>>) -> FiveCrop {
        FiveCrop(size.into().each())
    }
}

impl<T: Picture> Transform<T> for FiveCrop {
    type Output = [T; 5];

    fn try_apply(&self, picture: T) -> Result<[T; 5]> {
        functional::try_five_crop(&picture, self.0)
    }
}

/// Cuts the four corners and the middle out of images and of their mirror images, as `torchvision.transforms.TenCrop`.
///
/// ```
/// use rushlight::Tensor;
/// use rushlight::vision::transforms::{TenCrop, Transform};
///
/// let parts = TenCrop::builder(1).vertical_flip(true).build().apply(Tensor::arange(9).view([1, 3, 3]));
/// assert_eq!((parts[0].item(), parts[5].item()), (0.0, 6.0));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TenCrop(TenCropBuilder);

/// The options of [`TenCrop`].
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super))]
pub struct TenCropBuilder {
    #[builder(required)]
    size: Sizes<2>,
    /// Whether the mirror image is upside down instead of left to right; default false.
    vertical_flip: bool,
}

impl TenCropBuilder {
    /// Creates the transform.
    pub fn build(self) -> TenCrop {
        TenCrop(self)
    }
}

impl TenCrop {
    /// Creates the transform to squares, or to `[height, width]`, with images mirrored left to right.
    pub fn new(size: impl Into<Sizes<2>>) -> TenCrop {
        TenCrop::builder(size).build()
    }

    /// Returns a builder of the transform.
    pub fn builder(size: impl Into<Sizes<2>>) -> TenCropBuilder {
        TenCropBuilder::new(size)
    }
}

impl<T: Picture> Transform<T> for TenCrop {
    type Output = [T; 10];

    fn try_apply(&self, picture: T) -> Result<[T; 10]> {
        functional::try_ten_crop(&picture, self.0.size, self.0.vertical_flip)
    }
}

/// Adds pixels on the sides of images, as `torchvision.transforms.Pad`.
///
/// ```
/// use rushlight::vision::transforms::{Pad, PaddingMode, Transform};
/// use rushlight::vision::{Image, PixelFormat};
///
/// let image = Image::new(2, 1, PixelFormat::Gray, vec![1, 2]);
/// assert_eq!(Pad::builder([1, 0]).fill(9).build().apply(image.clone()).samples(), [9, 1, 2, 9]);
/// assert_eq!(Pad::builder([1, 0]).padding_mode(PaddingMode::Reflect).build().apply(image).samples(), [2, 1, 2, 1]);
/// ```
#[derive(Clone, Debug)]
pub struct Pad(PadOptions);

impl Pad {
    /// Creates the transform with zeros: a number of pixels for all sides, one for left and right and one for top and bottom, or left, top,
    /// right and bottom.
    pub fn new(padding: impl Into<PadSizes>) -> Pad {
        Pad(PadOptions::new(padding))
    }

    /// Returns a builder of the transform.
    pub fn builder(padding: impl Into<PadSizes>) -> PadOptions {
        PadOptions::new(padding)
    }
}

impl PadOptions {
    /// Creates the transform.
    pub fn build(self) -> Pad {
        Pad(self)
    }
}

impl<T: Picture> Transform<T> for Pad {
    type Output = T;

    fn try_apply(&self, picture: T) -> Result<T> {
        functional::try_pad(&picture, self.0.clone())
    }
}
