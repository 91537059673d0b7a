//! Reductions: sums, means, extremes, variances, truth over some or all dimensions.

use super::{Sizes, composed, scaled, want_float};
use crate::autograd::Save;
use crate::backend::ReduceOp;
use crate::tensor::{DType, Dims, Layout, unsupported, wrap_dim};
use crate::{Error, Result, Tensor};
use rushlight_kernels::MAX_RANK;
use rushlight_macros::op;

/// The dimensions that a reduction takes away.
#[derive(Clone, Copy)]
struct Axes {
    reduced: [bool; MAX_RANK],
    /// The sizes before.
    sizes: Sizes,
}

impl Axes {
    /// The named dimensions; `()` means all.
    fn new(op: &'static str, x: &Tensor, dims: Dims) -> Result<Axes> {
        let mut reduced = dims.mask(op, x.dim())?;
        if dims.list(op)?.is_empty() {
            reduced = [true; MAX_RANK];
        }
        Ok(Axes { reduced, sizes: Sizes::of(x) })
    }

    fn all(x: &Tensor) -> Axes {
        Axes { reduced: [true; MAX_RANK], sizes: Sizes::of(x) }
    }

    fn layout(&self, keepdim: bool) -> Layout {
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

    /// The reduced dimensions, by number.
    fn dims(&self) -> Vec<usize> {
        (0..self.sizes.list().len()).filter(|&i| self.reduced[i]).collect()
    }

    /// How many elements go into one.
    fn count(&self) -> usize {
        self.sizes.list().iter().zip(&self.reduced).filter(|(_, r)| **r).map(|(size, _)| size).product()
    }

    /// A result, or its gradient, with the reduced dimensions back as size 1.
    fn kept(&self, g: &Tensor) -> Result<Tensor> {
        g.try_reshape(self.layout(true).dims())
    }

    /// A gradient of the result as one of the input: the same for all elements that went into one.
    fn spread(&self, g: &Tensor) -> Result<Tensor> {
        self.kept(g)?.try_expand(self.sizes.list())
    }
}

impl Tensor {
    fn reduced(&self, name: &'static str, op: ReduceOp, axes: &Axes, keepdim: bool, dtype: DType) -> Result<Tensor> {
        let out = self.fresh_like(axes.layout(keepdim), dtype)?;
        self.backend().reduce(op, &self.read(name)?, &axes.reduced[..self.dim()], &mut out.write_fresh())?;
        Ok(out)
    }

    fn sum_axes(&self, axes: Axes, keepdim: bool, node: &'static str) -> Result<Tensor> {
        let dtype = self.dtype().to_sum();
        let out = self.reduced("sum", ReduceOp::Sum, &axes, keepdim, dtype)?;
        Ok(out.record(node, [self], [], move |[], [_], g| Ok([Some(axes.spread(g)?)])))
    }

    /// The sum of all elements. Integers and bool give int64.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// assert_eq!(Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]).sum().item::<f32>(), 10.0);
    /// ```
    #[op]
    pub fn try_sum(&self) -> Result<Tensor> {
        self.sum_axes(Axes::all(self), false, "SumBackward0")
    }

    /// The sum over the dimensions `dims`, which stay with size 1 if `keepdim`; `()` means all.
    ///
    /// # Errors
    /// If there is no such dimension, or one is named twice.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.sum_dim(0, false).to_vec::<f32>(), [4.0, 6.0]);
    /// assert_eq!(x.sum_dim([0, 1], true).shape(), [1, 1]);
    /// ```
    #[op]
    pub fn try_sum_dim(&self, dims: impl Into<Dims>, keepdim: bool) -> Result<Tensor> {
        self.sum_axes(Axes::new("sum", self, dims.into())?, keepdim, "SumBackward1")
    }

