//! The first frame of GIF files.

use super::PixelFormat;
use super::orientation::Orientation;
use super::read::{Claim, Decoded, allocate, damaged, finish};
use crate::Result;
use gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};
use std::num::NonZeroU64;

pub(super) fn decode(bytes: &[u8], claim: Claim) -> Result<Decoded> {
    let failed = |error: DecodingError| damaged("GIF", error);
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    // The size of a frame is checked below, before it is allocated.
    options.set_memory_limit(MemoryLimit::Bytes(NonZeroU64::MAX));
    let mut decoder = options.read_info(bytes).map_err(failed)?;
    let frame = decoder.next_frame_info().map_err(failed)?;
    let frame = frame.ok_or_else(|| damaged("GIF", "expected a frame, got none"))?;
    let [left, top, frame_width, frame_height] = [frame.left, frame.top, frame.width, frame.height].map(usize::from);
    let transparent = frame.transparent;
    // As in Pillow, a frame beyond the screen enlarges it.
    let width = usize::from(decoder.width()).max(left + frame_width);
    let height = usize::from(decoder.height()).max(top + frame_height);
    claim.check(width, height)?;
    let mut indices = allocate(frame_width * frame_height, 0)?;
    decoder.read_into_buffer(&mut indices).map_err(failed)?;
    // Without a palette an index is a brightness, as in Pillow.
    let mut colors: [[u8; 3]; 256] = std::array::from_fn(|index| [index as u8; 3]);
    if let Ok(palette) = decoder.palette() {
        colors = [[0; 3]; 256];
        for (color, rgb) in colors.iter_mut().zip(palette.chunks_exact(3)) {
            color.copy_from_slice(rgb);
        }
    }
    let pixel = |index: u8| {
        let [r, g, b] = colors[usize::from(index)];
        [r, g, b, if transparent == Some(index) { 0 } else { 255 }]
    };
    let format = if transparent.is_some() { PixelFormat::Rgba } else { PixelFormat::Rgb };
    let channels = format.channels();
    // The screen around the frame is transparent, or of the first color.
    let around = pixel(transparent.unwrap_or(0));
    let mut samples = allocate(width * height * channels, 0)?;
    for (y, row) in samples.chunks_exact_mut(width * channels).enumerate() {
        for (x, sample) in row.chunks_exact_mut(channels).enumerate() {
            let (x, y) = (x.wrapping_sub(left), y.wrapping_sub(top));
            let inside = x < frame_width && y < frame_height;
            let color = if inside { pixel(indices[y * frame_width + x]) } else { around };
            sample.copy_from_slice(&color[..channels]);
        }
    }
    finish("GIF", [width, height], format, samples, Orientation::UPRIGHT)
}
