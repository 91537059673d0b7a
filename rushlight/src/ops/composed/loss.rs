//! Losses of rows of classes, `[outer, classes, inner]`.

use crate::backend::{ClassLoss, bad_class};
use crate::ops::scaled;
use crate::tensor::{Layout, keepdim};
use crate::{Result, Tensor};
use rushlight_kernels::index::BadIndex;

/// The rows of a loss, `[outer, 1, inner]` each: which count, the class of each that does (0 elsewhere), and its weight (0 elsewhere).
struct Rows {
    counted: Tensor,
    class: Tensor,
    weight: Tensor,
}

impl Rows {
    /// An error if a target is neither a class nor to be ignored.
    fn new(name: &'static str, loss: &ClassLoss<&Tensor>, target: &Tensor, like: &Tensor) -> Result<Rows> {
        let shape = [loss.outer, 1, loss.inner];
        let target = target.detach().try_view(shape)?;
        let counted = target.try_ne(loss.ignore_index)?;
        let outside = target.try_lt(0)?.try_logical_or(&target.try_ge(loss.classes)?)?.try_logical_and(&counted)?;
        if outside.try_any()?.try_item_as::<bool>()? {
            let (outside, target) = (outside.try_to_vec::<bool>()?, target.try_to_vec::<i64>()?);
            let position = outside.iter().position(|&is| is).expect("any is");
            return Err(bad_class(name, BadIndex { value: target[position], position, size: loss.classes }));
        }
        let class = target.try_mul(&counted.try_to_dtype(target.dtype())?)?;
        let ones = counted.try_to_dtype(like.dtype())?;
        let weight = match loss.weight {
            Some(weight) if class.numel() > 0 => {
                let places = class.try_view([class.numel()])?;
                weight.detach().try_gather(0, &places)?.try_view(shape)?.try_mul(&ones)?
            }
            _ => ones,
        };
        Ok(Rows { counted, class, weight })
    }

    fn total(&self) -> Result<f64> {
        self.weight.try_sum()?.try_item_as::<f64>()
    }

    /// The weighted loss of each row, `[outer · inner]`, from log-probabilities.
    fn losses(&self, x: &Tensor) -> Result<Tensor> {
        let picked = if self.class.numel() > 0 { x.try_gather(1, &self.class)? } else { self.weight.clone() };
        // An ignored row counts for nothing even where its element is infinite.
        let picked = picked.try_masked_fill(&self.counted.try_logical_not()?, 0)?;
        picked.try_mul(&self.weight)?.try_neg()?.try_view([self.class.numel()])
    }
}

fn whole(loss: &ClassLoss<&Tensor>, x: &Tensor) -> Result<Tensor> {
    x.detach().try_view([loss.outer, loss.classes, loss.inner])
}

/// Each row's loss, and the sum of the rows' weights.
pub(in crate::ops) fn nll(loss: &ClassLoss<&Tensor>, x: &Tensor, target: &Tensor) -> Result<(Tensor, f64)> {
    let rows = Rows::new("nll_loss", loss, target, x)?;
    Ok((rows.losses(&whole(loss, x)?)?, rows.total()?))
}

/// The gradient of the log-probabilities, `[outer, classes, inner]`, from that of the rows (one for all, or one each) times `factor`.
pub(in crate::ops) fn nll_grad(loss: &ClassLoss<&Tensor>, target: &Tensor, g: &Tensor, factor: f64) -> Result<Tensor> {
    let rows = Rows::new("nll_loss", loss, target, g)?;
    let g = scaled(&g.detach(), -factor)?;
    let g = if g.dim() == 0 { g } else { g.try_view(rows.class.shape())? };
    let each = rows.weight.try_mul(&g)?.try_masked_fill(&rows.counted.try_logical_not()?, 0)?;
    let zeros = Tensor::zeros_with_layout(&g, &Layout::contiguous(&[loss.outer, loss.classes, loss.inner]))?;
    if each.numel() == 0 { Ok(zeros) } else { zeros.try_scatter_add(1, &rows.class, &each) }
}

/// Each row's loss from logits, and the sum of the rows' weights.
pub(in crate::ops) fn cross_entropy(loss: &ClassLoss<&Tensor>, x: &Tensor, target: &Tensor) -> Result<(Tensor, f64)> {
    let rows = Rows::new("cross_entropy", loss, target, x)?;
    let log = whole(loss, x)?.try_log_softmax(1)?;
    let (hard, smoothing) = (rows.losses(&log)?, loss.label_smoothing);
    if smoothing == 0.0 {
        return Ok((hard, rows.total()?));
    }
    let weighted = match loss.weight {
        Some(weight) => log.try_mul(&weight.detach().try_view([loss.classes, 1])?)?,
        None => log,
    };
    let even = weighted.try_sum_dim(keepdim(1))?.try_masked_fill(&rows.counted.try_logical_not()?, 0)?;
    let even = scaled(&even, -smoothing / loss.classes as f64)?.try_view([rows.class.numel()])?;
    Ok((scaled(&hard, 1.0 - smoothing)?.try_add(&even)?, rows.total()?))
}
