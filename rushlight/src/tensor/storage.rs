//! The memory of tensors, with guarded access and a version counter.
//!
//! Tensors are handles that share memory and can be sent to other threads, so safe code could otherwise read and write
//! the same memory concurrently. Each storage therefore counts its readers or marks its writer for the duration of an operation; a
//! conflicting access returns [`Error::Busy`]. A backend that holds a [`ReadGuard`] or [`WriteGuard`] may access exactly the elements
//! that the layout of the guard addresses. This file ensures that guards are sound.
//!
//! A storage is allocated by its device, or takes over the memory of an array (`storage/array.rs`). Both are shared in the same way; only the
//! former can grow. That of a sparse tensor has no elements, only the tensors that the sparse one consists of.

#[cfg(feature = "ndarray")]
mod array;

#[cfg(feature = "ndarray")]
pub use array::{ArrayReadGuard, ArrayWriteGuard};

#[cfg(feature = "reference")]
use super::each;
use super::sparse::Coo;
use super::{DType, Element, Layout, Scalar};
use crate::backend::Device;
use crate::{Error, Result};
use rushlight_kernels::for_each_dtype;
#[cfg(feature = "ndarray")]
use std::any::Any;
use std::borrow::Cow;
use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicUsize, Ordering::*};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Up to this many bytes are stored inline in the [`Storage`], which saves an allocation for small tensors.
const INLINE: usize = 64;

/// The mark of a writer in the count of users. Readers that are rejected add to it for a moment.
const WRITER: i32 = i32::MIN / 2;

/// The count of users of a sparse tensor: forever less than with a writer.
const SPARSE: i32 = i32::MIN;

#[repr(C, align(16))]
struct Inline(UnsafeCell<[u8; INLINE]>);

/// What frees the memory of a [`Storage`].
enum Owner {
    /// The device that allocated it.
    Device,
    /// An array, which is freed with the storage.
    #[cfg(feature = "ndarray")]
    Array(Box<dyn Any + Send + Sync>),
    /// A sparse tensor: no memory, but two tensors.
    Sparse(Box<Mutex<Coo>>),
}

/// A block of memory on a device, shared by all views of it.
pub(crate) struct Storage {
    inline: Inline,
    /// The block of a storage too large to be inline, else null. Only [`grow`](Storage::grow) changes it, as a writer.
    block: AtomicPtr<u8>,
    bytes: AtomicUsize,
    owner: Owner,
    /// The number of times that the contents were changed in-place.
    version: AtomicU32,
    /// The number of readers, or negative while there is a writer.
    users: AtomicI32,
    pub(crate) device: Device,
}

// SAFETY: the memory is accessed only through `ReadGuard` and `WriteGuard`, which are counted in `users`, the parts of a sparse tensor
// through a mutex.
unsafe impl Send for Storage {}
// SAFETY: as above.
unsafe impl Sync for Storage {}

impl Storage {
    /// Memory for `numel` elements. Its contents are unspecified (but valid for the type).
    #[inline]
    pub(crate) fn new(device: Device, numel: usize, dtype: DType) -> Result<Storage> {
        let bytes = numel * dtype.size();
        let host = device.is_host();
        let block = (bytes > INLINE || !host).then(|| device.backend().allocate(bytes)).transpose()?;
        if let (true, Some(block), DType::Bool) = (host, block, dtype) {
            // Recycled memory holds any bytes, a `bool` only 0 or 1.
            // SAFETY: the block has `bytes` bytes in host memory, and no other handle to it exists yet.
            unsafe { block.as_ptr().write_bytes(0, bytes) };
        }
        Ok(Storage::of_block(device, block.map_or(null_mut(), NonNull::as_ptr), bytes, Owner::Device))
    }

    #[inline]
    fn of_block(device: Device, block: *mut u8, bytes: usize, owner: Owner) -> Storage {
        Storage {
            inline: Inline(UnsafeCell::new([0; INLINE])),
            block: AtomicPtr::new(block),
            bytes: AtomicUsize::new(bytes),
            owner,
            version: AtomicU32::new(0),
            users: AtomicI32::new(0),
            device,
        }
    }

    /// The storage of a sparse tensor, which has no elements of its own.
    ///
    /// Its memory can only be reached through [`read`](Storage::read) and [`write`](Storage::write), which reject users for as long as the
    /// count is negative, as it always is here. So every operation that needs elements rejects sparse tensors without a test for them.
    pub(super) fn sparse(coo: Coo) -> Storage {
        let device = coo.values.device();
        let mut storage = Storage::of_block(device, null_mut(), 0, Owner::Sparse(Box::new(Mutex::new(coo))));
        *storage.users.get_mut() = SPARSE;
        storage
    }

