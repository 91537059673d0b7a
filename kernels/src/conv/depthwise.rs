//! Convolution of each channel with its own taps: every element is used a few times only, so what counts is to move
//! it once.
//!
//! A plane at a time is copied, padded, to scratch memory of the thread. There its rows are one long row, taps are shifts, and a
//! result is a sum of shifted rows. Where the output's rows are further apart in the source than they are
//! long, a few columns are computed in vain and left out when the result is copied to its place.

use super::plan::{Part, Plan};
use super::source::{Layout, Source};
use super::{ConvShape, Shared, tasks, volume};
use crate::cpu::Isa;
use crate::gemm::GemmElement;
use crate::gemm::kernel::{Run, Scatter};
use crate::gemm::scratch::with_scratch;
use crate::gemm::vector::{Vector, VectorKernel, dispatch};

/// Elements of a task.
const TASK_ELEMENTS: usize = 100_000;
/// What moving an element costs in multiply-adds of a matrix product, for the decision whether threads pay.
const ELEMENT_WORK: usize = 10;

/// Whether each channel is a group of its own.
pub(super) fn applies(s: &ConvShape) -> bool {
    s.groups == s.in_channels && s.groups == s.out_channels
}

pub(super) fn forward<T: GemmElement>(
    s: &ConvShape,
    isa: Isa,
    x: &[T],
    w: &[T],
    bias: Option<&[T]>,
    clamp: Option<(T, T)>,
    out: &mut [T],
) {
    run(s, isa, &Plan::forward(s), x, w, bias, clamp, out);
}

pub(super) fn backward_input<T: GemmElement>(s: &ConvShape, isa: Isa, grad_out: &[T], w: &[T], grad_x: &mut [T]) {
    run(s, isa, &Plan::backward_input(s), grad_out, w, None, None, grad_x);
}

/// A plane as the loops read it: where it is, or the scratch memory that it is copied to.
struct Plane<'a, T> {
    layout: &'a Layout,
    source: Source<T>,
    /// Elements of a plane before it is copied.
    volume: usize,
}

impl<'a, T: GemmElement> Plane<'a, T> {
    fn new(layout: &'a Layout) -> Self {
        let source = layout.strides(std::ptr::null(), 1);
        Self { layout, source, volume: layout.volume() }
    }

    /// Elements of scratch memory.
    fn len(&self) -> usize {
        if self.layout.plain() { 0 } else { self.source.channel as usize }
    }

    /// # Safety
    /// There is scratch memory of this length.
    unsafe fn prepare(&self, isa: Isa, from: &[T], scratch: *mut T) -> *const T {
        if self.layout.plain() {
            return from.as_ptr();
        }
        // SAFETY: the caller's promise.
        unsafe { self.layout.fill(isa, &self.source, from, scratch) };
        scratch
    }
}

fn run<T: GemmElement>(
    s: &ConvShape,
    isa: Isa,
    plan: &Plan,
    x: &[T],
    w: &[T],
    bias: Option<&[T]>,
    clamp: Option<(T, T)>,
    out: &mut [T],
) {
    let layout = Layout { channels: 1, batch: 1, ..plan.layout.clone() };
    let plane = Plane::<T>::new(&layout);
    let area = volume(s.kernel);
    let shifts: Vec<Vec<isize>> = plan.parts.iter().map(|part| part.shifts(&layout, &plane.source)).collect();
    let row = plane.source.row as usize;
    let long = plan.parts.iter().map(|part| (part.grid[1].max(1) - 1) * row + part.grid[2]).max().unwrap_or(0);
    let planes = s.batch * s.groups;
    let elements = plane.volume + plan.output;
    let chunk = (TASK_ELEMENTS / elements.max(1)).clamp(1, planes);
    let out = Shared(out.as_mut_ptr());
    let plane = &plane;
    tasks(planes.div_ceil(chunk), planes * elements * ELEMENT_WORK, |t| {
        with_scratch(plane.len() + long, |scratch: *mut T| {
            for p in t * chunk..planes.min((t + 1) * chunk) {
                let channel = p % s.groups;
                // SAFETY: the scratch memory has room for a plane and a long row; every task has its own output planes.
                unsafe {
                    let from = plane.prepare(isa, &x[p * plane.volume..][..plane.volume], scratch);
                    let to = scratch.add(plane.len());
                    for (part, shifts) in plan.parts.iter().zip(&shifts) {
                        let weights = &w[channel * area..][..area];
                        let bias = bias.map_or(T::ZERO, |bias| bias[channel]);
                        let out = out.get().add(p * plan.output);
                        for d in 0..part.grid[0] {
                            let from = from.offset(d as isize * plane.source.plane);
                            let out = out.wrapping_add(part.first + d * part.steps[0]);
                            dispatch(isa, Slice { part, from, row, shifts, weights, bias, clamp, to, out });
                        }
                    }
                }
            }
        });
    });
}

