//! Elements chosen by indices.

use super::{Cpu, around, each};
use crate::backend::Indexing;
use crate::tensor::{ReadGuard, WriteGuard};
use crate::{Error, Result};
use rushlight_kernels::index::{self, BadIndex};

#[cold]
fn bad_index(op: &'static str, bad: BadIndex) -> Error {
    Error::index(
        op,
        format!(
            "index {} (at position {} of the indices) is out of range for a dimension of size {}",
            bad.value, bad.position, bad.size
        ),
    )
}

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

    fn index_select(
        &self,
        x: &ReadGuard<'_>,
        dim: usize,
        table: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        let sizes = around(x.layout(), dim);
        each!(x.dtype(), T => index::index_select::<T>(x.slice(), sizes, table.slice(), out.slice()))
            .map_err(|bad| bad_index("index_select", bad))
    }
}