    #[inline]
    pub(crate) fn is_sparse(&self) -> bool {
        matches!(self.owner, Owner::Sparse(_))
    }

    /// The parts of a sparse tensor.
    pub(super) fn coo(&self) -> Option<MutexGuard<'_, Coo>> {
        match &self.owner {
            Owner::Sparse(coo) => Some(coo.lock().unwrap_or_else(PoisonError::into_inner)),
            _ => None,
        }
    }

    /// The first byte of a storage in host memory. Storages live in an `Arc` and do not move.
    #[inline]
    fn start(&self) -> *mut u8 {
        assert!(self.device.is_host(), "expected a tensor in host memory, got one on {}", self.device);
        // Whoever uses the pointer is counted in `users`, which orders this access after those of `grow`.
        let block = self.block.load(Relaxed);
        if block.is_null() { self.inline.0.get().cast() } else { block }
    }

    #[inline]
    pub(crate) fn version(&self) -> u32 {
        self.version.load(Acquire)
    }

    #[inline]
    pub(crate) fn bump_version(&self) {
        self.version.fetch_add(1, AcqRel);
    }

    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    /// Whether the memory can [grow](Storage::grow): that of an array cannot.
    pub(crate) fn is_resizable(&self) -> bool {
        matches!(self.owner, Owner::Device)
    }

    /// Grows the memory to `bytes`, if it has fewer. The contents are kept, and new bytes are 0.
    ///
    /// # Panics
    /// If the memory is not resizable.
    pub(crate) fn grow(&self, op: &'static str, bytes: usize) -> Result<()> {
        assert!(self.is_resizable());
        let empty = Layout::contiguous(&[0]);
        // Nobody else reads or writes, or holds a pointer to the block, as long as this guard lives.
        let _alone = self.write(op, &empty, DType::U8)?;
        let old = self.bytes();
        if bytes <= old {
            return Ok(());
        }
        if bytes > INLINE || !self.device.is_host() {
            let (whole, kept) = (Layout::contiguous(&[bytes]), Layout::contiguous(&[old]));
            let larger = Storage::new(self.device, bytes, DType::U8)?;
            let backend = self.device.backend();
            backend.fill(Scalar::I64(0), &mut larger.write_fresh(&whole, DType::U8))?;
            let from = ReadGuard { storage: self, layout: &kept, dtype: DType::U8, counted: false };
            backend.copy(&from, &mut larger.write_fresh(&kept, DType::U8))?;
            // `larger` releases the old block.
            let block = self.block.swap(larger.block.load(Relaxed), Relaxed);
            larger.block.store(block, Relaxed);
            larger.bytes.store(old, Relaxed);
        }
        self.bytes.store(bytes, Relaxed);
        Ok(())
    }

    /// Panics when a layout reaches outside the storage: a bug in this crate, caught before it can access other memory.
    #[inline]
    fn check(&self, layout: &Layout, dtype: DType) {
        if layout.is_contiguous() {
            assert!((layout.offset() + layout.numel()) * dtype.size() <= self.bytes() || layout.numel() == 0);
        } else {
            self.check_strided(layout, dtype);
        }
    }

    #[cold]
    fn check_strided(&self, layout: &Layout, dtype: DType) {
        if layout.numel() > 0 {
            let (mut low, mut high) = (layout.offset() as isize, layout.offset() as isize);
            for (&size, &stride) in layout.dims().iter().zip(layout.strides()) {
                let reach = (size as isize - 1) * stride;
                *(if reach < 0 { &mut low } else { &mut high }) += reach;
            }
            assert!(
                low >= 0 && (high as usize + 1) * dtype.size() <= self.bytes(),
                "{layout:?} in {} bytes",
                self.bytes()
            );
        }
    }

    /// A read guard for the elements of `layout`.
    #[inline]
    pub(crate) fn read<'a>(&'a self, op: &'static str, layout: &'a Layout, dtype: DType) -> Result<ReadGuard<'a>> {
        let users = self.users.fetch_add(1, Acquire);
        if users < 0 {
            self.users.fetch_sub(1, Release);
            return Err(rejected(users, op));
        }
        let input = ReadGuard { storage: self, layout, dtype, counted: true };
        self.check(layout, dtype);
        Ok(input)
    }

    /// A write guard for the elements of `layout`.
    #[inline]
    pub(crate) fn write<'a>(&'a self, op: &'static str, layout: &'a Layout, dtype: DType) -> Result<WriteGuard<'a>> {
        if let Err(users) = self.users.compare_exchange(0, WRITER, Acquire, Relaxed) {
            return Err(rejected(users, op));
        }
        let output = WriteGuard { storage: self, layout, dtype, counted: true, not_send: PhantomData };
        self.check(layout, dtype);
        Ok(output)
    }

    /// [`write`](Storage::write) for memory allocated in the same operation, which has no other handle.
    #[inline]
    pub(crate) fn write_fresh<'a>(&'a self, layout: &'a Layout, dtype: DType) -> WriteGuard<'a> {
        debug_assert_eq!(self.users.load(Relaxed), 0);
        self.check(layout, dtype);
        WriteGuard { storage: self, layout, dtype, counted: false, not_send: PhantomData }
    }
}

