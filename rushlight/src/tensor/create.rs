//! Creation of tensors. Random tensors are in `ops/random.rs`.

use super::{DType, Dims, Element, Layout, Scalar, Tensor, each, get_default_dtype, unsupported};
use crate::backend::Device;
use crate::random::{Generator, default_generator};
use crate::{Error, Result};
use rushlight_macros::{Builder, op};
use std::ops::Range;

/// The options of functions that create tensors: dtype, device, generator and `requires_grad`. A [`DType`] converts into options.
///
/// ```
/// use rushlight::{DType, Generator, Tensor, TensorOptions};
/// let options = TensorOptions::new().dtype(DType::F64).generator(&Generator::from_seed(0)).requires_grad(true);
/// let x = Tensor::randn_with([2, 3], options);
/// assert!(x.requires_grad() && x.dtype() == DType::F64);
/// assert_eq!(Tensor::zeros_with([2], DType::I64).to_string(), "tensor([0, 0])");
/// ```
#[derive(Builder, Clone, Debug)]
pub struct TensorOptions {
    /// The type of the elements (default: that of the function; for the `…_like` functions that of the tensor).
    dtype: Option<DType>,
    /// The device that holds the tensor (default: the CPU; for the `…_like` functions that of the tensor).
    pub(crate) device: Option<Device>,
    /// The source of random numbers (default: the generator that [`manual_seed`](crate::manual_seed) seeds).
    generator: Option<Generator>,
    /// Whether the tensor is a leaf that requires gradients (default `false`).
    #[builder(default = false)]
    requires_grad: bool,
}

impl From<DType> for TensorOptions {
    fn from(dtype: DType) -> TensorOptions {
        TensorOptions::new().dtype(dtype)
    }
}

impl From<&TensorOptions> for TensorOptions {
    fn from(options: &TensorOptions) -> TensorOptions {
        options.clone()
    }
}

impl TensorOptions {
    /// The dtype, if it was set.
    pub(crate) fn dtype_or(&self, default: DType) -> DType {
        self.dtype.unwrap_or(default)
    }

    /// The generator to draw from.
    pub(crate) fn source(&self) -> &Generator {
        self.generator.as_ref().unwrap_or_else(|| default_generator())
    }

    /// A tensor with unspecified contents, to be filled and [finished](Self::finish).
    pub(crate) fn allocate(&self, layout: Layout, default: DType) -> Result<Tensor> {
        Tensor::fresh(self.device.unwrap_or_default(), layout, self.dtype_or(default))
    }

    /// [`allocate`](Self::allocate) with the shape of `like`, its dtype and device by default, and its order in memory if it is dense.
    pub(crate) fn allocate_like(&self, like: &Tensor) -> Result<Tensor> {
        Tensor::fresh(self.device.unwrap_or(like.device()), like.layout().dense_like(), self.dtype_or(like.dtype()))
    }

    pub(crate) fn finish(&self, tensor: Tensor) -> Result<Tensor> {
        if self.requires_grad { tensor.try_requires_grad_(true) } else { Ok(tensor) }
    }

    fn filled(&self, layout: Layout, value: Scalar, default: DType) -> Result<Tensor> {
        let tensor = self.allocate(layout, default)?;
        tensor.backend().fill(value, &mut tensor.write_fresh())?;
        self.finish(tensor)
    }

    fn filled_like(&self, like: &Tensor, value: Scalar) -> Result<Tensor> {
        let tensor = self.allocate_like(like)?;
        tensor.backend().fill(value, &mut tensor.write_fresh())?;
        self.finish(tensor)
    }

    /// Elements computed in the type that `compute` is called with, converted to the dtype of the options, which is not bool.
    pub(crate) fn computed(
        &self,
        op: &'static str,
        default: DType,
        compute: impl FnOnce(DType) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let dtype = self.dtype_or(default);
        if dtype == DType::Bool {
            return Err(unsupported(op, dtype));
        }
        let tensor = compute(dtype)?;
        self.finish(if tensor.dtype() == dtype { tensor } else { tensor.try_to_dtype(dtype)? })
    }
}

