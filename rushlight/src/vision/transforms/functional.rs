//! The deterministic transforms as functions, as `torchvision.transforms.functional`: what the classes apply once they have drawn their
//! arguments.
//!
//! ```
//! use rushlight::vision::transforms::functional;
//! use rushlight::vision::{Image, PixelFormat};
//!
//! let image = Image::new(2, 1, PixelFormat::Gray, vec![50, 100]);
//! assert_eq!(functional::hflip(&image).samples(), [100, 50]);
//! assert_eq!(functional::adjust_brightness(&image, 1.5).samples(), [75, 150]);
//! ```

use super::options::checked;
use super::picture::sealed::Kernels;
use super::{Fill, InterpolationMode, PadSizes, PaddingMode, Picture, ResizeOptions, image, on_tensors};
use crate::tensor::Sizes;
use crate::vision::Image;
use crate::{DType, Error, Result, Tensor};
use rushlight_macros::{Builder, op};

/// The sizes of [`pad`] and [`Pad`](super::Pad), and their options; sizes convert into them.
#[derive(Builder, Clone, Debug)]
pub struct PadOptions {
    #[builder(required)]
    padding: PadSizes,
    /// The samples of constant padding; default 0. Of a tensor, one number.
    fill: Fill,
    /// What is beyond the border; default the fill.
    padding_mode: PaddingMode,
}

impl<T: Into<PadSizes>> From<T> for PadOptions {
    fn from(padding: T) -> PadOptions {
        PadOptions::new(padding)
    }
}

/// The options of [`rotate`].
#[derive(Builder, Clone, Debug)]
pub struct RotateOptions {
    /// How samples between pixels are computed: nearest, bilinear or bicubic; default nearest.
    #[builder(default = InterpolationMode::Nearest)]
    pub(super) interpolation: InterpolationMode,
    /// Whether the result is as large as it takes to hold the whole image; default false.
    pub(super) expand: bool,
    /// The center of the rotation from the left and from the top; default the middle.
    pub(super) center: Option<[f64; 2]>,
    /// The samples outside of the image; default 0.
    pub(super) fill: Fill,
}

/// The options of [`affine`].
#[derive(Builder, Clone, Debug)]
pub struct AffineOptions {
    /// How samples between pixels are computed: nearest, bilinear or bicubic; default nearest.
    #[builder(default = InterpolationMode::Nearest)]
    pub(super) interpolation: InterpolationMode,
    /// The samples outside of the image; default 0.
    pub(super) fill: Fill,
    /// The center of the rotation and the shear from the left and from the top; default the middle.
    pub(super) center: Option<[f64; 2]>,
}

/// Scales a picture; [`Resize`](super::Resize) has an example.
///
/// # Errors
/// If the picture has more than [`MAX_PIXELS`](crate::vision::MAX_PIXELS) pixels, a tensor has less than two dimensions, or the interpolation
/// is not defined for tensors.
#[op(
    torch = "torchvision.transforms.functional.resize(img, size, interpolation=InterpolationMode.BILINEAR, max_size=None, antialias=True)",
    free
)]
pub fn try_resize<T: Picture>(picture: &T, size: impl Into<ResizeOptions>) -> Result<T> {
    size.into().apply_to(picture)
}

/// Cuts a part of a height and a width out of a picture, from a row and a column on. Samples outside are 0.
///
/// # Errors
/// If the part is empty or has more than [`MAX_PIXELS`](crate::vision::MAX_PIXELS) pixels, or a tensor has less than two dimensions.
///
/// ```
/// use rushlight::Tensor;
/// use rushlight::vision::transforms::functional;
///
/// let x = Tensor::arange(9).view([1, 3, 3]);
/// assert_eq!(functional::crop(&x, 2, 1, 2, 1).to_vec::<i64>(), [7, 0]);
/// ```
#[op(torch = "torchvision.transforms.functional.crop(img, top, left, height, width)", free)]
pub fn try_crop<T: Picture>(picture: &T, top: isize, left: isize, height: usize, width: usize) -> Result<T> {
    picture.crop(top, left, checked("crop", [height, width])?)
}

