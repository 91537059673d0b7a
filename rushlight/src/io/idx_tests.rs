use super::*;
use std::path::PathBuf;

fn sample() -> Idx {
    Idx::new(&[2, 3], IdxData::I16(vec![1, -2, 300, i16::MIN, i16::MAX, 0])).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn problem(bytes: &[u8]) -> Problem {
    let problem = parse(bytes).unwrap_err();
    let error = Idx::from_bytes(bytes).unwrap_err();
    assert!(matches!(error, Error::Format { .. }) && error.to_string() == format!("IDX data: {problem}"));
    problem
}

/// A directory for one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rushlight-idx-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(&self.0).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn every_type_there_and_back() {
    let folder = Folder::new("types");
    for (data, name) in [
        (IdxData::U8(vec![0, 255, 7]), "u8"),
        (IdxData::I8(vec![0, -128, 127]), "i8"),
        (IdxData::I16(vec![0, -300, i16::MAX]), "i16"),
        (IdxData::I32(vec![0, -70_000, i32::MAX]), "i32"),
        (IdxData::F32(vec![0.0, -1.5, f32::MIN_POSITIVE]), "f32"),
        (IdxData::F64(vec![0.0, 0.1, f64::INFINITY]), "f64"),
    ] {
        assert_eq!(data.type_name(), name);
        let idx = Idx::new(&[1, 3, 1], data).unwrap();
        assert_eq!(Idx::from_bytes(&idx.to_bytes()).unwrap(), idx);
        assert_eq!(Idx::from_bytes(&gzip(&idx.to_bytes())).unwrap(), idx);
        for file in [format!("{name}-idx"), format!("{name}-idx.gz")] {
            let path = folder.0.join(file);
            idx.write(&path).unwrap();
            idx.write(&path).unwrap(); // over what is there
            assert_eq!(Idx::read(&path).unwrap(), idx);
        }
        let packed = std::fs::read(folder.0.join(format!("{name}-idx.gz"))).unwrap();
        assert_eq!(packed[..2], GZIP_MAGIC);
        assert_eq!(std::fs::read(folder.0.join(format!("{name}-idx"))).unwrap(), idx.to_bytes());
    }
    assert_eq!(folder.names().len(), 12, "no temporary file stays");
}

#[test]
fn bytes_are_big_endian() {
    assert_eq!(
        sample().to_bytes(),
        [0, 0, 0x0b, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 1, 0xff, 0xfe, 1, 0x2c, 0x80, 0, 0x7f, 0xff, 0, 0]
    );
}

#[test]
fn unusual_shapes() {
    for (dims, len) in
        [(&[][..], 1), (&[0], 0), (&[5, 0, 7], 0), (&[u32::MAX as usize, 0, u32::MAX as usize], 0), (&[1; 255], 1)]
    {
        let idx = Idx::new(dims, IdxData::F64(vec![2.5; len])).unwrap();
        assert_eq!(Idx::from_bytes(&idx.to_bytes()).unwrap(), idx);
        assert_eq!(idx.data().is_empty(), len == 0);
        assert_eq!(idx.clone().into_parts(), (dims.to_vec(), IdxData::F64(vec![2.5; len])));
    }
}

#[test]
fn every_truncation_is_reported() {
    let bytes = sample().to_bytes();
    for len in 0..bytes.len() {
        match problem(&bytes[..len]) {
            Problem::HeaderTruncated { expected: 4, found } => assert!(len < 4 && found == len),
            Problem::HeaderTruncated { expected: 12, found } => assert!((4..12).contains(&len) && found == len),
            Problem::Truncated { dims, expected: 12, found } => assert!(dims == [2, 3] && found + 12 == len),
            other => panic!("{len}: {other}"),
        }
    }
    let packed = gzip(&bytes);
    for len in 0..packed.len() {
        let found = problem(&packed[..len]);
        match len {
            0 | 1 => assert!(matches!(found, Problem::HeaderTruncated { .. } | Problem::BadMagic(_))),
            _ => assert!(matches!(found, Problem::Gzip(_)), "{len}: {found}"),
        }
    }
}

