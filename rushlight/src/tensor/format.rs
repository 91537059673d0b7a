//! The textual form of tensors, as PyTorch prints it.
//!
//! Pure functions of a shape and a function that reads an element, independent of tensors. Only displayed elements are read.

/// How tensors are printed; the fields and defaults of `torch.set_printoptions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrintOptions {
    /// Decimals of floating-point numbers.
    pub precision: usize,
    /// With more elements than this, only the edges of long dimensions are shown.
    pub threshold: usize,
    /// The number of entries of an edge.
    pub edgeitems: usize,
    /// The number of characters per line.
    pub linewidth: usize,
    /// Forces scientific notation (`Some(true)`) or forbids it (`Some(false)`). `None` chooses by the magnitudes.
    pub sci_mode: Option<bool>,
}

impl Default for PrintOptions {
    fn default() -> Self {
        PrintOptions { precision: 4, threshold: 1000, edgeitems: 3, linewidth: 80, sci_mode: None }
    }
}

/// An element to print. Floating-point elements are converted to float64, which is exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A floating-point number.
    Float(f64),
    /// An integer.
    Int(i64),
    /// A boolean.
    Bool(bool),
}

/// The attributes printed after the elements.
#[derive(Clone, Copy, Debug)]
pub struct Suffixes<'a> {
    /// PyTorch's name of the dtype, such as `float64`. Omitted where the elements imply it: for the default dtype, `int64` and `bool`.
    pub dtype: &'a str,
    /// The default floating-point dtype, such as `float32`.
    pub default_dtype: &'a str,
    /// The node that computed the tensor, such as `MulBackward0`.
    pub grad_fn: Option<&'a str>,
    /// Whether the tensor is a leaf that requires a gradient; shown if `grad_fn` is `None`.
    pub requires_grad: bool,
}

const OPENING: &str = "tensor(";

/// Returns the textual form of a tensor, identical to PyTorch's `str(tensor)`.
///
/// `value` returns the element at a row-major index. It is called once for each displayed element.
///
/// ```
/// use rushlight::tensor::format::{PrintOptions, Suffixes, Value, format_tensor};
/// let suffixes = Suffixes { dtype: "float32", default_dtype: "float32", grad_fn: None, requires_grad: true };
/// let text = format_tensor(&[2], |i| Value::Float(i as f64 / 2.0), &suffixes, &PrintOptions::default());
/// assert_eq!(text, "tensor([0.0000, 0.5000], requires_grad=True)");
/// ```
pub fn format_tensor(
    shape: &[usize],
    value: impl Fn(usize) -> Value,
    suffixes: &Suffixes,
    options: &PrintOptions,
) -> String {
    let numel = shape.iter().fold(1, |n: usize, &size| n.saturating_mul(size));
    let mut text = String::from(OPENING);
    if numel == 0 {
        text += "[]";
    } else {
        // Only the edges of a dimension longer than both of them together are displayed.
        let keep = if numel > options.threshold { options.edgeitems } else { usize::MAX };
        let mut indices = vec![0];
        for &size in shape {
            let entries = move |index: usize| entries(size, keep).flatten().map(move |entry| index * size + entry);
            indices = indices.into_iter().flat_map(entries).collect();
        }
        let values: Vec<Value> = indices.into_iter().map(value).collect();
        let style = Style::of(&values, options);
        let elements = &mut values.iter().map(|&value| style.padded(value));
        Layout { keep, width: style.width, linewidth: options.linewidth }.write(
            &mut text,
            shape,
            elements,
            OPENING.len(),
        );
    }
    write_suffixes(&mut text, shape, numel == 0, suffixes, options.linewidth);
    text + ")"
}

/// The entries of a dimension that are shown: all of them, or `keep` at each end with a gap between (`None`).
fn entries(size: usize, keep: usize) -> impl Iterator<Item = Option<usize>> {
    let (head, tail) = if size > keep.saturating_mul(2) { (keep, size - keep) } else { (size, size) };
    (0..head).map(Some).chain((head < tail).then_some(None)).chain((tail..size).map(Some))
}