/// Cuts the middle out of a picture, as [`CenterCrop`](super::CenterCrop).
///
/// # Errors
/// As [`crop`].
#[op(torch = "torchvision.transforms.functional.center_crop(img, output_size)", free)]
pub fn try_center_crop<T: Picture>(picture: &T, output_size: impl Into<Sizes<2>>) -> Result<T> {
    let size = checked("center_crop", output_size.into().each())?;
    let (_, sides) = picture.dimensions("center_crop")?;
    // Pixels that are missing are added first, one more at the end if their number is odd.
    let start = |i: usize| match sides[i].checked_sub(size[i]) {
        Some(extra) => (extra as f64 / 2.0).round_ties_even() as isize,
        None => -(((size[i] - sides[i]) / 2) as isize),
    };
    picture.crop(start(0), start(1), size)
}

/// Cuts a part out of a picture, as [`crop`], and scales it, as [`RandomResizedCrop`](super::RandomResizedCrop).
///
/// # Errors
/// As [`crop`] and [`resize`].
#[op(
    torch = "torchvision.transforms.functional.resized_crop(img, top, left, height, width, size, interpolation=InterpolationMode.BILINEAR, antialias=True)",
    free
)]
pub fn try_resized_crop<T: Picture>(
    picture: &T,
    top: isize,
    left: isize,
    height: usize,
    width: usize,
    size: impl Into<ResizeOptions>,
) -> Result<T> {
    size.into().apply_to(&picture.crop(top, left, checked("resized_crop", [height, width])?)?)
}

/// Cuts the four corners and the middle out of a picture, as [`FiveCrop`](super::FiveCrop).
///
/// # Errors
/// If the parts are larger than the picture, or as [`crop`].
#[op(torch = "torchvision.transforms.functional.five_crop(img, size)", free)]
pub fn try_five_crop<T: Picture>(picture: &T, size: impl Into<Sizes<2>>) -> Result<[T; 5]> {
    let [height, width] = size.into().each();
    let (_, sides) = picture.dimensions("five_crop")?;
    let [Some(bottom), Some(right)] = [sides[0].checked_sub(height), sides[1].checked_sub(width)] else {
        let message = format!("expected parts of at most {} x {}, got {height} x {width}", sides[0], sides[1]);
        return Err(Error::value("five_crop", message));
    };
    let corner = |top: usize, left: usize| try_crop(picture, top as isize, left as isize, height, width);
    let middle = try_center_crop(picture, [height, width])?;
    Ok([corner(0, 0)?, corner(0, right)?, corner(bottom, 0)?, corner(bottom, right)?, middle])
}

/// Cuts the four corners and the middle out of a picture and of its mirror image, as [`TenCrop`](super::TenCrop).
///
/// # Errors
/// As [`five_crop`].
#[op(torch = "torchvision.transforms.functional.ten_crop(img, size, vertical_flip=False)", free)]
pub fn try_ten_crop<T: Picture>(picture: &T, size: impl Into<Sizes<2>>, vertical_flip: bool) -> Result<[T; 10]> {
    let size = size.into();
    let mirrored = if vertical_flip { picture.vflip()? } else { picture.hflip()? };
    let [a, b, c, d, e] = try_five_crop(picture, size)?;
    let [f, g, h, i, j] = try_five_crop(&mirrored, size)?;
    Ok([a, b, c, d, e, f, g, h, i, j])
}

/// Mirrors a picture left to right, as [`RandomHorizontalFlip`](super::RandomHorizontalFlip).
///
/// # Errors
/// If a tensor has less than two dimensions.
///
/// ```
/// use rushlight::Tensor;
/// use rushlight::vision::transforms::functional;
///
/// assert_eq!(functional::hflip(&Tensor::from([[1, 2], [3, 4]])).to_vec::<i64>(), [2, 1, 4, 3]);
/// ```
#[op(torch = "torchvision.transforms.functional.hflip(img)", free)]
pub fn try_hflip<T: Picture>(picture: &T) -> Result<T> {
    picture.hflip()
}

/// Turns a picture upside down, as [`RandomVerticalFlip`](super::RandomVerticalFlip).
///
/// # Errors
/// If a tensor has less than two dimensions.
///
/// ```
/// use rushlight::Tensor;
/// use rushlight::vision::transforms::functional;
///
/// assert_eq!(functional::vflip(&Tensor::from([[1, 2], [3, 4]])).to_vec::<i64>(), [3, 4, 1, 2]);
/// ```
#[op(torch = "torchvision.transforms.functional.vflip(img)", free)]
pub fn try_vflip<T: Picture>(picture: &T) -> Result<T> {
    picture.vflip()
}

