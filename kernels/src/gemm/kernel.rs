//! The micro-kernels: a tile of C, a few rows by a few vectors, is held in registers over the whole inner dimension.
//!
//! Per step of the inner dimension a kernel loads the vectors of one row of B and multiplies each with one broadcast
//! element of every row of A. Kernels are compiled for each number of rows and vectors up to the maximum, so that edge
//! tiles do no redundant work; the last vector is masked, so nothing is read or written beyond a row's end.

use super::KernelElement;
#[cfg(target_arch = "x86_64")]
use super::vector::{Bf16x32, F32x8, F32x16, F64x4, F64x8};
use super::vector::{Lanes, Vector, VectorKernel};
use crate::isa::{self, Isa};
use crate::simd::LINE;

/// The destination of a tile, and the epilogue: `c = clamp(alpha * acc + bias + beta * c)`.
#[derive(Clone, Copy)]
pub(crate) struct Store<T> {
    /// First element; columns are contiguous.
    pub c: *mut T,
    /// Row stride in elements.
    pub rs: isize,
    pub alpha: T,
    /// C is read only if this is not zero.
    pub beta: T,
    /// One element per row, or null.
    pub bias_row: *const T,
    /// One element per column, or null.
    pub bias_col: *const T,
    pub clamp: Option<(T, T)>,
    /// Use non-temporal stores: all rows are aligned to registers and consist of whole registers.
    pub stream: bool,
}

/// A with its rows interleaved (`a[p * rows + i]`), B as rows located through a table of offsets.
pub(crate) struct Panel<T> {
    pub k: usize,
    pub a: *const T,
    pub b: *const T,
    /// The `k` offsets of the rows of B, relative to `b`.
    pub offsets: *const isize,
    /// Distance in elements from this tile's columns of B to those that will be read next: these are prefetched.
    pub ahead: isize,
    /// Columns of the tile; the last of the kernel's vectors may be partial.
    pub cols: usize,
    pub out: Store<T>,
}

/// A and B read directly; the inner dimension is three nested loops.
pub(crate) struct Direct<T> {
    /// Steps of each loop, outermost first.
    pub steps: [usize; 3],
    pub a: *const T,
    /// The offset of each row of A relative to `a`, one per row of the tile.
    pub rows: *const isize,
    /// Elements of A between steps, for each loop.
    pub a_steps: [isize; 3],
    pub b: *const T,
    /// Elements of B between steps, for each loop.
    pub b_steps: [isize; 3],
    /// As in [`Panel`].
    pub cols: usize,
    pub out: Store<T>,
}

/// The second argument is where to start prefetching memory that others will read: one cache line per step.
///
/// # Safety
/// The arguments describe valid memory for this kernel's rows and the columns given.
pub(crate) type PanelFn<T> = unsafe fn(&Panel<T>, *const T);
/// # Safety
/// As for [`PanelFn`].
pub(crate) type DirectFn<T> = unsafe fn(&Direct<T>);

/// Adjacent columns of a tile that are stored contiguously.
#[derive(Clone, Copy, Default)]
pub(crate) struct Run {
    /// First column in the tile.
    pub from: usize,
    /// Destination offset.
    pub to: isize,
    pub len: usize,
}

/// Copies a tile (`rows` rows of `width` elements) to the destinations of its runs.
#[derive(Clone, Copy)]
pub(crate) struct Scatter<'a, T> {
    pub tile: *const T,
    pub width: usize,
    pub rows: usize,
    pub runs: &'a [Run],
    pub c: *mut T,
    pub c_rows: isize,
    /// Destination stride between adjacent elements of a run.
    pub step: isize,
}

/// The kernels of one instruction set and element type.
pub(crate) struct Kernels<T: 'static> {
    pub isa: Isa,
    /// Elements of a vector register.
    pub lanes: usize,
    /// Maximum number of rows of a tile.
    pub mr: usize,
    /// Maximum number of columns of a tile.
    pub nr: usize,
    /// `[vectors - 1][rows - 1]`
    pub panel: &'static [&'static [PanelFn<T>]],
    /// `[vectors - 1][rows - 1]`; empty where operands are always packed.
    pub direct: &'static [&'static [DirectFn<T>]],
}

/// Maximum number of rows over all kernels.
pub(crate) const MAX_MR: usize = 8;
/// Maximum number of elements of a tile over all kernels.
pub(crate) const MAX_TILE: usize = 8 * 48;

