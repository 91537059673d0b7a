//! The traversal of the graph in a backward pass.

use super::node::{Node, lock};
use super::{EnableGrad, NoGrad, is_grad_enabled};
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

/// The options of [`Tensor::backward`].
#[derive(Builder, Clone, Debug)]
pub struct BackwardOptions {
    /// The gradient of the tensor to start from (default: 1, for a tensor with one element).
    gradient: Option<Tensor>,
    /// Whether to keep the saved tensors of the graph, so that another backward pass is possible (default `false`).
    #[builder(default = false)]
    retain_graph: bool,
    /// Whether to record the backward pass itself, so that gradients can be differentiated; implies `retain_graph` (default `false`).
    #[builder(default = false)]
    create_graph: bool,
}

/// The options of [`grad`].
#[derive(Builder, Clone, Debug)]
pub struct GradOptions {
    /// The gradient of each output to start from: one tensor, or an array or a vector of tensors or of `Option`s of them (default: 1,
    /// for outputs with one element).
    #[builder(default = GradOutputs(Vec::new()))]
    grad_outputs: GradOutputs,
    /// Whether to keep the saved tensors of the graph, so that another backward pass is possible (default `false`).
    #[builder(default = false)]
    retain_graph: bool,
    /// Whether to record the backward pass itself, so that gradients can be differentiated; implies `retain_graph` (default `false`).
    #[builder(default = false)]
    create_graph: bool,
    /// Whether the gradient for an input that the outputs do not depend on is zeros instead of an error (default `false`).
    #[builder(default = false)]
    materialize_grads: bool,
}

/// A gradient for each output of [`grad`]; see [`GradOptions::grad_outputs`].
#[derive(Clone, Debug)]
pub struct GradOutputs(Vec<Option<Tensor>>);

impl From<&Tensor> for GradOutputs {
    fn from(gradient: &Tensor) -> GradOutputs {
        GradOutputs(vec![Some(gradient.clone())])
    }
}

impl<const N: usize> From<[&Tensor; N]> for GradOutputs {
    fn from(gradients: [&Tensor; N]) -> GradOutputs {
        GradOutputs(gradients.map(|gradient| Some(gradient.clone())).to_vec())
    }
}

impl<const N: usize> From<[Option<&Tensor>; N]> for GradOutputs {
    fn from(gradients: [Option<&Tensor>; N]) -> GradOutputs {
        GradOutputs(gradients.map(Option::<&Tensor>::cloned).to_vec())
    }
}

impl From<Vec<Option<Tensor>>> for GradOutputs {
    fn from(gradients: Vec<Option<Tensor>>) -> GradOutputs {
        GradOutputs(gradients)
    }
}

/// The outputs or inputs of [`grad`]: a tensor, an array, a slice or a vector of tensors. Gradients are returned in the same form:
/// one tensor, an array, or a vector.
pub trait TensorList {
    /// One `T` for each tensor.
    type Each<T>;

    /// The tensors.
    fn tensors(&self) -> Vec<&Tensor>;

    /// As many values as there are tensors, in this form.
    fn collect<T>(values: Vec<T>) -> Self::Each<T>;
}

impl TensorList for &Tensor {
    type Each<T> = T;

    fn tensors(&self) -> Vec<&Tensor> {
        vec![self]
    }

    fn collect<T>(values: Vec<T>) -> T {
        let [value] = array(values);
        value
    }
}

impl<const N: usize> TensorList for [&Tensor; N] {
    type Each<T> = [T; N];

    fn tensors(&self) -> Vec<&Tensor> {
        self.to_vec()
    }

    fn collect<T>(values: Vec<T>) -> [T; N] {
        array(values)
    }
}

impl<const N: usize> TensorList for &[&Tensor; N] {
    type Each<T> = [T; N];

    fn tensors(&self) -> Vec<&Tensor> {
        self.to_vec()
    }

    fn collect<T>(values: Vec<T>) -> [T; N] {
        array(values)
    }
}

fn array<T, const N: usize>(values: Vec<T>) -> [T; N] {
    values.try_into().unwrap_or_else(|_| unreachable!("one value for each tensor"))
}

macro_rules! lists {
    ($($list:ty: |$tensors:ident| $collect:expr;)*) => {$(
        impl TensorList for $list {
            type Each<T> = Vec<T>;

            fn tensors(&self) -> Vec<&Tensor> {
                let $tensors = self;
                $collect
            }

            fn collect<T>(values: Vec<T>) -> Vec<T> {
                values
            }
        }
    )*};
}
lists! {
    &[&Tensor]: |tensors| tensors.to_vec();
    Vec<&Tensor>: |tensors| tensors.clone();
    &Vec<&Tensor>: |tensors| tensors.to_vec();
    &[Tensor]: |tensors| tensors.iter().collect();
    &Vec<Tensor>: |tensors| tensors.iter().collect();
}

