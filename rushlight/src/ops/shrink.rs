//! Shrinkage functions: small elements become 0.

use super::{as_float, expect_float};
use crate::autograd::Save;
use crate::tensor::Scalar;
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};

/// The options of [`Tensor::hardshrink`]. A number converts into them.
#[derive(Builder, Clone, Copy, Debug)]
pub struct HardshrinkOptions {
    /// The largest magnitude that becomes 0 (default 0.5).
    #[builder(default = 0.5)]
    pub(crate) lambd: f64,
}

impl From<f64> for HardshrinkOptions {
    fn from(lambd: f64) -> HardshrinkOptions {
        HardshrinkOptions { lambd }
    }
}

/// The options of [`Tensor::softshrink`]. A number converts into them.
#[derive(Builder, Clone, Copy, Debug)]
pub struct SoftshrinkOptions {
    /// The largest magnitude that becomes 0 (default 0.5).
    #[builder(default = 0.5)]
    pub(crate) lambd: f64,
}

impl From<f64> for SoftshrinkOptions {
    fn from(lambd: f64) -> SoftshrinkOptions {
        SoftshrinkOptions { lambd }
    }
}

impl Tensor {
    /// Computes 0 where `|x| <= lambd`, by default 0.5, and `x` elsewhere. The derivative at the bounds is 0.
    ///
    /// # Errors
    /// If the tensor is not floating-point.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([-2.0f32, 0.5, 0.75]).hardshrink().to_vec::<f32>(), [-2.0, 0.0, 0.75]);
    /// ```
    #[op(torch = "hardshrink(input, lambd=0.5)", with)]
    pub fn try_hardshrink_with(&self, options: impl Into<HardshrinkOptions>) -> Result<Tensor> {
        let lambd = options.into().lambd;
        expect_float("hardshrink", self)?;
        let out = without_small(&self.detach(), &self.detach(), lambd)?;
        Ok(out.record("HardshrinkBackward0", [self], [Save::Input(self)], move |[x], [_], g| {
            Ok([Some(without_small(g, &x, lambd)?)])
        }))
    }

    /// Computes `x - lambd` above `lambd`, by default 0.5, `x + lambd` below `-lambd`, and 0 between. The derivative at the bounds is 0.
    ///
    /// # Errors
    /// If the tensor is not floating-point, or `lambd` is negative or NaN.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([-2.0f32, 0.5, 0.75]).softshrink().to_vec::<f32>(), [-1.5, 0.0, 0.25]);
    /// ```
    #[op(torch = "softshrink(input, lambd=0.5)", with)]
    pub fn try_softshrink_with(&self, options: impl Into<SoftshrinkOptions>) -> Result<Tensor> {
        let lambd = options.into().lambd;
        expect_float("softshrink", self)?;
        if lambd.is_nan() || lambd < 0.0 {
            return Err(Error::value("softshrink", format!("expected lambd >= 0, got {lambd}")));
        }
        let x = self.detach();
        let out = x.try_sub(&x.try_clamp(-lambd, lambd)?)?;
        Ok(out.record("SoftshrinkBackward0", [self], [Save::Input(self)], move |[x], [_], g| {
            Ok([Some(without_small(g, &x, lambd)?)])
        }))
    }

    /// Computes `x - tanh(x)`, elementwise. Integers are converted to the default dtype.
    ///
    /// # Errors
    /// If the tensor is bool.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 2.0]).tanhshrink().to_string(), "tensor([0.0000, 1.0360])");
    /// ```
    #[op(torch = "tanhshrink(input)")]
    pub fn try_tanhshrink(&self) -> Result<Tensor> {
        super::expect_number("tanhshrink", self.dtype())?;
        let x = as_float(self)?;
        x.try_sub(&x.try_tanh()?)
    }
}

/// `y` where `|x| > lambd` or `x` is NaN, else 0.
fn without_small(y: &Tensor, x: &Tensor, lambd: f64) -> Result<Tensor> {
    y.try_masked_fill(&x.try_abs()?.try_le(Scalar::F64(lambd))?, 0.0)
}
