//! The network that is trained, and the file it is kept in.

use crate::failure::{Failure, Result};
use rushlight::io::safetensors::{self, Metadata};
use rushlight::nn::{Conv2d, Dropout, Forward, Linear, MaxPool2d, Module};
use rushlight::{Tensor, nn, no_grad};
use std::path::Path;
use std::str::FromStr;

/// Width and height of the images.
pub(crate) const SIDE: usize = 28;
/// The largest number of classes; more cannot be shown in a confusion matrix.
pub(crate) const CLASSES: usize = 1000;
/// What the metadata of a file call the network.
const NAME: &str = "lenet";

/// LeNet-5 (LeCun et al. 1998) with ReLU, maximum pooling, more channels and dropout.
#[derive(Module)]
pub(crate) struct LeNet {
    conv1: Conv2d,
    conv2: Conv2d,
    pool: MaxPool2d,
    fc1: Linear,
    fc2: Linear,
    fc3: Linear,
    dropout: Dropout,
}

impl LeNet {
    /// With initial weights from the default generator.
    pub(crate) fn new(classes: usize) -> LeNet {
        LeNet {
            conv1: Conv2d::builder(1, 16, 5).padding(2).build(),
            conv2: Conv2d::new(16, 32, 5),
            pool: MaxPool2d::new(2),
            fc1: Linear::new(32 * 5 * 5, 120),
            fc2: Linear::new(120, 84),
            fc3: Linear::new(84, classes),
            dropout: Dropout::builder().p(0.3).build(),
        }
    }
}

impl Forward for LeNet {
    /// `[N, 1, 28, 28]` to `[N, classes]`.
    #[track_caller]
    fn forward(&self, x: &Tensor) -> Tensor {
        let x = self.pool.forward(&self.conv1.forward(x).relu());
        let x = self.pool.forward(&self.conv2.forward(&x).relu());
        let x = self.dropout.forward(&self.fc1.forward(&x.flatten_dim(1..)).relu());
        let x = self.dropout.forward(&self.fc2.forward(&x).relu());
        self.fc3.forward(&x)
    }
}

/// A network and how its images are prepared.
pub(crate) struct Classifier {
    pub net: LeNet,
    pub classes: usize,
    /// Subtracted from every pixel.
    pub mean: f64,
    /// What every pixel is divided by.
    pub std: f64,
}

impl Classifier {
    /// Writes everything into one file.
    pub(crate) fn save(&self, path: &Path, epoch: usize) -> Result<()> {
        let about = [
            ("format", "pt".to_string()),
            ("model", NAME.to_string()),
            ("classes", self.classes.to_string()),
            ("mean", self.mean.to_string()),
            ("std", self.std.to_string()),
            ("epoch", epoch.to_string()),
        ];
        let about: Metadata = about.into_iter().map(|(key, value)| (key.to_string(), value)).collect();
        Ok(safetensors::save(path, self.net.state_dict().iter(), &about)?)
    }

    /// Reads what [`save`](Classifier::save) wrote, ready to predict.
    pub(crate) fn load(path: &Path) -> Result<Classifier> {
        let (tensors, about) = safetensors::load(path)?;
        let wrong = |message: String| Failure::new(format!("{}: {message}", path.display()));
        if about.get("model").map(String::as_str) != Some(NAME) {
            return Err(wrong("expected a model written by `rushlight train`, got a file without its metadata".into()));
        }
        let classes = number(&about, "classes", |n: &usize| (1..=CLASSES).contains(n)).map_err(wrong)?;
        let mean = number(&about, "mean", |mean: &f64| mean.is_finite()).map_err(wrong)?;
        let std = number(&about, "std", |std: &f64| std.is_finite() && *std > 0.0).map_err(wrong)?;
        let net = LeNet::new(classes);
        net.try_load_state_dict(&tensors.into_iter().collect()).map_err(|error| wrong(error.to_string()))?;
        net.eval();
        Ok(Classifier { net, classes, mean, std })
    }

    /// The probability of each class for the pixels of one image, 0 to 1.
    pub(crate) fn probabilities(&self, pixels: Vec<f32>) -> Result<Vec<f32>> {
        let x = Tensor::try_from_vec(pixels, [1, 1, SIDE, SIDE])?.try_sub(self.mean)?.try_div(self.std)?;
        let logits = no_grad(|| self.net.try_forward(&x))?;
        Ok(logits.try_softmax(1)?.try_to_vec()?)
    }
}

/// A number from the metadata.
fn number<T: FromStr>(about: &Metadata, key: &str, valid: impl Fn(&T) -> bool) -> std::result::Result<T, String> {
    let text = about.get(key).ok_or_else(|| format!("expected {key:?} in the metadata, got none"))?;
    text.parse().ok().filter(valid).ok_or_else(|| format!("expected a valid {key} in the metadata, got {text:?}"))
}

/// The number of rows of logits whose largest element is at the label.
pub(crate) fn right(logits: &Tensor, labels: &Tensor) -> Result<usize> {
    let predictions = logits.try_argmax_dim(1)?;
    let right = predictions.try_eq(labels)?.try_to_vec::<bool>()?;
    Ok(right.into_iter().filter(|&right| right).count())
}

/// The loss of a batch: cross entropy.
pub(crate) fn loss(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    Ok(nn::CrossEntropyLoss::new().try_forward(logits, labels)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("rushlight-model-{name}-{}.safetensors", std::process::id()))
    }

    #[test]
    fn what_is_saved_predicts_the_same() {
        let net = LeNet::new(7);
        net.eval();
        let classifier = Classifier { net, classes: 7, mean: 0.1307, std: 0.3081 };
        let pixels: Vec<f32> = (0..SIDE * SIDE).map(|i| (i % 17) as f32 / 16.0).collect();
        let before = classifier.probabilities(pixels.clone()).unwrap();
        assert!((before.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        let path = file("same");
        classifier.save(&path, 3).unwrap();
        let loaded = Classifier::load(&path).unwrap();
        assert_eq!((loaded.classes, loaded.mean, loaded.std), (7, 0.1307, 0.3081));
        assert_eq!(loaded.probabilities(pixels).unwrap(), before);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn files_of_others_and_forged_numbers_are_refused() {
        let path = file("refused");
        let message = |about: &[(&str, &str)], tensors: &[(&str, Tensor)]| {
            let about = about.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
            safetensors::save(&path, tensors.iter().map(|(name, tensor)| (*name, tensor)), &about).unwrap();
            Classifier::load(&path).err().expect("it cannot be loaded").to_string()
        };
        let weight = [("weight", Tensor::ones([2, 2]))];
        assert!(message(&[], &weight).contains("expected a model written by `rushlight train`"));
        let lenet = ("model", NAME);
        assert!(message(&[lenet], &weight).contains("expected \"classes\" in the metadata"));
        assert!(
            message(&[lenet, ("classes", "4000000000")], &weight)
                .contains("valid classes in the metadata, got \"4000000000\"")
        );
        assert!(
            message(&[lenet, ("classes", "2"), ("mean", "NaN")], &weight)
                .contains("valid mean in the metadata, got \"NaN\"")
        );
        let all = [lenet, ("classes", "2"), ("mean", "0"), ("std", "1")];
        let missing = message(&all, &weight);
        assert!(missing.contains("conv1.weight") && missing.contains("\"weight\""), "{missing}");
        std::fs::remove_file(path).unwrap();
    }
}
