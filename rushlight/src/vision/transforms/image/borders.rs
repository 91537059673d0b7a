//! Parts of images, and pixels beyond their borders.

use super::{by_channels, with_samples};
use crate::vision::Image;
use crate::vision::transforms::options::{checked, sides};
use crate::vision::transforms::{Fill, PadSizes, PaddingMode};
use crate::{Error, Result};

/// The part of an image that begins at a pixel, which may be outside; pixels outside are filled.
pub(super) fn window(
    op: &'static str,
    image: &Image,
    [top, left]: [isize; 2],
    size: [usize; 2],
    fill: &Fill,
) -> Result<Image> {
    let [height, width] = checked(op, size)?;
    let channels = image.format().channels();
    let pixel = fill.samples(op, channels)?;
    let mut out = pixel.repeat(height * width);
    // The part of the result along one dimension that is inside the image.
    let inside = |start: isize, length: usize, of: usize| {
        let begin = start.saturating_neg().clamp(0, length as isize) as usize;
        let end = (of as isize).saturating_sub(start).clamp(begin as isize, length as isize) as usize;
        begin..end
    };
    let (rows, columns) = (inside(top, height, image.height()), inside(left, width, image.width()));
    if !columns.is_empty() {
        let count = columns.len() * channels;
        for y in rows {
            // Both sums are places inside the image.
            let from = (y as isize + top) as usize * image.width() + (columns.start as isize + left) as usize;
            let to = y * width + columns.start;
            out[to * channels..][..count].copy_from_slice(&image.samples()[from * channels..][..count]);
        }
    }
    with_samples(image, [height, width], out)
}

/// The image of the pixels in these rows and columns.
pub(super) fn remap(image: &Image, rows: &[usize], columns: &[usize], size: [usize; 2]) -> Result<Image> {
    let samples = by_channels!(image, C => {
        let pixels = image.samples().as_chunks::<C>().0;
        let mut out = Vec::with_capacity(rows.len() * columns.len() * C);
        for row in rows {
            let row = &pixels[row * image.width()..][..image.width()];
            out.extend(columns.iter().flat_map(|&column| row[column]));
        }
        out
    });
    with_samples(image, size, samples)
}

/// Height and width with pixels added or, where numbers are negative, removed.
pub(in crate::vision::transforms) fn padded([height, width]: [usize; 2], padding: PadSizes) -> Result<[usize; 2]> {
    let PadSizes { left, top, right, bottom } = padding;
    let length = |length: usize, before: isize, after: isize| {
        usize::try_from(length as i128 + before as i128 + after as i128).unwrap_or(if before > 0 {
            usize::MAX
        } else {
            0
        })
    };
    checked("pad", [length(height, top, bottom), length(width, left, right)])
}

/// The places along a dimension of `length` pixels that padding repeats, as `numpy.pad`, which repeats mirror images as often as it takes.
/// The padded length was checked.
pub(in crate::vision::transforms) fn repeated(
    length: usize,
    [before, after]: [isize; 2],
    mode: PaddingMode,
) -> Result<Vec<usize>> {
    let cut = before.min(0).unsigned_abs();
    let inner = (length as isize).saturating_sub_unsigned(cut).saturating_add(after.min(0));
    if inner <= 0 {
        let message = format!("expected padding that leaves a pixel of {length} to repeat, got {before} and {after}");
        return Err(Error::value("pad", message));
    }
    let place = |at: isize| match mode {
        PaddingMode::Edge | PaddingMode::Constant => at.clamp(0, inner - 1),
        PaddingMode::Reflect => {
            let period = (2 * (inner - 1)).max(1);
            let at = at.rem_euclid(period);
            if at < inner { at } else { period - at }
        }
        PaddingMode::Symmetric => {
            let at = at.rem_euclid(2 * inner);
            if at < inner { at } else { 2 * inner - 1 - at }
        }
    };
    Ok((-before.max(0)..inner + after.max(0)).map(|at| place(at) as usize + cut).collect())
}

pub(super) fn pad(image: &Image, padding: PadSizes, fill: &Fill, mode: PaddingMode) -> Result<Image> {
    let PadSizes { left, top, right, bottom } = padding;
    let [height, width] = sides(image);
    let size = padded([height, width], padding)?;
    if mode == PaddingMode::Constant {
        return window("pad", image, [top.saturating_neg(), left.saturating_neg()], size, fill);
    }
    remap(image, &repeated(height, [top, bottom], mode)?, &repeated(width, [left, right], mode)?, size)
}
