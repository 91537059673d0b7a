//! The gradient of the weight in transformed space: `Gᵀ [Σ over tiles (Bᵀ d B) ⊙ (A y Aᵀ)] G`.

use super::transform::{Map, Tiles, apply};
use super::{ConvShape, Grid, Kernels, Transformed};
use crate::conv::{Shared, tasks};
use crate::gemm::kernel::{Direct, MAX_MR, Store};
use crate::gemm::pack::pack;
use crate::gemm::scratch::with_scratch;
use crate::gemm::split;

/// Bytes of transformed inputs and gradients at a time.
const SHARED_BYTES: usize = 10 << 20;
/// Input channels of a task.
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
    let chunks = rows.div_ceil((SHARED_BYTES / row_bytes).max(1));
    let most = split(rows, chunks, 0).1 * tiles[1];
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
    let kept = if chunks == 1 { 0 } else { sums.groups * sums.panels * sums.len() };
    let sizes = [data.padded, gradient.padded].map(|channels| Transformed::len(elements, most, channels));
    with_scratch(sizes[0] + sizes[1] + kept, |scratch: *mut f32| {
        for chunk in 0..chunks {
            let (first, len) = split(rows, chunks, chunk);
            let count = len * tiles[1];
            // SAFETY: the scratch memory has room for both, and for all sums if they outlive a chunk.
            unsafe {
                let v = Transformed::new(scratch, count, data.padded);
                let z = Transformed::new(scratch.add(sizes[0]), count, gradient.padded);
                data.transform(kernels, Map::Input, first..first + len, v);
                gradient.transform(kernels, Map::OutputT, first..first + len, z);
                let kept = Shared(if chunks == 1 { std::ptr::null_mut() } else { scratch.add(sizes[0] + sizes[1]) });
                let work = count * elements * s.in_channels * s.out_channels;
                tasks(sums.groups * sums.panels, work, |t| {
                    let at = (t / sums.panels, t % sums.panels);
                    let run = |to| sums.run(at, v, z, count, to, chunk == 0, chunk + 1 == chunks);
                    if kept.get().is_null() {
                        with_scratch(sums.len(), run)
                    } else {
                        run(kept.get().add(t * sums.len()))
                    }
                });
            }
        }
    });
}

/// Sums over tiles, for groups of input channels by panels of output channels.
struct Sums {
    kernels: &'static Kernels<f32>,
    /// Side of a tile.
    m: usize,
    /// Input, output.
    channels: [usize; 2],
    groups: usize,
    panels: usize,
    /// Output channels of a panel.
    panel: usize,
    grad_w: Shared<f32>,
}

impl Sums {
    /// Elements of a plane of sums, [group][panel].
    fn plane(&self) -> usize {
        GROUP * self.panel + super::LINE
    }

    /// Elements of the sums of one group and panel.
    fn len(&self) -> usize {
        (self.m + 2).pow(2) * self.plane()
    }

    /// Adds up `count` tiles, and writes the gradient if these are the `last`.
    ///
    /// # Safety
    /// The transforms have `count` tiles, `sums` has room for [`Sums::len`] elements.
    unsafe fn run(
        &self,
        (group, panel): (usize, usize),
        v: Transformed,
        z: Transformed,
        count: usize,
        sums: *mut f32,
        first: bool,
        last: bool,
    ) {
        let (ic, oc) = (group * GROUP, panel * self.panel);
        let channels = GROUP.min(self.channels[0] - ic);
        let columns = self.panel.min(z.channels - oc);
        let shape = crate::gemm::blocked::Tiles::new(channels, columns, self.kernels);
        let offsets: [isize; MAX_MR] = std::array::from_fn(|i| i as isize);
        for element in 0..(self.m + 2).pow(2) {
            for column in 0..shape.columns {
                let (j, cols) = shape.column(column);
                for row in 0..shape.rows {
                    let (i, rows) = shape.row(row);
                    // SAFETY: the caller's promise.
                    unsafe {
                        let out = Store {
                            c: sums.add(element * self.plane() + i * self.panel + j),
                            rs: self.panel as isize,
                            alpha: 1.0,
                            beta: if first { 0.0 } else { 1.0 },
                            bias_row: std::ptr::null(),
                            bias_col: std::ptr::null(),
                            clamp: None,
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
        if !last {
            return;
        }
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
                        from_tile: self.panel,
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