/// A gradient that has arrived at a node. Ordered by age, the newest node first.
struct Ready(Arc<Node>, Tensor);

impl Ord for Ready {
    fn cmp(&self, other: &Ready) -> Ordering {
        self.0.seq.cmp(&other.0.seq)
    }
}

impl PartialOrd for Ready {
    fn partial_cmp(&self, other: &Ready) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ready {
    fn eq(&self, other: &Ready) -> bool {
        self.0.seq == other.0.seq
    }
}

impl Eq for Ready {}

/// The sum of two gradients, computed in-place in the first if it has no other handle. That of a sparse and a strided one is strided.
fn sum(a: Tensor, b: Tensor, create_graph: bool) -> Result<Tensor> {
    let (a, b) = if a.is_sparse() && !b.is_sparse() { (b, a) } else { (a, b) };
    if !create_graph && a.is_unshared() && a.dtype() == b.dtype() && a.shape() == b.shape() {
        a.try_add_(&b)?;
        Ok(a)
    } else {
        a.try_add(&b)
    }
}

/// Traverses the graph from `roots`. With `captures`, the gradients that arrive at those nodes are returned and no leaf
/// accumulates a gradient.
fn walk(
    roots: Vec<(Arc<Node>, Tensor)>,
    [retain_graph, create]: [bool; 2],
    mut captures: Option<&mut HashMap<u64, Option<Tensor>>>,
) -> Result<()> {
    // Independent of the caller's mode, as in PyTorch.
    let (_on, _off) = (create.then(EnableGrad::new), (!create).then(NoGrad::new));
    let keep = retain_graph || create;
    let wanted = captures.as_ref().map(|map| nodes_reaching(&roots, map));
    let is_needed = |edge: &Node| wanted.as_ref().is_none_or(|wanted| wanted.contains(&edge.seq));
    let mut heap: BinaryHeap<Ready> = roots.into_iter().map(|(node, grad)| Ready(node, grad)).collect();
    let mut grads = Vec::with_capacity(4);
    while let Some(Ready(node, mut grad)) = heap.pop() {
        while heap.peek().is_some_and(|other| other.0.seq == node.seq) {
            let Some(Ready(_, other)) = heap.pop() else { break };
            grad = sum(grad, other, create)?;
        }
        grad = node.hooked(grad)?;
        if let Some(slot) = captures.as_mut().and_then(|map| map.get_mut(&node.seq)) {
            *slot = Some(grad.clone());
        }
        if let Some(leaf) = node.op.leaf() {
            if captures.is_none() {
                accumulate(&mut lock(&leaf.grad), grad, create)?;
                leaf.accumulated(&node);
            }
            continue;
        }
        if !node.op.edges().iter().flatten().any(|edge| is_needed(edge)) {
            continue;
        }
        grads.clear();
        node.op.run(&node, &grad, keep, &mut grads)?;
        drop(grad);
        for (edge, grad) in node.op.edges().iter().zip(grads.drain(..)) {
            if let (Some(edge), Some(grad)) = (edge, grad)
                && is_needed(edge)
            {
                heap.push(Ready(edge.clone(), grad));
            }
        }
    }
    Ok(())
}

/// The captured nodes, and those that lead to a captured one.
fn nodes_reaching(roots: &[(Arc<Node>, Tensor)], captures: &HashMap<u64, Option<Tensor>>) -> HashSet<u64> {
    let mut all: HashMap<u64, Arc<Node>> = HashMap::new();
    let mut stack: Vec<Arc<Node>> = roots.iter().map(|(node, _)| node.clone()).collect();
    while let Some(node) = stack.pop() {
        if all.insert(node.seq, node.clone()).is_none() {
            stack.extend(node.op.edges().iter().flatten().cloned());
        }
    }
    let mut order: Vec<u64> = all.keys().copied().collect();
    order.sort_unstable(); // edges lead to older nodes, which are therefore visited first
    let mut wanted = HashSet::new();
    for seq in order {
        let leads =
            |wanted: &HashSet<u64>| all[&seq].op.edges().iter().flatten().any(|edge| wanted.contains(&edge.seq));
        if captures.contains_key(&seq) || leads(&wanted) {
            wanted.insert(seq);
        }
    }
    wanted
}

/// Adds a gradient to that of a leaf. The first one is stored without a copy if it has no other handle; otherwise later
/// accumulation would be visible to other leaves or to the caller.
fn accumulate(slot: &mut Option<Tensor>, grad: Tensor, create_graph: bool) -> Result<()> {
    *slot = Some(match slot.take() {
        None if grad.is_unshared() => grad,
        None => grad.try_copy()?,
        // A sparse gradient cannot become strided in-place.
        Some(old) if old.is_sparse() && !grad.is_sparse() => grad.try_add(&old)?,
        Some(old) if create_graph => old.try_add(&grad)?,
        Some(old) => {
            // In-place, as in PyTorch: other handles to the gradient see the sum.
            if let Err(error) = old.try_add_(&grad) {
                *slot = Some(old);
                return Err(error);
            }
            old
        }
    });
    Ok(())
}

/// The initial gradient: the given one, or 1 for a scalar.
fn seed(op: &'static str, output: &Tensor, given: Option<&Tensor>) -> Result<Tensor> {
    match given {
        Some(grad) if grad.shape() != output.shape() => Err(Error::autograd(
            op,
            format!("expected a gradient of the output's shape {:?}, got {:?}", output.shape(), grad.shape()),
        )),
        Some(grad) if grad.dtype() != output.dtype() => grad.try_to_dtype(output.dtype()),
        Some(grad) => Ok(grad.clone()),
        None if output.numel() != 1 => Err(Error::autograd(
            op,
            format!(
                "expected a gradient for an output of shape {:?}: one is created only for a scalar; pass a gradient, or reduce the output (sum, mean) first",
                output.shape()
            ),
        )),
        None => output.try_ones_like(),
    }
}

fn root(op: &'static str, output: &Tensor) -> Result<Arc<Node>> {
    output.edge().ok_or_else(|| {
        Error::autograd(
            op,
            format!(
                "expected an output that requires a gradient, got one of shape {:?} that does not require a gradient{}",
                output.shape(),
                if is_grad_enabled() { "" } else { " (and recording is off)" }
            ),
        )
    })
}

impl Tensor {
    /// Computes the gradients of this scalar with respect to the leaves it depends on, and adds them to their
    /// [`grad`](Tensor::grad). The saved tensors of the graph are freed.
    ///
    /// # Errors
    /// If the tensor has more than one element and no gradient is given, if it does not require a gradient, if the shape of the given
    /// gradient differs, if the saved tensors were freed by an earlier pass, or if one was changed in-place.
    ///
    /// ```
    /// use rushlight::{BackwardOptions, Tensor};
    /// let x = Tensor::from([1.0f32, 2.0]).requires_grad_(true);
    /// (&x * &x).sum().backward();
    /// assert_eq!(x.grad().unwrap().to_vec::<f32>(), [2.0, 4.0]);
    ///
    /// (&x * 3.0).backward_with(BackwardOptions::new().gradient(Tensor::from([1.0f32, 10.0])));
    /// assert_eq!(x.grad().unwrap().to_vec::<f32>(), [5.0, 34.0]);
    /// ```
    ///
    /// A second pass over a graph needs what the first one frees unless it is told to retain it. The gradients add up:
    ///
    /// ```
    /// use rushlight::{BackwardOptions, Tensor};
    /// let x = Tensor::from([1.0f32, 2.0]).requires_grad_(true);
    /// let loss = (&x * &x).sum();
    /// loss.backward_with(BackwardOptions::new().retain_graph(true));
    /// assert_eq!(x.grad().unwrap().to_vec::<f32>(), [2.0, 4.0]);
    /// loss.backward();
    /// assert_eq!(x.grad().unwrap().to_vec::<f32>(), [4.0, 8.0]);
    ///
    /// let error = loss.try_backward().unwrap_err().to_string();
    /// assert!(error.contains("a second time") && error.contains("retain_graph"), "{error}");
    /// ```
    #[op(torch = "backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None)", with)]
    pub fn try_backward_with(&self, options: impl Borrow<BackwardOptions>) -> Result<()> {
        let options = options.borrow();
        let gradient = seed("backward", self, options.gradient.as_ref());
        walk(vec![(root("backward", self)?, gradient?)], [options.retain_graph, options.create_graph], None)
    }
}

/// Computes the gradients of the sum of the outputs with respect to the inputs, without changing the `grad` of any leaf.
///
/// Gradients are returned in the form of the inputs: a tensor for a tensor, an array for an array, a vector for a slice or a vector.
///
/// # Errors
/// As [`Tensor::try_backward`], and if there are no inputs, an input does not require a gradient, the outputs do not depend on an
/// input, or the number of `grad_outputs` is not that of the outputs.
///
/// ```
/// use rushlight::{Tensor, autograd::{GradOptions, grad, grad_with}};
/// let x = Tensor::from(3.0f32).requires_grad_(true);
/// let y = &x * &x;
/// assert_eq!(grad(&y, &x).item(), 6.0);
///
/// let z = &x * &x * &x;
/// let [first] = grad_with(&z, [&x], GradOptions::new().create_graph(true));
/// assert_eq!((first.item(), grad(&first, &x).item()), (27.0, 18.0));
/// ```
#[op(
    torch = "grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, allow_unused=None, is_grads_batched=False, materialize_grads=False)",
    free,
    with
)]
pub fn try_grad_with<I: TensorList>(
    outputs: impl TensorList,
    inputs: I,
    options: impl Borrow<GradOptions>,
) -> Result<I::Each<Tensor>> {
    let (options, list) = (options.borrow(), inputs.tensors());
    let found = gradients(&outputs.tensors(), &list, options)?;
    let used = found.into_iter().zip(&list).enumerate().map(|(i, (grad, input))| match grad {
        Some(grad) => Ok(grad),
        None if options.materialize_grads => input.try_zeros_like(),
        None => Err(Error::autograd(
            "grad",
            format!("expected outputs that depend on every input, got input {i}, which they do not depend on; grad_allow_unused returns None for it"),
        )),
    });
    Ok(I::collect(used.collect::<Result<Vec<_>>>()?))
}

