//! Sparse tensors in the coordinate format (COO): the slices at a few index tuples; all others are zero.
//!
//! They come from `Embedding` layers as gradients, and go to optimizers. Only what that needs is implemented: addition, multiplication by a
//! number, copies, and conversion. Every other operation fails with [`Error::Sparse`], see [`Storage::sparse`].

use super::{DType, Dims, Layout, Storage, Tensor};
use crate::backend::{BinaryOp, Device};
use crate::{Error, Result};
use rushlight_macros::op;
use std::sync::Arc;

/// The parts of a sparse tensor, contiguous and without history.
#[derive(Clone)]
pub(crate) struct Coo {
    /// An index tuple per column: `[sparse_dim, nnz]`, int64.
    pub(crate) indices: Tensor,
    /// The slice at each: `[nnz, …]`.
    pub(crate) values: Tensor,
    /// Whether the index tuples are sorted and unique.
    pub(crate) coalesced: bool,
}

impl Coo {
    fn new(indices: &Tensor, values: &Tensor, coalesced: bool) -> Result<Coo> {
        let [indices, values] = [indices.detach().try_contiguous()?, values.detach().try_contiguous()?];
        let coalesced = coalesced || values.shape()[0] < 2;
        Ok(Coo { indices, values, coalesced })
    }

    fn nnz(&self) -> usize {
        self.values.shape()[0]
    }

    /// The index tuples as positions in the sparse dimensions of a tensor of shape `size`, counted row-major.
    fn positions(&self, size: &[usize]) -> Result<Vec<i64>> {
        let all = self.indices.try_to_vec::<i64>()?;
        let mut positions = vec![0; self.nnz()];
        for (index, &size) in all.chunks_exact(self.nnz().max(1)).zip(size) {
            positions.iter_mut().zip(index).for_each(|(position, index)| *position = *position * size as i64 + index);
        }
        Ok(positions)
    }

    /// [`positions`](Coo::positions) as a tensor on the device of the values.
    fn rows(&self, size: &[usize]) -> Result<Tensor> {
        match self.indices.shape()[0] {
            1 => self.indices.try_view(-1),
            _ => column(self.values.device(), &self.positions(size)?),
        }
    }

    /// The values as a matrix with a row for each.
    fn matrix(&self) -> Result<Tensor> {
        let inner: usize = self.values.shape()[1..].iter().product();
        self.values.try_view([self.nnz(), inner])
    }
}

fn column(device: Device, numbers: &[i64]) -> Result<Tensor> {
    Tensor::filled_on(device, Layout::contiguous(&[numbers.len()]), numbers)
}

/// The index tuples `columns` (each of a coordinate format with `dims` sparse dimensions) as a tensor `[dims, count]`.
fn table(device: Device, dims: usize, columns: &[(&[i64], usize)]) -> Result<Tensor> {
    let mut numbers = Vec::with_capacity(dims * columns.len());
    for d in 0..dims {
        numbers.extend(columns.iter().map(|&(all, k)| all[d * (all.len() / dims) + k]));
    }
    Tensor::filled_on(device, Layout::contiguous(&[dims, columns.len()]), &numbers)
}

