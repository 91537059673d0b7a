//! The right-hand matrix of many small products, packed once.

use super::blocked::Tiles;
use super::kernel::{Direct, Kernels, MAX_MR, Store};
use super::pack::pack;
use super::scratch::Buffer;
use super::{KernelElement, Mat, split};
use crate::split::PARALLEL_ELEMENTS;
use crate::threads;

/// A matrix B whose columns are packed in panels, for products `C = A B + beta C` on the calling thread.
///
/// An element of a product is accumulated in the order of the inner dimension, so it does not depend on which rows and
/// panels are computed at a time.
pub(crate) struct Prepacked<T: 'static> {
    kernels: &'static Kernels<T>,
    tiles: Tiles,
    k: usize,
    panels: Buffer,
}

impl<T: KernelElement> Prepacked<T> {
    /// Packs B, `k` by `n`.
    ///
    /// # Safety
    /// `b` is valid for all its elements.
    pub(crate) unsafe fn new(kernels: &'static Kernels<T>, b: Mat<T>, k: usize, n: usize) -> Self {
        let tiles = Tiles::new(0, n, kernels);
        let panels = Buffer::with_room_for::<T>(tiles.columns * k * kernels.nr);
        let packed = Self { kernels, tiles, k, panels };
        let source = Source(b);
        let pack_panel = |panel: usize| {
            let Source(b) = { &source };
            let (j, cols) = tiles.column(panel);
            // SAFETY: B has these columns; each panel has room for `nr` columns and is packed by one task.
            unsafe { pack(kernels.isa, b.at(0, j), b.rs, b.cs, k, cols, packed.panel_ptr(panel), kernels.nr) }
        };
        if k * n < PARALLEL_ELEMENTS {
            (0..tiles.columns).for_each(pack_panel);
        } else {
            threads::parallel_tasks(tiles.columns, pack_panel);
        }
        packed
    }

    /// The number of panels.
    pub(crate) fn panels(&self) -> usize {
        self.tiles.columns
    }

    /// First column and number of columns of a panel.
    pub(crate) fn columns(&self, panel: usize) -> (usize, usize) {
        self.tiles.column(panel)
    }

    fn panel_ptr(&self, panel: usize) -> *mut T {
        self.panels.as_ptr::<T>().wrapping_add(panel * self.k * self.kernels.nr)
    }

    /// Computes the columns of `panel` in `rows` rows of C. The columns of A and of C are contiguous; `c` is the first
    /// element that is written.
    ///
    /// # Safety
    /// `a` is valid for `rows` rows of `k` elements that are `a_rs` apart, and `c` for `rows` rows of the panel's columns
    /// that are `c_rs` apart; they do not overlap.
    pub(crate) unsafe fn multiply(
        &self,
        panel: usize,
        rows: usize,
        (a, a_rs): (*const T, usize),
        beta: T,
        (c, c_rs): (*mut T, usize),
    ) {
        let offsets: [isize; MAX_MR] = std::array::from_fn(|i| (i * a_rs) as isize);
        let tiles = rows.div_ceil(self.kernels.mr);
        for tile in 0..tiles {
            let (i, rows) = split(rows, tiles, tile);
            let out = Store {
                c: c.wrapping_add(i * c_rs),
                rs: c_rs as isize,
                alpha: T::ONE,
                beta,
                bias_row: std::ptr::null(),
                bias_col: std::ptr::null(),
                clamp: None,
                stream: false,
            };
            let args = Direct {
                steps: [1, 1, self.k],
                a: a.wrapping_add(i * a_rs),
                rows: offsets.as_ptr(),
                a_steps: [0, 0, 1],
                b: self.panel_ptr(panel),
                b_steps: [0, 0, self.kernels.nr as isize],
                cols: self.columns(panel).1,
                out,
            };
            // SAFETY: guaranteed by the caller; the panel was packed by `new`.
            unsafe { self.kernels.run_direct(rows, &args) }
        }
    }
}

/// A matrix that several tasks read.
struct Source<T>(Mat<T>);
// SAFETY: plain data that is only read.
unsafe impl<T: Sync> Sync for Source<T> {}
