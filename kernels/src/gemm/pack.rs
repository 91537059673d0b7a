//! Copies a piece of a matrix into the order in which a micro-kernel reads it.

use crate::cpu::Isa;

/// `dst[p * width + j] = src[p * ps + j * js]` for `p < k`, `j < cols`.
///
/// # Safety
/// `src` and `dst` are valid for these elements and do not overlap; the processor has `isa`.
pub(crate) unsafe fn pack<T: Copy>(
    isa: Isa,
    src: *const T,
    ps: isize,
    js: isize,
    k: usize,
    cols: usize,
    dst: *mut T,
    width: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if isa >= Isa::Avx2 {
            return avx2::pack(src, ps, js, k, cols, dst, width);
        }
        let _ = isa;
        if js == 1 { copy_rows(src, ps, k, cols, dst, width) } else { gather(src, ps, js, 0..k, 0..cols, dst, width) }
    }
}

/// Rows that are contiguous already.
#[inline(always)]
unsafe fn copy_rows<T: Copy>(src: *const T, ps: isize, k: usize, cols: usize, dst: *mut T, width: usize) {
    for p in 0..k {
        // SAFETY: see `pack`.
        unsafe {
            let (from, to) = (src.offset(p as isize * ps), dst.add(p * width));
            for j in 0..cols {
                *to.add(j) = *from.add(j);
            }
        }
    }
}

#[inline(always)]
unsafe fn gather<T: Copy>(
    src: *const T,
    ps: isize,
    js: isize,
    k: std::ops::Range<usize>,
    cols: std::ops::Range<usize>,
    dst: *mut T,
    width: usize,
) {
    for p in k {
        for j in cols.clone() {
            // SAFETY: see `pack`.
            unsafe { *dst.add(p * width + j) = *src.offset(p as isize * ps + j as isize * js) };
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::gather;
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn pack<T: Copy>(
        src: *const T,
        ps: isize,
        js: isize,
        k: usize,
        cols: usize,
        dst: *mut T,
        width: usize,
    ) {
        // SAFETY: see `super::pack`; 4- and 8-byte elements are moved by their bits.
        unsafe {
            match (js, cols, size_of::<T>()) {
                // Whole panels of a common width: the compiler turns these into a few vector moves a row.
                (1, 48, 4) => super::copy_rows(src, ps, k, 48, dst, width),
                (1, 32, 4) => super::copy_rows(src, ps, k, 32, dst, width),
                (1, 24, 8) => super::copy_rows(src, ps, k, 24, dst, width),
                (1, 16, _) => super::copy_rows(src, ps, k, 16, dst, width),
                (1, 8, _) => super::copy_rows(src, ps, k, 8, dst, width),
                (1, ..) => super::copy_rows(src, ps, k, cols, dst, width),
                (.., 4) if ps == 1 => transpose(src, js, k, cols, dst, width, 8, transpose_8x8),
                (.., 8) if ps == 1 => transpose(src, js, k, cols, dst, width, 4, transpose_4x4),
                _ => gather(src, ps, js, 0..k, 0..cols, dst, width),
            }
        }
    }

    /// Whole blocks through `block`, the edges element by element.
    #[inline(always)]
    unsafe fn transpose<T: Copy>(
        src: *const T,
        js: isize,
        k: usize,
        cols: usize,
        dst: *mut T,
        width: usize,
        size: usize,
        block: unsafe fn(*const T, isize, *mut T, usize),
    ) {
        let (whole_k, whole_cols) = (k / size * size, cols / size * size);
        // SAFETY: see `super::pack`; a block touches `size` by `size` elements.
        unsafe {
            for j in (0..whole_cols).step_by(size) {
                for p in (0..whole_k).step_by(size) {
                    block(src.offset(j as isize * js + p as isize), js, dst.add(p * width + j), width);
                }
            }
            if whole_cols < cols {
                gather(src, 1, js, 0..whole_k, whole_cols..cols, dst, width);
            }
            gather(src, 1, js, whole_k..k, 0..cols, dst, width);
        }
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn transpose_8x8<T>(src: *const T, js: isize, dst: *mut T, width: usize) {
        // SAFETY: see `transpose`; T has four bytes.
        unsafe {
            let (src, dst): (*const f32, *mut f32) = (src.cast(), dst.cast());
            let mut r = [_mm256_setzero_ps(); 8];
            for i in 0..4 {
                // Row i and row i + 4, low halves in r[i], high halves in r[i + 4].
                let (x, y) = (src.offset(i as isize * js), src.offset((i as isize + 4) * js));
                r[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x)), _mm_loadu_ps(y), 1);
                r[i + 4] =
                    _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x.add(4))), _mm_loadu_ps(y.add(4)), 1);
            }
            for h in 0..2 {
                let (a, b, c, d) = (r[4 * h], r[4 * h + 1], r[4 * h + 2], r[4 * h + 3]);
                let (ab0, ab1) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
                let (cd0, cd1) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
                let out = [
                    _mm256_shuffle_ps(ab0, cd0, 0b01_00_01_00),
                    _mm256_shuffle_ps(ab0, cd0, 0b11_10_11_10),
                    _mm256_shuffle_ps(ab1, cd1, 0b01_00_01_00),
                    _mm256_shuffle_ps(ab1, cd1, 0b11_10_11_10),
                ];
                for i in 0..4 {
                    _mm256_storeu_ps(dst.add((4 * h + i) * width), out[i]);
                }
            }
        }
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn transpose_4x4<T>(src: *const T, js: isize, dst: *mut T, width: usize) {
        // SAFETY: see `transpose`; T has eight bytes.
        unsafe {
            let (src, dst): (*const f64, *mut f64) = (src.cast(), dst.cast());
            let row = |i: isize| _mm256_loadu_pd(src.offset(i * js));
            let (a, b, c, d) = (row(0), row(1), row(2), row(3));
            let (ab0, ab1) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
            let (cd0, cd1) = (_mm256_unpacklo_pd(c, d), _mm256_unpackhi_pd(c, d));
            _mm256_storeu_pd(dst, _mm256_permute2f128_pd(ab0, cd0, 0x20));
            _mm256_storeu_pd(dst.add(width), _mm256_permute2f128_pd(ab1, cd1, 0x20));
            _mm256_storeu_pd(dst.add(2 * width), _mm256_permute2f128_pd(ab0, cd0, 0x31));
            _mm256_storeu_pd(dst.add(3 * width), _mm256_permute2f128_pd(ab1, cd1, 0x31));
        }
    }
}
