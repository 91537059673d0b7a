//! Views: other shapes and parts of the same memory. Only `reshape` and `flatten` copy, where strides require it.

use crate::autograd::{copied_into, put_back};
use crate::ops::Shape;
use crate::tensor::{Dims, IndexRange, Layout, wrap_dim};
use crate::{Error, Result, Tensor};
use rushlight_kernels::MAX_RANK;
use rushlight_macros::{Builder, op};

/// The options of [`Tensor::slice`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct SliceOptions {
    /// The step between the selected indices (default 1).
    #[builder(default = 1)]
    step: usize,
}

/// The options of [`Tensor::diagonal`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct DiagonalOptions {
    /// The offset of the diagonal above (negative: below) the main diagonal (default 0).
    #[builder(default = 0)]
    offset: isize,
    /// The dimension of the rows (default 0).
    #[builder(default = 0)]
    dim1: isize,
    /// The dimension of the columns (default 1).
    #[builder(default = 1)]
    dim2: isize,
}

impl Tensor {
    /// A view whose gradient is that of the output, viewed in the shape of the input.
    fn view_recorded<F>(&self, layout: Layout, name: &'static str, back: F) -> Tensor
    where
        F: Fn(&Tensor) -> Result<Tensor> + Send + Sync + 'static,
    {
        self.view_raw(layout).record(name, [self], [], move |[], [_], g| Ok([Some(back(g)?)]))
    }

    /// A view of the part that `take` selects from a layout; elsewhere the gradient is 0.
    fn part<F>(&self, name: &'static str, take: F) -> Tensor
    where
        F: Fn(&Layout) -> Layout + Send + Sync + 'static,
    {
        let sizes = Shape::of(self);
        self.view_recorded(take(self.layout()), name, move |g| {
            let whole = Layout::contiguous(sizes.list());
            copied_into(&Tensor::zeros_with_layout(g, &whole)?, &take(&whole), g)
        })
    }

    /// The memory through another layout, checked only against the bounds of the storage.
    pub(crate) fn try_view_as_strided(&self, layout: Layout) -> Result<Tensor> {
        let whole = self.0.layout;
        Ok(self.view_recorded(layout, "AsStridedBackward0", move |g| put_back(g, &whole, &layout)))
    }

    /// Views the elements in another shape, without copying. One size may be -1: it is inferred.
    ///
    /// # Errors
    /// If the number of elements differs, more than one size is -1, or the strides of this tensor do not allow it; see
    /// [`reshape`](Tensor::reshape).
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::arange(6).view([2, -1]).shape(), [2, 3]);
    /// ```
    #[op(torch = "view(self, *shape)")]
    pub fn try_view(&self, shape: impl Into<Dims>) -> Result<Tensor> {
        self.expect_strided("view")?;
        let target = shape.into().infer("view", self.numel())?;
        let Some(strides) = self.layout().view_strides(target.dims()) else {
            return Err(Error::shape(
                "view",
                format!(
                    "expected strides that allow the shape {:?} without copying, got shape {:?} with strides {:?}; reshape copies if needed",
                    target.dims(),
                    self.shape(),
                    self.stride()
                ),
            ));
        };
        let sizes = Shape::of(self);
        let layout = self.layout().with_dims_strides(target.dims(), &strides[..target.rank()]);
        Ok(self.view_recorded(layout, "ViewBackward0", move |g| g.try_reshape(sizes.list())))
    }

    /// Returns the elements in another shape: a view if the strides allow it, else a copy. One size may be -1: it is inferred.
    ///
    /// # Errors
    /// If the number of elements differs, or more than one size is -1.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([[1, 2], [3, 4]]).t();
    /// assert_eq!(x.reshape(-1).to_vec::<i64>(), [1, 3, 2, 4]);
    /// ```
    #[op(torch = "reshape(input, shape)")]
    pub fn try_reshape(&self, shape: impl Into<Dims>) -> Result<Tensor> {
        let target = shape.into().infer("reshape", self.numel())?;
        if self.layout().view_strides(target.dims()).is_some() {
            return self.try_view(target.dims());
        }
        self.try_contiguous()?.try_view(target.dims())
    }

    /// Flattens all dimensions into one, row-major: a view if the strides allow it, else a copy.
    ///
    /// # Errors
    /// If a copy is needed and does not fit into memory, or another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::zeros([2, 3, 4]).flatten().shape(), [24]);
    /// ```
    #[op(torch = "flatten(input, start_dim=0, end_dim=-1)")] // from the second dimension on: flatten_dim(1..)
    pub fn try_flatten(&self) -> Result<Tensor> {
        self.try_flatten_dim(..)
    }

    /// Flattens a range of dimensions into one: a view if the strides allow it, else a copy. PyTorch's `flatten(1)` is `flatten_dim(1..)`,
    /// its `flatten(1, 2)` is `flatten_dim(1..=2)`.
    ///
    /// # Errors
    /// If a dimension is out of range, or the range is empty.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::zeros([2, 3, 4]).flatten_dim(1..).shape(), [2, 12]);
    /// ```
    #[op(torch = "flatten(input, start_dim=0, end_dim=-1)")]
    pub fn try_flatten_dim(&self, dims: impl Into<IndexRange>) -> Result<Tensor> {
        let (first, last) = dims.into().dims("flatten", self.dim())?;
        if self.dim() == 0 {
            return self.try_reshape([1]);
        }
        let mut shape = self.shape()[..first].to_vec();
        shape.push(self.shape()[first..=last].iter().product());
        shape.extend(&self.shape()[last + 1..]);
        self.try_reshape(shape)
    }

    /// Transposes a matrix, without copying; 1-d and 0-d tensors are returned unchanged.
    ///
    /// # Errors
    /// If there are more than 2 dimensions; see [`transpose`](Tensor::transpose).
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([[1, 2], [3, 4]]).t().to_vec::<i64>(), [1, 3, 2, 4]);
    /// ```
    #[op(torch = "t(input)")]
    pub fn try_t(&self) -> Result<Tensor> {
        self.expect_strided("t")?;
        match self.dim() {
            0 | 1 => Ok(self.clone()),
            2 => {
                let (d, s) = (self.shape(), self.stride());
                let layout = self.layout().with_dims_strides(&[d[1], d[0]], &[s[1], s[0]]);
                Ok(self.view_recorded(layout, "TBackward0", |g| g.try_t()))
            }
            n => Err(Error::shape("t", format!("expected at most 2 dimensions, got {n} (shape {:?})", self.shape()))),
        }
    }

