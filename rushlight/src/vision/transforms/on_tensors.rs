//! The transforms of tensors `[…, channels, height, width]`, with the numbers of torchvision's `_functional_tensor`.

use super::image::{Filter, cubic, gaussian, padded, repeated, triangle, weights};
use super::picture::sealed::Kernels;
use super::{Fill, InterpolationMode, PadSizes, PaddingMode};
use crate::ops::ConvOptions;
use crate::tensor::keepdim;
use crate::{DType, Error, Result, Tensor};

/// The value of white: 1, or the largest integer of the type.
pub(super) fn max_value(dtype: DType) -> f64 {
    match dtype {
        DType::U8 => 255.0,
        DType::I8 => 127.0,
        DType::I16 => 32767.0,
        DType::I32 => 2147483647.0,
        DType::I64 => 9223372036854775807.0,
        _ => 1.0,
    }
}

/// Converts between types so that white stays white.
pub(super) fn convert_image_dtype(image: &Tensor, dtype: DType) -> Result<Tensor> {
    let (from, to) = (image.dtype(), dtype);
    if from == to {
        return Ok(image.clone());
    }
    match (from.is_float(), to.is_float()) {
        (true, true) => image.try_to_dtype(to),
        (true, false) => {
            if matches!((from, to), (DType::F32, DType::I32 | DType::I64) | (DType::F64, DType::I64)) {
                let message = format!("expected an integer type whose values {from} can represent, got {to}");
                return Err(Error::dtype("convert_image_dtype", message));
            }
            // Each integer covers a range of the same length, up to 1.
            image.try_mul(max_value(to) + 1.0 - 1e-3)?.try_to_dtype(to)
        }
        (false, true) => image.try_to_dtype(to)?.try_div(max_value(from)),
        (false, false) => {
            let (from, white) = (max_value(from), max_value(to));
            if from > white {
                image.try_floor_divide(((from + 1.0) / (white + 1.0)).floor() as i64)?.try_to_dtype(to)
            } else {
                image.try_to_dtype(to)?.try_mul(((white + 1.0) / (from + 1.0)).floor() as i64)
            }
        }
    }
}

/// `[…, height, width]` in float32 or float64.
fn as_float(x: &Tensor) -> Result<Tensor> {
    if matches!(x.dtype(), DType::F32 | DType::F64) { Ok(x.clone()) } else { x.try_to_dtype(DType::F32) }
}

/// Undoes [`as_float`]; integers are rounded to the nearest, halves to the even one.
fn from_float(x: &Tensor, dtype: DType) -> Result<Tensor> {
    if dtype.is_float() {
        return x.try_to_dtype(dtype);
    }
    let rounded = x.try_to_dtype(DType::F32)?.try_to_vec::<f32>()?.into_iter().map(f32::round_ties_even).collect();
    Tensor::try_from_vec(rounded, x.shape())?.try_to_dtype(dtype)
}

/// `ratio * a + (1 - ratio) * b` between black and white.
fn blend(a: &Tensor, b: &Tensor, ratio: f64) -> Result<Tensor> {
    let sum = a.try_mul(ratio)?.try_add(&b.try_mul(1.0 - ratio)?)?;
    sum.try_clamp(0.0, max_value(a.dtype()))?.try_to_dtype(a.dtype())
}

/// The number of channels, 1 or 3.
fn gray_or_rgb(op: &'static str, x: &Tensor) -> Result<usize> {
    match x.dim().checked_sub(3).map(|dim| x.shape()[dim]) {
        Some(channels @ (1 | 3)) => Ok(channels),
        _ => {
            let message = format!("expected a tensor [..., 1 or 3, height, width], got shape {:?}", x.shape());
            Err(Error::shape(op, message))
        }
    }
}

fn luma(x: &Tensor) -> Result<Tensor> {
    let [r, g, b] = <[Tensor; 3]>::try_from(x.try_unbind_dim(-3)?).expect("three channels");
    let sum = r.try_mul(0.2989)?.try_add(&g.try_mul(0.587)?)?.try_add(&b.try_mul(0.114)?)?;
    sum.try_to_dtype(x.dtype())?.try_unsqueeze(-3)
}

fn select(x: &Tensor, dim: isize, places: impl IntoIterator<Item = usize>) -> Result<Tensor> {
    let places: Vec<i64> = places.into_iter().map(|place| place as i64).collect();
    let count = places.len();
    x.try_index_select(dim, &Tensor::try_from_vec(places, [count])?)
}

/// The part of a dimension that begins at a place, which may be outside, with a number outside.
fn window(x: &Tensor, dim: isize, start: isize, length: usize, fill: f64) -> Result<Tensor> {
    let size = x.shape()[(x.dim() as isize + dim) as usize];
    let begin = start.clamp(0, size as isize);
    let end = start.saturating_add_unsigned(length).clamp(begin, size as isize);
    let inside = x.try_narrow(dim, begin, (end - begin) as usize)?;
    let before = (begin.saturating_sub(start).max(0) as usize).min(length);
    let after = length - before - (end - begin) as usize;
    if before + after == 0 {
        return Ok(inside);
    }
    let mut padding = vec![0; 2 * (-dim - 1) as usize];
    padding.extend([before, after]);
    if x.dtype().is_float() { inside.try_pad_with(padding, fill) } else { inside.try_pad_with(padding, fill as i64) }
}

