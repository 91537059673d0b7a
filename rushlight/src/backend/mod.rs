//! The seam to a device.
//!
//! Operations compute only through a [`Backend`]: object-safe traits, one per family of operations, keyed by enums. They are
//! handed permissions to read and write ([`ReadGuard`], [`WriteGuard`]), whose layouts have been checked; what an operation means for
//! shapes, types and gradients is settled before. A method that a device cannot do returns an error.

pub(crate) mod allocator;
mod cpu;

pub use rushlight_kernels::Activation;
pub use rushlight_kernels::conv::{ConvShape, set_winograd, winograd};
pub use rushlight_kernels::elementwise::{BinaryOp, CompareOp, TernaryOp, UnaryOp};
pub use rushlight_kernels::optim::{Adam, Sgd};
pub use rushlight_kernels::pooling::{Divisor, Pool2d};

use crate::Result;
use crate::tensor::{ReadGuard, Scalar, WriteGuard};
use std::any::Any;
use std::fmt;
use std::ptr::NonNull;

/// Where a tensor's memory is and its operations run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
}

impl Device {
    #[inline]
    pub(crate) fn backend(self) -> &'static dyn Backend {
        match self {
            Device::Cpu => &cpu::Cpu,
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cpu => f.write_str("cpu"),
        }
    }
}

/// A reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReduceOp {
    /// Integers and bool are summed as int64.
    Sum,
    /// Of floating point numbers.
    Mean,
    /// Integers and bool are multiplied as int64.
    Prod,
    /// nan wins.
    Max,
    /// nan wins.
    Min,
    /// To bool.
    Any,
    /// To bool.
    All,
}

/// Which softmax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoftmaxKind {
    /// `exp(x) / sum(exp(x))`.
    Softmax,
    /// Its logarithm.
    LogSoftmax,
}

/// The sizes of a batch normalization: `[n, channels, spatial]`.
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm {
    /// The batch.
    pub n: usize,
    /// The channels, which have statistics of their own.
    pub channels: usize,
    /// The elements of a channel of one sample.
    pub spatial: usize,
    /// Added to variances.
    pub eps: f64,
    /// What comes behind the normalization.
    pub activation: Activation,
}

/// The sizes of a loss of rows of classes: `[outer, classes, inner]`.
#[derive(Clone, Copy, Debug)]
pub struct ClassLoss {
    /// The elements before the class dimension.
    pub outer: usize,
    /// The number of classes.
    pub classes: usize,
    /// The elements behind the class dimension.
    pub inner: usize,
    /// Rows of this class count for nothing.
    pub ignore_index: i64,
    /// The share of the target that all classes get evenly.
    pub label_smoothing: f64,
}

/// A convolution's weight in the order in which a device reads it, made once for many convolutions.
pub trait ConvWeight: Any + Send + Sync {
    /// Whether convolutions of this shape may use it.
    fn fits(&self, shape: &ConvShape) -> bool;
}

/// Memory on a device.
pub trait Memory {
    /// Which device this is.
    fn device(&self) -> Device;

    /// Whether the device computes on the program's own memory.
    fn is_host(&self) -> bool;

    /// Memory for `bytes` bytes, initialized with unspecified contents, or [`Error::Memory`](crate::Error::Memory).
    fn allocate(&self, bytes: usize) -> Result<NonNull<u8>>;

    /// Takes memory back.
    ///
    /// # Safety
    /// `block` came from [`allocate`](Memory::allocate) with the same `bytes` and is not used any more.
    unsafe fn release(&self, block: NonNull<u8>, bytes: usize);
}

