//! Average pooling.

use super::{Windows, images};
use crate::backend::{Divisor, Pool2d};
use crate::ops::composed;
use crate::tensor::Sizes;
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};

/// Options of average pooling over `N` dimensions. A size alone is a kernel size.
///
/// ```
/// use rushlight::{Tensor, ops::AvgPoolOptions};
/// let x = Tensor::ones([1, 1, 4]);
/// let y = x.avg_pool1d(AvgPoolOptions::new(2).padding(1).count_include_pad(false));
/// assert_eq!(y.to_vec::<f32>(), [1.0, 1.0, 1.0]);
/// ```
#[derive(Builder, Clone, Copy, Debug)]
pub struct AvgPoolOptions<const N: usize> {
    #[builder(required)]
    pub(crate) kernel_size: Sizes<N>,
    /// The step between windows; default the kernel size.
    #[builder(default = kernel_size)]
    pub(crate) stride: Sizes<N>,
    /// The number of zeros added on both sides; default 0, at most half of the kernel size.
    #[builder(default = 0.into())]
    pub(crate) padding: Sizes<N>,
    /// Whether the size of the output is rounded up, so that the last window may extend beyond the input; default false.
    pub(crate) ceil_mode: bool,
    /// Whether the zeros of the padding count in the mean; default true.
    #[builder(default = true)]
    pub(crate) count_include_pad: bool,
    /// The divisor of the sums instead of the number of elements of the window; default none.
    pub(crate) divisor_override: Option<usize>,
}

impl<const N: usize, T: Into<Sizes<N>>> From<T> for AvgPoolOptions<N> {
    fn from(kernel_size: T) -> AvgPoolOptions<N> {
        AvgPoolOptions::new(kernel_size)
    }
}

impl<const N: usize> AvgPoolOptions<N> {
    /// The mean of each window of `x`.
    pub(crate) fn pool(&self, x: &Tensor) -> Result<Tensor> {
        let name = ["avg_pool1d", "avg_pool2d", "avg_pool3d"][N - 1];
        let windows = Windows {
            kernel: self.kernel_size.each(),
            stride: self.stride.each(),
            padding: self.padding.each(),
            dilation: [1; N],
            ceil_mode: self.ceil_mode,
        };
        windows.check(name, x)?;
        let mut divisor = match self.divisor_override {
            Some(0) => return Err(Error::value(name, "expected divisor_override of at least 1, got 0")),
            Some(divisor) => Divisor::Override(divisor as i64),
            None if self.count_include_pad => Divisor::IncludePad,
            None => Divisor::ExcludePad,
        };
        windows.pool(x, |windows, x| {
            let y = avg_pool(windows.on(x), divisor, x)?;
            // The number of elements of a window is that in its image times that in its column; a given divisor is applied once.
            if matches!(divisor, Divisor::Override(_)) {
                divisor = Divisor::Override(1);
            }
            Ok(y)
        })
    }
}

impl Tensor {
    /// Computes the mean of each window of a sequence: input `[N, C, L]` or `[C, L]`, output `[…, L']` with
    /// `L' = (L + 2 * padding - kernel_size) / stride + 1`, rounded down, or up with `ceil_mode`.
    ///
    /// # Errors
    /// If the input is not floating-point or has an unsupported rank, the windows do not fit, or `divisor_override` is 0.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([[1.0f32, 3.0, 2.0, 4.0]]);
    /// assert_eq!(x.avg_pool1d(2).to_vec::<f32>(), [2.0, 3.0]);
    /// ```
    #[op(torch = "avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True)")]
    pub fn try_avg_pool1d(&self, options: impl Into<AvgPoolOptions<1>>) -> Result<Tensor> {
        options.into().pool(self)
    }

    /// Computes the mean of each window of an image: input `[N, C, H, W]` or `[C, H, W]`, output `[…, H', W']` with
    /// `H' = (H + 2 * padding - kernel_size) / stride + 1`, rounded down, or up with `ceil_mode`.
    ///
    /// # Errors
    /// If the input is not floating-point or has an unsupported rank, the windows do not fit, or `divisor_override` is 0.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([[[1.0f32, 2.0], [3.0, 6.0]]]);
    /// assert_eq!(x.avg_pool2d(2).to_vec::<f32>(), [3.0]);
    /// ```
    #[op(
        torch = "avg_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None)"
    )]
    pub fn try_avg_pool2d(&self, options: impl Into<AvgPoolOptions<2>>) -> Result<Tensor> {
        options.into().pool(self)
    }

    /// Computes the mean of each window of a volume: input `[N, C, D, H, W]` or `[C, D, H, W]`, output `[…, D', H', W']` with
    /// `D' = (D + 2 * padding - kernel_size) / stride + 1`, rounded down, or up with `ceil_mode`.
    ///
    /// # Errors
    /// If the input is not floating-point or has an unsupported rank, the windows do not fit, or `divisor_override` is 0.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::ones([1, 4, 6, 8]).avg_pool3d(2).shape(), [1, 2, 3, 4]);
    /// ```
    #[op(
        torch = "avg_pool3d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None)"
    )]
    pub fn try_avg_pool3d(&self, options: impl Into<AvgPoolOptions<3>>) -> Result<Tensor> {
        options.into().pool(self)
    }
}

fn avg_pool(pool: Pool2d, divisor: Divisor, x: &Tensor) -> Result<Tensor> {
    let x = x.try_contiguous()?;
    let out = x.fresh_like(images(&x, pool.output()), x.dtype())?;
    let done = x.backend().avg_pool2d(&pool, divisor, &x.read("avg_pool2d")?, &mut out.write_fresh());
    let out = match done {
        Some(done) => done.map(|()| out)?,
        None => composed::Windows::of_pool(&pool, divisor).mean(&x)?,
    };
    Ok(out.record("AvgPool2DBackward0", [&x], [], move |[], [_], g| Ok([Some(avg_pool_grad(pool, divisor, g)?)])))
}

fn avg_pool_grad(pool: Pool2d, divisor: Divisor, g: &Tensor) -> Result<Tensor> {
    let g = g.try_contiguous()?;
    let out = g.fresh_like(images(&g, pool.input), g.dtype())?;
    let name = "avg_pool2d_backward";
    let done = g.backend().avg_pool2d_grad(&pool, divisor, &g.read(name)?, &mut out.write_fresh());
    let out = match done {
        Some(done) => done.map(|()| out)?,
        None => composed::Windows::of_pool(&pool, divisor).mean_grad(&g)?,
    };
    Ok(out.record("AvgPool2DBackwardBackward0", [&g], [], move |[], [_], gg| Ok([Some(avg_pool(pool, divisor, gg)?)])))
}
