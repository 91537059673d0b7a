//! One layer of an LSTM in one direction, as one node of the graph.

use super::{composed, grad_if};
use crate::autograd::{NoGrad, Save, is_grad_enabled};
use crate::backend::Lstm;
use crate::tensor::{DType, Layout};
use crate::{Result, Tensor};

const NAME: &str = "lstm";

/// The weights of one layer in one direction.
#[derive(Clone)]
pub(crate) struct LstmWeights {
    /// Of the input, `[4 * hidden, inputs]`.
    pub ih: Tensor,
    /// Of the previous output, `[4 * hidden, outputs]`.
    pub hh: Tensor,
    /// Added to the product with the input and to that with the previous output, `[4 * hidden]`.
    pub bias: Option<[Tensor; 2]>,
    /// Of the projection, `[outputs, hidden]`.
    pub hr: Option<Tensor>,
}

impl LstmWeights {
    fn map(&self, f: impl Fn(&Tensor) -> Result<Tensor>) -> Result<LstmWeights> {
        let bias = self.bias.as_ref().map(|[ih, hh]| Ok([f(ih)?, f(hh)?])).transpose()?;
        Ok(LstmWeights { ih: f(&self.ih)?, hh: f(&self.hh)?, bias, hr: self.hr.as_ref().map(f).transpose()? })
    }
}

/// The outputs of all steps, `[rows, outputs]`, and the output and cell state of every sequence after its last step, `[batch, outputs]`
/// and `[batch, hidden]`; from `x` of all steps, `[rows, inputs]`, and the initial output and cell state. Shapes and dtypes match.
///
/// 16-bit floats are computed in float32 and rounded at the end.
pub(crate) fn lstm(lstm: &Lstm, x: &Tensor, state: [&Tensor; 2], weights: &LstmWeights) -> Result<[Tensor; 3]> {
    let (dtype, computed) = (x.dtype(), x.dtype().computed_float());
    if dtype == computed {
        return layer(lstm, x, state, weights);
    }
    let to = |dtype: DType| move |tensor: &Tensor| tensor.try_to_dtype(dtype);
    let wide = to(computed);
    let [out, h, c] = layer(lstm, &wide(x)?, [&wide(state[0])?, &wide(state[1])?], &weights.map(wide)?)?;
    let narrow = to(dtype);
    Ok([narrow(&out)?, narrow(&h)?, narrow(&c)?])
}

fn layer(lstm: &Lstm, x: &Tensor, [h0, c0]: [&Tensor; 2], weights: &LstmWeights) -> Result<[Tensor; 3]> {
    let [x, h0, c0] = [x.try_contiguous()?, h0.try_contiguous()?, c0.try_contiguous()?];
    let weights = weights.map(Tensor::try_contiguous)?;
    let (rows, batch) = (lstm.rows(), lstm.batch());
    let results = forward(lstm, &x, [&h0, &c0], &weights)?;
    let flat = recorded(lstm, results, [x, h0, c0], weights);
    let split = rows * lstm.outputs;
    let out = flat.try_narrow(0, 0, split)?.try_view([rows, lstm.outputs])?;
    let last = flat.try_narrow(0, split as isize, batch * lstm.hidden)?.try_view([batch, lstm.hidden])?;
    let h = composed::ends(lstm, &out)?;
    Ok([out, h, last])
}

/// The outputs of all steps followed by the last cell states, 1-d, because a node has one output; the gates; and the cell states.
fn forward(lstm: &Lstm, x: &Tensor, [h0, c0]: [&Tensor; 2], weights: &LstmWeights) -> Result<[Tensor; 3]> {
    let _guard = NoGrad::new();
    let bias = weights.bias.as_ref().map(|[ih, hh]| ih.try_add(hh)).transpose()?;
    let gates = x.try_linear(&weights.ih, bias.as_ref())?;
    let size = lstm.rows() * lstm.outputs + lstm.batch() * lstm.hidden;
    let out = x.fresh_like(Layout::contiguous(&[size]).checked(NAME)?, x.dtype())?;
    let cells = x.fresh_like(Layout::contiguous(&[lstm.rows(), lstm.hidden]).checked(NAME)?, x.dtype())?;
    let done = {
        let hr = weights.hr.as_ref().map(|hr| hr.read(NAME)).transpose()?;
        let (hh, state) = (&weights.hh.read(NAME)?, [&h0.read(NAME)?, &c0.read(NAME)?]);
        let (gates, out, cells) = (&mut gates.write_fresh(), &mut out.write_fresh(), &mut cells.write_fresh());
        x.backend().lstm(lstm, (hh, hr.as_ref()), state, gates, out, cells)
    };
    match done {
        Some(done) => done.map(|()| [out, gates, cells]),
        None => composed::lstm(lstm, x, [h0, c0], weights),
    }
}

