//! Conversions between tensors and Rust values.

use super::{DType, Dims, Element, Layout, Scalar, Tensor, TensorOptions, get_default_dtype};
use crate::backend::Device;
use crate::{Error, Result};
use rushlight_kernels::half::{Bf16, F16};
use rushlight_macros::op;

/// A number, or an array of numbers nested to any depth: the argument of [`Tensor::from`].
pub trait Nested {
    /// The type of the tensor's elements.
    type Element: Element;

    /// Appends the sizes, outermost first.
    fn sizes(sizes: &mut Vec<usize>);

    /// Appends the elements in row-major order.
    fn flatten(&self, elements: &mut Vec<Self::Element>);
}

macro_rules! nested_number {
    ($($type:ty => $element:ty),*) => {$(
        impl Nested for $type {
            type Element = $element;

            fn sizes(_: &mut Vec<usize>) {}

            fn flatten(&self, elements: &mut Vec<$element>) {
                elements.push((*self).into());
            }
        }

        impl From<$type> for Tensor {
            /// A 0-d tensor.
            fn from(value: $type) -> Tensor {
                Tensor::from_nested(&value)
            }
        }

        impl From<Vec<$type>> for Tensor {
            /// A 1-d tensor.
            fn from(values: Vec<$type>) -> Tensor {
                Tensor::from(&values[..])
            }
        }

        impl From<&[$type]> for Tensor {
            /// A 1-d tensor.
            fn from(values: &[$type]) -> Tensor {
                let elements: Vec<$element> = values.iter().map(|&v| v.into()).collect();
                crate::error::ok(Tensor::filled(Layout::contiguous(&[elements.len()]), &elements))
            }
        }
    )*};
}
nested_number!(
    bool => bool, u8 => u8, i8 => i8, i16 => i16, i32 => i64, i64 => i64, F16 => F16, Bf16 => Bf16, f32 => f32, f64 => f64
);

impl<T: Nested, const N: usize> Nested for [T; N] {
    type Element = T::Element;

    fn sizes(sizes: &mut Vec<usize>) {
        sizes.push(N);
        T::sizes(sizes);
    }

    fn flatten(&self, elements: &mut Vec<T::Element>) {
        self.iter().for_each(|inner| inner.flatten(elements));
    }
}

impl<T: Nested, const N: usize> From<[T; N]> for Tensor {
    /// A tensor of the array's shape and element type, except that `i32`, the type of literals, becomes int64, PyTorch's type of
    /// integers ([`from_slice`](Tensor::from_slice) returns int32).
    ///
    /// # Panics
    /// If the array is nested more than 8 deep.
    ///
    /// ```
    /// use rushlight::{DType, Tensor};
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!((x.shape(), x.dtype()), (&[2, 2][..], DType::F32));
    /// assert_eq!(Tensor::from([1, 2, 3]).dtype(), DType::I64);
    /// ```
    #[track_caller]
    fn from(values: [T; N]) -> Tensor {
        Tensor::from_nested(&values)
    }
}

impl From<&Tensor> for Tensor {
    /// Returns another handle to the same tensor.
    fn from(tensor: &Tensor) -> Tensor {
        tensor.clone()
    }
}

impl Tensor {
    #[track_caller]
    fn from_nested<T: Nested>(values: &T) -> Tensor {
        let (mut sizes, mut elements) = (Vec::new(), Vec::new());
        T::sizes(&mut sizes);
        values.flatten(&mut elements);
        let layout = crate::error::ok(Dims::from(sizes).layout("from"));
        crate::error::ok(Tensor::filled(layout, &elements))
    }

    /// Creates a tensor of these row-major elements, whose dtypes are promoted by default; used by [`tensor!`](crate::tensor!).
    ///
    /// # Panics
    /// If the elements do not fill the shape, or it has more than 8 dimensions.
    #[doc(hidden)]
    #[track_caller]
    pub fn from_literal(shape: &[usize], elements: &[Scalar], options: TensorOptions) -> Tensor {
        let numbers = elements.iter().map(|element| element.default_dtype());
        let dtype = options.dtype_or(numbers.reduce(DType::join).unwrap_or_else(get_default_dtype));
        let options = options.dtype(dtype);
        let make = || {
            let tensor = options.allocate(Dims::from(shape).infer("tensor", elements.len())?, dtype)?;
            // Lists of integers are converted through int64, since float64 would round large ones.
            let source = if elements.iter().any(|element| matches!(element, Scalar::F64(_))) {
                Tensor::filled_by(tensor.device(), *tensor.layout(), |i: usize| elements[i].to_f64())?
            } else {
                Tensor::filled_by(tensor.device(), *tensor.layout(), |i: usize| elements[i].to_i64())?
            };
            options.finish(tensor.try_copy_(&source)?)
        };
        crate::error::ok(make())
    }

