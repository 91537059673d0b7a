//! [`Module`], its traversal by visitors, and [`Forward`].

use super::{Buffer, Fusion, LoadReport, Parameter, StateDict, Training, state, traverse};
use crate::tensor::DType;
use crate::{Result, Tensor};
use rushlight_macros::op;
use std::any::Any;
use std::sync::Arc;

/// A field of a module, as passed to a [`Visitor`].
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Item<'a> {
    /// A child module.
    Module(&'a dyn Module),
    /// A trained tensor.
    Parameter(&'a Parameter),
    /// A tensor of the state that is not trained.
    Buffer(&'a Buffer),
    /// The mode of the module: training or evaluation.
    Training(&'a Training),
}

/// Visits the fields of a [`Module`] in order, with their names.
pub trait Visitor<'a> {
    /// Visits a field.
    fn visit(&mut self, name: &str, item: Item<'a>);
}

impl<'a, F: FnMut(&str, Item<'a>)> Visitor<'a> for F {
    fn visit(&mut self, name: &str, item: Item<'a>) {
        self(name, item);
    }
}

/// The types of fields of a module: a module, a [`Parameter`], a [`Buffer`], a [`Training`] flag, or an `Option` or array of such.
///
/// `Vec`, `Box` and `Arc` of modules are modules themselves.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a module, parameter or buffer",
    label = "this field's type cannot be part of a module",
    note = "mark a field that is plain data with `#[module(skip)]`"
)]
pub trait Field {
    /// Passes this field to the visitor.
    fn visit<'a>(&'a self, name: &str, visitor: &mut dyn Visitor<'a>);
}

impl<M: Module> Field for M {
    fn visit<'a>(&'a self, name: &str, visitor: &mut dyn Visitor<'a>) {
        visitor.visit(name, Item::Module(self.as_module()));
    }
}

impl Field for Parameter {
    fn visit<'a>(&'a self, name: &str, visitor: &mut dyn Visitor<'a>) {
        visitor.visit(name, Item::Parameter(self));
    }
}

impl Field for Buffer {
    fn visit<'a>(&'a self, name: &str, visitor: &mut dyn Visitor<'a>) {
        visitor.visit(name, Item::Buffer(self));
    }
}

impl Field for Training {
    fn visit<'a>(&'a self, name: &str, visitor: &mut dyn Visitor<'a>) {
        visitor.visit(name, Item::Training(self));
    }
}

/// `None` has no parts and no keys.
impl<T: Field> Field for Option<T> {
    fn visit<'a>(&'a self, name: &str, visitor: &mut dyn Visitor<'a>) {
        if let Some(field) = self {
            field.visit(name, visitor);
        }
    }
}

