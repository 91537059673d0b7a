//! Convolution layers, and the code that they share with transposed convolutions.

use super::fused_conv::{Cache, Convolution};
use super::param::with_names;
use super::{
    BatchNorm, ConvTransposeBuilder, Forward, Fusion, Module, Normalization, Padding, Parameter, Product, Sizes, init,
};
use crate::backend::Activation;
use crate::ops::ConvOptions;
use crate::tensor::{DType, TensorOptions, get_default_dtype};
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};

/// The common options of convolutions and transposed convolutions.
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super), on(ConvBuilder<N>, options), on(ConvTransposeBuilder<N>, options))]
pub(super) struct Options<const N: usize> {
    #[builder(required)]
    pub(super) in_channels: usize,
    #[builder(required)]
    pub(super) out_channels: usize,
    #[builder(required)]
    pub(super) kernel_size: Sizes<N>,
    /// The step between windows; default 1.
    #[builder(default = 1.into())]
    pub(super) stride: Sizes<N>,
    /// The step between the elements of a window; default 1.
    #[builder(default = 1.into())]
    pub(super) dilation: Sizes<N>,
    /// The number of groups of channels that are convolved separately; default 1.
    #[builder(default = 1)]
    pub(super) groups: usize,
    /// Whether the layer has a bias; default true.
    #[builder(default = true)]
    bias: bool,
    /// The dtype of the parameters; default float32.
    #[builder(default = get_default_dtype())]
    dtype: DType,
}

impl<const N: usize> Options<N> {
    pub(super) fn repr(&self, padding: Padding<N>, output_padding: Sizes<N>) -> String {
        let Options { in_channels, out_channels, groups, .. } = self;
        let [kernel_size, stride, dilation, output_padding] =
            [self.kernel_size, self.stride, self.dilation, output_padding].map(|sizes| Sizes::Each(sizes.each()));
        let mut text = format!("{in_channels}, {out_channels}, kernel_size={kernel_size}, stride={stride}");
        let mut unless = |usual: bool, more: String| {
            if !usual {
                text += &more;
            }
        };
        unless(padding == 0.into(), format!(", padding={padding}"));
        unless(dilation == 1.into(), format!(", dilation={dilation}"));
        unless(output_padding == 0.into(), format!(", output_padding={output_padding}"));
        unless(*groups == 1, format!(", groups={groups}"));
        unless(self.bias, ", bias=False".into());
        text
    }

    /// Initializes the parameters of the layer `name`: a weight whose first sizes are these two, over all groups, and a bias. Returns an
    /// error if options are inconsistent.
    pub(super) fn parameters(
        &self,
        name: &'static str,
        [first, second]: [usize; 2],
    ) -> Result<(Parameter, Option<Parameter>)> {
        let wrong = |message: String| Err(Error::value(name, message));
        for (what, sizes) in [("kernel_size", self.kernel_size), ("stride", self.stride), ("dilation", self.dilation)] {
            if sizes.each().contains(&0) {
                return wrong(format!("expected {what} of at least 1, got {sizes}"));
            }
        }
        for (what, channels) in [("in_channels", self.in_channels), ("out_channels", self.out_channels)] {
            if self.groups == 0 || channels % self.groups != 0 {
                return wrong(format!("expected {what} divisible by groups, got {channels} and {}", self.groups));
            }
        }
        let mut shape = vec![first, second / self.groups];
        shape.extend(self.kernel_size.each());
        let options = TensorOptions::new().dtype(self.dtype);
        init::weight_and_bias_of(&options, &shape, self.bias.then_some(self.out_channels))
    }
}

/// The options of a [`Conv`] layer.
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super))]
pub struct ConvBuilder<const N: usize> {
    #[builder(required)]
    options: Options<N>,
    /// Zeros around the input: sizes, or a [`Padding`]; default 0.
    padding: Padding<N>,
}

impl<const N: usize> ConvBuilder<N> {
    /// Builds the layer and initializes its parameters.
    ///
    /// # Errors
    /// If a kernel size, stride, dilation or `groups` is 0, the channels cannot be divided into `groups`, the padding is
    /// [`Padding::Same`] with a stride, or the dtype is not floating-point.
    #[op]
    pub fn try_build(self) -> Result<Conv<N>> {
        let options = self.options;
        if self.padding == Padding::Same && options.stride != 1.into() {
            let message = format!("expected stride 1 with padding 'same', got {}", options.stride);
            return Err(Error::value(Conv::<N>::KIND, message));
        }
        let (weight, bias) = options.parameters(Conv::<N>::KIND, [options.out_channels, options.in_channels])?;
        Ok(Conv { weight, bias, options, padding: self.padding, cache: Cache::default() })
    }
}

