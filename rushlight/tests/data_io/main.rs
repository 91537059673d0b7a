//! Datasets, loaders and files.

#[path = "../golden/mod.rs"]
mod golden;

mod idx;
mod image;
mod loader;
mod npy;
mod safetensors;
mod transforms;
