//! Imports point downward only: the module order of ARCHITECTURE.md, enforced by scanning every `crate::…` path of the
//! library. And every public function is documented, and `docs/chapter.md` is true.

mod chapter;
mod documentation;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// From the bottom up. A module imports from lower lines only, not from its own line or from higher ones.
const ORDER: &[&[&str]] = &[
    &["error"],
    &["random"],
    &["backend"],
    &["tensor"],
    &["autograd"],
    &["ops"],
    &["io"],
    &["nn"],
    &["optim", "data"],
    &["vision", "plot"],
    &["prelude"],
];

/// The cycles that ARCHITECTURE.md names: (importing module, imported module, reason).
const CYCLES: &[(&str, &str, &str)] = &[
    ("backend", "tensor", "methods of a backend take the guards that `tensor::storage` creates"),
    ("tensor", "autograd", "a tensor holds its edge in the graph"),
    ("autograd", "ops", "gradients are accumulated with operations"),
];

/// The module that each name at the root of the crate comes from: modules themselves, re-exports of lib.rs, and macros.
type Names = BTreeMap<String, String>;

/// The code without comments and without the unit tests at the end of a file.
fn code_of(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(|line| line.find("//").map_or(line, |at| &line[..at])).collect();
    let is_tests = |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{');
    let end = lines.windows(2).position(is_tests).unwrap_or(lines.len());
    lines[..end].join("\n")
}

fn identifier(text: &str) -> &str {
    &text[..text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())]
}

/// The first segment of every path relative to the crate root: `a`, `b` and `c` of `crate::a::x` and
/// `crate::{b::y, c}`.
fn roots(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, root) in code.match_indices("crate::").chain(code.match_indices("rushlight::")) {
        let rest = &code[at + root.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.push(identifier(rest));
            continue;
        };
        let (mut depth, mut begin) = (0, 0);
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    found.push(identifier(group[begin..i].trim()));
                    begin = i + 1;
                }
                _ => {}
            }
            if c == '}' && begin == i + 1 {
                break;
            }
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

/// Declarations and re-exports of lib.rs.
fn names_of(lib: &str) -> Names {
    let mut names = Names::new();
    for item in code_of(lib).split(';') {
        let mut item = item.trim_matches(|c: char| c.is_whitespace() || c == '}');
        while let Some((_attribute, rest)) = item.strip_prefix('#').and_then(|rest| rest.split_once(']')) {
            item = rest.trim_start();
        }
        let item = item.strip_prefix("pub ").unwrap_or(item);
        if let Some(module) = item.strip_prefix("mod ") {
            names.insert(identifier(module).into(), identifier(module).into());
        } else if let Some(path) = item.strip_prefix("use ") {
            let (from, list) = path.split_once('{').or_else(|| path.rsplit_once("::")).unwrap_or((path, path));
            for name in list.split(',') {
                names.insert(name.trim().into(), identifier(from).into());
            }
        }
    }
    names
}

fn height(module: &str) -> Option<usize> {
    ORDER.iter().position(|line| line.contains(&module))
}

/// The upward imports of a file of `module`, as messages.
fn violations(module: &str, code: &str, names: &Names) -> Vec<String> {
    let upward = |name: &&str| {
        let Some(from) = names.get(*name).map(String::as_str) else { return true };
        // Re-exports from other crates are below everything.
        from != module
            && height(from).is_some_and(|from| height(module) <= Some(from))
            && !CYCLES.iter().any(|(importer, imported, _)| (*importer, *imported) == (module, from))
    };
    let found: Vec<&str> = roots(code).into_iter().filter(upward).collect();
    found.iter().map(|name| format!("`{module}` imports `crate::{name}`")).collect()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.to_str().unwrap().ends_with("tests.rs") {
            found.push(path);
        }
    }
}

#[test]
fn imports_point_downward() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    files(&src, &mut paths);
    let lib = src.join("lib.rs");
    paths.retain(|path| *path != lib);
    let sources: Vec<(String, PathBuf, String)> = paths
        .into_iter()
        .map(|path| {
            let first = path.strip_prefix(&src).unwrap().iter().next().unwrap().to_str().unwrap();
            (first.trim_end_matches(".rs").to_string(), path.clone(), code_of(&fs::read_to_string(&path).unwrap()))
        })
        .collect();
    let mut names = names_of(&fs::read_to_string(&lib).unwrap());
    for (module, _, code) in &sources {
        let macros = code.match_indices("macro_rules! ").map(|(at, word)| identifier(&code[at + word.len()..]));
        names.extend(macros.map(|name| (name.to_string(), module.clone())));
    }
    let mut faults = Vec::new();
    for (module, path, code) in &sources {
        if height(module).is_none() {
            faults.push(format!("`{module}` is missing from the order"));
        }
        faults.extend(violations(module, code, &names).iter().map(|fault| format!("{}: {fault}", path.display())));
    }
    assert!(faults.is_empty(), "imports that ARCHITECTURE.md does not allow:\n{}", faults.join("\n"));
}

#[test]
fn violations_are_detected() {
    let names = names_of(
        "mod error;\nmod ops;\npub mod nn;\npub mod tensor;\npub mod autograd;\npub mod optim;\npub mod data;\npub use error::{Error, Result};\n#[cfg(feature = \"y\")]\npub use tensor::{\n    Layout,\n    Tensor,\n};\npub use rushlight_kernels::threads::num_threads;\n",
    );
    let found = |module: &str, code: &str| violations(module, &code_of(code), &names).len();
    // Downward, within a module, through a named cycle, and to other crates.
    assert_eq!(found("nn", "use crate::ops::conv;\nuse crate::{Result, nn::Module, tensor::{Layout, Tensor}};"), 0);
    assert_eq!(found("tensor", "use crate::autograd::Edge;"), 0);
    assert_eq!(found("ops", "crate::num_threads()"), 0);
    // Upward: in a list, after a nested list, by a re-exported name, in the middle of code.
    assert_eq!(found("ops", "use crate::nn::Linear;"), 1);
    assert_eq!(found("ops", "use crate::{Result, tensor::{Layout, Tensor}, nn::{Linear, Module}, optim};"), 2);
    assert_eq!(found("error", "use crate::Tensor;"), 1);
    assert_eq!(found("ops", "fn f() {\n    let x = rushlight::nn::Linear::new(1, 1);\n}"), 1);
    // Sideways, and an undeclared name.
    assert_eq!(found("optim", "use crate::data::Dataset;"), 1);
    assert_eq!(found("nn", "use crate::nowhere;"), 1);
    // Comments and unit tests may name anything.
    assert_eq!(
        found(
            "ops",
            "// see crate::nn\n/// [`crate::nn::Linear`]\n#[cfg(test)]\nmod tests {\n    use crate::nn::Linear;\n}"
        ),
        0
    );
}
