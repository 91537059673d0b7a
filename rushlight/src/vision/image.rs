//! Reading PNG and JPEG images.

use crate::{Error, Result};
use rushlight_macros::op;
use std::io::Cursor;
use std::path::Path;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The name of an in-memory image in messages.
const NAME: &str = "image";

/// The largest image that is decoded, in pixels. A file of a few kilobytes can declare an image larger
/// than memory; the declared size is checked before allocation.
pub const MAX_PIXELS: usize = 128 << 20;

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

    /// Reads a PNG or JPEG file; the format is detected from the content. As in Pillow, EXIF orientation is not applied, and
    /// the first frame of an animation is read.
    ///
    /// # Errors
    /// If the file cannot be read, is neither format, is damaged, or has more than [`MAX_PIXELS`] pixels.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|error| Error::io(path, error))?;
        Image::decode(&bytes).map_err(|error| match error {
            Error::Format { message, .. } => Error::format(path.display().to_string(), message),
            error => error,
        })
    }

    /// Reads a PNG or JPEG file that is in memory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            decode_png(bytes)
        } else if bytes.starts_with(&[0xFF, 0xD8, 0xFF]) {
            decode_jpeg(bytes)
        } else {
            Err(Error::format(NAME, "expected a PNG or JPEG image"))
        }
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

#[cold]
fn too_large(width: usize, height: usize) -> Error {
    Error::format(NAME, format!("expected at most {MAX_PIXELS} pixels, got {width} x {height}"))
}

#[cold]
fn damaged(format: &str, message: &str) -> Error {
    Error::format(NAME, format!("damaged or unsupported {format} image: {message}"))
}

fn check_size(width: usize, height: usize) -> Result<()> {
    match width.checked_mul(height) {
        Some(pixels) if pixels <= MAX_PIXELS => Ok(()),
        _ => Err(too_large(width, height)),
    }
}

fn decode_png(bytes: &[u8]) -> Result<Image> {
    let failed = |e: png::DecodingError| damaged("PNG", &e.to_string());
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let info = decoder.read_header_info().map_err(failed)?;
    let (width, height) = (info.width as usize, info.height as usize);
    check_size(width, height)?;
    // The limit of the decoder's internal allocations; they must hold a row of the image.
    decoder.set_limits(png::Limits { bytes: 64 << 20 });
    let mut reader = decoder.read_info().map_err(failed)?;
    let size = reader.output_buffer_size().ok_or_else(|| too_large(width, height))?;
    let mut samples = vec![0; size];
    let frame = reader.next_frame(&mut samples).map_err(failed)?;
    samples.truncate(frame.buffer_size());
    let format = match frame.color_type {
        png::ColorType::Grayscale => PixelFormat::Gray,
        png::ColorType::GrayscaleAlpha => PixelFormat::GrayAlpha,
        png::ColorType::Rgba => PixelFormat::Rgba,
        png::ColorType::Rgb | png::ColorType::Indexed => PixelFormat::Rgb,
    };
    finish("PNG", width, height, format, samples)
}

fn decode_jpeg(bytes: &[u8]) -> Result<Image> {
    let failed = |message: String| damaged("JPEG", &message);
    let options = DecoderOptions::default().set_strict_mode(true).set_max_width(1 << 16).set_max_height(1 << 16);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|e| failed(e.to_string()))?;
    let (width, height) =
        decoder.dimensions().ok_or_else(|| failed("expected an image in the file, got none".into()))?;
    check_size(width, height)?;
    // Gray is kept; all other color spaces (YCbCr, CMYK, YCCK) are converted to RGB.
    let gray = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let (wanted, format) =
        if gray { (ColorSpace::Luma, PixelFormat::Gray) } else { (ColorSpace::RGB, PixelFormat::Rgb) };
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    let samples = decoder.decode().map_err(|e| failed(e.to_string()))?;
    finish("JPEG", width, height, format, samples)
}

/// Checks the output of a decoder, so that an unexpected number of samples is an error.
fn finish(name: &'static str, width: usize, height: usize, format: PixelFormat, samples: Vec<u8>) -> Result<Image> {
    if width == 0 || height == 0 || samples.len() != width * height * format.channels() {
        let message = format!("expected the samples of {width} x {height} pixels, got {}", samples.len());
        return Err(damaged(name, &message));
    }
    Ok(Image { width, height, format, samples })
}
