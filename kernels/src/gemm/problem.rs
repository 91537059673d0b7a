//! One multiplication, as all code paths see it.

use super::kernel::{MAX_TILE, Store};
use super::{KernelElement, Mat, MatMut};
use std::mem::MaybeUninit;

/// One multiplication, with the options of the public functions unpacked; A and B may have a different element type
/// than C.
#[derive(Clone, Copy)]
pub(crate) struct Problem<T, I = T> {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub alpha: T,
    pub a: Mat<I>,
    pub b: Mat<I>,
    pub beta: T,
    pub c: MatMut<T>,
    pub bias_row: *const T,
    pub bias_col: *const T,
    pub clamp: Option<(T, T)>,
}

impl<T: KernelElement, I: Copy> Problem<T, I> {
    /// The same multiplication as `Cᵀ = Bᵀ Aᵀ`.
    pub(super) fn t(self) -> Self {
        Self {
            m: self.n,
            n: self.m,
            a: self.b.t(),
            b: self.a.t(),
            c: self.c.t(),
            bias_row: self.bias_col,
            bias_col: self.bias_row,
            ..self
        }
    }

    /// Computes one tile of C with `kernel`, which is passed its destination. The product may be computed in several
    /// parts along the inner dimension: only the `first` applies beta, only the `last` bias and clamp.
    ///
    /// # Safety
    /// The tile is inside C, and `kernel` stores `rows` by `cols` elements.
    #[inline(always)]
    pub(super) unsafe fn tile(
        &self,
        (i, rows): (usize, usize),
        (j, cols): (usize, usize),
        first: bool,
        last: bool,
        kernel: impl FnOnce(Store<T>),
    ) {
        let offset = |p: *const T, by: usize| if p.is_null() || !last { std::ptr::null() } else { p.wrapping_add(by) };
        let store = Store {
            c: self.c.at(i, j),
            rs: self.c.rs,
            alpha: self.alpha,
            beta: if first { self.beta } else { T::ONE },
            bias_row: offset(self.bias_row, i),
            bias_col: offset(self.bias_col, j),
            clamp: self.clamp.filter(|_| last),
            stream: false,
        };
        if self.c.cs == 1 {
            return kernel(store);
        }
        // The kernel writes rows; if C's rows are not contiguous they go through a buffer.
        let mut buffer = [const { MaybeUninit::<T>::uninit() }; MAX_TILE];
        let tile: *mut T = buffer.as_mut_ptr().cast();
        let none = std::ptr::null();
        kernel(Store {
            c: tile,
            rs: cols as isize,
            beta: T::ZERO,
            bias_row: none,
            bias_col: none,
            clamp: None,
            ..store
        });
        for jj in 0..cols {
            for ii in 0..rows {
                // SAFETY: the kernel has written `rows` by `cols` elements; the tile is inside C.
                unsafe {
                    let mut x = *tile.add(ii * cols + jj);
                    let c = store.c.wrapping_offset(ii as isize * self.c.rs + jj as isize * self.c.cs);
                    if store.beta != T::ZERO {
                        x = store.beta.mul(*c).add(x);
                    }
                    if !store.bias_row.is_null() {
                        x = x.add(*store.bias_row.add(ii));
                    }
                    if !store.bias_col.is_null() {
                        x = x.add(*store.bias_col.add(jj));
                    }
                    if let Some((lo, hi)) = store.clamp {
                        x = x.clamp_to(lo, hi);
                    }
                    *c = x;
                }
            }
        }
    }
}
