//! Reading: the options, the detection of the format, and the checks that all formats share.

use super::{Image, NAME, PixelFormat, bmp, gif, jpeg, orientation::Orientation, png, webp};
use crate::{Error, Result};
use rushlight_macros::Builder;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The default of [`DecodeOptions::max_pixels`]. A file of a few kilobytes can declare an image larger than memory; the declared size is
/// checked before allocation.
pub const MAX_PIXELS: usize = 128 << 20;

/// Images of up to this many pixels are decoded whatever the size of their file.
const SMALL: usize = 16 << 20;

/// Larger images need a byte of the file for this many pixels. Photographs have 1 to 20 pixels a byte; a JPEG has at most 512, an image of
/// one color in another format can have any number.
const PIXELS_PER_BYTE: usize = 1024;

/// The options of [`Image::open_with`] and [`Image::decode_with`].
///
/// ```no_run
/// use rushlight::vision::{DecodeOptions, Image};
/// let thumbnail = Image::open_with("photo.jpg", DecodeOptions::new().at_least([224, 224]))?;
/// # Ok::<(), rushlight::Error>(())
/// ```
#[derive(Builder, Clone, Copy, Debug)]
pub struct DecodeOptions {
    /// The largest image that is decoded, in pixels of the file (default: [`MAX_PIXELS`]). The decoder takes about four bytes a pixel,
    /// for a progressive JPEG in color about twelve.
    #[builder(default = MAX_PIXELS)]
    pub(super) max_pixels: usize,
    /// Whether the image is turned upright by the orientation in its EXIF data, as Pillow's `ImageOps.exif_transpose` (default: true).
    /// EXIF data that are damaged are ignored.
    #[builder(default = true)]
    pub(super) orientation: bool,
    /// A height and a width of the returned image that suffice (default: none). A JPEG is then decoded to 1/2, 1/4 or
    /// 1/8 of its size if the result is not smaller, as by Pillow's `draft`; other formats are decoded in full.
    pub(super) at_least: Option<[usize; 2]>,
}

/// A decoded image, and the orientation in which it is to be shown.
pub(super) struct Decoded {
    pub(super) image: Image,
    pub(super) orientation: Orientation,
}

/// The formats that are read, by the first bytes of their files.
#[derive(Clone, Copy)]
enum Format {
    Bmp,
    Gif,
    Jpeg,
    Png,
    WebP,
}

impl Format {
    /// The bytes that tell the format.
    const HEAD: usize = 12;

