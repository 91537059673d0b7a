//! Depthwise convolution, in two dimensions.
//!
//! A few channels of an image are the lanes of a register ([`super::lanes`]): then strides, row ends and 7 by 7 planes
//! waste no lanes, and a tap is one aligned load for all of them. A band of rows at a time is transposed to that
//! layout, convolved, and transposed back, within the L1 and L2 caches.

use super::lanes::{Planes, scatter};
use super::plan::{Part, Plan};
use super::weight::Add;
use super::{ConvShape, Shared, tasks, volume};
use crate::gemm::KernelElement;
use crate::gemm::kernel::Kernels;
use crate::gemm::pack::pack;
use crate::gemm::scratch::with_scratch;
use crate::gemm::split;
use crate::gemm::vector::{Vector, VectorKernel, dispatch};
use crate::isa::Isa;
use std::ops::Range;

/// Elements per task.
const TASK_ELEMENTS: usize = 60_000;
/// Cost of moving an element, in multiply-adds of a matrix product; decides whether to use threads.
const ELEMENT_WORK: usize = 10;
/// Bytes of a band, input and output.
const BAND_BYTES: usize = 256 << 10;
/// Target number of tasks for the weight gradient.
const TASKS: usize = 32;

/// Whether each channel is a group of its own, with enough channels to fill registers, in at most two dimensions.
pub(super) fn applies(s: &ConvShape) -> bool {
    let flat = s.input[0] == 1 && s.kernel[0] == 1 && s.padding[0] == 0 && s.padding_end[0] == 0;
    s.groups >= 4 && s.groups == s.in_channels && s.groups == s.out_channels && flat
}

pub(super) fn forward<T: KernelElement>(
    s: &ConvShape,
    kernels: &Kernels<T>,
    x: &[T],
    w: &[T],
    bias: Option<&[T]>,
    clamp: Option<(T, T)>,
    out: &mut [T],
) {
    let [_, h, wd] = s.input;
    let [_, oh, ow] = s.output();
    run(s, kernels, &Plan::forward(s), x, [h, wd], w, bias, clamp, out, [oh, ow]);
}

pub(super) fn backward_input<T: KernelElement>(
    s: &ConvShape,
    kernels: &Kernels<T>,
    grad_out: &[T],
    w: &[T],
    grad_x: &mut [T],
) {
    let [_, h, wd] = s.input;
    let [_, oh, ow] = s.output();
    run(s, kernels, &Plan::backward_input(s), grad_out, [oh, ow], w, None, None, grad_x, [h, wd]);
}

/// How a band of positions is read.
struct Band {
    /// Source elements between adjacent positions, along height and width.
    step: [usize; 2],
    /// Image coordinates of the source's first element.
    origin: [isize; 2],
    /// Source rows beyond those of the last position, and source columns.
    reach: usize,
    width: usize,
    /// Positions of a band along height, and in total.
    rows: usize,
    all: usize,
}

impl Band {
    /// A row of positions produces `output` bytes.
    fn new<T>(plan: &Plan, lanes: usize, output: usize) -> Self {
        let [_, h, w] = &plan.layout.axes;
        let step = [h.stride(), w.stride()];
        let most = |f: &dyn Fn(&Part) -> usize| plan.parts.iter().map(f).max().unwrap_or(0);
        let place = |axis: usize| most(&|part| part.taps.iter().map(|t| t.1[axis]).max().unwrap_or(0));
        let (all, columns) = (most(&|part| part.grid[1]), most(&|part| part.grid[2]));
        let width = (columns.max(1) - 1) * step[1] + place(2) + 1;
        let row = step[0] * width * lanes * size_of::<T>() + output;
        let bands = (all * row).div_ceil(BAND_BYTES).clamp(1, all.max(1));
        Self { step, origin: [h.origin(), w.origin()], reach: place(1), width, rows: all.div_ceil(bands), all }
    }

    /// The number of source rows for these rows of positions.
    fn source(&self, rows: &Range<usize>) -> usize {
        (rows.len() - 1) * self.step[0] + self.reach + 1
    }

