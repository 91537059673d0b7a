//! Forward pass and input gradient: weights (one row per channel) times shifted rows of the source.

use super::plan::{Part, Plan};
use super::source::Source;
use super::{ConvShape, Shared, Weight, tasks, volume};
use crate::gemm::KernelElement;
use crate::gemm::blocked::Tiles;
use crate::gemm::kernel::{Kernels, MAX_MR, MAX_TILE, Panel, Run, Scatter, Store};
use crate::gemm::pack::pack;
use crate::gemm::scratch::{Buffer, with_scratch};
use crate::gemm::split;
use crate::gemm::vector::{dispatch, finish_streaming};
use crate::{isa, threads};
use std::mem::MaybeUninit;
use std::ops::Range;

/// Multiply-adds per task: about 50 µs.
const TASK_MULTIPLY_ADDS: usize = 4_000_000;

/// Bytes of images that a thread prepares privately, unless a single image is larger.
const OWN_BYTES: usize = 1 << 20;
/// Bytes of images that all threads prepare together.
const SHARED_BYTES: usize = 8 << 20;

/// A cache line, and the widest register.
const ALIGN: usize = 64;

/// Maximum number of columns of a tile, and so of runs in it.
const MAX_COLUMNS: usize = 48;

/// `out[m, position] = Σ_k weight[m, k] * source[position + offsets[k]]` for every group and image.
struct Correlation<'a, T: 'static> {
    kernels: &'static Kernels<T>,
    source: &'a Source<T>,
    /// Channels of a group in the source.
    channels: usize,
    groups: usize,
    /// Channels of a group in the output.
    m: usize,
    offsets: &'a [isize],
    /// Packed rows, group by group.
    weight: *const T,
    /// Output positions along each axis.
    grid: [usize; 3],
    merged: bool,
    out: Shared<T>,
    /// Strides of the output in elements: between images, channels, and positions along each axis.
    image: isize,
    channel: isize,
    steps: [isize; 3],
    bias: *const T,
    clamp: Option<(T, T)>,
    /// The output is too large to stay in a cache until it is read: use non-temporal stores where possible.
    stream: bool,
}

// SAFETY: the elements are `Send + Sync`, weight and bias are only read, and tasks write disjoint elements of `out`.
unsafe impl<T: KernelElement> Sync for Correlation<'_, T> {}