/// A model or a part of one. [`#[derive(Module)]`](derive@crate::nn::Module) implements it from the fields of a struct, whose names
/// are the keys of the state.
///
/// The provided methods apply to the module and all its descendants. All of them take `&self`: [`Parameter`]s and
/// [`Buffer`]s are handles.
///
/// ```
/// use rushlight::{Tensor, nn, nn::{Forward, Module}};
///
/// #[derive(Module)]
/// struct Net {
///     layer1: nn::Linear,
///     layer2: nn::Linear,
/// }
///
/// impl Forward for Net {
///     fn forward(&self, x: &Tensor) -> Tensor {
///         self.layer2.forward(&self.layer1.forward(x).relu())
///     }
/// }
///
/// let net = Net { layer1: nn::Linear::new(10, 5), layer2: nn::Linear::new(5, 2) };
/// assert_eq!(net.forward(&Tensor::randn([1, 10])).shape(), [1, 2]);
/// assert_eq!(net.num_parameters(), 10 * 5 + 5 + 5 * 2 + 2);
/// let state = net.state_dict();
/// assert_eq!(state.keys().collect::<Vec<_>>(), ["layer1.weight", "layer1.bias", "layer2.weight", "layer2.bias"]);
/// println!("{net}"); // as PyTorch prints it
/// ```
///
/// On fields, `#[module(skip)]` excludes plain data and `#[module(rename = "…")]` sets another key. On the struct,
/// `#[module(extra_repr = path)]` names a function `fn(&Self) -> String` for [`extra_repr`](Module::extra_repr),
/// `#[module(kind = path)]` and `#[module(fusion = path)]` do so for [`kind`](Module::kind) and [`fusion`](Module::fusion), and
/// `#[module(plain)]` excludes all fields. The derive also implements `Display`.
///
/// ```
/// use rushlight::{Tensor, nn, nn::{Module, Parameter}};
///
/// #[derive(Module)]
/// #[module(extra_repr = Scaled::describe)]
/// struct Scaled {
///     #[module(rename = "inner.layer")]
///     layer: nn::Linear,
///     scale: Option<Parameter>,
///     #[module(skip)]
///     factor: f64,
/// }
///
/// impl Scaled {
///     fn describe(&self) -> String {
///         format!("factor={}", self.factor)
///     }
/// }
///
/// let module = Scaled { layer: nn::Linear::new(2, 1), scale: Some(Parameter::new(Tensor::ones([1]))), factor: 2.0 };
/// let state = module.state_dict();
/// assert_eq!(state.keys().collect::<Vec<_>>(), ["scale", "inner.layer.weight", "inner.layer.bias"]);
/// ```
///
/// A field that is not a module, parameter or buffer and is not skipped does not compile, so that no parameter is left unregistered:
///
/// ```compile_fail,E0277
/// #[derive(rushlight::nn::Module)]
/// struct Net {
///     layer: rushlight::nn::Linear,
///     rate: f64,
/// }
/// ```
///
/// This includes plain tensors: use [`Parameter`] or [`Buffer`].
///
/// ```compile_fail,E0277
/// #[derive(rushlight::nn::Module)]
/// struct Net {
///     weight: rushlight::Tensor,
/// }
/// ```
pub trait Module: Any + Send + Sync {
    /// Passes every field of this module to the visitor, in order.
    fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>);

    /// Returns the name of the type of module, such as `Linear`, for printing.
    fn kind(&self) -> &str;

    /// This module, dereferenced if it is in a box.
    fn as_module(&self) -> &dyn Module;

    /// Returns the text in the parentheses of the printed module, such as `p=0.5`.
    fn extra_repr(&self) -> String {
        String::new()
    }

    /// Returns the role of the module in fusion by a [`Sequential`](super::Sequential).
    fn fusion(&self) -> Fusion<'_> {
        Fusion::None
    }

    /// Returns the parameters of this module and its descendants, each once, in PyTorch's order: those of a module before those of its
    /// children.
    fn parameters(&self) -> Vec<Parameter> {
        traverse::unnamed(self.named_parameters())
    }

    /// Returns the parameters with their paths, such as `layer1.weight`. A shared one is included once, under its first path.
    fn named_parameters(&self) -> Vec<(String, Parameter)> {
        traverse::parameters(self.as_module())
    }

    /// Returns the buffers of this module and its descendants, each once.
    fn buffers(&self) -> Vec<Buffer> {
        traverse::unnamed(self.named_buffers())
    }

    /// Returns the buffers with their paths, such as `bn1.running_mean`.
    fn named_buffers(&self) -> Vec<(String, Buffer)> {
        traverse::buffers(self.as_module())
    }

    /// Returns the child modules.
    fn children(&self) -> Vec<&dyn Module> {
        traverse::unnamed(self.named_children())
    }

    /// Returns the child modules, with their names.
    fn named_children(&self) -> Vec<(String, &dyn Module)> {
        traverse::children(self.as_module())
    }

    /// This module and its descendants.
    fn modules(&self) -> Vec<&dyn Module> {
        traverse::unnamed(self.named_modules())
    }

    /// This module (with an empty path) and its descendants, each once, with their paths.
    fn named_modules(&self) -> Vec<(String, &dyn Module)> {
        traverse::modules(self.as_module())
    }

    /// Calls `f` with all descendants and then with this module.
    ///
    /// ```
    /// use rushlight::nn::{self, Module, init};
    /// let net = nn::seq![nn::Linear::new(4, 4), nn::ReLU::new(), nn::Linear::new(4, 1)];
    /// net.apply(&mut |module| {
    ///     if let Some(linear) = module.downcast_ref::<nn::Linear>() {
    ///         init::xavier_uniform_(&linear.weight);
    ///     }
    /// });
    /// ```
    fn apply(&self, f: &mut dyn FnMut(&dyn Module)) {
        for child in self.children() {
            child.apply(f);
        }
        f(self.as_module());
    }

    /// Returns all parameters and buffers by path, sharing memory with this module, in PyTorch's order. A shared tensor is included
    /// under each of its paths.
    fn state_dict(&self) -> StateDict {
        state::collect(self.as_module())
    }

    /// Copies the tensors of `state` into the parameters and buffers, converting dtypes if they differ. The key `num_batches_tracked` of a
    /// normalization may be missing, as in weights of early versions of PyTorch.
    ///
    /// # Errors
    /// If keys are missing or unexpected or shapes differ: all of them are listed, and the module is unchanged.
    ///
    /// ```
    /// use rushlight::nn::{Linear, Module};
    /// let (a, b) = (Linear::new(3, 2), Linear::new(3, 2));
    /// b.load_state_dict(&a.state_dict());
    /// let error = Linear::new(3, 4).try_load_state_dict(&a.state_dict()).unwrap_err();
    /// assert!(error.to_string().contains("size mismatch for weight"));
    /// ```
    #[op(torch = "load_state_dict(state_dict, strict=True, assign=False)")]
    fn try_load_state_dict(&self, state: &StateDict) -> Result<()> {
        state::load(self.as_module(), state, true).map(drop)
    }

    /// [`load_state_dict`](Module::load_state_dict) that ignores missing and unexpected keys and returns them: PyTorch's
    /// `strict=False`.
    ///
    /// # Errors
    /// If a shape differs; the module is then unchanged.
    #[op(torch = "load_state_dict(state_dict, strict=True, assign=False)")]
    fn try_load_state_dict_lenient(&self, state: &StateDict) -> Result<LoadReport> {
        state::load(self.as_module(), state, false)
    }

    /// Clears the gradients of all parameters.
    fn zero_grad(&self) {
        for param in self.parameters() {
            param.zero_grad();
        }
    }

    /// Sets training or evaluation mode of this module and its descendants, which affects dropout and batch normalization.
    fn train(&self, training: bool) {
        traverse::training(self.as_module(), training);
    }

    /// Sets evaluation mode: `train(false)`.
    fn eval(&self) {
        self.train(false);
    }

    /// Sets whether gradients are computed for the parameters; `false` freezes the module.
    fn requires_grad_(&self, required: bool) {
        for param in self.parameters() {
            param.requires_grad_(required);
        }
    }

    /// Converts the floating-point parameters and buffers, and the parameters' gradients.
    ///
    /// # Errors
    /// If `dtype` is not a floating-point type.
    #[op(torch = "to(dtype, non_blocking=False)")]
    fn try_to_dtype(&self, dtype: DType) -> Result<()> {
        traverse::to_dtype(self.as_module(), dtype)
    }

    /// Returns the total number of elements of all parameters; shared parameters count once.
    fn num_parameters(&self) -> usize {
        traverse::num_elements(&self.parameters())
    }

    /// Returns the textual form of this module and its descendants as PyTorch prints it, also printed by `{}`.
    fn repr(&self) -> String {
        super::repr::repr(self.as_module())
    }
}

