//! Slices chosen by indices: read, added and replaced.

use crate::backend::bad_index;
use crate::tensor::Layout;
use crate::{Result, Tensor};
use rushlight_kernels::index::check_indices;

/// The slices along `dim` of a contiguous `x` with dimensions that a contiguous 1-d `index` names.
pub(in crate::ops) fn index_select(x: &Tensor, dim: usize, index: &Tensor) -> Result<Tensor> {
    let name = "index_select";
    let (mut along, mut shape) = (vec![1; x.dim()], x.shape().to_vec());
    along[dim] = index.numel();
    shape[dim] = index.numel();
    let table = index.try_view(along)?.try_expand(&shape[..])?.try_contiguous()?;
    let out = x.fresh_like(Layout::contiguous(&shape), x.dtype())?;
    let done = match out.numel() {
        // There is nothing to read, but the indices must be right all the same.
        0 => check_indices(&index.read(name)?.to_host::<i64>()?, x.shape()[dim]).map_err(|bad| bad_index(name, bad)),
        _ => x.backend().gather(&x.read(name)?, dim, &table.read(name)?, &mut out.write_fresh()),
    };
    if done.is_err() {
        // The table names a slice many times over: the position in the index itself is what the caller can look up.
        check_indices(&index.read(name)?.to_host::<i64>()?, x.shape()[dim]).map_err(|bad| bad_index(name, bad))?;
    }
    done.map(|()| out)
}

/// Adds the rows of a contiguous matrix `source` to those of a contiguous matrix `out` that a contiguous 1-d `index` names.
pub(in crate::ops) fn index_add(out: &Tensor, index: &Tensor, source: &Tensor) -> Result<()> {
    let name = "index_add";
    let table = index.try_view([index.numel(), 1])?.try_expand(source.shape())?.try_contiguous()?;
    out.backend().scatter_add(0, &table.read(name)?, &source.read(name)?, &mut out.write(name)?)
}

/// Replaces the rows of a contiguous matrix `out` that a contiguous 1-d `index` names by those of `source`.
pub(in crate::ops) fn index_copy(out: &Tensor, index: &Tensor, source: &Tensor) -> Result<()> {
    let name = "index_copy";
    let rows = index.read(name)?.to_host::<i64>()?.into_owned();
    check_indices(&rows, out.shape()[0]).map_err(|bad| bad_index(name, bad))?;
    for (k, &row) in rows.iter().enumerate() {
        let (from, to) = (source.try_select(0, k as isize)?, out.try_select(0, row as isize)?);
        out.backend().copy(&from.read(name)?, &mut to.write(name)?)?;
    }
    Ok(())
}
