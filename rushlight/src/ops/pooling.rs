//! Pooling over windows of images `[N, C, H, W]` (or `[C, H, W]`).
//!
//! For given indices of the maxima, and always for averages, pooling is linear: its derivative and the derivative of that are
//! each other's.

use super::{Shape, want_float};
use crate::autograd::Save;
use crate::backend::{Divisor, Pool2d};
use crate::tensor::{DType, Layout, Sizes};
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};

/// The pool's sizes, checked.
fn pool_of(
    name: &'static str,
    x: &Tensor,
    [kernel, stride, padding, dilation]: [[usize; 2]; 4],
    ceil_mode: bool,
) -> Result<Pool2d> {
    want_float(name, x)?;
    let &[.., height, width] = x.shape() else { return Err(not_planes(name, x)) };
    if !(3..=4).contains(&x.dim()) {
        return Err(not_planes(name, x));
    }
    if kernel.contains(&0) || stride.contains(&0) || dilation.contains(&0) {
        return Err(Error::value(
            name,
            format!("kernel, stride and dilation must be at least 1, but got {kernel:?}, {stride:?}, {dilation:?}"),
        ));
    }
    // Kernels keep places in a plane in 32 bits.
    let most = i32::MAX as usize;
    if [kernel, stride, dilation].as_flattened().iter().any(|&n| n > most) {
        return Err(Error::value(
            name,
            format!("kernel, stride and dilation must be below 2^31, but got {kernel:?}, {stride:?}, {dilation:?}"),
        ));
    }
    if padding[0] > kernel[0] / 2 || padding[1] > kernel[1] / 2 {
        return Err(Error::value(
            name,
            format!("padding must be at most half of the kernel, but got padding {padding:?} for kernel {kernel:?}"),
        ));
    }
    let padded = |size: usize, d: usize| size + 2 * padding[d] + kernel[d];
    if padded(height, 0).saturating_mul(padded(width, 1)) >= most {
        return Err(Error::shape(
            name,
            format!("expected planes of fewer than 2^31 elements, got input {:?}", x.shape()),
        ));
    }
    let planes = x.shape()[..x.dim() - 2].iter().product();
    let pool = Pool2d { planes, input: [height, width], kernel, stride, padding, dilation, ceil_mode };
    let reaches = |d: usize| dilation[d] * (kernel[d] - 1) < pool.input[d] + 2 * padding[d] || ceil_mode;
    if !(reaches(0) && reaches(1)) || pool.output().contains(&0) {
        return Err(Error::shape(
            name,
            format!(
                "kernel {kernel:?} with dilation {dilation:?} does not fit into input {:?} with padding {padding:?}",
                x.shape()
            ),
        ));
    }
    Ok(pool)
}

#[cold]
fn not_planes(name: &'static str, x: &Tensor) -> Error {
    Error::shape(name, format!("expected an input [N, C, H, W] or [C, H, W], got {:?}", x.shape()))
}

/// The layout of `x` with other sizes of its planes.
fn planes(x: &Tensor, [height, width]: [usize; 2]) -> Layout {
    let mut dims = x.shape().to_vec();
    let rank = dims.len();
    dims[rank - 2..].copy_from_slice(&[height, width]);
    Layout::contiguous(&dims)
}

/// The window and the options of [`Tensor::max_pool2d`]; a number or an array is a window with the default options.
#[derive(Builder, Clone, Copy, Debug)]
pub struct MaxPoolOptions<const N: usize> {
    #[builder(required)]
    pub(crate) kernel_size: Sizes<N>,
    /// How far the window moves from one output element to the next (default: the size of the window).
    #[builder(default = kernel_size)]
    pub(crate) stride: Sizes<N>,
    /// How many elements, taken as minus infinity, are put on both sides of each dimension (default 0).
    #[builder(default = Sizes::from(0))]
    pub(crate) padding: Sizes<N>,
    /// The distance between neighboring elements of a window (default 1).
    #[builder(default = Sizes::from(1))]
    pub(crate) dilation: Sizes<N>,
    /// Whether a window may begin where it does not fit completely (default `false`).
    #[builder(default = false)]
    pub(crate) ceil_mode: bool,
}

