//! Images in the layout that the kernels read: with zero padding, and with the columns that a stride visits contiguous.
//!
//! With stride `s`, tap `u` of output `o` reads padded element `o * s + u`. Sorted by residue modulo `s`, this is
//! element `o + u / s` of phase `u % s`: a plain shift. Rows are stored one after the other; where one ends in zeros
//! and the next begins with zeros they share them. So several rows of outputs, treated as one long row, read one long
//! row of the source; the few columns in between are computed and discarded.

use super::{ConvShape, Shared, tasks, volume};
use crate::gemm::KernelElement;
use crate::gemm::kernel::copy;
use crate::gemm::scratch::with_scratch;
use crate::gemm::vector::{Vector, VectorKernel, dispatch};
use crate::isa::Isa;
use std::ops::Range;

/// One dimension of a source.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// Size of the image.
    input: usize,
    /// Image coordinate of the first element of phase 0.
    origin: isize,
    stride: usize,
    /// The required residues, in ascending order.
    phases: Vec<usize>,
    /// Elements per phase.
    len: usize,
    /// Largest shift of a tap.
    reach: usize,
}

impl Axis {
    /// For `positions` outputs, read by taps at offsets `taps` from `origin`.
    pub(super) fn new(
        input: usize,
        origin: isize,
        stride: usize,
        positions: usize,
        taps: impl Iterator<Item = usize> + Clone,
    ) -> Self {
        let mut phases: Vec<usize> = taps.clone().map(|u| u % stride).collect();
        phases.sort_unstable();
        phases.dedup();
        let reach = taps.map(|u| u / stride).max().unwrap_or(0);
        Self { input, origin, stride, phases, len: positions + reach, reach }
    }

    /// Image elements between adjacent positions.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// Image coordinate of what the first position reads with a tap at 0.
    pub(super) fn origin(&self) -> isize {
        self.origin
    }

    /// The elements of phase `f` that are inside the image: the first, one past the last, and the image coordinate of
    /// the first.
    fn inside(&self, f: usize) -> (usize, usize, usize) {
        let start = self.origin + self.phases[f] as isize;
        let stride = self.stride as isize;
        // The number of elements below coordinate `x`.
        let below = |x: isize| (x - start + stride - 1).div_euclid(stride).clamp(0, self.len as isize) as usize;
        let lo = below(0);
        let hi = below(self.input as isize).max(lo);
        (lo, hi, (start + lo as isize * stride).max(0) as usize)
    }

    /// Zeros that a row may share with the next.
    fn shared(&self) -> usize {
        let both = |f| {
            let (lo, hi, _) = self.inside(f);
            lo.min(self.len - hi)
        };
        (0..self.phases.len()).map(both).min().unwrap_or(0).min(self.reach)
    }

    /// Phase index and shift of the tap at `u`.
    fn locate(&self, u: usize) -> (usize, usize) {
        (self.phases.partition_point(|&r| r < u % self.stride), u / self.stride)
    }

    /// Whether the image itself can be read.
    fn plain(&self) -> bool {
        self.stride == 1 && self.origin == 0 && self.len <= self.input
    }
}

/// Prepared images: element `(channel, phase, image, depth, row, column)` is located with these strides.
#[derive(Clone, Copy)]
pub(super) struct Source<T> {
    pub ptr: *const T,
    /// The first prepared image.
    pub first: usize,
    /// The number of prepared images.
    pub images: usize,
    pub channel: isize,
    pub phase: isize,
    pub image: isize,
    pub plane: isize,
    pub row: isize,
}

// SAFETY: only read, and the elements are `Sync`.
unsafe impl<T: Sync> Sync for Source<T> {}

/// The axes of a source, and its number of channels.
#[derive(Clone)]
pub(super) struct Layout {
    pub axes: [Axis; 3],
    pub channels: usize,
    /// Images are contiguous.
    pub merged: bool,
}

impl Layout {
    /// What the forward pass of `s` reads.
    pub(super) fn input(s: &ConvShape) -> Self {
        let out = s.output();
        let axes = std::array::from_fn(|i| {
            let taps = (0..s.kernel[i]).map(|t| t * s.dilation[i]);
            Axis::new(s.input[i], -(s.padding[i] as isize), s.stride[i], out[i], taps)
        });
        Self { axes, channels: s.in_channels, merged: false }
    }

    /// The strides of `images` prepared images; those of `x`, if it can be read directly.
    pub(super) fn strides<T>(&self, x: *const T, images: usize) -> Source<T> {
        let [d, h, w] = &self.axes;
        if self.plain() {
            let (row, plane, image) = (w.input, h.input * w.input, d.input * h.input * w.input);
            let [row, plane, channel] = [row, plane, image].map(|x| x as isize);
            let image = channel * self.channels as isize;
            return Source { ptr: x, first: 0, images, channel, phase: 0, image, plane, row };
        }
        let shared = w.shared();
        let row = w.len - shared;
        let plane = h.len * row;
        let image = d.len * plane + shared;
        let image = if self.merged { image } else { image.next_multiple_of(16) };
        let phase = image * images;
        let channel = phase * self.phases();
        let [row, plane, image, phase, channel] = [row, plane, image, phase, channel].map(|x| x as isize);
        Source { ptr: std::ptr::null(), first: 0, images, channel, phase, image, plane, row }
    }

    pub(super) fn phases(&self) -> usize {
        self.axes.iter().map(|a| a.phases.len()).product()
    }

    /// Elements per channel of an image before it is prepared.
    pub(super) fn volume(&self) -> usize {
        volume([0, 1, 2].map(|i| self.axes[i].input))
    }

    /// Whether images can be read directly.
    pub(super) fn plain(&self) -> bool {
        !self.merged && self.axes.iter().all(Axis::plain)
    }

