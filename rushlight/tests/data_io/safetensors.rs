//! The safetensors format against Python's own implementation, and against corrupted data.

use rushlight::io::safetensors::{Metadata, Tensors, from_bytes, load, save, to_bytes};
use rushlight::ops::SliceOptions;
use rushlight::{DType, Error, Tensor};
use std::path::PathBuf;

/// A path for one test.
fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("rushlight-safetensors-{}-{name}", std::process::id()))
}

fn refused(bytes: &[u8]) -> String {
    let error = from_bytes(bytes).unwrap_err();
    assert!(matches!(error, Error::Format { .. }), "{error:?}");
    error.to_string()
}

/// A file with this header and data.
fn file(json: &str, data: &[u8]) -> Vec<u8> {
    [&(json.len() as u64).to_le_bytes(), json.as_bytes(), data].concat()
}

fn sample() -> Vec<u8> {
    let tensors = [
        ("layer.weight", Tensor::arange(6.0).view([2, 3])),
        ("layer.bias", Tensor::from([0.5f64, -0.5])),
        ("steps", Tensor::from(7)),
        ("mask", Tensor::from([true, false, true])),
        ("nothing", Tensor::zeros([0, 4])),
    ];
    to_bytes(tensors, &Metadata::from([("format".into(), "pt".into())])).unwrap()
}

#[test]
fn reads_what_python_writes() {
    let bytes = include_bytes!("../golden/python.safetensors");
    let (tensors, metadata) = from_bytes(bytes).unwrap();
    assert_eq!(metadata["format"], "pt");
    assert_eq!(metadata["note"], "ünï \"quoted\"");
    let whole = |name: &str, shape: &[usize], values: &[i64]| {
        let tensor = &tensors[name];
        let dtype = if name.starts_with("uint") && name != "uint8" { "int64" } else { name };
        assert!(tensor.dtype().name() == dtype || tensor.numel() == 1, "{name}: {}", tensor.dtype());
        let widened = tensor.to_dtype(DType::I64).to_vec::<i64>();
        assert_eq!((tensor.shape(), widened), (shape, values.to_vec()), "{name}");
    };
    whole("uint8", &[6], &[0, 1, 2, 100, 255, 7]);
    whole("uint16", &[6], &[0, 1, 2, 100, 65535, 7]);
    whole("uint32", &[6], &[0, 1, 2, 100, (1 << 32) - 1, 7]);
    whole("int8", &[6], &[0, 1, -1, 100, -128, 127]);
    whole("int16", &[6], &[0, 1, -1, 100, -(1 << 15), (1 << 15) - 1]);
    whole("int32", &[6], &[0, 1, -1, 100, -(1 << 31), (1 << 31) - 1]);
    whole("int64", &[3, 2], &[0, 1, -1, 100, i64::MIN, i64::MAX]);
    whole("name \"with\" \\ \n é 漢", &[1], &[1]);
    assert_eq!(tensors["bool"].to_vec::<bool>(), [true, false, true, true, false, false]);
    let single = |name: &str, shape: &[usize], values: &[f32]| {
        let tensor = &tensors[name];
        let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(tensor.dtype().name(), if tensor.dim() == 1 { name } else { "float32" });
        let widened = tensor.to_dtype(DType::F32).to_vec::<f32>();
        assert_eq!((tensor.shape(), bits(&widened)), (shape, bits(values)), "{name}");
    };
    let smallest = 2f32.powi(-24);
    single("float16", &[6], &[0.0, -0.0, 1.5, -2.25, 65504.0, smallest]);
    single("float32", &[1, 2, 3], &[0.0, -0.0, 1.5, -2.25, 65504.0, smallest]);
    single("bfloat16", &[6], &[0.0, -0.0, 1.5, -2.25, 2f32.powi(127), 2f32.powi(-126)]);
    single("scalar", &[], &[3.25]);
    single("empty", &[2, 0, 3], &[]);
    assert_eq!(tensors["float64"].to_vec::<f64>(), [0.0, -0.0, 0.1, -2.25, 1e300, 5e-324]);
    assert_eq!(tensors.len(), 15);
}

