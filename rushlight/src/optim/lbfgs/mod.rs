//! L-BFGS.

mod memory;
mod strong_wolfe;

use super::state::{Loader, Named, Setting};
use super::{Optimizer, at_least_zero, torch};
use crate::error::ok;
use crate::io::pt::Value;
use crate::nn::{Parameter, StateDict};
use crate::{EnableGrad, Error, NoGrad, Result, Tensor, optim};
use memory::{Memory, State, dot, largest, round};
use rushlight_macros::{Builder, op};
use strong_wolfe::{Point, StrongWolfe};

const NAME: &str = "LBFGS";

/// A search along the direction of a step of [`LBFGS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineSearch {
    /// A search for the strong Wolfe conditions: PyTorch's `"strong_wolfe"`.
    StrongWolfe,
}

impl Named for LineSearch {
    const NAMES: &'static [(LineSearch, &'static str)] = &[(LineSearch::StrongWolfe, "strong_wolfe")];
}

/// The options of [`LBFGS`].
#[derive(Builder, Clone, Copy, Debug, PartialEq)]
#[builder(on(optim::Builder<LBFGSOptions>, options))]
pub struct LBFGSOptions {
    /// The learning rate; default 1.
    #[builder(default = 1.0)]
    pub lr: f64,
    /// The maximum number of iterations of a step; default 20.
    #[builder(default = 20)]
    pub max_iter: usize,
    /// The maximum number of evaluations of the loss in a step; default `max_iter * 5 / 4`.
    pub max_eval: Option<usize>,
    /// A step ends where no element of the gradient is larger; default 1e-7.
    #[builder(default = 1e-7)]
    pub tolerance_grad: f64,
    /// A step ends when the loss or all parameters change by less; default 1e-9.
    #[builder(default = 1e-9)]
    pub tolerance_change: f64,
    /// The number of previous iterations that approximate the Hessian; default 100.
    #[builder(default = 100)]
    pub history_size: usize,
    /// The line search; by default there is none, and an iteration moves by the learning rate.
    pub line_search_fn: Option<LineSearch>,
    /// Whether to maximize instead of minimize; default false.
    pub maximize: bool,
}

impl LBFGSOptions {
    fn max_eval(&self) -> usize {
        self.max_eval.unwrap_or(self.max_iter * 5 / 4)
    }

    fn settings(&mut self) -> [(&'static str, Setting<'_>); 7] {
        let default = self.max_eval();
        [
            ("lr", Setting::Number(&mut self.lr)),
            ("max_iter", Setting::Integer(&mut self.max_iter)),
            ("max_eval", Setting::Integer(self.max_eval.get_or_insert(default))),
            ("tolerance_grad", Setting::Number(&mut self.tolerance_grad)),
            ("tolerance_change", Setting::Number(&mut self.tolerance_change)),
            ("history_size", Setting::Integer(&mut self.history_size)),
            ("maximize", Setting::Bool(&mut self.maximize)),
        ]
    }

    fn validate(&self) -> Result<()> {
        at_least_zero(NAME, &[("lr", self.lr)])?;
        if self.history_size == 0 {
            return Err(Error::value(NAME, "expected history_size of at least 1, got 0"));
        }
        Ok(())
    }
}

impl optim::Builder<LBFGSOptions> {
    /// Builds the optimizer.
    ///
    /// # Errors
    /// If there is more than one parameter group, a group is empty, a parameter is not a leaf or is repeated, or an option is out of range.
    #[op]
    pub fn try_build(self) -> Result<LBFGS> {
        let mut groups = self.into_groups(NAME)?;
        let number = groups.len();
        let (Some((params, mut options)), true) = (groups.pop(), number == 1) else {
            let message = format!(
                "expected one parameter group, got {number}: one step along one direction is computed for all parameters, so options per \
                 parameter group are not supported"
            );
            return Err(Error::value(NAME, message));
        };
        options.validate()?;
        options.max_eval = Some(options.max_eval());
        Ok(LBFGS { params, options, initial_lr: None, state: State::default() })
    }
}

/// L-BFGS, a quasi-Newton method that approximates the Hessian from previous iterations. See
/// [`torch.optim.LBFGS`](https://docs.pytorch.org/docs/stable/generated/torch.optim.LBFGS.html) and Nocedal and Wright, "Numerical
/// Optimization", algorithm 7.4.
///
/// One step makes up to `max_iter` iterations `p += t d`. For all parameters as one vector with gradient g, and the previous changes
/// s = t d of the parameters and y of the gradient, d = -H g, where H is the inverse of the Hessian that these changes determine, starting
/// from (y·s / y·y) I; in the very first iteration d = -g. The length t is the learning rate (at first at most lr / Σ|g|) or found by a line search.
///
/// The loss is evaluated several times in a step, which therefore takes a closure. It clears the gradients, computes the loss, calls
/// `backward` and returns the loss. Memory of `history_size` times twice the size of the parameters is required.
///
/// ```
/// use rushlight::{Tensor, optim::{LBFGS, LineSearch}};
/// // Rosenbrock's function, whose minimum is at (1, 1)
/// let x = Tensor::from([-1.2, 1.0]).requires_grad_(true);
/// let mut optimizer = LBFGS::builder([&x]).line_search_fn(LineSearch::StrongWolfe).max_iter(50).build();
/// let initial = optimizer.step(|| {
///     x.zero_grad();
///     let [a, b] = [x.select(0, 0), x.select(0, 1)];
///     let loss = (1.0 - &a).square() + 100.0 * (b - a.square()).square();
///     loss.backward();
///     loss
/// });
/// assert!((initial.item() - 24.2).abs() < 1e-12);
/// assert_eq!(x.to_string(), "tensor([1.0000, 1.0000], dtype=torch.float64, requires_grad=True)");
/// ```
pub struct LBFGS {
    params: Vec<Parameter>,
    options: LBFGSOptions,
    initial_lr: Option<f64>,
    state: State,
}

