//! The weight gradient in the transformed domain: `Gᵀ [Σ over tiles (Bᵀ d B) ⊙ (A y Aᵀ)] G`.

use super::transform::{Map, Tiles, apply};
use super::{ConvShape, Grid, Kernels, Transformed};
use crate::conv::weight::Add;
use crate::conv::{Shared, tasks};
use crate::gemm::kernel::{Direct, MAX_MR, Store};
use crate::gemm::pack::pack;
use crate::gemm::scratch::with_scratch;
use crate::gemm::split;
use crate::gemm::vector::dispatch;
use crate::threads;

/// Bytes of transformed inputs and gradients at a time: of a thread that works alone, and of all threads together.
const OWN_BYTES: usize = 2 << 20;
const SHARED_BYTES: usize = 10 << 20;
/// Elements of all partial sums together, unless one set of sums is larger.
const SUMS: usize = 3 << 19;
/// Maximum number of parts that the tiles are split into, each with its own sums.
const PARTS: usize = 8;
/// Input channels per task.
const GROUP: usize = 32;

pub(in crate::conv) fn backward_weight(
    s: &ConvShape,
    m: usize,
    kernels: &'static Kernels<f32>,
    x: &[f32],
    grad_out: &[f32],
    grad_w: &mut [f32],
) {
    let n = m + 2;
    let out = s.output();
    let tiles = [out[1].div_ceil(m), out[2].div_ceil(m)];
    let grid = |x, channels: usize, size: [usize; 3], padding: [usize; 2], reach| {
        let padded = channels.next_multiple_of(kernels.lanes);
        Grid { x, channels, padded, size: [size[1], size[2]], padding, step: m, reach, tiles }
    };
    let data = grid(x, s.in_channels, s.input, [s.padding[1], s.padding[2]], n);
    let gradient = grid(grad_out, s.out_channels, out, [0; 2], m);
    let elements = n * n;
    let rows = s.batch * tiles[0];
    let row_bytes = 4 * Transformed::len(elements, tiles[1], data.padded + gradient.padded);
    let panel = 2 * kernels.lanes;
    let sums = Sums {
        kernels,
        m,
        channels: [s.in_channels, s.out_channels],
        groups: s.in_channels.div_ceil(GROUP),
        panels: s.out_channels.div_ceil(panel),
        panel,
        grad_w: Shared(grad_w.as_mut_ptr()),
    };
    let blocks = sums.groups * sums.panels;
    let len = blocks * sums.len();
    // How rows are split into parts, and parts into chunks, affects rounding: it must not depend on the threads.
    let parts = (SUMS / len).clamp(1, PARTS).min(rows);
    let bytes = if parts > 1 { OWN_BYTES } else { SHARED_BYTES };
    with_scratch(len * parts, |kept: *mut f32| {
        let kept = Shared(kept);
        let part = |part: usize| {
            let (start, rows) = split(rows, parts, part);
            let chunks = rows.div_ceil((bytes / row_bytes).max(1));
            let most = split(rows, chunks, 0).1 * tiles[1];
            let sizes = [data.padded, gradient.padded].map(|channels| Transformed::len(elements, most, channels));
            with_scratch(sizes[0] + sizes[1], |scratch: *mut f32| {
                for chunk in 0..chunks {
                    let (first, len) = split(rows, chunks, chunk);
                    let count = len * tiles[1];
                    let first = start + first;
                    // SAFETY: the scratch memory has room for both transforms, `kept` for the sums of all parts.
                    unsafe {
                        let v = Transformed::new(scratch, count, data.padded);
                        let z = Transformed::new(scratch.add(sizes[0]), count, gradient.padded);
                        data.transform(kernels, Map::Input, first..first + len, v);
                        gradient.transform(kernels, Map::OutputT, first..first + len, z);
                        tasks(blocks, count * elements * s.in_channels * s.out_channels, |t| {
                            let to = kept.get().add((part * blocks + t) * sums.len());
                            sums.add(t, v, z, count, to, chunk == 0);
                        });
                    }
                }
            });
        };
        if parts >= threads::num_threads() {
            tasks(parts, rows * tiles[1] * elements * s.in_channels * s.out_channels, part);
        } else {
            (0..parts).for_each(part);
        }
        tasks(blocks, 10 * len * parts, |t| {
            // SAFETY: all parts have been accumulated.
            unsafe {
                let sum = kept.get().add(t * sums.len());
                let [_, _, channels, columns] = sums.block(t);
                for part in 1..parts {
                    for element in 0..elements {
                        let to = sum.add(element * sums.plane());
                        dispatch(kernels.isa, Add { to, from: to.add(part * len), len: channels * columns });
                    }
                }
                sums.finish(t, sum);
            }
        });
    });
}

