//! Resilient backpropagation.

use super::{Rule, RuleOptimizer, Setting, at_least_zero, filled};
use crate::backend::{self, StepRule};
use crate::nn::Parameter;
use crate::ops::optimizer_step;
use crate::{Error, Result, Tensor, optim};
use rushlight_macros::{Builder, op};

/// Resilient backpropagation (Riedmiller and Braun, 1993), which uses only the sign of the gradient, and a step size of its own for each
/// element. See [`torch.optim.Rprop`](https://docs.pytorch.org/docs/stable/generated/torch.optim.Rprop.html).
///
/// With η⁻ and η⁺ of `etas`: the step size `s` starts at `lr` and is multiplied by η⁺ where `g` has the sign of the step before and by η⁻
/// where it has the other, within `step_sizes`; where it has the other, `g = 0`; `p -= s sign(g)`.
///
/// ```
/// use rushlight::{Tensor, optim::{Optimizer, Rprop}};
/// let w = Tensor::from([1.0f32, -1.0]).requires_grad_(true);
/// let mut optimizer = Rprop::builder([&w]).lr(0.25).etas((0.5, 2.0)).build();
/// for _ in 0..2 {
///     optimizer.zero_grad();
///     w.square().sum().backward();
///     optimizer.step();
/// }
/// assert_eq!(w.to_string(), "tensor([ 0.2500, -0.2500], requires_grad=True)");
/// ```
pub type Rprop = RuleOptimizer<RpropOptions>;

/// The options of [`Rprop`].
#[derive(Builder, Clone, Copy, Debug, PartialEq)]
#[builder(on(optim::Builder<RpropOptions>, options))]
pub struct RpropOptions {
    /// The initial step size, used in the first step of a parameter; default 0.01.
    #[builder(default = 1e-2)]
    pub lr: f64,
    /// The factors η⁻ and η⁺ of the step size; default (0.5, 1.2).
    #[builder(default = (0.5, 1.2))]
    pub etas: (f64, f64),
    /// The smallest and the largest step size; default (1e-6, 50).
    #[builder(default = (1e-6, 50.0))]
    pub step_sizes: (f64, f64),
    /// Whether to maximize instead of minimize; default false.
    pub maximize: bool,
}

impl Rprop {
    /// Creates an optimizer with initial step size 0.01.
    ///
    /// # Errors
    /// If a group is empty, or a parameter is not a leaf or is repeated.
    #[op]
    pub fn try_new(params: impl IntoIterator<Item = impl Into<Parameter>>) -> Result<Rprop> {
        Rprop::builder(params).try_build()
    }

    /// Returns a builder of the optimizer.
    pub fn builder(params: impl IntoIterator<Item = impl Into<Parameter>>) -> optim::Builder<RpropOptions> {
        optim::Builder::new(params, RpropOptions::default())
    }
}

impl Rule for RpropOptions {
    const NAME: &'static str = "Rprop";

    fn options(&mut self) -> Vec<(&'static str, Setting<'_>)> {
        vec![
            ("lr", Setting::Number(&mut self.lr)),
            ("etas", Setting::Pair(&mut self.etas)),
            ("step_sizes", Setting::Pair(&mut self.step_sizes)),
            ("maximize", Setting::Bool(&mut self.maximize)),
        ]
    }

    fn validate(&self) -> Result<()> {
        at_least_zero(Self::NAME, &[("lr", self.lr)])?;
        let (minus, plus) = self.etas;
        if 0.0 < minus && minus < 1.0 && 1.0 < plus {
            return Ok(());
        }
        let message = format!("expected etas between 0 and 1 and greater than 1, got {:?}", self.etas);
        Err(Error::value(Self::NAME, message))
    }

    #[inline]
    fn slots(&self) -> &'static [&'static str] {
        &["prev", "step_size"]
    }

    fn initial(&self, slot: &str, p: &Tensor) -> Result<Tensor> {
        filled(p, if slot == "step_size" { self.lr } else { 0.0 })
    }

    #[inline]
    fn update(&self, p: &Tensor, g: &Tensor, slots: &[Tensor], _: bool, _: u64) -> Result<()> {
        let RpropOptions { lr: _, etas: (eta_minus, eta_plus), step_sizes: (min, max), maximize } = *self;
        let settings = backend::Rprop { eta_minus, eta_plus, min, max, maximize };
        optimizer_step("rprop", &StepRule::Rprop { settings }, p, g, slots)
    }
}
