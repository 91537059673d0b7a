//! Handles to the tensors of a module.

use crate::tensor::{DType, Operand};
use crate::{Error, NoGrad, Result, Tensor};
use rushlight_macros::op;
use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Sub};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// A tensor that can be replaced through any handle.
struct Slot {
    tensor: RwLock<Tensor>,
    /// The longest path that the tensor was visited under.
    path: Mutex<String>,
}

impl Slot {
    fn new(tensor: Tensor) -> Arc<Slot> {
        Arc::new(Slot { tensor: RwLock::new(tensor), path: Mutex::default() })
    }

    #[inline]
    fn get(&self) -> Tensor {
        self.tensor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, tensor: Tensor) {
        *self.tensor.write().unwrap_or_else(PoisonError::into_inner) = tensor;
    }
}

/// A trained tensor, usually a leaf that requires gradients: PyTorch's `nn.Parameter`.
///
/// A `Parameter` is a handle: clones refer to the same parameter, so that layers can share a weight (tied weights), and an
/// optimizer uses the new tensor when the model is converted.
///
/// ```
/// use rushlight::{Tensor, nn::Parameter};
/// let (scale, shift) = (Parameter::new(Tensor::ones([3])), Parameter::new(Tensor::zeros([3])));
/// let y = 2.0 * &scale * Tensor::ones([3]) + &shift;
/// y.sum().backward();
/// assert_eq!(scale.grad().unwrap().to_vec::<f32>(), [2.0; 3]);
/// assert_eq!(Parameter::new(Tensor::ones(())).item(), 1.0);
/// ```
///
/// References to parameters can be used in operators and as `impl Into<Operand>`. For a method that takes a `&Tensor`, pass
/// `&param.get()`: the tensor may be replaced at any time, so it can be cloned but not borrowed.
#[derive(Clone)]
pub struct Parameter(Arc<Slot>);

impl Parameter {
    /// Creates a parameter that shares the memory of `tensor`, without its history.
    ///
    /// # Errors
    /// If the elements are not floating-point.
    #[op]
    pub fn try_new(tensor: Tensor) -> Result<Parameter> {
        if !tensor.dtype().is_float() {
            return Err(Error::dtype(
                "Parameter",
                format!("expected a floating-point tensor, which can require gradients, got {}", tensor.dtype()),
            ));
        }
        Ok(Parameter(Slot::new(tensor.to_leaf())))
    }

    /// Returns the tensor. The cost is about that of cloning an `Arc`.
    #[inline]
    pub fn get(&self) -> Tensor {
        self.0.get()
    }

    /// Replaces the tensor by another, which becomes a leaf that requires gradients if this one did. To change only the values,
    /// copy into the tensor: `no_grad(|| param.get().copy_(&values))`.
    ///
    /// # Errors
    /// If the elements are not floating-point.
    #[op]
    pub fn try_set(&self, tensor: Tensor) -> Result<()> {
        let required = self.get().requires_grad();
        let new = Parameter::try_new(tensor)?.get();
        self.0.set(if required { new } else { new.detach() });
        Ok(())
    }

    /// Returns the sizes of the tensor.
    pub fn shape(&self) -> Vec<usize> {
        self.get().shape().to_vec()
    }

    /// Returns the number of elements.
    pub fn numel(&self) -> usize {
        self.get().numel()
    }

    /// Returns the dtype of the elements.
    pub fn dtype(&self) -> DType {
        self.get().dtype()
    }

    /// Returns the only element; see [`Tensor::item`].
    ///
    /// # Errors
    /// If there is not exactly one element.
    #[op]
    pub fn try_item(&self) -> Result<f64> {
        self.get().try_item()
    }

    /// Returns the accumulated gradient.
    pub fn grad(&self) -> Option<Tensor> {
        self.get().grad()
    }

    /// Clears the gradient.
    pub fn zero_grad(&self) {
        self.get().zero_grad();
    }

    /// Returns whether gradients are computed.
    pub fn requires_grad(&self) -> bool {
        self.get().requires_grad()
    }

    /// Sets whether gradients are computed; `false` freezes the parameter.
    ///
    /// # Panics
    /// If the tensor is not a leaf and so cannot stop requiring gradients.
    #[track_caller]
    pub fn requires_grad_(&self, required: bool) {
        self.get().requires_grad_(required);
    }

    /// Returns the path of this parameter in the model, such as `layer1.weight`, once the model has been traversed.
    pub fn name(&self) -> Option<String> {
        let path = self.0.path.lock().unwrap_or_else(PoisonError::into_inner);
        (!path.is_empty()).then(|| path.clone())
    }

    /// Stores `path` unless a longer one, from an outer module, is known.
    pub(super) fn remember(&self, path: &str) {
        let mut known = self.0.path.lock().unwrap_or_else(PoisonError::into_inner);
        if path.len() > known.len() {
            *known = path.to_string();
        }
    }

    pub(super) fn to_dtype(&self, dtype: DType) -> Result<()> {
        let _guard = NoGrad::new();
        let old = self.get();
        if old.dtype() != dtype {
            let grad = old.grad().map(|grad| grad.try_to_dtype(dtype)).transpose()?;
            self.try_set(old.try_to_dtype(dtype)?)?;
            self.get().try_set_grad(grad)?;
        }
        Ok(())
    }
}

/// A parameter of this tensor, for optimizers over leaves that do not belong to a module.
impl From<&Tensor> for Parameter {
    fn from(tensor: &Tensor) -> Parameter {
        Parameter(Slot::new(tensor.clone()))
    }
}

