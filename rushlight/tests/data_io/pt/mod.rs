//! PyTorch's files: against what PyTorch wrote, in the middle of its trainings, and against bad ones.

mod bad;
mod training;

use rushlight::io::pt::{Value, from_bytes, load, save, to_bytes};
use rushlight::nn::{BatchNorm2d, Conv2d, Flatten, Linear, Module, ReLU, StateDict};
use rushlight::{DType, Error, Tensor, nn};
use std::path::{Path, PathBuf};

/// A file that PyTorch wrote.
fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pt").join(name)
}

/// A path for one test.
fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("rushlight-pt-{}-{name}", std::process::id()))
}

fn tensor(value: &Value) -> Tensor {
    Tensor::try_from(value).unwrap()
}

/// Equal in everything that a file stores, up to handles.
#[track_caller]
fn assert_same(a: &Value, b: &Value) {
    let list = |value: &Value| value.as_list().map(<[Value]>::to_vec);
    match (a, b) {
        (Value::Tensor(a), Value::Tensor(b)) => {
            assert_eq!((a.dtype(), a.shape(), a.stride()), (b.dtype(), b.shape(), b.stride()));
            assert_eq!(a.requires_grad(), b.requires_grad());
            assert_eq!(format!("{a:?}"), format!("{b:?}"));
        }
        (Value::Dict(a), Value::Dict(b)) => {
            assert_eq!(a.len(), b.len());
            for ((key, a), (other, b)) in a.iter().zip(b.iter()) {
                assert_same(key, other);
                assert_same(a, b);
            }
        }
        _ => match (list(a), list(b)) {
            (Some(a), Some(b)) => {
                assert_eq!(a.len(), b.len());
                a.iter().zip(&b).for_each(|(a, b)| assert_same(a, b));
            }
            _ => assert_eq!(format!("{a:?}"), format!("{b:?}")),
        },
    }
}

#[test]
fn every_kind_of_data() {
    for name in ["values.pt", "values_protocol4.pt", "values_old.pth"] {
        let value = load(golden(name)).unwrap();
        for (name, values) in [
            ("uint8", vec![0, 1, 2, 100, 255, 7]),
            ("int8", vec![0, 1, -1, 100, -128, 127]),
            ("int16", vec![0, 1, -1, 100, -(1 << 15), (1 << 15) - 1]),
            ("int32", vec![0, 1, -1, 100, -(1 << 31), (1 << 31) - 1]),
            ("int64", vec![0, 1, -1, 100, i64::MIN, i64::MAX]),
        ] {
            let tensor = tensor(&value[name]);
            assert_eq!((tensor.dtype().name(), tensor.to_dtype(DType::I64).to_vec()), (name, values));
        }
        let real = |name: &str| tensor(&value[name]).to_dtype(DType::F64).to_vec::<f64>();
        let small = 2f64.powi(-24);
        assert_eq!(real("float16"), [0.0, -0.0, 1.5, -2.25, 65504.0, small]);
        assert_eq!(real("float32"), [0.0, -0.0, 1.5, -2.25, 65504.0, small]);
        assert_eq!(real("bfloat16"), [0.0, -0.0, 1.5, -2.25, 2f64.powi(127), 2f64.powi(-126)]);
        assert_eq!(real("float64"), [0.0, -0.0, 0.1, -2.25, 1e300, 5e-324]);
        assert!(real("float32")[1].is_sign_negative());
        assert_eq!(tensor(&value["bool"]).to_vec::<bool>(), [true, false, true, true, false, false]);
        assert_eq!(tensor(&value["int64"]).shape(), [3, 2]);
        assert_eq!((tensor(&value["scalar"]).shape(), real("scalar")), (&[][..], vec![3.25]));
        assert_eq!(tensor(&value["empty"]).shape(), [2, 0, 3]);

        let plain = &value["plain"];
        assert!(plain["none"].is_none());
        assert!(bool::try_from(&plain["yes"]).unwrap() && !bool::try_from(&plain["no"]).unwrap());
        let ints: Vec<i64> = plain["int"].as_list().unwrap().iter().map(|v| i64::try_from(v).unwrap()).collect();
        assert_eq!(ints, [0, 255, 256, 65535, 65536, -1, 1 << 31, i64::MIN, i64::MAX]);
        assert!(matches!(&plain["long"], Value::BigInt(bytes) if *bytes == [0, 0, 0, 0, 0, 0, 0, 0, 64]));
        assert!(matches!(plain["float"].as_list().unwrap(), [Value::Float(0.1), Value::Float(f64::INFINITY)]));
        assert_eq!(plain["text"].as_str(), Some("ünï \"漢\" \n"));
        assert!(matches!(&plain["bytes"], Value::Bytes(bytes) if bytes == b"\x00ab\xff"));
        assert!(matches!(&plain["nothing"], Value::Bytes(bytes) if bytes.is_empty()));
        assert!(matches!(&plain["tuple"], Value::Tuple(items) if items.is_empty()));
        let lens: Vec<usize> = plain["tuples"].as_list().unwrap().iter().map(|t| t.as_list().unwrap().len()).collect();
        assert_eq!(lens, [1, 2, 3, 4]);
        assert!(matches!(&plain["set"], Value::Set(items) if matches!(items[..], [Value::Int(7)])));
        assert!(matches!(plain["dtype"], Value::DType(DType::F16)));
        assert!(matches!(plain["size"].as_list().unwrap(), [Value::Int(2), Value::Int(3)]));
        assert_eq!(plain["device"].as_str(), Some("cpu"));
        assert!(matches!(plain["counter"].as_dict().unwrap().find(&Value::Int(30)), Some(Value::Int(2))));
        let plain = plain.as_dict().unwrap();
        // 3 and 3.0 are one key of Python's.
        assert_eq!(plain.find(&Value::Float(3.0)).and_then(Value::as_str), Some("int key"));
        let key = Value::Tuple(vec![1.into(), "a".into()]);
        assert_eq!(plain.find(&key).and_then(Value::as_str), Some("tuple key"));

        assert_same(&value, &from_bytes(&to_bytes(&value).unwrap()).unwrap());
    }
    let [zip, old] = ["values.pt", "values_old.pth"].map(|name| load(golden(name)).unwrap());
    assert_same(&zip, &old);
}

