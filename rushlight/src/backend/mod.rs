//! The seam to a device.
//!
//! Operations compute only through a [`Backend`]: an object-safe trait of about thirty methods, families keyed by enums. It is
//! handed permissions to read and write ([`In`], [`Out`]), whose layouts have been checked; what an operation means for
//! shapes, types and gradients is settled before. A method that a device cannot do returns an error.

mod cpu;
pub(crate) mod pool;

pub use rushlight_kernels::conv::{ConvShape, set_winograd, winograd};
pub use rushlight_kernels::elementwise::{BinaryOp, CompareOp, TernaryOp, UnaryOp};
pub use rushlight_kernels::gemm::Activation;
pub use rushlight_kernels::optim::{Adam, Sgd};
pub use rushlight_kernels::pool::{Divisor, Pool2d};

use crate::Result;
use crate::tensor::{In, Out, Scalar};
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
    /// Whole numbers and bool are summed as int64.
    Sum,
    /// Of floating point numbers.
    Mean,
    /// Whole numbers and bool are multiplied as int64.
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

/// The sizes of a batch normalisation: `[n, channels, spatial]`.
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
    /// What comes behind the normalisation.
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

/// A device that operations run on. Unless said otherwise, layouts may be strided, inputs broadcast to the output's shape, and
/// types agree; `contiguous` layouts are asked for where kernels want them.
pub trait Backend: Send + Sync {
    /// Which device this is.
    fn device(&self) -> Device;

    /// Whether the device computes on the program's own memory.
    fn is_host(&self) -> bool;

    /// Memory for `bytes` bytes, initialised with unspecified contents, or [`Error::Memory`](crate::Error::Memory).
    fn allocate(&self, bytes: usize) -> Result<NonNull<u8>>;

    /// Takes memory back.
    ///
    /// # Safety
    /// `block` came from [`allocate`](Backend::allocate) with the same `bytes` and is not used any more.
    unsafe fn release(&self, block: NonNull<u8>, bytes: usize);

