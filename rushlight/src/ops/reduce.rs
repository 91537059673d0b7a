//! Reductions over some or all dimensions: sums, means, extremes, variances, any and all.

use super::{Shape, composed, expect_float, scaled};
use crate::autograd::Save;
use crate::backend::ReduceOp;
use crate::tensor::{DType, Layout, ReduceDims, keepdim, unsupported, wrap_dim};
use crate::{Error, Result, Tensor};
use rushlight_kernels::MAX_RANK;
use rushlight_macros::{Builder, op};

/// The reduced dimensions.
#[derive(Clone, Copy)]
struct Axes {
    reduced: [bool; MAX_RANK],
    /// Whether they are kept with size 1.
    keepdim: bool,
    /// The sizes of the input.
    sizes: Shape,
}

impl Axes {
    /// The given dimensions; `()` means all.
    fn new(op: &'static str, x: &Tensor, ReduceDims { dims, keepdim }: ReduceDims) -> Result<Axes> {
        let mut reduced = dims.mask(op, x.dim())?;
        if dims.list(op)?.is_empty() {
            reduced = [true; MAX_RANK];
        }
        Ok(Axes { reduced, keepdim, sizes: Shape::of(x) })
    }

    /// The only given dimension, and its index.
    fn one(op: &'static str, x: &Tensor, dims: ReduceDims) -> Result<(Axes, usize)> {
        match dims.dims.list(op)? {
            &[dim] => Ok((Axes::new(op, x, dims)?, wrap_dim(op, dim, x.dim())?)),
            list => Err(Error::index(op, format!("expected one dimension, got {list:?}"))),
        }
    }

    fn all(x: &Tensor) -> Axes {
        Axes { reduced: [true; MAX_RANK], keepdim: false, sizes: Shape::of(x) }
    }

    /// The reduced dimensions.
    fn list(&self) -> Vec<usize> {
        (0..self.sizes.list().len()).filter(|&i| self.reduced[i]).collect()
    }

    fn layout(&self) -> Layout {
        self.layout_with(self.keepdim)
    }

    fn layout_with(&self, keepdim: bool) -> Layout {
        let mut dims = [0; MAX_RANK];
        let mut rank = 0;
        for (&size, &reduced) in self.sizes.list().iter().zip(&self.reduced) {
            if keepdim || !reduced {
                dims[rank] = if reduced { 1 } else { size };
                rank += 1;
            }
        }
        Layout::contiguous(&dims[..rank])
    }

    /// The indices of the reduced dimensions.
    fn dims(&self) -> Vec<usize> {
        (0..self.sizes.list().len()).filter(|&i| self.reduced[i]).collect()
    }

    /// The number of elements reduced to one.
    fn count(&self) -> usize {
        self.sizes.list().iter().zip(&self.reduced).filter(|(_, r)| **r).map(|(size, _)| size).product()
    }

    /// A result, or its gradient, with the reduced dimensions restored with size 1.
    fn kept(&self, g: &Tensor) -> Result<Tensor> {
        g.try_reshape(self.layout_with(true).dims())
    }

    /// The gradient of the result expanded to the shape of the input.
    fn spread(&self, g: &Tensor) -> Result<Tensor> {
        self.kept(g)?.try_expand(self.sizes.list())
    }
}

/// The options of [`Tensor::var`], [`Tensor::std`] and their forms over dimensions.
#[derive(Builder, Clone, Copy, Debug)]
pub struct VarOptions {
    /// The correction subtracted from the number of elements in the divisor: 1 for the unbiased estimate, 0 for the population variance
    /// (default 1).
    #[builder(default = 1.0)]
    pub(crate) correction: f64,
}

impl Tensor {
    fn reduced(&self, name: &'static str, op: ReduceOp, axes: &Axes, dtype: DType) -> Result<Tensor> {
        let out = self.fresh_like(axes.layout(), dtype)?;
        self.backend().reduce(op, &self.read(name)?, &axes.reduced[..self.dim()], &mut out.write_fresh())?;
        Ok(out)
    }