    fn detect(bytes: &[u8]) -> Result<Format> {
        match bytes {
            [b'B', b'M', ..] => Ok(Format::Bmp),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(Format::Gif),
            [0xFF, 0xD8, ..] => Ok(Format::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Ok(Format::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(Format::WebP),
            [] => Err(Error::format(NAME, "expected a JPEG, PNG, WebP, GIF or BMP image, got an empty file")),
            _ => {
                let head = bytes[..bytes.len().min(Format::HEAD)].escape_ascii();
                let message =
                    format!("expected a JPEG, PNG, WebP, GIF or BMP image, got a file that starts with \"{head}\"");
                Err(Error::format(NAME, message))
            }
        }
    }

    fn decode(self, bytes: &[u8], options: DecodeOptions) -> Result<Image> {
        let claim = Claim { bytes: bytes.len(), max_pixels: options.max_pixels };
        let decoded = match self {
            Format::Bmp => bmp::decode(bytes, claim),
            Format::Gif => gif::decode(bytes, claim),
            Format::Jpeg => jpeg::decode(bytes, claim, options),
            Format::Png => png::decode(bytes, claim),
            Format::WebP => webp::decode(bytes, claim),
        };
        let Decoded { image, orientation } = decoded?;
        Ok(if options.orientation { orientation.apply(image) } else { image })
    }
}

impl Image {
    /// Reads a JPEG, PNG, WebP, GIF or BMP file; the format is detected from the content. The image is turned upright by its EXIF data.
    /// Of an animation the first frame is read.
    ///
    /// JPEGs are decoded to the same samples as by libjpeg-turbo, damaged ones as well: as long as more than half of the image is
    /// there, what is missing is gray. An image that is cut short is an error.
    ///
    /// # Errors
    /// If the file cannot be read, is of another format, is damaged, has more than [`MAX_PIXELS`] pixels, or has more pixels than a
    /// file of its size holds unless it was made to exhaust memory.
    pub fn open(path: impl AsRef<Path>) -> Result<Image> {
        Image::open_with(path, DecodeOptions::new())
    }

    /// As [`open`](Self::open), with options.
    ///
    /// # Errors
    /// As [`open`](Self::open), with the limit of the options.
    pub fn open_with(path: impl AsRef<Path>, options: DecodeOptions) -> Result<Image> {
        let path = path.as_ref();
        let failed = |error| Error::io(path, error);
        let in_file = |error| match error {
            Error::Format { message, .. } => Error::format(path.display().to_string(), message),
            error => error,
        };
        let mut file = File::open(path).map_err(failed)?;
        let mut bytes = Vec::new();
        file.by_ref().take(Format::HEAD as u64).read_to_end(&mut bytes).map_err(failed)?;
        let format = Format::detect(&bytes).map_err(in_file)?;
        // Uncompressed samples take at most eight bytes a pixel; the rest is for metadata.
        let limit = options.max_pixels.saturating_mul(8).saturating_add(64 << 20);
        file.take(limit as u64).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() >= limit {
            return Err(in_file(Error::format(
                NAME,
                format!("expected a file of less than {limit} bytes, got a larger one"),
            )));
        }
        format.decode(&bytes, options).map_err(in_file)
    }

    /// Reads an image file that is in memory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn decode(bytes: &[u8]) -> Result<Image> {
        Image::decode_with(bytes, DecodeOptions::new())
    }

    /// As [`decode`](Self::decode), with options.
    ///
    /// # Errors
    /// As [`open`](Self::open), with the limit of the options.
    pub fn decode_with(bytes: &[u8], options: DecodeOptions) -> Result<Image> {
        Format::detect(bytes)?.decode(bytes, options)
    }
}

/// What the size that a file declares is checked against.
#[derive(Clone, Copy)]
pub(super) struct Claim {
    bytes: usize,
    max_pixels: usize,
}

impl Claim {
    /// Checks a declared size before anything is allocated for it.
    pub(super) fn check(self, width: usize, height: usize) -> Result<()> {
        if width == 0 || height == 0 {
            return Err(Error::format(NAME, format!("expected at least one pixel, got {width} x {height}")));
        }
        let Some(pixels) = width.checked_mul(height).filter(|&pixels| pixels <= self.max_pixels) else {
            let message = format!("expected at most {} pixels, got {width} x {height}", self.max_pixels);
            return Err(Error::format(NAME, message));
        };
        if pixels > SMALL && pixels / PIXELS_PER_BYTE > self.bytes {
            let message = format!(
                "expected at least a byte for {PIXELS_PER_BYTE} pixels, got {width} x {height} pixels in {} bytes",
                self.bytes
            );
            return Err(Error::format(NAME, message));
        }
        Ok(())
    }
}

/// The error of a file that starts as an image of this format and does not continue as one.
#[cold]
pub(super) fn damaged(format: &str, message: impl std::fmt::Display) -> Error {
    Error::format(NAME, format!("damaged or unsupported {format} image: {message}"))
}

/// Allocates samples, all of them `value`. Memory that does not suffice is an error, which it is not in `vec!`.
pub(super) fn allocate(count: usize, value: u8) -> Result<Vec<u8>> {
    let mut samples = reserve(count)?;
    samples.resize(count, value);
    Ok(samples)
}

/// An empty list with room for so many samples.
pub(super) fn reserve(count: usize) -> Result<Vec<u8>> {
    let mut samples = Vec::new();
    samples.try_reserve_exact(count).map_err(|_| Error::Memory { bytes: count })?;
    Ok(samples)
}

/// Checks the output of a decoder, so that an unexpected number of samples is an error.
pub(super) fn finish(
    name: &'static str,
    [width, height]: [usize; 2],
    format: PixelFormat,
    samples: Vec<u8>,
    orientation: Orientation,
) -> Result<Decoded> {
    if width == 0 || height == 0 || samples.len() != width * height * format.channels() {
        let message = format!("expected the samples of {width} x {height} pixels, got {}", samples.len());
        return Err(damaged(name, message));
    }
    Ok(Decoded { image: Image { width, height, format, samples }, orientation })
}
