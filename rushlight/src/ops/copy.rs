//! Copies: of memory, to other layouts, to other dtypes and to other devices.

use super::composed;
use crate::autograd::Save;
use crate::backend::Device;
use crate::tensor::{DType, Layout, each};
use crate::{Result, Tensor};
use rushlight_macros::op;
use std::sync::Arc;

impl Tensor {
    /// A tensor with newly allocated memory in the given dense layout.
    fn copied(&self, name: &'static str, layout: Layout, dtype: DType) -> Result<Tensor> {
        let copy = || {
            let out = self.fresh_like(layout, dtype)?;
            self.backend().copy(&self.read(name)?, &mut out.write_fresh())?;
            Ok(out)
        };
        copy().or_else(|error| self.copied_sparse(name, dtype, error))
    }

    /// Copies the elements to newly allocated memory; differentiable. (`clone` returns another handle to the same memory.)
    ///
    /// # Errors
    /// If the copy does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([1, 2]);
    /// let y = x.copy();
    /// y.zero_();
    /// assert_eq!(x.to_vec::<i64>(), [1, 2]);
    /// ```
    #[op(torch = "clone(input, *, memory_format=torch.preserve_format)")]
    pub fn try_copy(&self) -> Result<Tensor> {
        self.clone_with_layout(&self.layout().dense_like())
    }

    /// [`copy`](Tensor::copy) in the given dense layout.
    pub(crate) fn clone_with_layout(&self, layout: &Layout) -> Result<Tensor> {
        let out = self.copied("copy", layout.dense_like(), self.dtype())?;
        Ok(out.record("CloneBackward0", [self], [], |[], [_], g| Ok([Some(g.clone())])))
    }

    /// [`copy`](Tensor::copy) with the strides of `whole`, gaps included.
    pub(crate) fn clone_strided(&self, whole: &Layout) -> Result<Tensor> {
        if whole.is_dense() {
            return self.clone_with_layout(whole);
        }
        let out = Tensor::zeros_spanning(self, whole)?;
        self.backend().copy(&self.read("copy")?, &mut out.write_fresh())?;
        Ok(out.record("CloneBackward0", [self], [], |[], [_], g| Ok([Some(g.clone())])))
    }

    /// A contiguous copy.
    pub(crate) fn try_contiguous_copy(&self) -> Result<Tensor> {
        self.clone_with_layout(&Layout::contiguous(self.shape()))
    }

    /// Returns the tensor itself if it is contiguous (row-major without gaps), else a contiguous copy.
    ///
    /// # Errors
    /// If a copy is needed and does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::zeros([2, 3]).t();
    /// assert_eq!((x.stride(), x.contiguous().stride()), (&[1, 3][..], &[2, 1][..]));
    /// ```
    #[op(torch = "contiguous(self, memory_format=torch.contiguous_format)")]
    pub fn try_contiguous(&self) -> Result<Tensor> {
        if self.is_contiguous() { Ok(self.clone()) } else { self.try_contiguous_copy() }
    }

    /// Returns the tensor itself if it has this dtype, else a converted copy. Conversion to integers truncates toward zero; nonzero
    /// elements become true.
    ///
    /// # Errors
    /// If a copy is needed and does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::{DType, Tensor};
    /// assert_eq!(Tensor::from([1.9f32, -1.9]).to_dtype(DType::I64).to_vec::<i64>(), [1, -1]);
    /// ```
    #[doc(alias = "to")]
    #[doc(alias = "float")]
    #[doc(alias = "double")]
    #[doc(alias = "half")]
    #[doc(alias = "long")]
    #[doc(alias = "int")]
    #[doc(alias = "type")]
    #[op(torch = "to(self, dtype, non_blocking=False, copy=False, memory_format=torch.preserve_format)")]
    pub fn try_to_dtype(&self, dtype: DType) -> Result<Tensor> {
        if self.dtype() == dtype {
            return Ok(self.clone());
        }
        let out = self.copied("to_dtype", self.layout().dense_like(), dtype)?;
        if !dtype.is_float() {
            return Ok(out);
        }
        let own = self.dtype();
        Ok(out
            .record("ToCopyBackward0", [self], [] as [Save<'_>; 0], move |[], [_], g| Ok([Some(g.try_to_dtype(own)?)])))
    }

    /// Returns the tensor itself if it is on this device, else a copy on the device; differentiable.
    ///
    /// # Errors
    /// If the device is out of memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::{Device, Tensor};
    /// assert_eq!(Tensor::ones([2]).to_device(Device::Cpu).device(), Device::Cpu);
    /// ```
    #[op(
        torch = "to(self, device=None, dtype=None, non_blocking=False, copy=False, memory_format=torch.preserve_format)"
    )]
    pub fn try_to_device(&self, device: Device) -> Result<Tensor> {
        if self.device() == device {
            return Ok(self.clone());
        }
        let out = if self.is_sparse() {
            self.sparse_to_device(device)?
        } else {
            let source = self.detach().try_contiguous()?;
            let layout = Layout::contiguous(self.shape());
            each!(self.dtype(), T => {
                let elements = source.read("to_device")?.to_host::<T>()?.into_owned();
                Tensor::filled_on(device, layout, &elements)?
            })
        };
        let own = self.device();
        Ok(out.record("ToCopyBackward0", [self], [] as [Save<'_>; 0], move |[], [_], g| {
            Ok([Some(g.try_to_device(own)?)])
        }))
    }

    /// The tensor itself if it is in host memory, else a copy in host memory; without history.
    pub(crate) fn on_host(&self) -> Result<Tensor> {
        if self.device().is_host() { Ok(self.clone()) } else { self.detach().try_to_device(Device::Cpu) }
    }

    /// Whether both handles refer to the same elements: the same memory through the same layout.
    pub(crate) fn same_elements(&self, other: &Tensor) -> bool {
        Arc::ptr_eq(&self.0.storage, &other.0.storage) && self.layout().same_elements(other.layout())
    }

    /// Adds `source` to the memory of this new tensor at `part`, which may address elements more than once.
    pub(crate) fn accumulate_strided(&self, part: &Layout, source: &Tensor) -> Result<()> {
        let mut out = self.0.storage.write("accumulate", part, self.dtype())?;
        let done = if part.is_non_overlapping() {
            // `self` is zero there.
            Some(self.backend().copy(&source.read("accumulate")?, &mut out))
        } else {
            self.backend().accumulate(&source.read("accumulate")?, &mut out)
        };
        drop(out);
        done.unwrap_or_else(|| composed::accumulate(self, part, source))
    }
}
