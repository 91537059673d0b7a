//! Walking the graph.

use super::node::{Node, lock};
use super::{EnableGrad, NoGrad, is_grad_enabled};
use crate::{Error, Result, Tensor};
use rushlight_macros::op;
use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

/// How a backward pass is run.
#[derive(Clone, Debug, Default)]
pub struct BackwardOptions {
    /// Keeps what the graph saved, so that it can be walked again.
    pub retain_graph: bool,
    /// Records the backward pass itself, so that gradients can be differentiated. Implies `retain_graph`.
    pub create_graph: bool,
    /// For [`grad_with`]: gives `None` for an input that the outputs do not depend on, instead of an error.
    pub allow_unused: bool,
    /// For [`Tensor::backward_with`]: the gradient of the output to start from. Only a scalar output can do without: its gradient
    /// is 1. [`grad_with`] takes one for each output instead.
    pub gradient: Option<Tensor>,
}

/// A gradient that has arrived at a node. Ordered by age: the newest node comes first.
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

/// The sum of two gradients, in the memory of the first where nobody else can see it.
fn sum(a: Tensor, b: &Tensor, create_graph: bool) -> Result<Tensor> {
    if !create_graph && a.is_unshared() && a.dtype() == b.dtype() && a.shape() == b.shape() {
        a.try_add_(b)?;
        Ok(a)
    } else {
        a.try_add(b)
    }
}