/// The bounds of [`Tensor::arange`]: an end, a range `start..end`, or `(start, end, step)`.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    start: Scalar,
    end: Scalar,
    step: Scalar,
}

impl<T: Into<Scalar>> From<T> for Steps {
    fn from(end: T) -> Steps {
        Steps { start: Scalar::I64(0), end: end.into(), step: Scalar::I64(1) }
    }
}

impl<T: Into<Scalar>> From<Range<T>> for Steps {
    fn from(range: Range<T>) -> Steps {
        Steps { start: range.start.into(), end: range.end.into(), step: Scalar::I64(1) }
    }
}

impl<A: Into<Scalar>, B: Into<Scalar>, C: Into<Scalar>> From<(A, B, C)> for Steps {
    fn from((start, end, step): (A, B, C)) -> Steps {
        Steps { start: start.into(), end: end.into(), step: step.into() }
    }
}

impl Tensor {
    /// Creates a tensor of zeros of the given shape, of the default dtype unless the options set another.
    ///
    /// # Errors
    /// If a size is negative, there are more than 8 dimensions, or the tensor does not fit into memory.
    ///
    /// ```
    /// assert_eq!(rushlight::Tensor::zeros([2]).to_string(), "tensor([0., 0.])");
    /// ```
    #[op(torch = "zeros(*size, *, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False)", with)]
    pub fn try_zeros_with(shape: impl Into<Dims>, options: impl Into<TensorOptions>) -> Result<Tensor> {
        options.into().filled(shape.into().layout("zeros")?, Scalar::I64(0), get_default_dtype())
    }

    /// Creates a tensor of ones of the given shape, of the default dtype unless the options set another.
    ///
    /// # Errors
    /// If a size is negative, there are more than 8 dimensions, or the tensor does not fit into memory.
    ///
    /// ```
    /// assert_eq!(rushlight::Tensor::ones([2]).to_string(), "tensor([1., 1.])");
    /// ```
    #[op(torch = "ones(*size, *, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False)", with)]
    pub fn try_ones_with(shape: impl Into<Dims>, options: impl Into<TensorOptions>) -> Result<Tensor> {
        options.into().filled(shape.into().layout("ones")?, Scalar::I64(1), get_default_dtype())
    }

