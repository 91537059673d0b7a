//! Joining tensors.

use crate::tensor::{DType, Layout, wrap_dim};
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
            shape[dim] += tensor.shape()[dim];
        }
        let casts = real.iter().map(|tensor| tensor.try_to_dtype(dtype)).collect::<Result<Vec<_>>>()?;
        let out = first.fresh_like(Layout::contiguous(&shape), dtype);
        let mut start = 0;
        let mut places = Vec::with_capacity(casts.len());
        for tensor in &casts {
            let length = tensor.shape()[dim];
            let part = out.view_raw(*out.try_narrow(dim as isize, start, length)?.layout());
            first.backend().copy(&tensor.read("cat")?, &part.write("cat")?)?;
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
}
