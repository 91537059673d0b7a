//! Forward and gradient of the input: weights (a row a channel) times shifted rows of the source.

use super::source::{Axis, Layout, Source};
use super::{ConvShape, Shared, tasks, volume};
use crate::gemm::GemmElement;
use crate::gemm::blocked::Tiles;
use crate::gemm::kernel::{Kernels, MAX_MR, MAX_TILE, Panel, Run, Scatter, Store};
use crate::gemm::pack::pack;
use crate::gemm::scratch::with_scratch;
use crate::gemm::vector::dispatch;
use std::mem::MaybeUninit;

/// Multiply-adds of a task: about 50 µs.
const TASK_MULTIPLY_ADDS: usize = 4_000_000;

/// The most columns of a tile, thus of runs in it.
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
    /// Packed rows, group after group.
    weight: *const T,
    /// Output positions along each axis.
    grid: [usize; 3],
    merged: bool,
    out: Shared<T>,
    /// Elements of the output from one image, channel, and position along each axis to the next.
    image: isize,
    channel: isize,
    steps: [isize; 3],
    bias: *const T,
    clamp: Option<(T, T)>,
}

// SAFETY: the elements are `Send + Sync`, weight and bias are only read, and tasks write disjoint elements of `out`.
unsafe impl<T: GemmElement> Sync for Correlation<'_, T> {}

impl<T: GemmElement> Correlation<'_, T> {
    /// # Safety
    /// The pointers, strides and offsets go with each other.
    unsafe fn run(&self) {
        let [gd, gh, gw] = self.grid;
        let k = self.offsets.len();
        let images = self.source.images;
        // A slice is what can be seen as one long row.
        let (slices, rows) = if self.merged { (1, images * gd * gh) } else { (images * gd, gh) };
        if rows == 0 || gw == 0 || slices == 0 {
            return;
        }
        let columns = (rows - 1) * self.source.row as usize + gw;
        let tiles = Tiles::new(self.m, columns, self.kernels);
        let work = self.groups * self.m * k.max(1) * columns * slices;
        // Tasks of some columns of tiles, and of all rows unless the columns are too few.
        let tile_work = self.m * k.max(1) * self.kernels.nr;
        let chunk = (TASK_MULTIPLY_ADDS / tile_work.max(1)).clamp(1, tiles.columns);
        let chunks = tiles.columns.div_ceil(chunk);
        let wanted = work.div_ceil(TASK_MULTIPLY_ADDS).min(64);
        let bands = wanted.div_ceil(chunks * slices * self.groups).clamp(1, tiles.rows);
        tasks(slices * self.groups * chunks * bands, work, |t| {
            let (t, band) = (t / bands, t % bands);
            let (t, chunk) = (t / chunks, t % chunks);
            let (slice, group) = (t / self.groups, t % self.groups);
            let band = crate::gemm::split(tiles.rows, bands, band);
            let chunk = crate::gemm::split(tiles.columns, chunks, chunk);
            for column in chunk.0..chunk.0 + chunk.1 {
                // SAFETY: the caller's promise; every task has its own tiles.
                unsafe { self.column(&tiles, (slice, rows), group, column, band) };
            }
        });
    }

    /// Where the first position of row `r`, counted over all images, goes.
    #[inline(always)]
    fn row_goal(&self, r: usize) -> isize {
        let [gd, gh, _] = self.grid;
        let (n, d, h) = (r / (gd * gh), r / gh % gd, r % gh);
        (self.source.first + n) as isize * self.image + d as isize * self.steps[0] + h as isize * self.steps[1]
    }

    /// One column of tiles of `rows` rows of positions.
    unsafe fn column(
        &self,
        tiles: &Tiles,
        (slice, rows): (usize, usize),
        group: usize,
        column: usize,
        band: (usize, usize),
    ) {
        let [gd, _, gw] = self.grid;
        let k = self.offsets.len();
        let (j, cols) = tiles.column(column);
        let pitch = self.source.row as usize;
        let mut base = group as isize * self.channels as isize * self.source.channel;
        if !self.merged {
            base += (slice / gd) as isize * self.source.image + (slice % gd) as isize * self.source.plane;
        }
        let b = self.source.ptr.wrapping_offset(base + j as isize);
        // The pieces of the tile that are positions, and where they go.
        let mut runs = [Run::default(); MAX_COLUMNS];
        let mut len = 0;
        let mut r = (j + 1).saturating_sub(gw).div_ceil(pitch);
        while r < rows && r * pitch < j + cols {
            let from = (r * pitch).max(j);
            let until = (r * pitch + gw).min(j + cols);
            let to = self.row_goal(slice * rows + r) + (from - r * pitch) as isize * self.steps[2];
            match runs[..len].last_mut() {
                // Positions that follow each other on both sides.
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
            let out =
                Store { c, rs, alpha: T::ONE, beta: T::ZERO, bias_row, bias_col: std::ptr::null(), clamp: self.clamp };
            let a = self.weight.wrapping_add(m * k);
            // SAFETY: the caller's promise; the source has all columns of the tile at every offset.
            unsafe {
                self.kernels.run_panel(rows, &Panel { k, a, b, offsets: self.offsets.as_ptr(), cols, out });
                if !straight {
                    let (tile, step) = (c.cast_const(), self.steps[2]);
                    let scatter = Scatter { tile, width: cols, rows, runs, c: goal, c_rows: self.channel, step };
                    dispatch(self.kernels.isa, scatter);
                }
            }
        }
    }
}

