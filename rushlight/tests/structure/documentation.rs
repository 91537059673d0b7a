//! Every public function is documented as `docs/api-style.md` asks for: a sentence, its errors or panics, and an example unless it is
//! trivial; and `#[op]` names PyTorch's signature. Read from the source; the lint `unreachable_pub` ensures that whatever is `pub` can be
//! reached by users.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use syn::buffer::{Cursor, TokenBuffer};
use syn::{Attribute, Expr, FnArg, ImplItem, Item, LitStr, Meta, ReturnType, Signature, TraitItem, Type, Visibility};

#[derive(Clone, Default)]
struct Function {
    /// Where it stands, for messages.
    place: String,
    /// The type or trait that it belongs to.
    owner: Option<String>,
    name: String,
    docs: String,
    /// Written under `#[op]`: a panicking form exists, whose `# Panics` are the `# Errors`.
    op: bool,
    /// `#[op]` names PyTorch's signature, or `-`.
    torch: bool,
    /// The type that it returns is called `Result`.
    returns_result: bool,
    /// `#[track_caller]`.
    panics: bool,
    /// Returns a value and takes nothing but `self`.
    getter: bool,
    /// Returns its own type, as constructors and setters do.
    returns_owner: bool,
}

#[derive(Default)]
struct Library {
    functions: Vec<Function>,
    /// Public functions that call `panic!`, `assert!` or `ok`, and do not have a section `# Panics`, as sentences.
    undocumented_panics: Vec<String>,
    /// Types, traits, their implementations, and modules: (name, documentation).
    others: Vec<(String, String)>,
}

fn text_of(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    match &pair.value {
        Expr::Lit(literal) if attribute.path().is_ident("doc") => match &literal.lit {
            syn::Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

fn docs_of(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes.iter().filter_map(text_of).collect();
    lines.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// Whether there is an attribute `name(…)` with these arguments.
fn has(attributes: &[Attribute], name: &str, arguments: &str) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident(name) && list.tokens.to_string() == arguments,
        _ => false,
    })
}

fn last_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        Type::Reference(reference) => last_name(&reference.elem),
        // `impl dyn Module`
        Type::TraitObject(object) => object.bounds.iter().find_map(|bound| match bound {
            syn::TypeParamBound::Trait(bound) => bound.path.segments.last().map(|segment| segment.ident.to_string()),
            _ => None,
        }),
        _ => None,
    }
}

impl Library {
    /// The library's source.
    fn read() -> Library {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut paths = Vec::new();
        crate::files(&src, &mut paths);
        paths.sort();
        let mut library = Library::default();
        for path in paths {
            let text = fs::read_to_string(&path).unwrap();
            let place = path.strip_prefix(&src).unwrap().display().to_string();
            library.add(&place, &text);
        }
        library
    }

    fn add(&mut self, place: &str, text: &str) {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{place}: {error}"));
        let module = place.trim_end_matches(".rs").trim_end_matches("/mod").rsplit('/').next().unwrap();
        self.others.push((module.into(), docs_of(&file.attrs)));
        self.items(place, &file.items);
        let buffer = TokenBuffer::new2(syn::parse_str(text).unwrap());
        self.panics(place, buffer.begin());
    }

