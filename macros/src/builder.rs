//! `#[derive(Builder)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, Field, Fields, GenericArgument, Ident, PathArguments, Result, Token,
    Type, Visibility, parse_quote, parse2,
};

/// The arguments of `#[builder(…)]` on a field.
#[derive(Default)]
struct FieldOptions {
    /// An argument of `new`, without a setter.
    required: bool,
    /// No setter.
    skip: bool,
    default: Option<Expr>,
}

fn field_options(field: &Field) -> Result<FieldOptions> {
    let mut options = FieldOptions::default();
    for attribute in builder_attributes(&field.attrs) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("required") {
                options.required = true;
            } else if meta.path.is_ident("skip") {
                options.skip = true;
            } else if meta.path.is_ident("default") {
                options.default = Some(meta.value()?.parse()?);
            } else {
                return Err(meta.error("expected `required`, `skip` or `default = …`"));
            }
            Ok(())
        })?;
    }
    if options.required && (options.skip || options.default.is_some()) {
        return Err(Error::new_spanned(field, "a required field has no default and no setter to skip"));
    }
    Ok(options)
}

/// The arguments of `#[builder(…)]` on the struct.
#[derive(Default)]
struct StructOptions {
    /// The visibility of `new`, if it is not the struct's.
    new: Option<Visibility>,
    /// The types that get the setters as methods, each with its field that holds this struct; if empty, the struct itself.
    on: Vec<(Type, Ident)>,
}

fn struct_options(attributes: &[Attribute]) -> Result<StructOptions> {
    let mut options = StructOptions::default();
    for attribute in builder_attributes(attributes) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("new") {
                options.new = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("on") {
                let arguments;
                syn::parenthesized!(arguments in meta.input);
                let owner = arguments.parse()?;
                arguments.parse::<Token![,]>()?;
                options.on.push((owner, arguments.parse()?));
            } else {
                return Err(meta.error("expected `new = visibility` or `on(Type, field)`"));
            }
            Ok(())
        })?;
    }
    Ok(options)
}

fn builder_attributes(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("builder"))
}

/// `T` of `Option<T>`.
fn optional(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Option")?;
    let PathArguments::AngleBracketed(generics) = &last.arguments else { return None };
    match generics.args.first() {
        Some(GenericArgument::Type(inner)) => Some(inner),
        _ => None,
    }
}

/// The type of an argument for a value of type `ty`, and the expression that converts it.
///
/// Integers and bools are not converted: an integer literal with a conversion would be an `i32`, which few of them accept.
fn argument(name: &Ident, ty: &Type) -> (TokenStream, TokenStream) {
    const EXACT: [&str; 13] =
        ["bool", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize"];
    let exact = matches!(ty, Type::Path(path) if EXACT.iter().any(|exact| path.path.is_ident(exact)));
    if exact { (quote!(#ty), quote!(#name)) } else { (quote!(impl Into<#ty>), quote!(#name.into())) }
}

/// A method that sets a field.
struct Setter<'a> {
    name: &'a Ident,
    docs: TokenStream,
    /// The type of the argument.
    parameter: TokenStream,
    /// The value of the field, computed from the argument.
    value: TokenStream,
}

impl Setter<'_> {
    /// The method, of the struct itself or of one that has it in the field `holder`.
    fn method(&self, vis: &Visibility, holder: Option<&Ident>) -> TokenStream {
        let Setter { name, docs, parameter, value } = self;
        let place = holder.map(|holder| quote!(#holder.));
        quote! {
            #docs
            #[must_use]
            #vis fn #name(mut self, #name: #parameter) -> Self {
                self.#place #name = #value;
                self
            }
        }
    }
}

pub(crate) fn expand(item: TokenStream) -> Result<TokenStream> {
    let input: DeriveInput = parse2(item)?;
    let Data::Struct(syn::DataStruct { fields: Fields::Named(fields), .. }) = &input.data else {
        return Err(Error::new(input.ident.span(), "#[derive(Builder)] expects a struct with named fields"));
    };
    let StructOptions { new, on } = struct_options(&input.attrs)?;
    let (mut parameters, mut lets, mut names, mut setters) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let vis = &input.vis;
    for field in &fields.named {
        let (name, ty) = (field.ident.as_ref().expect("named fields have names"), &field.ty);
        let options = field_options(field)?;
        names.push(name);
        if options.required {
            let (parameter, value) = argument(name, ty);
            parameters.push(quote!(#name: #parameter));
            lets.push(quote!(let #name: #ty = #value;));
            continue;
        }
        let default =
            options.default.as_ref().map_or_else(|| quote!(::std::default::Default::default()), |expr| quote!(#expr));
        lets.push(quote!(let #name: #ty = #default;));
        if options.skip {
            continue;
        }
        // An option that is `None` by default takes the value. One with another default could not be set to `None` that way.
        let (parameter, value) = match optional(ty).filter(|_| options.default.is_none()) {
            Some(inner) => {
                let (parameter, value) = argument(name, inner);
                (parameter, quote!(::std::option::Option::Some(#value)))
            }
            None => argument(name, ty),
        };
        let docs = field.attrs.iter().filter(|attribute| attribute.path().is_ident("doc"));
        setters.push(Setter { name, docs: quote!(#(#docs)*), parameter, value });
    }
    let ident = &input.ident;
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    let methods = if on.is_empty() {
        let setters = setters.iter().map(|setter| setter.method(vis, None));
        quote!(impl #impl_generics #ident #ty_generics #where_clause { #(#setters)* })
    } else {
        let public = parse_quote!(pub);
        let owners = on.iter().map(|(owner, holder)| {
            let setters = setters.iter().map(|setter| setter.method(&public, Some(holder)));
            quote!(impl #impl_generics #owner #where_clause { #(#setters)* })
        });
        quote!(#(#owners)*)
    };
    let default = parameters.is_empty().then(|| {
        quote! {
            impl #impl_generics ::std::default::Default for #ident #ty_generics #where_clause {
                fn default() -> Self {
                    Self::new()
                }
            }
        }
    });
    let new_vis = new.as_ref().unwrap_or(vis);
    let new_doc = if parameters.is_empty() { "The defaults." } else { "The defaults for everything else." };
    Ok(quote! {
        impl #impl_generics #ident #ty_generics #where_clause {
            #[doc = #new_doc]
            #[must_use]
            #new_vis fn new(#(#parameters),*) -> Self {
                #(#lets)*
                Self { #(#names),* }
            }
        }

        #default

        #methods
    })
}
