//! Winograd convolution: 3 by 3 taps, stride 1, in f32.
//!
//! Tiles of 4 by 4 (2 by 2) outputs are computed from 6 by 6 (4 by 4) inputs with 36 (16) multiplications instead of
//! 144 (36). Channels are the lanes of all transforms ([`transform`]), so images are transposed before and after them;
//! between the input and output transforms are 36 (16) ordinary matrix products, tiles by input channels by output
//! channels.
//!
//! Relative to a sum in f64 the error is less than 1e-5 of the largest element of the result (tested; typically 1 to
//! 3e-6 for 64 to 512 channels, two to three times that of the direct sum in f32).

mod gradient;
mod transform;

pub(super) use gradient::backward_weight;

use super::lanes::{Planes, scatter};
use super::{ConvShape, Shared, Weight, tasks};
use crate::gemm::kernel::{Direct, Kernels, MAX_MR, Store};
use crate::gemm::pack::pack;
use crate::gemm::scratch::{Buffer, with_scratch};
use crate::gemm::split;
use crate::threads;
use std::ops::Range;
use transform::{Map, Tiles, apply};

/// Bytes of transformed weights that are kept for all tiles; larger ones are recomputed where they are used.
const WEIGHT_BYTES: usize = 12 << 20;
/// Bytes of transformed inputs of a thread that works alone: they stay in its L2 cache.
const OWN_BYTES: usize = 384 << 10;
/// Bytes of transformed inputs that threads share.
const SHARED_BYTES: usize = 8 << 20;
/// Tiles that are multiplied at a time.
const TILES: usize = 64;
/// Elements of f32 per cache line. Planes of transformed data are padded by this much: their sizes are powers of two,
/// so without it they would map to the same few cache sets.
const LINE: usize = 16;

/// Whether the algorithm supports this convolution.
pub(super) fn applies(s: &ConvShape) -> bool {
    s.kernel == [1, 3, 3]
        && s.stride == [1; 3]
        && s.dilation == [1; 3]
        && s.groups == 1
        && s.input[0] == 1
        && [s.padding, s.padding_end].iter().all(|p| p[0] == 0 && p[1] <= 2 && p[2] <= 2)
}

/// The tile size with which this convolution is faster than the direct algorithm, if there is one.
pub(super) fn tile(s: &ConvShape) -> Option<usize> {
    let out = s.output();
    let deep = s.in_channels >= 16 && s.out_channels >= 16;
    let tiles = s.batch * out[1].div_ceil(4) * out[2].div_ceil(4);
    (applies(s) && deep && tiles >= 16).then_some(4)
}

/// Images split into tiles.
struct Grid<'a> {
    x: &'a [f32],
    channels: usize,
    /// Channels rounded up to whole registers.
    padded: usize,
    size: [usize; 2],
    padding: [usize; 2],
    /// Elements between adjacent tiles, and the side of a tile.
    step: usize,
    reach: usize,
    /// Rows and columns of tiles per image.
    tiles: [usize; 2],
}

/// Transformed images: element `e` of tile `t` in channel `c` is at `e * plane + t * channels + c`.
#[derive(Clone, Copy)]
struct Transformed {
    ptr: Shared<f32>,
    plane: usize,
    channels: usize,
}

impl Transformed {
    fn len(elements: usize, tiles: usize, channels: usize) -> usize {
        elements * (tiles * channels + LINE)
    }

    fn new(ptr: *mut f32, tiles: usize, channels: usize) -> Self {
        Self { ptr: Shared(ptr), plane: tiles * channels + LINE, channels }
    }
}