    fn sum_axes(&self, axes: Axes, node: &'static str) -> Result<Tensor> {
        let out = self.reduced("sum", ReduceOp::Sum, &axes, self.dtype().to_sum())?;
        Ok(out.record(node, [self], [], move |[], [_], g| Ok([Some(axes.spread(g)?)])))
    }

    /// Returns the sum of all elements, 0-d. The result of integers and bool is int64.
    ///
    /// # Errors
    /// If another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]).sum().item(), 10.0);
    /// ```
    #[op(torch = "sum(input, *, dtype=None)")] // along a dimension: sum_dim(dim)
    pub fn try_sum(&self) -> Result<Tensor> {
        self.sum_axes(Axes::all(self), "SumBackward0")
    }

    /// Returns the sum over the dimensions `dims`; `()` means all. The result of integers and bool is int64.
    ///
    /// # Errors
    /// If a dimension is out of range or repeated.
    ///
    /// ```
    /// use rushlight::{Tensor, keepdim};
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.sum_dim(0).to_vec::<f32>(), [4.0, 6.0]);
    /// assert_eq!(x.sum_dim(keepdim([0, 1])).shape(), [1, 1]);
    /// ```
    #[op(torch = "sum(input, dim, keepdim=False, *, dtype=None)")]
    pub fn try_sum_dim(&self, dims: impl Into<ReduceDims>) -> Result<Tensor> {
        self.sum_axes(Axes::new("sum", self, dims.into())?, "SumBackward1")
    }

    fn mean_axes(&self, axes: Axes, node: &'static str) -> Result<Tensor> {
        expect_float("mean", self)?;
        let out = self.reduced("mean", ReduceOp::Mean, &axes, self.dtype())?;
        Ok(out.record(node, [self], [], move |[], [_], g| {
            // For an empty input the gradient is empty, and the division must not produce NaN.
            Ok([Some(axes.spread(&g.try_div(axes.count().max(1))?)?)])
        }))
    }

    /// Returns the mean of all elements, 0-d; NaN if the tensor is empty.
    ///
    /// # Errors
    /// If the tensor is not floating-point.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0, 6.0]).mean().item(), 3.0);
    /// ```
    #[op(torch = "mean(input, *, dtype=None)")] // along a dimension: mean_dim(dim)
    pub fn try_mean(&self) -> Result<Tensor> {
        self.mean_axes(Axes::all(self), "MeanBackward0")
    }

    /// Returns the mean over the dimensions `dims`; `()` means all.
    ///
    /// # Errors
    /// If the tensor is not floating-point, or a dimension is out of range or repeated.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.mean_dim(0).to_vec::<f32>(), [2.0, 3.0]);
    /// ```
    #[op(torch = "mean(input, dim, keepdim=False, *, dtype=None)")]
    pub fn try_mean_dim(&self, dims: impl Into<ReduceDims>) -> Result<Tensor> {
        self.mean_axes(Axes::new("mean", self, dims.into())?, "MeanBackward1")
    }

    /// Returns the product of all elements, 0-d. The result of integers and bool is int64.
    ///
    /// # Errors
    /// If another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([2, 3, 4]).prod().item(), 24.0);
    /// ```
    #[op(torch = "prod(input, *, dtype=None)")] // along a dimension: prod_dim(dim)
    pub fn try_prod(&self) -> Result<Tensor> {
        let axes = Axes::all(self);
        let out = self.reduced("prod", ReduceOp::Prod, &axes, self.dtype().to_sum())?;
        Ok(out.record("ProdBackward0", [self], [Save::Input(self)], move |[x], [_], g| {
            let slopes = products_of_others(&x.try_reshape([-1])?, 0)?;
            Ok([Some(slopes.try_mul(g)?.try_reshape(axes.sizes.list())?)])
        }))
    }

    /// Returns the product over the dimension `dim`. The result of integers and bool is int64.
    ///
    /// # Errors
    /// If the dimension is out of range, or more than one is given.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]).prod_dim(0).to_vec::<f32>(), [3.0, 8.0]);
    /// ```
    #[op(torch = "prod(input, dim, keepdim=False, *, dtype=None)")]
    pub fn try_prod_dim(&self, dim: impl Into<ReduceDims>) -> Result<Tensor> {
        let (axes, dim) = Axes::one("prod", self, dim.into())?;
        let out = self.reduced("prod", ReduceOp::Prod, &axes, self.dtype().to_sum())?;
        Ok(out.record("ProdBackward1", [self], [Save::Input(self)], move |[x], [_], g| {
            let slopes = if x.dim() == 0 { x.try_ones_like()? } else { products_of_others(&x, dim)? };
            Ok([Some(slopes.try_mul(&axes.kept(g)?)?)])
        }))
    }

    fn want_elements(&self, op: &'static str, axes: &Axes) -> Result<()> {
        if axes.count() > 0 || axes.layout().numel() == 0 {
            return Ok(());
        }
        Err(Error::shape(
            op,
            format!("expected at least one element to reduce, as it has no identity, got shape {:?}", self.shape()),
        ))
    }

    fn extreme_axes(&self, name: &'static str, op: ReduceOp, axes: Axes, node: &'static str) -> Result<Tensor> {
        self.want_elements(name, &axes)?;
        let out = self.reduced(name, op, &axes, self.dtype())?;
        let saves = [Save::Input(self), Save::Output];
        Ok(out.record(node, [self], saves, move |[x, y], [_], g| {
            // Shared evenly by all elements equal to the extreme.
            let y = axes.kept(&y)?;
            let hits = x.try_eq(&y)?.try_logical_or(&x.try_isnan()?.try_logical_and(&y.try_isnan()?)?)?;
            let hits = hits.try_to_dtype(x.dtype())?;
            let count = hits.try_sum_dim(keepdim(axes.list()))?;
            Ok([Some(axes.kept(g)?.try_div(&count)?.try_mul(&hits)?)])
        }))
    }

    /// Returns the largest of all elements, 0-d; NaN if any is NaN. Equal elements share the gradient evenly.
    ///
    /// # Errors
    /// If the tensor is empty.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([[1.0f32, 5.0], [7.0, 2.0]]).max().item(), 7.0);
    /// ```
    #[op(torch = "max(input, *, out=None)")] // along a dimension: max_dim(dim)
    pub fn try_max(&self) -> Result<Tensor> {
        self.extreme_axes("max", ReduceOp::Max, Axes::all(self), "MaxBackward1")
    }

    /// Returns the smallest of all elements, 0-d; NaN if any is NaN. Equal elements share the gradient evenly.
    ///
    /// # Errors
    /// If the tensor is empty.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([[1.0f32, 5.0], [7.0, 2.0]]).min().item(), 1.0);
    /// ```
    #[op(torch = "min(input, *, out=None)")] // along a dimension: min_dim(dim)
    pub fn try_min(&self) -> Result<Tensor> {
        self.extreme_axes("min", ReduceOp::Min, Axes::all(self), "MinBackward1")
    }

    /// Returns the largest elements over the dimensions `dims`; `()` means all. Equal elements share the gradient evenly.
    ///
    /// # Errors
    /// If a dimension is out of range, repeated, or of size 0.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([[1.0f32, 5.0], [7.0, 2.0]]);
    /// assert_eq!(x.amax(0).to_vec::<f32>(), [7.0, 5.0]);
    /// ```
    #[op(torch = "amax(input, dim=None, keepdim=False, *, out=None)")]
    pub fn try_amax(&self, dims: impl Into<ReduceDims>) -> Result<Tensor> {
        self.extreme_axes("amax", ReduceOp::Max, Axes::new("amax", self, dims.into())?, "AmaxBackward0")
    }

    /// Returns the smallest elements over the dimensions `dims`; `()` means all. Equal elements share the gradient evenly.
    ///
    /// # Errors
    /// If a dimension is out of range, repeated, or of size 0.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([[1.0f32, 5.0], [7.0, 2.0]]);
    /// assert_eq!(x.amin(0).to_vec::<f32>(), [1.0, 2.0]);
    /// ```
    #[op(torch = "amin(input, dim=None, keepdim=False, *, out=None)")]
    pub fn try_amin(&self, dims: impl Into<ReduceDims>) -> Result<Tensor> {
        self.extreme_axes("amin", ReduceOp::Min, Axes::new("amin", self, dims.into())?, "AminBackward0")
    }

    fn with_indices(
        &self,
        name: &'static str,
        largest: bool,
        dim: ReduceDims,
        node: &'static str,
    ) -> Result<(Tensor, Tensor)> {
        let (axes, at) = Axes::one(name, self, dim)?;
        if self.dim() == 0 {
            return Ok((
                self.clone(),
                Tensor::fresh_like(self, Layout::contiguous(&[]), DType::I64)?.try_zeros_like()?,
            ));
        }
        self.want_elements(name, &axes)?;
        let layout = axes.layout();
        let (values, indices) = (self.fresh_like(layout, self.dtype())?, self.fresh_like(layout, DType::I64)?);
        let (mut v, mut i) = (values.write_fresh(), indices.write_fresh());
        let done = self.backend().extreme(largest, &self.read(name)?, at, &mut v, &mut i);
        drop((v, i));
        let (values, indices) = match done {
            Some(done) => done.map(|()| (values, indices))?,
            None => {
                let (values, indices) = composed::extreme(largest, self, at)?;
                (values.try_view(layout.dims())?, indices.try_view(layout.dims())?)
            }
        };
        let values = values.record(node, [self], [Save::Input(&indices)], move |[indices], [_], g| {
            let zeros = Tensor::zeros_with_layout(g, &Layout::contiguous(axes.sizes.list()))?;
            Ok([Some(zeros.try_scatter_add(at as isize, &axes.kept(&indices)?, &axes.kept(g)?)?)])
        });
        Ok((values, indices))
    }

    /// Returns the largest elements along `dim` and their indices, int64 (the first of equal ones; NaN counts as the largest).
    ///
    /// # Errors
    /// If the dimension is out of range or of size 0, or more than one is given.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let (values, indices) = Tensor::from([[1.0f32, 5.0], [7.0, 2.0]]).max_dim(1);
    /// assert_eq!((values.to_vec::<f32>(), indices.to_vec::<i64>()), (vec![5.0, 7.0], vec![1, 0]));
    /// ```
    #[op(torch = "max(input, dim, keepdim=False, *, out=None)")]
    pub fn try_max_dim(&self, dim: impl Into<ReduceDims>) -> Result<(Tensor, Tensor)> {
        self.with_indices("max", true, dim.into(), "MaxBackward0")
    }

    /// Returns the smallest elements along `dim` and their indices, int64 (the first of equal ones; NaN counts as the smallest).
    ///
    /// # Errors
    /// If the dimension is out of range or of size 0, or more than one is given.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let (values, indices) = Tensor::from([[1.0f32, 5.0], [7.0, 2.0]]).min_dim(1);
    /// assert_eq!((values.to_vec::<f32>(), indices.to_vec::<i64>()), (vec![1.0, 2.0], vec![0, 1]));
    /// ```
    #[op(torch = "min(input, dim, keepdim=False, *, out=None)")]
    pub fn try_min_dim(&self, dim: impl Into<ReduceDims>) -> Result<(Tensor, Tensor)> {
        self.with_indices("min", false, dim.into(), "MinBackward0")
    }

    /// Returns the index of the largest of all elements in row-major order, 0-d int64 (the first of equal ones).
    ///
    /// # Errors
    /// If the tensor is empty or bool.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([[1, 5], [7, 2]]).argmax().item_as::<i64>(), 2);
    /// ```
    #[op(torch = "argmax(input)")] // along a dimension: argmax_dim(dim)
    pub fn try_argmax(&self) -> Result<Tensor> {
        self.argument("argmax", true, None)
    }

    /// Returns the index of the smallest of all elements in row-major order, 0-d int64 (the first of equal ones).
    ///
    /// # Errors
    /// If the tensor is empty or bool.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([[3, 5], [7, 2]]).argmin().item_as::<i64>(), 3);
    /// ```
    #[op(torch = "argmin(input, dim=None, keepdim=False)")] // along a dimension: argmin_dim(dim)
    pub fn try_argmin(&self) -> Result<Tensor> {
        self.argument("argmin", false, None)
    }

    /// Returns the indices of the largest elements along `dim`, int64 (the first of equal ones).
    ///
    /// # Errors
    /// If the dimension is out of range or of size 0, more than one is given, or the tensor is bool.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([[1, 5], [7, 2]]).argmax_dim(1).to_vec::<i64>(), [1, 0]);
    /// ```
    #[op(torch = "argmax(input, dim, keepdim=False)")]
    pub fn try_argmax_dim(&self, dim: impl Into<ReduceDims>) -> Result<Tensor> {
        self.argument("argmax", true, Some(dim.into()))
    }

    /// Returns the indices of the smallest elements along `dim`, int64 (the first of equal ones).
    ///
    /// # Errors
    /// If the dimension is out of range or of size 0, more than one is given, or the tensor is bool.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([[1, 5], [7, 2]]).argmin_dim(1).to_vec::<i64>(), [0, 1]);
    /// ```
    #[op(torch = "argmin(input, dim=None, keepdim=False)")]
    pub fn try_argmin_dim(&self, dim: impl Into<ReduceDims>) -> Result<Tensor> {
        self.argument("argmin", false, Some(dim.into()))
    }

    /// The index of the extreme along a dimension, or of all elements in row-major order.
    fn argument(&self, name: &'static str, largest: bool, dim: Option<ReduceDims>) -> Result<Tensor> {
        if self.dtype() == DType::Bool {
            return Err(unsupported(name, DType::Bool));
        }
        let x = self.detach();
        let x = if dim.is_some() { x } else { x.try_reshape([x.numel()])? };
        Ok(x.with_indices(name, largest, dim.unwrap_or_else(|| 0.into()), "")?.1)
    }

    fn var_axes(&self, axes: Axes, correction: f64) -> Result<Tensor> {
        expect_float("var", self)?;
        let out = self.fresh_like(axes.layout(), self.dtype())?;
        let reduced = &axes.reduced[..self.dim()];
        let done = self.backend().variance(&self.read("var")?, reduced, correction, &mut out.write_fresh());
        let out = match done {
            Some(done) => done.map(|()| out)?,
            None => composed::variance(self, &axes.dims(), correction)?.try_view(out.shape())?,
        };
        Ok(out.record("VarBackward0", [self], [Save::Input(self)], move |[x], [_], g| {
            Ok([Some(var_grad(&x, g, axes, correction)?)])
        }))
    }

    fn std_axes(&self, axes: Axes, correction: f64) -> Result<Tensor> {
        expect_float("std", self)?;
        let out = self.detach().var_axes(axes, correction)?.try_sqrt()?;
        let saves = [Save::Input(self), Save::Output];
        Ok(out.record("StdBackward0", [self], saves, move |[x, y], [_], g| {
            let of_var = g.try_div(&scaled(&y, 2.0)?)?.try_masked_fill(&y.try_eq(0)?, 0.0)?;
            Ok([Some(var_grad(&x, &of_var, axes, correction)?)])
        }))
    }

    /// Returns the variance of all elements, 0-d: squared deviations from the mean, divided by their number minus the correction.
    ///
    /// # Errors
    /// If the tensor is not floating-point.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::VarOptions};
    /// let x = Tensor::from([1.0f32, 3.0]);
    /// assert_eq!((x.var().item(), x.var_with(VarOptions::new().correction(0)).item()), (2.0, 1.0));
    /// ```
    #[op(torch = "var(input, dim=None, *, correction=1, keepdim=False, out=None)", with)]
    pub fn try_var_with(&self, options: VarOptions) -> Result<Tensor> {
        self.var_axes(Axes::all(self), options.correction)
    }

    /// Returns the variance over the dimensions `dims`, see [`var`](Tensor::var); `()` means all.
    ///
    /// # Errors
    /// If the tensor is not floating-point, or a dimension is out of range or repeated.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([[1.0f32, 3.0], [2.0, 8.0]]);
    /// assert_eq!(x.var_dim(1).to_vec::<f32>(), [2.0, 18.0]);
    /// ```
    #[op(torch = "var(input, dim=None, *, correction=1, keepdim=False, out=None)", with)]
    pub fn try_var_dim_with(&self, dims: impl Into<ReduceDims>, options: VarOptions) -> Result<Tensor> {
        self.var_axes(Axes::new("var", self, dims.into())?, options.correction)
    }

    /// Returns the standard deviation of all elements, 0-d: the square root of [`var`](Tensor::var).
    ///
    /// # Errors
    /// If the tensor is not floating-point.
    ///
    /// ```
    /// use rushlight::{Tensor, ops::VarOptions};
    /// let x = Tensor::from([1.0f32, 5.0]);
    /// assert_eq!(x.std().to_string(), "tensor(2.8284)");
    /// assert_eq!(x.std_with(VarOptions::new().correction(0)).item(), 2.0);
    /// ```
    #[op(torch = "std(input, dim=None, *, correction=1, keepdim=False, out=None)", with)]
    pub fn try_std_with(&self, options: VarOptions) -> Result<Tensor> {
        self.std_axes(Axes::all(self), options.correction)
    }

    /// Returns the standard deviation over the dimensions `dims`, see [`std`](Tensor::std); `()` means all.
    ///
    /// # Errors
    /// If the tensor is not floating-point, or a dimension is out of range or repeated.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([[1.0f32, 5.0], [3.0, 3.0]]);
    /// assert_eq!(x.std_dim(1).to_string(), "tensor([2.8284, 0.0000])");
    /// ```
    #[op(torch = "std(input, dim=None, *, correction=1, keepdim=False, out=None)", with)]
    pub fn try_std_dim_with(&self, dims: impl Into<ReduceDims>, options: VarOptions) -> Result<Tensor> {
        self.std_axes(Axes::new("std", self, dims.into())?, options.correction)
    }

    /// Returns whether any element is nonzero, 0-d bool (uint8 for uint8, as in PyTorch).
    ///
    /// # Errors
    /// If another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert!(Tensor::from([0, 2]).any().item_as::<bool>());
    /// ```
    #[op(torch = "any(input, *, out=None)")]
    pub fn try_any(&self) -> Result<Tensor> {
        self.truth("any", ReduceOp::Any)
    }

    /// Returns whether all elements are nonzero, 0-d bool (uint8 for uint8, as in PyTorch).
    ///
    /// # Errors
    /// If another thread is writing the tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert!(!Tensor::from([0, 2]).all().item_as::<bool>());
    /// ```
    #[op(torch = "all(input, *, out=None)")]
    pub fn try_all(&self) -> Result<Tensor> {
        self.truth("all", ReduceOp::All)
    }

    fn truth(&self, name: &'static str, op: ReduceOp) -> Result<Tensor> {
        let out = self.reduced(name, op, &Axes::all(self), DType::Bool)?;
        if self.dtype() == DType::U8 { out.try_to_dtype(DType::U8) } else { Ok(out) }
    }
}

