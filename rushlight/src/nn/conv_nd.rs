//! Convolution layers over one and three dimensions, and what they share with the transposed ones.

use super::conv::same_padding;
use super::module::forward;
use super::param::with_names;
use super::{Module, Padding, Pair, Parameter, Sizes, init};
use crate::backend::Activation;
use crate::ops::conv::{Window, convolve};
use crate::tensor::{DType, TensorOptions, get_default_dtype};
use crate::{Error, Result, Tensor};
use rushlight_macros::op;
use std::fmt;

/// What a convolution over `N` dimensions sees beyond the edges of its input: so many zeros on both sides, or what a [`Padding`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvPadding<const N: usize>(Around<N>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Around<const N: usize> {
    Zeros([usize; N]),
    Same,
    Valid,
    /// Sizes of pictures, for a layer of another rank.
    Pictures([usize; 2]),
}

impl<const N: usize> ConvPadding<N> {
    /// The zeros on both sides, where they do not depend on the layer.
    pub(super) fn zeros(self) -> [usize; N] {
        match self.0 {
            Around::Zeros(sizes) => sizes,
            _ => [0; N],
        }
    }
}

impl<const N: usize, T: Into<Sizes<N>>> From<T> for ConvPadding<N> {
    fn from(sizes: T) -> ConvPadding<N> {
        ConvPadding(Around::Zeros(sizes.into().0))
    }
}

impl<const N: usize> From<Padding> for ConvPadding<N> {
    fn from(padding: Padding) -> ConvPadding<N> {
        ConvPadding(match padding {
            Padding::Zeros(Pair::Same(size)) => Around::Zeros([size; N]),
            Padding::Zeros(Pair::Each(sizes)) => Around::Pictures(sizes),
            Padding::Same => Around::Same,
            Padding::Valid => Around::Valid,
        })
    }
}

impl<const N: usize> fmt::Display for ConvPadding<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Around::Zeros(sizes) => Sizes(sizes).fmt(f),
            Around::Same => f.write_str("same"),
            Around::Valid => f.write_str("valid"),
            Around::Pictures(sizes) => Sizes(sizes).fmt(f),
        }
    }
}

/// What makes up a layer, transposed or not.
#[derive(Clone, Debug)]
pub(super) struct Options<const N: usize> {
    pub(super) transposed: bool,
    pub(super) in_channels: usize,
    pub(super) out_channels: usize,
    pub(super) kernel_size: Sizes<N>,
    pub(super) stride: Sizes<N>,
    pub(super) padding: ConvPadding<N>,
    pub(super) output_padding: Sizes<N>,
    pub(super) dilation: Sizes<N>,
    pub(super) groups: usize,
    pub(super) bias: bool,
    pub(super) dtype: DType,
}

impl<const N: usize> Options<N> {
    pub(super) fn new(transposed: bool, in_channels: usize, out_channels: usize, kernel_size: Sizes<N>) -> Options<N> {
        Options {
            transposed,
            in_channels,
            out_channels,
            kernel_size,
            stride: 1.into(),
            padding: 0.into(),
            output_padding: 0.into(),
            dilation: 1.into(),
            groups: 1,
            bias: true,
            dtype: get_default_dtype(),
        }
    }

    pub(super) fn repr(&self) -> String {
        let Options { in_channels, out_channels, kernel_size, stride, padding, output_padding, dilation, .. } = self;
        let mut text = format!("{in_channels}, {out_channels}, kernel_size={kernel_size}, stride={stride}");
        let mut unless = |usual: bool, more: String| {
            if !usual {
                text += &more;
            }
        };
        unless(*padding == 0.into(), format!(", padding={padding}"));
        unless(*dilation == 1.into(), format!(", dilation={dilation}"));
        unless(*output_padding == 0.into(), format!(", output_padding={output_padding}"));
        unless(self.groups == 1, format!(", groups={}", self.groups));
        unless(self.bias, ", bias=False".into());
        text
    }

