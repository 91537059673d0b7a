//! Rows of a table chosen by integers.

use super::{expect_float, same_device};
use crate::autograd::Save;
use crate::tensor::{DType, Layout, keepdim};
use crate::{Error, NoGrad, Result, Tensor};
use rushlight_macros::{Builder, op};

/// The options of [`Tensor::embedding`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct EmbeddingOptions {
    /// The row without a gradient, for padding; a negative one counts from the end (default: none).
    pub(crate) padding_idx: Option<isize>,
    /// The largest norm of a row: rows that are looked up and have a larger one are first scaled down in-place, without recording
    /// (default: none).
    pub(crate) max_norm: Option<f64>,
    /// The order of that norm; infinity is the largest absolute value (default 2).
    #[builder(default = 2.0)]
    pub(crate) norm_type: f64,
    /// Whether gradients are divided by the number of times that their row was looked up (default `false`).
    #[builder(default = false)]
    pub(crate) scale_grad_by_freq: bool,
    /// Whether the gradient is a [sparse tensor](Tensor::is_sparse) of the rows that were looked up (default `false`).
    #[builder(default = false)]
    pub(crate) sparse: bool,
}

impl EmbeddingOptions {
    /// The padding row of a table with `rows` rows.
    pub(crate) fn padding(&self, op: &'static str, rows: usize) -> Result<Option<usize>> {
        let Some(given) = self.padding_idx else { return Ok(None) };
        let index = if given < 0 { given + rows as isize } else { given };
        if (0..rows as isize).contains(&index) {
            return Ok(Some(index as usize));
        }
        let message = format!("expected padding_idx in -{rows}..{rows} for {rows} embeddings, got {given}");
        Err(Error::index(op, message))
    }
}

impl Tensor {
    /// Looks up the rows of `weight` (`[rows, size]`) at these indices: of shape `[…]`, the result is `[…, size]`.
    ///
    /// # Errors
    /// If the indices are not int64 or int32, one is negative or out of range, the weight is not a matrix, or `padding_idx` is out of
    /// range. In the backward pass, if both `sparse` and `scale_grad_by_freq` are set.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::EmbeddingOptions, tensor};
    /// let (words, weight) = (tensor!([[1, 0], [1, 1]]), tensor!([[1.0, 2.0], [3.0, 4.0]]).requires_grad_(true));
    /// let y = words.embedding_with(&weight, EmbeddingOptions::new().sparse(true));
    /// assert_eq!(y.select(0, 0).to_string(), "tensor([[3., 4.],\n        [1., 2.]], grad_fn=<SelectBackward0>)");
    /// y.sum().backward();
    /// assert_eq!(weight.grad().unwrap().coalesce().values().to_vec::<f32>(), [1.0, 1.0, 3.0, 3.0]);
    /// ```
    #[op(
        torch = "embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False)",
        with
    )]
    pub fn try_embedding_with(&self, weight: &Tensor, options: EmbeddingOptions) -> Result<Tensor> {
        let op = "embedding";
        if !matches!(self.dtype(), DType::I64 | DType::I32) {
            return Err(Error::dtype(op, format!("expected int64 or int32 indices, got {}", self.dtype())));
        }
        same_device(op, self, weight)?;
        let &[rows, size] = weight.shape() else {
            let message = format!("expected a weight [embeddings, size], got shape {:?}", weight.shape());
            return Err(Error::shape(op, message));
        };
        let padding = options.padding(op, rows)?;
        let index = self.try_to_dtype(DType::I64)?.try_reshape(-1)?.try_contiguous()?;
        if let Some(max_norm) = options.max_norm {
            expect_float(op, weight)?;
            renormalize(weight, &index, max_norm, options.norm_type).map_err(|error| error.named(op))?;
        }
        let mut shape = self.shape().to_vec();
        shape.push(size);
        let out = weight.detach().try_index_select(0, &index).map_err(|error| error.named(op))?;
        let out = out.try_reshape(shape)?.detach();
        let table = Table { rows, size, padding, options };
        Ok(out.record("EmbeddingBackward0", [weight], [Save::Input(&index)], move |[index], [_], g| {
            Ok([Some(table.gradient(&index, g)?)])
        }))
    }
}

