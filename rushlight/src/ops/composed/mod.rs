//! Operations that a device need not have, from those that every device has.
//!
//! Each function computes what the method of a [`Backend`](crate::backend::Backend) of the same name computes, with the same errors, and
//! records nothing: names, saved tensors and derivatives of an operation are those of its caller, on every device.

mod conv;
mod elementwise;
mod index;
mod loss;
mod lstm;
mod norm;
mod optim;
mod pooling;
mod reduce;
mod softmax;

pub(super) use conv::{conv, conv_grad_input, conv_grad_weight};
pub(super) use elementwise::{accumulate, differentiable_gradient, gradient};
pub(super) use index::{index_add, index_copy, index_select};
pub(super) use loss::{cross_entropy, nll, nll_grad};
pub(super) use lstm::{ends, lstm, lstm_grad, previous};
pub(super) use norm::{batch_norm, batch_norm_inference};
pub(super) use optim::optimizer_step;
pub(super) use pooling::{Windows, max_pool_grad};
pub(super) use reduce::{extreme, variance};
pub(super) use softmax::{softmax, softmax_grad};

use crate::tensor::{Element, Layout};
use crate::{Result, Tensor};

/// Numbers on the device of `like`.
fn constant<T: Element>(like: &Tensor, shape: &[usize], elements: &[T]) -> Result<Tensor> {
    Tensor::filled_on(like.device(), Layout::contiguous(shape), elements)
}
