//! What L-BFGS remembers of previous iterations, and the direction that follows from it.

use crate::nn::StateDict;
use crate::optim::state::Loader;
use crate::{DType, Result, Tensor};
use std::collections::VecDeque;

/// What is kept over all steps. It belongs to all parameters; as in PyTorch it is stored as the state of the first.
#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) func_evals: usize,
    pub(super) n_iter: usize,
    pub(super) memory: Option<Memory>,
}

impl State {
    pub(super) fn save(&self, state: &mut StateDict) {
        if self.func_evals == 0 {
            return;
        }
        let mut put = |name: &str, tensor| state.insert(format!("state.0.{name}"), tensor);
        put("func_evals", Tensor::from(self.func_evals as i64));
        put("n_iter", Tensor::from(self.n_iter as i64));
        if let Some(Memory { d, t, changes, h_diag, grad, loss }) = &self.memory {
            put("d", d.copy());
            put("t", Tensor::from(*t));
            for (i, Change { y, s, ro }) in changes.iter().enumerate() {
                put(&format!("old_dirs.{i}"), y.copy());
                put(&format!("old_stps.{i}"), s.copy());
                put(&format!("ro.{i}"), Tensor::from(*ro));
            }
            put("H_diag", Tensor::from(*h_diag));
            put("prev_flat_grad", grad.copy());
            put("prev_loss", Tensor::from(*loss));
        }
    }

    /// Reads the state of parameters with `numel` elements.
    pub(super) fn load(loader: &mut Loader<'_>, numel: usize) -> Result<State> {
        if !loader.has("state.0.func_evals") {
            return Ok(State::default());
        }
        let func_evals = loader.integer("state.0.func_evals");
        let n_iter = loader.integer("state.0.n_iter");
        let memory = if loader.has("state.0.d") { Memory::load(loader, numel)? } else { None };
        Ok(State { func_evals, n_iter, memory })
    }
}

/// What an iteration leaves to the next.
#[derive(Clone)]
pub(super) struct Memory {
    /// The direction, and the length of the step in units of it.
    pub(super) d: Tensor,
    pub(super) t: f64,
    changes: VecDeque<Change>,
    /// The initial approximation of the inverse Hessian, a multiple of the identity.
    h_diag: f64,
    pub(super) grad: Tensor,
    pub(super) loss: f64,
}

/// What an iteration changed.
#[derive(Clone)]
struct Change {
    /// The change of the gradient: PyTorch's `old_dirs`.
    y: Tensor,
    /// The change of the parameters: PyTorch's `old_stps`.
    s: Tensor,
    /// 1 / y·s.
    ro: f64,
}

impl Memory {
    /// Remembers the first iteration.
    pub(super) fn new(d: Tensor, t: f64, grad: Tensor, loss: f64) -> Memory {
        Memory { d, t, changes: VecDeque::new(), h_diag: 1.0, grad, loss }
    }

    /// Learns from the change of the gradient to `grad`, and computes the next direction.
    pub(super) fn direction(&mut self, grad: &Tensor, history_size: usize) -> Result<Tensor> {
        let dtype = grad.dtype();
        let y = grad.try_sub(&self.grad)?;
        let s = self.d.try_mul(self.t)?;
        let ys = dot(&y, &s)?;
        if ys > 1e-10 {
            while self.changes.len() >= history_size {
                self.changes.pop_front();
            }
            self.h_diag = round(dtype, ys / dot(&y, &y)?);
            self.changes.push_back(Change { y, s, ro: round(dtype, 1.0 / ys) });
        }
        let q = grad.try_neg()?;
        let mut al = Vec::with_capacity(self.changes.len());
        for Change { y, s, ro } in self.changes.iter().rev() {
            let a = round(dtype, dot(s, &q)? * ro);
            q.try_add_scaled_(y, -a)?;
            al.push(a);
        }
        let d = q.try_mul(self.h_diag)?;
        for (Change { y, s, ro }, a) in self.changes.iter().zip(al.into_iter().rev()) {
            let b = round(dtype, dot(y, &d)? * ro);
            d.try_add_scaled_(s, round(dtype, a - b))?;
        }
        Ok(d)
    }

    /// Converts to the dtype of the parameters, which changes when a model is converted.
    pub(super) fn convert(&mut self, dtype: DType) -> Result<()> {
        let pairs = self.changes.iter_mut().flat_map(|change| [&mut change.y, &mut change.s]);
        for tensor in pairs.chain([&mut self.d, &mut self.grad]) {
            *tensor = tensor.try_to_dtype(dtype)?;
        }
        Ok(())
    }

    /// `None` if something is missing, which is recorded as an error.
    fn load(loader: &mut Loader<'_>, numel: usize) -> Result<Option<Memory>> {
        let vector = |loader: &mut Loader<'_>, name: &str| {
            loader.take(&format!("state.0.{name}"), &[numel]).map(|tensor| tensor.detach().try_copy()).transpose()
        };
        let mut changes = VecDeque::new();
        while loader.has(&format!("state.0.old_dirs.{}", changes.len())) {
            let i = changes.len();
            let y = vector(loader, &format!("old_dirs.{i}"))?;
            let s = vector(loader, &format!("old_stps.{i}"))?;
            let ro = loader.number(&format!("state.0.ro.{i}"));
            let (Some(y), Some(s)) = (y, s) else { return Ok(None) };
            changes.push_back(Change { y, s, ro });
        }
        let (d, grad) = (vector(loader, "d")?, vector(loader, "prev_flat_grad")?);
        let t = loader.number("state.0.t");
        let h_diag = loader.number("state.0.H_diag");
        let loss = loader.number("state.0.prev_loss");
        Ok(d.zip(grad).map(|(d, grad)| Memory { d, t, changes, h_diag, grad, loss }))
    }
}

/// Rounds to the parameters' dtype, as PyTorch does by keeping these numbers in tensors. With 16-bit floats they are more precise here.
pub(super) fn round(dtype: DType, value: f64) -> f64 {
    if dtype == DType::F64 { value } else { f64::from(value as f32) }
}

pub(super) fn dot(a: &Tensor, b: &Tensor) -> Result<f64> {
    a.try_matmul(b)?.try_item()
}

pub(super) fn largest(x: &Tensor) -> Result<f64> {
    x.try_abs()?.try_max()?.try_item()
}
