//! NumPy's formats against NumPy's own files, and against corrupted data.

use rushlight::io::{npy, npz};
use rushlight::{Bf16, DType, Error, Tensor};
use std::fs;
use std::path::{Path, PathBuf};

/// A file written by `golden/generate_npy.py`.
fn golden(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/npy").join(name)).unwrap()
}

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("rushlight-npy-{}-{name}", std::process::id()))
}

fn refused(bytes: &[u8]) -> String {
    let error = npy::from_bytes(bytes).unwrap_err();
    assert!(matches!(error, Error::Format { .. }), "{error:?}");
    error.to_string()
}

fn refused_archive(bytes: &[u8]) -> String {
    let error = npz::from_bytes(bytes).map(|arrays| arrays.len()).unwrap_err();
    assert!(matches!(error, Error::Format { .. }), "{error:?}");
    error.to_string()
}

/// A file of version 1.0 with this header and data.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

#[test]
fn reads_and_writes_what_numpy_writes() {
    let real = [0.0, -0.0, 1.5, -2.25, 65504.0, 2f64.powi(-24)];
    for (code, dtype, values) in [
        ("b1", DType::Bool, vec![1.0, 0.0, 1.0]),
        ("u1", DType::U8, vec![0.0, 1.0, 100.0]),
        ("i1", DType::I8, vec![-128.0, 0.0, 1.0, 100.0, 127.0]),
        ("i2", DType::I16, vec![-32768.0, 0.0, 1.0, 100.0, 32767.0]),
        ("i4", DType::I32, vec![-2147483648.0, 0.0, 1.0, 100.0, 2147483647.0]),
        ("f2", DType::F16, real.to_vec()),
        ("f4", DType::F32, real.to_vec()),
        ("f8", DType::F64, real.to_vec()),
    ] {
        let bytes = golden(&format!("{code}.npy"));
        let tensor = npy::from_bytes(&bytes).unwrap();
        let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let found = tensor.to_dtype(DType::F64).to_vec::<f64>();
        assert_eq!((tensor.dtype(), bits(&found)), (dtype, bits(&values)), "{code}");
        assert_eq!(npy::to_bytes(&tensor).unwrap(), bytes, "{code}");
        if dtype.size() > 1 {
            let swapped = npy::from_bytes(&golden(&format!("{code}_big.npy"))).unwrap();
            assert_eq!(npy::to_bytes(&swapped).unwrap(), bytes, "{code}, big endian");
        }
    }
    for name in ["i8.npy", "i8_big.npy"] {
        let tensor = npy::from_bytes(&golden(name)).unwrap();
        assert_eq!(tensor.to_vec::<i64>(), [i64::MIN, 0, 1, 100, i64::MAX]);
        assert_eq!(npy::to_bytes(&tensor).unwrap(), golden("i8.npy"));
    }
}