impl Tensor {
    /// Creates a sparse tensor of shape `size` in the coordinate format: `values[k]` at the index tuple `indices[.., k]`, zero elsewhere;
    /// values at equal index tuples add up. `indices` is `[sparse_dim, nnz]`, `values` is `[nnz, …]` with the sizes of the dimensions
    /// after the first `sparse_dim`. Differentiable with respect to the values. Unlike PyTorch, the indices are always checked.
    ///
    /// # Errors
    /// If the shapes do not match, the indices are not int64 or int32, one is negative or out of range, or the devices differ.
    ///
    /// ```
    /// use rushlight::{Tensor, tensor};
    /// let x = Tensor::sparse_coo_tensor(&tensor!([[0, 2, 0]]), &tensor!([1.0, 2.0, 3.0]), [3]);
    /// assert_eq!(x.to_dense().to_vec::<f32>(), [4.0, 0.0, 2.0]);
    /// assert_eq!(x.coalesce().to_string(), "tensor(indices=tensor([[0, 2]]),\n       values=tensor([4., 2.]),\n       size=(3,), nnz=2, layout=torch.sparse_coo)");
    /// ```
    #[op(
        torch = "sparse_coo_tensor(indices, values, size=None, *, dtype=None, device=None, pin_memory=False, requires_grad=False, check_invariants=None, is_coalesced=None)"
    )]
    pub fn try_sparse_coo_tensor(indices: &Tensor, values: &Tensor, size: impl Into<Dims>) -> Result<Tensor> {
        let (op, layout) = ("sparse_coo_tensor", size.into().layout("sparse_coo_tensor")?);
        let size = layout.dims();
        let indices = match indices.dtype() {
            DType::I64 => indices.clone(),
            DType::I32 => indices.try_to_dtype(DType::I64)?,
            other => return Err(Error::dtype(op, format!("expected int64 or int32 indices, got {other}"))),
        };
        if indices.device() != values.device() {
            let message =
                format!("expected all tensors on one device, got {} and {}", indices.device(), values.device());
            return Err(Error::device(op, message));
        }
        let fits = match (indices.shape(), values.shape()) {
            (&[dims, nnz], [count, dense @ ..]) => *count == nnz && dims <= size.len() && *dense == size[dims..],
            _ => false,
        };
        if !fits {
            let message = format!(
                "expected indices [sparse_dim, nnz] and values [nnz, …] with the dense sizes at the end of the size, got indices {:?}, values {:?} and size {size:?}",
                indices.shape(),
                values.shape()
            );
            return Err(Error::shape(op, message));
        }
        let nnz = values.shape()[0];
        let all = indices.try_to_vec::<i64>()?;
        for (dim, (index, &size)) in all.chunks_exact(nnz.max(1)).zip(size).enumerate() {
            if let Some(k) = index.iter().position(|&index| index < 0 || index >= size as i64) {
                let message = format!(
                    "expected indices in 0..{size} for sparse dimension {dim} of size {size}, got index {} at position {k}",
                    index[k]
                );
                return Err(Error::index(op, message));
            }
        }
        Tensor::sparse(&indices, values, layout)
    }

    /// [`sparse_coo_tensor`](Tensor::sparse_coo_tensor) of int64 indices and values that are known to fit.
    pub(crate) fn sparse(indices: &Tensor, values: &Tensor, size: Layout) -> Result<Tensor> {
        let coo = Coo::new(indices, values, false)?;
        let (rows, shape) = (coo.rows(size.dims())?, coo.values.layout().to_owned());
        let dims = indices.shape()[0];
        let made = Tensor::from_coo(size, coo);
        Ok(made.record("SparseCooTensorWithDimsAndTensorsBackward0", [values], [], move |[], [_], g| {
            let g = if g.is_sparse() { g.try_to_dense()? } else { g.clone() };
            let (outer, inner) = g.shape().split_at(dims);
            let g = g.try_reshape([outer.iter().product::<usize>(), inner.iter().product()])?;
            Ok([Some(g.try_index_select(0, &rows)?.try_reshape(shape.dims())?)])
        }))
    }

    fn from_coo(size: Layout, coo: Coo) -> Tensor {
        let dtype = coo.values.dtype();
        Tensor::from_parts(Arc::new(Storage::sparse(coo)), size, dtype, None, None)
    }

    /// The parts of a sparse tensor, or an error for a strided one.
    pub(crate) fn coo(&self, op: &'static str) -> Result<Coo> {
        let coo = self.0.storage.coo().map(|coo| coo.clone());
        coo.ok_or_else(|| Error::value(op, "expected a sparse tensor (layout sparse_coo), got a strided one"))
    }

    /// Whether no other tensor shares the parts of a sparse tensor; true for a strided one.
    pub(crate) fn owns_parts(&self) -> bool {
        let alone = |part: &Tensor| Arc::strong_count(&part.0) == 1 && Arc::strong_count(&part.0.storage) == 1;
        self.0.storage.coo().is_none_or(|coo| alone(&coo.indices) && alone(&coo.values))
    }

    /// Returns an error for a sparse tensor, in operations that do not access the elements.
    #[inline]
    pub(crate) fn expect_strided(&self, op: &'static str) -> Result<()> {
        if self.is_sparse() { Err(Error::Sparse { op }) } else { Ok(()) }
    }

    /// Returns whether this is a sparse tensor. [`sparse_coo_tensor`](Tensor::sparse_coo_tensor) makes one, and an embedding with `sparse`
    /// has such a gradient. Besides the methods on sparse tensors they can be added, multiplied and divided by a number, copied and
    /// converted. All other operations fail.
    #[inline]
    pub fn is_sparse(&self) -> bool {
        self.0.storage.is_sparse()
    }

    /// Returns the number of dimensions of an index tuple of a sparse tensor; 0 for a strided one.
    pub fn sparse_dim(&self) -> usize {
        self.0.storage.coo().map_or(0, |coo| coo.indices.shape()[0])
    }

    /// Returns the number of dimensions of a slice of a sparse tensor; that of all dimensions for a strided one.
    pub fn dense_dim(&self) -> usize {
        self.dim() - self.sparse_dim()
    }

    /// Returns the number of index tuples of a sparse tensor, the columns of the `indices` that
    /// [`sparse_coo_tensor`](Tensor::sparse_coo_tensor) was given: PyTorch's `_nnz`.
    ///
    /// # Errors
    /// If the tensor is not sparse.
    #[doc(alias = "_nnz")]
    #[op(torch = "-")]
    pub fn try_nnz(&self) -> Result<usize> {
        Ok(self.coo("nnz")?.nnz())
    }

    /// Returns whether the index tuples of a sparse tensor are known to be sorted and unique; [`coalesce`](Tensor::coalesce) makes them so.
    ///
    /// # Errors
    /// If the tensor is not sparse.
    #[op(torch = "is_coalesced(self)")]
    pub fn try_is_coalesced(&self) -> Result<bool> {
        Ok(self.coo("is_coalesced")?.coalesced)
    }

    /// Returns the index tuples of a coalesced sparse tensor, `[sparse_dim, nnz]`.
    ///
    /// # Errors
    /// If the tensor is not sparse, or not [coalesced](Tensor::coalesce).
    ///
    /// ```
    /// use rushlight::{Tensor, tensor};
    /// let x = Tensor::sparse_coo_tensor(&tensor!([[2, 0]]), &tensor!([1.0, 2.0]), [3]).coalesce();
    /// assert_eq!((x.indices().to_vec::<i64>(), x.values().to_vec::<f32>()), (vec![0, 2], vec![2.0, 1.0]));
    /// ```
    #[op(torch = "indices(self)")]
    pub fn try_indices(&self) -> Result<Tensor> {
        Ok(self.coalesced_parts("indices")?.indices)
    }

    /// Returns the values of a coalesced sparse tensor, `[nnz, …]`; differentiable. See [`indices`](Tensor::indices).
    ///
    /// # Errors
    /// If the tensor is not sparse, or not [coalesced](Tensor::coalesce).
    #[op(torch = "values(self)")]
    pub fn try_values(&self) -> Result<Tensor> {
        let Coo { indices, values, .. } = self.coalesced_parts("values")?;
        let size = *self.layout();
        Ok(values
            .detach()
            .record("ValuesBackward0", [self], [], move |[], [_], g| Ok([Some(Tensor::sparse(&indices, g, size)?)])))
    }

    /// Returns the index tuples of a sparse tensor as they are stored, unsorted and repeated: PyTorch's `_indices`; those of a coalesced
    /// tensor are its [`indices`](Tensor::indices).
    ///
    /// # Errors
    /// If the tensor is not sparse.
    #[doc(alias = "_indices")]
    #[op(torch = "-")]
    pub fn try_uncoalesced_indices(&self) -> Result<Tensor> {
        Ok(self.coo("uncoalesced_indices")?.indices)
    }

    /// Returns the values of a sparse tensor as they are stored, one for each of the
    /// [`uncoalesced_indices`](Tensor::uncoalesced_indices), without history: PyTorch's `_values`; see [`indices`](Tensor::indices).
    ///
    /// # Errors
    /// If the tensor is not sparse.
    #[doc(alias = "_values")]
    #[op(torch = "-")]
    pub fn try_uncoalesced_values(&self) -> Result<Tensor> {
        Ok(self.coo("uncoalesced_values")?.values)
    }

    fn coalesced_parts(&self, op: &'static str) -> Result<Coo> {
        let coo = self.coo(op)?;
        if coo.coalesced {
            return Ok(coo);
        }
        Err(Error::value(
            op,
            "expected a coalesced sparse tensor, got one whose indices may repeat; coalesce sorts them and adds up the values",
        ))
    }

    /// Returns the sparse tensor with sorted and unique index tuples, the values at equal ones added up; the tensor itself if it is
    /// known to be so. Differentiable.
    ///
    /// # Errors
    /// If the tensor is not sparse.
    ///
    /// ```
    /// use rushlight::{Tensor, tensor};
    /// let x = Tensor::sparse_coo_tensor(&tensor!([[2, 0, 2]]), &tensor!([1.0, 2.0, 4.0]), [3]);
    /// assert!(!x.is_coalesced());
    /// assert_eq!(x.coalesce().values().to_vec::<f32>(), [2.0, 5.0]);
    /// ```
    #[op(torch = "coalesce(self)")]
    pub fn try_coalesce(&self) -> Result<Tensor> {
        let coo = self.coo("coalesce")?;
        if coo.coalesced {
            return Ok(self.clone());
        }
        let (positions, device) = (coo.positions(self.shape())?, coo.values.device());
        let mut order: Vec<usize> = (0..positions.len()).collect();
        order.sort_by_key(|&k| positions[k]); // stable: equal ones add up in order
        let all = coo.indices.try_to_vec::<i64>()?;
        let (mut columns, mut groups) = (Vec::new(), vec![0; positions.len()]);
        for same in order.chunk_by(|&a, &b| positions[a] == positions[b]) {
            same.iter().for_each(|&k| groups[k] = columns.len() as i64);
            columns.push((&all[..], same[0]));
        }
        let indices = match self.sparse_dim() {
            0 => coo.indices.try_narrow(1, 0, columns.len())?,
            dims => table(device, dims, &columns)?,
        };
        let mut shape = coo.values.shape().to_vec();
        shape[0] = columns.len();
        let values = Tensor::zeros_with_layout(&coo.values, &Layout::contiguous(&shape))?;
        let sums = Coo::new(&indices, &values, true)?;
        sums.matrix()?.add_rows_(&column(device, &groups)?, &coo.matrix()?)?;
        let out = Tensor::from_coo(*self.layout(), sums);
        Ok(out.record("CoalesceBackward0", [self], [], |[], [_], g| Ok([Some(g.clone())])))
    }

    /// Returns the sparse tensor as a strided one, with its zeros; differentiable. Returns a strided tensor itself.
    ///
    /// # Errors
    /// If the result does not fit into memory.
    ///
    /// ```
    /// use rushlight::{Tensor, tensor};
    /// let x = Tensor::sparse_coo_tensor(&tensor!([[0, 1], [1, 0]]), &tensor!([1.0, 2.0]), [2, 2]);
    /// assert_eq!(x.to_dense().to_string(), "tensor([[0., 1.],\n        [2., 0.]])");
    /// ```
    #[op(torch = "to_dense(self, dtype=None, *, masked_grad=None)")]
    pub fn try_to_dense(&self) -> Result<Tensor> {
        if !self.is_sparse() {
            return Ok(self.clone());
        }
        let dense = Tensor::zeros_with_layout(self, &Layout::contiguous(self.shape()))?;
        dense.add_slices_(self)?;
        Ok(dense.record("ToDenseBackward0", [self], [], |[], [_], g| Ok([Some(g.clone())])))
    }

    /// Adds a sparse tensor of the same shape to this contiguous strided one.
    fn add_slices_(&self, sparse: &Tensor) -> Result<()> {
        let coo = sparse.coo("to_dense")?;
        let values = coo.matrix()?;
        let rows: usize = self.shape()[..sparse.sparse_dim()].iter().product();
        let whole = self.detach().try_view([rows, values.shape()[1]])?;
        whole.add_rows_(&coo.rows(self.shape())?, &values)
    }

    /// The index (int64, 1-d) of the slices of a coalesced sparse tensor among all of its slices, and the slices as a matrix.
    pub(crate) fn sparse_rows(&self) -> Result<[Tensor; 2]> {
        let coo = self.coalesced_parts("coalesce")?;
        Ok([coo.rows(self.shape())?, coo.matrix()?])
    }

    /// The sparse tensor with other values at the same index tuples; both parts are new.
    fn map_values(&self, op: &'static str, f: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
        let Coo { indices, values, coalesced } = self.coo(op)?;
        let coo = Coo::new(&indices.try_copy()?, &f(&values)?, coalesced)?;
        Ok(Tensor::from_coo(*self.layout(), coo))
    }

    /// A copy of a sparse tensor in a dtype, where an operation failed with `error` to copy the elements of a strided one.
    #[cold]
    pub(crate) fn copied_sparse(&self, op: &'static str, dtype: DType, error: Error) -> Result<Tensor> {
        match self.is_sparse() {
            false => Err(error),
            true if dtype == self.dtype() => self.map_values(op, Tensor::try_copy),
            true => self.map_values(op, |values| values.try_to_dtype(dtype)),
        }
    }

    /// A copy of a sparse tensor on another device.
    pub(crate) fn sparse_to_device(&self, device: Device) -> Result<Tensor> {
        let Coo { indices, values, coalesced } = self.coo("to_device")?;
        let coo = Coo::new(&indices.try_to_device(device)?, &values.try_to_device(device)?, coalesced)?;
        Ok(Tensor::from_coo(*self.layout(), coo))
    }

    /// The result for a sparse operand, where an operation on strided ones failed with `error`: sums, and products and quotients with a
    /// number.
    #[cold]
    pub(crate) fn binary_sparse(
        &self,
        name: &'static str,
        op: BinaryOp,
        other: &Tensor,
        error: Error,
    ) -> Result<Tensor> {
        if self.device() != other.device() {
            return Err(error);
        }
        let number = |x: &Tensor| x.dim() == 0 && !x.is_sparse();
        match (op, self.is_sparse(), other.is_sparse()) {
            (_, false, false) => Err(error),
            (BinaryOp::Add, true, true) => Ok(Tensor::from_coo(*self.layout(), self.merged(name, other)?)),
            (BinaryOp::Add, false, true) if self.shape() == other.shape() => {
                let sum = self.detach().try_to_dtype(other.dtype())?.try_contiguous_copy()?;
                sum.add_slices_(other)?;
                Ok(sum)
            }
            (BinaryOp::Mul, true, _) if number(other) => self.map_values(name, |values| values.try_mul(other)),
            (BinaryOp::Mul, _, true) if number(self) => other.map_values(name, |values| values.try_mul(self)),
            (BinaryOp::Div, true, _) if number(other) => self.map_values(name, |values| values.try_div(other)),
            (BinaryOp::Add, true, false) => {
                Err(Error::value(name, "expected the strided tensor as the first operand, got sparse + strided"))
            }
            _ => Err(Error::Sparse { op: name }),
        }
    }

    /// [`binary_sparse`](Tensor::binary_sparse) in-place.
    #[cold]
    pub(crate) fn binary_sparse_(
        &self,
        name: &'static str,
        op: BinaryOp,
        other: &Tensor,
        error: Error,
    ) -> Result<Tensor> {
        if self.device() != other.device() {
            return Err(error);
        }
        match (op, self.is_sparse()) {
            (BinaryOp::Add, true) if other.is_sparse() => {
                let sum = self.merged(name, other)?;
                if let Some(mut coo) = self.0.storage.coo() {
                    *coo = sum;
                }
            }
            (BinaryOp::Mul | BinaryOp::Div, true) if other.dim() == 0 && !other.is_sparse() => {
                let values = self.coo(name)?.values;
                if op == BinaryOp::Mul {
                    values.try_mul_(other)?
                } else {
                    values.try_div_(other)?
                };
            }
            (BinaryOp::Add, false) if other.is_sparse() && self.shape() == other.shape() => {
                let other = if other.dtype() == self.dtype() { other } else { &other.try_to_dtype(self.dtype())? };
                if self.is_contiguous() {
                    self.add_slices_(other)?;
                } else {
                    self.detach().try_add_(&other.try_to_dense()?)?;
                }
            }
            _ => return self.binary_sparse(name, op, other, error),
        }
        self.0.storage.bump_version();
        Ok(self.clone())
    }

    /// The sum of two sparse tensors by PyTorch's algorithm: a merge of sorted lists of index tuples, in which equal ones that meet are
    /// added up. (Of lists that are not sorted it may keep equal ones apart.)
    fn merged(&self, name: &'static str, other: &Tensor) -> Result<Coo> {
        if (self.shape(), self.sparse_dim(), self.dtype()) != (other.shape(), other.sparse_dim(), other.dtype()) {
            let message = format!(
                "expected sparse tensors of the same shape, dtype and number of sparse dimensions, got {} {:?} with {} and {} {:?} with {}",
                self.dtype(),
                self.shape(),
                self.sparse_dim(),
                other.dtype(),
                other.shape(),
                other.sparse_dim()
            );
            return Err(Error::shape(name, message));
        }
        let (a, b) = (self.coo(name)?, other.coo(name)?);
        let device = a.values.device();
        let positions = [a.positions(self.shape())?, b.positions(self.shape())?];
        let all = [a.indices.try_to_vec::<i64>()?, b.indices.try_to_vec::<i64>()?];
        let (mut columns, mut places) = (Vec::new(), [Vec::new(), Vec::new()]);
        let (mut i, mut j) = (0, 0);
        while i < a.nnz() || j < b.nnz() {
            let (first, second) = (positions[0].get(i), positions[1].get(j));
            let take_a = first.is_some_and(|first| second.is_none_or(|second| first <= second));
            let take_b = second.is_some_and(|second| first.is_none_or(|first| second <= first));
            let column = if take_a { (&all[0][..], i) } else { (&all[1][..], j) };
            if take_a {
                places[0].push(columns.len() as i64);
                i += 1;
            }
            if take_b {
                places[1].push(columns.len() as i64);
                j += 1;
            }
            columns.push(column);
        }
        let indices = match self.sparse_dim() {
            0 => Tensor::filled_on::<i64>(device, Layout::contiguous(&[0, columns.len()]), &[])?,
            dims => table(device, dims, &columns)?,
        };
        let mut shape = a.values.shape().to_vec();
        shape[0] = columns.len();
        let sum = Tensor::zeros_with_layout(&a.values, &Layout::contiguous(&shape))?;
        let sum = Coo::new(&indices, &sum, a.coalesced && b.coalesced)?;
        for (part, places) in [&a, &b].into_iter().zip(&places) {
            sum.matrix()?.add_rows_(&column(device, places)?, &part.matrix()?)?;
        }
        Ok(sum)
    }
}