    /// Copies the source rows that these rows of positions read.
    ///
    /// # Safety
    /// As [`Planes::gather`].
    unsafe fn gather<T: KernelElement>(&self, isa: Isa, planes: &Planes<'_, T>, rows: &Range<usize>, to: *mut T) {
        let first = self.origin[0] + (rows.start * self.step[0]) as isize;
        // SAFETY: guaranteed by the caller.
        unsafe { planes.gather(isa, first..first + self.source(rows) as isize, self.origin[1], self.width, to) }
    }

    fn bands(&self) -> impl Iterator<Item = Range<usize>> {
        (0..self.all).step_by(self.rows.max(1)).map(|first| first..self.all.min(first + self.rows))
    }
}

fn run<T: KernelElement>(
    s: &ConvShape,
    kernels: &Kernels<T>,
    plan: &Plan,
    x: &[T],
    from: [usize; 2],
    w: &[T],
    bias: Option<&[T]>,
    clamp: Option<(T, T)>,
    out: &mut [T],
    to: [usize; 2],
) {
    let (isa, lanes) = (kernels.isa, kernels.lanes);
    let area = volume(s.kernel);
    // All parts have the same steps.
    let [_, step, _] = plan.parts[0].steps;
    let rows_out = step / to[1];
    let band = Band::new::<T>(plan, lanes, step * lanes * size_of::<T>());
    let (plane_in, plane_out) = (from[0] * from[1], to[0] * to[1]);
    let blocks = s.groups.div_ceil(lanes);
    let elements = (plane_in + plane_out) * lanes;
    let all = s.batch * blocks;
    let chunk = (TASK_ELEMENTS / elements.max(1)).clamp(1, all);
    let offsets: Vec<Vec<isize>> = plan
        .parts
        .iter()
        .map(|part| part.taps.iter().map(|t| ((t.1[1] * band.width + t.1[2]) * lanes) as isize).collect())
        .collect();
    let source_len = band.source(&(0..band.rows.max(1))) * band.width * lanes;
    let out_len = band.rows * step * lanes;
    let out = Shared(out.as_mut_ptr());
    tasks(all.div_ceil(chunk), all * elements * ELEMENT_WORK, |t| {
        with_scratch((area + 1) * lanes + source_len + out_len, |scratch: *mut T| {
            for i in t * chunk..all.min((t + 1) * chunk) {
                let (n, c) = (i / blocks, i % blocks * lanes);
                let channels = lanes.min(s.groups - c);
                let first = n * s.groups + c;
                let planes =
                    Planes { x: &x[first * plane_in..(first + channels) * plane_in], channels, lanes, size: from };
                // SAFETY: the scratch memory has room for weights, bias, source and output; tasks write disjoint output
                // planes.
                unsafe {
                    let (weights, biases) = (scratch, scratch.add(area * lanes));
                    let source = biases.add(lanes);
                    let result = source.add(source_len);
                    scratch.write_bytes(0, (area + 1) * lanes);
                    pack(isa, w[c * area..].as_ptr(), 1, area as isize, area, channels, weights, lanes);
                    if let Some(bias) = bias {
                        biases.copy_from_nonoverlapping(bias[c..].as_ptr(), channels);
                    }
                    for rows in band.bands() {
                        band.gather(isa, &planes, &rows, source);
                        for (part, offsets) in plan.parts.iter().zip(&offsets) {
                            let height = part.grid[1].min(rows.end).saturating_sub(rows.start);
                            let rows = Rows {
                                part,
                                offsets,
                                height,
                                from: source,
                                from_steps: [band.step[0] * band.width, band.step[1]].map(|x| x * lanes),
                                weights,
                                bias: biases,
                                clamp,
                                to: result.add(part.first * lanes),
                                to_steps: [part.steps[1], part.steps[2]].map(|x| x * lanes),
                            };
                            dispatch(isa, rows);
                        }
                        let top = rows.start * rows_out;
                        let height = (rows.end * rows_out).min(to[0]) - top;
                        let to_plane = out.get().add(first * plane_out + top * to[1]);
                        scatter(isa, result, lanes, height * to[1], channels, to_plane, plane_out);
                    }
                }
            }
        });
    });
}

