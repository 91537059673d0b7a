//! `#[derive(Module)]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Data, DataStruct, DeriveInput, Error, Fields, LitStr, Path, Result, Type, parse2};

#[derive(Default)]
struct FieldOptions {
    skip: bool,
    rename: Option<LitStr>,
}

fn field_options(attributes: &[Attribute]) -> Result<FieldOptions> {
    let mut options = FieldOptions::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("module")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("skip") {
                options.skip = true;
                Ok(())
            } else if meta.path.is_ident("rename") {
                options.rename = Some(meta.value()?.parse()?);
                Ok(())
            } else {
                Err(meta.error("expected `skip` or `rename = \"…\"`"))
            }
        })?;
    }
    Ok(options)
}

#[derive(Default)]
struct StructOptions {
    /// No field is part of the module.
    plain: bool,
    extra_repr: Option<Path>,
    kind: Option<Path>,
    fusion: Option<Path>,
    /// The layer is this function, of its input and its field `options`.
    function: Option<Path>,
}

fn struct_options(attributes: &[Attribute]) -> Result<StructOptions> {
    let mut options = StructOptions::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("module")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("plain") {
                options.plain = true;
                Ok(())
            } else if meta.path.is_ident("extra_repr") {
                options.extra_repr = Some(meta.value()?.parse()?);
                Ok(())
            } else if meta.path.is_ident("kind") {
                options.kind = Some(meta.value()?.parse()?);
                Ok(())
            } else if meta.path.is_ident("fusion") {
                options.fusion = Some(meta.value()?.parse()?);
                Ok(())
            } else if meta.path.is_ident("function") {
                options.function = Some(meta.value()?.parse()?);
                options.plain = true;
                Ok(())
            } else {
                Err(meta.error(
                    "expected `plain`, `extra_repr = path`, `kind = path`, `fusion = path` or `function = path`",
                ))
            }
        })?;
    }
    Ok(options)
}

/// A layer that computes `function`: its constructors and `Forward`.
fn layer(input: &DeriveInput, data: &DataStruct, function: &Path) -> Result<TokenStream> {
    let (ident, vis) = (&input.ident, &input.vis);
    let options = match &data.fields {
        Fields::Unit => None,
        Fields::Named(fields)
            if fields.named.len() == 1 && fields.named[0].ident.as_ref().is_some_and(|f| f == "options") =>
        {
            Some(&fields.named[0].ty)
        }
        _ => {
            return Err(Error::new(
                ident.span(),
                "`function = path` expects a unit struct, or the single field `options`",
            ));
        }
    };
    let constructors = match options {
        Some(options) => constructors_with(input, options),
        None => quote! {
            impl #ident {
                /// Creates the layer.
                #vis fn new() -> Self {
                    #ident
                }
            }
        },
    };
    let call = options.map_or_else(|| quote!(#function(x)), |_| quote!(#function(x, self.options)));
    Ok(quote! {
        #constructors

        impl ::rushlight::nn::Forward for #ident {
            #[track_caller]
            fn forward(&self, x: &::rushlight::Tensor) -> ::rushlight::Tensor {
                crate::error::ok(::rushlight::nn::Forward::try_forward(self, x))
            }

            fn try_forward(&self, x: &::rushlight::Tensor) -> ::rushlight::Result<::rushlight::Tensor> {
                #call
            }
        }
    })
}

fn constructors_with(input: &DeriveInput, options: &Type) -> TokenStream {
    let (ident, vis) = (&input.ident, &input.vis);
    quote! {
        impl #ident {
            /// Creates the layer with PyTorch's defaults.
            #vis fn new() -> Self {
                Self::builder().build()
            }

            /// Returns a builder of the layer.
            #vis fn builder() -> #options {
                <#options>::new()
            }
        }

        impl #options {
            /// Builds the layer.
            #vis fn build(self) -> #ident {
                #ident { options: self }
            }
        }
    }
}

pub(crate) fn expand(item: TokenStream) -> Result<TokenStream> {
    let input: DeriveInput = parse2(item)?;
    let Data::Struct(data) = &input.data else {
        return Err(Error::new(input.ident.span(), "#[derive(Module)] expects a struct"));
    };
    let own_options = struct_options(&input.attrs)?;
    let layer = own_options.function.as_ref().map(|function| layer(&input, data, function)).transpose()?;
    let mut visits = Vec::new();
    if !own_options.plain && !matches!(data.fields, Fields::Unit) {
        for (index, field) in data.fields.iter().enumerate() {
            let options = field_options(&field.attrs)?;
            if options.skip {
                continue;
            }
            let member = match &field.ident {
                Some(ident) => quote!(#ident),
                None => {
                    let index = syn::Index::from(index);
                    quote!(#index)
                }
            };
            // A raw identifier such as `r#type` is visited as `type`.
            let own = field.ident.as_ref().map_or(index.to_string(), ToString::to_string);
            let name =
                options.rename.unwrap_or_else(|| LitStr::new(own.strip_prefix("r#").unwrap_or(&own), field.span()));
            visits
                .push(quote_spanned!(field.ty.span()=> ::rushlight::nn::Field::visit(&self.#member, #name, visitor);));
        }
    }
    let repr = own_options.extra_repr.map(|path| {
        quote! {
            fn extra_repr(&self) -> ::std::string::String {
                #path(self)
            }
        }
    });
    let fusion = own_options.fusion.map(|path| {
        quote! {
            fn fusion(&self) -> ::rushlight::nn::Fusion<'_> {
                #path(self)
            }
        }
    });
    let ident = &input.ident;
    let kind = match own_options.kind {
        Some(path) => quote!(#path(self)),
        None => ident.to_string().into_token_stream(),
    };
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        #layer

        impl #impl_generics ::rushlight::nn::Module for #ident #ty_generics #where_clause {
            #[allow(unused_variables, reason = "a module may have no children")]
            fn visit<'module>(&'module self, visitor: &mut dyn ::rushlight::nn::Visitor<'module>) {
                #(#visits)*
            }

            fn as_module(&self) -> &dyn ::rushlight::nn::Module {
                self
            }

            fn kind(&self) -> &str {
                #kind
            }

            #repr

            #fusion
        }

        impl #impl_generics ::std::fmt::Display for #ident #ty_generics #where_clause {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&::rushlight::nn::Module::repr(self))
            }
        }
    })
}
