//! Selection of elements by a condition or by indices.

use super::{Shape, broadcast_layout, composed, expect_same_dtype, grad_if};
use crate::autograd::Save;
use crate::tensor::{DType, Layout, Operand, broadcast, wrap_dim};
use crate::{Error, Result, Tensor};
use rushlight_macros::op;

fn expect_index(op: &'static str, index: &Tensor) -> Result<()> {
    if index.dtype() == DType::I64 {
        return Ok(());
    }
    Err(Error::dtype(op, format!("expected int64 indices, got {}", index.dtype())))
}

impl Tensor {
    /// Selects the elements of this tensor where `condition` is true, those of `other` elsewhere, with broadcasting and type promotion:
    /// PyTorch's `where`, a reserved word of Rust.
    ///
    /// # Errors
    /// If the condition is not bool, the shapes do not broadcast, the devices differ, or the dtype of the result cannot represent a
    /// number.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([1, -2, 3]);
    /// assert_eq!(x.where_cond(&x.gt(0), 0).to_vec::<i64>(), [1, 0, 3]);
    /// ```
    #[doc(alias = "where")]
    #[op(torch = "where(condition, input, other, *, out=None)")]
    pub fn try_where_cond<'a>(&self, condition: &Tensor, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        if condition.dtype() != DType::Bool {
            return Err(Error::dtype("where", format!("expected a bool condition, got {}", condition.dtype())));
        }
        let other = other.into();
        let dtype = super::result_type(self, &other);
        if let Operand::Scalar(number) = other {
            number.expect_in("where", dtype)?;
        }
        let [a, b] = super::operands(self, other, dtype)?;
        super::same_device("where", &a, &b)?;
        super::same_device("where", &a, condition)?;
        let layout = broadcast("where", condition.layout(), &broadcast_layout("where", &a, &b)?)?;
        let out = self.fresh_like(layout, dtype)?;
        self.backend().where_(
            &condition.read("where")?,
            &a.read("where")?,
            &b.read("where")?,
            &mut out.write_fresh(),
        )?;
        Ok(out.record_binary("WhereBackward0", [&a, &b], [Save::Input(condition)], |[c], [x, y], g| {
            Ok([
                grad_if(x, || g.try_masked_fill(&c.try_logical_not()?, 0.0))?,
                grad_if(y, || g.try_masked_fill(&c, 0.0))?,
            ])
        }))
    }

    /// Returns a copy with `value` where `mask` is true, with broadcasting of the tensor and the mask.
    ///
    /// # Errors
    /// If the mask is not bool, the shapes do not broadcast, the devices differ, or `value` is a tensor with dimensions or a number that
    /// the dtype cannot represent.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0]);
    /// assert_eq!(x.masked_fill(&x.gt(1), 0).to_vec::<f32>(), [1.0, 0.0, 0.0]);
    /// ```
    #[op(torch = "masked_fill(self, mask, value)")]
    pub fn try_masked_fill<'a>(&self, mask: &Tensor, value: impl Into<Operand<'a>>) -> Result<Tensor> {
        if mask.dtype() != DType::Bool {
            return Err(Error::dtype("masked_fill", format!("expected a bool mask, got {}", mask.dtype())));
        }
        let value = value.into();
        if let Operand::Scalar(number) = value {
            number.expect_in("masked_fill", self.dtype())?;
        }
        let [a, b] = super::operands(self, value, self.dtype())?;
        super::same_device("masked_fill", &a, &b)?;
        super::same_device("masked_fill", &a, mask)?;
        if b.dim() > 0 {
            return Err(Error::shape(
                "masked_fill",
                format!("expected a number or a 0-d tensor as the value, got shape {:?}", b.shape()),
            ));
        }
        let layout = broadcast("masked_fill", a.layout(), mask.layout())?;
        let out = self.fresh_like(layout, self.dtype())?;
        let name = "masked_fill";
        self.backend().where_(&mask.read(name)?, &b.read(name)?, &a.read(name)?, &mut out.write_fresh())?;
        Ok(out.record_binary("MaskedFillBackward0", [&a, &b], [Save::Input(mask)], |[mask], [x, y], g| {
            let by_value = || g.try_masked_fill(&mask.try_logical_not()?, 0.0);
            Ok([grad_if(x, || g.try_masked_fill(&mask, 0.0))?, grad_if(y, by_value)?])
        }))
    }

    /// Gathers elements at the indices `index` along `dim`: in 2-d with `dim` 1, `out[i][j] = self[i][index[i][j]]`. `index` has the rank
    /// of this tensor and is no larger in the other dimensions; the result has the shape of `index`.
    ///
    /// # Errors
    /// If the dimension is out of range, the shapes do not match, the indices are not int64, or one is negative or out of range.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([[1, 2], [3, 4]]);
    /// assert_eq!(x.gather(1, &Tensor::from([[0, 0], [1, 0]])).to_vec::<i64>(), [1, 1, 4, 3]);
    /// ```
    #[op(torch = "gather(input, dim, index, *, sparse_grad=False, out=None)")]
    pub fn try_gather(&self, dim: isize, index: &Tensor) -> Result<Tensor> {
        let at = wrap_dim("gather", dim, self.dim())?;
        expect_index("gather", index)?;
        self.check_index_shape("gather", at, index)?;
        let (x, index) = (self.as_at_least_1d()?, index.as_at_least_1d()?);
        let out = self.fresh_like(Layout::contiguous(index.shape()), self.dtype())?;
        // As in PyTorch, an empty index may have any sizes.
        if index.numel() > 0 {
            self.backend().gather(&x.read("gather")?, at, &index.read("gather")?, &mut out.write("gather")?)?;
        }
        let sizes = Shape::of(&x);
        let out = out.record("GatherBackward0", [&x], [Save::Input(&index)], move |[index], [_], g| {
            Ok([Some(Tensor::zeros_with_layout(g, &Layout::contiguous(sizes.list()))?.scattered(at, &index, g)?)])
        });
        if self.dim() == 0 { out.try_reshape(()) } else { Ok(out) }
    }

    /// Returns a copy with each element of `source` added at the index `index` along `dim`; the transpose of [`gather`](Tensor::gather).
    /// `source` and `index` have the same shape, with the rank of this tensor. Repeated indices accumulate in order.
    ///
    /// # Errors
    /// If the tensor is 0-d, the dimension is out of range, the shapes or the dtypes of the tensor and the source do not match, the indices
    /// are not int64, or one is negative or out of range.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let sums = Tensor::zeros([3]).scatter_add(0, &Tensor::from([0, 2, 2]), &Tensor::from([1.0f32, 2.0, 3.0]));
    /// assert_eq!(sums.to_vec::<f32>(), [1.0, 0.0, 5.0]);
    /// ```
    #[op(torch = "scatter_add(input, dim, index, src)")]
    pub fn try_scatter_add(&self, dim: isize, index: &Tensor, source: &Tensor) -> Result<Tensor> {
        let at = wrap_dim("scatter_add", dim, self.dim())?;
        expect_index("scatter_add", index)?;
        expect_same_dtype("scatter_add", self, source)?;
        if self.dim() == 0 {
            return Err(Error::shape("scatter_add", "expected a tensor with at least 1 dimension, got a 0-d tensor"));
        }
        self.check_index_shape("scatter_add", at, index)?;
        if source.shape() != index.shape() {
            return Err(Error::shape(
                "scatter_add",
                format!(
                    "expected a source and an index of the same shape, got {:?} and {:?}",
                    source.shape(),
                    index.shape()
                ),
            ));
        }
        self.try_contiguous_copy()?.scattered(at, index, source)
    }

    /// Adds `source` at `index` to `self`, which is newly allocated.
    fn scattered(&self, dim: usize, index: &Tensor, source: &Tensor) -> Result<Tensor> {
        let name = "scatter_add";
        let (index, values) = (index.try_contiguous()?, source.try_contiguous()?);
        if index.numel() > 0 {
            self.backend().scatter_add(dim, &index.read(name)?, &values.read(name)?, &mut self.write(name)?)?;
        }
        Ok(self.detach().record(
            "ScatterAddBackward0",
            [self, source],
            [Save::Input(&index)],
            move |[index], [x, y], g| Ok([x.then(|| g.clone()), grad_if(y, || g.try_gather(dim as isize, &index))?]),
        ))
    }

    /// Selects the slices along `dim` at the indices of a 1-d `index`; the result has its length in that dimension.
    ///
    /// # Errors
    /// If the dimension is out of range, the index has more than one dimension or is not int64 or int32, or an element of it is negative or
    /// out of range.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([[1, 2], [3, 4], [5, 6]]);
    /// assert_eq!(x.index_select(0, &Tensor::from([2, 0])).to_vec::<i64>(), [5, 6, 1, 2]);
    /// ```
    #[op(torch = "index_select(input, dim, index, *, out=None)")]
    pub fn try_index_select(&self, dim: isize, index: &Tensor) -> Result<Tensor> {
        let at = wrap_dim("index_select", dim, self.dim())?;
        if index.dtype() == DType::I32 {
            return self.try_index_select(dim, &index.try_to_dtype(DType::I64)?);
        }
        expect_index("index_select", index)?;
        super::same_device("index_select", self, index)?;
        if index.dim() > 1 {
            return Err(Error::shape("index_select", format!("expected a 1-d index, got shape {:?}", index.shape())));
        }
        let name = "index_select";
        let mut shape = if self.dim() == 0 { vec![1] } else { self.shape().to_vec() };
        shape[at] = index.numel();
        let layout = Layout::contiguous(&shape).checked(name)?;
        let x = self.as_at_least_1d()?;
        let index = index.try_reshape([index.numel()])?.try_contiguous()?;
        let source = x.try_contiguous()?;
        let out = self.fresh_like(layout, self.dtype())?;
        let done = self.backend().index_select(&source.read(name)?, at, &index.read(name)?, &mut out.write_fresh());
        let out = match done {
            Some(done) => done.map(|()| out)?,
            None => composed::index_select(&source.detach(), at, &index)?,
        };
        let sizes = Shape::of(&x);
        let out = out.record("IndexSelectBackward0", [&x], [Save::Input(&index)], move |[index], [_], g| {
            // Every element of the slice is added to the row at the index.
            let mut along = vec![1; sizes.list().len()];
            along[at] = index.numel();
            let table = index.try_view(along)?.try_expand(g.shape())?;
            Ok([Some(Tensor::zeros_with_layout(g, &Layout::contiguous(sizes.list()))?.scattered(at, &table, g)?)])
        });
        if self.dim() == 0 { out.try_reshape(()) } else { Ok(out) }
    }

    /// Adds the rows of the matrix `source` to those of this contiguous matrix that the 1-d `index` (int64) names, without recording.
    /// Repeated rows accumulate in order.
    pub(crate) fn add_rows_(&self, index: &Tensor, source: &Tensor) -> Result<()> {
        let name = "index_add";
        let (index, source) = (index.detach().try_contiguous()?, source.detach().try_contiguous()?);
        if source.numel() == 0 {
            return Ok(());
        }
        let done = self.backend().index_add(&index.read(name)?, &source.read(name)?, &mut self.write(name)?);
        done.unwrap_or_else(|| composed::index_add(&self.detach(), &index, &source))
    }

    /// Replaces the rows of this contiguous matrix that the 1-d `index` (int64) names by those of `source`, without recording.
    pub(crate) fn put_rows_(&self, index: &Tensor, source: &Tensor) -> Result<()> {
        let name = "index_copy";
        let (index, source) = (index.detach().try_contiguous()?, source.detach().try_contiguous()?);
        if source.numel() == 0 {
            return Ok(());
        }
        let done = self.backend().index_copy(&index.read(name)?, &source.read(name)?, &mut self.write(name)?);
        done.unwrap_or_else(|| composed::index_copy(&self.detach(), &index, &source))
    }

    /// The matrix with `rows` rows that is the sum of the rows of this matrix at the 1-d `index` (int64), and zero elsewhere.
    pub(crate) fn summed_at_rows(&self, index: &Tensor, rows: usize) -> Result<Tensor> {
        let sums = Tensor::zeros_with_layout(self, &Layout::contiguous(&[rows, self.shape()[1]]))?;
        sums.add_rows_(index, self)?;
        Ok(sums.record("IndexAddBackward0", [self], [Save::Input(index)], |[index], [_], g| {
            Ok([Some(g.try_index_select(0, &index)?)])
        }))
    }

    fn as_at_least_1d(&self) -> Result<Tensor> {
        if self.dim() == 0 { self.try_reshape([1]) } else { self.try_contiguous() }
    }

    fn check_index_shape(&self, op: &'static str, dim: usize, index: &Tensor) -> Result<()> {
        super::same_device(op, self, index)?;
        let fits = index.dim().max(1) == self.dim().max(1)
            && index.shape().iter().zip(self.shape()).enumerate().all(|(d, (i, s))| d == dim || i <= s);
        if fits || index.numel() == 0 && index.dim() == self.dim() {
            return Ok(());
        }
        Err(Error::shape(
            op,
            format!(
                "expected an index of the tensor's rank and no larger than it except in dimension {dim}, got index {:?} and tensor {:?}",
                index.shape(),
                self.shape()
            ),
        ))
    }
}