/// Adds pixels on the sides of a picture, as [`Pad`](super::Pad). Mirror images are repeated as often as it takes, as by `numpy.pad`.
///
/// # Errors
/// If no pixel remains, the result has more than [`MAX_PIXELS`](crate::vision::MAX_PIXELS) pixels, the fill does not have one number per
/// channel or one for all, or a tensor has less than two dimensions.
#[op(torch = "torchvision.transforms.functional.pad(img, padding, fill=0, padding_mode='constant')", free)]
pub fn try_pad<T: Picture>(picture: &T, padding: impl Into<PadOptions>) -> Result<T> {
    let PadOptions { padding, fill, padding_mode } = padding.into();
    picture.pad(padding, &fill, padding_mode)
}

/// Rotates an image counterclockwise by an angle in degrees, as [`RandomRotation`](super::RandomRotation).
///
/// # Errors
/// If the interpolation is none of nearest, bilinear and bicubic, the fill does not have one number per channel or one for all, or the
/// result has more than [`MAX_PIXELS`](crate::vision::MAX_PIXELS) pixels.
#[op(
    torch = "torchvision.transforms.functional.rotate(img, angle, interpolation=InterpolationMode.NEAREST, expand=False, center=None, fill=None)",
    free,
    with
)]
pub fn try_rotate_with(image: &Image, angle: f64, options: RotateOptions) -> Result<Image> {
    let RotateOptions { interpolation, expand, center, fill } = options;
    image::rotate(image, angle, interpolation, expand, center, &fill)
}

/// Moves an image to the right and down by numbers of pixels, scales it, rotates it clockwise and shears it by angles in degrees, as
/// [`RandomAffine`](super::RandomAffine).
///
/// # Errors
/// If the scale is not positive, the interpolation is none of nearest, bilinear and bicubic, or the fill does not have one number per channel
/// or one for all.
#[op(
    torch = "torchvision.transforms.functional.affine(img, angle, translate, scale, shear, interpolation=InterpolationMode.NEAREST, fill=None, center=None)",
    free,
    with
)]
pub fn try_affine_with(
    image: &Image,
    angle: f64,
    translate: [f64; 2],
    scale: f64,
    shear: [f64; 2],
    options: AffineOptions,
) -> Result<Image> {
    let AffineOptions { interpolation, fill, center } = options;
    image::affine(image, angle, translate, scale, shear, interpolation, center, &fill)
}

/// Converts a picture to gray with 1 or 3 channels, as [`Grayscale`](super::Grayscale).
///
/// # Errors
/// If the number of channels is another, or a tensor does not have 1 or 3 channels.
#[op(torch = "torchvision.transforms.functional.rgb_to_grayscale(img, num_output_channels=1)", free)]
pub fn try_rgb_to_grayscale<T: Picture>(picture: &T, num_output_channels: usize) -> Result<T> {
    picture.rgb_to_grayscale(num_output_channels)
}

fn at_least_0(op: &'static str, factor: f64) -> Result<f64> {
    if factor >= 0.0 {
        Ok(factor)
    } else {
        Err(Error::value(op, format!("expected a factor of at least 0, got {factor}")))
    }
}

/// Multiplies the samples of a picture: 0 is black, 1 the same. Opacity stays.
///
/// # Errors
/// If the factor is negative, or a tensor does not have 1 or 3 channels.
///
/// ```
/// use rushlight::vision::transforms::functional;
/// use rushlight::vision::{Image, PixelFormat};
///
/// let image = Image::new(2, 1, PixelFormat::Gray, vec![50, 100]);
/// assert_eq!(functional::adjust_brightness(&image, 0.5).samples(), [25, 50]);
/// assert_eq!(functional::adjust_contrast(&image, 2.0).samples(), [25, 125]);
/// ```
#[op(torch = "torchvision.transforms.functional.adjust_brightness(img, brightness_factor)", free)]
pub fn try_adjust_brightness<T: Picture>(picture: &T, brightness_factor: f64) -> Result<T> {
    picture.adjust_brightness(at_least_0("adjust_brightness", brightness_factor)?)
}

