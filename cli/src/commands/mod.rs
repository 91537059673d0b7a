//! One file for each command: its arguments and what it does.

pub(crate) mod predict;
pub(crate) mod train;
