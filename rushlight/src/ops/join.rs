//! Concatenation and padding.

use crate::tensor::{DType, Dims, Layout, Scalar, wrap_dim};
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};
use std::borrow::Borrow;

/// The options of [`Tensor::pad`]; a number converts into them.
#[derive(Builder, Clone, Copy, Debug)]
pub struct PadOptions {
    /// The value of the added elements (default 0).
    #[builder(default = Scalar::I64(0))]
    value: Scalar,
}

impl<T: Into<Scalar>> From<T> for PadOptions {
    fn from(value: T) -> PadOptions {
        PadOptions { value: value.into() }
    }
}

impl Tensor {
    /// Concatenates tensors along dimension 0; see [`cat_dim`](Tensor::cat_dim).
    ///
    /// # Errors
    /// As [`try_cat_dim`](Tensor::try_cat_dim).
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let (a, b) = (Tensor::from([1, 2]), Tensor::from([3]));
    /// assert_eq!(Tensor::cat([&a, &b]).to_vec::<i64>(), [1, 2, 3]);
    /// ```
    #[op(torch = "cat(tensors, dim=0, *, out=None)")] // along another dimension: cat_dim(tensors, dim)
    pub fn try_cat<T: Borrow<Tensor>>(tensors: impl AsRef<[T]>) -> Result<Tensor> {
        Tensor::try_cat_dim(tensors, 0)
    }

    /// Concatenates tensors along `dim`. All other sizes must be equal; dtypes are promoted. Empty 1-d tensors are skipped.
    ///
    /// # Errors
    /// If the list is empty, sizes other than those of `dim` or the devices differ, a tensor is 0-d, or the dimension is out of range.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let rows = Tensor::zeros([2, 3]);
    /// assert_eq!(Tensor::cat_dim([&rows, &rows], 1).shape(), [2, 6]);
    /// ```
    #[op(torch = "cat(tensors, dim=0, *, out=None)")]
    pub fn try_cat_dim<T: Borrow<Tensor>>(tensors: impl AsRef<[T]>, dim: isize) -> Result<Tensor> {
        concatenated(&tensors.as_ref().iter().map(Borrow::borrow).collect::<Vec<_>>(), dim)
    }

    /// Stacks tensors of equal shape along a new dimension 0.
    ///
    /// # Errors
    /// If the list is empty or the shapes differ.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let rows = vec![Tensor::zeros([3]), Tensor::ones([3])];
    /// assert_eq!(Tensor::stack(&rows).shape(), [2, 3]);
    /// ```
    #[op(torch = "stack(tensors, dim=0, *, out=None)")] // along another dimension: stack_dim(tensors, dim)
    pub fn try_stack<T: Borrow<Tensor>>(tensors: impl AsRef<[T]>) -> Result<Tensor> {
        Tensor::try_stack_dim(tensors, 0)
    }

    /// Stacks tensors of equal shape along a new dimension `dim`.
    ///
    /// # Errors
    /// If the list is empty, the shapes differ, or the dimension is out of range.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let columns = Tensor::stack_dim([Tensor::from([1, 2]), Tensor::from([3, 4])], 1);
    /// assert_eq!(columns.to_vec::<i64>(), [1, 3, 2, 4]);
    /// ```
    #[op(torch = "stack(tensors, dim=0, *, out=None)")]
    pub fn try_stack_dim<T: Borrow<Tensor>>(tensors: impl AsRef<[T]>, dim: isize) -> Result<Tensor> {
        let tensors = tensors.as_ref();
        let Some(first) = tensors.first().map(Borrow::borrow) else {
            return Err(Error::value("stack", "expected at least one tensor, got an empty list"));
        };
        let differs = |tensor: &&T| (*tensor).borrow().shape() != first.shape();
        if let Some((i, tensor)) = tensors.iter().enumerate().find(|(_, tensor)| differs(tensor)) {
            return Err(Error::shape(
                "stack",
                format!(
                    "expected tensors of equal shapes, got {:?} for tensor 0 and {:?} for tensor {i}",
                    first.shape(),
                    tensor.borrow().shape()
                ),
            ));
        }
        let dim = wrap_dim("stack", dim, first.dim() + 1)? as isize;
        let rows = tensors.iter().map(|tensor| tensor.borrow().try_unsqueeze(dim)).collect::<Result<Vec<_>>>()?;
        concatenated(&rows.iter().collect::<Vec<_>>(), dim)
    }