impl dyn Module {
    /// Downcasts this module to `T`; `None` if it has another type.
    pub fn downcast_ref<T: Module>(&self) -> Option<&T> {
        (self.as_module() as &dyn Any).downcast_ref()
    }
}

impl dyn Forward {
    /// Downcasts this module to `T`; `None` if it has another type.
    pub fn downcast_ref<T: Module>(&self) -> Option<&T> {
        self.as_module().downcast_ref()
    }
}

/// A module that maps a tensor to a tensor, which can be part of a [`Sequential`](super::Sequential).
pub trait Forward: Module {
    /// Computes the output for `x`.
    ///
    /// # Panics
    /// If the shape, the dtype or the device of `x` is not what the module expects.
    #[track_caller]
    fn forward(&self, x: &Tensor) -> Tensor;

    /// [`forward`](Forward::forward) that returns an error instead of panicking.
    ///
    /// # Errors
    /// If the shape, the dtype or the device of `x` is not what the module expects.
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        crate::catch(|| self.forward(x))
    }
}

macro_rules! pointers {
    ($($pointer:ident),*) => {$(
        impl<M: Module + ?Sized> Module for $pointer<M> {
            fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
                (**self).visit(visitor);
            }

            fn kind(&self) -> &str {
                (**self).kind()
            }

            fn as_module(&self) -> &dyn Module {
                (**self).as_module()
            }

            fn extra_repr(&self) -> String {
                (**self).extra_repr()
            }

            fn fusion(&self) -> Fusion<'_> {
                (**self).fusion()
            }
        }

        impl<F: Forward + ?Sized> Forward for $pointer<F> {
            #[track_caller]
            fn forward(&self, x: &Tensor) -> Tensor {
                (**self).forward(x)
            }

            fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
                (**self).try_forward(x)
            }
        }
    )*};
}
pointers!(Box, Arc);

macro_rules! lists {
    ($([$($generics:tt)*] $list:ty),*) => {$(
        /// PyTorch's `ModuleList`, with indices as keys.
        impl<$($generics)*> Module for $list {
            fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
                for (index, field) in self.iter().enumerate() {
                    field.visit(&index.to_string(), visitor);
                }
            }

            fn kind(&self) -> &str {
                "ModuleList"
            }

            fn as_module(&self) -> &dyn Module {
                self
            }
        }
    )*};
}
lists!([T: Field + Send + Sync + 'static] Vec<T>, [T: Field + Send + Sync + 'static, const N: usize] [T; N]);
