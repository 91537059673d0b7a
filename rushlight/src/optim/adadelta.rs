//! Adadelta.

use super::{Rule, RuleOptimizer, Setting, at_least_zero};
use crate::backend::{self, StepRule};
use crate::nn::Parameter;
use crate::ops::optimizer_step;
use crate::{Error, Result, Tensor, optim};
use rushlight_macros::{Builder, op};

/// Adadelta (Zeiler, 2012), whose steps scale with the ratio of past changes to past gradients. See
/// [`torch.optim.Adadelta`](https://docs.pytorch.org/docs/stable/generated/torch.optim.Adadelta.html).
///
/// With weight decay λ and decay rate ρ: `g += λ p`; `v = ρ v + (1 - ρ) g²`; `δ = √(u + eps) / √(v + eps) · g`; `u = ρ u + (1 - ρ) δ²`;
/// `p -= lr δ`.
///
/// ```
/// use rushlight::{Tensor, optim::{Adadelta, Optimizer}};
/// let w = Tensor::from([1.0f32]).requires_grad_(true);
/// let mut optimizer = Adadelta::builder([&w]).lr(2.0).rho(0.75).eps(1e-4).build();
/// w.square().sum().backward();
/// optimizer.step();
/// assert_eq!(w.to_string(), "tensor([0.9600], requires_grad=True)");
/// ```
pub type Adadelta = RuleOptimizer<AdadeltaOptions>;

/// The options of [`Adadelta`].
#[derive(Builder, Clone, Copy, Debug, PartialEq)]
#[builder(on(optim::Builder<AdadeltaOptions>, options))]
pub struct AdadeltaOptions {
    /// The learning rate; default 1.
    #[builder(default = 1.0)]
    pub lr: f64,
    /// The decay rate ρ of the averages of squared gradients and squared changes; default 0.9.
    #[builder(default = 0.9)]
    pub rho: f64,
    /// Added to the averages before their square roots are taken; default 1e-6.
    #[builder(default = 1e-6)]
    pub eps: f64,
    /// Weight decay; default 0.
    pub weight_decay: f64,
    /// Whether to maximize instead of minimize; default false.
    pub maximize: bool,
}

impl Adadelta {
    /// Creates an optimizer with learning rate 1.
    ///
    /// # Errors
    /// If a group is empty, or a parameter is not a leaf or is repeated.
    #[op]
    pub fn try_new(params: impl IntoIterator<Item = impl Into<Parameter>>) -> Result<Adadelta> {
        Adadelta::builder(params).try_build()
    }

    /// Returns a builder of the optimizer.
    pub fn builder(params: impl IntoIterator<Item = impl Into<Parameter>>) -> optim::Builder<AdadeltaOptions> {
        optim::Builder::new(params, AdadeltaOptions::default())
    }
}

impl Rule for AdadeltaOptions {
    const NAME: &'static str = "Adadelta";

    fn options(&mut self) -> Vec<(&'static str, Setting<'_>)> {
        vec![
            ("lr", Setting::Number(&mut self.lr)),
            ("rho", Setting::Number(&mut self.rho)),
            ("eps", Setting::Number(&mut self.eps)),
            ("weight_decay", Setting::Number(&mut self.weight_decay)),
            ("maximize", Setting::Bool(&mut self.maximize)),
        ]
    }

    fn validate(&self) -> Result<()> {
        at_least_zero(Self::NAME, &[("lr", self.lr), ("eps", self.eps), ("weight_decay", self.weight_decay)])?;
        if (0.0..=1.0).contains(&self.rho) {
            return Ok(());
        }
        Err(Error::value(Self::NAME, format!("expected rho from 0 to 1, got {}", self.rho)))
    }

    #[inline]
    fn slots(&self) -> &'static [&'static str] {
        &["square_avg", "acc_delta"]
    }

    #[inline]
    fn update(&self, p: &Tensor, g: &Tensor, slots: &[Tensor], _: bool, _: u64) -> Result<()> {
        let AdadeltaOptions { lr, rho, eps, weight_decay, maximize } = *self;
        let settings = backend::Adadelta { lr, rho, eps, weight_decay, maximize };
        optimizer_step("adadelta", &StepRule::Adadelta { settings }, p, g, slots)
    }
}
