//! Images with a few channels as the lanes of a register: `[row][column][lane]`.

use crate::gemm::KernelElement;
use crate::gemm::pack::pack;
use crate::gemm::scratch::with_scratch;
use crate::isa::Isa;
use std::ops::Range;

/// Planes of adjacent channels of one image, one per lane.
#[derive(Clone, Copy)]
pub(super) struct Planes<'a, T> {
    /// The elements, starting with the first plane.
    pub x: &'a [T],
    /// Number of planes, at most `lanes`.
    pub channels: usize,
    pub lanes: usize,
    /// Height and width of a plane.
    pub size: [usize; 2],
}

impl<T: KernelElement> Planes<'_, T> {
    /// Copies rows to `to`, which has `width` columns, the first of which is column `origin` of the plane, with zeros
    /// outside the plane. Row indices are relative to the plane's first row and may lie outside of it.
    ///
    /// # Safety
    /// `to` has room for these rows.
    pub(super) unsafe fn gather(&self, isa: Isa, rows: Range<isize>, origin: isize, width: usize, to: *mut T) {
        let &Self { channels, lanes, size: [h, w], .. } = self;
        // The columns that are inside the plane, and where they begin in `to`.
        let left = (-origin).clamp(0, width as isize) as usize;
        let first = origin.clamp(0, w as isize) as usize;
        let inside = (w - first).min(width - left);
        let valid = rows.start.clamp(0, h as isize)..rows.end.clamp(0, h as isize);
        let row = |y: isize| to.wrapping_add((y - rows.start) as usize * width * lanes);
        // SAFETY: guaranteed by the caller; planes are read only where they have elements.
        unsafe {
            if channels < lanes {
                zero(to, rows.clone().count() * width * lanes);
            } else {
                zero(to, ((valid.start.min(rows.end) - rows.start).max(0) as usize * width + left) * lanes);
            }
            if valid.is_empty() {
                return zero(to, rows.count() * width * lanes);
            }
            let planes = self.x[valid.start as usize * w..].as_ptr();
            let count = valid.clone().count();
            // Between the last column of a row and the first of the next.
            let gap = width - left - inside + left;
            if inside == w && width == w {
                pack(isa, planes, 1, (h * w) as isize, count * w, channels, row(valid.start), lanes);
            } else if inside == w && !w.is_multiple_of(16) {
                // As many rows at once as fill whole blocks of the transposition; they are separated afterwards.
                let most = (16 >> w.trailing_zeros()).min(count);
                with_scratch(most * w * lanes, |all: *mut T| {
                    for first in (0..count).step_by(most) {
                        let rows = most.min(count - first);
                        pack(isa, planes.add(first * w), 1, (h * w) as isize, rows * w, channels, all, lanes);
                        for i in 0..rows {
                            let y = valid.start + (first + i) as isize;
                            let to = row(y).add(left * lanes);
                            to.copy_from_nonoverlapping(all.add(i * w * lanes), w * lanes);
                            zero(to.add(w * lanes), if y + 1 < valid.end { gap * lanes } else { 0 });
                        }
                    }
                });
            } else {
                for (i, y) in valid.clone().enumerate() {
                    let to = row(y).add(left * lanes);
                    let from = planes.add(i * w + first);
                    pack(isa, from, 1, (h * w) as isize, inside, channels, to, lanes);
                    zero(to.add(inside * lanes), if y + 1 < valid.end { gap * lanes } else { 0 });
                }
            }
            let end = row(valid.end - 1).add((left + inside) * lanes);
            zero(end, row(rows.end).offset_from(end) as usize);
        }
    }
}

#[inline]
unsafe fn zero<T>(to: *mut T, len: usize) {
    // SAFETY: the caller guarantees `len` elements of a numeric type, whose zero is all zero bits.
    unsafe { to.write_bytes(0, len) }
}

/// Copies `[position][lane]` to planes, `plane` elements apart, for the first `channels` lanes.
///
/// # Safety
/// Both sides have that many elements.
pub(super) unsafe fn scatter<T: KernelElement>(
    isa: Isa,
    from: *const T,
    lanes: usize,
    positions: usize,
    channels: usize,
    to: *mut T,
    plane: usize,
) {
    // SAFETY: guaranteed by the caller.
    unsafe { pack(isa, from, 1, lanes as isize, channels, positions, to, plane) }
}
