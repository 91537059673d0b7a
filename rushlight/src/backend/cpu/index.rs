//! Elements chosen by indices.

use super::{Cpu, around, each, unsupported};
use crate::Result;
use crate::backend::{Fused, Indexing, bad_index};
use crate::tensor::{DType, ReadGuard, WriteGuard};
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
        let bad = |bad| bad_index("scatter_add", bad);
        match out.dtype() {
            DType::F32 => index::scatter_add::<f32>(
                out.slice(),
                sizes,
                dim,
                table.slice(),
                table_sizes,
                source.slice(),
                table_sizes,
            )
            .map_err(bad),
            DType::F64 => index::scatter_add::<f64>(
                out.slice(),
                sizes,
                dim,
                table.slice(),
                table_sizes,
                source.slice(),
                table_sizes,
            )
            .map_err(bad),
            DType::I64 => index::scatter_add::<i64>(
                out.slice(),
                sizes,
                dim,
                table.slice(),
                table_sizes,
                source.slice(),
                table_sizes,
            )
            .map_err(bad),
            DType::Bool => Err(unsupported("scatter_add", DType::Bool)),
        }
    }

    fn index_select(&self, x: &ReadGuard<'_>, dim: usize, table: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Fused {
        let sizes = around(x.layout(), dim);
        Some(
            each!(x.dtype(), T => index::index_select::<T>(x.slice(), sizes, table.slice(), out.slice()))
                .map_err(|bad| bad_index("index_select", bad)),
        )
    }
}
