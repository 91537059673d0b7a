//! Filters over neighboring pixels.

use super::{Fill, borders, color, colors, with_samples};
use crate::vision::Image;
use crate::vision::transforms::PaddingMode;
use crate::vision::transforms::options::sides;
use crate::{Error, Result};
use rushlight_kernels::isa;
use rushlight_kernels::simd::{Kernel, Simd, dispatch};

/// Blends an image with its smoothed form, as `ImageEnhance.Sharpness`: weights 5 in the middle and 1 around it; pixels at the border stay.
pub(in crate::vision::transforms) fn adjust_sharpness(image: &Image, factor: f64) -> Result<Image> {
    let ([height, width], channels, colors) = (sides(image), image.format().channels(), colors(image));
    let (samples, stride) = (image.samples(), width * channels);
    let mut smooth = samples.to_vec();
    for y in 1..height.saturating_sub(1) {
        for x in 1..width.saturating_sub(1) {
            for c in 0..colors {
                let center = y * stride + x * channels + c;
                let row =
                    |at: usize| [at - channels, at, at + channels].map(|at| u32::from(samples[at])).iter().sum::<u32>();
                let sum = row(center - stride) + row(center) + row(center + stride) + 4 * u32::from(samples[center]);
                // Divided by 13 and rounded; there are no halves.
                smooth[center] = ((2 * sum + 13) / 26) as u8;
            }
        }
    }
    color::blend(&with_samples(image, [height, width], smooth)?, image, factor)
}

/// The weights of a Gaussian filter in float32, which sum to 1.
pub(in crate::vision::transforms) fn gaussian(size: usize, sigma: f64) -> Vec<f32> {
    let half = (size - 1) as f32 * 0.5;
    let density = |i: usize| (-0.5 * ((i as f32 - half) / sigma as f32).powi(2)).exp();
    let weights: Vec<f32> = (0..size).map(density).collect();
    let sum: f32 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// Adds up shifted copies of a row, each times its weight.
struct Sum<'a> {
    rows: &'a [&'a [f32]],
    weights: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        self.out.fill(0.0);
        for (row, &weight) in self.rows.iter().zip(self.weights) {
            for (out, &sample) in self.out.iter_mut().zip(*row) {
                *out = S::mul_add_f32(sample, weight, *out);
            }
        }
    }
}

pub(super) fn gaussian_blur(image: &Image, kernel_size: [usize; 2], sigma: [f64; 2]) -> Result<Image> {
    let ([height, width], channels) = (sides(image), image.format().channels());
    let [x, y] = [0, 1].map(|i| gaussian(kernel_size[i], sigma[i]));
    let [left, top] = kernel_size.map(|size| size as isize / 2);
    if top >= height as isize || left >= width as isize {
        let message =
            format!("expected an image larger than half the kernel of {kernel_size:?}, got {height} x {width}");
        return Err(Error::value("gaussian_blur", message));
    }
    let padding = [left, top].into();
    let padded = borders::pad(image, padding, &Fill::default(), PaddingMode::Reflect)?;
    let samples: Vec<f32> = padded.samples().iter().map(|&sample| sample.into()).collect();
    let (isa, stride, wide) = (isa::isa(), width * channels, padded.width() * channels);
    // Along the rows, then along the columns.
    let mut rows = vec![0.0; padded.height() * stride];
    for (out, row) in rows.chunks_exact_mut(stride).zip(samples.chunks_exact(wide)) {
        let shifted: Vec<&[f32]> = (0..x.len()).map(|i| &row[i * channels..][..stride]).collect();
        dispatch(isa, Sum { rows: &shifted, weights: &x, out });
    }
    let rows: Vec<&[f32]> = rows.chunks_exact(stride).collect();
    let mut sum = vec![0.0; stride];
    let mut out = Vec::with_capacity(height * stride);
    for rows in rows.windows(y.len()) {
        dispatch(isa, Sum { rows, weights: &y, out: &mut sum });
        out.extend(sum.iter().map(|sample| sample.round_ties_even() as u8));
    }
    with_samples(image, [height, width], out)
}