    /// Looks for panics in the bodies of public functions, which are read as tokens.
    fn panics(&mut self, place: &str, mut cursor: Cursor<'_>) {
        // The attributes in front of an item without spaces, and the name of a public function until its body is found.
        let (mut attributes, mut public, mut name) = (String::new(), false, None);
        while let Some((tree, next)) = cursor.token_tree() {
            if let Some((inner, _, _, after)) = cursor.any_group() {
                match opening(cursor) {
                    '[' if name.is_none() => attributes += &tree.to_string().replace(' ', ""),
                    // `pub(crate)`
                    '(' if name.is_none() => public = false,
                    '{' => {
                        let is = |what: &[&str]| what.iter().any(|what| attributes.contains(what));
                        if let Some(name) = name.take() {
                            if may_panic(inner) && !is(&["#Panics", "[op]", "[op(", "doc(hidden)"]) {
                                let fault = format!("{place}: {name} panics and has no section `# Panics`");
                                self.undocumented_panics.push(fault);
                            }
                        } else if !is(&["cfg(test)"]) {
                            self.panics(place, inner);
                        }
                        (attributes, public) = (String::new(), false);
                    }
                    _ => {}
                }
                cursor = after;
                continue;
            }
            if let Some((word, after)) = cursor.ident() {
                if word == "pub" {
                    public = true;
                } else if word == "fn" && public {
                    name = after.ident().map(|(name, _)| name.to_string());
                }
            } else if cursor.punct().is_some_and(|(punct, _)| punct.as_char() == ';') {
                (attributes, public, name) = (String::new(), false, None);
            }
            cursor = next;
        }
    }

    fn items(&mut self, place: &str, items: &[Item]) {
        for item in items {
            match item {
                // Modules with files of their own are read from those.
                Item::Mod(module) if matches!(module.vis, Visibility::Public(_)) => {
                    self.items(place, module.content.as_ref().map_or(&[], |(_, items)| items));
                }
                Item::Fn(function) if matches!(function.vis, Visibility::Public(_)) => {
                    self.function(place, None, &function.attrs, &function.sig);
                }
                Item::Impl(block) => {
                    let owner = last_name(&block.self_ty);
                    for item in &block.items {
                        let ImplItem::Fn(function) = item else { continue };
                        if block.trait_.is_some() {
                            // Documented by the trait, but links may lead to it.
                            let name = format!("{}::{}", owner.as_deref().unwrap_or_default(), function.sig.ident);
                            self.others.push((name, docs_of(&function.attrs)));
                        } else if matches!(function.vis, Visibility::Public(_)) {
                            self.function(place, owner.clone(), &function.attrs, &function.sig);
                        }
                    }
                }
                Item::Trait(block) => {
                    self.others.push((block.ident.to_string(), docs_of(&block.attrs)));
                    for item in &block.items {
                        if let TraitItem::Fn(function) = item
                            && matches!(block.vis, Visibility::Public(_))
                        {
                            self.function(place, Some(block.ident.to_string()), &function.attrs, &function.sig);
                        }
                    }
                }
                Item::Struct(item) => self.others.push((item.ident.to_string(), docs_of(&item.attrs))),
                Item::Enum(item) => self.others.push((item.ident.to_string(), docs_of(&item.attrs))),
                Item::Type(item) => self.others.push((item.ident.to_string(), docs_of(&item.attrs))),
                Item::Macro(item) => {
                    let buffer = TokenBuffer::new2(item.mac.tokens.clone());
                    self.tokens(place, buffer.begin());
                }
                _ => {}
            }
        }
    }

    fn function(&mut self, place: &str, owner: Option<String>, attributes: &[Attribute], signature: &Signature) {
        if has(attributes, "doc", "hidden") {
            return;
        }
        let op = attributes.iter().find(|attribute| attribute.path().is_ident("op"));
        let names_torch =
            |op: &Attribute| matches!(&op.meta, Meta::List(list) if list.tokens.to_string().contains("torch"));
        let output = match &signature.output {
            ReturnType::Type(_, ty) => last_name(ty),
            ReturnType::Default => None,
        };
        let name = signature.ident.to_string();
        self.functions.push(Function {
            place: format!("{place}: {name}"),
            docs: docs_of(attributes),
            op: op.is_some(),
            torch: op.is_some_and(names_torch),
            returns_result: output.as_deref() == Some("Result"),
            panics: attributes.iter().any(|attribute| attribute.path().is_ident("track_caller")),
            getter: matches!(signature.output, ReturnType::Type(..))
                && signature.inputs.iter().all(|input| matches!(input, FnArg::Receiver(_))),
            returns_owner: output.is_some_and(|output| output == "Self" || Some(&output) == owner.as_ref()),
            owner,
            name,
        });
    }

