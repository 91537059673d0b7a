//! PNG files.

use super::orientation::Orientation;
use super::read::{Claim, Decoded, allocate, damaged, finish, reserve};
use super::{Image, PixelFormat};
use crate::Result;
use std::io::Cursor;

pub(super) fn decode(bytes: &[u8], claim: Claim) -> Result<Decoded> {
    let failed = |error: png::DecodingError| damaged("PNG", error);
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let info = decoder.read_header_info().map_err(failed)?;
    let (width, height) = (info.width as usize, info.height as usize);
    claim.check(width, height)?;
    // The limit of the decoder's internal allocations; they must hold a row of the image.
    decoder.set_limits(png::Limits { bytes: 64 << 20 });
    let mut reader = decoder.read_info().map_err(failed)?;
    let size = reader.output_buffer_size().ok_or_else(|| damaged("PNG", "expected a smaller image"))?;
    let samples = if reader.info().interlaced {
        let mut samples = allocate(size, 0)?;
        reader.next_frame(&mut samples).map_err(failed)?;
        samples
    } else {
        // Row by row: a file that is cut short takes no more memory than what is there.
        let mut samples = reserve(size)?;
        while let Some(row) = reader.next_row().map_err(failed)? {
            samples.extend_from_slice(row.data());
        }
        samples
    };
    let format = match reader.output_color_type().0 {
        png::ColorType::Grayscale => PixelFormat::Gray,
        png::ColorType::GrayscaleAlpha => PixelFormat::GrayAlpha,
        png::ColorType::Rgba => PixelFormat::Rgba,
        png::ColorType::Rgb | png::ColorType::Indexed => PixelFormat::Rgb,
    };
    if reader.info().exif_metadata.is_none() {
        // The EXIF data may stand behind the image, which is there now: what is wrong behind it does not matter.
        let _ = reader.finish();
    }
    let orientation = Orientation::from_exif(reader.info().exif_metadata.as_deref());
    finish("PNG", [width, height], format, samples, orientation)
}

pub(super) fn encode(image: &Image) -> std::io::Result<Vec<u8>> {
    let [width, height] = [image.width, image.height].map(|side| u32::try_from(side).map_err(std::io::Error::other));
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width?, height?);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_color(match image.format {
        PixelFormat::Gray => png::ColorType::Grayscale,
        PixelFormat::GrayAlpha => png::ColorType::GrayscaleAlpha,
        PixelFormat::Rgb => png::ColorType::Rgb,
        PixelFormat::Rgba => png::ColorType::Rgba,
    });
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&image.samples)?;
    writer.finish()?;
    Ok(bytes)
}
