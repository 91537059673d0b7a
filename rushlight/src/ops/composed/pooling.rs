//! Pooling: a table of the places in a plane that each window has.

use super::{constant, index_select};
use crate::backend::{Divisor, Pool2d};
use crate::tensor::{DType, Layout};
use crate::{Result, Tensor};

/// The windows over a plane, each with the same number of places, some of which may be outside.
pub(in crate::ops) struct Windows {
    /// Height and width of a plane.
    input: [usize; 2],
    output: [usize; 2],
    /// The place in the plane, 0 where it is outside.
    places: Vec<i64>,
    inside: Vec<bool>,
    /// What the sum of a window is divided by for its mean.
    divisors: Vec<f64>,
}

impl Windows {
    /// The windows whose rows and columns `span` gives, for each dimension and output; `divisor` from both dimensions and outputs.
    fn new(
        input: [usize; 2],
        output: [usize; 2],
        span: impl Fn(usize, usize) -> Vec<isize>,
        divisor: impl Fn([usize; 2]) -> f64,
    ) -> Windows {
        let spans: [Vec<Vec<isize>>; 2] = std::array::from_fn(|d| (0..output[d]).map(|o| span(d, o)).collect());
        let longest = |d: usize| spans[d].iter().map(Vec::len).max().unwrap_or(0);
        let mut windows = Windows { input, output, places: vec![], inside: vec![], divisors: vec![] };
        for (i, rows) in spans[0].iter().enumerate() {
            for (j, columns) in spans[1].iter().enumerate() {
                windows.divisors.push(divisor([i, j]));
                for y in 0..longest(0) {
                    for x in 0..longest(1) {
                        let place = rows.get(y).zip(columns.get(x)).and_then(|(&y, &x)| within(input, [y, x]));
                        windows.places.push(place.unwrap_or(0));
                        windows.inside.push(place.is_some());
                    }
                }
            }
        }
        windows
    }

    pub(in crate::ops) fn of_pool(pool: &Pool2d, divisor: Divisor) -> Windows {
        let start = |d: usize, o: usize| (o * pool.stride[d]) as isize - pool.padding[d] as isize;
        let count = |d: usize, o: usize, [low, high]: [isize; 2]| {
            ((start(d, o) + pool.kernel[d] as isize).min(high) - start(d, o).max(low)) as f64
        };
        let span =
            |d: usize, o: usize| (0..pool.kernel[d]).map(|k| start(d, o) + (k * pool.dilation[d]) as isize).collect();
        Windows::new(pool.input, pool.output(), span, |at| {
            let over = |bounds: fn(usize, usize) -> [isize; 2]| {
                (0..2).map(|d| count(d, at[d], bounds(pool.input[d], pool.padding[d]))).product()
            };
            match divisor {
                Divisor::Override(divisor) => divisor as f64,
                Divisor::IncludePad => over(|size, padding| [isize::MIN, (size + padding) as isize]),
                Divisor::ExcludePad => over(|size, _| [0, size as isize]),
            }
        })
    }

    /// As even parts of a plane as there are outputs.
    pub(in crate::ops) fn adaptive(input: [usize; 2], output: [usize; 2]) -> Windows {
        let range = |d: usize, o: usize| o * input[d] / output[d]..((o + 1) * input[d]).div_ceil(output[d]);
        let span = |d: usize, o: usize| range(d, o).map(|place| place as isize).collect();
        Windows::new(input, output, span, |[i, j]| (range(0, i).len() * range(1, j).len()) as f64)
    }

    /// The elements of each window, `[planes, outputs, places]`, and a mask of those that are outside.
    fn elements(&self, x: &Tensor) -> Result<[Tensor; 2]> {
        let planes = x.detach().try_view([x.numel() / self.plane(), self.plane()])?;
        let places = constant(x, &[self.places.len()], &self.places)?;
        let shape = [self.divisors.len(), self.places.len() / self.divisors.len()];
        let outside = constant(x, &shape, &self.inside)?.try_logical_not()?;
        let elements = index_select(&planes, 1, &places)?;
        Ok([elements.try_view([planes.shape()[0], shape[0], shape[1]])?, outside])
    }

    fn plane(&self) -> usize {
        self.input[0] * self.input[1]
    }

