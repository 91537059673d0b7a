use super::*;
use serde_json::{Map, Value};

/// The header as a general JSON reader sees it, for those that ours accepts.
fn by_serde(json: &[u8]) -> Option<Header> {
    let map: Map<String, Value> = serde_json::from_slice(json).ok()?;
    let mut header = Header::default();
    for (name, value) in map {
        if name == METADATA {
            let texts = value.as_object()?.iter();
            header.metadata = texts.map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect::<Option<_>>()?;
            continue;
        }
        let numbers = |field: &str| -> Option<Vec<usize>> {
            value.get(field)?.as_array()?.iter().map(|n| n.as_u64().map(|n| n as usize)).collect()
        };
        let stored = Stored::named(value.get("dtype")?.as_str()?).ok()?;
        let place = numbers("data_offsets")?;
        header.entries.push(Entry { name, stored, shape: numbers("shape")?, place: place[0]..*place.get(1)? });
    }
    header.entries.sort_by_key(|entry| (entry.place.start, entry.place.end));
    Some(header)
}

fn sample() -> Header {
    let entry =
        |name: &str, stored, shape: &[usize], place| Entry { name: name.into(), stored, shape: shape.into(), place };
    Header {
        entries: vec![
            entry("fc.weight", Stored::As(DType::F32), &[2, 3], 0..24),
            entry("scalar \"é\" \\ \n \u{1}", Stored::As(DType::I64), &[], 24..32),
            entry("empty 漢 🕯", Stored::As(DType::Bool), &[0, 7], 32..32),
            entry("", Stored::As(DType::Bf16), &[1, 2, 1, 1, 1, 1, 1, 1], 32..36),
        ],
        metadata: Metadata::from([("format".into(), "pt".into()), ("note\t".into(), "\u{7f}\"".into())]),
    }
}

#[test]
fn what_is_written_is_read() {
    for header in [sample(), Header::default()] {
        let json = header.to_bytes();
        assert!(json.len().is_multiple_of(8));
        let data = header.entries.last().map_or(0, |entry| entry.place.end);
        let mut read = Header::parse(&json, data).unwrap();
        read.entries.sort_by_key(|e| header.entries.iter().position(|other| other.name == e.name));
        assert_eq!(read, header);
        let mut read = by_serde(&json).unwrap();
        read.entries.sort_by_key(|e| header.entries.iter().position(|other| other.name == e.name));
        assert_eq!(read, header);
    }
}

#[test]
fn escapes() {
    let json = br#" {"a\u00e9\ud83d\udd6f\/\b\f\n\r\t\"\\":{"shape" : [ ] ,"data_offsets":[0,8],"dtype":"F64"} } "#;
    let header = Header::parse(&json[1..], 8).unwrap();
    assert_eq!(header.entries[0].name, "aé🕯/\x08\x0c\n\r\t\"\\");
    assert_eq!(by_serde(json).unwrap(), header);
}

