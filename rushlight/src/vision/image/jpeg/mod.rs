//! JPEG files.
//!
//! `libjpeg-turbo-rs` decodes them, to the same samples as libjpeg-turbo, and `jpeg-decoder` the few that it refuses although they are
//! valid. `docs/images.md` compares the decoders that were considered.

mod segments;

use super::orientation::Orientation;
use super::read::{Claim, DecodeOptions, Decoded, damaged, finish};
use super::{Image, PixelFormat};
use crate::{Error, Result};
use libjpeg_turbo_rs::{self as turbo, ColorSpace, DecodeLimits, DecodeWarning, ScalingFactor, Subsampling};
use segments::Segments;

/// Progressive files have about ten scans; each of them costs time in proportion to the image, whatever its size in the file.
const MAX_SCANS: usize = 100;

#[cold]
fn failed(error: impl std::fmt::Display) -> Error {
    damaged("JPEG", error)
}

pub(super) fn decode(bytes: &[u8], claim: Claim, options: DecodeOptions) -> Result<Decoded> {
    let segments = Segments::read(bytes);
    let bytes = segments.repaired(bytes);
    let limits =
        DecodeLimits { max_width: 1 << 16, max_height: 1 << 16, max_scans: MAX_SCANS, ..DecodeLimits::default() };
    let mut decoder = turbo::Decoder::new_with_limits(&bytes, limits).map_err(failed)?;
    let frame = decoder.header();
    claim.check(frame.width(), frame.height())?;
    if frame.precision != 8 || frame.is_lossless {
        let kind = if frame.is_lossless { "lossless" } else { "lossy" };
        let message =
            format!("expected lossy compression of 8-bit samples, got {kind} of {}-bit ones", frame.precision);
        return Err(failed(message));
    }
    // Without the marker of the end, the file may have been cut between two scans.
    if !segments.end && !segments.complete(frame.components.len()) {
        return Err(failed("cut short, scans are missing"));
    }
    let orientation = Orientation::from_exif(decoder.exif_data());
    let first = frame.components.first();
    let finer_chroma = frame.components.iter().any(|component| {
        first.is_some_and(|first| {
            component.horizontal_sampling > first.horizontal_sampling
                || component.vertical_sampling > first.vertical_sampling
        })
    });
    let partly_interleaved = !frame.is_progressive && segments.partly_interleaved(frame.components.len());
    if finer_chroma || partly_interleaved {
        return decode_uncommon(&bytes, segments.end, orientation);
    }
    if let Some([height, width]) = options.at_least {
        let stored = if options.orientation && orientation.transposes() { [width, height] } else { [height, width] };
        decoder.set_scale(scale([frame.height(), frame.width()], stored)?);
    }
    let (wanted, format) = match decoder.jpeg_color_space() {
        ColorSpace::Grayscale => (turbo::PixelFormat::Grayscale, PixelFormat::Gray),
        ColorSpace::Cmyk | ColorSpace::Ycck => (turbo::PixelFormat::Cmyk, PixelFormat::Rgb),
        _ => (turbo::PixelFormat::Rgb, PixelFormat::Rgb),
    };
    decoder.set_output_format(wanted);
    // As libjpeg-turbo does by default.
    decoder.set_block_smoothing(true);
    decoder.set_lenient(true);
    let image = decoder.decode_image().map_err(failed)?;
    for warning in &image.warnings {
        match warning {
            // What is damaged is decoded as by libjpeg-turbo, but not an image that is not there.
            DecodeWarning::TruncatedData { decoded_mcus, total_mcus }
                if segments.end && decoded_mcus * 2 >= *total_mcus => {}
            DecodeWarning::TruncatedData { decoded_mcus, total_mcus } => {
                return Err(failed(format!("cut short, {decoded_mcus} of {total_mcus} blocks are there")));
            }
            DecodeWarning::UnsupportedRecovered { detail } => return Err(failed(detail)),
            _ => {}
        }
    }
    let size = [image.width, image.height];
    let samples = if wanted == turbo::PixelFormat::Cmyk { cmyk_to_rgb(image.data) } else { image.data };
    finish("JPEG", size, format, samples, orientation)
}

/// The smallest scale at which an image is no smaller than `wanted`, both `[height, width]`.
fn scale(size: [usize; 2], wanted: [usize; 2]) -> Result<ScalingFactor> {
    let suffices = |scale: &usize| size[0] / scale >= wanted[0] && size[1] / scale >= wanted[1];
    let scale = [8, 4, 2].into_iter().find(suffices).unwrap_or(1);
    ScalingFactor::try_new(1, scale as u32).map_err(failed)
}

/// Decodes what the other decoder refuses: scans of several but not all components, chroma that is finer than luma.
fn decode_uncommon(bytes: &[u8], end: bool, orientation: Orientation) -> Result<Decoded> {
    if !end {
        return Err(failed("cut short, its end is missing"));
    }
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let mut samples = decoder.decode().map_err(failed)?;
    let info = decoder.info().ok_or_else(|| failed("expected an image in the file, got none"))?;
    let format = match info.pixel_format {
        jpeg_decoder::PixelFormat::L8 => PixelFormat::Gray,
        jpeg_decoder::PixelFormat::RGB24 => PixelFormat::Rgb,
        jpeg_decoder::PixelFormat::CMYK32 => {
            // This decoder inverts the samples.
            samples.iter_mut().for_each(|sample| *sample = !*sample);
            samples = cmyk_to_rgb(samples);
            PixelFormat::Rgb
        }
        jpeg_decoder::PixelFormat::L16 => return Err(failed("expected 8-bit samples, got 16-bit ones")),
    };
    finish("JPEG", [info.width.into(), info.height.into()], format, samples, orientation)
}

/// Multiplies inverted ink by inverted black, as Pillow's conversion. Files hold inverted samples.
fn cmyk_to_rgb(mut samples: Vec<u8>) -> Vec<u8> {
    let pixels = samples.len() / 4;
    for i in 0..pixels {
        let key = u32::from(samples[4 * i + 3]);
        for channel in 0..3 {
            let product = u32::from(samples[4 * i + channel]) * key + 128;
            samples[3 * i + channel] = (((product >> 8) + product) >> 8) as u8;
        }
    }
    samples.truncate(3 * pixels);
    samples.shrink_to_fit();
    samples
}

pub(super) fn encode(image: &Image, quality: u8) -> Result<Vec<u8>> {
    let format = match image.format {
        PixelFormat::Gray => turbo::PixelFormat::Grayscale,
        PixelFormat::Rgb => turbo::PixelFormat::Rgb,
        PixelFormat::GrayAlpha | PixelFormat::Rgba => {
            let message =
                "expected an image without opacity for a JPEG, got one with it; over_white and to_rgb remove it";
            return Err(Error::value("Image::encode", message));
        }
    };
    turbo::compress(&image.samples, image.width, image.height, format, quality, Subsampling::S420)
        .map_err(|error| Error::value("Image::encode", error.to_string()))
}
