//! Stochastic gradient descent.

use super::{Builder, Rule, RuleOptimizer, Setting};
use crate::backend::{Sgd, StepRule};
use crate::nn::Parameter;
use crate::ops::optimizer_step;
use crate::{Error, Result, Tensor};
use rushlight_macros::op;

/// Stochastic gradient descent, with momentum if wanted, as
/// [`torch.optim.SGD`](https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html).
///
/// With weight decay λ, momentum μ and dampening τ: `g += λ p`; `b = μ b + (1 - τ) g` (first `b = g`); `g = g + μ b` with Nesterov's
/// momentum, else `g = b`; `p -= lr g`.
///
/// ```
/// use rushlight::{Tensor, optim::{Optimizer, SGD}};
/// let w = Tensor::from([1.0f32]).requires_grad_(true);
/// let mut optimizer = SGD::new([&w], 0.1);
/// (&w * 3.0).sum().backward();
/// optimizer.step();
/// assert_eq!(w.to_string(), "tensor([0.7000], requires_grad=True)");
/// ```
pub type SGD = RuleOptimizer<SGDOptions>;

/// Options of [`SGD`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SGDOptions {
    /// The learning rate; default 0.001.
    pub lr: f64,
    /// The share of the last step's direction that is kept; default 0.
    pub momentum: f64,
    /// The share of the gradient that does not enter the direction; default 0.
    pub dampening: f64,
    /// The multiple of the parameter that is added to its gradient; default 0.
    pub weight_decay: f64,
    /// Nesterov's momentum; default false.
    pub nesterov: bool,
    /// Climbs instead of descends; default false.
    pub maximize: bool,
}

impl Default for SGDOptions {
    fn default() -> SGDOptions {
        SGDOptions { lr: 1e-3, momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false, maximize: false }
    }
}

impl SGD {
    /// Plain gradient descent with this learning rate.
    ///
    /// # Errors
    /// If there is no parameter, one is not a leaf or comes twice, or the learning rate is negative.
    #[op]
    pub fn try_new(params: impl IntoIterator<Item = impl Into<Parameter>>, lr: f64) -> Result<SGD> {
        SGD::builder(params).lr(lr).try_build()
    }

    /// With options.
    pub fn builder(params: impl IntoIterator<Item = impl Into<Parameter>>) -> Builder<SGDOptions> {
        Builder::new(params, SGDOptions::default())
    }
}

super::setters! { [] SGDOptions:
    /// The learning rate; default 0.001.
    lr: f64,
    /// The share of the last step's direction that is kept; default 0.
    momentum: f64,
    /// The share of the gradient that does not enter the direction; default 0.
    dampening: f64,
    /// The multiple of the parameter that is added to its gradient; default 0.
    weight_decay: f64,
    /// Nesterov's momentum, which wants a momentum and no dampening; default false.
    nesterov: bool,
    /// Climbs instead of descends; default false.
    maximize: bool,
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
                "Nesterov momentum requires a momentum and zero dampening, but got momentum {} and dampening {}",
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
    fn update(&self, p: &Tensor, g: &Tensor, slots: &[Tensor], fresh: bool, _: u64) -> Result<()> {
        let SGDOptions { lr, momentum, dampening, weight_decay, nesterov, maximize } = *self;
        let settings = Sgd { lr, momentum, dampening, weight_decay, nesterov, maximize };
        optimizer_step("sgd", &StepRule::Sgd { settings, first: fresh }, p, g, slots)
    }
}
