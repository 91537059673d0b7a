//! WebP files.

use super::PixelFormat;
use super::orientation::Orientation;
use super::read::{Claim, Decoded, allocate, damaged, finish};
use crate::Result;
use image_webp::{DecodingError, WebPDecoder};
use std::io::Cursor;

pub(super) fn decode(bytes: &[u8], claim: Claim) -> Result<Decoded> {
    let failed = |error: DecodingError| damaged("WebP", error);
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(failed)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    claim.check(width, height)?;
    // Metadata and the compressed frame are copied; neither is larger than the file.
    decoder.set_memory_limit(bytes.len());
    let format = if decoder.has_alpha() { PixelFormat::Rgba } else { PixelFormat::Rgb };
    let mut samples = allocate(width * height * format.channels(), 0)?;
    if decoder.is_animated() {
        decoder.read_frame(&mut samples).map_err(failed)?;
    } else {
        decoder.read_image(&mut samples).map_err(failed)?;
    }
    let exif = decoder.exif_metadata().ok().flatten();
    finish("WebP", [width, height], format, samples, Orientation::from_exif(exif.as_deref()))
}
