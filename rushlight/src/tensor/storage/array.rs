//! Memory shared with arrays of the crate `ndarray`: a storage over an array's memory, and array views over a storage's.

use super::{Element, Layout, Owner, ReadGuard, Storage, WriteGuard};
use crate::backend::Device;
use ndarray::{ArrayD, ArrayRef, ArrayViewD, ArrayViewMutD, IxDyn, ShapeBuilder, StrideShape};
use std::fmt;
use std::ops::{Deref, DerefMut};

impl Storage {
    /// The memory of an array, from its first element to its last, which is freed as the array frees it.
    ///
    /// # Panics
    /// If a stride is negative, since elements then precede the first one.
    pub(crate) fn of_array<T: Element>(mut array: ArrayD<T>) -> Storage {
        assert!(array.strides().iter().all(|&stride| stride >= 0));
        let span = Layout::strided(array.shape(), array.strides(), 0).storage_span();
        let start: *mut T = array.as_mut_ptr();
        // The elements stay where they are when the array moves, and the array itself is not used again before `take_array` returns it.
        Storage::of_block(Device::Cpu, start.cast(), span * size_of::<T>(), Owner::Array(Box::new(array)))
    }

    /// Takes the array whose memory this is, which leaves none. `None` if it is not that of an array of this type.
    pub(crate) fn take_array<T: Element>(&mut self) -> Option<ArrayD<T>> {
        match std::mem::replace(&mut self.owner, Owner::Device) {
            Owner::Array(array) if array.is::<ArrayD<T>>() => {
                // Nothing is left to access or to release.
                (*self.block.get_mut(), *self.bytes.get_mut()) = (std::ptr::null_mut(), 0);
                array.downcast().ok().map(|array| *array)
            }
            owner => {
                self.owner = owner;
                None
            }
        }
    }
}

impl<'a> ReadGuard<'a> {
    /// The elements on the host as an array, which may be read as long as the result lives.
    ///
    /// # Panics
    /// If the device is not the host, or the type is not `T`.
    pub(crate) fn into_array<T: Element>(self) -> ArrayReadGuard<'a, T> {
        assert_eq!(T::DTYPE, self.dtype);
        let shape = strided(self.layout.dims(), self.layout.strides());
        // SAFETY: `Storage::check` found the elements inside the block, which is aligned for their type; they are initialized, and nobody
        // writes them while the guard lives, which the result keeps. It gives the view out only for shorter lifetimes.
        let view = unsafe { ArrayViewD::from_shape_ptr(shape, self.ptr::<T>()) };
        ArrayReadGuard { view, _guard: self }
    }
}

/// The shape of an array view.
///
/// # Panics
/// If a stride is negative, which views cannot be made of.
fn strided(dims: &[usize], strides: &[isize]) -> StrideShape<IxDyn> {
    let strides: Vec<usize> =
        strides.iter().map(|&stride| usize::try_from(stride).expect("no tensor has negative strides")).collect();
    IxDyn(dims).strides(IxDyn(&strides))
}

impl<'a> WriteGuard<'a> {
    /// The elements on the host as an array, which may be read and written as long as the result lives.
    ///
    /// # Panics
    /// If the device is not the host, the type is not `T`, or elements share memory.
    pub(crate) fn into_array<T: Element>(self) -> ArrayWriteGuard<'a, T> {
        assert!(T::DTYPE == self.dtype && self.layout.is_non_overlapping());
        let shape = strided(self.layout.dims(), self.layout.strides());
        // SAFETY: as in `ReadGuard::into_array`. No two indices address the same element, and this is the only guard on the storage.
        let view = unsafe { ArrayViewMutD::from_shape_ptr(shape, self.ptr::<T>()) };
        ArrayWriteGuard { view, guard: self }
    }
}

/// Shared read access to a tensor's elements as an array of the crate `ndarray`, returned by [`Tensor::array`](crate::Tensor::array). It
/// dereferences to [`ndarray::ArrayRef`], which has the methods of arrays.
///
/// While it lives, the tensor can be read, but operations that write it return [`Error::Busy`](crate::Error::Busy).
pub struct ArrayReadGuard<'a, T> {
    view: ArrayViewD<'a, T>,
    _guard: ReadGuard<'a>,
}

/// Exclusive access to a tensor's elements as an array of the crate `ndarray`, returned by
/// [`Tensor::array_mut`](crate::Tensor::array_mut). It dereferences to [`ndarray::ArrayRef`], which has the methods of arrays.
///
/// While it lives, operations on the tensor return [`Error::Busy`](crate::Error::Busy). When it is dropped, the tensor's
/// [`version`](crate::Tensor::version) rises as after an in-place operation.
pub struct ArrayWriteGuard<'a, T> {
    view: ArrayViewMutD<'a, T>,
    guard: WriteGuard<'a>,
}

impl<T> Drop for ArrayWriteGuard<'_, T> {
    fn drop(&mut self) {
        self.guard.storage.bump_version();
    }
}

impl<T> Deref for ArrayReadGuard<'_, T> {
    type Target = ArrayRef<T, IxDyn>;

    fn deref(&self) -> &ArrayRef<T, IxDyn> {
        &self.view
    }
}

impl<T> Deref for ArrayWriteGuard<'_, T> {
    type Target = ArrayRef<T, IxDyn>;

    fn deref(&self) -> &ArrayRef<T, IxDyn> {
        &self.view
    }
}

impl<T> DerefMut for ArrayWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut ArrayRef<T, IxDyn> {
        &mut self.view
    }
}

macro_rules! formatted {
    ($($guard:ident as $format:ident),*) => {$(
        impl<T: fmt::$format> fmt::$format for $guard<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::$format::fmt(&self.view, f)
            }
        }
    )*};
}
formatted!(ArrayReadGuard as Debug, ArrayReadGuard as Display, ArrayWriteGuard as Debug, ArrayWriteGuard as Display);