/// Elementwise operations, fills and copies.
pub trait Elementwise {
    /// Every element becomes `value`.
    fn fill(&self, value: Scalar, out: &WriteGuard<'_>) -> Result<()>;

    /// Copies and converts.
    fn copy(&self, x: &ReadGuard<'_>, out: &WriteGuard<'_>) -> Result<()>;

    /// Adds `x` to `out`, whose layout may address elements more than once.
    fn accumulate(&self, x: &ReadGuard<'_>, out: &WriteGuard<'_>) -> Result<()>;

    /// A function of one element. `x` may be the very elements of `out`.
    fn unary(&self, op: UnaryOp, x: &ReadGuard<'_>, out: &WriteGuard<'_>) -> Result<()>;

    /// A function of two elements. `a` and `b` may be the very elements of `out`. Beside 16-bit floats, one of them may be a 0-d
    /// float32, which takes part in the arithmetic without being rounded first.
    fn binary(&self, op: BinaryOp, a: &ReadGuard<'_>, b: &ReadGuard<'_>, out: &WriteGuard<'_>) -> Result<()>;

    /// A comparison; `out` is bool.
    fn compare(&self, op: CompareOp, a: &ReadGuard<'_>, b: &ReadGuard<'_>, out: &WriteGuard<'_>) -> Result<()>;

    /// `a` where `condition` (bool) holds, else `b`.
    fn where_(
        &self,
        condition: &ReadGuard<'_>,
        a: &ReadGuard<'_>,
        b: &ReadGuard<'_>,
        out: &WriteGuard<'_>,
    ) -> Result<()>;
}

/// Reductions over dimensions.
pub trait Reduction {
    /// Reduces the marked dimensions. `out` is contiguous over the others.
    fn reduce(&self, op: ReduceOp, x: &ReadGuard<'_>, reduced: &[bool], out: &WriteGuard<'_>) -> Result<()>;

    /// The variance over the marked dimensions. `out` is contiguous over the others.
    fn variance(&self, x: &ReadGuard<'_>, reduced: &[bool], correction: f64, out: &WriteGuard<'_>) -> Result<()>;

    /// The largest (smallest) elements along `dim` and their int64 indices; both outputs contiguous over the others.
    fn extreme(
        &self,
        largest: bool,
        x: &ReadGuard<'_>,
        dim: usize,
        values: &WriteGuard<'_>,
        indices: &WriteGuard<'_>,
    ) -> Result<()>;
}

/// Products of matrices.
pub trait Product {
    /// The product of matrices, or of batches of them (3-d; a batch of 1 is used for all), plus a contiguous row.
    fn matmul(
        &self,
        a: &ReadGuard<'_>,
        b: &ReadGuard<'_>,
        bias: Option<&ReadGuard<'_>>,
        out: &WriteGuard<'_>,
    ) -> Result<()>;
}

/// Softmax along one dimension.
pub trait Softmax {
    /// Softmax along `dim` of contiguous memory.
    fn softmax(&self, kind: SoftmaxKind, x: &ReadGuard<'_>, dim: usize, out: &mut WriteGuard<'_>) -> Result<()>;

    /// The gradient of a softmax from its output, all contiguous.
    fn softmax_grad(
        &self,
        kind: SoftmaxKind,
        g: &ReadGuard<'_>,
        y: &ReadGuard<'_>,
        dim: usize,
        out: &mut WriteGuard<'_>,
    ) -> Result<()>;
}

/// Elements chosen by indices.
pub trait Indexing {
    /// The elements that `index` (int64) names along `dim`, all contiguous.
    fn gather(&self, x: &ReadGuard<'_>, dim: usize, index: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Result<()>;

    /// Adds `source` at the places that `index` (int64, of its shape) names along `dim`, all contiguous.
    fn scatter_add(
        &self,
        dim: usize,
        index: &ReadGuard<'_>,
        source: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()>;

    /// The slices along `dim` that `index` (int64, 1-d) names, all contiguous.
    fn index_select(
        &self,
        x: &ReadGuard<'_>,
        dim: usize,
        index: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()>;
}

/// Convolutions.
pub trait Convolution {
    /// A convolution of contiguous memory, plus a bias per channel, with an activation behind it.
    fn conv(
        &self,
        shape: &ConvShape,
        x: &ReadGuard<'_>,
        w: &ReadGuard<'_>,
        bias: Option<&ReadGuard<'_>>,
        activation: Activation,
        out: &mut WriteGuard<'_>,
    ) -> Result<()>;

    /// A weight for [`conv_prepacked`](Convolution::conv_prepacked).
    fn conv_weight(&self, shape: &ConvShape, w: &ReadGuard<'_>) -> Result<Box<dyn ConvWeight>>;

    /// [`conv`](Convolution::conv) with a weight of this device and the input's type that [fits](ConvWeight::fits).
    fn conv_prepacked(
        &self,
        shape: &ConvShape,
        x: &ReadGuard<'_>,
        w: &dyn ConvWeight,
        bias: Option<&ReadGuard<'_>>,
        activation: Activation,
        out: &mut WriteGuard<'_>,
    ) -> Result<()>;

    /// The gradient of a convolution with respect to its input.
    fn conv_grad_input(
        &self,
        shape: &ConvShape,
        g: &ReadGuard<'_>,
        w: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()>;

    /// The gradient of a convolution with respect to its weight.
    fn conv_grad_weight(
        &self,
        shape: &ConvShape,
        x: &ReadGuard<'_>,
        g: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()>;
}

/// Losses of rows of classes.
pub trait ClassLosses {
    /// Negative log likelihood of contiguous rows of classes. Writes each row's loss, and gives the sum of the rows' weights.
    fn nll(
        &self,
        sizes: &ClassLoss,
        x: &ReadGuard<'_>,
        target: &ReadGuard<'_>,
        weight: Option<&ReadGuard<'_>>,
        losses: &mut WriteGuard<'_>,
    ) -> Result<f64>;

    /// The gradient of [`nll`](ClassLosses::nll) from the gradient of the rows (one for all, or one each) times `factor`.
    fn nll_grad(
        &self,
        sizes: &ClassLoss,
        target: &ReadGuard<'_>,
        weight: Option<&ReadGuard<'_>>,
        g: &ReadGuard<'_>,
        factor: f64,
        out: &mut WriteGuard<'_>,
    ) -> Result<()>;

    /// Cross entropy of contiguous rows of logits. Writes each row's loss and two numbers a row for the gradient, in the type that
    /// is computed with, and gives the sum of the rows' weights.
    fn cross_entropy(
        &self,
        sizes: &ClassLoss,
        x: &ReadGuard<'_>,
        target: &ReadGuard<'_>,
        weight: Option<&ReadGuard<'_>>,
        stats: &mut WriteGuard<'_>,
        losses: &mut WriteGuard<'_>,
    ) -> Result<f64>;

    /// The gradient of [`cross_entropy`](ClassLosses::cross_entropy) from the gradient of the rows (one for all, or one each) times
    /// `factor`.
    fn cross_entropy_grad(
        &self,
        sizes: &ClassLoss,
        x: &ReadGuard<'_>,
        target: &ReadGuard<'_>,
        weight: Option<&ReadGuard<'_>>,
        stats: &ReadGuard<'_>,
        g: &ReadGuard<'_>,
        factor: f64,
        out: &mut WriteGuard<'_>,
    ) -> Result<()>;
}

/// Steps of optimizers.
pub trait Optimizer {
    /// A step of stochastic gradient descent, all contiguous. `buffer` is the momentum, which the first step sets.
    fn sgd(
        &self,
        settings: &Sgd,
        first: bool,
        p: &mut WriteGuard<'_>,
        g: &ReadGuard<'_>,
        buffer: Option<&mut WriteGuard<'_>>,
    ) -> Result<()>;

    /// The step number `t` of Adam or AdamW, all contiguous: averages of the gradient and its square, and for AMSGrad the largest
    /// average of squares.
    fn adam(
        &self,
        settings: &Adam,
        t: f64,
        p: &mut WriteGuard<'_>,
        g: &ReadGuard<'_>,
        averages: [&mut WriteGuard<'_>; 2],
        largest: Option<&mut WriteGuard<'_>>,
    ) -> Result<()>;
}

/// Batch normalization.
pub trait Normalization {
    /// Normalizes contiguous `[n, channels, spatial]` by each channel's own statistics. Writes the output, and the means and
    /// `1 / sqrt(variance + eps)` in the type that is computed with. Running means and unbiased variances move towards the batch's by a share.
    fn batch_norm(
        &self,
        norm: &BatchNorm,
        x: &ReadGuard<'_>,
        weight: Option<&ReadGuard<'_>>,
        bias: Option<&ReadGuard<'_>>,
        running: Option<(&mut WriteGuard<'_>, &mut WriteGuard<'_>, f64)>,
        out: &mut WriteGuard<'_>,
        stats: [&mut WriteGuard<'_>; 2],
    ) -> Result<()>;

    /// Normalizes contiguous `[n, channels, spatial]` by given means and variances.
    fn batch_norm_inference(
        &self,
        norm: &BatchNorm,
        x: &ReadGuard<'_>,
        weight: Option<&ReadGuard<'_>>,
        bias: Option<&ReadGuard<'_>>,
        stats: [&ReadGuard<'_>; 2],
        out: &mut WriteGuard<'_>,
    ) -> Result<()>;

    /// The gradients of a batch normalization from the means and `1 / sqrt(variance + eps)`, which in `training` depend on `x`: of the
    /// input, where it is wanted, of the weight and of the bias.
    fn batch_norm_grad(
        &self,
        norm: &BatchNorm,
        x: &ReadGuard<'_>,
        g: &ReadGuard<'_>,
        weight: Option<&ReadGuard<'_>>,
        bias: Option<&ReadGuard<'_>>,
        training: bool,
        stats: [&ReadGuard<'_>; 2],
        dx: Option<&mut WriteGuard<'_>>,
        grads: [&mut WriteGuard<'_>; 2],
    ) -> Result<()>;
}

/// Pooling over windows.
pub trait Pooling {
    /// The largest element of each window of contiguous pictures, and its place.
    fn max_pool2d(
        &self,
        pool: &Pool2d,
        x: &ReadGuard<'_>,
        values: &mut WriteGuard<'_>,
        indices: &mut WriteGuard<'_>,
    ) -> Result<()>;

    /// The gradient of [`max_pool2d`](Pooling::max_pool2d).
    fn max_pool2d_grad(
        &self,
        pool: &Pool2d,
        g: &ReadGuard<'_>,
        indices: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()>;

    /// The mean of each window of contiguous pictures.
    fn avg_pool2d(&self, pool: &Pool2d, divisor: Divisor, x: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Result<()>;

    /// The gradient of [`avg_pool2d`](Pooling::avg_pool2d).
    fn avg_pool2d_grad(
        &self,
        pool: &Pool2d,
        divisor: Divisor,
        g: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()>;

    /// The means of as many even parts of each contiguous picture as the output has elements.
    fn adaptive_avg_pool2d(&self, x: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Result<()>;

    /// The gradient of [`adaptive_avg_pool2d`](Pooling::adaptive_avg_pool2d).
    fn adaptive_avg_pool2d_grad(&self, g: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Result<()>;
}

/// A device that operations run on. Unless said otherwise, layouts may be strided, inputs broadcast to the output's shape, and
/// types agree; `contiguous` layouts are asked for where kernels want them.
pub trait Backend:
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
    + Send
    + Sync
{
}
