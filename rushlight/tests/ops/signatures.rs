//! The library's declarations of its operations: the attribute `#[op(torch = "…")]` names PyTorch's signature. Parsed
//! from the source of `src/ops`, to find operations without a row, and for the coverage table.

use crate::FAMILIES;
use crate::harness::Row;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::LitStr;
use syn::buffer::{Cursor, TokenBuffer};

/// One `#[op(…)]`.
struct Operation {
    /// The method without `try_` and `_with`.
    name: String,
    /// PyTorch's signature as written, `-` if PyTorch has no such operation.
    torch: Option<String>,
}

/// PyTorch's signature of an operation.
struct Signature {
    name: String,
    /// The arguments with their defaults; `*` precedes the keyword-only arguments.
    arguments: Vec<(String, Option<String>)>,
}

/// Names in ATen that Python spells differently.
const ATEN: [(&str, &str); 1] = [("slice", "x[start:end:step]")];

/// Collects the source files in a folder and its subfolders.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for path in entries.map(|entry| entry.expect("a directory entry").path()) {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// All operations of `src/ops`.
fn operations() -> Vec<Operation> {
    let mut paths = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ops"), &mut paths);
    paths.sort();
    let mut found = Vec::new();
    for path in &paths {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let tokens = syn::parse_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let buffer = TokenBuffer::new2(tokens);
        collect(buffer.begin(), &mut None, &mut found);
    }
    found
}

/// Finds each `#[op(…)]` and the name `try_…` that follows it, also inside macro invocations.
fn collect(mut cursor: Cursor<'_>, attribute: &mut Option<Attribute>, found: &mut Vec<Operation>) {
    while !cursor.eof() {
        if let Some((punct, next)) = cursor.punct()
            && punct.as_char() == '#'
            && let Some((inner, _, _, after)) = next.any_group()
            && let Some(op) = Attribute::parse(inner)
        {
            (*attribute, cursor) = (Some(op), after);
        } else if let Some((inner, _, _, next)) = cursor.any_group() {
            collect(inner, attribute, found);
            cursor = next;
        } else if let Some((ident, next)) = cursor.ident() {
            if let Some(name) = ident.to_string().strip_prefix("try_")
                && let Some(attribute) = attribute.take()
            {
                found.push(attribute.of(name));
            }
            cursor = next;
        } else {
            cursor = cursor.token_tree().expect("not at the end").1;
        }
    }
}

/// The arguments of `#[op(…)]`.
struct Attribute {
    torch: Option<String>,
    with: bool,
}

impl Attribute {
    /// The content of the brackets, if it is `op`.
    fn parse(cursor: Cursor<'_>) -> Option<Attribute> {
        let (ident, next) = cursor.ident()?;
        if ident != "op" {
            return None;
        }
        let mut attribute = Attribute { torch: None, with: false };
        let Some((mut cursor, _, _, _)) = next.any_group() else { return Some(attribute) };
        while let Some((_, next)) = cursor.token_tree() {
            attribute.with |= cursor.ident().is_some_and(|(ident, _)| ident == "with");
            if let Some((literal, _)) = cursor.literal() {
                attribute.torch = syn::parse_str::<LitStr>(&literal.to_string()).ok().map(|text| text.value());
            }
            cursor = next;
        }
        Some(attribute)
    }

    fn of(self, name: &str) -> Operation {
        let base = match (self.with, name.strip_suffix("_with"), name.strip_suffix("_with_")) {
            (true, Some(base), _) => base.to_owned(),
            (true, _, Some(base)) => format!("{base}_"),
            _ => name.to_owned(),
        };
        Operation { name: base, torch: self.torch }
    }
}

