//! Random numbers: creation of random tensors, in-place fills, and dropout.

use crate::random::{Generator, default_generator, fill_order};
use crate::tensor::{DType, Dims, Integer, Layout, TensorOptions, WriteGuard, each, each_float, get_default_dtype};
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};
use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive};

fn argument(op: &'static str) -> impl Fn(String) -> Error {
    move |message| Error::value(op, message)
}

/// An interval of integers to draw from: an end (`10` is `0..10`), or a range `low..high` or `low..=high`.
#[derive(Clone, Copy, Debug)]
pub struct IntegerRange {
    low: i64,
    high: i64,
}

impl<T: Integer> From<T> for IntegerRange {
    fn from(high: T) -> IntegerRange {
        IntegerRange { low: 0, high: high.to_i64() }
    }
}

impl<T: Integer> From<Range<T>> for IntegerRange {
    fn from(range: Range<T>) -> IntegerRange {
        IntegerRange { low: range.start.to_i64(), high: range.end.to_i64() }
    }
}

impl<T: Integer> From<RangeInclusive<T>> for IntegerRange {
    fn from(range: RangeInclusive<T>) -> IntegerRange {
        IntegerRange { low: range.start().to_i64(), high: range.end().to_i64().saturating_add(1) }
    }
}

/// The range of [`Tensor::random_`]: that of an [`IntegerRange`], `low..` up to the largest value of the dtype, or `..` for all
/// nonnegative values. (For floating-point dtypes the largest value is that up to which all integers are exact.)
#[derive(Clone, Copy, Debug)]
pub enum RandomRange {
    /// From the first inclusive to the second exclusive.
    Between(i64, i64),
    /// From this number up to the largest value of the dtype.
    From(i64),
    /// From 0 up to the largest value of the dtype.
    All,
}

impl<T: Into<IntegerRange>> From<T> for RandomRange {
    fn from(range: T) -> RandomRange {
        let IntegerRange { low, high } = range.into();
        RandomRange::Between(low, high)
    }
}

impl<T: Integer> From<RangeFrom<T>> for RandomRange {
    fn from(range: RangeFrom<T>) -> RandomRange {
        RandomRange::From(range.start.to_i64())
    }
}

impl From<RangeFull> for RandomRange {
    fn from(_: RangeFull) -> RandomRange {
        RandomRange::All
    }
}

/// The range of [`Tensor::uniform_`]: a range `from..to`, or `..` for `0.0..1.0`.
#[derive(Clone, Copy, Debug)]
pub struct UniformRange {
    from: f64,
    to: f64,
}

impl<T: Into<f64>> From<Range<T>> for UniformRange {
    fn from(range: Range<T>) -> UniformRange {
        UniformRange { from: range.start.into(), to: range.end.into() }
    }
}

impl From<RangeFull> for UniformRange {
    fn from(_: RangeFull) -> UniformRange {
        UniformRange { from: 0.0, to: 1.0 }
    }
}

/// The options of the operations that fill a tensor with random numbers. A `&Generator` converts into them.
#[derive(Builder, Clone, Debug)]
pub struct RandomOptions {
    /// The source of the numbers (default: the generator that [`manual_seed`](crate::manual_seed) seeds).
    generator: Option<Generator>,
}

impl RandomOptions {
    fn source(&self) -> &Generator {
        self.generator.as_ref().unwrap_or_else(|| default_generator())
    }
}

impl From<&Generator> for RandomOptions {
    fn from(generator: &Generator) -> RandomOptions {
        RandomOptions::new().generator(generator)
    }
}

/// The options of [`Tensor::dropout`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct DropoutOptions {
    /// The probability that an element is zeroed (default 0.5).
    #[builder(default = 0.5)]
    pub(crate) p: f64,
    /// Whether dropout is applied (default `true`).
    #[builder(default = true)]
    pub(crate) training: bool,
}