    /// A new CPU tensor with the given elements, as many as the layout has.
    pub(crate) fn filled<T: Element>(layout: Layout, elements: &[T]) -> Result<Tensor> {
        Tensor::filled_on(Device::Cpu, layout, elements)
    }

    /// A new tensor on a device with the given elements, as many as the layout has.
    pub(crate) fn filled_on<T: Element>(device: Device, layout: Layout, elements: &[T]) -> Result<Tensor> {
        let tensor = Tensor::fresh(device, layout, T::DTYPE)?;
        tensor.write_fresh().upload(elements)?;
        Ok(tensor)
    }

    /// A new tensor whose elements are `element(0)`, `element(1)`, …
    pub(crate) fn filled_by<T: Element>(
        device: Device,
        layout: Layout,
        element: impl Fn(usize) -> T,
    ) -> Result<Tensor> {
        let tensor = Tensor::fresh(device, layout, T::DTYPE)?;
        tensor.write_fresh().write_by(|elements: &mut [T]| {
            elements.iter_mut().enumerate().for_each(|(i, out)| *out = element(i));
            Ok::<(), Error>(())
        })?;
        Ok(tensor)
    }

    /// Creates a tensor of the given shape from elements in row-major order.
    ///
    /// # Errors
    /// If the number of elements does not match the shape, more than one size is -1, or the tensor does not fit into memory.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3]);
    /// assert_eq!(x.shape(), [2, 3]);
    /// ```
    #[doc(alias = "from_numpy")]
    #[doc(alias = "frombuffer")]
    #[op(torch = "-")]
    pub fn try_from_slice<T: Element>(elements: &[T], shape: impl Into<Dims>) -> Result<Tensor> {
        Tensor::shaped("from_slice", elements, shape.into())
    }

    /// Creates a tensor of the given shape from a vector of elements in row-major order, as [`from_slice`](Tensor::from_slice).
    ///
    /// # Errors
    /// As [`try_from_slice`](Tensor::try_from_slice).
    #[op(torch = "-")]
    pub fn try_from_vec<T: Element>(elements: Vec<T>, shape: impl Into<Dims>) -> Result<Tensor> {
        Tensor::shaped("from_vec", &elements, shape.into())
    }

    fn shaped<T: Element>(op: &'static str, elements: &[T], shape: Dims) -> Result<Tensor> {
        Tensor::filled(shape.infer(op, elements.len())?, elements)
    }

    /// Returns the elements in row-major order.
    ///
    /// # Errors
    /// If `T` is not the tensor's element type ([`to_dtype`](Tensor::to_dtype) converts), or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([[1, 2], [3, 4]]).t().to_vec::<i64>(), [1, 3, 2, 4]);
    /// ```
    #[doc(alias = "tolist")]
    #[doc(alias = "numpy")]
    #[op(torch = "-")]
    pub fn try_to_vec<T: Element>(&self) -> Result<Vec<T>> {
        self.expect_type::<T>("to_vec")?;
        let own = self.detach().try_contiguous()?;
        own.read("to_vec")?.to_vec()
    }

    /// Returns an error unless `T` is the type of the elements.
    pub(crate) fn expect_type<T: Element>(&self, op: &'static str) -> Result<()> {
        if T::DTYPE == self.dtype() {
            return Ok(());
        }
        let own = self.dtype();
        let message = format!("expected the tensor's own type {own}, got {}; to_dtype converts the tensor", T::DTYPE);
        Err(Error::dtype(op, message))
    }

    /// Returns the only element as an `f64`, which represents every float and every integer up to 2^53 exactly;
    /// [`item_as`](Tensor::item_as) returns other types.
    ///
    /// # Errors
    /// If there is not exactly one element, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([2.5f32]).item(), 2.5);
    /// ```
    #[op(torch = "item(self)")]
    pub fn try_item(&self) -> Result<f64> {
        self.try_item_as()
    }

    /// Returns the only element, converted to `T`.
    ///
    /// # Errors
    /// If there is not exactly one element, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([1.0f32, 3.0]);
    /// assert_eq!(x.argmax().item_as::<i64>(), 1);
    /// assert!(x.gt(0).all().item_as::<bool>());
    /// ```
    #[op(torch = "item(self)")]
    pub fn try_item_as<T: Element>(&self) -> Result<T> {
        if self.numel() != 1 {
            return Err(Error::shape(
                "item",
                format!("expected a tensor with one element, got {} elements (shape {:?})", self.numel(), self.shape()),
            ));
        }
        let here = self.on_host()?;
        let input = here.read("item")?;
        Ok(T::from_scalar(input.element(0)))
    }
}

impl DType {
    /// Returns the type of `T`.
    pub const fn of<T: Element>() -> DType {
        T::DTYPE
    }
}