/// Rows of a part: `to[h, w] = clamp(bias + Σ_t weights[t] * from[h, w, offsets[t]])`, one register each.
struct Rows<'a, T> {
    part: &'a Part,
    offsets: &'a [isize],
    height: usize,
    from: *const T,
    from_steps: [usize; 2],
    weights: *const T,
    bias: *const T,
    clamp: Option<(T, T)>,
    to: *mut T,
    to_steps: [usize; 2],
}

/// Outputs per block: enough independent sums to hide the latency of the multiply-adds.
const BLOCK: usize = 8;

impl<T: KernelElement> VectorKernel for Rows<'_, T> {
    type Elem = T;

    #[inline(always)]
    unsafe fn run<V: Vector<Elem = T>>(self) {
        let width = self.part.grid[2];
        let blocks = width.div_ceil(BLOCK);
        for h in 0..self.height {
            for block in 0..blocks {
                let (w, len) = split(width, blocks, block);
                // SAFETY: guaranteed by the caller: all these elements are valid.
                unsafe {
                    match len {
                        8 => self.block::<V, 8>(h, w),
                        7 => self.block::<V, 7>(h, w),
                        6 => self.block::<V, 6>(h, w),
                        5 => self.block::<V, 5>(h, w),
                        4 => self.block::<V, 4>(h, w),
                        3 => self.block::<V, 3>(h, w),
                        2 => self.block::<V, 2>(h, w),
                        _ => self.block::<V, 1>(h, w),
                    }
                }
            }
        }
    }
}

impl<T: KernelElement> Rows<'_, T> {
    #[inline(always)]
    unsafe fn block<V: Vector<Elem = T>, const N: usize>(&self, h: usize, w: usize) {
        // SAFETY: as in `run`.
        unsafe {
            let mut acc = [V::load(self.bias); N];
            let from = self.from.add(h * self.from_steps[0] + w * self.from_steps[1]);
            for (&(tap, _), &offset) in self.part.taps.iter().zip(self.offsets) {
                let weight = V::load(self.weights.add(tap * V::LANES));
                let from = from.offset(offset);
                for i in 0..N {
                    acc[i] = V::load(from.add(i * self.from_steps[1])).mul_add(weight, acc[i]);
                }
            }
            if let Some((lo, hi)) = self.clamp {
                for i in 0..N {
                    acc[i] = acc[i].clamp(V::splat(lo), V::splat(hi));
                }
            }
            let to = self.to.add(h * self.to_steps[0] + w * self.to_steps[1]);
            for i in 0..N {
                acc[i].store(to.add(i * self.to_steps[1]));
            }
        }
    }
}

