//! Pooling layers.

use super::module::{forward, setters};
use super::repr::python_bool;
use super::{Module, Pair, Sizes};
use crate::ops::{AvgPoolOptions, MaxPoolOptions};

/// The largest element of each window: input `[N, C, H, W]` or `[C, H, W]`, output `[…, H', W']` with
/// `H' = (H + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1`, rounded down, or up with `ceil_mode`.
/// As [`torch.nn.MaxPool2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let x = Tensor::randn([2, 3, 9, 9]);
/// assert_eq!(nn::MaxPool2d::new(2).forward(&x).shape(), [2, 3, 4, 4]);
/// assert_eq!(nn::MaxPool2d::new(3).stride(2).padding(1).forward(&x).shape(), [2, 3, 5, 5]);
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(plain, extra_repr = MaxPool2d::extra_repr)]
pub struct MaxPool2d {
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    ceil_mode: bool,
}

impl MaxPool2d {
    /// Windows side by side, without padding.
    pub fn new(kernel_size: impl Into<Pair>) -> MaxPool2d {
        let kernel_size = kernel_size.into();
        MaxPool2d { kernel_size, stride: kernel_size, padding: 0.into(), dilation: 1.into(), ceil_mode: false }
    }

    fn extra_repr(&self) -> String {
        let MaxPool2d { kernel_size, stride, padding, dilation, ceil_mode } = self;
        let ceil_mode = python_bool(*ceil_mode);
        format!(
            "kernel_size={kernel_size}, stride={stride}, padding={padding}, dilation={dilation}, ceil_mode={ceil_mode}"
        )
    }
}

setters! { MaxPool2d:
    /// The step from one window to the next; default the kernel's size.
    stride: impl Into<Pair>,
    /// Places around the input that are never the largest; default 0.
    padding: impl Into<Pair>,
    /// The step between the elements of a window; default 1.
    dilation: impl Into<Pair>,
    /// Whether windows that are not whole count; default false.
    ceil_mode: bool,
}

forward!(MaxPool2d, |layer, x| x.try_max_pool2d(MaxPoolOptions {
    kernel_size: Sizes(layer.kernel_size.both()),
    stride: Sizes(layer.stride.both()),
    padding: Sizes(layer.padding.both()),
    dilation: Sizes(layer.dilation.both()),
    ceil_mode: layer.ceil_mode,
}));

/// The mean of each window: input `[N, C, H, W]` or `[C, H, W]`, output `[…, H', W']` with
/// `H' = (H + 2 * padding - kernel_size) / stride + 1`, rounded down, or up with `ceil_mode`.
/// As [`torch.nn.AvgPool2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let x = Tensor::arange(16.0).view([1, 4, 4]);
/// assert_eq!(nn::AvgPool2d::new(2).forward(&x).to_vec::<f32>(), [2.5, 4.5, 10.5, 12.5]);
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(plain, extra_repr = AvgPool2d::extra_repr)]
pub struct AvgPool2d {
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: Option<usize>,
}

impl AvgPool2d {
    /// Windows side by side, without padding.
    pub fn new(kernel_size: impl Into<Pair>) -> AvgPool2d {
        let kernel_size = kernel_size.into();
        AvgPool2d {
            kernel_size,
            stride: kernel_size,
            padding: 0.into(),
            ceil_mode: false,
            count_include_pad: true,
            divisor_override: None,
        }
    }

    fn extra_repr(&self) -> String {
        format!("kernel_size={}, stride={}, padding={}", self.kernel_size, self.stride, self.padding)
    }
}

setters! { AvgPool2d:
    /// The step from one window to the next; default the kernel's size.
    stride: impl Into<Pair>,
    /// Zeros around the input; default 0.
    padding: impl Into<Pair>,
    /// Whether windows that are not whole count; default false.
    ceil_mode: bool,
    /// Whether the padding is counted; default true.
    count_include_pad: bool,
    /// Divides by this number instead of the window's; default none.
    divisor_override: impl Into<Option<usize>>,
}

forward!(AvgPool2d, |layer, x| x.try_avg_pool2d(AvgPoolOptions {
    kernel_size: Sizes(layer.kernel_size.both()),
    stride: Sizes(layer.stride.both()),
    padding: Sizes(layer.padding.both()),
    ceil_mode: layer.ceil_mode,
    count_include_pad: layer.count_include_pad,
    divisor_override: layer.divisor_override,
}));

/// The mean of each of `output_size` parts of a picture: input `[N, C, H, W]` or `[C, H, W]`, output `[…, output_size]`.
/// As [`torch.nn.AdaptiveAvgPool2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let layer = nn::AdaptiveAvgPool2d::new((1, 1));
/// assert_eq!(layer.forward(&Tensor::randn([2, 3, 7, 5])).shape(), [2, 3, 1, 1]);
/// assert_eq!(layer.to_string(), "AdaptiveAvgPool2d(output_size=(1, 1))");
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(plain, extra_repr = AdaptiveAvgPool2d::extra_repr)]
pub struct AdaptiveAvgPool2d {
    output_size: Pair,
}

impl AdaptiveAvgPool2d {
    /// Pools to this size.
    pub fn new(output_size: impl Into<Pair>) -> AdaptiveAvgPool2d {
        AdaptiveAvgPool2d { output_size: output_size.into() }
    }

    fn extra_repr(&self) -> String {
        format!("output_size={}", self.output_size)
    }
}

forward!(AdaptiveAvgPool2d, |layer, x| x.try_adaptive_avg_pool2d(layer.output_size.both()));
