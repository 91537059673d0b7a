//! Padding of convolutions.

use crate::tensor::Sizes;
use std::fmt;

/// The zero padding of the input of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Padding<const N: usize> {
    /// The same number on both sides.
    Zeros(Sizes<N>),
    /// Separate numbers of zeros before the first and after the last element of each dimension. See [`Padding::sides`].
    Sides {
        /// The zeros before the first element.
        before: Sizes<N>,
        /// The zeros after the last element.
        after: Sizes<N>,
    },
    /// Padding that makes the output as large as the input; requires stride 1. Of an odd number the extra zero is after the last element.
    Same,
    /// Padding that makes the output's size that of the input divided by the stride, rounded up. Of an odd number the extra zero is
    /// after the last element. TensorFlow's "SAME", ONNX's "SAME_UPPER".
    SameUpper,
    /// No padding.
    Valid,
}

impl<const N: usize> Padding<N> {
    /// Different numbers of zeros before and after the input.
    ///
    /// ```
    /// use rushlight::{Tensor, nn, nn::{Forward, Padding}};
    /// // A causal convolution: no output sees what comes after it.
    /// let layer = nn::Conv1d::builder(1, 1, 3).padding(Padding::sides(2, 0)).build();
    /// assert_eq!(layer.forward(&Tensor::ones([1, 1, 5])).shape(), [1, 1, 5]);
    /// ```
    pub fn sides(before: impl Into<Sizes<N>>, after: impl Into<Sizes<N>>) -> Padding<N> {
        Padding::Sides { before: before.into(), after: after.into() }
    }

    /// The zeros before and after an input of sizes `input`.
    pub(crate) fn around(
        self,
        input: [usize; N],
        kernel: [usize; N],
        stride: [usize; N],
        dilation: [usize; N],
    ) -> ([usize; N], [usize; N]) {
        // Saturated sizes are rejected by the convolution.
        let reach = |i: usize| dilation[i].saturating_mul(kernel[i].saturating_sub(1));
        let halves = |total: [usize; N]| (total.map(|total| total / 2), total.map(|total| total.div_ceil(2)));
        match self {
            Padding::Zeros(sizes) => (sizes.each(), sizes.each()),
            Padding::Sides { before, after } => (before.each(), after.each()),
            Padding::Same => halves(std::array::from_fn(reach)),
            Padding::SameUpper => halves(std::array::from_fn(|i| {
                let steps = input[i].div_ceil(stride[i].max(1)).saturating_sub(1);
                steps.saturating_mul(stride[i]).saturating_add(reach(i)).saturating_add(1).saturating_sub(input[i])
            })),
            Padding::Valid => ([0; N], [0; N]),
        }
    }
}

impl<const N: usize> Default for Padding<N> {
    fn default() -> Padding<N> {
        Padding::Zeros(Sizes::Same(0))
    }
}

impl<const N: usize> From<Sizes<N>> for Padding<N> {
    fn from(sizes: Sizes<N>) -> Padding<N> {
        Padding::Zeros(sizes)
    }
}

impl<const N: usize> From<usize> for Padding<N> {
    fn from(size: usize) -> Padding<N> {
        Padding::Zeros(size.into())
    }
}

impl<const N: usize> From<[usize; N]> for Padding<N> {
    fn from(sizes: [usize; N]) -> Padding<N> {
        Padding::Zeros(sizes.into())
    }
}

impl From<(usize, usize)> for Padding<2> {
    fn from(sizes: (usize, usize)) -> Padding<2> {
        Padding::Zeros(sizes.into())
    }
}

impl From<(usize, usize, usize)> for Padding<3> {
    fn from(sizes: (usize, usize, usize)) -> Padding<3> {
        Padding::Zeros(sizes.into())
    }
}

/// As PyTorch prints the option: `(1, 1)` or `same`. Sides are pairs: `((0, 1), (0, 1))`.
impl<const N: usize> fmt::Display for Padding<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Padding::Zeros(sizes) => Sizes::Each(sizes.each()).fmt(f),
            Padding::Sides { before, after } => {
                let (before, after) = (before.each(), after.each());
                let pairs: [_; N] = std::array::from_fn(|i| format!("({}, {})", before[i], after[i]));
                write!(f, "({}{})", pairs.join(", "), if N == 1 { "," } else { "" })
            }
            Padding::Same => f.write_str("same"),
            Padding::SameUpper => f.write_str("same_upper"),
            Padding::Valid => f.write_str("valid"),
        }
    }
}