/// Sums over tiles, for groups of input channels by panels of output channels.
struct Sums {
    kernels: &'static Kernels<f32>,
    /// Side of a tile.
    m: usize,
    /// Number of input and output channels.
    channels: [usize; 2],
    groups: usize,
    panels: usize,
    /// Output channels per panel.
    panel: usize,
    grad_w: Shared<f32>,
}

impl Sums {
    /// Elements per plane of sums, `[group][panel]`.
    fn plane(&self) -> usize {
        GROUP * self.panel + super::LINE
    }

    /// Elements of the sums of one group and panel.
    fn len(&self) -> usize {
        (self.m + 2).pow(2) * self.plane()
    }

    /// First input and output channel of block `i`, and their counts, the latter rounded up to whole registers.
    fn block(&self, i: usize) -> [usize; 4] {
        let (ic, oc) = (i / self.panels * GROUP, i % self.panels * self.panel);
        let padded = self.channels[1].next_multiple_of(self.kernels.lanes);
        [ic, oc, GROUP.min(self.channels[0] - ic), self.panel.min(padded - oc)]
    }

    /// Accumulates `count` tiles for block `i`.
    ///
    /// # Safety
    /// The transforms have `count` tiles; `sums` has room for [`Sums::len`] elements.
    unsafe fn add(&self, i: usize, v: Transformed, z: Transformed, count: usize, sums: *mut f32, first: bool) {
        let [ic, oc, channels, columns] = self.block(i);
        let shape = crate::gemm::blocked::Tiles::new(channels, columns, self.kernels);
        let offsets: [isize; MAX_MR] = std::array::from_fn(|i| i as isize);
        for element in 0..(self.m + 2).pow(2) {
            for column in 0..shape.columns {
                let (j, cols) = shape.column(column);
                for row in 0..shape.rows {
                    let (i, rows) = shape.row(row);
                    // SAFETY: guaranteed by the caller.
                    unsafe {
                        let out = Store {
                            c: sums.add(element * self.plane() + i * columns + j),
                            rs: columns as isize,
                            alpha: 1.0,
                            beta: if first { 0.0 } else { 1.0 },
                            bias_row: std::ptr::null(),
                            bias_col: std::ptr::null(),
                            clamp: None,
                            stream: false,
                        };
                        let args = Direct {
                            steps: [1, 1, count],
                            a: v.ptr.get().add(element * v.plane + ic + i),
                            rows: offsets.as_ptr(),
                            a_steps: [0, 0, v.channels as isize],
                            b: z.ptr.get().add(element * z.plane + oc + j),
                            b_steps: [0, 0, z.channels as isize],
                            cols,
                            out,
                        };
                        self.kernels.run_direct(rows, &args);
                    }
                }
            }
        }
    }

    /// Transforms the sums of block `i` back and writes its part of the gradient.
    ///
    /// # Safety
    /// As for [`Sums::add`].
    unsafe fn finish(&self, i: usize, sums: *const f32) {
        let [ic, oc, channels, columns] = self.block(i);
        let lanes = self.kernels.lanes;
        // Taps as [input channel][tap][output channel], then transposed into the weight's order.
        with_scratch(channels * 9 * lanes, |taps: *mut f32| {
            for block in (0..columns).step_by(lanes) {
                let valid = lanes.min(self.channels[1] - oc - block);
                // SAFETY: the sums have whole registers of output channels; the weight has these channels.
                unsafe {
                    let tiles = Tiles {
                        tiles: channels,
                        from: sums.add(block),
                        from_tile: columns,
                        from_row: ((self.m + 2) * self.plane()) as isize,
                        from_column: self.plane() as isize,
                        to: taps,
                        to_tile: 9 * lanes,
                        to_row: 3 * lanes,
                        to_column: lanes,
                    };
                    apply(self.kernels.isa, self.m, Map::WeightT, tiles);
                    let to = self.grad_w.get().add(((oc + block) * self.channels[0] + ic) * 9);
                    pack(self.kernels.isa, taps, 1, lanes as isize, valid, channels * 9, to, 9 * self.channels[0]);
                }
            }
        });
    }
}