impl Signature {
    /// `name(argument, argument=default, *, …)`.
    fn parse(text: &str) -> Result<Signature, String> {
        let wrong = || format!("expected `name(argument, argument=default)`, got `{text}`");
        let (name, rest) = text.split_once('(').ok_or_else(wrong)?;
        let inner = rest.strip_suffix(')').ok_or_else(wrong)?;
        let identifier = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let mut arguments = Vec::new();
        for argument in inner.split(',').map(str::trim).filter(|_| !inner.is_empty()) {
            let (name, default) = match argument.split_once('=') {
                Some((name, default)) if !default.is_empty() => (name, Some(default.to_owned())),
                Some(_) => return Err(wrong()),
                None => (argument, None),
            };
            if name != "*" && !identifier(name.trim_start_matches('*')) {
                return Err(wrong());
            }
            arguments.push((name.to_owned(), default));
        }
        if !identifier(name) {
            return Err(wrong());
        }
        Ok(Signature { name: name.to_owned(), arguments })
    }
}

/// PyTorch's names by namespace.
fn torch_names() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let lines = include_str!("../golden/torch_api.txt").lines();
    let parse = |line: &'static str| {
        let (space, names) = line.split_once(": ").expect("`namespace: names`");
        (space, names.split(' ').collect())
    };
    lines.map(parse).collect()
}

fn failing(problems: Vec<String>) -> Result<(), String> {
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

pub(crate) fn every_operation_has_a_row() -> Result<(), String> {
    let operations: BTreeSet<String> = operations().into_iter().map(|operation| operation.name).collect();
    let rows: Vec<Row> = FAMILIES.iter().flat_map(|family| (family.rows)()).filter(|row| !row.operator).collect();
    let listed: Vec<&str> = rows.iter().flat_map(|row| row.names().into_iter().chain(row.method)).collect();
    let mut problems = Vec::new();
    for operation in &operations {
        match listed.iter().filter(|name| *name == operation).count() {
            0 => problems.push(format!("{operation} has no row")),
            1 => {}
            count => problems.push(format!("{operation} has {count} rows")),
        }
    }
    let unknown = listed.iter().filter(|name| !operations.contains(**name));
    problems.extend(unknown.map(|name| format!("the row {name} matches no operation of src/ops")));
    if operations.len() < rows.len() / 2 {
        problems.push(format!("only {} operations were found in src/ops", operations.len()));
    }
    failing(problems)
}

pub(crate) fn every_signature_is_pytorchs() -> Result<(), String> {
    let names = torch_names();
    let known =
        |name: &str| names.values().any(|space| space.contains(name)) || ATEN.iter().any(|(aten, _)| *aten == name);
    let mut problems = Vec::new();
    for Operation { name, torch } in operations() {
        match torch.as_deref().map(|torch| (torch, Signature::parse(torch))) {
            None => problems.push(format!("{name} does not specify PyTorch's signature")),
            Some(("-", _)) => {}
            Some((_, Err(message))) => problems.push(format!("{name}: {message}")),
            Some((_, Ok(signature))) if !known(&signature.name) => {
                problems.push(format!("{name}: PyTorch has no {}", signature.name));
            }
            Some(_) => {}
        }
    }
    failing(problems)
}

/// Prints each operation next to PyTorch's, and the coverage of each namespace.
pub(crate) fn coverage() -> Result<(), String> {
    let operations = operations();
    println!("\n{:<36}PyTorch", "Rushlight");
    let mut covered = BTreeSet::new();
    for Operation { name, torch } in &operations {
        let Some(Ok(signature)) = torch.as_deref().map(Signature::parse) else {
            println!("{name:<36}-");
            continue;
        };
        let argument = |(name, default): &(String, Option<String>)| match default {
            Some(default) => format!("{name}={default}"),
            None => name.clone(),
        };
        let arguments: Vec<String> = signature.arguments.iter().map(argument).collect();
        println!("{name:<36}{}({})", signature.name, arguments.join(", "));
        covered.insert(signature.name);
    }
    println!();
    for (space, names) in torch_names() {
        let count = names.iter().filter(|name| covered.contains(**name)).count();
        println!("{space:<36}{count} of {} names", names.len());
    }
    Ok(())
}
