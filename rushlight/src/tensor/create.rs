//! Making tensors.

use super::{DType, Dims, Element, Layout, Scalar, Tensor, each, get_default_dtype, unsupported};
use crate::backend::Device;
use crate::random::{Generator, default_generator};
use crate::{Error, Result};
use rushlight_macros::op;

/// Type, device, generator and whether to require gradients, for the functions that make tensors.
///
/// ```
/// use rushlight::{DType, Generator, TensorOptions};
/// let options = TensorOptions::new().dtype(DType::F64).generator(&Generator::from_seed(0)).requires_grad(true);
/// let x = options.randn([2, 3]);
/// assert!(x.requires_grad() && x.dtype() == DType::F64);
/// ```
#[derive(Clone, Debug, Default)]
pub struct TensorOptions {
    dtype: Option<DType>,
    device: Device,
    generator: Option<Generator>,
    requires_grad: bool,
}

impl TensorOptions {
    /// PyTorch's defaults: float32 (int64 for integers), on the CPU, the default generator, no gradients.
    pub fn new() -> TensorOptions {
        TensorOptions::default()
    }

    /// With elements of this type.
    pub fn dtype(mut self, dtype: DType) -> TensorOptions {
        self.dtype = Some(dtype);
        self
    }

    /// On this device.
    pub fn device(mut self, device: Device) -> TensorOptions {
        self.device = device;
        self
    }

    /// With random numbers from this generator.
    pub fn generator(mut self, generator: &Generator) -> TensorOptions {
        self.generator = Some(generator.clone());
        self
    }

    /// As a leaf that requires gradients.
    pub fn requires_grad(mut self, requires_grad: bool) -> TensorOptions {
        self.requires_grad = requires_grad;
        self
    }

    fn finish(&self, tensor: Tensor) -> Result<Tensor> {
        if self.requires_grad { tensor.try_requires_grad_(true) } else { Ok(tensor) }
    }

    fn filled(&self, layout: Layout, value: Scalar, default: DType) -> Result<Tensor> {
        let tensor = Tensor::fresh(self.device, layout, self.dtype.unwrap_or(default))?;
        tensor.backend().fill(value, &mut tensor.write_fresh())?;
        self.finish(tensor)
    }

    /// Elements of the type that `compute` is asked for, converted to the type that the options name, which is not bool.
    fn computed(
        &self,
        op: &'static str,
        default: DType,
        compute: impl FnOnce(DType) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let dtype = self.dtype.unwrap_or(default);
        if dtype == DType::Bool {
            return Err(unsupported(op, dtype));
        }
        let tensor = compute(dtype)?;
        self.finish(if tensor.dtype() == dtype { tensor } else { tensor.try_to_dtype(dtype)? })
    }

    /// See [`Tensor::zeros`].
    #[op]
    pub fn try_zeros(&self, shape: impl Into<Dims>) -> Result<Tensor> {
        self.filled(shape.into().layout("zeros")?, Scalar::I64(0), get_default_dtype())
    }

    /// See [`Tensor::ones`].
    #[op]
    pub fn try_ones(&self, shape: impl Into<Dims>) -> Result<Tensor> {
        self.filled(shape.into().layout("ones")?, Scalar::I64(1), get_default_dtype())
    }

    /// See [`Tensor::full`].
    #[op]
    pub fn try_full(&self, shape: impl Into<Dims>, value: impl Into<Scalar>) -> Result<Tensor> {
        let value = value.into();
        self.filled(shape.into().layout("full")?, value, value.default_dtype())
    }

    /// See [`Tensor::eye`].
    #[op]
    pub fn try_eye(&self, n: usize) -> Result<Tensor> {
        let matrix = TensorOptions { requires_grad: false, ..self.clone() }.try_zeros([n, n])?;
        let diagonal = Layout::strided(&[n], &[n as isize + 1], 0);
        matrix.backend().fill(Scalar::I64(1), &mut matrix.view_raw(diagonal).write("eye")?)?;
        self.finish(matrix)
    }