impl<T> Kernels<T> {
    /// Number of registers that hold `cols` columns.
    #[inline(always)]
    fn vectors(&self, cols: usize) -> usize {
        // A shift: `lanes` is a power of two.
        ((cols - 1) >> self.lanes.trailing_zeros()) + 1
    }

    /// # Safety
    /// As for [`PanelFn`]; `rows` and `args.cols` are at least 1 and at most a tile's.
    #[inline(always)]
    pub(crate) unsafe fn run_panel(&self, rows: usize, args: &Panel<T>) {
        // SAFETY: guaranteed by the caller.
        unsafe { self.run_panel_fetching(rows, args, args.b) }
    }

    /// [`Self::run_panel`] that also prefetches `args.k` cache lines starting at `fetch`, which may be any address.
    ///
    /// # Safety
    /// As for [`PanelFn`]; `rows` and `args.cols` are at least 1 and at most a tile's.
    #[inline(always)]
    pub(crate) unsafe fn run_panel_fetching(&self, rows: usize, args: &Panel<T>, fetch: *const T) {
        // SAFETY: guaranteed by the caller; the tables contain only kernels that the processor supports.
        unsafe { self.panel[self.vectors(args.cols) - 1][rows - 1](args, fetch) }
    }

    /// # Safety
    /// As for [`DirectFn`]; `rows` and `args.cols` are at least 1 and at most a tile's.
    #[inline(always)]
    pub(crate) unsafe fn run_direct(&self, rows: usize, args: &Direct<T>) {
        // SAFETY: as above.
        unsafe { self.direct[self.vectors(args.cols) - 1][rows - 1](args) }
    }
}

#[inline(always)]
unsafe fn load_row<V: Vector, const NV: usize>(b: *const V::Elem, mask: V::Mask) -> [V; NV] {
    // SAFETY: the callers' kernels describe NV vectors at `b`, the last one masked.
    unsafe {
        let mut row = [V::splat(V::Elem::ZERO); NV];
        for j in 0..NV {
            let p = b.add(j * V::LANES);
            row[j] = if j + 1 == NV { V::load_masked(p, mask) } else { V::load(p) };
        }
        row
    }
}

/// Prefetches C while the products are accumulated.
#[inline(always)]
unsafe fn prefetch<V: Vector, const R: usize, const NV: usize>(out: &Store<V::Elem>) {
    for i in 0..R {
        for j in 0..NV {
            // SAFETY: any address may be prefetched.
            unsafe { V::prefetch(out.c.wrapping_offset(i as isize * out.rs).wrapping_add(j * V::LANES)) };
        }
    }
}

#[inline(always)]
unsafe fn store<V: Vector, const R: usize, const NV: usize>(
    mut acc: [[V; NV]; R],
    out: &Store<V::Elem>,
    mask: V::Mask,
) {
    let (zero, one) = (V::Elem::ZERO, V::Elem::ONE);
    // SAFETY: the caller of the kernel guarantees R rows of C, and the biases where they are not null.
    unsafe {
        if out.alpha != one {
            let alpha = V::splat(out.alpha);
            for i in 0..R {
                for j in 0..NV {
                    acc[i][j] = acc[i][j].mul(alpha);
                }
            }
        }
        if out.beta != zero {
            let beta = V::splat(out.beta);
            for i in 0..R {
                let old = load_row::<V, NV>(out.c.offset(i as isize * out.rs), mask);
                for j in 0..NV {
                    acc[i][j] = old[j].mul_add(beta, acc[i][j]);
                }
            }
        }
        if !out.bias_row.is_null() {
            for i in 0..R {
                let bias = V::splat(*out.bias_row.add(i));
                for j in 0..NV {
                    acc[i][j] = acc[i][j].add(bias);
                }
            }
        }
        if !out.bias_col.is_null() {
            let bias = load_row::<V, NV>(out.bias_col, mask);
            for i in 0..R {
                for j in 0..NV {
                    acc[i][j] = acc[i][j].add(bias[j]);
                }
            }
        }
        if let Some((lo, hi)) = out.clamp {
            let (lo, hi) = (V::splat(lo), V::splat(hi));
            for i in 0..R {
                for j in 0..NV {
                    acc[i][j] = acc[i][j].clamp(lo, hi);
                }
            }
        }
        if out.stream {
            for i in 0..R {
                let row = out.c.offset(i as isize * out.rs);
                for j in 0..NV {
                    acc[i][j].stream(row.add(j * V::LANES));
                }
            }
            return;
        }
        for i in 0..R {
            let row = out.c.offset(i as isize * out.rs);
            for j in 0..NV {
                let p = row.add(j * V::LANES);
                if j + 1 == NV { acc[i][j].store_masked(p, mask) } else { acc[i][j].store(p) }
            }
        }
    }
}