    /// Creates a tensor of the given shape filled with a value, which determines the default of the dtype: bool, int64 or float32.
    ///
    /// # Errors
    /// If a size is negative, there are more than 8 dimensions, the dtype cannot represent the value, or the tensor does not fit into
    /// memory.
    ///
    /// ```
    /// assert_eq!(rushlight::Tensor::full([2], 7).to_string(), "tensor([7, 7])");
    /// ```
    #[op(
        torch = "full(size, fill_value, *, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False)",
        with
    )]
    pub fn try_full_with(
        shape: impl Into<Dims>,
        value: impl Into<Scalar>,
        options: impl Into<TensorOptions>,
    ) -> Result<Tensor> {
        let value = value.into();
        let options = options.into();
        value.expect_in("full", options.dtype_or(value.default_dtype()))?;
        options.filled(shape.into().layout("full")?, value, value.default_dtype())
    }

    /// Creates the `n` × `n` identity matrix, float32 by default.
    ///
    /// # Errors
    /// If the tensor does not fit into memory.
    ///
    /// ```
    /// assert_eq!(rushlight::Tensor::eye(2).to_vec::<f32>(), [1.0, 0.0, 0.0, 1.0]);
    /// ```
    #[op(
        torch = "eye(n, m=None, *, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False)",
        with
    )]
    pub fn try_eye_with(n: usize, options: impl Into<TensorOptions>) -> Result<Tensor> {
        let options = options.into();
        let matrix = Tensor::try_zeros_with([n, n], TensorOptions { requires_grad: false, ..options.clone() })?;
        let diagonal = Layout::strided(&[n], &[n as isize + 1], 0);
        matrix.backend().fill(Scalar::I64(1), &mut matrix.view_raw(diagonal).write("eye")?)?;
        options.finish(matrix)
    }

    /// Creates the 1-d tensor of the values from 0 to the exclusive end, of a range, or of `(start, end, step)`: int64 if all bounds are
    /// integers, else float32.
    ///
    /// # Errors
    /// If the step is 0 or has the wrong sign, a bound is not finite, there are more than 1e15 elements, the dtype is bool, or the tensor
    /// does not fit into memory.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::arange(3).to_vec::<i64>(), [0, 1, 2]);
    /// assert_eq!(Tensor::arange(1.0..3.0).to_vec::<f32>(), [1.0, 2.0]);
    /// assert_eq!(Tensor::arange((0, 10, 3)).to_vec::<i64>(), [0, 3, 6, 9]);
    /// ```
    #[op(
        torch = "arange(start=0, end, step=1, *, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False)",
        with
    )]
    pub fn try_arange_with(steps: impl Into<Steps>, options: impl Into<TensorOptions>) -> Result<Tensor> {
        let Steps { start, end, step } = steps.into();
        let whole = [start, end, step].iter().all(|s| !matches!(s, Scalar::F64(_)));
        let (first, last, by) = (start.to_f64(), end.to_f64(), step.to_f64());
        if by == 0.0 || !(by.is_finite() && first.is_finite() && last.is_finite()) {
            return Err(Error::value(
                "arange",
                format!("expected finite numbers and a step that is not 0, got start {start}, end {end}, step {step}"),
            ));
        }
        if (last - first) * by < 0.0 {
            return Err(Error::value(
                "arange",
                format!("expected a step that leads from {start} to {end}, got {step}"),
            ));
        }
        let count = if whole {
            let (distance, by) = (end.to_i64() as i128 - start.to_i64() as i128, step.to_i64() as i128);
            ((distance + by - by.signum()) / by) as f64
        } else {
            ((last - first) / by).ceil()
        };
        if count > 1e15 {
            return Err(Error::value("arange", format!("expected at most 1e15 elements, got {count}")));
        }
        let count = count as usize;
        let options = options.into();
        let device = options.device.unwrap_or_default();
        options.computed("arange", if whole { DType::I64 } else { get_default_dtype() }, |_| {
            let layout = Dims::from(count).layout("arange")?;
            if whole {
                let (start, step) = (start.to_i64(), step.to_i64());
                Tensor::filled_by(device, layout, |i| start.wrapping_add((i as i64).wrapping_mul(step)))
            } else {
                Tensor::filled_by(device, layout, |i| first + i as f64 * by)
            }
        })
    }

    /// Creates the 1-d tensor of `steps` evenly spaced values from `start` to `end` inclusive, float32 by default.
    ///
    /// # Errors
    /// If the tensor does not fit into memory or the dtype is bool.
    ///
    /// ```
    /// assert_eq!(rushlight::Tensor::linspace(0.0, 1.0, 3).to_vec::<f32>(), [0.0, 0.5, 1.0]);
    /// ```
    #[op(
        torch = "linspace(start, end, steps, *, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False)",
        with
    )]
    pub fn try_linspace_with(
        start: impl Into<Scalar>,
        end: impl Into<Scalar>,
        steps: usize,
        options: impl Into<TensorOptions>,
    ) -> Result<Tensor> {
        let (start, end) = (start.into().to_f64(), end.into().to_f64());
        let layout = Dims::from(steps).layout("linspace")?;
        let options = options.into();
        let device = options.device.unwrap_or_default();
        options.computed("linspace", get_default_dtype(), |dtype| {
            // Symmetric about the middle, from bounds of the type and in its arithmetic, as in PyTorch.
            let bound = |bound: f64| each!(dtype, T => T::from_scalar(Scalar::F64(bound)).to_scalar().to_f64());
            let (start, end, half) = (bound(start), bound(end), steps / 2);
            if dtype.computed() == DType::F32 {
                let (a, b) = (start as f32, end as f32);
                let step = (b - a) / (steps.max(2) - 1) as f32;
                Tensor::filled_by(device, layout, |i| match i {
                    _ if steps == 1 => a,
                    _ if i < half => step.mul_add(i as f32, a),
                    _ => (-step).mul_add((steps - 1 - i) as f32, b),
                })
            } else {
                let step = (end - start) / (steps.max(2) - 1) as f64;
                Tensor::filled_by(device, layout, |i| match i {
                    _ if steps == 1 => start,
                    _ if i < half => step.mul_add(i as f64, start),
                    _ => (-step).mul_add((steps - 1 - i) as f64, end),
                })
            }
        })
    }

    /// Creates a tensor of zeros with the shape of this tensor, and by default its dtype and device.
    ///
    /// # Errors
    /// If the tensor does not fit into memory.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1, 2]).zeros_like().to_vec::<i64>(), [0, 0]);
    /// ```
    #[op(
        torch = "zeros_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=torch.preserve_format)",
        with
    )]
    pub fn try_zeros_like_with(&self, options: impl Into<TensorOptions>) -> Result<Tensor> {
        self.expect_strided("zeros_like")?;
        options.into().filled_like(self, Scalar::I64(0))
    }

    /// Creates a tensor of ones with the shape of this tensor, and by default its dtype and device.
    ///
    /// # Errors
    /// If the tensor does not fit into memory.
    ///
    /// ```
    /// use rushlight::{DType, Tensor};
    /// let x = Tensor::from([1, 2]);
    /// assert_eq!(x.ones_like().to_vec::<i64>(), [1, 1]);
    /// assert_eq!(x.ones_like_with(DType::F32).to_vec::<f32>(), [1.0, 1.0]);
    /// ```
    #[op(
        torch = "ones_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=torch.preserve_format)",
        with
    )]
    pub fn try_ones_like_with(&self, options: impl Into<TensorOptions>) -> Result<Tensor> {
        self.expect_strided("ones_like")?;
        options.into().filled_like(self, Scalar::I64(1))
    }

    /// Creates a tensor filled with a value, with the shape of this tensor, and by default its dtype and device; the value is converted.
    ///
    /// # Errors
    /// If the dtype cannot represent the value, or the tensor does not fit into memory.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1, 2]).full_like(7).to_vec::<i64>(), [7, 7]);
    /// ```
    #[op(
        torch = "full_like(input, fill_value, *, dtype=None, layout=torch.strided, device=None, requires_grad=False, memory_format=torch.preserve_format)",
        with
    )]
    pub fn try_full_like_with(&self, value: impl Into<Scalar>, options: impl Into<TensorOptions>) -> Result<Tensor> {
        self.expect_strided("full_like")?;
        let (value, options) = (value.into(), options.into());
        value.expect_in("full_like", options.dtype_or(self.dtype()))?;
        options.filled_like(self, value)
    }
}

impl Tensor {
    /// Zeros with `like`'s type and device and the given dense layout.
    pub(crate) fn zeros_with_layout(like: &Tensor, layout: &Layout) -> Result<Tensor> {
        let fresh = like.fresh_like(*layout, like.dtype())?;
        like.backend().fill(Scalar::I64(0), &mut fresh.write_fresh())?;
        Ok(fresh)
    }

    /// Zeros with `like`'s type and device and the sizes and strides of `whole`, gaps included, in newly allocated memory.
    pub(crate) fn zeros_spanning(like: &Tensor, whole: &Layout) -> Result<Tensor> {
        let span = Layout::contiguous(&[whole.storage_span()]);
        let memory = Tensor::zeros_with_layout(like, &span)?;
        let layout = Layout::strided(whole.dims(), whole.strides(), 0);
        Ok(Tensor::from_parts(memory.0.storage.clone(), layout, like.dtype(), None, None))
    }
}