    /// Offset of the tap at these elements relative to the output position, for the first channel.
    pub(super) fn offset<T>(&self, source: &Source<T>, taps: [usize; 3]) -> isize {
        let [(fd, d), (fh, h), (fw, w)] = [0, 1, 2].map(|i| self.axes[i].locate(taps[i]));
        let f = (fd * self.axes[1].phases.len() + fh) * self.axes[2].phases.len() + fw;
        f as isize * source.phase + d as isize * source.plane + h as isize * source.row + w as isize
    }

    /// Bytes of a prepared image.
    pub(super) fn bytes<T>(&self) -> usize {
        if self.plain() {
            0
        } else {
            self.strides::<T>(std::ptr::null(), 1).channel as usize * self.channels * size_of::<T>()
        }
    }

    /// Calls `f` with some images and channels of `x`, prepared.
    pub(super) fn prepare<T: KernelElement>(
        &self,
        isa: Isa,
        x: &[T],
        images: Range<usize>,
        channels: Range<usize>,
        f: impl FnOnce(&Source<T>),
    ) {
        let Range { start: first, .. } = images;
        let images = images.len();
        if self.plain() {
            let source = self.strides(x.as_ptr(), images);
            let ptr = source.ptr.wrapping_offset(first as isize * source.image);
            return f(&Source { ptr, first, ..source });
        }
        let strides = self.strides::<T>(std::ptr::null(), images);
        let channel = strides.channel as usize;
        with_scratch(channel * channels.len(), |scratch: *mut T| {
            let ptr = scratch.wrapping_sub(channels.start * channel);
            let source = Source { ptr: ptr.cast_const(), first, ..strides };
            let to = Shared(ptr);
            let volume = self.volume();
            // A few planes per task. Moving an element costs about as much as ten multiply-adds.
            let planes = channels.len() * images;
            let chunk = (40_000 / (source.image as usize * self.phases()).max(1)).clamp(1, planes.max(1));
            tasks(planes.div_ceil(chunk), 10 * channel * channels.len(), |t| {
                for plane in t * chunk..planes.min((t + 1) * chunk) {
                    let (c, n) = (channels.start + plane / images, plane % images);
                    let from = &x[((first + n) * self.channels + c) * volume..][..volume];
                    let to = to.get().wrapping_offset(c as isize * source.channel + n as isize * source.image);
                    // SAFETY: this block belongs to the channel and image, in scratch memory of the size computed
                    // above.
                    unsafe { self.fill(isa, &source, from, to) };
                }
            });
            f(&source);
        });
    }

    /// Prepares one channel of one image.
    ///
    /// # Safety
    /// `to` has room for all its phases, as described by `source`.
    pub(super) unsafe fn fill<T: KernelElement>(&self, isa: Isa, source: &Source<T>, from: &[T], to: *mut T) {
        // SAFETY: guaranteed by the caller.
        unsafe { dispatch(isa, Fill { layout: self, source, from, to }) }
    }
}

/// Prepares one channel of one image.
struct Fill<'a, T> {
    layout: &'a Layout,
    source: &'a Source<T>,
    from: &'a [T],
    to: *mut T,
}

impl<T: KernelElement> VectorKernel for Fill<'_, T> {
    type Elem = T;

    #[inline(always)]
    unsafe fn run<V: Vector<Elem = T>>(self) {
        let Self { layout, source, from, to } = self;
        let [d, h, w] = &layout.axes;
        let row = source.row as usize;
        let mut phase = to;
        for fd in 0..d.phases.len() {
            for fh in 0..h.phases.len() {
                for fw in 0..w.phases.len() {
                    let (d_lo, d_hi, d_at) = d.inside(fd);
                    let (h_lo, h_hi, h_at) = h.inside(fh);
                    let (lo, hi, at) = w.inside(fw);
                    let mut end = 0;
                    for i in d_lo..d_hi {
                        for j in h_lo..h_hi {
                            if lo == hi {
                                continue;
                            }
                            let start = (i * h.len + j) * row;
                            let y = d_at + (i - d_lo) * d.stride;
                            let z = h_at + (j - h_lo) * h.stride;
                            let from = &from[(y * h.input + z) * w.input + at..];
                            // SAFETY: the block has `image` elements per phase, row after row.
                            unsafe {
                                zero::<V>(phase.add(end), start + lo - end);
                                copy_every::<V>(from, w.stride, phase.add(start + lo), hi - lo);
                            }
                            end = start + hi;
                        }
                    }
                    // SAFETY: as above.
                    unsafe { zero::<V>(phase.add(end), source.image as usize - end) };
                    phase = phase.wrapping_offset(source.phase);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn zero<V: Vector>(to: *mut V::Elem, len: usize) {
    let mut i = 0;
    // SAFETY: the caller guarantees `len` elements.
    unsafe {
        let zero = V::splat(V::Elem::ZERO);
        while i < len {
            zero.store_masked(to.add(i), V::mask(V::LANES.min(len - i)));
            i += V::LANES;
        }
    }
}

/// Copies every `step`th element of `from`.
#[inline(always)]
unsafe fn copy_every<V: Vector>(from: &[V::Elem], step: usize, to: *mut V::Elem, len: usize) {
    assert!(from.len() > (len - 1) * step);
    // SAFETY: the source was checked, and the caller guarantees `len` elements at `to`.
    unsafe {
        let from = from.as_ptr();
        match step {
            1 => copy::<V>(from, to, len),
            // With a constant step the compiler moves whole vectors and shuffles their elements.
            2 => {
                for i in 0..len {
                    *to.add(i) = *from.add(2 * i);
                }
            }
            _ => {
                for i in 0..len {
                    *to.add(i) = *from.add(i * step);
                }
            }
        }
    }
}