/// Moves the samples of a picture away from their mean, or toward it, as [`adjust_brightness`] does from black: 0 is gray, 1 the same.
///
/// # Errors
/// If the factor is negative, or a tensor does not have 1 or 3 channels.
#[op(torch = "torchvision.transforms.functional.adjust_contrast(img, contrast_factor)", free)]
pub fn try_adjust_contrast<T: Picture>(picture: &T, contrast_factor: f64) -> Result<T> {
    picture.adjust_contrast(at_least_0("adjust_contrast", contrast_factor)?)
}

/// Moves the colors of a picture away from gray, or toward it, as [`ColorJitter`](super::ColorJitter): 0 is gray, 1 the same.
///
/// # Errors
/// If the factor is negative, or a tensor does not have 1 or 3 channels.
#[op(torch = "torchvision.transforms.functional.adjust_saturation(img, saturation_factor)", free)]
pub fn try_adjust_saturation<T: Picture>(picture: &T, saturation_factor: f64) -> Result<T> {
    picture.adjust_saturation(at_least_0("adjust_saturation", saturation_factor)?)
}

/// Turns the hues of a picture by a fraction of the circle, as [`ColorJitter`](super::ColorJitter). Opacity, which torchvision drops, stays.
///
/// # Errors
/// If the fraction is not in [-0.5, 0.5], or a tensor does not have 1 or 3 channels.
#[op(torch = "torchvision.transforms.functional.adjust_hue(img, hue_factor)", free)]
pub fn try_adjust_hue<T: Picture>(picture: &T, hue_factor: f64) -> Result<T> {
    if !(-0.5..=0.5).contains(&hue_factor) {
        return Err(Error::value("adjust_hue", format!("expected a factor in [-0.5, 0.5], got {hue_factor}")));
    }
    picture.adjust_hue(hue_factor)
}

/// Blends an image with its smoothed form, as [`RandomAdjustSharpness`](super::RandomAdjustSharpness). Opacity stays.
///
/// # Errors
/// If the factor is negative.
///
/// ```
/// use rushlight::vision::transforms::functional;
/// use rushlight::vision::{Image, PixelFormat};
///
/// let image = Image::new(3, 3, PixelFormat::Gray, vec![0, 0, 0, 0, 130, 0, 0, 0, 0]);
/// assert_eq!(functional::adjust_sharpness(&image, 0.0).samples()[4], 50);
/// ```
#[op(torch = "torchvision.transforms.functional.adjust_sharpness(img, sharpness_factor)", free)]
pub fn try_adjust_sharpness(image: &Image, sharpness_factor: f64) -> Result<Image> {
    image::adjust_sharpness(image, at_least_0("adjust_sharpness", sharpness_factor)?)
}

/// Keeps the highest `bits` bits of each sample, as [`RandomPosterize`](super::RandomPosterize).
///
/// # Errors
/// If the number of bits is not in 1 to 8, or the image has opacity.
///
/// ```
/// use rushlight::vision::transforms::functional;
/// use rushlight::vision::{Image, PixelFormat};
///
/// let image = Image::new(3, 1, PixelFormat::Gray, vec![10, 100, 200]);
/// assert_eq!(functional::posterize(&image, 1).samples(), [0, 0, 128]);
/// ```
#[op(torch = "torchvision.transforms.functional.posterize(img, bits)", free)]
pub fn try_posterize(image: &Image, bits: usize) -> Result<Image> {
    image::posterize(image, bits)
}

/// Inverts the samples that are not below a threshold, as [`RandomSolarize`](super::RandomSolarize).
///
/// # Errors
/// If the image has opacity.
///
/// ```
/// use rushlight::vision::transforms::functional;
/// use rushlight::vision::{Image, PixelFormat};
///
/// let image = Image::new(3, 1, PixelFormat::Gray, vec![10, 100, 200]);
/// assert_eq!(functional::solarize(&image, 128.0).samples(), [10, 100, 55]);
/// ```
#[op(torch = "torchvision.transforms.functional.solarize(img, threshold)", free)]
pub fn try_solarize(image: &Image, threshold: f64) -> Result<Image> {
    image::solarize(image, threshold)
}

