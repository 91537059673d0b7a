//! `rushlight convert`: weights keep every bit between the formats.

mod common;

use common::colors::folder_with_model;
use common::{fail, folder, succeed};
use rushlight::io::pt::{self, Value};
use rushlight::io::safetensors;
use rushlight::nn::StateDict;
use rushlight::{DType, Tensor, tensor};
use std::fs;
use std::path::Path;

/// Tensors of many types and shapes, with numbers that a conversion might change.
fn state() -> StateDict {
    let nan = f32::from_bits(0x7fa1_2345);
    let odd = Tensor::from_vec(vec![nan, -0.0, f32::MIN_POSITIVE / 8.0, f32::NEG_INFINITY], [2, 2]);
    let tensors = [
        ("layer.weight", odd),
        ("layer.transposed", Tensor::from_vec((0..6).map(|v| v as f32).collect(), [2, 3]).t()),
        ("layer.half", tensor!([0.1, -65504.0]).to_dtype(DType::F16)),
        ("layer.brain", tensor!([0.1, 3e38]).to_dtype(DType::Bf16)),
        ("double", tensor!(0.1).to_dtype(DType::F64)),
        ("count", tensor!(i64::MIN)),
        ("mask", tensor!([true, false])),
        ("bytes", tensor!([0, 255]).to_dtype(DType::U8)),
        ("empty", Tensor::zeros([0, 3])),
    ];
    tensors.into_iter().map(|(key, tensor)| (key.to_string(), tensor)).collect()
}

/// Keys, types, shapes and the bytes of the elements.
fn contents(state: &StateDict) -> Vec<(String, DType, Vec<usize>, Vec<u8>)> {
    let mut contents: Vec<_> = state
        .iter()
        .map(|(key, tensor)| {
            let bytes = safetensors::to_bytes([("t", tensor)], &Default::default()).unwrap();
            (key.to_string(), tensor.dtype(), tensor.shape().to_vec(), bytes)
        })
        .collect();
    contents.sort_by(|a, b| a.0.cmp(&b.0));
    contents
}

fn load(path: &Path) -> Vec<(String, DType, Vec<usize>, Vec<u8>)> {
    contents(&StateDict::load(path).unwrap())
}

#[test]
fn both_ways_keep_every_bit() {
    let folder = folder("both_ways");
    state().save(folder.join("a.pt")).unwrap();
    let wanted = contents(&state());
    let text = succeed(&folder, &["convert", "a.pt", "b.safetensors"]);
    assert_eq!(text, "b.safetensors: 9 tensors, 20 elements\n");
    assert_eq!(load(&folder.join("b.safetensors")), wanted);
    succeed(&folder, &["convert", "b.safetensors", "c.pth"]);
    assert_eq!(load(&folder.join("c.pth")), wanted);
    assert!(fs::read(folder.join("c.pth")).unwrap().starts_with(b"PK"), "a zip archive, as PyTorch writes");
    succeed(&folder, &["convert", "c.pth", "d.safetensors"]);
    assert_eq!(fs::read(folder.join("b.safetensors")).unwrap(), fs::read(folder.join("d.safetensors")).unwrap());
}

#[test]
fn models_can_be_made_smaller_and_still_predict() {
    let folder = folder_with_model("smaller");
    succeed(&folder, &["convert", "model.safetensors", "small.safetensors", "--dtype", "f16"]);
    let size = |name: &str| fs::metadata(folder.join(name)).unwrap().len();
    assert!(size("small.safetensors") < size("model.safetensors") * 51 / 100);
    common::colors::write_color(&folder.join("red.png"), common::colors::RED);
    assert!(succeed(&folder, &["predict", "small.safetensors", "red.png"]).contains("red         99.99 %"));
    let text = succeed(&folder, &["convert", "model.safetensors", "model.pt"]);
    assert!(
        text.contains("not kept, for PyTorch's files have no place for it: the metadata classes, epoch, "),
        "{text}"
    );
    let message = fail(&folder, &["predict", "model.pt", "red.png"], 1);
    assert!(message.starts_with("error: model.pt: "), "{message}");

    let large = [("w", tensor!([1e6, f64::INFINITY]))];
    safetensors::save(folder.join("large.safetensors"), large, &Default::default()).unwrap();
    let message = fail(&folder, &["convert", "large.safetensors", "x.safetensors", "--dtype", "f16"], 1);
    assert_eq!(message, "error: large.safetensors: w has elements that are too large for float16\n");
    succeed(&folder, &["convert", "large.safetensors", "x.safetensors", "--dtype", "bf16"]);
}

#[test]
fn weights_are_taken_out_of_checkpoints() {
    let folder = folder("checkpoints");
    let weights = Value::dict([("w", tensor!([1.0, 2.0]))]);
    let file = Value::dict([("model", Value::dict([("ema", weights)])), ("epoch", Value::from(3))]);
    pt::save(folder.join("checkpoint.pt"), &file).unwrap();
    succeed(&folder, &["convert", "checkpoint.pt", "w.safetensors", "--key", "model.ema"]);
    let state = StateDict::load(folder.join("w.safetensors")).unwrap();
    assert_eq!((state.len(), state.get("w").unwrap().to_vec::<f32>()), (1, vec![1.0, 2.0]));
    for (args, wanted) in [
        (&["checkpoint.pt", "x.pt"][..], "checkpoint.pt: "),
        (&["checkpoint.pt", "x.pt", "--key", "optimizer"], "expected one of the keys model, epoch, got optimizer"),
        (&["checkpoint.pt", "x.pt", "--key", "epoch.x"], "expected a dict in front of \"x\""),
        (&["w.safetensors", "x.pt", "--key", "w"], "--key is for checkpoints of PyTorch's"),
    ] {
        let message = fail(&folder, &[&["convert"], args].concat(), 1);
        assert!(message.contains(wanted), "{args:?}: {message}");
        assert!(!folder.join("x.pt").exists());
    }
}

#[test]
fn nothing_is_lost() {
    let folder = folder("nothing_lost");
    state().save(folder.join("a.pt")).unwrap();
    fs::write(folder.join("b.safetensors"), "mine").unwrap();
    let message = fail(&folder, &["convert", "a.pt", "b.safetensors"], 1);
    assert!(message.contains("b.safetensors: already exists: choose another name or add --overwrite"), "{message}");
    let message = fail(&folder, &["convert", "missing.pt", "b.safetensors", "--overwrite"], 1);
    assert!(message.starts_with("error: missing.pt: "), "{message}");
    assert_eq!(fs::read_to_string(folder.join("b.safetensors")).unwrap(), "mine");
    let message = fail(&folder, &["convert", "a.pt", "b.onnx"], 1);
    assert!(message.contains("b.onnx: expected a name that ends in .safetensors, .pt or .pth"), "{message}");
    assert!(fail(&folder, &["convert", "a.pt", "nowhere/b.pt"], 1).contains("nowhere/b.pt: "));
    succeed(&folder, &["convert", "a.pt", "b.safetensors", "--overwrite"]);
    assert_eq!(load(&folder.join("b.safetensors")), contents(&state()));
    assert_eq!(common::names(&folder), ["a.pt", "b.safetensors"]);
}
