//! Tensors and arrays of the crate `ndarray` over the same memory.

use super::{ArrayReadGuard, ArrayWriteGuard, Element, Layout, Storage, Tensor};
use crate::autograd::is_grad_enabled;
use crate::{Error, Result};
use ndarray::{Array, ArrayD, Dimension, IxDyn};
use rushlight_kernels::MAX_RANK;
use rushlight_macros::op;
use std::sync::Arc;

impl Tensor {
    /// Creates a tensor over the memory of an array, without copying: PyTorch's `from_numpy`. Shape, strides and element type are the array's;
    /// the memory is freed as the array would free it.
    ///
    /// Two owners of one memory that may both write it cannot exist in safe Rust. So the tensor takes the array, and [`array`](Tensor::array)
    /// and [`array_mut`](Tensor::array_mut) return it as an array whenever it is needed: what was changed on one side is seen on the other.
    /// [`into_ndarray`](Tensor::into_ndarray) ends the sharing.
    ///
    /// As in PyTorch, such a tensor cannot be [resized](Tensor::resize_) beyond the memory of the array.
    ///
    /// # Errors
    /// If a stride is negative (`array.as_standard_layout().into_owned()` is a copy without), or the array has more than 8 dimensions.
    ///
    /// ```
    /// use ndarray::array;
    /// use rushlight::Tensor;
    /// let x = Tensor::from_ndarray(array![1i64, 2, 3]);
    /// x.select(0, 0).fill_(-1);
    /// assert_eq!(x.array::<i64>().to_string(), "[-1, 2, 3]");
    /// x.array_mut::<i64>()[2] = 10;
    /// assert_eq!(x.to_string(), "tensor([-1,  2, 10])");
    /// ```
    #[doc(alias = "from_numpy")]
    #[op(torch = "from_numpy(ndarray)")]
    pub fn try_from_ndarray<T: Element, D: Dimension>(array: Array<T, D>) -> Result<Tensor> {
        let op = "from_ndarray";
        let array = array.into_dyn();
        let (dims, strides) = (array.shape(), array.strides());
        if dims.len() > MAX_RANK {
            let message = format!("expected at most {MAX_RANK} dimensions, got {} (shape {dims:?})", dims.len());
            return Err(Error::shape(op, message));
        }
        let layout = if array.is_empty() { Layout::contiguous(dims) } else { Layout::strided(dims, strides, 0) };
        if layout.strides().iter().any(|&stride| stride < 0) {
            let message = format!(
                "expected strides that are not negative, got shape {dims:?} with strides {strides:?}; \
                 as_standard_layout().into_owned() copies the array"
            );
            return Err(Error::shape(op, message));
        }
        let layout = layout.checked(op)?;
        Ok(Tensor::from_parts(Arc::new(Storage::of_array(array)), layout, T::DTYPE, None, None))
    }

    /// Returns the elements as an array over the tensor's memory, for reading, without copying: PyTorch's `numpy`. A tensor that requires
    /// gradients can be read in this way, too.
    ///
    /// The array is a view that keeps shared read access as long as it lives: others can read the tensor, but not write it.
    ///
    /// # Errors
    /// If `T` is not the tensor's element type ([`to_dtype`](Tensor::to_dtype) converts), the tensor is not in host memory, or another thread
    /// is writing it.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.t().array::<f32>()[[0, 1]], 3.0);
    /// assert_eq!(x.array::<f32>().sum(), 10.0);
    /// ```
    #[doc(alias = "numpy")]
    #[op(torch = "numpy(self, *, force=False)")]
    pub fn try_array<T: Element>(&self) -> Result<ArrayReadGuard<'_, T>> {
        self.expect_array::<T>("array")?;
        Ok(self.read("array")?.into_array())
    }

    /// Returns the elements as an array over the tensor's memory, for reading and writing, without copying. Works on views: a change is seen
    /// by every tensor over the same memory.
    ///
    /// The array keeps exclusive access as long as it lives: operations on the tensor return [`Error::Busy`] meanwhile. It counts as an
    /// in-place change, so a backward pass that needs the previous values returns an error.
    ///
    /// # Errors
    /// If `T` is not the tensor's element type, the tensor is not in host memory, elements share memory (an expanded tensor), the tensor
    /// requires a gradient while gradients are recorded (writes through an array are not), or another thread is using it.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::zeros([2, 2]);
    /// x.select(0, 1).array_mut::<f32>().fill(7.0);
    /// assert_eq!(x.to_vec::<f32>(), [0.0, 0.0, 7.0, 7.0]);
    /// ```
    #[op(torch = "numpy(self, *, force=False)")]
    pub fn try_array_mut<T: Element>(&self) -> Result<ArrayWriteGuard<'_, T>> {
        let op = "array_mut";
        self.expect_array::<T>(op)?;
        if !self.layout().is_non_overlapping() {
            let message = format!(
                "expected elements with memory locations of their own, got an expanded tensor of shape {:?}; copy it first",
                self.shape()
            );
            return Err(Error::shape(op, message));
        }
        if is_grad_enabled() && self.has_history() {
            let message = format!(
                "expected a tensor that does not require a gradient, since changes through an array are not recorded, got one of shape {:?}; \
                 use detach() or no_grad",
                self.shape()
            );
            return Err(Error::autograd(op, message));
        }
        Ok(self.write(op)?.into_array())
    }

    /// Returns the elements as an array that owns its memory: the array that [`from_ndarray`](Tensor::from_ndarray) took, without copying, if
    /// this is the only handle to its memory, else a copy in row-major order.
    ///
    /// # Errors
    /// If `T` is not the tensor's element type, the copy does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use ndarray::array;
    /// use rushlight::Tensor;
    /// let x = Tensor::from_ndarray(array![1.0f32, 2.0]);
    /// x.mul_(2.0);
    /// assert_eq!(x.into_ndarray::<f32>(), array![2.0, 4.0].into_dyn());
    /// ```
    #[op(torch = "-")]
    pub fn try_into_ndarray<T: Element>(self) -> Result<ArrayD<T>> {
        self.expect_type::<T>("into_ndarray")?;
        self.taken_array().or_else(|tensor| {
            let elements = tensor.try_to_vec::<T>()?;
            Ok(ArrayD::from_shape_vec(IxDyn(tensor.shape()), elements).expect("as many elements as the shape has"))
        })
    }

    /// The array whose memory this is, if there is no other handle to it and the layout is that of the array.
    fn taken_array<T: Element>(self) -> Result<ArrayD<T>, Tensor> {
        let inner = Arc::try_unwrap(self.0).map_err(Tensor)?;
        let (layout, dtype) = (inner.layout, inner.dtype);
        let again = |storage| Tensor::from_parts(storage, layout, dtype, None, None);
        let mut storage = inner.storage;
        let Some(array) = Arc::get_mut(&mut storage).and_then(Storage::take_array::<T>) else {
            return Err(again(storage));
        };
        if array.is_empty() && array.shape() == layout.dims() {
            return Ok(array);
        }
        if Layout::strided(array.shape(), array.strides(), 0).same_elements(&layout) {
            return Ok(array);
        }
        Err(again(Arc::new(Storage::of_array(array))))
    }

    fn expect_array<T: Element>(&self, op: &'static str) -> Result<()> {
        self.expect_type::<T>(op)?;
        if self.device().is_host() {
            return Ok(());
        }
        Err(Error::device(
            op,
            format!("expected a tensor in host memory, got one on {}; to_device copies it", self.device()),
        ))
    }
}