/// Walks the graph from `roots`. With `captures`, the gradients that arrive at those nodes are kept there and no leaf
/// accumulates anything.
fn walk(
    roots: Vec<(Arc<Node>, Tensor)>,
    options: &BackwardOptions,
    mut captures: Option<&mut HashMap<u64, Option<Tensor>>>,
) -> Result<()> {
    let create = options.create_graph;
    // Whatever the caller's mode, as in PyTorch.
    let (_on, _off) = (create.then(EnableGrad::new), (!create).then(NoGrad::new));
    let keep = options.retain_graph || create;
    let wanted = captures.as_ref().map(|map| nodes_reaching(&roots, map));
    let is_needed = |edge: &Node| wanted.as_ref().is_none_or(|wanted| wanted.contains(&edge.seq));
    let mut heap: BinaryHeap<Ready> = roots.into_iter().map(|(node, grad)| Ready(node, grad)).collect();
    let mut grads = Vec::with_capacity(4);
    while let Some(Ready(node, mut grad)) = heap.pop() {
        while heap.peek().is_some_and(|other| other.0.seq == node.seq) {
            let Some(Ready(_, other)) = heap.pop() else { break };
            grad = sum(grad, &other, create)?;
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

/// The nodes that are captured, and those from which a captured one can be reached.
fn nodes_reaching(roots: &[(Arc<Node>, Tensor)], captures: &HashMap<u64, Option<Tensor>>) -> HashSet<u64> {
    let mut all: HashMap<u64, Arc<Node>> = HashMap::new();
    let mut stack: Vec<Arc<Node>> = roots.iter().map(|(node, _)| node.clone()).collect();
    while let Some(node) = stack.pop() {
        if all.insert(node.seq, node.clone()).is_none() {
            stack.extend(node.op.edges().iter().flatten().cloned());
        }
    }
    let mut order: Vec<u64> = all.keys().copied().collect();
    order.sort_unstable(); // edges lead to older nodes, so those are known first
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

/// Adds a gradient to a leaf's. The first one is taken over as it is where nobody else can see it; otherwise other leaves, or
/// the caller who gave it, would see later changes of this one.
fn accumulate(slot: &mut Option<Tensor>, grad: Tensor, create_graph: bool) -> Result<()> {
    *slot = Some(match slot.take() {
        None if grad.is_unshared() => grad,
        None => grad.try_copy()?,
        Some(old) if create_graph => old.try_add(&grad)?,
        Some(old) => {
            // In place, as PyTorch does: handles that the user took of the gradient see the sum.
            if let Err(error) = old.try_add_(&grad) {
                *slot = Some(old);
                return Err(error);
            }
            old
        }
    });
    Ok(())
}

/// The gradient to start from: the given one, or 1 for a scalar.
fn seed(op: &'static str, output: &Tensor, given: Option<&Tensor>) -> Result<Tensor> {
    match given {
        Some(grad) if grad.shape() != output.shape() => Err(Error::autograd(
            op,
            format!("the given gradient has shape {:?}, but the output has shape {:?}", grad.shape(), output.shape()),
        )),
        Some(grad) if grad.dtype() != output.dtype() => grad.try_to_dtype(output.dtype()),
        Some(grad) => Ok(grad.clone()),
        None if output.numel() != 1 => Err(Error::autograd(
            op,
            format!(
                "a gradient can be created implicitly only for a scalar, but the output has shape {:?}: give one, or reduce the output (sum, mean) first",
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
                "the output of shape {:?} does not require a gradient: nothing that it was computed from does{}",
                output.shape(),
                if is_grad_enabled() { "" } else { " (and recording is off)" }
            ),
        )
    })
}

impl Tensor {
    /// Computes the gradients of this scalar with respect to the leaves it depends on, and adds them to their
    /// [`grad`](Tensor::grad). What the graph saved is freed.
    ///
    /// # Errors
    /// If this is no scalar or requires no gradient, if the graph was walked before, or if a tensor that it saved was changed
    /// in place.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0]).requires_grad_(true);
    /// (&x * &x).sum().backward();
    /// assert_eq!(x.grad().unwrap().to_vec::<f32>(), [2.0, 4.0]);
    /// ```
    #[op]
    pub fn try_backward(&self) -> Result<()> {
        walk(vec![(root("backward", self)?, seed("backward", self, None)?)], &BackwardOptions::default(), None)
    }

    /// [`backward`](Tensor::backward) with options: from a given gradient, keeping the graph, or recording the pass itself.
    ///
    /// # Errors
    /// As [`try_backward`](Tensor::try_backward), and if the given gradient has another shape than this tensor.
    ///
    /// ```
    /// use rushlight::{BackwardOptions, Tensor};
    /// let x = Tensor::from([1.0f32, 2.0]).requires_grad_(true);
    /// let gradient = Some(Tensor::from([1.0f32, 10.0]));
    /// (&x * 3.0).backward_with(&BackwardOptions { gradient, ..Default::default() });
    /// assert_eq!(x.grad().unwrap().to_vec::<f32>(), [3.0, 30.0]);
    /// ```
    #[op]
    pub fn try_backward_with(&self, options: &BackwardOptions) -> Result<()> {
        let gradient = seed("backward", self, options.gradient.as_ref());
        walk(vec![(root("backward", self)?, gradient?)], options, None)
    }
}

/// The gradients of the sum of `outputs` with respect to `inputs`, without touching any leaf's `grad`.
///
/// # Errors
/// As [`Tensor::try_backward`], and if an input does not require a gradient or the outputs do not depend on it.
///
/// ```
/// use rushlight::{Tensor, autograd};
/// let x = Tensor::from(3.0f32).requires_grad_(true);
/// let y = &x * &x;
/// assert_eq!(autograd::grad(&[&y], &[&x])?[0].item_as::<f32>(), 6.0);
/// # Ok::<(), rushlight::Error>(())
/// ```
pub fn grad(outputs: &[&Tensor], inputs: &[&Tensor]) -> Result<Vec<Tensor>> {
    Ok(grad_with(outputs, inputs, &[], &BackwardOptions::default())?.into_iter().flatten().collect())
}

/// [`grad`] with options, from a gradient for each output: `grad_outputs` is as long as `outputs`, with `None` for a scalar whose
/// gradient is 1, or empty if that goes for all. With `allow_unused`, an input that the outputs do not depend on has `None`.
///
/// # Errors
/// As [`grad`], and if `grad_outputs` do not go with the outputs, there are no inputs, or the options hold a gradient.
///
/// ```
/// use rushlight::{BackwardOptions, Tensor, autograd};
/// let x = Tensor::from([1.0f32, 2.0]).requires_grad_(true);
/// let (y, z) = (&x * 3.0, x.sum());
/// let of_y = Tensor::from([1.0f32, 10.0]);
/// let grads = autograd::grad_with(&[&y, &z], &[&x], &[Some(&of_y), None], &BackwardOptions::default())?;
/// assert_eq!(grads[0].as_ref().unwrap().to_vec::<f32>(), [4.0, 31.0]);
/// # Ok::<(), rushlight::Error>(())
/// ```
pub fn grad_with(
    outputs: &[&Tensor],
    inputs: &[&Tensor],
    grad_outputs: &[Option<&Tensor>],
    options: &BackwardOptions,
) -> Result<Vec<Option<Tensor>>> {
    let op = "grad";
    let wrong = |message: String| Err(Error::value(op, message));
    if !grad_outputs.is_empty() && grad_outputs.len() != outputs.len() {
        return wrong(format!("got {} outputs, but {} gradients of outputs", outputs.len(), grad_outputs.len()));
    }
    if options.gradient.is_some() {
        return wrong("takes the gradients of the outputs as a list, not from the options".into());
    }
    if inputs.is_empty() {
        return wrong("the inputs cannot be empty".into());
    }
    let given = grad_outputs.iter().copied().chain(std::iter::repeat(None));
    let roots = outputs.iter().zip(given).enumerate().map(|(i, (output, given))| {
        let start = || Ok((root(op, output)?, seed(op, output, given)?));
        start().map_err(|error| match error {
            Error::Autograd { op, message } => Error::autograd(op, format!("output {i}: {message}")),
            other => other,
        })
    });
    let roots = roots.collect::<Result<Vec<_>>>()?;
    let nodes = inputs
        .iter()
        .enumerate()
        .map(|(i, input)| {
            input.edge().ok_or_else(|| {
                Error::autograd("grad", format!("input {i} of shape {:?} does not require a gradient", input.shape()))
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let mut captures: HashMap<u64, Option<Tensor>> = nodes.iter().map(|node| (node.seq, None)).collect();
    walk(roots, options, Some(&mut captures))?;
    nodes
        .iter()
        .enumerate()
        .map(|(i, node)| match captures[&node.seq].clone() {
            None if !options.allow_unused => Err(Error::autograd(
                "grad",
                format!("the outputs do not depend on input {i}; allow_unused gives None for such an input"),
            )),
            found => Ok(found),
        })
        .collect()
}
