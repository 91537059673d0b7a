//! Between tensors and Rust values.

use super::{DType, Dims, Element, Layout, Tensor};
use crate::backend::Device;
use crate::{Error, Result};
use rushlight_kernels::half::{Bf16, F16};
use rushlight_macros::op;

/// A number, or an array of numbers nested to any depth: what [`Tensor::from`] takes.
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
    /// A tensor of the array's shape and element type; only `i32`, the type of literals, becomes int64, PyTorch's type of
    /// integers ([`from_slice`](Tensor::from_slice) gives int32).
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
    /// Another handle on the same tensor.
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

    /// A fresh CPU tensor with the given elements, whose number the layout has.
    pub(crate) fn filled<T: Element>(layout: Layout, elements: &[T]) -> Result<Tensor> {
        Tensor::filled_on(Device::Cpu, layout, elements)
    }

    /// A fresh tensor on a device with the given elements, whose number the layout has.
    pub(crate) fn filled_on<T: Element>(device: Device, layout: Layout, elements: &[T]) -> Result<Tensor> {
        let tensor = Tensor::fresh(device, layout, T::DTYPE)?;
        tensor.write_fresh().upload(elements)?;
        Ok(tensor)
    }

    /// A fresh tensor whose elements are `element(0)`, `element(1)`, …
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

    /// A tensor of the given shape from elements in row-major order.
    ///
    /// # Errors
    /// If the number of elements is not that of the shape.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3]);
    /// assert_eq!(x.shape(), [2, 3]);
    /// ```
    #[op]
    pub fn try_from_slice<T: Element>(elements: &[T], shape: impl Into<Dims>) -> Result<Tensor> {
        Tensor::shaped("from_slice", elements, shape.into())
    }

    /// [`from_slice`](Tensor::from_slice) that takes a vector.
    ///
    /// # Errors
    /// If the number of elements is not that of the shape.
    #[op]
    pub fn try_from_vec<T: Element>(elements: Vec<T>, shape: impl Into<Dims>) -> Result<Tensor> {
        Tensor::shaped("from_vec", &elements, shape.into())
    }

    fn shaped<T: Element>(op: &'static str, elements: &[T], shape: Dims) -> Result<Tensor> {
        Tensor::filled(shape.infer(op, elements.len())?, elements)
    }

    /// The elements in row-major order.
    ///
    /// # Errors
    /// If `T` is not the tensor's element type; [`to_dtype`](Tensor::to_dtype) converts.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([[1, 2], [3, 4]]).t().to_vec::<i64>(), [1, 3, 2, 4]);
    /// ```
    #[op]
    pub fn try_to_vec<T: Element>(&self) -> Result<Vec<T>> {
        if T::DTYPE != self.dtype() {
            return Err(Error::dtype(
                "to_vec",
                format!("the tensor's elements are {}, not {}; to_dtype converts them", self.dtype(), T::DTYPE),
            ));
        }
        let own = self.detach().try_contiguous()?;
        own.read("to_vec")?.to_vec()
    }

    /// The only element, as any type of number.
    ///
    /// # Errors
    /// If there is not exactly one element.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([2.5f32]).item::<f64>(), 2.5);
    /// ```
    #[op]
    pub fn try_item<T: Element>(&self) -> Result<T> {
        if self.numel() != 1 {
            return Err(Error::shape(
                "item",
                format!(
                    "a tensor of shape {:?} has {} elements, and item wants exactly one",
                    self.shape(),
                    self.numel()
                ),
            ));
        }
        let here = self.on_host()?;
        let input = here.read("item")?;
        Ok(T::from_scalar(input.element(0)))
    }
}

impl DType {
    /// The type of `T`.
    pub const fn of<T: Element>() -> DType {
        T::DTYPE
    }
}
