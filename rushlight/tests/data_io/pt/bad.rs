//! Files that are refused: damaged, lying, hostile, or of things that are not data.

use super::golden;
use rawzip::{CompressionMethod, ZipArchiveWriter};
use rushlight::Error;
use rushlight::io::pt::{Value, from_bytes, load};
use std::io::Write;

#[track_caller]
fn refused(bytes: &[u8]) -> String {
    let error = from_bytes(bytes).unwrap_err();
    assert!(matches!(error, Error::Format { .. }), "{error:?}");
    error.to_string()
}

/// An archive of stored records, under the names as they are.
fn zip(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipArchiveWriter::new(Vec::new());
    for (name, data) in records {
        let (mut entry, config) = archive.new_file(*name).compression_method(CompressionMethod::STORE).start().unwrap();
        let mut out = config.wrap(&mut entry);
        out.write_all(data).unwrap();
        let (_, descriptor) = out.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap()
}

/// A file of the old format with this object (without protocol and end), storage keys and storages.
fn old(object: &[u8], rest: &[u8]) -> Vec<u8> {
    [
        b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.",
        &b"\x80\x02M\xe9\x03."[..],
        b"\x80\x02}.",
        b"\x80\x02",
        object,
        b".",
        rest,
    ]
    .concat()
}

const NO_STORAGES: &[u8] = b"\x80\x02].";

/// The opcodes of a tensor of `numel` float32 in storage "0", with the opcodes of its offset, sizes and strides.
fn tensor(numel: &[u8], place: &[u8]) -> Vec<u8> {
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpu",
        numel,
        b"tQ",
        place,
        b"\x89}tR",
    ]
    .concat()
}

/// The key of storage "0", and two elements.
const TWO: &[u8] = b"\x80\x02](X\x01\0\0\x000e.\x02\0\0\0\0\0\0\0\0\0\x80?\0\0\0@";

#[test]
fn nothing_is_executed() {
    for name in ["refused_malicious.pt", "refused_malicious_old.pth"] {
        let error = load(golden(name)).unwrap_err().to_string();
        assert!(
            error.contains(
                "the Python object \"posix.system\", which is not loaded; nothing in a file is ever executed"
            ),
            "{error}"
        );
    }
    assert!(!std::path::Path::new("executed").exists());
}

#[test]
fn what_is_not_data() {
    for (name, part) in [
        ("refused_module.pt", "the Python object \"torch.nn.modules.linear.Linear\""),
        ("refused_module.pt", "torch.save(model.state_dict(), path)"),
        ("refused_module_old.pth", "the Python object \"torch.nn.modules.linear.Linear\""),
        ("refused_global.pt", "the Python object \"collections.deque\""),
        ("refused_script.pt", "got a TorchScript program, which is not executed"),
        (
            "refused_complex.pt",
            "[\"a\"][1]: expected a tensor of a dtype that this library has, got one of a ComplexFloatStorage",
        ),
        (
            "refused_complex_old.pth",
            "[\"a\"][1]: expected a tensor of a dtype that this library has, got one of a ComplexFloatStorage",
        ),
        (
            "refused_uint16.pt",
            "[\"a\"]: expected a strided tensor of a dtype that this library has, got a tensor of a dtype uint16",
        ),
        (
            "refused_quantized.pt",
            "[\"a\"]: expected a strided tensor of a dtype that this library has, got a tensor with quantized elements",
        ),
    ] {
        let path = golden(name);
        let error = load(&path).unwrap_err().to_string();
        assert!(error.starts_with(&path.display().to_string()) && error.contains(part), "{name}: {error}");
    }
}

#[test]
fn what_is_no_file_of_pytorchs() {
    assert_eq!(refused(b""), "pt data: expected a file of PyTorch's, got an empty one");
    assert!(refused(b"{\"a\": 1}").ends_with("or of PyTorch's magic number, got [7b, 22, 61, 22]"));
    assert!(
        refused(b"\x80\x04N.")
            .ends_with("expected a file that torch.save wrote, got another pickle, or a damaged magic number")
    );
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    assert!(refused(&tar).ends_with("got a tar archive"));
    assert!(refused(b"PK\x03\x04").contains("not a zip archive, or damaged"));
    assert!(matches!(load(std::env::temp_dir()).unwrap_err(), Error::Io { .. }));
    assert!(matches!(load("none.pt").unwrap_err(), Error::Io { .. }));
}

