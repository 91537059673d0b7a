//! Automatic differentiation: the engine, hooks, what a backward pass may modify, and in-place changes.

mod engine;
mod gradients;
mod hooks;
mod in_place;