/// For each element the product of all others along `dim`: exact for zeros, in a number of steps that grows with the
/// logarithm of the size, and differentiable to any order.
///
/// Elements are multiplied in pairs; the factor of an element is that of its pair times the other element of the pair.
fn products_of_others(x: &Tensor, dim: usize) -> Result<Tensor> {
    let size = x.shape()[dim];
    if size < 2 {
        return x.try_ones_like();
    }
    let (half, axis) = (size / 2, dim as isize);
    let part = |x: &Tensor, start: usize, length: usize| x.try_narrow(axis, start as isize, length);
    let (a, b, single) = (part(x, 0, half)?, part(x, half, half)?, part(x, 2 * half, size % 2)?);
    let others = products_of_others(&Tensor::try_cat_dim([&a.try_mul(&b)?, &single], axis)?, dim)?;
    let of_pairs = part(&others, 0, half)?;
    Tensor::try_cat_dim([&of_pairs.try_mul(&b)?, &of_pairs.try_mul(&a)?, &part(&others, half, size % 2)?], axis)
}

/// `2 / (n - correction) * (x - mean) * g`.
fn var_grad(x: &Tensor, g: &Tensor, axes: Axes, correction: f64) -> Result<Tensor> {
    let dims = axes.list();
    let deviation = if dims.is_empty() { x.try_sub(x)? } else { x.try_sub(&x.try_mean_dim(keepdim(dims))?)? };
    let factor = 2.0 / (axes.count() as f64 - correction);
    axes.kept(&scaled(g, factor)?)?.try_mul(&deviation)
}
