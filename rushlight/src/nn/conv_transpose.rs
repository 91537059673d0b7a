//! Layers of transposed convolution.

use super::conv_nd::{Options, layers, setters};
use super::module::forward;
use super::param::with_names;
use super::{Module, Parameter, Sizes};
use crate::ops::conv_transpose_nd;
use crate::tensor::DType;
use crate::{Error, Result, Tensor};
use rushlight_macros::op;

impl<const N: usize> Options<N> {
    fn transposed(&self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let steps = [self.stride.0, self.padding.zeros(), self.output_padding.0, self.dilation.0];
        conv_transpose_nd::<N>(x, weight, bias, steps, self.groups)
    }

    /// The options with the output padding that makes the output of `x` have the sizes `wanted`.
    fn for_output_size(&self, name: &'static str, x: &Tensor, wanted: [usize; N]) -> Result<Options<N>> {
        if x.dim() != N + 1 && x.dim() != N + 2 {
            let message = format!("expected an input [N, C, {N} sizes] (or without N), but got shape {:?}", x.shape());
            return Err(Error::shape(name, message));
        }
        let input = &x.shape()[x.dim() - N..];
        let padding = self.padding.zeros();
        let smallest: [i128; N] = std::array::from_fn(|i| {
            let [input, kernel] = [input[i], self.kernel_size.0[i]].map(|size| size as i128 - 1);
            input * self.stride.0[i] as i128 + kernel * self.dilation.0[i] as i128 - 2 * padding[i] as i128 + 1
        });
        let largest: [i128; N] = std::array::from_fn(|i| smallest[i] + self.stride.0[i] as i128 - 1);
        let wanted_sizes = wanted.map(|size| size as i128);
        if (0..N).any(|i| !(smallest[i]..=largest[i]).contains(&wanted_sizes[i])) {
            let message = format!(
                "requested an output size of {wanted:?}, but valid sizes range from {smallest:?} to {largest:?} for an input of {input:?}"
            );
            return Err(Error::value(name, message));
        }
        let output_padding = std::array::from_fn(|i| (wanted_sizes[i] - smallest[i]) as usize);
        Ok(Options { output_padding: Sizes(output_padding), ..self.clone() })
    }
}

/// Options of a [`ConvTranspose1d`], [`ConvTranspose2d`] or [`ConvTranspose3d`].
#[derive(Clone, Debug)]
pub struct ConvTransposeBuilder<const N: usize>(Options<N>);

setters!(ConvTransposeBuilder);

impl<const N: usize> ConvTransposeBuilder<N> {
    /// How much smaller the output is on both sides, as the convolution that this transposes pads its input; default 0.
    pub fn padding(mut self, padding: impl Into<Sizes<N>>) -> Self {
        self.0.padding = padding.into().into();
        self
    }

    /// How much larger the output is behind the end; smaller than stride or dilation. Default 0.
    pub fn output_padding(mut self, output_padding: impl Into<Sizes<N>>) -> Self {
        self.0.output_padding = output_padding.into();
        self
    }
}

layers! {
    ConvTransposeBuilder, true, "`[in_channels, out_channels / groups, kernel_size…]`.",
    |options, x, w, b| options.transposed(x, w, b);
    /// Transposed convolution of sequences: input `[N, in_channels, L]` (or without `N`), output `[N, out_channels, L']` with
    /// `L' = (L - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1`.
    ///
    /// As [`ConvTranspose2d`], and as
    /// [`torch.nn.ConvTranspose1d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose1d.html).
    ConvTranspose1d, 1;
    /// Transposed convolution of pictures, which makes them larger where a convolution makes them smaller: input
    /// `[N, in_channels, H, W]` (or without `N`), output `[N, out_channels, H', W']` with
    /// `H' = (H - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1`.
    ///
    /// The weight is `[in_channels, out_channels / groups, kernel_size[0], kernel_size[1]]`, the bias `[out_channels]`; both begin
    /// uniform in ±1/√fan, where fan is `out_channels / groups` times the kernel's size, as
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
    ConvTranspose2d, 2;
    /// Transposed convolution of volumes: input `[N, in_channels, D, H, W]` (or without `N`), output
    /// `[N, out_channels, D', H', W']` with
    /// `D' = (D - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1`.
    ///
    /// As [`ConvTranspose2d`], and as
    /// [`torch.nn.ConvTranspose3d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose3d.html).
    ConvTranspose3d, 3;
}

macro_rules! with_output_size {
    ($($layer:ident, $n:literal;)*) => {$(
        impl $layer {
            /// The output with the sizes `output_size` (without batch and channels): one of the `stride` sizes of which convolution
            /// makes the input's. The layer's output padding does not count.
            ///
            /// # Errors
            /// As forward, and if the sizes are not among those.
            #[op]
            pub fn try_forward_with_output_size(&self, x: &Tensor, output_size: [usize; $n]) -> Result<Tensor> {
                self.run(&self.options.for_output_size(stringify!($layer), x, output_size)?, x)
            }
        }
    )*};
}
with_output_size! {
    ConvTranspose1d, 1;
    ConvTranspose2d, 2;
    ConvTranspose3d, 3;
}
