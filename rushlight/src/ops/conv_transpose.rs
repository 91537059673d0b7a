//! Transposed convolutions over one, two and three dimensions.
//!
//! The transpose of a convolution is its gradient with respect to its input. So it does not need a kernel, and its
//! derivatives are the other members of the closed family of [`conv`](super::conv).

use super::conv::{batched, conv, conv_grad_weight, input_grad, three};
use super::{expect_float, expect_same_dtype, grad_if};
use crate::autograd::Save;
use crate::backend::{Activation, BinaryOp, ConvShape};
use crate::tensor::{Dims, Layout, Sizes};
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};

/// The window parameters of a transposed convolution.
#[derive(Clone, Copy)]
struct Steps<const N: usize> {
    stride: [usize; N],
    padding: [usize; N],
    output_padding: [usize; N],
    dilation: [usize; N],
}

impl<const N: usize> Steps<N> {
    fn check(&self, name: &'static str, groups: usize) -> Result<()> {
        let Steps { stride, padding, output_padding, dilation } = *self;
        let wrong = |message: String| Err(Error::value(name, message));
        if groups == 0 || stride.contains(&0) || dilation.contains(&0) {
            return wrong(format!(
                "expected groups, stride and dilation of at least 1, got {groups}, {stride:?}, {dilation:?}"
            ));
        }
        if [stride, padding, dilation].as_flattened().iter().any(|&n| n > i32::MAX as usize) {
            return wrong(format!(
                "expected stride, padding and dilation below 2^31, got {stride:?}, {padding:?}, {dilation:?}"
            ));
        }
        if (0..N).any(|i| output_padding[i] >= stride[i].max(dilation[i])) {
            return wrong(format!(
                "expected output_padding smaller than stride or dilation, got {output_padding:?}, {stride:?}, {dilation:?}"
            ));
        }
        Ok(())
    }

    /// The number of zeros after the input that replace output padding of whole strides, and the remaining output padding.
    fn trailing_zeros(&self) -> ([usize; N], Steps<N>) {
        let each = |f: fn(usize, usize) -> usize| std::array::from_fn(|i| f(self.output_padding[i], self.stride[i]));
        (
            each(|padding, stride| padding / stride),
            Steps { output_padding: each(|padding, stride| padding % stride), ..*self },
        )
    }
}

/// The checked sizes of the convolution that is transposed: its input is the output here.
fn shape_of<const N: usize>(
    name: &'static str,
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    steps: &Steps<N>,
    groups: usize,
) -> Result<ConvShape> {
    let (dx, dw) = (x.shape(), w.shape());
    expect_float(name, x)?;
    expect_same_dtype(name, x, w)?;
    let wrong = |message: String| Err(Error::shape(name, message));
    if dx.len() != N + 2 || dw.len() != N + 2 {
        return wrong(format!(
            "expected an input [N, C, {N} sizes] (or without N) and a weight [C, out / groups, {N} sizes], got {dx:?} and {dw:?}"
        ));
    }
    if dw.contains(&0) {
        return wrong(format!("expected a nonempty weight, got {dw:?}"));
    }
    if !dw[0].is_multiple_of(groups) {
        return wrong(format!(
            "expected a number of input channels divisible by groups={groups}, got {} in the weight {dw:?}",
            dw[0]
        ));
    }
    if dx[1] != dw[0] {
        return wrong(format!(
            "expected an input with {} channels for the weight {dw:?}, got input {dx:?} with {}",
            dw[0], dx[1]
        ));
    }
    let too_large = || {
        Error::shape(name, format!("expected an output that fits in memory, got input {dx:?} and the weight {dw:?}"))
    };
    let out_channels = dw[1].checked_mul(groups).ok_or_else(too_large)?;
    if let Some(bias) = bias {
        expect_same_dtype(name, x, bias)?;
        if bias.shape() != [out_channels] {
            return wrong(format!(
                "expected the bias to have shape [{out_channels}] for the weight {dw:?} and groups={groups}, got {:?}",
                bias.shape()
            ));
        }
    }
    if dx[2..].contains(&0) {
        return wrong(format!("expected nonempty spatial dimensions, got an input {dx:?}"));
    }
    let mut output = [0; N];
    for (i, size) in output.iter_mut().enumerate() {
        // The extent of the output before padding is removed.
        let reach = |steps: usize, step: usize| (steps - 1).checked_mul(step);
        let whole = reach(dx[i + 2], steps.stride[i])
            .zip(reach(dw[i + 2], steps.dilation[i]))
            .and_then(|(input, kernel)| input.checked_add(kernel)?.checked_add(steps.output_padding[i] + 1))
            .filter(|&whole| whole <= isize::MAX as usize)
            .ok_or_else(too_large)?;
        *size = whole.saturating_sub(2 * steps.padding[i]);
    }
    if output.contains(&0) {
        return wrong(format!(
            "expected padding that leaves a nonempty output, got {:?} for input {dx:?} and the weight {dw:?}",
            steps.padding
        ));
    }
    let tail = |dims: &[usize]| three::<N>(std::array::from_fn(|i| dims[i + 2]), 1);
    Ok(ConvShape {
        batch: dx[0],
        in_channels: out_channels,
        out_channels: dw[0],
        groups,
        input: three(output, 1),
        kernel: tail(dw),
        stride: three(steps.stride, 1),
        padding: three(steps.padding, 0),
        padding_end: three(steps.padding, 0),
        dilation: three(steps.dilation, 1),
    })
}