impl<T: KernelElement> Correlation<'_, T> {
    /// # Safety
    /// The pointers, strides and offsets must be consistent.
    unsafe fn run(&self) {
        let [gd, gh, gw] = self.grid;
        let k = self.offsets.len();
        let images = self.source.images;
        // A slice is a region that can be treated as one long row. Rows that fill registers are processed one by one
        // unless everything between them is output as well.
        let (slices, rows) = if self.merged {
            (1, images * gd * gh)
        } else if self.source.row as usize != gw && gw.is_multiple_of(self.kernels.lanes) {
            (images * gd * gh, 1)
        } else {
            (images * gd, gh)
        };
        if rows == 0 || gw == 0 || slices == 0 {
            return;
        }
        let columns = (rows - 1) * self.source.row as usize + gw;
        let tiles = Tiles::new(self.m, columns, self.kernels);
        let work = self.groups * self.m * k.max(1) * columns * slices;
        // A task is a few columns of tiles, with all rows unless there are too few columns.
        let tile_work = self.m * k.max(1) * self.kernels.nr;
        let chunk = (TASK_MULTIPLY_ADDS / tile_work.max(1)).clamp(1, tiles.columns);
        let chunks = tiles.columns.div_ceil(chunk);
        let wanted = work.div_ceil(TASK_MULTIPLY_ADDS).min(64);
        let bands = wanted.div_ceil(chunks * slices * self.groups).clamp(1, tiles.rows);
        tasks(slices * self.groups * chunks * bands, work, |t| {
            let (t, band) = (t / bands, t % bands);
            let (t, chunk) = (t / chunks, t % chunks);
            let (slice, group) = (t / self.groups, t % self.groups);
            let band = split(tiles.rows, bands, band);
            let chunk = split(tiles.columns, chunks, chunk);
            for column in chunk.0..chunk.0 + chunk.1 {
                // SAFETY: guaranteed by the caller; every task has its own tiles.
                unsafe { self.column(&tiles, (slice, rows), group, column, band) };
            }
            if self.stream {
                finish_streaming();
            }
        });
    }

    /// Source and output offsets of the first position of row `r`, counted over all images.
    #[inline(always)]
    fn row(&self, r: usize) -> (isize, isize) {
        let [gd, gh, _] = self.grid;
        let [n, d, h] = [r / (gd * gh), r / gh % gd, r % gh].map(|x| x as isize);
        let from = n * self.source.image + d * self.source.plane + h * self.source.row;
        let image = (self.source.first as isize + n) * self.image;
        (from, image + d * self.steps[0] + h * self.steps[1])
    }

    /// One column of tiles over `rows` rows of positions.
    unsafe fn column(
        &self,
        tiles: &Tiles,
        (slice, rows): (usize, usize),
        group: usize,
        column: usize,
        band: (usize, usize),
    ) {
        let [_, _, gw] = self.grid;
        let k = self.offsets.len();
        let (j, cols) = tiles.column(column);
        let pitch = self.source.row as usize;
        let base = group as isize * self.channels as isize * self.source.channel + self.row(slice * rows).0;
        let b = self.source.ptr.wrapping_offset(base + j as isize);
        // The parts of the tile that are output positions, and their destinations.
        let mut runs = [Run::default(); MAX_COLUMNS];
        let mut len = 0;
        let mut r = (j + 1).saturating_sub(gw).div_ceil(pitch);
        while r < rows && r * pitch < j + cols {
            let from = (r * pitch).max(j);
            let until = (r * pitch + gw).min(j + cols);
            let to = self.row(slice * rows + r).1 + (from - r * pitch) as isize * self.steps[2];
            match runs[..len].last_mut() {
                // Positions that are contiguous in both the source and the output.
                Some(run)
                    if self.steps[2] == 1 && run.from + run.len == from - j && run.to + run.len as isize == to =>
                {
                    run.len += until - from;
                }
                _ => {
                    runs[len] = Run { from: from - j, to, len: until - from };
                    len += 1;
                }
            }
            r += 1;
        }
        let runs = &runs[..len];
        let straight = self.steps[2] == 1 && len == 1 && runs[0].len == cols;
        let mut buffer = [const { MaybeUninit::<T>::uninit() }; MAX_TILE];
        // The first row of tiles prefetches what the next column of tiles will read.
        let next = if column + 1 < tiles.columns { cols as isize } else { 0 };
        for row in band.0..band.0 + band.1 {
            let (i, rows) = tiles.row(row);
            let m = group * self.m + i;
            let goal = self.out.get().wrapping_offset(m as isize * self.channel);
            let (c, rs) = if straight {
                (goal.wrapping_offset(runs[0].to), self.channel)
            } else {
                (buffer.as_mut_ptr().cast(), cols as isize)
            };
            let bias_row = if self.bias.is_null() { self.bias } else { self.bias.wrapping_add(m) };
            let aligned =
                c.cast::<u8>().align_offset(ALIGN) == 0 && (rs as usize * size_of::<T>()).is_multiple_of(ALIGN);
            let stream = self.stream && straight && aligned && cols.is_multiple_of(self.kernels.lanes);
            let bias_col = std::ptr::null();
            let out = Store { c, rs, alpha: T::ONE, beta: T::ZERO, bias_row, bias_col, clamp: self.clamp, stream };
            let ahead = if row == band.0 { next } else { 0 };
            let a = self.weight.wrapping_add(m * k);
            // SAFETY: guaranteed by the caller; the source has all columns of the tile at every offset.
            unsafe {
                self.kernels.run_panel(rows, &Panel { k, a, b, offsets: self.offsets.as_ptr(), ahead, cols, out });
                if !straight {
                    let (tile, step) = (c.cast_const(), self.steps[2]);
                    let scatter = Scatter { tile, width: cols, rows, runs, c: goal, c_rows: self.channel, step };
                    dispatch(self.kernels.isa, scatter);
                }
            }
        }
    }
}

/// The weights of all parts of a plan, in the order in which the micro-kernel reads them.
struct Weights<'a, T: 'static> {
    kernels: &'static Kernels<T>,
    parts: &'a [Part],
    groups: usize,
    /// Channels per group of the output, and of the source.
    m: usize,
    channels: usize,
    /// Taps of the kernel.
    area: usize,
}

