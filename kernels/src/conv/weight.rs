//! Gradient of the weight: taps times output channels, summed over all positions of all images.
//!
//! The micro-kernel's rows are taps, whose elements it broadcasts from the source; its columns are output channels, for
//! which the output's gradient is transposed to `[position][channel]`.

use super::plan::Plan;
use super::source::Source;
use super::{ConvShape, Shared, tasks, volume};
use crate::gemm::GemmElement;
use crate::gemm::blocked::Tiles;
use crate::gemm::kernel::{Direct, Kernels, Store};
use crate::gemm::pack::pack;
use crate::gemm::scratch::with_scratch;
use crate::gemm::split;

/// Positions after which sums are added to the gradient: their rows of the output's gradient stay in a cache.
const POSITIONS: usize = 512;
/// Multiply-adds of a task: about 100 µs.
const TASK_MULTIPLY_ADDS: usize = 8_000_000;

pub(super) fn backward_weight<T: GemmElement>(
    s: &ConvShape,
    kernels: &'static Kernels<T>,
    x: &[T],
    grad_out: &[T],
    grad_w: &mut [T],
) {
    let Plan { layout, parts, .. } = Plan::forward(s);
    let grid = s.output();
    let positions = volume(grid);
    let (channels, m) = (s.in_group(), s.out_group());
    let k = channels * volume(s.kernel);
    // Rows of a multiple of the registers' width, so that loads are aligned.
    let width = m.next_multiple_of(kernels.lanes);
    let sums_len = s.groups * k * m;
    layout.prepare(kernels.isa, x, |source| {
        let images = source.images;
        let gradient = s.groups * images * positions * width;
        with_scratch(gradient + sums_len, |scratch: *mut T| {
            let to = Shared(scratch);
            let columns = Tiles::new(1, positions, kernels).columns.min(positions.div_ceil(256));
            tasks(s.groups * images * columns, 10 * gradient, |t| {
                let (image, (start, len)) = (t / columns, split(positions, columns, t % columns));
                let (n, g) = (image / s.groups, image % s.groups);
                let from = &grad_out[((source.first + n) * s.out_channels + g * m) * positions + start..];
                let to = to.get().wrapping_add(((g * images + n) * positions + start) * width);
                // SAFETY: the gradient has m channels of these positions; every task has its own rows of the result.
                unsafe { pack(kernels.isa, from.as_ptr(), 1, positions as isize, len, m, to, width) };
            });
            let offsets = parts[0].offsets(channels, &layout, source);
            let weight = Weight {
                kernels,
                source,
                offsets: &offsets,
                channels,
                groups: s.groups,
                m,
                grid,
                gradient: scratch,
                width,
                sums: Shared(scratch.wrapping_add(gradient)),
            };
            // SAFETY: the scratch memory has the sizes that go with the shape.
            unsafe {
                weight.run();
                let sums = scratch.add(gradient);
                let first = source.first == 0;
                for g in 0..s.groups {
                    for oc in 0..m {
                        let row = &mut grad_w[(g * m + oc) * k..][..k];
                        for (q, to) in row.iter_mut().enumerate() {
                            let sum = *sums.add((g * k + q) * m + oc);
                            *to = if first { sum } else { to.add(sum) };
                        }
                    }
                }
            }
        });
    });
}

struct Weight<'a, T: 'static> {
    kernels: &'static Kernels<T>,
    source: &'a Source<T>,
    offsets: &'a [isize],
    channels: usize,
    groups: usize,
    m: usize,
    grid: [usize; 3],
    /// `[group][image][position][width]`
    gradient: *const T,
    width: usize,
    /// `[group][tap][output channel]`
    sums: Shared<T>,
}

// SAFETY: the elements are `Send + Sync`, the operands are only read, and tasks write disjoint sums.
unsafe impl<T: GemmElement> Sync for Weight<'_, T> {}

impl<T: GemmElement> Weight<'_, T> {
    /// # Safety
    /// The pointers are valid for the sizes given.
    unsafe fn run(&self) {
        let k = self.offsets.len();
        let tiles = Tiles::new(k, self.m, self.kernels);
        let work = self.groups * k * self.m * self.source.images * volume(self.grid);
        let bands = (work / self.groups / TASK_MULTIPLY_ADDS).clamp(1, tiles.rows.min(64));
        tasks(self.groups * bands, work, |t| {
            // SAFETY: the caller's promise; every task has its own rows of sums.
            unsafe { self.band(&tiles, t / bands, split(tiles.rows, bands, t % bands)) }
        });
    }

    /// Some rows of tiles, over all images.
    unsafe fn band(&self, tiles: &Tiles, group: usize, band: (usize, usize)) {
        let [gd, gh, gw] = self.grid;
        let source = self.source;
        let images = source.images;
        // Whole images at a time where they are small, some rows at a time where they are large.
        let image_step = (POSITIONS / (gh * gw)).clamp(1, images);
        let row_step = (POSITIONS / gw).clamp(1, gh);
        let mut first = true;
        for n in (0..images).step_by(image_step) {
            for d in 0..gd {
                for h in (0..gh).step_by(row_step) {
                    let steps = [image_step.min(images - n), row_step.min(gh - h), gw];
                    let at = n as isize * source.image + d as isize * source.plane + h as isize * source.row;
                    let channel = (group * self.channels) as isize * source.channel;
                    let a = source.ptr.wrapping_offset(channel + at);
                    let position = (((group * images + n) * gd + d) * gh + h) * gw;
                    let b = self.gradient.wrapping_add(position * self.width);
                    for column in 0..tiles.columns {
                        let (j, cols) = tiles.column(column);
                        for row in band.0..band.0 + band.1 {
                            let (i, rows) = tiles.row(row);
                            let out = Store {
                                c: self.sums.get().wrapping_add((group * self.offsets.len() + i) * self.m + j),
                                rs: self.m as isize,
                                alpha: T::ONE,
                                beta: if first { T::ZERO } else { T::ONE },
                                bias_row: std::ptr::null(),
                                bias_col: std::ptr::null(),
                                clamp: None,
                            };
                            let width = self.width as isize;
                            let args = Direct {
                                steps,
                                a,
                                rows: self.offsets[i..i + rows].as_ptr(),
                                a_steps: [source.image, source.row, 1],
                                b: b.wrapping_add(j),
                                b_steps: [(gd * gh * gw) as isize * width, gw as isize * width, width],
                                cols,
                                out,
                            };
                            // SAFETY: the caller's promise; taps and positions lie in the source.
                            unsafe { self.kernels.run_direct(rows, &args) };
                        }
                    }
                    first = false;
                }
            }
        }
    }
}
