//! Adaptive pooling: the output has a given size, and output `i` of `n` covers the inputs from `i * size / n`, rounded down, to
//! `(i + 1) * size / n`, rounded up.

use super::{images, over_depth, spatial};
use crate::ops::{composed, expect_float};
use crate::tensor::{Sizes, keepdim};
use crate::{Error, NoGrad, Result, Tensor};
use rushlight_macros::op;

/// Returns an error unless `x` has `N` nonempty spatial dimensions.
fn checked<const N: usize>(name: &'static str, x: &Tensor) -> Result<()> {
    expect_float(name, x)?;
    if spatial::<N>(name, x)?.contains(&0) {
        return Err(Error::shape(name, format!("expected spatial dimensions with elements, got {:?}", x.shape())));
    }
    Ok(())
}

/// The mean of each of the parts of `x`.
pub(crate) fn adaptive_avg_pool<const N: usize>(x: &Tensor, output_size: Sizes<N>) -> Result<Tensor> {
    let name = ["adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"][N - 1];
    checked::<N>(name, x)?;
    let size = output_size.each();
    match N {
        1 => images_avg(&x.try_unsqueeze(-2)?, [1, size[0]])?.try_squeeze(-2),
        2 => images_avg(x, [size[0], size[1]]),
        _ => {
            let y = images_avg(x, [size[1], size[2]])?;
            over_depth(&y, |y| images_avg(y, [size[0], y.shape()[y.dim() - 1]]))
        }
    }
}

fn images_avg(x: &Tensor, size: [usize; 2]) -> Result<Tensor> {
    let x = x.try_contiguous()?;
    let input = [x.shape()[x.dim() - 2], x.shape()[x.dim() - 1]];
    let name = "adaptive_avg_pool2d";
    let out = x.fresh_like(images(&x, size).checked(name)?, x.dtype())?;
    let done = x.backend().adaptive_avg_pool2d(&x.read(name)?, &mut out.write_fresh());
    let out = match done {
        Some(done) => done.map(|()| out)?,
        None => composed::Windows::adaptive(input, size).mean(&x)?,
    };
    Ok(out.record("AdaptiveAvgPool2DBackward0", [&x], [], move |[], [_], g| Ok([Some(images_avg_grad(g, input)?)])))
}

fn images_avg_grad(g: &Tensor, input: [usize; 2]) -> Result<Tensor> {
    let g = g.try_contiguous()?;
    let size = [g.shape()[g.dim() - 2], g.shape()[g.dim() - 1]];
    let out = g.fresh_like(images(&g, input), g.dtype())?;
    let name = "adaptive_avg_pool2d_backward";
    let done = g.backend().adaptive_avg_pool2d_grad(&g.read(name)?, &mut out.write_fresh());
    let out = match done {
        Some(done) => done.map(|()| out)?,
        None => composed::Windows::adaptive(input, size).mean_grad(&g)?,
    };
    Ok(out.record("AdaptiveAvgPool2DBackwardBackward0", [&g], [], move |[], [_], gg| Ok([Some(images_avg(gg, size)?)])))
}

/// The largest element of each of the parts of `x`, and its position among the elements of its channel.
pub(crate) fn adaptive_max_pool<const N: usize>(x: &Tensor, output_size: Sizes<N>) -> Result<(Tensor, Tensor)> {
    let name = ["adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"][N - 1];
    checked::<N>(name, x)?;
    let size = output_size.each();
    if size.contains(&0) {
        return Err(Error::value(name, format!("expected output sizes of at least 1, got {size:?}")));
    }
    let indices = positions_of_maxima(x, size)?;
    // The values are gathered at their positions, so that their derivative is that of `gather`.
    let flat = |t: &Tensor| t.try_flatten_dim(-(N as isize)..);
    let values = flat(x)?.try_gather(-1, &flat(&indices)?)?.try_view(indices.shape())?;
    Ok((values, indices))
}

/// The position of the largest element of each part: the last dimension is reduced to parts first, then the one before it.
fn positions_of_maxima<const N: usize>(x: &Tensor, size: [usize; N]) -> Result<Tensor> {
    let _guard = NoGrad::new();
    let (mut values, mut positions) = (x.detach(), None);
    let mut step = 1;
    for d in (0..N).rev() {
        let dim = d as isize - N as isize;
        let input = x.shape()[x.dim() - N + d];
        let (mut parts, mut part_positions) = (Vec::new(), Vec::new());
        for i in 0..size[d] {
            let (start, end) = (i * input / size[d], ((i + 1) * input).div_ceil(size[d]));
            let (part, at) = values.try_narrow(dim, start as isize, end - start)?.try_max_dim(keepdim(dim))?;
            let mut position = at.try_add(start as i64)?.try_mul(step as i64)?;
            if let Some(inner) = &positions {
                let inner: &Tensor = inner;
                position =
                    position.try_add(&inner.try_narrow(dim, start as isize, end - start)?.try_gather(dim, &at)?)?;
            }
            parts.push(part);
            part_positions.push(position);
        }
        values = Tensor::try_cat_dim(&parts, dim)?;
        positions = Some(Tensor::try_cat_dim(&part_positions, dim)?);
        step *= input;
    }
    Ok(positions.expect("there is at least one dimension"))
}