#[test]
fn tensors_share_memory_as_in_pytorch() {
    let written = to_bytes(&load(golden("sharing.pt")).unwrap()).unwrap();
    let files = ["sharing.pt", "sharing_old.pth"].map(|name| load(golden(name)).unwrap());
    for value in files.into_iter().chain([from_bytes(&written).unwrap()]) {
        let [base, row, column, transposed, step] =
            ["base", "row", "column", "transposed", "step"].map(|name| tensor(&value[name]));
        assert_eq!(row.to_vec::<f32>(), [4.0, 5.0, 6.0, 7.0]);
        assert_eq!(transposed.stride(), [1, 4]);
        assert_eq!(step.contiguous().to_vec::<f32>(), [1.0, 3.0, 9.0, 11.0]);
        assert_eq!(tensor(&value["expanded"]).to_vec::<f32>(), [5.0; 3]);
        base.select(0, 1).fill_(100.0);
        assert_eq!(row.to_vec::<f32>(), [100.0; 4]);
        assert_eq!(column.contiguous().to_vec::<f32>(), [2.0, 100.0, 10.0]);

        let [a, b] = value["tied"].as_list().unwrap() else { panic!("two") };
        let ([a, b], frozen) = ([a, b].map(tensor), tensor(&value["frozen"]));
        assert!(a.requires_grad() && !frozen.requires_grad() && frozen.shares_memory_with(&a));
        assert!(a.shares_memory_with(&b));
        assert!(tensor(&value["leaf"]).requires_grad());
    }
    // Those of base, expanded, tied and leaf, each in its own header and in the directory.
    assert_eq!(written.windows(13).filter(|name| name == b"archive/data/").count(), 2 * 4);
}

#[test]
fn one_parameter_is_one_tensor() {
    let value = load(golden("sharing.pt")).unwrap();
    let [a, b] = value["tied"].as_list().unwrap() else { panic!("two") };
    tensor(a).square().sum().backward();
    assert_eq!(tensor(b).grad().unwrap().to_vec::<f32>(), [2.0, 4.0]);
}

#[test]
fn sparse_tensors() {
    let value = load(golden("sparse.pt")).unwrap();
    for value in [&value, &from_bytes(&to_bytes(&value).unwrap()).unwrap()] {
        let sparse = tensor(value);
        assert_eq!((sparse.is_sparse(), sparse.is_coalesced(), sparse.nnz()), (true, false, 2));
        assert_eq!(sparse.to_dense().to_vec::<f32>(), [3.0, 4.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0]);
    }
}

fn net() -> impl Module {
    rushlight::manual_seed(0);
    nn::seq![Conv2d::new(1, 2, 3), BatchNorm2d::new(2), ReLU::new(), Flatten::new(), Linear::new(2, 3)]
}

