//! Adam and AdamW.

use super::{Rule, RuleOptimizer, Setting, at_least_zero, decay_rates};
use crate::backend::{self, StepRule};
use crate::nn::Parameter;
use crate::ops::optimizer_step;
use crate::{Result, Tensor, optim};
use rushlight_macros::{Builder, op};

/// Adam (Kingma and Ba, 2014). See [`torch.optim.Adam`](https://docs.pytorch.org/docs/stable/generated/torch.optim.Adam.html).
///
/// With weight decay λ, in step t: `g += λ p`; `m += (1 - β1) (g - m)`; `v = β2 v + (1 - β2) g²`;
/// `p -= lr / (1 - β1ᵗ) · m / (√v / √(1 - β2ᵗ) + eps)`. AMSGrad replaces `v` by its maximum over all steps.
///
/// ```
/// use rushlight::{Tensor, optim::{Adam, Optimizer}};
/// let w = Tensor::from([1.0f32]).requires_grad_(true);
/// let mut optimizer = Adam::builder([&w]).lr(0.1).betas((0.9, 0.99)).build();
/// w.square().sum().backward();
/// optimizer.step();
/// assert_eq!(w.to_string(), "tensor([0.9000], requires_grad=True)");
/// ```
pub type Adam = RuleOptimizer<AdamOptions<false>>;

/// [`Adam`] with weight decay that shrinks the parameter by `lr · λ` instead of being added to the gradient (Loshchilov and Hutter, 2017). See
/// [`torch.optim.AdamW`](https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html). The default λ is 0.01.
///
/// ```
/// use rushlight::{nn, nn::Module, optim::AdamW};
/// let net = nn::Linear::new(2, 1);
/// let optimizer = AdamW::builder(net.parameters()).lr(3e-4).weight_decay(0.05).build();
/// ```
pub type AdamW = RuleOptimizer<AdamOptions<true>>;

/// The options of [`Adam`] and, with `DECOUPLED` weight decay, [`AdamW`].
#[derive(Builder, Clone, Copy, Debug, PartialEq)]
#[builder(on(optim::Builder<AdamOptions<DECOUPLED>>, options))]
pub struct AdamOptions<const DECOUPLED: bool> {
    /// The learning rate; default 0.001.
    #[builder(default = 1e-3)]
    pub lr: f64,
    /// The decay rates β1 and β2 of the average gradient and of the average squared gradient; default (0.9, 0.999).
    #[builder(default = (0.9, 0.999))]
    pub betas: (f64, f64),
    /// Added to the denominator; default 1e-8.
    #[builder(default = 1e-8)]
    pub eps: f64,
    /// Weight decay; default 0, for [`AdamW`] 0.01.
    #[builder(default = if DECOUPLED { 1e-2 } else { 0.0 })]
    pub weight_decay: f64,
    /// Whether to use AMSGrad, the maximum of the average squared gradient; default false.
    pub amsgrad: bool,
    /// Whether to maximize instead of minimize; default false.
    pub maximize: bool,
    /// Whether weight decay shrinks the parameter instead of being added to the gradient; default false, for [`AdamW`] true.
    #[builder(skip, default = DECOUPLED)]
    pub decoupled_weight_decay: bool,
}

impl<const DECOUPLED: bool> RuleOptimizer<AdamOptions<DECOUPLED>> {
    /// Creates an optimizer with learning rate 0.001.
    ///
    /// # Errors
    /// If a group is empty, or a parameter is not a leaf or is repeated.
    #[op]
    pub fn try_new(params: impl IntoIterator<Item = impl Into<Parameter>>) -> Result<Self> {
        Self::builder(params).try_build()
    }

    /// Returns a builder of the optimizer.
    pub fn builder(params: impl IntoIterator<Item = impl Into<Parameter>>) -> optim::Builder<AdamOptions<DECOUPLED>> {
        optim::Builder::new(params, AdamOptions::default())
    }
}

impl optim::Builder<AdamOptions<false>> {
    /// Whether weight decay shrinks the parameter instead of being added to the gradient, as in [`AdamW`]; default false.
    pub fn decoupled_weight_decay(mut self, decoupled_weight_decay: bool) -> Self {
        self.options.decoupled_weight_decay = decoupled_weight_decay;
        self
    }
}

impl<const DECOUPLED: bool> Rule for AdamOptions<DECOUPLED> {
    const NAME: &'static str = if DECOUPLED { "AdamW" } else { "Adam" };

    fn options(&mut self) -> Vec<(&'static str, Setting<'_>)> {
        vec![
            ("lr", Setting::Number(&mut self.lr)),
            ("betas", Setting::Pair(&mut self.betas)),
            ("eps", Setting::Number(&mut self.eps)),
            ("weight_decay", Setting::Number(&mut self.weight_decay)),
            ("amsgrad", Setting::Bool(&mut self.amsgrad)),
            ("maximize", Setting::Bool(&mut self.maximize)),
            ("decoupled_weight_decay", Setting::Bool(&mut self.decoupled_weight_decay)),
        ]
    }

    fn validate(&self) -> Result<()> {
        at_least_zero(Self::NAME, &[("lr", self.lr), ("eps", self.eps), ("weight_decay", self.weight_decay)])?;
        decay_rates(Self::NAME, self.betas)
    }

    #[inline]
    fn slots(&self) -> &'static [&'static str] {
        &["exp_avg", "exp_avg_sq", "max_exp_avg_sq"][..if self.amsgrad { 3 } else { 2 }]
    }

    #[inline]
    fn update(&self, p: &Tensor, g: &Tensor, slots: &[Tensor], _: bool, step: u64) -> Result<()> {
        let AdamOptions { lr, betas: (beta1, beta2), eps, weight_decay, amsgrad: _, maximize, .. } = *self;
        let decoupled = self.decoupled_weight_decay;
        let settings = backend::Adam { lr, beta1, beta2, eps, weight_decay, decoupled, maximize };
        optimizer_step("adam", &StepRule::Adam { settings, t: step as f64 }, p, g, slots)
    }
}