/// The window and the options of [`Tensor::avg_pool2d`]; a number or an array is a window with the default options.
#[derive(Builder, Clone, Copy, Debug)]
pub struct AvgPoolOptions<const N: usize> {
    #[builder(required)]
    pub(crate) kernel_size: Sizes<N>,
    /// How far the window moves from one output element to the next (default: the size of the window).
    #[builder(default = kernel_size)]
    pub(crate) stride: Sizes<N>,
    /// How many zeros are put on both sides of each dimension (default 0).
    #[builder(default = Sizes::from(0))]
    pub(crate) padding: Sizes<N>,
    /// Whether a window may begin where it does not fit completely (default `false`).
    #[builder(default = false)]
    pub(crate) ceil_mode: bool,
    /// Whether the zeros of the padding count as elements (default `true`).
    #[builder(default = true)]
    pub(crate) count_include_pad: bool,
    /// What the sum of a window is divided by (default: the number of its elements).
    pub(crate) divisor_override: Option<usize>,
}

macro_rules! from_window {
    ($($options:ident),*) => {$(
        impl<const N: usize> From<usize> for $options<N> {
            fn from(kernel_size: usize) -> Self {
                $options::new(kernel_size)
            }
        }

        impl<const N: usize> From<[usize; N]> for $options<N> {
            fn from(kernel_size: [usize; N]) -> Self {
                $options::new(kernel_size)
            }
        }
    )*};
}
from_window!(MaxPoolOptions, AvgPoolOptions);

impl Tensor {
    /// The largest element of each window of an input `[N, C, H, W]` (or `[C, H, W]`): output `[N, C, H', W']` with
    /// `H' = (H + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1`. As
    /// [`torch.nn.functional.max_pool2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html).
    ///
    /// # Errors
    /// If the input has other dimensions, or the window does not fit.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::MaxPoolOptions};
    /// let x = Tensor::arange(16.0).view([1, 4, 4]);
    /// assert_eq!(x.max_pool2d(2).to_vec::<f32>(), [5.0, 7.0, 13.0, 15.0]);
    /// assert_eq!(x.max_pool2d(MaxPoolOptions::new(3).stride(1)).to_vec::<f32>(), [10.0, 11.0, 14.0, 15.0]);
    /// ```
    #[op(
        torch = "max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False)"
    )]
    pub fn try_max_pool2d(&self, window: impl Into<MaxPoolOptions<2>>) -> Result<Tensor> {
        Ok(self.try_max_pool2d_with_indices(window)?.0)
    }

    /// [`max_pool2d`](Tensor::max_pool2d) with the index of each maximum in its plane, row-major, int64.
    ///
    /// # Errors
    /// As [`try_max_pool2d`](Tensor::try_max_pool2d).
    #[op(
        torch = "max_pool2d_with_indices(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False)"
    )]
    pub fn try_max_pool2d_with_indices(&self, window: impl Into<MaxPoolOptions<2>>) -> Result<(Tensor, Tensor)> {
        let name = "max_pool2d";
        let MaxPoolOptions { kernel_size, stride, padding, dilation, ceil_mode } = window.into();
        let pool = pool_of(name, self, [kernel_size.0, stride.0, padding.0, dilation.0], ceil_mode)?;
        let x = self.try_contiguous()?;
        let layout = planes(&x, pool.output());
        let values = x.fresh_like(layout, x.dtype())?;
        let indices = x.fresh_like(layout, DType::I64)?;
        x.backend().max_pool2d(&pool, &x.read(name)?, &mut values.write(name)?, &mut indices.write(name)?)?;
        let sizes = Shape::of(&x);
        let values =
            values.record("MaxPool2DWithIndicesBackward0", [&x], [Save::Input(&indices)], move |[indices], [_], g| {
                Ok([Some(max_pool_grad(pool, sizes, g, &indices)?)])
            });
        Ok((values, indices))
    }

    /// The mean of each window of an input `[N, C, H, W]` (or `[C, H, W]`): output `[N, C, H', W']` with
    /// `H' = (H + 2 * padding - kernel_size) / stride + 1`. As
    /// [`torch.nn.functional.avg_pool2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool2d.html).
    ///
    /// # Errors
    /// If the input has other dimensions, the window does not fit, or the divisor is 0.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::arange(16.0).view([1, 4, 4]);
    /// assert_eq!(x.avg_pool2d(2).to_vec::<f32>(), [2.5, 4.5, 10.5, 12.5]);
    /// ```
    #[op(
        torch = "avg_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None)"
    )]
    pub fn try_avg_pool2d(&self, window: impl Into<AvgPoolOptions<2>>) -> Result<Tensor> {
        let name = "avg_pool2d";
        let AvgPoolOptions { kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override } =
            window.into();
        let pool = pool_of(name, self, [kernel_size.0, stride.0, padding.0, [1, 1]], ceil_mode)?;
        let divisor = match divisor_override {
            Some(0) => return Err(Error::value(name, "expected a divisor_override of at least 1, got 0")),
            Some(divisor) => Divisor::Override(divisor as i64),
            None if count_include_pad => Divisor::IncludePad,
            None => Divisor::ExcludePad,
        };
        avg_pool(pool, divisor, self)
    }

    /// The mean of each of the given number of parts of an input `[N, C, H, W]` (or `[C, H, W]`), as equal in size as they can be:
    /// output `[N, C, …output_size]`. As
    /// [`torch.nn.functional.adaptive_avg_pool2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool2d.html).
    ///
    /// # Errors
    /// If the input has other dimensions, or its planes have no elements.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::arange(16.0).view([1, 4, 4]);
    /// assert_eq!(x.adaptive_avg_pool2d(1).to_vec::<f32>(), [7.5]);
    /// ```
    #[op(torch = "adaptive_avg_pool2d(input, output_size)")]
    pub fn try_adaptive_avg_pool2d(&self, output_size: impl Into<Sizes<2>>) -> Result<Tensor> {
        let name = "adaptive_avg_pool2d";
        want_float(name, self)?;
        if !(3..=4).contains(&self.dim()) {
            return Err(not_planes(name, self));
        }
        if self.shape()[self.dim() - 2..].contains(&0) {
            return Err(Error::shape(name, format!("expected planes with elements, got input {:?}", self.shape())));
        }
        adaptive(self, output_size.into().0)
    }
}