#[test]
fn states_of_models() {
    for name in ["net.pt", "net_old.pth", "no_checksums.pt"] {
        let state = StateDict::load(golden(name)).unwrap();
        let net = net();
        assert_eq!(state.keys().collect::<Vec<_>>(), net.state_dict().keys().collect::<Vec<_>>());
        // The same seed.
        assert_eq!(
            state.get("4.weight").unwrap().to_vec::<f32>(),
            net.state_dict().get("4.weight").unwrap().to_vec::<f32>()
        );
        net.load_state_dict(&state);
    }
    assert_eq!(tensor(&load(golden("big_endian.pt")).unwrap()).to_vec::<f32>(), [1.0, -2.5]);
}

#[test]
fn states_are_written_by_extension_and_read_by_contents() {
    let state = net().state_dict();
    for (name, zip) in [("a.pt", true), ("a.PTH", true), ("a.safetensors", false), ("a", false)] {
        let path = path(name);
        state.save(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap().starts_with(b"PK"), zip, "{name}");
        let other = path.with_extension("other");
        std::fs::rename(&path, &other).unwrap();
        let read = StateDict::load(&other).unwrap();
        assert_eq!(read.len(), state.len());
        state.iter().for_each(|(key, tensor)| assert!(read.get(key).unwrap().equal(tensor), "{key}"));
        std::fs::remove_file(other).unwrap();
    }
}

#[test]
fn checkpoints_and_prefixes() {
    let file = golden("parallel.pt");
    let error = StateDict::load(&file).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("{}: state_dict: expected a dict of tensors by strings, got", file.display())),
        "{error}"
    );
    assert!(error.contains(r#"{"epoch": an integer, "state_dict": a dict of 9, "best": a float}"#), "{error}");
    assert!(
        error.ends_with(r#"StateDict::try_from(&checkpoint["state_dict"]) returns the tensors of "state_dict""#),
        "{error}"
    );

    let checkpoint = load(&file).unwrap();
    assert_eq!(i64::try_from(&checkpoint["epoch"]).unwrap(), 3);
    assert_eq!(f64::try_from(&checkpoint["best"]).unwrap(), 0.5);
    let state = StateDict::try_from(&checkpoint["state_dict"]).unwrap();
    let net = net();
    let error = net.try_load_state_dict(&state).unwrap_err().to_string();
    assert!(error.ends_with("strip_prefix(\"module.\") removes it."), "{error}");
    net.load_state_dict(&state.strip_prefix("module."));

    let optimizer = Value::dict([("state", Value::dict::<&str, Value>([])), ("param_groups", Value::List(vec![]))]);
    let error = StateDict::try_from(&optimizer).unwrap_err().to_string();
    assert!(error.ends_with("the state of an optimizer, which pt::load and load_torch_state_dict take"), "{error}");
}

#[test]
fn data_begin_at_multiples_of_64_bytes() {
    let value = Value::from(vec![Tensor::ones([3]), Tensor::zeros([1000]), Tensor::from([2.0f64])]);
    let bytes = to_bytes(&value).unwrap();
    let archive = rawzip::ZipArchive::from_slice(&bytes).unwrap();
    let mut names = Vec::new();
    for entry in archive.entries() {
        let entry = entry.unwrap();
        names.push(String::from_utf8(entry.file_path().as_ref().to_vec()).unwrap());
        let (start, _) = archive.get_entry(entry.wayfinder()).unwrap().compressed_data_range();
        assert_eq!(start % 64, 0, "{names:?}");
    }
    let expected =
        ["data.pkl", ".format_version", ".storage_alignment", "byteorder", "data/0", "data/1", "data/2", "version"];
    assert_eq!(names, expected.map(|name| format!("archive/{name}")));
}

#[test]
fn what_cannot_be_written() {
    let error = |value: &Value| to_bytes(value).unwrap_err().to_string();
    let mut nested = Value::None;
    for _ in 0..101 {
        nested = Value::List(vec![nested]);
    }
    assert_eq!(error(&nested), "pt: expected at most 100 levels of lists, tuples and dicts, got more");
    assert!(error(&Value::BigInt(vec![1; 256])).contains("at most 255 bytes, got 256"));
    let nowhere = path("none").join("x.pt");
    assert!(matches!(save(&nowhere, &Value::None).unwrap_err(), Error::Io { path, .. } if path == nowhere));
    let mut dict = rushlight::io::pt::Dict::new();
    let refused = dict.try_insert(Value::List(vec![]), 1).unwrap_err().to_string();
    assert_eq!(refused, "insert: expected a key that is a string, a number or a tuple of these, got a list of 0");
}
