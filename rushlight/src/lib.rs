//! Rushlight.

pub mod random;

/// Tensors.
pub mod tensor {
    pub mod format;
}

/// Data sets.
pub mod data {
    pub mod idx;
}
