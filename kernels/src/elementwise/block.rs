//! The loops that every operation shares: over contiguous elements, `L` at a time.
//!
//! A step goes through local arrays, all loads before all stores. So a loop may run in place, and the compiler vectorises
//! it without asking whether the operands overlap. The last, shorter step goes through padded arrays, so that short rows
//! are vectorised, too.

#[inline(always)]
unsafe fn load<T: Copy + Default, const L: usize>(from: *const T, m: usize) -> [T; L] {
    // SAFETY: the caller's promise: `m <= L` elements can be read.
    unsafe {
        if m == L {
            from.cast::<[T; L]>().read_unaligned()
        } else {
            let mut step = [T::default(); L];
            std::ptr::copy_nonoverlapping(from, step.as_mut_ptr(), m);
            step
        }
    }
}

#[inline(always)]
unsafe fn store<T: Copy, const L: usize>(step: [T; L], to: *mut T, m: usize) {
    // SAFETY: the caller's promise: `m <= L` elements can be written.
    unsafe {
        if m == L {
            to.cast::<[T; L]>().write_unaligned(step)
        } else {
            std::ptr::copy_nonoverlapping(step.as_ptr(), to, m);
        }
    }
}

/// `out[i] = f(x[i])`.
///
/// # Safety
/// `x` and `out` must be valid for `n` elements, and equal or disjoint.
#[inline(always)]
pub(super) unsafe fn map<T, U, const L: usize>(x: *const T, out: *mut U, n: usize, f: impl Fn(T) -> U)
where
    T: Copy + Default,
    U: Copy + Default,
{
    for i in (0..n).step_by(L) {
        let m = L.min(n - i);
        // SAFETY: `i + m <= n`.
        unsafe {
            let x = load::<T, L>(x.add(i), m);
            let mut y = [U::default(); L];
            for j in 0..L {
                y[j] = f(x[j]);
            }
            store(y, out.add(i), m);
        }
    }
}

/// `out[i] = f(a[i], b[i])`.
///
/// # Safety
/// As for [`map`], with both inputs.
#[inline(always)]
pub(super) unsafe fn map2<T, U, const L: usize>(a: *const T, b: *const T, out: *mut U, n: usize, f: impl Fn(T, T) -> U)
where
    T: Copy + Default,
    U: Copy + Default,
{
    for i in (0..n).step_by(L) {
        let m = L.min(n - i);
        // SAFETY: `i + m <= n`.
        unsafe {
            let (a, b) = (load::<T, L>(a.add(i), m), load::<T, L>(b.add(i), m));
            let mut y = [U::default(); L];
            for j in 0..L {
                y[j] = f(a[j], b[j]);
            }
            store(y, out.add(i), m);
        }
    }
}

/// `out[i] = f(c[i], a[i], b[i])`.
///
/// # Safety
/// As for [`map`], with the three inputs.
#[inline(always)]
pub(super) unsafe fn map3<C, T, const L: usize>(
    c: *const C,
    a: *const T,
    b: *const T,
    out: *mut T,
    n: usize,
    f: impl Fn(C, T, T) -> T,
) where
    C: Copy + Default,
    T: Copy + Default,
{
    for i in (0..n).step_by(L) {
        let m = L.min(n - i);
        // SAFETY: `i + m <= n`.
        unsafe {
            let (c, a, b) = (load::<C, L>(c.add(i), m), load::<T, L>(a.add(i), m), load::<T, L>(b.add(i), m));
            let mut y = [T::default(); L];
            for j in 0..L {
                y[j] = f(c[j], a[j], b[j]);
            }
            store(y, out.add(i), m);
        }
    }
}

/// [`map2`] for functions that cannot be vectorised, one element at a time.
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

/// [`map`] for functions that cannot be vectorised, one element at a time.
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
