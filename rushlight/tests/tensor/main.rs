//! Tensors: what calls that fail look like to their user.

mod panics;
