//! Max pooling.

use super::{Windows, images, over_depth};
use crate::autograd::Save;
use crate::backend::{Divisor, Pool2d};
use crate::ops::{Shape, composed};
use crate::tensor::{DType, Layout, Sizes};
use crate::{Result, Tensor};
use rushlight_macros::{Builder, op};

/// Options of max pooling over `N` dimensions. A size alone is a kernel size.
///
/// ```
/// use rushlight::{Tensor, ops::MaxPoolOptions};
/// let x = Tensor::randn([2, 3, 9, 9]);
/// assert_eq!(x.max_pool2d(MaxPoolOptions::new(3).stride(2).padding(1)).shape(), [2, 3, 5, 5]);
/// ```
#[derive(Builder, Clone, Copy, Debug)]
pub struct MaxPoolOptions<const N: usize> {
    #[builder(required)]
    pub(crate) kernel_size: Sizes<N>,
    /// The step between windows; default the kernel size.
    #[builder(default = kernel_size)]
    pub(crate) stride: Sizes<N>,
    /// The number of elements of negative infinity added on both sides; default 0, at most half of the kernel size.
    #[builder(default = 0.into())]
    pub(crate) padding: Sizes<N>,
    /// The step between the elements of a window; default 1.
    #[builder(default = 1.into())]
    pub(crate) dilation: Sizes<N>,
    /// Whether the size of the output is rounded up, so that the last window may extend beyond the input; default false.
    pub(crate) ceil_mode: bool,
}

impl<const N: usize, T: Into<Sizes<N>>> From<T> for MaxPoolOptions<N> {
    fn from(kernel_size: T) -> MaxPoolOptions<N> {
        MaxPoolOptions::new(kernel_size)
    }
}

impl<const N: usize> MaxPoolOptions<N> {
    fn windows(&self, x: &Tensor) -> Result<Windows<N>> {
        let windows = Windows {
            kernel: self.kernel_size.each(),
            stride: self.stride.each(),
            padding: self.padding.each(),
            dilation: self.dilation.each(),
            ceil_mode: self.ceil_mode,
        };
        windows.check(["max_pool1d", "max_pool2d", "max_pool3d"][N - 1], x)?;
        Ok(windows)
    }

    /// The largest element of each window of `x`.
    pub(crate) fn pool(&self, x: &Tensor) -> Result<Tensor> {
        self.windows(x)?.pool(x, |windows, x| Ok(max_pool(windows, x)?.0))
    }

    /// The largest element of each window of `x` and its position among the elements of its channel.
    pub(crate) fn pool_with_indices(&self, x: &Tensor) -> Result<(Tensor, Tensor)> {
        let windows = self.windows(x)?;
        if N < 3 {
            let mut indices = None;
            let values = windows.pool(x, |windows, x| {
                let (values, positions) = max_pool(windows, x)?;
                indices = Some(if N == 1 { positions.try_squeeze(-2)? } else { positions });
                Ok(values)
            })?;
            return Ok((values, indices.expect("there is one pass")));
        }
        let (y, in_image) = max_pool(windows.image(), x)?;
        let mut in_column = None;
        let values = over_depth(&y, |y| {
            let (values, positions) = max_pool(windows.depth(), y)?;
            in_column = Some(positions);
            Ok(values)
        })?;
        let in_column = in_column.expect("there is one pass").try_flatten_dim(-2..)?;
        // Converts positions in an image to positions in the volume; the derivative keeps those in an image.
        let in_image = in_image.try_copy()?;
        let [.., depth, height, width] = *x.shape() else { unreachable!("the windows fit") };
        for d in 1..depth {
            in_image.try_select(-3, d as isize)?.try_add_((d * height * width) as i64)?;
        }
        let indices = in_image.try_flatten_dim(-3..)?.try_gather(-1, &in_column)?.try_view(values.shape())?;
        Ok((values, indices))
    }
}