impl Tensor {
    /// Computes the mean of each of `output_size` even parts of a sequence: input `[N, C, L]` or `[C, L]`, output
    /// `[…, output_size]`.
    ///
    /// # Errors
    /// If the input is not floating-point, has an unsupported rank, or a spatial dimension is empty.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0, 3.0, 4.0]]);
    /// assert_eq!(x.adaptive_avg_pool1d(2).to_vec::<f32>(), [1.5, 3.5]);
    /// ```
    #[op(torch = "adaptive_avg_pool1d(input, output_size)")]
    pub fn try_adaptive_avg_pool1d(&self, output_size: impl Into<Sizes<1>>) -> Result<Tensor> {
        adaptive_avg_pool(self, output_size.into())
    }

    /// Computes the mean of each of `output_size[0]` × `output_size[1]` even parts of an image: input `[N, C, H, W]` or
    /// `[C, H, W]`, output `[…, output_size[0], output_size[1]]`.
    ///
    /// # Errors
    /// If the input is not floating-point, has an unsupported rank, or a spatial dimension is empty.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([[[1.0f32, 2.0, 3.0], [3.0, 4.0, 5.0]]]);
    /// assert_eq!(x.adaptive_avg_pool2d(1).to_vec::<f32>(), [3.0]);
    /// assert_eq!(x.adaptive_avg_pool2d((1, 2)).to_vec::<f32>(), [2.5, 3.5]);
    /// ```
    #[op(torch = "adaptive_avg_pool2d(input, output_size)")]
    pub fn try_adaptive_avg_pool2d(&self, output_size: impl Into<Sizes<2>>) -> Result<Tensor> {
        adaptive_avg_pool(self, output_size.into())
    }

    /// Computes the mean of each of `output_size` even parts of a volume: input `[N, C, D, H, W]` or `[C, D, H, W]`, output
    /// `[…, output_size…]`.
    ///
    /// # Errors
    /// If the input is not floating-point, has an unsupported rank, or a spatial dimension is empty.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::ones([1, 4, 6, 8]).adaptive_avg_pool3d((1, 2, 3)).shape(), [1, 1, 2, 3]);
    /// ```
    #[op(torch = "adaptive_avg_pool3d(input, output_size)")]
    pub fn try_adaptive_avg_pool3d(&self, output_size: impl Into<Sizes<3>>) -> Result<Tensor> {
        adaptive_avg_pool(self, output_size.into())
    }

    /// Computes the maximum of each of `output_size` even parts of a sequence: input `[N, C, L]` or `[C, L]`, output
    /// `[…, output_size]`.
    ///
    /// # Errors
    /// If the input is not floating-point, has an unsupported rank, a spatial dimension is empty, or an output size is 0.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0, 3.0, 4.0]]);
    /// assert_eq!(x.adaptive_max_pool1d(2).to_vec::<f32>(), [2.0, 4.0]);
    /// ```
    #[op(torch = "adaptive_max_pool1d(input, output_size, return_indices=False)")]
    pub fn try_adaptive_max_pool1d(&self, output_size: impl Into<Sizes<1>>) -> Result<Tensor> {
        Ok(adaptive_max_pool(self, output_size.into())?.0)
    }

    /// Computes the maximum of each of `output_size[0]` × `output_size[1]` even parts of an image: input
    /// `[N, C, H, W]` or `[C, H, W]`, output `[…, output_size[0], output_size[1]]`.
    ///
    /// # Errors
    /// If the input is not floating-point, has an unsupported rank, a spatial dimension is empty, or an output size is 0.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([[[1.0f32, 2.0, 3.0], [3.0, 4.0, 5.0]]]);
    /// assert_eq!(x.adaptive_max_pool2d((1, 2)).to_vec::<f32>(), [4.0, 5.0]);
    /// ```
    #[op(torch = "adaptive_max_pool2d(input, output_size, return_indices=False)")]
    pub fn try_adaptive_max_pool2d(&self, output_size: impl Into<Sizes<2>>) -> Result<Tensor> {
        Ok(adaptive_max_pool(self, output_size.into())?.0)
    }

    /// Computes the maximum of each of `output_size` even parts of a volume: input `[N, C, D, H, W]` or
    /// `[C, D, H, W]`, output `[…, output_size…]`.
    ///
    /// # Errors
    /// If the input is not floating-point, has an unsupported rank, a spatial dimension is empty, or an output size is 0.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::ones([1, 4, 6, 8]).adaptive_max_pool3d((1, 2, 3)).shape(), [1, 1, 2, 3]);
    /// ```
    #[op(torch = "adaptive_max_pool3d(input, output_size, return_indices=False)")]
    pub fn try_adaptive_max_pool3d(&self, output_size: impl Into<Sizes<3>>) -> Result<Tensor> {
        Ok(adaptive_max_pool(self, output_size.into())?.0)
    }
}
