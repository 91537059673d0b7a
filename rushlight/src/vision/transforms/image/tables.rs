//! Functions of single samples, as Pillow's `ImageOps`.

use super::{colors, has_alpha, with_samples};
use crate::vision::Image;
use crate::vision::transforms::options::sides;
use crate::{Error, Result};

type Table = [u8; 256];

const IDENTITY: Table = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = i as u8;
        i += 1;
    }
    table
};

/// Replaces samples by those of a table. Opacity stays.
pub(super) fn map_colors(image: &Image, table: &Table) -> Result<Image> {
    let mut samples = image.samples().to_vec();
    if has_alpha(image) {
        let colors = colors(image);
        for pixel in samples.chunks_exact_mut(colors + 1) {
            pixel[..colors].iter_mut().for_each(|sample| *sample = table[usize::from(*sample)]);
        }
    } else {
        samples.iter_mut().for_each(|sample| *sample = table[usize::from(*sample)]);
    }
    with_samples(image, sides(image), samples)
}

/// Images with opacity have no meaning here in Pillow.
fn opaque(op: &'static str, image: &Image) -> Result<()> {
    if has_alpha(image) {
        return Err(Error::value(op, format!("expected an image in gray or RGB, got {:?}", image.format())));
    }
    Ok(())
}

/// Replaces the samples of each channel by those of a table that is computed from the channel's histogram.
fn map_channels(op: &'static str, image: &Image, table: impl Fn(&[u64; 256]) -> Table) -> Result<Image> {
    opaque(op, image)?;
    let channels = image.format().channels();
    let mut samples = image.samples().to_vec();
    for channel in 0..channels {
        let mut histogram = [0; 256];
        samples[channel..].iter().step_by(channels).for_each(|&sample| histogram[usize::from(sample)] += 1);
        let table = table(&histogram);
        samples[channel..].iter_mut().step_by(channels).for_each(|sample| *sample = table[usize::from(*sample)]);
    }
    with_samples(image, sides(image), samples)
}

pub(in crate::vision::transforms) fn invert(image: &Image) -> Result<Image> {
    opaque("invert", image)?;
    map_colors(image, &IDENTITY.map(|sample| 255 - sample))
}

pub(in crate::vision::transforms) fn posterize(image: &Image, bits: usize) -> Result<Image> {
    if !(1..=8).contains(&bits) {
        return Err(Error::value("posterize", format!("expected 1 to 8 bits, got {bits}")));
    }
    opaque("posterize", image)?;
    map_colors(image, &IDENTITY.map(|sample| sample & (0xff << (8 - bits)) as u8))
}

pub(in crate::vision::transforms) fn solarize(image: &Image, threshold: f64) -> Result<Image> {
    opaque("solarize", image)?;
    map_colors(image, &IDENTITY.map(|sample| if f64::from(sample) < threshold { sample } else { 255 - sample }))
}

pub(in crate::vision::transforms) fn autocontrast(image: &Image) -> Result<Image> {
    map_channels("autocontrast", image, |histogram| {
        let used = |&level: &usize| histogram[level] > 0;
        let (low, high) = ((0..256).find(used).unwrap_or(0), (0..256).rfind(used).unwrap_or(0));
        if high <= low {
            return IDENTITY;
        }
        let scale = 255.0 / (high - low) as f64;
        let offset = -(low as f64) * scale;
        IDENTITY.map(|sample| (f64::from(sample) * scale + offset) as u8)
    })
}

pub(in crate::vision::transforms) fn equalize(image: &Image) -> Result<Image> {
    map_channels("equalize", image, |histogram| {
        let last = histogram.iter().rfind(|&&count| count > 0).copied().unwrap_or(0);
        let step = (histogram.iter().sum::<u64>() - last) / 255;
        if step == 0 {
            return IDENTITY;
        }
        let mut sum = step / 2;
        let mut table = [0; 256];
        for (entry, count) in table.iter_mut().zip(histogram) {
            *entry = (sum / step).min(255) as u8;
            sum += count;
        }
        table
    })
}
