//! `#[op]`.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Attribute, Error, FnArg, GenericArgument, ImplItemFn, Pat, PathArguments, Result, ReturnType, Type, parse2};

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    // A free function is named as it is, an associated one by way of `Self`.
    let free = match attribute.to_string().as_str() {
        "" => false,
        "free" => true,
        _ => return Err(Error::new_spanned(attribute, "expected nothing or `free`")),
    };
    let scope = if free { "" } else { "Self::" };
    let mut function: ImplItemFn = parse2(item)?;
    let name = function.sig.ident.to_string();
    let Some(short) = name.strip_prefix("try_") else {
        return Err(Error::new(function.sig.ident.span(), "#[op] stands on a function named try_…"));
    };
    let twin_name = format_ident!("{short}", span = function.sig.ident.span());
    let value = ok_type(&function.sig.output)?;

    let (docs, others): (Vec<Attribute>, Vec<Attribute>) =
        function.attrs.drain(..).partition(|attribute| attribute.path().is_ident("doc"));
    let has_errors = docs.iter().any(|doc| quote!(#doc).to_string().contains("# Errors"));
    let panics = if has_errors { "" } else { "\n\n# Panics\nWhere the other form gives an error." };
    let more = format!("{panics}\n\n[`{name}`]({scope}{name}) gives a `Result` instead of a panic.");
    let refer = format!("[`{short}`]({scope}{short}) that gives an error instead of a panic.");

    let mut twin_sig = function.sig.clone();
    twin_sig.ident = twin_name;
    twin_sig.output = value.map_or(ReturnType::Default, |ty| syn::parse_quote!(-> #ty));
    let mut arguments = Vec::new();
    let mut has_receiver = false;
    for input in &twin_sig.inputs {
        match input {
            FnArg::Receiver(_) => has_receiver = true,
            FnArg::Typed(typed) => match &*typed.pat {
                Pat::Ident(ident) => arguments.push(ident.ident.clone()),
                other => return Err(Error::new_spanned(other, "#[op] wants plain argument names")),
            },
        }
    }
    let try_name = &function.sig.ident;
    let call = match (has_receiver, free) {
        (true, _) => quote!(self.#try_name(#(#arguments),*)),
        (false, true) => quote!(#try_name(#(#arguments),*)),
        (false, false) => quote!(Self::#try_name(#(#arguments),*)),
    };
    let vis = &function.vis;
    Ok(quote! {
        #(#docs)*
        #[doc = #more]
        #(#others)*
        #[track_caller]
        #[inline]
        #[allow(clippy::should_implement_trait, reason = "the operator calls this method")]
        #vis #twin_sig {
            crate::error::ok(#call)
        }

        #[doc = #refer]
        #(#others)*
        #function
    })
}

/// `T` of `Result<T>`; `None` for `Result<()>`.
fn ok_type(output: &ReturnType) -> Result<Option<Type>> {
    let wrong = || Error::new(Span::call_site(), "#[op] stands on a function that returns Result<…>");
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
