//! Packing: copies a block of a matrix into the order in which a micro-kernel reads it, transposing if necessary.

use super::KernelElement;
use crate::isa::Isa;
use crate::simd::{LINE, prefetch};
use std::ops::Range;

/// The element type of operands that a micro-kernel of `T` multiplies.
pub(crate) trait Input<T>: Copy + 'static {
    /// Whether this is `T` itself, which need not be packed.
    const SAME: bool;
    /// Elements along the inner dimension that are packed into one element of `T`.
    const PER_STEP: usize;

    /// [`pack()`] of `k` elements along the inner dimension: its stride and that across, its length and the number of
    /// columns.
    ///
    /// # Safety
    /// As for [`pack()`].
    unsafe fn pack(isa: Isa, src: *const Self, strides: [isize; 2], size: [usize; 2], dst: *mut T, width: usize);
}

impl<T: KernelElement> Input<T> for T {
    const SAME: bool = true;
    const PER_STEP: usize = 1;

    unsafe fn pack(isa: Isa, src: *const T, [ps, js]: [isize; 2], [k, cols]: [usize; 2], dst: *mut T, width: usize) {
        // SAFETY: guaranteed by the caller.
        unsafe { pack(isa, src, ps, js, k, cols, dst, width) }
    }
}

/// `dst[p * width + j] = src[p * ps + j * js]` for `p < k`, `j < cols`.
///
/// # Safety
/// `src` and `dst` are valid for these elements and do not overlap; the processor supports `isa`.
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
    // SAFETY: guaranteed by the caller.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        match isa {
            Isa::Avx512 => return x86::pack_avx512(src, ps, js, k, cols, dst, width),
            Isa::Avx2 => return x86::pack_avx2(src, ps, js, k, cols, dst, width),
            Isa::Portable => {}
        }
        let _ = isa;
        if js == 1 { copy_rows(src, ps, k, cols, dst, width) } else { gather(src, ps, js, 0..k, 0..cols, dst, width) }
    }
}

/// Prefetch distance in rows.
const ROWS_AHEAD: isize = 16;