    /// The operations in the invocation of a macro, which implements them on tensors: `#[op(…)]` and the name `try_…` after it.
    fn tokens(&mut self, place: &str, mut cursor: Cursor<'_>) {
        let mut found = Function { owner: Some("Tensor".into()), returns_result: true, ..Function::default() };
        while !cursor.eof() {
            if let Some((punct, next)) = cursor.punct()
                && punct.as_char() == '#'
                && let Some((inner, _, _, after)) = next.any_group()
            {
                if let Some((ident, rest)) = inner.ident() {
                    if ident == "doc" {
                        let line = rest.punct().and_then(|(_, rest)| rest.literal());
                        let line = line.and_then(|(line, _)| syn::parse_str::<LitStr>(&line.to_string()).ok());
                        let line = line.map_or(String::new(), |line| line.value());
                        found.docs += line.strip_prefix(' ').unwrap_or(&line);
                        found.docs.push('\n');
                    } else if ident == "op" {
                        (found.op, found.torch) = (true, true);
                    }
                }
                cursor = after;
            } else if let Some((inner, _, _, next)) = cursor.any_group() {
                self.tokens(place, inner);
                cursor = next;
            } else if let Some((ident, next)) = cursor.ident() {
                if found.op && ident.to_string().starts_with("try_") {
                    let name = ident.to_string();
                    self.functions.push(Function { place: format!("{place}: {name}"), name, ..found.clone() });
                    (found.docs, found.op, found.torch) = (String::new(), false, false);
                }
                cursor = next;
            } else {
                if cursor.punct().is_some_and(|(punct, _)| punct.as_char() == ';') {
                    found.docs.clear();
                }
                cursor = cursor.token_tree().expect("not at the end").1;
            }
        }
    }

    /// The names of functions, types, traits and modules whose documentation has an example.
    fn shown(&self) -> BTreeSet<String> {
        let types = self.others.iter().filter(|(_, docs)| has_example(docs)).map(|(name, _)| name.clone());
        let functions = self.functions.iter().filter(|function| has_example(&function.docs));
        types.chain(functions.flat_map(Function::names)).collect()
    }

    /// What the rules do not allow, as sentences.
    fn faults(&self) -> Vec<String> {
        let shown = self.shown();
        let mut faults = self.undocumented_panics.clone();
        for function in &self.functions {
            let mut fault = |what: &str| faults.push(format!("{} {what}", function.place));
            if !has_sentence(&function.docs) {
                fault("does not begin with a sentence");
            }
            if (function.op || function.returns_result) && section(&function.docs, "# Errors").is_empty() {
                fault("has no section `# Errors`");
            }
            if function.panics && section(&function.docs, "# Panics").is_empty() {
                fault("has no section `# Panics`");
            }
            if function.op && !function.torch && (function.owner.is_none() || function.is_operation()) {
                fault("does not name PyTorch's signature: `#[op(torch = \"…\")]`");
            }
            if !self.is_shown(function, &shown) {
                fault("has no example and refers to none");
            }
        }
        faults
    }

    /// Whether there is an example in the documentation of a function, or of a function or a type that it links to in front of its
    /// first heading. Operations need that; other functions may also be trivial (getters; constructors and setters that cannot fail),
    /// or rely on the example of their type, their trait, or what those link to.
    fn is_shown(&self, function: &Function, shown: &BTreeSet<String>) -> bool {
        let owner = function.owner.as_deref().unwrap_or_default();
        if has_example(&function.docs) || links(&function.docs, owner).iter().any(|link| shown.contains(link)) {
            return true;
        }
        if function.is_operation() {
            return false;
        }
        let fallible = function.op || function.returns_result;
        let trivial = !fallible && (function.getter || function.returns_owner);
        let of_owner = |(name, docs): &(String, String)| {
            name == owner && (has_example(docs) || links(docs, owner).iter().any(|link| shown.contains(link)))
        };
        trivial || self.others.iter().any(of_owner)
    }
}

