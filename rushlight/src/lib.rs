//! Rushlight.

pub mod random;