fn recorded(lstm: &Lstm, [out, gates, cells]: [Tensor; 3], [x, h0, c0]: [Tensor; 3], weights: LstmWeights) -> Tensor {
    let LstmWeights { ih, hh, bias, hr } = weights;
    let [b_ih, b_hh] = bias.map_or([None, None], |bias| bias.map(Some));
    let inputs = [Some(&x), Some(&h0), Some(&c0), Some(&ih), Some(&hh), b_ih.as_ref(), b_hh.as_ref(), hr.as_ref()];
    let [x, h0, c0, ih, hh, b_ih, b_hh, hr] = inputs.map(|input| input.map_or(Save::Nothing, Save::Input));
    let saves = [x, h0, c0, ih, hh, b_ih, b_hh, hr, Save::Output, Save::Input(&gates), Save::Input(&cells)];
    let [biased, projected] = [inputs[5].is_some(), inputs[7].is_some()];
    let lstm = lstm.clone();
    out.record("LstmBackward0", inputs, saves, move |saved, needs, g| {
        let [x, h0, c0, ih, hh, b_ih, b_hh, hr, out, gates, cells] = saved;
        let weights = LstmWeights { ih, hh, bias: biased.then_some([b_ih, b_hh]), hr: projected.then_some(hr) };
        if is_grad_enabled() {
            return composed::lstm_grad(&lstm, &x, [&h0, &c0], &weights, g, needs);
        }
        match backward(&lstm, &c0, &weights, [&gates, &cells], g)? {
            Some(grads) => shared(&lstm, [&x, &h0], &weights, [&out, &gates, &cells], grads, needs),
            None => composed::lstm_grad(&lstm, &x, [&h0, &c0], &weights, g, needs),
        }
    })
}

/// The gradients that flow through the steps: of the gates' inputs, of the outputs, and of the initial state. `None` if the device does
/// not implement it.
fn backward(
    lstm: &Lstm,
    c0: &Tensor,
    weights: &LstmWeights,
    [gates, cells]: [&Tensor; 2],
    g: &Tensor,
) -> Result<Option<[Tensor; 4]>> {
    let (rows, batch, split) = (lstm.rows(), lstm.batch(), lstm.rows() * lstm.outputs);
    let part = |start: usize, shape: [usize; 2]| {
        g.try_narrow(0, start as isize, shape[0] * shape[1])?.try_contiguous_copy()?.try_view(shape)
    };
    let grads = [
        gates.fresh_like(Layout::contiguous(gates.shape()), gates.dtype())?,
        part(0, [rows, lstm.outputs])?,
        c0.fresh_like(Layout::contiguous(&[batch, lstm.outputs]), c0.dtype())?,
        part(split, [batch, lstm.hidden])?,
    ];
    let done = {
        let hr = weights.hr.as_ref().map(|hr| hr.read(NAME)).transpose()?;
        let (hh, saved) = (&weights.hh.read(NAME)?, [&gates.read(NAME)?, &cells.read(NAME)?]);
        let mut guards = grads.each_ref().map(Tensor::write_fresh);
        c0.backend().lstm_grad(lstm, (hh, hr.as_ref()), &c0.read(NAME)?, saved, guards.each_mut())
    };
    done.map(|done| done.map(|()| grads)).transpose()
}

/// The gradients of the inputs and weights that all steps share, each one product over all steps.
fn shared(
    lstm: &Lstm,
    [x, h0]: [&Tensor; 2],
    weights: &LstmWeights,
    [out, gates, cells]: [&Tensor; 3],
    [of_gates, of_outputs, of_h0, of_c0]: [Tensor; 4],
    needs: [bool; 8],
) -> Result<[Option<Tensor>; 8]> {
    let [of_x, needs_h0, needs_c0, of_ih, of_hh, of_b_ih, of_b_hh, of_hr] = needs;
    let transposed = of_gates.try_t()?;
    let previous = || {
        let out = out.try_narrow(0, 0, lstm.rows() * lstm.outputs)?.try_view([lstm.rows(), lstm.outputs])?;
        composed::previous(lstm, h0, &out)
    };
    let unprojected = || {
        let o = gates.try_narrow(1, 3 * lstm.hidden as isize, lstm.hidden)?;
        o.try_mul(&cells.try_tanh()?)
    };
    let bias = grad_if(of_b_ih || of_b_hh, || of_gates.try_sum_dim(0))?;
    let second = bias.as_ref().filter(|_| of_b_hh).map(|bias| if of_b_ih { bias.try_copy() } else { Ok(bias.clone()) });
    Ok([
        grad_if(of_x, || of_gates.try_mm(&weights.ih))?,
        needs_h0.then_some(of_h0),
        needs_c0.then_some(of_c0),
        grad_if(of_ih, || transposed.try_mm(x))?,
        grad_if(of_hh, || transposed.try_mm(&previous()?))?,
        bias.filter(|_| of_b_ih),
        second.transpose()?,
        grad_if(of_hr, || of_outputs.try_t()?.try_mm(&unprojected()?))?,
    ])
}
