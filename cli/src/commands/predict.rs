//! `rushlight predict`: classifies images with a trained model.

use crate::failure::{Failure, Result};
use crate::model::Classifier;
use crate::output::say;
use clap::Args;
use rushlight::vision::{Image, mnist_pixels};
use std::path::{Path, PathBuf};

/// Classify PNG or JPEG images with a model that `train` wrote
#[derive(Args, Debug)]
pub(crate) struct PredictArgs {
    /// The model file (model.safetensors)
    pub model: PathBuf,
    /// Images to classify
    #[arg(required = true, value_name = "IMAGE")]
    pub images: Vec<PathBuf>,
    /// How many of the most likely classes to show
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub top: u16,
}

/// Runs the command. A image that cannot be read does not keep the others from being classified.
pub(crate) fn run(args: &PredictArgs) -> Result<()> {
    let classifier = Classifier::load(&args.model)?;
    let mut failed = 0;
    for path in &args.images {
        match classify(&classifier, path) {
            Ok(probabilities) => say(&format!("{}: {}", path.display(), ranking(&probabilities, args.top.into())))?,
            Err(failure) => {
                failed += 1;
                eprintln!("error: {failure}");
            }
        }
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::new(format!("{failed} of {} images could not be classified", args.images.len()))),
    }
}

fn classify(classifier: &Classifier, path: &Path) -> Result<Vec<f32>> {
    let pixels =
        mnist_pixels(&Image::open(path)?).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    classifier.probabilities(pixels)
}

/// The most likely class and its probability, then the next ones.
fn ranking(probabilities: &[f32], top: usize) -> String {
    let mut classes: Vec<(usize, f32)> = probabilities.iter().copied().enumerate().collect();
    classes.sort_by(|a, b| b.1.total_cmp(&a.1));
    let text = |(class, probability): &(usize, f32)| format!("{class} ({:.2} %)", 100.0 * probability);
    classes.iter().take(top).map(text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_likely_class_comes_first() {
        assert_eq!(ranking(&[0.125, 0.75, 0.125], 2), "1 (75.00 %), 0 (12.50 %)");
        assert_eq!(ranking(&[0.25, 0.75], 9), "1 (75.00 %), 0 (25.00 %)");
        assert_eq!(ranking(&[f32::NAN], 1), "0 (NaN %)");
    }
}
