//! Hooks: user functions called during a backward pass.
//!
//! Hooks on the gradient of a tensor are stored in the node that the gradient arrives at, and run before it is propagated. Hooks that
//! run after a leaf has accumulated its gradient are stored in the leaf.

use super::node::{Leaf, Node, lock, next_seq};
use crate::{Error, Result, Tensor};
use rushlight_macros::op;
use std::sync::{Arc, Mutex, OnceLock, Weak};

/// A function that receives a gradient and may replace it.
type GradHook = dyn Fn(&Tensor) -> Option<Tensor> + Send + Sync;

/// A function that receives a leaf after it has accumulated a gradient.
type LeafHook = dyn Fn(&Arc<Node>) + Send + Sync;

struct Entry<F: ?Sized> {
    id: u64,
    /// Whether the hook runs after hooks added later.
    last: bool,
    hook: Arc<F>,
}

/// Hooks in the order in which they run. An empty list, the usual case, costs one load.
pub(crate) struct Hooks<F: ?Sized>(OnceLock<Box<Mutex<Vec<Entry<F>>>>>);

impl<F: ?Sized> Default for Hooks<F> {
    fn default() -> Self {
        Hooks(OnceLock::new())
    }
}

impl<F: ?Sized> Hooks<F> {
    fn add(&self, hook: Arc<F>, last: bool) -> u64 {
        let id = next_seq();
        let mut list = lock(self.0.get_or_init(Default::default));
        let place = if last { list.len() } else { list.partition_point(|entry| !entry.last) };
        list.insert(place, Entry { id, last, hook });
        id
    }

    fn remove(&self, id: u64) {
        if let Some(list) = self.0.get() {
            let gone = {
                let mut list = lock(list);
                list.iter().position(|entry| entry.id == id).map(|place| list.remove(place))
            };
            drop(gone); // outside the lock: dropping the hook may remove other hooks
        }
    }

    /// A snapshot of the hooks. They are not called under the lock: a hook may add or remove hooks, or traverse the same graph.
    #[inline]
    fn all(&self) -> Vec<Arc<F>> {
        self.0.get().map_or_else(Vec::new, |list| lock(list).iter().map(|entry| entry.hook.clone()).collect())
    }
}

/// The hooks of a node.
pub(crate) type GradHooks = Hooks<GradHook>;

/// The hooks of a leaf.
pub(crate) type LeafHooks = Hooks<LeafHook>;

/// A handle that removes a hook of [`Tensor::register_hook`]; dropping it keeps the hook registered.
#[derive(Clone, Debug)]
pub struct RemovableHandle {
    id: u64,
    node: Weak<Node>,
}

impl RemovableHandle {
    /// Removes the hook, if it is still registered.
    pub fn remove(&self) {
        if let Some(node) = self.node.upgrade() {
            node.remove_hook(self.id);
            if let Some(leaf) = node.op.leaf() {
                leaf.hooks.remove(self.id);
            }
        }
    }
}

impl Node {
    /// Adds a hook that runs after all others, and returns the id to remove it by.
    pub(crate) fn add_last_hook(&self, hook: impl Fn(&Tensor) -> Option<Tensor> + Send + Sync + 'static) -> u64 {
        self.hooks.add(Arc::new(hook), true)
    }

    pub(crate) fn remove_hook(&self, id: u64) {
        self.hooks.remove(id);
    }

    /// The gradient after all hooks.
    #[inline]
    pub(crate) fn hooked(&self, grad: Tensor) -> Result<Tensor> {
        self.hooks.all().iter().try_fold(grad, |grad, hook| match hook(&grad) {
            Some(new) if (new.dtype(), new.shape()) != (grad.dtype(), grad.shape()) => Err(Error::autograd(
                "backward",
                format!(
                    "expected a hook to return a gradient of dtype {} and shape {:?}, got {} and {:?}",
                    grad.dtype(),
                    grad.shape(),
                    new.dtype(),
                    new.shape()
                ),
            )),
            new => Ok(new.unwrap_or(grad)),
        })
    }
}