#[test]
fn records_of_archives() {
    let pkl: &[u8] = b"\x80\x02N.";
    assert!(from_bytes(&zip(&[("a/data.pkl", pkl)])).unwrap().is_none());
    assert!(from_bytes(&zip(&[("data.pkl", pkl)])).unwrap().is_none(), "no folder at all");
    let error = |records: &[(&str, &[u8])]| refused(&zip(records));
    assert!(error(&[("a/version", b"3")]).ends_with("got a zip archive without data.pkl"));
    assert!(error(&[("a/data.pkl", b"\x80\x02N.N.")]).ends_with("expected one object in data.pkl, got 2 more bytes"));
    assert!(error(&[("a/data.pkl", pkl), ("a/data.pkl", pkl)]).ends_with("got \"data.pkl\" twice"));
    assert!(
        error(&[("a/data.pkl", pkl), ("b/version", b"3")])
            .contains("expected all records in one folder, got \"b/version\"")
    );
    assert!(
        error(&[("a/data.pkl", pkl), ("a/\0", b"")])
            .ends_with("expected names of records that are relative paths, got \"a/\\0\"")
    );
    assert!(
        error(&[("a/data.pkl", pkl), ("a/byteorder", b"middle")])
            .ends_with("expected the byte order little or big, got \"middle\"")
    );

    // The writer of archives makes paths relative.
    let mut up = zip(&[("a/data.pkl", pkl), ("a/xx/y", b"3")]);
    replace(&mut up, b"a/xx/y", b"a/../y");
    assert!(refused(&up).ends_with("relative paths, got \"a/../y\""));
    replace(&mut up, b"a/../y", b"/etc/y");
    assert!(refused(&up).ends_with("relative paths, got \"/etc/y\""));

    let one = tensor(b"K\x02", b"K\0K\x02\x85K\x01\x85");
    let pkl = [b"\x80\x02", &one[..], b"."].concat();
    let two = [0, 0, 128, 63, 0, 0, 0, 64];
    let good = zip(&[("a/data.pkl", &pkl), ("a/data/0", &two)]);
    assert_eq!(super::tensor(&from_bytes(&good).unwrap()).to_vec::<f32>(), [1.0, 2.0]);
    assert!(error(&[("a/data.pkl", &pkl)]).ends_with("expected a record \"data/0\", got none"));
    assert!(
        error(&[("a/data.pkl", &pkl), ("a/data/0", &two[1..])]).ends_with("record \"data/0\": expected 8 bytes, got 7")
    );
    let mut flipped = good.clone();
    replace(&mut flipped, &two, &[0, 0, 128, 63, 0, 0, 0, 65]);
    assert!(refused(&flipped).contains("record \"data/0\": expected the checksum "));
}

fn find(bytes: &[u8], pattern: &[u8], from: usize) -> usize {
    from + bytes[from..].windows(pattern.len()).position(|window| window == pattern).expect("the pattern")
}

/// Replaces a pattern everywhere.
fn replace(bytes: &mut [u8], old: &[u8], new: &[u8]) {
    while let Some(place) = bytes.windows(old.len()).position(|window| window == old) {
        bytes[place..][..new.len()].copy_from_slice(new);
    }
}

#[test]
fn lying_archives() {
    let good = zip(&[("a/data.pkl", b"\x80\x02N."), ("a/x", b"1234"), ("a/y", b"5678")]);
    from_bytes(&good).unwrap();
    let first = find(&good, b"PK\x01\x02", 0);
    let second = find(&good, b"PK\x01\x02", first + 1);
    let third = find(&good, b"PK\x01\x02", second + 1);
    let changed = |at: usize, with: &[u8]| {
        let mut bytes = good.clone();
        bytes[at..][..with.len()].copy_from_slice(with);
        refused(&bytes)
    };
    // The local header of "y" is where that of "x" is.
    let offset = good[second + 42..][..4].to_vec();
    assert!(changed(third + 42, &offset).contains("expected records that do not overlap"));
    // A size of 4 GB.
    assert!(changed(second + 24, &[0xf0, 0xff, 0xff, 0xff]).contains("expected 4294967280 stored bytes, got 4"));
    assert!(
        changed(second + 20, &[0xf0, 0xff, 0xff, 0xff, 0xf0, 0xff, 0xff, 0xff])
            .contains("truncated: record \"x\" ends at 42949")
    );
    // Compressed with Deflate.
    assert!(changed(first + 10, &[8]).contains("record \"data.pkl\": expected a stored record"));
    assert!(changed(first + 8, &[9]).contains("record \"data.pkl\": expected a stored record"));
    // A file that ends early, or whose directory says so.
    let end = find(&good, b"PK\x05\x06", 0);
    let error = changed(end + 8, &[4, 0, 4, 0]);
    assert!(error.contains("in the archive, got 3") || error.contains("damaged"), "{error}");
}

