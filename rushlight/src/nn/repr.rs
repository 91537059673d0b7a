//! The textual form of modules, as PyTorch prints it.

use super::{Forward, Module};
use std::fmt;

/// Indents every line but the first by two spaces.
fn indented(text: &str) -> String {
    text.replace('\n', "\n  ")
}

/// Collapses runs of equal neighbors as `ModuleList` prints them: `(0-2): 3 x ReLU()`.
fn runs(children: &[(String, String)]) -> Vec<String> {
    children
        .chunk_by(|(_, a), (_, b)| a == b)
        .map(|run| {
            let ((first, text), (last, _)) = (&run[0], &run[run.len() - 1]);
            match run.len() {
                1 => format!("({first}): {}", indented(text)),
                n => format!("({first}-{last}): {n} x {}", indented(text)),
            }
        })
        .collect()
}

pub(super) fn repr(module: &dyn Module) -> String {
    let children: Vec<(String, String)> =
        module.named_children().into_iter().map(|(name, child)| (name, child.repr())).collect();
    let extra = module.extra_repr();
    let mut lines: Vec<String> = extra.split('\n').filter(|_| !extra.is_empty()).map(String::from).collect();
    if children.is_empty() && lines.len() <= 1 {
        return format!("{}({extra})", module.kind());
    }
    if module.kind() == "ModuleList" {
        lines.extend(runs(&children));
    } else {
        lines.extend(children.iter().map(|(name, text)| format!("({name}): {}", indented(text))));
    }
    format!("{}(\n  {}\n)", module.kind(), lines.join("\n  "))
}

impl fmt::Display for dyn Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repr())
    }
}

impl fmt::Debug for dyn Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repr())
    }
}

impl fmt::Display for dyn Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repr())
    }
}

impl fmt::Debug for dyn Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repr())
    }
}

/// Formats a bool as Python does.
pub(super) fn python_bool(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// Formats a number as Python does: `0.1`, `1e-05`, `1.0`.
pub(super) fn python_float(value: f64) -> String {
    let exponent = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    if !value.is_finite() {
        return if value.is_nan() {
            "nan"
        } else if value > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .into();
    }
    if (-4..16).contains(&exponent) {
        return format!("{value:?}");
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').expect("{:e} writes an exponent");
    let (sign, power) = exponent.strip_prefix('-').map_or(('+', exponent), |power| ('-', power));
    format!("{digits}e{sign}{power:0>2}")
}

#[cfg(test)]
mod tests {
    use super::python_float;

    #[test]
    fn floats_as_python_prints_them() {
        let cases = [
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (0.1, "0.1"),
            (1.0, "1.0"),
            (0.0, "0.0"),
            (-2.5e-7, "-2.5e-07"),
            (1e16, "1e+16"),
            (123456789012345.0, "123456789012345.0"),
            (1e300, "1e+300"),
            (f64::NAN, "nan"),
            (-f64::INFINITY, "-inf"),
        ];
        for (value, text) in cases {
            assert_eq!(python_float(value), text);
        }
    }
}