/// Packs the rows of a weight, group after group: row `m` at `w + m * rs`, its elements at `columns`.
fn pack_weight<T: GemmElement>(
    kernels: &'static Kernels<T>,
    groups: usize,
    m: usize,
    k: usize,
    to: *mut T,
    row: impl Fn(usize, usize) -> (*const T, isize, isize) + Sync,
) {
    let tiles = Tiles::new(m, 1, kernels);
    let to = Shared(to);
    tasks(groups * tiles.rows, 4 * groups * m * k, |t| {
        let (group, tile) = (t / tiles.rows, t % tiles.rows);
        let (i, rows) = tiles.row(tile);
        let (from, ps, js) = row(group, i);
        // SAFETY: `row` describes valid rows; every panel has its own place.
        unsafe { pack(kernels.isa, from, ps, js, k, rows, to.get().add((group * m + i) * k), rows) };
    });
}

pub(super) fn forward<T: GemmElement>(
    s: &ConvShape,
    kernels: &'static Kernels<T>,
    x: &[T],
    w: &[T],
    bias: Option<&[T]>,
    clamp: Option<(T, T)>,
    out: &mut [T],
) {
    let grid = s.output();
    let (channels, m) = (s.in_group(), s.out_group());
    let k = channels * volume(s.kernel);
    let mut layout = Layout::input(s);
    let positions = volume(grid);
    // Where a position is one element of the source and images are small, tiles may span images.
    layout.merged = volume(s.kernel) == 1
        && s.padding == [0; 3]
        && positions < 256
        && !positions.is_multiple_of(kernels.nr)
        && s.batch > 1;
    let out = Shared(out.as_mut_ptr());
    with_scratch(s.out_channels * k, |weight: *mut T| {
        pack_weight(kernels, s.groups, m, k, weight, |group, i| {
            (w.as_ptr().wrapping_add((group * m + i) * k), 1, k as isize)
        });
        layout.prepare(kernels.isa, x, |source| {
            let offsets = offsets(channels, &layout, source, &taps(s.kernel, s.dilation));
            let correlation = Correlation {
                kernels,
                source,
                channels,
                groups: s.groups,
                m,
                offsets: &offsets,
                weight,
                grid,
                merged: layout.merged,
                out,
                image: (s.out_channels * positions) as isize,
                channel: positions as isize,
                steps: [(grid[1] * grid[2]) as isize, grid[2] as isize, 1],
                bias: bias.map_or(std::ptr::null(), <[T]>::as_ptr),
                clamp,
            };
            // SAFETY: the slices have the lengths that go with the shape (checked by the caller), and so do the strides.
            unsafe { correlation.run() };
        });
    });
}

/// Distance of every tap from the first.
fn taps(kernel: [usize; 3], dilation: [usize; 3]) -> Vec<[usize; 3]> {
    let [kd, kh, kw] = kernel;
    let [dd, dh, dw] = dilation;
    let tap = |t: usize| [t / (kh * kw) * dd, t / kw % kh * dh, t % kw * dw];
    (0..kd * kh * kw).map(tap).collect()
}

/// The offsets of all taps of all `channels` of a group, in the order of a weight's row.
pub(super) fn offsets<T>(channels: usize, layout: &Layout, source: &Source<T>, taps: &[[usize; 3]]) -> Vec<isize> {
    let taps: Vec<isize> = taps.iter().map(|&t| layout.offset(source, t)).collect();
    (0..channels as isize).flat_map(|c| taps.iter().map(move |t| c * source.channel + t)).collect()
}

/// The offsets of all taps of all channels of a group in the source of the forward.
pub(super) fn forward_offsets<T>(s: &ConvShape, layout: &Layout, source: &Source<T>) -> Vec<isize> {
    offsets(s.in_group(), layout, source, &taps(s.kernel, s.dilation))
}

/// The input elements of one residue of the stride, along one axis, and the taps that reach them.
struct Residue {
    /// First input element.
    first: usize,
    /// Number of input elements, `stride` apart.
    count: usize,
    /// Taps, and how far each reads from the element that the first input element's position has in the source.
    taps: Vec<(usize, isize)>,
}