    fn mean_axes(&self, axes: Axes, keepdim: bool, node: &'static str) -> Result<Tensor> {
        want_float("mean", self)?;
        let out = self.reduced("mean", ReduceOp::Mean, &axes, keepdim, self.dtype())?;
        Ok(out.record(node, [self], [], move |[], [_], g| {
            // Without elements there is nothing to spread to, and nothing may become nan on the way.
            Ok([Some(axes.spread(&g.try_div(axes.count().max(1))?)?)])
        }))
    }

    /// The mean of all elements; nan if there are none.
    ///
    /// # Errors
    /// If the elements are no floating point numbers.
    #[op]
    pub fn try_mean(&self) -> Result<Tensor> {
        self.mean_axes(Axes::all(self), false, "MeanBackward0")
    }

    /// The mean over the dimensions `dims`, which stay with size 1 if `keepdim`; `()` means all.
    ///
    /// # Errors
    /// If the elements are no floating point numbers, or there is no such dimension.
    #[op]
    pub fn try_mean_dim(&self, dims: impl Into<Dims>, keepdim: bool) -> Result<Tensor> {
        self.mean_axes(Axes::new("mean", self, dims.into())?, keepdim, "MeanBackward1")
    }

    /// The product of all elements. Integers and bool give int64.
    #[op]
    pub fn try_prod(&self) -> Result<Tensor> {
        let dtype = self.dtype().to_sum();
        let axes = Axes::all(self);
        let out = self.reduced("prod", ReduceOp::Prod, &axes, false, dtype)?;
        Ok(out.record("ProdBackward0", [self], [Save::Input(self)], move |[x], [_], g| {
            // The product of the others, exact where elements are 0: the product with each element replaced by 1 in turn.
            let flat = x.try_reshape([-1])?;
            let n = flat.numel();
            if n == 0 {
                return Ok([Some(x.try_zeros_like()?)]);
            }
            let ones = flat.try_ones_like()?;
            let others = (0..n as isize)
                .map(|i| {
                    let mask =
                        crate::TensorOptions::new().device(flat.device()).try_arange(0, n, 1)?.try_eq(i as i64)?;
                    ones.try_where(&mask, &flat)?.try_prod()
                })
                .collect::<Result<Vec<_>>>()?;
            let slopes = Tensor::try_stack(&others.iter().collect::<Vec<_>>(), 0)?;
            Ok([Some(slopes.try_mul(g)?.try_reshape(axes.sizes.list())?)])
        }))
    }

    fn want_elements(&self, op: &'static str, axes: &Axes) -> Result<()> {
        if axes.count() > 0 || axes.layout(false).numel() == 0 {
            return Ok(());
        }
        Err(Error::shape(
            op,
            format!("has no identity, so it wants at least one element, but got shape {:?}", self.shape()),
        ))
    }

    fn extreme_axes(
        &self,
        name: &'static str,
        op: ReduceOp,
        axes: Axes,
        keepdim: bool,
        node: &'static str,
    ) -> Result<Tensor> {
        self.want_elements(name, &axes)?;
        let out = self.reduced(name, op, &axes, keepdim, self.dtype())?;
        let saves = [Save::Input(self), Save::Output];
        Ok(out.record(node, [self], saves, move |[x, y], [_], g| {
            // Shared by all elements that are the extreme.
            let y = axes.kept(&y)?;
            let hits = x.try_eq(&y)?.try_logical_or(&x.try_isnan()?.try_logical_and(&y.try_isnan()?)?)?;
            let hits = hits.try_to_dtype(x.dtype())?;
            let count = hits.try_sum_dim(axes.dims(), true)?;
            Ok([Some(axes.kept(g)?.try_div(&count)?.try_mul(&hits)?)])
        }))
    }

    /// The largest of all elements; nan if there is one. Equal ones share the gradient.
    ///
    /// # Errors
    /// If there are no elements.
    #[op]
    pub fn try_max(&self) -> Result<Tensor> {
        self.extreme_axes("max", ReduceOp::Max, Axes::all(self), false, "MaxBackward1")
    }

    /// The smallest of all elements; nan if there is one. Equal ones share the gradient.
    ///
    /// # Errors
    /// If there are no elements.
    #[op]
    pub fn try_min(&self) -> Result<Tensor> {
        self.extreme_axes("min", ReduceOp::Min, Axes::all(self), false, "MinBackward1")
    }

