//! Slices chosen by indices, and the check of indices.

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
