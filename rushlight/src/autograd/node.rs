//! Nodes of the graph: one allocation each, holding edges, saved tensors and the derivative.

use super::hooks::{GradHooks, LeafHooks};
use super::is_grad_enabled;
use crate::{Error, Result, Tensor};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// A reference to the node that receives a gradient; `None` if no gradient is needed.
pub(crate) type Edge = Option<Arc<Node>>;

/// A recorded operation, or a leaf.
pub(crate) struct Node<B: ?Sized = dyn Backward> {
    /// The sequence number at creation. Edges always lead to older nodes.
    pub(crate) seq: u64,
    /// PyTorch's name, such as `AddBackward0`.
    pub(crate) name: &'static str,
    pub(super) hooks: GradHooks,
    pub(crate) op: B,
}

/// A node of the graph, as returned by [`Tensor::grad_fn`]. It prints as in PyTorch: `<AddBackward0>`.
#[derive(Clone)]
pub struct GradFn(pub(super) Arc<Node>);

impl GradFn {
    /// PyTorch's name of the recorded operation, such as `AddBackward0`.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// Returns the nodes that the gradients of the operation's inputs go to; `None` for an input that does not require a gradient.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::ones([2]).requires_grad_(true);
    /// let y = x.exp() * 2;
    /// let before = y.grad_fn().unwrap().next_functions();
    /// assert_eq!(before[0].as_ref().unwrap().name(), "ExpBackward0");
    /// ```
    pub fn next_functions(&self) -> Vec<Option<GradFn>> {
        self.0.op.edges().iter().map(|edge| edge.clone().map(GradFn)).collect()
    }
}

impl fmt::Display for GradFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.name())
    }
}

impl fmt::Debug for GradFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The interface of nodes to the engine.
pub(crate) trait Backward: Send + Sync {
    /// The receivers of the gradients, in the order in which `run` returns them.
    fn edges(&self) -> &[Edge];

    /// Computes the gradients for the edges from the gradient of the output, and pushes one for each edge to `out`.
    fn run(&self, node: &Arc<Node>, grad: &Tensor, keep: bool, out: &mut Vec<Option<Tensor>>) -> Result<()>;

    /// The accumulator, if the node is that of a leaf.
    fn leaf(&self) -> Option<&Leaf> {
        None
    }
}

pub(super) fn next_seq() -> u64 {
    static SEQ: AtomicU64 = AtomicU64::new(0);
    SEQ.fetch_add(1, Relaxed)
}

pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<B: Backward + 'static> Node<B> {
    #[inline]
    pub(crate) fn make(name: &'static str, op: B) -> Arc<Node> {
        Arc::new(Node { seq: next_seq(), name, hooks: GradHooks::default(), op })
    }
}

/// The end of the graph at a leaf: accumulates the gradient of the leaf.
#[derive(Default)]
pub(crate) struct Leaf {
    pub(crate) grad: Mutex<Option<Tensor>>,
    pub(super) hooks: LeafHooks,
}

impl Backward for Leaf {
    fn edges(&self) -> &[Edge] {
        &[]
    }

    fn run(&self, _: &Arc<Node>, _: &Tensor, _: bool, _: &mut Vec<Option<Tensor>>) -> Result<()> {
        Ok(())
    }

    fn leaf(&self) -> Option<&Leaf> {
        Some(self)
    }
}

/// A tensor saved for the backward pass.
#[derive(Clone, Copy)]
pub(crate) enum Save<'a> {
    /// An input of the operation.
    Input(&'a Tensor),
    /// The operation's own output.
    Output,
    /// No tensor: the derivative that would use it is not needed.
    Nothing,
}

impl<'a> Save<'a> {
    /// Saves `tensor` if `other`, whose gradient is the only one that uses it, requires a gradient.
    #[inline]
    pub(crate) fn for_grad_of(tensor: &'a Tensor, other: &Tensor) -> Save<'a> {
        if other.requires_grad() { Save::Input(tensor) } else { Save::Nothing }
    }
}

/// A saved tensor, and the version of its contents when it was saved.
pub(super) struct Saved {
    tensor: Option<Tensor>,
    version: u32,
    /// Whether it is the node's own output, which is saved without its history to avoid a cycle.
    output: bool,
}

impl Saved {
    #[inline]
    fn new(save: Save<'_>, output: &Tensor) -> Saved {
        let (tensor, is_output) = match save {
            Save::Input(tensor) => (tensor, false),
            Save::Output => (output, true),
            Save::Nothing => return Saved { tensor: None, version: 0, output: false },
        };
        Saved { tensor: Some(tensor.clone()), version: tensor.0.storage.version(), output: is_output }
    }

    #[inline]
    fn check(&self, node: &Node) -> Result<()> {
        match &self.tensor {
            Some(tensor) if tensor.0.storage.version() != self.version => Err(self.modified(node, tensor)),
            _ => Ok(()),
        }
    }

