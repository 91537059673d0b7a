//! Rectifiers whose slope below 0 is learned (prelu) or random (rrelu).

use super::{binary, expect_float, expect_same_dtype, grad_if};
use crate::autograd::Save;
use crate::backend::{BinaryOp, UnaryOp};
use crate::random::default_generator;
use crate::tensor::{Layout, each_float};
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};

/// The options of [`Tensor::rrelu`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct RreluOptions {
    /// The lower bound of the slope of negative elements (default 1/8).
    #[builder(default = 1.0 / 8.0)]
    pub(crate) lower: f64,
    /// The upper bound of the slope of negative elements (default 1/3).
    #[builder(default = 1.0 / 3.0)]
    pub(crate) upper: f64,
    /// Whether slopes are drawn; otherwise all are the mean of the bounds (default `false`).
    pub(crate) training: bool,
}

impl RreluOptions {
    fn checked(self, name: &'static str, x: &Tensor) -> Result<RreluOptions> {
        expect_float(name, x)?;
        let RreluOptions { lower, upper, .. } = self;
        if lower.is_finite() && upper.is_finite() && lower <= upper {
            return Ok(self);
        }
        Err(Error::value(name, format!("expected finite bounds with lower <= upper, got {lower} and {upper}")))
    }

    fn mean(self) -> f64 {
        f64::midpoint(self.lower, self.upper)
    }
}

impl Tensor {
    /// Computes `x` above 0 and `weight * x` elsewhere, with learned slopes: one, or one for each channel, which is dimension 1
    /// (He et al., 2015). The derivative at 0 is the slope.
    ///
    /// # Errors
    /// If the tensors are not floating-point of one dtype, or the weight is neither a number, 0-d or `[1]`, nor `[C]` for an input of `C`
    /// channels; an input of one dimension has one channel.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([[-1.0f32, -1.0], [2.0, -3.0]]);
    /// assert_eq!(x.prelu(&Tensor::from([0.5f32, 0.25])).to_vec::<f32>(), [-0.5, -0.25, 2.0, -0.75]);
    /// ```
    #[op(torch = "prelu(input, weight)")]
    pub fn try_prelu(&self, weight: &Tensor) -> Result<Tensor> {
        let name = "prelu";
        expect_float(name, self)?;
        expect_same_dtype(name, self, weight)?;
        let slopes = weight.numel();
        let channels = if self.dim() > 1 { self.shape()[1] } else { 1 };
        if weight.dim() > 1 || (slopes != 1 && slopes != channels) {
            let expected = if channels == 1 { "[1]".into() } else { format!("[1] or [{channels}]") };
            return Err(Error::shape(
                name,
                format!(
                    "expected a weight of shape {expected}, one slope or one for each channel (dimension 1) of the input {:?}, got {:?}",
                    self.shape(),
                    weight.shape()
                ),
            ));
        }
        let mut along = vec![1; self.dim()];
        if slopes != 1 {
            along[1] = slopes;
        }
        let weight = weight.try_view(along)?;
        let out = binary(name, BinaryOp::Prelu, self, &weight)?;
        let saves = [Save::Input(self), Save::Input(&weight)];
        Ok(out.record_binary("PreluKernelBackward0", [self, &weight], saves, |[x, w], [of_x, of_w], g| {
            // At 0 this is 0 in any case; its derivative there is 0, as in PyTorch.
            let by_w = || g.try_mul(&x)?.try_masked_fill(&x.try_ge(0)?, 0.0);
            Ok([grad_if(of_x, || prelu_grad(g, &x, &w))?, grad_if(of_w, by_w)?])
        }))
    }