/// Stretches the samples of each channel to the range from 0 to 255, as [`RandomAutocontrast`](super::RandomAutocontrast).
///
/// # Errors
/// If the image has opacity.
///
/// ```
/// use rushlight::vision::transforms::functional;
/// use rushlight::vision::{Image, PixelFormat};
///
/// let image = Image::new(3, 1, PixelFormat::Gray, vec![100, 151, 185]);
/// assert_eq!(functional::autocontrast(&image).samples(), [0, 153, 255]);
/// ```
#[op(torch = "torchvision.transforms.functional.autocontrast(img)", free)]
pub fn try_autocontrast(image: &Image) -> Result<Image> {
    image::autocontrast(image)
}

/// Spreads the samples of each channel evenly, as [`RandomEqualize`](super::RandomEqualize).
///
/// # Errors
/// If the image has opacity.
///
/// ```
/// use rushlight::vision::transforms::functional;
/// use rushlight::vision::{Image, PixelFormat};
///
/// let image = Image::new(256, 2, PixelFormat::Gray, (0..512).map(|i| (i / 4) as u8).collect());
/// assert_eq!(functional::equalize(&image).samples()[511], 255);
/// ```
#[op(torch = "torchvision.transforms.functional.equalize(img)", free)]
pub fn try_equalize(image: &Image) -> Result<Image> {
    image::equalize(image)
}

/// Inverts all samples, as [`RandomInvert`](super::RandomInvert).
///
/// # Errors
/// If the image has opacity.
///
/// ```
/// use rushlight::vision::transforms::functional;
/// use rushlight::vision::{Image, PixelFormat};
///
/// let image = Image::new(3, 1, PixelFormat::Gray, vec![10, 100, 200]);
/// assert_eq!(functional::invert(&image).samples(), [245, 155, 55]);
/// ```
#[op(torch = "torchvision.transforms.functional.invert(img)", free)]
pub fn try_invert(image: &Image) -> Result<Image> {
    image::invert(image)
}

/// Blurs a picture by a Gaussian kernel of an odd width and height, as [`GaussianBlur`](super::GaussianBlur). Without a standard deviation,
/// it is 0.15 times the kernel's length plus 0.35.
///
/// # Errors
/// If a length is even, a standard deviation is not positive, or the picture is not larger than half the kernel.
#[op(torch = "torchvision.transforms.functional.gaussian_blur(img, kernel_size, sigma=None)", free)]
pub fn try_gaussian_blur<T: Picture>(
    picture: &T,
    kernel_size: impl Into<Sizes<2>>,
    sigma: impl Into<Option<f64>>,
) -> Result<T> {
    let (size, sigma) = (kernel_size.into().each(), sigma.into());
    if size.iter().any(|size| size % 2 == 0) {
        return Err(Error::value("gaussian_blur", format!("expected odd lengths of the kernel, got {size:?}")));
    }
    let sigma = size.map(|size| sigma.unwrap_or(size as f64 * 0.15 + 0.35));
    if !sigma.iter().all(|&sigma| sigma > 0.0) {
        return Err(Error::value("gaussian_blur", format!("expected a positive sigma, got {}", sigma[0])));
    }
    picture.gaussian_blur(size, sigma)
}

/// Replaces a rectangle of a tensor `[…, channels, height, width]` by values that are broadcast to it, as
/// [`RandomErasing`](super::RandomErasing).
///
/// # Errors
/// If the rectangle is not inside the tensor, or the values do not fit.
#[op(torch = "torchvision.transforms.functional.erase(img, i, j, h, w, v, inplace=False)", free)]
pub fn try_erase(x: &Tensor, top: usize, left: usize, height: usize, width: usize, value: &Tensor) -> Result<Tensor> {
    x.dimensions("erase")?;
    let out = x.try_copy()?;
    let part = out.try_narrow(-2, top as isize, height)?.try_narrow(-1, left as isize, width)?;
    part.try_copy_(value)?;
    Ok(out)
}

/// Converts a tensor to a type so that white stays white, as [`ConvertImageDtype`](super::ConvertImageDtype).
///
/// # Errors
/// If the floating-point type cannot represent the values of the integer type.
#[op(torch = "torchvision.transforms.functional.convert_image_dtype(image, dtype=torch.float32)", free)]
pub fn try_convert_image_dtype(image: &Tensor, dtype: DType) -> Result<Tensor> {
    on_tensors::convert_image_dtype(image, dtype)
}
