//! The tensor: a handle to shared memory, with a shape, a dtype and an autograd history.

#[cfg(feature = "ndarray")]
mod array;
mod convert;
mod create;
mod dims;
mod display;
mod dtype;
pub mod format;
mod layout;
mod operand;
mod sizes;
mod sparse;
#[allow(unsafe_code, reason = "owns the memory of tensors and provides guarded access to it")]
mod storage;

pub use create::{Steps, TensorOptions};
pub use dims::{Dims, IndexRange, Integer, ReduceDims, keepdim};
pub use dtype::{Category, DType, Element, Scalar, get_default_dtype, set_default_dtype, try_set_default_dtype};
pub use layout::Layout;
pub use operand::Operand;
pub use sizes::Sizes;
#[cfg(feature = "ndarray")]
pub use storage::{ArrayReadGuard, ArrayWriteGuard};
pub(crate) use storage::{ReadGuard, WriteGuard};

pub(crate) use dims::wrap_dim;
pub(crate) use dtype::{each, each_float, each_number, unsupported};
pub(crate) use layout::{broadcast, broadcast_dims};
pub(crate) use storage::Storage;
#[cfg(feature = "reference")]
pub(crate) use storage::{decode, encode};

use crate::Result;
use crate::autograd::{Edge, RareState};
use crate::backend::{Backend, Device};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Acquire};
use std::sync::{Arc, OnceLock};

/// An n-dimensional array (up to 8 dimensions) of one element type, with automatic differentiation.
///
/// A tensor is a handle: `clone` returns another handle to the same memory. Views (`t`, `narrow`, `view`, …) share memory
/// with their base, and in-place operations (`add_`, `fill_`, …) are visible through all of them. [`copy`](Tensor::copy) allocates
/// new memory.
///
/// ```
/// use rushlight::Tensor;
/// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
/// let y = (&x * 2.0 + 1.0).sum_dim(0);
/// assert_eq!(y.to_string(), "tensor([10., 14.])");
/// ```
#[derive(Clone)]
pub struct Tensor(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) storage: Arc<Storage>,
    pub(crate) layout: Layout,
    pub(crate) dtype: DType,
    /// The history at creation. `autograd::history` handles later changes.
    pub(crate) grad_fn: Edge,
    /// The tensor that this one is a view of, never itself a view.
    pub(crate) base: Option<Tensor>,
    /// Whether `ext` holds another history than `grad_fn`.
    pub(crate) changed: AtomicBool,
    /// The number of times that in-place operations changed the history.
    pub(crate) epoch: AtomicU32,
    /// For a view: the epoch of the base that its history corresponds to.
    pub(crate) seen: AtomicU32,
    pub(crate) ext: OnceLock<Box<RareState>>,
}

impl Inner {
    pub(crate) fn ext(&self) -> &RareState {
        self.ext.get_or_init(Default::default)
    }
}

impl Tensor {
    #[inline(always)]
    pub(crate) fn from_parts(
        storage: Arc<Storage>,
        layout: Layout,
        dtype: DType,
        base: Option<Tensor>,
        grad_fn: Edge,
    ) -> Tensor {
        let seen = base.as_ref().map_or(0, |base| base.0.epoch.load(Acquire));
        Tensor(Arc::new(Inner {
            storage,
            layout,
            dtype,
            grad_fn,
            base,
            changed: AtomicBool::new(false),
            epoch: AtomicU32::new(0),
            seen: AtomicU32::new(seen),
            ext: OnceLock::new(),
        }))
    }

    /// A tensor with newly allocated memory and unspecified contents, for an operation to fill. `layout` is dense and starts at 0.
    #[inline(always)]
    pub(crate) fn fresh(device: Device, layout: Layout, dtype: DType) -> Result<Tensor> {
        debug_assert!(layout.offset() == 0 && layout.is_dense());
        let storage = Arc::new(Storage::new(device, layout.numel(), dtype)?);
        Ok(Tensor::from_parts(storage, layout, dtype, None, None))
    }

    /// A new tensor on the device of this one.
    #[inline(always)]
    pub(crate) fn fresh_like(&self, layout: Layout, dtype: DType) -> Result<Tensor> {
        Tensor::fresh(self.device(), layout, dtype)
    }

