//! Random rotations and other affine maps.

use super::draw::Draws;
use super::functional::{AffineOptions, RotateOptions, try_affine_with, try_rotate_with};
use super::options::range;
use super::{Fill, InterpolationMode, Jitter, Transform};
use crate::vision::Image;
use crate::{Error, Result};
use rushlight_macros::{Builder, op};

/// Rotates images by a random angle, as `torchvision.transforms.RandomRotation`.
///
/// ```
/// use rushlight::vision::transforms::{RandomRotation, Transform};
/// use rushlight::vision::{Image, PixelFormat};
///
/// let image = Image::new(2, 2, PixelFormat::Gray, vec![1, 2, 3, 4]);
/// assert_eq!(RandomRotation::new([90.0, 90.0]).apply(image).samples(), [2, 4, 1, 3]);
/// ```
#[derive(Clone, Debug)]
pub struct RandomRotation {
    degrees: [f64; 2],
    options: RotateOptions,
}

/// The options of [`RandomRotation`].
#[derive(Builder, Clone, Debug)]
#[builder(new = pub(super))]
pub struct RandomRotationBuilder {
    #[builder(required)]
    degrees: Jitter,
    /// How samples between pixels are computed: nearest, bilinear or bicubic; default nearest.
    #[builder(default = InterpolationMode::Nearest)]
    interpolation: InterpolationMode,
    /// Whether the result is as large as it takes to hold the whole image; default false.
    expand: bool,
    /// The center of the rotation from the left and from the top; default the middle.
    center: Option<[f64; 2]>,
    /// The samples outside of the image; default 0.
    fill: Fill,
}

impl RandomRotationBuilder {
    /// Creates the transform.
    ///
    /// # Errors
    /// If the angle is negative or the range is empty.
    #[op]
    pub fn try_build(self) -> Result<RandomRotation> {
        let RandomRotationBuilder { degrees, interpolation, expand, center, fill } = self;
        let degrees = degrees.ends("RandomRotation", "degrees")?;
        Ok(RandomRotation { degrees, options: RotateOptions { interpolation, expand, center, fill } })
    }
}

impl RandomRotation {
    /// Creates the transform from a range of degrees, or the largest angle in either direction.
    ///
    /// # Errors
    /// If the angle is negative or the range is empty.
    #[op(
        torch = "torchvision.transforms.RandomRotation(degrees, interpolation=InterpolationMode.NEAREST, expand=False, center=None, fill=0)"
    )]
    pub fn try_new(degrees: impl Into<Jitter>) -> Result<RandomRotation> {
        RandomRotation::builder(degrees).try_build()
    }

    /// Returns a builder of the transform.
    pub fn builder(degrees: impl Into<Jitter>) -> RandomRotationBuilder {
        RandomRotationBuilder::new(degrees)
    }
}

impl Transform<Image> for RandomRotation {
    type Output = Image;

    fn try_apply(&self, image: Image) -> Result<Image> {
        let angle = Draws::new().uniform("RandomRotation", self.degrees)?;
        try_rotate_with(&image, angle, self.options.clone())
    }
}

/// The ranges of degrees by which [`RandomAffine`] shears: along the rows, and along the columns if both are given. A number `a` is
/// `-a..a` along the rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shear {
    x: [f64; 2],
    y: Option<[f64; 2]>,
}

impl From<f64> for Shear {
    fn from(degrees: f64) -> Shear {
        Shear { x: [-degrees, degrees], y: None }
    }
}

impl From<[f64; 2]> for Shear {
    fn from(x: [f64; 2]) -> Shear {
        Shear { x, y: None }
    }
}

impl From<[f64; 4]> for Shear {
    fn from([x0, x1, y0, y1]: [f64; 4]) -> Shear {
        Shear { x: [x0, x1], y: Some([y0, y1]) }
    }
}

