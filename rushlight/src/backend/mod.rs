//! The seam to a device.
//!
//! Operations compute only through a [`Backend`]: object-safe traits, one per family of operations, keyed by enums. They are handed
//! permissions to read and write ([`ReadGuard`](crate::tensor::ReadGuard), [`WriteGuard`](crate::tensor::WriteGuard)), whose layouts
//! have been checked; what an operation means for shapes, types and gradients is settled before. A device must supply the few methods
//! without a default; what it does not have beyond them, `ops::composed` computes from those.

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
pub(crate) use rushlight_kernels::norm::BatchNorm;
pub(crate) use rushlight_kernels::optim::{Adam, Sgd, StepRule};
pub(crate) use rushlight_kernels::pooling::{Divisor, Pool2d};
pub(crate) use rushlight_kernels::reduce::Op as ReduceOp;
pub(crate) use traits::{
    Backend, ClassLosses, ConvWeight, Convolution, Elementwise, Fused, Indexing, Memory, Normalization, Optimizer,
    Pooling, Product, Reduction, Softmax, SoftmaxKind,
};

use crate::Error;
use rushlight_kernels::index::BadIndex;
use std::fmt;

/// Where a tensor's memory is and its operations run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// Plain loops over memory that only the device sees, in the methods that every device must supply and no others: what the
    /// composed operations are tested on.
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

    /// Whether the device's memory is the program's own.
    #[inline]
    pub(crate) fn is_host(self) -> bool {
        self == Device::Cpu
    }
}

impl Device {
    /// Waits until the device has done all that it was asked to; for measuring times. The CPU computes at once.
    ///
    /// # Errors
    /// If the device reports one.
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