/// The notation of numbers, chosen by the displayed elements.
struct Style {
    notation: Notation,
    precision: usize,
    width: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Notation {
    /// Integers and booleans; floats without decimals, `1.`.
    Whole,
    /// `1.2500`
    Fixed,
    /// `1.2500e+00`
    Scientific,
}

impl Style {
    fn of(values: &[Value], options: &PrintOptions) -> Style {
        let mut style = Style { notation: Notation::Whole, precision: options.precision, width: 1 };
        // Zeros, infinities and NaN do not affect the choice.
        let decides = |value: &&Value| !matches!(value, Value::Float(x) if !x.is_finite() || *x == 0.0);
        let (mut whole, mut smallest, mut largest) = (true, f64::INFINITY, 0.0f64);
        for value in values.iter().filter(decides) {
            if let Value::Float(x) = value {
                whole &= x.fract() == 0.0;
                (smallest, largest) = (smallest.min(x.abs()), largest.max(x.abs()));
            }
        }
        if largest > 0.0 {
            let spread = largest / smallest > 1000.0 || largest > 1e8 || smallest < 1e-4;
            style.notation = match (options.sci_mode.unwrap_or(spread), whole) {
                (true, _) => Notation::Scientific,
                (false, true) => Notation::Whole,
                (false, false) => Notation::Fixed,
            };
        }
        style.width = values.iter().filter(decides).map(|&value| style.text(value).len()).max().unwrap_or(1);
        style
    }

    fn padded(&self, value: Value) -> String {
        format!("{:>1$}", self.text(value), self.width)
    }

    fn text(&self, value: Value) -> String {
        let precision = self.precision;
        match value {
            Value::Int(x) => x.to_string(),
            Value::Bool(true) => "True".into(),
            Value::Bool(false) => "False".into(),
            Value::Float(x) if x.is_nan() => "nan".into(),
            Value::Float(x) if x.is_infinite() => x.to_string(),
            // Rust rounds the exact binary value, half to even, as C's printf does.
            Value::Float(x) => match self.notation {
                Notation::Whole => format!("{x:.0}."),
                Notation::Fixed => format!("{x:.precision$}"),
                Notation::Scientific => {
                    let text = format!("{x:.precision$e}");
                    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
                    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |e| ('-', e));
                    format!("{digits}e{sign}{exponent:0>2}")
                }
            },
        }
    }
}

/// Brackets, commas and line breaks.
struct Layout {
    keep: usize,
    width: usize,
    linewidth: usize,
}

impl Layout {
    /// Writes the next block of `shape` from `elements` with `indent` characters before it on its line.
    fn write(&self, text: &mut String, shape: &[usize], elements: &mut impl Iterator<Item = String>, indent: usize) {
        let mut element = || elements.next().expect("one element for each place");
        let Some((&size, inner)) = shape.split_first() else {
            *text += &element();
            return;
        };
        let line_break = |count: usize| "\n".repeat(count) + &" ".repeat(indent + 1);
        text.push('[');
        if inner.is_empty() {
            let per_line = (self.linewidth.saturating_sub(indent) / (self.width + 2)).max(1);
            for (i, entry) in entries(size, self.keep).enumerate() {
                if i > 0 {
                    *text += ",";
                    *text += &if i % per_line == 0 { line_break(1) } else { " ".into() };
                }
                *text += &entry.map_or_else(|| " ...".into(), |_| element());
            }
        } else {
            for (i, entry) in entries(size, self.keep).enumerate() {
                if i > 0 {
                    *text += ",";
                    *text += &line_break(inner.len());
                }
                match entry {
                    Some(_) => self.write(text, inner, elements, indent + 1),
                    None => *text += "...",
                }
            }
        }
        text.push(']');
    }
}

fn write_suffixes(text: &mut String, shape: &[usize], empty: bool, suffixes: &Suffixes, linewidth: usize) {
    let &Suffixes { dtype, default_dtype, grad_fn, requires_grad } = suffixes;
    let mut parts = Vec::new();
    if empty && shape.len() != 1 {
        let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
        parts.push(format!("size=({})", sizes.join(", ")));
    }
    if dtype != default_dtype && (empty || !matches!(dtype, "int64" | "bool")) {
        parts.push(format!("dtype=torch.{dtype}"));
    }
    if let Some(name) = grad_fn {
        parts.push(format!("grad_fn=<{name}>"));
    } else if requires_grad {
        parts.push("requires_grad=True".into());
    }
    // PyTorch counts the last line, the closing bracket and one more character.
    let mut line = text.len() - text.rfind('\n').map_or(0, |i| i + 1) + 2;
    for part in parts {
        if line + part.len() + 2 > linewidth {
            *text += ",\n";
            *text += &" ".repeat(OPENING.len());
            line = OPENING.len() + part.len();
        } else {
            *text += ", ";
            line += part.len() + 2;
        }
        *text += &part;
    }
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
