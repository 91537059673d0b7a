//! Convolutions over one, two and three dimensions, and their transposes.
//!
//! A convolution and its two gradients are a closed family: each is linear in both of its arguments, and the derivative of
//! any of them is composed of the other two. So derivatives of every order are as fast as the first.

use super::activation::{activation_grad, activation_node};
use super::{Padding, composed, expect_float, expect_same_dtype, grad_if};
use crate::autograd::Save;
use crate::backend::{Activation, ConvShape, ConvWeight};
use crate::tensor::{Dims, Layout, Sizes};
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};
use std::sync::{Arc, Mutex, PoisonError};

/// Extends the values of up to three spatial dimensions with leading fillers.
pub(super) fn three<const N: usize>(values: [usize; N], filler: usize) -> [usize; 3] {
    let mut all = [filler; 3];
    all[3 - N..].copy_from_slice(&values);
    all
}

/// The window parameters of a convolution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<const N: usize> {
    pub(crate) stride: [usize; N],
    /// Zeros before the first element of each dimension.
    pub(crate) padding: [usize; N],
    /// Zeros after the last element of each dimension.
    pub(crate) padding_end: [usize; N],
    pub(crate) dilation: [usize; N],
    pub(crate) groups: usize,
}

/// The checked sizes of a convolution over `N` dimensions.
fn shape_of<const N: usize>(
    name: &'static str,
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    Window { stride, padding, padding_end, dilation, groups }: Window<N>,
) -> Result<ConvShape> {
    let (dx, dw) = (x.shape(), w.shape());
    expect_float(name, x)?;
    expect_same_dtype(name, x, w)?;
    let wrong = |message: String| Err(Error::shape(name, message));
    if dx.len() != N + 2 || dw.len() != N + 2 {
        return wrong(format!(
            "expected an input [N, C, {N} sizes] (or without N) and a weight [out, in / groups, {N} sizes], got {dx:?} and {dw:?}"
        ));
    }
    if groups == 0 || stride.contains(&0) || dilation.contains(&0) {
        return Err(Error::value(
            name,
            format!("expected groups, stride and dilation of at least 1, got {groups}, {stride:?}, {dilation:?}"),
        ));
    }
    if [stride, padding, padding_end, dilation].as_flattened().iter().any(|&n| n > i32::MAX as usize) {
        return Err(Error::value(
            name,
            format!("expected stride, padding and dilation below 2^31, got {stride:?}, {padding:?}, {dilation:?}"),
        ));
    }
    if !dw[0].is_multiple_of(groups) || dw[0] == 0 {
        return wrong(format!(
            "expected a number of output channels divisible by groups={groups}, got {} in the weight {dw:?}",
            dw[0]
        ));
    }
    if dx[1] != dw[1] * groups {
        return wrong(format!(
            "expected an input with {} channels for the weight {dw:?} and groups={groups}, got input {dx:?} with {}",
            dw[1] * groups,
            dx[1]
        ));
    }
    if let Some(bias) = bias {
        expect_same_dtype(name, x, bias)?;
        if bias.shape() != [dw[0]] {
            return wrong(format!(
                "expected the bias to have shape [{}] for the weight {dw:?}, got {:?}",
                dw[0],
                bias.shape()
            ));
        }
    }
    let tail = |dims: &[usize]| three::<N>(std::array::from_fn(|i| dims[i + 2]), 1);
    let shape = ConvShape {
        batch: dx[0],
        in_channels: dx[1],
        out_channels: dw[0],
        groups,
        input: tail(dx),
        kernel: tail(dw),
        stride: three(stride, 1),
        padding: three(padding, 0),
        padding_end: three(padding_end, 0),
        dilation: three(dilation, 1),
    };
    let reaches = |i: usize| {
        let reach = shape.kernel[i].checked_sub(1)?.checked_mul(shape.dilation[i])?;
        Some(reach < shape.input[i] + shape.padding[i] + shape.padding_end[i])
    };
    if !(0..3).all(|i| reaches(i) == Some(true)) {
        return wrong(format!(
            "expected a nonempty kernel no larger than the padded input, got the weight {dw:?} with dilation {dilation:?} and input {dx:?} with padding {padding:?}"
        ));
    }
    Ok(shape)
}

fn output_dims<const N: usize>(shape: &ConvShape) -> Vec<usize> {
    let mut dims = vec![shape.batch, shape.out_channels];
    dims.extend(&shape.output()[3 - N..]);
    dims
}

