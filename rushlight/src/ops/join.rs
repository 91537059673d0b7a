//! Joining and padding tensors.

use crate::tensor::{DType, Dims, Layout, Scalar, wrap_dim};
use crate::{Error, Result, Tensor};
use rushlight_macros::op;

impl Tensor {
    /// The tensors one after another along `dim`. All other sizes must be equal; types are promoted. 1-d tensors without
    /// elements are passed over.
    ///
    /// # Errors
    /// If the list is empty, or shapes do not fit.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::cat(&[&Tensor::from([1, 2]), &Tensor::from([3])], 0);
    /// assert_eq!(x.to_vec::<i64>(), [1, 2, 3]);
    /// ```
    #[op]
    pub fn try_cat(tensors: &[&Tensor], dim: isize) -> Result<Tensor> {
        let dtype = tensors.iter().map(|t| t.dtype()).reduce(DType::join);
        let Some(dtype) = dtype else {
            return Err(Error::value("cat", "wants at least one tensor, but the list is empty"));
        };
        let real: Vec<&Tensor> = tensors.iter().copied().filter(|t| t.shape() != [0]).collect();
        let Some(&first) = real.first() else { return tensors[0].try_to_dtype(dtype) };
        if first.dim() == 0 {
            return Err(Error::shape("cat", "0-d tensors cannot be concatenated; see stack"));
        }
        let dim = wrap_dim("cat", dim, first.dim())?;
        let mut shape = first.shape().to_vec();
        shape[dim] = 0;
        for (i, tensor) in real.iter().enumerate() {
            super::same_device("cat", first, tensor)?;
            let fits =
                tensor.dim() == shape.len() && (0..shape.len()).all(|d| d == dim || tensor.shape()[d] == shape[d]);
            if !fits {
                return Err(Error::shape(
                    "cat",
                    format!(
                        "tensor {i} has shape {:?} and the first one {:?}: sizes must be equal except in dimension {dim}",
                        tensor.shape(),
                        first.shape()
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
            let part = out.view_raw(*out.try_narrow(dim as isize, start, length)?.layout());
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
                    needed.then(|| g.try_narrow(dim as isize, start, length)).transpose()
                })
                .collect()
        }))
    }

    /// Tensors of equal shape along a new dimension.
    ///
    /// # Errors
    /// If the list is empty or the shapes differ.
    #[op]
    pub fn try_stack(tensors: &[&Tensor], dim: isize) -> Result<Tensor> {
        let Some(first) = tensors.first() else {
            return Err(Error::value("stack", "wants at least one tensor, but the list is empty"));
        };
        if let Some(i) = tensors.iter().position(|t| t.shape() != first.shape()) {
            return Err(Error::shape(
                "stack",
                format!(
                    "tensor {i} has shape {:?} and the first one {:?}: all must be equal",
                    tensors[i].shape(),
                    first.shape()
                ),
            ));
        }
        let dim = wrap_dim("stack", dim, first.dim() + 1)? as isize;
        let rows = tensors.iter().map(|t| t.try_unsqueeze(dim)).collect::<Result<Vec<_>>>()?;
        Tensor::try_cat(&rows.iter().collect::<Vec<_>>(), dim)
    }

    /// The tensor framed with `value`: `padding` has a number of elements to put before and one to put behind, for the last
    /// dimension, then for the last but one, and so on, as in PyTorch.
    ///
    /// # Errors
    /// If `padding` has an odd number of entries, or more pairs than there are dimensions.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([[1, 2]]).pad(&[0, 1], 7).to_vec::<i64>(), [1, 2, 7]);
    /// ```
    #[op]
    pub fn try_pad(&self, padding: &[usize], value: impl Into<Scalar>) -> Result<Tensor> {
        if !padding.len().is_multiple_of(2) || padding.len() / 2 > self.dim() {
            return Err(Error::shape(
                "pad",
                format!(
                    "wants a pair of numbers for each of at most {} dimensions of shape {:?}, but got {padding:?}",
                    self.dim(),
                    self.shape()
                ),
            ));
        }
        let (mut shape, mut inner) = (self.shape().to_vec(), Vec::new());
        for (i, pair) in padding.chunks(2).enumerate() {
            let dim = self.dim() - 1 - i;
            inner.push((dim as isize, pair[0], shape[dim]));
            shape[dim] = Some(shape[dim])
                .and_then(|size| size.checked_add(pair[0])?.checked_add(pair[1]))
                .ok_or_else(|| Error::shape("pad", format!("padding {padding:?} is more than memory can hold")))?;
        }
        let out = self.fresh_like(Dims::from(shape).layout("pad")?, self.dtype())?;
        self.backend().fill(value.into(), &mut out.write_fresh())?;
        let middle = move |t: &Tensor| {
            inner.iter().try_fold(t.clone(), |t, &(dim, start, length)| t.try_narrow(dim, start, length))
        };
        let part = out.view_raw(*middle(&out.detach())?.layout());
        self.backend().copy(&self.read("pad")?, &mut part.write("pad")?)?;
        drop(part);
        Ok(out.record("ConstantPadNdBackward0", [self], [], move |[], [_], g| Ok([Some(middle(g)?)])))
    }
}