    /// The largest elements over the dimensions `dims`. Equal ones share the gradient.
    ///
    /// # Errors
    /// If there is no such dimension, or it has no elements.
    #[op]
    pub fn try_amax(&self, dims: impl Into<Dims>, keepdim: bool) -> Result<Tensor> {
        self.extreme_axes("amax", ReduceOp::Max, Axes::new("amax", self, dims.into())?, keepdim, "AmaxBackward0")
    }

    /// The smallest elements over the dimensions `dims`. Equal ones share the gradient.
    ///
    /// # Errors
    /// If there is no such dimension, or it has no elements.
    #[op]
    pub fn try_amin(&self, dims: impl Into<Dims>, keepdim: bool) -> Result<Tensor> {
        self.extreme_axes("amin", ReduceOp::Min, Axes::new("amin", self, dims.into())?, keepdim, "AminBackward0")
    }

    fn with_indices(
        &self,
        name: &'static str,
        largest: bool,
        dim: isize,
        keepdim: bool,
        node: &'static str,
    ) -> Result<(Tensor, Tensor)> {
        let at = wrap_dim(name, dim, self.dim())?;
        if self.dim() == 0 {
            return Ok((
                self.clone(),
                Tensor::fresh_like(self, Layout::contiguous(&[]), DType::I64)?.try_zeros_like()?,
            ));
        }
        let axes = Axes::new(name, self, Dims::from(at))?;
        self.want_elements(name, &axes)?;
        let layout = axes.layout(keepdim);
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

    /// The largest elements along `dim` and their indices (the first of equals; nan counts as largest).
    ///
    /// # Errors
    /// If there is no such dimension, or it has no elements.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let (values, indices) = Tensor::from([[1.0f32, 5.0], [7.0, 2.0]]).max_dim(1, false);
    /// assert_eq!((values.to_vec::<f32>(), indices.to_vec::<i64>()), (vec![5.0, 7.0], vec![1, 0]));
    /// ```
    #[op]
    pub fn try_max_dim(&self, dim: isize, keepdim: bool) -> Result<(Tensor, Tensor)> {
        self.with_indices("max", true, dim, keepdim, "MaxBackward0")
    }

    /// The smallest elements along `dim` and their indices (the first of equals; nan counts as smallest).
    ///
    /// # Errors
    /// If there is no such dimension, or it has no elements.
    #[op]
    pub fn try_min_dim(&self, dim: isize, keepdim: bool) -> Result<(Tensor, Tensor)> {
        self.with_indices("min", false, dim, keepdim, "MinBackward0")
    }

    /// The index of the largest of all elements, in row-major order.
    ///
    /// # Errors
    /// If there are no elements, or they are bool.
    #[op]
    pub fn try_argmax(&self) -> Result<Tensor> {
        self.argument("argmax", true, None, false)
    }

    /// The index of the smallest of all elements, in row-major order.
    ///
    /// # Errors
    /// If there are no elements, or they are bool.
    #[op]
    pub fn try_argmin(&self) -> Result<Tensor> {
        self.argument("argmin", false, None, false)
    }

    /// The indices of the largest elements along `dim`.
    ///
    /// # Errors
    /// If there is no such dimension, or it has no elements.
    #[op]
    pub fn try_argmax_dim(&self, dim: isize, keepdim: bool) -> Result<Tensor> {
        self.argument("argmax", true, Some(dim), keepdim)
    }

    /// The indices of the smallest elements along `dim`.
    ///
    /// # Errors
    /// If there is no such dimension, or it has no elements.
    #[op]
    pub fn try_argmin_dim(&self, dim: isize, keepdim: bool) -> Result<Tensor> {
        self.argument("argmin", false, Some(dim), keepdim)
    }

    /// The index of the extreme along `dim`, or of all elements in row-major order.
    fn argument(&self, name: &'static str, largest: bool, dim: Option<isize>, keepdim: bool) -> Result<Tensor> {
        if self.dtype() == DType::Bool {
            return Err(unsupported(name, DType::Bool));
        }
        let x = self.detach();
        let x = if dim.is_some() { x } else { x.try_reshape([x.numel()])? };
        Ok(x.with_indices(name, largest, dim.unwrap_or(0), keepdim, "")?.1)
    }

    fn var_axes(&self, axes: Axes, correction: f64, keepdim: bool) -> Result<Tensor> {
        want_float("var", self)?;
        let out = self.fresh_like(axes.layout(keepdim), self.dtype())?;
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

    fn std_axes(&self, axes: Axes, correction: f64, keepdim: bool) -> Result<Tensor> {
        want_float("std", self)?;
        let out = self.detach().var_axes(axes, correction, keepdim)?.try_sqrt()?;
        let saves = [Save::Input(self), Save::Output];
        Ok(out.record("StdBackward0", [self], saves, move |[x, y], [_], g| {
            let of_var = g.try_div(&scaled(&y, 2.0)?)?.try_masked_fill(&y.try_eq(0)?, 0.0)?;
            Ok([Some(var_grad(&x, &of_var, axes, correction)?)])
        }))
    }

    /// The variance of all elements: squared deviations from the mean, divided by their number less `correction` (1: unbiased
    /// estimate, PyTorch's default; 0: of the population).
    ///
    /// # Errors
    /// If the elements are no floating point numbers.
    #[op]
    pub fn try_var(&self, correction: f64) -> Result<Tensor> {
        self.var_axes(Axes::all(self), correction, false)
    }

    /// The variance over the dimensions `dims`, see [`var`](Tensor::var).
    ///
    /// # Errors
    /// If the elements are no floating point numbers, or there is no such dimension.
    #[op]
    pub fn try_var_dim(&self, dims: impl Into<Dims>, correction: f64, keepdim: bool) -> Result<Tensor> {
        self.var_axes(Axes::new("var", self, dims.into())?, correction, keepdim)
    }

    /// The standard deviation of all elements: the square root of [`var`](Tensor::var).
    ///
    /// # Errors
    /// If the elements are no floating point numbers.
    #[op]
    pub fn try_std(&self, correction: f64) -> Result<Tensor> {
        self.std_axes(Axes::all(self), correction, false)
    }

    /// The standard deviation over the dimensions `dims`, see [`std`](Tensor::std).
    ///
    /// # Errors
    /// If the elements are no floating point numbers, or there is no such dimension.
    #[op]
    pub fn try_std_dim(&self, dims: impl Into<Dims>, correction: f64, keepdim: bool) -> Result<Tensor> {
        self.std_axes(Axes::new("std", self, dims.into())?, correction, keepdim)
    }

    /// Whether any element is true (not zero): bool, of uint8 uint8.
    #[op]
    pub fn try_any(&self) -> Result<Tensor> {
        self.truth("any", ReduceOp::Any)
    }

    /// Whether all elements are true (not zero): bool, of uint8 uint8.
    #[op]
    pub fn try_all(&self) -> Result<Tensor> {
        self.truth("all", ReduceOp::All)
    }

    fn truth(&self, name: &'static str, op: ReduceOp) -> Result<Tensor> {
        let out = self.reduced(name, op, &Axes::all(self), false, DType::Bool)?;
        if self.dtype() == DType::U8 { out.try_to_dtype(DType::U8) } else { Ok(out) }
    }
}

/// `2 / (n - correction) * (x - mean) * g`.
fn var_grad(x: &Tensor, g: &Tensor, axes: Axes, correction: f64) -> Result<Tensor> {
    let dims = axes.dims();
    let deviation = if dims.is_empty() { x.try_sub(x)? } else { x.try_sub(&x.try_mean_dim(dims, true)?)? };
    let factor = 2.0 / (axes.count() as f64 - correction);
    axes.kept(&scaled(g, factor)?)?.try_mul(&deviation)
}
