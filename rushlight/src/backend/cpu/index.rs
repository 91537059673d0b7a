//! Indexing.

use super::{Cpu, around, each};
use crate::Result;
use crate::backend::{Fused, Indexing, bad_index};
use crate::tensor::{ReadGuard, WriteGuard};
use rushlight_kernels::index;

impl Indexing for Cpu {
    fn gather(&self, x: &ReadGuard<'_>, dim: usize, table: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Result<()> {
        let (sizes, table_sizes) = (x.layout().dims(), table.layout().dims());
        each!(x.dtype(), T => index::gather::<T>(x.slice(), sizes, dim, table.slice(), table_sizes, out.slice()))
            .map_err(|bad| bad_index("gather", bad))
    }

    fn scatter_add(
        &self,
        dim: usize,
        table: &ReadGuard<'_>,
        source: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        let (sizes, table_sizes) = (out.layout().dims(), table.layout().dims());
        each!(out.dtype(), T => index::scatter_add::<T>(
            out.slice(), sizes, dim, table.slice(), table_sizes, source.slice(), table_sizes,
        ))
        .map_err(|bad| bad_index("scatter_add", bad))
    }

    fn index_select(&self, x: &ReadGuard<'_>, dim: usize, table: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Fused {
        let sizes = around(x.layout(), dim);
        Some(
            each!(x.dtype(), T => index::index_select::<T>(x.slice(), sizes, table.slice(), out.slice()))
                .map_err(|bad| bad_index("index_select", bad)),
        )
    }

    fn index_add(&self, table: &ReadGuard<'_>, source: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Fused {
        let [_, n, inner] = around(out.layout(), 0);
        Some(
            each!(out.dtype(), T => index::index_add::<T>(out.slice(), [n, inner], table.slice(), source.slice()))
                .map_err(|bad| bad_index("index_add", bad)),
        )
    }

    fn index_copy(&self, table: &ReadGuard<'_>, source: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Fused {
        let [_, n, inner] = around(out.layout(), 0);
        Some(
            each!(out.dtype(), T => index::index_copy::<T>(out.slice(), [n, inner], table.slice(), source.slice()))
                .map_err(|bad| bad_index("index_copy", bad)),
        )
    }
}