    /// The parameters of the layer `name`, drawn; an error where options do not go together.
    pub(super) fn parameters(&self, name: &'static str) -> Result<(Parameter, Option<Parameter>)> {
        let wrong = |message: String| Err(Error::value(name, message));
        for (what, sizes) in [("kernel_size", self.kernel_size), ("stride", self.stride), ("dilation", self.dilation)] {
            if sizes.0.contains(&0) {
                return wrong(format!("{what} must be at least 1, but got {sizes}"));
            }
        }
        for (what, channels) in [("in_channels", self.in_channels), ("out_channels", self.out_channels)] {
            if self.groups == 0 || channels % self.groups != 0 {
                return wrong(format!("{what} must be divisible by groups, but got {channels} and {}", self.groups));
            }
        }
        match self.padding.0 {
            Around::Same if self.stride != 1.into() => {
                return wrong(format!("padding 'same' wants stride 1, but got {}", self.stride));
            }
            Around::Pictures(_) => {
                return wrong(format!("padding {} has 2 sizes, but the layer wants {N}", self.padding));
            }
            _ => {}
        }
        let (first, second) = match self.transposed {
            false => (self.out_channels, self.in_channels),
            true => (self.in_channels, self.out_channels),
        };
        let mut shape = vec![first, second / self.groups];
        shape.extend(self.kernel_size.0);
        let options = TensorOptions::new().dtype(self.dtype);
        init::weight_and_bias_of(&options, &shape, self.bias.then_some(self.out_channels))
    }

    fn run(&self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let (padding, padding_end) = match self.padding.0 {
            Around::Same => same_padding(self.kernel_size.0, self.dilation.0),
            _ => (self.padding.zeros(), self.padding.zeros()),
        };
        let (stride, dilation, groups) = (self.stride.0, self.dilation.0, self.groups);
        let window = Window { stride, padding, padding_end, dilation, groups };
        let name = ["conv1d", "conv2d", "conv3d"][N - 1];
        convolve(name, x, weight, bias, window, Activation::None)
    }
}

/// The setters that builders of layers with [`Options`] share.
macro_rules! setters {
    ($builder:ident) => {
        impl<const N: usize> $builder<N> {
            /// The step from one window to the next; default 1.
            pub fn stride(mut self, stride: impl Into<Sizes<N>>) -> Self {
                self.0.stride = stride.into();
                self
            }

            /// The step between the elements of a window; default 1.
            pub fn dilation(mut self, dilation: impl Into<Sizes<N>>) -> Self {
                self.0.dilation = dilation.into();
                self
            }

            /// How many groups of channels are convolved apart; default 1.
            pub fn groups(mut self, groups: usize) -> Self {
                self.0.groups = groups;
                self
            }

            /// Whether there is a bias; default true.
            pub fn bias(mut self, bias: bool) -> Self {
                self.0.bias = bias;
                self
            }

            /// The type of the parameters; default float32.
            pub fn dtype(mut self, dtype: DType) -> Self {
                self.0.dtype = dtype;
                self
            }
        }
    };
}
pub(super) use setters;