impl From<Tensor> for Parameter {
    fn from(tensor: Tensor) -> Parameter {
        Parameter(Slot::new(tensor))
    }
}

impl From<&Parameter> for Parameter {
    fn from(param: &Parameter) -> Parameter {
        param.clone()
    }
}

impl From<&Parameter> for Tensor {
    fn from(param: &Parameter) -> Tensor {
        param.get()
    }
}

impl From<&Parameter> for Operand<'_> {
    fn from(param: &Parameter) -> Self {
        Operand::Owned(param.get())
    }
}

macro_rules! operators {
    ($handle:ty: $($trait:ident $operator:ident),*) => {$(
        impl<'a, T: Into<Operand<'a>>> $trait<T> for &$handle {
            type Output = Tensor;

            #[track_caller]
            fn $operator(self, other: T) -> Tensor {
                self.get().$operator(other)
            }
        }

        impl $trait<&$handle> for f64 {
            type Output = Tensor;

            #[track_caller]
            fn $operator(self, handle: &$handle) -> Tensor {
                self.$operator(handle.get())
            }
        }

        impl $trait<&$handle> for i64 {
            type Output = Tensor;

            #[track_caller]
            fn $operator(self, handle: &$handle) -> Tensor {
                self.$operator(handle.get())
            }
        }
    )*};
    ($($handle:ty),*) => {$(
        operators!($handle: Add add, Sub sub, Mul mul, Div div);

        impl Neg for &$handle {
            type Output = Tensor;

            #[track_caller]
            fn neg(self) -> Tensor {
                -self.get()
            }
        }
    )*};
}
operators!(Parameter, Buffer);

/// `Parameter containing:` and the tensor.
impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parameter containing:\n{}", self.get())
    }
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A tensor of the state of a module that is not trained, such as running statistics.
///
/// A handle, as [`Parameter`]; not passed to optimizers.
///
/// ```
/// use rushlight::{Tensor, nn::Buffer, tensor};
/// let (mean, std) = (Buffer::new(tensor!([1.0, 2.0])), Buffer::new(tensor!(2.0)));
/// let y = (Tensor::from([3.0f32, 4.0]) - &mean) / &std;
/// assert_eq!(y.to_vec::<f32>(), [1.0, 1.0]);
/// ```
#[derive(Clone)]
pub struct Buffer {
    slot: Arc<Slot>,
    persistent: bool,
}

impl Buffer {
    /// Creates a buffer that is part of the `state_dict`.
    pub fn new(tensor: Tensor) -> Buffer {
        Buffer { slot: Slot::new(tensor.detach()), persistent: true }
    }

    /// Creates a buffer that is not part of the `state_dict`.
    pub fn non_persistent(tensor: Tensor) -> Buffer {
        Buffer { persistent: false, ..Buffer::new(tensor) }
    }

    /// Returns whether it is part of the `state_dict`.
    pub fn is_persistent(&self) -> bool {
        self.persistent
    }

    /// Returns the tensor.
    #[inline]
    pub fn get(&self) -> Tensor {
        self.slot.get()
    }

    /// Replaces the tensor.
    pub fn set(&self, tensor: Tensor) {
        self.slot.set(tensor.detach());
    }

    pub(super) fn to_dtype(&self, dtype: DType) -> Result<()> {
        let old = self.get();
        if old.dtype().is_float() {
            self.set(old.try_to_dtype(dtype)?);
        }
        Ok(())
    }
}

impl From<&Buffer> for Operand<'_> {
    fn from(buffer: &Buffer) -> Self {
        Operand::Owned(buffer.get())
    }
}

impl From<&Buffer> for Tensor {
    fn from(buffer: &Buffer) -> Tensor {
        buffer.get()
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer containing:\n{}", self.get())
    }
}

/// The mode of a module that behaves differently in training and evaluation, set by [`train`](super::Module::train) and
/// [`eval`](super::Module::eval). Initially training.
///
/// ```
/// use rushlight::{Tensor, nn::{Forward, Module, Training}};
///
/// #[derive(Default, Module)]
/// struct Noise {
///     training: Training,
/// }
///
/// impl Forward for Noise {
///     fn forward(&self, x: &Tensor) -> Tensor {
///         if self.training.get() { x + x.randn_like() } else { x.clone() }
///     }
/// }
///
/// let (noise, x) = (Noise::default(), Tensor::ones([2]));
/// noise.eval();
/// assert!(noise.forward(&x).equal(&x));
/// ```
#[derive(Debug)]
pub struct Training(AtomicBool);

impl Training {
    /// Returns whether the module is in training mode.
    #[inline]
    pub fn get(&self) -> bool {
        self.0.load(Relaxed)
    }

    /// Sets the mode of this module only; [`Module::train`](super::Module::train) includes its descendants.
    pub fn set(&self, training: bool) {
        self.0.store(training, Relaxed);
    }
}

impl Default for Training {
    fn default() -> Training {
        Training(AtomicBool::new(true))
    }
}

/// The error of an operation with "the weight" and "the bias" replaced by the paths of the parameters in the model.
#[cold]
pub(super) fn with_names(error: Error, weight: &Parameter, bias: Option<&Parameter>) -> Error {
    let named = |mut message: String| {
        for (what, param) in [("the weight", Some(weight)), ("the bias", bias)] {
            if let Some(name) = param.and_then(Parameter::name) {
                message = message.replace(what, &name);
            }
        }
        message
    };
    match error {
        Error::Shape { op, message } => Error::Shape { op, message: named(message) },
        Error::DType { op, message } => Error::DType { op, message: named(message) },
        other => other,
    }
}
