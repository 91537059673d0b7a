//! Matrix products of vectors, matrices and batches, and the fused linear layer.

use super::{Shape, expect_same_dtype, grad_if};
use crate::autograd::Save;
use crate::tensor::{DType, Layout, broadcast_dims, unsupported};
use crate::{Error, Result, Tensor};
use rushlight_kernels::MAX_RANK;
use rushlight_macros::op;

fn mismatch(op: &'static str, a: &Tensor, b: &Tensor) -> Error {
    Error::shape(
        op,
        format!(
            "expected the last size of the first tensor to equal the {} of the second, got shapes {:?} and {:?}",
            if b.dim() > 1 { "second-to-last size" } else { "size" },
            a.shape(),
            b.shape()
        ),
    )
}

/// `a @ b` for matrices or batches of them (3-d, equal batch sizes or 1), plus an optional row `bias`.
fn product(name: &'static str, a: &Tensor, b: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    if a.dtype() == DType::Bool {
        return Err(unsupported(name, DType::Bool));
    }
    let (da, db) = (a.shape(), b.shape());
    let layout = match (da, db) {
        (&[m, _], &[_, n]) => Layout::contiguous(&[m, n]),
        (&[x, m, _], &[y, _, n]) => Layout::contiguous(&[x.max(y), m, n]),
        _ => unreachable!("callers pass matrices or batches"),
    };
    let out = a.fresh_like(layout.checked(name)?, a.dtype())?;
    let packed = bias.filter(|bias| !bias.is_contiguous()).map(|bias| bias.detach().try_contiguous()).transpose()?;
    let bias = packed.as_ref().or(bias).map(|bias| bias.read(name)).transpose()?;
    a.backend().matmul(&a.read(name)?, &b.read(name)?, bias.as_ref(), &mut out.write_fresh())?;
    Ok(out)
}

impl Tensor {
    /// Computes the product of the matrices `[m, k]` and `[k, n]`, a matrix `[m, n]`.
    ///
    /// # Errors
    /// If the tensors are not matrices, the dtypes differ or are bool, or the inner sizes differ.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([[1, 2], [3, 4]]).mm(&Tensor::from([[1], [1]])).to_vec::<i64>(), [3, 7]);
    /// ```
    #[op(torch = "mm(input, mat2, *, out=None)")]
    pub fn try_mm(&self, other: &Tensor) -> Result<Tensor> {
        if self.dim() != 2 || other.dim() != 2 {
            return Err(Error::shape(
                "mm",
                format!("expected matrices, got shapes {:?} and {:?}", self.shape(), other.shape()),
            ));
        }
        expect_same_dtype("mm", self, other)?;
        if self.shape()[1] != other.shape()[0] {
            return Err(mismatch("mm", self, other));
        }
        let out = product("mm", self, other, None)?;
        let saves = [Save::for_grad_of(self, other), Save::for_grad_of(other, self)];
        Ok(out.record("MmBackward0", [self, other], saves, |[a, b], [x, y], g| {
            Ok([grad_if(x, || g.try_mm(&b.try_t()?))?, grad_if(y, || a.try_t()?.try_mm(g))?])
        }))
    }

    /// Computes the products of two batches of matrices, `[b, m, k]` and `[b, k, n]`: a batch `[b, m, n]`.
    ///
    /// # Errors
    /// If the tensors are not 3-d, the dtypes differ or are bool, or the sizes do not match.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let y = Tensor::ones([2, 1, 3]).bmm(&Tensor::ones([2, 3, 4]));
    /// assert_eq!((y.shape(), y.max().item()), (&[2, 1, 4][..], 3.0));
    /// ```
    #[op(torch = "bmm(input, mat2, *, out=None)")]
    pub fn try_bmm(&self, other: &Tensor) -> Result<Tensor> {
        expect_same_dtype("bmm", self, other)?;
        match (self.shape(), other.shape()) {
            (&[x, _, k], &[y, l, _]) if x == y && k == l => {}
            _ => {
                return Err(Error::shape(
                    "bmm",
                    format!("expected [b, m, k] and [b, k, n], got {:?} and {:?}", self.shape(), other.shape()),
                ));
            }
        }
        let out = product("bmm", self, other, None)?;
        let saves = [Save::for_grad_of(self, other), Save::for_grad_of(other, self)];
        Ok(out.record("BmmBackward0", [self, other], saves, |[a, b], [x, y], g| {
            Ok([grad_if(x, || g.try_bmm(&b.try_transpose(1, 2)?))?, grad_if(y, || a.try_transpose(1, 2)?.try_bmm(g))?])
        }))
    }