impl Grid<'_> {
    /// Transforms a range of rows of tiles, counted over all images, with `map`.
    ///
    /// # Safety
    /// `to` has room for them, `n` by `n` elements each.
    unsafe fn transform(&self, kernels: &Kernels<f32>, map: Map<'_>, rows: Range<usize>, to: Transformed) {
        let lanes = kernels.lanes;
        let n = self.step + 2;
        let blocks = self.padded / lanes;
        let [th, tw] = self.tiles;
        let images = rows.start / th..rows.end.div_ceil(th);
        let elements = n * n * rows.len() * tw * self.padded;
        let width = (tw - 1) * self.step + self.reach;
        tasks(images.len() * blocks, 8 * elements, |t| {
            let (image, c) = (images.start + t / blocks, t % blocks * lanes);
            let first = rows.start.max(image * th) - image * th;
            let last = rows.end.min((image + 1) * th) - image * th;
            let height = (last - first - 1) * self.step + self.reach;
            let [h, w] = self.size;
            let channels = lanes.min(self.channels - c);
            let x = &self.x[(image * self.channels + c) * h * w..][..channels * h * w];
            let planes = Planes { x, channels, lanes, size: [h, w] };
            with_scratch(height * width * lanes, |buffer: *mut f32| {
                // SAFETY: the buffer has this size; the tiles are inside it, and inside `to` as the caller guarantees.
                unsafe {
                    let top = (first * self.step) as isize - self.padding[0] as isize;
                    planes.gather(kernels.isa, top..top + height as isize, -(self.padding[1] as isize), width, buffer);
                    for row in first..last {
                        let tile = (image * th + row - rows.start) * tw;
                        let tiles = Tiles {
                            tiles: tw,
                            from: buffer.add((row - first) * self.step * width * lanes),
                            from_tile: self.step * lanes,
                            from_row: (width * lanes) as isize,
                            from_column: lanes as isize,
                            to: to.ptr.get().add(tile * to.channels + c),
                            to_tile: to.channels,
                            to_row: n * to.plane,
                            to_column: to.plane,
                        };
                        apply(kernels.isa, self.step, map, tiles);
                    }
                }
            });
        });
    }
}

/// The layout of a weight's taps.
#[derive(Clone, Copy)]
struct Taps<'a> {
    w: Weight<'a, f32>,
    /// Strides between input and output channels, in elements.
    inner: usize,
    outer: usize,
    /// The taps are reversed.
    flipped: bool,
}

/// Transformed weights: panels of `[element][input channel][output channel]`.
#[derive(Clone, Copy)]
struct Weights<'a> {
    kernels: &'static Kernels<f32>,
    /// Side of a tile.
    m: usize,
    /// Input channels.
    inner: usize,
    /// Output channels.
    channels: usize,
    taps: Taps<'a>,
}

impl Weights<'_> {
    /// Output channels per panel: two registers.
    fn width(&self) -> usize {
        2 * self.kernels.lanes
    }

    fn panels(&self) -> usize {
        self.channels.div_ceil(self.width())
    }

    /// Stride between planes of a panel, in elements.
    fn plane(&self) -> usize {
        self.inner * self.width() + LINE
    }

    /// Elements per panel.
    fn panel_len(&self) -> usize {
        (self.m + 2).pow(2) * self.plane()
    }

    /// Whether they are computed once for all tiles.
    fn precomputed(&self) -> bool {
        4 * self.panels() * self.panel_len() <= WEIGHT_BYTES
    }

    /// Computes all panels.
    ///
    /// # Safety
    /// `to` has room for them.
    unsafe fn all(&self, to: *mut f32) {
        let to = Shared(to);
        tasks(self.panels(), 40 * self.inner * self.channels, |panel| {
            // SAFETY: the panels are disjoint.
            unsafe { self.panel(panel, to.get().add(panel * self.panel_len())) };
        });
    }

    /// Computes one panel.
    ///
    /// # Safety
    /// `to` has room for it.
    unsafe fn panel(&self, panel: usize, to: *mut f32) {
        /// Input channels at a time.
        const CHANNELS: usize = 32;
        let lanes = self.kernels.lanes;
        let Taps { w: Weight::Plain(w), inner, outer, flipped } = self.taps else { return };
        let mut buffer = [0f32; CHANNELS * 9 * 16];
        let taps = buffer.as_mut_ptr();
        for block in 0..2 {
            let oc = panel * self.width() + block * lanes;
            let cols = lanes.min(self.channels.saturating_sub(oc));
            // SAFETY: the weight has these channels; the buffer has room for CHANNELS of 9 registers (at most 16
            // lanes), and is zero where there are no output channels.
            unsafe {
                if cols < lanes {
                    taps.write_bytes(0, CHANNELS * 9 * 16);
                }
                for ic in (0..self.inner).step_by(CHANNELS) {
                    let channels = CHANNELS.min(self.inner - ic);
                    if cols > 0 {
                        let from = w[ic * inner + oc * outer..].as_ptr();
                        if inner == 9 {
                            pack(self.kernels.isa, from, 1, outer as isize, 9 * channels, cols, taps, lanes);
                        } else {
                            for i in 0..channels {
                                let to = taps.add(i * 9 * lanes);
                                pack(self.kernels.isa, from.add(i * inner), 1, outer as isize, 9, cols, to, lanes);
                            }
                        }
                    }
                    let sign = if flipped { -1 } else { 1 };
                    let tiles = Tiles {
                        tiles: channels,
                        from: taps.add(if flipped { 8 * lanes } else { 0 }),
                        from_tile: 9 * lanes,
                        from_row: sign * 3 * lanes as isize,
                        from_column: sign * lanes as isize,
                        to: to.add(ic * self.width() + block * lanes),
                        to_tile: self.width(),
                        to_row: (self.m + 2) * self.plane(),
                        to_column: self.plane(),
                    };
                    apply(self.kernels.isa, self.m, Map::Weight, tiles);
                }
            }
        }
    }
}

