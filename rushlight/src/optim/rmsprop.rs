//! RMSprop.

use super::{Rule, RuleOptimizer, Setting, at_least_zero};
use crate::backend::{RmsProp, StepRule};
use crate::nn::Parameter;
use crate::ops::optimizer_step;
use crate::{Result, Tensor, optim};
use rushlight_macros::{Builder, op};

/// RMSprop (Hinton, 2012), which divides the gradient by its root mean square, optionally centered (Graves, 2013) and with momentum. See
/// [`torch.optim.RMSprop`](https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html).
///
/// With weight decay λ, smoothing α and momentum μ: `g += λ p`; `v = α v + (1 - α) g²`; `d = √v + eps`, if centered
/// `m += (1 - α) (g - m)` and `d = √(v - m²) + eps`; `p -= lr g / d`, with momentum `b = μ b + g / d` and `p -= lr b`.
///
/// ```
/// use rushlight::{Tensor, optim::{Optimizer, RMSprop}};
/// let w = Tensor::from([1.0f32]).requires_grad_(true);
/// let mut optimizer = RMSprop::builder([&w]).lr(0.1).alpha(0.75).build();
/// w.square().sum().backward();
/// optimizer.step();
/// assert_eq!(w.to_string(), "tensor([0.8000], requires_grad=True)");
/// ```
pub type RMSprop = RuleOptimizer<RMSpropOptions>;

/// The options of [`RMSprop`].
#[derive(Builder, Clone, Copy, Debug, PartialEq)]
#[builder(on(optim::Builder<RMSpropOptions>, options))]
pub struct RMSpropOptions {
    /// The learning rate; default 0.01.
    #[builder(default = 1e-2)]
    pub lr: f64,
    /// The smoothing α, the decay rate of the averages; default 0.99.
    #[builder(default = 0.99)]
    pub alpha: f64,
    /// Added to the denominator; default 1e-8.
    #[builder(default = 1e-8)]
    pub eps: f64,
    /// Weight decay; default 0.
    pub weight_decay: f64,
    /// The momentum factor; default 0.
    pub momentum: f64,
    /// Whether to divide by the standard deviation of the gradient instead of its root mean square; default false.
    pub centered: bool,
    /// Whether to maximize instead of minimize; default false.
    pub maximize: bool,
}

impl RMSprop {
    /// Creates an optimizer with learning rate 0.01, without momentum.
    ///
    /// # Errors
    /// If a group is empty, or a parameter is not a leaf or is repeated.
    #[op]
    pub fn try_new(params: impl IntoIterator<Item = impl Into<Parameter>>) -> Result<RMSprop> {
        RMSprop::builder(params).try_build()
    }

    /// Returns a builder of the optimizer.
    pub fn builder(params: impl IntoIterator<Item = impl Into<Parameter>>) -> optim::Builder<RMSpropOptions> {
        optim::Builder::new(params, RMSpropOptions::default())
    }
}

impl Rule for RMSpropOptions {
    const NAME: &'static str = "RMSprop";

    fn options(&mut self) -> Vec<(&'static str, Setting<'_>)> {
        vec![
            ("lr", Setting::Number(&mut self.lr)),
            ("alpha", Setting::Number(&mut self.alpha)),
            ("eps", Setting::Number(&mut self.eps)),
            ("weight_decay", Setting::Number(&mut self.weight_decay)),
            ("momentum", Setting::Number(&mut self.momentum)),
            ("centered", Setting::Bool(&mut self.centered)),
            ("maximize", Setting::Bool(&mut self.maximize)),
        ]
    }

    fn validate(&self) -> Result<()> {
        let RMSpropOptions { lr, alpha, eps, weight_decay, momentum, centered: _, maximize: _ } = *self;
        let options =
            [("lr", lr), ("alpha", alpha), ("eps", eps), ("weight_decay", weight_decay), ("momentum", momentum)];
        at_least_zero(Self::NAME, &options)
    }

    #[inline]
    fn slots(&self) -> &'static [&'static str] {
        match (self.momentum != 0.0, self.centered) {
            (false, false) => &["square_avg"],
            (false, true) => &["square_avg", "grad_avg"],
            (true, false) => &["square_avg", "momentum_buffer"],
            (true, true) => &["square_avg", "momentum_buffer", "grad_avg"],
        }
    }

    #[inline]
    fn update(&self, p: &Tensor, g: &Tensor, slots: &[Tensor], _: bool, _: u64) -> Result<()> {
        let RMSpropOptions { lr, alpha, eps, weight_decay, momentum, centered, maximize } = *self;
        let settings = RmsProp { lr, alpha, eps, weight_decay, momentum, centered, maximize };
        optimizer_step("rmsprop", &StepRule::RmsProp { settings }, p, g, slots)
    }
}
