//! Files: the safetensors and IDX formats, and atomic writes.

mod atomic;
pub mod idx;
pub mod safetensors;

pub use atomic::atomic_write;