/// One convolution with 3 by 3 taps, in tiles.
struct Convolution<'a> {
    kernels: &'static Kernels<f32>,
    grid: Grid<'a>,
    weights: Weights<'a>,
    /// Channels and size of the output.
    channels: usize,
    size: [usize; 2],
    out: Shared<f32>,
    /// One element per channel, padded to whole registers.
    bias: &'a [f32],
    clamp: Option<(f32, f32)>,
    images: usize,
}

fn forward_taps<'a>(s: &ConvShape, w: Weight<'a, f32>) -> Taps<'a> {
    Taps { w, inner: 9, outer: 9 * s.in_channels, flipped: false }
}

/// Transforms `w` for the forward pass; `None` where transforming it again costs less than reading the result.
pub(super) fn pack_forward(s: &ConvShape, m: usize, kernels: &'static Kernels<f32>, w: &[f32]) -> Option<Buffer> {
    let (inner, channels) = (s.in_channels, s.out_channels);
    let weights = Weights { kernels, m, inner, channels, taps: forward_taps(s, Weight::Plain(w)) };
    weights.precomputed().then(|| {
        let buffer = Buffer::with_room_for::<f32>(weights.panels() * weights.panel_len());
        // SAFETY: the buffer has room for all panels.
        unsafe { weights.all(buffer.as_ptr()) };
        buffer
    })
}

pub(super) fn forward(
    s: &ConvShape,
    m: usize,
    kernels: &'static Kernels<f32>,
    x: &[f32],
    w: Weight<'_, f32>,
    bias: Option<&[f32]>,
    clamp: Option<(f32, f32)>,
    out: &mut [f32],
) {
    let taps = forward_taps(s, w);
    convolve(
        s.batch,
        x,
        s.in_channels,
        &s.input,
        &s.padding,
        taps,
        m,
        kernels,
        bias,
        clamp,
        s.out_channels,
        &s.output(),
        out,
    );
}

pub(super) fn backward_input(
    s: &ConvShape,
    m: usize,
    kernels: &'static Kernels<f32>,
    grad_out: &[f32],
    w: &[f32],
    grad_x: &mut [f32],
) {
    // The convolution of the output gradient with the reversed taps, padded so that the result has the input's size.
    let taps = Taps { w: Weight::Plain(w), inner: 9 * s.in_channels, outer: 9, flipped: true };
    let padding = s.padding.map(|p| 2usize.wrapping_sub(p));
    let (channels, out) = (s.out_channels, s.output());
    convolve(
        s.batch,
        grad_out,
        channels,
        &out,
        &padding,
        taps,
        m,
        kernels,
        None,
        None,
        s.in_channels,
        &s.input,
        grad_x,
    );
}