/// Scales the rows at `index` whose norm is greater than `max_norm` to it.
fn renormalize(weight: &Tensor, index: &Tensor, max_norm: f64, norm_type: f64) -> Result<()> {
    let _guard = NoGrad::new();
    let mut used = index.try_to_vec::<i64>()?;
    used.sort_unstable();
    used.dedup();
    let used = Tensor::filled_on(weight.device(), Layout::contiguous(&[used.len()]), &used)?;
    let rows = weight.detach().try_index_select(0, &used)?;
    if rows.numel() == 0 {
        return Ok(());
    }
    let norms = norms(&rows, norm_type)?.try_to_dtype(DType::F64)?;
    let shrunk = norms.try_add(1e-7)?.try_reciprocal()?.try_mul(max_norm)?;
    let factors = shrunk.try_where_cond(&norms.try_gt(max_norm)?, 1.0)?.try_to_dtype(weight.dtype())?;
    let rows = rows.try_mul(&factors)?;
    if weight.is_contiguous() {
        weight.put_rows_(&used, &rows)?;
        weight.0.storage.bump_version();
        return Ok(());
    }
    let changed = weight.detach().try_contiguous_copy()?;
    changed.put_rows_(&used, &rows)?;
    weight.detach().try_copy_(&changed).map(drop)
}

/// The `p`-norm of each row of a matrix, as a column.
fn norms(rows: &Tensor, p: f64) -> Result<Tensor> {
    let (along, size) = (keepdim(1), rows.try_abs()?);
    if p == 0.0 {
        size.try_ne(0)?.try_to_dtype(rows.dtype())?.try_sum_dim(along)
    } else if p == f64::INFINITY {
        size.try_amax(along)
    } else if p == f64::NEG_INFINITY {
        size.try_amin(along)
    } else if p == 2.0 {
        size.try_square()?.try_sum_dim(along)?.try_sqrt()
    } else {
        size.try_pow(p)?.try_sum_dim(along)?.try_pow(1.0 / p)
    }
}

/// What the derivative of an embedding needs besides its indices.
struct Table {
    rows: usize,
    size: usize,
    padding: Option<usize>,
    options: EmbeddingOptions,
}

impl Table {
    /// The gradient of the weight: the sum of the gradients of the lookups of each row.
    fn gradient(&self, index: &Tensor, g: &Tensor) -> Result<Tensor> {
        let g = g.try_reshape([index.numel(), self.size])?;
        let kept = match self.padding {
            Some(padding) => positions(index, padding as i64)?,
            None => None,
        };
        let (index, g) = match kept {
            Some(kept) => (index.try_index_select(0, &kept)?, g.try_index_select(0, &kept)?),
            None => (index.clone(), g),
        };
        if self.options.sparse {
            if self.options.scale_grad_by_freq {
                let message =
                    "expected at most one of sparse and scale_grad_by_freq, got both: sparse gradients are not scaled";
                return Err(Error::value("embedding", message));
            }
            // A copy, because the gradient may be changed in-place.
            let indices = index.try_view([1, index.numel()])?.try_contiguous_copy()?;
            return Tensor::sparse(&indices, &g, Layout::contiguous(&[self.rows, self.size]));
        }
        let g = if self.options.scale_grad_by_freq { g.try_mul(&self.frequencies(&index, &g)?)? } else { g };
        g.summed_at_rows(&index, self.rows)
    }

    /// One over the number of times that each index occurs, as a column.
    fn frequencies(&self, index: &Tensor, like: &Tensor) -> Result<Tensor> {
        let ones = Tensor::filled_by(index.device(), Layout::contiguous(&[index.numel(), 1]), |_| 1.0f64)?;
        let counts = ones.summed_at_rows(index, self.rows)?.try_index_select(0, index)?;
        counts.try_reciprocal()?.try_to_dtype(like.dtype())
    }
}

/// The positions of the indices other than `padding`, if there are any to leave out.
fn positions(index: &Tensor, padding: i64) -> Result<Option<Tensor>> {
    let all = index.try_to_vec::<i64>()?;
    let kept: Vec<i64> = (0..all.len()).filter(|&k| all[k] != padding).map(|k| k as i64).collect();
    if kept.len() == all.len() {
        return Ok(None);
    }
    Tensor::filled_on(index.device(), Layout::contiguous(&[kept.len()]), &kept).map(Some)
}