    /// Computes the matrix product by PyTorch's rules: a 1-d tensor is a row on the left and a column on the right, and its dimension is
    /// removed from the result; leading dimensions are batches and broadcast.
    ///
    /// # Errors
    /// If a tensor is 0-d, the dtypes differ or are bool, or the sizes do not match.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let a = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(a.matmul(&Tensor::from([1.0f32, 1.0])).to_vec::<f32>(), [3.0, 7.0]);
    /// ```
    #[op(torch = "matmul(input, other, *, out=None)")]
    pub fn try_matmul(&self, other: &Tensor) -> Result<Tensor> {
        let name = "matmul";
        if self.dim() == 0 || other.dim() == 0 {
            return Err(Error::shape(
                name,
                format!(
                    "expected tensors with at least 1 dimension, got shapes {:?} and {:?}",
                    self.shape(),
                    other.shape()
                ),
            ));
        }
        expect_same_dtype(name, self, other)?;
        super::expect_number(name, self.dtype())?;
        let inner = other.shape()[other.dim().saturating_sub(2)];
        if self.shape()[self.dim() - 1] != inner {
            return Err(mismatch(name, self, other));
        }
        match (self.dim(), other.dim()) {
            (2, 2) => self.try_mm(other),
            (1, 1) => self.try_unsqueeze(0)?.try_mm(&other.try_unsqueeze(1)?)?.try_view(()),
            (1, 2) => self.try_unsqueeze(0)?.try_mm(other)?.try_squeeze(0),
            (2, 1) => self.try_mm(&other.try_unsqueeze(1)?)?.try_squeeze(1),
            // The batch on the left is folded into the rows.
            (_, 1 | 2) => {
                let matrix = if other.dim() == 1 { other.try_unsqueeze(1)? } else { other.clone() };
                let mut shape = self.shape().to_vec();
                let rows = self.try_reshape([self.numel() / inner.max(1), inner])?;
                let rows =
                    if inner == 0 { self.try_reshape([shape[..shape.len() - 1].iter().product(), 0])? } else { rows };
                shape.pop();
                if other.dim() == 2 {
                    shape.push(other.shape()[1]);
                }
                rows.try_mm(&matrix)?.try_view(shape)
            }
            (1, _) => {
                let batched = self.try_unsqueeze(0)?.try_matmul(other)?;
                batched.try_squeeze(-2)
            }
            _ => self.batched(other),
        }
    }

    fn batched(&self, other: &Tensor) -> Result<Tensor> {
        let (a, b) = (self.shape(), other.shape());
        let (m, k, n) = (a[a.len() - 2], a[a.len() - 1], b[b.len() - 1]);
        let (batch_a, batch_b) = (&a[..a.len() - 2], &b[..b.len() - 2]);
        let (batch, rank) = broadcast_dims(batch_a, batch_b).map_err(|(x, y, dim)| {
            Error::shape(
                "matmul",
                format!("expected broadcastable batch dimensions, got {a:?} and {b:?}: sizes {x} and {y} at dimension {dim} are neither equal nor 1"),
            )
        })?;
        let with = |tail: [usize; 2]| {
            let mut dims = [0; MAX_RANK];
            dims[..rank].copy_from_slice(&batch[..rank]);
            dims[rank..rank + 2].copy_from_slice(&tail);
            dims
        };
        let count: usize = batch[..rank].iter().product();
        let left = self.try_expand(&with([m, k])[..rank + 2])?.try_reshape([count, m, k])?;
        let right = other.try_expand(&with([k, n])[..rank + 2])?.try_reshape([count, k, n])?;
        left.try_bmm(&right)?.try_view(&with([m, n])[..rank + 2])
    }

