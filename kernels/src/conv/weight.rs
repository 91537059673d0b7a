//! Weight gradient: taps times output channels, summed over all positions of all images.
//!
//! The micro-kernel's rows are taps, whose elements it broadcasts from the source; its columns are output channels, for
//! which a task transposes the output gradient, a few hundred positions at a time. Positions are split into a few parts
//! whose sums are added at the end; the number of parts depends on the shape alone, so that results do not depend on
//! the number of threads.

use super::plan::Plan;
use super::source::Source;
use super::{ConvShape, Shared, tasks, volume};
use crate::gemm::KernelElement;
use crate::gemm::blocked::Tiles;
use crate::gemm::kernel::{Direct, Kernels, Store};
use crate::gemm::pack::pack;
use crate::gemm::scratch::with_scratch;
use crate::gemm::split;
use crate::gemm::vector::{Vector, VectorKernel, dispatch};
use std::ops::Range;

/// Positions whose gradients are transposed at a time.
const POSITIONS: usize = 384;
/// Elements of all partial sums together, unless one set of sums is larger.
const SUMS: usize = 2 << 20;
/// Maximum number of parts that positions are split into.
const PARTS: usize = 16;
/// Target number of tasks.
const TASKS: usize = 32;
/// Minimum number of taps per task: fewer would not pay for the transposition.
const BAND: usize = 128;

pub(super) fn backward_weight<T: KernelElement>(
    s: &ConvShape,
    kernels: &'static Kernels<T>,
    x: &[T],
    grad_out: &[T],
    grad_w: &mut [T],
) {
    let Plan { layout, parts: plan, .. } = Plan::forward(s);
    let grid = s.output();
    let (channels, m, area) = (s.in_group(), s.out_group(), volume(s.kernel));
    let k = channels * area;
    let one = s.groups * k * m;
    let blocks = Blocks::new(s.batch, grid);
    // Every part prepares the images that it reads, so there are few parts per image.
    let parts = (SUMS / one).clamp(1, PARTS).min(s.batch.max(4)).min(blocks.count());
    let bands = TASKS.div_ceil(parts * s.groups).min(k / BAND).clamp(1, channels);
    with_scratch(one * parts, |sums: *mut T| {
        let sums = Shared(sums);
        tasks(parts * s.groups * bands, one * s.batch * volume(grid), |t| {
            let (t, band) = (t / bands, split(channels, bands, t % bands));
            let (part, group) = (t / s.groups, t % s.groups);
            let mut range = split(blocks.count(), parts, part);
            let mut new = true;
            let first = group * channels + band.0;
            let c = first..first + band.1;
            while range.1 > 0 {
                // The blocks of the same images.
                let now = range.1.min(blocks.per_image() - range.0 % blocks.per_image());
                let images = blocks.images(range.0);
                layout.prepare(kernels.isa, x, images, c.clone(), |source| {
                    let offsets = &plan[0].offsets(band.1, &layout, source);
                    let start = ((part * s.groups + group) * k + band.0 * area) * m;
                    let sums = Shared(sums.get().wrapping_add(start));
                    let weight =
                        Weight { kernels, source, offsets, first, group, groups: s.groups, m, blocks, grad_out, sums };
                    // SAFETY: the sums have room for all parts; tasks write disjoint rows of a part's sums.
                    unsafe { weight.blocks(range.0..range.0 + now, new) };
                });
                range = (range.0 + now, range.1 - now);
                new = false;
            }
        });
        // A chunk of a group's taps at a time.
        let chunk = 64.min(k);
        let chunks = k.div_ceil(chunk);
        let grad_w = Shared(grad_w.as_mut_ptr());
        tasks(s.groups * chunks, 2 * one * parts, |t| {
            let (group, first) = (t / chunks, t % chunks * chunk);
            let taps = chunk.min(k - first);
            let start = (group * k + first) * m;
            // SAFETY: the sums of the parts are contiguous; tasks write disjoint taps.
            unsafe {
                let sum = sums.get().add(start);
                for part in 1..parts {
                    let (to, from, len) = (sum, sum.add(part * one), taps * m);
                    dispatch(kernels.isa, Add { to, from, len });
                }
                let to = grad_w.get().add(group * m * k + first);
                pack(kernels.isa, sum, 1, m as isize, m, taps, to, k);
            }
        });
    });
}

/// `to += from`
pub(super) struct Add<T> {
    pub to: *mut T,
    pub from: *const T,
    pub len: usize,
}

impl<T: KernelElement> VectorKernel for Add<T> {
    type Elem = T;

    #[inline(always)]
    unsafe fn run<V: Vector<Elem = T>>(self) {
        for i in (0..self.len).step_by(V::LANES) {
            // SAFETY: the caller guarantees `len` elements.
            unsafe {
                let mask = V::mask(V::LANES.min(self.len - i));
                let to = self.to.add(i);
                V::load_masked(to, mask).add(V::load_masked(self.from.add(i), mask)).store_masked(to, mask);
            }
        }
    }
}

