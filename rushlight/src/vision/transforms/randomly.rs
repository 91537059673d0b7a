//! Transforms that are applied with a probability.

use super::draw::Draws;
use super::{Picture, Transform, functional};
use crate::Result;
use crate::vision::Image;
use rushlight_macros::Builder;

macro_rules! randomly {
    ($(
        $(#[$docs:meta])*
        $name:ident, $builder:ident { $($field:ident: $ty:ty),* }
        $p_docs:literal p = $p:literal;
        impl[$($generics:tt)*] for $input:ty, $draw:ident, |$picture:ident, $options:ident| $call:expr;
    )*) => {$(
        $(#[$docs])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name($builder);

        #[doc = concat!("The options of [`", stringify!($name), "`].")]
        #[derive(Builder, Clone, Copy, Debug)]
        #[builder(new = pub(super))]
        pub struct $builder {
            $(#[builder(required)] $field: $ty,)*
            #[doc = $p_docs]
            #[builder(default = $p)]
            p: f64,
        }

        impl $builder {
            /// Creates the transform.
            pub fn build(self) -> $name {
                $name(self)
            }
        }

        impl $name {
            /// Creates the transform with torchvision's probability.
            #[allow(clippy::new_without_default, reason = "some take arguments")]
            pub fn new($($field: $ty),*) -> $name {
                $name::builder($($field),*).build()
            }

            /// Returns a builder of the transform.
            pub fn builder($($field: $ty),*) -> $builder {
                $builder::new($($field),*)
            }
        }

        impl<$($generics)*> Transform<$input> for $name {
            type Output = $input;

            fn try_apply(&self, $picture: $input) -> Result<$input> {
                let $options = self.0;
                if Draws::new().$draw($options.p) { $call } else { Ok($picture) }
            }
        }
    )*};
}

randomly! {
    /// Mirrors images left to right with a probability, as `torchvision.transforms.RandomHorizontalFlip`.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// use rushlight::vision::transforms::{RandomHorizontalFlip, Transform};
    ///
    /// let x = RandomHorizontalFlip::builder().p(1.0).build().apply(Tensor::from([[[1, 2], [3, 4]]]));
    /// assert_eq!(x.to_vec::<i64>(), [2, 1, 4, 3]);
    /// ```
    RandomHorizontalFlip, RandomHorizontalFlipBuilder {}
    "The probability; default 0.5." p = 0.5;
    impl[T: Picture] for T, chance, |picture, options| picture.hflip();

    /// Turns images upside down with a probability, as `torchvision.transforms.RandomVerticalFlip`.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// use rushlight::vision::transforms::{RandomVerticalFlip, Transform};
    ///
    /// let x = RandomVerticalFlip::builder().p(1.0).build().apply(Tensor::from([[[1, 2], [3, 4]]]));
    /// assert_eq!(x.to_vec::<i64>(), [3, 4, 1, 2]);
    /// ```
    RandomVerticalFlip, RandomVerticalFlipBuilder {}
    "The probability; default 0.5." p = 0.5;
    impl[T: Picture] for T, chance, |picture, options| picture.vflip();

    /// Removes the colors of images with a probability, as `torchvision.transforms.RandomGrayscale`. The number of channels stays; opacity,
    /// which torchvision refuses, stays as well.
    ///
    /// ```
    /// use rushlight::vision::transforms::{RandomGrayscale, Transform};
    /// use rushlight::vision::{Image, PixelFormat};
    ///
    /// let blue = Image::new(1, 1, PixelFormat::Rgb, vec![0, 0, 255]);
    /// assert_eq!(RandomGrayscale::builder().p(1.0).build().apply(blue).samples(), [29, 29, 29]);
    /// ```
    RandomGrayscale, RandomGrayscaleBuilder {}
    "The probability; default 0.1." p = 0.1;
    impl[T: Picture] for T, chance, |picture, options| picture.gray_in_place();

    /// Inverts the colors of images with a probability, as `torchvision.transforms.RandomInvert`: images without opacity.
    ///
    /// ```
    /// use rushlight::vision::transforms::{RandomInvert, Transform};
    /// use rushlight::vision::{Image, PixelFormat};
    ///
    /// let white = Image::new(1, 1, PixelFormat::Gray, vec![255]);
    /// assert_eq!(RandomInvert::builder().p(1.0).build().apply(white).samples(), [0]);
    /// ```
    RandomInvert, RandomInvertBuilder {}
    "The probability; default 0.5." p = 0.5;
    impl[] for Image, chance_f64, |image, options| functional::try_invert(&image);

    /// Keeps some bits of samples with a probability, as `torchvision.transforms.RandomPosterize`: images without opacity.
    ///
    /// ```
    /// use rushlight::vision::transforms::{RandomPosterize, Transform};
    /// use rushlight::vision::{Image, PixelFormat};
    ///
    /// let image = Image::new(1, 1, PixelFormat::Gray, vec![0b1110_1111]);
    /// assert_eq!(RandomPosterize::builder(2).p(1.0).build().apply(image).samples(), [0b1100_0000]);
    /// ```
    RandomPosterize, RandomPosterizeBuilder { bits: usize }
    "The probability; default 0.5." p = 0.5;
    impl[] for Image, chance_f64, |image, options| functional::try_posterize(&image, options.bits);

    /// Inverts samples from a threshold on with a probability, as `torchvision.transforms.RandomSolarize`: images without opacity.
    ///
    /// ```
    /// use rushlight::vision::transforms::{RandomSolarize, Transform};
    /// use rushlight::vision::{Image, PixelFormat};
    ///
    /// let image = Image::new(2, 1, PixelFormat::Gray, vec![100, 200]);
    /// assert_eq!(RandomSolarize::builder(128.0).p(1.0).build().apply(image).samples(), [100, 55]);
    /// ```
    RandomSolarize, RandomSolarizeBuilder { threshold: f64 }
    "The probability; default 0.5." p = 0.5;
    impl[] for Image, chance_f64, |image, options| functional::try_solarize(&image, options.threshold);

    /// Blurs or sharpens images with a probability, as `torchvision.transforms.RandomAdjustSharpness`: 0 blurs, 1 changes nothing, 2 sharpens.
    ///
    /// ```
    /// use rushlight::vision::transforms::{RandomAdjustSharpness, Transform};
    /// use rushlight::vision::{Image, PixelFormat};
    ///
    /// let image = Image::new(3, 3, PixelFormat::Gray, vec![0, 0, 0, 0, 130, 0, 0, 0, 0]);
    /// let sharp = RandomAdjustSharpness::builder(1.5).p(1.0).build().apply(image);
    /// assert_eq!(sharp.samples(), [0, 0, 0, 0, 170, 0, 0, 0, 0]);
    /// ```
    RandomAdjustSharpness, RandomAdjustSharpnessBuilder { sharpness_factor: f64 }
    "The probability; default 0.5." p = 0.5;
    impl[] for Image, chance_f64, |image, options| functional::try_adjust_sharpness(&image, options.sharpness_factor);

    /// Stretches the samples of each channel to the range from 0 to 255 with a probability, as `torchvision.transforms.RandomAutocontrast`:
    /// images without opacity.
    ///
    /// ```
    /// use rushlight::vision::transforms::{RandomAutocontrast, Transform};
    /// use rushlight::vision::{Image, PixelFormat};
    ///
    /// let image = Image::new(3, 1, PixelFormat::Gray, vec![100, 151, 185]);
    /// assert_eq!(RandomAutocontrast::builder().p(1.0).build().apply(image).samples(), [0, 153, 255]);
    /// ```
    RandomAutocontrast, RandomAutocontrastBuilder {}
    "The probability; default 0.5." p = 0.5;
    impl[] for Image, chance_f64, |image, options| functional::try_autocontrast(&image);

    /// Spreads the samples of each channel evenly with a probability, as `torchvision.transforms.RandomEqualize`: images without opacity.
    ///
    /// ```
    /// use rushlight::vision::transforms::{RandomEqualize, Transform};
    /// use rushlight::vision::{Image, PixelFormat};
    ///
    /// let image = Image::new(256, 2, PixelFormat::Gray, (0..512).map(|i| (i / 4) as u8).collect());
    /// assert_eq!(RandomEqualize::builder().p(1.0).build().apply(image).samples()[511], 255);
    /// ```
    RandomEqualize, RandomEqualizeBuilder {}
    "The probability; default 0.5." p = 0.5;
    impl[] for Image, chance_f64, |image, options| functional::try_equalize(&image);
}