impl Function {
    /// Whether it is an operation on tensors.
    fn is_operation(&self) -> bool {
        self.op && self.owner.as_deref() == Some("Tensor")
    }

    /// The names that links call the function by: `view` and `try_view` of `Tensor` are `Tensor::view`; that with options is `conv2d`
    /// and `conv2d_with`.
    fn names(&self) -> Vec<String> {
        let name = self.name.strip_prefix("try_").unwrap_or(&self.name);
        let base = name.strip_suffix("_with").map(str::to_string);
        let base = base.or_else(|| name.strip_suffix("_with_").map(|base| format!("{base}_")));
        let full = |name: &str| self.owner.as_ref().map_or(name.into(), |owner| format!("{owner}::{name}"));
        base.iter().map(String::as_str).chain([name]).map(full).collect()
    }
}

/// The bracket that a group begins with; a space if there is no group.
fn opening(cursor: Cursor<'_>) -> char {
    // The type of the delimiter belongs to a crate that this one does not depend on.
    match cursor.any_group().map(|(_, delimiter, _, _)| format!("{delimiter:?}")).as_deref() {
        Some("Parenthesis") => '(',
        Some("Bracket") => '[',
        Some("Brace") => '{',
        _ => ' ',
    }
}

/// Whether a body calls a macro that panics, or `ok`, which panics with an error. What cannot happen is `expect` and `unreachable!`.
fn may_panic(mut cursor: Cursor<'_>) -> bool {
    let mut method = false;
    while let Some((_, next)) = cursor.token_tree() {
        if let Some((inner, _, _, after)) = cursor.any_group() {
            if may_panic(inner) {
                return true;
            }
            cursor = after;
            continue;
        }
        if let Some((word, after)) = cursor.ident() {
            let called = opening(after) == '(';
            let is_macro = after.punct().is_some_and(|(punct, _)| punct.as_char() == '!');
            let panics = ["panic", "assert", "assert_eq", "assert_ne", "todo", "unimplemented"];
            if is_macro && panics.iter().any(|name| word == name) || called && !method && word == "ok" {
                return true;
            }
        }
        method = cursor.punct().is_some_and(|(punct, _)| punct.as_char() == '.');
        cursor = next;
    }
    false
}

/// The paragraph at the beginning ends with a full stop.
fn has_sentence(docs: &str) -> bool {
    let first: Vec<&str> = docs.lines().take_while(|line| !line.trim().is_empty()).collect();
    let first = first.join(" ");
    !first.starts_with('#') && first.trim_end_matches(')').ends_with('.')
}

fn has_example(docs: &str) -> bool {
    docs.lines().any(|line| ["```", "```no_run", "```should_panic"].contains(&line))
}

/// The text of a section.
fn section(docs: &str, heading: &str) -> String {
    let lines = docs.lines().skip_while(|line| *line != heading).skip(1);
    lines
        .take_while(|line| !line.starts_with("# ") && !line.starts_with("```"))
        .collect::<Vec<_>>()
        .join("\n")
        .trim()
        .into()
}

/// What the text in front of the first heading links to, as [`Function::names`] spells it.
fn links(docs: &str, owner: &str) -> Vec<String> {
    let mut rest: &str = docs.split("\n# ").next().unwrap_or_default();
    let mut found = Vec::new();
    while let Some((_, after)) = rest.split_once("[`") {
        let Some((label, after)) = after.split_once("`]") else { break };
        let target =
            after.strip_prefix('(').and_then(|after| after.split_once(')')).map_or(label, |(target, _)| target);
        rest = after;
        let path: Vec<&str> = target.rsplit("::").take(2).collect();
        let name = path[0].strip_prefix("try_").unwrap_or(path[0]);
        found.push(match path.get(1) {
            Some(&"Self") => format!("{owner}::{name}"),
            Some(of) if of.starts_with(char::is_uppercase) => format!("{of}::{name}"),
            _ => name.to_string(),
        });
    }
    found
}