/// Why access to the elements was rejected. Inline, because a call here would cost every operation registers.
#[inline(always)]
fn rejected(users: i32, op: &'static str) -> Error {
    if users < WRITER { Error::Sparse { op } } else { Error::Busy { op } }
}

impl Drop for Storage {
    #[inline]
    fn drop(&mut self) {
        // Memory of other owners is freed with them.
        if matches!(self.owner, Owner::Device)
            && let Some(block) = NonNull::new(*self.block.get_mut())
        {
            // SAFETY: the block came from this device with these bytes, and this was its only owner.
            unsafe { self.device.backend().release(block, *self.bytes.get_mut()) }
        }
    }
}

/// Shared read access to the elements that a layout addresses.
pub(crate) struct ReadGuard<'a> {
    storage: &'a Storage,
    layout: &'a Layout,
    dtype: DType,
    counted: bool,
}

impl<'a> ReadGuard<'a> {
    /// The layout of the elements.
    #[inline]
    pub(crate) fn layout(&self) -> &'a Layout {
        self.layout
    }

    /// The dtype of the elements.
    #[inline]
    pub(crate) fn dtype(&self) -> DType {
        self.dtype
    }

    /// The block allocated by a device other than the host.
    #[cfg(feature = "reference")]
    pub(crate) fn block(&self) -> NonNull<u8> {
        NonNull::new(self.storage.block.load(Relaxed)).expect("blocks of other devices are not inline")
    }

    /// The first element on the host. All elements that the layout addresses may be read while this guard lives.
    #[inline]
    pub(crate) fn ptr<T: Element>(&self) -> *const T {
        debug_assert_eq!(T::DTYPE, self.dtype);
        self.storage.start().cast::<T>().cast_const().wrapping_add(self.layout.offset())
    }

    /// [`ptr`](ReadGuard::ptr) as untyped bytes.
    #[inline]
    pub(crate) fn bytes(&self) -> *const u8 {
        self.storage.start().cast_const().wrapping_add(self.layout.offset() * self.dtype.size())
    }

    /// The elements on the host, in row-major order.
    ///
    /// # Panics
    /// If the device is not the host, the layout is not contiguous or the type is not `T`.
    #[inline]
    pub(crate) fn slice<T: Element>(&self) -> &[T] {
        assert!(self.layout.is_contiguous() && T::DTYPE == self.dtype);
        if self.layout.numel() == 0 {
            return &[];
        }
        // SAFETY: `Storage::check` found the elements inside the block, they are initialized, and nobody writes them while
        // this guard lives.
        unsafe { std::slice::from_raw_parts(self.ptr::<T>(), self.layout.numel()) }
    }

    /// The elements in row-major order, borrowed on the host, copied from another device.
    ///
    /// # Panics
    /// If the layout is not contiguous or the type is not `T`.
    pub(crate) fn to_host<T: Element>(&self) -> Result<Cow<'_, [T]>> {
        if self.storage.device.is_host() { Ok(Cow::Borrowed(self.slice())) } else { self.to_vec().map(Cow::Owned) }
    }

    /// A copy of the elements in row-major order.
    ///
    /// # Panics
    /// If the layout is not contiguous or the type is not `T`.
    pub(crate) fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        assert!(self.layout.is_contiguous() && T::DTYPE == self.dtype);
        if self.storage.device.is_host() {
            return Ok(self.slice().to_vec());
        }
        let mut elements = staged::<T>(self.layout.numel())?;
        // SAFETY: the bytes of the elements. Every bit pattern is valid for numbers, and the bytes of bools are normalized to 0 or 1
        // below.
        let bytes = unsafe {
            std::slice::from_raw_parts_mut(elements.as_mut_ptr().cast::<u8>(), size_of_val::<[T]>(&elements))
        };
        let done = self.storage.device.backend().download(self, bytes);
        if T::DTYPE == DType::Bool {
            bytes.iter_mut().for_each(|byte| *byte = (*byte != 0).into());
        }
        done.map(|()| elements)
    }
}