/// Steps before the end at which C is prefetched: earlier, it would be evicted from the L1 cache again.
const LATE: usize = 64;

#[inline(always)]
unsafe fn panel<V: Vector, const R: usize, const NV: usize>(args: &Panel<V::Elem>, fetch: *const V::Elem) {
    // SAFETY: guaranteed by the caller, see `PanelFn`.
    unsafe {
        let mask = V::mask(args.cols - (NV - 1) * V::LANES);
        let mut acc = [[V::splat(V::Elem::ZERO); NV]; R];
        let mut a = args.a;
        let late = args.k.saturating_sub(LATE);
        for steps in [0..late, late..args.k] {
            if steps.start == late {
                prefetch::<V, R, NV>(&args.out);
            }
            for p in steps {
                let b = args.b.offset(*args.offsets.add(p));
                let row = load_row::<V, NV>(b, mask);
                V::prefetch(fetch.wrapping_add(p * (LINE / size_of::<V::Elem>())));
                if R > 4 && args.ahead != 0 {
                    for j in 0..NV {
                        V::prefetch(b.wrapping_offset(args.ahead).wrapping_add(j * V::LANES));
                    }
                }
                for i in 0..R {
                    let x = V::splat(*a.add(i));
                    for j in 0..NV {
                        acc[i][j] = x.step(row[j], acc[i][j]);
                    }
                }
                a = a.add(R);
            }
        }
        store::<V, R, NV>(acc, &args.out, mask);
    }
}

#[inline(always)]
unsafe fn direct<V: Vector, const R: usize, const NV: usize>(args: &Direct<V::Elem>) {
    // SAFETY: guaranteed by the caller, see `DirectFn`.
    unsafe {
        let mask = V::mask(args.cols - (NV - 1) * V::LANES);
        prefetch::<V, R, NV>(&args.out);
        let mut acc = [[V::splat(V::Elem::ZERO); NV]; R];
        let mut rows = [args.a; R];
        for i in 0..R {
            rows[i] = args.a.offset(*args.rows.add(i));
        }
        for outer in 0..args.steps[0] as isize {
            for middle in 0..args.steps[1] as isize {
                let mut at = outer * args.a_steps[0] + middle * args.a_steps[1];
                let mut b = args.b.offset(outer * args.b_steps[0] + middle * args.b_steps[1]);
                for _ in 0..args.steps[2] {
                    let row = load_row::<V, NV>(b, mask);
                    for i in 0..R {
                        let x = V::splat(*rows[i].offset(at));
                        for j in 0..NV {
                            acc[i][j] = x.step(row[j], acc[i][j]);
                        }
                    }
                    at += args.a_steps[2];
                    b = b.wrapping_offset(args.b_steps[2]);
                }
            }
        }
        store::<V, R, NV>(acc, &args.out, mask);
    }
}

impl<T: KernelElement> VectorKernel for Scatter<'_, T> {
    type Elem = T;

    /// # Safety
    /// The destinations are valid and disjoint.
    #[inline(always)]
    unsafe fn run<V: Vector<Elem = T>>(self) {
        // SAFETY: guaranteed by the caller.
        unsafe {
            for i in 0..self.rows {
                let (from, to) = (self.tile.add(i * self.width), self.c.offset(i as isize * self.c_rows));
                for run in self.runs {
                    let (from, to) = (from.add(run.from), to.offset(run.to));
                    if self.step == 1 {
                        copy::<V>(from, to, run.len);
                        continue;
                    }
                    for j in 0..run.len {
                        *to.offset(j as isize * self.step) = *from.add(j);
                    }
                }
            }
        }
    }
}

/// Copies a few elements without a function call.
///
/// # Safety
/// Both sides have `len` elements, and do not overlap.
#[inline(always)]
pub(crate) unsafe fn copy<V: Vector>(from: *const V::Elem, to: *mut V::Elem, len: usize) {
    let whole = len / V::LANES * V::LANES;
    // SAFETY: guaranteed by the caller.
    unsafe {
        for j in (0..whole).step_by(V::LANES) {
            V::load(from.add(j)).store(to.add(j));
        }
        if whole < len {
            let mask = V::mask(len - whole);
            V::load_masked(from.add(whole), mask).store_masked(to.add(whole), mask);
        }
    }
}

