//! `rushlight inspect` and `rushlight models`.

mod common;

use common::colors::folder_with_model;
use common::{fail, folder, succeed};
use rushlight::io::pt::{self, Value};
use rushlight::io::{npz, safetensors};
use rushlight::{DType, Tensor, tensor};
use std::fs;

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn networks_are_those_of_the_papers() {
    let folder = folder("networks");
    let text = succeed(&folder, &["inspect", "--model", "resnet18"]);
    // torchvision documents 11,689,512 parameters and 1.81 GFLOPS; FlopCounterMode counts twice as many floating-point operations.
    let wanted = "resnet18: 11,689,512 parameters, 1,814,073,344 multiply-adds for an input of [1, 3, 224, 224]";
    let end: Vec<&str> = text.lines().rev().take(2).collect();
    assert_eq!(end[1], wanted);
    assert_eq!(end[0], "parts, for --unfreeze-from: conv1, bn1, layer1, layer2, layer3, layer4, fc");
    let lines: Vec<Vec<&str>> =
        text.lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect();
    assert_eq!(lines[0], ["layer", "kind", "output", "parameters", "multiply-adds"]);
    assert_eq!(lines[1], ["conv1", "Conv2d", "[1, 64, 112, 112]", "9,408", "118,013,952"]);
    assert_eq!(lines[2], ["bn1", "BatchNorm2d", "[1, 64, 112, 112]", "128", "0"]);
    assert!(lines.contains(&vec!["fc", "Linear", "[1, 1000]", "513,000", "512,000"]), "{text}");

    let found =
        json(&succeed(&folder, &["inspect", "--model", "resnet18", "--classes", "2", "--input", "64", "--json"]));
    assert_eq!(found["input"], serde_json::json!([1, 3, 64, 64]));
    assert_eq!(found["parameters"], 11_689_512 - 998 * 513);
    let layers = found["layers"].as_array().unwrap();
    let sum = |key: &str| layers.iter().map(|layer| layer[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(
        (sum("parameters"), sum("multiply_adds")),
        (found["parameters"].as_u64().unwrap(), found["multiply_adds"].as_u64().unwrap())
    );
    assert_eq!(layers.last().unwrap()["output"], serde_json::json!([1, 2]));

    for (args, code, wanted) in [
        (&["inspect", "--model", "resnet19"][..], 1, "resnet19"),
        (&["inspect", "--model", "lenet", "--input", "32"], 1, "expected an input with 800 features for fc1.weight"),
        (&["inspect"], 2, "<FILE"),
        (&["inspect", "file", "--model", "resnet18"], 2, "cannot be used with"),
        (&["inspect", "file", "--classes", "3"], 2, "cannot be used with"),
    ] {
        let message = fail(&folder, args, code);
        assert!(message.contains(wanted), "{args:?}: {message}");
    }
}

#[test]
fn models_that_train_wrote_are_shown_by_layer() {
    let folder = folder_with_model("model");
    let text = succeed(&folder, &["inspect", "model.safetensors"]);
    let end: Vec<&str> = text.lines().rev().take(4).collect();
    assert!(end[3].starts_with("squeezenet1_1: 724,035 parameters, "), "{text}");
    assert!(end[3].ends_with(" multiply-adds for an input of [1, 3, 32, 32]"), "{text}");
    assert_eq!(end[1], "3 classes after epoch 7: red, green, blue");
    assert!(end[0].starts_with("pictures are prepared as {\"input\":\"photographs\",\"resize\":32,"), "{text}");
    let found = json(&succeed(&folder, &["inspect", "model.safetensors", "--json"]));
    assert_eq!(found["classes"], serde_json::json!(["red", "green", "blue"]));
    assert_eq!((&found["preprocessing"]["crop"], &found["epoch"]), (&32.into(), &7.into()));
    let text = succeed(&folder, &["inspect", "model.safetensors", "--tensors"]);
    assert!(text.contains("\nclassifier.1.weight ") && text.contains("\n  model: squeezenet1_1\n"), "{text}");
}

#[test]
fn tensors_of_checkpoints_are_listed() {
    let folder = folder("checkpoint");
    let weight = tensor!([[1.0, -3.0], [0.5, f32::NAN]]);
    let state = Value::dict([("fc.weight", Value::from(weight)), ("steps", Value::from(tensor!(7)))]);
    let moments = Value::List(vec![Value::from(Tensor::zeros([3]))]);
    let file = Value::dict([
        ("model", state),
        ("moments", moments),
        ("epoch", Value::from(3)),
        ("note", Value::from("a\x1b[2J")),
    ]);
    pt::save(folder.join("checkpoint.pt"), &file).unwrap();
    let text = succeed(&folder, &["inspect", "checkpoint.pt"]);
    let wanted = "tensor            dtype     shape    bytes
model.fc.weight   float32   [2, 2]      16
model.steps       int64     []           8
moments.0         float32   [3]         12

checkpoint.pt: PyTorch, 3 tensors, 8 elements, 36 bytes
  epoch: 3
  note: a\\u{1b}[2J
";
    assert_eq!(text, wanted);
    let found = json(&succeed(&folder, &["inspect", "checkpoint.pt", "--json", "--stats"]));
    assert_eq!(found["format"], "PyTorch");
    assert_eq!(found["others"]["note"], "a\x1b[2J");
    let first = &found["tensors"][0];
    assert_eq!(
        (&first["name"], &first["dtype"], &first["bytes"]),
        (&"model.fc.weight".into(), &"float32".into(), &16.into())
    );
    assert_eq!(
        (first["min"].as_f64(), first["max"].as_f64(), first["mean"].as_f64()),
        (Some(-3.0), Some(1.0), Some(-0.5))
    );
    assert!((first["std"].as_f64().unwrap() - (19.0_f64 / 6.0).sqrt()).abs() < 1e-12);
    assert_eq!(first["not_finite"], 1);
}

#[test]
fn other_formats_and_files_that_are_none() {
    let folder = folder("formats");
    let key = "w\n\x1b[2J\u{202e}";
    safetensors::save(
        folder.join("odd.safetensors"),
        [(key, Tensor::ones([2]).to_dtype(DType::F16))],
        &Default::default(),
    )
    .unwrap();
    let text = succeed(&folder, &["inspect", "odd.safetensors"]);
    assert!(text.contains("w\\n\\u{1b}[2J\\u{202e}   float16   [2]         4\n"), "{text}");
    let text = succeed(&folder, &["inspect", "odd.safetensors", "--json"]);
    assert!(!text.contains(['\x1b', '\u{202e}']) && json(&text)["tensors"][0]["name"] == key, "{text}");
    npz::save(folder.join("arrays.npz"), [("a", &Tensor::zeros([2, 0]))]).unwrap();
    let text = succeed(&folder, &["inspect", "arrays.npz"]);
    assert!(
        text.contains("a        float32   [2, 0]       0\n") && text.contains("arrays.npz: NumPy archive, 1 tensors"),
        "{text}"
    );
    rushlight::io::npy::save(folder.join("array.npy"), &tensor!([1, 2])).unwrap();
    assert!(
        succeed(&folder, &["inspect", "array.npy"]).contains("array.npy: NumPy array, 1 tensors, 2 elements, 16 bytes")
    );

    fs::write(folder.join("text.pt"), "no weights").unwrap();
    fs::write(folder.join("empty.npz"), "").unwrap();
    // A pickle that calls os.system.
    fs::write(folder.join("evil.pt"), b"\x80\x02cos\nsystem\nq\0X\x04\0\0\0trueq\x01\x85q\x02Rq\x03.").unwrap();
    for (file, wanted) in [
        ("text.pt", "text.pt: "),
        ("empty.npz", "empty.npz: "),
        ("evil.pt", "evil.pt: "),
        ("missing", "missing: No such file"),
        (".", ".: "),
    ] {
        let message = fail(&folder, &["inspect", file], 1);
        assert!(message.starts_with(&format!("error: {wanted}")), "{file}: {message}");
    }
}

#[test]
fn models_are_listed() {
    let folder = folder("models");
    let text = succeed(&folder, &["models", "net1"]);
    assert!(text.starts_with("model "), "{text}");
    let rows: Vec<Vec<&str>> =
        text.lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect();
    assert_eq!(rows[0], ["model", "parameters", "input", "features"]);
    assert!(rows.contains(&vec!["resnet18", "11,689,512", "224 x 224", "512"]), "{text}");
    assert!(rows.contains(&vec!["densenet121", "7,978,856", "224 x 224", "1,024"]), "{text}");
    let text = succeed(&folder, &["models", "lenet"]);
    assert!(text.lines().any(|line| line.split_whitespace().eq(["lenet", "120,382", "28", "x", "28", "84"])), "{text}");

    let list = json(&succeed(&folder, &["models", "resnet18", "--json"]));
    let [resnet] = &list.as_array().unwrap()[..] else { panic!("{list}") };
    assert_eq!(
        (&resnet["name"], &resnet["parameters"], &resnet["input"]),
        (&"resnet18".into(), &11_689_512.into(), &224.into())
    );
    assert!(resnet["stages"].as_array().unwrap().contains(&"layer4".into()), "{resnet}");
    let message = fail(&folder, &["models", "transformer"], 1);
    assert!(message.contains("got \"transformer\", which is in none"), "{message}");
}
