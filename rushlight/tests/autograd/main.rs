//! Automatic differentiation: the engine, hooks, what a backward pass may touch, and changes in place.

mod engine;
mod gradients;
mod hooks;
mod in_place;
