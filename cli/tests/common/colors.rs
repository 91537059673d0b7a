//! A model file whose predictions are known: SqueezeNet with weights that pass the colors of a picture on.

use super::folder;
use rushlight::Tensor;
use rushlight::io::safetensors;
use rushlight::nn::{Module, utils::skip_init};
use rushlight::vision::models::get_model;
use rushlight::vision::{Image, PixelFormat};
use std::path::{Path, PathBuf};

pub(crate) const RED: [u8; 3] = [255, 0, 0];
pub(crate) const GREEN: [u8; 3] = [0, 255, 0];
pub(crate) const BLUE: [u8; 3] = [0, 0, 255];

/// What one full color makes of its class, and the others: e¹⁰ / (e¹⁰ + 2).
pub(crate) const SURE: f64 = 0.999_909_208_384_340_6;

/// Writes a model of the classes red, green and blue, or what they are called here: the logits are ten times the mean color.
pub(crate) fn write_model(path: &Path, classes: [&str; 3]) {
    write_model_with(path, classes, 10.0);
}

/// The same with another factor.
pub(crate) fn write_model_with(path: &Path, classes: [&str; 3], factor: f32) {
    let state = skip_init(|| get_model("squeezenet1_1", 3)).state_dict();
    let weights: Vec<(String, Tensor)> =
        state.iter().map(|(key, tensor)| (key.into(), weight(key, tensor, factor))).collect();
    let preprocessing =
        r#"{"input":"photographs","resize":32,"crop":32,"interpolation":"bilinear","mean":[0,0,0],"std":[1,1,1]}"#;
    let metadata = [
        ("format", "pt".to_string()),
        ("rushlight", "0.1.0".to_string()),
        ("model", "squeezenet1_1".to_string()),
        ("classes", serde_json::to_string(&classes).unwrap()),
        ("preprocessing", preprocessing.to_string()),
        ("epoch", "7".to_string()),
    ];
    let metadata = metadata.into_iter().map(|(key, value)| (key.to_string(), value)).collect();
    safetensors::save(path, weights, &metadata).unwrap();
}

/// Zeros, but for the middle of the kernels that lead from a color to itself.
fn weight(key: &str, like: &Tensor, factor: f32) -> Tensor {
    let mut values = vec![0.0; like.numel()];
    if let &[_, inputs, height, width] = like.shape()
        && !key.contains("expand3x3")
    {
        let area = height * width;
        for color in 0..3 {
            values[(color * inputs + color) * area + area / 2] =
                if key.starts_with("classifier") { factor } else { 1.0 };
        }
    }
    Tensor::from_vec(values, like.shape())
}

/// Writes a picture of one color.
pub(crate) fn write_color(path: &Path, color: [u8; 3]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    Image::new(40, 36, PixelFormat::Rgb, color.repeat(40 * 36)).save(path).unwrap();
}

/// An empty folder for one test with the model `model.safetensors`.
pub(crate) fn folder_with_model(name: &str) -> PathBuf {
    let folder = folder(name);
    write_model(&folder.join("model.safetensors"), ["red", "green", "blue"]);
    folder
}