/// The transpose of the convolution `shape`, applied to `x`.
fn conv_transpose<const N: usize>(shape: ConvShape, x: &Tensor, w: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let name = "convolution";
    let (x, w) = (x.try_contiguous()?, w.try_contiguous()?);
    let mut dims = vec![shape.batch, shape.in_channels];
    dims.extend(&shape.input[3 - N..]);
    let out = input_grad(name, &shape, &x, &w, Dims::from(dims).layout(name)?)?;
    if let Some(bias) = bias {
        let mut strides = vec![0; N + 2];
        strides[1] = bias.stride()[0];
        let channels = bias.view_raw(Layout::strided(out.shape(), &strides, bias.layout().offset()));
        x.backend().binary(BinaryOp::Add, None, Some(&channels.read(name)?), &mut out.write_fresh())?;
    }
    let saves = [Save::for_grad_of(&x, &w), Save::for_grad_of(&w, &x)];
    let inputs = [Some(&x), Some(&w), bias];
    Ok(out.record("ConvolutionBackward0", inputs, saves, move |[x, w], [of_x, of_w, of_b], g| {
        let over: Vec<usize> = (0..N + 2).filter(|&d| d != 1).collect();
        Ok([
            grad_if(of_x, || conv::<N>(shape, g, &w, None, Activation::None))?,
            grad_if(of_w, || conv_grad_weight::<N>(shape, g, &x))?,
            grad_if(of_b, || g.try_sum_dim(over))?,
        ])
    }))
}

/// The transposed convolution over `N` dimensions with stride, padding, output padding and dilation.
pub(crate) fn conv_transpose_nd<const N: usize>(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    [stride, padding, output_padding, dilation]: [[usize; N]; 4],
    groups: usize,
) -> Result<Tensor> {
    let name = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"][N - 1];
    let steps = Steps { stride, padding, output_padding, dilation };
    steps.check(name, groups)?;
    batched::<N>(x, |x| {
        let shape = shape_of(name, x, weight, bias, &steps, groups)?;
        let (zeros, steps) = steps.trailing_zeros();
        if zeros == [0; N] {
            return conv_transpose::<N>(shape, x, weight, bias);
        }
        let padding: Vec<usize> = zeros.iter().rev().flat_map(|&zeros| [0, zeros]).collect();
        let x = x.try_pad(&padding)?;
        let shape = shape_of(name, &x, weight, bias, &steps, groups)?;
        conv_transpose::<N>(shape, &x, weight, bias)
    })
}

/// The options of [`Tensor::conv_transpose1d`], [`conv_transpose2d`](Tensor::conv_transpose2d) and
/// [`conv_transpose3d`](Tensor::conv_transpose3d).
#[derive(Builder, Clone, Copy, Debug)]
pub struct ConvTransposeOptions<const N: usize> {
    /// The distance between the output elements that neighboring input elements contribute to (default 1).
    #[builder(default = Sizes::from(1))]
    pub(crate) stride: Sizes<N>,
    /// The number of output elements removed on both sides of each dimension (default 0).
    #[builder(default = Sizes::from(0))]
    pub(crate) padding: Sizes<N>,
    /// The number of elements added to the end of each dimension of the output (default 0).
    #[builder(default = Sizes::from(0))]
    pub(crate) output_padding: Sizes<N>,
    /// The number of groups that the channels are divided into, each convolved separately (default 1).
    #[builder(default = 1)]
    pub(crate) groups: usize,
    /// The distance between the output elements that neighboring kernel elements contribute to (default 1).
    #[builder(default = Sizes::from(1))]
    pub(crate) dilation: Sizes<N>,
}

