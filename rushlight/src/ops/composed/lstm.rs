//! One layer of an LSTM in one direction, in differentiable operations: a step is a dozen of them.

use crate::backend::{Lstm, Step};
use crate::ops::grad_if;
use crate::ops::lstm::LstmWeights;
use crate::{Result, Tensor};

/// A step of all sequences that have it.
struct Cell {
    /// The gates `i, f, g, o`.
    gates: [Tensor; 4],
    /// The previous output and cell state.
    before: [Tensor; 2],
    /// The cell state, its tanh, and `o tanh(c)`.
    c: Tensor,
    tanh: Tensor,
    unprojected: Tensor,
    /// The output.
    h: Tensor,
}

fn rows(x: &Tensor, start: usize, count: usize) -> Result<Tensor> {
    x.try_narrow(0, start as isize, count)
}

/// The rows of `first` followed by those of `second`.
fn joined(first: Tensor, second: Tensor) -> Result<Tensor> {
    match (first.size(0), second.size(0)) {
        (_, 0) => Ok(first),
        (0, _) => Ok(second),
        _ => Tensor::try_cat([first, second]),
    }
}

/// The rows of every sequence's last step, `[batch, …]`, of an array over all steps.
pub(in crate::ops) fn ends(lstm: &Lstm, all: &Tensor) -> Result<Tensor> {
    let ended = lstm.steps().into_iter().rev().filter(|step| step.left < step.rows);
    let ended = ended.map(|Step { start, rows: count, left, .. }| rows(all, start + left, count - left));
    match ended.collect::<Result<Vec<Tensor>>>()?.as_slice() {
        [] => rows(all, 0, 0),
        [one] => Ok(one.clone()),
        several => Tensor::try_cat(several),
    }
}

/// The previous outputs of all steps, `[rows, outputs]`.
pub(in crate::ops) fn previous(lstm: &Lstm, h0: &Tensor, out: &Tensor) -> Result<Tensor> {
    let mut parts = Vec::new();
    let mut steps = lstm.steps();
    steps.sort_by_key(|step| step.start);
    for Step { rows: count, continued, previous, .. } in steps {
        parts.push(rows(out, previous, continued)?);
        parts.push(rows(h0, continued, count - continued)?);
    }
    Tensor::try_cat(parts)
}

fn cells(lstm: &Lstm, x: &Tensor, [h0, c0]: [&Tensor; 2], weights: &LstmWeights) -> Result<Vec<(Step, Cell)>> {
    let [b_ih, b_hh] = weights.bias.as_ref().map_or([None, None], |[ih, hh]| [Some(ih), Some(hh)]);
    let mut all: Vec<(Step, Cell)> = Vec::new();
    for step in lstm.steps() {
        let Step { start, rows: count, continued, .. } = step;
        let before = match all.last() {
            Some((_, last)) => [(&last.h, h0), (&last.c, c0)],
            None => [(h0, h0), (c0, c0)],
        };
        let [h, c] = before
            .map(|(last, initial)| joined(rows(last, 0, continued)?, rows(initial, continued, count - continued)?));
        let (h_before, c_before) = (h?, c?);
        let inputs = rows(x, start, count)?.try_linear(&weights.ih, b_ih)?;
        let inputs = inputs.try_add(&h_before.try_linear(&weights.hh, b_hh)?)?;
        let gate = |k: usize| inputs.try_narrow(1, (k * lstm.hidden) as isize, lstm.hidden);
        let [i, f, g, o] =
            [gate(0)?.try_sigmoid()?, gate(1)?.try_sigmoid()?, gate(2)?.try_tanh()?, gate(3)?.try_sigmoid()?];
        let c = f.try_mul(&c_before)?.try_add(&i.try_mul(&g)?)?;
        let tanh = c.try_tanh()?;
        let unprojected = o.try_mul(&tanh)?;
        let h = weights.hr.as_ref().map_or(Ok(unprojected.clone()), |hr| unprojected.try_linear(hr, None))?;
        all.push((step, Cell { gates: [i, f, g, o], before: [h_before, c_before], c, tanh, unprojected, h }));
    }
    Ok(all)
}

/// What [`Recurrent::lstm`](crate::backend::Recurrent::lstm) writes: outputs and last cell states, gates, cell states.
pub(in crate::ops) fn lstm(lstm: &Lstm, x: &Tensor, state: [&Tensor; 2], weights: &LstmWeights) -> Result<[Tensor; 3]> {
    let mut all = cells(lstm, x, state, weights)?;
    all.sort_by_key(|(step, _)| step.start);
    let over = |part: fn(&Cell) -> Result<Tensor>| {
        Tensor::try_cat(all.iter().map(|(_, cell)| part(cell)).collect::<Result<Vec<Tensor>>>()?)
    };
    let c = over(|cell| Ok(cell.c.clone()))?;
    let out = Tensor::try_cat([over(|cell| Ok(cell.h.clone()))?.try_flatten()?, ends(lstm, &c)?.try_flatten()?])?;
    Ok([out, over(|cell| Tensor::try_cat_dim(&cell.gates, 1))?, c])
}

