//! The header of an `.npy` file: a Python dictionary with the keys `descr`, `fortran_order` and `shape`.

use crate::tensor::DType;

/// The element type, order and shape of an array.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub dtype: DType,
    /// Whether the bytes of each element are in big-endian order.
    pub big_endian: bool,
    /// Whether the first dimension varies fastest, not the last one.
    pub fortran_order: bool,
    pub shape: Vec<usize>,
}

/// The code of a dtype in `descr`; `None` for bfloat16, which NumPy does not have.
pub(super) fn code(dtype: DType) -> Option<&'static str> {
    Some(match dtype {
        DType::Bool => "|b1",
        DType::U8 => "|u1",
        DType::I8 => "|i1",
        DType::I16 => "<i2",
        DType::I32 => "<i4",
        DType::I64 => "<i8",
        DType::F16 => "<f2",
        DType::F32 => "<f4",
        DType::F64 => "<f8",
        DType::Bf16 => return None,
    })
}

/// What NumPy calls a type that is not read.
fn foreign(kind: &str) -> &'static str {
    match kind {
        "u2" => "uint16",
        "u4" => "uint32",
        "u8" => "uint64",
        "f12" | "f16" => "long double",
        "O" => "Python objects",
        _ => match kind.as_bytes().first() {
            Some(b'c') => "complex numbers",
            Some(b'S' | b'a') => "byte strings",
            Some(b'U') => "strings",
            Some(b'V') => "raw bytes, as which bfloat16 is stored",
            Some(b'M') => "dates",
            Some(b'm') => "durations",
            _ => "an unknown type",
        },
    }
}

/// The bytes of a file before the elements: format version 1.0, as NumPy writes it for all plain types.
pub(super) fn encode(code: &str, fortran_order: bool, shape: &[usize]) -> Vec<u8> {
    let sizes: String = match shape {
        [size] => format!("{size},"),
        _ => shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
    };
    let order = if fortran_order { "True" } else { "False" };
    let mut text = format!("{{'descr': '{code}', 'fortran_order': {order}, 'shape': ({sizes}), }}");
    // Room for the dimension along which arrays are appended to grow to 21 digits.
    if let Some(grows) = if fortran_order { shape.last() } else { shape.first() } {
        text += &" ".repeat(21 - grows.to_string().len());
    }
    // The elements start at a multiple of 64.
    let padding = 64 - (10 + text.len() + 1) % 64;
    text += &" ".repeat(padding);
    text.push('\n');
    let length = u16::try_from(text.len()).expect("at most 8 dimensions");
    [b"\x93NUMPY\x01\x00", &length.to_le_bytes()[..], text.as_bytes()].concat()
}

/// Parses the dictionary.
pub(super) fn parse(text: &[u8]) -> Result<Header, String> {
    let mut scanner = Scanner { text, at: 0 };
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    scanner.expect(b'{')?;
    while !scanner.skip(b'}') {
        let key = scanner.string()?;
        scanner.expect(b':')?;
        let twice = match key.as_str() {
            "descr" => descr.replace(scanner.descr()?).is_some(),
            "fortran_order" => fortran_order.replace(scanner.boolean()?).is_some(),
            "shape" => shape.replace(scanner.tuple()?).is_some(),
            _ => return Err(format!("expected the keys descr, fortran_order and shape in the header, got {key:?}")),
        };
        if twice {
            return Err(format!("expected each key of the header once, got {key:?} twice"));
        }
        if !scanner.skip(b',') {
            scanner.expect(b'}')?;
            break;
        }
    }
    scanner.spaces();
    if scanner.at < text.len() {
        return Err(scanner.fault("the end of the header"));
    }
    let (Some((dtype, big_endian)), Some(fortran_order), Some(shape)) = (descr, fortran_order, shape) else {
        return Err("expected the keys descr, fortran_order and shape in the header, got fewer".to_owned());
    };
    Ok(Header { dtype, big_endian, fortran_order, shape })
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn spaces(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    /// Skips spaces and then `byte`, if it is there.
    fn skip(&mut self, byte: u8) -> bool {
        self.spaces();
        let there = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8) -> Result<(), String> {
        if self.skip(byte) { Ok(()) } else { Err(self.fault(&format!("{:?}", char::from(byte)))) }
    }

    fn fault(&self, expected: &str) -> String {
        let rest = &self.text[self.at..];
        let shown = String::from_utf8_lossy(&rest[..rest.len().min(20)]);
        format!("expected {expected} at byte {} of the header, got {shown:?}", self.at)
    }

    fn word(&mut self) -> &str {
        self.spaces();
        let start = self.at;
        while self.text.get(self.at).is_some_and(u8::is_ascii_alphanumeric) {
            self.at += 1;
        }
        std::str::from_utf8(&self.text[start..self.at]).expect("letters and digits")
    }

    /// A string without escapes, which none of the keys and types has.
    fn string(&mut self) -> Result<String, String> {
        self.spaces();
        let Some(&quote @ (b'\'' | b'"')) = self.text.get(self.at) else { return Err(self.fault("a string")) };
        let inner = &self.text[self.at + 1..];
        let Some(length) = inner.iter().position(|&byte| byte == quote) else { return Err(self.fault("a string")) };
        self.at += length + 2;
        Ok(String::from_utf8_lossy(&inner[..length]).into_owned())
    }

    fn boolean(&mut self) -> Result<bool, String> {
        let start = self.at;
        match self.word() {
            "True" => Ok(true),
            "False" => Ok(false),
            _ => {
                self.at = start;
                Err(self.fault("True or False"))
            }
        }
    }

    /// A tuple of sizes.
    fn tuple(&mut self) -> Result<Vec<usize>, String> {
        let mut sizes = Vec::new();
        self.expect(b'(')?;
        while !self.skip(b')') {
            let start = self.at;
            // Python 2 writes long integers with a suffix.
            let Ok(size) = self.word().trim_end_matches('L').parse() else {
                self.at = start;
                return Err(self.fault("a size"));
            };
            sizes.push(size);
            if !self.skip(b',') {
                self.expect(b')')?;
                break;
            }
        }
        Ok(sizes)
    }

    /// An element type, and whether it is big endian.
    fn descr(&mut self) -> Result<(DType, bool), String> {
        if self.skip(b'[') {
            return Err("expected numbers or bools, got an array of records".to_owned());
        }
        let descr = self.string()?;
        let (order, kind) = match descr.as_bytes().first() {
            Some(b'<' | b'>' | b'=' | b'|') => descr.split_at(1),
            _ => ("=", descr.as_str()),
        };
        let read = DType::ALL.iter().find(|&&dtype| code(dtype).is_some_and(|code| code[1..] == *kind));
        let Some(&dtype) = read else {
            return Err(format!(
                "expected elements of type b1, u1, i1, i2, i4, i8, f2, f4 or f8, got {descr:?} ({})",
                foreign(kind)
            ));
        };
        if order == "|" && dtype.size() > 1 {
            return Err(format!("expected an element type with an order of bytes, got {descr:?}"));
        }
        Ok((dtype, order == ">" || (order == "=" && cfg!(target_endian = "big"))))
    }
}

#[cfg(test)]
#[path = "header_tests.rs"]
mod tests;