    /// Swaps two dimensions, without copying.
    ///
    /// # Errors
    /// If a dimension is out of range.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::zeros([2, 3, 4]).transpose(0, -1).shape(), [4, 3, 2]);
    /// ```
    #[op(torch = "transpose(input, dim0, dim1)")]
    pub fn try_transpose(&self, a: isize, b: isize) -> Result<Tensor> {
        self.expect_strided("transpose")?;
        let (a, b) = (wrap_dim("transpose", a, self.dim())?, wrap_dim("transpose", b, self.dim())?);
        if self.dim() == 0 {
            return Ok(self.clone());
        }
        let (mut dims, mut strides) = (self.shape().to_vec(), self.stride().to_vec());
        dims.swap(a, b);
        strides.swap(a, b);
        let layout = self.layout().with_dims_strides(&dims, &strides);
        Ok(self.view_recorded(layout, "TransposeBackward0", move |g| g.try_transpose(a as isize, b as isize)))
    }

    /// Permutes the dimensions, without copying: dimension `order[i]` becomes dimension `i`.
    ///
    /// # Errors
    /// If `order` does not name every dimension once.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::zeros([2, 3, 4]).permute([2, 0, 1]).shape(), [4, 2, 3]);
    /// ```
    #[op(torch = "permute(input, dims)")]
    pub fn try_permute(&self, order: impl Into<Dims>) -> Result<Tensor> {
        self.expect_strided("permute")?;
        let order = order.into();
        let mask = order.mask("permute", self.dim())?;
        if mask[..self.dim()].iter().any(|named| !named) || order.list("permute")?.len() != self.dim() {
            return Err(Error::shape(
                "permute",
                format!("expected each of the {} dimensions once, got {:?}", self.dim(), order.list("permute")?),
            ));
        }
        let mut dims = [0; MAX_RANK];
        let mut strides = [0; MAX_RANK];
        let mut back = [0isize; MAX_RANK];
        for (i, &dim) in order.list("permute")?.iter().enumerate() {
            let from = wrap_dim("permute", dim, self.dim())?;
            (dims[i], strides[i]) = (self.shape()[from], self.stride()[from]);
            back[from] = i as isize;
        }
        let rank = self.dim();
        let layout = self.layout().with_dims_strides(&dims[..rank], &strides[..rank]);
        Ok(self.view_recorded(layout, "PermuteBackward0", move |g| g.try_permute(&back[..rank])))
    }