/// Input element `i` gets output element `o` times tap `t` where `o * stride + t * dilation = i + padding`.
fn residues(s: &ConvShape, axis: usize) -> Vec<Residue> {
    let (stride, padding) = (s.stride[axis], s.padding[axis]);
    let of = |first: usize| {
        let (at, residue) = ((first + padding) / stride, (first + padding) % stride);
        let taps = (0..s.kernel[axis]).filter(|t| t * s.dilation[axis] % stride == residue);
        let shift = |t: usize| at as isize - (t * s.dilation[axis] / stride) as isize;
        Residue { first, count: (s.input[axis] - first).div_ceil(stride), taps: taps.map(|t| (t, shift(t))).collect() }
    };
    (0..stride.min(s.input[axis])).map(of).collect()
}

pub(super) fn backward_input<T: GemmElement>(
    s: &ConvShape,
    kernels: &'static Kernels<T>,
    grad_out: &[T],
    w: &[T],
    grad_x: &mut [T],
) {
    let residues = [0, 1, 2].map(|axis| residues(s, axis));
    let out = s.output();
    // The source begins where the tap that reads furthest ahead does.
    let origin =
        [0, 1, 2].map(|axis| residues[axis].iter().flat_map(|r| r.taps.iter().map(|t| t.1)).min().unwrap_or(0));
    let axes = [0, 1, 2].map(|axis| {
        let count = residues[axis].iter().map(|r| r.count).max().unwrap_or(0);
        let taps = residues[axis].iter().flat_map(|r| r.taps.iter().map(|t| (t.1 - origin[axis]) as usize));
        Axis::new(out[axis], origin[axis], 1, count, taps)
    });
    let layout = Layout { axes, channels: s.out_channels, batch: s.batch, merged: false };
    // Groups swap the roles of their input and output channels.
    let (channels, m) = (s.out_group(), s.in_group());
    let area = volume(s.kernel);
    let input = volume(s.input);
    let [_, h, wd] = s.input;
    let grad_x = Shared(grad_x.as_mut_ptr());
    with_scratch(2 * s.in_channels * channels * area, |weight: *mut T| {
        // Every combination of residues has its taps; their weights lie one after the other.
        let mut combinations = Vec::new();
        let mut end = 0;
        for d in &residues[0] {
            for h in &residues[1] {
                for w in &residues[2] {
                    combinations.push(([d, h, w], end));
                    end += s.in_channels * channels * d.taps.len() * h.taps.len() * w.taps.len();
                }
            }
        }
        for &([d, h, wr], at) in &combinations {
            let chosen: Vec<usize> = tap_numbers(s, [d, h, wr]);
            let k = channels * chosen.len();
            let gathered = weight.wrapping_add(end);
            // SAFETY: the second half of the scratch memory holds these weights as [group][channel of the output][tap]
            // [channel of the input], the first half has room for their panels.
            unsafe {
                let mut to = gathered;
                for oc in 0..s.out_channels {
                    for &tap in &chosen {
                        for ic in 0..m {
                            *to = w[(oc * m + ic) * area + tap];
                            to = to.add(1);
                        }
                    }
                }
                let from = Shared(gathered);
                pack_weight(kernels, s.groups, m, k, weight.add(at), |group, i| {
                    (from.get().wrapping_add(group * k * m + i).cast_const(), m as isize, 1)
                });
            }
        }
        layout.prepare(kernels.isa, grad_out, |source| {
            for &([d, hr, wr], at) in &combinations {
                let mut taps = Vec::new();
                for td in &d.taps {
                    for th in &hr.taps {
                        taps.extend(
                            wr.taps
                                .iter()
                                .map(|tw| [td.1 - origin[0], th.1 - origin[1], tw.1 - origin[2]].map(|x| x as usize)),
                        );
                    }
                }
                let offsets = offsets(channels, &layout, source, &taps);
                let [sd, sh, sw] = s.stride;
                let correlation = Correlation {
                    kernels,
                    source,
                    channels,
                    groups: s.groups,
                    m,
                    offsets: &offsets,
                    weight: weight.wrapping_add(at),
                    grid: [d.count, hr.count, wr.count],
                    merged: false,
                    out: Shared(grad_x.get().wrapping_add((d.first * h + hr.first) * wd + wr.first)),
                    image: (s.in_channels * input) as isize,
                    channel: input as isize,
                    steps: [sd * h * wd, sh * wd, sw].map(|x| x as isize),
                    bias: std::ptr::null(),
                    clamp: None,
                };
                // SAFETY: as in `forward`.
                unsafe { correlation.run() };
            }
        });
    });
}

/// The taps of a combination of residues as places in the kernel.
fn tap_numbers(s: &ConvShape, [d, h, w]: [&Residue; 3]) -> Vec<usize> {
    let mut numbers = Vec::new();
    for td in &d.taps {
        for th in &h.taps {
            numbers.extend(w.taps.iter().map(|tw| (td.0 * s.kernel[1] + th.0) * s.kernel[2] + tw.0));
        }
    }
    numbers
}

const _: () = assert!(MAX_TILE == MAX_MR * MAX_COLUMNS);