fn convolve(
    images: usize,
    x: &[f32],
    in_channels: usize,
    input: &[usize; 3],
    padding: &[usize; 3],
    taps: Taps<'_>,
    m: usize,
    kernels: &'static Kernels<f32>,
    bias: Option<&[f32]>,
    clamp: Option<(f32, f32)>,
    channels: usize,
    output: &[usize; 3],
    out: &mut [f32],
) {
    let grid = Grid {
        x,
        channels: in_channels,
        padded: in_channels.next_multiple_of(kernels.lanes),
        size: [input[1], input[2]],
        padding: [padding[1], padding[2]],
        step: m,
        reach: m + 2,
        tiles: [output[1].div_ceil(m), output[2].div_ceil(m)],
    };
    let padded = channels.next_multiple_of(kernels.lanes);
    with_scratch(padded, |biases: *mut f32| {
        // SAFETY: the scratch memory has `padded` elements.
        let biases = unsafe {
            biases.write_bytes(0, padded);
            std::slice::from_raw_parts_mut(biases, padded)
        };
        if let Some(bias) = bias {
            biases[..channels].copy_from_slice(bias);
        }
        let size = [output[1], output[2]];
        let out = Shared(out.as_mut_ptr());
        let weights = Weights { kernels, m, inner: in_channels, channels, taps };
        Convolution { kernels, grid, weights, channels, size, out, bias: biases, clamp, images }.run();
    });
}

