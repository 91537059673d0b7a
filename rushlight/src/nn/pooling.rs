//! Pooling layers. Their builders are the options of the operations that they apply.

use super::repr::python_bool;
use super::{Forward, Module, Sizes};
use crate::ops::{AvgPoolOptions, MaxPoolOptions, adaptive_avg_pool, adaptive_max_pool};
use crate::{Result, Tensor};
use rushlight_macros::op;

/// Max pooling over windows of `N` dimensions, 1 to 3: [`MaxPool1d`] of sequences, [`MaxPool2d`] of images, [`MaxPool3d`]
/// of volumes.
///
/// The input is `[batch, C, sizes…]` (or without `batch`), the output `[batch, C, sizes'…]` with
/// `size' = (size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1`, rounded down, or up with `ceil_mode`. The stride
/// defaults to the kernel size. See [`torch.nn.MaxPool2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let x = Tensor::randn([2, 3, 9, 9]);
/// assert_eq!(nn::MaxPool2d::new(2).forward(&x).shape(), [2, 3, 4, 4]);
/// assert_eq!(nn::MaxPool2d::builder(3).stride(2).padding(1).build().forward(&x).shape(), [2, 3, 5, 5]);
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(plain, kind = Self::kind, extra_repr = Self::extra_repr)]
pub struct MaxPool<const N: usize> {
    options: MaxPoolOptions<N>,
}

/// Max pooling of sequences: input `[N, C, L]` or `[C, L]`. See [`MaxPool`].
pub type MaxPool1d = MaxPool<1>;
/// Max pooling of images: input `[N, C, H, W]` or `[C, H, W]`. See [`MaxPool`].
pub type MaxPool2d = MaxPool<2>;
/// Max pooling of volumes: input `[N, C, D, H, W]` or `[C, D, H, W]`. See [`MaxPool`].
pub type MaxPool3d = MaxPool<3>;

impl<const N: usize> MaxPool<N> {
    /// Creates a layer with adjacent windows, without padding.
    pub fn new(kernel_size: impl Into<Sizes<N>>) -> Self {
        Self::builder(kernel_size).build()
    }

    /// Returns a builder of the layer.
    pub fn builder(kernel_size: impl Into<Sizes<N>>) -> MaxPoolOptions<N> {
        MaxPoolOptions::new(kernel_size)
    }

    /// Computes the output for `x`, and the row-major position of each maximum among the elements of its channel, int64: PyTorch's
    /// `return_indices=True`.
    ///
    /// # Errors
    /// As [`forward`](Forward::forward).
    #[op]
    pub fn try_forward_with_indices(&self, x: &Tensor) -> Result<(Tensor, Tensor)> {
        self.options.pool_with_indices(x)
    }

    fn kind(&self) -> &str {
        ["MaxPool1d", "MaxPool2d", "MaxPool3d"][N - 1]
    }

    fn extra_repr(&self) -> String {
        let MaxPoolOptions { kernel_size, stride, padding, dilation, ceil_mode } = self.options;
        let ceil_mode = python_bool(ceil_mode);
        format!(
            "kernel_size={kernel_size}, stride={stride}, padding={padding}, dilation={dilation}, ceil_mode={ceil_mode}"
        )
    }
}

impl<const N: usize> MaxPoolOptions<N> {
    /// Builds the layer.
    pub fn build(self) -> MaxPool<N> {
        MaxPool { options: self }
    }
}

impl<const N: usize> Forward for MaxPool<N> {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        self.options.pool(x)
    }
}

/// Average pooling over windows of `N` dimensions, 1 to 3: [`AvgPool1d`] of sequences, [`AvgPool2d`] of images, [`AvgPool3d`] of volumes.
///
/// The input is `[batch, C, sizes…]` (or without `batch`), the output `[batch, C, sizes'…]` with
/// `size' = (size + 2 * padding - kernel_size) / stride + 1`, rounded down, or up with `ceil_mode`. The stride defaults to the kernel
/// size. See [`torch.nn.AvgPool2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let x = Tensor::arange(16.0).view([1, 4, 4]);
/// assert_eq!(nn::AvgPool2d::new(2).forward(&x).to_vec::<f32>(), [2.5, 4.5, 10.5, 12.5]);
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(plain, kind = Self::kind, extra_repr = Self::extra_repr)]
pub struct AvgPool<const N: usize> {
    options: AvgPoolOptions<N>,
}

/// Average pooling of sequences: input `[N, C, L]` or `[C, L]`. See [`AvgPool`].
pub type AvgPool1d = AvgPool<1>;
/// Average pooling of images: input `[N, C, H, W]` or `[C, H, W]`. See [`AvgPool`].
pub type AvgPool2d = AvgPool<2>;
/// Average pooling of volumes: input `[N, C, D, H, W]` or `[C, D, H, W]`. See [`AvgPool`].
pub type AvgPool3d = AvgPool<3>;

impl<const N: usize> AvgPool<N> {
    /// Creates a layer with adjacent windows, without padding.
    pub fn new(kernel_size: impl Into<Sizes<N>>) -> Self {
        Self::builder(kernel_size).build()
    }

    /// Returns a builder of the layer.
    pub fn builder(kernel_size: impl Into<Sizes<N>>) -> AvgPoolOptions<N> {
        AvgPoolOptions::new(kernel_size)
    }

