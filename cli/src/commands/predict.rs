//! `rushlight predict`: classifies pictures with a trained model.

use std::path::PathBuf;

use clap::Args;

/// Classify PNG or JPEG pictures with a model that `train` wrote
#[derive(Args, Debug)]
pub struct PredictArgs {
    /// The model file (model.safetensors)
    pub model: PathBuf,
    /// Pictures to classify
    #[arg(required = true, value_name = "IMAGE")]
    pub images: Vec<PathBuf>,
    /// How many of the most likely classes to show
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub top: u16,
}