impl Convolution<'_> {
    /// Elements per transformed tile.
    fn elements(&self) -> usize {
        (self.grid.step + 2).pow(2)
    }

    fn run(&self) {
        let rows = self.images * self.grid.tiles[0];
        let tw = self.grid.tiles[1];
        let row_bytes = 4 * Transformed::len(self.elements(), tw, self.grid.padded);
        let packed = match self.weights.taps.w {
            Weight::Packed(w) => Some(w.cast_mut()),
            Weight::Plain(_) => None,
        };
        let kept = packed.is_some() || self.weights.precomputed();
        let make = kept && packed.is_none();
        with_scratch(if make { self.weights.panels() * self.weights.panel_len() } else { 0 }, |weights: *mut f32| {
            if make {
                // SAFETY: the scratch memory has room for all panels.
                unsafe { self.weights.all(weights) };
            }
            let weights = packed.unwrap_or(if make { weights } else { std::ptr::null_mut() });
            let weights = Shared(weights);
            // Each thread works on its own rows if there are enough for all; otherwise all threads share larger chunks.
            let own = (OWN_BYTES / row_bytes).max(TILES / 2 / tw).clamp(1, rows);
            let chunk = |rows: Range<usize>| {
                let tiles = rows.len() * tw;
                with_scratch(Transformed::len(self.elements(), tiles, self.grid.padded), |v: *mut f32| {
                    // SAFETY: the scratch memory has the size of the transformed tiles.
                    unsafe { self.chunk(rows, Transformed::new(v, tiles, self.grid.padded), weights) };
                });
            };
            let chunks = rows.div_ceil(own);
            if kept && (chunks >= 2 * threads::num_threads() || threads::num_threads() == 1) {
                threads::parallel_tasks(chunks, |t| {
                    let (first, len) = split(rows, chunks, t);
                    chunk(first..first + len);
                });
            } else {
                let chunks = rows.div_ceil((SHARED_BYTES / row_bytes).max(1));
                for t in 0..chunks {
                    let (first, len) = split(rows, chunks, t);
                    chunk(first..first + len);
                }
            }
        });
    }

    /// All output channels of some rows of tiles.
    ///
    /// # Safety
    /// `v` has room for their transforms; `weights` holds all panels, or is null.
    unsafe fn chunk(&self, rows: Range<usize>, v: Transformed, weights: Shared<f32>) {
        let tw = self.grid.tiles[1];
        // SAFETY: guaranteed by the caller.
        unsafe { self.grid.transform(self.kernels, Map::Input, rows.clone(), v) };
        let (panels, panel_len) = (self.weights.panels(), self.weights.panel_len());
        // A few rows at a time, so that the products stay in the L2 cache.
        let parts = rows.len().div_ceil((TILES / tw).max(1));
        let bands = (2 * threads::num_threads()).div_ceil(panels).clamp(1, parts);
        let work = rows.len() * tw * self.elements() * self.grid.channels * self.channels;
        tasks(panels * bands, work, |t| {
            let (panel, band) = (t / bands, split(parts, bands, t % bands));
            let own = if weights.get().is_null() { panel_len } else { 0 };
            let (first, most) = split(rows.len(), parts, band.0);
            let product = Transformed::len(self.elements(), most, tw * self.weights.width());
            with_scratch(own + product, |scratch: *mut f32| {
                // SAFETY: the scratch memory has the size of the products, and of the panel's weights where they are
                // computed here.
                unsafe {
                    let u = if own > 0 {
                        self.weights.panel(panel, scratch);
                        scratch
                    } else {
                        weights.get().add(panel * panel_len)
                    };
                    let mut first = first;
                    for part in band.0..band.0 + band.1 {
                        let len = split(rows.len(), parts, part).1;
                        let m = Transformed::new(scratch.add(own), len * tw, self.weights.width());
                        self.multiply(v, first * tw..(first + len) * tw, u, m);
                        self.finish(panel, rows.start + first..rows.start + first + len, m);
                        first += len;
                    }
                }
            });
        });
    }

    /// The products of transformed tiles and transformed weights.
    unsafe fn multiply(&self, v: Transformed, tiles: Range<usize>, u: *const f32, m: Transformed) {
        let shape = crate::gemm::blocked::Tiles::new(tiles.len(), self.weights.width(), self.kernels);
        let offsets: [isize; MAX_MR] = std::array::from_fn(|i| (i * v.channels) as isize);
        for element in 0..self.elements() {
            for column in 0..shape.columns {
                let (j, cols) = shape.column(column);
                for row in 0..shape.rows {
                    let (i, rows) = shape.row(row);
                    // SAFETY: the tiles, weights and products have these elements.
                    unsafe {
                        let out = Store {
                            c: m.ptr.get().add(element * m.plane + i * m.channels + j),
                            rs: m.channels as isize,
                            alpha: 1.0,
                            beta: 0.0,
                            bias_row: std::ptr::null(),
                            bias_col: std::ptr::null(),
                            clamp: None,
                            stream: false,
                        };
                        let args = Direct {
                            steps: [1, 1, self.grid.channels],
                            a: v.ptr.get().add(element * v.plane + (tiles.start + i) * v.channels),
                            rows: offsets.as_ptr(),
                            a_steps: [0, 0, 1],
                            b: u.add(element * self.weights.plane() + j),
                            b_steps: [0, 0, self.weights.width() as isize],
                            cols,
                            out,
                        };
                        self.kernels.run_direct(rows, &args);
                    }
                }
            }
        }
    }

    /// Applies the output transform to the products and writes the output.
    unsafe fn finish(&self, panel: usize, rows: Range<usize>, m: Transformed) {
        let (side, lanes) = (self.grid.step, self.kernels.lanes);
        let [th, tw] = self.grid.tiles;
        let [h, w] = self.size;
        // Rows of the buffer are as long as the output's, so that all can be scattered at once: a tile that extends
        // past the end of a row overwrites the start of the next row, and is therefore written before the tile that
        // belongs there.
        with_scratch((side * w + side) * lanes, |buffer: *mut f32| {
            for row in rows.clone() {
                let (image, y) = (row / th, row % th * side);
                for block in 0..2 {
                    let oc = panel * self.weights.width() + block * lanes;
                    if oc >= self.channels {
                        break;
                    }
                    // SAFETY: the buffer holds one row of tiles and their overhang; the output has these channels and
                    // rows.
                    unsafe {
                        let from = m.ptr.get().add((row - rows.start) * tw * m.channels + block * lanes);
                        let tiles = Tiles {
                            tiles: tw,
                            from,
                            from_tile: m.channels,
                            from_row: ((side + 2) * m.plane) as isize,
                            from_column: m.plane as isize,
                            to: buffer,
                            to_tile: side * lanes,
                            to_row: w * lanes,
                            to_column: lanes,
                        };
                        let map = Map::Output(&self.bias[oc..], self.clamp);
                        if tw * side > w {
                            let last = tw - 1;
                            let (from, to) = (from.add(last * tiles.from_tile), buffer.add(last * tiles.to_tile));
                            apply(self.kernels.isa, side, map, Tiles { tiles: 1, from, to, ..tiles });
                            apply(self.kernels.isa, side, map, Tiles { tiles: last, ..tiles });
                        } else {
                            apply(self.kernels.isa, side, map, tiles);
                        }
                        let to = self.out.get().add(((image * self.channels + oc) * h + y) * w);
                        let (rows, channels) = (side.min(h - y), lanes.min(self.channels - oc));
                        scatter(self.kernels.isa, buffer, lanes, rows * w, channels, to, h * w);
                    }
                }
            }
        });
    }
}
