//! The linear transforms of Winograd convolution, on registers whose lanes are channels.
//!
//! With `n = m + 2`, a row of `m` outputs of a 3-tap filter `g` over data `d` is `Aᵀ [(G g) ⊙ (Bᵀ d)]` (Lavin & Gray
//! 2015, "Fast Algorithms for Convolutional Neural Networks"); in two dimensions each transform is applied along both
//! axes. The transforms evaluate polynomials at `n - 1` points and infinity. The usual points 0, ±1, ±2 lose three
//! times as much accuracy as 0, ±3/4, ±3/2, which keep the error within a small factor of the direct sum's; since they
//! are also pairs of opposite sign, they need no more operations.

use crate::gemm::vector::{Vector, VectorKernel, dispatch};
use crate::isa::Isa;

/// The maximum size of a transformed tile.
pub(super) const MAX_N: usize = 6;

/// A vector that the transforms operate on.
trait Register: Vector<Elem = f32> {}
impl<V: Vector<Elem = f32>> Register for V {}

/// One `V` per element of a row or column; a scheme uses the first `N`.
type Line<V> = [V; MAX_N];

/// A tile size.
trait Scheme {
    /// Outputs along one side.
    const M: usize;
    /// Inputs along one side.
    const N: usize;

    /// `Bᵀ d`
    unsafe fn input<V: Register>(d: Line<V>) -> Line<V>;
    /// `Aᵀ m`
    unsafe fn output<V: Register>(m: Line<V>) -> Line<V>;
    /// `G g`
    unsafe fn weight<V: Register>(g: Line<V>) -> Line<V>;
    /// `A y`
    unsafe fn output_t<V: Register>(y: Line<V>) -> Line<V>;
    /// `Gᵀ u`
    unsafe fn weight_t<V: Register>(u: Line<V>) -> Line<V>;
}

/// Two outputs: points 0, 1, -1 and infinity.
struct F2;
/// Four outputs: points 0, ±3/4, ±3/2 and infinity.
struct F4;

#[inline(always)]
unsafe fn sub<V: Register>(a: V, b: V) -> V {
    // SAFETY: as `Vector`'s methods.
    unsafe { b.mul_add(V::splat(-1.0), a) }
}

/// `x * factor + y`
#[inline(always)]
unsafe fn axpy<V: Register>(factor: f32, x: V, y: V) -> V {
    // SAFETY: as `Vector`'s methods.
    unsafe { x.mul_add(V::splat(factor), y) }
}

#[inline(always)]
unsafe fn scale<V: Register>(factor: f32, x: V) -> V {
    // SAFETY: as `Vector`'s methods.
    unsafe { x.mul(V::splat(factor)) }
}

// SAFETY (of every block in the two schemes): arithmetic on registers only, under the contract of `Vector`.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Scheme for F2 {
    const M: usize = 2;
    const N: usize = 4;

    #[inline(always)]
    unsafe fn input<V: Register>([d0, d1, d2, d3, ..]: Line<V>) -> Line<V> {
        unsafe { [sub(d0, d2), d1.add(d2), sub(d2, d1), sub(d3, d1), d0, d0] }
    }

    #[inline(always)]
    unsafe fn output<V: Register>([m0, m1, m2, m3, ..]: Line<V>) -> Line<V> {
        unsafe { [m0.add(m1.add(m2)), sub(m1, m2).add(m3), m0, m0, m0, m0] }
    }

    #[inline(always)]
    unsafe fn weight<V: Register>([g0, g1, g2, ..]: Line<V>) -> Line<V> {
        unsafe {
            let even = scale(0.5, g0.add(g2));
            [g0, axpy(0.5, g1, even), axpy(-0.5, g1, even), g2, g0, g0]
        }
    }

    #[inline(always)]
    unsafe fn output_t<V: Register>([y0, y1, ..]: Line<V>) -> Line<V> {
        unsafe { [y0, y0.add(y1), sub(y0, y1), y1, y0, y0] }
    }

    #[inline(always)]
    unsafe fn weight_t<V: Register>([u0, u1, u2, u3, ..]: Line<V>) -> Line<V> {
        unsafe {
            let (sum, difference) = (u1.add(u2), sub(u1, u2));
            [axpy(0.5, sum, u0), scale(0.5, difference), axpy(0.5, sum, u3), u0, u0, u0]
        }
    }
}