impl Tensor {
    /// Fills this tensor in PyTorch's order: row-major if it is contiguous, else in memory order. `draw` fills a slice of the
    /// tensor's memory or of a buffer, and receives whether the tensor is contiguous.
    fn fill_random(
        &self,
        name: &'static str,
        draw: impl FnOnce(&mut WriteGuard<'_>, bool) -> Result<()>,
    ) -> Result<Tensor> {
        if self.is_contiguous() {
            return self.overwrite(name, |out| draw(out, true));
        }
        let strides: Vec<usize> = self.stride().iter().map(|s| s.unsigned_abs()).collect();
        let order = fill_order(self.shape(), &strides);
        let shape: Vec<usize> = order.iter().map(|&d| self.shape()[d]).collect();
        let buffer = self.fresh_like(Layout::contiguous(&shape), self.dtype())?;
        draw(&mut buffer.write(name)?, false)?;
        let mut back = vec![0; order.len()];
        for (position, &dim) in order.iter().enumerate() {
            back[dim] = position;
        }
        let drawn = buffer.try_permute(back)?;
        self.overwrite(name, |out| self.backend().copy(&drawn.read(name)?, out))
    }

    pub(crate) fn fill_uniform(&self, from: f64, to: f64, generator: &Generator) -> Result<()> {
        let name = "uniform_";
        self.fill_random(name, |out, _| {
            each_float!(name, out.dtype(), T => {
                out.write_by(|out: &mut [T]| generator.uniform(out, from, to).map_err(argument(name)))
            })
        })?;
        Ok(())
    }

    pub(crate) fn fill_normal(&self, mean: f64, std: f64, generator: &Generator) -> Result<()> {
        let name = "normal_";
        self.fill_random(name, |out, contiguous| {
            each_float!(name, out.dtype(), T => out.write_by(|out: &mut [T]| {
                let drawn = if contiguous { generator.normal(out, mean, std) } else { generator.normal_scalar(out, mean, std) };
                drawn.map_err(argument(name))
            }))
        })?;
        Ok(())
    }

    pub(crate) fn fill_integers(&self, name: &'static str, range: RandomRange, generator: &Generator) -> Result<()> {
        fn fill<T: crate::random::Element>(
            out: &mut [T],
            range: RandomRange,
            generator: &Generator,
        ) -> Result<(), String> {
            match range {
                RandomRange::Between(low, high) => generator.randint(out, low, high),
                RandomRange::From(low) => generator.random_from(out, low),
                RandomRange::All => {
                    generator.random(out);
                    Ok(())
                }
            }
        }
        self.fill_random(name, |out, _| {
            each!(out.dtype(), T => out.write_by(|out: &mut [T]| fill(out, range, generator).map_err(argument(name))))
        })?;
        Ok(())
    }

    /// Fills the tensor with uniform random numbers in `from..to`; `..` is `0.0..1.0`, PyTorch's default.
    ///
    /// # Errors
    /// If the tensor is not floating-point, a bound is not finite in its dtype, the end of the range is less than its start, or the tensor
    /// is a leaf that requires a gradient, or a view of one, while recording.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// rushlight::manual_seed(0);
    /// assert_eq!(Tensor::zeros([2]).uniform_(-1.0..1.0).to_string(), "tensor([-0.0075,  0.5364])");
    /// ```
    #[op(torch = "uniform_(self, from=0, to=1, *, generator=None)", with)]
    pub fn try_uniform_with_(
        &self,
        range: impl Into<UniformRange>,
        options: impl Into<RandomOptions>,
    ) -> Result<Tensor> {
        let UniformRange { from, to } = range.into();
        self.fill_uniform(from, to, options.into().source())?;
        Ok(self.clone())
    }

    /// Fills the tensor with normal random numbers of the given mean and standard deviation.
    ///
    /// # Errors
    /// If the tensor is not floating-point, `std` is negative, or the tensor is a leaf that requires a gradient, or a view of one, while
    /// recording.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// rushlight::manual_seed(0);
    /// assert_eq!(Tensor::zeros([2]).normal_(10.0, 2.0).to_string(), "tensor([13.0820,  9.4131])");
    /// ```
    #[op(torch = "normal_(self, mean=0, std=1, *, generator=None)", with)]
    pub fn try_normal_with_(&self, mean: f64, std: f64, options: impl Into<RandomOptions>) -> Result<Tensor> {
        self.fill_normal(mean, std, options.into().source())?;
        Ok(self.clone())
    }

    /// Fills the tensor with random integers: `5` is `0..5`, `2..` ends at the largest value of the dtype, `..` is all nonnegative
    /// values.
    ///
    /// # Errors
    /// If the range is empty or exceeds the dtype, or the tensor is a leaf that requires a gradient, or a view of one, while recording.
    ///
    /// ```
    /// use rushlight::{DType, Tensor};
    /// rushlight::manual_seed(0);
    /// assert_eq!(Tensor::zeros_with([3], DType::I64).random_(100).to_vec::<i64>(), [44, 39, 33]);
    /// ```
    #[op(torch = "random_(self, from=0, to=None, *, generator=None)", with)]
    pub fn try_random_with_(&self, range: impl Into<RandomRange>, options: impl Into<RandomOptions>) -> Result<Tensor> {
        self.fill_integers("random_", range.into(), options.into().source())?;
        Ok(self.clone())
    }

    /// Fills the tensor with Bernoulli samples: 1 with probability `p`, else 0.
    ///
    /// # Errors
    /// If `p` is not in [0, 1], or the tensor is a leaf that requires a gradient, or a view of one, while recording.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// rushlight::manual_seed(0);
    /// assert_eq!(Tensor::zeros([8]).bernoulli_(0.5).to_vec::<f32>(), [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
    /// ```
    #[op(torch = "bernoulli_(self, p=0.5, *, generator=None)", with)]
    pub fn try_bernoulli_with_(&self, p: f64, options: impl Into<RandomOptions>) -> Result<Tensor> {
        let options = options.into();
        let generator = options.source();
        let name = "bernoulli_";
        self.fill_random(name, |out, _| {
            each!(out.dtype(), T => out.write_by(|out: &mut [T]| generator.bernoulli(out, p).map_err(argument(name))))
        })
    }

    /// Creates a tensor of uniform random numbers in [0, 1), float32 by default, equal to PyTorch's from the same seed.
    ///
    /// # Errors
    /// If a size is negative, there are more than 8 dimensions, the dtype is not floating-point, or the tensor does not fit into memory.
    ///
    /// ```
    /// rushlight::manual_seed(0);
    /// assert_eq!(rushlight::Tensor::rand([2]).to_string(), "tensor([0.4963, 0.7682])");
    /// ```
    #[op(
        torch = "rand(*size, *, generator=None, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False, pin_memory=False)",
        with
    )]
    pub fn try_rand_with(shape: impl Into<Dims>, options: impl Into<TensorOptions>) -> Result<Tensor> {
        let options = options.into();
        let tensor = options.allocate(shape.into().layout("rand")?, get_default_dtype())?;
        tensor.fill_uniform(0.0, 1.0, options.source())?;
        options.finish(tensor)
    }

    /// Creates a tensor of normal random numbers with mean 0 and standard deviation 1, float32 by default, equal to PyTorch's from the
    /// same seed.
    ///
    /// # Errors
    /// If a size is negative, there are more than 8 dimensions, the dtype is not floating-point, or the tensor does not fit into memory.
    ///
    /// ```
    /// rushlight::manual_seed(0);
    /// assert_eq!(rushlight::Tensor::randn([2]).to_string(), "tensor([ 1.5410, -0.2934])");
    /// ```
    #[op(
        torch = "randn(*size, *, generator=None, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False, pin_memory=False)",
        with
    )]
    pub fn try_randn_with(shape: impl Into<Dims>, options: impl Into<TensorOptions>) -> Result<Tensor> {
        let options = options.into();
        let tensor = options.allocate(shape.into().layout("randn")?, get_default_dtype())?;
        tensor.fill_normal(0.0, 1.0, options.source())?;
        options.finish(tensor)
    }

    /// Creates a tensor of random integers of a range, int64 by default, equal to PyTorch's from the same seed; `10` is `0..10`.
    ///
    /// # Errors
    /// If the range is empty or exceeds the dtype, a size is negative, there are more than 8 dimensions, or the tensor does not fit into
    /// memory.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// rushlight::manual_seed(0);
    /// assert_eq!(Tensor::randint(100, [3]).to_vec::<i64>(), [44, 39, 33]);
    /// assert!(Tensor::randint(-5..5, [2, 3]).ge(-5).all().item_as::<bool>());
    /// ```
    #[op(
        torch = "randint(low=0, high, size, *, generator=None, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False)",
        with
    )]
    pub fn try_randint_with(
        range: impl Into<IntegerRange>,
        shape: impl Into<Dims>,
        options: impl Into<TensorOptions>,
    ) -> Result<Tensor> {
        let options = options.into();
        let tensor = options.allocate(shape.into().layout("randint")?, DType::I64)?;
        tensor.fill_integers("randint", range.into().into(), options.source())?;
        options.finish(tensor)
    }

    /// Creates a random permutation of `0..n`, int64 by default, equal to PyTorch's from the same seed.
    ///
    /// # Errors
    /// If the tensor does not fit into memory or the dtype is bool.
    ///
    /// ```
    /// rushlight::manual_seed(0);
    /// assert_eq!(rushlight::Tensor::randperm(10).to_vec::<i64>(), [4, 1, 7, 5, 3, 9, 0, 8, 6, 2]);
    /// ```
    #[op(
        torch = "randperm(n, *, generator=None, out=None, dtype=torch.int64,layout=torch.strided, device=None, requires_grad=False, pin_memory=False)",
        with
    )]
    pub fn try_randperm_with(n: usize, options: impl Into<TensorOptions>) -> Result<Tensor> {
        let options = options.into();
        let layout = Dims::from(n).layout("randperm")?;
        options.computed("randperm", DType::I64, |_| {
            // Fails with an error if out of memory; allocating the list would abort the program.
            let tensor = Tensor::fresh(options.device.unwrap_or_default(), layout, DType::I64)?;
            tensor.write_fresh().upload(&options.source().randperm(n))?;
            Ok(tensor)
        })
    }

    /// Creates a tensor of uniform random numbers in [0, 1) with the shape of this tensor, and by default its dtype and device.
    ///
    /// # Errors
    /// If the dtype is not floating-point, or the tensor does not fit into memory.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// rushlight::manual_seed(0);
    /// assert_eq!(Tensor::zeros([2]).rand_like().to_string(), "tensor([0.4963, 0.7682])");
    /// ```
    #[op(
        torch = "rand_like(input, *, generator=None, dtype=None, layout=None, device=None, requires_grad=False, memory_format=torch.preserve_format)",
        with
    )]
    pub fn try_rand_like_with(&self, options: impl Into<TensorOptions>) -> Result<Tensor> {
        self.expect_strided("rand_like")?;
        let options = options.into();
        let tensor = options.allocate_like(self)?;
        tensor.fill_uniform(0.0, 1.0, options.source())?;
        options.finish(tensor)
    }

    /// Creates a tensor of normal random numbers with mean 0 and standard deviation 1, with the shape of this tensor, and by default its
    /// dtype and device.
    ///
    /// # Errors
    /// If the dtype is not floating-point, or the tensor does not fit into memory.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// rushlight::manual_seed(0);
    /// assert_eq!(Tensor::zeros([2]).randn_like().to_string(), "tensor([ 1.5410, -0.2934])");
    /// ```
    #[op(
        torch = "randn_like(input, *, generator=None, dtype=None, layout=None, device=None, requires_grad=False, memory_format=torch.preserve_format)",
        with
    )]
    pub fn try_randn_like_with(&self, options: impl Into<TensorOptions>) -> Result<Tensor> {
        self.expect_strided("randn_like")?;
        let options = options.into();
        let tensor = options.allocate_like(self)?;
        tensor.fill_normal(0.0, 1.0, options.source())?;
        options.finish(tensor)
    }

    /// Creates a tensor of random integers of a range, with the shape of this tensor, and by default its dtype and device.
    ///
    /// # Errors
    /// If the range is empty or exceeds the dtype, or the tensor does not fit into memory.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// rushlight::manual_seed(0);
    /// assert_eq!(Tensor::zeros([3]).randint_like(100).to_vec::<f32>(), [44.0, 39.0, 33.0]);
    /// ```
    #[op(
        torch = "randint_like(input, low=0, high, *, generator=None, dtype=None, layout=torch.strided, device=None, requires_grad=False, memory_format=torch.preserve_format)",
        with
    )]
    pub fn try_randint_like_with(
        &self,
        range: impl Into<IntegerRange>,
        options: impl Into<TensorOptions>,
    ) -> Result<Tensor> {
        self.expect_strided("randint_like")?;
        let options = options.into();
        let tensor = options.allocate_like(self)?;
        tensor.fill_integers("randint_like", range.into().into(), options.source())?;
        options.finish(tensor)
    }

    /// Zeroes elements with probability `p` and multiplies the others by `1 / (1 - p)`; returns the tensor itself if `training` is false.
    ///
    /// # Errors
    /// If `p` is not in [0, 1] or the tensor is not floating-point.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::DropoutOptions};
    /// rushlight::manual_seed(0);
    /// let y = Tensor::ones([4]).dropout_with(DropoutOptions::new().p(0.3));
    /// assert_eq!(y.to_string(), "tensor([0.0000, 0.0000, 1.4286, 0.0000])");
    /// ```
    #[op(torch = "dropout(input, p=0.5, training=True, inplace=False)", with)]
    pub fn try_dropout_with(&self, options: DropoutOptions) -> Result<Tensor> {
        let DropoutOptions { p, training } = options;
        let name = "dropout";
        if !(0.0..=1.0).contains(&p) {
            return Err(Error::value(name, format!("expected a probability between 0 and 1, got {p}")));
        }
        super::expect_float(name, self)?;
        if !training || p == 0.0 {
            return Ok(self.clone());
        }
        if p == 1.0 {
            return self.try_mul(0.0);
        }
        let noise = self.fresh_like(self.layout().dense_like(), self.dtype())?;
        let generator = default_generator();
        noise.fill_random(name, |out, _| {
            each_float!(name, out.dtype(), T => {
                out.write_by(|out: &mut [T]| generator.dropout_noise(out, p).map_err(argument(name)))
            })
        })?;
        self.try_mul(&noise)
    }
}
