//! `#[op]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, GenericArgument, ImplItemFn, Lit, LitStr, Meta, Pat, PathArguments, Result,
    ReturnType, Signature, Token, Type, TypeParamBound, Visibility, parse2,
};

/// The arguments of `#[op(…)]`.
struct Arguments {
    /// PyTorch's signature of the operation, or `-` if it does not exist in PyTorch.
    torch: Option<LitStr>,
    /// A function outside of an `impl` block.
    free: bool,
    /// The last argument is the options: a form without it is generated.
    with: bool,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Arguments> {
        let mut arguments = Arguments { torch: None, free: false, with: false };
        while !input.is_empty() {
            let name: Ident = input.parse()?;
            if name == "torch" {
                input.parse::<Token![=]>()?;
                arguments.torch = Some(input.parse()?);
            } else if name == "free" {
                arguments.free = true;
            } else if name == "with" {
                arguments.with = true;
            } else {
                return Err(Error::new(name.span(), "expected `torch = \"…\"`, `with` or `free`"));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(arguments)
    }
}

/// The documentation of a fallible function.
struct Docs {
    /// The same with the heading `# Panics` in place of `# Errors`.
    panicking: TokenStream,
    /// The text below that heading.
    conditions: String,
}

impl Docs {
    fn new(docs: &[Attribute]) -> Docs {
        let mut of = Docs { panicking: TokenStream::new(), conditions: String::new() };
        let mut inside = false;
        for doc in docs {
            let text = text(doc);
            let line = text.as_deref().map(str::trim);
            if line == Some("# Errors") {
                inside = true;
                of.panicking.extend(quote!(#[doc = " # Panics"]));
                continue;
            }
            inside &= line.is_some_and(|line| !line.starts_with("# ") && !line.starts_with("```"));
            if let Some(text) = text.filter(|_| inside) {
                of.conditions += &format!("\n{text}");
            }
            of.panicking.extend(quote!(#doc));
        }
        of
    }

    /// A section of the conditions; nothing if there is none.
    fn section(&self, heading: &str) -> String {
        if self.conditions.is_empty() { String::new() } else { format!("\n\n# {heading}{}", self.conditions) }
    }
}

/// The text of a line of documentation, as opposed to `#[doc(…)]`.
fn text(doc: &Attribute) -> Option<String> {
    let Meta::NameValue(doc) = &doc.meta else { return None };
    let mut value = &doc.value;
    // Macros wrap what they pass on in groups without delimiters.
    while let Expr::Group(group) = value {
        value = &group.expr;
    }
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

/// The generator of the other forms of a function.
struct Maker<'a> {
    arguments: &'a Arguments,
    others: &'a [Attribute],
    vis: &'a Visibility,
    /// The span that rustc underlines for a generated function: PyTorch's signature, else the attribute. With the span of the written
    /// function it would show `try_sum` to a user who wrote `sum`.
    span: Span,
}

impl Maker<'_> {
    /// The documentation link to another form.
    fn path(&self, name: &str) -> String {
        if self.arguments.free { format!("[`{name}`]") } else { format!("[`{name}`](Self::{name})") }
    }

    /// A call of the function `name` with the arguments of `sig` and additional ones.
    fn call(&self, name: &Ident, sig: &Signature, more: Option<TokenStream>) -> Result<TokenStream> {
        let mut names = Vec::new();
        let mut scope = if self.arguments.free { quote!() } else { quote!(Self::) };
        for input in &sig.inputs {
            match input {
                FnArg::Receiver(_) => scope = quote!(self.),
                FnArg::Typed(typed) => match &*typed.pat {
                    Pat::Ident(ident) => names.push(ident.ident.clone()),
                    other => return Err(Error::new_spanned(other, "#[op] expects plain argument names")),
                },
            }
        }
        Ok(quote!(#scope #name(#(#names,)* #more)))
    }

    /// The panicking form of the fallible function `sig`. Names of arguments and types keep their spans.
    fn panicking(
        &self,
        sig: &Signature,
        docs: &TokenStream,
        more: Option<TokenStream>,
        callee: &Ident,
    ) -> Result<TokenStream> {
        let mut panicking = sig.clone();
        let name = sig.ident.to_string();
        panicking.ident = Ident::new(name.strip_prefix("try_").unwrap_or(&name), self.span);
        panicking.output = ok_type(&sig.output)?.map_or(ReturnType::Default, |ty| syn::parse_quote!(-> #ty));
        let call = self.call(callee, sig, more)?;
        let (others, vis) = (self.others, self.vis);
        Ok(quote! {
            #docs
            #(#others)*
            #[track_caller]
            #[inline]
            #[allow(clippy::should_implement_trait, reason = "the operator calls this method")]
            #vis #panicking {
                crate::error::ok(#call)
            }
        })
    }
}

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let arguments: Arguments = parse2(attribute)?;
    let mut function: ImplItemFn = parse2(item)?;
    let written = function.sig.ident.clone();
    let written_name = written.to_string();
    let Some(without_try) = written_name.strip_prefix("try_") else {
        return Err(Error::new(written.span(), "#[op] expects a function named try_…"));
    };
    let (docs, others): (Vec<Attribute>, Vec<Attribute>) =
        function.attrs.drain(..).partition(|attribute| attribute.path().is_ident("doc"));
    let docs = Docs::new(&docs);
    let (errors, panics) = (docs.section("Errors"), docs.section("Panics"));
    let docs = docs.panicking;
    let span = arguments.torch.as_ref().map_or_else(Span::call_site, LitStr::span);
    let maker = Maker { arguments: &arguments, others: &others, vis: &function.vis, span };
    let path = |name: &str| maker.path(name);

    if !arguments.with {
        let more = format!("\n\n{} returns a `Result` instead of panicking.", path(&written_name));
        let panicking = maker.panicking(&function.sig, &quote!(#docs #[doc = #more]), None, &written)?;
        let refer = format!("{} that returns an error instead of panicking.{errors}", path(without_try));
        return Ok(quote! {
            #panicking

            #[doc = #refer]
            #(#others)*
            #function
        });
    }

    let Some(base) = base_name(without_try) else {
        return Err(Error::new(written.span(), "#[op(with)] expects a function named try_…_with or try_…_with_"));
    };
    let mut short = function.sig.clone();
    short.ident = Ident::new(&format!("try_{base}"), span);
    let options = match short.inputs.pop() {
        Some(FnArg::Typed(typed)) => options_type(&typed.ty),
        _ => return Err(Error::new(written.span(), "#[op(with)] expects the options as the last argument")),
    };
    let defaults = quote!(<#options as ::std::default::Default>::default());
    let (short_name, try_short) = (path(&base), path(&short.ident.to_string()));
    let (with_name, try_with) = (path(without_try), path(&written_name));
    let more =
        format!("\n\n{with_name} takes options; {try_short} and {try_with} return a `Result` instead of panicking.");
    let plain = maker.panicking(&short, &quote!(#docs #[doc = #more]), Some(defaults.clone()), &written)?;
    let refer = format!("{short_name} that returns an error instead of panicking.{errors}");
    let call = maker.call(&written, &short, Some(defaults))?;
    let vis = &function.vis;
    let fallible = quote! {
        #[doc = #refer]
        #(#others)*
        #[inline]
        #vis #short {
            #call
        }
    };
    let refer = format!("{short_name} with options.{panics}");
    let with = maker.panicking(&function.sig, &quote!(#[doc = #refer]), None, &written)?;
    let refer = format!("{short_name} with options, that returns an error instead of panicking.{errors}");
    Ok(quote! {
        #plain

        #with

        #fallible

        #[doc = #refer]
        #(#others)*
        #function
    })
}

/// The name without options: `conv2d` of `conv2d_with`; a trailing underscore, which means in-place, is kept: `normal_` of `normal_with_`.
fn base_name(name: &str) -> Option<String> {
    let short = name.strip_suffix("_with").map(str::to_string);
    short.or_else(|| name.strip_suffix("_with_").map(|base| format!("{base}_")))
}

/// The type whose default is used for omitted options: `O` of `O` and of `impl Into<O>`.
fn options_type(ty: &Type) -> Type {
    let Type::ImplTrait(bounds) = ty else { return ty.clone() };
    let first = bounds.bounds.iter().find_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last(),
        _ => None,
    });
    match first.map(|last| &last.arguments) {
        Some(PathArguments::AngleBracketed(generics)) => match generics.args.first() {
            Some(GenericArgument::Type(inner)) => inner.clone(),
            _ => ty.clone(),
        },
        _ => ty.clone(),
    }
}

/// `T` of `Result<T>`; `None` for `Result<()>`.
fn ok_type(output: &ReturnType) -> Result<Option<Type>> {
    let wrong = || Error::new(output.span(), "#[op] expects a function that returns Result<…>");
    let ReturnType::Type(_, ty) = output else { return Err(wrong()) };
    let Type::Path(path) = &**ty else { return Err(wrong()) };
    let Some(last) = path.path.segments.last().filter(|last| last.ident == "Result") else { return Err(wrong()) };
    let PathArguments::AngleBracketed(generics) = &last.arguments else { return Err(wrong()) };
    match generics.args.first() {
        Some(GenericArgument::Type(Type::Tuple(tuple))) if tuple.elems.is_empty() => Ok(None),
        Some(GenericArgument::Type(ty)) => Ok(Some(ty.clone())),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_the_panics_of_the_panicking_forms() {
        let item = quote! {
            /// Halves the elements.
            ///
            /// # Errors
            /// If one is odd.
            ///
            /// ```
            /// x.halve();
            /// ```
            pub fn try_halve_with(&self, options: HalveOptions) -> Result<Tensor> {}
        };
        let text = expand(quote!(torch = "-", with), item).unwrap().to_string();
        let count = |what: &str| text.matches(what).count();
        // halve and halve_with, try_halve and try_halve_with; the example is that of halve.
        assert_eq!((count("# Panics"), count("# Errors"), count("If one is odd."), count("x.halve()")), (2, 2, 4, 1));
    }
}