    /// Removes those of the given dimensions that have size 1; `()` means all dimensions of size 1.
    ///
    /// # Errors
    /// If a dimension is out of range or repeated.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::zeros([1, 3, 1]);
    /// assert_eq!((x.squeeze(0).shape(), x.squeeze(()).shape()), (&[3, 1][..], &[3][..]));
    /// ```
    #[op(torch = "squeeze(input, dim=None)")]
    pub fn try_squeeze(&self, dims: impl Into<Dims>) -> Result<Tensor> {
        self.expect_strided("squeeze")?;
        let named = dims.into();
        let all = named.list("squeeze")?.is_empty();
        let mask = named.mask("squeeze", self.dim())?;
        let kept: Vec<usize> = (0..self.dim()).filter(|&i| self.shape()[i] != 1 || !(all || mask[i])).collect();
        let shape: Vec<usize> = kept.iter().map(|&i| self.shape()[i]).collect();
        let strides: Vec<isize> = kept.iter().map(|&i| self.stride()[i]).collect();
        let sizes = Shape::of(self);
        let layout = self.layout().with_dims_strides(&shape, &strides);
        Ok(self.view_recorded(layout, "SqueezeBackward0", move |g| g.try_reshape(sizes.list())))
    }

    /// Inserts a dimension of size 1 at `dim`.
    ///
    /// # Errors
    /// If `dim` is out of range or the tensor already has 8 dimensions.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::zeros([2, 3]).unsqueeze(-1).shape(), [2, 3, 1]);
    /// ```
    #[op(torch = "unsqueeze(input, dim)")]
    pub fn try_unsqueeze(&self, dim: isize) -> Result<Tensor> {
        self.expect_strided("unsqueeze")?;
        let dim = wrap_dim("unsqueeze", dim, self.dim() + 1)?;
        if self.dim() == MAX_RANK {
            return Err(Error::shape(
                "unsqueeze",
                format!("expected fewer than {MAX_RANK} dimensions, got shape {:?}", self.shape()),
            ));
        }
        let (mut shape, mut strides) = (self.shape().to_vec(), self.stride().to_vec());
        let step = if dim < self.dim() { strides[dim] * shape[dim].max(1) as isize } else { 1 };
        shape.insert(dim, 1);
        strides.insert(dim, step);
        let layout = self.layout().with_dims_strides(&shape, &strides);
        Ok(self.view_recorded(layout, "UnsqueezeBackward0", move |g| g.try_squeeze(dim as isize)))
    }

    /// Expands dimensions of size 1 to the given sizes, without copying; -1 keeps a size.
    ///
    /// # Errors
    /// If a size other than 1 would change, or there are fewer sizes than dimensions.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let column = Tensor::from([[1], [2]]);
    /// assert_eq!(column.expand([-1, 3]).to_vec::<i64>(), [1, 1, 1, 2, 2, 2]);
    /// ```
    #[op(torch = "expand(self, *size)")]
    pub fn try_expand(&self, shape: impl Into<Dims>) -> Result<Tensor> {
        self.expect_strided("expand")?;
        let given = shape.into();
        let given = given.list("expand")?;
        let wrong = || {
            Error::shape(
                "expand",
                format!(
                    "expected a shape that {:?} expands to (aligned at the end, each size equal, -1, or 1 in the tensor), got {given:?}",
                    self.shape()
                ),
            )
        };
        let lead = given.len().checked_sub(self.dim()).ok_or_else(wrong)?;
        let mut dims = [0; MAX_RANK];
        for (i, &size) in given.iter().enumerate() {
            let own = (i >= lead).then(|| self.shape()[i - lead]);
            dims[i] = match (own, size) {
                (Some(own), -1) => own,
                (Some(own), size) if own as isize == size || (own == 1 && size >= 0) => size as usize,
                (None, size) if size >= 0 => size as usize,
                _ => return Err(wrong()),
            };
        }
        let sizes = Shape::of(self);
        let layout = self.layout().broadcast_to(&dims[..given.len()]).checked("expand")?;
        Ok(self.view_recorded(layout, "ExpandBackward0", move |g| g.sum_to(sizes.list())))
    }

