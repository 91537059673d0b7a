//! The file of a trained classifier, which carries everything that a prediction needs: weights, architecture, names of the classes, and how
//! pictures are prepared.
//!
//! It is a safetensors file. Its metadata hold `model` (the architecture), `classes` (a JSON list of names), `preprocessing` (JSON), `epoch`
//! and `rushlight` (the version of the program). Everything is validated when it is read.

mod architecture;
mod lenet;
mod preprocessing;

pub(crate) use architecture::{build, names};
pub(crate) use lenet::{LENET, SIDE};
pub(crate) use preprocessing::{Photographs, Preprocessing};

use crate::failure::{Failure, Result};
use rushlight::io::safetensors::{self, Metadata};
use rushlight::nn::StateDict;
use rushlight::nn::utils::skip_init;
use rushlight::vision::models::ImageModel;
use rushlight::{Tensor, no_grad};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The largest number of classes; more cannot be shown in a confusion matrix.
pub(crate) const CLASSES: usize = 1000;

/// A network, what its outputs mean, and how its input is made.
pub(crate) struct Classifier {
    pub net: Box<dyn ImageModel>,
    pub architecture: String,
    /// Unique names, in the order of the network's outputs.
    pub classes: Vec<String>,
    pub preprocessing: Preprocessing,
    /// The epoch after which it was saved.
    pub epoch: usize,
    /// The file that it was read from.
    path: PathBuf,
}

impl Classifier {
    /// Reads what [`save`] wrote, ready to predict.
    pub(crate) fn load(path: &Path) -> Result<Classifier> {
        let (tensors, about) = safetensors::load(path)?;
        let wrong = |message: String| Failure::new(format!("{}: {message}", path.display()));
        let Some(architecture) = about.get("model") else {
            return Err(wrong("expected a model written by `rushlight train`, got a file without its metadata".into()));
        };
        let classes = class_names(&about).map_err(wrong)?;
        let preprocessing = Preprocessing::of(&about).map_err(wrong)?;
        let epoch = number(&about, "epoch", |_: &usize| true).map_err(wrong)?;
        let net = skip_init(|| build(architecture, classes.len())).map_err(|error| wrong(error.to_string()))?;
        if preprocessing.is_digits() != (architecture == LENET) {
            return Err(wrong(format!("expected {architecture} with its own preprocessing, got {preprocessing:?}")));
        }
        net.try_load_state_dict(&tensors.into_iter().collect()).map_err(|error| Failure::from(error).in_file(path))?;
        net.eval();
        Ok(Classifier { net, architecture: architecture.clone(), classes, preprocessing, epoch, path: path.to_owned() })
    }

    /// The probability of each class for each of the inputs that [`Preprocessing::input`] made.
    pub(crate) fn probabilities(&self, inputs: &[Tensor]) -> Result<Vec<Vec<f32>>> {
        if inputs.is_empty() {
            return Ok(Vec::new());
        }
        let logits = no_grad(|| self.net.try_forward(&Tensor::try_stack(inputs)?))?;
        let values = logits.try_softmax(1)?.try_to_vec::<f32>()?;
        if !values.iter().all(|value| value.is_finite()) {
            return Err(self.not_finite());
        }
        Ok(values.chunks_exact(self.classes.len()).map(<[f32]>::to_vec).collect())
    }

    /// Probabilities are no numbers because weights are none, or so large that the network overflows.
    #[cold]
    fn not_finite(&self) -> Failure {
        let finite = |tensor: &Tensor| {
            let values = tensor.try_to_dtype(rushlight::DType::F32).and_then(|tensor| tensor.try_to_vec::<f32>());
            values.is_ok_and(|values| values.iter().all(|value| value.is_finite()))
        };
        let state = self.net.state_dict();
        let cause = match state.iter().find(|(_, tensor)| !finite(tensor)) {
            Some((name, _)) => format!("the weight {name} has elements that are infinite or NaN"),
            None => "its weights are finite, but too large".into(),
        };
        Failure::new(format!("{}: expected finite probabilities, got NaN: {cause}", self.path.display()))
    }
}