impl<const N: usize> ConvTransposeOptions<N> {
    fn apply(self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let steps = [self.stride, self.padding, self.output_padding, self.dilation].map(Sizes::each);
        conv_transpose_nd(x, weight, bias, steps, self.groups)
    }
}

impl Tensor {
    /// Computes the transpose of [`conv1d`](Tensor::conv1d): input `[N, C, L]` (or `[C, L]`), weight `[C, out / groups, k]`, output
    /// `[N, out, L']` with `L'` as in [`conv_transpose2d`](Tensor::conv_transpose2d).
    ///
    /// # Errors
    /// If shapes or dtypes do not match, the tensors are not floating-point, a stride or a dilation is 0, `groups` is 0 or does not divide
    /// the channels, the output padding is not smaller than the stride or the dilation, or the padding leaves an empty output.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let (x, weight) = (Tensor::from([[1.0f32, 2.0]]), Tensor::from([[[1.0f32, 10.0]]]));
    /// assert_eq!(x.conv_transpose1d(&weight, None).to_vec::<f32>(), [1.0, 12.0, 20.0]);
    /// ```
    #[op(
        torch = "conv_transpose1d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1)",
        with
    )]
    pub fn try_conv_transpose1d_with<'a>(
        &self,
        weight: &Tensor,
        bias: impl Into<Option<&'a Tensor>>,
        options: ConvTransposeOptions<1>,
    ) -> Result<Tensor> {
        options.apply(self, weight, bias.into())
    }

    /// Computes the transpose of [`conv2d`](Tensor::conv2d), also called deconvolution: every element of an input `[N, C, H, W]` (or
    /// `[C, H, W]`) adds a multiple of the weight `[C, out / groups, kh, kw]` to the output `[N, out, H', W']` with
    /// `H' = (H - 1) * stride - 2 * padding + dilation * (kh - 1) + output_padding + 1`, to which a bias `[out]` is added, if there
    /// is one. As
    /// [`torch.nn.functional.conv_transpose2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose2d.html).
    ///
    /// # Errors
    /// If shapes or dtypes do not match, the tensors are not floating-point, a stride or a dilation is 0, `groups` is 0 or does not divide
    /// the channels, the output padding is not smaller than the stride or the dilation, or the padding leaves an empty output.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::ConvTransposeOptions};
    /// let x = Tensor::from([[[1.0f32, 2.0], [3.0, 4.0]]]);
    /// let y = x.conv_transpose2d_with(&Tensor::ones([1, 1, 2, 2]), None, ConvTransposeOptions::new().stride(2));
    /// assert_eq!(y.select(1, 0).to_vec::<f32>(), [1.0, 1.0, 2.0, 2.0]);
    /// ```
    #[op(
        torch = "conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1)",
        with
    )]
    pub fn try_conv_transpose2d_with<'a>(
        &self,
        weight: &Tensor,
        bias: impl Into<Option<&'a Tensor>>,
        options: ConvTransposeOptions<2>,
    ) -> Result<Tensor> {
        options.apply(self, weight, bias.into())
    }

    /// Computes the transpose of [`conv3d`](Tensor::conv3d): input `[N, C, D, H, W]` (or `[C, D, H, W]`), weight
    /// `[C, out / groups, kd, kh, kw]`, output `[N, out, D', H', W']` with sizes as in
    /// [`conv_transpose2d`](Tensor::conv_transpose2d).
    ///
    /// # Errors
    /// If shapes or dtypes do not match, the tensors are not floating-point, a stride or a dilation is 0, `groups` is 0 or does not divide
    /// the channels, the output padding is not smaller than the stride or the dilation, or the padding leaves an empty output.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::ConvTransposeOptions};
    /// let (x, weight) = (Tensor::ones([1, 3, 2, 3, 4]), Tensor::ones([3, 2, 2, 2, 2]));
    /// let y = x.conv_transpose3d_with(&weight, None, ConvTransposeOptions::new().stride(2));
    /// assert_eq!((y.shape(), y.max().item()), (&[1, 2, 4, 6, 8][..], 3.0));
    /// ```
    #[op(
        torch = "conv_transpose3d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1)",
        with
    )]
    pub fn try_conv_transpose3d_with<'a>(
        &self,
        weight: &Tensor,
        bias: impl Into<Option<&'a Tensor>>,
        options: ConvTransposeOptions<3>,
    ) -> Result<Tensor> {
        options.apply(self, weight, bias.into())
    }
}