    fn kind(&self) -> &str {
        ["AvgPool1d", "AvgPool2d", "AvgPool3d"][N - 1]
    }

    fn extra_repr(&self) -> String {
        let AvgPoolOptions { kernel_size, stride, padding, .. } = self.options;
        // PyTorch converts the options of the one-dimensional layer to tuples.
        let [kernel_size, stride, padding] =
            [kernel_size, stride, padding].map(|sizes| if N == 1 { Sizes::Each(sizes.each()) } else { sizes });
        format!("kernel_size={kernel_size}, stride={stride}, padding={padding}")
    }
}

impl<const N: usize> AvgPoolOptions<N> {
    /// Builds the layer.
    pub fn build(self) -> AvgPool<N> {
        AvgPool { options: self }
    }
}

impl<const N: usize> Forward for AvgPool<N> {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        self.options.pool(x)
    }
}

/// Average pooling over `output_size` even parts of `N` dimensions, 1 to 3: input `[batch, C, sizes…]` (or without
/// `batch`), output `[batch, C, output_size…]`.
/// See [`torch.nn.AdaptiveAvgPool2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let layer = nn::AdaptiveAvgPool2d::new((1, 1));
/// assert_eq!(layer.forward(&Tensor::randn([2, 3, 7, 5])).shape(), [2, 3, 1, 1]);
/// assert_eq!(layer.to_string(), "AdaptiveAvgPool2d(output_size=(1, 1))");
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(plain, kind = Self::kind, extra_repr = Self::extra_repr)]
pub struct AdaptiveAvgPool<const N: usize> {
    output_size: Sizes<N>,
}

/// Adaptive average pooling of sequences: input `[N, C, L]` or `[C, L]`. See [`AdaptiveAvgPool`].
pub type AdaptiveAvgPool1d = AdaptiveAvgPool<1>;
/// Adaptive average pooling of images: input `[N, C, H, W]` or `[C, H, W]`. See [`AdaptiveAvgPool`].
pub type AdaptiveAvgPool2d = AdaptiveAvgPool<2>;
/// Adaptive average pooling of volumes: input `[N, C, D, H, W]` or `[C, D, H, W]`. See [`AdaptiveAvgPool`].
pub type AdaptiveAvgPool3d = AdaptiveAvgPool<3>;

impl<const N: usize> AdaptiveAvgPool<N> {
    /// Creates a layer with the given output size.
    pub fn new(output_size: impl Into<Sizes<N>>) -> Self {
        AdaptiveAvgPool { output_size: output_size.into() }
    }

    fn kind(&self) -> &str {
        ["AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d"][N - 1]
    }

    fn extra_repr(&self) -> String {
        format!("output_size={}", self.output_size)
    }
}

impl<const N: usize> Forward for AdaptiveAvgPool<N> {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        adaptive_avg_pool(x, self.output_size)
    }
}

/// Max pooling over `output_size` even parts of `N` dimensions, 1 to 3: input `[batch, C, sizes…]` (or
/// without `batch`), output `[batch, C, output_size…]`.
/// See [`torch.nn.AdaptiveMaxPool2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool2d.html).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let layer = nn::AdaptiveMaxPool1d::new(2);
/// assert_eq!(layer.forward(&Tensor::from([[1.0f32, 3.0, 2.0]])).to_vec::<f32>(), [3.0, 3.0]);
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(plain, kind = Self::kind, extra_repr = Self::extra_repr)]
pub struct AdaptiveMaxPool<const N: usize> {
    output_size: Sizes<N>,
}

/// Adaptive max pooling of sequences: input `[N, C, L]` or `[C, L]`. See [`AdaptiveMaxPool`].
pub type AdaptiveMaxPool1d = AdaptiveMaxPool<1>;
/// Adaptive max pooling of images: input `[N, C, H, W]` or `[C, H, W]`. See [`AdaptiveMaxPool`].
pub type AdaptiveMaxPool2d = AdaptiveMaxPool<2>;
/// Adaptive max pooling of volumes: input `[N, C, D, H, W]` or `[C, D, H, W]`. See [`AdaptiveMaxPool`].
pub type AdaptiveMaxPool3d = AdaptiveMaxPool<3>;

impl<const N: usize> AdaptiveMaxPool<N> {
    /// Creates a layer with the given output size.
    pub fn new(output_size: impl Into<Sizes<N>>) -> Self {
        AdaptiveMaxPool { output_size: output_size.into() }
    }

    /// Computes the output for `x`, and the row-major position of each maximum among the elements of its channel, int64: PyTorch's
    /// `return_indices=True`.
    ///
    /// # Errors
    /// As [`forward`](Forward::forward).
    #[op]
    pub fn try_forward_with_indices(&self, x: &Tensor) -> Result<(Tensor, Tensor)> {
        adaptive_max_pool(x, self.output_size)
    }

    fn kind(&self) -> &str {
        ["AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d"][N - 1]
    }

    fn extra_repr(&self) -> String {
        format!("output_size={}", self.output_size)
    }
}

impl<const N: usize> Forward for AdaptiveMaxPool<N> {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(adaptive_max_pool(x, self.output_size)?.0)
    }
}
