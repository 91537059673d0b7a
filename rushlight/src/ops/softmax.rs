//! Softmax and its logarithm along one dimension.

use super::{composed, expect_float, grad_if};
use crate::autograd::Save;
use crate::backend::SoftmaxKind;
use crate::tensor::{Layout, keepdim, wrap_dim};
use crate::{Result, Tensor};
use rushlight_macros::op;

impl Tensor {
    /// Computes `exp(x) / sum(exp(x))` along `dim`: nonnegative elements that sum to 1, of the shape of the input.
    ///
    /// # Errors
    /// If the tensor is not floating-point, or the dimension is out of range.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 1.0]).softmax(0).to_vec::<f32>(), [0.5, 0.5]);
    /// ```
    #[op(torch = "softmax(input, dim, *, dtype=None)")]
    pub fn try_softmax(&self, dim: isize) -> Result<Tensor> {
        let dim = wrap_dim("softmax", dim, self.dim())?;
        let out = forward("softmax", SoftmaxKind::Softmax, self, dim)?;
        Ok(out.record("SoftmaxBackward0", [self], [Save::Output], move |[y], [_], g| {
            Ok([Some(softmax_grad(g, &y, dim)?)])
        }))
    }

    /// Computes the [`softmax`](Tensor::softmax) of the negated elements along `dim`: the smallest element gets the largest share.
    ///
    /// # Errors
    /// If the tensor is not floating-point, or the dimension is out of range.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 1.0]).softmin(0).to_string(), "tensor([0.7311, 0.2689])");
    /// ```
    #[op(torch = "softmin(input, dim=None, _stacklevel=3, dtype=None)")]
    pub fn try_softmin(&self, dim: isize) -> Result<Tensor> {
        let dim = wrap_dim("softmin", dim, self.dim())?;
        expect_float("softmin", self)?;
        self.try_neg()?.try_softmax(dim as isize)
    }

    /// Computes the logarithm of [`softmax`](Tensor::softmax) along `dim`, accurate for small probabilities.
    ///
    /// # Errors
    /// If the tensor is not floating-point, or the dimension is out of range.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let y = Tensor::from([0.0f32, 0.0]).log_softmax(0);
    /// assert_eq!(y.to_string(), "tensor([-0.6931, -0.6931])");
    /// ```
    #[op(torch = "log_softmax(input, dim=None, _stacklevel=3, dtype=None)")]
    pub fn try_log_softmax(&self, dim: isize) -> Result<Tensor> {
        let dim = wrap_dim("log_softmax", dim, self.dim())?;
        let out = forward("log_softmax", SoftmaxKind::LogSoftmax, self, dim)?;
        Ok(out.record("LogSoftmaxBackward0", [self], [Save::Output], move |[y], [_], g| {
            Ok([Some(log_softmax_grad(g, &y, dim)?)])
        }))
    }
}

fn forward(name: &'static str, kind: SoftmaxKind, x: &Tensor, dim: usize) -> Result<Tensor> {
    expect_float(name, x)?;
    let x = x.detach().try_contiguous()?;
    let out = x.fresh_like(Layout::contiguous(x.shape()), x.dtype())?;
    let done = x.backend().softmax(kind, &x.read(name)?, dim, &mut out.write_fresh());
    match done {
        Some(done) => done.map(|()| out),
        None => composed::softmax(kind, &x, dim),
    }
}

fn backward(name: &'static str, kind: SoftmaxKind, g: &Tensor, y: &Tensor, dim: usize) -> Result<Tensor> {
    let (g, y) = (g.detach().try_contiguous()?, y.detach().try_contiguous()?);
    let out = y.fresh_like(Layout::contiguous(y.shape()), y.dtype())?;
    let done = y.backend().softmax_grad(kind, &g.read(name)?, &y.read(name)?, dim, &mut out.write_fresh());
    match done {
        Some(done) => done.map(|()| out),
        None => composed::softmax_grad(kind, &g, &y, dim),
    }
}

/// `y * (g - sum(g * y))`.
fn softmax_grad(g: &Tensor, y: &Tensor, dim: usize) -> Result<Tensor> {
    let out = backward("softmax_backward", SoftmaxKind::Softmax, g, y, dim)?;
    let saves = [Save::Input(g), Save::Input(y)];
    Ok(out.record("SoftmaxBackwardDataBackward0", [g, y], saves, move |[g, y], [of_g, of_y], gg| {
        let sum = |t: Tensor| t.try_sum_dim(keepdim(dim));
        // Linear in g with a symmetric matrix; bilinear in y.
        let by_y = || {
            let whole = sum(g.try_mul(&y)?)?;
            gg.try_mul(&g.try_sub(&whole)?)?.try_sub(&g.try_mul(&sum(gg.try_mul(&y)?)?)?)
        };
        Ok([grad_if(of_g, || softmax_grad(gg, &y, dim))?, grad_if(of_y, by_y)?])
    }))
}

/// `g - exp(y) * sum(g)`.
fn log_softmax_grad(g: &Tensor, y: &Tensor, dim: usize) -> Result<Tensor> {
    let out = backward("log_softmax_backward", SoftmaxKind::LogSoftmax, g, y, dim)?;
    let saves = [Save::Input(g), Save::Input(y)];
    Ok(out.record("LogSoftmaxBackwardDataBackward0", [g, y], saves, move |[g, y], [of_g, of_y], gg| {
        let sum = |t: Tensor| t.try_sum_dim(keepdim(dim));
        let p = y.try_exp()?;
        let by_g = || gg.try_sub(&sum(gg.try_mul(&p)?)?);
        let by_y = || gg.try_mul(&p)?.try_mul(&sum(g.clone())?)?.try_neg();
        Ok([grad_if(of_g, by_g)?, grad_if(of_y, by_y)?])
    }))
}