/// The weights of `to` results of `from` values along a dimension, a matrix `[to, from]`.
fn weight_matrix(from: usize, to: usize, mode: InterpolationMode, antialias: bool, dtype: DType) -> Result<Tensor> {
    let mut matrix = vec![0.0; from * to];
    let bicubic = mode == InterpolationMode::Bicubic;
    if antialias {
        let filter = match bicubic {
            true => Filter { support: 2.0, weight: |x| cubic(x, -0.5) },
            false => Filter { support: 1.0, weight: triangle },
        };
        for (row, (first, weights)) in matrix.chunks_exact_mut(from).zip(weights(filter, from, to)) {
            row[first..first + weights.len()].copy_from_slice(&weights);
        }
    } else {
        for (i, row) in matrix.chunks_exact_mut(from).enumerate() {
            let at = (i as f64 + 0.5) * (from as f64 / to as f64) - 0.5;
            let at = if bicubic { at } else { at.max(0.0) };
            let first = at.floor();
            // Places beyond the border are those at the border.
            for j in if bicubic { -1..3 } else { 0..2 } {
                let distance = at - (first + f64::from(j));
                let weight = if bicubic { cubic(distance, -0.75) } else { triangle(distance) };
                row[(first + f64::from(j)).clamp(0.0, from as f64 - 1.0) as usize] += weight;
            }
        }
    }
    Tensor::try_from_vec(matrix, [to, from])?.try_to_dtype(dtype)
}

fn resize(x: &Tensor, size: [usize; 2], mode: InterpolationMode, antialias: bool) -> Result<Tensor> {
    let (_, from) = x.dimensions("resize")?;
    let float = as_float(x)?;
    let out = match mode {
        InterpolationMode::Nearest | InterpolationMode::NearestExact => {
            let offset = if mode == InterpolationMode::NearestExact { 0.5 } else { 0.0 };
            let places = |i: usize| {
                let scale = from[i] as f32 / size[i] as f32;
                (0..size[i]).map(move |at| (((at as f32 + offset) * scale) as usize).min(from[i] - 1))
            };
            return select(&select(x, -1, places(1))?, -2, places(0));
        }
        InterpolationMode::Bilinear | InterpolationMode::Bicubic => {
            let matrix = |i: usize| weight_matrix(from[i], size[i], mode, antialias, float.dtype());
            matrix(0)?.try_matmul(&float.try_matmul(&matrix(1)?.try_t()?)?)?
        }
        _ => {
            let message = format!("expected nearest, bilinear or bicubic interpolation of a tensor, got {mode:?}");
            return Err(Error::value("resize", message));
        }
    };
    let overshoots = mode == InterpolationMode::Bicubic && x.dtype() == DType::U8;
    from_float(&if overshoots { out.try_clamp(0, 255)? } else { out }, x.dtype())
}

/// Turns the hue of a color in [0, 1].
fn turn_hue(rgb: [f32; 3], turn: f32) -> [f32; 3] {
    let [r, g, b] = rgb;
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    let range = max - min;
    let s = if max == min { 0.0 } else { range / max };
    let [rc, gc, bc] = rgb.map(|c| (max - c) / if max == min { 1.0 } else { range });
    let sixths = if max == r {
        bc - gc
    } else if max == g {
        2.0 + rc - bc
    } else {
        4.0 + gc - rc
    };
    let h = ((sixths / 6.0 + 1.0) % 1.0 + turn).rem_euclid(1.0) * 6.0;
    let sector = h.floor();
    let f = h - sector;
    let [p, q, t] = [s, s * f, s * (1.0 - f)].map(|s| (max * (1.0 - s)).clamp(0.0, 1.0));
    match sector as i32 % 6 {
        0 => [max, t, p],
        1 => [q, max, p],
        2 => [p, max, t],
        3 => [p, q, max],
        4 => [t, p, max],
        _ => [max, p, q],
    }
}

impl Kernels for Tensor {
    fn dimensions(&self, op: &'static str) -> Result<(usize, [usize; 2])> {
        match *self.shape() {
            [.., channels, height, width] => Ok((channels, [height, width])),
            [height, width] => Ok((1, [height, width])),
            _ => Err(Error::shape(op, format!("expected a tensor [..., height, width], got shape {:?}", self.shape()))),
        }
    }

    fn hflip(&self) -> Result<Tensor> {
        let (_, [_, width]) = self.dimensions("hflip")?;
        select(self, -1, (0..width).rev())
    }

    fn vflip(&self) -> Result<Tensor> {
        let (_, [height, _]) = self.dimensions("vflip")?;
        select(self, -2, (0..height).rev())
    }

