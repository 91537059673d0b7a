//! `docs/chapter.md` is true: the examples, tests and public names of its tables exist.

use crate::{code_of, identifier};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The code spans of a cell.
fn spans(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Whether a source file declares or exports `name` in public. `#[op]` makes `name` from `try_name` and `try_name_with`.
fn declares(code: &str, name: &str) -> bool {
    let after = |keyword: &'static str| code.match_indices(keyword).map(|(at, _)| &code[at + keyword.len()..]);
    let exported = after("pub use ").any(|rest| {
        let list = &rest[..rest.find(';').unwrap_or(rest.len())];
        list.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
    });
    let function = after("pub fn ").map(identifier).any(|function| {
        let stem = function.strip_prefix("try_").unwrap_or(function);
        // An underscore for in-place stays at the end.
        [stem.to_string(), stem.replace("_with", "")].iter().any(|stem| stem == name)
    });
    let others = ["pub struct ", "pub trait ", "pub enum ", "pub mod ", "macro_rules! "];
    exported || function || others.into_iter().flat_map(after).any(|rest| identifier(rest) == name)
}

/// An error unless `path` is public: `nn::Linear`, or a method `Tensor::relu`.
fn check_name(path: &str) -> Result<(), String> {
    let (mut folder, mut segments) = (root().join("src"), path.split("::").peekable());
    while segments.peek().is_some_and(|segment| folder.join(segment).is_dir()) {
        folder.extend(segments.next());
    }
    let file = [folder.join("mod.rs"), folder.join("lib.rs")].into_iter().find(|file| file.exists()).unwrap();
    let name = segments.next().ok_or(format!("{path} is a module"))?;
    if !declares(&code_of(&fs::read_to_string(&file).unwrap()), name) {
        return Err(format!("{path}: {} has no public {name}", file.display()));
    }
    let Some(method) = segments.next() else { return Ok(()) };
    let mut sources = Vec::new();
    crate::files(&root().join("src"), &mut sources);
    let found = sources.iter().any(|source| declares(&code_of(&fs::read_to_string(source).unwrap()), method));
    if found { Ok(()) } else { Err(format!("{path}: no source file has a public {method}")) }
}

/// An error unless `place` is a file of the library's examples or tests, and has the test or row after `::`.
fn check_place(place: &str) -> Result<(), String> {
    let (file, test) = place.split_once("::").map_or((place, None), |(file, test)| (file, Some(test)));
    if !file.starts_with("examples/") && !file.starts_with("tests/") || test.is_some() != file.starts_with("tests/") {
        return Err(format!("expected examples/NAME.rs or tests/FILE.rs::TEST, got {place}"));
    }
    let text = fs::read_to_string(root().join(file)).map_err(|error| format!("{file}: {error}"))?;
    match test {
        Some(test) if !text.contains(&format!("fn {test}(")) && !text.contains(&format!("\"{test}\"")) => {
            Err(format!("{file} has no test or row {test}"))
        }
        _ => Ok(()),
    }
}

/// The faults of the tables of a page, and the number of their lines.
fn faults(page: &str) -> (Vec<String>, usize) {
    let mut faults = Vec::new();
    let mut lines = 0;
    for line in page.lines().filter(|line| line.starts_with('|') && !line.starts_with("| ---")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [what, names, places] = cells[..] else {
            faults.push(format!("expected three cells, got: {line}"));
            continue;
        };
        if [what, names, places] == ["the chapter", "here", "shown by"] {
            continue;
        }
        lines += 1;
        let mut add = |result: Result<(), String>| faults.extend(result.err().map(|fault| format!("{what}: {fault}")));
        if names != "-" && spans(names).is_empty() || spans(places).is_empty() {
            add(Err("expected a name, or -, and a place".into()));
        }
        spans(names).into_iter().map(check_name).for_each(&mut add);
        spans(places).into_iter().map(check_place).for_each(&mut add);
    }
    (faults, lines)
}

#[test]
fn the_table_of_the_chapter_is_true() {
    let path: PathBuf = root().join("../docs/chapter.md");
    let (faults, lines) = faults(&fs::read_to_string(&path).unwrap());
    assert!(faults.is_empty(), "{}:\n{}", path.display(), faults.join("\n"));
    assert!(lines > 30, "only {lines} lines were found");
}

/// Every example that a test runs is in a table.
#[test]
fn every_listing_is_in_the_table() {
    let page = fs::read_to_string(root().join("../docs/chapter.md")).unwrap();
    let tests = fs::read_to_string(root().join("tests/models/examples.rs")).unwrap();
    let examples = fs::read_dir(root().join("examples")).unwrap().map(|entry| entry.unwrap().file_name());
    for example in examples.map(|name| name.into_string().unwrap()) {
        let is_run = tests.contains(&format!("\"{}\"", Path::new(&example).file_stem().unwrap().to_str().unwrap()));
        assert!(!is_run || page.contains(&format!("`examples/{example}`")), "docs/chapter.md does not name {example}");
    }
}

#[test]
fn stale_lines_are_detected() {
    let fault = |names: &str, places: &str| {
        let (faults, lines) =
            faults(&format!("| the chapter | here | shown by |\n| --- | --- | --- |\n| x | {names} | {places} |"));
        assert_eq!(lines, 1);
        faults.join("\n")
    };
    let example = "`examples/losses.rs`";
    for names in
        ["`nn::Linear`, `Tensor::relu`", "`optim::Optimizer`", "`vision::transforms::Resize`", "`manual_seed`", "-"]
    {
        assert_eq!(fault(names, example), "");
    }
    for names in ["`nn::Liner`", "`nn::relu`", "`Tensor::relo`", "`nn`", "`nowhere::Linear`", ""] {
        assert_ne!(fault(names, example), "", "{names}");
    }
    assert_eq!(fault("-", "`tests/ops/activation.rs::relu`, `tests/models/examples.rs::losses`"), "");
    for places in [
        "`examples/loses.rs`",
        "`tests/ops/activation.rs`",
        "`tests/ops/activation.rs::rela`",
        "`tests/ops/activation.rs::rel`",
        "`src/lib.rs`",
        "no place",
    ] {
        assert_ne!(fault("-", places), "", "{places}");
    }
}