fn max_pool_grad(pool: Pool2d, sizes: Shape, g: &Tensor, indices: &Tensor) -> Result<Tensor> {
    let g = g.try_contiguous()?;
    let out = g.fresh_like(Layout::contiguous(sizes.list()), g.dtype())?;
    let name = "max_pool2d_backward";
    g.backend().max_pool2d_grad(&pool, &g.read(name)?, &indices.read(name)?, &mut out.write(name)?)?;
    Ok(out.record("MaxPool2DWithIndicesBackwardBackward0", [&g], [Save::Input(indices)], move |[indices], [_], gg| {
        Ok([Some(
            gg.try_flatten_dim(-2..)?.try_gather(-1, &indices.try_flatten_dim(-2..)?)?.try_view(indices.shape())?,
        )])
    }))
}

fn avg_pool(pool: Pool2d, divisor: Divisor, x: &Tensor) -> Result<Tensor> {
    let x = x.try_contiguous()?;
    let out = x.fresh_like(planes(&x, pool.output()), x.dtype())?;
    x.backend().avg_pool2d(&pool, divisor, &x.read("avg_pool2d")?, &mut out.write("avg_pool2d")?)?;
    Ok(out.record("AvgPool2DBackward0", [&x], [], move |[], [_], g| Ok([Some(avg_pool_grad(pool, divisor, g)?)])))
}

fn avg_pool_grad(pool: Pool2d, divisor: Divisor, g: &Tensor) -> Result<Tensor> {
    let g = g.try_contiguous()?;
    let out = g.fresh_like(planes(&g, pool.input), g.dtype())?;
    let name = "avg_pool2d_backward";
    g.backend().avg_pool2d_grad(&pool, divisor, &g.read(name)?, &mut out.write(name)?)?;
    Ok(out.record("AvgPool2DBackwardBackward0", [&g], [], move |[], [_], gg| Ok([Some(avg_pool(pool, divisor, gg)?)])))
}

fn adaptive(x: &Tensor, size: [usize; 2]) -> Result<Tensor> {
    let x = x.try_contiguous()?;
    let input = [x.shape()[x.dim() - 2], x.shape()[x.dim() - 1]];
    let name = "adaptive_avg_pool2d";
    let out = x.fresh_like(planes(&x, size).checked(name)?, x.dtype())?;
    x.backend().adaptive_avg_pool2d(&x.read(name)?, &mut out.write(name)?)?;
    Ok(out.record("AdaptiveAvgPool2DBackward0", [&x], [], move |[], [_], g| Ok([Some(adaptive_grad(g, input)?)])))
}

fn adaptive_grad(g: &Tensor, input: [usize; 2]) -> Result<Tensor> {
    let g = g.try_contiguous()?;
    let size = [g.shape()[g.dim() - 2], g.shape()[g.dim() - 1]];
    let out = g.fresh_like(planes(&g, input), g.dtype())?;
    let name = "adaptive_avg_pool2d_backward";
    g.backend().adaptive_avg_pool2d_grad(&g.read(name)?, &mut out.write(name)?)?;
    Ok(out.record("AdaptiveAvgPool2DBackwardBackward0", [&g], [], move |[], [_], gg| Ok([Some(adaptive(gg, size)?)])))
}