/// Convolution over `N` dimensions, 1 to 3: [`Conv1d`] of sequences, [`Conv2d`] of images, [`Conv3d`] of volumes.
///
/// The input is `[batch, in_channels, sizes…]` (or without `batch`), the output `[batch, out_channels, sizes'…]` with
/// `size' = (size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1`, rounded down.
///
/// The weight is `[out_channels, in_channels / groups, kernel_size…]`, the bias `[out_channels]`; both are initialized uniformly in ±1/√fan_in. See
/// [`torch.nn.Conv2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html).
///
/// ```
/// use rushlight::{Tensor, nn, nn::{Forward, Padding}};
/// let x = Tensor::randn([2, 3, 32, 32]);
/// assert_eq!(nn::Conv2d::new(3, 8, 3).forward(&x).shape(), [2, 8, 30, 30]);
/// let layer = nn::Conv2d::builder(3, 8, 7).stride(2).padding(3).bias(false).build();
/// assert_eq!(layer.forward(&x).shape(), [2, 8, 16, 16]);
/// assert_eq!(layer.to_string(), "Conv2d(3, 8, kernel_size=(7, 7), stride=(2, 2), padding=(3, 3), bias=False)");
///
/// let layer = nn::Conv1d::builder(3, 8, 4).padding(Padding::Same).build();
/// assert_eq!(layer.forward(&Tensor::randn([2, 3, 10])).shape(), [2, 8, 10]);
/// let layer = nn::Conv3d::builder(1, 4, (1, 3, 3)).padding((0, 1, 1)).stride(2).build();
/// assert_eq!(layer.forward(&Tensor::randn([2, 1, 5, 8, 8])).shape(), [2, 4, 3, 4, 4]);
/// ```
#[derive(Module)]
#[module(kind = Self::kind, extra_repr = Self::extra_repr, fusion = Self::fusion)]
pub struct Conv<const N: usize> {
    /// `[out_channels, in_channels / groups, kernel_size…]`.
    pub weight: Parameter,
    /// `[out_channels]`, if the layer has a bias.
    pub bias: Option<Parameter>,
    #[module(skip)]
    options: Options<N>,
    #[module(skip)]
    padding: Padding<N>,
    #[module(skip)]
    cache: Cache,
}

/// Convolution of sequences: input `[N, in_channels, L]` or `[in_channels, L]`. See [`Conv`].
pub type Conv1d = Conv<1>;
/// Convolution of images: input `[N, in_channels, H, W]` or `[in_channels, H, W]`. See [`Conv`].
pub type Conv2d = Conv<2>;
/// Convolution of volumes: input `[N, in_channels, D, H, W]` or `[in_channels, D, H, W]`. See [`Conv`].
pub type Conv3d = Conv<3>;

impl<const N: usize> Conv<N> {
    const KIND: &'static str = ["Conv1d", "Conv2d", "Conv3d"][N - 1];

    /// Creates a layer with stride 1, no padding, a bias, float32.
    ///
    /// # Errors
    /// If the kernel has a size of 0, or the parameters do not fit into memory.
    #[op]
    pub fn try_new(in_channels: usize, out_channels: usize, kernel_size: impl Into<Sizes<N>>) -> Result<Self> {
        Self::builder(in_channels, out_channels, kernel_size).try_build()
    }

    /// Returns a builder of the layer.
    pub fn builder(in_channels: usize, out_channels: usize, kernel_size: impl Into<Sizes<N>>) -> ConvBuilder<N> {
        ConvBuilder::new(Options::new(in_channels, out_channels, kernel_size))
    }

    /// A layer with the same options and the given parameters.
    pub(super) fn with(&self, weight: Parameter, bias: Option<Parameter>) -> Self {
        let options = Options { bias: bias.is_some(), ..self.options };
        Conv { weight, bias, options, padding: self.padding, cache: Cache::default() }
    }

    fn kind(&self) -> &str {
        Self::KIND
    }

    fn extra_repr(&self) -> String {
        self.options.repr(self.padding, 0.into())
    }

    fn fusion(&self) -> Fusion<'_> {
        Fusion::Product(self)
    }

    /// Computes the layer followed by a normalization and an activation, in as few passes over memory as possible. A
    /// [`Sequential`](super::Sequential) does this automatically.
    ///
    /// If no gradients are recorded and `norm` is in evaluation mode, it is folded into the weight; the folded weight is cached until a
    /// parameter or statistic changes. Outputs then differ from those of the separate layers only by rounding.
    ///
    /// # Errors
    /// If the input has the wrong number of dimensions or channels, or the number of channels of `norm` is not that of the output.
    ///
    /// ```
    /// use rushlight::{Tensor, nn, nn::{Activation, Forward, Module}};
    /// let (conv, norm) = (nn::Conv2d::new(3, 8, 3), nn::BatchNorm2d::new(8));
    /// norm.eval();
    /// let x = Tensor::randn([2, 3, 9, 9]);
    /// let y = rushlight::no_grad(|| conv.forward_fused(&x, Some(&norm), Activation::Relu6));
    /// let z = norm.forward(&conv.forward(&x)).relu6();
    /// assert!((y - z).abs().max().item_as::<f32>() < 1e-5);
    /// ```
    #[op]
    pub fn try_forward_fused(&self, x: &Tensor, norm: Option<&BatchNorm<N>>, activation: Activation) -> Result<Tensor> {
        Product::try_forward_fused(self, x, norm.map(BatchNorm::normalization), activation)
    }
}

impl<const N: usize> Product for Conv<N> {
    fn try_forward_fused(&self, x: &Tensor, norm: Option<Normalization<'_>>, activation: Activation) -> Result<Tensor> {
        let Options { kernel_size, stride, dilation, groups, .. } = self.options;
        let (name, weight, bias) = (["conv1d", "conv2d", "conv3d"][N - 1], &self.weight, self.bias.as_ref());
        let options = ConvOptions { stride, padding: self.padding, dilation, groups };
        let window = options.window(name, x, kernel_size.each())?;
        Convolution { name, weight, bias, window, cache: &self.cache }
            .run(x, norm, activation)
            .map_err(|error| with_names(error, weight, bias))
    }
}

impl<const N: usize> Forward for Conv<N> {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        self.try_forward_fused(x, None, Activation::None)
    }
}