/// The gradients of the input, the initial output and cell state, and the weights: `ih`, `hh`, both biases, `hr`.
pub(in crate::ops) fn lstm_grad(
    lstm: &Lstm,
    x: &Tensor,
    state: [&Tensor; 2],
    weights: &LstmWeights,
    g: &Tensor,
    [of_x, of_h0, of_c0, of_ih, of_hh, of_b_ih, of_b_hh, of_hr]: [bool; 8],
) -> Result<[Option<Tensor>; 8]> {
    let split = lstm.rows() * lstm.outputs;
    let of_outputs = g.try_narrow(0, 0, split)?.try_view([lstm.rows(), lstm.outputs])?;
    let last = [lstm.batch(), lstm.hidden];
    let of_last = g.try_narrow(0, split as isize, last[0] * last[1])?.try_view(last)?;
    let one_minus = |x: &Tensor| x.try_neg()?.try_add(1);
    // The gradients of the state that the step processed next continued, and of the initial state of the others.
    let mut carried = [rows(&of_outputs, 0, 0)?, rows(&of_last, 0, 0)?];
    let mut initial: [Vec<Tensor>; 2] = Default::default();
    let (mut of_gates, mut before, mut of_h, mut unprojected) = (vec![], vec![], vec![], vec![]);
    for (step, cell) in cells(lstm, x, state, weights)?.into_iter().rev() {
        let Step { start, rows: count, continued, left, .. } = step;
        let [dh, dc] = carried;
        let ended = rows(&of_last, left, count - left)?;
        let own = rows(&of_outputs, start, count)?;
        let dh = joined(rows(&own, 0, left)?.try_add(&dh)?, rows(&own, left, count - left)?)?;
        let dm = weights.hr.as_ref().map_or(Ok(dh.clone()), |hr| dh.try_mm(hr))?;
        let [i, f, g, o] = &cell.gates;
        let through = dm.try_mul(o)?.try_mul(&one_minus(&cell.tanh.try_square()?)?)?;
        let dc = joined(dc, ended)?.try_add(&through)?;
        let sigmoid = |y: &Tensor, grad: Tensor| grad.try_mul(&y.try_mul(&one_minus(y)?)?);
        let gates = Tensor::try_cat_dim(
            [
                sigmoid(i, dc.try_mul(g)?)?,
                sigmoid(f, dc.try_mul(&cell.before[1])?)?,
                dc.try_mul(i)?.try_mul(&one_minus(&g.try_square()?)?)?,
                sigmoid(o, dm.try_mul(&cell.tanh)?)?,
            ],
            1,
        )?;
        let back = [gates.try_mm(&weights.hh)?, dc.try_mul(f)?];
        for (initial, back) in initial.iter_mut().zip(&back) {
            initial.push(rows(back, continued, count - continued)?);
        }
        carried = [rows(&back[0], 0, continued)?, rows(&back[1], 0, continued)?];
        of_gates.push((start, gates));
        before.push((start, cell.before[0].clone()));
        of_h.push((start, dh));
        unprojected.push((start, cell.unprojected));
    }
    let over = |mut parts: Vec<(usize, Tensor)>| {
        parts.sort_by_key(|(start, _)| *start);
        Tensor::try_cat(parts.into_iter().map(|(_, part)| part).collect::<Vec<Tensor>>())
    };
    let [h, c] = initial.map(|parts| Tensor::try_cat(parts.into_iter().rev().collect::<Vec<Tensor>>()));
    let of_gates = over(of_gates)?;
    let transposed = of_gates.try_t()?;
    Ok([
        grad_if(of_x, || of_gates.try_mm(&weights.ih))?,
        grad_if(of_h0, || h)?,
        grad_if(of_c0, || c)?,
        grad_if(of_ih, || transposed.try_mm(x))?,
        grad_if(of_hh, || transposed.try_mm(&over(before)?))?,
        grad_if(of_b_ih, || of_gates.try_sum_dim(0))?,
        grad_if(of_b_hh, || of_gates.try_sum_dim(0))?,
        grad_if(of_hr, || over(of_h)?.try_t()?.try_mm(&over(unprojected)?))?,
    ])
}