#[test]
fn faults_are_named() {
    let f32s = |place: &str| format!(r#"{{"dtype":"F32","shape":[1],"data_offsets":{place}}}"#);
    for (json, data, message) in [
        ("{", 0, "expected '\"' at byte 1, got the end of the header"),
        ("{}x", 0, "expected only spaces at byte 2, got 'x'"),
        ("{\"a", 0, "expected the end of a string at byte 3, got the end of the header"),
        ("{\"a\nb\":1}", 0, "expected the end of a string at byte 3, got '\\n'"),
        ("{\"\\x\":1}", 0, "expected one of \"\\/bfnrtu"),
        ("{\"\\ud800\":1}", 0, "expected a surrogate pair"),
        ("{\"\\ud800\\u0041\":1}", 0, "expected a surrogate pair"),
        ("{\"\\u00g0\":1}", 0, "expected u and four hexadecimal digits"),
        ("{\"\\u+123\":1}", 0, "expected u and four hexadecimal digits"),
        ("{\"\\u00é\":1}", 0, "expected u and four hexadecimal digits"),
        (r#"{"a":1}"#, 0, "tensor \"a\": invalid header: expected '{' at byte 5"),
        (r#"{"a":{}}"#, 0, "tensor \"a\": expected the fields dtype, shape and data_offsets"),
        (r#"{"__metadata__":{"a":1}}"#, 0, "expected '\"' at byte 21, got '1'"),
        (r#"{"__metadata__":{"a":"","a":""}}"#, 0, "expected each metadata key once, got \"a\" twice"),
        (
            r#"{"__metadata__":{},"__metadata__":{}}"#,
            0,
            "expected each name once in the header, got \"__metadata__\" twice",
        ),
        (
            r#"{"a":{"dtype":"F8_E4M3"}}"#,
            0,
            "tensor \"a\": expected a type out of BOOL, U8, I8, I16, I32, I64, F16, BF16, F32, F64, U16, U32, got \"F8_E4M3\"",
        ),
        (r#"{"a":{"dtype":"F32","dtype":"F32"}}"#, 0, "tensor \"a\": expected each field once, got \"dtype\" twice"),
        (r#"{"a":{"strides":[1]}}"#, 0, "expected the fields dtype, shape and data_offsets, got \"strides\""),
        (r#"{"a":{"shape":[1,1,1,1,1,1,1,1,1]}}"#, 0, "expected the end of a list of at most 8 numbers"),
        (r#"{"a":{"shape":[-1]}}"#, 0, "an integer from 0 to"),
        (r#"{"a":{"shape":[01]}}"#, 0, "an integer from 0 to"),
        (r#"{"a":{"shape":[1.0]}}"#, 0, "expected ',' or ']' at byte 16, got '.'"),
        (r#"{"a":{"shape":[18446744073709551616]}}"#, 0, "an integer from 0 to"),
        (&format!(r#"{{"a":{}}}"#, f32s("[0,4]")), 5, "expected 4 bytes of data as in the header, got 5"),
        (&format!(r#"{{"a":{}}}"#, f32s("[0,4]")), 3, "expected 4 bytes of data as in the header, got 3"),
        (
            &format!(r#"{{"a":{}}}"#, f32s("[0,3]")),
            3,
            "tensor \"a\": expected a byte range for shape [1] of F32 (4 bytes each), got 0..3",
        ),
        (&format!(r#"{{"a":{}}}"#, f32s("[4,0]")), 4, "(4 bytes each), got 4..0"),
        (
            &format!(r#"{{"a":{}}}"#, f32s("[4,8]")),
            8,
            "tensor \"a\": expected a byte range that starts at 0, got 4..8 (a gap)",
        ),
        (
            &format!(r#"{{"a":{},"b":{}}}"#, f32s("[0,4]"), f32s("[2,6]")),
            6,
            "expected a byte range that starts at 4, got 2..6 (an overlap)",
        ),
        (
            &format!(r#"{{"a":{},"a":{}}}"#, f32s("[0,4]"), f32s("[0,4]")),
            4,
            "expected each name once in the header, got \"a\" twice",
        ),
        (
            r#"{"a":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#,
            0,
            "(8 bytes each), got 0..0",
        ),
    ] {
        let error = Header::parse(json.as_bytes(), data).unwrap_err();
        assert!(error.contains(message), "{json}\n{error}\n{message}");
    }
    assert!(Header::parse(b"{\"\xff\":1}", 0).unwrap_err().contains("expected a UTF-8 header"));
}

/// Whatever ours accepts, a general JSON reader accepts and understands alike; nothing makes ours panic.
#[test]
fn changed_headers_agree_with_a_general_reader() {
    let original = sample().to_bytes();
    let mut state = 7u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    let alphabet = b"{}[]\",:0123456789\\u \n-.eE/abtrue\x00\xc3\xa9";
    let mut accepted = 0;
    for _ in 0..60_000 {
        let mut json = original.clone();
        for _ in 0..1 + random(3) {
            let place = random(json.len());
            match random(4) {
                0 => json[place] = random(256) as u8,
                1 => json[place] = alphabet[random(alphabet.len())],
                2 => json.insert(place, alphabet[random(alphabet.len())]),
                _ => drop(json.remove(place)),
            }
        }
        if let Ok(mut header) = Header::parse(&json, 36) {
            accepted += 1;
            let mut other = by_serde(&json).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&json)));
            for header in [&mut header, &mut other] {
                header.entries.sort_by(|a, b| a.name.cmp(&b.name));
            }
            assert_eq!(header, other, "{}", String::from_utf8_lossy(&json));
        }
    }
    assert!(accepted > 2_000, "{accepted} changed headers were still headers, too few to compare");
}
