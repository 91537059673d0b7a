//! Changes of a tensor's history after its creation: leaves that begin to require gradients, in-place operations, and views
//! of a tensor that was changed.
//!
//! Most tensors keep one history, which is stored in the handle and costs nothing to read. All others use [`RareState`], which is
//! allocated lazily.
//!
//! Views and their base share memory, so a change through one of them must show in the history of both. All views of a
//! tensor refer to the same root. When the memory is changed through a view, the root gets a node that combines its previous history
//! with that of the changed part; every view compares its epoch with that of the root, and if it is outdated rebuilds its history as
//! a strided view of the root.

use super::node::{Edge, GradFn, Leaf, Node, Save, grad_if, lock};
use crate::tensor::{Inner, Layout};
use crate::{Error, Result, Tensor};
use rushlight_macros::op;
use std::sync::atomic::Ordering::*;
use std::sync::{Arc, Mutex};

/// Autograd state that most tensors never need; allocated lazily.
#[derive(Default)]
pub(crate) struct RareState {
    /// The current history, if it is not the one from the tensor's creation.
    history: Mutex<Edge>,
    /// The gradient kept by `retain_grad` or set by `set_grad`.
    pub(crate) grad: Arc<Mutex<Option<Tensor>>>,
    /// The hook of `retain_grad`, registered on the newest history.
    retain_grad_hook: Mutex<Option<u64>>,
    /// The node of a leaf that temporarily does not require a gradient, which keeps its hooks.
    frozen_accumulator: Mutex<Edge>,
}

impl RareState {
    /// Replaces the history `before` by `edge`.
    fn replace(&self, before: Edge, edge: Edge) {
        let mut retain_grad_hook = lock(&self.retain_grad_hook);
        if let (Some(before), Some(number)) = (before, retain_grad_hook.take()) {
            before.remove_hook(number);
            *retain_grad_hook = edge.as_ref().map(|node| self.keep_grad(node));
        }
        *lock(&self.history) = edge;
    }

    fn keep_grad(&self, node: &Node) -> u64 {
        let slot = self.grad.clone();
        // After all hooks, as in PyTorch, whenever they are registered.
        node.add_last_hook(move |grad| {
            *lock(&slot) = Some(grad.clone());
            None
        })
    }
}

impl Inner {
    fn set_history(&self, edge: Edge) {
        self.ext().replace(self.own_edge(), edge);
        self.changed.store(true, Release);
    }

    /// The history as last set, which a change of the base may have made outdated.
    fn own_edge(&self) -> Edge {
        if self.changed.load(Acquire) { lock(&self.ext().history).clone() } else { self.grad_fn.clone() }
    }

    /// The history of a tensor whose handle does not hold it.
    #[cold]
    fn slow_edge(&self) -> Edge {
        if let Some(root) = &self.base {
            let epoch = root.0.epoch.load(Acquire);
            if self.seen.load(Acquire) != epoch {
                let edge = root.edge().and_then(|_| root.strided_node(&self.layout));
                self.set_history(edge.clone());
                self.seen.store(epoch, Release);
                return edge;
            }
        }
        self.own_edge()
    }

    #[inline]
    fn is_stale(&self) -> bool {
        self.base.as_ref().is_some_and(|root| root.0.epoch.load(Acquire) != self.seen.load(Acquire))
    }

    #[inline]
    fn plain(&self) -> bool {
        !self.changed.load(Acquire) && !self.is_stale()
    }
}

impl Tensor {
    /// The node that computed this tensor, or the accumulator of a leaf that requires a gradient.
    #[inline]
    pub(crate) fn edge(&self) -> Edge {
        if self.0.plain() { self.0.grad_fn.clone() } else { self.0.slow_edge() }
    }

    /// Returns whether gradients are computed for this tensor: it is a leaf that requires a gradient, or was computed from one.
    #[inline]
    pub fn requires_grad(&self) -> bool {
        if self.0.plain() { self.0.grad_fn.is_some() } else { self.0.slow_edge().is_some() }
    }

    /// Returns whether this tensor is a leaf of the graph: created by the user, or computed without recording.
    pub fn is_leaf(&self) -> bool {
        self.edge().is_none_or(|node| node.op.leaf().is_some())
    }

    /// Returns the node of the graph that this tensor was recorded as the output of; `None` for a leaf.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::ones([2]).requires_grad_(true);
    /// assert_eq!((&x + 1).grad_fn().unwrap().to_string(), "<AddBackward0>");
    /// assert!(x.grad_fn().is_none());
    /// ```
    pub fn grad_fn(&self) -> Option<GradFn> {
        self.edge().filter(|node| node.op.leaf().is_none()).map(GradFn)
    }

    /// Sets whether operations on this leaf are recorded and gradients accumulate in it, and returns the same tensor.
    ///
    /// # Panics
    /// If `required` and the elements are not floating-point, or if this is not a leaf and `required` is false.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let w = Tensor::zeros([1]).requires_grad_(true);
    /// (&w * 2.0).sum().backward();
    /// assert_eq!(w.grad().unwrap().item_as::<f32>(), 2.0);
    /// ```
    #[track_caller]
    pub fn requires_grad_(&self, required: bool) -> Tensor {
        crate::error::ok(self.try_requires_grad_(required))
    }