impl Tensor {
    /// Computes the maximum of each window of a sequence: input `[N, C, L]` or `[C, L]`, output `[…, L']` with
    /// `L' = (L + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1`, rounded down, or up with `ceil_mode`.
    ///
    /// # Errors
    /// If the input is not floating-point or has an unsupported rank, or the windows do not fit.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([[1.0f32, 3.0, 2.0, 4.0]]);
    /// assert_eq!(x.max_pool1d(2).to_vec::<f32>(), [3.0, 4.0]);
    /// ```
    #[op(
        torch = "max_pool1d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False)"
    )]
    pub fn try_max_pool1d(&self, options: impl Into<MaxPoolOptions<1>>) -> Result<Tensor> {
        options.into().pool(self)
    }

    /// Computes the maximum of each window of an image: input `[N, C, H, W]` or `[C, H, W]`, output `[…, H', W']` with
    /// `H' = (H + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1`, rounded down, or up with `ceil_mode`.
    ///
    /// # Errors
    /// If the input is not floating-point or has an unsupported rank, or the windows do not fit.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::MaxPoolOptions};
    /// let x = Tensor::from([[[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]]);
    /// assert_eq!(x.max_pool2d(2).to_vec::<f32>(), [5.0]);
    /// assert_eq!(x.max_pool2d(MaxPoolOptions::new(2).stride(1)).to_vec::<f32>(), [5.0, 6.0]);
    /// ```
    #[op(
        torch = "max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False)"
    )]
    pub fn try_max_pool2d(&self, options: impl Into<MaxPoolOptions<2>>) -> Result<Tensor> {
        options.into().pool(self)
    }

    /// Computes the maximum of each window of a volume: input `[N, C, D, H, W]` or `[C, D, H, W]`, output `[…, D', H', W']` with
    /// `D' = (D + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1`, rounded down, or up with `ceil_mode`.
    ///
    /// # Errors
    /// If the input is not floating-point or has an unsupported rank, or the windows do not fit.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::ones([1, 4, 6, 8]).max_pool3d(2).shape(), [1, 2, 3, 4]);
    /// ```
    #[op(
        torch = "max_pool3d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False)"
    )]
    pub fn try_max_pool3d(&self, options: impl Into<MaxPoolOptions<3>>) -> Result<Tensor> {
        options.into().pool(self)
    }

    /// [`max_pool1d`](Tensor::max_pool1d) with the position of each maximum in its sequence, int64: PyTorch's `return_indices=True`.
    ///
    /// # Errors
    /// As [`try_max_pool1d`](Tensor::try_max_pool1d).
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let (values, indices) = Tensor::from([[1.0f32, 3.0, 2.0, 4.0]]).max_pool1d_with_indices(2);
    /// assert_eq!((values.to_vec::<f32>(), indices.to_vec::<i64>()), (vec![3.0, 4.0], vec![1, 3]));
    /// ```
    #[op(
        torch = "max_pool1d_with_indices(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False)"
    )]
    pub fn try_max_pool1d_with_indices(&self, options: impl Into<MaxPoolOptions<1>>) -> Result<(Tensor, Tensor)> {
        options.into().pool_with_indices(self)
    }

    /// [`max_pool2d`](Tensor::max_pool2d) with the position of each maximum in its image, row-major, int64: PyTorch's
    /// `return_indices=True`.
    ///
    /// # Errors
    /// As [`try_max_pool2d`](Tensor::try_max_pool2d).
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let (values, indices) = Tensor::from([[[1.0f32, 2.0], [4.0, 3.0]]]).max_pool2d_with_indices(2);
    /// assert_eq!((values.to_vec::<f32>(), indices.to_vec::<i64>()), (vec![4.0], vec![2]));
    /// ```
    #[op(
        torch = "max_pool2d_with_indices(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False)"
    )]
    pub fn try_max_pool2d_with_indices(&self, options: impl Into<MaxPoolOptions<2>>) -> Result<(Tensor, Tensor)> {
        options.into().pool_with_indices(self)
    }

    /// [`max_pool3d`](Tensor::max_pool3d) with the position of each maximum in its volume, row-major, int64: PyTorch's
    /// `return_indices=True`.
    ///
    /// # Errors
    /// As [`try_max_pool3d`](Tensor::try_max_pool3d).
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let (values, indices) = Tensor::arange(8.0).view([1, 2, 2, 2]).max_pool3d_with_indices(2);
    /// assert_eq!((values.to_vec::<f32>(), indices.to_vec::<i64>()), (vec![7.0], vec![7]));
    /// ```
    #[op(
        torch = "max_pool3d_with_indices(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False)"
    )]
    pub fn try_max_pool3d_with_indices(&self, options: impl Into<MaxPoolOptions<3>>) -> Result<(Tensor, Tensor)> {
        options.into().pool_with_indices(self)
    }
}

/// The largest elements of the windows on the images of `x`, and their positions.
fn max_pool(windows: Windows<2>, x: &Tensor) -> Result<(Tensor, Tensor)> {
    let name = "max_pool2d";
    let x = x.try_contiguous()?;
    let pool = windows.on(&x);
    let layout = images(&x, pool.output());
    let values = x.fresh_like(layout, x.dtype())?;
    let indices = x.fresh_like(layout, DType::I64)?;
    let done = x.backend().max_pool2d(&pool, &x.read(name)?, &mut values.write_fresh(), &mut indices.write_fresh());
    let (values, indices) = match done {
        Some(done) => done.map(|()| (values, indices))?,
        None => composed::Windows::of_pool(&pool, Divisor::IncludePad).max(&x)?,
    };
    let dims = Shape::of(&x);
    let values =
        values.record("MaxPool2DWithIndicesBackward0", [&x], [Save::Input(&indices)], move |[indices], [_], g| {
            Ok([Some(max_pool_grad(pool, dims, g, &indices)?)])
        });
    Ok((values, indices))
}

fn max_pool_grad(pool: Pool2d, dims: Shape, g: &Tensor, indices: &Tensor) -> Result<Tensor> {
    let g = g.try_contiguous()?;
    let out = g.fresh_like(Layout::contiguous(dims.list()), g.dtype())?;
    let name = "max_pool2d_backward";
    let done = g.backend().max_pool2d_grad(&pool, &g.read(name)?, &indices.read(name)?, &mut out.write_fresh());
    let out = match done {
        Some(done) => done.map(|()| out)?,
        None => composed::max_pool_grad(&g, indices, dims.list())?,
    };
    Ok(out.record("MaxPool2DWithIndicesBackwardBackward0", [&g], [Save::Input(indices)], move |[indices], [_], gg| {
        Ok([Some(
            gg.try_flatten_dim(-2..)?.try_gather(-1, &indices.try_flatten_dim(-2..)?)?.try_view(indices.shape())?,
        )])
    }))
}
