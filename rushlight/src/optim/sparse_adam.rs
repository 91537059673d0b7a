//! SparseAdam.

use super::{Rule, RuleOptimizer, Setting, SparseGradients, at_least_zero, decay_rates};
use crate::backend::{self, StepRule};
use crate::nn::Parameter;
use crate::ops::optimizer_step;
use crate::{Error, Result, Tensor, optim};
use rushlight_macros::{Builder, op};

/// Adam for sparse gradients, as embeddings have: only the rows in a gradient are read and written, in the parameter and in its state.
/// See [`torch.optim.SparseAdam`](https://docs.pytorch.org/docs/stable/generated/torch.optim.SparseAdam.html).
///
/// In step t, for the rows in the gradient: `m += (1 - β1) (g - m)`; `v += (1 - β2) (g² - v)`;
/// `p -= lr √(1 - β2ᵗ) / (1 - β1ᵗ) · m / (√v + eps)`. Unlike in Adam, averages of the other rows do not decay, and `eps` is not corrected.
///
/// ```
/// use rushlight::{nn, nn::{Forward, Module}, optim::{Optimizer, SparseAdam}, tensor};
/// let layer = nn::Embedding::builder(1000, 8).sparse(true).build();
/// let mut optimizer = SparseAdam::builder(layer.parameters()).lr(0.01).build();
/// layer.forward(&tensor!([3, 14, 3])).square().sum().backward();
/// optimizer.step();
/// ```
pub type SparseAdam = RuleOptimizer<SparseAdamOptions>;

/// The options of [`SparseAdam`].
#[derive(Builder, Clone, Copy, Debug, PartialEq)]
#[builder(on(optim::Builder<SparseAdamOptions>, options))]
pub struct SparseAdamOptions {
    /// The learning rate; default 0.001.
    #[builder(default = 1e-3)]
    pub lr: f64,
    /// The decay rates β1 and β2 of the average gradient and of the average squared gradient; default (0.9, 0.999).
    #[builder(default = (0.9, 0.999))]
    pub betas: (f64, f64),
    /// Added to the denominator; default 1e-8.
    #[builder(default = 1e-8)]
    pub eps: f64,
    /// Whether to maximize instead of minimize; default false.
    pub maximize: bool,
}

impl SparseAdam {
    /// Creates an optimizer with learning rate 0.001.
    ///
    /// # Errors
    /// If a group is empty, or a parameter is not a leaf, is sparse or is repeated.
    #[op]
    pub fn try_new(params: impl IntoIterator<Item = impl Into<Parameter>>) -> Result<SparseAdam> {
        SparseAdam::builder(params).try_build()
    }

    /// Returns a builder of the optimizer.
    pub fn builder(params: impl IntoIterator<Item = impl Into<Parameter>>) -> optim::Builder<SparseAdamOptions> {
        optim::Builder::new(params, SparseAdamOptions::default())
    }
}

impl Rule for SparseAdamOptions {
    const NAME: &'static str = "SparseAdam";

    fn options(&mut self) -> Vec<(&'static str, Setting<'_>)> {
        vec![
            ("lr", Setting::Number(&mut self.lr)),
            ("betas", Setting::Pair(&mut self.betas)),
            ("eps", Setting::Number(&mut self.eps)),
            ("maximize", Setting::Bool(&mut self.maximize)),
        ]
    }

    fn validate(&self) -> Result<()> {
        for (name, value) in [("lr", self.lr), ("eps", self.eps)] {
            at_least_zero(Self::NAME, &[(name, value)])?;
            if value == 0.0 {
                return Err(Error::value(Self::NAME, format!("expected {name} greater than 0, got 0")));
            }
        }
        decay_rates(Self::NAME, self.betas)
    }

    #[inline]
    fn slots(&self) -> &'static [&'static str] {
        &["exp_avg", "exp_avg_sq"]
    }

    #[inline]
    fn sparse_gradients(&self) -> SparseGradients {
        SparseGradients::Required
    }

    #[inline]
    fn update(&self, p: &Tensor, g: &Tensor, slots: &[Tensor], _: bool, step: u64) -> Result<()> {
        let SparseAdamOptions { lr, betas: (beta1, beta2), eps, maximize } = *self;
        let settings = backend::SparseAdam { lr, beta1, beta2, eps, maximize };
        optimizer_step("sparse_adam", &StepRule::SparseAdam { settings, t: step as f64 }, p, g, slots)
    }
}