impl<T: KernelElement> Weights<'_, T> {
    /// Elements of a part: `[group][tile of output channels][channel][tap][output channel]`.
    fn len(&self, part: &Part) -> usize {
        self.groups * self.m * self.channels * part.taps.len()
    }

    fn total(&self) -> usize {
        self.parts.iter().map(|part| self.len(part)).sum()
    }

    /// Packs a weight whose rows are output channels.
    fn pack_rows(&self, w: &[T], to: *mut T) {
        let Self { m, channels, area, .. } = *self;
        let row = channels * area;
        let w = Shared(w.as_ptr().cast_mut());
        self.pack(to, row, |g, i, c| w.get().wrapping_add((g * m + i) * row + c * area).cast_const());
    }

    /// Packs all parts, one after the other. The taps of output channel `m` of group `g` in source channel `c` begin at
    /// `from(g, m, c)`, and those of the next output channel `between` elements later.
    fn pack(&self, to: *mut T, between: usize, from: impl Fn(usize, usize, usize) -> *const T + Sync) {
        let Self { kernels, groups, m, channels, area, .. } = *self;
        let tiles = Tiles::new(m, 1, kernels);
        let to = Shared(to);
        let whole = |part: &Part| part.taps.len() == area && part.taps.iter().enumerate().all(|(i, t)| i == t.0);
        tasks(groups * tiles.rows, 4 * groups * m * channels * area, |t| {
            let (group, (i, rows)) = (t / tiles.rows, tiles.row(t % tiles.rows));
            let all = if channels > 1 { from(group, i, 1) as isize - from(group, i, 0) as isize } else { 0 };
            // SAFETY: `from` returns `area` valid taps for every channel; the tiles are disjoint.
            unsafe {
                if let [part] = self.parts
                    && whole(part)
                    && (channels == 1 || all == (area * size_of::<T>()) as isize)
                {
                    // The taps of all channels are contiguous.
                    let to = to.get().add((group * m + i) * channels * area);
                    return pack(kernels.isa, from(group, i, 0), 1, between as isize, channels * area, rows, to, rows);
                }
                with_scratch(area * rows, |taps: *mut T| {
                    for c in 0..channels {
                        pack(kernels.isa, from(group, i, c), 1, between as isize, area, rows, taps, rows);
                        let mut start = 0;
                        for part in self.parts {
                            let n = part.taps.len();
                            let to = to.get().add(start + ((group * m + i) * channels + c * rows) * n);
                            for (t, &(tap, _)) in part.taps.iter().enumerate() {
                                for r in 0..rows {
                                    *to.add(t * rows + r) = *taps.add(tap * rows + r);
                                }
                            }
                            start += self.len(part);
                        }
                    }
                });
            }
        });
    }
}

/// The forward plan of `s`.
fn forward_plan<T>(s: &ConvShape, kernels: &Kernels<T>) -> Plan {
    let mut plan = Plan::forward(s);
    // With a 1×1 kernel and tiny images, tiles may span images. Copying the images for this costs more than leaving a
    // third of the lanes empty.
    plan.layout.merged = volume(s.kernel) == 1
        && [s.padding, s.padding_end] == [[0; 3]; 2]
        && plan.output.next_multiple_of(kernels.lanes) * 3 > plan.output * 5
        && s.batch > 1;
    plan
}

fn forward_weights<'a, T: KernelElement>(
    s: &ConvShape,
    kernels: &'static Kernels<T>,
    plan: &'a Plan,
) -> Weights<'a, T> {
    let (channels, m) = (s.in_group(), s.out_group());
    Weights { kernels, parts: &plan.parts, groups: s.groups, m, channels, area: volume(s.kernel) }
}

/// Packs `w` for the forward pass of convolutions with this kernel, for any image size.
pub(super) fn pack_forward<T: KernelElement>(s: &ConvShape, kernels: &'static Kernels<T>, w: &[T]) -> Buffer {
    let buffer = Buffer::with_room_for::<T>(w.len());
    let plan = Plan::forward(s);
    forward_weights(s, kernels, &plan).pack_rows(w, buffer.as_ptr());
    buffer
}