pub(super) fn backward_weight<T: KernelElement>(
    s: &ConvShape,
    kernels: &Kernels<T>,
    x: &[T],
    grad_out: &[T],
    grad_w: &mut [T],
) {
    let (isa, lanes) = (kernels.isa, kernels.lanes);
    let area = volume(s.kernel);
    let plan = Plan::forward(s);
    let part = &plan.parts[0];
    let [_, h, w] = s.input;
    let [_, oh, ow] = s.output();
    let band = Band::new::<T>(&plan, lanes, ow * lanes * size_of::<T>());
    let (plane_in, plane_out) = (h * w, oh * ow);
    let offsets: &Vec<isize> = &part.taps.iter().map(|t| ((t.1[1] * band.width + t.1[2]) * lanes) as isize).collect();
    let source_len = band.source(&(0..band.rows)) * band.width * lanes;
    let gradient_len = band.rows * ow * lanes;
    let blocks = s.groups.div_ceil(lanes);
    // Each part covers some images and has its own sums. The number of parts affects rounding, so it depends on the
    // shape alone.
    let parts = TASKS.div_ceil(blocks).clamp(1, s.batch);
    let sums_len = area * lanes;
    let work = s.batch * s.groups * (plane_in + plane_out) * ELEMENT_WORK;
    with_scratch(blocks * parts * sums_len, |sums: *mut T| {
        let sums = Shared(sums);
        tasks(blocks * parts, work, |t| {
            let (block, images) = (t / parts, split(s.batch, parts, t % parts));
            let c = block * lanes;
            let channels = lanes.min(s.groups - c);
            with_scratch(source_len + gradient_len, |source: *mut T| {
                // SAFETY: the scratch memory has room for both bands, and every task has its own sums.
                unsafe {
                    let gradient = source.add(source_len);
                    let sums = sums.get().add(t * sums_len);
                    sums.write_bytes(0, sums_len);
                    for n in images.0..images.0 + images.1 {
                        let first = n * s.groups + c;
                        let of = |plane: usize| first * plane..(first + channels) * plane;
                        let input = Planes { x: &x[of(plane_in)], channels, lanes, size: [h, w] };
                        let output = Planes { x: &grad_out[of(plane_out)], channels, lanes, size: [oh, ow] };
                        for rows in band.bands() {
                            band.gather(isa, &input, &rows, source);
                            output.gather(isa, rows.start as isize..rows.end as isize, 0, ow, gradient);
                            let grid = [rows.len(), ow];
                            let steps = [band.step[0] * band.width, band.step[1]].map(|x| x * lanes);
                            dispatch(isa, Products { from: source, steps, offsets, gradient, grid, sums });
                        }
                    }
                }
            });
        });
        for block in 0..blocks {
            let channels = lanes.min(s.groups - block * lanes);
            // SAFETY: the sums of a block's parts are contiguous; the weight has these channels.
            unsafe {
                let sum = sums.get().add(block * parts * sums_len);
                for part in 1..parts {
                    dispatch(isa, Add { to: sum, from: sum.add(part * sums_len), len: sums_len });
                }
                let to = grad_w[block * lanes * area..].as_mut_ptr();
                pack(isa, sum, 1, lanes as isize, channels, area, to, area);
            }
        }
    });
}

/// Adds to `sums[t]` the products of a gradient with the source at `offsets[t]`, one register each.
struct Products<'a, T> {
    from: *const T,
    steps: [usize; 2],
    offsets: &'a [isize],
    gradient: *const T,
    grid: [usize; 2],
    sums: *mut T,
}

/// Taps per block: as many sums as fit into registers.
const TAPS: usize = 9;

impl<T: KernelElement> VectorKernel for Products<'_, T> {
    type Elem = T;

    #[inline(always)]
    unsafe fn run<V: Vector<Elem = T>>(self) {
        let groups = self.offsets.len().div_ceil(TAPS);
        for group in 0..groups {
            let (first, taps) = split(self.offsets.len(), groups, group);
            // SAFETY: guaranteed by the caller: all these elements are valid.
            unsafe {
                match taps {
                    9 => self.taps::<V, 9>(first),
                    8 => self.taps::<V, 8>(first),
                    7 => self.taps::<V, 7>(first),
                    6 => self.taps::<V, 6>(first),
                    5 => self.taps::<V, 5>(first),
                    4 => self.taps::<V, 4>(first),
                    3 => self.taps::<V, 3>(first),
                    2 => self.taps::<V, 2>(first),
                    _ => self.taps::<V, 1>(first),
                }
            }
        }
    }
}

impl<T: KernelElement> Products<'_, T> {
    #[inline(always)]
    unsafe fn taps<V: Vector<Elem = T>, const N: usize>(&self, first: usize) {
        let [height, width] = self.grid;
        // SAFETY: as in `run`.
        unsafe {
            let mut acc = [V::splat(T::ZERO); N];
            let mut from = [self.from; N];
            for t in 0..N {
                acc[t] = V::load(self.sums.add((first + t) * V::LANES));
                from[t] = self.from.offset(self.offsets[first + t]);
            }
            for h in 0..height {
                let mut at = h * self.steps[0];
                for w in 0..width {
                    let gradient = V::load(self.gradient.add((h * width + w) * V::LANES));
                    for t in 0..N {
                        acc[t] = V::load(from[t].add(at)).mul_add(gradient, acc[t]);
                    }
                    at += self.steps[1];
                }
            }
            for t in 0..N {
                acc[t].store(self.sums.add((first + t) * V::LANES));
            }
        }
    }
}
