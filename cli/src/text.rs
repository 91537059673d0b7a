//! Text from outside (file names, class names, keys of a checkpoint) on its way to a reader.
//!
//! A file may be called anything. What is printed about it must not move the cursor, begin a line, turn the direction of writing or hide
//! a part of the name.

use std::fmt::Write as _;
use std::path::Path;
use unicode_width::UnicodeWidthStr;

/// The text with line breaks, control characters and invisible characters as `\n`, `\u{202e}`, …
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // What the standard library escapes, but for quotes and backslashes: these are as visible as a letter.
    for part in text.split_inclusive(['\\', '\'', '"']) {
        let (visible, quote) = match part.chars().next_back() {
            Some(quote @ ('\\' | '\'' | '"')) => (&part[..part.len() - 1], Some(quote)),
            _ => (part, None),
        };
        let _ = write!(out, "{}", visible.escape_debug());
        out.extend(quote);
    }
    out
}

/// A path as [`shown`]; bytes that are not UTF-8 as `\xff`.
pub(crate) fn shown_path(path: &Path) -> String {
    let mut out = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        out.push_str(&shown(chunk.valid()));
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// A path for a format that escapes by itself, such as JSON; only bytes that are not UTF-8 are [`shown`].
pub(crate) fn path_text(path: &Path) -> String {
    path.to_str().map_or_else(|| shown_path(path), str::to_owned)
}

/// A field of a CSV file (RFC 4180) on one line. A field that a spreadsheet would compute starts with an apostrophe.
pub(crate) fn csv_field(text: &str) -> String {
    let mut field = shown(text);
    if field.starts_with(['=', '+', '-', '@']) {
        field.insert(0, '\'');
    }
    if field.contains([',', '"']) || field.trim() != field {
        field = format!("\"{}\"", field.replace('"', "\"\""));
    }
    field
}

/// The columns that the text takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text with blanks after it, `columns` wide.
pub(crate) fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// The text with blanks before it, `columns` wide.
pub(crate) fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// The text, cut to `limit` columns: the end of a file name tells more than its start, so the start is left out.
pub(crate) fn tail(text: &str, limit: usize) -> String {
    if width(text) <= limit {
        return text.to_owned();
    }
    let mut kept = text;
    while width(kept) + 1 > limit && !kept.is_empty() {
        let first = kept.chars().next().map_or(0, char::len_utf8);
        kept = &kept[first..];
    }
    format!("…{kept}")
}

/// The text, cut to `limit` columns at its end.
pub(crate) fn head(text: &str, limit: usize) -> String {
    if width(text) <= limit {
        return text.to_owned();
    }
    let mut kept = text;
    while width(kept) + 1 > limit && !kept.is_empty() {
        kept = &kept[..kept.floor_char_boundary(kept.len() - 1)];
    }
    format!("{kept}…")
}

/// `12345678` as `12,345,678`.
pub(crate) fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_forge_lines() {
        assert_eq!(shown("real.png: 7 (100.00 %)\nx.png"), "real.png: 7 (100.00 %)\\nx.png");
        assert_eq!(shown("\x1b[2Jx\r\t\u{9b}\u{7f}"), "\\u{1b}[2Jx\\r\\t\\u{9b}\\u{7f}");
        assert_eq!(shown("a\u{202e}gnp.b\u{2028}"), "a\\u{202e}gnp.b\\u{2028}");
        assert_eq!(shown("C:\\it's \"é\" 猫 e\u{301}"), "C:\\it's \"é\" 猫 e\u{301}");
        assert_eq!(shown(""), "");
    }

    #[test]
    #[cfg(unix)]
    fn bytes_that_are_no_text_are_shown() {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"\xe9\n.jpg"));
        assert_eq!(shown_path(path), "\\xe9\\n.jpg");
        assert_eq!((path_text(path), path_text(Path::new("a\nb"))), ("\\xe9\\n.jpg".into(), "a\nb".into()));
    }

    #[test]
    fn csv_fields_stay_in_their_cell() {
        assert_eq!(csv_field("a.png"), "a.png");
        assert_eq!(csv_field("a, \"b\"\nc"), "\"a, \"\"b\"\"\\nc\"");
        assert_eq!(csv_field("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(csv_field(" a"), "\" a\"");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(tail("photos/cat.jpg", 14), "photos/cat.jpg");
        assert_eq!(tail("photos/cat.jpg", 8), "…cat.jpg");
        assert_eq!(tail("猫猫猫", 5), "…猫猫");
        assert_eq!(
            (head("a cat", 5), head("a cat", 4), head("猫猫猫", 4)),
            ("a cat".into(), "a c…".into(), "猫…".into())
        );
        assert_eq!((left("猫", 3), right("7", 3)), ("猫 ".into(), "  7".into()));
    }

    #[test]
    fn digits_are_grouped() {
        assert_eq!([0, 999, 1000, 1234567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