/// The points of [`F4`], and their squares and cubes.
const A: f32 = 0.75;
const B: f32 = 1.5;
const A2: f32 = A * A;
const B2: f32 = B * B;
/// The denominators of Lagrange interpolation at 0, ±A and ±B.
const F0: f32 = A2 * B2;
const FA: f32 = 2.0 * A2 * (A2 - B2);
const FB: f32 = 2.0 * B2 * (B2 - A2);

#[allow(clippy::undocumented_unsafe_blocks)]
impl Scheme for F4 {
    const M: usize = 4;
    const N: usize = 6;

    #[inline(always)]
    unsafe fn input<V: Register>([d0, d1, d2, d3, d4, d5]: Line<V>) -> Line<V> {
        unsafe {
            // At +p and -p the even terms are equal and the odd ones differ in sign.
            let (even_a, odd_a) = (axpy(-B2, d2, d4), axpy(-B2, d1, d3));
            let (even_b, odd_b) = (axpy(-A2, d2, d4), axpy(-A2, d1, d3));
            [
                axpy(A2 * B2, d0, axpy(-A2 - B2, d2, d4)),
                axpy(A, odd_a, even_a),
                axpy(-A, odd_a, even_a),
                axpy(B, odd_b, even_b),
                axpy(-B, odd_b, even_b),
                axpy(A2 * B2, d1, axpy(-A2 - B2, d3, d5)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn output<V: Register>([m0, m1, m2, m3, m4, m5]: Line<V>) -> Line<V> {
        unsafe {
            let (sum_a, difference_a) = (m1.add(m2), sub(m1, m2));
            let (sum_b, difference_b) = (m3.add(m4), sub(m3, m4));
            [
                m0.add(sum_a).add(sum_b),
                axpy(A, difference_a, scale(B, difference_b)),
                axpy(A2, sum_a, scale(B2, sum_b)),
                axpy(A * A2, difference_a, axpy(B * B2, difference_b, m5)),
                m0,
                m0,
            ]
        }
    }

    #[inline(always)]
    unsafe fn weight<V: Register>([g0, g1, g2, ..]: Line<V>) -> Line<V> {
        unsafe {
            let even_a = axpy(A2 / FA, g2, scale(1.0 / FA, g0));
            let even_b = axpy(B2 / FB, g2, scale(1.0 / FB, g0));
            [
                scale(1.0 / F0, g0),
                axpy(A / FA, g1, even_a),
                axpy(-A / FA, g1, even_a),
                axpy(B / FB, g1, even_b),
                axpy(-B / FB, g1, even_b),
                g2,
            ]
        }
    }

    #[inline(always)]
    unsafe fn output_t<V: Register>([y0, y1, y2, y3, ..]: Line<V>) -> Line<V> {
        unsafe {
            let (even_a, odd_a) = (axpy(A2, y2, y0), axpy(A * A2, y3, scale(A, y1)));
            let (even_b, odd_b) = (axpy(B2, y2, y0), axpy(B * B2, y3, scale(B, y1)));
            [y0, even_a.add(odd_a), sub(even_a, odd_a), even_b.add(odd_b), sub(even_b, odd_b), y3]
        }
    }

    #[inline(always)]
    unsafe fn weight_t<V: Register>([u0, u1, u2, u3, u4, u5]: Line<V>) -> Line<V> {
        unsafe {
            let (sum_a, difference_a) = (u1.add(u2), sub(u1, u2));
            let (sum_b, difference_b) = (u3.add(u4), sub(u3, u4));
            [
                axpy(1.0 / F0, u0, axpy(1.0 / FA, sum_a, scale(1.0 / FB, sum_b))),
                axpy(A / FA, difference_a, scale(B / FB, difference_b)),
                axpy(A2 / FA, sum_a, axpy(B2 / FB, sum_b, u5)),
                u0,
                u0,
                u0,
            ]
        }
    }
}

/// A transform of `tiles` tiles, `from_tile` and `to_tile` elements apart. Elements of a tile are registers: along a
/// row `from_column` (`to_column`) apart, along a column `from_row` (`to_row`).
#[derive(Clone, Copy)]
pub(super) struct Tiles {
    pub tiles: usize,
    pub from: *const f32,
    pub from_tile: usize,
    pub from_row: isize,
    pub from_column: isize,
    pub to: *mut f32,
    pub to_tile: usize,
    pub to_row: usize,
    pub to_column: usize,
}

/// One of the transforms in two dimensions.
#[derive(Clone, Copy)]
pub(super) enum Map<'a> {
    /// `Bᵀ d B`
    Input,
    /// `clamp(Aᵀ m A + bias)`, with one bias per lane
    Output(&'a [f32], Option<(f32, f32)>),
    /// `G g Gᵀ`
    Weight,
    /// `A y Aᵀ`
    OutputT,
    /// `Gᵀ u G`
    WeightT,
}

/// One of a scheme's transforms of a line. (A type, not a closure: closures would not be compiled for the instruction
/// set.)
trait Step {
    /// Elements of a line before and after.
    const SIZES: (usize, usize);

    unsafe fn line<V: Register>(x: Line<V>) -> Line<V>;
}

struct Input<S>(S);
struct Output<S>(S);
struct Weight<S>(S);
struct OutputT<S>(S);
struct WeightT<S>(S);

macro_rules! step {
    ($name:ident, $method:ident, $from:expr, $to:expr) => {
        impl<S: Scheme> Step for $name<S> {
            const SIZES: (usize, usize) = ($from, $to);

            #[inline(always)]
            unsafe fn line<V: Register>(x: Line<V>) -> Line<V> {
                // SAFETY: the same contract.
                unsafe { S::$method(x) }
            }
        }
    };
}
step!(Input, input, S::N, S::N);
step!(Output, output, S::N, S::M);
step!(Weight, weight, 3, S::N);
step!(OutputT, output_t, S::M, S::N);
step!(WeightT, weight_t, S::N, 3);

/// The bias added to a register at the end, and its clamping limits.
type Finish<V> = Option<(V, V, V)>;

struct Run<'a> {
    m: usize,
    map: Map<'a>,
    tiles: Tiles,
}

impl Run<'_> {
    #[inline(always)]
    unsafe fn scheme<V: Register, S: Scheme>(&self) {
        // SAFETY: guaranteed by the caller, see `apply`.
        unsafe {
            match self.map {
                Map::Input => self.all::<V, Input<S>>(None),
                Map::Weight => self.all::<V, Weight<S>>(None),
                Map::OutputT => self.all::<V, OutputT<S>>(None),
                Map::WeightT => self.all::<V, WeightT<S>>(None),
                Map::Output(bias, clamp) => {
                    let bias = V::load(bias[..V::LANES].as_ptr());
                    let (lo, hi) = clamp.unwrap_or((f32::NEG_INFINITY, f32::INFINITY));
                    self.all::<V, Output<S>>(Some((bias, V::splat(lo), V::splat(hi))));
                }
            }
        }
    }

    /// Transforms the columns of every tile, and then its rows.
    #[inline(always)]
    unsafe fn all<V: Register, L: Step>(&self, finish: Finish<V>) {
        let t = &self.tiles;
        let (from, to) = L::SIZES;
        for tile in 0..t.tiles {
            // SAFETY: guaranteed by the caller, see `apply`.
            unsafe {
                let src = t.from.add(tile * t.from_tile);
                let dst = t.to.add(tile * t.to_tile);
                let mut half = [[V::splat(0.0); MAX_N]; MAX_N];
                for j in 0..from {
                    let mut column = [V::splat(0.0); MAX_N];
                    for i in 0..from {
                        column[i] = V::load(src.offset(i as isize * t.from_row + j as isize * t.from_column));
                    }
                    let column = L::line(column);
                    for i in 0..to {
                        half[i][j] = column[i];
                    }
                }
                for i in 0..to {
                    let row = L::line(half[i]);
                    for j in 0..to {
                        let mut x = row[j];
                        if let Some((bias, lo, hi)) = finish {
                            x = x.add(bias).clamp(lo, hi);
                        }
                        x.store(dst.add(i * t.to_row + j * t.to_column));
                    }
                }
            }
        }
    }
}

impl VectorKernel for Run<'_> {
    type Elem = f32;

    #[inline(always)]
    unsafe fn run<V: Vector<Elem = f32>>(self) {
        // SAFETY: guaranteed by the caller, see `apply`.
        unsafe { if self.m == 2 { self.scheme::<V, F2>() } else { self.scheme::<V, F4>() } }
    }
}

/// Applies `map` of the scheme with `m` by `m` outputs, 2 or 4, to `tiles`.
///
/// # Safety
/// All tiles are valid.
pub(super) unsafe fn apply(isa: Isa, m: usize, map: Map<'_>, tiles: Tiles) {
    // SAFETY: guaranteed by the caller.
    unsafe { dispatch(isa, Run { m, map, tiles }) }
}
