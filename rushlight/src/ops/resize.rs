//! Another shape with more or fewer elements, in the same memory.

use crate::tensor::{Dims, Layout};
use crate::{Error, Result, Tensor};
use rushlight_macros::op;

impl Tensor {
    /// Changes the shape of this tensor to any number of elements, in the same memory, which grows if it has to. The elements are those that
    /// follow in memory from the first one on, row-major; new memory holds 0. A tensor that already has the shape is left unchanged.
    ///
    /// The shape belongs to the handle, so only this one is changed: clones and views keep their shapes and still share the memory, also when it
    /// has grown. A view that is resized is no longer a view, but a tensor over the same memory, as after [`detach`](Tensor::detach).
    ///
    /// # Errors
    /// If the tensor requires a gradient, a size is negative, there are more than 8 dimensions, the tensor does not fit into memory, or the
    /// memory would have to grow and belongs to an array (`from_ndarray`) or is in use by another thread.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let mut x = Tensor::from([1, 2, 3]);
    /// x.resize_([2, 2]);
    /// assert_eq!(x.to_vec::<i64>(), [1, 2, 3, 0]);
    /// ```
    #[op(torch = "resize_(self, *sizes, memory_format=torch.contiguous_format)")]
    pub fn try_resize_(&mut self, shape: impl Into<Dims>) -> Result<Tensor> {
        let op = "resize_";
        let sizes = shape.into().layout(op)?;
        if self.requires_grad() {
            let message = format!(
                "cannot resize variables that require grad: expected a tensor without, got shape {:?}",
                self.shape()
            );
            return Err(Error::autograd(op, message));
        }
        if sizes.same_dims(self.layout()) {
            return Ok(self.clone());
        }
        let layout = Layout::strided(sizes.dims(), sizes.strides(), self.layout().offset());
        let (storage, dtype) = (&self.0.storage, self.dtype());
        let bytes = (layout.offset() + layout.numel()) * dtype.size();
        if layout.numel() > 0 && bytes > storage.bytes() {
            if !storage.is_resizable() {
                let message = format!(
                    "Trying to resize storage that is not resizable: expected at most the {} bytes of the array that the memory belongs to, \
                     got {bytes} for the shape {:?}",
                    storage.bytes(),
                    layout.dims()
                );
                return Err(Error::shape(op, message));
            }
            storage.grow(op, bytes)?;
        }
        *self = Tensor::from_parts(storage.clone(), layout, dtype, None, None);
        Ok(self.clone())
    }
}