    /// Computes `x` above 0 and `slope * x` elsewhere (Xu et al., 2015). With `training`, each slope is drawn uniformly from
    /// `lower..upper` in row-major order of the elements, only where `x <= 0`; else, as by default, all are `(lower + upper) / 2`.
    ///
    /// # Errors
    /// If the tensor is not floating-point, or the bounds are not finite or in the wrong order.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::RreluOptions};
    /// let x = Tensor::from([-1.0f32, -1.0, 2.0]);
    /// assert_eq!(x.rrelu().to_string(), "tensor([-0.2292, -0.2292,  2.0000])");
    /// rushlight::manual_seed(0);
    /// let y = x.rrelu_with(RreluOptions::new().training(true));
    /// assert_eq!(y.to_string(), "tensor([-0.3271, -0.2725,  2.0000])");
    /// ```
    #[op(torch = "rrelu(input, lower=0.125, upper=0.3333333333333333, training=False, inplace=False)", with)]
    pub fn try_rrelu_with(&self, options: RreluOptions) -> Result<Tensor> {
        let options = options.checked("rrelu", self)?;
        if !options.training {
            return of_mean(self, options);
        }
        let factors = factors("rrelu", self, options)?;
        with_history(product(self, &factors)?, self, &factors)
    }

    /// [`rrelu`](Tensor::rrelu) in-place.
    ///
    /// # Errors
    /// As [`try_rrelu`](Tensor::try_rrelu), or if the tensor cannot be changed in-place, see [`add_`](Tensor::add_).
    #[op(torch = "rrelu_(input, lower=1./8, upper=1./3, training=False)", with)]
    pub fn try_rrelu_with_(&self, options: RreluOptions) -> Result<Tensor> {
        let name = "rrelu_";
        let options = options.checked(name, self)?;
        if !options.training {
            return self.function_in_place(name, UnaryOp::LeakyRelu(options.mean()), |x| of_mean(x, options));
        }
        let factors = factors(name, self, options)?;
        let y = product(self, &factors)?;
        self.change(
            name,
            false,
            |out| self.backend().copy(&y.read(name)?, out),
            |x| with_history(y.detach(), x, &factors),
        )
    }
}

/// `g` where `x > 0`, else `w * g`. Its own derivative at 0 is as above 0, as in PyTorch.
fn prelu_grad(g: &Tensor, x: &Tensor, w: &Tensor) -> Result<Tensor> {
    let below = g.detach().try_mul(w.detach())?;
    let out = g.detach().try_where_cond(&x.try_gt(0)?, &below)?;
    let saves = [Save::Input(g), Save::Input(x), Save::Input(w)];
    Ok(out.record_binary("PreluKernelBackwardBackward0", [g, w], saves, |[g, x, w], [of_g, of_w], gg| {
        let above = x.try_ge(0)?;
        let by_g = || gg.try_where_cond(&above, &gg.try_mul(&w)?);
        Ok([grad_if(of_g, by_g)?, grad_if(of_w, || gg.try_mul(&g)?.try_masked_fill(&above, 0.0))?])
    }))
}

/// What each element is multiplied with in training: drawn where `x <= 0`, else 1. Those of 16-bit elements are float32.
fn factors(name: &'static str, x: &Tensor, options: RreluOptions) -> Result<Tensor> {
    let RreluOptions { lower, upper, .. } = options;
    let x = x.detach().try_to_dtype(x.dtype().computed_float())?.try_contiguous()?;
    let factors = x.fresh_like(Layout::contiguous(x.shape()), x.dtype())?;
    each_float!(name, x.dtype(), T => {
        let x = x.read(name)?;
        let x = x.to_host::<T>()?;
        factors.write(name)?.write_by(|out: &mut [T]| {
            default_generator().rrelu_factors(&x, out, lower, upper);
            Ok::<_, Error>(())
        })
    })?;
    Ok(factors)
}

/// The product, rounded once.
fn product(x: &Tensor, factors: &Tensor) -> Result<Tensor> {
    let wide = x.detach().try_to_dtype(factors.dtype())?.try_contiguous()?;
    binary("rrelu", BinaryOp::Mul, &wide, factors)?.try_to_dtype(x.dtype())
}

const NODE: &str = "RreluWithNoiseBackward0";

/// `out`, the product of `x` and the factors, which are rounded to the dtype of `x` for the derivative.
fn with_history(out: Tensor, x: &Tensor, factors: &Tensor) -> Result<Tensor> {
    let factors = factors.try_to_dtype(x.dtype())?;
    Ok(out.record(NODE, [x], [Save::Input(&factors)], |[factors], [_], g| Ok([Some(g.try_mul(&factors)?)])))
}

fn of_mean(x: &Tensor, options: RreluOptions) -> Result<Tensor> {
    super::activation::leaky_relu("rrelu", NODE, x, options.mean())
}
