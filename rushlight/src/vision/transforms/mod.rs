//! Transforms of images and tensors, with the names, arguments and numbers of `torchvision.transforms`.
//!
//! Most take images and tensors alike ([`Picture`]). Rotations and affine maps, [`TrivialAugmentWide`], [`RandAugment`] and what single samples
//! are mapped by (posterize, solarize, equalize, …) take images; [`RandomErasing`], [`Normalize`] and [`ConvertImageDtype`] take tensors; [`MixUp`]
//! and [`CutMix`] take a batch and its labels. After the same seed, random transforms draw what torchvision's draw, and samples of images equal
//! Pillow's to the last bit, except that [`GaussianBlur`] may differ by 1. [`functional`] has the transforms without the draws.
//!
//! ```
//! use rushlight::vision::transforms::{Compose, Normalize, Resize, ToTensor, Transform};
//! use rushlight::vision::{Image, PixelFormat};
//!
//! let photo = Image::new(40, 30, PixelFormat::Rgb, vec![255; 40 * 30 * 3]);
//! let transform = Compose::new((Resize::new([8, 8]), ToTensor::new(), Normalize::new([0.5; 3], [0.25; 3])));
//! let x = transform.apply(photo);
//! assert_eq!((x.shape(), x.select(0, 0).amax(()).item()), (&[3, 8, 8][..], 2.0));
//! ```

mod affine;
mod augment;
mod blur;
mod choice;
mod color_jitter;
mod compose;
mod crop;
mod draw;
mod erasing;
pub mod functional;
mod image;
mod mix;
mod on_tensors;
mod options;
mod picture;
mod randomly;
mod resize;
mod tensor;

pub use affine::{RandomAffine, RandomAffineBuilder, RandomRotation, RandomRotationBuilder, Shear};
pub use augment::{RandAugment, RandAugmentBuilder, TrivialAugmentWide, TrivialAugmentWideBuilder};
pub use blur::{GaussianBlur, GaussianBlurBuilder};
pub use choice::{Lambda, RandomApply, RandomApplyBuilder, RandomChoice, RandomChoiceBuilder, RandomOrder};
pub use color_jitter::{ColorJitter, ColorJitterBuilder, Grayscale, GrayscaleBuilder};
pub use compose::{Choices, Compose};
pub use crop::{
    CenterCrop, FiveCrop, Pad, RandomCrop, RandomCropBuilder, RandomResizedCrop, RandomResizedCropBuilder, TenCrop,
    TenCropBuilder,
};
pub use erasing::{EraseValue, RandomErasing, RandomErasingBuilder};
pub use functional::{AffineOptions, PadOptions, RotateOptions};
pub use mix::{CutMix, CutMixBuilder, MixUp, MixUpBuilder};
pub use options::{Fill, InterpolationMode, Jitter, PadSizes, PaddingMode};
pub use picture::Picture;
pub use randomly::{
    RandomAdjustSharpness, RandomAdjustSharpnessBuilder, RandomAutocontrast, RandomAutocontrastBuilder, RandomEqualize,
    RandomEqualizeBuilder, RandomGrayscale, RandomGrayscaleBuilder, RandomHorizontalFlip, RandomHorizontalFlipBuilder,
    RandomInvert, RandomInvertBuilder, RandomPosterize, RandomPosterizeBuilder, RandomSolarize, RandomSolarizeBuilder,
    RandomVerticalFlip, RandomVerticalFlipBuilder,
};
pub use resize::{Resize, ResizeOptions, ResizeSize};
pub use tensor::{ConvertImageDtype, Normalize, PILToTensor, ToTensor};

use crate::Result;
use crate::error::ok;
use crate::vision::Image;

/// A step from `T` to [`Output`](Transform::Output), an [`Image`] or a [`Tensor`](crate::Tensor) each.
///
/// A random transform draws from [`sample_generator`](crate::data::sample_generator), so that it gives the same in every worker.
///
/// ```
/// use rushlight::vision::transforms::{Compose, ToTensor, Transform};
/// use rushlight::{Result, Tensor};
///
/// struct Invert;
///
/// impl Transform<Tensor> for Invert {
///     type Output = Tensor;
///
///     fn try_apply(&self, x: Tensor) -> Result<Tensor> {
///         x.try_mul(-1)?.try_add(1)
///     }
/// }
///
/// let negative = Compose::new((ToTensor::new(), Invert));
/// # use rushlight::vision::{Image, PixelFormat};
/// assert_eq!(negative.apply(Image::new(1, 1, PixelFormat::Gray, vec![255])).item(), 0.0);
/// ```
pub trait Transform<T>: Send + Sync {
    /// What the transform returns.
    type Output;

    /// Applies the transform.
    ///
    /// # Panics
    /// If the transform does not accept the input.
    #[track_caller]
    fn apply(&self, input: T) -> Self::Output {
        ok(self.try_apply(input))
    }

    /// [`apply`](Transform::apply) that returns an error instead of panicking.
    ///
    /// # Errors
    /// If the transform does not accept the input.
    fn try_apply(&self, input: T) -> Result<Self::Output>;
}

impl<T, X: Transform<T> + ?Sized> Transform<T> for Box<X> {
    type Output = X::Output;

    fn try_apply(&self, input: T) -> Result<X::Output> {
        (**self).try_apply(input)
    }
}
