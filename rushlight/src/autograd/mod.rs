//! Reverse-mode automatic differentiation: the graph of recorded operations and the engine that traverses it.
//!
//! Every recorded operation creates a `Node` with edges to the nodes of its inputs, the tensors saved for its derivative
//! (`Save`) and the derivative itself, written in tensor operations. A global counter numbers nodes at creation,
//! which is a topological order, so the engine needs no dependency pass: it always processes the newest pending node.

mod engine;
mod gradcheck;
mod history;
mod hooks;
mod mode;
mod node;

pub use engine::{
    BackwardOptions, GradOptions, GradOutputs, TensorList, grad, grad_allow_unused, grad_with, try_grad,
    try_grad_allow_unused, try_grad_with,
};
pub use gradcheck::{GradcheckOptions, gradcheck, gradcheck_with, gradgradcheck, gradgradcheck_with};
pub use hooks::RemovableHandle;
pub use mode::{EnableGrad, NoGrad, enable_grad, is_grad_enabled, no_grad, set_grad_enabled};

pub(crate) use history::{RareState, copied_into, put_back};
pub use node::GradFn;
pub(crate) use node::{Edge, Save, grad_if};
