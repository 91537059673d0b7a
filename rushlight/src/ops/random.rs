//! Filling tensors with random numbers, and dropout.

use crate::random::{Generator, default_generator, fill_order};
use crate::tensor::{Layout, WriteGuard, each, each_float};
use crate::{Error, Result, Tensor};
use rushlight_macros::op;

fn argument(op: &'static str) -> impl Fn(String) -> Error {
    move |message| Error::value(op, message)
}

impl Tensor {
    /// Fills this tensor in PyTorch's order: row-major where it is contiguous, else in the order of memory. `draw` fills a
    /// slice of the tensor's own memory or of a buffer; it is told whether the tensor is contiguous.
    fn fill_random(
        &self,
        name: &'static str,
        draw: impl FnOnce(&mut WriteGuard<'_>, bool) -> Result<()>,
    ) -> Result<Tensor> {
        if self.is_contiguous() {
            return self.overwrite(name, |out| draw(out, true));
        }
        let strides: Vec<usize> = self.strides().iter().map(|s| s.unsigned_abs()).collect();
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

    pub(crate) fn try_uniform_with(&self, from: f64, to: f64, generator: &Generator) -> Result<()> {
        let name = "uniform_";
        self.fill_random(name, |out, _| {
            each_float!(name, out.dtype(), T => {
                out.write_by(|out: &mut [T]| generator.uniform(out, from, to).map_err(argument(name)))
            })
        })?;
        Ok(())
    }

    pub(crate) fn try_normal_with(&self, mean: f64, std: f64, generator: &Generator) -> Result<()> {
        let name = "normal_";
        self.fill_random(name, |out, contiguous| {
            each_float!(name, out.dtype(), T => out.write_by(|out: &mut [T]| {
                let drawn = if contiguous { generator.normal(out, mean, std) } else { generator.normal_scalar(out, mean, std) };
                drawn.map_err(argument(name))
            }))
        })?;
        Ok(())
    }

    pub(crate) fn try_randint_with(&self, low: i64, high: i64, generator: &Generator) -> Result<()> {
        let name = "randint";
        self.fill_random(name, |out, _| {
            each!(out.dtype(), T => out.write_by(|out: &mut [T]| generator.randint(out, low, high).map_err(argument(name))))
        })?;
        Ok(())
    }

    /// Overwrites the elements with uniform random numbers in `[from, to)`.
    ///
    /// # Errors
    /// If the elements are no floating point numbers, or `from > to`.
    #[op]
    pub fn try_uniform_(&self, from: f64, to: f64) -> Result<Tensor> {
        self.try_uniform_with(from, to, default_generator())?;
        Ok(self.clone())
    }

    /// Overwrites the elements with normal random numbers.
    ///
    /// # Errors
    /// If the elements are no floating point numbers, or `std` is negative.
    #[op]
    pub fn try_normal_(&self, mean: f64, std: f64) -> Result<Tensor> {
        self.try_normal_with(mean, std, default_generator())?;
        Ok(self.clone())
    }

    /// Overwrites the elements with random integers from `low` up to but without `high`.
    ///
    /// # Errors
    /// If `low` is not less than `high`.
    #[op]
    pub fn try_random_(&self, low: i64, high: i64) -> Result<Tensor> {
        self.try_randint_with(low, high, default_generator())?;
        Ok(self.clone())
    }

    /// Overwrites the elements with 1 (with probability `p`) and 0.
    ///
    /// # Errors
    /// If `p` is not in [0, 1].
    #[op]
    pub fn try_bernoulli_(&self, p: f64) -> Result<Tensor> {
        let (name, generator) = ("bernoulli_", default_generator());
        self.fill_random(name, |out, _| {
            each!(out.dtype(), T => out.write_by(|out: &mut [T]| generator.bernoulli(out, p).map_err(argument(name))))
        })
    }

    /// Zeroes elements with probability `p` and scales the others by `1 / (1 - p)`, if `training`; else the tensor itself.
    ///
    /// # Errors
    /// If `p` is not in [0, 1] or the elements are no floating point numbers.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// rushlight::manual_seed(0);
    /// let y = Tensor::ones([4]).dropout(0.3, true);
    /// assert_eq!(y.to_string(), "tensor([0.0000, 0.0000, 1.4286, 0.0000])");
    /// ```
    #[op]
    pub fn try_dropout(&self, p: f64, training: bool) -> Result<Tensor> {
        let name = "dropout";
        if !(0.0..=1.0).contains(&p) {
            return Err(Error::value(name, format!("the probability must be between 0 and 1, but got {p}")));
        }
        super::want_float(name, self)?;
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
