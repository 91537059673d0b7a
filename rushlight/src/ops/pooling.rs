//! Pooling over windows of pictures `[N, C, H, W]` (or `[C, H, W]`).
//!
//! For given indices of the maxima, and always for averages, pooling is linear: its derivative and the derivative of that are
//! each other's.

use super::composed::{self, Windows};
use super::{Sizes, want_float};
use crate::autograd::Save;
use crate::backend::{Divisor, Pool2d};
use crate::tensor::{DType, Layout};
use crate::{Error, Result, Tensor};
use rushlight_macros::op;

/// The pool's sizes, checked.
fn pool_of(
    name: &'static str,
    x: &Tensor,
    [kernel, stride, padding, dilation]: [[usize; 2]; 4],
    ceil_mode: bool,
) -> Result<Pool2d> {
    want_float(name, x)?;
    let &[.., height, width] = x.shape() else { return Err(not_pictures(name, x)) };
    if !(3..=4).contains(&x.dim()) {
        return Err(not_pictures(name, x));
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
        return Err(Error::shape(name, format!("pictures of 2^31 or more elements are too large: {:?}", x.shape())));
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
fn not_pictures(name: &'static str, x: &Tensor) -> Error {
    Error::shape(name, format!("wants an input [N, C, H, W] or [C, H, W], but got {:?}", x.shape()))
}

/// The layout of `x` with other sizes of its pictures.
fn pictures(x: &Tensor, [height, width]: [usize; 2]) -> Layout {
    let mut dims = x.shape().to_vec();
    let rank = dims.len();
    dims[rank - 2..].copy_from_slice(&[height, width]);
    Layout::contiguous(&dims)
}

impl Tensor {
    /// The largest element of each window. `stride` is usually the kernel's size; padding counts as minus infinity.
    ///
    /// # Errors
    /// If this is no picture, or the window does not fit.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::arange(0.0, 16.0, 1.0).view([1, 4, 4]);
    /// let y = x.max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false);
    /// assert_eq!(y.to_vec::<f32>(), [5.0, 7.0, 13.0, 15.0]);
    /// ```
    #[op]
    pub fn try_max_pool2d(
        &self,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
        dilation: [usize; 2],
        ceil_mode: bool,
    ) -> Result<Tensor> {
        Ok(self.try_max_pool2d_with_indices(kernel, stride, padding, dilation, ceil_mode)?.0)
    }

    /// [`max_pool2d`](Tensor::max_pool2d) with the place of each maximum in its picture, row-major, int64.
    ///
    /// # Errors
    /// As [`try_max_pool2d`](Tensor::try_max_pool2d).
    #[op]
    pub fn try_max_pool2d_with_indices(
        &self,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
        dilation: [usize; 2],
        ceil_mode: bool,
    ) -> Result<(Tensor, Tensor)> {
        let name = "max_pool2d";
        let pool = pool_of(name, self, [kernel, stride, padding, dilation], ceil_mode)?;
        let x = self.try_contiguous()?;
        let layout = pictures(&x, pool.output());
        let values = x.fresh_like(layout, x.dtype())?;
        let indices = x.fresh_like(layout, DType::I64)?;
        let done = x.backend().max_pool2d(&pool, &x.read(name)?, &mut values.write_fresh(), &mut indices.write_fresh());
        let (values, indices) = match done {
            Some(done) => done.map(|()| (values, indices))?,
            None => Windows::of_pool(&pool, Divisor::IncludePad).max(&x)?,
        };
        let sizes = Sizes::of(&x);
        let values =
            values.record("MaxPool2DWithIndicesBackward0", [&x], [Save::Input(&indices)], move |[indices], [_], g| {
                Ok([Some(max_pool_grad(pool, sizes, g, &indices)?)])
            });
        Ok((values, indices))
    }

    /// The mean of each window. `count_include_pad` counts padding as zeros; `divisor` divides the sum by a number of its own.
    ///
    /// # Errors
    /// If this is no picture, the window does not fit, or the divisor is 0.
    #[op]
    pub fn try_avg_pool2d(
        &self,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
        ceil_mode: bool,
        count_include_pad: bool,
        divisor: Option<usize>,
    ) -> Result<Tensor> {
        let name = "avg_pool2d";
        let pool = pool_of(name, self, [kernel, stride, padding, [1, 1]], ceil_mode)?;
        let divisor = match divisor {
            Some(0) => return Err(Error::value(name, "the divisor must not be 0")),
            Some(divisor) => Divisor::Override(divisor as i64),
            None if count_include_pad => Divisor::IncludePad,
            None => Divisor::ExcludePad,
        };
        avg_pool(pool, divisor, self)
    }

    /// The mean of each of `size[0]` × `size[1]` parts of each picture, as even as they can be.
    ///
    /// # Errors
    /// If this is no picture, or a picture has no elements.
    #[op]
    pub fn try_adaptive_avg_pool2d(&self, size: [usize; 2]) -> Result<Tensor> {
        let name = "adaptive_avg_pool2d";
        want_float(name, self)?;
        if !(3..=4).contains(&self.dim()) {
            return Err(not_pictures(name, self));
        }
        if self.shape()[self.dim() - 2..].contains(&0) {
            return Err(Error::shape(name, format!("the pictures of input {:?} have no elements", self.shape())));
        }
        adaptive(self, size)
    }
}

fn max_pool_grad(pool: Pool2d, sizes: Sizes, g: &Tensor, indices: &Tensor) -> Result<Tensor> {
    let g = g.try_contiguous()?;
    let out = g.fresh_like(Layout::contiguous(sizes.list()), g.dtype())?;
    let name = "max_pool2d_backward";
    let done = g.backend().max_pool2d_grad(&pool, &g.read(name)?, &indices.read(name)?, &mut out.write_fresh());
    let out = match done {
        Some(done) => done.map(|()| out)?,
        None => composed::max_pool_grad(&g, indices, sizes.list())?,
    };
    Ok(out.record("MaxPool2DWithIndicesBackwardBackward0", [&g], [Save::Input(indices)], move |[indices], [_], gg| {
        Ok([Some(gg.try_flatten(-2, -1)?.try_gather(-1, &indices.try_flatten(-2, -1)?)?.try_view(indices.shape())?)])
    }))
}

fn avg_pool(pool: Pool2d, divisor: Divisor, x: &Tensor) -> Result<Tensor> {
    let x = x.try_contiguous()?;
    let out = x.fresh_like(pictures(&x, pool.output()), x.dtype())?;
    let done = x.backend().avg_pool2d(&pool, divisor, &x.read("avg_pool2d")?, &mut out.write_fresh());
    let out = match done {
        Some(done) => done.map(|()| out)?,
        None => Windows::of_pool(&pool, divisor).mean(&x)?,
    };
    Ok(out.record("AvgPool2DBackward0", [&x], [], move |[], [_], g| Ok([Some(avg_pool_grad(pool, divisor, g)?)])))
}

fn avg_pool_grad(pool: Pool2d, divisor: Divisor, g: &Tensor) -> Result<Tensor> {
    let g = g.try_contiguous()?;
    let out = g.fresh_like(pictures(&g, pool.input), g.dtype())?;
    let name = "avg_pool2d_backward";
    let done = g.backend().avg_pool2d_grad(&pool, divisor, &g.read(name)?, &mut out.write_fresh());
    let out = match done {
        Some(done) => done.map(|()| out)?,
        None => Windows::of_pool(&pool, divisor).mean_grad(&g)?,
    };
    Ok(out.record("AvgPool2DBackwardBackward0", [&g], [], move |[], [_], gg| Ok([Some(avg_pool(pool, divisor, gg)?)])))
}

fn adaptive(x: &Tensor, size: [usize; 2]) -> Result<Tensor> {
    let x = x.try_contiguous()?;
    let input = [x.shape()[x.dim() - 2], x.shape()[x.dim() - 1]];
    let name = "adaptive_avg_pool2d";
    let out = x.fresh_like(pictures(&x, size).checked(name)?, x.dtype())?;
    let done = x.backend().adaptive_avg_pool2d(&x.read(name)?, &mut out.write_fresh());
    let out = match done {
        Some(done) => done.map(|()| out)?,
        None => Windows::adaptive(input, size).mean(&x)?,
    };
    Ok(out.record("AdaptiveAvgPool2DBackward0", [&x], [], move |[], [_], g| Ok([Some(adaptive_grad(g, input)?)])))
}

fn adaptive_grad(g: &Tensor, input: [usize; 2]) -> Result<Tensor> {
    let g = g.try_contiguous()?;
    let size = [g.shape()[g.dim() - 2], g.shape()[g.dim() - 1]];
    let out = g.fresh_like(pictures(&g, input), g.dtype())?;
    let name = "adaptive_avg_pool2d_backward";
    let done = g.backend().adaptive_avg_pool2d_grad(&g.read(name)?, &mut out.write_fresh());
    let out = match done {
        Some(done) => done.map(|()| out)?,
        None => Windows::adaptive(input, size).mean_grad(&g)?,
    };
    Ok(out.record("AdaptiveAvgPool2DBackwardBackward0", [&g], [], move |[], [_], gg| Ok([Some(adaptive(gg, size)?)])))
}
