//! Pillow's resampling of images of 8-bit samples, to the last bit: rows, then columns.

/// The weights are integers with this many fractional bits: 32 less the bits of a sample and two for sign and sum.
const BITS: u32 = 22;

/// The weights of the samples that make up each sample of the result, along one dimension.
struct Weights {
    /// For each result: the first sample it is made of, and where its weights end in `weights`.
    spans: Vec<(usize, usize)>,
    weights: Vec<i32>,
}

impl Weights {
    /// The weights of a triangle as wide as two samples of the longer of the two sides: shrinking averages over all samples.
    fn triangle(from: usize, to: usize) -> Weights {
        let scale = from as f64 / to as f64;
        let support = scale.max(1.0);
        // Multiplied by, as in Pillow: a division would round some weights differently.
        let narrowing = 1.0 / support;
        let mut all = Weights { spans: Vec::with_capacity(to), weights: Vec::new() };
        for i in 0..to {
            let center = (i as f64 + 0.5) * scale;
            // `as` rounds toward zero, and negative numbers up to 0.
            let first = (center - support + 0.5) as usize;
            let end = ((center + support + 0.5) as usize).min(from);
            let weight = |j: usize| (1.0 - ((j as f64 - center + 0.5) * narrowing).abs()).max(0.0);
            let sum: f64 = (first..end).map(weight).sum();
            all.weights.extend((first..end).map(|j| (0.5 + weight(j) / sum * f64::from(1 << BITS)) as i32));
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
fn sample(sum: i32) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}

/// Scales rows of `from` pixels with `C` samples each to rows of `to` pixels.
fn horizontal<const C: usize>(samples: &[u8], from: usize, to: usize) -> Vec<u8> {
    let weights = Weights::triangle(from, to);
    let mut out = Vec::with_capacity(samples.len() / from * to);
    for row in samples.chunks_exact(from * C) {
        let (pixels, _) = row.as_chunks::<C>();
        for (first, weights) in weights.iter() {
            let mut sums = [1 << (BITS - 1); C];
            for (pixel, weight) in pixels[first..].iter().zip(weights) {
                for c in 0..C {
                    sums[c] += i32::from(pixel[c]) * weight;
                }
            }
            out.extend(sums.map(sample));
        }
    }
    out
}

/// Scales `from` rows of `stride` samples to `to` rows.
fn vertical(samples: &[u8], stride: usize, from: usize, to: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(stride * to);
    let mut sums = vec![0; stride];
    for (first, weights) in Weights::triangle(from, to).iter() {
        sums.fill(1 << (BITS - 1));
        for (row, &weight) in samples[first * stride..].chunks_exact(stride).zip(weights) {
            for (sum, &sample) in sums.iter_mut().zip(row) {
                *sum += i32::from(sample) * weight;
            }
        }
        out.extend(sums.iter().map(|&sum| sample(sum)));
    }
    out
}

/// Scales an image of `C` samples per pixel, rows first, by Pillow's `Image.resize` with `BILINEAR`, which interpolates where it enlarges and
/// averages where it shrinks.
pub(super) fn bilinear<const C: usize>(mut samples: Vec<u8>, from: [usize; 2], to: [usize; 2]) -> Vec<u8> {
    let ([height, width], [new_height, new_width]) = (from, to);
    if new_width != width {
        samples = horizontal::<C>(&samples, width, new_width);
    }
    if new_height != height {
        samples = vertical(&samples, new_width * C, height, new_height);
    }
    samples
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