    /// [`expand`](Tensor::expand)s to the shape of `other`, without copying.
    ///
    /// # Errors
    /// As [`try_expand`](Tensor::try_expand).
    #[op(torch = "expand_as(self, other)")]
    pub fn try_expand_as(&self, other: &Tensor) -> Result<Tensor> {
        self.try_expand(other.shape())
    }

    /// Returns a view of `length` indices of dimension `dim` from `start`; a negative start counts from the end.
    ///
    /// # Errors
    /// If the dimension or an index is out of range.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::arange(5);
    /// assert_eq!(x.narrow(0, 1, 3).to_vec::<i64>(), [1, 2, 3]);
    /// assert_eq!(x.narrow(0, -2, 2).to_vec::<i64>(), [3, 4]);
    /// ```
    #[op(torch = "narrow(input, dim, start, length)")]
    pub fn try_narrow(&self, dim: isize, start: isize, length: usize) -> Result<Tensor> {
        self.expect_strided("narrow")?;
        let at = self.wrap_existing("narrow", dim)?;
        let size = self.shape()[at];
        let first = if start < 0 { start.saturating_add(size as isize) } else { start };
        let start = match usize::try_from(first) {
            Ok(first) if first.checked_add(length).is_some_and(|end| end <= size) => first,
            _ => {
                return Err(Error::index(
                    "narrow",
                    format!(
                        "expected {length} indices from {start} within dimension {dim}, got shape {:?}",
                        self.shape()
                    ),
                ));
            }
        };
        Ok(self.part("SliceBackward0", move |layout| sliced(layout, at, start, length, 1)))
    }

    /// Returns a view of a range of indices of dimension `dim`: PyTorch's `x[a:b:step]`. As in Python, negative bounds count from the
    /// end, and bounds are clamped.
    ///
    /// # Errors
    /// If the tensor is 0-d, the dimension is out of range, or the step is 0.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::SliceOptions};
    /// let x = Tensor::arange(10);
    /// assert_eq!(x.slice(0, 7..).to_vec::<i64>(), [7, 8, 9]);
    /// assert_eq!(x.slice(0, (7, -1)).to_vec::<i64>(), [7, 8]);
    /// assert_eq!(x.slice_with(0, -3.., SliceOptions::new().step(2)).to_vec::<i64>(), [7, 9]);
    /// ```
    #[op(torch = "slice(self, dim=0, start=None, end=None, step=1)", with)]
    pub fn try_slice_with(&self, dim: isize, range: impl Into<IndexRange>, options: SliceOptions) -> Result<Tensor> {
        let at = self.wrap_existing("slice", dim)?;
        let step = options.step;
        if step == 0 {
            return Err(Error::value("slice", "expected a step of at least 1, got 0"));
        }
        let (start, end) = range.into().clamped(self.shape()[at]);
        let length = end.saturating_sub(start).div_ceil(step);
        Ok(self.part("SliceBackward0", move |layout| sliced(layout, at, start, length, step)))
    }

    /// Returns a view of index `index` of dimension `dim`, without that dimension; a negative index counts from the end.
    ///
    /// # Errors
    /// If the tensor is 0-d, or the dimension or the index is out of range.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([[1, 2], [3, 4]]);
    /// assert_eq!(x.select(0, -1).to_vec::<i64>(), [3, 4]);
    /// assert_eq!(x.select(1, 0).to_vec::<i64>(), [1, 3]);
    /// ```
    #[op(torch = "select(input, dim, index)")]
    pub fn try_select(&self, dim: isize, index: isize) -> Result<Tensor> {
        self.expect_strided("select")?;
        let at = self.wrap_existing("select", dim)?;
        let size = self.shape()[at] as isize;
        if index < -size || index >= size {
            return Err(Error::index(
                "select",
                format!(
                    "expected an index in -{size}..{size} for dimension {dim} of shape {:?}, got index {index}",
                    self.shape()
                ),
            ));
        }
        let index = (if index < 0 { index + size } else { index }) as usize;
        Ok(self.part("SelectBackward0", move |layout| without(&sliced(layout, at, index, 1, 1), at)))
    }

