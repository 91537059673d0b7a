//! The loops that all operations share, over contiguous elements. In every loop, an element's result depends on that
//! element alone.
//!
//! [`map`], [`map2`] and [`map3`] are plain loops for arithmetic of a few instructions. The compiler vectorizes a loop
//! only if its operands do not overlap, so an in-place operation goes through a small buffer.
//!
//! [`steps`] and [`steps2`] are for long functions. They process `L` elements at a time in local arrays, the last ones
//! padded, so that there is one copy of the function and no scalar remainder loop.
//!
//! [`each`] and [`each2`] are for functions that cannot be vectorized.

use std::mem::MaybeUninit;
use std::ptr::copy_nonoverlapping;

/// Elements that an in-place operation buffers at a time.
const STAGE: usize = 256;

/// `out[i] = f(x[i])`.
///
/// # Safety
/// `x` and `out` must be valid for `n` elements, and equal or disjoint.
#[inline(always)]
pub(super) unsafe fn map<T, U>(x: *const T, out: *mut U, n: usize, f: impl Fn(T) -> U)
where
    T: Copy,
    U: Copy,
{
    let in_place = x.cast() == out;
    let stage = if in_place { STAGE } else { n.max(1) };
    let mut buffer = MaybeUninit::<[U; STAGE]>::uninit();
    for start in (0..n).step_by(stage) {
        let m = stage.min(n - start);
        // SAFETY: `start + m <= n`, and `m <= STAGE` where the buffer is used.
        unsafe {
            let to = if in_place { buffer.as_mut_ptr().cast() } else { out.add(start) };
            let x = x.add(start);
            for i in 0..m {
                to.add(i).write(f(*x.add(i)));
            }
            if in_place {
                copy_nonoverlapping(to, out.add(start), m);
            }
        }
    }
}

/// `out[i] = f(a[i], b[i])`.
///
/// # Safety
/// As for [`map`], with both inputs.
#[inline(always)]
pub(super) unsafe fn map2<T, U>(a: *const T, b: *const T, out: *mut U, n: usize, f: impl Fn(T, T) -> U)
where
    T: Copy,
    U: Copy,
{
    let in_place = a.cast() == out || b.cast() == out;
    let stage = if in_place { STAGE } else { n.max(1) };
    let mut buffer = MaybeUninit::<[U; STAGE]>::uninit();
    for start in (0..n).step_by(stage) {
        let m = stage.min(n - start);
        // SAFETY: `start + m <= n`, and `m <= STAGE` where the buffer is used.
        unsafe {
            let to = if in_place { buffer.as_mut_ptr().cast() } else { out.add(start) };
            let (a, b) = (a.add(start), b.add(start));
            for i in 0..m {
                to.add(i).write(f(*a.add(i), *b.add(i)));
            }
            if in_place {
                copy_nonoverlapping(to, out.add(start), m);
            }
        }
    }
}

/// `out[i] = f(c[i], a[i], b[i])`.
///
/// # Safety
/// As for [`map`], with the three inputs.
#[inline(always)]
pub(super) unsafe fn map3<C, T>(c: *const C, a: *const T, b: *const T, out: *mut T, n: usize, f: impl Fn(C, T, T) -> T)
where
    C: Copy,
    T: Copy,
{
    let in_place = c.cast() == out || a.cast() == out || b.cast() == out;
    let stage = if in_place { STAGE } else { n.max(1) };
    let mut buffer = MaybeUninit::<[T; STAGE]>::uninit();
    for start in (0..n).step_by(stage) {
        let m = stage.min(n - start);
        // SAFETY: `start + m <= n`, and `m <= STAGE` where the buffer is used.
        unsafe {
            let to = if in_place { buffer.as_mut_ptr().cast() } else { out.add(start) };
            let (c, a, b) = (c.add(start), a.add(start), b.add(start));
            for i in 0..m {
                to.add(i).write(f(*c.add(i), *a.add(i), *b.add(i)));
            }
            if in_place {
                copy_nonoverlapping(to, out.add(start), m);
            }
        }
    }
}

