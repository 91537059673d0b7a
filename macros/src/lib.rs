//! The macros of Rushlight: `#[op]`, `tensor!`, `#[derive(Module)]` and `#[derive(Builder)]`.

#![forbid(unsafe_code)]

mod builder;
mod module;
mod op;
mod tensor;

use proc_macro::TokenStream;

/// Generates the other forms of a fallible operation.
///
/// `#[op(torch = "…")]` on `try_name` generates `name`, which panics with the error's message at the caller's line. With `with`, on
/// `try_name_with`, whose last argument is the options, it generates `name`, `try_name` and `name_with`; a trailing underscore stays at
/// the end: `try_normal_with_` has `normal_`, `try_normal_` and `normal_with_`. Functions outside of an `impl` block need `free`.
///
/// `torch` is PyTorch's signature of the operation as its documentation has it, with argument names and defaults, or `-` where
/// the operation does not exist in PyTorch. Tools read it in the source, and rustc's notes point to it.
///
/// The documentation is placed on the shortest panicking form; the others link to it. All repeat the conditions of the section
/// `# Errors`, which is `# Panics` on the panicking forms.
#[proc_macro_attribute]
pub fn op(attribute: TokenStream, item: TokenStream) -> TokenStream {
    op::expand(attribute.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Implements `Module` for a struct: its fields that are modules, parameters or buffers are visited under their names.
///
/// A field of any other type is a compile error unless it is marked with `#[module(skip)]`. `#[module(rename = "…")]` visits a field
/// under another name. On the struct, `#[module(plain)]` excludes all fields, and `#[module(extra_repr = path)]`, `#[module(kind = path)]`
/// and `#[module(fusion = path)]` name functions for the methods of the trait with these names. `Display` is implemented as well. See the
/// trait `rushlight::nn::Module` for examples.
///
/// Inside the library, `#[module(function = path)]` makes the struct a layer that is a function of its input, such as `Tensor::try_sigmoid`: `new` and `Forward` are
/// implemented. If the struct has a field `options`, the function takes that as its second argument, and `builder` is generated as well, with
/// `build` on the type of the options, whose own `new` has the defaults.
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(item: TokenStream) -> TokenStream {
    module::expand(item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Generates `new`, `Default`, and a setter for each field of a struct of options.
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
/// - `new` takes the fields marked `#[builder(required)]`, in order; without one, `Default` is implemented as well. The others are
///   initialized by `#[builder(default = expression)]`, which may use the required fields by name, else by `Default::default()`.
/// - A setter has the field's name and documentation. It takes `impl Into<T>` for a field of type `T`, but integers and bools
///   without conversion. For an `Option<T>` that is `None` by default it takes a `T`. `#[builder(skip)]` omits the setter.
/// - On the struct, `#[builder(new = pub(crate))]` sets the visibility of `new`, and `#[builder(on(Type, field))]` makes the setters
///   public methods of `Type`, which holds this struct in `field`; it may be repeated for several types.
#[proc_macro_derive(Builder, attributes(builder))]
pub fn derive_builder(item: TokenStream) -> TokenStream {
    builder::expand(item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Creates a tensor from a number or a nested list of numbers: PyTorch's `torch.tensor`.
///
/// The dtype is float32 for floating-point numbers, int64 for integers and bool for bools, whatever their Rust types; mixed numbers are
/// promoted. `dtype`, `device` and `requires_grad` may follow. Lists of unequal lengths are a compile error.
/// (`Tensor::from` keeps the Rust type of the elements and accepts computed arrays, slices and vectors.)
#[proc_macro]
pub fn tensor(input: TokenStream) -> TokenStream {
    tensor::expand(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