#[test]
fn lying_pickles() {
    let error = |object: &[u8]| refused(&old(object, NO_STORAGES));
    assert!(from_bytes(&old(b"N", NO_STORAGES)).unwrap().is_none());
    assert!(error(b"X\xff\xff\xff\xff").contains("truncated: expected 4294967295 bytes for a string"));
    assert!(
        error(b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff")
            .contains("truncated: expected 18446744073709551615 bytes for a string")
    );
    assert!(error(b"\x8b\xff\xff\xff\xffa").contains("bytes for an integer"));
    assert!(error(b"C\x10a").contains("bytes for bytes"));
    assert!(error(b"X\x02\0\0\0\xff\xff").contains("expected a string in UTF-8"));
    assert!(error(b"h\x07").ends_with("expected an object of the memo, got the unused index 7"));
    assert!(error(b"r\xff\xff\xff\xff").ends_with("expected an object on the stack, got none"));
    assert!(error(b"0").ends_with("expected 1 objects on the stack, got 0"));
    assert!(error(b"N(\x87").ends_with("expected 3 objects on the stack, got 0"), "not those before a mark");
    assert!(error(b"t").ends_with("expected a mark on the stack, got none"));
    assert!(error(b"}(K\x01u").contains("expected keys with values"));
    assert!(error(b"}]Ns").contains("expected a key that is a string, a number or a tuple of these, got a list of 0"));
    assert!(error(b"NNa").ends_with("expected a list to add to, got another object"));
    assert!(error(b"NNR").ends_with("expected a class or function in front of arguments, got other data"));
    assert!(error(b"ctorch\nSize\n").ends_with("expected data, got a class or a function"));
    assert!(error(b"I1\n").contains("expected an opcode of pickle protocols 2 to 5, got 0x49"));
    assert!(error(b"\x80\x01N").contains("expected a pickle of protocol 2 to 5, got 1"));
    assert!(error(b"cos\nsystem\nX\x02\0\0\0ls\x85R").contains("the Python object \"os.system\""));
    assert!(error(b"cbuiltins\neval\n").contains("the Python object \"builtins.eval\""));
    assert!(error(b"X\x02\0\0\0osX\x06\0\0\0system\x93").contains("the Python object \"os.system\""));
    let long = [b"c", &[b'a'; 2000][..], b"\n\n"].concat();
    assert!(error(&long).contains("expected a module of at most 1000 bytes"));
    assert!(error(b"ctorch\ncomplex64\n").contains("expected a dtype that this library has, got complex64"));
}

#[test]
fn lying_tensors() {
    let error = |numel: &[u8], place: &[u8]| refused(&old(&tensor(numel, place), TWO));
    let good = old(&tensor(b"K\x02", b"K\0K\x02\x85K\x01\x85"), TWO);
    assert_eq!(super::tensor(&from_bytes(&good).unwrap()).to_vec::<f32>(), [1.0, 2.0]);

    assert!(
        error(b"K\x02", b"K\x01K\x02\x85K\x01\x85")
            .contains("expected elements inside of a storage of 2, got sizes [2] with strides [1] from 1")
    );
    assert!(error(b"K\x02", b"K\0K\x02\x85K\x02\x85").contains("expected elements inside of a storage of 2"));
    assert!(error(b"K\x02", b"J\xff\xff\xff\xffK\x01\x85K\x01\x85").contains("from -1"));
    assert!(error(b"K\x02", b"K\x01K\x02\x85J\xff\xff\xff\xff\x85").contains("with strides [-1]"));
    assert!(error(b"K\x02", b"K\0J\xff\xff\xff\xff\x85K\x01\x85").contains("expected sizes that are not negative"));
    assert!(error(b"K\x02", b"K\0K\x02\x85)").contains("with strides []"));
    let most = b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f";
    assert!(
        error(b"K\x02", &[b"K\0", &most[..], most, b"\x86)"].concat()).contains("expected a shape that fits in memory")
    );
    assert!(
        error(b"K\x02", &[b"K\0K\x02K\x02\x86", &most[..], most, b"\x86"].concat())
            .contains("expected elements inside of a storage")
    );
    assert!(
        error(
            b"K\x02",
            b"K\0(K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01t(K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01t"
        )
        .contains("dimensions")
    );
    // Four terabytes.
    let error = error(b"\x8a\x06\0\0\0\0\0\x01", b"K\0K\x02\x85K\x01\x85");
    assert!(error.contains("storage \"0\": expected 1099511627776 elements, got 2"), "{error}");
    let claims = [&TWO[..12], b"\0\0\0\0\0\x01\0\0"].concat();
    let error = refused(&old(&tensor(b"\x8a\x06\0\0\0\0\0\x01", b"K\0K\x02\x85K\x01\x85"), &claims));
    assert!(error.contains("truncated: expected 4398046511104 bytes for storage \"0\", got 0"), "{error}");

    // Two sizes of one storage, a storage that the list does not name, one that it names twice, and more bytes.
    let pair =
        [tensor(b"K\x02", b"K\0K\x02\x85K\x01\x85"), tensor(b"K\x01", b"K\0K\x01\x85K\x01\x85"), b"\x86".to_vec()]
            .concat();
    assert!(refused(&old(&pair, TWO)).contains("expected the same type and size each time, got FloatStorage of 2"));
    assert!(
        refused(&old(&tensor(b"K\x02", b"K\0K\x02\x85K\x01\x85"), NO_STORAGES))
            .contains("expected the keys of 1 storages, got 0")
    );
    assert!(
        refused(&[&good[..], b"."].concat())
            .contains("expected the end of the file after the last storage, got 1 more bytes")
    );
    assert!(refused(&old(b"N", TWO)).contains("expected the keys of 0 storages, got 1"));
}

#[test]
fn few_bytes_that_stand_for_many() {
    // Each list holds the one before twice: 2^60 elements.
    let mut bomb = b"]q\0".to_vec();
    for i in 0..60u8 {
        bomb.extend([b']', b'q', i + 1, b'(', b'h', i, b'h', i, b'e']);
    }
    assert!(refused(&old(&bomb, NO_STORAGES)).ends_with("got far more by repetition"));
    // A string of 64 KB ten thousand times.
    let text = [b"](X\0\0\x01\0", &[b'a'; 1 << 16][..], b"q\0", &b"h\0".repeat(10_000), b"e"].concat();
    assert!(refused(&old(&text, NO_STORAGES)).ends_with("got far more by repetition"));
    // A list of 1000 elements made into a set ten thousand times.
    let sets = [b"](", &b"N".repeat(1000)[..], b"e\x85q\0", &b"cbuiltins\nset\nh\0R".repeat(100)].concat();
    assert!(refused(&old(&sets, NO_STORAGES)).ends_with("got more by copies of the same ones"));
    // A list in itself, and lists in lists.
    assert!(
        refused(&old(b"]q\0h\0a", NO_STORAGES))
            .ends_with("expected at most 100 levels of lists, tuples and dicts, got more")
    );
    let deep = [b"]".repeat(100_000), b"a".repeat(99_999)].concat();
    assert!(
        refused(&old(&deep, NO_STORAGES)).ends_with("expected at most 100 levels of lists, tuples and dicts, got more")
    );
    // Sparse tensors whose parts repeat one element.
    let part = tensor(b"K\x01", b"K\0J\0\0\0\x01\x85K\0\x85");
    let sparse =
        [b"ctorch._utils\n_rebuild_sparse_tensor\nX\x10\0\0\0torch.sparse_coo(", &part[..], &part, b"K\x01\x85t\x86R"]
            .concat();
    let one = b"\x80\x02](X\x01\0\0\x000e.\x01\0\0\0\0\0\0\0\0\0\x80?";
    assert!(
        refused(&old(&sparse, one))
            .ends_with("expected indices and values of a sparse tensor without repetition, got others")
    );
}

#[test]
fn every_truncation_is_refused() {
    for name in ["sharing.pt", "sharing_old.pth"] {
        let bytes = std::fs::read(golden(name)).unwrap();
        for len in 0..bytes.len() {
            refused(&bytes[..len]);
        }
    }
}

#[test]
fn mutated_bytes_do_not_panic() {
    let mut state = 3u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    for (name, pickled) in
        [("values_old.pth", 2100), ("sharing_old.pth", 1000), ("sharing.pt", 1500), ("sparse.pt", 800)]
    {
        let bytes = std::fs::read(golden(name)).unwrap();
        let (mut fine, mut bad) = (0, 0);
        for round in 0..2_000 {
            let mut changed = bytes.clone();
            for _ in 0..1 + random(3) {
                let place = random(if round % 8 == 0 { bytes.len() } else { pickled });
                changed[place] = if random(2) == 0 { random(256) as u8 } else { b"().Q]}hqK\x85\x86R"[random(12)] };
            }
            // Archives have checksums, which PyTorch can leave out.
            if name.ends_with(".pt") {
                let directory = find(&changed, b"PK\x01\x02", 0);
                changed[directory + 16..][..4].fill(0);
            }
            match from_bytes(&changed) {
                Ok(_) => fine += 1,
                Err(Error::Format { .. }) => bad += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        assert!(fine > 20 && bad > 500, "{name}: {fine} {bad}");
    }
}

#[test]
fn values_of_other_kinds() {
    let error = |result: rushlight::Result<i64>| result.unwrap_err().to_string();
    assert_eq!(error(i64::try_from(&Value::from("3"))), "pt: expected an integer of 64 bits, got a string");
    assert_eq!(error(i64::try_from(&Value::from(0.5))), "pt: expected an integer of 64 bits, got a float");
    let dict = Value::dict([("epoch", 3)]);
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| dict["loss"].is_none())).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert_eq!(message, "expected one of the keys [\"epoch\"], got \"loss\"");
}