#[test]
fn damage_is_reported() {
    let bytes = sample().to_bytes();
    let mut long = bytes.clone();
    long.push(0);
    assert!(matches!(problem(&long), Problem::TrailingBytes { expected: 12, .. }));
    assert!(matches!(problem(&gzip(&long)), Problem::TrailingBytes { expected: 12, .. }));
    let mut code = bytes.clone();
    code[2] = 0x0a;
    assert_eq!(
        problem(&code).to_string(),
        "not an IDX file: expected the first bytes 00, 00 and a type of 08, 09, 0b, 0c, 0d or 0e, got [00, 00, 0a, 02]"
    );
    assert!(matches!(problem(b"\x89PNG\r\n"), Problem::BadMagic(_)));
    // A valid gzip stream with a wrong checksum.
    let mut checksum = gzip(&bytes);
    let place = checksum.len() - 8;
    checksum[place] ^= 1;
    assert!(matches!(problem(&checksum), Problem::Gzip(_)));
    // Two gzip members are one stream; other trailing data are an error.
    let mut members = gzip(&bytes[..7]);
    members.extend(gzip(&bytes[7..]));
    assert_eq!(Idx::from_bytes(&members).unwrap(), sample());
    members.extend(b"tail");
    assert!(matches!(problem(&members), Problem::Gzip(_)));
}

#[test]
fn promises_cost_nothing() {
    // 2^96 elements, 4 GiB of elements of which none is there, and the same compressed.
    let huge = [&[0, 0, 0x0e, 3][..], &[0xff; 12]].concat();
    assert!(matches!(problem(&huge), Problem::TooLarge { .. }));
    let large = [&[0, 0, 8, 1][..], &[0xff; 4], &[1, 2, 3]].concat();
    assert!(matches!(problem(&large), Problem::Truncated { found: 3, expected: 0xffff_ffff, .. }));
    assert!(matches!(problem(&gzip(&large)), Problem::Truncated { found: 3, .. }));
    // 64 MiB of zeros after an array of one: decompression stops at the second byte, before the damage at the end of the stream.
    let mut bomb = gzip(&[&[0, 0, 8, 0, 9][..], &vec![0; 64 << 20]].concat());
    let length = bomb.len();
    assert!(length < 100_000);
    bomb.truncate(length - 100);
    assert!(matches!(problem(&bomb), Problem::TrailingBytes { expected: 1, .. }));
}

#[test]
fn no_bytes_make_it_panic() {
    let mut state = 1u64;
    let mut random = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as u8
    };
    let (plain, packed) = (sample().to_bytes(), gzip(&sample().to_bytes()));
    for round in 0..30_000 {
        let mut bytes = match round % 3 {
            0 => plain.clone(),
            1 => packed.clone(),
            _ => (0..random() as usize).map(|_| random()).collect(),
        };
        for _ in 0..1 + random() % 4 {
            if !bytes.is_empty() {
                let place = random() as usize % bytes.len();
                bytes[place] = random();
            }
        }
        if let Ok(idx) = Idx::from_bytes(&bytes) {
            assert_eq!(idx.dims().iter().product::<usize>(), idx.data().len());
        }
    }
}

#[test]
fn files_that_cannot_be_read_or_written() {
    let folder = Folder::new("files");
    let missing = folder.0.join("train-images");
    let error = Idx::read(&missing).unwrap_err();
    assert!(matches!(&error, Error::Io { path, .. } if *path == missing));
    assert!(error.to_string().starts_with(&format!("{}: ", missing.display())), "{error}");
    assert!(matches!(Idx::read(&folder.0), Err(Error::Io { .. })), "a folder");

    std::fs::write(&missing, b"\x1f\x8bnot gzip").unwrap();
    assert!(Idx::read(&missing).unwrap_err().to_string().contains("train-images: damaged gzip data: "));

    let nowhere = folder.0.join("none").join("a");
    assert!(matches!(sample().write(&nowhere), Err(Error::Io { path, .. }) if path == nowhere));
    // A folder at the path: the file cannot replace it, and the temporary file is removed.
    let taken = folder.0.join("taken");
    std::fs::create_dir(&taken).unwrap();
    assert!(matches!(sample().write(&taken), Err(Error::Io { .. })));
    assert_eq!(folder.names(), ["taken", "train-images"]);
}

#[test]
fn arrays_that_the_format_cannot_hold() {
    let error = |dims: &[usize], len| Idx::new(dims, IdxData::U8(vec![0; len])).unwrap_err().to_string();
    assert_eq!(error(&[2, 3], 5), "Idx: 5 elements do not make an array of [2, 3]");
    assert!(error(&[1; 256], 1).contains("at most 255 dimensions"));
    assert!(error(&[1 << 32, 0], 0).contains("each below 2^32"));
    assert!(error(&[u32::MAX as usize; 5], 1).contains("1 elements do not make"));
}