    #[cold]
    fn modified(&self, node: &Node, tensor: &Tensor) -> Error {
        let producer = if self.output { Some(node.name) } else { tensor.grad_fn().map(|grad_fn| grad_fn.name()) };
        let producer = producer.map_or("a leaf".to_string(), |name| format!("the output of {name}"));
        Error::autograd(
            "backward",
            format!(
                "a tensor that {} saved for the backward pass was changed in-place afterwards: {} of shape {:?}, {producer}, is at version {}, expected version {}; use the out-of-place operation, or change a copy",
                node.name,
                tensor.dtype(),
                tensor.shape(),
                tensor.0.storage.version(),
                self.version
            ),
        )
    }

    #[inline]
    fn unpack(tensor: Tensor, output: bool, node: &Arc<Node>) -> Tensor {
        if output && is_grad_enabled() { tensor.with_grad_fn(Some(node.clone())) } else { tensor }
    }
}

/// A recorded operation with `E` edges and `S` saved tensors. `F` is usually a function without captures, of size 0.
struct Op<const E: usize, const S: usize, F> {
    links: Links<E, S>,
    derivative: F,
}

/// What a recorded operation holds. A type of its own, because what depends on the type of the derivative is compiled once for each
/// operation.
struct Links<const E: usize, const S: usize> {
    edges: [Edge; E],
    saved: Mutex<Option<[Saved; S]>>,
}

/// A placeholder where no tensor was saved; the derivative that would read it is never computed.
fn nothing() -> Tensor {
    static NOTHING: OnceLock<Tensor> = OnceLock::new();
    NOTHING.get_or_init(|| Tensor::zeros(0)).clone()
}

impl<const E: usize, const S: usize, F> Backward for Op<E, S, F>
where
    F: Fn([Tensor; S], [bool; E], &Tensor) -> Result<[Option<Tensor>; E]> + Send + Sync,
{
    fn edges(&self) -> &[Edge] {
        &self.links.edges
    }

    fn run(&self, node: &Arc<Node>, grad: &Tensor, keep: bool, out: &mut Vec<Option<Tensor>>) -> Result<()> {
        let tensors = self.links.unpack(node, keep)?;
        out.extend((self.derivative)(tensors, self.links.needed(), grad)?);
        Ok(())
    }
}

impl<const E: usize, const S: usize> Links<E, S> {
    #[inline]
    fn new<I: Input>(inputs: [I; E], saves: [Save<'_>; S], output: &Tensor) -> Self {
        let saved = saves.map(|save| Saved::new(save, output));
        Links { edges: inputs.map(Input::edge), saved: Mutex::new(Some(saved)) }
    }

    /// Which inputs need a gradient.
    #[inline]
    fn needed(&self) -> [bool; E] {
        std::array::from_fn(|i| self.edges[i].is_some())
    }

    /// The saved tensors, which are freed unless `keep`.
    fn unpack(&self, node: &Arc<Node>, keep: bool) -> Result<[Tensor; S]> {
        if S == 0 {
            return Ok(std::array::from_fn(|_| unreachable!("there is nothing to unpack")));
        }
        let mut saved = lock(&self.saved);
        let Some(all) = saved.as_ref() else { return Err(freed(node)) };
        for one in all {
            one.check(node)?;
        }
        if keep {
            Ok(std::array::from_fn(|i| {
                all[i].tensor.as_ref().map_or_else(nothing, |tensor| Saved::unpack(tensor.clone(), all[i].output, node))
            }))
        } else {
            let all = saved.take().expect("checked above");
            Ok(all.map(|one| one.tensor.map_or_else(nothing, |tensor| Saved::unpack(tensor, one.output, node))))
        }
    }
}

/// Whether an operation on `inputs` is to be recorded.
#[inline]
fn recorded<I: Input>(inputs: &[I]) -> bool {
    is_grad_enabled() && inputs.iter().any(|input| input.tracked())
}

#[cold]
fn freed(node: &Node) -> Error {
    Error::autograd(
        "backward",
        format!(
            "backward through the graph a second time: the tensors saved by {} were freed by the first backward; keep them with retain_graph",
            node.name
        ),
    )
}

/// An input of a recorded operation: a tensor, or one that may be absent.
pub(crate) trait Input: Copy {
    fn tracked(self) -> bool;
    fn edge(self) -> Edge;
}

impl Input for &Tensor {
    #[inline]
    fn tracked(self) -> bool {
        self.requires_grad()
    }

    #[inline]
    fn edge(self) -> Edge {
        Tensor::edge(self)
    }
}

impl Input for Option<&Tensor> {
    #[inline]
    fn tracked(self) -> bool {
        self.is_some_and(Tensor::requires_grad)
    }

