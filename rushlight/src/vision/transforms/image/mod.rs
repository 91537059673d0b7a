//! The transforms of images of 8-bit samples, with Pillow's numbers.

mod blur;
mod borders;
mod color;
mod resample;
mod tables;
mod warp;

pub(super) use blur::{adjust_sharpness, gaussian};
pub(super) use borders::{padded, repeated};
pub(super) use resample::{Filter, cubic, triangle, weights};
pub(super) use tables::{autocontrast, equalize, invert, posterize, solarize};
pub(super) use warp::{affine, rotate};

use super::options::{checked, sides};
use super::picture::sealed::Kernels;
use super::{Fill, InterpolationMode, PadSizes, PaddingMode};
use crate::vision::{Image, PixelFormat};
use crate::{Error, Result};

/// Runs a function of the number of samples per pixel as a constant.
macro_rules! by_channels {
    ($image:expr, $c:ident => $call:expr) => {
        match $image.format().channels() {
            1 => {
                const $c: usize = 1;
                $call
            }
            2 => {
                const $c: usize = 2;
                $call
            }
            3 => {
                const $c: usize = 3;
                $call
            }
            _ => {
                const $c: usize = 4;
                $call
            }
        }
    };
}
use by_channels;

/// Whether the last sample of a pixel is its opacity.
fn has_alpha(image: &Image) -> bool {
    matches!(image.format(), PixelFormat::GrayAlpha | PixelFormat::Rgba)
}

/// The number of samples of a pixel without its opacity.
fn colors(image: &Image) -> usize {
    image.format().channels() - usize::from(has_alpha(image))
}

/// An image of the same format and another size.
fn with_samples(image: &Image, [height, width]: [usize; 2], samples: Vec<u8>) -> Result<Image> {
    Image::try_new(width, height, image.format(), samples)
}

/// Applies a function of pixels that are weighted by their opacity, if they have one.
fn weighted(image: &Image, to: [usize; 2], function: impl Fn(&[u8]) -> Vec<u8>) -> Result<Image> {
    if !has_alpha(image) {
        return with_samples(image, to, function(image.samples()));
    }
    let mut samples = image.samples().to_vec();
    by_channels!(image, C => resample::premultiply::<C>(&mut samples));
    let mut samples = function(&samples);
    by_channels!(image, C => resample::unpremultiply::<C>(&mut samples));
    with_samples(image, to, samples)
}

fn resize(image: &Image, to: [usize; 2], mode: InterpolationMode) -> Result<Image> {
    let (from, to) = (sides(image), checked("resize", to)?);
    if from == to {
        return Ok(image.clone());
    }
    match Filter::of(mode) {
        Some(filter) => {
            weighted(image, to, |samples| by_channels!(image, C => resample::filtered::<C>(filter, samples, from, to)))
        }
        None => {
            let samples = by_channels!(image, C => resample::nearest::<C>(image.samples(), from, to));
            with_samples(image, to, samples)
        }
    }
}

impl Kernels for Image {
    fn dimensions(&self, _: &'static str) -> Result<(usize, [usize; 2])> {
        Ok((self.format().channels(), sides(self)))
    }

    fn hflip(&self) -> Result<Image> {
        let ([height, width], rows) = (sides(self), (0..self.height()).collect::<Vec<_>>());
        borders::remap(self, &rows, &(0..width).rev().collect::<Vec<_>>(), [height, width])
    }

    fn vflip(&self) -> Result<Image> {
        let rows = self.samples().chunks_exact(self.width() * self.format().channels()).rev();
        with_samples(self, sides(self), rows.flatten().copied().collect())
    }

    fn crop(&self, top: isize, left: isize, size: [usize; 2]) -> Result<Image> {
        borders::window("crop", self, [top, left], size, &Fill::default())
    }

    fn pad(&self, padding: PadSizes, fill: &Fill, mode: PaddingMode) -> Result<Image> {
        borders::pad(self, padding, fill, mode)
    }

    fn resize(&self, size: [usize; 2], mode: InterpolationMode, _antialias: bool) -> Result<Image> {
        resize(self, size, mode)
    }

    fn rgb_to_grayscale(&self, channels: usize) -> Result<Image> {
        match channels {
            1 => Ok(self.to_gray()),
            3 => Ok(self.to_gray().to_rgb()),
            _ => Err(Error::value("rgb_to_grayscale", format!("expected 1 or 3 output channels, got {channels}"))),
        }
    }

    fn gray_in_place(&self) -> Result<Image> {
        color::gray_colors(self)
    }

    fn adjust_brightness(&self, factor: f64) -> Result<Image> {
        color::blend_with(self, 0, factor)
    }

    fn adjust_contrast(&self, factor: f64) -> Result<Image> {
        let gray = self.to_gray();
        let sum: u64 = gray.samples().iter().map(|&sample| u64::from(sample)).sum();
        color::blend_with(self, (sum as f64 / gray.samples().len() as f64 + 0.5) as u8, factor)
    }

    fn adjust_saturation(&self, factor: f64) -> Result<Image> {
        color::blend(&color::gray_colors(self)?, self, factor)
    }

    fn adjust_hue(&self, factor: f64) -> Result<Image> {
        color::adjust_hue(self, factor)
    }

    fn gaussian_blur(&self, kernel_size: [usize; 2], sigma: [f64; 2]) -> Result<Image> {
        blur::gaussian_blur(self, kernel_size, sigma)
    }
}
