//! Adamax.

use super::{Rule, RuleOptimizer, Setting, at_least_zero, decay_rates};
use crate::backend::{self, StepRule};
use crate::nn::Parameter;
use crate::ops::optimizer_step;
use crate::{Result, Tensor, optim};
use rushlight_macros::{Builder, op};

/// Adamax (Kingma and Ba, 2014), Adam with the largest magnitude of the gradient in place of its root mean square. See
/// [`torch.optim.Adamax`](https://docs.pytorch.org/docs/stable/generated/torch.optim.Adamax.html).
///
/// With weight decay λ, in step t: `g += λ p`; `m += (1 - β1) (g - m)`; `u = max(β2 u, |g| + eps)`; `p -= lr / (1 - β1ᵗ) · m / u`.
///
/// ```
/// use rushlight::{Tensor, optim::{Adamax, Optimizer}};
/// let w = Tensor::from([1.0f32]).requires_grad_(true);
/// let mut optimizer = Adamax::builder([&w]).lr(0.1).betas((0.9, 0.99)).build();
/// w.square().sum().backward();
/// optimizer.step();
/// assert_eq!(w.to_string(), "tensor([0.9000], requires_grad=True)");
/// ```
pub type Adamax = RuleOptimizer<AdamaxOptions>;

/// The options of [`Adamax`].
#[derive(Builder, Clone, Copy, Debug, PartialEq)]
#[builder(on(optim::Builder<AdamaxOptions>, options))]
pub struct AdamaxOptions {
    /// The learning rate; default 0.002.
    #[builder(default = 2e-3)]
    pub lr: f64,
    /// The decay rates β1 and β2 of the average gradient and of its largest magnitude; default (0.9, 0.999).
    #[builder(default = (0.9, 0.999))]
    pub betas: (f64, f64),
    /// Added to the magnitude of the gradient; default 1e-8.
    #[builder(default = 1e-8)]
    pub eps: f64,
    /// Weight decay; default 0.
    pub weight_decay: f64,
    /// Whether to maximize instead of minimize; default false.
    pub maximize: bool,
}

impl Adamax {
    /// Creates an optimizer with learning rate 0.002.
    ///
    /// # Errors
    /// If a group is empty, or a parameter is not a leaf or is repeated.
    #[op]
    pub fn try_new(params: impl IntoIterator<Item = impl Into<Parameter>>) -> Result<Adamax> {
        Adamax::builder(params).try_build()
    }

    /// Returns a builder of the optimizer.
    pub fn builder(params: impl IntoIterator<Item = impl Into<Parameter>>) -> optim::Builder<AdamaxOptions> {
        optim::Builder::new(params, AdamaxOptions::default())
    }
}

impl Rule for AdamaxOptions {
    const NAME: &'static str = "Adamax";

    fn options(&mut self) -> Vec<(&'static str, Setting<'_>)> {
        vec![
            ("lr", Setting::Number(&mut self.lr)),
            ("betas", Setting::Pair(&mut self.betas)),
            ("eps", Setting::Number(&mut self.eps)),
            ("weight_decay", Setting::Number(&mut self.weight_decay)),
            ("maximize", Setting::Bool(&mut self.maximize)),
        ]
    }

    fn validate(&self) -> Result<()> {
        at_least_zero(Self::NAME, &[("lr", self.lr), ("eps", self.eps), ("weight_decay", self.weight_decay)])?;
        decay_rates(Self::NAME, self.betas)
    }

    #[inline]
    fn slots(&self) -> &'static [&'static str] {
        &["exp_avg", "exp_inf"]
    }

    #[inline]
    fn update(&self, p: &Tensor, g: &Tensor, slots: &[Tensor], _: bool, step: u64) -> Result<()> {
        let AdamaxOptions { lr, betas: (beta1, beta2), eps, weight_decay, maximize } = *self;
        let settings = backend::Adamax { lr, beta1, beta2, eps, weight_decay, maximize };
        optimizer_step("adamax", &StepRule::Adamax { settings, t: step as f64 }, p, g, slots)
    }
}