/// Positions of all images, split into blocks: several whole images, or some rows of one.
#[derive(Clone, Copy)]
struct Blocks {
    images: usize,
    grid: [usize; 3],
    image_step: usize,
    row_step: usize,
}

/// First image, depth, row; number of images and rows.
struct Block {
    first: [usize; 3],
    images: usize,
    rows: usize,
}

impl Blocks {
    fn new(images: usize, grid: [usize; 3]) -> Self {
        let [_, h, w] = grid;
        let image_step = (POSITIONS / (h * w)).clamp(1, images);
        Self { images, grid, image_step, row_step: (POSITIONS / w).clamp(1, h) }
    }

    fn rows(&self) -> usize {
        self.grid[1].div_ceil(self.row_step)
    }

    /// Blocks per group of images.
    fn per_image(&self) -> usize {
        self.grid[0] * self.rows()
    }

    fn count(&self) -> usize {
        self.images.div_ceil(self.image_step) * self.per_image()
    }

    /// The images of block `i`.
    fn images(&self, i: usize) -> Range<usize> {
        let first = i / self.per_image() * self.image_step;
        first..self.images.min(first + self.image_step)
    }

    fn get(&self, i: usize) -> Block {
        let (i, row) = (i / self.rows(), i % self.rows() * self.row_step);
        let (image, depth) = (i / self.grid[0] * self.image_step, i % self.grid[0]);
        let images = self.image_step.min(self.images - image);
        Block { first: [image, depth, row], images, rows: self.row_step.min(self.grid[1] - row) }
    }
}

struct Weight<'a, T: 'static> {
    kernels: &'static Kernels<T>,
    source: &'a Source<T>,
    /// For the taps of channel `first` of the source and later ones.
    offsets: &'a [isize],
    first: usize,
    group: usize,
    groups: usize,
    m: usize,
    blocks: Blocks,
    grad_out: &'a [T],
    /// `[tap][output channel]`
    sums: Shared<T>,
}

impl<T: KernelElement> Weight<'_, T> {
    /// Accumulates some blocks of the images of the source.
    ///
    /// # Safety
    /// The sums have room for these taps.
    unsafe fn blocks(&self, range: Range<usize>, new: bool) {
        let [gd, gh, gw] = self.blocks.grid;
        let (source, m) = (self.source, self.m);
        let positions = gd * gh * gw;
        let tiles = Tiles::new(self.offsets.len(), m, self.kernels);
        // Rows are padded to a multiple of the register width, so that loads are aligned.
        let width = m.next_multiple_of(self.kernels.lanes);
        let largest = self.blocks.image_step * self.blocks.row_step * gw;
        with_scratch(largest * width, |gradient: *mut T| {
            for block in range.clone() {
                let Block { first: [n, d, h], images, rows } = self.blocks.get(block);
                let len = rows * gw;
                for i in 0..images {
                    let channel = ((n + i) * self.groups + self.group) * m;
                    let from = &self.grad_out[channel * positions + (d * gh + h) * gw..];
                    // SAFETY: the gradient has `m` channels of these positions, and the scratch memory has room for the
                    // block.
                    unsafe {
                        let to = gradient.add(i * len * width);
                        pack(self.kernels.isa, from.as_ptr(), 1, positions as isize, len, m, to, width);
                    }
                }
                let image = (n - source.first) as isize * source.image;
                let at = image + d as isize * source.plane + h as isize * source.row;
                let a = source.ptr.wrapping_offset(self.first as isize * source.channel + at);
                for column in 0..tiles.columns {
                    let (j, cols) = tiles.column(column);
                    for row in 0..tiles.rows {
                        let (i, taps) = tiles.row(row);
                        let out = Store {
                            c: self.sums.get().wrapping_add(i * m + j),
                            rs: m as isize,
                            alpha: T::ONE,
                            beta: if new && block == range.start { T::ZERO } else { T::ONE },
                            bias_row: std::ptr::null(),
                            bias_col: std::ptr::null(),
                            clamp: None,
                            stream: false,
                        };
                        let width = width as isize;
                        let args = Direct {
                            steps: [images, rows, gw],
                            a,
                            rows: self.offsets[i..i + taps].as_ptr(),
                            a_steps: [source.image, source.row, 1],
                            b: gradient.wrapping_add(j),
                            b_steps: [len as isize * width, gw as isize * width, width],
                            cols,
                            out,
                        };
                        // SAFETY: guaranteed by the caller; taps and positions are within the source.
                        unsafe { self.kernels.run_direct(taps, &args) };
                    }
                }
            }
        });
    }
}