/// The bytes of elements.
fn bytes_of<T: Element>(elements: &[T]) -> &[u8] {
    // SAFETY: numbers and bools have no padding, and any byte may be read as such.
    unsafe { std::slice::from_raw_parts(elements.as_ptr().cast(), size_of_val(elements)) }
}

/// Decodes an element from bytes in native byte order.
///
/// # Panics
/// If the number of bytes is not the size of the dtype.
#[cfg(feature = "reference")]
pub(crate) fn decode(dtype: DType, bytes: &[u8]) -> Scalar {
    assert_eq!(bytes.len(), dtype.size());
    if dtype == DType::Bool {
        return Scalar::Bool(bytes[0] != 0);
    }
    // SAFETY: the length was checked, and every bit pattern is valid for a number.
    each!(dtype, T => unsafe { bytes.as_ptr().cast::<T>().read_unaligned() }.to_scalar())
}

/// Encodes an element as bytes in native byte order.
///
/// # Panics
/// If the number of bytes is not the size of the dtype.
#[cfg(feature = "reference")]
pub(crate) fn encode(dtype: DType, value: Scalar, bytes: &mut [u8]) {
    each!(dtype, T => bytes.copy_from_slice(bytes_of(&[T::from_scalar(value)])))
}

/// A staging buffer in host memory for transfers from or to a device.
fn staged<T: Element>(numel: usize) -> Result<Vec<T>> {
    let mut elements = Vec::new();
    elements.try_reserve_exact(numel).map_err(|_| Error::Memory { bytes: numel * size_of::<T>() })?;
    elements.resize(numel, T::default());
    Ok(elements)
}

impl Drop for ReadGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.counted {
            self.storage.users.fetch_sub(1, Release);
        }
    }
}

/// Exclusive write access to the elements that a layout addresses.
pub(crate) struct WriteGuard<'a> {
    storage: &'a Storage,
    layout: &'a Layout,
    dtype: DType,
    counted: bool,
    /// Guards stay on the thread of their operation.
    not_send: PhantomData<*mut u8>,
}

impl<'a> WriteGuard<'a> {
    /// The layout of the elements.
    #[inline]
    pub(crate) fn layout(&self) -> &'a Layout {
        self.layout
    }

    /// The dtype of the elements.
    #[inline]
    pub(crate) fn dtype(&self) -> DType {
        self.dtype
    }

    /// The block allocated by a device other than the host.
    #[cfg(feature = "reference")]
    pub(crate) fn block(&self) -> NonNull<u8> {
        NonNull::new(self.storage.block.load(Relaxed)).expect("blocks of other devices are not inline")
    }

    /// The first element on the host. All elements that the layout addresses may be read and written while this guard lives.
    #[inline]
    pub(crate) fn ptr<T: Element>(&self) -> *mut T {
        debug_assert_eq!(T::DTYPE, self.dtype);
        self.storage.start().cast::<T>().wrapping_add(self.layout.offset())
    }

    /// [`ptr`](WriteGuard::ptr) as untyped bytes.
    #[inline]
    pub(crate) fn bytes(&self) -> *mut u8 {
        self.storage.start().wrapping_add(self.layout.offset() * self.dtype.size())
    }

    /// The elements on the host, in row-major order.
    ///
    /// # Panics
    /// If the device is not the host, the layout is not contiguous or the type is not `T`.
    #[inline]
    pub(crate) fn slice<T: Element>(&mut self) -> &mut [T] {
        assert!(self.layout.is_contiguous() && T::DTYPE == self.dtype);
        if self.layout.numel() == 0 {
            return &mut [];
        }
        // SAFETY: `Storage::check` found the elements inside the block, they are initialized, and this is the only
        // guard on the storage.
        unsafe { std::slice::from_raw_parts_mut(self.ptr::<T>(), self.layout.numel()) }
    }

    /// Copies elements from host memory, in row-major order.
    ///
    /// # Panics
    /// If the layout is not contiguous, or the dtype or the number of elements does not match.
    pub(crate) fn upload<T: Element>(&mut self, elements: &[T]) -> Result<()> {
        assert!(self.layout.is_contiguous() && T::DTYPE == self.dtype && elements.len() == self.layout.numel());
        self.storage.device.backend().upload(bytes_of(elements), self)
    }

    /// Calls `write` to fill the elements in row-major order: in place on the host, else in a staging buffer that is then uploaded.
    ///
    /// # Panics
    /// If the layout is not contiguous or the type is not `T`.
    pub(crate) fn write_by<T: Element, E: From<Error>>(
        &mut self,
        write: impl FnOnce(&mut [T]) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.storage.device.is_host() {
            return write(self.slice());
        }
        let mut elements = staged(self.layout.numel())?;
        write(&mut elements)?;
        Ok(self.upload(&elements)?)
    }
}

