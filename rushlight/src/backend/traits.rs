//! The operations of a device: a trait per family.
//!
//! Unless stated otherwise, layouts may be strided, inputs broadcast to the output's shape, and dtypes are equal; contiguous layouts
//! are required where kernels need them. A method without a default is required. One with a default fuses an operation that could be
//! composed: it returns `None` if the device does not implement it, and `ops::composed` computes the same from the required ones.
#![allow(unused_variables, reason = "unimplemented methods ignore their arguments")]

use super::{
    Activation, BatchNorm, BinaryOp, ClassLoss, CompareOp, ConvShape, Divisor, GradOp, Lstm, Pool2d, ReduceOp,
    StepRule, UnaryOp,
};
use crate::Result;
use crate::tensor::{ReadGuard, Scalar, WriteGuard};
use std::any::Any;
use std::ptr::NonNull;

/// The result of an optional operation: `None` if the device does not implement it.
pub(crate) type Fused<T = ()> = Option<Result<T>>;

/// The kind of softmax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SoftmaxKind {
    /// `exp(x) / sum(exp(x))`.
    Softmax,
    /// Its logarithm.
    LogSoftmax,
}

/// A convolution weight packed in the order in which a device reads it, reused by many convolutions.
pub(crate) trait ConvWeight: Any + Send + Sync {
    /// Whether convolutions of this shape can use it.
    fn fits(&self, shape: &ConvShape) -> bool;
}

/// Memory on a device.
pub(crate) trait Memory {
    /// Memory for `bytes` bytes with unspecified contents, or [`Error::Memory`](crate::Error::Memory). On a device that is not the host
    /// the result is an opaque handle of the block, never dereferenced and unique among the blocks in use.
    fn allocate(&self, bytes: usize) -> Result<NonNull<u8>>;

    /// Frees a block.
    ///
    /// # Safety
    /// `block` came from [`allocate`](Memory::allocate) with the same `bytes` and is no longer used.
    #[allow(unsafe_code, reason = "the caller guarantees that the block is allocated")]
    unsafe fn release(&self, block: NonNull<u8>, bytes: usize);

