//! Sequences of random operations whose kinds are drawn, too.

use super::draw::Draws;
use super::functional::{self, AffineOptions, RotateOptions};
use super::options::sides;
use super::{Fill, InterpolationMode, Transform};
use crate::vision::Image;
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};

/// The operations that are drawn from, in torchvision's order.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Operation {
    Identity,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Color,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
}

const OPERATIONS: [Operation; 14] = [
    Operation::Identity,
    Operation::ShearX,
    Operation::ShearY,
    Operation::TranslateX,
    Operation::TranslateY,
    Operation::Rotate,
    Operation::Brightness,
    Operation::Color,
    Operation::Contrast,
    Operation::Sharpness,
    Operation::Posterize,
    Operation::Solarize,
    Operation::AutoContrast,
    Operation::Equalize,
];

/// The magnitudes of the last bin.
struct Space {
    shear: f64,
    translate: [f64; 2],
    rotate: f64,
    color: f64,
    bits: f64,
}

impl Space {
    /// The magnitude of an operation in a bin, and whether its sign is drawn; none for an operation without magnitudes.
    fn magnitude(&self, operation: Operation, bins: usize, bin: usize) -> Result<Option<(f64, bool)>> {
        let signed = |last| Ok(Some((linspace(0.0, last, bins, bin)?, true)));
        match operation {
            Operation::ShearX | Operation::ShearY => signed(self.shear),
            Operation::TranslateX => signed(self.translate[0]),
            Operation::TranslateY => signed(self.translate[1]),
            Operation::Rotate => signed(self.rotate),
            Operation::Brightness | Operation::Color | Operation::Contrast | Operation::Sharpness => signed(self.color),
            Operation::Posterize => {
                let removed = bin as f32 / ((bins - 1) as f64 / self.bits) as f32;
                Ok(Some((8.0 - f64::from(removed.round_ties_even()), false)))
            }
            Operation::Solarize => Ok(Some((linspace(255.0, 0.0, bins, bin)?, false))),
            Operation::Identity | Operation::AutoContrast | Operation::Equalize => Ok(None),
        }
    }
}

/// An element of `torch.linspace(first, last, count)`.
fn linspace(first: f64, last: f64, count: usize, index: usize) -> Result<f64> {
    Tensor::try_linspace(first, last, count)?.try_select(0, index as isize)?.try_item()
}

fn apply(image: &Image, operation: Operation, magnitude: f64, mode: InterpolationMode, fill: &Fill) -> Result<Image> {
    let affine = |translate: [f64; 2], shear: [f64; 2], center| {
        let options = AffineOptions { interpolation: mode, fill: fill.clone(), center };
        functional::try_affine_with(image, 0.0, translate, 1.0, shear, options)
    };
    // The shear moves by the magnitude per row or column.
    let degrees = magnitude.atan().to_degrees();
    match operation {
        Operation::Identity => Ok(image.clone()),
        Operation::ShearX => affine([0.0; 2], [degrees, 0.0], Some([0.0; 2])),
        Operation::ShearY => affine([0.0; 2], [0.0, degrees], Some([0.0; 2])),
        Operation::TranslateX => affine([magnitude.trunc(), 0.0], [0.0; 2], None),
        Operation::TranslateY => affine([0.0, magnitude.trunc()], [0.0; 2], None),
        Operation::Rotate => {
            let options = RotateOptions::new().interpolation(mode).fill(fill.clone());
            functional::try_rotate_with(image, magnitude, options)
        }
        Operation::Brightness => functional::try_adjust_brightness(image, 1.0 + magnitude),
        Operation::Color => functional::try_adjust_saturation(image, 1.0 + magnitude),
        Operation::Contrast => functional::try_adjust_contrast(image, 1.0 + magnitude),
        Operation::Sharpness => functional::try_adjust_sharpness(image, 1.0 + magnitude),
        Operation::Posterize => functional::try_posterize(image, magnitude as usize),
        Operation::Solarize => functional::try_solarize(image, magnitude),
        Operation::AutoContrast => functional::try_autocontrast(image),
        Operation::Equalize => functional::try_equalize(image),
    }
}

fn check_bins(op: &'static str, bins: usize, magnitude: usize) -> Result<()> {
    if bins < 2 || magnitude >= bins {
        let message =
            format!("expected at least 2 bins and a magnitude below their number, got {bins} and {magnitude}");
        return Err(Error::value(op, message));
    }
    Ok(())
}

/// Applies one random operation of random magnitude to images, as `torchvision.transforms.TrivialAugmentWide` (Müller and Hutter, 2021): to
/// images without opacity.
///
/// ```
/// use rushlight::vision::transforms::{TrivialAugmentWide, Transform};
/// use rushlight::vision::{Image, PixelFormat};
///
/// let image = Image::new(4, 3, PixelFormat::Rgb, vec![100; 36]);
/// let other = TrivialAugmentWide::new().apply(image);
/// assert_eq!((other.width(), other.height()), (4, 3));
/// ```
#[derive(Clone, Debug)]
pub struct TrivialAugmentWide(TrivialAugmentWideBuilder);