pub(super) fn forward<T: KernelElement>(
    s: &ConvShape,
    kernels: &'static Kernels<T>,
    x: &[T],
    w: Weight<'_, T>,
    bias: Option<&[T]>,
    clamp: Option<(T, T)>,
    out: &mut [T],
) {
    let plan = forward_plan(s, kernels);
    let weights = forward_weights(s, kernels, &plan);
    match w {
        Weight::Packed(w) => run(s, &weights, &plan, w, x, bias, clamp, out),
        Weight::Plain(w) => with_scratch(w.len(), |packed: *mut T| {
            weights.pack_rows(w, packed);
            run(s, &weights, &plan, packed, x, bias, clamp, out);
        }),
    }
}

pub(super) fn backward_input<T: KernelElement>(
    s: &ConvShape,
    kernels: &'static Kernels<T>,
    grad_out: &[T],
    w: &[T],
    grad_x: &mut [T],
) {
    let plan = Plan::backward_input(s);
    // Input and output channels of a group swap roles.
    let (channels, m, area) = (s.out_group(), s.in_group(), volume(s.kernel));
    let weights = Weights { kernels, parts: &plan.parts, groups: s.groups, m, channels, area };
    with_scratch(weights.total(), |weight: *mut T| {
        let w = Shared(w.as_ptr().cast_mut());
        let from =
            |g: usize, i: usize, c: usize| w.get().wrapping_add(((g * channels + c) * m + i) * area).cast_const();
        weights.pack(weight, area, from);
        run(s, &weights, &plan, weight, grad_out, None, None, grad_x);
    });
}

/// Executes a plan with its packed weights.
fn run<T: KernelElement>(
    s: &ConvShape,
    weights: &Weights<'_, T>,
    plan: &Plan,
    weight: *const T,
    x: &[T],
    bias: Option<&[T]>,
    clamp: Option<(T, T)>,
    out: &mut [T],
) {
    let stream = size_of_val(out) >= isa::caches().l3;
    let (weight, out) = (Shared(weight.cast_mut()), Shared(out.as_mut_ptr()));
    let images = |images: Range<usize>| {
        plan.layout.prepare(weights.kernels.isa, x, images, 0..plan.layout.channels, |source| {
            let mut weight = weight.get().cast_const();
            for part in &plan.parts {
                let correlation = Correlation {
                    kernels: weights.kernels,
                    source,
                    channels: weights.channels,
                    groups: s.groups,
                    m: weights.m,
                    offsets: &part.offsets(weights.channels, &plan.layout, source),
                    weight,
                    grid: part.grid,
                    merged: plan.layout.merged,
                    out: Shared(out.get().wrapping_add(part.first)),
                    image: (s.groups * weights.m * plan.output) as isize,
                    channel: plan.output as isize,
                    steps: part.steps.map(|x| x as isize),
                    bias: bias.map_or(std::ptr::null(), <[T]>::as_ptr),
                    clamp,
                    stream,
                };
                // SAFETY: the slices' lengths match the shape (checked by the caller), and so do the strides.
                unsafe { correlation.run() };
                weight = weight.wrapping_add(weights.len(part));
            }
        });
    };
    let work = plan.parts.iter().map(|part| weights.len(part) * volume(part.grid)).sum::<usize>().max(1);
    let bytes = plan.layout.bytes::<T>().max(1);
    let threads = threads::num_threads();
    if s.batch >= 2 * threads || threads == 1 {
        // A thread reads the images that it prepared: data in another core's cache arrives no faster than from memory.
        let chunk = (TASK_MULTIPLY_ADDS / work).min(OWN_BYTES / bytes).clamp(1, s.batch.div_ceil(2 * threads));
        let chunks = s.batch.div_ceil(chunk);
        tasks(chunks, s.batch * work, |t| {
            let (first, len) = split(s.batch, chunks, t);
            images(first..first + len);
        });
    } else {
        let chunks = s.batch.div_ceil((SHARED_BYTES / bytes).max(1));
        for t in 0..chunks {
            let (first, len) = split(s.batch, chunks, t);
            images(first..first + len);
        }
    }
}

const _: () = assert!(MAX_TILE == MAX_MR * MAX_COLUMNS);
