//! Affine maps of images, by Pillow's `Image.transform` and `Image.rotate`.

use super::{by_channels, weighted, with_samples};
use crate::vision::Image;
use crate::vision::transforms::options::{checked, sides};
use crate::vision::transforms::{Fill, InterpolationMode};
use crate::{Error, Result};

/// Where a pixel of the result comes from: `x = m[0] * x + m[1] * y + m[2]` and `y = m[3] * x + m[4] * y + m[5]`, from the centers of pixels.
type Matrix = [f64; 6];

fn at([a, b, c, d, e, f]: Matrix, x: f64, y: f64) -> [f64; 2] {
    [a * x + b * y + c, d * x + e * y + f]
}

/// An image of `C` samples per pixel that is the source of a map.
struct Source<'a, const C: usize> {
    pixels: &'a [[u8; C]],
    height: usize,
    width: usize,
}

impl<const C: usize> Source<'_, C> {
    /// The pixel at a place, if that is inside.
    fn get(&self, x: i64, y: i64) -> Option<[u8; C]> {
        let inside = (0..self.width as i64).contains(&x) && (0..self.height as i64).contains(&y);
        inside.then(|| self.pixels[y as usize * self.width + x as usize])
    }

    /// The pixels nearest to the places of a map.
    fn nearest(&self, [height, width]: [usize; 2], m: Matrix, fill: [u8; C], out: &mut Vec<u8>) {
        let [a, b, c, d, e, f] = m;
        let origin = at(m, 0.5, 0.5);
        let whole = |at: f64| if at < 0.0 { -1 } else { at as i64 };
        let corner = |x: usize, y: usize| at(m, x as f64, y as f64).iter().all(|at| at.abs() < 32768.0);
        if b == 0.0 && d == 0.0 {
            // Columns and rows are independent, and their places are sums, not products.
            let places = |start: f64, step: f64, count: usize| {
                std::iter::successors(Some(start), move |at| Some(at + step)).take(count).map(whole).collect::<Vec<_>>()
            };
            let columns = places(a * 0.5 + c, a, width);
            for y in places(e * 0.5 + f, e, height) {
                out.extend(columns.iter().flat_map(|&x| self.get(x, y).unwrap_or(fill)));
            }
        } else if corner(0, 0) && corner(width, height) && corner(0, height) && corner(width, 0) {
            // In fixed point with 16 fractional bits, where that is enough for the places.
            let fixed = |at: f64| (at * 65536.0 + 0.5).floor() as i32;
            let ([step_x, skew_x], [skew_y, step_y]) = ([a, b].map(fixed), [d, e].map(fixed));
            let [mut row_x, mut row_y] = origin.map(fixed);
            for _ in 0..height {
                let (mut x, mut y) = (row_x, row_y);
                for _ in 0..width {
                    out.extend(self.get((x >> 16).into(), (y >> 16).into()).unwrap_or(fill));
                    (x, y) = (x.wrapping_add(step_x), y.wrapping_add(skew_y));
                }
                (row_x, row_y) = (row_x.wrapping_add(skew_x), row_y.wrapping_add(step_y));
            }
        } else {
            let [mut row_x, mut row_y] = origin;
            for _ in 0..height {
                let (mut x, mut y) = (row_x, row_y);
                for _ in 0..width {
                    out.extend(self.get(whole(x), whole(y)).unwrap_or(fill));
                    (x, y) = (x + a, y + d);
                }
                (row_x, row_y) = (row_x + b, row_y + e);
            }
        }
    }

    /// A weighted sum of `N * N` pixels around each place of a map, by a function of `N` samples and the fraction of the way between the
    /// middle two. Pixels beyond the border are those at the border; places outside are filled.
    fn interpolated<const N: usize>(
        &self,
        [height, width]: [usize; 2],
        m: Matrix,
        fill: [u8; C],
        between: impl Fn([f64; N], f64) -> f64,
        out: &mut Vec<u8>,
    ) {
        for row in 0..height {
            for column in 0..width {
                let [x, y] = at(m, column as f64 + 0.5, row as f64 + 0.5);
                if !(x >= 0.0 && x < self.width as f64 && y >= 0.0 && y < self.height as f64) {
                    out.extend(fill);
                    continue;
                }
                let (x, y) = (x - 0.5, y - 0.5);
                let first = |at: f64| at.floor() as i64 - (N as i64 / 2 - 1);
                let places = |first: i64, of: usize| -> [usize; N] {
                    std::array::from_fn(|i| (first + i as i64).clamp(0, of as i64 - 1) as usize)
                };
                let (xs, ys) = (places(first(x), self.width), places(first(y), self.height));
                let (dx, dy) = (x - x.floor(), y - y.floor());
                out.extend(std::array::from_fn::<u8, C, _>(|c| {
                    let line = |y: usize| between(xs.map(|x| self.pixels[y * self.width + x][c].into()), dx);
                    // `as` rounds toward 0, as Pillow does, and saturates.
                    between(ys.map(line), dy) as u8
                }));
            }
        }
    }
}

fn linear([a, b]: [f64; 2], t: f64) -> f64 {
    a + (b - a) * t
}

fn cubic([a, b, c, d]: [f64; 4], t: f64) -> f64 {
    let (p1, p2, p3, p4) = (b, -a + c, 2.0 * (a - b) + c - d, -a + b - c + d);
    p1 + t * (p2 + t * (p3 + t * p4))
}

