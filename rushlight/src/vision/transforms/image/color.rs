//! Colors, as Pillow's `ImageEnhance` and its conversion to hue, saturation and value.

use super::{colors, tables, with_samples};
use crate::Result;
use crate::vision::Image;
use crate::vision::transforms::options::sides;

/// `a + factor * (b - a)`, in float32 and rounded toward 0.
fn mix(a: u8, b: u8, factor: f32) -> u8 {
    // `as` saturates.
    (f32::from(a) + factor * f32::from(i16::from(b) - i16::from(a))) as u8
}

/// The image between two, or beyond one of them.
pub(super) fn blend(from: &Image, to: &Image, factor: f64) -> Result<Image> {
    let pairs = from.samples().iter().zip(to.samples());
    with_samples(to, sides(to), pairs.map(|(&a, &b)| mix(a, b, factor as f32)).collect())
}

/// The image between one sample everywhere and this. Opacity stays.
pub(super) fn blend_with(image: &Image, sample: u8, factor: f64) -> Result<Image> {
    tables::map_colors(image, &std::array::from_fn(|b| mix(sample, b as u8, factor as f32)))
}

/// The same image without colors. Opacity stays.
pub(super) fn gray_colors(image: &Image) -> Result<Image> {
    let (channels, colors) = (image.format().channels(), colors(image));
    if colors == 1 {
        return Ok(image.clone());
    }
    let mut samples = image.samples().to_vec();
    for (pixel, &gray) in samples.chunks_exact_mut(channels).zip(image.to_gray().samples()) {
        pixel[..colors].fill(gray);
    }
    with_samples(image, sides(image), samples)
}

/// Hue, saturation and value of a color (Smith, 1978), in the precision that Pillow computes each of them in.
fn to_hsv([r, g, b]: [u8; 3]) -> [u8; 3] {
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    if max == min {
        return [0, 0, max];
    }
    let range = f32::from(max - min);
    let [rc, gc, bc] = [r, g, b].map(|c| f32::from(max - c) / range);
    let sixths = if r == max {
        bc - gc
    } else if g == max {
        (2.0 + f64::from(rc) - f64::from(bc)) as f32
    } else {
        (4.0 + f64::from(gc) - f64::from(rc)) as f32
    };
    let hue = ((f64::from(sixths) / 6.0 + 1.0) % 1.0) as f32;
    let saturation = range / f32::from(max);
    [(f64::from(hue) * 255.0) as u8, (f64::from(saturation) * 255.0) as u8, max]
}

fn from_hsv([h, s, v]: [u8; 3]) -> [u8; 3] {
    if s == 0 {
        return [v; 3];
    }
    let sixths = f64::from(h) * 6.0 / 255.0;
    let (sector, value) = (sixths.floor(), f64::from(v));
    let (f, s) = ((sixths - sector) as f32, (f64::from(s) / 255.0) as f32);
    let rounded = |x: f64| x.round() as u8;
    let p = rounded(value * (1.0 - f64::from(s)));
    let q = rounded(value * (1.0 - f64::from(s * f)));
    let t = rounded(value * (1.0 - f64::from(s) * (1.0 - f64::from(f))));
    match sector as u8 % 6 {
        0 => [v, t, p],
        1 => [q, v, p],
        2 => [p, v, t],
        3 => [p, q, v],
        4 => [t, p, v],
        _ => [v, p, q],
    }
}

/// Turns the hues of an image by a fraction of the circle.
pub(super) fn adjust_hue(image: &Image, factor: f64) -> Result<Image> {
    let (channels, colors) = (image.format().channels(), colors(image));
    if colors == 1 {
        return Ok(image.clone());
    }
    let turn = (factor * 255.0) as i32 as u8;
    let mut samples = image.samples().to_vec();
    for pixel in samples.chunks_exact_mut(channels) {
        let [h, s, v] = to_hsv([pixel[0], pixel[1], pixel[2]]);
        pixel[..3].copy_from_slice(&from_hsv([h.wrapping_add(turn), s, v]));
    }
    with_samples(image, sides(image), samples)
}