    /// Pads the tensor with a constant, 0 by default: `padding` lists the numbers of elements before and after the last dimension, then
    /// those of the second-to-last, and so on, as in PyTorch.
    ///
    /// # Errors
    /// If `padding` has an odd number of entries or more pairs than there are dimensions, the dtype cannot represent the value, or the
    /// result does not fit into memory.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([[1, 2]]);
    /// assert_eq!(x.pad([0, 1]).to_vec::<i64>(), [1, 2, 0]);
    /// assert_eq!(x.pad_with([0, 1], 7).to_vec::<i64>(), [1, 2, 7]);
    /// ```
    #[op(torch = "pad(input, pad, mode='constant', value=None)", with)]
    pub fn try_pad_with(&self, padding: impl AsRef<[usize]>, options: impl Into<PadOptions>) -> Result<Tensor> {
        let (padding, PadOptions { value }) = (padding.as_ref(), options.into());
        value.expect_in("pad", self.dtype())?;
        if !padding.len().is_multiple_of(2) || padding.len() / 2 > self.dim() {
            return Err(Error::shape(
                "pad",
                format!(
                    "expected a pair of sizes for each of at most {} dimensions of shape {:?}, got {padding:?}",
                    self.dim(),
                    self.shape()
                ),
            ));
        }
        let (mut shape, mut inner) = (self.shape().to_vec(), Vec::new());
        for (i, pair) in padding.chunks(2).enumerate() {
            let dim = self.dim() - 1 - i;
            inner.push((dim as isize, pair[0] as isize, shape[dim]));
            shape[dim] = Some(shape[dim])
                .and_then(|size| size.checked_add(pair[0])?.checked_add(pair[1]))
                .ok_or_else(|| Error::shape("pad", format!("expected padding that fits in memory, got {padding:?}")))?;
        }
        let out = self.fresh_like(Dims::from(shape).layout("pad")?, self.dtype())?;
        self.backend().fill(value, &mut out.write_fresh())?;
        let middle = move |t: &Tensor| {
            inner.iter().try_fold(t.clone(), |t, &(dim, start, length)| t.try_narrow(dim, start, length))
        };
        let part = out.view_raw(*middle(&out.detach())?.layout());
        self.backend().copy(&self.read("pad")?, &mut part.write("pad")?)?;
        drop(part);
        Ok(out.record("ConstantPadNdBackward0", [self], [], move |[], [_], g| Ok([Some(middle(g)?)])))
    }
}

fn concatenated(tensors: &[&Tensor], dim: isize) -> Result<Tensor> {
    let dtype = tensors.iter().map(|t| t.dtype()).reduce(DType::join);
    let Some(dtype) = dtype else {
        return Err(Error::value("cat", "expected at least one tensor, got an empty list"));
    };
    let real: Vec<&Tensor> = tensors.iter().copied().filter(|t| t.shape() != [0]).collect();
    let Some(&first) = real.first() else { return tensors[0].try_to_dtype(dtype) };
    if first.dim() == 0 {
        return Err(Error::shape("cat", "expected tensors with dimensions, got a 0-d tensor; stack takes them"));
    }
    let dim = wrap_dim("cat", dim, first.dim())?;
    let mut shape = first.shape().to_vec();
    shape[dim] = 0;
    for (i, tensor) in real.iter().enumerate() {
        super::same_device("cat", first, tensor)?;
        let fits = tensor.dim() == shape.len() && (0..shape.len()).all(|d| d == dim || tensor.shape()[d] == shape[d]);
        if !fits {
            return Err(Error::shape(
                "cat",
                format!(
                    "expected equal sizes except in dimension {dim}, got {:?} (tensor 0) and {:?} (tensor {i})",
                    first.shape(),
                    tensor.shape()
                ),
            ));
        }
        shape[dim] = shape[dim].saturating_add(tensor.shape()[dim]);
    }
    let casts = real.iter().map(|tensor| tensor.try_to_dtype(dtype)).collect::<Result<Vec<_>>>()?;
    let out = first.fresh_like(Layout::contiguous(&shape).checked("cat")?, dtype)?;
    let mut start = 0;
    let mut places = Vec::with_capacity(casts.len());
    for tensor in &casts {
        let length = tensor.shape()[dim];
        let part = out.view_raw(*out.try_narrow(dim as isize, start as isize, length)?.layout());
        first.backend().copy(&tensor.read("cat")?, &mut part.write("cat")?)?;
        places.push((start, length));
        start += length;
    }
    let inputs: Vec<&Tensor> = casts.iter().collect();
    Ok(out.record_list("CatBackward0", &inputs, move |needs, g| {
        needs
            .iter()
            .zip(&places)
            .map(|(&needed, &(start, length))| {
                needed.then(|| g.try_narrow(dim as isize, start as isize, length)).transpose()
            })
            .collect()
    }))
}
