//! Adam and AdamW.

use super::{Builder, Rule, RuleOptimizer, Setting, at_least_zero, setters};
use crate::backend::{self, StepRule};
use crate::nn::Parameter;
use crate::ops::optimizer_step;
use crate::{Error, Result, Tensor};
use rushlight_macros::op;

/// Adam, by Kingma and Ba, as [`torch.optim.Adam`](https://docs.pytorch.org/docs/stable/generated/torch.optim.Adam.html).
///
/// With weight decay λ, in step t: `g += λ p`; `m += (1 - β1) (g - m)`; `v = β2 v + (1 - β2) g²`;
/// `p -= lr / (1 - β1ᵗ) · m / (√v / √(1 - β2ᵗ) + eps)`. AMSGrad takes the largest `v` so far instead of `v`.
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

/// [`Adam`] with weight decay that shrinks the parameter by `lr · λ` instead of entering the gradient, by Loshchilov and Hutter, as
/// [`torch.optim.AdamW`](https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html). The default λ is 0.01.
///
/// ```
/// use rushlight::{nn, nn::Module, optim::AdamW};
/// let net = nn::Linear::new(2, 1);
/// let optimizer = AdamW::builder(net.parameters()).lr(3e-4).weight_decay(0.05).build();
/// ```
pub type AdamW = RuleOptimizer<AdamOptions<true>>;

/// Options of [`Adam`] and, with `DECOUPLED` weight decay, [`AdamW`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamOptions<const DECOUPLED: bool> {
    /// The learning rate; default 0.001.
    pub lr: f64,
    /// The decay of the average gradient; default 0.9.
    pub beta1: f64,
    /// The decay of the average squared gradient; default 0.999.
    pub beta2: f64,
    /// Added to the denominator; default 1e-8.
    pub eps: f64,
    /// Weight decay; default 0, for [`AdamW`] 0.01.
    pub weight_decay: f64,
    /// Divides by the root of the largest average squared gradient so far; default false.
    pub amsgrad: bool,
    /// Climbs instead of descends; default false.
    pub maximize: bool,
}

impl<const DECOUPLED: bool> Default for AdamOptions<DECOUPLED> {
    fn default() -> Self {
        let weight_decay = if DECOUPLED { 1e-2 } else { 0.0 };
        AdamOptions { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay, amsgrad: false, maximize: false }
    }
}

impl<const DECOUPLED: bool> RuleOptimizer<AdamOptions<DECOUPLED>> {
    /// With this learning rate.
    ///
    /// # Errors
    /// If there is no parameter, one is not a leaf or comes twice, or the learning rate is negative.
    #[op]
    pub fn try_new(params: impl IntoIterator<Item = impl Into<Parameter>>, lr: f64) -> Result<Self> {
        Self::builder(params).lr(lr).try_build()
    }

    /// With options.
    pub fn builder(params: impl IntoIterator<Item = impl Into<Parameter>>) -> Builder<AdamOptions<DECOUPLED>> {
        Builder::new(params, AdamOptions::default())
    }
}

setters! { [const DECOUPLED: bool] AdamOptions<DECOUPLED>:
    /// The learning rate; default 0.001.
    lr: f64,
    /// Added to the denominator; default 1e-8.
    eps: f64,
    /// Weight decay; default 0, for [`AdamW`] 0.01.
    weight_decay: f64,
    /// Divides by the root of the largest average squared gradient so far; default false.
    amsgrad: bool,
    /// Climbs instead of descends; default false.
    maximize: bool,
}

impl<const DECOUPLED: bool> Builder<AdamOptions<DECOUPLED>> {
    /// The decays of the average gradient and squared gradient; default 0.9 and 0.999.
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
                    format!("{name} must be at least 0 and less than 1, but got {beta}"),
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