/// The convolution of `x` with `w`, followed by an activation.
pub(super) fn conv<const N: usize>(
    shape: ConvShape,
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    activation: Activation,
) -> Result<Tensor> {
    let name = "convolution";
    let (x, w) = (x.try_contiguous()?, w.try_contiguous()?);
    let bias = bias.map(Tensor::try_contiguous).transpose()?;
    let layout = Dims::from(output_dims::<N>(&shape)).layout(name)?;
    let out = x.fresh_like(layout, x.dtype())?;
    let done = {
        let bias = bias.as_ref().map(|bias| bias.read(name)).transpose()?;
        let out = &mut out.write_fresh();
        x.backend().conv(&shape, &x.read(name)?, &w.read(name)?, bias.as_ref(), activation, out)
    };
    let out = match done {
        Some(done) => done.map(|()| out)?,
        None => composed::conv(&shape, &x, &w, bias.as_ref(), activation, layout.dims())?,
    };
    let output = if activation == Activation::None { Save::Nothing } else { Save::Output };
    let saves = [Save::for_grad_of(&x, &w), Save::for_grad_of(&w, &x), output];
    let inputs = [Some(&x), Some(&w), bias.as_ref()];
    let node = activation_node(activation, "ConvolutionBackward0");
    Ok(out.record(node, inputs, saves, move |[x, w, y], [of_x, of_w, of_b], g| {
        let g = &activation_grad(activation, g, &y)?;
        let over: Vec<usize> = (0..N + 2).filter(|&d| d != 1).collect();
        Ok([
            grad_if(of_x, || conv_grad_input::<N>(shape, g, &w))?,
            grad_if(of_w, || conv_grad_weight::<N>(shape, &x, g))?,
            grad_if(of_b, || g.try_sum_dim(over))?,
        ])
    }))
}

/// The gradient of a convolution with respect to its input.
fn conv_grad_input<const N: usize>(shape: ConvShape, g: &Tensor, w: &Tensor) -> Result<Tensor> {
    let name = "convolution";
    let (g, w) = (g.try_contiguous()?, w.try_contiguous()?);
    let mut dims = vec![shape.batch, shape.in_channels];
    dims.extend(&shape.input[3 - N..]);
    let out = input_grad(name, &shape, &g, &w, Layout::contiguous(&dims))?;
    let saves = [Save::for_grad_of(&g, &w), Save::for_grad_of(&w, &g)];
    Ok(out.record("ConvolutionBackwardBackward0", [&g, &w], saves, move |[g, w], [of_g, of_w], gg| {
        Ok([
            grad_if(of_g, || conv::<N>(shape, gg, &w, None, Activation::None))?,
            grad_if(of_w, || conv_grad_weight::<N>(shape, gg, &g))?,
        ])
    }))
}

/// The gradient of a convolution with respect to its input, or its transpose, not recorded; all contiguous.
pub(super) fn input_grad(
    name: &'static str,
    shape: &ConvShape,
    g: &Tensor,
    w: &Tensor,
    layout: Layout,
) -> Result<Tensor> {
    let out = g.fresh_like(layout, g.dtype())?;
    let done = g.backend().conv_grad_input(shape, &g.read(name)?, &w.read(name)?, &mut out.write_fresh());
    match done {
        Some(done) => done.map(|()| out),
        None => composed::conv_grad_input(shape, g, w, layout.dims()),
    }
}

/// The gradient of a convolution with respect to its weight.
pub(super) fn conv_grad_weight<const N: usize>(shape: ConvShape, x: &Tensor, g: &Tensor) -> Result<Tensor> {
    let name = "convolution";
    let (x, g) = (x.try_contiguous()?, g.try_contiguous()?);
    let mut dims = vec![shape.out_channels, shape.in_channels / shape.groups];
    dims.extend(&shape.kernel[3 - N..]);
    let out = x.fresh_like(Layout::contiguous(&dims), x.dtype())?;
    let done = x.backend().conv_grad_weight(&shape, &x.read(name)?, &g.read(name)?, &mut out.write_fresh());
    let out = match done {
        Some(done) => done.map(|()| out)?,
        None => composed::conv_grad_weight(&shape, &x, &g, &dims)?,
    };
    let saves = [Save::for_grad_of(&x, &g), Save::for_grad_of(&g, &x)];
    Ok(out.record("ConvolutionBackwardBackward0", [&x, &g], saves, move |[x, g], [of_x, of_g], gg| {
        Ok([
            grad_if(of_x, || conv_grad_input::<N>(shape, &g, gg))?,
            grad_if(of_g, || conv::<N>(shape, &x, gg, None, Activation::None))?,
        ])
    }))
}

