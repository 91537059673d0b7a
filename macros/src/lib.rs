//! The macros of Rushlight: `#[op]` and `#[derive(Module)]`.

#![forbid(unsafe_code)]

mod module;
mod op;

use proc_macro::TokenStream;

/// Gives a fallible function `try_name` its twin `name`, which panics with the error's text at the caller's line.
///
/// Functions outside of an `impl` block take `#[op(free)]`. The documentation stands on the twin, which is what people call; `try_name` refers to it.
#[proc_macro_attribute]
pub fn op(attribute: TokenStream, item: TokenStream) -> TokenStream {
    op::expand(attribute.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a struct a module: its fields that are modules, parameters or buffers are visited under their names.
///
/// A field of any other type is a compile error unless it is marked with `#[module(skip)]`. `#[module(rename = "…")]` visits a field
/// under another name. On the struct, `#[module(plain)]` leaves all fields out, and `#[module(extra_repr = path)]` names the function
/// for the text in the parentheses. `Display` is implemented, too. The trait `rushlight::nn::Module` has examples.
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(item: TokenStream) -> TokenStream {
    module::expand(item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
