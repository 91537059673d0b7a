//! One file for each command: its arguments and what it does.

pub(crate) mod completions;
pub(crate) mod convert;
pub(crate) mod evaluate;
pub(crate) mod inspect;
pub(crate) mod models;
pub(crate) mod predict;
pub(crate) mod serve;
pub(crate) mod split;
pub(crate) mod train;