    /// The same tensor with the given history. A tensor with one handle is modified; a shared one is replaced by a new handle.
    #[inline]
    pub(crate) fn with_grad_fn(mut self, edge: Edge) -> Tensor {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.grad_fn = edge;
            return self;
        }
        let inner = &self.0;
        Tensor::from_parts(inner.storage.clone(), inner.layout, inner.dtype, inner.base.clone(), edge)
    }

    /// A view of this tensor's memory, without its history.
    #[inline]
    pub(crate) fn view_raw(&self, layout: Layout) -> Tensor {
        let base = self.0.base.clone().unwrap_or_else(|| self.clone());
        Tensor::from_parts(self.0.storage.clone(), layout, self.0.dtype, Some(base), None)
    }

    /// A read guard for the elements.
    #[inline]
    pub(crate) fn read(&self, op: &'static str) -> Result<ReadGuard<'_>> {
        self.0.storage.read(op, &self.0.layout, self.0.dtype)
    }

    /// A write guard for the elements.
    #[inline]
    pub(crate) fn write(&self, op: &'static str) -> Result<WriteGuard<'_>> {
        self.0.storage.write(op, &self.0.layout, self.0.dtype)
    }

    /// [`write`](Tensor::write) for a tensor allocated in the same operation.
    #[inline]
    pub(crate) fn write_fresh(&self) -> WriteGuard<'_> {
        self.0.storage.write_fresh(&self.0.layout, self.0.dtype)
    }

    #[inline]
    pub(crate) fn backend(&self) -> &'static dyn Backend {
        self.device().backend()
    }

    #[inline]
    pub(crate) fn layout(&self) -> &Layout {
        &self.0.layout
    }

    /// Returns the sizes of the dimensions.
    #[inline]
    pub fn shape(&self) -> &[usize] {
        self.0.layout.dims()
    }

    /// Returns the stride of each dimension: the distance in memory from one index to the next, in elements.
    #[inline]
    pub fn stride(&self) -> &[isize] {
        self.0.layout.strides()
    }

    /// Returns the number of dimensions.
    #[inline]
    pub fn dim(&self) -> usize {
        self.0.layout.rank()
    }

    /// Returns the number of elements.
    #[inline]
    pub fn numel(&self) -> usize {
        self.0.layout.numel()
    }

    /// Returns the size of one dimension; a negative one counts from the end.
    ///
    /// # Panics
    /// If the dimension is out of range.
    #[track_caller]
    pub fn size(&self, dim: isize) -> usize {
        let dim = crate::error::ok(wrap_dim("size", dim, self.dim()));
        self.shape().get(dim).copied().unwrap_or(1)
    }

    /// Returns the dtype of the elements.
    #[inline]
    pub fn dtype(&self) -> DType {
        self.0.dtype
    }

    /// Returns the device that holds the memory.
    #[inline]
    pub fn device(&self) -> Device {
        self.0.storage.device
    }

    /// Returns whether the elements are stored in row-major order without gaps.
    #[inline]
    pub fn is_contiguous(&self) -> bool {
        self.0.layout.is_contiguous()
    }

    /// Returns whether both tensors are views of the same memory.
    pub fn shares_memory_with(&self, other: &Tensor) -> bool {
        Arc::ptr_eq(&self.0.storage, &other.0.storage)
    }

    /// Whether both tensors are the same elements of the same memory.
    pub(crate) fn is_same_view(&self, other: &Tensor) -> bool {
        self.shares_memory_with(other) && self.dtype() == other.dtype() && self.0.layout.same_elements(&other.0.layout)
    }

    /// Returns the bytes of memory that this tensor keeps alive, shared with its views.
    pub fn storage_bytes(&self) -> usize {
        let coo = self.0.storage.coo();
        coo.map_or(self.0.storage.bytes(), |coo| coo.indices.storage_bytes() + coo.values.storage_bytes())
    }

    /// Returns the number of times that the memory was changed in-place.
    pub fn version(&self) -> u32 {
        self.0.storage.version()
    }
}
