//! The header: the location of each tensor, in JSON of a fixed form. The parser accepts exactly that form and stores nothing else, so
//! its memory is bounded by the size of the header.

use super::Metadata;
use crate::tensor::DType;
use rushlight_kernels::MAX_RANK;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::ops::Range;

/// The key of the metadata in the header.
pub(super) const METADATA: &str = "__metadata__";

/// The supported element types of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// A dtype of tensors.
    As(DType),
    /// 16-bit unsigned integers.
    U16,
    /// 32-bit unsigned integers.
    U32,
}

impl Stored {
    fn all() -> impl Iterator<Item = Stored> {
        DType::ALL.iter().map(|&dtype| Stored::As(dtype)).chain([Stored::U16, Stored::U32])
    }

    fn named(name: &str) -> Result<Stored, String> {
        Stored::all().find(|stored| stored.name() == name).ok_or_else(|| {
            let known: Vec<_> = Stored::all().map(Stored::name).collect();
            format!("expected a type out of {}, got {name:?}", known.join(", "))
        })
    }

    /// The format's name for it.
    fn name(self) -> &'static str {
        match self {
            Stored::As(dtype) => dtype.safetensors_name(),
            Stored::U16 => "U16",
            Stored::U32 => "U32",
        }
    }

    /// Bytes per element.
    pub(super) fn size(self) -> usize {
        match self {
            Stored::As(dtype) => dtype.size(),
            Stored::U16 => 2,
            Stored::U32 => 4,
        }
    }
}

/// The entry of a tensor in the header.
#[derive(Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) stored: Stored,
    pub(super) shape: Vec<usize>,
    /// The range of its bytes, relative to the end of the header.
    pub(super) place: Range<usize>,
}

/// The tensors in the order of their bytes, and the metadata.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Header {
    pub(super) entries: Vec<Entry>,
    pub(super) metadata: Metadata,
}

impl Header {
    /// Parses a header followed by `data` bytes. The byte ranges of the result are consecutive from 0 to `data`, and each has the length
    /// of its shape and type.
    pub(super) fn parse(json: &[u8], data: usize) -> Result<Header, String> {
        let text = std::str::from_utf8(json).map_err(|error| format!("expected a UTF-8 header, got {error}"))?;
        let mut reader = Reader { text, at: 0 };
        let mut header = Header::default();
        let mut seen = BTreeSet::new();
        reader.object(|reader, name| {
            if !seen.insert(name.clone()) {
                return Err(format!("expected each name once in the header, got {name:?} twice"));
            }
            if name == METADATA {
                header.metadata = reader.metadata()?;
            } else {
                header.entries.push(reader.entry(name)?);
            }
            Ok(())
        })?;
        reader.space();
        if reader.at < text.len() {
            return reader.expected("only spaces");
        }
        header.entries.sort_by_key(|entry| (entry.place.start, entry.place.end));
        header.check_places(data)?;
        Ok(header)
    }

    fn check_places(&self, data: usize) -> Result<(), String> {
        let mut end = 0;
        for Entry { name, stored, shape, place } in &self.entries {
            let bytes = shape.iter().try_fold(stored.size(), |bytes, &size| bytes.checked_mul(size));
            if place.start > place.end || bytes != Some(place.end - place.start) {
                let (dtype, size) = (stored.name(), stored.size());
                return Err(format!(
                    "tensor {name:?}: expected a byte range for shape {shape:?} of {dtype} ({size} bytes each), got {place:?}"
                ));
            }
            if place.start != end {
                let fault = if place.start < end { "an overlap" } else { "a gap" };
                return Err(format!(
                    "tensor {name:?}: expected a byte range that starts at {end}, got {place:?} ({fault})"
                ));
            }
            end = place.end;
        }
        if end != data {
            return Err(format!("expected {end} bytes of data as in the header, got {data}"));
        }
        Ok(())
    }

    /// The bytes of the header, with spaces at the end to a multiple of 8.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut json = String::from("{");
        let begin = |json: &mut String, name: &str| {
            if json.len() > 1 {
                json.push(',');
            }
            write_string(json, name);
        };
        if !self.metadata.is_empty() {
            begin(&mut json, METADATA);
            for (i, (key, value)) in self.metadata.iter().enumerate() {
                json.push_str(if i == 0 { ":{" } else { "," });
                write_string(&mut json, key);
                json.push(':');
                write_string(&mut json, value);
            }
            json.push('}');
        }
        for Entry { name, stored, shape, place } in &self.entries {
            begin(&mut json, name);
            let sizes = shape.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
            let (dtype, start, end) = (stored.name(), place.start, place.end);
            write!(json, r#":{{"dtype":"{dtype}","shape":[{sizes}],"data_offsets":[{start},{end}]}}"#)
                .expect("a string");
        }
        json.push('}');
        let mut bytes = json.into_bytes();
        bytes.resize(bytes.len().next_multiple_of(8), b' ');
        bytes
    }
}