    /// The sizes of images of which `x` is the input or the output.
    fn shape(x: &Tensor, sizes: [usize; 2]) -> Vec<usize> {
        [&x.shape()[..x.dim() - 2], &sizes].concat()
    }

    /// The largest element of each window and its place in the plane; minus infinity at 0 where the window has none.
    pub(in crate::ops) fn max(&self, x: &Tensor) -> Result<(Tensor, Tensor)> {
        let shape = Self::shape(x, self.output);
        if x.numel() == 0 || self.divisors.is_empty() {
            let indices = x.fresh_like(Layout::contiguous(&shape), DType::I64)?;
            return Ok((x.fresh_like(*indices.layout(), x.dtype())?, indices));
        }
        let [elements, outside] = self.elements(x)?;
        let elements = elements.try_masked_fill(&outside, f64::NEG_INFINITY)?;
        let values = elements.try_amax(2, true)?;
        let is = elements
            .try_eq(&values)?
            .try_logical_or(&elements.try_isnan()?)?
            .try_logical_and(&outside.try_logical_not()?)?;
        let places = constant(x, outside.shape(), &self.places)?;
        let far = constant(x, &[], &[self.plane() as i64])?;
        let first = places.try_where(&is, &far)?.try_amin(2, false)?;
        let first = first.try_masked_fill(&first.try_eq(self.plane())?, 0)?;
        Ok((values.try_view(&shape[..])?, first.try_view(&shape[..])?))
    }

    fn divisors(&self, like: &Tensor) -> Result<Tensor> {
        constant(like, &[self.divisors.len()], &self.divisors)?.try_to_dtype(like.dtype())
    }

    /// The mean of each window.
    pub(in crate::ops) fn mean(&self, x: &Tensor) -> Result<Tensor> {
        let shape = Self::shape(x, self.output);
        if x.numel() == 0 || self.divisors.is_empty() {
            return x.fresh_like(Layout::contiguous(&shape), x.dtype());
        }
        let [elements, outside] = self.elements(x)?;
        let sum = elements.try_masked_fill(&outside, 0)?.try_sum_dim(2, false)?;
        sum.try_div(&self.divisors(x)?)?.try_view(shape)
    }

    /// The gradient of [`mean`](Windows::mean).
    pub(in crate::ops) fn mean_grad(&self, g: &Tensor) -> Result<Tensor> {
        let (shape, outputs) = (Self::shape(g, self.input), self.divisors.len());
        if g.numel() == 0 {
            return Tensor::zeros_with_layout(g, &Layout::contiguous(&shape));
        }
        let planes = g.numel() / outputs;
        let each = g.detach().try_view([planes, outputs])?.try_div(&self.divisors(g)?)?.try_unsqueeze(2)?;
        let inside = constant(g, &[outputs, self.places.len() / outputs], &self.inside)?;
        let each = each.try_mul(&inside.try_to_dtype(g.dtype())?)?.try_view([planes, self.places.len()])?;
        let places = constant(g, &[1, self.places.len()], &self.places)?.try_expand(each.shape())?;
        scattered(&places, &each, self.plane())?.try_view(shape)
    }
}

/// The place of an element in a plane.
fn within(input: [usize; 2], at: [isize; 2]) -> Option<i64> {
    let inside = (0..2).all(|d| (0..input[d] as isize).contains(&at[d]));
    inside.then(|| (at[0] * input[1] as isize + at[1]) as i64)
}

/// Adds up `[planes, n]` elements at their places in planes of a size.
fn scattered(places: &Tensor, each: &Tensor, plane: usize) -> Result<Tensor> {
    let zeros = Tensor::zeros_with_layout(each, &Layout::contiguous(&[each.shape()[0], plane]))?;
    zeros.try_scatter_add(1, places, each)
}

/// The gradient of a maximum, from that of the outputs and their places; the images have the sizes `shape`.
pub(in crate::ops) fn max_pool_grad(g: &Tensor, indices: &Tensor, shape: &[usize]) -> Result<Tensor> {
    if g.numel() == 0 {
        return Tensor::zeros_with_layout(g, &Layout::contiguous(shape));
    }
    let planes: usize = shape[..shape.len() - 2].iter().product();
    let sizes = [planes, g.numel() / planes];
    let (g, indices) = (g.detach().try_view(sizes)?, indices.try_view(sizes)?);
    scattered(&indices, &g, shape[shape.len() - 2..].iter().product())?.try_view(shape)
}
