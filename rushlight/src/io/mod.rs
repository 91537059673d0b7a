//! Files: tensors in the safetensors format, and writing so that nobody ever sees half a file.

mod atomic;
pub mod idx;
pub mod safetensors;

pub use atomic::atomic_write;
