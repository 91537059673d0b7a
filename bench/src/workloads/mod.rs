//! The workloads, one file per family, under the names that `torch/workloads.py` uses.

use crate::machine::Cost;
use crate::measure::Steps;

/// One thing to time.
pub struct Workload {
    /// The name both halves know it by.
    pub name: &'static str,
    /// What it is, for the table in the documentation.
    pub title: &'static str,
    /// What a step cannot do without.
    pub cost: Cost,
    /// Whether its peak memory is worth a line.
    pub memory: bool,
    /// Builds it from `manual_seed(0)`, drawing in the same order as the other half.
    pub make: fn() -> Box<dyn Steps>,
}

/// All workloads, in the order of the table.
pub fn all() -> Vec<Workload> {
    Vec::new()
}
