//! Tensors: the grammar of their functions, and what calls that fail look like to their user.

mod grammar;
mod panics;
