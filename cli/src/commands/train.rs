//! `rushlight train`: trains an image classifier and writes model, numbers and pictures into a folder.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::failure::Failure;

/// Train a classifier on the embedded digits or on a folder of IDX files
#[derive(Args, Debug)]
pub struct TrainArgs {
    /// Folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte,
    /// each plain or .gz; without it the embedded digits (2,000 for training, 500 for the test) are used
    pub data: Option<PathBuf>,
    /// Passes over the training images
    #[arg(long, default_value_t = 12, value_parser = count)]
    pub epochs: usize,
    /// Images in each training step
    #[arg(long, default_value_t = 32, value_parser = count)]
    pub batch_size: usize,
    /// Learning rate at the start; it falls to 0 along a cosine [default: 0.03 for sgd, 0.002 for adam]
    #[arg(long, value_parser = learning_rate)]
    pub lr: Option<f64>,
    /// The optimizer
    #[arg(long, value_enum, default_value_t = OptimizerKind::Sgd)]
    pub optimizer: OptimizerKind,
    /// Seed of initial weights, shuffling and dropout; the same seed gives the same model
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Threads that compute; the result does not depend on it [default: one for each core]
    #[arg(long, value_parser = count)]
    pub threads: Option<usize>,
    /// Threads that prepare batches ahead (0: none); the result does not depend on it
    #[arg(long, default_value_t = 1)]
    pub workers: usize,
    /// Folder to write into [default: the first free one of runs/<data>-1, runs/<data>-2 ...]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Write into the folder given with --out even if it holds another run
    #[arg(long, requires = "out")]
    pub overwrite: bool,
}

/// The optimizers a classifier can be trained with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OptimizerKind {
    /// Stochastic gradient descent with momentum 0.9
    Sgd,
    /// Adam with its default coefficients
    Adam,
}

impl OptimizerKind {
    /// The learning rate to begin with unless one is given.
    pub fn default_lr(self) -> f64 {
        match self {
            OptimizerKind::Sgd => 0.03,
            OptimizerKind::Adam => 0.002,
        }
    }
}

/// A whole number from 1.
fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(value) => Ok(value),
        Err(_) => Err("not a whole number".into()),
    }
}

fn learning_rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if value > 0.0 && f64::is_finite(value) => Ok(value),
        Ok(_) => Err("must be greater than 0 and finite".into()),
        Err(_) => Err("not a number".into()),
    }
}