    /// Returns a view of the diagonal of a matrix, or of the matrices in two dimensions of the tensor, which are replaced by a last
    /// dimension.
    ///
    /// # Errors
    /// If the tensor is 0-d, a dimension is out of range, or both are equal.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::DiagonalOptions};
    /// let x = Tensor::arange(9).view([3, 3]);
    /// assert_eq!(x.diagonal().to_vec::<i64>(), [0, 4, 8]);
    /// assert_eq!(x.diagonal_with(DiagonalOptions::new().offset(1)).to_vec::<i64>(), [1, 5]);
    /// ```
    #[op(torch = "diagonal(input, offset=0, dim1=0, dim2=1)", with)]
    pub fn try_diagonal_with(&self, options: DiagonalOptions) -> Result<Tensor> {
        self.expect_strided("diagonal")?;
        let DiagonalOptions { offset, dim1, dim2 } = options;
        let [a, b] = [self.wrap_existing("diagonal", dim1)?, self.wrap_existing("diagonal", dim2)?];
        if a == b {
            return Err(Error::index(
                "diagonal",
                format!("expected two different dimensions, got {dim1} and {dim2} of shape {:?}", self.shape()),
            ));
        }
        let (down, right) = (offset.min(0).unsigned_abs(), offset.max(0).unsigned_abs());
        Ok(self.part("DiagonalBackward0", move |layout| diagonal(layout, [a, b], [down, right])))
    }

    /// Splits dimension 0 into views of `size` indices; the last one may be smaller.
    ///
    /// # Errors
    /// If the tensor is 0-d or `size` is 0.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let pieces = Tensor::arange(5).split(2);
    /// assert_eq!(pieces.iter().map(Tensor::numel).collect::<Vec<_>>(), [2, 2, 1]);
    /// ```
    #[op(torch = "split(tensor, split_size_or_sections, dim=0)")] // along another dimension: split_dim(size, dim)
    pub fn try_split(&self, size: usize) -> Result<Vec<Tensor>> {
        self.try_split_dim(size, 0)
    }

    /// Splits dimension `dim` into views of `size` indices; the last one may be smaller.
    ///
    /// # Errors
    /// If the tensor is 0-d, the dimension is out of range, or `size` is 0.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let pieces = Tensor::zeros([2, 5]).split_dim(2, 1);
    /// assert_eq!(pieces.iter().map(|piece| piece.size(1)).collect::<Vec<_>>(), [2, 2, 1]);
    /// ```
    #[op(torch = "split(tensor, split_size_or_sections, dim=0)")]
    pub fn try_split_dim(&self, size: usize, dim: isize) -> Result<Vec<Tensor>> {
        let at = self.wrap_existing("split", dim)?;
        if size == 0 {
            return Err(Error::value("split", "expected pieces of at least 1 index, got a size of 0"));
        }
        let total = self.shape()[at];
        (0..total.div_ceil(size).max(1))
            .map(|i| self.try_narrow(at as isize, (i * size) as isize, size.min(total - i * size)))
            .collect()
    }

    /// Splits dimension 0 into `count` views, or fewer if its size is too small.
    ///
    /// # Errors
    /// If the tensor is 0-d or `count` is 0.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let pieces = Tensor::arange(5).chunk(2);
    /// assert_eq!(pieces.iter().map(Tensor::numel).collect::<Vec<_>>(), [3, 2]);
    /// ```
    #[op(torch = "chunk(input, chunks, dim=0)")] // along another dimension: chunk_dim(count, dim)
    pub fn try_chunk(&self, count: usize) -> Result<Vec<Tensor>> {
        self.try_chunk_dim(count, 0)
    }

