//! Files: the formats of PyTorch, safetensors, NumPy and IDX, and atomic writes.

mod atomic;
mod elements;
pub mod idx;
pub mod npy;
pub mod npz;
pub mod pt;
pub mod safetensors;
mod zip;

pub use atomic::atomic_write;