/// What the metadata of a model file say.
pub(crate) struct About<'a> {
    pub architecture: &'a str,
    pub classes: &'a [String],
    pub preprocessing: &'a Preprocessing,
    pub epoch: usize,
}

/// Writes a model file that [`Classifier::load`] reads.
pub(crate) fn save(path: &Path, state: &StateDict, about: &About<'_>) -> Result<()> {
    let metadata = [
        ("format", "pt".to_string()),
        ("rushlight", env!("CARGO_PKG_VERSION").to_string()),
        ("model", about.architecture.to_string()),
        ("classes", json(about.classes)),
        ("preprocessing", json(about.preprocessing)),
        ("epoch", about.epoch.to_string()),
    ];
    let metadata: Metadata = metadata.into_iter().map(|(key, value)| (key.to_string(), value)).collect();
    Ok(safetensors::save(path, state.iter(), &metadata)?)
}

fn json(value: &(impl serde::Serialize + ?Sized)) -> String {
    serde_json::to_string(value).expect("lists, numbers and strings are JSON")
}

/// The names of the classes, or, in files of the first version, their number.
fn class_names(about: &Metadata) -> Result<Vec<String>, String> {
    let text = about.get("classes").ok_or("expected \"classes\" in the metadata, got none")?;
    if !text.starts_with('[') {
        let classes = number(about, "classes", |n: &usize| (1..=CLASSES).contains(n))?;
        return Ok((0..classes).map(|class| class.to_string()).collect());
    }
    let names: Vec<String> = serde_json::from_str(text)
        .map_err(|error| format!("expected a JSON list of classes in the metadata: {error}"))?;
    check_classes(&names)?;
    Ok(names)
}

/// Whether these can be the classes of a model.
pub(crate) fn check_classes(names: &[String]) -> Result<(), String> {
    if !(1..=CLASSES).contains(&names.len()) {
        return Err(format!("expected 1 to {CLASSES} classes, got {}", names.len()));
    }
    if let Some(name) = names.iter().find(|name| name.is_empty() || name.chars().any(char::is_control)) {
        return Err(format!("expected names of classes without control characters, got {name:?}"));
    }
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("expected different names of classes, got {:?} twice", pair[0])),
        None => Ok(()),
    }
}