/// `out[i] = f(x[i])`, for long functions.
///
/// # Safety
/// As for [`map`].
#[inline(always)]
pub(super) unsafe fn steps<T, const L: usize>(x: *const T, out: *mut T, n: usize, f: impl Fn(T) -> T)
where
    T: Copy + Default,
{
    let (whole, rest) = (n / L * L, n % L);
    let mut padded = [[T::default(); L]; 2];
    // SAFETY: the first `whole` elements of the operands; the remaining `rest` elements are one step in the padded
    // arrays.
    unsafe {
        let (mut x_at, mut out_at, mut end) = (x, out, out.add(whole));
        loop {
            while out_at < end {
                let x_step = x_at.cast::<[T; L]>().read_unaligned();
                let mut y = [T::default(); L];
                for j in 0..L {
                    y[j] = f(x_step[j]);
                }
                out_at.cast::<[T; L]>().write_unaligned(y);
                (x_at, out_at) = (x_at.add(L), out_at.add(L));
            }
            if end != out.add(whole) {
                break;
            }
            if rest == 0 {
                return;
            }
            copy_nonoverlapping(x.add(whole), padded[0].as_mut_ptr(), rest);
            x_at = padded[0].as_ptr();
            out_at = padded[1].as_mut_ptr();
            end = out_at.add(L);
        }
        copy_nonoverlapping(padded[1].as_ptr(), out.add(whole), rest);
    }
}

/// `out[i] = f(a[i], b[i])`, for long functions.
///
/// # Safety
/// As for [`map2`].
#[inline(always)]
pub(super) unsafe fn steps2<T, const L: usize>(a: *const T, b: *const T, out: *mut T, n: usize, f: impl Fn(T, T) -> T)
where
    T: Copy + Default,
{
    let (whole, rest) = (n / L * L, n % L);
    let mut padded = [[T::default(); L]; 3];
    // SAFETY: the first `whole` elements of the operands; the remaining `rest` elements are one step in the padded
    // arrays.
    unsafe {
        let (mut a_at, mut b_at, mut out_at, mut end) = (a, b, out, out.add(whole));
        loop {
            while out_at < end {
                let (a_step, b_step) = (a_at.cast::<[T; L]>().read_unaligned(), b_at.cast::<[T; L]>().read_unaligned());
                let mut y = [T::default(); L];
                for j in 0..L {
                    y[j] = f(a_step[j], b_step[j]);
                }
                out_at.cast::<[T; L]>().write_unaligned(y);
                (a_at, b_at, out_at) = (a_at.add(L), b_at.add(L), out_at.add(L));
            }
            if end != out.add(whole) {
                break;
            }
            if rest == 0 {
                return;
            }
            copy_nonoverlapping(a.add(whole), padded[0].as_mut_ptr(), rest);
            copy_nonoverlapping(b.add(whole), padded[1].as_mut_ptr(), rest);
            (a_at, b_at) = (padded[0].as_ptr(), padded[1].as_ptr());
            out_at = padded[2].as_mut_ptr();
            end = out_at.add(L);
        }
        copy_nonoverlapping(padded[2].as_ptr(), out.add(whole), rest);
    }
}

/// [`map2`] for functions that cannot be vectorized, one element at a time.
///
/// # Safety
/// As for [`map2`].
#[inline(always)]
pub(super) unsafe fn each2<T: Copy>(a: *const T, b: *const T, out: *mut T, n: usize, f: impl Fn(T, T) -> T) {
    for i in 0..n {
        // SAFETY: `i < n`.
        unsafe { out.add(i).write(f(*a.add(i), *b.add(i))) };
    }
}

/// [`map`] for functions that cannot be vectorized, one element at a time.
///
/// # Safety
/// As for [`map`].
#[inline(always)]
pub(super) unsafe fn each<T: Copy>(x: *const T, out: *mut T, n: usize, f: impl Fn(T) -> T) {
    for i in 0..n {
        // SAFETY: `i < n`.
        unsafe { out.add(i).write(f(*x.add(i))) };
    }
}
