//! Datasets, loaders and files.

#[path = "../golden/mod.rs"]
mod golden;

mod datasets;
mod folders;
mod idx;
mod image;
mod iterable;
mod loader;
mod npy;
mod pt;
mod safetensors;
mod samplers;
mod skipping;
mod transforms;
