//! Converts arbitrary images of digits to the format of MNIST.

use super::Image;
use crate::{Error, Result};

/// Width and height of an MNIST image.
const SIDE: usize = 28;
/// The digit itself fits into a square of this side.
const BOX: usize = 20;

/// Converts an image of a digit to the 28 x 28 values (rows from the top, 0 to 1, bright ink on black) expected by a model trained on
/// MNIST.
///
/// The steps are those that made MNIST (<http://yann.lecun.com/exdb/mnist/>): the image becomes gray; if the
/// background is light it is inverted; the ink is cut out, scaled to fit 20 x 20 pixels with its proportions kept, and
/// placed so that its center of mass is in the middle. An image of 28 x 28 pixels is assumed to be in MNIST's format and
/// only inverted if needed.
///
/// # Errors
/// If ink and background cannot be distinguished.
///
/// ```
/// use rushlight::vision::{Image, PixelFormat, mnist_pixels};
/// // A dark stroke on white paper.
/// let samples = (0..100 * 100).map(|i| if (40..60).contains(&(i % 100)) { 0 } else { 255 }).collect();
/// let pixels = mnist_pixels(&Image::new(100, 100, PixelFormat::Gray, samples))?;
/// assert_eq!((pixels.len(), pixels[0], pixels[14 * 28 + 14]), (28 * 28, 0.0, 1.0));
/// # Ok::<(), rushlight::Error>(())
/// ```
pub fn mnist_pixels(image: &Image) -> Result<Vec<f32>> {
    let gray = image.clone().over_white().to_gray();
    let (width, height) = (gray.width(), gray.height());
    let (dark, light) = otsu(gray.samples()).ok_or_else(blank)?;
    let inverted = border_median(&gray) > midpoint(dark, light);
    if (width, height) == (SIDE, SIDE) {
        let ink = |&v: &u8| f32::from(if inverted { 255 - v } else { v }) / 255.0;
        return Ok(gray.samples().iter().map(ink).collect());
    }
    let (background, foreground) = if inverted { (light, dark) } else { (dark, light) };
    // The mean ink maps to full ink; small differences from the mean background (paper, noise) map to none.
    let ink: Vec<f32> = gray
        .samples()
        .iter()
        .map(|&v| (f32::from(v) - background) / (foreground - background))
        .map(|v| ((v - 0.2) / 0.8).clamp(0.0, 1.0))
        .collect();
    let area = ink_box(&ink, width).ok_or_else(blank)?;
    let longer = area.width.max(area.height);
    let scaled = |length: usize| ((length * BOX) as f32 / longer as f32).round().max(1.0) as usize;
    let (w, h) = (scaled(area.width), scaled(area.height));
    let cut: Vec<f32> =
        (0..area.height).flat_map(|y| &ink[(area.top + y) * width + area.left..][..area.width]).copied().collect();
    let small = resize(&transpose(&resize(&cut, area.width, w), w), area.height, h);
    Ok(place_by_mass(&transpose(&small, h), w, h))
}

#[cold]
fn blank() -> Error {
    Error::value("mnist_pixels", "expected ink on a background, got a blank image")
}

fn midpoint(a: f32, b: f32) -> f32 {
    0.5 * (a + b)
}

/// Splits the samples in two groups so that the variance between them is largest (Otsu 1979) and returns the means of
/// the dark and of the light group. None where all samples are nearly equal.
fn otsu(samples: &[u8]) -> Option<(f32, f32)> {
    let mut histogram = [0u64; 256];
    samples.iter().for_each(|&v| histogram[usize::from(v)] += 1);
    let count = samples.len() as f64;
    let sum: f64 = histogram.iter().enumerate().map(|(v, &n)| v as f64 * n as f64).sum();
    let (mut below, mut sum_below) = (0.0, 0.0);
    let mut best = (0.0, 0.0, 0.0);
    for (value, &n) in histogram.iter().enumerate() {
        below += n as f64;
        sum_below += value as f64 * n as f64;
        if below > 0.0 && below < count {
            let (dark, light) = (sum_below / below, (sum - sum_below) / (count - below));
            let between = below * (count - below) * (light - dark).powi(2);
            if between > best.0 {
                best = (between, dark, light);
            }
        }
    }
    let (_, dark, light) = best;
    (light - dark >= 16.0).then_some((dark as f32, light as f32))
}