    fn crop(&self, top: isize, left: isize, [height, width]: [usize; 2]) -> Result<Tensor> {
        self.dimensions("crop")?;
        window(&window(self, -2, top, height, 0.0)?, -1, left, width, 0.0)
    }

    fn pad(&self, padding: PadSizes, fill: &Fill, mode: PaddingMode) -> Result<Tensor> {
        let PadSizes { left, top, right, bottom } = padding;
        let (_, [height, width]) = self.dimensions("pad")?;
        let [rows, columns] = padded([height, width], padding)?;
        if mode == PaddingMode::Constant {
            let (fill, [top, left]) = (fill.number("pad")?, [top, left].map(isize::saturating_neg));
            return window(&window(self, -2, top, rows, fill)?, -1, left, columns, fill);
        }
        let (rows, columns) = (repeated(height, [top, bottom], mode)?, repeated(width, [left, right], mode)?);
        select(&select(self, -2, rows)?, -1, columns)
    }

    fn resize(&self, size: [usize; 2], mode: InterpolationMode, antialias: bool) -> Result<Tensor> {
        resize(self, size, mode, antialias)
    }

    fn rgb_to_grayscale(&self, channels: usize) -> Result<Tensor> {
        if ![1, 3].contains(&channels) {
            let message = format!("expected 1 or 3 output channels, got {channels}");
            return Err(Error::value("rgb_to_grayscale", message));
        }
        let gray = if gray_or_rgb("rgb_to_grayscale", self)? == 3 { luma(self)? } else { self.clone() };
        if channels == 1 { Ok(gray) } else { Tensor::try_cat_dim([&gray, &gray, &gray], -3) }
    }

    fn gray_in_place(&self) -> Result<Tensor> {
        self.rgb_to_grayscale(gray_or_rgb("rgb_to_grayscale", self)?)
    }

    fn adjust_brightness(&self, factor: f64) -> Result<Tensor> {
        gray_or_rgb("adjust_brightness", self)?;
        blend(self, &self.try_zeros_like()?, factor)
    }

    fn adjust_contrast(&self, factor: f64) -> Result<Tensor> {
        gray_or_rgb("adjust_contrast", self)?;
        let gray = self.rgb_to_grayscale(1)?;
        let dtype = if self.dtype().is_float() { self.dtype() } else { DType::F32 };
        blend(self, &gray.try_to_dtype(dtype)?.try_mean_dim(keepdim([-3, -2, -1]))?, factor)
    }

    fn adjust_saturation(&self, factor: f64) -> Result<Tensor> {
        match gray_or_rgb("adjust_saturation", self)? {
            1 => Ok(self.clone()),
            _ => blend(self, &luma(self)?, factor),
        }
    }

    fn adjust_hue(&self, factor: f64) -> Result<Tensor> {
        if gray_or_rgb("adjust_hue", self)? == 1 {
            return Ok(self.clone());
        }
        let colors = convert_image_dtype(self, DType::F32)?.try_unbind_dim(-3)?;
        let shape = colors[0].shape().to_vec();
        let [mut r, mut g, mut b] = [0, 1, 2].map(|c| colors[c].to_vec::<f32>());
        for ((r, g), b) in r.iter_mut().zip(&mut g).zip(&mut b) {
            [*r, *g, *b] = turn_hue([*r, *g, *b], factor as f32);
        }
        let colors = [r, g, b].map(|samples| Tensor::try_from_vec(samples, &shape));
        let colors = colors.into_iter().collect::<Result<Vec<_>>>()?;
        convert_image_dtype(&Tensor::try_stack_dim(&colors, -3)?, self.dtype())
    }

    fn gaussian_blur(&self, kernel_size: [usize; 2], sigma: [f64; 2]) -> Result<Tensor> {
        let (channels, [height, width]) = self.dimensions("gaussian_blur")?;
        let [left, top] = kernel_size.map(|size| size as isize / 2);
        if top >= height as isize || left >= width as isize {
            let message =
                format!("expected a tensor larger than half the kernel of {kernel_size:?}, got {height} x {width}");
            return Err(Error::value("gaussian_blur", message));
        }
        let padded = Kernels::pad(&as_float(self)?, [left, top].into(), &Fill::default(), PaddingMode::Reflect)?;
        let [x, y] = [0, 1].map(|i| gaussian(kernel_size[i], sigma[i]));
        let (x, y) = (Tensor::try_from_vec(x, [1, kernel_size[0]])?, Tensor::try_from_vec(y, [kernel_size[1], 1])?);
        let kernel = y.try_matmul(&x)?.try_to_dtype(padded.dtype())?;
        let kernel = kernel.try_expand([channels, 1, kernel_size[1], kernel_size[0]])?;
        let [.., tall, wide] = *padded.shape() else { unreachable!("has two dimensions") };
        let images = padded.try_reshape([-1, channels as isize, tall as isize, wide as isize])?;
        let blurred = images.try_conv2d_with(&kernel, None, ConvOptions::new().groups(channels))?;
        from_float(&blurred.try_reshape(self.shape())?, self.dtype())
    }
}