/// One slice of a plane's output: `out[h, w] = clamp(bias + Σ_t weights[t] * from[h * row + w + shifts[t]])`.
struct Slice<'a, T> {
    part: &'a Part,
    from: *const T,
    row: usize,
    shifts: &'a [isize],
    weights: &'a [T],
    bias: T,
    clamp: Option<(T, T)>,
    /// Room for all rows as one.
    to: *mut T,
    out: *mut T,
}

/// Registers of a long row that are computed at a time, so that their sums do not wait for each other.
const BLOCK: usize = 6;

impl<T: GemmElement> VectorKernel for Slice<'_, T> {
    type Elem = T;

    #[inline(always)]
    unsafe fn run<V: Vector<Elem = T>>(self) {
        let [_, h, w] = self.part.grid;
        if h == 0 || w == 0 {
            return;
        }
        let len = (h - 1) * self.row + w;
        let [_, step_h, step_w] = self.part.steps;
        let straight = self.row == w && step_h == w && step_w == 1;
        let to = if straight { self.out } else { self.to };
        // SAFETY: the caller's promise: all shifted rows are valid, `to` has room, and `out` is as large as the grid.
        unsafe {
            let mut j = 0;
            while j + BLOCK * V::LANES <= len {
                self.block::<V, BLOCK>(j, V::mask(V::LANES), to);
                j += BLOCK * V::LANES;
            }
            while j < len {
                self.block::<V, 1>(j, V::mask(V::LANES.min(len - j)), to);
                j += V::LANES;
            }
            if !straight {
                // Every row is the only run of a "tile" of one row.
                for i in 0..h {
                    let runs = &[Run { from: 0, to: 0, len: w }];
                    let (tile, c) = (to.add(i * self.row), self.out.add(i * step_h));
                    Scatter { tile, width: w, rows: 1, runs, c, c_rows: 0, step: step_w as isize }.run::<V>();
                }
            }
        }
    }
}

impl<T: GemmElement> Slice<'_, T> {
    #[inline(always)]
    unsafe fn block<V: Vector<Elem = T>, const N: usize>(&self, j: usize, mask: V::Mask, to: *mut T) {
        // SAFETY: as `run`.
        unsafe {
            let mut acc = [V::splat(self.bias); N];
            let from = self.from.add(j);
            for (&(tap, _), &shift) in self.part.taps.iter().zip(self.shifts) {
                let weight = V::splat(*self.weights.get_unchecked(tap));
                let from = from.offset(shift);
                for i in 0..N {
                    let p = from.add(i * V::LANES);
                    let x = if i + 1 == N { V::load_masked(p, mask) } else { V::load(p) };
                    acc[i] = x.mul_add(weight, acc[i]);
                }
            }
            if let Some((lo, hi)) = self.clamp {
                for i in 0..N {
                    acc[i] = acc[i].clamp(V::splat(lo), V::splat(hi));
                }
            }
            for i in 0..N {
                let p = to.add(j + i * V::LANES);
                if i + 1 == N { acc[i].store_masked(p, mask) } else { acc[i].store(p) }
            }
        }
    }
}