fn border_median(gray: &Image) -> f32 {
    let (w, h) = (gray.width(), gray.height());
    let at = |x: usize, y: usize| gray.samples()[y * w + x];
    let mut border: Vec<u8> = (0..w).flat_map(|x| [at(x, 0), at(x, h - 1)]).collect();
    border.extend((0..h).flat_map(|y| [at(0, y), at(w - 1, y)]));
    border.sort_unstable();
    f32::from(border[border.len() / 2])
}

struct Area {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

/// The smallest rectangle around the pixels that are more ink than not.
fn ink_box(ink: &[f32], width: usize) -> Option<Area> {
    let rows: Vec<&[f32]> = ink.chunks_exact(width).collect();
    let dark = |v: f32| v >= 0.5;
    let row_has = |y: &usize| rows[*y].iter().any(|&v| dark(v));
    let column_has = |x: &usize| rows.iter().any(|row| dark(row[*x]));
    let (top, bottom) = ((0..rows.len()).find(row_has)?, (0..rows.len()).rfind(row_has)?);
    let (left, right) = ((0..width).find(column_has)?, (0..width).rfind(column_has)?);
    Some(Area { left, top, width: right - left + 1, height: bottom - top + 1 })
}

fn transpose(values: &[f32], width: usize) -> Vec<f32> {
    (0..width).flat_map(|x| values.iter().skip(x).step_by(width)).copied().collect()
}

/// Scales every row from `from` to `to` samples with a triangle filter that is as wide as the scale, so that shrinking
/// averages over all samples (Pillow's BILINEAR).
fn resize(values: &[f32], from: usize, to: usize) -> Vec<f32> {
    let scale = from as f32 / to as f32;
    let reach = scale.max(1.0);
    let filters: Vec<(usize, Vec<f32>)> = (0..to)
        .map(|i| {
            let center = (i as f32 + 0.5) * scale;
            let first = (center - reach).floor().max(0.0) as usize;
            let last = ((center + reach).ceil() as usize).min(from);
            let weight = |j: usize| (1.0 - (j as f32 + 0.5 - center).abs() / reach).max(0.0);
            let weights: Vec<f32> = (first..last).map(weight).collect();
            let sum: f32 = weights.iter().sum();
            (first, weights.iter().map(|w| w / sum).collect())
        })
        .collect();
    let sample = |row: &[f32], (first, weights): &(usize, Vec<f32>)| -> f32 {
        // The weights sum to 1 up to rounding, which must not carry full ink over 1.
        weights.iter().zip(&row[*first..]).map(|(w, v)| w * v).sum::<f32>().min(1.0)
    };
    values.chunks_exact(from).flat_map(|row| filters.iter().map(|f| sample(row, f)).collect::<Vec<_>>()).collect()
}

/// Places an image of at most 20 x 20 in the 28 x 28 one, with its center of mass as near to the middle as possible without
/// cropping.
fn place_by_mass(small: &[f32], width: usize, height: usize) -> Vec<f32> {
    let mass: f32 = small.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    let moment = |coordinate: &dyn Fn(usize) -> usize| {
        small.iter().enumerate().map(|(i, v)| v * (coordinate(i) as f32 + 0.5)).sum::<f32>() / mass
    };
    let offset =
        |center: f32, length: usize| ((SIDE as f32 / 2.0 - center).round().max(0.0) as usize).min(SIDE - length);
    let left = offset(moment(&|i| i % width), width);
    let top = offset(moment(&|i| i / width), height);
    let mut out = vec![0.0; SIDE * SIDE];
    for (y, row) in small.chunks_exact(width).enumerate() {
        out[(top + y) * SIDE + left..][..width].copy_from_slice(row);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::PixelFormat;
    use super::*;

    /// A vertical bar with a foot, drawn at any size and place.
    fn image(side: usize, ink: u8, paper: u8, shift: usize) -> Image {
        let unit = side / 16;
        let inside = |x: usize, y: usize| {
            let (x, y) = (x.wrapping_sub(shift) / unit, y / unit);
            (y > 2 && y < 12 && x == 5) || (y == 11 && x > 5 && x < 9)
        };
        let samples = (0..side * side).map(|i| if inside(i % side, i / side) { ink } else { paper }).collect();
        Image::new(side, side, PixelFormat::Gray, samples)
    }

    #[test]
    fn size_place_and_polarity_do_not_matter() {
        let reference = mnist_pixels(&image(160, 0, 255, 0)).unwrap();
        assert_eq!(mnist_pixels(&image(160, 255, 0, 0)).unwrap(), reference);
        assert_eq!(mnist_pixels(&image(160, 0, 255, 40)).unwrap(), reference);
        assert_eq!(mnist_pixels(&image(160, 60, 200, 11)).unwrap(), reference);
        let larger = mnist_pixels(&image(800, 0, 255, 0)).unwrap();
        assert!(larger.iter().zip(&reference).all(|(a, b)| (a - b).abs() < 0.02));
        let transparent = image(160, 0, 255, 0).samples().iter().flat_map(|&v| [0, 255 - v]).collect();
        let transparent = Image::new(160, 160, PixelFormat::GrayAlpha, transparent);
        assert_eq!(mnist_pixels(&transparent).unwrap(), reference);
    }

    #[test]
    fn the_digit_fills_the_box_and_its_mass_is_centered() {
        let pixels = mnist_pixels(&image(320, 10, 240, 0)).unwrap();
        let rows = (0..SIDE).filter(|y| pixels[y * SIDE..][..SIDE].iter().any(|v| *v > 0.5)).count();
        assert_eq!(rows, BOX);
        let mass: f32 = pixels.iter().sum();
        let x = pixels.iter().enumerate().map(|(i, v)| v * ((i % SIDE) as f32 + 0.5)).sum::<f32>() / mass;
        let y = pixels.iter().enumerate().map(|(i, v)| v * ((i / SIDE) as f32 + 0.5)).sum::<f32>() / mass;
        assert!((x - 14.0).abs() <= 0.5 && (y - 14.0).abs() <= 0.5, "{x} {y}");
    }

    #[test]
    fn scaling_keeps_full_ink_at_one() {
        for from in 1..=100 {
            for to in 1..=BOX {
                let scaled = resize(&vec![1.0; from], from, to);
                assert!(scaled.iter().all(|v| (0.999..=1.0).contains(v)), "{from} to {to}: {scaled:?}");
            }
        }
    }

    #[test]
    fn mnist_pictures_stay_as_they_are() {
        let mut samples = vec![0u8; SIDE * SIDE];
        samples[300..310].fill(200);
        let pixels = mnist_pixels(&Image::new(SIDE, SIDE, PixelFormat::Gray, samples.clone())).unwrap();
        assert_eq!(pixels, samples.iter().map(|&v| f32::from(v) / 255.0).collect::<Vec<_>>());
    }

    #[test]
    fn blank_pictures_are_refused() {
        for value in [0, 128, 255] {
            let image = Image::new(40, 30, PixelFormat::Gray, vec![value; 1200]);
            assert!(mnist_pixels(&image).unwrap_err().to_string().contains("blank image"));
        }
        let single = Image::new(1, 1, PixelFormat::Rgb, vec![1, 2, 3]);
        assert!(mnist_pixels(&single).unwrap_err().to_string().contains("blank image"));
    }
}
