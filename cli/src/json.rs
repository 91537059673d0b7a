//! JSON on standard output and over HTTP.

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use std::io;

/// The value as JSON, with a line for each member.
pub(crate) fn pretty(value: &impl Serialize) -> String {
    written(value, Visible(PrettyFormatter::new()))
}

/// The value as JSON on one line.
pub(crate) fn line(value: &impl Serialize) -> String {
    written(value, Visible(serde_json::ser::CompactFormatter))
}

fn written(value: &impl Serialize, formatter: impl Formatter) -> String {
    let mut out = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut out, formatter)).expect("memory takes what is written");
    String::from_utf8(out).expect("JSON is UTF-8")
}

/// Writes what a terminal would act on or not show (besides what JSON escapes anyway) as `\u202e`.
struct Visible<F>(F);

macro_rules! forward {
    ($($name:ident($($arg:ident: $ty:ty),*)),* $(,)?) => {$(
        fn $name<W: ?Sized + io::Write>(&mut self, writer: &mut W $(, $arg: $ty)*) -> io::Result<()> {
            self.0.$name(writer $(, $arg)*)
        }
    )*};
}

impl<F: Formatter> Formatter for Visible<F> {
    forward! {
        begin_array(), end_array(), begin_array_value(first: bool), end_array_value(),
        begin_object(), end_object(), begin_object_key(first: bool), begin_object_value(), end_object_value(),
    }

    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut units = [0; 2];
        for c in fragment.chars() {
            if c.is_ascii() && !c.is_ascii_control() || c.is_alphanumeric() {
                write!(writer, "{c}")?;
            } else {
                for unit in c.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn strings_are_visible_and_the_same_after_parsing() {
        let text = "é 猫 \"\\ \n\x1b[2J\u{9b}\u{202e}gnp 😀\u{7f}";
        let json = line(&BTreeMap::from([("name", text)]));
        assert!(json.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{json}");
        assert!(json.starts_with(r#"{"name":"é 猫 \"\\ \n\u001b[2J\u009b\u202egnp \ud83d\ude00\u007f"}"#), "{json}");
        let parsed: BTreeMap<String, String> = serde_json::from_str(&json).unwrap();
        assert_eq!(parsed["name"], text);
    }

    #[test]
    fn members_stand_on_lines_of_their_own() {
        assert_eq!(pretty(&BTreeMap::from([("a", vec![1.5])])), "{\n  \"a\": [\n    1.5\n  ]\n}");
        assert_eq!(line(&BTreeMap::from([("a", vec![f64::NAN])])), "{\"a\":[null]}");
    }
}
