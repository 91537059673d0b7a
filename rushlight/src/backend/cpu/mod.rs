//! The CPU: a file per family, which dispatches on the dtype and calls the kernel.
//!
//! `unsafe` here relies on one invariant: a [`ReadGuard`] or [`WriteGuard`](crate::tensor::WriteGuard) grants access to every element
//! that its layout addresses (see `tensor::storage`). Layouts are broadcast to the output's sizes before kernels are called, which
//! addresses the same elements.

mod conv;
mod elementwise;
mod index;
mod loss;
mod matmul;
mod memory;
mod norm;
mod optim;
mod pooling;
mod recurrent;
mod reduce;
mod softmax;

use super::Backend;
use crate::tensor::{Layout, ReadGuard, each, each_float, unsupported};

pub(super) struct Cpu;

impl Backend for Cpu {}

/// The layout of an input broadcast to the output's sizes.
#[inline]
fn seen(x: &ReadGuard<'_>, out: &Layout) -> Layout {
    if x.layout().same_dims(out) { *x.layout() } else { x.layout().broadcast_to(out.dims()) }
}

/// Whether elements correspond one to one in memory order.
#[inline]
fn aligned(x: &Layout, out: &Layout) -> bool {
    x.is_contiguous() && out.is_contiguous() && x.same_dims(out)
}

/// The numbers of elements before, in and after a dimension of a contiguous layout.
fn around(layout: &Layout, dim: usize) -> [usize; 3] {
    let dims = layout.dims();
    if dims.is_empty() {
        return [1; 3];
    }
    [dims[..dim].iter().product(), dims[dim], dims[dim + 1..].iter().product()]
}
