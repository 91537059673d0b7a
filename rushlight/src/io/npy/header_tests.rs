use super::*;

fn header(dtype: DType, big_endian: bool, fortran_order: bool, shape: &[usize]) -> Header {
    Header { dtype, big_endian, fortran_order, shape: shape.to_vec() }
}

#[test]
fn spellings_of_one_header() {
    let expected = header(DType::F32, false, false, &[3, 4]);
    for text in [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }   \n",
        "{'descr':'<f4','fortran_order':False,'shape':(3,4)}",
        "{\"shape\": (3L, 4L,), \"fortran_order\": False, \"descr\": \"<f4\"}",
    ] {
        assert_eq!(parse(text.as_bytes()).unwrap(), expected, "{text}");
    }
    let of = |descr: &str, shape: &str| {
        parse(format!("{{'descr': '{descr}', 'fortran_order': True, 'shape': {shape}}}").as_bytes()).unwrap()
    };
    assert_eq!(of(">i8", "()"), header(DType::I64, true, true, &[]));
    assert_eq!(of("|b1", "(0,)"), header(DType::Bool, false, true, &[0]));
    assert_eq!(of("=f8", "(1, )").big_endian, cfg!(target_endian = "big"));
    assert_eq!(of("f2", "(1, )").dtype, DType::F16);
}

#[test]
fn faults_are_named() {
    let fault = |text: &str| parse(text.as_bytes()).unwrap_err();
    let of = |descr: &str, order: &str, shape: &str| {
        fault(&format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}"))
    };
    for (descr, name) in [
        ("'<u2'", "\"<u2\" (uint16)"),
        ("'>u4'", "\">u4\" (uint32)"),
        ("'<u8'", "\"<u8\" (uint64)"),
        ("'<f16'", "long double"),
        ("'<c8'", "complex numbers"),
        ("'|O'", "Python objects"),
        ("'|S5'", "byte strings"),
        ("'<U3'", "strings"),
        ("'<V2'", "bfloat16"),
        ("'<M8[ns]'", "dates"),
        ("'<m8'", "durations"),
        ("'<q1'", "an unknown type"),
        ("'é'", "an unknown type"),
        ("''", "an unknown type"),
        ("[('a', '<f4')]", "an array of records"),
        ("'|f4'", "an order of bytes"),
        ("<f4", "expected a string"),
    ] {
        assert!(of(descr, "False", "()").contains(name), "{descr}: {}", of(descr, "False", "()"));
    }
    assert!(of("'<f4'", "0", "()").contains("expected True or False"));
    for shape in ["3", "(-1,)", "(1.5,)", "(3 4)", "(None,)", "(99999999999999999999999,)", "(3,", "(L,)"] {
        assert!(of("'<f4'", "False", shape).contains("of the header, got"), "{shape}");
    }
    assert!(fault("{'descr': '<f4', 'shape': ()}").contains("got fewer"));
    assert!(fault("{'shape': (), 'shape': ()}").contains("\"shape\" twice"));
    assert!(fault("{'size': ()}").contains("got \"size\""));
    assert!(fault("{'descr': '<f4").contains("expected a string at byte 10"));
    assert!(fault("").contains("expected '{' at byte 0"));
    assert!(fault("{").contains("expected a string at byte 1"));
    let whole = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }";
    assert!(fault(&format!("{whole} x")).contains("expected the end of the header"));
    for end in 0..whole.len() {
        fault(&whole[..end]);
    }
}

#[test]
fn elements_start_at_a_multiple_of_64() {
    for shape in [&[][..], &[7], &[3, 4], &[usize::MAX; 8]] {
        let bytes = encode("<f4", false, shape);
        assert_eq!(bytes.len() % 64, 0);
        assert_eq!(usize::from(u16::from_le_bytes([bytes[8], bytes[9]])), bytes.len() - 10);
        assert_eq!(parse(&bytes[10..]).unwrap(), header(DType::F32, false, false, shape));
    }
}
