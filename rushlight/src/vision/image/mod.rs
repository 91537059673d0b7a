//! Images in memory, read from and written to files.

mod bmp;
mod gif;
mod jpeg;
mod orientation;
mod png;
mod read;
mod tensor;
mod webp;
mod write;

pub use read::{DecodeOptions, MAX_PIXELS};
pub use write::{EncodeOptions, FileFormat};

use crate::{Error, Result};
use rushlight_macros::op;

/// The name of an in-memory image in messages.
const NAME: &str = "image";

/// The meaning of the samples of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// Brightness.
    Gray,
    /// Brightness and opacity.
    GrayAlpha,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, opacity.
    Rgba,
}

impl PixelFormat {
    /// Returns the number of samples per pixel, 1 to 4.
    pub fn channels(self) -> usize {
        match self {
            PixelFormat::Gray => 1,
            PixelFormat::GrayAlpha => 2,
            PixelFormat::Rgb => 3,
            PixelFormat::Rgba => 4,
        }
    }

    fn has_alpha(self) -> bool {
        matches!(self, PixelFormat::GrayAlpha | PixelFormat::Rgba)
    }
}

/// A decoded image: 8 bits a sample, rows from the top, pixels from the left, the samples of a pixel together.
///
/// ```no_run
/// use rushlight::vision::Image;
/// let image = Image::open("photo.jpg")?.to_rgb();
/// assert_eq!(image.samples().len(), image.height() * image.width() * 3);
/// # Ok::<(), rushlight::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    width: usize,
    height: usize,
    format: PixelFormat,
    samples: Vec<u8>,
}

impl Image {
    /// Creates an image from its samples.
    ///
    /// # Errors
    /// If `samples` does not hold `width * height * format.channels()` values, or the image is empty.
    ///
    /// ```
    /// use rushlight::vision::{Image, PixelFormat};
    /// let image = Image::new(2, 1, PixelFormat::Gray, vec![0, 255]);
    /// assert_eq!((image.width(), image.height()), (2, 1));
    /// ```
    #[op]
    pub fn try_new(width: usize, height: usize, format: PixelFormat, samples: Vec<u8>) -> Result<Image> {
        let channels = format.channels();
        let needed = width.checked_mul(height).and_then(|n| n.checked_mul(channels));
        if width == 0 || height == 0 || needed != Some(samples.len()) {
            let message = format!(
                "expected {width} * {height} * {channels} samples and at least one pixel, got {} samples",
                samples.len()
            );
            return Err(Error::value(NAME, message));
        }
        Ok(Image { width, height, format, samples })
    }

    /// Returns the width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns the height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Returns the meaning of the samples of a pixel.
    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// Returns all samples, `height * width * channels`.
    pub fn samples(&self) -> &[u8] {
        &self.samples
    }

    /// Returns all samples without the image.
    pub fn into_samples(self) -> Vec<u8> {
        self.samples
    }

    /// Blends the image over white, which removes opacity; an image without opacity is returned unchanged.
    pub fn over_white(self) -> Image {
        if !self.format.has_alpha() {
            return self;
        }
        let channels = self.format.channels();
        let blend = |sample: u8, alpha: u8| {
            let (sample, alpha) = (u32::from(sample), u32::from(alpha));
            ((sample * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        };
        let samples = self
            .samples
            .chunks_exact(channels)
            .flat_map(|pixel| pixel[..channels - 1].iter().map(|&sample| blend(sample, pixel[channels - 1])))
            .collect();
        let format = if channels == 2 { PixelFormat::Gray } else { PixelFormat::Rgb };
        Image { format, samples, ..self }
    }

    /// Converts the image to three channels, as Pillow's `convert("RGB")`: opacity is dropped, not applied.
    pub fn to_rgb(&self) -> Image {
        let samples = match self.format {
            PixelFormat::Rgb => self.samples.clone(),
            PixelFormat::Rgba => self.samples.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect(),
            PixelFormat::Gray => self.samples.iter().flat_map(|&v| [v; 3]).collect(),
            PixelFormat::GrayAlpha => self.samples.chunks_exact(2).flat_map(|p| [p[0]; 3]).collect(),
        };
        Image { format: PixelFormat::Rgb, samples, ..*self }
    }

    /// Converts the image to one channel, as Pillow's `convert("L")`: the weights of ITU-R 601-2, opacity dropped.
    pub fn to_gray(&self) -> Image {
        let luma = |p: &[u8]| {
            let [r, g, b] = [p[0], p[1], p[2]].map(u32::from);
            ((19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16) as u8
        };
        let samples = match self.format {
            PixelFormat::Gray => self.samples.clone(),
            PixelFormat::GrayAlpha => self.samples.chunks_exact(2).map(|p| p[0]).collect(),
            PixelFormat::Rgb | PixelFormat::Rgba => {
                self.samples.chunks_exact(self.format.channels()).map(luma).collect()
            }
        };
        Image { format: PixelFormat::Gray, samples, ..*self }
    }
}
