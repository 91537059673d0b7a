//! The device abstraction.
//!
//! Operations compute only through a [`Backend`]: object-safe traits, one per family of operations, keyed by enums. They receive
//! read and write guards ([`ReadGuard`](crate::tensor::ReadGuard), [`WriteGuard`](crate::tensor::WriteGuard)), whose layouts
//! have been checked; shapes, dtypes and gradients are determined before. A device must implement the few methods without a default;
//! `ops::composed` computes the others from those where a device does not implement them.

#[allow(unsafe_code, reason = "allocates and frees memory")]
pub(crate) mod allocator;
#[allow(unsafe_code, reason = "passes the guards' pointers to the kernels")]
mod cpu;
#[cfg(feature = "reference")]
mod reference;
mod traits;

pub use rushlight_kernels::Activation;
pub(crate) use rushlight_kernels::conv::ConvShape;
pub use rushlight_kernels::conv::{set_winograd, winograd};
pub(crate) use rushlight_kernels::elementwise::{BinaryOp, CompareOp, GradOp, UnaryOp};
pub(crate) use rushlight_kernels::loss::ClassLoss;
pub(crate) use rushlight_kernels::lstm::{Lstm, Step};
pub(crate) use rushlight_kernels::norm::BatchNorm;
pub(crate) use rushlight_kernels::optim::{
    Adadelta, Adagrad, Adam, Adamax, Asgd, RmsProp, Rprop, Sgd, SparseAdam, StepRule,
};
pub(crate) use rushlight_kernels::pooling::{Divisor, Pool2d};
pub(crate) use rushlight_kernels::reduce::Op as ReduceOp;
pub(crate) use traits::{
    Backend, ClassLosses, ConvWeight, Convolution, Elementwise, Fused, Indexing, Memory, Normalization, Optimizer,
    Pooling, Product, Recurrent, Reduction, Softmax, SoftmaxKind,
};

use crate::Error;
use rushlight_kernels::index::BadIndex;
use std::fmt;

/// The device that holds the memory of a tensor and runs its operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Device {
    /// The CPU.
    #[default]
    Cpu,
    /// Plain loops over memory private to the device, with only the methods that every device must implement, to test composed
    /// operations.
    #[cfg(feature = "reference")]
    #[doc(hidden)]
    Reference,
}

impl Device {
    #[inline]
    pub(crate) fn backend(self) -> &'static dyn Backend {
        match self {
            Device::Cpu => &cpu::Cpu,
            #[cfg(feature = "reference")]
            Device::Reference => &reference::Reference,
        }
    }

    /// Whether the memory of the device is host memory.
    #[inline]
    pub(crate) fn is_host(self) -> bool {
        self == Device::Cpu
    }
}

impl Device {
    /// Waits until the device has completed all operations, for measuring times. The CPU computes synchronously.
    ///
    /// # Errors
    /// If the device reports one.
    ///
    /// ```
    /// use rushlight::Tensor;
    /// let start = std::time::Instant::now();
    /// let y = Tensor::ones([100, 100]).mm(&Tensor::ones([100, 100]));
    /// y.device().synchronize()?;
    /// println!("{:?}", start.elapsed());
    /// # Ok::<(), rushlight::Error>(())
    /// ```
    pub fn synchronize(self) -> crate::Result<()> {
        self.backend().synchronize()
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cpu => f.write_str("cpu"),
            #[cfg(feature = "reference")]
            Device::Reference => f.write_str("reference"),
        }
    }
}

#[cold]
pub(crate) fn bad_index(op: &'static str, bad: BadIndex) -> Error {
    Error::index(
        op,
        format!(
            "expected indices in 0..{0} for a dimension of size {0}, got index {1} at position {2}",
            bad.size, bad.value, bad.position
        ),
    )
}

#[cold]
pub(crate) fn bad_class(op: &'static str, bad: BadIndex) -> Error {
    Error::index(
        op,
        format!(
            "expected targets in 0..{0} for {0} classes, got target {1} at position {2}",
            bad.size, bad.value, bad.position
        ),
    )
}