/// Applies `f` to a batch: an input without a batch dimension gets one, which is removed from the output.
pub(super) fn batched<const N: usize>(x: &Tensor, f: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    if x.dim() == N + 1 { f(&x.try_unsqueeze(0)?)?.try_squeeze(0) } else { f(x) }
}

/// A convolution followed by an activation, of a batch or a single input.
pub(crate) fn convolve<const N: usize>(
    name: &'static str,
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    window: Window<N>,
    activation: Activation,
) -> Result<Tensor> {
    batched::<N>(x, |x| conv::<N>(shape_of(name, x, weight, bias, window)?, x, weight, bias, activation))
}

/// The weight of a convolution that is not recorded, packed by the backend for each of its algorithms on first use.
pub(crate) struct Prepared {
    weight: Tensor,
    bias: Option<Tensor>,
    made: Mutex<Vec<Arc<dyn ConvWeight>>>,
}

impl Prepared {
    pub(crate) fn new(weight: &Tensor, bias: Option<&Tensor>) -> Result<Prepared> {
        let bias = bias.map(Tensor::try_contiguous).transpose()?;
        Ok(Prepared { weight: weight.try_contiguous()?, bias, made: Mutex::default() })
    }

    /// [`convolve`] without a derivative.
    pub(crate) fn convolve<const N: usize>(
        &self,
        name: &'static str,
        x: &Tensor,
        window: Window<N>,
        activation: Activation,
    ) -> Result<Tensor> {
        batched::<N>(x, |x| {
            let shape = shape_of(name, x, &self.weight, self.bias.as_ref(), window)?;
            let x = x.try_contiguous()?;
            let Some(weight) = self.made_for(name, &shape)? else {
                let bias = self.bias.as_ref().map(Tensor::detach);
                return conv::<N>(shape, &x.detach(), &self.weight.detach(), bias.as_ref(), activation);
            };
            let out = x.fresh_like(Dims::from(output_dims::<N>(&shape)).layout(name)?, x.dtype())?;
            let bias = self.bias.as_ref().map(|bias| bias.read(name)).transpose()?;
            let input = x.read(name)?;
            let done =
                x.backend().conv_prepacked(&shape, &input, &*weight, bias.as_ref(), activation, &mut out.write_fresh());
            done.expect("a device that packs weights implements conv_prepacked").map(|()| out)
        })
    }

    /// The packed weight for a shape; `None` if the device does not pack weights.
    fn made_for(&self, name: &'static str, shape: &ConvShape) -> Result<Option<Arc<dyn ConvWeight>>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(weight) = made.iter().find(|weight| weight.fits(shape)) {
            return Ok(Some(weight.clone()));
        }
        let Some(weight) = self.weight.backend().conv_weight(shape, &self.weight.read(name)?) else { return Ok(None) };
        let weight: Arc<dyn ConvWeight> = weight?.into();
        made.push(weight.clone());
        Ok(Some(weight))
    }
}

/// The options of [`Tensor::conv1d`], [`conv2d`](Tensor::conv2d) and [`conv3d`](Tensor::conv3d).
///
/// ```
/// use rushlight::ops::ConvOptions;
/// let halving = ConvOptions::<2>::new().stride(2).padding([1, 0]);
/// # let _ = halving;
/// ```
#[derive(Builder, Clone, Copy, Debug)]
pub struct ConvOptions<const N: usize> {
    /// The step of the window from one output element to the next (default 1).
    #[builder(default = Sizes::from(1))]
    pub(crate) stride: Sizes<N>,
    /// The zeros around the input: a number, one for each dimension, or a [`Padding`] (default 0).
    pub(crate) padding: Padding<N>,
    /// The distance between the input elements that neighboring kernel elements are multiplied by (default 1).
    #[builder(default = Sizes::from(1))]
    pub(crate) dilation: Sizes<N>,
    /// The number of groups that the channels are divided into, each convolved separately (default 1).
    #[builder(default = 1)]
    pub(crate) groups: usize,
}

impl<const N: usize> ConvOptions<N> {
    /// The window parameters of a kernel of these sizes on `x`.
    pub(crate) fn window(self, name: &'static str, x: &Tensor, kernel: [usize; N]) -> Result<Window<N>> {
        if self.padding == Padding::Same && self.stride != Sizes::from(1) {
            let message = format!("expected stride 1 with padding 'same', got {}", self.stride);
            return Err(Error::value(name, message));
        }
        let [stride, dilation] = [self.stride, self.dilation].map(Sizes::each);
        let (padding, padding_end) = self.padding.around(last_sizes(x), kernel, stride, dilation);
        Ok(Window { stride, padding, padding_end, dilation, groups: self.groups })
    }