    /// [`requires_grad_`](Tensor::requires_grad_) that returns an error instead of panicking.
    ///
    /// # Errors
    /// If `required` and the elements are not floating-point, or if this is not a leaf and `required` is false.
    pub fn try_requires_grad_(&self, required: bool) -> Result<Tensor> {
        if required && !self.dtype().is_float() {
            return Err(Error::dtype(
                "requires_grad_",
                format!(
                    "expected a floating-point tensor, the only kind that can require gradients, got {}",
                    self.dtype()
                ),
            ));
        }
        let edge = self.edge();
        if edge.as_ref().is_some_and(|node| node.op.leaf().is_none()) {
            if !required {
                return Err(Error::autograd(
                    "requires_grad_",
                    "expected a leaf, got a computed tensor: only a leaf can stop requiring a gradient; use detach()",
                ));
            }
        } else if edge.is_some() != required {
            let grad = self.grad();
            self.put_grad(None);
            let frozen_accumulator = std::mem::replace(&mut *lock(&self.0.ext().frozen_accumulator), edge);
            let node = || frozen_accumulator.unwrap_or_else(|| Node::make("AccumulateGrad", Leaf::default()));
            self.0.set_history(required.then(node));
            self.put_grad(grad);
        }
        Ok(self.clone())
    }

    /// The same memory as a new leaf that requires a gradient.
    pub(crate) fn to_leaf(&self) -> Tensor {
        self.detach().with_grad_fn(Some(Node::make("AccumulateGrad", Leaf::default())))
    }

    /// Returns the same memory without the history: a tensor that does not require a gradient.
    #[inline]
    pub fn detach(&self) -> Tensor {
        Tensor::from_parts(self.0.storage.clone(), self.0.layout, self.0.dtype, None, None)
    }

    /// Returns the gradient that has accumulated in this leaf, or that [`retain_grad`](Tensor::retain_grad) kept.
    pub fn grad(&self) -> Option<Tensor> {
        match self.edge() {
            Some(node) if node.op.leaf().is_some() => node.op.leaf().and_then(|leaf| lock(&leaf.grad).clone()),
            _ => self.0.ext.get().and_then(|ext| lock(&ext.grad).clone()),
        }
    }

    /// Replaces the gradient; `None` clears it.
    ///
    /// # Errors
    /// If the shape or dtype of the gradient differs from that of this tensor, or the gradient is this tensor.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let w = Tensor::zeros([2]).requires_grad_(true);
    /// w.set_grad(Some(Tensor::ones([2])));
    /// assert_eq!(w.grad().unwrap().to_vec::<f32>(), [1.0, 1.0]);
    /// ```
    #[op(torch = "-")]
    pub fn try_set_grad(&self, grad: Option<Tensor>) -> Result<()> {
        let op = "set_grad";
        if let Some(grad) = &grad {
            if grad.shape() != self.shape() {
                let message =
                    format!("expected a gradient of the tensor's shape {:?}, got {:?}", self.shape(), grad.shape());
                return Err(Error::shape(op, message));
            }
            if grad.dtype() != self.dtype() {
                let message = format!(
                    "expected a gradient of the tensor's dtype {}, got {}; to_dtype converts",
                    self.dtype(),
                    grad.dtype()
                );
                return Err(Error::dtype(op, message));
            }
            if Arc::ptr_eq(&grad.0, &self.0) {
                return Err(Error::autograd(op, "expected a gradient other than the tensor itself; use detach()"));
            }
        }
        self.put_grad(grad);
        Ok(())
    }

    fn put_grad(&self, grad: Option<Tensor>) {
        match self.edge() {
            Some(node) if node.op.leaf().is_some() => {
                if let Some(leaf) = node.op.leaf() {
                    *lock(&leaf.grad) = grad;
                }
            }
            _ => *lock(&self.0.ext().grad) = grad,
        }
    }

    /// Clears the gradient: PyTorch's `zero_grad` with its default `set_to_none=True`.
    pub fn zero_grad(&self) {
        self.put_grad(None);
    }

    /// Keeps the gradient of this non-leaf tensor in backward passes, as `grad` of it.
    pub fn retain_grad(&self) {
        if let Some(node) = self.edge().filter(|node| node.op.leaf().is_none()) {
            let ext = self.0.ext();
            lock(&ext.retain_grad_hook).get_or_insert_with(|| ext.keep_grad(&node));
        }
    }

    /// Whether this is the only handle to the tensor's memory.
    pub(crate) fn is_unshared(&self) -> bool {
        Arc::strong_count(&self.0) == 1
            && Arc::strong_count(&self.0.storage) == 1
            && self.0.layout.is_dense()
            && self.0.grad_fn.is_none()
            && self.0.plain()
            && (!self.is_sparse() || self.owns_parts())
    }

