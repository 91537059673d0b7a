//! Transposed convolution layers.

use super::conv::Options;
use super::param::with_names;
use super::utils::ran;
use super::{Forward, Module, Parameter, Sizes};
use crate::ops::conv_transpose_nd;
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};

/// The options of a [`ConvTranspose`] layer.
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super))]
pub struct ConvTransposeBuilder<const N: usize> {
    #[builder(required)]
    pub(super) options: Options<N>,
    /// The number of elements removed on both sides of the output, the input padding of the transposed convolution; default 0.
    #[builder(default = 0.into())]
    padding: Sizes<N>,
    /// The number of elements added at the end of the output; less than stride or dilation. Default 0.
    #[builder(default = 0.into())]
    output_padding: Sizes<N>,
}

impl<const N: usize> ConvTransposeBuilder<N> {
    /// Builds the layer and initializes its parameters.
    ///
    /// # Errors
    /// If a kernel size, stride, dilation or `groups` is 0, the channels cannot be divided into `groups`, or the dtype is not
    /// floating-point.
    #[op]
    pub fn try_build(self) -> Result<ConvTranspose<N>> {
        let ConvTransposeBuilder { options, padding, output_padding } = self;
        let (weight, bias) =
            options.parameters(ConvTranspose::<N>::KIND, [options.in_channels, options.out_channels])?;
        Ok(ConvTranspose { weight, bias, options, padding, output_padding })
    }
}

/// Transposed convolution over `N` dimensions, 1 to 3, the upsampling counterpart of a convolution:
/// [`ConvTranspose1d`] of sequences, [`ConvTranspose2d`] of images, [`ConvTranspose3d`] of volumes.
///
/// The input is `[batch, in_channels, sizes…]` (or without `batch`), the output `[batch, out_channels, sizes'…]` with
/// `size' = (size - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1`.
///
/// The weight is `[in_channels, out_channels / groups, kernel_size…]`, the bias `[out_channels]`; both are initialized uniformly in ±1/√fan, where
/// fan is `out_channels / groups` times the size of the kernel. See
/// [`torch.nn.ConvTranspose2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let down = nn::Conv2d::builder(3, 8, 3).stride(2).padding(1).build();
/// let up = nn::ConvTranspose2d::builder(8, 3, 3).stride(2).padding(1).build();
/// let x = Tensor::randn([1, 3, 12, 12]);
/// let y = down.forward(&x);
/// assert_eq!(up.forward(&y).shape(), [1, 3, 11, 11]);
/// // Several sizes of x lead to that of y.
/// assert_eq!(up.forward_with_output_size(&y, [12, 12]).shape(), x.shape());
/// ```
#[derive(Module)]
#[module(kind = Self::kind, extra_repr = Self::extra_repr)]
pub struct ConvTranspose<const N: usize> {
    /// `[in_channels, out_channels / groups, kernel_size…]`.
    pub weight: Parameter,
    /// `[out_channels]`, if the layer has a bias.
    pub bias: Option<Parameter>,
    #[module(skip)]
    options: Options<N>,
    #[module(skip)]
    padding: Sizes<N>,
    #[module(skip)]
    output_padding: Sizes<N>,
}

/// Transposed convolution of sequences: input `[N, in_channels, L]` or `[in_channels, L]`. See [`ConvTranspose`].
pub type ConvTranspose1d = ConvTranspose<1>;
/// Transposed convolution of images: input `[N, in_channels, H, W]` or `[in_channels, H, W]`. See [`ConvTranspose`].
pub type ConvTranspose2d = ConvTranspose<2>;
/// Transposed convolution of volumes: input `[N, in_channels, D, H, W]` or `[in_channels, D, H, W]`. See [`ConvTranspose`].
pub type ConvTranspose3d = ConvTranspose<3>;

impl<const N: usize> ConvTranspose<N> {
    const KIND: &'static str = ["ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"][N - 1];

    /// Creates a layer with stride 1, no padding, a bias, float32.
    ///
    /// # Errors
    /// If the kernel has a size of 0, or the parameters do not fit into memory.
    #[op]
    pub fn try_new(in_channels: usize, out_channels: usize, kernel_size: impl Into<Sizes<N>>) -> Result<Self> {
        Self::builder(in_channels, out_channels, kernel_size).try_build()
    }

    /// Returns a builder of the layer.
    pub fn builder(
        in_channels: usize,
        out_channels: usize,
        kernel_size: impl Into<Sizes<N>>,
    ) -> ConvTransposeBuilder<N> {
        ConvTransposeBuilder::new(Options::new(in_channels, out_channels, kernel_size))
    }

    fn kind(&self) -> &str {
        Self::KIND
    }

    fn extra_repr(&self) -> String {
        self.options.repr(self.padding.into(), self.output_padding)
    }

    /// Computes the output of size `output_size` (without batch and channels), one of the `stride` sizes that a convolution maps to the
    /// size of the input. The output padding of the layer is ignored.
    ///
    /// # Errors
    /// As [`forward`](Forward::forward), or if `output_size` is not one of those.
    #[op]
    pub fn try_forward_with_output_size(&self, x: &Tensor, output_size: impl Into<Sizes<N>>) -> Result<Tensor> {
        self.run(x, self.output_padding_for(x, output_size.into().each())?)
    }

    fn run(&self, x: &Tensor, output_padding: [usize; N]) -> Result<Tensor> {
        let steps = [self.options.stride.each(), self.padding.each(), output_padding, self.options.dilation.each()];
        let (weight, bias) = (&self.weight.get(), self.bias.as_ref().map(Parameter::get));
        let y = conv_transpose_nd::<N>(x, weight, bias.as_ref(), steps, self.options.groups)
            .map_err(|error| with_names(error, &self.weight, self.bias.as_ref()))?;
        ran(&self.weight, &y, |_| x.numel());
        Ok(y)
    }

    /// The output padding for which the output of `x` has the sizes `wanted`.
    fn output_padding_for(&self, x: &Tensor, wanted: [usize; N]) -> Result<[usize; N]> {
        if x.dim() != N + 1 && x.dim() != N + 2 {
            let message = format!("expected an input [N, C, {N} sizes] (or without N), got shape {:?}", x.shape());
            return Err(Error::shape(Self::KIND, message));
        }
        let input = &x.shape()[x.dim() - N..];
        let [kernel, stride, dilation] =
            [self.options.kernel_size, self.options.stride, self.options.dilation].map(Sizes::each);
        let padding = self.padding.each();
        let smallest: [i128; N] = std::array::from_fn(|i| {
            let [input, kernel] = [input[i], kernel[i]].map(|size| size as i128 - 1);
            input * stride[i] as i128 + kernel * dilation[i] as i128 - 2 * padding[i] as i128 + 1
        });
        let largest: [i128; N] = std::array::from_fn(|i| smallest[i] + stride[i] as i128 - 1);
        let wanted_sizes = wanted.map(|size| size as i128);
        if (0..N).any(|i| !(smallest[i]..=largest[i]).contains(&wanted_sizes[i])) {
            let message = format!(
                "expected output_size from {smallest:?} to {largest:?} for an input of {input:?}, got {wanted:?}"
            );
            return Err(Error::value(Self::KIND, message));
        }
        Ok(std::array::from_fn(|i| (wanted_sizes[i] - smallest[i]) as usize))
    }
}

impl<const N: usize> Forward for ConvTranspose<N> {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        self.run(x, self.output_padding.each())
    }
}
