//! Convolutions: the elements that meet each place of the kernel as the rows of a matrix, a product of matrices, and back.

use crate::backend::{Activation, BinaryOp, ConvShape};
use crate::tensor::Layout;
use crate::{Result, Tensor};

const NAME: &str = "convolution";

/// The sizes of the input with its padding.
fn padded(shape: &ConvShape) -> [usize; 3] {
    std::array::from_fn(|d| shape.input[d] + shape.padding[d] + shape.padding_end[d])
}

/// The channels of a group, and the places of the kernel.
fn rows(shape: &ConvShape) -> [usize; 2] {
    [shape.in_channels / shape.groups, shape.kernel.iter().product()]
}

/// For each place of the kernel, the elements that it meets, `[groups, channels, batch, output]`: in the padded input
/// `[batch, groups · channels, padded sizes]`, and in the columns `[groups, channels, places, batch, output]`.
fn meetings(shape: &ConvShape) -> impl Iterator<Item = [Layout; 2]> {
    let ([channels, places], output) = (rows(shape), shape.output());
    let (batch, groups) = (shape.batch, shape.groups);
    let image = Layout::contiguous(&[&[batch, groups, channels][..], &padded(shape)].concat());
    let columns = Layout::contiguous(&[&[groups, channels, places, batch][..], &output].concat());
    let dims = [&[groups, channels, batch][..], &output].concat();
    let (stride, dilation, kernel) = (shape.stride, shape.dilation, shape.kernel);
    (0..places).map(move |k| {
        let tap = [k / (kernel[1] * kernel[2]), k / kernel[2] % kernel[1], k % kernel[2]];
        let s = image.strides();
        let offset: usize = (0..3).map(|d| tap[d] * dilation[d] * s[3 + d] as usize).sum();
        let step = |d: usize| s[3 + d] * stride[d] as isize;
        let met = Layout::strided(&dims, &[s[1], s[2], s[0], step(0), step(1), step(2)], offset);
        let s = columns.strides();
        let column = Layout::strided(&dims, &[s[0], s[1], s[3], s[4], s[5], s[6]], k * s[2] as usize);
        [met, column]
    })
}

/// The columns `[groups, channels · places, batch · output]` of an input.
fn unfold(shape: &ConvShape, x: &Tensor) -> Result<Tensor> {
    let [d, h, w] = shape.input;
    let (before, after) = (shape.padding, shape.padding_end);
    let image = x.try_view([shape.batch, shape.in_channels, d, h, w])?;
    let image = image.try_pad([before[2], after[2], before[1], after[1], before[0], after[0]])?;
    let [channels, places] = rows(shape);
    let sizes = [shape.groups, channels * places, shape.batch * shape.output().iter().product::<usize>()];
    let columns = x.fresh_like(Layout::contiguous(&sizes).checked(NAME)?, x.dtype())?;
    for [met, column] in meetings(shape) {
        let (met, column) = (image.view_raw(met), columns.view_raw(column));
        x.backend().copy(&met.read(NAME)?, &mut column.write(NAME)?)?;
    }
    Ok(columns)
}

/// The transpose of [`unfold`]: every element of the columns is added where it came from.
fn fold(shape: &ConvShape, columns: &Tensor) -> Result<Tensor> {
    let sizes = padded(shape);
    let whole = Layout::contiguous(&[&[shape.batch, shape.in_channels][..], &sizes].concat());
    let image = Tensor::zeros_with_layout(columns, &whole)?;
    for [met, column] in meetings(shape) {
        let (met, column) = (image.view_raw(met), columns.view_raw(column));
        image.backend().binary(BinaryOp::Add, None, Some(&column.read(NAME)?), &mut met.write(NAME)?)?;
    }
    let strides = whole.strides();
    let offset = (0..3).map(|d| shape.padding[d] * strides[2 + d] as usize).sum();
    let inner = Layout::strided(&[&[shape.batch, shape.in_channels][..], &shape.input].concat(), strides, offset);
    image.view_raw(inner).try_contiguous()
}

/// `[groups, channels, batch · output]` as `[batch, groups · channels, output]`.
fn by_batch(shape: &ConvShape, y: &Tensor) -> Result<Tensor> {
    let (groups, pixels) = (shape.groups, shape.output().iter().product::<usize>());
    let y = y.try_view([groups, shape.out_channels / groups, shape.batch, pixels])?;
    y.try_permute([2, 0, 1, 3])?.try_contiguous()
}

/// The opposite of [`by_batch`].
fn by_group(shape: &ConvShape, g: &Tensor) -> Result<Tensor> {
    let (groups, pixels) = (shape.groups, shape.output().iter().product::<usize>());
    let channels = shape.out_channels / groups;
    let g = g.detach().try_view([shape.batch, groups, channels, pixels])?.try_permute([1, 2, 0, 3])?;
    g.try_contiguous()?.try_view([groups, channels, shape.batch * pixels])
}

/// The weight as a matrix for each group.
fn matrices(shape: &ConvShape, w: &Tensor) -> Result<Tensor> {
    let [channels, places] = rows(shape);
    w.detach().try_view([shape.groups, shape.out_channels / shape.groups, channels * places])
}

/// A convolution of contiguous tensors; the output has the sizes `dims`.
pub(in crate::ops) fn conv(
    shape: &ConvShape,
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    activation: Activation,
    dims: &[usize],
) -> Result<Tensor> {
    let y = matrices(shape, w)?.try_bmm(&unfold(shape, &x.detach())?)?;
    let mut y = by_batch(shape, &y)?.try_view(dims)?;
    if let Some(bias) = bias {
        let mut along = vec![1; dims.len()];
        along[1] = shape.out_channels;
        y = y.try_add(&bias.detach().try_view(along)?)?;
    }
    super::norm::activate(activation, y)
}

/// The gradient of the input, with the sizes `dims`.
pub(in crate::ops) fn conv_grad_input(shape: &ConvShape, g: &Tensor, w: &Tensor, dims: &[usize]) -> Result<Tensor> {
    let columns = matrices(shape, w)?.try_transpose(1, 2)?.try_bmm(&by_group(shape, g)?)?;
    fold(shape, &columns)?.try_view(dims)
}

/// The gradient of the weight, with the sizes `dims`.
pub(in crate::ops) fn conv_grad_weight(shape: &ConvShape, x: &Tensor, g: &Tensor, dims: &[usize]) -> Result<Tensor> {
    by_group(shape, g)?.try_bmm(&unfold(shape, &x.detach())?.try_transpose(1, 2)?)?.try_view(dims)
}
