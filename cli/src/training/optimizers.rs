//! The optimizers by name.

use crate::failure::Result;
use clap::ValueEnum;
use rushlight::nn::Parameter;
use rushlight::optim::{ASGD, Adadelta, Adagrad, Adam, AdamW, Adamax, LBFGS, Optimizer, RMSprop, Rprop, SGD};
use serde::{Deserialize, Serialize};

/// The optimizers that a classifier can be trained with: all of the library's but SparseAdam, since no gradient here is sparse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OptimizerKind {
    /// Stochastic gradient descent with momentum 0.9
    Sgd,
    /// Adam with its default coefficients
    Adam,
    /// Adam with decoupled weight decay of 0.01
    Adamw,
    Adamax,
    Adagrad,
    Adadelta,
    Rmsprop,
    Rprop,
    Asgd,
    /// L-BFGS, which evaluates each batch several times
    Lbfgs,
}

impl OptimizerKind {
    /// The learning rate unless one is given: `adam` is that of Adam, which the others follow in their ratios of PyTorch's defaults.
    pub(crate) fn default_lr(self, adam: f64) -> f64 {
        match self {
            OptimizerKind::Sgd => 15.0 * adam,
            OptimizerKind::Adam | OptimizerKind::Adamw => adam,
            OptimizerKind::Adamax => 2.0 * adam,
            OptimizerKind::Adagrad | OptimizerKind::Asgd => 10.0 * adam,
            OptimizerKind::Rmsprop | OptimizerKind::Rprop => adam,
            // Their steps have a size of their own.
            OptimizerKind::Adadelta | OptimizerKind::Lbfgs => 1.0,
        }
    }

    /// The optimizer of these parameters.
    pub(crate) fn build(self, params: Vec<Parameter>, lr: f64) -> Result<Box<dyn Optimizer>> {
        Ok(match self {
            OptimizerKind::Sgd => Box::new(SGD::builder(params).lr(lr).momentum(0.9).try_build()?),
            OptimizerKind::Adam => Box::new(Adam::builder(params).lr(lr).try_build()?),
            OptimizerKind::Adamw => Box::new(AdamW::builder(params).lr(lr).try_build()?),
            OptimizerKind::Adamax => Box::new(Adamax::builder(params).lr(lr).try_build()?),
            OptimizerKind::Adagrad => Box::new(Adagrad::builder(params).lr(lr).try_build()?),
            OptimizerKind::Adadelta => Box::new(Adadelta::builder(params).lr(lr).try_build()?),
            OptimizerKind::Rmsprop => Box::new(RMSprop::builder(params).lr(lr).try_build()?),
            OptimizerKind::Rprop => Box::new(Rprop::builder(params).lr(lr).try_build()?),
            OptimizerKind::Asgd => Box::new(ASGD::builder(params).lr(lr).try_build()?),
            OptimizerKind::Lbfgs => Box::new(LBFGS::builder(params).lr(lr).try_build()?),
        })
    }
}