    #[inline]
    fn edge(self) -> Edge {
        self.and_then(Tensor::edge)
    }
}

impl Tensor {
    /// Records that this new tensor was computed from `inputs` by an operation with the given derivative, if an input requires a gradient.
    ///
    /// `derivative` receives the saved tensors, which inputs need a gradient, and the gradient of the output; it returns a gradient
    /// for each input, computed by tensor operations so that it is differentiable itself.
    #[inline]
    pub(crate) fn record<I: Input, const E: usize, const S: usize, F>(
        self,
        name: &'static str,
        inputs: [I; E],
        saves: [Save<'_>; S],
        derivative: F,
    ) -> Tensor
    where
        F: Fn([Tensor; S], [bool; E], &Tensor) -> Result<[Option<Tensor>; E]> + Send + Sync + 'static,
    {
        if !recorded(&inputs) {
            return self;
        }
        let node = Node::make(name, Op { links: Links::new(inputs, saves, &self), derivative });
        self.with_grad_fn(Some(node))
    }

    /// [`Tensor::record`] for an operation on a list of tensors that saves none of them.
    pub(crate) fn record_list<F>(self, name: &'static str, inputs: &[&Tensor], derivative: F) -> Tensor
    where
        F: Fn(&[bool], &Tensor) -> Result<Vec<Option<Tensor>>> + Send + Sync + 'static,
    {
        if !recorded(inputs) {
            return self;
        }
        let edges = inputs.iter().map(|input| input.edge()).collect();
        self.with_grad_fn(Some(Node::make(name, ListOp { edges, derivative })))
    }
}

struct ListOp<F> {
    edges: Vec<Edge>,
    derivative: F,
}

impl<F> Backward for ListOp<F>
where
    F: Fn(&[bool], &Tensor) -> Result<Vec<Option<Tensor>>> + Send + Sync,
{
    fn edges(&self) -> &[Edge] {
        &self.edges
    }

    fn run(&self, _: &Arc<Node>, grad: &Tensor, _: bool, out: &mut Vec<Option<Tensor>>) -> Result<()> {
        let needs: Vec<bool> = self.edges.iter().map(Option::is_some).collect();
        out.extend((self.derivative)(&needs, grad)?);
        Ok(())
    }
}

/// Computes a gradient only if it is needed.
#[inline]
pub(crate) fn grad_if(needed: bool, f: impl FnOnce() -> Result<Tensor>) -> Result<Option<Tensor>> {
    needed.then(f).transpose()
}

// A graph can be millions of nodes deep, and dropping its last handle must not recurse as deep. A node drops its fields
// immediately up to a small depth; beyond, they are put on a list that the outermost drop on the thread drains.

/// The maximal recursion depth of dropping nodes.
const DEEP: u32 = 32;

/// A field of a dropped node whose drop is deferred.
enum Deferred {
    #[expect(dead_code, reason = "held to be dropped")]
    Node(Arc<Node>),
    #[expect(dead_code, reason = "held to be dropped")]
    Saved(Tensor),
}

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Empty while no node is being dropped on this thread, so that it may be leaked: a thread that ends may drop graphs after
    /// its other thread-local variables.
    static LATER: ManuallyDrop<RefCell<Vec<Deferred>>> = const { ManuallyDrop::new(RefCell::new(Vec::new())) };
}

/// Drops the fields of a node without deep recursion.
pub(super) fn drop_links(edges: &mut [Edge], saved: &mut [Saved]) {
    let depth = DEPTH.get();
    if depth == DEEP {
        LATER.with(|later| {
            let mut later = later.borrow_mut();
            later.extend(saved.iter_mut().filter_map(|one| one.tensor.take()).map(Deferred::Saved));
            later.extend(edges.iter_mut().filter_map(Option::take).map(Deferred::Node));
        });
        return;
    }
    DEPTH.set(depth + 1);
    saved.iter_mut().for_each(|one| drop(one.tensor.take()));
    edges.iter_mut().for_each(|edge| drop(edge.take()));
    if depth == 0 && LATER.with(|later| !later.borrow().is_empty()) {
        drain_deferred();
    }
    DEPTH.set(depth);
}

#[cold]
fn drain_deferred() {
    while let Some(one) = LATER.with(|later| later.borrow_mut().pop()) {
        drop(one);
    }
    LATER.with(|later| later.take());
}

impl<const E: usize, const S: usize> Drop for Links<E, S> {
    fn drop(&mut self) {
        let saved = self.saved.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop_links(&mut self.edges, saved.as_mut().map_or(&mut [], |saved| saved.as_mut_slice()));
    }
}

impl<F> Drop for ListOp<F> {
    fn drop(&mut self) {
        drop_links(&mut self.edges, &mut []);
    }
}
