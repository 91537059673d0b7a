//! Adam and AdamW.

use super::{Rule, RuleOptimizer, Setting, at_least_zero};
use crate::backend::{self, StepRule};
use crate::nn::Parameter;
use crate::ops::optimizer_step;
use crate::{Error, Result, Tensor, optim};
use rushlight_macros::{Builder, op};

/// Adam (Kingma and Ba, 2014). See [`torch.optim.Adam`](https://docs.pytorch.org/docs/stable/generated/torch.optim.Adam.html).
///
/// With weight decay λ, in step t: `g += λ p`; `m += (1 - β1) (g - m)`; `v = β2 v + (1 - β2) g²`;
/// `p -= lr / (1 - β1ᵗ) · m / (√v / √(1 - β2ᵗ) + eps)`. AMSGrad replaces `v` by its maximum over all steps.
///
/// ```
/// use rushlight::{Tensor, optim::{Adam, Optimizer}};
/// let w = Tensor::from([1.0f32]).requires_grad_(true);
/// let mut optimizer = Adam::builder([&w]).lr(0.1).betas(0.9, 0.99).build();
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
    /// The decay rate β1 of the average gradient; default 0.9.
    #[builder(skip, default = 0.9)]
    pub beta1: f64,
    /// The decay rate β2 of the average squared gradient; default 0.999.
    #[builder(skip, default = 0.999)]
    pub beta2: f64,
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

impl<const DECOUPLED: bool> optim::Builder<AdamOptions<DECOUPLED>> {
    /// Sets the decay rates of the average gradient and squared gradient; default 0.9 and 0.999.
    pub fn betas(mut self, beta1: f64, beta2: f64) -> Self {
        (self.options.beta1, self.options.beta2) = (beta1, beta2);
        self
    }
}

impl<const DECOUPLED: bool> Rule for AdamOptions<DECOUPLED> {
    const NAME: &'static str = if DECOUPLED { "AdamW" } else { "Adam" };

    fn options(&mut self) -> Vec<(&'static str, Setting<'_>)> {
        vec![
            ("lr", Setting::Number(&mut self.lr)),
            ("beta1", Setting::Number(&mut self.beta1)),
            ("beta2", Setting::Number(&mut self.beta2)),
            ("eps", Setting::Number(&mut self.eps)),
            ("weight_decay", Setting::Number(&mut self.weight_decay)),
            ("amsgrad", Setting::Bool(&mut self.amsgrad)),
            ("maximize", Setting::Bool(&mut self.maximize)),
        ]
    }

    fn validate(&self) -> Result<()> {
        at_least_zero(Self::NAME, &[("lr", self.lr), ("eps", self.eps), ("weight_decay", self.weight_decay)])?;
        for (name, beta) in [("beta1", self.beta1), ("beta2", self.beta2)] {
            if !(0.0..1.0).contains(&beta) {
                return Err(Error::value(
                    Self::NAME,
                    format!("expected {name} of at least 0 and less than 1, got {beta}"),
                ));
            }
        }
        Ok(())
    }

    #[inline]
    fn slots(&self) -> &'static [&'static str] {
        &["exp_avg", "exp_avg_sq", "max_exp_avg_sq"][..if self.amsgrad { 3 } else { 2 }]
    }

    #[inline]
    fn update(&self, p: &Tensor, g: &Tensor, slots: &[Tensor], _: bool, step: u64) -> Result<()> {
        let AdamOptions { lr, beta1, beta2, eps, weight_decay, amsgrad: _, maximize } = *self;
        let settings = backend::Adam { lr, beta1, beta2, eps, weight_decay, decoupled: DECOUPLED, maximize };
        optimizer_step("adam", &StepRule::Adam { settings, t: step as f64 }, p, g, slots)
    }
}