    /// See [`Tensor::arange`].
    #[op]
    pub fn try_arange(
        &self,
        start: impl Into<Scalar>,
        end: impl Into<Scalar>,
        step: impl Into<Scalar>,
    ) -> Result<Tensor> {
        let (start, end, step) = (start.into(), end.into(), step.into());
        let whole = [start, end, step].iter().all(|s| !matches!(s, Scalar::F64(_)));
        let (first, last, by) = (start.to_f64(), end.to_f64(), step.to_f64());
        if by == 0.0 || !(by.is_finite() && first.is_finite() && last.is_finite()) {
            return Err(Error::value(
                "arange",
                format!("start, end and step must be finite and step not 0, but got {start}, {end}, {step}"),
            ));
        }
        if (last - first) * by < 0.0 {
            return Err(Error::value("arange", format!("from {start} to {end} no step of {step} leads")));
        }
        let count = if whole {
            let (distance, by) = (end.to_i64() as i128 - start.to_i64() as i128, step.to_i64() as i128);
            ((distance + by - by.signum()) / by) as f64
        } else {
            ((last - first) / by).ceil()
        };
        if count > 1e15 {
            return Err(Error::value("arange", format!("{count} elements are more than memory can hold")));
        }
        let count = count as usize;
        self.computed("arange", if whole { DType::I64 } else { get_default_dtype() }, |_| {
            let layout = Dims::from(count).layout("arange")?;
            if whole {
                let (start, step) = (start.to_i64(), step.to_i64());
                Tensor::filled_by(self.device, layout, |i| start.wrapping_add((i as i64).wrapping_mul(step)))
            } else {
                Tensor::filled_by(self.device, layout, |i| first + i as f64 * by)
            }
        })
    }

    /// See [`Tensor::linspace`].
    #[op]
    pub fn try_linspace(&self, start: f64, end: f64, steps: usize) -> Result<Tensor> {
        let layout = Dims::from(steps).layout("linspace")?;
        self.computed("linspace", get_default_dtype(), |dtype| {
            // Symmetric about the middle, from bounds of the type and in its arithmetic, as in PyTorch.
            let bound = |bound: f64| each!(dtype, T => T::from_scalar(Scalar::F64(bound)).to_scalar().to_f64());
            let (start, end, half) = (bound(start), bound(end), steps / 2);
            if dtype.computed() == DType::F32 {
                let (a, b) = (start as f32, end as f32);
                let step = (b - a) / (steps.max(2) - 1) as f32;
                Tensor::filled_by(self.device, layout, |i| match i {
                    _ if steps == 1 => a,
                    _ if i < half => step.mul_add(i as f32, a),
                    _ => (-step).mul_add((steps - 1 - i) as f32, b),
                })
            } else {
                let step = (end - start) / (steps.max(2) - 1) as f64;
                Tensor::filled_by(self.device, layout, |i| match i {
                    _ if steps == 1 => start,
                    _ if i < half => step.mul_add(i as f64, start),
                    _ => (-step).mul_add((steps - 1 - i) as f64, end),
                })
            }
        })
    }

    fn random(
        &self,
        op: &'static str,
        shape: Dims,
        fill: impl FnOnce(&Tensor, &Generator) -> Result<()>,
    ) -> Result<Tensor> {
        let layout = shape.layout(op)?;
        let tensor = Tensor::fresh(self.device, layout, self.dtype.unwrap_or(get_default_dtype()))?;
        fill(&tensor, &self.generator.clone().unwrap_or_else(|| default_generator().clone()))?;
        self.finish(tensor)
    }

    /// See [`Tensor::rand`].
    #[op]
    pub fn try_rand(&self, shape: impl Into<Dims>) -> Result<Tensor> {
        self.random("rand", shape.into(), |t, g| t.try_uniform_with(0.0, 1.0, g))
    }

    /// See [`Tensor::randn`].
    #[op]
    pub fn try_randn(&self, shape: impl Into<Dims>) -> Result<Tensor> {
        self.random("randn", shape.into(), |t, g| t.try_normal_with(0.0, 1.0, g))
    }

    /// See [`Tensor::randint`].
    #[op]
    pub fn try_randint(&self, low: i64, high: i64, shape: impl Into<Dims>) -> Result<Tensor> {
        TensorOptions { dtype: Some(self.dtype.unwrap_or(DType::I64)), ..self.clone() }.random(
            "randint",
            shape.into(),
            |t, g| t.try_randint_with(low, high, g),
        )
    }

    /// See [`Tensor::randperm`].
    #[op]
    pub fn try_randperm(&self, n: usize) -> Result<Tensor> {
        let layout = Dims::from(n).layout("randperm")?;
        let generator = self.generator.clone().unwrap_or_else(|| default_generator().clone());
        self.computed("randperm", DType::I64, |_| {
            // Memory that is not to be had is an error here; the list would end the program.
            let tensor = Tensor::fresh(self.device, layout, DType::I64)?;
            tensor.write_fresh().upload(&generator.randperm(n))?;
            Ok(tensor)
        })
    }
}

