//! The seam to a device.
//!
//! Operations compute only through a [`Backend`]: an object-safe trait of about thirty methods, families keyed by enums. It is
//! handed permissions to read and write ([`In`], [`Out`]), whose layouts have been checked; what an operation means for
//! shapes, types and gradients is settled before. A method that a device cannot do returns an error.

mod cpu;
pub(crate) mod pool;

pub use rushlight_kernels::elementwise::{BinaryOp, CompareOp, TernaryOp, UnaryOp};
pub use rushlight_kernels::conv::ConvShape;
pub use rushlight_kernels::pool::Pool2d;
pub use rushlight_kernels::reduce::ReduceOp;

use crate::Result;
use crate::tensor::{In, Out, Scalar};
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