/// `Image.transform(size, Transform.AFFINE, m, mode, fillcolor=fill)`.
fn transform(
    op: &'static str,
    image: &Image,
    to: [usize; 2],
    m: Matrix,
    mode: InterpolationMode,
    fill: &Fill,
) -> Result<Image> {
    let ([height, width], to) = (sides(image), checked(op, to)?);
    let fill = fill.samples(op, image.format().channels())?;
    let mapped = |samples: &[u8]| {
        let mut out = Vec::with_capacity(to[0] * to[1] * fill.len());
        by_channels!(image, C => {
            let source = Source::<C> { pixels: samples.as_chunks().0, height, width };
            let fill = std::array::from_fn(|c| fill[c]);
            match mode {
                InterpolationMode::Bilinear => source.interpolated(to, m, fill, linear, &mut out),
                InterpolationMode::Bicubic => source.interpolated(to, m, fill, cubic, &mut out),
                _ => source.nearest(to, m, fill, &mut out),
            }
        });
        out
    };
    match mode {
        InterpolationMode::Nearest | InterpolationMode::NearestExact => {
            with_samples(image, to, mapped(image.samples()))
        }
        InterpolationMode::Bilinear | InterpolationMode::Bicubic => weighted(image, to, mapped),
        _ => Err(Error::value(op, format!("expected nearest, bilinear or bicubic interpolation, got {mode:?}"))),
    }
}

/// The pixels of an image in another order: from the place in the result to that in the image.
fn turned(image: &Image, to: [usize; 2], from: impl Fn(usize, usize) -> [usize; 2]) -> Result<Image> {
    let samples = by_channels!(image, C => {
        let pixels = image.samples().as_chunks::<C>().0;
        let places = (0..to[0]).flat_map(|y| (0..to[1]).map(move |x| (y, x)));
        places.flat_map(|(y, x)| { let [y, x] = from(y, x); pixels[y * image.width() + x] }).collect()
    });
    with_samples(image, to, samples)
}

/// Rounds to 15 decimal places, as Python's `round`.
fn rounded(x: f64) -> f64 {
    format!("{x:.15}").parse().expect("a number")
}

/// Rotates an image counterclockwise by `angle` degrees.
pub(in crate::vision::transforms) fn rotate(
    image: &Image,
    angle: f64,
    mode: InterpolationMode,
    expand: bool,
    center: Option<[f64; 2]>,
    fill: &Fill,
) -> Result<Image> {
    let [height, width] = sides(image);
    let angle = angle.rem_euclid(360.0);
    if center.is_none() {
        // Rotations that only move pixels.
        let turns = expand || width == height;
        if angle == 0.0 {
            return Ok(image.clone());
        } else if angle == 180.0 {
            return turned(image, [height, width], |y, x| [height - 1 - y, width - 1 - x]);
        } else if angle == 90.0 && turns {
            return turned(image, [width, height], |y, x| [x, width - 1 - y]);
        } else if angle == 270.0 && turns {
            return turned(image, [width, height], |y, x| [height - 1 - x, y]);
        }
    }
    let [cx, cy] = center.unwrap_or([width as f64 / 2.0, height as f64 / 2.0]);
    let angle = -angle.to_radians();
    let (sin, cos) = (angle.sin(), angle.cos());
    let mut m = [rounded(cos), rounded(sin), 0.0, rounded(-sin), rounded(cos), 0.0];
    [m[2], m[5]] = at(m, -cx, -cy);
    m[2] += cx;
    m[5] += cy;
    let mut to = [height, width];
    if expand {
        let (w, h) = (width as f64, height as f64);
        let corners = [(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)].map(|(x, y)| at(m, x, y));
        let length = |i: usize| {
            let ends = corners.iter().map(|corner| corner[i]);
            ends.clone().fold(f64::MIN, f64::max).ceil() - ends.fold(f64::MAX, f64::min).floor()
        };
        let (new_w, new_h) = (length(0), length(1));
        [m[2], m[5]] = at(m, -(new_w - w) / 2.0, -(new_h - h) / 2.0);
        to = [new_h as usize, new_w as usize];
    }
    transform("rotate", image, to, m, mode, fill)
}

/// Rotates clockwise by `angle` degrees, shears, scales and moves an image around its center, or another point.
#[expect(clippy::too_many_arguments, reason = "torchvision's arguments")]
pub(in crate::vision::transforms) fn affine(
    image: &Image,
    angle: f64,
    translate: [f64; 2],
    scale: f64,
    shear: [f64; 2],
    mode: InterpolationMode,
    center: Option<[f64; 2]>,
    fill: &Fill,
) -> Result<Image> {
    if !(scale > 0.0 && scale.is_finite()) {
        return Err(Error::value("affine", format!("expected a positive scale, got {scale}")));
    }
    let [height, width] = sides(image);
    let [cx, cy] = center.unwrap_or([width as f64 * 0.5, height as f64 * 0.5]);
    let (rotation, [sx, sy], [tx, ty]) = (angle.to_radians(), shear.map(f64::to_radians), translate);
    // The inverse of T · C · rotation · shear · scale · C⁻¹, where C moves the center and T is the translation.
    let a = (rotation - sy).cos() / sy.cos();
    let b = -(rotation - sy).cos() * sx.tan() / sy.cos() - rotation.sin();
    let c = (rotation - sy).sin() / sy.cos();
    let d = -(rotation - sy).sin() * sx.tan() / sy.cos() + rotation.cos();
    let mut m = [d, -b, 0.0, -c, a, 0.0].map(|x| x / scale);
    m[2] += m[0] * (-cx - tx) + m[1] * (-cy - ty);
    m[5] += m[3] * (-cx - tx) + m[4] * (-cy - ty);
    m[2] += cx;
    m[5] += cy;
    transform("affine", image, [height, width], m, mode, fill)
}
