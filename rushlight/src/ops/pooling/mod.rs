//! Pooling over windows of `[N, C, sizes…]` (or `[C, sizes…]`) with one, two or three spatial dimensions.
//!
//! Windows are boxes, so a maximum or a mean over three dimensions is one over height and width followed by one over depth. Every pass
//! is two-dimensional for the backend: a sequence is an image of height 1.
//!
//! For given indices of the maxima, and always for averages, pooling is linear: its derivative and the derivative of that are
//! each other's.

mod adaptive;
mod avg;
mod max;

pub(crate) use adaptive::{adaptive_avg_pool, adaptive_max_pool};
pub use avg::AvgPoolOptions;
pub use max::MaxPoolOptions;

use super::expect_float;
use crate::backend::Pool2d;
use crate::tensor::Layout;
use crate::{Error, Result, Tensor};
use rushlight_kernels::pooling::pooled_size;

/// The window parameters over `N` dimensions.
#[derive(Clone, Copy)]
struct Windows<const N: usize> {
    kernel: [usize; N],
    stride: [usize; N],
    padding: [usize; N],
    dilation: [usize; N],
    ceil_mode: bool,
}

impl<const N: usize> Windows<N> {
    /// Returns an error of the operation `name` unless these windows fit into `x`.
    fn check(&self, name: &'static str, x: &Tensor) -> Result<()> {
        expect_float(name, x)?;
        let input = spatial::<N>(name, x)?;
        let Windows { kernel, stride, padding, dilation, ceil_mode: _ } = *self;
        let wrong = |message: String| Err(Error::value(name, message));
        if [kernel, stride, dilation].as_flattened().contains(&0) {
            return wrong(format!(
                "expected kernel_size, stride and dilation of at least 1, got {kernel:?}, {stride:?}, {dilation:?}"
            ));
        }
        // Kernels keep positions in a plane in 32 bits.
        let most = i32::MAX as usize;
        if [kernel, stride, dilation].as_flattened().iter().any(|&n| n > most) {
            return wrong(format!(
                "expected kernel_size, stride and dilation below 2^31, got {kernel:?}, {stride:?}, {dilation:?}"
            ));
        }
        if (0..N).any(|d| padding[d] > kernel[d] / 2) {
            return wrong(format!("expected padding of at most half of kernel_size {kernel:?}, got {padding:?}"));
        }
        let padded = (0..N).try_fold(1, |size: usize, d| size.checked_mul(input[d] + 2 * padding[d] + kernel[d]));
        if padded.is_none_or(|size| size >= most) {
            let message =
                format!("expected fewer than 2^31 elements per channel, padding included, got {:?}", x.shape());
            return Err(Error::shape(name, message));
        }
        let size = |d: usize| {
            pooled_size(input[d], kernel[d], stride[d], padding[d], dilation[d], self.ceil_mode).unwrap_or(0)
        };
        let reaches = |d: usize| dilation[d] * (kernel[d] - 1) < input[d] + 2 * padding[d] || self.ceil_mode;
        if !(0..N).all(|d| reaches(d) && size(d) > 0) {
            return Err(Error::shape(
                name,
                format!(
                    "expected an input of at least kernel_size {kernel:?} with dilation {dilation:?}, got {:?} with padding {padding:?}",
                    x.shape()
                ),
            ));
        }
        Ok(())
    }

    /// Pools `x`, which the windows fit into, by `pass`, which pools the images of its last two dimensions.
    fn pool(&self, x: &Tensor, mut pass: impl FnMut(Windows<2>, &Tensor) -> Result<Tensor>) -> Result<Tensor> {
        match N {
            1 => pass(self.image(), &x.try_unsqueeze(-2)?)?.try_squeeze(-2),
            2 => pass(self.image(), x),
            _ => {
                let y = pass(self.image(), x)?;
                over_depth(&y, |y| pass(self.depth(), y))
            }
        }
    }

    /// The windows over the last two dimensions, or over a sequence as an image of height 1.
    fn image(&self) -> Windows<2> {
        let image = |of: [usize; N], missing: usize| if N == 1 { [missing, of[0]] } else { [of[N - 2], of[N - 1]] };
        Windows {
            kernel: image(self.kernel, 1),
            stride: image(self.stride, 1),
            padding: image(self.padding, 0),
            dilation: image(self.dilation, 1),
            ceil_mode: self.ceil_mode,
        }
    }

    /// The windows over the first dimension, for images whose width is the product of the others.
    fn depth(&self) -> Windows<2> {
        Windows {
            kernel: [self.kernel[0], 1],
            stride: [self.stride[0], 1],
            padding: [self.padding[0], 0],
            dilation: [self.dilation[0], 1],
            ceil_mode: self.ceil_mode,
        }
    }
}

impl Windows<2> {
    /// The windows on the images of `x`, for the backend.
    fn on(&self, x: &Tensor) -> Pool2d {
        let (planes, size) = x.shape().split_at(x.dim() - 2);
        let Windows { kernel, stride, padding, dilation, ceil_mode } = *self;
        let planes = planes.iter().product();
        Pool2d { planes, input: [size[0], size[1]], kernel, stride, padding, dilation, ceil_mode }
    }
}

/// Applies `f` to `[…, D, H * W]` for an `x` of `[…, D, H, W]`, and restores the three dimensions of the result `[…, D', H * W]`.
fn over_depth(x: &Tensor, f: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let y = f(&x.try_flatten_dim(-2..)?)?;
    let mut dims = x.shape().to_vec();
    let depth = dims.len() - 3;
    dims[depth] = y.shape()[depth];
    y.try_view(dims)
}

/// The sizes of the spatial dimensions of `x`.
fn spatial<const N: usize>(name: &'static str, x: &Tensor) -> Result<[usize; N]> {
    if x.dim() != N + 1 && x.dim() != N + 2 {
        let sizes = &["D", "H", "W"][3 - N..];
        let sizes = if N == 1 { "L".into() } else { sizes.join(", ") };
        return Err(Error::shape(
            name,
            format!("expected an input [N, C, {sizes}] or [C, {sizes}], got {:?}", x.shape()),
        ));
    }
    Ok(std::array::from_fn(|d| x.shape()[x.dim() - N + d]))
}

/// The layout of `x` with other sizes of its images.
fn images(x: &Tensor, size: [usize; 2]) -> Layout {
    let mut dims = x.shape().to_vec();
    let rank = dims.len();
    dims[rank - 2..].copy_from_slice(&size);
    Layout::contiguous(&dims)
}