/// A number from the metadata.
fn number<T: FromStr>(about: &Metadata, key: &str, valid: impl Fn(&T) -> bool) -> Result<T, String> {
    let text = about.get(key).ok_or_else(|| format!("expected {key:?} in the metadata, got none"))?;
    text.parse().ok().filter(valid).ok_or_else(|| format!("expected a valid {key} in the metadata, got {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lenet::LeNet;
    use rushlight::nn::{Forward, Module};
    use rushlight::vision::{Image, PixelFormat};

    fn file(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("rushlight-model-{name}-{}.safetensors", std::process::id()))
    }

    fn digit() -> Image {
        Image::new(28, 28, PixelFormat::Gray, (0..28 * 28).map(|i| (i % 17 * 15) as u8).collect())
    }

    #[test]
    fn what_is_saved_predicts_the_same() {
        let net = LeNet::new(3);
        net.eval();
        let path = file("same");
        let classes = ["ape", "bär", "\"cat\""].map(String::from);
        let preprocessing = Preprocessing::Digits { mean: 0.1307, std: 0.3081 };
        let about = About { architecture: LENET, classes: &classes, preprocessing: &preprocessing, epoch: 3 };
        save(&path, &net.state_dict(), &about).unwrap();
        let loaded = Classifier::load(&path).unwrap();
        assert_eq!((&loaded.classes[..], &loaded.preprocessing, loaded.epoch), (&classes[..], &preprocessing, 3));
        let x = preprocessing.input(digit()).unwrap();
        let expected = no_grad(|| net.forward(&x.unsqueeze(0))).softmax(1).to_vec::<f32>();
        assert_eq!(loaded.probabilities(std::slice::from_ref(&x)).unwrap()[0], expected);
        // Other batches round differently.
        let rows = loaded.probabilities(&vec![x.clone(); 3]).unwrap();
        let near = |row: &Vec<f32>| row.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(rows.len() == 3 && rows.iter().all(near), "{rows:?}");

        net.state_dict().get("fc3.bias").unwrap().fill_(f64::NAN);
        save(&path, &net.state_dict(), &about).unwrap();
        let message = Classifier::load(&path).unwrap().probabilities(&[x]).unwrap_err().to_string();
        let wanted = format!("{}: expected finite probabilities, got NaN: the weight fc3.bias has", path.display());
        assert!(message.starts_with(&wanted), "{message}");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn files_of_the_first_version_are_read() {
        let path = file("first");
        let net = LeNet::new(7);
        let about =
            [("format", "pt"), ("model", "lenet"), ("classes", "7"), ("mean", "0.13"), ("std", "0.3"), ("epoch", "2")];
        let about = about.into_iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        safetensors::save(&path, net.state_dict().iter(), &about).unwrap();
        let loaded = Classifier::load(&path).unwrap();
        assert_eq!(loaded.classes, ["0", "1", "2", "3", "4", "5", "6"]);
        assert_eq!((loaded.preprocessing, loaded.epoch), (Preprocessing::Digits { mean: 0.13, std: 0.3 }, 2));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn files_of_others_and_forged_metadata_are_refused() {
        let path = file("refused");
        let weight = [("weight", Tensor::ones([2, 2]))];
        let message = |about: &[(&str, &str)]| {
            let about = about.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
            safetensors::save(&path, weight.iter().map(|(name, tensor)| (*name, tensor)), &about).unwrap();
            Classifier::load(&path).err().expect("it cannot be loaded").to_string()
        };
        let digits = r#"{"input":"digits","mean":0.5,"std":1.0}"#;
        let photographs =
            r#"{"input":"photographs","resize":9,"crop":9,"interpolation":"bilinear","mean":[0,0,0],"std":[1,1,1]}"#;
        let whole = [("model", "lenet"), ("classes", r#"["a","b"]"#), ("preprocessing", digits), ("epoch", "1")];
        let changed = |key: &str, value: &str| {
            let entry = |(own, kept): (&'static str, &'static str)| {
                (own, if own == key { value.to_string() } else { kept.into() })
            };
            let about: Vec<(&str, String)> = whole.into_iter().map(entry).collect();
            message(&about.iter().map(|(key, value)| (*key, value.as_str())).collect::<Vec<_>>())
        };
        assert!(message(&[]).contains("expected a model written by `rushlight train`"));
        assert!(message(&whole[..1]).contains("expected \"classes\" in the metadata, got none"));
        assert!(message(&whole[..2]).contains("expected \"mean\" in the metadata, got none"));
        for (key, value, wanted) in [
            ("model", "transformer", "expected the name of a network such as "),
            ("classes", "4000000000", "valid classes in the metadata, got \"4000000000\""),
            ("classes", "[1]", "expected a JSON list of classes in the metadata"),
            ("classes", "[]", "expected 1 to 1000 classes, got 0"),
            ("classes", r#"["a","b","a"]"#, "expected different names of classes, got \"a\" twice"),
            ("classes", r#"["a\n"]"#, "expected names of classes without control characters, got \"a\\n\""),
            ("preprocessing", "{}", "expected valid preprocessing in the metadata"),
            ("preprocessing", r#"{"input":"digits","mean":0.5,"std":0.0}"#, "std"),
            ("preprocessing", photographs, "expected lenet with its own preprocessing"),
            ("epoch", "-1", "valid epoch"),
            // All differences of the weights are listed.
            ("", "", "conv1.weight"),
            ("", "", "Unexpected key(s) in state_dict: \"weight\""),
        ] {
            let message = changed(key, value);
            assert!(
                message.starts_with(&path.display().to_string()) && message.contains(wanted),
                "{key} {value}: {message}"
            );
        }
        std::fs::remove_file(path).unwrap();
    }
}
