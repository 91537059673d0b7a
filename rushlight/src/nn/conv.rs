//! Convolution layers.

use super::fused_conv::{Cache, Convolution};
use super::module::{forward, setters};
use super::param::with_names;
use super::{BatchNorm2d, Module, Pair, Parameter, init};
use crate::backend::Activation;
use crate::ops::conv::Window;
use crate::tensor::{DType, TensorOptions, get_default_dtype};
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

/// The zeros before and behind an input with which a convolution of stride 1 keeps its sizes; of an odd number one more behind.
pub(super) fn same_padding<const N: usize>(kernel: [usize; N], dilation: [usize; N]) -> ([usize; N], [usize; N]) {
    let total: [usize; N] = std::array::from_fn(|i| dilation[i].saturating_mul(kernel[i].saturating_sub(1)));
    (total.map(|total| total / 2), total.map(|total| total.div_ceil(2)))
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
    pub weight: Parameter,
    /// `[out_channels]`, if there is one.
    pub bias: Option<Parameter>,
    #[module(skip)]
    options: Conv2dBuilder,
    #[module(skip)]
    cache: Cache,
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
            dtype: get_default_dtype(),
        }
    }

    /// A layer with the same options and other parameters.
    pub(super) fn with(&self, weight: Parameter, bias: Option<Parameter>) -> Conv2d {
        let options = Conv2dBuilder { bias: bias.is_some(), ..self.options.clone() };
        Conv2d { weight, bias, options, cache: Cache::default() }
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

    /// The layer, a normalization behind it and an activation behind that, in as few passes over memory as possible. A
    /// [`Sequential`](super::Sequential) does this by itself.
    ///
    /// Where no gradients are recorded and `norm` is in evaluation, it is folded into the weight, whose folded form is kept while no
    /// parameter or statistic changes. Outputs then differ from those of the layers one by one by rounding only.
    ///
    /// # Errors
    /// If the input has the wrong number of dimensions or channels, or `norm` another number of channels than the output.
    ///
    /// ```
    /// use rushlight::{Tensor, nn, nn::{Activation, Forward, Module}};
    /// let (conv, norm) = (nn::Conv2d::new(3, 8, 3), nn::BatchNorm2d::new(8));
    /// norm.eval();
    /// let x = Tensor::randn([2, 3, 9, 9]);
    /// let y = rushlight::no_grad(|| conv.forward_fused(&x, Some(&norm), Activation::Relu6));
    /// let z = norm.forward(&conv.forward(&x)).relu6();
    /// assert!((y - z).abs().max().item::<f32>() < 1e-5);
    /// ```
    #[op]
    pub fn try_forward_fused(&self, x: &Tensor, norm: Option<&BatchNorm2d>, activation: Activation) -> Result<Tensor> {
        let o = &self.options;
        let (kernel, dilation) = (o.kernel_size.both(), o.dilation.both());
        let (padding, padding_end) = match o.padding {
            Padding::Zeros(sizes) => (sizes.both(), sizes.both()),
            Padding::Valid => ([0, 0], [0, 0]),
            Padding::Same => same_padding(kernel, dilation),
        };
        let (weight, bias) = (&self.weight, self.bias.as_ref());
        let window = Window { stride: o.stride.both(), padding, padding_end, dilation, groups: o.groups };
        Convolution { name: "conv2d", weight, bias, window, cache: &self.cache }
            .run(x, norm, activation)
            .map_err(|error| with_names(error, weight, bias))
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
        Ok(Conv2d { weight, bias, options: self, cache: Cache::default() })
    }
}

forward!(Conv2d, |layer, x| layer.try_forward_fused(x, None, Activation::None));