/// The loss as a function of all parameters in one vector.
struct Objective<'a> {
    params: &'a [Parameter],
    closure: &'a mut dyn FnMut() -> Result<Tensor>,
    maximize: bool,
}

impl Objective<'_> {
    /// The tensor that the closure returns, the loss to be minimized, and its gradient.
    fn evaluate(&mut self) -> Result<(Tensor, f64, Tensor)> {
        let output = {
            let _guard = EnableGrad::new();
            (self.closure)()?
        };
        let loss = output.try_item()?;
        let flat = |param: &Parameter| match param.grad() {
            Some(grad) if grad.is_sparse() => grad.try_to_dense()?.try_reshape(-1),
            Some(grad) => grad.try_reshape(-1),
            None => param.get().try_zeros_like()?.try_reshape(-1),
        };
        let grad = Tensor::try_cat(self.params.iter().map(flat).collect::<Result<Vec<_>>>()?)?;
        Ok(if self.maximize { (output, -loss, grad.try_neg()?) } else { (output, loss, grad) })
    }

    /// Moves by `t d`.
    fn shift(&self, t: f64, d: &Tensor) -> Result<()> {
        let mut offset = 0;
        for param in self.params {
            let p = param.get();
            let part = d.try_narrow(0, offset, p.numel())?;
            p.try_add_scaled_(&part.try_view(p.shape())?, t)?;
            offset += p.numel() as isize;
        }
        Ok(())
    }

    /// The point at `x + t d`, where `x` are the current parameters, which stay as they are.
    fn look(&mut self, x: &[Tensor], t: f64, d: &Tensor) -> Result<Point> {
        let moved = self.shift(t, d).and_then(|()| self.evaluate());
        for (param, x) in self.params.iter().zip(x) {
            param.get().try_copy_(x)?;
        }
        let (_, loss, grad) = moved?;
        let slope = dot(&grad, d)?;
        Ok(Point { t, loss, grad, slope })
    }
}

impl LBFGS {
    /// Creates an optimizer with learning rate 1 and without a line search.
    ///
    /// # Errors
    /// If there are no parameters, or a parameter is not a leaf or is repeated.
    #[op]
    pub fn try_new(params: impl IntoIterator<Item = impl Into<Parameter>>) -> Result<LBFGS> {
        LBFGS::builder(params).try_build()
    }

    /// Returns a builder of the optimizer.
    pub fn builder(params: impl IntoIterator<Item = impl Into<Parameter>>) -> optim::Builder<LBFGSOptions> {
        optim::Builder::new(params, LBFGSOptions::default())
    }

    /// Returns the options.
    pub fn options(&self) -> &LBFGSOptions {
        &self.options
    }

    /// Returns the options, which may be changed between steps.
    pub fn options_mut(&mut self) -> &mut LBFGSOptions {
        &mut self.options
    }

    /// Updates the parameters, and returns the loss before that; see [`step_with`](Optimizer::step_with).
    ///
    /// # Panics
    /// As [`try_step`](LBFGS::try_step).
    #[track_caller]
    pub fn step(&mut self, mut closure: impl FnMut() -> Tensor) -> Tensor {
        ok(self.try_step(|| Ok(closure())))
    }

    /// [`step`](LBFGS::step) that returns an error instead of panicking.
    ///
    /// # Errors
    /// If the closure returns an error or not exactly one element. The parameters are then where the last iteration moved them.
    pub fn try_step(&mut self, mut closure: impl FnMut() -> Result<Tensor>) -> Result<Tensor> {
        self.try_step_with(&mut closure)
    }
}

impl Optimizer for LBFGS {
    fn try_step(&mut self) -> Result<()> {
        let message =
            "expected a closure that evaluates the loss, got none: a step evaluates it several times, see `step_with`";
        Err(Error::value(NAME, message))
    }