    /// Copies `bytes` in host memory into `out`, which is contiguous. A bool is a byte 0 or 1.
    fn upload(&self, bytes: &[u8], out: &mut WriteGuard<'_>) -> Result<()>;

    /// Copies `x`, which is contiguous, into `bytes` in host memory, after all previous operations.
    fn download(&self, x: &ReadGuard<'_>, bytes: &mut [u8]) -> Result<()>;

    /// Waits until all operations of the device have completed. By default nothing, for devices that compute synchronously.
    fn synchronize(&self) -> Result<()> {
        Ok(())
    }
}

/// Elementwise operations, fills and copies.
pub(crate) trait Elementwise {
    /// Fills `out` with `value`.
    fn fill(&self, value: Scalar, out: &mut WriteGuard<'_>) -> Result<()>;

    /// Copies elements, converted to the dtype of `out`.
    fn copy(&self, x: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Result<()>;

    /// A function of one element. Without `x`, of the elements of `out`, in-place.
    fn unary(&self, op: UnaryOp, x: Option<&ReadGuard<'_>>, out: &mut WriteGuard<'_>) -> Result<()>;

    /// A function of two elements. An absent operand is the elements of `out`, in-place. With 16-bit floats, one operand
    /// of `+ - * /` may be a 0-d tensor of float32, the dtype that they compute in: it is not rounded first.
    fn binary(
        &self,
        op: BinaryOp,
        a: Option<&ReadGuard<'_>>,
        b: Option<&ReadGuard<'_>>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()>;

    /// A comparison; `out` is bool.
    fn compare(&self, op: CompareOp, a: &ReadGuard<'_>, b: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Result<()>;

    /// `a` where `condition` (bool) holds, else `b`.
    fn where_(
        &self,
        condition: &ReadGuard<'_>,
        a: &ReadGuard<'_>,
        b: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()>;

    /// The derivative of a function of one element. Without `g`, of the elements of `out`, in-place.
    fn gradient(&self, op: GradOp, g: Option<&ReadGuard<'_>>, x: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Fused {
        None
    }

    /// Adds `x` to `out`, whose layout may address elements more than once.
    fn accumulate(&self, x: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Fused {
        None
    }
}

/// Reductions over dimensions.
pub(crate) trait Reduction {
    /// Reduces the marked dimensions. `out` is contiguous over the others.
    fn reduce(&self, op: ReduceOp, x: &ReadGuard<'_>, reduced: &[bool], out: &mut WriteGuard<'_>) -> Result<()>;

    /// The variance over the marked dimensions. `out` is contiguous over the others.
    fn variance(&self, x: &ReadGuard<'_>, reduced: &[bool], correction: f64, out: &mut WriteGuard<'_>) -> Fused {
        None
    }

    /// The largest (smallest) elements along `dim` and their int64 indices; both outputs contiguous over the others.
    fn extreme(
        &self,
        largest: bool,
        x: &ReadGuard<'_>,
        dim: usize,
        values: &mut WriteGuard<'_>,
        indices: &mut WriteGuard<'_>,
    ) -> Fused {
        None
    }
}

/// Matrix products.
pub(crate) trait Product {
    /// The product of matrices, or of batches of them (3-d; a batch of 1 is broadcast), plus an optional contiguous row.
    fn matmul(
        &self,
        a: &ReadGuard<'_>,
        b: &ReadGuard<'_>,
        bias: Option<&ReadGuard<'_>>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()>;
}

/// Softmax along one dimension.
pub(crate) trait Softmax {
    /// Softmax along `dim` of contiguous memory.
    fn softmax(&self, kind: SoftmaxKind, x: &ReadGuard<'_>, dim: usize, out: &mut WriteGuard<'_>) -> Fused {
        None
    }

    /// The gradient of a softmax from its output, all contiguous.
    fn softmax_grad(
        &self,
        kind: SoftmaxKind,
        g: &ReadGuard<'_>,
        y: &ReadGuard<'_>,
        dim: usize,
        out: &mut WriteGuard<'_>,
    ) -> Fused {
        None
    }
}

/// Indexing.
pub(crate) trait Indexing {
    /// The elements that `index` (int64) names along `dim`, all contiguous.
    fn gather(&self, x: &ReadGuard<'_>, dim: usize, index: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Result<()>;

    /// Adds `source` at the positions that `index` (int64, of its shape) names along `dim`, all contiguous.
    fn scatter_add(
        &self,
        dim: usize,
        index: &ReadGuard<'_>,
        source: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()>;

    /// The slices along `dim` at `index` (int64, 1-d), all contiguous.
    fn index_select(&self, x: &ReadGuard<'_>, dim: usize, index: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Fused {
        None
    }

    /// Adds the slices of `source` to those of `out` along dimension 0 at `index` (int64, 1-d), in order, all contiguous.
    fn index_add(&self, index: &ReadGuard<'_>, source: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Fused {
        None
    }

    /// Replaces the slices of `out` along dimension 0 at `index` (int64, 1-d) by those of `source`, all contiguous.
    fn index_copy(&self, index: &ReadGuard<'_>, source: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Fused {
        None
    }
}

/// Convolutions.
pub(crate) trait Convolution {
    /// A convolution of contiguous memory, plus a bias per channel, with an activation after it.
    fn conv(
        &self,
        shape: &ConvShape,
        x: &ReadGuard<'_>,
        w: &ReadGuard<'_>,
        bias: Option<&ReadGuard<'_>>,
        activation: Activation,
        out: &mut WriteGuard<'_>,
    ) -> Fused {
        None
    }

    /// A weight for [`conv_prepacked`](Convolution::conv_prepacked).
    fn conv_weight(&self, shape: &ConvShape, w: &ReadGuard<'_>) -> Fused<Box<dyn ConvWeight>> {
        None
    }

    /// [`conv`](Convolution::conv) with a weight of this device and the input's type that [fits](ConvWeight::fits).
    fn conv_prepacked(
        &self,
        shape: &ConvShape,
        x: &ReadGuard<'_>,
        w: &dyn ConvWeight,
        bias: Option<&ReadGuard<'_>>,
        activation: Activation,
        out: &mut WriteGuard<'_>,
    ) -> Fused {
        None
    }

    /// The gradient of a convolution with respect to its input.
    fn conv_grad_input(
        &self,
        shape: &ConvShape,
        g: &ReadGuard<'_>,
        w: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Fused {
        None
    }

    /// The gradient of a convolution with respect to its weight.
    fn conv_grad_weight(
        &self,
        shape: &ConvShape,
        x: &ReadGuard<'_>,
        g: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Fused {
        None
    }
}

/// Losses of rows of classes.
pub(crate) trait ClassLosses {
    /// Negative log likelihood of contiguous rows of classes. Writes each row's loss, and returns the sum of the weights of the rows.
    fn nll(
        &self,
        loss: &ClassLoss<&ReadGuard<'_>>,
        x: &ReadGuard<'_>,
        target: &ReadGuard<'_>,
        losses: &mut WriteGuard<'_>,
    ) -> Fused<f64> {
        None
    }

    /// The gradient of [`nll`](ClassLosses::nll) from the gradient of the rows (one for all, or one each) times `factor`.
    fn nll_grad(
        &self,
        loss: &ClassLoss<&ReadGuard<'_>>,
        target: &ReadGuard<'_>,
        g: &ReadGuard<'_>,
        factor: f64,
        out: &mut WriteGuard<'_>,
    ) -> Fused {
        None
    }

    /// Cross entropy of contiguous rows of logits. Writes each row's loss and two numbers a row for the gradient (float32 for 16-bit
    /// floats), and returns the sum of the weights of the rows.
    fn cross_entropy(
        &self,
        loss: &ClassLoss<&ReadGuard<'_>>,
        x: &ReadGuard<'_>,
        target: &ReadGuard<'_>,
        stats: &mut WriteGuard<'_>,
        losses: &mut WriteGuard<'_>,
    ) -> Fused<f64> {
        None
    }

    /// The gradient of [`cross_entropy`](ClassLosses::cross_entropy) from the gradient of the rows (one for all, or one each) times
    /// `factor`.
    fn cross_entropy_grad(
        &self,
        loss: &ClassLoss<&ReadGuard<'_>>,
        x: &ReadGuard<'_>,
        target: &ReadGuard<'_>,
        stats: &ReadGuard<'_>,
        g: &ReadGuard<'_>,
        factor: f64,
        out: &mut WriteGuard<'_>,
    ) -> Fused {
        None
    }
}

/// Steps of optimizers.
pub(crate) trait Optimizer {
    /// Updates a parameter and the state of its optimizer by a gradient, all contiguous.
    fn optimizer_step(
        &self,
        rule: &StepRule,
        p: &mut WriteGuard<'_>,
        g: &ReadGuard<'_>,
        state: &mut [WriteGuard<'_>],
    ) -> Fused {
        None
    }
}

/// Batch normalization.
pub(crate) trait Normalization {
    /// Normalizes contiguous `[n, channels, spatial]` by each channel's own statistics. Writes the output, and the means and
    /// `1 / sqrt(variance + eps)` (float32 for 16-bit floats). Running means and unbiased variances are updated with the momentum.
    fn batch_norm(
        &self,
        norm: &BatchNorm<&ReadGuard<'_>>,
        x: &ReadGuard<'_>,
        running: Option<(&mut WriteGuard<'_>, &mut WriteGuard<'_>, f64)>,
        out: &mut WriteGuard<'_>,
        stats: [&mut WriteGuard<'_>; 2],
    ) -> Fused {
        None
    }

    /// Normalizes contiguous `[n, channels, spatial]` by given means and variances.
    fn batch_norm_inference(
        &self,
        norm: &BatchNorm<&ReadGuard<'_>>,
        x: &ReadGuard<'_>,
        stats: [&ReadGuard<'_>; 2],
        out: &mut WriteGuard<'_>,
    ) -> Fused {
        None
    }

    /// The gradients of a batch normalization from the means and `1 / sqrt(variance + eps)`, which in `training` depend on `x`: of the
    /// input, if `dx` is present, of the weight and of the bias.
    fn batch_norm_grad(
        &self,
        norm: &BatchNorm<&ReadGuard<'_>>,
        x: &ReadGuard<'_>,
        g: &ReadGuard<'_>,
        training: bool,
        stats: [&ReadGuard<'_>; 2],
        dx: Option<&mut WriteGuard<'_>>,
        grads: [&mut WriteGuard<'_>; 2],
    ) -> Fused {
        None
    }
}

/// Pooling over windows.
pub(crate) trait Pooling {
    /// The largest element of each window of contiguous images, and its index.
    fn max_pool2d(
        &self,
        pool: &Pool2d,
        x: &ReadGuard<'_>,
        values: &mut WriteGuard<'_>,
        indices: &mut WriteGuard<'_>,
    ) -> Fused {
        None
    }

    /// The gradient of [`max_pool2d`](Pooling::max_pool2d).
    fn max_pool2d_grad(
        &self,
        pool: &Pool2d,
        g: &ReadGuard<'_>,
        indices: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Fused {
        None
    }

    /// The mean of each window of contiguous images.
    fn avg_pool2d(&self, pool: &Pool2d, divisor: Divisor, x: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Fused {
        None
    }

    /// The gradient of [`avg_pool2d`](Pooling::avg_pool2d).
    fn avg_pool2d_grad(&self, pool: &Pool2d, divisor: Divisor, g: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Fused {
        None
    }

    /// The means over an even partition of each contiguous image into as many parts as the output has elements.
    fn adaptive_avg_pool2d(&self, x: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Fused {
        None
    }

    /// The gradient of [`adaptive_avg_pool2d`](Pooling::adaptive_avg_pool2d).
    fn adaptive_avg_pool2d_grad(&self, g: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Fused {
        None
    }
}

/// Recurrent layers, in float32 or float64.
pub(crate) trait Recurrent {
    /// One layer of an LSTM in one direction, with the weights of the previous output and of the projection, from the initial output and
    /// cell state, all contiguous. Replaces `gates` (`x W_ihᵀ + b_ih + b_hh` of all steps) by the gates, and writes the cell states of
    /// all steps, and to `out` the outputs of all steps followed by the last cell states.
    fn lstm(
        &self,
        lstm: &Lstm,
        weights: (&ReadGuard<'_>, Option<&ReadGuard<'_>>),
        state: [&ReadGuard<'_>; 2],
        gates: &mut WriteGuard<'_>,
        out: &mut WriteGuard<'_>,
        cells: &mut WriteGuard<'_>,
    ) -> Fused {
        None
    }

    /// The gradients through [`lstm`](Recurrent::lstm) from the initial cell state and the gates and cell states that it wrote: that of
    /// the gates' inputs; of the outputs, to which the parts from the next steps are added; of the initial output; and of the cell
    /// states, from the last to the initial ones.
    fn lstm_grad(
        &self,
        lstm: &Lstm,
        weights: (&ReadGuard<'_>, Option<&ReadGuard<'_>>),
        c0: &ReadGuard<'_>,
        saved: [&ReadGuard<'_>; 2],
        gradients: [&mut WriteGuard<'_>; 4],
    ) -> Fused {
        None
    }
}

/// A device that operations run on.
pub(crate) trait Backend:
    Memory
    + Elementwise
    + Reduction
    + Product
    + Softmax
    + Indexing
    + Convolution
    + ClassLosses
    + Optimizer
    + Normalization
    + Pooling
    + Recurrent
    + Send
    + Sync
{
}
