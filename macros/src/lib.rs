//! The macros of Rushlight: `#[op]`, `#[derive(Module)]` and `#[derive(Builder)]`.

mod builder;
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

/// Gives a struct of options `new`, `Default`, and a setter for each field.
///
/// ```
/// use rushlight_macros::Builder;
///
/// #[derive(Builder)]
/// pub struct PoolOptions {
///     #[builder(required)]
///     kernel_size: f64,
///     /// The step from one window to the next; default the kernel's size.
///     #[builder(default = kernel_size)]
///     stride: f64,
///     /// Replaces the window's size as the divisor; default none.
///     divisor: Option<f64>,
///     /// The share of a batch in the running mean, or `None` for the mean of all batches; default 0.1.
///     #[builder(default = Some(0.1))]
///     momentum: Option<f64>,
/// }
///
/// let options = PoolOptions::new(3).divisor(2.5).momentum(None);
/// assert_eq!((options.kernel_size, options.stride, options.divisor, options.momentum), (3.0, 3.0, Some(2.5), None));
/// ```
///
/// - `new` takes the fields marked `#[builder(required)]`, in order; without one, `Default` is implemented as well. The others begin as
///   `#[builder(default = expression)]` says, which may use the required fields by name, else as `Default::default()`.
/// - A setter has the field's name and documentation. It takes `impl Into<T>` for a field of type `T`, but integers and bools as they
///   are. For an `Option<T>` that is `None` by default it takes what it would take for `T`. `#[builder(skip)]` leaves it out.
/// - On the struct, `#[builder(new = pub(crate))]` sets the visibility of `new`, and `#[builder(on(Type, field))]` makes the setters
///   methods of `Type`, which holds this struct in `field`.
#[proc_macro_derive(Builder, attributes(builder))]
pub fn derive_builder(item: TokenStream) -> TokenStream {
    builder::expand(item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