/// Rotates, moves, scales and shears images by random amounts, as `torchvision.transforms.RandomAffine`.
///
/// ```
/// use rushlight::vision::transforms::{RandomAffine, Transform};
/// use rushlight::vision::{Image, PixelFormat};
///
/// let image = Image::new(2, 2, PixelFormat::Gray, vec![1, 2, 3, 4]);
/// let larger = RandomAffine::builder(0.0).scale([2.0, 2.0]).build();
/// assert_eq!(larger.apply(image).samples(), [1, 2, 3, 4]);
/// ```
#[derive(Clone, Debug)]
pub struct RandomAffine {
    degrees: [f64; 2],
    translate: Option<[f64; 2]>,
    scale: Option<[f64; 2]>,
    shear: Option<Shear>,
    options: AffineOptions,
}

/// The options of [`RandomAffine`].
#[derive(Builder, Clone, Debug)]
#[builder(new = pub(super))]
pub struct RandomAffineBuilder {
    #[builder(required)]
    degrees: Jitter,
    /// The largest movements along rows and columns, as fractions of width and height; default none.
    translate: Option<[f64; 2]>,
    /// The range of the factor of the size; default none.
    scale: Option<[f64; 2]>,
    /// The ranges of the angles of the shear; default none.
    shear: Option<Shear>,
    /// How samples between pixels are computed: nearest, bilinear or bicubic; default nearest.
    #[builder(default = InterpolationMode::Nearest)]
    interpolation: InterpolationMode,
    /// The samples outside of the image; default 0.
    fill: Fill,
    /// The center of the rotation and the shear from the left and from the top; default the middle.
    center: Option<[f64; 2]>,
}

impl RandomAffineBuilder {
    /// Creates the transform.
    ///
    /// # Errors
    /// If a range is empty, an angle given as a number is negative, a movement is not in [0, 1], or a scale is not positive.
    #[op]
    pub fn try_build(self) -> Result<RandomAffine> {
        let op = "RandomAffine";
        let RandomAffineBuilder { degrees, translate, scale, shear, interpolation, fill, center } = self;
        if let Some(translate) = translate
            && !translate.iter().all(|fraction| (0.0..=1.0).contains(fraction))
        {
            return Err(Error::value(op, format!("expected movements in [0, 1], got {translate:?}")));
        }
        if let Some(scale) = scale
            && range(op, "scale", scale)?[0] <= 0.0
        {
            return Err(Error::value(op, format!("expected positive scales, got {scale:?}")));
        }
        if let Some(shear) = shear {
            range(op, "shear", shear.x)?;
            range(op, "shear", shear.y.unwrap_or_default())?;
        }
        let degrees = degrees.ends(op, "degrees")?;
        Ok(RandomAffine { degrees, translate, scale, shear, options: AffineOptions { interpolation, fill, center } })
    }
}

impl RandomAffine {
    /// Creates the transform that rotates only, from a range of degrees, or the largest angle in either direction.
    ///
    /// # Errors
    /// If the angle is negative or the range is empty.
    #[op(
        torch = "torchvision.transforms.RandomAffine(degrees, translate=None, scale=None, shear=None, interpolation=InterpolationMode.NEAREST, fill=0, center=None)"
    )]
    pub fn try_new(degrees: impl Into<Jitter>) -> Result<RandomAffine> {
        RandomAffine::builder(degrees).try_build()
    }

    /// Returns a builder of the transform.
    pub fn builder(degrees: impl Into<Jitter>) -> RandomAffineBuilder {
        RandomAffineBuilder::new(degrees)
    }
}

impl Transform<Image> for RandomAffine {
    type Output = Image;

    fn try_apply(&self, image: Image) -> Result<Image> {
        let draws = Draws::new();
        let uniform = |range: [f64; 2]| draws.uniform("RandomAffine", range);
        let angle = uniform(self.degrees)?;
        let mut translate = [0.0; 2];
        if let Some([x, y]) = self.translate {
            for (moved, largest) in translate.iter_mut().zip([x * image.width() as f64, y * image.height() as f64]) {
                *moved = uniform([-largest, largest])?.round_ties_even();
            }
        }
        let scale = self.scale.map_or(Ok(1.0), uniform)?;
        let mut shear = [0.0; 2];
        if let Some(Shear { x, y }) = self.shear {
            shear[0] = uniform(x)?;
            shear[1] = y.map_or(Ok(0.0), uniform)?;
        }
        try_affine_with(&image, angle, translate, scale, shear, self.options.clone())
    }
}