    /// Whether a change of this tensor's memory affects a gradient.
    #[inline]
    pub(crate) fn has_history(&self) -> bool {
        self.requires_grad() || self.0.base.as_ref().is_some_and(Tensor::requires_grad)
    }

    /// Returns an error for an in-place operation that would be recorded on a leaf, on a view of one, or on a view taken without recording.
    pub(crate) fn check_in_place(&self, op: &'static str) -> Result<()> {
        let requires_leaf = |tensor: &Tensor| tensor.edge().is_some_and(|node| node.op.leaf().is_some());
        let what = if requires_leaf(self) {
            "a leaf that requires a gradient"
        } else if self.0.base.as_ref().is_some_and(requires_leaf) {
            "a view of a leaf that requires a gradient"
        } else if self.has_history() && !self.requires_grad() {
            "a view, taken under no_grad, of a tensor that requires a gradient"
        } else if self.0.base.as_ref().is_some_and(|root| !root.0.layout.is_non_overlapping()) {
            "a view of a tensor with several elements in the same memory location"
        } else {
            return Ok(());
        };
        Err(Error::autograd(
            op,
            format!(
                "{what} (shape {:?}) cannot be changed in-place while gradients are recorded; wrap the change in no_grad",
                self.shape()
            ),
        ))
    }

    /// Sets the new history of this tensor after its memory was changed, and updates its base and views.
    pub(crate) fn rebase(&self, edge: Edge) {
        match &self.0.base {
            None => {
                self.0.set_history(edge);
                self.0.epoch.fetch_add(1, AcqRel);
            }
            Some(root) => {
                let part = self.0.layout;
                let history = root.copy_slices(part, edge);
                root.0.set_history(history);
                root.0.epoch.fetch_add(1, AcqRel);
            }
        }
    }

    /// The node that combines the previous history of `self` with `edge`, the history of `part`.
    fn copy_slices(&self, part: Layout, edge: Edge) -> Edge {
        let before = self.edge();
        if before.is_none() && edge.is_none() {
            return None;
        }
        let whole = self.0.layout;
        let op = CopySlices { edges: [before, edge], whole, part };
        Some(Node::make("CopySlices", op))
    }

    /// The node of a strided view of this root with its current history.
    fn strided_node(&self, part: &Layout) -> Edge {
        let (whole, part) = (self.0.layout, *part);
        let out = Tensor::from_parts(self.0.storage.clone(), part, self.0.dtype, None, None);
        let _mode = super::EnableGrad::new();
        out.record("AsStridedBackward0", [self], [] as [Save<'_>; 0], move |[], [_], g| {
            Ok([Some(put_back(g, &whole, &part)?)])
        })
        .edge()
    }
}

/// The gradient of `whole` that is `grad` at `part` and zero elsewhere. Elements that `part` repeats are summed.
pub(crate) fn put_back(grad: &Tensor, whole: &Layout, part: &Layout) -> Result<Tensor> {
    copied_into(&Tensor::zeros_spanning(grad, whole)?, &relative(whole, part), grad)
}

/// The layout of `part` relative to a new storage that holds only `whole`.
fn relative(whole: &Layout, part: &Layout) -> Layout {
    Layout::strided(part.dims(), part.strides(), part.offset() - whole.offset())
}

/// `whole` with `grad` added at `part`. Differentiable with respect to `grad`; `whole` is newly allocated and consumed.
pub(crate) fn copied_into(whole: &Tensor, part: &Layout, grad: &Tensor) -> Result<Tensor> {
    whole.accumulate_strided(part, grad)?;
    let (whole_layout, part) = (whole.0.layout, *part);
    Ok(whole.clone().record("AsStridedBackwardBackward0", [grad], [] as [Save<'_>; 0], move |[], [_], g| {
        // The gradient of adding at a part is the part of the gradient.
        let g = if g.0.layout.same_elements(&whole_layout) && g.0.layout.offset() == 0 {
            g.clone()
        } else {
            g.clone_strided(&whole_layout)?
        };
        let strided = Layout::strided(part.dims(), part.strides(), part.offset() + g.0.layout.offset());
        Ok([Some(g.try_view_as_strided(strided)?)])
    }))
}

/// See [`Tensor::copy_slices`].
struct CopySlices {
    edges: [Edge; 2],
    whole: Layout,
    part: Layout,
}

impl super::node::Backward for CopySlices {
    fn edges(&self) -> &[Edge] {
        &self.edges
    }

    fn run(&self, _: &Arc<Node>, grad: &Tensor, _: bool, out: &mut Vec<Option<Tensor>>) -> Result<()> {
        let own = grad.clone_strided(&self.whole)?;
        let part = relative(&self.whole, &self.part);
        let of_part = grad_if(self.edges[1].is_some(), || own.try_view_as_strided(part)?.try_contiguous_copy())?;
        let before = grad_if(self.edges[0].is_some(), || {
            own.try_view_as_strided(part)?.try_fill_(0.0)?;
            Ok(own.clone())
        })?;
        out.extend([before, of_part]);
        Ok(())
    }
}

impl Drop for CopySlices {
    fn drop(&mut self) {
        super::node::drop_links(&mut self.edges, &mut []);
    }
}