#[test]
fn every_public_function_is_documented() {
    let library = Library::read();
    let operations = library.functions.iter().filter(|function| function.is_operation()).count();
    assert!(library.functions.len() > 500 && operations > 200, "only {operations} operations were found");
    let faults = library.faults();
    assert!(faults.is_empty(), "{} faults in the documentation:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn a_missing_section_is_found() {
    let faults = |text: &str| {
        let mut library = Library::default();
        library.add("ops/new.rs", text);
        library.faults().len()
    };
    let operation = |docs: &str| {
        faults(&format!(
            "impl Tensor {{\n{docs}\n#[op(torch = \"f(x)\")]\npub fn try_f(&self) -> Result<Tensor> {{}}\n}}"
        ))
    };
    let in_macro =
        |docs: &str| faults(&format!("smooth! {{\n{docs}\n#[op(torch = \"f(x)\")]\ntry_f = F, \"f\", |x, g| g;\n}}"));
    for faults_of in [&operation as &dyn Fn(&str) -> usize, &in_macro] {
        assert_eq!(faults_of("/// Computes f.\n///\n/// # Errors\n/// If g.\n///\n/// ```\n/// f();\n/// ```"), 0);
        assert_eq!(faults_of("/// Computes f\n///\n/// # Errors\n/// If g.\n///\n/// ```\n/// f();\n/// ```"), 1);
        assert_eq!(faults_of("/// Computes f.\n///\n/// ```\n/// f();\n/// ```"), 1);
        assert_eq!(faults_of("/// Computes f.\n///\n/// # Errors\n///\n/// ```\n/// f();\n/// ```"), 1);
        assert_eq!(faults_of("/// Computes f.\n///\n/// # Errors\n/// If g."), 1);
        assert_eq!(faults_of("/// [`f`](Tensor::f) in-place.\n///\n/// # Errors\n/// If g."), 1);
        assert_eq!(faults_of(""), 3);
    }
    // Links to an example, also by way of the type.
    let shown = "/// Is it.\n///\n/// ```\n/// f();\n/// ```\npub struct Layer;\n/// The options of a [`Layer`].\npub struct Builder;\n";
    assert_eq!(
        faults(&format!(
            "{shown}impl Builder {{\n/// Builds.\n///\n/// # Errors\n/// If g.\n#[op]\npub fn try_build(self) -> Result<Layer> {{}}\n}}"
        )),
        0
    );
    assert_eq!(faults(&format!("{shown}/// [`Layer`] of f.\npub fn f(x: u8) {{}}")), 0);
    assert_eq!(faults(&format!("{shown}/// Layer of f.\npub fn f(x: u8) {{}}")), 1);
    // What nobody can call, and what is trivial.
    assert_eq!(faults("pub(crate) fn f(x: u8) {}\nfn g(x: u8) {}\n#[doc(hidden)]\npub fn h(x: u8) {}"), 0);
    assert_eq!(
        faults("impl A {\n/// Returns f.\npub fn f(&self) -> u8 {}\n/// Sets g.\npub fn g(self, g: u8) -> A {}\n}"),
        0
    );
    assert_eq!(faults("impl A {\n/// Does f.\npub fn f(&self, x: u8) -> u8 {}\n}"), 1);
    // Panics, also in nested blocks.
    let body = |body: &str| faults(&format!("/// Returns f.\npub fn f() -> u8 {{ {body} }}"));
    assert_eq!(body("x.ok(); x.expect(\"a\")"), 0);
    assert_eq!(body("if g { assert!(x > 0) }"), 1);
    assert_eq!(body("loop { crate::error::ok(x) }"), 1);
    assert_eq!(faults("/// Returns f.\n///\n/// # Panics\n/// If g.\npub fn f() -> u8 { panic!() }"), 0);
    assert_eq!(faults("/// Returns f.\npub(crate) fn f() -> u8 { panic!() }"), 0);
    assert_eq!(faults("impl A {\n/// Returns f.\n#[track_caller]\npub fn f(&self) -> u8 {}\n}"), 1);
}
