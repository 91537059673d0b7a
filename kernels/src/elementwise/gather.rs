//! Moves elements between strided operands and contiguous buffers; types are represented by their size in bytes.

use std::mem::MaybeUninit;

/// Copies `n` elements `step` bytes apart into a buffer.
///
/// # Safety
/// All elements must be valid on both sides.
pub(super) unsafe fn gather(from: *const u8, step: isize, to: *mut u8, size: usize, n: usize) {
    unsafe fn typed<T: Copy>(from: *const u8, step: isize, to: *mut u8, n: usize) {
        let to = to.cast::<T>();
        // SAFETY: guaranteed by the caller.
        unsafe {
            if step == 0 {
                std::slice::from_raw_parts_mut(to.cast::<MaybeUninit<T>>(), n)
                    .fill(MaybeUninit::new(from.cast::<T>().read()));
            } else {
                for i in 0..n {
                    *to.add(i) = from.offset(i as isize * step).cast::<T>().read();
                }
            }
        }
    }
    // SAFETY: guaranteed by the caller.
    unsafe {
        match size {
            _ if step == size as isize => std::ptr::copy_nonoverlapping(from, to, n * size),
            1 => typed::<u8>(from, step, to, n),
            2 => typed::<u16>(from, step, to, n),
            4 => typed::<u32>(from, step, to, n),
            _ => typed::<u64>(from, step, to, n),
        }
    }
}

/// Copies a tile of `rows` by `columns` elements into the rows of a buffer that are `PITCH` elements apart, iterating
/// along the smaller step innermost.
///
/// # Safety
/// All elements must be valid on both sides.
pub(super) unsafe fn gather_tile<const PITCH: usize>(
    from: *const u8,
    steps: [isize; 2],
    [rows, columns]: [usize; 2],
    size: usize,
    to: *mut u8,
) {
    unsafe fn typed<T: Copy, const PITCH: usize>(
        from: *const u8,
        steps: [isize; 2],
        rows: usize,
        columns: usize,
        to: *mut u8,
    ) {
        let to = to.cast::<T>();
        for c in 0..columns {
            let column = from.wrapping_offset(c as isize * steps[1]);
            for r in 0..rows {
                // SAFETY: guaranteed by the caller.
                unsafe { *to.add(r * PITCH + c) = column.offset(r as isize * steps[0]).cast::<T>().read() };
            }
        }
    }
    // SAFETY: guaranteed by the caller.
    unsafe {
        if steps[1].abs() <= steps[0].abs() {
            for r in 0..rows {
                let row = from.wrapping_offset(r as isize * steps[0]);
                gather(row, steps[1], to.add(r * PITCH * size), size, columns);
            }
            return;
        }
        match size {
            1 => typed::<u8, PITCH>(from, steps, rows, columns, to),
            2 => typed::<u16, PITCH>(from, steps, rows, columns, to),
            4 => typed::<u32, PITCH>(from, steps, rows, columns, to),
            _ => typed::<u64, PITCH>(from, steps, rows, columns, to),
        }
    }
}

/// Copies `n` elements of a buffer to addresses `step` bytes apart.
///
/// # Safety
/// All elements must be valid on both sides.
pub(super) unsafe fn scatter(from: *const u8, to: *mut u8, step: isize, size: usize, n: usize) {
    unsafe fn typed<T: Copy>(from: *const u8, to: *mut u8, step: isize, n: usize) {
        let from = from.cast::<T>();
        for i in 0..n {
            // SAFETY: guaranteed by the caller.
            unsafe { to.offset(i as isize * step).cast::<T>().write(*from.add(i)) };
        }
    }
    // SAFETY: guaranteed by the caller.
    unsafe {
        match size {
            _ if step == size as isize => std::ptr::copy_nonoverlapping(from, to, n * size),
            1 => typed::<u8>(from, to, step, n),
            2 => typed::<u16>(from, to, step, n),
            4 => typed::<u32>(from, to, step, n),
            _ => typed::<u64>(from, to, step, n),
        }
    }
}