/// Layers with [`Options`], which `$run` applies to an input.
macro_rules! layers {
    ($builder:ident, $transposed:literal, $weight:literal, |$options:ident, $x:ident, $w:ident, $b:ident| $run:expr;
        $($(#[$doc:meta])* $layer:ident, $n:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Module)]
        #[module(extra_repr = $layer::extra_repr)]
        pub struct $layer {
            #[doc = $weight]
            pub weight: Parameter,
            /// `[out_channels]`, if there is one.
            pub bias: Option<Parameter>,
            #[module(skip)]
            options: Options<$n>,
        }

        impl $layer {
            /// A layer with stride 1, no padding, bias, float32.
            ///
            /// # Errors
            /// If the kernel has a size of 0 or the sizes are too large.
            #[op]
            pub fn try_new(in_channels: usize, out_channels: usize, kernel_size: impl Into<Sizes<$n>>) -> Result<$layer> {
                $layer::builder(in_channels, out_channels, kernel_size).try_build()
            }

            /// A layer with options.
            pub fn builder(
                in_channels: usize,
                out_channels: usize,
                kernel_size: impl Into<Sizes<$n>>,
            ) -> $builder<$n> {
                $builder(Options::new($transposed, in_channels, out_channels, kernel_size.into()))
            }

            fn extra_repr(&self) -> String {
                self.options.repr()
            }

            fn run(&self, $options: &Options<$n>, $x: &Tensor) -> Result<Tensor> {
                let ($w, bias) = (&self.weight.get(), self.bias.as_ref().map(Parameter::get));
                let $b = bias.as_ref();
                $run.map_err(|error| with_names(error, &self.weight, self.bias.as_ref()))
            }
        }

        impl $builder<$n> {
            /// The layer, with its parameters drawn.
            ///
            /// # Errors
            /// If a kernel size, stride, dilation or `groups` is 0, the channels cannot be split in `groups`, the padding does not go
            /// with the layer, or the type is not floating point.
            #[op]
            pub fn try_build(self) -> Result<$layer> {
                let (weight, bias) = self.0.parameters(stringify!($layer))?;
                Ok($layer { weight, bias, options: self.0 })
            }
        }

        forward!($layer, |layer, x| layer.run(&layer.options, x));
    )*};
}
pub(super) use layers;

/// Options of a [`Conv1d`] or [`Conv3d`].
#[derive(Clone, Debug)]
pub struct ConvBuilder<const N: usize>(Options<N>);

setters!(ConvBuilder);

impl<const N: usize> ConvBuilder<N> {
    /// Zeros around the input, or [`Padding::Same`] or [`Padding::Valid`]; default 0.
    pub fn padding(mut self, padding: impl Into<ConvPadding<N>>) -> Self {
        self.0.padding = padding.into();
        self
    }
}

layers! {
    ConvBuilder, false, "`[out_channels, in_channels / groups, kernel_size…]`.", |options, x, w, b| options.run(x, w, b);
    /// Convolution of sequences: input `[N, in_channels, L]` (or without `N`), output `[N, out_channels, L']` with
    /// `L' = (L + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1`, rounded down.
    ///
    /// The weight is `[out_channels, in_channels / groups, kernel_size]`, the bias `[out_channels]`; both begin uniform in ±1/√fan_in,
    /// as [`torch.nn.Conv1d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv1d.html).
    ///
    /// ```
    /// use rushlight::{Tensor, nn, nn::{Forward, Padding}};
    /// let x = Tensor::randn([2, 3, 10]);
    /// assert_eq!(nn::Conv1d::new(3, 8, 3).forward(&x).shape(), [2, 8, 8]);
    /// let layer = nn::Conv1d::builder(3, 8, 4).padding(Padding::Same).build();
    /// assert_eq!(layer.forward(&x).shape(), [2, 8, 10]);
    /// assert_eq!(layer.to_string(), "Conv1d(3, 8, kernel_size=(4,), stride=(1,), padding=same)");
    /// ```
    Conv1d, 1;
    /// Convolution of volumes: input `[N, in_channels, D, H, W]` (or without `N`), output `[N, out_channels, D', H', W']` with
    /// `D' = (D + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1`, rounded down.
    ///
    /// The weight is `[out_channels, in_channels / groups, kernel_size…]`, the bias `[out_channels]`; both begin uniform in ±1/√fan_in,
    /// as [`torch.nn.Conv3d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv3d.html).
    ///
    /// ```
    /// use rushlight::{Tensor, nn, nn::Forward};
    /// let layer = nn::Conv3d::builder(1, 4, (1, 3, 3)).padding((0, 1, 1)).stride(2).build();
    /// assert_eq!(layer.forward(&Tensor::randn([2, 1, 5, 8, 8])).shape(), [2, 4, 3, 4, 4]);
    /// ```
    Conv3d, 3;
}
