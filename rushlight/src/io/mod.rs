//! Files: the safetensors, NumPy and IDX formats, and atomic writes.

mod atomic;
mod elements;
pub mod idx;
pub mod npy;
#[cfg(feature = "npz")]
pub mod npz;
pub mod safetensors;

pub use atomic::atomic_write;