/// [`grad_with`] with `None` for an input that the outputs do not depend on: PyTorch's `allow_unused=True`.
///
/// # Errors
/// As [`try_grad`], except for such inputs.
///
/// ```
/// use rushlight::{Tensor, autograd::{GradOptions, grad_allow_unused}};
/// let x = Tensor::from(3.0f32).requires_grad_(true);
/// let unused = Tensor::from(1.0f32).requires_grad_(true);
/// let [of_x, of_unused] = grad_allow_unused(&(&x * 2), [&x, &unused], GradOptions::new());
/// assert_eq!((of_x.unwrap().item(), of_unused.is_none()), (2.0, true));
/// ```
#[op(
    torch = "grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, allow_unused=None, is_grads_batched=False, materialize_grads=False)",
    free
)]
pub fn try_grad_allow_unused<I: TensorList>(
    outputs: impl TensorList,
    inputs: I,
    options: impl Borrow<GradOptions>,
) -> Result<I::Each<Option<Tensor>>> {
    Ok(I::collect(gradients(&outputs.tensors(), &inputs.tensors(), options.borrow())?))
}

/// The gradient for each input, if the outputs depend on it.
fn gradients(outputs: &[&Tensor], inputs: &[&Tensor], options: &GradOptions) -> Result<Vec<Option<Tensor>>> {
    let op = "grad";
    let given = &options.grad_outputs.0;
    if !given.is_empty() && given.len() != outputs.len() {
        return Err(Error::value(
            op,
            format!("expected as many grad_outputs as outputs ({}), got {}", outputs.len(), given.len()),
        ));
    }
    if inputs.is_empty() {
        return Err(Error::value(op, "expected at least one input, got none"));
    }
    let given = given.iter().map(Option::as_ref).chain(std::iter::repeat(None));
    let roots = outputs.iter().zip(given).enumerate().map(|(i, (output, given))| {
        let start = || Ok((root(op, output)?, seed(op, output, given)?));
        start().map_err(|error| match error {
            Error::Autograd { op, message } => Error::autograd(op, format!("output {i}: {message}")),
            other => other,
        })
    });
    let roots = roots.collect::<Result<Vec<_>>>()?;
    let nodes = inputs.iter().enumerate().map(|(i, input)| {
        input.edge().ok_or_else(|| {
            Error::autograd(
                op,
                format!(
                    "expected inputs that require gradients, got input {i} of shape {:?}, which does not",
                    input.shape()
                ),
            )
        })
    });
    let nodes = nodes.collect::<Result<Vec<_>>>()?;
    let mut captures: HashMap<u64, Option<Tensor>> = nodes.iter().map(|node| (node.seq, None)).collect();
    walk(roots, [options.retain_graph, options.create_graph], Some(&mut captures))?;
    Ok(nodes.iter().map(|node| captures[&node.seq].clone()).collect())
}
