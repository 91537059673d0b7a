//! Variances, and extremes with their positions.

use super::constant;
use crate::{Result, Tensor};

/// The variance over `dims`, which stay with size 1.
pub(in crate::ops) fn variance(x: &Tensor, dims: &[usize], correction: f64) -> Result<Tensor> {
    let x = x.detach();
    if dims.is_empty() {
        return x.try_sub(&x)?.try_div((1.0 - correction).max(0.0));
    }
    let count: usize = dims.iter().map(|&dim| x.shape()[dim]).product();
    let deviation = x.try_sub(&x.try_mean_dim(dims, true)?)?;
    deviation.try_mul(&deviation)?.try_sum_dim(dims, true)?.try_div((count as f64 - correction).max(0.0))
}

/// The largest (smallest) elements along `dim`, which stays with size 1, and their positions: the first of equals, or of nan.
pub(in crate::ops) fn extreme(largest: bool, x: &Tensor, dim: usize) -> Result<(Tensor, Tensor)> {
    let x = x.detach();
    let values = if largest { x.try_amax(dim, true)? } else { x.try_amin(dim, true)? };
    let hits = x.try_eq(&values)?.try_logical_or(&x.try_isnan()?.try_logical_and(&values.try_isnan()?)?)?;
    let n = x.shape()[dim];
    let mut along = vec![1; x.dim()];
    along[dim] = n;
    let positions = constant(&x, &along, &(0..n as i64).collect::<Vec<_>>())?;
    let none = constant(&x, &[], &[n as i64])?;
    Ok((values, positions.try_where(&hits, &none)?.try_amin(dim, true)?))
}