/// Rows that are already contiguous.
#[inline(always)]
unsafe fn copy_rows<T: Copy>(src: *const T, ps: isize, k: usize, cols: usize, dst: *mut T, width: usize) {
    for p in 0..k {
        // SAFETY: see `pack`.
        unsafe {
            let (from, to) = (src.offset(p as isize * ps), dst.add(p * width));
            // Rows are short and far apart: the hardware prefetcher does not detect the pattern.
            let ahead = from.wrapping_offset(ROWS_AHEAD * ps);
            for j in (0..cols).step_by(LINE / size_of::<T>()) {
                prefetch(ahead.wrapping_add(j));
            }
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
    k: Range<usize>,
    cols: Range<usize>,
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
mod x86 {
    use super::gather;
    use std::arch::x86_64::*;

    /// Prefetch distance in elements of a row.
    const AHEAD: usize = 256;

    /// Calls `copy_rows` with the common widths as constants: the compiler turns each into a few vector moves per row.
    #[inline(always)]
    unsafe fn copy_rows<T: Copy>(src: *const T, ps: isize, k: usize, cols: usize, dst: *mut T, width: usize) {
        // SAFETY: see `super::pack`.
        unsafe {
            match cols {
                48 => super::copy_rows(src, ps, k, 48, dst, width),
                32 => super::copy_rows(src, ps, k, 32, dst, width),
                24 => super::copy_rows(src, ps, k, 24, dst, width),
                16 => super::copy_rows(src, ps, k, 16, dst, width),
                8 => super::copy_rows(src, ps, k, 8, dst, width),
                _ => super::copy_rows(src, ps, k, cols, dst, width),
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    pub(super) unsafe fn pack_avx512<T: Copy>(
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
            match size_of::<T>() {
                _ if js == 1 => copy_rows(src, ps, k, cols, dst, width),
                // Rows of A: as many as an AVX-512 tile has.
                4 if ps == 1 && cols == 8 => {
                    let whole = k / 16 * 16;
                    for p in (0..whole).step_by(16) {
                        transpose_8x16(src.add(p), js, dst.add(p * width), width);
                    }
                    if whole < k {
                        transpose_16x16(src.add(whole), js, cols, k - whole, dst.add(whole * width), width);
                    }
                }
                4 if ps == 1 => {
                    for j in (0..cols).step_by(16) {
                        for p in (0..k).step_by(16) {
                            let from = src.offset(j as isize * js + p as isize);
                            let (rows, columns) = (16.min(cols - j), 16.min(k - p));
                            transpose_16x16(from, js, rows, columns, dst.add(p * width + j), width);
                        }
                    }
                }
                8 if ps == 1 => whole_blocks(src, js, k, cols, dst, width, 4, transpose_4x4),
                _ => gather(src, ps, js, 0..k, 0..cols, dst, width),
            }
        }
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn pack_avx2<T: Copy>(
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
            match size_of::<T>() {
                _ if js == 1 => copy_rows(src, ps, k, cols, dst, width),
                4 if ps == 1 => whole_blocks(src, js, k, cols, dst, width, 8, transpose_8x8),
                8 if ps == 1 => whole_blocks(src, js, k, cols, dst, width, 4, transpose_4x4),
                _ => gather(src, ps, js, 0..k, 0..cols, dst, width),
            }
        }
    }

    /// Transposes whole blocks with `block`, the edges element by element.
    #[inline(always)]
    unsafe fn whole_blocks<T: Copy>(
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
        // SAFETY: see `super::pack`; a block accesses `size` by `size` elements.
        unsafe {
            for j in (0..whole_cols).step_by(size) {
                for p in (0..whole_k).step_by(size) {
                    block(src.offset(j as isize * js + p as isize), js, dst.add(p * width + j), width);
                }
            }
            gather(src, 1, js, 0..whole_k, whole_cols..cols, dst, width);
            gather(src, 1, js, whole_k..k, 0..cols, dst, width);
        }
    }

    /// `rows` rows of `columns` elements each, 1 to 16 of both.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    unsafe fn transpose_16x16<T>(src: *const T, js: isize, rows: usize, columns: usize, dst: *mut T, width: usize) {
        // SAFETY: T has four bytes; only `rows` by `columns` elements are accessed.
        unsafe {
            let (src, dst): (*const f32, *mut f32) = (src.cast(), dst.cast());
            let mut r = [_mm512_setzero_ps(); 16];
            if rows == 16 && columns == 16 {
                for i in 0..16 {
                    let row = src.offset(i as isize * js);
                    // Sixteen streams are more than the hardware prefetcher tracks.
                    _mm_prefetch::<_MM_HINT_T0>(row.wrapping_add(AHEAD).cast());
                    r[i] = _mm512_loadu_ps(row);
                }
                let t = transpose(r);
                for i in 0..16 {
                    _mm512_storeu_ps(dst.add(i * width), t[i]);
                }
                return;
            }
            let inside = |n: usize| ((1u32 << n) - 1) as __mmask16;
            for i in 0..16 {
                // Missing rows: any other row will do, since its elements are not stored.
                r[i] = _mm512_maskz_loadu_ps(inside(columns), src.offset(i.min(rows - 1) as isize * js));
            }
            let t = transpose(r);
            for i in 0..columns {
                _mm512_mask_storeu_ps(dst.add(i * width), inside(rows), t[i]);
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    #[inline]
    fn transpose(mut r: [__m512; 16]) -> [__m512; 16] {
        let mut t = r;
        for i in (0..16).step_by(2) {
            t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
            t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
        }
        // Now 2x2 blocks; after this, quarter-registers hold four elements of a column.
        for i in (0..16).step_by(4) {
            let d = [t[i], t[i + 1], t[i + 2], t[i + 3]];
            let d = [_mm512_castps_pd(d[0]), _mm512_castps_pd(d[1]), _mm512_castps_pd(d[2]), _mm512_castps_pd(d[3])];
            r[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(d[0], d[2]));
            r[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(d[0], d[2]));
            r[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(d[1], d[3]));
            r[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(d[1], d[3]));
        }
        // Column 4 * q + i is quarter q of r[i], r[4 + i], r[8 + i] and r[12 + i].
        for i in 0..4 {
            let low = _mm512_shuffle_f32x4::<0b10_00_10_00>(r[i], r[4 + i]);
            let high = _mm512_shuffle_f32x4::<0b10_00_10_00>(r[8 + i], r[12 + i]);
            t[i] = _mm512_shuffle_f32x4::<0b10_00_10_00>(low, high);
            t[8 + i] = _mm512_shuffle_f32x4::<0b11_01_11_01>(low, high);
            let low = _mm512_shuffle_f32x4::<0b11_01_11_01>(r[i], r[4 + i]);
            let high = _mm512_shuffle_f32x4::<0b11_01_11_01>(r[8 + i], r[12 + i]);
            t[4 + i] = _mm512_shuffle_f32x4::<0b10_00_10_00>(low, high);
            t[12 + i] = _mm512_shuffle_f32x4::<0b11_01_11_01>(low, high);
        }
        t
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    unsafe fn transpose_8x16<T>(src: *const T, js: isize, dst: *mut T, width: usize) {
        // SAFETY: T has four bytes; 8 rows of 16 elements are accessed.
        unsafe {
            let (src, dst): (*const f32, *mut f32) = (src.cast(), dst.cast());
            let mut r = [_mm512_setzero_ps(); 8];
            for i in 0..8 {
                let row = src.offset(i as isize * js);
                _mm_prefetch::<_MM_HINT_T0>(row.wrapping_add(AHEAD).cast());
                r[i] = _mm512_loadu_ps(row);
            }
            let mut t = r;
            for i in (0..8).step_by(2) {
                t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
                t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
            }
            // After this, quarter q of r[i] is one half of column 4 q + i, and that of r[4 + i] the other half.
            for i in (0..8).step_by(4) {
                let d = [t[i], t[i + 1], t[i + 2], t[i + 3]];
                let d =
                    [_mm512_castps_pd(d[0]), _mm512_castps_pd(d[1]), _mm512_castps_pd(d[2]), _mm512_castps_pd(d[3])];
                r[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(d[0], d[2]));
                r[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(d[0], d[2]));
                r[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(d[1], d[3]));
                r[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(d[1], d[3]));
            }
            let low = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
            let high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
            for i in 0..4 {
                let columns =
                    [_mm512_permutex2var_ps(r[i], low, r[4 + i]), _mm512_permutex2var_ps(r[i], high, r[4 + i])];
                for h in 0..2 {
                    let to = dst.add((8 * h + i) * width);
                    _mm256_storeu_ps(to, _mm512_castps512_ps256(columns[h]));
                    _mm256_storeu_ps(to.add(4 * width), _mm512_extractf32x8_ps::<1>(columns[h]));
                }
            }
        }
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn transpose_8x8<T>(src: *const T, js: isize, dst: *mut T, width: usize) {
        // SAFETY: see `whole_blocks`; T has four bytes.
        unsafe {
            let (src, dst): (*const f32, *mut f32) = (src.cast(), dst.cast());
            let mut r = [_mm256_setzero_ps(); 8];
            for i in 0..4 {
                // Row i and row i + 4, low halves in r[i], high halves in r[i + 4].
                let (x, y) = (src.offset(i as isize * js), src.offset((i as isize + 4) * js));
                let join = |x, y| _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x)), _mm_loadu_ps(y), 1);
                r[i] = join(x, y);
                r[i + 4] = join(x.add(4), y.add(4));
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
        // SAFETY: see `whole_blocks`; T has eight bytes.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Copy + PartialEq + std::fmt::Debug>(number: impl Fn(usize) -> T) {
        for isa in Isa::available() {
            for (k, cols) in [(0, 5), (1, 1), (3, 20), (8, 8), (16, 16), (33, 7), (40, 8), (50, 48), (7, 33), (40, 24)]
            {
                for (ps, js) in [(50, 1), (1, 60), (100, 2)] {
                    let src: Vec<T> = (0..k * ps + cols * js + 1).map(&number).collect();
                    let width = cols + 3;
                    let mut dst = vec![number(usize::MAX >> 12); k * width];
                    let mut want = dst.clone();
                    for p in 0..k {
                        for j in 0..cols {
                            want[p * width + j] = src[p * ps + j * js];
                        }
                    }
                    // SAFETY: the vectors have the sizes that the strides need.
                    unsafe { pack(isa, src.as_ptr(), ps as isize, js as isize, k, cols, dst.as_mut_ptr(), width) };
                    assert_eq!(dst, want, "{isa:?} {k}x{cols} strides {ps}, {js}");
                }
            }
        }
    }

    #[test]
    fn any_size_and_order() {
        check(|i| i as f32);
        check(|i| i as f64);
        check(|i| i as i64);
    }
}
