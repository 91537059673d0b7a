//! Stochastic gradient descent.

use super::{Rule, RuleOptimizer, Setting, SparseGradients};
use crate::backend::{Sgd, StepRule};
use crate::nn::Parameter;
use crate::ops::optimizer_step;
use crate::{Error, Result, Tensor, optim};
use rushlight_macros::{Builder, op};

/// Stochastic gradient descent, optionally with momentum. See
/// [`torch.optim.SGD`](https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html).
///
/// With weight decay λ, momentum μ and dampening τ: `g += λ p`; `b = μ b + (1 - τ) g` (first `b = g`); `g = g + μ b` with Nesterov's
/// momentum, else `g = b`; `p -= lr g`.
///
/// ```
/// use rushlight::{Tensor, optim::{Optimizer, SGD}};
/// let w = Tensor::from([1.0f32]).requires_grad_(true);
/// let mut optimizer = SGD::builder([&w]).lr(0.1).build();
/// (&w * 3.0).sum().backward();
/// optimizer.step();
/// assert_eq!(w.to_string(), "tensor([0.7000], requires_grad=True)");
/// ```
pub type SGD = RuleOptimizer<SGDOptions>;

/// The options of [`SGD`].
#[derive(Builder, Clone, Copy, Debug, PartialEq)]
#[builder(on(optim::Builder<SGDOptions>, options))]
pub struct SGDOptions {
    /// The learning rate; default 0.001.
    #[builder(default = 1e-3)]
    pub lr: f64,
    /// The momentum factor; default 0.
    pub momentum: f64,
    /// The dampening of the momentum; default 0.
    pub dampening: f64,
    /// The weight decay (L2 penalty); default 0.
    pub weight_decay: f64,
    /// Whether to use Nesterov momentum, which requires a momentum and zero dampening; default false.
    pub nesterov: bool,
    /// Whether to maximize instead of minimize; default false.
    pub maximize: bool,
}

impl SGD {
    /// Creates an optimizer with learning rate 0.001, without momentum.
    ///
    /// # Errors
    /// If a group is empty, or a parameter is not a leaf or is repeated.
    #[op]
    pub fn try_new(params: impl IntoIterator<Item = impl Into<Parameter>>) -> Result<SGD> {
        SGD::builder(params).try_build()
    }

    /// Returns a builder of the optimizer.
    pub fn builder(params: impl IntoIterator<Item = impl Into<Parameter>>) -> optim::Builder<SGDOptions> {
        optim::Builder::new(params, SGDOptions::default())
    }
}

impl Rule for SGDOptions {
    const NAME: &'static str = "SGD";

    fn options(&mut self) -> Vec<(&'static str, Setting<'_>)> {
        vec![
            ("lr", Setting::Number(&mut self.lr)),
            ("momentum", Setting::Number(&mut self.momentum)),
            ("dampening", Setting::Number(&mut self.dampening)),
            ("weight_decay", Setting::Number(&mut self.weight_decay)),
            ("nesterov", Setting::Bool(&mut self.nesterov)),
            ("maximize", Setting::Bool(&mut self.maximize)),
        ]
    }

    fn validate(&self) -> Result<()> {
        super::at_least_zero(
            "SGD",
            &[("lr", self.lr), ("momentum", self.momentum), ("weight_decay", self.weight_decay)],
        )?;
        if self.nesterov && (self.momentum <= 0.0 || self.dampening != 0.0) {
            let message = format!(
                "expected a momentum and zero dampening with Nesterov momentum, got momentum {} and dampening {}",
                self.momentum, self.dampening
            );
            return Err(Error::value("SGD", message));
        }
        Ok(())
    }

    #[inline]
    fn slots(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["momentum_buffer"] }
    }

    #[inline]
    fn sparse_gradients(&self) -> SparseGradients {
        if self.weight_decay != 0.0 {
            SparseGradients::Refused("weight decay changes all elements; set weight_decay to 0")
        } else if self.momentum != 0.0 {
            SparseGradients::Dense // rows that were used before go on moving
        } else {
            SparseGradients::Rows
        }
    }

    #[inline]
    fn update(&self, p: &Tensor, g: &Tensor, slots: &[Tensor], fresh: bool, _: u64) -> Result<()> {
        let SGDOptions { lr, momentum, dampening, weight_decay, nesterov, maximize } = *self;
        let settings = Sgd { lr, momentum, dampening, weight_decay, nesterov, maximize };
        optimizer_step("sgd", &StepRule::Sgd { settings, first: fresh }, p, g, slots)
    }
}