#[test]
fn round_trip() {
    let path = path("there-and-back");
    let base = Tensor::arange(24.0).view([2, 3, 4]);
    let large = Tensor::arange(100_000);
    let mut tensors = Tensors::from([
        ("contiguous".into(), base.clone()),
        ("transposed".into(), base.transpose(0, 2)),
        ("expanded".into(), Tensor::from([1.5f32, -2.5]).view([2, 1]).expand([2, 3])),
        ("every second".into(), base.slice_with(2, 1..4, SliceOptions::new().step(2))),
        ("scalar".into(), Tensor::from(2.5f64)),
        ("trained".into(), Tensor::ones([2]).requires_grad_(true)),
        ("large".into(), large.clone()),
        ("bool".into(), Tensor::from([[true, false], [false, true]]).t()),
    ]);
    for &dtype in DType::ALL {
        tensors.insert(format!("all as {dtype}"), base.transpose(1, 2).to_dtype(dtype));
    }
    let metadata = Metadata::from([("empty".into(), String::new()), ("epoch \"3\"".into(), "\n".into())]);
    save(&path, &tensors, &metadata).unwrap();
    let (read, read_metadata) = load(&path).unwrap();
    assert_eq!(read_metadata, metadata);
    assert_eq!(read.keys().collect::<Vec<_>>(), tensors.keys().collect::<Vec<_>>());
    for (name, tensor) in &tensors {
        let got = &read[name];
        assert_eq!((got.shape(), got.dtype()), (tensor.shape(), tensor.dtype()), "{name}");
        assert!(got.is_contiguous() && !got.requires_grad());
        let same = got.equal(&tensor.detach());
        assert!(same, "{name}");
    }
    // The same tensors in another order and another container produce the same bytes, and memory and file agree.
    let reversed: Vec<(&str, &Tensor)> = tensors.iter().rev().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    assert_eq!(to_bytes(reversed, &metadata).unwrap(), std::fs::read(&path).unwrap());
    std::fs::remove_file(&path).unwrap();

    let (none, no_metadata) = from_bytes(&to_bytes(Tensors::new(), &Metadata::new()).unwrap()).unwrap();
    assert!(none.is_empty() && no_metadata.is_empty());
}

#[test]
fn special_values_keep_their_bits() {
    let floats = [f32::NAN, -f32::NAN, f32::INFINITY, f32::MIN_POSITIVE / 2.0, f32::from_bits(0x7f80_0001)];
    let bytes = to_bytes([("x", Tensor::from(floats))], &Metadata::new()).unwrap();
    let read = from_bytes(&bytes).unwrap().0["x"].to_vec::<f32>();
    assert_eq!(read.map_bits(), floats.to_vec().map_bits());
}

trait MapBits {
    fn map_bits(&self) -> Vec<u32>;
}

impl MapBits for Vec<f32> {
    fn map_bits(&self) -> Vec<u32> {
        self.iter().map(|x| x.to_bits()).collect()
    }
}

#[test]
fn unwritable_tensors_are_rejected() {
    let error =
        |tensors: &[(&str, Tensor)]| to_bytes(tensors.iter().cloned(), &Metadata::new()).unwrap_err().to_string();
    let x = Tensor::zeros([1]);
    assert_eq!(
        error(&[("a", x.clone()), ("b", x.clone()), ("a", x.clone())]),
        "safetensors: expected distinct names, got \"a\" twice"
    );
    // Tensors of different types are not adjacent in the file.
    let mixed = [("a", x.clone()), ("a", Tensor::from(1)), ("0", Tensor::from(1)), ("z", Tensor::from(true))];
    assert_eq!(error(&mixed), "safetensors: expected distinct names, got \"a\" twice");
    assert_eq!(
        error(&[("__metadata__", x.clone())]),
        "safetensors: expected a tensor name other than the reserved \"__metadata__\""
    );
    let nowhere = path("none").join("model.safetensors");
    let error = save(&nowhere, [("x", &x)], &Metadata::new()).unwrap_err();
    assert!(matches!(&error, Error::Io { path, .. } if *path == nowhere), "{error}");
}