    fn try_step_with(&mut self, closure: &mut dyn FnMut() -> Result<Tensor>) -> Result<Tensor> {
        let _guard = NoGrad::new();
        let LBFGSOptions { lr, max_iter, tolerance_grad, tolerance_change, history_size, maximize, .. } = self.options;
        let max_eval = self.options.max_eval();
        let state = &mut self.state;
        let mut objective = Objective { params: &self.params, closure, maximize };

        let (first, mut loss, mut grad) = objective.evaluate()?;
        state.func_evals += 1;
        let mut evals = 1;
        if largest(&grad)? <= tolerance_grad {
            return Ok(first);
        }
        let dtype = grad.dtype();
        if let Some(memory) = &mut state.memory {
            memory.convert(dtype)?;
        }
        for iteration in 1..=max_iter {
            state.n_iter += 1;
            let memory = match &mut state.memory {
                Some(memory) => {
                    memory.d = memory.direction(&grad, history_size)?;
                    memory.t = lr;
                    (memory.grad, memory.loss) = (grad.clone(), loss);
                    memory
                }
                none => {
                    let t = round(dtype, (1.0 / grad.try_abs()?.try_sum()?.try_item()?).min(1.0)) * lr;
                    let (d, grad) = (grad.try_neg()?, grad.clone());
                    none.insert(Memory::new(d, t, grad, loss))
                }
            };
            let slope = dot(&grad, &memory.d)?;
            if slope > -tolerance_change {
                break;
            }
            let before = loss;
            let mut new_evals = 0;
            match self.options.line_search_fn {
                Some(LineSearch::StrongWolfe) => {
                    let x =
                        self.params.iter().map(|param| param.get().detach().try_copy()).collect::<Result<Vec<_>>>()?;
                    let search = StrongWolfe {
                        max_iter: max_eval.saturating_sub(evals),
                        tolerance_change,
                        largest: largest(&memory.d)?,
                        round: |value| round(dtype, value),
                    };
                    let (start, d) = (Point { t: 0.0, loss, grad, slope }, &memory.d);
                    let (found, evaluated) = search.search(start, memory.t, |t| objective.look(&x, t, d))?;
                    (memory.t, loss, grad, new_evals) = (found.t, found.loss, found.grad, evaluated);
                    objective.shift(memory.t, &memory.d)?;
                }
                None => {
                    objective.shift(memory.t, &memory.d)?;
                    // After the last iteration nobody needs the loss.
                    if iteration != max_iter {
                        (_, loss, grad) = objective.evaluate()?;
                        new_evals = 1;
                    }
                }
            }
            evals += new_evals;
            state.func_evals += new_evals;
            let done = evals >= max_eval
                || largest(&grad)? <= tolerance_grad
                || round(dtype, largest(&memory.d)? * memory.t.abs()) <= tolerance_change
                || (loss - before).abs() < tolerance_change;
            if done {
                break;
            }
        }
        Ok(first)
    }

    fn zero_grad(&self) {
        self.params.iter().for_each(Parameter::zero_grad);
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.params.clone()
    }

    fn num_groups(&self) -> usize {
        1
    }

    fn group_lr(&self, group: usize) -> f64 {
        only(group);
        self.options.lr
    }

    fn set_group_lr(&mut self, group: usize, lr: f64) {
        only(group);
        self.options.lr = lr;
    }

    fn group_initial_lr(&self, group: usize) -> Option<f64> {
        only(group);
        self.initial_lr
    }

    fn set_group_initial_lr(&mut self, group: usize, lr: f64) {
        only(group);
        self.initial_lr = Some(lr);
    }

    fn state_dict(&self) -> StateDict {
        let mut options = self.options;
        let mut state = StateDict::new();
        for (name, setting) in options.settings() {
            state.insert(format!("param_groups.0.{name}"), setting.tensor());
        }
        if let Some(line_search) = self.options.line_search_fn {
            state.insert("param_groups.0.line_search_fn", line_search.tensor());
        }
        if let Some(lr) = self.initial_lr {
            state.insert("param_groups.0.initial_lr", Tensor::from(lr));
        }
        self.state.save(&mut state);
        state
    }

    fn try_load_state_dict(&mut self, state: &StateDict) -> Result<()> {
        let mut loader = Loader::new(state);
        let mut options = self.options;
        for (name, setting) in options.settings() {
            setting.load(&mut loader, &format!("param_groups.0.{name}"));
        }
        let line_search = "param_groups.0.line_search_fn";
        options.line_search_fn = if loader.has(line_search) { loader.named(line_search) } else { None };
        let initial_lr = loader.optional_number("param_groups.0.initial_lr");
        if let Err(error) = options.validate() {
            loader.reject(error.to_string());
        }
        let numel = self.params.iter().map(Parameter::numel).sum();
        let state = State::load(&mut loader, numel)?;
        loader.finish(NAME)?;
        (self.options, self.initial_lr, self.state) = (options, initial_lr, state);
        Ok(())
    }

    fn try_torch_state_dict(&self) -> Result<Value> {
        torch::export(NAME, &[self.params.len()], &self.state_dict())
    }

    fn try_load_torch_state_dict(&mut self, state: &Value) -> Result<()> {
        let state = torch::import(NAME, &[self.params.len()], &self.state_dict(), state)?;
        self.try_load_state_dict(&state)
    }
}

#[track_caller]
fn only(group: usize) {
    assert_eq!(group, 0, "{NAME}: expected parameter group 0, the only one");
}
