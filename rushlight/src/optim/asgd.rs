//! Averaged stochastic gradient descent.

use super::{Rule, RuleOptimizer, Setting, at_least_zero, filled};
use crate::backend::{Asgd, StepRule};
use crate::nn::Parameter;
use crate::ops::optimizer_step;
use crate::{Result, Tensor, optim};
use rushlight_macros::{Builder, op};

/// Stochastic gradient descent that also averages the parameters over its steps (Polyak and Juditsky, 1992). See
/// [`torch.optim.ASGD`](https://docs.pytorch.org/docs/stable/generated/torch.optim.ASGD.html).
///
/// With weight decay Λ and decay λ, in step t: `g += Λ p`; `p = (1 - λ η) p - η g`; `ax += μ (p - ax)`; then for the next step
/// `η = lr / (1 + λ lr t)^alpha` and `μ = 1 / max(1, t - t0)`. It starts with `η = lr` and `μ = 1`; as in PyTorch both are float32. The
/// averages `ax` are found in [`state_dict`](optim::Optimizer::state_dict) under `state.0.ax`.
///
/// ```
/// use rushlight::{Tensor, optim::{ASGD, Optimizer}};
/// let w = Tensor::from([1.0f32]).requires_grad_(true);
/// let mut optimizer = ASGD::builder([&w]).lr(0.25).lambd(0.0).t0(0.0).build();
/// for _ in 0..3 {
///     optimizer.zero_grad();
///     w.square().sum().backward();
///     optimizer.step();
/// }
/// assert_eq!(w.to_string(), "tensor([0.1250], requires_grad=True)");
/// // The first two steps start the average anew: (0.25 + 0.125) / 2.
/// assert_eq!(optimizer.state_dict().get("state.0.ax").unwrap().to_string(), "tensor([0.1875])");
/// ```
pub type ASGD = RuleOptimizer<ASGDOptions>;

/// The options of [`ASGD`].
#[derive(Builder, Clone, Copy, Debug, PartialEq)]
#[builder(on(optim::Builder<ASGDOptions>, options))]
pub struct ASGDOptions {
    /// The learning rate; default 0.01.
    #[builder(default = 1e-2)]
    pub lr: f64,
    /// The decay λ of the parameter and of the learning rate; default 1e-4.
    #[builder(default = 1e-4)]
    pub lambd: f64,
    /// The power by which the learning rate decreases; default 0.75.
    #[builder(default = 0.75)]
    pub alpha: f64,
    /// The number of steps before averaging starts; default 1e6.
    #[builder(default = 1e6)]
    pub t0: f64,
    /// Weight decay Λ; default 0.
    pub weight_decay: f64,
    /// Whether to maximize instead of minimize; default false.
    pub maximize: bool,
}

impl ASGD {
    /// Creates an optimizer with learning rate 0.01.
    ///
    /// # Errors
    /// If a group is empty, or a parameter is not a leaf or is repeated.
    #[op]
    pub fn try_new(params: impl IntoIterator<Item = impl Into<Parameter>>) -> Result<ASGD> {
        ASGD::builder(params).try_build()
    }

    /// Returns a builder of the optimizer.
    pub fn builder(params: impl IntoIterator<Item = impl Into<Parameter>>) -> optim::Builder<ASGDOptions> {
        optim::Builder::new(params, ASGDOptions::default())
    }
}

impl Rule for ASGDOptions {
    const NAME: &'static str = "ASGD";

    fn options(&mut self) -> Vec<(&'static str, Setting<'_>)> {
        vec![
            ("lr", Setting::Number(&mut self.lr)),
            ("lambd", Setting::Number(&mut self.lambd)),
            ("alpha", Setting::Number(&mut self.alpha)),
            ("t0", Setting::Number(&mut self.t0)),
            ("weight_decay", Setting::Number(&mut self.weight_decay)),
            ("maximize", Setting::Bool(&mut self.maximize)),
        ]
    }

    fn validate(&self) -> Result<()> {
        let ASGDOptions { lr, lambd, alpha, t0: _, weight_decay, maximize: _ } = *self;
        let options = [("lr", lr), ("lambd", lambd), ("alpha", alpha), ("weight_decay", weight_decay)];
        at_least_zero(Self::NAME, &options)
    }

    #[inline]
    fn slots(&self) -> &'static [&'static str] {
        &["ax", "eta", "mu"]
    }

    fn initial(&self, slot: &str, p: &Tensor) -> Result<Tensor> {
        match slot {
            "eta" => Ok(Tensor::from(self.lr as f32)),
            "mu" => Ok(Tensor::from(1.0f32)),
            _ => filled(p, 0.0),
        }
    }

    #[inline]
    fn update(&self, p: &Tensor, g: &Tensor, slots: &[Tensor], _: bool, step: u64) -> Result<()> {
        let ASGDOptions { lr, lambd, alpha, t0, weight_decay, maximize } = *self;
        let (eta, mu) = (&slots[1], &slots[2]);
        let settings = Asgd { eta: eta.try_item()?, mu: mu.try_item()?, lambd, weight_decay, maximize };
        optimizer_step("asgd", &StepRule::Asgd { settings }, p, g, &slots[..1])?;
        let t = step as f64;
        eta.try_fill_(lr / (1.0 + lambd * lr * t).powf(alpha))?;
        mu.try_fill_(1.0 / (t - t0).max(1.0)).map(drop)
    }
}
