//! Convolution layers.

use super::module::{forward, setters};
use super::param::with_names;
use super::{Module, Pair, Param, init};
use crate::tensor::{DType, TensorOptions};
use crate::{Error, Result, Tensor};
use rushlight_macros::op;
use std::fmt;

/// What a convolution sees beyond the edges of its input: zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// So many on both sides.
    Zeros(Pair),
    /// As many as make the output as large as the input; where that is odd, one more after the end. Wants stride 1.
    Same,
    /// None.
    Valid,
}

impl<T: Into<Pair>> From<T> for Padding {
    fn from(sizes: T) -> Padding {
        Padding::Zeros(sizes.into())
    }
}

impl fmt::Display for Padding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Padding::Zeros(sizes) => sizes.each().fmt(f),
            Padding::Same => f.write_str("same"),
            Padding::Valid => f.write_str("valid"),
        }
    }
}

/// Options of a [`Conv2d`].
#[derive(Clone, Debug)]
pub struct Conv2dBuilder {
    in_channels: usize,
    out_channels: usize,
    kernel_size: Pair,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    groups: usize,
    bias: bool,
    dtype: DType,
}

/// Convolution of pictures: input `[N, in_channels, H, W]` (or without `N`), output `[N, out_channels, H', W']` with
/// `H' = (H + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1`, rounded down.
///
/// The weight is `[out_channels, in_channels / groups, kernel_size[0], kernel_size[1]]`, the bias `[out_channels]`; both begin uniform
/// in ±1/√fan_in, as [`torch.nn.Conv2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let x = Tensor::randn([2, 3, 32, 32]);
/// assert_eq!(nn::Conv2d::new(3, 8, 3).forward(&x).shape(), [2, 8, 30, 30]);
/// let layer = nn::Conv2d::builder(3, 8, 7).stride(2).padding(3).bias(false).build();
/// assert_eq!(layer.forward(&x).shape(), [2, 8, 16, 16]);
/// assert_eq!(layer.to_string(), "Conv2d(3, 8, kernel_size=(7, 7), stride=(2, 2), padding=(3, 3), bias=False)");
/// ```
#[derive(Module)]
#[module(extra_repr = Conv2d::extra_repr)]
pub struct Conv2d {
    /// `[out_channels, in_channels / groups, kernel_size[0], kernel_size[1]]`.
    pub weight: Param,
    /// `[out_channels]`, if there is one.
    pub bias: Option<Param>,
    #[module(skip)]
    options: Conv2dBuilder,
}

impl Conv2d {
    /// A layer with stride 1, no padding, bias, float32.
    ///
    /// # Errors
    /// If the kernel has a size of 0 or the sizes are too large.
    #[op]
    pub fn try_new(in_channels: usize, out_channels: usize, kernel_size: impl Into<Pair>) -> Result<Conv2d> {
        Conv2d::builder(in_channels, out_channels, kernel_size).try_build()
    }

    /// A layer with options.
    pub fn builder(in_channels: usize, out_channels: usize, kernel_size: impl Into<Pair>) -> Conv2dBuilder {
        Conv2dBuilder {
            in_channels,
            out_channels,
            kernel_size: kernel_size.into(),
            stride: 1.into(),
            padding: 0.into(),
            dilation: 1.into(),
            groups: 1,
            bias: true,
            dtype: DType::F32,
        }
    }

    fn extra_repr(&self) -> String {
        let o = &self.options;
        let mut text = format!(
            "{}, {}, kernel_size={}, stride={}",
            o.in_channels,
            o.out_channels,
            o.kernel_size.each(),
            o.stride.each()
        );
        if !matches!(o.padding, Padding::Zeros(sizes) if sizes.both() == [0, 0]) {
            text += &format!(", padding={}", o.padding);
        }
        if o.dilation.both() != [1, 1] {
            text += &format!(", dilation={}", o.dilation.each());
        }
        if o.groups != 1 {
            text += &format!(", groups={}", o.groups);
        }
        if self.bias.is_none() {
            text += ", bias=False";
        }
        text
    }

    fn convolve(&self, x: &Tensor) -> Result<Tensor> {
        let o = &self.options;
        let bias = self.bias.as_ref().map(Param::get);
        let run = |padding| {
            let (stride, dilation) = (o.stride.both(), o.dilation.both());
            x.try_conv2d(&self.weight.get(), bias.as_ref(), stride, padding, dilation, o.groups)
        };
        match o.padding {
            Padding::Zeros(sizes) => run(sizes.both()),
            Padding::Valid => run([0, 0]),
            Padding::Same => {
                let (kernel, dilation) = (o.kernel_size.both(), o.dilation.both());
                let total: [usize; 2] = std::array::from_fn(|i| dilation[i] * (kernel[i] - 1));
                let mut y = run(total.map(|total| total.div_ceil(2)))?;
                for (i, total) in total.into_iter().enumerate() {
                    if total % 2 == 1 {
                        // One zero too many stood before the beginning.
                        let dim = y.dim() - 2 + i;
                        y = y.try_narrow(dim as isize, 1, y.shape()[dim] - 1)?;
                    }
                }
                Ok(y)
            }
        }
    }
}

setters! { Conv2dBuilder:
    /// The step from one window to the next; default 1.
    stride: impl Into<Pair>,
    /// Zeros around the input; default 0.
    padding: impl Into<Padding>,
    /// The step between the elements of a window; default 1.
    dilation: impl Into<Pair>,
    /// How many groups of channels are convolved apart; default 1.
    groups: usize,
    /// Whether there is a bias; default true.
    bias: bool,
    /// The type of the parameters; default float32.
    dtype: DType,
}

impl Conv2dBuilder {
    /// The layer, with its parameters drawn.
    ///
    /// # Errors
    /// If a kernel size, stride, dilation or `groups` is 0, the channels cannot be split in `groups`, `Padding::Same` meets a stride,
    /// or the type is not floating point.
    #[op]
    pub fn try_build(self) -> Result<Conv2d> {
        let wrong = |message: String| Err(Error::value("Conv2d", message));
        for (what, sizes) in [("kernel_size", self.kernel_size), ("stride", self.stride), ("dilation", self.dilation)] {
            if sizes.both().contains(&0) {
                return wrong(format!("{what} must be at least 1, but got {sizes}"));
            }
        }
        for (what, channels) in [("in_channels", self.in_channels), ("out_channels", self.out_channels)] {
            if self.groups == 0 || channels % self.groups != 0 {
                return wrong(format!("{what} must be divisible by groups, but got {channels} and {}", self.groups));
            }
        }
        if self.padding == Padding::Same && self.stride.both() != [1, 1] {
            return wrong(format!("padding 'same' wants stride 1, but got {}", self.stride));
        }
        let [height, width] = self.kernel_size.both();
        let shape = [self.out_channels, self.in_channels / self.groups, height, width];
        let options = TensorOptions::new().dtype(self.dtype);
        let (weight, bias) = init::weight_and_bias(&options, &shape, self.bias)?;
        Ok(Conv2d { weight, bias, options: self })
    }
}

forward!(Conv2d, |layer, x| layer.convolve(x).map_err(|error| with_names(error, &layer.weight, layer.bias.as_ref())));
