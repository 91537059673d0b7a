//! `tensor!`.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Expr, ExprArray, Result, Token, parse2};

/// `[[1.0, 2.0], [3.0, 4.0]], dtype = …, device = …, requires_grad = …`.
struct Literal {
    value: Expr,
    options: Vec<(Ident, Expr)>,
}

impl Parse for Literal {
    fn parse(input: ParseStream<'_>) -> Result<Literal> {
        let value = input.parse()?;
        let mut options: Vec<(Ident, Expr)> = Vec::new();
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let name: Ident = input.parse()?;
            if !["dtype", "device", "requires_grad"].iter().any(|known| name == known) {
                return Err(Error::new(name.span(), "tensor: expected `dtype`, `device` or `requires_grad`"));
            }
            input.parse::<Token![=]>()?;
            options.push((name, input.parse()?));
        }
        Ok(Literal { value, options })
    }
}

/// Appends the elements of a nested list in row-major order, and checks that its shape is the rest of `shape`, which the first list
/// of each depth decides.
fn flatten<'a>(list: &'a ExprArray, depth: usize, shape: &mut Vec<usize>, elements: &mut Vec<&'a Expr>) -> Result<()> {
    if depth == shape.len() {
        shape.push(list.elems.len());
    } else if shape[depth] != list.elems.len() {
        return Err(Error::new_spanned(
            list,
            format!(
                "tensor: expected {} elements in each list at depth {depth}, as in the first one, got {}",
                shape[depth],
                list.elems.len()
            ),
        ));
    }
    let nested = list.elems.iter().filter(|element| matches!(element, Expr::Array(_))).count();
    if nested != 0 && nested != list.elems.len() || nested == 0 && !list.elems.is_empty() && depth + 1 != shape.len() {
        return Err(Error::new_spanned(
            list,
            format!("tensor: expected only lists or only numbers at depth {}, got both", depth + 1),
        ));
    }
    for element in &list.elems {
        match element {
            Expr::Array(inner) => flatten(inner, depth + 1, shape, elements)?,
            number => elements.push(number),
        }
    }
    Ok(())
}

pub(crate) fn expand(input: TokenStream) -> Result<TokenStream> {
    let Literal { value, options } = parse2(input)?;
    let (mut shape, mut elements) = (Vec::new(), Vec::new());
    match &value {
        Expr::Array(list) => flatten(list, 0, &mut shape, &mut elements)?,
        number => elements.push(number),
    }
    let setters = options.iter().map(|(name, value)| quote!(.#name(#value)));
    Ok(quote! {
        ::rushlight::Tensor::from_literal(
            &[#(#shape),*],
            &[#(::rushlight::Scalar::from(#elements)),*],
            ::rushlight::TensorOptions::new()#(#setters)*,
        )
    })
}
