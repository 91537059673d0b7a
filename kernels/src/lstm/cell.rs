//! The pointwise part of a step, forward and backward.

use super::Number;
use crate::gemm::KernelElement;
use crate::simd::{Kernel, Simd, wide};

/// Elements that are computed at a time in local arrays, which the compiler turns into registers: the operands are too
/// many to be told apart otherwise.
const LANES: usize = 16;

/// # Safety
/// `n` elements can be read.
#[inline(always)]
unsafe fn load<T: Number>(from: *const T, n: usize) -> [T; LANES] {
    let mut x = [<T as KernelElement>::ZERO; LANES];
    // SAFETY: guaranteed by the caller.
    unsafe {
        if n == LANES {
            for l in 0..LANES {
                x[l] = *from.add(l);
            }
        } else {
            for l in 0..n {
                x[l] = *from.add(l);
            }
        }
    }
    x
}

/// # Safety
/// `n` elements can be written.
#[inline(always)]
unsafe fn store<T: Number>(x: [T; LANES], to: *mut T, n: usize) {
    // SAFETY: guaranteed by the caller.
    unsafe {
        if n == LANES {
            for l in 0..LANES {
                *to.add(l) = x[l];
            }
        } else {
            for l in 0..n {
                *to.add(l) = x[l];
            }
        }
    }
}

#[inline(always)]
fn sigmoid<S: Simd, T: Number>(mut x: [T; LANES]) -> [T; LANES] {
    for l in 0..LANES {
        x[l] = x[l].sigmoid::<S>();
    }
    x
}

#[inline(always)]
fn tanh<S: Simd, T: Number>(mut x: [T; LANES]) -> [T; LANES] {
    for l in 0..LANES {
        x[l] = x[l].tanh::<S>();
    }
    x
}

/// Computes the cells of a few rows. Pointers are to the first element, rows are as far apart as stated.
pub(super) struct Cells<T> {
    pub rows: usize,
    pub cols: usize,
    /// Elements of a gate, and of a row of `before` and `cells`.
    pub hidden: usize,
    /// The sums of a gate's inputs, replaced by the gates; rows of four gates.
    pub gates: *mut T,
    /// The previous cell states.
    pub before: *const T,
    pub cells: *mut T,
    /// `o tanh(c)`, and the distance of its rows.
    pub out: (*mut T, usize),
}

impl<T: Number> Kernel for Cells<T> {
    type Output = ();
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Cells { rows, cols, hidden, gates, before, cells, out: (out, out_row) } = self;
        for row in 0..rows {
            for at in (0..cols).step_by(LANES) {
                let n = LANES.min(cols - at);
                // SAFETY: guaranteed by the creator of this kernel.
                unsafe {
                    let gate = |k: usize| gates.add((4 * row + k) * hidden + at);
                    let i = sigmoid::<S, T>(load(gate(0), n));
                    store(i, gate(0), n);
                    let f = sigmoid::<S, T>(load(gate(1), n));
                    store(f, gate(1), n);
                    let g = tanh::<S, T>(load(gate(2), n));
                    store(g, gate(2), n);
                    let o = sigmoid::<S, T>(load(gate(3), n));
                    store(o, gate(3), n);
                    let mut c = load(before.add(row * hidden + at), n);
                    for l in 0..LANES {
                        c[l] = f[l] * c[l] + i[l] * g[l];
                    }
                    store(c, cells.add(row * hidden + at), n);
                    let mut h = tanh::<S, T>(c);
                    for l in 0..LANES {
                        h[l] = o[l] * h[l];
                    }
                    store(h, out.add(row * out_row + at), n);
                }
            }
        }
    }
}

/// Differentiates [`Cells`].
pub(super) struct CellGradients<T> {
    pub rows: usize,
    pub cols: usize,
    /// Elements of a gate, and of a row of `before`, `cells` and `carried`.
    pub hidden: usize,
    pub gates: *const T,
    pub before: *const T,
    pub cells: *const T,
    /// The gradient of `o tanh(c)`, and the distance of its rows.
    pub of_out: (*const T, usize),
    /// The gradient of the cell states that flows back from the next step, replaced by that of the previous ones.
    pub carried: *mut T,
    /// The gradient of the sums of the gates' inputs.
    pub of_gates: *mut T,
}

impl<T: Number> Kernel for CellGradients<T> {
    type Output = ();
    const AVX512: bool = wide::<T>();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let CellGradients { rows, cols, hidden, gates, before, cells, of_out: (of_out, out_row), carried, of_gates } =
            self;
        let one = <T as KernelElement>::ONE;
        for row in 0..rows {
            for at in (0..cols).step_by(LANES) {
                let n = LANES.min(cols - at);
                // SAFETY: guaranteed by the creator of this kernel.
                unsafe {
                    let gate = |k: usize| gates.add((4 * row + k) * hidden + at);
                    let [i, f, g, o] = [load(gate(0), n), load(gate(1), n), load(gate(2), n), load(gate(3), n)];
                    let place = row * hidden + at;
                    let t = tanh::<S, T>(load(cells.add(place), n));
                    let (before, dh) = (load(before.add(place), n), load(of_out.add(row * out_row + at), n));
                    let mut dc = load(carried.add(place), n);
                    let mut of = [[<T as KernelElement>::ZERO; LANES]; 4];
                    for l in 0..LANES {
                        dc[l] += dh[l] * o[l] * (one - t[l] * t[l]);
                        of[0][l] = dc[l] * g[l] * (i[l] * (one - i[l]));
                        of[1][l] = dc[l] * before[l] * (f[l] * (one - f[l]));
                        of[2][l] = dc[l] * i[l] * (one - g[l] * g[l]);
                        of[3][l] = dh[l] * t[l] * (o[l] * (one - o[l]));
                        dc[l] = dc[l] * f[l];
                    }
                    store(dc, carried.add(place), n);
                    for k in 0..4 {
                        store(of[k], of_gates.add((4 * row + k) * hidden + at), n);
                    }
                }
            }
        }
    }
}