macro_rules! with_default_options {
    ($($(#[$doc:meta])* $try_name:ident($($arg:ident: $ty:ty),*);)*) => {
        impl Tensor {$(
            $(#[$doc])*
            #[op]
            pub fn $try_name($($arg: $ty),*) -> Result<Tensor> {
                TensorOptions::new().$try_name($($arg),*)
            }
        )*}
    };
}
with_default_options! {
    /// Zeros, float32.
    ///
    /// ```
    /// assert_eq!(rushlight::Tensor::zeros([2]).to_string(), "tensor([0., 0.])");
    /// ```
    try_zeros(shape: impl Into<Dims>);
    /// Ones, float32.
    try_ones(shape: impl Into<Dims>);
    /// The same value everywhere; the value decides the type: bool, int64 or float32.
    try_full(shape: impl Into<Dims>, value: impl Into<Scalar>);
    /// The `n` × `n` identity matrix, float32.
    try_eye(n: usize);
    /// `start`, `start + step`, … up to but without `end`: int64 if all three are integers, else float32.
    ///
    /// # Errors
    /// If `step` is 0 or leads away from `end`.
    ///
    /// ```
    /// assert_eq!(rushlight::Tensor::arange(0, 10, 3).to_vec::<i64>(), [0, 3, 6, 9]);
    /// ```
    try_arange(start: impl Into<Scalar>, end: impl Into<Scalar>, step: impl Into<Scalar>);
    /// `steps` evenly spaced float32 values from `start` to `end`, both included.
    try_linspace(start: f64, end: f64, steps: usize);
    /// Uniform float32 random numbers in [0, 1), PyTorch's from the same seed.
    ///
    /// ```
    /// rushlight::manual_seed(0);
    /// assert_eq!(rushlight::Tensor::rand([2]).to_string(), "tensor([0.4963, 0.7682])");
    /// ```
    try_rand(shape: impl Into<Dims>);
    /// Normal float32 random numbers with mean 0 and deviation 1, PyTorch's from the same seed.
    try_randn(shape: impl Into<Dims>);
    /// Random int64 numbers from `low` up to but without `high`, PyTorch's from the same seed.
    ///
    /// # Errors
    /// If `low` is not less than `high`.
    try_randint(low: i64, high: i64, shape: impl Into<Dims>);
    /// The numbers from 0 up to but without `n` in random order, int64, PyTorch's from the same seed.
    try_randperm(n: usize);
}

macro_rules! like {
    ($($(#[$doc:meta])* $try_name:ident($($arg:ident: $ty:ty),*) = |$this:ident, $fresh:ident| $fill:expr;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            /// Shape, type and device are this tensor's, and so is the order in memory if it is dense.
            #[op]
            pub fn $try_name(&self $(, $arg: $ty)*) -> Result<Tensor> {
                let $this = self;
                let $fresh = self.fresh_like(self.layout().dense_like(), self.dtype())?;
                $fill?;
                Ok($fresh)
            }
        )*}
    };
}
like! {
    /// Zeros.
    try_zeros_like() = |this, fresh| this.backend().fill(Scalar::I64(0), &mut fresh.write_fresh());
    /// Ones.
    try_ones_like() = |this, fresh| this.backend().fill(Scalar::I64(1), &mut fresh.write_fresh());
    /// The same value everywhere.
    try_full_like(value: impl Into<Scalar>) = |this, fresh| this.backend().fill(value.into(), &mut fresh.write_fresh());
    /// Uniform random numbers in [0, 1).
    try_rand_like() = |_this, fresh| fresh.try_uniform_with(0.0, 1.0, default_generator());
    /// Normal random numbers with mean 0 and deviation 1.
    try_randn_like() = |_this, fresh| fresh.try_normal_with(0.0, 1.0, default_generator());
    /// Random integers from `low` up to but without `high`.
    try_randint_like(low: i64, high: i64) = |_this, fresh| fresh.try_randint_with(low, high, default_generator());
}

impl Tensor {
    /// Zeros with `like`'s type and device and the given dense layout.
    pub(crate) fn zeros_with_layout(like: &Tensor, layout: &Layout) -> Result<Tensor> {
        let fresh = like.fresh_like(*layout, like.dtype())?;
        like.backend().fill(Scalar::I64(0), &mut fresh.write_fresh())?;
        Ok(fresh)
    }

    /// Zeros with `like`'s type and device and the sizes and strides of `whole`, gaps included, in memory of their own.
    pub(crate) fn zeros_spanning(like: &Tensor, whole: &Layout) -> Result<Tensor> {
        let span = Layout::contiguous(&[whole.storage_span()]);
        let memory = Tensor::zeros_with_layout(like, &span)?;
        let layout = Layout::strided(whole.dims(), whole.strides(), 0);
        Ok(Tensor::from_parts(memory.0.storage.clone(), layout, like.dtype(), None, None))
    }
}
