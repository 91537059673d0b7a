//! Pillow's resampling of images of 8-bit samples, to the last bit.

use crate::vision::transforms::InterpolationMode;
use rushlight_kernels::isa;
use rushlight_kernels::simd::{Kernel, Simd, dispatch};
use std::f64::consts::PI;

/// The weights are integers with this many fractional bits: 32 less the bits of a sample and two for sign and sum.
const BITS: u32 = 22;
/// Samples of one place of several rows that are summed together, a register or two.
const LANES: usize = 16;
/// Samples of a row that are summed together over several rows.
const BLOCK: usize = 64;

/// A function of the distance from the center of a result, in samples of the longer of the two sides.
#[derive(Clone, Copy)]
pub(in crate::vision::transforms) struct Filter {
    /// The distance from which on weights are 0.
    pub(in crate::vision::transforms) support: f64,
    pub(in crate::vision::transforms) weight: fn(f64) -> f64,
}

impl Filter {
    /// The filter of an interpolation; none for nearest pixels, which have no weights.
    pub(super) fn of(mode: InterpolationMode) -> Option<Filter> {
        let (support, weight): (f64, fn(f64) -> f64) = match mode {
            InterpolationMode::Nearest | InterpolationMode::NearestExact => return None,
            InterpolationMode::Box => (0.5, |x| f64::from(x > -0.5 && x <= 0.5)),
            InterpolationMode::Bilinear => (1.0, triangle),
            InterpolationMode::Hamming => (1.0, hamming),
            InterpolationMode::Bicubic => (2.0, |x| cubic(x, -0.5)),
            InterpolationMode::Lanczos => (3.0, lanczos),
        };
        Some(Filter { support, weight })
    }
}

pub(in crate::vision::transforms) fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

fn hamming(x: f64) -> f64 {
    let x = x.abs();
    if x == 0.0 {
        1.0
    } else if x >= 1.0 {
        0.0
    } else {
        let x = x * PI;
        x.sin() / x * (0.54 + 0.46 * x.cos())
    }
}

/// Keys' cubic convolution with slope `a` at distance 1.
pub(in crate::vision::transforms) fn cubic(x: f64, a: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * a
    } else {
        0.0
    }
}

fn lanczos(x: f64) -> f64 {
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) };
    if (-3.0..3.0).contains(&x) { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

/// For each of `to` results along a dimension of `from` samples: the first sample that it is made of, and the weights of that and the
/// next ones, which sum to 1.
pub(in crate::vision::transforms) fn weights(
    filter: Filter,
    from: usize,
    to: usize,
) -> impl Iterator<Item = (usize, Vec<f64>)> {
    let scale = from as f64 / to as f64;
    // A filter is as wide as the samples of the result if those are farther apart: shrinking averages over all samples.
    let widening = scale.max(1.0);
    let support = filter.support * widening;
    // Multiplied by, as in Pillow: a division would round some weights differently.
    let narrowing = 1.0 / widening;
    (0..to).map(move |i| {
        let center = (i as f64 + 0.5) * scale;
        // `as` rounds toward zero, and negative numbers up to 0.
        let first = (center - support + 0.5) as usize;
        let end = ((center + support + 0.5) as usize).min(from);
        let mut weights: Vec<f64> =
            (first..end).map(|j| (filter.weight)((j as f64 - center + 0.5) * narrowing)).collect();
        let sum: f64 = weights.iter().sum();
        if sum != 0.0 {
            weights.iter_mut().for_each(|weight| *weight /= sum);
        }
        (first, weights)
    })
}

/// The weights of all results along one dimension as integers.
struct Weights {
    /// For each result: the first sample it is made of, and where its weights end in `weights`.
    spans: Vec<(usize, usize)>,
    weights: Vec<i32>,
}

impl Weights {
    fn new(filter: Filter, from: usize, to: usize) -> Weights {
        let mut all = Weights { spans: Vec::with_capacity(to), weights: Vec::new() };
        for (first, weights) in weights(filter, from, to) {
            // Halves are rounded away from 0.
            let fixed = |weight: f64| (weight * f64::from(1 << BITS) + 0.5f64.copysign(weight)) as i32;
            all.weights.extend(weights.into_iter().map(fixed));
            all.spans.push((first, all.weights.len()));
        }
        all
    }

    fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        let mut begin = 0;
        self.spans.iter().map(move |&(first, end)| (first, &self.weights[std::mem::replace(&mut begin, end)..end]))
    }
}

/// The sample of a weighted sum that starts at one half.
#[inline(always)]
fn sample(sum: i32) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}

/// Scales rows of `from` pixels with `C` samples each to rows of `to` pixels.
struct Horizontal<'a, const C: usize> {
    samples: &'a [u8],
    from: usize,
    to: usize,
    weights: &'a Weights,
}

impl<const C: usize> Kernel for Horizontal<'_, C> {
    type Output = Vec<u8>;

    #[inline(always)]
    fn run<S: Simd>(self) -> Vec<u8> {
        let (in_row, out_row) = (self.from * C, self.to * C);
        let mut out = vec![0; self.samples.len() / self.from * self.to];
        // The pixels of a column of several rows together, so that one weight belongs to all lanes.
        let mut columns = vec![[0; LANES]; self.from];
        for (rows, out) in self.samples.chunks(in_row * (LANES / C)).zip(out.chunks_mut(out_row * (LANES / C))) {
            for (r, row) in rows.chunks_exact(in_row).enumerate() {
                for (pixel, column) in row.as_chunks::<C>().0.iter().zip(&mut columns) {
                    column[r * C..][..C].copy_from_slice(pixel);
                }
            }
            for (i, (first, weights)) in self.weights.iter().enumerate() {
                let mut sums = [1 << (BITS - 1); LANES];
                for (column, &weight) in columns[first..].iter().zip(weights) {
                    for lane in 0..LANES {
                        sums[lane] += i32::from(column[lane]) * weight;
                    }
                }
                let pixels = sums.map(sample);
                for (pixel, row) in pixels.as_chunks::<C>().0.iter().zip(out.chunks_exact_mut(out_row)) {
                    row[i * C..][..C].copy_from_slice(pixel);
                }
            }
        }
        out
    }
}