    /// Every element becomes `value`.
    fn fill(&self, value: Scalar, out: &Out<'_>) -> Result<()>;

    /// Copies and converts.
    fn copy(&self, x: &In<'_>, out: &Out<'_>) -> Result<()>;

    /// Adds `x` to `out`, whose layout may address elements more than once.
    fn accumulate(&self, x: &In<'_>, out: &Out<'_>) -> Result<()>;

    /// A function of one element. `x` may be the very elements of `out`.
    fn unary(&self, op: UnaryOp, x: &In<'_>, out: &Out<'_>) -> Result<()>;

    /// A function of two elements. `a` and `b` may be the very elements of `out`.
    fn binary(&self, op: BinaryOp, a: &In<'_>, b: &In<'_>, out: &Out<'_>) -> Result<()>;

    /// A comparison; `out` is bool.
    fn compare(&self, op: CompareOp, a: &In<'_>, b: &In<'_>, out: &Out<'_>) -> Result<()>;

    /// `a` where `condition` (bool) holds, else `b`.
    fn where_(&self, condition: &In<'_>, a: &In<'_>, b: &In<'_>, out: &Out<'_>) -> Result<()>;

    /// Reduces the marked dimensions. `out` is contiguous over the others.
    fn reduce(&self, op: ReduceOp, x: &In<'_>, reduced: &[bool], out: &Out<'_>) -> Result<()>;

    /// The variance over the marked dimensions. `out` is contiguous over the others.
    fn variance(&self, x: &In<'_>, reduced: &[bool], correction: f64, out: &Out<'_>) -> Result<()>;

    /// The largest (smallest) elements along `dim` and their int64 indices; both outputs contiguous over the others.
    fn extreme(&self, largest: bool, x: &In<'_>, dim: usize, values: &Out<'_>, indices: &Out<'_>) -> Result<()>;

    /// The product of matrices, or of batches of them (3-d; a batch of 1 is used for all), plus a contiguous row.
    fn matmul(&self, a: &In<'_>, b: &In<'_>, bias: Option<&In<'_>>, out: &Out<'_>) -> Result<()>;

    /// Softmax along `dim` of contiguous memory.
    fn softmax(&self, kind: SoftmaxKind, x: &In<'_>, dim: usize, out: &mut Out<'_>) -> Result<()>;

    /// The gradient of a softmax from its output, all contiguous.
    fn softmax_grad(&self, kind: SoftmaxKind, g: &In<'_>, y: &In<'_>, dim: usize, out: &mut Out<'_>) -> Result<()>;

    /// The elements that `index` (int64) names along `dim`, all contiguous.
    fn gather(&self, x: &In<'_>, dim: usize, index: &In<'_>, out: &mut Out<'_>) -> Result<()>;

    /// Adds `source` at the places that `index` (int64, of its shape) names along `dim`, all contiguous.
    fn scatter_add(&self, dim: usize, index: &In<'_>, source: &In<'_>, out: &mut Out<'_>) -> Result<()>;

    /// The slices along `dim` that `index` (int64, 1-d) names, all contiguous.
    fn index_select(&self, x: &In<'_>, dim: usize, index: &In<'_>, out: &mut Out<'_>) -> Result<()>;

    /// A convolution of contiguous memory, plus a bias per channel, with an activation behind it.
    fn conv(
        &self,
        shape: &ConvShape,
        x: &In<'_>,
        w: &In<'_>,
        bias: Option<&In<'_>>,
        activation: Activation,
        out: &mut Out<'_>,
    ) -> Result<()>;

    /// A weight for [`conv_by`](Backend::conv_by).
    fn conv_weight(&self, shape: &ConvShape, w: &In<'_>) -> Result<Box<dyn ConvWeight>>;

    /// [`conv`](Backend::conv) with a weight of this device and the input's type that [fits](ConvWeight::fits).
    fn conv_by(
        &self,
        shape: &ConvShape,
        x: &In<'_>,
        w: &dyn ConvWeight,
        bias: Option<&In<'_>>,
        activation: Activation,
        out: &mut Out<'_>,
    ) -> Result<()>;

    /// The gradient of a convolution with respect to its input.
    fn conv_grad_input(&self, shape: &ConvShape, g: &In<'_>, w: &In<'_>, out: &mut Out<'_>) -> Result<()>;

    /// The gradient of a convolution with respect to its weight.
    fn conv_grad_weight(&self, shape: &ConvShape, x: &In<'_>, g: &In<'_>, out: &mut Out<'_>) -> Result<()>;

    /// Negative log likelihood of contiguous rows of classes. Writes each row's loss, and gives the sum of the rows' weights.
    fn nll(
        &self,
        sizes: &ClassLoss,
        x: &In<'_>,
        target: &In<'_>,
        weight: Option<&In<'_>>,
        losses: &mut Out<'_>,
    ) -> Result<f64>;

    /// The gradient of [`nll`](Backend::nll) from the gradient of the rows (one for all, or one each) times `factor`.
    fn nll_grad(
        &self,
        sizes: &ClassLoss,
        target: &In<'_>,
        weight: Option<&In<'_>>,
        g: &In<'_>,
        factor: f64,
        out: &mut Out<'_>,
    ) -> Result<()>;

    /// Cross entropy of contiguous rows of logits. Writes each row's loss and two numbers a row for the gradient, and gives the
    /// sum of the rows' weights.
    fn cross_entropy(
        &self,
        sizes: &ClassLoss,
        x: &In<'_>,
        target: &In<'_>,
        weight: Option<&In<'_>>,
        stats: &mut Out<'_>,
        losses: &mut Out<'_>,
    ) -> Result<f64>;

    /// The gradient of [`cross_entropy`](Backend::cross_entropy) from the gradient of the rows (one for all, or one each) times
    /// `factor`.
    fn cross_entropy_grad(
        &self,
        sizes: &ClassLoss,
        x: &In<'_>,
        target: &In<'_>,
        weight: Option<&In<'_>>,
        stats: &In<'_>,
        g: &In<'_>,
        factor: f64,
        out: &mut Out<'_>,
    ) -> Result<()>;

    /// A step of stochastic gradient descent, all contiguous. `buffer` is the momentum, which the first step sets.
    fn sgd(&self, settings: &Sgd, first: bool, p: &mut Out<'_>, g: &In<'_>, buffer: Option<&mut Out<'_>>)
    -> Result<()>;

    /// The step number `t` of Adam or AdamW, all contiguous: averages of the gradient and its square, and for AMSGrad the largest
    /// average of squares.
    fn adam(
        &self,
        settings: &Adam,
        t: f64,
        p: &mut Out<'_>,
        g: &In<'_>,
        averages: [&mut Out<'_>; 2],
        largest: Option<&mut Out<'_>>,
    ) -> Result<()>;

    /// Normalises contiguous `[n, channels, spatial]` by each channel's own statistics. Writes the output, and the means and
    /// `1 / sqrt(variance + eps)`. Running means and unbiased variances move towards the batch's by a share.
    fn batch_norm(
        &self,
        norm: &BatchNorm,
        x: &In<'_>,
        weight: Option<&In<'_>>,
        bias: Option<&In<'_>>,
        running: Option<(&mut Out<'_>, &mut Out<'_>, f64)>,
        out: &mut Out<'_>,
        stats: [&mut Out<'_>; 2],
    ) -> Result<()>;

    /// Normalises contiguous `[n, channels, spatial]` by given means and variances.
    fn batch_norm_by(
        &self,
        norm: &BatchNorm,
        x: &In<'_>,
        weight: Option<&In<'_>>,
        bias: Option<&In<'_>>,
        stats: [&In<'_>; 2],
        out: &mut Out<'_>,
    ) -> Result<()>;

    /// The gradients of a batch normalisation from the means and `1 / sqrt(variance + eps)`, which in `training` depend on `x`: of the
    /// input, where it is wanted, of the weight and of the bias.
    fn batch_norm_grad(
        &self,
        norm: &BatchNorm,
        x: &In<'_>,
        g: &In<'_>,
        weight: Option<&In<'_>>,
        bias: Option<&In<'_>>,
        training: bool,
        stats: [&In<'_>; 2],
        dx: Option<&mut Out<'_>>,
        grads: [&mut Out<'_>; 2],
    ) -> Result<()>;

    /// The largest element of each window of contiguous pictures, and its place.
    fn max_pool2d(&self, pool: &Pool2d, x: &In<'_>, values: &mut Out<'_>, indices: &mut Out<'_>) -> Result<()>;

    /// The gradient of [`max_pool2d`](Backend::max_pool2d).
    fn max_pool2d_grad(&self, pool: &Pool2d, g: &In<'_>, indices: &In<'_>, out: &mut Out<'_>) -> Result<()>;

    /// The mean of each window of contiguous pictures.
    fn avg_pool2d(&self, pool: &Pool2d, divisor: Divisor, x: &In<'_>, out: &mut Out<'_>) -> Result<()>;

    /// The gradient of [`avg_pool2d`](Backend::avg_pool2d).
    fn avg_pool2d_grad(&self, pool: &Pool2d, divisor: Divisor, g: &In<'_>, out: &mut Out<'_>) -> Result<()>;

    /// The means of as many even parts of each contiguous picture as the output has elements.
    fn adaptive_avg_pool2d(&self, x: &In<'_>, out: &mut Out<'_>) -> Result<()>;

    /// The gradient of [`adaptive_avg_pool2d`](Backend::adaptive_avg_pool2d).
    fn adaptive_avg_pool2d_grad(&self, g: &In<'_>, out: &mut Out<'_>) -> Result<()>;
}
