//! Adagrad.

use super::{Rule, RuleOptimizer, Setting, SparseGradients, at_least_zero, filled};
use crate::backend::{self, StepRule};
use crate::nn::Parameter;
use crate::ops::optimizer_step;
use crate::{Result, Tensor, optim};
use rushlight_macros::{Builder, op};

/// Adagrad (Duchi, Hazan and Singer, 2011), whose steps shrink with the sum of the squared gradients. See
/// [`torch.optim.Adagrad`](https://docs.pytorch.org/docs/stable/generated/torch.optim.Adagrad.html).
///
/// With weight decay λ and learning rate decay η, in step t: `g += λ p`; `s += g²`; `p -= lr / (1 + (t - 1) η) · g / (√s + eps)`.
///
/// ```
/// use rushlight::{Tensor, optim::{Adagrad, Optimizer}};
/// let w = Tensor::from([1.0f32]).requires_grad_(true);
/// let mut optimizer = Adagrad::builder([&w]).lr(0.5).build();
/// w.square().sum().backward();
/// optimizer.step();
/// assert_eq!(w.to_string(), "tensor([0.5000], requires_grad=True)");
/// ```
pub type Adagrad = RuleOptimizer<AdagradOptions>;

/// The options of [`Adagrad`].
#[derive(Builder, Clone, Copy, Debug, PartialEq)]
#[builder(on(optim::Builder<AdagradOptions>, options))]
pub struct AdagradOptions {
    /// The learning rate; default 0.01.
    #[builder(default = 1e-2)]
    pub lr: f64,
    /// The decay of the learning rate; default 0.
    pub lr_decay: f64,
    /// Weight decay; default 0.
    pub weight_decay: f64,
    /// The initial value of the sum of squared gradients; default 0.
    pub initial_accumulator_value: f64,
    /// Added to the denominator; default 1e-10.
    #[builder(default = 1e-10)]
    pub eps: f64,
    /// Whether to maximize instead of minimize; default false.
    pub maximize: bool,
}

impl Adagrad {
    /// Creates an optimizer with learning rate 0.01.
    ///
    /// # Errors
    /// If a group is empty, or a parameter is not a leaf or is repeated.
    #[op]
    pub fn try_new(params: impl IntoIterator<Item = impl Into<Parameter>>) -> Result<Adagrad> {
        Adagrad::builder(params).try_build()
    }

    /// Returns a builder of the optimizer.
    pub fn builder(params: impl IntoIterator<Item = impl Into<Parameter>>) -> optim::Builder<AdagradOptions> {
        optim::Builder::new(params, AdagradOptions::default())
    }
}

impl Rule for AdagradOptions {
    const NAME: &'static str = "Adagrad";

    fn options(&mut self) -> Vec<(&'static str, Setting<'_>)> {
        vec![
            ("lr", Setting::Number(&mut self.lr)),
            ("lr_decay", Setting::Number(&mut self.lr_decay)),
            ("weight_decay", Setting::Number(&mut self.weight_decay)),
            ("initial_accumulator_value", Setting::Number(&mut self.initial_accumulator_value)),
            ("eps", Setting::Number(&mut self.eps)),
            ("maximize", Setting::Bool(&mut self.maximize)),
        ]
    }

    fn validate(&self) -> Result<()> {
        let AdagradOptions { lr, lr_decay, weight_decay, initial_accumulator_value, eps, maximize: _ } = *self;
        let options = [
            ("lr", lr),
            ("lr_decay", lr_decay),
            ("weight_decay", weight_decay),
            ("initial_accumulator_value", initial_accumulator_value),
            ("eps", eps),
        ];
        at_least_zero(Self::NAME, &options)
    }

    #[inline]
    fn slots(&self) -> &'static [&'static str] {
        &["sum"]
    }

    fn initial(&self, _: &str, p: &Tensor) -> Result<Tensor> {
        filled(p, self.initial_accumulator_value)
    }

    #[inline]
    fn sparse_gradients(&self) -> SparseGradients {
        match self.weight_decay {
            0.0 => SparseGradients::Rows,
            _ => SparseGradients::Refused("weight decay changes all elements; set weight_decay to 0"),
        }
    }

    #[inline]
    fn update(&self, p: &Tensor, g: &Tensor, slots: &[Tensor], _: bool, step: u64) -> Result<()> {
        let AdagradOptions { lr, lr_decay, weight_decay, initial_accumulator_value: _, eps, maximize } = *self;
        let settings = backend::Adagrad { lr, lr_decay, weight_decay, eps, maximize };
        optimizer_step("adagrad", &StepRule::Adagrad { settings, t: step as f64 }, p, g, slots)
    }
}