impl Leaf {
    /// Calls the hooks for a gradient that has been added.
    #[inline]
    pub(crate) fn accumulated(&self, node: &Arc<Node>) {
        self.hooks.all().iter().for_each(|hook| hook(node));
    }
}

impl Tensor {
    fn hooked_node(&self, op: &'static str) -> Result<Arc<Node>> {
        self.edge().ok_or_else(|| {
            Error::autograd(
                op,
                format!(
                    "expected a tensor that requires a gradient, got one of shape {:?} that does not",
                    self.shape()
                ),
            )
        })
    }

    /// Calls `hook` with the gradient of this tensor whenever a backward pass computes it, before the gradient is
    /// propagated; a returned tensor replaces the gradient. Hooks run in order of registration, each on the result of the previous
    /// one. See
    /// [`torch.Tensor.register_hook`](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.register_hook.html).
    ///
    /// The hook belongs to the node of the graph that the gradient arrives at, and this tensor holds that node. So a hook that captures
    /// the tensor itself, or a layer that holds it, is never freed: the node holds the hook, the hook the tensor, and the tensor the
    /// node. Capture `detach()` of the tensor, which shares its memory but not its node, or a `Weak` reference to the layer, or
    /// [remove](RemovableHandle::remove) the hook when it is no longer needed.
    ///
    /// # Errors
    /// If this tensor does not require a gradient.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0]).requires_grad_(true);
    /// let handle = x.register_hook(|grad| Some(grad * 10.0));
    /// x.sum().backward();
    /// assert_eq!(x.grad().unwrap().to_vec::<f32>(), [10.0, 10.0]);
    /// handle.remove();
    /// ```
    #[op(torch = "register_hook(self, hook)")]
    pub fn try_register_hook(
        &self,
        hook: impl Fn(&Tensor) -> Option<Tensor> + Send + Sync + 'static,
    ) -> Result<RemovableHandle> {
        let node = self.hooked_node("register_hook")?;
        Ok(RemovableHandle { id: node.hooks.add(Arc::new(hook), false), node: Arc::downgrade(&node) })
    }

    /// Calls `hook` with this leaf whenever a backward pass has added to its [`grad`](Tensor::grad): for example to
    /// step an optimizer before the other gradients are computed. See
    /// [`torch.Tensor.register_post_accumulate_grad_hook`](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.register_post_accumulate_grad_hook.html).
    ///
    /// # Errors
    /// If this tensor does not require a gradient, or is not a leaf.
    ///
    /// ```
    /// use rushlight::{Tensor, no_grad};
    /// let w = Tensor::from([1.0f32, 2.0]).requires_grad_(true);
    /// w.register_post_accumulate_grad_hook(|w| {
    ///     no_grad(|| w.add_scaled_(&w.grad().unwrap(), -0.1));
    ///     w.zero_grad();
    /// });
    /// (&w * 5.0).sum().backward();
    /// assert_eq!(w.to_vec::<f32>(), [0.5, 1.5]);
    /// assert!(w.grad().is_none());
    /// ```
    #[op(torch = "register_post_accumulate_grad_hook(self, hook)")]
    pub fn try_register_post_accumulate_grad_hook(
        &self,
        hook: impl Fn(&Tensor) + Send + Sync + 'static,
    ) -> Result<RemovableHandle> {
        let op = "register_post_accumulate_grad_hook";
        let node = self.hooked_node(op)?;
        let Some(leaf) = node.op.leaf() else {
            let message =
                format!("expected a leaf, got the output of {}; use register_hook to see its gradient", node.name);
            return Err(Error::autograd(op, message));
        };
        // Not the tensor itself, which holds the node: the hook would keep its own node alive.
        let (storage, layout, dtype) = (self.0.storage.clone(), self.0.layout, self.0.dtype);
        let hook = move |node: &Arc<Node>| {
            hook(&Tensor::from_parts(storage.clone(), layout, dtype, None, Some(node.clone())));
        };
        Ok(RemovableHandle { id: leaf.hooks.add(Arc::new(hook), false), node: Arc::downgrade(&node) })
    }
}
