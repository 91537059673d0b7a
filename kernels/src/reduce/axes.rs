//! A set of dimensions to iterate over: sizes and strides.

use crate::MAX_RANK;

/// Some dimensions of a tensor: sizes, and strides in elements. Dimensions of size 1 are dropped, and adjacent
/// dimensions that are contiguous in memory are merged; the order of the elements stays row-major.
#[derive(Clone, Copy, Debug)]
pub struct Axes {
    pub(crate) len: usize,
    pub(crate) sizes: [usize; MAX_RANK],
    pub(crate) strides: [isize; MAX_RANK],
}

impl Axes {
    /// No dimensions: one element.
    pub const NONE: Axes = Axes { len: 0, sizes: [1; MAX_RANK], strides: [0; MAX_RANK] };

    /// The dimensions with these sizes and strides.
    ///
    /// # Panics
    /// If there are more than [`MAX_RANK`] of them, or `sizes` and `strides` differ in length.
    #[inline]
    pub fn new(sizes: &[usize], strides: &[isize]) -> Axes {
        assert_eq!(sizes.len(), strides.len(), "Axes::new: expected as many sizes as strides");
        let mut axes = Axes::NONE;
        for (&size, &stride) in sizes.iter().zip(strides) {
            axes.push(size, stride);
        }
        axes
    }

    /// Contiguous dimensions of `sizes`, in row-major order.
    pub fn contiguous(sizes: &[usize]) -> Axes {
        Axes::new(&[sizes.iter().product()], &[1])
    }

    /// Appends a dimension, as the new innermost one.
    #[inline]
    pub fn push(&mut self, size: usize, stride: isize) {
        if size == 1 {
            return;
        }
        if self.len > 0 {
            let last = self.len - 1;
            if self.strides[last] == stride.wrapping_mul(size as isize) {
                self.sizes[last] *= size;
                self.strides[last] = stride;
                return;
            }
        }
        self.sizes[self.len] = size;
        self.strides[self.len] = stride;
        self.len += 1;
    }

    /// The number of elements.
    #[inline]
    pub fn count(&self) -> usize {
        self.sizes[..self.len].iter().product()
    }

    /// Removes dimension `i`.
    pub(crate) fn remove(&mut self, i: usize) -> (usize, isize) {
        let removed = (self.sizes[i], self.strides[i]);
        self.sizes.copy_within(i + 1..self.len, i);
        self.strides.copy_within(i + 1..self.len, i);
        self.len -= 1;
        removed
    }

    /// The same elements in another order: the largest strides outermost, adjacent dimensions merged where that becomes
    /// possible.
    pub(crate) fn sorted(&self) -> Axes {
        if self.len < 2 {
            return *self;
        }
        let mut order: [usize; MAX_RANK] = std::array::from_fn(|i| i);
        order[..self.len].sort_by_key(|&i| std::cmp::Reverse(self.strides[i].unsigned_abs()));
        let mut axes = Axes::NONE;
        for &i in &order[..self.len] {
            axes.push(self.sizes[i], self.strides[i]);
        }
        axes
    }
}

/// A position in a row-major iteration over [`Axes`].
pub(crate) struct Cursor {
    index: [usize; MAX_RANK],
    pub(crate) offset: isize,
}

impl Cursor {
    /// At the element with index `linear`.
    #[inline]
    pub(crate) fn at(axes: &Axes, mut linear: usize) -> Cursor {
        let mut cursor = Cursor { index: [0; MAX_RANK], offset: 0 };
        if linear > 0 {
            for d in (0..axes.len).rev() {
                cursor.index[d] = linear % axes.sizes[d];
                linear /= axes.sizes[d];
                cursor.offset += cursor.index[d] as isize * axes.strides[d];
            }
        }
        cursor
    }

    /// Advances by one element, wrapping around after the last.
    #[inline(always)]
    pub(crate) fn next(&mut self, axes: &Axes) {
        for d in (0..axes.len).rev() {
            self.index[d] += 1;
            self.offset += axes.strides[d];
            if self.index[d] < axes.sizes[d] {
                return;
            }
            self.offset -= axes.strides[d] * axes.sizes[d] as isize;
            self.index[d] = 0;
        }
    }
}