    fn apply(self, name: &'static str, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let window = self.window(name, x, last_sizes(weight))?;
        convolve(name, x, weight, bias, window, Activation::None)
    }
}

/// The last `N` sizes; 0 for missing ones, which the convolution rejects.
fn last_sizes<const N: usize>(tensor: &Tensor) -> [usize; N] {
    let skipped = tensor.dim().saturating_sub(N);
    std::array::from_fn(|i| tensor.shape().get(skipped + i).copied().unwrap_or(0))
}

impl Tensor {
    /// Convolves an input `[N, C, L]` (or `[C, L]`) with a weight `[out, C / groups, k]` and adds a bias `[out]`, if there is one:
    /// output `[N, out, L']`, with `L'` as in [`conv2d`](Tensor::conv2d).
    ///
    /// # Errors
    /// If shapes or dtypes do not match, the tensors are not floating-point, a stride or a dilation is 0, `groups` is 0 or does not divide
    /// the channels, the kernel is larger than the padded input, or the padding is [`Padding::Same`] with a stride.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let (x, weight) = (Tensor::from([[1.0f32, 2.0, 4.0]]), Tensor::from([[[1.0f32, 10.0]]]));
    /// assert_eq!(x.conv1d(&weight, None).to_vec::<f32>(), [21.0, 42.0]);
    /// ```
    #[op(torch = "conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1)", with)]
    pub fn try_conv1d_with<'a>(
        &self,
        weight: &Tensor,
        bias: impl Into<Option<&'a Tensor>>,
        options: ConvOptions<1>,
    ) -> Result<Tensor> {
        options.apply("conv1d", self, weight, bias.into())
    }

    /// Convolves an input `[N, C, H, W]` (or `[C, H, W]`) with a weight `[out, C / groups, kh, kw]` and adds a bias `[out]`, if
    /// there is one: output `[N, out, H', W']` with `H' = (H + 2 * padding - dilation * (kh - 1) - 1) / stride + 1`. As
    /// [`torch.nn.functional.conv2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html).
    ///
    /// # Errors
    /// If shapes or dtypes do not match, the tensors are not floating-point, a stride or a dilation is 0, `groups` is 0 or does not divide
    /// the channels, the kernel is larger than the padded input, or the padding is [`Padding::Same`] with a stride.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::ConvOptions};
    /// let (x, weight) = (Tensor::ones([1, 1, 4, 4]), Tensor::ones([1, 1, 3, 3]));
    /// assert_eq!(x.conv2d(&weight, None).shape(), [1, 1, 2, 2]);
    /// let y = x.conv2d_with(&weight, None, ConvOptions::new().padding(1));
    /// assert_eq!(y.select(2, 0).to_vec::<f32>(), [4.0, 6.0, 6.0, 4.0]);
    /// ```
    #[op(torch = "conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1)", with)]
    pub fn try_conv2d_with<'a>(
        &self,
        weight: &Tensor,
        bias: impl Into<Option<&'a Tensor>>,
        options: ConvOptions<2>,
    ) -> Result<Tensor> {
        options.apply("conv2d", self, weight, bias.into())
    }

    /// Convolves an input `[N, C, D, H, W]` (or `[C, D, H, W]`) with a weight `[out, C / groups, kd, kh, kw]` and adds a bias
    /// `[out]`, if there is one: output `[N, out, D', H', W']`, with sizes as in [`conv2d`](Tensor::conv2d).
    ///
    /// # Errors
    /// If shapes or dtypes do not match, the tensors are not floating-point, a stride or a dilation is 0, `groups` is 0 or does not divide
    /// the channels, the kernel is larger than the padded input, or the padding is [`Padding::Same`] with a stride.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::ConvOptions};
    /// let (x, weight) = (Tensor::ones([1, 2, 4, 6, 8]), Tensor::ones([3, 2, 2, 2, 2]));
    /// let y = x.conv3d_with(&weight, None, ConvOptions::new().stride(2));
    /// assert_eq!((y.shape(), y.max().item()), (&[1, 3, 2, 3, 4][..], 16.0));
    /// ```
    #[op(torch = "conv3d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1)", with)]
    pub fn try_conv3d_with<'a>(
        &self,
        weight: &Tensor,
        bias: impl Into<Option<&'a Tensor>>,
        options: ConvOptions<3>,
    ) -> Result<Tensor> {
        options.apply("conv3d", self, weight, bias.into())
    }
}