/// The options of [`TrivialAugmentWide`].
#[derive(Builder, Clone, Debug)]
#[builder(new = pub(super))]
pub struct TrivialAugmentWideBuilder {
    /// The number of magnitudes to draw from, at least 2; default 31.
    #[builder(default = 31)]
    num_magnitude_bins: usize,
    /// How samples between pixels are computed: nearest, bilinear or bicubic; default nearest.
    #[builder(default = InterpolationMode::Nearest)]
    interpolation: InterpolationMode,
    /// The samples outside of the image; default 0.
    fill: Fill,
}

impl TrivialAugmentWideBuilder {
    /// Creates the transform.
    ///
    /// # Errors
    /// If there are less than 2 magnitudes.
    #[op]
    pub fn try_build(self) -> Result<TrivialAugmentWide> {
        check_bins("TrivialAugmentWide", self.num_magnitude_bins, 0)?;
        Ok(TrivialAugmentWide(self))
    }
}

impl Default for TrivialAugmentWide {
    fn default() -> TrivialAugmentWide {
        TrivialAugmentWide::new()
    }
}

impl TrivialAugmentWide {
    /// Creates the transform with torchvision's defaults.
    pub fn new() -> TrivialAugmentWide {
        TrivialAugmentWide(TrivialAugmentWide::builder())
    }

    /// Returns a builder of the transform.
    pub fn builder() -> TrivialAugmentWideBuilder {
        TrivialAugmentWideBuilder::new()
    }
}

impl Transform<Image> for TrivialAugmentWide {
    type Output = Image;

    fn try_apply(&self, image: Image) -> Result<Image> {
        let TrivialAugmentWideBuilder { num_magnitude_bins: bins, interpolation, fill } = &self.0;
        let space = Space { shear: 0.99, translate: [32.0; 2], rotate: 135.0, color: 0.99, bits: 6.0 };
        let draws = Draws::new();
        let operation = OPERATIONS[draws.below(OPERATIONS.len())];
        let mut magnitude = 0.0;
        if space.magnitude(operation, *bins, 0)?.is_some() {
            let bin = draws.below(*bins);
            let (size, signed) = space.magnitude(operation, *bins, bin)?.unwrap_or_default();
            magnitude = if signed && draws.below(2) == 1 { -size } else { size };
        }
        apply(&image, operation, magnitude, *interpolation, fill)
    }
}

/// Applies random operations of a fixed magnitude to images, as `torchvision.transforms.RandAugment` (Cubuk et al., 2019): to images without
/// opacity.
///
/// ```
/// use rushlight::vision::transforms::{RandAugment, Transform};
/// use rushlight::vision::{Image, PixelFormat};
///
/// let image = Image::new(4, 3, PixelFormat::Rgb, vec![100; 36]);
/// let other = RandAugment::new().apply(image);
/// assert_eq!((other.width(), other.height()), (4, 3));
/// ```
#[derive(Clone, Debug)]
pub struct RandAugment(RandAugmentBuilder);

/// The options of [`RandAugment`].
#[derive(Builder, Clone, Debug)]
#[builder(new = pub(super))]
pub struct RandAugmentBuilder {
    /// The number of operations; default 2.
    #[builder(default = 2)]
    num_ops: usize,
    /// The magnitude of all operations, below the number of magnitudes; default 9.
    #[builder(default = 9)]
    magnitude: usize,
    /// The number of magnitudes, at least 2; default 31.
    #[builder(default = 31)]
    num_magnitude_bins: usize,
    /// How samples between pixels are computed: nearest, bilinear or bicubic; default nearest.
    #[builder(default = InterpolationMode::Nearest)]
    interpolation: InterpolationMode,
    /// The samples outside of the image; default 0.
    fill: Fill,
}

impl RandAugmentBuilder {
    /// Creates the transform.
    ///
    /// # Errors
    /// If there are less than 2 magnitudes, or not as many as the magnitude demands.
    #[op]
    pub fn try_build(self) -> Result<RandAugment> {
        check_bins("RandAugment", self.num_magnitude_bins, self.magnitude)?;
        Ok(RandAugment(self))
    }
}

impl Default for RandAugment {
    fn default() -> RandAugment {
        RandAugment::new()
    }
}

impl RandAugment {
    /// Creates the transform with torchvision's defaults.
    pub fn new() -> RandAugment {
        RandAugment(RandAugment::builder())
    }

    /// Returns a builder of the transform.
    pub fn builder() -> RandAugmentBuilder {
        RandAugmentBuilder::new()
    }
}

impl Transform<Image> for RandAugment {
    type Output = Image;

    fn try_apply(&self, mut image: Image) -> Result<Image> {
        let RandAugmentBuilder { num_ops, magnitude, num_magnitude_bins: bins, interpolation, fill } = &self.0;
        let [height, width] = sides(&image).map(|side| 150.0 / 331.0 * side as f64);
        let space = Space { shear: 0.3, translate: [width, height], rotate: 30.0, color: 0.9, bits: 4.0 };
        let draws = Draws::new();
        for _ in 0..*num_ops {
            let operation = OPERATIONS[draws.below(OPERATIONS.len())];
            let (size, signed) = space.magnitude(operation, *bins, *magnitude)?.unwrap_or_default();
            let magnitude = if signed && draws.below(2) == 1 { -size } else { size };
            image = apply(&image, operation, magnitude, *interpolation, fill)?;
        }
        Ok(image)
    }
}
