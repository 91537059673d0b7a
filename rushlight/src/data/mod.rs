//! Data sets.

pub mod idx;
