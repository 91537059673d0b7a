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

/// The elements of a part of a sparse tensor.
pub(crate) struct Part<'a> {
    /// Its shape.
    pub(crate) shape: &'a [usize],
    /// The element at a row-major index.
    pub(crate) value: &'a dyn Fn(usize) -> Value,
}

/// Returns the textual form of a sparse tensor of shape `size`, identical to PyTorch's `str(tensor)`.
pub(crate) fn format_sparse(
    size: &[usize],
    indices: &Part<'_>,
    values: &Part<'_>,
    suffixes: &Suffixes<'_>,
    options: &PrintOptions,
) -> String {
    let mut text = String::from(OPENING);
    for (name, part, end) in [("indices=tensor(", indices, "),\n"), ("values=tensor(", values, ")")] {
        if name.starts_with('v') {
            text += &" ".repeat(OPENING.len());
        }
        text += name;
        write_elements(&mut text, part.shape, part.value, options, OPENING.len() + name.len());
        if part.shape.contains(&0) {
            text += &format!(", size={}", tuple(part.shape));
        }
        text += end;
    }
    let mut parts = vec![format!("size={}", tuple(size)), format!("nnz={}", values.shape[0])];
    let &Suffixes { dtype, default_dtype, .. } = suffixes;
    if dtype != default_dtype && !matches!(dtype, "int64" | "bool") {
        parts.push(format!("dtype=torch.{dtype}"));
    }
    parts.push("layout=torch.sparse_coo".into());
    parts.extend(suffixes.history());
    write_suffixes(&mut text, parts, true, options.linewidth);
    text + ")"
}

/// Formats sizes as Python does: `(2, 3)`, `(2,)`, `()`.
fn tuple(sizes: &[usize]) -> String {
    match sizes {
        [size] => format!("({size},)"),
        _ => format!("({})", sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    }
}

impl Suffixes<'_> {
    /// How the tensor came about, or that it requires a gradient.
    fn history(&self) -> Option<String> {
        let leaf = || self.requires_grad.then(|| "requires_grad=True".to_owned());
        self.grad_fn.map(|name| format!("grad_fn=<{name}>")).or_else(leaf)
    }
}

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
    let mut text = String::from(OPENING);
    write_elements(&mut text, shape, value, options, OPENING.len());
    let empty = shape.contains(&0);
    let mut parts = Vec::new();
    if empty && shape.len() != 1 {
        parts.push(format!("size={}", tuple(shape)));
    }
    let &Suffixes { dtype, default_dtype, .. } = suffixes;
    if dtype != default_dtype && (empty || !matches!(dtype, "int64" | "bool")) {
        parts.push(format!("dtype=torch.{dtype}"));
    }
    parts.extend(suffixes.history());
    write_suffixes(&mut text, parts, false, options.linewidth);
    text + ")"
}

/// Writes the elements in brackets with `indent` characters before them on their line.
fn write_elements(
    text: &mut String,
    shape: &[usize],
    value: impl Fn(usize) -> Value,
    options: &PrintOptions,
    indent: usize,
) {
    let numel = shape.iter().fold(1, |n: usize, &size| n.saturating_mul(size));
    if numel == 0 {
        *text += "[]";
        return;
    }
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
    Layout { keep, width: style.width, linewidth: options.linewidth }.write(text, shape, elements, indent);
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

/// Writes the attributes, on a new line if the last one has no room or `new_line` is set.
fn write_suffixes(text: &mut String, parts: Vec<String>, mut new_line: bool, linewidth: usize) {
    // PyTorch counts the last line, the closing bracket and one more character.
    let mut line = text.len() - text.rfind('\n').map_or(0, |i| i + 1) + 2;
    for part in parts {
        if std::mem::take(&mut new_line) || line + part.len() + 2 > linewidth {
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