/// Scales rows of `stride` samples to other rows.
struct Vertical<'a> {
    samples: &'a [u8],
    stride: usize,
    weights: &'a Weights,
}

impl Vertical<'_> {
    /// Samples `begin..begin + N` of a row.
    #[inline(always)]
    fn block<const N: usize>(&self, first: usize, weights: &[i32], begin: usize, out: &mut [u8]) {
        let mut sums = [1 << (BITS - 1); N];
        for (row, &weight) in self.samples[first * self.stride..].chunks_exact(self.stride).zip(weights) {
            let samples = row[begin..].first_chunk::<N>().expect("a block inside the row");
            for lane in 0..N {
                sums[lane] += i32::from(samples[lane]) * weight;
            }
        }
        out[begin..begin + N].copy_from_slice(&sums.map(sample));
    }
}

impl Kernel for Vertical<'_> {
    type Output = Vec<u8>;

    #[inline(always)]
    fn run<S: Simd>(self) -> Vec<u8> {
        let mut out = vec![0; self.weights.spans.len() * self.stride];
        for ((first, weights), out) in self.weights.iter().zip(out.chunks_exact_mut(self.stride)) {
            if let Some(last) = self.stride.checked_sub(BLOCK) {
                for begin in (0..self.stride).step_by(BLOCK) {
                    // The last block overlaps with the one before it.
                    self.block::<BLOCK>(first, weights, begin.min(last), out);
                }
            } else {
                (0..self.stride).for_each(|begin| self.block::<1>(first, weights, begin, out));
            }
        }
        out
    }
}

/// Scales an image of `C` samples per pixel by Pillow's `Image.resize` with a filter.
pub(super) fn filtered<const C: usize>(filter: Filter, samples: &[u8], from: [usize; 2], to: [usize; 2]) -> Vec<u8> {
    let ([height, width], [new_height, new_width]) = (from, to);
    let rows = |samples: &[u8]| {
        let weights = Weights::new(filter, width, new_width);
        dispatch(isa::isa(), Horizontal::<C> { samples, from: width, to: new_width, weights: &weights })
    };
    let columns = |samples: &[u8], width: usize| {
        let weights = Weights::new(filter, height, new_height);
        dispatch(isa::isa(), Vertical { samples, stride: width * C, weights: &weights })
    };
    // Samples are rounded in between, so that the order matters. This is when Pillow 13 begins with the columns, found from its results.
    let less = |from: usize, to: usize| from as i128 - to as i128;
    let columns_first = less(height, new_height) > 0 && less(height, new_height) > 2 * less(width, new_width);
    match (new_width != width, new_height != height) {
        (true, true) if columns_first => rows(&columns(samples, width)),
        (true, true) => columns(&rows(samples), new_width),
        (true, false) => rows(samples),
        (false, true) => columns(samples, width),
        (false, false) => samples.to_vec(),
    }
}

/// Scales an image of `C` samples per pixel to that of the nearest pixels, by Pillow's `Image.resize` with `NEAREST`.
pub(super) fn nearest<const C: usize>(samples: &[u8], from: [usize; 2], to: [usize; 2]) -> Vec<u8> {
    // Positions are accumulated, not multiplied, as in Pillow.
    let positions = |from: usize, to: usize| {
        let step = from as f64 / to as f64;
        std::iter::successors(Some(step * 0.5), move |at| Some(at + step))
            .take(to)
            .map(move |at| (at as usize).min(from - 1))
    };
    let columns: Vec<usize> = positions(from[1], to[1]).collect();
    let mut out = Vec::with_capacity(to[0] * to[1] * C);
    for y in positions(from[0], to[0]) {
        let row = samples[y * from[1] * C..][..from[1] * C].as_chunks::<C>().0;
        out.extend(columns.iter().flat_map(|&x| row[x]));
    }
    out
}

/// Multiplies the samples of pixels of `C` samples by the last one, the opacity, so that transparent pixels have no weight.
pub(super) fn premultiply<const C: usize>(samples: &mut [u8]) {
    for pixel in samples.as_chunks_mut::<C>().0 {
        let alpha = u32::from(pixel[C - 1]);
        for sample in &mut pixel[..C - 1] {
            let product = u32::from(*sample) * alpha + 128;
            *sample = (((product >> 8) + product) >> 8) as u8;
        }
    }
}

/// Undoes [`premultiply`]. Samples of transparent pixels stay as they are.
pub(super) fn unpremultiply<const C: usize>(samples: &mut [u8]) {
    for pixel in samples.as_chunks_mut::<C>().0 {
        let alpha = u32::from(pixel[C - 1]);
        for sample in &mut pixel[..C - 1] {
            if let Some(divided) = (255 * u32::from(*sample)).checked_div(alpha) {
                *sample = divided.min(255) as u8;
            }
        }
    }
}