#[test]
fn orders_shapes_and_versions() {
    let cube = npy::from_bytes(&golden("fortran.npy")).unwrap();
    assert_eq!((cube.shape(), cube.stride()), (&[2, 3, 4][..], &[1, 2, 6][..]));
    assert_eq!(cube.to_vec::<i32>(), (0..24).collect::<Vec<i32>>());
    let scalar = npy::from_bytes(&golden("scalar.npy")).unwrap();
    assert_eq!((scalar.dim(), scalar.item()), (0, 3.25));
    let empty = npy::from_bytes(&golden("empty.npy")).unwrap();
    assert_eq!((empty.shape(), empty.dtype()), (&[2, 0, 3][..], DType::F64));
    let single = npy::from_bytes(&golden("single.npy")).unwrap();
    assert_eq!((single.shape(), single.item()), (&[1][..], 7.0));
    let row = npy::from_bytes(&golden("row.npy")).unwrap();
    assert_eq!((row.shape(), row.to_vec::<f32>()), (&[1, 5][..], vec![0.0, 1.0, 2.0, 3.0, 4.0]));
    for (name, tensor) in
        [("fortran", &cube), ("scalar", &scalar), ("empty", &empty), ("single", &single), ("row", &row)]
    {
        assert_eq!(npy::to_bytes(tensor).unwrap(), golden(&format!("{name}.npy")), "{name}");
    }
    for version in ["version_2.npy", "version_3.npy"] {
        let tensor = npy::from_bytes(&golden(version)).unwrap();
        assert_eq!((tensor.shape(), tensor.to_vec::<f32>()), (&[2, 3][..], vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
    }
    // Neither order: written row-major.
    let part = cube.narrow(1, 0, 2).permute([1, 0, 2]);
    let again = npy::from_bytes(&npy::to_bytes(&part).unwrap()).unwrap();
    assert_eq!((again.stride(), again.to_vec::<i32>()), (&[8, 4, 1][..], part.to_vec::<i32>()));
}

#[test]
fn files() {
    let path = path("array.npy");
    let tensor = Tensor::randn([300, 200]);
    npy::save(&path, &tensor.t()).unwrap();
    assert_eq!(npy::load(&path).unwrap().t().to_vec::<f32>(), tensor.to_vec::<f32>());
    fs::write(&path, golden("refused_uint16.npy")).unwrap();
    let error = npy::load(&path).unwrap_err();
    assert!(error.to_string().starts_with(&format!("{}: expected elements of type", path.display())), "{error}");
    fs::remove_file(&path).unwrap();
    assert!(matches!(npy::load(&path), Err(Error::Io { .. })));
    let error = npy::to_bytes(&Tensor::from([Bf16::default()])).unwrap_err();
    assert_eq!(error.to_string(), "npy: expected a dtype that NumPy has, got bfloat16; to_dtype converts");
}

#[test]
fn other_types_are_named() {
    for (name, part) in [
        ("uint16", "\"<u2\" (uint16)"),
        ("uint32", "\">u4\" (uint32)"),
        ("uint64", "\"<u8\" (uint64)"),
        ("complex", "complex numbers"),
        ("text", "strings"),
        ("records", "an array of records"),
        ("objects", "Python objects"),
    ] {
        let message = refused(&golden(&format!("refused_{name}.npy")));
        assert!(message.starts_with("npy data: ") && message.contains(part), "{message}");
    }
}

#[test]
fn forged_arrays() {
    let whole = golden("i4.npy");
    for end in 0..whole.len() {
        refused(&whole[..end]);
    }
    assert!(refused(&[&whole[..], &[0]].concat()).contains("trailing bytes after the npy data: expected 20 bytes"));
    assert!(refused(&whole[..147]).contains("truncated npy data: expected 20 bytes for int32 of shape [5], got 19"));
    let with = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        refused(&bytes)
    };
    assert!(with(0, 0).contains("expected the first bytes 93, 'NUMPY'"));
    assert!(with(6, 4).contains("version 1.0, 2.0 or 3.0 of the npy format, got 4.0"));
    assert!(with(7, 1).contains("got 1.1"));
    assert!(with(9, 1).contains("expected a header of 374 bytes"));
    let long = [b"\x93NUMPY\x02\x00", &20_000u32.to_le_bytes()[..], &[b' '; 20_000]].concat();
    assert!(refused(&long).contains("at most 10000 bytes, got 20000"));
    let of =
        |shape: &str| refused(&file(&format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}"), &[]));
    assert!(
        of("(1000000000000,)").contains("expected 8000000000000 bytes for float64 of shape [1000000000000], got 0")
    );
    assert!(of("(4294967296, 4294967296, 0)").contains("fits in memory"));
    assert!(of("(18446744073709551615,)").contains("load: "));
    assert!(of("(1, 1, 1, 1, 1, 1, 1, 1, 1)").contains("8 dimensions"));
    // Any byte of a bool is a bool.
    let bytes = file("{'descr': '|b1', 'fortran_order': False, 'shape': (3,)}", &[0, 7, 255]);
    assert_eq!(npy::from_bytes(&bytes).unwrap().to_vec::<bool>(), [false, true, true]);
}

fn check_archive(arrays: &npz::Arrays) {
    assert_eq!(arrays.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["x", "ünï/y", "n", "zeros"]);
    assert_eq!((arrays.len(), arrays.is_empty(), arrays.get("y").is_none()), (4, false, true));
    assert_eq!((arrays["x"].shape(), arrays["x"].to_vec::<f32>()), (&[2, 3][..], vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
    assert_eq!((arrays["ünï/y"].stride(), arrays["ünï/y"].sum().item()), (&[1, 2, 6][..], 276.0));
    assert_eq!(arrays["n"].item_as::<i64>(), 5);
    assert_eq!(arrays["zeros"].to_vec::<f64>(), [0.0; 1000]);
}

#[test]
fn archives_of_numpy() {
    for name in ["stored.npz", "deflated.npz", "zip64.npz"] {
        let bytes = golden(name);
        let arrays = npz::from_bytes(&bytes).unwrap();
        check_archive(&arrays);
        check_archive(&npz::from_bytes(&npz::to_bytes(arrays.clone()).unwrap()).unwrap());
        let compressed = npz::to_bytes_compressed(arrays.iter()).unwrap();
        assert!(compressed.len() < 1500, "{}", compressed.len());
        check_archive(&npz::from_bytes(&compressed).unwrap());
    }
    let path = path("arrays.npz");
    let empty: [(&str, Tensor); 0] = [];
    npz::save(&path, empty).unwrap();
    assert!(npz::load(&path).unwrap().is_empty());
    npz::save(&path, npz::from_bytes(&golden("stored.npz")).unwrap()).unwrap();
    check_archive(&npz::load(&path).unwrap());
    npz::save_compressed(&path, npz::load(&path).unwrap()).unwrap();
    check_archive(&npz::load(&path).unwrap());
    fs::write(&path, b"PK").unwrap();
    let error = npz::load(&path).map(|arrays| arrays.len()).unwrap_err();
    assert!(error.to_string().starts_with(&format!("{}: not a zip archive", path.display())), "{error}");
    fs::remove_file(&path).unwrap();
    assert!(matches!(npz::load(&path), Err(Error::Io { .. })));
}

#[test]
fn names_that_archives_cannot_have() {
    let one = Tensor::ones([1]);
    let refused = |names: &[&str]| npz::to_bytes(names.iter().map(|name| (*name, &one))).unwrap_err().to_string();
    assert!(refused(&["a", "b", "a"]).contains("npz: expected distinct names, got \"a\" twice"));
    for name in ["", "/a", "../a", "a/../b", "./a", "a\\b", "a//b"] {
        assert!(refused(&[name]).contains(&format!("got {name:?}")), "{}", refused(&[name]));
    }
    assert!(refused(&[&"a".repeat(70_000)]).contains("65531 bytes"));
    assert!(npz::to_bytes([("b", Tensor::from([Bf16::default()]))]).is_err());
    assert_eq!(npz::from_bytes(&npz::to_bytes([("a.npy", &one)]).unwrap()).unwrap()["a.npy"].item(), 1.0);
}

/// The position of the `n`-th record of the central directory.
fn record(bytes: &[u8], n: usize) -> usize {
    let found = bytes.windows(4).enumerate().filter(|(_, window)| *window == b"PK\x01\x02");
    found.map(|(at, _)| at).nth(n).unwrap()
}

#[test]
fn forged_archives() {
    assert!(refused_archive(&golden("refused_method.npz")).contains("array \"x\": expected a stored file"));
    let whole = golden("deflated.npz");
    for end in 0..whole.len() {
        refused_archive(&whole[..end]);
    }
    let patched = |bytes: &[u8], n: usize, at: usize, with: &[u8]| {
        let mut bytes = bytes.to_vec();
        let start = record(&bytes, n) + at;
        bytes[start..start + with.len()].copy_from_slice(with);
        refused_archive(&bytes)
    };
    assert!(patched(&whole, 0, 8, &[1]).contains("array \"x\": expected an archive without encryption"));
    assert!(patched(&whole, 0, 16, &[0; 4]).contains("array \"x\": damaged data"));
    assert!(patched(&whole, 0, 10, &[0]).contains("array \"x\": expected at most"));
    assert!(patched(&whole, 0, 46, b"n").contains("expected distinct names, got \"n\" twice"));
    assert!(patched(&whole, 0, 48, b"x").contains("expected an archive of .npy files, got \"x.xpy\""));
    // Sizes that the compressed bytes cannot yield, or that the array does not have.
    assert!(patched(&whole, 3, 24, &[0xff, 0xff, 0xff, 0x7f]).contains("array \"zeros\": expected at most"));
    assert!(patched(&whole, 3, 24, &[0, 1]).contains("array \"zeros\": truncated npy data"));
    assert!(patched(&whole, 3, 20, &[0xff, 0xff]).contains("compressed bytes in all"));
    // All files of the archive are the largest one: the same bytes would be read again and again.
    let stored = golden("stored.npz");
    let mut same = stored.clone();
    let last = record(&same, 3);
    let (sizes, offset) = (same[last + 16..last + 28].to_vec(), same[last + 42..last + 46].to_vec());
    for n in 0..3 {
        let at = record(&same, n);
        same[at + 16..at + 28].copy_from_slice(&sizes);
        same[at + 42..at + 46].copy_from_slice(&offset);
    }
    assert!(refused_archive(&same).contains("compressed bytes in all"));
    // A damaged element is found by the checksum.
    let mut damaged = stored.clone();
    damaged[300] ^= 1;
    assert!(refused_archive(&damaged).contains("array "));
}

#[test]
fn an_archive_ends_where_its_array_ends() {
    // 64 MiB of zeros after an array of one element.
    let array = [file("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", &[5]), vec![0; 64 << 20]].concat();
    let mut bytes = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
    let (mut entry, config) =
        archive.new_file("a.npy").compression_method(rawzip::CompressionMethod::DEFLATE).start().unwrap();
    let mut out = config.wrap(flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::best()));
    std::io::Write::write_all(&mut out, &array).unwrap();
    let (encoder, descriptor) = out.finish().unwrap();
    encoder.finish().unwrap();
    entry.finish(descriptor).unwrap();
    archive.finish().unwrap();
    assert!(bytes.len() < 100_000);
    assert!(refused_archive(&bytes).contains("array \"a\": trailing bytes after the npy data: expected 1 bytes"));
    // With the size of the array itself in the directory, the stream goes on after it.
    let at = record(&bytes, 0) + 24;
    let size = (array.len() - (64 << 20)) as u32;
    bytes[at..at + 4].copy_from_slice(&size.to_le_bytes());
    assert!(refused_archive(&bytes).contains("array \"a\": damaged data"));
}

#[test]
fn no_bytes_make_it_panic() {
    let mut state = 1u64;
    let mut random = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize
    };
    let wholes = ["i4.npy", "fortran.npy", "version_2.npy", "deflated.npz", "zip64.npz"].map(golden);
    for round in 0..20_000 {
        let mut bytes = wholes[round % wholes.len()].clone();
        for _ in 0..1 + random() % 4 {
            let at = random() % bytes.len();
            bytes[at] = random() as u8;
        }
        if let Ok(tensor) = npy::from_bytes(&bytes) {
            let again = npy::from_bytes(&npy::to_bytes(&tensor).unwrap()).unwrap();
            assert_eq!((again.dtype(), again.shape()), (tensor.dtype(), tensor.shape()));
        }
        if let Ok(arrays) = npz::from_bytes(&bytes) {
            assert_eq!(arrays.iter().count(), 4);
        }
    }
}