    /// Splits dimension `dim` into `count` views, or fewer if its size is too small.
    ///
    /// # Errors
    /// If the tensor is 0-d, the dimension is out of range, or `count` is 0.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let pieces = Tensor::zeros([2, 5]).chunk_dim(2, 1);
    /// assert_eq!(pieces.iter().map(|piece| piece.size(1)).collect::<Vec<_>>(), [3, 2]);
    /// ```
    #[op(torch = "chunk(input, chunks, dim=0)")]
    pub fn try_chunk_dim(&self, count: usize, dim: isize) -> Result<Vec<Tensor>> {
        let at = self.wrap_existing("chunk", dim)?;
        if count == 0 {
            return Err(Error::value("chunk", "expected at least 1 chunk, got 0"));
        }
        self.try_split_dim(self.shape()[at].div_ceil(count).max(1), dim)
    }

    /// Returns the views of all indices of dimension 0, as [`select`](Tensor::select).
    ///
    /// # Errors
    /// If the tensor is 0-d.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let rows = Tensor::from([[1, 2], [3, 4]]).unbind();
    /// assert_eq!(rows[1].to_vec::<i64>(), [3, 4]);
    /// ```
    #[op(torch = "unbind(input, dim=0)")] // along another dimension: unbind_dim(dim)
    pub fn try_unbind(&self) -> Result<Vec<Tensor>> {
        self.try_unbind_dim(0)
    }

    /// Returns the views of all indices of `dim`, as [`select`](Tensor::select).
    ///
    /// # Errors
    /// If the tensor is 0-d or the dimension is out of range.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let columns = Tensor::from([[1, 2], [3, 4]]).unbind_dim(1);
    /// assert_eq!(columns[1].to_vec::<i64>(), [2, 4]);
    /// ```
    #[op(torch = "unbind(input, dim=0)")]
    pub fn try_unbind_dim(&self, dim: isize) -> Result<Vec<Tensor>> {
        let at = self.wrap_existing("unbind", dim)?;
        (0..self.shape()[at]).map(|i| self.try_select(dim, i as isize)).collect()
    }

    fn wrap_existing(&self, op: &'static str, dim: isize) -> Result<usize> {
        if self.dim() == 0 {
            return Err(Error::index(op, "expected a tensor with dimensions, got a 0-d tensor"));
        }
        wrap_dim(op, dim, self.dim())
    }
}

/// `length` indices of dimension `dim`: `start`, `start + step`, …
fn sliced(layout: &Layout, dim: usize, start: usize, length: usize, step: usize) -> Layout {
    let (mut dims, mut strides) = (layout.dims().to_vec(), layout.strides().to_vec());
    let offset = if length == 0 { 0 } else { start as isize * strides[dim] };
    dims[dim] = length;
    strides[dim] *= step as isize;
    Layout::strided(&dims, &strides, (layout.offset() as isize + offset) as usize)
}

/// The diagonals of the matrices in the dimensions `rows` and `columns`, from the element at `start`, as the last dimension.
fn diagonal(layout: &Layout, [rows, columns]: [usize; 2], start: [usize; 2]) -> Layout {
    let (all, steps) = (layout.dims(), layout.strides());
    let left = |dim: usize, start: usize| all[dim].saturating_sub(start);
    let length = left(rows, start[0]).min(left(columns, start[1]));
    let others = (0..all.len()).filter(|&dim| dim != rows && dim != columns);
    let (mut dims, mut strides): (Vec<usize>, Vec<isize>) = others.map(|dim| (all[dim], steps[dim])).unzip();
    dims.push(length);
    strides.push(steps[rows] + steps[columns]);
    let first = start[0] as isize * steps[rows] + start[1] as isize * steps[columns];
    let offset = layout.offset() as isize + if length == 0 { 0 } else { first };
    Layout::strided(&dims, &strides, offset as usize)
}

/// Without dimension `dim`, of size 1.
fn without(layout: &Layout, dim: usize) -> Layout {
    let (mut dims, mut strides) = (layout.dims().to_vec(), layout.strides().to_vec());
    dims.remove(dim);
    strides.remove(dim);
    layout.with_dims_strides(&dims, &strides)
}