fn write_string(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            '\0'..='\x1f' => write!(json, "\\u{:04x}", c as u32).expect("a string"),
            _ => json.push(c),
        }
    }
    json.push('"');
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expected<T>(&self, what: &str) -> Result<T, String> {
        let found = match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(c) => format!("got {c:?}"),
            None => "got the end of the header".into(),
        };
        Err(format!("invalid header: expected {what} at byte {}, {found}", self.at))
    }

    /// Skips spaces and `byte` if it is next.
    fn next_is(&mut self, byte: u8) -> bool {
        self.space();
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is
    }

    fn want(&mut self, byte: u8, what: &str) -> Result<(), String> {
        if self.next_is(byte) { Ok(()) } else { self.expected(what) }
    }

    /// `{"name": value, …}`, where `value` reads the value.
    fn object(&mut self, mut value: impl FnMut(&mut Self, String) -> Result<(), String>) -> Result<(), String> {
        self.want(b'{', "'{'")?;
        if self.next_is(b'}') {
            return Ok(());
        }
        loop {
            let name = self.string()?;
            self.want(b':', "':'")?;
            value(self, name)?;
            if self.next_is(b'}') {
                return Ok(());
            }
            self.want(b',', "',' or '}'")?;
        }
    }

    /// A list of at most `most` integers.
    fn numbers(&mut self, most: usize) -> Result<Vec<usize>, String> {
        self.want(b'[', "'['")?;
        let mut numbers = Vec::new();
        if self.next_is(b']') {
            return Ok(numbers);
        }
        loop {
            if numbers.len() == most {
                return self.expected(&format!("the end of a list of at most {most} numbers"));
            }
            numbers.push(self.number()?);
            if self.next_is(b']') {
                return Ok(numbers);
            }
            self.want(b',', "',' or ']'")?;
        }
    }

    fn number(&mut self) -> Result<usize, String> {
        self.space();
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        let digits = &self.text[start..self.at];
        match digits.parse() {
            Ok(number) if digits == "0" || !digits.starts_with('0') => Ok(number),
            _ => {
                self.at = start;
                self.expected(&format!("an integer from 0 to {}", usize::MAX))
            }
        }
    }

    fn string(&mut self) -> Result<String, String> {
        self.want(b'"', "'\"'")?;
        let mut string = String::new();
        loop {
            let start = self.at;
            while self.peek().is_some_and(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
                self.at += 1;
            }
            string.push_str(&self.text[start..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => string.push(self.escape()?),
                _ => return self.expected("the end of a string"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        self.at += 1;
        let Some(kind) = self.peek() else { return self.expected("a character") };
        let plain = match kind {
            b'"' | b'\\' | b'/' => kind as char,
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.code_point(),
            _ => return self.expected("one of \"\\/bfnrtu"),
        };
        self.at += 1;
        Ok(plain)
    }

    /// `uXXXX`, or two of them that make a surrogate pair.
    fn code_point(&mut self) -> Result<char, String> {
        let unit = |this: &mut Self| {
            let digits = this.text.get(this.at + 1..this.at + 5).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
            this.at += if digits.is_some() { 5 } else { 0 };
            digits.and_then(|digits| u16::from_str_radix(digits, 16).ok())
        };
        let Some(first) = unit(self) else { return self.expected("u and four hexadecimal digits") };
        let mut units = vec![first];
        if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u") {
            self.at += 1;
            units.extend(unit(self));
        }
        match String::from_utf16(&units).map(|text| text.chars().next()) {
            Ok(Some(c)) => Ok(c),
            _ => self.expected("a surrogate pair"),
        }
    }

    fn metadata(&mut self) -> Result<Metadata, String> {
        let mut metadata = Metadata::new();
        self.object(|this, key| {
            this.space();
            let value = this.string()?;
            match metadata.insert(key.clone(), value) {
                Some(_) => Err(format!("expected each metadata key once, got {key:?} twice")),
                None => Ok(()),
            }
        })?;
        Ok(metadata)
    }

    fn entry(&mut self, name: String) -> Result<Entry, String> {
        let (mut stored, mut shape, mut place) = (None, None, None);
        self.object(|this, field| {
            let first = match field.as_str() {
                "dtype" => stored.replace(Stored::named(&this.string()?)?).is_none(),
                "shape" => shape.replace(this.numbers(MAX_RANK)?).is_none(),
                "data_offsets" => place.replace(this.numbers(2)?).is_none(),
                _ => return Err(format!("expected the fields dtype, shape and data_offsets, got {field:?}")),
            };
            if first { Ok(()) } else { Err(format!("expected each field once, got {field:?} twice")) }
        })
        .map_err(|fault| format!("tensor {name:?}: {fault}"))?;
        match (stored, shape, place.as_deref()) {
            (Some(stored), Some(shape), Some(&[start, end])) => Ok(Entry { name, stored, shape, place: start..end }),
            _ => Err(format!("tensor {name:?}: expected the fields dtype, shape and data_offsets (two integers)")),
        }
    }
}

#[cfg(test)]
#[path = "header_tests.rs"]
mod tests;