#[test]
fn unreadable_files_are_named() {
    let missing = path("missing");
    assert!(matches!(load(&missing).unwrap_err(), Error::Io { path, .. } if path == missing));
    assert!(matches!(load(std::env::temp_dir()).unwrap_err(), Error::Io { .. }), "a folder");
    let garbage = path("garbage");
    std::fs::write(&garbage, b"PK\x03\x04 this is a zip archive").unwrap();
    let error = load(&garbage).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: not a safetensors file", garbage.display())), "{error}");
    std::fs::remove_file(garbage).unwrap();

    assert_eq!(refused(b"short"), "safetensors data: not a safetensors file: expected at least 8 bytes, got 5");
    assert!(refused(&u64::MAX.to_le_bytes()).contains("expected a header of 18446744073709551615 bytes, got 0"));
    assert!(refused(&[0; 8]).contains("expected a header that begins with '{'"));
    assert!(refused(&file(" {}", b"")).contains("expected a header that begins with '{'"));
    let line = |dtype: &str, shape: &str, end: u64| {
        format!(r#"{{"x":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{end}]}}}}"#)
    };
    assert!(
        refused(&file(&line("F32", "[2]", 8), &[0; 7])).contains("expected 8 bytes of data as in the header, got 7")
    );
    assert!(
        refused(&file(&line("F32", "[2]", 8), &[0; 9])).contains("expected 8 bytes of data as in the header, got 9")
    );
    assert!(
        refused(&file(&line("C64", "[1]", 8), &[0; 8])).contains("tensor \"x\": expected a type out of BOOL, U8, ")
    );
    let most = 1u64 << 62;
    assert!(refused(&file(&line("F32", "[1152921504606846976]", most), &[])).contains("as in the header, got 0"));
    assert!(refused(&file(&line("F32", "[0,18446744073709551615]", 0), &[])).contains("tensor \"x\": load: "));
    let nested = "{\"x\":".repeat(50_000);
    assert!(
        refused(&file(&nested, &[])).contains("expected the fields dtype, shape and data_offsets, got \"x\""),
        "no recursion"
    );
}

#[test]
fn a_header_longer_than_allowed() {
    let path = path("long");
    let file = std::fs::File::create(&path).unwrap();
    // A sparse file: only its length is stored.
    file.set_len(100_000_100).unwrap();
    std::io::Write::write_all(&mut &file, &100_000_001u64.to_le_bytes()).unwrap();
    let error = load(&path).unwrap_err().to_string();
    std::fs::remove_file(&path).unwrap();
    assert!(error.ends_with("expected a header of at most 100000000 bytes, got 100000001"), "{error}");
}

#[test]
fn every_truncation_is_refused() {
    let bytes = sample();
    for len in 0..bytes.len() {
        refused(&bytes[..len]);
    }
    refused(&[&bytes[..], &[0]].concat());
}

#[test]
fn mutated_bytes_do_not_panic() {
    let bytes = sample();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut state = 3u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    let (mut fine, mut bad) = (0, 0);
    for round in 0..40_000 {
        let mut changed = bytes.clone();
        for _ in 0..1 + random(3) {
            // Mostly in the header: any change of the data alone is another valid file.
            let place = random(if round % 8 == 0 { bytes.len() } else { header });
            changed[place] = if random(2) == 0 { random(256) as u8 } else { b"0123456789[]{}\",: \\"[random(19)] };
        }
        if random(10) == 0 {
            changed.truncate(random(changed.len()));
        }
        match from_bytes(&changed) {
            Ok((tensors, _)) => {
                let total: usize = tensors.values().map(|t| t.numel() * t.dtype().size()).sum();
                assert!(total <= changed.len(), "three changed bytes cannot produce a type that is widened");
                fine += 1;
            }
            Err(Error::Format { .. }) => bad += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(fine > 1_000 && bad > 10_000, "{fine} {bad}");
}

#[test]
fn saving_over_an_existing_file() {
    let path = path("again");
    for step in 0..20i64 {
        save(&path, [("step", Tensor::from(step))], &Metadata::new()).unwrap();
        let (tensors, _) = load(&path).unwrap();
        assert_eq!(tensors["step"].item_as::<i64>(), step);
    }
    std::fs::remove_file(&path).unwrap();
}