    /// Computes `input @ weight.t() + bias`, the linear layer [`nn::Linear`](crate::nn::Linear), in one pass. The input is `[…,
    /// in_features]`, the weight `[out_features, in_features]`, the bias `[out_features]`, the output `[…, out_features]`.
    ///
    /// # Errors
    /// If the shapes do not match, or the dtypes differ or are bool.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let (x, weight, bias) = (Tensor::ones([4, 3]), Tensor::ones([2, 3]), Tensor::from([0.0f32, 1.0]));
    /// assert_eq!(x.linear(&weight, &bias).select(0, 0).to_vec::<f32>(), [3.0, 4.0]);
    /// assert_eq!(x.linear(&weight, None).shape(), [4, 2]);
    /// ```
    #[op(torch = "linear(input, weight, bias=None)")]
    pub fn try_linear<'a>(&self, weight: &Tensor, bias: impl Into<Option<&'a Tensor>>) -> Result<Tensor> {
        let (name, bias) = ("linear", bias.into());
        expect_same_dtype(name, self, weight)?;
        let (&[out_features, in_features], Some(&own)) = (weight.shape(), self.shape().last()) else {
            return Err(Error::shape(
                name,
                format!(
                    "expected an input with at least 1 dimension and a weight with 2, got shapes {:?} and {:?}",
                    self.shape(),
                    weight.shape()
                ),
            ));
        };
        if own != in_features {
            return Err(Error::shape(
                name,
                format!(
                    "expected an input with {in_features} features for the weight {:?}, got {own} features in {:?}",
                    weight.shape(),
                    self.shape()
                ),
            ));
        }
        if let Some(bias) = bias {
            expect_same_dtype(name, self, bias)?;
            if bias.shape() != [out_features] {
                return Err(Error::shape(
                    name,
                    format!(
                        "expected the bias to have shape [{out_features}] for {out_features} output features, got {:?}",
                        bias.shape()
                    ),
                ));
            }
        }
        if self.dim() == 2 {
            return self.linear_rows(weight, bias);
        }
        let mut shape = self.shape().to_vec();
        shape.pop();
        let rows = self.try_reshape([shape.iter().product::<usize>(), in_features])?;
        shape.push(out_features);
        rows.linear_rows(weight, bias)?.try_view(shape)
    }

    fn linear_rows(&self, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let transposed = {
            let (d, s) = (weight.shape(), weight.stride());
            weight.view_raw(weight.layout().with_dims_strides(&[d[1], d[0]], &[s[1], s[0]]))
        };
        let out = product("linear", self, &transposed, bias)?;
        let saves = [Save::for_grad_of(self, weight), Save::for_grad_of(weight, self)];
        let node = if bias.is_some() { "AddmmBackward0" } else { "MmBackward0" };
        Ok(out.record(node, [Some(self), Some(weight), bias], saves, |[x, w], [of_x, of_w, of_b], g| {
            Ok([
                grad_if(of_x, || g.try_mm(&w))?,
                grad_if(of_w, || g.try_t()?.try_mm(&x))?,
                grad_if(of_b, || g.try_sum_dim(0))?,
            ])
        }))
    }

    /// Computes `self + a @ b` of matrices `[m, k]` and `[k, n]`, with broadcasting of `self` to `[m, n]`.
    ///
    /// # Errors
    /// If `a` and `b` are not matrices of one dtype other than bool, their inner sizes differ, or this tensor does not broadcast with `[m,
    /// n]`.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let (a, identity) = (Tensor::from([[1.0f32, 2.0]]), Tensor::eye(2));
    /// assert_eq!(Tensor::from([10.0f32, 20.0]).addmm(&a, &identity).to_vec::<f32>(), [11.0, 22.0]);
    /// ```
    #[op(torch = "addmm(input, mat1, mat2, *, beta=1, alpha=1, out=None)")]
    pub fn try_addmm(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        super::expect_number("addmm", a.dtype())?;
        let sizes = Shape::of(self);
        let product = a.try_mm(b)?;
        if broadcast_dims(sizes.list(), product.shape()).is_err() || self.dim() > 2 {
            return Err(Error::shape(
                "addmm",
                format!(
                    "expected a shape that broadcasts to the product's {:?}, got {:?}",
                    product.shape(),
                    self.shape()
                ),
            ));
        }
        self.try_add(&product)
    }
}