pub(super) fn backward_weight<T: GemmElement>(s: &ConvShape, isa: Isa, x: &[T], grad_out: &[T], grad_w: &mut [T]) {
    let plan = Plan::forward(s);
    let part = &plan.parts[0];
    let layout = Layout { channels: 1, batch: 1, ..plan.layout.clone() };
    let plane = &Plane::<T>::new(&layout);
    let shifts = &part.shifts(&layout, &plane.source);
    let [gd, gh, gw] = part.grid;
    let row = plane.source.row as usize;
    // Rows of the output's gradient get as far apart as those of the source, with zeros in between.
    let slice = gh * row;
    let area = volume(s.kernel);
    let elements = s.batch * (plane.volume + plan.output);
    let chunk = (TASK_ELEMENTS / elements.max(1)).clamp(1, s.groups);
    let grad_w = Shared(grad_w.as_mut_ptr());
    tasks(s.groups.div_ceil(chunk), s.groups * elements * ELEMENT_WORK, |t| {
        with_scratch(plane.len() + slice + area * MAX_LANES, |scratch: *mut T| {
            for channel in t * chunk..s.groups.min((t + 1) * chunk) {
                // SAFETY: the scratch memory has room for a plane, a slice of the gradient and the sums; every task has its own channels.
                unsafe {
                    let other = scratch.add(plane.len());
                    let sums = other.add(slice);
                    for i in 0..area * MAX_LANES {
                        *sums.add(i) = T::ZERO;
                    }
                    for n in 0..s.batch {
                        let p = n * s.groups + channel;
                        let from = plane.prepare(isa, &x[p * plane.volume..][..plane.volume], scratch);
                        for d in 0..gd {
                            let from = from.offset(d as isize * plane.source.plane);
                            let gradient = grad_out[p * plan.output + d * gh * gw..][..gh * gw].as_ptr();
                            dispatch(isa, Products { from, row, shifts, gradient, grid: [gh, gw], other, sums });
                        }
                    }
                    for tap in 0..area {
                        let lanes = std::slice::from_raw_parts(sums.add(tap * MAX_LANES), MAX_LANES);
                        *grad_w.get().add(channel * area + tap) = lanes.iter().fold(T::ZERO, |a, &b| a.add(b));
                    }
                }
            }
        });
    });
}

/// The most lanes of any register.
const MAX_LANES: usize = 16;

/// Adds to `sums[t]`, lane by lane, the products of a slice of the gradient with the source shifted by `shifts[t]`.
struct Products<'a, T> {
    from: *const T,
    row: usize,
    shifts: &'a [isize],
    gradient: *const T,
    grid: [usize; 2],
    /// Room for the gradient's rows, `row` apart.
    other: *mut T,
    /// [`MAX_LANES`] a tap.
    sums: *mut T,
}

impl<T: GemmElement> VectorKernel for Products<'_, T> {
    type Elem = T;

    #[inline(always)]
    unsafe fn run<V: Vector<Elem = T>>(mut self) {
        let [h, w] = self.grid;
        if h == 0 || w == 0 {
            return;
        }
        // SAFETY: the caller's promise: all shifted rows are valid, and `other` has room for all rows.
        unsafe {
            if w == self.row {
                self.other = self.gradient.cast_mut();
            } else {
                for i in 0..h {
                    let to = self.other.add(i * self.row);
                    crate::gemm::kernel::copy::<V>(self.gradient.add(i * w), to, w);
                    for j in w..self.row {
                        *to.add(j) = T::ZERO;
                    }
                }
            }
            let len = (h - 1) * self.row + w;
            let mut first = 0;
            while first < self.shifts.len() {
                first += match self.shifts.len() - first {
                    9.. => self.taps::<V, 9>(first, len),
                    5.. => self.taps::<V, 5>(first, len),
                    3.. => self.taps::<V, 3>(first, len),
                    _ => self.taps::<V, 1>(first, len),
                }
            }
        }
    }
}

impl<T: GemmElement> Products<'_, T> {
    /// `N` taps from `first` on, at once; gives `N`.
    #[inline(always)]
    unsafe fn taps<V: Vector<Elem = T>, const N: usize>(&self, first: usize, len: usize) -> usize {
        // SAFETY: as `run`.
        unsafe {
            let mut acc = [V::splat(T::ZERO); N];
            let mut from = [self.from; N];
            for t in 0..N {
                acc[t] = V::load(self.sums.add((first + t) * MAX_LANES));
                from[t] = self.from.offset(self.shifts[first + t]);
            }
            let whole = len / V::LANES * V::LANES;
            for j in (0..whole).step_by(V::LANES) {
                let other = V::load(self.other.add(j));
                for t in 0..N {
                    acc[t] = V::load(from[t].add(j)).mul_add(other, acc[t]);
                }
            }
            if whole < len {
                let mask = V::mask(len - whole);
                let other = V::load_masked(self.other.add(whole), mask);
                for t in 0..N {
                    acc[t] = V::load_masked(from[t].add(whole), mask).mul_add(other, acc[t]);
                }
            }
            for t in 0..N {
                acc[t].store(self.sums.add((first + t) * MAX_LANES));
            }
            N
        }
    }
}