/// Compiles the kernels for one instruction set and lists them.
macro_rules! kernels {
    ($module:ident, $isa:expr, [$($feature:meta)?], mr $mr:literal [$($r:literal)*], nv $nv:tt, direct $direct:tt, [$($set:ident: $vector:ty),*]) => {
        mod $module {
            use super::*;

            $(#[$feature])?
            unsafe fn panel<V: Vector, const R: usize, const NV: usize>(args: &Panel<V::Elem>, fetch: *const V::Elem) {
                // SAFETY: the same contract.
                unsafe { super::panel::<V, R, NV>(args, fetch) }
            }

            $(#[$feature])?
            #[allow(dead_code)]
            unsafe fn direct<V: Vector, const R: usize, const NV: usize>(args: &Direct<V::Elem>) {
                // SAFETY: the same contract.
                unsafe { super::direct::<V, R, NV>(args) }
            }

            const fn panels<V: Vector, const NV: usize>() -> &'static [PanelFn<V::Elem>] {
                &[$(panel::<V, $r, NV>),*]
            }

            #[allow(dead_code)] // one set has none
            const fn directs<V: Vector, const NV: usize>() -> &'static [DirectFn<V::Elem>] {
                &[$(direct::<V, $r, NV>),*]
            }

            const fn set<V: Vector>() -> Kernels<V::Elem> {
                Kernels {
                    isa: $isa,
                    lanes: V::LANES,
                    mr: $mr,
                    nr: $nv * V::LANES,
                    panel: kernels!(@list $nv panels V),
                    direct: kernels!(@list $direct directs V),
                }
            }

            $(pub(super) static $set: Kernels<<$vector as Vector>::Elem> = set::<$vector>();)*
        }
    };
    (@list none $f:ident $v:ident) => { &[] };
    (@list 1 $f:ident $v:ident) => { &[const { $f::<$v, 1>() }] };
    (@list 2 $f:ident $v:ident) => { &[const { $f::<$v, 1>() }, const { $f::<$v, 2>() }] };
    (@list 3 $f:ident $v:ident) => { &[const { $f::<$v, 1>() }, const { $f::<$v, 2>() }, const { $f::<$v, 3>() }] };
}

// Rows times vectors leave room in the 32 (16) registers for one row of B and a broadcast element of A.
kernels!(portable, Isa::Portable, [], mr 4 [1 2 3 4], nv 1, direct 1, [F32: Lanes<f32, 8>, F64: Lanes<f64, 4>, I64: Lanes<i64, 4>]);
#[cfg(target_arch = "x86_64")]
kernels!(avx2, Isa::Avx2, [target_feature(enable = "avx2,fma")], mr 6 [1 2 3 4 5 6], nv 2, direct 2, [F32: F32x8, F64: F64x4]);
#[cfg(target_arch = "x86_64")]
kernels!(avx512, Isa::Avx512, [target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")], mr 8 [1 2 3 4 5 6 7 8], nv 3, direct 3, [F32: F32x16, F64: F64x8]);
#[cfg(target_arch = "x86_64")]
kernels!(avx512bf16, Isa::Avx512, [target_feature(enable = "avx512bf16,avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")], mr 8 [1 2 3 4 5 6 7 8], nv 3, direct none, [BF16: Bf16x32]);

macro_rules! floats {
    ($name:ident, $t:ident, $set:ident) => {
        pub(crate) fn $name(isa: Isa) -> &'static Kernels<$t> {
            match isa.min(isa::detected()) {
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 => &avx512::$set,
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => &avx2::$set,
                _ => &portable::$set,
            }
        }
    };
}
floats!(kernels_f32, f32, F32);
floats!(kernels_f64, f64, F64);

/// Kernels that multiply pairs of bf16, each packed like an f32, if the processor supports it.
pub(crate) fn kernels_bf16(isa: Isa) -> Option<&'static Kernels<f32>> {
    #[cfg(target_arch = "x86_64")]
    if isa.min(isa::detected()) == Isa::Avx512 && is_x86_feature_detected!("avx512bf16") {
        return Some(&avx512bf16::BF16);
    }
    let _ = isa;
    None
}

pub(crate) fn kernels_i64(_: Isa) -> &'static Kernels<i64> {
    &portable::I64
}