impl Drop for WriteGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.counted {
            // Rejected readers increment and decrement the counter, so the mark of the writer is subtracted instead of storing 0.
            self.storage.users.fetch_add(-WRITER, Release);
        }
    }
}

impl ReadGuard<'_> {
    /// The bytes of contiguous elements in native byte order, borrowed on the host, copied from another device.
    ///
    /// # Panics
    /// If the layout is not contiguous.
    pub(crate) fn bytes_to_host(&self) -> Result<Cow<'_, [u8]>> {
        assert!(self.layout.is_contiguous());
        let size = self.dtype.size();
        if !self.storage.device.is_host() {
            let mut bytes = staged(self.layout.numel() * size)?;
            self.storage.device.backend().download(self, &mut bytes)?;
            return Ok(Cow::Owned(bytes));
        }
        let start = self.storage.start().cast_const().wrapping_add(self.layout.offset() * size);
        // SAFETY: `Storage::check` found the elements inside the block (a block without elements has a start, too); they are
        // initialized, no type has padding, and nobody writes them while this guard lives.
        Ok(Cow::Borrowed(unsafe { std::slice::from_raw_parts(start, self.layout.numel() * size) }))
    }
}

impl WriteGuard<'_> {
    /// Calls `write` to fill the bytes of contiguous elements in native byte order: in place on the host, else in a staging buffer that
    /// is then uploaded. Any bytes are valid; nonzero bytes of bools become 1.
    ///
    /// # Panics
    /// If the layout is not contiguous.
    pub(crate) fn write_bytes_by<E: From<Error>>(
        &mut self,
        write: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        assert!(self.layout.is_contiguous());
        let len = self.layout.numel() * self.dtype.size();
        let dtype = self.dtype;
        let write = |bytes: &mut [u8]| {
            let result = write(bytes);
            if dtype == DType::Bool {
                bytes.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
            }
            result
        };
        if !self.storage.device.is_host() {
            let mut bytes = staged(len)?;
            write(&mut bytes)?;
            return Ok(self.storage.device.backend().upload(&bytes, self)?);
        }
        // SAFETY: as in `ReadGuard::bytes_to_host`, and this is the only guard on the storage. A bool is made valid before anything
        // reads it.
        write(unsafe { std::slice::from_raw_parts_mut(self.bytes(), len) })
    }
}

/// The element at `$index` of a block of a dtype.
macro_rules! element {
    (($dtype:expr, $block:expr, $index:expr) $($category:ident {
        $($(#[$doc:meta])* $variant:ident: $stored:ty as $computed:ty, $name:literal, $safetensors:literal;)*
    })*) => {
        match $dtype {
            // SAFETY: the element is inside the block (checked below), is initialized and valid for its type, and nobody writes
            // it while this guard lives. Blocks are aligned for the type of their elements.
            $($(DType::$variant => unsafe { $block.cast::<$stored>().add($index).read() }.to_scalar(),)*)*
        }
    };
}

impl ReadGuard<'_> {
    /// The element of a storage in host memory that is `place` elements after the first.
    ///
    /// # Panics
    /// If the device is not the host, or the position is outside the storage.
    pub(crate) fn element(&self, place: isize) -> super::Scalar {
        let index = self.layout.offset().checked_add_signed(place).expect("inside the storage");
        assert!((index + 1) * self.dtype.size() <= self.storage.bytes());
        let block = self.storage.start();
        for_each_dtype!(element(self.dtype, block, index))
    }
}
